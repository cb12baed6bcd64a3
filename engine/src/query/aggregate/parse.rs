//! Aggregates, and orders of an answer, from text: SQL's, read by the crate `sqlparser`.

use sqlparser::ast::{
    DuplicateTreatment, Expr as Sql, FunctionArg, FunctionArgExpr, FunctionArguments, OrderByExpr,
    OrderBySort, SelectItem, Spanned as _, UnaryOperator, Value as SqlValue,
};
use sqlparser::parser::Parser;

use super::function::{Aggregate, Function, Spread};
use crate::Result;
use crate::query::order::{Order, asc, desc};
use crate::query::parse::{Refused, read, refuse};

/// The aggregates of a list.
pub(super) fn aggregates(text: &str) -> Result<Vec<Aggregate>> {
    read(
        text,
        |parser| parser.parse_comma_separated(Parser::parse_select_item),
        |items| items.iter().map(item).collect(),
    )
}

/// The keys of a list.
pub(in crate::query) fn orders(text: &str) -> Result<Vec<Order>> {
    read(
        text,
        |parser| parser.parse_comma_separated(Parser::parse_order_by_expr),
        |keys| keys.iter().map(order).collect(),
    )
}

fn order(key: &OrderByExpr) -> Result<Order, Refused> {
    let name = match &key.expr {
        Sql::Function(_) => aggregate(&key.expr)?.name(),
        other => field(other)?,
    };
    let order = match key.options.sort {
        None | Some(OrderBySort::Asc) => asc(name),
        Some(OrderBySort::Desc) => desc(name),
        Some(OrderBySort::Using(_)) => return refuse(&key.expr, "an order is asc or desc"),
    };
    Ok(match key.options.nulls_first {
        None => order,
        Some(true) => order.nulls_first(),
        Some(false) => order.nulls_last(),
    })
}

fn item(item: &SelectItem) -> Result<Aggregate, Refused> {
    match item {
        SelectItem::UnnamedExpr(sql) => aggregate(sql),
        SelectItem::ExprWithAlias { expr, alias } => {
            Ok(aggregate(expr)?.named(alias.value.as_str()))
        }
        other => Err((format!("expected an aggregate, found {other}"), other.span().start)),
    }
}

fn field(sql: &Sql) -> Result<String, Refused> {
    match sql {
        Sql::Identifier(name) => Ok(name.value.clone()),
        Sql::Nested(inner) => field(inner),
        other => refuse(other, format!("expected a field, found {other}")),
    }
}

/// One call: `avg(temp)`.
fn aggregate(sql: &Sql) -> Result<Aggregate, Refused> {
    let Sql::Function(function) = sql else {
        return refuse(sql, format!("expected an aggregate, found {sql}"));
    };
    let name = function.name.to_string().to_ascii_lowercase();
    let extra = function.filter.is_some()
        || function.over.is_some()
        || function.null_treatment.is_some()
        || !function.within_group.is_empty();
    let FunctionArguments::List(list) = &function.args else {
        return refuse(sql, format!("{name} takes a field"));
    };
    if extra || !list.clauses.is_empty() {
        return refuse(sql, format!("{name} takes a field, and nothing behind it"));
    }
    let distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
    if let ("count", false, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) =
        (name.as_str(), distinct, list.args.as_slice())
    {
        return Ok(Aggregate::new(Function::Count, None));
    }
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => Ok(arg),
        _ => refuse(sql, format!("{name} takes a field")),
    });
    let args = args.collect::<Result<Vec<&Sql>, Refused>>()?;
    let spread = |root, sample| Function::Spread(Spread { root, sample });
    let part = |interpolated| match args.get(1) {
        Some(part) => Ok(Function::Quantile { part: number(part)?, interpolated }),
        None => refuse(sql, format!("{name} takes a field and a part: {name}(x, 0.9)")),
    };
    let function = match name.as_str() {
        "count" if distinct => Function::CountDistinct,
        _ if distinct => return refuse(sql, format!("{name} takes no distinct")),
        "count" => Function::Count,
        "sum" => Function::Sum,
        "avg" | "mean" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        "first" => Function::First,
        "last" => Function::Last,
        "stddev" | "stddev_samp" => spread(true, true),
        "stddev_pop" => spread(true, false),
        "variance" | "var_samp" => spread(false, true),
        "var_pop" => spread(false, false),
        "count_distinct" => Function::CountDistinct,
        "approx_count_distinct" | "approx_distinct" => Function::ApproxCountDistinct,
        "median" => Function::Quantile { part: 0.5, interpolated: true },
        "quantile" | "quantile_cont" => part(true)?,
        "quantile_disc" => part(false)?,
        _ => return refuse(sql, format!("there is no aggregate {name}")),
    };
    let wanted = if name.starts_with("quantile") { 2 } else { 1 };
    match args.first() {
        Some(of) if args.len() == wanted => Ok(Aggregate::new(function, Some(field(of)?))),
        _ => refuse(sql, format!("{name} takes {wanted} of what stands between its brackets")),
    }
}

/// A part of the values.
fn number(sql: &Sql) -> Result<f64, Refused> {
    let value = match sql {
        Sql::Value(value) => match &value.value {
            SqlValue::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        Sql::UnaryOp { op: UnaryOperator::Plus, expr } => return number(expr),
        _ => None,
    };
    match value {
        Some(number) => Ok(number),
        None => refuse(sql, format!("expected a number from 0 to 1, found {sql}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::agg;
    use super::*;
    use crate::Error;

    #[test]
    fn text_says_what_the_functions_say() {
        let cases = [
            ("count(*)", agg::count()),
            ("COUNT(x)", agg::count_of("x")),
            ("count(distinct x)", agg::count_distinct("x")),
            ("count_distinct(x) as n", agg::count_distinct("x").named("n")),
            ("sum(x)", agg::sum("x")),
            ("mean(x) m", agg::avg("x").named("m")),
            ("min(\"Größe\")", agg::min("Größe")),
            ("max(_time)", agg::max("_time")),
            ("first(x)", agg::first("x")),
            ("last(\"select\")", agg::last("select")),
            ("stddev(x)", agg::stddev("x")),
            ("stddev_samp(x)", agg::stddev("x")),
            ("stddev_pop(x)", agg::stddev_pop("x")),
            ("var_samp(x)", agg::variance("x")),
            ("var_pop(x)", agg::var_pop("x")),
            ("approx_count_distinct(x)", agg::approx_count_distinct("x")),
            ("median(x)", agg::median("x")),
            ("quantile(x, 0.99)", agg::quantile("x", 0.99)),
            ("quantile_disc(x, 1)", agg::quantile_disc("x", 1.0)),
        ];
        for (text, expected) in &cases {
            let parsed = aggregates(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(parsed, std::slice::from_ref(expected), "{text}");
            assert_eq!(aggregates(&expected.to_string()).expect("its own text"), parsed, "{text}");
        }
        let all: Vec<String> = cases.iter().map(|(text, _)| (*text).to_owned()).collect();
        assert_eq!(aggregates(&all.join(", ")).expect("a list").len(), cases.len());
    }

    #[test]
    fn errors_name_their_place() {
        for (text, at, what) in [
            ("", 1, "Expected: an expression"),
            ("avg(x), soundex(y)", 9, "no aggregate soundex"),
            ("avg(x) + 1", 1, "expected an aggregate"),
            ("avg(*)", 1, "avg takes a field"),
            ("avg(distinct x)", 1, "no distinct"),
            ("avg(x, y)", 1, "avg takes 1"),
            ("quantile(x)", 1, "a field and a part"),
            ("quantile(x, 'a')", 13, "a number from 0 to 1"),
            ("count(x) filter (where y > 1)", 1, "nothing behind it"),
            ("x", 1, "expected an aggregate"),
            ("*", 1, "expected an aggregate"),
            ("avg(x) as m n", 13, "expected the end"),
        ] {
            match aggregates(text) {
                Err(Error::Syntax { at: found, what: why }) => {
                    assert!(found == at && why.contains(what), "{text}: at {found}: {why}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn orders_are_read() {
        let keys = orders("a, \"B\" desc, count(*) desc nulls first, c asc nulls last");
        let expected = [asc("a"), desc("B"), desc("count(*)").nulls_first(), asc("c").nulls_last()];
        assert_eq!(keys.expect("keys"), expected);
        assert!(orders("a desc desc").is_err());
        assert!(orders("1").is_err());
    }
}
