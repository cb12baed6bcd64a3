//! The part of `srdb query` that makes one row of many: groups, windows of time, aggregates.

use srdb::{Aggregate, Aggregation, Fill, SnapshotTable, Value, agg};

use crate::args::{GroupArgs, QueryArgs};
use crate::failure::{Failure, Outcome};
use crate::names::parse_names;
use crate::output::{Column, RowWriter, Shape};

use super::query::{Parts, unreadable};
use super::selection::TABLE_ROWS_DEFAULT;
use super::{print, say, stdout};

/// What was said in texts, read.
pub(super) struct Groups {
    group_by: Vec<String>,
    aggregates: Vec<Aggregate>,
    window: Option<Window>,
}

struct Window {
    field: String,
    size: String,
    slide: Option<String>,
    fill: Option<Fill>,
}

impl Groups {
    pub(super) fn new(args: &GroupArgs) -> Outcome<Groups> {
        let group_by = args.group_by.as_deref().map(parse_names).transpose();
        let group_by = group_by.map_err(|what| Failure::Usage(format!("--group-by: {what}")))?;
        let aggregates = match args.agg.as_deref() {
            Some(text) => Aggregate::parse_list(text).map_err(|e| unreadable("--agg", text, &e))?,
            None => vec![agg::count()],
        };
        let fill = args.fill.as_deref().map(|text| {
            Fill::parse(text).map_err(|error| Failure::Usage(format!("--fill: {error}")))
        });
        let fill = fill.transpose()?;
        let window = args.window.as_ref().map(|size| Window {
            field: args.time.clone(),
            size: size.clone(),
            slide: args.slide.clone(),
            fill,
        });
        Ok(Groups { group_by: group_by.unwrap_or_default(), aggregates, window })
    }

    fn aggregation(&self, args: &QueryArgs, parts: &Parts, table: &SnapshotTable) -> Aggregation {
        let query = parts.condition.iter().cloned().fold(table.query(), srdb::Query::filter);
        let mut asked = query.group_by(self.group_by.iter().cloned());
        if let Some(Window { field, size, slide, fill }) = &self.window {
            asked = asked.window(field, size.as_str());
            asked = slide.iter().fold(asked, |asked, slide| asked.slide(slide.as_str()));
            asked = fill.iter().cloned().fold(asked, Aggregation::fill);
        }
        asked = asked.aggregate(self.aggregates.iter().cloned());
        asked = parts.orders.iter().cloned().fold(asked, Aggregation::order_by);
        asked.offset(args.offset).aggregate_memory((args.memory as usize) << 20)
    }

    /// Prints the answer.
    pub(super) fn answer(&self, args: &QueryArgs, parts: &Parts, table: &SnapshotTable) -> Outcome {
        let asked = self.aggregation(args, parts, table);
        let limited = match args.limit {
            Some(limit) => asked.clone().limit(limit),
            None => asked.clone(),
        };
        if args.analyze {
            return print(&limited.explain_analyze()?.to_string());
        }
        if args.explain {
            return print(&limited.explain()?.to_string());
        }
        if let (Shape::Table, None) = (args.format, args.limit) {
            // One more than is shown, to know whether there is more.
            let more =
                write(&asked.limit(TABLE_ROWS_DEFAULT + 1), args.format, TABLE_ROWS_DEFAULT)?;
            if more {
                say(&format!("the first {TABLE_ROWS_DEFAULT} rows; --limit N shows more"));
            }
            return Ok(());
        }
        write(&limited, args.format, u64::MAX).map(|_| ())
    }
}

/// Writes as many rows, and tells whether there is one more.
fn write(asked: &Aggregation, shape: Shape, rows_max: u64) -> Outcome<bool> {
    let mut rows = asked.rows()?;
    let columns =
        rows.columns().map(|(name, data_type)| Column { name: name.to_owned(), data_type });
    let columns: Vec<Column> = columns.collect();
    let failed = |error: std::io::Error| Failure::stdout(&error);
    let mut writer = RowWriter::new(shape, &columns, stdout()).map_err(failed)?;
    let mut written = 0;
    while written < rows_max {
        let Some(row) = rows.next() else { break };
        writer.write(row?.values().iter().map(Value::as_ref)).map_err(failed)?;
        written += 1;
    }
    writer.finish().map_err(failed)?;
    Ok(rows.next().transpose()?.is_some())
}
