//! What the leader of a group does: number, log, sync, apply, publish.

use std::sync::Arc;

use super::freeze::open_segment;
use super::room::wait_for_room;
use crate::jobs::Generation;
use crate::locks::{lock, write};
use crate::memtable::Memtable;
use crate::mutant;
use crate::queue::{Group, Pending};
use crate::row::RowBatch;
use crate::state::{Log, State};
use crate::table_state::TableState;
use crate::wal::{LogWriter, TableRows};
use crate::{Durability, Receipt, Result, unique};

/// Bytes of commits at `Durability::Memory` that are held back before they are written.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// Writes one group and says what became of each of its commits.
///
/// # Errors
/// Whatever kept the whole group from being written; none of it is visible then.
pub(crate) fn lead(state: &State, group: Group<Pending>) -> Result<Vec<Result<Receipt>>> {
    state.check_alive()?;
    let has_rows = group.payloads.iter().any(|pending| !pending.tables.is_empty());
    if has_rows {
        wait_for_room(state)?;
    }
    let mut log = lock(&state.log);
    state.check_alive()?;
    if has_rows && log.writer.is_none() {
        open_segment(state, &mut log, &[])?;
    }
    let mark = log.writer.as_ref().map(LogWriter::mark);
    let (last_commit, last_time) = (log.last_commit, log.last_time);
    let results = number_and_append(state, &mut log, &group.payloads);
    if let Err(error) = make_durable(state, &mut log, group.durability)
        && !mutant::on("failed-group-acknowledged")
    {
        state.counters.commits.groups_failed.add_alone(1);
        if mutant::on("visible-before-durable") {
            apply(state, &mut log, &group.payloads, &results);
        }
        if let (Some(writer), Some(mark), false) = (&mut log.writer, mark, state.is_poisoned()) {
            writer.rollback(mark);
        }
        (log.last_commit, log.last_time) = (last_commit, last_time);
        for receipt in results.iter().rev().flatten() {
            for (table, seqs) in std::iter::once(&receipt.first).chain(&receipt.others) {
                if !seqs.is_empty() {
                    log.next_seq.insert(*table, seqs.start);
                }
            }
        }
        return Err(error);
    }
    apply(state, &mut log, &group.payloads, &results);
    drop(log);
    measure(state, &group.payloads, &results);
    for (table, batch) in group.payloads.into_iter().flat_map(|pending| pending.tables) {
        table.keep_batch(batch);
    }
    Ok(results)
}

/// Takes down how long the commits took that are measured and have succeeded.
fn measure(state: &State, group: &[Pending], results: &[Result<Receipt>]) {
    if group.iter().all(|pending| pending.begun.is_none()) {
        return;
    }
    let now = state.options.clock.monotonic_ns();
    let levels = [Durability::Memory, Durability::Os, Durability::Disk];
    for (level, latency) in levels.into_iter().zip(&state.counters.latencies.commits) {
        let succeeded = group.iter().zip(results).filter(|(_, result)| result.is_ok());
        let of_level = succeeded.filter(|(pending, _)| pending.durability == level);
        let mut ns = of_level.filter_map(|(pending, _)| Some(now.saturating_sub(pending.begun?)));
        if let Some(first) = ns.next() {
            if mutant::when("followers-unmeasured", || ns.next().is_some()) {
                return latency.record([first]);
            }
            latency.record(std::iter::once(first).chain(ns));
        }
    }
}

/// Gives every commit its number, time and `_seq`s, and appends it to the log's buffer.
fn number_and_append(state: &State, log: &mut Log, group: &[Pending]) -> Vec<Result<Receipt>> {
    let Log { writer, next_seq, last_commit, last_time, .. } = log;
    let now = state.options.clock.now_ns();
    let mut results = Vec::with_capacity(group.len());
    let mut seen = unique::Seen::default();
    for pending in group {
        let exist = pending.tables.iter().try_for_each(|(table, _)| table.check_exists());
        if let Err(error) = exist.and_then(|()| unique::check(pending, &mut seen)) {
            results.push(Err(error));
            continue;
        }
        if let (Some(writer), false) = (writer.as_mut(), pending.tables.is_empty()) {
            *last_commit += 1;
            *last_time = if mutant::on("time-goes-back") { now } else { now.max(*last_time) };
            let mut ranges = pending.tables.iter().map(|(table, batch)| {
                let next = next_seq.entry(table.id).or_insert(1);
                let seqs = *next..*next + batch.rows() as i64;
                *next = seqs.end;
                (table.id, seqs)
            });
            let first = ranges.next().unwrap_or_default();
            let others: Vec<_> = ranges.collect();
            let seqs = std::iter::once(&first).chain(&others);
            let rows = pending.tables.iter().zip(seqs).map(|((table, batch), (id, seqs))| {
                let (types, columns) = (&*table.types, batch.columns());
                TableRows { table: *id, first_seq: seqs.start, rows: batch.rows(), types, columns }
            });
            // Nearly every commit is for one table, and that one needs no allocation.
            if others.is_empty() {
                let one: Option<[TableRows<'_>; 1]> = rows.last().map(|rows| [rows]);
                writer.append(*last_commit, *last_time, one.as_ref().map_or(&[], |one| one));
            } else if mutant::on("batch-in-two-records") {
                rows.for_each(|one| {
                    writer.append(*last_commit, *last_time, &[one]);
                    *last_commit += 1;
                });
                *last_commit -= 1;
            } else {
                writer.append(*last_commit, *last_time, &rows.collect::<Vec<_>>());
            }
            let (commit, time, durability) = (*last_commit, *last_time, pending.durability);
            results.push(Ok(Receipt { commit, time, durability, first, others }));
        } else {
            let (commit, time) = (*last_commit, *last_time);
            let durability = pending.durability;
            let first = <(u32, std::ops::Range<i64>)>::default();
            results.push(Ok(Receipt { commit, time, durability, first, others: Vec::new() }));
        }
    }
    results
}

/// Brings the log to where the group wants it.
fn make_durable(state: &State, log: &mut Log, wanted: Durability) -> Result<()> {
    let nothing_to_vouch_for = log.start.unsettled.is_empty();
    if wanted == Durability::Disk && log.writer.is_none() && !nothing_to_vouch_for {
        // What recovery read is not known to be synced; a segment of our own settles it.
        open_segment(state, log, &[])?;
    }
    let Some(writer) = &mut log.writer else { return Ok(()) };
    let done = match wanted {
        Durability::Disk => writer.sync(),
        Durability::Memory if writer.buffered_bytes() < BUFFER_BYTES_MAX => Ok(()),
        Durability::Os if mutant::on("os-stays-in-memory") => Ok(()),
        Durability::Memory | Durability::Os => writer.write(),
    };
    state.check_log(writer, done)
}

/// Puts the group's rows into the memtables and makes them visible, commit by commit.
fn apply(state: &State, log: &mut Log, group: &[Pending], results: &[Result<Receipt>]) {
    let (mut commits, mut rows, mut bytes) = (0, 0, 0);
    for (pending, result) in group.iter().zip(results) {
        let Ok(receipt) = result else { continue };
        let seqs = std::iter::once(&receipt.first).chain(&receipt.others);
        for ((table, batch), (_, seqs)) in pending.tables.iter().zip(seqs) {
            append_rows(state, &mut log.active, table, batch, seqs.start, receipt.time);
            if mutant::when("batch-counted-in-part", || table.id != receipt.first.0) {
                continue;
            }
            (rows, bytes) = (rows + batch.rows() as u64, bytes + batch.bytes() as u64);
        }
        commits += u64::from(!pending.tables.is_empty());
        let in_parts = mutant::on("commit-published-in-parts");
        let _all_or_nothing = (!in_parts).then(|| write(&state.publish));
        for (table, _) in &pending.tables {
            if let Some((_, memtable)) = log.active.tables.get(&table.id) {
                memtable.publish();
            }
        }
    }
    if mutant::when("group-counted-as-one", || commits > 1) {
        commits = 1;
    }
    state.counters.commits.group(commits, rows, bytes);
    state.note_active(log);
}

fn append_rows(
    state: &State,
    active: &mut Generation,
    table: &Arc<TableState>,
    batch: &RowBatch,
    first_seq: i64,
    time: i64,
) {
    let (_, memtable) = active.tables.entry(table.id).or_insert_with(|| {
        let types = Arc::clone(&table.types);
        let (chunk_rows, files) = (state.options.block_rows, table.files());
        let indexed = files.indexes.keys().copied();
        let memtable = Arc::new(Memtable::new(first_seq, types, chunk_rows, indexed));
        table.add_memtable(Arc::clone(&memtable));
        (Arc::clone(table), memtable)
    });
    active.bytes += memtable.append(batch.columns(), batch.rows(), time);
}

/// Ends the log with a record that vouches for everything in it, and lets nothing more into it.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::Poisoned`].
pub(crate) fn close_log(state: &State) -> Result<()> {
    let mut log = lock(&state.log);
    let closed = match &mut log.writer {
        Some(writer) if !state.is_poisoned() => writer.close(),
        _ => Ok(()),
    };
    // Under the lock: a commit that is still waiting for it finds the database closed.
    let _log = (!mutant::on("log-unlocked-before-closed")).then_some(log);
    state.set_closed();
    closed
}
