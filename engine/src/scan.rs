//! A lazy, double-ended iterator over rows.

use std::marker::PhantomData;
use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::read::{Decoded, Projected};
use crate::{Result, Row, ValueRef, mutant};

/// Rows of one table in the order of their `_seq`; from the back in reverse. Made by
/// [`crate::Table::scan`] and its siblings.
///
/// It sees the rows that were there when it was made, whatever is written, flushed or dropped
/// meanwhile. It holds one decoded block for each end. After an error, the iterator goes on with
/// the next row.
#[derive(Debug)]
pub struct Scan {
    source: Projected,
    left: Range<i64>,
    front: Option<Decoded>,
    back: Option<Decoded>,
}

impl Scan {
    /// `end` is the `_seq` after the last row that the reader may see.
    pub(crate) fn new(source: Projected, seqs: Range<i64>, end: i64) -> Self {
        let start = seqs.start.max(source.first_seq());
        let left = start..seqs.end.min(end).max(start);
        Scan { source, left, front: None, back: None }
    }

    /// The `_seq`s of the rows that are left.
    pub fn seqs(&self) -> Range<i64> {
        self.left.clone()
    }

    /// The rows that are left as structs; see [`Row::into_struct`].
    pub fn into_structs<T: DeserializeOwned>(self) -> Structs<T> {
        Structs { scan: self, target: PhantomData }
    }

    /// The next row without copying its values out of the block: the fastest way to read many
    /// rows. The row borrows from the scan.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, ValueRef, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// let (mut scan, mut sum) = (t.scan(..)?, 0);
    /// while let Some(row) = scan.next_ref() {
    ///     if let ValueRef::Int(n) = row?.value(0)? {
    ///         sum += n;
    ///     }
    /// }
    /// assert_eq!(sum, 5050);
    /// # db.close()
    /// # }
    /// ```
    pub fn next_ref(&mut self) -> Option<Result<RowRef<'_>>> {
        let seq = self.left.start;
        if self.left.is_empty() {
            return None;
        }
        if self.front.as_ref().is_none_or(|front| front.index_of(seq).is_none()) {
            let loaded = self.source.around(seq, &self.left);
            match loaded {
                Ok(decoded) => self.front = Some(decoded),
                Err(error) => {
                    self.left.start += 1;
                    return Some(Err(error));
                }
            }
        }
        self.left.start += 1;
        let (source, front) = (&self.source, self.front.as_ref()?);
        Some(Ok(RowRef { source, decoded: front, seq, index: front.index_of(seq)? }))
    }
}

impl Iterator for Scan {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let seq = self.left.start;
        if self.left.is_empty() {
            return None;
        }
        let row = load(&self.source, &mut self.front, &self.left, seq);
        self.left.start += 1;
        let next = self.left.start;
        let is_boundary = || self.front.as_ref().is_some_and(|f| f.index_of(next).is_none());
        if mutant::when("scan-skips-a-row", || is_boundary() && !self.left.is_empty()) {
            self.left.start += 1;
        }
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Scan {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let seq = self.left.end - 1;
        let row = load(&self.source, &mut self.back, &self.left, seq);
        self.left.end -= 1;
        Some(row)
    }
}

impl ExactSizeIterator for Scan {}

/// The row of `seq`, from what one end of the scan has decoded, or from what it decodes now.
fn load(
    source: &Projected,
    decoded: &mut Option<Decoded>,
    left: &Range<i64>,
    seq: i64,
) -> Result<Row> {
    if let Some(row) = decoded.as_ref().and_then(|decoded| source.row(decoded, seq)) {
        return row;
    }
    let fresh = decoded.insert(source.around(seq, left)?);
    match source.row(fresh, seq) {
        Some(row) => row,
        None => unreachable!("the rows around {seq} were decoded without it"),
    }
}

/// A row that borrows from its scan; see [`Scan::next_ref`].
#[derive(Debug)]
pub struct RowRef<'a> {
    source: &'a Projected,
    decoded: &'a Decoded,
    seq: i64,
    index: usize,
}

impl<'a> RowRef<'a> {
    /// The row's `_seq`.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// The row's `_time`: ns since the Unix epoch, UTC.
    pub fn time(&self) -> i64 {
        self.decoded.time(self.index)
    }

    /// How many fields it has: those that the scan was asked for.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether the scan was asked for no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of the field number `index`, in the order asked for; null beyond the last.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if the stored bytes are no value of the field's type.
    #[inline]
    pub fn value(&self, index: usize) -> Result<ValueRef<'a>> {
        self.source.value(self.decoded, index, self.seq, self.index)
    }
}

/// Rows as structs. Made by [`Scan::into_structs`].
#[derive(Debug)]
pub struct Structs<T> {
    scan: Scan,
    target: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Iterator for Structs<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.scan.next().map(|row| row?.into_struct())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.scan.size_hint()
    }
}

impl<T: DeserializeOwned> DoubleEndedIterator for Structs<T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.scan.next_back().map(|row| row?.into_struct())
    }
}
