//! Queries as users make them: what comes back, what is refused, what is spared.
//!
//! That conditions mean what they should is the matter of `query_model.rs`.

use std::sync::Arc;

use srdb::vfs::MemDisk;
use srdb::{
    Background, DataType, Database, Durability, Error, Expr, Field, Result, Row, Schema, Table,
    Value, asc, col, desc, row,
};

fn database() -> Result<Database> {
    Database::builder("/db")
        .vfs(Arc::new(MemDisk::new()))
        .background(Background::Manual)
        .block_rows(64)
        .durability(Durability::Memory)
        .open()
}

/// A thousand rows in files, `extra` more in memory. `n` counts from 0, `third` is null for two of
/// three, `name` has ten values.
fn table(db: &Database, extra: i64) -> Result<Table> {
    let schema = Schema::new([
        Field::new("n", DataType::Int64),
        Field::new("name", DataType::String),
        Field::new("third", DataType::Float64).nullable(),
    ])?;
    let table = db.create_table("t", schema)?;
    let rows = |range: std::ops::Range<i64>| {
        range.map(|n| {
            let third = (n % 3 == 0).then_some(n as f64 / 3.0);
            row! { "n" => n, "name" => format!("name-{}", n % 10), "third" => third }
        })
    };
    table.insert_many(rows(0..1000))?;
    db.flush()?;
    table.insert_many(rows(1000..1000 + extra))?;
    Ok(table)
}

fn numbers(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.get("n").and_then(Value::as_i64).expect("a number")).collect()
}

#[test]
fn conditions_in_a_chain_all_have_to_hold() -> Result<()> {
    let db = database()?;
    let t = table(&db, 50)?;
    let rows = t.query().gte("n", 995).eq("name", "name-7").not_null("third").collect()?;
    assert_eq!(numbers(&rows), [1017, 1047]);
    let rows = t.query().in_("n", [3, 5, 2000]).not_in("name", ["name-5"]).collect()?;
    assert_eq!(numbers(&rows), [3]);
    let rows = t.query().between("n", 8, 12).not_between("n", 9, 11).ne("n", 8).collect()?;
    assert_eq!(numbers(&rows), [12]);
    let rows = t.query().matches("name", "-[89]$").lt("n", 20).gt("n", 8).lte("n", 18);
    assert_eq!(numbers(&rows.collect()?), [9, 18]);
    let rows = t.query().starts_with("name", "name").ends_with("name", "4").contains("name", "e-");
    let rows =
        rows.not_contains("name", "x").not_starts_with("name", "-").not_ends_with("name", "5");
    assert_eq!(rows.not_matches("name", "q").is_null("third").count()?, 105 - 35);
    Ok(())
}

#[test]
fn mistakes_are_named_before_anything_is_read() -> Result<()> {
    let db = database()?;
    let t = table(&db, 0)?;
    let error = t.query().gt("n", "ten").count().expect_err("text is no number");
    assert_eq!(error.to_string(), "field \"n\" is int64: > does not compare it with string 'ten'");
    assert!(matches!(error, Error::TypeMismatch { data_type: "int64", .. }));
    let error = t.query().eq("m", 1).rows().expect_err("no such field");
    assert!(matches!(error, Error::NoField { field, .. } if field == "m"));
    let error = t.query().contains("n", "1").first().expect_err("a number holds no text");
    assert!(error.to_string().contains("contains looks into text"), "{error}");
    let error = t.query().matches("name", "(").exists().expect_err("no regular expression");
    assert!(error.to_string().contains("bad regular expression"), "{error}");
    assert!(matches!(t.query().order_by("m").rows(), Err(Error::NoField { .. })));
    assert!(matches!(t.query().select(["m"]).rows(), Err(Error::NoField { .. })));
    let many = Expr::any_of((0..70_000).map(|n| col("n").eq(n)));
    assert!(matches!(t.query().filter(many).count(), Err(Error::Limit { .. })));
    let error = t.query().eq("_time", "yesterday").count().expect_err("no instant");
    assert!(error.to_string().contains("field \"_time\" is timestamp: ="), "{error}");
    let query = t.query();
    db.drop_table("t")?;
    assert_eq!(query.count()?, 1000, "a query keeps what it was made for");
    assert!(matches!(t.query().count(), Err(Error::NoTable { .. })));
    db.close()?;
    assert!(matches!(t.query().count(), Err(Error::Closed)));
    Ok(())
}

#[test]
fn a_query_sees_the_table_as_it_was() -> Result<()> {
    let db = database()?;
    let t = table(&db, 10)?;
    let query = t.query().gte("n", 1000);
    let mut rows = query.rows()?;
    let first = rows.next().transpose()?;
    assert_eq!(numbers(&first.into_iter().collect::<Vec<_>>()), [1000]);
    t.insert_many((0..5).map(|_| row! { "n" => 5000, "name" => "late", "third" => 1.0 }))?;
    db.flush()?;
    assert_eq!(rows.count(), 9);
    assert_eq!(query.count()?, 10);
    assert_eq!(query.last()?.map(|row| row.seq()), Some(1010));
    assert_eq!(t.query().gte("n", 1000).count()?, 15);
    let snapshot = t.snapshot()?;
    t.insert(row! { "n" => 6000, "name" => "later", "third" => 1.0 })?;
    assert_eq!(snapshot.query().gte("n", 5000).count()?, 5);
    Ok(())
}

#[test]
fn pages_fit_together() -> Result<()> {
    let db = database()?;
    let t = table(&db, 7)?;
    for query in [t.query(), t.query().order_by(desc("name")).order_by("n")] {
        let mut all = Vec::new();
        for page in 1..=12 {
            all.extend(query.clone().paginate(page, 100).collect()?);
        }
        assert_eq!(all.len(), 1007);
        assert_eq!(all, query.collect()?);
    }
    Ok(())
}

#[test]
fn order_is_by_several_keys_with_nulls_where_they_should_be() -> Result<()> {
    let db = database()?;
    let t = table(&db, 5)?;
    let by = t.query().lt("n", 6).order_by("third").order_by(desc("n")).collect()?;
    assert_eq!(numbers(&by), [5, 4, 2, 1, 0, 3]);
    let by = t.query().lt("n", 6).order_by(asc("third").nulls_last()).collect()?;
    assert_eq!(numbers(&by), [0, 3, 1, 2, 4, 5]);
    let by = t.query().lt("n", 6).order_by(desc("third")).collect()?;
    assert_eq!(numbers(&by), [3, 0, 5, 4, 2, 1]);
    let by = t.query().order_by(desc("_time")).limit(3).collect()?;
    assert_eq!(numbers(&by), [1004, 1003, 1002]);
    let by = t.query().order_by(desc("name")).limit(2).offset(1).collect()?;
    assert_eq!(numbers(&by), [989, 979]);
    Ok(())
}

#[test]
fn a_sort_says_what_limit_it_hit() -> Result<()> {
    let db = database()?;
    let t = table(&db, 0)?;
    let sorted = t.query().order_by("name").sort_memory(2000);
    let error = sorted.rows().expect_err("a thousand keys in 2000 bytes");
    assert!(matches!(error, Error::Limit { limit: 2000, .. }), "{error}");
    assert!(error.to_string().contains("sort_memory"), "{error}");
    assert_eq!(sorted.limit(10).collect()?.len(), 10, "of few rows few keys are kept");
    let error = t.query().distinct(["n"]).sort_memory(2000).count().expect_err("too many");
    assert!(matches!(error, Error::Limit { .. }), "{error}");
    assert_eq!(t.query().distinct(["name"]).sort_memory(2000).count()?, 10);
    Ok(())
}

#[test]
fn blocks_are_spared_by_ranges_and_zone_maps() -> Result<()> {
    let db = database()?;
    let t = table(&db, 10)?;
    let plan = t.query().between("n", 130, 140).explain()?;
    assert_eq!((plan.blocks, plan.filtered, plan.whole), (17, 2, 0), "{plan}");
    assert_eq!(plan.pruned, [("n between 130 and 140".to_owned(), 15)], "{plan}");
    let plan = t.query().gte("_seq", 900).lt("n", 5).explain()?;
    assert_eq!((plan.range_rows, plan.blocks, plan.filtered), (111, 3, 1), "{plan}");
    let time = t.get(1001)?.expect("a row in memory").time();
    let plan = t.query().gte("_time", Value::Timestamp(time)).explain()?;
    assert_eq!((plan.range_rows, plan.blocks), (10, 1), "{plan}");
    let run = t.query().gte("n", 64).lt("n", 192).explain_analyze()?;
    assert_eq!((run.matched, run.returned, run.whole), (Some(128), Some(128), 2), "{run}");
    assert!(run.elapsed_ns.is_some() && run.to_string().contains("2 pass whole"), "{run}");
    let never = t.query().gt("n", 5).lt("n", None::<i64>).explain()?;
    assert_eq!((never.blocks, never.range_rows), (0, 0), "{never}");
    Ok(())
}

#[test]
fn columns_come_in_chunks() -> Result<()> {
    let db = database()?;
    let t = table(&db, 10)?;
    let (mut rows, mut sum, mut nulls) = (0, 0.0, 0);
    for chunk in t.query().gte("n", 100).select(["third", "n"]).offset(1).limit(905).chunks()? {
        let chunk = chunk?;
        assert_eq!((chunk.width(), chunk.column(0).name()), (2, "third"));
        assert_eq!(chunk.column(1).data_type(), DataType::Int64);
        let numbers = chunk.column_of("n").and_then(|column| column.as_i64()).expect("int64s");
        assert!(numbers.iter().zip(chunk.seqs()).all(|(n, seq)| n + 1 == *seq));
        assert_eq!((chunk.times().len(), chunk.column_of("name").is_none()), (chunk.len(), true));
        rows += chunk.len();
        sum += chunk.column(0).as_f64().expect("float64s").iter().sum::<f64>();
        nulls += chunk.column(0).null_count();
        assert!(!chunk.column(1).is_null(0));
    }
    let expected: i64 = (101..1006).filter(|n| n % 3 == 0).map(|n| n / 3).sum();
    assert_eq!((rows, sum, nulls), (905, expected as f64, 905 - 302));
    let error = t.query().order_by("name").chunks().expect_err("an order");
    assert!(matches!(error, Error::Invalid { .. }));
    Ok(())
}

#[test]
fn rows_become_structs() -> Result<()> {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Found {
        _seq: i64,
        name: String,
        third: Option<f64>,
    }
    let db = database()?;
    let t = table(&db, 0)?;
    let found: Vec<Found> = t.query().gte("n", 998).collect_as()?;
    let last = Found { _seq: 1000, name: "name-9".to_owned(), third: Some(333.0) };
    assert_eq!(found, [Found { _seq: 999, name: "name-8".to_owned(), third: None }, last]);
    Ok(())
}

#[test]
fn no_rows_are_no_trouble() -> Result<()> {
    let db = database()?;
    let schema = Schema::new([Field::new("n", DataType::Int64)])?;
    let t = db.create_table("empty", schema)?;
    assert_eq!((t.query().count()?, t.query().exists()?), (0, false));
    assert!(t.query().first()?.is_none() && t.query().last()?.is_none());
    assert!(t.query().order_by(desc("n")).collect()?.is_empty());
    assert_eq!(t.query().gt("_time", Value::Timestamp(0)).count()?, 0);
    assert_eq!(t.query().explain_analyze()?.blocks, 0);
    Ok(())
}
