//! Plans that aim at a cell of the fault space.

use std::sync::Arc;

use sim::campaign::Campaign;
use sim::coverage::{Coverage, Gap, Phase, Place, Site, What, act, install};
use sim::run::Config;
use srdb_vfs::OpKind;

/// How often a cell is visited by as many plans, drawn freely or aimed at it.
fn hits(gap: Gap, is_aimed: bool) -> u64 {
    let coverage = Arc::new(Coverage::default());
    install(Some(coverage.clone()));
    let aim = is_aimed.then_some(gap);
    let outcome =
        Campaign { first: 0, seeds: 60, threads: 1, config: Config::default(), aim }.run();
    install(None);
    assert_eq!(outcome.failures.len(), 0, "{:?}", outcome.failures);
    coverage.hits(gap.site, gap.phase, gap.what.expect("something goes wrong"))
}

#[test]
fn plans_that_aim_at_a_cell_visit_it_far_more_often() {
    let cell = |place, op, phase, what| {
        let site = Site { place, act: act(op) };
        Gap { site, phase, what: Some(what) }
    };
    for gap in [
        // By an error, and by what a power failure leaves.
        cell(Place::Sst, OpKind::Map, Phase::Commit, What::Eio),
        cell(Place::CurrentTemp, OpKind::RemoveFile, Phase::Replace, What::Alone),
    ] {
        let (drawn, aimed) = (hits(gap, false), hits(gap, true));
        assert!(aimed > 5 * drawn, "{gap:?}: {drawn} by chance, {aimed} by aim");
    }
}
