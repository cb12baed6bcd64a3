//! The version: an immutable picture of which tables there are and which files hold their rows.
//!
//! Every edit makes a new version from the one before; readers keep theirs. Applying is pure, and
//! it is where an edit is judged, be it one that is about to be written or one read from disk:
//! an edit that would break an invariant is refused and changes nothing.
//!
//! Invariants
//! 1. Table ids are never reused and below `next_table`; names are unique and within limits.
//! 2. A table's SSTs are sorted by `_seq`, disjoint and adjacent, and end where `next_seq` begins;
//!    none is empty, and `_time` never goes back from one to the next.
//! 3. File numbers are below `next_file`; none is live twice.
//! 4. `next_file`, `next_table`, `last_commit`, `last_time`, `log_number`, `carried_into` and a
//!    table's `next_seq` and `last_time` never go back. An edit that adds rows to a table starts at
//!    or before the `next_seq` it finds, so no row is left out.
//! 5. Rows that were dropped stay so: a table's `dropped_below` never goes back, and is not beyond
//!    its `next_seq`. No SST is left that holds nothing else.
//! 6. An index file belongs to a live SST and to a field that has an index, each pair has one at
//!    the most, and it has no more entries than the SST has rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::edit::{Change, VersionEdit};
use crate::error::Damage;
use crate::index::IndexMeta;
use crate::limits::{FIELDS_MAX, NAME_BYTES_MAX, TABLES_MAX};
use crate::mutant;
use crate::retention::Retention;
use crate::sst::SstMeta;

/// One table of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableVersion {
    /// The table's id.
    pub(crate) id: u32,
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its encoded schema.
    pub(crate) schema: Arc<[u8]>,
    /// When it was created: ns since the epoch.
    pub(crate) created_time: i64,
    /// Its SSTs by `_seq`.
    pub(crate) ssts: Vec<SstMeta>,
    /// `_seq` after the last row that was ever in an SST; 1 for a new table.
    pub(crate) next_seq: i64,
    /// Rows below this `_seq` were dropped; 1 as long as none were.
    pub(crate) dropped_below: i64,
    /// How much of it is kept.
    pub(crate) retention: Arc<Retention>,
    /// `_time` of that row, or higher; `i64::MIN` for a new table.
    pub(crate) last_time: i64,
    /// The fields that have an index, by their place in the schema, and whether it is unique.
    pub(crate) indexes: BTreeMap<u32, bool>,
    /// The index files by SST and field. One that is missing is still to be built.
    pub(crate) index_files: BTreeMap<(u64, u32), IndexMeta>,
}

impl TableVersion {
    /// `_seq` of the first row that is in an SST, `next_seq` if none is.
    pub(crate) fn first_seq(&self) -> i64 {
        self.ssts.first().map_or(self.next_seq, |sst| sst.min_seq)
    }

    /// Invariant 2.
    fn check(&self) -> Result<(), Damage> {
        let mut previous: Option<&SstMeta> = None;
        for sst in &self.ssts {
            let rows = i128::from(sst.max_seq) - i128::from(sst.min_seq) + 1;
            let sound = sst.min_seq >= 1
                && rows >= 1
                && rows == i128::from(sst.rows)
                && sst.blocks >= 1
                && sst.size >= 1
                && sst.min_time <= sst.max_time;
            if !sound {
                return Err(self.damage(format!("SST {} contradicts itself", sst.file_number)));
            }
            if let Some(previous) = previous {
                if previous.max_seq.checked_add(1) != Some(sst.min_seq) {
                    return Err(self.damage(format!(
                        "SST {} ends at row {} and SST {} starts at row {}",
                        previous.file_number, previous.max_seq, sst.file_number, sst.min_seq
                    )));
                }
                if previous.max_time > sst.min_time {
                    return Err(self.damage(format!("time goes back into SST {}", sst.file_number)));
                }
            }
            previous = Some(sst);
        }
        if self.dropped_below > self.next_seq {
            return Err(self.damage(format!(
                "rows below {} were dropped, and the next is {}",
                self.dropped_below, self.next_seq
            )));
        }
        if let Some(first) = self.ssts.first().filter(|sst| sst.max_seq < self.dropped_below) {
            let number = first.file_number;
            return Err(self.damage(format!("all rows of SST {number} were dropped")));
        }
        let Some(last) = previous else { return Ok(()) };
        if last.max_seq.checked_add(1) != Some(self.next_seq) {
            return Err(self.damage(format!(
                "the next row is {} and the last SST ends at row {}",
                self.next_seq, last.max_seq
            )));
        }
        if last.max_time > self.last_time {
            return Err(self.damage("the last SST is newer than the table"));
        }
        Ok(())
    }

    /// Invariant 6.
    fn check_indexes(&self) -> Result<(), Damage> {
        if let Some(field) = self.indexes.keys().find(|field| **field as usize >= FIELDS_MAX) {
            return Err(self.damage(format!("an index of field {field}")));
        }
        for (&(sst, field), file) in &self.index_files {
            let rows = self.ssts.iter().find(|live| live.file_number == sst).map(|live| live.rows);
            let sound = self.indexes.contains_key(&field)
                && file.keys <= file.entries
                && rows.is_some_and(|rows| file.entries <= rows)
                && file.size >= 1;
            if !sound {
                return Err(self.damage(format!(
                    "index file {} of SST {sst} and field {field} can't be",
                    file.file_number
                )));
            }
        }
        Ok(())
    }

    fn damage(&self, what: impl std::fmt::Display) -> Damage {
        Damage::new(0, format!("table {} ({:?}): {what}", self.id, self.name))
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// The tables by id.
    pub(crate) tables: BTreeMap<u32, Arc<TableVersion>>,
    /// The ids by name.
    names: BTreeMap<Arc<str>, u32>,
    /// The live SSTs and index files: the table of each file number.
    files: BTreeMap<u64, u32>,
    /// WAL segments numbered below this are obsolete; 0 before there was one.
    pub(crate) log_number: u64,
    /// Every file number in use is below this.
    pub(crate) next_file: u64,
    /// The last WAL segment that rows were carried into when the log was cut down to it; 0 before
    /// there was one.
    pub(crate) carried_into: u64,
    /// The last commit whose rows are all in SSTs or carried into the log's first segment; 0 before
    /// there was one.
    pub(crate) last_commit: u64,
    /// The highest `_time` of those commits; `i64::MIN` before there was one.
    pub(crate) last_time: i64,
    /// Every table id ever used is below this.
    pub(crate) next_table: u32,
}

impl Default for Version {
    fn default() -> Self {
        Version {
            tables: BTreeMap::new(),
            names: BTreeMap::new(),
            files: BTreeMap::new(),
            log_number: 0,
            carried_into: 0,
            next_file: 1,
            last_commit: 0,
            last_time: i64::MIN,
            next_table: 1,
        }
    }
}

impl Version {
    /// The table of that name.
    #[cfg(test)]
    pub(crate) fn table_named(&self, name: &str) -> Option<&Arc<TableVersion>> {
        self.tables.get(self.names.get(name)?)
    }

    /// File numbers of the live SSTs and index files, each with its table, in ascending order.
    #[cfg(test)]
    pub(crate) fn live_files(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.files.iter().map(|(&file, &table)| (file, table))
    }

    /// The version after `edit`, or why there is none; the damage's offset is 0.
    pub(crate) fn apply(&self, edit: &VersionEdit) -> Result<Version, Damage> {
        let mut next = self.clone();
        next.change(edit)?;
        Ok(next)
    }

    /// Whether a segment of the log has to begin with rows that were carried into it.
    pub(crate) fn carries_into(&self, segment: u64) -> bool {
        segment == self.log_number && segment == self.carried_into && segment > 0
    }

    /// [`Version::apply`] in place, for replaying many edits. After an error, `self` is of no use.
    pub(crate) fn change(&mut self, edit: &VersionEdit) -> Result<(), Damage> {
        let mut touched = Touched { first_new_table: self.next_table, ..Touched::default() };
        if edit.changes.contains(&Change::Close) && !edit.is_close() {
            return Err(damage("a close is not alone in its edit"));
        }
        // Removals first, so that an edit may replace SSTs in whatever order it lists them.
        for change in &edit.changes {
            if let Change::RemoveSst { table, file_number } = change {
                self.remove_sst(*table, *file_number, &mut touched)?;
            }
        }
        for change in &edit.changes {
            self.one(change, &mut touched)?;
        }
        self.check(&touched)
    }

    fn one(&mut self, change: &Change, touched: &mut Touched) -> Result<(), Damage> {
        match change {
            Change::CreateTable { id, name, schema, created_time } => {
                self.create_table(*id, name, schema, *created_time, touched)
            }
            Change::DropTable { id } => self.drop_table(*id),
            Change::AddSst { table, meta } => self.add_sst(*table, meta, touched),
            Change::RemoveSst { .. } | Change::Close => Ok(()),
            Change::LogNumber(to) => raise("the log number", &mut self.log_number, *to),
            Change::CarriedInto(to) => {
                raise("the segment carried into", &mut self.carried_into, *to)
            }
            Change::NextFile(to) => raise("the next file number", &mut self.next_file, *to),
            Change::LastCommit(to) => raise("the last commit", &mut self.last_commit, *to),
            Change::LastTime(to) => raise("the last time", &mut self.last_time, *to),
            Change::NextTable(to) => raise("the next table id", &mut self.next_table, *to),
            Change::TableState { table, next_seq, last_time } => {
                let table = self.table_mut(*table, touched)?;
                raise("a table's next row", &mut table.next_seq, *next_seq)?;
                raise("a table's last time", &mut table.last_time, *last_time)
            }
            Change::CreateIndex { table, field, unique } => {
                let table = self.table_mut(*table, touched)?;
                match table.indexes.insert(*field, *unique) {
                    Some(_) => Err(table.damage(format!("field {field} has two indexes"))),
                    None => Ok(()),
                }
            }
            Change::DropIndex { table, field } => self.drop_index(*table, *field, touched),
            Change::AddIndexFile { table, meta } => self.add_index_file(*table, meta, touched),
            Change::DropRows { table, first_seq } => {
                let table = self.table_mut(*table, touched)?;
                raise("a table's first row", &mut table.dropped_below, *first_seq)
            }
            Change::SetRetention { table, limits } => {
                self.table_mut(*table, touched)?.retention = Arc::new(limits.clone());
                Ok(())
            }
        }
    }

    fn create_table(
        &mut self,
        id: u32,
        name: &Arc<str>,
        schema: &Arc<[u8]>,
        created_time: i64,
        touched: &mut Touched,
    ) -> Result<(), Damage> {
        // A table made and dropped within the edit is still in `created`: its id stays used.
        if id < touched.first_new_table || !touched.created.insert(id) {
            return Err(damage(format!("table id {id} is used twice")));
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(damage(format!("table {id} has a name of {} bytes", name.len())));
        }
        if self.tables.len() >= TABLES_MAX {
            return Err(damage(format!("there are more than {TABLES_MAX} tables")));
        }
        if self.names.insert(name.clone(), id).is_some() {
            return Err(damage(format!("two tables are named {name:?}")));
        }
        let after = id.checked_add(1).ok_or_else(|| damage("the table ids are used up"))?;
        self.next_table = self.next_table.max(after);
        let table = TableVersion {
            id,
            name: name.clone(),
            schema: schema.clone(),
            created_time,
            ssts: Vec::new(),
            next_seq: 1,
            dropped_below: 1,
            retention: Arc::default(),
            last_time: i64::MIN,
            indexes: BTreeMap::new(),
            index_files: BTreeMap::new(),
        };
        self.tables.insert(id, Arc::new(table));
        Ok(())
    }

    fn drop_table(&mut self, id: u32) -> Result<(), Damage> {
        let table = self.tables.remove(&id).ok_or_else(|| no_table(id))?;
        self.names.remove(&table.name);
        let index_files = table.index_files.values().map(|file| file.file_number);
        for number in table.ssts.iter().map(|sst| sst.file_number).chain(index_files) {
            self.files.remove(&number);
        }
        Ok(())
    }

    fn drop_index(&mut self, table: u32, field: u32, touched: &mut Touched) -> Result<(), Damage> {
        let found = self.table_mut(table, touched)?;
        if found.indexes.remove(&field).is_none() {
            return Err(found.damage(format!("field {field} has no index to drop")));
        }
        self.forget_index_files(table, touched, |_, of| of == field)
    }

    /// Takes the index files of some SSTs and fields off the version.
    fn forget_index_files(
        &mut self,
        table: u32,
        touched: &mut Touched,
        is_gone: impl Fn(u64, u32) -> bool,
    ) -> Result<(), Damage> {
        let table = self.table_mut(table, touched)?;
        let mut gone = Vec::new();
        table.index_files.retain(|(sst, field), file| {
            let is_gone = is_gone(*sst, *field);
            gone.extend(is_gone.then_some(file.file_number));
            !is_gone
        });
        for number in gone {
            self.files.remove(&number);
        }
        Ok(())
    }

    fn add_index_file(
        &mut self,
        table: u32,
        meta: &IndexMeta,
        touched: &mut Touched,
    ) -> Result<(), Damage> {
        self.take_file_number(table, meta.file_number, touched)?;
        let table = self.table_mut(table, touched)?;
        match table.index_files.insert((meta.sst, meta.field), *meta) {
            Some(_) => Err(table
                .damage(format!("SST {} has two index files for field {}", meta.sst, meta.field))),
            None => Ok(()),
        }
    }

    fn take_file_number(
        &mut self,
        table: u32,
        file_number: u64,
        touched: &mut Touched,
    ) -> Result<(), Damage> {
        if file_number == 0 || self.files.insert(file_number, table).is_some() {
            return Err(damage(format!("file number {file_number} is used twice")));
        }
        touched.highest_file = touched.highest_file.max(file_number);
        Ok(())
    }

    fn add_sst(&mut self, table: u32, meta: &SstMeta, touched: &mut Touched) -> Result<(), Damage> {
        self.take_file_number(table, meta.file_number, touched)?;
        let table = self.table_mut(table, touched)?;
        let at = table.ssts.partition_point(|sst| sst.min_seq < meta.min_seq);
        table.ssts.insert(at, *meta);
        table.next_seq = table.next_seq.max(meta.max_seq.saturating_add(1));
        table.last_time = table.last_time.max(meta.max_time);
        Ok(())
    }

    fn remove_sst(
        &mut self,
        table: u32,
        file_number: u64,
        touched: &mut Touched,
    ) -> Result<(), Damage> {
        let found = self.table_mut(table, touched)?;
        let Some(at) = found.ssts.iter().position(|sst| sst.file_number == file_number) else {
            return Err(found.damage(format!("there is no SST {file_number} to remove")));
        };
        found.ssts.remove(at);
        self.files.remove(&file_number);
        self.forget_index_files(table, touched, |sst, _| sst == file_number)
    }

    /// The table, for changing; what it was before is remembered for [`Version::check`].
    fn table_mut(&mut self, id: u32, touched: &mut Touched) -> Result<&mut TableVersion, Damage> {
        let table = self.tables.get_mut(&id).ok_or_else(|| no_table(id))?;
        if !touched.created.contains(&id) {
            touched.old_next_seq.entry(id).or_insert(table.next_seq);
        }
        Ok(Arc::make_mut(table))
    }

    /// The invariants that hold only once all of an edit is applied.
    fn check(&self, touched: &Touched) -> Result<(), Damage> {
        if touched.highest_file >= self.next_file {
            return Err(damage(format!(
                "file number {} is not below the next, {}",
                touched.highest_file, self.next_file
            )));
        }
        for id in touched.created.iter().chain(touched.old_next_seq.keys()) {
            let Some(table) = self.tables.get(id) else { continue };
            table.check()?;
            table.check_indexes()?;
            // Rows may leave at the front (retention) but none may be passed over at the end.
            if let Some(&old_next_seq) = touched.old_next_seq.get(id)
                && table.first_seq() > old_next_seq
            {
                return Err(table.damage(format!(
                    "rows {old_next_seq} to {} are in no SST",
                    table.first_seq().saturating_sub(1)
                )));
            }
        }
        Ok(())
    }

    /// This version as one edit: applied to [`Version::default`], it gives this version again.
    pub(crate) fn to_snapshot_edit(&self) -> VersionEdit {
        let mut edit = VersionEdit::new(vec![
            Change::LogNumber(self.log_number),
            Change::NextFile(self.next_file),
            Change::LastCommit(self.last_commit),
            Change::LastTime(self.last_time),
            Change::NextTable(self.next_table),
        ]);
        if self.carried_into > 0 {
            edit.push(Change::CarriedInto(self.carried_into));
        }
        for table in self.tables.values() {
            edit.push(Change::CreateTable {
                id: table.id,
                name: table.name.clone(),
                schema: table.schema.clone(),
                created_time: table.created_time,
            });
            edit.push(Change::TableState {
                table: table.id,
                next_seq: table.next_seq,
                last_time: table.last_time,
            });
            if table.dropped_below > 1 {
                let (table, first_seq) = (table.id, table.dropped_below);
                edit.push(Change::DropRows { table, first_seq });
            }
            if !table.retention.is_unlimited() && !mutant::on("limits-not-in-a-snapshot") {
                let limits = (*table.retention).clone();
                edit.push(Change::SetRetention { table: table.id, limits });
            }
            for (&field, &unique) in &table.indexes {
                edit.push(Change::CreateIndex { table: table.id, field, unique });
            }
            for &meta in &table.ssts {
                edit.push(Change::AddSst { table: table.id, meta });
            }
            for &meta in table.index_files.values() {
                edit.push(Change::AddIndexFile { table: table.id, meta });
            }
        }
        edit
    }
}

/// What an edit has changed so far.
#[derive(Debug, Default)]
struct Touched {
    /// `next_table` before the edit: every new table's id is this or higher.
    first_new_table: u32,
    /// Tables that the edit created, dropped again or not.
    created: BTreeSet<u32>,
    /// `next_seq` before the edit, of the tables that it changed and did not create.
    old_next_seq: BTreeMap<u32, i64>,
    /// The highest file number added.
    highest_file: u64,
}

fn raise<T: Copy + Ord + std::fmt::Display>(what: &str, from: &mut T, to: T) -> Result<(), Damage> {
    if to < *from {
        return Err(damage(format!("{what} goes back from {from} to {to}")));
    }
    *from = to;
    Ok(())
}

fn no_table(id: u32) -> Damage {
    damage(format!("there is no table {id}"))
}

fn damage(what: impl Into<String>) -> Damage {
    Damage::new(0, what)
}

#[cfg(test)]
mod tests;
