//! CRC-32 (IEEE), seeded where a checksum must also say what the bytes belong to.

#[cfg(feature = "internals")]
thread_local! {
    /// Whether every checksum is zero: see `internals::without_checksums`.
    pub(crate) static OFF: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The CRC of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    crc32_seeded(0, bytes)
}

/// The CRC of `bytes` continued from `seed`, itself a CRC: the same bytes under another seed do
/// not validate.
pub(crate) fn crc32_seeded(seed: u32, bytes: &[u8]) -> u32 {
    #[cfg(feature = "internals")]
    if OFF.get() {
        return 0;
    }
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}
