//! `srdb retain`: how much of a table is kept.

use std::time::Duration;

use serde_json::json;
use srdb::{Background, Database, Retention};

use crate::args::RetainArgs;
use crate::choices::age_text;
use crate::failure::Outcome;
use crate::output::{Aligned, table};

use super::{follow, print, say};

/// Sets limits if some are given, drops rows if that is asked for, and shows limits if neither is.
pub(crate) fn run(args: &RetainArgs) -> Outcome {
    let name = &args.table.table;
    let limits = limits(args);
    let is_set = args.none || !limits.is_unlimited();
    if !is_set && !args.now {
        return show(&follow(&args.table.db)?.table(name)?.retention(), args.json);
    }
    // Rows are dropped when it is asked for, and not behind.
    let builder = Database::builder(&args.table.db).create_if_missing(false);
    let database = builder.background(Background::Manual).open()?;
    let rows = database.table(name)?;
    if is_set {
        let has_limits = !limits.is_unlimited();
        rows.set_retention(limits)
            .map_err(|f| super::query::with_fields(f.into(), rows.schema()))?;
        let what = if has_limits { "limits set" } else { "limits taken back" };
        say(&format!("table {name:?}: {what}"));
    }
    if args.now {
        let dropped = rows.retain()?;
        say(&format!("table {name:?}: {dropped} rows dropped, {} kept", rows.count()));
    }
    Ok(database.close()?)
}

fn limits(args: &RetainArgs) -> Retention {
    let mut limits = Retention::new();
    if let Some(age) = args.max_age {
        limits = limits.max_age(age);
    }
    if let Some((field, age)) = &args.max_age_of {
        limits = limits.max_age_of(field, *age);
    }
    if let Some(rows) = args.max_rows {
        limits = limits.max_rows(rows);
    }
    if let Some(bytes) = args.max_bytes {
        limits = limits.max_bytes(bytes);
    }
    limits
}

fn show(limits: &Retention, as_json: bool) -> Outcome {
    let seconds = |age: Duration| age.as_secs_f64();
    if as_json {
        let of =
            limits.age_of().map(|(field, age)| json!({"field": field, "seconds": seconds(age)}));
        let json = json!({
            "max_age_seconds": limits.age().map(seconds),
            "max_age_of": of,
            "max_rows": limits.rows(),
            "max_bytes": limits.bytes(),
        });
        return print(&format!("{json:#}"));
    }
    if limits.is_unlimited() {
        return print("no limits: all rows are kept");
    }
    let mut lines = Vec::new();
    lines.extend(limits.age().map(|age| vec!["age".to_owned(), age_text(age)]));
    let of = limits.age_of();
    lines.extend(of.map(|(field, age)| vec![format!("age of {field:?}"), age_text(age)]));
    lines.extend(limits.rows().map(|rows| vec!["rows".to_owned(), rows.to_string()]));
    lines.extend(limits.bytes().map(|bytes| vec!["bytes".to_owned(), bytes.to_string()]));
    print(&table(&[("limit", Aligned::Left), ("at most", Aligned::Right)], lines))
}
