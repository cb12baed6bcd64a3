//! What a condition means, spelt out without care for speed.

use std::cmp::Ordering;

use srdb::{DataType, Expr, Value, col};

/// A row and its number.
pub(crate) struct Cell<'a> {
    pub(crate) seq: usize,
    pub(crate) row: &'a [Value],
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Part {
    Contains,
    StartsWith,
    EndsWith,
    /// A pattern that means the text itself.
    Matches,
}

/// A condition, to be turned into an expression and to be evaluated here. `field` is the number of
/// a field, or [`SEQ`].
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Compare(usize, Op, Value),
    Between(usize, Value, Value, bool),
    In(usize, Vec<Value>, bool),
    Part(usize, Part, Value, bool),
    IsNull(usize, bool),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

pub(crate) const SEQ: usize = usize::MAX;

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

fn negated(value: Option<bool>, negate: bool) -> Option<bool> {
    if negate { not(value) } else { value }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// `or` of them all.
fn any(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut any = Some(false);
    for part in parts {
        any = match (any, part) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    any
}

impl Condition {
    pub(crate) fn of(&self, cell: &Cell<'_>) -> Option<bool> {
        let value = |field: &usize| match *field {
            SEQ => Value::Int(cell.seq as i64),
            field => cell.row[field].clone(),
        };
        let holds = |left: &Value, op: Op, right: &Value| {
            if left.is_null() || right.is_null() {
                return None;
            }
            let order = compare(left, right);
            Some(match op {
                Op::Eq => order == Ordering::Equal,
                Op::Ne => order != Ordering::Equal,
                Op::Lt => order == Ordering::Less,
                Op::Le => order != Ordering::Greater,
                Op::Gt => order == Ordering::Greater,
                Op::Ge => order != Ordering::Less,
            })
        };
        match self {
            Condition::Compare(field, op, right) => holds(&value(field), *op, right),
            Condition::Between(field, low, high, negate) => {
                let value = value(field);
                let inside = and(holds(&value, Op::Ge, low), holds(&value, Op::Le, high));
                negated(inside, *negate)
            }
            Condition::In(field, values, negate) => {
                let value = value(field);
                let any = any(values.iter().map(|other| holds(&value, Op::Eq, other)));
                negated(any, *negate)
            }
            Condition::Part(field, part, right, negate) => {
                let (value, right) = (value(field), right);
                let found = match (bytes(&value), bytes(right)) {
                    (Some(value), Some(part_of)) => {
                        let at_start =
                            value.len() >= part_of.len() && value[..part_of.len()] == part_of[..];
                        let at_end = value.len() >= part_of.len()
                            && value[value.len() - part_of.len()..] == part_of[..];
                        Some(match part {
                            Part::StartsWith => at_start,
                            Part::EndsWith => at_end,
                            Part::Contains | Part::Matches => (0..=value.len()).any(|from| {
                                value.len() - from >= part_of.len()
                                    && value[from..from + part_of.len()] == part_of[..]
                            }),
                        })
                    }
                    _ => None,
                };
                negated(found, *negate)
            }
            Condition::IsNull(field, negate) => Some(value(field).is_null() != *negate),
            Condition::And(parts) => not(any(parts.iter().map(|part| not(part.of(cell))))),
            Condition::Or(parts) => any(parts.iter().map(|part| part.of(cell))),
            Condition::Not(inner) => not(inner.of(cell)),
        }
    }

    pub(crate) fn to_expr(&self) -> Expr {
        let field = |field: &usize| match *field {
            SEQ => col("_seq"),
            field => col(DataType::ALL[field].name()),
        };
        match self {
            Condition::Compare(at, op, value) => match op {
                Op::Eq => field(at).eq(value),
                Op::Ne => field(at).ne(value),
                Op::Lt => field(at).lt(value),
                Op::Le => field(at).lte(value),
                Op::Gt => field(at).gt(value),
                Op::Ge => field(at).gte(value),
            },
            Condition::Between(at, low, high, false) => field(at).between(low, high),
            Condition::Between(at, low, high, true) => field(at).not_between(low, high),
            Condition::In(at, values, false) => field(at).in_(values),
            Condition::In(at, values, true) => field(at).not_in(values),
            Condition::Part(at, part, value, negate) => match (part, negate) {
                (Part::Contains, false) => field(at).contains(value),
                (Part::Contains, true) => field(at).not_contains(value),
                (Part::StartsWith, false) => field(at).starts_with(value),
                (Part::StartsWith, true) => field(at).not_starts_with(value),
                (Part::EndsWith, false) => field(at).ends_with(value),
                (Part::EndsWith, true) => field(at).not_ends_with(value),
                (Part::Matches, false) => field(at).matches(pattern(value)),
                (Part::Matches, true) => field(at).not_matches(pattern(value)),
            },
            Condition::IsNull(at, false) => field(at).is_null(),
            Condition::IsNull(at, true) => field(at).not_null(),
            Condition::And(parts) => Expr::all_of(parts.iter().map(Condition::to_expr)),
            Condition::Or(parts) => Expr::any_of(parts.iter().map(Condition::to_expr)),
            Condition::Not(inner) => inner.to_expr().not(),
        }
    }
}

/// A regular expression for exactly these bytes.
fn pattern(value: &Value) -> String {
    let bytes = bytes(value).unwrap_or_default();
    bytes.iter().map(|byte| format!("(?-u:\\x{byte:02x})")).collect()
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) | Value::Json(text) => Some(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// The order of two values that are not null and that a query would compare.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => match (bytes(left), bytes(right)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => numbers(left, right),
        },
    }
}

fn numbers(left: &Value, right: &Value) -> Ordering {
    // Of one kind there is an order already; digits are slow.
    let int = |value: &Value| match value {
        Value::Int(v) | Value::Timestamp(v) | Value::Duration(v) => Some(i128::from(*v)),
        Value::UInt(v) => Some(i128::from(*v)),
        _ => None,
    };
    let float = |value: &Value| match value {
        Value::Float32(v) => Some(f64::from(*v)),
        Value::Float64(v) => Some(*v),
        _ => None,
    };
    if let (Some(a), Some(b)) = (int(left), int(right)) {
        return a.cmp(&b);
    }
    if let (Some(a), Some(b)) = (float(left), float(right))
        && let Some(order) = a.partial_cmp(&b)
    {
        return order;
    }
    if let (Value::Decimal(a), Value::Decimal(b)) = (left, right) {
        return a.cmp(b);
    }
    let is_nan = |value: &Value| match value {
        Value::Float32(v) => v.is_nan(),
        Value::Float64(v) => v.is_nan(),
        _ => false,
    };
    match (is_nan(left), is_nan(right)) {
        (false, false) => {}
        (a, b) => return a.cmp(&b),
    }
    let infinite = |value: &Value| match value {
        Value::Float32(v) if v.is_infinite() => Some(*v > 0.0),
        Value::Float64(v) if v.is_infinite() => Some(*v > 0.0),
        _ => None,
    };
    let rank = |value: &Value| infinite(value).map_or(0, |up| if up { 1 } else { -1 });
    match rank(left).cmp(&rank(right)) {
        Ordering::Equal if rank(left) != 0 => return Ordering::Equal,
        Ordering::Equal => {}
        unequal => return unequal,
    }
    let ((a_negative, a), (b_negative, b)) = (digits(left), digits(right));
    match (a_negative, b_negative) {
        (false, false) => a.cmp(&b),
        (true, true) => b.cmp(&a),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// All digits of a finite number, exactly: whether it is below zero, and 400 digits before the
/// point and 1100 behind it.
fn digits(value: &Value) -> (bool, String) {
    let text = match value {
        Value::Float32(v) => format!("{v:.1100}"),
        Value::Float64(v) => format!("{v:.1100}"),
        other => match other {
            Value::Int(v) | Value::Timestamp(v) | Value::Duration(v) => v.to_string(),
            Value::UInt(v) => v.to_string(),
            Value::Decimal(v) => v.to_string(),
            other => panic!("{other:?} is no number"),
        },
    };
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |t| (true, t));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole:0>400}{fraction:0<1100}");
    (negative && digits.bytes().any(|digit| digit != b'0'), digits)
}
