//! Which parts of a file were checked since it was opened: a bitmap that many readers share.
//!
//! Invariant: a bit is only ever set, and after its part was found sound. The parts are immutable,
//! so nothing needs to be ordered by the bit.

use crate::sync::atomic::{AtomicU64, Ordering};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Touched {
    words: Box<[AtomicU64]>,
}

impl Touched {
    /// For `parts` parts, none checked.
    pub(crate) fn new(parts: usize) -> Self {
        Touched { words: (0..parts.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Whether `part` was found sound before.
    #[inline]
    pub(crate) fn has(&self, part: usize) -> bool {
        let word = self.words.get(part / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (part % 64) & 1 == 1)
    }

    /// Remembers that `part` is sound.
    pub(crate) fn set(&self, part: usize) {
        if let Some(word) = self.words.get(part / 64) {
            word.fetch_or(1 << (part % 64), Ordering::Relaxed);
        }
    }
}
