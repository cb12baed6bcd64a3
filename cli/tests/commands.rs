//! Every command on a small database: what it prints, and the exit code a script sees.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use common::{Bench, SMALL_CSV, is_absent, run};

#[test]
fn import_then_export_gives_the_source_byte_for_byte() {
    let bench = Bench::with_table();
    bench.run("export", &["t"]).code(0).prints(SMALL_CSV);
    let ndjson = "{\"n\":1,\"text\":\"a,\\\"b\\\"\\nc\",\"f\":0.5}\n\
                  {\"n\":2,\"text\":null,\"f\":1e-7}\n\
                  {\"n\":3,\"text\":\"z\",\"f\":null}\n";
    bench.run("export", &["t", "--format", "ndjson"]).code(0).prints(ndjson);
}

#[test]
fn export_writes_a_new_file_of_the_format_its_name_says() {
    let bench = Bench::with_table();
    for name in ["out.csv", "out.csv.gz", "out.ndjson"] {
        let path = bench.path(name);
        let path = path.to_str().expect("UTF-8");
        bench.run("export", &["t", "--output", path]).code(0).says("3 rows written").prints("");
        bench.run("export", &["t", "--output", path]).code(1).says("exists");
        bench.run("import", &[name, path]).code(0);
        bench.run("export", &[name]).code(0).prints(SMALL_CSV);
    }
    bench.run("export", &["t", "--output", "out.txt"]).code(2).says("--format");
}

#[test]
fn scan_selects_rows_fields_order_and_shape() {
    let bench = Bench::with_table();
    let scan = |args: &[&str]| {
        let args: Vec<&str> = ["t", "--fields", "_seq,n", "--format", "csv"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        bench.run("scan", &args).code(0).out
    };
    assert_eq!(scan(&[]), "_seq,n\n1,1\n2,2\n3,3\n");
    assert_eq!(scan(&["--from", "2"]), "_seq,n\n2,2\n3,3\n");
    assert_eq!(scan(&["--to", "2", "--reverse"]), "_seq,n\n2,2\n1,1\n");
    assert_eq!(scan(&["--limit", "1", "--reverse"]), "_seq,n\n3,3\n");
    assert_eq!(scan(&["--from", "-5", "--to", "0"]), "_seq,n\n");
    assert_eq!(scan(&["--from", "3", "--to", "1"]), "_seq,n\n");
    assert_eq!(scan(&["--since", "2001-01-01 00:00:00", "--to", "1"]), "_seq,n\n1,1\n");
    assert_eq!(scan(&["--since", "2200-01-01T00:00:00Z"]), "_seq,n\n");
    assert_eq!(scan(&["--until", "2001-01-01T00:00:00Z"]), "_seq,n\n");
    let json = bench.run("scan", &["t", "--fields", "n,f", "--format", "json"]).code(0).out;
    assert_eq!(json, "[\n{\"n\":1,\"f\":0.5},\n{\"n\":2,\"f\":1e-7},\n{\"n\":3,\"f\":null}\n]\n");
    let table = bench.run("scan", &["t", "--fields", "n,text"]).code(0).out;
    assert!(table.contains(" 1   a,\"b\"\\nc\n"), "{table}");
    let every = bench.run("scan", &["t", "--format", "ndjson", "--limit", "1"]).code(0).out;
    assert!(every.starts_with("{\"_seq\":1,\"_time\":\"2"), "{every}");
    bench.run("scan", &["t", "--since", "yesterday"]).code(2).says("--since");
    bench.run("scan", &["t", "--fields", "nope"]).code(1).says("no field \"nope\"");
}

#[test]
fn a_table_for_people_stops_and_says_so() {
    let bench = Bench::new();
    let rows: Vec<String> = (1..=120).map(|n| n.to_string()).collect();
    let file = bench.file("t.csv", format!("n\n{}\n", rows.join("\n")));
    bench.run("import", &["t", &file]).code(0);
    let shown = bench.run("scan", &["t"]).code(0).says("100 of 120 rows").out;
    assert_eq!(shown.lines().count(), 102);
    let shown = bench.run("scan", &["t", "--limit", "110"]).code(0).out;
    assert_eq!(shown.lines().count(), 112);
    assert_eq!(bench.run("scan", &["t", "--format", "csv"]).code(0).out.lines().count(), 121);
}

#[test]
fn get_prints_a_row_or_fails() {
    let bench = Bench::with_table();
    let row = bench.run("get", &["t", "2", "--format", "ndjson", "--fields", "f,n,text"]).code(0);
    row.prints("{\"f\":1e-7,\"n\":2,\"text\":null}\n");
    let table = bench.run("get", &["t", "3"]).code(0).out;
    assert!(table.contains(" text    z\n") && table.contains(" _seq    3\n"), "{table}");
    for seq in ["0", "4", "-1"] {
        bench.run("get", &["t", seq]).code(1).says("its last is 3").prints("");
    }
}

#[test]
fn count_tables_schema_and_stats_tell_what_is_there() {
    let bench = Bench::with_table();
    bench.run("count", &["t"]).code(0).prints("3\n");
    let tables = bench.run("tables", &[]).code(0).out;
    assert!(tables.lines().nth(2).is_some_and(|l| l.split_whitespace().eq(["t", "3", "3"])));
    let schema = bench.run("schema", &["t"]).code(0).out;
    assert!(schema.contains(" f       float64   yes\n"), "{schema}");
    let stats = bench.run("stats", &["--json"]).code(0).out;
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON");
    assert_eq!(stats["tables"][0]["rows"], 3);
    let shown = bench.run("stats", &[]).code(0).out;
    assert!(shown.contains("mapped_bytes") && shown.contains("last_commit"), "{shown}");
    let shown = bench.run("stats", &["--columns"]).code(0).out;
    assert!(shown.contains("stored_bytes") && shown.contains("_time"), "{shown}");
    let metrics = bench.run("stats", &["--format", "prometheus"]).code(0).out;
    assert!(metrics.contains("\nsrdb_table_rows{table=\"t\"} 3\n"), "{metrics}");
}

#[test]
fn a_schema_goes_from_one_database_to_another() {
    let (from, to) = (Bench::with_table(), Bench::new());
    let schema = from.run("schema", &["t", "--json"]).code(0).out;
    let file = to.file("schema.json", &schema);
    to.run("create", &["t", "--schema", &file]).code(0).says("3 fields");
    to.run("create", &["t", "--schema", &file]).code(1).says("exists already");
    to.run("schema", &["t", "--json"]).code(0).prints(&schema);
    to.run("count", &["t"]).code(0).prints("0\n");
    to.run("export", &["t"]).code(0).prints("n,text,f\n");
    let broken = to.file("broken.json", "{}");
    to.run("create", &["u", "--schema", &broken]).code(1).says("bad schema");
    to.run("create", &["u"]).code(2).says("--schema");
}

#[test]
fn create_makes_an_empty_database_and_leaves_one_alone() {
    let bench = Bench::new();
    bench.run("create", &[]).code(0);
    bench.run("verify", &[]).code(0);
    let bench = Bench::with_table();
    bench.run("create", &[]).code(0);
    bench.run("count", &["t"]).code(0).prints("3\n");
    let bad = bench.file("bad.json", "{");
    let other = Bench::new();
    other.run("create", &["t", "--schema", &bad]).code(1);
    assert!(is_absent(&other.db()), "a bad schema left a database behind");
}

#[test]
fn drop_wants_to_be_sure() {
    let bench = Bench::with_table();
    bench.run("drop", &["t"]).code(2).says("3 rows");
    bench.run("count", &["t"]).code(0).prints("3\n");
    bench.run("drop", &["t", "--yes"]).code(0).says("dropped");
    bench.run("count", &["t"]).code(1).says("no table \"t\"");
    bench.run("drop", &["t", "--yes"]).code(1);
}

#[test]
fn a_checkpoint_is_a_database_that_can_be_read_and_written() {
    let bench = Bench::with_table();
    let copy = bench.path("copy");
    let copy = copy.to_str().expect("UTF-8");
    bench.run("checkpoint", &[copy]).code(0).says("1 tables with 3 rows").prints("");
    bench.run("checkpoint", &[copy]).code(1).says("exists already; name a directory");
    bench.run("drop", &["t", "--yes"]).code(0);
    run(&["export", copy, "t"]).code(0).prints(SMALL_CSV);
    run(&["verify", copy]).code(0);
    let file = bench.file("more.csv", SMALL_CSV);
    run(&["import", copy, "t", &file]).code(0);
    assert_eq!(run(&["count", copy, "t"]).code(0).out, "6\n");
    assert!(is_absent(&bench.path("copy.unfinished")));
}

#[test]
fn no_command_that_reads_creates_a_database() {
    for (command, args) in [
        ("get", &["t", "1"][..]),
        ("scan", &["t"]),
        ("count", &["t"]),
        ("export", &["t"]),
        ("tables", &[]),
        ("schema", &["t"]),
        ("stats", &[]),
        ("verify", &[]),
        ("drop", &["t", "--yes"]),
    ] {
        let bench = Bench::new();
        bench.run(command, args).code(1).says("srdb: ").says("holds no srdb database").prints("");
        assert!(is_absent(&bench.db()), "{command} created something");
    }
}

#[test]
fn a_command_line_without_sense_is_exit_code_2() {
    run(&[]).code(2);
    run(&["frobnicate"]).code(2);
    run(&["import"]).code(2);
    run(&["import", "db", "t", "x.csv", "--batch", "0"]).code(2);
    run(&["import", "db", "t", "x.csv", "--durability", "maybe"]).code(2);
    run(&["import", "db", "t", "x.csv", "--type", "a=int65"]).code(2).says("int64");
    run(&["--help"]).code(0);
    let help = run(&["--help"]).out;
    assert!(help.contains("Exit codes:") && help.contains("3  the database is damaged"));
}

#[test]
fn verify_finds_damage_and_says_where() {
    let bench = Bench::with_table();
    let clean = bench.run("verify", &[]).code(0).out;
    assert!(clean.starts_with("clean: ") && clean.ends_with("3 rows checked\n"), "{clean}");
    let sst = files(&bench.db()).into_iter().find(|p| p.extension().is_some_and(|e| e == "sst"));
    let sst = sst.expect("an SST");
    let mut bytes = std::fs::read(&sst).expect("readable");
    // A byte in the middle of those that are in use.
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let at = used[used.len() / 2];
    bytes[at] ^= 1;
    std::fs::write(&sst, bytes).expect("writable");
    let damaged = bench.run("verify", &[]).code(3).says("problem");
    let name = sst.file_name().and_then(|n| n.to_str()).expect("a name");
    assert!(damaged.out.contains(name) && damaged.out.contains("damaged: "), "{damaged:?}");
    let export = bench.run("export", &["t"]);
    assert!(export.code == Some(3) || export.out == SMALL_CSV, "{export:?}");
}

fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let bench = Bench::new();
    let rows: String = (0..50_000).map(|n| format!("{n},some text to fill the pipe\n")).collect();
    let file = bench.file("t.csv", format!("n,text\n{rows}"));
    bench.run("import", &["t", &file]).code(0);
    for args in [&["export", "t"][..], &["scan", "t", "--format", "json"]] {
        let ran = common::read_a_little(bench.command(args[0], &args[1..]));
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_database_in_use_can_be_read_and_says_so_to_who_would_write() {
    let bench = Bench::with_table();
    let held = srdb::Database::open(bench.db()).expect("opens");
    bench.run("drop", &["t", "--yes"]).code(1).says("in use");
    bench.run("count", &["t"]).code(0).prints("3\n");
    held.close().expect("closes");
    drop(held);
    bench.run("drop", &["t", "--yes"]).code(0);
}

#[test]
fn dump_prints_each_kind_of_file_and_what_is_wrong_with_it() {
    let bench = Bench::with_table();
    bench.run("index", &["t", "create", "n"]).code(0);
    let db = bench.path("db");
    let files = files_of(&db);
    let file = |end: &str| {
        let found = files.iter().find(|path| path.to_string_lossy().contains(end));
        found.unwrap_or_else(|| panic!("no {end} in {files:?}")).clone()
    };
    let dump = |kind: &str, path: &std::path::Path, more: &[&str]| {
        let path = path.to_str().expect("UTF-8");
        run(&[&["dump", kind, path], more].concat())
    };
    let manifest = dump("manifest", &file("MANIFEST-"), &[]).code(0).out;
    assert!(manifest.starts_with("header "), "{manifest}");
    assert!(manifest.contains("changes: create_table created_time="), "{manifest}");
    assert!(manifest.contains("kind=snapshot"), "{manifest}");
    let sst = dump("sst", &file(".sst"), &["--rows", "--format", "json"]).code(0).out;
    let lines: Vec<serde_json::Value> =
        sst.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let rows: Vec<_> = lines.iter().filter(|line| line["part"] == "row").collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["values"], serde_json::json!([1, "a,\"b\"\nc", 0.5]));

    // A copy without its end, away from the database.
    let bytes = std::fs::read(file(".sst")).expect("the SST");
    let cut = bench.file("cut.sst", &bytes[..bytes.len() - 4096]);
    let cut = dump("sst", std::path::Path::new(&cut), &["--format", "json"]).code(1);
    let cut = cut.says("2 problems found").says("cut.sst").says("the tree is cut off");
    assert!(cut.out.contains("\"part\":\"block\""), "{}", cut.out);
    assert!(cut.out.contains("\"problem\":\"the tree is cut off\""), "{}", cut.out);
    let index = dump("index", &file(".idx"), &["--rows"]).code(0).out;
    assert!(index.contains("\nkey "), "{index}");
    dump("wal", &file(".sst"), &[]).code(1).says("checksum");
    dump("sst", &bench.path("nothing"), &[]).code(1).says("could not open");
}

#[test]
fn version_names_the_formats() {
    let text = run(&["version"]).code(0).out;
    assert!(text.starts_with("srdb "), "{text}");
    for kind in ["database.meta", "manifest", "wal", "sst", "index"] {
        assert!(text.contains(&format!("  {kind} format ")), "{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&run(&["version", "--json"]).code(0).out).expect("JSON");
    assert!(json["formats"]["sst"].is_u64(), "{json}");
}

fn files_of(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| if path.is_dir() { files_of(&path) } else { vec![path] })
        .collect();
    files.sort();
    files
}

#[test]
fn compact_merges_files_and_shows_what_they_took() {
    let bench = Bench::with_table();
    for _ in 0..3 {
        let file = bench.file("more.csv", SMALL_CSV);
        bench.run("import", &["t", &file]).code(0);
    }
    let json = bench.run("compact", &["t", "--json"]).code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json[0]["table"], &json[0]["files"]), (&"t".into(), &1.into()), "{json}");
    assert_eq!(json[0]["files_before"], 4, "{json}");
    let shown = bench.run("compact", &[]).code(0).out;
    assert!(shown.contains("bytes before"), "{shown}");
    bench.run("count", &["t"]).code(0).prints("12\n");
    bench.run("verify", &[]).code(0);
    bench.run("compact", &["none"]).code(1).says("no table");
}

#[test]
fn retain_sets_shows_and_applies_limits() {
    let bench = Bench::with_table();
    bench.run("retain", &["t"]).code(0).prints("no limits: all rows are kept\n");
    bench.run("retain", &["t", "--max-rows", "1", "--max-age", "30d"]).code(0).says("limits set");
    bench.run("count", &["t"]).code(0);
    let shown = bench.run("retain", &["t"]).code(0).out;
    assert!(
        shown.contains(" age         30d\n") && shown.contains(" rows          1\n"),
        "{shown}"
    );
    let json = bench.run("retain", &["t", "--json"]).code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["max_rows"], &json["max_bytes"]), (&1.into(), &serde_json::Value::Null));
    assert_eq!(json["max_age_seconds"], 2_592_000.0);
    bench.run("retain", &["t", "--now"]).code(0).says("1 kept");
    bench.run("count", &["t"]).code(0).prints("1\n");
    bench.run("retain", &["t", "--max-bytes", "10GB"]).code(0);
    let shown = bench.run("retain", &["t"]).code(0).out;
    assert!(shown.contains("10000000000") && !shown.contains("age"), "{shown}");
    bench.run("retain", &["t", "--none"]).code(0).says("taken back");
    bench.run("retain", &["t"]).code(0).prints("no limits: all rows are kept\n");
    bench.run("retain", &["t", "--max-age-of", "n=1d"]).code(1).says("timestamp");
    bench.run("retain", &["t", "--max-age-of", "nope=1d"]).code(1).says("it has n, text, f");
    bench.run("retain", &["t", "--max-age", "long"]).code(2);
    bench.run("retain", &["t", "--none", "--max-rows", "1"]).code(2);
}
