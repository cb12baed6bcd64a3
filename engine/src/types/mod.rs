//! Types and values: what a field can hold.

mod data_type;
mod value;

pub use data_type::DataType;
pub(crate) use data_type::Physical;
pub use value::Value;
