//! `srdb plot`: numbers over time, as lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use srdb::{Aggregate, Expr, Query, SnapshotTable, Value, agg};

use crate::args::{PlotArgs, PointOf};
use crate::failure::{Failure, Outcome};
use crate::names::parse_names;
use crate::plot::{Line, Plot, round_span, svg, terminal};

use super::query::{unreadable, with_fields};
use super::{follow, say, stdout};

/// Lines of a plot: more can't be told apart.
const LINES_MAX: usize = 10;

/// Characters and pixels, wide and high, unless they are said.
const CHARACTERS: (u16, u16) = (100, 24);
const PIXELS: (u16, u16) = (960, 420);

/// Draws.
pub(crate) fn run(args: &PlotArgs) -> Outcome {
    let usage = |what| Failure::Usage(format!("--y: {what}"));
    let fields = parse_names(&args.y).map_err(usage)?;
    let condition = args.condition.as_deref();
    let condition =
        condition.map(|text| Expr::parse(text).map_err(|e| unreadable("--where", text, &e)));
    let condition = condition.transpose()?;
    let database = follow(&args.table.db)?;
    let table = database.table(&args.table.table)?;
    let query = condition.into_iter().fold(table.query(), Query::filter);
    let plot = read(args, &fields, &query, &table)
        .map_err(|failure| with_fields(failure, table.schema()))?;
    let default = if args.out.is_some() { PIXELS } else { CHARACTERS };
    let size = (args.width.unwrap_or(default.0), args.height.unwrap_or(default.1));
    match &args.out {
        Some(path) => write(path, &svg(&plot, size)),
        None => {
            let coloured = std::io::stdout().is_terminal();
            let (drawn, mut out) = (terminal(&plot, size, coloured), stdout());
            out.write_all(drawn.as_bytes())
                .and_then(|()| out.flush())
                .map_err(|e| Failure::stdout(&e))
        }
    }
}

fn write(path: &Path, text: &str) -> Outcome {
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    say(&format!("drawn to {}", path.display()));
    Ok(())
}

/// Reads what is drawn: no more points than there is room for.
fn read(args: &PlotArgs, fields: &[String], query: &Query, table: &SnapshotTable) -> Outcome<Plot> {
    let nothing = || {
        let (table, time) = (table.name(), &args.time);
        Failure::Failed(format!("table {table:?} has nothing to draw: no such row has a {time:?}"))
    };
    let ends = query.aggregate([agg::min(&args.time), agg::max(&args.time)]).one()?;
    let [Some(Value::Timestamp(from)), Some(Value::Timestamp(to))] = [ends.value(0), ends.value(1)]
    else {
        let is_time = matches!(args.time.as_str(), "_time")
            || table
                .schema()
                .field(&args.time)
                .is_some_and(|f| f.data_type() == srdb::DataType::Timestamp);
        return Err(match is_time {
            true => nothing(),
            false => Failure::Failed(format!("field {:?} is no timestamp: say --time", args.time)),
        });
    };
    // Two dots of braille a character; a point for two pixels.
    let room = match (&args.out, args.width) {
        (Some(_), width) => i64::from(width.unwrap_or(PIXELS.0)) / 2,
        (None, width) => i64::from(width.unwrap_or(CHARACTERS.0)) * 2,
    };
    let mut asked = query.group_by(args.by.iter().cloned());
    let span = match &args.window {
        Some(_) => None,
        None => Some(round_span(to.saturating_sub(*from) / room.max(1))),
    };
    asked = match (&args.window, span) {
        (Some(said), _) => asked.window(&args.time, said.as_str()),
        (None, span) => asked.window(&args.time, Value::Duration(span.unwrap_or(1))),
    };
    asked = asked.aggregate(fields.iter().map(|field| point_of(args.agg, field)));
    let mut lines: BTreeMap<(String, usize), Vec<(i64, f64)>> = BTreeMap::new();
    let by = usize::from(args.by.is_some());
    for row in asked.rows()? {
        let row = row?;
        let group = row.value(0).filter(|_| by == 1).map(|value| match value {
            Value::Null => "null".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let Some(Value::Timestamp(time)) = row.value(by) else { continue };
        for (at, field) in fields.iter().enumerate() {
            let value = row.value(by + 1 + at).unwrap_or(&Value::Null);
            let Some(y) = number(value, field)? else { continue };
            lines.entry((group.clone().unwrap_or_default(), at)).or_default().push((*time, y));
            if lines.len() > LINES_MAX {
                return Err(Failure::Failed(format!(
                    "more than {LINES_MAX} lines can't be told apart: --where leaves some out"
                )));
            }
        }
    }
    if lines.is_empty() {
        return Err(nothing());
    }
    // Of windows that were said, the shortest distance between two points.
    let apart = |points: &Vec<(i64, f64)>| points.windows(2).map(|two| two[1].0 - two[0].0).min();
    let span = span.or_else(|| lines.values().filter_map(apart).min()).unwrap_or(1);
    let span_said = args.window.clone().unwrap_or_else(|| span_text(span));
    let lines = lines.into_iter().map(|((group, at), points)| Line {
        name: match (fields.len(), group.as_str()) {
            (1, "") => fields[at].clone(),
            (1, group) => group.to_owned(),
            (_, "") => fields[at].clone(),
            (_, group) => format!("{group} {}", fields[at]),
        },
        points,
    });
    let calls: Vec<String> = fields.iter().map(|field| point_of(args.agg, field).name()).collect();
    let title = format!("{}: {} of each {}", table.name(), calls.join(", "), span_said);
    Ok(Plot { title, lines: lines.collect(), span })
}

/// A span in the largest unit that it is a whole number of.
fn span_text(ns: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1, "ns"),
    ];
    let unit = UNITS.into_iter().find(|(unit, _)| ns % unit == 0);
    let (unit, name) = unit.unwrap_or((1, "ns"));
    format!("{} {name}", ns / unit)
}

fn point_of(point: PointOf, field: &str) -> Aggregate {
    match point {
        PointOf::Avg => agg::avg(field),
        PointOf::Min => agg::min(field),
        PointOf::Max => agg::max(field),
        PointOf::Sum => agg::sum(field),
        PointOf::Median => agg::median(field),
        PointOf::First => agg::first(field),
        PointOf::Last => agg::last(field),
        PointOf::Count => agg::count_of(field),
    }
}

/// A number that can be drawn; spans of time are drawn in seconds.
fn number(value: &Value, field: &str) -> Outcome<Option<f64>> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int(int) => *int as f64,
        Value::UInt(int) => *int as f64,
        Value::Float32(float) => f64::from(*float),
        Value::Float64(float) => *float,
        Value::Duration(ns) => *ns as f64 / 1e9,
        Value::Decimal(decimal) => decimal.to_string().parse().unwrap_or(f64::NAN),
        other => {
            let kind = other.kind();
            return Err(Failure::Failed(format!(
                "field {field:?} is a {kind}, which can't be drawn"
            )));
        }
    };
    Ok(Some(number).filter(|number| number.is_finite()))
}
