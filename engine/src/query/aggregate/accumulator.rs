//! What is kept of the values of each group while rows go by, and what it comes to.
//!
//! Invariant: rows come in the order of `_seq`, so that sums of floats, and what is first and last,
//! are the same wherever the rows lie.

use std::fmt::Debug;

use super::groups::Target;
use crate::chunk::{Column, ColumnData};
use crate::column::ZoneMap;
use crate::types::Physical;
use crate::{Error, Result, Value};

/// See the module's documentation.
pub(super) trait Accumulator: Debug + Send {
    /// Makes room for so many groups.
    fn grow(&mut self, groups: usize);

    /// Adds the values of a column; `None` for whole rows.
    ///
    /// # Errors
    /// What makes the rest of no use.
    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()>;

    /// Adds so many rows to a group, if that is all it takes.
    fn add_rows(&mut self, _rows: u64, _group: usize) -> bool {
        false
    }

    /// Adds all rows of a block to a group, if what is known of the column does for that.
    fn add_zone(&mut self, _zone: &ZoneMap, _group: usize) -> bool {
        false
    }

    /// Bytes of memory.
    fn bytes(&self) -> usize;

    /// What a group comes to. After the last value was added; as often as one likes.
    ///
    /// # Errors
    /// [`Error::Overflow`]; [`Error::Invalid`] for bytes that are no value of the field's type.
    fn value(&mut self, group: usize) -> Result<Value>;
}

/// Calls `f` with the place and the group of each row that holds a value.
#[inline]
pub(super) fn for_each_value(column: &Column, targets: &[Target], mut f: impl FnMut(usize, usize)) {
    match &column.validity {
        None => targets.iter().for_each(|t| f(t.row as usize, t.group as usize)),
        Some(valid) => {
            let has_value = |target: &&Target| valid.get(target.row as usize);
            targets.iter().filter(has_value).for_each(|t| f(t.row as usize, t.group as usize));
        }
    }
}

/// The error for a column that is not what its type says.
#[cold]
pub(super) fn wrong_shape(found: Option<Physical>) -> Error {
    Error::invalid(format!("an aggregate of a column of another shape, {found:?}"))
}

/// The value of a slot as a float; what is no number is NaN. `unsigned` of a `UInt64`.
#[inline]
pub(super) fn float_at(data: &ColumnData, row: usize, unsigned: bool) -> f64 {
    match data {
        ColumnData::Int(values) if unsigned => crate::types::i64_to_u64(values[row]) as f64,
        ColumnData::Int(values) => values[row] as f64,
        ColumnData::Float32(values) => values[row].into(),
        ColumnData::Float64(values) => values[row],
        ColumnData::Decimal(values) => decimal_to_f64(values[row]),
        ColumnData::Bool(_) | ColumnData::Bytes(_) => f64::NAN,
    }
}

/// The float nearest to a decimal.
pub(super) fn decimal_to_f64(value: rust_decimal::Decimal) -> f64 {
    // Both are exact up to here, so that the division rounds once.
    const EXACT: u128 = 1 << 53;
    let (mantissa, scale) = (value.mantissa(), value.scale());
    if mantissa.unsigned_abs() <= EXACT && scale <= 22 {
        return mantissa as f64 / 10_f64.powi(scale as i32);
    }
    // The text of a decimal has all its digits, and reading it rounds once.
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// How many rows, or how many values.
#[derive(Debug, Default)]
pub(super) struct Count {
    counts: Vec<u64>,
}

impl Accumulator for Count {
    fn grow(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let counts = &mut self.counts;
        match column {
            None => targets.iter().for_each(|target| counts[target.group as usize] += 1),
            Some(column) => for_each_value(column, targets, |_, group| counts[group] += 1),
        }
        Ok(())
    }

    fn add_rows(&mut self, rows: u64, group: usize) -> bool {
        self.counts[group] += rows;
        true
    }

    fn add_zone(&mut self, zone: &ZoneMap, group: usize) -> bool {
        self.counts[group] += u64::from(zone.valid_count());
        true
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * 8
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        Ok(Value::Int(self.counts[group] as i64))
    }
}
