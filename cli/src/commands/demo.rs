//! `srdb demo`: the main promise, shown in a minute.
//!
//! A second process of this program imports the bundled sample and crashes in the middle of a
//! batch: it aborts, so that nothing is flushed, synced or cleaned up. Then the database is opened
//! again, compared with what was acknowledged, verified and queried.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::args::DemoArgs;
use crate::failure::{Failure, Outcome};
use crate::output::{Column, RowWriter, Shape};

use super::{open, print, stdout};

const SAMPLE: &str = include_str!("../../samples/quakes.ndjson");
const TABLE: &str = "quakes";

/// Rows of a batch, and acknowledged rows after which the import crashes.
const BATCH_ROWS: u64 = 25;
const CRASH_AFTER_ROWS: u64 = 200;

/// Rows that are shown at the end, and of which fields.
const SHOWN_ROWS: usize = 8;
const SHOWN_FIELDS: [&str; 5] = ["id", "time", "mag", "depth", "place"];

/// Runs the demo and says what it does.
pub(crate) fn run(args: &DemoArgs) -> Outcome {
    let place = Place::new(args)?;
    let sample = place.directory.join("quakes.ndjson");
    std::fs::write(&sample, SAMPLE).map_err(|e| Failure::file("write", &sample, &e))?;
    let all = SAMPLE.lines().count();
    print(&format!(
        "1. A second process imports {all} earthquakes in batches of {BATCH_ROWS}, each synced to \
         the disk\n   before it is acknowledged. It will crash on purpose.\n"
    ))?;
    let acknowledged = import_and_crash(&place.database, &sample)?;
    print(&format!(
        "   It crashed in the middle of a batch, with {acknowledged} rows acknowledged.\n\n\
         2. The database is opened again.\n"
    ))?;
    let database = open(&place.database, false)?;
    let table = database.table(TABLE)?;
    let rows = table.count();
    let whole = rows.is_multiple_of(BATCH_ROWS);
    let batches =
        format!("{} batches{}", rows / BATCH_ROWS, if whole { ", each whole" } else { "" });
    print(&format!(
        "   acknowledged before the crash   {acknowledged} rows\n   \
         there after the recovery        {rows} rows: {batches}\n"
    ))?;
    if rows < acknowledged || !whole {
        return Err(Failure::Failed("rows were lost or a batch was torn".to_owned()));
    }
    let found = database.verify()?;
    if !found.is_clean() {
        return Err(Failure::Problems(found.problems.len()));
    }
    let (files, bytes) = (found.files, found.bytes);
    print(&format!(
        "3. Every checksum and structure is verified: {files} files, {bytes} bytes, clean.\n\n\
         4. The last rows:\n"
    ))?;
    show(&table)?;
    database.close()?;
    place.finish()
}

fn show(table: &srdb::Table) -> Outcome {
    let columns = SHOWN_FIELDS.map(|name| Column {
        name: name.to_owned(),
        data_type: table.schema().field(name).map_or(srdb::DataType::String, |f| f.data_type()),
    });
    let failed = |error| Failure::stdout(&error);
    let mut writer = RowWriter::new(Shape::Table, &columns, stdout()).map_err(failed)?;
    for row in table.scan_fields(.., &SHOWN_FIELDS)?.rev().take(SHOWN_ROWS) {
        writer.write(row?.values().iter().map(srdb::Value::as_ref)).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

/// Starts the import in a process of its own and returns how many rows it acknowledged.
fn import_and_crash(database: &Path, sample: &Path) -> Outcome<u64> {
    let failed = |what: String| Failure::Failed(format!("the second process: {what}"));
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let output = Command::new(program)
        .arg("import")
        .arg(database)
        .arg(TABLE)
        .arg(sample)
        .args(["--time", "time", "--time-unit", "ms", "--acks"])
        .args(["--batch", &BATCH_ROWS.to_string()])
        .args(["--crash-after", &CRASH_AFTER_ROWS.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut shown = String::new();
    let mut acknowledged = 0;
    for line in printed.lines() {
        if let Some(rows) = line.strip_prefix("committed rows=").and_then(|r| r.parse().ok()) {
            acknowledged = rows;
        }
        // Writing to a String can't fail.
        let _ = writeln!(shown, "   | {line}");
    }
    print(&shown)?;
    match output.status.code() {
        // Ended by a signal, or by Windows in its way: that is the crash.
        None | Some(i32::MIN..=-1) => Ok(acknowledged),
        Some(_) => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Where the demo works.
struct Place {
    /// Holds the sample, and the database where the user named none.
    directory: PathBuf,
    database: PathBuf,
    keep: bool,
}

impl Place {
    fn new(args: &DemoArgs) -> Outcome<Place> {
        let name = format!("srdb-demo-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        if let Some(database) = &args.db
            && database.exists()
        {
            let what = format!("{} exists: name a new directory", database.display());
            return Err(Failure::Failed(what));
        }
        std::fs::create_dir(&directory).map_err(|e| Failure::file("create", &directory, &e))?;
        let (database, keep) = match &args.db {
            Some(database) => (database.clone(), true),
            None => (directory.join("db"), false),
        };
        Ok(Place { directory, database, keep })
    }

    /// Says what to try next.
    fn finish(&self) -> Outcome {
        let database = self.database.display();
        let next = match self.keep {
            true => format!("\nThe database is kept. Try: srdb scan {database} {TABLE} --limit 5"),
            false => "\nTo keep the database, name a directory: srdb demo DIRECTORY".to_owned(),
        };
        print(&next)
    }
}

/// Also after a failure: a temporary directory is no place to look for anything.
impl Drop for Place {
    fn drop(&mut self) {
        // What can't be removed from the temporary directory, the system will.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
