//! Types and values: what a field can hold.

pub(crate) mod convert;
mod data_type;
pub(crate) mod exact;
mod json;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod value;
mod value_from;
mod value_ref;

pub use data_type::DataType;
pub(crate) use data_type::{Physical, i64_to_u64, u64_to_i64};
pub use value::Value;
pub use value_ref::ValueRef;
