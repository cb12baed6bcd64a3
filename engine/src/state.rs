//! What is shared by everything that works on one open database.
//!
//! Locks, in the order in which they may be taken (never the other way round):
//!
//! ```text
//!   flush  →  compaction  →  build  →  log  →  manifest  →  jobs, tables, publish, a table's files
//! ```
//!
//! | lock         | guards                                               | held during I/O           |
//! |--------------|------------------------------------------------------|---------------------------|
//! | `flush`      | the one flush job; one step of any job at a time     | for one step              |
//! | `compaction` | the one merge of SSTs                                | for one step              |
//! | `build`      | the one build of an index file                       | for one step              |
//! | `log`        | the open WAL segment, the active generation, numbers | one group: write and sync |
//! | `manifest`   | the MANIFEST writer and the version                  | one edit: write and sync  |
//! | the others   | plain data                                           | never                     |
//!
//! Who hands in a commit that is not to wait takes the lock of the queue before that of `jobs`.
//! Readers take none of the first five, and the others only to clone an `Arc`.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::FileLock;

use crate::compaction::Compaction;
use crate::counters::Counters;
use crate::edit::VersionEdit;
use crate::flush::FlushJob;
use crate::indexes::BuildJob;
use crate::jobs::{Generation, Jobs, Obsolete};
use crate::locks::{lock, read};
use crate::manifest::{ManifestSwitch, ManifestWriter};
use crate::mutant;
use crate::observer::Event;
use crate::options::Options;
use crate::queue::{CommitQueue, Pending};
use crate::signal::Signal;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, OnceLock, RwLock};
use crate::table_state::TableState;
use crate::version::Version;
use crate::wal::{LogWriter, Start};
use crate::{Error, Receipt, Result};

/// Bytes of rows that one group of commits may hold, a single larger commit excepted.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// The phases of a database: it takes calls; it only finishes what it has; it writes no more.
const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    pub(crate) root: PathBuf,
    pub(crate) database_id: u64,
    pub(crate) queue: CommitQueue<Pending, Result<Receipt>>,
    pub(crate) flush: Mutex<Option<FlushJob>>,
    pub(crate) compaction: Mutex<Compaction>,
    /// Whether there may be SSTs to merge.
    pub(crate) compaction_due: AtomicBool,
    pub(crate) build: Mutex<Option<BuildJob>>,
    /// Whether limits of tables are to be looked at.
    pub(crate) retention_due: AtomicBool,
    /// The id from which on they still are, in a round that is under way.
    pub(crate) retention_next: Mutex<Option<u32>>,
    /// When the worker last looked at the clock for limits of age: ns of the monotonic clock.
    pub(crate) retention_looked: AtomicU64,
    /// Whether an index file may be missing.
    pub(crate) indexes_missing: AtomicBool,
    pub(crate) log: Mutex<Log>,
    pub(crate) manifest: Mutex<Manifest>,
    pub(crate) jobs: Mutex<Jobs>,
    /// Told when a flush got on or ended, well or not: for writers that wait for room.
    pub(crate) jobs_changed: Condvar,
    /// Bytes of the active generation, for who does not want to wait for the lock of the log, which
    /// it is changed under.
    active_bytes: AtomicUsize,
    /// Wakes the worker, where there is one.
    pub(crate) signal: Signal,
    pub(crate) tables: RwLock<Tables>,
    /// Written while the rows of one commit become visible, so that a snapshot over several
    /// tables sees all of a commit or nothing.
    pub(crate) publish: RwLock<()>,
    /// The next number for a WAL segment, an SST or a MANIFEST.
    pub(crate) next_file: AtomicU64,
    poisoned: OnceLock<String>,
    phase: AtomicU8,
    /// Released when dropped; taken out by `close`.
    pub(crate) lock: Mutex<Option<Box<dyn FileLock>>>,
}

/// The tables, by id and by name.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) by_id: BTreeMap<u32, Arc<TableState>>,
    pub(crate) by_name: BTreeMap<String, u32>,
}

impl Tables {
    pub(crate) fn insert(&mut self, table: Arc<TableState>) {
        self.by_name.insert(table.name.clone(), table.id);
        self.by_id.insert(table.id, table);
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(table) = self.by_id.remove(&id) {
            self.by_name.remove(&table.name);
        }
    }
}

/// What the group-commit leader works on.
#[derive(Debug)]
pub(crate) struct Log {
    /// The open segment; made at the first commit after opening.
    pub(crate) writer: Option<LogWriter>,
    /// Where that first segment is to start.
    pub(crate) start: Start,
    /// An attempt to make it has failed, and may have left a file of its name.
    pub(crate) start_failed: bool,
    pub(crate) active: Generation,
    pub(crate) last_commit: u64,
    /// `_time` of the last commit, ns.
    pub(crate) last_time: i64,
    /// The next `_seq` of each table that has had rows.
    pub(crate) next_seq: BTreeMap<u32, i64>,
}

/// The MANIFEST and what it says.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// `None` only while it is being replaced.
    pub(crate) writer: Option<ManifestWriter>,
    pub(crate) version: Version,
    /// The id of the next table. Ahead of the version's where a creation failed half way.
    pub(crate) next_table: u32,
    /// Whether the last edit is that of a clean close.
    pub(crate) closed_cleanly: bool,
}

impl Manifest {
    /// Writes an edit, syncs it, and makes it the version. It is one action, because nothing may
    /// come between the writing of an edit and its sync.
    ///
    /// # Errors
    /// [`Error::Io`] if it could not be written: as if it had not been tried, but a crash may
    /// bring it back. If it could not be synced, the database is poisoned too.
    pub(crate) fn commit(&mut self, state: &State, edit: &VersionEdit) -> Result<()> {
        let next = self.version.apply(edit).map_err(|damage| {
            // Our own bug: edits are made from the version that they are applied to.
            Error::invalid(format!("refused to write a wrong edit: {}", damage.what))
        })?;
        let Some(writer) = &mut self.writer else { return Err(Error::Closed) };
        let written = writer.append(edit).and_then(|()| writer.sync());
        if let Err(error) = written {
            if writer.failure().is_some() {
                state.poison(&error);
                if edit.is_close() {
                    writer.hide_close();
                }
            }
            return Err(error);
        }
        self.version = next;
        self.closed_cleanly = edit.is_close();
        Ok(())
    }

    /// Replaces the MANIFEST by a snapshot of the version where it has grown far beyond one.
    ///
    /// # Errors
    /// [`Error::Io`]. The old one goes on, or the database is poisoned if nobody knows which of
    /// the two counts.
    pub(crate) fn replace_if_outgrown(&mut self, state: &State) -> Result<()> {
        let bytes_min = state.options.manifest_bytes_min;
        let Some(writer) = self.writer.take_if(|writer| writer.has_outgrown(bytes_min)) else {
            return Ok(());
        };
        let number = state.take_file_number();
        // The snapshot has to know of its own number.
        self.version.next_file = self.version.next_file.max(number + 1);
        let snapshot = self.version.to_snapshot_edit();
        let mut switch = match ManifestSwitch::begin(&state.root, writer, number, &snapshot) {
            Ok(switch) => switch,
            Err(refused) => {
                let (writer, error) = *refused;
                self.writer = Some(writer);
                return Err(error);
            }
        };
        let done = loop {
            match switch.step(&*state.options.vfs) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
        };
        let writer = self.writer.insert(switch.into_writer());
        if let (Some(_), Err(error)) = (writer.failure(), &done) {
            state.poison(error);
        }
        done
    }
}

/// What recovery hands over to an open database.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    pub(crate) root: PathBuf,
    pub(crate) database_id: u64,
    pub(crate) log: Log,
    pub(crate) manifest: Manifest,
    pub(crate) tables: Tables,
    pub(crate) next_file: u64,
    pub(crate) obsolete: VecDeque<Obsolete>,
    pub(crate) lock: Box<dyn FileLock>,
}

impl State {
    pub(crate) fn new(from: Recovered) -> Self {
        let tables = from.tables.by_id.values();
        let active_bytes = from.log.active.bytes;
        let missing = tables.filter_map(|table| table.files().missing_index_file()).next();
        State {
            options: from.options,
            counters: from.counters,
            root: from.root,
            database_id: from.database_id,
            queue: CommitQueue::new(GROUP_BYTES_MAX),
            flush: Mutex::new(None),
            compaction: Mutex::default(),
            compaction_due: AtomicBool::new(true),
            build: Mutex::new(None),
            retention_due: AtomicBool::new(true),
            retention_next: Mutex::new(None),
            retention_looked: AtomicU64::new(0),
            indexes_missing: AtomicBool::new(missing.is_some() && !mutant::on("build-forgotten")),
            log: Mutex::new(from.log),
            manifest: Mutex::new(from.manifest),
            jobs: Mutex::new(Jobs { obsolete: from.obsolete, ..Jobs::default() }),
            jobs_changed: Condvar::new(),
            active_bytes: AtomicUsize::new(active_bytes),
            signal: Signal::default(),
            tables: RwLock::new(from.tables),
            publish: RwLock::new(()),
            next_file: AtomicU64::new(from.next_file),
            poisoned: OnceLock::new(),
            phase: AtomicU8::new(OPEN),
            lock: Mutex::new(Some(from.lock).filter(|_| !mutant::on("lock-let-go"))),
        }
    }

    /// A file number that was never given before.
    pub(crate) fn take_file_number(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes how large the active generation is, after it was changed.
    pub(crate) fn note_active(&self, log: &Log) {
        self.active_bytes.store(log.active.bytes, Ordering::Release);
    }

    /// Bytes of the active generation.
    pub(crate) fn active_bytes(&self) -> usize {
        self.active_bytes.load(Ordering::Acquire)
    }

    /// Tells those who wait for room that there may be some.
    pub(crate) fn tell_of_room(&self, jobs: &mut Jobs) {
        jobs.turn += 1;
        self.jobs_changed.notify_all();
    }

    /// Adds to the list of what can be removed.
    pub(crate) fn add_obsolete(&self, obsolete: impl IntoIterator<Item = Obsolete>) {
        lock(&self.jobs).obsolete.extend(obsolete);
        self.signal.wake();
    }

    /// Takes no more writes: after `cause` nobody knows what is on disk.
    pub(crate) fn poison(&self, cause: &Error) {
        // The first cause stays: it is the one that explains the others.
        let is_first = self.poisoned.set(cause.to_string()).is_ok();
        self.queue.poison(cause.to_string());
        self.tell_those_who_wait_for_jobs();
        if is_first {
            self.tell(|| Event::Poisoned { cause: cause.to_string() });
        }
    }

    /// Tells the observer, if there is one, of what was done. Outside of all locks.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        self.options.observers.tell(event);
    }

    /// For what callers ask for.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.phase.load(Ordering::Acquire) == OPEN { Ok(()) } else { Err(Error::Closed) }
    }

    /// For what callers want written.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        self.check_alive()
    }

    /// For the writing itself, which goes on while the database is being closed.
    pub(crate) fn check_alive(&self) -> Result<()> {
        if self.phase.load(Ordering::Acquire) == CLOSED {
            return Err(Error::Closed);
        }
        match self.poisoned.get() {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Poisons the database if the log can't go on after an error.
    pub(crate) fn check_log<T>(&self, writer: &LogWriter, done: Result<T>) -> Result<T> {
        done.inspect_err(|error| {
            if writer.poisoned().is_some() {
                self.poison(error);
            }
        })
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.get().is_some()
    }

    /// Takes no more calls.
    ///
    /// # Errors
    /// [`Error::Closed`] if another call was first.
    pub(crate) fn begin_close(&self) -> Result<()> {
        let (ordering, failed) = (Ordering::AcqRel, Ordering::Acquire);
        let begun = self.phase.compare_exchange(OPEN, CLOSING, ordering, failed);
        begun.map(|_| ()).map_err(|_| Error::Closed)
    }

    /// Writes nothing more.
    pub(crate) fn set_closed(&self) {
        self.phase.store(CLOSED, Ordering::Release);
        self.tell_those_who_wait_for_jobs();
        self.signal.stop();
    }

    /// For a change that is not made under the lock of the jobs: who looked at it before and is
    /// about to wait still holds that lock, and would miss it.
    fn tell_those_who_wait_for_jobs(&self) {
        drop((!mutant::on("told-without-the-lock")).then(|| lock(&self.jobs)));
        self.jobs_changed.notify_all();
    }

    /// A table by its name.
    pub(crate) fn table(&self, name: &str) -> Result<Arc<TableState>> {
        let tables = read(&self.tables);
        let found = tables.by_name.get(name).and_then(|id| tables.by_id.get(id));
        found.cloned().ok_or_else(|| Error::NoTable { name: name.to_owned() })
    }
}
