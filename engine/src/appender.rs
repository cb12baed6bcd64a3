//! Bulk insert: rows by position, straight into columns.

use crate::row::RowBatch;
use crate::{Durability, Receipt, Result, Table, Ticket, ValueRef};

/// Collects rows of one table as columns and commits them together. Made by [`Table::appender`].
///
/// Nothing is inserted until a commit; rows not committed when the appender is dropped are gone.
///
/// ```
/// # use srdb::{Database, DataType, Field, Schema};
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let db = Database::open(dir.path())?;
/// let schema = Schema::new([
///     Field::new("sensor", DataType::String),
///     Field::new("celsius", DataType::Float64),
/// ])?;
/// let mut readings = db.create_table("readings", schema)?.appender();
/// for minute in 0..60 {
///     readings.append_row(&["roof".into(), (20.0 + f64::from(minute) / 100.0).into()])?;
/// }
/// assert_eq!(readings.commit()?.seqs(), 1..61);
/// # db.close()
/// # }
/// ```
#[derive(Debug)]
pub struct Appender {
    table: Table,
    batch: RowBatch,
}

impl Table {
    /// The fast way to insert much: rows by position, no allocation a row.
    pub fn appender(&self) -> Appender {
        Appender { batch: self.state.take_batch(), table: self.clone() }
    }
}

impl Appender {
    /// The table that the rows are for.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Adds a row: one value a field, in the schema's order.
    ///
    /// # Errors
    /// [`crate::Error::BadRow`], [`crate::Error::Limit`]. The row is not added; those before it
    /// are kept.
    #[inline]
    pub fn append_row(&mut self, values: &[ValueRef<'_>]) -> Result<()> {
        let number = self.batch.rows();
        self.batch.push_values(&self.table.state.schema, number, values)
    }

    /// Rows that wait for a commit.
    pub fn rows(&self) -> usize {
        self.batch.rows()
    }

    /// Bytes of their values, uncompressed.
    pub fn bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// Forgets the rows that wait.
    pub fn clear(&mut self) {
        self.batch.clear();
    }

    /// Commits the rows with the database's durability. The appender is empty afterwards, also if
    /// that failed.
    ///
    /// # Errors
    /// As [`Table::insert_many`].
    pub fn commit(&mut self) -> Result<Receipt> {
        self.commit_with(self.table.database.options.durability)
    }

    /// [`Appender::commit`] with a durability of its own.
    ///
    /// # Errors
    /// As [`Table::insert_many`].
    pub fn commit_with(&mut self, durability: Durability) -> Result<Receipt> {
        self.submit(durability)?.wait()
    }

    /// Hands the rows in as one commit and does not wait for it. The appender is empty afterwards.
    ///
    /// # Errors
    /// As [`Table::submit`].
    pub fn submit(&mut self, durability: Durability) -> Result<Ticket> {
        let next = self.table.state.take_batch();
        let batch = std::mem::replace(&mut self.batch, next);
        self.table.submit_batch(batch, durability)
    }
}
