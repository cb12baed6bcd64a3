//! Telling whoever wants to know what the database does behind.
//!
//! Where each event comes from is in the table of [`Event`]. With the feature `tracing` every event
//! is also one of the crate `tracing`, in the target `srdb`; without it, and without an observer,
//! no event is even made.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Is told what a database does. See [`crate::Builder::observer`].
///
/// It is called by whichever thread does the work, which goes on when the call returns: a slow
/// observer slows the database down, so hand events on if there is much to do. No lock of the
/// database is held, so it may be used, but for [`Event::Poisoned`]: that one comes from the middle
/// of a failed write, and an observer that then calls the database may wait for ever. So may one
/// that takes a lock under which the last handle of the database is dropped, which waits for the
/// thread behind. A panic is caught and forgotten, once the panic hook has told of it.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use srdb::{Database, Event, Observer};
///
/// #[derive(Default)]
/// struct Flushes(Mutex<u64>);
///
/// impl Observer for Flushes {
///     fn event(&self, event: &Event) {
///         if let Event::FlushEnded { rows, .. } = event {
///             *self.0.lock().unwrap() += rows;
///         }
///     }
/// }
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// let flushes = Arc::new(Flushes::default());
/// let db = Database::builder(dir.path()).observer(flushes.clone()).open()?;
/// # db.close()
/// # }
/// ```
pub trait Observer: Send + Sync {
    /// Something began, ended or happened.
    fn event(&self, event: &Event);
}

/// What a database does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The database was opened, and what a crash left was recovered.
    Opened {
        /// How long that took.
        duration: Duration,
        /// The number of the last commit.
        last_commit: u64,
        /// Rows that the log held, which are in memory now.
        recovered_rows: u64,
    },
    /// The database was closed, with or without an error.
    Closed,
    /// A generation of memtables is being written to SSTs.
    FlushBegun {
        /// Bytes of values that it holds in memory.
        bytes: u64,
    },
    /// It is in SSTs, and its log is obsolete.
    FlushEnded {
        /// Rows in these SSTs.
        rows: u64,
        /// Bytes of the SSTs and of their index files.
        bytes: u64,
        /// From its first step to its last.
        duration: Duration,
    },
    /// A step of a flush failed. It will be tried again.
    FlushFailed {
        /// Why.
        error: String,
    },
    /// An index file was built for an SST that was there before the index.
    IndexBuilt {
        /// The table's name.
        table: String,
        /// The field's name.
        field: String,
        /// Bytes of the file.
        bytes: u64,
    },
    /// SSTs of a table are being merged.
    CompactionBegun {
        /// The table's name.
        table: String,
        /// SSTs that are merged.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// They are merged.
    CompactionEnded {
        /// The table's name.
        table: String,
        /// Rows that came out.
        rows: u64,
        /// Bytes of what was merged.
        bytes_in: u64,
        /// Bytes of what came out.
        bytes_out: u64,
        /// From the first step to the last.
        duration: Duration,
    },
    /// A step of a compaction failed.
    CompactionFailed {
        /// The table's name.
        table: String,
        /// Why.
        error: String,
    },
    /// Rows beyond the limits of a table could not be dropped. It is tried again when limits are
    /// next looked at.
    RetentionFailed {
        /// The table's name.
        table: String,
        /// Why.
        error: String,
    },
    /// The oldest rows of a table were dropped, by its limits or by a call.
    RowsDropped {
        /// The table's name.
        table: String,
        /// How many.
        rows: u64,
    },
    /// A writer waits for room in memory.
    Stalled,
    /// It waits no longer, be it that there is room or that it gave up.
    Resumed {
        /// How long it waited.
        duration: Duration,
    },
    /// A table was created.
    TableCreated {
        /// Its name.
        table: String,
    },
    /// A table was dropped.
    TableDropped {
        /// Its name.
        table: String,
    },
    /// A file or a directory that nothing refers to any more was removed.
    FileRemoved {
        /// Its path.
        path: PathBuf,
    },
    /// The database takes no more writes; see [`crate::Error::Poisoned`]. Comes once.
    Poisoned {
        /// Why.
        cause: String,
    },
}

/// Who is told.
#[derive(Clone, Default)]
pub(crate) struct Observers(Option<Arc<dyn Observer>>);

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "an observer" } else { "no observer" })
    }
}

impl Observers {
    pub(crate) fn one(observer: Arc<dyn Observer>) -> Self {
        Observers(Some(observer))
    }

    /// Tells of an event, which is made only if somebody wants it.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.0.is_none() && !cfg!(feature = "tracing") {
            return;
        }
        let event = event();
        #[cfg(feature = "tracing")]
        trace(&event);
        if let Some(observer) = &self.0 {
            // The database stays as it is, whatever becomes of who looks on.
            let _ = catch_unwind(AssertUnwindSafe(|| observer.event(&event)));
        }
    }
}

/// The event as one of the crate `tracing`.
#[cfg(feature = "tracing")]
fn trace(event: &Event) {
    use tracing::{debug, error, info, warn};
    match event {
        Event::Opened { duration, last_commit, recovered_rows } => {
            info!(target: "srdb", ?duration, last_commit, recovered_rows, "opened");
        }
        Event::Closed => info!(target: "srdb", "closed"),
        Event::FlushBegun { bytes } => debug!(target: "srdb", bytes, "flush begun"),
        Event::FlushEnded { rows, bytes, duration } => {
            info!(target: "srdb", rows, bytes, ?duration, "flush ended");
        }
        Event::FlushFailed { error } => warn!(target: "srdb", error, "flush failed"),
        Event::IndexBuilt { table, field, bytes } => {
            info!(target: "srdb", table, field, bytes, "index file built");
        }
        Event::CompactionBegun { table, files, bytes } => {
            debug!(target: "srdb", table, files, bytes, "compaction begun");
        }
        Event::CompactionEnded { table, rows, bytes_in, bytes_out, duration } => {
            info!(target: "srdb", table, rows, bytes_in, bytes_out, ?duration, "compaction ended");
        }
        Event::CompactionFailed { table, error } => {
            warn!(target: "srdb", table, error, "compaction failed");
        }
        Event::RetentionFailed { table, error } => {
            warn!(target: "srdb", table, error, "retention failed");
        }
        Event::RowsDropped { table, rows } => {
            info!(target: "srdb", table, rows, "rows dropped");
        }
        Event::Stalled => debug!(target: "srdb", "a writer waits for room"),
        Event::Resumed { duration } => warn!(target: "srdb", ?duration, "a writer waited for room"),
        Event::TableCreated { table } => info!(target: "srdb", table, "table created"),
        Event::TableDropped { table } => info!(target: "srdb", table, "table dropped"),
        Event::FileRemoved { path } => debug!(target: "srdb", ?path, "removed"),
        Event::Poisoned { cause } => error!(target: "srdb", cause, "poisoned"),
    }
}
