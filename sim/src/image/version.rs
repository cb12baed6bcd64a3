//! The version: which tables and SSTs there are, by all edits of the MANIFEST up to here.
//!
//! ```text
//!   empty ── snapshot ──► version ── edit ──► version ── edit ──► … what counts
//! ```
//!
//! Invariants, which hold after each edit, or the edit is refused (format.md, "Applying edits"):
//! 1. Table ids are used once and are below `next_table`; names are unique.
//! 2. A table's SSTs follow on each other without a gap, by seq and by time, up to its `next_seq`.
//! 3. An edit leaves no row out.
//! 4. File numbers are from 1 and below `next_file`; none is alive twice.
//! 5. Nothing that counts up goes back.
//! 6. Rows that were dropped are not beyond the table's `next_seq`, and no SST has only such rows.
//! 7. An index file is of an SST that is alive and of a field that has an index, and has no more
//!    entries than the SST has rows.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{Damage, Result, damaged, ensure};
use super::edit::{Change, IndexRecord, Limits, SstRecord};
use super::schema::{Schema, Type, check_name};

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub schema: Schema,
    /// When it was created, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// The `_seq` of the row that follows those in SSTs.
    pub next_seq: i64,
    /// The `_seq` of the first row that was not dropped.
    pub dropped_below: i64,
    /// How much of it is kept.
    pub limits: Limits,
    /// The highest `_time` of the rows in SSTs.
    pub last_time: i64,
    /// Its SSTs by min seq.
    pub ssts: Vec<SstRecord>,
    /// The fields that have an index, by their place, and whether it is unique.
    pub indexes: BTreeMap<u32, bool>,
    /// The index files by SST and field.
    pub index_files: BTreeMap<(u64, u32), IndexRecord>,
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct Version {
    /// The tables by id.
    pub tables: BTreeMap<u32, Table>,
    /// WAL segments numbered below are obsolete; 0 before there is one.
    pub log_number: u64,
    /// The newest segment that has to begin with a carry while it is the first; 0: none was.
    pub carried_into: u64,
    /// Every file number in use is below.
    pub next_file: u64,
    /// The last commit whose rows are all in SSTs or in the first segment's carry.
    pub last_commit: u64,
    /// The highest `_time` of those commits.
    pub last_time: i64,
    /// Every table id ever used is below.
    pub next_table: u32,
}

impl Version {
    /// What the first edit is applied to.
    pub fn empty() -> Version {
        Version {
            tables: BTreeMap::new(),
            log_number: 0,
            carried_into: 0,
            next_file: 1,
            last_commit: 0,
            last_time: i64::MIN,
            next_table: 1,
        }
    }

    /// Applies an edit.
    ///
    /// # Errors
    /// If it can't be applied, or gives what can't be.
    pub fn apply(&mut self, changes: &[Change]) -> Result<()> {
        let next_seqs: BTreeMap<u32, i64> =
            self.tables.iter().map(|(id, table)| (*id, table.next_seq)).collect();
        let is_removal = |change: &&Change| matches!(change, Change::RemoveSst(..));
        for change in changes.iter().filter(is_removal) {
            self.change(change)?;
        }
        for change in changes.iter().filter(|change| !is_removal(change)) {
            self.change(change)?;
        }
        for (id, table) in &self.tables {
            // Of a table that is new, any row may be the first: a snapshot makes all its tables.
            let due = next_seqs.get(id).copied().unwrap_or(i64::MAX);
            table.check(due).map_err(|d| d.within(format!("table {id}")))?;
        }
        self.check_files()
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::CreateTable { id, name, schema, created_ns } => {
                self.create(*id, name, schema, *created_ns)
            }
            Change::DropTable(id) => match self.tables.remove(id) {
                Some(_) => Ok(()),
                None => damaged(format!("table {id} is dropped and not there")),
            },
            Change::AddSst(id, sst) => {
                let table = self.table(*id)?;
                let at = table.ssts.partition_point(|other| other.min_seq < sst.min_seq);
                table.ssts.insert(at, *sst);
                let next = sst.max_seq.checked_add(1);
                let next = next.ok_or_else(|| Damage("an SST has the last seq".to_owned()))?;
                table.next_seq = table.next_seq.max(next);
                table.last_time = table.last_time.max(sst.max_time);
                Ok(())
            }
            Change::RemoveSst(id, file) => {
                let table = self.table(*id)?;
                let before = table.ssts.len();
                table.ssts.retain(|sst| sst.file != *file);
                table.index_files.retain(|(sst, _), _| sst != file);
                ensure(table.ssts.len() < before, || {
                    format!("SST {file} of table {id} is removed and not there")
                })
            }
            Change::LogNumber(n) => forward("log number", &mut self.log_number, *n),
            Change::CarriedInto(n) => forward("carried into", &mut self.carried_into, *n),
            Change::NextFile(n) => forward("next file", &mut self.next_file, *n),
            Change::LastCommit(n) => forward("last commit", &mut self.last_commit, *n),
            Change::LastTime(n) => forward("last time", &mut self.last_time, *n),
            Change::NextTable(n) => forward("next table", &mut self.next_table, *n),
            Change::TableState { id, next_seq, last_time } => {
                let table = self.table(*id)?;
                forward("a table's next seq", &mut table.next_seq, *next_seq)?;
                forward("a table's last time", &mut table.last_time, *last_time)
            }
            Change::Close => Ok(()),
            Change::DropRows(id, first_seq) => {
                let table = self.table(*id)?;
                forward("a table's first row", &mut table.dropped_below, *first_seq)
            }
            Change::SetRetention(id, limits) => {
                self.table(*id)?.limits = limits.clone();
                Ok(())
            }
            Change::CreateIndex(id, field, unique) => {
                let before = self.table(*id)?.indexes.insert(*field, *unique);
                ensure(before.is_none(), || format!("field {field} of table {id} has two indexes"))
            }
            Change::DropIndex(id, field) => {
                let table = self.table(*id)?;
                table.index_files.retain(|(_, of), _| of != field);
                let before = table.indexes.remove(field);
                ensure(before.is_some(), || format!("field {field} of table {id} has no index"))
            }
            Change::AddIndexFile(id, file) => {
                let before = self.table(*id)?.index_files.insert((file.sst, file.field), *file);
                ensure(before.is_none(), || format!("SST {} has two files", file.sst))
            }
        }
    }

    fn create(&mut self, id: u32, name: &str, schema: &Schema, created_ns: i64) -> Result<()> {
        check_name(name)?;
        ensure(!self.tables.values().any(|table| table.name == name), || {
            format!("two tables are called {name:?}")
        })?;
        // A snapshot may say what is next before it says what there is.
        ensure(id >= 1 && !self.tables.contains_key(&id), || format!("table {id} comes twice"))?;
        let next = id.checked_add(1).ok_or_else(|| Damage("no table id is left".to_owned()))?;
        self.next_table = self.next_table.max(next);
        let table = Table {
            name: name.to_owned(),
            schema: schema.clone(),
            created_ns,
            next_seq: 1,
            dropped_below: 1,
            limits: Limits::default(),
            last_time: i64::MIN,
            ssts: Vec::new(),
            indexes: BTreeMap::new(),
            index_files: BTreeMap::new(),
        };
        self.tables.insert(id, table);
        Ok(())
    }

    fn table(&mut self, id: u32) -> Result<&mut Table> {
        self.tables.get_mut(&id).ok_or_else(|| Damage(format!("there is no table {id}")))
    }

    fn check_files(&self) -> Result<()> {
        let mut alive = BTreeSet::new();
        let ssts = self.tables.values().flat_map(|table| &table.ssts).map(|sst| sst.file);
        let indexes = self.tables.values().flat_map(|table| table.index_files.values());
        for number in ssts.chain(indexes.map(|index| index.file)) {
            ensure((1..self.next_file).contains(&number), || {
                format!("file {number} is not below the next file, {}", self.next_file)
            })?;
            ensure(alive.insert(number), || format!("file {number} is alive twice"))?;
        }
        Ok(())
    }
}

impl Table {
    /// The `_seq` of the first row that can be seen, or would be.
    pub fn first_seq(&self) -> i64 {
        let stored = self.ssts.first().map_or(self.next_seq, |sst| sst.min_seq);
        stored.max(self.dropped_below)
    }

    /// `due` is what the next seq was before the edit: no row from there on may be left out.
    fn check(&self, due: i64) -> Result<()> {
        let mut before: Option<&SstRecord> = None;
        for sst in &self.ssts {
            let here = |what: &str| format!("SST {} {what}", sst.file);
            let rows = sst.max_seq.checked_sub(sst.min_seq).and_then(|n| n.checked_add(1));
            let right = sst.min_seq >= 1
                && sst.min_time <= sst.max_time
                && rows.is_some_and(|rows| rows >= 1 && rows.unsigned_abs() == sst.rows)
                && sst.blocks >= 1
                && sst.size >= 1;
            ensure(right, || here("says what can't be"))?;
            if let Some(before) = before {
                ensure(sst.min_seq - 1 == before.max_seq, || here("leaves a gap"))?;
                ensure(sst.min_time >= before.max_time, || here("goes back in time"))?;
            }
            before = Some(sst);
        }
        ensure(self.dropped_below <= self.next_seq, || "rows were dropped early".to_owned())?;
        let is_all_dropped = |sst: &SstRecord| sst.max_seq < self.dropped_below;
        ensure(!self.ssts.first().is_some_and(is_all_dropped), || {
            "all rows of its first SST were dropped".to_owned()
        })?;
        if let (Some(first), Some(last)) = (self.ssts.first(), self.ssts.last()) {
            ensure(first.min_seq <= due, || format!("rows from {due} are left out"))?;
            let right = last.max_seq == self.next_seq - 1 && last.max_time <= self.last_time;
            ensure(right, || "its state is not that of its last SST".to_owned())?;
        }
        if let Some((name, _)) = &self.limits.age_of {
            let mut fields = self.schema.fields.iter();
            let is_time = fields.any(|f| f.name == *name && f.data_type == Type::Timestamp);
            ensure(is_time, || format!("field {name:?} says no age"))?;
        }
        for ((number, field), file) in &self.index_files {
            let sst = self.ssts.iter().find(|sst| sst.file == *number);
            let right = self.indexes.contains_key(field)
                && (*field as usize) < self.schema.fields.len()
                && file.keys <= file.entries
                && file.size >= 1
                && sst.is_some_and(|sst| file.entries <= sst.rows);
            ensure(right, || format!("index file {} can't be", file.file))?;
        }
        Ok(())
    }
}

fn forward<T: Ord + Copy + std::fmt::Display>(what: &str, old: &mut T, new: T) -> Result<()> {
    ensure(new >= *old, || format!("the {what} goes back from {old} to {new}"))?;
    *old = new;
    Ok(())
}
