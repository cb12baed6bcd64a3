//! Expressions as text: what is written here, `Expr::parse` reads back as the same data.

use std::fmt::{self, Display, Formatter};

use super::expr::{Expr, Literal, Node, Op, Part};
use crate::Value;
use crate::types::text;

/// Words that are no field's name unless they are quoted.
const RESERVED: [&str; 17] = [
    "all",
    "current_date",
    "current_time",
    "current_timestamp",
    "distinct",
    "exists",
    "false",
    "interval",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "returning",
    "select",
    "trim",
    "true",
    "with",
];

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match &self.node {
            Node::Compare { field, op, value } => write!(f, "{} {op} {value}", Name(field)),
            Node::Between { field, low, high, negated } => {
                write!(f, "{} {}between {low} and {high}", Name(field), not(negated))
            }
            Node::In { field, values, negated } => {
                write!(f, "{} {}in (", Name(field), not(negated))?;
                list(f, values.iter(), ", ")?;
                f.write_str(")")
            }
            Node::Text { field, part, value, negated } => {
                write!(f, "{}{part}({}, {value})", not(negated), Name(field))
            }
            Node::Matches { field, pattern, negated } => {
                write!(f, "{}matches({}, {})", not(negated), Name(field), Quoted(pattern))
            }
            Node::IsNull { field, negated } => write!(f, "{} is {}null", Name(field), not(negated)),
            Node::And(parts) if parts.is_empty() => f.write_str("true"),
            Node::Or(parts) if parts.is_empty() => f.write_str("false"),
            Node::And(parts) => list(f, parts.iter().map(InAnd), " and "),
            Node::Or(parts) => list(f, parts.iter(), " or "),
            Node::Not(inner) => write!(f, "not ({inner})"),
            Node::Excess(excess) => write!(f, "({} is beyond its limit)", excess.what()),
        }
    }
}

fn list<T: Display>(
    f: &mut Formatter<'_>,
    items: impl Iterator<Item = T>,
    between: &str,
) -> fmt::Result {
    for (at, item) in items.enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// A part of an `and`: `or` binds less and needs brackets.
struct InAnd<'a>(&'a Expr);

impl Display for InAnd<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.node {
            Node::Or(parts) if !parts.is_empty() => write!(f, "({})", self.0),
            _ => self.0.fmt(f),
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Eq => "=",
            Op::Ne => "<>",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        })
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Contains => "contains",
            Part::StartsWith => "starts_with",
            Part::EndsWith => "ends_with",
        })
    }
}

/// A field's name, in quotes where it needs them.
pub(super) struct Name<'a>(pub(super) &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        let is_word = self.0.starts_with(plain)
            && self.0.chars().all(|c| plain(c) || c.is_ascii_digit())
            && !RESERVED.contains(&self.0);
        if is_word { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) }
    }
}

/// Text in single quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = match self {
            // With a point, or it would be an integer.
            Literal::Number(v) if v.scale() == 0 => return write!(f, "{v}."),
            Literal::Number(v) => return write!(f, "{v}"),
            Literal::Value(value) => value,
        };
        match value {
            Value::Null | Value::Bool(_) | Value::Int(_) => write!(f, "{value}"),
            // What an integer holds would come back as one.
            Value::UInt(v) if i64::try_from(*v).is_err() => write!(f, "{v}"),
            Value::UInt(v) => write!(f, "uint64('{v}')"),
            Value::Float32(v) if v.is_nan() => write!(f, "float32('nan:{:x}')", v.to_bits()),
            Value::Float32(v) => write!(f, "float32('{v:?}')"),
            Value::Float64(v) if v.is_nan() => write!(f, "float64('nan:{:x}')", v.to_bits()),
            Value::Float64(v) if v.is_infinite() => write!(f, "float64('{v:?}')"),
            Value::Float64(v) => write!(f, "{v:e}"),
            Value::Decimal(v) => write!(f, "decimal '{v}'"),
            Value::String(v) => Quoted(v).fmt(f),
            Value::Bytes(v) => write!(f, "x'{}'", text::hex(v)),
            Value::Timestamp(v) => write!(f, "timestamp '{}'", text::timestamp(*v)),
            Value::Duration(v) => write!(f, "interval '{}'", text::duration(*v)),
            Value::Json(v) => write!(f, "json {}", Quoted(v)),
        }
    }
}
