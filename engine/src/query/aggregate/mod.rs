//! Aggregates: many rows made into one for each group of them.
//!
//! ```text
//! VectorScan ─► Vectors ─► groups: which group each row is in ─► accumulators ─► answer
//!                          (keys, windows)                       (by group)      (order, gaps)
//! ```
//!
//! - `function` and `agg` say what is wanted and know no table, `parse` reads it from text; `bind`
//!   gives it types.
//! - `groups` numbers the groups of rows, by way of `intern` (values) and `window` (time).
//! - `accumulator` is what is kept of values: `sum`, `decimal_sum`, `pick`, `spread`, `distinct`
//!   (with `hyperloglog`), `quantile`, each in a file.
//! - `aggregation` is what users see; `plan` is one checked against its table; `run` reads the
//!   rows; `answer` and `row` hand the result out, `fill` says what is in windows without rows.
//!
//! **Invariant:** an answer depends on the rows and their order alone, not on where they lie.

mod accumulator;
pub mod agg;
mod aggregation;
mod answer;
mod bind;
mod decimal_sum;
mod distinct;
mod explain;
mod fill;
mod function;
mod groups;
mod hyperloglog;
mod intern;
#[cfg(feature = "sql")]
mod parse;
mod pick;
mod plan;
mod quantile;
mod row;
mod run;
mod spread;
mod sum;
mod window;

pub use aggregation::Aggregation;
pub use answer::AggregateRows;
pub use explain::AggregationSteps;
pub use fill::Fill;
pub use function::Aggregate;
pub(super) use groups::{Groups, Keys};
#[cfg(feature = "sql")]
pub(super) use parse::orders as parse_orders;
pub use row::AggregateRow;
