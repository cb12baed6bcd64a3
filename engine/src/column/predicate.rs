//! Predicates on the values of one column, in the shape that values have in memory, and what a
//! zone map says of them.
//!
//! A predicate is made once a query, from an expression and the field's type, and asked for every
//! block. It is true or false of a value; nulls are no values.
//!
//! Invariants
//! 1. [`Predicate::judge`] never claims what a row could contradict: `Some` is always right.
//! 2. Floats are in the total order of `types/exact.rs`: -0.0 is 0.0, NaN is greatest.

use std::cmp::Ordering;
use std::ops::Bound;

use memchr::memmem::Finder;
use regex::bytes::Regex;
use rust_decimal::Decimal;

use super::ZoneMap;
use super::zone::BytesBounds;
use crate::types::Physical;
use crate::types::exact::{Number, cmp_floats};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    /// Which of false and true are accepted.
    Bool {
        no: bool,
        yes: bool,
    },
    /// From `min` to `max`; nothing where `min` is greater.
    Int {
        min: i64,
        max: i64,
    },
    /// Ascending, each once.
    IntSet(Box<[i64]>),
    /// From `min` to `max`, of either width, and NaNs where `nan` says so.
    Float {
        min: f64,
        max: f64,
        nan: bool,
    },
    /// Ascending, each once, no NaN; and NaNs where `nan` says so.
    FloatSet {
        values: Box<[f64]>,
        nan: bool,
    },
    Decimal {
        min: Bound<Number>,
        max: Bound<Number>,
    },
    /// Ascending.
    DecimalSet(Box<[Decimal]>),
    Bytes {
        min: Bound<Box<[u8]>>,
        max: Bound<Box<[u8]>>,
    },
    /// Ascending.
    BytesSet(Box<[Box<[u8]>]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    Matches(Box<Regex>),
}

/// What is known of some rows without looking at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It holds for none.
    None,
    /// Unknown.
    Some,
    /// It holds for all.
    All,
}

impl Verdict {
    pub(crate) fn negated(self) -> Verdict {
        match self {
            Verdict::None => Verdict::All,
            Verdict::Some => Verdict::Some,
            Verdict::All => Verdict::None,
        }
    }

    fn of(none: bool, all: bool) -> Verdict {
        match (none, all) {
            (true, _) => Verdict::None,
            (_, true) => Verdict::All,
            _ => Verdict::Some,
        }
    }
}

impl Predicate {
    pub(crate) fn bool(&self, value: bool) -> bool {
        match self {
            Predicate::Bool { no, yes } => {
                if value {
                    *yes
                } else {
                    *no
                }
            }
            _ => false,
        }
    }

    pub(crate) fn int(&self, value: i64) -> bool {
        match self {
            Predicate::Int { min, max } => (*min..=*max).contains(&value),
            Predicate::IntSet(values) => values.binary_search(&value).is_ok(),
            _ => false,
        }
    }

    pub(crate) fn float(&self, value: f64) -> bool {
        match self {
            Predicate::Float { min, max, nan } => {
                (*min <= value && value <= *max) || (*nan && value.is_nan())
            }
            Predicate::FloatSet { nan, .. } if value.is_nan() => *nan,
            Predicate::FloatSet { values, .. } => {
                values.binary_search_by(|other| cmp_floats(*other, value)).is_ok()
            }
            _ => false,
        }
    }

    pub(crate) fn decimal(&self, value: Decimal) -> bool {
        match self {
            Predicate::Decimal { min, max } => !is_below(value, min) && !is_above(value, max),
            Predicate::DecimalSet(values) => values.binary_search(&value).is_ok(),
            _ => false,
        }
    }

    pub(crate) fn bytes(&self, value: &[u8]) -> bool {
        match self {
            Predicate::Bytes { min, max } => {
                let above = match min {
                    Bound::Included(min) => value >= &**min,
                    Bound::Excluded(min) => value > &**min,
                    Bound::Unbounded => true,
                };
                above
                    && match max {
                        Bound::Included(max) => value <= &**max,
                        Bound::Excluded(max) => value < &**max,
                        Bound::Unbounded => true,
                    }
            }
            Predicate::BytesSet(values) => {
                values.binary_search_by(|other| (**other).cmp(value)).is_ok()
            }
            Predicate::StartsWith(start) => value.starts_with(start),
            Predicate::EndsWith(end) => value.ends_with(end),
            Predicate::Contains(finder) => finder.find(value).is_some(),
            Predicate::Matches(regex) => regex.is_match(value),
            _ => false,
        }
    }

    /// What the zone map of a column says of the rows that hold a value.
    pub(crate) fn judge(&self, zone: &ZoneMap, physical: Physical) -> Verdict {
        if zone.valid_count() == 0 {
            return Verdict::None;
        }
        let judged = match physical {
            Physical::Bool => self.judge_bools(zone),
            Physical::Int => self.judge_ints(zone),
            Physical::Float32 | Physical::Float64 => Some(self.judge_floats(zone)),
            Physical::Decimal => self.judge_decimals(zone),
            Physical::Bytes => zone.bytes_bounds().map(|bounds| self.judge_bytes(bounds)),
        };
        judged.unwrap_or(Verdict::Some)
    }

    fn judge_bools(&self, zone: &ZoneMap) -> Option<Verdict> {
        let Predicate::Bool { no, yes } = self else { return None };
        let (min, max) = zone.bools().0?;
        let (has_no, has_yes) = (!min, max);
        let none = !(has_no && *no || has_yes && *yes);
        Some(Verdict::of(none, (!has_no || *no) && (!has_yes || *yes)))
    }

    fn judge_ints(&self, zone: &ZoneMap) -> Option<Verdict> {
        let (least, greatest) = zone.int_bounds()?;
        Some(match self {
            Predicate::Int { min, max } => Verdict::of(
                *max < least || *min > greatest || min > max,
                *min <= least && greatest <= *max,
            ),
            Predicate::IntSet(values) => {
                let from = values.partition_point(|value| *value < least);
                let near = values.get(from).filter(|value| **value <= greatest);
                Verdict::of(near.is_none(), near.is_some() && least == greatest)
            }
            _ => return None,
        })
    }

    fn judge_floats(&self, zone: &ZoneMap) -> Verdict {
        let (numbers, accepts_nan) = match (self, zone.float_bounds()) {
            (Predicate::Float { nan, .. } | Predicate::FloatSet { nan, .. }, None) => (None, *nan),
            (Predicate::Float { min, max, nan }, Some((least, greatest))) => {
                let none = *max < least || *min > greatest || min > max;
                (Some(Verdict::of(none, *min <= least && greatest <= *max)), *nan)
            }
            (Predicate::FloatSet { values, nan }, Some((least, greatest))) => {
                let from = values.partition_point(|value| *value < least);
                let near = values.get(from).filter(|value| **value <= greatest);
                (Some(Verdict::of(near.is_none(), near.is_some() && least == greatest)), *nan)
            }
            _ => return Verdict::Some,
        };
        let nans = match (zone.has_nan(), accepts_nan) {
            (false, _) => None,
            (true, true) => Some(Verdict::All),
            (true, false) => Some(Verdict::None),
        };
        match (numbers, nans) {
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) if one == other => one,
            _ => Verdict::Some,
        }
    }

    fn judge_decimals(&self, zone: &ZoneMap) -> Option<Verdict> {
        let (least, greatest) = zone.decimal_bounds()?;
        Some(match self {
            Predicate::Decimal { min, max } => Verdict::of(
                is_above(least, max) || is_below(greatest, min),
                !is_below(least, min) && !is_above(greatest, max),
            ),
            Predicate::DecimalSet(values) => {
                let from = values.partition_point(|value| *value < least);
                let near = values.get(from).filter(|value| **value <= greatest);
                Verdict::of(near.is_none(), near.is_some() && least == greatest)
            }
            _ => return None,
        })
    }

    fn judge_bytes(&self, zone: BytesBounds<'_>) -> Verdict {
        let is_exact = !zone.min_is_cut && !zone.max_is_cut && zone.min == zone.max;
        if is_exact {
            // All rows hold the same.
            let holds = self.bytes(zone.min);
            return Verdict::of(!holds, holds);
        }
        // Whether every value is below `bytes`, for certain.
        let all_below = |bytes: &[u8], or_equal: bool| match zone.max_is_cut {
            true => bytes.get(..zone.max.len()).unwrap_or(bytes) > zone.max,
            false => zone.max < bytes || or_equal && zone.max == bytes,
        };
        match self {
            Predicate::Bytes { min, max } => {
                let none = match min {
                    Bound::Included(min) => all_below(min, false),
                    Bound::Excluded(min) => all_below(min, true),
                    Bound::Unbounded => false,
                } || match max {
                    Bound::Included(max) => zone.min > &**max,
                    Bound::Excluded(max) => zone.min >= &**max,
                    Bound::Unbounded => false,
                };
                let all = match min {
                    Bound::Included(min) => zone.min >= &**min,
                    Bound::Excluded(min) => zone.min > &**min,
                    Bound::Unbounded => true,
                } && match max {
                    Bound::Included(max) => all_below(max, true),
                    Bound::Excluded(max) => all_below(max, false),
                    Bound::Unbounded => true,
                };
                Verdict::of(none, all)
            }
            Predicate::BytesSet(values) => {
                let possible = |value: &[u8]| {
                    value >= zone.min && (value == zone.max || !all_below(value, false))
                };
                Verdict::of(!values.iter().any(|value| possible(value)), false)
            }
            Predicate::StartsWith(start) => {
                let cut = |bytes: &[u8]| bytes[..bytes.len().min(start.len())].cmp(start);
                // Values between two that begin with the same begin with it too.
                let begins = zone.min.starts_with(start) && zone.max.starts_with(start);
                let above = cut(zone.min) == Ordering::Greater;
                let below = all_below(start, false);
                Verdict::of(above || below, begins)
            }
            _ => Verdict::Some,
        }
    }
}

fn is_below(value: Decimal, min: &Bound<Number>) -> bool {
    match min {
        Bound::Included(min) => min.cmp_decimal(value) == Ordering::Greater,
        Bound::Excluded(min) => min.cmp_decimal(value) != Ordering::Less,
        Bound::Unbounded => false,
    }
}

fn is_above(value: Decimal, max: &Bound<Number>) -> bool {
    match max {
        Bound::Included(max) => max.cmp_decimal(value) == Ordering::Less,
        Bound::Excluded(max) => max.cmp_decimal(value) != Ordering::Greater,
        Bound::Unbounded => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;
    use crate::chunk::{Column, Scalar};

    fn boxed(bytes: &[u8]) -> Box<[u8]> {
        bytes.into()
    }

    /// Every verdict against the values themselves.
    fn check(data_type: DataType, predicates: &[Predicate], columns: &[Vec<Scalar<'_>>]) {
        let mut sure = 0;
        for values in columns {
            let mut column = Column::new(data_type.physical());
            values.iter().for_each(|value| column.push(value));
            let zone = ZoneMap::of(&column, data_type);
            for predicate in predicates {
                let holds = |value: &Scalar<'_>| match value {
                    Scalar::Null => None,
                    Scalar::Bool(v) => Some(predicate.bool(*v)),
                    Scalar::Int(v) => Some(predicate.int(*v)),
                    Scalar::Float32(v) => Some(predicate.float((*v).into())),
                    Scalar::Float64(v) => Some(predicate.float(*v)),
                    Scalar::Decimal(v) => Some(predicate.decimal(*v)),
                    Scalar::Bytes(v) => Some(predicate.bytes(v)),
                };
                let found: Vec<bool> = values.iter().filter_map(holds).collect();
                let verdict = predicate.judge(&zone, data_type.physical());
                let right = match verdict {
                    Verdict::None => found.iter().all(|holds| !holds),
                    Verdict::All => found.iter().all(|holds| *holds),
                    Verdict::Some => true,
                };
                sure += usize::from(verdict != Verdict::Some);
                assert!(right, "{predicate:?} of {values:?}: {verdict:?}");
            }
        }
        assert!(sure > columns.len() / 4, "zone maps say next to nothing");
    }

    #[test]
    fn verdicts_on_text_hold_for_every_value() {
        let texts: [&[u8]; 12] = [
            b"",
            b"\0",
            b"a",
            b"ab",
            b"abcdefghijklmnop",
            b"abcdefghijklmnopq",
            b"abcdefghijklmnoq",
            b"abcdefghijklmno",
            b"abcdefghijklmnop\0",
            b"b",
            b"\xFF\xFF",
            b"abcdefghijklmnopz",
        ];
        let mut predicates = Vec::new();
        for low in texts {
            predicates.push(Predicate::StartsWith(boxed(low)));
            predicates.push(Predicate::EndsWith(boxed(low)));
            predicates.push(Predicate::BytesSet([boxed(low)].into()));
            let ends = |bytes: &[u8]| {
                let bytes = boxed(bytes);
                [Bound::Included(bytes.clone()), Bound::Excluded(bytes), Bound::Unbounded]
            };
            for high in texts {
                for min in ends(low) {
                    for max in ends(high) {
                        predicates.push(Predicate::Bytes { min: min.clone(), max });
                    }
                }
            }
        }
        let mut columns = Vec::new();
        for a in texts {
            for b in texts {
                for c in [None, Some(b"abcdefghijklmnopq".as_slice())] {
                    let mut values = vec![Scalar::Bytes(a.into()), Scalar::Bytes(b.into())];
                    values.push(c.map_or(Scalar::Null, |c| Scalar::Bytes(c.into())));
                    columns.push(values);
                }
            }
        }
        check(DataType::Bytes, &predicates, &columns);
    }

    #[test]
    fn verdicts_on_numbers_hold_for_every_value() {
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 5e-324, 2.0, f64::INFINITY, f64::NAN];
        let (mut predicates, mut columns) = (Vec::new(), Vec::new());
        for min in floats {
            for max in floats {
                for nan in [false, true] {
                    predicates.push(Predicate::Float { min, max, nan });
                    let mut values: Vec<f64> =
                        [min, max].into_iter().filter(|v| !v.is_nan()).collect();
                    values.sort_by(|a, b| cmp_floats(*a, *b));
                    values.dedup();
                    predicates.push(Predicate::FloatSet { values: values.into(), nan });
                    columns.push(vec![Scalar::Float64(min), Scalar::Float64(max), Scalar::Null]);
                }
            }
        }
        check(DataType::Float64, &predicates, &columns);
        let ints = [i64::MIN, -1, 0, 7, i64::MAX];
        let (mut predicates, mut columns) = (Vec::new(), Vec::new());
        for min in ints {
            for max in ints {
                predicates.push(Predicate::Int { min, max });
                predicates.push(Predicate::IntSet([min, max.max(min)].into()));
                columns.push(vec![Scalar::Int(min), Scalar::Null, Scalar::Int(max)]);
            }
        }
        check(DataType::Int64, &predicates, &columns);
    }
}
