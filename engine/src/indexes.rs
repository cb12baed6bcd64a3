//! Making and dropping indexes of tables that have rows, and the job that builds missing files.
//!
//! ```text
//!   create:  directory ─► edit, synced ─► memtables take part ─► files, one SST after the other
//!   drop:    edit, synced ─► nobody uses it ─► files to the delete job
//!
//!   one file:  Gather* ─► Write* (see index_job.rs) ─► SyncDir ─► Publish (an edit)
//! ```
//!
//! Invariants
//! 1. An index counts as soon as its edit is durable. An SST that has no file of it yet is read row
//!    by row, so an answer never depends on how far the build has come.
//! 2. Which files are missing follows from the version alone, so a build goes on after a crash
//!    where it was; a file that was begun then is an orphan.
//! 3. A step makes one mutating call at the most; `Publish` makes two, as any edit.
//! 4. What has failed before `Publish` is begun anew with a new file number. An edit that could not
//!    be *written* is tried again: a crash may bring it back, so its file has to stay.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::edit::{Change, VersionEdit};
use crate::index::{IndexMeta, KeyGroups};
use crate::index_job::IndexJob;
use crate::jobs::Obsolete;
use crate::locks::{lock, read};
use crate::memtable::index_rows;
use crate::mutant;
use crate::observer::Event;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_files::Sst;
use crate::table_state::TableState;
use crate::{Error, Progress, Result, layout};

/// Blocks whose rows are gathered in one step.
const STEP_BLOCKS: usize = 64;

/// Gives a field of a table an index.
///
/// # Errors
/// [`Error::NoField`]; [`Error::IndexExists`]; [`Error::NoTable`] if the table was dropped;
/// [`Error::Io`], [`Error::Poisoned`], [`Error::Closed`].
pub(crate) fn create(state: &State, table: &TableState, field: &str) -> Result<()> {
    let place = place_of(table, field)?;
    // In this order: nothing is committed meanwhile, so every memtable takes part from its first
    // row on.
    let mut log = lock(&state.log);
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    table.check_exists()?;
    if table.files().indexes.contains_key(&place) {
        let (table, field) = (table.name.clone(), field.to_owned());
        return Err(Error::IndexExists { table, field });
    }
    make_dir(state, table)?;
    let change = Change::CreateIndex { table: table.id, field: place, unique: false };
    manifest.commit(state, &VersionEdit::new(vec![change]))?;
    table.add_index(place, false);
    for memtable in &table.files().memtables {
        let bytes = memtable.add_groups(place);
        let active = log.active.tables.get(&table.id);
        if active.is_some_and(|(_, active)| Arc::ptr_eq(active, memtable)) {
            log.active.bytes += bytes;
            state.note_active(&log);
        }
    }
    drop((manifest, log));
    state.indexes_missing.store(true, Ordering::Release);
    state.signal.wake();
    Ok(())
}

/// The directory of the table's index files, durable; it may be there already.
fn make_dir(state: &State, table: &TableState) -> Result<()> {
    let (vfs, dir) = (&state.options.vfs, table.dir.join(layout::INDEX_DIR));
    match vfs.create_dir(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", &dir, error));
        }
        _ => {}
    }
    vfs.sync_dir(&table.dir).map_err(|e| Error::io("sync", &table.dir, e))
}

/// Takes the index of a field away.
///
/// # Errors
/// [`Error::NoField`]; [`Error::NoIndex`]; [`Error::Invalid`] if it is unique by the schema;
/// [`Error::NoTable`], [`Error::Io`], [`Error::Poisoned`], [`Error::Closed`].
pub(crate) fn drop_index(state: &State, table: &TableState, field: &str) -> Result<()> {
    let place = place_of(table, field)?;
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    table.check_exists()?;
    let files = table.files();
    let Some(index) = files.indexes.get(&place) else {
        let (table, field) = (table.name.clone(), field.to_owned());
        return Err(Error::NoIndex { table, field });
    };
    if index.unique {
        let what = format!("field {field:?} is unique, for which it takes its index");
        return Err(Error::invalid(what));
    }
    let change = Change::DropIndex { table: table.id, field: place };
    manifest.commit(state, &VersionEdit::new(vec![change]))?;
    table.remove_index(place);
    drop(manifest);
    if !mutant::when("dropped-index-files-stay", || !index.files.is_empty()) {
        state.add_obsolete(index.files.values().cloned().map(Obsolete::Index));
    }
    Ok(())
}

fn place_of(table: &TableState, field: &str) -> Result<u32> {
    let no_field = || Error::NoField { table: table.name.clone(), field: field.to_owned() };
    table.schema.index_of(field).map(|place| place as u32).ok_or_else(no_field)
}

/// The file that is being built.
#[derive(Debug)]
pub(crate) struct BuildJob {
    table: Arc<TableState>,
    sst: Arc<Sst>,
    field: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Gather {
        groups: KeyGroups,
        next_seq: i64,
    },
    Write(Box<IndexJob>),
    SyncDir(IndexMeta),
    Publish(IndexMeta),
    /// After an error.
    Over,
}

/// Whether an index file may be missing.
pub(crate) fn has_work(state: &State) -> bool {
    state.indexes_missing.load(Ordering::Acquire)
}

/// The directory of the table that an index file is being built for.
pub(crate) fn building(state: &State) -> Option<PathBuf> {
    lock(&state.build).as_ref().map(|job| job.table.dir.clone())
}

/// Gives up the build that is under way, for closing. It begins anew at the next opening.
pub(crate) fn end(state: &State) {
    let _one_at_a_time = lock(&state.flush);
    let Some(job) = lock(&state.build).take() else { return };
    if !mutant::when("build-outlives-the-close", || job.file().is_some()) {
        job.give_up(state);
    }
}

/// Does one step of the build of a missing index file.
///
/// # Errors
/// Whatever kept it from succeeding; the next step begins anew.
pub(crate) fn step(state: &State) -> Result<Progress> {
    let mut built = None;
    let stepped = step_under_lock(state, &mut built);
    if let Some((table, field, bytes)) = built {
        let field = table.schema.fields().get(field as usize);
        let field = field.map(|field| field.name().to_owned()).unwrap_or_default();
        state.tell(|| Event::IndexBuilt { table: table.name.clone(), field, bytes });
    }
    stepped
}

/// [`step`]; notes the table, the field and the bytes of a file that was published.
fn step_under_lock(
    state: &State,
    built: &mut Option<(Arc<TableState>, u32, u64)>,
) -> Result<Progress> {
    // Closing takes this lock once nothing new may begin.
    let _one_at_a_time = lock(&state.flush);
    let mut slot = lock(&state.build);
    state.check_writable()?;
    let mut job = match slot.take().or_else(|| find(state)) {
        Some(job) => job,
        None => return Ok(Progress::Idle),
    };
    let stepped = if job.is_wanted() {
        job.step(state, built)
    } else {
        job.give_up(state);
        Ok(Progress::Done)
    };
    match stepped {
        Ok(Progress::Done) => Ok(Progress::Done),
        Ok(progress) => {
            *slot = Some(job);
            Ok(progress)
        }
        Err(error) => {
            if matches!(job.stage, Stage::Publish(_)) {
                *slot = Some(job);
            } else {
                job.give_up(state);
            }
            Err(error)
        }
    }
}

/// The next file that is missing. If there is none, none is looked for until an index is made.
fn find(state: &State) -> Option<BuildJob> {
    state.indexes_missing.store(false, Ordering::Release);
    let tables: Vec<_> = read(&state.tables).by_id.values().cloned().collect();
    for table in tables {
        if let Some((field, sst)) = table.files().missing_index_file() {
            state.indexes_missing.store(true, Ordering::Release);
            let next_seq = sst.meta.min_seq;
            let stage = Stage::Gather { groups: KeyGroups::default(), next_seq };
            return Some(BuildJob { table, sst, field, stage });
        }
    }
    None
}

impl BuildJob {
    /// Whether the index, and the SST, are still there.
    fn is_wanted(&self) -> bool {
        let files = self.table.files();
        let is_live = files.ssts.iter().any(|live| Arc::ptr_eq(live, &self.sst));
        let is_there = files.indexes.contains_key(&self.field);
        is_live && (is_there || mutant::on("dropped-index-built"))
    }

    fn step(
        &mut self,
        state: &State,
        built: &mut Option<(Arc<TableState>, u32, u64)>,
    ) -> Result<Progress> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Gather { groups, next_seq } => self.gather(state, groups, next_seq)?,
            Stage::Write(mut job) => {
                let stepped = job.step(&*state.options.vfs);
                let done = stepped.inspect_err(|_| {
                    state.add_obsolete([Obsolete::File(job.path.clone())]);
                })?;
                self.stage = done.map_or(Stage::Write(job), Stage::SyncDir);
            }
            Stage::SyncDir(meta) => {
                let dir = self.table.dir.join(layout::INDEX_DIR);
                // For giving it up, if that fails.
                self.stage = Stage::SyncDir(meta);
                let synced = state.options.vfs.sync_dir(&dir);
                synced.map_err(|e| Error::io("sync", &dir, e))?;
                self.stage = Stage::Publish(meta);
            }
            Stage::Publish(meta) => {
                self.stage = Stage::Publish(meta);
                if self.publish(state, meta)? {
                    *built = Some((Arc::clone(&self.table), self.field, meta.size));
                }
                return Ok(Progress::Done);
            }
            Stage::Over => return Ok(Progress::Done),
        }
        Ok(Progress::More)
    }

    /// Takes in the values of some blocks.
    fn gather(&mut self, state: &State, mut groups: KeyGroups, mut next_seq: i64) -> Result<()> {
        let reader = self.sst.reader()?;
        for _ in 0..STEP_BLOCKS {
            let Some(block) = reader.block_of(next_seq)? else {
                let number = state.take_file_number();
                let sst = (self.sst.meta.file_number, self.sst.meta.rows);
                let id = state.database_id;
                let identity = self.table.index_identity(id, number, sst, self.field);
                let path = layout::index_path(&self.table.dir, number);
                let job = IndexJob::of_rows(groups, path, identity);
                self.stage = Stage::Write(Box::new(job));
                return Ok(());
            };
            let chunk = block.unpack(Some(&[self.field as usize]), 0..block.rows())?;
            index_rows(&mut groups, &chunk.columns[0], chunk.len());
            next_seq = block.end_seq();
        }
        self.stage = Stage::Gather { groups, next_seq };
        Ok(())
    }

    /// Whether the file is part of the table now; it is not if nobody wants it any more.
    fn publish(&self, state: &State, meta: IndexMeta) -> Result<bool> {
        let mut manifest = lock(&state.manifest);
        // Under the lock: nobody drops the table or the index meanwhile.
        if !self.is_wanted() {
            drop(manifest);
            self.give_up(state);
            return Ok(false);
        }
        let edit = VersionEdit::new(vec![
            Change::AddIndexFile { table: self.table.id, meta },
            Change::NextFile(state.next_file.load(Ordering::Relaxed)),
        ]);
        manifest.commit(state, &edit)?;
        state.counters.builds.built(meta.size);
        let (vfs, rows) = (&state.options.vfs, self.sst.meta.rows);
        let file = self.table.index_file(vfs, state.database_id, meta, rows);
        self.table.add_index_file(Arc::new(file));
        Ok(true)
    }

    /// The file that was begun, if there is one, is of no use.
    fn give_up(&self, state: &State) {
        if let Some(path) = self.file() {
            state.add_obsolete([Obsolete::File(path)]);
        }
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.stage {
            Stage::Write(job) => Some(job.path.clone()),
            Stage::SyncDir(meta) | Stage::Publish(meta) => {
                Some(layout::index_path(&self.table.dir, meta.file_number))
            }
            Stage::Gather { .. } | Stage::Over => None,
        }
    }
}
