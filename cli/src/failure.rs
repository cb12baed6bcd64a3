//! What ends a command early, and the exit code a script sees.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done (also when the reader of our output went away: `srdb scan … \| head`) |
//! | 1 | failed: a file, a bad line, no such table or row, the engine's refusal |
//! | 2 | the command line makes no sense |
//! | 3 | the database is damaged: `verify` found problems, or a read met one |

use std::fmt;
use std::io;
use std::path::Path;

/// The reason a command stops.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// An operation failed; the message says which and why.
    Failed(String),
    /// A line of the input does not fit.
    Line(BadLine),
    /// The engine said no.
    Engine(srdb::Error),
    /// An import stopped in the middle.
    Import {
        /// Why.
        cause: Box<Failure>,
        /// Rows that are in the table all the same.
        rows: u64,
        /// The batches they came in.
        batches: u64,
    },
    /// `verify` found this many problems, and has printed them.
    Problems(usize),
    /// Whoever read our output has gone away: nothing is wrong.
    ReaderGone,
}

/// A line of the input that can't become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// Counted from 1. For a CSV record over several lines, its first.
    pub(crate) line: u64,
    /// The field, where one field is at fault.
    pub(crate) field: Option<String>,
    /// What is wrong.
    pub(crate) what: String,
}

/// The bad lines that were passed over because the user said so: counted, never silent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    count: u64,
    first: Option<BadLine>,
}

impl Skipped {
    /// Takes note of one more.
    pub(crate) fn add(&mut self, bad: BadLine) {
        self.count += 1;
        self.first.get_or_insert(bad);
    }

    /// `3 lines skipped, first line 7: …`, or nothing if there were none.
    pub(crate) fn describe(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let lines = if self.count == 1 { "line" } else { "lines" };
        Some(format!("{} {lines} skipped, the first: {first}", self.count))
    }
}

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failed operation on a file.
    pub(crate) fn file(op: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::Failed(format!("could not {op} {}: {error}", path.display()))
    }

    /// A bad line without a field at fault.
    pub(crate) fn line(line: u64, what: impl Into<String>) -> Failure {
        Failure::Line(BadLine { line, field: None, what: what.into() })
    }

    /// A bad line and the field at fault.
    pub(crate) fn field(line: u64, field: &str, what: impl Into<String>) -> Failure {
        Failure::Line(BadLine { line, field: Some(field.to_owned()), what: what.into() })
    }

    /// A failed write to standard output: a closed pipe is no failure.
    pub(crate) fn stdout(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::Failed(format!("could not write the output: {error}")),
        }
    }

    /// Says of a bad line that no row was committed before it was found.
    pub(crate) fn before_any_row(self) -> Failure {
        match self {
            Failure::Line(_) => Failure::Import { cause: Box::new(self), rows: 0, batches: 0 },
            other => other,
        }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::ReaderGone => 0,
            Failure::Failed(_) | Failure::Line(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Engine(srdb::Error::Corrupt { .. }) | Failure::Problems(_) => 3,
            Failure::Engine(_) => 1,
            Failure::Import { cause, .. } => cause.exit_code(),
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(field) = &self.field {
            write!(f, ", field {field:?}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) | Failure::Failed(what) => f.write_str(what),
            Failure::Line(bad) => bad.fmt(f),
            Failure::Engine(error) => error.fmt(f),
            Failure::Import { cause, rows: 0, .. } => write!(f, "{cause}; no row was committed"),
            Failure::Import { cause, rows, batches } => {
                let batches_word = if *batches == 1 { "batch" } else { "batches" };
                write!(f, "{cause}; before it {rows} rows were committed, ")?;
                write!(f, "in {batches} {batches_word}")
            }
            Failure::Problems(1) => f.write_str("1 problem found"),
            Failure::Problems(count) => write!(f, "{count} problems found"),
            Failure::ReaderGone => f.write_str("the reader of the output went away"),
        }
    }
}

impl From<srdb::Error> for Failure {
    fn from(error: srdb::Error) -> Failure {
        Failure::Engine(error)
    }
}
