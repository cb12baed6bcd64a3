//! `srdb plot`: lines in the terminal and as SVG.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use common::Bench;

/// Two devices, an hour of minutes, with a gap of twenty; one value of each minute is their sum.
fn devices() -> Bench {
    let bench = Bench::new();
    let mut csv = String::from("at,device,x,note\n");
    for minute in (0..60).filter(|minute| !(20..40).contains(minute)) {
        csv.push_str(&format!("2026-01-01T00:{minute:02}:00Z,<a&b>,{minute},\n"));
        csv.push_str(&format!("2026-01-01T00:{minute:02}:30Z,c,{},text\n", 2 * minute));
    }
    let file = bench.file("t.csv", csv);
    bench.run("import", &["t", &file, "--time", "at"]).code(0);
    bench
}

#[test]
fn the_terminal_gets_lines_with_both_axes() {
    let bench = devices();
    let drawn = bench.run("plot", &["t", "--y", "x", "--time", "at", "--height", "12"]).code(0).out;
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!((lines[0], lines.len()), ("t: avg(x) of each 30 s", 12), "{drawn}");
    assert!(lines[1].starts_with("118"), "{drawn}");
    assert!(drawn.contains("01-01 00:00") && drawn.contains("01-01 00:59"), "{drawn}");
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{drawn}");
    assert!(drawn.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "no dots: {drawn}");
    let two = ["t", "--y", "x", "--time", "at", "--by", "device", "--agg", "max"];
    let drawn = bench.run("plot", &two).code(0).out;
    assert!(drawn.contains("<a&b>") && !drawn.contains('\u{1b}'), "{drawn}");
}

#[test]
fn an_svg_file_has_a_broken_line_for_each_group() {
    let bench = devices();
    let path = bench.path("out.svg");
    let path = path.to_str().expect("UTF-8");
    let args = ["t", "--y", "x", "--time", "at", "--window", "1m", "--by", "device", "--out", path];
    bench.run("plot", &args).code(0).says("drawn to").prints("");
    let svg = std::fs::read_to_string(path).expect("the file");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"960\""), "{svg}");
    assert!(svg.ends_with("</svg>\n") && svg.contains(">&lt;a&amp;b&gt;<"), "{svg}");
    // Two lines of two parts each, of twenty points.
    assert_eq!(svg.matches("<path ").count(), 4, "{svg}");
    assert_eq!(svg.matches('L').count(), 4 * 19, "{svg}");
    bench.run("plot", &args).code(1).says("exists");
}

#[test]
fn what_can_not_be_drawn_is_named() {
    let bench = devices();
    let fails = |args: &[&str], code: i32, says: &str| {
        let args: Vec<&str> = ["t"].into_iter().chain(args.iter().copied()).collect();
        bench.run("plot", &args).code(code).says(says).prints("");
    };
    fails(&["--y", "z", "--time", "at"], 1, "no field \"z\"; it has at, device, x, note");
    fails(&["--y", "note", "--time", "at"], 1, "field \"note\" is string");
    fails(&["--y", "note", "--time", "at", "--agg", "last"], 1, "can't be drawn");
    fails(&["--y", "x", "--time", "x"], 1, "field \"x\" is no timestamp");
    fails(&["--y", "x", "--time", "at", "--where", "x > 1000"], 1, "nothing to draw");
    fails(&["--y", "x", "--time", "at", "--by", "x"], 1, "more than 10 lines");
    fails(&["--y", "x", "--where", "x >"], 2, "--where");
    fails(&["--time", "at"], 2, "--y");
}
