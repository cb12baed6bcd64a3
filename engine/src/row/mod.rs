//! Rows at the API's edge: what is inserted, what a read returns, and the columns in between.

mod batch;
mod de;
mod decode;
mod projection;
#[expect(clippy::module_inception, reason = "a row is the noun of this folder")]
mod row;
mod row_buf;
mod ser;
mod serde_error;
#[cfg(test)]
mod serde_tests;
#[cfg(test)]
pub(crate) mod tests;
mod value_de;
mod value_ser;

pub(crate) use batch::RowBatch;
pub(crate) use de::named_into_struct;
pub(crate) use decode::{text_ref_of, value_of, value_of_cell, value_ref_of};
pub(crate) use projection::Projection;
pub use row::Row;
pub(crate) use row::push_json_entry;
pub use row_buf::{IntoRow, RowBuf};
