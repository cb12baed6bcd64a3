//! `srdb import`: formats, types, and what happens when a line is bad.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use common::{Bench, SMALL_CSV, gzip, is_absent, run};

/// `n` from `from` on, one a line under a header.
fn numbers(from: u64, count: u64) -> String {
    let lines: Vec<String> = (from..from + count).map(|n| n.to_string()).collect();
    format!("n\n{}\n", lines.join("\n"))
}

#[test]
fn packed_files_and_standard_input_are_read_alike() {
    let packed = gzip(SMALL_CSV.as_bytes());
    let bench = Bench::new();
    let file = bench.file("t.csv.gz", &packed);
    bench.run("import", &["a", &file]).code(0).says("3 rows in 1 batch,");
    bench.run_with_stdin("import", &["b", "-", "--format", "csv"], &packed).code(0);
    let text = SMALL_CSV.as_bytes();
    bench.run_with_stdin("import", &["c", "-", "--format", "csv"], text).code(0);
    for table in ["a", "b", "c"] {
        bench.run("export", &[table]).code(0).prints(SMALL_CSV);
    }
    bench.run_with_stdin("import", &["d", "-"], text).code(2).says("--format");
    let cut = bench.file("cut.csv.gz", &packed[..packed.len() - 9]);
    bench.run("import", &["e", &cut]).code(1).says("could not read the input");
}

#[test]
fn what_is_found_is_shown_and_what_is_nothing_creates_nothing() {
    let bench = Bench::new();
    let file = bench.file("t.csv", "a,b\n1,x\n");
    let ran = bench.run("import", &["t", &file]).code(0).says("table \"t\" is new");
    assert!(ran.err.contains(" a       int64\n") && ran.err.contains(" b       string\n"));
    for (name, content, part) in [
        ("empty.csv", "", "not even a header"),
        ("twice.csv", "a,b,a\n", "stands twice, in fields 1 and 3"),
        ("none.csv", "a,,b\n", "field 2 has no name"),
        ("reserved.csv", "a,_b\n1,2\n", "--rename _b=NAME"),
        ("empty.ndjson", "\n\n", "no fields"),
        ("short.csv", "a,b\n1,2\n3\n", "line 3: 1 field, where the header has 2; no row was"),
    ] {
        let other = Bench::new();
        let file = other.file(name, content);
        other.run("import", &["t", &file]).code(1).says(part);
        assert!(is_absent(&other.db()), "{name} left a database behind");
    }
    let bytes = bench.file("bytes.csv", b"a,b\nx,1\n\xff,2\n");
    bench
        .run("import", &["u", &bytes])
        .code(1)
        .says("line 3, field \"a\": the bytes are not UTF-8");
    bench.run("import", &["u", "missing.csv"]).code(1).says("could not open missing.csv");
}

#[test]
fn infer_shows_the_same_and_needs_no_database() {
    let bench = Bench::new();
    let file = bench.file("t.csv", "a,b\n1,x\n2.5,\n1e-05,\n");
    let found = run(&["infer", &file]).code(0).out;
    assert!(
        found.contains("a       string           no number keeps \"1e-05\" (line 4)"),
        "{found}"
    );
    let schema = run(&["infer", &file, "--json", "--type", "a=float64"]).code(0).out;
    let schema = bench.file("schema.json", schema);
    bench.run("import", &["t", &file, "--schema", &schema]).code(0);
    bench.run("export", &["t"]).code(0).prints("a,b\n1.0,x\n2.5,\n1e-5,\n");
}

#[test]
fn a_bad_line_is_named_and_what_was_committed_is_said() {
    let bench = Bench::new();
    let first = bench.file("first.csv", numbers(1, 10));
    bench.run("import", &["t", &first]).code(0);
    let text = numbers(11, 25).replace("\n33\n", "\nx33\n");
    let second = bench.file("second.csv", text);
    let ran = bench.run("import", &["t", &second, "--batch", "10", "--acks"]).code(1);
    ran.says("srdb: line 24, field \"n\": \"x33\" is no integer of 64 bits")
        .says("; before it 20 rows were committed, in 2 batches")
        .prints("committed rows=10\ncommitted rows=20\n");
    bench.run("count", &["t"]).code(0).prints("30\n");
    let ran = bench.run("import", &["t", &second, "--batch", "10", "--skip-bad"]).code(0);
    ran.says("24 rows in 3 batches").says("1 line skipped, the first: line 24, field \"n\"");
    bench.run("count", &["t"]).code(0).prints("54\n");
    bench.run("verify", &[]).code(0);
}

#[test]
fn a_value_beyond_the_fields_width_names_its_line() {
    let bench = Bench::new();
    let file = bench.file("t.csv", "n\n1\n300\n");
    let ran = bench.run("import", &["t", &file, "--type", "n=int8"]).code(1);
    ran.says("line 3, field \"n\"").says("out of range").says("no row was committed");
    let missing = bench.file("u.csv", "n\n\"\"\n");
    let schema = r#"{"version":1,"fields":[{"name":"n","type":"int64"}]}"#;
    let schema = bench.file("schema.json", schema);
    bench.run("import", &["u", &missing, "--schema", &schema]).code(1).says("line 2, field \"n\"");
}

#[test]
fn json_comes_back_token_for_token() {
    let bench = Bench::new();
    let source = "{\"a\":2,\"b\":\"x\",\"c\":[1, 2.0],\"d\":null,\"e\":1.50}\n\
                  {\"a\":1.6,\"b\":7,\"c\":{\"k\":\"\\u00e9\"},\"e\":-0.10}\n\
                  {\"f\":1E5,\"b\":\"q\\\"\\u0000\"}\n";
    let file = bench.file("t.ndjson", source);
    bench.run("import", &["t", &file]).code(0);
    let want = "{\"a\":2,\"b\":\"x\",\"c\":[1, 2.0],\"d\":null,\"e\":1.50,\"f\":null}\n\
                {\"a\":1.6,\"b\":7,\"c\":{\"k\":\"\\u00e9\"},\"d\":null,\"e\":-0.10,\"f\":null}\n\
                {\"a\":null,\"b\":\"q\\\"\\u0000\",\"c\":null,\"d\":null,\"e\":null,\"f\":1E5}\n";
    bench.run("export", &["t", "--format", "ndjson"]).code(0).prints(want);
}

#[test]
fn a_table_that_exists_keeps_its_schema() {
    let bench = Bench::with_table();
    let file = bench.file("more.csv", "f,n\n2,4\n");
    bench.run("import", &["t", &file]).code(0);
    let row = bench.run("get", &["t", "4", "--format", "csv", "--fields", "n,text,f"]).code(0);
    row.prints("n,text,f\n4,,2.0\n");
    let stray = bench.file("stray.csv", "n,g\n5,1\n");
    bench.run("import", &["t", &stray]).code(1).says("no field \"g\"").says("no row was");
    let renamed = ["t", &stray, "--rename", "g=f"];
    bench.run("import", &renamed).code(0);
    let stray = bench.file("stray.ndjson", "{\"n\":6}\n{\"n\":7,\"g\":null}\n{\"n\":8,\"g\":1}\n");
    let ran = bench.run("import", &["t", &stray, "--batch", "1"]).code(1);
    ran.says("line 3, field \"g\"").says("2 rows were committed, in 2 batches");
    bench.run("import", &["t", &file, "--type", "f=string"]).code(1).says("is float64");
    bench.run("import", &["t", &file, "--time", "g"]).code(1).says("no field");
    let schema = bench.run("schema", &["t", "--json"]).code(0).out;
    let schema = bench.file("schema.json", schema);
    bench.run("import", &["t", &file, "--schema", &schema]).code(2).says("leave out --schema");
}

#[test]
fn defaults_fill_absent_keys_but_not_nulls() {
    let bench = Bench::new();
    let schema = r#"{"version":1,"fields":[{"name":"a","type":"int64"},
        {"name":"b","type":"string","nullable":true,"default":"none"}]}"#;
    let schema = bench.file("schema.json", schema);
    let file = bench
        .file("t.ndjson", "{\"a\":1}\n{\"a\":2,\"b\":null}\n{\"a\":3,\"b\":\"\"}\n{\"a\":4}\n");
    bench.run("import", &["t", &file, "--schema", &schema]).code(0);
    let want = "{\"a\":1,\"b\":\"none\"}\n{\"a\":2,\"b\":null}\n{\"a\":3,\"b\":\"\"}\n\
                {\"a\":4,\"b\":\"none\"}\n";
    bench.run("export", &["t", "--format", "ndjson"]).code(0).prints(want);
    let file = bench.file("t.csv", "a\n5\n");
    bench.run("import", &["t", &file]).code(0);
    bench.run("get", &["t", "5", "--fields", "b", "--format", "csv"]).code(0).prints("b\nnone\n");
}

#[test]
fn times_are_read_in_three_forms_and_written_in_one() {
    let bench = Bench::new();
    let text =
        "at,ms,n\n2014-04-01 00:05:00,1396310700250,1\n2014-04-01T02:05:00.5+02:00,0,2\n,,3\n";
    let file = bench.file("t.csv", text);
    let times = ["t", &file, "--time", "at", "--time", "ms", "--time-unit", "ms"];
    bench.run("import", &times).code(0);
    bench.run("export", &["t"]).code(0).prints(
        "at,ms,n\n\
         2014-04-01T00:05:00Z,2014-04-01T00:05:00.25Z,1\n\
         2014-04-01T00:05:00.5Z,1970-01-01T00:00:00Z,2\n\
         ,,3\n",
    );
    bench.run("import", &["u", &file, "--time", "ms"]).code(1).says("--time-unit");
    bench.run("import", &["u", &file, "--time", "when"]).code(1).says("no field");
    let bad = bench.file("bad.csv", "at\n2014-04-01 00:05:00\nsoon\n");
    bench.run("import", &["u", &bad, "--time", "at"]).code(1).says("line 3, field \"at\"");
}

#[test]
fn bytes_are_hexadecimal_both_ways() {
    let bench = Bench::new();
    let file = bench.file("t.csv", "b\n00ff\n\n0xAB\n");
    bench.run("import", &["t", &file, "--type", "b=bytes"]).code(0);
    bench.run("export", &["t"]).code(0).prints("b\n0x00ff\n0xab\n");
    let bad = bench.file("bad.csv", "b\n0g\n");
    bench
        .run("import", &["t", &bad])
        .code(1)
        .says("line 2, field \"b\": \"0g\" is not hexadecimal");
}

#[test]
fn a_null_alone_on_its_line_comes_back() {
    let bench = Bench::new();
    let file = bench.file("t.csv", "n\n1\n\"\"\n3\n");
    bench.run("import", &["t", &file]).code(0);
    bench.run("export", &["t"]).code(0).prints("n\n1\n\"\"\n3\n");
}

#[test]
fn standard_input_is_strict_after_the_part_that_was_inspected() {
    let bench = Bench::new();
    let mut text = numbers(1, 10_500);
    text.push_str("x\n");
    let args = ["t", "-", "--format", "csv", "--batch", "100"];
    let ran = bench.run_with_stdin("import", &args, text.as_bytes()).code(1);
    ran.says("line 10502, field \"n\"").says("10500 rows were committed, in 105 batches");
    bench.run("count", &["t"]).code(0).prints("10500\n");
    let late = "{\"a\":1}\n".repeat(10_001) + "{\"a\":1,\"b\":2}\n";
    let args = ["u", "-", "--format", "ndjson"];
    let ran = bench.run_with_stdin("import", &args, late.as_bytes()).code(1);
    ran.says("line 10002, field \"b\": the table has no such field");
}

#[test]
fn every_durability_ends_with_every_row() {
    for durability in ["memory", "os", "disk"] {
        let bench = Bench::new();
        let file = bench.file("t.csv", numbers(1, 2500));
        let args = ["t", &file, "--durability", durability, "--acks"];
        let acks = "committed rows=1000\ncommitted rows=2000\ncommitted rows=2500\n";
        bench.run("import", &args).code(0).prints(acks);
        bench.run("export", &["t"]).code(0).prints(&numbers(1, 2500));
        bench.run("verify", &[]).code(0);
    }
}
