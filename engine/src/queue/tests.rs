//! The queue against a model of it, and with threads.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

fn io_error() -> Error {
    Error::invalid("the disk is full")
}

#[test]
fn a_group_takes_what_is_pending_in_order() {
    let mut queue = Queue::new();
    assert!(queue.begin(100).is_none());
    let a = queue.submit("a", 1, Durability::Memory).unwrap();
    let b = queue.submit("b", 1, Durability::Disk).unwrap();
    let (token, group) = queue.begin(100).unwrap();
    assert_eq!((group.payloads, group.durability), (vec!["a", "b"], Durability::Disk));
    let c = queue.submit("c", 1, Durability::Os).unwrap();
    assert!(queue.begin(100).is_none(), "there is a leader");
    assert!(queue.poll(a).is_none());
    queue.finish(token, Ok(vec![1, 2]));
    assert_eq!(queue.poll(b).unwrap().unwrap(), 2);
    assert_eq!(queue.poll(a).unwrap().unwrap(), 1);
    assert!(queue.poll(c).is_none());
    let (token, group) = queue.begin(100).unwrap();
    assert_eq!((group.payloads, group.durability), (vec!["c"], Durability::Os));
    queue.finish(token, Err(io_error()));
    assert!(matches!(queue.poll(c), Some(Err(Error::Invalid { .. }))));
    assert!(queue.is_idle() && queue.slots.is_empty());
}

#[test]
fn what_waits_behind_a_group_that_fails_fails_with_it() {
    let mut queue = Queue::new();
    let first = queue.submit(1, 1, Durability::Disk).unwrap();
    let (token, _) = queue.begin(100).unwrap();
    let behind = queue.submit(2, 1, Durability::Disk).unwrap();
    queue.finish(token, Err(io_error()));
    assert!(queue.poll(first).unwrap().is_err() && queue.poll(behind).unwrap().is_err());
    let later = queue.submit(3, 1, Durability::Disk).unwrap();
    let (token, group) = queue.begin(100).unwrap();
    assert_eq!(group.payloads, [3]);
    queue.finish(token, Ok(vec![()]));
    assert!(queue.poll(later).unwrap().is_ok());
}

#[test]
fn a_group_is_limited_but_never_empty() {
    let mut queue: Queue<u8, ()> = Queue::new();
    for (payload, bytes) in [(1, 500), (2, 40), (3, 60), (4, 1), (5, usize::MAX), (6, 1)] {
        queue.submit(payload, bytes, Durability::Disk).unwrap();
    }
    for expected in [&[1][..], &[2, 3], &[4], &[5], &[6]] {
        let (token, group) = queue.begin(100).unwrap();
        assert_eq!(group.payloads, expected);
        queue.finish(token, Ok(vec![(); expected.len()]));
    }
    assert!(queue.is_idle());
}

#[test]
fn poison_fails_what_is_pending_and_lets_the_group_end() {
    let mut queue = Queue::new();
    let written = queue.submit((), 1, Durability::Disk).unwrap();
    let (token, _) = queue.begin(100).unwrap();
    let pending = queue.submit((), 1, Durability::Disk).unwrap();
    queue.poison("the first cause");
    queue.poison("another");
    let cause = |r: Option<Result<u8>>| match r {
        Some(Err(Error::Poisoned { cause })) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause(queue.poll(pending)), "the first cause");
    assert!(matches!(queue.submit((), 1, Durability::Disk), Err(Error::Poisoned { .. })));
    assert!(queue.poll(written).is_none());
    queue.finish(token, Ok(vec![7]));
    assert_eq!(queue.poll(written).unwrap().unwrap(), 7);
    assert!(queue.begin(100).is_none() && queue.is_idle());
}

#[test]
fn a_forgotten_ticket_leaves_nothing_behind() {
    let mut queue = Queue::new();
    let early = queue.submit(1, 1, Durability::Disk).unwrap();
    queue.forget(early);
    queue.forget(early);
    let late = queue.submit(2, 1, Durability::Disk).unwrap();
    let (token, group) = queue.begin(100).unwrap();
    assert_eq!(group.payloads, [1, 2], "the commit happens all the same");
    queue.finish(token, Ok(vec![(), ()]));
    queue.forget(late);
    assert!(queue.slots.is_empty());
}

#[derive(Debug, Clone)]
enum Op {
    Submit { bytes: usize, durability: Durability },
    Begin { bytes_max: usize },
    Finish { ok: bool },
    Poll { which: usize },
    Forget { which: usize },
    Poison,
}

fn op() -> impl Strategy<Value = Op> {
    let durability =
        prop_oneof![Just(Durability::Memory), Just(Durability::Os), Just(Durability::Disk)];
    prop_oneof![
        8 => (0usize..50, durability).prop_map(|(bytes, durability)| Op::Submit { bytes, durability }),
        6 => (0usize..120).prop_map(|bytes_max| Op::Begin { bytes_max }),
        6 => any::<bool>().prop_map(|ok| Op::Finish { ok }),
        6 => any::<usize>().prop_map(|which| Op::Poll { which }),
        2 => any::<usize>().prop_map(|which| Op::Forget { which }),
        1 => (0..8u8).prop_map(|n| if n == 0 { Op::Poison } else { Op::Finish { ok: true } }),
    ]
}

/// What became of a ticket, as the model has it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Model {
    Pending { bytes: usize, durability: Durability },
    InGroup,
    Done { ok: bool },
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_queue_does_what_its_model_does(ops in proptest::collection::vec(op(), 0..80)) {
        let mut queue: Queue<usize, usize> = Queue::new();
        // By ticket, payloads being places in here.
        let mut model: Vec<Model> = Vec::new();
        let mut open: BTreeSet<usize> = BTreeSet::new();
        let mut group: Option<(GroupToken, Vec<usize>)> = None;
        let mut poisoned = false;
        let ticket = |place: usize| TicketId(place as u64 + 1);
        for op in ops {
            match op {
                Op::Submit { bytes, durability } => {
                    let submitted = queue.submit(model.len(), bytes, durability);
                    prop_assert_eq!(submitted.is_err(), poisoned);
                    if let Ok(id) = submitted {
                        prop_assert_eq!(id, ticket(model.len()));
                        open.insert(model.len());
                        model.push(Model::Pending { bytes, durability });
                    }
                }
                Op::Begin { bytes_max } => {
                    let mut expected = Vec::new();
                    let (mut sum, mut highest) = (0, Durability::Memory);
                    for (place, state) in model.iter().enumerate() {
                        let Model::Pending { bytes, durability } = *state else { continue };
                        sum += bytes;
                        if !expected.is_empty() && sum > bytes_max {
                            break;
                        }
                        highest = highest.max(durability);
                        expected.push(place);
                    }
                    match queue.begin(bytes_max) {
                        None => prop_assert!(group.is_some() || expected.is_empty()),
                        Some((token, begun)) => {
                            prop_assert!(group.is_none());
                            prop_assert_eq!(&begun.payloads, &expected);
                            prop_assert_eq!(begun.durability, highest);
                            expected.iter().for_each(|place| model[*place] = Model::InGroup);
                            group = Some((token, expected));
                        }
                    }
                }
                Op::Finish { ok } => {
                    let Some((token, places)) = group.take() else { continue };
                    for (place, state) in model.iter_mut().enumerate() {
                        let behind = !ok && matches!(state, Model::Pending { .. });
                        if places.contains(&place) || behind {
                            *state = Model::Done { ok };
                        }
                    }
                    queue.finish(token, if ok { Ok(places) } else { Err(io_error()) });
                }
                Op::Poll { which } => {
                    let Some(&place) = open.iter().nth(which % open.len().max(1)) else { continue };
                    match (queue.poll(ticket(place)), model[place]) {
                        (None, Model::Pending { .. } | Model::InGroup) => {}
                        (Some(result), Model::Done { ok }) => {
                            prop_assert_eq!(result.ok(), ok.then_some(place));
                            open.remove(&place);
                        }
                        (result, state) => prop_assert!(false, "{:?} {:?}", result, state),
                    }
                }
                Op::Forget { which } => {
                    let Some(&place) = open.iter().nth(which % open.len().max(1)) else { continue };
                    queue.forget(ticket(place));
                    open.remove(&place);
                }
                Op::Poison => {
                    queue.poison("poison");
                    poisoned = true;
                    for state in &mut model {
                        if let Model::Pending { .. } = state {
                            *state = Model::Done { ok: false };
                        }
                    }
                }
            }
            let waiting = model.iter().any(|state| matches!(state, Model::Pending { .. }));
            prop_assert_eq!(queue.is_idle(), group.is_none() && !waiting);
            prop_assert_eq!(queue.poisoned().is_some(), poisoned);
        }
        // Every ticket that was not taken or forgotten is still there, and no other.
        let unfinished = model.iter().filter(|state| !matches!(state, Model::Done { .. })).count();
        prop_assert!(queue.slots.len() <= open.len() + unfinished);
        prop_assert!(open.iter().all(|place| queue.slots.contains_key(&(*place as u64 + 1))));
    }
}

#[test]
fn many_threads_each_get_their_own_result() {
    const THREADS: usize = 8;
    const COMMITS: usize = 300;
    let queue: CommitQueue<usize, usize> = CommitQueue::new(20);
    let log = Mutex::new(Vec::new());
    let leading = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (queue, log, leading) = (&queue, &log, &leading);
            scope.spawn(move || {
                for i in 0..COMMITS {
                    let payload = thread * COMMITS + i;
                    let ticket = queue.submit(payload, 1 + payload % 3, Durability::Disk).unwrap();
                    if i % 7 == 0 {
                        queue.forget(ticket);
                        continue;
                    }
                    let result = queue.wait(ticket, &mut |group| {
                        assert!(!leading.swap(true, Ordering::SeqCst), "two leaders");
                        let mut log = log.lock().unwrap();
                        log.extend_from_slice(&group.payloads);
                        leading.store(false, Ordering::SeqCst);
                        Ok(group.payloads.iter().map(|payload| payload * 10).collect())
                    });
                    assert_eq!(result.unwrap(), payload * 10);
                }
            });
        }
    });
    while queue.try_lead(&mut |group| {
        log.lock().unwrap().extend_from_slice(&group.payloads);
        Ok(group.payloads)
    }) {}
    assert!(queue.is_idle() && queue.lock().slots.is_empty());
    let log = log.into_inner().unwrap();
    assert_eq!(log.len(), THREADS * COMMITS);
    for thread in 0..THREADS {
        let own = log.iter().filter(|payload| **payload / COMMITS == thread);
        assert!(own.is_sorted(), "the commits of thread {thread} are out of order");
    }
}

#[test]
fn a_leader_that_panics_poisons_and_nobody_hangs() {
    let queue: CommitQueue<u8, u8> = CommitQueue::new(1000);
    let failed = AtomicUsize::new(0);
    let submitted = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let ticket = queue.submit(1, 1, Durability::Disk).unwrap();
                submitted.wait();
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    queue.wait(ticket, &mut |_| std::panic::resume_unwind(Box::new("a bug")))
                }));
                match outcome {
                    Err(_) | Ok(Err(Error::Poisoned { .. })) => {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(other) => panic!("{other:?}"),
                }
            });
        }
    });
    assert_eq!(failed.into_inner(), 4);
    assert!(queue.poisoned().unwrap().contains("panicked"));
    assert!(matches!(queue.submit(1, 1, Durability::Os), Err(Error::Poisoned { .. })));
}

#[test]
fn a_leader_that_loses_results_poisons() {
    let queue: CommitQueue<u8, u8> = CommitQueue::new(1000);
    let first = queue.submit(1, 1, Durability::Disk).unwrap();
    let second = queue.submit(2, 1, Durability::Disk).unwrap();
    let result = queue.wait(first, &mut |_| Ok(vec![1]));
    assert!(matches!(result, Err(Error::Poisoned { .. })));
    assert!(matches!(queue.poll(second), Some(Err(Error::Poisoned { .. }))));
}
