//! A row as a read returns it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;

use super::Projection;
use crate::error::Result;
use crate::types::{Value, text};

/// A row that was read: its `_seq`, its `_time` and the values of the fields asked for.
#[derive(Clone)]
pub struct Row {
    seq: i64,
    time: i64,
    projection: Arc<Projection>,
    values: Vec<Value>,
}

impl Row {
    /// `values` are those of the projection's fields, in its order.
    pub(crate) fn new(
        seq: i64,
        time: i64,
        projection: Arc<Projection>,
        values: Vec<Value>,
    ) -> Self {
        debug_assert_eq!(values.len(), projection.len(), "one value a field");
        Row { seq, time, projection, values }
    }

    /// The row's place in its table, from 1.
    pub const fn seq(&self) -> i64 {
        self.seq
    }

    /// When the row was committed: nanoseconds since the Unix epoch.
    pub const fn time(&self) -> i64 {
        self.time
    }

    /// The value of a field, or `None` where the row has no such field (or it was not asked for).
    /// `_seq` and `_time` have methods of their own.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(self.projection.index_of(field)?)
    }

    /// The value of the `index`-th field that was asked for.
    pub fn value(&self, index: usize) -> Option<&Value> {
        self.values.get(index)
    }

    /// The values, in the order the fields were asked for: the schema's, unless said otherwise.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values, without a copy.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The names of the fields, in the order of [`values`](Row::values).
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.projection.fields().map(crate::schema::Field::name)
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.fields().zip(&self.values)
    }

    /// The row as one line of JSON: `_seq`, `_time` and the fields in their order. See
    /// [`Value::to_json`] for how values are written; a JSON field appears as it was given, but for
    /// line breaks.
    pub fn to_json(&self) -> String {
        let mut out =
            format!("{{\"_seq\":{},\"_time\":\"{}\"", self.seq, text::timestamp(self.time));
        for (name, value) in self.iter() {
            out.push(',');
            push_json_entry(&mut out, name, value);
        }
        out.push('}');
        out
    }

    /// The row as a struct: each field of the struct takes the row's field of its name.
    ///
    /// A field `_seq` or `_time` takes what [`seq`](Row::seq) and [`time`](Row::time) give. An
    /// instant goes into an integer (nanoseconds) or into anything that reads RFC 3339 text, a
    /// decimal into text or a number that holds it exactly, JSON into text or a structure. A null
    /// needs an `Option`.
    ///
    /// # Errors
    /// [`Error::Convert`](crate::Error::Convert) naming the field that does not fit.
    pub fn into_struct<T: DeserializeOwned>(self) -> Result<T> {
        super::de::into_struct(self)
    }

    /// Which fields the row has.
    pub(super) fn projection(&self) -> &Arc<Projection> {
        &self.projection
    }
}

/// Appends a name and its value as an entry of a JSON object, on one line.
pub(crate) fn push_json_entry(out: &mut String, name: &str, value: &Value) {
    push_json(out, &name);
    out.push(':');
    match value {
        // Line breaks of a JSON text lie between its tokens: a space does as well.
        Value::Json(v) => out.extend(v.chars().map(|c| match c {
            '\n' | '\r' => ' ',
            c => c,
        })),
        other => push_json(out, other),
    }
}

/// Appends `value` as JSON.
fn push_json<T: Serialize>(out: &mut String, value: &T) {
    match serde_json::to_string(value) {
        Ok(json) => out.push_str(&json),
        // Texts, numbers and bools always have a JSON form; null is the least wrong answer.
        Err(_) => out.push_str("null"),
    }
}

/// `_seq=1 _time=2026-11-01T12:00:00Z level=info n=3`
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "_seq={} _time={}", self.seq, text::timestamp(self.time))?;
        for (name, value) in self.iter() {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = f.debug_struct("Row");
        row.field("_seq", &self.seq).field("_time", &self.time);
        for (name, value) in self.iter() {
            row.field(name, value);
        }
        row.finish()
    }
}

/// Equal where `_seq`, `_time`, names and values are.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.seq == other.seq && self.time == other.time && self.iter().eq(other.iter())
    }
}

impl Eq for Row {}

/// As a map: `_seq`, `_time` and the fields in their order.
impl Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 2))?;
        map.serialize_entry("_seq", &self.seq)?;
        map.serialize_entry("_time", &text::timestamp(self.time))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
