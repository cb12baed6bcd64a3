//! A block in an open file: views of its columns and zone maps, and of single rows.
//!
//! A *field* is counted from 0 in the schema's order; a *column* is `_time` ([`TIME_COLUMN`]) or
//! one more than a field.
//!
//! Invariant: the block's header was checked, each column is checked before it is decoded.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use super::SstReader;
use crate::chunk::{Chunk, Column, ColumnData, Mask, Scalar};
use crate::column::{
    ColumnView, DictionaryCodes, DictionaryView, Encoding, FilterScratch, Test, ZoneMap,
};
use crate::error::{Damage, Error, Result};
use crate::format::block::{
    BlockHeader, ColumnEntry, column_crc, column_seed, directory_end, zone_map,
};
use crate::mutant;
use crate::types::DataType;

/// The column number of `_time`; a field's is one more than its index.
pub(crate) const TIME_COLUMN: usize = 0;

/// One block. Owns its bytes where the file is not mapped, else borrows them.
#[derive(Debug, Clone)]
pub(crate) struct BlockRef<'a> {
    pub(super) reader: &'a SstReader,
    pub(super) ordinal: u32,
    /// Where it starts in the file.
    offset: u64,
    pub(super) header: BlockHeader,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl<'a> BlockRef<'a> {
    pub(super) fn new(
        reader: &'a SstReader,
        ordinal: u32,
        offset: u64,
        header: BlockHeader,
        bytes: Cow<'a, [u8]>,
    ) -> Self {
        BlockRef { reader, ordinal, offset, header, bytes }
    }

    /// Its number in the file.
    #[cfg(test)]
    pub(crate) fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// `_seq` of the first row.
    #[inline]
    pub(crate) fn first_seq(&self) -> i64 {
        self.header.first_seq
    }

    /// `_seq` after the last row.
    #[inline]
    pub(crate) fn end_seq(&self) -> i64 {
        self.header.first_seq + i64::from(self.header.rows)
    }

    /// Rows held.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        usize::from(self.header.rows)
    }

    /// Bytes held while some rows of it are read: theirs, about, and the block's if it is no map's.
    pub(crate) fn bytes_of(&self, rows: usize) -> usize {
        let held = if let Cow::Owned(bytes) = &self.bytes { bytes.len() } else { 0 };
        held + self.bytes.len() / self.rows() * rows
    }

    /// The zone map of a field.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    #[cfg(test)]
    pub(crate) fn zone(&self, field: usize) -> Result<ZoneMap> {
        self.column_zone(field + 1)
    }

    /// The zone map of a column.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn column_zone(&self, column: usize) -> Result<ZoneMap> {
        self.reader.column_type(column);
        zone_map(&self.bytes, column).map_err(|damage| self.corrupt(damage, 0))
    }

    /// By its name, the encoding that a column has, and the bytes that it takes.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn column_form(&self, column: usize) -> Result<(String, u64)> {
        let entry = ColumnEntry::read(&self.bytes, column).map_err(|d| self.corrupt(d, 0))?;
        let encoding = Encoding::from_code(entry.encoding).map_err(|d| self.corrupt(d, 0))?;
        Ok((format!("{encoding:?}"), u64::from(entry.length)))
    }

    /// Keeps the rows of `mask` whose value in a column passes the test.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`]; the mask is of no use then.
    pub(crate) fn filter(
        &self,
        column: usize,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<()> {
        let (view, start) = self.view(column)?;
        view.filter(test, scratch, mask).map_err(|damage| self.corrupt(damage, start))
    }

    /// Keeps the rows of `mask` that are null in a column, or those that are not.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn retain_nulls(&self, column: usize, null: bool, mask: &mut Mask) -> Result<()> {
        self.view(column)?.0.retain_nulls(mask, null);
        Ok(())
    }

    /// Appends the rows of `mask` of a column to `out`, which has the column's shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`]; `out` holds some of the rows then.
    pub(crate) fn gather(&self, column: usize, mask: &Mask, out: &mut Column) -> Result<()> {
        if mask.count() == self.rows() {
            return self.unpack_into(column, 0..self.rows(), out);
        }
        let (view, start) = self.view(column)?;
        view.gather(mask, out).map_err(|damage| self.corrupt(damage, start))
    }

    /// The rows of a column as codes of its dictionary, if it has one.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn codes(&self, column: usize) -> Result<Option<BlockCodes<'_>>> {
        let (view, start) = self.view(column)?;
        let codes = view.codes().map_err(|damage| self.corrupt(damage, start))?;
        Ok(codes.map(|codes| BlockCodes { block: self, start, codes }))
    }

    /// The view of a column and where its bytes start in the block.
    pub(super) fn view(&self, column: usize) -> Result<(ColumnView<'_>, usize)> {
        let Encoded { encoding, data_type, bytes, start, dictionary } = self.encoded(column)?;
        match ColumnView::parse(encoding, self.rows(), data_type, bytes, dictionary) {
            Ok(view) => Ok((view, start)),
            Err(damage) => Err(self.corrupt(damage, start)),
        }
    }

    /// The value of a row of a column.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    #[inline]
    pub(crate) fn value(&self, column: usize, row: usize) -> Result<Scalar<'_>> {
        let Encoded { encoding, data_type, bytes, start, dictionary } = self.encoded(column)?;
        let rows = self.rows();
        ColumnView::value_at(encoding, rows, data_type, bytes, dictionary, row)
            .map_err(|damage| self.corrupt(damage, start))
    }

    /// `_time` of a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn time(&self, row: usize) -> Result<i64> {
        let cell = self.cell(TIME_COLUMN, row);
        if let Some(time) = cell.and_then(|cell| cell.int(DataType::Timestamp, None)) {
            return Ok(time);
        }
        match self.value(TIME_COLUMN, row)? {
            Scalar::Int(time) => Ok(time),
            _ => Err(self.corrupt(Damage::new(0, "_time holds a null"), 0)),
        }
    }

    /// The bytes of a column, checked.
    #[inline]
    fn encoded(&self, column: usize) -> Result<Encoded<'_>> {
        let data_type = self.reader.column_type(column);
        let entry = ColumnEntry::read(&self.bytes, column).map_err(|d| self.corrupt(d, 0))?;
        let bytes = entry.bytes(&self.bytes).map_err(|damage| self.corrupt(damage, 0))?;
        let start = entry.offset as usize;
        if !self.reader.is_column_checked(self.ordinal, column) {
            self.check_column(column, &entry, bytes)?;
            self.reader.set_column_checked(self.ordinal, column);
        }
        // An unknown encoding is for `parse` to complain about.
        let dictionary = match Encoding::from_code(entry.encoding) {
            Ok(encoding) if encoding.needs_dictionary() => {
                self.reader.dictionary(self.header.origin_file, column, data_type.physical())?
            }
            _ => None,
        };
        Ok(Encoded { encoding: entry.encoding, data_type, bytes, start, dictionary })
    }

    fn check_column(&self, column: usize, entry: &ColumnEntry, bytes: &[u8]) -> Result<()> {
        let BlockHeader { origin_file, first_seq, .. } = self.header;
        let seed = column_seed(self.reader.header.database_id, origin_file, first_seq);
        if entry.crc == column_crc(seed, column, bytes) || mutant::on("column-unchecked") {
            return Ok(());
        }
        let what = format!("column {column} of the block of seq {first_seq} fails its checksum");
        Err(self.corrupt(Damage::new(0, what), entry.offset as usize))
    }

    /// Damage found `start` bytes into the block.
    #[cold]
    pub(super) fn corrupt(&self, damage: Damage, start: usize) -> Error {
        damage.in_file(&self.reader.path, self.offset + start as u64)
    }

    /// Appends rows `rows` of a field to `out`, which has the field's shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`]; `out` holds some of the rows then.
    #[cfg(test)]
    pub(crate) fn unpack_column(
        &self,
        field: usize,
        rows: Range<usize>,
        out: &mut Column,
    ) -> Result<()> {
        self.unpack_into(field + 1, rows, out)
    }

    /// Appends rows `rows` of a column to `out`, which has the column's shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`]; `out` holds some of the rows then.
    pub(crate) fn unpack_into(
        &self,
        column: usize,
        rows: Range<usize>,
        out: &mut Column,
    ) -> Result<()> {
        assert!(rows.start <= rows.end && rows.end <= self.rows(), "{rows:?} of {}", self.rows());
        let (view, start) = self.view(column)?;
        let expected = out.len() + rows.len();
        view.unpack(rows, out).map_err(|damage| self.corrupt(damage, start))?;
        if out.len() == expected {
            return Ok(());
        }
        let what = format!("column {column} gave {} rows, not {expected}", out.len());
        Err(self.corrupt(Damage::new(0, what), start))
    }

    /// `_time` of rows `rows`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn unpack_times(&self, rows: Range<usize>) -> Result<Vec<i64>> {
        let mut out = Column::new(self.reader.column_type(TIME_COLUMN).physical());
        self.unpack_into(TIME_COLUMN, rows, &mut out)?;
        match out {
            Column { data: ColumnData::Int(times), validity: None } => Ok(times),
            _ => Err(self.corrupt(Damage::new(0, "_time holds nulls"), 0)),
        }
    }

    /// Rows `rows`, with `_time` and the columns of `fields` in that order; all fields for `None`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn unpack(&self, fields: Option<&[usize]>, rows: Range<usize>) -> Result<Chunk> {
        let mut columns = Vec::new();
        let mut unpack = |field: usize| {
            let mut column = Column::new(self.reader.column_type(field + 1).physical());
            self.unpack_into(field + 1, rows.clone(), &mut column)?;
            columns.push(column);
            Ok(())
        };
        match fields {
            Some(fields) => fields.iter().copied().try_for_each(&mut unpack)?,
            None => (0..self.reader.types().len()).try_for_each(&mut unpack)?,
        }
        let first_seq = self.first_seq() + rows.start as i64;
        Ok(Chunk { first_seq, times: self.unpack_times(rows)?, columns })
    }

    /// [`crate::column::ColumnView::is_ordered`] of a field.
    #[cfg(feature = "internals")]
    pub(crate) fn is_ordered(&self, field: usize) -> bool {
        self.view(field + 1).is_ok_and(|(view, _)| view.is_ordered())
    }

    /// `_time` of the first row and of the last.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn first_and_last_time(&self) -> Result<RangeInclusive<i64>> {
        Ok(self.time(0)?..=self.time(self.rows() - 1)?)
    }

    /// Appends the block as it stands, each column checked whether it was before or not. What lies
    /// between the columns and no checksum covers is written anew.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(super) fn copy_checked(&self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let columns = usize::from(self.header.columns);
        let directory = self.bytes.get(..directory_end(columns));
        let short = || self.corrupt(Damage::new(0, "the block is shorter than its directory"), 0);
        out.extend_from_slice(directory.ok_or_else(short)?);
        for column in 0..columns {
            let entry = ColumnEntry::read(&self.bytes, column).map_err(|d| self.corrupt(d, 0))?;
            let bytes = entry.bytes(&self.bytes).map_err(|damage| self.corrupt(damage, 0))?;
            self.check_column(column, &entry, bytes)?;
            out.resize(start + entry.offset as usize, 0);
            out.extend_from_slice(bytes);
        }
        out.resize(start + self.bytes.len(), 0);
        Ok(())
    }

    /// Damage of the block as a whole.
    #[cold]
    pub(crate) fn damaged(&self, what: String) -> Error {
        self.corrupt(Damage::new(0, what), 0)
    }

    /// The number of the file that the block was first written to.
    pub(crate) fn origin_file(&self) -> u64 {
        self.header.origin_file
    }

    /// The columns whose values are in dictionaries.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn columns_of_dictionaries(&self) -> Result<Vec<u32>> {
        let mut columns = Vec::new();
        for column in 0..self.header.columns {
            let entry = ColumnEntry::read(&self.bytes, usize::from(column));
            let entry = entry.map_err(|damage| self.corrupt(damage, 0))?;
            let encoding = Encoding::from_code(entry.encoding);
            let encoding = encoding.map_err(|d| self.corrupt(d, entry.offset as usize))?;
            columns.extend(encoding.needs_dictionary().then_some(u32::from(column)));
        }
        Ok(columns)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }
}

/// A column, as it stands.
struct Encoded<'a> {
    encoding: u16,
    data_type: DataType,
    bytes: &'a [u8],
    /// Where its bytes start in the block.
    start: usize,
    dictionary: Option<DictionaryView<'a>>,
}

/// The rows of a column as codes of its dictionary.
#[derive(Debug)]
pub(crate) struct BlockCodes<'a> {
    block: &'a BlockRef<'a>,
    start: usize,
    codes: DictionaryCodes<'a>,
}

impl<'a> BlockCodes<'a> {
    /// [`crate::column::DictionaryView::place`] of the dictionary.
    pub(crate) fn place(&self) -> (usize, usize) {
        self.codes.dictionary.place()
    }

    /// Entries of the dictionary.
    pub(crate) fn entries(&self) -> usize {
        self.codes.dictionary.len()
    }

    /// Whether all rows hold a value.
    pub(crate) fn has_no_nulls(&self) -> bool {
        self.codes.validity.is_none()
    }

    /// Whether a row holds a value.
    #[inline]
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        self.codes.validity.as_ref().is_none_or(|valid| valid.get(row))
    }

    /// A row's code, below [`BlockCodes::entries`].
    #[inline]
    pub(crate) fn code(&self, row: usize) -> usize {
        self.codes.codes[row] as usize
    }

    /// An entry of a dictionary of integers.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn int(&self, code: usize) -> Result<i64> {
        let value = self.codes.dictionary.int(code as i64);
        value.map_err(|damage| self.block.corrupt(damage, self.start))
    }

    /// An entry of a dictionary of byte strings.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn bytes(&self, code: usize) -> Result<&'a [u8]> {
        let value = self.codes.dictionary.bytes(code as i64);
        value.map_err(|damage| self.block.corrupt(damage, self.start))
    }
}

/// One row of a block; each value is decoded when it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct RowRef<'a> {
    block: BlockRef<'a>,
    row: usize,
}

impl<'a> RowRef<'a> {
    pub(super) fn new(block: BlockRef<'a>, row: usize) -> Self {
        assert!(row < block.rows(), "row {row} of {}", block.rows());
        RowRef { block, row }
    }

    /// The row's `_seq`.
    #[cfg(test)]
    pub(crate) fn seq(&self) -> i64 {
        self.block.first_seq() + self.row as i64
    }

    /// The row's `_time`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn time(&self) -> Result<i64> {
        self.block.time(self.row)
    }

    /// The value of a field.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    #[inline]
    pub(crate) fn get(&self, field: usize) -> Result<Scalar<'_>> {
        self.value(field + 1)
    }

    fn value(&self, column: usize) -> Result<Scalar<'_>> {
        self.block.value(column, self.row)
    }

    /// The block the row is in.
    #[cfg(test)]
    pub(crate) fn block(&self) -> &BlockRef<'a> {
        &self.block
    }
}
