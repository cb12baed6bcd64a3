//! What the database must hold: the commits in their order, and what may become of each.
//!
//! ```text
//!                  ┌── acknowledge ──► commits  (Memory, Os or Disk)
//!   begin ► waiting┤
//!                  └── fail ─────────► doubt    (may come back at a crash, until a sync)
//!
//!   crash:  commits[..k] ++ some of doubt ++ some of waiting   with k at least what is safe
//! ```
//!
//! Invariants:
//! 1. `commits` is in commit order; each table's rows are the rows of its commits in that order.
//! 2. `safe_at_disk <= commits.len()`, `safe_at_os <= commits.len()`: so many commits survive the
//!    loss of power, or of the process.
//! 3. Everything here follows from what the database answered, never from how it works.
//!
//! The matching of a recovered database against this is in `recovery.rs`; what its rows answer to
//! conditions and figures, in `question.rs` and `sums.rs`.

mod ledger;
pub mod question;
mod recovery;
mod rows;
pub mod sums;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use srdb::{Retention, Value};

use crate::oracle::Violation;
use crate::plan::{self, Level};
use crate::shape::Shape;

pub use ledger::{Entry, Known, Ledger};
pub use recovery::{Death, Excuse, Found, FoundRow, FoundTable};
pub use rows::Rows;

/// The values of one row.
pub type Values = Arc<[Value]>;

/// The number of a table in the model: never given twice, unlike its name.
pub type TableId = usize;

/// What is known of a table that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Live,
    /// Its creation failed: it may be there, and after a crash too.
    MaybeCreated,
    /// Its removal failed: it may be there, and after a crash too.
    MaybeDropped,
}

/// A table, while it has a name.
#[derive(Debug, Clone)]
pub struct Table {
    /// The number in its name.
    pub slot: u8,
    /// Its fields.
    pub shape: Shape,
    /// What fields it may have instead, if several attempts to create it have failed.
    pub or_shapes: Vec<Shape>,
    /// Whether it is there.
    pub standing: Standing,
    /// The rows that can be read, and those that were dropped.
    pub rows: Rows,
    /// `_seq`s below which rows may have been dropped: attempts that have failed, which a crash may
    /// bring back.
    pub maybe_dropped: Vec<i64>,
    /// How much of it is kept.
    pub limits: Retention,
    /// Limits that may have been set, likewise.
    pub maybe_limits: Vec<Retention>,
}

/// The rows of one commit in one table.
#[derive(Debug, Clone)]
pub struct Part {
    /// The table.
    pub table: TableId,
    /// Its rows, in order.
    pub rows: Vec<Values>,
}

/// A commit.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its number in the plan: the step that made it, from 1.
    pub uid: u64,
    /// How durable it was asked to be.
    pub level: Level,
    /// What it inserts, one part per table.
    pub parts: Vec<Part>,
    /// The `_time` of its rows, once known.
    pub time: Option<i64>,
    /// Its number in the database, once known.
    pub number: Option<u64>,
}

/// What the database answered about a commit that succeeded.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The commit's number in the database.
    pub number: u64,
    /// The `_time` of its rows.
    pub time: i64,
    /// The first `_seq` per part, and how many.
    pub seqs: Vec<(i64, i64)>,
}

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub struct Model {
    tables: BTreeMap<TableId, Table>,
    names: BTreeMap<u8, TableId>,
    next_table: TableId,
    commits: Vec<Commit>,
    waiting: VecDeque<Commit>,
    doubt: Vec<Commit>,
    /// Commits that were in doubt and are not any more, kept if a sync may have been a lie.
    forgotten: Vec<Commit>,
    keeps_forgotten: bool,
    /// A name has stood for more than one table, or for none again.
    names_changed: bool,
    safe_at_disk: usize,
    safe_at_os: usize,
    /// The operating system has lost some of the log since it was last synced or read.
    has_holes: bool,
    last_number: u64,
    last_time: i64,
}

impl Model {
    /// An empty database.
    pub fn new() -> Self {
        Model { last_time: i64::MIN, ..Model::default() }
    }

    /// The table of this number, if the model knows one.
    pub fn table(&self, slot: u8) -> Option<(TableId, &Table)> {
        let id = *self.names.get(&slot)?;
        Some((id, self.tables.get(&id)?))
    }

    /// A table that still has a name.
    pub fn table_by_id(&self, id: TableId) -> Option<&Table> {
        self.tables.get(&id)
    }

    /// Every table that has a name, sorted by that.
    pub fn tables(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.names.values().filter_map(|id| Some((*id, self.tables.get(id)?)))
    }

    /// How many commits are believed to be there.
    pub fn commit_count(&self) -> usize {
        self.commits.len()
    }

    /// The number of the last commit that was acknowledged and is still there; 0 if none is.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// How many commits survive the loss of power.
    pub fn safe_at_disk(&self) -> usize {
        self.safe_at_disk
    }

    /// How many commits survive the process.
    pub fn safe_at_os(&self) -> usize {
        self.safe_at_os
    }

    /// How many of the first commits come to so many rows in each of these tables, at the most.
    pub fn commits_of(&self, rows: &BTreeMap<TableId, usize>) -> Option<usize> {
        let mut sums: BTreeMap<TableId, usize> = rows.keys().map(|id| (*id, 0)).collect();
        let mut found = (sums == *rows).then_some(0);
        for (at, commit) in self.commits.iter().enumerate() {
            for part in &commit.parts {
                sums.entry(part.table).and_modify(|sum| *sum += part.rows.len());
            }
            if sums == *rows {
                found = Some(at + 1);
            }
        }
        found
    }

    /// A table was created, or the attempt failed.
    pub fn created(&mut self, slot: u8, shape: Shape, standing: Standing) {
        let id = self.next_table;
        self.next_table += 1;
        if let Some(old) = self.names.insert(slot, id) {
            self.tables.remove(&old);
            self.names_changed = true;
        }
        self.tables.insert(id, Table::new(slot, shape, standing));
    }

    /// Another attempt to create a table that may be there has failed, with these fields.
    pub fn may_also_be(&mut self, slot: u8, shape: Shape) {
        if let Some(table) = self.names.get(&slot).and_then(|id| self.tables.get_mut(id)) {
            table.or_shapes.push(shape);
        }
    }

    /// What was doubtful about a table has shown itself, or become doubtful.
    pub fn set_standing(&mut self, slot: u8, standing: Standing) {
        if let Some(table) = self.names.get(&slot).and_then(|id| self.tables.get_mut(id)) {
            table.standing = standing;
        }
    }

    /// A table is gone for good.
    pub fn dropped(&mut self, slot: u8) {
        if let Some(id) = self.names.remove(&slot) {
            self.tables.remove(&id);
            self.names_changed = true;
        }
    }

    /// The rows of a table below a `_seq` were dropped, or the attempt failed.
    pub fn dropped_before(&mut self, slot: u8, seq: i64, is_done: bool) {
        let Some(table) = self.names.get(&slot).and_then(|id| self.tables.get_mut(id)) else {
            return;
        };
        match is_done {
            true => table.rows.drop_before(seq),
            false => table.maybe_dropped.push(seq.min(table.rows.len() as i64 + 1)),
        }
    }

    /// The limits of a table were set, or the attempt failed.
    pub fn limited(&mut self, slot: u8, limits: Retention, is_done: bool) {
        let Some(table) = self.names.get(&slot).and_then(|id| self.tables.get_mut(id)) else {
            return;
        };
        match is_done {
            // An edit that failed before is taken back, at the latest by the one behind it.
            true => (table.limits, table.maybe_limits) = (limits, Vec::new()),
            false => table.maybe_limits.push(limits),
        }
    }

    /// The commit that step `uid` makes of these rows; tables the model does not know are left out.
    pub fn begin(&self, uid: u64, rows: &[plan::Rows], level: Level) -> Commit {
        let mut parts: Vec<Part> = Vec::new();
        for (number, rows) in rows.iter().enumerate() {
            let Some((id, table)) = self.table(rows.table) else { continue };
            let values =
                (0..rows.rows).map(|i| table.shape.row(uid, number as u64, i, rows.fill).into());
            match parts.iter_mut().find(|part| part.table == id) {
                Some(part) => part.rows.extend(values),
                None => parts.push(Part { table: id, rows: values.collect() }),
            }
        }
        Commit { uid, level, parts, time: None, number: None }
    }

    /// A commit was queued.
    pub fn wait_for(&mut self, commit: Commit) {
        self.waiting.push_back(commit);
    }

    /// The commits that were queued and not heard of since, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &Commit> {
        self.waiting.iter()
    }

    /// Takes back a queued commit whose outcome is known now.
    pub fn take_waiting(&mut self, uid: u64) -> Option<Commit> {
        let at = self.waiting.iter().position(|commit| commit.uid == uid)?;
        self.waiting.remove(at)
    }

    /// A commit succeeded: its rows can be read and are as durable as it asked for.
    ///
    /// # Errors
    /// If the answer does not fit what went before it.
    pub fn acknowledge(&mut self, mut commit: Commit, ack: &Ack) -> Result<(), Violation> {
        let wrong = |what: String| {
            Err(Violation::new("model", format!("commit of step {}: {what}", commit.uid - 1)))
        };
        if ack.number <= self.last_number {
            return wrong(format!("number {} after number {}", ack.number, self.last_number));
        }
        if ack.time < self.last_time {
            return wrong(format!("_time {} after _time {}", ack.time, self.last_time));
        }
        for (part, &(first, count)) in commit.parts.iter().zip(&ack.seqs) {
            let Some(table) = self.tables.get(&part.table) else { continue };
            let expected = table.rows.len() as i64 + 1;
            if first != expected || count != part.rows.len() as i64 {
                return wrong(format!(
                    "{count} rows from _seq {first} in t{}, expected {} from {expected}",
                    table.slot,
                    part.rows.len(),
                ));
            }
        }
        self.last_number = ack.number;
        self.last_time = ack.time;
        commit.time = Some(ack.time);
        commit.number = Some(ack.number);
        self.append(commit);
        Ok(())
    }

    /// A queued commit nobody waited for has turned out to be there.
    pub fn acknowledge_unheard(&mut self, commit: Commit) {
        self.append(commit);
    }

    fn append(&mut self, commit: Commit) {
        let level = commit.level;
        self.show(&commit);
        self.commits.push(commit);
        // What is written behind a hole in the log is not found, until a sync has mended it.
        if level >= Level::Os && !self.has_holes {
            self.safe_at_os = self.commits.len();
        }
        if level == Level::Disk {
            self.synced();
        }
    }

    fn show(&mut self, commit: &Commit) {
        for part in &commit.parts {
            if let Some(table) = self.tables.get_mut(&part.table) {
                let time = commit.time.unwrap_or(i64::MIN);
                table.rows.add(part.rows.iter().map(|row| (time, row.clone())));
            }
        }
    }

    /// A commit failed: a crash may bring it back.
    pub fn fail(&mut self, commit: Commit) {
        self.doubt.push(commit);
    }

    /// Every commit so far is at `Disk`, and those that failed before will not come back.
    pub fn synced(&mut self) {
        self.safe_at_disk = self.commits.len();
        self.safe_at_os = self.commits.len();
        self.has_holes = false;
        self.forget_doubt();
    }

    fn forget_doubt(&mut self) {
        if self.keeps_forgotten {
            self.forgotten.append(&mut self.doubt);
        }
        self.doubt.clear();
    }

    /// Syncs may be lies: what failed before one may come back after all.
    pub fn syncs_may_lie(&mut self) {
        self.keeps_forgotten = true;
    }

    /// The operating system has lost what it held of the log: a commit at `Os` is no safer than one
    /// at `Memory` then, and no database could make it so. Nor are those that come behind it, up to
    /// the next sync, which writes the log anew, or finds the hole.
    pub fn lost_by_the_system(&mut self) {
        self.safe_at_os = self.safe_at_disk;
        self.has_holes = true;
    }
}

impl Table {
    fn new(slot: u8, shape: Shape, standing: Standing) -> Table {
        Table {
            slot,
            shape,
            or_shapes: Vec::new(),
            standing,
            rows: Rows::new(),
            maybe_dropped: Vec::new(),
            limits: Retention::new(),
            maybe_limits: Vec::new(),
        }
    }
}
