//! Does the B+Tree of every SST lead to each block, once, by search and by scan?
//!
//! Asked of the bytes of the file, read by [`crate::image`]:
//!
//! 1. Each node is where the number of blocks says, on the level that it says.
//! 2. Keys ascend strictly within each node and from one node to the next of its level.
//! 3. An internal node's key is the first key of the child that it points to, and its children are
//!    the next nodes of the level below: so each node is reachable, once.
//! 4. The leaves' blocks follow on each other from the end of the header to the end of the blocks:
//!    so each block is reachable, once.
//! 5. Each block begins with the seq that is its key, and the next one where it ends.
//! 6. From the root, the first and the last seq of each block lead to it, and what lies before all
//!    rows leads nowhere.

use crate::image::Damage;
use crate::image::bytes::{damaged, ensure};
use crate::image::edit::SstRecord;
use crate::image::sst::{HEADER_BYTES, Sst};
use crate::image::tree::{KEYS_MAX, Node};

/// Checks the tree of an SST.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn check(sst: &Sst<'_>, record: &SstRecord) -> Result<(), Damage> {
    let here = |d: Damage| d.within(format!("SST {}", record.file));
    check_levels(&sst.tree.nodes, record.blocks as usize).map_err(here)?;
    check_blocks(sst, record).map_err(here)
}

/// Checks 1 to 3, from the leaves up.
fn check_levels(nodes: &[Node], blocks: usize) -> Result<(), Damage> {
    let mut below: &[Node] = &[];
    let (mut rest, mut level, mut entries) = (nodes, 0, blocks);
    loop {
        let count = entries.div_ceil(KEYS_MAX);
        let Some((nodes, above)) = rest.split_at_checked(count) else {
            return damaged(format!("level {level} has {} nodes, not {count}", rest.len()));
        };
        check_level(nodes, level, entries)?;
        if level > 0 {
            check_children(nodes, below)?;
        }
        if count <= 1 {
            return ensure(above.is_empty(), || format!("{} nodes above the root", above.len()));
        }
        (below, rest, level, entries) = (nodes, above, level + 1, count);
    }
}

/// Every node of a level has as many keys as it can, the last one what is left.
fn check_level(nodes: &[Node], level: u8, entries: usize) -> Result<(), Damage> {
    for (n, node) in nodes.iter().enumerate() {
        let here = |what: &str| format!("the node at {} {what}", node.offset);
        ensure(node.level == level, || here(&format!("is of level {}", node.level)))?;
        let due = KEYS_MAX.min(entries - n * KEYS_MAX);
        ensure(node.keys.len() == due, || here(&format!("has {} keys", node.keys.len())))?;
        let first_block = if level == 0 { n * KEYS_MAX } else { 0 };
        ensure(node.first_block as usize == first_block, || here("has another's blocks"))?;
    }
    let mut keys = nodes.iter().flat_map(|node| &node.keys);
    ensure(keys.by_ref().is_sorted_by(|a, b| a < b), || {
        format!("the keys of level {level} do not ascend")
    })
}

/// The keys of a level are the first keys of the nodes below, in order, and lead to them.
fn check_children(nodes: &[Node], below: &[Node]) -> Result<(), Damage> {
    let said = nodes.iter().flat_map(|node| node.keys.iter().zip(&node.pointers));
    let are = below.iter().map(|child| (child.keys.first(), child.offset));
    for ((key, pointer), (first, offset)) in said.zip(are) {
        ensure(*pointer == offset, || {
            format!("a child is at {offset} and its parent points to {pointer}")
        })?;
        ensure(Some(key) == first, || {
            format!("the child at {offset} begins with {first:?}, and its parent says {key}")
        })?;
    }
    Ok(())
}

/// Checks 4 to 6.
fn check_blocks(sst: &Sst<'_>, record: &SstRecord) -> Result<(), Damage> {
    let (mut end, mut next_seq) = (HEADER_BYTES, record.min_seq);
    for leaf in sst.tree.leaves() {
        for ((key, offset), size) in leaf.keys.iter().zip(&leaf.pointers).zip(&leaf.sizes) {
            let here = |what: String| format!("the block at {offset} {what}");
            ensure(*offset == end, || here(format!("follows on one that ends at {end}")))?;
            let block = sst.block(*offset, *size).map_err(|d| d.within(here(String::new())))?;
            ensure(*key == next_seq && block.first_seq == next_seq, || {
                here(format!(
                    "begins with {}, its key is {key}, {next_seq} is due",
                    block.first_seq
                ))
            })?;
            end += u64::from(*size);
            next_seq += block.rows as i64;
            for seq in [*key, next_seq - 1] {
                let found = sst.tree.search(seq);
                ensure(found == Some((*offset, *size)), || {
                    here(format!("is not what the search for {seq} finds: {found:?}"))
                })?;
            }
        }
    }
    ensure(end == sst.layout.blocks_end, || {
        format!("the blocks end at {end}, not {}", sst.layout.blocks_end)
    })?;
    ensure(next_seq - 1 == record.max_seq, || format!("the last seq is {}", next_seq - 1))?;
    let before = sst.tree.search(record.min_seq - 1);
    ensure(before.is_none(), || format!("the search before the first row finds {before:?}"))
}
