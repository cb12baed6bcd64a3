//! What goes in comes out, bit for bit, by `get` and by `unpack`, in every encoding; damaged bytes
//! never panic.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::choose::{Choice, filled, write};
use super::ints::Plan;
use super::linear::Line;
use super::*;
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData, Scalar};
use crate::types::{DataType, Physical, u64_to_i64};

/// The column encoded with an encoding of the test's choosing, if it can be.
fn force(
    encoding: Encoding,
    column: &Column,
    data_type: DataType,
    dictionary: &mut DictionaryBuilder,
) -> Option<Vec<u8>> {
    let validity = column.validity.as_ref();
    if column.null_count() == column.len() {
        return None;
    }
    let ints = match &column.data {
        ColumnData::Int(values) => Some(filled(values, validity)),
        _ => None,
    };
    let choice = match (encoding, &column.data) {
        (Encoding::Constant, _) => return None,
        (Encoding::Plain, ColumnData::Bool(_)) => return None,
        (Encoding::Plain, _) => Choice::Plain,
        (Encoding::Bitmap, ColumnData::Bool(_)) => Choice::Bitmap,
        (Encoding::FrameOfReference, _) => {
            let ints = ints?;
            let plan = Plan::of(&ints);
            Choice::Ints(ints, plan)
        }
        (Encoding::Linear, _) => {
            let ints = ints?;
            let line = Line::through(&ints)?;
            let residuals = line.residuals(&ints);
            let plan = Plan::of(&residuals);
            Choice::Linear(line, residuals, plan)
        }
        (Encoding::Runs, _) => {
            let (ends, heads) = runs::split(&ints?, usize::MAX)?;
            let plan = Plan::of(&heads);
            Choice::Runs(ends, heads, plan)
        }
        (Encoding::Dictionary, ColumnData::Int(_)) => {
            let codes = dictionary.ints(&ints?)?;
            let plan = Plan::of(&codes);
            Choice::Dictionary(codes, plan)
        }
        (Encoding::Dictionary, ColumnData::Bytes(values)) => {
            let codes = dictionary.bytes(values, |row| column.is_valid(row))?;
            let plan = Plan::of(&codes);
            Choice::Dictionary(codes, plan)
        }
        (Encoding::FramedText, ColumnData::Bytes(values)) => {
            Choice::FramedText(text::frame_shift(values))
        }
        (Encoding::SymbolText, ColumnData::Bytes(values)) => {
            let table = symbols::SymbolTable::train(&values.data, &values.ends);
            Choice::SymbolText(symbol_text::compress(values, &table))
        }
        (Encoding::DecimalFloat, ColumnData::Float32(values)) => {
            Choice::DecimalFloat(decimal_float::split(&filled(values, validity))?)
        }
        (Encoding::DecimalFloat, ColumnData::Float64(values)) => {
            Choice::DecimalFloat(decimal_float::split(&filled(values, validity))?)
        }
        (Encoding::Decimal, ColumnData::Decimal(values)) => {
            Choice::Decimal(decimals::split(&filled(values, validity)))
        }
        _ => return None,
    };
    let mut out = Vec::new();
    assert_eq!(write(column, data_type, &choice, &mut out), encoding);
    Some(out)
}

/// A column as decoding gives it back: no validity where nothing is null.
fn normal(column: &Column, range: std::ops::Range<usize>) -> Column {
    let mut out = Column::new(column.data.physical());
    for row in range {
        out.push(&column.get(row));
    }
    out
}

/// The short way to single values: what it gives is right, and most values are to be had by it.
fn check_cells(
    encoding: Encoding,
    column: &Column,
    data_type: DataType,
    bytes: &[u8],
    dictionary: Option<DictionaryView<'_>>,
) {
    let rows = column.len();
    let cell = |row: usize| Cell::of(encoding.code(), rows, bytes, row);
    let mut without = 0;
    for row in 0..rows {
        match cell(row).and_then(|cell| cell.scalar(data_type, dictionary)) {
            Some(value) => assert_eq!(value, column.get(row), "{encoding:?}, row {row} of {rows}"),
            None => without += 1,
        }
    }
    assert!(cell(rows).is_none());
    let has_exceptions = encoding == Encoding::DecimalFloat;
    let is_short = match data_type.physical() {
        Physical::Int => !matches!(encoding, Encoding::Constant | Encoding::Plain),
        Physical::Float64 => encoding == Encoding::DecimalFloat,
        Physical::Bool => encoding == Encoding::Bitmap,
        Physical::Bytes => matches!(encoding, Encoding::Dictionary | Encoding::SymbolText),
        Physical::Float32 | Physical::Decimal => false,
    };
    // Patches: one row in 24, and for symbol text also where the row before ends.
    let most = if has_exceptions { rows } else { rows / 12 };
    assert!(!is_short || without <= most, "{encoding:?}: {without} of {rows} the long way");
}

fn check(
    encoding: Encoding,
    column: &Column,
    data_type: DataType,
    bytes: &[u8],
    dictionary: &[u8],
) {
    let rows = column.len();
    let physical = data_type.physical();
    let dictionary =
        encoding.needs_dictionary().then(|| DictionaryView::parse(dictionary, physical).unwrap());
    let view = ColumnView::parse(encoding.code(), rows, data_type, bytes, dictionary).unwrap();
    for row in 0..rows {
        assert_eq!(view.get(row).unwrap(), column.get(row), "{encoding:?}, row {row} of {rows}");
    }
    assert!(view.get(rows).is_err());
    check_cells(encoding, column, data_type, bytes, dictionary);
    let third = rows / 3;
    for range in [0..rows, third..rows, third..third + third / 2, rows..rows] {
        let mut out = Column::new(physical);
        view.unpack(range.clone(), &mut out).unwrap();
        assert_eq!(out, normal(column, range.clone()), "{encoding:?}, rows {range:?}");
        view.unpack(0..third, &mut out).unwrap();
        let mut twice = normal(column, range);
        (0..third).for_each(|row| twice.push(&column.get(row)));
        // Appended validity may be all ones; the values must agree.
        assert_eq!(out.data, twice.data, "{encoding:?} appended");
        assert!((0..out.len()).all(|row| out.get(row) == twice.get(row)), "{encoding:?} appended");
    }
}

/// Encodes as [`encode`] chooses and in every encoding that can be forced.
fn round_trip(column: &Column, data_type: DataType) -> Encoding {
    let mut builder = DictionaryBuilder::new();
    let mut bytes = Vec::new();
    let encoded = encode(column, data_type, &mut builder, &mut bytes);
    let mut dictionary = Vec::new();
    builder.finish(&mut dictionary);
    check(encoded.encoding, column, data_type, &bytes, &dictionary);
    for encoding in Encoding::ALL {
        let mut builder = DictionaryBuilder::new();
        if let Some(bytes) = force(encoding, column, data_type, &mut builder) {
            let mut dictionary = Vec::new();
            builder.finish(&mut dictionary);
            check(encoding, column, data_type, &bytes, &dictionary);
        }
    }
    encoded.encoding
}

fn column(data: ColumnData) -> Column {
    Column { data, validity: None }
}

fn ints(values: impl IntoIterator<Item = i64>) -> Column {
    column(ColumnData::Int(values.into_iter().collect()))
}

fn texts<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Column {
    let mut out = BytesColumn::default();
    values.into_iter().for_each(|value| out.push(value));
    column(ColumnData::Bytes(out))
}

/// `column` with nulls where `is_null` says so.
fn with_nulls(column: &Column, is_null: impl Fn(usize) -> bool) -> Column {
    let mut out = Column::new(column.data.physical());
    for row in 0..column.len() {
        out.push(&if is_null(row) { Scalar::Null } else { column.get(row) });
    }
    out
}

/// A small generator, so that big columns cost proptest nothing.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
}

const SIZES: [usize; 11] = [0, 1, 2, 15, 64, 100, 1000, 1023, 1024, 1025, 2048];

fn any_int(kind: u8, next: &mut impl FnMut() -> u64, row: usize) -> i64 {
    let random = next();
    match kind {
        0 => random as i64,
        1 => [i64::MIN, i64::MAX, 0, -1, u64_to_i64(0), u64_to_i64(u64::MAX)][random as usize % 6],
        2 => (random % 6) as i64,
        3 if random.is_multiple_of(100) => row as i64 * 1_000_000 - (random >> 30) as i64,
        3 => 1_700_000_000_000_000_000 + row as i64 * 1_000_000 + (random % 1000) as i64,
        4 => (row / 300) as i64 * 77,
        5 => [200, 404, 500, 1 << 40][random as usize % 4],
        6 => i64::MAX - 3000 + row as i64,
        _ => (random >> (random % 64)) as i64,
    }
}

fn any_float(kind: u8, next: &mut impl FnMut() -> u64) -> f64 {
    let random = next();
    let special = [
        f64::NAN,
        f64::from_bits(0x7FF0_0000_0000_0001),
        f64::from_bits(0xFFF8_0000_0000_1234),
        -0.0,
        0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
    ];
    match kind {
        0 => f64::from_bits(random),
        1 => (random % 10_000) as f64 / 100.0,
        2 if random.is_multiple_of(20) => special[(random >> 8) as usize % special.len()],
        2 => (random % 10_000) as f64 / 1000.0 - 5.0,
        3 => (random % 50) as f64 * 1e6,
        _ => special[random as usize % special.len()],
    }
}

fn any_text(kind: u8, next: &mut impl FnMut() -> u64) -> Vec<u8> {
    let random = next();
    let words = ["pressure ", "valve ", "sensor ", "opened ", "", "über "];
    match kind {
        0 => format!("device-{:04}", random % 40).into_bytes(),
        1 => (0..random % 20).flat_map(|i| words[(random >> i) as usize % 6].bytes()).collect(),
        2 => (0..random % 30).flat_map(|_| next().to_le_bytes()).collect(),
        3 => Vec::new(),
        _ => vec![b'x'; if random.is_multiple_of(50) { 5000 } else { 3 }],
    }
}

fn any_decimal(kind: u8, next: &mut impl FnMut() -> u64) -> Decimal {
    let random = next();
    match kind {
        0 => Decimal::new((random % 100_000) as i64, 2),
        1 => Decimal::from_parts(
            random as u32,
            (random >> 32) as u32,
            next() as u32,
            random.is_multiple_of(2),
            (random % 29) as u32,
        ),
        _ => {
            let mut zero = Decimal::new(0, (random % 3) as u32);
            zero.set_sign_negative(random.is_multiple_of(7));
            zero
        }
    }
}

fn any_column(data_type: DataType, rows: usize, kind: u8, seed: u64) -> Column {
    let mut next = noise(seed);
    let next = &mut next;
    column(match data_type.physical() {
        Physical::Bool => {
            let mut bits = Bitmap::default();
            (0..rows).for_each(|_| bits.push(next().is_multiple_of(u64::from(kind) + 1)));
            ColumnData::Bool(bits)
        }
        Physical::Int => {
            let shift = 64 - data_type.plain_width().unwrap_or(8) as u32 * 8;
            let unsigned = data_type.name().starts_with('u') && shift > 0;
            let cut = |v: i64| {
                if unsigned { ((v as u64) << shift >> shift) as i64 } else { v << shift >> shift }
            };
            ColumnData::Int((0..rows).map(|row| cut(any_int(kind, next, row))).collect())
        }
        Physical::Float32 => {
            ColumnData::Float32((0..rows).map(|_| any_float(kind, next) as f32).collect())
        }
        Physical::Float64 => {
            ColumnData::Float64((0..rows).map(|_| any_float(kind, next)).collect())
        }
        Physical::Decimal => {
            ColumnData::Decimal((0..rows).map(|_| any_decimal(kind, next)).collect())
        }
        Physical::Bytes => {
            let mut out = BytesColumn::default();
            (0..rows).for_each(|_| out.push(&any_text(kind, next)));
            ColumnData::Bytes(out)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_encoding_gives_back_what_it_was_given(
        data_type in proptest::sample::select(&DataType::ALL[..]),
        rows in proptest::sample::select(&SIZES[..]),
        kind in 0_u8..8,
        nulls in 0_u64..4,
        seed: u64,
    ) {
        let column = any_column(data_type, rows, kind, seed);
        let mut next = noise(seed ^ 1);
        let is_null: Vec<bool> = (0..rows).map(|_| match nulls {
            0 => false,
            1 => next().is_multiple_of(10),
            2 => !next().is_multiple_of(10),
            _ => next().is_multiple_of(700),
        }).collect();
        round_trip(&with_nulls(&column, |row| is_null[row]), data_type);
    }
}

/// Everything a reader could do with these bytes. Errors are fine; panics are not.
fn poke(encoding: u16, rows: usize, data_type: DataType, bytes: &[u8], dictionary: &[u8]) {
    let dictionary = DictionaryView::parse(dictionary, data_type.physical()).ok();
    if let Some(dictionary) = dictionary {
        for code in 0..dictionary.len().min(100) {
            let _ = dictionary.get(code);
        }
        assert!(dictionary.get(dictionary.len()).is_err());
    }
    let some_rows = || (0..rows).step_by(rows / 40 + 1).chain(rows.checked_sub(1));
    for row in some_rows() {
        let _ = Cell::of(encoding, rows, bytes, row).map(|cell| cell.scalar(data_type, dictionary));
    }
    let Ok(view) = ColumnView::parse(encoding, rows, data_type, bytes, dictionary) else { return };
    for row in some_rows() {
        let _ = view.get(row);
    }
    let mut out = Column::new(data_type.physical());
    for range in [0..rows, rows / 3..rows / 2] {
        let before = out.len();
        let got = view.unpack(range.clone(), &mut out);
        let grown = if got.is_ok() { range.len() } else { 0 };
        assert_eq!(out.len(), before + grown);
        assert!(out.validity.as_ref().is_none_or(|v| v.len() == out.len()));
        for row in 0..out.len() {
            let _ = out.get(row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_bytes_never_panic(
        data_type in proptest::sample::select(&DataType::ALL[..]),
        rows in proptest::sample::select(&SIZES[..]),
        kind in 0_u8..8,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
        seed: u64,
    ) {
        let column = any_column(data_type, rows, kind, seed);
        let column = with_nulls(&column, |row| kind % 2 == 0 && row % 9 == 3);
        for encoding in Encoding::ALL {
            let mut builder = DictionaryBuilder::new();
            let Some(mut bytes) = force(encoding, &column, data_type, &mut builder) else {
                continue;
            };
            let mut dictionary = Vec::new();
            builder.finish(&mut dictionary);
            for (at, value, header) in &flips {
                // Headers hold the lengths: half of the flips go there.
                let len = if *header { bytes.len().min(40) } else { bytes.len() };
                bytes[at.index(len)] ^= *value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            poke(encoding.code(), rows, data_type, &bytes, &dictionary);
            for (at, value, _) in &flips {
                let at = at.index(dictionary.len());
                dictionary[at] ^= *value;
            }
            poke(encoding.code(), rows, data_type, &bytes, &dictionary);
        }
    }

    #[test]
    fn random_bytes_never_panic(
        data_type in proptest::sample::select(&DataType::ALL[..]),
        rows in 0_usize..2100,
        encoding in 0_u16..13,
        bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..200),
        dictionary in proptest::collection::vec(0_u8..4, 0..60),
    ) {
        poke(encoding, rows, data_type, &bytes, &dictionary);
    }
}

fn choice_of(column: &Column, data_type: DataType) -> (Encoding, usize) {
    let mut out = Vec::new();
    let encoded = encode(column, data_type, &mut DictionaryBuilder::new(), &mut out);
    (encoded.encoding, out.len())
}

/// Sizes that the encodings were made for.
#[test]
fn the_choice_follows_the_data() {
    let mut next = noise(9);
    let mut steps = move |n: i64| (next() % n as u64) as i64;

    // Timestamps a millisecond apart with jitter, 1 % of them late by minutes: jitter is 10 bits.
    let late = |row: i64, random: i64| if random % 100 == 0 { random * 100_000 } else { row };
    let stamps = ints((0..2048).map(|row| {
        let random = steps(1_000_000);
        1_700_000_000_000_000 + row * 1000 + random % 1000 - late(0, random)
    }));
    let (encoding, bytes) = choice_of(&stamps, DataType::Timestamp);
    assert_eq!(encoding, Encoding::Linear);
    assert!(bytes < 2048 * 12 / 8, "{bytes} bytes for 2048 timestamps with late rows");

    let ids = ints(5_000_000_000..5_000_002_048);
    assert_eq!(choice_of(&ids, DataType::Int64), (Encoding::Linear, 22));

    let status = ints((0..2048).map(|_| steps(6)));
    assert_eq!(choice_of(&status, DataType::Int32), (Encoding::FrameOfReference, 13 + 768));

    let commits = ints((0..2048).map(|row| 1_700_000_000_000_000_000 + row / 1000 * 3_456_789));
    let (encoding, bytes) = choice_of(&commits, DataType::Timestamp);
    assert_eq!((encoding, bytes < 64), (Encoding::Runs, true), "{bytes} bytes");

    let codes = ints((0..2048).map(|_| [200, 404, 500_000, -7][steps(4) as usize]));
    let (encoding, bytes) = choice_of(&codes, DataType::Int64);
    assert_eq!((encoding, bytes), (Encoding::Dictionary, 13 + 512));

    let mut cents = 2345;
    let walk: Vec<f64> = (0..2048)
        .map(|_| {
            cents += steps(21) - 10;
            cents as f64 / 100.0
        })
        .collect();
    let (encoding, bytes) = choice_of(&column(ColumnData::Float64(walk)), DataType::Float64);
    assert_eq!(encoding, Encoding::DecimalFloat);
    assert!(bytes < 2048 * 11 / 8, "{bytes} bytes for a random walk");

    let devices: Vec<String> = (0..2048).map(|_| format!("device-{:05}", steps(1000))).collect();
    let devices = texts(devices.iter().map(|d| d.as_bytes()));
    assert_eq!(choice_of(&devices, DataType::String), (Encoding::Dictionary, 13 + 10 * 256));

    let same = texts(vec![&b"the same"[..]; 2048]);
    assert_eq!(choice_of(&same, DataType::String), (Encoding::Constant, 9));
    let nulls = with_nulls(&same, |_| true);
    assert_eq!(choice_of(&nulls, DataType::String), (Encoding::Constant, 1));
    assert_eq!(choice_of(&texts([&b"one"[..], b"two"]), DataType::String).0, Encoding::Plain);
}

/// A dictionary is one for many blocks, refuses what never repeats, and closes when it is full.
#[test]
fn dictionaries_span_blocks_and_know_when_to_stop() {
    let block = |from: usize, to: usize| {
        let values: Vec<String> =
            (0..2048).map(|i| format!("v{}", from + i % (to - from))).collect();
        texts(values.iter().map(|v| v.as_bytes()))
    };
    let mut builder = DictionaryBuilder::new();
    let mut blocks = Vec::new();
    for from in [0, 50, 25] {
        let column = block(from, from + 100);
        let mut out = Vec::new();
        let encoded = encode(&column, DataType::String, &mut builder, &mut out);
        assert_eq!(encoded.encoding, Encoding::Dictionary);
        blocks.push((column, out));
    }
    assert_eq!(builder.len(), 150);
    let mut dictionary = Vec::new();
    builder.finish(&mut dictionary);
    for (column, bytes) in &blocks {
        check(Encoding::Dictionary, column, DataType::String, bytes, &dictionary);
    }

    // Four blocks of new values: three strikes close it, and nothing after that is looked up.
    for from in 1..5 {
        let _ = encode(
            &block(from * 10_000, from * 10_000 + 2048),
            DataType::String,
            &mut builder,
            &mut Vec::new(),
        );
    }
    let held = builder.len();
    let out = encode(&block(0, 100), DataType::String, &mut builder, &mut Vec::new());
    assert_ne!(out.encoding, Encoding::Dictionary);
    assert_eq!(builder.len(), held);

    let mut unused = DictionaryBuilder::new();
    let unique = encode(&block(0, 2048), DataType::String, &mut unused, &mut Vec::new());
    assert_ne!(unique.encoding, Encoding::Dictionary);
    assert!(!unused.is_used(), "a refused block leaves nothing behind");
}

#[test]
fn unknown_encodings_and_wrong_shapes_are_damage() {
    let damage = ColumnView::parse(999, 1, DataType::Bool, &[0, 0], None).unwrap_err();
    assert_eq!(damage.what, "unknown column encoding 999");
    let parse = |encoding: Encoding, rows, data_type, bytes: &[u8]| {
        ColumnView::parse(encoding.code(), rows, data_type, bytes, None).unwrap_err().what
    };
    let bits = parse(Encoding::Bitmap, 8, DataType::Int8, &[0, 0]);
    assert_eq!(bits, "a int8 column encoded as Bitmap");
    let rows = parse(Encoding::Constant, ROWS_MAX + 1, DataType::Int8, &[0, 0]);
    assert_eq!(rows, "a column of 2049 rows");
    let none = parse(Encoding::Dictionary, 8, DataType::Int8, &[0; 13]);
    assert_eq!(none, "a dictionary column without its dictionary");
    let more = parse(Encoding::Constant, 8, DataType::Int8, &[0, 1, 1]);
    assert_eq!(more, "1 bytes too many");
}

#[test]
fn zone_maps_say_what_the_column_holds() {
    let zone = |column: &Column, data_type| {
        let zone = ZoneMap::of(column, data_type);
        let mut bytes = Vec::new();
        zone.put(&mut bytes);
        assert_eq!(bytes.len(), ZoneMap::BYTES);
        let read = ZoneMap::read(&mut crate::coding::bytes::Reader::new(&bytes)).unwrap();
        assert_eq!(read, zone);
        zone
    };
    let extremes = ints([i64::MIN, i64::MAX, -1, i64::MAX]);
    let z = zone(&extremes, DataType::Int64);
    assert_eq!(z.int_bounds(), Some((i64::MIN, i64::MAX)));
    assert_eq!(z.int_sum(), i128::from(i64::MAX) - 2);
    let all_positive = with_nulls(&ints(5..300), |row| row.is_multiple_of(7));
    let z = zone(&all_positive, DataType::Int64);
    let sum: i128 = (0..295).filter(|row| row % 7 != 0).map(|row| row + 5).sum();
    assert_eq!((z.int_bounds(), z.int_sum()), (Some((6, 298)), sum));
    assert_eq!((z.rows, z.null_count, z.valid_count()), (295, 43, 252));

    let floats = ColumnData::Float64(vec![f64::NAN, -1.5, 4.0]);
    let z = zone(&column(floats), DataType::Float64);
    assert_eq!((z.float_bounds(), z.has_nan()), (Some((-1.5, 4.0)), true));
    assert!(z.float_sum().is_nan());
    let nans = zone(&column(ColumnData::Float32(vec![f32::NAN])), DataType::Float32);
    assert_eq!((nans.has_bounds(), nans.has_nan()), (false, true));

    let text =
        texts([&b"pear"[..], b"apple", b"a value longer than sixteen", b"zebra crossing ahead"]);
    let z = zone(&with_nulls(&text, |row| row == 1), DataType::String);
    let bounds = z.bytes_bounds().unwrap();
    assert_eq!((bounds.min, bounds.min_is_cut), (&b"a value longer t"[..], true));
    assert_eq!((bounds.max, bounds.max_is_cut), (&b"zebra crossing a"[..], true));
    assert_eq!(z.bytes_total(), 4 + 27 + 20);
    let short = zone(&texts([&b"b\0"[..], b"b", b"c\0\0"]), DataType::Bytes);
    let bounds = short.bytes_bounds().unwrap();
    assert_eq!((bounds.min, bounds.max), (&b"b"[..], &b"c\0\0"[..]));

    let decimals = ColumnData::Decimal(vec![Decimal::new(150, 2), Decimal::new(-3, 0)]);
    let z = zone(&column(decimals), DataType::Decimal);
    assert_eq!(z.decimal_bounds(), Some((Decimal::new(-3, 0), Decimal::new(150, 2))));
    assert_eq!(z.decimal_sum(), Some(Decimal::new(-150, 2)));
    let huge = ColumnData::Decimal(vec![Decimal::MAX, Decimal::MAX]);
    assert_eq!(zone(&column(huge), DataType::Decimal).decimal_sum(), None);

    let mut bits = Bitmap::default();
    [true, false, true].into_iter().for_each(|bit| bits.push(bit));
    let z = zone(&column(ColumnData::Bool(bits)), DataType::Bool);
    assert_eq!(z.bools(), (Some((false, true)), 2));
    let empty = zone(&ints([]), DataType::Int64);
    assert_eq!((empty.has_bounds(), empty.int_bounds(), empty.int_sum()), (false, None, 0));
}

/// The bytes on disk are a promise: a change here needs a new encoding id.
#[test]
fn golden_bytes() {
    let small = ints([1000, 1003, 1001, 1007, 1000]);
    let nulls = with_nulls(&small, |row| row == 2);
    let wide = ints((0..64).map(|row| if row == 40 { -5_000_000 } else { row * 7 % 13 }));
    let line = ints((0..64).map(|row| 1_000_000 + row * 1000 + row % 3));
    let mut floats: Vec<f64> = (2345..2361).map(|cents| f64::from(cents) / 100.0).collect();
    (floats[3], floats[5]) = (-0.0, 1e300);
    let float = column(ColumnData::Float64(floats));
    let decimal = ColumnData::Decimal(vec![Decimal::new(150, 2), Decimal::new(15, 1)]);
    let text = texts([&b"on"[..], b"off", b"", b"on"]);
    let long = texts(vec![&b"abcabcabcabcabcabcabc"[..]; 3]);
    let mut bits = Bitmap::default();
    (0..11).for_each(|i| bits.push(i % 3 == 0));
    let bits = column(ColumnData::Bool(bits));
    let mut got = String::new();
    let mut line_of = |encoding: Encoding, column: &Column, data_type| {
        let mut builder = DictionaryBuilder::new();
        let mut bytes = Vec::new();
        if encoding == Encoding::Constant {
            assert_eq!(encode(column, data_type, &mut builder, &mut bytes).encoding, encoding);
        } else {
            bytes = force(encoding, column, data_type, &mut builder).unwrap();
        }
        let mut dictionary = Vec::new();
        if builder.is_used() {
            builder.finish(&mut dictionary);
        }
        check(encoding, column, data_type, &bytes, &dictionary);
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let (code, bytes, dictionary) = (encoding.code(), hex(&bytes), hex(&dictionary));
        got += &format!("{code} {data_type} {bytes} {dictionary}\n");
    };
    line_of(Encoding::Constant, &ints([-2, -2]), DataType::Int16);
    line_of(Encoding::Constant, &with_nulls(&text, |_| true), DataType::String);
    line_of(Encoding::Plain, &nulls, DataType::UInt16);
    line_of(Encoding::Plain, &text, DataType::Bytes);
    line_of(Encoding::FrameOfReference, &nulls, DataType::Int64);
    line_of(Encoding::FrameOfReference, &wide, DataType::Int64);
    line_of(Encoding::Linear, &line, DataType::Timestamp);
    let codes: Vec<&[u8]> = (0..16).map(|i| [&b"red"[..], b"", b"blue"][i % 3]).collect();
    line_of(Encoding::Dictionary, &texts(codes), DataType::String);
    line_of(Encoding::Dictionary, &ints((0..16).map(|i| i % 2 * 500)), DataType::Int64);
    line_of(Encoding::DecimalFloat, &float, DataType::Float64);
    line_of(Encoding::Bitmap, &bits, DataType::Bool);
    line_of(Encoding::FramedText, &long, DataType::String);
    line_of(Encoding::Decimal, &column(decimal), DataType::Decimal);
    line_of(Encoding::Runs, &ints([7, 7, 7, 9, 9, 7]), DataType::Int64);
    line_of(Encoding::SymbolText, &text, DataType::String);
    assert_eq!(got, include_str!("golden.txt"));
}
