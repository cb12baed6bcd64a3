//! From a file or standard input to records: decompression, CSV, NDJSON.

mod csv;
mod fields;
mod lines;
mod ndjson;
mod record;
mod rewind;
mod source;
#[cfg(test)]
mod tests;

use crate::failure::Outcome;

pub(crate) use fields::{Fields, Renames};
pub(crate) use record::{Cell, Kind, Record};
pub(crate) use rewind::Rewindable;
pub(crate) use source::{Bytes, Input, Opened, Position, format_of};

use self::csv::CsvReader;
use ndjson::NdjsonReader;

/// The format of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header line; an empty field is null
    Csv,
    /// One JSON object a line; an absent key is null
    Ndjson,
}

/// Reads records of either format.
pub(crate) enum Reader {
    /// See [`CsvReader`].
    Csv(CsvReader),
    /// See [`NdjsonReader`].
    Ndjson(NdjsonReader),
}

impl Reader {
    /// A reader of `bytes`. CSV's header is read here.
    pub(crate) fn new(format: Format, bytes: Bytes, renames: &Renames) -> Outcome<Reader> {
        Ok(match format {
            Format::Csv => Reader::Csv(CsvReader::new(bytes, renames)?),
            Format::Ndjson => Reader::Ndjson(NdjsonReader::new(bytes, renames.clone())),
        })
    }

    /// The fields seen so far: CSV's header, or NDJSON's keys in order of their first appearance.
    pub(crate) fn fields(&self) -> &Fields {
        match self {
            Reader::Csv(reader) => reader.fields(),
            Reader::Ndjson(reader) => reader.fields(),
        }
    }

    /// Reads the next record, its cells in the order of [`Reader::fields`]. `false`: there is none.
    ///
    /// After a [`crate::failure::Failure::Line`] the next call goes on with the line after it.
    pub(crate) fn read(&mut self, record: &mut Record) -> Outcome<bool> {
        match self {
            Reader::Csv(reader) => reader.read(record),
            Reader::Ndjson(reader) => reader.read(record),
        }
    }
}
