//! The commands, one file each, and what they share.

mod admin;
mod compact;
mod demo;
mod dump;
mod export;
mod groups;
mod import;
mod index;
mod infer;
mod info;
mod plot;
mod query;
mod retain;
mod rows;
mod selection;
mod stats;
mod verify;

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::path::Path;

use srdb::{Database, Follower, Schema};

use crate::args::{Cli, Command};
use crate::failure::{Failure, Outcome, Skipped};

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Create(args) => admin::create(&args),
        Command::Drop(args) => admin::drop_table(&args),
        Command::Import(args) => import::run(&args),
        Command::Infer(args) => infer::run(&args),
        Command::Get(args) => rows::get(&args),
        Command::Scan(args) => rows::scan(&args),
        Command::Count(args) => rows::count(&args),
        Command::Query(args) => query::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Tables(args) => info::tables(&args),
        Command::Schema(args) => info::schema(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Version(args) => dump::version(&args),
        Command::Checkpoint(args) => admin::checkpoint(&args),
        Command::Compact(args) => compact::run(&args),
        Command::Retain(args) => retain::run(&args),
        Command::Demo(args) => demo::run(&args),
    }
}

/// Opens a database. Only what writes may create one.
fn open(path: &Path, create: bool) -> Outcome<Database> {
    Ok(Database::builder(path).create_if_missing(create).open()?)
}

/// Opens a database for reading only: also beside a process that writes to it.
fn follow(path: &Path) -> Outcome<Follower> {
    Ok(Database::follow(path)?)
}

/// Reads a schema as `srdb schema --json` prints it.
fn read_schema(path: &Path) -> Outcome<Schema> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    Ok(Schema::from_json(&text)?)
}

/// Bytes of all files below a directory. What can't be read counts nothing: it is for a message.
fn bytes_on_disk(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_on_disk(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// Standard output, buffered.
fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Prints a text and a line break to standard output.
fn print(text: &str) -> Outcome {
    let mut out = stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|e| Failure::stdout(&e))
}

/// A line for the user on standard error.
fn say(text: &str) {
    // A user who closed standard error does not want to be told.
    let _ = writeln!(io::stderr(), "{text}");
}

fn say_skipped(skipped: &Skipped) {
    if let Some(text) = skipped.describe() {
        say(&text);
    }
}
