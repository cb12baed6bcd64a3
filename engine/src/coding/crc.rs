//! CRC-32 (IEEE), seeded where a checksum must also say what the bytes belong to.

/// The CRC of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The CRC of `bytes` continued from `seed`, itself a CRC: the same bytes under another seed do
/// not validate.
pub(crate) fn crc32_seeded(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
