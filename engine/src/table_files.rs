//! Where the rows of a table are: its SSTs, their index files, and its memtables.
//!
//! Invariant: a [`TableFiles`] never changes. Whoever holds one reads a complete table: SSTs and
//! memtables in the order of their rows, each beginning where the one before ends; and an index
//! file in it has exactly the rows of its SST.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::index::{IndexIdentity, IndexMeta, IndexReader};
use crate::locks::lock;
use crate::memtable::Memtable;
use crate::mutant;
use crate::sst::{SstIdentity, SstMeta, SstReader};
use crate::sync::{Mutex, OnceLock};
use crate::{DataType, Result};

/// Where the rows of a table are.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableFiles {
    /// In the order of their rows.
    pub(crate) ssts: Vec<Arc<Sst>>,
    /// After the SSTs, oldest first; only the last still grows.
    pub(crate) memtables: Vec<Arc<Memtable>>,
    /// By the place of the field in the schema.
    pub(crate) indexes: BTreeMap<u32, Index>,
    /// Rows below this `_seq` were dropped, wherever they still are.
    pub(crate) dropped_below: i64,
}

/// The index of a field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// No two rows may have the same value.
    pub(crate) unique: bool,
    /// By the file number of the SST. One that is missing is still to be built.
    pub(crate) files: BTreeMap<u64, Arc<IndexFile>>,
}

impl TableFiles {
    /// `_seq` after the last row that is visible now.
    pub(crate) fn end_seq(&self) -> i64 {
        match (self.memtables.last(), self.ssts.last()) {
            (Some(memtable), _) => memtable.end_seq(),
            (None, Some(sst)) => sst.meta.max_seq + 1,
            // What has lost all its rows goes on with the numbers behind them.
            (None, None) => self.dropped_below.max(1),
        }
    }

    /// `_seq` of the first row there is, or would be.
    pub(crate) fn first_seq(&self) -> i64 {
        let first = match (self.ssts.first(), self.memtables.first()) {
            (Some(sst), _) => sst.meta.min_seq,
            (None, Some(memtable)) => memtable.first_seq(),
            (None, None) => 1,
        };
        if mutant::when("dropped-rows-read", || self.dropped_below > first) {
            return first;
        }
        first.max(self.dropped_below)
    }

    /// Adds index files; of an index that was dropped meanwhile they are left out.
    pub(crate) fn add_index_files(&mut self, files: Vec<Arc<IndexFile>>) {
        for file in files {
            if let Some(index) = self.indexes.get_mut(&file.meta.field) {
                index.files.insert(file.meta.sst, file);
            }
        }
    }

    /// A field and an SST for which there is no index file yet, though the field has an index.
    pub(crate) fn missing_index_file(&self) -> Option<(u32, Arc<Sst>)> {
        self.indexes.iter().find_map(|(field, index)| {
            let mut ssts = self.ssts.iter();
            let sst = ssts.find(|sst| !index.files.contains_key(&sst.meta.file_number))?;
            Some((*field, Arc::clone(sst)))
        })
    }

    /// The memtable that would hold row `seq`, if it is not in an SST.
    pub(crate) fn memtable_of(&self, seq: i64) -> Option<&Arc<Memtable>> {
        let begins = |at: i64| at < seq || at == seq && !mutant::on("memtable-begins-late");
        self.memtables.iter().rev().find(|m| begins(m.first_seq()))
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
    reader: OpenOnce<SstReader>,
}

impl Sst {
    pub(crate) fn new(
        vfs: &Arc<dyn Vfs>,
        path: PathBuf,
        identity: SstIdentity,
        types: &Arc<[DataType]>,
        meta: SstMeta,
    ) -> Self {
        let (vfs, types, reader) = (Arc::clone(vfs), Arc::clone(types), OpenOnce::default());
        Sst { meta, path, identity, vfs, types, reader }
    }

    /// The reader; opens the file when this is the first use.
    ///
    /// # Errors
    /// Whatever opening gave; the next call tries again.
    pub(crate) fn reader(&self) -> Result<&SstReader> {
        self.reader.get_or_open(|| self.open())
    }

    /// Whether the file was read before.
    pub(crate) fn is_open(&self) -> bool {
        self.reader.opened.get().is_some()
    }

    /// A reader of its own, which has checked nothing yet.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`], [`crate::Error::Unsupported`].
    pub(crate) fn open(&self) -> Result<SstReader> {
        SstReader::open(&*self.vfs, &self.path, self.identity, &self.meta, &self.types)
    }
}

/// An index file of the version; opened when it is first read.
#[derive(Debug)]
pub(crate) struct IndexFile {
    pub(crate) meta: IndexMeta,
    pub(crate) path: PathBuf,
    identity: IndexIdentity,
    vfs: Arc<dyn Vfs>,
    reader: OpenOnce<IndexReader>,
}

impl IndexFile {
    pub(crate) fn new(
        vfs: &Arc<dyn Vfs>,
        path: PathBuf,
        identity: IndexIdentity,
        meta: IndexMeta,
    ) -> Self {
        IndexFile { meta, path, identity, vfs: Arc::clone(vfs), reader: OpenOnce::default() }
    }

    /// The reader; opens the file when this is the first use.
    ///
    /// # Errors
    /// Whatever opening gave; the next call tries again.
    pub(crate) fn reader(&self) -> Result<&IndexReader> {
        self.reader.get_or_open(|| self.open())
    }

    /// Whether the file was read before.
    pub(crate) fn is_open(&self) -> bool {
        self.reader.opened.get().is_some()
    }

    /// A reader of its own, which has checked nothing yet.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::Corrupt`], [`crate::Error::Unsupported`].
    pub(crate) fn open(&self) -> Result<IndexReader> {
        IndexReader::open(&*self.vfs, &self.path, self.identity, &self.meta)
    }
}

/// Something that is opened at its first use, once.
#[derive(Debug)]
struct OpenOnce<T> {
    opened: OnceLock<T>,
    opening: Mutex<()>,
}

impl<T> Default for OpenOnce<T> {
    fn default() -> Self {
        OpenOnce { opened: OnceLock::new(), opening: Mutex::default() }
    }
}

impl<T> OpenOnce<T> {
    fn get_or_open(&self, open: impl FnOnce() -> Result<T>) -> Result<&T> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let _one_at_a_time = lock(&self.opening);
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = open()?;
        Ok(self.opened.get_or_init(|| opened))
    }
}
