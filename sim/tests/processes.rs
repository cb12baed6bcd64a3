//! A seed gives the same trace in every process: what depends on the process (its id, its
//! addresses, the seeds of its hash tables) must not reach the disk or a decision.

use std::process::Command;

fn run() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(["--seed", "42"]).output();
    let output = output.expect("the simulator runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_seed_gives_the_same_trace_hash_in_every_process() {
    let first = run();
    assert!(first.contains("trace hash"), "{first}");
    assert_eq!(run(), first);
}
