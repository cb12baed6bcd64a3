//! Line numbers for a parser that tells byte offsets.
//!
//! The csv crate counts lines too, but takes the rest of a line break, and blank lines, for the
//! start of the record after them: in a file with CRLF each of its numbers is one too low.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

use super::source::Bytes;

/// Where the line breaks of a stream are, as far as it was read and not yet asked about.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Rc<RefCell<Log>>);

#[derive(Debug, Default)]
struct Log {
    /// Offsets of `\r` and `\n`, and whether it is `\n`.
    breaks: VecDeque<(u64, bool)>,
    /// Bytes read.
    bytes: u64,
    /// `\n`s taken from `breaks`.
    newlines: u64,
}

impl Lines {
    /// A reader of `inner` that takes note of its line breaks.
    pub(super) fn watch(&self, inner: Bytes) -> Bytes {
        Box::new(Watched { inner, lines: self.clone() })
    }

    /// The line, from 1, of what begins at `offset` or after the line breaks that stand there.
    /// Offsets must not go down from call to call.
    pub(super) fn line_at(&self, mut offset: u64) -> u64 {
        let log = &mut *self.0.borrow_mut();
        while let Some(&(at, newline)) = log.breaks.front() {
            if at > offset {
                break;
            }
            if at == offset {
                offset += 1;
            }
            log.breaks.pop_front();
            log.newlines += u64::from(newline);
        }
        log.newlines + 1
    }
}

struct Watched {
    inner: Bytes,
    lines: Lines,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let log = &mut *self.lines.0.borrow_mut();
        for (at, &byte) in buffer[..count].iter().enumerate() {
            if matches!(byte, b'\r' | b'\n') {
                log.breaks.push_back((log.bytes + at as u64, byte == b'\n'));
            }
        }
        log.bytes += count as u64;
        Ok(count)
    }
}
