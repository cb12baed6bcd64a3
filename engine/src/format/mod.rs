//! Every on-disk constant and layout, one module a kind of file. No I/O.

pub(crate) mod manifest;
pub(crate) mod wal;
