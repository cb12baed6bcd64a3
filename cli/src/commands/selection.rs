//! Which columns of rows are printed, and printing them.

use srdb::{DataType, Row, Schema, ValueRef};

use crate::failure::{Failure, Outcome};
use crate::output::{Column, RowWriter, Shape};

use super::stdout;

/// Rows of a table for people, unless they say how many.
pub(super) const TABLE_ROWS_DEFAULT: u64 = 100;

/// Which columns are printed, and where in a row their values are.
pub(super) struct Selection {
    pub(super) columns: Vec<Column>,
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Seq,
    Time,
    Value(usize),
}

impl Selection {
    /// The fields of these names, or `_seq`, `_time` and all fields if there are none.
    pub(super) fn new(schema: &Schema, table: &str, names: &[String]) -> Outcome<Selection> {
        let all = || ["_seq", "_time"].into_iter().chain(schema.fields().iter().map(|f| f.name()));
        let names: Vec<&str> = match names.is_empty() {
            true => all().collect(),
            false => names.iter().map(String::as_str).collect(),
        };
        let mut selection = Selection { columns: Vec::new(), places: Vec::new() };
        let mut values = 0..;
        for name in names {
            let (data_type, place) = match (name, schema.field(name)) {
                ("_seq", _) => (DataType::Int64, Place::Seq),
                ("_time", _) => (DataType::Timestamp, Place::Time),
                (_, Some(field)) => {
                    (field.data_type(), Place::Value(values.next().unwrap_or(usize::MAX)))
                }
                (_, None) => {
                    let (table, field) = (table.to_owned(), name.to_owned());
                    return Err(srdb::Error::NoField { table, field }.into());
                }
            };
            selection.columns.push(Column { name: name.to_owned(), data_type });
            selection.places.push(place);
        }
        Ok(selection)
    }

    /// The names to ask the engine for.
    pub(super) fn fields(&self) -> Vec<&str> {
        let pairs = self.columns.iter().zip(&self.places);
        let fields = pairs.filter(|(_, place)| matches!(place, Place::Value(_)));
        fields.map(|(column, _)| column.name.as_str()).collect()
    }

    /// The values of a row that was read with [`Selection::fields`].
    pub(super) fn values<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = ValueRef<'a>> {
        self.places.iter().map(|place| match *place {
            Place::Seq => ValueRef::Int(row.seq()),
            Place::Time => ValueRef::Timestamp(row.time()),
            Place::Value(index) => row.value(index).map_or(ValueRef::Null, srdb::Value::as_ref),
        })
    }
}

/// Writes rows to standard output as they come.
pub(super) fn write_rows(
    selection: &Selection,
    shape: Shape,
    rows: impl Iterator<Item = srdb::Result<Row>>,
) -> Outcome {
    let mut writer =
        RowWriter::new(shape, &selection.columns, stdout()).map_err(|e| Failure::stdout(&e))?;
    for row in rows {
        let row = row?;
        writer.write(selection.values(&row)).map_err(|e| Failure::stdout(&e))?;
    }
    writer.finish().map_err(|e| Failure::stdout(&e))
}
