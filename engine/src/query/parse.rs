//! Expressions from text: SQL's conditions, read by the crate `sqlparser`, as far as there is an
//! [`Expr`] for them. What there is none for is an error with its place.
//!
//! Numbers: digits alone are an integer; with an exponent a float64; with a point they are of the
//! type of the field that they meet, so that `price = 9.99` means what it says for a decimal as
//! well as for a float.
//!
//! Invariants
//! 1. Names are taken as they are written: case counts.
//! 2. No text exhausts the stack: brackets nest no deeper than [`NESTING_MAX`] in the parser, and
//!    the long chains it builds for `a + b + c …` are bounded by [`OPERATORS_MAX`] before it builds
//!    them.

use rust_decimal::Decimal;
use sqlparser::ast::{
    BinaryOperator, Expr as Sql, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned as _,
    UnaryOperator, Value as SqlValue,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::expr::{Col, Expr, Literal, Op, Part, col};
use crate::limits::EXPR_BYTES_MAX;
use crate::types::text as texts;
use crate::{DataType, Error, Result, Value};

/// How deep the parser may call itself.
const NESTING_MAX: usize = 50;

/// Tokens that can make a tree deeper: all but the values and commas of lists.
const OPERATORS_MAX: usize = 4096;

/// What is wrong, and where.
pub(super) type Refused = (String, Location);

/// The expression that `text` says.
pub(super) fn parse(text: &str) -> Result<Expr> {
    read(text, |parser| parser.parse_expr(), condition)
}

/// What `make` makes of what `take` takes from the text, which has to be all of it.
pub(super) fn read<S, T>(
    text: &str,
    take: impl FnOnce(&mut Parser<'_>) -> Result<S, ParserError>,
    make: impl FnOnce(&S) -> Result<T, Refused>,
) -> Result<T> {
    let limit = |what, got: usize, limit: usize| {
        Err(Error::Limit { what, got: got as u64, limit: limit as u64 })
    };
    if text.len() > EXPR_BYTES_MAX {
        return limit("the length of an expression, in bytes,", text.len(), EXPR_BYTES_MAX);
    }
    let dialect = SQLiteDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| syntax(text, &(error.message.clone(), error.location)))?;
    let operators = tokens.iter().filter(|token| is_operator(&token.token)).count();
    if operators > OPERATORS_MAX {
        return limit("the number of operators of an expression", operators, OPERATORS_MAX);
    }
    let end = tokens.last().map_or(Location::new(1, 1), |token| token.span.end);
    let parsed = take_all(&dialect, tokens, end, take).and_then(|sql| make(&sql));
    parsed.map_err(|refused| syntax(text, &refused))
}

fn is_operator(token: &Token) -> bool {
    let value = matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::HexStringLiteral(_)
            | Token::Comma
            | Token::Whitespace(_)
    );
    !value
}

fn take_all<S>(
    dialect: &SQLiteDialect,
    tokens: Vec<TokenWithSpan>,
    end: Location,
    take: impl FnOnce(&mut Parser<'_>) -> Result<S, ParserError>,
) -> Result<S, Refused> {
    let mut parser =
        Parser::new(dialect).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(tokens);
    let at = |error: ParserError| match error {
        ParserError::ParserError(what) | ParserError::TokenizerError(what) => {
            let place = place_in(&what).unwrap_or(end);
            let what = what.split_once(" at Line: ").map_or(what.as_str(), |(what, _)| what);
            (what.to_owned(), place)
        }
        ParserError::RecursionLimitExceeded => ("it is nested too deep".to_owned(), end),
    };
    let sql = take(&mut parser).map_err(at)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err((format!("expected the end, found {}", rest.token), rest.span.start));
    }
    Ok(sql)
}

/// The crate says in its text where an error is: `… at Line: 1, Column: 7`.
fn place_in(what: &str) -> Option<Location> {
    let (line, column) = what.rsplit_once(" at Line: ")?.1.split_once(", Column: ")?;
    Some(Location::new(line.parse().ok()?, column.parse().ok()?))
}

/// The error, with its place as a number of characters from the start.
fn syntax(text: &str, (what, at): &Refused) -> Error {
    let lines = text.split_inclusive('\n').take((at.line as usize).saturating_sub(1));
    let before: usize = lines.map(|line| line.chars().count()).sum();
    let place = before + (at.column as usize).saturating_sub(1);
    Error::Syntax { at: place.min(text.chars().count()) + 1, what: what.clone() }
}

pub(super) fn refuse<T>(sql: &Sql, what: impl Into<String>) -> Result<T, Refused> {
    Err((what.into(), sql.span().start))
}

/// A condition: something that is true or not of a row.
fn condition(sql: &Sql) -> Result<Expr, Refused> {
    Ok(match sql {
        Sql::Nested(inner) => condition(inner)?,
        Sql::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
            chain(sql, op)?
        }
        Sql::BinaryOp { left, op, right } => comparison(sql, left, op, right)?,
        // `not contains(…)` is how `not_contains` is written.
        Sql::UnaryOp { op: UnaryOperator::Not, expr } => match **expr {
            Sql::Function(_) => condition(expr)?.with_text_negated(),
            _ => condition(expr)?.not(),
        },
        Sql::InList { expr, list, negated } => {
            let values = list.iter().map(literal).collect::<Result<_, _>>()?;
            field(expr)?.within(values, *negated)
        }
        Sql::Between { expr, negated, low, high } => {
            field(expr)?.range(literal(low)?, literal(high)?, *negated)
        }
        Sql::IsNull(inner) => field(inner)?.is_null(),
        Sql::IsNotNull(inner) => field(inner)?.not_null(),
        Sql::Like { negated, any: false, expr, pattern, escape_char: None } => {
            like(field(expr)?, &text_of(pattern)?, *negated)
        }
        Sql::RLike { negated, expr, pattern, .. } => {
            let (field, pattern) = (field(expr)?, text_of(pattern)?);
            if *negated { field.not_matches(pattern) } else { field.matches(pattern) }
        }
        Sql::IsTrue(inner) => is(inner, true)?,
        Sql::IsFalse(inner) => is(inner, false)?,
        Sql::IsNotTrue(inner) => is(inner, true)?.not(),
        Sql::IsNotFalse(inner) => is(inner, false)?.not(),
        Sql::Function(_) => {
            let (name, args) = call(sql)?;
            let part = match name.as_str() {
                "contains" => Part::Contains,
                "starts_with" => Part::StartsWith,
                "ends_with" => Part::EndsWith,
                "matches" => {
                    let [subject, pattern] = args[..] else {
                        return refuse(sql, "matches takes a field and a pattern");
                    };
                    return Ok(field(subject)?.matches(text_of(pattern)?));
                }
                _ => return refuse(sql, format!("there is no function {name}")),
            };
            let [subject, value] = args[..] else {
                return refuse(sql, format!("{name} takes a field and a text"));
            };
            field(subject)?.text(part, literal(value)?, false)
        }
        Sql::Value(value) => match &value.value {
            SqlValue::Boolean(true) => Expr::all_of([]),
            SqlValue::Boolean(false) => Expr::any_of([]),
            _ => return refuse(sql, "a value is no condition: compare it with a field"),
        },
        Sql::Identifier(_) => field(sql)?.eq(true),
        other => return refuse(other, format!("there is no such condition: {other}")),
    })
}

/// `f is true`: never unknown.
fn is(sql: &Sql, value: bool) -> Result<Expr, Refused> {
    let field = field(sql)?;
    Ok(field.clone().eq(value).and(field.not_null()))
}

/// `a and b and c`, which the parser gives as a deep tree, in one go.
fn chain(sql: &Sql, op: &BinaryOperator) -> Result<Expr, Refused> {
    let (mut parts, mut left) = (Vec::new(), sql);
    while let Sql::BinaryOp { left: next, op: this, right } = left
        && this == op
    {
        parts.push(condition(right)?);
        left = next;
    }
    parts.push(condition(left)?);
    parts.reverse();
    Ok(if *op == BinaryOperator::And { Expr::all_of(parts) } else { Expr::any_of(parts) })
}

fn comparison(sql: &Sql, left: &Sql, op: &BinaryOperator, right: &Sql) -> Result<Expr, Refused> {
    let op = match op {
        BinaryOperator::Eq => Op::Eq,
        BinaryOperator::NotEq => Op::Ne,
        BinaryOperator::Lt => Op::Lt,
        BinaryOperator::LtEq => Op::Le,
        BinaryOperator::Gt => Op::Gt,
        BinaryOperator::GtEq => Op::Ge,
        BinaryOperator::Regexp => return Ok(field(left)?.matches(text_of(right)?)),
        other => return refuse(sql, format!("there is no operator {other}")),
    };
    // `18 < age` is `age > 18`.
    let turned = match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        same => same,
    };
    match (field(left), field(right)) {
        (Ok(_), Ok(_)) => refuse(right, "a field is compared with a value, not with a field"),
        (Ok(field), _) => Ok(field.compare(op, literal(right)?)),
        (_, Ok(field)) => Ok(field.compare(turned, literal(left)?)),
        (Err(refused), _) => Err(refused),
    }
}

fn field(sql: &Sql) -> Result<Col, Refused> {
    match sql {
        Sql::Identifier(name) => Ok(col(name.value.as_str())),
        Sql::Nested(inner) => field(inner),
        other => refuse(other, format!("expected a field, found {other}")),
    }
}

/// A call's name and arguments.
fn call(sql: &Sql) -> Result<(String, Vec<&Sql>), Refused> {
    let Sql::Function(function) = sql else { return refuse(sql, "expected a function") };
    let name = function.name.to_string().to_ascii_lowercase();
    let plain = function.filter.is_none() && function.over.is_none();
    let FunctionArguments::List(list) = &function.args else {
        return refuse(sql, format!("there is no function {name}"));
    };
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) if plain => Ok(arg),
        _ => refuse(sql, format!("{name} takes plain arguments")),
    });
    let args = args.collect::<Result<_, _>>()?;
    Ok((name, args))
}

/// A text that says something to us: a pattern.
fn text_of(sql: &Sql) -> Result<String, Refused> {
    match literal(sql)? {
        Literal::Value(Value::String(text)) => Ok(text),
        _ => refuse(sql, format!("expected a text, found {sql}")),
    }
}

/// A value.
fn literal(sql: &Sql) -> Result<Literal, Refused> {
    let converted = |data_type: DataType, text: &str| {
        let value = Value::from(text).convert_to(data_type);
        value.map(Literal::Value).map_err(|what| (what, sql.span().start))
    };
    match sql {
        Sql::Nested(inner) => literal(inner),
        Sql::UnaryOp { op: UnaryOperator::Minus, expr } => number(sql, &format!("-{expr}")),
        Sql::UnaryOp { op: UnaryOperator::Plus, expr } => number(sql, &expr.to_string()),
        Sql::TypedString(typed) => {
            let name = typed.data_type.to_string().to_ascii_lowercase();
            let text = typed.value.value.clone().into_string().unwrap_or_default();
            match name.as_str() {
                "timestamp" => converted(DataType::Timestamp, &text),
                "decimal" | "numeric" => converted(DataType::Decimal, &text),
                "json" => converted(DataType::Json, &text),
                _ => refuse(sql, format!("there are no values of type {name}")),
            }
        }
        Sql::Interval(interval) => match literal(&interval.value)? {
            Literal::Value(Value::String(text)) if interval.leading_field.is_none() => {
                converted(DataType::Duration, &text)
            }
            _ => refuse(sql, "an interval is written as a text: interval '1h 5m'"),
        },
        Sql::Function(_) => {
            let (name, args) = call(sql)?;
            let [arg] = args[..] else {
                return refuse(sql, format!("{name} is no value"));
            };
            let text = text_of(arg)?;
            match odd_number(&name, &text) {
                Some(value) => Ok(Literal::Value(value)),
                None => refuse(sql, format!("{name}('{text}') is no value")),
            }
        }
        Sql::Value(value) => match &value.value {
            SqlValue::Number(digits, _) => number(sql, digits),
            SqlValue::SingleQuotedString(text) => Ok(Value::from(text).into()),
            SqlValue::HexStringLiteral(digits) => match texts::parse_hex(digits) {
                Ok(bytes) => Ok(Value::Bytes(bytes).into()),
                Err(what) => refuse(sql, what),
            },
            SqlValue::Boolean(value) => Ok(Literal::Value(Value::Bool(*value))),
            SqlValue::Null => Ok(Literal::Value(Value::Null)),
            other => refuse(sql, format!("there are no values like {other}")),
        },
        other => refuse(other, format!("expected a value, found {other}")),
    }
}

fn number(sql: &Sql, digits: &str) -> Result<Literal, Refused> {
    let value = if let Ok(int) = digits.parse::<i64>() {
        Literal::Value(Value::Int(int))
    } else if let Ok(int) = digits.parse::<u64>() {
        Literal::Value(Value::UInt(int))
    } else if let (false, Ok(exact)) =
        (digits.contains(['e', 'E']), Decimal::from_str_exact(digits.trim_end_matches('.')))
    {
        Literal::Number(exact)
    } else {
        match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => Literal::Value(Value::Float64(float)),
            _ => return refuse(sql, format!("{digits} is no number that can be compared with")),
        }
    };
    Ok(value)
}

/// `float32('0.1')`, `float64('nan')`, `uint64('7')`: what has no literal of its own.
fn odd_number(name: &str, text: &str) -> Option<Value> {
    let bits = |text: &str| u64::from_str_radix(text.strip_prefix("nan:")?, 16).ok();
    Some(match (name, bits(text)) {
        ("uint64", _) => Value::UInt(text.parse().ok()?),
        ("float32", Some(bits)) => Value::Float32(f32::from_bits(u32::try_from(bits).ok()?)),
        ("float64", Some(bits)) => Value::Float64(f64::from_bits(bits)),
        ("float32", None) => Value::Float32(text.parse().ok()?),
        ("float64", None) => Value::Float64(text.parse().ok()?),
        _ => return None,
    })
}

/// `like` with its wildcards `%` and `_`; case counts.
fn like(field: Col, pattern: &str, negated: bool) -> Expr {
    let inner = pattern.trim_matches('%');
    let (before, after) = (pattern.starts_with('%'), pattern.ends_with('%'));
    // `%` alone is the wildcard twice.
    if !inner.contains(['%', '_']) && (pattern.is_empty() || !inner.is_empty()) {
        let value = || Literal::from(inner);
        return match (before, after) {
            (true, true) => field.text(Part::Contains, value(), negated),
            (true, false) => field.text(Part::EndsWith, value(), negated),
            (false, true) => field.text(Part::StartsWith, value(), negated),
            (false, false) => field.compare(if negated { Op::Ne } else { Op::Eq }, value()),
        };
    }
    let mut regex = String::from("(?s)^");
    for c in pattern.chars() {
        match c {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    if negated { field.not_matches(regex) } else { field.matches(regex) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Expr {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Where parsing fails, and why.
    fn refused(text: &str) -> (usize, String) {
        match parse(text) {
            Err(Error::Syntax { at, what }) => (at, what),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn text_says_what_the_builder_says() {
        let cases = [
            ("age > 18 and city = 'Beijing'", col("age").gt(18).and(col("city").eq("Beijing"))),
            ("18 < age", col("age").gt(18)),
            ("a = 1 or b = 2 and not c = 3", {
                col("a").eq(1).or(col("b").eq(2).and(col("c").eq(3).not()))
            }),
            ("(a = 1 or b = 2) and c <> 3", {
                col("a").eq(1).or(col("b").eq(2)).and(col("c").ne(3))
            }),
            ("a in (1, -2, null)", col("a").in_([Some(1), Some(-2), None])),
            ("a not in ()", col("a").not_in(Vec::<i64>::new())),
            ("a not between 1 and 2.5e0", col("a").not_between(1, 2.5)),
            ("\"Größe\" is null and ok", col("Größe").is_null().and(col("ok").eq(true))),
            ("name like 'Al%'", col("name").starts_with("Al")),
            ("name like '%ice'", col("name").ends_with("ice")),
            ("name not like '%li%'", col("name").not_contains("li")),
            ("name like 'Alice'", col("name").eq("Alice")),
            ("name like 'A_.%'", col("name").matches("(?s)^A.\\..*$")),
            ("name regexp '^A'", col("name").matches("^A")),
            ("not starts_with(name, 'A')", col("name").not_starts_with("A")),
            ("not (starts_with(name, 'A'))", col("name").starts_with("A").not()),
            ("t >= timestamp '2026-01-01T00:00:00Z'", {
                col("t").gte(Value::Timestamp(1_767_225_600_000_000_000))
            }),
            ("d < interval '1h 30m'", col("d").lt(Value::Duration(5_400_000_000_000))),
            ("b = x'00fF'", col("b").eq(vec![0_u8, 255])),
            ("n = 18446744073709551615", col("n").eq(u64::MAX)),
            ("n = -9223372036854775808", col("n").eq(i64::MIN)),
            ("ok is not true", col("ok").eq(true).and(col("ok").not_null()).not()),
            ("true and a = 1", col("a").eq(1)),
        ];
        for (text, expected) in cases {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_name_their_place() {
        for (text, at, what) in [
            ("", 1, "Expected: an expression"),
            ("age >", 6, "Expected: an expression"),
            ("age > 18 city", 10, "expected the end, found city"),
            ("a = 1 and\n  b + 1 = 2", 13, "expected a field"),
            ("a = b", 5, "not with a field"),
            ("a = 'x", 5, "Unterminated string literal"),
            ("soundex(a, 'x')", 1, "no function soundex"),
            ("t = timestamp 'soon'", 15, "expected timestamp"),
            ("exists (select 1)", 9, "there is no such condition"),
            ("5", 1, "a value is no condition"),
        ] {
            let (found, why) = refused(text);
            assert!(found == at && why.contains(what), "{text}: at {found}: {why}");
        }
    }

    #[test]
    fn every_word_can_be_a_field() {
        for word in sqlparser::keywords::ALL_KEYWORDS {
            for name in [word.to_lowercase(), (*word).to_owned()] {
                for expr in [
                    col(&name).eq(1),
                    col(&name).is_null(),
                    col(&name).in_([1]),
                    col(&name).between(1, 2).not(),
                    col(&name).contains("x"),
                    col(&name).not_matches("x"),
                ] {
                    assert_eq!(parsed(&expr.to_string()), expr, "{expr}");
                }
            }
        }
    }

    #[test]
    fn no_text_exhausts_the_stack() {
        let nested = |open: &str, n: usize| format!("{}a = 1", open.repeat(n));
        assert!(parse(&nested("not ", 300_000)).is_err());
        assert!(parse(&nested("(", 300_000)).is_err());
        assert!(parse(&nested("- ", 300_000)).is_err());
        assert!(parse(&nested("1+", 300_000)).is_err());
        assert!(parse(&nested("1+", 2000)).is_err());
        assert!(parse(&nested("a = 1 and ", 300_000)).is_err());
        let wide = parsed(&nested("a = 1 or ", 1000));
        assert_eq!(parsed(&wide.to_string()), wide);
        let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
        assert_eq!(parsed(&format!("a in ({})", list.join(","))), col("a").in_(0..20_000));
        let mut deep = col("a").eq(1);
        for at in 0..10 {
            deep = deep.and(col("b").eq(at)).not().or(col("c").eq(at));
        }
        assert_eq!(parsed(&deep.to_string()), deep);
        assert!(matches!(parse(&" ".repeat(EXPR_BYTES_MAX + 1)), Err(Error::Limit { .. })));
    }
}
