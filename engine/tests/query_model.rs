//! Queries against a naive evaluation of the same conditions, row by row: random expressions over
//! random rows of every type, with nulls, in files, in memory and in both.
//!
//! The evaluation shares nothing with the engine: it walks a tree of its own, in SQL's three
//! values, and compares numbers by their digits ([`model`]).

#[path = "query_model/model.rs"]
mod model;
#[path = "query_model/random.rs"]
mod random;

use std::cmp::Ordering;
use std::sync::Arc;

use model::{Cell, Condition};
use random::{Random, schema, to_row};
use srdb::vfs::MemDisk;
use srdb::{
    Background, DataType, Database, Durability, Expr, Job, Query, Row, Table, Value, asc, desc,
};

struct Fixture {
    db: Database,
    table: Table,
    rows: Vec<Vec<Value>>,
}

impl Fixture {
    /// A table whose rows lie where `random` wants them: flushed, in memory, or some of each; and
    /// which has indexes of all fields, or of none, or of some that are built as far as it wants.
    fn new(random: &mut Random, rows: usize, block_rows: usize) -> Fixture {
        let db = Database::builder("/db")
            .vfs(Arc::new(MemDisk::new()))
            .background(Background::Manual)
            .block_rows(block_rows)
            .durability(Durability::Memory)
            .open()
            .expect("a database");
        let indexed = random.below(3);
        let table = db.create_table("t", schema(indexed == 1)).expect("a table");
        let rows = random.rows(rows);
        let flushes = random.below(3);
        let parts = flushes + random.below(2);
        let part = rows.len().div_ceil(parts.max(1));
        for (number, part) in rows.chunks(part.max(1)).enumerate() {
            for commit in part.chunks(50) {
                table.insert_many(commit.iter().map(|row| to_row(row))).expect("rows");
            }
            if number < flushes {
                db.flush().expect("a flush");
            }
            for data_type in DataType::ALL {
                if indexed == 2 && random.chance(4) {
                    // It may have one already.
                    let _ = table.create_index(data_type.name());
                }
            }
            for _ in 0..random.below(20) {
                db.step(Job::BuildIndex).expect("a step");
            }
        }
        Fixture { db, table, rows }
    }

    /// The numbers of the rows for which the condition is true.
    fn expected(&self, condition: &Condition) -> Vec<usize> {
        let holds = |at: &usize| condition.of(&Cell { seq: at + 1, row: &self.rows[*at] });
        (0..self.rows.len()).filter(|at| holds(at) == Some(true)).collect()
    }
}

fn seqs(rows: &[Row]) -> Vec<usize> {
    rows.iter().map(|row| row.seq() as usize - 1).collect()
}

fn query(table: &Table, expr: &Expr) -> Query {
    table.query().filter(expr.clone())
}

/// Every way to ask gives what the model says.
/// How many files and memtables were read by an index.
fn check(fixture: &Fixture, condition: &Condition, random: &mut Random) -> u64 {
    let expr = condition.to_expr();
    let text = expr.to_string();
    #[cfg(feature = "sql")]
    assert_eq!(Expr::parse(&text).expect(&text), expr, "{text}");
    let expected = fixture.expected(condition);
    let ask = || query(&fixture.table, &expr);
    let rows = ask().collect().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(seqs(&rows), expected, "{text}\n{}", ask().explain_analyze().expect("a plan"));
    for (row, at) in rows.iter().zip(&expected) {
        assert_eq!(row.values(), fixture.rows[*at], "{text}: row {at}");
    }
    assert_eq!(ask().count().expect("a count"), expected.len() as u64, "{text}");
    assert_eq!(ask().exists().expect("an answer"), !expected.is_empty(), "{text}");
    let number = |row: Option<Row>| row.map(|row| row.seq() as usize - 1);
    assert_eq!(number(ask().first().expect("a row")), expected.first().copied(), "{text}");
    assert_eq!(number(ask().last().expect("a row")), expected.last().copied(), "{text}");
    let run = ask().explain_analyze().expect("a run");
    assert_eq!(run.matched, Some(expected.len() as u64));
    let plan = ask().explain().expect("a plan");
    let pruned: u64 = plan.pruned.iter().map(|(_, count)| count).sum();
    assert_eq!(plan.blocks, pruned + plan.whole + plan.filtered, "{plan}");
    check_pages(fixture, &expr, &expected, random);
    check_order(fixture, &expr, &expected, random);
    check_chunks(fixture, &expr, &expected);
    run.indexed.iter().map(|(_, count)| count).sum()
}

fn check_pages(fixture: &Fixture, expr: &Expr, expected: &[usize], random: &mut Random) {
    let (offset, limit) = (random.below(expected.len() + 3), random.below(expected.len() + 3));
    let cut =
        |all: &[usize]| -> Vec<usize> { all.iter().copied().skip(offset).take(limit).collect() };
    let ask = || query(&fixture.table, expr).offset(offset as u64).limit(limit as u64);
    let forward = ask().collect().expect("rows");
    assert_eq!(seqs(&forward), cut(expected), "{expr} offset {offset} limit {limit}");
    assert_eq!(ask().count().expect("a count"), forward.len() as u64);
    let back: Vec<usize> = expected.iter().rev().copied().collect();
    let backward = ask().order_by(desc("_seq")).collect().expect("rows");
    assert_eq!(seqs(&backward), cut(&back), "{expr} backward, offset {offset} limit {limit}");
    let last = ask().last().expect("a row").map(|row| row.seq() as usize - 1);
    assert_eq!(last, cut(expected).last().copied());
}

fn check_order(fixture: &Fixture, expr: &Expr, expected: &[usize], random: &mut Random) {
    let keys: Vec<(usize, bool, Option<bool>)> = (0..1 + random.below(3))
        .map(|_| {
            let nulls_last = random.one_of(&[None, None, Some(true), Some(false)]);
            (random.below(DataType::ALL.len()), random.chance(2), nulls_last)
        })
        .collect();
    let mut ordered = expected.to_vec();
    let last_descends = keys.last().is_some_and(|key| key.1);
    ordered.sort_by(|a, b| {
        for (field, descending, nulls_last) in &keys {
            let (left, right) = (&fixture.rows[*a][*field], &fixture.rows[*b][*field]);
            let nulls_last = nulls_last.unwrap_or(*descending);
            let order = match (left.is_null(), right.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ => {
                    let order = model::compare(left, right);
                    if *descending { order.reverse() } else { order }
                }
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        if last_descends { b.cmp(a) } else { a.cmp(b) }
    });
    let mut ask = query(&fixture.table, expr);
    for (field, descending, nulls_last) in &keys {
        let name = DataType::ALL[*field].name();
        let key = if *descending { desc(name) } else { asc(name) };
        ask = ask.order_by(match nulls_last {
            None => key,
            Some(true) => key.nulls_last(),
            Some(false) => key.nulls_first(),
        });
    }
    assert_eq!(seqs(&ask.collect().expect("rows")), ordered, "{expr} by {keys:?}");
    let limit = random.below(expected.len() + 2);
    let top = ask.clone().limit(limit as u64).offset(1).collect().expect("rows");
    let wanted: Vec<usize> = ordered.iter().copied().skip(1).take(limit).collect();
    assert_eq!(seqs(&top), wanted, "{expr} by {keys:?}, {limit} rows");
    let last = ask.last().expect("a row").map(|row| row.seq() as usize - 1);
    assert_eq!(last, ordered.last().copied(), "the last of {expr} by {keys:?}");
    check_distinct(fixture, expr, expected, keys[0].0);
}

fn check_distinct(fixture: &Fixture, expr: &Expr, expected: &[usize], field: usize) {
    let mut first: Vec<usize> = Vec::new();
    for at in expected {
        let value = &fixture.rows[*at][field];
        let same = |other: &usize| {
            let other = &fixture.rows[*other][field];
            match (value.is_null(), other.is_null()) {
                (false, false) => model::compare(value, other) == Ordering::Equal,
                (a, b) => a && b,
            }
        };
        if !first.iter().any(same) {
            first.push(*at);
        }
    }
    let name = DataType::ALL[field].name();
    let ask = || query(&fixture.table, expr).distinct([name]);
    let rows = ask().collect().expect("rows");
    assert_eq!(seqs(&rows), first, "{expr}, distinct {name}");
    assert!(rows.iter().all(|row| row.fields().eq([name])));
    assert_eq!(ask().count().expect("a count"), first.len() as u64);
    let backward = ask().order_by(desc("_seq")).collect().expect("rows");
    first.reverse();
    assert_eq!(seqs(&backward), first);
}

fn check_chunks(fixture: &Fixture, expr: &Expr, expected: &[usize]) {
    let mut at = 0;
    for chunk in query(&fixture.table, expr).chunks().expect("chunks") {
        let chunk = chunk.expect("a chunk");
        for row in 0..chunk.len() {
            assert_eq!(chunk.seqs()[row] as usize - 1, expected[at]);
            for field in 0..chunk.width() {
                let value = chunk.column(field).value(row).expect("a value").to_value();
                assert_eq!(value, fixture.rows[expected[at]][field]);
            }
            at += 1;
        }
    }
    assert_eq!(at, expected.len());
}

#[test]
fn queries_return_what_a_naive_evaluation_does() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let rows = random.below(300);
        let fixture = Fixture::new(&mut random, rows, 64);
        for _ in 0..25 {
            let depth = random.below(4);
            let condition = random.condition(depth, rows);
            check(&fixture, &condition, &mut random);
        }
        fixture.db.close().expect("a clean close");
    }
}

#[test]
fn single_comparisons_of_every_type_hold() {
    let mut indexed = 0;
    for seed in 1000..1020 {
        let mut random = Random::new(seed);
        let fixture = Fixture::new(&mut random, 200, 32);
        for _ in 0..60 {
            let condition = random.condition(0, 200);
            indexed += check(&fixture, &condition, &mut random);
        }
        fixture.db.close().expect("a clean close");
    }
    assert!(indexed > 100, "indexes were used {indexed} times");
}

#[test]
fn full_blocks_answer_as_small_ones_do() {
    for seed in 2000..2004 {
        let mut random = Random::new(seed);
        let fixture = Fixture::new(&mut random, 5000, 2048);
        for _ in 0..12 {
            let depth = random.below(3);
            let condition = random.condition(depth, 5000);
            let expr = condition.to_expr();
            let found = query(&fixture.table, &expr).collect().expect("rows");
            assert_eq!(seqs(&found), fixture.expected(&condition), "seed {seed}: {expr}");
        }
        fixture.db.close().expect("a clean close");
    }
}
