//! `srdb import`: from a file or standard input into a table, batch by batch.
//!
//! 1. An existing table keeps its schema. A new one gets what `--schema` says, else what the first
//!    pass over the input finds; nothing is created before that pass is through.
//! 2. A batch is one commit: after a crash there are whole batches only, and at least those that
//!    were acknowledged.
//! 3. A bad line ends the import. The whole batches before it are committed, and that is said.

use std::path::Path;
use std::time::{Duration, Instant};

use srdb::{Error, Schema, Table};

use crate::args::ImportArgs;
use crate::assemble::{Assembler, recycle};
use crate::choices::TypeChoices;
use crate::failure::{Failure, Outcome, Skipped};
use crate::input::{Bytes, Format, Input, Opened, Reader, Record, Renames, Rewindable, format_of};
use crate::inspect::{Bounds, Inspection, inspect};
use crate::loader::{Batching, Loader};
use crate::progress::{Progress, per_second};

use super::{bytes_on_disk, open, read_schema, say, say_skipped};

/// How much of standard input is inspected: rows, and bytes that have to be kept for it.
const STDIN_ROWS_MAX: u64 = 10_000;
const STDIN_BYTES_MAX: usize = 64 << 20;

/// Imports and says what came of it.
pub(crate) fn run(args: &ImportArgs) -> Outcome {
    let started = Instant::now();
    let source = Source::new(args)?;
    let existing = match open(&args.db, false) {
        Ok(database) => Some(database),
        Err(Failure::Engine(Error::NoDatabase { .. })) => None,
        Err(failure) => return Err(failure),
    };
    let table = existing.as_ref().and_then(|database| database.table(&args.table).ok());
    let mut opened = source.input.open()?;
    let schema = match (&table, &args.schema) {
        (Some(table), None) => {
            source.choices.check_table(table.schema())?;
            None
        }
        (Some(_), Some(_)) => {
            let what = format!("table {:?} has a schema already: leave out --schema", args.table);
            return Err(Failure::Usage(what));
        }
        (None, Some(path)) => {
            let schema = read_schema(path)?;
            source.choices.check_table(&schema)?;
            Some(schema)
        }
        (None, None) => {
            let found = source.find_schema(opened, &args.table);
            let (found, rewound) = found.map_err(Failure::before_any_row)?;
            opened = rewound;
            Some(found)
        }
    };
    let database = match existing {
        Some(database) => database,
        None => open(&args.db, true)?,
    };
    let table = match (table, schema) {
        (Some(table), _) => table,
        (None, Some(schema)) => database.create_table(&args.table, schema)?,
        (None, None) => return Err(Failure::Failed("there is no schema".to_owned())),
    };
    let batching = Batching {
        rows: args.batch as usize,
        durability: args.durability.into(),
        acks: args.acks,
        crash_after: args.crash_after,
    };
    let mut loader = Loader::new(&table, batching);
    let mut skipped = Skipped::default();
    let read = source.load(opened, &table, &mut loader, &mut skipped);
    let outcome = match read {
        Ok(()) => loader.finish(),
        Err(failure) => loader.stop().and(Err(failure)),
    };
    // Also after a bad line: what was committed is worth a clean end. See the loader for when not.
    let closed = match loader.is_broken() {
        true => Ok(()),
        false => database.close().map_err(Failure::from),
    };
    let (rows, batches) = loader.committed();
    let import = |cause| Failure::Import { cause: Box::new(cause), rows, batches };
    outcome.and(closed).map_err(import)?;
    say_skipped(&skipped);
    summarise(rows, batches, started.elapsed(), &args.db);
    Ok(())
}

/// The last line of an import that went well.
fn summarise(rows: u64, batches: u64, time: Duration, db: &Path) {
    let (rate, bytes) = (per_second(rows, time), bytes_on_disk(db));
    let word = if batches == 1 { "batch" } else { "batches" };
    let seconds = time.as_secs_f64();
    say(&format!(
        "{rows} rows in {batches} {word}, {seconds:.3} s, {rate} rows/s, {bytes} bytes on disk"
    ));
}

/// Where the rows come from and how they are to be read.
struct Source {
    input: Input,
    format: Format,
    renames: Renames,
    choices: TypeChoices,
    skip_bad: bool,
}

impl Source {
    fn new(args: &ImportArgs) -> Outcome<Source> {
        let input = Input::new(&args.input.file);
        Ok(Source {
            format: format_of(&input, args.input.format)?,
            renames: Renames::new(&args.input.renames)?,
            choices: TypeChoices::new(&args.input)?,
            skip_bad: args.input.skip_bad,
            input,
        })
    }

    /// Reads the input, or the beginning of standard input, for its fields and their types.
    /// Returns the schema and the input from its start.
    fn find_schema(&self, opened: Opened, table: &str) -> Outcome<(Schema, Opened)> {
        let progress = Progress::new("inspecting", &opened);
        let (inspection, opened) = match self.input {
            Input::File(_) => {
                let found = self.inspect(opened.bytes, &progress, &mut |_| true)?;
                (found, self.input.open()?)
            }
            Input::Stdin => {
                let stream = Rewindable::new(opened.bytes);
                let mut more =
                    |rows| rows < STDIN_ROWS_MAX && stream.kept_bytes() < STDIN_BYTES_MAX;
                let found = self.inspect(stream.recorder(), &progress, &mut more)?;
                (found, Opened { bytes: stream.rewind(), ..opened })
            }
        };
        drop(progress);
        say(&format!("table {table:?} is new; its fields are\n\n{}\n", inspection.describe()));
        if inspection.fields.iter().any(|field| field.is_spoilt_number()) {
            say("Where it is the numbers that count, not their text: --type FIELD=float64\n");
        }
        Ok((inspection.schema()?, opened))
    }

    fn inspect(
        &self,
        bytes: Bytes,
        progress: &Progress,
        more: &mut dyn FnMut(u64) -> bool,
    ) -> Outcome<Inspection> {
        let mut reader = Reader::new(self.format, bytes, &self.renames)?;
        let mut more = |rows| {
            progress.rows(rows);
            more(rows)
        };
        let mut bounds = Bounds { more: &mut more, skip_bad: self.skip_bad };
        let inspection = inspect(&mut reader, &self.choices, &mut bounds)?;
        self.renames.check_used(reader.fields())?;
        match inspection.fields.is_empty() {
            true => Err(Failure::Failed("the input has no fields to make a table of".to_owned())),
            false => Ok(inspection),
        }
    }

    /// Reads every record and gives it to the loader as a row.
    fn load(
        &self,
        opened: Opened,
        table: &Table,
        loader: &mut Loader,
        skipped: &mut Skipped,
    ) -> Outcome {
        let progress = Progress::new("importing ", &opened);
        let mut reader = Reader::new(self.format, opened.bytes, &self.renames)?;
        let absent_is_default = self.format == Format::Ndjson;
        let schema = table.schema().clone();
        let mut assembler = Assembler::new(schema, &self.choices, absent_is_default);
        assembler.learn(reader.fields());
        if let Some(name) = assembler.stray(reader.fields()) {
            let what = format!("the table has no field {name:?}, which the header has");
            return Err(Failure::Failed(what));
        }
        let mut record = Record::default();
        let mut values = Vec::new();
        loop {
            let row = match reader.read(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    assembler.learn(reader.fields());
                    assembler.prepare(&record, reader.fields()).and_then(|()| {
                        let mut row = recycle(std::mem::take(&mut values));
                        let filled = assembler.fill(&record, &mut row);
                        let taken = filled.and_then(|()| loader.append(&row, record.line));
                        values = recycle(row);
                        taken
                    })
                }
                Err(failure) => Err(failure),
            };
            match row {
                Ok(()) => progress.rows(loader.rows_taken()),
                Err(Failure::Line(bad)) if self.skip_bad => skipped.add(bad),
                Err(failure) => return Err(failure),
            }
        }
    }
}
