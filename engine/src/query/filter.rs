//! A filter: an expression bound to a table, as tests on columns that yield the rows for which it
//! is true.
//!
//! SQL's logic has three values, and a query wants the rows of one. `not` is pushed down to the
//! comparisons (which is exact: De Morgan's laws hold in three-valued logic), and each comparison,
//! negated or not, is true of no null. Then "true" of `and` is the intersection and of `or` the
//! union of what is true of the parts, so that a bitmap a part is enough, and unknown needs none.
//!
//! Invariants
//! 1. [`Filter::judge`] reads no column: zone maps and row numbers only. What it is sure of is so.
//! 2. [`Filter::apply`] touches the columns of a part only while rows are left that it could
//!    decide, and the cheapest parts come first.

use std::ops::Range;

use super::batch::Batch;
use super::expr::{Expr, Literal, Node, Op};
use super::lower::{Lowered, Subject};
use crate::chunk::Mask;
use crate::column::{FilterScratch, Predicate, Test, Verdict};
use crate::mutant;
use crate::schema::Schema;
use crate::sst::TIME_COLUMN;
use crate::types::Physical;
use crate::{DataType, Error, Result};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    part: Part,
    /// What each leaf says, by its number: for `explain`.
    leaves: Vec<String>,
}

#[derive(Debug, Clone)]
enum Part {
    /// All of them; the cheapest first.
    All(Vec<Part>),
    /// Any of them.
    Any(Vec<Part>),
    Leaf(Leaf),
}

/// One test on one column.
#[derive(Debug, Clone)]
struct Leaf {
    number: usize,
    operand: Operand,
    check: Check,
}

/// What a leaf looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Seq,
    /// A column by its number in a block, [`TIME_COLUMN`] or one more than the field.
    Column(usize, Physical),
}

#[derive(Debug, Clone)]
enum Check {
    IsNull { negated: bool },
    Test(Test),
}

/// The field of this name, or `_seq` or `_time`: where it is, and its type.
pub(super) fn find_field(schema: &Schema, table: &str, name: &str) -> Result<(Operand, DataType)> {
    if name == "_seq" {
        return Ok((Operand::Seq, DataType::Int64));
    }
    if name == "_time" {
        let time = Operand::Column(TIME_COLUMN, DataType::Timestamp.physical());
        return Ok((time, DataType::Timestamp));
    }
    let Some(index) = schema.index_of(name) else {
        return Err(Error::NoField { table: table.to_owned(), field: name.to_owned() });
    };
    let data_type = schema.fields()[index].data_type();
    Ok((Operand::Column(index + 1, data_type.physical()), data_type))
}

/// Turns an expression into a filter.
struct Binder<'a> {
    schema: &'a Schema,
    table: &'a str,
    leaves: Vec<String>,
}

impl Binder<'_> {
    /// `expr`, or, if `negated`, its opposite.
    fn part(&mut self, expr: &Expr, negated: bool) -> Result<Part> {
        Ok(match &expr.node {
            Node::And(parts) => self.parts(parts, negated, !negated)?,
            Node::Or(parts) => self.parts(parts, negated, negated)?,
            Node::Not(inner) => self.part(inner, !negated)?,
            Node::Excess(excess) => return Err(excess.error()),
            Node::IsNull { field, negated: not } => {
                let (operand, _) = find_field(self.schema, self.table, field)?;
                let negated = negated != *not;
                if matches!(operand, Operand::Seq | Operand::Column(TIME_COLUMN, _)) {
                    return Ok(if negated { Part::All(vec![]) } else { Part::Any(vec![]) });
                }
                self.leaf(expr, operand, Check::IsNull { negated }, negated != *not)
            }
            Node::Compare { field, op, value } => {
                let (operand, subject) = self.subject(field)?;
                let lowered = subject.compare(*op, value)?;
                self.lowered(expr, operand, lowered, (*op == Op::Ne) != negated, negated)
            }
            Node::Between { field, low, high, negated: not } => {
                let (operand, subject) = self.subject(field)?;
                let outside = negated != *not;
                match subject.between(low, high)? {
                    // `x not between 1 and null` is true below 1.
                    Lowered::Never if outside => {
                        self.beyond(expr, operand, subject, [(Op::Lt, low), (Op::Gt, high)])?
                    }
                    lowered => self.lowered(expr, operand, lowered, outside, negated),
                }
            }
            Node::In { field, values, negated: not } => {
                let (operand, subject) = self.subject(field)?;
                let (predicate, has_null) = subject.one_of(values)?;
                let outside = negated != *not;
                if outside && values.is_empty() {
                    // True of nulls too: there is nothing that they are compared with.
                    return Ok(Part::All(vec![]));
                }
                let lowered = match has_null && outside {
                    true => Lowered::Never,
                    false => Lowered::Test(predicate),
                };
                self.lowered(expr, operand, lowered, outside, negated)
            }
            Node::Text { field, part, value, negated: not } => {
                let (operand, subject) = self.subject(field)?;
                let lowered = subject.part(*part, value)?;
                self.lowered(expr, operand, lowered, negated != *not, negated)
            }
            Node::Matches { field, pattern, negated: not } => {
                let (operand, subject) = self.subject(field)?;
                let lowered = Lowered::Test(subject.matches(pattern)?);
                self.lowered(expr, operand, lowered, negated != *not, negated)
            }
        })
    }

    fn parts(&mut self, parts: &[Expr], negated: bool, all: bool) -> Result<Part> {
        let mut bound =
            parts.iter().map(|part| self.part(part, negated)).collect::<Result<Vec<Part>>>()?;
        bound.sort_by_key(Part::cost);
        Ok(if all { Part::All(bound) } else { Part::Any(bound) })
    }

    /// Those of two comparisons that can be true.
    fn beyond(
        &mut self,
        expr: &Expr,
        operand: Operand,
        subject: Subject<'_>,
        ends: [(Op, &Literal); 2],
    ) -> Result<Part> {
        let mut parts = Vec::new();
        for (op, value) in ends {
            let lowered = subject.compare(op, value)?;
            parts.push(self.lowered(expr, operand, lowered, false, false));
        }
        Ok(Part::Any(parts))
    }

    fn subject<'e>(&self, field: &'e str) -> Result<(Operand, Subject<'e>)> {
        let (operand, data_type) = find_field(self.schema, self.table, field)?;
        Ok((operand, Subject { name: field, data_type }))
    }

    /// `negated` is how the predicate is tested, `turned` how the expression stands in the whole.
    fn lowered(
        &mut self,
        expr: &Expr,
        operand: Operand,
        lowered: Lowered,
        negated: bool,
        turned: bool,
    ) -> Part {
        match lowered {
            Lowered::Never if negated && mutant::on("opposite-of-unknown") => Part::All(vec![]),
            Lowered::Never => Part::Any(vec![]),
            Lowered::Test(predicate) => {
                self.leaf(expr, operand, Check::Test(Test { predicate, negated }), turned)
            }
        }
    }

    fn leaf(&mut self, expr: &Expr, operand: Operand, check: Check, turned: bool) -> Part {
        let number = self.leaves.len();
        self.leaves.push(if turned { format!("not ({expr})") } else { expr.to_string() });
        Part::Leaf(Leaf { number, operand, check })
    }
}

impl Filter {
    /// The filter that an expression is for a table.
    ///
    /// # Errors
    /// [`Error::NoField`], [`Error::TypeMismatch`], [`Error::Limit`], [`Error::Invalid`].
    pub(crate) fn bind(expr: &Expr, schema: &Schema, table: &str) -> Result<Filter> {
        let mut binder = Binder { schema, table, leaves: Vec::new() };
        let part = binder.part(expr, false)?;
        Ok(Filter { part, leaves: binder.leaves })
    }

    /// What each leaf says.
    pub(crate) fn leaves(&self) -> &[String] {
        &self.leaves
    }

    /// What the leaves keep from batch to batch.
    pub(crate) fn scratch(&self) -> Vec<FilterScratch> {
        self.leaves.iter().map(|_| FilterScratch::default()).collect()
    }

    /// What has to be true of every row.
    fn conditions(&self) -> &[Part] {
        match &self.part {
            Part::All(parts) => parts,
            other => std::slice::from_ref(other),
        }
    }

    /// Ranges of an operand's values, in memory, that every row has to be in.
    pub(super) fn ranges(&self, of: Operand) -> impl Iterator<Item = (i64, i64)> {
        self.conditions().iter().filter_map(move |part| match part {
            Part::Leaf(leaf) if leaf.operand == of => leaf.range(),
            _ => None,
        })
    }

    /// Whether every row passes that is in the ranges of `_seq` and of `_time`.
    pub(super) fn is_of_ranges(&self) -> bool {
        self.conditions().iter().all(|part| match part {
            Part::All(parts) => parts.is_empty(),
            Part::Any(_) => false,
            Part::Leaf(leaf) => {
                let of_row = matches!(leaf.operand, Operand::Seq | Operand::Column(TIME_COLUMN, _));
                of_row && leaf.range().is_some()
            }
        })
    }

    /// The tests of columns that every row has to pass: leaf, column, predicate.
    pub(super) fn required(&self) -> impl Iterator<Item = (usize, usize, &Predicate)> {
        self.conditions().iter().filter_map(|part| match part {
            Part::Leaf(Leaf { number, operand: Operand::Column(column, _), check }) => {
                match check {
                    Check::Test(test) if !test.negated => Some((*number, *column, &test.predicate)),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// Whether no row can pass, whatever there is.
    pub(super) fn is_never(&self) -> bool {
        self.part.is_never()
    }

    /// What can be known of a batch without decoding anything. `by` is the number of the leaf that
    /// excluded it, if it was one.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub(crate) fn judge(&self, batch: &Batch<'_>, by: &mut Option<usize>) -> Result<Verdict> {
        self.part.judge(batch, by)
    }

    /// Keeps the rows of `mask` for which the expression is true.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`]; the mask is of no use then.
    pub(crate) fn apply(
        &self,
        batch: &Batch<'_>,
        scratch: &mut [FilterScratch],
        mask: &mut Mask,
    ) -> Result<()> {
        self.part.apply(batch, scratch, mask)
    }
}

impl Part {
    /// How much a row costs, roughly, in ns.
    fn cost(&self) -> u32 {
        match self {
            Part::All(parts) | Part::Any(parts) => parts.iter().map(Part::cost).sum(),
            Part::Leaf(leaf) => leaf.cost(),
        }
    }

    fn is_never(&self) -> bool {
        match self {
            Part::All(parts) => parts.iter().any(Part::is_never),
            Part::Any(parts) => parts.iter().all(Part::is_never),
            Part::Leaf(_) => false,
        }
    }

    fn judge(&self, batch: &Batch<'_>, by: &mut Option<usize>) -> Result<Verdict> {
        match self {
            Part::All(parts) => {
                let mut all = Verdict::All;
                for part in parts {
                    match part.judge(batch, by)? {
                        Verdict::None => return Ok(Verdict::None),
                        Verdict::Some => all = Verdict::Some,
                        Verdict::All => {}
                    }
                }
                Ok(all)
            }
            Part::Any(parts) => {
                let mut any = Verdict::None;
                for part in parts {
                    match part.judge(batch, by)? {
                        Verdict::All => return Ok(Verdict::All),
                        Verdict::Some => any = Verdict::Some,
                        Verdict::None => {}
                    }
                }
                Ok(any)
            }
            Part::Leaf(leaf) => {
                let verdict = leaf.judge(batch)?;
                if verdict == Verdict::None {
                    *by = Some(leaf.number);
                }
                Ok(verdict)
            }
        }
    }

    fn apply(
        &self,
        batch: &Batch<'_>,
        scratch: &mut [FilterScratch],
        mask: &mut Mask,
    ) -> Result<()> {
        match self {
            Part::All(parts) => {
                for part in parts {
                    if mask.is_none() {
                        break;
                    }
                    part.apply(batch, scratch, mask)?;
                }
                Ok(())
            }
            Part::Any(parts) => {
                let mut passed = Mask::none(mask.len());
                for part in parts {
                    if mask.is_none() {
                        break;
                    }
                    let mut part_mask = mask.clone();
                    part.apply(batch, scratch, &mut part_mask)?;
                    mask.subtract(&part_mask);
                    passed.unite(&part_mask);
                }
                *mask = passed;
                Ok(())
            }
            Part::Leaf(leaf) => leaf.apply(batch, scratch, mask),
        }
    }
}

impl Leaf {
    /// The range of integers that it asks for, if it is such a test.
    fn range(&self) -> Option<(i64, i64)> {
        match &self.check {
            Check::Test(Test { predicate: Predicate::Int { min, max }, negated: false }) => {
                Some((*min, *max))
            }
            _ => None,
        }
    }

    fn cost(&self) -> u32 {
        match &self.check {
            Check::IsNull { .. } => 1,
            Check::Test(test) => match test.predicate {
                Predicate::Bool { .. } => 1,
                Predicate::Int { .. } => 2,
                Predicate::Float { .. } => 3,
                Predicate::IntSet(_) | Predicate::FloatSet { .. } => 10,
                Predicate::Decimal { .. } | Predicate::DecimalSet(_) => 15,
                Predicate::Bytes { .. } | Predicate::BytesSet(_) | Predicate::StartsWith(_) => 20,
                Predicate::EndsWith(_) | Predicate::Contains(_) => 40,
                Predicate::Matches(_) => 100,
            },
        }
    }

    fn judge(&self, batch: &Batch<'_>) -> Result<Verdict> {
        let (column, physical) = match self.operand {
            Operand::Seq => return Ok(self.judge_seqs(batch.seqs())),
            Operand::Column(column, physical) => (column, physical),
        };
        let Some(zone) = batch.zone(column)? else { return Ok(Verdict::Some) };
        Ok(match &self.check {
            Check::IsNull { negated } => {
                let (nulls, values) = (zone.null_count, zone.valid_count());
                let (wanted, others) = if *negated { (values, nulls) } else { (nulls, values) };
                match (wanted, others) {
                    (0, _) => Verdict::None,
                    (_, 0) => Verdict::All,
                    _ => Verdict::Some,
                }
            }
            Check::Test(_) if zone.valid_count() == 0 => Verdict::None,
            Check::Test(test) => {
                let verdict = test.predicate.judge(&zone, physical);
                match if test.negated { verdict.negated() } else { verdict } {
                    Verdict::All if zone.null_count > 0 && !mutant::on("zone-overlooks-nulls") => {
                        Verdict::Some
                    }
                    verdict => verdict,
                }
            }
        })
    }

    fn judge_seqs(&self, seqs: Range<i64>) -> Verdict {
        let Check::Test(Test { predicate: Predicate::Int { min, max }, negated }) = &self.check
        else {
            return Verdict::Some;
        };
        let verdict = if *max < seqs.start || *min >= seqs.end || min > max {
            Verdict::None
        } else if *min <= seqs.start && seqs.end - 1 <= *max {
            Verdict::All
        } else {
            Verdict::Some
        };
        if *negated { verdict.negated() } else { verdict }
    }

    fn apply(
        &self,
        batch: &Batch<'_>,
        scratch: &mut [FilterScratch],
        mask: &mut Mask,
    ) -> Result<()> {
        match self.judge(batch)? {
            Verdict::All => return Ok(()),
            Verdict::None => {
                mask.clear();
                return Ok(());
            }
            Verdict::Some => {}
        }
        match (&self.check, self.operand) {
            (Check::Test(test), Operand::Seq) => {
                let first = batch.seqs().start;
                mask.retain(|row| test.predicate.int(first + row as i64) != test.negated);
                Ok(())
            }
            (Check::Test(test), Operand::Column(column, _)) => {
                batch.filter(column, test, &mut scratch[self.number], mask)
            }
            (Check::IsNull { negated }, Operand::Column(column, _)) => {
                batch.retain_nulls(column, !negated, mask)
            }
            // Bound to a constant.
            (Check::IsNull { .. }, Operand::Seq) => Ok(()),
        }
    }
}

impl Expr {
    /// Whether this can be asked of rows of such a table: whether its fields are there and are
    /// compared with what their types compare with. A query finds out by itself.
    ///
    /// ```
    /// use srdb::{DataType, Error, Field, Schema, col};
    ///
    /// let schema = Schema::new([Field::new("age", DataType::Int32)])?;
    /// assert!(col("age").gt(18).check(&schema).is_ok());
    /// let error = col("age").gt("old").check(&schema).unwrap_err();
    /// let said = "field \"age\" is int32: > does not compare it with string 'old'";
    /// assert_eq!(error.to_string(), said);
    /// let error = col("agee").gt(18).check(&schema).unwrap_err();
    /// assert_eq!(error.to_string(), "the schema has no field \"agee\"");
    /// # Ok::<(), srdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoField`], [`Error::TypeMismatch`], [`Error::Invalid`] for a bad regular
    /// expression,
    /// [`Error::Limit`] for an expression that is too large.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        Filter::bind(self, schema, "").map(|_| ())
    }
}
