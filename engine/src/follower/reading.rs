//! Reading a database that another process may be writing to: its MANIFEST, its files, its log.
//!
//! ```text
//!   MANIFEST ─► SSTs and index files, opened ─► log ─► MANIFEST again, if the log looks short
//! ```
//!
//! Invariants
//! 1. Every file of a version is open before anyone sees it: the writer may remove it at any time,
//!    and what is open stays readable. What a view before had open is not opened again.
//! 2. The log is read after the MANIFEST, so each commit that was in the log, or in a file, when
//!    the reading began is found in one of the two: a segment goes only after an edit that a second
//!    look at the MANIFEST shows.
//! 3. What does not fit together is an error here, whether it is damage or the writer's work going
//!    on; `mod.rs` finds out which by looking again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::jobs::Generation;
use crate::manifest::{self, Found, Standing};
use crate::mutant;
use crate::options::Options;
use crate::recovery::{self, Replayed};
use crate::snapshot::Snapshot;
use crate::state::Tables;
use crate::table_state::TableState;
use crate::version::Version;
use crate::wal::{self, First, Logged, ReplayOutcome};
use crate::{Error, Result, layout};

/// Everything that was read, and where to go on.
#[derive(Debug)]
pub(super) struct Reading {
    standing: Standing,
    pub(super) database_id: u64,
    version: Version,
    pub(super) tables: Tables,
    rows: Rows,
    log: ReplayOutcome,
}

/// How far the rows of the log have come.
#[derive(Debug)]
struct Rows {
    active: Generation,
    last_commit: u64,
    last_time: i64,
    next_seq: BTreeMap<u32, i64>,
}

impl Reading {
    /// Reads what is there, but for what `before` has open of the same database.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Corrupt`], [`Error::Unsupported`], [`Error::Io`];
    /// [`Error::Overtaken`] if it changed meanwhile.
    pub(super) fn begin(
        options: &Options,
        root: &Path,
        before: Option<(u64, &Snapshot)>,
    ) -> Result<Reading> {
        let vfs = &options.vfs;
        let Found::Database(loaded) = manifest::load(&**vfs, root)? else {
            return Err(Error::NoDatabase { path: root.to_owned() });
        };
        let standing = Standing::of(&loaded);
        let database_id = loaded.meta.database_id;
        let before = before.filter(|(id, _)| *id == database_id).map(|(_, view)| view);
        let mut tables = recovery::tables_of(vfs, root, database_id, &loaded)?;
        tables.by_id.values().try_for_each(|table| open_files(table, before))?;
        let version = loaded.version;
        if mutant::on("follower-keeps-dropped-tables") {
            keep_dropped(&mut tables, before);
        }
        let (rows, log) = {
            let dir = dir(root);
            let mut replayed = Replayed::behind(options, &dir, &version, &mut tables);
            let number = version.log_number.max(1);
            let first = First { number, carries: version.carries_into(number) };
            let handler = &mut |it| take(&mut replayed, it);
            let log = wal::replay(vfs, &dir, database_id, first, handler)?;
            if let Some(segment) = log.first_segment() {
                replayed.check_follows(segment.number, segment.first_commit)?;
            }
            (Rows::of(replayed), log)
        };
        let reading = Reading { standing, database_id, version, tables, rows, log };
        reading.check_whole(&**vfs, root)?;
        Ok(reading)
    }

    /// Reads what has come to the log since; whether there was anything. `None` if it takes a new
    /// reading: the MANIFEST has moved, or the log is not what it was.
    ///
    /// # Errors
    /// As [`Reading::begin`]; then, too, it takes a new reading.
    pub(super) fn go_on(&mut self, options: &Options, root: &Path) -> Result<Option<bool>> {
        let vfs = &options.vfs;
        if !self.standing.stands(&**vfs, root)? {
            return Ok(None);
        }
        let (dir, id) = (dir(root), self.database_id);
        let before = (self.rows.last_commit, self.log.end_lsn);
        let mut replayed = Replayed::behind(options, &dir, &self.version, &mut self.tables);
        self.rows.go_on(&mut replayed);
        let handler = &mut |it| take(&mut replayed, it);
        let log = if self.log.first_segment().is_none() {
            let first = First { number: self.version.log_number.max(1), carries: false };
            Some(wal::replay(vfs, &dir, id, first, handler)?)
        } else {
            wal::go_on(vfs, &dir, id, &self.log, handler)?
        };
        let Some(log) = log else { return Ok(None) };
        self.rows = Rows::of(replayed);
        self.log = log;
        self.check_whole(&**vfs, root)?;
        Ok(Some(before != (self.rows.last_commit, self.log.end_lsn)))
    }

    /// That the log was not taken away while it was read: where it ends before its last segment,
    /// its first ones may have been flushed and removed.
    fn check_whole(&self, vfs: &dyn Vfs, root: &Path) -> Result<()> {
        let is_doubtful = self.log.first_segment().is_none() || self.log.ends_early();
        if is_doubtful
            && !self.standing.stands(vfs, root)?
            && !mutant::on("follower-takes-a-gap-for-the-end")
        {
            return Err(Error::Overtaken { path: root.to_owned(), attempts: 1 });
        }
        Ok(())
    }

    /// The number of the last commit.
    pub(super) fn last_commit(&self) -> u64 {
        self.rows.last_commit
    }

    /// Segments of the log, and bytes of the last one.
    pub(super) fn log_figures(&self) -> (u64, u64) {
        self.log.figures()
    }
}

impl Rows {
    fn of(replayed: Replayed<'_>) -> Rows {
        let Replayed { active, last_commit, last_time, next_seq, .. } = replayed;
        Rows { active, last_commit, last_time, next_seq }
    }

    fn go_on(&mut self, replayed: &mut Replayed<'_>) {
        replayed.active = std::mem::take(&mut self.active);
        replayed.next_seq = std::mem::take(&mut self.next_seq);
        (replayed.last_commit, replayed.last_time) = (self.last_commit, self.last_time);
    }
}

fn dir(root: &Path) -> PathBuf {
    root.join(layout::WAL_DIR)
}

/// Takes in what the log holds.
fn take(rows: &mut Replayed<'_>, logged: Logged) -> Result<()> {
    match logged {
        Logged::Commit(mut commit) => {
            if mutant::when("follower-splits-a-commit", || commit.tables.len() > 1) {
                commit.tables.truncate(1);
            }
            rows.add(&commit)
        }
        Logged::Carry(_) if mutant::on("follower-forgets-the-carried") => Ok(()),
        Logged::Carry(carry) => rows.carry(&carry),
    }
}

/// Opens the files of a table that the view before does not have open.
fn open_files(table: &Arc<TableState>, before: Option<&Snapshot>) -> Result<()> {
    let files = table.files();
    let known = before.and_then(|view| view.find(&table.name, table.id)).map(|t| &t.files);
    let mut ssts = files.ssts.clone();
    for sst in &mut ssts {
        let same = known.and_then(|known| known.ssts.iter().find(|old| old.meta == sst.meta));
        if let Some(same) = same {
            *sst = Arc::clone(same);
        }
        if !mutant::on("follower-opens-late") {
            sst.reader()?;
        }
    }
    let mut indexes = files.indexes.clone();
    for (field, index) in &mut indexes {
        let known = known.and_then(|known| known.indexes.get(field));
        for (sst, file) in &mut index.files {
            let same = known.and_then(|known| known.files.get(sst));
            if let Some(same) = same.filter(|old| old.meta == file.meta) {
                *file = Arc::clone(same);
            }
            if !mutant::on("follower-opens-indexes-late") {
                file.reader()?;
            }
        }
    }
    table.set_files(ssts, indexes, files.dropped_below);
    Ok(())
}

/// A bug to be planted: what the view before had stays, whatever became of it.
fn keep_dropped(tables: &mut Tables, before: Option<&Snapshot>) {
    let names = before.map(Snapshot::tables).unwrap_or_default();
    for old in names.iter().filter_map(|name| before?.table(name).ok()) {
        if !tables.by_name.contains_key(old.name()) {
            tables.insert(old.state);
        }
    }
}
