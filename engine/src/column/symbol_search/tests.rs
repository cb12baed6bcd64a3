//! The search in codes against a search in what they stand for.

use memchr::memmem::Finder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::ints::Plan;
use super::super::linear::Line;
use super::super::{ColumnView, DictionaryBuilder, Encoding, FilterScratch, Predicate, Test};
use super::super::{ROWS_MAX, encode};
use super::*;
use crate::chunk::{BytesColumn, Column, ColumnData, Scalar};
use crate::types::{DataType, Physical};

/// A block by its codes, which need not be those of any text.
#[derive(Debug, Clone)]
struct Block {
    symbols: Vec<Vec<u8>>,
    rows: Vec<Vec<u8>>,
    nulls: Vec<bool>,
    /// An end that is changed, and by how much.
    wrong_end: Option<(usize, i64)>,
}

impl Block {
    fn bytes(&self) -> Vec<u8> {
        let is_null = |row: usize| row > 0 && *self.nulls.get(row).unwrap_or(&false);
        let mut out = vec![1];
        for first in (0..self.rows.len()).step_by(8) {
            let rows = first..self.rows.len().min(first + 8);
            out.push(rows.map(|row| u8::from(!is_null(row)) << (row % 8)).sum());
        }
        out.push(self.symbols.len() as u8);
        out.extend(self.symbols.iter().map(|symbol| symbol.len() as u8));
        for symbol in &self.symbols {
            out.extend((0..8).map(|at| symbol.get(at).unwrap_or(&0)));
        }
        let mut ends = Vec::new();
        for row in &self.rows {
            ends.push(ends.last().unwrap_or(&0) + row.len() as i64);
        }
        if let Some((row, by)) = self.wrong_end {
            let row = row % ends.len();
            ends[row] += by;
        }
        Line::default().write(&ends, &Plan::of(&ends), &mut out);
        out.extend(self.rows.concat());
        out
    }
}

/// Bytes of which much repeats.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(b'a'), 3 => Just(b'b'), 1 => Just(0), 1 => Just(255)]
}

fn needle() -> impl Strategy<Value = Vec<u8>> {
    let repeats = [&b"aabaa"[..], b"abab", b"aaa", b"", b"a", b"\0", b"\xFF", b"\xFFa"];
    let long = (200_usize..300).prop_map(|len| vec![b'a'; len]);
    prop_oneof![
        8 => vec(byte(), 1..7),
        4 => proptest::sample::select(repeats.map(<[u8]>::to_vec).to_vec()),
        1 => vec(byte(), 20..40),
        1 => long,
    ]
}

/// Codes of a row; those of no symbol and torn escapes only if `hostile`.
fn codes(symbols: usize, hostile: bool) -> impl Strategy<Value = Vec<u8>> {
    let symbol = (0..symbols.max(1) as u8).prop_map(move |code| match symbols {
        0 => vec![ESCAPE, b'a'],
        _ => vec![code],
    });
    let piece = prop_oneof![
        200 => symbol,
        40 => byte().prop_map(|byte| vec![ESCAPE, byte]),
        1 => any::<u8>().prop_map(move |byte| match hostile {
            true => vec![byte],
            false => vec![ESCAPE, byte],
        }),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn block() -> impl Strategy<Value = Block> {
    let symbols = || vec(byte(), 1..9);
    let table = prop_oneof![vec(symbols(), 0..4), vec(symbols(), 4..40), vec(symbols(), 255)];
    (table, any::<bool>(), 1..90_usize).prop_flat_map(|(symbols, hostile, rows)| {
        (
            vec(codes(symbols.len(), hostile), rows),
            vec(prop::bool::weighted(0.1), rows),
            proptest::option::weighted(0.2, (0..rows, -9..30_i64)),
        )
            .prop_map(move |(rows, nulls, wrong_end)| Block {
                symbols: symbols.clone(),
                rows,
                nulls,
                wrong_end,
            })
    })
}

fn contains(needle: &[u8], negated: bool) -> Test {
    let finder = Finder::new(needle).into_owned();
    Test { predicate: Predicate::Contains(Box::new(finder)), negated }
}

fn is_within(needle: &[u8], value: &Scalar<'_>) -> bool {
    let Scalar::Bytes(value) = value else { return false };
    needle.is_empty() || value.windows(needle.len()).any(|part| part == needle)
}

fn view(rows: usize, bytes: &[u8]) -> ColumnView<'_> {
    let code = Encoding::SymbolText.code();
    ColumnView::parse(code, rows, DataType::Bytes, bytes, None).unwrap()
}

/// What the search says is what the decoded text says, damage included.
fn check(view: &ColumnView<'_>, needle: &[u8], scratch: &mut FilterScratch, mask: &Mask) {
    let negated = mask.get(0);
    let mut left = mask.clone();
    let done = view.filter(&contains(needle, negated), scratch, &mut left);
    let mut valid = mask.clone();
    view.retain_nulls(&mut valid, false);
    if valid.is_none() {
        assert!(done.is_ok() && left.is_none());
        return;
    }
    let rows = || valid.rows().map(|row| view.get(row).map(|value| (row, value)));
    let asked = rows().find_map(|row| row.err().map(|damage| damage.what));
    if let Err(Damage { what, .. }) = done {
        let all = view.unpack(0..mask.len(), &mut Column::new(Physical::Bytes));
        let first = [all.err().map(|damage| damage.what), asked.clone()];
        // Of a few rows, the damage may be the last one's.
        let is_told = first.contains(&Some(what.clone())) || asked.is_some() && valid.count() < 16;
        assert!(is_told, "{what}: {first:?}");
        return;
    }
    assert_eq!(asked, None, "unnoticed");
    let mut expected = Mask::none(mask.len());
    for (row, value) in rows().map(Result::unwrap) {
        if is_within(needle, &value) != negated {
            expected.set(row);
        }
    }
    assert_eq!(left, expected, "{needle:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_search_says_what_the_decoded_text_says(
        needle in needle(),
        blocks in vec(block(), 1..4),
        wanted in vec(any::<u64>(), 12),
    ) {
        let mut scratch = FilterScratch::default();
        // The first block's table comes again after another's.
        for block in blocks.iter().chain(&blocks[..1]) {
            let bytes = block.bytes();
            let view = view(block.rows.len(), &bytes);
            for (round, wanted) in wanted.chunks(3).enumerate() {
                let mut mask = Mask::none(block.rows.len());
                for row in 0..mask.len() {
                    let bit = |word: u64| word.rotate_left(row as u32) & 1 == 1;
                    // All rows, half of them, a quarter, an eighth.
                    if wanted.iter().take(round).all(|word| bit(*word)) {
                        mask.set(row);
                    }
                }
                // Not negated, unless row 0 is wanted.
                check(&view, &needle, &mut scratch, &mask);
            }
        }
    }
}

#[test]
fn messages_are_searched_in_the_codes_that_they_were_encoded_to() {
    let words = ["pressure", "valve", "timeout", "time", "out", "sensor", "opened", "über"];
    let mut texts = BytesColumn::default();
    for row in 0..ROWS_MAX {
        let word = |at: usize| words[(row * 7 + at * at * 5 + row / 11 * at) % words.len()];
        let text: Vec<&str> = (0..row % 9).map(word).collect();
        texts.push(format!("{} {row}", text.join(" ")).as_bytes());
    }
    let column = Column { data: ColumnData::Bytes(texts), validity: None };
    let (mut builder, mut bytes) = (DictionaryBuilder::new(), Vec::new());
    let encoded = encode(&column, DataType::Bytes, &mut builder, &mut bytes);
    assert_eq!(encoded.encoding, Encoding::SymbolText);
    let needles = ["timeout", "e", "out time", "t", "nowhere", "sure valve ", "\u{fc}ber s", ""];
    for needle in needles.map(str::as_bytes) {
        let mut scratch = FilterScratch::default();
        let whole = Mask::all(ROWS_MAX);
        check(&view(ROWS_MAX, &bytes), needle, &mut scratch, &whole);
        let mut some = Mask::none(ROWS_MAX);
        (3..ROWS_MAX).step_by(7).for_each(|row| some.set(row));
        check(&view(ROWS_MAX, &bytes), needle, &mut scratch, &some);
    }
}

#[test]
fn damage_is_told_as_decoding_tells_it() {
    let sound = |row: usize| if row.is_multiple_of(2) { vec![0] } else { vec![ESCAPE, b'b', 0] };
    let block = Block {
        symbols: vec![b"ab".to_vec()],
        rows: (0..40).map(sound).collect(),
        nulls: Vec::new(),
        wrong_end: None,
    };
    let torn = Block { rows: vec![vec![0, ESCAPE]; 40], ..block.clone() };
    let none = Block { rows: vec![vec![0, 0, 1]; 40], ..block.clone() };
    let outside = Block { wrong_end: Some((30, 500)), ..block.clone() };
    let told = |block: &Block| {
        let bytes = block.bytes();
        let view = view(block.rows.len(), &bytes);
        let mut mask = Mask::all(block.rows.len());
        let test = contains(b"ab", false);
        let done = view.filter(&test, &mut FilterScratch::default(), &mut mask);
        done.map(|()| mask.count()).map_err(|damage| damage.what)
    };
    assert_eq!(told(&block), Ok(40));
    assert_eq!(told(&torn), Err("an escape without its byte in row 0".to_owned()));
    // Behind a match in its row, too.
    assert_eq!(told(&none), Err("a code without a symbol in row 0".to_owned()));
    assert_eq!(told(&outside), Err("the codes of row 30 lie outside".to_owned()));
}
