//! Frame of reference with patches: the integers under most encodings.
//!
//! ```text
//!  0  base         i64
//!  8  width        u8      0..=64
//!  9  patch_bytes  u8      0..=8, of one patch's value
//! 10  patch_count  u16
//! 12  packed       count values of width bits: value - base (see coding/bitpack.rs)
//!     positions    patch_count × u16, ascending
//!     patches      patch_count × patch_bytes: zigzag(value - base)
//! ```
//!
//! The few values that would widen all the others (late rows, spikes) are patches; their packed
//! slot is 0. The idea is PFOR's: M. Zukowski et al., "Super-Scalar RAM-CPU Cache Compression",
//! ICDE 2006. All arithmetic wraps, so that no base can overflow.

use std::ops::Range;

use crate::coding::bitpack::{Packed, pack, packed_bytes, width_of};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Bytes before the packed values.
pub(super) const HEADER_BYTES: usize = 12;

/// Fewer values than this are never patched.
const PATCHED_MIN: usize = 64;

/// At most one value in so many is a patch: a get must stay cheap.
const ROWS_PER_PATCH: usize = 24;

/// Values looked at to see whether patches could pay.
const SAMPLE: usize = 32;

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// How some integers are to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    base: i64,
    width: u8,
    /// Estimates, for [`Plan::bytes`] alone.
    patch_count: usize,
    patch_bytes: usize,
}

impl Plan {
    /// The cheapest plan for `values`.
    pub(super) fn of(values: &[i64]) -> Plan {
        let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else {
            return Plan { base: 0, width: 0, patch_count: 0, patch_bytes: 0 };
        };
        let width = width_of(max.wrapping_sub(*min) as u64);
        let whole = Plan { base: *min, width, patch_count: 0, patch_bytes: 0 };
        if values.len() < PATCHED_MIN || width < 4 {
            return whole;
        }
        let (centre, inner) = middle(values);
        if inner + 1 >= width {
            return whole;
        }
        let patched = Plan::patched(values, centre);
        if patched.bytes(values.len()) < whole.bytes(values.len()) { patched } else { whole }
    }

    /// Packs what is near `centre` and patches the rest.
    fn patched(values: &[i64], centre: i64) -> Plan {
        let mut widths = [0_usize; 65];
        for value in values {
            widths[usize::from(width_of(zigzag(value.wrapping_sub(centre))))] += 1;
        }
        let top = widths.iter().rposition(|count| *count > 0).unwrap_or(0);
        let patch_bytes = (top + 1).min(64).div_ceil(8);
        let (mut width, mut cost, mut outside) = (top, usize::MAX, 0);
        let (mut patch_count, patches_max) = (0, values.len() / ROWS_PER_PATCH);
        for candidate in (0..=top).rev() {
            let bits = candidate * values.len() + outside * (2 + patch_bytes) * 8;
            if bits < cost {
                (width, cost, patch_count) = (candidate, bits, outside);
            }
            outside += widths[candidate];
            if outside > patches_max {
                break;
            }
        }
        let (mut min, mut max) = (i64::MAX, i64::MIN);
        for value in values {
            let offset = value.wrapping_sub(centre);
            if usize::from(width_of(zigzag(offset))) <= width {
                (min, max) = (min.min(offset), max.max(offset));
            }
        }
        let width = width_of(max.wrapping_sub(min) as u64);
        Plan { base: centre.wrapping_add(min), width, patch_count, patch_bytes }
    }

    /// Bytes that [`Plan::write`] will append for `count` values (an estimate where it patches).
    pub(super) fn bytes(&self, count: usize) -> usize {
        HEADER_BYTES + packed_bytes(count, self.width) + self.patch_count * (2 + self.patch_bytes)
    }

    /// Bits of a packed value.
    pub(super) fn width(&self) -> u8 {
        self.width
    }

    /// Appends `values` packed by this plan. At most 65,536 of them.
    pub(super) fn write(&self, values: &[i64], out: &mut Vec<u8>) {
        debug_assert!(values.len() <= 1 << 16, "{} values exceed u16 positions", values.len());
        let limit = if self.width == 0 { 0 } else { u64::MAX >> (64 - self.width) };
        let mut offsets = Vec::with_capacity(values.len());
        let mut patches = Vec::new();
        for (i, value) in values.iter().enumerate() {
            let offset = value.wrapping_sub(self.base) as u64;
            if offset <= limit {
                offsets.push(offset);
            } else {
                patches.push((i as u16, zigzag(offset as i64)));
                offsets.push(0);
            }
        }
        let largest = patches.iter().map(|(_, patch)| *patch).max().unwrap_or(0);
        let patch_bytes = width_of(largest).div_ceil(8);
        out.put_i64(self.base);
        out.put_u8(self.width);
        out.put_u8(patch_bytes);
        out.put_u16(patches.len() as u16);
        pack(&offsets, self.width, out);
        for (position, _) in &patches {
            out.put_u16(*position);
        }
        for (_, patch) in &patches {
            out.extend_from_slice(&patch.to_le_bytes()[..usize::from(patch_bytes)]);
        }
    }
}

/// The median of a sample, and the bits that its inner values span.
fn middle(values: &[i64]) -> (i64, u8) {
    let step = values.len() / SAMPLE;
    let mut sample = [0; SAMPLE];
    for (i, slot) in sample.iter_mut().enumerate() {
        *slot = values[i * step];
    }
    sample.sort_unstable();
    (sample[SAMPLE / 2], width_of(sample[SAMPLE - 2].wrapping_sub(sample[1]) as u64))
}

/// Packed and patched integers, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ints<'a> {
    base: i64,
    packed: Packed<'a>,
    positions: &'a [[u8; 2]],
    patches: &'a [u8],
    patch_bytes: usize,
}

impl<'a> Ints<'a> {
    /// Takes `count` integers from the reader. Looks at the header alone.
    pub(super) fn read(reader: &mut Reader<'a>, count: usize) -> Result<Ints<'a>, Damage> {
        let header = reader.take(HEADER_BYTES)?.first_chunk::<HEADER_BYTES>();
        let [base @ .., width, patch_bytes, low, high] = *header.unwrap_or(&[0; HEADER_BYTES]);
        let base = i64::from_le_bytes(base);
        let patch_bytes = usize::from(patch_bytes);
        let patch_count = usize::from(u16::from_le_bytes([low, high]));
        if patch_bytes > 8 {
            return Err(reader.damage(format!("patches of {patch_bytes} bytes")));
        }
        if patch_count > count {
            return Err(reader.damage(format!("{patch_count} patches of {count} values")));
        }
        let packed = Packed::read(reader, count, width)?;
        if patch_count == 0 {
            return Ok(Ints { base, packed, positions: &[], patches: &[], patch_bytes });
        }
        let (positions, _) = reader.take(patch_count * 2)?.as_chunks::<2>();
        let patches = reader.take(patch_count * patch_bytes)?;
        Ok(Ints { base, packed, positions, patches, patch_bytes })
    }

    pub(super) fn len(&self) -> usize {
        self.packed.len()
    }

    fn patch(&self, i: usize) -> i64 {
        let mut bytes = [0; 8];
        let from = &self.patches[i * self.patch_bytes..][..self.patch_bytes];
        bytes[..self.patch_bytes].copy_from_slice(from);
        self.base.wrapping_add(unzigzag(u64::from_le_bytes(bytes)))
    }

    /// Whether the patches' positions ascend and nothing is packed there, as written. Where it is
    /// not so, `get` and `unpack` disagree.
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        let is_blank = |position: &[u8; 2]| {
            let position = usize::from(u16::from_le_bytes(*position));
            position >= self.len() || self.packed.get(position) == 0
        };
        self.positions.is_sorted_by(|a, b| u16::from_le_bytes(*a) < u16::from_le_bytes(*b))
            && self.positions.iter().all(is_blank)
    }

    /// Where the patches of `from..` begin.
    fn patches_from(&self, from: usize) -> usize {
        self.positions.partition_point(|p| usize::from(u16::from_le_bytes(*p)) < from)
    }

    /// Value `i`, which must be below `len`.
    #[inline]
    pub(super) fn get(&self, i: usize) -> i64 {
        let offset = self.packed.get(i);
        // What is packed in the place of a patch is 0: anything else need not be looked for.
        if offset == 0 && !self.positions.is_empty() {
            let at = self.patches_from(i);
            if self.positions.get(at).is_some_and(|p| usize::from(u16::from_le_bytes(*p)) == i) {
                return self.patch(at);
            }
        }
        self.base.wrapping_add(offset as i64)
    }

    /// Writes the values of `range` to `out`, which must be as long.
    pub(super) fn unpack(&self, range: Range<usize>, out: &mut [i64]) {
        self.packed.unpack(range.clone(), self.base, out);
        for i in self.patches_from(range.start)..self.positions.len() {
            let position = usize::from(u16::from_le_bytes(self.positions[i]));
            if !range.contains(&position) {
                break;
            }
            out[position - range.start] = self.patch(i);
        }
    }

    /// The values of `range`.
    pub(super) fn to_vec(self, range: Range<usize>) -> Vec<i64> {
        let mut out = vec![0; range.len()];
        self.unpack(range, &mut out);
        out
    }
}
