//! Queries: which rows, which fields, in which order.
//!
//! ```text
//! Expr ── bind to the schema ─► Filter ─┐
//!                                       ├─► VectorScan ─► Vectors ─► rows, chunks, counts, sorts
//! SnapshotTable ── batches ─────────────┘   batch + mask of the rows that pass
//! ```
//!
//! - [`expr`](Expr) says what is wanted and knows no table; `display` and `parse` are its text.
//! - `lower` makes comparisons into predicates on columns (`column/predicate.rs`), exactly;
//!   `filter` combines them, judges blocks by their zone maps and finds the rows that pass.
//! - `vectors` is the scan that everything else reads from: whoever adds another kind of reading
//!   (aggregates, an index that names rows) starts there.
//! - `access` asks indexes which rows of a file may pass, `head` which are the first of an order;
//!   both leave rows out, and decide nothing about those that are left.
//! - `builder` is what users see; `plan` is a query checked against its table; `sort` and `key` put
//!   rows in order; `gathered` decodes what is returned, `rows` and `chunks` hand it out; `explain`
//!   tells what was done.
//! - `aggregate/` makes rows of groups of them, on the same scan.
//!
//! **Invariant:** a query reads one snapshot, takes no lock while it reads, and holds a block or
//! two of rows, besides what sorting and `distinct` are allowed.

mod access;
mod aggregate;
mod batch;
mod builder;
mod chunks;
mod display;
mod explain;
mod expr;
mod filter;
mod gathered;
mod head;
mod key;
mod lower;
mod order;
#[cfg(feature = "sql")]
mod parse;
mod plan;
mod rows;
mod sort;
mod vectors;

pub use aggregate::{
    Aggregate, AggregateRow, AggregateRows, Aggregation, AggregationSteps, Fill, agg,
};
pub use builder::Query;
pub use chunks::{ChunkColumn, Chunks, RowChunk};
pub use explain::Explanation;
pub use expr::{Col, Expr, col};
pub use order::{Order, asc, desc};
pub use rows::Rows;
