//! Commands that read, beside one that writes: they work, and see what was acknowledged; a second
//! one that writes is refused, and told by whom.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use common::Bench;

#[test]
fn reading_commands_work_beside_an_import_and_a_second_writer_is_refused() {
    let bench = Bench::new();
    let args = ["t", "-", "--format", "csv", "--batch", "10", "--durability", "os", "--acks"];
    let mut command = bench.command("import", &args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut writer = command.spawn().expect("srdb starts");
    let mut input = writer.stdin.take().expect("a pipe");
    let mut acks = BufReader::new(writer.stdout.take().expect("a pipe")).lines();
    // It is not at its end before all acknowledgements are read, which are more than a pipe holds.
    let feeder = std::thread::spawn(move || {
        let mut text = String::from("n,text\n");
        (1..=40_000).for_each(|n| text.push_str(&format!("{n},text-{n}\n")));
        input.write_all(text.as_bytes()).expect("lines");
    });
    let mut acknowledged = 0;
    for _ in 0..20 {
        let line = acks.next().expect("an acknowledgement").expect("output");
        let rows = line.strip_prefix("committed rows=").expect("an acknowledgement");
        acknowledged = rows.parse().expect("a number");
    }
    let count = bench.run("count", &["t"]).code(0);
    let count: u64 = count.out.trim().parse().expect("a number");
    assert!(count >= acknowledged && count.is_multiple_of(10), "{count} of {acknowledged}");
    bench.run("get", &["t", "7", "--format", "csv"]).code(0);
    bench.run("query", &["t", "--where", "n = 7", "--count"]).code(0).prints("1\n");
    for args in [&["tables"][..], &["stats"], &["schema", "t"], &["scan", "t", "--limit", "1"]] {
        bench.run(args[0], &args[1..]).code(0);
    }
    bench.run("index", &["t", "list"]).code(0);
    let holder = format!("process {}", writer.id());
    bench.run("drop", &["t", "--yes"]).code(1).says("in use").says(&holder);
    let last = acks.last().expect("more").expect("output");
    feeder.join().expect("the lines are read");
    assert!(writer.wait().expect("it ends").success());
    assert_eq!(last, "committed rows=40000");
    bench.run("count", &["t"]).code(0).prints("40000\n");
}
