//! Threads under a scheduler that draws their order from a seed: `.ci/threads`.
//!
//! Built with `--cfg shuttle`, the engine takes its locks, conditions, atomics and threads from
//! [shuttle] (see `engine/src/sync.rs`), which runs them all on one thread and switches at every
//! use of one. A *scenario* is a small program of a few threads on a whole database, on a disk in
//! memory at whose calls threads switch too. Each runs under many schedules, half of them drawn at
//! random, half by PCT, which finds with a known probability what takes few switches at the right
//! moments. What all schedules share is checked: who is acknowledged what, what a reader sees,
//! what a crash at that moment leaves. A thread that waits for what never comes is a deadlock,
//! and fails too.
//!
//! | file | what meets there |
//! |---|---|
//! | `group_commit.rs` | writers, the leader of a group, a sync or a write that fails |
//! | `visibility.rs` | readers and snapshots with commits, and with memtables that become SSTs |
//! | `handover.rs` | writers that wait for room, the worker, failures of a flush, the last handle |
//! | `closing.rs` | closing, and everything that may be under way |
//! | `tables.rs` | dropping a table, and whoever uses it |
//! | `mutants.rs` | proof: bugs planted in the engine, and how soon each is found |
//! | `mutants.rs` | proof: bugs planted in the engine, and how soon each is found |
//!
//! The commit queue alone, with fewer switches and all the more schedules, is in
//! `engine/src/queue/shuttle_tests.rs`.
//!
//! [shuttle]: https://docs.rs/shuttle
#![cfg(shuttle)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a failure and a hunt have to say"
)]

mod closing;
mod group_commit;
mod handover;
#[cfg(feature = "mutants")]
mod mutants;
mod schedules;
mod setup;
mod stops;
mod tables;
mod visibility;
