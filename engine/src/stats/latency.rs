//! How long things took, as plain data.

use serde::Serialize;

use crate::counters::Counters;
use crate::latency::Latency;

/// How long things took, since the database was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Latencies {
    /// Commits at [`crate::Durability::Memory`], from being handed in to being visible; one in
    /// sixteen is measured.
    pub commit_memory: LatencyStats,
    /// Commits at [`crate::Durability::Os`], likewise.
    pub commit_os: LatencyStats,
    /// Commits at [`crate::Durability::Disk`], from being handed in to being synced and visible.
    pub commit_disk: LatencyStats,
    /// Syncs of the log.
    pub wal_sync: LatencyStats,
    /// Flushes, from the first step to the last.
    pub flush: LatencyStats,
}

/// How long one kind of thing took: quantiles of a histogram with two significant digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LatencyStats {
    /// How many were measured.
    pub count: u64,
    /// All of them together, ns.
    pub sum_ns: u64,
    /// The median, ns; 0, as those below, where none was measured.
    pub p50_ns: u64,
    /// What nine of ten stay below, ns.
    pub p90_ns: u64,
    /// What 99 of 100 stay below, ns.
    pub p99_ns: u64,
    /// What 999 of 1,000 stay below, ns.
    pub p999_ns: u64,
    /// The longest, ns.
    pub max_ns: u64,
}

impl LatencyStats {
    fn of(latency: &Latency) -> Self {
        let summary = latency.summary();
        let [p50_ns, p90_ns, p99_ns, p999_ns] = summary.quantiles;
        let (count, sum_ns, max_ns) = (summary.count, summary.sum, summary.max);
        LatencyStats { count, sum_ns, p50_ns, p90_ns, p99_ns, p999_ns, max_ns }
    }
}

impl Latencies {
    /// Each kind of thing, with its name.
    pub fn by_kind(&self) -> [(&'static str, LatencyStats); 5] {
        let Latencies { commit_memory, commit_os, commit_disk, wal_sync, flush } = *self;
        [
            ("commit_memory", commit_memory),
            ("commit_os", commit_os),
            ("commit_disk", commit_disk),
            ("wal_sync", wal_sync),
            ("flush", flush),
        ]
    }

    pub(super) fn of(counters: &Counters) -> Self {
        let of = &counters.latencies;
        let [memory, os, disk] = &of.commits;
        Latencies {
            commit_memory: LatencyStats::of(memory),
            commit_os: LatencyStats::of(os),
            commit_disk: LatencyStats::of(disk),
            wal_sync: LatencyStats::of(&of.wal_syncs),
            flush: LatencyStats::of(&of.flushes),
        }
    }
}
