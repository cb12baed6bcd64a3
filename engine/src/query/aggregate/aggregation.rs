//! The builder of an aggregation: how rows are grouped, and what is made of each group.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use srdb_vfs::Clock;

use super::answer::AggregateRows;
use super::fill::Fill;
use super::function::Aggregate;
use super::plan::AggregatePlan;
use super::row::AggregateRow;
use super::window::WindowRequest;
use crate::limits::AGGREGATE_BYTES_MAX;
use crate::query::expr::Expr;
use crate::query::order::Order;
use crate::query::{Explanation, Query};
use crate::{Error, Result, SnapshotTable, Value};

/// An aggregation of the rows of a query: one row for each group of them. Made by
/// [`Query::group_by`], [`Query::window`] and [`Query::aggregate`].
///
/// ```
/// use srdb::{Database, DataType, Field, Schema, agg, col, row};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let db = Database::open(dir.path())?;
/// let schema = Schema::new([
///     Field::new("device", DataType::String),
///     Field::new("temp", DataType::Float64).nullable(),
/// ])?;
/// let readings = db.create_table("readings", schema)?;
/// readings.insert_many([
///     row! { "device" => "a1", "temp" => 21.5 },
///     row! { "device" => "b2", "temp" => 18.0 },
///     row! { "device" => "a1", "temp" => 22.5 },
///     row! { "device" => "b2" },
/// ])?;
///
/// let answer = readings
///     .query()
///     .group_by(["device"])
///     .aggregate([agg::count(), agg::avg("temp"), agg::max("temp").named("hottest")])
///     .collect()?;
/// assert_eq!(answer[0].to_string(), "device=a1 count(*)=2 avg(temp)=22.0 hottest=22.5");
/// assert_eq!(answer[1].get("count(*)"), Some(&2.into()));
///
/// // By minutes, where there are no keys; into a struct.
/// #[derive(serde::Deserialize)]
/// struct Minute {
///     _window: i64,
///     mean: Option<f64>,
/// }
/// let minutes: Vec<Minute> = readings
///     .query()
///     .filter(col("temp").gt(20))
///     .window("_time", "1m")
///     .aggregate([agg::avg("temp").named("mean")])
///     .collect_as()?;
/// assert_eq!(minutes[0].mean, Some(22.0));
/// # db.close()
/// # }
/// ```
///
/// The columns of the answer are the fields that were grouped by, `_window` where there are
/// windows, and the aggregates, in the order in which they were given. Its rows are in the order of
/// the first of these, fields and window, unless [`Aggregation::order_by`] says otherwise. Without
/// fields and windows all rows are one group, which is there even if there are no rows.
///
/// As with [`Query`], mistakes come out of whatever is asked first, before anything is read.
#[derive(Debug, Clone)]
pub struct Aggregation {
    table: Result<SnapshotTable>,
    clock: Option<Arc<dyn Clock>>,
    request: AggregateRequest,
}

/// What the builder was told.
#[derive(Debug, Clone)]
pub(in crate::query) struct AggregateRequest {
    pub(super) filters: Vec<Expr>,
    pub(super) group_by: Vec<String>,
    pub(super) window: Option<WindowRequest>,
    /// What of windows was told before there were any.
    pub(super) stray: Option<&'static str>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) fill: Option<Fill>,
    pub(super) fill_range: Option<(Value, Value)>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
    pub(super) bytes_max: usize,
}

impl AggregateRequest {
    /// Of the rows for which the filters hold.
    pub(in crate::query) fn new(filters: Vec<Expr>) -> AggregateRequest {
        AggregateRequest {
            filters,
            group_by: Vec::new(),
            window: None,
            stray: None,
            aggregates: Vec::new(),
            fill: None,
            fill_range: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            bytes_max: AGGREGATE_BYTES_MAX,
        }
    }
}

impl Query {
    /// Groups the rows by the values of fields. See [`Aggregation`].
    pub fn group_by<F: Into<String>>(&self, fields: impl IntoIterator<Item = F>) -> Aggregation {
        self.aggregation().group_by(fields)
    }

    /// Groups the rows by windows of time. See [`Aggregation::window`].
    pub fn window(&self, field: &str, size: impl Into<Value>) -> Aggregation {
        self.aggregation().window(field, size)
    }

    /// Makes one row of all rows. See [`Aggregation`].
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, agg, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// let all = t.query().aggregate([agg::sum("n"), agg::median("n")]).one()?;
    /// assert_eq!(all.to_string(), "sum(n)=5050 median(n)=50.5");
    /// # db.close()
    /// # }
    /// ```
    pub fn aggregate(&self, aggregates: impl IntoIterator<Item = Aggregate>) -> Aggregation {
        self.aggregation().aggregate(aggregates)
    }

    fn aggregation(&self) -> Aggregation {
        let (table, clock) = self.source();
        let plain = self.filters_alone().ok_or_else(|| {
            let what = "an aggregation takes from a query its conditions only: say order_by, \
                        limit and offset after aggregate, and leave select and distinct out";
            Error::invalid(what)
        });
        let (table, filters) = match plain {
            Ok(filters) => (table, filters.to_vec()),
            Err(error) => (table.and(Err(error)), Vec::new()),
        };
        Aggregation { table, clock, request: AggregateRequest::new(filters) }
    }
}

impl Aggregation {
    /// By the values of these fields too. Null is a value here: its rows are a group. Equal is as
    /// for order; a group has the form that came first.
    pub fn group_by<F: Into<String>>(mut self, fields: impl IntoIterator<Item = F>) -> Aggregation {
        self.request.group_by.extend(fields.into_iter().map(Into::into));
        self
    }

    /// By windows of a timestamp, `_time` or a field: the first begins at the Unix epoch, the next
    /// `size` later, and so on, both ways. `size` is a span: [`std::time::Duration`], nanoseconds,
    /// or text: `"15s"`, `"1h 30m"`, `"1d"` (24 hours), `"1w"`.
    ///
    /// Rows whose timestamp is null are in no window, and left out.
    pub fn window(mut self, field: &str, size: impl Into<Value>) -> Aggregation {
        let (field, size) = (field.to_owned(), size.into());
        self.request.window = Some(WindowRequest { field, size, slide: None, origin: None });
        self
    }

    /// Begins a window every so often, instead of one after the other: if more often than they are
    /// long, a row is in several of them; if less often, some rows are in none. To be said after
    /// [`Aggregation::window`].
    pub fn slide(mut self, slide: impl Into<Value>) -> Aggregation {
        match &mut self.request.window {
            Some(window) => window.slide = Some(slide.into()),
            None => self.request.stray = Some("slide"),
        }
        self
    }

    /// Shifts the windows: one of them begins so much after the epoch (which was a Thursday, so
    /// that weeks from Monday on have the origin `"4d"`). To be said after [`Aggregation::window`].
    pub fn origin(mut self, origin: impl Into<Value>) -> Aggregation {
        match &mut self.request.window {
            Some(window) => window.origin = Some(origin.into()),
            None => self.request.stray = Some("origin"),
        }
        self
    }

    /// What is made of each group; called again, what else. Without any, the groups are listed.
    pub fn aggregate(mut self, aggregates: impl IntoIterator<Item = Aggregate>) -> Aggregation {
        self.request.aggregates.extend(aggregates);
        self
    }

    /// Puts a row in the place of each window that has none: from the first window that has a row,
    /// in any group, to the last, and in each group of those that have rows. See [`Fill`].
    pub fn fill(mut self, fill: Fill) -> Aggregation {
        self.request.fill = Some(fill);
        self
    }

    /// Fills from the window that holds the instant `from` to the one before `to`, whatever rows
    /// there are. Windows outside that have rows are there too. Instants are as for a comparison
    /// with a timestamp: nanoseconds, RFC 3339 text, and others.
    pub fn fill_range(mut self, from: impl Into<Value>, to: impl Into<Value>) -> Aggregation {
        self.request.fill_range = Some((from.into(), to.into()));
        self
    }

    /// Orders the rows of the answer by one of its columns; called again, by one more where those
    /// before are equal. See [`Order`]. Rows equal in all keys stay in the order that they had.
    pub fn order_by(mut self, key: impl Into<Order>) -> Aggregation {
        self.request.order.push(key.into());
        self
    }

    /// At most so many rows of the answer.
    pub fn limit(mut self, rows: u64) -> Aggregation {
        self.request.limit = Some(rows);
        self
    }

    /// Without the first so many rows of the answer.
    pub fn offset(mut self, rows: u64) -> Aggregation {
        self.request.offset = rows;
        self
    }

    /// How many bytes the groups, and what is kept of their values, may take;
    /// [`AGGREGATE_BYTES_MAX`] unless said otherwise. Beyond it the query fails with
    /// [`Error::Limit`].
    pub fn aggregate_memory(mut self, bytes: usize) -> Aggregation {
        self.request.bytes_max = bytes;
        self
    }

    pub(super) fn plan(&self) -> Result<AggregatePlan> {
        AggregatePlan::new(self.table.as_ref().map_err(Error::clone)?, &self.request)
    }

    /// The rows of the answer. All rows of the table that pass are read here; what each group comes
    /// to is made as the iterator goes.
    ///
    /// # Errors
    /// As [`Query::rows`]; [`Error::Limit`] for too many groups, too much that has to be kept of
    /// them, or too many windows; [`Error::Overflow`] for a sum that is beyond its type.
    pub fn rows(&self) -> Result<AggregateRows> {
        AggregateRows::new(self.plan()?)
    }

    /// All rows of the answer.
    ///
    /// # Errors
    /// As [`Aggregation::rows`].
    pub fn collect(&self) -> Result<Vec<AggregateRow>> {
        self.rows()?.collect()
    }

    /// All rows of the answer as structs; see [`AggregateRow::into_struct`].
    ///
    /// # Errors
    /// As [`Aggregation::rows`]; [`Error::Convert`] for a row that is no `T`.
    pub fn collect_as<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.rows()?.map(|row| row?.into_struct()).collect()
    }

    /// The one row of an answer without groups.
    ///
    /// # Errors
    /// As [`Aggregation::rows`]; [`Error::Invalid`] if there is no row, or more than one.
    pub fn one(&self) -> Result<AggregateRow> {
        let mut rows = self.rows()?;
        match (rows.next().transpose()?, rows.next().transpose()?) {
            (Some(row), None) => Ok(row),
            (None, _) => Err(Error::invalid("the answer has no row")),
            (Some(_), Some(_)) => Err(Error::invalid("the answer has more than one row")),
        }
    }

    /// What would be read, and what is spared by what. See [`Query::explain`].
    ///
    /// # Errors
    /// As [`Aggregation::rows`].
    pub fn explain(&self) -> Result<Explanation> {
        self.plan()?.explain(&self.request)
    }

    /// Runs it, throws the answer away and tells what was done. See [`Query::explain_analyze`].
    ///
    /// # Errors
    /// As [`Aggregation::rows`].
    pub fn explain_analyze(&self) -> Result<Explanation> {
        let now = || self.clock.as_ref().map(|clock| clock.monotonic_ns());
        let start = now();
        let mut explained = self.plan()?.explain_run(&self.request)?;
        explained.elapsed_ns = now().zip(start).map(|(now, start)| now.saturating_sub(start));
        Ok(explained)
    }
}
