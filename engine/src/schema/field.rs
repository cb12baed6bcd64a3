//! One field of a table.

use super::name::check_field_name;
use crate::error::{Error, Result};
use crate::limits::{COMMENT_BYTES_MAX, DEFAULT_BYTES_MAX};
use crate::types::{DataType, Value};

/// A field: a name, a type, and what may be missing. Required unless [`nullable`](Field::nullable).
///
/// ```
/// use srdb::{DataType, Field};
///
/// let field = Field::new("retries", DataType::UInt8).default(0).comment("0 = first try");
/// assert_eq!(field.name(), "retries");
/// assert!(!field.is_nullable());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub(super) name: String,
    pub(super) data_type: DataType,
    pub(super) nullable: bool,
    pub(super) unique: bool,
    pub(super) indexed: bool,
    pub(super) default: Option<Value>,
    pub(super) comment: Option<String>,
}

impl Field {
    /// A required field. The name is checked when the schema is made.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Field {
            name: name.into(),
            data_type,
            nullable: false,
            unique: false,
            indexed: false,
            default: None,
            comment: None,
        }
    }

    /// Lets the field be null, and be left out of a row.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// What the field is where a row leaves it out. An explicit null stays null.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    /// Lets no two rows have the same value; nulls may repeat. Takes an index, which is made with
    /// the table: a commit with a value that is there, or twice in it, is refused as a whole.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Wants an index, which is made with the table: see [`crate::Table::create_index`].
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// A note for people.
    #[must_use]
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field's type.
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// Whether the field may be null.
    pub const fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Whether no two rows may have the same value.
    pub const fn is_unique(&self) -> bool {
        self.unique
    }

    /// Whether the field has an index.
    pub const fn is_indexed(&self) -> bool {
        self.indexed
    }

    /// The default, in the field's own type once it is part of a schema. Never null.
    pub const fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// The note for people.
    pub fn comment_text(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Checks the field on its own and gives its default the field's type.
    pub(super) fn checked(mut self) -> Result<Field> {
        check_field_name(&self.name)?;
        self.default = match self.default.take() {
            Some(Value::Null) if self.nullable => None,
            Some(Value::Null) => return Err(self.bad("its default is null, but it is required")),
            Some(value) => match value.convert_to(self.data_type) {
                Ok(value) => Some(value),
                Err(refusal) => {
                    return Err(self.bad(format!("its default does not fit: {refusal}")));
                }
            },
            None => None,
        };
        let text_bytes = match &self.default {
            Some(Value::String(v) | Value::Json(v)) => v.len(),
            Some(Value::Bytes(v)) => v.len(),
            _ => 0,
        };
        if text_bytes > DEFAULT_BYTES_MAX {
            return Err(self.bad(format!(
                "its default has {text_bytes} bytes, the limit is {DEFAULT_BYTES_MAX}"
            )));
        }
        let comment_bytes = self.comment.as_ref().map_or(0, String::len);
        if comment_bytes > COMMENT_BYTES_MAX {
            return Err(self.bad(format!(
                "its comment has {comment_bytes} bytes, the limit is {COMMENT_BYTES_MAX}"
            )));
        }
        Ok(self)
    }

    pub(super) fn bad(&self, what: impl Into<String>) -> Error {
        Error::BadSchema { field: Some(self.name.clone()), what: what.into() }
    }
}
