//! A borrowed value: what bulk inserts take, so that no text or bytes are copied on the way.

use std::fmt;

use rust_decimal::Decimal;

use super::{Value, text};

/// One value, borrowed. [`Value`] says what each kind means.
///
/// Made with `From` from every Rust primitive, `&str`, `&[u8]`, [`Decimal`] and options of them:
///
/// ```
/// use srdb::ValueRef;
///
/// assert!(matches!(ValueRef::from(7_u8), ValueRef::UInt(7)));
/// assert!(matches!(ValueRef::from("text"), ValueRef::Str("text")));
/// assert!(matches!(ValueRef::from(None::<i64>), ValueRef::Null));
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::UInt`].
    UInt(u64),
    /// See [`Value::Float32`].
    Float32(f32),
    /// See [`Value::Float64`].
    Float64(f64),
    /// See [`Value::Decimal`].
    Decimal(Decimal),
    /// See [`Value::String`].
    Str(&'a str),
    /// See [`Value::Bytes`].
    Bytes(&'a [u8]),
    /// See [`Value::Timestamp`]: nanoseconds since the Unix epoch.
    Timestamp(i64),
    /// See [`Value::Duration`]: nanoseconds.
    Duration(i64),
    /// See [`Value::Json`].
    Json(&'a str),
}

impl ValueRef<'_> {
    /// Whether this is [`ValueRef::Null`].
    pub const fn is_null(self) -> bool {
        matches!(self, ValueRef::Null)
    }

    /// A short name of the value's kind, for messages: `"int"`, `"string"`, `"null"`.
    pub const fn kind(self) -> &'static str {
        match self {
            ValueRef::Null => "null",
            ValueRef::Bool(_) => "bool",
            ValueRef::Int(_) => "int",
            ValueRef::UInt(_) => "uint",
            ValueRef::Float32(_) => "float32",
            ValueRef::Float64(_) => "float64",
            ValueRef::Decimal(_) => "decimal",
            ValueRef::Str(_) => "string",
            ValueRef::Bytes(_) => "bytes",
            ValueRef::Timestamp(_) => "timestamp",
            ValueRef::Duration(_) => "duration",
            ValueRef::Json(_) => "json",
        }
    }

    /// The same value, owned.
    #[inline]
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::UInt(v) => Value::UInt(v),
            ValueRef::Float32(v) => Value::Float32(v),
            ValueRef::Float64(v) => Value::Float64(v),
            ValueRef::Decimal(v) => Value::Decimal(v),
            ValueRef::Str(v) => Value::String(v.to_owned()),
            ValueRef::Bytes(v) => Value::Bytes(v.to_owned()),
            ValueRef::Timestamp(v) => Value::Timestamp(v),
            ValueRef::Duration(v) => Value::Duration(v),
            ValueRef::Json(v) => Value::Json(v.to_owned()),
        }
    }
}

/// Text as it is; instants as RFC 3339, spans as ISO 8601, bytes as `0x` and hexadecimal digits.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ValueRef::Null => f.write_str("null"),
            ValueRef::Bool(v) => write!(f, "{v}"),
            ValueRef::Int(v) => write!(f, "{v}"),
            ValueRef::UInt(v) => write!(f, "{v}"),
            ValueRef::Float32(v) => write!(f, "{v:?}"),
            ValueRef::Float64(v) => write!(f, "{v:?}"),
            ValueRef::Decimal(v) => write!(f, "{v}"),
            ValueRef::Str(v) | ValueRef::Json(v) => f.write_str(v),
            ValueRef::Bytes(v) => write!(f, "0x{}", text::hex(v)),
            ValueRef::Timestamp(v) => f.write_str(&text::timestamp(v)),
            ValueRef::Duration(v) => f.write_str(&text::duration(v)),
        }
    }
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int(v) => ValueRef::Int(*v),
            Value::UInt(v) => ValueRef::UInt(*v),
            Value::Float32(v) => ValueRef::Float32(*v),
            Value::Float64(v) => ValueRef::Float64(*v),
            Value::Decimal(v) => ValueRef::Decimal(*v),
            Value::String(v) => ValueRef::Str(v),
            Value::Bytes(v) => ValueRef::Bytes(v),
            Value::Timestamp(v) => ValueRef::Timestamp(*v),
            Value::Duration(v) => ValueRef::Duration(*v),
            Value::Json(v) => ValueRef::Json(v),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

impl<'a, T: Into<ValueRef<'a>>> From<Option<T>> for ValueRef<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(ValueRef::Null, Into::into)
    }
}

macro_rules! from {
    ($($from:ty => $kind:ident),+ $(,)?) => {$(
        impl<'a> From<$from> for ValueRef<'a> {
            fn from(value: $from) -> Self {
                ValueRef::$kind(value.into())
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
    &'a str => Str,
    &'a [u8] => Bytes,
}

impl<'a> From<&'a String> for ValueRef<'a> {
    fn from(value: &'a String) -> Self {
        ValueRef::Str(value)
    }
}

impl<'a> From<&'a Vec<u8>> for ValueRef<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        ValueRef::Bytes(value)
    }
}
