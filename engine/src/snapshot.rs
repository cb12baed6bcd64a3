//! The database at one moment.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use srdb_vfs::Clock;

use crate::locks::read as read_lock;
use crate::mutant;
use crate::read::{self, Projected, resolve_seqs};
use crate::row::Projection;
use crate::state::{State, Tables};
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{Error, Result, Retention, Row, Scan, Schema};

/// Every table as it was at one moment: whole commits, over all tables alike. Cheap to take and to
/// clone; it does not move, whatever is written, flushed or dropped meanwhile. Memory and files
/// that it reads from are kept until it is dropped.
#[derive(Debug, Clone)]
pub struct Snapshot {
    tables: Arc<BTreeMap<String, SnapshotTable>>,
}

impl Snapshot {
    pub(crate) fn take(state: &State) -> Self {
        let tables = read_lock(&state.tables);
        // No commit becomes visible between the first table and the last.
        let _whole_commits = read_lock(&state.publish);
        Snapshot::of(&tables, None)
    }

    /// Every one of these tables, none of which may take rows meanwhile.
    pub(crate) fn of(tables: &Tables, clock: Option<&Arc<dyn Clock>>) -> Self {
        let taken = tables.by_id.values().map(|table| {
            let taken = SnapshotTable { clock: clock.cloned(), ..SnapshotTable::take(table) };
            (table.name.clone(), taken)
        });
        Snapshot { tables: Arc::new(taken.collect()) }
    }

    /// The table of this name, if it is the one of this id.
    pub(crate) fn find(&self, name: &str, id: u32) -> Option<&SnapshotTable> {
        self.tables.get(name).filter(|table| table.state.id == id)
    }

    /// The tables there were, by name.
    pub fn tables(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// A table as it was.
    ///
    /// # Errors
    /// [`Error::NoTable`] if there was none of that name.
    pub fn table(&self, name: &str) -> Result<SnapshotTable> {
        let found = self.tables.get(name).cloned();
        found.ok_or_else(|| Error::NoTable { name: name.to_owned() })
    }
}

/// A table at one moment. From a [`Snapshot`], or [`crate::Table::snapshot`].
#[derive(Debug, Clone)]
pub struct SnapshotTable {
    pub(crate) state: Arc<TableState>,
    pub(crate) files: Arc<TableFiles>,
    /// The `_seq` after the last row that is visible.
    pub(crate) end: i64,
    /// For measuring what queries take, where one is given.
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl SnapshotTable {
    pub(crate) fn take(state: &Arc<TableState>) -> Self {
        let files = state.files();
        let later = mutant::on("end-of-later-files").then(|| state.files());
        let end = later.as_ref().unwrap_or(&files).end_seq();
        SnapshotTable { state: Arc::clone(state), files, end, clock: None }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// The table's schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.state.schema
    }

    /// As [`crate::Table::indexes`]: the fields that had an index.
    pub fn indexes(&self) -> Vec<String> {
        let fields = self.state.schema.fields();
        self.files.indexes.keys().map(|at| fields[*at as usize].name().to_owned()).collect()
    }

    /// Whether there was an index that lacked the file of some SST: it was still being built.
    pub fn is_index_unfinished(&self) -> bool {
        self.files.missing_index_file().is_some()
    }

    /// As [`crate::Table::get`].
    ///
    /// # Errors
    /// As [`crate::Table::get`].
    pub fn get(&self, seq: i64) -> Result<Option<Row>> {
        let projection = Arc::new(Projection::all(Arc::clone(&self.state.schema)));
        read::get(&self.state, &self.files, self.end, seq, &projection)
    }

    /// As [`crate::Table::get_fields`].
    ///
    /// # Errors
    /// As [`crate::Table::get_fields`].
    pub fn get_fields(&self, seq: i64, fields: &[&str]) -> Result<Option<Row>> {
        let schema = Arc::clone(&self.state.schema);
        let projection = Arc::new(Projection::of(schema, &self.state.name, fields)?);
        read::get(&self.state, &self.files, self.end, seq, &projection)
    }

    /// As [`crate::Table::scan`].
    ///
    /// # Errors
    /// As [`crate::Table::scan`].
    pub fn scan(&self, seqs: impl RangeBounds<i64>) -> Result<Scan> {
        let projection = Projection::all(Arc::clone(&self.state.schema));
        Ok(self.scan_projected(&seqs, projection))
    }

    /// As [`crate::Table::scan_fields`].
    ///
    /// # Errors
    /// As [`crate::Table::scan_fields`].
    pub fn scan_fields(&self, seqs: impl RangeBounds<i64>, fields: &[&str]) -> Result<Scan> {
        let schema = Arc::clone(&self.state.schema);
        let projection = Projection::of(schema, &self.state.name, fields)?;
        Ok(self.scan_projected(&seqs, projection))
    }

    /// As [`crate::Table::scan_time`].
    ///
    /// # Errors
    /// As [`crate::Table::scan_time`].
    pub fn scan_time(&self, times_ns: impl RangeBounds<i64>) -> Result<Scan> {
        let seqs = read::seqs_of_times(&self.state, &self.files, self.end, &times_ns)?;
        let projection = Projection::all(Arc::clone(&self.state.schema));
        Ok(self.scan_projected(&seqs, projection))
    }

    fn scan_projected(&self, seqs: &impl RangeBounds<i64>, projection: Projection) -> Scan {
        let source = Projected::new(&self.state, Arc::clone(&self.files), projection);
        let moved = mutant::when("snapshot-moves", || self.files.end_seq() != self.end);
        let end = if moved { self.files.end_seq() } else { self.end };
        Scan::new(source, resolve_seqs(seqs), end)
    }

    /// How much of the table is kept: what was set last, also after the snapshot was taken.
    pub fn retention(&self) -> Retention {
        (*self.state.retention()).clone()
    }

    /// How many rows the table had.
    pub fn count(&self) -> u64 {
        let has_ssts = || !self.files.ssts.is_empty();
        let one_too_few = u64::from(mutant::when("count-off-by-one", has_ssts));
        (self.end - self.files.first_seq()).unsigned_abs() - one_too_few
    }

    /// `_seq` of the first row that was not dropped, or would be.
    pub fn first_seq(&self) -> i64 {
        self.files.first_seq()
    }

    /// `_seq` of the last row, 0 if there never was one.
    pub fn last_seq(&self) -> i64 {
        self.end - 1
    }
}
