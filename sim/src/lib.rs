//! The simulator of srdb: it runs the real engine on a disk in memory that loses whatever a disk
//! may lose, crashes it at any call, and checks what comes back.
//!
//! ```text
//!   seed ──► generate ──► Plan ──► run ──► engine ──► vfs layers ──► MemDisk
//!                          ▲        │                                   │ crash: an image
//!                          │        ├──► model, oracles ◄───────────────┘ of what survived
//!                        shrink ◄── failure
//! ```
//!
//! | module         | what it is                                                             |
//! |----------------|------------------------------------------------------------------------|
//! | [`plan`]       | everything a run does, as plain data                                   |
//! | [`draw`]       | where choices come from: a seed or a fuzzer's bytes                    |
//! | [`generate`]   | draws a plan                                                           |
//! | [`shape`]      | the tables and rows of a run                                           |
//! | [`model`]      | what the database must hold, and after a crash may hold                |
//! | [`mod@image`]  | a reader of the files that shares nothing with the engine              |
//! | [`oracle`]     | the checks, each by its name                                           |
//! | [`vfs`]        | what stands between engine and disk                                    |
//! | [`mutants`]    | bugs planted on purpose, and the hunt for them                         |
//! | [`db`]         | the database as a run uses it                                          |
//! | [`mod@run`]    | runs a plan                                                            |
//! | [`campaign`]   | many seeds over several threads                                        |
//! | [`exhaustive`] | every power failure that a short plan can meet                         |
//! | [`coverage`]   | which part of the fault space many runs have visited                   |
//! | [`failure`]    | what is said about a run that went wrong                               |
//! | [`shrink`]     | makes a failing plan smaller                                           |
//! | [`mod@fuzz`]   | runs the plan that a fuzzer's bytes spell                              |
//! | [`report`]     | one replay as one page: what was lost, and why                         |
//! | [`soak`]       | seeds for as long as one likes, going on where the last soak stopped   |
//!
//! One seed fixes everything: no clock, no thread and no random source of the machine is asked.

pub mod campaign;
pub mod coverage;
pub mod db;
pub mod draw;
pub mod exhaustive;
pub mod failure;
pub mod files;
pub mod fuzz;
pub mod generate;
pub mod image;
pub mod model;
pub mod mutants;
pub mod oracle;
mod panics;
pub mod plan;
pub mod report;
pub mod run;
pub mod shape;
pub mod shrink;
pub mod soak;
pub mod vfs;
