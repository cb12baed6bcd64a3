//! Does every index file say what the rows of its SST say?
//!
//! Asked of the bytes of both, read by [`crate::image`]:
//!
//! 1. The keys ascend strictly, and are those of the rows' values; each has the rows that have it.
//! 2. The nodes of each level cover the level below, with its first keys and places.
//! 3. From the root, each key leads to its rows, and what is no key leads nowhere.
//! 4. The filter denies none of the keys.

use std::collections::BTreeMap;

use crate::image::Damage;
use crate::image::bytes::{damaged, ensure};
use crate::image::index::{Index, Node, key};
use crate::image::rows::Rows;
use crate::image::schema::Type;

/// Checks an index against the rows; `field` is the place of its field in the schema.
///
/// # Errors
/// The first thing that is not as it should be.
pub fn check(index: &Index, rows: &Rows, field: usize, data_type: Type) -> Result<(), Damage> {
    let Some(column) = rows.columns.get(field) else { return damaged("there is no such field") };
    let mut due: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    for (row, value) in column.iter().enumerate() {
        if let Some(key) = key(value, data_type) {
            due.entry(key).or_default().push(row as u32);
        }
    }
    let entries = index.leaves.iter().flat_map(|leaf| &leaf.entries);
    ensure(entries.map(|(key, rows)| (key, rows)).eq(due.iter()), || {
        format!("its {} keys are not those of the rows", due.len())
    })?;
    check_levels(index)?;
    for (key, rows) in &due {
        ensure(index.search(key) == Some(rows), || format!("{key:?} does not lead to its rows"))?;
        ensure(index.may_contain(key), || format!("the filter denies {key:?}"))?;
        let other = [&key[..], &[0]].concat();
        let is_key = due.contains_key(&other);
        ensure(is_key || index.search(&other).is_none(), || format!("{other:?} leads to rows"))?;
    }
    Ok(())
}

/// A child: its first key, and, of a leaf, where it is and its bytes.
type Child = (Vec<u8>, Option<(u64, u32)>);

/// Checks 2, from level 1 up.
fn check_levels(index: &Index) -> Result<(), Damage> {
    let first = |node: &Node| node.keys.first().cloned().unwrap_or_default();
    let leaves = index.leaves.iter().map(|leaf| {
        let key = leaf.entries.first().map(|(key, _)| key.clone());
        (key.unwrap_or_default(), Some((leaf.offset, leaf.bytes)))
    });
    let mut below: Vec<Child> = leaves.collect();
    let (mut rest, mut first_below, mut level) = (&index.nodes[..], 0, 1);
    let mut first_here = 0;
    while !rest.is_empty() {
        let count = rest.iter().take_while(|node| node.level == level).count();
        let (nodes, above) = rest.split_at(count);
        let mut children = below.iter();
        for node in nodes {
            let due = first_below + (below.len() - children.len());
            ensure(node.first_child as usize == due, || {
                format!("a node of level {level} begins with child {}", node.first_child)
            })?;
            for (i, key) in node.keys.iter().enumerate() {
                let child = children.next();
                ensure(child.is_some_and(|child| child.0 == *key), || {
                    format!("a key of level {level} is not its child's first")
                })?;
                let place = child.and_then(|child| child.1);
                ensure(node.places.get(i).copied() == place, || {
                    format!("a node of level {level} does not point to its child")
                })?;
            }
        }
        ensure(children.len() == 0 && count > 0, || format!("level {level} has children left"))?;
        below = nodes.iter().map(|node| (first(node), None)).collect();
        first_below = first_here;
        first_here += count;
        (rest, level) = (above, level + 1);
    }
    ensure(below.len() <= 1, || format!("{} roots", below.len()))
}
