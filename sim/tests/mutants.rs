//! The table of mutants, the lines in the engine and the page about them agree.

use std::path::{Path, PathBuf};

use sim::mutants::MUTANTS;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package in the workspace")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "the source lies on the real disk")]
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The names that lines of the engine ask for, with the files that do.
fn lines_in_the_engine() -> Vec<(String, PathBuf)> {
    let mut paths = Vec::new();
    sources(&repository().join("engine/src"), &mut paths);
    let mut names = Vec::new();
    for path in paths {
        let text = read(&path);
        for ask in ["mutant::on(", "mutant::when("] {
            names.extend(text.split(ask).skip(1).map(|rest| {
                let name = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next());
                (name.unwrap_or("a name that is not spelt out").to_owned(), path.clone())
            }));
        }
    }
    names
}

#[test]
fn every_line_in_the_engine_has_one_mutant_and_every_mutant_one_line() {
    let lines = lines_in_the_engine();
    for mutant in MUTANTS {
        let places = lines.iter().filter(|(name, _)| name == mutant.name()).count();
        let expected = usize::from(mutant.in_engine().is_some());
        assert_eq!(places, expected, "places of {} in the engine", mutant.name());
    }
    // The bugs of threads are not the simulator's to find.
    let of_threads = read(&repository().join("engine/tests/shuttle/mutants.rs"));
    for (name, path) in &lines {
        let is_known = MUTANTS.iter().any(|mutant| mutant.name() == name)
            || of_threads.contains(&format!("\"{name}\""));
        assert!(is_known, "{}: nobody plants {name}", path.display());
    }
}

#[test]
fn the_page_about_testing_shows_the_table() {
    let page = read(&repository().join("docs/testing.md"));
    let is_row = |line: &&str| line.starts_with("| `");
    let shown: Vec<&str> = page
        .split("| mutant | class |")
        .nth(1)
        .map(|rest| rest.lines().skip(2).take_while(is_row).collect())
        .unwrap_or_default();
    let row = |m: &sim::mutants::Mutant| {
        format!("| `{}` | {} | {} |", m.name(), m.class().name(), m.what())
    };
    let table: Vec<String> = MUTANTS.iter().map(row).collect();
    assert_eq!(shown, table, "the table of docs/testing.md");
}
