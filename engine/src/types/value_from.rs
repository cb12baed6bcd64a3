//! `Value` from what programs hold, and back.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use rust_decimal::Decimal;

use super::{Value, ValueRef, convert};

macro_rules! from {
    ($($from:ty => $kind:ident),+ $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Value::$kind(value.into())
            }
        }
    )+};
}

from! {
    bool => Bool,
    i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt,
    f32 => Float32, f64 => Float64,
    Decimal => Decimal,
    String => String, &str => String, char => String, Cow<'_, str> => String, Box<str> => String,
    Vec<u8> => Bytes, &[u8] => Bytes,
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::UInt(value as u64)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        Value::Int(value as i64)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Value::String(value.clone())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Value::Bytes(value.to_vec())
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        value.to_value()
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Objects and arrays become [`Value::Json`]; the rest its own kind.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as J;
        match value {
            J::Null => Value::Null,
            J::Bool(v) => Value::Bool(v),
            J::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(v), ..) => Value::Int(v),
                (None, Some(v), _) => Value::UInt(v),
                (None, None, Some(v)) => Value::Float64(v),
                // Only with serde_json's arbitrary precision: the digits, none lost.
                (None, None, None) => Value::String(number.to_string()),
            },
            J::String(v) => Value::String(v),
            nested @ (J::Array(_) | J::Object(_)) => Value::Json(nested.to_string()),
        }
    }
}

/// An instant beyond what a timestamp holds (years 1677 to 2262) becomes its RFC 3339 text, which
/// a timestamp field then refuses: nothing wraps.
impl From<jiff::Timestamp> for Value {
    fn from(value: jiff::Timestamp) -> Self {
        i64::try_from(value.as_nanosecond())
            .map_or_else(|_| Value::String(value.to_string()), Value::Timestamp)
    }
}

/// A span beyond what a duration holds (292 years) becomes its ISO 8601 text, which a duration
/// field then refuses.
impl From<jiff::SignedDuration> for Value {
    fn from(value: jiff::SignedDuration) -> Self {
        i64::try_from(value.as_nanos())
            .map_or_else(|_| Value::String(value.to_string()), Value::Duration)
    }
}

/// As for `jiff::SignedDuration`.
impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        i64::try_from(value.as_nanos())
            .map_or_else(|_| Value::String(format!("PT{}S", value.as_secs())), Value::Duration)
    }
}

/// As for `jiff::Timestamp`.
impl From<SystemTime> for Value {
    fn from(value: SystemTime) -> Self {
        let (nanos, sign) = match value.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (after.as_nanos(), 1),
            Err(before) => (before.duration().as_nanos(), -1),
        };
        let nanos = i128::try_from(nanos).ok().map(|v| v * sign);
        nanos
            .and_then(|v| i64::try_from(v).ok())
            .map_or_else(|| Value::String(format!("{value:?}")), Value::Timestamp)
    }
}

impl Value {
    /// The bool, if it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(v) => Some(*v),
            _ => None,
        }
    }

    /// The integer, if it is one that i64 holds.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(v) => Some(*v),
            Value::UInt(v) => i64::try_from(*v).ok(),
            _ => None,
        }
    }

    /// The integer, if it is one that u64 holds.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Int(v) => u64::try_from(*v).ok(),
            Value::UInt(v) => Some(*v),
            _ => None,
        }
    }

    /// The number, if it is one that f64 holds exactly.
    pub fn as_f64(&self) -> Option<f64> {
        match convert::fit(super::DataType::Float64, self.as_ref()) {
            Ok(ValueRef::Float64(v)) => Some(v),
            _ => None,
        }
    }

    /// The number, if it is one that a decimal holds exactly. Text is not parsed.
    pub fn as_decimal(&self) -> Option<Decimal> {
        match (self, convert::fit(super::DataType::Decimal, self.as_ref())) {
            (Value::String(_), _) => None,
            (_, Ok(ValueRef::Decimal(v))) => Some(v),
            _ => None,
        }
    }

    /// The text of a string or a JSON value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(v) | Value::Json(v) => Some(v),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(v) => Some(v),
            _ => None,
        }
    }

    /// The instant, if it is one: nanoseconds since the Unix epoch.
    pub const fn as_timestamp(&self) -> Option<i64> {
        match self {
            Value::Timestamp(v) => Some(*v),
            _ => None,
        }
    }

    /// The span, if it is one: nanoseconds.
    pub const fn as_duration(&self) -> Option<i64> {
        match self {
            Value::Duration(v) => Some(*v),
            _ => None,
        }
    }
}
