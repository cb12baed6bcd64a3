//! The retention job: drops the rows that the limits of their table no longer keep.
//!
//! ```text
//!   limits, SSTs, clock ─► first row that is kept (floor.rs) ─► drop_rows.rs
//! ```
//!
//! Invariants
//! 1. Rows count, and go, once they are in SSTs: rows in memory may be lost in a crash, and must
//!    not have taken the place of others. So the job never freezes or flushes anything.
//! 2. Limits are those of the last edit that is durable, and they are looked at again under the
//!    lock of the MANIFEST: once they are taken back nothing more is dropped by them.
//! 3. A step drops rows of one table, with two edits at the most.
//! 4. The clock is looked at once in a step at the most, and only for a limit of age.
//!
//! A round goes through the tables by id. One begins when a flush has brought rows to SSTs, when
//! limits were set, at opening, and, if there are limits of age, when the worker's time has come.

mod floor;

use std::sync::Arc;
use std::time::Duration;

use crate::edit::{Change, VersionEdit};
use crate::locks::{lock, read};
use crate::mutant;
use crate::observer::Event;
use crate::retention::Retention;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_state::TableState;
use crate::{Error, Progress, Result, drop_rows};

/// A limit of age is looked at so many times while a row comes to that age...
const LOOKS: u64 = 64;

/// ... but no more often than this.
const LOOK_NS_MIN: u64 = 1_000_000_000;

/// Sets the limits of a table. Durable on return.
///
/// # Errors
/// Those of [`Retention::place_of`]; [`Error::NoTable`], [`Error::Io`], [`Error::Poisoned`],
/// [`Error::Closed`].
pub(crate) fn set(state: &State, table: &TableState, limits: Retention) -> Result<()> {
    limits.place_of(&table.schema, &table.name)?;
    let mut manifest = lock(&state.manifest);
    state.check_writable()?;
    table.check_exists()?;
    if mutant::on("limits-before-their-edit") {
        table.set_retention(limits.clone());
    }
    // Also where they are the same: an attempt that failed may have left others, for a crash to
    // bring back.
    let change = Change::SetRetention { table: table.id, limits: limits.clone() };
    manifest.commit(state, &VersionEdit::new(vec![change]))?;
    table.set_retention(limits);
    drop(manifest);
    state.retention_due.store(true, Ordering::Release);
    state.signal.wake();
    Ok(())
}

/// Drops all that the limits of a table do not keep, rows in memory included.
///
/// # Errors
/// As [`drop_rows::drop_before`]; [`Error::Corrupt`] if an SST can't be read.
pub(crate) fn now(state: &State, table: &Arc<TableState>) -> Result<()> {
    state.check_writable()?;
    table.check_exists()?;
    if table.retention().is_unlimited() {
        return Ok(());
    }
    if table.files().memtables.iter().any(|memtable| memtable.published() > 0) {
        drop_rows::move_to_ssts(state)?;
    }
    let mut time = None;
    let rows = drop_beyond(state, table, &mut time, |_, first| first)?;
    drop_rows::tell(state, table, rows);
    Ok(())
}

/// Whether a round is due or under way.
pub(crate) fn has_work(state: &State) -> bool {
    if state.retention_due.swap(false, Ordering::AcqRel) && limited(state, 0).next().is_some() {
        // Limits that are set meanwhile store it after they are there, so none are passed over.
        state.retention_due.store(true, Ordering::Release);
        return true;
    }
    lock(&state.retention_next).is_some()
}

/// Does one step of a round; begins one if none is under way.
///
/// # Errors
/// Whatever kept rows of a table from being dropped. The round goes on with the next table.
pub(crate) fn step(state: &State) -> Result<Progress> {
    let mut at = None;
    let stepped = step_under_lock(state, &mut at);
    match (at, &stepped) {
        (Some((table, rows)), Ok(_)) => drop_rows::tell(state, &table, rows),
        (Some((table, _)), Err(error)) => state.tell(|| {
            let (table, error) = (table.name.clone(), error.to_string());
            Event::RetentionFailed { table, error }
        }),
        (None, _) => {}
    }
    stepped
}

fn step_under_lock(state: &State, at: &mut Option<(Arc<TableState>, u64)>) -> Result<Progress> {
    // Closing takes this lock once nothing new may begin.
    let _one_at_a_time = lock(&state.flush);
    state.check_writable()?;
    let anew = state.retention_due.swap(false, Ordering::AcqRel);
    let from = lock(&state.retention_next).take().filter(|_| !anew).unwrap_or(0);
    let mut time = None;
    for table in limited(state, from).collect::<Vec<_>>() {
        *lock(&state.retention_next) = Some(table.id.saturating_add(1));
        match drop_beyond(state, &table, &mut time, floor::worth_an_edit) {
            // Dropped as a whole meanwhile.
            Ok(0) | Err(Error::NoTable { .. }) => {}
            Ok(rows) => {
                *at = Some((table, rows));
                return Ok(Progress::Done);
            }
            Err(error) => {
                *at = Some((table, 0));
                return Err(error);
            }
        }
    }
    *lock(&state.retention_next) = None;
    Ok(Progress::Idle)
}

/// The tables with limits, from an id on.
fn limited(state: &State, from: u32) -> impl Iterator<Item = Arc<TableState>> {
    let tables: Vec<_> = read(&state.tables).by_id.range(from..).map(|(_, t)| t.clone()).collect();
    tables.into_iter().filter(|table| !table.retention().is_unlimited())
}

/// Drops the rows of a table that its limits do not keep, as far as `choose` takes it.
fn drop_beyond(
    state: &State,
    table: &Arc<TableState>,
    time: &mut Option<i64>,
    choose: impl Fn(&crate::table_files::TableFiles, i64) -> i64,
) -> Result<u64> {
    let (limits, files) = (table.retention(), table.files());
    let mut now = || *time.get_or_insert_with(|| state.options.clock.now_ns());
    let first = floor::first_kept(table, &files, &limits, &mut now)?;
    let first = choose(&files, first);
    if first <= files.first_seq() {
        return Ok(0);
    }
    drop_rows::drop_stored(state, table, first, Some(&limits))
}

/// For the worker, before it sleeps: for how long, if there are limits of age. Once their time has
/// come a round is due, and it is not to sleep.
pub(crate) fn sleep_for(state: &State) -> Option<Duration> {
    let ages = limited(state, 0).filter_map(|table| table.retention().least_age_ns());
    let every = (ages.min()? / LOOKS).max(LOOK_NS_MIN);
    let now = state.options.clock.monotonic_ns();
    let due = state.retention_looked.load(Ordering::Relaxed).saturating_add(every);
    if now < due {
        return Some(Duration::from_nanos(due - now));
    }
    state.retention_looked.store(now, Ordering::Relaxed);
    state.retention_due.store(true, Ordering::Release);
    Some(Duration::ZERO)
}
