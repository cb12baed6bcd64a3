//! Checkpoints: made beside the database, in steps between which anything may happen, and opened as
//! databases of their own.
//!
//! A checkpoint holds what could be read when it was begun, no more and no less. Once it is
//! acknowledged it is there, whatever dies; before, and after an error, there is nothing under its
//! name, or all of it.

use std::path::Path;
use std::sync::Arc;

use srdb::{Checkpoint, Database, Error, Progress};
use srdb_vfs::{MemDisk, Vfs};

use super::Run;
use super::read::{Expected, difference};
use crate::coverage::Phase;
use crate::db::{copy_root, named, open_at, read_all, table_name};
use crate::model::{Found, Standing};
use crate::oracle::image::look_at;
use crate::oracle::ssts::Ssts;
use crate::oracle::{Violation, manifest, structure};
use crate::plan::Options;
use crate::shape::Shape;
use crate::vfs::Watch;

/// What is known of a checkpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy {
    state: State,
    /// What it may hold: what each attempt began with, the last one last.
    may_hold: Vec<Vec<Held>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// It was begun: it is not there, or all of it is.
    #[default]
    Begun,
    /// It was acknowledged.
    Made,
    /// It was written to.
    Used,
}

/// A table of a checkpoint.
#[derive(Debug, Clone)]
struct Held {
    slot: u8,
    shape: Shape,
    /// It may also not be there.
    is_doubtful: bool,
    rows: Expected,
}

/// The checkpoint that is being made.
pub(super) struct Making {
    target: u8,
    checkpoint: Checkpoint,
    /// It has done a step, and so has its lock.
    has_begun: bool,
}

impl Run {
    /// Begins a checkpoint and does some of its steps.
    pub(super) fn checkpoint(
        &mut self,
        target: u8,
        steps: Option<u16>,
    ) -> Result<String, Violation> {
        let root = copy_root(target);
        if self.making.as_ref().is_some_and(|m| m.target == target && m.has_begun) {
            return self.make_twice(&root);
        }
        // What it has left is there for the next attempt.
        self.making = None;
        let is_there = is_there(&self.disk, &root);
        let held = self.held();
        match self.db()?.begin_checkpoint(&root) {
            Ok(_) if is_there => Err(wrong(&root, "it was begun where there is one already")),
            Ok(checkpoint) => {
                self.copies.entry(target).or_default().may_hold.push(held);
                self.making = Some(Making { target, checkpoint, has_begun: false });
                self.step_checkpoint(steps.unwrap_or(u16::MAX))
            }
            Err(Error::PathExists { .. }) if is_there => Ok("there is one".to_owned()),
            Err(e) => self.judge("beginning a checkpoint", &e).map(str::to_owned),
        }
    }

    /// A second attempt while the first is under way has to leave it alone.
    fn make_twice(&mut self, root: &Path) -> Result<String, Violation> {
        match self.db()?.checkpoint(root) {
            Err(Error::Locked { .. }) => Ok("locked".to_owned()),
            Err(e) => self.judge("a second attempt at a checkpoint", &e).map(str::to_owned),
            Ok(()) => Err(wrong(root, "it was made twice at the same time")),
        }
    }

    /// Goes on with the checkpoint that is being made.
    pub(super) fn step_checkpoint(&mut self, steps: u16) -> Result<String, Violation> {
        let Some(making) = &mut self.making else { return Ok("none is begun".to_owned()) };
        let target = making.target;
        for _ in 0..steps {
            making.has_begun = true;
            match making.checkpoint.step() {
                Ok(Progress::More) => {}
                Ok(_) => {
                    self.making = None;
                    if let Some(copy) = self.copies.get_mut(&target) {
                        copy.state = State::Made;
                        copy.may_hold.drain(..copy.may_hold.len() - 1);
                    }
                    self.check_copy(target)?;
                    return Ok("made".to_owned());
                }
                Err(e) => {
                    self.making = None;
                    let said = self.judge("a checkpoint", &e)?;
                    self.check_copy(target)?;
                    return Ok(said.to_owned());
                }
            }
        }
        Ok("begun".to_owned())
    }

    /// What a checkpoint that is begun now has to hold.
    fn held(&self) -> Vec<Held> {
        let held = |table: &crate::model::Table| Held {
            slot: table.slot,
            shape: table.shape,
            is_doubtful: table.standing != Standing::Live,
            rows: table.rows.clone(),
        };
        self.model.tables().map(|(_, table)| held(table)).collect()
    }

    /// Checks every checkpoint there is, or must be.
    pub(super) fn check_copies(&mut self) -> Result<(), Violation> {
        let targets: Vec<u8> = self.copies.keys().copied().collect();
        targets.into_iter().try_for_each(|target| self.check_copy(target))
    }

    /// Checks a checkpoint, on a copy of the disk: a database of its own, sound in every respect.
    fn check_copy(&mut self, target: u8) -> Result<(), Violation> {
        if self.disk.crashed() || self.excuse().is_some() {
            return Ok(());
        }
        let Some(copy) = self.copies.get(&target).filter(|c| c.state != State::Used) else {
            return Ok(());
        };
        let root = copy_root(target);
        if !is_there(&self.disk, &root) {
            return match copy.state {
                State::Made => Err(wrong(&root, "it was acknowledged and is not there")),
                _ => Ok(()),
            };
        }
        let disk = self.disk.fork();
        disk.clear_faults();
        disk.set_capacity(None);
        disk.crash_at(u64::MAX);
        let here = |v: Violation| wrong(&root, &format!("{}: {}", v.oracle, v.what));
        let seen = look_at(&disk, &root);
        let db = self.open_copy(&root, Arc::new(disk.clone()));
        let db = db.map_err(|e| wrong(&root, &format!("it does not open: {e}")))?;
        let found = read_copy(&root, &db)?;
        copy.holds(&found).map_err(|what| wrong(&root, &what))?;
        seen.agrees(&mut Ssts::default(), &db, &found).map_err(here)?;
        while let Some(job) = db.jobs().first().copied() {
            let failed = |e: Error| wrong(&root, &format!("a job in it: {e}"));
            db.step(job).map_err(failed)?;
        }
        structure::check(&db).map_err(here)?;
        manifest::at_rest(&look_at(&disk, &root)).map_err(here)
    }

    fn open_copy(&self, root: &Path, vfs: Arc<dyn Vfs>) -> srdb::Result<Database> {
        let options = Options { create_if_missing: false, ..self.plan.options.clone() };
        open_at(root, vfs, &self.clock_copy(), &options)
    }

    /// Opens a checkpoint where it lies, writes to it and removes it. The database does not notice.
    pub(super) fn use_checkpoint(&mut self, target: u8) -> Result<String, Violation> {
        let is_made = |copy: &Copy| copy.state == State::Made;
        if !self.copies.get(&target).is_some_and(is_made) || self.excuse().is_some() {
            return Ok("no checkpoint".to_owned());
        }
        let root = copy_root(target);
        // Faults are for the database; the power may fail here, too.
        self.disk.clear_faults();
        let capacity = self.disk.capacity();
        self.disk.set_capacity(None);
        let layers = self.layers(&self.disk, &Arc::new(Watch::default()));
        let before = self.copies.get(&target).cloned().unwrap_or_default();
        self.copies.entry(target).and_modify(|copy| copy.state = State::Used);
        let used = self.open_copy(&root, layers).and_then(|db| {
            let found = read_all(&db)?;
            self.write_to(&db, &before)?;
            db.close().map(|()| found)
        });
        let found = match used {
            _ if self.disk.crashed() => return Ok("the power has failed".to_owned()),
            Err(e) => return Err(wrong(&root, &format!("using it gives: {e}"))),
            Ok(Err(what)) => return Err(wrong(&root, &what)),
            Ok(Ok(found)) => found,
        };
        before.holds(&found).map_err(|what| wrong(&root, &what))?;
        if remove(&self.disk, &root).is_ok() {
            self.copies.remove(&target);
        }
        if !self.disk.crashed() {
            self.disk.set_capacity(capacity);
            self.enter(Phase::Read);
            self.check()?;
        }
        Ok("used and removed".to_owned())
    }

    /// Writes a row to each table, moves all of them to SSTs, and drops a table.
    fn write_to(&self, db: &Database, copy: &Copy) -> srdb::Result<()> {
        let tables = || copy.may_hold.iter().flatten().filter(|held| !held.is_doubtful);
        let uid = (1 << 30) + self.at as u64;
        for held in tables() {
            let row = held.shape.row(uid, 0, 0, 0);
            db.table(&table_name(held.slot))?.insert_many([named(held.shape, &row)])?;
        }
        db.flush()?;
        if let Some(held) = tables().next() {
            db.drop_table(&table_name(held.slot))?;
        }
        Ok(())
    }
}

impl Copy {
    /// Checks that it holds what one of the attempts began with.
    fn holds(&self, found: &Found) -> Result<(), String> {
        let differ = self.may_hold.iter().map(|held| other_tables(held, found));
        let mut last = None;
        for difference in differ {
            match difference {
                None => return Ok(()),
                difference => last = difference,
            }
        }
        Err(last.unwrap_or_else(|| "it was never begun".to_owned()))
    }
}

/// What is other than it must be.
fn other_tables(held: &[Held], found: &Found) -> Option<String> {
    for table in held {
        let there = found.iter().find(|there| there.slot == table.slot);
        let what = match there {
            None if table.is_doubtful => continue,
            None => Some("it is missing".to_owned()),
            Some(there) if there.first_seq != table.rows.first_seq() => {
                let due = table.rows.first_seq();
                Some(format!("it begins with row {}, not {due}", there.first_seq))
            }
            Some(there) => difference(&there.rows, table.rows.kept()),
        };
        if let Some(what) = what {
            return Some(format!("t{}: {what}", table.slot));
        }
    }
    let is_known = |slot: u8| held.iter().any(|table| table.slot == slot);
    let stranger = found.iter().find(|table| !is_known(table.slot));
    stranger.map(|table| format!("t{} is there and must not be", table.slot))
}

fn read_copy(root: &Path, db: &Database) -> Result<Found, Violation> {
    match read_all(db) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(what)) => Err(wrong(root, &what)),
        Err(e) => Err(wrong(root, &format!("a read fails: {e}"))),
    }
}

fn is_there(disk: &MemDisk, root: &Path) -> bool {
    disk.list().iter().any(|(path, _)| path == root)
}

/// Removes a directory and all that is in it, durably.
fn remove(disk: &MemDisk, root: &Path) -> std::io::Result<()> {
    let mut all = disk.list();
    all.retain(|(path, _)| path.starts_with(root));
    for (path, kind) in all.iter().rev() {
        match kind {
            srdb_vfs::EntryKind::Dir => disk.remove_dir(path)?,
            _ => disk.remove_file(path)?,
        }
    }
    disk.sync_dir(Path::new("/"))
}

fn wrong(root: &Path, what: &str) -> Violation {
    Violation::new("checkpoint", format!("{}: {what}", root.display()))
}
