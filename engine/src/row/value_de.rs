//! One value into a field of a caller's struct, through serde.
//!
//! What the target asks for decides: an instant, a span and a decimal are numbers to those who ask
//! for a number and text to all others; JSON is text to those who ask for text and its structure to
//! all others. Numbers change type only where nothing is lost.

use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{self, Visitor};

use super::serde_error::SerdeError;
use crate::types::convert::{decimal_to_i128, fit};
use crate::types::{DataType, Value, ValueRef};

/// See the module's documentation.
pub(super) struct ValueDeserializer(pub(super) Value);

/// Deserialises a JSON text as `$method` of serde_json would.
macro_rules! json {
    ($text:expr, $method:ident($($arg:expr),*)) => {{
        // From a reader: the text does not live as long as what is made of it.
        let mut json = serde_json::Deserializer::from_reader($text.as_bytes());
        let made = de::Deserializer::$method(&mut json, $($arg),*)?;
        json.end()?;
        Ok(made)
    }};
}

/// Integers: JSON by its structure, all else by value; the target checks its own range.
macro_rules! ints {
    ($($method:ident),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
            match self.0 {
                Value::Json(text) => json!(text, $method(visitor)),
                other => visit_int(other, visitor),
            }
        }
    )+};
}

/// What has no shape of its own here: JSON by its structure, all else as it is.
macro_rules! structures {
    ($($method:ident($($arg:ident: $type:ty),*)),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($arg: $type,)*
            visitor: V,
        ) -> Result<V::Value, SerdeError> {
            match self.0 {
                Value::Json(text) => json!(text, $method($($arg,)* visitor)),
                Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
                other => ValueDeserializer(other).deserialize_any(visitor),
            }
        }
    )+};
}

fn visit_int<'de, V: Visitor<'de>>(value: Value, visitor: V) -> Result<V::Value, SerdeError> {
    match value {
        Value::Timestamp(v) | Value::Duration(v) => visitor.visit_i64(v),
        Value::Decimal(v) => match decimal_to_i128(v) {
            Some(int) => match i64::try_from(int) {
                Ok(int) => visitor.visit_i64(int),
                Err(_) => visitor.visit_i128(int),
            },
            None => Err(SerdeError::new(format!("the decimal {v} is no integer"))),
        },
        other => de::Deserializer::deserialize_any(ValueDeserializer(other), visitor),
    }
}

impl<'de> de::Deserializer<'de> for ValueDeserializer {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(v) => visitor.visit_bool(v),
            Value::Int(v) => visitor.visit_i64(v),
            Value::UInt(v) => visitor.visit_u64(v),
            Value::Float32(v) => visitor.visit_f32(v),
            Value::Float64(v) => visitor.visit_f64(v),
            Value::String(v) => visitor.visit_string(v),
            Value::Bytes(v) => visitor.visit_byte_buf(v),
            Value::Json(text) => json!(text, deserialize_any(visitor)),
            text @ (Value::Decimal(_) | Value::Timestamp(_) | Value::Duration(_)) => {
                visitor.visit_string(text.to_string())
            }
        }
    }

    ints! {
        deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64, deserialize_i128,
        deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
    }

    structures! {
        deserialize_seq(),
        deserialize_tuple(len: usize),
        deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_map(),
        deserialize_struct(name: &'static str, fields: &'static [&'static str]),
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match fit(DataType::Float32, self.0.as_ref()) {
            Ok(ValueRef::Float32(v)) => visitor.visit_f32(v),
            Ok(_) => self.deserialize_any(visitor),
            Err(refusal) => match self.0 {
                Value::Json(text) => json!(text, deserialize_f32(visitor)),
                _ => Err(SerdeError::new(refusal)),
            },
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match fit(DataType::Float64, self.0.as_ref()) {
            Ok(ValueRef::Float64(v)) => visitor.visit_f64(v),
            Ok(_) => self.deserialize_any(visitor),
            Err(refusal) => match self.0 {
                Value::Json(text) => json!(text, deserialize_f64(visitor)),
                _ => Err(SerdeError::new(refusal)),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.0 {
            Value::Json(text) => visitor.visit_string(text),
            other => ValueDeserializer(other).deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.0 {
            Value::Json(text) => json!(text, deserialize_bytes(visitor)),
            other => ValueDeserializer(other).deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(ValueDeserializer(other)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        match self.0 {
            Value::String(v) => visitor.visit_enum(StringDeserializer::new(v)),
            Value::Json(text) => json!(text, deserialize_enum(name, variants, visitor)),
            other => ValueDeserializer(other).deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bool char unit unit_struct identifier }
}
