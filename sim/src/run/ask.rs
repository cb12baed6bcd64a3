//! Questions of several conditions, and figures: what the engine answers is what the model finds
//! by looking at all its rows, whichever way the engine takes.

use srdb::{Aggregate, Error, Expr, Order, SnapshotTable, Value, agg, asc, col, desc};

use super::Run;
use super::read::Expected;
use crate::db::table_name;
use crate::draw::SeedDraw;
use crate::generate::questions;
use crate::model::question::{self, Condition, Field};
use crate::model::sums;
use crate::oracle::Violation;
use crate::plan::{Ask, Figure, Is, Key, Nulls, Sums, What};
use crate::shape::Shape;

/// How a condition is put to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is: indexes and bisection serve whatever they can.
    Plain,
    /// Beside one that is never true, so that nothing has to hold for the whole to be true: every
    /// block is judged by itself.
    Scanned,
}

impl Form {
    const ALL: [Form; 2] = [Form::Plain, Form::Scanned];

    fn put(self, expr: &Expr) -> Expr {
        match self {
            Form::Plain => expr.clone(),
            Form::Scanned => expr.clone().or(col("_seq").lt(0)),
        }
    }
}

/// A table as it is seen at a moment, and what must be in it.
pub(super) struct Seen {
    pub(super) table: srdb::Result<SnapshotTable>,
    pub(super) shape: Shape,
    pub(super) rows: Expected,
}

impl Run {
    /// A table now, or in a kept snapshot if one is picked and there are any.
    pub(super) fn seen(
        &mut self,
        slot: u8,
        snapshot: Option<u16>,
    ) -> Result<Option<Seen>, Violation> {
        let kept = snapshot.filter(|_| !self.snapshots.is_empty());
        if let Some(pick) = kept {
            let kept = &self.snapshots[usize::from(pick) % self.snapshots.len()];
            let it = kept.tables.iter().find(|table| table.0 == slot);
            return Ok(it.map(|(_, shape, rows)| Seen {
                table: kept.snapshot.table(&table_name(slot)),
                shape: *shape,
                rows: rows.clone(),
            }));
        }
        let Some((table, rows)) = self.both(slot)? else { return Ok(None) };
        let shape = self.model.table(slot).map_or(Shape::Narrow, |(_, table)| table.shape);
        Ok(Some(Seen { table: table.snapshot(), shape, rows }))
    }

    /// Asks for rows.
    pub(super) fn ask(
        &mut self,
        slot: u8,
        ask: &Ask,
        snapshot: Option<u16>,
    ) -> Result<String, Violation> {
        match self.seen(slot, snapshot)? {
            Some(seen) => self.ask_of(&seen, ask),
            None => Ok("no table".to_owned()),
        }
    }

    /// Asks for figures.
    pub(super) fn aggregate(
        &mut self,
        slot: u8,
        sums: &Sums,
        snapshot: Option<u16>,
    ) -> Result<String, Violation> {
        match self.seen(slot, snapshot)? {
            Some(seen) => self.sum_up(&seen, sums),
            None => Ok("no table".to_owned()),
        }
    }

    /// Asks every table questions that follow from the plan's seed, and of each of its indexes.
    pub(super) fn ask_around(&mut self) -> Result<String, Violation> {
        let mut draw = SeedDraw::new(self.plan.seed ^ (self.at as u64) << 32);
        let mut asked = 0;
        for slot in self.model.tables().map(|(_, table)| table.slot).collect::<Vec<_>>() {
            let Some(seen) = self.seen(slot, None)? else { continue };
            let indexes = self.table(slot)?.map_or(Vec::new(), |table| table.indexes());
            let place = |name: &String| seen.shape.fields().iter().position(|f| f.0 == name);
            let mut asks = vec![questions::ask(&mut draw), questions::ask(&mut draw)];
            for field in indexes.iter().filter_map(place) {
                asks.push(questions::of(&mut draw, field as u8));
                asks.push(questions::first_of(&mut draw, field as u8));
            }
            for ask in &asks {
                self.ask_of(&seen, ask)?;
            }
            self.sum_up(&seen, &questions::sums(&mut draw))?;
            asked += asks.len() + 1;
        }
        Ok(format!("{asked} questions"))
    }

    fn ask_of(&mut self, seen: &Seen, ask: &Ask) -> Result<String, Violation> {
        let Seen { table, shape, rows } = seen;
        let condition = Condition::of(&ask.condition, *shape, rows);
        let (expr, is_refused) = (expr(&condition, *shape), condition.is_refused(*shape));
        let due = question::answer(ask, &condition, *shape, rows);
        for form in Form::ALL {
            let asked = table.as_ref().map_err(Error::clone).and_then(|table| {
                let mut query = table.query().filter(form.put(&expr)).offset(ask.offset.into());
                if let Some(limit) = ask.limit {
                    query = query.limit(limit.into());
                }
                if let Some(key) = ask.order {
                    query = query.order_by(order(key, *shape));
                }
                let rows = query.rows()?.map(|row| row.map(|row| row.seq()));
                Ok((rows.collect::<srdb::Result<Vec<i64>>>()?, query.count()?))
            });
            let (found, count) = match asked {
                Err(Error::TypeMismatch { .. }) if is_refused => return Ok("refused".to_owned()),
                Err(e) => return self.judge_read("a question", &e),
                Ok(found) => found,
            };
            let what = if is_refused {
                "what makes no sense was answered".to_owned()
            } else if found != due {
                let at = found.iter().zip(&due).take_while(|(a, b)| a == b).count();
                let (a, b) = (found.get(at), due.get(at));
                let counts = format!("{} rows, not {}", found.len(), due.len());
                format!("rows that were asked for: {counts}; row {at} is {a:?}, not {b:?}")
            } else if usize::try_from(count) != Ok(due.len()) {
                format!("the count of rows asked for is {count}, not {}", due.len())
            } else {
                continue;
            };
            return Err(wrong(&what, form, &expr));
        }
        Ok(format!("{} rows", due.len()))
    }

    fn sum_up(&mut self, seen: &Seen, sums: &Sums) -> Result<String, Violation> {
        let Seen { table, shape, rows } = seen;
        let condition = Condition::of(&sums.condition, *shape, rows);
        let (expr, is_refused) = (expr(&condition, *shape), condition.is_refused(*shape));
        let due = sums::answer(sums, &condition, *shape, rows);
        for form in Form::ALL {
            let asked = table.as_ref().map_err(Error::clone).and_then(|table| {
                let figures = sums.figures.iter().enumerate();
                let figures = figures.map(|(at, f)| figure(*f, *shape).named(format!("f{at}")));
                let mut query = table.query().filter(form.put(&expr)).aggregate(figures);
                if let Some(by) = sums.by {
                    query = query.group_by([Field::of(*shape, by).name(*shape)]);
                }
                if let Some(size) = sums::window_of(sums) {
                    query = query.window("_time", Value::Duration(size));
                }
                let rows = query.rows()?.map(|row| row.map(|row| row.into_values()));
                rows.collect::<srdb::Result<Vec<_>>>()
            });
            let nothing = sums.figures.is_empty() && sums.by.is_none() && sums.window.is_none();
            let what = match (asked, &due) {
                (Err(Error::TypeMismatch { .. }), _) if is_refused => {
                    return Ok("refused".to_owned());
                }
                (Err(Error::Invalid { .. }), _) if nothing => return Ok("of nothing".to_owned()),
                (Err(Error::Overflow { .. }), Err(_)) if !is_refused => continue,
                (Err(e), _) => return self.judge_read("an aggregation", &e),
                (Ok(_), _) if is_refused || nothing => {
                    "what makes no sense was answered".to_owned()
                }
                (Ok(found), Ok(due)) if found == *due => continue,
                (Ok(found), Ok(due)) => {
                    let at = found.iter().zip(due).take_while(|(a, b)| a == b).count();
                    let (a, b) = (found.get(at), due.get(at));
                    let counts = format!("{} rows, not {}", found.len(), due.len());
                    format!("figures that were asked for: {counts}; row {at} is {a:?}, not {b:?}")
                }
                (Ok(found), Err(_)) => format!("a sum that no type holds is {found:?}"),
            };
            return Err(wrong(&what, form, &expr));
        }
        Ok(due.map_or("beyond its type".to_owned(), |rows| format!("{} rows", rows.len())))
    }
}

fn wrong(what: &str, form: Form, expr: &Expr) -> Violation {
    Violation::new("query", format!("{what} ({form:?}) where {expr}"))
}

/// The engine's words for a condition.
fn expr(condition: &Condition, shape: Shape) -> Expr {
    let test = match condition {
        Condition::And(parts) => return Expr::all_of(parts.iter().map(|part| expr(part, shape))),
        Condition::Or(parts) => return Expr::any_of(parts.iter().map(|part| expr(part, shape))),
        Condition::Not(inner) => return expr(inner, shape).not(),
        Condition::Test(test) => test,
    };
    let (field, than) = (col(test.field.name(shape)), &test.than);
    match test.is {
        Is::Eq => field.eq(&than[0]),
        Is::Ne => field.ne(&than[0]),
        Is::Lt => field.lt(&than[0]),
        Is::Lte => field.lte(&than[0]),
        Is::Gt => field.gt(&than[0]),
        Is::Gte => field.gte(&than[0]),
        Is::In => field.in_(than),
        Is::Between => field.between(&than[0], &than[1]),
        Is::Null => field.is_null(),
        Is::StartsWith => field.starts_with(&than[0]),
        Is::Contains => field.contains(&than[0]),
    }
}

fn order(key: Key, shape: Shape) -> Order {
    let name = Field::of(shape, key.field).name(shape);
    let order = if key.down { desc(name) } else { asc(name) };
    match key.nulls {
        None => order,
        Some(Nulls::First) => order.nulls_first(),
        Some(Nulls::Last) => order.nulls_last(),
    }
}

fn figure(figure: Figure, shape: Shape) -> Aggregate {
    let Some(field) = sums::field_of(figure, shape) else { return agg::count() };
    let name = field.name(shape);
    match figure.what {
        What::Count | What::CountOf => agg::count_of(name),
        What::CountDistinct => agg::count_distinct(name),
        What::Min => agg::min(name),
        What::Max => agg::max(name),
        What::Sum => agg::sum(name),
        What::First => agg::first(name),
        What::Last => agg::last(name),
    }
}
