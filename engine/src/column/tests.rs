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
