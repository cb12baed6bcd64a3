//! SST files: the immutable, sealed files that rows end in. A chunk becomes a block, a B+Tree leads
//! from a `_seq` to its block.
//!
//! What it does not do: decide what goes into which file (flush, compaction), or make a file's name
//! durable and known (the MANIFEST).

mod block;
mod btree;
mod cells;
mod meta;
mod reader;
mod touched;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use block::{BlockCodes, BlockRef, TIME_COLUMN};
pub(crate) use btree::{Node, Tree};
pub(crate) use meta::SstMeta;
pub(crate) use reader::SstReader;
pub(crate) use touched::Touched;
pub(crate) use verify::verify;
pub(crate) use writer::{SstIdentity, SstWriter, dictionary_crc};
