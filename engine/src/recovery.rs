//! Opening a database: whatever state a crash left it in, to an open one.
//!
//! ```text
//!   lock ─► MANIFEST: version ─► WAL: rows after it ─► cut a torn tail ─► orphans
//! ```
//!
//! Invariants
//! 1. Until everything was read and found sound, nothing is changed but what creating an empty
//!    database takes: a database that can't be opened is left as it was found.
//! 2. What is named by the version is there. What is there and not named is an orphan: a file that
//!    a crash overtook before its edit, or after the edit that made it obsolete. Orphans are handed
//!    to the delete job; the numbers they carry are not given again.
//! 3. The log goes on where the version ends: commit after commit, row after row. A gap means that
//!    something acknowledged is missing, and is an error.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, EntryKind, FileLock, Vfs};

use crate::coding::bytes::Reader;
use crate::edit::VersionEdit;
use crate::format::manifest::Meta;
use crate::jobs::Obsolete;
use crate::locks::lock;
use crate::manifest::{self, Found, Loaded, ManifestWriter};
use crate::mutant;
use crate::options::Options;
use crate::schema::Schema;
use crate::state::{Log, Manifest, Recovered, State, Tables};
use crate::table_files::Index;
use crate::table_state::TableState;
use crate::version::TableVersion;
use crate::wal::{self, Cut, First, Logged};
use crate::{Error, Result, layout};

mod replayed;

pub(crate) use replayed::Replayed;

/// Opens the database in `root`, or creates it.
///
/// # Errors
/// [`Error::NoDatabase`], [`Error::Locked`], [`Error::Corrupt`], [`Error::Unsupported`],
/// [`Error::Io`].
pub(crate) fn open(options: Options, root: PathBuf) -> Result<State> {
    options.check()?;
    let (options, counters) = options.metered(&root);
    let vfs = Arc::clone(&options.vfs);
    if options.create_if_missing {
        create_dirs(&*vfs, &root)?;
    } else if !exists(&*vfs, &root)? {
        return Err(Error::NoDatabase { path: root });
    }
    let lock = take_lock(&*vfs, &root)?;
    let loaded = load_or_create(&options, &root)?;
    let database_id = loaded.meta.database_id;
    let mut tables = tables_of(&vfs, &root, database_id, &loaded)?;
    let orphans = Orphans::find(&*vfs, &root, &loaded, &tables)?;
    if mutant::on("manifest-rewritten-early") {
        ManifestWriter::resume(&*vfs, &root, &loaded)?.append(&VersionEdit::new(Vec::new()))?;
    }
    let (log, cut) = replay(&options, &root, &loaded, &mut tables)?;
    // All is read and sound. From here on it is changed: first what was read is made durable,
    // then what depends on it.
    let writer = ManifestWriter::resume(&*vfs, &root, &loaded)?;
    if let Some(cut) = cut {
        wal::cut(&vfs, &root.join(layout::WAL_DIR), &cut)?;
    }
    let Loaded { version, clean_close: closed_cleanly, .. } = *loaded;
    let (ends_with_flush, ends_with_removal) = (loaded.ends_with_flush, loaded.ends_with_removal);
    let (writer, next_table) = (Some(writer), orphans.next_table);
    let manifest = Manifest { writer, version, next_table, closed_cleanly };
    let (next_file, mut obsolete) = (orphans.next_file, orphans.obsolete);
    let mut unvouched = orphans.old_log;
    if ends_with_removal {
        unvouched.extend(obsolete.drain(..));
    }
    let state = State::new(Recovered {
        options,
        counters,
        root,
        database_id,
        log,
        manifest,
        tables,
        next_file,
        obsolete,
        lock,
    });
    give_up_unvouched(&state, unvouched, ends_with_flush || ends_with_removal)?;
    Ok(state)
}

/// Hands segments that were flushed, and SSTs that were merged, to the delete job, once an edit
/// stands behind the one that made them obsolete: see `flush.rs` for why not before. That edit is
/// written, too, where a flush came last and its segments are gone already: they were never synced,
/// and a crash has lost them.
///
/// # Errors
/// [`Error::Io`] if a sync failed. Where the edit could not be written, the files stay for the next
/// time.
fn give_up_unvouched(state: &State, files: Vec<Obsolete>, is_last_unvouched: bool) -> Result<()> {
    if files.is_empty() && !is_last_unvouched {
        return Ok(());
    }
    let mut manifest = lock(&state.manifest);
    let vouched =
        manifest.closed_cleanly || manifest.commit(state, &VersionEdit::new(Vec::new())).is_ok();
    drop(manifest);
    state.check_alive()?;
    if vouched {
        state.add_obsolete(files);
    }
    Ok(())
}

/// Creates the directory and those above it that are missing, durably.
pub(crate) fn create_dirs(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    match vfs.kind(dir).map_err(|e| Error::io("look at", dir, e))? {
        Some(EntryKind::Dir) => return Ok(()),
        Some(_) => return Err(Error::invalid(format!("{} is not a directory", dir.display()))),
        None => {}
    }
    let Some(parent) = dir.parent() else { return Ok(()) };
    create_dirs(vfs, parent)?;
    match vfs.create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::io("create", dir, error));
        }
        _ => {}
    }
    vfs.sync_dir(parent).map_err(|e| Error::io("sync", parent, e))
}

/// Makes the name of the database's directory durable, also where an interrupted creation, or
/// somebody else, made the directory and did not sync it.
fn sync_above(vfs: &dyn Vfs, root: &Path) -> Result<()> {
    let mut above = root.ancestors().skip(1);
    if let Some(parent) = above.next() {
        vfs.sync_dir(parent).map_err(|e| Error::io("sync", parent, e))?;
    }
    // Most likely they have been there for long, and may not be ours to sync.
    above.for_each(|dir| drop(vfs.sync_dir(dir)));
    Ok(())
}

/// Whether there is a database, without touching anything.
fn exists(vfs: &dyn Vfs, root: &Path) -> Result<bool> {
    if vfs.kind(root).map_err(|e| Error::io("look at", root, e))? != Some(EntryKind::Dir) {
        return Ok(false);
    }
    let current = root.join(crate::format::manifest::CURRENT);
    if vfs.kind(&current).map_err(|e| Error::io("look at", &current, e))?.is_some() {
        return Ok(true);
    }
    // Says what is wrong where the rest of a database is there.
    Ok(matches!(manifest::load(vfs, root)?, Found::Database(_)))
}

fn take_lock(vfs: &dyn Vfs, root: &Path) -> Result<Box<dyn FileLock>> {
    let path = root.join(layout::LOCK);
    let Some(lock) = vfs.try_lock(&path).map_err(|e| Error::io("lock", &path, e))? else {
        // Best effort: who holds it is only for the message.
        let mut holder = [0; 64];
        let read = vfs.open(&path, Access::Read).and_then(|file| {
            let bytes = file.len()?.min(holder.len() as u64) as usize;
            file.read_exact_at(&mut holder[..bytes], 0).map(|()| bytes)
        });
        let holder = read.ok().and_then(|bytes| std::str::from_utf8(&holder[..bytes]).ok());
        let holder = holder.map(|text| text.trim().to_owned());
        // Nothing guards it against damage, and it is shown to people.
        let holder = holder.filter(|text| !text.is_empty() && !text.contains(char::is_control));
        return Err(Error::Locked { path: root.to_owned(), holder });
    };
    lock.write_holder(&lock.holder()).map_err(|e| Error::io("write", &path, e))?;
    Ok(lock)
}

fn load_or_create(options: &Options, root: &Path) -> Result<Box<Loaded>> {
    let vfs = &*options.vfs;
    for _ in 0..2 {
        match manifest::load(vfs, root)? {
            Found::Database(loaded) => return Ok(loaded),
            Found::Foreign(name) => {
                return Err(Error::invalid(format!(
                    "{} holds {name:?}, which is not srdb's; name an empty directory",
                    root.display()
                )));
            }
            Found::Absent | Found::HalfCreated if !options.create_if_missing => {
                return Err(Error::NoDatabase { path: root.to_owned() });
            }
            Found::Absent | Found::HalfCreated => {
                sync_above(vfs, root)?;
                let clock = &options.clock;
                let meta =
                    Meta { database_id: clock.entropy().max(1), created_time: clock.now_ns() };
                manifest::create(vfs, root, &meta)?;
            }
        }
    }
    Err(Error::corrupt(root, 0, "the database that was just created is not there"))
}

/// The tables of the version, with their SSTs, none of which is opened.
pub(crate) fn tables_of(
    vfs: &Arc<dyn Vfs>,
    root: &Path,
    database_id: u64,
    loaded: &Loaded,
) -> Result<Tables> {
    let mut tables = Tables::default();
    for table in loaded.version.tables.values() {
        let corrupt = |what: String| {
            Error::corrupt(&loaded.path, 0, format!("table {:?}: {what}", table.name))
        };
        let schema = decode_schema(table).map_err(|damage| corrupt(damage.what))?;
        let state = TableState::new(root, table.id, &table.name, Arc::new(schema));
        let ssts = table.ssts.iter();
        let ssts = ssts.map(|meta| Arc::new(state.sst(vfs, database_id, *meta))).collect();
        let mut indexes = BTreeMap::new();
        for (&field, &unique) in &table.indexes {
            if field as usize >= state.types.len() {
                return Err(corrupt(format!("it has an index of field {field}")));
            }
            indexes.insert(field, Index { unique, ..Index::default() });
        }
        for (&(sst, field), meta) in &table.index_files {
            let rows = table.ssts.iter().find(|live| live.file_number == sst).map(|live| live.rows);
            let (Some(rows), Some(index)) = (rows, indexes.get_mut(&field)) else {
                return Err(corrupt(format!("an index file of SST {sst}, which is not there")));
            };
            let file = state.index_file(vfs, database_id, *meta, rows);
            index.files.insert(sst, Arc::new(file));
        }
        if let Err(error) = table.retention.place_of(&state.schema, &state.name) {
            return Err(corrupt(format!("its limits can't be: {error}")));
        }
        if !mutant::when("limits-forgotten", || !table.retention.is_unlimited()) {
            state.set_retention(Arc::clone(&table.retention));
        }
        state.set_files(ssts, indexes, table.dropped_below);
        tables.insert(Arc::new(state));
    }
    Ok(tables)
}

/// The schema of a table of the version.
pub(crate) fn decode_schema(table: &TableVersion) -> Result<Schema, crate::error::Damage> {
    let mut reader = Reader::new(&table.schema);
    let schema = Schema::decode(&mut reader)?;
    reader.finish()?;
    Ok(schema)
}

/// Reads the log into memtables. Says what has to be cut off where its tail is torn.
fn replay(
    options: &Options,
    root: &Path,
    loaded: &Loaded,
    tables: &mut Tables,
) -> Result<(Log, Option<Cut>)> {
    let dir = root.join(layout::WAL_DIR);
    let version = &loaded.version;
    // 0 says that no segment was flushed yet; the first is number 1.
    let from_start = mutant::when("flushed-log-replayed", || version.log_number > 1);
    let mut first_number = if from_start { 1 } else { version.log_number.max(1) };
    if loaded.clean_close && mutant::on("close-believed") {
        first_number += 1000;
    }
    let mut rows = Replayed::behind(options, &dir, version, tables);
    if mutant::on("time-forgotten") {
        rows.last_time = i64::MIN;
    }
    let vfs = &options.vfs;
    let id = loaded.meta.database_id;
    let first = First { number: first_number, carries: version.carries_into(first_number) };
    let outcome = wal::replay(vfs, &dir, id, first, &mut |logged| match logged {
        Logged::Commit(commit) => rows.add(&commit),
        Logged::Carry(carry) => rows.carry(&carry),
    })?;
    if let Some(first) = outcome.segments.first() {
        rows.check_follows(first.number, first.first_commit)?;
    }
    let Replayed { mut active, last_commit, last_time, next_seq, .. } = rows;
    if version.carries_into(first_number) {
        active.begins_after = version.last_commit;
    }
    active.segments = outcome.segments.iter().map(|segment| segment.number).collect();
    let start = outcome.start(last_commit + 1);
    let start_failed = false;
    let log = Log { writer: None, start, start_failed, active, last_commit, last_time, next_seq };
    Ok((log, outcome.cut))
}

/// What is there and named by nothing, and the numbers that are free.
struct Orphans {
    obsolete: VecDeque<Obsolete>,
    /// Segments of the log that were flushed.
    old_log: Vec<Obsolete>,
    next_file: u64,
    next_table: u32,
}

impl Orphans {
    fn find(vfs: &dyn Vfs, root: &Path, loaded: &Loaded, tables: &Tables) -> Result<Self> {
        let version = &loaded.version;
        let mut found = Orphans {
            obsolete: VecDeque::new(),
            old_log: Vec::new(),
            next_file: version.next_file,
            next_table: version.next_table,
        };
        let leftovers = manifest::leftovers(vfs, root, loaded.header.file_number)?;
        for path in leftovers {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let number = crate::format::manifest::manifest_number(name).unwrap_or(0);
            found.next_file = found.next_file.max(number.saturating_add(1));
            found.obsolete.push_back(Obsolete::File(path));
        }
        let wal_dir = root.join(layout::WAL_DIR);
        let first_live = version.log_number;
        let obsolete = wal::obsolete_files(vfs, &wal_dir, first_live)?;
        found.old_log.extend(obsolete.into_iter().map(Obsolete::File));
        found.look_at_tables(vfs, root, tables)?;
        Ok(found)
    }

    fn look_at_tables(&mut self, vfs: &dyn Vfs, root: &Path, tables: &Tables) -> Result<()> {
        let live: BTreeMap<PathBuf, &Arc<TableState>> =
            tables.by_id.values().map(|table| (table.dir.clone(), table)).collect();
        let dir = root.join(layout::TABLES_DIR);
        for entry in list(vfs, &dir)? {
            let path = dir.join(&entry.name);
            let Some(id) = layout::table_id(&entry.name) else { continue };
            if id < self.next_table || !mutant::on("table-id-reused") {
                self.next_table = self.next_table.max(id.saturating_add(1));
            }
            if !live.contains_key(&path) {
                self.give_up_table(vfs, &path)?;
            }
        }
        for table in live.values() {
            let files = table.files();
            let ssts = files.ssts.iter().map(|sst| sst.path.clone()).collect();
            self.look_at(vfs, &table.dir.join(layout::SST_DIR), "sst", ssts)?;
            let indexes = files.indexes.values().flat_map(|index| index.files.values());
            let indexes = indexes.map(|file| file.path.clone()).collect();
            self.look_at(vfs, &table.dir.join(layout::INDEX_DIR), "idx", indexes)?;
        }
        Ok(())
    }

    /// Checks that a table's files of one kind are there, and finds those that are not its own.
    fn look_at(
        &mut self,
        vfs: &dyn Vfs,
        dir: &Path,
        extension: &str,
        mut missing: BTreeSet<PathBuf>,
    ) -> Result<()> {
        for entry in list(vfs, dir)? {
            let Some(number) = layout::file_number(&entry.name, extension) else { continue };
            if number < self.next_file || !mutant::on("file-number-reused") {
                self.next_file = self.next_file.max(number.saturating_add(1));
            }
            let path = dir.join(&entry.name);
            if !missing.remove(&path) {
                self.obsolete.push_back(Obsolete::File(path));
            }
        }
        let missing = missing.first().map(|path| Error::corrupt(path, 0, "the file is missing"));
        missing.map_or(Ok(()), Err)
    }

    /// The directory of a table that was dropped, or never came to be. Only names of ours go, and
    /// the directory only if there are no others.
    fn give_up_table(&mut self, vfs: &dyn Vfs, dir: &Path) -> Result<()> {
        let mut foreign = false;
        let mut inner = Vec::new();
        for (name, extension) in [(layout::SST_DIR, "sst"), (layout::INDEX_DIR, "idx")] {
            let below = dir.join(name);
            let mut is_ours = true;
            for entry in list(vfs, &below)? {
                match layout::file_number(&entry.name, extension) {
                    Some(number) => {
                        self.next_file = self.next_file.max(number.saturating_add(1));
                        self.obsolete.push_back(Obsolete::File(below.join(&entry.name)));
                    }
                    None => is_ours = false,
                }
            }
            foreign |= !is_ours;
            let is_there = vfs.kind(&below).map_err(|e| Error::io("look at", &below, e))?;
            inner.extend((is_ours && is_there.is_some()).then(|| Obsolete::Dir(below)));
        }
        for entry in list(vfs, dir)? {
            match entry.name.to_str() {
                Some(layout::SCHEMA_FILE) => inner.push(Obsolete::File(dir.join(&entry.name))),
                Some(layout::SST_DIR | layout::INDEX_DIR) => {}
                _ => foreign = true,
            }
        }
        self.obsolete.extend(inner);
        if !foreign {
            self.obsolete.push_back(Obsolete::Dir(dir.to_owned()));
        }
        Ok(())
    }
}

/// The entries of a directory; none if it is missing.
fn list(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<srdb_vfs::DirEntry>> {
    match vfs.read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|error| Error::io("list", dir, error)),
    }
}
