//! Reading numbers and strings out of bytes, and what is said when they are not as they must be.
//!
//! ```text
//!   bytes ──► Reader ──► u8, u32, i64, string …        each one a Result
//! ```
//!
//! Invariant: total. Whatever the bytes, a read gives a value or a [`Damage`].

use std::fmt;

/// Bytes that are not as `docs/format.md` says. The text says where, from the outside in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage(pub String);

/// What a decoder gives.
pub type Result<T> = std::result::Result<T, Damage>;

impl Damage {
    /// The damage, and in what it was found.
    pub fn within(self, place: impl fmt::Display) -> Damage {
        Damage(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Fails with what `what` says.
pub fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(Damage(what.into()))
}

/// Fails with `what` unless a condition holds.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Damage(what())) }
}

/// Reads from the front of bytes. Integers are little-endian.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the first one on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    /// What has not been read.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.bytes.split_at_checked(count) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => damaged(format!("{count} bytes are due and {} are left", self.bytes.len())),
        }
    }

    /// The next `each` bytes, `count` times. `each` is not 0.
    pub fn take_each(
        &mut self,
        count: usize,
        each: usize,
    ) -> Result<std::slice::ChunksExact<'a, u8>> {
        match count.checked_mul(each) {
            Some(bytes) => Ok(self.take(bytes)?.chunks_exact(each)),
            None => damaged("more values than can be counted"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A u8.
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// An i8.
    pub fn i8(&mut self) -> Result<i8> {
        self.array().map(i8::from_le_bytes)
    }

    /// A u16.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// A u32.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A u64.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// An i64.
    pub fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// `count` × u16.
    pub fn u16s(&mut self, count: usize) -> Result<Vec<usize>> {
        let all = self.take_each(count, 2)?;
        Ok(all.map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).collect())
    }

    /// `count` × u32.
    pub fn u32s(&mut self, count: usize) -> Result<Vec<u32>> {
        let all = self.take_each(count, 4)?;
        Ok(all.map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// `count` × u64.
    pub fn u64s(&mut self, count: usize) -> Result<Vec<u64>> {
        Ok(self.take_each(count, 8)?.map(number).collect())
    }

    /// A length u32 and that many bytes.
    pub fn blob(&mut self) -> Result<&'a [u8]> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    /// A length u32 and that many bytes of UTF-8.
    pub fn string(&mut self) -> Result<&'a str> {
        utf8(self.blob()?)
    }

    /// `count` reserved bytes, which are zero.
    pub fn reserved(&mut self, count: usize) -> Result<()> {
        let zeros = self.take(count)?.iter().all(|byte| *byte == 0);
        ensure(zeros, || "a reserved byte is in use: this is of a newer version".to_owned())
    }

    /// That nothing is left.
    pub fn end(&self) -> Result<()> {
        ensure(self.is_empty(), || format!("{} bytes are left over", self.bytes.len()))
    }
}

/// Up to eight bytes as a little-endian number.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Bytes that are text.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| Damage(e.to_string()))
}

/// Whether bit `i` is set; bits fill bytes from the lowest up.
pub fn bit(bits: &[u8], i: usize) -> bool {
    bits.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 == 1)
}

/// The smallest multiple of `unit` that is not below `n`; as large as can be, where there is none.
pub fn round_up(n: u64, unit: u64) -> u64 {
    n.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
}

/// CRC-32 of bytes, as zlib's.
pub fn crc(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// A CRC that continues from another one: the same bytes in another place have another one.
pub fn seeded(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// The seed that is the CRC of u64s: what format.md writes as `seed(a, b)`, with the id first.
pub fn seed(numbers: &[u64]) -> u32 {
    numbers.iter().fold(0, |seed, number| seeded(seed, &[&number.to_le_bytes()]))
}

/// That a checksum is right.
pub fn check_crc(found: u32, due: u32) -> Result<()> {
    ensure(found == due, || format!("its checksum is {found:08x} and must be {due:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_crc_goes_on_where_its_seed_ended() {
        assert_eq!(crc(b"123456789"), 0xCBF4_3926, "as in every other CRC-32");
        assert_eq!(seeded(crc(b"1234"), &[b"56", b"789"]), crc(b"123456789"));
        assert_eq!(seed(&[1, 2]), crc(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn reads_beyond_the_end_are_damage() {
        let mut reader = Reader::new(&[3, 0, 0, 0, b'a', b'b', b'c', 9]);
        assert_eq!(reader.string(), Ok("abc"));
        assert!(reader.clone().u16().is_err() && reader.end().is_err());
        assert!(reader.clone().take_each(usize::MAX, 8).is_err());
        assert!(reader.u8() == Ok(9) && reader.end() == Ok(()));
        assert!(Reader::new(&[255; 8]).blob().is_err());
    }
}
