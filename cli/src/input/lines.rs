//! Line numbers for a parser that tells byte offsets.
//!
//! The csv crate counts lines too, but takes the rest of a line break, and blank lines, for the
//! start of the record after them: in a file with CRLF each of its numbers is one too low.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

use super::source::Bytes;

/// Bytes of a record: 64 MiB, four times what a row may hold. A quotation mark that is not closed
/// makes one record of all the rest.
const RECORD_BYTES_MAX: u64 = 64 << 20;

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
    /// The offset last asked about: where the record that is being read begins, or before.
    asked: u64,
    /// The last byte that is no line break.
    last: u8,
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
        log.asked = offset;
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

    /// Whether a record that ends at `end`, and whose last field ends with a line break, was ended
    /// by the end of the input and not by a quotation mark.
    pub(super) fn is_unclosed(&self, end: u64) -> bool {
        let log = self.0.borrow();
        log.bytes == end && log.last != b'"'
    }
}

struct Watched {
    inner: Bytes,
    lines: Lines,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let log = &mut *self.lines.0.borrow_mut();
        if log.bytes - log.asked > RECORD_BYTES_MAX {
            let line = log.newlines + 1;
            let what = format!(
                "the record after line {line} is longer than {RECORD_BYTES_MAX} bytes; is a \
                 quotation mark not closed?"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let count = self.inner.read(buffer)?;
        for (at, &byte) in buffer[..count].iter().enumerate() {
            if matches!(byte, b'\r' | b'\n') {
                log.breaks.push_back((log.bytes + at as u64, byte == b'\n'));
            } else {
                log.last = byte;
            }
        }
        log.bytes += count as u64;
        Ok(count)
    }
}
