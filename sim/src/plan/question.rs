//! What a step asks: a condition, an order, figures. The values that it names are those of rows
//! there are, or next to them, so that a question means something whatever is in the table.
//!
//! A field is a number, reduced to what there is: the table's fields, then `_seq`, then `_time`.

use serde::{Deserialize, Serialize};

use super::is_default;

/// Rows that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What has to be true of them.
    #[serde(rename = "where", default, skip_serializing_if = "is_default")]
    pub condition: Condition,
    /// In which order they come; by `_seq` if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Key>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
    /// How many of the first are left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offset: u16,
}

/// Figures that are wanted of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// What has to be true of the rows.
    #[serde(rename = "where", default, skip_serializing_if = "is_default")]
    pub condition: Condition,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The field whose values tell groups apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<u8>,
    /// Nanoseconds of `_time` that a window is long; 0 is taken as 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
}

/// Something that is true of a row, or false, or unknown because of a null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All of these; true if there are none.
    And(Vec<Condition>),
    /// Any of these; false if there are none.
    Or(Vec<Condition>),
    /// The opposite; of what is unknown, unknown.
    Not(Box<Condition>),
    /// A test of one field.
    Test(Test),
}

impl Default for Condition {
    fn default() -> Self {
        Condition::And(Vec::new())
    }
}

/// A test of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Which; where parts of texts are looked for, which of those that have such.
    pub field: u8,
    /// How it compares.
    pub is: Is,
    /// With what. Any number of values for `in`, two for `between`, none for `null`, else one;
    /// those that are missing are null, those beyond are not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub than: Vec<Wanted>,
}

/// How a value compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Is {
    /// It is the same.
    Eq,
    /// It is another.
    Ne,
    /// It is less.
    Lt,
    /// It is the same or less.
    Lte,
    /// It is greater.
    Gt,
    /// It is the same or greater.
    Gte,
    /// It is one of them.
    In,
    /// It is from the first to the second.
    Between,
    /// There is none.
    Null,
    /// It begins so.
    StartsWith,
    /// It has this somewhere.
    Contains,
}

impl Is {
    /// How many values it takes; none for any number.
    pub fn takes(self) -> Option<usize> {
        match self {
            Is::In => None,
            Is::Between => Some(2),
            Is::Null => Some(0),
            _ => Some(1),
        }
    }

    /// Whether it looks for parts of texts.
    pub fn is_of_texts(self) -> bool {
        matches!(self, Is::StartsWith | Is::Contains)
    }
}

/// The value of a row there is, or one near it; null where there is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The row, in thousandths of the rows there are.
    pub at: u16,
    /// So much is added to numbers. Of texts and bytes so many letters are left out: at the end if
    /// it is below zero, else at the start.
    #[serde(default, skip_serializing_if = "is_default")]
    pub off: i8,
}

/// A field that rows are put in order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Which.
    pub field: u8,
    /// From the greatest to the least.
    #[serde(default, skip_serializing_if = "is_default")]
    pub down: bool,
    /// Where nulls come; where the engine puts them if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<Nulls>,
}

/// Where rows without a value come in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Which.
    pub what: What,
    /// Of which field; of a sum, which of those that are integers or spans.
    #[serde(default, skip_serializing_if = "is_default")]
    pub field: u8,
}

/// Which figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// How many rows.
    Count,
    /// How many values.
    CountOf,
    /// How many different values.
    CountDistinct,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The sum of the values.
    Sum,
    /// The first value.
    First,
    /// The last value.
    Last,
}
