//! The order of a query's rows.

use super::filter::{Operand, find_field};
use super::key::Direction;
use super::sort::SortKey;
use crate::Result;
use crate::schema::Schema;
use crate::sst::TIME_COLUMN;

/// One key of an order: a field, `_seq` or `_time`, up or down. Made with [`asc`] and [`desc`]; a
/// field's name alone is ascending.
///
/// Nulls are less than every value, as in SQLite: first where the order ascends, last where it
/// descends, unless told otherwise. NaN is the greatest number, -0.0 equals 0.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    field: String,
    descending: bool,
    nulls_last: Option<bool>,
}

/// Ascending order of a field.
pub fn asc(field: impl Into<String>) -> Order {
    Order { field: field.into(), descending: false, nulls_last: None }
}

/// Descending order of a field.
pub fn desc(field: impl Into<String>) -> Order {
    Order { field: field.into(), descending: true, nulls_last: None }
}

impl Order {
    /// Nulls come before every value.
    pub fn nulls_first(self) -> Order {
        Order { nulls_last: Some(false), ..self }
    }

    /// Nulls come after every value.
    pub fn nulls_last(self) -> Order {
        Order { nulls_last: Some(true), ..self }
    }

    /// The keys that text says, as behind SQL's `order by`: `"age desc, name nulls last"`. A call
    /// of an aggregate is the column of an answer that it names: `"avg(temp) desc"`.
    ///
    /// ```
    /// use srdb::{Order, asc, desc};
    ///
    /// let keys = Order::parse_list("avg(temp) desc, city nulls last")?;
    /// assert_eq!(keys, [desc("avg(temp)"), asc("city").nulls_last()]);
    /// # Ok::<(), srdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Syntax`](crate::Error::Syntax) with the place in the text.
    #[cfg(feature = "sql")]
    pub fn parse_list(text: &str) -> Result<Vec<Order>> {
        super::aggregate::parse_orders(text)
    }

    /// The other way round, nulls included.
    pub(super) fn reversed(&self) -> Order {
        let nulls_last = self.nulls_last.unwrap_or(self.descending);
        let (field, descending) = (self.field.clone(), !self.descending);
        Order { field, descending, nulls_last: Some(!nulls_last) }
    }

    /// The name of the field.
    pub(super) fn field(&self) -> &str {
        &self.field
    }

    pub(super) fn direction(&self) -> Direction {
        let nulls_last = self.nulls_last.unwrap_or(self.descending);
        Direction { descending: self.descending, nulls_last }
    }

    pub(super) fn sort_key(&self, schema: &Schema, table: &str) -> Result<SortKey> {
        let (operand, _) = find_field(schema, table, &self.field)?;
        Ok(SortKey { operand, direction: self.direction() })
    }
}

impl From<&str> for Order {
    fn from(field: &str) -> Order {
        asc(field)
    }
}

impl From<String> for Order {
    fn from(field: String) -> Order {
        asc(field)
    }
}

/// As text: `age desc`, `name nulls last`.
impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Order { field, descending, nulls_last } = self;
        write!(f, "{}{}", super::display::Name(field), if *descending { " desc" } else { "" })?;
        match nulls_last {
            Some(last) if last != descending => {
                f.write_str(if *last { " nulls last" } else { " nulls first" })
            }
            _ => Ok(()),
        }
    }
}

/// How the rows of a query come into order.
#[derive(Debug, Clone)]
pub(super) enum Ordering {
    /// As they lie in the table, or the other way round.
    Scan { backward: bool },
    /// By these keys, then by `_seq` in the direction of the last.
    Sort(Vec<SortKey>),
}

impl Ordering {
    /// Rows lie in the order of `_seq`, and of `_time` with it: where that is asked for, nothing
    /// has to be sorted.
    pub(super) fn of(mut keys: Vec<SortKey>) -> Ordering {
        const TIME: Operand = Operand::Column(TIME_COLUMN, crate::types::Physical::Int);
        // Behind `_seq` nothing is left to order.
        if let Some(at) = keys.iter().position(|key| key.operand == Operand::Seq) {
            keys.truncate(at + 1);
        }
        match keys[..] {
            [] => Ordering::Scan { backward: false },
            [SortKey { operand: Operand::Seq | TIME, direction }] => {
                Ordering::Scan { backward: direction.descending }
            }
            _ => Ordering::Sort(keys),
        }
    }
}
