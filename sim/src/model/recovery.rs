//! Matches what a recovery found against what it may find.
//!
//! Rows give themselves away by their id, so there is at most one way to explain what was found:
//! walk the commits in their order as far as their rows are there, then the doubtful ones, then
//! nothing may be left over.

use std::collections::BTreeMap;

use super::{Commit, Model, Standing, TableId, Values};
use crate::oracle::Violation;
use crate::plan::Level;
use crate::shape::Shape;

/// What died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Nothing: the database was closed.
    Closed,
    /// The process.
    Process,
    /// The machine.
    Power,
}

/// What damage may cost without anybody noticing: a record that nothing vouches for looks like one
/// that was never finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse {
    /// Nothing.
    Nothing,
    /// All but so many commits: those of the last sync of the log.
    AllBut(usize),
    /// Anything at the end: what is there is a prefix of the commits all the same.
    Anything,
    /// The last edit of the MANIFEST, where it made or dropped a table. One that moved rows costs
    /// nothing: they stay in the log until another edit vouches for it.
    LastEdit,
}

/// One row that was found; its `_seq` follows from its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// `_time`.
    pub time: i64,
    /// The values of the fields.
    pub values: Values,
}

/// One table that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// The number in its name.
    pub slot: u8,
    /// How many fields it has.
    pub fields: usize,
    /// `_seq` of the first of its rows: those before were dropped.
    pub first_seq: i64,
    /// How much of it is kept.
    pub limits: srdb::Retention,
    /// All its rows, dense from there.
    pub rows: Vec<FoundRow>,
}

impl FoundTable {
    /// How many rows there were, dropped or not.
    fn end(&self) -> usize {
        self.dropped() + self.rows.len()
    }

    /// How many were dropped.
    pub fn dropped(&self) -> usize {
        usize::try_from(self.first_seq - 1).unwrap_or(0)
    }
}

/// Everything that a recovered database holds.
pub type Found = Vec<FoundTable>;

type Cursors<'a> = BTreeMap<TableId, (&'a FoundTable, usize)>;

/// How what was found came about.
struct Explanation {
    /// So many commits are there.
    there: usize,
    /// And after them these, which were doubtful.
    back: Vec<Commit>,
}

impl Model {
    /// Checks what was found after a death and goes on from there.
    ///
    /// # Errors
    /// If something is lost that must not be, or there that can't be, or out of order.
    pub fn recover(&mut self, found: &Found, death: Death) -> Result<(), Violation> {
        let explanation = self.explain(found, death, self.safe(death))?;
        self.adopt(found, explanation, death);
        Ok(())
    }

    /// Checks what was found on a damaged disk: the same, but what nothing vouches for may be
    /// lost.
    ///
    /// # Errors
    /// As [`Model::recover`].
    pub fn check_damaged(
        &self,
        found: &Found,
        death: Death,
        excuse: Excuse,
    ) -> Result<(), Violation> {
        let safe = match excuse {
            Excuse::Nothing => self.safe(death),
            Excuse::AllBut(vouched) => self.safe(death).min(vouched),
            Excuse::Anything => return self.check_no_hole(found),
            Excuse::LastEdit => return self.check_nothing_lost(found, death),
        };
        self.explain(found, death, safe).map(drop)
    }

    /// Checks what was found where the disk has done harm in silence, and goes on from there if
    /// that can be; `false` if what is there is legal, but nobody can say how it came about.
    ///
    /// # Errors
    /// As [`Model::recover`], but for the losses that the excuse covers.
    pub fn recover_damaged(
        &mut self,
        found: &Found,
        death: Death,
        excuse: Excuse,
    ) -> Result<bool, Violation> {
        let Err(strict) = self.recover(found, death) else { return Ok(true) };
        match excuse {
            Excuse::Nothing => Err(strict),
            Excuse::AllBut(vouched) => {
                let explanation = self.explain(found, death, self.safe(death).min(vouched))?;
                self.adopt(found, explanation, death);
                Ok(true)
            }
            Excuse::LastEdit | Excuse::Anything => {
                self.check_damaged(found, death, excuse).map(|()| false)
            }
        }
    }

    /// Checks that the rows of each table are those of a prefix of the commits. Where names have
    /// changed hands nobody can say which table came back; then only each row for itself is known
    /// ([`crate::oracle::rows`]).
    fn check_no_hole(&self, found: &Found) -> Result<(), Violation> {
        if self.names_changed {
            return Ok(());
        }
        let known = |table: &FoundTable| {
            self.table(table.slot).filter(|(_, t)| t.shape.fields().len() == table.fields)
        };
        let mut cursors: Cursors<'_> =
            found.iter().filter_map(|table| Some((known(table)?.0, (table, 0)))).collect();
        let there = self.commits.iter().take_while(|c| advance(&mut cursors, c).is_ok()).count();
        for commit in self.doubtful() {
            drop(advance(&mut cursors, commit));
        }
        match cursors.values().find(|(table, at)| *at < table.end()) {
            Some((table, at)) => Err(Violation::new("model", self.unexplained(table, *at, there))),
            None => Ok(()),
        }
    }

    /// Commits that may or may not be there, as they were handed in, and so written: in the order
    /// of their steps.
    fn doubtful(&self) -> Vec<&Commit> {
        let mut doubtful: Vec<&Commit> =
            self.forgotten.iter().chain(&self.doubt).chain(&self.waiting).collect();
        doubtful.sort_by_key(|c| c.uid);
        doubtful
    }

    /// Checks that of the tables that are there no row is missing. A table that was made last may
    /// be gone, and one that was dropped last may be there again, perhaps in the place of another.
    fn check_nothing_lost(&self, found: &Found, death: Death) -> Result<(), Violation> {
        let Ok(mut cursors) = self.match_tables(found) else { return Ok(()) };
        for commit in &self.commits[..self.safe(death)] {
            if let Err(why) = advance(&mut cursors, commit) {
                return Err(Violation::new("model", self.lost(commit, death, &why)));
            }
        }
        Ok(())
    }

    pub(super) fn safe(&self, death: Death) -> usize {
        match death {
            Death::Closed => self.commits.len(),
            Death::Process => self.safe_at_os,
            Death::Power => self.safe_at_disk,
        }
    }

    fn explain(&self, found: &Found, death: Death, safe: usize) -> Result<Explanation, Violation> {
        let mut cursors = self.match_tables(found)?;
        let there = self.commits.iter().take_while(|c| advance(&mut cursors, c).is_ok()).count();
        if let Some(lost) = self.commits[..safe].get(there) {
            let why = advance(&mut cursors, lost).err().unwrap_or_default();
            return Err(Violation::new("model", self.lost(lost, death, &why)));
        }
        let back: Vec<Commit> = self
            .doubtful()
            .into_iter()
            .filter(|c| advance(&mut cursors, c).is_ok())
            .cloned()
            .collect();
        let failed = |c: &&Commit| self.doubt.iter().any(|failed| failed.uid == c.uid);
        if death == Death::Closed
            && let Some(commit) = back.iter().find(failed)
        {
            let what =
                format!("a clean close brought back a failed commit, of step {}", commit.uid - 1);
            return Err(Violation::new("model", what));
        }
        if let Some((table, at)) = cursors.values().find(|(table, at)| *at < table.end()) {
            return Err(Violation::new("model", self.unexplained(table, *at, there)));
        }
        self.check_times(found)?;
        self.check_dropped(found)?;
        self.check_limits(found)?;
        Ok(Explanation { there, back })
    }

    fn match_tables<'a>(&self, found: &'a Found) -> Result<Cursors<'a>, Violation> {
        let wrong = |what: String| Err(Violation::new("model", what));
        let mut cursors = Cursors::new();
        for table in found {
            match self.table(table.slot) {
                None => return wrong(format!("table t{} is there and must not be", table.slot)),
                Some((_, model)) if model.shape_of(table).is_none() => {
                    return wrong(format!("table t{} has other fields than it had", table.slot));
                }
                Some((id, _)) => drop(cursors.insert(id, (table, 0))),
            }
        }
        for (id, table) in self.tables() {
            if table.standing == Standing::Live && !cursors.contains_key(&id) {
                return wrong(format!("table t{} is lost", table.slot));
            }
        }
        Ok(cursors)
    }

    /// Rows that were dropped stay so, and no others are gone.
    fn check_dropped(&self, found: &Found) -> Result<(), Violation> {
        for table in found {
            let Some((_, model)) = self.table(table.slot) else { continue };
            let known = model.rows.first_seq();
            let may_be = |seq: &i64| *seq == table.first_seq && *seq > known;
            if table.first_seq != known && !model.maybe_dropped.iter().any(may_be) {
                let what = format!(
                    "t{} begins with row {}, not {known}; attempts to drop: {:?}",
                    table.slot, table.first_seq, model.maybe_dropped
                );
                return Err(Violation::new("model", what));
            }
        }
        Ok(())
    }

    /// Limits are those that were set last, or of an attempt that has failed since.
    fn check_limits(&self, found: &Found) -> Result<(), Violation> {
        for table in found {
            let Some((_, model)) = self.table(table.slot) else { continue };
            if table.limits != model.limits && !model.maybe_limits.contains(&table.limits) {
                let what = format!(
                    "t{} has the limits {:?}, not {:?}; attempts to set some: {:?}",
                    table.slot, table.limits, model.limits, model.maybe_limits
                );
                return Err(Violation::new("retention", what));
            }
        }
        Ok(())
    }

    /// One `_time` per commit, the one that was acknowledged, and never going back.
    fn check_times(&self, found: &Found) -> Result<(), Violation> {
        let times = times_of(found);
        for table in found {
            let mut last = i64::MIN;
            for (i, row) in table.rows.iter().enumerate() {
                let seq = table.dropped() + i + 1;
                let wrong = |what: String| {
                    Err(Violation::new("model", format!("row {seq} of t{}: {what}", table.slot)))
                };
                if row.time < last {
                    return wrong(format!("_time {} after {last}", row.time));
                }
                last = row.time;
                let uid = uid_of(&row.values);
                if times.get(&uid) != Some(&row.time) {
                    return wrong("its _time is not that of the rest of its commit".to_owned());
                }
                let known = self.table(table.slot).and_then(|(_, t)| t.rows.get(seq - 1));
                if let Some((time, values)) = known
                    && *values == row.values
                    && *time != i64::MIN
                    && *time != row.time
                {
                    return wrong(format!("_time was {time} and is {}", row.time));
                }
            }
        }
        Ok(())
    }

    fn adopt(&mut self, found: &Found, explanation: Explanation, death: Death) {
        let Explanation { there, back } = explanation;
        let times = times_of(found);
        let gone: Vec<u8> =
            self.names.keys().copied().filter(|slot| !is_there(found, *slot)).collect();
        gone.into_iter().for_each(|slot| self.dropped(slot));
        for table in self.tables.values_mut() {
            let there = found.iter().find(|found| found.slot == table.slot);
            table.maybe_dropped.clear();
            table.maybe_limits.clear();
            if let Some(there) = there {
                table.limits = there.limits.clone();
            }
            table.shape = there.and_then(|there| table.shape_of(there)).unwrap_or(table.shape);
            table.or_shapes.clear();
            table.standing = Standing::Live;
        }
        self.doubt.retain(|c| back.iter().all(|b| b.uid != c.uid));
        self.doubt.extend(self.waiting.drain(..).filter(|c| back.iter().all(|b| b.uid != c.uid)));
        self.forgotten.retain(|c| back.iter().all(|b| b.uid != c.uid));
        if death != Death::Process {
            self.forget_doubt();
        }
        let lost = self.commits.split_off(there);
        if death == Death::Process {
            // What was written of them and taken back again may be pending still: then a power
            // failure before the next sync brings them back, whole and in their order.
            self.doubt.extend(lost);
        }
        self.commits.extend(back);
        self.safe_at_os = self.commits.len();
        self.has_holes = false;
        self.safe_at_disk = match death {
            Death::Process => self.safe_at_disk.min(there),
            Death::Power | Death::Closed => self.commits.len(),
        };
        // The numbers and times of what was lost may be given again.
        // So may those of commits whose tables are all gone: nothing is left of them.
        let is_seen = |c: &&Commit| c.parts.iter().any(|p| self.tables.contains_key(&p.table));
        let seen = self.commits.iter().filter(is_seen);
        self.last_number = seen.filter_map(|c| c.number).max().unwrap_or(0);
        for table in self.tables.values_mut() {
            table.rows.clear();
        }
        for i in 0..self.commits.len() {
            if let Some(time) = times.get(&self.commits[i].uid) {
                self.commits[i].time = Some(*time);
            }
            let commit = self.commits[i].clone();
            self.show(&commit);
        }
        for there in found {
            self.dropped_before(there.slot, there.first_seq, true);
        }
        self.last_time =
            self.tables.values().flat_map(|t| t.rows.last()).map(|r| r.0).max().unwrap_or(i64::MIN);
    }

    fn lost(&self, commit: &Commit, death: Death, why: &str) -> String {
        let level = if death == Death::Process { Level::Os } else { Level::Disk };
        format!(
            "the commit of step {} was safe at {level:?} and is lost after {death:?}: {why}",
            commit.uid - 1
        )
    }

    fn unexplained(&self, table: &FoundTable, at: usize, there: usize) -> String {
        let Some(row) = at.checked_sub(table.dropped()).and_then(|at| table.rows.get(at)) else {
            return format!("t{} has lost rows up to {}, and has none there", table.slot, at + 1);
        };
        let uid = uid_of(&row.values);
        let known = |list: &str, commit: Option<&Commit>| commit.map(|_| list.to_owned());
        let step = uid.saturating_sub(1);
        let by_uid = |c: &&Commit| c.uid == uid;
        let standing = known("acknowledged", self.commits.iter().find(by_uid))
            .or_else(|| known("failed", self.doubt.iter().find(by_uid)))
            .or_else(|| known("queued", self.waiting.iter().find(by_uid)))
            .unwrap_or_else(|| "unknown".to_owned());
        format!(
            "row {} of t{} can't be there: it is of step {step}, whose commit was {standing}; \
             {there} of {} commits are there before it; the row: {:?}",
            at + 1,
            table.slot,
            self.commits.len(),
            row.values,
        )
    }
}

/// Moves the cursors past the commit's rows, all or none.
fn advance(cursors: &mut Cursors<'_>, commit: &Commit) -> Result<(), String> {
    for part in &commit.parts {
        let Some((table, at)) = cursors.get(&part.table) else { continue };
        for (i, expected) in part.rows.iter().enumerate() {
            let here = || format!("row {} of t{}", at + i + 1, table.slot);
            // A row that was dropped can't be looked at.
            let Some(place) = (at + i).checked_sub(table.dropped()) else { continue };
            match table.rows.get(place) {
                None => return Err(format!("{} is missing", here())),
                Some(row) if row.values != *expected => {
                    return Err(format!("{} is {:?}, not {expected:?}", here(), row.values));
                }
                Some(_) => {}
            }
        }
    }
    for part in &commit.parts {
        if let Some((_, at)) = cursors.get_mut(&part.table) {
            *at += part.rows.len();
        }
    }
    Ok(())
}

impl super::Table {
    /// Which of the shapes that it may have was found; no two have as many fields.
    fn shape_of(&self, found: &FoundTable) -> Option<Shape> {
        let mut shapes = std::iter::once(&self.shape).chain(&self.or_shapes);
        shapes.find(|shape| shape.fields().len() == found.fields).copied()
    }
}

fn is_there(found: &Found, slot: u8) -> bool {
    found.iter().any(|table| table.slot == slot)
}

/// The `_time` of each commit, by the first of its rows.
fn times_of(found: &Found) -> BTreeMap<u64, i64> {
    let mut times = BTreeMap::new();
    for row in found.iter().flat_map(|table| &table.rows) {
        times.entry(uid_of(&row.values)).or_insert(row.time);
    }
    times
}

/// The step that a row says it is of.
fn uid_of(values: &Values) -> u64 {
    match values.first() {
        Some(srdb::Value::UInt(id)) => id >> 24,
        _ => 0,
    }
}
