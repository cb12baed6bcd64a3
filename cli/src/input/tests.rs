//! Both readers, and the opening of what they read.

use std::io::{Cursor, Read as _, Write as _};

use super::*;
use crate::failure::Failure;

fn reader(format: Format, text: &[u8]) -> Outcome<Reader> {
    Reader::new(format, Box::new(Cursor::new(text.to_vec())), &Renames::default())
}

/// Every record as `line: cell|cell`, nulls as `-`; errors as `! message`.
fn read_all(format: Format, text: &[u8]) -> Vec<String> {
    let mut reader = match reader(format, text) {
        Ok(reader) => reader,
        Err(failure) => return vec![format!("! {failure}")],
    };
    let mut record = Record::default();
    let mut out = Vec::new();
    loop {
        match reader.read(&mut record) {
            Ok(false) => return out,
            Ok(true) => {
                let cells = (0..reader.fields().names().len()).map(|i| record.cell(i));
                let shown: Vec<&str> =
                    cells.map(|c| if c.kind == Kind::Null { "-" } else { c.text }).collect();
                out.push(format!("{}: {}", record.line, shown.join("|")));
            }
            Err(failure @ Failure::Line(_)) => out.push(format!("! {failure}")),
            Err(failure) => {
                out.push(format!("! {failure}"));
                return out;
            }
        }
    }
}

#[test]
fn csv_keeps_every_text_and_its_line() {
    let text = b"\xef\xbb\xbfa,b c\r\n 1,\"x\"\"y\"\r\n,\n\n\"two\nlines\",\"\"\nlast,1";
    let want = ["2:  1|x\"y", "3: -|-", "5: two\nlines|-", "7: last|1"];
    assert_eq!(read_all(Format::Csv, text), want);
    assert_eq!(
        reader(Format::Csv, text).map(|r| r.fields().names().to_vec()).ok(),
        Some(vec!["a".to_owned(), "b c".to_owned()])
    );
}

#[test]
fn csv_goes_on_after_a_bad_line() {
    let text = b"a,b\n1,2\n3\n4,\xff\n5,6,7\n8,9\n";
    let want = [
        "2: 1|2",
        "! line 3: 1 field, where the header has 2",
        "! line 4, field \"b\": the bytes are not UTF-8: convert the file first (iconv can)",
        "! line 5: 3 fields, where the header has 2",
        "6: 8|9",
    ];
    assert_eq!(read_all(Format::Csv, text), want);
}

#[test]
fn csv_quotation_marks_that_are_not_closed_are_found() {
    let text = b"a,b\n1,2\n3,\"x\n4,5\n";
    assert_eq!(read_all(Format::Csv, text), ["2: 1|2", "! line 3: a quotation mark is not closed"]);
    let text = b"a,b\n1,\"x\n\"\n2,\"\n\"";
    assert_eq!(read_all(Format::Csv, text), ["2: 1|x\n", "4: 2|\n"]);
    let mut long = b"a,b\n1,2\n3,\"x\n".to_vec();
    long.resize(66 << 20, b'x');
    let got = read_all(Format::Csv, &long);
    assert!(got[1].contains("after line 2 is longer than 67108864 bytes"), "{got:?}");
}

#[test]
fn headers_that_no_table_can_take_are_refused_by_name() {
    for (header, part) in [
        ("a,,c\n", "field 2 has no name"),
        ("a,b,a\n", "the name \"a\" stands twice, in fields 1 and 3"),
        ("_seq\n", "--rename _seq=NAME"),
        ("", "not even a header"),
    ] {
        let refused = read_all(Format::Csv, header.as_bytes());
        assert!(refused[0].contains(part), "{header:?}: {refused:?}");
    }
    let long = "x".repeat(256);
    assert!(read_all(Format::Csv, long.as_bytes())[0].contains("longer than 255 bytes"));
}

#[test]
fn renaming_is_for_names_that_are_there() {
    let renames =
        |old: &str, new: &str| Renames::new(&[(old.to_owned(), new.to_owned())]).expect("one name");
    let open = |renames: &Renames| {
        Reader::new(Format::Csv, Box::new(Cursor::new(b"_id,b\n1,2\n".to_vec())), renames)
    };
    let good = renames("_id", "id");
    let reader = open(&good).expect("renamed");
    assert_eq!(reader.fields().names(), ["id", "b"]);
    let twice = open(&renames("_id", "b"));
    assert!(twice.is_err_and(|e| e.to_string().contains("stands twice")));
    let typo = Reader::new(Format::Csv, Box::new(Cursor::new("a,b\n")), &renames("bb", "c"));
    assert!(typo.is_err_and(|e| e.to_string().contains("no field of that name")));
}

#[test]
fn ndjson_keeps_tokens_as_they_are() {
    let text = b"{\"a\":1.50,\"b\":\"x\\u00e9\\n\",\"c\":null}\n\n \
        {\"c\":[1, 2 ],\"d\":-0,\"a\":true} \n{}";
    let want = ["1: 1.50|x\u{e9}\n|-", "3: true|-|[1, 2 ]|-0", "4: -|-|-|-"];
    assert_eq!(read_all(Format::Ndjson, text), want);
}

#[test]
fn ndjson_cells_know_their_kind_and_their_source() {
    let text =
        b"{\"a\":\"q\\\"\",\"b\":1e5,\"c\":false,\"d\":{\"k\":1},\"e\":\"\\ud800\",\"f\":\"\"}";
    let mut reader = reader(Format::Ndjson, text).expect("opens");
    let mut record = Record::default();
    assert!(reader.read(&mut record).expect("reads"));
    let cells: Vec<(Kind, &str, &str)> = (0..6)
        .map(|i| {
            let cell = record.cell(i);
            (cell.kind, cell.text, cell.raw)
        })
        .collect();
    let want = [
        (Kind::String, "q\"", "\"q\\\"\""),
        (Kind::Number, "1e5", "1e5"),
        (Kind::Bool, "false", "false"),
        (Kind::Compound, "{\"k\":1}", "{\"k\":1}"),
        (Kind::Compound, "\"\\ud800\"", "\"\\ud800\""),
        (Kind::String, "", "\"\""),
    ];
    assert_eq!(cells, want);
}

#[test]
fn ndjson_goes_on_after_a_bad_line() {
    let text = b"{\"a\":1}\n[1]\n{\"a\":2,\"a\":3}\n{\"a\":\nx\n\
        {\"a\":1} {}\n{\"a\":\"\xff\"}\n{\"a\":4}\n";
    let got = read_all(Format::Ndjson, text);
    assert_eq!(got.len(), 8, "{got:#?}");
    assert_eq!(got[0], "1: 1");
    assert!(got[1].starts_with("! line 2: no JSON object"), "{}", got[1]);
    assert_eq!(got[2], "! line 3, field \"a\": stands twice");
    assert!(got[3].starts_with("! line 4: no JSON object"), "{}", got[3]);
    assert!(got[4].starts_with("! line 5: no JSON object"), "{}", got[4]);
    assert!(got[5].starts_with("! line 6: no JSON object"), "{}", got[5]);
    assert!(got[6].starts_with("! line 7: the bytes are not UTF-8"), "{}", got[6]);
    assert_eq!(got[7], "8: 4");
}

#[test]
fn gzip_is_told_by_its_bytes_whatever_the_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("rows.csv");
    let input = Input::File(path.clone());
    for text in ["", "a", "a,b\n1,2\n"] {
        let mut packed = Vec::new();
        // Two members, as `cat a.gz b.gz` makes.
        for part in [text, text] {
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, Default::default());
            encoder.write_all(part.as_bytes()).expect("memory");
            encoder.finish().expect("memory");
        }
        for (stored, want) in [(packed, text.repeat(2)), (text.into(), text.to_owned())] {
            std::fs::write(&path, &stored).expect("writes");
            let mut opened = input.open().expect("opens");
            let mut got = String::new();
            opened.bytes.read_to_string(&mut got).expect("reads");
            assert_eq!(got, want);
            assert_eq!(opened.stored_bytes, Some(stored.len() as u64));
            assert_eq!(opened.position.get(), stored.len() as u64);
        }
    }
}

#[test]
fn the_format_is_said_or_told_by_the_name() {
    let by = |name: &str, said| format_of(&Input::new(name), said).ok();
    assert_eq!(by("x.csv", None), Some(Format::Csv));
    assert_eq!(by("x.y.CSV.GZ", None), Some(Format::Csv));
    assert_eq!(by("x.ndjson.gz", None), Some(Format::Ndjson));
    assert_eq!(by("x.jsonl", None), Some(Format::Ndjson));
    assert_eq!(by("x.csv", Some(Format::Ndjson)), Some(Format::Ndjson));
    assert_eq!(by("csv", None), None);
    assert_eq!(by("x.gz", None), None);
    assert_eq!(by("-", None), None);
}

#[test]
fn a_stream_rewinds_to_its_start() {
    let text = "a,b\n1,2\n3,4\n5,6\n";
    let stream = Rewindable::new(Box::new(Cursor::new(text)));
    let mut start = [0; 6];
    stream.recorder().read_exact(&mut start).expect("reads");
    assert_eq!((&start[..], stream.kept_bytes()), (&text.as_bytes()[..6], 6));
    let mut again = String::new();
    stream.rewind().read_to_string(&mut again).expect("reads");
    assert_eq!(again, text);
}
