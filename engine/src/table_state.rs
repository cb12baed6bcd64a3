//! An open table: its schema and the files and memtables that hold its rows.
//!
//! Invariant: replacing its [`TableFiles`] changes where rows are, never which rows there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::index::{IndexIdentity, IndexMeta};
use crate::layout;
use crate::locks::{lock, read, write};
use crate::memtable::Memtable;
use crate::retention::Retention;
use crate::row::RowBatch;
use crate::sst::{SstIdentity, SstMeta};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, RwLock};
use crate::table_files::{Index, IndexFile, Sst, TableFiles};
use crate::{DataType, Error, Result, Schema};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) schema: Arc<Schema>,
    pub(crate) types: Arc<[DataType]>,
    pub(crate) dir: PathBuf,
    files: RwLock<Arc<TableFiles>>,
    /// How much is kept: what the last edit says that is durable.
    retention: RwLock<Arc<Retention>>,
    dropped: AtomicBool,
    spare: Mutex<Vec<RowBatch>>,
}

/// Empty batches kept for the next commits: as many as may be under way at once, about.
const SPARE_BATCHES_MAX: usize = 8;

/// A batch that held more than this gives its memory back.
const SPARE_BYTES_MAX: usize = 1 << 20;

impl TableState {
    /// A table without rows.
    pub(crate) fn new(root: &Path, id: u32, name: &str, schema: Arc<Schema>) -> Self {
        let types: Vec<DataType> = schema.fields().iter().map(|f| f.data_type()).collect();
        TableState {
            id,
            name: name.to_owned(),
            types: types.into(),
            dir: layout::table_dir(root, &crate::schema::name::directory_name(id, name)),
            schema,
            files: RwLock::default(),
            retention: RwLock::default(),
            dropped: AtomicBool::new(false),
            spare: Mutex::default(),
        }
    }

    /// Gives the table the files that it was found with.
    pub(crate) fn set_files(
        &self,
        ssts: Vec<Arc<Sst>>,
        indexes: BTreeMap<u32, Index>,
        dropped_below: i64,
    ) {
        let files = TableFiles { ssts, memtables: Vec::new(), indexes, dropped_below };
        *write(&self.files) = Arc::new(files);
    }

    /// How much is kept.
    pub(crate) fn retention(&self) -> Arc<Retention> {
        Arc::clone(&read(&self.retention))
    }

    pub(crate) fn set_retention(&self, limits: impl Into<Arc<Retention>>) {
        *write(&self.retention) = limits.into();
    }

    /// Takes the rows below a `_seq` away; returns the SSTs that held nothing else, and their index
    /// files.
    pub(crate) fn drop_rows(&self, first_seq: i64) -> (Vec<Arc<Sst>>, Vec<Arc<IndexFile>>) {
        let (mut ssts, mut index_files) = (Vec::new(), Vec::new());
        self.change_files(|files| {
            files.dropped_below = files.dropped_below.max(first_seq);
            let whole = files.ssts.partition_point(|sst| sst.meta.max_seq < first_seq);
            ssts = files.ssts.drain(..whole).collect();
            for index in files.indexes.values_mut() {
                let numbers = ssts.iter().map(|sst| sst.meta.file_number);
                index_files.extend(numbers.filter_map(|number| index.files.remove(&number)));
            }
        });
        (ssts, index_files)
    }

    /// Gives a new field an index, which has no file yet.
    pub(crate) fn add_index(&self, field: u32, unique: bool) {
        self.change_files(|files| {
            files.indexes.insert(field, Index { unique, files: BTreeMap::new() });
        });
    }

    /// Takes the index of a field away. Memtables keep theirs, which nobody asks for.
    pub(crate) fn remove_index(&self, field: u32) {
        self.change_files(|files| {
            files.indexes.remove(&field);
        });
    }

    /// Adds an index file that was built later than its SST.
    pub(crate) fn add_index_file(&self, file: Arc<IndexFile>) {
        self.change_files(|files| files.add_index_files(vec![file]));
    }

    fn change_files(&self, change: impl FnOnce(&mut TableFiles)) {
        let mut files = write(&self.files);
        let mut next = TableFiles::clone(&files);
        change(&mut next);
        *files = Arc::new(next);
    }

    /// Takes the rows away, of a table that was dropped.
    pub(crate) fn take_files(&self) -> Arc<TableFiles> {
        std::mem::take(&mut *write(&self.files))
    }

    /// Where the rows are now.
    pub(crate) fn files(&self) -> Arc<TableFiles> {
        Arc::clone(&read(&self.files))
    }

    /// An SST of this table.
    pub(crate) fn sst(&self, vfs: &Arc<dyn Vfs>, database_id: u64, meta: SstMeta) -> Sst {
        let path = layout::sst_path(&self.dir, meta.file_number);
        let identity = self.sst_identity(database_id, meta.file_number);
        Sst::new(vfs, path, identity, &self.types, meta)
    }

    /// An index file of this table, of an SST of so many rows.
    pub(crate) fn index_file(
        &self,
        vfs: &Arc<dyn Vfs>,
        database_id: u64,
        meta: IndexMeta,
        rows: u64,
    ) -> IndexFile {
        let path = layout::index_path(&self.dir, meta.file_number);
        let IndexMeta { file_number, sst, field, .. } = meta;
        let identity = self.index_identity(database_id, file_number, (sst, rows), field);
        IndexFile::new(vfs, path, identity, meta)
    }

    /// What an SST of this table says of itself.
    pub(crate) fn sst_identity(&self, database_id: u64, file_number: u64) -> SstIdentity {
        let schema_checksum = self.schema.checksum();
        SstIdentity { file_number, database_id, table_id: self.id, schema_checksum }
    }

    /// What an index file of this table says of itself: its number, the SST's number and rows, and
    /// the place of the field.
    pub(crate) fn index_identity(
        &self,
        database_id: u64,
        file_number: u64,
        (sst, rows): (u64, u64),
        field: u32,
    ) -> IndexIdentity {
        let (table_id, data_type) = (self.id, self.types[field as usize]);
        IndexIdentity { file_number, database_id, table_id, sst, rows, field, data_type }
    }

    /// An empty batch for rows of this table; one that was used before, if there is any, because
    /// making one costs more than committing a row.
    pub(crate) fn take_batch(&self) -> RowBatch {
        lock(&self.spare).pop().unwrap_or_else(|| RowBatch::new(&self.schema))
    }

    /// Takes back a batch that was committed.
    pub(crate) fn keep_batch(&self, mut batch: RowBatch) {
        if batch.bytes() > SPARE_BYTES_MAX {
            return;
        }
        batch.clear();
        let mut spare = lock(&self.spare);
        if spare.len() < SPARE_BATCHES_MAX {
            spare.push(batch);
        }
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }

    pub(crate) fn set_dropped(&self) {
        self.dropped.store(true, Ordering::Release);
    }

    pub(crate) fn check_exists(&self) -> Result<()> {
        if self.is_dropped() {
            return Err(Error::NoTable { name: self.name.clone() });
        }
        Ok(())
    }

    /// Adds the memtable of a new generation.
    pub(crate) fn add_memtable(&self, memtable: Arc<Memtable>) {
        self.change_files(|files| files.memtables.push(memtable));
    }

    /// Puts an SST, with its index files, in the place of those that it was merged from; returns
    /// their index files.
    pub(crate) fn replace_ssts(
        &self,
        merged: &[Arc<Sst>],
        sst: Arc<Sst>,
        index_files: Vec<Arc<IndexFile>>,
    ) -> Vec<Arc<IndexFile>> {
        let mut removed = Vec::new();
        self.change_files(|files| {
            let at = files.ssts.iter().position(|live| Arc::ptr_eq(live, &merged[0]));
            let span = at.map(|at| at..at + merged.len());
            let is_there = span.clone().and_then(|span| files.ssts.get(span)).is_some_and(|live| {
                live.iter().zip(merged).all(|(live, merged)| Arc::ptr_eq(live, merged))
            });
            let Some(span) = span.filter(|_| is_there) else {
                panic!("merged files that are no neighbours in their table");
            };
            files.ssts.splice(span, [sst]);
            for index in files.indexes.values_mut() {
                let numbers = merged.iter().map(|sst| sst.meta.file_number);
                removed.extend(numbers.filter_map(|number| index.files.remove(&number)));
            }
            files.add_index_files(index_files);
        });
        removed
    }

    /// Puts an SST, with its index files, in the place of the oldest memtable, which holds the same
    /// rows.
    pub(crate) fn replace_memtable(
        &self,
        memtable: &Arc<Memtable>,
        sst: Arc<Sst>,
        index_files: Vec<Arc<IndexFile>>,
    ) {
        self.change_files(|files| {
            let oldest = files.memtables.first();
            assert!(oldest.is_some_and(|m| Arc::ptr_eq(m, memtable)), "flushed out of order");
            files.memtables.remove(0);
            files.ssts.push(sst);
            files.add_index_files(index_files);
        });
    }
}
