//! A row into a struct of the caller's, through serde.

use std::sync::Arc;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Visitor};

use super::serde_error::SerdeError;
use super::value_de::ValueDeserializer;
use super::{Projection, Row};
use crate::error::Error;
use crate::types::Value;

/// The struct of a row.
pub(super) fn into_struct<T: DeserializeOwned>(row: Row) -> crate::Result<T> {
    let (seq, system) = (row.seq(), Some((row.seq(), row.time())));
    let names = Names::Fields(row.projection().clone());
    let deserializer = RowDeserializer { system, names, values: row.into_values() };
    T::deserialize(deserializer).map_err(|e| Error::Convert { seq, what: e.to_string() })
}

/// The struct of values by their names; `number` is what an error calls the row.
///
/// # Errors
/// [`Error::Convert`].
pub(crate) fn named_into_struct<T: DeserializeOwned>(
    number: i64,
    names: Arc<[String]>,
    values: Vec<Value>,
) -> crate::Result<T> {
    let deserializer = RowDeserializer { system: None, names: Names::List(names), values };
    T::deserialize(deserializer).map_err(|e| Error::Convert { seq: number, what: e.to_string() })
}

struct RowDeserializer {
    /// `_seq` and `_time`.
    system: Option<(i64, i64)>,
    names: Names,
    values: Vec<Value>,
}

/// The names of values, in their order.
enum Names {
    Fields(Arc<Projection>),
    List(Arc<[String]>),
}

impl Names {
    fn get(&self, at: usize) -> &str {
        match self {
            Names::Fields(projection) => projection.field(at).name(),
            Names::List(names) => &names[at],
        }
    }
}

impl RowDeserializer {
    /// The fields, before them `_seq` and `_time` where they are wanted.
    fn access(self, seq: bool, time: bool) -> Entries {
        let system = self.system;
        let seq = system.filter(|_| seq).map(|(seq, _)| ("_seq", Value::Int(seq)));
        let time = system.filter(|_| time).map(|(_, time)| ("_time", Value::Timestamp(time)));
        Entries {
            system: [seq, time],
            names: self.names,
            next: 0,
            values: self.values.into_iter(),
            entry: None,
        }
    }
}

impl<'de> de::Deserializer<'de> for RowDeserializer {
    type Error = SerdeError;

    /// A map of the fields: `_seq` and `_time` are for those who ask by name.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_map(self.access(false, false))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_map(self.access(fields.contains(&"_seq"), fields.contains(&"_time")))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        visitor.visit_newtype_struct(self)
    }

    /// The values alone, in the order of the fields.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, SerdeError> {
        visitor.visit_seq(self.access(false, false))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, SerdeError> {
        self.deserialize_seq(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct map enum identifier ignored_any
    }
}

/// Names and values still to be handed over.
struct Entries {
    system: [Option<(&'static str, Value)>; 2],
    names: Names,
    next: usize,
    values: std::vec::IntoIter<Value>,
    /// The entry whose name was handed over, and whose value was not.
    entry: Option<(Name, Value)>,
}

/// Whose value it is.
#[derive(Clone, Copy)]
enum Name {
    System(&'static str),
    Field(usize),
}

impl Entries {
    fn next(&mut self) -> Option<(Name, Value)> {
        for system in &mut self.system {
            if let Some((name, value)) = system.take() {
                return Some((Name::System(name), value));
            }
        }
        let value = self.values.next()?;
        let name = Name::Field(self.next);
        self.next += 1;
        Some((name, value))
    }

    fn name(&self, name: Name) -> &str {
        match name {
            Name::System(name) => name,
            Name::Field(at) => self.names.get(at),
        }
    }

    /// Hands a value over; what goes wrong with it is said of its field.
    fn give<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        name: Name,
        value: Value,
    ) -> Result<S::Value, SerdeError> {
        let null = value.is_null();
        seed.deserialize(ValueDeserializer(value)).map_err(|mut e| {
            if null {
                e.what = format!("it is null ({})", e.what);
            }
            e.in_field(self.name(name))
        })
    }
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = SerdeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, SerdeError> {
        self.entry = self.next();
        let Some((name, _)) = &self.entry else { return Ok(None) };
        seed.deserialize(StrDeserializer::new(self.name(*name))).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, SerdeError> {
        let entry = self.entry.take().ok_or_else(|| SerdeError::new("a value before its name"))?;
        self.give(seed, entry.0, entry.1)
    }
}

impl<'de> de::SeqAccess<'de> for Entries {
    type Error = SerdeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, SerdeError> {
        let Some((name, value)) = self.next() else { return Ok(None) };
        self.give(seed, name, value).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}
