//! The nodes above the leaves: from a key to the leaf that may hold it, searched in place.
//!
//! ```text
//! header │ where each entry ends, u16 │ entry │ entry … │ zeros        4096 B
//!
//! entry, level 1    first key of the leaf │ its offset u64 │ its bytes u32
//! entry, above      first key of the child
//! ```
//!
//! Nodes are numbered in the order of the file: level 1 first, the root last. A node's children
//! follow each other, from `first child` on; leaves have numbers of their own.
//!
//! Invariants
//! 1. Keys ascend strictly within a node, and from a node to the next of its level.
//! 2. A child has a lower number than its parent and stands one level below, so that no search
//!    can loop.
//! 3. A level's nodes cover the level below without gap or overlap.

use super::key::KEY_BYTES_MAX;
use crate::coding::bytes::Put;
use crate::error::Damage;
use crate::format::index::{PAGE_HEADER_BYTES, PageHeader, PageType};
use crate::format::sst::NODE_BYTES;

/// Where a leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafPlace {
    pub(crate) offset: u64,
    /// Without padding.
    pub(crate) bytes: u32,
}

/// Bytes of a [`LeafPlace`] in an entry.
const PLACE_BYTES: usize = 12;

/// The first keys and places of all leaves, for the tree that is built above them.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    keys: Vec<u8>,
    ends: Vec<usize>,
    places: Vec<LeafPlace>,
}

impl Leaves {
    pub(crate) fn push(&mut self, first_key: &[u8], place: LeafPlace) {
        self.keys.extend_from_slice(first_key);
        self.ends.push(self.keys.len());
        self.places.push(place);
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    fn key(&self, leaf: usize) -> &[u8] {
        &self.keys[if leaf == 0 { 0 } else { self.ends[leaf - 1] }..self.ends[leaf]]
    }
}

/// A tree's surroundings: what its nodes are sealed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) database_id: u64,
    pub(crate) file_number: u64,
    /// Where node 0 lies.
    pub(crate) offset: u64,
}

/// Appends the tree above the leaves; returns how many nodes it has, and how many in level 1.
pub(crate) fn build(leaves: &Leaves, site: Site, out: &mut Vec<u8>) -> (u32, u32) {
    let start = out.len();
    let (mut nodes, mut bottom_nodes) = (0u32, 0u32);
    // Of each child of the level that is built: the leaf whose first key is its own.
    let mut children: Vec<usize> = (0..leaves.len()).collect();
    let (mut level, mut first_below) = (1u8, 0u32);
    while !children.is_empty() {
        let (mut parents, mut at, first_of_level) = (Vec::new(), 0, nodes);
        while at < children.len() {
            let places = (level == 1).then_some(&leaves.places[..]);
            let rest = children[at..].iter().map(|leaf| (leaves.key(*leaf), *leaf));
            let mut page = Box::new([0; NODE_BYTES]);
            let count = fill(&mut page, rest, places);
            let header = PageHeader {
                page_type: PageType::Node,
                level,
                count: count as u16,
                first_child: first_below + at as u32,
            };
            let offset = site.offset + (out.len() - start) as u64;
            header.write(site.database_id, site.file_number, offset, &mut page);
            out.extend_from_slice(&page[..]);
            parents.push(children[at]);
            at += count;
            nodes += 1;
        }
        if level == 1 {
            bottom_nodes = nodes;
        }
        if parents.len() == 1 {
            break;
        }
        (children, first_below, level) = (parents, first_of_level, level + 1);
    }
    (nodes, bottom_nodes)
}

/// Fills a node with as many entries as it holds; returns how many.
fn fill<'a>(
    page: &mut [u8; NODE_BYTES],
    children: impl Iterator<Item = (&'a [u8], usize)>,
    places: Option<&[LeafPlace]>,
) -> usize {
    let (mut ends, mut entries) = (Vec::new(), Vec::new());
    for (key, leaf) in children {
        let tail = if places.is_some() { PLACE_BYTES } else { 0 };
        let bytes = PAGE_HEADER_BYTES + 2 * (ends.len() + 1) + entries.len() + key.len() + tail;
        if bytes > NODE_BYTES {
            break;
        }
        entries.extend_from_slice(key);
        if let Some(places) = places {
            entries.put_u64(places[leaf].offset);
            entries.put_u32(places[leaf].bytes);
        }
        ends.push(entries.len());
    }
    let entries_at = PAGE_HEADER_BYTES + 2 * ends.len();
    for (i, end) in ends.iter().enumerate() {
        let at = PAGE_HEADER_BYTES + 2 * i;
        page[at..at + 2].copy_from_slice(&((entries_at + end) as u16).to_le_bytes());
    }
    page[entries_at..entries_at + entries.len()].copy_from_slice(&entries);
    ends.len()
}

/// A node's bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    page: &'a [u8; NODE_BYTES],
    pub(crate) header: PageHeader,
}

impl<'a> Node<'a> {
    /// Reads the header.
    pub(crate) fn parse(page: &'a [u8; NODE_BYTES]) -> Result<Self, Damage> {
        let header = PageHeader::read(page)?;
        if header.page_type != PageType::Node || header.level == 0 || header.count == 0 {
            return Err(Damage::new(0, "this is not a node of the tree"));
        }
        Ok(Node { page, header })
    }

    /// Checks everything that the bytes can tell, the checksum excepted.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        let count = self.len();
        for i in 0..count {
            let key = self.key(i)?;
            let at = PAGE_HEADER_BYTES + 2 * i;
            if key.len() > KEY_BYTES_MAX || i > 0 && self.key(i - 1)? >= key {
                return Err(Damage::new(at, "keys out of order"));
            }
        }
        let end = self.end(count)?;
        match self.page[end..].iter().position(|byte| *byte != 0) {
            Some(at) => Err(Damage::new(end + at, "unused bytes of a node are not zero")),
            None => Ok(()),
        }
    }

    /// Children.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.header.count)
    }

    /// Where entry `i` starts, which is where the one before ends.
    fn end(&self, i: usize) -> Result<usize, Damage> {
        if i == 0 {
            return Ok(PAGE_HEADER_BYTES + 2 * self.len());
        }
        let at = PAGE_HEADER_BYTES + 2 * (i - 1);
        let end = self.page.get(at..).and_then(|bytes| bytes.first_chunk::<2>());
        let end = end.map(|end| usize::from(u16::from_le_bytes(*end)));
        end.filter(|end| *end <= NODE_BYTES).ok_or_else(|| Damage::new(at, "an entry ends nowhere"))
    }

    fn entry(&self, i: usize) -> Result<&'a [u8], Damage> {
        let (start, end) = (self.end(i)?, self.end(i + 1)?);
        let entry = self.page.get(start..end);
        entry.ok_or_else(|| Damage::new(start.min(NODE_BYTES), "an entry that can't be"))
    }

    /// The first key of child `i`.
    pub(crate) fn key(&self, i: usize) -> Result<&'a [u8], Damage> {
        let entry = self.entry(i)?;
        let tail = if self.header.level == 1 { PLACE_BYTES } else { 0 };
        let key = entry.len().checked_sub(tail).map(|bytes| &entry[..bytes]);
        key.ok_or_else(|| Damage::new(PAGE_HEADER_BYTES, "an entry is too short"))
    }

    /// Where child `i` is, which is a leaf.
    pub(crate) fn place(&self, i: usize) -> Result<LeafPlace, Damage> {
        let entry = self.entry(i)?;
        let place = entry.split_last_chunk::<PLACE_BYTES>().map(|(_, place)| place);
        let place = place.and_then(|place| Some((place.first_chunk()?, place.last_chunk()?)));
        let (offset, bytes) =
            place.ok_or_else(|| Damage::new(PAGE_HEADER_BYTES, "an entry is too short"))?;
        Ok(LeafPlace { offset: u64::from_le_bytes(*offset), bytes: u32::from_le_bytes(*bytes) })
    }

    /// The last child whose first key is not above `key`; the first if all are.
    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, Damage> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle)? <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: Site = Site { database_id: 1, file_number: 2, offset: 8192 };

    fn place(leaf: usize) -> LeafPlace {
        LeafPlace { offset: 256 + 4096 * leaf as u64, bytes: 4000 + leaf as u32 % 90 }
    }

    fn tree(keys: &[Vec<u8>]) -> (Vec<u8>, u32, u32) {
        let mut leaves = Leaves::default();
        keys.iter().enumerate().for_each(|(i, key)| leaves.push(key, place(i)));
        let mut out = Vec::new();
        let (nodes, bottom) = build(&leaves, SITE, &mut out);
        assert_eq!(out.len(), nodes as usize * NODE_BYTES);
        (out, nodes, bottom)
    }

    fn node(bytes: &[u8], index: u32) -> Node<'_> {
        let page = bytes[index as usize * NODE_BYTES..].first_chunk().unwrap();
        let offset = SITE.offset + u64::from(index) * NODE_BYTES as u64;
        PageHeader::check(SITE.database_id, SITE.file_number, offset, page).unwrap();
        let node = Node::parse(page).unwrap();
        node.check().unwrap();
        node
    }

    fn descend(bytes: &[u8], nodes: u32, key: &[u8]) -> (u32, LeafPlace) {
        let mut index = nodes - 1;
        loop {
            let node = node(bytes, index);
            let child = node.search(key).unwrap();
            let number = node.header.first_child + child as u32;
            if node.header.level == 1 {
                return (number, node.place(child).unwrap());
            }
            assert!(number < index);
            index = number;
        }
    }

    #[test]
    fn every_leaf_is_found_from_the_root() {
        for count in [1, 2, 15, 16, 200, 3_000, 40_000] {
            let keys: Vec<Vec<u8>> = (0..count)
                .map(|i: usize| format!("{i:08}{}", "x".repeat(i % 9 * 20)).into_bytes())
                .collect();
            let (bytes, nodes, bottom) = tree(&keys);
            assert!(bottom <= nodes && (count > 15 || nodes == 1));
            for leaf in (0..count).step_by(1 + count / 500) {
                for suffix in ["", "y"] {
                    let key = [&keys[leaf][..], suffix.as_bytes()].concat();
                    assert_eq!(descend(&bytes, nodes, &key), (leaf as u32, place(leaf)));
                }
            }
            assert_eq!(descend(&bytes, nodes, b"").0, 0);
        }
        assert_eq!(tree(&[]), (Vec::new(), 0, 0));
    }

    #[test]
    fn hostile_bytes_are_damage() {
        let keys: Vec<Vec<u8>> = (0..300).map(|i| format!("{i:08}").into_bytes()).collect();
        let (bytes, nodes, _) = tree(&keys);
        for index in 0..nodes {
            let page: &[u8; NODE_BYTES] =
                bytes[index as usize * NODE_BYTES..].first_chunk().unwrap();
            for at in 0..NODE_BYTES {
                let mut changed = *page;
                changed[at] ^= 0x81;
                let Ok(node) = Node::parse(&changed) else { continue };
                let _ = node.check();
                let _ = node.search(b"00000123");
                for i in 0..node.len() {
                    let _ = (node.key(i), node.place(i));
                }
            }
        }
    }
}
