//! Bits and bytes: reading a hostile slice, writing little-endian, checksums.

pub(crate) mod bytes;
pub(crate) mod crc;
