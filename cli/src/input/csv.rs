//! CSV with a header: every field a text, the empty one null.

use csv::{ErrorKind, StringRecord};

use super::lines::Lines;
use super::source::Bytes;
use super::{Fields, Kind, Record, Renames};
use crate::failure::{Failure, Outcome};

/// Reads CSV records.
pub(crate) struct CsvReader {
    reader: csv::Reader<Bytes>,
    lines: Lines,
    fields: Fields,
    row: StringRecord,
}

impl CsvReader {
    /// Reads the header.
    ///
    /// # Errors
    /// No header, a name that is empty, there twice or refused by the engine, or a renaming of a
    /// name that is not there.
    pub(crate) fn new(bytes: Bytes, renames: &Renames) -> Outcome<CsvReader> {
        let lines = Lines::default();
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(lines.watch(bytes));
        let (fields, row) = (Fields::default(), StringRecord::new());
        let mut opened = CsvReader { reader, lines, fields, row };
        let Some(line) = opened.read_row()? else {
            return Err(Failure::Failed("the input is empty: not even a header".to_owned()));
        };
        for name in &opened.row {
            opened.fields.add(name, renames, line)?;
        }
        renames.check_used(&opened.fields)?;
        Ok(opened)
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) fn read(&mut self, record: &mut Record) -> Outcome<bool> {
        let Some(line) = self.read_row()? else {
            return Ok(false);
        };
        record.start(line, self.row.len());
        for (index, text) in self.row.iter().enumerate() {
            if !text.is_empty() {
                record.set(index, Kind::Text, text);
            }
        }
        Ok(true)
    }

    /// Reads the next row and tells its line. `None`: there is none.
    fn read_row(&mut self) -> Outcome<Option<u64>> {
        let line_at = |at: Option<&csv::Position>| self.lines.line_at(at.map_or(0, |p| p.byte()));
        let error = match self.reader.read_record(&mut self.row) {
            Ok(true) => {
                let line = line_at(self.row.position());
                let last = self.row.get(self.row.len() - 1).unwrap_or_default();
                let end = self.reader.position().byte();
                if last.ends_with(['\r', '\n']) && self.lines.is_unclosed(end) {
                    return Err(Failure::line(line, "a quotation mark is not closed"));
                }
                return Ok(Some(line));
            }
            Ok(false) => return Ok(None),
            Err(error) => error,
        };
        let line = line_at(error.position());
        Err(match error.kind() {
            ErrorKind::Utf8 { err, .. } => {
                let what = "the bytes are not UTF-8: convert the file first (iconv can)";
                match self.fields.names().get(err.field()) {
                    Some(name) => Failure::field(line, name, what),
                    None => Failure::line(line, what),
                }
            }
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let fields = if *len == 1 { "field" } else { "fields" };
                Failure::line(line, format!("{len} {fields}, where the header has {expected_len}"))
            }
            ErrorKind::Io(io) => Failure::Failed(format!("could not read the input: {io}")),
            _ => Failure::Failed(format!("could not read the input: {error}")),
        })
    }
}
