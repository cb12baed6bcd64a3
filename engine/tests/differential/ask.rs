//! What is asked of a table: conditions, order, limits, fields; for srdb and for SQLite.

use std::fmt::{self, Display, Formatter};

use srdb::{DataType, Expr, Order, Query, Table, asc, desc};

use crate::fixture::Fixture;
use crate::model::SEQ;
use crate::predicate::Predicate;
use crate::random::Random;
use crate::sql::{Sql, name, ordered};

/// A key of an order.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    descending: bool,
    /// Where nulls come, if that is said.
    nulls_last: Option<bool>,
}

impl Key {
    pub(crate) fn of(name: String, random: &mut Random) -> Key {
        let nulls_last = random.one_of(&[None, None, Some(true), Some(false)]);
        Key { name, descending: random.chance(2), nulls_last }
    }

    pub(crate) fn to_sql(&self, column: &str) -> String {
        let direction = if self.descending { " desc" } else { "" };
        let nulls = match self.nulls_last {
            None => "",
            Some(true) => " nulls last",
            Some(false) => " nulls first",
        };
        format!("{column}{direction}{nulls}")
    }
}

pub(crate) fn orders<'a>(keys: impl IntoIterator<Item = &'a Key>) -> impl Iterator<Item = Order> {
    keys.into_iter().map(|Key { name, descending, nulls_last }| {
        let key = if *descending { desc(name) } else { asc(name) };
        match nulls_last {
            None => key,
            Some(true) => key.nulls_last(),
            Some(false) => key.nulls_first(),
        }
    })
}

#[derive(Debug)]
pub(crate) struct Ask {
    predicate: Predicate,
    keys: Vec<(usize, Key)>,
    limit: Option<u64>,
    offset: u64,
    fields: Vec<usize>,
    distinct: bool,
}

impl Ask {
    pub(crate) fn random(random: &mut Random, fixture: &Fixture) -> Ask {
        let depth = random.one_of(&[0, 0, 0, 1, 1, 2, 3]);
        let width = DataType::ALL.len();
        let key = |random: &mut Random| {
            let field = if random.chance(12) { SEQ } else { random.below(width) };
            (field, Key::of(name(field).to_owned(), random))
        };
        let keys = random.one_of(&[0, 0, 1, 1, 2, 3]);
        let limit = random.chance(3).then(|| random.below(fixture.rows + 2) as u64);
        let limit = if random.chance(6) { Some(random.below(8) as u64) } else { limit };
        let distinct = random.chance(5);
        let mut fields: Vec<usize> = Vec::new();
        for _ in 0..1 + random.below(3) {
            let field = random.below(width);
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        Ask {
            predicate: Predicate::random(random, fixture, depth),
            keys: (0..keys).map(|_| key(random)).collect(),
            limit,
            offset: if random.chance(4) { random.below(fixture.rows + 2) as u64 } else { 0 },
            fields,
            distinct,
        }
    }

    fn orders(&self) -> impl Iterator<Item = Order> + '_ {
        orders(self.keys.iter().map(|(_, key)| key))
    }

    /// The query; its condition went through text.
    pub(crate) fn to_query(&self, table: &Table) -> Query {
        let expr = self.predicate.to_expr();
        let text = expr.to_string();
        let parsed = Expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(parsed, expr, "{text}");
        let fields = self.fields.iter().map(|field| name(*field));
        let query = table.query().filter(parsed);
        let query = if self.distinct { query.distinct(fields) } else { query.select(fields) };
        let query = self.orders().fold(query, Query::order_by).offset(self.offset);
        match self.limit {
            Some(limit) => query.limit(limit),
            None => query,
        }
    }

    pub(crate) fn to_sql(&self, fixture: &Fixture) -> Sql {
        let column = |field: &usize| ordered(fixture, *field);
        let fields = self.fields.iter().map(column).collect::<Vec<_>>().join(", ");
        let mut sql = Sql::default();
        sql.push(&format!("select _seq, {fields} from t where "));
        if self.distinct {
            // Which of equal rows it is, is not SQL's business; srdb returns the first.
            sql.push("_seq in (select min(_seq) from t where ");
            sql.append(self.predicate.to_sql(fixture));
            sql.push(&format!(" group by {fields})"));
        } else {
            sql.append(self.predicate.to_sql(fixture));
        }
        sql.push(" order by ");
        for (field, key) in &self.keys {
            sql.push(&format!("{}, ", key.to_sql(&column(field))));
        }
        let last_descends = self.keys.last().is_some_and(|(_, key)| key.descending);
        sql.push(if last_descends { "_seq desc" } else { "_seq" });
        let limit = self.limit.map_or(-1, |limit| limit as i64);
        sql.push(&format!(" limit {limit} offset {}", self.offset));
        sql
    }
}

impl Display for Ask {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.fields.iter().map(|field| name(*field)).collect();
        let what = if self.distinct { "distinct " } else { "" };
        write!(f, "{what}{} where {}", fields.join(", "), self.predicate.to_expr())?;
        for (at, order) in self.orders().enumerate() {
            write!(f, "{} {order}", if at == 0 { " order by" } else { "," })?;
        }
        if let Some(limit) = self.limit {
            write!(f, " limit {limit}")?;
        }
        if self.offset > 0 {
            write!(f, " offset {}", self.offset)?;
        }
        Ok(())
    }
}
