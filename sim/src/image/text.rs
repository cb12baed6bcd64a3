//! Byte strings: framed text and symbol text.

use super::bytes::{Damage, Reader, Result, damaged, ensure};
use super::integers::{integers, linear};

/// What ends where, in bytes that follow each other: each end not before the one before.
fn lengths(ends: &[i64]) -> Result<Vec<usize>> {
    let mut from = 0;
    let length = |end: &i64| {
        let length = end.checked_sub(from).and_then(|length| usize::try_from(length).ok());
        from = *end;
        length.ok_or_else(|| Damage(format!("something ends at {end}, before it begins")))
    };
    ends.iter().map(length).collect()
}

/// Framed text: frames of 2^shift values, each raw Snappy where that is shorter.
///
/// # Errors
/// The first thing that is wrong.
pub fn framed(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Vec<u8>>> {
    let shift = reader.u8()?;
    ensure(shift <= 11, || format!("frames of 2^{shift} rows"))?;
    let frame_rows = 1 << shift;
    let value_ends = integers(reader, rows)?;
    let frame_ends = integers(reader, rows.div_ceil(frame_rows))?;
    let mut values = Vec::new();
    for (ends, stored) in value_ends.chunks(frame_rows).zip(lengths(&frame_ends)?) {
        let lengths = lengths(ends)?;
        let plain_bytes = lengths.iter().try_fold(0usize, |sum, length| sum.checked_add(*length));
        let plain_bytes = plain_bytes.ok_or_else(|| Damage("a frame too long".to_owned()))?;
        let stored = reader.take(stored)?;
        let unpacked;
        let frame = if stored.len() == plain_bytes {
            stored
        } else {
            unpacked = unsnap(stored, plain_bytes)?;
            &unpacked
        };
        let mut frame = Reader::new(frame);
        for length in lengths {
            values.push(frame.take(length)?.to_vec());
        }
    }
    Ok(values)
}

fn unsnap(bytes: &[u8], length: usize) -> Result<Vec<u8>> {
    // Asked before anything is allocated: Snappy makes at most some twenty bytes of one.
    let said = snap::raw::decompress_len(bytes).map_err(|e| Damage(format!("Snappy: {e}")))?;
    ensure(said == length && length / 64 <= bytes.len(), || {
        format!("a frame of {} bytes holds {said}, not {length}", bytes.len())
    })?;
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(|e| Damage(format!("Snappy: {e}")))
}

/// Symbol text: codes below 255 stand for symbols, 255 for the byte that follows it.
///
/// # Errors
/// The first thing that is wrong.
pub fn symbols(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Vec<u8>>> {
    let count = usize::from(reader.u8()?);
    let lengths_of = reader.take(count)?;
    let symbols: Vec<&[u8]> = reader
        .take_each(count, 8)?
        .zip(lengths_of)
        .map(|(symbol, length)| match length {
            1..=8 => Ok(&symbol[..usize::from(*length)]),
            _ => damaged(format!("a symbol of {length} bytes")),
        })
        .collect::<Result<_>>()?;
    let ends = linear(reader, rows)?;
    let mut values = Vec::new();
    for length in lengths(&ends)? {
        let mut value = Vec::new();
        let mut codes = reader.take(length)?.iter();
        while let Some(code) = codes.next() {
            match (code, symbols.get(usize::from(*code))) {
                (255, _) => match codes.next() {
                    Some(byte) => value.push(*byte),
                    None => return damaged("an escape without its byte"),
                },
                (_, Some(symbol)) => value.extend_from_slice(symbol),
                (_, None) => return damaged(format!("there is no symbol {code}")),
            }
        }
        values.push(value);
    }
    Ok(values)
}

/// `count` × u32 ends, then the bytes.
///
/// # Errors
/// The first thing that is wrong.
pub fn plain(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Vec<u8>>> {
    let ends: Vec<i64> = reader.u32s(count)?.into_iter().map(i64::from).collect();
    let value = |length| reader.take(length).map(<[u8]>::to_vec);
    lengths(&ends)?.into_iter().map(value).collect()
}
