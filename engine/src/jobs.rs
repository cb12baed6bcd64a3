//! What the work that runs behind works on: frozen generations, and names to be removed.
//!
//! ```text
//!   active ──freeze──► frozen ──flush──► SSTs, and its log segments are obsolete ──delete──►
//!             └─ small memtables ──► the next active one (see commit/carry.rs)
//! ```
//!
//! Only data: who does the work is in `flush.rs` and `delete.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::memtable::Memtable;
use crate::mutant;
use crate::table_files::{IndexFile, Sst};
use crate::table_state::TableState;

/// A kind of work that runs behind; see [`crate::Database::step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Job {
    /// Write one group of the commits that were handed in and that nobody waits for.
    Commit,
    /// Write frozen generations to SSTs.
    Flush,
    /// Drop the rows that limits of tables do not keep. It is listed after a flush, after limits
    /// were set and at opening; in [`crate::Background::Manual`] a step also looks at limits of age
    /// when it is not.
    Retain,
    /// Merge SSTs of a table.
    Compact,
    /// Build the files of an index that was made after its table had rows.
    BuildIndex,
    /// Remove files that nothing refers to any more.
    Delete,
}

/// What a step of a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There was nothing to do.
    Idle,
    /// Something was done; there may be more.
    More,
    /// Something was brought to its end.
    Done,
}

/// WAL segments and the memtables that hold their rows.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    pub(crate) segments: Vec<u64>,
    pub(crate) tables: BTreeMap<u32, (Arc<TableState>, Arc<Memtable>)>,
    /// Bytes of values held by the memtables, what was carried in included.
    pub(crate) bytes: usize,
    /// The last commit before the first segment: the rows of it, and of those before, that are held
    /// here were carried in.
    pub(crate) begins_after: u64,
}

/// A generation that takes no more rows and waits for its flush.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) generation: Generation,
    /// Segments below this one are of no more use once the generation is flushed.
    pub(crate) log_number: u64,
    pub(crate) last_commit: u64,
    pub(crate) last_time: i64,
    /// Where in the log that ends which was carried into segment `log_number`, if anything was: it
    /// has to be synced before this generation's segments are given up.
    pub(crate) carry_end: Option<u64>,
}

/// A name to be removed.
#[derive(Debug)]
pub(crate) enum Obsolete {
    /// A file.
    File(PathBuf),
    /// An SST that readers may still hold; removed when the last of them is gone.
    Sst(Arc<Sst>),
    /// An index file, likewise.
    Index(Arc<IndexFile>),
    /// A directory that is empty once what stands before it in the list is removed.
    Dir(PathBuf),
}

impl Obsolete {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Obsolete::File(path) | Obsolete::Dir(path) => path,
            Obsolete::Sst(sst) => &sst.path,
            Obsolete::Index(file) => &file.path,
        }
    }
}

/// How much of a generation is in files, in rows and in entries of index files.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Flushed {
    pub(crate) done: u64,
    pub(crate) all: u64,
}

/// Work that waits to be done behind.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    /// Oldest first. The first stays here until its flush is published.
    pub(crate) frozen: VecDeque<Arc<Frozen>>,
    /// Files and directories that nothing refers to any more.
    pub(crate) obsolete: VecDeque<Obsolete>,
    /// How far the flush of the first of them has come.
    pub(crate) flushed: Flushed,
    /// How often there may have been room since somebody looked.
    pub(crate) turn: u64,
    /// Why the last attempt to flush failed; taken by the first writer that has to wait for it.
    pub(crate) error: Option<Error>,
}

impl Jobs {
    /// Bytes up to which the active generation may fill. All of `memtable_bytes`, where it could be
    /// frozen then; else half, and of the other half as much as the flush has done of its work. So
    /// whoever writes faster than is flushed waits for a few blocks at a time, and not for a flush.
    pub(crate) fn room(&self, memtable_bytes: usize, frozen_max: usize) -> usize {
        if self.frozen.len() < frozen_max {
            return memtable_bytes;
        }
        if mutant::on("room-too-early") {
            return usize::MAX;
        }
        let half = memtable_bytes.div_ceil(2);
        if self.frozen.len() > frozen_max {
            return half;
        }
        let Flushed { done, all } = self.flushed;
        let opened = (memtable_bytes - half) as u128 * u128::from(done) / u128::from(all.max(1));
        half + (opened as usize).min(memtable_bytes - half)
    }
}
