//! Conditions: those of the other test, and those that only SQL has words for.

use srdb::{DataType, Expr, Value, col};

use crate::fixture::Fixture;
use crate::model::Condition;
use crate::random::Random;
use crate::sql::{self, Sql};

#[derive(Debug, Clone)]
pub(crate) enum Predicate {
    Plain(Condition),
    /// `field [not] like pattern`.
    Like {
        field: usize,
        pattern: String,
        negated: bool,
    },
    /// The pieces in this order, with anything between them, from the beginning or up to the end.
    Matches {
        field: usize,
        pieces: Vec<String>,
        start: bool,
        end: bool,
        negated: bool,
    },
    /// `_time` between these.
    Time(i64, i64),
    /// The bool itself, as a condition.
    Truth,
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
}

impl Predicate {
    pub(crate) fn random(random: &mut Random, fixture: &Fixture, depth: usize) -> Predicate {
        if depth == 0 {
            return Predicate::leaf(random, fixture);
        }
        let parts = |random: &mut Random| {
            let count = random.below(4);
            (0..count).map(|_| Predicate::random(random, fixture, depth - 1)).collect()
        };
        match random.below(6) {
            0 | 1 => Predicate::And(parts(random)),
            2 | 3 => Predicate::Or(parts(random)),
            4 => Predicate::Not(Box::new(Predicate::random(random, fixture, depth - 1))),
            _ => Predicate::Plain(random.condition(depth, fixture.rows)),
        }
    }

    fn leaf(random: &mut Random, fixture: &Fixture) -> Predicate {
        let negated = random.chance(2);
        let texts: Vec<usize> = (0..fixture.like.len())
            .filter(|at| {
                let is_text = matches!(DataType::ALL[*at], DataType::String | DataType::Json);
                is_text && fixture.like[*at]
            })
            .collect();
        match random.below(16) {
            0 | 1 if !texts.is_empty() => {
                let (field, pattern) = (random.one_of(&texts), like_pattern(random));
                Predicate::Like { field, pattern, negated }
            }
            2 if !texts.is_empty() => {
                let pieces = (0..random.below(3)).map(|_| piece(random)).collect();
                let (field, start, end) =
                    (random.one_of(&texts), random.chance(2), random.chance(2));
                Predicate::Matches { field, pieces, start, end, negated }
            }
            3 => {
                let (first, last) = fixture.times;
                let mut time = || first - 5 + random.below((last - first) as usize + 10) as i64;
                Predicate::Time(time(), time())
            }
            4 => Predicate::Truth,
            _ => Predicate::Plain(random.condition(0, fixture.rows)),
        }
    }

    pub(crate) fn to_expr(&self) -> Expr {
        match self {
            Predicate::Plain(condition) => condition.to_expr(),
            Predicate::Like { field, pattern, negated } => {
                let not = if *negated { "not " } else { "" };
                let pattern = pattern.replace('\'', "''");
                let text = format!("\"{}\" {not}like '{pattern}'", sql::name(*field));
                Expr::parse(&text).expect(&text)
            }
            Predicate::Matches { field, pieces, start, end, negated } => {
                let pieces: Vec<String> = pieces.iter().map(|piece| escaped(piece)).collect();
                let (start, end) = (if *start { "^" } else { "" }, if *end { "$" } else { "" });
                let pattern = format!("(?s){start}{}{end}", pieces.join(".*"));
                match (col(sql::name(*field)), *negated) {
                    (field, false) => field.matches(&pattern),
                    (field, true) => field.not_matches(&pattern),
                }
            }
            Predicate::Time(low, high) => {
                col("_time").between(Value::Timestamp(*low), Value::Timestamp(*high))
            }
            Predicate::Truth => Expr::parse("\"bool\"").expect("a condition"),
            Predicate::And(parts) => Expr::all_of(parts.iter().map(Predicate::to_expr)),
            Predicate::Or(parts) => Expr::any_of(parts.iter().map(Predicate::to_expr)),
            Predicate::Not(inner) => inner.to_expr().not(),
        }
    }

    pub(crate) fn to_sql(&self, fixture: &Fixture) -> Sql {
        let like = |field: &usize, negated: &bool, pattern: String, escape: &str| {
            let not = if *negated { "not " } else { "" };
            let text = format!("\"{}\" {not}like ?{escape}", sql::name(*field));
            Sql { text, params: vec![pattern.into()] }
        };
        let all = |parts: &[Predicate], word: &str| {
            sql::joined(parts.iter().map(|part| part.to_sql(fixture)), word)
        };
        match self {
            Predicate::Plain(condition) => sql::condition(condition, fixture),
            Predicate::Like { field, pattern, negated } => {
                like(field, negated, pattern.clone(), "")
            }
            Predicate::Matches { field, pieces, start, end, negated } => {
                let pieces: Vec<String> = pieces
                    .iter()
                    .map(|piece| piece.replace('~', "~~").replace('%', "~%").replace('_', "~_"))
                    .collect();
                let (start, end) = (if *start { "" } else { "%" }, if *end { "" } else { "%" });
                // Without pieces, both ends are found in any text, and at the same place.
                let pattern = match pieces.is_empty() {
                    true if start.is_empty() && end.is_empty() => String::new(),
                    true => "%".to_owned(),
                    false => format!("{start}{}{end}", pieces.join("%")),
                };
                like(field, negated, pattern, " escape '~'")
            }
            Predicate::Time(low, high) => {
                Sql { text: format!("_time between {low} and {high}"), params: Vec::new() }
            }
            Predicate::Truth => Sql { text: "\"bool\"".to_owned(), params: Vec::new() },
            Predicate::And(parts) => all(parts, "and"),
            Predicate::Or(parts) => all(parts, "or"),
            Predicate::Not(inner) => {
                let mut sql = Sql::default();
                sql.push("not (");
                sql.append(inner.to_sql(fixture));
                sql.push(")");
                sql
            }
        }
    }
}

/// A piece of the texts that are there, or not.
fn piece(random: &mut Random) -> String {
    let pieces = [
        "a", "b", "ab", "A", "ü", "Ü", "eta", "row-00", "γ", "t", "\n", "100%", "_", ".", "[1",
        "1", " ", "{\"a", "'",
    ];
    random.one_of(&pieces).to_owned()
}

pub(crate) fn like_pattern(random: &mut Random) -> String {
    let mut pattern = String::new();
    for _ in 0..random.below(5) {
        match random.below(5) {
            0 | 1 => pattern.push('%'),
            2 => pattern.push('_'),
            _ => pattern.push_str(&piece(random)),
        }
    }
    pattern
}

/// A pattern for this text itself.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
