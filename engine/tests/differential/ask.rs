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
    /// Which rows of those that are equal in some fields.
    only: Only,
}

#[derive(Debug, PartialEq)]
enum Only {
    All,
    /// The first of those equal in the fields that are selected.
    Distinct,
    /// The last of those equal in these.
    Latest(Vec<usize>),
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
        let few = |random: &mut Random| {
            let mut fields: Vec<usize> = Vec::new();
            for _ in 0..1 + random.below(3) {
                let field = random.below(width);
                if !fields.contains(&field) {
                    fields.push(field);
                }
            }
            fields
        };
        let fields = few(random);
        let only = match random.below(10) {
            0 | 1 => Only::Distinct,
            2 => Only::Latest(few(random)),
            _ => Only::All,
        };
        let ask = Ask {
            predicate: Predicate::random(random, fixture, depth),
            keys: (0..keys).map(|_| key(random)).collect(),
            limit,
            offset: if random.chance(4) { random.below(fixture.rows + 2) as u64 } else { 0 },
            fields,
            only,
        };
        if !random.chance(8) {
            return ask;
        }
        // The first few of all rows, which an index may tell.
        let (limit, offset) = (random.one_of(&[0, 1, 1, 2, 3, 8]), random.one_of(&[0, 0, 0, 1, 5]));
        let keys = (0..1 + random.below(2)).map(|_| key(random)).collect();
        let predicate = Predicate::And(Vec::new());
        Ask { predicate, keys, limit: Some(limit), offset, only: Only::All, ..ask }
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
        let query = match &self.only {
            Only::All => query.select(fields),
            Only::Distinct => query.distinct(fields),
            Only::Latest(by) => query.latest_by(by.iter().map(|at| name(*at))).select(fields),
        };
        let query = self.orders().fold(query, Query::order_by).offset(self.offset);
        match self.limit {
            Some(limit) => query.limit(limit),
            None => query,
        }
    }

    pub(crate) fn to_sql(&self, fixture: &Fixture) -> Sql {
        let column = |field: &usize| ordered(fixture, *field);
        let list = |fields: &[usize]| fields.iter().map(column).collect::<Vec<_>>().join(", ");
        let mut sql = Sql::default();
        sql.push(&format!("select _seq, {} from t where ", list(&self.fields)));
        // Which of equal rows it is, is not SQL's business.
        let one = match &self.only {
            Only::All => None,
            Only::Distinct => Some(("min", list(&self.fields))),
            Only::Latest(by) => Some(("max", list(by))),
        };
        if let Some((which, _)) = &one {
            sql.push(&format!("_seq in (select {which}(_seq) from t where "));
        }
        sql.append(self.predicate.to_sql(fixture));
        if let Some((_, fields)) = &one {
            sql.push(&format!(" group by {fields})"));
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
        let list =
            |fields: &[usize]| fields.iter().map(|f| name(*f)).collect::<Vec<_>>().join(", ");
        let (fields, expr) = (list(&self.fields), self.predicate.to_expr());
        match &self.only {
            Only::All => write!(f, "{fields} where {expr}")?,
            Only::Distinct => write!(f, "distinct {fields} where {expr}")?,
            Only::Latest(by) => write!(f, "{fields}, the latest by {}, where {expr}", list(by))?,
        }
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
