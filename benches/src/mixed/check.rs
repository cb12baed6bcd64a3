//! Is everything there that was acknowledged, whole, and nothing that was not written?

use std::collections::BTreeMap;

use srdb::Database;

use super::content::{Content, EVENTS, LOG, name_of};
use crate::{Fault, Result};

/// What a database turned out to hold.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Rows of the log that were read.
    pub rows: u64,
    /// Rows in both tables at once.
    pub in_both: u64,
}

/// Reads every row: none is missing between the first and the last, each is what it has to be,
/// each writer's come in order and without gaps, and go at least as far as was acknowledged.
/// At least `rows_kept` are there, if so many were written. Commits over both tables are whole.
/// Then verifies the files.
///
/// # Errors
/// What is wrong, in words.
pub fn check(db: &Database, acknowledged: &BTreeMap<i32, i64>, rows_kept: u64) -> Result<Found> {
    let snapshot = db.snapshot();
    let (log, events) = (snapshot.table(LOG)?, snapshot.table(EVENTS)?);
    let mut spans: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
    let mut expected = log.first_seq();
    for row in log.scan(..)? {
        let row = row?;
        if row.seq() != expected {
            return Err(Fault::from(format!("row {} where {expected} is due", row.seq())));
        }
        expected += 1;
        let (writer, n) = Content::check(&row)?;
        let span = spans.entry(writer).or_insert((n, n - 1));
        if span.1 + 1 != n {
            let after = span.1;
            return Err(Fault::from(format!("writer {writer}: row {n} comes after {after}")));
        }
        span.1 = n;
    }
    let rows = (expected - log.first_seq()).unsigned_abs();
    if rows < rows_kept.min(log.last_seq().unsigned_abs()) {
        return Err(Fault::from(format!("{rows} rows are left, of {rows_kept} to keep")));
    }
    for (writer, n) in acknowledged {
        // All rows of a writer that has ended may have been dropped.
        let last = spans.get(writer).map(|span| span.1);
        if last.is_none_or(|last| last < *n) && (last.is_some() || log.first_seq() == 1) {
            return Err(Fault::from(format!(
                "writer {writer}: row {n} was acknowledged, and {last:?} is the last there is"
            )));
        }
    }
    let mut in_both = 0;
    for row in events.scan(..)? {
        let (writer, n) = name_of(&row?)?;
        let Some((_, last)) = spans.get(&writer) else { continue };
        if n > *last {
            return Err(Fault::from(format!("writer {writer}: row {n} is in one table only")));
        }
        in_both += 1;
    }
    let verification = db.verify()?;
    if !verification.is_clean() {
        return Err(Fault::from(format!("{:?}", verification.problems)));
    }
    Ok(Found { rows, in_both })
}
