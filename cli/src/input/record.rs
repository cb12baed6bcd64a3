//! One record of the input: cells that are spans of one text, reused from record to record.

use std::ops::Range;

/// What a cell is in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An empty CSV field, an absent key or a JSON null.
    Null,
    /// A CSV field: any text.
    Text,
    /// A JSON string.
    String,
    /// A JSON number.
    Number,
    /// A JSON `true` or `false`.
    Bool,
    /// A JSON array or object.
    Compound,
}

/// A cell: what it is and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// What it says: a JSON string without quotes and escapes, anything else as it stands.
    pub(crate) text: &'a str,
    /// As it stands in the source, a JSON string with its quotes and escapes.
    pub(crate) raw: &'a str,
}

#[derive(Debug, Clone)]
struct Span {
    kind: Kind,
    text: Range<usize>,
    raw: Range<usize>,
}

const NULL: Span = Span { kind: Kind::Null, text: 0..0, raw: 0..0 };

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The line it starts on, from 1.
    pub(crate) line: u64,
    buffer: String,
    spans: Vec<Span>,
}

impl Record {
    /// Empties it for a record of `cells` cells, all null.
    pub(crate) fn start(&mut self, line: u64, cells: usize) {
        self.line = line;
        self.buffer.clear();
        self.spans.clear();
        self.spans.resize(cells, NULL);
    }

    /// Sets a cell that says what it looks like. The record grows to hold it.
    pub(crate) fn set(&mut self, index: usize, kind: Kind, raw: &str) {
        let raw = self.store(raw);
        self.put(index, Span { kind, text: raw.clone(), raw });
    }

    /// Sets a JSON string. The record grows to hold it.
    pub(crate) fn set_string(&mut self, index: usize, text: &str, raw: &str) {
        let text = self.store(text);
        let raw = self.store(raw);
        self.put(index, Span { kind: Kind::String, text, raw });
    }

    fn store(&mut self, text: &str) -> Range<usize> {
        let start = self.buffer.len();
        self.buffer.push_str(text);
        start..self.buffer.len()
    }

    fn put(&mut self, index: usize, span: Span) {
        if index >= self.spans.len() {
            self.spans.resize(index + 1, NULL);
        }
        self.spans[index] = span;
    }

    /// A cell; null beyond the last.
    pub(crate) fn cell(&self, index: usize) -> Cell<'_> {
        let span = self.spans.get(index).unwrap_or(&NULL);
        Cell {
            kind: span.kind,
            text: &self.buffer[span.text.clone()],
            raw: &self.buffer[span.raw.clone()],
        }
    }
}
