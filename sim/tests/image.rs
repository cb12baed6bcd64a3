//! The reader that shares nothing with the engine: it reads whatever the engine writes, and the
//! oracles that rely on it notice what they are there for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sim::db::{open, read_all, schema};
use sim::draw::{Draw, SeedDraw};
use sim::image::schema::Type;
use sim::image::{Image, sst_path};
use sim::model::{Found, FoundRow};
use sim::oracle::image::{Seen, look};
use sim::oracle::manifest::{self, Floors};
use sim::oracle::ssts::Ssts;
use sim::oracle::tree;
use sim::plan::Options;
use sim::shape::Shape;
use srdb::{DataType, Database, Field, Schema, Value};
use srdb_vfs::{MemClock, MemDisk};

fn database(disk: &MemDisk, block_rows: usize) -> Database {
    let options = Options { block_rows, ..Options::default() };
    open(Arc::new(disk.clone()), &MemClock::default(), &options).unwrap()
}

/// Closes a database, looks at its files, opens it again and reads everything.
fn at_rest(disk: &MemDisk, db: &Database) -> (Seen, Database, Found) {
    while let Some(job) = db.jobs().first() {
        db.step(*job).unwrap();
    }
    db.close().unwrap();
    let seen = look(disk);
    manifest::at_rest(&seen).unwrap();
    let db = database(disk, 2048);
    let found = read_all(&db).unwrap().unwrap();
    (seen, db, found)
}

fn image(seen: &Seen) -> &Image {
    seen.image.as_ref().unwrap().as_ref().unwrap()
}

/// How often each type was found in each encoding.
type Encodings = BTreeMap<(u16, Type), u64>;

fn count_encodings(seen: &Seen, encodings: &mut Encodings) {
    let image = image(seen);
    for (id, table) in &image.manifest.version.tables {
        for record in &table.ssts {
            let sst = image.sst(&seen.files, *id, table, record).unwrap();
            for leaf in sst.tree.leaves() {
                for (offset, size) in leaf.pointers.iter().zip(&leaf.sizes) {
                    let block = sst.block(*offset, *size).unwrap();
                    for (entry, field) in block.columns[1..].iter().zip(&table.schema.fields) {
                        *encodings.entry((entry.encoding, field.data_type)).or_default() += 1;
                    }
                }
            }
        }
    }
}

/// Columns that want each encoding: text that repeats itself, runs, lines with noise.
fn courses(draw: &mut SeedDraw) -> (Schema, Vec<Vec<Value>>) {
    let fields = [
        ("line", DataType::Timestamp),
        ("run", DataType::Int32),
        ("far", DataType::UInt64),
        ("few", DataType::Int64),
        ("word", DataType::String),
        ("path", DataType::String),
        ("prose", DataType::Json),
        ("noise", DataType::Bytes),
        ("price", DataType::Decimal),
        ("celsius", DataType::Float32),
        ("ratio", DataType::Float64),
        ("flag", DataType::Bool),
    ];
    let schema = Schema::new(fields.map(|(name, ty)| Field::new(name, ty).nullable())).unwrap();
    let null_percent = draw.pick(&[0, 5, 60]);
    let rows = 1 + draw.below(6_000);
    let row = |i: u64| {
        let bits = draw.bits();
        let word = |n: u64| ["alpha", "beta", "gamma", "delta", "epsilon"][(n % 5) as usize];
        let values = vec![
            Value::Timestamp((i * 1_000_000 + bits % 1_000) as i64),
            Value::Int((i / 300) as i64 - 5),
            Value::UInt(if bits.is_multiple_of(200) { bits } else { bits % 500 }),
            Value::Int([i64::MIN, 17, 1 << 40, 3][(bits % 4) as usize]),
            Value::String(word(bits).to_owned()),
            Value::String(format!("/srv/www/{}/{}.html", word(bits), bits % 10_000)),
            Value::Json(format!("\"{}\"", format!("{} {} ", word(bits), bits >> 50).repeat(9))),
            Value::Bytes((0..bits % 40).map(|j| (bits >> (j % 50)) as u8 ^ j as u8).collect()),
            Value::Decimal(rust_decimal::Decimal::new((bits % 100_000) as i64 - 500, 2)),
            Value::Float32((bits % 1_000) as f32 / 10.0),
            Value::Float64(if bits.is_multiple_of(90) {
                f64::NAN
            } else {
                bits as f64 % 1e4 / 100.0
            }),
            Value::Bool(bits.is_multiple_of(3)),
        ];
        let is_null = |j: usize| (bits >> j) % 100 < null_percent;
        values
            .into_iter()
            .enumerate()
            .map(|(j, v)| if is_null(j) { Value::Null } else { v })
            .collect()
    };
    let rows = (0..rows).map(row).collect();
    (schema, rows)
}

#[test]
fn everything_that_the_engine_writes_is_read_whatever_its_type_and_encoding() {
    let mut encodings = Encodings::new();
    for seed in 0..24 {
        let mut draw = SeedDraw::new(seed);
        let disk = MemDisk::new();
        let db = database(&disk, draw.pick(&[1, 64, 2048, 2048]));
        let (schema_of_courses, rows) = courses(&mut draw);
        let courses = db.create_table("t0", schema_of_courses).unwrap();
        let shape = draw.pick(&Shape::ALL);
        let shaped = db.create_table("t1", schema(shape).unwrap()).unwrap();
        for (at, chunk) in rows.chunks(3_000).enumerate() {
            let mut appender = courses.appender();
            for row in chunk {
                let row: Vec<srdb::ValueRef<'_>> = row.iter().map(Into::into).collect();
                appender.append_row(&row).unwrap();
            }
            appender.commit().unwrap();
            let fill = draw.below(125) as u32;
            let rows = (0..1_500).map(|i| shape.row(at as u64 + 1, 0, i, fill));
            let rows = rows.map(|row| sim::db::named(shape, &row));
            shaped.insert_many(rows).unwrap();
            // The last rows stay in the log.
            if at == 0 {
                db.flush().unwrap();
            }
        }
        let (seen, db, found) = at_rest(&disk, &db);
        seen.agrees(&mut Ssts::default(), &db, &found).unwrap();
        count_encodings(&seen, &mut encodings);
    }
    let ids: BTreeSet<u16> = encodings.keys().map(|(id, _)| *id).collect();
    assert_eq!(ids, (1..=11).collect(), "every encoding: {encodings:?}");
    let types: BTreeSet<Type> = encodings.keys().map(|(_, ty)| *ty).collect();
    assert_eq!(types.len(), Type::ALL.len(), "every type: {encodings:?}");
}

/// A database with a tree of two levels, nulls, an SST more, and rows in the log.
fn sample() -> (MemDisk, Database) {
    let disk = MemDisk::new();
    let db = database(&disk, 1);
    let table = db.create_table("t0", schema(Shape::Log).unwrap()).unwrap();
    for (uid, rows) in [(1, 450), (2, 3), (3, 5)] {
        let rows = (0..rows).map(|i| sim::db::named(Shape::Log, &Shape::Log.row(uid, 0, i, 13)));
        table.insert_many(rows).unwrap();
        if uid < 3 {
            db.flush().unwrap();
        }
    }
    (disk, db)
}

#[test]
fn the_image_oracle_sees_any_difference() {
    let (disk, db) = sample();
    let (seen, db, found) = at_rest(&disk, &db);
    let agrees = |found: &Found| seen.agrees(&mut Ssts::default(), &db, found);
    agrees(&found).unwrap();
    let is_seen = |what: &str, change: &dyn Fn(&mut Vec<FoundRow>)| {
        let mut found = found.clone();
        change(&mut found[0].rows);
        let violation = agrees(&found).expect_err(what);
        assert_eq!(violation.oracle, "image", "{what}");
    };
    let rows = found[0].rows.len();
    assert_eq!(rows, 458);
    is_seen("the last row is skipped", &|rows| drop(rows.pop()));
    is_seen("a row of an SST is skipped", &|rows| drop(rows.remove(7)));
    is_seen("a row is there twice", &|rows| rows.push(rows[457].clone()));
    is_seen("two rows change places", &|rows| rows.swap(455, 456));
    is_seen("a time is another", &|rows| rows[451].time += 1);
    is_seen("all is gone", &|rows| rows.clear());
    for place in [3, 452, 457] {
        for field in 0..Shape::Log.fields().len() {
            is_seen("a value is null, or is not", &|rows| {
                let mut values = rows[place].values.to_vec();
                values[field] = match values[field] {
                    Value::Null => Value::String(String::new()),
                    _ => Value::Null,
                };
                rows[place].values = values.into();
            });
        }
    }
    assert!(agrees(&Found::new()).is_err(), "the table is gone");
    db.create_table("t1", schema(Shape::Narrow).unwrap()).unwrap();
    assert!(agrees(&read_all(&db).unwrap().unwrap()).is_err(), "a table too many");
}

#[test]
fn the_tree_oracle_sees_a_tree_that_leads_astray() {
    let (disk, db) = sample();
    let (seen, ..) = at_rest(&disk, &db);
    let image = image(&seen);
    let (id, table) = image.manifest.version.tables.first_key_value().unwrap();
    let record = table.ssts.iter().find(|record| record.blocks == 450).unwrap();
    let sound = || image.sst(&seen.files, *id, table, record).unwrap();
    tree::check(&sound(), record).unwrap();
    let is_seen = |what: &str, change: &dyn Fn(&mut sim::image::tree::Tree)| {
        let mut sst = sound();
        assert_eq!(sst.tree.nodes.len(), 4, "three leaves and the root");
        change(&mut sst.tree);
        assert!(tree::check(&sst, record).is_err(), "{what}");
    };
    is_seen("a node is missing", &|tree| drop(tree.nodes.remove(1)));
    is_seen("a leaf comes twice", &|tree| tree.nodes[1] = tree.nodes[0].clone());
    is_seen("a leaf says it is above", &|tree| tree.nodes[2].level = 1);
    is_seen("a leaf counts its blocks wrong", &|tree| tree.nodes[1].first_block = 199);
    is_seen("a key is not ahead of the next", &|tree| tree.nodes[0].keys.swap(4, 5));
    is_seen("a key is lost", &|tree| tree.nodes[2].keys.truncate(49));
    is_seen("a separator is too low", &|tree| tree.nodes[3].keys[1] -= 1);
    is_seen("a separator is too high", &|tree| tree.nodes[3].keys[2] += 1);
    is_seen("the root points to a leaf twice", &|tree| {
        tree.nodes[3].pointers[2] = tree.nodes[3].pointers[1];
    });
    is_seen("the leaves are in another order", &|tree| tree.nodes.swap(0, 1));
    is_seen("a block comes twice", &|tree| {
        tree.nodes[1].pointers[7] = tree.nodes[1].pointers[6];
    });
    is_seen("a block is larger than it is", &|tree| tree.nodes[0].sizes[0] += 8);
    is_seen("the first key is too low", &|tree| tree.nodes[0].keys[0] = 0);
}

#[test]
fn the_manifest_oracle_sees_what_is_missing_left_over_and_taken_back() {
    let (disk, db) = sample();
    let before = look(&disk);
    db.flush().unwrap();
    let (seen, ..) = at_rest(&disk, &db);
    let with = |change: &dyn Fn(&MemDisk)| {
        let disk = disk.fork();
        change(&disk);
        manifest::at_rest(&look(&disk))
    };
    let (id, table) = image(&seen).manifest.version.tables.first_key_value().unwrap();
    let sst = format!("/db/{}", sst_path(*id, table, &table.ssts[0]));
    with(&|_| {}).unwrap();
    for left in ["CURRENT.tmp", "MANIFEST-000099", "tables/1-t0/sst/000099.sst", "x"] {
        let put = |disk: &MemDisk| disk.write_file(format!("/db/{left}"), b"").unwrap();
        assert!(with(&put).is_err(), "{left} is left over");
    }
    let cut = |disk: &MemDisk| {
        let bytes = disk.read_file(&sst).unwrap();
        disk.write_file(&sst, &bytes[..bytes.len() - 1]).unwrap();
    };
    assert!(with(&cut).is_err(), "an SST is shorter");
    let copy = "/db/tables/1-t0/schema.json";
    assert!(with(&|disk| disk.write_file(copy, b"{}").unwrap()).is_err(), "another schema");

    let mut floors = Floors::default();
    floors.advance(&before, true).unwrap();
    floors.advance(&seen, false).unwrap();
    floors.advance(&before, false).unwrap();
    floors.advance(&seen, true).unwrap();
    assert!(floors.advance(&before, false).is_err(), "the edits of the flush are taken back");
    assert!(floors.advance(&look(&MemDisk::new()), false).is_err(), "all is gone");
}
