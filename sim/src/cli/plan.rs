//! `sim plan`: prints what a seed does.

use std::io::{self, Write};

use sim::draw::SeedDraw;
use sim::generate::generate;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The seed.
    seed: u64,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let plan = generate(args.seed, &mut SeedDraw::new(args.seed));
    write!(out, "{}", plan.to_json())?;
    Ok(true)
}
