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
        let rows: u64 =
            bench.run("count", &["t"]).code(0).out.trim().parse().expect("a number of rows");
        assert!(rows >= acknowledged, "{durability}: {rows} of {acknowledged} acknowledged rows");
        assert!(rows < ROWS, "{durability}: nothing was left to lose");
        assert!(rows.is_multiple_of(BATCH_ROWS), "{durability}: {rows} rows are no whole batches");
        bench.run("verify", &[]).code(0);
        let want: Vec<&str> = source.lines().take(1 + rows as usize).collect();
        let got = bench.run("export", &["t"]).code(0).out;
        assert!(got.lines().eq(want), "{durability}: the rows are not the source's first {rows}");
        // And it goes on from there.
        let rest = bench.file("rest.csv", format!("n,device,value\n{}", rest(&source, rows)));
        bench.run("import", &["t", &rest]).code(0);
        assert_eq!(bench.run("export", &["t"]).code(0).out, source, "{durability}");
    }
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
