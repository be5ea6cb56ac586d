//! A whole county on one disk: what it costs to open it, to ask it, and to exchange with it
//! (`docs/performance.md`, A county).

use std::path::{Path, PathBuf};

use clap::ValueEnum;

mod author;
mod build;
mod figures;
mod homes;
mod link;
mod parts;
mod people;
mod shape;
mod sync;
mod usage;

use figures::{Figures, Measured};
use homes::Homes;
use parts::Part;

/// What to build and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Elders in the county.
    #[arg(long, default_value_t = 1_000)]
    elders: u64,
    /// Places of a real county, as `code,name` lines; otherwise 16 townships are made up, with about
    /// 100 elders in a village.
    #[arg(long)]
    areas: Option<PathBuf>,
    /// Where the homes are built, or were built before; otherwise a directory that goes away.
    #[arg(long)]
    home: Option<PathBuf>,
    /// What everything random comes from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Times that each thing is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// In a child process: the one thing that it does.
    #[arg(long, value_enum, hide = true)]
    part: Option<Part>,
    /// In a child process: the socket on which its peers are.
    #[arg(long, hide = true)]
    socket: Option<PathBuf>,
}

/// Builds what is not there, measures it and prints what came of it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let (Some(part), Some(home)) = (args.part, &args.home) {
        return part.run_here(&Homes::at(home), args.socket.as_deref());
    }
    let temporary = args.home.is_none().then(tempfile::tempdir).transpose()?;
    let home = match (&args.home, &temporary) {
        (Some(home), _) => home.as_path(),
        (None, Some(temporary)) => temporary.path(),
        (None, None) => Path::new("."),
    };
    let homes = Homes::at(home);
    if !homes.are_built() {
        let shape = shape::Shape::of(args.elders, args.areas.as_deref())?;
        build::build(&homes, &shape, args.seed)?;
    }
    let mut figures = Figures::begin(&homes)?;
    let asked = |part: &Part| args.only.is_empty() || args.only.contains(part);
    for part in Part::value_variants().iter().copied().filter(Part::is_measured).filter(asked) {
        let runs = if part.is_once() { 1 } else { args.runs.max(1) };
        let measured: Vec<Measured> =
            (0..runs).map(|_| part.measure(&homes)).collect::<anyhow::Result<_>>()?;
        figures.add(part, &measured);
        if !args.json {
            figures.print_last();
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    Ok(())
}
