//! Runs simulations from the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use shouwang_simulations::areas::Areas;
use shouwang_simulations::report::{Report, simulate};
use shouwang_simulations::world::Plan;

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
    },
    /// Simulates many seeds, and stops at the first that finds something.
    Sweep {
        /// How many.
        #[arg(long)]
        seeds: u64,
        /// The first.
        #[arg(long, default_value_t = 0)]
        from: u64,
        #[command(flatten)]
        size: Size,
    },
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
    /// Elders in the whole county.
    #[arg(long, default_value_t = 24)]
    elders: u32,
    /// Days of field work.
    #[arg(long, default_value_t = 1)]
    days: u64,
    /// Hours of field work, instead of days.
    #[arg(long)]
    hours: Option<u64>,
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
        Ok(Plan {
            townships: self.townships,
            villages: self.villages,
            places,
            elders: self.elders,
            meshed: self.meshed,
            moves: base.moves || self.moves,
            sticks: base.sticks || self.sticks,
            budgets: base.budgets || self.budgets,
            ..base
        })
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
        Command::Run { seed, size, json } => {
            let plan = size.plan(seed)?;
            if !json {
                println!("seed {}", plan.seed);
            }
            let report = simulate(plan, size.hours());
            if json {
                println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
            } else {
                show(&report);
            }
            Ok(exit(&report))
        }
        Command::Sweep { seeds, from, size } => {
            for seed in from..from + seeds {
                let report = simulate(size.plan(seed)?, size.hours());
                println!(
                    "seed {seed}  {}  {} entries  {} B  converged after {} s",
                    &report.trace_hash.get(..16).unwrap_or_default(),
                    report.entries,
                    report.counts.bytes,
                    report
                        .converged_after_ms
                        .map_or_else(|| "-".into(), |ms| (ms / 1_000).to_string()),
                );
                if report.violation.is_some() {
                    show(&report);
                    return Ok(exit(&report));
                }
            }
            Ok(ExitCode::SUCCESS)
        }
    }
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
