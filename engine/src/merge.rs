//! The rows of neighbouring SSTs, written as one.
//!
//! ```text
//!   ┌ full ┬ full ┬ short ┐┌ short ┬ full ┐      sources
//!      │      │       └───┬───┘       │
//!    copied copied     encoded      copied       target
//! ```
//!
//! Invariants
//! 1. A full block is copied with its checksums, which are checked; only short ones that stand next
//!    to each other are decoded, and encoded again together. So a row is encoded again only as long
//!    as it is in the tail of a flush.
//! 2. Every row from `floor` on is written once, in its order; rows below are left out.
//! 3. Memory: a block, the rows of one, and what the target's writer takes.
//! 4. Sources are not believed: rows that would not follow on are damage.

use std::collections::BTreeSet;

use crate::Result;
use crate::chunk::Chunk;
use crate::mutant;
use crate::sst::{BlockRef, SstReader, SstWriter};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Merge {
    sources: Vec<SstReader>,
    /// The source that the next row is in.
    at: usize,
    next_seq: i64,
    /// `_time` of the row before.
    last_time: i64,
    /// Rows of a full block.
    block_rows: usize,
    /// Rows of short blocks that are not written yet.
    pending: Option<Pending>,
    /// The dictionaries that blocks need which were copied: origin file, column, source.
    dictionaries: BTreeSet<(u64, u32, usize)>,
}

#[derive(Debug)]
struct Pending {
    rows: Chunk,
    /// The source, if it is all of one block, which can be copied as it is.
    block_of: Option<usize>,
}

impl Merge {
    /// The rows of SSTs that follow on each other, from `floor` on, of which there is one at least.
    pub(crate) fn new(sources: Vec<SstReader>, floor: i64, block_rows: usize) -> Merge {
        let first = sources.first().map_or(floor, |first| first.meta().min_seq);
        Merge {
            sources,
            at: 0,
            next_seq: first.max(floor),
            last_time: i64::MIN,
            block_rows,
            pending: None,
            dictionaries: BTreeSet::new(),
        }
    }

    /// Adds a block or a dictionary; whether there is more to add.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(crate) fn step(&mut self, writer: &mut SstWriter) -> Result<bool> {
        let Some(source) = self.sources.get(self.at) else {
            return match self.pending.take() {
                Some(pending) => self.write(&pending, writer).map(|()| true),
                None => self.copy_dictionary(writer),
            };
        };
        let Some(block) = source.block_of(self.next_seq)? else {
            self.at += 1;
            return Ok(true);
        };
        let from = (self.next_seq - block.first_seq()) as usize;
        let is_full = from == 0 && block.rows() >= self.block_rows;
        let room = self.block_rows - self.pending.as_ref().map_or(0, |p| p.rows.len());
        if is_full || room == 0 {
            if let Some(pending) = self.pending.take() {
                return self.write(&pending, writer).map(|()| true);
            }
            let times = block.first_and_last_time()?;
            let end_seq = block.end_seq();
            check_times(&block, [*times.start(), *times.end()], &mut self.last_time)?;
            let place = (self.at, source.meta().file_number);
            copy(&block, place, &mut self.dictionaries, writer)?;
            self.next_seq = end_seq;
            return Ok(true);
        }
        let to = block.rows().min(from + room);
        let rows = block.unpack(None, from..to)?;
        check_times(&block, rows.times.iter().copied(), &mut self.last_time)?;
        self.next_seq = rows.end_seq();
        let is_whole = from == 0 && to == block.rows();
        match &mut self.pending {
            Some(pending) => {
                pending.block_of = None;
                pending.rows.append(&rows);
            }
            None => self.pending = Some(Pending { rows, block_of: is_whole.then_some(self.at) }),
        }
        Ok(true)
    }

    fn write(&mut self, pending: &Pending, writer: &mut SstWriter) -> Result<()> {
        let source = pending.block_of.and_then(|at| Some((at, self.sources.get(at)?)));
        if let Some((at, source)) = source
            && let Some(block) = source.block_of(pending.rows.first_seq)?
        {
            let place = (at, source.meta().file_number);
            return copy(&block, place, &mut self.dictionaries, writer);
        }
        writer.add(&pending.rows)
    }

    /// Copies the next dictionary; whether there was one.
    fn copy_dictionary(&mut self, writer: &mut SstWriter) -> Result<bool> {
        let Some((origin, column, at)) = self.dictionaries.pop_first() else { return Ok(false) };
        if mutant::on("merge-forgets-a-dictionary") {
            return Ok(true);
        }
        self.sources[at]
            .with_dictionary(origin, column, |entry, bytes| writer.copy_dictionary(entry, bytes))?;
        Ok(true)
    }
}

/// Copies a block of source `at`, which has a number, and takes down what dictionaries it needs.
fn copy(
    block: &BlockRef<'_>,
    (at, file_number): (usize, u64),
    dictionaries: &mut BTreeSet<(u64, u32, usize)>,
    writer: &mut SstWriter,
) -> Result<()> {
    let columns = block.columns_of_dictionaries()?;
    let origin = block.origin_file();
    if origin > file_number {
        return Err(block.damaged(format!("a block of file {origin}, which is a later one")));
    }
    writer.copy(block)?;
    dictionaries.extend(columns.into_iter().map(|column| (origin, column, at)));
    Ok(())
}

/// That times do not go back, within a block and from the one before.
fn check_times(
    block: &BlockRef<'_>,
    times: impl IntoIterator<Item = i64>,
    last: &mut i64,
) -> Result<()> {
    for time in times {
        if time < *last {
            return Err(block.damaged(format!("time goes back from {last} to {time}")));
        }
        *last = time;
    }
    Ok(())
}
