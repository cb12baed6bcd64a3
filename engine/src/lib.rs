//! srdb: an embedded, append-only time-series and event database whose crash safety anyone can
//! replay.

mod chunk;
mod coding;
mod error;
mod format;
pub mod limits;
mod manifest;
mod memtable;
mod sst;
mod types;
mod version;

pub use error::{Error, Result};
pub use types::{DataType, Value};
