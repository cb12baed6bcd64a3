//! The way to rows through an index: which rows of a file or memtable a condition may let pass,
//! known before any block of it is read.
//!
//! ```text
//! condition ─► key ranges ─► how many rows in this part? ─► few: their places, else: all blocks
//! ```
//!
//! A *part* is an SST or a memtable. Each has an index file, or an index in memory, of its own, or
//! none yet; so the choice is made for each part when the scan comes to it.
//!
//! Invariants
//! 1. What is left out does not pass: a key range covers every value for which the condition is
//!    true. What is in may fail: keys of long texts are cut. So the filter is asked all the same,
//!    unless the condition is all of it and its keys are those of the values that pass and of no
//!    others ([`Found::exact`]). Or it passes and comes too late to be wanted: see [`Head`].
//! 2. A part is read by its index only if that leaves less than one row in [`ROWS_PER_FIND`].

use std::borrow::Cow;
use std::ops::{Bound, Range};

use rust_decimal::Decimal;

use super::filter::Filter;
use super::head::Head;
use crate::Result;
use crate::chunk::{Mask, Scalar};
use crate::column::Predicate;
use crate::index::{IndexReader, key};
use crate::memtable::Memtable;
use crate::table_files::{Sst, TableFiles};
use crate::types::exact::Number;

/// Finding a row by its place costs about as much as so many rows of a scan.
pub(super) const ROWS_PER_FIND: u64 = 16;

/// Values of a list beyond which its index is not asked.
const VALUES_MAX: usize = 1000;

/// Keys from one to another.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Keys {
    One(Vec<u8>),
    From(Vec<u8>, Bound<Vec<u8>>),
}

/// A condition that an index can answer.
#[derive(Debug, Clone)]
struct Way {
    /// The number of the leaf.
    leaf: usize,
    /// The place of the field in the schema.
    field: u32,
    keys: Vec<Keys>,
    /// Whether the rows with these keys are all that pass, and no others do.
    exact: bool,
}

/// The conditions of a filter that indexes can answer: rows have to pass all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    ways: Vec<Way>,
    /// The first rows of an order, if no others are wanted.
    pub(super) head: Option<Head>,
}

/// What an index was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Which rows may pass a leaf of the filter, by its number.
    Leaf(usize),
    /// Which rows are the first of an order.
    Head,
}

/// The rows of a part that may be wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) asked: Asked,
    /// Whether all of them pass the filter.
    pub(super) exact: bool,
    /// `_seq`s, ascending.
    pub(super) seqs: Vec<i64>,
}

impl Access {
    /// What indexes there are for a filter.
    pub(super) fn of(filter: &Filter, files: &TableFiles) -> Access {
        let ways = filter.required().filter_map(|(leaf, column, predicate)| {
            let field = u32::try_from(column.checked_sub(1)?).ok()?;
            files.indexes.contains_key(&field).then_some(())?;
            let keys = keys_of(predicate)?;
            let exact = filter.leaves().len() == 1 && is_exact(predicate, &keys);
            Some(Way { leaf, field, keys, exact })
        });
        Access { ways: ways.collect(), head: None }
    }

    /// The rows of an SST that may be wanted; `None` if no index leaves few of them.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(super) fn find_in_sst(&self, files: &TableFiles, sst: &Sst) -> Result<Option<Found>> {
        if let Some(head) = &self.head {
            let rows = head.find_in_sst(files, sst)?;
            return Ok(rows.map(|rows| Found::new(Asked::Head, false, sst.meta.min_seq, rows)));
        }
        let limit = sst.meta.rows / ROWS_PER_FIND;
        let mut best: Option<(u64, &Way, &IndexReader)> = None;
        for way in &self.ways {
            let index = files.indexes.get(&way.field);
            let Some(file) = index.and_then(|index| index.files.get(&sst.meta.file_number)) else {
                continue;
            };
            let reader = file.reader()?;
            let limit = best.as_ref().map_or(limit, |(rows, ..)| *rows);
            if let Some(rows) = way.count(reader, limit)? {
                best = Some((rows, way, reader));
            }
        }
        let Some((_, way, reader)) = best else { return Ok(None) };
        let mut rows = Vec::new();
        way.rows(reader, &mut rows)?;
        Ok(Some(way.found(sst.meta.min_seq, rows)))
    }

    /// The rows of a memtable that may pass; `None` if no index leaves few of them.
    pub(super) fn find_in_memtable(&self, memtable: &Memtable) -> Option<Found> {
        let limit = memtable.published() as u64 / ROWS_PER_FIND;
        let ways = self.ways.iter().filter_map(|way| {
            // In no order, so ranges have to be looked for row by row.
            let keys = way.keys.iter().map(|keys| match keys {
                Keys::One(key) => Some(key),
                Keys::From(..) => None,
            });
            let keys: Vec<&Vec<u8>> = keys.collect::<Option<_>>()?;
            let count = memtable.with_groups(way.field, |groups| {
                keys.iter().map(|key| u64::from(groups.count_of(key))).sum::<u64>()
            })?;
            (count <= limit).then_some((count, way, keys))
        });
        let (_, way, keys) = ways.min_by_key(|(count, ..)| *count)?;
        let mut rows = Vec::new();
        memtable.with_groups(way.field, |groups| {
            keys.iter().for_each(|key| groups.rows_of(key, 0, u32::MAX, &mut rows));
        });
        Some(way.found(memtable.first_seq(), rows))
    }
}

impl Found {
    fn new(asked: Asked, exact: bool, first_seq: i64, mut rows: Vec<u32>) -> Found {
        rows.sort_unstable();
        rows.dedup();
        let seqs = rows.into_iter().map(|row| first_seq + i64::from(row)).collect();
        Found { asked, exact, seqs }
    }

    /// The rows of a batch, those of `seqs`, that may be wanted, of those after the first `passed`.
    pub(super) fn mask(&self, seqs: &Range<i64>, passed: usize) -> Mask {
        let mut mask = Mask::none((seqs.end - seqs.start) as usize);
        let rest = &self.seqs[passed..];
        // Going forward, the rows before the batch are those that were passed.
        let begins = rest.first().is_none_or(|row| *row >= seqs.start);
        let from = if begins { 0 } else { rest.partition_point(|row| *row < seqs.start) };
        for row in rest[from..].iter().take_while(|row| **row < seqs.end) {
            mask.set((row - seqs.start) as usize);
        }
        mask
    }
}

impl Way {
    fn found(&self, first_seq: i64, rows: Vec<u32>) -> Found {
        Found::new(Asked::Leaf(self.leaf), self.exact, first_seq, rows)
    }

    /// How many rows there are, if they are no more than `limit`.
    fn count(&self, reader: &IndexReader, limit: u64) -> Result<Option<u64>> {
        let mut rows = 0;
        for keys in &self.keys {
            match keys {
                Keys::One(key) => rows += u64::from(reader.count_of(key)?),
                Keys::From(low, high) => {
                    let (mut cursor, mut key) = (reader.seek(low)?, Vec::new());
                    while rows <= limit && cursor.key(&mut key)? && is_within(&key, high) {
                        rows += u64::from(cursor.count()?.unwrap_or(0));
                        cursor.advance()?;
                    }
                }
            }
            if rows > limit {
                return Ok(None);
            }
        }
        Ok(Some(rows))
    }

    fn rows(&self, reader: &IndexReader, rows: &mut Vec<u32>) -> Result<()> {
        for keys in &self.keys {
            match keys {
                Keys::One(key) => reader.rows_of(key, rows)?,
                Keys::From(low, high) => {
                    let (mut cursor, mut key) = (reader.seek(low)?, Vec::new());
                    while cursor.key(&mut key)? && is_within(&key, high) {
                        cursor.rows(rows)?;
                        cursor.advance()?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn is_within(key: &[u8], high: &Bound<Vec<u8>>) -> bool {
    match high {
        Bound::Included(high) => key <= &high[..],
        Bound::Excluded(high) => key < &high[..],
        Bound::Unbounded => true,
    }
}

/// The keys of all values for which a predicate is true; `None` if they are not known, or are all.
fn keys_of(predicate: &Predicate) -> Option<Vec<Keys>> {
    let ones = |values: Vec<Scalar<'_>>| {
        let few = values.len() <= VALUES_MAX;
        few.then(|| values.iter().map(|value| Keys::One(key_of(value))).collect())
    };
    let range = |low: Scalar<'_>, high: Scalar<'_>| {
        let (low, high) = (key_of(&low), key_of(&high));
        vec![if low == high { Keys::One(low) } else { Keys::From(low, Bound::Included(high)) }]
    };
    let bytes = |value: &[u8]| key_of(&Scalar::Bytes(Cow::Borrowed(value)));
    match predicate {
        Predicate::Bool { no, yes } => {
            let wanted = [(false, *no), (true, *yes)].into_iter().filter(|(_, wanted)| *wanted);
            ones(wanted.map(|(value, _)| Scalar::Bool(value)).collect())
        }
        Predicate::Int { min, max } if min > max => Some(Vec::new()),
        Predicate::Int { min, max } => Some(range(Scalar::Int(*min), Scalar::Int(*max))),
        Predicate::IntSet(values) => ones(values.iter().map(|v| Scalar::Int(*v)).collect()),
        Predicate::Float { min, max, nan } => {
            let mut keys = Vec::new();
            if min <= max {
                keys = range(Scalar::Float64(*min), Scalar::Float64(*max));
            }
            keys.extend(nan.then(|| Keys::One(key_of(&Scalar::Float64(f64::NAN)))));
            Some(keys)
        }
        Predicate::FloatSet { values, nan } => {
            let values = values.iter().copied().chain(nan.then_some(f64::NAN));
            ones(values.map(Scalar::Float64).collect())
        }
        Predicate::Decimal { min, max } => {
            let low = decimal_key(min)?.unwrap_or_default();
            let high = decimal_key(max)?.map_or(Bound::Unbounded, Bound::Included);
            Some(vec![match high {
                Bound::Included(high) if high == low => Keys::One(low),
                high => Keys::From(low, high),
            }])
        }
        Predicate::DecimalSet(values) => {
            ones(values.iter().map(|value| Scalar::Decimal(*value)).collect())
        }
        Predicate::Bytes { min, max } => {
            let low = match min {
                Bound::Included(low) | Bound::Excluded(low) => bytes(low),
                Bound::Unbounded => Vec::new(),
            };
            Some(vec![match max {
                Bound::Included(high) | Bound::Excluded(high) => match bytes(high) {
                    high if high == low => Keys::One(low),
                    high => Keys::From(low, Bound::Included(high)),
                },
                Bound::Unbounded => Keys::From(low, Bound::Unbounded),
            }])
        }
        Predicate::BytesSet(values) => {
            ones(values.iter().map(|value| Scalar::Bytes(Cow::Borrowed(value))).collect())
        }
        Predicate::StartsWith(head) => {
            let low = bytes(head);
            let high = successor(&low).map_or(Bound::Unbounded, Bound::Excluded);
            Some(vec![Keys::From(low, high)])
        }
        Predicate::EndsWith(_) | Predicate::Contains(_) | Predicate::Matches(_) => None,
    }
}

/// Whether exactly the values that pass have these keys, which are those of [`keys_of`].
fn is_exact(predicate: &Predicate, keys: &[Keys]) -> bool {
    let closed = match predicate {
        Predicate::Bool { .. }
        | Predicate::Int { .. }
        | Predicate::IntSet(_)
        | Predicate::BytesSet(_) => true,
        Predicate::Bytes { min, max } => {
            matches!((min, max), (Bound::Included(min), Bound::Included(max)) if min == max)
        }
        _ => false,
    };
    closed && keys.iter().all(|keys| !matches!(keys, Keys::One(one) if key::is_cut(one)))
}

fn key_of(value: &Scalar<'_>) -> Vec<u8> {
    let mut key = Vec::new();
    key::put_key(value, &mut key);
    key
}

/// The key of a bound, or `Some(None)` where there is no bound; `None` if it has no key.
fn decimal_key(bound: &Bound<Number>) -> Option<Option<Vec<u8>>> {
    let number = match bound {
        Bound::Included(number) | Bound::Excluded(number) => number,
        Bound::Unbounded => return Some(None),
    };
    let value = match number {
        Number::Decimal(value) => *value,
        Number::Int(value) => Decimal::try_from_i128_with_scale(*value, 0).ok()?,
        Number::Float(_) => return None,
    };
    Some(Some(key_of(&Scalar::Decimal(value))))
}

/// The least bytes that are above all that begin with `head`; `None` if there are none.
fn successor(head: &[u8]) -> Option<Vec<u8>> {
    let last = head.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = head[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(keys: &[Keys], value: &Scalar<'_>) -> bool {
        let key = key_of(value);
        keys.iter().any(|keys| match keys {
            Keys::One(one) => *one == key,
            Keys::From(low, high) => *low <= key && is_within(&key, high),
        })
    }

    #[test]
    fn every_value_that_passes_is_covered() {
        let texts: Vec<Vec<u8>> = [&b""[..], b"a", b"ab", b"abc", b"b", b"\xff", b"\xff\xff"]
            .into_iter()
            .map(<[u8]>::to_vec)
            .chain([vec![b'x'; 254], vec![b'x'; 255], vec![b'x'; 256], vec![b'x'; 300]])
            .collect();
        let bound = |text: &Vec<u8>| text.clone().into_boxed_slice();
        let mut predicates = Vec::new();
        for low in &texts {
            predicates.push(Predicate::StartsWith(bound(low)));
            predicates.push(Predicate::BytesSet([bound(&texts[0]), bound(low)].into()));
            for high in &texts {
                for (min, max) in [
                    (Bound::Included(bound(low)), Bound::Included(bound(high))),
                    (Bound::Included(bound(low)), Bound::Excluded(bound(high))),
                    (Bound::Excluded(bound(low)), Bound::Included(bound(high))),
                    (Bound::Unbounded, Bound::Included(bound(high))),
                    (Bound::Excluded(bound(low)), Bound::Unbounded),
                ] {
                    predicates.push(Predicate::Bytes { min, max });
                }
            }
        }
        let (mut passed, mut told_apart) = (0, 0);
        for predicate in &predicates {
            let keys = keys_of(predicate).expect("keys");
            let exact = is_exact(predicate, &keys);
            for text in &texts {
                let (passes, covered) =
                    (predicate.bytes(text), covers(&keys, &Scalar::Bytes(Cow::Borrowed(text))));
                assert!(covered || !passes, "{predicate:?}");
                assert!(passes || !covered || !exact, "{predicate:?} is not exact");
                passed += u32::from(passes);
                told_apart += u32::from(exact && !passes);
            }
        }
        assert!(passed > 1000 && told_apart > 100, "{passed} {told_apart}");
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 2.0, f64::INFINITY, f64::NAN];
        for min in floats {
            for max in floats {
                for nan in [false, true] {
                    let predicate = Predicate::Float { min, max, nan };
                    let keys = keys_of(&predicate).expect("keys");
                    for value in floats.into_iter().filter(|value| predicate.float(*value)) {
                        assert!(covers(&keys, &Scalar::Float64(value)), "{predicate:?} {value}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_comes_after_a_prefix() {
        assert_eq!(successor(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(successor(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff\xff"), None);
        assert_eq!(successor(b""), None);
    }
}
