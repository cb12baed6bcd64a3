//! `srdb stats`: figures of a database, for people and for programs.

use serde_json::{Map, Value as Json, json};
use srdb::Follower;

use crate::args::{StatsArgs, StatsFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Aligned, table};

use super::{follow, print};

/// Prints figures about a database.
pub(crate) fn run(args: &StatsArgs) -> Outcome {
    let database = follow(&args.db.db)?;
    let stats = database.stats();
    let format = if args.json { StatsFormat::Json } else { args.format };
    if format == StatsFormat::Prometheus {
        return print(stats.to_prometheus().trim_end());
    }
    let mut json = to_json(&stats)?;
    if let Some(figures) = json.as_object_mut() {
        let amplification = json!(stats.write_amplification());
        figures.insert("write_amplification".to_owned(), amplification);
        if args.columns {
            figures.insert("columns".to_owned(), columns(&database)?);
        }
    }
    match format {
        StatsFormat::Json => print(&format!("{json:#}")),
        _ => print(&for_people(&json)),
    }
}

fn to_json(value: &impl serde::Serialize) -> Outcome<Json> {
    serde_json::to_value(value)
        .map_err(|e| Failure::Failed(format!("the figures have no JSON form: {e}")))
}

/// The columns of every table, each with its table's name.
fn columns(database: &Follower) -> Outcome<Json> {
    let mut all = Vec::new();
    for name in database.tables() {
        for column in database.table(&name)?.column_stats()? {
            let mut shown = Map::from_iter([("table".to_owned(), json!(name))]);
            if let Json::Object(figures) = to_json(&column)? {
                shown.extend(figures.into_iter().map(|(key, value)| match key.as_str() {
                    "name" => ("column".to_owned(), value),
                    _ => (key, value),
                }));
            }
            all.push(Json::Object(shown));
        }
    }
    Ok(Json::Array(all))
}

/// Single figures first, as one table with `part.figure` for those of a part; then a table for each
/// list.
fn for_people(stats: &Json) -> String {
    let header = [("figure", Aligned::Left), ("value", Aligned::Right)];
    let (mut lines, mut lists) = (Vec::new(), String::new());
    for (name, value) in stats.as_object().into_iter().flatten() {
        match value {
            Json::Array(members) if members.is_empty() => {
                lists.push_str(&format!("\n\nno {name}"));
            }
            Json::Array(members) => lists.push_str(&format!("\n\n{}", members_table(members))),
            value => flatten(name, value, &mut lines),
        }
    }
    format!("{}{lists}", table(&header, lines))
}

/// Figures that are 0 in a part that has many are left out: they say nothing.
fn flatten(name: &str, value: &Json, lines: &mut Vec<Vec<String>>) {
    match value.as_object() {
        None => lines.push(vec![name.to_owned(), shown(value)]),
        Some(figures) => {
            for (key, value) in figures.iter().filter(|(_, value)| **value != json!(0)) {
                flatten(&format!("{name}.{key}"), value, lines);
            }
        }
    }
}

/// Objects of the same keys as a table, texts (the name) before figures.
fn members_table(members: &[Json]) -> String {
    let Some(first) = members.first().and_then(Json::as_object) else {
        return String::new();
    };
    let (texts, figures): (Vec<_>, Vec<_>) = first.iter().partition(|(_, v)| v.is_string());
    let texts = texts.into_iter().map(|(key, _)| (key.as_str(), Aligned::Left));
    let figures = figures.into_iter().map(|(key, _)| (key.as_str(), Aligned::Right));
    let header: Vec<(&str, Aligned)> = texts.chain(figures).collect();
    let row = |member: &Json| header.iter().map(|(k, _)| shown(&member[k])).collect();
    table(&header, members.iter().map(row))
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Number(number) if number.is_f64() => {
            format!("{:.3}", number.as_f64().unwrap_or_default())
        }
        Json::Object(parts) => {
            let parts = parts.iter().map(|(key, value)| format!("{key} {}", shown(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
