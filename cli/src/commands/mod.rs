//! The commands, one file each, and what they share.

mod infer;

use std::io::{self, BufWriter, StdoutLock, Write as _};

use crate::args::{Cli, Command};
use crate::failure::{Outcome, Skipped};

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Infer(args) => infer::run(&args),
    }
}

/// Standard output, buffered.
fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// A line for the user on standard error.
fn say(text: &str) {
    // A user who closed standard error does not want to be told.
    let _ = writeln!(io::stderr(), "{text}");
}

fn say_skipped(skipped: &Skipped) {
    if let Some(text) = skipped.describe() {
        say(&text);
    }
}
