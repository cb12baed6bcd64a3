//! The first rows of an order: whether an index tells them or all rows are looked at, they are the
//! same; and what is said about it is what was done.

#[allow(dead_code, reason = "shared with another test")]
#[path = "query_model/model.rs"]
mod model;
#[allow(dead_code, reason = "shared with another test")]
#[path = "query_model/random.rs"]
mod random;

use std::sync::Arc;

use random::{Random, schema, to_row};
use srdb::vfs::{MemClock, MemDisk};
use srdb::{
    Background, DataType, Database, Durability, Field, Order, Query, Row, Schema, Table, Value,
    asc, col, desc, row,
};

fn open(block_rows: usize) -> Database {
    Database::builder("/db")
        .vfs(Arc::new(MemDisk::new()))
        .clock(Arc::new(MemClock::new(1_000_000, 10)))
        .background(Background::Manual)
        .block_rows(block_rows)
        .durability(Durability::Memory)
        .open()
        .expect("a database")
}

/// The same rows twice, in the same files and in memory: with indexes, and without.
struct Fixture {
    db: Database,
    indexed: Table,
    plain: Table,
    rows: usize,
}

impl Fixture {
    fn new(random: &mut Random) -> Fixture {
        let db = open(random.one_of(&[16, 64, 2048]));
        let indexed = db.create_table("indexed", schema(true)).expect("a table");
        let plain = db.create_table("plain", schema(false)).expect("a table");
        let (parts, in_memory) = (1 + random.below(4), random.chance(3));
        let mut rows = 0;
        for part in 0..parts {
            let count = 100 + random.below(700);
            let mut values = random.rows(count);
            let texts = DataType::ALL.iter().position(|data_type| *data_type == DataType::String);
            if let (Some(texts), true) = (texts, random.chance(2)) {
                // Their keys are cut, and many of them are the same then.
                let long = |random: &mut Random| {
                    let head = "x".repeat(random.one_of(&[254, 255, 255, 256]));
                    Value::String(format!("{head}{}", random.below(40)))
                };
                for row in values.iter_mut().filter(|row| !row[texts].is_null()) {
                    row[texts] = long(random);
                }
            }
            for table in [&indexed, &plain] {
                table.insert_many(values.iter().map(|row| to_row(row))).expect("rows");
            }
            rows += count;
            if part + 1 < parts || !in_memory {
                db.flush().expect("a flush");
            }
        }
        Fixture { db, indexed, plain, rows }
    }
}

fn key(random: &mut Random) -> Order {
    let name = random.one_of(&DataType::ALL).name();
    let key = if random.chance(2) { desc(name) } else { asc(name) };
    match random.below(4) {
        0 => key.nulls_first(),
        1 | 2 => key.nulls_last(),
        _ => key,
    }
}

fn seqs(query: &Query) -> Vec<i64> {
    query.collect().expect("rows").iter().map(Row::seq).collect()
}

#[test]
fn rows_are_the_same_with_and_without_an_index() {
    let mut served = 0;
    for seed in 0..16 {
        let mut random = Random::new(seed);
        let fixture = Fixture::new(&mut random);
        for _ in 0..80 {
            let keys: Vec<Order> = (0..1 + random.below(2)).map(|_| key(&mut random)).collect();
            let limit = random.one_of(&[0, 1, 2, 5, 10, 20, 40, fixture.rows]) as u64;
            let offset = random.one_of(&[0, 0, 0, 1, 3, 15, fixture.rows - 1]) as u64;
            let from = random.chance(3).then(|| random.below(fixture.rows) as i64);
            let to = random.chance(3).then(|| random.below(fixture.rows) as i64);
            let ask = |table: &Table| {
                let mut query = table.query().limit(limit).offset(offset);
                query = keys.iter().cloned().fold(query, Query::order_by);
                query = from.map_or(query.clone(), |from| query.gte("_seq", from));
                to.map_or(query.clone(), |to| query.lt("_seq", to))
            };
            let (indexed, plain) = (ask(&fixture.indexed), ask(&fixture.plain));
            let what =
                format!("seed {seed}: {keys:?}, {limit} rows from {offset}, {from:?} {to:?}");
            assert_eq!(seqs(&indexed), seqs(&plain), "{what}");
            assert_eq!(indexed.count().ok(), plain.count().ok(), "{what}");
            let last = |query: &Query| query.last().expect("a row").map(|row| row.seq());
            assert_eq!(last(&indexed), last(&plain), "{what}");
            let (plan, run) = (indexed.explain(), indexed.explain_analyze());
            let (plan, run) = (plan.expect("a plan"), run.expect("a run"));
            assert_eq!((&plan.indexed, plan.index_rows), (&run.indexed, run.index_rows), "{what}");
            assert_eq!(plan.blocks, run.blocks, "{what}");
            served += plan.indexed.iter().map(|(_, files)| files).sum::<u64>();
        }
        fixture.db.close().expect("a clean close");
    }
    assert!(served > 100, "an index told the first rows of {served} files");
}

/// 4000 rows in two files, `n` from 0 to 1999 in each, in no order.
fn numbers(nulls: bool) -> (Database, Table) {
    let db = open(64);
    let n = Field::new("n", DataType::Int64).indexed();
    let schema =
        Schema::new([if nulls { n.nullable() } else { n }, Field::new("m", DataType::Int64)]);
    let table = db.create_table("t", schema.expect("a good schema")).expect("a table");
    for _ in 0..2 {
        let n = |at: i64| match at {
            7 if nulls => Value::Null,
            _ => Value::Int(at * 919 % 2000),
        };
        table.insert_many((0..2000).map(|at| row! { "n" => n(at), "m" => at % 2 })).expect("rows");
        db.flush().expect("a flush");
    }
    (db, table)
}

fn by_order(query: &Query) -> Option<(String, u64, u64)> {
    let plan = query.explain_analyze().expect("a plan");
    let (label, files) = plan.indexed.first().cloned()?;
    Some((label, files, plan.index_rows))
}

#[test]
fn an_explanation_tells_that_an_index_gave_the_first_rows() {
    let (_db, table) = numbers(false);
    let top = table.query().order_by(desc("n")).order_by("m").limit(10).offset(2);
    let told = Some(("order by n desc, m".to_owned(), 2, 24));
    assert_eq!(by_order(&top), told);
    let run = top.explain_analyze().expect("a run");
    assert_eq!((run.matched, run.returned), (Some(24), Some(10)));
    let text = run.to_string();
    assert!(text.contains("index   of order by n desc, m, for 2 files and memtables"), "{text}");
    assert!(text.contains("24 rows to look at"), "{text}");
    // Within the ranges of a file's rows: the first of those, found behind others.
    let some = table.query().order_by("n").limit(3).gte("_seq", 1500);
    assert_eq!(by_order(&some), Some(("order by n".to_owned(), 2, 6)));
    assert_eq!(by_order(&table.query().order_by("n").limit(3).lt("_seq", 3)), None);
}

#[test]
fn an_index_does_not_tell_what_it_can_not_know() {
    let (_db, table) = numbers(false);
    let top = || table.query().order_by("n").limit(10);
    assert!(by_order(&top()).is_some());
    for other in [
        table.query().order_by("n"),
        top().order_by("m").limit(2000 / 16 + 1),
        top().eq("m", 1),
        top().filter(col("m").eq(1).or(col("_seq").gt(5))),
        top().ne("_seq", 5),
        top().latest_by(["m"]),
        top().distinct(["m"]),
        table.query().order_by("m").order_by("n").limit(10),
    ] {
        assert_eq!(by_order(&other), None, "{}", other.explain().expect("a plan"));
    }
    let (_db, table) = numbers(true);
    // Ascending, nulls come first.
    assert_eq!(by_order(&table.query().order_by("n").limit(10)), None);
    assert!(by_order(&table.query().order_by(asc("n").nulls_last()).limit(10)).is_some());
    assert!(by_order(&table.query().order_by(desc("n")).limit(10)).is_some());
    assert_eq!(by_order(&table.query().order_by(desc("n").nulls_first()).limit(10)), None);
}
