//! Proof that the scenarios find bugs: each of these is planted, and one scenario has to fail
//! within so many schedules. `.ci/threads mutants --nocapture` shows how many it took.

use shuttle::FailurePersistence;

use crate::schedules::{BATCH, run};
use crate::stops::LYING;
use crate::{closing, group_commit, handover, tables, visibility};

/// A planted bug: its name in the engine (`mutant::on`), and the scenario that has to find it.
type Mutant = (&'static str, fn());

/// The name of the bug that the disk plants, not the engine.
const LIE: &str = "log-sync-is-a-lie";

const MUTANTS: [Mutant; 16] = [
    // Those who waited for the group sleep on, and nobody leads the next.
    (
        "group-end-unsignalled",
        group_commit::every_commit_is_acknowledged_once_and_as_durable_as_it_asked,
    ),
    (LIE, visibility::a_row_is_seen_only_once_a_crash_can_not_lose_it),
    ("counted-before-stored", visibility::a_row_is_seen_only_once_a_crash_can_not_lose_it),
    ("commit-published-in-parts", visibility::a_batch_over_tables_is_seen_whole_or_not_at_all),
    ("end-of-later-files", visibility::every_row_is_read_once_while_memtables_become_ssts),
    // The worker is woken, and looks for work that nobody noted.
    ("wake-forgotten", handover::writers_that_wait_for_room_get_it),
    ("room-untold", handover::writers_that_wait_for_room_get_it),
    // Told between a writer's look and its wait.
    ("told-without-the-lock", handover::writers_that_wait_for_room_hear_of_a_poisoning),
    ("worker-not-stopped", handover::the_last_handle_ends_the_worker),
    ("worker-not-awaited", handover::the_last_handle_ends_the_worker),
    (
        "worker-stops-at-closing",
        closing::a_writer_that_waits_for_room_does_not_keep_the_close_waiting,
    ),
    ("closed-during-a-step", closing::nothing_changes_the_disk_after_a_close),
    ("merge-begun-at-closing", closing::a_close_leaves_no_file_behind),
    // A commit gets in behind the record that ends the log.
    ("log-unlocked-before-closed", closing::a_commit_is_refused_or_survives_the_close),
    ("two-removals-at-once", tables::a_snapshot_outlives_the_drop_of_its_table),
    ("drop-overlooked", tables::a_row_is_read_or_its_table_is_gone),
];

/// Schedules within which each has to be found; the rarest takes some 20,000, and all 10 seconds.
const SCHEDULES: u64 = 200_000;

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for (name, scenario) in MUTANTS {
        // A thread of its own: a schedule that failed is abandoned with whatever it held.
        let hunt = std::thread::scope(|scope| scope.spawn(|| hunt(name, scenario)).join());
        let (found, schedules, hits) = hunt.expect("a hunt panics in its schedules only");
        println!("{name:<28} {schedules:>6} schedules {hits:>6} hits  found: {found}");
        if !found || (hits == 0 && name != LIE) {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "not found within {SCHEDULES} schedules each: {missed:?}");
}

/// Whether the bug was found, after how many schedules, and how often it took effect.
fn hunt(name: &'static str, scenario: fn()) -> (bool, u64, u64) {
    srdb::mutant::plant(Some(name));
    LYING.set(name == LIE);
    let mut schedules = 0;
    let found = (0..SCHEDULES / BATCH as u64).any(|seed| {
        let (run, failed) = match run(scenario, seed, FailurePersistence::None) {
            Ok(run) => (run, false),
            Err((run, _)) => (run, true),
        };
        schedules += run;
        failed
    });
    (found, schedules, srdb::mutant::hits())
}
