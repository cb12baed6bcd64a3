//! The rows of one table in one commit, validated and held as columns.
//!
//! Invariants
//! 1. Between calls every column has `rows` values, in its field's physical shape, and each value
//!    is one its field may hold: what is stored needs no further check.
//! 2. A row that fails leaves the batch as it was.
//! 3. Within a row, a column longer than `rows` has been given its value: no other note is kept of
//!    which fields were seen.

use crate::chunk::{BytesColumn, Column, ColumnData};
use crate::error::{Error, Result};
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_ROWS_MAX, ROW_BYTES_MAX};
use crate::schema::{Field, Schema};
use crate::types::convert::{fit, fit_owned};
use crate::types::{DataType, Value, ValueRef, u64_to_i64};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(crate) struct RowBatch {
    rows: usize,
    bytes: usize,
    /// Bytes every row has in the plain encoding, null or not: all but the texts themselves.
    row_bytes_min: usize,
    columns: Vec<Column>,
}

impl RowBatch {
    /// An empty batch of rows of this schema, which every later call must be given too.
    pub(crate) fn new(schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|f| Column::new(f.data_type().physical()));
        // A text has its length before it.
        let widths = schema.fields().iter().map(|f| f.data_type().plain_width().unwrap_or(4));
        RowBatch { rows: 0, bytes: 0, row_bytes_min: widths.sum(), columns: columns.collect() }
    }

    /// Rows held.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes of the values in the plain encoding.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The columns, in the schema's order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Forgets the rows and keeps the room, for the next batch.
    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.bytes = 0;
        self.roll_back();
    }

    /// Adds a row of names and values. `row` is its number in the caller's batch, for errors.
    pub(crate) fn push_row<'v>(
        &mut self,
        schema: &Schema,
        row: usize,
        pairs: impl IntoIterator<Item = (&'v str, &'v Value)>,
    ) -> Result<()> {
        let pushed = self.push_pairs(schema, row, pairs);
        self.finish_row(pushed)
    }

    /// Adds a row of one value a field, in the schema's order. `row` as above.
    #[inline]
    pub(crate) fn push_values(
        &mut self,
        schema: &Schema,
        row: usize,
        values: &[ValueRef<'_>],
    ) -> Result<()> {
        let pushed = self.push_in_order(schema, row, values);
        self.finish_row(pushed)
    }

    /// Stops early where the row is too large: [`RowBatch::finish_row`] refuses it.
    fn push_pairs<'v>(
        &mut self,
        schema: &Schema,
        row: usize,
        pairs: impl IntoIterator<Item = (&'v str, &'v Value)>,
    ) -> Result<usize> {
        let fields = schema.fields();
        let (mut next, mut given, mut bytes) = (0, 0, 0);
        for (name, value) in pairs {
            // In the schema's order no name is searched for.
            let at = match fields.get(next) {
                Some(field) if field.name() == name => next,
                _ => schema
                    .index_of(name)
                    .ok_or_else(|| bad_row(row, name, "the table has no such field"))?,
            };
            let column = &mut self.columns[at];
            if column.len() > self.rows {
                return Err(bad_row(row, name, "the field is given twice"));
            }
            bytes += push_value(column, &fields[at], row, value.as_ref())?;
            if bytes > ROW_BYTES_MAX {
                return Ok(bytes);
            }
            given += 1;
            next = at + 1;
        }
        if given < fields.len() {
            bytes += self.push_missing(schema, row)?;
        }
        Ok(bytes)
    }

    /// Gives the fields that the row left out their default or null.
    fn push_missing(&mut self, schema: &Schema, row: usize) -> Result<usize> {
        let mut bytes = 0;
        for (column, field) in self.columns.iter_mut().zip(schema.fields()) {
            if column.len() > self.rows {
                continue;
            }
            let value = match field.default_value() {
                Some(default) => default.as_ref(),
                None if field.is_nullable() => ValueRef::Null,
                None => return Err(bad_row(row, field.name(), "the required field is missing")),
            };
            bytes += push_value(column, field, row, value)?;
        }
        Ok(bytes)
    }

    #[inline]
    fn push_in_order(
        &mut self,
        schema: &Schema,
        row: usize,
        values: &[ValueRef<'_>],
    ) -> Result<usize> {
        let fields = schema.fields();
        if values.len() != fields.len() {
            return Err(wrong_count(row, fields, values.len()));
        }
        let mut bytes = 0;
        for ((column, field), value) in self.columns.iter_mut().zip(fields).zip(values) {
            bytes += push_value(column, field, row, *value)?;
            if bytes > ROW_BYTES_MAX {
                break;
            }
        }
        Ok(bytes)
    }

    /// Counts the row that was pushed, or takes back what was pushed of it.
    #[inline]
    fn finish_row(&mut self, pushed: Result<usize>) -> Result<()> {
        let checked =
            pushed.and_then(|text_bytes| self.check_limits(self.row_bytes_min + text_bytes));
        match checked {
            Ok(bytes) => {
                self.rows += 1;
                self.bytes += bytes;
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    #[inline]
    fn check_limits(&self, row_bytes: usize) -> Result<usize> {
        if row_bytes > ROW_BYTES_MAX {
            return Err(limit("the size of a row in bytes", row_bytes, ROW_BYTES_MAX));
        }
        if self.bytes + row_bytes > COMMIT_BYTES_MAX {
            let bytes = self.bytes + row_bytes;
            return Err(limit("the size of a commit in bytes", bytes, COMMIT_BYTES_MAX));
        }
        if self.rows == COMMIT_ROWS_MAX {
            return Err(limit("the number of rows in a commit", self.rows + 1, COMMIT_ROWS_MAX));
        }
        Ok(row_bytes)
    }

    #[cold]
    fn roll_back(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }
}

#[cold]
fn limit(what: &'static str, got: usize, limit: usize) -> Error {
    Error::Limit { what, got: got as u64, limit: limit as u64 }
}

#[cold]
fn bad_row(row: usize, field: &str, what: impl Into<String>) -> Error {
    Error::BadRow { row, field: field.to_owned(), what: what.into() }
}

#[cold]
fn wrong_count(row: usize, fields: &[Field], got: usize) -> Error {
    // The first field without a value, or the last one before the values too many.
    let field = &fields[got.min(fields.len() - 1)];
    bad_row(row, field.name(), format!("{got} values for {} fields", fields.len()))
}

/// Appends one value to the column of its field. Returns the bytes of its text.
///
/// Here are the values that are of their field's kind already, which are nearly all; the rest is
/// [`push_converted`].
#[inline]
fn push_value(
    column: &mut Column,
    field: &Field,
    row: usize,
    value: ValueRef<'_>,
) -> Result<usize> {
    let mut text_bytes = 0;
    match (field.data_type(), &mut column.data, value) {
        (DataType::Int64, ColumnData::Int(to), ValueRef::Int(v))
        | (DataType::Timestamp, ColumnData::Int(to), ValueRef::Timestamp(v))
        | (DataType::Duration, ColumnData::Int(to), ValueRef::Duration(v)) => to.push(v),
        (DataType::UInt64, ColumnData::Int(to), ValueRef::UInt(v)) => to.push(u64_to_i64(v)),
        (DataType::Float64, ColumnData::Float64(to), ValueRef::Float64(v)) => to.push(v),
        (DataType::Float32, ColumnData::Float32(to), ValueRef::Float32(v)) => to.push(v),
        (DataType::Decimal, ColumnData::Decimal(to), ValueRef::Decimal(v)) => to.push(v),
        (DataType::Bool, ColumnData::Bool(to), ValueRef::Bool(v)) => to.push(v),
        (DataType::String, ColumnData::Bytes(to), ValueRef::Str(v)) => {
            text_bytes = push_bytes(to, v.as_bytes())?;
        }
        (DataType::Bytes, ColumnData::Bytes(to), ValueRef::Bytes(v)) => {
            text_bytes = push_bytes(to, v)?;
        }
        _ => return push_converted(column, field, row, value),
    }
    column.mark_valid();
    Ok(text_bytes)
}

/// [`push_value`] for nulls and for values that have to be checked or converted first.
fn push_converted(
    column: &mut Column,
    field: &Field,
    row: usize,
    value: ValueRef<'_>,
) -> Result<usize> {
    if value.is_null() {
        if !field.is_nullable() {
            return Err(bad_row(row, field.name(), "null in a required field"));
        }
        column.push_null();
        return Ok(0);
    }
    match fit(field.data_type(), value) {
        Ok(fitted) => store(column, field.data_type(), fitted),
        Err(refusal) => match fit_owned(field.data_type(), value) {
            Some(made) => store(column, field.data_type(), made.as_ref()),
            None => Err(bad_row(row, field.name(), refusal)),
        },
    }
}

/// Appends a value that [`fit`] let through and that is not null.
fn store(column: &mut Column, data_type: DataType, value: ValueRef<'_>) -> Result<usize> {
    let mut text_bytes = 0;
    match (&mut column.data, value) {
        (
            ColumnData::Int(to),
            ValueRef::Int(v) | ValueRef::Timestamp(v) | ValueRef::Duration(v),
        ) => to.push(v),
        (ColumnData::Int(to), ValueRef::UInt(v)) => {
            to.push(if data_type == DataType::UInt64 { u64_to_i64(v) } else { v as i64 });
        }
        (ColumnData::Float64(to), ValueRef::Float64(v)) => to.push(v),
        (ColumnData::Float32(to), ValueRef::Float32(v)) => to.push(v),
        (ColumnData::Decimal(to), ValueRef::Decimal(v)) => to.push(v),
        (ColumnData::Bool(to), ValueRef::Bool(v)) => to.push(v),
        (ColumnData::Bytes(to), ValueRef::Str(v) | ValueRef::Json(v)) => {
            text_bytes = push_bytes(to, v.as_bytes())?;
        }
        (ColumnData::Bytes(to), ValueRef::Bytes(v)) => text_bytes = push_bytes(to, v)?,
        (data, value) => unfit(data, value),
    }
    column.mark_valid();
    Ok(text_bytes)
}

/// Checked before anything is copied, so that a column's text stays far below its 4 GiB.
#[inline]
fn push_bytes(to: &mut BytesColumn, value: &[u8]) -> Result<usize> {
    if value.len() > ROW_BYTES_MAX {
        return Err(limit("the size of a row in bytes", value.len(), ROW_BYTES_MAX));
    }
    to.push(value);
    Ok(value.len())
}

#[cold]
fn unfit(data: &ColumnData, value: ValueRef<'_>) -> ! {
    panic!("fit let a {} through to a {:?} column", value.kind(), data.physical())
}
