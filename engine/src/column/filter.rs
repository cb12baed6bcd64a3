//! Which rows of a column a predicate holds for, in whatever way the encoding makes cheap.
//!
//! | encoding | how |
//! |---|---|
//! | constant | once |
//! | runs | once a run |
//! | dictionary | once an entry of the dictionary, for all blocks; then by code |
//! | decimal float | as a range of the integers, which are not made floats |
//! | frame of reference, linear | unpacked, then compared without a branch |
//! | bitmap | word by word |
//! | symbol text | `contains` symbol by symbol, in the codes (see symbol_search.rs) |
//! | other text | unpacked, without a look at UTF-8; `contains` over all rows at once |
//! | plain, decimal | unpacked, value by value |
//!
//! Where few rows are left, those are decoded alone, if the encoding gives a value cheaply.
//!
//! Invariant: a null is never kept, whether the test is negated or not.

use super::decimal_float::DecimalFloat;
use super::dictionary::DictionaryView;
use super::ints::Ints;
use super::payload::{Codes, Payload};
use super::predicate::Predicate;
use super::symbol_search::SymbolSearch;
use super::symbol_text::SymbolText;
use super::validity::Validity;
use super::view::ColumnView;
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData, Mask, Scalar};
use crate::error::Damage;
use crate::types::Physical;

/// A predicate or its opposite.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    pub(crate) predicate: Predicate,
    pub(crate) negated: bool,
}

/// What one test keeps from block to block: room, which entries of a dictionary it accepts, and how
/// it looks for a needle.
#[derive(Debug, Default)]
pub(crate) struct FilterScratch {
    ints: Vec<i64>,
    column: Option<Column>,
    accepted: Option<Accepted>,
    search: Option<SymbolSearch>,
}

/// Which entries of a dictionary a test accepts.
#[derive(Debug)]
struct Accepted {
    /// The dictionary: where its bytes are, which is where they stay while a query runs.
    dictionary: (usize, usize),
    /// A bit an entry.
    words: Vec<u64>,
    entries: usize,
    /// The accepted code where there is one only, none, or all.
    codes: Known,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    None,
    One(i64),
    Many,
    All,
}

/// Of so many rows, fewer than one is decoded alone.
const ROWS_PER_GET: usize = 16;

/// Fewer rows than this are not worth the steps of an automaton.
const SEARCHED_MIN: usize = 16;

impl Test {
    fn scalar(&self, value: &Scalar<'_>) -> bool {
        let holds = match value {
            Scalar::Null => return false,
            Scalar::Bool(v) => self.predicate.bool(*v),
            Scalar::Int(v) => self.predicate.int(*v),
            Scalar::Float32(v) => self.predicate.float((*v).into()),
            Scalar::Float64(v) => self.predicate.float(*v),
            Scalar::Decimal(v) => self.predicate.decimal(*v),
            Scalar::Bytes(v) => self.predicate.bytes(v),
        };
        holds != self.negated
    }

    /// Keeps rows of `mask` by their value.
    pub(crate) fn ints(&self, values: &[i64], mask: &mut Mask) {
        let negated = self.negated;
        match &self.predicate {
            Predicate::Int { min, max } if min <= max => {
                let (min, span) = (*min, max.wrapping_sub(*min) as u64);
                mask.retain_values(values, |v| (v.wrapping_sub(min) as u64 <= span) != negated);
            }
            Predicate::Int { .. } if !negated => mask.clear(),
            Predicate::Int { .. } => {}
            other => mask.retain(|row| other.int(values[row]) != negated),
        }
    }

    fn floats<T: Copy + Into<f64>>(&self, values: &[T], mask: &mut Mask) {
        let negated = self.negated;
        match &self.predicate {
            Predicate::Float { min, max, nan } => {
                let (min, max, nan) = (*min, *max, *nan);
                mask.retain_values(values, |v| {
                    let v: f64 = v.into();
                    ((min <= v) & (v <= max) | nan & v.is_nan()) != negated
                });
            }
            other => mask.retain(|row| other.float(values[row].into()) != negated),
        }
    }

    fn bools(&self, words: impl Iterator<Item = u64>, mask: &mut Mask) {
        match (
            self.predicate.bool(false) != self.negated,
            self.predicate.bool(true) != self.negated,
        ) {
            (true, true) => {}
            (false, false) => mask.clear(),
            (no, _) => mask.retain_words(words, no),
        }
    }

    fn bytes(&self, values: &BytesColumn, mask: &mut Mask) {
        if let Predicate::Contains(finder) = &self.predicate
            && !finder.needle().is_empty()
            && mask.count() * 4 > mask.len()
        {
            return self.contains(finder, values, mask);
        }
        mask.retain(|row| self.predicate.bytes(values.get(row)) != self.negated);
    }

    /// One search through all rows' bytes, which lie end to end.
    fn contains(&self, finder: &memchr::memmem::Finder<'_>, values: &BytesColumn, mask: &mut Mask) {
        let (mut found, mut row, mut from) = (Mask::none(mask.len()), 0, 0);
        while let Some(at) = values.data.get(from..).and_then(|rest| finder.find(rest)) {
            let (start, end) = (from + at, from + at + finder.needle().len());
            while values.ends.get(row).is_some_and(|row_end| *row_end as usize <= start) {
                row += 1;
            }
            let Some(row_end) = values.ends.get(row).map(|end| *end as usize) else { break };
            if end <= row_end {
                found.set(row);
                // The next row's bytes start where this one's end.
                from = row_end;
            } else {
                // Across two rows: no match, and the next one may begin within it.
                from = start + 1;
            }
        }
        if self.negated { mask.subtract(&found) } else { mask.intersect(&found) }
    }

    fn data(&self, data: &ColumnData, mask: &mut Mask) {
        match data {
            ColumnData::Bool(values) => self.bools(values.words().iter().copied(), mask),
            ColumnData::Int(values) => self.ints(values, mask),
            ColumnData::Float32(values) => self.floats(values, mask),
            ColumnData::Float64(values) => self.floats(values, mask),
            ColumnData::Decimal(values) => {
                mask.retain(|row| self.predicate.decimal(values[row]) != self.negated);
            }
            ColumnData::Bytes(values) => self.bytes(values, mask),
        }
    }
}

impl Column {
    /// Keeps the rows of `mask` that hold a value and pass the test.
    pub(crate) fn filter(&self, test: &Test, mask: &mut Mask) {
        debug_assert_eq!(self.len(), mask.len(), "a mask of the column's rows");
        self.retain_nulls(mask, false);
        test.data(&self.data, mask);
    }

    /// Keeps the rows of `mask` that are null, or those that are not.
    pub(crate) fn retain_nulls(&self, mask: &mut Mask, null: bool) {
        match &self.validity {
            Some(validity) => mask.retain_words(validity.words().iter().copied(), null),
            None if null => mask.clear(),
            None => {}
        }
    }
}

impl ColumnView<'_> {
    /// Keeps the rows of `mask` that are null, or those that are not.
    pub(crate) fn retain_nulls(&self, mask: &mut Mask, null: bool) {
        let words = |validity: Validity<'_>| validity.bitmap(0..self.rows);
        match (self.validity, null) {
            (Validity::AllValid, true) | (Validity::AllNull, false) => mask.clear(),
            (Validity::AllValid, false) | (Validity::AllNull, true) => {}
            (bits @ Validity::Bits(_), null) => match words(bits) {
                Some(bitmap) => mask.retain_words(bitmap.words().iter().copied(), null),
                None if null => mask.clear(),
                None => {}
            },
        }
    }

    /// Keeps the rows of `mask` that hold a value and pass the test.
    ///
    /// # Errors
    /// [`Damage`]; the mask is of no use then.
    pub(crate) fn filter(
        &self,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<(), Damage> {
        if mask.len() != self.rows {
            return Err(Damage::new(0, format!("a mask of {} rows", mask.len())));
        }
        self.retain_nulls(mask, false);
        let left = mask.count();
        if left == 0 {
            return Ok(());
        }
        let few = left * ROWS_PER_GET <= self.rows;
        if let (Payload::SymbolText(text), Predicate::Contains(finder)) =
            (&self.payload, &test.predicate)
            && left >= SEARCHED_MIN
            && SymbolSearch::takes(finder.needle())
        {
            return self.filter_symbols(text, finder.needle(), test, scratch, mask);
        }
        match &self.payload {
            Payload::Constant(value) => {
                if !test.scalar(value) {
                    mask.clear();
                }
            }
            Payload::Dictionary(Codes { codes, dictionary }) => {
                if few {
                    return filter_few_codes(codes, dictionary, test, mask);
                }
                return self.filter_codes(codes, dictionary, test, scratch, mask);
            }
            Payload::Runs(runs) => {
                let mut damage = None;
                let (mut run, mut kept) = (0..0, false);
                mask.retain(|row| {
                    if !run.contains(&row) {
                        match runs.around(row) {
                            Ok((rows, value)) => {
                                (run, kept) = (rows, test.predicate.int(value) != test.negated);
                            }
                            Err(found) => damage = Some(found),
                        }
                    }
                    kept
                });
                return damage.map_or(Ok(()), Err);
            }
            Payload::Bits(bits) => {
                let mut unpacked = ColumnData::Bool(Bitmap::default());
                bits.unpack(0..self.rows, self.validity, &mut unpacked);
                test.data(&unpacked, mask);
            }
            Payload::FramedText(_) | Payload::Decimals(_) if !few => {
                return self.filter_unpacked(test, scratch, mask);
            }
            _ if few => {
                let mut damage = None;
                mask.retain(|row| match self.get(row) {
                    Ok(value) => test.scalar(&value),
                    Err(found) => {
                        damage = Some(found);
                        false
                    }
                });
                return damage.map_or(Ok(()), Err);
            }
            Payload::Ints(ints) => {
                scratch.ints.resize(self.rows, 0);
                ints.unpack(0..self.rows, &mut scratch.ints);
                test.ints(&scratch.ints, mask);
            }
            Payload::Linear(linear) => {
                scratch.ints.resize(self.rows, 0);
                linear.unpack(0..self.rows, &mut scratch.ints);
                test.ints(&scratch.ints, mask);
            }
            Payload::DecimalFloat(floats) => self.filter_floats(floats, test, scratch, mask),
            _ => return self.filter_unpacked(test, scratch, mask),
        }
        Ok(())
    }

    fn filter_unpacked(
        &self,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<(), Damage> {
        let column = scratch.column.get_or_insert_with(|| Column::new(self.physical));
        if column.data.physical() != self.physical {
            *column = Column::new(self.physical);
        }
        column.truncate(0);
        self.unpack(0..self.rows, column)?;
        test.data(&column.data, mask);
        Ok(())
    }

    /// The rows of symbol text that contain the needle, or do not.
    fn filter_symbols(
        &self,
        text: &SymbolText<'_>,
        needle: &[u8],
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<(), Damage> {
        let FilterScratch { ints, search, .. } = scratch;
        ints.resize(self.rows, 0);
        text.ends(ints);
        let search = search.get_or_insert_with(|| SymbolSearch::new(needle));
        let found = search.find(text, ints, mask)?;
        match test.negated {
            true => mask.subtract(&found),
            false => mask.intersect(&found),
        }
        Ok(())
    }

    fn filter_floats(
        &self,
        floats: &DecimalFloat<'_>,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) {
        let Predicate::Float { min, max, .. } = test.predicate else {
            let mut unpacked = ColumnData::new(self.physical);
            floats.unpack(0..self.rows, &mut unpacked);
            return test.data(&unpacked, mask);
        };
        let (least, greatest) = floats.integers_within(min, max);
        let as_ints =
            Test { predicate: Predicate::Int { min: least, max: greatest }, negated: test.negated };
        scratch.ints.resize(self.rows, 0);
        floats.unpack_integers(&mut scratch.ints);
        let before = mask.clone();
        as_ints.ints(&scratch.ints, mask);
        // The slot of an exception says nothing of it.
        for (row, value) in floats.exceptions_within(0..self.rows) {
            if row < self.rows && before.get(row) {
                let mut one = Mask::none(self.rows);
                one.set(row);
                mask.subtract(&one);
                if test.predicate.float(value) != test.negated {
                    mask.set(row);
                }
            }
        }
    }

    fn filter_codes(
        &self,
        codes: &Ints<'_>,
        dictionary: &DictionaryView<'_>,
        test: &Test,
        scratch: &mut FilterScratch,
        mask: &mut Mask,
    ) -> Result<(), Damage> {
        let FilterScratch { ints, accepted, .. } = scratch;
        let known = accepted.take_if(|known| known.dictionary == dictionary.place());
        let accepted = accepted.insert(match known {
            Some(known) => known,
            None => Accepted::new(test, dictionary)?,
        });
        match accepted.codes {
            Known::None => {
                mask.clear();
                return Ok(());
            }
            Known::All => return Ok(()),
            Known::One(_) | Known::Many => {}
        }
        ints.resize(self.rows, 0);
        codes.unpack(0..self.rows, ints);
        if let Known::One(code) = accepted.codes {
            mask.retain_values(ints, |other| other == code);
            return Ok(());
        }
        let mut outside = None;
        mask.retain(|row| {
            let code = ints[row] as u64 as usize;
            if code >= accepted.entries {
                outside = Some(code);
                return false;
            }
            accepted.words[code / 64] >> (code % 64) & 1 == 1
        });
        match outside {
            Some(code) => {
                let what = format!("code {code} of a dictionary of {} entries", accepted.entries);
                Err(Damage::new(0, what))
            }
            None => Ok(()),
        }
    }
}

/// Value by value; a look at the whole dictionary would cost more.
fn filter_few_codes(
    codes: &Ints<'_>,
    dictionary: &DictionaryView<'_>,
    test: &Test,
    mask: &mut Mask,
) -> Result<(), Damage> {
    let accepts = |row: usize| {
        let code = codes.get(row);
        let holds = match dictionary.physical() {
            Physical::Int => test.predicate.int(dictionary.int(code)?),
            _ => test.predicate.bytes(dictionary.bytes(code)?),
        };
        Ok(holds != test.negated)
    };
    let mut damage = None;
    mask.retain(|row| {
        accepts(row).unwrap_or_else(|found| {
            damage = Some(found);
            false
        })
    });
    damage.map_or(Ok(()), Err)
}

impl Accepted {
    fn new(test: &Test, dictionary: &DictionaryView<'_>) -> Result<Accepted, Damage> {
        let entries = dictionary.len();
        let mut words = vec![0; entries.div_ceil(64)];
        let (mut count, mut last) = (0, 0);
        for code in 0..entries {
            let holds = match dictionary.physical() {
                Physical::Int => test.predicate.int(dictionary.int(code as i64)?),
                _ => test.predicate.bytes(dictionary.bytes(code as i64)?),
            };
            if holds != test.negated {
                words[code / 64] |= 1 << (code % 64);
                (count, last) = (count + 1, code as i64);
            }
        }
        let codes = match count {
            0 => Known::None,
            1 => Known::One(last),
            _ if count == entries => Known::All,
            _ => Known::Many,
        };
        Ok(Accepted { dictionary: dictionary.place(), words, entries, codes })
    }
}
