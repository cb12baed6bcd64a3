//! A Bloom filter over the keys of an index file: whether a key is certainly not there.
//!
//! Split blocks, as in F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom
//! Filters", JEA 14, 2009, in the form that Apache Parquet uses: a key sets one bit in each of the
//! eight words of one block of 32 bytes. With 10 bits a key about one key in a hundred that is not
//! there seems to be.
//!
//! Invariant: a key that was added is never denied.

/// Bytes of a block: eight words of 32 bits.
pub(crate) const BLOCK_BYTES: usize = 32;

/// Bits of filter for each key.
const KEY_BITS: u64 = 10;

/// Odd numbers, each of which picks the bit of one word.
const SALTS: [u32; 8] = [
    0x47B6_137B,
    0x4497_4D91,
    0x8824_AD5B,
    0xA2B7_289D,
    0x7054_95C7,
    0x2DF1_424B,
    0x9EFC_4947,
    0x5C6B_FB31,
];

/// The hash of a key, as the file format has it.
pub(crate) fn hash(key: &[u8]) -> u64 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    const M: u64 = 0xD6E8_FEB8_6659_FD93;
    let fold = |a: u64| {
        let product = u128::from(a) * u128::from(M);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = K ^ key.len() as u64;
    for word in key.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        hash = fold(hash ^ u64::from_le_bytes(bytes));
    }
    fold(hash ^ K)
}

/// Blocks for this many keys; at least one.
pub(crate) fn blocks_for(keys: u64) -> u64 {
    keys.saturating_mul(KEY_BITS).div_ceil(8 * BLOCK_BYTES as u64).max(1)
}

/// The block, of `blocks`, of a key with this hash.
pub(crate) fn block_of(hash: u64, blocks: u64) -> u64 {
    ((hash >> 32) * blocks) >> 32
}

fn masks(hash: u64) -> [u32; 8] {
    SALTS.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27))
}

/// Sets the bits of a key in its block.
pub(crate) fn add(block: &mut [u8; BLOCK_BYTES], hash: u64) {
    for (word, mask) in block.as_chunks_mut::<4>().0.iter_mut().zip(masks(hash)) {
        *word = (u32::from_le_bytes(*word) | mask).to_le_bytes();
    }
}

/// Whether a block has all bits of a key.
pub(crate) fn has(block: &[u8; BLOCK_BYTES], hash: u64) -> bool {
    let words = block.as_chunks::<4>().0;
    words.iter().zip(masks(hash)).all(|(word, mask)| u32::from_le_bytes(*word) & mask != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_and_few_others() {
        for keys in [1u64, 10, 1000, 100_000] {
            let blocks = blocks_for(keys);
            let mut filter = vec![[0; BLOCK_BYTES]; blocks as usize];
            let key = |i: u64| hash(&i.to_be_bytes());
            for i in 0..keys {
                add(&mut filter[block_of(key(i), blocks) as usize], key(i));
            }
            let is_there = |i: &u64| has(&filter[block_of(key(*i), blocks) as usize], key(*i));
            assert!((0..keys).all(|i| is_there(&i)));
            let wrong = (keys..keys + 10_000).filter(is_there).count();
            assert!(wrong < 250, "{wrong} of 10000 with {keys} keys");
        }
    }

    #[test]
    fn the_hash_is_fixed() {
        // Written down from the first version: files depend on these.
        assert_eq!(hash(b""), HASH_OF_NOTHING);
        assert_eq!(hash(b"srdb index"), HASH_OF_TEXT);
    }

    const HASH_OF_NOTHING: u64 = 0;
    const HASH_OF_TEXT: u64 = 1_968_003_454_990_406_436;
}
