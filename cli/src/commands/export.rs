//! `srdb export`: all rows, as they were imported.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use srdb::SnapshotTable;

use crate::args::ExportArgs;
use crate::assemble::recycle;
use crate::failure::{Failure, Outcome};
use crate::input::{Format, Input, format_of};
use crate::output::{Column, RowWriter};

use super::{follow, say, stdout};

/// Writes the table to standard output or to a new file.
pub(crate) fn run(args: &ExportArgs) -> Outcome {
    let database = follow(&args.table.db)?;
    let table = database.table(&args.table.table)?;
    let Some(path) = &args.output else {
        return write(&table, args.format.unwrap_or(Format::Csv), stdout(), &|e| {
            Failure::stdout(&e)
        })
        .map(|_| ());
    };
    let format = format_of(&Input::File(path.clone()), args.format)?;
    let failed = |error: io::Error| Failure::file("write", path, &error);
    let file = File::create_new(path).map_err(failed)?;
    let rows = to_file(&table, format, path, file, &failed).inspect_err(|_| {
        // Half a file would look like a whole one. If it can't be removed, the error stands.
        let _ = std::fs::remove_file(path);
    })?;
    say(&format!("{rows} rows written to {}", path.display()));
    Ok(())
}

fn to_file(
    table: &SnapshotTable,
    format: Format,
    path: &Path,
    file: File,
    failed: &dyn Fn(io::Error) -> Failure,
) -> Outcome<u64> {
    let mut buffered = BufWriter::with_capacity(64 << 10, file);
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
        let mut packed = GzEncoder::new(&mut buffered, Compression::default());
        let rows = write(table, format, &mut packed, failed)?;
        packed.finish().map_err(failed)?;
        buffered.flush().map_err(failed)?;
        return Ok(rows);
    }
    write(table, format, buffered, failed)
}

/// Writes the rows and tells how many there were.
fn write(
    table: &SnapshotTable,
    format: Format,
    out: impl Write,
    failed: &dyn Fn(io::Error) -> Failure,
) -> Outcome<u64> {
    let fields = table.schema().fields().iter();
    let columns: Vec<Column> = fields
        .map(|field| Column { name: field.name().to_owned(), data_type: field.data_type() })
        .collect();
    let mut writer = RowWriter::new(format.into(), &columns, out).map_err(failed)?;
    let (mut rows, mut values) = (0, Vec::new());
    let mut scan = table.scan(..)?;
    while let Some(row) = scan.next_ref() {
        let row = row?;
        let mut fields = recycle(std::mem::take(&mut values));
        for index in 0..row.len() {
            fields.push(row.value(index)?);
        }
        writer.write(fields.iter().copied()).map_err(failed)?;
        values = recycle(fields);
        rows += 1;
    }
    writer.finish().map_err(failed)?;
    Ok(rows)
}
