//! Quantiles, exactly: the values of each group are kept, and put in order at the end.

use rust_decimal::Decimal;

use super::accumulator::{Accumulator, decimal_to_f64, for_each_value, wrong_shape};
use super::groups::Target;
use crate::chunk::{Column, ColumnData, Scalar};
use crate::row::value_of;
use crate::types::exact::cmp_floats;
use crate::types::{Physical, i64_to_u64};
use crate::{DataType, Error, Result, Value};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Quantile {
    data_type: DataType,
    part: f64,
    interpolated: bool,
    values: Values,
    sorted: Vec<bool>,
    /// Bytes of the groups' vectors.
    held: usize,
}

/// By group.
#[derive(Debug)]
enum Values {
    Int(Vec<Vec<i64>>),
    Float32(Vec<Vec<f32>>),
    Float64(Vec<Vec<f64>>),
    Decimal(Vec<Vec<Decimal>>),
}

impl Quantile {
    /// Of a type that has quantiles: neither bool nor bytes.
    pub(super) fn new(data_type: DataType, part: f64, interpolated: bool) -> Quantile {
        let values = match data_type.physical() {
            Physical::Int | Physical::Bool | Physical::Bytes => Values::Int(Vec::new()),
            Physical::Float32 => Values::Float32(Vec::new()),
            Physical::Float64 => Values::Float64(Vec::new()),
            Physical::Decimal => Values::Decimal(Vec::new()),
        };
        Quantile { data_type, part, interpolated, values, sorted: Vec::new(), held: 0 }
    }
}

fn push<T: Copy>(
    groups: &mut [Vec<T>],
    held: &mut usize,
    (column, targets): (&Column, &[Target]),
    values: &[T],
) {
    for_each_value(column, targets, |row, group| {
        let group = &mut groups[group];
        let before = group.capacity();
        group.push(values[row]);
        *held += (group.capacity() - before) * size_of::<T>();
    });
}

/// Where the quantile lies among `count` values in order, of which there is one: the one below it,
/// and how far it is on the way to the next.
fn place(part: f64, count: usize) -> (usize, f64) {
    let at = part * (count - 1) as f64;
    let below = (at.floor() as usize).min(count - 1);
    (below, at - below as f64)
}

/// The least of `count` values in order that at least `part` of them are not above.
fn discrete(part: f64, count: usize) -> usize {
    ((part * count as f64).ceil() as usize).clamp(1, count) - 1
}

/// From `low` on the way to `high`, without a detour over infinity.
pub(super) fn between(low: f64, high: f64, part: f64) -> f64 {
    if part == 0.0 || low == high { low } else { low * (1.0 - part) + high * part }
}

impl Accumulator for Quantile {
    fn grow(&mut self, groups: usize) {
        self.sorted.resize(groups, false);
        match &mut self.values {
            Values::Int(values) => values.resize(groups, Vec::new()),
            Values::Float32(values) => values.resize(groups, Vec::new()),
            Values::Float64(values) => values.resize(groups, Vec::new()),
            Values::Decimal(values) => values.resize(groups, Vec::new()),
        }
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let (held, rows) = (&mut self.held, (column, targets));
        match (&mut self.values, &column.data) {
            (Values::Int(groups), ColumnData::Int(values)) => push(groups, held, rows, values),
            (Values::Float32(groups), ColumnData::Float32(values)) => {
                push(groups, held, rows, values);
            }
            (Values::Float64(groups), ColumnData::Float64(values)) => {
                push(groups, held, rows, values);
            }
            (Values::Decimal(groups), ColumnData::Decimal(values)) => {
                push(groups, held, rows, values);
            }
            (_, other) => return Err(wrong_shape(Some(other.physical()))),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.sorted.capacity() * (1 + size_of::<Vec<i64>>()) + self.held
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        let sorted = std::mem::replace(&mut self.sorted[group], true);
        let Quantile { data_type, part, interpolated, .. } = *self;
        let float = |low: f64, high: f64, way: f64| Value::Float64(between(low, high, way));
        let scalar = match &mut self.values {
            Values::Int(groups) => {
                let values = &mut groups[group];
                if values.is_empty() {
                    return Ok(Value::Null);
                }
                if !sorted {
                    values.sort_unstable();
                }
                if interpolated {
                    let (below, way) = place(part, values.len());
                    let (low, high) = (values[below], values[(below + 1).min(values.len() - 1)]);
                    return Ok(interpolated_ints(data_type, low, high, way));
                }
                Scalar::Int(values[discrete(part, values.len())])
            }
            Values::Float32(groups) => {
                let values = &mut groups[group];
                if values.is_empty() {
                    return Ok(Value::Null);
                }
                if !sorted {
                    values.sort_by(|a, b| cmp_floats((*a).into(), (*b).into()));
                }
                if interpolated {
                    let (below, way) = place(part, values.len());
                    let high = values[(below + 1).min(values.len() - 1)];
                    return Ok(float(values[below].into(), high.into(), way));
                }
                Scalar::Float32(values[discrete(part, values.len())])
            }
            Values::Float64(groups) => {
                let values = &mut groups[group];
                if values.is_empty() {
                    return Ok(Value::Null);
                }
                if !sorted {
                    values.sort_by(|a, b| cmp_floats(*a, *b));
                }
                if interpolated {
                    let (below, way) = place(part, values.len());
                    let high = values[(below + 1).min(values.len() - 1)];
                    return Ok(float(values[below], high, way));
                }
                Scalar::Float64(values[discrete(part, values.len())])
            }
            Values::Decimal(groups) => {
                let values = &mut groups[group];
                if values.is_empty() {
                    return Ok(Value::Null);
                }
                if !sorted {
                    values.sort();
                }
                if interpolated {
                    let (below, way) = place(part, values.len());
                    let high = values[(below + 1).min(values.len() - 1)];
                    return Ok(float(decimal_to_f64(values[below]), decimal_to_f64(high), way));
                }
                Scalar::Decimal(values[discrete(part, values.len())])
            }
        };
        value_of(data_type, scalar).map_err(|damage| {
            Error::invalid(format!("a stored value is no {data_type}: {}", damage.what))
        })
    }
}

fn interpolated_ints(data_type: DataType, low: i64, high: i64, way: f64) -> Value {
    match data_type {
        DataType::Timestamp => Value::Timestamp(between_ints(low, high, way)),
        DataType::Duration => Value::Duration(between_ints(low, high, way)),
        DataType::UInt64 => {
            Value::Float64(between(i64_to_u64(low) as f64, i64_to_u64(high) as f64, way))
        }
        _ => Value::Float64(between(low as f64, high as f64, way)),
    }
}

/// From `low` on the way to `high`, to the nearest integer.
pub(super) fn between_ints(low: i64, high: i64, part: f64) -> i64 {
    let way = (i128::from(high) - i128::from(low)) as f64 * part;
    (i128::from(low) + way.round() as i128).clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_sql() {
        assert_eq!(place(0.5, 4), (1, 0.5));
        assert_eq!(place(0.5, 5), (2, 0.0));
        assert_eq!(place(1.0, 5), (4, 0.0));
        assert_eq!(place(0.0, 1), (0, 0.0));
        assert_eq!(discrete(0.5, 4), 1);
        assert_eq!(discrete(0.5, 5), 2);
        assert_eq!(discrete(0.0, 5), 0);
        assert_eq!(discrete(1.0, 5), 4);
        assert_eq!(discrete(0.75, 4), 2);
    }

    #[test]
    fn between_two_is_neither_beyond_them_nor_infinite() {
        assert_eq!(between(f64::MIN, f64::MAX, 0.5), 0.0);
        assert_eq!(between(f64::INFINITY, f64::INFINITY, 0.5), f64::INFINITY);
        assert_eq!(between(1.0, 2.0, 0.25), 1.25);
        assert_eq!(between_ints(i64::MIN, i64::MAX, 0.5), 0);
        assert_eq!(between_ints(10, 13, 0.5), 12);
    }
}
