//! A checkpoint: a copy of the database as it is at one moment, made while it is in use.
//!
//! ```text
//!   take (locks: no commit, no edit) ─► all else without a lock, in DIR.unfinished:
//!   LOCK ─► remove left-overs ─► directories ─► schemas ─► link SSTs and indexes
//!        ─► write what is in memory as SSTs ─► sync names ─► MANIFEST, CURRENT ─► sync names
//!        ─► rename DIR.unfinished to DIR ─► sync the directory above
//! ```
//!
//! Invariants
//! 1. Everything in it, content and names, is durable before the renaming. So DIR is not there, or
//!    it is a whole database, closed cleanly, that needs nothing else.
//! 2. The database is not changed: no flush, no file number, no edit. So a database that takes no
//!    more writes can be saved, too.
//! 3. What it shares with the database are files that neither of them ever writes to again.
//! 4. What the renaming may have reached is not removed before a sync of the directory above says
//!    that it is not under DIR's name: else a crash could show DIR with a part of it.
//! 5. One attempt at a time: each holds the lock in DIR.unfinished.

mod contents;
mod leftover;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, FileLock, Vfs};

use crate::format::manifest::Meta;
use crate::handle::Handle;
use crate::index::{IndexMeta, KeyGroups};
use crate::index_job::IndexJob;
use crate::memtable::{Memtable, index_rows};
use crate::sst::{SstMeta, SstWriter};
use crate::table_state::TableState;
use crate::{Error, Progress, Result, layout, manifest, mutant, recovery};

use contents::Contents;
use leftover::Leftover;

/// What the name of a checkpoint that is not finished ends with.
const UNFINISHED: &str = ".unfinished";

/// Bytes that are copied at a time where files can't be linked.
const COPY_BYTES: u64 = 1 << 20;

/// A checkpoint that is being made, step by step: see [`crate::Database::begin_checkpoint`].
///
/// Dropped before its end it leaves a directory whose name ends in `.unfinished`, which the next
/// attempt at the same checkpoint removes.
#[derive(Debug)]
#[must_use = "it is made by its steps"]
pub struct Checkpoint {
    state: Arc<Handle>,
    contents: Contents,
    meta: Meta,
    target: PathBuf,
    /// Where it is made.
    dir: PathBuf,
    /// Of the directory in which it is made.
    lock: Option<Box<dyn FileLock>>,
    todo: VecDeque<Task>,
    /// The renaming was begun, and may have been done.
    renamed: bool,
}

/// One step.
#[derive(Debug)]
enum Task {
    Begin,
    Remove(Leftover),
    MakeDir(PathBuf),
    Schema(Arc<TableState>),
    /// A file of the database becomes one of the checkpoint.
    Link(PathBuf, PathBuf),
    /// Rows of a memtable become an SST: the table and the memtable, by their places.
    Rows(usize, usize),
    SyncDir(PathBuf),
    Manifest,
    Rename,
}

impl Checkpoint {
    /// Takes what the database holds now; nothing is written yet.
    ///
    /// # Errors
    /// [`Error::PathExists`], [`Error::Invalid`], [`Error::Io`], [`Error::Corrupt`].
    pub(crate) fn begin(state: &Arc<Handle>, target: &Path) -> Result<Checkpoint> {
        state.check_open()?;
        let vfs = &*state.options.vfs;
        let Some(name) = target.file_name() else {
            let what = format!("{:?} does not end in a name to make", target.display());
            return Err(Error::invalid(what));
        };
        if target.starts_with(&state.root) {
            let what =
                format!("{} is in the database itself; name a place outside", target.display());
            return Err(Error::invalid(what));
        }
        if vfs.kind(target).map_err(|e| Error::io("look at", target, e))?.is_some() {
            return Err(Error::PathExists { path: target.to_owned() });
        }
        let mut unfinished = name.to_owned();
        unfinished.push(UNFINISHED);
        let dir = target.with_file_name(unfinished);
        let meta = manifest::read_meta(vfs, &state.root)?;
        let mut contents = Contents::take(state);
        let todo = tasks(&dir, &contents);
        let has_files = || contents.tables.iter().any(|taken| !taken.files.ssts.is_empty());
        if mutant::when("copy-lets-go", has_files) {
            contents.tables.iter_mut().for_each(|taken| taken.files = Arc::default());
        }
        let (state, target) = (Arc::clone(state), target.to_owned());
        Ok(Checkpoint { state, contents, meta, target, dir, lock: None, todo, renamed: false })
    }

    /// Does one bounded step, which works on one file or directory; [`Progress::Done`] with the
    /// last one, from which on the checkpoint is there, durable.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Locked`] if somebody else is making this checkpoint;
    /// [`Error::PathExists`]; [`Error::Invalid`]. The attempt is over then. Nothing is under the
    /// checkpoint's name, or, where even taking it back has failed, all of it is.
    pub fn step(&mut self) -> Result<Progress> {
        let Some(task) = self.todo.pop_front() else { return Ok(Progress::Idle) };
        match self.do_task(task) {
            Ok(()) if self.todo.is_empty() => Ok(Progress::Done),
            Ok(()) => Ok(Progress::More),
            Err(error) => {
                self.todo.clear();
                // Best effort: what can't be removed now is removed by the next attempt.
                let _ = self.give_up();
                self.lock = None;
                Err(error)
            }
        }
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.target
    }

    fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.state.options.vfs
    }

    fn do_task(&mut self, task: Task) -> Result<()> {
        let vfs = Arc::clone(self.vfs());
        match task {
            Task::Begin => self.take_dir(&*vfs),
            Task::Remove(leftover) => leftover.remove(&*vfs),
            Task::MakeDir(dir) => vfs.create_dir(&dir).map_err(|e| Error::io("create", &dir, e)),
            Task::Schema(table) => {
                let path = self.table_dir(&table).join(layout::SCHEMA_FILE);
                let file = vfs.create(&path).map_err(|e| Error::io("create", &path, e))?;
                let written = file.write_all_at(table.schema.to_json().as_bytes(), 0);
                written.map_err(|e| Error::io("write", &path, e))?;
                file.sync_all().map_err(|e| Error::io("sync", &path, e))
            }
            Task::Link(from, to) => link(&*vfs, &from, &to),
            Task::Rows(table, memtable) => self.write_rows(&*vfs, table, memtable),
            Task::SyncDir(dir) => sync_dir(&*vfs, &dir),
            Task::Manifest => {
                let number = self.contents.take_file_number();
                let version = self.contents.version(&self.state)?;
                manifest::write_snapshot(&*vfs, &self.dir, &self.meta, number, &version)
            }
            Task::Rename => self.rename(&*vfs),
        }
    }

    /// Makes the directory, or takes over what an attempt before this one has left of it.
    fn take_dir(&mut self, vfs: &dyn Vfs) -> Result<()> {
        let above = above(&self.dir);
        recovery::create_dirs(vfs, above)?;
        let is_new = match vfs.create_dir(&self.dir) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Error::io("create", &self.dir, error)),
        };
        let path = self.dir.join(layout::LOCK);
        let Some(lock) = vfs.try_lock(&path).map_err(|e| Error::io("lock", &path, e))? else {
            return Err(Error::Locked { path: self.dir.clone(), holder: None });
        };
        self.lock = Some(lock);
        if !is_new && !mutant::on("copy-left-over-stays") {
            let leftovers = leftover::find(vfs, &self.dir)?;
            if !leftovers.is_empty() {
                // It may have been under the checkpoint's name for a while: invariant 4.
                sync_dir(vfs, above)?;
            }
            for leftover in leftovers.into_iter().rev() {
                self.todo.push_front(Task::Remove(leftover));
            }
        }
        Ok(())
    }

    fn table_dir(&self, table: &TableState) -> PathBuf {
        table_dir(&self.dir, table)
    }

    /// Writes the rows of a memtable as an SST with its index files.
    fn write_rows(&mut self, vfs: &dyn Vfs, table: usize, memtable: usize) -> Result<()> {
        let number = self.contents.take_file_number();
        let taken = &self.contents.tables[table];
        let (memtable, rows) = &taken.memory[memtable];
        let (memtable, rows, state) = (Arc::clone(memtable), *rows, Arc::clone(&taken.table));
        let fields: Vec<u32> = taken.files.indexes.keys().copied().collect();
        let meta = self.write_sst(vfs, &state, (&memtable, rows), number)?;
        let mut indexes = Vec::new();
        for field in fields {
            indexes.push(self.write_index(vfs, &state, (&memtable, rows), &meta, field)?);
        }
        self.contents.add(state.id, meta, indexes);
        Ok(())
    }

    fn write_sst(
        &self,
        vfs: &dyn Vfs,
        table: &TableState,
        (memtable, rows): (&Memtable, usize),
        number: u64,
    ) -> Result<SstMeta> {
        let path = layout::sst_path(&self.table_dir(table), number);
        let identity = table.sst_identity(self.state.database_id, number);
        let is_older = || memtable.published() > rows;
        let later = mutant::when("copy-with-later-rows", is_older);
        let rows = if later { memtable.published() } else { rows };
        let mut writer = SstWriter::create(vfs, &path, identity, &table.types)?;
        for ordinal in 0.. {
            let Some(chunk) = memtable.chunk(ordinal, rows) else { break };
            writer.add(&chunk)?;
        }
        writer.finish_body()?;
        writer.write_header()?;
        writer.sync()?;
        Ok(writer.into_meta())
    }

    fn write_index(
        &mut self,
        vfs: &dyn Vfs,
        table: &TableState,
        (memtable, rows): (&Memtable, usize),
        sst: &SstMeta,
        field: u32,
    ) -> Result<IndexMeta> {
        let number = self.contents.take_file_number();
        let path = layout::index_path(&self.table_dir(table), number);
        let of = (sst.file_number, sst.rows);
        let identity = table.index_identity(self.state.database_id, number, of, field);
        // Not the memtable's own, which may know of later rows.
        let mut groups = KeyGroups::default();
        for ordinal in 0.. {
            let Some(chunk) = memtable.chunk(ordinal, rows) else { break };
            index_rows(&mut groups, &chunk.columns[field as usize], chunk.len());
        }
        let mut job = IndexJob::of_rows(groups, path, identity);
        loop {
            if let Some(meta) = job.step(vfs)? {
                return Ok(meta);
            }
        }
    }

    fn rename(&mut self, vfs: &dyn Vfs) -> Result<()> {
        self.renamed = true;
        match vfs.rename_dir(&self.dir, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // Made by somebody else meanwhile, or by this renaming: `give_up` finds out.
                return Err(Error::PathExists { path: self.target.clone() });
            }
            Err(error) => return Err(Error::io("rename", &self.dir, error)),
        }
        sync_dir(vfs, above(&self.target))?;
        // From here on it is a database, which anybody may open.
        self.lock = None;
        Ok(())
    }

    /// Takes back what was done so far.
    fn give_up(&mut self) -> Result<()> {
        let vfs = Arc::clone(self.vfs());
        if self.lock.is_none() {
            // Somebody else's, or not even begun.
            return Ok(());
        }
        if self.renamed {
            let kind = vfs.kind(&self.dir).map_err(|e| Error::io("look at", &self.dir, e))?;
            if kind.is_none() {
                let renamed = vfs.rename_dir(&self.target, &self.dir);
                renamed.map_err(|e| Error::io("rename", &self.target, e))?;
            }
            sync_dir(&*vfs, above(&self.target))?;
        }
        for leftover in leftover::find(&*vfs, &self.dir)? {
            leftover.remove(&*vfs)?;
        }
        self.lock = None;
        Leftover::File(self.dir.join(layout::LOCK)).remove(&*vfs)?;
        Leftover::Dir(self.dir.clone()).remove(&*vfs)
    }
}

/// Everything that is to be done, in its order.
fn tasks(dir: &Path, contents: &Contents) -> VecDeque<Task> {
    let mut tasks = VecDeque::from([Task::Begin]);
    let (wal, tables) = (dir.join(layout::WAL_DIR), dir.join(layout::TABLES_DIR));
    tasks.extend([Task::MakeDir(wal.clone()), Task::MakeDir(tables.clone())]);
    let mut synced = vec![wal];
    for (place, taken) in contents.tables.iter().enumerate() {
        let below = table_dir(dir, &taken.table);
        let (ssts, indexes) = (below.join(layout::SST_DIR), below.join(layout::INDEX_DIR));
        tasks.push_back(Task::MakeDir(below.clone()));
        tasks.push_back(Task::MakeDir(ssts.clone()));
        let has_indexes = !taken.files.indexes.is_empty();
        if has_indexes {
            tasks.push_back(Task::MakeDir(indexes.clone()));
        }
        tasks.push_back(Task::Schema(Arc::clone(&taken.table)));
        let sst_files = taken.files.ssts.iter().map(|sst| {
            let to = layout::sst_path(&below, sst.meta.file_number);
            Task::Link(sst.path.clone(), to)
        });
        tasks.extend(sst_files);
        let index_files = taken.files.indexes.values().flat_map(|index| index.files.values());
        let index_files = index_files.map(|file| {
            let to = layout::index_path(&below, file.meta.file_number);
            Task::Link(file.path.clone(), to)
        });
        if !mutant::when("copy-without-indexes", || index_files.clone().next().is_some()) {
            tasks.extend(index_files);
        }
        let is_left_out = || place > 0 && !taken.memory.is_empty();
        if !mutant::when("copy-of-one-table", is_left_out) {
            tasks.extend((0..taken.memory.len()).map(|memtable| Task::Rows(place, memtable)));
        }
        synced.push(ssts);
        synced.extend(has_indexes.then_some(indexes));
        synced.push(below);
    }
    synced.push(tables);
    tasks.extend(synced.into_iter().map(Task::SyncDir));
    if mutant::on("copy-renamed-early") {
        tasks.extend([Task::Manifest, Task::Rename]);
        return tasks;
    }
    tasks.extend([Task::Manifest, Task::SyncDir(dir.to_owned()), Task::Rename]);
    tasks
}

/// The directory of a table in a checkpoint that is made in `dir`.
fn table_dir(dir: &Path, table: &TableState) -> PathBuf {
    layout::table_dir(dir, &crate::schema::name::directory_name(table.id, &table.name))
}

/// The directory that a directory is in.
fn above(dir: &Path) -> &Path {
    dir.parent().unwrap_or(Path::new(""))
}

fn sync_dir(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    vfs.sync_dir(dir).map_err(|e| Error::io("sync", dir, e))
}

/// Gives a sealed, durable file a second name, or copies it where that can't be. The name is not
/// durable on return.
fn link(vfs: &dyn Vfs, from: &Path, to: &Path) -> Result<()> {
    use ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    match vfs.hard_link(from, to) {
        Ok(()) => Ok(()),
        // File systems that lack links say one or the other.
        Err(error)
            if matches!(
                error.kind(),
                CrossesDevices | PermissionDenied | TooManyLinks | Unsupported
            ) =>
        {
            copy(vfs, from, to)
        }
        Err(error) => Err(Error::io("link", from, error)),
    }
}

fn copy(vfs: &dyn Vfs, from: &Path, to: &Path) -> Result<()> {
    let source = vfs.open(from, Access::Read).map_err(|e| Error::io("open", from, e))?;
    let bytes = source.len().map_err(|e| Error::io("look at", from, e))?;
    let copy = vfs.create(to).map_err(|e| Error::io("create", to, e))?;
    let mut buffer = Vec::new();
    let mut offset = 0;
    while offset < bytes {
        buffer.resize((bytes - offset).min(COPY_BYTES) as usize, 0);
        source.read_exact_at(&mut buffer, offset).map_err(|e| Error::io("read", from, e))?;
        copy.write_all_at(&buffer, offset).map_err(|e| Error::io("write", to, e))?;
        offset += buffer.len() as u64;
    }
    copy.sync_all().map_err(|e| Error::io("sync", to, e))
}
