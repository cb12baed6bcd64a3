//! One field of a caller's struct, through serde, into a [`Value`].
//!
//! Nothing and unit become null, the name of a plain enum variant text, everything nested JSON:
//! its text is written as serde_json writes it, so a NaN inside nested data becomes null there.

use serde::Serialize;
use serde::ser;

use super::serde_error::SerdeError;
use crate::types::Value;

/// See the module's documentation.
pub(super) struct ValueSerializer;

/// A nested structure on its way to JSON text.
pub(super) struct JsonText {
    out: Vec<u8>,
    empty: bool,
    close: &'static str,
}

impl JsonText {
    fn new(open: &str, close: &'static str) -> Self {
        JsonText { out: open.as_bytes().to_vec(), empty: true, close }
    }

    /// Of an enum's variant: `{"variant":` before what `open` opens.
    fn variant(variant: &str, open: &str, close: &'static str) -> Result<Self, SerdeError> {
        let mut out = b"{".to_vec();
        serde_json::to_writer(&mut out, variant)?;
        out.push(b':');
        out.extend_from_slice(open.as_bytes());
        Ok(JsonText { out, empty: true, close })
    }

    fn separate(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        self.separate();
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        self.separate();
        match serde_json::to_value(key)? {
            text @ serde_json::Value::String(_) => serde_json::to_writer(&mut self.out, &text)?,
            other @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                serde_json::to_writer(&mut self.out, &other.to_string())?;
            }
            _ => return Err(SerdeError::new("a key in nested data is no text")),
        }
        self.out.push(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }

    fn finish(mut self) -> Result<Value, SerdeError> {
        self.out.extend_from_slice(self.close.as_bytes());
        let text = String::from_utf8(self.out);
        text.map(Value::Json).map_err(|_| SerdeError::new("nested data is not UTF-8"))
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty)),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<Value, SerdeError> {
            Ok(Value::from(value))
        }
    )+};
}

impl ser::Serializer for ValueSerializer {
    type Ok = Value;
    type Error = SerdeError;
    type SerializeSeq = JsonText;
    type SerializeTuple = JsonText;
    type SerializeTupleStruct = JsonText;
    type SerializeTupleVariant = JsonText;
    type SerializeMap = JsonText;
    type SerializeStruct = JsonText;
    type SerializeStructVariant = JsonText;

    scalars! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_u64(u64), serialize_f32(f32), serialize_f64(f64), serialize_char(char),
        serialize_str(&str), serialize_bytes(&[u8]),
    }

    fn serialize_i128(self, value: i128) -> Result<Value, SerdeError> {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(v), _) => Ok(Value::Int(v)),
            (_, Ok(v)) => Ok(Value::UInt(v)),
            _ => Err(SerdeError::new(format!("{value} is beyond 64 bits"))),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<Value, SerdeError> {
        u64::try_from(value)
            .map(Value::UInt)
            .map_err(|_| SerdeError::new(format!("{value} is beyond 64 bits")))
    }

    fn serialize_none(self) -> Result<Value, SerdeError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, SerdeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, SerdeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, SerdeError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, SerdeError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, SerdeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, SerdeError> {
        let mut text = JsonText::variant(variant, "", "}")?;
        text.value(value)?;
        text.finish()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<JsonText, SerdeError> {
        Ok(JsonText::new("[", "]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<JsonText, SerdeError> {
        Ok(JsonText::new("[", "]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<JsonText, SerdeError> {
        Ok(JsonText::new("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<JsonText, SerdeError> {
        JsonText::variant(variant, "[", "]}")
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<JsonText, SerdeError> {
        Ok(JsonText::new("{", "}"))
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<JsonText, SerdeError> {
        Ok(JsonText::new("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<JsonText, SerdeError> {
        JsonText::variant(variant, "{", "}}")
    }
}

macro_rules! elements {
    ($($for:ident::$method:ident),+ $(,)?) => {$(
        impl ser::$for for JsonText {
            type Ok = Value;
            type Error = SerdeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
                self.element(value)
            }

            fn end(self) -> Result<Value, SerdeError> {
                self.finish()
            }
        }
    )+};
}

elements! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! members {
    ($($for:ident),+ $(,)?) => {$(
        impl ser::$for for JsonText {
            type Ok = Value;
            type Error = SerdeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), SerdeError> {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Result<Value, SerdeError> {
                self.finish()
            }
        }
    )+};
}

members! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for JsonText {
    type Ok = Value;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        self.value(value)
    }

    fn end(self) -> Result<Value, SerdeError> {
        self.finish()
    }
}
