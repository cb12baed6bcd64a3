//! What the database says of itself, against what the model knows.
//!
//! Counters begin anew with each opening, so the [`Tally`] does too. Commits whose fate is not
//! known yet, or was never heard of, make a range of what may have been counted.

use srdb::{DataType, Stats, Value};

use super::Run;
use crate::model::Commit;
use crate::oracle::Violation;
use crate::plan::Level;

/// What was counted by hand since the database was opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Of commits that are known to have succeeded.
    sure: Sum,
    /// Of those that nobody waited for and whose table is gone: they may have.
    maybe: Sum,
    /// The last commit, the rows in memory and those in SSTs at the opening.
    opened: (u64, u64, u64),
    /// The counters when they were last looked at; none goes down.
    before: Option<[u64; 13]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    commits: u64,
    rows: u64,
    bytes: u64,
    /// Commits at `Disk`.
    synced: u64,
}

impl Sum {
    fn add(&mut self, commit: &Commit) {
        let rows = || commit.parts.iter().flat_map(|part| &part.rows);
        self.commits += u64::from(!commit.parts.is_empty());
        self.rows += rows().count() as u64;
        self.bytes += rows().flat_map(|row| row.iter()).map(value_bytes).sum::<u64>();
        self.synced += u64::from(!commit.parts.is_empty() && commit.level == Level::Disk);
    }

    fn figures(&self) -> [(&'static str, u64); 4] {
        let Sum { commits, rows, bytes, synced } = *self;
        [("commits", commits), ("rows", rows), ("bytes", bytes), ("commits at Disk", synced)]
    }
}

/// Bytes beyond those that every value of the field takes. A text has its length before it.
fn value_bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) | Value::Json(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        _ => 0,
    }
}

/// Bytes that every value of a field takes in the plain encoding, null or not.
fn width(data_type: DataType) -> u64 {
    match data_type {
        DataType::Bool | DataType::Int8 | DataType::UInt8 => 1,
        DataType::Int16 | DataType::UInt16 => 2,
        DataType::Int32 | DataType::UInt32 | DataType::Float32 => 4,
        DataType::String | DataType::Bytes | DataType::Json => 4,
        DataType::Decimal => 16,
        _ => 8,
    }
}

impl Tally {
    /// At the opening.
    pub(super) fn at_opening(stats: &Stats) -> Self {
        let memory = stats.tables.iter().map(|table| table.memtable_rows).sum();
        let ssts = stats.tables.iter().map(|table| table.sst_rows).sum();
        Tally { opened: (stats.last_commit, memory, ssts), ..Tally::default() }
    }
}

impl Run {
    /// Takes down a commit that has succeeded.
    pub(super) fn tally(&mut self, commit: &Commit) {
        let mut sum = self.tally.sure;
        self.add_to(&mut sum, commit);
        self.tally.sure = sum;
    }

    /// Takes down one of which nobody will ever know.
    pub(super) fn tally_maybe(&mut self, commit: &Commit) {
        let mut sum = self.tally.maybe;
        self.add_to(&mut sum, commit);
        self.tally.maybe = sum;
    }

    fn add_to(&self, sum: &mut Sum, commit: &Commit) {
        sum.add(commit);
        for part in &commit.parts {
            // By the number of its values: the table itself may be gone.
            let fields = part.rows.first().map_or(0, |row| row.len());
            let shape = crate::shape::Shape::ALL.into_iter().find(|s| s.fields().len() == fields);
            let widths = shape.map_or(0, |s| s.fields().iter().map(|field| width(field.1)).sum());
            sum.bytes += widths * part.rows.len() as u64;
        }
    }

    /// Figures that can be had without reading: counts, names, statistics.
    pub(super) fn figures(&mut self) -> Result<String, Violation> {
        let stats = self.db()?.stats();
        self.settle()?;
        self.counters(&stats)?;
        self.tables_of(&stats)
    }

    fn counters(&mut self, stats: &Stats) -> Result<(), Violation> {
        let wrong = |what: String| Err(Violation::new("figures", format!("{what}: {stats:?}")));
        let (last, in_memory, in_ssts) = self.tally.opened;
        let Stats { commits, flushes, writes, .. } = stats;
        if commits.commits != stats.last_commit.saturating_sub(last) {
            return wrong(format!("{} commits since {last}", commits.commits));
        }
        let mut most = self.tally.maybe;
        let waiting: Vec<Commit> = self.model.waiting().cloned().collect();
        waiting.iter().for_each(|commit| self.add_to(&mut most, commit));
        let synced = stats.latencies.commit_disk.count;
        let counted = [commits.commits, commits.rows, commits.bytes, synced];
        let sure = self.tally.sure.figures();
        for ((counted, (what, sure)), (_, more)) in counted.iter().zip(sure).zip(most.figures()) {
            if !(sure..=sure + more).contains(counted) {
                return wrong(format!("{what}: from {sure} to {} are known", sure + more));
            }
        }
        if commits.groups > commits.commits || commits.group_commits_max > commits.commits {
            return wrong("groups without commits".to_owned());
        }
        if flushes.rows > in_memory + commits.rows {
            return wrong("more rows were flushed than there were".to_owned());
        }
        let ssts: u64 = stats.tables.iter().map(|table| table.sst_rows).sum();
        // A flush counts when its log is given up; its SSTs are there one step before.
        if stats.frozen_generations == 0 && ssts > in_ssts + flushes.rows {
            return wrong(format!("{ssts} rows are in SSTs, after {in_ssts} at the opening"));
        }
        if writes.sst.bytes + writes.index.bytes < flushes.bytes {
            return wrong("less was written than flushed".to_owned());
        }
        if writes.manifest.syncs < flushes.flushes {
            return wrong("a flush without a sync of the MANIFEST".to_owned());
        }
        let amplification = stats.write_amplification();
        let bytes = writes.bytes() as f64;
        if amplification != (commits.bytes > 0).then(|| bytes / commits.bytes as f64) {
            return wrong(format!("write amplification {amplification:?}"));
        }
        let now = [
            commits.commits,
            commits.rows,
            commits.bytes,
            commits.groups,
            flushes.flushes,
            flushes.rows,
            flushes.bytes,
            flushes.failed,
            writes.bytes(),
            writes.syncs(),
            stats.removed_files,
            stats.dropped_rows,
            stats.stalls.stalls,
        ];
        if let Some(before) = self.tally.before.replace(now)
            && before.iter().zip(&now).any(|(before, now)| before > now)
        {
            return wrong(format!("a counter goes down, after {before:?}"));
        }
        Ok(())
    }

    fn tables_of(&mut self, stats: &Stats) -> Result<String, Violation> {
        let db = self.db()?;
        let wrong = |what: String| Err(Violation::new("model", what));
        if stats.last_commit < self.model.last_number() {
            let known = self.model.last_number();
            return wrong(format!(
                "commit {known} was acknowledged, the last is {}",
                stats.last_commit
            ));
        }
        let had_cause = self.may_be_poisoned();
        if self.poisoned && !stats.poisoned || stats.poisoned && !had_cause {
            return Err(Violation::new("faults", format!("poisoned is {}", stats.poisoned)));
        }
        let listed: Vec<&String> = stats.tables.iter().map(|table| &table.name).collect();
        if db.tables().len() != listed.len() || db.tables().iter().any(|t| !listed.contains(&t)) {
            return wrong(format!("tables() gives {:?}, stats() {listed:?}", db.tables()));
        }
        if db.snapshot().tables() != db.tables() {
            return wrong("a snapshot has other tables than the database".to_owned());
        }
        for slot in self.model.tables().map(|(_, table)| table.slot).collect::<Vec<_>>() {
            let Some((table, rows)) = self.both(slot)? else { continue };
            let last_seq = rows.len() as i64;
            let (first_seq, rows) = (rows.first_seq(), rows.kept().len() as u64);
            let figures = (table.count(), table.first_seq(), table.last_seq());
            if figures != (rows, first_seq, last_seq) {
                return wrong(format!("t{slot} has {rows} rows from {first_seq}, not {figures:?}"));
            }
            let limits = self.model.table(slot).map(|(_, model)| model.limits.clone());
            if limits.is_some_and(|limits| limits != table.retention()) {
                return wrong(format!("t{slot} has other limits: {:?}", table.retention()));
            }
            let Some(figures) = stats.tables.iter().find(|t| t.id == table.id()) else {
                return wrong(format!("stats() does not list t{slot}"));
            };
            let sum = figures.sst_rows + figures.memtable_rows;
            if figures.rows != rows || sum < rows || (figures.ssts == 0) != (figures.sst_rows == 0)
            {
                return wrong(format!("t{slot} has {rows} rows; stats() says {figures:?}"));
            }
        }
        Ok(format!("{} tables", listed.len()))
    }
}
