//! What a database has done since it was opened, counted.
//!
//! | part         | counted in                                                             |
//! |--------------|------------------------------------------------------------------------|
//! | `commits`    | `commit/leader.rs`, once a group, under the lock of the log            |
//! | `stalls`     | wherever a writer waits for room                                       |
//! | `flushes`    | `flush.rs`, when one ends                                              |
//! | `compactions`| by the compaction, when one ends                                       |
//! | `builds`     | `indexes.rs`, for each file                                            |
//! | `removed`    | `delete.rs`                                                            |
//! | `dropped_rows`| `drop_rows.rs`, when the edit is durable                              |
//! | `files`      | `metered.rs`, which all files go through: nobody else has to           |
//!
//! Invariants
//! 1. A counter only goes up. Each is exact by itself; two that are read one after the other need
//!    not be of one moment.
//! 2. Counting takes no lock, allocates nothing and changes nothing that anybody decides by.
//!    Latencies take one of their own, for moments; on the way of a commit only once for a group,
//!    and of those that are not synced only for one in [`MEASURED_ONE_IN`].

use crate::latency::Latency;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Of the commits that are not synced, the clock is looked at for one of so many.
pub(crate) const MEASURED_ONE_IN: u64 = 16;

/// A number that only goes up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// [`Counter::add`] where a lock that the caller holds keeps all others from counting here:
    /// without the price of an atomic addition.
    pub(crate) fn add_alone(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    /// Raises it to `n` if it is below, under a lock as for [`Counter::add_alone`].
    pub(crate) fn raise_alone(&self, n: u64) {
        if self.get() < n {
            self.0.store(n, Ordering::Relaxed);
        }
    }

    /// The number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: CommitCounters,
    pub(crate) stalls: StallCounters,
    pub(crate) flushes: FlushCounters,
    pub(crate) compactions: CompactionCounters,
    pub(crate) builds: BuildCounters,
    /// Files and directories that were removed.
    pub(crate) removed: Counter,
    /// Rows that were dropped, by limits or by calls; not those of a table that was dropped.
    pub(crate) dropped_rows: Counter,
    files: [FileCounters; FileKind::ALL.len()],
    pub(crate) latencies: Latencies,
}

/// How long things took.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Of commits from being handed in to being visible: at `Memory`, `Os` and `Disk`.
    pub(crate) commits: [Latency; 3],
    /// Of syncs of a segment or its directory.
    pub(crate) wal_syncs: Latency,
    /// Of flushes, from the first step to the last.
    pub(crate) flushes: Latency,
}

impl Counters {
    /// What was written to files of a kind.
    pub(crate) fn files(&self, kind: FileKind) -> &FileCounters {
        &self.files[kind as usize]
    }
}

/// Commits that succeeded, and the groups that they were written in.
#[derive(Debug, Default)]
pub(crate) struct CommitCounters {
    pub(crate) commits: Counter,
    pub(crate) rows: Counter,
    /// Of the rows' values in the plain encoding, without `_seq` and `_time`.
    pub(crate) bytes: Counter,
    /// Groups with at least one commit in them.
    pub(crate) groups: Counter,
    /// Commits of the largest group.
    pub(crate) group_commits_max: Counter,
    /// Groups of which nothing was written.
    pub(crate) groups_failed: Counter,
}

impl CommitCounters {
    /// Counts a group that was applied. Under the lock of the log.
    pub(crate) fn group(&self, commits: u64, rows: u64, bytes: u64) {
        if commits == 0 {
            return;
        }
        self.commits.add_alone(commits);
        self.rows.add_alone(rows);
        self.bytes.add_alone(bytes);
        self.groups.add_alone(1);
        self.group_commits_max.raise_alone(commits);
    }
}

/// Waits of writers for room in the memtables.
#[derive(Debug, Default)]
pub(crate) struct StallCounters {
    pub(crate) stalls: Counter,
    pub(crate) ns: Counter,
    /// Writers that gave up: there was no room in the time that they had, or at once.
    pub(crate) refused: Counter,
}

impl StallCounters {
    /// Counts a wait that has ended, well or not.
    pub(crate) fn waited(&self, ns: u64) {
        self.stalls.add(1);
        self.ns.add(ns);
    }
}

/// Generations that were brought to SSTs.
#[derive(Debug, Default)]
pub(crate) struct FlushCounters {
    pub(crate) flushes: Counter,
    /// Attempts that were given up and begun anew.
    pub(crate) failed: Counter,
    pub(crate) rows: Counter,
    /// Of the SSTs and their index files.
    pub(crate) bytes: Counter,
    /// From the first step to the last one: what others did in between is counted too.
    pub(crate) ns: Counter,
}

impl FlushCounters {
    /// Counts a flush that was published and vouched for.
    pub(crate) fn flushed(&self, rows: u64, bytes: u64, ns: u64) {
        self.flushes.add(1);
        self.rows.add(rows);
        self.bytes.add(bytes);
        self.ns.add(ns);
    }
}

/// SSTs that were merged.
#[derive(Debug, Default)]
pub(crate) struct CompactionCounters {
    pub(crate) compactions: Counter,
    /// Attempts that were given up.
    pub(crate) failed: Counter,
    pub(crate) files_in: Counter,
    pub(crate) files_out: Counter,
    /// Of the SSTs and index files that were merged.
    pub(crate) bytes_in: Counter,
    /// Of those that took their place.
    pub(crate) bytes_out: Counter,
    /// Rows that came out.
    pub(crate) rows: Counter,
    /// From the first step to the last one.
    pub(crate) ns: Counter,
}

/// What one compaction came to, for [`CompactionCounters::compacted`].
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Compacted {
    pub(crate) files_in: u64,
    pub(crate) files_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) rows: u64,
    pub(crate) ns: u64,
}

impl CompactionCounters {
    /// Counts a compaction whose edit is durable.
    pub(crate) fn compacted(&self, done: Compacted) {
        self.compactions.add(1);
        self.files_in.add(done.files_in);
        self.files_out.add(done.files_out);
        self.bytes_in.add(done.bytes_in);
        self.bytes_out.add(done.bytes_out);
        self.rows.add(done.rows);
        self.ns.add(done.ns);
    }
}

/// Index files that were built after their SST.
#[derive(Debug, Default)]
pub(crate) struct BuildCounters {
    pub(crate) builds: Counter,
    pub(crate) bytes: Counter,
}

impl BuildCounters {
    /// Counts an index file whose edit is durable.
    pub(crate) fn built(&self, bytes: u64) {
        self.builds.add(1);
        self.bytes.add(bytes);
    }
}

/// Kinds of files, as they are told apart when bytes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Wal,
    Sst,
    Index,
    Manifest,
    /// `database.meta`, `CURRENT`, `schema.json`, and what lies outside the database.
    Other,
}

impl FileKind {
    /// All of them, each at the place of its number.
    pub(crate) const ALL: [FileKind; 5] =
        [FileKind::Wal, FileKind::Sst, FileKind::Index, FileKind::Manifest, FileKind::Other];
}

/// Changing calls to the files of a kind that succeeded.
#[derive(Debug, Default)]
pub(crate) struct FileCounters {
    pub(crate) writes: Counter,
    pub(crate) bytes: Counter,
    pub(crate) syncs: Counter,
    pub(crate) sync_ns: Counter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_at_their_number() {
        for (at, kind) in FileKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
    }

    #[test]
    fn a_group_without_commits_is_none() {
        let commits = CommitCounters::default();
        commits.group(0, 0, 0);
        commits.group(3, 30, 300);
        commits.group(2, 20, 200);
        let got = (commits.groups.get(), commits.commits.get(), commits.rows.get());
        assert_eq!((got, commits.bytes.get()), ((2, 5, 50), 500));
        assert_eq!(commits.group_commits_max.get(), 3);
    }
}
