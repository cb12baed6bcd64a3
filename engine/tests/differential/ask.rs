//! What is asked of a table: conditions, order, limits, fields; for srdb and for SQLite.

use std::fmt::{self, Display, Formatter};

use srdb::{DataType, Expr, Order, Query, Table, asc, desc};

use crate::fixture::Fixture;
use crate::model::SEQ;
use crate::predicate::Predicate;
use crate::random::Random;
use crate::sql::{Sql, name, ordered};

#[derive(Debug)]
pub(crate) struct Ask {
    predicate: Predicate,
    /// Field, whether it descends, and where nulls come if that is said.
    keys: Vec<(usize, bool, Option<bool>)>,
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
            (field, random.chance(2), random.one_of(&[None, None, Some(true), Some(false)]))
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
        self.keys.iter().map(|(field, descending, nulls_last)| {
            let key = if *descending { desc(name(*field)) } else { asc(name(*field)) };
            match nulls_last {
                None => key,
                Some(true) => key.nulls_last(),
                Some(false) => key.nulls_first(),
            }
        })
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
        for (field, descending, nulls_last) in &self.keys {
            let (column, direction) = (column(field), if *descending { " desc" } else { "" });
            let nulls = match nulls_last {
                None => "",
                Some(true) => " nulls last",
                Some(false) => " nulls first",
            };
            sql.push(&format!("{column}{direction}{nulls}, "));
        }
        let last_descends = self.keys.last().is_some_and(|key| key.1);
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
