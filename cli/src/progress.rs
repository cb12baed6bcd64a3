//! The progress bar: on standard error, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::{Opened, Position};

/// Rows between two looks at the input's position.
const ROWS_PER_UPDATE: u64 = 256;

/// A bar over the bytes of an input, with the rows and rows/s beside it.
pub(crate) struct Progress {
    bar: ProgressBar,
    position: Position,
}

impl Progress {
    /// A bar for this input.
    pub(crate) fn new(what: &'static str, opened: &Opened) -> Progress {
        let bar = match opened.stored_bytes {
            Some(bytes) => ProgressBar::new(bytes),
            None => ProgressBar::no_length(),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let template = match opened.stored_bytes {
            Some(_) => "{prefix} {bar:30} {percent:>3} %  {msg}  {eta} left",
            None => "{prefix} {spinner} {bytes}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Progress { bar, position: opened.position.clone() }
    }

    /// Says how many rows are done.
    pub(crate) fn rows(&self, rows: u64) {
        if !rows.is_multiple_of(ROWS_PER_UPDATE) || self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(self.position.get());
        let message = format!("{rows} rows, {} rows/s", per_second(rows, self.bar.elapsed()));
        self.bar.set_message(message);
    }
}

/// The bar goes away with it, also when a command fails.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `count` over `time`, rounded.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let nanoseconds = time.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
}
