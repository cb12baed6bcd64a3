//! The B+Tree of an SST: from a seq to its block.
//!
//! ```text
//!              ┌────────── root ──────────┐          keys: the first seq below each child
//!          leaf 0         leaf 1        leaf 2       keys: the first seq of each block
//!        block 0…199   block 200…399   block 400…
//! ```
//!
//! This file reads the nodes and walks them; whether they are as they should be asks
//! [`crate::oracle::tree`].

use super::bytes::{Damage, Reader, Result, check_crc, damaged, ensure, seed, seeded};
use super::sst::{Layout, Owner, slice};

/// Bytes of a node.
pub const NODE_BYTES: u64 = 4096;

/// Keys of a full node.
pub const KEYS_MAX: usize = 200;

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it is in the file.
    pub offset: u64,
    /// 0 for a leaf.
    pub level: u8,
    /// Of a leaf: the ordinal of its first block.
    pub first_block: u32,
    /// The first seq of each block or child.
    pub keys: Vec<i64>,
    /// Where each block or child is in the file.
    pub pointers: Vec<u64>,
    /// Of a leaf: bytes of each block.
    pub sizes: Vec<u32>,
}

/// All nodes of a tree, in the order of the file: the leaves first, the root last.
#[derive(Debug)]
pub struct Tree {
    /// Leaves, each level above, root.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Reads the nodes.
    ///
    /// # Errors
    /// The first one that is damaged on its own; how they hang together is not looked at.
    pub fn decode(bytes: &[u8], owner: &Owner<'_>, layout: &Layout) -> Result<Tree> {
        let seed = seed(&[owner.database]);
        let offsets = (0..u64::from(layout.nodes)).map(|n| layout.tree_offset + n * NODE_BYTES);
        let nodes = offsets.map(|offset| {
            let bytes = slice(bytes, offset, NODE_BYTES);
            let bytes = bytes.ok_or_else(|| Damage("a node is missing".to_owned()))?;
            let here = |d: Damage| d.within(format!("the node at {offset}"));
            node(bytes, offset, owner.record.file, seed).map_err(here)
        });
        Ok(Tree { nodes: nodes.collect::<Result<_>>()? })
    }

    /// The leaves, in the order of the file.
    pub fn leaves(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().take_while(|node| node.level == 0)
    }

    /// The root.
    pub fn root(&self) -> Option<&Node> {
        self.nodes.last()
    }

    /// The node at an offset of the file.
    pub fn node_at(&self, offset: u64) -> Option<&Node> {
        let at = self.nodes.binary_search_by_key(&offset, |node| node.offset).ok()?;
        self.nodes.get(at)
    }

    /// Finds the block that would hold a seq, from the root down: its offset and its bytes.
    pub fn search(&self, seq: i64) -> Option<(u64, u32)> {
        let mut node = self.root()?;
        loop {
            let at = node.keys.partition_point(|key| *key <= seq).checked_sub(1)?;
            let pointer = *node.pointers.get(at)?;
            if node.level == 0 {
                return Some((pointer, *node.sizes.get(at)?));
            }
            // Down, always: a node that points elsewhere must not lead in a circle.
            node = self.node_at(pointer).filter(|child| child.level < node.level)?;
        }
    }
}

fn node(bytes: &[u8], offset: u64, file: u64, seed: u32) -> Result<Node> {
    let mut reader = Reader::new(bytes);
    let (kind, level, count) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
    let checksum = reader.u32()?;
    check_crc(checksum, seeded(seed, &[&bytes[..4], &[0; 4], &bytes[8..]]))?;
    ensure((reader.u64()?, reader.u64()?) == (file, offset), || {
        "it is of another place".to_owned()
    })?;
    let first_block = reader.u32()?;
    reader.reserved(4)?;
    ensure((1..=KEYS_MAX).contains(&count), || format!("it has {count} keys"))?;
    let keys = reader.u64s(KEYS_MAX)?.into_iter().map(|key| key as i64).collect();
    let pointers = reader.u64s(KEYS_MAX)?;
    let sizes = match (kind, level) {
        (1, 0) => reader.u32s(KEYS_MAX)?,
        (0, 1..) if first_block == 0 => vec![0; KEYS_MAX],
        _ => return damaged(format!("it is of type {kind} and level {level}")),
    };
    let unused = reader.rest();
    reader = Reader::new(unused);
    reader.reserved(unused.len())?;
    let mut node = Node { offset, level, first_block, keys, pointers, sizes };
    let empty = node.keys[count..].iter().all(|key| *key == 0)
        && node.pointers[count..].iter().all(|pointer| *pointer == 0)
        && node.sizes[count..].iter().all(|size| *size == 0);
    ensure(empty, || "an unused place is in use".to_owned())?;
    node.keys.truncate(count);
    node.pointers.truncate(count);
    node.sizes.truncate(if level == 0 { count } else { 0 });
    Ok(node)
}
