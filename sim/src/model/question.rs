//! Which rows a question is about: every row looked at by itself, as `docs/queries.md` has it, with
//! nothing that the engine's queries have.
//!
//! Invariants:
//! 1. A condition is true of a row, false of it, or unknown (`None`): a comparison with null is
//!    unknown, and so is what hangs on it. Only where it is true the row is wanted.
//! 2. Values of a field are in a total order: NaN equals itself and is the greatest number, minus
//!    zero equals zero, nulls equal each other and are less than all else.

use std::borrow::Cow;
use std::cmp::Ordering;

use srdb::{DataType, Value};

use super::Rows;
use crate::plan::{self, Ask, Is, Key, Nulls, Wanted};
use crate::shape::Shape;

/// What a row is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A field of the table, by its place.
    Value(usize),
    /// `_seq`.
    Seq,
    /// `_time`.
    Time,
}

impl Field {
    /// A field of a shape by any number.
    pub fn of(shape: Shape, number: u8) -> Field {
        let fields = shape.fields().len();
        match usize::from(number) % (fields + 2) {
            place if place < fields => Field::Value(place),
            place if place == fields => Field::Seq,
            _ => Field::Time,
        }
    }

    /// One of those whose type is as wanted; any if there is none.
    pub fn of_type(shape: Shape, number: u8, is_wanted: fn(DataType) -> bool) -> Field {
        let fields = shape.fields().iter().enumerate();
        let wanted: Vec<usize> =
            fields.filter(|(_, field)| is_wanted(field.1)).map(|(place, _)| place).collect();
        match usize::from(number).checked_rem(wanted.len()) {
            Some(at) => Field::Value(wanted[at]),
            None => Field::of(shape, number),
        }
    }

    /// Its name.
    pub fn name(self, shape: Shape) -> &'static str {
        match self {
            Field::Value(place) => shape.fields()[place].0,
            Field::Seq => "_seq",
            Field::Time => "_time",
        }
    }

    /// The type of its values.
    pub fn data_type(self, shape: Shape) -> DataType {
        match self {
            Field::Value(place) => shape.fields()[place].1,
            Field::Seq => DataType::Int64,
            Field::Time => DataType::Timestamp,
        }
    }

    /// What row `at` has there.
    pub fn value(self, rows: &Rows, at: usize) -> Cow<'_, Value> {
        match self {
            Field::Value(place) => Cow::Borrowed(&rows[at].1[place]),
            Field::Seq => Cow::Owned(Value::Int(at as i64 + 1)),
            Field::Time => Cow::Owned(Value::Timestamp(rows[at].0)),
        }
    }
}

/// A condition about the rows of one table, the values spelt out.
#[derive(Debug, Clone)]
pub enum Condition {
    /// All of these.
    And(Vec<Condition>),
    /// Any of these.
    Or(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// A test of one field.
    Test(Test),
}

/// A test of one field.
#[derive(Debug, Clone)]
pub struct Test {
    /// Of which.
    pub field: Field,
    /// How it compares.
    pub is: Is,
    /// With what; as many as [`Is::takes`].
    pub than: Vec<Value>,
}

impl Condition {
    /// What a plan's condition means for these rows.
    pub fn of(condition: &plan::Condition, shape: Shape, rows: &Rows) -> Condition {
        let all = |parts: &[plan::Condition]| {
            parts.iter().map(|part| Condition::of(part, shape, rows)).collect()
        };
        match condition {
            plan::Condition::And(parts) => Condition::And(all(parts)),
            plan::Condition::Or(parts) => Condition::Or(all(parts)),
            plan::Condition::Not(inner) => {
                Condition::Not(Box::new(Condition::of(inner, shape, rows)))
            }
            plan::Condition::Test(test) => Condition::Test(Test::of(test, shape, rows)),
        }
    }

    /// Whether it asks for parts of what is no text, which is refused.
    pub fn is_refused(&self, shape: Shape) -> bool {
        match self {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().any(|part| part.is_refused(shape))
            }
            Condition::Not(inner) => inner.is_refused(shape),
            Condition::Test(test) => test.is.is_of_texts() && !is_text(test.field.data_type(shape)),
        }
    }

    /// Whether it is true of row `at`.
    pub fn truth(&self, rows: &Rows, at: usize) -> Option<bool> {
        match self {
            Condition::And(parts) => all(parts.iter().map(|part| part.truth(rows, at))),
            Condition::Or(parts) => any(parts.iter().map(|part| part.truth(rows, at))),
            Condition::Not(inner) => inner.truth(rows, at).map(|truth| !truth),
            Condition::Test(test) => test.truth(&test.field.value(rows, at)),
        }
    }

    /// The rows of which it is true, by their place.
    pub fn wanted(&self, rows: &Rows) -> Vec<usize> {
        rows.places().filter(|at| self.truth(rows, *at) == Some(true)).collect()
    }
}

/// False if any is false, else unknown if any is.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    if parts.contains(&None) { None } else { Some(true) }
}

/// True if any is true, else unknown if any is.
fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(true)) {
        return Some(true);
    }
    if parts.contains(&None) { None } else { Some(false) }
}

impl Test {
    fn of(test: &plan::Test, shape: Shape, rows: &Rows) -> Test {
        let is = test.is;
        let field = if is.is_of_texts() {
            Field::of_type(shape, test.field, is_text)
        } else {
            Field::of(shape, test.field)
        };
        let mut than: Vec<Value> =
            test.than.iter().map(|wanted| value_near(*wanted, field, rows)).collect();
        if let Some(count) = is.takes() {
            than.resize(count, Value::Null);
        }
        Test { field, is, than }
    }

    fn truth(&self, value: &Value) -> Option<bool> {
        let with = |at: usize| compare(value, &self.than[at]);
        match self.is {
            Is::Null => Some(value.is_null()),
            Is::Eq => with(0).map(|order| order == Ordering::Equal),
            Is::Ne => with(0).map(|order| order != Ordering::Equal),
            Is::Lt => with(0).map(|order| order == Ordering::Less),
            Is::Lte => with(0).map(|order| order != Ordering::Greater),
            Is::Gt => with(0).map(|order| order == Ordering::Greater),
            Is::Gte => with(0).map(|order| order != Ordering::Less),
            Is::Between => {
                let from = with(0).map(|order| order != Ordering::Less);
                let to = with(1).map(|order| order != Ordering::Greater);
                all([from, to].into_iter())
            }
            Is::In => any((0..self.than.len()).map(|at| with(at).map(|o| o == Ordering::Equal))),
            Is::StartsWith => {
                let (text, part) = (bytes(value)?, bytes(&self.than[0])?);
                Some(text.starts_with(part))
            }
            Is::Contains => {
                let (text, part) = (bytes(value)?, bytes(&self.than[0])?);
                Some((0..=text.len()).any(|from| text[from..].starts_with(part)))
            }
        }
    }
}

/// The value that a plan names.
fn value_near(wanted: Wanted, field: Field, rows: &Rows) -> Value {
    let seq = i64::from(wanted.at) * (rows.len() as i64 + 1) / 1000;
    let at = usize::try_from(seq - 1).ok().filter(|at| *at < rows.len());
    let Some(at) = at else { return Value::Null };
    let (value, off) = (field.value(rows, at).into_owned(), i64::from(wanted.off));
    if off == 0 {
        return value;
    }
    match value {
        Value::Bool(value) => Value::Bool(value ^ (off % 2 != 0)),
        Value::Int(value) => Value::Int(value.saturating_add(off)),
        Value::Timestamp(value) => Value::Timestamp(value.saturating_add(off)),
        Value::Duration(value) => Value::Duration(value.saturating_add(off)),
        // Below zero no field of this type has it.
        Value::UInt(value) => match i128::from(value) + i128::from(off) {
            below @ ..0 => Value::Int(below as i64),
            sum => Value::UInt(u64::try_from(sum).unwrap_or(u64::MAX)),
        },
        Value::Float32(value) => Value::Float32(value + off as f32),
        Value::Float64(value) => Value::Float64(value + off as f64),
        Value::Decimal(value) => Value::Decimal(value.checked_add(off.into()).unwrap_or(value)),
        // What is left of JSON is a text.
        Value::String(text) | Value::Json(text) => {
            let letters: Vec<char> = text.chars().collect();
            Value::String(part(&letters, off).iter().collect())
        }
        Value::Bytes(bytes) => Value::Bytes(part(&bytes, off).to_vec()),
        other => other,
    }
}

fn part<T>(whole: &[T], off: i64) -> &[T] {
    let cut = (off.unsigned_abs() as usize).min(whole.len());
    if off < 0 { &whole[..whole.len() - cut] } else { &whole[cut..] }
}

fn is_text(data_type: DataType) -> bool {
    matches!(data_type, DataType::String | DataType::Bytes | DataType::Json)
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) | Value::Json(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// How a value of a field compares with another of its type, or with a number or text in its place;
/// not at all with a null.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    let floats = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    if let (Some(a), Some(b)) = (bytes(a), bytes(b)) {
        return Some(a.cmp(b));
    }
    Some(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b))
        | (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::UInt(a), Value::UInt(b)) => a.cmp(b),
        (Value::UInt(a), Value::Int(b)) => i128::from(*a).cmp(&i128::from(*b)),
        (Value::Float32(a), Value::Float32(b)) => floats((*a).into(), (*b).into()),
        (Value::Float64(a), Value::Float64(b)) => floats(*a, *b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        // One of them is null, for values of one field are of one kind.
        _ => return None,
    })
}

/// The order that values of one field are in.
pub fn order(a: &Value, b: &Value) -> Ordering {
    compare(a, b).unwrap_or_else(|| b.is_null().cmp(&a.is_null()))
}

/// The `_seq`s of the rows that a question is after, in its order.
pub fn answer(ask: &Ask, condition: &Condition, shape: Shape, rows: &Rows) -> Vec<i64> {
    let mut wanted = condition.wanted(rows);
    if let Some(key) = ask.order {
        sort(&mut wanted, key, shape, rows);
    }
    let limit = ask.limit.map_or(usize::MAX, usize::from);
    let rest = wanted.into_iter().skip(ask.offset.into()).take(limit);
    rest.map(|at| at as i64 + 1).collect()
}

/// Puts rows in order; those that are equal go by `_seq`, in the same direction.
fn sort(wanted: &mut [usize], key: Key, shape: Shape, rows: &Rows) {
    let field = Field::of(shape, key.field);
    let nulls_first = match key.nulls {
        Some(nulls) => nulls == Nulls::First,
        None => !key.down,
    };
    wanted.sort_by(|a, b| {
        let (a_value, b_value) = (field.value(rows, *a), field.value(rows, *b));
        let order = match (a_value.is_null(), b_value.is_null()) {
            (true, false) if nulls_first => return Ordering::Less,
            (false, true) if nulls_first => return Ordering::Greater,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            _ => order(&a_value, &b_value).then(a.cmp(b)),
        };
        if key.down { order.reverse() } else { order }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Condition as Asked;

    /// Ids 1, 2 and 3; names `aå`, none and `b`.
    fn rows() -> Rows {
        let name = |name: Option<&str>| name.map_or(Value::Null, |n| Value::String(n.to_owned()));
        let rows = [(1, Some("aå")), (2, None), (3, Some("b"))].into_iter();
        let row = |(id, n)| [Value::UInt(id), name(n), Value::Null, Value::Null, Value::Null];
        rows.map(|of| (7, row(of).into())).collect()
    }

    /// `at`: 250, 500 and 750 are the rows, 0 is none.
    fn test(field: u8, is: Is, than: &[(u16, i8)]) -> Asked {
        let than = than.iter().map(|&(at, off)| Wanted { at, off }).collect();
        Asked::Test(plan::Test { field, is, than })
    }

    fn found(condition: &Asked) -> Vec<usize> {
        let rows = rows();
        Condition::of(condition, Shape::Keyed, &rows).wanted(&rows)
    }

    fn not(condition: Asked) -> Asked {
        Asked::Not(Box::new(condition))
    }

    #[test]
    fn what_is_unknown_is_neither_true_nor_its_opposite() {
        let is_a = test(1, Is::Eq, &[(250, 0)]);
        assert_eq!((found(&is_a), found(&not(is_a.clone()))), (vec![0], vec![2]));
        let with_null = test(1, Is::In, &[(250, 0), (0, 0)]);
        assert_eq!((found(&with_null), found(&not(with_null.clone()))), (vec![0], vec![]));
        let none = test(1, Is::In, &[]);
        assert_eq!((found(&none), found(&not(none.clone()))), (vec![], vec![0, 1, 2]));
        let or_id = Asked::Or(vec![is_a.clone(), test(0, Is::Gt, &[(250, 0)])]);
        assert_eq!((found(&or_id), found(&not(or_id.clone()))), (vec![0, 1, 2], vec![]));
        let and_id = not(Asked::And(vec![is_a, test(0, Is::Gte, &[(750, 0)])]));
        assert_eq!(found(&and_id), [0, 1, 2], "false and unknown is false");
    }

    #[test]
    fn values_near_those_there_are() {
        assert_eq!(found(&test(0, Is::Lt, &[(250, 1)])), [0]);
        assert_eq!(found(&test(0, Is::Gt, &[(250, -5)])), [0, 1, 2], "-4 is below any");
        assert_eq!(found(&test(1, Is::StartsWith, &[(250, -1)])), [0]);
        assert_eq!(found(&test(0, Is::Contains, &[(250, 1)])), [0], "the one field of texts");
        assert_eq!(found(&test(1, Is::Null, &[])), [1]);
        assert_eq!(found(&test(5, Is::Between, &[(500, 0), (750, 0)])), [1, 2], "_seq");
    }

    #[test]
    fn nulls_are_least_unless_the_order_says_otherwise() {
        let seqs = |down, nulls, limit| {
            let order = Some(Key { field: 1, down, nulls });
            let ask = Ask { order, limit, offset: 1, ..Ask::default() };
            let (rows, all) = (rows(), Condition::And(Vec::new()));
            answer(&ask, &all, Shape::Keyed, &rows)
        };
        assert_eq!(seqs(false, None, None), [1, 3]);
        assert_eq!(seqs(true, None, None), [1, 2]);
        assert_eq!(seqs(true, Some(Nulls::First), Some(1)), [3]);
    }
}
