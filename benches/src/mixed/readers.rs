//! Threads that read while everything changes, and hold what they find to what it has to be.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use srdb::{Value, col};

use super::content::Content;
use super::{Shared, rest};
use crate::measure::now;
use crate::{Fault, Result};

/// Rows of a scan, and at most of an answer by index.
const ROWS: u64 = 200;

pub(super) fn read(shared: &Shared<'_>, seed: u64) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    while shared.goes_on() {
        let begun = now();
        match random.next_u64() % 100 {
            0..60 => get(shared, &mut random)?,
            60..80 => newest(shared)?,
            80..99 => by_index(shared, &mut random)?,
            _ => over_all(shared)?,
        }
        shared.latencies.answered(begun.elapsed());
        rest(shared.plan.reader_rest);
    }
    Ok(())
}

/// One row, anywhere.
fn get(shared: &Shared<'_>, random: &mut ChaCha8Rng) -> Result<()> {
    let (first, last) = (shared.log.first_seq(), shared.log.last_seq());
    if last < first {
        return Ok(());
    }
    let seq = first + (random.next_u64() % (last - first + 1).unsigned_abs()) as i64;
    match shared.log.get(seq)? {
        Some(row) => Content::check(&row).map(|_| ()),
        None if seq < shared.log.first_seq() => Ok(()),
        None => Err(Fault::from(format!("row {seq} is not there"))),
    }
}

/// The rows that came last: without gaps, each writer's in order.
fn newest(shared: &Shared<'_>) -> Result<()> {
    let table = shared.log.snapshot()?;
    let end = table.last_seq() + 1;
    let mut expected = (end - ROWS as i64).max(table.first_seq());
    let mut last_of = BTreeMap::new();
    for row in table.scan(expected..end)? {
        let row = row?;
        if row.seq() != expected {
            return Err(Fault::from(format!("row {} where {expected} is due", row.seq())));
        }
        expected += 1;
        let (writer, n) = Content::check(&row)?;
        if last_of.insert(writer, n).is_some_and(|before| before + 1 != n) {
            return Err(Fault::from(format!("row {n} of writer {writer} is out of order")));
        }
    }
    if expected != end {
        return Err(Fault::from(format!("the scan ended before row {expected}")));
    }
    Ok(())
}

/// Rows of one device.
fn by_index(shared: &Shared<'_>, random: &mut ChaCha8Rng) -> Result<()> {
    let device = format!("device-{:04}", random.next_u64() % 1000);
    let found = shared.log.query().filter(col("device").eq(device.as_str())).limit(ROWS);
    for row in found.rows()? {
        let row = row?;
        Content::check(&row)?;
        if row.get("device") != Some(&Value::String(device.clone())) {
            return Err(Fault::from(format!("row {} is not of {device}", row.seq())));
        }
    }
    Ok(())
}

/// One condition over every row there is.
fn over_all(shared: &Shared<'_>) -> Result<()> {
    let table = shared.log.snapshot()?;
    let well = table.query().filter(col("status").eq(0)).count()?;
    let not_well = table.query().filter(col("status").ne(0)).count()?;
    if well + not_well != table.count() {
        return Err(Fault::from(format!("{well} and {not_well} rows of {}", table.count())));
    }
    Ok(())
}
