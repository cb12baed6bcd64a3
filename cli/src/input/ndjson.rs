//! NDJSON: one JSON object a line, numbers kept as they are written.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead as _, Read as _};

use serde::Deserialize;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::source::Bytes;
use super::{Fields, Kind, Record, Renames};
use crate::failure::{Failure, Outcome};

/// Bytes of a line: 64 MiB, four times what a row may hold.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Reads NDJSON records. Blank lines are passed over.
pub(crate) struct NdjsonReader {
    bytes: std::io::BufReader<Bytes>,
    renames: Renames,
    fields: Fields,
    line: u64,
    buffer: Vec<u8>,
}

impl NdjsonReader {
    pub(crate) fn new(bytes: Bytes, renames: Renames) -> NdjsonReader {
        let bytes = std::io::BufReader::with_capacity(64 << 10, bytes);
        NdjsonReader { bytes, renames, fields: Fields::default(), line: 0, buffer: Vec::new() }
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) fn read(&mut self, record: &mut Record) -> Outcome<bool> {
        while self.read_line()? {
            let line = std::str::from_utf8(&self.buffer)
                .map_err(|_| Failure::line(self.line, "the bytes are not UTF-8"))?;
            let line = if self.line == 1 { line.trim_start_matches('\u{feff}') } else { line };
            if line.trim_ascii().is_empty() {
                continue;
            }
            record.start(self.line, self.fields.names().len());
            let mut row = Row {
                fields: &mut self.fields,
                renames: &self.renames,
                record,
                line: self.line,
                refused: None,
            };
            let parsed = parse(line, &mut row);
            if let Some(refused) = row.refused.take() {
                return Err(refused);
            }
            return match parsed {
                Ok(()) => Ok(true),
                Err(error) => Err(Failure::line(self.line, describe(&error))),
            };
        }
        Ok(false)
    }

    /// Reads a line into the buffer. `false`: there is none.
    fn read_line(&mut self) -> Outcome<bool> {
        self.buffer.clear();
        let mut limited = (&mut self.bytes).take(LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut self.buffer);
        let bytes = read.map_err(|e| Failure::Failed(format!("could not read the input: {e}")))?;
        self.line += 1;
        if bytes as u64 == LINE_BYTES_MAX {
            let what = format!("line {} is longer than {LINE_BYTES_MAX} bytes", self.line);
            return Err(Failure::Failed(what));
        }
        Ok(bytes > 0)
    }
}

fn parse(line: &str, row: &mut Row<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    deserializer.deserialize_map(row)?;
    deserializer.end()
}

/// serde_json's message without its "at line 1", which is not the file's line.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("no JSON object: {what} at column {}", error.column())
}

/// Fills a record from the object on a line.
struct Row<'a> {
    fields: &'a mut Fields,
    renames: &'a Renames,
    record: &'a mut Record,
    line: u64,
    /// Why the object was refused, where serde_json can't say it with field and line.
    refused: Option<Failure>,
}

impl<'de> Visitor<'de> for &mut Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Objects of one file mostly have their keys in the same order.
        let mut guess = 0;
        while let Some(Key(key)) = map.next_key()? {
            let raw: &'de RawValue = map.next_value()?;
            if self.refused.is_some() {
                continue; // the line is lost, but its syntax is still to be checked
            }
            match self.find(&key, guess) {
                Ok(index) if self.record.cell(index).raw.is_empty() => {
                    set(self.record, index, raw.get());
                    guess = index + 1;
                }
                Ok(_) => self.refused = Some(Failure::field(self.line, &key, "stands twice")),
                Err(failure) => self.refused = Some(failure),
            }
        }
        Ok(())
    }
}

/// A key, borrowed from the line where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Row<'_> {
    fn find(&mut self, key: &str, guess: usize) -> Outcome<usize> {
        if self.fields.source(guess) == Some(key) {
            return Ok(guess);
        }
        match self.fields.index_of_source(key) {
            Some(index) => Ok(index),
            None => self.fields.add(key, self.renames, self.line),
        }
    }
}

/// Puts a JSON value into the record; `raw` is never empty.
fn set(record: &mut Record, index: usize, raw: &str) {
    let kind = match raw.as_bytes()[0] {
        b'n' => Kind::Null,
        b't' | b'f' => Kind::Bool,
        b'[' | b'{' => Kind::Compound,
        b'"' => return set_string(record, index, raw),
        _ => Kind::Number,
    };
    record.set(index, kind, raw);
}

fn set_string(record: &mut Record, index: usize, raw: &str) {
    if !raw.contains('\\') {
        return record.set_string(index, &raw[1..raw.len() - 1], raw);
    }
    match serde_json::from_str::<Cow<'_, str>>(raw) {
        Ok(text) => record.set_string(index, &text, raw),
        // A lone surrogate is JSON, but no text. Only the raw value keeps it.
        Err(_) => record.set(index, Kind::Compound, raw),
    }
}
