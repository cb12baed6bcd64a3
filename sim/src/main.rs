//! `sim`: the simulator on the command line. Exits with 1 if anything failed.
//!
//! Each command is a file in `cli/`: its arguments, and a function that runs it.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run(&mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "sim: {e}");
            ExitCode::from(2)
        }
    }
}
