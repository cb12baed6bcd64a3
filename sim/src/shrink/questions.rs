//! Plainer questions in the place of one: fewer conditions and figures, no order, no limit.

use crate::plan::{Ask, Condition, Key, Sums, Test, Wanted};

/// Plainer questions for rows, the plainest first.
pub(super) fn asks(ask: &Ask) -> Vec<Ask> {
    let mut plainer = Vec::new();
    if ask.offset > 0 {
        plainer.push(Ask { offset: 0, ..ask.clone() });
        plainer.push(Ask { offset: ask.offset / 2, ..ask.clone() });
    }
    if let Some(limit) = ask.limit {
        plainer.push(Ask { limit: None, ..ask.clone() });
        plainer.extend((limit > 1).then(|| Ask { limit: Some(1), ..ask.clone() }));
    }
    if let Some(key) = ask.order {
        plainer.push(Ask { order: None, ..ask.clone() });
        if key.down || key.nulls.is_some() {
            for key in [Key { down: false, ..key }, Key { nulls: None, ..key }] {
                plainer.push(Ask { order: Some(key), ..ask.clone() });
            }
        }
    }
    let conditions = conditions(&ask.condition).into_iter();
    plainer.extend(conditions.map(|condition| Ask { condition, ..ask.clone() }));
    plainer.retain(|plainer| plainer != ask);
    plainer
}

/// Plainer questions for figures, the plainest first.
pub(super) fn sums(sums: &Sums) -> Vec<Sums> {
    let mut plainer = Vec::new();
    if sums.by.is_some() {
        plainer.push(Sums { by: None, ..sums.clone() });
    }
    if sums.window.is_some() {
        plainer.push(Sums { window: None, ..sums.clone() });
    }
    for at in 0..sums.figures.len() {
        let mut fewer = sums.clone();
        fewer.figures.remove(at);
        plainer.push(fewer);
    }
    let conditions = conditions(&sums.condition).into_iter();
    plainer.extend(conditions.map(|condition| Sums { condition, ..sums.clone() }));
    plainer
}

/// What is always true, the parts, and the same with a part left out or plainer.
fn conditions(condition: &Condition) -> Vec<Condition> {
    if *condition == Condition::default() {
        return Vec::new();
    }
    let mut plainer = vec![Condition::default()];
    match condition {
        Condition::And(parts) => fewer(parts, Condition::And, &mut plainer),
        Condition::Or(parts) => fewer(parts, Condition::Or, &mut plainer),
        Condition::Not(inner) => {
            plainer.push((**inner).clone());
            plainer.extend(conditions(inner).into_iter().map(|c| Condition::Not(Box::new(c))));
        }
        Condition::Test(test) => plainer.extend(tests(test).into_iter().map(Condition::Test)),
    }
    plainer
}

fn fewer(parts: &[Condition], whole: fn(Vec<Condition>) -> Condition, out: &mut Vec<Condition>) {
    out.extend(parts.iter().cloned());
    for at in 0..parts.len() {
        if parts.len() > 1 {
            let mut fewer = parts.to_vec();
            fewer.remove(at);
            out.push(whole(fewer));
        }
        for part in conditions(&parts[at]) {
            let mut plainer = parts.to_vec();
            plainer[at] = part;
            out.push(whole(plainer));
        }
    }
}

fn tests(test: &Test) -> Vec<Test> {
    let mut plainer = Vec::new();
    for at in 0..test.than.len() {
        let mut fewer = test.clone();
        fewer.than.remove(at);
        plainer.push(fewer);
        let wanted = test.than[at];
        if wanted.off != 0 {
            for off in [0, wanted.off / 2] {
                let mut nearer = test.clone();
                nearer.than[at] = Wanted { off, ..wanted };
                plainer.push(nearer);
            }
        }
    }
    plainer
}
