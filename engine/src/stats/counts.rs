//! What was counted since the database was opened, as plain data.

use serde::Serialize;

use crate::counters::{Counters, FileKind};

/// Commits that succeeded, and the groups that they were written in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CommitStats {
    /// Commits with rows.
    pub commits: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of these rows' values in the plain encoding, without `_seq` and `_time`.
    pub bytes: u64,
    /// Groups: commits of one group share one write and, where it was asked for, one sync.
    pub groups: u64,
    /// Commits of the largest group.
    pub group_commits_max: u64,
    /// Groups of which nothing was written, because that failed.
    pub groups_failed: u64,
}

/// Waits of writers for room in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StallStats {
    /// Waits that have ended.
    pub stalls: u64,
    /// How long they took together, ns.
    pub ns: u64,
    /// Writers that were turned away: there was no room in the time that they had.
    pub refused: u64,
}

/// Generations of memtables that were brought to SSTs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FlushStats {
    /// Flushes that succeeded.
    pub flushes: u64,
    /// Attempts that were given up and begun anew.
    pub failed: u64,
    /// Rows that they brought to SSTs.
    pub rows: u64,
    /// Bytes of the SSTs, and of the index files written with them.
    pub bytes: u64,
    /// How long they took from the first step to the last, ns.
    pub ns: u64,
}

/// SSTs that were merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompactionStats {
    /// Compactions that succeeded.
    pub compactions: u64,
    /// Attempts that were given up.
    pub failed: u64,
    /// SSTs that were merged.
    pub files_in: u64,
    /// SSTs that took their place.
    pub files_out: u64,
    /// Bytes of the SSTs and index files that were merged.
    pub bytes_in: u64,
    /// Bytes of those that took their place.
    pub bytes_out: u64,
    /// Rows in the files that took their place.
    pub rows: u64,
    /// How long they took from the first step to the last, ns.
    pub ns: u64,
}

/// Index files that were built for SSTs that were there before the index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BuildStats {
    /// Files.
    pub builds: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was written to files of one kind. Only calls that succeeded are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileStats {
    /// Writes.
    pub writes: u64,
    /// Bytes that they wrote.
    pub bytes: u64,
    /// Syncs of such a file, or of the directory that such files are in.
    pub syncs: u64,
    /// How long the syncs took together, ns.
    pub sync_ns: u64,
}

/// What was written to files, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WriteStats {
    /// Segments of the log, zeros ahead included.
    pub wal: FileStats,
    /// SSTs.
    pub sst: FileStats,
    /// Index files.
    pub index: FileStats,
    /// MANIFESTs.
    pub manifest: FileStats,
    /// `CURRENT`, `database.meta`, the schemas, and whatever lies outside the database's directory.
    pub other: FileStats,
}

impl WriteStats {
    /// Each kind, with its name.
    pub fn by_kind(&self) -> [(&'static str, FileStats); 5] {
        let WriteStats { wal, sst, index, manifest, other } = *self;
        [("wal", wal), ("sst", sst), ("index", index), ("manifest", manifest), ("other", other)]
    }

    /// Bytes written to files of all kinds.
    pub fn bytes(&self) -> u64 {
        self.by_kind().iter().map(|(_, files)| files.bytes).sum()
    }

    /// Syncs of all kinds.
    pub fn syncs(&self) -> u64 {
        self.by_kind().iter().map(|(_, files)| files.syncs).sum()
    }

    pub(super) fn of(counters: &Counters) -> Self {
        let of = |kind| {
            let files = counters.files(kind);
            let (writes, bytes) = (files.writes.get(), files.bytes.get());
            FileStats { writes, bytes, syncs: files.syncs.get(), sync_ns: files.sync_ns.get() }
        };
        WriteStats {
            wal: of(FileKind::Wal),
            sst: of(FileKind::Sst),
            index: of(FileKind::Index),
            manifest: of(FileKind::Manifest),
            other: of(FileKind::Other),
        }
    }
}

impl CommitStats {
    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.commits;
        CommitStats {
            commits: of.commits.get(),
            rows: of.rows.get(),
            bytes: of.bytes.get(),
            groups: of.groups.get(),
            group_commits_max: of.group_commits_max.get(),
            groups_failed: of.groups_failed.get(),
        }
    }
}

impl StallStats {
    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.stalls;
        StallStats { stalls: of.stalls.get(), ns: of.ns.get(), refused: of.refused.get() }
    }
}

impl FlushStats {
    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.flushes;
        FlushStats {
            flushes: of.flushes.get(),
            failed: of.failed.get(),
            rows: of.rows.get(),
            bytes: of.bytes.get(),
            ns: of.ns.get(),
        }
    }
}

impl CompactionStats {
    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.compactions;
        CompactionStats {
            compactions: of.compactions.get(),
            failed: of.failed.get(),
            files_in: of.files_in.get(),
            files_out: of.files_out.get(),
            bytes_in: of.bytes_in.get(),
            bytes_out: of.bytes_out.get(),
            rows: of.rows.get(),
            ns: of.ns.get(),
        }
    }
}

impl BuildStats {
    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.builds;
        BuildStats { builds: of.builds.get(), bytes: of.bytes.get() }
    }
}
