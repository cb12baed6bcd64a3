//! srdb: an embedded, append-only time-series and event database whose crash safety anyone can
//! replay.

mod appender;
mod batch;
mod checkpoint;
mod chunk;
mod coding;
mod column;
mod commit;
mod compaction;
mod counters;
mod database;
mod delete;
mod drop_rows;
mod edit;
mod error;
mod flush;
mod follower;
mod format;
mod handle;
mod index;
mod index_job;
mod indexes;
pub mod inspect;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod jobs;
mod latency;
mod layout;
pub mod limits;
mod locks;
mod manifest;
mod memtable;
mod merge;
mod metered;
#[doc(hidden)]
pub mod mutant;
mod observer;
mod options;
mod query;
mod queue;
mod read;
mod recovery;
mod retain;
mod retention;
mod row;
mod scan;
mod schema;
mod signal;
mod snapshot;
mod sst;
mod sst_job;
mod state;
mod stats;
mod sync;
mod table;
mod table_files;
mod table_state;
mod tables;
mod types;
mod unique;
mod verify;
mod version;
mod wal;
mod worker;

pub use appender::Appender;
pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use commit::Ticket;
pub use database::{Builder, Database};
pub use error::{Error, Result};
pub use follower::Follower;
pub use jobs::{Job, Progress};
pub use observer::{Event, Observer};
pub use options::{Background, Durability};
pub use query::{
    Aggregate, AggregateRow, AggregateRows, Aggregation, AggregationSteps, ChunkColumn, Chunks,
    Col, Explanation, Expr, Fill, Order, Query, RowChunk, Rows, agg, asc, col, desc,
};
pub use queue::Receipt;
pub use retention::Retention;
pub use row::{IntoRow, Row, RowBuf};
pub use rust_decimal::Decimal;
pub use scan::{RowRef, Scan, Structs};
pub use schema::{Field, Schema};
pub use snapshot::{Snapshot, SnapshotTable};
pub use srdb_vfs as vfs;
pub use stats::{
    BuildStats, ColumnStats, CommitStats, CompactionStats, FileStats, FlushStats, Latencies,
    LatencyStats, StallStats, Stats, TableStats, WriteStats,
};
pub use table::Table;
pub use types::{DataType, Value, ValueRef};
pub use verify::Verification;

/// Runs the examples of the guide as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
struct Guide;

/// Runs the examples of the page on queries as tests.
#[cfg(all(doctest, feature = "sql"))]
#[doc = include_str!("../../docs/queries.md")]
struct Queries;
