//! A table, as its users see it.

use std::ops::{Range, RangeBounds};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::commit::{submit, submit_within, try_submit};
use crate::handle::Handle;
use crate::mutant;
use crate::queue::Pending;
use crate::row::RowBatch;
use crate::table_state::TableState;
use crate::{
    ColumnStats, Durability, IntoRow, Query, Receipt, Result, Retention, Row, RowBuf, Scan, Schema,
    SnapshotTable, Ticket, compaction, drop_rows, indexes, retain, stats,
};

/// A table of an open database. Cheap to clone; every clone is the same table.
///
/// ```
/// use srdb::{Database, DataType, Field, Schema, row};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// let db = Database::open(dir.path())?;
/// let schema = Schema::new([
///     Field::new("level", DataType::String),
///     Field::new("code", DataType::Int32).nullable(),
/// ])?;
/// let logs = db.create_table("logs", schema)?;
/// let receipt = logs.insert(row! { "level" => "warn", "code" => 7 })?;
/// let row = logs.get(receipt.seq())?.expect("just inserted");
/// assert_eq!(row.get("level").and_then(|v| v.as_str()), Some("warn"));
/// # db.close()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) database: Arc<Handle>,
    pub(crate) state: Arc<TableState>,
}

impl Table {
    pub(crate) fn new(database: &Arc<Handle>, state: Arc<TableState>) -> Self {
        Table { database: Arc::clone(database), state }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// The table's number in its database; never reused.
    pub fn id(&self) -> u32 {
        self.state.id
    }

    /// Drops the rows below a `_seq`, for good; returns how many rows went, with those that limits
    /// let go of behind meanwhile. Durable on return. If a row that is dropped is in memory, what
    /// is there is flushed. Snapshots and scans that are under way keep what they see; `_seq`s are
    /// not given again.
    ///
    /// Files that hold nothing else are removed; what is left of another one goes when it is
    /// merged.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// assert_eq!(t.drop_before(91)?, 90);
    /// assert_eq!((t.first_seq(), t.count()), (91, 10));
    /// assert!(t.get(90)?.is_none());
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::NoTable`] after a drop of the table, [`crate::Error::Io`],
    /// [`crate::Error::Poisoned`], [`crate::Error::Closed`]. After `Poisoned` the rows may turn out
    /// to be dropped when the database is opened again.
    pub fn drop_before(&self, seq: i64) -> Result<u64> {
        drop_rows::drop_before(&self.database, &self.state, seq)
    }

    /// Sets how much of the table is kept, in the place of what was set before. Durable on return.
    /// Rows beyond the limits are dropped behind, oldest first, for good, as by
    /// [`Table::drop_before`].
    ///
    /// Rows count, and are dropped, once they are in SSTs; those in memory come on top. So that not
    /// every row takes an edit, whole SSTs are dropped, or of the oldest an eighth of its rows at
    /// least: rows may outlive the limit by that. They may outlive a limit of age by a 64th of it,
    /// too, or a second, because it is not looked at more often. [`Table::retain`] is exact.
    ///
    /// # Errors
    /// [`crate::Error::NoField`] for a field that the table does not have,
    /// [`crate::Error::TypeMismatch`] for one that is no timestamp, [`crate::Error::NoTable`] after
    /// a drop of the table, [`crate::Error::Io`], [`crate::Error::Poisoned`],
    /// [`crate::Error::Closed`]. After `Io` and `Poisoned` the limits before go on, and the new
    /// ones may turn out to be set when the database is opened again.
    pub fn set_retention(&self, limits: Retention) -> Result<()> {
        retain::set(&self.database, &self.state, limits)
    }

    /// How much of the table is kept.
    pub fn retention(&self) -> Retention {
        (*self.state.retention()).clone()
    }

    /// Drops the rows that the table's limits do not keep, now and to the row; returns how many
    /// went, with those dropped behind meanwhile. Durable on return. If there are rows in memory,
    /// they are flushed first. Only for [`Retention::max_bytes`] whole SSTs are dropped.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Retention, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// t.set_retention(Retention::new().max_rows(10))?;
    /// t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// assert_eq!(t.retain()?, 90);
    /// assert_eq!((t.first_seq(), t.count()), (91, 10));
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Table::drop_before`]; [`crate::Error::Corrupt`] if an SST can't be read.
    pub fn retain(&self) -> Result<u64> {
        let before = self.state.files().first_seq();
        retain::now(&self.database, &self.state)?;
        Ok(drop_rows::lost_since(&self.state, before))
    }

    /// Merges the SSTs that the table has into as few as
    /// [`Builder::compaction_bytes_max`](crate::Builder::compaction_bytes_max) allows; rows in
    /// memory are left alone. Durable on return. There is no need to call it: files are merged
    /// behind, as they become many.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for a file that is damaged, which stays as it is;
    /// [`crate::Error::NoTable`] after a drop, [`crate::Error::Io`], [`crate::Error::Poisoned`],
    /// [`crate::Error::Closed`].
    pub fn compact(&self) -> Result<()> {
        self.database.check_writable()?;
        self.state.check_exists()?;
        compaction::all(&self.database, &self.state)
    }

    /// Gives a field an index, which equality, ranges and ordering by the field then use. Durable
    /// on return. If there are rows, their part is built behind, one SST after the other; queries
    /// are right meanwhile, and the build goes on after a crash or a close.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// let db = Database::open(dir.path())?;
    /// let logs = db.create_table("logs", Schema::new([Field::new("host", DataType::String)])?)?;
    /// logs.create_index("host")?;
    /// assert_eq!(logs.indexes(), ["host"]);
    /// logs.drop_index("host")?;
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::NoField`], [`crate::Error::IndexExists`], [`crate::Error::NoTable`] if the
    /// table was dropped, [`crate::Error::Io`], [`crate::Error::Poisoned`],
    /// [`crate::Error::Closed`].
    pub fn create_index(&self, field: &str) -> Result<()> {
        indexes::create(&self.database, &self.state, field)
    }

    /// Takes the index of a field away. Durable on return.
    ///
    /// # Errors
    /// [`crate::Error::NoField`], [`crate::Error::NoIndex`], [`crate::Error::Invalid`] if the field
    /// is unique, for which it takes its index, [`crate::Error::NoTable`], [`crate::Error::Io`],
    /// [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn drop_index(&self, field: &str) -> Result<()> {
        indexes::drop_index(&self.database, &self.state, field)
    }

    /// The fields that have an index, in the order of the schema.
    pub fn indexes(&self) -> Vec<String> {
        SnapshotTable::take(&self.state).indexes()
    }

    /// The table's schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.state.schema
    }

    /// Inserts one row with the database's durability: `Disk`, unless it was opened with another.
    ///
    /// # Errors
    /// [`crate::Error::BadRow`] if the row does not fit the schema; [`crate::Error::Io`] if it
    /// could not be written; [`crate::Error::Poisoned`] after a failed sync. In each case the row
    /// is not in the table. (After `Io` it may reappear if the machine crashes before the next
    /// successful sync.)
    pub fn insert(&self, row: impl IntoRow) -> Result<Receipt> {
        self.insert_with(row, self.database.options.durability)
    }

    /// [`Table::insert`] with a durability of its own.
    ///
    /// # Errors
    /// As [`Table::insert`].
    pub fn insert_with(&self, row: impl IntoRow, durability: Durability) -> Result<Receipt> {
        self.submit([row], durability)?.wait()
    }

    /// [`Table::insert`], if there is room in memory for the row: it may wait for the disk, as
    /// every commit, but not for a flush.
    ///
    /// # Errors
    /// [`crate::Error::WouldStall`] where there is none; as [`Table::insert`].
    pub fn try_insert(&self, row: impl IntoRow) -> Result<Receipt> {
        self.try_submit([row], self.database.options.durability)?.wait()
    }

    /// [`Table::insert`], which waits up to `timeout` for room in memory. It may wait longer for
    /// the disk to write and sync the row.
    ///
    /// # Errors
    /// [`crate::Error::WouldStall`] where there is none by then; as [`Table::insert`].
    pub fn insert_timeout(&self, row: impl IntoRow, timeout: Duration) -> Result<Receipt> {
        let pending = self.pending([row], self.database.options.durability)?;
        submit_within(&self.database, pending, timeout)?.wait()
    }

    /// Inserts a struct, or anything else that serde can turn into a map of the table's fields.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Reading {
    ///     sensor: String,
    ///     celsius: f64,
    /// }
    ///
    /// let schema = Schema::new([
    ///     Field::new("sensor", DataType::String),
    ///     Field::new("celsius", DataType::Float64),
    /// ])?;
    /// let readings = db.create_table("readings", schema)?;
    /// readings.insert_struct(&Reading { sensor: "roof".into(), celsius: 21.5 })?;
    /// let back: Reading = readings.get(1)?.expect("just inserted").into_struct()?;
    /// assert_eq!(back.celsius, 21.5);
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Table::insert`].
    pub fn insert_struct<T: Serialize + ?Sized>(&self, row: &T) -> Result<Receipt> {
        self.insert(RowBuf::from_serialize(row)?)
    }

    /// Inserts many rows as one commit: all of them or none.
    ///
    /// # Errors
    /// As [`Table::insert`]; [`crate::Error::BadRow`] names the row by its number, from 0.
    pub fn insert_many<R: IntoRow>(&self, rows: impl IntoIterator<Item = R>) -> Result<Receipt> {
        self.insert_many_with(rows, self.database.options.durability)
    }

    /// [`Table::insert_many`] with a durability of its own.
    ///
    /// # Errors
    /// As [`Table::insert_many`].
    pub fn insert_many_with<R: IntoRow>(
        &self,
        rows: impl IntoIterator<Item = R>,
        durability: Durability,
    ) -> Result<Receipt> {
        self.submit(rows, durability)?.wait()
    }

    /// Hands rows in as one commit and does not wait for it. Nothing may have been written yet when
    /// this returns; the [`Ticket`] tells when it is. If a commit fails, those that were handed in
    /// behind it before that was known fail with it: there are no holes.
    ///
    /// # Errors
    /// As [`Table::insert_many`] for what can be known before writing.
    pub fn submit<R: IntoRow>(
        &self,
        rows: impl IntoIterator<Item = R>,
        durability: Durability,
    ) -> Result<Ticket> {
        submit(&self.database, self.pending(rows, durability)?)
    }

    /// [`Table::submit`], if there is room in memory for the rows behind all that was handed in.
    ///
    /// # Errors
    /// [`crate::Error::WouldStall`] where there is none; as [`Table::submit`].
    pub fn try_submit<R: IntoRow>(
        &self,
        rows: impl IntoIterator<Item = R>,
        durability: Durability,
    ) -> Result<Ticket> {
        try_submit(&self.database, self.pending(rows, durability)?)
    }

    fn pending<R: IntoRow>(
        &self,
        rows: impl IntoIterator<Item = R>,
        durability: Durability,
    ) -> Result<Pending> {
        let mut batch = self.state.take_batch();
        for (number, row) in rows.into_iter().enumerate() {
            batch.push_row(&self.state.schema, number, row.into_row().iter())?;
        }
        self.pending_batch(batch, durability)
    }

    fn pending_batch(&self, batch: RowBatch, durability: Durability) -> Result<Pending> {
        self.state.check_exists()?;
        let tables =
            if batch.is_empty() { Vec::new() } else { vec![(Arc::clone(&self.state), batch)] };
        Ok(Pending::new(tables, durability))
    }

    pub(crate) fn submit_batch(&self, batch: RowBatch, durability: Durability) -> Result<Ticket> {
        submit(&self.database, self.pending_batch(batch, durability)?)
    }

    /// The table as it is now, to read from again and again.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::NoTable`] after a drop.
    pub fn snapshot(&self) -> Result<SnapshotTable> {
        self.database.check_open()?;
        let taken = SnapshotTable::take(&self.state);
        // After taking it: what a drop took the files of is marked as dropped before.
        if !mutant::on("drop-overlooked") {
            self.state.check_exists()?;
        }
        Ok(taken)
    }

    /// What each column takes in the table's SSTs, `_time` first. Reads the directory of every
    /// block, so it takes a while for a large table.
    ///
    /// # Errors
    /// As [`Table::snapshot`]; [`crate::Error::Corrupt`] or [`crate::Error::Io`] if an SST could
    /// not be read.
    pub fn column_stats(&self) -> Result<Vec<ColumnStats>> {
        self.database.check_open()?;
        let files = self.state.files();
        self.state.check_exists()?;
        stats::column_stats(&self.state, &files)
    }

    /// The row of this `_seq`, or `None` if there is none.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] or [`crate::Error::Io`] if it could not be read.
    pub fn get(&self, seq: i64) -> Result<Option<Row>> {
        self.snapshot()?.get(seq)
    }

    /// Some fields of the row of this `_seq`, in the order asked for. Costs less than
    /// [`Table::get`]: a field not asked for is not decoded.
    ///
    /// # Errors
    /// As [`Table::get`]; [`crate::Error::NoField`] for a name the table does not have.
    pub fn get_fields(&self, seq: i64, fields: &[&str]) -> Result<Option<Row>> {
        self.snapshot()?.get_fields(seq, fields)
    }

    /// Rows by a range of `_seq`, lazily, forward and backward. Rows that come later are not seen.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// let last_three: Vec<i64> =
    ///     t.scan(..)?.rev().take(3).map(|row| Ok(row?.seq())).collect::<srdb::Result<_>>()?;
    /// assert_eq!(last_three, [100, 99, 98]);
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::NoTable`]. What goes wrong while reading comes out
    /// of the iterator.
    pub fn scan(&self, seqs: impl RangeBounds<i64>) -> Result<Scan> {
        self.snapshot()?.scan(seqs)
    }

    /// [`Table::scan`] of some fields, in the order asked for.
    ///
    /// # Errors
    /// As [`Table::scan`]; [`crate::Error::NoField`] for a name the table does not have.
    pub fn scan_fields(&self, seqs: impl RangeBounds<i64>, fields: &[&str]) -> Result<Scan> {
        self.snapshot()?.scan_fields(seqs, fields)
    }

    /// Rows by a range of `_time`: ns since the Unix epoch, UTC. `_time` never goes back from row
    /// to row, so this is a range of `_seq`, found by bisection.
    ///
    /// # Errors
    /// As [`Table::scan`], and what can go wrong while the ends of the range are looked for.
    pub fn scan_time(&self, times_ns: impl RangeBounds<i64>) -> Result<Scan> {
        self.snapshot()?.scan_time(times_ns)
    }

    /// A query of the table as it is now. See [`Query`].
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let schema = [Field::new("name", DataType::String), Field::new("age", DataType::Int32)];
    /// # let users = db.create_table("users", Schema::new(schema)?)?;
    /// users.insert(row! { "name" => "Alice", "age" => 30 })?;
    /// let alice = users.query().eq("name", "Alice").gte("age", 18).first()?;
    /// assert!(alice.is_some());
    /// # db.close()
    /// # }
    /// ```
    ///
    /// After a drop of the table, or a close, what is asked of the query fails.
    pub fn query(&self) -> Query {
        Query::new(self.snapshot(), Some(Arc::clone(&self.database.options.clock)))
    }

    /// How many rows the table has now; none after a drop.
    pub fn count(&self) -> u64 {
        SnapshotTable::take(&self.state).count()
    }

    /// `_seq` of the first row that was not dropped, or would be.
    pub fn first_seq(&self) -> i64 {
        SnapshotTable::take(&self.state).first_seq()
    }

    /// `_seq` of the last row, 0 if there never was one.
    pub fn last_seq(&self) -> i64 {
        SnapshotTable::take(&self.state).last_seq()
    }
}

impl Receipt {
    /// The `_seq`s of the rows of one table, if the commit had any for it.
    pub fn seqs_of(&self, table: &Table) -> Option<Range<i64>> {
        let mut all = std::iter::once(&self.first).chain(&self.others);
        all.find(|(id, seqs)| *id == table.id() && !seqs.is_empty()).map(|(_, seqs)| seqs.clone())
    }
}
