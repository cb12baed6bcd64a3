//! An open table: its schema and the files and memtables that hold its rows.
//!
//! Invariants
//! 1. A [`TableFiles`] never changes. Whoever holds one reads a complete table: SSTs and memtables
//!    in the order of their rows, each beginning where the one before ends.
//! 2. Replacing it changes where rows are, never which rows there are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::layout;
use crate::locks::{lock, read, write};
use crate::memtable::Memtable;
use crate::row::RowBatch;
use crate::sst::{SstIdentity, SstMeta, SstReader};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, OnceLock, RwLock};
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
    dropped: AtomicBool,
    spare: Mutex<Vec<RowBatch>>,
}

/// Empty batches kept for the next commits: as many as may be under way at once, about.
const SPARE_BATCHES_MAX: usize = 8;

/// A batch that held more than this gives its memory back.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// Where the rows of a table are.
#[derive(Debug, Default)]
pub(crate) struct TableFiles {
    /// In the order of their rows.
    pub(crate) ssts: Vec<Arc<Sst>>,
    /// After the SSTs, oldest first; only the last still grows.
    pub(crate) memtables: Vec<Arc<Memtable>>,
}

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
            dropped: AtomicBool::new(false),
            spare: Mutex::default(),
        }
    }

    /// Gives the table the SSTs that it was found with.
    pub(crate) fn set_ssts(&self, ssts: impl Iterator<Item = Arc<Sst>>) {
        *write(&self.files) = Arc::new(TableFiles { ssts: ssts.collect(), memtables: Vec::new() });
    }

    /// Takes the rows away, of a table that was dropped.
    pub(crate) fn take_files(&self) -> Arc<TableFiles> {
        std::mem::take(&mut *write(&self.files))
    }

    /// Where the rows are now.
    pub(crate) fn files(&self) -> Arc<TableFiles> {
        Arc::clone(&read(&self.files))
    }

    /// What a file of this table says of itself.
    pub(crate) fn sst_identity(&self, database_id: u64, file_number: u64) -> SstIdentity {
        let schema_checksum = self.schema.checksum();
        SstIdentity { file_number, database_id, table_id: self.id, schema_checksum }
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
        let mut files = write(&self.files);
        let mut memtables = files.memtables.clone();
        memtables.push(memtable);
        *files = Arc::new(TableFiles { ssts: files.ssts.clone(), memtables });
    }

    /// Puts an SST in the place of the oldest memtable, which holds the same rows.
    pub(crate) fn replace_memtable(&self, memtable: &Arc<Memtable>, sst: Arc<Sst>) {
        let mut files = write(&self.files);
        let mut ssts = files.ssts.clone();
        ssts.push(sst);
        let oldest = files.memtables.first();
        assert!(oldest.is_some_and(|m| Arc::ptr_eq(m, memtable)), "flushed out of order");
        let memtables = files.memtables[1..].to_vec();
        *files = Arc::new(TableFiles { ssts, memtables });
    }
}

impl TableFiles {
    /// `_seq` after the last row that is visible now.
    pub(crate) fn end_seq(&self) -> i64 {
        match (self.memtables.last(), self.ssts.last()) {
            (Some(memtable), _) => memtable.end_seq(),
            (None, Some(sst)) => sst.meta.max_seq + 1,
            (None, None) => 1,
        }
    }

    /// `_seq` of the first row there is, or would be.
    pub(crate) fn first_seq(&self) -> i64 {
        match (self.ssts.first(), self.memtables.first()) {
            (Some(sst), _) => sst.meta.min_seq,
            (None, Some(memtable)) => memtable.first_seq(),
            (None, None) => 1,
        }
    }

    /// The memtable that would hold row `seq`, if it is not in an SST.
    pub(crate) fn memtable_of(&self, seq: i64) -> Option<&Arc<Memtable>> {
        self.memtables.iter().rev().find(|m| m.first_seq() <= seq)
    }

    /// The SST that holds row `seq`.
    pub(crate) fn sst_of(&self, seq: i64) -> Option<&Arc<Sst>> {
        let after = self.ssts.partition_point(|sst| sst.meta.min_seq <= seq);
        let sst = self.ssts.get(after.checked_sub(1)?)?;
        (seq <= sst.meta.max_seq).then_some(sst)
    }
}

/// An SST of the version; opened when it is first read.
#[derive(Debug)]
pub(crate) struct Sst {
    pub(crate) meta: SstMeta,
    pub(crate) path: PathBuf,
    identity: SstIdentity,
    vfs: Arc<dyn Vfs>,
    types: Arc<[DataType]>,
    reader: OnceLock<SstReader>,
    opening: Mutex<()>,
}

impl Sst {
    pub(crate) fn new(
        vfs: &Arc<dyn Vfs>,
        database_id: u64,
        table: &TableState,
        meta: SstMeta,
    ) -> Self {
        Sst {
            path: layout::sst_path(&table.dir, meta.file_number),
            identity: table.sst_identity(database_id, meta.file_number),
            meta,
            vfs: Arc::clone(vfs),
            types: Arc::clone(&table.types),
            reader: OnceLock::new(),
            opening: Mutex::new(()),
        }
    }

    /// The reader; opens the file when this is the first use.
    ///
    /// # Errors
    /// Whatever opening gave; the next call tries again.
    pub(crate) fn reader(&self) -> Result<&SstReader> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader);
        }
        let _one_at_a_time = lock(&self.opening);
        if let Some(reader) = self.reader.get() {
            return Ok(reader);
        }
        let reader = self.open()?;
        Ok(self.reader.get_or_init(|| reader))
    }

    /// A reader of its own, which has checked nothing yet.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Corrupt`], [`Error::Unsupported`].
    pub(crate) fn open(&self) -> Result<SstReader> {
        SstReader::open(&*self.vfs, &self.path, self.identity, &self.meta, &self.types)
    }
}
