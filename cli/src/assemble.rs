//! From records of the input to rows in the order of the table's fields.

use std::sync::Arc;

use srdb::{Schema, ValueRef};

use crate::choices::TypeChoices;
use crate::failure::{Failure, Outcome};
use crate::input::{Fields, Kind, Record};
use crate::target::Target;

/// Knows which cell belongs to which field of the table.
pub(crate) struct Assembler {
    schema: Arc<Schema>,
    /// How each field of the table is read, and from which column of the input.
    fields: Vec<(Target, Option<usize>)>,
    /// The columns known so far: NDJSON's grow.
    columns: usize,
    /// Columns that the table has no field for.
    strays: Vec<usize>,
    /// Whether a cell that is not there takes the field's default; else it is null.
    absent_is_default: bool,
    /// The bytes of the current record's fields of bytes.
    bytes: Vec<Vec<u8>>,
}

impl Assembler {
    /// For rows of this schema.
    pub(crate) fn new(
        schema: Arc<Schema>,
        choices: &TypeChoices,
        absent_is_default: bool,
    ) -> Assembler {
        let targets = schema.fields().iter().map(|f| choices.target_of(f.data_type()));
        let fields: Vec<_> = targets.map(|target| (target, None)).collect();
        let bytes = vec![Vec::new(); fields.len()];
        Assembler { schema, fields, columns: 0, strays: Vec::new(), absent_is_default, bytes }
    }

    /// Takes note of the input's fields that it does not know yet.
    pub(crate) fn learn(&mut self, fields: &Fields) {
        for (column, name) in fields.names().iter().enumerate().skip(self.columns) {
            match self.schema.index_of(name) {
                Some(field) => self.fields[field].1 = Some(column),
                None => self.strays.push(column),
            }
        }
        self.columns = fields.names().len();
    }

    /// The input's first field that the table does not have.
    pub(crate) fn stray<'a>(&self, fields: &'a Fields) -> Option<&'a str> {
        self.strays.first().map(|&column| fields.names()[column].as_str())
    }

    /// Makes the row's values that have to be made rather than borrowed.
    ///
    /// # Errors
    /// The record has a value that the table has no field for, or bytes that are none.
    pub(crate) fn prepare(&mut self, record: &Record, fields: &Fields) -> Outcome {
        for &column in &self.strays {
            if record.cell(column).kind != Kind::Null {
                let what = "the table has no such field";
                return Err(Failure::field(record.line, &fields.names()[column], what));
            }
        }
        for (index, &(target, column)) in self.fields.iter().enumerate() {
            let Some(column) = column else { continue };
            match target.bytes(record.cell(column)) {
                Ok(None) => {}
                Ok(Some(bytes)) => self.bytes[index] = bytes,
                Err(what) => return Err(self.bad(record, index, what)),
            }
        }
        Ok(())
    }

    /// Appends the row's values, which borrow from the record and from what was prepared for it.
    ///
    /// # Errors
    /// A value is none of its field's type.
    pub(crate) fn fill<'a>(
        &'a self,
        record: &'a Record,
        values: &mut Vec<ValueRef<'a>>,
    ) -> Outcome {
        for (index, &(target, column)) in self.fields.iter().enumerate() {
            let cell = column.map(|column| record.cell(column));
            let value = match cell {
                Some(cell) if !(self.absent_is_default && cell.raw.is_empty()) => target
                    .value(cell, &self.bytes[index])
                    .map_err(|what| self.bad(record, index, what))?,
                _ => self.schema.fields()[index]
                    .default_value()
                    .map_or(ValueRef::Null, srdb::Value::as_ref),
            };
            values.push(value);
        }
        Ok(())
    }

    fn bad(&self, record: &Record, index: usize, what: String) -> Failure {
        Failure::field(record.line, self.schema.fields()[index].name(), what)
    }
}

/// The emptied vector, for values that borrow from something else. Keeps its allocation.
pub(crate) fn recycle<'b>(mut values: Vec<ValueRef<'_>>) -> Vec<ValueRef<'b>> {
    values.clear();
    values.into_iter().map(|_| ValueRef::Null).collect()
}
