//! Single values of blocks, the short way (see `column/cell.rs`): what a get and an index need.
//!
//! It is open to a column that was checked before, in a file that is mapped; whoever finds it
//! closed goes the long way, which checks the column.

use super::block::BlockRef;
use crate::Result;
use crate::chunk::{Column, ColumnData};
use crate::column::{Cell, DictionaryView};
use crate::format::block::ColumnEntry;
use crate::types::{DataType, Physical};

impl BlockRef<'_> {
    /// A value of a column that was checked before, the short way; `None` where there is none.
    #[inline(always)]
    pub(crate) fn cell(&self, column: usize, row: usize) -> Option<Cell<'_>> {
        if !self.reader.is_column_checked(self.ordinal, column) {
            return None;
        }
        let entry = ColumnEntry::read(&self.bytes, column).ok()?;
        Cell::of(entry.encoding, self.rows(), entry.bytes(&self.bytes).ok()?, row)
    }

    /// The dictionary of a column that was checked before, the short way; `None` where there is
    /// none.
    #[inline]
    pub(crate) fn mapped_dictionary(&self, column: usize) -> Option<DictionaryView<'_>> {
        self.reader.mapped_dictionary(self.header.origin_file, column)
    }

    /// Appends rows of a column of blocks of one table to `out`, which has the column's shape;
    /// `places` are each the number of a block and a row of it. Row by row, the short way, and the
    /// long way where that ends: for few rows of each block.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`]; `out` holds some of the rows then.
    pub(crate) fn gather_places(
        blocks: &[BlockRef<'_>],
        places: &[(usize, usize)],
        column: usize,
        out: &mut Column,
    ) -> Result<()> {
        // A loop for each shape: so it knows what it makes of a cell.
        match out.data.physical() {
            Physical::Int => each_place(blocks, places, column, out, |cell, about, out| {
                let ColumnData::Int(values) = &mut out.data else { return None };
                values.push(cell.int(about.data_type, about.dictionary)?);
                Some(())
            }),
            Physical::Float64 => each_place(blocks, places, column, out, |cell, _, out| {
                let ColumnData::Float64(values) = &mut out.data else { return None };
                values.push(cell.float64()?);
                Some(())
            }),
            Physical::Bool => each_place(blocks, places, column, out, |cell, _, out| {
                let ColumnData::Bool(values) = &mut out.data else { return None };
                values.push(cell.bool()?);
                Some(())
            }),
            Physical::Bytes => each_place(blocks, places, column, out, |cell, about, out| {
                let ColumnData::Bytes(values) = &mut out.data else { return None };
                cell.push_bytes(about.dictionary, values)
            }),
            Physical::Float32 | Physical::Decimal => {
                each_place(blocks, places, column, out, |_, _, _| None)
            }
        }
    }

    /// Whether it has its dictionaries from the same place.
    #[inline]
    fn shares_dictionaries(&self, other: &BlockRef<'_>) -> bool {
        std::ptr::eq(self.reader, other.reader)
            && self.header.origin_file == other.header.origin_file
    }
}

/// What a cell needs to be decoded.
struct About<'a> {
    data_type: DataType,
    dictionary: Option<DictionaryView<'a>>,
}

/// See [`BlockRef::gather_places`]: `push` appends a cell that is not null to `out`, if it can.
#[inline(always)]
fn each_place<'a>(
    blocks: &'a [BlockRef<'a>],
    places: &[(usize, usize)],
    column: usize,
    out: &mut Column,
    push: impl Fn(&Cell<'a>, &About<'a>, &mut Column) -> Option<()>,
) -> Result<()> {
    let Some(first) = blocks.first() else { return Ok(()) };
    let mut about = About { data_type: first.reader.column_type(column), dictionary: None };
    let mut dictionary_of: Option<&BlockRef<'_>> = None;
    for (block, row) in places {
        let (block, row) = (&blocks[*block], *row);
        if let Some(cell) = block.cell(column, row) {
            if cell.needs_dictionary()
                && !dictionary_of.is_some_and(|other| other.shares_dictionaries(block))
            {
                about.dictionary = block.mapped_dictionary(column);
                dictionary_of = about.dictionary.is_some().then_some(block);
            }
            if cell.is_null() {
                out.push_null();
                continue;
            }
            if push(&cell, &about, out).is_some() {
                out.mark_valid();
                continue;
            }
        }
        let (view, start) = block.view(column)?;
        view.push_row(row, out).map_err(|damage| block.corrupt(damage, start))?;
    }
    Ok(())
}
