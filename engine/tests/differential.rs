//! The same queries asked of srdb and of SQLite: whatever is asked, both have to say the same.
//!
//! Tables of every type, with nulls, lie in several files, in memory, or in both, with blocks of
//! several sizes, with and without indexes, closed or crashed and opened again. Each seed is a
//! table and the queries asked of it, a quarter of them once more for groups and windows. What
//! SQLite has no type for is translated ([`sql`] and [`aggregate`] say how); where the two differ
//! by design, `docs/queries.md` says so.
//!
//! ```text
//! DIFFERENTIAL_QUERIES=1000000 cargo test -p srdb --test differential     more of them
//! DIFFERENTIAL_SEED=17 cargo test -p srdb --test differential             the table of one seed
//! ```

#[allow(dead_code, reason = "evaluating a condition is left to SQLite here")]
#[path = "query_model/model.rs"]
mod model;
#[allow(dead_code, reason = "shared with another test")]
#[path = "query_model/random.rs"]
mod random;

#[path = "differential/aggregate.rs"]
mod aggregate;
#[path = "differential/ask.rs"]
mod ask;
#[path = "differential/dialect.rs"]
mod dialect;
#[path = "differential/fixture.rs"]
mod fixture;
#[path = "differential/groups.rs"]
mod groups;
#[path = "differential/predicate.rs"]
mod predicate;
#[path = "differential/sql.rs"]
mod sql;

use ask::Ask;
use fixture::Fixture;
use groups::AskGroups;
use random::Random;
use sql::Sql;
use srdb::{Expr, Row, Value};
use std::fmt::Debug;

/// Queries of a table.
const QUERIES: u64 = 125;

fn setting(name: &str) -> Option<u64> {
    let said = std::env::var(name).ok()?;
    Some(said.parse().unwrap_or_else(|_| panic!("{name} is a number, not {said:?}")))
}

/// What was asked, how to ask it again, and both answers.
fn differ(seed: u64, asked: &str, sql: &Sql, what: &str, ours: &str, theirs: &str) -> ! {
    panic!(
        "srdb and SQLite differ in {what}\nseed    {seed} (DIFFERENTIAL_SEED={seed})\n\
         asked   {asked}\nin SQL  {}\n        {:?}\nsrdb    {ours}\nSQLite  {theirs}",
        sql.text, sql.params
    );
}

/// How many files and memtables were read by an index, of a tenth of the queries.
#[derive(Debug, Clone, Copy, Default)]
struct Indexed {
    of_conditions: u64,
    of_orders: u64,
}

/// Asks both, and compares all that can be had of the answer.
fn compare(seed: u64, ask: &Ask, fixture: &Fixture, random: &mut Random, indexed: &mut Indexed) {
    let (query, sql) = (ask.to_query(&fixture.table), ask.to_sql(fixture));
    let theirs = fixture.sqlite(&sql);
    let differ = |what: &str, ours: &dyn Debug, theirs: &dyn Debug| -> ! {
        let plan = query.explain().map_or_else(|e| e.to_string(), |plan| plan.to_string());
        let asked = format!("{ask}\n{plan}");
        differ(seed, &asked, &sql, what, &format!("{ours:?}"), &format!("{theirs:?}"))
    };
    let seqs: Vec<i64> = theirs.iter().map(|row| row.0).collect();
    let rows = query.collect().unwrap_or_else(|error| differ("the rows", &error, &seqs));
    let ours: Vec<i64> = rows.iter().map(Row::seq).collect();
    if ours != seqs {
        differ("the rows", &ours, &seqs);
    }
    for (row, (_, theirs)) in rows.iter().zip(&theirs) {
        let fields = row.fields().zip(row.values());
        let ours: Vec<_> = fields.map(|(name, value)| fixture.stored(name, value)).collect();
        if ours != *theirs {
            differ(&format!("row {}", row.seq()), &ours, theirs);
        }
    }
    let count = query.count().expect("a count");
    if count != theirs.len() as u64 {
        differ("the count", &count, &theirs.len());
    }
    if random.chance(4) {
        let exists = query.exists().expect("an answer");
        let first = query.first().expect("a row").map(|row| row.seq());
        let last = query.last().expect("a row").map(|row| row.seq());
        let (ours, theirs) =
            ((exists, first, last), (count > 0, seqs.first().copied(), seqs.last().copied()));
        if ours != theirs {
            differ("whether there is any, the first and the last", &ours, &theirs);
        }
    }
    if random.chance(10) {
        for (what, files) in query.explain().expect("a plan").indexed {
            match what.starts_with("order by ") {
                true => indexed.of_orders += files,
                false => indexed.of_conditions += files,
            }
        }
    }
}

/// Asks both for groups.
fn compare_groups(seed: u64, ask: &AskGroups, fixture: &Fixture) {
    let (aggregation, sql) = (ask.to_aggregation(&fixture.table), ask.to_sql(fixture));
    let theirs = fixture.sqlite(&sql);
    let differ = |what: &str, ours: &dyn Debug, theirs: &dyn Debug| -> ! {
        differ(seed, &ask.to_string(), &sql, what, &format!("{ours:?}"), &format!("{theirs:?}"))
    };
    let mut rows = match aggregation.rows() {
        Ok(rows) => rows,
        Err(error) => differ("the groups", &error, &theirs),
    };
    for (number, (_, theirs)) in theirs.iter().enumerate() {
        let Some(ours) = rows.next() else { differ("how many groups", &number, theirs) };
        let ours = ours.map(|row| row.into_values());
        if let Err(wanted) = ask.compare(fixture, &ours, theirs) {
            differ(&format!("group {number}"), &ours, &wanted);
        }
        if ours.is_err() {
            // Both say that it is beyond its type, and srdb says no more.
            return;
        }
    }
    if let Some(more) = rows.next() {
        differ("how many groups", &more, &theirs.len());
    }
}

/// The queries of a seed.
fn run(seed: u64, queries: u64, indexed: &mut Indexed) {
    let mut random = Random::new(seed);
    let fixture = Fixture::new(&mut random);
    for _ in 0..queries {
        let ask = Ask::random(&mut random, &fixture);
        compare(seed, &ask, &fixture, &mut random, indexed);
        if random.chance(4) {
            let ask = AskGroups::random(&mut random, &fixture);
            if !ask.is_empty() {
                compare_groups(seed, &ask, &fixture);
            }
        }
    }
    fixture.close();
}

/// The seeds of one of `shares`, each a test of its own: they run side by side.
fn share(number: u64, shares: u64) {
    if let Some(seed) = setting("DIFFERENTIAL_SEED") {
        if seed % shares == number {
            run(seed, QUERIES, &mut Indexed::default());
        }
        return;
    }
    let queries = setting("DIFFERENTIAL_QUERIES").unwrap_or(20_000).div_ceil(shares);
    let (mut seed, mut asked, mut indexed) = (number, 0, Indexed::default());
    while asked < queries {
        run(seed, QUERIES.min(queries - asked), &mut indexed);
        asked += QUERIES;
        seed += shares;
    }
    let Indexed { of_conditions, of_orders } = indexed;
    let enough = of_conditions > queries / 100 && of_orders > queries / 1000;
    assert!(queries < 5000 || enough, "files read by an index: {indexed:?}");
}

#[test]
fn sqlite_gives_the_same_answers() {
    share(0, 2);
}

#[test]
fn sqlite_gives_the_same_answers_to_more() {
    share(1, 2);
}

/// Text that both read themselves: none of it is made by the builder, or translated.
#[test]
fn the_same_text_means_the_same_to_both() {
    for seed in 50_000..50_016 {
        let mut random = Random::new(seed);
        let fixture = Fixture::new(&mut random);
        for _ in 0..60 {
            let depth = random.below(4);
            let text = dialect::condition(&mut random, &fixture, depth);
            let expr = Expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let ours = fixture.table.query().filter(expr).collect();
            let ours = ours.unwrap_or_else(|error| panic!("seed {seed}: {text}: {error}"));
            let ours: Vec<i64> = ours.iter().map(Row::seq).collect();
            let sql = format!("select _seq from t where {text} order by 1");
            let theirs = fixture.sqlite(&Sql { text: sql, params: Vec::new() });
            let theirs: Vec<i64> = theirs.iter().map(|row| row.0).collect();
            assert_eq!(ours, theirs, "srdb, then SQLite; seed {seed}: {text}");
        }
        fixture.close();
    }
}

/// The keys by which SQLite compares what it has no type for are in the order of the numbers.
#[test]
fn keys_of_numbers_are_in_their_order() {
    let mut random = Random::new(1);
    let mut values = Vec::new();
    for data_type in srdb::DataType::ALL {
        values.extend((0..40).map(|_| random.value(data_type)));
    }
    let is_number = |value: &Value| {
        !matches!(value, Value::Bool(_) | Value::String(_) | Value::Bytes(_) | Value::Json(_))
    };
    values.retain(is_number);
    for left in &values {
        for right in &values {
            let keys = sql::key(left).cmp(&sql::key(right));
            assert_eq!(keys, model::compare(left, right), "{left:?} {right:?}");
        }
    }
}
