//! The rows of the log, on their way into memtables.
//!
//! Invariants
//! 1. They go on where the version ends: commit after commit, row after row, time after time.
//! 2. Each row is taken once, though the log may hold it twice: in its commit, and carried into a
//!    later segment (`commit/carry.rs`). Which of the two counts follows from where the log begins.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::format::wal::{SEGMENT_HEADER_BYTES, segment_file_name};
use crate::jobs::Generation;
use crate::memtable::Memtable;
use crate::mutant;
use crate::options::Options;
use crate::state::Tables;
use crate::table_state::TableState;
use crate::version::Version;
use crate::wal::{CarriedRows, CarryRecord, CommitRecord, DecodedCarry, DecodedTable, TableRows};
use crate::{Error, Result};

/// See the module's documentation.
pub(crate) struct Replayed<'a> {
    pub(crate) options: &'a Options,
    pub(crate) dir: &'a Path,
    pub(crate) version: &'a Version,
    pub(crate) tables: &'a mut Tables,
    pub(crate) active: Generation,
    pub(crate) last_commit: u64,
    pub(crate) last_time: i64,
    pub(crate) next_seq: BTreeMap<u32, i64>,
}

impl<'a> Replayed<'a> {
    /// No rows yet: the log begins where the version ends.
    pub(crate) fn behind(
        options: &'a Options,
        dir: &'a Path,
        version: &'a Version,
        tables: &'a mut Tables,
    ) -> Replayed<'a> {
        let next_seq = version.tables.values().map(|table| (table.id, table.next_seq)).collect();
        Replayed {
            options,
            dir,
            version,
            tables,
            active: Generation::default(),
            last_commit: version.last_commit,
            last_time: version.last_time,
            next_seq,
        }
    }
    /// The log has to begin with the commit after the last one that is in SSTs.
    pub(crate) fn check_follows(&self, segment: u64, first_commit: u64) -> Result<()> {
        let expected = self.version.last_commit + 1;
        if first_commit == expected {
            return Ok(());
        }
        let path = self.dir.join(segment_file_name(segment));
        let what = format!(
            "the log begins with commit {first_commit}, but the tables end before {expected}"
        );
        Err(Error::corrupt(&path, 0, what))
    }

    pub(crate) fn add(&mut self, record: &CommitRecord) -> Result<()> {
        if self.last_commit == self.version.last_commit {
            // Before any row is taken in: a log that begins elsewhere explains all else.
            self.check_follows(record.segment, record.commit)?;
        }
        let corrupt = |what: String| {
            let path = self.dir.join(segment_file_name(record.segment));
            Error::corrupt(&path, 0, format!("commit {}: {what}", record.commit))
        };
        if record.time < self.last_time {
            let what = format!("its time {} is before {}", record.time, self.last_time);
            return Err(corrupt(what));
        }
        for rows in &record.tables {
            let Some(table) = self.table(rows.table).map_err(corrupt)? else { continue };
            self.take(&table, rows, |_| record.time).map_err(corrupt)?;
        }
        self.last_commit = record.commit;
        self.last_time = record.time;
        Ok(())
    }

    /// The table that rows of the log are of; `None` if it was dropped since.
    fn table(&self, id: u32) -> Result<Option<Arc<TableState>>, String> {
        match self.tables.by_id.get(&id) {
            None if id >= self.version.next_table => Err(format!("there never was a table {id}")),
            found => Ok(found.cloned()),
        }
    }

    /// Takes rows that follow on those there are.
    fn take(
        &mut self,
        table: &Arc<TableState>,
        rows: &DecodedTable,
        time: impl Fn(usize) -> i64,
    ) -> Result<(), String> {
        let next = self.next_seq.entry(rows.table).or_insert(1);
        if rows.first_seq != *next || rows.types[..] != table.types[..] {
            return Err(format!(
                "rows from {} of table {:?} where row {next} was expected, or of other types",
                rows.first_seq, table.name
            ));
        }
        *next += rows.rows as i64;
        let (_, memtable) = self.active.tables.entry(rows.table).or_insert_with(|| {
            let types = Arc::clone(&table.types);
            let chunk_rows = self.options.block_rows;
            let files = table.files();
            let indexed = files.indexes.keys().copied();
            let memtable = Memtable::new(rows.first_seq, types, chunk_rows, indexed);
            let memtable = Arc::new(memtable);
            table.add_memtable(Arc::clone(&memtable));
            (Arc::clone(table), memtable)
        });
        self.active.bytes += memtable.append_at(&rows.columns, rows.rows, time);
        memtable.publish();
        Ok(())
    }

    /// What was carried into a segment. Where the log begins with it, these are the rows, and those
    /// they were copied from are gone. Behind other segments they are a second copy: the rotation
    /// came, and its flush did not.
    pub(crate) fn carry(&mut self, record: &CarryRecord) -> Result<()> {
        let is_first = record.segment == self.version.log_number.max(1);
        if is_first {
            self.check_follows(record.segment, record.commit + 1)?;
            if mutant::on("carried-rows-lost") {
                return Ok(());
            }
        }
        let corrupt = |what: String| {
            let path = self.dir.join(segment_file_name(record.segment));
            let offset = SEGMENT_HEADER_BYTES as u64;
            Error::corrupt(&path, offset, format!("what was carried: {what}"))
        };
        if is_first && !self.version.carries_into(record.segment) {
            return Err(corrupt("the MANIFEST does not know of it".to_owned()));
        }
        for carried in &record.tables {
            let rows = &carried.rows;
            let found = self.table(rows.table).map_err(corrupt)?;
            let Some(table) = found else {
                if mutant::on("carry-of-a-dropped-table") {
                    return Err(corrupt(format!("there is no table {}", rows.table)));
                }
                continue;
            };
            if is_first {
                self.check_times(carried).map_err(corrupt)?;
                self.take(&table, rows, |row| carried.times[row]).map_err(corrupt)?;
            } else if mutant::on("carried-twice") {
                let next = self.next_seq.get(&rows.table).copied().unwrap_or(1);
                let again = DecodedTable { first_seq: next, ..rows.clone() };
                self.take(&table, &again, |row| carried.times[row]).map_err(corrupt)?;
            } else if !self.holds(&table, carried) {
                let what =
                    format!("not the rows of table {:?} that it was copied from", table.name);
                return Err(corrupt(what));
            }
        }
        Ok(())
    }

    /// That times go on where the SSTs of the table end, and end before the commits that follow.
    fn check_times(&self, carried: &DecodedCarry) -> Result<(), String> {
        let before = self.version.tables.get(&carried.rows.table).map(|table| table.last_time);
        let (first, last) = (carried.times.first(), carried.times.last());
        let goes_on = first.is_none_or(|first| before.is_none_or(|before| before <= *first));
        if goes_on && last.is_none_or(|last| *last <= self.version.last_time) {
            return Ok(());
        }
        Err(format!("times from {first:?} to {last:?}, behind {before:?}"))
    }

    /// Whether the last rows of a table so far are those that were carried.
    fn holds(&self, table: &TableState, carried: &DecodedCarry) -> bool {
        let rows = &carried.rows;
        let Some((_, memtable)) = self.active.tables.get(&rows.table) else { return false };
        if rows.first_seq < memtable.first_seq()
            || rows.first_seq + rows.rows as i64 != memtable.end_seq()
        {
            return false;
        }
        let held = memtable.rows_from(rows.first_seq);
        let held = CarriedRows {
            rows: TableRows {
                table: rows.table,
                first_seq: held.first_seq,
                rows: held.len(),
                types: &table.types,
                columns: &held.columns,
            },
            times: &held.times,
        };
        carried.as_carried().is_same(&held)
    }
}
