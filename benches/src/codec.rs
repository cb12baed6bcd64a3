//! How key-value peers store a row: fixed-width values, then texts behind their lengths.
//!
//! ```text
//! ts i64 │ temperature f64 │ humidity f64 │ status u8, ok in bit 7 │
//! device: u8, bytes │ region: u8, bytes │ message: u16, bytes
//! ```
//!
//! Compact and quick, since a peer must not lose by its codec. Reading borrows.

use crate::{Fault, Result, RowRef};

/// Replaces what is in `out` by the row.
pub fn encode(row: &RowRef<'_>, out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    out.extend_from_slice(&row.ts.to_le_bytes());
    out.extend_from_slice(&row.temperature.to_le_bytes());
    out.extend_from_slice(&row.humidity.to_le_bytes());
    out.push(u8::try_from(row.status)? | u8::from(row.ok) << 7);
    for text in [row.device, row.region] {
        out.push(u8::try_from(text.len())?);
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&u16::try_from(row.message.len())?.to_le_bytes());
    out.extend_from_slice(row.message.as_bytes());
    Ok(())
}

/// The row in `bytes`.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<RowRef<'_>> {
    decode_or_none(bytes).ok_or_else(|| Fault::from("a stored row ends early"))?
}

#[inline]
fn decode_or_none(bytes: &[u8]) -> Option<Result<RowRef<'_>>> {
    let (ts, rest) = bytes.split_first_chunk()?;
    let (temperature, rest) = rest.split_first_chunk()?;
    let (humidity, rest) = rest.split_first_chunk()?;
    let (status, rest) = rest.split_first()?;
    let (len, rest) = rest.split_first()?;
    let (device, rest) = rest.split_at_checked(usize::from(*len))?;
    let (len, rest) = rest.split_first()?;
    let (region, rest) = rest.split_at_checked(usize::from(*len))?;
    let (len, rest) = rest.split_first_chunk()?;
    let (message, _) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    let text = || -> Result<[&str; 3]> {
        Ok([str::from_utf8(device)?, str::from_utf8(region)?, str::from_utf8(message)?])
    };
    Some(text().map(|[device, region, message]| RowRef {
        ts: i64::from_le_bytes(*ts),
        device,
        region,
        temperature: f64::from_le_bytes(*temperature),
        humidity: f64::from_le_bytes(*humidity),
        status: i32::from(status & 0x7f),
        ok: status >> 7 == 1,
        message,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SEED, Workload};

    #[test]
    fn a_row_comes_back_and_a_cut_one_is_an_error() -> Result<()> {
        let workload = Workload::new(SEED, 1000);
        let mut bytes = Vec::new();
        for row in (0..workload.len()).map(|at| workload.row(at)) {
            encode(&row, &mut bytes)?;
            assert_eq!(decode(&bytes)?, row);
        }
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
        Ok(())
    }
}
