//! A hash of values: fixed, so that the same rows give the same file, and the same groups, on every
//! run.
//!
//! Multiply and fold, as in wyhash; no protection against chosen keys: the dictionary bounds its
//! probes and its size, and a query its memory.

const K: u64 = 0x9E37_79B9_7F4A_7C15;
const M: u64 = 0xD6E8_FEB8_6659_FD93;

const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

pub(crate) const fn hash_int(value: i64) -> u64 {
    fold(value as u64 ^ K, M)
}

#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = K ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word), M);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(hash ^ u64::from_le_bytes(last), K)
}
