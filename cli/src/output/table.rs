//! Tables for people: what is long is cut, what would break a line is escaped.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use srdb::{DataType, ValueRef};

use super::Column;

/// A line under the header, and nothing else that would have to be taken away after a copy.
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Characters of a value that are shown where many rows are.
const VALUE_CHARS_MAX: usize = 60;

/// How a column of a table is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aligned {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Numbers are set to the right.
fn alignment(data_type: DataType) -> Aligned {
    match data_type {
        DataType::Bool
        | DataType::String
        | DataType::Bytes
        | DataType::Timestamp
        | DataType::Duration
        | DataType::Json => Aligned::Left,
        _ => Aligned::Right,
    }
}

/// A table of texts under a header. None of them is cut.
pub(crate) fn table(
    header: &[(&str, Aligned)],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = start(header.iter().map(|(name, _)| *name), header.iter().map(|(_, a)| *a));
    for row in rows {
        table.add_row(row.iter().map(|text| shown(text, usize::MAX)));
    }
    finish(&table)
}

/// Rows gathered for a table.
pub(super) struct RowTable(Table);

impl RowTable {
    pub(super) fn new(columns: &[Column]) -> RowTable {
        let names = columns.iter().map(|c| c.name.as_str());
        RowTable(start(names, columns.iter().map(|c| alignment(c.data_type))))
    }

    pub(super) fn add<'a>(&mut self, values: impl Iterator<Item = ValueRef<'a>>) {
        self.0.add_row(values.map(|value| match value {
            ValueRef::Null => String::new(),
            ValueRef::Str(text) | ValueRef::Json(text) => shown(text, VALUE_CHARS_MAX),
            other => shown(&other.to_string(), VALUE_CHARS_MAX),
        }));
    }

    pub(super) fn finish(self) -> String {
        finish(&self.0)
    }
}

fn start<'a>(
    names: impl Iterator<Item = &'a str>,
    aligned: impl Iterator<Item = Aligned>,
) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(names.map(|name| Cell::new(shown(name, usize::MAX))));
    for (column, aligned) in table.column_iter_mut().zip(aligned) {
        column.set_cell_alignment(match aligned {
            Aligned::Left => CellAlignment::Left,
            Aligned::Right => CellAlignment::Right,
        });
    }
    table
}

fn finish(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A value on one line: control characters escaped, cut after `chars_max` characters.
fn shown(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max));
    for (count, c) in text.chars().enumerate() {
        if count == chars_max {
            out.push('…');
            break;
        }
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}
