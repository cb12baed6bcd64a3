//! Some consecutive rows, wherever they are: a block of an SST, or a chunk of a memtable.

use std::ops::Range;
use std::sync::Arc;

use crate::Result;
use crate::chunk::{Chunk, Column, ColumnData, Mask};
use crate::column::{FilterScratch, Test, ZoneMap};
use crate::sst::{BlockCodes, BlockRef, TIME_COLUMN};

/// See the module's documentation. Columns are numbered as in a block: [`TIME_COLUMN`], then the
/// fields from 1.
#[derive(Debug)]
pub(crate) enum Batch<'a> {
    Block(BlockRef<'a>),
    Chunk(Arc<Chunk>),
}

impl Batch<'_> {
    /// The rows' numbers.
    pub(crate) fn seqs(&self) -> Range<i64> {
        match self {
            Batch::Block(block) => block.first_seq()..block.end_seq(),
            Batch::Chunk(chunk) => chunk.first_seq..chunk.end_seq(),
        }
    }

    /// How many rows there are, at most [`crate::chunk::ROWS_MAX`].
    pub(crate) fn len(&self) -> usize {
        match self {
            Batch::Block(block) => block.rows(),
            Batch::Chunk(chunk) => chunk.len(),
        }
    }

    /// What is known of a column without decoding it; chunks know nothing.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub(super) fn zone(&self, column: usize) -> Result<Option<ZoneMap>> {
        match self {
            Batch::Block(block) => block.column_zone(column).map(Some),
            Batch::Chunk(_) => Ok(None),
        }
    }

    /// Keeps the rows of `mask` whose value passes the test.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(super) fn filter(
        &self,
        column: usize,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<()> {
        match self {
            Batch::Block(block) => return block.filter(column, test, scratch, mask),
            Batch::Chunk(chunk) if column == TIME_COLUMN => test.ints(&chunk.times, mask),
            Batch::Chunk(chunk) => chunk.columns[column - 1].filter(test, mask),
        }
        Ok(())
    }

    /// Keeps the rows of `mask` that are null in a column, or those that are not.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(super) fn retain_nulls(&self, column: usize, null: bool, mask: &mut Mask) -> Result<()> {
        match self {
            Batch::Block(block) => return block.retain_nulls(column, null, mask),
            Batch::Chunk(chunk) if column == TIME_COLUMN => {
                debug_assert_eq!(chunk.times.len(), mask.len());
                if null {
                    mask.clear();
                }
            }
            Batch::Chunk(chunk) => chunk.columns[column - 1].retain_nulls(mask, null),
        }
        Ok(())
    }

    /// Appends the rows of `mask` of a column to `out`, which has the column's shape.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(crate) fn gather(&self, column: usize, mask: &Mask, out: &mut Column) -> Result<()> {
        match self {
            Batch::Block(block) => return block.gather(column, mask, out),
            Batch::Chunk(chunk) if column == TIME_COLUMN => {
                if let ColumnData::Int(out) = &mut out.data {
                    out.extend(mask.rows().map(|row| chunk.times[row]));
                }
            }
            Batch::Chunk(chunk) => out.gather_from(&chunk.columns[column - 1], mask),
        }
        Ok(())
    }

    /// The rows of a column as codes of a dictionary, where it is stored so.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(super) fn codes(&self, column: usize) -> Result<Option<BlockCodes<'_>>> {
        match self {
            Batch::Block(block) => block.codes(column),
            Batch::Chunk(_) => Ok(None),
        }
    }

    /// All rows of a column: without a copy where it is in memory, else unpacked into `room`, whose
    /// values are overwritten.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(crate) fn column<'r>(&'r self, column: usize, room: &'r mut Column) -> Result<&'r Column> {
        if let Batch::Chunk(chunk) = self
            && let Some(field) = column.checked_sub(1)
        {
            return Ok(&chunk.columns[field]);
        }
        room.truncate(0);
        match self {
            Batch::Block(block) => block.unpack_into(column, 0..block.rows(), room)?,
            Batch::Chunk(_) => self.gather(column, &Mask::all(self.len()), room)?,
        }
        Ok(room)
    }
}
