//! Aggregates, for srdb and for SQLite.
//!
//! SQLite's part of an aggregate is one or more columns, each exact; what they come to is put
//! together here ([`Aggregate::wanted`]):
//!
//! | aggregate | in SQLite |
//! |---|---|
//! | sums and means of integers | the sums of the upper and lower 32 bits, which can't overflow |
//! | of decimals | the same of the decimals times 10^4, where all of them are integers then |
//! | of floats | its own sum, which is compared to what rounding may make of it |
//! | first, last | the least and greatest `_seq` that has a value |
//! | deviations | the sum of squares around the mean of the group, over a window function |
//! | quantiles | the values at the places next to it, over a window function |
//!
//! Floats are added up only where no sum comes near their ends, where its order would count.

use rusqlite::types::Value as Stored;
use srdb::{Aggregate as Asked, DataType, Decimal, Value, agg};

use crate::fixture::{Fixture, SCALE};
use crate::random::Random;
use crate::sql::{name, ordered};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Function {
    Count,
    CountOf,
    CountDistinct,
    ApproxCountDistinct,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    /// The variance's root or not, of a sample or not.
    Spread {
        root: bool,
        sample: bool,
    },
    /// So many quarters, on the line between two values or not.
    Quantile {
        quarters: i64,
        interpolated: bool,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Aggregate {
    function: Function,
    field: usize,
}

/// What an aggregate has to come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    Null,
    NotANumber,
    /// As [`Fixture::stored`] has it.
    Stored(Stored),
    Int(i128),
    Decimal(Decimal),
    /// Up to so much.
    Near(f64, f64),
    /// The value that this row has in the field.
    OfRow(i64),
    /// Beyond the type.
    Overflow,
}

impl Aggregate {
    pub(crate) fn random(random: &mut Random, fixture: &Fixture) -> Aggregate {
        let field = random.below(DataType::ALL.len());
        let data_type = DataType::ALL[field];
        let is_number = is_number(data_type);
        let is_time = matches!(data_type, DataType::Timestamp | DataType::Duration);
        let spread = |random: &mut Random| Function::Spread {
            root: random.chance(2),
            sample: random.chance(2),
        };
        let function = match random.below(13) {
            0 => Function::Count,
            1 => Function::CountOf,
            2 => Function::CountDistinct,
            3 => Function::ApproxCountDistinct,
            4 => Function::First,
            5 => Function::Last,
            6 | 7 if fixture.moderate[field] && (is_number || data_type == DataType::Duration) => {
                Function::Sum
            }
            8 if fixture.moderate[field] && (is_number || is_time) => Function::Avg,
            9 if fixture.moderate[field] && is_number => spread(random),
            10 if fixture.native[field] && (is_number || is_time) => {
                Function::Quantile { quarters: random.below(5) as i64, interpolated: false }
            }
            10 | 11 if fixture.moderate[field] && fixture.native[field] && is_number => {
                Function::Quantile { quarters: random.below(5) as i64, interpolated: true }
            }
            _ => random.one_of(&[Function::Min, Function::Max]),
        };
        Aggregate { function, field }
    }

    pub(crate) fn asked(self, at: usize) -> Asked {
        let field = name(self.field);
        let part = |quarters: i64| quarters as f64 / 4.0;
        let asked = match self.function {
            Function::Count => agg::count(),
            Function::CountOf => agg::count_of(field),
            Function::CountDistinct => agg::count_distinct(field),
            Function::ApproxCountDistinct => agg::approx_count_distinct(field),
            Function::Sum => agg::sum(field),
            Function::Avg => agg::avg(field),
            Function::Min => agg::min(field),
            Function::Max => agg::max(field),
            Function::First => agg::first(field),
            Function::Last => agg::last(field),
            Function::Spread { root: true, sample: true } => agg::stddev(field),
            Function::Spread { root: true, sample: false } => agg::stddev_pop(field),
            Function::Spread { root: false, sample: true } => agg::variance(field),
            Function::Spread { root: false, sample: false } => agg::var_pop(field),
            Function::Quantile { quarters, interpolated: true } => {
                agg::quantile(field, part(quarters))
            }
            Function::Quantile { quarters, interpolated: false } => {
                agg::quantile_disc(field, part(quarters))
            }
        };
        asked.named(format!("a{at}"))
    }

    pub(crate) fn counts(self) -> bool {
        matches!(
            self.function,
            Function::Count
                | Function::CountOf
                | Function::CountDistinct
                | Function::ApproxCountDistinct
        )
    }

    /// The field as a number of SQLite.
    fn own(self) -> String {
        match DataType::ALL[self.field] {
            DataType::Decimal => "(decimal_scaled / 1e4)".to_owned(),
            data_type => format!("\"{}\"", data_type.name()),
        }
    }

    /// Whether SQLite has the value itself, in one column: what can be ordered by.
    pub(crate) fn is_ordered(self) -> bool {
        self.counts() && self.function != Function::ApproxCountDistinct
            || matches!(self.function, Function::Min | Function::Max)
    }

    /// Columns that SQLite makes of each row before it groups them; `groups` is what it groups by.
    pub(crate) fn inner(self, fixture: &Fixture, at: usize, groups: &str) -> Vec<String> {
        let own = self.own();
        let over = |order: &str| match (groups, order) {
            ("", "") => "over ()".to_owned(),
            ("", order) => format!("over (order by {order})"),
            (groups, order) => {
                let order =
                    if order.is_empty() { String::new() } else { format!("order by {order}") };
                format!("over (partition by {groups} {order})")
            }
        };
        match self.function {
            Function::Spread { .. } => vec![format!("avg({own}) {} as m{at}", over(""))],
            Function::Quantile { .. } => {
                let column = ordered(fixture, self.field);
                let order = format!("{column} nulls last");
                vec![
                    format!("row_number() {} as r{at}", over(&order)),
                    format!("count({column}) {} as n{at}", over("")),
                ]
            }
            _ => Vec::new(),
        }
    }

    /// Columns of SQLite's answer.
    pub(crate) fn columns(self, fixture: &Fixture, at: usize) -> Vec<String> {
        let (own, key) = (self.own(), ordered(fixture, self.field));
        let own_key = format!("\"{}_key\"", name(self.field));
        let is_float = matches!(DataType::ALL[self.field], DataType::Float32 | DataType::Float64);
        match self.function {
            Function::Count => vec!["count(*)".to_owned()],
            Function::CountOf => vec![format!("count({key})")],
            Function::CountDistinct | Function::ApproxCountDistinct => {
                vec![format!("count(distinct {key})")]
            }
            Function::Min => vec![format!("min({key})")],
            Function::Max => vec![format!("max({key})")],
            Function::First => vec![format!("min(_seq) filter (where {key} is not null)")],
            Function::Last => vec![format!("max(_seq) filter (where {key} is not null)")],
            Function::Sum | Function::Avg if is_float => vec![
                format!("count({own_key})"),
                format!("sum({own})"),
                format!("sum(abs({own}))"),
                format!("total({own_key} = '3')"),
            ],
            Function::Sum | Function::Avg => {
                let own = match DataType::ALL[self.field] {
                    DataType::Decimal => "decimal_scaled",
                    _ => &own,
                };
                vec![
                    format!("count({own})"),
                    format!("sum({own} >> 32)"),
                    format!("sum({own} & 4294967295)"),
                ]
            }
            Function::Spread { .. } => vec![
                format!("count({own_key})"),
                format!("sum(({own} - m{at}) * ({own} - m{at}))"),
                format!("max(abs({own} * 1.0))"),
                format!("total({own_key} = '3')"),
            ],
            Function::Quantile { quarters, interpolated: false } => {
                let place = format!("max(1, ({quarters} * n{at} + 3) / 4)");
                vec![format!("max({key}) filter (where r{at} = {place})")]
            }
            Function::Quantile { quarters, interpolated: true } => {
                let place = format!("({quarters} * (n{at} - 1))");
                vec![
                    format!("max({own}) filter (where r{at} = {place} / 4 + 1)"),
                    format!("max({own}) filter (where r{at} = {place} / 4 + 2)"),
                    format!("max({place} % 4)"),
                ]
            }
        }
    }

    /// What the columns come to.
    pub(crate) fn wanted(self, columns: &[Stored]) -> Wanted {
        let int = |at: usize| match columns[at] {
            Stored::Integer(int) => int,
            _ => 0,
        };
        let real = |at: usize| match columns[at] {
            Stored::Real(real) => real,
            Stored::Integer(int) => int as f64,
            _ => 0.0,
        };
        let data_type = DataType::ALL[self.field];
        let is_float = matches!(data_type, DataType::Float32 | DataType::Float64);
        match self.function {
            _ if columns[0] == Stored::Null => Wanted::Null,
            Function::First | Function::Last => Wanted::OfRow(int(0)),
            Function::Sum | Function::Avg | Function::Spread { .. } if int(0) == 0 => Wanted::Null,
            Function::Sum | Function::Avg if is_float => {
                let (count, [sum, size, nans]) = (int(0) as f64, [1, 2, 3].map(real));
                let divisor = if self.function == Function::Avg { count } else { 1.0 };
                match nans > 0.0 {
                    true => Wanted::NotANumber,
                    false => Wanted::Near(sum / divisor, size / divisor * 1e-14),
                }
            }
            Function::Sum | Function::Avg => {
                let total = (i128::from(int(1)) << 32) + i128::from(int(2));
                integer(data_type, self.function == Function::Sum, total, int(0))
            }
            Function::Spread { root, sample } => {
                let (count, [squares, size, nans]) = (int(0) as f64, [1, 2, 3].map(real));
                let divisor = if sample { count - 1.0 } else { count };
                if divisor < 1.0 {
                    return Wanted::Null;
                }
                if nans > 0.0 {
                    return Wanted::NotANumber;
                }
                let (variance, size) = (squares / divisor, size * size * 1e-13 + 1e-300);
                match root {
                    false => Wanted::Near(variance, size + variance * 1e-9),
                    true => Wanted::Near(variance.sqrt(), size.sqrt() + variance.sqrt() * 1e-9),
                }
            }
            Function::Quantile { interpolated: true, .. } => {
                let (low, high, part) = (real(0), real(1), real(2) / 4.0);
                let between = if part == 0.0 { low } else { low + (high - low) * part };
                Wanted::Near(between, low.abs().max(high.abs()) * 1e-14)
            }
            _ => Wanted::Stored(columns[0].clone()),
        }
    }
}

fn is_number(data_type: DataType) -> bool {
    !matches!(
        data_type,
        DataType::Bool
            | DataType::String
            | DataType::Bytes
            | DataType::Timestamp
            | DataType::Duration
            | DataType::Json
    )
}

/// A sum or a mean of integers, or of decimals that were made integers.
fn integer(data_type: DataType, sum: bool, total: i128, count: i64) -> Wanted {
    let mean = total as f64 / count as f64;
    let fits = |low: i128, high: i128| match (low..=high).contains(&total) {
        true => Wanted::Int(total),
        false => Wanted::Overflow,
    };
    match data_type {
        DataType::Decimal if sum => Wanted::Decimal(Decimal::from_i128_with_scale(total, SCALE)),
        DataType::Decimal => {
            let mean = mean / 10_f64.powi(SCALE as i32);
            Wanted::Near(mean, mean.abs() * 1e-14)
        }
        DataType::Timestamp | DataType::Duration if !sum => {
            // To the nearest, halves away from zero.
            let (count, sign) = (i128::from(count), total.signum());
            Wanted::Int(sign * ((2 * total.abs() + count) / (2 * count)))
        }
        _ if !sum => Wanted::Near(mean, mean.abs() * 1e-14),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            fits(0, u64::MAX.into())
        }
        _ => fits(i64::MIN.into(), i64::MAX.into()),
    }
}

impl Wanted {
    /// Whether a value is what is wanted of this field.
    pub(crate) fn is(&self, value: &Value, aggregate: Aggregate, fixture: &Fixture) -> bool {
        let field = aggregate.field;
        let float = |value: &Value| match value {
            Value::Float64(float) => Some(*float),
            Value::Decimal(decimal) => decimal.to_string().parse().ok(),
            _ => None,
        };
        match self {
            Wanted::Null => value.is_null(),
            Wanted::NotANumber => float(value).is_some_and(f64::is_nan),
            Wanted::Stored(stored) if aggregate.counts() => match (stored, value) {
                (Stored::Integer(theirs), Value::Int(ours)) => {
                    // Exact up to some hundred; above, it is about right.
                    let apart = (ours - theirs).unsigned_abs();
                    let approximate = aggregate.function == Function::ApproxCountDistinct;
                    apart == 0 || approximate && *theirs > 100 && apart * 20 < theirs.unsigned_abs()
                }
                _ => false,
            },
            Wanted::Stored(stored) => fixture.stored(name(field), value) == *stored,
            Wanted::Int(int) => match value {
                Value::Int(ours) | Value::Timestamp(ours) | Value::Duration(ours) => {
                    i128::from(*ours) == *int
                }
                Value::UInt(ours) => i128::from(*ours) == *int,
                _ => false,
            },
            Wanted::Decimal(decimal) => matches!(value, Value::Decimal(ours) if ours == decimal),
            Wanted::Near(near, apart) => {
                float(value).is_some_and(|ours| (ours - near).abs() <= *apart || ours == *near)
            }
            Wanted::OfRow(seq) => {
                let theirs = &fixture.values[(*seq - 1) as usize][field];
                crate::model::compare(theirs, value).is_eq()
            }
            Wanted::Overflow => false,
        }
    }
}
