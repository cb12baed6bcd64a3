//! Carrying: small memtables go from a generation that is frozen to the next one, as they are, and
//! their rows are logged again at the head of its segment.
//!
//! ```text
//!   segment 7   rows of a, b, c … of all          memtables   a  B  c  D   (small, LARGE)
//!                        │ freeze                              │  │  │  │
//!   segment 8   carry: rows of a, c │ commits …    flushed ────┼─►B──┼─►D   carried: a, c
//! ```
//!
//! An SST for a few rows costs more than they do: a page of tree, a header and four syncs, and a
//! file that every read has to ask. With many tables of little data each rotation would make a
//! swarm of them.
//!
//! Invariants
//! 1. A memtable is carried whole or not at all, so a table has one memtable a generation, and they
//!    follow on each other. Readers notice nothing: the table's files stay the same.
//! 2. What is carried is durable in the new segment before the old ones are given up (`flush.rs`).
//! 3. What is carried at a time is bounded, by [`TABLE_BYTES_MAX`] a table and, in all, by
//!    `Options::carry_bytes`. A generation that is full holds at least seven times as much that is
//!    new, so the log grows by a seventh at the most, however long a row is carried.

use std::sync::Arc;

use crate::chunk::Chunk;
use crate::jobs::Generation;
use crate::mutant;
use crate::table_state::TableState;
use crate::wal::{CarriedRows, TableRows};

/// A memtable of so many bytes is worth an SST: what a file costs beyond its rows (some 5 KiB and
/// four syncs) is little by then.
const TABLE_BYTES_MAX: usize = 64 << 10;

/// What becomes of small memtables when a generation is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Small {
    /// They are carried into the next one, as far as there is room.
    Carried,
    /// They become SSTs like all others: everything is to be in files.
    Flushed,
}

/// The memtables that are carried, and a copy of their rows.
#[derive(Debug, Default)]
pub(super) struct Carried {
    tables: Vec<(Arc<TableState>, Chunk)>,
}

impl Carried {
    /// The smallest memtables of a generation, by bytes and then by table, up to `bytes_max` bytes
    /// in all.
    pub(super) fn choose(active: &Generation, bytes_max: usize) -> Carried {
        let tables = active.tables.values();
        // What is left of a dropped table goes with its generation.
        let live = tables.filter(|(table, _)| !table.is_dropped());
        let mut by_size: Vec<_> =
            live.map(|(table, memtable)| (memtable.bytes(), table, memtable)).collect();
        by_size.sort_by_key(|(bytes, table, _)| (*bytes, table.id));
        let mut left = bytes_max;
        let fits = by_size.into_iter().take_while(|(bytes, ..)| {
            let fits = *bytes < TABLE_BYTES_MAX && *bytes <= left;
            left = left.saturating_sub(*bytes);
            fits
        });
        let rows = fits.map(|(_, table, memtable)| {
            (Arc::clone(table), memtable.rows_from(memtable.first_seq()))
        });
        Carried { tables: rows.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The rows, for the log.
    pub(super) fn rows(&self) -> Vec<CarriedRows<'_>> {
        let forgotten = usize::from(mutant::when("carried-and-not-logged", || !self.is_empty()));
        let rows = self.tables.iter().skip(forgotten).map(|(table, chunk)| CarriedRows {
            rows: TableRows {
                table: table.id,
                first_seq: chunk.first_seq,
                rows: chunk.len(),
                types: &table.types,
                columns: &chunk.columns,
            },
            times: &chunk.times,
        });
        rows.collect()
    }

    /// Moves the memtables from one generation to the next.
    pub(super) fn take(&self, from: &mut Generation, to: &mut Generation) {
        for (table, _) in &self.tables {
            let Some(entry) = from.tables.remove(&table.id) else { continue };
            let bytes = entry.1.bytes();
            from.bytes -= bytes;
            to.bytes += bytes;
            to.tables.insert(table.id, entry);
        }
    }
}
