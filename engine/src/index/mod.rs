//! Secondary indexes: which rows have which value of a field.
//!
//! An index file belongs to one SST and one field, and lives and dies with its SST. A memtable has
//! a [`KeyGroups`] for each indexed field. Both hold [keys](key) in place of values; what is found
//! by a key that was cut is looked at again in the rows.
//!
//! What it does not do: decide which files there are (flush, compaction, the index build), or which
//! index a query uses.

mod cursor;
mod filter;
mod groups;
pub(crate) mod key;
mod leaf;
mod meta;
mod node;
mod postings;
mod reader;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use cursor::Cursor;
pub(crate) use groups::KeyGroups;
pub(crate) use leaf::{Leaf, length as leaf_length};
pub(crate) use meta::IndexMeta;
pub(crate) use node::Node;
pub(crate) use reader::IndexReader;
pub(crate) use verify::verify;
pub(crate) use writer::{IndexIdentity, IndexWriter};
