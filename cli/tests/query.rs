//! `srdb query` and `srdb index`: what they print, and what they say of what makes no sense.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use common::Bench;

const CITIES: &str = "name,city,age,\"speed in knots\"\n\
    Alice,Beijing,30,1.5\n\
    Bob,Berlin,17,\n\
    Carol,,41,0.5\n\
    Dave,Beijing,25,20.0\n\
    Eve,Berlin,41,3.0\n";

fn cities() -> Bench {
    let bench = Bench::new();
    let file = bench.file("t.csv", CITIES);
    bench.run("import", &["t", &file]).code(0);
    bench
}

fn csv(bench: &Bench, args: &[&str]) -> String {
    let args: Vec<&str> =
        ["t", "--format", "csv"].into_iter().chain(args.iter().copied()).collect();
    bench.run("query", &args).code(0).out
}

#[test]
fn conditions_fields_order_and_limits_are_those_of_a_query() {
    let bench = cities();
    let names = |args: &[&str]| {
        let args: Vec<&str> =
            ["--select", "name"].into_iter().chain(args.iter().copied()).collect();
        let lines = csv(&bench, &args);
        lines.lines().skip(1).map(str::to_owned).collect::<Vec<String>>().join(" ")
    };
    assert_eq!(names(&[]), "Alice Bob Carol Dave Eve");
    assert_eq!(
        names(&["--where", "age > 18 and (city = 'Beijing' or city is null)"]),
        "Alice Carol Dave"
    );
    assert_eq!(names(&["--where", "\"speed in knots\" >= 1.5"]), "Alice Dave Eve");
    assert_eq!(names(&["--where", "name like '%o%' and not city like 'Ber%'"]), "");
    assert_eq!(names(&["--where", "_seq between 2 and 3"]), "Bob Carol");
    assert_eq!(names(&["--order-by", "age desc, name desc"]), "Eve Carol Alice Dave Bob");
    assert_eq!(
        names(&["--order-by", "city nulls last, speed in knots desc"]),
        "Dave Alice Eve Bob Carol"
    );
    assert_eq!(names(&["--order-by", "age", "--limit", "2", "--offset", "1"]), "Dave Alice");
    assert_eq!(names(&["--order-by", "_seq desc", "--limit", "1"]), "Eve");
    assert_eq!(names(&["--latest-by", "city"]), "Carol Dave Eve");
    assert_eq!(
        csv(&bench, &["--select", "age,_seq,name", "--limit", "1"]),
        "age,_seq,name\n30,1,Alice\n"
    );
    assert_eq!(
        csv(&bench, &["--distinct", "city"]),
        "city\nBeijing\nBerlin\n\n".replace("\n\n", "\n\"\"\n")
    );
}

#[test]
fn every_shape_has_all_fields_unless_some_are_selected() {
    let bench = cities();
    let json = bench.run("query", &["t", "--where", "age = 17", "--format", "json"]).code(0).out;
    let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&rows[0]["_seq"], &rows[0]["name"]), (&2.into(), &"Bob".into()));
    assert_eq!(rows[0]["speed in knots"], serde_json::Value::Null);
    let lines = ["t", "--select", "age", "--format", "ndjson", "--limit", "2"];
    bench.run("query", &lines).code(0).prints("{\"age\":30}\n{\"age\":17}\n");
    let table = bench.run("query", &["t", "--where", "name = 'Eve'"]).code(0).out;
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn counts_and_plans_print_no_rows() {
    let bench = cities();
    bench.run("query", &["t", "--count"]).code(0).prints("5\n");
    bench.run("query", &["t", "--where", "city = 'Berlin'", "--count"]).code(0).prints("2\n");
    bench.run("query", &["t", "--distinct", "city", "--count"]).code(0).prints("3\n");
    let plan = bench.run("query", &["t", "--where", "age > 100", "--explain"]).code(0).out;
    assert!(plan.contains("1 excluded by age > 100") && !plan.contains("returned"), "{plan}");
    let run = bench.run("query", &["t", "--where", "age > 40", "--analyze"]).code(0).out;
    assert!(run.contains("2 passed, 2 returned") && run.contains("time"), "{run}");
}

#[test]
fn mistakes_name_what_is_wrong() {
    let bench = cities();
    let fails = |args: &[&str], code: i32, says: &str| {
        let args: Vec<&str> = ["t"].into_iter().chain(args.iter().copied()).collect();
        bench.run("query", &args).code(code).says(says).prints("");
    };
    fails(
        &["--where", "age > 18 an city = 'x'"],
        2,
        "found an, at character 10: \"an city = 'x'\"",
    );
    fails(&["--where", "age >"], 2, "at character 6: the end");
    fails(&["--order-by", "age,,name"], 2, "--order-by: a field's name is missing");
    fails(&["--latest-by", "town"], 1, "it has name, city");
    fails(&["--select", "\"age"], 2, "--select: a double quote is missing");
    fails(
        &["--where", "town = 'x'"],
        1,
        "no field \"town\"; it has name, city, age, speed in knots",
    );
    fails(&["--order-by", "town"], 1, "it has name, city");
    fails(&["--select", "town"], 1, "it has name, city");
    fails(
        &["--where", "age = 'x'"],
        1,
        "field \"age\" is int64: = does not compare it with string",
    );
    fails(&["--count", "--explain"], 2, "cannot be used with");
    fails(&["--limit", "few"], 2, "--limit");
    bench.run("query", &["nope"]).code(1).says("nope");
}

#[test]
fn a_table_for_people_stops_and_a_large_sort_says_what_to_do() {
    let bench = Bench::new();
    let rows: String = (0..40_000).map(|n| format!("{n},{:060}\n", n * 7919 % 40_000)).collect();
    let file = bench.file("t.csv", format!("n,text\n{rows}"));
    bench.run("import", &["t", &file]).code(0);
    let shown = bench.run("query", &["t", "--where", "n > 10"]).code(0).says("the first 100 rows");
    assert_eq!(shown.out.lines().count(), 102);
    let exact = bench.run("query", &["t", "--where", "n < 100"]).code(0);
    assert!(exact.out.lines().count() == 102 && exact.err.is_empty(), "{}", exact.err);
    let sorted = ["t", "--order-by", "text", "--format", "csv", "--memory", "1"];
    bench.run("query", &sorted).code(1).says("--memory");
    let limited: Vec<&str> = sorted.into_iter().chain(["--limit", "3", "--select", "n"]).collect();
    bench.run("query", &limited).code(0).prints("n\n0\n17679\n35358\n");
    // Whoever reads the output may go away.
    let ran = common::read_a_little(bench.command("query", &["t", "--format", "ndjson"]));
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
}

#[test]
fn indexes_are_created_used_listed_and_dropped() {
    let bench = Bench::new();
    let rows: String = (0..5000).map(|n| format!("{n},host-{}\n", n % 500)).collect();
    let file = bench.file("t.csv", format!("n,host\n{rows}"));
    bench.run("import", &["t", &file]).code(0);
    let ask = ["t", "--where", "host = 'host-7'"];
    let explained = |bench: &Bench| {
        let args: Vec<&str> = ask.into_iter().chain(["--explain"]).collect();
        bench.run("query", &args).code(0).out
    };
    let index = |action: &[&str]| {
        let args: Vec<&str> = ["t"].into_iter().chain(action.iter().copied()).collect();
        bench.run("index", &args)
    };
    assert_eq!(index(&["list"]).code(0).out.lines().count(), 2);
    assert!(!explained(&bench).contains("index"));
    index(&["create", "host"])
        .code(0)
        .says("index of field \"host\" built, of 5000 rows")
        .prints("");
    index(&["create", "host"]).code(1).says("has an index of field \"host\" already");
    index(&["create", "town"]).code(1).says("no field \"town\"; it has n, host");
    index(&["create"]).code(2).says("<FIELD>");
    let list = index(&["list"]).code(0).out;
    assert!(list.contains(" host    string   no"), "{list}");
    let plan = explained(&bench);
    assert!(
        plan.contains("index   of host = 'host-7'") && plan.contains("10 rows to look at"),
        "{plan}"
    );
    let counted: Vec<&str> = ask.into_iter().chain(["--count"]).collect();
    bench.run("query", &counted).code(0).prints("10\n");
    assert!(bench.run("verify", &[]).code(0).out.starts_with("clean: "));
    index(&["drop", "n"]).code(1).says("no index of field \"n\"; there are host");
    index(&["drop", "host"]).code(0).says("dropped");
    assert!(!explained(&bench).contains("index"));
    bench.run("query", &counted).code(0).prints("10\n");
}

#[test]
fn groups_and_windows_make_one_row_of_many() {
    let bench = cities();
    let by_city = "city,count(*),avg(age)\n,1,41.0\nBeijing,2,27.5\nBerlin,2,29.0\n";
    assert_eq!(csv(&bench, &["--group-by", "city", "--agg", "count(*), avg(age)"]), by_city);
    let order = ["--group-by", "city", "--order-by", "count( * ) desc, city desc", "--limit", "1"];
    assert_eq!(csv(&bench, &order), "city,count(*)\nBerlin,2\n");
    let all = ["--where", "age > 20", "--agg", "sum(\"speed in knots\") as knots, max(name)"];
    assert_eq!(csv(&bench, &all), "knots,max(name)\n25.0,Eve\n");
    let nobody = ["--where", "age > 99", "--agg", "count(*), min(age)"];
    assert_eq!(csv(&bench, &nobody), "count(*),min(age)\n0,\n");
    let named = ["t", "--agg", "count(distinct city) as cities", "--format", "ndjson"];
    bench.run("query", &named).code(0).prints("{\"cities\":2}\n");
    let file = bench.file(
        "times.csv",
        "at,x\n2026-01-01T00:00:10Z,1\n2026-01-01T00:00:50Z,3\n2026-01-01T00:03:00Z,8\n",
    );
    bench.run("import", &["times", &file, "--time", "at"]).code(0);
    let minutes = |args: &[&str]| {
        let base = ["times", "--window", "1m", "--time", "at", "--format", "csv"];
        let args: Vec<&str> = base.into_iter().chain(args.iter().copied()).collect();
        bench.run("query", &args).code(0).out.replace("2026-01-01T00:", "")
    };
    assert_eq!(minutes(&[]), "_window,count(*)\n00:00Z,2\n03:00Z,1\n");
    assert_eq!(
        minutes(&["--agg", "count(*), sum(x)", "--fill", "previous"]),
        "_window,count(*),sum(x)\n00:00Z,2,4\n01:00Z,0,4\n02:00Z,0,4\n03:00Z,1,8\n"
    );
    assert_eq!(
        minutes(&["--agg", "max(x)", "--fill", "-1"]),
        "_window,max(x)\n00:00Z,3\n01:00Z,-1\n02:00Z,-1\n03:00Z,8\n"
    );
    assert_eq!(
        minutes(&["--slide", "30s", "--where", "x < 8"]),
        "_window,count(*)\n2025-12-31T23:59:30Z,1\n00:00Z,2\n00:30Z,1\n"
    );
}

#[test]
fn mistakes_of_groups_name_what_is_wrong() {
    let bench = cities();
    let fails = |args: &[&str], code: i32, says: &str| {
        let args: Vec<&str> = ["t"].into_iter().chain(args.iter().copied()).collect();
        bench.run("query", &args).code(code).says(says).prints("");
    };
    fails(&["--group-by", "town"], 1, "no field \"town\"; it has name, city");
    fails(&["--agg", "avg(age"], 2, "--agg: ");
    fails(&["--agg", "soundex(name)"], 2, "soundex");
    fails(&["--agg", "avg(name)"], 1, "field \"name\" is string: avg takes numbers");
    fails(
        &["--group-by", "city", "--order-by", "age"],
        1,
        "no column \"age\": it has city, count(*)",
    );
    fails(&["--window", "soon"], 1, "soon");
    fails(&["--window", "1m", "--time", "age"], 1, "field \"age\" is int64");
    fails(&["--window", "1m", "--fill", "x"], 2, "--fill");
    fails(&["--fill", "null"], 2, "--window");
    fails(&["--group-by", "city", "--select", "city"], 2, "cannot be used with");
    let plan = bench.run("query", &["t", "--group-by", "city", "--analyze"]).code(0).out;
    assert!(plan.contains("city") && plan.contains("3 returned"), "{plan}");
}

#[test]
fn an_index_whose_build_was_cut_off_is_finished() {
    let bench = Bench::new();
    let rows: String = (0..5000).map(|n| format!("{n}\n")).collect();
    let file = bench.file("t.csv", format!("n\n{rows}"));
    bench.run("import", &["t", &file]).code(0);
    let manual = srdb::Database::builder(bench.db()).background(srdb::Background::Manual);
    let database = manual.open().expect("opens");
    database.table("t").and_then(|t| t.create_index("n")).expect("an index");
    drop(database);
    bench.run("index", &["t", "list"]).code(0).says("still being built");
    let find = ["t", "--where", "n = 4321", "--explain"];
    assert!(!bench.run("query", &find[..3]).code(0).out.is_empty());
    bench.run("index", &["t", "create", "n"]).code(0).says("built, of 5000 rows");
    bench.run("index", &["t", "create", "n"]).code(1).says("already");
    assert_eq!(bench.run("index", &["t", "list"]).code(0).err, "");
    let plan = bench.run("query", &find).code(0).out;
    assert!(plan.contains("1 rows to look at"), "{plan}");
}
