//! A struct or map of the caller's, through serde, into a [`RowBuf`].

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, Impossible};

use super::RowBuf;
use super::serde_error::SerdeError;
use super::value_ser::ValueSerializer;
use crate::types::Value;

/// The row of a struct or map.
pub(super) fn to_row_buf<T: Serialize + ?Sized>(row: &T) -> Result<RowBuf, SerdeError> {
    row.serialize(RowSerializer)
}

/// Takes structs and maps, also inside newtypes and options; refuses the rest.
struct RowSerializer;

/// The pairs of a struct or map.
struct Pairs {
    row: RowBuf,
    /// A map's key that waits for its value.
    key: Option<String>,
}

impl Pairs {
    fn new(len: usize) -> Self {
        Pairs { row: RowBuf::with_capacity(len), key: None }
    }
}

fn refuse<T>(what: impl Display) -> Result<T, SerdeError> {
    Err(SerdeError::new(format!("a row is a struct or a map, not {what}")))
}

macro_rules! refuse {
    ($($method:ident($type:ty)),+ $(,)?) => {$(
        fn $method(self, value: $type) -> Result<RowBuf, SerdeError> {
            refuse(value)
        }
    )+};
}

impl ser::Serializer for RowSerializer {
    type Ok = RowBuf;
    type Error = SerdeError;
    type SerializeSeq = Impossible<RowBuf, SerdeError>;
    type SerializeTuple = Impossible<RowBuf, SerdeError>;
    type SerializeTupleStruct = Impossible<RowBuf, SerdeError>;
    type SerializeTupleVariant = Impossible<RowBuf, SerdeError>;
    type SerializeMap = Pairs;
    type SerializeStruct = Pairs;
    type SerializeStructVariant = Impossible<RowBuf, SerdeError>;

    refuse! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32),
        serialize_u64(u64), serialize_f32(f32), serialize_f64(f64), serialize_char(char),
        serialize_str(&str),
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<RowBuf, SerdeError> {
        refuse(format_args!("{} bytes", value.len()))
    }

    fn serialize_none(self) -> Result<RowBuf, SerdeError> {
        refuse("nothing")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<RowBuf, SerdeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<RowBuf, SerdeError> {
        refuse("nothing")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<RowBuf, SerdeError> {
        refuse(format_args!("the empty {name}"))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<RowBuf, SerdeError> {
        refuse(format_args!("the enum {name}::{variant}"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<RowBuf, SerdeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _value: &T,
    ) -> Result<RowBuf, SerdeError> {
        refuse(format_args!("the enum {name}::{variant}"))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, SerdeError> {
        refuse("a sequence")
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, SerdeError> {
        refuse("a tuple")
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, SerdeError> {
        refuse(format_args!("the tuple {name}"))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, SerdeError> {
        refuse(format_args!("the enum {name}::{variant}"))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Pairs, SerdeError> {
        // A hint only, and one that may come from a hostile input.
        Ok(Pairs::new(len.unwrap_or(0).min(crate::limits::FIELDS_MAX)))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Pairs, SerdeError> {
        Ok(Pairs::new(len))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, SerdeError> {
        refuse(format_args!("the enum {name}::{variant}"))
    }
}

impl ser::SerializeStruct for Pairs {
    type Ok = RowBuf;
    type Error = SerdeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), SerdeError> {
        let value = value.serialize(ValueSerializer).map_err(|e| e.in_field(key))?;
        self.row.push(key, value);
        Ok(())
    }

    fn end(self) -> Result<RowBuf, SerdeError> {
        Ok(self.row)
    }
}

impl ser::SerializeMap for Pairs {
    type Ok = RowBuf;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        match key.serialize(ValueSerializer)? {
            Value::String(key) => {
                self.key = Some(key);
                Ok(())
            }
            other => Err(SerdeError::new(format!("a field's name is text, not {}", other.kind()))),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let key = self.key.take().ok_or_else(|| SerdeError::new("a value without a name"))?;
        let value = value.serialize(ValueSerializer).map_err(|e| e.in_field(&key))?;
        self.row.push(key, value);
        Ok(())
    }

    fn end(self) -> Result<RowBuf, SerdeError> {
        Ok(self.row)
    }
}
