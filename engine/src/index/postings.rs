//! Postings: the rows that have one key, as their places in the SST, ascending.
//!
//! ```text
//! first row │ widths, one for each 1024 gaps │ the gaps less one, bit-packed 1024 at a time
//! u32       │ u8 × ⌈gaps / 1024⌉             │ see coding/bitpack
//! ```
//!
//! Invariant: what is decoded ascends strictly and lies below the number of rows of the SST,
//! whatever the bytes are; otherwise it is [`Damage`].

use crate::coding::bitpack::{Packed, VECTOR, pack, width_of};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Appends the postings of `rows`, which are at least one and ascend strictly.
pub(crate) fn encode(rows: &[u32], out: &mut Vec<u8>) {
    let Some(first) = rows.first() else { panic!("postings of no rows") };
    debug_assert!(rows.is_sorted_by(|a, b| a < b), "postings out of order");
    out.put_u32(*first);
    let gaps: Vec<u64> = rows.windows(2).map(|pair| u64::from(pair[1] - pair[0] - 1)).collect();
    let widths =
        gaps.chunks(VECTOR).map(|gaps| width_of(gaps.iter().fold(0, |all, gap| all | gap)));
    let widths: Vec<u8> = widths.collect();
    out.extend_from_slice(&widths);
    for (gaps, width) in gaps.chunks(VECTOR).zip(widths) {
        pack(gaps, width, out);
    }
}

/// Appends the `count` rows of the postings in `bytes`, each below `limit`, to `rows`.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    limit: u64,
    rows: &mut Vec<u32>,
) -> Result<(), Damage> {
    let mut r = Reader::new(bytes);
    let mut row = u64::from(r.u32()?);
    let gaps = count.checked_sub(1).ok_or_else(|| r.damage("postings of no rows"))?;
    let widths = r.take(gaps.div_ceil(VECTOR))?;
    check_row(row, limit)?;
    // As many as the bytes can hold is not known before the widths are: a gap may take no bits.
    // So what is allocated is bounded by `limit`, the rows that there are.
    if count as u64 > limit {
        return Err(r.damage(format!("postings of {count} rows of {limit}")));
    }
    rows.reserve(count);
    rows.push(row as u32);
    let mut unpacked = [0; VECTOR];
    let mut left = gaps;
    for width in widths {
        let part = left.min(VECTOR);
        left -= part;
        let packed = Packed::read(&mut r, part, *width)?;
        packed.unpack(0..part, 1, &mut unpacked[..part]);
        for gap in &unpacked[..part] {
            // A gap of the full 64 bits wraps to something that is not a row either.
            row = u64::try_from(*gap).ok().and_then(|gap| row.checked_add(gap)).unwrap_or(u64::MAX);
            check_row(row, limit)?;
            rows.push(row as u32);
        }
    }
    r.finish()
}

fn check_row(row: u64, limit: u64) -> Result<(), Damage> {
    if row < limit && u32::try_from(row).is_ok() {
        return Ok(());
    }
    Err(Damage::new(0, format!("a posting of row {row} of {limit}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(rows: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(rows, &mut bytes);
        let mut back = Vec::new();
        let limit = u64::from(rows[rows.len() - 1]) + 1;
        assert_eq!(decode(&bytes, rows.len(), limit, &mut back), Ok(()));
        assert_eq!(back, rows);
        assert!(decode(&bytes, rows.len(), limit - 1, &mut Vec::new()).is_err());
        bytes
    }

    #[test]
    fn rows_come_back() {
        for step in [1, 2, 7, 1000] {
            for count in [1, 2, 3, 1024, 1025, 1026, 2049, 5000] {
                let rows: Vec<u32> = (0..count).map(|i| 5 + i * step).collect();
                round_trip(&rows);
            }
        }
        round_trip(&[u32::MAX - 1]);
        round_trip(&[0, u32::MAX - 1]);
    }

    #[test]
    fn dense_rows_take_next_to_nothing() {
        let rows: Vec<u32> = (100..100 + 5000).collect();
        assert_eq!(round_trip(&rows).len(), 4 + 5);
        let rows: Vec<u32> = (0..5000).map(|i| i * 1000).collect();
        assert_eq!(round_trip(&rows).len(), 4 + 5 + (4999 * 10_usize).div_ceil(8));
    }

    proptest! {
        #[test]
        fn any_rows_come_back(rows in prop::collection::btree_set(0..1_000_000u32, 1..3000)) {
            round_trip(&rows.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn hostile_bytes_are_damage_or_rows_that_can_be(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            count in 0usize..5000,
            limit in 0u64..10_000,
        ) {
            let mut rows = Vec::new();
            if decode(&bytes, count, limit, &mut rows).is_ok() {
                prop_assert_eq!(rows.len(), count);
                prop_assert!(rows.is_sorted_by(|a, b| a < b));
                prop_assert!(rows.iter().all(|row| u64::from(*row) < limit));
            }
        }
    }
}
