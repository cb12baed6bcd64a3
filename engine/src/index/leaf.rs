//! A leaf: keys in order, each with the rows that have it.
//!
//! ```text
//! header │ where each entry starts, u32 │ prefix of all keys │ entry │ entry …
//!
//! entry    rest of the key: length u8, bytes │ 1 │ row u32
//!                                            │ 0 │ rows u32 │ postings
//! ```
//!
//! Invariants
//! 1. Keys ascend strictly within a leaf, and from one leaf to the next.
//! 2. An entry ends where the next one starts, the last with the leaf.
//! 3. A leaf takes about [`LEAF_BYTES`], more only if its last entry does: postings are not split.

use std::cmp::Ordering;
use std::ops::Range;

use super::key::KEY_BYTES_MAX;
use super::postings;
use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::crc32_seeded;
use crate::error::Damage;
use crate::format::index::LEAF_HEADER_BYTES;

/// A leaf is closed when it has reached this many bytes.
pub(crate) const LEAF_BYTES: usize = 4096;

const ONE_ROW: u8 = 1;
const MANY_ROWS: u8 = 0;

/// Gathers the entries of one leaf.
#[derive(Debug, Default)]
pub(crate) struct LeafBuilder {
    /// The keys, end to end.
    keys: Vec<u8>,
    /// What follows on the key of each entry, end to end.
    tails: Vec<u8>,
    /// Where each entry's key and tail end.
    ends: Vec<(usize, usize)>,
}

impl LeafBuilder {
    /// Adds the next key, with its rows, at least one, in ascending order.
    pub(crate) fn add(&mut self, key: &[u8], rows: &[u32]) {
        assert!(key.len() <= KEY_BYTES_MAX, "a key of {} bytes", key.len());
        debug_assert!(self.ends.is_empty() || self.last_key() < key, "keys out of order");
        self.keys.extend_from_slice(key);
        if let [row] = rows {
            self.tails.put_u8(ONE_ROW);
            self.tails.put_u32(*row);
        } else {
            self.tails.put_u8(MANY_ROWS);
            self.tails.put_u32(rows.len() as u32);
            postings::encode(rows, &mut self.tails);
        }
        self.ends.push((self.keys.len(), self.tails.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether the leaf has the size that leaves should have.
    pub(crate) fn is_full(&self) -> bool {
        LEAF_HEADER_BYTES + self.keys.len() + self.tails.len() + 5 * self.ends.len() >= LEAF_BYTES
    }

    /// The first key.
    pub(crate) fn first_key(&self) -> &[u8] {
        &self.keys[self.key_span(0)]
    }

    /// The last key.
    pub(crate) fn last_key(&self) -> &[u8] {
        &self.keys[self.key_span(self.ends.len() - 1)]
    }

    fn key_span(&self, i: usize) -> Range<usize> {
        (if i == 0 { 0 } else { self.ends[i - 1].0 })..self.ends[i].0
    }

    /// Appends the leaf's bytes and starts anew. `seed` is that of its place in its file.
    pub(crate) fn finish(&mut self, seed: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let prefix = common_prefix(self.first_key(), self.last_key());
        let count = self.ends.len();
        let prefix_at = LEAF_HEADER_BYTES + 4 * count;
        let bytes =
            prefix_at + prefix + self.keys.len() - count * prefix + count + self.tails.len();
        out.put_u32(0);
        out.put_u32(bytes as u32);
        out.put_u32(count as u32);
        out.put_u16(prefix as u16);
        out.put_u16(0);
        let mut entry_at = prefix_at + prefix;
        for i in 0..count {
            out.put_u32(entry_at as u32);
            entry_at += 1 + self.key_span(i).len() - prefix + self.tail_span(i).len();
        }
        out.extend_from_slice(&self.first_key()[..prefix]);
        for i in 0..count {
            let rest = &self.keys[self.key_span(i)][prefix..];
            out.put_u8(rest.len() as u8);
            out.extend_from_slice(rest);
            out.extend_from_slice(&self.tails[self.tail_span(i)]);
        }
        assert_eq!(out.len() - start, bytes, "bytes of a leaf");
        let crc = crc32_seeded(seed, &out[start + 4..]);
        out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
        self.keys.clear();
        self.tails.clear();
        self.ends.clear();
    }

    fn tail_span(&self, i: usize) -> Range<usize> {
        (if i == 0 { 0 } else { self.ends[i - 1].1 })..self.ends[i].1
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// How many bytes the leaf takes that begins with these; `None` if there are too few to say.
pub(crate) fn length(start: &[u8]) -> Option<u32> {
    let mut r = Reader::new(start);
    r.u32().ok()?;
    r.u32().ok()
}

/// A leaf's bytes. Nothing is believed of them beyond their length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'a> {
    bytes: &'a [u8],
    count: usize,
    prefix: &'a [u8],
}

/// The rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows<'a> {
    /// How many.
    pub(crate) count: u32,
    bytes: &'a [u8],
}

impl<'a> Leaf<'a> {
    /// Reads the header.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(bytes);
        r.u32()?;
        let (length, count, prefix) = (r.u32()? as usize, r.u32()? as usize, r.u16()? as usize);
        if length != bytes.len() || r.u16()? != 0 {
            let what = format!("a leaf of {length} bytes stands in {}", bytes.len());
            return Err(Damage::new(4, what));
        }
        r.take(count.saturating_mul(4))?;
        let prefix = r.take(prefix)?;
        Ok(Leaf { bytes, count, prefix })
    }

    /// Checks everything about the leaf that its own bytes can tell, but for the postings, which
    /// are checked as they are decoded.
    pub(crate) fn check(&self, seed: u32) -> Result<(), Damage> {
        let crc = Reader::new(self.bytes).u32()?;
        if self.bytes.get(4..).is_none_or(|rest| crc != crc32_seeded(seed, rest)) {
            return Err(Damage::new(0, "the leaf does not match its checksum"));
        }
        if self.count == 0 {
            return Err(Damage::new(8, "a leaf without keys"));
        }
        if self.start(0)? != LEAF_HEADER_BYTES + 4 * self.count + self.prefix.len() {
            return Err(Damage::new(LEAF_HEADER_BYTES, "the first entry is in the wrong place"));
        }
        for i in 0..self.count {
            let (rest, _) = self.entry(i)?;
            let at = self.start(i)?;
            if self.prefix.len() + rest.len() > KEY_BYTES_MAX {
                return Err(Damage::new(at, "a key is too long"));
            }
            if i > 0 && self.entry(i - 1)?.0 >= rest {
                return Err(Damage::new(at, "keys out of order"));
            }
        }
        Ok(())
    }

    /// Bytes of the leaf, without padding.
    pub(crate) fn bytes(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Keys held.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn start(&self, i: usize) -> Result<usize, Damage> {
        if i == self.count {
            return Ok(self.bytes.len());
        }
        let at = LEAF_HEADER_BYTES + 4 * i;
        let start = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<4>());
        let start = start.map(|start| u32::from_le_bytes(*start) as usize);
        start.ok_or_else(|| Damage::new(at, "a leaf ends too early"))
    }

    /// What follows on the prefix in key `i`, and its rows.
    fn entry(&self, i: usize) -> Result<(&'a [u8], Rows<'a>), Damage> {
        let (start, end) = (self.start(i)?, self.start(i + 1)?);
        let damaged = || Damage::new(start, "an entry of a leaf can't be");
        let mut r = Reader::new(self.bytes.get(start..end).ok_or_else(damaged)?);
        let rest = r.u8()?;
        let rest = r.take(usize::from(rest))?;
        let count = match r.u8()? {
            ONE_ROW => 1,
            MANY_ROWS => r.u32()?,
            _ => return Err(damaged()),
        };
        Ok((rest, Rows { count, bytes: r.take(r.remaining())? }))
    }

    /// Puts key `i` into `key`, and returns its rows.
    pub(crate) fn get(&self, i: usize, key: &mut Vec<u8>) -> Result<Rows<'a>, Damage> {
        let (rest, rows) = self.entry(i)?;
        key.clear();
        key.extend_from_slice(self.prefix);
        key.extend_from_slice(rest);
        Ok(rows)
    }

    /// The first key that is not below `key`, and whether it is that key; `len()` if all are.
    pub(crate) fn search(&self, key: &[u8]) -> Result<(usize, bool), Damage> {
        let head = key.len().min(self.prefix.len());
        match self.prefix.cmp(&key[..head]) {
            Ordering::Less => return Ok((self.count, false)),
            Ordering::Greater => return Ok((0, false)),
            // The prefix goes on where `key` has ended.
            Ordering::Equal if key.len() < self.prefix.len() => return Ok((0, false)),
            Ordering::Equal => {}
        }
        let wanted = &key[head..];
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle)?.0.cmp(wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok((middle, true)),
                Ordering::Greater => high = middle,
            }
        }
        Ok((low, false))
    }
}

impl Rows<'_> {
    /// Appends the rows, ascending, each below `limit`.
    pub(crate) fn decode(&self, limit: u64, rows: &mut Vec<u32>) -> Result<(), Damage> {
        postings::decode(self.bytes, self.count as usize, limit, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u32 = 77;

    fn leaf(entries: &[(&[u8], &[u32])]) -> Vec<u8> {
        let (mut builder, mut out) = (LeafBuilder::default(), Vec::new());
        entries.iter().for_each(|(key, rows)| builder.add(key, rows));
        builder.finish(SEED, &mut out);
        assert!(builder.is_empty());
        out
    }

    const ENTRIES: [(&[u8], &[u32]); 4] =
        [(b"ab", &[7]), (b"abc", &[1, 2, 9]), (b"abd", &[0]), (b"ax", &[3, 4])];

    #[test]
    fn keys_and_rows_come_back() {
        let bytes = leaf(&ENTRIES);
        let leaf = Leaf::parse(&bytes).unwrap();
        assert_eq!(leaf.check(SEED), Ok(()));
        assert!(leaf.check(SEED + 1).is_err(), "another place");
        let (mut key, mut rows) = (Vec::new(), Vec::new());
        for (i, (expected_key, expected_rows)) in ENTRIES.iter().enumerate() {
            rows.clear();
            leaf.get(i, &mut key).unwrap().decode(10, &mut rows).unwrap();
            assert_eq!((&key[..], &rows[..]), (*expected_key, *expected_rows));
            assert_eq!(leaf.search(expected_key), Ok((i, true)));
        }
    }

    #[test]
    fn keys_that_are_not_there_are_placed() {
        let bytes = leaf(&ENTRIES);
        let leaf = Leaf::parse(&bytes).unwrap();
        let wanted: [(&[u8], usize); 8] = [
            (b"", 0),
            (b"A", 0),
            (b"a", 0),
            (b"aa", 0),
            (b"aba", 1),
            (b"abcd", 2),
            (b"ay", 4),
            (b"b", 4),
        ];
        for (key, place) in wanted {
            assert_eq!(leaf.search(key), Ok((place, false)), "{key:?}");
        }
    }

    #[test]
    fn hostile_bytes_are_damage() {
        let bytes = leaf(&ENTRIES);
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[i] ^= 1 << bit;
                let checked = Leaf::parse(&changed).and_then(|leaf| leaf.check(SEED));
                assert!(checked.is_err(), "byte {i}");
                // Nothing but the checksum stands before these.
                let crc = crc32_seeded(SEED, &changed[4..]);
                changed[..4].copy_from_slice(&crc.to_le_bytes());
                if let Ok(leaf) = Leaf::parse(&changed) {
                    let _ = leaf.check(SEED);
                    let (mut key, mut rows) = (Vec::new(), Vec::new());
                    for entry in 0..leaf.len().min(100) {
                        let got = leaf.get(entry, &mut key);
                        let _ = got.map(|got| got.decode(10, &mut rows));
                    }
                    let _ = leaf.search(b"abc");
                }
            }
            assert!(Leaf::parse(&bytes[..i]).is_err(), "{i} bytes");
        }
    }
}
