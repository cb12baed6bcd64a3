//! `srdb index`: creating, dropping and listing the indexes of a table.

use srdb::{Background, Database, Error, Job, Progress, SnapshotTable, Table};

use crate::args::{IndexAction, IndexArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{Aligned, table};

use super::{follow, print, say};

/// Does what is asked.
pub(crate) fn run(args: &IndexArgs) -> Outcome {
    if let IndexAction::List = args.action {
        return list(&follow(&args.table.db)?.table(&args.table.table)?);
    }
    // Step by step, so that it is known when the index is built.
    let builder = Database::builder(&args.table.db).create_if_missing(false);
    let database = builder.background(Background::Manual).open()?;
    let rows = database.table(&args.table.table)?;
    let field = || args.field.as_deref().ok_or_else(|| Failure::Usage("which field?".to_owned()));
    match args.action {
        IndexAction::Create => {
            let created = create(&database, &rows, field()?);
            created.map_err(|f| super::query::with_fields(f, rows.schema()))?;
        }
        IndexAction::Drop => {
            rows.drop_index(field()?).map_err(|error| match error {
                Error::NoIndex { .. } => {
                    Failure::Failed(format!("{error}; there are {}", fields_of(&rows)))
                }
                other => other.into(),
            })?;
            say(&format!("index of field {:?} dropped", field()?));
        }
        IndexAction::List => {}
    }
    Ok(database.close()?)
}

fn create(database: &Database, rows: &Table, field: &str) -> Outcome {
    match rows.create_index(field) {
        // It was begun, and cut off.
        Err(Error::IndexExists { .. }) if is_unfinished(database) => {}
        other => other?,
    }
    while database.step(Job::BuildIndex)? != Progress::Idle {}
    say(&format!("index of field {field:?} built, of {} rows", rows.count()));
    Ok(())
}

/// Whether the file of some index is still to be built.
fn is_unfinished(database: &Database) -> bool {
    database.jobs().contains(&Job::BuildIndex)
}

fn list(rows: &SnapshotTable) -> Outcome {
    let header = [("field", Aligned::Left), ("type", Aligned::Left), ("unique", Aligned::Left)];
    let lines = rows.indexes().into_iter().map(|name| {
        let field = rows.schema().field(&name);
        let data_type = field.map(|f| f.data_type().to_string()).unwrap_or_default();
        let unique = if field.is_some_and(|f| f.is_unique()) { "yes" } else { "no" };
        vec![name, data_type, unique.to_owned()]
    });
    print(&table(&header, lines))?;
    if rows.is_index_unfinished() {
        say("some index is still being built: the next command that writes goes on");
    }
    Ok(())
}

fn fields_of(rows: &Table) -> String {
    match rows.indexes() {
        none if none.is_empty() => "none".to_owned(),
        some => some.join(", "),
    }
}
