//! A database, as its users see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use srdb_vfs::{Clock, OsVfs, ReadMode, Vfs};

use crate::commit::{self, Small};
use crate::edit::VersionEdit;
use crate::handle::Handle;
use crate::locks::{lock, read};
use crate::mutant;
use crate::observer::{Event, Observer, Observers};
use crate::options::{Background, Options};
use crate::queue::Pending;
use crate::{
    Batch, Checkpoint, Durability, Follower, Job, Progress, Result, Schema, Snapshot, Stats, Table,
    Verification, compaction, delete, drop_rows, flush, indexes, recovery, retain, tables, worker,
};

/// An open database. Cheap to clone; every clone is the same database, `Send` and `Sync`.
///
/// Dropping the last handle (of the database, its tables, batches, tickets and checkpoints) begins
/// no I/O: what was committed with [`Durability::Memory`] and not written since is lost, and the
/// next open has to read the log. [`Database::close`] first. It waits for the step that the thread
/// behind is at, so that the directory is free on return; but not in a thread that panics, nor in a
/// call of an [`Observer`] from the thread behind.
///
/// ```
/// use srdb::{Database, DataType, Field, Schema, row};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let path = dir.path();
/// let db = Database::open(path)?;
/// let schema = Schema::new([Field::new("n", DataType::Int64)])?;
/// let numbers = db.create_table("numbers", schema)?;
/// numbers.insert(row! { "n" => 42 })?; // on disk when this returns
/// db.close()?;
///
/// let db = Database::open(path)?;
/// assert_eq!(db.table("numbers")?.count(), 1);
/// # db.close()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Database {
    state: Arc<Handle>,
}

/// How a database is to be opened. Made by [`Database::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct Builder {
    path: PathBuf,
    options: Options,
}

impl Builder {
    /// The file system; the real one, unless said otherwise.
    pub fn vfs(mut self, vfs: Arc<dyn Vfs>) -> Self {
        self.options.vfs = vfs;
        self
    }

    /// The clock; the real one, unless said otherwise.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.options.clock = clock;
        self
    }

    /// Who is told what the database does behind; nobody, unless said otherwise.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.options.observers = Observers::one(observer);
        self
    }

    /// How files are read, on the real file system: through memory maps, unless said otherwise.
    /// Choose [`ReadMode::Pread`] where a map can fail under the reader, as on a network.
    pub fn read_mode(mut self, mode: ReadMode) -> Self {
        self.options.vfs = Arc::new(OsVfs::with_read_mode(mode));
        self
    }

    /// Bytes of values, all tables together, that are gathered in memory before they are flushed;
    /// 32 MiB unless said otherwise. Up to twice as much is held while a flush is under way.
    pub fn memtable_bytes(mut self, bytes: usize) -> Self {
        self.options.memtable_bytes = bytes;
        self
    }

    /// Bytes of small memtables (below 64 KiB each) that a rotation carries into the next
    /// generation and logs again, where it would have to write a tiny file for each; an eighth of
    /// [`Builder::memtable_bytes`], unless said otherwise, and never more than half. 0 turns it
    /// off.
    pub fn carry_bytes_max(mut self, bytes: usize) -> Self {
        self.options.carry_bytes_max = Some(bytes);
        self
    }

    /// The durability of commits that do not name one; [`Durability::Disk`], unless said otherwise.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// Who does the work that runs behind.
    pub fn background(mut self, background: Background) -> Self {
        self.options.background = background;
        self
    }

    /// Whether to create the database, and its directory, where there is none; `true`, unless said
    /// otherwise.
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.options.create_if_missing = create;
        self
    }

    /// Rows of a block: a power of two up to 2048, which is the default. Smaller blocks cost space
    /// and speed; they are for tests that want many.
    pub fn block_rows(mut self, rows: usize) -> Self {
        self.options.block_rows = rows;
        self
    }

    /// Bytes of zeros by which the log is extended ahead of small synced commits, so that their
    /// syncs need not record a new length; 256 KiB, unless said otherwise. 0 turns it off.
    pub fn wal_zero_ahead(mut self, bytes: u64) -> Self {
        self.options.wal_zero_ahead = bytes;
        self
    }

    /// Bytes up to which the MANIFEST is never replaced by a snapshot of what it says; 1 MiB,
    /// unless said otherwise. Beyond that it is, once it is four times as long as the last one;
    /// with 0, after every flush: for tests that want many.
    pub fn manifest_bytes_min(mut self, bytes: u64) -> Self {
        self.options.manifest_bytes_min = bytes;
        self
    }

    /// Generations of frozen memtables, at least one, that may wait for their flush before writers
    /// have to; one, unless said otherwise.
    pub fn frozen_generations_max(mut self, count: usize) -> Self {
        self.options.frozen_max = count.max(1);
        self
    }

    /// SSTs that a table may have before any are merged; 10, unless said otherwise.
    pub fn compaction_files_max(mut self, files: usize) -> Self {
        self.options.compaction.files_max = files;
        self
    }

    /// SSTs that are merged at once, at least 2; 5, unless said otherwise. More mean that rows are
    /// rewritten less often, and that a table has more files.
    pub fn compaction_fan_in(mut self, files: usize) -> Self {
        self.options.compaction.fan_in = files;
        self
    }

    /// Bytes of the largest SST that merging makes; 512 MiB, unless said otherwise. What is larger
    /// is never rewritten.
    pub fn compaction_bytes_max(mut self, bytes: u64) -> Self {
        self.options.compaction.bytes_max = bytes;
        self
    }

    /// Bytes a second that merging behind may write, so that commits need not share the disk with
    /// more than that; 0, the default, for as many as it can. Merges that [`Database::compact`]
    /// does, or the caller with [`Database::step`], are not held up. What is too little lets the
    /// files become many: watch [`crate::TableStats::compaction_debt_bytes`].
    pub fn compaction_bytes_per_second(mut self, bytes: u64) -> Self {
        self.options.compaction_bytes_per_second = bytes;
        self
    }

    /// Opens the database, and recovers what a crash left.
    ///
    /// # Errors
    /// [`crate::Error::NoDatabase`] where there is none and it is not to be created;
    /// [`crate::Error::Locked`]; [`crate::Error::Corrupt`] with the file where what was durable is
    /// damaged: nothing is changed then; [`crate::Error::Unsupported`]; [`crate::Error::Io`];
    /// [`crate::Error::Invalid`] for options that can't be.
    pub fn open(self) -> Result<Database> {
        let clock = Arc::clone(&self.options.clock);
        let begun = clock.monotonic_ns();
        let background = self.options.background;
        let state = Arc::new(recovery::open(self.options, self.path)?);
        let duration = Duration::from_nanos(clock.monotonic_ns().saturating_sub(begun));
        state.tell(|| {
            let log = lock(&state.log);
            let rows = log.active.tables.values().map(|(_, memtable)| memtable.published() as u64);
            let (last_commit, recovered_rows) = (log.last_commit, rows.sum());
            Event::Opened { duration, last_commit, recovered_rows }
        });
        let worker = match background {
            Background::Threads => Some(worker::start(&state)?),
            Background::Manual => None,
        };
        Ok(Database { state: Arc::new(Handle::new(state, worker)) })
    }

    /// Opens the database for reading only, beside the process that writes to it, if there is one:
    /// see [`Follower`]. Of the options, the file system and the clock count.
    ///
    /// # Errors
    /// [`crate::Error::NoDatabase`]; [`crate::Error::Overtaken`] if it changes faster than it can
    /// be read; [`crate::Error::Corrupt`] with the file where what was durable is damaged;
    /// [`crate::Error::Unsupported`]; [`crate::Error::Io`].
    pub fn follow(self) -> Result<Follower> {
        let Options { vfs, clock, .. } = self.options;
        Follower::open(Options { vfs, clock, ..Options::default() }, self.path)
    }
}

impl Database {
    /// Opens the database in a directory, or creates it, with the default options.
    ///
    /// # Errors
    /// As [`Builder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Database> {
        Database::builder(path).open()
    }

    /// Opens the database in a directory for reading only, beside the process that writes to it, if
    /// there is one: see [`Follower`].
    ///
    /// # Errors
    /// As [`Builder::follow`].
    pub fn follow(path: impl AsRef<Path>) -> Result<Follower> {
        Database::builder(path).follow()
    }

    /// For opening with other options.
    pub fn builder(path: impl AsRef<Path>) -> Builder {
        Builder { path: path.as_ref().to_owned(), options: Options::default() }
    }

    /// The database's directory.
    pub fn path(&self) -> &Path {
        &self.state.root
    }

    /// Creates a table. Durable on return.
    ///
    /// # Errors
    /// [`crate::Error::TableExists`], [`crate::Error::BadName`], [`crate::Error::BadSchema`],
    /// [`crate::Error::Limit`], [`crate::Error::Io`], [`crate::Error::Poisoned`],
    /// [`crate::Error::Closed`].
    pub fn create_table(&self, name: &str, schema: Schema) -> Result<Table> {
        let created = self.create_tables([(name, schema)])?.pop();
        created.ok_or_else(|| crate::Error::invalid("no table was created"))
    }

    /// Creates tables together, all of them or none, with half the syncs that they would take one
    /// by one. Durable on return.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// let db = Database::open(dir.path())?;
    /// let schema = Schema::new([Field::new("celsius", DataType::Float64)])?;
    /// let rooms = db.create_tables(["roof", "cellar"].map(|name| (name, schema.clone())))?;
    /// assert_eq!(rooms.iter().map(|room| room.name()).collect::<Vec<_>>(), ["roof", "cellar"]);
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Database::create_table`]; [`crate::Error::TableExists`] also for a name that comes
    /// twice.
    pub fn create_tables(
        &self,
        tables: impl IntoIterator<Item = (impl Into<String>, Schema)>,
    ) -> Result<Vec<Table>> {
        let wanted = tables.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
        let created = tables::create(&self.state, wanted)?;
        for table in &created {
            self.state.tell(|| Event::TableCreated { table: table.name.clone() });
        }
        Ok(created.into_iter().map(|table| Table::new(&self.state, table)).collect())
    }

    /// The table of that name.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Closed`].
    pub fn table(&self, name: &str) -> Result<Table> {
        self.state.check_open()?;
        Ok(Table::new(&self.state, self.state.table(name)?))
    }

    /// The names of all tables, sorted.
    pub fn tables(&self) -> Vec<String> {
        read(&self.state.tables).by_name.keys().cloned().collect()
    }

    /// Drops a table and everything in it. Durable on return. Scans and snapshots that are under
    /// way keep reading what they see.
    ///
    /// # Errors
    /// [`crate::Error::NoTable`], [`crate::Error::Io`], [`crate::Error::Poisoned`],
    /// [`crate::Error::Closed`].
    pub fn drop_table(&self, name: &str) -> Result<()> {
        tables::drop(&self.state, name)?;
        self.state.tell(|| Event::TableDropped { table: name.to_owned() });
        Ok(())
    }

    /// For committing rows of several tables together.
    pub fn batch(&self) -> Batch {
        Batch::new(&self.state)
    }

    /// Every table as it is now, consistent over all of them.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.state)
    }

    /// Raises everything that was committed before to [`Durability::Disk`].
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn sync(&self) -> Result<()> {
        let nothing = Pending::new(Vec::new(), Durability::Disk);
        commit::submit(&self.state, nothing)?.wait().map(|_| ())
    }

    /// Freezes what is in memory, so that the flush job writes it to SSTs, as happens by itself
    /// when the memtables are full: small ones are carried on, see [`Builder::carry_bytes_max`].
    /// Returns whether there was anything new. Commits that nobody waited for yet are not in it.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn rotate(&self) -> Result<bool> {
        self.freeze(Small::Carried)
    }

    fn freeze(&self, small: Small) -> Result<bool> {
        let mut log = lock(&self.state.log);
        // Under the lock, which closing takes to let nothing more in.
        self.state.check_writable()?;
        commit::freeze(&self.state, &mut log, small)
    }

    /// Writes everything that was committed before to SSTs, however little it is. Durable on
    /// return.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn flush(&self) -> Result<()> {
        self.freeze(Small::Flushed)?;
        flush::all(&self.state)
    }

    /// Writes everything that was committed before to SSTs, and merges those of each table into as
    /// few as [`Builder::compaction_bytes_max`] allows. Durable on return. There is no need to call
    /// it: files are merged behind, as they become many.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`] for a file that is damaged, which stays as
    /// it is, [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn compact(&self) -> Result<()> {
        self.flush()?;
        let tables: Vec<_> = read(&self.state.tables).by_id.values().cloned().collect();
        tables.iter().try_for_each(|table| compaction::all(&self.state, table))
    }

    /// [`Table::retain`] of every table; returns how many rows went.
    ///
    /// # Errors
    /// As [`Table::retain`]; the tables before the one that failed have dropped their rows.
    pub fn retain(&self) -> Result<u64> {
        self.state.check_writable()?;
        let tables: Vec<_> = read(&self.state.tables).by_id.values().cloned().collect();
        // Before the first table is looked at, for that brings the rows of all to SSTs.
        let first_seqs: Vec<_> = tables.iter().map(|table| table.files().first_seq()).collect();
        let mut rows = 0;
        for (table, before) in tables.iter().zip(first_seqs) {
            match retain::now(&self.state, table) {
                // Dropped meanwhile.
                Err(crate::Error::NoTable { .. }) => {}
                done => {
                    done?;
                    rows += drop_rows::lost_since(table, before);
                }
            }
        }
        Ok(rows)
    }

    /// Reads everything that is stored and checks every checksum and every structure: MANIFEST,
    /// WAL, SSTs and their B+Trees. Writers of rows wait while the log is read.
    ///
    /// # Errors
    /// [`crate::Error::Closed`]; [`crate::Error::Io`] if the log's buffer could not be written.
    /// What is wrong with the files is in the result.
    pub fn verify(&self) -> Result<Verification> {
        Verification::of(&self.state)
    }

    /// Makes a copy of the database as it is now in `dir`, which must not exist, and goes on
    /// working meanwhile. It holds whole commits: all that can be read when this is called. Files
    /// are linked where the file system can do that, else copied; rows in memory are written. It is
    /// durable on return, shares nothing with this database that either of them changes, and
    /// opening it needs nothing else. After a crash `dir` is not there, or all of the copy is.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let (path, copy) = (dir.path().join("db"), dir.path().join("copy"));
    /// let db = Database::open(&path)?;
    /// let numbers = db.create_table("n", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// numbers.insert(row! { "n" => 1 })?;
    /// db.checkpoint(&copy)?;
    /// numbers.insert(row! { "n" => 2 })?;
    ///
    /// let copy = Database::open(&copy)?;
    /// assert_eq!(copy.table("n")?.count(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::Error::PathExists`] if there is something at `dir`; [`crate::Error::Locked`] if
    /// somebody else is making the same copy; [`crate::Error::Invalid`] if `dir` is in the database
    /// itself, ends in no name, or if beside it, under its name and `.unfinished`, lies what no
    /// copy leaves; [`crate::Error::Io`], after which nothing is at `dir`, or, where even taking it
    /// back has failed, all of it; [`crate::Error::Closed`].
    pub fn checkpoint(&self, dir: impl AsRef<Path>) -> Result<()> {
        let mut checkpoint = self.begin_checkpoint(dir)?;
        while checkpoint.step()? == Progress::More {}
        Ok(())
    }

    /// The same in steps, for [`Background::Manual`]: what is copied is decided now, and nothing is
    /// written before the first step.
    ///
    /// # Errors
    /// As [`Database::checkpoint`].
    pub fn begin_checkpoint(&self, dir: impl AsRef<Path>) -> Result<Checkpoint> {
        Checkpoint::begin(&self.state, dir.as_ref())
    }

    /// Figures of the database as it is now.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.state)
    }

    /// The kinds of work that could be done now, for [`Background::Manual`].
    pub fn jobs(&self) -> Vec<Job> {
        let state = &self.state;
        let mut jobs = Vec::new();
        if !state.queue.is_idle() {
            jobs.push(Job::Commit);
        }
        if flush::has_work(state) {
            jobs.push(Job::Flush);
        }
        if indexes::has_work(state) {
            jobs.push(Job::BuildIndex);
        }
        if retain::has_work(state) {
            jobs.push(Job::Retain);
        }
        if compaction::has_work(state) {
            jobs.push(Job::Compact);
        }
        if delete::has_work(state) {
            jobs.push(Job::Delete);
        }
        jobs
    }

    /// Does one bounded step of the work that runs behind, for [`Background::Manual`]. A step makes
    /// one changing call to the file system at the most, but for those that write an edit of the
    /// MANIFEST, and [`Job::Commit`].
    ///
    /// # Errors
    /// Whatever kept the work from being done; it can be tried again. Errors of a group of commits
    /// go to those who wait for them.
    pub fn step(&self, job: Job) -> Result<Progress> {
        let state = &self.state;
        state.check_open()?;
        match job {
            Job::Commit => {
                let led = state.queue.try_lead(&mut |group| commit::lead(state, group));
                Ok(if led { Progress::More } else { Progress::Idle })
            }
            Job::Flush => flush::step(state),
            Job::BuildIndex => indexes::step(state),
            Job::Retain => retain::step(state),
            Job::Compact => compaction::step(state),
            Job::Delete => delete::step(state),
        }
    }

    /// Closes the database: writes and flushes everything, and leaves behind files that vouch for
    /// all that they hold, and no others but those that a snapshot or a scan still reads, or that
    /// could not be removed: they go at the next opening. Merges and builds of indexes that are
    /// under way are given up, to begin anew then. Every handle is of no more use afterwards; scans
    /// and snapshots go on.
    ///
    /// # Errors
    /// [`crate::Error::Closed`] if it was closed before. Otherwise the first thing that went wrong,
    /// [`crate::Error::Poisoned`] if that was earlier: the database is closed all the same, and
    /// whatever was acknowledged is as durable as it was.
    pub fn close(&self) -> Result<()> {
        let state = &self.state;
        state.begin_close()?;
        let flushed = self.write_all();
        // Also after a failure: the log holds what could not be flushed, and vouches for it.
        let vouched = commit::close_log(state);
        // A step or an edit that is under way ends first, and none begins after: whoever opens the
        // database next must be the only one to write to it.
        let _no_step = (!mutant::on("closed-during-a-step")).then(|| lock(&state.flush));
        let mut manifest = lock(&state.manifest);
        let closed = flushed.and(vouched).and_then(|()| match manifest.closed_cleanly {
            true => Ok(()),
            false => manifest.commit(state, &VersionEdit::close()),
        });
        drop(lock(&state.lock).take());
        drop((manifest, _no_step));
        state.tell(|| Event::Closed);
        closed
    }

    /// Whether the database was closed cleanly before, and nothing was written since.
    fn is_untouched(&self) -> bool {
        let state = &self.state;
        let log = lock(&state.log);
        let no_rows = log.writer.is_none() && log.active.tables.is_empty();
        no_rows && state.queue.is_idle() && lock(&state.manifest).closed_cleanly
    }

    /// Brings everything that was handed in to SSTs, and removes what is of no more use.
    fn write_all(&self) -> Result<()> {
        let state = &self.state;
        // If it is poisoned, nobody knows whether the last edit is durable: the next opening finds
        // out. Until then no file may go, neither what it names nor what it names no more.
        if !mutant::when("poisoned-and-closed-well", || state.is_poisoned()) {
            state.check_alive()?;
        }
        compaction::end(state)?;
        indexes::end(state);
        if !self.is_untouched() {
            // Commits that were handed in count, also if nobody waits for them.
            let nothing = Pending::new(Vec::new(), Durability::Disk);
            commit::enqueue(state, nothing)?.wait()?;
            commit::freeze(state, &mut lock(&state.log), Small::Flushed)?;
            flush::all(state)?;
        }
        while delete::has_work(state) {
            delete::step(state)?;
        }
        Ok(())
    }
}
