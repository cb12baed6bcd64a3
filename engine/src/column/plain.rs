//! Values as they are: the plain encoding, constants, and bitmaps.
//!
//! ```text
//! plain     rows × plain width      integers in two's complement, cut to the type's width;
//!                                   UInt64 with its top bit flipped, as in memory
//!           rows × u32, the bytes   byte strings: where each ends, then all of them
//! constant  one plain value         byte strings: the rest of the column
//! bitmap    ⌈rows/8⌉ B              booleans: bit i % 8 of byte i / 8
//! ```

use std::borrow::Cow;
use std::ops::Range;

use rust_decimal::Decimal;

use super::validity::{Validity, bits_of};
use crate::chunk::{BytesColumn, ColumnData, Scalar};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::types::{DataType, Physical};

/// Appends an integer in the width of its type.
fn put_int(value: i64, data_type: DataType, out: &mut Vec<u8>) {
    let width = data_type.plain_width().unwrap_or(8);
    out.extend_from_slice(&value.to_le_bytes()[..width]);
}

/// Appends `data` in the plain encoding.
pub(super) fn write(data: &ColumnData, data_type: DataType, out: &mut Vec<u8>) {
    match data {
        ColumnData::Bool(values) => write_bitmap(values.words(), values.len(), out),
        ColumnData::Int(values) => values.iter().for_each(|v| put_int(*v, data_type, out)),
        ColumnData::Float32(values) => {
            values.iter().for_each(|v| out.extend_from_slice(&v.to_bits().to_le_bytes()));
        }
        ColumnData::Float64(values) => values.iter().for_each(|v| out.put_u64(v.to_bits())),
        ColumnData::Decimal(values) => {
            values.iter().for_each(|v| out.extend_from_slice(&v.serialize()));
        }
        ColumnData::Bytes(values) => {
            values.ends.iter().for_each(|end| out.put_u32(*end));
            out.extend_from_slice(&values.data);
        }
    }
}

/// Appends the bits of a boolean column.
pub(super) fn write_bitmap(words: &[u64], len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len.div_ceil(8);
    words.iter().for_each(|word| out.put_u64(*word));
    out.truncate(end);
}

/// Appends one value, as a constant holds it.
pub(super) fn write_constant(value: &Scalar<'_>, data_type: DataType, out: &mut Vec<u8>) {
    match value {
        Scalar::Null => {}
        Scalar::Bool(v) => out.put_u8(u8::from(*v)),
        Scalar::Int(v) => put_int(*v, data_type, out),
        Scalar::Float32(v) => out.put_u32(v.to_bits()),
        Scalar::Float64(v) => out.put_u64(v.to_bits()),
        Scalar::Decimal(v) => out.extend_from_slice(&v.serialize()),
        Scalar::Bytes(v) => out.extend_from_slice(v),
    }
}

/// Takes one value, as a constant holds it.
pub(super) fn read_constant<'a>(
    reader: &mut Reader<'a>,
    data_type: DataType,
) -> Result<Scalar<'a>, Damage> {
    let width = data_type.plain_width().unwrap_or(reader.remaining());
    let at = reader.position();
    let bytes = reader.take(width)?;
    Ok(match data_type.physical() {
        Physical::Bool if bytes[0] > 1 => return Err(Damage::new(at, "a constant is no boolean")),
        Physical::Bool => Scalar::Bool(bytes[0] == 1),
        Physical::Int => Scalar::Int(int(bytes, data_type)),
        Physical::Float32 => Scalar::Float32(f32::from_bits(fixed(bytes, u32::from_le_bytes))),
        Physical::Float64 => Scalar::Float64(f64::from_bits(fixed(bytes, u64::from_le_bytes))),
        Physical::Decimal => Scalar::Decimal(fixed(bytes, Decimal::deserialize)),
        Physical::Bytes => Scalar::Bytes(Cow::Borrowed(bytes)),
    })
}

/// The first `N` bytes as a value; zeros where there are fewer, which the callers exclude.
fn fixed<const N: usize, T>(bytes: &[u8], from: fn([u8; N]) -> T) -> T {
    from(bytes.first_chunk::<N>().copied().unwrap_or([0; N]))
}

/// An integer in the width of its type.
#[inline]
fn int(bytes: &[u8], data_type: DataType) -> i64 {
    match data_type {
        DataType::Int8 => i64::from(fixed(bytes, i8::from_le_bytes)),
        DataType::Int16 => i64::from(fixed(bytes, i16::from_le_bytes)),
        DataType::Int32 => i64::from(fixed(bytes, i32::from_le_bytes)),
        DataType::UInt8 => i64::from(fixed(bytes, u8::from_le_bytes)),
        DataType::UInt16 => i64::from(fixed(bytes, u16::from_le_bytes)),
        DataType::UInt32 => i64::from(fixed(bytes, u32::from_le_bytes)),
        _ => fixed(bytes, i64::from_le_bytes),
    }
}

/// Fixed-width values, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a> {
    bytes: &'a [u8],
    width: usize,
    data_type: DataType,
}

impl<'a> Plain<'a> {
    /// Of any type but booleans and byte strings.
    pub(super) fn read(
        reader: &mut Reader<'a>,
        rows: usize,
        data_type: DataType,
    ) -> Result<Plain<'a>, Damage> {
        let width = data_type.plain_width().unwrap_or(0);
        Ok(Plain { bytes: reader.take(rows * width)?, width, data_type })
    }

    pub(super) fn get(&self, row: usize) -> Scalar<'a> {
        let bytes = &self.bytes[row * self.width..][..self.width];
        match self.data_type.physical() {
            Physical::Float32 => Scalar::Float32(f32::from_bits(fixed(bytes, u32::from_le_bytes))),
            Physical::Float64 => Scalar::Float64(f64::from_bits(fixed(bytes, u64::from_le_bytes))),
            Physical::Decimal => Scalar::Decimal(fixed(bytes, Decimal::deserialize)),
            _ => Scalar::Int(int(bytes, self.data_type)),
        }
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut ColumnData) {
        let bytes = &self.bytes[range.start * self.width..range.end * self.width];
        match out {
            ColumnData::Int(out) => {
                out.extend(bytes.chunks_exact(self.width).map(|v| int(v, self.data_type)));
            }
            ColumnData::Float32(out) => {
                let (values, _) = bytes.as_chunks();
                out.extend(values.iter().map(|v| f32::from_le_bytes(*v)));
            }
            ColumnData::Float64(out) => {
                let (values, _) = bytes.as_chunks();
                out.extend(values.iter().map(|v| f64::from_le_bytes(*v)));
            }
            ColumnData::Decimal(out) => {
                let (values, _) = bytes.as_chunks();
                out.extend(values.iter().map(|v| Decimal::deserialize(*v)));
            }
            ColumnData::Bool(_) | ColumnData::Bytes(_) => {}
        }
    }
}

/// Ends and bytes, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainBytes<'a> {
    ends: &'a [[u8; 4]],
    data: &'a [u8],
}

impl<'a> PlainBytes<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<PlainBytes<'a>, Damage> {
        let (ends, _) = reader.take(rows * 4)?.as_chunks();
        Ok(PlainBytes { ends, data: reader.take(reader.remaining())? })
    }

    pub(super) fn get(&self, row: usize) -> Result<&'a [u8], Damage> {
        let start = if row == 0 { 0 } else { u32::from_le_bytes(self.ends[row - 1]) };
        let span = start as usize..u32::from_le_bytes(self.ends[row]) as usize;
        let value = self.data.get(span);
        value.ok_or_else(|| Damage::new(0, format!("the bytes of row {row} lie outside")))
    }
}

/// Bits, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bits: &'a [u8],
}

impl<'a> Bits<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Bits<'a>, Damage> {
        Ok(Bits { bits: reader.take(rows.div_ceil(8))? })
    }

    pub(super) fn get(&self, row: usize) -> bool {
        self.bits[row / 8] >> (row % 8) & 1 == 1
    }

    pub(super) fn unpack(&self, range: Range<usize>, validity: Validity<'_>, out: &mut ColumnData) {
        let ColumnData::Bool(out) = out else { return };
        let mut bits = bits_of(self.bits, range.clone());
        if let Some(valid) = validity.bitmap(range) {
            let words = bits.words().iter().zip(valid.words()).map(|(a, b)| a & b).collect();
            bits = crate::chunk::Bitmap::from_words(words, bits.len());
        }
        out.extend_from(&bits, 0..bits.len());
    }
}

/// Appends `value` to a column of byte strings that may be the work of damaged bytes.
pub(super) fn push_bytes(out: &mut BytesColumn, value: &[u8]) -> Result<(), Damage> {
    if out.data.len() + value.len() > u32::MAX as usize {
        return Err(Damage::new(0, "the text of a column exceeds 4 GiB"));
    }
    out.push(value);
    Ok(())
}
