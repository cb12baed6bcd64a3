//! What limits come to: the first row of a table that they keep.
//!
//! ```text
//!   rows   ──► so many before the end of the SSTs          bytes  ──► behind whole SSTs
//!   _time  ──► SSTs by their last time, bisection in one   field  ──► blocks by their zone maps
//! ```
//!
//! Only rows in SSTs are looked at.

use std::sync::Arc;

use crate::Result;
use crate::chunk::{Column, Scalar};
use crate::mutant;
use crate::retention::Retention;
use crate::sst::{BlockRef, TIME_COLUMN};
use crate::table_files::{Sst, TableFiles};
use crate::table_state::TableState;
use crate::types::Physical;

/// Behind, rows of an SST go once they are one in so many of its rows: trimming row by row would
/// write an edit for each.
const PART: u64 = 8;

/// `_seq` of the first row that the limits keep; after the last in SSTs if they keep none of these.
/// Asks for the time only if there is a limit of age.
///
/// # Errors
/// [`crate::Error::Corrupt`], [`crate::Error::Io`] if an SST can't be read.
pub(super) fn first_kept(
    table: &TableState,
    files: &TableFiles,
    limits: &Retention,
    now: &mut impl FnMut() -> i64,
) -> Result<i64> {
    let mut first = files.first_seq();
    let Some(end) = files.ssts.last().map(|last| last.meta.max_seq + 1) else { return Ok(first) };
    if let Some(rows) = limits.rows() {
        let one_more = i64::from(mutant::on("retention-takes-one-more"));
        first = first.max(end.saturating_sub_unsigned(rows) + one_more);
    }
    if let Some(bytes) = limits.bytes() {
        first = first.max(by_bytes(files, bytes));
    }
    if let Some(age) = limits.age() {
        first = first.max(by_time(files, first, oldest(now(), age.as_nanos() as u64))?);
    }
    if let Some((place, age)) = limits.place_of(&table.schema, &table.name)? {
        first = by_field(files, place, first, oldest(now(), age))?;
    }
    Ok(first.min(end))
}

/// The first `_seq` that is worth an edit, of those up to `first`: between two SSTs, or an eighth
/// of one.
pub(super) fn worth_an_edit(files: &TableFiles, first: i64) -> i64 {
    let Some(sst) = files.sst_of(first) else { return first };
    let from = sst.meta.min_seq.max(files.first_seq());
    let rows = (first - from).unsigned_abs();
    if rows.saturating_mul(PART) >= sst.meta.rows { first } else { from }
}

/// The time at which a row is not too old yet.
fn oldest(now: i64, age_ns: u64) -> i64 {
    now.saturating_sub_unsigned(age_ns)
}

fn by_bytes(files: &TableFiles, bytes_max: u64) -> i64 {
    let bytes = |sst: &Arc<Sst>| {
        let number = sst.meta.file_number;
        let indexes = files.indexes.values().filter_map(|index| index.files.get(&number));
        sst.meta.size + indexes.map(|file| file.meta.size).sum::<u64>()
    };
    let (mut kept, mut is_newest) = (0_u64, !mutant::on("newest-sst-dropped"));
    for sst in files.ssts.iter().rev() {
        kept = kept.saturating_add(bytes(sst));
        if kept > bytes_max && !std::mem::take(&mut is_newest) {
            return sst.meta.max_seq + 1;
        }
        is_newest = false;
    }
    files.first_seq()
}

/// `_time` never goes back from row to row.
fn by_time(files: &TableFiles, start: i64, oldest: i64) -> Result<i64> {
    let is_old = |time: i64| (time < oldest) != mutant::on("retention-drops-the-young");
    let at = files.ssts.partition_point(|sst| is_old(sst.meta.max_time));
    let Some(sst) = files.ssts.get(at) else {
        return Ok(files.ssts.last().map_or(start, |last| last.meta.max_seq + 1));
    };
    let (mut low, mut high) = (sst.meta.min_seq.max(start), sst.meta.max_seq);
    if !is_old(sst.meta.min_time) {
        return Ok(low);
    }
    let reader = sst.reader()?;
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(row) = reader.row(middle)? else { break };
        if is_old(row.time()?) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The first row from `start` on whose value is not too old; null is as old as the row.
fn by_field(files: &TableFiles, place: usize, start: i64, oldest: i64) -> Result<i64> {
    let mut seq = start;
    for sst in files.ssts.iter().filter(|sst| sst.meta.max_seq >= start) {
        let reader = sst.reader()?;
        seq = seq.max(sst.meta.min_seq);
        while let Some(block) = reader.block_of(seq)? {
            if !is_old(&block, place, oldest)? {
                let from = (seq - block.first_seq()) as usize;
                if let Some(young) = first_young(&block, place, from, oldest)? {
                    return Ok(seq + young as i64);
                }
            }
            seq = block.end_seq();
        }
    }
    Ok(seq)
}

/// Whether the zone maps say that all rows of a block are too old.
fn is_old(block: &BlockRef<'_>, place: usize, oldest: i64) -> Result<bool> {
    let zone = block.column_zone(place + 1)?;
    let values_are = match zone.int_bounds() {
        None => true,
        Some((min, max)) => {
            let is_mixed = || min < oldest && max >= oldest;
            max < oldest || mutant::when("old-row-takes-its-block", is_mixed)
        }
    };
    let nulls_are = || -> Result<bool> {
        Ok(zone.null_count == 0 || *block.first_and_last_time()?.end() < oldest)
    };
    Ok(values_are && nulls_are()?)
}

/// How far behind row `from` of a block the first is that is not too old.
fn first_young(
    block: &BlockRef<'_>,
    place: usize,
    from: usize,
    oldest: i64,
) -> Result<Option<usize>> {
    let mut values = Column::new(Physical::Int);
    block.unpack_into(place + 1, from..block.rows(), &mut values)?;
    let mut times = Column::new(Physical::Int);
    block.unpack_into(TIME_COLUMN, from..block.rows(), &mut times)?;
    let is_young = |row: &usize| match (values.get(*row), times.get(*row)) {
        (Scalar::Int(value), _) => value >= oldest,
        (_, Scalar::Int(time)) => time >= oldest && !mutant::on("null-has-no-age"),
        _ => true,
    };
    Ok((0..block.rows() - from).find(is_young))
}
