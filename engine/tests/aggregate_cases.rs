//! What aggregates promise beyond the right answer: errors before a row is read, bounded memory,
//! sums that never wrap, the same answer wherever the rows lie, and what is spared.

use std::sync::Arc;

use srdb::vfs::MemDisk;
use srdb::{
    Aggregation, Background, DataType, Database, Error, Field, Fill, Schema, Table, Value, agg,
    col, desc, row,
};

fn database(block_rows: usize) -> Database {
    let builder = Database::builder("/db").vfs(Arc::new(MemDisk::new())).block_rows(block_rows);
    builder.background(Background::Manual).open().expect("a database")
}

fn readings(db: &Database) -> Table {
    let schema = Schema::new([
        Field::new("device", DataType::String),
        Field::new("at", DataType::Timestamp).nullable(),
        Field::new("n", DataType::Int64).nullable(),
        Field::new("temp", DataType::Float64).nullable(),
        Field::new("ok", DataType::Bool),
    ]);
    db.create_table("readings", schema.expect("a schema")).expect("a table")
}

const SECOND: i64 = 1_000_000_000;

/// `count` rows, a second apart, of devices in turn.
fn fill_in(table: &Table, count: i64) {
    let row = |n: i64| {
        row! {
            "device" => format!("d{}", n % 7),
            "at" => Value::Timestamp(n * SECOND),
            "n" => n,
            "temp" => (n * 7919 % 1000) as f64 / 10.0 + 0.1,
            "ok" => n % 3 == 0,
        }
    };
    for first in (0..count).step_by(500) {
        table.insert_many((first..count.min(first + 500)).map(row)).expect("rows");
    }
}

fn text(asked: &Aggregation) -> Vec<String> {
    asked.collect().expect("an answer").iter().map(ToString::to_string).collect()
}

#[test]
fn mistakes_come_out_before_a_row_is_read() {
    let db = database(2048);
    let query = readings(&db).query();
    let mistakes: [(Aggregation, &str); 18] = [
        (query.aggregate([agg::sum("device")]), {
            "field \"device\" is string: sum takes numbers and durations"
        }),
        (query.aggregate([agg::sum("at")]), "field \"at\" is timestamp: sum takes"),
        (query.aggregate([agg::avg("ok")]), "field \"ok\" is bool: avg takes numbers, timestamps"),
        (query.aggregate([agg::stddev("at")]), "field \"at\" is timestamp: stddev takes numbers"),
        (query.aggregate([agg::median("device")]), "field \"device\" is string: quantile takes"),
        (query.aggregate([agg::max("wind")]), "has no field \"wind\""),
        (query.group_by(["wind"]), "has no field \"wind\""),
        (query.aggregate([agg::quantile("n", 1.5)]), "from 0 to 1"),
        (query.aggregate([agg::max("n"), agg::max("n")]), "two columns \"max(n)\""),
        (query.aggregate([]), "an aggregation of nothing"),
        (query.window("n", "1m"), "field \"n\" is int64: a window is of a timestamp"),
        (query.window("at", "soon"), "a window's span"),
        (query.window("at", 0), "have to be above 0"),
        (query.window("at", "1d").slide("1s"), "the number of windows that a row is in"),
        (query.aggregate([agg::count()]).slide("1s"), "slide before window"),
        (query.aggregate([agg::count()]).fill(Fill::Null), "fill without windows"),
        (query.clone().limit(3).aggregate([agg::count()]), "its conditions only"),
        (query.aggregate([agg::count()]).order_by("n"), "no column \"n\": it has count(*)"),
    ];
    for (asked, expected) in mistakes {
        let error = asked.rows().map(|_| ()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
        assert!(asked.explain().is_err() && asked.explain_analyze().is_err());
    }
    let filled = query.window("at", "1m").aggregate([agg::first("device")]);
    let error = filled.fill(Fill::Value(7.into())).rows().map(|_| ()).expect_err("no text");
    assert!(error.to_string().contains("field \"first(device)\" is string: filled"), "{error}");
}

#[test]
fn sums_never_wrap() {
    let db = database(2048);
    let table = readings(&db);
    let of = |n: i64| row! { "device" => "d", "n" => n, "ok" => true };
    table.insert_many([of(i64::MAX), of(i64::MAX), of(-i64::MAX)]).expect("rows");
    let sum = |expr| table.query().filter(expr).aggregate([agg::sum("n"), agg::avg("n")]).one();
    assert_eq!(sum(col("_seq").gt(0)).expect("it fits").get("sum(n)"), Some(&i64::MAX.into()));
    let error = sum(col("_seq").lte(2)).expect_err("too much");
    let said = "sum(n) is 18446744073709551614, which is beyond int64";
    assert!(matches!(error, Error::Overflow { .. }) && error.to_string() == said, "{error}");
    let mean = table.query().lte("_seq", 2).aggregate([agg::avg("n")]).one().expect("a mean");
    assert_eq!(mean.get("avg(n)"), Some(&(i64::MAX as f64).into()));
}

#[test]
fn memory_is_bounded_and_the_limit_named() {
    let db = database(2048);
    let table = readings(&db);
    fill_in(&table, 20_000);
    let query = table.query();
    for asked in [
        query.group_by(["n"]).aggregate([agg::count()]),
        query.aggregate([agg::count_distinct("n")]),
        query.aggregate([agg::median("temp")]),
        query.window("at", "1s").aggregate([agg::count()]),
        query.group_by(["device"]).window("at", "1m").slide("1s").aggregate([agg::count()]),
    ] {
        match asked.clone().aggregate_memory(50_000).rows() {
            Err(Error::Limit { got, limit: 50_000, what }) => {
                assert!(got > 50_000 && got < 1_000_000, "{got}");
                assert!(what.contains("aggregate_memory"));
            }
            other => panic!("{:?}", other.map(|_| ())),
        }
        asked.rows().expect("within the usual limit");
    }
    // Gaps count before they are made.
    let wide = query.window("at", "1ms").aggregate([agg::count()]).fill(Fill::Null);
    let wide = wide.fill_range("2000-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    assert!(matches!(wide.rows(), Err(Error::Limit { .. })));
    let few = query.group_by(["device"]).aggregate([agg::approx_count_distinct("n")]);
    assert!(few.aggregate_memory(200_000).rows().is_ok());
}

#[test]
fn answers_do_not_depend_on_where_rows_lie() {
    let answer = |block_rows: usize, flush_at: &[i64]| {
        let db = database(block_rows);
        let table = readings(&db);
        let mut rows = 0;
        for (part, until) in flush_at.iter().chain([&5000]).enumerate() {
            let row = |n: i64| {
                let temp = (n * 7919 % 1009) as f64 / 7.0 * 10_f64.powi((n % 13) as i32 - 6);
                row! { "device" => format!("d{}", n % 7), "temp" => temp, "ok" => true }
            };
            table.insert_many((rows..*until).map(row)).expect("rows");
            rows = *until;
            if part < flush_at.len() {
                db.flush().expect("a flush");
            }
        }
        let values = || [agg::sum("temp"), agg::stddev("temp"), agg::avg("temp")];
        let grouped = table.query().group_by(["device"]).aggregate(values());
        let all = table.query().aggregate(values());
        let some = table.query().gt("temp", 3).aggregate(values());
        [text(&grouped), text(&all), text(&some)]
    };
    let expected = answer(2048, &[]);
    for (block_rows, flush_at) in
        [(2048, &[5000][..]), (16, &[5000]), (128, &[77, 4000]), (2048, &[2048]), (1, &[50])]
    {
        assert_eq!(answer(block_rows, flush_at), expected, "{block_rows} {flush_at:?}");
    }
}

#[test]
fn block_statistics_answer_without_decoding() {
    let db = database(64);
    let table = readings(&db);
    fill_in(&table, 1000);
    db.flush().expect("a flush");
    let values = [
        agg::count(),
        agg::count_of("temp"),
        agg::sum("n"),
        agg::min("n"),
        agg::max("temp"),
        agg::max("at"),
        agg::min("ok"),
    ];
    let asked = table.query().gte("_seq", 65).aggregate(values);
    let steps = |asked: &Aggregation| {
        let explained = asked.explain_analyze().expect("a run");
        (explained.blocks, explained.aggregation.expect("steps"))
    };
    let (blocks, done) = steps(&asked);
    assert_eq!((blocks, done.blocks_by_zone_maps, done.groups), (15, Some(15), Some(1)));
    assert_eq!(
        text(&asked),
        ["count(*)=936 count(temp)=936 sum(n)=497484 min(n)=64 max(temp)=100.0 \
         max(at)=1970-01-01T00:16:39Z min(ok)=false"]
    );
    // The first block is left in parts, and the mean of a float needs its values.
    let (_, done) = steps(&table.query().gte("_seq", 51).aggregate([agg::min("n")]));
    assert_eq!(done.blocks_by_zone_maps, Some(15));
    let (_, done) = steps(&table.query().aggregate([agg::avg("temp")]));
    assert_eq!(done.blocks_by_zone_maps, Some(0));
    let plan = asked.explain().expect("a plan").to_string();
    for line in ["groups  one of all rows", "values  count(*), count(temp), sum(n)", "order   by"] {
        assert!(plan.contains(line), "{line} is missing in {plan}");
    }
    // 64 rows a block, one a second: most blocks lie in one window.
    let minutes = table.query().window("at", "5m").aggregate([agg::count(), agg::sum("n")]);
    let inside = |from: i64| from / 300 == (from + 63).min(999) / 300;
    let whole = (0..16).filter(|block| inside(block * 64)).count();
    assert_eq!(steps(&minutes).1.blocks_by_zone_maps, Some(whole as u64));
    assert_eq!(text(&minutes)[3], "_window=1970-01-01T00:15:00Z count(*)=100 sum(n)=94950");
    let windows = table.query().group_by(["device"]).window("at", "1m").slide("20s");
    let run = windows.aggregate([agg::count()]).explain_analyze().expect("a run").to_string();
    assert!(run.contains("groups  by device, PT1M of at, one every PT20S: 364 in "), "{run}");
}

#[test]
fn nan_is_the_greatest_and_zeros_are_equal() {
    let db = database(2048);
    let table = readings(&db);
    let of = |device: &str, temp: f64| row! { "device" => device, "temp" => temp, "ok" => true };
    table
        .insert_many([
            of("a", -0.0),
            of("a", 0.0),
            of("b", f64::NAN),
            of("b", 1.0),
            of("c", f64::NAN),
            of("c", -f64::NAN),
        ])
        .expect("rows");
    for _ in 0..2 {
        let values =
            [agg::min("temp"), agg::max("temp"), agg::sum("temp"), agg::count_distinct("temp")];
        assert_eq!(
            text(&table.query().group_by(["device"]).aggregate(values)),
            [
                "device=a min(temp)=-0.0 max(temp)=-0.0 sum(temp)=0.0 count(distinct temp)=1",
                "device=b min(temp)=1.0 max(temp)=NaN sum(temp)=NaN count(distinct temp)=2",
                "device=c min(temp)=NaN max(temp)=NaN sum(temp)=NaN count(distinct temp)=1",
            ]
        );
        assert_eq!(
            text(&table.query().group_by(["temp"]).aggregate([agg::count()])),
            ["temp=-0.0 count(*)=2", "temp=1.0 count(*)=1", "temp=NaN count(*)=3",]
        );
        db.flush().expect("a flush");
    }
}

#[test]
fn of_equal_zeros_the_first_is_given() {
    for zeros in [[0.0, -0.0], [-0.0, 0.0]] {
        let db = database(2048);
        let table = readings(&db);
        let of = |temp: f64| row! { "device" => "d", "temp" => temp, "ok" => true };
        table.insert_many(zeros.map(of)).expect("rows");
        db.flush().expect("a flush");
        let found = table.query().aggregate([agg::min("temp"), agg::max("temp")]).one();
        let first = Value::Float64(zeros[0]);
        assert_eq!(found.expect("a row").values(), [first.clone(), first]);
    }
}

#[test]
fn windows_slide_and_gaps_are_filled() {
    let db = database(2048);
    let table = readings(&db);
    let of = |at: Option<i64>, n: i64| {
        row! { "device" => "d", "at" => at.map(|s| Value::Timestamp(s * SECOND)), "n" => n, "ok" => true }
    };
    table
        .insert_many([of(Some(5), 10), of(Some(65), 20), of(None, 99), of(Some(245), 50)])
        .expect("rows");
    let values = || [agg::count(), agg::sum("n").named("sum")];
    let minutes = |fill| {
        let asked = table.query().window("at", "1m").aggregate(values()).fill(fill);
        let found = asked.collect().expect("an answer");
        found.iter().map(|row| row.get("sum").expect("a sum").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(minutes(Fill::Null), ["10", "20", "null", "null", "50"]);
    assert_eq!(minutes(Fill::Previous), ["10", "20", "20", "20", "50"]);
    assert_eq!(minutes(Fill::Linear), ["10", "20", "30", "40", "50"]);
    assert_eq!(minutes(Fill::Value((-1).into())), ["10", "20", "-1", "-1", "50"]);
    let sliding = table.query().window("at", "2m").slide("1m").aggregate(values());
    assert_eq!(
        text(&sliding),
        [
            "_window=1969-12-31T23:59:00Z count(*)=1 sum=10",
            "_window=1970-01-01T00:00:00Z count(*)=2 sum=30",
            "_window=1970-01-01T00:01:00Z count(*)=1 sum=20",
            "_window=1970-01-01T00:03:00Z count(*)=1 sum=50",
            "_window=1970-01-01T00:04:00Z count(*)=1 sum=50",
        ]
    );
    let shifted = table.query().window("at", "1m").origin("10s").aggregate(values()).limit(1);
    assert_eq!(text(&shifted), ["_window=1969-12-31T23:59:10Z count(*)=1 sum=10"]);
    // Given ends: also where there is no row at all.
    let none = table.query().gt("n", 1000).window("at", "1m").aggregate(values());
    assert_eq!(text(&none), Vec::<String>::new());
    let range = none.fill(Fill::Value(0.into()));
    let range = range.fill_range("1970-01-01T00:00:30Z", "1970-01-01T00:02:00Z");
    assert_eq!(
        text(&range),
        [
            "_window=1970-01-01T00:00:00Z count(*)=0 sum=0",
            "_window=1970-01-01T00:01:00Z count(*)=0 sum=0",
        ]
    );
}

#[test]
fn rows_become_structs_and_json() {
    let db = database(2048);
    let table = readings(&db);
    fill_in(&table, 100);
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Hottest {
        device: String,
        rows: u32,
        mean: f64,
    }
    let asked = table
        .query()
        .group_by(["device"])
        .aggregate([agg::count().named("rows"), agg::avg("temp").named("mean")])
        .order_by(desc("mean"))
        .limit(2);
    let found: Vec<Hottest> = asked.collect_as().expect("structs");
    assert_eq!(found.len(), 2);
    assert!(found[0].mean > found[1].mean && found[0].rows >= 14, "{found:?}");
    let row = &asked.collect().expect("rows")[0];
    assert_eq!(row.to_json(), serde_json::to_string(row).expect("json"));
    assert!(row.to_json().starts_with("{\"device\":\"d"), "{row:?}");
    #[derive(serde::Deserialize, Debug)]
    struct Wrong {
        #[serde(rename = "mean")]
        _mean: u8,
    }
    let error = asked.collect_as::<Wrong>().expect_err("no integer");
    assert!(matches!(&error, Error::Convert { seq: 1, what } if what.contains("mean")), "{error}");
    let types: Vec<DataType> = asked.rows().expect("rows").columns().map(|(_, of)| of).collect();
    assert_eq!(types, [DataType::String, DataType::Int64, DataType::Float64]);
}

#[test]
fn about_how_many_is_near_to_how_many() {
    let db = database(2048);
    let table = readings(&db);
    fill_in(&table, 60_000);
    db.flush().expect("a flush");
    let asked = [agg::approx_count_distinct("n"), agg::count_distinct("n")];
    let found = table.query().aggregate(asked).one().expect("a row");
    let &[Value::Int(about), Value::Int(exact)] = found.values() else { panic!("{found:?}") };
    assert_eq!(exact, 60_000);
    // Five standard errors.
    assert!((about - exact).abs() as f64 <= 5.0 * 0.0081 * exact as f64, "{about}");
}

#[test]
fn a_group_by_alone_lists_the_groups() {
    let db = database(2048);
    let table = readings(&db);
    fill_in(&table, 10);
    assert_eq!(text(&table.query().group_by(["ok"])), ["ok=false", "ok=true"]);
    assert_eq!(
        text(&table.query().lt("n", 0).aggregate([agg::count(), agg::sum("n")])),
        ["count(*)=0 sum(n)=null"]
    );
    assert!(table.query().group_by(["ok"]).one().is_err());
}
