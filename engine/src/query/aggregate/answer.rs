//! The rows of an answer: which there are, in which order, and what they hold.
//!
//! A row is a [`Spec`] until it is asked for: the group it is of, or the window that it fills and
//! the groups before and behind. So an answer of many rows takes little memory.

use std::sync::Arc;

use super::fill::{Fill, interpolate};
use super::plan::AggregatePlan;
use super::row::AggregateRow;
use super::run::Run;
use crate::query::key::{self, Direction};
use crate::row::value_of;
use crate::{DataType, Error, Result, Value};

/// An iterator over the rows of an [`Aggregation`](crate::Aggregation). After an error there are no
/// more.
#[derive(Debug)]
pub struct AggregateRows {
    plan: AggregatePlan,
    run: Run,
    specs: std::vec::IntoIter<Spec>,
    given: i64,
}

/// A row of an answer.
#[derive(Debug, Clone, Copy)]
struct Spec {
    /// The group, or [`NONE`] for a window without rows.
    group: u32,
    /// The groups of the nearest windows with rows, or [`NONE`].
    before: u32,
    behind: u32,
    window: i64,
}

const NONE: u32 = u32::MAX;

/// Bytes that a row takes while rows are put in order, besides its key.
const SORT_OVERHEAD_BYTES: usize = size_of::<Spec>() + 40;

impl AggregateRows {
    pub(super) fn new(plan: AggregatePlan) -> Result<AggregateRows> {
        let run = Run::of(&plan)?;
        let mut rows = AggregateRows { plan, run, specs: Vec::new().into_iter(), given: 0 };
        let mut specs = rows.specs()?;
        if !rows.plan.order.is_empty() {
            specs = rows.ordered(specs)?;
        }
        let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        specs.drain(..count(rows.plan.offset).min(specs.len()));
        specs.truncate(count(rows.plan.limit.unwrap_or(u64::MAX)));
        rows.specs = specs.into_iter();
        Ok(rows)
    }

    /// The columns of the answer: name and type.
    pub fn columns(&self) -> impl Iterator<Item = (&str, DataType)> {
        self.plan.names.iter().map(String::as_str).zip(self.plan.types())
    }

    pub(super) fn plan(&self) -> &AggregatePlan {
        &self.plan
    }

    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    /// The groups in the order of their keys and windows, and the gaps between them.
    fn specs(&self) -> Result<Vec<Spec>> {
        let groups = &self.run.groups;
        let keys = self.plan.keys.len();
        let ranks: Vec<Vec<u32>> = (0..keys).map(|field| ranks(groups.values(field))).collect();
        let mut order: Vec<u32> = (0..groups.len() as u32).collect();
        self.plan.check_memory(self.run.bytes().saturating_add(order.len() * size_of::<Spec>()))?;
        let rank = |group: u32, field: usize| ranks[field][groups.value_of(group, field) as usize];
        let same_keys = |a: u32, b: u32| (0..keys).all(|f| rank(a, f) == rank(b, f));
        // The places of keys as the digits of one number, where that fits.
        let places = ranks.iter().try_fold(1_u64, |all, ranks| all.checked_mul(ranks.len() as u64));
        if places.is_some() {
            order.sort_by_cached_key(|group| {
                let digits = (0..keys).map(|f| (rank(*group, f), ranks[f].len()));
                let digits = digits.fold(0, |n, (rank, len)| n * len as u64 + u64::from(rank));
                (digits, groups.window_of(*group))
            });
        } else {
            order.sort_unstable_by(|a, b| {
                let by_keys = (0..keys).map(|f| rank(*a, f).cmp(&rank(*b, f)));
                let by_keys = by_keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then);
                by_keys.then_with(|| groups.window_of(*a).cmp(&groups.window_of(*b)))
            });
        }
        let range = self.gaps(&order)?;
        let mut specs = Vec::with_capacity(order.len());
        let real = |group: u32| {
            let window = groups.window_of(group);
            Spec { group, before: NONE, behind: NONE, window }
        };
        let Some((first, last)) = range else {
            specs.extend(order.into_iter().map(real));
            return Ok(specs);
        };
        let end = last.saturating_add(1);
        let gap = |windows: std::ops::Range<i64>, before: u32, behind: u32| {
            windows.map(move |window| Spec { group: NONE, before, behind, window })
        };
        if order.is_empty() && keys == 0 {
            specs.extend(gap(first..end, NONE, NONE));
        }
        for series in order.chunk_by(|a, b| same_keys(*a, *b)) {
            let (mut next, mut before) = (first, NONE);
            for group in series {
                let window = groups.window_of(*group);
                specs.extend(gap(next..window.min(end), before, *group));
                specs.push(real(*group));
                (next, before) = (next.max(window.saturating_add(1)), *group);
            }
            specs.extend(gap(next..end, before, NONE));
        }
        Ok(specs)
    }

    /// The windows from which to which there are to be no gaps.
    fn gaps(&self, order: &[u32]) -> Result<Option<(i64, i64)>> {
        let Some(gaps) = &self.plan.gaps else { return Ok(None) };
        let windows = || order.iter().map(|group| self.run.groups.window_of(*group));
        let range = gaps.range.or_else(|| windows().min().zip(windows().max()));
        let Some((first, last)) = range.filter(|(first, last)| first <= last) else {
            return Ok(None);
        };
        // As many rows as there could be, were each group in a series of its own.
        let width = (i128::from(last) - i128::from(first)) as u128 + 1;
        let series = match self.plan.keys.len() {
            0 => 1,
            _ => self.series(order),
        };
        let bytes = width.saturating_mul(series as u128 * size_of::<Spec>() as u128);
        let bytes = bytes.saturating_add(self.run.bytes() as u128);
        self.plan.check_memory(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        Ok(Some((first, last)))
    }

    /// How many different keys there are; equal ones are next to each other.
    fn series(&self, order: &[u32]) -> usize {
        let groups = &self.run.groups;
        let keys = self.plan.keys.len();
        let same =
            |a: &u32, b: &u32| (0..keys).all(|f| groups.value_of(*a, f) == groups.value_of(*b, f));
        order.chunk_by(same).count()
    }

    /// The rows in the order that was asked for.
    fn ordered(&mut self, specs: Vec<Spec>) -> Result<Vec<Spec>> {
        let mut keyed = Vec::with_capacity(specs.len());
        let mut bytes = self.run.bytes();
        for (at, spec) in specs.into_iter().enumerate() {
            let mut key = Vec::new();
            for at in 0..self.plan.order.len() {
                let (column, direction) = self.plan.order[at];
                key::push_value(&mut key, &self.value(&spec, column)?, direction);
            }
            bytes += key.capacity() + SORT_OVERHEAD_BYTES;
            self.plan.check_memory(bytes)?;
            keyed.push((key, at, spec));
        }
        keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        Ok(keyed.into_iter().map(|(.., spec)| spec).collect())
    }

    /// The value of a column of the answer.
    fn value(&mut self, spec: &Spec, column: usize) -> Result<Value> {
        let keys = self.plan.keys.len();
        if column < keys {
            return self.key(spec, column);
        }
        let mut at = column - keys;
        if let Some(windows) = &self.plan.windows {
            if at == 0 {
                return Ok(Value::Timestamp(windows.start(spec.window)));
            }
            at -= 1;
        }
        let accumulator = &mut self.run.accumulators[at];
        if spec.group != NONE {
            return accumulator.value(spec.group as usize);
        }
        let Some(gaps) = &self.plan.gaps else { return Ok(Value::Null) };
        let counts = self.plan.aggregates[at].aggregate.function.counts();
        match gaps.fill {
            Fill::Previous if !counts && spec.before != NONE => {
                accumulator.value(spec.before as usize)
            }
            Fill::Linear if !counts && spec.before != NONE && spec.behind != NONE => {
                let low = accumulator.value(spec.before as usize)?;
                let high = accumulator.value(spec.behind as usize)?;
                let window = |group| i128::from(self.run.groups.window_of(group));
                let (from, to) = (window(spec.before), window(spec.behind));
                let part = (i128::from(spec.window) - from) as f64 / (to - from) as f64;
                Ok(interpolate(&low, &high, part))
            }
            _ => Ok(gaps.constants[at].clone()),
        }
    }

    fn key(&self, spec: &Spec, field: usize) -> Result<Value> {
        let group = [spec.group, spec.before, spec.behind].into_iter().find(|g| *g != NONE);
        let Some(group) = group else { return Ok(Value::Null) };
        let groups = &self.run.groups;
        let value = groups.values(field).get(groups.value_of(group, field) as usize);
        let data_type = self.plan.keys[field].1;
        value_of(data_type, value).map_err(|damage| {
            let name = &self.plan.names[field];
            Error::invalid(format!("field {name:?} holds what is no {data_type}: {}", damage.what))
        })
    }

    fn row(&mut self, spec: &Spec) -> Result<AggregateRow> {
        let mut values = Vec::with_capacity(self.plan.names.len());
        for column in 0..self.plan.names.len() {
            values.push(self.value(spec, column)?);
        }
        self.given += 1;
        Ok(AggregateRow::new(Arc::clone(&self.plan.names), values, self.given))
    }
}

/// The place of each value in their order.
fn ranks(values: &crate::chunk::Column) -> Vec<u32> {
    let key = |id: &u32| {
        let mut key = Vec::new();
        key::push(&mut key, values, *id as usize, Direction::default());
        key
    };
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by_cached_key(key);
    let mut ranks = vec![0; order.len()];
    for (rank, id) in order.into_iter().enumerate() {
        ranks[id as usize] = rank as u32;
    }
    ranks
}

impl Iterator for AggregateRows {
    type Item = Result<AggregateRow>;

    fn next(&mut self) -> Option<Result<AggregateRow>> {
        let spec = self.specs.next()?;
        let row = self.row(&spec);
        if row.is_err() {
            self.specs = Vec::new().into_iter();
        }
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.specs.size_hint()
    }
}
