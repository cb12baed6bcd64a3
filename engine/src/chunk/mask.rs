//! The rows of one chunk that are wanted: a bitmap of fixed size, which no query allocates.
//!
//! Invariants
//! 1. Bits at `len` and beyond are zero.
//! 2. Words outside of `span` are zero. An index often leaves one row of a block: then one word is
//!    looked at, not all of them.

use std::ops::Range;

use super::ROWS_MAX;

const WORDS: usize = ROWS_MAX / 64;

/// Bit `i` in word `i / 64` at position `i % 64`.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    words: [u64; WORDS],
    /// The first word that may have a bit, and the one behind the last.
    span: (u16, u16),
    len: usize,
}

/// Equal where the same rows of as many are wanted.
impl PartialEq for Mask {
    fn eq(&self, other: &Mask) -> bool {
        self.words == other.words && self.len == other.len
    }
}

impl Mask {
    /// None of `len` rows, which are at most [`ROWS_MAX`].
    pub(crate) fn none(len: usize) -> Mask {
        assert!(len <= ROWS_MAX, "a mask of {len} rows");
        Mask { words: [0; WORDS], span: (0, 0), len }
    }

    /// All of `len` rows.
    pub(crate) fn all(len: usize) -> Mask {
        let mut mask = Mask::none(len);
        mask.words[..len / 64].fill(u64::MAX);
        if !len.is_multiple_of(64) {
            mask.words[len / 64] = (1 << (len % 64)) - 1;
        }
        mask.span = (0, len.div_ceil(64) as u16);
        mask
    }

    /// Where words with a bit may be.
    #[inline]
    fn span(&self) -> Range<usize> {
        usize::from(self.span.0)..usize::from(self.span.1)
    }

    /// The words that may have a bit, each with its place.
    #[inline]
    fn spanned(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let span = self.span();
        span.clone().zip(self.words[span].iter().copied())
    }

    /// [`Mask::spanned`], to take bits away.
    #[inline]
    fn spanned_mut(&mut self) -> impl Iterator<Item = (usize, &mut u64)> + '_ {
        let span = self.span();
        span.clone().zip(self.words[span].iter_mut())
    }

    /// Makes the span reach over `span`, too.
    fn widen(&mut self, span: (u16, u16)) {
        self.span = match self.span {
            (start, end) if start == end => span,
            (start, end) => (start.min(span.0), end.max(span.1)),
        };
    }

    /// Rows that there are, wanted or not.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many rows are wanted.
    pub(crate) fn count(&self) -> usize {
        self.spanned().map(|(_, word)| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_none(&self) -> bool {
        self.spanned().all(|(_, word)| word == 0)
    }

    pub(crate) fn get(&self, row: usize) -> bool {
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    pub(crate) fn set(&mut self, row: usize) {
        debug_assert!(row < self.len, "row {row} of {}", self.len);
        self.words[row / 64] |= 1 << (row % 64);
        let at = (row / 64) as u16;
        self.widen((at, at + 1));
    }

    pub(crate) fn clear(&mut self) {
        *self = Mask::none(self.len);
    }

    /// The rows that are wanted, from the first on.
    pub(crate) fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.spanned().flat_map(|(at, word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }

    /// Keeps what `keep` says of each row that is wanted.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (at, word) in self.spanned_mut() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                if !keep(at * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// Keeps the rows for which `keep` holds of their value; `values` are all rows' values.
    /// Branchless: for tests of a few instructions.
    #[inline]
    pub(crate) fn retain_values<T: Copy>(&mut self, values: &[T], keep: impl Fn(T) -> bool) {
        debug_assert_eq!(values.len(), self.len, "a value for each row");
        for (at, word) in self.spanned_mut() {
            if *word == 0 {
                continue;
            }
            let values = &values[at * 64..values.len().min(at * 64 + 64)];
            let mut kept = 0;
            if let Some(values) = values.first_chunk::<64>() {
                for (bit, value) in values.iter().enumerate() {
                    kept |= u64::from(keep(*value)) << bit;
                }
            } else {
                for (bit, value) in values.iter().enumerate() {
                    kept |= u64::from(keep(*value)) << bit;
                }
            }
            *word &= kept;
        }
    }

    /// Keeps rows of `range` only, or, with `outside`, the others only.
    pub(crate) fn retain_range(&mut self, range: Range<usize>, outside: bool) {
        for (at, word) in self.spanned_mut() {
            let start = range.start.clamp(at * 64, at * 64 + 64) - at * 64;
            let end = range.end.clamp(at * 64, at * 64 + 64) - at * 64;
            let below = |bit: usize| if bit >= 64 { u64::MAX } else { (1 << bit) - 1 };
            let inside = if start < end { below(end) & !below(start) } else { 0 };
            *word &= if outside { !inside } else { inside };
        }
    }

    /// Keeps the rows whose bit in `words` is set, or, with `inverse`, is not. Words that are not
    /// there are zero.
    pub(crate) fn retain_words(&mut self, words: impl IntoIterator<Item = u64>, inverse: bool) {
        let mut words = words.into_iter().skip(self.span().start);
        for (_, word) in self.spanned_mut() {
            let other = words.next().unwrap_or(0);
            *word &= if inverse { !other } else { other };
        }
    }

    /// Keeps the rows that `other` has too.
    pub(crate) fn intersect(&mut self, other: &Mask) {
        self.retain_words(other.words, false);
    }

    /// Takes the rows of `other` away.
    pub(crate) fn subtract(&mut self, other: &Mask) {
        self.retain_words(other.words, true);
    }

    /// Adds the rows of `other`.
    pub(crate) fn unite(&mut self, other: &Mask) {
        for (word, other) in self.words.iter_mut().zip(other.words) {
            *word |= other;
        }
        self.widen(other.span);
    }

    /// Takes the first `count` of the wanted rows away.
    pub(crate) fn drop_first(&mut self, count: usize) {
        let mut left = count;
        self.retain(|_| {
            let dropped = left > 0;
            left -= usize::from(dropped);
            !dropped
        });
    }

    /// Keeps the first `count` of the wanted rows.
    pub(crate) fn keep_first(&mut self, count: usize) {
        let mut left = count;
        self.retain(|_| {
            let kept = left > 0;
            left -= usize::from(kept);
            kept
        });
    }

    /// Takes the last `count` of the wanted rows away.
    pub(crate) fn drop_last(&mut self, count: usize) {
        self.keep_first(self.count().saturating_sub(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_far_from_each_other_are_found_in_every_way() {
        let of = |rows: &[usize]| {
            let mut mask = Mask::none(ROWS_MAX);
            rows.iter().for_each(|row| mask.set(*row));
            mask
        };
        let rows = |mask: &Mask| mask.rows().collect::<Vec<_>>();
        let places = [0, 64, 700, ROWS_MAX - 1];
        for a in places {
            for b in places.into_iter().filter(|b| *b > a) {
                assert_eq!(rows(&of(&[b, a])), [a, b]);
                for (one, other) in [(a, b), (b, a)] {
                    let mut mask = of(&[one]);
                    mask.unite(&of(&[other]));
                    assert_eq!((rows(&mask), mask.count()), (vec![a, b], 2));
                    mask.unite(&Mask::none(ROWS_MAX));
                    mask.intersect(&of(&[a, b]));
                    mask.subtract(&of(&[one]));
                    assert_eq!(rows(&mask), [other]);
                    assert!(mask.get(other) && !mask.get(one) && !mask.is_none());
                    let values: Vec<usize> = (0..ROWS_MAX).collect();
                    mask.retain_values(&values, |value| value == other);
                    assert_eq!(mask.count(), 1);
                    mask.retain_range(other..other + 1, true);
                    assert!(mask.is_none() && mask == Mask::none(ROWS_MAX));
                    mask.unite(&of(&[one]));
                    assert_eq!(rows(&mask), [one]);
                    mask.clear();
                    assert_eq!(mask.count(), 0);
                }
            }
        }
    }

    #[test]
    fn operations_agree_with_those_on_lists() {
        for len in [0, 1, 63, 64, 65, 1000, ROWS_MAX] {
            let wanted = |row: usize| row.is_multiple_of(3) || row % 7 == 1;
            let mut mask = Mask::none(len);
            (0..len).filter(|row| wanted(*row)).for_each(|row| mask.set(row));
            let rows: Vec<usize> = (0..len).filter(|row| wanted(*row)).collect();
            assert!(mask.rows().eq(rows.iter().copied()));
            assert_eq!((mask.count(), mask.is_none()), (rows.len(), rows.is_empty()));
            assert_eq!(Mask::all(len).count(), len);
            for range in [0..len, 0..0, len / 3..len / 2, len / 2..len] {
                for outside in [false, true] {
                    let mut part = mask.clone();
                    part.retain_range(range.clone(), outside);
                    let expected = rows.iter().filter(|row| range.contains(row) != outside);
                    assert!(part.rows().eq(expected.copied()), "{range:?} {outside} of {len}");
                }
            }
            let values: Vec<usize> = (0..len).collect();
            let mut even = mask.clone();
            even.retain_values(&values, |value| value % 2 == 0);
            assert!(even.rows().eq(rows.iter().copied().filter(|row| row % 2 == 0)));
            let mut odd = mask.clone();
            odd.subtract(&even);
            assert!(odd.rows().all(|row| row % 2 == 1));
            odd.unite(&even);
            assert_eq!(odd, mask);
            odd.intersect(&even);
            assert_eq!(odd, even);
            let count = rows.len();
            for some in [0, 1, count / 2, count, count + 1] {
                let cut = |cut: fn(&mut Mask, usize)| {
                    let mut part = mask.clone();
                    cut(&mut part, some);
                    part.rows().collect::<Vec<_>>()
                };
                let (from, to) = (some.min(count), count.saturating_sub(some));
                assert_eq!(cut(Mask::drop_first), rows[from..]);
                assert_eq!(cut(Mask::keep_first), rows[..from]);
                assert_eq!(cut(Mask::drop_last), rows[..to]);
            }
        }
    }
}
