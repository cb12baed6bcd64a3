//! Every on-disk constant and layout, one module a kind of file. No I/O.
//!
//! A layout can be given as a table of fields. It is asserted at compile time to tile its struct,
//! and compared by a test with the table of the same name in the format's documentation.

pub(crate) mod block;
#[cfg(test)]
mod doc_tests;
pub(crate) mod index;
pub(crate) mod manifest;
pub(crate) mod sst;
pub(crate) mod wal;

/// A field of a struct on disk: offset, bytes, name.
pub(crate) type FieldAt = (usize, usize, &'static str);

/// Whether the fields follow on each other without gap or overlap, from 0 to `bytes`.
pub(crate) const fn tiles(fields: &[FieldAt], bytes: usize) -> bool {
    let (mut at, mut i) = (0, 0);
    while i < fields.len() {
        if fields[i].0 != at {
            return false;
        }
        at += fields[i].1;
        i += 1;
    }
    at == bytes
}
