//! Runs simulations from the command line.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;
use shouwang_simulations::areas::Areas;
use shouwang_simulations::drawn::drawn;
use shouwang_simulations::plot;
use shouwang_simulations::report::{Progress, Report, simulate, simulate_watched};
use shouwang_simulations::sweep::sweep;
use shouwang_simulations::world::Plan;

/// Some hundred engines in one process ask for small pieces and give them back all the time: it takes a
/// third of all time with the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The mesh in virtual time. One seed decides everything.
#[derive(Parser)]
#[command(name = "shouwang-simulations")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulates one seed.
    Run {
        /// The seed.
        #[arg(long, required_unless_present = "plan", default_value_t = 0)]
        seed: u64,
        #[command(flatten)]
        size: Size,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// Print a line for every virtual day to stderr, where that is no terminal too.
        #[arg(long)]
        progress: bool,
        /// Draw delays, lag by village and bytes over time into this SVG file.
        #[arg(long, value_name = "FILE")]
        plot: Option<PathBuf>,
    },
    /// Simulates many seeds, each a little county of its own shape, work and faults. At the first that
    /// finds something it stops, makes it as small as it can and prints how to replay it.
    Sweep {
        /// How many.
        #[arg(long)]
        seeds: u64,
        /// The first.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// So many at once.
        #[arg(long, default_value_t = 1)]
        jobs: usize,
        /// Hours of field work in each, instead of what is drawn.
        #[arg(long)]
        hours: Option<u64>,
        #[command(flatten)]
        switches: Switches,
        /// Simulations that may be spent on making what fails smaller.
        #[arg(long, default_value_t = 120)]
        shrink: u32,
    },
}

/// What may be switched on beside what a plan has.
#[derive(Args, Clone)]
struct Switches {
    /// Two devices in each village, and villages linked to the county too.
    #[arg(long)]
    meshed: bool,
    /// Elders move between villages.
    #[arg(long)]
    moves: bool,
    /// Bundles go about on sticks, and some places have no link.
    #[arg(long)]
    sticks: bool,
    /// Some places have so many bytes a day.
    #[arg(long)]
    budgets: bool,
}

impl Switches {
    fn on(&self, plan: Plan) -> Plan {
        Plan {
            meshed: plan.meshed || self.meshed,
            moves: plan.moves || self.moves,
            sticks: plan.sticks || self.sticks,
            budgets: plan.budgets || self.budgets,
            ..plan
        }
    }
}

#[derive(Args, Clone)]
struct Size {
    /// Townships in the county.
    #[arg(long, default_value_t = 2)]
    townships: u32,
    /// Villages in each township.
    #[arg(long, default_value_t = 2)]
    villages: u32,
    /// The county's places, from lines of `code,name`, in place of townships and villages.
    #[arg(long, value_name = "FILE")]
    areas: Option<PathBuf>,
    /// Counties of this shape, each a mesh of its own, whose bureaus have each other's addresses by mistake.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    counties: u32,
    /// Elders in each county.
    #[arg(long, default_value_t = 24)]
    elders: u32,
    /// Days of field work.
    #[arg(long, default_value_t = 1)]
    days: u64,
    /// Hours of field work, instead of days.
    #[arg(long)]
    hours: Option<u64>,
    #[command(flatten)]
    switches: Switches,
    /// As in life: work by the calendar, moves, sticks, budgets, and faults as often as they come and
    /// somewhat more. Without it everything goes wrong all day long.
    #[arg(long)]
    life: bool,
    /// A whole plan as a report prints it, in place of all of the above but the hours.
    #[arg(long, value_name = "JSON")]
    plan: Option<String>,
}

impl Size {
    fn hours(&self) -> u64 {
        self.hours.unwrap_or(self.days * 24)
    }

    fn plan(&self, seed: u64) -> Result<Plan, String> {
        if let Some(plan) = &self.plan {
            return serde_json::from_str(plan).map_err(|error| format!("--plan: {error}"));
        }
        let base = if self.life { Plan::life(seed, self.elders) } else { Plan::new(seed) };
        let places = match &self.areas {
            None => Vec::new(),
            Some(path) => {
                let name = path.display();
                let text = std::fs::read_to_string(path).map_err(|e| format!("{name}: {e}"))?;
                Areas::read(&text).map_err(|error| format!("{name}: {error}"))?.places()
            }
        };
        Ok(self.switches.on(Plan {
            townships: self.townships,
            villages: self.villages,
            places,
            counties: self.counties,
            elders: self.elders,
            ..base
        }))
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Run { seed, size, json, progress, plot } => {
            let plan = size.plan(seed)?;
            if !json {
                println!("seed {}", plan.seed);
            }
            let report = watched(plan, size.hours(), progress);
            if json {
                println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
            } else {
                show(&report);
            }
            if let Some(path) = plot {
                plot::draw(&report, &path).map_err(|error| error.to_string())?;
            }
            Ok(exit(&report))
        }
        Command::Sweep { seeds, from, jobs, hours, switches, shrink } => {
            let draw = |seed| {
                let (plan, drawn_hours) = drawn(seed);
                (switches.on(plan), hours.unwrap_or(drawn_hours))
            };
            let failing = sweep(from..from + seeds, jobs, draw, |seed, report| {
                println!(
                    "seed {seed}  {}  {} nodes  {} h  {} entries  {} faults  converged after {} s",
                    report.trace_hash.get(..16).unwrap_or_default(),
                    report.nodes,
                    report.virtual_ms / 3_600_000,
                    report.entries,
                    report.counts.faults.values().sum::<u64>(),
                    report
                        .converged_after_ms
                        .map_or_else(|| "-".into(), |ms| (ms / 1_000).to_string()),
                );
            });
            let Some(report) = failing else { return Ok(ExitCode::SUCCESS) };
            show(&report);
            println!("making it smaller, {shrink} simulations at most");
            let shrunk = shouwang_simulations::shrink::shrink(report, shrink, simulate);
            println!("as small as {} simulations made it:", shrunk.tries);
            show(&shrunk.report);
            Ok(exit(&shrunk.report))
        }
    }
}

/// Simulates, and says on a terminal how far it is; with `lines` elsewhere too.
fn watched(plan: Plan, hours: u64, lines: bool) -> Report {
    let bar = match std::io::stderr().is_terminal() && !lines {
        true => ProgressBar::new(hours),
        false => ProgressBar::hidden(),
    };
    let style = "{elapsed_precise} {bar:30} {msg}  {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
    let report = simulate_watched(plan, hours, |progress| {
        let Progress { hours: passed, entries, events, faults } = progress;
        let text = format!(
            "day {} of {}: {entries} entries, {events} events, {faults} faults",
            passed.div_ceil(24),
            hours.div_ceil(24),
        );
        if lines && passed.is_multiple_of(24) {
            eprintln!("{:>6.1} s  {text}", bar.elapsed().as_secs_f32());
        }
        bar.set_message(text);
        bar.set_position(passed);
    });
    bar.finish_and_clear();
    report
}

fn exit(report: &Report) -> ExitCode {
    if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn show(report: &Report) {
    let counts = &report.counts;
    println!("trace_hash        {}", report.trace_hash);
    println!("nodes             {}", report.nodes);
    println!("virtual time      {} h", report.virtual_ms / 3_600_000);
    println!("entries           {} at the county, of {} elders", report.entries, report.elders);
    println!("conflicts         {}", report.conflicts);
    println!("saved             {} facts, refused {:?}", counts.edits, counts.refused);
    println!("sent              {} B in {} frames", counts.bytes, counts.frames);
    println!("arrived           {} B in {} frames", counts.bytes_arrived, counts.frames_arrived);
    println!(
        "disks             {} syncs, {} B, {} sectors lost",
        report.syncs, report.disk_bytes, report.sectors_lost
    );
    println!("faults            {:?}", counts.faults);
    let delays = &report.figures.delays;
    println!(
        "to the county     {} edits: median {} s, p90 {} s, p99 {} s, longest {} s; {} never came",
        delays.count,
        delays.median_ms / 1_000,
        delays.p90_ms / 1_000,
        delays.p99_ms / 1_000,
        delays.max_ms / 1_000,
        report.figures.never_arrived,
    );
    for (level, costs) in &report.costs {
        println!(
            "{:<18}{} nodes; each sent {:.0} B, committed {:.0} times, keeps {:.0} B; {:.0} knocks of strangers, {:.0} B",
            format!("each {level:?}").to_lowercase(),
            costs.nodes,
            costs.sent_bytes,
            costs.syncs,
            costs.disk_bytes,
            costs.knocks,
            costs.stranger_bytes,
        );
    }
    println!("hangups           {:?}", counts.hangups);
    println!("connections       {}", counts.connections);
    println!("done checked      {} times", counts.done_checks);
    let sticks = &counts.sticks;
    println!(
        "sticks            {} bundles in {} parts, {} read, {} entries new, refused {:?}",
        sticks.bundles_written,
        sticks.parts_written,
        sticks.parts_read,
        sticks.entries_new,
        sticks.parts_refused
    );
    println!("restarts checked  {}", counts.restarts_checked);
    match report.converged_after_ms {
        Some(ms) => println!("converged         {} s after the last fault", ms / 1_000),
        None => println!("converged         no"),
    }
    if let Some(violation) = &report.violation {
        println!("VIOLATION         {violation}");
        println!("replay            {}", report.replay());
    }
}
