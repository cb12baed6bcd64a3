//! One value of a field: what goes in and comes out at the API's edge.

use rust_decimal::Decimal;

#[cfg(doc)]
use super::DataType;

/// One value. `Null` is a value of every type.
///
/// Equality is that of the bits: `NaN == NaN`, `0.0 != -0.0`, and `1.50 != 1.5` for decimals,
/// because a store must give back what it was given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    Null,
    /// See [`DataType::Bool`].
    Bool(bool),
    /// Any signed integer type; checked against the field's width on insert.
    Int(i64),
    /// Any unsigned integer type; checked against the field's width on insert.
    UInt(u64),
    /// See [`DataType::Float32`].
    Float32(f32),
    /// See [`DataType::Float64`].
    Float64(f64),
    /// See [`DataType::Decimal`].
    Decimal(Decimal),
    /// See [`DataType::String`].
    String(String),
    /// See [`DataType::Bytes`].
    Bytes(Vec<u8>),
    /// Nanoseconds since the Unix epoch, UTC. See [`DataType::Timestamp`].
    Timestamp(i64),
    /// Nanoseconds. See [`DataType::Duration`].
    Duration(i64),
    /// A JSON text. See [`DataType::Json`].
    Json(String),
}

impl Value {
    /// Whether this is [`Value::Null`].
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A short name of the value's kind, for messages: `"int"`, `"string"`, `"null"`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::UInt(_) => "uint",
            Value::Float32(_) => "float32",
            Value::Float64(_) => "float64",
            Value::Decimal(_) => "decimal",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Duration(_) => "duration",
            Value::Json(_) => "json",
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b))
            | (Value::Timestamp(a), Value::Timestamp(b))
            | (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::UInt(a), Value::UInt(b)) => a == b,
            (Value::Float32(a), Value::Float32(b)) => a.to_bits() == b.to_bits(),
            (Value::Float64(a), Value::Float64(b)) => a.to_bits() == b.to_bits(),
            (Value::Decimal(a), Value::Decimal(b)) => a.serialize() == b.serialize(),
            (Value::String(a), Value::String(b)) | (Value::Json(a), Value::Json(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// As for [`ValueRef`](super::ValueRef).
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_ref().fmt(f)
    }
}
