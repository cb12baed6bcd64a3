//! CSV: a header, then every value's text; null is the empty field.
//!
//! An empty string is the empty field too: CSV as we read it can't tell them apart.

use std::fmt::Write as _;
use std::io::{self, Write};

use srdb::ValueRef;

use super::Column;

pub(super) struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
    text: String,
}

impl<W: Write> CsvWriter<W> {
    pub(super) fn new(columns: &[Column], out: W) -> io::Result<CsvWriter<W>> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns.iter().map(|c| c.name.as_str())).map_err(into_io)?;
        Ok(CsvWriter { writer, text: String::new() })
    }

    pub(super) fn write<'a>(
        &mut self,
        values: impl Iterator<Item = ValueRef<'a>>,
    ) -> io::Result<()> {
        for value in values {
            let field = match value {
                ValueRef::Null => "",
                ValueRef::Str(text) | ValueRef::Json(text) => text,
                other => {
                    self.text.clear();
                    // Writing to a String can't fail.
                    let _ = write!(self.text, "{other}");
                    &self.text
                }
            };
            self.writer.write_field(field).map_err(into_io)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(into_io)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
