//! Variance and standard deviation.
//!
//! Value after value (Welford, "Note on a method for calculating corrected sums of squares and
//! products", 1962), so that values which are far from zero and near to each other keep their
//! digits. A NaN, or an infinity, makes it NaN.

use super::accumulator::{Accumulator, float_at, for_each_value, wrong_shape};
use super::function::Spread;
use super::groups::Target;
use crate::chunk::Column;
use crate::{DataType, Result, Value};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Variance {
    spread: Spread,
    unsigned: bool,
    moments: Vec<Moments>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
}

impl Variance {
    pub(super) fn new(data_type: DataType, spread: Spread) -> Variance {
        Variance { spread, unsigned: data_type == DataType::UInt64, moments: Vec::new() }
    }
}

impl Accumulator for Variance {
    fn grow(&mut self, groups: usize) {
        self.moments.resize(groups, Moments::default());
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let (moments, unsigned) = (&mut self.moments, self.unsigned);
        for_each_value(column, targets, |row, group| {
            let (value, moments) = (float_at(&column.data, row, unsigned), &mut moments[group]);
            moments.count += 1.0;
            let before = value - moments.mean;
            moments.mean += before / moments.count;
            moments.squares += before * (value - moments.mean);
        });
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.moments.capacity() * size_of::<Moments>()
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        let Moments { count, squares, .. } = self.moments[group];
        let divisor = if self.spread.sample { count - 1.0 } else { count };
        if divisor < 1.0 {
            return Ok(Value::Null);
        }
        let variance = squares / divisor;
        Ok(Value::Float64(if self.spread.root { variance.sqrt() } else { variance }))
    }
}
