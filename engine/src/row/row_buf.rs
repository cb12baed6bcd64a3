//! A row on its way in: names and values, in any order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::types::Value;

/// A row to insert: pairs of field name and value. Made by [`row!`](crate::row), from a map, or
/// from any struct with [`RowBuf::from_serialize`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowBuf {
    pairs: Vec<(Cow<'static, str>, Value)>,
}

impl RowBuf {
    /// A row without fields.
    pub const fn new() -> Self {
        RowBuf { pairs: Vec::new() }
    }

    /// A row without fields, with room for `fields`.
    pub fn with_capacity(fields: usize) -> Self {
        RowBuf { pairs: Vec::with_capacity(fields) }
    }

    /// Adds a field. Fastest in the schema's order. A name given twice is refused on insert.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.pairs.push((name.into(), value.into()));
    }

    /// The row of a struct or map that serde can serialise; nested structures become JSON.
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Event<'a> {
    ///     level: &'a str,
    ///     n: u32,
    ///     tags: Vec<&'a str>,
    /// }
    ///
    /// # fn main() -> srdb::Result<()> {
    /// let row = srdb::RowBuf::from_serialize(&Event { level: "info", n: 3, tags: vec!["a"] })?;
    /// assert_eq!(row.get("n"), Some(&srdb::Value::UInt(3)));
    /// assert_eq!(row.get("tags").and_then(|v| v.as_str()), Some(r#"["a"]"#));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadRow`] where a field can't be a [`Value`]; [`Error::Invalid`] where `row` is
    /// neither struct nor map.
    pub fn from_serialize<T: Serialize + ?Sized>(row: &T) -> Result<Self> {
        RowBuf::from_serialize_at(0, row)
    }

    /// As [`RowBuf::from_serialize`], `number` being the row's in the caller's batch, for errors.
    pub(crate) fn from_serialize_at<T: Serialize + ?Sized>(number: usize, row: &T) -> Result<Self> {
        super::ser::to_row_buf(row).map_err(|e| match e.field {
            Some(field) => Error::BadRow { row: number, field, what: e.what },
            None => Error::invalid(format!("row {number}: {}", e.what)),
        })
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The pairs, in the order they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.pairs.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<Value>> FromIterator<(K, V)> for RowBuf {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        RowBuf { pairs: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }
}

/// What can be inserted as a row. For structs there is [`RowBuf::from_serialize`].
pub trait IntoRow {
    /// The row.
    fn into_row(self) -> RowBuf;
}

impl IntoRow for RowBuf {
    fn into_row(self) -> RowBuf {
        self
    }
}

impl IntoRow for &RowBuf {
    fn into_row(self) -> RowBuf {
        self.clone()
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<Value>> IntoRow for BTreeMap<K, V> {
    fn into_row(self) -> RowBuf {
        self.into_iter().collect()
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<Value>> IntoRow for Vec<(K, V)> {
    fn into_row(self) -> RowBuf {
        self.into_iter().collect()
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<Value>, const N: usize> IntoRow for [(K, V); N] {
    fn into_row(self) -> RowBuf {
        self.into_iter().collect()
    }
}

impl IntoRow for serde_json::Map<String, serde_json::Value> {
    fn into_row(self) -> RowBuf {
        self.into_iter().collect()
    }
}

/// A [`RowBuf`] of names and values:
///
/// ```
/// use srdb::{Value, row};
///
/// let row = row! { "level" => "info", "n" => 3, "note" => None::<String> };
/// assert_eq!(row.get("level"), Some(&Value::from("info")));
/// assert_eq!(row.len(), 3);
/// ```
#[macro_export]
macro_rules! row {
    ($($name:expr => $value:expr),* $(,)?) => {{
        let pairs: ::std::vec::Vec<(::std::borrow::Cow<'static, str>, $crate::Value)> =
            ::std::vec![$(($name.into(), $value.into())),*];
        $crate::RowBuf::from_iter(pairs)
    }};
}
