//! The zone map: what is known of a column of a block without decoding it.
//!
//! ```text
//!  0  rows        u32
//!  4  null_count  u32
//!  8  flags       u8      see below
//!  9  zero        3 B
//! 12  min         16 B
//! 28  max         16 B
//! 44  sum         16 B
//! ```
//!
//! | shape   | min, max                                    | sum                                  |
//! |---------|---------------------------------------------|--------------------------------------|
//! | bool    | 0 or 1, u8                                  | rows that are true, u64              |
//! | int     | i64 as in memory (`UInt64`: top bit flipped)| of those i64, i128                   |
//! | float   | f64, NaNs left out                          | f64, in the order of the rows, NaNs in |
//! | decimal | serialised                                  | serialised, unless `NO_SUM`          |
//! | bytes   | first 16 bytes, zero-padded                 | u8 and u8: bytes of min, max that count; at 8 the bytes of all values, u64 |
//!
//! Invariants
//! 1. Without `BOUNDS`, min, max are zero and no row holds a value that compares.
//! 2. Every value that compares is `>= min`, and `<= max` or, with `MAX_CUT`, begins with bytes
//!    that are `<= max`.

use rust_decimal::Decimal;

use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::types::DataType;

/// Min and max stand.
const BOUNDS: u8 = 1;
/// There are NaNs.
const NAN: u8 = 2;
/// `min` is the beginning of a longer value.
const MIN_CUT: u8 = 4;
/// `max` is the beginning of a longer value.
const MAX_CUT: u8 = 8;
/// The sum does not fit.
const NO_SUM: u8 = 16;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZoneMap {
    pub(crate) rows: u32,
    pub(crate) null_count: u32,
    flags: u8,
    min: [u8; 16],
    max: [u8; 16],
    sum: [u8; 16],
}

fn padded(bytes: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    let len = bytes.len().min(16);
    out[..len].copy_from_slice(&bytes[..len]);
    out
}

fn low8(bytes: [u8; 16]) -> [u8; 8] {
    bytes.first_chunk::<8>().copied().unwrap_or_default()
}

/// The first 16 bytes of `data[span]` as a number of the same order, zero-padded, and the length
/// up to 17, which orders those that the padding made equal.
#[inline]
fn beginning(data: &[u8], span: std::ops::Range<usize>) -> (u128, u32) {
    let len = span.len();
    let word = match data[span.start..].first_chunk::<16>() {
        Some(word) => u128::from_be_bytes(*word),
        None => u128::from_be_bytes(padded(&data[span])),
    };
    let mask = if len == 0 { 0 } else { u128::MAX << (128 - 8 * len.min(16)) };
    (word & mask, len.min(17) as u32)
}

impl ZoneMap {
    /// Bytes on disk.
    pub(crate) const BYTES: usize = 60;

    /// The zone map of `column`.
    pub(crate) fn of(column: &Column, data_type: DataType) -> ZoneMap {
        debug_assert_eq!(column.data.physical(), data_type.physical());
        let mut zone = ZoneMap {
            rows: column.len() as u32,
            null_count: column.null_count() as u32,
            flags: 0,
            min: [0; 16],
            max: [0; 16],
            sum: [0; 16],
        };
        if zone.null_count == zone.rows {
            return zone;
        }
        let valid = if zone.null_count == 0 { None } else { column.validity.as_ref() };
        match &column.data {
            ColumnData::Bool(values) => zone.add_bools(values),
            ColumnData::Int(values) => zone.add_ints(values, valid),
            ColumnData::Float32(values) => {
                zone.add_floats(values.iter().map(|v| f64::from(*v)), valid);
            }
            ColumnData::Float64(values) => zone.add_floats(values.iter().copied(), valid),
            ColumnData::Decimal(values) => {
                let is_valid = |(row, _): &(usize, _)| column.is_valid(*row);
                zone.add_decimals(values.iter().enumerate().filter(is_valid).map(|(_, v)| *v));
            }
            ColumnData::Bytes(values) => zone.add_bytes(values, valid),
        }
        zone
    }

    fn add_bools(&mut self, values: &Bitmap) {
        // Null slots are false, so the ones are all values.
        let (ones, valid) = (values.count_ones() as u64, u64::from(self.rows - self.null_count));
        self.flags |= BOUNDS;
        self.min[0] = u8::from(ones == valid);
        self.max[0] = u8::from(ones > 0);
        self.sum[..8].copy_from_slice(&ones.to_le_bytes());
    }

    fn add_ints(&mut self, values: &[i64], valid: Option<&Bitmap>) {
        let (mut min, mut max, mut sum) = (i64::MAX, i64::MIN, 0_i128);
        for (i, values) in values.chunks(64).enumerate() {
            let skip = valid.and_then(|v| v.words().get(i)).map_or(0, |word| !word);
            if skip == 0 {
                for value in values {
                    (min, max) = (min.min(*value), max.max(*value));
                }
            } else {
                for (bit, value) in values.iter().enumerate() {
                    if skip >> bit & 1 == 0 {
                        (min, max) = (min.min(*value), max.max(*value));
                    }
                }
            }
            // Null slots are 0. Halves of 64 values each fit an i64, so no wide addition per value.
            let (mut high, mut low) = (0, 0);
            for value in values {
                high += value >> 32;
                low += value & 0xFFFF_FFFF;
            }
            sum += (i128::from(high) << 32) + i128::from(low);
        }
        self.flags |= BOUNDS;
        self.min = padded(&min.to_le_bytes());
        self.max = padded(&max.to_le_bytes());
        self.sum = sum.to_le_bytes();
    }

    fn add_floats(&mut self, values: impl Iterator<Item = f64>, valid: Option<&Bitmap>) {
        let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        for (row, value) in values.enumerate() {
            if valid.is_some_and(|valid| !valid.get(row)) {
                continue;
            }
            sum += value;
            if value.is_nan() {
                self.flags |= NAN;
            } else {
                (min, max) = (min.min(value), max.max(value));
                self.flags |= BOUNDS;
            }
        }
        if self.flags & BOUNDS != 0 {
            self.min = padded(&min.to_le_bytes());
            self.max = padded(&max.to_le_bytes());
        }
        self.sum = padded(&sum.to_le_bytes());
    }

    fn add_decimals(&mut self, values: impl Iterator<Item = Decimal>) {
        let (mut bounds, mut sum) = (None, Some(Decimal::ZERO));
        for value in values {
            let (min, max) = bounds.unwrap_or((value, value));
            bounds = Some((min.min(value), max.max(value)));
            sum = sum.and_then(|sum| {
                // Beyond 96 bits an addition rounds; such a sum is not one.
                let next = sum.checked_add(value)?;
                (next.scale() == sum.scale().max(value.scale()) || value.is_zero()).then_some(next)
            });
        }
        if let Some((min, max)) = bounds {
            self.flags |= BOUNDS;
            (self.min, self.max) = (min.serialize(), max.serialize());
        }
        match sum {
            Some(sum) => self.sum = sum.serialize(),
            None => self.flags |= NO_SUM,
        }
    }

    fn add_bytes(&mut self, values: &BytesColumn, valid: Option<&Bitmap>) {
        let (mut min, mut max) = ((u128::MAX, u32::MAX), (0, 0));
        let mut start = 0;
        for (row, end) in values.ends.iter().enumerate() {
            let span = start..*end as usize;
            start = span.end;
            if valid.is_none_or(|valid| valid.get(row)) {
                let key = beginning(&values.data, span);
                (min, max) = (min.min(key), max.max(key));
            }
        }
        self.flags |= BOUNDS;
        self.flags |= if min.1 > 16 { MIN_CUT } else { 0 };
        self.flags |= if max.1 > 16 { MAX_CUT } else { 0 };
        (self.min, self.max) = (min.0.to_be_bytes(), max.0.to_be_bytes());
        self.sum[..2].copy_from_slice(&[min.1.min(16) as u8, max.1.min(16) as u8]);
        // Null slots are empty, so the data is that of the values.
        self.sum[8..].copy_from_slice(&(values.data.len() as u64).to_le_bytes());
    }

    /// Appends the zone map.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put_u32(self.rows);
        out.put_u32(self.null_count);
        out.extend_from_slice(&[self.flags, 0, 0, 0]);
        for part in [self.min, self.max, self.sum] {
            out.extend_from_slice(&part);
        }
    }

    /// Takes a zone map.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<ZoneMap, Damage> {
        let at = reader.position();
        let (rows, null_count) = (reader.u32()?, reader.u32()?);
        let flags = reader.u32()?;
        if flags > 31 || null_count > rows {
            let what = format!("a zone map with flags {flags:#x}, {null_count} of {rows} null");
            return Err(Damage::new(at, what));
        }
        let mut part = || Ok(reader.i128()?.to_le_bytes());
        let (min, max, sum) = (part()?, part()?, part()?);
        Ok(ZoneMap { rows, null_count, flags: flags as u8, min, max, sum })
    }

    /// Rows that hold a value.
    pub(crate) fn valid_count(&self) -> u32 {
        self.rows - self.null_count
    }

    /// Whether min and max stand: there is a value that compares.
    pub(crate) fn has_bounds(&self) -> bool {
        self.flags & BOUNDS != 0
    }

    /// Whether a float is NaN. NaNs are outside of min and max, and inside the sum.
    pub(crate) fn has_nan(&self) -> bool {
        self.flags & NAN != 0
    }

    /// Of a bool column: (min, max), and how many are true.
    pub(crate) fn bools(&self) -> (Option<(bool, bool)>, u64) {
        let bounds = self.has_bounds().then_some((self.min[0] != 0, self.max[0] != 0));
        (bounds, u64::from_le_bytes(low8(self.sum)))
    }

    /// Of an int column: min and max, as in memory.
    pub(crate) fn int_bounds(&self) -> Option<(i64, i64)> {
        let bounds = (i64::from_le_bytes(low8(self.min)), i64::from_le_bytes(low8(self.max)));
        self.has_bounds().then_some(bounds)
    }

    /// Of an int column: the sum of the i64s in memory. For `UInt64` that is `2^63` a value too
    /// low.
    pub(crate) fn int_sum(&self) -> i128 {
        i128::from_le_bytes(self.sum)
    }

    /// Of a float column: min and max of what is not NaN.
    pub(crate) fn float_bounds(&self) -> Option<(f64, f64)> {
        let bounds = (f64::from_le_bytes(low8(self.min)), f64::from_le_bytes(low8(self.max)));
        self.has_bounds().then_some(bounds)
    }

    /// Of a float column: the sum in the order of the rows.
    #[cfg(test)]
    pub(crate) fn float_sum(&self) -> f64 {
        f64::from_le_bytes(low8(self.sum))
    }

    /// Of a decimal column: min and max.
    pub(crate) fn decimal_bounds(&self) -> Option<(Decimal, Decimal)> {
        let bounds = (Decimal::deserialize(self.min), Decimal::deserialize(self.max));
        self.has_bounds().then_some(bounds)
    }

    /// Of a decimal column: the exact sum, or `None` where it does not fit.
    #[cfg(test)]
    pub(crate) fn decimal_sum(&self) -> Option<Decimal> {
        (self.flags & NO_SUM == 0).then(|| Decimal::deserialize(self.sum))
    }

    /// Of a bytes column: the beginnings (up to 16 bytes) of min and max, and whether each is cut.
    pub(crate) fn bytes_bounds(&self) -> Option<BytesBounds<'_>> {
        let cut = |bytes: &'_ [u8; 16], len: u8| usize::from(len).min(bytes.len());
        let bounds = BytesBounds {
            min: &self.min[..cut(&self.min, self.sum[0])],
            min_is_cut: self.flags & MIN_CUT != 0,
            max: &self.max[..cut(&self.max, self.sum[1])],
            max_is_cut: self.flags & MAX_CUT != 0,
        };
        self.has_bounds().then_some(bounds)
    }

    /// Of a bytes column: the bytes of all values together.
    pub(crate) fn bytes_total(&self) -> u64 {
        self.sum.last_chunk::<8>().map_or(0, |total| u64::from_le_bytes(*total))
    }
}

/// Beginnings of the least and the greatest byte string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BytesBounds<'a> {
    pub(crate) min: &'a [u8],
    pub(crate) min_is_cut: bool,
    pub(crate) max: &'a [u8],
    pub(crate) max_is_cut: bool,
}
