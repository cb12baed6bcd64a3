//! Checking everything that is stored: every checksum, every structure.

use std::path::Path;
use std::sync::Arc;

use srdb_vfs::{Access, Vfs};

use crate::index::KeyGroups;
use crate::locks::{lock, read};
use crate::memtable::index_rows;
use crate::sst::SstReader;
use crate::state::State;
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{Error, Result, index, layout, manifest, sst, wal};

/// What [`crate::Database::verify`] found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Verification {
    /// Everything that is wrong, each with its file and offset.
    pub problems: Vec<Error>,
    /// Files that were read.
    pub files: u64,
    /// Bytes of the SSTs and of the log that were read.
    pub bytes: u64,
    /// Rows of all tables.
    pub rows: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn of(state: &State) -> Result<Self> {
        state.check_open()?;
        let mut found = Verification::default();
        {
            // No edit is half written while the MANIFEST is looked at.
            let _no_edits = lock(&state.manifest);
            // After poisoning nobody knows how its last record ends.
            if !state.is_poisoned() {
                found.problems.extend(manifest::verify(&*state.options.vfs, &state.root));
            }
            found.files += 3;
        }
        found.log(state)?;
        let tables: Vec<_> = read(&state.tables).by_id.values().cloned().collect();
        for table in &tables {
            found.table(&*state.options.vfs, table);
        }
        Ok(found)
    }

    /// Replays the log, without looking at the rows beyond decoding them. After poisoning it is
    /// left alone: nobody knows what it should hold, and nothing may be written to it.
    fn log(&mut self, state: &State) -> Result<()> {
        // No generation is published, and its segments become obsolete, while they are read.
        let _no_flush = lock(&state.flush);
        let mut log = lock(&state.log);
        if state.is_poisoned() {
            return Ok(());
        }
        if let Some(writer) = &mut log.writer {
            let written = writer.write();
            state.check_log(writer, written)?;
        }
        let first = log.active.segments.first().copied();
        let frozen = lock(&state.jobs).frozen.front().map(|f| f.generation.segments.clone());
        let first = frozen.and_then(|segments| segments.first().copied()).or(first);
        let Some(first) = first else { return Ok(()) };
        let dir = state.root.join(layout::WAL_DIR);
        let carries = lock(&state.manifest).version.carries_into(first);
        let begin = wal::First { number: first, carries };
        let replayed =
            wal::replay(&state.options.vfs, &dir, state.database_id, begin, &mut |_| Ok(()));
        match replayed {
            Ok(outcome) => {
                self.files += outcome.segments.len() as u64;
                self.bytes += outcome.bytes_read;
                let expected = log.writer.as_ref().map(wal::LogWriter::end_lsn);
                if let Some(end) = expected.filter(|end| *end != outcome.end_lsn) {
                    let number = outcome.segments.last().map_or(first, |segment| segment.number);
                    let what = format!("the log ends at {}, and should at {end}", outcome.end_lsn);
                    let path = layout::wal_path(&state.root, number);
                    self.problems.push(Error::corrupt(&path, 0, what));
                }
            }
            Err(problem) => self.problems.push(problem),
        }
        Ok(())
    }

    fn table(&mut self, vfs: &dyn Vfs, table: &Arc<TableState>) {
        let files = table.files();
        self.rows += (files.end_seq() - files.first_seq()).unsigned_abs();
        for sst in &files.ssts {
            self.files += 1;
            self.bytes += sst.meta.size;
            // A reader of its own: what others have read and found sound is read again.
            match sst.open() {
                Ok(reader) => {
                    self.problems.extend(sst::verify(&reader));
                    self.indexes(&files, sst.meta.file_number, &reader);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        self.files += 1;
        let path = table.dir.join(layout::SCHEMA_FILE);
        match read_all(vfs, &path) {
            Ok(text) if text == table.schema.to_json().as_bytes() => {}
            // Its files are removed, and nobody misses them.
            _ if table.is_dropped() => {}
            Ok(_) => {
                let what = "it is not the schema that the MANIFEST holds, of which it is a copy";
                self.problems.push(Error::corrupt(&path, 0, what));
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Checks the index files of an SST against its rows.
    fn indexes(&mut self, files: &TableFiles, sst: u64, rows: &SstReader) {
        for (&field, index) in &files.indexes {
            let Some(file) = index.files.get(&sst) else { continue };
            self.files += 1;
            self.bytes += file.meta.size;
            let checked = file
                .open()
                .and_then(|reader| index::verify(&reader, &file.meta, || gather(rows, field)));
            self.problems.extend(checked.err());
        }
    }
}

/// The rows of an SST by the values of a field.
fn gather(rows: &SstReader, field: u32) -> Result<KeyGroups> {
    let mut groups = KeyGroups::default();
    let mut seq = rows.meta().min_seq;
    while let Some(block) = rows.block_of(seq)? {
        let chunk = block.unpack(Some(&[field as usize]), 0..block.rows())?;
        index_rows(&mut groups, &chunk.columns[0], chunk.len());
        seq = block.end_seq();
    }
    Ok(groups)
}

fn read_all(vfs: &dyn Vfs, path: &Path) -> Result<Vec<u8>> {
    let io = |error| Error::io("read", path, error);
    let file = vfs.open(path, Access::Read).map_err(io)?;
    let len = usize::try_from(file.len().map_err(io)?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0).map_err(io)?;
    Ok(bytes)
}
