//! The schema: which fields a table has, in order.
//!
//! Invariants
//! 1. A schema that exists is valid: 1 to [`FIELDS_MAX`] fields, names valid and distinct, each
//!    default of its field's own type. `new`, `decode` and `from_json` all check it.
//! 2. Equal schemas have equal bytes ([`Schema::encode`]) and so equal checksums, in every version.

mod codec;
mod field;
mod json;
pub(crate) mod name;
#[cfg(test)]
mod tests;

pub use field::Field;

use crate::error::{Error, Result};
use crate::limits::FIELDS_MAX;

/// From this many fields on, a name is found by binary search.
const BINARY_SEARCH_FIELDS_MIN: usize = 12;

/// The ordered fields of a table.
///
/// ```
/// use srdb::{DataType, Field, Schema};
///
/// # fn main() -> srdb::Result<()> {
/// let schema = Schema::new([
///     Field::new("level", DataType::String),
///     Field::new("n", DataType::Int64).nullable(),
///     Field::new("ok", DataType::Bool).default(true).comment("did it work?"),
/// ])?;
/// assert_eq!(schema.index_of("ok"), Some(2));
/// assert_eq!(Schema::from_json(&schema.to_json())?, schema);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    fields: Vec<Field>,
    /// Indexes of `fields`, ordered by name.
    by_name: Vec<u16>,
}

impl Schema {
    /// A schema of these fields, in this order.
    ///
    /// # Errors
    /// [`Error::BadName`] for a name no field may have; [`Error::BadSchema`] for no fields, more
    /// than [`FIELDS_MAX`], the same name twice, or a default that is not of its field's type.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Result<Self> {
        let bad = |what: String| Err(Error::BadSchema { field: None, what });
        let mut checked: Vec<Field> = Vec::new();
        for field in fields {
            if checked.len() == FIELDS_MAX {
                return bad(format!("it has more than {FIELDS_MAX} fields"));
            }
            checked.push(field.checked()?);
        }
        if checked.is_empty() {
            return bad("it has no fields".to_owned());
        }
        let mut by_name: Vec<u16> = (0..checked.len() as u16).collect();
        by_name.sort_by(|a, b| checked[*a as usize].name.cmp(&checked[*b as usize].name));
        for pair in by_name.windows(2) {
            let (first, second) = (&checked[pair[0] as usize], &checked[pair[1] as usize]);
            if first.name == second.name {
                return Err(second.bad("the name occurs twice"));
            }
        }
        Ok(Schema { fields: checked, by_name })
    }

    /// The fields, in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many fields there are: 1 to [`FIELDS_MAX`].
    #[expect(clippy::len_without_is_empty, reason = "a schema is never empty")]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(self.index_of(name)?)
    }

    /// Where in [`fields`](Schema::fields) the field of this name is.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        if self.fields.len() < BINARY_SEARCH_FIELDS_MIN {
            return self.fields.iter().position(|f| f.name == name);
        }
        let name_at = |at: &u16| self.fields[usize::from(*at)].name.as_str();
        let found = self.by_name.binary_search_by(|at| name_at(at).cmp(name)).ok()?;
        Some(usize::from(self.by_name[found]))
    }

    /// A checksum of all that the schema says, the same for equal schemas in every version.
    pub fn checksum(&self) -> u32 {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        crate::coding::crc::crc32(&bytes)
    }
}
