//! *Integers*: the bit-packed numbers that most encodings are made of.
//!
//! ```text
//!   base │ width │ patch bytes │ patch count │ packed … │ positions … │ patches …
//! ```

use super::bytes::{Reader, Result, damaged, ensure, number};

/// Values that are packed together, in an order of their own.
const VECTOR: usize = 1024;

/// The order of rows in a full vector: FastLanes' "04261537".
const ORDER: [usize; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

/// Reads `count` integers.
///
/// # Errors
/// The first thing that is wrong.
pub fn integers(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>> {
    let base = reader.i64()?;
    let (width, patch_bytes) = (u32::from(reader.u8()?), usize::from(reader.u8()?));
    let patch_count = usize::from(reader.u16()?);
    ensure(width <= 64 && patch_bytes <= 8, || {
        format!("values of {width} bits and patches of {patch_bytes} bytes")
    })?;
    let packed = unpack(reader, count, width)?;
    let mut values: Vec<i64> = packed.iter().map(|p| base.wrapping_add(*p as i64)).collect();
    let positions = reader.u16s(patch_count)?;
    ensure(positions.is_sorted_by(|a, b| a < b), || "patches are not in order".to_owned())?;
    for position in positions {
        let zigzag = number(reader.take(patch_bytes)?);
        let difference = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        match values.get_mut(position) {
            Some(value) => *value = base.wrapping_add(difference),
            None => return damaged(format!("a patch for row {position} of {count}")),
        }
    }
    Ok(values)
}

/// Linear: what is left of a straight line.
///
/// # Errors
/// The first thing that is wrong.
pub fn linear(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>> {
    let (slope, shift) = (reader.i64()?, reader.u8()?);
    ensure(shift <= 62, || format!("a shift by {shift}"))?;
    let mut values = integers(reader, count)?;
    for (row, value) in values.iter_mut().enumerate() {
        *value = value.wrapping_add(slope.wrapping_mul(row as i64) >> shift);
    }
    Ok(values)
}

/// Unpacks `count` numbers of `width` bits, at most 64.
///
/// # Errors
/// If there are too few bytes.
pub fn unpack(reader: &mut Reader<'_>, count: usize, width: u32) -> Result<Vec<u64>> {
    let mut values = Vec::new();
    for _ in 0..count / VECTOR {
        full_vector(reader.take(VECTOR / 8 * width as usize)?, width, &mut values);
    }
    let rest = count % VECTOR;
    let bytes = reader.take((rest * width as usize).div_ceil(8))?;
    values.extend((0..rest).map(|i| bits(bytes, i * width as usize, width)));
    Ok(values)
}

/// `width` bits from bit `from` on, least significant first.
fn bits(bytes: &[u8], from: usize, width: u32) -> u64 {
    let from_byte = bytes.get(from / 8..).unwrap_or(&[]);
    let mut window = [0; 16];
    let held = from_byte.len().min(window.len());
    window[..held].copy_from_slice(&from_byte[..held]);
    (u128::from_le_bytes(window) >> (from % 8)) as u64 & mask(width)
}

fn mask(width: u32) -> u64 {
    u64::MAX.checked_shr(64 - width).unwrap_or(0)
}

/// A vector in FastLanes order. Its lanes are interleaved, word by word: word `w` of lane `l` is
/// the `w × lanes + l`-th.
fn full_vector(bytes: &[u8], width: u32, values: &mut Vec<u64>) {
    let word_bits = width.max(8).next_power_of_two() as usize;
    let lanes = VECTOR / word_bits;
    let word = |word: usize, lane: usize| {
        let at = (word * lanes + lane) * word_bits / 8;
        bytes.get(at..at + word_bits / 8).map_or(0, number)
    };
    values.extend((0..VECTOR).map(|i| {
        let (lane, row) = (i % lanes, 8 * ORDER[i % 128 / lanes * lanes / 16] + i / 128);
        let from = row * width as usize;
        let (first, shift) = (from / word_bits, from % word_bits);
        let two = u128::from(word(first, lane)) | u128::from(word(first + 1, lane)) << word_bits;
        (two >> shift) as u64 & mask(width)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs as format.md says, bit by bit.
    fn pack(values: &[u64], width: usize) -> Vec<u8> {
        let word_bits = [8, 16, 32, 64].into_iter().find(|bits| width <= *bits).unwrap_or(64);
        let lanes = VECTOR / word_bits;
        let mut bytes = vec![0; values.len() / VECTOR * 128 * width];
        for (i, value) in values.iter().enumerate().take(values.len() / VECTOR * VECTOR) {
            let (vector, i) = (i / VECTOR, i % VECTOR);
            let row = 8 * ORDER[i % 128 / lanes * lanes / 16] + i / 128;
            for bit in 0..width {
                let at = row * width + bit;
                let word = at / word_bits * lanes + i % lanes;
                let at = vector * VECTOR * width + word * word_bits + at % word_bits;
                bytes[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
            }
        }
        let rest = &values[values.len() / VECTOR * VECTOR..];
        let mut tail = vec![0; (rest.len() * width).div_ceil(8)];
        for at in 0..rest.len() * width {
            tail[at / 8] |= ((rest[at / width] >> (at % width) & 1) as u8) << (at % 8);
        }
        bytes.extend(tail);
        bytes
    }

    #[test]
    fn every_width_unpacks_in_full_vectors_and_in_part_of_one() {
        for width in 0..=64 {
            for count in [0, 1, 7, 1024, 1500, 2048] {
                let value = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask(width as u32);
                let values: Vec<u64> = (0..count).map(value).collect();
                let bytes = pack(&values, width);
                let mut reader = Reader::new(&bytes);
                assert_eq!(unpack(&mut reader, values.len(), width as u32), Ok(values), "{width}");
                assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn patches_take_the_place_of_what_is_packed() {
        let mut bytes = 100i64.to_le_bytes().to_vec();
        bytes.extend([2, 1, 1, 0, 0b00_11_01, 1, 0, 3]);
        assert_eq!(integers(&mut Reader::new(&bytes), 3), Ok(vec![101, 98, 100]));
        bytes[13] = 9;
        assert!(integers(&mut Reader::new(&bytes), 3).is_err(), "a patch beyond the rows");
    }
}
