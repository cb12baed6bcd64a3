//! Aggregates: what is to be made of the values of many rows, as plain data that knows no table.

use std::fmt::{self, Display, Formatter};

use crate::query::display::Name;

/// One number, or other value, made of many rows: `avg(temp)`. Made by the functions of
/// [`agg`](crate::agg), or from text by [`Aggregate::parse_list`].
///
/// Every aggregate but `count(*)` looks at the values that are not null; where there are none,
/// counts are 0 and everything else is null.
///
/// ```
/// use srdb::agg;
///
/// let hottest = agg::max("temp").named("hottest");
/// assert_eq!(hottest.to_string(), "max(temp) as hottest");
/// assert_eq!(hottest.name(), "hottest");
/// assert_eq!(agg::count().name(), "count(*)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub(super) function: Function,
    /// `None`: of whole rows, which only [`Function::Count`] is.
    pub(super) field: Option<String>,
    name: Option<String>,
}

/// What an aggregate does with the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Spread(Spread),
    CountDistinct,
    ApproxCountDistinct,
    /// The value that this part of all values is not above; between two of them, `interpolated`
    /// goes as far from the lower to the upper one.
    Quantile {
        part: f64,
        interpolated: bool,
    },
}

/// How far values are from their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    /// The root of the variance.
    pub(super) root: bool,
    /// Divided by one less than the number of values.
    pub(super) sample: bool,
}

impl Aggregate {
    pub(super) fn new(function: Function, field: Option<String>) -> Aggregate {
        Aggregate { function, field, name: None }
    }

    /// Gives the result a name, which its column in the answer has.
    pub fn named(self, name: impl Into<String>) -> Aggregate {
        Aggregate { name: Some(name.into()), ..self }
    }

    /// The name of its column: what it was [named](Aggregate::named), else what it is as text.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.call())
    }

    /// The aggregates that text says, as behind SQL's `select`. The functions' names are those of
    /// [`agg`](crate::agg), in any case; names of fields are as in [`Expr::parse`](crate::Expr).
    ///
    /// ```
    /// use srdb::{Aggregate, agg};
    ///
    /// let parsed = Aggregate::parse_list("count(*), avg(temp) as mean, quantile(temp, 0.9)")?;
    /// let built = [agg::count(), agg::avg("temp").named("mean"), agg::quantile("temp", 0.9)];
    /// assert_eq!(parsed, built);
    /// # Ok::<(), srdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Syntax`](crate::Error::Syntax) with the place in the text;
    /// [`Error::Limit`](crate::Error::Limit) for what is too long.
    #[cfg(feature = "sql")]
    pub fn parse_list(text: &str) -> crate::Result<Vec<Aggregate>> {
        super::parse::aggregates(text)
    }

    /// Without its name.
    pub(super) fn call(&self) -> String {
        let Some(field) = &self.field else { return "count(*)".to_owned() };
        let field = Name(field);
        match self.function {
            Function::CountDistinct => format!("count(distinct {field})"),
            Function::Quantile { part: 0.5, interpolated: true } => format!("median({field})"),
            Function::Quantile { part, .. } => {
                format!("{}({field}, {part})", self.function.name())
            }
            function => format!("{}({field})", function.name()),
        }
    }
}

impl Function {
    /// The name of the function in text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Function::Count | Function::CountDistinct => "count",
            Function::Sum => "sum",
            Function::Avg => "avg",
            Function::Min => "min",
            Function::Max => "max",
            Function::First => "first",
            Function::Last => "last",
            Function::Spread(Spread { root: true, sample: true }) => "stddev",
            Function::Spread(Spread { root: true, sample: false }) => "stddev_pop",
            Function::Spread(Spread { root: false, sample: true }) => "variance",
            Function::Spread(Spread { root: false, sample: false }) => "var_pop",
            Function::ApproxCountDistinct => "approx_count_distinct",
            Function::Quantile { interpolated: true, .. } => "quantile",
            Function::Quantile { interpolated: false, .. } => "quantile_disc",
        }
    }

    /// Whether it is a number of rows or values, which of none is 0.
    pub(super) fn counts(self) -> bool {
        matches!(self, Function::Count | Function::CountDistinct | Function::ApproxCountDistinct)
    }
}

/// Text that [`Aggregate::parse_list`] reads back.
impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.call())?;
        match &self.name {
            Some(name) => write!(f, " as {}", Name(name)),
            None => Ok(()),
        }
    }
}
