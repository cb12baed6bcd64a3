//! Sorted string tables: the immutable files that rows end in.

mod meta;

pub(crate) use meta::SstMeta;
