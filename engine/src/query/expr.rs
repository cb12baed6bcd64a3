//! Expressions: what a row has to be like, as plain data that knows no table.
//!
//! Invariants
//! 1. An expression is never deeper than [`EXPR_DEPTH_MAX`] nor larger than [`EXPR_TERMS_MAX`]:
//!    what would be is replaced by a note of the limit, which is an error when the expression is
//!    used. So no walk over one, nor its drop, can exhaust the stack.
//! 2. `and` and `or` are flat: no `And` stands directly in an `And`, no `Or` in an `Or`, and
//!    neither has exactly one part. `not` of `not` is nothing. So that equal meaning is more often
//!    equal data, and what `Display` writes parses back to the same data.

use rust_decimal::Decimal;

use crate::limits::{EXPR_DEPTH_MAX, EXPR_TERMS_MAX};
use crate::{Error, Result, Value};

/// A condition on a row: comparisons of fields with values, combined with and, or, not.
///
/// ```
/// use srdb::{Expr, col};
///
/// let adults = col("age").gt(18).and(col("city").eq("Beijing"));
/// assert_eq!(adults.to_string(), "age > 18 and city = 'Beijing'");
/// # #[cfg(feature = "sql")]
/// assert_eq!(Expr::parse("age > 18 and city = 'Beijing'")?, adults);
/// # Ok::<(), srdb::Error>(())
/// ```
///
/// A field may be any of the table's, or `_seq` or `_time`. Whether fields and types fit is found
/// out when the expression meets a table ([`Expr::check`], or the query's first read).
///
/// As in SQL, a comparison with a null is neither true nor false but unknown, `not` of unknown is
/// unknown, and a query returns the rows for which the whole is true.
#[derive(Debug, Clone)]
pub struct Expr {
    pub(super) node: Node,
    depth: usize,
    terms: usize,
}

/// The same parts in the same order.
impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.node == other.node
    }
}

/// What an expression is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Compare {
        field: String,
        op: Op,
        value: Literal,
    },
    Between {
        field: String,
        low: Literal,
        high: Literal,
        negated: bool,
    },
    In {
        field: String,
        values: Vec<Literal>,
        negated: bool,
    },
    Text {
        field: String,
        part: Part,
        value: Literal,
        negated: bool,
    },
    Matches {
        field: String,
        pattern: String,
        negated: bool,
    },
    IsNull {
        field: String,
        negated: bool,
    },
    /// All of them; `true` if there are none.
    And(Vec<Expr>),
    /// Any of them; `false` if there are none.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// In the place of what was too large.
    Excess(Excess),
}

/// The limit that an expression would have exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Excess {
    what: &'static str,
    got: usize,
    limit: usize,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Where in a text another is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Contains,
    StartsWith,
    EndsWith,
}

/// The value that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Value(Value),
    /// A number with a point, from text: of the type of the field that it meets.
    #[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "text has them only"))]
    Number(Decimal),
}

impl<T: Into<Value>> From<T> for Literal {
    fn from(value: T) -> Self {
        Literal::Value(value.into())
    }
}

/// A field, to be compared: the beginning of an [`Expr`].
///
/// ```
/// use srdb::col;
///
/// let slow = col("took").gte(1.5);
/// let expr = col("level").in_(["warn", "error"]).or(slow).and(col("user").not_null());
/// assert_eq!(
///     expr.to_string(),
///     "(level in ('warn', 'error') or took >= 1.5e0) and user is not null",
/// );
/// ```
pub fn col(field: impl Into<String>) -> Col {
    Col { field: field.into() }
}

/// See [`col`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Col {
    field: String,
}

macro_rules! comparisons {
    ($($(#[$doc:meta])+ $name:ident => $op:ident),+ $(,)?) => {$(
        $(#[$doc])+
        pub fn $name(self, value: impl Into<Value>) -> Expr {
            self.compare(Op::$op, value.into().into())
        }
    )+};
}

macro_rules! parts {
    ($($(#[$doc:meta])+ $name:ident => $part:ident, $negated:literal),+ $(,)?) => {$(
        $(#[$doc])+
        pub fn $name(self, value: impl Into<Value>) -> Expr {
            self.text(Part::$part, value.into().into(), $negated)
        }
    )+};
}

impl Col {
    comparisons! {
        /// Equal.
        eq => Eq,
        /// Not equal.
        ne => Ne,
        /// Less.
        lt => Lt,
        /// Less or equal.
        lte => Le,
        /// Less or equal: the same as [`Col::lte`].
        le => Le,
        /// Greater.
        gt => Gt,
        /// Greater or equal.
        gte => Ge,
        /// Greater or equal: the same as [`Col::gte`].
        ge => Ge,
    }

    parts! {
        /// The field's text (or bytes) holds this text (or these bytes) somewhere.
        contains => Contains, false,
        /// The negation of [`Col::contains`].
        not_contains => Contains, true,
        /// The field's text or bytes begin with this.
        starts_with => StartsWith, false,
        /// The negation of [`Col::starts_with`].
        not_starts_with => StartsWith, true,
        /// The field's text or bytes end with this.
        ends_with => EndsWith, false,
        /// The negation of [`Col::ends_with`].
        not_ends_with => EndsWith, true,
    }

    /// Equal to one of the values.
    pub fn in_<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Expr {
        self.within(values.into_iter().map(|value| value.into().into()).collect(), false)
    }

    /// Equal to none of the values. With a null among them never true, as in SQL.
    pub fn not_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Expr {
        self.within(values.into_iter().map(|value| value.into().into()).collect(), true)
    }

    /// From `low` to `high`, both included.
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> Expr {
        self.range(low.into().into(), high.into().into(), false)
    }

    /// Below `low` or above `high`.
    pub fn not_between(self, low: impl Into<Value>, high: impl Into<Value>) -> Expr {
        self.range(low.into().into(), high.into().into(), true)
    }

    /// The field's text (or bytes) holds a match of this regular expression, of the syntax of the
    /// crate [`regex`](https://docs.rs/regex/latest/regex/#syntax). `^` and `$` tie it to the ends.
    pub fn matches(self, pattern: impl Into<String>) -> Expr {
        Expr::leaf(Node::Matches { field: self.field, pattern: pattern.into(), negated: false }, 1)
    }

    /// The negation of [`Col::matches`].
    pub fn not_matches(self, pattern: impl Into<String>) -> Expr {
        Expr::leaf(Node::Matches { field: self.field, pattern: pattern.into(), negated: true }, 1)
    }

    /// The field is null.
    pub fn is_null(self) -> Expr {
        Expr::leaf(Node::IsNull { field: self.field, negated: false }, 1)
    }

    /// The field is not null.
    pub fn not_null(self) -> Expr {
        Expr::leaf(Node::IsNull { field: self.field, negated: true }, 1)
    }

    pub(super) fn compare(self, op: Op, value: Literal) -> Expr {
        Expr::leaf(Node::Compare { field: self.field, op, value }, 1)
    }

    pub(super) fn text(self, part: Part, value: Literal, negated: bool) -> Expr {
        Expr::leaf(Node::Text { field: self.field, part, value, negated }, 1)
    }

    pub(super) fn within(self, values: Vec<Literal>, negated: bool) -> Expr {
        let terms = 1 + values.len();
        Expr::leaf(Node::In { field: self.field, values, negated }, terms)
    }

    pub(super) fn range(self, low: Literal, high: Literal, negated: bool) -> Expr {
        Expr::leaf(Node::Between { field: self.field, low, high, negated }, 2)
    }
}

impl Expr {
    fn leaf(node: Node, terms: usize) -> Expr {
        Expr { node, depth: 1, terms }.limited()
    }

    /// Both have to hold.
    pub fn and(self, other: Expr) -> Expr {
        Expr::all_of([self, other])
    }

    /// One of them has to hold.
    pub fn or(self, other: Expr) -> Expr {
        Expr::any_of([self, other])
    }

    /// The opposite; where this is unknown (of a null), so is the opposite.
    #[expect(
        clippy::should_implement_trait,
        reason = "`!` is there too; this reads better in a chain"
    )]
    pub fn not(self) -> Expr {
        match self.node {
            Node::Not(inner) => *inner,
            Node::Excess(_) => self,
            _ => {
                let (depth, terms) = (self.depth + 1, self.terms);
                Expr { node: Node::Not(Box::new(self)), depth, terms }.limited()
            }
        }
    }

    /// All of them have to hold; true where there are none.
    pub fn all_of(parts: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::combined(parts, Node::And, |node| match node {
            Node::And(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// One of them has to hold; false where there are none.
    pub fn any_of(parts: impl IntoIterator<Item = Expr>) -> Expr {
        Expr::combined(parts, Node::Or, |node| match node {
            Node::Or(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// `open` takes a node of the same kind apart, and gives any other back.
    fn combined(
        parts: impl IntoIterator<Item = Expr>,
        make: fn(Vec<Expr>) -> Node,
        open: fn(Node) -> Result<Vec<Expr>, Node>,
    ) -> Expr {
        let (mut flat, mut depth, mut terms) = (Vec::new(), 0, 0);
        for part in parts {
            if terms > EXPR_TERMS_MAX {
                break;
            }
            let Expr { node, depth: part_depth, terms: part_terms } = part;
            if let Node::Excess(excess) = node {
                return Expr { node: Node::Excess(excess), depth: 1, terms: 1 };
            }
            match open(node) {
                Ok(inner) if inner.is_empty() => {}
                Ok(inner) => {
                    terms += part_terms;
                    depth = depth.max(part_depth - 1);
                    if flat.is_empty() { flat = inner } else { flat.extend(inner) }
                }
                Err(node) => {
                    terms += part_terms;
                    depth = depth.max(part_depth);
                    flat.push(Expr { node, depth: part_depth, terms: part_terms });
                }
            }
        }
        if flat.len() == 1
            && let Some(only) = flat.pop()
        {
            return only;
        }
        Expr { node: make(flat), depth: depth + 1, terms: terms.max(1) }.limited()
    }

    /// `not contains` for `contains`, and so on; any other expression as it is.
    #[cfg(feature = "sql")]
    pub(super) fn with_text_negated(mut self) -> Expr {
        if let Node::Text { negated, .. } | Node::Matches { negated, .. } = &mut self.node {
            *negated = !*negated;
        }
        self
    }

    /// This, or a note of the limit that it exceeds.
    fn limited(self) -> Expr {
        let excess = if self.depth > EXPR_DEPTH_MAX {
            Excess { what: "the depth of an expression", got: self.depth, limit: EXPR_DEPTH_MAX }
        } else if self.terms > EXPR_TERMS_MAX {
            let what = "the number of comparisons and values of an expression";
            Excess { what, got: self.terms, limit: EXPR_TERMS_MAX }
        } else {
            return self;
        };
        Expr { node: Node::Excess(excess), depth: 1, terms: 1 }
    }

    /// The expression that text in SQL's syntax says. `docs/queries.md` has the grammar.
    ///
    /// ```
    /// use srdb::{Expr, col};
    ///
    /// let expr = Expr::parse("not (level in ('info', 'debug')) and took between 1 and 9")?;
    /// assert_eq!(expr, col("level").in_(["info", "debug"]).not().and(col("took").between(1, 9)));
    /// let error = Expr::parse("level = 'info' and").unwrap_err();
    /// assert!(error.to_string().starts_with("bad expression at character 19"), "{error}");
    /// # Ok::<(), srdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Syntax`] with the place in the text; [`Error::Limit`] for what is too long.
    #[cfg(feature = "sql")]
    pub fn parse(text: &str) -> Result<Expr> {
        super::parse::parse(text)
    }
}

impl Excess {
    pub(super) fn error(self) -> Error {
        Error::Limit { what: self.what, got: self.got as u64, limit: self.limit as u64 }
    }

    pub(super) fn what(self) -> &'static str {
        self.what
    }
}

impl std::ops::Not for Expr {
    type Output = Expr;

    fn not(self) -> Expr {
        Expr::not(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_and_or_are_flat() {
        let [a, b, c] = ["a", "b", "c"].map(|name| col(name).eq(1));
        let left = a.clone().and(b.clone()).and(c.clone());
        let right = a.clone().and(b.clone().and(c.clone()));
        assert_eq!(left, right);
        assert_eq!(left, Expr::all_of([a.clone(), b.clone(), c]));
        assert_eq!(Expr::any_of([a.clone()]), a);
        assert_eq!(a.clone().and(Expr::all_of([])), a);
        assert_eq!(a.clone().not().not(), a);
        assert_ne!(a.clone().or(b.clone()), a.and(b));
    }

    #[test]
    fn depth_and_size_are_limited_without_a_deep_stack() {
        let mut deep = col("a").eq(1);
        for _ in 0..1_000_000 {
            deep = deep.and(col("b").eq(2)).not();
        }
        let Node::Excess(excess) = deep.node else { panic!("{deep:?}") };
        assert!(matches!(excess.error(), Error::Limit { got: 33, limit: 32, .. }), "{excess:?}");
        let wide = Expr::any_of((0..EXPR_TERMS_MAX + 1).map(|n| col("a").eq(n)));
        assert!(matches!(wide.node, Node::Excess(_)));
        let fits = Expr::any_of((0..EXPR_TERMS_MAX).map(|n| col("a").eq(n)));
        assert!(matches!(&fits.node, Node::Or(parts) if parts.len() == EXPR_TERMS_MAX));
        assert!(matches!(fits.and(col("b").eq(1)).node, Node::Excess(_)));
    }
}
