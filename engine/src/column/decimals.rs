//! Decimals of one scale: their mantissas as integers.
//!
//! ```text
//! 0  scale       u8          0..=28, digits after the point
//! 1  exceptions  exceptions.rs, of 16 bytes: other scales, wide mantissas, negative zero
//!    mantissas   ints.rs, one a row; an exception's slot repeats its neighbour
//! ```

use std::ops::Range;

use rust_decimal::Decimal;

use super::exceptions::{self, Exceptions};
use super::ints::{Ints, Plan};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

const SCALE_MAX: u8 = 28;

/// A column taken apart.
#[derive(Debug)]
pub(super) struct Split {
    scale: u8,
    mantissas: Vec<i64>,
    plan: Plan,
    positions: Vec<u16>,
}

/// Takes `values` apart by their most frequent scale.
pub(super) fn split(values: &[Decimal]) -> Split {
    let mut scales = [0_u32; SCALE_MAX as usize + 1];
    for value in values {
        scales[value.scale().min(28) as usize] += 1;
    }
    let most = scales.iter().max().copied().unwrap_or(0);
    let scale = scales.iter().position(|count| *count == most).unwrap_or(0) as u8;
    let mut positions = Vec::new();
    let mut mantissas = Vec::with_capacity(values.len());
    let mut last = None;
    for (row, value) in values.iter().enumerate() {
        let minus_zero = value.is_zero() && value.is_sign_negative();
        match i64::try_from(value.mantissa()) {
            Ok(mantissa) if value.scale() == u32::from(scale) && !minus_zero => {
                if last.is_none() {
                    mantissas.fill(mantissa);
                }
                last = Some(mantissa);
                mantissas.push(mantissa);
            }
            _ => {
                positions.push(row as u16);
                mantissas.push(last.unwrap_or(0));
            }
        }
    }
    let plan = Plan::of(&mantissas);
    Split { scale, mantissas, plan, positions }
}

impl Split {
    pub(super) fn bytes(&self) -> usize {
        1 + exceptions::bytes::<16>(self.positions.len()) + self.plan.bytes(self.mantissas.len())
    }

    pub(super) fn write(&self, values: &[Decimal], out: &mut Vec<u8>) {
        let kept: Vec<[u8; 16]> =
            self.positions.iter().map(|row| values[usize::from(*row)].serialize()).collect();
        out.put_u8(self.scale);
        exceptions::write(&self.positions, &kept, out);
        self.plan.write(&self.mantissas, out);
    }
}

/// The payload, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimals<'a> {
    scale: u32,
    exceptions: Exceptions<'a, 16>,
    mantissas: Ints<'a>,
}

impl<'a> Decimals<'a> {
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        self.exceptions.is_ordered() && self.mantissas.is_ordered()
    }

    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Decimals<'a>, Damage> {
        let scale = reader.u8()?;
        if scale > SCALE_MAX {
            return Err(reader.damage(format!("a decimal scale of {scale}")));
        }
        let exceptions = Exceptions::read(reader)?;
        let mantissas = Ints::read(reader, rows)?;
        Ok(Decimals { scale: scale.into(), exceptions, mantissas })
    }

    pub(super) fn get(&self, row: usize) -> Decimal {
        self.exceptions
            .get(row)
            .map_or_else(|| Decimal::new(self.mantissas.get(row), self.scale), Decimal::deserialize)
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut Vec<Decimal>) {
        let base = out.len();
        let mantissas = self.mantissas.to_vec(range.clone());
        out.extend(mantissas.into_iter().map(|mantissa| Decimal::new(mantissa, self.scale)));
        for (row, value) in self.exceptions.within(range.clone()) {
            out[base + row - range.start] = Decimal::deserialize(value);
        }
    }
}
