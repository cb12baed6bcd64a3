//! Which fields of a table a read returns. Shared by all rows of the read.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::schema::{Field, Schema};

/// Fields of a schema, in the order the reader asked for.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    schema: Arc<Schema>,
    /// Where in the schema each field is; `None`: all of them, in order.
    chosen: Option<Box<[usize]>>,
}

impl Projection {
    /// Every field.
    pub(crate) fn all(schema: Arc<Schema>) -> Self {
        Projection { schema, chosen: None }
    }

    /// The fields of these names.
    ///
    /// # Errors
    /// [`Error::NoField`], `table` being the table's name.
    pub(crate) fn of(schema: Arc<Schema>, table: &str, names: &[&str]) -> Result<Self> {
        let find = |name: &&str| {
            schema.index_of(name).ok_or_else(|| Error::NoField {
                table: table.to_owned(),
                field: (*name).to_owned(),
            })
        };
        let chosen = names.iter().map(find).collect::<Result<_>>()?;
        Ok(Projection { schema, chosen: Some(chosen) })
    }

    /// How many fields are returned.
    pub(crate) fn len(&self) -> usize {
        self.chosen.as_ref().map_or(self.schema.len(), |chosen| chosen.len())
    }

    /// Where in the schema the `at`-th returned field is.
    pub(crate) fn schema_index(&self, at: usize) -> usize {
        self.chosen.as_ref().map_or(at, |chosen| chosen[at])
    }

    /// The `at`-th returned field.
    pub(crate) fn field(&self, at: usize) -> &Field {
        &self.schema.fields()[self.schema_index(at)]
    }

    /// The returned fields, in order.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = &Field> {
        (0..self.len()).map(|at| self.field(at))
    }

    /// Which of the returned fields has this name; the first, if it was asked for twice.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        let in_schema = self.schema.index_of(name)?;
        match &self.chosen {
            None => Some(in_schema),
            Some(chosen) => chosen.iter().position(|at| *at == in_schema),
        }
    }
}
