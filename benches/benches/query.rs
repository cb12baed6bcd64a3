//! What a filter costs a row, over a million rows in SSTs.
//!
//! `cargo bench -p srdb-benches --bench query`
//!
//! Times are of the wall; on a machine that does something else too, count instead:
//! `perf stat -e instructions:u`, or callgrind, on the binary with `--profile-time 5 NAME`.

#![allow(missing_docs, reason = "criterion's macros make functions without documentation")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use srdb::{Database, Durability, Expr, Table, asc, col};
use srdb_benches::engines::{append, schema};
use srdb_benches::{Result, SEED, Workload};

const ROWS: usize = 1_000_000;

struct Fixture {
    _dir: tempfile::TempDir,
    _database: Database,
    table: Table,
    /// Of all temperatures, the one that a twelfth is above.
    warm: f64,
}

impl Fixture {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let database = Database::open(dir.path().join("db"))?;
        let table = database.create_table("log", schema()?)?;
        let workload = Workload::new(SEED, ROWS);
        let mut appender = table.appender();
        let mut temperatures = Vec::with_capacity(ROWS);
        for at in 0..ROWS {
            let row = workload.row(at);
            temperatures.push(row.temperature);
            append(&mut appender, &row)?;
            if at % 1000 == 999 {
                appender.commit_with(Durability::Os)?;
            }
        }
        database.flush()?;
        temperatures.sort_by(f64::total_cmp);
        let warm = temperatures[ROWS - ROWS / 12];
        Ok(Fixture { _dir: dir, _database: database, table, warm })
    }
}

fn filters(criterion: &mut Criterion) {
    let Fixture { table, warm, .. } = &Fixture::new().expect("a database");
    let one_per_cent = || col("temperature").gt(*warm).and(col("region").eq("eu-west-1"));
    let cases: [(&str, Expr); 9] = [
        ("temperature and region, 1 %", one_per_cent()),
        ("humidity between, nothing pruned", col("humidity").between(48.0, 49.5)),
        ("status = 4", col("status").eq(4)),
        ("device = one", col("device").eq("device-0001")),
        ("device in three", col("device").in_(["device-0001", "device-0100", "device-0900"])),
        ("not ok", col("ok").eq(false)),
        ("message contains a word", col("message").contains("timeout")),
        ("message matches", col("message").matches("time(out|r)")),
        ("ts in a range", col("ts").between(1_700_000_100_000_000_i64, 1_700_000_200_000_000_i64)),
    ];
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(10);
    for (name, expr) in cases {
        let query = table.query().filter(expr);
        group.bench_function(name, |bencher| {
            bencher.iter(|| query.count().expect("a count"));
        });
    }
    let query = table.query().filter(one_per_cent());
    group.bench_function("temperature and region, 1 %, rows", |bencher| {
        bencher.iter(|| query.rows().expect("rows").filter_map(srdb::Result::ok).count());
    });
    let query = table.query().order_by(asc("humidity")).limit(10).select(["humidity"]);
    group.bench_function("the ten least humid", |bencher| {
        bencher.iter(|| query.collect().expect("rows").len());
    });
    let query = table.query().select(["ts", "temperature"]);
    group.bench_function("chunks of two fields", |bencher| {
        bencher.iter(|| {
            let chunks = query.chunks().expect("chunks").filter_map(srdb::Result::ok);
            chunks.map(|chunk| chunk.len()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
