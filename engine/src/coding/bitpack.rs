//! Bit-packing: integers of `width` bits each, packed so that whole vectors unpack with SIMD and a
//! single value is found by arithmetic.
//!
//! ```text
//! values 0..1024 │ 1024..2048 │ … │ the last, partial vector
//! FastLanes      │ FastLanes  │   │ sequential, LSB first
//! 128 × width B  │            │   │ ⌈count × width / 8⌉ B
//! ```
//!
//! A full vector of 1024 values has the unified transposed layout of A. Afroozeh, P. Boncz, "The
//! FastLanes Compression Layout", PVLDB 16(9), 2023. Lanes are the narrowest of 8, 16, 32 and 64
//! bits (`T`) that hold `width`; there are `1024 / T` of them. A lane holds `T` rows of `width`
//! bits, LSB first, in `width` words of `T` bits; word `w` of lane `l` stands at word
//! `w × lanes + l`. Value `i` is in lane `i % lanes` and in row
//! `8 × ORDER[i % 128 / lanes × lanes / 16] + i / 128` (see [`place`]). Neighbouring lanes hold
//! neighbouring values, so one shift serves a whole register, whatever its width.
//!
//! Invariants
//! 1. A width is 0 to 64. Width 0 takes no bytes: every value is 0.
//! 2. A [`Packed`] has exactly the bytes its count and width need, so no later access can miss.
//! 3. Small blocks stay small: fewer than 1024 values take no more than their bits.

use std::ops::Range;

use super::bytes::Reader;
use crate::error::Damage;

/// Values in a full vector.
pub(crate) const VECTOR: usize = 1024;

/// Three bits, reversed: the order of the 16-value groups in a lane. Its own inverse.
const ORDER: [usize; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

/// Ranges of a vector shorter than this are taken value by value.
const UNPACK_MIN: usize = 48;

/// Bits that `value` needs.
pub(crate) const fn width_of(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()) as u8
}

/// Bytes of `count` values of `width` bits.
pub(crate) const fn packed_bytes(count: usize, width: u8) -> usize {
    let (vectors, tail) = (count / VECTOR, count % VECTOR);
    vectors * 128 * width as usize + (tail * width as usize).div_ceil(8)
}

const fn mask(width: u8) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - width) }
}

/// The row and lane of value `i` of a vector with `lanes` lanes.
const fn place(i: usize, lanes: usize) -> (usize, usize) {
    let (s, rest) = (i / 128, i % 128);
    (ORDER[rest / lanes * lanes / 16] * 8 + s, rest % lanes)
}

/// The first value of a row, in lane 0; the other lanes follow it.
const fn row_start(row: usize) -> usize {
    ORDER[row / 8] * 16 + row % 8 * 128
}

macro_rules! lane_type {
    ($name:ident, $word:ty) => {
        #[allow(clippy::cast_lossless, clippy::unnecessary_cast)]
        mod $name {
            use super::{VECTOR, place, row_start};

            const BITS: usize = <$word>::BITS as usize;
            const BYTES: usize = BITS / 8;
            const LANES: usize = VECTOR / BITS;

            pub(super) fn pack(values: &[u64; VECTOR], width: usize, out: &mut Vec<u8>) {
                let mut words = [0 as $word; VECTOR];
                for row in 0..BITS {
                    let (word, shift) = (row * width / BITS, row * width % BITS);
                    let source = &values[row_start(row)..][..LANES];
                    for (to, from) in words[word * LANES..][..LANES].iter_mut().zip(source) {
                        *to |= (*from as $word) << shift;
                    }
                    if shift + width > BITS {
                        let next = &mut words[(word + 1) * LANES..][..LANES];
                        for (to, from) in next.iter_mut().zip(source) {
                            *to |= (*from as $word) >> (BITS - shift);
                        }
                    }
                }
                let start = out.len();
                out.resize(start + width * LANES * BYTES, 0);
                let (to, _) = out[start..].as_chunks_mut::<BYTES>();
                for (to, word) in to.iter_mut().zip(&words) {
                    *to = word.to_le_bytes();
                }
            }

            pub(super) fn unpack(packed: &[u8], width: usize, base: i64, out: &mut [i64; VECTOR]) {
                let (words, _) = packed.as_chunks::<BYTES>();
                let mask = <$word>::MAX >> (BITS - width);
                for row in 0..BITS {
                    let (word, shift) = (row * width / BITS, row * width % BITS);
                    let out = &mut out[row_start(row)..][..LANES];
                    let low = &words[word * LANES..][..LANES];
                    if shift + width <= BITS {
                        for (out, low) in out.iter_mut().zip(low) {
                            let value = (<$word>::from_le_bytes(*low) >> shift) & mask;
                            *out = base.wrapping_add(value as i64);
                        }
                    } else {
                        let high = &words[(word + 1) * LANES..][..LANES];
                        for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
                            let value = (<$word>::from_le_bytes(*low) >> shift
                                | <$word>::from_le_bytes(*high) << (BITS - shift))
                                & mask;
                            *out = base.wrapping_add(value as i64);
                        }
                    }
                }
            }

            #[inline]
            pub(super) fn get(packed: &[u8], width: usize, i: usize) -> Option<u64> {
                let (words, _) = packed.as_chunks::<BYTES>();
                let (row, lane) = place(i, LANES);
                let (word, shift) = (row * width / BITS, row * width % BITS);
                let mut value = <$word>::from_le_bytes(*words.get(word * LANES + lane)?) >> shift;
                if shift + width > BITS {
                    let high = <$word>::from_le_bytes(*words.get((word + 1) * LANES + lane)?);
                    value |= high << (BITS - shift);
                }
                Some((value & (<$word>::MAX >> (BITS - width))) as u64)
            }
        }
    };
}

lane_type!(lanes8, u8);
lane_type!(lanes16, u16);
lane_type!(lanes32, u32);
lane_type!(lanes64, u64);

fn pack_tail(values: &[u64], width: u8, out: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u128, 0_u32);
    for &value in values {
        bits |= u128::from(value) << held;
        held += u32::from(width);
        if held >= 64 {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= 64;
            held -= 64;
        }
    }
    out.extend_from_slice(&(bits as u64).to_le_bytes()[..held.div_ceil(8) as usize]);
}

fn tail_get(bytes: &[u8], width: u8, i: usize) -> Option<u64> {
    let bit = i * usize::from(width);
    let (from, shift) = (bytes.get(bit / 8..)?, bit % 8);
    if let (Some(word), true) = (from.first_chunk::<8>(), shift + usize::from(width) <= 64) {
        return Some(u64::from_le_bytes(*word) >> shift & mask(width));
    }
    let mut word = [0; 16];
    let len = from.len().min(9);
    word[..len].copy_from_slice(&from[..len]);
    Some((u128::from_le_bytes(word) >> shift) as u64 & mask(width))
}

/// Appends `values`, each `width` bits. Bits beyond the width must be zero.
pub(crate) fn pack(values: &[u64], width: u8, out: &mut Vec<u8>) {
    assert!(width <= 64, "a packed width of {width} bits");
    if width == 0 {
        return;
    }
    let (vectors, tail) = values.as_chunks::<VECTOR>();
    for vector in vectors {
        match width {
            0..=8 => lanes8::pack(vector, usize::from(width), out),
            9..=16 => lanes16::pack(vector, usize::from(width), out),
            17..=32 => lanes32::pack(vector, usize::from(width), out),
            _ => lanes64::pack(vector, usize::from(width), out),
        }
    }
    pack_tail(tail, width, out);
}

/// Value `i` of `count` in `bytes`, each `width` bits; `None` if it is not there.
#[inline]
pub(crate) fn get(bytes: &[u8], count: usize, width: u8, i: usize) -> Option<u64> {
    if i >= count {
        return None;
    }
    let (vector, at, bits) = (i / VECTOR, i % VECTOR, usize::from(width));
    let from = bytes.get(vector * 128 * bits..)?;
    if vector == count / VECTOR {
        return if width == 0 { Some(0) } else { tail_get(from, width, at) };
    }
    match width {
        0 => Some(0),
        1..=8 => lanes8::get(from, bits, at),
        9..=16 => lanes16::get(from, bits, at),
        17..=32 => lanes32::get(from, bits, at),
        33..=64 => lanes64::get(from, bits, at),
        _ => None,
    }
}

/// Packed values in place, borrowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packed<'a> {
    bytes: &'a [u8],
    count: usize,
    width: u8,
}

impl<'a> Packed<'a> {
    /// Takes the bytes of `count` values of `width` bits from the reader.
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        count: usize,
        width: u8,
    ) -> Result<Packed<'a>, Damage> {
        if width > 64 {
            return Err(reader.damage(format!("a packed width of {width} bits")));
        }
        let bytes = reader.take(packed_bytes(count, width))?;
        Ok(Packed { bytes, count, width })
    }

    /// Values held.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn vector(&self, vector: usize) -> &'a [u8] {
        let bytes = 128 * usize::from(self.width);
        &self.bytes[vector * bytes..][..bytes]
    }

    fn tail(&self) -> &'a [u8] {
        &self.bytes[self.count / VECTOR * 128 * usize::from(self.width)..]
    }

    /// Value `i`, which must be below [`Packed::len`].
    #[inline]
    pub(crate) fn get(&self, i: usize) -> u64 {
        let value = get(self.bytes, self.count, self.width, i);
        value.unwrap_or_else(|| panic!("packed value {i} of {}", self.count))
    }

    fn unpack_vector(&self, vector: usize, base: i64, out: &mut [i64; VECTOR]) {
        let (bytes, width) = (self.vector(vector), usize::from(self.width));
        match self.width {
            0..=8 => lanes8::unpack(bytes, width, base, out),
            9..=16 => lanes16::unpack(bytes, width, base, out),
            17..=32 => lanes32::unpack(bytes, width, base, out),
            _ => lanes64::unpack(bytes, width, base, out),
        }
    }

    /// Writes `base` plus each value of `range` (wrapping) to `out`, which must be as long.
    pub(crate) fn unpack(&self, range: Range<usize>, base: i64, out: &mut [i64]) {
        assert!(range.end <= self.count && range.len() == out.len(), "unpack of {range:?}");
        if self.width == 0 {
            out.fill(base);
            return;
        }
        let (mut at, mut out) = (range.start, out);
        while !out.is_empty() {
            let (vector, from) = (at / VECTOR, at % VECTOR);
            let (part, rest) = out.split_at_mut(out.len().min(VECTOR - from));
            at += part.len();
            out = rest;
            if vector == self.count / VECTOR {
                let tail = self.tail();
                for (i, part) in part.iter_mut().enumerate() {
                    let value = tail_get(tail, self.width, from + i).unwrap_or(0);
                    *part = base.wrapping_add(value as i64);
                }
            } else if let Ok(whole) = <&mut [i64; VECTOR]>::try_from(&mut *part) {
                self.unpack_vector(vector, base, whole);
            } else if part.len() < UNPACK_MIN {
                for (i, part) in part.iter_mut().enumerate() {
                    *part = base.wrapping_add(self.get(vector * VECTOR + from + i) as i64);
                }
            } else {
                let mut whole = [0; VECTOR];
                self.unpack_vector(vector, base, &mut whole);
                part.copy_from_slice(&whole[from..from + part.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, width: u8) -> Vec<u64> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(width);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
            (state ^ state >> 29) & mask(width)
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn every_width_comes_back_by_get_and_by_unpack() {
        for width in 0..=64 {
            for count in [0, 1, 7, 1023, 1024, 1025, 2048, 2049 + 63] {
                let input = values(count, width);
                let mut bytes = Vec::new();
                pack(&input, width, &mut bytes);
                assert_eq!(bytes.len(), packed_bytes(count, width));
                let packed = Packed::read(&mut Reader::new(&bytes), count, width).unwrap();
                for (i, value) in input.iter().enumerate() {
                    assert_eq!(packed.get(i), *value, "width {width}, value {i} of {count}");
                }
                let quarter = count / 4;
                for range in [0..count, quarter..count, quarter..quarter + quarter / 8, 0..quarter]
                {
                    let mut out = vec![0; range.len()];
                    packed.unpack(range.clone(), -3, &mut out);
                    let expected = input[range].iter().map(|v| (*v as i64).wrapping_sub(3));
                    assert!(out.iter().copied().eq(expected), "width {width} of {count}");
                }
            }
        }
    }

    /// The layout is a promise: a value stands where the paper puts it.
    #[test]
    fn full_vectors_are_in_fastlanes_order() {
        // 40 bits: 16 lanes of 64 bits. Value 16 is row 32 (ORDER[1] = 4, times 8) of lane 0.
        let mut input = [0; VECTOR];
        input[16] = 0xAB_CDEF_0123;
        let mut bytes = Vec::new();
        pack(&input, 40, &mut bytes);
        let bit: usize = 32 * 40;
        let at = bit / 64 * 16 * 8;
        assert_eq!(bytes[at..at + 5], [0x23, 0x01, 0xEF, 0xCD, 0xAB]);
        assert_eq!(bytes.iter().filter(|b| **b != 0).count(), 5);
    }

    #[test]
    fn the_partial_vector_is_sequential() {
        let mut bytes = Vec::new();
        pack(&[1, 2, 3, 4, 5], 3, &mut bytes);
        assert_eq!(bytes, [0b1101_0001, 0b0101_1000]);
    }
}
