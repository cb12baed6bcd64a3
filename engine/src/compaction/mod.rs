//! The compaction job: merges neighbouring SSTs of a table into one, and their index files.
//!
//! ```text
//!   Rows* ─► SyncDir ─► Index* ─► IndexDir ─► Publish ─► Vouch ─► the merged files are obsolete
//!   (see sst_job.rs)    (see index_job.rs)    (an edit)
//! ```
//!
//! Invariants
//! 1. What is merged is only read, and stays part of the version until one edit replaces it: rows
//!    and indexes change their place at once, and never change.
//! 2. The new files and their names are synced before the edit is written; the edit is synced, and
//!    so is one behind it that vouches for it, before a merged file becomes obsolete. Readers that
//!    hold one keep it.
//! 3. A step makes one mutating call at the most; `Publish` and `Vouch` make two, as any edit. It
//!    writes a bounded number of bytes, so a flush waits for one step at the most.
//! 4. Memory does not depend on how much is merged: see `merge.rs`, and `Policy::rows_max`.
//! 5. What has failed before `Publish` is given up. An edit that could not be *written* is tried
//!    again: a crash may bring it back, so its files have to stay.
//! 6. Damage found in a file ends its merges until the database is opened again, and the damaged
//!    file stays as it is, for whoever repairs it.

mod picker;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use picker::Candidate;

use crate::counters::Compacted;
use crate::edit::{Change, VersionEdit};
use crate::index::IndexMeta;
use crate::index_job::{IndexJob, IndexPart};
use crate::jobs::Obsolete;
use crate::locks::{lock, read};
use crate::merge::Merge;
use crate::mutant;
use crate::observer::Event;
use crate::options::Policy;
use crate::sst::SstMeta;
use crate::sst_job::SstJob;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_files::{IndexFile, Sst, TableFiles};
use crate::table_state::TableState;
use crate::{Error, Progress, Result, layout};

/// What the state keeps of compaction between two steps.
#[derive(Debug, Default)]
pub(crate) struct Compaction {
    job: Option<CompactionJob>,
    /// File numbers of SSTs that can't be read.
    damaged: BTreeSet<u64>,
}

/// One merge.
#[derive(Debug)]
pub(crate) struct CompactionJob {
    table: Arc<TableState>,
    /// The files that are merged, in the order of their rows.
    sources: Vec<Arc<Sst>>,
    /// The fields whose indexes are merged, the last first, with the files of the sources.
    fields: Vec<(u32, Vec<Arc<IndexFile>>)>,
    merged: Option<SstMeta>,
    indexes: Vec<IndexMeta>,
    /// Index files that the table has forgotten.
    obsolete: Vec<Arc<IndexFile>>,
    /// When it began, by the monotonic clock.
    begun: u64,
    /// What it came to, at its end.
    done: Option<Compacted>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Rows(Box<SstJob>),
    SyncDir,
    Index(Option<Box<IndexJob>>),
    Publish,
    Vouch,
    /// After an error.
    Over,
}

/// Which merges are looked for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    /// Those that the policy asks for, of any table.
    Due,
    /// All that leave a table with fewer files.
    All(&'a Arc<TableState>),
}

/// Whether there is something to merge.
pub(crate) fn has_work(state: &State) -> bool {
    // Most of the time the files are those of the last time.
    if !state.compaction_due.load(Ordering::Acquire) {
        return false;
    }
    let compaction = lock(&state.compaction);
    compaction.job.is_some() || pick(state, Wanted::Due, &compaction.damaged).is_some()
}

/// The directory of the table that is being compacted.
pub(crate) fn working_on(state: &State) -> Option<PathBuf> {
    lock(&state.compaction).job.as_ref().map(|job| job.table.dir.clone())
}

/// Does one step of a merge that is due.
///
/// # Errors
/// Whatever kept it from succeeding; the files are as they were.
pub(crate) fn step(state: &State) -> Result<Progress> {
    step_wanted(state, Wanted::Due)
}

/// Merges the files of a table into as few as can be.
///
/// # Errors
/// As [`step`].
pub(crate) fn all(state: &State, table: &Arc<TableState>) -> Result<()> {
    while step_wanted(state, Wanted::All(table))? != Progress::Idle {}
    Ok(())
}

/// Ends the merge that is under way, for closing: its files become obsolete, or those it merged.
pub(crate) fn end(state: &State) -> Result<()> {
    let _one_at_a_time = lock(&state.flush);
    let Some(mut job) = lock(&state.compaction).job.take() else { return Ok(()) };
    match job.stage {
        Stage::Vouch => job.step(state).map(|_| ()),
        _ => {
            job.give_up(state);
            Ok(())
        }
    }
}

/// Does one step; the observer is told of it once the locks are let go.
fn step_wanted(state: &State, wanted: Wanted<'_>) -> Result<Progress> {
    let mut told = Vec::new();
    let stepped = step_under_lock(state, wanted, &mut told);
    told.into_iter().for_each(|event| state.tell(|| event));
    stepped
}

fn step_under_lock(state: &State, wanted: Wanted<'_>, told: &mut Vec<Event>) -> Result<Progress> {
    // Closing takes this lock once nothing new may begin.
    let _one_at_a_time = lock(&state.flush);
    let mut compaction = lock(&state.compaction);
    state.check_alive()?;
    if !mutant::on("merge-begun-at-closing") {
        state.check_open()?;
    }
    let mut job = match compaction.job.take() {
        Some(job) => job,
        None => match pick(state, wanted, &compaction.damaged) {
            Some((table, sources)) => {
                let name = table.name.clone();
                let job = CompactionJob::new(state, table, sources, &mut compaction.damaged)
                    .inspect_err(|error| {
                        told.push(Event::CompactionFailed {
                            table: name,
                            error: error.to_string(),
                        });
                    })?;
                told.push(Event::CompactionBegun {
                    table: job.table.name.clone(),
                    files: job.sources.len() as u64,
                    bytes: job.sources.iter().map(|sst| sst.meta.size).sum(),
                });
                job
            }
            None => return Ok(Progress::Idle),
        },
    };
    let is_wanted = job.is_wanted() || matches!(job.stage, Stage::Vouch);
    let stepped = if is_wanted {
        job.step(state)
    } else {
        job.give_up(state);
        Ok(Progress::Done)
    };
    match stepped {
        Ok(Progress::Done) => {
            told.extend(job.done.map(|done| Event::CompactionEnded {
                table: job.table.name.clone(),
                rows: done.rows,
                bytes_in: done.bytes_in,
                bytes_out: done.bytes_out,
                duration: Duration::from_nanos(done.ns),
            }));
            Ok(Progress::Done)
        }
        Ok(progress) => {
            compaction.job = Some(job);
            Ok(progress)
        }
        Err(error) => {
            let table = job.table.name.clone();
            told.push(Event::CompactionFailed { table, error: error.to_string() });
            if matches!(job.stage, Stage::Publish | Stage::Vouch) {
                compaction.job = Some(job);
            } else {
                if is_damage(&error) {
                    compaction.damaged.extend(job.sources.iter().map(|sst| sst.meta.file_number));
                }
                job.give_up(state);
            }
            Err(error)
        }
    }
}

/// The SSTs to merge next, with their table. If none are due, none are looked for until the files
/// of a table change.
fn pick(
    state: &State,
    wanted: Wanted<'_>,
    damaged: &BTreeSet<u64>,
) -> Option<(Arc<TableState>, Vec<Arc<Sst>>)> {
    let policy = &state.options.compaction;
    let tables = match wanted {
        Wanted::Due => {
            // First, so that a change that comes while they are looked at is not forgotten.
            state.compaction_due.store(false, Ordering::Release);
            read(&state.tables).by_id.values().cloned().collect()
        }
        Wanted::All(table) => vec![Arc::clone(table)],
    };
    for table in tables {
        let files = table.files();
        let candidates: Vec<Candidate> =
            files.ssts.iter().map(|sst| candidate(&files, sst, damaged)).collect();
        let policy = &policy.within(table.retention().bytes());
        let picked = match wanted {
            Wanted::Due => picker::pick(&candidates, policy),
            Wanted::All(_) => picker::pick_all(&candidates, policy),
        };
        if let Some(range) = picked {
            if matches!(wanted, Wanted::Due) {
                state.compaction_due.store(true, Ordering::Release);
            }
            return Some((table, files.ssts[range].to_vec()));
        }
    }
    None
}

/// Bytes that the merges of a table which are due would read; see [`picker::debt`]. Files that
/// turned out to be damaged count as others.
pub(crate) fn debt(table: &TableState, files: &TableFiles, policy: &Policy) -> u64 {
    let none = BTreeSet::new();
    let candidates = files.ssts.iter().map(|sst| candidate(files, sst, &none)).collect();
    picker::debt(candidates, &policy.within(table.retention().bytes()))
}

fn candidate(files: &TableFiles, sst: &Arc<Sst>, damaged: &BTreeSet<u64>) -> Candidate {
    let number = sst.meta.file_number;
    // The merged file takes part in an index only if all of it is there to merge.
    let is_indexed = files.indexes.values().all(|index| index.files.contains_key(&number));
    Candidate {
        bytes: sst.meta.size,
        rows: sst.meta.rows,
        dropped: (files.dropped_below - sst.meta.min_seq).max(0).unsigned_abs(),
        is_ready: is_indexed && !damaged.contains(&number),
    }
}

impl CompactionJob {
    fn new(
        state: &State,
        table: Arc<TableState>,
        sources: Vec<Arc<Sst>>,
        damaged: &mut BTreeSet<u64>,
    ) -> Result<Self> {
        let files = table.files();
        let mut readers = Vec::with_capacity(sources.len());
        for sst in &sources {
            // Readers of their own, which check everything again.
            readers.push(sst.open().inspect_err(|error| {
                if is_damage(error) {
                    damaged.insert(sst.meta.file_number);
                }
            })?);
        }
        let of_sources = |field: &u32| -> Option<(u32, Vec<Arc<IndexFile>>)> {
            let index = files.indexes.get(field)?;
            let file = |sst: &Arc<Sst>| index.files.get(&sst.meta.file_number).cloned();
            Some((*field, sources.iter().map(file).collect::<Option<_>>()?))
        };
        let fields = files.indexes.keys().rev().filter_map(of_sources).collect();
        let merge = Merge::new(readers, files.dropped_below, state.options.block_rows);
        let number = state.take_file_number();
        let path = layout::sst_path(&table.dir, number);
        let identity = table.sst_identity(state.database_id, number);
        let job = SstJob::of_merge(merge, path, identity, &table.types);
        let stage = Stage::Rows(Box::new(job));
        let (indexes, obsolete) = (Vec::new(), Vec::new());
        let (merged, begun) = (None, state.options.clock.monotonic_ns());
        let done = None;
        Ok(CompactionJob { table, sources, fields, merged, indexes, obsolete, begun, done, stage })
    }

    /// Whether every file that is merged is still part of the table.
    fn is_wanted(&self) -> bool {
        let files = self.table.files();
        let is_live = |sst| files.ssts.iter().any(|live| Arc::ptr_eq(live, sst));
        self.sources.iter().all(is_live) || mutant::on("merged-into-a-dropped-table")
    }

    fn step(&mut self, state: &State) -> Result<Progress> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Rows(mut job) => {
                let done = job.step(&*state.options.vfs).inspect_err(|_| {
                    state.add_obsolete([Obsolete::File(job.path.clone())]);
                })?;
                self.stage = match done {
                    Some(meta) => {
                        self.merged = Some(meta);
                        Stage::SyncDir
                    }
                    None => Stage::Rows(job),
                };
            }
            Stage::SyncDir => {
                if mutant::on("merged-files-removed-early") {
                    let paths = self.sources.iter().map(|sst| sst.path.clone());
                    state.add_obsolete(paths.map(Obsolete::File));
                }
                if !mutant::on("merged-name-unsynced") {
                    sync_dir(state, &self.table.dir.join(layout::SST_DIR))?;
                }
                self.stage = if self.fields.is_empty() || self.merged.is_none() {
                    Stage::Publish
                } else {
                    Stage::Index(None)
                };
            }
            Stage::Index(job) => self.index(state, job)?,
            Stage::Publish => {
                self.stage = Stage::Publish;
                return self.publish(state);
            }
            Stage::Vouch => {
                self.stage = Stage::Vouch;
                self.vouch(state)?;
                return Ok(Progress::Done);
            }
            Stage::Over => return Ok(Progress::Done),
        }
        Ok(Progress::More)
    }

    /// Does one step of the merged index files.
    fn index(&mut self, state: &State, job: Option<Box<IndexJob>>) -> Result<()> {
        let Some(merged) = self.merged else { return Ok(()) };
        let mut job = match job {
            Some(job) => job,
            None => {
                let Some((field, files)) = self.fields.pop() else {
                    sync_dir(state, &self.table.dir.join(layout::INDEX_DIR))?;
                    self.stage = Stage::Publish;
                    return Ok(());
                };
                let mut parts = Vec::with_capacity(files.len());
                for (sst, file) in self.sources.iter().zip(&files) {
                    let shift = sst.meta.min_seq - merged.min_seq;
                    parts.push(IndexPart { reader: file.open()?, shift });
                }
                let number = state.take_file_number();
                let path = layout::index_path(&self.table.dir, number);
                let sst = (merged.file_number, merged.rows);
                let identity = self.table.index_identity(state.database_id, number, sst, field);
                Box::new(IndexJob::of_parts(parts, path, identity))
            }
        };
        let done = job.step(&*state.options.vfs).inspect_err(|_| {
            state.add_obsolete([Obsolete::File(job.path.clone())]);
        })?;
        self.stage = match done {
            Some(meta) => {
                self.indexes.push(meta);
                Stage::Index(None)
            }
            None => Stage::Index(Some(job)),
        };
        Ok(())
    }

    /// Writes the edit, syncs it, and puts the merged SST in the place of those it was merged from.
    fn publish(&mut self, state: &State) -> Result<Progress> {
        let mut manifest = lock(&state.manifest);
        // Under the lock: nobody drops the table, an index or rows meanwhile.
        if !self.is_wanted() {
            drop(manifest);
            self.give_up(state);
            self.stage = Stage::Over;
            return Ok(Progress::Done);
        }
        let Some(meta) = self.merged else { return Ok(Progress::Done) };
        let table = self.table.id;
        let indexes = self.table.files().indexes.clone();
        let is_live = |meta: &&IndexMeta| {
            indexes.contains_key(&meta.field) || mutant::on("dropped-index-merged")
        };
        let (live, dead): (Vec<IndexMeta>, Vec<IndexMeta>) = self.indexes.iter().partition(is_live);
        let removed = self.sources.iter().map(|sst| sst.meta.file_number);
        let mut changes: Vec<Change> =
            removed.map(|file_number| Change::RemoveSst { table, file_number }).collect();
        changes.push(Change::AddSst { table, meta });
        changes.extend(live.iter().map(|meta| Change::AddIndexFile { table, meta: *meta }));
        changes.push(Change::NextFile(state.next_file.load(Ordering::Relaxed)));
        manifest.commit(state, &VersionEdit::new(changes))?;
        let (vfs, id) = (&state.options.vfs, state.database_id);
        let index_path = |meta: &IndexMeta| layout::index_path(&self.table.dir, meta.file_number);
        state.add_obsolete(dead.iter().map(index_path).map(Obsolete::File));
        let sst = Arc::new(self.table.sst(vfs, id, meta));
        let file = |index| Arc::new(self.table.index_file(vfs, id, index, meta.rows));
        let files: Vec<_> = live.into_iter().map(file).collect();
        if files.len() != indexes.len() && !mutant::on("index-missed-by-a-merge") {
            // An index was made while this was merged.
            state.indexes_missing.store(true, Ordering::Release);
        }
        self.obsolete = self.table.replace_ssts(&self.sources, sst, files);
        state.compaction_due.store(true, Ordering::Release);
        self.stage = Stage::Vouch;
        Ok(Progress::More)
    }

    /// Makes the edit one that a later edit vouches for, and gives up the merged files.
    ///
    /// A MANIFEST's last edit, if it is damaged, looks like one that a crash tore, and is cut. So
    /// as long as this one is the last, what it removed has to stay.
    fn vouch(&mut self, state: &State) -> Result<()> {
        let mut manifest = lock(&state.manifest);
        manifest.commit(state, &VersionEdit::new(Vec::new()))?;
        let replaced = manifest.replace_if_outgrown(state);
        drop(manifest);
        self.count(state);
        let indexes = std::mem::take(&mut self.obsolete).into_iter();
        let ssts = std::mem::take(&mut self.sources).into_iter().map(Obsolete::Sst);
        state.add_obsolete(ssts.chain(indexes.map(Obsolete::Index)));
        // From here on nothing is given up: what was merged is the table's.
        (self.merged, self.stage) = (None, Stage::Over);
        self.indexes.clear();
        // As for a flush: only a failure that leaves no MANIFEST is one of the database.
        if state.is_poisoned() { replaced } else { Ok(()) }
    }

    /// Counts the merge, which has come to its end.
    fn count(&mut self, state: &State) {
        let sources = self.sources.iter().map(|sst| sst.meta.size);
        let merged = self.merged.iter().map(|meta| meta.size);
        let done = Compacted {
            files_in: self.sources.len() as u64,
            files_out: 1,
            bytes_in: sources.chain(self.obsolete.iter().map(|file| file.meta.size)).sum(),
            bytes_out: merged.chain(self.indexes.iter().map(|meta| meta.size)).sum(),
            rows: self.merged.map_or(0, |meta| meta.rows),
            ns: state.options.clock.monotonic_ns().saturating_sub(self.begun),
        };
        state.counters.compactions.compacted(done);
        self.done = Some(done);
    }

    /// The files that were begun, if there are any, are of no use.
    fn give_up(&self, state: &State) {
        state.counters.compactions.failed.add(1);
        let mut files = Vec::new();
        match &self.stage {
            Stage::Rows(job) => files.push(job.path.clone()),
            Stage::Index(Some(job)) => files.push(job.path.clone()),
            _ => {}
        }
        let merged = self.merged.iter();
        files.extend(merged.map(|meta| layout::sst_path(&self.table.dir, meta.file_number)));
        let indexes = self.indexes.iter();
        files.extend(indexes.map(|meta| layout::index_path(&self.table.dir, meta.file_number)));
        state.add_obsolete(files.into_iter().map(Obsolete::File));
    }
}

/// Whether a file can't be merged for what is in it.
fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. } | Error::Unsupported { .. })
}

fn sync_dir(state: &State, dir: &Path) -> Result<()> {
    state.options.vfs.sync_dir(dir).map_err(|e| Error::io("sync", dir, e))
}
