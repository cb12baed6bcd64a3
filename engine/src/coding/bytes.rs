//! A cursor over bytes that may be damaged, and the writing counterpart. Little-endian throughout.
//!
//! Invariant: [`Reader`] never panics and never allocates more than the slice it reads is long.

use crate::error::Damage;

/// Reads from a slice; every method fails with the offset where the slice ended too early.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Decoded<T> = Result<T, Damage>;

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// How far the cursor is, in bytes from the start.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Bytes left.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Damage at the cursor.
    pub(crate) fn damage(&self, what: impl Into<String>) -> Damage {
        Damage::new(self.at, what)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Decoded<&'a [u8]> {
        let Some(taken) = self.bytes[self.at..].get(..len) else { return Err(self.short(len)) };
        self.at += len;
        Ok(taken)
    }

    // Inlined, and without a copy of a length the compiler can't see: a get reads a dozen of these
    // for every value it returns.
    #[inline]
    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let Some(&taken) = self.bytes[self.at..].first_chunk::<N>() else {
            return Err(self.short(N));
        };
        self.at += N;
        Ok(taken)
    }

    #[cold]
    fn short(&self, len: usize) -> Damage {
        self.damage(format!("{len} bytes expected, {} left", self.remaining()))
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Decoded<u8> {
        Ok(self.array::<1>()?[0])
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Decoded<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Decoded<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Decoded<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn i64(&mut self) -> Decoded<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn i128(&mut self) -> Decoded<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    /// A `u32` length and that many bytes.
    pub(crate) fn blob(&mut self) -> Decoded<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    /// A [`Reader::blob`] of UTF-8.
    pub(crate) fn text(&mut self) -> Decoded<&'a str> {
        let at = self.at;
        std::str::from_utf8(self.blob()?).map_err(|_| Damage::new(at, "text is not UTF-8"))
    }

    /// Fails unless everything was read.
    #[inline]
    pub(crate) fn finish(&self) -> Decoded<()> {
        if self.remaining() == 0 {
            Ok(())
        } else {
            Err(self.damage(format!("{} bytes too many", self.remaining())))
        }
    }
}

/// Appends little-endian values; the mirror of [`Reader`].
pub(crate) trait Put {
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    fn put_i64(&mut self, value: i64);
    /// A `u32` length and the bytes. Callers keep blobs below 4 GiB by the limits in `limits.rs`.
    fn put_blob(&mut self, value: &[u8]);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_blob(&mut self, value: &[u8]) {
        let len = u32::try_from(value.len()).unwrap_or_else(|_| {
            // Our own bug: the limits are checked before anything is encoded.
            panic!("a blob of {} bytes passed the limits", value.len())
        });
        self.put_u32(len);
        self.extend_from_slice(value);
    }
}
