//! Encoding and decoding one column of 2048 values, per encoding, on the workload's columns and on
//! some that it lacks. `cargo bench -p srdb-benches --bench encodings`

#![allow(missing_docs, reason = "criterion's macros make functions without documentation")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use srdb::internals::columns::{ROWS, Values};
use srdb_benches::{RowRef, SEED, Workload};

/// What each column holds; the encoding is the engine's choice, and part of the bench's name.
fn columns(workload: &Workload) -> Vec<(&'static str, Values)> {
    let rows = || (0..ROWS).map(|at| workload.row(at));
    let mixed = |at: usize| (at as i64).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64);
    vec![
        ("ts", Values::ints(rows().map(|row| row.ts))),
        ("device", Values::texts(rows().map(|row: RowRef<'_>| row.device))),
        ("region", Values::texts(rows().map(|row| row.region))),
        ("temperature", Values::floats(rows().map(|row| row.temperature))),
        ("status", Values::ints(rows().map(|row| i64::from(row.status)))),
        ("ok", Values::bools(rows().map(|row| row.ok))),
        ("message", Values::texts(rows().map(|row| row.message))),
        ("small ints", Values::ints((0..ROWS).map(|at| mixed(at) >> 52))),
        ("any ints", Values::ints((0..ROWS).map(mixed))),
        ("any floats", Values::floats((0..ROWS).map(|at| f64::from_bits(mixed(at) as u64 >> 2)))),
        ("runs", Values::ints((0..ROWS).map(|at| mixed(at / 300)))),
        ("constant", Values::ints((0..ROWS).map(|_| 7))),
    ]
}

fn encodings(criterion: &mut Criterion) {
    let workload = Workload::new(SEED, ROWS);
    let mut group = criterion.benchmark_group("column");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, values) in columns(&workload) {
        let encoded = values.encode();
        let view = encoded.view().expect("what was encoded can be read");
        let name = format!("{name} ({}, {} bytes)", encoded.name(), encoded.bytes());
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| values.encode());
        });
        group.bench_function(format!("unpack {name}"), |bencher| {
            bencher.iter(|| assert_eq!(view.unpack(), ROWS));
        });
        group.bench_function(format!("get each {name}"), |bencher| {
            bencher.iter(|| assert!((0..ROWS).all(|row| view.get(row))));
        });
    }
    group.finish();
}

criterion_group!(benches, encodings);
criterion_main!(benches);
