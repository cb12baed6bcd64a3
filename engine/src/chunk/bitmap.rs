//! A growable bitmap: validity, and columns of booleans.
//!
//! Invariant: bits beyond `len` in the last word are zero, so that equal bitmaps are equal words.

/// Bits in 64-bit words, bit `i` in word `i / 64` at position `i % 64`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// `len` bits, all `value`.
    pub(crate) fn filled(len: usize, value: bool) -> Self {
        let mut bitmap = Bitmap { words: vec![0; len.div_ceil(64)], len };
        if value {
            bitmap.words.fill(u64::MAX);
            bitmap.clear_beyond_len();
        }
        bitmap
    }

    /// From words as [`Bitmap::words`] gives them; missing words are zero, bits beyond `len`
    /// are cleared.
    pub(crate) fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        let mut bitmap = Bitmap { words, len };
        bitmap.clear_beyond_len();
        bitmap
    }

    fn clear_beyond_len(&mut self) {
        if let (Some(last), tail @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << tail) - 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn push(&mut self, value: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        if let Some(last) = self.words.last_mut() {
            *last |= u64::from(value) << (self.len % 64);
        }
        self.len += 1;
    }

    /// Keeps the first `len` bits, which must be there.
    pub(crate) fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.len, "{len} of {} bits", self.len);
        self.words.truncate(len.div_ceil(64));
        self.len = len;
        self.clear_beyond_len();
    }

    /// Bit `index`; false beyond the end.
    pub(crate) fn get(&self, index: usize) -> bool {
        debug_assert!(index < self.len, "bit {index} of {}", self.len);
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub(crate) fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether all bits of a range are set.
    pub(crate) fn is_set(&self, range: std::ops::Range<usize>) -> bool {
        range.into_iter().all(|index| self.get(index))
    }

    /// Appends `other[range]`.
    pub(crate) fn extend_from(&mut self, other: &Bitmap, range: std::ops::Range<usize>) {
        if self.len.is_multiple_of(64) && range.start.is_multiple_of(64) {
            let bits = range.len();
            let words = &other.words[range.start / 64..range.end.div_ceil(64)];
            self.words.extend_from_slice(words);
            self.len += bits;
            self.clear_beyond_len();
        } else {
            for i in range {
                self.push(other.get(i));
            }
        }
    }

    /// Appends `count` times `value`.
    pub(crate) fn extend_filled(&mut self, count: usize, value: bool) {
        let mut left = count;
        while left > 0 && !self.len.is_multiple_of(64) {
            self.push(value);
            left -= 1;
        }
        self.words.resize(self.words.len() + left.div_ceil(64), if value { u64::MAX } else { 0 });
        self.len += left;
        self.clear_beyond_len();
    }
}
