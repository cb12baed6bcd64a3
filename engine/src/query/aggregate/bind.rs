//! Aggregates bound to a table: what they are of, what type they give, and what keeps them.

use super::accumulator::{Accumulator, Count};
use super::decimal_sum::DecimalSum;
use super::distinct::{ApproxCountDistinct, CountDistinct};
use super::function::{Aggregate, Function};
use super::pick::{Pick, Which};
use super::quantile::Quantile;
use super::spread::Variance;
use super::sum::{FloatSum, IntSum};
use crate::query::filter::{Operand, find_field};
use crate::schema::Schema;
use crate::types::Physical;
use crate::{DataType, Error, Result};

/// An aggregate of a table.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) aggregate: Aggregate,
    /// Of what; `None` for whole rows. And the type of that.
    pub(super) operand: Option<(Operand, DataType)>,
    /// The type of the result.
    pub(super) data_type: DataType,
}

impl Bound {
    /// # Errors
    /// [`Error::NoField`], [`Error::TypeMismatch`]; [`Error::Invalid`] for a quantile that is none.
    pub(super) fn new(aggregate: &Aggregate, schema: &Schema, table: &str) -> Result<Bound> {
        let aggregate = aggregate.clone();
        let Some(field) = &aggregate.field else {
            return Ok(Bound { aggregate, operand: None, data_type: DataType::Int64 });
        };
        let (operand, of) = find_field(schema, table, field)?;
        let refuse = |takes: &str| {
            let what = format!("{} takes {takes}", aggregate.function.name());
            Err(Error::TypeMismatch { field: field.clone(), data_type: of.name(), what })
        };
        let is_time = matches!(of, DataType::Timestamp | DataType::Duration);
        let data_type = match aggregate.function {
            Function::Count | Function::CountDistinct | Function::ApproxCountDistinct => {
                DataType::Int64
            }
            Function::Min | Function::Max | Function::First | Function::Last => of,
            Function::Sum if !of.is_number() && of != DataType::Duration => {
                return refuse("numbers and durations");
            }
            Function::Sum => match of {
                DataType::Float32 | DataType::Float64 => DataType::Float64,
                DataType::Decimal | DataType::Duration => of,
                DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                    DataType::UInt64
                }
                _ => DataType::Int64,
            },
            Function::Avg | Function::Quantile { .. } if !of.is_number() && !is_time => {
                return refuse("numbers, timestamps and durations");
            }
            Function::Quantile { part, .. } if !(0.0..=1.0).contains(&part) => {
                let what = format!("the quantile {part} of {field:?}: it is from 0 to 1");
                return Err(Error::invalid(what));
            }
            Function::Avg | Function::Quantile { interpolated: false, .. } if is_time => of,
            Function::Quantile { interpolated: true, .. } if is_time => of,
            Function::Quantile { interpolated: false, .. } => of,
            Function::Avg if of == DataType::Decimal => of,
            Function::Spread(_) if !of.is_number() => return refuse("numbers"),
            Function::Avg | Function::Quantile { .. } | Function::Spread(_) => DataType::Float64,
        };
        Ok(Bound { aggregate, operand: Some((operand, of)), data_type })
    }

    /// What keeps it.
    pub(super) fn accumulator(&self) -> Box<dyn Accumulator> {
        let Some((_, of)) = self.operand else { return Box::new(Count::default()) };
        let (call, mean) = (self.aggregate.call(), self.aggregate.function == Function::Avg);
        let pick = |which| Box::new(Pick::new(of, which));
        match self.aggregate.function {
            Function::Count => Box::new(Count::default()),
            Function::CountDistinct => Box::new(CountDistinct::new(of.physical())),
            Function::ApproxCountDistinct => Box::new(ApproxCountDistinct::default()),
            Function::Min => pick(Which::Min),
            Function::Max => pick(Which::Max),
            Function::First => pick(Which::First),
            Function::Last => pick(Which::Last),
            Function::Spread(spread) => Box::new(Variance::new(of, spread)),
            Function::Sum | Function::Avg => match of.physical() {
                Physical::Float32 | Physical::Float64 => Box::new(FloatSum::new(mean)),
                Physical::Decimal => Box::new(DecimalSum::new(mean, call)),
                _ => Box::new(IntSum::new(of, mean, call)),
            },
            Function::Quantile { part, interpolated } => {
                Box::new(Quantile::new(of, part, interpolated))
            }
        }
    }
}
