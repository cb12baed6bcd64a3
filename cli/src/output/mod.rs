//! From rows to text: tables for people, JSON, NDJSON and CSV for programs.

mod csv;
mod json;
mod table;

use std::io::{self, Write};

use srdb::ValueRef;

use crate::input;

pub(crate) use table::{Aligned, table};

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Lines and columns for people; long values are cut
    Table,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

impl From<input::Format> for Shape {
    fn from(format: input::Format) -> Shape {
        match format {
            input::Format::Csv => Shape::Csv,
            input::Format::Ndjson => Shape::Ndjson,
        }
    }
}

/// A column of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) data_type: srdb::DataType,
}

/// Takes rows one by one and writes them in one of the shapes.
///
/// Everything but [`Shape::Table`] is written as it comes; a table is kept until the end, when
/// the widths are known.
pub(crate) struct RowWriter<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Table(W, table::RowTable),
    Json(json::JsonWriter<W>),
    Csv(csv::CsvWriter<W>),
}

impl<W: Write> RowWriter<W> {
    /// Writes what comes before the rows: CSV's header, JSON's bracket.
    pub(crate) fn new(shape: Shape, columns: &[Column], out: W) -> io::Result<RowWriter<W>> {
        Ok(RowWriter(match shape {
            Shape::Table => Inner::Table(out, table::RowTable::new(columns)),
            Shape::Json => Inner::Json(json::JsonWriter::array(columns, out)?),
            Shape::Ndjson => Inner::Json(json::JsonWriter::lines(columns, out)),
            Shape::Csv => Inner::Csv(csv::CsvWriter::new(columns, out)?),
        }))
    }

    /// One row, a value a column.
    pub(crate) fn write<'a>(
        &mut self,
        values: impl Iterator<Item = ValueRef<'a>>,
    ) -> io::Result<()> {
        match &mut self.0 {
            Inner::Table(_, table) => {
                table.add(values);
                Ok(())
            }
            Inner::Json(json) => json.write(values),
            Inner::Csv(csv) => csv.write(values),
        }
    }

    /// Writes what comes after the rows, and flushes.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.0 {
            Inner::Table(mut out, table) => {
                writeln!(out, "{}", table.finish())?;
                out.flush()
            }
            Inner::Json(json) => json.finish(),
            Inner::Csv(csv) => csv.finish(),
        }
    }
}
