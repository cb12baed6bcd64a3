//! The query builder: what is asked of a table, step by step, and the ways to get at the answer.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use srdb_vfs::Clock;

use super::chunks::Chunks;
use super::explain::Explanation;
use super::expr::{Expr, col};
use super::order::Order;
use super::plan::{Plan, Request};
use super::rows::Rows;
use crate::limits::SORT_BYTES_MAX;
use crate::{Error, Result, Row, SnapshotTable, Value};

/// A query of one table. Made by [`crate::Table::query`] or [`SnapshotTable::query`].
///
/// It reads the table as it was when the query was made, however often it is asked. Conditions add
/// up: every one has to hold.
///
/// ```
/// use srdb::{Database, DataType, Field, Schema, col, desc, row};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// # let db = Database::open(dir.path())?;
/// let schema = Schema::new([
///     Field::new("name", DataType::String),
///     Field::new("age", DataType::Int32).nullable(),
/// ])?;
/// let users = db.create_table("users", schema)?;
/// users.insert_many([
///     row! { "name" => "Alice", "age" => 30 },
///     row! { "name" => "Bob", "age" => 17 },
///     row! { "name" => "Carol" },
/// ])?;
///
/// let adults = users.query().gte("age", 18);
/// assert_eq!(adults.count()?, 1);
/// for row in adults.rows()? {
///     println!("{}", row?);
/// }
///
/// let names = users.query().filter(col("name").starts_with("A").or(col("age").is_null()));
/// let names = names.select(["name"]).order_by(desc("name")).collect()?;
/// assert_eq!(names[0].get("name").and_then(|v| v.as_str()), Some("Carol"));
/// # db.close()
/// # }
/// ```
///
/// Mistakes (a field that is not there, a comparison that makes no sense) come out of whatever is
/// asked first, before anything is read.
#[derive(Debug, Clone)]
pub struct Query {
    table: Result<SnapshotTable>,
    clock: Option<Arc<dyn Clock>>,
    request: Request,
}

impl SnapshotTable {
    /// A query of the table as it was. See [`Query`].
    pub fn query(&self) -> Query {
        Query::new(Ok(self.clone()), self.clock.clone())
    }
}

macro_rules! comparisons {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {$(
        $(#[$doc])+
        pub fn $name(self, field: &str, value: impl Into<Value>) -> Query {
            self.filter(col(field).$name(value))
        }
    )+};
}

impl Query {
    pub(crate) fn new(table: Result<SnapshotTable>, clock: Option<Arc<dyn Clock>>) -> Query {
        let request = Request {
            filters: Vec::new(),
            select: None,
            distinct: false,
            latest: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            sort_bytes_max: SORT_BYTES_MAX,
        };
        Query { table, clock, request }
    }

    /// What it is of.
    pub(super) fn source(&self) -> (Result<SnapshotTable>, Option<Arc<dyn Clock>>) {
        (self.table.clone(), self.clock.clone())
    }

    /// The conditions, if nothing else was asked for.
    pub(super) fn filters_alone(&self) -> Option<&[Expr]> {
        let Request { filters, select, distinct, latest, order, limit, offset, .. } = &self.request;
        let plain = select.is_none() && !distinct && latest.is_none() && order.is_empty();
        (plain && limit.is_none() && *offset == 0).then_some(filters)
    }

    /// Rows for which `expr` is true.
    pub fn filter(mut self, expr: Expr) -> Query {
        self.request.filters.push(expr);
        self
    }

    comparisons! {
        /// Rows whose field equals the value.
        eq,
        /// Rows whose field is not null and does not equal the value.
        ne,
        /// Rows whose field is less.
        lt,
        /// Rows whose field is less or equal.
        lte,
        /// Rows whose field is greater.
        gt,
        /// Rows whose field is greater or equal.
        gte,
        /// Rows whose field holds this text or these bytes.
        contains,
        /// Rows whose field is not null and does not hold this.
        not_contains,
        /// Rows whose field begins with this.
        starts_with,
        /// Rows whose field is not null and does not begin with this.
        not_starts_with,
        /// Rows whose field ends with this.
        ends_with,
        /// Rows whose field is not null and does not end with this.
        not_ends_with,
    }

    /// Rows whose field equals one of the values.
    pub fn in_<V: Into<Value>>(self, field: &str, values: impl IntoIterator<Item = V>) -> Query {
        self.filter(col(field).in_(values))
    }

    /// Rows whose field is not null and equals none of the values.
    pub fn not_in<V: Into<Value>>(self, field: &str, values: impl IntoIterator<Item = V>) -> Query {
        self.filter(col(field).not_in(values))
    }

    /// Rows whose field is from `low` to `high`, both included.
    pub fn between(self, field: &str, low: impl Into<Value>, high: impl Into<Value>) -> Query {
        self.filter(col(field).between(low, high))
    }

    /// Rows whose field is below `low` or above `high`.
    pub fn not_between(self, field: &str, low: impl Into<Value>, high: impl Into<Value>) -> Query {
        self.filter(col(field).not_between(low, high))
    }

    /// Rows whose field holds a match of the regular expression.
    pub fn matches(self, field: &str, pattern: &str) -> Query {
        self.filter(col(field).matches(pattern))
    }

    /// Rows whose field is not null and holds no match of the regular expression.
    pub fn not_matches(self, field: &str, pattern: &str) -> Query {
        self.filter(col(field).not_matches(pattern))
    }

    /// Rows whose field is null.
    pub fn is_null(self, field: &str) -> Query {
        self.filter(col(field).is_null())
    }

    /// Rows whose field is not null.
    pub fn not_null(self, field: &str) -> Query {
        self.filter(col(field).not_null())
    }

    /// These fields only, in this order: others are not decoded. `_seq` and `_time` are in every
    /// row anyway.
    pub fn select<F: Into<String>>(mut self, fields: impl IntoIterator<Item = F>) -> Query {
        self.request.select = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// These fields only, and of rows that are equal in them only the first in the table. Equal is
    /// as for order: nulls are equal, 1.50 is 1.5. What was seen is kept in memory, up to
    /// [`Query::sort_memory`].
    pub fn distinct<F: Into<String>>(mut self, fields: impl IntoIterator<Item = F>) -> Query {
        self.request.distinct = true;
        self.select(fields)
    }

    /// Of rows that are equal in these fields only the last in the table: the latest of each
    /// device, say. Equal is as for order; nulls are equal.
    ///
    /// The table is read from its end. With `order_by(desc("_seq"))` rows come as they are found,
    /// so that a limit ends the search; otherwise they are put in order first. What was seen is
    /// kept in memory, up to [`Query::sort_memory`].
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let fields = [Field::new("device", DataType::String), Field::new("n", DataType::Int64)];
    /// # let t = db.create_table("t", Schema::new(fields)?)?;
    /// t.insert_many((1..=9).map(|n| row! { "device" => format!("d{}", n % 3), "n" => n }))?;
    /// let latest = t.query().latest_by(["device"]).collect()?;
    /// let numbers: Vec<i64> = latest.iter().map(|row| row.seq()).collect();
    /// assert_eq!(numbers, [7, 8, 9]);
    /// # db.close()
    /// # }
    /// ```
    pub fn latest_by<F: Into<String>>(mut self, fields: impl IntoIterator<Item = F>) -> Query {
        self.request.latest = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// Orders the rows by a field, `_seq` or `_time`; called again, by one more where those before
    /// are equal. See [`Order`], [`asc`](crate::asc) and [`desc`](crate::desc).
    ///
    /// Rows equal in all keys are in the order of `_seq`, in the direction of the last key. Without
    /// any key, rows are in the order of `_seq`. That, its reverse, and the same of `_time`, cost
    /// nothing; other orders look at all rows first, and keep in memory the keys of as many as
    /// [`Query::limit`] asks for.
    ///
    /// With a limit, and no conditions but ranges of `_seq` and `_time`, an index of the first
    /// key's field tells of every file which rows can be among the first, and no others are looked
    /// at: where no nulls of the file come before them, and they are few. Rows in memory are all
    /// looked at.
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, desc, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// let schema = Schema::new([Field::new("celsius", DataType::Float64).indexed()])?;
    /// let t = db.create_table("t", schema)?;
    /// t.insert_many((0..5000).map(|n| row! { "celsius" => (n * 7919 % 5000) as f64 / 100.0 }))?;
    /// db.flush()?;
    /// let hottest = t.query().order_by(desc("celsius")).limit(3);
    /// assert_eq!(hottest.first()?.and_then(|row| row.get("celsius")?.as_f64()), Some(49.99));
    /// assert_eq!(hottest.explain()?.index_rows, 3);
    /// # db.close()
    /// # }
    /// ```
    pub fn order_by(mut self, key: impl Into<Order>) -> Query {
        self.request.order.push(key.into());
        self
    }

    /// At most so many rows.
    pub fn limit(mut self, rows: u64) -> Query {
        self.request.limit = Some(rows);
        self
    }

    /// Without the first so many rows.
    pub fn offset(mut self, rows: u64) -> Query {
        self.request.offset = rows;
        self
    }

    /// The page of this number, from 1, of so many rows: a limit and an offset.
    pub fn paginate(self, page: u64, rows: u64) -> Query {
        self.limit(rows).offset(page.saturating_sub(1).saturating_mul(rows))
    }

    /// How many bytes the keys of a sort, and the values seen by `distinct`, may take each;
    /// [`SORT_BYTES_MAX`] unless said otherwise. Beyond it the query fails with [`Error::Limit`].
    pub fn sort_memory(mut self, bytes: usize) -> Query {
        self.request.sort_bytes_max = bytes;
        self
    }

    pub(super) fn plan(&self) -> Result<Plan> {
        Plan::new(self.table.as_ref().map_err(Error::clone)?, &self.request)
    }

    /// The rows, lazily: an order other than `_seq`'s or `_time`'s is made here, everything else as
    /// the iterator goes.
    ///
    /// # Errors
    /// [`Error::NoField`], [`Error::TypeMismatch`], [`Error::Invalid`] for a bad regular
    /// expression,
    /// [`Error::Limit`] for an expression that is too large or a sort that needs too much memory;
    /// [`Error::Closed`], [`Error::NoTable`] if the table was gone when the query was made;
    /// [`Error::Corrupt`], [`Error::Io`].
    pub fn rows(&self) -> Result<Rows> {
        Rows::new(self.plan()?)
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn collect(&self) -> Result<Vec<Row>> {
        self.rows()?.collect()
    }

    /// All rows as structs; see [`Row::into_struct`].
    ///
    /// ```
    /// # use srdb::{Database, DataType, Field, Schema, row};
    /// # fn main() -> srdb::Result<()> {
    /// # let dir = tempfile::tempdir().expect("a temporary directory");
    /// # let db = Database::open(dir.path())?;
    /// # let t = db.create_table("t", Schema::new([Field::new("n", DataType::Int64)])?)?;
    /// # t.insert_many((1..=100).map(|n| row! { "n" => n }))?;
    /// #[derive(serde::Deserialize)]
    /// struct Number {
    ///     n: i64,
    /// }
    ///
    /// let big: Vec<Number> = t.query().gt("n", 97).collect_as()?;
    /// assert_eq!(big.iter().map(|row| row.n).sum::<i64>(), 98 + 99 + 100);
    /// # db.close()
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Query::rows`]; [`Error::Convert`] for a row that is no `T`.
    pub fn collect_as<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.rows()?.map(|row| row?.into_struct()).collect()
    }

    /// The rows as columns, a block at a time, in the order of `_seq`: the fastest way to read
    /// many.
    ///
    /// # Errors
    /// As [`Query::rows`]; [`Error::Invalid`] if another order was asked for.
    pub fn chunks(&self) -> Result<Chunks> {
        Chunks::new(self.plan()?)
    }

    /// The first row in the query's order.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn first(&self) -> Result<Option<Row>> {
        let mut one = self.clone();
        one.request.limit = Some(self.request.limit.unwrap_or(1).min(1));
        one.rows()?.next().transpose()
    }

    /// The last row in the query's order.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn last(&self) -> Result<Option<Row>> {
        if self.request.limit.is_some() || self.request.offset > 0 {
            return self.rows()?.last().transpose();
        }
        let mut reversed = self.clone();
        for key in &mut reversed.request.order {
            *key = key.reversed();
        }
        if reversed.request.order.is_empty() {
            reversed.request.order.push(super::order::desc("_seq"));
        }
        reversed.first()
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn count(&self) -> Result<u64> {
        self.plan()?.count()
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn exists(&self) -> Result<bool> {
        let mut one = self.clone();
        one.request.limit = Some(self.request.limit.unwrap_or(1).min(1));
        Ok(one.count()? > 0)
    }

    /// What would be read, and what is spared by what: zone maps are looked at, no column is.
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn explain(&self) -> Result<Explanation> {
        Explanation::of_plan(&self.plan()?, &self.request)
    }

    /// Runs the query, throws its rows away and tells what was done. The time is taken from the
    /// database's clock; a query of a [`SnapshotTable`] knows none, unless it is one of a
    /// [`crate::Follower`].
    ///
    /// # Errors
    /// As [`Query::rows`].
    pub fn explain_analyze(&self) -> Result<Explanation> {
        let now = || self.clock.as_ref().map(|clock| clock.monotonic_ns());
        let start = now();
        let plan = self.plan()?;
        let mut explained = Explanation::of_run(&plan, &self.request)?;
        explained.elapsed_ns = now().zip(start).map(|(now, start)| now.saturating_sub(start));
        Ok(explained)
    }
}
