//! Decimal floats: measurements such as 23.45 as the integer 2345 and one exponent a column.
//!
//! ```text
//! 0  exponent    i8          value = integer ÷ 10^exponent (× 10^-exponent where negative)
//! 1  exceptions  exceptions.rs, of the float's width: what would not come back bit for bit
//!    integers    ints.rs, one a row; an exception's slot repeats its neighbour
//! ```
//!
//! After A. Afroozeh, L. Kuffó, P. Boncz, "ALP: Adaptive Lossless floating-Point Compression",
//! SIGMOD 2023. ALP multiplies by an inexact 10^-e and needs two exponents; one correctly rounded
//! division gives back every decimal of up to 15 digits, since that is how it was parsed.

use std::ops::Range;

use super::exceptions::{self, Exceptions};
use super::ints::{Ints, Plan};
use crate::chunk::{ColumnData, Scalar};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::types::Physical;

/// Exponents in use: powers of ten up to 10^22 are exact doubles.
const EXPONENTS: std::ops::RangeInclusive<i8> = -15..=18;

/// Values whose exponent is searched.
const SAMPLE: usize = 24;

/// `2^52 + 2^51`: added to a double below 2^51 it leaves the nearest integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The scaling of one exponent: the integer is `value × up ÷ down`, and back the other way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    up: f64,
    down: f64,
}

impl Scale {
    /// `exponent` must be in [`EXPONENTS`].
    fn of(exponent: i8) -> Scale {
        let power = POWERS[usize::from(exponent.unsigned_abs())];
        if exponent < 0 { Scale { up: 1.0, down: power } } else { Scale { up: power, down: 1.0 } }
    }

    /// The scaling of an exponent that was read, if there is one.
    #[inline]
    pub(super) fn of_checked(exponent: i8) -> Option<Scale> {
        EXPONENTS.contains(&exponent).then(|| Scale::of(exponent))
    }

    /// Must stay as it is for ever: the encoder verified its values against this arithmetic.
    #[inline]
    pub(super) fn decode(self, integer: i64) -> f64 {
        integer as f64 * self.down / self.up
    }

    #[inline]
    fn encode(self, value: f64) -> i64 {
        let rounded = value * self.up / self.down + ROUND;
        rounded.to_bits().wrapping_sub(ROUND.to_bits()) as i64
    }
}

/// What the two float types have in common.
pub(super) trait Float: Copy {
    fn to_f64(self) -> f64;
    fn from_f64(value: f64) -> Self;
    fn same_bits(self, other: Self) -> bool;
}

impl Float for f64 {
    fn to_f64(self) -> f64 {
        self
    }
    fn from_f64(value: f64) -> f64 {
        value
    }
    fn same_bits(self, other: f64) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl Float for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    fn same_bits(self, other: f32) -> bool {
        self.to_bits() == other.to_bits()
    }
}

fn fits<F: Float>(value: F, scale: Scale) -> bool {
    F::from_f64(scale.decode(scale.encode(value.to_f64()))).same_bits(value)
}

/// The exponent under which most of a sample comes back, the smallest of equals.
fn exponent_of<F: Float>(values: &[F]) -> Option<i8> {
    let step = (values.len() / SAMPLE).max(1);
    let sample: Vec<F> = values.iter().copied().step_by(step).collect();
    let mut best = (0, 0);
    for exponent in EXPONENTS.filter(|e| *e >= 0) {
        let scale = Scale::of(exponent);
        let fitting = sample.iter().filter(|v| fits(**v, scale)).count();
        if fitting > best.0 {
            best = (fitting, exponent);
        }
        if fitting == sample.len() {
            break;
        }
    }
    if best.0 * 8 < sample.len() * 7 {
        return None;
    }
    if best.1 == 0 {
        // Whole numbers may end in zeros.
        let whole = |e: &i8| sample.iter().all(|v| fits(*v, Scale::of(*e)));
        best.1 = (-15..0).find(whole).unwrap_or(0);
    }
    Some(best.1)
}

/// A column taken apart.
#[derive(Debug)]
pub(super) struct Split {
    exponent: i8,
    integers: Vec<i64>,
    plan: Plan,
    positions: Vec<u16>,
}

/// Takes `values` apart, or `None` where too few are decimals.
pub(super) fn split<F: Float>(values: &[F]) -> Option<Split> {
    let exponent = exponent_of(values)?;
    let scale = Scale::of(exponent);
    let mut positions = Vec::new();
    let mut integers = Vec::with_capacity(values.len());
    let mut last = None;
    for (row, value) in values.iter().enumerate() {
        let integer = scale.encode(value.to_f64());
        if F::from_f64(scale.decode(integer)).same_bits(*value) {
            if last.is_none() {
                integers.fill(integer);
            }
            last = Some(integer);
            integers.push(integer);
        } else {
            positions.push(row as u16);
            integers.push(last.unwrap_or(0));
        }
    }
    let plan = Plan::of(&integers);
    Some(Split { exponent, integers, plan, positions })
}

impl Split {
    /// Bytes of the payload with exceptions of `N` bytes.
    pub(super) fn bytes<const N: usize>(&self) -> usize {
        1 + exceptions::bytes::<N>(self.positions.len()) + self.plan.bytes(self.integers.len())
    }

    /// Appends the payload; `raw` gives the bytes of a row that is an exception.
    pub(super) fn write<const N: usize>(&self, raw: impl Fn(usize) -> [u8; N], out: &mut Vec<u8>) {
        let values: Vec<[u8; N]> = self.positions.iter().map(|p| raw(usize::from(*p))).collect();
        out.put_u8(self.exponent as u8);
        exceptions::write(&self.positions, &values, out);
        self.plan.write(&self.integers, out);
    }
}

/// The first integer for which `is_there` holds, as it does for all after it; about where `near`
/// is.
fn first_integer(near: f64, scale: Scale, is_there: impl Fn(i64) -> bool) -> Option<i64> {
    let guess = (near * scale.up / scale.down).round();
    if guess.abs() < ROUND {
        let guess = guess as i64;
        let close = (guess - 1..=guess + 1).find(|integer| is_there(*integer));
        if let Some(first) = close.filter(|first| *first >= guess) {
            return Some(first);
        }
    }
    let (mut low, mut high) = (i128::from(i64::MIN), i128::from(i64::MAX) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_there(middle as i64) { high = middle } else { low = middle + 1 }
    }
    i64::try_from(low).ok()
}

/// The payload, in place. `N` is 4 for `Float32` and 8 for `Float64`.
#[derive(Debug, Clone, Copy)]
pub(super) struct DecimalFloat<'a> {
    scale: Scale,
    exceptions: Kept<'a>,
    integers: Ints<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Kept<'a> {
    Float32(Exceptions<'a, 4>),
    Float64(Exceptions<'a, 8>),
}

impl<'a> DecimalFloat<'a> {
    pub(super) fn read(
        reader: &mut Reader<'a>,
        rows: usize,
        physical: Physical,
    ) -> Result<DecimalFloat<'a>, Damage> {
        let exponent = reader.u8()? as i8;
        let Some(scale) = Scale::of_checked(exponent) else {
            return Err(reader.damage(format!("a decimal exponent of {exponent}")));
        };
        let exceptions = match physical {
            Physical::Float32 => Kept::Float32(Exceptions::read(reader)?),
            _ => Kept::Float64(Exceptions::read(reader)?),
        };
        Ok(DecimalFloat { scale, exceptions, integers: Ints::read(reader, rows)? })
    }

    pub(super) fn get(&self, row: usize) -> Scalar<'static> {
        let decoded = || self.scale.decode(self.integers.get(row));
        match &self.exceptions {
            Kept::Float32(kept) => {
                Scalar::Float32(kept.get(row).map_or_else(|| decoded() as f32, f32::from_le_bytes))
            }
            Kept::Float64(kept) => {
                Scalar::Float64(kept.get(row).map_or_else(decoded, f64::from_le_bytes))
            }
        }
    }

    /// The integers, all rows', to `out`, which must be as long. An exception's says nothing.
    pub(super) fn unpack_integers(&self, out: &mut [i64]) {
        self.integers.unpack(0..out.len(), out);
    }

    /// The exceptions of `range`: row and value.
    pub(super) fn exceptions_within(&self, range: Range<usize>) -> Vec<(usize, f64)> {
        match &self.exceptions {
            Kept::Float32(kept) => {
                let floats = kept.within(range);
                floats.map(|(row, value)| (row, f32::from_le_bytes(value).into())).collect()
            }
            Kept::Float64(kept) => {
                let floats = kept.within(range);
                floats.map(|(row, value)| (row, f64::from_le_bytes(value))).collect()
            }
        }
    }

    /// The least and the greatest integer that stand for floats from `min` to `max`; the least is
    /// the greater where there are none. Decoding is monotone, so that all between do too.
    pub(super) fn integers_within(&self, min: f64, max: f64) -> (i64, i64) {
        let value = |integer: i64| match &self.exceptions {
            Kept::Float32(_) => f64::from(self.scale.decode(integer) as f32),
            Kept::Float64(_) => self.scale.decode(integer),
        };
        let least = first_integer(min, self.scale, |integer| value(integer) >= min);
        let after = first_integer(max, self.scale, |integer| value(integer) > max);
        match (least, after) {
            (Some(least), None) => (least, i64::MAX),
            (Some(least), Some(after)) if after > i64::MIN => (least, after - 1),
            _ => (1, 0),
        }
    }

    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        let kept = match &self.exceptions {
            Kept::Float32(kept) => kept.is_ordered(),
            Kept::Float64(kept) => kept.is_ordered(),
        };
        kept && self.integers.is_ordered()
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut ColumnData) {
        let integers = self.integers.to_vec(range.clone());
        let scale = self.scale;
        match (out, &self.exceptions) {
            (ColumnData::Float32(out), Kept::Float32(kept)) => {
                let base = out.len();
                out.extend(integers.iter().map(|integer| scale.decode(*integer) as f32));
                for (row, value) in kept.within(range.clone()) {
                    out[base + row - range.start] = f32::from_le_bytes(value);
                }
            }
            (ColumnData::Float64(out), Kept::Float64(kept)) => {
                let base = out.len();
                out.extend(integers.iter().map(|integer| scale.decode(*integer)));
                for (row, value) in kept.within(range.clone()) {
                    out[base + row - range.start] = f64::from_le_bytes(value);
                }
            }
            _ => {}
        }
    }
}
