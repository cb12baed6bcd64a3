//! The aggregates: functions that make an [`Aggregate`](crate::Aggregate) of a field.
//!
//! | function | of | result | as text |
//! |---|---|---|---|
//! | [`count`] | rows | int64 | `count(*)` |
//! | [`count_of`] | any type | int64 | `count(f)` |
//! | [`sum`] | integers | int64, uint64 | `sum(f)` |
//! | | floats; decimal; duration | float64; decimal; duration | |
//! | [`avg`] | integers, floats | float64 | `avg(f)`, `mean(f)` |
//! | | decimal, duration, timestamp | the same | |
//! | [`min`], [`max`], [`first`], [`last`] | any type | the same | `min(f)` … |
//! | [`stddev`], [`stddev_pop`], [`variance`], [`var_pop`] | numbers | float64 | `stddev(f)` … |
//! | [`count_distinct`] | any type | int64 | `count(distinct f)` |
//! | [`approx_count_distinct`] | any type | int64 | `approx_count_distinct(f)` |
//! | [`quantile`], [`median`] | numbers | float64 | `quantile(f, 0.9)`, `median(f)` |
//! | | timestamp, duration | the same | |
//! | [`quantile_disc`] | numbers, timestamp, duration | the same | `quantile_disc(f, 0.9)` |
//!
//! A field may be `_seq` or `_time` too. `docs/queries.md` says what each does with NaN, with
//! -0.0 and at the ends of its range.

use super::function::{Aggregate, Function, Spread};

fn of(function: Function, field: impl Into<String>) -> Aggregate {
    Aggregate::new(function, Some(field.into()))
}

/// How many rows there are.
pub fn count() -> Aggregate {
    Aggregate::new(Function::Count, None)
}

/// How many rows have a value in the field.
pub fn count_of(field: impl Into<String>) -> Aggregate {
    of(Function::Count, field)
}

/// The sum. Of integers and decimals it is exact, or else [`crate::Error::Overflow`].
pub fn sum(field: impl Into<String>) -> Aggregate {
    of(Function::Sum, field)
}

/// The mean.
pub fn avg(field: impl Into<String>) -> Aggregate {
    of(Function::Avg, field)
}

/// The least value.
pub fn min(field: impl Into<String>) -> Aggregate {
    of(Function::Min, field)
}

/// The greatest value.
pub fn max(field: impl Into<String>) -> Aggregate {
    of(Function::Max, field)
}

/// The value of the first row that has one, in the order of `_seq`.
pub fn first(field: impl Into<String>) -> Aggregate {
    of(Function::First, field)
}

/// The value of the last row that has one, in the order of `_seq`.
pub fn last(field: impl Into<String>) -> Aggregate {
    of(Function::Last, field)
}

/// The standard deviation of a sample: divided by n - 1; null of fewer than two values.
pub fn stddev(field: impl Into<String>) -> Aggregate {
    of(Function::Spread(Spread { root: true, sample: true }), field)
}

/// The standard deviation of all there is: divided by n.
pub fn stddev_pop(field: impl Into<String>) -> Aggregate {
    of(Function::Spread(Spread { root: true, sample: false }), field)
}

/// The variance of a sample: divided by n - 1; null of fewer than two values.
pub fn variance(field: impl Into<String>) -> Aggregate {
    of(Function::Spread(Spread { root: false, sample: true }), field)
}

/// The variance of all there is: divided by n.
pub fn var_pop(field: impl Into<String>) -> Aggregate {
    of(Function::Spread(Spread { root: false, sample: false }), field)
}

/// How many different values there are, exactly; all of them are kept in memory.
pub fn count_distinct(field: impl Into<String>) -> Aggregate {
    of(Function::CountDistinct, field)
}

/// About how many different values there are: exact up to some hundred, above with a standard
/// error of 0.8 %, in 16 KiB a group.
pub fn approx_count_distinct(field: impl Into<String>) -> Aggregate {
    of(Function::ApproxCountDistinct, field)
}

/// The value that the part (0 to 1) of all values is not above, on the line between the two values
/// next to it: `percentile_cont` of SQL. Exact; all values are kept in memory.
pub fn quantile(field: impl Into<String>, part: f64) -> Aggregate {
    of(Function::Quantile { part, interpolated: true }, field)
}

/// The least value that at least the part (0 to 1) of all values is not above: `percentile_disc` of
/// SQL. Exact; all values are kept in memory.
pub fn quantile_disc(field: impl Into<String>, part: f64) -> Aggregate {
    of(Function::Quantile { part, interpolated: false }, field)
}

/// The [`quantile`] of one half.
pub fn median(field: impl Into<String>) -> Aggregate {
    quantile(field, 0.5)
}
