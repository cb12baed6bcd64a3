//! The chunk: up to [`ROWS_MAX`] consecutive rows of one table, held as columns.
//!
//! It is the only shape rows have, from insert to query. `_seq` is implicit (`first_seq + i`);
//! `_time` is a column of its own beside the fields.
//!
//! Invariants
//! 1. Every column, and `times`, has exactly `len()` values.
//! 2. A null slot holds the type's zero (0, false, 0.0, no bytes), so that two equal chunks have
//!    equal columns.
//! 3. `times` never goes down.

mod bitmap;
mod column;
mod mask;
mod scalar;

pub(crate) use bitmap::Bitmap;
pub(crate) use column::{BytesColumn, Column, ColumnData};
pub(crate) use mask::Mask;
pub(crate) use scalar::Scalar;

/// Rows in a full chunk: a power of two, so that the block of a row is a shift and a mask.
pub(crate) const ROWS_MAX: usize = 2048;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chunk {
    /// `_seq` of the first row, from 1.
    pub(crate) first_seq: i64,
    /// `_time` of each row: ns since the epoch.
    pub(crate) times: Vec<i64>,
    /// One column a field, in the schema's order.
    pub(crate) columns: Vec<Column>,
}

impl Chunk {
    /// An empty chunk with columns for these types.
    pub(crate) fn new(first_seq: i64, types: impl IntoIterator<Item = crate::DataType>) -> Self {
        let columns = types.into_iter().map(|t| Column::new(t.physical())).collect();
        Chunk { first_seq, times: Vec::new(), columns }
    }

    /// Rows held.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// `_seq` after the last row.
    pub(crate) fn end_seq(&self) -> i64 {
        self.first_seq + self.len() as i64
    }

    /// An empty chunk to follow this full one, with room for as much again.
    pub(crate) fn next_like(&self) -> Chunk {
        Chunk {
            first_seq: self.end_seq(),
            times: Vec::with_capacity(self.len()),
            columns: self.columns.iter().map(Column::empty_like).collect(),
        }
    }

    /// A copy of some of the rows.
    pub(crate) fn slice(&self, rows: std::ops::Range<usize>) -> Chunk {
        let columns = self.columns.iter().map(|from| {
            let mut column = Column::new(from.data.physical());
            column.extend_from(from, rows.clone());
            column
        });
        Chunk {
            first_seq: self.first_seq + rows.start as i64,
            columns: columns.collect(),
            times: self.times[rows].to_vec(),
        }
    }

    /// Appends the rows of another chunk, which follow on these.
    pub(crate) fn append(&mut self, other: &Chunk) {
        debug_assert_eq!(self.end_seq(), other.first_seq, "rows that do not follow on");
        self.times.extend_from_slice(&other.times);
        for (into, column) in self.columns.iter_mut().zip(&other.columns) {
            into.extend_from(column, 0..column.len());
        }
    }

    /// Bytes of the values held, for the accounting of memory (capacity is not counted).
    pub(crate) fn value_bytes(&self) -> usize {
        self.times.len() * 8 + self.columns.iter().map(Column::value_bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Physical;

    #[test]
    fn a_part_without_nulls_has_no_bitmap() {
        let mut column = Column::new(Physical::Int);
        for value in [Scalar::Int(1), Scalar::Null, Scalar::Int(3), Scalar::Int(4)] {
            column.push(&value);
        }
        let chunk = Chunk { first_seq: 1, times: vec![0; 4], columns: vec![column] };
        assert_eq!(chunk.slice(2..4).columns[0].validity, None);
        assert_eq!(chunk.slice(1..3).columns[0].null_count(), 1);
    }
}
