//! The queue alone under shuttle: small enough for many thousands of schedules.

use std::sync::Arc;

use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, check_pct, check_random, thread};

use super::*;
use crate::sync::Mutex;

/// Writers that each hand in `commits` commits and wait for each.
fn write(
    queue: &Arc<CommitQueue<u32, u32>>,
    log: &Arc<Mutex<Vec<u32>>>,
    writers: u32,
    commits: u32,
) {
    let threads: Vec<_> = (1..=writers)
        .map(|writer| {
            let (queue, log) = (Arc::clone(queue), Arc::clone(log));
            thread::spawn(move || {
                for payload in (1..=commits).map(|n| writer * 10 + n) {
                    let ticket = queue.submit(payload, 1, Durability::Disk).expect("a ticket");
                    let result = queue.wait(ticket, &mut |group| {
                        let mut log = log.try_lock().expect("one leader at a time");
                        log.extend_from_slice(&group.payloads);
                        Ok(group.payloads.iter().map(|payload| payload * 2).collect())
                    });
                    assert_eq!(result.expect("a result"), payload * 2);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// Every commit is in the log once, each writer's in its order, and nothing is left behind.
fn writers_share_groups(writers: u32, commits: u32, group_bytes_max: usize) {
    let (queue, log) = (Arc::new(CommitQueue::new(group_bytes_max)), Arc::default());
    write(&queue, &log, writers, commits);
    assert!(queue.is_idle() && queue.lock().slots.is_empty());
    let log = log.lock().expect("no panic").clone();
    assert_eq!(log.len() as u32, writers * commits);
    for writer in 1..=writers {
        assert!(log.iter().filter(|payload| **payload / 10 == writer).is_sorted(), "{log:?}");
    }
}

#[test]
fn two_writers_in_every_order_up_to_a_number() {
    let scheduler = DfsScheduler::new(Some(20_000), false);
    let run = || writers_share_groups(2, 1, 10);
    assert!(Runner::new(scheduler, Config::new()).run(run) > 100);
}

#[test]
fn writers_get_their_results_whoever_leads() {
    check_random(|| writers_share_groups(3, 2, 2), 3000);
    check_pct(|| writers_share_groups(3, 2, 2), 3000, 4);
}

/// A leader whose write fails tells everybody who is in its group or behind it, and a later one
/// starts afresh. A poisoning in the middle tells those who are not in a group.
fn failures_reach_everybody(poison: bool) {
    let queue: Arc<CommitQueue<u32, u32>> = Arc::new(CommitQueue::new(2));
    let failed = Arc::new(Mutex::new(false));
    let mut threads: Vec<_> = (1..=3)
        .map(|payload| {
            let (queue, failed) = (Arc::clone(&queue), Arc::clone(&failed));
            thread::spawn(move || {
                let Ok(ticket) = queue.submit(payload, 1, Durability::Disk) else { return false };
                let result = queue.wait(ticket, &mut |group| {
                    let first = !std::mem::replace(&mut *failed.lock().expect("no panic"), true);
                    if first { Err(Error::invalid("a full disk")) } else { Ok(group.payloads) }
                });
                assert!(result.as_ref().map_or(true, |got| *got == payload));
                result.is_ok()
            })
        })
        .collect();
    if poison {
        let queue = Arc::clone(&queue);
        threads.push(thread::spawn(move || {
            queue.poison("a failed sync");
            false
        }));
    }
    let ok = threads.into_iter().map(|t| t.join().expect("no panic"));
    assert!(ok.filter(|ok| *ok).count() < 3, "the first group failed");
    assert!(queue.is_idle() && queue.lock().slots.is_empty());
}

#[test]
fn a_failure_reaches_everybody_it_is_for() {
    check_random(|| failures_reach_everybody(false), 3000);
    check_pct(|| failures_reach_everybody(false), 3000, 4);
}

#[test]
fn a_poisoning_reaches_everybody() {
    check_random(|| failures_reach_everybody(true), 3000);
    check_pct(|| failures_reach_everybody(true), 3000, 4);
}

/// Tickets that are forgotten, and a stepper that leads for those who do not.
fn forgotten_tickets_are_led() {
    let queue: Arc<CommitQueue<u32, u32>> = Arc::new(CommitQueue::new(10));
    let forgetful = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            for payload in 1..=2 {
                let ticket = queue.submit(payload, 1, Durability::Os).expect("a ticket");
                queue.forget(ticket);
            }
        })
    };
    let waiting = {
        let queue = Arc::clone(&queue);
        thread::spawn(move || {
            let ticket = queue.submit(3, 1, Durability::Os).expect("a ticket");
            let result = queue.wait(ticket, &mut |group| Ok(group.payloads));
            assert_eq!(result.expect("a result"), 3);
        })
    };
    queue.try_lead(&mut |group| Ok(group.payloads));
    forgetful.join().expect("no panic");
    waiting.join().expect("no panic");
    while queue.try_lead(&mut |group| Ok(group.payloads)) {}
    assert!(queue.is_idle() && queue.lock().slots.is_empty());
}

#[test]
fn forgotten_tickets_leave_nothing_behind() {
    check_random(forgotten_tickets_are_led, 3000);
    check_pct(forgotten_tickets_are_led, 3000, 4);
}
