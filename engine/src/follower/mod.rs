//! A database that is only read, beside the process that writes to it, if there is one.
//!
//! ```text
//!   refresh:  nothing moved ─► read on in the log ─┐
//!             MANIFEST moved ─► read it, open what is new, read the log ─┴─► a new view
//!                  ▲                                  │ does not fit together
//!                  └───────── look again ─────────────┘
//! ```
//!
//! Invariants
//! 1. Nothing is written, created, removed or locked.
//! 2. A view is whole: it holds all of the first commits, up to one of them, over all tables, and
//!    never moves. A refresh that fails leaves the last one in place.
//! 3. A writer's work looks like damage while it goes on: a record half written, a file gone that
//!    was named a moment ago. Damage is reported only if a second look finds the same while the
//!    MANIFEST has not moved; a look is taken again only if something has changed, and not without
//!    end.
//!
//! **Why a second look is enough.** A record is vouched for by one that was written after it was
//! synced. So whoever has seen that one, and looks again, sees the first one whole, or it is
//! damaged. A file is removed after the edit that gives it up was synced: whoever misses it finds
//! the MANIFEST moved.

mod reading;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::locks::{lock, read, write};
use crate::manifest;
use crate::mutant;
use crate::options::Options;
use crate::sync::{Mutex, RwLock};
use crate::{Error, Result, Snapshot, SnapshotTable, Stats};

use reading::Reading;

/// Looks at a database that changes each time, before that is given up.
const ATTEMPTS_MAX: u32 = 16;

/// A database opened for reading only, beside a process that may be writing to it. Made by
/// [`crate::Database::follow`]. Cheap to clone; every clone is the same follower.
///
/// It shows the database as it was at the last [`Follower::refresh`]: whole commits, over all
/// tables alike. It takes no lock and writes nothing, so that any number of them can be open, also
/// without the right to write; and it can be used on a database that nobody has open, whatever
/// crash it comes from: a torn end of the log is where it ends then, and stays as it is.
///
/// A commit is seen once it is in the operating system's hands: every one acknowledged at
/// [`Durability::Os`](crate::Durability::Os) or [`Disk`](crate::Durability::Disk) before a refresh
/// began. So one may be seen that is not durable yet, or that fails after all; if it is lost then,
/// the next refresh does without it, and shows again what opening the database would.
///
/// ```
/// use srdb::{Database, DataType, Field, Schema, row};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let path = dir.path();
/// let db = Database::open(path)?; // in this process, or in another one
/// let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
/// t.insert(row! { "n" => 1 })?;
///
/// let follower = Database::follow(path)?;
/// assert_eq!(follower.table("t")?.count(), 1);
/// t.insert(row! { "n" => 2 })?;
/// assert_eq!(follower.table("t")?.count(), 1); // it moves when it is told to
/// assert!(follower.refresh()?);
/// assert_eq!(follower.table("t")?.query().gte("n", 1).count()?, 2);
/// # db.close()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Follower {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    root: PathBuf,
    /// Where to go on; none after a failure, and while a refresh is under way.
    reading: Mutex<Option<Reading>>,
    view: RwLock<View>,
}

/// What is shown.
#[derive(Debug, Clone)]
struct View {
    database_id: u64,
    last_commit: u64,
    /// Segments of the log, and bytes of the last one.
    log: (u64, u64),
    snapshot: Snapshot,
}

impl View {
    fn of(reading: &Reading, options: &Options) -> View {
        View {
            database_id: reading.database_id,
            last_commit: reading.last_commit(),
            log: reading.log_figures(),
            snapshot: Snapshot::of(&reading.tables, Some(&options.clock)),
        }
    }
}

impl Follower {
    /// Reads the database in `root`.
    ///
    /// # Errors
    /// As [`crate::Builder::follow`].
    pub(crate) fn open(options: Options, root: PathBuf) -> Result<Follower> {
        let (reading, _) = look(&options, &root, None, None)?;
        let view = RwLock::new(View::of(&reading, &options));
        let reading = Mutex::new(Some(reading));
        Ok(Follower { shared: Arc::new(Shared { options, root, reading, view }) })
    }

    /// The database's directory.
    pub fn path(&self) -> &Path {
        &self.shared.root
    }

    /// Goes on to what the database holds now. Returns whether there was anything new. If nothing
    /// was, this costs a few calls to the file system; if there are new rows only, these are read
    /// and nothing else; files that are open are never opened again.
    ///
    /// Snapshots, scans and queries made before stay where they are.
    ///
    /// # Errors
    /// [`Error::Overtaken`] if the database has changed faster than it could be read: try again.
    /// [`Error::Corrupt`], [`Error::Unsupported`], [`Error::Io`] as when opening;
    /// [`Error::NoDatabase`] if it is gone. Whatever it is, what was seen before can still be read.
    pub fn refresh(&self) -> Result<bool> {
        let Shared { options, root, .. } = &*self.shared;
        let mut kept = lock(&self.shared.reading);
        let before = read(&self.shared.view).clone();
        let (reading, is_new) = look(options, root, kept.take(), Some(&before))?;
        let reading = kept.insert(reading);
        if is_new {
            *write(&self.shared.view) = View::of(reading, options);
        }
        Ok(is_new)
    }

    /// Every table as it was at the last refresh, consistent over all of them.
    pub fn snapshot(&self) -> Snapshot {
        read(&self.shared.view).snapshot.clone()
    }

    /// The names of the tables there were, sorted.
    pub fn tables(&self) -> Vec<String> {
        self.snapshot().tables()
    }

    /// A table as it was at the last refresh.
    ///
    /// # Errors
    /// [`Error::NoTable`].
    pub fn table(&self, name: &str) -> Result<SnapshotTable> {
        self.snapshot().table(name)
    }

    /// Figures of the database as it was at the last refresh. Those of what was done since it was
    /// opened are 0.
    pub fn stats(&self) -> Stats {
        let view = read(&self.shared.view).clone();
        Stats::of_view(&view.snapshot, view.last_commit, view.log)
    }

    /// The number of the last commit that is seen; 0 before the first.
    pub fn last_commit(&self) -> u64 {
        read(&self.shared.view).last_commit
    }
}

/// Looks at the database until what is seen fits together: goes on from `kept`, if that can be, or
/// anew from what `before` has open. Says whether anything was new.
fn look(
    options: &Options,
    root: &Path,
    mut kept: Option<Reading>,
    before: Option<&View>,
) -> Result<(Reading, bool)> {
    let vfs = &*options.vfs;
    let mut last: Option<(Option<(u64, u64)>, String)> = None;
    for _ in 0..ATTEMPTS_MAX {
        let place = manifest::place(vfs, root);
        let looked = once(options, root, kept.take(), before);
        let error = match looked {
            Err(error) if may_pass(&error) => error,
            done => return done,
        };
        if mutant::on("follower-looks-once") {
            return Err(error);
        }
        let said = (place, error.to_string());
        let is_stable = !matches!(error, Error::Overtaken { .. });
        if is_stable && last.as_ref() == Some(&said) && place == manifest::place(vfs, root) {
            return Err(lasting(error));
        }
        last = Some(said);
    }
    Err(Error::Overtaken { path: root.to_owned(), attempts: ATTEMPTS_MAX })
}

fn once(
    options: &Options,
    root: &Path,
    kept: Option<Reading>,
    before: Option<&View>,
) -> Result<(Reading, bool)> {
    if let Some(mut reading) = kept
        && let Some(is_new) = reading.go_on(options, root)?
    {
        return Ok((reading, is_new));
    }
    let open = before.map(|view| (view.database_id, &view.snapshot));
    Ok((Reading::begin(options, root, open)?, true))
}

/// Whether a writer that goes on with its work can be all that is behind an error.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Corrupt { .. } | Error::Overtaken { .. } => true,
        Error::Io { source, .. } => manifest::is_passing(source),
        _ => false,
    }
}

/// An error that has come to stay: a file that is missing is damage.
fn lasting(error: Error) -> Error {
    match &error {
        Error::Io { source, path, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Error::corrupt(path, 0, "the file is missing")
        }
        _ => error,
    }
}
