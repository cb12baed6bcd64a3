//! One value of a column, the short way.
//!
//! A get looks at each column's header for a single value, so that what it costs is the way there:
//! here most of it is left out. What most gets meet is a row that holds a value, no patch, no
//! exception, sound bytes. Whatever else there is gives `None`, and the caller goes the long way,
//! [`ColumnView::value_at`](super::ColumnView::value_at), which knows every case and says what is
//! wrong with damaged bytes.
//!
//! Invariants
//! 1. A value that is given here is what the long way gives; a test goes both ways for every
//!    encoding.
//! 2. No errors and no panics, whatever the bytes.

use super::decimal_float::Scale;
use super::dictionary::DictionaryView;
use super::ints::HEADER_BYTES;
use super::linear::Line;
use super::plain::push_bytes;
use super::symbol_text::{CODES_SHORT, Symbols};
use super::{Encoding, ROWS_MAX};
use crate::chunk::BytesColumn;
#[cfg(any(test, feature = "internals"))]
use crate::chunk::Scalar;
use crate::coding::bitpack::{self, packed_bytes};
use crate::types::DataType;
#[cfg(any(test, feature = "internals"))]
use crate::types::Physical;

/// Bytes of room for texts that are still to come, at the most.
const ROOM_MAX: usize = 64 << 10;

/// A row of an encoded column. The payload's bytes are not looked at yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    encoding: Encoding,
    rows: usize,
    row: usize,
    /// `None` where the row is null.
    payload: Option<&'a [u8]>,
}

impl<'a> Cell<'a> {
    /// Row `row` of `column`, which is one encoded column of `rows` rows.
    #[inline]
    pub(crate) fn of(encoding: u16, rows: usize, column: &'a [u8], row: usize) -> Option<Self> {
        let encoding = Encoding::of_code(encoding)?;
        let (flags, rest) = column.split_first()?;
        if row >= rows || rows > ROWS_MAX {
            return None;
        }
        let payload = match *flags {
            0 => Some(rest),
            1 => {
                let (valid, payload) = rest.split_at_checked(rows.div_ceil(8))?;
                (valid.get(row / 8)? >> (row % 8) & 1 == 1).then_some(payload)
            }
            2 if encoding == Encoding::Constant && rest.is_empty() => None,
            _ => return None,
        };
        Some(Cell { encoding, rows, row, payload })
    }

    /// Whether the row is null.
    #[inline]
    pub(crate) fn is_null(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether [`Cell::int`] and [`Cell::with_bytes`] need the dictionary.
    #[inline]
    pub(crate) fn needs_dictionary(&self) -> bool {
        self.encoding.needs_dictionary()
    }

    /// The value of a column of integers.
    #[inline]
    pub(crate) fn int(
        &self,
        data_type: DataType,
        dictionary: Option<DictionaryView<'_>>,
    ) -> Option<i64> {
        let Cell { encoding, rows, row, payload } = *self;
        let payload = payload?;
        match encoding {
            Encoding::FrameOfReference => Ints::all_of(payload, rows)?.get(row),
            Encoding::Linear => {
                let (line, rest) = Line::split(payload)?;
                Some(Ints::all_of(rest, rows)?.get(row)?.wrapping_add(line.at(row)))
            }
            Encoding::Dictionary => dictionary?.int_at(Ints::all_of(payload, rows)?.get(row)?),
            Encoding::Runs => {
                let (count, rest) = payload.split_first_chunk::<2>()?;
                let count = usize::from(u16::from_le_bytes(*count));
                let (ends, heads) = rest.split_at_checked(count * 2)?;
                let end_of = |end: &[u8; 2]| usize::from(u16::from_le_bytes(*end));
                let ends = ends.as_chunks::<2>().0;
                let run = ends.partition_point(|end| end_of(end) <= row);
                if ends.last().map(end_of) != Some(rows) || run >= count {
                    return None;
                }
                Ints::all_of(heads, count)?.get(run)
            }
            Encoding::Constant if data_type.plain_width() == Some(8) => {
                Some(i64::from_le_bytes(payload.try_into().ok()?))
            }
            _ => None,
        }
    }

    /// The value of a column of [`DataType::Float64`].
    #[inline]
    pub(crate) fn float64(&self) -> Option<f64> {
        let Cell { encoding, rows, row, payload } = *self;
        let payload = payload?;
        if encoding != Encoding::DecimalFloat {
            return None;
        }
        let ([exponent, low, high], rest) = payload.split_first_chunk::<3>()?;
        let exceptions = usize::from(u16::from_le_bytes([*low, *high]));
        let (kept, rest) = rest.split_at_checked(exceptions * 10)?;
        let positions = kept.as_chunks::<2>().0.get(..exceptions)?;
        let row_of = |position: &[u8; 2]| usize::from(u16::from_le_bytes(*position));
        if exceptions > 0 && positions.binary_search_by_key(&row, row_of).is_ok() {
            return None;
        }
        let scale = Scale::of_checked(*exponent as i8)?;
        Some(scale.decode(Ints::all_of(rest, rows)?.get(row)?))
    }

    /// The value of a column of booleans.
    #[inline]
    pub(crate) fn bool(&self) -> Option<bool> {
        let Cell { encoding, rows, row, payload } = *self;
        let payload = payload?;
        let is_bitmap = encoding == Encoding::Bitmap && payload.len() == rows.div_ceil(8);
        is_bitmap.then_some(payload.get(row / 8)? >> (row % 8) & 1 == 1)
    }

    /// What `make` makes of the value of a column of byte strings.
    #[inline]
    pub(crate) fn with_bytes<T>(
        &self,
        dictionary: Option<DictionaryView<'_>>,
        make: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        if self.encoding == Encoding::Dictionary {
            return make(self.entry(dictionary?)?);
        }
        let (table, codes) = self.codes()?;
        let mut room = [0; CODES_SHORT * 8];
        if codes.len() > CODES_SHORT {
            return None;
        }
        let len = table.decode(self.row, codes, &mut room, 0).ok()?;
        make(&room[..len])
    }

    /// Appends the value of a column of byte strings to `out`, unless it gives `None`.
    #[inline]
    pub(crate) fn push_bytes(
        &self,
        dictionary: Option<DictionaryView<'_>>,
        out: &mut BytesColumn,
    ) -> Option<()> {
        if self.encoding == Encoding::Dictionary {
            let value = self.entry(dictionary?)?;
            make_room(out, value.len(), value.len());
            return push_bytes(out, value).ok();
        }
        let (table, codes) = self.codes()?;
        let start = out.data.len();
        let room = start + codes.len() * 8;
        if room > u32::MAX as usize {
            return None;
        }
        make_room(out, codes.len() * 8, codes.len() * 4);
        out.data.resize(room, 0);
        let done = table.decode(self.row, codes, &mut out.data, start);
        out.data.truncate(*done.as_ref().unwrap_or(&start));
        out.ends.push(done.ok()? as u32);
        Some(())
    }

    /// The value, of whatever shape.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn scalar(
        &self,
        data_type: DataType,
        dictionary: Option<DictionaryView<'_>>,
    ) -> Option<Scalar<'static>> {
        if self.is_null() {
            return Some(Scalar::Null);
        }
        match data_type.physical() {
            Physical::Int => self.int(data_type, dictionary).map(Scalar::Int),
            Physical::Float64 => self.float64().map(Scalar::Float64),
            Physical::Bool => self.bool().map(Scalar::Bool),
            Physical::Bytes => {
                let mut bytes = BytesColumn::default();
                self.push_bytes(dictionary, &mut bytes)?;
                let by_reference = self.with_bytes(dictionary, |bytes| Some(bytes.to_vec()));
                assert!(by_reference.is_none_or(|value| value == bytes.data), "{self:?}");
                Some(Scalar::Bytes(bytes.data.into()))
            }
            Physical::Float32 | Physical::Decimal => None,
        }
    }

    /// The entry of a dictionary of byte strings.
    #[inline]
    fn entry<'d>(&self, dictionary: DictionaryView<'d>) -> Option<&'d [u8]> {
        dictionary.bytes_at(Ints::all_of(self.payload?, self.rows)?.get(self.row)?)
    }

    /// The codes of symbol text, and their table.
    #[inline]
    fn codes(&self) -> Option<(Symbols<'a>, &'a [u8])> {
        let Cell { encoding, rows, row, payload } = *self;
        if encoding != Encoding::SymbolText {
            return None;
        }
        let (table, rest) = Symbols::split(payload?)?;
        let (line, rest) = Line::split(rest)?;
        let (ends, codes) = Ints::split(rest, rows)?;
        let end = |row: usize| Some(ends.get(row)?.wrapping_add(line.at(row)));
        let start = if row == 0 { 0 } else { end(row - 1)? };
        let span = usize::try_from(start).ok()?..usize::try_from(end(row)?).ok()?;
        Some((table, codes.get(span)?))
    }
}

/// Where there is no room for `needed` bytes more: makes room for all values that are still to
/// come, as if each took `usual`. Growing again and again would copy all of them.
#[inline]
fn make_room(out: &mut BytesColumn, needed: usize, usual: usize) {
    if out.data.capacity() - out.data.len() < needed {
        let values = out.ends.capacity() - out.ends.len();
        out.data.reserve((usual * values).min(ROOM_MAX).max(needed));
    }
}

/// Packed integers that may have patches.
#[derive(Debug, Clone, Copy)]
struct Ints<'a> {
    base: i64,
    width: u8,
    count: usize,
    packed: &'a [u8],
    /// Of the patches.
    positions: &'a [[u8; 2]],
}

impl<'a> Ints<'a> {
    /// The `count` integers that `bytes` begins with, and what follows on them.
    #[inline]
    fn split(bytes: &'a [u8], count: usize) -> Option<(Ints<'a>, &'a [u8])> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [base @ .., width, patch_bytes, low, high] = *header;
        let patches = usize::from(u16::from_le_bytes([low, high]));
        if width > 64 || patch_bytes > 8 || patches > count {
            return None;
        }
        let (packed, rest) = rest.split_at_checked(packed_bytes(count, width))?;
        let (positions, rest) = rest.split_at_checked(patches * 2)?;
        let (_, rest) = rest.split_at_checked(patches * usize::from(patch_bytes))?;
        let (base, positions) = (i64::from_le_bytes(base), positions.as_chunks().0);
        Some((Ints { base, width, count, packed, positions }, rest))
    }

    /// The `count` integers that `bytes` are.
    #[inline]
    fn all_of(bytes: &'a [u8], count: usize) -> Option<Ints<'a>> {
        let (ints, rest) = Ints::split(bytes, count)?;
        rest.is_empty().then_some(ints)
    }

    /// Value `i`, if it is below `count` and no patch takes its place.
    #[inline]
    fn get(&self, i: usize) -> Option<i64> {
        let offset = bitpack::get(self.packed, self.count, self.width, i)?;
        // What is packed in the place of a patch is 0: anything else need not be looked for.
        let row_of = |position: &[u8; 2]| usize::from(u16::from_le_bytes(*position));
        if offset == 0 && self.positions.binary_search_by_key(&i, row_of).is_ok() {
            return None;
        }
        Some(self.base.wrapping_add(offset as i64))
    }
}
