//! The rows that an encoding could not hold, kept plain beside it.
//!
//! ```text
//! 0  count      u16
//! 2  positions  count × u16, ascending
//!    values     count × N bytes
//! ```

use std::ops::Range;

use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Bytes of `count` exceptions of `N` bytes.
pub(super) const fn bytes<const N: usize>(count: usize) -> usize {
    2 + count * (2 + N)
}

pub(super) fn write<const N: usize>(positions: &[u16], values: &[[u8; N]], out: &mut Vec<u8>) {
    out.put_u16(positions.len() as u16);
    for position in positions {
        out.put_u16(*position);
    }
    out.extend_from_slice(values.as_flattened());
}

/// The section, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exceptions<'a, const N: usize> {
    positions: &'a [[u8; 2]],
    values: &'a [[u8; N]],
}

impl<'a, const N: usize> Exceptions<'a, N> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Damage> {
        let count = usize::from(reader.u16()?);
        let (positions, _) = reader.take(count * 2)?.as_chunks::<2>();
        let (values, _) = reader.take(count * N)?.as_chunks::<N>();
        Ok(Exceptions { positions, values })
    }

    /// Whether the positions ascend, as written. Where they don't, `get` and `within` disagree.
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        self.positions.is_sorted_by(|a, b| u16::from_le_bytes(*a) < u16::from_le_bytes(*b))
    }

    /// The exception at `row`.
    pub(super) fn get(&self, row: usize) -> Option<[u8; N]> {
        if self.positions.is_empty() {
            return None;
        }
        let at = self.positions.binary_search_by_key(&row, |p| u16::from_le_bytes(*p).into());
        self.values.get(at.ok()?).copied()
    }

    /// The exceptions within `range`: row and value.
    pub(super) fn within(&self, range: Range<usize>) -> impl Iterator<Item = (usize, [u8; N])> {
        let rows = self.positions.iter().map(|p| usize::from(u16::from_le_bytes(*p)));
        rows.zip(self.values.iter().copied()).filter(move |(row, _)| range.contains(row))
    }
}
