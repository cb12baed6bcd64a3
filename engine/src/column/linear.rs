//! A line and what remains: for timestamps and ids that grow steadily.
//!
//! ```text
//! 0  slope      i64     per row, as a fixed-point number
//! 8  shift      u8      0..=62: bits of the slope after the binary point
//! 9  residuals  ints.rs: value - (slope × row >> shift)
//! ```
//!
//! The line goes through zero; the base of the residuals carries it to where the values are. It is
//! the median slope between distant rows, so late rows don't tilt it; they become patches.

use std::ops::Range;

use super::ints::{Ints, Plan};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Fewer values than this are not worth a line.
const ROWS_MIN: usize = 64;

/// Pairs of rows whose slopes are taken.
const PAIRS: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Line {
    slope: i64,
    shift: u8,
}

impl Line {
    /// The line through most of `values`, or `None` where there is no slope.
    pub(super) fn through(values: &[i64]) -> Option<Line> {
        if values.len() < ROWS_MIN {
            return None;
        }
        let half = values.len() / 2;
        let mut rises = [0_i128; PAIRS];
        for (i, rise) in rises.iter_mut().enumerate() {
            let at = i * (half - 1) / (PAIRS - 1);
            *rise = i128::from(values[at + half]) - i128::from(values[at]);
        }
        rises.sort_unstable();
        let rise = rises[PAIRS / 2];
        // slope × 2048 rows must stay within 63 bits, and 20 bits of fraction are exact enough.
        let bits = 128 - (rise.unsigned_abs() / half as u128).leading_zeros();
        let shift = 50_u32.checked_sub(bits)?.min(20);
        let slope = i64::try_from((rise << shift) / half as i128).ok()?;
        (slope != 0).then_some(Line { slope, shift: shift as u8 })
    }

    /// The line that a payload begins with, and what follows on it.
    #[inline]
    pub(super) fn split(payload: &[u8]) -> Option<(Line, &[u8])> {
        let (&[slope @ .., shift], rest) = payload.split_first_chunk::<LINE_BYTES>()?;
        (shift <= SHIFT_MAX).then_some((Line { slope: i64::from_le_bytes(slope), shift }, rest))
    }

    /// Where the line is at a row.
    #[inline]
    pub(super) fn at(self, row: usize) -> i64 {
        self.slope.wrapping_mul(row as i64) >> self.shift
    }

    /// What remains of `values` without the line.
    pub(super) fn residuals(self, values: &[i64]) -> Vec<i64> {
        values.iter().enumerate().map(|(i, v)| v.wrapping_sub(self.at(i))).collect()
    }

    /// [`Line::residuals`] of a few of `values`, to see whether the line pays.
    pub(super) fn sample(self, values: &[i64]) -> Vec<i64> {
        let step = (values.len() / 64).max(1);
        (0..values.len()).step_by(step).map(|i| values[i].wrapping_sub(self.at(i))).collect()
    }

    /// Appends the payload.
    pub(super) fn write(self, residuals: &[i64], plan: &Plan, out: &mut Vec<u8>) {
        out.put_i64(self.slope);
        out.put_u8(self.shift);
        plan.write(residuals, out);
    }
}

/// Bits of a slope after the binary point, at the most.
const SHIFT_MAX: u8 = 62;

/// Bytes of a payload beyond those of its residuals.
pub(super) const LINE_BYTES: usize = 9;

/// The payload, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear<'a> {
    line: Line,
    residuals: Ints<'a>,
}

impl<'a> Linear<'a> {
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        self.residuals.is_ordered()
    }

    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Linear<'a>, Damage> {
        let slope = reader.i64()?;
        let shift = reader.u8()?;
        if shift > SHIFT_MAX {
            return Err(reader.damage(format!("a line with {shift} bits of fraction")));
        }
        Ok(Linear { line: Line { slope, shift }, residuals: Ints::read(reader, rows)? })
    }

    pub(super) fn get(&self, row: usize) -> i64 {
        self.residuals.get(row).wrapping_add(self.line.at(row))
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut [i64]) {
        self.residuals.unpack(range.clone(), out);
        for (row, value) in range.zip(out) {
            *value = value.wrapping_add(self.line.at(row));
        }
    }
}
