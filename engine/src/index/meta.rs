//! What the MANIFEST records of an index file.

use serde::Serialize;

use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct IndexMeta {
    /// The number in the file's name and header; never reused.
    pub(crate) file_number: u64,
    /// Length of the file in bytes.
    pub(crate) size: u64,
    /// CRC of the whole file.
    pub(crate) crc: u32,
    /// The SST whose rows it has.
    pub(crate) sst: u64,
    /// The place of the field in the schema, from 0.
    pub(crate) field: u32,
    /// Different keys.
    pub(crate) keys: u64,
    /// Rows that have a key: all but the nulls.
    pub(crate) entries: u64,
}

impl IndexMeta {
    /// Appends the fields in the order they are declared in.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put_u64(self.file_number);
        out.put_u64(self.size);
        out.put_u32(self.crc);
        out.put_u64(self.sst);
        out.put_u32(self.field);
        out.put_u64(self.keys);
        out.put_u64(self.entries);
    }

    /// The mirror of [`IndexMeta::put`]; judges no value.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(IndexMeta {
            file_number: reader.u64()?,
            size: reader.u64()?,
            crc: reader.u32()?,
            sst: reader.u64()?,
            field: reader.u32()?,
            keys: reader.u64()?,
            entries: reader.u64()?,
        })
    }
}
