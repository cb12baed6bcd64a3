//! Values as JSON, and back, with nothing lost.
//!
//! | value | JSON |
//! |---|---|
//! | null, bool, integers | null, bool, number |
//! | floats | number; what JSON has no number for as text: `"inf"`, `"-inf"`, `"nan"`, and a NaN of other bits as `"nan:<hex>"` |
//! | decimal | text: `"1.50"` |
//! | string | text |
//! | bytes | lower-case hexadecimal digits |
//! | timestamp | RFC 3339 text, UTC |
//! | duration | ISO 8601 text |
//! | json | the JSON itself (in schemas: its text, so that it is kept as given) |
//!
//! A float32 is written with the digits of the float64 that equals it, so that it reads back.

use serde::Serialize;
use serde_json::Value as J;

use super::{DataType, Value, text};

/// The text of a float that JSON has no number for.
fn odd_float(value: f64, bits: u64, canonical_nan: u64) -> Option<String> {
    if value.is_nan() {
        Some(if bits == canonical_nan { "nan".to_owned() } else { format!("nan:{bits:x}") })
    } else if value.is_infinite() {
        Some(if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() })
    } else {
        None
    }
}

fn parse_odd_float(data_type: DataType, text: &str) -> Option<Value> {
    let from_bits = |bits: u64| match data_type {
        DataType::Float32 => u32::try_from(bits).ok().map(|b| Value::Float32(f32::from_bits(b))),
        _ => Some(Value::Float64(f64::from_bits(bits))),
    };
    let plain = |value: f64| match data_type {
        DataType::Float32 => Value::Float32(value as f32),
        _ => Value::Float64(value),
    };
    match text {
        "inf" => Some(plain(f64::INFINITY)),
        "-inf" => Some(plain(f64::NEG_INFINITY)),
        "nan" => Some(plain(f64::NAN)),
        _ => from_bits(u64::from_str_radix(text.strip_prefix("nan:")?, 16).ok()?),
    }
}

fn float_json(value: f64, bits: u64, canonical_nan: u64) -> J {
    match odd_float(value, bits, canonical_nan) {
        Some(text) => J::String(text),
        None => J::from(value),
    }
}

impl Value {
    /// This value as JSON, with nothing lost: what JSON has no number for becomes text
    /// (`"1.50"` for a decimal, `"nan"`, `"inf"`), bytes become hexadecimal digits.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => J::Null,
            Value::Bool(v) => J::Bool(*v),
            Value::Int(v) => J::from(*v),
            Value::UInt(v) => J::from(*v),
            Value::Float32(v) => {
                float_json(f64::from(*v), u64::from(v.to_bits()), u64::from(f32::NAN.to_bits()))
            }
            Value::Float64(v) => float_json(*v, v.to_bits(), f64::NAN.to_bits()),
            Value::String(v) => J::String(v.clone()),
            Value::Decimal(_) | Value::Timestamp(_) | Value::Duration(_) => {
                J::String(self.to_string())
            }
            Value::Bytes(v) => J::String(text::hex(v)),
            Value::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| J::String(v.clone())),
        }
    }

    /// The value of type `data_type` that [`to_json`](Value::to_json) turned into `json`; numbers
    /// convert as they do on insert. The way to read a row of JSON when its schema is known.
    ///
    /// # Errors
    /// Where the JSON is no such value, saying what was expected and what was given.
    pub fn from_json(data_type: DataType, json: &serde_json::Value) -> Result<Value, String> {
        match (data_type, json) {
            (_, J::Null) => Ok(Value::Null),
            (DataType::Float32 | DataType::Float64, J::String(text)) => {
                parse_odd_float(data_type, text)
                    .ok_or_else(|| format!("expected {data_type}, got string {text:?}"))
            }
            (DataType::Bytes, J::String(text)) => text::parse_hex(text)
                .map(Value::Bytes)
                .map_err(|why| format!("expected bytes, got string ({why})")),
            (DataType::Json, nested) => Ok(Value::Json(nested.to_string())),
            (_, json) => Value::from(json.clone()).convert_to(data_type),
        }
    }
}

/// As [`Value::to_json`] says.
impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Int(v) => serializer.serialize_i64(*v),
            Value::UInt(v) => serializer.serialize_u64(*v),
            Value::Float64(v) if v.is_finite() => serializer.serialize_f64(*v),
            Value::String(v) => serializer.serialize_str(v),
            other => other.to_json().serialize(serializer),
        }
    }
}
