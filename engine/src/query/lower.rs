//! Comparisons of a field with values, made into predicates on the field's column.
//!
//! What is compared with what (`docs/queries.md` has the same table):
//!
//! | field | takes |
//! |---|---|
//! | bool | a bool |
//! | integers, floats, decimal | any number, compared as real numbers; a decimal also text |
//! | string | text, by its bytes, which is the order of code points |
//! | bytes | bytes |
//! | timestamp | an instant, an integer (ns since the epoch), RFC 3339 text |
//! | duration | a span, an integer (ns), ISO 8601 or friendly text |
//! | json | JSON or text; compared as the text that was stored |
//!
//! Invariants
//! 1. A predicate is exact: a literal that the field's type can't hold falls between the values
//!    that it can, and is never rounded to one of them. Only a number with a point from text takes
//!    the type of a float field, as in a program.
//! 2. A comparison with null is never true: [`Lowered::Never`].

use std::ops::Bound;

use memchr::memmem::Finder;
use regex::bytes::RegexBuilder;
use rust_decimal::Decimal;

use super::expr::{Literal, Op, Part};
use crate::column::Predicate;
use crate::types::convert::fit;
use crate::types::exact::{Number, cmp_floats};
use crate::types::{Physical, u64_to_i64};
use crate::{DataType, Error, Result, Value, ValueRef};

/// Bytes of a compiled regular expression: 10 MiB.
const REGEX_BYTES_MAX: usize = 10 << 20;

/// A field to be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: DataType,
}

/// What a comparison comes to.
#[derive(Debug)]
pub(super) enum Lowered {
    /// True of no row, and neither is its opposite.
    Never,
    Test(Predicate),
}

/// A value in the shape that the field's column has.
enum Point {
    Null,
    Bool(bool),
    /// Of integers, instants, spans, floats and decimals.
    Number(Number),
    Bytes(Box<[u8]>),
}

type Ends = (Bound<Point>, Bound<Point>);

impl Subject<'_> {
    /// `field op value`; `ne` as `eq`, which the caller negates.
    pub(super) fn compare(&self, op: Op, value: &Literal) -> Result<Lowered> {
        let what = op.to_string();
        let end = || self.point(&what, value).map(Bound::Included);
        let open_end = || self.point(&what, value).map(Bound::Excluded);
        self.within_ends(match op {
            Op::Eq | Op::Ne => (end()?, end()?),
            Op::Lt => (Bound::Unbounded, open_end()?),
            Op::Le => (Bound::Unbounded, end()?),
            Op::Gt => (open_end()?, Bound::Unbounded),
            Op::Ge => (end()?, Bound::Unbounded),
        })
    }

    /// `field between low and high`.
    pub(super) fn between(&self, low: &Literal, high: &Literal) -> Result<Lowered> {
        let point = |value| self.point("between", value).map(Bound::Included);
        self.within_ends((point(low)?, point(high)?))
    }

    /// `field in (values)`, and whether there is a null among them.
    pub(super) fn one_of(&self, values: &[Literal]) -> Result<(Predicate, bool)> {
        let points = values.iter().map(|value| self.point("in", value));
        let points = points.collect::<Result<Vec<Point>>>()?;
        let has_null = points.iter().any(|point| matches!(point, Point::Null));
        Ok((self.set(points), has_null))
    }

    fn set(&self, points: Vec<Point>) -> Predicate {
        let number = |point: &Point| match point {
            Point::Number(number) => Some(*number),
            _ => None,
        };
        let numbers = || points.iter().filter_map(number);
        match self.data_type.physical() {
            Physical::Bool => {
                let has = |wanted: bool| {
                    points.iter().any(|point| matches!(point, Point::Bool(v) if *v == wanted))
                };
                Predicate::Bool { no: has(false), yes: has(true) }
            }
            Physical::Int => {
                let mut ints: Vec<i64> = numbers().filter_map(|v| self.exact_int(v)).collect();
                ints.sort_unstable();
                ints.dedup();
                match ints[..] {
                    [one] => Predicate::Int { min: one, max: one },
                    _ => Predicate::IntSet(ints.into()),
                }
            }
            Physical::Float32 | Physical::Float64 => {
                let neighbours = numbers().map(Number::float_neighbours);
                let exact = neighbours.filter(|(below, above)| cmp_floats(*below, *above).is_eq());
                let mut floats: Vec<f64> = exact.map(|(float, _)| float).collect();
                let nan = floats.iter().any(|float| float.is_nan());
                floats.retain(|float| !float.is_nan());
                floats.sort_unstable_by(|a, b| cmp_floats(*a, *b));
                floats.dedup();
                Predicate::FloatSet { values: floats.into(), nan }
            }
            Physical::Decimal => {
                let mut decimals: Vec<Decimal> = numbers().filter_map(exact_decimal).collect();
                decimals.sort_unstable();
                decimals.dedup();
                Predicate::DecimalSet(decimals.into())
            }
            Physical::Bytes => {
                let bytes = points.into_iter().filter_map(|point| match point {
                    Point::Bytes(bytes) => Some(bytes),
                    _ => None,
                });
                let mut bytes: Vec<Box<[u8]>> = bytes.collect();
                bytes.sort_unstable();
                bytes.dedup();
                Predicate::BytesSet(bytes.into())
            }
        }
    }

    /// `contains`, `starts_with`, `ends_with`.
    pub(super) fn part(&self, part: Part, value: &Literal) -> Result<Lowered> {
        self.check_text(&part.to_string())?;
        let bytes = match self.point(&part.to_string(), value)? {
            Point::Bytes(bytes) => bytes,
            _ => return Ok(Lowered::Never),
        };
        Ok(Lowered::Test(match part {
            Part::Contains => Predicate::Contains(Box::new(Finder::new(&bytes).into_owned())),
            Part::StartsWith => Predicate::StartsWith(bytes),
            Part::EndsWith => Predicate::EndsWith(bytes),
        }))
    }

    /// `matches`.
    pub(super) fn matches(&self, pattern: &str) -> Result<Predicate> {
        self.check_text("matches")?;
        let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
        let regex = regex.map_err(|error| {
            let name = self.name;
            Error::invalid(format!("field {name:?}: bad regular expression {pattern:?}: {error}"))
        })?;
        Ok(Predicate::Matches(Box::new(regex)))
    }

    fn check_text(&self, what: &str) -> Result<()> {
        match self.data_type.physical() {
            Physical::Bytes => Ok(()),
            _ => Err(self.mismatch(format!("{what} looks into text, bytes and json only"))),
        }
    }

    fn mismatch(&self, what: String) -> Error {
        let (field, data_type) = (self.name.to_owned(), self.data_type.name());
        Error::TypeMismatch { field, data_type, what }
    }

    /// What the literal is among the values of this field.
    fn point(&self, what: &str, literal: &Literal) -> Result<Point> {
        let value = match literal {
            Literal::Number(number) => return self.number_point(what, *number),
            Literal::Value(value) => value.as_ref(),
        };
        let refuse = || {
            let shown = literal.to_string();
            let cut: String = shown.chars().take(40).collect();
            let dots = if cut.len() < shown.len() { "…" } else { "" };
            Err(self
                .mismatch(format!("{what} does not compare it with {} {cut}{dots}", value.kind())))
        };
        let fitted = || {
            let why = |why: String| self.mismatch(format!("{what}: {why}"));
            fit(self.data_type, value).map_err(why)
        };
        Ok(match (self.data_type, value) {
            (_, ValueRef::Null) => Point::Null,
            (DataType::Bool, ValueRef::Bool(value)) => Point::Bool(value),
            (DataType::String | DataType::Json, ValueRef::Str(text))
            | (DataType::Json, ValueRef::Json(text)) => Point::Bytes(text.as_bytes().into()),
            (DataType::Bytes, ValueRef::Bytes(bytes)) => Point::Bytes(bytes.into()),
            (DataType::Timestamp, _) => match fitted()? {
                ValueRef::Timestamp(nanos) => Point::Number(Number::Int(nanos.into())),
                _ => return refuse(),
            },
            (DataType::Duration, _) => match fitted()? {
                ValueRef::Duration(nanos) => Point::Number(Number::Int(nanos.into())),
                _ => return refuse(),
            },
            (DataType::Decimal, ValueRef::Str(_)) => match Number::of(fitted()?) {
                Some(number) => Point::Number(number),
                None => return refuse(),
            },
            (data_type, value) => match Number::of(value) {
                Some(number) if data_type.is_number() => Point::Number(number),
                _ => return refuse(),
            },
        })
    }

    fn number_point(&self, what: &str, number: Decimal) -> Result<Point> {
        // Reading the digits as a float rounds once, as a program's literal is.
        let digits = number.to_string();
        Ok(Point::Number(match self.data_type {
            DataType::Float64 => Number::Float(digits.parse().unwrap_or(f64::NAN)),
            DataType::Float32 => Number::Float(digits.parse().map_or(f64::NAN, f32::into)),
            data_type if data_type.is_number() => Number::Decimal(number),
            _ => {
                let number = Literal::Value(Value::Decimal(number));
                return self.point(what, &number);
            }
        }))
    }

    fn within_ends(&self, ends: Ends) -> Result<Lowered> {
        if matches!(ends.0, Bound::Included(Point::Null) | Bound::Excluded(Point::Null))
            || matches!(ends.1, Bound::Included(Point::Null) | Bound::Excluded(Point::Null))
        {
            return Ok(Lowered::Never);
        }
        Ok(Lowered::Test(match self.data_type.physical() {
            Physical::Bool => bool_range(&ends),
            Physical::Int => self.int_range(&ends),
            Physical::Float32 | Physical::Float64 => float_range(&ends),
            Physical::Decimal => {
                // As a decimal once, not in every comparison.
                let end = |end| {
                    let number = |v| exact_decimal(v).map_or(v, Number::Decimal);
                    number_end(end).map(number)
                };
                Predicate::Decimal { min: end(&ends.0), max: end(&ends.1) }
            }
            Physical::Bytes => {
                let bytes = |point| match point {
                    Point::Bytes(bytes) => bytes,
                    _ => Box::default(),
                };
                Predicate::Bytes { min: ends.0.map(bytes), max: ends.1.map(bytes) }
            }
        }))
    }

    /// The integer in memory that a number is, where the type has it.
    fn exact_int(&self, number: Number) -> Option<i64> {
        let (min, max) = self.data_type.int_range()?;
        let int = number.floor();
        (int == number.ceil() && (min..=max).contains(&int)).then(|| self.int_in_memory(int))
    }

    /// `int` has to be in the type's range.
    fn int_in_memory(&self, int: i128) -> i64 {
        match self.data_type {
            DataType::UInt64 => u64_to_i64(int as u64),
            _ => int as i64,
        }
    }

    fn int_range(&self, (low, high): &Ends) -> Predicate {
        let (min, max) = self.data_type.int_range().unwrap_or((0, -1));
        let from = match number_end(low) {
            Bound::Included(number) => number.ceil().max(min),
            Bound::Excluded(number) => (number.floor() + 1).max(min),
            Bound::Unbounded => min,
        };
        let to = match number_end(high) {
            Bound::Included(number) => number.floor().min(max),
            Bound::Excluded(number) => (number.ceil() - 1).min(max),
            Bound::Unbounded => max,
        };
        if from > to {
            return Predicate::Int { min: 1, max: 0 };
        }
        Predicate::Int { min: self.int_in_memory(from), max: self.int_in_memory(to) }
    }
}

fn number_end(end: &Bound<Point>) -> Bound<Number> {
    let number = |point: &Point| match point {
        Point::Number(number) => *number,
        _ => Number::Int(0),
    };
    end.as_ref().map(number)
}

fn bool_range((low, high): &Ends) -> Predicate {
    let accepts = |value: bool| {
        let above = match low {
            Bound::Included(Point::Bool(low)) => value >= *low,
            Bound::Excluded(Point::Bool(low)) => value & !low,
            _ => true,
        };
        above
            && match high {
                Bound::Included(Point::Bool(high)) => value <= *high,
                Bound::Excluded(Point::Bool(high)) => !value & high,
                _ => true,
            }
    };
    Predicate::Bool { no: accepts(false), yes: accepts(true) }
}

/// NaN is greater than every number: whatever has no upper end takes it.
fn float_range((low, high): &Ends) -> Predicate {
    const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = (number_end(low), number_end(high));
    let is_nan = |number: &Number| matches!(number, Number::Float(v) if v.is_nan());
    // From where on, and whether any number is at all.
    let min = match low {
        Bound::Unbounded => Some(f64::NEG_INFINITY),
        Bound::Included(number) | Bound::Excluded(number) if is_nan(&number) => None,
        Bound::Included(number) => Some(number.float_neighbours().1),
        Bound::Excluded(number) => match number.float_neighbours() {
            (below, above) if below < above => Some(above),
            (f64::INFINITY, _) => None,
            (same, _) => Some(same.next_up()),
        },
    };
    let max = match high {
        Bound::Unbounded => Some(f64::INFINITY),
        Bound::Included(number) | Bound::Excluded(number) if is_nan(&number) => Some(f64::INFINITY),
        Bound::Included(number) => Some(number.float_neighbours().0),
        Bound::Excluded(number) => match number.float_neighbours() {
            (below, above) if below < above => Some(below),
            (f64::NEG_INFINITY, _) => None,
            (same, _) => Some(same.next_down()),
        },
    };
    let above_low = !matches!(low, Bound::Excluded(number) if is_nan(&number));
    let below_high = match high {
        Bound::Unbounded => true,
        Bound::Included(number) => is_nan(&number),
        Bound::Excluded(_) => false,
    };
    let (min, max) = min.zip(max).unwrap_or(NOTHING);
    Predicate::Float { min, max, nan: above_low && below_high }
}

/// The decimal that a number is, where there is one.
fn exact_decimal(number: Number) -> Option<Decimal> {
    let decimal = match number {
        Number::Decimal(decimal) => Some(decimal),
        Number::Int(int) => Decimal::try_from_i128_with_scale(int, 0).ok(),
        Number::Float(float) => Decimal::from_f64_retain(float),
    };
    decimal.filter(|decimal| number.cmp_decimal(*decimal).is_eq())
}
