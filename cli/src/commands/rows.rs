//! `srdb get`, `srdb scan` and `srdb count`.

use std::ops::Range;

use srdb::SnapshotTable;

use crate::args::{GetArgs, ScanArgs, TableArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{Aligned, Shape, table};
use crate::text;

use super::selection::{Selection, TABLE_ROWS_DEFAULT, write_rows};
use super::{follow, print, say};

/// Prints how many rows a table has.
pub(crate) fn count(args: &TableArgs) -> Outcome {
    print(&follow(&args.db)?.table(&args.table)?.count().to_string())
}

/// Prints one row; it fails if there is none.
pub(crate) fn get(args: &GetArgs) -> Outcome {
    let database = follow(&args.table.db)?;
    let rows = database.table(&args.table.table)?;
    let selection = Selection::new(rows.schema(), &args.table.table, &args.fields)?;
    let Some(row) = rows.get_fields(args.seq, &selection.fields())? else {
        let name = rows.name();
        let (seq, last) = (args.seq, rows.last_seq());
        let what = format!("table {name:?} has no row {seq}; its last is {last}");
        return Err(Failure::Failed(what));
    };
    if args.format == Shape::Table {
        let header = [("field", Aligned::Left), ("value", Aligned::Left)];
        let lines = selection.columns.iter().zip(selection.values(&row));
        let lines = lines.map(|(column, value)| {
            let shown = if value.is_null() { String::new() } else { value.to_string() };
            vec![column.name.clone(), shown]
        });
        return print(&table(&header, lines));
    }
    write_rows(&selection, args.format, std::iter::once(Ok(row)))
}

/// Prints rows.
pub(crate) fn scan(args: &ScanArgs) -> Outcome {
    let times = parse_time("--since", args.since.as_deref())?.unwrap_or(i64::MIN)
        ..parse_time("--until", args.until.as_deref())?.unwrap_or(i64::MAX);
    let database = follow(&args.table.db)?;
    let rows = database.table(&args.table.table)?;
    let selection = Selection::new(rows.schema(), &args.table.table, &args.fields)?;
    let seqs = range(args, times, &rows)?;
    let found = u64::try_from(seqs.end - seqs.start).unwrap_or(0);
    let by_default = match args.format {
        Shape::Table => TABLE_ROWS_DEFAULT,
        _ => u64::MAX,
    };
    let limit = usize::try_from(args.limit.unwrap_or(by_default)).unwrap_or(usize::MAX);
    let scan = rows.scan_fields(seqs, &selection.fields())?;
    match args.reverse {
        true => write_rows(&selection, args.format, scan.rev().take(limit))?,
        false => write_rows(&selection, args.format, scan.take(limit))?,
    }
    if args.limit.is_none() && found > by_default {
        say(&format!("{limit} of {found} rows; --limit N shows more"));
    }
    Ok(())
}

/// The rows asked for by number and time.
fn range(args: &ScanArgs, times: Range<i64>, rows: &SnapshotTable) -> Outcome<Range<i64>> {
    let mut seqs =
        args.from.unwrap_or(i64::MIN)..args.to.map_or(i64::MAX, |to| to.saturating_add(1));
    if args.since.is_some() || args.until.is_some() {
        let in_time = rows.scan_time(times)?.seqs();
        seqs = seqs.start.max(in_time.start)..seqs.end.min(in_time.end);
    }
    let (first, end) = (seqs.start.max(1), seqs.end.min(rows.last_seq() + 1));
    Ok(first..end.max(first))
}

fn parse_time(option: &str, said: Option<&str>) -> Outcome<Option<i64>> {
    let parsed = said.map(|said| text::parse_timestamp(said, None)).transpose();
    parsed.map_err(|what| Failure::Usage(format!("{option}: {what}")))
}
