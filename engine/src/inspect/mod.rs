//! Looks into one file of a database, whole or damaged, without opening the database: for
//! `srdb dump`, and for whoever has to find out what happened to a disk.
//!
//! Invariants
//! 1. Nothing is written, no lock is taken: the database may be open.
//! 2. Every byte is judged by the decoders that the engine itself reads with.
//! 3. Whatever the bytes are, the answer is parts and problems, never a panic, and memory is
//!    bounded by the size of the file.
//!
//! | kind     | it needs to know            | where that is found                                  |
//! |----------|-----------------------------|------------------------------------------------------|
//! | WAL      | database id, segment number | in its header; where that is damaged, in `database.meta`, and in the file's name |
//! | MANIFEST | database id, file number    | likewise                                             |
//! | SST      | nothing; the schema to check and print values | in `schema.json` beside it, or in the MANIFEST |
//! | index    | nothing                     |                                                      |
//!
//! What is beside a file is used where the file lies in a database's directory; where it does not,
//! [`Inspector::database_id`] and [`Inspector::schema`] say it.

mod beside;
mod index;
mod manifest;
mod part;
mod sst;
mod wal;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{OsVfs, Vfs};

pub use part::Part;

use crate::chunk::Column;
use crate::error::Damage;
use crate::row::value_of;
use crate::{DataType, Error, Result, Schema, Value, format};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A segment of the log: `wal/000012.wal`.
    Wal,
    /// A MANIFEST: `MANIFEST-000007`.
    Manifest,
    /// A sorted table: `tables/…/sst/000031.sst`.
    Sst,
    /// An index file: `tables/…/idx/000032.idx`.
    Index,
}

/// The kinds of files whose format has a version, and the version that this build writes, which is
/// the only one it reads.
pub const FORMAT_VERSIONS: [(&str, u32); 5] = [
    ("database.meta", format::manifest::FORMAT_VERSION),
    ("manifest", format::manifest::FORMAT_VERSION),
    ("wal", format::wal::VERSION),
    ("sst", format::sst::SST_VERSION as u32),
    ("index", format::index::INDEX_VERSION as u32),
];

/// How a file is to be looked into.
///
/// ```
/// use std::ops::ControlFlow;
/// use srdb::inspect::{Inspector, Kind};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # srdb::Database::open(dir.path())?.close()?;
/// let manifest = Inspector::new(Kind::Manifest, dir.path().join("MANIFEST-000001"));
/// let problems = manifest.run(|part| {
///     println!("{part}");
///     ControlFlow::Continue(())
/// })?;
/// assert!(problems.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `run`"]
pub struct Inspector {
    kind: Kind,
    path: PathBuf,
    vfs: Arc<dyn Vfs>,
    database_id: Option<u64>,
    schema: Option<Schema>,
    rows: bool,
}

impl Inspector {
    /// For a file of the real file system.
    pub fn new(kind: Kind, path: impl AsRef<Path>) -> Self {
        let (path, vfs) = (path.as_ref().to_owned(), Arc::new(OsVfs::new()));
        Inspector { kind, path, vfs, database_id: None, schema: None, rows: false }
    }

    /// The file system; the real one, unless said otherwise.
    pub fn vfs(mut self, vfs: Arc<dyn Vfs>) -> Self {
        self.vfs = vfs;
        self
    }

    /// The id of the database that the file belongs to, in place of the one found beside it.
    pub fn database_id(mut self, id: u64) -> Self {
        self.database_id = Some(id);
        self
    }

    /// The schema of an SST's rows, in place of the one found beside it.
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Whether the rows are wanted too: those of a WAL record or an SST, each as a part, and the
    /// keys of an index with their rows. Not, unless said otherwise.
    pub fn rows(mut self, rows: bool) -> Self {
        self.rows = rows;
        self
    }

    /// Reads the file and hands over its parts, in the order of the file. Returns what is wrong
    /// with it, each problem with its offset. What stands behind a damaged part is still handed
    /// over where it can be found: the records of a log can't.
    ///
    /// Ends early, with the problems found so far, when `see` breaks.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be read.
    pub fn run(&self, mut see: impl FnMut(&Part) -> ControlFlow<()>) -> Result<Vec<Error>> {
        let mut walk = Walk { of: self, see: &mut see, problems: Vec::new() };
        let walked = match self.kind {
            Kind::Wal => wal::walk(&mut walk)?,
            Kind::Manifest => manifest::walk(&mut walk)?,
            Kind::Sst => sst::walk(&mut walk)?,
            Kind::Index => index::walk(&mut walk)?,
        };
        // Whether it was broken off is known to whoever did it.
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = walked;
        Ok(walk.problems)
    }
}

/// One run of an [`Inspector`].
struct Walk<'a> {
    of: &'a Inspector,
    see: &'a mut dyn FnMut(&Part) -> ControlFlow<()>,
    problems: Vec<Error>,
}

/// Whether to go on. The error is one of reading.
type Flow = Result<ControlFlow<()>>;

impl Walk<'_> {
    fn part(&mut self, part: &Part) -> ControlFlow<()> {
        (self.see)(part)
    }

    fn problem(&mut self, offset: u64, what: impl Into<String>) {
        self.problems.push(Error::corrupt(&self.of.path, offset, what));
    }

    fn damage(&mut self, damage: Damage, base: u64) {
        self.problems.push(damage.in_file(&self.of.path, base));
    }

    fn unsupported(&mut self, what: String) {
        self.problems.push(Error::Unsupported { path: self.of.path.clone(), what });
    }

    /// Keeps what is wrong with the file; what is wrong with reading it ends the run.
    fn keep<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ Error::Io { .. }) => Err(error),
            Err(error) => {
                self.problems.push(error);
                Ok(None)
            }
        }
    }

    fn file_name(&self) -> &str {
        self.of.path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default()
    }

    /// Compares the database id of a header with the one that is known otherwise.
    fn check_database_id(&mut self, at: u64, found: u64) {
        if let Some(known) = self.database_id().filter(|known| *known != found) {
            self.problem(at, format!("it belongs to database {found}, not to {known}"));
        }
    }

    /// The id that was given, or that of the database whose directory the file is in.
    fn database_id(&self) -> Option<u64> {
        let levels = match self.of.kind {
            Kind::Manifest => 1,
            Kind::Wal => 2,
            Kind::Sst | Kind::Index => 4,
        };
        self.of.database_id.or_else(|| beside::database_id(&*self.of.vfs, &self.of.path, levels))
    }
}

/// A value of a row as JSON, or what is wrong with it.
fn value_json(
    data_type: DataType,
    column: &Column,
    row: usize,
) -> Result<serde_json::Value, Damage> {
    value_of(data_type, column.get(row)).map(|value| value.to_json())
}

fn time_json(ns: i64) -> serde_json::Value {
    Value::Timestamp(ns).to_json()
}
