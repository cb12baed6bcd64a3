//! The fuzz targets over their corpus, and over some inputs made from it.

use std::collections::BTreeSet;
use std::fs;

use srdb_fuzz::{Mutator, TARGETS, corpus, inputs, seeds};

#[test]
fn every_target_passes_its_corpus() {
    for (target, body) in TARGETS {
        let files = inputs(&corpus(target)).expect("a corpus is checked in");
        assert!(files.len() >= 3, "{target} has {} inputs", files.len());
        for (path, bytes) in files {
            println!("{}", path.display());
            body(&bytes);
        }
    }
}

#[test]
fn every_target_passes_what_a_few_thousand_mutations_make() {
    for (target, body) in TARGETS {
        let files = inputs(&corpus(target)).expect("a corpus is checked in");
        let files: Vec<_> = files.into_iter().map(|(_, bytes)| bytes).collect();
        let mut mutator = Mutator(42);
        // A plan takes milliseconds, a file microseconds.
        let count = if target == "plan" { 300 } else { 3000 };
        for number in 0..count {
            let bytes = mutator.input(&files);
            let passed = std::panic::catch_unwind(|| body(&bytes)).is_ok();
            assert!(passed, "{target} fails on input {number}: {bytes:?}");
        }
    }
}

#[test]
fn the_corpus_holds_what_this_version_writes() {
    for (target, name, bytes) in seeds() {
        let path = corpus(target).join(format!("seed-{name}"));
        let found = fs::read(&path).unwrap_or_default();
        assert!(found == bytes, "{} is stale: run the program `seeds`", path.display());
    }
}

#[test]
fn every_encoding_is_in_the_corpus() {
    let files = inputs(&corpus("block_decode")).expect("a corpus is checked in");
    let found: BTreeSet<u8> = files.iter().map(|(_, bytes)| bytes[0]).collect();
    for encoding in 1..=11 {
        assert!(found.contains(&encoding), "no column of encoding {encoding}");
    }
}
