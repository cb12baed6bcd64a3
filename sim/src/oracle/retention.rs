//! Do the limits of a table drop what they are to drop, and nothing else?
//!
//! Looks at one row after the other; which files there are is taken from the image of the disk.
//!
//! 1. Nothing that the limits keep is ever dropped by them.
//! 2. Once the job finds no more to do, what is left beyond the limits is less than an eighth of
//!    one file; after `retain` nothing is.

use srdb::{Retention, Value};

use super::Violation;
use crate::model::Rows;

/// A job leaves less than one in so many of a file's rows.
const PART: i64 = 8;

/// An SST, with its index files.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// The first row's `_seq`.
    pub min_seq: i64,
    /// The last row's.
    pub max_seq: i64,
    /// Bytes of the SST and its index files.
    pub bytes: u64,
}

/// What is to become of a table.
#[derive(Debug, Clone)]
pub struct Due {
    /// The number in the table's name.
    pub slot: u8,
    /// The first row there is.
    pub begin: i64,
    /// The first row that its limits keep, of those in files.
    pub kept: i64,
    /// Its files.
    pub files: Vec<File>,
}

impl Due {
    /// Of a table with these rows, of which `field` is a timestamp, at this time.
    pub fn of(
        slot: u8,
        limits: &Retention,
        rows: &Rows,
        field: Option<usize>,
        files: Vec<File>,
        now: i64,
    ) -> Due {
        let begin = rows.first_seq();
        let kept = first_kept(limits, rows, field, &files, now);
        Due { slot, begin, kept, files }
    }

    /// The `_seq`s below which rows may be dropped by a step that was begun.
    pub fn candidates(&self) -> impl Iterator<Item = i64> {
        let file =
            self.files.iter().find(|file| (file.min_seq..=file.max_seq).contains(&self.kept));
        let seqs = file.map(|file| file.min_seq).into_iter().chain([self.kept]);
        seqs.filter(|seq| *seq > self.begin)
    }

    /// Checks that a table which now begins with row `first` has lost nothing that is kept.
    ///
    /// # Errors
    /// If it has.
    pub fn check(&self, first: i64) -> Result<(), Violation> {
        if first <= self.kept.max(self.begin) {
            return Ok(());
        }
        self.wrong(&format!("it begins with row {first}"))
    }

    /// Checks that a table which was left as it is had nothing that was worth dropping.
    ///
    /// # Errors
    /// If it had.
    pub fn check_at_rest(&self) -> Result<(), Violation> {
        let Some(file) = self.files.iter().find(|file| file.max_seq >= self.kept) else {
            return match self.kept > self.begin {
                true => self.wrong("nothing is dropped"),
                false => Ok(()),
            };
        };
        let left = self.kept - self.begin.max(file.min_seq);
        let is_worth_it = left > 0 && left * PART > file.max_seq - file.min_seq;
        if self.begin < file.min_seq && self.kept > self.begin || is_worth_it {
            return self.wrong("no more is dropped");
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Result<(), Violation> {
        let Due { slot, begin, kept, files } = self;
        let what =
            format!("t{slot}: {what}; it began with {begin}, its limits keep {kept} of {files:?}");
        Err(Violation::new("retention", what))
    }
}

fn first_kept(
    limits: &Retention,
    rows: &Rows,
    field: Option<usize>,
    mut files: &[File],
    now: i64,
) -> i64 {
    let mut first = rows.first_seq();
    let Some(end) = files.last().map(|file| file.max_seq + 1) else { return first };
    let row = |seq: i64| usize::try_from(seq - 1).ok().and_then(|place| rows.get(place));
    let is_old = |since: i64, age: std::time::Duration| {
        i128::from(now) - i128::from(since) > age.as_nanos() as i128
    };
    if let Some(most) = limits.rows() {
        first = first.max(end.saturating_sub_unsigned(most));
    }
    if let Some(most) = limits.bytes() {
        while files.len() > 1 && files.iter().map(|file| file.bytes).sum::<u64>() > most {
            files = &files[1..];
        }
        first = first.max(files[0].min_seq);
    }
    if let Some(age) = limits.age() {
        while first < end && row(first).is_some_and(|(time, _)| is_old(*time, age)) {
            first += 1;
        }
    }
    if let (Some((_, age)), Some(field)) = (limits.age_of(), field) {
        let since = |(time, values): &(i64, crate::model::Values)| match values.get(field) {
            Some(Value::Timestamp(at)) => *at,
            _ => *time,
        };
        while first < end && row(first).is_some_and(|row| is_old(since(row), age)) {
            first += 1;
        }
    }
    first.min(end)
}
