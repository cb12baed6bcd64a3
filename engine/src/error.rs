//! The one error type of the engine.
//!
//! A variant stands for something a caller can act on; what, where and which are data, so that a
//! program can read them as well as a person. `Display` reads like a sentence.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What every fallible operation of srdb returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn of_table(name: &str) -> String {
    if name.is_empty() { "the schema ".to_owned() } else { format!("table {name:?} ") }
}

/// What can go wrong. Cheap to clone: a failed group commit tells every waiter the same.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation. Nothing acknowledged is lost. For
    /// [`io::ErrorKind::StorageFull`], free some space and try again.
    #[error("could not {op} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `write`, `sync` …
        op: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// Bytes on disk are not what was written there. Nothing was changed. Restore the file from a
    /// copy, or find out with `verify` how far the damage goes.
    #[error("{} is corrupt at offset {offset}: {what}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        what: String,
    },

    /// The file was written by a version of srdb, or with a feature, that this build does not
    /// know. Open it with a newer srdb.
    #[error("{} needs a newer srdb: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not known.
        what: String,
    },

    /// Another handle, here or in another process, holds the database. Close that one first.
    #[error("{} is in use{}", path.display(), holder.as_deref().map(|h| format!(" by {h}")).unwrap_or_default())]
    Locked {
        /// The database's directory.
        path: PathBuf,
        /// Who holds it, where that could be read.
        holder: Option<String>,
    },

    /// A database that another process writes to has changed faster than it could be read. What
    /// was seen of it before is still there to be read; refresh again.
    #[error("{} changed {attempts} times while it was read; refresh again", path.display())]
    Overtaken {
        /// The database's directory.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },

    /// A sync or a write that had to be believed failed earlier, so nobody knows what is on disk.
    /// Reads go on; close the database and open it again to recover what is durable.
    #[error(
        "the database takes no more writes since an earlier failure ({cause}); reopen it to recover"
    )]
    Poisoned {
        /// The first failure.
        cause: String,
    },

    /// The database was closed; this handle is of no more use.
    #[error("the database is closed")]
    Closed,

    /// There is no such database: the directory is missing or holds none.
    #[error("{} holds no srdb database", path.display())]
    NoDatabase {
        /// The directory that was named.
        path: PathBuf,
    },

    /// There is something under the name that was to be made. Name one that is free, or remove what
    /// is there.
    #[error("{} exists already; name a directory that does not", path.display())]
    PathExists {
        /// The name that is taken.
        path: PathBuf,
    },

    /// The memtables are full, and their flush has not come far enough yet: what was not to wait,
    /// or no longer, was refused. Nothing was written. Try again later, or let the call wait.
    #[error("the memtables are full, and the commit was not to wait for their flush")]
    WouldStall,

    /// There is no table of that name.
    #[error("there is no table {name:?}")]
    NoTable {
        /// The name that was asked for.
        name: String,
    },

    /// A table of that name exists already.
    #[error("a table {name:?} exists already")]
    TableExists {
        /// The name that is taken.
        name: String,
    },

    /// The table has no field of that name.
    #[error("{}has no field {field:?}", of_table(table))]
    NoField {
        /// The table; empty where a schema was asked that is no table's.
        table: String,
        /// The name that was asked for.
        field: String,
    },

    /// The field has an index already.
    #[error("table {table:?} has an index of field {field:?} already")]
    IndexExists {
        /// The table.
        table: String,
        /// The field.
        field: String,
    },

    /// The field has no index.
    #[error("table {table:?} has no index of field {field:?}")]
    NoIndex {
        /// The table.
        table: String,
        /// The field.
        field: String,
    },

    /// A schema that can't be: a name twice, a default of the wrong type, too many fields …
    #[error("bad schema{}: {what}", field.as_deref().map(|f| format!(", field {f:?}")).unwrap_or_default())]
    BadSchema {
        /// The field, where it is one field's fault.
        field: Option<String>,
        /// What is wrong with it.
        what: String,
    },

    /// A name that no table or field may have.
    #[error("bad name {name:?}: {what}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        what: String,
    },

    /// A row does not fit the schema. Nothing of its batch was written.
    #[error("row {row}, field {field:?}: {what}")]
    BadRow {
        /// The row's number in its batch, from 0.
        row: usize,
        /// The field.
        field: String,
        /// What is wrong with its value.
        what: String,
    },

    /// A value of a unique field is there already. Nothing of its commit was written.
    #[error("table {table:?}, field {field:?} is unique: {value} is {}", match seq {
        Some(seq) => format!("in row {seq} already"),
        None => "there twice among the rows that are to be inserted".to_owned(),
    })]
    NotUnique {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// The `_seq` of the row that has it; none if the row is to be inserted itself, with this
        /// commit or with one at the same time.
        seq: Option<i64>,
    },

    /// A stored row could not be turned into what the caller asked for.
    #[error("row {seq} can't be read as the type asked for: {what}")]
    Convert {
        /// The row's `_seq`; of the rows of an aggregation its number, from 1.
        seq: i64,
        /// What does not fit.
        what: String,
    },

    /// A field was compared with what its type does not compare with. Give the value in a type
    /// that does; `docs/queries.md` has the table.
    #[error("field {field:?} is {data_type}: {what}")]
    TypeMismatch {
        /// The field.
        field: String,
        /// The name of its type.
        data_type: &'static str,
        /// The operation, the value's type, and why they don't go together.
        what: String,
    },

    /// The result of an aggregate is beyond its type. Ask for fewer rows, or for the mean.
    #[error("{aggregate} is {value}, which is beyond {data_type}")]
    Overflow {
        /// The aggregate, as text.
        aggregate: String,
        /// What it comes to, or at least.
        value: String,
        /// The name of the result's type.
        data_type: &'static str,
    },

    /// The text of an expression can't be understood.
    #[error("bad expression at character {at}: {what}")]
    Syntax {
        /// Which character of the text, from 1; one more than there are if it ends too early.
        at: usize,
        /// What was found, or what was expected there.
        what: String,
    },

    /// A limit stated in [`crate::limits`] would be exceeded. Nothing was written.
    #[error("{what} is {got}, the limit is {limit}")]
    Limit {
        /// What was measured, with its unit.
        what: &'static str,
        /// How much it is.
        got: u64,
        /// How much it may be.
        limit: u64,
    },

    /// An argument that makes no sense, or a feature this version refuses by name.
    #[error("{what}")]
    Invalid {
        /// What, and what to do about it.
        what: String,
    },
}

impl Error {
    /// An I/O error with what was tried and where.
    pub(crate) fn io(op: &'static str, path: &Path, source: io::Error) -> Self {
        Error::Io { op, path: path.to_owned(), source: Arc::new(source) }
    }

    /// Damage found in a file.
    pub(crate) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Error::Corrupt { path: path.to_owned(), offset, what: what.into() }
    }

    /// A refused argument.
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Error::Invalid { what: what.into() }
    }
}

/// Damage found while decoding bytes that do not know their file: what is wrong, and where in the
/// decoded slice. Becomes [`Error::Corrupt`] where the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Offset in the slice that was being decoded.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) what: String,
}

impl Damage {
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Self {
        Damage { at, what: what.into() }
    }

    /// Names the file, `base` being where the decoded slice starts in it.
    pub(crate) fn in_file(self, path: &Path, base: u64) -> Error {
        Error::corrupt(path, base + self.at as u64, self.what)
    }
}
