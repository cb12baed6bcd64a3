//! What is asked of groups and windows; for srdb and for SQLite.
//!
//! A window has in SQLite the number that division by its length gives, rounded down; where windows
//! overlap, a row is joined with the numbers of as many as it may be in.

use std::fmt::{self, Display, Formatter};

use rusqlite::types::Value as Stored;
use srdb::{Aggregation, DataType, Expr, Fill, Table, Value};

use crate::aggregate::{Aggregate, Wanted};
use crate::ask::{Key, orders};
use crate::fixture::Fixture;
use crate::predicate::Predicate;
use crate::random::Random;
use crate::sql::{Sql, name, ordered};

/// Windows of `_time`, or of the timestamp field; spans in ns.
#[derive(Debug, Clone, Copy)]
struct Windows {
    of_time: bool,
    size: i64,
    slide: i64,
    origin: i64,
}

#[derive(Debug)]
pub(crate) struct AskGroups {
    predicate: Predicate,
    group_by: Vec<usize>,
    windows: Option<Windows>,
    aggregates: Vec<Aggregate>,
    /// Whether gaps have what is before them, if they are filled.
    fill: Option<bool>,
    /// By the column of the answer.
    keys: Vec<Key>,
    limit: Option<u64>,
    offset: u64,
}

impl Windows {
    fn random(random: &mut Random) -> Windows {
        let of_time = !random.chance(3);
        let sizes =
            if of_time { [7, 20, 100, 333] } else { [7, 1 << 61, 1 << 40, 3_600_000_000_000] };
        let size = random.one_of(&sizes);
        let slide = match random.below(3) {
            0 if of_time => 1 + random.below(2 * size as usize) as i64,
            _ => size,
        };
        let slide = slide.max(size / 50 + 1);
        let origin =
            if of_time && random.chance(3) { random.below(slide as usize) as i64 } else { 0 };
        Windows { of_time, size, slide, origin }
    }

    fn field(self) -> &'static str {
        if self.of_time { "_time" } else { "timestamp" }
    }

    /// `_window` of the window of this number: time begins with the least i64.
    fn start(self, number: i64) -> i64 {
        let start = i128::from(number) * i128::from(self.slide) + i128::from(self.origin);
        i64::try_from(start).unwrap_or(i64::MIN)
    }
}

impl AskGroups {
    pub(crate) fn random(random: &mut Random, fixture: &Fixture) -> AskGroups {
        let depth = random.one_of(&[0, 0, 1, 2]);
        let predicate = match random.chance(3) {
            true => Predicate::And(Vec::new()),
            false => Predicate::random(random, fixture, depth),
        };
        let mut group_by: Vec<usize> = Vec::new();
        for _ in 0..random.one_of(&[0, 0, 1, 1, 2]) {
            let field = random.below(DataType::ALL.len());
            if !group_by.contains(&field) {
                group_by.push(field);
            }
        }
        let windows = random.chance(2).then(|| Windows::random(random));
        let aggregates: Vec<Aggregate> =
            (0..random.below(4)).map(|_| Aggregate::random(random, fixture)).collect();
        let few = |windows: &Windows| {
            windows.of_time && (fixture.times.1 - fixture.times.0) / windows.slide < 60
        };
        let can_fill = group_by.len() < 2 && windows.as_ref().is_some_and(few);
        let fill = (can_fill && random.chance(3)).then(|| random.chance(2));
        // The columns that can be ordered by, and how they are called.
        let mut names: Vec<String> = group_by.iter().map(|f| name(*f).to_owned()).collect();
        names.extend(windows.map(|_| "_window".to_owned()));
        let ordered = aggregates.iter().enumerate().filter(|(_, a)| a.is_ordered());
        names.extend(ordered.map(|(at, _)| format!("a{at}")));
        let keys = if names.is_empty() { 0 } else { random.one_of(&[0, 0, 1, 2]) };
        let keys = (0..keys).map(|_| Key::of(random.one_of(&names), random)).collect();
        AskGroups {
            predicate,
            group_by,
            windows,
            aggregates,
            fill,
            keys,
            limit: random.chance(4).then(|| random.below(20) as u64),
            offset: if random.chance(5) { random.below(10) as u64 } else { 0 },
        }
    }

    /// Nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.group_by.is_empty() && self.windows.is_none() && self.aggregates.is_empty()
    }

    pub(crate) fn to_aggregation(&self, table: &Table) -> Aggregation {
        let text = self.predicate.to_expr().to_string();
        let expr = Expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let fields = self.group_by.iter().map(|field| name(*field));
        let mut asked = table.query().filter(expr).group_by(fields);
        if let Some(Windows { size, slide, origin, .. }) = self.windows {
            let field = self.windows.map_or("", Windows::field);
            asked = asked.window(field, Value::Duration(size));
            if slide != size {
                asked = asked.slide(Value::Duration(slide));
            }
            if origin != 0 {
                asked = asked.origin(Value::Duration(origin));
            }
        }
        let aggregates = self.aggregates.iter().enumerate().map(|(at, a)| a.asked(at));
        asked = asked.aggregate(aggregates).offset(self.offset);
        asked = match self.fill {
            Some(true) => asked.fill(Fill::Previous),
            Some(false) => asked.fill(Fill::Null),
            None => asked,
        };
        asked = orders(&self.keys).fold(asked, Aggregation::order_by);
        match self.limit {
            Some(limit) => asked.limit(limit),
            None => asked,
        }
    }

    /// Of each row a 0, the keys of its group, the number of its window, and the columns of the
    /// aggregates.
    pub(crate) fn to_sql(&self, fixture: &Fixture) -> Sql {
        let mut inner: Vec<String> = Vec::new();
        let mut join = String::new();
        let mut conditions = String::new();
        if let Some(windows) = self.windows {
            let Windows { size, slide, origin, .. } = windows;
            let shifted = format!("(\"{}\" - {origin})", windows.field());
            // Division rounds to zero; here it has to round down.
            let last = format!("({shifted} / {slide} - ({shifted} % {slide} < 0))");
            let most = (size + slide - 1) / slide;
            let numbers: Vec<String> = (0..most).map(|j| format!("({j})")).collect();
            join = format!(", (select column1 as j from (values {}))", numbers.join(", "));
            inner.push(format!("{last} - j as w"));
            conditions = format!("\"{}\" is not null and ", windows.field());
            if size != slide {
                let begins = format!("({last} - j) * {slide}");
                conditions.push_str(&format!("{shifted} - {begins} < {size} and "));
            }
        }
        let mut groups: Vec<String> = self.group_by.iter().map(|f| ordered(fixture, *f)).collect();
        groups.extend(self.windows.map(|_| "w".to_owned()));
        let groups = groups.join(", ");
        let (mut rows, mut columns) = (Vec::new(), Vec::new());
        for (at, aggregate) in self.aggregates.iter().enumerate() {
            rows.extend(aggregate.inner(fixture, at, &groups));
            for (part, column) in aggregate.columns(fixture, at).into_iter().enumerate() {
                columns.push((format!("a{at}_{part}"), column, aggregate.counts()));
            }
        }
        let mut sql = Sql::default();
        let extra = |list: &[String]| list.iter().map(|c| format!(", {c}")).collect::<String>();
        let keys = self.group_by.iter().enumerate();
        let keys: Vec<String> =
            keys.map(|(at, f)| format!("{} as k{at}", ordered(fixture, *f))).collect();
        let window = if self.windows.is_some() { ", w" } else { "" };
        let made = columns.iter().map(|(name, column, _)| format!(", {column} as {name}"));
        sql.push(&format!(
            "with a as materialized (select 0{}{window}{}",
            extra(&keys),
            made.collect::<String>()
        ));
        sql.push(&format!(" from (select *{} from (select t.*{}", extra(&rows), extra(&inner)));
        sql.push(&format!(" from t{join} where {conditions}("));
        sql.append(self.predicate.to_sql(fixture));
        sql.push(")))");
        if !groups.is_empty() {
            sql.push(&format!(" group by {groups}"));
        }
        sql.push(")");
        self.fill_sql(&columns, &mut sql);
        self.order_sql(&mut sql);
        sql
    }

    /// The rows of `a`, and those between them.
    fn fill_sql(&self, columns: &[(String, String, bool)], sql: &mut Sql) {
        let Some(previous) = self.fill else { return sql.push(" select * from a") };
        let keys: String = (0..self.group_by.len()).map(|at| format!(", k{at}")).collect();
        let same = |left: &str, right: &str| {
            let keys =
                (0..self.group_by.len()).map(|k| format!("{left}.k{k} is {right}.k{k} and "));
            keys.collect::<String>()
        };
        sql.push(&format!(
            ", g as (select distinct 0{keys} from a), \
             n(w) as (select min(w) from a union all \
             select w + 1 from n where w < (select max(w) from a)) select 0"
        ));
        (0..self.group_by.len()).for_each(|at| sql.push(&format!(", g.k{at} as k{at}")));
        sql.push(", n.w as w");
        for (name, _, counts) in columns {
            let before = format!(
                "(select b.{name} from a b where {} b.w < n.w order by b.w desc limit 1)",
                same("b", "g")
            );
            let gap = match (counts, previous) {
                (true, _) => "0",
                (false, true) => &before,
                (false, false) => "null",
            };
            sql.push(&format!(", case when a.w is null then {gap} else a.{name} end as {name}"));
        }
        sql.push(&format!(" from g join n left join a on {} a.w = n.w", same("a", "g")));
    }

    fn order_sql(&self, sql: &mut Sql) {
        let column = |key: &Key| {
            let of_group = |field: &usize| name(*field) == key.name;
            match self.group_by.iter().position(of_group) {
                Some(at) => format!("k{at}"),
                None if key.name == "_window" => "w".to_owned(),
                None => format!("{}_0", key.name),
            }
        };
        let mut order: Vec<String> = self.keys.iter().map(|key| key.to_sql(&column(key))).collect();
        order.extend((0..self.group_by.len()).map(|at| format!("k{at}")));
        order.extend(self.windows.map(|_| "w".to_owned()));
        if !order.is_empty() {
            sql.push(&format!(" order by {}", order.join(", ")));
        }
        let limit = self.limit.map_or(-1, |limit| limit as i64);
        sql.push(&format!(" limit {limit} offset {}", self.offset));
    }

    /// Compares a row of the answer with SQLite's: what it has to be, if it is not.
    pub(crate) fn compare(
        &self,
        fixture: &Fixture,
        ours: &srdb::Result<Vec<Value>>,
        theirs: &[Stored],
    ) -> Result<(), String> {
        let (mut ours_at, mut at) = (0, 0);
        let mut wanted = Vec::new();
        let no_values = Vec::new();
        let values = ours.as_ref().unwrap_or(&no_values);
        let mut same = true;
        for field in &self.group_by {
            let value = values.get(ours_at);
            same &= value.is_some_and(|v| fixture.stored(name(*field), v) == theirs[at]);
            wanted.push(format!("{:?}", theirs[at]));
            (ours_at, at) = (ours_at + 1, at + 1);
        }
        if let (Some(windows), Some(Stored::Integer(number))) = (self.windows, theirs.get(at)) {
            let start = windows.start(*number);
            same &= values.get(ours_at) == Some(&Value::Timestamp(start));
            wanted.push(format!("window {start}"));
            (ours_at, at) = (ours_at + 1, at + 1);
        }
        let mut overflow = false;
        for (number, aggregate) in self.aggregates.iter().enumerate() {
            let width = aggregate.columns(fixture, number).len();
            let want = aggregate.wanted(&theirs[at..at + width]);
            overflow |= want == Wanted::Overflow;
            same &= values.get(ours_at).is_some_and(|v| want.is(v, *aggregate, fixture));
            wanted.push(format!("{want:?}"));
            (ours_at, at) = (ours_at + 1, at + width);
        }
        let refused = matches!(ours, Err(srdb::Error::Overflow { .. }));
        match overflow && refused || !overflow && ours.is_ok() && same {
            true => Ok(()),
            false => Err(wanted.join(", ")),
        }
    }
}

impl Display for AskGroups {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let aggregates = self.aggregates.iter().enumerate().map(|(at, a)| a.asked(at).to_string());
        let fields: Vec<&str> = self.group_by.iter().map(|field| name(*field)).collect();
        let aggregates: Vec<String> = aggregates.collect();
        write!(f, "{} where {}", aggregates.join(", "), self.predicate.to_expr())?;
        write!(f, " group by {fields:?}")?;
        if let Some(windows) = self.windows {
            write!(f, " window {windows:?} fill {:?}", self.fill)?;
        }
        let orders: Vec<String> = orders(&self.keys).map(|order| order.to_string()).collect();
        write!(f, " order by {orders:?} limit {:?} offset {}", self.limit, self.offset)
    }
}
