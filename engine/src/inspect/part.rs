//! A part of a file, as it is shown.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

/// A part of a file: a header, a record, a block, a row.
///
/// As JSON it is one object: `part`, `offset`, `bytes`, then the fields. Shown, it is a line of
/// `field=value`, and a line more for each member of a list of objects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// What it is, in one word: `"record"`, `"block"`.
    pub name: &'static str,
    /// Where it starts in the file. A row is at the offset of what holds it.
    pub offset: u64,
    /// Its bytes; 0 for what takes none of its own.
    pub bytes: u64,
    /// What it says, in the order of the format. Times are texts of RFC 3339.
    pub fields: Vec<(&'static str, Json)>,
}

impl Part {
    pub(super) fn new(name: &'static str, offset: u64, bytes: u64) -> Self {
        Part { name, offset, bytes, fields: Vec::new() }
    }

    /// Adds a field.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3 + self.fields.len()))?;
        map.serialize_entry("part", self.name)?;
        map.serialize_entry("offset", &self.offset)?;
        map.serialize_entry("bytes", &self.bytes)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:>10} +{:<8}", self.name, self.offset, self.bytes)?;
        let mut lists = Vec::new();
        for (name, value) in &self.fields {
            match value {
                Json::Array(members) if members.iter().any(Json::is_object) => {
                    lists.push((name, members));
                }
                value => write!(f, " {name}={}", Shown(value))?,
            }
        }
        for (name, members) in lists {
            for member in members {
                write!(f, "\n           {name}: {}", Shown(member))?;
            }
        }
        Ok(())
    }
}

/// A value in a line: an object as its fields, a text that is one word without quotes.
struct Shown<'a>(&'a Json);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_word = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:+#".contains(c);
            !text.is_empty() && text.chars().all(plain)
        };
        match self.0 {
            Json::String(text) if is_word(text) => f.write_str(text),
            Json::Object(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    let space = if at == 0 { "" } else { " " };
                    match value {
                        Json::Object(_) => write!(f, "{space}{name} {}", Shown(value))?,
                        value => write!(f, "{space}{name}={}", Shown(value))?,
                    }
                }
                Ok(())
            }
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_is_a_line_and_an_object() {
        let part = Part::new("block", 256, 80)
            .with("rows", 3)
            .with("name", "two words")
            .with("columns", vec![json!({"column": 0, "encoding": "plain"})]);
        let line = "block             256 +80       rows=3 name=\"two words\"\n           \
                    columns: column=0 encoding=plain";
        assert_eq!(part.to_string(), line);
        let json = json!({
            "part": "block", "offset": 256, "bytes": 80, "rows": 3, "name": "two words",
            "columns": [{"column": 0, "encoding": "plain"}],
        });
        assert_eq!(serde_json::to_value(&part).ok(), Some(json));
    }
}
