//! The rows of a query as columns.

use super::gathered::{Gathered, Groups};
use super::order::Ordering;
use super::plan::Plan;
use crate::chunk::ColumnData;
use crate::{DataType, Error, Result, ValueRef};

/// An iterator over the rows of a query, up to a block of them at a time. Made by
/// [`crate::Query::chunks`]. After an error there are no more.
///
/// ```
/// # use srdb::{Database, DataType, Field, Schema, row};
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let db = Database::open(dir.path())?;
/// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
/// t.insert_many((1..=5000).map(|n| row! { "n" => n }))?;
/// let mut sum = 0;
/// for chunk in t.query().lte("n", 1000).select(["n"]).chunks()? {
///     let chunk = chunk?;
///     sum += chunk.column(0).as_i64().expect("an int64").iter().sum::<i64>();
/// }
/// assert_eq!(sum, 500_500);
/// # db.close()
/// # }
/// ```
#[derive(Debug)]
pub struct Chunks {
    plan: Plan,
    /// `None` after an error.
    groups: Option<Groups>,
}

/// Up to 2048 rows of a query, as columns: at least one.
#[derive(Debug)]
pub struct RowChunk {
    rows: Gathered,
}

/// A column of a [`RowChunk`].
#[derive(Debug, Clone, Copy)]
pub struct ChunkColumn<'a> {
    rows: &'a Gathered,
    at: usize,
}

impl Chunks {
    pub(super) fn new(plan: Plan) -> Result<Chunks> {
        if !matches!(plan.ordering, Ordering::Scan { backward: false }) {
            let what =
                "chunks come in the order of _seq: leave order_by and latest_by out, or read rows";
            return Err(Error::invalid(what));
        }
        Ok(Chunks { groups: Some(Groups::new(plan.scan()?, false)), plan })
    }
}

impl Iterator for Chunks {
    type Item = Result<RowChunk>;

    fn next(&mut self) -> Option<Result<RowChunk>> {
        let Chunks { plan, groups } = self;
        let rows = groups.as_mut()?.next(plan);
        if rows.is_err() {
            *groups = None;
        }
        Some(rows.transpose()?.map(|rows| RowChunk { rows }))
    }
}

impl RowChunk {
    /// How many rows there are.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one row")]
    pub fn len(&self) -> usize {
        self.rows.seqs.len()
    }

    /// The rows' `_seq`s, ascending.
    pub fn seqs(&self) -> &[i64] {
        &self.rows.seqs
    }

    /// The rows' `_time`s: ns since the Unix epoch, UTC; never going down.
    pub fn times(&self) -> &[i64] {
        &self.rows.times
    }

    /// How many columns there are: one for each field that was selected.
    pub fn width(&self) -> usize {
        self.rows.fields.len()
    }

    /// A column by its number, in the order of the selected fields.
    ///
    /// # Panics
    /// If there are no more than `index` columns.
    pub fn column(&self, index: usize) -> ChunkColumn<'_> {
        assert!(index < self.width(), "column {index} of {}", self.width());
        ChunkColumn { rows: &self.rows, at: index }
    }

    /// A column by its field's name.
    pub fn column_of(&self, field: &str) -> Option<ChunkColumn<'_>> {
        self.rows.projection.index_of(field).map(|at| self.column(at))
    }
}

impl<'a> ChunkColumn<'a> {
    /// The field's name.
    pub fn name(self) -> &'a str {
        self.rows.projection.field(self.at).name()
    }

    /// The field's type.
    pub fn data_type(self) -> DataType {
        self.rows.fields[self.at].data_type
    }

    /// The value of a row.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the stored bytes are no value of the field's type.
    ///
    /// # Panics
    /// If the chunk has no such row.
    pub fn value(self, row: usize) -> Result<ValueRef<'a>> {
        self.rows.value(self.at, row)
    }

    /// Whether a row holds null.
    ///
    /// # Panics
    /// If the chunk has no such row.
    pub fn is_null(self, row: usize) -> bool {
        assert!(row < self.rows.seqs.len(), "row {row} of {}", self.rows.seqs.len());
        !self.data().is_valid(row)
    }

    /// How many rows hold null.
    pub fn null_count(self) -> usize {
        self.data().null_count()
    }

    /// The values of integers up to 64 bits (but for `UInt64`), of instants and of spans. A null is
    /// 0.
    pub fn as_i64(self) -> Option<&'a [i64]> {
        match &self.data().data {
            ColumnData::Int(values) if self.data_type() != DataType::UInt64 => Some(values),
            _ => None,
        }
    }

    /// The values of `Float64`. A null is 0.
    pub fn as_f64(self) -> Option<&'a [f64]> {
        match &self.data().data {
            ColumnData::Float64(values) => Some(values),
            _ => None,
        }
    }

    /// The values of `Float32`. A null is 0.
    pub fn as_f32(self) -> Option<&'a [f32]> {
        match &self.data().data {
            ColumnData::Float32(values) => Some(values),
            _ => None,
        }
    }

    fn data(self) -> &'a crate::chunk::Column {
        &self.rows.fields[self.at].column
    }
}
