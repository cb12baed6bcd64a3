//! An import that is killed: whole batches, and every one that was acknowledged.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::{Bench, run, srdb};

const ROWS: u64 = 200_000;
const BATCH_ROWS: u64 = 500;

fn source() -> String {
    let mut text = String::from("n,device,value\n");
    for n in 1..=ROWS {
        text.push_str(&format!("{n},device-{},{}.5\n", n * 7919 % 1000, n % 97));
    }
    text
}

/// Kills an import after some acknowledgements and returns how many rows were acknowledged.
fn import_and_kill(bench: &Bench, file: &str, durability: &str, acks: usize) -> u64 {
    let batch = BATCH_ROWS.to_string();
    let args = ["t", file, "--batch", &batch, "--durability", durability, "--acks"];
    let mut command = bench.command("import", &args);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("srdb starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut acknowledged = 0;
    for seen in 1.. {
        let Some(line) = lines.next() else { break };
        let line = line.expect("output");
        let rows = line.strip_prefix("committed rows=").expect("an acknowledgement");
        // Whatever it still printed before it died was acknowledged too.
        acknowledged = rows.parse().expect("a number");
        if seen == acks {
            child.kill().expect("kill -9");
        }
    }
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), None, "it ended before it was killed, with {acknowledged} rows");
    acknowledged
}

#[test]
fn after_kill_9_there_are_whole_batches_and_all_acknowledged_ones() {
    let source = source();
    for (durability, acks) in [("disk", 1), ("disk", 20), ("os", 60)] {
        let bench = Bench::new();
        let file = bench.file("t.csv", &source);
        let acknowledged = import_and_kill(&bench, &file, durability, acks);
        let rows = check_prefix(&bench, &source, acknowledged);
        // And it goes on from there.
        let rest = bench.file("rest.csv", format!("n,device,value\n{}", rest(&source, rows)));
        bench.run("import", &["t", &rest]).code(0);
        assert_eq!(bench.run("export", &["t"]).code(0).out, source, "{durability}");
    }
}

/// Asserts that the rows are the source's first ones, in whole batches, and returns how many.
fn check_prefix(bench: &Bench, source: &str, acknowledged: u64) -> u64 {
    let count = bench.run("count", &["t"]).code(0).out;
    let rows: u64 = count.trim().parse().expect("a number of rows");
    assert!(rows >= acknowledged, "{rows} of {acknowledged} acknowledged rows");
    assert!(rows < ROWS, "nothing was left to lose");
    assert!(rows.is_multiple_of(BATCH_ROWS), "{rows} rows are no whole batches");
    bench.run("verify", &[]).code(0);
    let want: Vec<&str> = source.lines().take(1 + rows as usize).collect();
    let got = bench.run("export", &["t"]).code(0).out;
    assert!(got.lines().eq(want), "the rows are not the source's first {rows}");
    rows
}

/// The shell lets no file grow beyond 1 MiB, so that a write fails in the middle of the import.
#[test]
#[cfg(unix)]
fn after_a_failed_write_there_is_no_hole() {
    let source = source();
    for durability in ["disk", "os"] {
        let bench = Bench::new();
        let file = bench.file("t.csv", &source);
        let output = std::process::Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_srdb"))
            .arg("import")
            .arg(bench.db())
            .args(["t", &file, "--batch", &BATCH_ROWS.to_string(), "--durability", durability])
            .arg("--acks")
            .output()
            .expect("the shell starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("srdb: could not") && said.contains("; before it "), "{said}");
        let acks = String::from_utf8_lossy(&output.stdout).lines().count() as u64;
        assert!(said.contains(&format!("in {acks} batches")), "{acks} acks, but {said}");
        check_prefix(&bench, &source, acks * BATCH_ROWS);
    }
}

#[test]
fn acknowledgements_that_nobody_reads_end_the_import() {
    let source = source();
    let bench = Bench::new();
    let file = bench.file("t.csv", &source);
    let batch = BATCH_ROWS.to_string();
    let mut command = bench.command("import", &["t", &file, "--batch", &batch, "--acks"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("srdb starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("srdb ends");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("could not acknowledge"), "{said}");
    check_prefix(&bench, &source, BATCH_ROWS);
}

fn rest(source: &str, rows: u64) -> String {
    source.lines().skip(1 + rows as usize).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_demo_crashes_recovers_and_cleans_up() {
    let ran = run(&["demo"]).code(0);
    assert!(ran.out.contains("committed rows=200\n") && ran.out.contains("clean."), "{ran:#?}");
    assert!(ran.out.contains("each whole"), "{ran:#?}");
    let bench = Bench::new();
    let output = srdb(["demo"]).arg(bench.db()).output().expect("srdb starts");
    assert!(output.status.success());
    let rows: u64 = bench.run("count", &["quakes"]).code(0).out.trim().parse().expect("rows");
    assert!((200..280).contains(&rows), "{rows}");
    let again = srdb(["demo"]).arg(bench.db()).output().expect("srdb starts");
    assert_eq!(again.status.code(), Some(1));
}
