//! Writing one index file, in steps.
//!
//! ```text
//!   new ─► Create ─► Keys* ─► Body ─► Header ─► Sync ─► done: the meta
//! ```
//!
//! Invariants
//! 1. A step makes one mutating call at the most.
//! 2. The name is not durable yet when it is done: the directory is synced once for many files.

use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::index::{Cursor, IndexIdentity, IndexMeta, IndexReader, IndexWriter, KeyGroups};
use crate::memtable::Memtable;
use crate::mutant;
use crate::{Error, Result};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct IndexJob {
    pub(crate) path: PathBuf,
    identity: IndexIdentity,
    source: Source,
    /// The numbers of the keys, in the order of the keys; of parts, nothing.
    sorted: Vec<u32>,
    next: usize,
    /// Of parts, the last key that was looked at.
    last_key: Option<Vec<u8>>,
    stage: Stage,
}

/// Where the rows by key come from.
#[derive(Debug)]
enum Source {
    /// A memtable that takes no more rows and has an index of the field.
    Memtable(Arc<Memtable>),
    /// Rows that were gathered for this.
    Own(KeyGroups),
    /// The index files of SSTs that are merged, in the order of their rows.
    Parts(Vec<IndexPart>),
}

/// An index file that becomes part of another.
#[derive(Debug)]
pub(crate) struct IndexPart {
    pub(crate) reader: IndexReader,
    /// What its rows' numbers grow by; below zero where rows are left out.
    pub(crate) shift: i64,
}

#[derive(Debug)]
enum Stage {
    Create,
    Keys(IndexWriter),
    Header(IndexWriter),
    Sync(IndexWriter),
    /// After an error, or after the end.
    Over,
}

impl IndexJob {
    /// To write the file of a memtable that takes no more rows and has an index of the field.
    pub(crate) fn of_memtable(
        memtable: &Arc<Memtable>,
        path: PathBuf,
        identity: IndexIdentity,
    ) -> Self {
        IndexJob::new(Source::Memtable(Arc::clone(memtable)), path, identity)
    }

    /// To write the file of rows that were gathered from an SST.
    pub(crate) fn of_rows(rows: KeyGroups, path: PathBuf, identity: IndexIdentity) -> Self {
        IndexJob::new(Source::Own(rows), path, identity)
    }

    /// To write the file of rows of which there are index files already.
    pub(crate) fn of_parts(parts: Vec<IndexPart>, path: PathBuf, identity: IndexIdentity) -> Self {
        IndexJob::new(Source::Parts(parts), path, identity)
    }

    fn new(source: Source, path: PathBuf, identity: IndexIdentity) -> Self {
        let (sorted, last_key, stage) = (Vec::new(), None, Stage::Create);
        let mut job = IndexJob { path, identity, source, sorted, next: 0, last_key, stage };
        job.sorted = job.with_groups(|groups| Ok(groups.sorted())).unwrap_or_default();
        job
    }

    /// Does one step; the meta comes with the last one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`]. Then the file is to be removed, if it is there, and the job
    /// is over.
    pub(crate) fn step(&mut self, vfs: &dyn Vfs) -> Result<Option<IndexMeta>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Create => {
                let keys = match &self.source {
                    Source::Parts(parts) => parts.iter().map(|part| part.reader.key_count()).sum(),
                    _ => self.sorted.len() as u64,
                };
                let writer = IndexWriter::create(vfs, &self.path, self.identity, keys)?;
                self.stage = Stage::Keys(writer);
            }
            Stage::Keys(writer) => self.stage = self.keys(writer)?,
            Stage::Header(mut writer) => {
                writer.write_header()?;
                self.stage = Stage::Sync(writer);
            }
            Stage::Sync(mut writer) => {
                writer.sync()?;
                return Ok(Some(writer.into_meta()));
            }
            Stage::Over => {
                let what = format!("a step of {} after its end", self.path.display());
                return Err(Error::invalid(what));
            }
        }
        Ok(None)
    }

    /// Adds keys until enough has gathered to be written, or all are added.
    fn keys(&mut self, mut writer: IndexWriter) -> Result<Stage> {
        let is_last = match &self.source {
            Source::Parts(parts) => merge(parts, &mut self.last_key, &mut writer)?,
            _ => self.keys_of_groups(&mut writer)?,
        };
        if is_last {
            writer.finish_body()?;
            return Ok(Stage::Header(writer));
        }
        writer.flush()?;
        Ok(Stage::Keys(writer))
    }

    /// Adds keys of groups until enough has gathered; whether all are added.
    fn keys_of_groups(&mut self, writer: &mut IndexWriter) -> Result<bool> {
        let (sorted, mut next) = (std::mem::take(&mut self.sorted), self.next);
        let mut rows = Vec::new();
        self.with_groups(|groups| {
            while next < sorted.len() && !writer.is_full() {
                rows.clear();
                groups.rows(sorted[next], &mut rows);
                writer.add(groups.key(sorted[next]), &rows)?;
                next += 1;
            }
            Ok(())
        })?;
        let is_last = next == sorted.len();
        (self.sorted, self.next) = (sorted, next);
        Ok(is_last)
    }

    fn with_groups<R>(&self, act: impl FnOnce(&KeyGroups) -> Result<R>) -> Result<R> {
        match &self.source {
            Source::Own(groups) => act(groups),
            Source::Memtable(memtable) => {
                let done = memtable.with_groups(self.identity.field, act);
                done.unwrap_or_else(|| Err(Error::invalid("a memtable has lost its index")))
            }
            Source::Parts(_) => act(&KeyGroups::default()),
        }
    }
}

/// Adds keys of parts, from the one after `last_key` on, until enough has gathered; whether all are
/// added. Each key comes once, with its rows in all of the parts.
fn merge(
    parts: &[IndexPart],
    last_key: &mut Option<Vec<u8>>,
    writer: &mut IndexWriter,
) -> Result<bool> {
    let mut heads = Vec::with_capacity(parts.len());
    for part in parts {
        let mut head = Head { cursor: part.reader.seek(&[])?, key: Vec::new(), is_there: false };
        if let Some(last) = &*last_key {
            head.cursor = part.reader.seek(last)?;
        }
        head.is_there = head.cursor.key(&mut head.key)?;
        if head.is_there && last_key.as_ref() == Some(&head.key) {
            head.advance()?;
        }
        heads.push(head);
    }
    let (mut of_part, mut rows) = (Vec::new(), Vec::new());
    while !writer.is_full() {
        let there = heads.iter().filter(|head| head.is_there);
        let Some(key) = there.map(|head| &head.key).min().cloned() else { return Ok(true) };
        rows.clear();
        for (head, part) in heads.iter_mut().zip(parts) {
            if !head.is_there || head.key != key {
                continue;
            }
            of_part.clear();
            head.cursor.rows(&mut of_part)?;
            let shift = if mutant::on("merged-rows-unshifted") { 0 } else { part.shift };
            let shifted = of_part.iter().map(|row| i64::from(*row) + shift);
            // Those below zero were left out of the merged SST.
            rows.extend(shifted.filter_map(|row| u32::try_from(row).ok()));
            head.advance()?;
        }
        if !rows.is_empty() {
            writer.add(&key, &rows)?;
        }
        *last_key = Some(key);
    }
    Ok(false)
}

/// Where the merge is in a part.
struct Head<'a> {
    cursor: Cursor<'a>,
    key: Vec<u8>,
    /// Whether the cursor stands at a key.
    is_there: bool,
}

impl Head<'_> {
    fn advance(&mut self) -> Result<()> {
        self.cursor.advance()?;
        let before = std::mem::take(&mut self.key);
        self.is_there = self.cursor.key(&mut self.key)?;
        if self.is_there && self.key <= before {
            return Err(self.cursor.damaged("keys do not ascend"));
        }
        Ok(())
    }
}
