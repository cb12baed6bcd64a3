//! Reading the start of a stream twice: once to inspect it, once to import it.

use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use super::source::Bytes;

/// A stream whose bytes are kept while it is inspected.
pub(crate) struct Rewindable(Rc<RefCell<Taped>>);

struct Taped {
    inner: Bytes,
    tape: Vec<u8>,
}

impl Rewindable {
    pub(crate) fn new(inner: Bytes) -> Rewindable {
        Rewindable(Rc::new(RefCell::new(Taped { inner, tape: Vec::new() })))
    }

    /// Reads on, keeping what it reads.
    pub(crate) fn recorder(&self) -> Bytes {
        Box::new(Recorder(self.0.clone()))
    }

    /// Bytes kept so far.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.0.borrow().tape.len()
    }

    /// The whole stream from its start. What it reads from here on is not kept.
    pub(crate) fn rewind(self) -> Bytes {
        let tape = std::mem::take(&mut self.0.borrow_mut().tape);
        Box::new(Cursor::new(tape).chain(Rest(self.0)))
    }
}

struct Recorder(Rc<RefCell<Taped>>);

impl Read for Recorder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taped = &mut *self.0.borrow_mut();
        let count = taped.inner.read(buffer)?;
        taped.tape.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

struct Rest(Rc<RefCell<Taped>>);

impl Read for Rest {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().inner.read(buffer)
    }
}
