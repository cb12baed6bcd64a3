//! The two small files: `database.meta` says which database this is, `CURRENT` which MANIFEST
//! counts.

use super::bytes::{Damage, Reader, Result, check_crc, crc, ensure, utf8};

/// Version of the database's format that is known.
const VERSION: u32 = 1;

/// What `database.meta` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The database's id; never 0.
    pub id: u64,
    /// When it was created, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
}

impl Meta {
    /// Reads `database.meta`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Meta> {
        ensure(bytes.len() == 64, || format!("it has {} bytes, not 64", bytes.len()))?;
        let mut reader = Reader::new(bytes);
        ensure(reader.take(8)? == b"SRDBMETA", || "its magic is wrong".to_owned())?;
        check_crc(Reader::new(&bytes[60..]).u32()?, crc(&bytes[..60]))?;
        let version = reader.u32()?;
        ensure(version == VERSION, || format!("version {version}"))?;
        reader.reserved(4)?;
        let (id, created_ns) = (reader.u64()?, reader.i64()?);
        reader.reserved(28)?;
        ensure(id != 0, || "the database's id is 0".to_owned())?;
        Ok(Meta { id, created_ns })
    }
}

/// The number of the MANIFEST that `CURRENT` names: `MANIFEST-000007 0a1b2c3d` and a newline.
///
/// # Errors
/// If it names none.
pub fn current(bytes: &[u8]) -> Result<u64> {
    let wrong = || Damage("it names no MANIFEST".to_owned());
    let line = utf8(bytes)?.strip_suffix('\n').ok_or_else(wrong)?;
    let (name, checksum) = line.split_once(' ').ok_or_else(wrong)?;
    ensure(checksum == format!("{:08x}", crc(name.as_bytes())), || {
        "its checksum is wrong".to_owned()
    })?;
    let number = name.strip_prefix("MANIFEST-").and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
    ensure(name == manifest_name(number), || format!("it names {name:?}"))?;
    Ok(number)
}

/// The name of a MANIFEST.
pub fn manifest_name(number: u64) -> String {
    format!("MANIFEST-{}", super::files::file_number(number))
}
