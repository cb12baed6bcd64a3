//! What the source has to keep to and no compiler checks: the layers, the house rules, the width.
//!
//! 1. A module of the engine uses only modules that stand before it in [`LAYERS`].
//! 2. The engine touches no file system, clock or thread but through the `Vfs`, the `Clock` and
//!    `worker.rs`.
//! 3. Every file says at its top what it is, is short, and no wider than [`WIDTH_MAX`].
//!
//! It reads text, not syntax trees: comments, strings and test code are blanked first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers of the engine, lowest first. A module may use what stands before it: in a layer
/// above, or in its own. `docs/architecture.md` shows the same table.
const LAYERS: [(&str, &[&str]); 8] = [
    (
        "basics",
        &["error", "mutant", "limits", "types", "sync", "locks", "signal", "latency", "counters"],
    ),
    ("bits and bytes", &["coding", "chunk", "schema"]),
    ("formats", &["column", "format", "layout"]),
    ("files", &["metered", "sst", "wal", "index", "retention", "edit", "version", "manifest"]),
    (
        "state",
        &[
            "observer",
            "options",
            "row",
            "memtable",
            "table_files",
            "table_state",
            "jobs",
            "queue",
            "state",
            "handle",
            "read",
            "scan",
            "snapshot",
        ],
    ),
    ("queries", &["query"]),
    (
        "work",
        &[
            "index_job",
            "merge",
            "sst_job",
            "indexes",
            "compaction",
            "delete",
            "flush",
            "unique",
            "commit",
            "drop_rows",
            "retain",
            "tables",
            "recovery",
            "checkpoint",
            "worker",
        ],
    ),
    (
        "interface",
        &[
            "stats",
            "table",
            "batch",
            "appender",
            "verify",
            "follower",
            "inspect",
            "database",
            "internals",
        ],
    ),
];

/// Uses against the order of the layers: the user, the used, and why it is borne.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("state", "flush", "the state keeps the flush job between its steps, and never looks into it"),
    ("state", "indexes", "likewise the build of an index file"),
    ("state", "compaction", "likewise a merge of SSTs"),
];

/// Names in the crate's root that are other crates'.
const FOREIGN: [&str; 2] = ["vfs", "Decimal"];

/// Lines of a file.
const LINES_MAX: usize = 600;

/// Files that are longer, how long they may be, and why.
const LONG_FILES: [(&str, usize, &str); 2] = [
    ("engine/src/column/tests.rs", 650, "every encoding against the same columns"),
    ("engine/src/sst/tests.rs", 700, "tests of one format, which share their fixtures"),
];

/// Characters of a line of comment.
const WIDTH_MAX: usize = 100;

/// Words that engine code must not contain, the file that may, and what to do instead.
const ENGINE_WORDS: [(&str, &str, &str); 15] = [
    ("std::fs", "", "go through the Vfs"),
    ("Instant", "", "go through the Clock"),
    ("SystemTime::now", "", "go through the Clock"),
    ("std::thread", "engine/src/sync.rs", "only worker.rs starts threads"),
    ("sync::thread", "engine/src/worker.rs", "only worker.rs starts threads"),
    ("std::sync::{", "engine/src/sync.rs", "but for Arc and Weak, take it from crate::sync"),
    ("std::sync::atomic", "engine/src/sync.rs", "take it from crate::sync"),
    ("std::sync::Condvar", "engine/src/sync.rs", "take it from crate::sync"),
    ("std::sync::Mutex", "engine/src/sync.rs", "take it from crate::sync"),
    ("std::sync::OnceLock", "engine/src/sync.rs", "take it from crate::sync"),
    ("std::sync::RwLock", "engine/src/sync.rs", "take it from crate::sync"),
    ("std::net", "", "the engine is a library, not a server"),
    ("rand::", "", "go through the Clock's entropy"),
    ("HashMap", "", "its order is random: use BTreeMap"),
    ("HashSet", "", "its order is random: use BTreeSet"),
];

/// Words that no code may contain, the file that may, and why not.
const WORDS: [(&str, &str, &str); 4] = [
    ("unsafe", "vfs/src/mmap.rs", "a second place needs a benchmark that pays for it"),
    ("todo!", "", "what is not done is an error that says so"),
    ("unimplemented!", "", "what is not done is an error that says so"),
    ("#[ignore", "", "a test runs or is deleted"),
];

#[test]
fn every_module_has_a_layer() {
    let root = read("engine/src/lib.rs");
    let modules = root.lines().filter_map(|line| {
        let line = line.trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned)
    });
    let missing: Vec<_> = modules.filter(|module| rank(module).is_none()).collect();
    assert!(missing.is_empty(), "give a layer in engine/tests/tidy.rs to: {missing:?}");
    for (layer, module) in LAYERS.iter().flat_map(|(l, m)| m.iter().map(move |m| (l, m))) {
        let there = ["", "/mod"]
            .iter()
            .any(|end| repository().join("engine/src").join(format!("{module}{end}.rs")).is_file());
        assert!(there, "layer {layer:?} names module {module}, which is not there");
    }
}

#[test]
fn the_architecture_page_shows_the_layers() {
    let page = read("docs/architecture.md");
    for (layer, modules) in LAYERS {
        let modules = modules.iter().map(|module| format!("`{module}`"));
        let row = format!("| {layer} | {} |", modules.collect::<Vec<_>>().join(", "));
        assert!(page.contains(&row), "docs/architecture.md lacks {row}");
    }
}

#[test]
fn imports_follow_the_layers() {
    let exports = exports(&read("engine/src/lib.rs"));
    let mut wrong = Vec::new();
    for (name, text) in engine_sources() {
        if name != "engine/src/lib.rs" {
            wrong.extend(wrong_imports(&name, &text, &exports));
        }
    }
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_found_and_named() {
    let exports = exports("pub use commit::{Receipt,\n Ticket};\npub use srdb_vfs as vfs;\n");
    let check = |name: &str, text: &str| wrong_imports(name, text, &exports);
    let upward = check("engine/src/chunk/mod.rs", "//! x\n\nuse crate::state::State;\n");
    assert_eq!(upward.len(), 1);
    for part in ["engine/src/chunk/mod.rs:3", "chunk", "bits and bytes", "state"] {
        assert!(upward[0].contains(part), "{part:?} is missing in {:?}", upward[0]);
    }
    assert_eq!(check("engine/src/wal/a.rs", "fn f() { crate::flush::step() }").len(), 1);
    assert_eq!(check("engine/src/wal/a.rs", "use crate::{\n  error,\n  Ticket,\n};").len(), 1);
    assert_eq!(check("engine/src/wal/a.rs", "use crate::unheard_of::X;").len(), 1);
    assert_eq!(check("engine/src/version.rs", "use super::error;").len(), 1);
    assert_eq!(check("engine/src/wal/mod.rs", "use super::error;").len(), 1);
    for fine in [
        "use crate::error::Error;",
        "use crate::{error::{Error, Damage}, vfs};",
        "// use crate::state::State;",
        "const S: &str = \"crate::state\";",
        "use super::record;",
        "#[cfg(test)]\nmod tests {\n  fn f() { '{'; }\n  use crate::state::State;\n}\n",
    ] {
        assert_eq!(check("engine/src/wal/a.rs", fine), Vec::<String>::new(), "{fine:?}");
    }
}

#[test]
fn exceptions_are_still_needed() {
    let exports = exports(&read("engine/src/lib.rs"));
    for (user, used, _) in EXCEPTIONS {
        let needed = engine_sources().iter().any(|(name, text)| {
            module_of(name) == user
                && uses(&code(text), &exports).iter().any(|(_, module)| module == used)
        });
        assert!(needed, "{user} no longer uses {used}: take the exception away");
    }
    for (name, lines_max, _) in LONG_FILES {
        let lines = read(name).lines().count();
        let range = LINES_MAX + 1..=lines_max;
        assert!(range.contains(&lines), "{name} has {lines} lines, its exception says {range:?}");
    }
}

#[test]
fn the_engine_reaches_outside_only_through_the_vfs_and_the_clock() {
    let found: Vec<_> = engine_sources()
        .iter()
        .flat_map(|(name, text)| banned(name, text, &ENGINE_WORDS))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn words_that_no_code_contains() {
    let found: Vec<_> =
        all_sources().iter().flat_map(|(name, text)| banned(name, text, &WORDS)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn banned_words_are_found_in_code_only() {
    let found = |text: &str| banned("engine/src/x.rs", text, &WORDS).len();
    assert_eq!(found("fn f() { unsafe { g() } }"), 1);
    assert_eq!(found("#![forbid(unsafe_code)]"), 0);
    assert_eq!(found("// unsafe\nconst T: &str = r#\"todo!()\"#;"), 0);
    assert_eq!(found("#[cfg(test)]\nmod tests {\n  #[ignore]\n  fn f() {}\n}"), 1);
    let engine = |text: &str| banned("engine/src/x.rs", text, &ENGINE_WORDS).len();
    assert_eq!(engine("use std::fs::File;"), 1);
    assert_eq!(engine("use std::sync::{Arc, Mutex};"), 1);
    assert_eq!(engine("use std::sync::Arc;"), 0);
    assert_eq!(engine("#[cfg(test)]\nmod tests {\n  use std::thread;\n}"), 0);
}

#[test]
fn files_say_what_they_are_and_are_short_and_narrow() {
    let mut wrong = Vec::new();
    for (name, text) in all_sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("{name}: does not begin with //! and what it is"));
        }
        let long = LONG_FILES.iter().find(|(file, _, _)| *file == name);
        let lines_max = long.map_or(LINES_MAX, |(_, max, _)| *max);
        let lines = text.lines().count();
        if lines > lines_max {
            wrong.push(format!("{name}: {lines} lines, {lines_max} allowed"));
        }
        for (at, line) in text.lines().enumerate() {
            let width = line.chars().count();
            if width > WIDTH_MAX && can_be_broken(line) {
                wrong.push(format!("{name}:{}: {width} wide, {WIDTH_MAX} allowed", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a line is a comment's, and no row of a table. Code is as wide as rustfmt makes it.
fn can_be_broken(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") && !line.trim_start_matches(['/', '!', ' ']).starts_with('|')
}

/// The place of a module in the order, with the name of its layer.
fn rank(module: &str) -> Option<(usize, &'static str)> {
    let all = LAYERS.iter().flat_map(|(layer, modules)| modules.iter().map(move |m| (*layer, *m)));
    all.enumerate().find(|(_, (_, m))| *m == module).map(|(at, (layer, _))| (at, layer))
}

/// `engine/src/wal/replay.rs` is of `wal`.
fn module_of(name: &str) -> &str {
    let inside = name.strip_prefix("engine/src/").unwrap_or(name);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn wrong_imports(name: &str, text: &str, exports: &BTreeMap<String, String>) -> Vec<String> {
    let module = module_of(name);
    let Some((from, layer)) = rank(module) else {
        return vec![format!("{name}: module {module} has no layer")];
    };
    let code = without_tests(&code(text));
    let mut wrong = Vec::new();
    for (line, used) in uses(&code, exports) {
        let borne = EXCEPTIONS.iter().any(|(a, b, _)| *a == module && *b == used);
        match rank(&used) {
            _ if borne || used == module => {}
            Some((to, _)) if to < from => {}
            Some((_, other)) => wrong.push(format!(
                "{name}:{line}: {module} (layer {layer:?}) uses {used} (layer {other:?}), \
                 which stands after it"
            )),
            None => wrong.push(format!("{name}:{line}: {used} is in no layer")),
        }
    }
    // `super` may not lead to the root, where every module would be in reach.
    let depth = name.trim_start_matches("engine/src/").matches('/').count()
        - usize::from(name.ends_with("/mod.rs"));
    let to_root = "super::".repeat(depth + 1);
    for (at, line) in code.lines().enumerate() {
        if line.contains(&to_root) {
            wrong.push(format!("{name}:{}: write crate:: for what is at the root", at + 1));
        }
    }
    wrong
}

/// The modules that some code names by `crate::`, each with the line.
fn uses(code: &str, exports: &BTreeMap<String, String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, key) in code.match_indices("crate::") {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        for name in first_names(&code[at + key.len()..]) {
            let module = exports.get(name).map_or(name, String::as_str);
            if !FOREIGN.contains(&name) {
                found.push((line, module.to_owned()));
            }
        }
    }
    found
}

/// Of `a::b`, `a`; of `{a::{b, c}, d}`, `a` and `d`.
fn first_names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![&path[..path.find(|c| !is_word(c)).unwrap_or(path.len())]];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        let ends = depth == 0 && (c == ',' || c == '}');
        if ends {
            let name = group[start..at].trim();
            names.extend(first_names(name).into_iter().filter(|name| !name.is_empty()));
            start = at + 1;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// What the root exports, and from which module.
fn exports(root: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    let code = code(root);
    for (at, key) in code.match_indices("pub use ") {
        let rest = &code[at + key.len()..];
        let statement = &rest[..rest.find(';').unwrap_or(rest.len())];
        if let Some((module, names)) = statement.split_once("::") {
            for name in first_names(names) {
                exports.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    exports
}

fn banned(name: &str, text: &str, words: &[(&str, &str, &str)]) -> Vec<String> {
    let of_engine = std::ptr::eq(words, &ENGINE_WORDS[..]);
    let code = if of_engine { without_tests(&code(text)) } else { code(text) };
    let mut found = Vec::new();
    for (word, allowed_in, instead) in words.iter().filter(|(_, file, _)| *file != name) {
        for (at, _) in code.match_indices(word) {
            let inside = code[..at].ends_with(is_word)
                || (word.ends_with(is_word) && code[at + word.len()..].starts_with(is_word));
            if !inside {
                let line = code[..at].matches('\n').count() + 1;
                let place = if allowed_in.is_empty() { "anywhere" } else { allowed_in };
                let but = if allowed_in.is_empty() { "not" } else { "only in" };
                found.push(format!("{name}:{line}: {word} is allowed {but} {place}: {instead}"));
            }
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with comments and the insides of literals blanked; lines stay where they are.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let bytes = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest).filter(|_| !out.ends_with(is_word)) {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = hashes + 2;
            rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_char_literal(rest) {
            quoted(rest, '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let blanks = rest[..bytes].chars().map(|c| if c == '\n' { '\n' } else { ' ' });
        out.extend(blanks);
        rest = &rest[bytes..];
    }
    out
}

/// The number of hashes if a raw string starts here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// A quote that starts a character, not a lifetime.
fn is_char_literal(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => true,
        (_, after) => after == Some('\''),
    }
}

/// Bytes of a literal with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Blanks every item under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let mut depth = 0;
        let end = out[start..].char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0 && (c == ';' || c == '}')).then_some(start + at + 1)
        });
        let end = end.unwrap_or(out.len());
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// The engine's sources but for those that are tests as a whole.
fn engine_sources() -> Vec<(String, String)> {
    let all = all_sources().into_iter();
    all.filter(|(name, _)| name.starts_with("engine/src/") && !is_test(name)).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// Every source of the repository: its name from the root, and its text.
fn all_sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for package in ["vfs", "engine", "sim", "cli", "fuzz", "benches"] {
        collect(&repository().join(package), package, &mut sources);
    }
    sources.sort();
    assert!(sources.len() > 50, "found {} sources, which can't be all", sources.len());
    sources
}

#[expect(clippy::disallowed_methods, reason = "a test that reads the sources as they lie there")]
fn collect(dir: &Path, name: &str, sources: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.expect("an entry of a source directory").path();
        let file_name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let inner = format!("{name}/{file_name}");
        if path.is_dir() && file_name != "target" && !file_name.starts_with('.') {
            collect(&path, &inner, sources);
        } else if file_name.ends_with(".rs") {
            sources.push((inner, std::fs::read_to_string(&path).expect("a source is UTF-8")));
        }
    }
}

fn read(name: &str) -> String {
    let path = repository().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
