//! What the MANIFEST records of an SST, so that a version needs no file opened to be checked.
//!
//! Invariants (checked where an edit is applied, in `version.rs`)
//! 1. `_seq` is dense: `rows == max_seq - min_seq + 1`, and `rows >= 1`, `min_seq >= 1`.
//! 2. `min_time <= max_time`.

use serde::Serialize;

use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SstMeta {
    /// The number in the file's name and header; never reused.
    pub(crate) file_number: u64,
    /// Length of the file in bytes.
    pub(crate) size: u64,
    /// CRC of the whole file.
    pub(crate) crc: u32,
    /// Rows held.
    pub(crate) rows: u64,
    /// Data blocks held.
    pub(crate) blocks: u32,
    /// `_seq` of the first row.
    pub(crate) min_seq: i64,
    /// `_seq` of the last row.
    pub(crate) max_seq: i64,
    /// `_time` of the first row: ns since the epoch.
    pub(crate) min_time: i64,
    /// `_time` of the last row: ns since the epoch.
    pub(crate) max_time: i64,
}

impl SstMeta {
    /// Bytes of the encoding.
    #[cfg(test)]
    pub(crate) const BYTES: usize = 64;

    /// Appends the fields in the order they are declared in.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put_u64(self.file_number);
        out.put_u64(self.size);
        out.put_u32(self.crc);
        out.put_u64(self.rows);
        out.put_u32(self.blocks);
        out.put_i64(self.min_seq);
        out.put_i64(self.max_seq);
        out.put_i64(self.min_time);
        out.put_i64(self.max_time);
    }

    /// The mirror of [`SstMeta::put`]; judges no value.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(SstMeta {
            file_number: reader.u64()?,
            size: reader.u64()?,
            crc: reader.u32()?,
            rows: reader.u64()?,
            blocks: reader.u32()?,
            min_seq: reader.i64()?,
            max_seq: reader.i64()?,
            min_time: reader.i64()?,
            max_time: reader.i64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_as_documented() {
        let meta = SstMeta {
            file_number: 1,
            size: 2,
            crc: 3,
            rows: 4,
            blocks: 5,
            min_seq: 6,
            max_seq: 7,
            min_time: 8,
            max_time: -9,
        };
        let mut out = Vec::new();
        meta.put(&mut out);
        assert_eq!(out.len(), SstMeta::BYTES);
        assert_eq!(out[..12], [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(out[56..], (-9i64).to_le_bytes());
        assert_eq!(SstMeta::read(&mut Reader::new(&out)), Ok(meta));
        for len in 0..out.len() {
            assert!(SstMeta::read(&mut Reader::new(&out[..len])).is_err());
        }
    }
}
