//! Real data sets, in and out again: every value as it stands in the source.
//!
//! They lie beside the repository, not in it; without them these tests say so and pass. The
//! source is read here with the csv and serde_json crates directly, not with the code under test.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use common::{Bench, data};
use serde_json::value::RawValue;

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).expect("the data set opens");
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("it unpacks");
    text
}

/// Imports, checks the count, verifies, and returns the export.
fn round_trip(path: &Path, rows: usize, format: &str, args: &[&str]) -> String {
    let bench = Bench::new();
    let path = path.to_str().expect("UTF-8");
    let args: Vec<&str> = ["t", path].into_iter().chain(args.iter().copied()).collect();
    bench.run("import", &args).code(0).says(&format!("{rows} rows in"));
    bench.run("count", &["t"]).code(0).prints(&format!("{rows}\n"));
    let report = bench.run("verify", &[]).code(0).out;
    assert!(report.starts_with("clean: "), "{report}");
    bench.run("export", &["t", "--format", format]).code(0).out
}

fn csv_records(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.expect("CSV")).collect()
}

fn csv_comes_back(name: &str, columns: usize, rows: usize) {
    let Some(path) = data(name) else { return };
    let source = csv_records(&unpacked(&path));
    assert_eq!((source.len(), source[0].len()), (rows + 1, columns), "the set is another");
    let exported = csv_records(&round_trip(&path, rows, "csv", &[]));
    assert_eq!(exported.len(), source.len());
    for (line, (want, got)) in source.iter().zip(&exported).enumerate() {
        for (column, (want, got)) in want.iter().zip(got).enumerate() {
            assert_eq!(got, want, "{name}, record {line}, {:?}", &source[0][column]);
        }
        assert_eq!(got.len(), want.len(), "{name}, record {line}");
    }
}

#[test]
fn birdstrikes_come_back_value_for_value() {
    csv_comes_back("birdstrikes.csv.gz", 15, 10_000);
}

#[test]
fn tmy3_comes_back_value_for_value() {
    csv_comes_back("tmy3_wide.csv.gz", 69, 8_760);
}

#[test]
fn nab_comes_back_value_for_value() {
    csv_comes_back("nab.csv.gz", 3, 365_558);
}

#[test]
fn nab_keeps_its_instants_and_numbers_as_times_and_floats() {
    let Some(path) = data("nab.csv.gz") else { return };
    let source = csv_records(&unpacked(&path));
    let args = ["--time", "timestamp", "--type", "value=float64"];
    let exported = csv_records(&round_trip(&path, source.len() - 1, "csv", &args));
    for (want, got) in source.iter().zip(&exported).skip(1) {
        assert_eq!(got[0], want[0]);
        // "2014-04-01 00:00:00[.fff]" is "2014-04-01T00:00:00[.fff]Z", but for zeros at the end.
        let fraction = want[1].contains('.');
        let time =
            if fraction { want[1].trim_end_matches('0').trim_end_matches('.') } else { &want[1] };
        assert_eq!(got[1], format!("{}Z", time.replace(' ', "T")));
        let (want, got): (f64, f64) = (want[2].parse().unwrap(), got[2].parse().unwrap());
        assert_eq!(got.to_bits(), want.to_bits());
    }
}

/// Objects with their values as they are written; strings without their escapes; nulls left out.
fn json_rows(text: &[u8]) -> Vec<BTreeMap<String, String>> {
    let rows = BufReader::new(text).lines().map(|line| {
        let row: BTreeMap<String, Option<Box<RawValue>>> =
            serde_json::from_str(&line.expect("UTF-8")).expect("an object");
        let values = row.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let values = values.map(|(key, value)| match value.get().starts_with('"') {
            true => (
                key,
                format!("text {}", serde_json::from_str::<String>(value.get()).expect("text")),
            ),
            false => (key, value.get().to_owned()),
        });
        values.collect()
    });
    rows.collect()
}

#[test]
fn quakes_come_back_token_for_token() {
    let Some(path) = data("quakes.ndjson.gz") else { return };
    let source = json_rows(unpacked(&path).as_bytes());
    assert_eq!(source.len(), 1_707, "the set is another");
    assert_eq!(source.iter().map(|row| 29 - row.len()).sum::<usize>(), 7_624, "nulls");
    let exported = json_rows(round_trip(&path, 1_707, "ndjson", &[]).as_bytes());
    assert_eq!(exported.len(), source.len());
    for (line, (want, got)) in source.iter().zip(&exported).enumerate() {
        assert_eq!(got, want, "line {}", line + 1);
    }
}

#[test]
fn quakes_keep_their_instants_as_times() {
    let Some(path) = data("quakes.ndjson.gz") else { return };
    let source = json_rows(unpacked(&path).as_bytes());
    let args = ["--time", "time", "--time", "ts_ms", "--time-unit", "ms"];
    let exported = json_rows(round_trip(&path, 1_707, "ndjson", &args).as_bytes());
    for (want, got) in source.iter().zip(&exported) {
        for field in ["time", "ts_ms"] {
            let time: jiff::Timestamp =
                got[field].strip_prefix("text ").expect("a text").parse().expect("RFC 3339");
            assert_eq!(time.as_millisecond().to_string(), want[field]);
        }
        assert_eq!(got["mag"], want["mag"]);
    }
}
