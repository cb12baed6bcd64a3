//! What an aggregation means, spelt out without care for speed: groups as lists of rows, each
//! aggregate made of the list of a group's values.

use std::cmp::Ordering;

use srdb::{Aggregate, DataType, Decimal, Value, agg};

use crate::model::compare;

/// What is made of a field's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum What {
    CountRows,
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Stddev,
    StddevPop,
    Variance,
    VarPop,
    CountDistinct,
    ApproxCountDistinct,
    Quantile(f64),
    QuantileDisc(f64),
}

pub(crate) const WHATS: [What; 20] = [
    What::CountRows,
    What::Count,
    What::Sum,
    What::Avg,
    What::Min,
    What::Max,
    What::First,
    What::Last,
    What::Stddev,
    What::StddevPop,
    What::Variance,
    What::VarPop,
    What::CountDistinct,
    What::ApproxCountDistinct,
    What::Quantile(0.5),
    What::Quantile(0.9),
    What::Quantile(0.0),
    What::QuantileDisc(1.0),
    What::QuantileDisc(0.5),
    What::QuantileDisc(0.25),
];

/// What a group should come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expected {
    Exactly(Value),
    /// A float, up to so much.
    About(f64, f64),
    /// A time, up to one nanosecond and what a float loses.
    Near(Value, f64),
    /// Beyond the result's type.
    Overflow,
    /// Sums of floats beyond their range: which of several is not said.
    Anything,
}

fn is_unsigned(data_type: DataType) -> bool {
    data_type.name().starts_with("uint")
}

fn is_time(data_type: DataType) -> bool {
    matches!(data_type, DataType::Timestamp | DataType::Duration)
}

fn is_number(data_type: DataType) -> bool {
    let others = [DataType::Bool, DataType::String, DataType::Bytes, DataType::Json];
    !others.contains(&data_type) && !is_time(data_type)
}

impl What {
    /// Whether there is one of such a field.
    pub(crate) fn takes(self, of: DataType) -> bool {
        match self {
            What::Sum => is_number(of) || of == DataType::Duration,
            What::Avg | What::Quantile(_) | What::QuantileDisc(_) => is_number(of) || is_time(of),
            What::Stddev | What::StddevPop | What::Variance | What::VarPop => is_number(of),
            _ => true,
        }
    }

    pub(crate) fn aggregate(self, field: &str) -> Aggregate {
        match self {
            What::CountRows => agg::count(),
            What::Count => agg::count_of(field),
            What::Sum => agg::sum(field),
            What::Avg => agg::avg(field),
            What::Min => agg::min(field),
            What::Max => agg::max(field),
            What::First => agg::first(field),
            What::Last => agg::last(field),
            What::Stddev => agg::stddev(field),
            What::StddevPop => agg::stddev_pop(field),
            What::Variance => agg::variance(field),
            What::VarPop => agg::var_pop(field),
            What::CountDistinct => agg::count_distinct(field),
            What::ApproxCountDistinct => agg::approx_count_distinct(field),
            What::Quantile(part) => agg::quantile(field, part),
            What::QuantileDisc(part) => agg::quantile_disc(field, part),
        }
    }

    /// What the values of a group's rows, nulls among them, come to.
    pub(crate) fn of(self, of: DataType, rows: &[&Value]) -> Expected {
        let values: Vec<&Value> = rows.iter().copied().filter(|value| !value.is_null()).collect();
        let int = |count: usize| Expected::Exactly(Value::Int(count as i64));
        match self {
            What::CountRows => return int(rows.len()),
            What::Count => return int(values.len()),
            What::CountDistinct | What::ApproxCountDistinct => {
                let mut seen: Vec<&Value> = Vec::new();
                for value in values {
                    if !seen.iter().any(|other| compare(other, value).is_eq()) {
                        seen.push(value);
                    }
                }
                return int(seen.len());
            }
            _ => {}
        }
        if values.is_empty() {
            return Expected::Exactly(Value::Null);
        }
        let exactly = |value: &Value| Expected::Exactly(value.clone());
        match self {
            What::Sum => sum(of, &values),
            What::Avg => mean(of, &values),
            What::Min | What::Max => {
                let wanted = if self == What::Min { Ordering::Less } else { Ordering::Greater };
                let best = values.iter().copied().reduce(|best, value| {
                    if compare(value, best) == wanted { value } else { best }
                });
                exactly(best.expect("a value"))
            }
            What::First => exactly(values[0]),
            What::Last => exactly(values[values.len() - 1]),
            What::Stddev => spread(&values, 1, f64::sqrt),
            What::StddevPop => spread(&values, 0, f64::sqrt),
            What::Variance => spread(&values, 1, |variance| variance),
            What::VarPop => spread(&values, 0, |variance| variance),
            What::Quantile(part) => quantile(of, values, part),
            What::QuantileDisc(part) => {
                let mut values = values;
                values.sort_by(|a, b| compare(a, b));
                let enough = |at: &usize| (at + 1) as f64 >= part * values.len() as f64;
                let at = (0..values.len()).find(enough).expect("the last at the latest");
                exactly(values[at])
            }
            _ => unreachable!("counted above"),
        }
    }
}

fn int(value: &Value) -> i128 {
    match value {
        Value::Int(v) | Value::Timestamp(v) | Value::Duration(v) => (*v).into(),
        Value::UInt(v) => (*v).into(),
        other => panic!("{other:?} is no integer"),
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float32(v) => (*v).into(),
        Value::Float64(v) => *v,
        Value::Decimal(v) => v.to_string().parse().expect("a float"),
        other => int(other) as f64,
    }
}

fn is_int(of: DataType) -> bool {
    of.name().contains("int") || is_time(of)
}

fn sum(of: DataType, values: &[&Value]) -> Expected {
    if is_int(of) {
        let total: i128 = values.iter().map(|value| int(value)).sum();
        let value = match of {
            DataType::Duration => i64::try_from(total).map(Value::Duration),
            _ if is_unsigned(of) => u64::try_from(total).map(Value::UInt),
            _ => i64::try_from(total).map(Value::Int),
        };
        return value.map_or(Expected::Overflow, Expected::Exactly);
    }
    if of == DataType::Decimal {
        let (whole, fraction) = digits(values);
        let scale = values.iter().map(|value| scale(value)).max().expect("a value");
        let exact = to_decimal(whole, fraction, scale);
        return exact.map_or(Expected::Overflow, |v| Expected::Exactly(Value::Decimal(v)));
    }
    let floats: Vec<f64> = values.iter().map(|value| float(value)).collect();
    let (total, size) = (floats.iter().sum::<f64>(), floats.iter().map(|v| v.abs()).sum::<f64>());
    if floats.iter().all(|v| v.is_finite()) && !size.is_finite() {
        return Expected::Anything;
    }
    Expected::About(total, size * 1e-12)
}

fn mean(of: DataType, values: &[&Value]) -> Expected {
    let count = values.len() as i128;
    if is_int(of) {
        let total: i128 = values.iter().map(|value| int(value)).sum();
        // To the nearest, halves away from zero.
        let nearest = (2 * total.abs() + count) / (2 * count) * total.signum();
        return match of {
            DataType::Timestamp => Expected::Exactly(Value::Timestamp(nearest as i64)),
            DataType::Duration => Expected::Exactly(Value::Duration(nearest as i64)),
            _ => {
                let mean = total as f64 / count as f64;
                Expected::About(mean, mean.abs() * 1e-15)
            }
        };
    }
    if of == DataType::Decimal {
        let (whole, fraction) = digits(values);
        let mean = (whole as f64 + fraction as f64 / 1e28) / count as f64;
        let size: f64 = values.iter().map(|value| float(value).abs()).sum();
        return Expected::About(mean, size * 1e-12 + 1e-28);
    }
    match sum(of, values) {
        Expected::About(total, error) => {
            Expected::About(total / values.len() as f64, error / values.len() as f64)
        }
        other => other,
    }
}

fn scale(value: &Value) -> u32 {
    let text = value.to_string();
    text.split_once('.').map_or(0, |(_, digits)| digits.len() as u32)
}

/// The sum of decimals by their text: before the point, and behind it in 10^-28, of one sign.
fn digits(values: &[&Value]) -> (i128, i128) {
    let (mut whole, mut fraction) = (0_i128, 0_i128);
    for value in values {
        let text = value.to_string();
        let (negative, text) = text.strip_prefix('-').map_or((false, &text[..]), |t| (true, t));
        let (before, behind) = text.split_once('.').unwrap_or((text, ""));
        let sign = if negative { -1 } else { 1 };
        whole += sign * before.parse::<i128>().expect("digits");
        fraction += sign * format!("{behind:0<28}").parse::<i128>().expect("digits");
    }
    const ONE: i128 = 10_i128.pow(28);
    // The fraction from 0 up, then the sign of the whole.
    whole += fraction.div_euclid(ONE);
    fraction = fraction.rem_euclid(ONE);
    if whole < 0 && fraction > 0 {
        (whole, fraction) = (whole + 1, fraction - ONE);
    }
    (whole, fraction)
}

/// With `scale` digits behind the point, or as many as fit if the others are zeros.
fn to_decimal(whole: i128, fraction: i128, scale: u32) -> Option<Decimal> {
    let digits = format!("{:028}", fraction.unsigned_abs());
    let sign = if whole < 0 || fraction < 0 { "-" } else { "" };
    (0..=scale as usize).rev().find_map(|scale| {
        let (kept, cut) = digits.split_at(scale);
        let text = format!("{sign}{}.{kept}", whole.unsigned_abs());
        let exact = cut.bytes().all(|digit| digit == b'0');
        exact.then(|| Decimal::from_str_exact(text.trim_end_matches('.')).ok()).flatten()
    })
}

fn spread(values: &[&Value], less: usize, finish: fn(f64) -> f64) -> Expected {
    if values.len() <= less {
        return Expected::Exactly(Value::Null);
    }
    let floats: Vec<f64> = values.iter().map(|value| float(value)).collect();
    let mean = floats.iter().sum::<f64>() / floats.len() as f64;
    let squares = floats.iter().map(|v| (v - mean) * (v - mean));
    let variance = squares.sum::<f64>() / (floats.len() - less) as f64;
    if !variance.is_finite() && floats.iter().all(|v| v.is_finite()) {
        return Expected::Anything;
    }
    let most = floats.iter().fold(0_f64, |most, v| most.max(v.abs()));
    // What is lost where values are far from zero, in squares.
    let error = variance * 1e-9 + most * most * 1e-13;
    let result = finish(variance);
    Expected::About(result, if result == variance { error } else { error.sqrt() })
}

fn quantile(of: DataType, mut values: Vec<&Value>, part: f64) -> Expected {
    values.sort_by(|a, b| compare(a, b));
    let at = part * (values.len() - 1) as f64;
    let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
    let way = at - at.floor();
    if is_time(of) {
        let between = int(below) + ((int(above) - int(below)) as f64 * way).round() as i128;
        let value = match of {
            DataType::Timestamp => Value::Timestamp(between as i64),
            _ => Value::Duration(between as i64),
        };
        return Expected::Near(value, (int(above) - int(below)) as f64 * 1e-15 + 1.0);
    }
    let (low, high) = (float(below), float(above));
    let between = if way == 0.0 || low == high { low } else { low * (1.0 - way) + high * way };
    Expected::About(between, (low.abs() + high.abs()) * 1e-12)
}

impl Expected {
    /// Whether an answer is as expected.
    pub(crate) fn is(&self, found: &Value) -> bool {
        match self {
            Expected::Exactly(value) => value == found,
            Expected::Anything => true,
            Expected::Overflow => false,
            Expected::Near(value, error) => (int(value) - int(found)).abs() as f64 <= *error,
            Expected::About(value, error) => {
                let found = match found {
                    Value::Float64(found) => *found,
                    Value::Decimal(_) => float(found),
                    _ => return false,
                };
                (value.is_nan() && found.is_nan())
                    || *value == found
                    || (value - found).abs() <= *error
            }
        }
    }
}
