//! The file system under srdb.
//!
//! The engine is written against the traits [`Vfs`], [`File`], [`Map`] and [`Clock`] and never
//! touches `std::fs` or `std::time` itself, so that the same engine runs on the real file system
//! and on a deterministic in-memory disk that can tear writes and crash at any call.

mod traits;

pub use traits::{Access, Clock, DirEntry, EntryKind, File, FileLock, Map, Vfs};
