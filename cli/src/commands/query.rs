//! `srdb query`: the rows that meet a condition, in an order.

use srdb::{Error, Expr, Order, Query, Schema, SnapshotTable};

use crate::args::QueryArgs;
use crate::failure::{Failure, Outcome};
use crate::names::{parse_names, parse_orders};
use crate::output::Shape;
use crate::text::quoted;

use super::groups::Groups;
use super::selection::{Selection, TABLE_ROWS_DEFAULT, write_rows};
use super::{follow, print, say};

/// Answers a query.
pub(crate) fn run(args: &QueryArgs) -> Outcome {
    // What makes no sense is said before anything is opened.
    let parts = Parts::new(args)?;
    let database = follow(&args.table.db)?;
    let table = database.table(&args.table.table)?;
    let answered = match &parts.groups {
        Some(groups) => groups.answer(args, &parts, &table),
        None => answer(args, &parts, &table),
    };
    answered.map_err(|failure| with_fields(failure, table.schema()))
}

/// What was said in texts, read.
pub(super) struct Parts {
    pub(super) condition: Option<Expr>,
    fields: Vec<String>,
    latest_by: Option<Vec<String>>,
    groups: Option<Groups>,
    pub(super) orders: Vec<Order>,
}

impl Parts {
    fn new(args: &QueryArgs) -> Outcome<Parts> {
        let condition = args.condition.as_deref().map(parse_condition).transpose()?;
        let usage = |option: &'static str| move |what| Failure::Usage(format!("{option}: {what}"));
        let (option, fields) = match &args.distinct {
            Some(fields) => ("--distinct", Some(fields)),
            None => ("--select", args.select.as_ref()),
        };
        let fields = fields.map(|text| parse_names(text)).transpose().map_err(usage(option))?;
        let orders = args.order_by.as_deref().map(|text| match Order::parse_list(text) {
            // A call names the column of what it makes, however it is written.
            Ok(orders) if args.groups.is_some() => Ok(orders),
            _ => parse_orders(text),
        });
        let orders = orders.transpose().map_err(usage("--order-by"))?;
        let (fields, orders) = (fields.unwrap_or_default(), orders.unwrap_or_default());
        let latest_by = args.latest_by.as_deref().map(parse_names).transpose();
        let latest_by = latest_by.map_err(usage("--latest-by"))?;
        let groups = args.groups.is_some().then(|| Groups::new(&args.groups)).transpose()?;
        Ok(Parts { condition, fields, latest_by, groups, orders })
    }
}

/// The condition; an error shows its place.
fn parse_condition(text: &str) -> Outcome<Expr> {
    Expr::parse(text).map_err(|error| unreadable("--where", text, &error))
}

/// What is wrong with the text of an option, and where.
pub(super) fn unreadable(option: &str, text: &str, error: &Error) -> Failure {
    Failure::Usage(match error {
        Error::Syntax { at, what } => {
            let rest: String = text.chars().skip(at.saturating_sub(1)).collect();
            let place = if rest.is_empty() { "the end".to_owned() } else { quoted(&rest) };
            format!("{option}: {what}, at character {at}: {place}")
        }
        other => format!("{option}: {other}"),
    })
}

fn answer(args: &QueryArgs, parts: &Parts, table: &SnapshotTable) -> Outcome {
    let selection = Selection::new(table.schema(), table.name(), &parts.fields)?;
    let mut query = table.query().offset(args.offset);
    query = query.sort_memory((args.memory as usize) << 20);
    if let Some(condition) = &parts.condition {
        query = query.filter(condition.clone());
    }
    query = match args.distinct {
        Some(_) => query.distinct(parts.fields.iter().cloned()),
        None => query.select(selection.fields()),
    };
    if let Some(fields) = &parts.latest_by {
        query = query.latest_by(fields.iter().cloned());
    }
    query = parts.orders.iter().cloned().fold(query, Query::order_by);
    if args.count {
        return print(&limited(query, args.limit).count()?.to_string());
    }
    if args.analyze {
        return print(&limited(query, args.limit).explain_analyze()?.to_string());
    }
    if args.explain {
        return print(&limited(query, args.limit).explain()?.to_string());
    }
    if let (Shape::Table, None) = (args.format, args.limit) {
        // One more than is shown, to know whether there is more.
        let mut rows = query.limit(TABLE_ROWS_DEFAULT + 1).rows()?;
        let shown = rows.by_ref().take(TABLE_ROWS_DEFAULT as usize);
        write_rows(&selection, args.format, shown)?;
        if rows.next().transpose()?.is_some() {
            say(&format!("the first {TABLE_ROWS_DEFAULT} rows; --limit N shows more"));
        }
        return Ok(());
    }
    write_rows(&selection, args.format, limited(query, args.limit).rows()?)
}

fn limited(query: Query, limit: Option<u64>) -> Query {
    match limit {
        Some(limit) => query.limit(limit),
        None => query,
    }
}

/// Of a field that is not there, says which ones are; of a sort that is too large, what to do.
pub(super) fn with_fields(failure: Failure, schema: &Schema) -> Failure {
    const NAMES_MAX: usize = 60;
    match failure {
        Failure::Engine(error @ Error::NoField { .. }) => {
            let fields = schema.fields();
            let mut names: Vec<&str> = fields.iter().map(|f| f.name()).take(NAMES_MAX).collect();
            if fields.len() > NAMES_MAX {
                names.push("…");
            }
            Failure::Failed(format!("{error}; it has {}", names.join(", ")))
        }
        Failure::Engine(error @ Error::Limit { .. }) => {
            Failure::Failed(format!("{error}: see --limit and --memory"))
        }
        other => other,
    }
}
