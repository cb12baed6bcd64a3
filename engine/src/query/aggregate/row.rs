//! A row of an answer: values by name.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;

use crate::row::{named_into_struct, push_json_entry};
use crate::{Result, Value};

/// A row that an [`Aggregation`](crate::Aggregation) gives: the values of the fields that it was
/// grouped by, `_window` (the window's start) if there are windows, and the aggregates, by name.
#[derive(Clone, PartialEq, Eq)]
pub struct AggregateRow {
    names: Arc<[String]>,
    values: Vec<Value>,
    /// Which row of the answer it is, from 1.
    number: i64,
}

impl AggregateRow {
    /// A value for each name.
    pub(super) fn new(names: Arc<[String]>, values: Vec<Value>, number: i64) -> AggregateRow {
        debug_assert_eq!(names.len(), values.len(), "one value a name");
        AggregateRow { names, values, number }
    }

    /// The value of a name, or `None` where there is none of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(self.names.iter().position(|other| other == name)?)
    }

    /// The value at a place.
    pub fn value(&self, index: usize) -> Option<&Value> {
        self.values.get(index)
    }

    /// The values: of the fields that it was grouped by, of the window, of the aggregates.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values, without a copy.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The names, in the order of [`values`](AggregateRow::values).
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.names().zip(&self.values)
    }

    /// The row as one line of JSON. See [`Value::to_json`] for how values are written.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{");
        for (name, value) in self.iter() {
            if out.len() > 1 {
                out.push(',');
            }
            push_json_entry(&mut out, name, value);
        }
        out.push('}');
        out
    }

    /// The row as a struct: each field of the struct takes the value of its name. Values convert
    /// as those of [`Row::into_struct`](crate::Row::into_struct).
    ///
    /// # Errors
    /// [`Error::Convert`](crate::Error::Convert) naming the field that does not fit.
    pub fn into_struct<T: DeserializeOwned>(self) -> Result<T> {
        named_into_struct(self.number, self.names, self.values)
    }
}

/// `device=a1 count(*)=3 avg(temp)=21.5`
impl fmt::Display for AggregateRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{name}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for AggregateRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// As a map.
impl Serialize for AggregateRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
