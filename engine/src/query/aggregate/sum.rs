//! Sums and means of integers and floats.
//!
//! Invariants
//! 1. Sums of integers are exact: below 2^63 values of 64 bits fit an i128.
//! 2. Sums of floats are made value after value in the order of the rows, with what each addition
//!    loses carried along and added at the end (Neumaier, "Rundungsfehleranalyse einiger Verfahren
//!    zur Summation endlicher Summen", 1974). They don't depend on where the rows lie.

use super::accumulator::{Accumulator, for_each_value, wrong_shape};
use super::groups::Target;
use crate::chunk::{Column, ColumnData};
use crate::column::ZoneMap;
use crate::{DataType, Error, Result, Value};

/// Of integers, instants and spans.
#[derive(Debug)]
pub(super) struct IntSum {
    data_type: DataType,
    /// The mean, not the sum.
    mean: bool,
    /// As text, for errors.
    call: String,
    /// Of the i64s in memory.
    sums: Vec<i128>,
    counts: Vec<u64>,
}

/// Of floats.
#[derive(Debug)]
pub(super) struct FloatSum {
    mean: bool,
    sums: Vec<Compensated>,
}

/// A sum, what was lost to it, and how many values it is of.
#[derive(Debug, Clone, Copy, Default)]
struct Compensated {
    sum: f64,
    lost: f64,
    count: u64,
}

impl Compensated {
    /// Two floats are their rounded sum and an exact rest (Knuth's TwoSum).
    #[inline]
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        let part = sum - self.sum;
        self.lost += (self.sum - (sum - part)) + (value - part);
        self.sum = sum;
        self.count += 1;
    }

    fn total(self) -> f64 {
        // Beyond the floats' range the rest is NaN, and says nothing.
        if self.lost.is_nan() { self.sum } else { self.sum + self.lost }
    }
}

impl IntSum {
    pub(super) fn new(data_type: DataType, mean: bool, call: String) -> IntSum {
        IntSum { data_type, mean, call, sums: Vec::new(), counts: Vec::new() }
    }

    /// The sum of the values, which in memory a `UInt64` is 2^63 above.
    fn total(&self, group: usize) -> i128 {
        let offset = if self.data_type == DataType::UInt64 { 1_i128 << 63 } else { 0 };
        self.sums[group] + offset * i128::from(self.counts[group])
    }

    fn fit<T: TryFrom<i128>>(&self, total: i128, data_type: DataType) -> Result<T> {
        T::try_from(total).map_err(|_| Error::Overflow {
            aggregate: self.call.clone(),
            value: total.to_string(),
            data_type: data_type.name(),
        })
    }
}

/// To the nearest integer, halves away from zero.
pub(super) fn rounded_quotient(total: i128, count: u64) -> i128 {
    let count = i128::from(count);
    let (whole, rest) = (total / count, total % count);
    if rest.abs() * 2 >= count { whole + rest.signum() } else { whole }
}

impl Accumulator for IntSum {
    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.counts.resize(groups, 0);
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column @ Column { data: ColumnData::Int(values), .. }) = column else {
            return Err(wrong_shape(column.map(|column| column.data.physical())));
        };
        let (sums, counts) = (&mut self.sums, &mut self.counts);
        for_each_value(column, targets, |row, group| {
            sums[group] += i128::from(values[row]);
            counts[group] += 1;
        });
        Ok(())
    }

    fn add_zone(&mut self, zone: &ZoneMap, group: usize) -> bool {
        self.sums[group] += zone.int_sum();
        self.counts[group] += u64::from(zone.valid_count());
        true
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * 16 + self.counts.capacity() * 8
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        let (total, count) = (self.total(group), self.counts[group]);
        if count == 0 {
            return Ok(Value::Null);
        }
        Ok(match (self.data_type, self.mean) {
            (DataType::Timestamp, _) => {
                Value::Timestamp(self.fit(rounded_quotient(total, count), DataType::Timestamp)?)
            }
            (DataType::Duration, true) => {
                Value::Duration(self.fit(rounded_quotient(total, count), DataType::Duration)?)
            }
            (DataType::Duration, false) => Value::Duration(self.fit(total, DataType::Duration)?),
            (_, true) => Value::Float64(total as f64 / count as f64),
            (DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64, false) => {
                Value::UInt(self.fit(total, DataType::UInt64)?)
            }
            (_, false) => Value::Int(self.fit(total, DataType::Int64)?),
        })
    }
}

impl FloatSum {
    pub(super) fn new(mean: bool) -> FloatSum {
        FloatSum { mean, sums: Vec::new() }
    }
}

impl Accumulator for FloatSum {
    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, Compensated::default());
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let sums = &mut self.sums;
        match &column.data {
            ColumnData::Float64(values) => for_each_value(column, targets, |row, group| {
                sums[group].add(values[row]);
            }),
            ColumnData::Float32(values) => for_each_value(column, targets, |row, group| {
                sums[group].add(values[row].into());
            }),
            other => return Err(wrong_shape(Some(other.physical()))),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<Compensated>()
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        let (total, count) = (self.sums[group].total(), self.sums[group].count);
        Ok(match (count, self.mean) {
            (0, _) => Value::Null,
            (_, true) => Value::Float64(total / count as f64),
            (_, false) => Value::Float64(total),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(values: &[f64]) -> f64 {
        let mut sum = Compensated::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }

    #[test]
    fn what_additions_lose_comes_back() {
        assert_eq!(total(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(total(&[0.1; 10]), 1.0);
        assert_eq!(total(&vec![0.1; 1_000_000]), 100_000.0);
    }

    #[test]
    fn what_is_no_number_stays() {
        assert!(total(&[1.0, f64::NAN]).is_nan());
        assert_eq!(total(&[1.0, f64::INFINITY, 2.0]), f64::INFINITY);
        assert!(total(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert_eq!(total(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn quotients_are_rounded_to_the_nearest() {
        let cases = [(7, 2, 4), (-7, 2, -4), (5, 3, 2), (4, 3, 1), (-4, 3, -1), (0, 9, 0)];
        for (total, count, expected) in cases {
            assert_eq!(rounded_quotient(total, count), expected, "{total} / {count}");
        }
    }
}
