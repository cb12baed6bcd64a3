//! The write-ahead log: one for all tables of a database, in segments.
//!
//! | file         | what it does                                                             |
//! |--------------|--------------------------------------------------------------------------|
//! | `payload.rs` | rows to bytes and back                                                   |
//! | `carry.rs`   | rows that are logged once more, with their times                         |
//! | `writer.rs`  | [`LogWriter`]: append, write, sync, rotate, close                        |
//! | `settle.rs`  | makes durable what recovery found                                        |
//! | `segment.rs` | reads one segment, and looks behind damage                               |
//! | `replay.rs`  | [`replay`]: reads the log, tells a torn tail from damage; [`cut`]        |
//! | `replay/tail.rs` | [`go_on`]: reads what has come to the log since                      |
//!
//! The layout is in `format/wal.rs`. A position in the log (LSN) counts the bytes of all records
//! since the log's start, over all segments. Each record says up to which position the log was
//! known to be synced when it was made, and so vouches for everything before that position.
//!
//! **The one exception.** What was synced last before a crash has no record behind it that vouches
//! for it: the last group, or all of a log that was recovered and synced and not written to since.
//! If it is damaged later, on the medium, this looks like a write that the crash tore, and it is
//! cut without an error. A clean close ends the log with a record that vouches for everything, so
//! it applies to crashed logs only.

mod carry;
mod payload;
mod replay;
mod segment;
mod settle;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use carry::{CarriedRows, DecodedCarry, decode_record};
pub(crate) use payload::{DecodedTable, TableRows};
pub(crate) use replay::{
    CarryRecord, CommitRecord, Cut, First, Logged, ReplayOutcome, cut, go_on, obsolete_files,
    replay,
};
pub(crate) use segment::{Found as FoundRecord, SegmentReader, lsn_at};
pub(crate) use settle::COPY_SUFFIX;
pub(crate) use writer::{LogWriter, Start, ZERO_AHEAD_DEFAULT};
