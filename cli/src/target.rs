//! What a cell of the input becomes: a value of the field's type, exactly, or an error.
//!
//! CSV fields and JSON strings are read as text of the field's type (see [`crate::text`]); JSON
//! numbers are for numeric fields, booleans for bool fields; a JSON field takes any JSON value as
//! it stands in the source. What is left to check is the engine's: widths, nulls, JSON's syntax.

use srdb::{DataType, ValueRef};

use crate::input::{Cell, Kind};
use crate::text::{self, TimeUnit};

/// The type of a field, and how its source is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// The field's type.
    pub(crate) data_type: DataType,
    /// What an integer means where an instant is wanted.
    pub(crate) time_unit: Option<TimeUnit>,
}

impl Target {
    /// The value of a cell. `bytes` is what [`Target::bytes`] made of it.
    ///
    /// # Errors
    /// What does not fit, without field and line.
    pub(crate) fn value<'a>(self, cell: Cell<'a>, bytes: &'a [u8]) -> Result<ValueRef<'a>, String> {
        match (self.data_type, cell.kind) {
            (_, Kind::Null) => Ok(ValueRef::Null),
            (DataType::Json, _) => Ok(ValueRef::Json(cell.raw)),
            (DataType::Bytes, Kind::Text | Kind::String) => Ok(ValueRef::Bytes(bytes)),
            (DataType::Bool, Kind::Bool) => self.of_text(cell.text),
            (data_type, Kind::Number) if takes_numbers(data_type) => self.of_text(cell.text),
            (_, Kind::Text | Kind::String) => self.of_text(cell.text),
            (data_type, kind) => {
                Err(format!("expected {data_type}, got {} {}", name(kind), text::quoted(cell.text)))
            }
        }
    }

    /// The bytes of a cell of a field of bytes, whose text is hexadecimal; `None` for other cells.
    ///
    /// # Errors
    /// It is not hexadecimal.
    pub(crate) fn bytes(self, cell: Cell<'_>) -> Result<Option<Vec<u8>>, String> {
        match (self.data_type, cell.kind) {
            (DataType::Bytes, Kind::Text | Kind::String) => text::parse_bytes(cell.text).map(Some),
            _ => Ok(None),
        }
    }

    fn of_text(self, text: &str) -> Result<ValueRef<'_>, String> {
        Ok(match self.data_type {
            DataType::Bool => ValueRef::Bool(text::parse_bool(text)?),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                ValueRef::Int(text::parse_int(text)?)
            }
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                ValueRef::UInt(text::parse_uint(text)?)
            }
            DataType::Float32 => ValueRef::Float32(text::parse_float32(text)?),
            DataType::Float64 => ValueRef::Float64(text::parse_float64(text)?),
            DataType::Decimal => ValueRef::Decimal(text::parse_decimal(text)?),
            DataType::Timestamp => {
                ValueRef::Timestamp(text::parse_timestamp(text, self.time_unit)?)
            }
            _ => ValueRef::Str(text),
        })
    }
}

fn takes_numbers(data_type: DataType) -> bool {
    !matches!(
        data_type,
        DataType::Bool | DataType::String | DataType::Bytes | DataType::Duration | DataType::Json
    )
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Text => "text",
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Bool => "bool",
        Kind::Compound => "array or object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(kind: Kind, text: &str) -> Cell<'_> {
        Cell { kind, text, raw: text }
    }

    fn value(data_type: DataType, kind: Kind, text: &str) -> Result<String, String> {
        let target = Target { data_type, time_unit: None };
        target.value(cell(kind, text), &[]).map(|v| format!("{} {v}", v.kind()))
    }

    #[test]
    fn cells_become_values_of_the_type_or_are_refused() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(value(DataType::Float64, Kind::Number, "2"), ok("float64 2.0"));
        assert_eq!(value(DataType::Decimal, Kind::String, "1.50"), ok("decimal 1.50"));
        assert_eq!(value(DataType::Int8, Kind::Text, "300"), ok("int 300"));
        assert_eq!(value(DataType::Json, Kind::Compound, "[1, 2]"), ok("json [1, 2]"));
        assert_eq!(value(DataType::String, Kind::Null, ""), ok("null null"));
        assert_eq!(value(DataType::Bool, Kind::Bool, "true"), ok("bool true"));
        for (data_type, kind, text) in [
            (DataType::String, Kind::Number, "2"),
            (DataType::String, Kind::Bool, "true"),
            (DataType::String, Kind::Compound, "{}"),
            (DataType::Int64, Kind::Bool, "true"),
            (DataType::Int64, Kind::Text, "1.0"),
            (DataType::Bool, Kind::Number, "1"),
            (DataType::Timestamp, Kind::Number, "1"),
        ] {
            assert!(value(data_type, kind, text).is_err(), "{data_type} took {text}");
        }
    }
}
