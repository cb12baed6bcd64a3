//! `srdb tables`, `srdb schema` and `srdb stats`.

use srdb::{Field, Value};

use crate::args::{DbArgs, SchemaArgs, StatsArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{Aligned, table};

use super::{open, print};

/// Prints the tables of a database.
pub(crate) fn tables(args: &DbArgs) -> Outcome {
    let database = open(&args.db, false)?;
    let mut lines = Vec::new();
    for name in database.tables() {
        let rows = database.table(&name)?;
        lines.push(vec![name, rows.count().to_string(), rows.schema().len().to_string()]);
    }
    let header = [("table", Aligned::Left), ("rows", Aligned::Right), ("fields", Aligned::Right)];
    print(&table(&header, lines))
}

/// Prints the fields of a table.
pub(crate) fn schema(args: &SchemaArgs) -> Outcome {
    let database = open(&args.table.db, false)?;
    let rows = database.table(&args.table.table)?;
    if args.json {
        return print(rows.schema().to_json().trim_end());
    }
    let header = ["field", "type", "null", "default", "comment"].map(|name| (name, Aligned::Left));
    print(&table(&header, rows.schema().fields().iter().map(describe)))
}

fn describe(field: &Field) -> Vec<String> {
    vec![
        field.name().to_owned(),
        field.data_type().to_string(),
        String::from(if field.is_nullable() { "yes" } else { "no" }),
        field.default_value().map(Value::to_string).unwrap_or_default(),
        field.comment_text().unwrap_or_default().to_owned(),
    ]
}

/// Prints figures about a database.
pub(crate) fn stats(args: &StatsArgs) -> Outcome {
    let database = open(&args.db.db, false)?;
    let stats = serde_json::to_value(database.stats())
        .map_err(|e| Failure::Failed(format!("the figures have no JSON form: {e}")))?;
    if args.json {
        return print(&format!("{stats:#}"));
    }
    let header = [("figure", Aligned::Left), ("value", Aligned::Right)];
    let mut lines = Vec::new();
    let mut tables = String::new();
    if let serde_json::Value::Object(figures) = &stats {
        for (name, value) in figures {
            match value.as_array() {
                Some(members) => tables = members_table(members),
                None => lines.push(vec![name.clone(), shown(value)]),
            }
        }
    }
    print(&format!("{}\n\n{tables}", table(&header, lines)))
}

/// Objects of the same keys as a table, texts (the name) before figures.
fn members_table(members: &[serde_json::Value]) -> String {
    let Some(first) = members.first().and_then(serde_json::Value::as_object) else {
        return "no tables".to_owned();
    };
    let (texts, figures): (Vec<_>, Vec<_>) = first.iter().partition(|(_, v)| v.is_string());
    let texts = texts.into_iter().map(|(key, _)| (key.as_str(), Aligned::Left));
    let figures = figures.into_iter().map(|(key, _)| (key.as_str(), Aligned::Right));
    let header: Vec<(&str, Aligned)> = texts.chain(figures).collect();
    let row = |member: &serde_json::Value| header.iter().map(|(k, _)| shown(&member[k])).collect();
    table(&header, members.iter().map(row))
}

fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
