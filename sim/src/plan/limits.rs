//! Limits of how much of a table is kept.

use serde::{Deserialize, Serialize};

/// Which limits a table gets; none is as good as no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Of the age by `_time`, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
    /// Of the age by the first field that is a timestamp, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_of: Option<u64>,
    /// Of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Limits {
    /// The same with one limit less, each way.
    pub fn fewer(self) -> Vec<Limits> {
        let fewer = [
            Limits { age: None, ..self },
            Limits { age_of: None, ..self },
            Limits { rows: None, ..self },
            Limits { bytes: None, ..self },
        ];
        fewer.into_iter().filter(|limits| *limits != self).collect()
    }
}
