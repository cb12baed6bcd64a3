//! A dictionary: the distinct values of a column, which blocks name by their place.

use super::bytes::{Reader, Result, damaged, ensure};
use super::schema::{Type, Value};
use super::text;

/// Entries, at most.
const ENTRIES_MAX: usize = 65_536;

/// The values, by code.
#[derive(Debug)]
pub struct Dictionary {
    values: Vec<Value>,
}

impl Dictionary {
    /// Reads the dictionary of a column of this type.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(bytes: &[u8], data_type: Type) -> Result<Dictionary> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        reader.reserved(3)?;
        let count = reader.u32()? as usize;
        ensure(count <= ENTRIES_MAX, || format!("{count} entries"))?;
        let values: Vec<Value> = match kind {
            1 if data_type.is_int() => {
                let values = reader.u64s(count)?.into_iter();
                values.map(|value| data_type.of_i64(value as i64)).collect::<Result<_>>()?
            }
            2 if data_type.is_byte_string() => {
                let values = text::plain(&mut reader, count)?.into_iter();
                values.map(|value| data_type.of_bytes(&value)).collect::<Result<_>>()?
            }
            _ => return damaged(format!("kind {kind} of a column of {data_type:?}")),
        };
        reader.end()?;
        Ok(Dictionary { values })
    }

    /// The value of a code.
    pub fn get(&self, code: i64) -> Option<&Value> {
        self.values.get(usize::try_from(code).ok()?)
    }
}
