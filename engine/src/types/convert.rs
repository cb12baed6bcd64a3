//! A value put into a field of another type: only where nothing is lost.
//!
//! Invariants
//! 1. What [`fit`] accepts denotes the same thing before and after: no digit cut, nothing rounded,
//!    no range wrapped.
//! 2. The result is of the kind [`kind_of`] the type, so that storing it is a plain push.
//!
//! What converts is the table at [`Value::convert_to`].
//!
//! A float with a fraction is no decimal: its digits say less than they seem to. Text is never
//! parsed into an integer, a float or a bool.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{DataType, Value, ValueRef, text};

/// Why a value does not fit: `expected int8, got int 300 (out of range -128..=127)`.
type Refusal = String;

/// Characters of a value shown in a message.
const SHOWN_CHARS_MAX: usize = 40;

impl DataType {
    /// The least and the greatest value of an integer type.
    pub(crate) const fn int_range(self) -> Option<(i128, i128)> {
        Some(match self {
            DataType::Int8 => (i8::MIN as i128, i8::MAX as i128),
            DataType::Int16 => (i16::MIN as i128, i16::MAX as i128),
            DataType::Int32 => (i32::MIN as i128, i32::MAX as i128),
            DataType::Int64 | DataType::Timestamp | DataType::Duration => {
                (i64::MIN as i128, i64::MAX as i128)
            }
            DataType::UInt8 => (0, u8::MAX as i128),
            DataType::UInt16 => (0, u16::MAX as i128),
            DataType::UInt32 => (0, u32::MAX as i128),
            DataType::UInt64 => (0, u64::MAX as i128),
            _ => return None,
        })
    }
}

/// `value` as a field of type `data_type` holds it. Null fits every type.
#[inline]
pub(crate) fn fit(data_type: DataType, value: ValueRef<'_>) -> Result<ValueRef<'_>, Refusal> {
    match (data_type, value) {
        (_, ValueRef::Null)
        | (DataType::Bool, ValueRef::Bool(_))
        | (DataType::Int64, ValueRef::Int(_))
        | (DataType::UInt64, ValueRef::UInt(_))
        | (DataType::Float32, ValueRef::Float32(_))
        | (DataType::Float64, ValueRef::Float64(_))
        | (DataType::Decimal, ValueRef::Decimal(_))
        | (DataType::String, ValueRef::Str(_))
        | (DataType::Bytes, ValueRef::Bytes(_))
        | (DataType::Timestamp, ValueRef::Timestamp(_))
        | (DataType::Duration, ValueRef::Duration(_)) => Ok(value),
        _ => fit_converted(data_type, value),
    }
}

fn fit_converted(data_type: DataType, value: ValueRef<'_>) -> Result<ValueRef<'_>, Refusal> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            to_int(data_type, value).map(|v| ValueRef::Int(v as i64))
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            to_int(data_type, value).map(|v| ValueRef::UInt(v as u64))
        }
        DataType::Float32 => to_float32(value).map(ValueRef::Float32),
        DataType::Float64 => to_float64(data_type, value).map(ValueRef::Float64),
        DataType::Decimal => to_decimal(value).map(ValueRef::Decimal),
        DataType::Timestamp | DataType::Duration => {
            to_nanos(data_type, value).map(|v| match data_type {
                DataType::Timestamp => ValueRef::Timestamp(v),
                _ => ValueRef::Duration(v),
            })
        }
        DataType::Json => match value {
            ValueRef::Json(v) | ValueRef::Str(v) => match text::check_json(v) {
                Ok(()) => Ok(ValueRef::Json(v)),
                Err(why) => Err(refusal(data_type, value, &why)),
            },
            _ => Err(refusal(data_type, value, "")),
        },
        DataType::Bool | DataType::String | DataType::Bytes => Err(refusal(data_type, value, "")),
    }
}

/// The conversions whose result has to be made rather than borrowed.
pub(crate) fn fit_owned(data_type: DataType, value: ValueRef<'_>) -> Option<Value> {
    match (data_type, value) {
        (DataType::Bytes, ValueRef::Json(v)) => serde_json::from_str(v).ok().map(Value::Bytes),
        (DataType::Json, ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::UInt(_)) => {
            Some(Value::Json(value.to_string()))
        }
        (DataType::Json, ValueRef::Float64(v)) if v.is_finite() => {
            Some(Value::Json(value.to_string()))
        }
        (DataType::Json, ValueRef::Float32(v)) if v.is_finite() => {
            Some(Value::Json(f64::from(v).to_string()))
        }
        _ => None,
    }
}

/// `expected int8, got int 300 (out of range -128..=127)`; the remark may be empty.
fn refusal(expected: DataType, got: ValueRef<'_>, remark: &str) -> Refusal {
    let mut out = format!("expected {expected}, got {}", got.kind());
    let shown = match got {
        ValueRef::Bytes(v) => format!("({} bytes)", v.len()),
        ValueRef::Str(v) | ValueRef::Json(v) => {
            let cut: String = v.chars().take(SHOWN_CHARS_MAX).collect();
            let dots = if cut.len() < v.len() { "…" } else { "" };
            format!("{cut:?}{dots}")
        }
        _ => got.to_string(),
    };
    out.push(' ');
    out.push_str(&shown);
    if !remark.is_empty() {
        out.push_str(" (");
        out.push_str(remark);
        out.push(')');
    }
    out
}

fn to_int(data_type: DataType, value: ValueRef<'_>) -> Result<i128, Refusal> {
    let refuse = |remark: &str| Err(refusal(data_type, value, remark));
    let int = match value {
        ValueRef::Int(v) => i128::from(v),
        ValueRef::UInt(v) => i128::from(v),
        ValueRef::Float32(v) => match float_to_int(f64::from(v)) {
            Some(int) => int,
            None => return refuse("not a whole number in range"),
        },
        ValueRef::Float64(v) => match float_to_int(v) {
            Some(int) => int,
            None => return refuse("not a whole number in range"),
        },
        ValueRef::Decimal(v) => match decimal_to_i128(v) {
            Some(int) => int,
            None => return refuse("not a whole number"),
        },
        ValueRef::Str(_) => return refuse("text is not parsed as a number"),
        _ => return refuse(""),
    };
    let (min, max) = data_type.int_range().unwrap_or((1, 0));
    if (min..=max).contains(&int) {
        Ok(int)
    } else {
        refuse(&format!("out of range {min}..={max}"))
    }
}

/// The integer a float is, where it is one that i128 holds.
fn float_to_int(value: f64) -> Option<i128> {
    // Well inside i128, so that the cast below is exact.
    const MAGNITUDE_MAX: f64 = (1_u128 << 100) as f64;
    (value.fract() == 0.0 && value.abs() <= MAGNITUDE_MAX).then_some(value as i128)
}

/// The integer a decimal is, where it has no fraction.
pub(crate) fn decimal_to_i128(value: Decimal) -> Option<i128> {
    value.is_integer().then(|| value.to_i128()).flatten()
}

/// The float an integer is, where there is one.
fn int_to_float64(value: i128) -> Option<f64> {
    let float = value as f64;
    (float as i128 == value).then_some(float)
}

/// The float a decimal is, where there is one: mantissa / 10^scale is a binary fraction exactly
/// where 5^scale divides the mantissa, and the rest is a power of two away.
pub(crate) fn decimal_to_float64(value: Decimal) -> Option<f64> {
    let mantissa = value.mantissa();
    let fives = 5_i128.pow(value.scale());
    if mantissa % fives != 0 {
        return None;
    }
    let float = int_to_float64(mantissa / fives)?;
    Some(float / (1_u64 << value.scale()) as f64)
}

fn to_float64(expected: DataType, value: ValueRef<'_>) -> Result<f64, Refusal> {
    let exact = match value {
        ValueRef::Float64(v) => Some(v),
        ValueRef::Float32(v) => Some(f64::from(v)),
        ValueRef::Int(v) => int_to_float64(i128::from(v)),
        ValueRef::UInt(v) => int_to_float64(i128::from(v)),
        ValueRef::Decimal(v) => decimal_to_float64(v),
        ValueRef::Str(_) => return Err(refusal(expected, value, "text is not parsed as a number")),
        _ => return Err(refusal(expected, value, "")),
    };
    exact.ok_or_else(|| refusal(expected, value, "not exactly representable"))
}

fn to_float32(value: ValueRef<'_>) -> Result<f32, Refusal> {
    let wide = to_float64(DataType::Float32, value)?;
    float64_to_float32(wide)
        .ok_or_else(|| refusal(DataType::Float32, value, "not exactly representable"))
}

/// The float32 a float64 is, where there is one. A NaN stays one.
pub(crate) fn float64_to_float32(value: f64) -> Option<f32> {
    let narrow = value as f32;
    (f64::from(narrow) == value || value.is_nan()).then_some(narrow)
}

fn to_decimal(value: ValueRef<'_>) -> Result<Decimal, Refusal> {
    let whole = |float: f64| {
        let int = float_to_int(float).ok_or("only whole floats are exact decimals; give text")?;
        Decimal::try_from_i128_with_scale(int, 0).map_err(|_| "more than 28 digits")
    };
    let converted = match value {
        ValueRef::Decimal(v) => Ok(v),
        ValueRef::Int(v) => Ok(Decimal::from(v)),
        ValueRef::UInt(v) => Ok(Decimal::from(v)),
        ValueRef::Float32(v) => whole(f64::from(v)).map_err(str::to_owned),
        ValueRef::Float64(v) => whole(v).map_err(str::to_owned),
        ValueRef::Str(v) => text::parse_decimal(v),
        _ => Err(String::new()),
    };
    converted.map_err(|why| refusal(DataType::Decimal, value, &why))
}

fn to_nanos(data_type: DataType, value: ValueRef<'_>) -> Result<i64, Refusal> {
    let nanos = match value {
        ValueRef::Int(v) => Ok(v),
        ValueRef::UInt(v) => i64::try_from(v).map_err(|_| "out of range".to_owned()),
        ValueRef::Str(v) if data_type == DataType::Timestamp => text::parse_timestamp(v),
        ValueRef::Str(v) => text::parse_duration(v),
        _ => Err(String::new()),
    };
    nanos.map_err(|why| refusal(data_type, value, &why))
}

impl Value {
    /// This value as a field of type `data_type` would hold it, or why it can't:
    ///
    /// ```
    /// use srdb::{DataType, Value};
    ///
    /// assert_eq!(Value::from(300).convert_to(DataType::UInt16), Ok(Value::UInt(300)));
    /// assert_eq!(
    ///     Value::from(300).convert_to(DataType::Int8),
    ///     Err("expected int8, got int 300 (out of range -128..=127)".to_owned()),
    /// );
    /// ```
    ///
    /// A null is of every type. Beyond that, and never losing anything:
    ///
    /// | field | takes, beside its own kind |
    /// |---|---|
    /// | int8 … uint64 | any integer in range; a float or a decimal without fraction and in range |
    /// | float64 | float32; an integer or a decimal that is exactly representable |
    /// | float32 | float64, an integer or a decimal that is exactly representable; any NaN |
    /// | decimal | any integer; a float without fraction; text (`"1.50"`, every digit kept) |
    /// | timestamp | an integer: ns since the epoch; RFC 3339 text |
    /// | duration | an integer: ns; ISO 8601 or friendly text (`"PT1H5M"`, `"1h 5m"`) |
    /// | json | text that is JSON; a bool or a finite number |
    /// | bytes | a JSON array of bytes: what serde makes of a `Vec<u8>` |
    ///
    /// # Errors
    /// Where something would be lost. The text says what was expected and what was given.
    pub fn convert_to(&self, data_type: DataType) -> Result<Value, String> {
        match fit(data_type, self.as_ref()) {
            Ok(fitted) => Ok(fitted.to_value()),
            Err(refusal) => fit_owned(data_type, self.as_ref()).ok_or(refusal),
        }
    }
}
