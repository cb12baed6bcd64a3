//! Column encodings: how the values of one column of one block stand on disk.
//!
//! ```text
//! encoded column   │ flags u8 │ validity ⌈rows/8⌉ B, only with NULLS │ payload of the encoding │
//! ```
//!
//! [`encode`] looks at the data once (statistics and samples, not trials) and picks an
//! [`Encoding`]; [`ColumnView`] reads the bytes in place. What every view can do:
//!
//! - `get(row)`: one value, O(1) (O(log n) in runs and patches, one small frame in text);
//! - `unpack(range, out)`: whole vectors;
//! - `filter(test, mask)`: the rows that a predicate holds for (see filter.rs).
//!
//! Invariants
//! 1. `get == unpack == what was encoded`, bit for bit, NaN payloads and -0.0 included.
//! 2. Decoding never panics, whatever the bytes, and allocates no more than 22 times what it reads
//!    plus the rows asked for ([`ROWS_MAX`] at most).
//! 3. An id in the registry is never reused; an unknown id is [`Damage`], not a guess.
//! 4. A null slot decodes to the type's zero, whatever its encoded slot holds.
//! 5. The same column and dictionary give the same bytes: nothing here hashes with a random seed.
//!
//! What it does not do: checksums, offsets and the choice of the dictionary's block, which are
//! the SST's.

mod cell;
mod choose;
mod decimal_float;
mod decimals;
mod dictionary;
mod exceptions;
mod filter;
mod hash;
mod ints;
mod linear;
mod payload;
mod plain;
mod predicate;
mod runs;
mod symbol_search;
mod symbol_text;
mod symbols;
#[cfg(test)]
mod tests;
mod text;
mod validity;
mod view;
mod zone;

pub(crate) use cell::Cell;
pub(crate) use choose::encode;
pub(crate) use dictionary::{DictionaryBuilder, DictionaryView};
pub(crate) use filter::{FilterScratch, Test};
pub(crate) use hash::{hash_bytes, hash_int};
pub(crate) use predicate::{Predicate, Verdict};
pub(crate) use view::{ColumnView, DictionaryCodes};
pub(crate) use zone::ZoneMap;

use crate::error::Damage;

pub(crate) use crate::chunk::ROWS_MAX;

/// The registry of encodings. The codes are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Encoding {
    /// One value for all rows. Any type.
    Constant = 1,
    /// Fixed-width values, or ends and bytes. Any type but booleans.
    Plain = 2,
    /// Offsets from a base, bit-packed, with patches for the few that don't fit. Integers.
    FrameOfReference = 3,
    /// A line, and what remains as [`Encoding::FrameOfReference`]. Integers that grow steadily.
    Linear = 4,
    /// Codes into the dictionary of the SST and field. Integers and bytes.
    Dictionary = 5,
    /// Integers over a power of ten, with exceptions. Floats.
    DecimalFloat = 6,
    /// One bit a row. Booleans.
    Bitmap = 7,
    /// Small frames of rows, each compressed with Snappy where that pays. Bytes.
    FramedText = 8,
    /// 64-bit mantissas of one scale, with exceptions. Decimals.
    Decimal = 9,
    /// Where each run of equal values ends, and the values. Integers.
    Runs = 10,
    /// Codes into a table of frequent substrings. Bytes.
    SymbolText = 11,
}

impl Encoding {
    /// Every encoding.
    pub(crate) const ALL: [Encoding; 11] = [
        Encoding::Constant,
        Encoding::Plain,
        Encoding::FrameOfReference,
        Encoding::Linear,
        Encoding::Dictionary,
        Encoding::DecimalFloat,
        Encoding::Bitmap,
        Encoding::FramedText,
        Encoding::Decimal,
        Encoding::Runs,
        Encoding::SymbolText,
    ];

    /// The id on disk.
    pub(crate) const fn code(self) -> u16 {
        self as u16
    }

    /// The encoding of an id on disk.
    pub(crate) fn from_code(code: u16) -> Result<Encoding, Damage> {
        let unknown = || Damage::new(0, format!("unknown column encoding {code}"));
        Encoding::of_code(code).ok_or_else(unknown)
    }

    /// The encoding of an id on disk, if there is one.
    #[inline]
    fn of_code(code: u16) -> Option<Encoding> {
        // Codes are dense so far: the position in ALL is the code less one.
        Encoding::ALL.get(usize::from(code).wrapping_sub(1)).copied()
    }

    /// Whether decoding needs the dictionary of the SST and field.
    pub(crate) const fn needs_dictionary(self) -> bool {
        matches!(self, Encoding::Dictionary)
    }
}
