//! An encoded column, read in place.

use std::ops::Range;

use super::Encoding;
use super::dictionary::DictionaryView;
use super::payload::{Cells, Codes, Payload, Then, decode};
use super::plain::push_bytes;
use super::validity::Validity;
use crate::chunk::{Bitmap, Column, ColumnData, Mask, Scalar};
use crate::error::Damage;
use crate::types::{DataType, Physical};

/// Of so many rows, fewer than one are decoded each alone.
const ROWS_PER_GET: usize = 12;

/// A checked view of an encoded column, borrowing the block's bytes. Parsing looks at headers and
/// sizes, not at values, so it costs the same for any column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnView<'a> {
    pub(super) rows: usize,
    pub(super) physical: Physical,
    encoding: Encoding,
    pub(super) validity: Validity<'a>,
    pub(super) payload: Payload<'a>,
}

/// The rows of a column as codes of its dictionary, each of which it has.
#[derive(Debug)]
pub(crate) struct DictionaryCodes<'a> {
    pub(crate) codes: Vec<i64>,
    /// Bit set: the row holds a value. `None`: all do.
    pub(crate) validity: Option<Bitmap>,
    pub(crate) dictionary: DictionaryView<'a>,
}

/// Keeps the payload, in a view.
struct Keep;

impl<'a> Then<'a> for Keep {
    type Out = (Validity<'a>, Payload<'a>);

    fn take(self, validity: Validity<'a>, cells: impl Cells<'a>) -> Result<Self::Out, Damage> {
        Ok((validity, cells.keep()))
    }
}

/// Asks for the value of one row, which has to be there.
struct Get(usize);

impl<'a> Then<'a> for Get {
    type Out = Scalar<'a>;

    #[inline(always)]
    fn take(self, validity: Validity<'a>, cells: impl Cells<'a>) -> Result<Scalar<'a>, Damage> {
        if validity.is_valid(self.0) { cells.get(self.0) } else { Ok(Scalar::Null) }
    }
}

impl<'a> ColumnView<'a> {
    /// A view of `bytes`, which are exactly one encoded column of `rows` rows.
    pub(crate) fn parse(
        encoding: u16,
        rows: usize,
        data_type: DataType,
        bytes: &'a [u8],
        dictionary: Option<DictionaryView<'a>>,
    ) -> Result<Self, Damage> {
        let encoding = Encoding::from_code(encoding)?;
        let (validity, payload) = decode(encoding, rows, data_type, bytes, dictionary, Keep)?;
        Ok(ColumnView { rows, physical: data_type.physical(), encoding, validity, payload })
    }

    /// The value of `row` of what [`ColumnView::parse`] makes a view of: cheaper than the view, if
    /// no other row is asked for.
    pub(crate) fn value_at(
        encoding: u16,
        rows: usize,
        data_type: DataType,
        bytes: &'a [u8],
        dictionary: Option<DictionaryView<'a>>,
        row: usize,
    ) -> Result<Scalar<'a>, Damage> {
        let encoding = Encoding::from_code(encoding)?;
        if row >= rows {
            return Err(outside(row, rows));
        }
        decode(encoding, rows, data_type, bytes, dictionary, Get(row))
    }

    /// Whether what has to ascend does: positions of patches and exceptions, ends of runs. Parsing
    /// does not look, since it would cost each get; where it is not so, bytes of an honest
    /// checksum were never these, and `get` and `unpack` may give different values.
    #[cfg(feature = "internals")]
    pub(crate) fn is_ordered(&self) -> bool {
        match &self.payload {
            Payload::Ints(ints) | Payload::Dictionary(Codes { codes: ints, .. }) => {
                ints.is_ordered()
            }
            Payload::Linear(linear) => linear.is_ordered(),
            Payload::DecimalFloat(floats) => floats.is_ordered(),
            Payload::FramedText(text) => text.is_ordered(),
            Payload::SymbolText(text) => text.is_ordered(),
            Payload::Decimals(decimals) => decimals.is_ordered(),
            Payload::Runs(runs) => runs.is_ordered(),
            Payload::Constant(_)
            | Payload::Plain(_)
            | Payload::PlainBytes(_)
            | Payload::Bits(_) => true,
        }
    }

    /// The value of `row`.
    pub(crate) fn get(&self, row: usize) -> Result<Scalar<'a>, Damage> {
        if row >= self.rows {
            return Err(outside(row, self.rows));
        }
        if self.validity.is_valid(row) { self.payload.get(row) } else { Ok(Scalar::Null) }
    }

    /// Where values are in a dictionary: each row's code, which rows are not null, and it.
    ///
    /// # Errors
    /// [`Damage`] if a code is beyond the dictionary.
    pub(crate) fn codes(&self) -> Result<Option<DictionaryCodes<'a>>, Damage> {
        let Payload::Dictionary(Codes { codes, dictionary }) = &self.payload else {
            return Ok(None);
        };
        let codes = codes.to_vec(0..self.rows);
        let entries = dictionary.len() as u64;
        if let Some(code) = codes.iter().find(|code| **code as u64 >= entries) {
            let what = format!("code {code} of a dictionary of {entries} entries");
            return Err(Damage::new(0, what));
        }
        let validity = self.validity.bitmap(0..self.rows);
        Ok(Some(DictionaryCodes { codes, validity, dictionary: *dictionary }))
    }

    /// Appends the rows of `range` to `out`, a column of the same shape. After damage, `out` holds
    /// what it held before.
    pub(crate) fn unpack(&self, range: Range<usize>, out: &mut Column) -> Result<(), Damage> {
        if range.end > self.rows || range.start > range.end {
            return Err(Damage::new(0, format!("rows {range:?} of a column of {}", self.rows)));
        }
        let before = out.len();
        if let Err(damage) = self.unpack_data(range.clone(), &mut out.data) {
            out.truncate(before);
            return Err(damage);
        }
        debug_assert_eq!(out.data.len(), before + range.len(), "{:?} unpacked", self.encoding);
        match (self.validity.bitmap(range.clone()), &mut out.validity) {
            (None, None) => {}
            (None, Some(validity)) => validity.extend_filled(range.len(), true),
            (Some(bits), validity) => validity
                .get_or_insert_with(|| Bitmap::filled(before, true))
                .extend_from(&bits, 0..bits.len()),
        }
        Ok(())
    }

    /// Appends the rows of `mask` to `out`, a column of the same shape. After damage, `out` holds
    /// some of them.
    pub(crate) fn gather(&self, mask: &Mask, out: &mut Column) -> Result<(), Damage> {
        if mask.len() != self.rows {
            return Err(Damage::new(0, format!("a mask of {} rows", mask.len())));
        }
        if mask.count() * ROWS_PER_GET > self.rows {
            let mut all = Column::new(self.physical);
            self.unpack(0..self.rows, &mut all)?;
            out.gather_from(&all, mask);
            return Ok(());
        }
        mask.rows().try_for_each(|row| self.push_row(row, out))
    }

    /// Appends a row to `out`, a column of the same shape.
    pub(crate) fn push_row(&self, row: usize, out: &mut Column) -> Result<(), Damage> {
        match (self.get(row)?, &mut out.data) {
            (Scalar::Bytes(value), ColumnData::Bytes(bytes)) => {
                push_bytes(bytes, &value)?;
                out.mark_valid();
            }
            (value, data) if value != Scalar::Null && !value.has_shape_of(data) => {
                let what = format!("a {:?} column holds {value:?}", data.physical());
                return Err(Damage::new(0, what));
            }
            (value, _) => out.push(&value),
        }
        Ok(())
    }

    fn unpack_data(&self, range: Range<usize>, out: &mut ColumnData) -> Result<(), Damage> {
        let before = out.len();
        match (&self.payload, &mut *out) {
            (Payload::Constant(value), out) => {
                extend_constant(value, range.clone(), self.validity, out)?;
            }
            (Payload::PlainBytes(plain), ColumnData::Bytes(out)) => {
                for row in range.clone() {
                    push_bytes(out, self.non_null(row, plain.get(row)?))?;
                }
            }
            (Payload::Dictionary(Codes { codes, dictionary }), ColumnData::Bytes(out)) => {
                for (row, code) in range.clone().zip(codes.to_vec(range.clone())) {
                    push_bytes(out, self.non_null(row, dictionary.bytes(code)?))?;
                }
            }
            (Payload::FramedText(text), ColumnData::Bytes(out)) => {
                text.unpack(range.clone(), out)?;
            }
            (Payload::SymbolText(text), ColumnData::Bytes(out)) => {
                text.unpack(range.clone(), out)?;
            }
            (Payload::Bits(bits), out) => bits.unpack(range.clone(), self.validity, out),
            (Payload::Decimals(decimals), ColumnData::Decimal(out)) => {
                decimals.unpack(range.clone(), out);
            }
            (Payload::Plain(plain), out) => plain.unpack(range.clone(), out),
            (Payload::DecimalFloat(floats), out) => floats.unpack(range.clone(), out),
            (payload, ColumnData::Int(out)) => {
                out.resize(before + range.len(), 0);
                unpack_ints(payload, range.clone(), &mut out[before..])?;
            }
            _ => {}
        }
        if out.len() != before + range.len() {
            let what = format!("a {:?} column unpacked as {:?}", self.physical, out.physical());
            return Err(Damage::new(0, what));
        }
        for row in self.validity.nulls(range.clone()) {
            out.set_zero(before + row - range.start);
        }
        Ok(())
    }

    fn non_null<'v>(&self, row: usize, value: &'v [u8]) -> &'v [u8] {
        if self.validity.is_valid(row) { value } else { &[] }
    }
}

#[cold]
fn outside(row: usize, rows: usize) -> Damage {
    Damage::new(0, format!("row {row} of a column of {rows}"))
}

fn unpack_ints(payload: &Payload<'_>, range: Range<usize>, out: &mut [i64]) -> Result<(), Damage> {
    match payload {
        Payload::Ints(ints) => ints.unpack(range, out),
        Payload::Linear(linear) => linear.unpack(range, out),
        Payload::Runs(runs) => runs.unpack(range, out)?,
        Payload::Dictionary(Codes { codes, dictionary }) => {
            codes.unpack(range, out);
            for value in out {
                *value = dictionary.int(*value)?;
            }
        }
        _ => return Err(Damage::new(0, "an int column of another shape")),
    }
    Ok(())
}

fn extend_constant(
    value: &Scalar<'_>,
    range: Range<usize>,
    validity: Validity<'_>,
    out: &mut ColumnData,
) -> Result<(), Damage> {
    let (before, count) = (out.len(), range.len());
    match (value, &mut *out) {
        (Scalar::Bool(value), ColumnData::Bool(out)) => match validity.bitmap(range) {
            Some(valid) if *value => out.extend_from(&valid, 0..count),
            _ => out.extend_filled(count, *value),
        },
        (Scalar::Int(value), ColumnData::Int(out)) => out.resize(before + count, *value),
        (Scalar::Float32(value), ColumnData::Float32(out)) => out.resize(before + count, *value),
        (Scalar::Float64(value), ColumnData::Float64(out)) => out.resize(before + count, *value),
        (Scalar::Decimal(value), ColumnData::Decimal(out)) => out.resize(before + count, *value),
        (Scalar::Bytes(value), ColumnData::Bytes(out)) => {
            for row in range {
                push_bytes(out, if validity.is_valid(row) { value } else { &[] })?;
            }
        }
        (Scalar::Null, out) => out.push_zeros(count),
        (_, out) => {
            let what = format!("a constant unpacked as {:?}", out.physical());
            return Err(Damage::new(0, what));
        }
    }
    Ok(())
}
