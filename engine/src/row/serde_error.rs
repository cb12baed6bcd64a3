//! What serde reports while a row goes in or comes out, and the field it happened in.

use std::fmt;

/// Why serde stopped. Becomes [`crate::Error`] where the row is known.
#[derive(Debug)]
pub(super) struct SerdeError {
    /// The row's field, once that is known.
    pub(super) field: Option<String>,
    /// What went wrong.
    pub(super) what: String,
}

impl SerdeError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        SerdeError { field: None, what: what.into() }
    }

    /// Names the field, if none is named yet.
    pub(super) fn in_field(mut self, field: &str) -> Self {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "field {field:?}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for SerdeError {}

impl serde::ser::Error for SerdeError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        SerdeError::new(what.to_string())
    }
}

impl serde::de::Error for SerdeError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        SerdeError::new(what.to_string())
    }
}

impl From<serde_json::Error> for SerdeError {
    fn from(error: serde_json::Error) -> Self {
        SerdeError::new(error.to_string())
    }
}
