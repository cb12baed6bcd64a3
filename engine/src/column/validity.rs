//! Which rows of an encoded column hold a value.
//!
//! ```text
//! flags u8        bit 0 NULLS: a bitmap follows   bit 1 ALL_NULL: nothing follows, no payload
//! validity        bit i % 8 of byte i / 8: row i holds a value; bits beyond the rows are zero
//! ```

use std::ops::Range;

use crate::chunk::{Bitmap, Column};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::mutant;

const NULLS: u8 = 1;
const ALL_NULL: u8 = 2;

/// The validity section, in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity<'a> {
    /// Every row holds a value.
    AllValid,
    /// No row does (or there are no rows); the payload is empty.
    AllNull,
    /// One bit a row.
    Bits(&'a [u8]),
}

impl<'a> Validity<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Validity<'a>, Damage> {
        let at = reader.position();
        match reader.u8()? {
            0 => Ok(Validity::AllValid),
            NULLS if mutant::on("nulls-ignored") => {
                reader.take(rows.div_ceil(8)).map(|_| Validity::AllValid)
            }
            NULLS => Ok(Validity::Bits(reader.take(rows.div_ceil(8))?)),
            ALL_NULL => Ok(Validity::AllNull),
            flags => Err(Damage::new(at, format!("unknown column flags {flags:#04x}"))),
        }
    }

    /// Appends the section of `column`.
    pub(super) fn write(column: &Column, null_count: usize, out: &mut Vec<u8>) {
        if null_count == column.len() {
            out.put_u8(ALL_NULL);
        } else if let (Some(validity), 1..) = (&column.validity, null_count) {
            out.put_u8(NULLS);
            let end = out.len() + column.len().div_ceil(8);
            for word in validity.words() {
                out.extend_from_slice(&word.to_le_bytes());
            }
            out.truncate(end);
        } else {
            out.put_u8(0);
        }
    }

    /// Whether `row` holds a value. The row must be below the count given to `read`.
    pub(super) fn is_valid(self, row: usize) -> bool {
        match self {
            Validity::AllValid => true,
            Validity::AllNull => false,
            Validity::Bits(bits) => bits.get(row / 8).is_some_and(|b| b >> (row % 8) & 1 == 1),
        }
    }

    /// Rows of `range` without a value.
    pub(super) fn nulls(self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let range = if self == Validity::AllValid { 0..0 } else { range };
        range.filter(move |row| !self.is_valid(*row))
    }

    /// The bits of `range`, or `None` where all are set.
    pub(super) fn bitmap(self, range: Range<usize>) -> Option<Bitmap> {
        match self {
            Validity::AllValid => None,
            Validity::AllNull if range.is_empty() => None,
            Validity::AllNull => Some(Bitmap::filled(range.len(), false)),
            Validity::Bits(bits) => {
                let bitmap = bits_of(bits, range);
                (bitmap.count_ones() < bitmap.len()).then_some(bitmap)
            }
        }
    }
}

/// Bits `range` of a little-endian bitmap. Bits that are not there are zero.
pub(super) fn bits_of(bits: &[u8], range: Range<usize>) -> Bitmap {
    let whole = |bits: &[u8], len: usize| {
        let words = bits.chunks(8).take(len.div_ceil(64)).map(|bytes| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        });
        Bitmap::from_words(words.collect(), len)
    };
    if range.start.is_multiple_of(8) {
        return whole(bits.get(range.start / 8..).unwrap_or_default(), range.len());
    }
    let all = whole(bits, range.end);
    let mut part = Bitmap::default();
    part.extend_from(&all, range);
    part
}
