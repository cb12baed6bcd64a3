//! Writing one index file, in steps.
//!
//! ```text
//!   new ─► Create ─► Keys* ─► Body ─► Header ─► Sync ─► done: the meta
//! ```
//!
//! Invariants
//! 1. A step makes one mutating call at the most.
//! 2. The name is not durable yet when it is done: the directory is synced once for many files.

use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::index::{IndexIdentity, IndexMeta, IndexWriter, KeyGroups};
use crate::memtable::Memtable;
use crate::{Error, Result};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct IndexJob {
    pub(crate) path: PathBuf,
    identity: IndexIdentity,
    source: Source,
    /// The numbers of the keys, in the order of the keys.
    sorted: Vec<u32>,
    next: usize,
    stage: Stage,
}

/// Where the rows by key come from.
#[derive(Debug)]
enum Source {
    /// A memtable that takes no more rows and has an index of the field.
    Memtable(Arc<Memtable>),
    /// Rows that were gathered for this.
    Own(KeyGroups),
}

#[derive(Debug)]
enum Stage {
    Create,
    Keys(IndexWriter),
    Header(IndexWriter),
    Sync(IndexWriter),
    /// After an error, or after the end.
    Over,
}

impl IndexJob {
    /// To write the file of a memtable that takes no more rows and has an index of the field.
    pub(crate) fn of_memtable(
        memtable: &Arc<Memtable>,
        path: PathBuf,
        identity: IndexIdentity,
    ) -> Self {
        IndexJob::new(Source::Memtable(Arc::clone(memtable)), path, identity)
    }

    /// To write the file of rows that were gathered from an SST.
    pub(crate) fn of_rows(rows: KeyGroups, path: PathBuf, identity: IndexIdentity) -> Self {
        IndexJob::new(Source::Own(rows), path, identity)
    }

    fn new(source: Source, path: PathBuf, identity: IndexIdentity) -> Self {
        let mut job =
            IndexJob { path, identity, source, sorted: Vec::new(), next: 0, stage: Stage::Create };
        job.sorted = job.with_groups(|groups| Ok(groups.sorted())).unwrap_or_default();
        job
    }

    /// Does one step; the meta comes with the last one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`]. Then the file is to be removed, if it is there, and the job
    /// is over.
    pub(crate) fn step(&mut self, vfs: &dyn Vfs) -> Result<Option<IndexMeta>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Create => {
                let keys = self.sorted.len() as u64;
                let writer = IndexWriter::create(vfs, &self.path, self.identity, keys)?;
                self.stage = Stage::Keys(writer);
            }
            Stage::Keys(writer) => self.stage = self.keys(writer)?,
            Stage::Header(mut writer) => {
                writer.write_header()?;
                self.stage = Stage::Sync(writer);
            }
            Stage::Sync(mut writer) => {
                writer.sync()?;
                return Ok(Some(writer.into_meta()));
            }
            Stage::Over => {
                let what = format!("a step of {} after its end", self.path.display());
                return Err(Error::invalid(what));
            }
        }
        Ok(None)
    }

    /// Adds keys until enough has gathered to be written, or all are added.
    fn keys(&mut self, mut writer: IndexWriter) -> Result<Stage> {
        let (sorted, mut next) = (std::mem::take(&mut self.sorted), self.next);
        let mut rows = Vec::new();
        self.with_groups(|groups| {
            while next < sorted.len() && !writer.is_full() {
                rows.clear();
                groups.rows(sorted[next], &mut rows);
                writer.add(groups.key(sorted[next]), &rows)?;
                next += 1;
            }
            Ok(())
        })?;
        let is_last = next == sorted.len();
        (self.sorted, self.next) = (sorted, next);
        if is_last {
            writer.finish_body()?;
            return Ok(Stage::Header(writer));
        }
        writer.flush()?;
        Ok(Stage::Keys(writer))
    }

    fn with_groups<R>(&self, act: impl FnOnce(&KeyGroups) -> Result<R>) -> Result<R> {
        match &self.source {
            Source::Own(groups) => act(groups),
            Source::Memtable(memtable) => {
                let done = memtable.with_groups(self.identity.field, act);
                done.unwrap_or_else(|| Err(Error::invalid("a memtable has lost its index")))
            }
        }
    }
}
