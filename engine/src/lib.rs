//! srdb: an embedded, append-only time-series and event database whose crash safety anyone can
//! replay.

mod chunk;
mod coding;
mod column;
mod commit;
mod error;
mod format;
pub mod limits;
mod manifest;
mod memtable;
mod options;
mod row;
mod schema;
mod sst;
mod types;
mod version;
mod wal;

pub use error::{Error, Result};
pub use options::Durability;
pub use row::{IntoRow, Row, RowBuf};
pub use rust_decimal::Decimal;
pub use schema::{Field, Schema};
pub use types::{DataType, Value, ValueRef};
