//! `srdb create`, `srdb drop` and `srdb checkpoint`.

use crate::args::{CheckpointArgs, CreateArgs, DropArgs};
use crate::failure::{Failure, Outcome};

use super::{open, read_schema, say};

/// Creates a database where there is none, and a table if one is named.
pub(crate) fn create(args: &CreateArgs) -> Outcome {
    // Read before anything is created: a bad schema must not leave an empty database behind.
    let table = match (&args.table, &args.schema) {
        (Some(name), Some(path)) => Some((name, read_schema(path)?)),
        _ => None,
    };
    let database = open(&args.db, true)?;
    if let Some((name, schema)) = table {
        let fields = schema.len();
        database.create_table(name, schema)?;
        say(&format!("table {name:?} created, with {fields} fields"));
    }
    Ok(database.close()?)
}

/// Copies a database.
pub(crate) fn checkpoint(args: &CheckpointArgs) -> Outcome {
    let database = open(&args.db.db, false)?;
    database.checkpoint(&args.dir)?;
    let tables = database.snapshot();
    let (mut count, mut rows) = (0, 0);
    for name in tables.tables() {
        rows += tables.table(&name)?.count();
        count += 1;
    }
    database.close()?;
    say(&format!("{}: {count} tables with {rows} rows", args.dir.display()));
    Ok(())
}

/// Drops a table, if the user is sure.
pub(crate) fn drop_table(args: &DropArgs) -> Outcome {
    let name = &args.table.table;
    let database = open(&args.table.db, false)?;
    let rows = database.table(name)?.count();
    if !args.yes {
        return Err(Failure::Usage(format!(
            "table {name:?} has {rows} rows, which can't be had back: say --yes to drop it"
        )));
    }
    database.drop_table(name)?;
    database.close()?;
    say(&format!("table {name:?} dropped, with {rows} rows"));
    Ok(())
}
