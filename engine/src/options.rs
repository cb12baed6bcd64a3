//! What a database is opened with.

use std::path::Path;
use std::sync::Arc;

use srdb_vfs::{Clock, OsClock, OsVfs, Vfs};

use crate::chunk;
use crate::counters::Counters;
use crate::metered::Metered;
use crate::observer::Observers;
use crate::{Error, Result};

/// Where a commit is when the call that made it returns.
///
/// Whatever is lost: what survives is a prefix of the commit order, whole commits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Durability {
    /// In a buffer of this process. Lost if the process dies.
    Memory,
    /// Written to the operating system. Survives the process, not a power loss.
    Os,
    /// Synced. Survives a power loss. Commits that arrive together share one sync.
    #[default]
    Disk,
}

/// Who does the work that runs behind: flushing and removing files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Background {
    /// A thread of the database's own.
    #[default]
    Threads,
    /// The caller, step by step, with [`crate::Database::step`]: nothing happens by itself, so
    /// that a run can be replayed.
    Manual,
}

/// When SSTs are merged, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Files that a table may have before any are merged.
    pub(crate) files_max: usize,
    /// Files that are merged at once, at least 2.
    pub(crate) fan_in: usize,
    /// Bytes that the files of a merge may have together: larger files stay as they are.
    pub(crate) bytes_max: u64,
    /// Rows that they may have together, which bounds the memory that merging an index takes.
    pub(crate) rows_max: u64,
}

impl Policy {
    /// The same for a table of which so many bytes are kept: they go file by file, so no file is to
    /// be more than an eighth of them.
    pub(crate) fn within(mut self, kept_bytes: Option<u64>) -> Policy {
        self.bytes_max = kept_bytes.map_or(self.bytes_max, |kept| self.bytes_max.min(kept / 8));
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy { files_max: 10, fan_in: 5, bytes_max: 512 << 20, rows_max: 8 << 20 }
    }
}

/// Everything a database is opened with, checked.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observers: Observers,
    /// Bytes of values in the active memtables, all tables together, at which they are frozen.
    pub(crate) memtable_bytes: usize,
    /// Bytes of small memtables that a rotation carries into the next generation; `None` for
    /// [`Options::carry_bytes`] to choose.
    pub(crate) carry_bytes_max: Option<usize>,
    /// Frozen generations that may wait for their flush before writers have to.
    pub(crate) frozen_max: usize,
    pub(crate) durability: Durability,
    pub(crate) background: Background,
    pub(crate) create_if_missing: bool,
    /// Rows of a full chunk and block.
    pub(crate) block_rows: usize,
    /// Bytes by which the log is filled with zeros ahead of synced commits; 0 for not at all.
    pub(crate) wal_zero_ahead: u64,
    /// A MANIFEST up to this long is never replaced by a snapshot; 0: after every flush.
    pub(crate) manifest_bytes_min: u64,
    /// When SSTs are merged, and how many at once.
    pub(crate) compaction: Policy,
    /// Bytes a second that the worker may write into merged files; 0 for as many as it can.
    pub(crate) compaction_bytes_per_second: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            vfs: Arc::new(OsVfs::new()),
            clock: Arc::new(OsClock::new()),
            observers: Observers::default(),
            memtable_bytes: 32 << 20,
            carry_bytes_max: None,
            frozen_max: 1,
            durability: Durability::Disk,
            background: Background::Threads,
            create_if_missing: true,
            block_rows: chunk::ROWS_MAX,
            wal_zero_ahead: crate::wal::ZERO_AHEAD_DEFAULT,
            manifest_bytes_min: crate::manifest::REPLACE_BYTES_MIN,
            compaction: Policy::default(),
            compaction_bytes_per_second: 0,
        }
    }
}

/// Of `memtable_bytes`, what a rotation carries at the most, unless said otherwise: an eighth. When
/// a generation is full, at least seven eighths of it are new, so that carrying adds at most a
/// seventh to what is written to the log.
const CARRIED_PART: usize = 8;

/// What is carried is one record, made and written while writers wait: whatever the options say,
/// not more than this.
const CARRY_BYTES_MAX: usize = 64 << 20;

impl Options {
    /// The same with a file system that counts what is written, and where it counts.
    pub(crate) fn metered(mut self, root: &Path) -> (Self, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (clock, to) = (Arc::clone(&self.clock), Arc::clone(&counters));
        self.vfs = Arc::new(Metered::new(self.vfs, root, clock, to));
        (self, counters)
    }

    /// Bytes of small memtables that a rotation carries at the most. Never more than half of a
    /// generation, which has to have room for new rows.
    pub(crate) fn carry_bytes(&self) -> usize {
        let wanted = self.carry_bytes_max.unwrap_or(self.memtable_bytes / CARRIED_PART);
        wanted.min(self.memtable_bytes / 2).min(CARRY_BYTES_MAX)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if !self.block_rows.is_power_of_two() || self.block_rows > chunk::ROWS_MAX {
            return Err(Error::invalid(format!(
                "block_rows is {}; it has to be a power of two up to {}",
                self.block_rows,
                chunk::ROWS_MAX
            )));
        }
        if self.memtable_bytes == 0 {
            return Err(Error::invalid("memtable_bytes is 0; give the memtables some room"));
        }
        if self.compaction.fan_in < 2 {
            let fan_in = self.compaction.fan_in;
            return Err(Error::invalid(format!("compaction_fan_in is {fan_in}; merge 2 at least")));
        }
        Ok(())
    }
}
