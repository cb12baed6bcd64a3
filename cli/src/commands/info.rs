//! `srdb tables` and `srdb schema`.

use srdb::{Field, Value};

use crate::args::{DbArgs, SchemaArgs};
use crate::failure::Outcome;
use crate::output::{Aligned, table};

use super::{follow, print};

/// Prints the tables of a database.
pub(crate) fn tables(args: &DbArgs) -> Outcome {
    let database = follow(&args.db)?;
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
    let database = follow(&args.table.db)?;
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
