//! `srdb`: create, import, query, export and verify srdb databases from the command line.
//!
//! | module | what |
//! |---|---|
//! | `args`, `choices`, `names` | the command line |
//! | `input` | files and standard input to records |
//! | `infer`, `inspect` | finding types that lose nothing |
//! | `text`, `target` | texts to values, exactly |
//! | `assemble`, `loader` | records to rows, rows to commits |
//! | `output` | values to tables, JSON and CSV |
//! | `plot` | lines over time, to the terminal or SVG |
//! | `commands` | one file a command |
//! | `failure` | errors and exit codes |

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the command line is where srdb meets files, clocks and processes of the outside"
)]
mod args;
mod assemble;
mod choices;
mod commands;
mod failure;
mod infer;
mod input;
mod inspect;
mod loader;
mod names;
mod output;
mod plot;
mod progress;
mod target;
mod text;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use failure::Failure;

fn main() -> ExitCode {
    match commands::run(args::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::ReaderGone) {
                // Nobody is left to be told if standard error is gone too.
                let _ = writeln!(std::io::stderr(), "srdb: {failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}
