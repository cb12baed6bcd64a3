//! The examples print what is written beside them: `examples/basic.rs` prints `examples/basic.txt`.
//!
//! 1. Every example has its text, and every text its example.
//! 2. Every example prints its text, in each of two runs, fails nowhere and leaves no file behind.
//! 3. The guide names every example.
//!
//! `cargo test` builds the examples before it runs this. With the name of a test, or `--test`, it
//! does not; then this says so where they are missing or old. An output that has changed for good
//! is written with `cargo run --example NAME > engine/examples/NAME.txt`, and looked at.

#![expect(clippy::disallowed_methods, reason = "a test that reads the sources as they lie there")]

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

#[test]
fn every_example_prints_what_is_written_beside_it() {
    let failures: Vec<_> = examples().iter().filter_map(|name| check(name).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_example_has_its_output_and_every_output_its_example() {
    assert_eq!(examples(), stems("txt"), "examples, and the texts of what they print");
    assert!(examples().len() >= 13, "these can't be all examples: {:?}", examples());
}

#[test]
fn the_guide_names_every_example() {
    let guide = include_str!("../../docs/guide.md");
    for name in examples() {
        assert!(guide.contains(&format!("| `{name}` |")), "docs/guide.md lacks `{name}`");
    }
}

/// The names of all examples.
fn examples() -> Vec<String> {
    stems("rs")
}

/// The files in `engine/examples` that end so, without that, sorted.
fn stems(extension: &str) -> Vec<String> {
    let entries = fs::read_dir(directory()).expect("the directory of the examples");
    let paths = entries.map(|entry| entry.expect("an entry of the examples").path());
    // A directory with a `main.rs` would be an example too; none is.
    let (files, others): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_file());
    assert_eq!(others, Vec::<PathBuf>::new(), "an example is one file");
    let found = files.iter().filter(|path| path.extension().is_some_and(|e| e == extension));
    let stem = |path: &PathBuf| path.file_stem().and_then(|s| s.to_str()).map(str::to_owned);
    let mut stems: Vec<_> = found.filter_map(stem).collect();
    stems.sort();
    stems
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Runs an example twice, in a directory for temporary files that has to be empty afterwards.
fn check(name: &str) -> Result<(), String> {
    let program = program(name)?;
    let written = directory().join(format!("{name}.txt"));
    let expected = fs::read_to_string(&written).map_err(|e| format!("{name}.txt: {e}"))?;
    for _ in 0..2 {
        let place = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(&program);
        command.current_dir(&place).env("TMPDIR", place.path()).env("TMP", place.path());
        let output = command.output().map_err(|e| format!("{name} does not start: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{name} fails with {}: {said}", output.status));
        }
        let printed = String::from_utf8(output.stdout).map_err(|e| format!("{name}: {e}"))?;
        same(name, &printed, &expected)?;
        let left = fs::read_dir(&place).expect("the place it ran in").count();
        if left > 0 {
            return Err(format!("{name} leaves {left} files or directories behind"));
        }
    }
    Ok(())
}

/// The built example, which lies beside the directory of this test's own program.
fn program(name: &str) -> Result<PathBuf, String> {
    let advice = "`cargo build --examples` builds it, as does `cargo test` without a name";
    let this = std::env::current_exe().expect("a running program has a path");
    let built = this.parent().and_then(Path::parent).expect("target/PROFILE/deps/THIS");
    let program = built.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    let age = modified(&program).map_err(|e| format!("{}: {e}; {advice}", program.display()))?;
    // What it was built from, as cargo notes it beside it. An old program would prove nothing.
    let notes = program.with_extension("d");
    let sources = fs::read_to_string(&notes).map_err(|e| format!("{}: {e}", notes.display()))?;
    for source in sources.split_whitespace().filter(|word| word.ends_with(".rs")) {
        if modified(Path::new(source)).is_ok_and(|changed| changed > age) {
            return Err(format!("{} is older than {source}; {advice}", program.display()));
        }
    }
    Ok(program)
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// Line by line, so that a failure shows the first that differs, and a checkout may end lines in
/// its own way.
fn same(name: &str, printed: &str, expected: &str) -> Result<(), String> {
    let (mut printed, mut expected) = (printed.lines(), expected.lines());
    let mut number = 0;
    loop {
        number += 1;
        let end = "(no more lines)";
        match (printed.next(), expected.next()) {
            (None, None) => return Ok(()),
            (a, b) if a == b => {}
            (a, b) => {
                let (a, b) = (a.unwrap_or(end), b.unwrap_or(end));
                return Err(format!(
                    "{name} prints in line {number}\n    {a}\nand {name}.txt has\n    {b}"
                ));
            }
        }
    }
}
