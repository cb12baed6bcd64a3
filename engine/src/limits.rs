//! Every limit of the engine, with its unit. Exceeding one is [`crate::Error::Limit`] (or
//! [`crate::Error::BadName`] for names), and writes nothing.

/// Bytes of a table's or field's name, as UTF-8.
pub const NAME_BYTES_MAX: usize = 255;

/// Fields of a table.
pub const FIELDS_MAX: usize = 1024;

/// Bytes of a field's comment, as UTF-8.
pub const COMMENT_BYTES_MAX: usize = 4096;

/// Bytes of a field's default value.
pub const DEFAULT_BYTES_MAX: usize = 65_536;

/// Tables of a database.
pub const TABLES_MAX: usize = 65_536;

/// Bytes of one row's values in the plain encoding: 16 MiB.
pub const ROW_BYTES_MAX: usize = 16 << 20;

/// Bytes of one commit, all its tables together, in the plain encoding: 256 MiB.
pub const COMMIT_BYTES_MAX: usize = 256 << 20;

/// Rows of one commit, all its tables together.
pub const COMMIT_ROWS_MAX: usize = 16 << 20;

/// How deep the `and`, `or` and `not` of an expression may be nested.
pub const EXPR_DEPTH_MAX: usize = 32;

/// Comparisons of an expression, the values of its lists counted one by one.
pub const EXPR_TERMS_MAX: usize = 65_536;

/// Bytes of an expression as text: 1 MiB.
pub const EXPR_BYTES_MAX: usize = 1 << 20;

/// Bytes that the keys of a sort, or the values that a `distinct` has seen, may take, unless a
/// query says otherwise: 64 MiB.
pub const SORT_BYTES_MAX: usize = 64 << 20;

/// Bytes that the groups of an aggregation and what is kept of them may take, unless a query says
/// otherwise: 64 MiB.
pub const AGGREGATE_BYTES_MAX: usize = 64 << 20;

/// Sliding windows that a row may be in.
pub const WINDOWS_PER_ROW_MAX: usize = 1024;
