//! Which encoding reads which bytes: the one table by which both a view of a column and a get of a
//! single value go.
//!
//! ```text
//! encoding, shape ─► [decode] ─► a payload of its own type ─► [Then]: kept in a view, or asked
//!                                                             for one row and forgotten
//! ```
//!
//! A get that made a view first would write some 200 bytes and choose among the encodings twice.

use std::borrow::Cow;

use super::decimal_float::DecimalFloat;
use super::decimals::Decimals;
use super::dictionary::DictionaryView;
use super::ints::Ints;
use super::linear::Linear;
use super::plain::{Bits, Plain, PlainBytes, read_constant};
use super::runs::Runs;
use super::symbol_text::SymbolText;
use super::text::FramedText;
use super::validity::Validity;
use super::{Encoding, ROWS_MAX};
use crate::chunk::Scalar;
use crate::coding::bytes::Reader;
use crate::error::Damage;
use crate::types::{DataType, Physical};

/// The payload of a column, in place.
#[derive(Debug, Clone)]
pub(super) enum Payload<'a> {
    Constant(Scalar<'a>),
    Plain(Plain<'a>),
    PlainBytes(PlainBytes<'a>),
    Ints(Ints<'a>),
    Linear(Linear<'a>),
    Dictionary(Codes<'a>),
    DecimalFloat(DecimalFloat<'a>),
    Bits(Bits<'a>),
    FramedText(FramedText<'a>),
    Decimals(Decimals<'a>),
    Runs(Runs<'a>),
    SymbolText(SymbolText<'a>),
}

/// Codes of a dictionary, and it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes<'a> {
    pub(super) codes: Ints<'a>,
    pub(super) dictionary: DictionaryView<'a>,
}

/// A payload of one encoding.
pub(super) trait Cells<'a> {
    /// The value of a row that is not null and is there.
    fn get(&self, row: usize) -> Result<Scalar<'a>, Damage>;

    fn keep(self) -> Payload<'a>;
}

/// What is done with a payload.
pub(super) trait Then<'a> {
    type Out;

    fn take(self, validity: Validity<'a>, cells: impl Cells<'a>) -> Result<Self::Out, Damage>;
}

macro_rules! cells {
    ($($variant:ident: $cells:ty, |$this:ident, $row:ident| $get:expr;)*) => {
        $(impl<'a> Cells<'a> for $cells {
            #[inline(always)]
            fn get(&self, $row: usize) -> Result<Scalar<'a>, Damage> {
                let $this = self;
                Ok($get)
            }

            #[inline(always)]
            fn keep(self) -> Payload<'a> {
                Payload::$variant(self)
            }
        })*

        impl<'a> Payload<'a> {
            /// The value of a row that is not null and is there.
            #[inline]
            pub(super) fn get(&self, row: usize) -> Result<Scalar<'a>, Damage> {
                match self {
                    $(Payload::$variant(cells) => Cells::get(cells, row),)*
                }
            }
        }
    };
}

cells! {
    Constant: Scalar<'a>, |value, _row| value.clone();
    Plain: Plain<'a>, |plain, row| plain.get(row);
    PlainBytes: PlainBytes<'a>, |plain, row| Scalar::Bytes(Cow::Borrowed(plain.get(row)?));
    Ints: Ints<'a>, |ints, row| Scalar::Int(ints.get(row));
    Linear: Linear<'a>, |linear, row| Scalar::Int(linear.get(row));
    Dictionary: Codes<'a>, |this, row| match this.dictionary.physical() {
        Physical::Int => Scalar::Int(this.dictionary.int(this.codes.get(row))?),
        _ => Scalar::Bytes(Cow::Borrowed(this.dictionary.bytes(this.codes.get(row))?)),
    };
    DecimalFloat: DecimalFloat<'a>, |floats, row| floats.get(row);
    Bits: Bits<'a>, |bits, row| Scalar::Bool(bits.get(row));
    FramedText: FramedText<'a>, |text, row| Scalar::Bytes(text.get(row)?);
    Decimals: Decimals<'a>, |decimals, row| Scalar::Decimal(decimals.get(row));
    Runs: Runs<'a>, |runs, row| Scalar::Int(runs.get(row)?);
    SymbolText: SymbolText<'a>, |text, row| Scalar::Bytes(Cow::Owned(text.get(row)?));
}

/// Reads `bytes`, which are exactly one encoded column of `rows` rows, and does `then` with it.
#[inline(always)]
pub(super) fn decode<'a, T: Then<'a>>(
    encoding: Encoding,
    rows: usize,
    data_type: DataType,
    bytes: &'a [u8],
    dictionary: Option<DictionaryView<'a>>,
    then: T,
) -> Result<T::Out, Damage> {
    if rows > ROWS_MAX {
        return Err(Damage::new(0, format!("a column of {rows} rows")));
    }
    let mut reader = Reader::new(bytes);
    let reader = &mut reader;
    let validity = Validity::read(reader, rows)?;
    macro_rules! done {
        ($cells:expr) => {{
            let cells = $cells;
            reader.finish()?;
            then.take(validity, cells)
        }};
    }
    if validity == Validity::AllNull {
        return match encoding {
            Encoding::Constant => done!(Scalar::Null),
            _ => Err(reader.damage(format!("a column of nulls encoded as {encoding:?}"))),
        };
    }
    let physical = data_type.physical();
    match (encoding, physical) {
        (Encoding::Constant, _) => done!(read_constant(reader, data_type)?),
        (Encoding::Plain, Physical::Bytes) => done!(PlainBytes::read(reader, rows)?),
        (
            Encoding::Plain,
            Physical::Int | Physical::Float32 | Physical::Float64 | Physical::Decimal,
        ) => done!(Plain::read(reader, rows, data_type)?),
        (Encoding::FrameOfReference, Physical::Int) => done!(Ints::read(reader, rows)?),
        (Encoding::Linear, Physical::Int) => done!(Linear::read(reader, rows)?),
        (Encoding::Runs, Physical::Int) => done!(Runs::read(reader, rows)?),
        (Encoding::Dictionary, Physical::Int | Physical::Bytes) => match dictionary {
            Some(dictionary) if dictionary.physical() == physical => {
                done!(Codes { codes: Ints::read(reader, rows)?, dictionary })
            }
            Some(_) => Err(reader.damage("a dictionary of another shape")),
            None => Err(reader.damage("a dictionary column without its dictionary")),
        },
        (Encoding::DecimalFloat, Physical::Float32 | Physical::Float64) => {
            done!(DecimalFloat::read(reader, rows, physical)?)
        }
        (Encoding::Bitmap, Physical::Bool) => done!(Bits::read(reader, rows)?),
        (Encoding::FramedText, Physical::Bytes) => done!(FramedText::read(reader, rows)?),
        (Encoding::SymbolText, Physical::Bytes) => done!(SymbolText::read(reader, rows)?),
        (Encoding::Decimal, Physical::Decimal) => done!(Decimals::read(reader, rows)?),
        _ => Err(reader.damage(format!("a {data_type} column encoded as {encoding:?}"))),
    }
}
