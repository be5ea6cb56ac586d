//! What an exchange takes on links as they are in the hills. See `docs/links.md`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;

use self::emulator::cell::{Figures, Load, World};
use self::emulator::matrix::{GPRS, LINKS, Link, faults};

#[path = "../../../tests/support/links/mod.rs"]
mod emulator;

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Elders of the village.
    #[arg(long, default_value_t = 200)]
    elders: usize,
    /// Only these links, and those that they are compared with.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The program; by default the one beside this.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Exchanges at once.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// The longest that one exchange may take, s.
    #[arg(long, default_value_t = 420)]
    patience: u64,
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    elders: usize,
    cells: Vec<Figures>,
    /// From an incident's being raised in the midst of a first exchange on 64 kbit/s until the township
    /// shows it, s.
    overtaken_seconds: Option<f64>,
    /// Bytes that the link had then still to carry.
    overtaken_bytes: Option<u64>,
    /// What does not hold.
    faults: Vec<String>,
}

/// Measures, and fails where something does not hold.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("shouwang"),
    };
    let folder = tempfile::tempdir()?;
    let world = World::make(&program, folder.path(), args.elders)?;
    let patience = Duration::from_secs(args.patience);
    let chosen: Vec<Link> = LINKS.into_iter().filter(|link| is_chosen(link, &args.only)).collect();
    if chosen.is_empty() {
        bail!("no such link");
    }
    let cells: Vec<(Link, Load)> =
        chosen.iter().flat_map(|link| Load::ALL.map(|load| (*link, load))).collect();
    // The slowest first, so that none is waited for alone.
    let waiting = Mutex::new(cells.into_iter().rev().collect::<Vec<_>>());
    let (done, failed) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                while let Some((link, load)) = taken(&waiting) {
                    let trouble = (link.trouble)(load);
                    match world.run(link.name, link.shape, trouble, load, patience) {
                        Ok(figures) => {
                            eprintln!("{}", line(&figures));
                            held(&done).insert((link.name, load), figures);
                        }
                        Err(error) => {
                            eprintln!("{error:#}");
                            let text = error.to_string();
                            held(&failed).push(text.lines().next().unwrap_or_default().to_owned());
                        }
                    }
                }
            });
        }
    });
    let (done, mut failed) = (held(&done).clone(), held(&failed).clone());
    for link in &chosen {
        for load in Load::ALL {
            let cell = done.get(&(link.name, load)).zip(done.get(&(link.as_on, load)));
            let found =
                cell.map(|(figures, uncut)| faults(link, figures, uncut)).unwrap_or_default();
            failed
                .extend(found.iter().map(|text| format!("{}, {}: {text}", link.name, load.name())));
        }
    }
    let overtaken = match is_chosen(LINKS.first().context("no links")?, &args.only) {
        true => Some(world.overtakes(GPRS, patience)?),
        false => None,
    };
    let report = Report {
        schema_version: 1,
        elders: args.elders,
        cells: done.into_values().collect(),
        overtaken_seconds: overtaken.map(|(took, _)| took.as_secs_f64()),
        overtaken_bytes: overtaken.map(|(_, bytes)| bytes),
        faults: failed,
    };
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print(&report),
    }
    if report.faults.is_empty() { Ok(()) } else { bail!("not everything holds") }
}

fn is_chosen(link: &Link, only: &[String]) -> bool {
    let named = |name: &str| only.iter().any(|only| only == name);
    let compared = LINKS.iter().any(|other| other.as_on == link.name && named(other.name));
    only.is_empty() || named(link.name) || compared
}

fn taken<T>(waiting: &Mutex<Vec<T>>) -> Option<T> {
    held(waiting).pop()
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn line(figures: &Figures) -> String {
    let used = figures.used.map_or_else(String::new, |used| format!("{used} %"));
    format!(
        "{:<15} {:<9} {:>7.1} s {:>4} {:>8} B {:>6} B {:>6} B {:>6} {:>6} {:>6}  {used}{}",
        figures.link,
        figures.load.name(),
        figures.seconds,
        figures.connections,
        figures.bytes,
        figures.lost,
        figures.transport_bytes,
        figures.entries_new,
        figures.entries_sent,
        figures.twice(),
        if figures.struck { "" } else { "  -" },
    )
}

fn print(report: &Report) {
    println!("link, load, time, connections, bytes, lost, transport, new, sent, twice, rate used");
    for figures in &report.cells {
        println!("{}", line(figures));
    }
    if let Some((seconds, bytes)) = report.overtaken_seconds.zip(report.overtaken_bytes) {
        println!("an incident in the midst: {seconds:.1} s, {bytes} B still to go");
    }
    for fault in &report.faults {
        println!("! {fault}");
    }
}
