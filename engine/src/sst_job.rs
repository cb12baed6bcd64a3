//! Writing one SST, in steps.
//!
//! ```text
//!   new ─► Create ─► Rows* ─► Body ─► Header ─► Sync ─► done: the meta
//! ```
//!
//! Invariants
//! 1. A step makes one mutating call at the most.
//! 2. The name is not durable yet when it is done: that takes a sync of the directory.

use std::path::PathBuf;
use std::sync::Arc;

use srdb_vfs::Vfs;

use crate::memtable::Memtable;
use crate::merge::Merge;
use crate::mutant;
use crate::sst::{SstIdentity, SstMeta, SstWriter};
use crate::{DataType, Error, Result};

/// What is written without a sync between: the sync of much at once would hold up those of the log.
const SYNC_BYTES: u64 = 16 << 20;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct SstJob {
    pub(crate) path: PathBuf,
    identity: SstIdentity,
    types: Arc<[DataType]>,
    source: Source,
    stage: Stage,
    /// Bytes that were synced before the rest is there.
    synced: u64,
}

/// Where the rows come from.
#[derive(Debug)]
enum Source {
    /// A memtable that takes no more rows, from a chunk on.
    Memtable(Arc<Memtable>, usize),
    /// Other SSTs of the table.
    Merge(Box<Merge>),
}

#[derive(Debug)]
enum Stage {
    Create,
    Rows(SstWriter),
    Body(SstWriter),
    Header(SstWriter),
    Sync(SstWriter),
    /// After an error, or after the end.
    Over,
}

impl SstJob {
    /// To write the rows of a memtable that takes no more, and has some.
    pub(crate) fn of_memtable(
        memtable: &Arc<Memtable>,
        path: PathBuf,
        identity: SstIdentity,
        types: &Arc<[DataType]>,
    ) -> Self {
        SstJob::new(Source::Memtable(Arc::clone(memtable), 0), path, identity, types)
    }

    /// To write the rows of other SSTs.
    pub(crate) fn of_merge(
        merge: Merge,
        path: PathBuf,
        identity: SstIdentity,
        types: &Arc<[DataType]>,
    ) -> Self {
        SstJob::new(Source::Merge(Box::new(merge)), path, identity, types)
    }

    fn new(source: Source, path: PathBuf, identity: SstIdentity, types: &Arc<[DataType]>) -> Self {
        let types = Arc::clone(types);
        SstJob { path, identity, types, source, stage: Stage::Create, synced: 0 }
    }

    /// Rows of the memtable, if it writes one, that it has taken so far.
    pub(crate) fn rows_taken(&self, memtable: &Memtable) -> u64 {
        let Source::Memtable(_, chunks) = &self.source else { return 0 };
        (chunks * memtable.chunk_rows()).min(memtable.published()) as u64
    }

    /// Does one step; the meta comes with the last one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`]; [`Error::Corrupt`] where the rows come from other SSTs.
    /// Then the file is to be removed, if it is there, and the job is over.
    pub(crate) fn step(&mut self, vfs: &dyn Vfs) -> Result<Option<SstMeta>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Create => {
                let writer = SstWriter::create(vfs, &self.path, self.identity, &self.types)?;
                self.stage = Stage::Rows(writer);
            }
            Stage::Rows(mut writer) => {
                let has_more = self.rows(&mut writer)?;
                self.stage = if has_more { Stage::Rows(writer) } else { Stage::Body(writer) };
            }
            Stage::Body(mut writer) => {
                writer.finish_body()?;
                self.stage = Stage::Header(writer);
            }
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

    /// Adds rows, until some were written at the latest; whether there are more.
    fn rows(&mut self, writer: &mut SstWriter) -> Result<bool> {
        if writer.written() >= self.synced + SYNC_BYTES {
            writer.sync_part()?;
            self.synced = writer.written();
            return Ok(true);
        }
        match &mut self.source {
            Source::Memtable(memtable, next) => {
                let Some(chunk) = memtable.chunk(*next, usize::MAX) else { return Ok(false) };
                let is_tail = || *next > 0 && chunk.len() < memtable.chunk_rows();
                if mutant::when("flush-misses-the-tail", is_tail) {
                    return Ok(false);
                }
                writer.add(&chunk)?;
                *next += 1;
                Ok(true)
            }
            Source::Merge(merge) => {
                let before = writer.written();
                while writer.written() == before {
                    if !merge.step(writer)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}
