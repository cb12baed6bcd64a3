//! Figures of an open database, as plain data.
//!
//! Some say what there is now, the others what was done since the database was opened. They are
//! read one after the other while the database works, so two of them need not be of one moment.

mod columns;
mod counts;
mod latency;
mod prometheus;

pub use columns::ColumnStats;
pub(crate) use columns::column_stats;
pub use counts::{
    BuildStats, CommitStats, CompactionStats, FileStats, FlushStats, StallStats, WriteStats,
};
pub use latency::{Latencies, LatencyStats};
use serde::Serialize;

use crate::compaction;
use crate::counters::Counters;
use crate::locks::{lock, read};
use crate::options::Policy;
use crate::state::State;
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::{Result, Snapshot, SnapshotTable};

/// What [`crate::Database::stats`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Each table, by id.
    pub tables: Vec<TableStats>,
    /// The number of the last commit; 0 before the first.
    pub last_commit: u64,
    /// Bytes of values in the active memtables of all tables.
    pub active_bytes: u64,
    /// Generations that wait for their flush.
    pub frozen_generations: u64,
    /// Bytes of the open WAL segment, records that are not written yet included.
    pub wal_bytes: u64,
    /// Segments of the log that hold rows which are not in SSTs yet, the open one included.
    pub wal_segments: u64,
    /// Bytes of the log, from its beginning, that survive a power loss.
    pub wal_synced_lsn: u64,
    /// Files and directories that wait to be removed.
    pub obsolete_files: u64,
    /// Whether the database takes no more writes; see [`crate::Error::Poisoned`].
    pub poisoned: bool,
    /// Commits since the database was opened.
    pub commits: CommitStats,
    /// Waits of writers for room in memory, likewise.
    pub stalls: StallStats,
    /// Flushes, likewise.
    pub flushes: FlushStats,
    /// Compactions, likewise.
    pub compactions: CompactionStats,
    /// Index files that were built after their SSTs, likewise.
    pub index_builds: BuildStats,
    /// Files and directories that were removed, likewise.
    pub removed_files: u64,
    /// Rows that were dropped, by limits or by calls, without those of dropped tables; likewise.
    pub dropped_rows: u64,
    /// What was written to files, likewise.
    pub writes: WriteStats,
    /// How long things took, likewise.
    pub latencies: Latencies,
}

/// Figures of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableStats {
    /// The table's name.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// Rows.
    pub rows: u64,
    /// SST files.
    pub ssts: u64,
    /// Bytes of these files.
    pub sst_bytes: u64,
    /// Rows in these files.
    pub sst_rows: u64,
    /// Index files.
    pub index_files: u64,
    /// Bytes of these files.
    pub index_bytes: u64,
    /// SSTs and index files that were read since the database was opened, and are open since.
    pub open_files: u64,
    /// Bytes of these files: what is mapped into memory, where files are.
    pub mapped_bytes: u64,
    /// Bytes of files that merges which are due would read, one after the other: 0 where merging
    /// keeps up.
    pub compaction_debt_bytes: u64,
    /// Memtables, the active one and those that wait for their flush.
    pub memtables: u64,
    /// Rows in memory.
    pub memtable_rows: u64,
    /// Bytes of their values.
    pub memtable_bytes: u64,
}

impl Stats {
    pub(crate) fn of(state: &State) -> Self {
        let (last_commit, active_bytes, wal_bytes, wal_synced_lsn, segments) = {
            let log = lock(&state.log);
            let writer = log.writer.as_ref();
            let bytes = writer.map_or(0, crate::wal::LogWriter::bytes);
            let synced = writer.map_or(log.start.synced_lsn, crate::wal::LogWriter::synced_lsn);
            let segments = log.active.segments.len();
            (log.last_commit, log.active.bytes as u64, bytes, synced, segments)
        };
        let (frozen_generations, obsolete_files, frozen_segments) = {
            let jobs = lock(&state.jobs);
            let segments = jobs.frozen.iter().map(|f| f.generation.segments.len()).sum::<usize>();
            (jobs.frozen.len() as u64, jobs.obsolete.len() as u64, segments)
        };
        let (counters, policy) = (&*state.counters, &state.options.compaction);
        Stats {
            tables: {
                let tables = read(&state.tables);
                let of = |table: &TableState| TableStats::of(table, &table.files(), policy);
                tables.by_id.values().map(|table| of(table)).collect()
            },
            last_commit,
            active_bytes,
            frozen_generations,
            wal_bytes,
            wal_segments: (segments + frozen_segments) as u64,
            wal_synced_lsn,
            obsolete_files,
            poisoned: state.is_poisoned(),
            commits: CommitStats::of(counters),
            stalls: StallStats::of(counters),
            flushes: FlushStats::of(counters),
            compactions: CompactionStats::of(counters),
            index_builds: BuildStats::of(counters),
            removed_files: counters.removed.get(),
            dropped_rows: counters.dropped_rows.get(),
            writes: WriteStats::of(counters),
            latencies: Latencies::of(counters),
        }
    }

    /// Of a database that is only read: what it holds. What was done since it was opened, nobody
    /// has done.
    pub(crate) fn of_view(view: &Snapshot, last_commit: u64, wal: (u64, u64)) -> Self {
        let names = view.tables();
        let tables = names.iter().filter_map(|name| view.table(name).ok());
        let of_table = |table: SnapshotTable| {
            let rows = table.count();
            let policy = &Policy::default();
            TableStats { rows, ..TableStats::of(&table.state, &table.files, policy) }
        };
        let mut tables: Vec<TableStats> = tables.map(of_table).collect();
        tables.sort_by_key(|table| table.id);
        let counters = &Counters::default();
        Stats {
            last_commit,
            active_bytes: tables.iter().map(|table| table.memtable_bytes).sum(),
            tables,
            frozen_generations: 0,
            wal_bytes: wal.1,
            wal_segments: wal.0,
            wal_synced_lsn: 0,
            obsolete_files: 0,
            poisoned: false,
            commits: CommitStats::of(counters),
            stalls: StallStats::of(counters),
            flushes: FlushStats::of(counters),
            compactions: CompactionStats::of(counters),
            index_builds: BuildStats::of(counters),
            removed_files: 0,
            dropped_rows: 0,
            writes: WriteStats::of(counters),
            latencies: Latencies::of(counters),
        }
    }

    /// Bytes written to files over bytes committed, since the database was opened: the log, SSTs,
    /// indexes, the MANIFEST and compaction together. `None` before the first commit.
    pub fn write_amplification(&self) -> Option<f64> {
        let committed = self.commits.bytes;
        (committed > 0).then(|| self.writes.bytes() as f64 / committed as f64)
    }
}

impl SnapshotTable {
    /// As [`crate::Table::column_stats`].
    ///
    /// # Errors
    /// As [`crate::Table::column_stats`].
    pub fn column_stats(&self) -> Result<Vec<ColumnStats>> {
        column_stats(&self.state, &self.files)
    }
}

impl TableStats {
    fn of(table: &TableState, files: &TableFiles, policy: &Policy) -> Self {
        let indexes: Vec<_> =
            files.indexes.values().flat_map(|index| index.files.values()).collect();
        let open = files.ssts.iter().filter(|sst| sst.is_open()).map(|sst| sst.meta.size);
        let open_indexes = indexes.iter().filter(|file| file.is_open()).map(|file| file.meta.size);
        let open: Vec<u64> = open.chain(open_indexes).collect();
        TableStats {
            name: table.name.clone(),
            id: table.id,
            rows: (files.end_seq() - files.first_seq()).unsigned_abs(),
            ssts: files.ssts.len() as u64,
            sst_bytes: files.ssts.iter().map(|sst| sst.meta.size).sum(),
            sst_rows: files.ssts.iter().map(|sst| sst.meta.rows).sum(),
            index_files: indexes.len() as u64,
            index_bytes: indexes.iter().map(|file| file.meta.size).sum(),
            open_files: open.len() as u64,
            mapped_bytes: open.iter().sum(),
            compaction_debt_bytes: compaction::debt(table, files, policy),
            memtables: files.memtables.len() as u64,
            memtable_rows: files.memtables.iter().map(|m| m.published() as u64).sum(),
            memtable_bytes: files.memtables.iter().map(|m| m.bytes() as u64).sum(),
        }
    }
}
