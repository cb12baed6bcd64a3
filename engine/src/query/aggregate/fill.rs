//! Windows without rows: what is put in the place of their aggregates.

use super::bind::Bound;
use super::quantile::{between, between_ints};
use crate::{DataType, Decimal, Error, Result, Value};

/// What windows without rows get in an answer. Counts are 0 there, whatever is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fill {
    /// Null.
    Null,
    /// What the window with rows before it has; null before the first.
    Previous,
    /// On the line between the windows with rows next to it, where both have a number, an instant
    /// or a span; integers, instants and spans to the nearest. Else null.
    Linear,
    /// This value, converted to the type of each aggregate.
    Value(Value),
}

impl Fill {
    /// The fill of a name: `null`, `previous`, `linear`, or a number.
    ///
    /// ```
    /// use srdb::Fill;
    ///
    /// assert_eq!(Fill::parse("previous")?, Fill::Previous);
    /// assert_eq!(Fill::parse("0")?, Fill::Value(0.into()));
    /// # Ok::<(), srdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Fill> {
        let number = || {
            let int = text.parse::<i64>().map(Value::Int).ok();
            int.or_else(|| Decimal::from_str_exact(text).map(Value::Decimal).ok())
        };
        match text.to_ascii_lowercase().as_str() {
            "null" => Ok(Fill::Null),
            "previous" => Ok(Fill::Previous),
            "linear" => Ok(Fill::Linear),
            _ => number().map(Fill::Value).ok_or_else(|| {
                let what =
                    format!("{text:?}: gaps are filled with null, previous, linear or a number");
                Error::invalid(what)
            }),
        }
    }

    /// What each aggregate is filled with where that is a constant.
    ///
    /// # Errors
    /// [`Error::TypeMismatch`] for a value that is none of an aggregate's type.
    pub(super) fn constants(&self, aggregates: &[Bound]) -> Result<Vec<Value>> {
        let constant = |bound: &Bound| match self {
            _ if bound.aggregate.function.counts() => Ok(Value::Int(0)),
            Fill::Value(value) => fit(value, bound.data_type).map_err(|what| {
                let (field, data_type) = (bound.aggregate.name(), bound.data_type.name());
                Error::TypeMismatch { field, data_type, what: format!("filled: {what}") }
            }),
            _ => Ok(Value::Null),
        };
        aggregates.iter().map(constant).collect()
    }
}

/// A decimal, being how a number with a point is written, is of the nearest float.
fn fit(value: &Value, data_type: DataType) -> Result<Value, String> {
    match (value, data_type) {
        (Value::Decimal(value), DataType::Float64) => {
            Ok(Value::Float64(super::accumulator::decimal_to_f64(*value)))
        }
        (Value::Decimal(value), DataType::Float32) => {
            Ok(Value::Float32(value.to_string().parse().unwrap_or(f32::NAN)))
        }
        _ => value.clone().convert_to(data_type),
    }
}

/// The value `part` of the way from one to another, of the same type; null where there is none.
pub(super) fn interpolate(low: &Value, high: &Value, part: f64) -> Value {
    match (low, high) {
        (Value::Int(low), Value::Int(high)) => Value::Int(between_ints(*low, *high, part)),
        (Value::Timestamp(low), Value::Timestamp(high)) => {
            Value::Timestamp(between_ints(*low, *high, part))
        }
        (Value::Duration(low), Value::Duration(high)) => {
            Value::Duration(between_ints(*low, *high, part))
        }
        (Value::UInt(low), Value::UInt(high)) => {
            let way = (i128::from(*high) - i128::from(*low)) as f64 * part;
            let between = i128::from(*low) + way.round() as i128;
            Value::UInt(between.clamp(0, u64::MAX.into()) as u64)
        }
        (Value::Float32(low), Value::Float32(high)) => {
            Value::Float32(between((*low).into(), (*high).into(), part) as f32)
        }
        (Value::Float64(low), Value::Float64(high)) => Value::Float64(between(*low, *high, part)),
        (Value::Decimal(low), Value::Decimal(high)) => {
            let share =
                |value: Decimal, part: f64| value.checked_mul(Decimal::try_from(part).ok()?);
            // Of one sign their difference is a decimal, of two their shares' sum is.
            let between = if low.is_sign_negative() == high.is_sign_negative() {
                high.checked_sub(*low).and_then(|way| low.checked_add(share(way, part)?))
            } else {
                let shares = share(*low, 1.0 - part).zip(share(*high, part));
                shares.and_then(|(low, high)| low.checked_add(high))
            };
            between.map_or(Value::Null, Value::Decimal)
        }
        _ => Value::Null,
    }
}
