//! The file system under srdb.
//!
//! The engine is written against the traits [`Vfs`], [`File`], [`Map`] and [`Clock`] and never
//! touches `std::fs` or `std::time` itself, so that the same engine runs on the real file system
//! and on a deterministic in-memory disk that can tear writes and crash at any call.
//!
//! | type                      | what it is                                                     |
//! |---------------------------|----------------------------------------------------------------|
//! | [`OsVfs`], [`OsClock`]    | real files, read through memory maps or positioned reads       |
//! | [`MemDisk`], [`MemClock`] | a deterministic disk that crashes on demand, and its clock     |
//! | [`CrashChoice`]           | which of the pending changes survive a crash, spelt out        |
//! | [`Fault`]                 | what goes wrong in the N-th call of a kind, noisy or silent    |
//! | [`Personality`]           | what kind of disk it is: posix, ordered, lying                 |

#![deny(unsafe_code)]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod mem;
mod mmap;
mod os;
mod traits;

pub use mem::{
    CrashChoice, Delivered, Fate, Fault, FaultKind, MapMode, MemClock, MemDisk, OpKind,
    PendingKind, PendingOp, Personality, RotPlace, SECTOR_BYTES, SectorFate, SectorRun, Shows,
    TraceEntry,
};
pub use os::{OsClock, OsVfs, ReadMode};
pub use traits::{Access, Clock, DirEntry, EntryKind, File, FileLock, Map, Vfs};
