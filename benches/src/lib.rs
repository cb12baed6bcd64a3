//! What srdb measures itself by: one workload by seed, the engines that do the same work on it,
//! and what that work cost. `docs/performance.md` says how to run it and how to read the figures.
//!
//! | file          | what it is                                                        |
//! |---------------|-------------------------------------------------------------------|
//! | `workload`    | the rows, by seed, and the digest that readers must agree on      |
//! | `codec`       | how key-value peers store a row                                   |
//! | `engines/`    | srdb and its peers behind one trait                               |
//! | `works`       | the pieces of work; one runs in one process                       |
//! | `measure`     | wall and CPU time, bytes, memory                                  |
//! | `machine`     | what this machine could do at best                                |
//! | `report`      | the table: which figure, beside which target                      |
//! | `bin/peers`   | runs works on engines, each in a process of its own               |
//! | `queries/`    | questions, and how srdb and its peers answer them                 |
//! | `bin/queries` | asks them, and says what an answer costs                          |
//! | `bin/memory`  | imports rows and says what memory that took                       |
//! | `bin/tables`  | many tables with little data each                                 |
//! | `mixed/`      | everything at once, and whether all of it is right                |
//! | `bin/load`    | runs that for half an hour and looks at it every few seconds      |
//! | `bin/crashes` | kills it, fills its disk, fails its syncs                         |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails may stop")]

pub mod codec;
pub mod engines;
pub mod machine;
pub mod measure;
pub mod mixed;
pub mod queries;
pub mod report;
mod vocabulary;
mod workload;
pub mod works;

pub use workload::{Digest, Generator, RowRef, SEED, Workload, line};

/// Whatever went wrong, in the words of who noticed.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A result with any error: nobody acts on it here but by reading it.
pub type Result<T, E = Fault> = std::result::Result<T, E>;
