//! Rows of several tables as one commit.

use std::sync::Arc;
use std::time::Duration;

use crate::commit::{submit, submit_within, try_submit};
use crate::handle::Handle;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_ROWS_MAX};
use crate::queue::Pending;
use crate::row::RowBatch;
use crate::table_state::TableState;
use crate::{Durability, Error, IntoRow, Receipt, Result, Table, Ticket};

/// Rows of any number of tables that are committed together: all or nothing. Made by
/// [`crate::Database::batch`].
///
/// ```
/// # use srdb::{Database, DataType, Field, Schema, row};
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let db = Database::open(dir.path())?;
/// let orders = db.create_table("orders", Schema::new([Field::new("id", DataType::Int64)])?)?;
/// let audit = db.create_table("audit", Schema::new([Field::new("what", DataType::String)])?)?;
/// let mut batch = db.batch();
/// batch.insert(&orders, row! { "id" => 7 })?.insert(&audit, row! { "what" => "order 7" })?;
/// let receipt = batch.commit()?;
/// assert_eq!(receipt.seqs_of(&audit), Some(1..2));
/// # db.close()
/// # }
/// ```
#[derive(Debug)]
pub struct Batch {
    database: Arc<Handle>,
    tables: Vec<(Arc<TableState>, RowBatch)>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    pub(crate) fn new(database: &Arc<Handle>) -> Self {
        Batch { database: Arc::clone(database), tables: Vec::new(), rows: 0, bytes: 0 }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::BadRow`] (the row's number counts the rows of its table in this batch),
    /// [`Error::Limit`], [`Error::Invalid`] for a table of another database. The row is not added;
    /// those before it are kept.
    pub fn insert(&mut self, table: &Table, row: impl IntoRow) -> Result<&mut Self> {
        self.insert_many(table, [row])
    }

    /// Adds rows, up to the first that is refused.
    ///
    /// # Errors
    /// As [`Batch::insert`].
    pub fn insert_many<R: IntoRow>(
        &mut self,
        table: &Table,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<&mut Self> {
        if !Arc::ptr_eq(&self.database, &table.database) {
            return Err(Error::invalid(format!(
                "table {:?} is of another database than the batch",
                table.name()
            )));
        }
        let found = self.tables.iter().position(|(state, _)| state.id == table.id());
        let at = found.unwrap_or_else(|| {
            self.tables.push((Arc::clone(&table.state), table.state.take_batch()));
            self.tables.len() - 1
        });
        let (_, batch) = &mut self.tables[at];
        for row in rows {
            if self.rows == COMMIT_ROWS_MAX {
                let (got, limit) = (self.rows as u64 + 1, COMMIT_ROWS_MAX as u64);
                return Err(Error::Limit { what: "the number of rows in a commit", got, limit });
            }
            let before = batch.bytes();
            batch.push_row(table.schema(), batch.rows(), row.into_row().iter())?;
            self.rows += 1;
            self.bytes += batch.bytes() - before;
        }
        Ok(self)
    }

    /// Rows that wait for the commit.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Commits with the database's durability.
    ///
    /// # Errors
    /// As [`Table::insert_many`].
    pub fn commit(self) -> Result<Receipt> {
        let durability = self.database.options.durability;
        self.commit_with(durability)
    }

    /// Commits with a durability of its own.
    ///
    /// # Errors
    /// As [`Table::insert_many`].
    pub fn commit_with(self, durability: Durability) -> Result<Receipt> {
        self.submit(durability)?.wait()
    }

    /// Hands the commit in and does not wait for it.
    ///
    /// # Errors
    /// As [`Table::submit`].
    pub fn submit(self, durability: Durability) -> Result<Ticket> {
        let (database, pending) = self.into_pending(durability)?;
        submit(&database, pending)
    }

    /// [`Batch::submit`], if there is room in memory for the rows behind all that was handed in.
    ///
    /// # Errors
    /// [`Error::WouldStall`] where there is none, and nothing was written; as [`Batch::submit`].
    pub fn try_submit(self, durability: Durability) -> Result<Ticket> {
        let (database, pending) = self.into_pending(durability)?;
        try_submit(&database, pending)
    }

    /// [`Batch::commit_with`], which waits up to `timeout` for room in memory. It may wait longer
    /// for the disk.
    ///
    /// # Errors
    /// [`Error::WouldStall`] where there is none by then, and nothing was written; as
    /// [`Batch::commit`].
    pub fn commit_timeout(self, durability: Durability, timeout: Duration) -> Result<Receipt> {
        let (database, pending) = self.into_pending(durability)?;
        submit_within(&database, pending, timeout)?.wait()
    }

    fn into_pending(mut self, durability: Durability) -> Result<(Arc<Handle>, Pending)> {
        if self.bytes > COMMIT_BYTES_MAX {
            let (got, limit) = (self.bytes as u64, COMMIT_BYTES_MAX as u64);
            return Err(Error::Limit { what: "the size of a commit in bytes", got, limit });
        }
        self.tables.retain(|(_, batch)| !batch.is_empty());
        self.tables.iter().try_for_each(|(table, _)| table.check_exists())?;
        Ok((self.database, Pending::new(self.tables, durability)))
    }
}
