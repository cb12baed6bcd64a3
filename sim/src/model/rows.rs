//! The rows of a table: those there are, and those that were dropped, which nobody may see.

use std::ops::Deref;

use super::Values;

/// Rows by `_seq` minus 1, each with its `_time`, from the first there ever was.
///
/// As a slice it is all of them, so that a row's place says its `_seq`; whoever looks at what can
/// be seen asks for [`Rows::seen`].
#[derive(Debug, Clone, Default)]
pub struct Rows {
    all: Vec<(i64, Values)>,
    /// How many of the first were dropped.
    dropped: usize,
}

impl Rows {
    /// No rows.
    pub fn new() -> Rows {
        Rows::default()
    }

    /// Places of the rows that can be seen.
    pub fn places(&self) -> std::ops::Range<usize> {
        self.dropped.min(self.all.len())..self.all.len()
    }

    /// The rows that can be seen, without their `_seq`s.
    pub fn kept(&self) -> &[(i64, Values)] {
        &self.all[self.places()]
    }

    /// The rows that can be seen, each with its `_seq`.
    pub fn seen(&self) -> impl DoubleEndedIterator<Item = (i64, &(i64, Values))> {
        self.places().map(|place| (place as i64 + 1, &self.all[place]))
    }

    /// The first so many rows, those that were dropped included.
    pub fn up_to(&self, rows: usize) -> Rows {
        let all = self.all.iter().take(rows).cloned().collect();
        Rows { all, dropped: self.dropped }
    }

    /// `_seq` of the first row that can be seen, or would be.
    pub fn first_seq(&self) -> i64 {
        self.dropped as i64 + 1
    }

    /// The rows below a `_seq` were dropped.
    pub fn drop_before(&mut self, seq: i64) {
        let dropped = usize::try_from(seq - 1).unwrap_or(0).min(self.all.len());
        self.dropped = self.dropped.max(dropped);
    }

    /// Adds rows of a commit.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = (i64, Values)>) {
        self.all.extend(rows);
    }

    /// Takes all rows away, and forgets what was dropped.
    pub(super) fn clear(&mut self) {
        *self = Rows::default();
    }
}

impl Deref for Rows {
    type Target = [(i64, Values)];

    fn deref(&self) -> &[(i64, Values)] {
        &self.all
    }
}

impl FromIterator<(i64, Values)> for Rows {
    fn from_iter<T: IntoIterator<Item = (i64, Values)>>(rows: T) -> Rows {
        Rows { all: rows.into_iter().collect(), dropped: 0 }
    }
}
