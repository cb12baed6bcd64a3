//! `srdb import`: from a file or standard input into a table, batch by batch.
//!
//! 1. An existing table keeps its schema. A new one gets what `--schema` says, else what the first
//!    pass over the input finds; nothing is created before that pass is through.
//! 2. A batch is one commit: after a crash there are whole batches only, and at least those that
//!    were acknowledged.
//! 3. A bad line ends the import. What was committed before it stays, and is said.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use srdb::{Appender, Durability, Error, Schema, Table};

use crate::args::ImportArgs;
use crate::assemble::{Assembler, recycle};
use crate::choices::TypeChoices;
use crate::failure::{Failure, Outcome, Skipped};
use crate::input::{Bytes, Format, Input, Opened, Reader, Record, Renames, Rewindable, format_of};
use crate::inspect::{Bounds, Inspection, inspect};
use crate::progress::{Progress, per_second};

use super::{bytes_on_disk, open, read_schema, say};

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
    let mut import = Import::new(args, &table);
    let outcome = import.run(&source, opened);
    // Also after a failure: what was committed is worth a clean end.
    let closed = database.close().map_err(Failure::from);
    outcome.and(closed).map_err(|cause| Failure::Import {
        cause: Box::new(cause),
        rows: import.rows,
        batches: import.batches,
    })?;
    import.summarise(started, &args.db);
    Ok(())
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
}

/// An import under way.
struct Import<'a> {
    args: &'a ImportArgs,
    durability: Durability,
    table: &'a Table,
    appender: Appender,
    /// Rows and batches acknowledged.
    rows: u64,
    batches: u64,
    skipped: Skipped,
}

impl<'a> Import<'a> {
    fn new(args: &'a ImportArgs, table: &'a Table) -> Import<'a> {
        Import {
            args,
            durability: args.durability.into(),
            table,
            appender: table.appender(),
            rows: 0,
            batches: 0,
            skipped: Skipped::default(),
        }
    }

    fn run(&mut self, source: &Source, opened: Opened) -> Outcome {
        let progress = Progress::new("importing ", &opened);
        let mut reader = Reader::new(source.format, opened.bytes, &source.renames)?;
        let absent_is_default = source.format == Format::Ndjson;
        let schema = self.table.schema().clone();
        let mut assembler = Assembler::new(schema, &source.choices, absent_is_default);
        assembler.learn(reader.fields());
        if let Some(name) = assembler.stray(reader.fields()) {
            let what = format!("the table has no field {name:?}, which the header has");
            return Err(Failure::Failed(what));
        }
        let mut record = Record::default();
        let mut values = Vec::new();
        loop {
            let row = match reader.read(&mut record) {
                Ok(false) => break,
                Ok(true) => {
                    assembler.learn(reader.fields());
                    let fields = reader.fields();
                    assembler.prepare(&record, fields).and_then(|()| {
                        let mut row = recycle(std::mem::take(&mut values));
                        let appended = assembler
                            .fill(&record, &mut row)
                            .and_then(|()| self.append(&row, record.line));
                        values = recycle(row);
                        appended
                    })
                }
                Err(failure) => Err(failure),
            };
            match row {
                Ok(()) => progress.rows(self.rows + self.appender.rows() as u64),
                Err(Failure::Line(bad)) if source.skip_bad => self.skipped.add(bad),
                Err(failure) => return Err(failure),
            }
            self.commit_if(self.args.batch as usize)?;
        }
        self.commit_if(1)
    }

    fn append(&mut self, row: &[srdb::ValueRef<'_>], line: u64) -> Outcome {
        self.appender.append_row(row).map_err(|error| match error {
            Error::BadRow { field, what, .. } => Failure::field(line, &field, what),
            Error::Limit { .. } => Failure::line(line, error.to_string()),
            other => Failure::Engine(other),
        })
    }

    /// Commits what was appended if it is as much as this.
    fn commit_if(&mut self, rows_min: usize) -> Outcome {
        let rows = self.appender.rows();
        self.crash_if_asked(rows);
        if rows < rows_min {
            return Ok(());
        }
        self.appender.commit_with(self.durability)?;
        self.rows += rows as u64;
        self.batches += 1;
        if self.args.acks {
            let mut out = std::io::stdout().lock();
            let printed = writeln!(out, "committed rows={}", self.rows).and_then(|()| out.flush());
            // Not as quiet as elsewhere: who asked for acknowledgements relies on them.
            printed.map_err(|e| Failure::Failed(format!("could not acknowledge: {e}")))?;
        }
        Ok(())
    }

    /// Half-way through a batch, so that there is something to lose.
    fn crash_if_asked(&self, rows: usize) {
        let half = self.args.batch as usize / 2;
        if self.args.crash_after.is_some_and(|after| self.rows >= after && rows > half) {
            std::process::abort();
        }
    }

    fn summarise(&self, started: Instant, db: &Path) {
        super::say_skipped(&self.skipped);
        let (rows, batches, time) = (self.rows, self.batches, started.elapsed());
        let rate = per_second(rows, time);
        let bytes = bytes_on_disk(db);
        let seconds = time.as_secs_f64();
        say(&format!(
            "{rows} rows in {batches} batches, {seconds:.3} s, {rate} rows/s, {bytes} bytes on disk"
        ));
    }
}
