//! The B+Tree of an SST: from a `_seq` to its block, searched in place in nodes of 4 KiB.
//!
//! ```text
//! node 0         1          2        …        n-1
//! ├─ leaf 0 ─┼─ leaf 1 ─┼─ leaf 2 ─┼ … ─┼─── root ───┤     offset = tree offset + number * 4096
//!  200 keys    200 keys   the rest        children
//! ```
//!
//! Invariants
//! 1. Keys ascend strictly within a node and from a node to the next of its level.
//! 2. A key of an internal node is the first key of the child beside it.
//! 3. The shape is [`TreeShape`]'s: node numbers, levels, counts and children follow from the
//!    number of blocks. What stands on disk is compared with it, so no search can loop or leave
//!    the tree, and the ordinal of a block is known for certain.
//!
//! What it does not do: read files, or remember what was checked. The reader does.

use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::crc32_seeded;
use crate::error::Damage;
use crate::format::block::BLOCK_ALIGN;
use crate::format::sst::{
    HEADER_BYTES, KEYS_AT, LEAF_END, NODE_BYTES, NODE_HEADER_BYTES, NodePlace, POINTERS_AT,
    SIZES_AT, TreeShape,
};

/// Where a block lies: an entry of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPlace {
    pub(crate) first_seq: i64,
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
}

/// A tree's surroundings: what its nodes are checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree {
    pub(crate) shape: TreeShape,
    pub(crate) file_number: u64,
    /// The seed of the nodes' checksums.
    pub(crate) seed: u32,
    /// Where node 0 lies.
    pub(crate) offset: u64,
    /// Where the last block ends.
    pub(crate) blocks_end: u64,
}

const LEAF: u8 = 1;
const INTERNAL: u8 = 0;

/// A node's bytes, fixed in length so that reading from them needs no bounds check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a>(&'a [u8; NODE_BYTES]);

fn node_crc(seed: u32, node: &[u8]) -> u32 {
    [&node[..4], &[0; 4][..], &node[8..]].into_iter().fold(seed, crc32_seeded)
}

impl Tree {
    /// Where node `index` lies.
    pub(crate) fn node_offset(&self, index: u32) -> u64 {
        self.offset + u64::from(index) * NODE_BYTES as u64
    }

    /// Appends the tree of `blocks`, bottom up.
    pub(crate) fn build(&self, blocks: &[BlockPlace], out: &mut Vec<u8>) {
        let start = out.len();
        let nodes = self.shape.nodes();
        out.resize(start + nodes as usize * NODE_BYTES, 0);
        let tree = &mut out[start..];
        for index in 0..nodes {
            let Some(place) = self.shape.place(index) else { break };
            let at = index as usize * NODE_BYTES;
            let (below, rest) = tree.split_at_mut(at);
            let node = &mut rest[..NODE_BYTES];
            for i in 0..usize::from(place.count) {
                let child = place.first_child as usize + i;
                let (key, pointer) = if place.level == 0 {
                    let block = &blocks[child];
                    let size_at = SIZES_AT + 4 * i;
                    node[size_at..size_at + 4].copy_from_slice(&block.bytes.to_le_bytes());
                    (block.first_seq.to_le_bytes(), block.offset)
                } else {
                    let mut key = [0; 8];
                    let first_key_at = child * NODE_BYTES + KEYS_AT;
                    key.copy_from_slice(&below[first_key_at..first_key_at + 8]);
                    (key, self.node_offset(child as u32))
                };
                node[KEYS_AT + 8 * i..KEYS_AT + 8 * (i + 1)].copy_from_slice(&key);
                node[POINTERS_AT + 8 * i..POINTERS_AT + 8 * (i + 1)]
                    .copy_from_slice(&pointer.to_le_bytes());
            }
            node[..NODE_HEADER_BYTES].copy_from_slice(&self.node_header(index, place));
            let crc = node_crc(self.seed, node);
            node[4..8].copy_from_slice(&crc.to_le_bytes());
        }
    }

    /// The header that node `index` must have, but for the checksum.
    fn node_header(&self, index: u32, place: NodePlace) -> [u8; NODE_HEADER_BYTES] {
        let mut out = Vec::with_capacity(NODE_HEADER_BYTES);
        out.put_u8(if place.level == 0 { LEAF } else { INTERNAL });
        out.put_u8(place.level);
        out.put_u16(place.count);
        out.put_u32(0);
        out.put_u64(self.file_number);
        out.put_u64(self.node_offset(index));
        out.put_u32(if place.level == 0 { place.first_child } else { 0 });
        let mut header = [0; NODE_HEADER_BYTES];
        header[..out.len()].copy_from_slice(&out);
        header
    }

    /// Checks everything about node `index` that its own bytes can tell.
    pub(crate) fn check(&self, index: u32, node: Node<'_>) -> Result<(), Damage> {
        let Some(place) = self.shape.place(index) else {
            return Err(Damage::new(0, format!("there is no node {index}")));
        };
        let mut header = [0; NODE_HEADER_BYTES];
        header.copy_from_slice(&node.0[..NODE_HEADER_BYTES]);
        let crc = Reader::new(&header[4..]).u32()?;
        if crc != node_crc(self.seed, node.0) {
            return Err(Damage::new(4, "the node does not match its checksum"));
        }
        header[4..8].fill(0);
        if header != self.node_header(index, place) {
            return Err(Damage::new(0, format!("this is not node {index}, {place:?}")));
        }
        let count = usize::from(place.count);
        for i in 1..count {
            if node.key(i - 1) >= node.key(i) {
                return Err(Damage::new(KEYS_AT + 8 * i, "keys out of order"));
            }
        }
        for i in 0..count {
            if place.level == 0 {
                self.check_block(node.block(i)).map_err(|what| {
                    Damage::new(POINTERS_AT + 8 * i, format!("{what}: {:?}", node.block(i)))
                })?;
            } else if node.pointer(i) != self.node_offset(place.first_child + i as u32) {
                let what = format!("child {i} at {} is in the wrong place", node.pointer(i));
                return Err(Damage::new(POINTERS_AT + 8 * i, what));
            }
        }
        let unused = [
            (KEYS_AT + 8 * count, POINTERS_AT),
            (POINTERS_AT + 8 * count, SIZES_AT),
            if place.level == 0 { (SIZES_AT + 4 * count, LEAF_END) } else { (SIZES_AT, LEAF_END) },
            (LEAF_END, NODE_BYTES),
        ];
        for (from, to) in unused {
            if let Some(i) = node.0[from..to].iter().position(|&b| b != 0) {
                return Err(Damage::new(from + i, "unused bytes of a node are not zero"));
            }
        }
        Ok(())
    }

    fn check_block(&self, block: BlockPlace) -> Result<(), &'static str> {
        let end = block.offset.checked_add(u64::from(block.bytes));
        if block.offset < HEADER_BYTES as u64 || end.is_none_or(|end| end > self.blocks_end) {
            return Err("a block outside the blocks");
        }
        if !block.offset.is_multiple_of(BLOCK_ALIGN as u64) || block.bytes == 0 {
            return Err("a block that can't be");
        }
        Ok(())
    }
}

impl<'a> Node<'a> {
    /// `None` if these are not the bytes of one node.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.try_into().ok().map(Node)
    }

    /// The part of the node from `FROM` to `TO`, in words of 8 bytes.
    #[inline]
    fn words<const FROM: usize, const TO: usize>(self) -> &'a [[u8; 8]] {
        self.0[FROM..TO].as_chunks().0
    }

    /// Key `i`; 0 from [`ORDER`] on.
    #[inline]
    pub(crate) fn key(self, i: usize) -> i64 {
        self.words::<KEYS_AT, POINTERS_AT>().get(i).map_or(0, |key| i64::from_le_bytes(*key))
    }

    /// The block's or child's offset beside key `i`; 0 from [`ORDER`] on.
    #[inline]
    pub(crate) fn pointer(self, i: usize) -> u64 {
        let words = self.words::<POINTERS_AT, SIZES_AT>();
        words.get(i).map_or(0, |pointer| u64::from_le_bytes(*pointer))
    }

    /// Entry `i` of a leaf; zeros from [`ORDER`] on.
    #[inline]
    pub(crate) fn block(self, i: usize) -> BlockPlace {
        let sizes: &[[u8; 4]] = self.0[SIZES_AT..LEAF_END].as_chunks().0;
        let bytes = sizes.get(i).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        BlockPlace { first_seq: self.key(i), offset: self.pointer(i), bytes }
    }

    /// The last of the first `count` keys that is at most `seq`, or 0 if none is.
    #[inline]
    pub(crate) fn search(self, count: u16, seq: i64) -> usize {
        let keys = self.words::<KEYS_AT, POINTERS_AT>();
        let keys = keys.get(..usize::from(count)).unwrap_or(keys);
        keys.partition_point(|key| i64::from_le_bytes(*key) <= seq).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(blocks: u32) -> Tree {
        let shape = TreeShape::new(blocks);
        Tree { shape, file_number: 7, seed: 0x5EED, offset: 1 << 20, blocks_end: 1 << 20 }
    }

    fn places(blocks: u32) -> Vec<BlockPlace> {
        let place =
            |i: i64| BlockPlace { first_seq: 5 + 3 * i, offset: 256 + 8 * i as u64, bytes: 8 };
        (0..i64::from(blocks)).map(place).collect()
    }

    fn node(bytes: &[u8], index: u32) -> Node<'_> {
        let at = index as usize * NODE_BYTES;
        Node::new(&bytes[at..at + NODE_BYTES]).unwrap()
    }

    #[test]
    fn shapes() {
        for (blocks, nodes, levels) in
            [(0, 0, 0), (1, 1, 1), (200, 1, 1), (201, 3, 2), (40_000, 201, 2), (40_001, 204, 3)]
        {
            let shape = TreeShape::new(blocks);
            assert_eq!((shape.nodes(), shape.levels()), (nodes, levels), "{blocks} blocks");
            assert_eq!(shape.place(nodes), None);
        }
        let shape = TreeShape::new(u32::MAX);
        assert_eq!(shape.levels(), 5);
        let root = shape.place(shape.nodes() - 1).unwrap();
        assert_eq!((root.level, root.first_child), (4, shape.nodes() - 4));
        let last = TreeShape::new(40_001).place(203).unwrap();
        assert_eq!(last, NodePlace { level: 2, count: 2, first_child: 201 });
    }

    #[test]
    fn every_key_is_found_from_the_root() {
        for blocks in [1, 2, 199, 200, 201, 399, 400, 401, 40_000, 40_001] {
            let (tree, places) = (tree(blocks), places(blocks));
            let mut bytes = Vec::new();
            tree.build(&places, &mut bytes);
            assert_eq!(bytes.len(), tree.shape.nodes() as usize * NODE_BYTES);
            for index in 0..tree.shape.nodes() {
                tree.check(index, node(&bytes, index)).unwrap();
            }
            let step = if blocks > 1000 { 97 } else { 1 };
            for ordinal in (0..blocks).step_by(step).chain([blocks - 1]) {
                for within in 0..3 {
                    let seq = places[ordinal as usize].first_seq + within;
                    let mut index = tree.shape.nodes() - 1;
                    let found = loop {
                        let place = tree.shape.place(index).unwrap();
                        let i = node(&bytes, index).search(place.count, seq);
                        let child = place.first_child + i as u32;
                        if place.level == 0 {
                            assert_eq!(node(&bytes, index).block(i), places[child as usize]);
                            break child;
                        }
                        index = child;
                    };
                    assert_eq!(found, ordinal, "seq {seq} of {blocks} blocks");
                }
            }
        }
    }

    #[test]
    fn any_changed_byte_fails_the_check() {
        let tree = tree(201);
        let mut bytes = Vec::new();
        tree.build(&places(201), &mut bytes);
        for at in 0..bytes.len() {
            bytes[at] ^= 1 << (at % 8);
            let index = (at / NODE_BYTES) as u32;
            assert!(tree.check(index, node(&bytes, index)).is_err(), "byte {at}");
            bytes[at] ^= 1 << (at % 8);
        }
        assert!(tree.check(1, node(&bytes, 0)).is_err(), "a node in another's place");
        let other = Tree { file_number: 8, ..tree };
        assert!(other.check(0, node(&bytes, 0)).is_err(), "a node of another file");
        let other = Tree { seed: 1, ..tree };
        assert!(other.check(0, node(&bytes, 0)).is_err(), "a node of another database");
    }

    #[test]
    fn nodes_with_true_checksums_and_false_content_fail_the_check() {
        let tree = tree(201);
        let mut bytes = Vec::new();
        tree.build(&places(201), &mut bytes);
        for at in (0..bytes.len()).filter(|at| !(4..8).contains(&(at % NODE_BYTES))) {
            let index = at / NODE_BYTES;
            let mut changed = bytes[index * NODE_BYTES..(index + 1) * NODE_BYTES].to_vec();
            changed[at % NODE_BYTES] ^= 0x80;
            let crc = node_crc(tree.seed, &changed);
            changed[4..8].copy_from_slice(&crc.to_le_bytes());
            let checked = tree.check(index as u32, Node::new(&changed).unwrap());
            // A key may be off by little, and a block by a multiple of 8, and only the blocks know.
            let within = at % NODE_BYTES;
            if !(KEYS_AT..LEAF_END).contains(&within) {
                assert!(checked.is_err(), "byte {at}");
            }
        }
    }
}
