//! Dropping the oldest rows of a table.
//!
//! ```text
//!   edit: the first row that stays, SSTs that hold none ─► an edit that vouches for it ─► files to
//!   the delete job; the rest of an SST of which only some rows are dropped goes when it is merged
//! ```
//!
//! Invariants
//! 1. What is dropped is a prefix of the table's rows, and all of it was in SSTs: so what the
//!    MANIFEST says of it never runs ahead of the rows that a crash keeps, and no `_seq` is given
//!    twice.
//! 2. Rows that are dropped are not seen again: once the edit is durable no reader that begins, and
//!    no recovery, finds them. Readers that began before keep them.

use std::sync::Arc;

use crate::commit::{self, Small};
use crate::edit::{Change, VersionEdit};
use crate::jobs::Obsolete;
use crate::locks::lock;
use crate::observer::Event;
use crate::retention::Retention;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_state::TableState;
use crate::{Result, flush};

/// Drops the rows of a table below `first_seq`; how many the table has lost since the call began,
/// also behind. Durable on return.
///
/// # Errors
/// [`crate::Error::NoTable`] after a drop of the table, [`crate::Error::Io`],
/// [`crate::Error::Poisoned`], [`crate::Error::Closed`].
pub(crate) fn drop_before(state: &State, table: &Arc<TableState>, first_seq: i64) -> Result<u64> {
    state.check_writable()?;
    table.check_exists()?;
    let (before, in_memory) = {
        let files = table.files();
        let first = files.memtables.first().map(|memtable| memtable.first_seq());
        (files.first_seq(), first.is_some_and(|first| first < first_seq))
    };
    if in_memory {
        move_to_ssts(state)?;
    }
    let rows = drop_stored(state, table, first_seq, None)?;
    tell(state, table, rows);
    Ok(lost_since(table, before))
}

/// How many rows a table has lost since its first was `first_seq`. The worker may drop rows that a
/// call has brought to SSTs before the call does: who asked for them to go is told of them all.
pub(crate) fn lost_since(table: &TableState, first_seq: i64) -> u64 {
    (table.files().first_seq() - first_seq).max(0).unsigned_abs()
}

/// Brings all rows that are in memory to SSTs.
pub(crate) fn move_to_ssts(state: &State) -> Result<()> {
    commit::freeze(state, &mut lock(&state.log), Small::Flushed)?;
    flush::all(state)
}

/// Tells the observer of rows that were dropped. Outside of all locks.
pub(crate) fn tell(state: &State, table: &TableState, rows: u64) {
    if rows > 0 {
        state.tell(|| Event::RowsDropped { table: table.name.clone(), rows });
    }
}

/// [`drop_before`], of the rows that are in SSTs; and of those nothing if `limits` are no longer
/// those of the table.
pub(crate) fn drop_stored(
    state: &State,
    table: &Arc<TableState>,
    first_seq: i64,
    limits: Option<&Retention>,
) -> Result<u64> {
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    table.check_exists()?;
    if limits.is_some_and(|limits| *limits != *table.retention()) {
        return Ok(0);
    }
    let (id, files) = (table.id, table.files());
    let next_seq = manifest.version.tables.get(&id).map_or(1, |version| version.next_seq);
    let first_seq = first_seq.min(next_seq);
    let before = files.first_seq();
    if first_seq <= before {
        return Ok(0);
    }
    let whole = files.ssts.iter().take_while(|sst| sst.meta.max_seq < first_seq);
    let removed = whole.map(|sst| sst.meta.file_number);
    let mut changes: Vec<Change> =
        removed.map(|file_number| Change::RemoveSst { table: id, file_number }).collect();
    let has_removed = !changes.is_empty();
    changes.push(Change::DropRows { table: id, first_seq });
    manifest.commit(state, &VersionEdit::new(changes))?;
    let (ssts, index_files) = table.drop_rows(first_seq);
    let rows = (first_seq - before).unsigned_abs();
    state.counters.dropped_rows.add(rows);
    state.compaction_due.store(true, Ordering::Release);
    // As for a merge: as long as the edit is the last one, what it removed has to stay.
    let mut vouch = || manifest.commit(state, &VersionEdit::new(Vec::new()));
    let vouched = if has_removed { vouch() } else { Ok(()) };
    // The rows are dropped, and durably so, whatever became of the second edit; if it could not be
    // written, the files go when the database is opened next.
    if vouched.is_ok() {
        let ssts = ssts.into_iter().map(Obsolete::Sst);
        state.add_obsolete(ssts.chain(index_files.into_iter().map(Obsolete::Index)));
    }
    Ok(rows)
}
