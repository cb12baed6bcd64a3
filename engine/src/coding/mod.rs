//! Bits and bytes: reading a hostile slice, writing little-endian, bit-packing, checksums.

pub(crate) mod bitpack;
pub(crate) mod bytes;
pub(crate) mod crc;
