//! The texts of instants, spans, bytes and decimals: how they are written and read.

use std::fmt::Write as _;
use std::str::FromStr as _;

use rust_decimal::Decimal;

/// RFC 3339 in UTC, with as many digits as the instant needs: `2026-11-01T12:00:00.5Z`.
pub(crate) fn timestamp(nanos: i64) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(nanos)) {
        Ok(instant) => instant.to_string(),
        // Every i64 of nanoseconds lies in jiff's years; a number is the honest fallback.
        Err(_) => nanos.to_string(),
    }
}

/// Reads RFC 3339 with a zone or an offset.
pub(crate) fn parse_timestamp(text: &str) -> Result<i64, String> {
    let instant = jiff::Timestamp::from_str(text).map_err(|e| e.to_string())?;
    i64::try_from(instant.as_nanosecond()).map_err(|_| "outside the years 1677 to 2262".to_owned())
}

/// ISO 8601: `PT1H5M0.25S`.
pub(crate) fn duration(nanos: i64) -> String {
    jiff::SignedDuration::from_nanos(nanos).to_string()
}

/// Reads ISO 8601 (`PT1H5M`) or the friendly form (`1h 5m`). Hours, minutes, seconds and below:
/// days and months have no fixed length.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let span = jiff::SignedDuration::from_str(text).map_err(|e| e.to_string())?;
    i64::try_from(span.as_nanos()).map_err(|_| "longer than 292 years".to_owned())
}

/// Reads a decimal, keeping every digit and the scale: `1.50` stays `1.50`.
pub(crate) fn parse_decimal(text: &str) -> Result<Decimal, String> {
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.')) {
        return Err("not a decimal number".to_owned());
    }
    Decimal::from_str_exact(text).map_err(|e| e.to_string())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The inverse of [`hex`]; upper case is read too.
pub(crate) fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
    match digits {
        Some(digits) if digits.len().is_multiple_of(2) => {
            Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => Err("not pairs of hexadecimal digits".to_owned()),
    }
}

/// Whether this is one JSON text.
pub(crate) fn check_json(text: &str) -> Result<(), String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|e| e.to_string())
}
