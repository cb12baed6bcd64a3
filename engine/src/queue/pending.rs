//! A commit before it is written, and after: what a writer hands in, and what it gets back.

use std::ops::Range;
use std::sync::Arc;

use crate::Durability;
use crate::row::RowBatch;
use crate::table_state::TableState;

/// A commit as it waits in the queue.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The rows of each table; a table once at the most. Empty for a sync that commits nothing.
    pub(crate) tables: Vec<(Arc<TableState>, RowBatch)>,
    pub(crate) durability: Durability,
    /// When it was handed in, by the monotonic clock, if that is measured.
    pub(crate) begun: Option<u64>,
}

impl Pending {
    /// A commit that is not handed in yet.
    pub(crate) fn new(tables: Vec<(Arc<TableState>, RowBatch)>, durability: Durability) -> Self {
        Pending { tables, durability, begun: None }
    }
}

/// Proof of a commit: its number, its time and the `_seq`s that its rows were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub(crate) commit: u64,
    pub(crate) time: i64,
    pub(crate) durability: Durability,
    /// The first table's rows; in line, because most commits are for one table.
    pub(crate) first: (u32, Range<i64>),
    pub(crate) others: Vec<(u32, Range<i64>)>,
}

impl Receipt {
    /// The commit's number, from 1 over the whole database. 0 if there was nothing to commit.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// `_time` of every row of the commit: ns since the Unix epoch, UTC.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// How durable the commit is known to be.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// `_seq` of the first row (of the first table, in a batch over several).
    pub fn seq(&self) -> i64 {
        self.first.1.start
    }

    /// The `_seq`s of all rows (of the first table, in a batch over several).
    pub fn seqs(&self) -> Range<i64> {
        self.first.1.clone()
    }
}
