//! The progress bars: on standard error, and only if that is a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use srdb::{Event, Observer};

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

/// What has been merged so far, told by the database.
pub(crate) struct Merging {
    bar: ProgressBar,
    bytes: AtomicU64,
}

impl Merging {
    /// Nothing is merged yet.
    pub(crate) fn new() -> Merging {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template("merging {spinner} {msg}") {
            bar.set_style(style);
        }
        Merging { bar, bytes: AtomicU64::new(0) }
    }

    /// All is merged.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Merging {
    fn event(&self, event: &Event) {
        let done = self.bytes.load(Ordering::Relaxed);
        match event {
            Event::CompactionBegun { table, files, bytes } => {
                let message = format!("{files} files of {table:?}, {bytes} bytes; {done} done");
                self.bar.set_message(message);
            }
            Event::CompactionEnded { bytes_in, .. } => {
                self.bytes.store(done + bytes_in, Ordering::Relaxed);
            }
            _ => {}
        }
        self.bar.tick();
    }
}

/// `count` over `time`, rounded.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let nanoseconds = time.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX)
}
