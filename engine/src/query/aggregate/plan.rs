//! An aggregation, checked against its table.

use std::sync::Arc;

use super::aggregation::AggregateRequest;
use super::bind::Bound;
use super::fill::Fill;
use super::window::Windows;
use crate::query::expr::Expr;
use crate::query::filter::{Filter, Operand, find_field};
use crate::query::key::Direction;
use crate::{DataType, Error, Result, SnapshotTable, Value};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct AggregatePlan {
    pub(super) table: SnapshotTable,
    pub(super) filter: Arc<Filter>,
    /// The fields that rows are grouped by.
    pub(super) keys: Vec<(Operand, DataType)>,
    pub(super) windows: Option<Windows>,
    pub(super) aggregates: Vec<Bound>,
    pub(super) gaps: Option<Gaps>,
    /// Columns of the answer, by number.
    pub(super) order: Vec<(usize, Direction)>,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
    pub(super) bytes_max: usize,
    /// The columns of the answer: keys, `_window`, aggregates.
    pub(super) names: Arc<[String]>,
}

/// What windows without rows get.
#[derive(Debug)]
pub(super) struct Gaps {
    pub(super) fill: Fill,
    /// Of each aggregate, where it is not made of the windows before and behind.
    pub(super) constants: Vec<Value>,
    /// The first and the last window, where they are given.
    pub(super) range: Option<(i64, i64)>,
}

/// The name of the column of windows.
pub(super) const WINDOW: &str = "_window";

impl AggregatePlan {
    pub(super) fn new(table: &SnapshotTable, request: &AggregateRequest) -> Result<Self> {
        let (schema, name) = (table.schema(), table.name());
        let filter = Filter::bind(&Expr::all_of(request.filters.iter().cloned()), schema, name)?;
        let keys = request.group_by.iter().map(|field| find_field(schema, name, field));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        if let Some(stray) = request.stray {
            return Err(Error::invalid(format!("{stray} before window: there are no windows yet")));
        }
        let windows =
            request.window.as_ref().map(|window| window.bind(schema, name)).transpose()?;
        let bound = request.aggregates.iter().map(|a| Bound::new(a, schema, name));
        let aggregates = bound.collect::<Result<Vec<Bound>>>()?;
        let names: Vec<String> = request
            .group_by
            .iter()
            .cloned()
            .chain(windows.is_some().then(|| WINDOW.to_owned()))
            .chain(aggregates.iter().map(|bound| bound.aggregate.name()))
            .collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                let what = format!("the answer would have two columns {name:?}: name one of them");
                return Err(Error::invalid(what));
            }
        }
        if names.is_empty() {
            return Err(Error::invalid("an aggregation of nothing: say aggregate or group_by"));
        }
        let order = request.order.iter().map(|order| {
            let column = names.iter().position(|name| name == order.field());
            let column = column.ok_or_else(|| {
                let (field, names) = (order.field(), names.join(", "));
                Error::invalid(format!("the answer has no column {field:?}: it has {names}"))
            })?;
            Ok((column, order.direction()))
        });
        Ok(AggregatePlan {
            table: table.clone(),
            filter: Arc::new(filter),
            order: order.collect::<Result<_>>()?,
            gaps: Gaps::new(request, windows.as_ref(), &aggregates)?,
            keys,
            windows,
            aggregates,
            limit: request.limit,
            offset: request.offset,
            bytes_max: request.bytes_max,
            names: names.into(),
        })
    }

    /// The types of the columns of the answer.
    pub(super) fn types(&self) -> impl Iterator<Item = DataType> + '_ {
        let keys = self.keys.iter().map(|(_, data_type)| *data_type);
        let window = self.windows.iter().map(|_| DataType::Timestamp);
        keys.chain(window).chain(self.aggregates.iter().map(|bound| bound.data_type))
    }

    /// The error if so many bytes are too many.
    pub(super) fn check_memory(&self, bytes: usize) -> Result<()> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        let what = "the memory for groups and what is kept of them, in bytes (make fewer groups \
                    or windows, or give the query more aggregate_memory),";
        Err(Error::Limit { what, got: bytes as u64, limit: self.bytes_max as u64 })
    }
}

impl Gaps {
    fn new(
        request: &AggregateRequest,
        windows: Option<&Windows>,
        aggregates: &[Bound],
    ) -> Result<Option<Gaps>> {
        let fill = match (&request.fill, &request.fill_range) {
            (None, None) => return Ok(None),
            (None, Some(_)) => Fill::Null,
            (Some(fill), _) => fill.clone(),
        };
        let Some(windows) = windows else {
            return Err(Error::invalid("fill without windows: there are no gaps to fill"));
        };
        let instant = |value: &Value| match value.clone().convert_to(DataType::Timestamp) {
            Ok(Value::Timestamp(ns)) => Ok(ns),
            Ok(_) => Err(Error::invalid("the range to fill has no end")),
            Err(what) => Err(Error::invalid(format!("the range to fill: {what}"))),
        };
        let range = match &request.fill_range {
            None => None,
            Some((from, to)) => {
                let (from, to) = (instant(from)?, instant(to)?);
                let last = to.checked_sub(1).map_or(i64::MIN, |last| windows.last_of(last));
                Some((windows.last_of(from), last))
            }
        };
        let constants = fill.constants(aggregates)?;
        Ok(Some(Gaps { fill, constants, range }))
    }
}
