//! What is done beside writing and reading: snapshots are held, copies made.

use srdb::{Database, Snapshot};

use super::content::{Content, EVENTS, LOG, name_of};
use super::{Shared, rest};
use crate::measure::now;
use crate::{Fault, Result};

/// A thread looks this often whether it is to stop.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// The name of a copy.
pub const CHECKPOINT: &str = "checkpoint";

/// Rows of a snapshot that are read when it has been held.
const ROWS: i64 = 1000;

pub(super) fn keep(shared: &Shared<'_>) -> Result<()> {
    let mut held = (now(), shared.db.snapshot());
    let mut copied = now();
    while shared.goes_on() {
        rest(TICK);
        if held.0.elapsed() >= shared.plan.snapshot_held {
            check_snapshot(&held.1)?;
            held = (now(), shared.db.snapshot());
        }
        if copied.elapsed() >= shared.plan.checkpoint_every {
            copied = now();
            copy(shared)?;
        }
    }
    check_snapshot(&held.1)
}

/// Both tables are of one moment, and rows at both ends of it are there.
fn check_snapshot(snapshot: &Snapshot) -> Result<()> {
    let (log, events) = (snapshot.table(LOG)?, snapshot.table(EVENTS)?);
    let (first, end) = (log.first_seq(), log.last_seq() + 1);
    for part in [first..end.min(first + ROWS), first.max(end - ROWS)..end] {
        let mut expected = part.start;
        for row in log.scan(part.clone())? {
            let row = row?;
            Content::check(&row)?;
            if row.seq() != expected {
                return Err(Fault::from(format!("row {} where {expected} is due", row.seq())));
            }
            expected += 1;
        }
        if expected != part.end {
            return Err(Fault::from(format!("a snapshot without its row {expected}")));
        }
    }
    // What was committed last over both tables is in both.
    let Some(event) = events.get(events.last_seq())? else { return Ok(()) };
    let (writer, n) = name_of(&event)?;
    for row in log.scan(..)?.rev() {
        let found = name_of(&row?)?;
        if found == (writer, n) {
            return Ok(());
        }
        if found.0 == writer && found.1 < n {
            return Err(Fault::from(format!("row {n} of writer {writer} is in one table only")));
        }
    }
    if first > 1 {
        // All rows of that writer were dropped, for others wrote much since.
        return Ok(());
    }
    Err(Fault::from(format!("no row of writer {writer}, which has an event")))
}

/// Makes a copy, opens it, looks into it, and removes it: under another name, so that what has the
/// name of a copy is a whole one, whenever the process is killed.
fn copy(shared: &Shared<'_>) -> Result<()> {
    let removed = shared.plan.checkpoints_in.join("removed");
    if removed.exists() {
        std::fs::remove_dir_all(&removed)?;
    }
    let dir = shared.plan.checkpoints_in.join(CHECKPOINT);
    let before = shared.log.last_seq();
    shared.db.checkpoint(&dir)?;
    let copy = Database::builder(&dir).create_if_missing(false).open()?;
    check_snapshot(&copy.snapshot())?;
    let found = copy.table(LOG)?.last_seq();
    if found < before {
        return Err(Fault::from(format!("a copy ends at row {found}, before row {before}")));
    }
    copy.close()?;
    #[expect(clippy::disallowed_methods, reason = "from outside, as a user would")]
    std::fs::rename(&dir, &removed)?;
    Ok(std::fs::remove_dir_all(&removed)?)
}
