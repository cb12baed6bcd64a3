//! What figures of rows come to: the rows put into groups, and every figure made of the list of
//! its values, as `docs/queries.md` has it.

use std::cmp::Ordering;

use srdb::{DataType, Value};

use super::Rows;
use super::question::{Condition, Field, order};
use crate::plan::{Figure, Sums, What};
use crate::shape::Shape;

/// A sum is beyond what its type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beyond;

/// The field that a figure is of; none if it is of rows.
pub fn field_of(figure: Figure, shape: Shape) -> Option<Field> {
    match figure.what {
        What::Count => None,
        What::Sum => Some(Field::of_type(shape, figure.field, has_exact_sum)),
        _ => Some(Field::of(shape, figure.field)),
    }
}

/// Nanoseconds that a window is long.
pub fn window_of(sums: &Sums) -> Option<i64> {
    sums.window.map(|size| i64::try_from(size.max(1)).unwrap_or(i64::MAX))
}

/// The rows of the answer: what tells the group apart, the window, the figures.
///
/// # Errors
/// [`Beyond`] if any sum is.
pub fn answer(
    sums: &Sums,
    condition: &Condition,
    shape: Shape,
    rows: &Rows,
) -> Result<Vec<Vec<Value>>, Beyond> {
    let by = sums.by.map(|by| Field::of(shape, by));
    let size = window_of(sums);
    let mut wanted = condition.wanted(rows);
    if by.is_none() && size.is_none() {
        return Ok(vec![figures(sums, shape, rows, &wanted)?]);
    }
    // Rows whose keys are equal stay in the order of `_seq`.
    let keys = |a: usize, b: usize| {
        by.map_or(Ordering::Equal, |by| order(&by.value(rows, a), &by.value(rows, b)))
    };
    wanted.sort_by(|a, b| keys(*a, *b));
    let mut answer = Vec::new();
    for group in wanted.chunk_by_mut(|a, b| keys(*a, *b).is_eq()) {
        // Of equal keys the form of the first row is shown, in all windows.
        let key: Vec<Value> = by.iter().map(|by| by.value(rows, group[0]).into_owned()).collect();
        let begin = |at: usize| size.map(|size| rows[at].0.div_euclid(size) * size);
        group.sort_by_key(|at| begin(*at));
        for window in group.chunk_by(|a, b| begin(*a) == begin(*b)) {
            let mut line = key.clone();
            line.extend(begin(window[0]).map(Value::Timestamp));
            line.extend(figures(sums, shape, rows, window)?);
            answer.push(line);
        }
    }
    Ok(answer)
}

fn figures(sums: &Sums, shape: Shape, rows: &Rows, group: &[usize]) -> Result<Vec<Value>, Beyond> {
    sums.figures.iter().map(|figure| self::figure(*figure, shape, rows, group)).collect()
}

/// One figure of some rows.
fn figure(figure: Figure, shape: Shape, rows: &Rows, group: &[usize]) -> Result<Value, Beyond> {
    let Some(field) = field_of(figure, shape) else { return Ok(Value::Int(group.len() as i64)) };
    let values = group.iter().map(|at| field.value(rows, *at).into_owned());
    let mut values: Vec<Value> = values.filter(|value| !value.is_null()).collect();
    // Of equal ones the first.
    let extreme = |wanted: Ordering| {
        let better = |best: Value, value: &Value| {
            if order(value, &best) == wanted { value.clone() } else { best }
        };
        values.first().map(|first| values.iter().fold(first.clone(), better))
    };
    let value = match figure.what {
        What::Count | What::CountOf => Some(Value::Int(values.len() as i64)),
        What::CountDistinct => {
            values.sort_by(order);
            let runs = values.chunk_by(|a, b| order(a, b) == Ordering::Equal);
            Some(Value::Int(runs.count() as i64))
        }
        What::Min => extreme(Ordering::Less),
        What::Max => extreme(Ordering::Greater),
        What::First => values.first().cloned(),
        What::Last => values.last().cloned(),
        What::Sum => return sum(field.data_type(shape), &values),
    };
    Ok(value.unwrap_or(Value::Null))
}

fn has_exact_sum(data_type: DataType) -> bool {
    is_signed(data_type)
        || data_type == DataType::Duration
        || matches!(
            data_type,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64
        )
}

fn is_signed(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}

fn sum(data_type: DataType, values: &[Value]) -> Result<Value, Beyond> {
    if values.is_empty() {
        return Ok(Value::Null);
    }
    let number = |value: &Value| match value {
        Value::Int(value) | Value::Duration(value) => i128::from(*value),
        Value::UInt(value) => i128::from(*value),
        _ => 0,
    };
    let sum: i128 = values.iter().map(number).sum();
    Ok(match data_type {
        DataType::Duration => Value::Duration(sum.try_into().map_err(|_| Beyond)?),
        data_type if is_signed(data_type) => Value::Int(sum.try_into().map_err(|_| Beyond)?),
        _ => Value::UInt(sum.try_into().map_err(|_| Beyond)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Values;

    fn answers(figures: &[(What, u8)], by: Option<u8>, window: Option<u64>) -> Vec<Vec<Value>> {
        let row = |(time, count, share): (i64, Option<i64>, f64)| {
            let count = count.map_or(Value::Null, Value::Int);
            let share = Value::Float64(share);
            (time, Values::from([Value::UInt(1 << 63), Value::Null, count, share, Value::Null]))
        };
        let rows = [(-1, Some(5), 0.0), (0, None, -0.0), (9, Some(-7), f64::NAN), (10, None, 0.5)];
        let rows: Rows = rows.into_iter().map(row).collect();
        let figures = figures.iter().map(|&(what, field)| Figure { what, field }).collect();
        let sums = Sums { figures, by, window, ..Sums::default() };
        answer(&sums, &Condition::And(Vec::new()), Shape::Keyed, &rows).unwrap_or_default()
    }

    #[test]
    fn figures_leave_nulls_out() {
        let figures = [What::Count, What::CountOf, What::Min, What::Sum, What::Last];
        let of_count =
            answers(&figures.map(|what| (what, if what == What::Sum { 1 } else { 2 })), None, None);
        let due = [4, 2, -7, -2, -7].map(Value::Int);
        assert_eq!(of_count, [due]);
        let of_share =
            answers(&[(What::Min, 3), (What::Max, 3), (What::CountDistinct, 3)], None, None);
        assert_eq!(of_share, [[Value::Float64(0.0), Value::Float64(f64::NAN), Value::Int(3)]]);
        assert_eq!(answers(&[(What::Max, 1)], None, None), [[Value::Null]]);
        assert!(answers(&[(What::Sum, 0)], None, None).is_empty(), "beyond a uint64");
    }

    #[test]
    fn a_group_has_its_first_form_in_all_its_windows() {
        let (zero, begin) = (Value::Float64(0.0), Value::Timestamp);
        let groups = answers(&[(What::Count, 0)], Some(3), Some(10));
        let one = Value::Int(1);
        assert_eq!(groups[0], [zero.clone(), begin(-10), one.clone()]);
        assert_eq!(groups[1], [zero, begin(0), one.clone()]);
        assert_eq!(groups[2], [Value::Float64(0.5), begin(10), one.clone()]);
        assert_eq!(groups[3], [Value::Float64(f64::NAN), begin(0), one]);
        let nulls_first: Vec<Value> = answers(&[(What::Count, 0)], Some(2), None).concat();
        assert_eq!(nulls_first[..2], [Value::Null, Value::Int(2)]);
    }
}
