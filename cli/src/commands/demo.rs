//! `demo`: a whole county on this machine.

use std::path::PathBuf;

use crate::context::Context;
use crate::demo::{self, Options};
use crate::error::{Exit, Failure};
use crate::sample::ELDERS_MAX;

/// `demo`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 120)]
    elders: usize,
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Runs it.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if args.elders > ELDERS_MAX {
        return Err(Failure::usage("sample_too_large").with("limit", ELDERS_MAX).into());
    }
    let options = Options { seed: args.seed, elders: args.elders, keep: args.keep.clone() };
    demo::run(&options, context)
}
