//! Encoding a column: which encoding its values ask for, and writing it.
//!
//! The choice is made from the zone map, a pass or two of counting, and samples. The candidates
//! that remain are compared by the bytes they would take; only the winner is written.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::dictionary::DictionaryBuilder;
use super::ints::Plan;
use super::linear::{LINE_BYTES, Line};
use super::validity::Validity;
use super::zone::ZoneMap;
use super::{Encoding, ROWS_MAX, decimal_float, decimals, plain, runs, symbol_text, text};
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData, Scalar};
use crate::types::DataType;

/// What [`encode`] says of the bytes that it appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EncodedColumn {
    pub(crate) encoding: Encoding,
    pub(crate) zone: ZoneMap,
}

/// A choice, with what was worked out on the way to it.
pub(super) enum Choice<'c> {
    Constant(Scalar<'c>),
    Plain,
    Ints(Cow<'c, [i64]>, Plan),
    Linear(Line, Vec<i64>, Plan),
    Runs(Vec<u16>, Vec<i64>, Plan),
    Dictionary(Vec<i64>, Plan),
    DecimalFloat(decimal_float::Split),
    Bitmap,
    FramedText(u8),
    SymbolText(symbol_text::Compressed),
    Decimal(decimals::Split),
}

/// Appends the encoding of `column` to `out`.
pub(crate) fn encode(
    column: &Column,
    data_type: DataType,
    dictionary: &mut DictionaryBuilder,
    out: &mut Vec<u8>,
) -> EncodedColumn {
    assert!(column.len() <= ROWS_MAX, "a block of {} rows", column.len());
    let zone = ZoneMap::of(column, data_type);
    let choice = choose(column, data_type, &zone, dictionary);
    let encoding = write(column, data_type, &choice, out);
    EncodedColumn { encoding, zone }
}

fn choose<'c>(
    column: &'c Column,
    data_type: DataType,
    zone: &ZoneMap,
    dictionary: &mut DictionaryBuilder,
) -> Choice<'c> {
    if zone.valid_count() == 0 {
        return Choice::Constant(Scalar::Null);
    }
    if is_constant(column, zone) {
        let first = (0..column.len()).find(|row| column.is_valid(*row)).unwrap_or(0);
        return Choice::Constant(column.get(first));
    }
    let validity = if zone.null_count == 0 { None } else { column.validity.as_ref() };
    match &column.data {
        ColumnData::Bool(_) => Choice::Bitmap,
        ColumnData::Int(values) => choose_ints(filled(values, validity), data_type, dictionary),
        ColumnData::Float32(values) => choose_floats::<f32, 4>(&filled(values, validity)),
        ColumnData::Float64(values) => choose_floats::<f64, 8>(&filled(values, validity)),
        ColumnData::Decimal(values) => choose_decimals(&filled(values, validity)),
        ColumnData::Bytes(values) => choose_bytes(column, values, dictionary),
    }
}

/// Whether all values are the same, bit for bit. There is one at least.
fn is_constant(column: &Column, zone: &ZoneMap) -> bool {
    fn same<T, B: PartialEq>(values: &[T], column: &Column, bits: impl Fn(&T) -> B) -> bool {
        let mut valid = values
            .iter()
            .enumerate()
            .filter(|(row, _)| column.is_valid(*row))
            .map(|(_, v)| bits(v));
        let first = valid.next();
        valid.all(|value| Some(&value) == first.as_ref())
    }
    match &column.data {
        ColumnData::Bool(_) => zone.bools().0.is_some_and(|(min, max)| min == max),
        ColumnData::Int(_) => zone.int_bounds().is_some_and(|(min, max)| min == max),
        ColumnData::Float32(values) => same(values, column, |v| v.to_bits()),
        ColumnData::Float64(values) => same(values, column, |v| v.to_bits()),
        ColumnData::Decimal(values) => same(values, column, Decimal::serialize),
        ColumnData::Bytes(values) => {
            let mut valid = (0..values.len()).filter(|row| column.is_valid(*row));
            let first = valid.next().map(|row| values.get(row));
            valid.all(|row| Some(values.get(row)) == first)
        }
    }
}

/// `values` with each null slot holding its neighbour's value, which costs nothing to pack.
pub(super) fn filled<'c, T: Copy>(values: &'c [T], validity: Option<&Bitmap>) -> Cow<'c, [T]> {
    let Some(validity) = validity else { return Cow::Borrowed(values) };
    let mut last = (0..values.len()).find(|row| validity.get(*row)).map(|row| values[row]);
    let mut filled = values.to_vec();
    for (row, slot) in filled.iter_mut().enumerate() {
        if validity.get(row) {
            last = Some(*slot);
        } else if let Some(last) = last {
            *slot = last;
        }
    }
    Cow::Owned(filled)
}

fn choose_ints<'c>(
    values: Cow<'c, [i64]>,
    data_type: DataType,
    dictionary: &mut DictionaryBuilder,
) -> Choice<'c> {
    let rows = values.len();
    let plain_bytes = rows * data_type.plain_width().unwrap_or(8);
    if let Some((ends, heads)) = runs::split(&values, rows / 16) {
        let plan = Plan::of(&heads);
        if runs::bytes(&heads, &plan) < rows / 8 {
            return Choice::Runs(ends, heads, plan);
        }
    }
    let plan = Plan::of(&values);
    let mut best_bytes = plan.bytes(rows);
    if plan.width() > 2
        && let Some(line) = Line::through(&values)
    {
        let sampled = Plan::of(&line.sample(&values));
        if sampled.width() + 2 < plan.width() {
            let residuals = line.residuals(&values);
            let plan = Plan::of(&residuals);
            let bytes = LINE_BYTES + plan.bytes(rows);
            if bytes < best_bytes && bytes < plain_bytes {
                return Choice::Linear(line, residuals, plan);
            }
        }
    }
    best_bytes = best_bytes.min(plain_bytes);
    if plan.width() >= 8
        && repeats(&values)
        && let Some(codes) = dictionary.ints(&values)
    {
        let plan = Plan::of(&codes);
        if plan.bytes(rows) < best_bytes {
            return Choice::Dictionary(codes, plan);
        }
    }
    if best_bytes == plan.bytes(rows) { Choice::Ints(values, plan) } else { Choice::Plain }
}

/// Whether a sample of 64 values holds few different ones.
fn repeats(values: &[i64]) -> bool {
    let step = (values.len() / 64).max(1);
    let mut sample: Vec<i64> = values.iter().copied().step_by(step).collect();
    sample.sort_unstable();
    let len = sample.len();
    sample.dedup();
    len >= 16 && sample.len() * 3 <= len
}

fn choose_floats<F: decimal_float::Float, const N: usize>(values: &[F]) -> Choice<'static> {
    match decimal_float::split(values) {
        Some(split) if split.bytes::<N>() < values.len() * N => Choice::DecimalFloat(split),
        _ => Choice::Plain,
    }
}

fn choose_decimals(values: &[Decimal]) -> Choice<'static> {
    let split = decimals::split(values);
    if split.bytes() < values.len() * 16 { Choice::Decimal(split) } else { Choice::Plain }
}

fn choose_bytes(
    column: &Column,
    values: &BytesColumn,
    dictionary: &mut DictionaryBuilder,
) -> Choice<'static> {
    if let Some(codes) = dictionary.bytes(values, |row| column.is_valid(row)) {
        let plan = Plan::of(&codes);
        return Choice::Dictionary(codes, plan);
    }
    if values.len() * 4 + values.data.len() <= text::OVERHEAD_BYTES + 64 {
        return Choice::Plain;
    }
    let Some(compressed) = dictionary.compress(values) else {
        return Choice::FramedText(text::frame_shift(values));
    };
    // Symbols beat frames by far for a get, and mostly in bytes; long repeats are for frames.
    let bytes = compressed.bytes();
    if bytes * 5 > values.data.len() * 2 && text::sampled_bytes(values) * 4 < bytes * 3 {
        return Choice::FramedText(text::frame_shift(values));
    }
    Choice::SymbolText(compressed)
}

/// Appends the column as chosen.
pub(super) fn write(
    column: &Column,
    data_type: DataType,
    choice: &Choice<'_>,
    out: &mut Vec<u8>,
) -> Encoding {
    Validity::write(column, column.null_count(), out);
    match (choice, &column.data) {
        (Choice::Constant(value), _) => {
            plain::write_constant(value, data_type, out);
            Encoding::Constant
        }
        (Choice::Ints(values, plan), _) => {
            plan.write(values, out);
            Encoding::FrameOfReference
        }
        (Choice::Linear(line, residuals, plan), _) => {
            line.write(residuals, plan, out);
            Encoding::Linear
        }
        (Choice::Runs(ends, heads, plan), _) => {
            runs::write(ends, heads, plan, out);
            Encoding::Runs
        }
        (Choice::Dictionary(codes, plan), _) => {
            plan.write(codes, out);
            Encoding::Dictionary
        }
        (Choice::DecimalFloat(split), ColumnData::Float32(values)) => {
            split.write(|row| values[row].to_bits().to_le_bytes(), out);
            Encoding::DecimalFloat
        }
        (Choice::DecimalFloat(split), ColumnData::Float64(values)) => {
            split.write(|row| values[row].to_bits().to_le_bytes(), out);
            Encoding::DecimalFloat
        }
        (Choice::Decimal(split), ColumnData::Decimal(values)) => {
            split.write(values, out);
            Encoding::Decimal
        }
        (Choice::FramedText(shift), ColumnData::Bytes(values)) => {
            text::write(values, *shift, out);
            Encoding::FramedText
        }
        (Choice::SymbolText(compressed), _) => {
            compressed.write(out);
            Encoding::SymbolText
        }
        (_, data) => {
            plain::write(data, data_type, out);
            if let ColumnData::Bool(_) = data { Encoding::Bitmap } else { Encoding::Plain }
        }
    }
}
