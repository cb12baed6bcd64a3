//! The flush job: writes the oldest frozen generation to SSTs, one a table, and publishes them all
//! with one version edit.
//!
//! ```text
//!   for each table:  Open ─► Rows* (see sst_job.rs) ─► SyncDir
//!                    then for each index:  Index* (see index_job.rs), and IndexDir at the end
//!   then:            Carry ─► Publish (edit: append, sync, apply) ─► Vouch
//!                    ─► the segments are obsolete
//! ```
//!
//! Invariants
//! 1. An SST and its index files, and their names, are synced before the edit that names them is
//!    written; one edit names them all, so an index never disagrees with its rows.
//! 2. The edit is synced, and so is one behind it that vouches for it, before a segment of the
//!    generation becomes obsolete.
//!    Nor does one before what was carried out of the generation is synced in the log: `Carry`.
//! 3. Every step makes one mutating call at the most; `Publish` and `Vouch` make two, because
//!    nothing may come between the writing of an edit and its sync, and `Carry` syncs the log as a
//!    commit would, where no commit has done it yet.
//! 4. A flush that fails before `Publish` leaves only files that no edit names. They become
//!    obsolete, and a new attempt starts with new file numbers: a failed sync of a file is never
//!    retried. A flush whose edit could not be *written* stays at `Publish` and keeps its files: a
//!    crash may bring the edit back. One whose edit could not be *synced* poisons.

use std::sync::Arc;
use std::time::Duration;

use crate::edit::{Change, VersionEdit};
use crate::index::IndexMeta;
use crate::index_job::IndexJob;
use crate::jobs::{Flushed, Frozen, Obsolete};
use crate::locks::lock;
use crate::memtable::Memtable;
use crate::mutant;
use crate::observer::Event;
use crate::sst::SstMeta;
use crate::sst_job::SstJob;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_state::TableState;
use crate::{Error, Progress, Result, layout};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct FlushJob {
    frozen: Arc<Frozen>,
    /// Tables that still have to be written, the last first.
    left: Vec<(Arc<TableState>, Arc<Memtable>)>,
    written: Vec<Written>,
    stage: Stage,
    /// How far it has come, for writers that wait for room.
    flushed: Flushed,
    /// When it began, by the monotonic clock.
    begun: u64,
    /// Rows and bytes of what was published.
    published: (u64, u64),
    /// Nanoseconds, once it is done.
    took: u64,
}

#[derive(Debug)]
struct Written {
    table: Arc<TableState>,
    memtable: Arc<Memtable>,
    meta: SstMeta,
    indexes: Vec<IndexMeta>,
}

#[derive(Debug)]
enum Stage {
    /// Open the next table's SST, or publish when there is none.
    Open,
    Rows(Writing),
    SyncDir(Written),
    /// Write the index files of the SST written last: of these fields, the last first.
    Index {
        fields: Vec<u32>,
        job: Option<Box<IndexJob>>,
    },
    /// Sync what was carried into the next segment.
    Carry,
    Publish,
    /// Write an edit that changes nothing, behind which the one before is no longer the last.
    Vouch,
}

#[derive(Debug)]
struct Writing {
    table: Arc<TableState>,
    memtable: Arc<Memtable>,
    job: Box<SstJob>,
}

/// Does steps until every generation that is frozen now is flushed. Those that are frozen
/// meanwhile are not waited for.
///
/// # Errors
/// As [`step`].
pub(crate) fn all(state: &State) -> Result<()> {
    let Some(last) = lock(&state.jobs).frozen.back().map(|frozen| frozen.log_number) else {
        return Ok(());
    };
    while lock(&state.jobs).frozen.front().is_some_and(|frozen| frozen.log_number <= last) {
        step(state)?;
    }
    Ok(())
}

/// Whether a generation waits for its flush.
pub(crate) fn has_work(state: &State) -> bool {
    !lock(&state.jobs).frozen.is_empty()
}

/// Does one step of the flush of the oldest frozen generation.
///
/// # Errors
/// Whatever kept it from succeeding. The rows stay in memory and in the log.
pub(crate) fn step(state: &State) -> Result<Progress> {
    let mut told = Told::default();
    let stepped = step_under_lock(state, &mut told);
    if let Some(bytes) = told.begun {
        state.tell(|| Event::FlushBegun { bytes });
    }
    if let Some((rows, bytes, ns)) = told.ended {
        state.counters.latencies.flushes.record([ns]);
        let duration = Duration::from_nanos(ns);
        state.tell(|| Event::FlushEnded { rows, bytes, duration });
    }
    if let Some(error) = told.failed {
        state.tell(|| Event::FlushFailed { error });
    }
    stepped
}

/// What the observer is to be told after a step.
#[derive(Debug, Default)]
struct Told {
    /// Bytes of the generation.
    begun: Option<u64>,
    /// Rows, bytes and nanoseconds.
    ended: Option<(u64, u64, u64)>,
    failed: Option<String>,
}

fn step_under_lock(state: &State, told: &mut Told) -> Result<Progress> {
    let mut slot = lock(&state.flush);
    // Under the lock, which closing takes before it lets go of the database.
    state.check_alive()?;
    let mut job = match slot.take() {
        Some(job) => job,
        None => match lock(&state.jobs).frozen.front() {
            Some(frozen) => {
                told.begun = Some(frozen.generation.bytes as u64);
                FlushJob::new(frozen, state.options.clock.monotonic_ns())
            }
            None => return Ok(Progress::Idle),
        },
    };
    match job.step(state) {
        Ok(Progress::Done) => {
            let (rows, bytes) = job.published;
            told.ended = Some((rows, bytes, job.took));
            Ok(Progress::Done)
        }
        Ok(progress) => {
            *slot = Some(job);
            Ok(progress)
        }
        Err(error) => {
            if matches!(job.stage, Stage::Carry | Stage::Publish | Stage::Vouch)
                && !mutant::on("doubtful-edit-given-up")
            {
                *slot = Some(job);
            } else {
                job.abandon(state);
            }
            told.failed = Some(error.to_string());
            lock(&state.jobs).error = Some(error.clone());
            state.jobs_changed.notify_all();
            Err(error)
        }
    }
}

impl FlushJob {
    fn new(frozen: &Arc<Frozen>, begun: u64) -> Self {
        let left: Vec<_> = frozen.generation.tables.values().rev().cloned().collect();
        let work = left.iter().map(|(table, memtable)| work_of(table, memtable));
        let flushed = Flushed { done: 0, all: work.sum() };
        let (frozen, written, stage) = (Arc::clone(frozen), Vec::new(), Stage::Open);
        FlushJob { frozen, left, written, stage, flushed, begun, published: (0, 0), took: 0 }
    }

    fn step(&mut self, state: &State) -> Result<Progress> {
        // Taken out to be moved on; an error leaves `Open`, which `abandon` expects: the file that
        // was being written is on the list of obsolete ones by then.
        match std::mem::replace(&mut self.stage, Stage::Open) {
            Stage::Open => self.open(state)?,
            Stage::Rows(writing) => self.rows(state, writing)?,
            Stage::SyncDir(written) => {
                let dir = written.table.dir.join(layout::SST_DIR);
                let fields: Vec<u32> =
                    written.table.files().indexes.keys().rev().copied().collect();
                // For giving it up, if that fails.
                self.written.push(written);
                let synced = state.options.vfs.sync_dir(&dir);
                synced.map_err(|e| Error::io("sync", &dir, e))?;
                if !fields.is_empty() {
                    self.stage = Stage::Index { fields, job: None };
                }
            }
            Stage::Index { fields, job } => self.index(state, fields, job)?,
            Stage::Carry => {
                self.stage = Stage::Carry;
                self.sync_carried(state)?;
                self.stage = Stage::Publish;
            }
            Stage::Publish => {
                self.stage = Stage::Publish;
                self.publish(state)?;
                self.stage = Stage::Vouch;
            }
            Stage::Vouch => {
                self.stage = Stage::Vouch;
                self.vouch(state)?;
                return Ok(Progress::Done);
            }
        }
        Ok(Progress::More)
    }

    fn open(&mut self, state: &State) -> Result<()> {
        let Some((table, memtable)) = self.left.pop() else {
            self.stage = Stage::Carry;
            return Ok(());
        };
        // A dropped table's rows go nowhere; nor do those of a memtable that never got any.
        if table.is_dropped() || memtable.published() == 0 {
            self.got_on(state, work_of(&table, &memtable));
            return Ok(());
        }
        if mutant::when("flush-skips-a-table", || !self.written.is_empty()) {
            return Ok(());
        }
        let file_number = state.take_file_number();
        let path = layout::sst_path(&table.dir, file_number);
        let identity = table.sst_identity(state.database_id, file_number);
        if mutant::on("removed-in-flight") {
            lock(&state.jobs).obsolete.push_back(Obsolete::File(path.clone()));
        }
        let job = Box::new(SstJob::of_memtable(&memtable, path, identity, &table.types));
        self.stage = Stage::Rows(Writing { table, memtable, job });
        Ok(())
    }

    /// Does one step of the SST that is being written.
    fn rows(&mut self, state: &State, mut writing: Writing) -> Result<()> {
        let before = writing.job.rows_taken(&writing.memtable);
        let stepped = writing.job.step(&*state.options.vfs);
        let done = stepped.inspect_err(|_| {
            let path = writing.job.path.clone();
            lock(&state.jobs).obsolete.push_back(Obsolete::File(path));
        })?;
        let Writing { table, memtable, job } = &writing;
        let work = job.rows_taken(memtable) - before;
        self.stage = match done {
            Some(meta) => {
                let (table, memtable) = (Arc::clone(table), Arc::clone(memtable));
                Stage::SyncDir(Written { table, memtable, meta, indexes: Vec::new() })
            }
            None => Stage::Rows(writing),
        };
        self.got_on(state, work);
        Ok(())
    }

    /// Notes that so much more is in files, and tells those who wait for room. An attempt that is
    /// begun anew takes back no room that was given.
    fn got_on(&mut self, state: &State, work: u64) {
        if work == 0 {
            return;
        }
        self.flushed.done += work;
        let Flushed { done, all } = self.flushed;
        let mut jobs = lock(&state.jobs);
        let done = done.max(jobs.flushed.done);
        jobs.flushed = Flushed { done, all };
        state.tell_of_room(&mut jobs);
    }

    /// Does one step of the index files of the SST that was written last.
    fn index(
        &mut self,
        state: &State,
        mut fields: Vec<u32>,
        job: Option<Box<IndexJob>>,
    ) -> Result<()> {
        let Some(written) = self.written.last_mut() else { return Ok(()) };
        let table = &written.table;
        let mut job = match job {
            Some(job) => job,
            None => {
                let Some(field) = fields.pop() else {
                    let dir = table.dir.join(layout::INDEX_DIR);
                    let synced = state.options.vfs.sync_dir(&dir);
                    return synced.map_err(|e| Error::io("sync", &dir, e));
                };
                let number = state.take_file_number();
                let sst = (written.meta.file_number, written.meta.rows);
                let identity = table.index_identity(state.database_id, number, sst, field);
                let path = layout::index_path(&table.dir, number);
                if mutant::on("index-removed-in-flight") {
                    lock(&state.jobs).obsolete.push_back(Obsolete::File(path.clone()));
                }
                Box::new(IndexJob::of_memtable(&written.memtable, path, identity))
            }
        };
        let stepped = job.step(&*state.options.vfs);
        let done = stepped.inspect_err(|_| {
            lock(&state.jobs).obsolete.push_back(Obsolete::File(job.path.clone()));
        })?;
        let job = match done {
            Some(meta) => {
                written.indexes.push(meta);
                let rows = written.meta.rows;
                self.got_on(state, rows);
                None
            }
            None => Some(job),
        };
        self.stage = Stage::Index { fields, job };
        Ok(())
    }

    /// Makes durable what was carried out of the generation, unless a commit has done so: once the
    /// edit is written, nothing reads the segments that held it before.
    fn sync_carried(&self, state: &State) -> Result<()> {
        let Some(end) = self.frozen.carry_end else { return Ok(()) };
        let mut log = lock(&state.log);
        let Some(writer) = &mut log.writer else { return Ok(()) };
        if writer.synced_lsn() >= end || mutant::on("carry-unsynced") {
            return Ok(());
        }
        let synced = writer.sync();
        state.check_log(writer, synced)
    }

    /// Writes the edit, syncs it, and puts the SSTs in the memtables' places.
    fn publish(&mut self, state: &State) -> Result<()> {
        let mut manifest = lock(&state.manifest);
        let mut changes = Vec::new();
        for written in self
            .written
            .iter()
            .filter(|w| !w.table.is_dropped() || mutant::on("flushed-into-a-dropped-table"))
        {
            let table = written.table.id;
            changes.push(Change::AddSst { table, meta: written.meta });
            // An index that was dropped meanwhile takes no more files.
            let indexes = written.live_indexes();
            changes.extend(indexes.map(|meta| Change::AddIndexFile { table, meta }));
        }
        let ahead = u64::from(mutant::on("log-position-ahead"));
        changes.push(Change::LogNumber(self.frozen.log_number + ahead));
        if self.frozen.carry_end.is_some() {
            changes.push(Change::CarriedInto(self.frozen.log_number));
        }
        changes.push(Change::LastCommit(self.frozen.last_commit));
        changes.push(Change::LastTime(self.frozen.last_time));
        changes.push(Change::NextFile(state.next_file.load(Ordering::Relaxed)));
        manifest.commit(state, &VersionEdit::new(changes))?;
        // The lock is kept: a table that is dropped meanwhile would miss its new file.
        for written in self.written.drain(..) {
            let (vfs, id) = (&state.options.vfs, state.database_id);
            let live: Vec<IndexMeta> = written.live_indexes().collect();
            let index_bytes: u64 = written.indexes.iter().map(|meta| meta.size).sum();
            if !mutant::when("flush-counted-in-part", || self.published.0 > 0) {
                self.published.0 += written.meta.rows;
            }
            self.published.1 += written.meta.size + index_bytes;
            let dead = written.indexes.iter().filter(|meta| !live.contains(meta));
            let dead = dead.map(|meta| layout::index_path(&written.table.dir, meta.file_number));
            state.add_obsolete(dead.map(Obsolete::File));
            let Written { table, memtable, meta, .. } = written;
            let sst = Arc::new(table.sst(vfs, id, meta));
            if table.is_dropped() {
                state.add_obsolete([Obsolete::Sst(sst)]);
            } else {
                let file = |index| Arc::new(table.index_file(vfs, id, index, meta.rows));
                let files: Vec<_> = live.into_iter().map(file).collect();
                let is_complete = files.len() == table.files().indexes.len();
                table.replace_memtable(&memtable, sst, files);
                state.compaction_due.store(true, Ordering::Release);
                state.retention_due.store(true, Ordering::Release);
                if !is_complete {
                    // An index was made while this was written.
                    state.indexes_missing.store(true, Ordering::Release);
                }
            }
        }
        Ok(())
    }

    /// Makes the edit one that a later edit vouches for, and gives up the log of the generation.
    ///
    /// A MANIFEST's last edit, if it is damaged, looks like one that a crash tore, and is cut. So
    /// as long as the edit of this flush is the last, the log has to stay: without it the rows
    /// would be gone and nobody would know.
    fn vouch(&mut self, state: &State) -> Result<()> {
        let mut manifest = lock(&state.manifest);
        if !mutant::on("flush-unvouched") {
            manifest.commit(state, &VersionEdit::new(Vec::new()))?;
        }
        let replaced = manifest.replace_if_outgrown(state);
        drop(manifest);
        let segments = &self.frozen.generation.segments;
        if let Some(writer) = &mut lock(&state.log).writer {
            writer.forget_before(self.frozen.log_number);
        }
        let mut jobs = lock(&state.jobs);
        let flushed = jobs.frozen.pop_front();
        assert!(flushed.is_some_and(|f| Arc::ptr_eq(&f, &self.frozen)), "flushed out of order");
        let paths = segments.iter().map(|number| layout::wal_path(&state.root, *number));
        jobs.obsolete.extend(paths.map(Obsolete::File));
        jobs.error = None;
        jobs.flushed = Flushed::default();
        let (rows, bytes) = self.published;
        self.took = state.options.clock.monotonic_ns().saturating_sub(self.begun);
        state.counters.flushes.flushed(rows, bytes, self.took);
        if !mutant::on("room-untold") {
            state.tell_of_room(&mut jobs);
        }
        drop(jobs);
        // The flush itself is done whatever became of the MANIFEST's replacement; only a failure
        // that leaves no MANIFEST to write to is one of the database.
        if state.is_poisoned() { replaced } else { Ok(()) }
    }

    /// Gives up what was written so far. Wakes nobody: an attempt that failed would only fail
    /// again at once.
    fn abandon(self, state: &State) {
        state.counters.flushes.failed.add(1);
        let mut jobs = lock(&state.jobs);
        for written in self.written {
            let dir = &written.table.dir;
            let ssts = [layout::sst_path(dir, written.meta.file_number)];
            let indexes = written.indexes.iter();
            let indexes = indexes.map(|meta| layout::index_path(dir, meta.file_number));
            jobs.obsolete.extend(ssts.into_iter().chain(indexes).map(Obsolete::File));
        }
    }
}

/// What it takes to flush a memtable: its rows, and once more for each index.
fn work_of(table: &TableState, memtable: &Memtable) -> u64 {
    memtable.published() as u64 * (1 + table.files().indexes.len() as u64)
}

impl Written {
    /// The index files of indexes that there still are.
    fn live_indexes(&self) -> impl Iterator<Item = IndexMeta> {
        let files = self.table.files();
        let is_dropped = self.table.is_dropped();
        let indexes = self.indexes.iter().copied();
        let is_live = move |meta: &IndexMeta| {
            files.indexes.contains_key(&meta.field) || mutant::on("dropped-index-published")
        };
        indexes.filter(move |meta| !is_dropped && is_live(meta))
    }
}
