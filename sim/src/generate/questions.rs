//! Draws questions: conditions, orders, figures.
//!
//! Values drawn one by one seldom meet in a row. So most of a question's values are of one row,
//! which then passes unless a null or an opposite is in the way.

use super::thousandths;
use crate::draw::Draw;
use crate::plan::{Ask, Condition, Figure, Is, Key, Nulls, Sums, Test, Wanted, What};

const TESTS: [Is; 15] = [
    Is::Eq,
    Is::Eq,
    Is::Eq,
    Is::Ne,
    Is::Lt,
    Is::Lte,
    Is::Gt,
    Is::Gte,
    Is::In,
    Is::In,
    Is::Between,
    Is::Between,
    Is::Null,
    Is::StartsWith,
    Is::Contains,
];

/// What an index can serve, most of it.
const SERVED: [Is; 8] =
    [Is::Eq, Is::Eq, Is::In, Is::Lt, Is::Gte, Is::Between, Is::StartsWith, Is::Null];

const FIGURES: [What; 8] = [
    What::Count,
    What::CountOf,
    What::CountDistinct,
    What::Min,
    What::Max,
    What::Sum,
    What::First,
    What::Last,
];

/// `_time` goes in steps of what the clock is moved by: up to ten seconds.
const WINDOWS: [u64; 6] = [1, 1_000, 1_000_000_007, 5_000_000_000, 60_000_000_000, 1 << 62];

/// Any field: there are 18 at most, `_seq` and `_time`.
fn field(draw: &mut impl Draw) -> u8 {
    draw.below(20) as u8
}

/// A question for rows.
pub fn ask(draw: &mut impl Draw) -> Ask {
    let focus = thousandths(draw);
    let condition = condition(draw, focus, 3);
    in_order(draw, condition)
}

/// A question for rows that an index of this field may serve.
pub fn of(draw: &mut impl Draw, field: u8) -> Ask {
    let focus = draw.below(1001) as u16;
    let is = draw.pick(&SERVED);
    let test = Condition::Test(Test { field, is, than: than(draw, is, focus) });
    let condition = match draw.below(3) {
        0 => test,
        _ => Condition::And(vec![test, condition(draw, focus, 1)]),
    };
    in_order(draw, condition)
}

/// A question for the first rows in the order of this field, which an index of it may tell.
pub fn first_of(draw: &mut impl Draw, field: u8) -> Ask {
    let nulls = draw.pick(&[None, None, Some(Nulls::First), Some(Nulls::Last)]);
    Ask {
        condition: Condition::default(),
        order: Some(Key { field, down: draw.chance(60), nulls }),
        // Few, because small files have no more of which an index is asked.
        limit: Some(draw.pick(&[0, 1, 1, 1, 2, 2, 3, 5, 20])),
        offset: draw.pick(&[0, 0, 0, 1, 2]),
    }
}

/// A question for figures.
pub fn sums(draw: &mut impl Draw) -> Sums {
    let focus = thousandths(draw);
    // Figures of few rows are figures of nothing much.
    let everything = draw.chance(35);
    let condition = if everything { Condition::default() } else { condition(draw, focus, 2) };
    let figure = |draw: &mut _| Figure { what: Draw::pick(draw, &FIGURES), field: field(draw) };
    let count = draw.between(1, 4);
    Sums {
        condition,
        figures: (0..count).map(|_| figure(draw)).collect(),
        by: draw.chance(50).then(|| field(draw)),
        window: draw.chance(40).then(|| draw.pick(&WINDOWS)),
    }
}

fn in_order(draw: &mut impl Draw, condition: Condition) -> Ask {
    let nulls = [None, None, Some(Nulls::First), Some(Nulls::Last)];
    let order = draw.chance(50).then(|| Key {
        field: field(draw),
        down: draw.chance(50),
        nulls: draw.pick(&nulls),
    });
    let limit = draw.chance(40).then(|| draw.pick(&[0, 1, 2, 5, 20, 100]));
    let offset = if draw.chance(25) { draw.pick(&[1, 2, 7, 40]) } else { 0 };
    Ask { condition, order, limit, offset }
}

fn condition(draw: &mut impl Draw, focus: u16, depth: u32) -> Condition {
    let kind = if depth == 0 { 0 } else { draw.below(10) };
    let parts = |draw: &mut _| {
        let count = Draw::between(draw, 1, 3);
        (0..count).map(|_| condition(draw, focus, depth - 1)).collect()
    };
    match kind {
        0..5 => test(draw, focus),
        5..7 => Condition::And(parts(draw)),
        7 | 8 => Condition::Or(parts(draw)),
        _ => Condition::Not(Box::new(condition(draw, focus, depth - 1))),
    }
}

fn test(draw: &mut impl Draw, focus: u16) -> Condition {
    let (field, is) = (field(draw), draw.pick(&TESTS));
    Condition::Test(Test { field, is, than: than(draw, is, focus) })
}

fn than(draw: &mut impl Draw, is: Is, focus: u16) -> Vec<Wanted> {
    let count = is.takes().unwrap_or_else(|| draw.below(4) as usize);
    let nearby = if is.is_of_texts() { 70 } else { 20 };
    (0..count).map(|_| wanted(draw, focus, nearby)).collect()
}

fn wanted(draw: &mut impl Draw, focus: u16, nearby: u64) -> Wanted {
    Wanted {
        at: if draw.chance(70) { focus } else { thousandths(draw) },
        off: if draw.chance(nearby) { draw.below(13) as i8 - 6 } else { 0 },
    }
}
