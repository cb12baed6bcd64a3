//! How the database of a plan is opened, and on what kind of disk.

use serde::{Deserialize, Serialize};
use srdb_vfs::{MapMode, Personality};

use super::{Level, is_default};

/// How the database is opened. What a plan leaves out is as the engine has it by default, but that
/// nothing is carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Bytes of rows in the active memtables before they are frozen.
    pub memtable_bytes: usize,
    /// Bytes of small memtables that a rotation carries into the next generation; 0 for not at all.
    #[serde(skip_serializing_if = "is_default")]
    pub carry_bytes_max: usize,
    /// Rows per SST block; a power of two.
    pub block_rows: usize,
    /// Bytes by which a WAL segment is grown ahead with zeros; 0 for not at all.
    pub wal_zero_ahead: u64,
    /// Bytes up to which the MANIFEST is never replaced.
    pub manifest_bytes_min: u64,
    /// Frozen generations that may wait for their flush.
    pub frozen_generations_max: usize,
    /// SSTs that a table may have before any are merged.
    pub compaction_files_max: usize,
    /// SSTs that are merged at once.
    pub compaction_fan_in: usize,
    /// The durability of commits that name none.
    pub durability: Level,
    /// Recovers twice at every crash and compares.
    pub recover_twice: bool,
    /// What kind of disk it is.
    #[serde(skip_serializing_if = "is_default")]
    pub personality: Personality,
    /// Whether SSTs are read through views that can fail.
    #[serde(skip_serializing_if = "is_default")]
    pub maps: MapMode,
    /// Whether a file may have several names; else checkpoints copy.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub links: bool,
    /// How many bytes the disk has room for, but for the way back up from a death; none for as many
    /// as one likes.
    #[serde(skip_serializing_if = "is_default")]
    pub capacity: Option<u64>,
    /// Whether openings may create the database; the first one does so in any case.
    pub create_if_missing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memtable_bytes: 32 << 20,
            carry_bytes_max: 0,
            block_rows: 2048,
            wal_zero_ahead: 256 << 10,
            manifest_bytes_min: 1 << 20,
            frozen_generations_max: 1,
            compaction_files_max: 10,
            compaction_fan_in: 5,
            durability: Level::Disk,
            recover_twice: false,
            personality: Personality::Posix,
            maps: MapMode::Memory,
            links: true,
            capacity: None,
            create_if_missing: true,
        }
    }
}
