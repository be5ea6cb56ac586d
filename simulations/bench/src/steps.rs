//! Single steps of an exchange, each by itself: what an entry costs on its way from one store into
//! another. Times are a processor's, medians of several rounds.

use std::path::Path;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use shouwang_crdt_schema::change::ParsedChange;
use shouwang_node::digest;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::replica::View;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::{Input, Replica};

use crate::peers::disk::copy_home;
use crate::peers::limit::for_each_change;
use crate::peers::mesh::{Clock, FRAMES_PER_COMMIT, is_done, sent};
use crate::peers::prepare::{self, ENDS_MS, home};
use crate::peers::resources::cpu_ms;
use crate::workload::{Workload, ours};

/// How often a step is measured, and over how much.
#[derive(Args, Clone, Debug)]
pub(crate) struct StepsOptions {
    /// Elders of the township; each is registered once and visited twelve times.
    #[arg(long, default_value_t = 400)]
    elders: usize,
    /// Decides the township.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of so many rounds the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct StepsReport {
    elders: usize,
    seed: u64,
    rounds: usize,
    steps: Vec<Step>,
}

/// What a step comes to.
#[derive(Clone, Debug, Serialize)]
struct Step {
    name: &'static str,
    /// What is counted: `entry`, `change`, `scope` or `exchange`.
    unit: &'static str,
    /// So many of them in a round.
    count: u64,
    /// Time on a processor for one, µs.
    us: f64,
    /// Bytes of one, where the step makes or takes any.
    bytes: Option<f64>,
}

impl Step {
    fn new(name: &'static str, unit: &'static str, count: u64, ms: f64) -> Self {
        Self { name, unit, count, us: ms * 1_000.0 / count.max(1) as f64, bytes: None }
    }

    fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes as f64 / self.count.max(1) as f64), ..self }
    }
}

/// Measures, and prints.
pub(crate) fn run(options: &StepsOptions) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a folder for the homes")?;
    let folder = folder.path();
    let workload = Workload::new(options.seed, options.elders);
    prepare::homes(folder, &workload)?;
    let mut rounds = Vec::new();
    for round in 0..options.rounds.max(1) {
        eprintln!("round {} of {}", round + 1, options.rounds.max(1));
        let bench = Round { folder, workload: &workload, number: round };
        rounds.push(bench.measure()?);
    }
    let steps = medians(rounds);
    let report =
        StepsReport { elders: options.elders, seed: options.seed, rounds: options.rounds, steps };
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print_table(&report),
    }
    Ok(())
}

fn print_table(report: &StepsReport) {
    println!("{} elders, seed {}, {} rounds", report.elders, report.seed, report.rounds);
    println!("{:<10} {:>10} {:<9} {:>10} {:>10}", "step", "count", "of", "µs each", "B each");
    for step in &report.steps {
        let bytes = step.bytes.map_or("–".to_owned(), |bytes| format!("{bytes:.1}"));
        let Step { name, unit, count, us, .. } = step;
        println!("{name:<10} {count:>10} {unit:<9} {us:>10.2} {bytes:>10}");
    }
}

/// Of each step the round whose time is in the middle.
fn medians(rounds: Vec<Vec<Step>>) -> Vec<Step> {
    let count = rounds.first().map_or(0, Vec::len);
    (0..count)
        .filter_map(|at| {
            let mut step: Vec<&Step> = rounds.iter().filter_map(|round| round.get(at)).collect();
            step.sort_by(|one, other| one.us.total_cmp(&other.us));
            step.get(step.len() / 2).map(|step| (*step).clone())
        })
        .collect()
}

struct Round<'a> {
    folder: &'a Path,
    workload: &'a Workload,
    number: usize,
}

impl Round<'_> {
    fn measure(&self) -> anyhow::Result<Vec<Step>> {
        let mut steps = vec![self.write()?];
        steps.extend(self.exchange()?);
        let engine = self.open("first", "sender")?;
        steps.push(verify(&engine)?);
        steps.extend(changes(&engine)?);
        steps.push(digests(&engine)?);
        // Its home is opened again.
        drop(engine);
        steps.push(self.summary()?);
        Ok(steps)
    }

    fn entropy(&self) -> Entropy {
        Entropy::new(*blake3::hash(&self.number.to_be_bytes()).as_bytes())
    }

    /// The engine over a fresh copy of a home.
    fn open(&self, stage: &str, who: &str) -> anyhow::Result<Engine> {
        let copy = self.folder.join(format!("steps-{who}"));
        copy_home(&home(self.folder, stage, who), &copy)?;
        prepare::open(self.folder, &copy, &mut self.entropy())
    }

    /// A clerk writes a year of visits once more, each in a commit of its own, into a store in memory.
    fn write(&self) -> anyhow::Result<Step> {
        let mut clerk = prepare::open_clerk(self.folder, 0, &mut self.entropy())?;
        let mut clock = Clock::at(ENDS_MS);
        let mut edits = Vec::new();
        for number in 0..self.workload.elders {
            let elder = self.workload.elder(number)?;
            if elder.device == 0 {
                let village = elder.registration.village;
                let visits = elder.visits.iter();
                edits.extend(visits.map(|visited| ours::visit(village, elder.id, &visited.visit)));
            }
        }
        let begun = cpu_ms()?;
        for edit in &edits {
            clock.passes(60_000);
            clerk.capture(clock.now(), std::slice::from_ref(edit))?;
        }
        Ok(Step::new("write", "entry", edits.len() as u64, cpu_ms()? - begun))
    }

    /// All of a store goes to an empty one: what the sender makes of entries, what the receiver
    /// reads of it, and what taking it in costs, encrypted and on the disk.
    fn exchange(&self) -> anyhow::Result<Vec<Step>> {
        let (mut one, mut two) = (self.open("first", "sender")?, self.open("first", "receiver")?);
        let (first, second) = (one.device(), two.device());
        let before = entries(&two)?;
        let mut clock = Clock::at(ENDS_MS);
        one.handle(clock.now(), Input::PeerUp(second))?;
        two.handle(clock.now(), Input::PeerUp(first))?;
        let (mut encode, mut decode, mut ingest, mut bytes) = (0.0, 0.0, 0.0, 0);
        let mut answers = Vec::new();
        loop {
            clock.passes(1);
            let begun = cpu_ms()?;
            for frame in std::mem::take(&mut answers) {
                one.handle(clock.now(), Input::Frame(second, frame))?;
            }
            one.settle(clock.now())?;
            let frames = sent(&mut one)?;
            encode += cpu_ms()? - begun;
            let idle = frames.is_empty();
            let mut frames = frames.into_iter().map(|(_, frame)| frame).peekable();
            loop {
                let begun = cpu_ms()?;
                for frame in frames.by_ref().take(FRAMES_PER_COMMIT) {
                    bytes += frame.len() as u64;
                    two.handle(clock.now(), Input::Frame(first, frame))?;
                }
                let handled = cpu_ms()?;
                two.settle(clock.now())?;
                (decode, ingest) = (decode + handled - begun, ingest + cpu_ms()? - handled);
                if frames.peek().is_none() {
                    break;
                }
            }
            answers.extend(sent(&mut two)?.into_iter().map(|(_, frame)| frame));
            if idle && answers.is_empty() {
                break;
            }
        }
        if !is_done(&one, second)? || !is_done(&two, first)? {
            anyhow::bail!("the exchange came to an end and is not complete");
        }
        let count = entries(&two)? - before;
        Ok(vec![
            Step::new("encode", "entry", count, encode).with_bytes(bytes),
            Step::new("decode", "entry", count, decode).with_bytes(bytes),
            Step::new("ingest", "entry", count, ingest),
        ])
    }

    /// Two that hold the same meet: both sides together.
    fn summary(&self) -> anyhow::Result<Step> {
        let (mut one, mut two) = (self.open("same", "sender")?, self.open("same", "receiver")?);
        let mut clock = Clock::at(ENDS_MS);
        let (first, second) = (one.device(), two.device());
        let begun = cpu_ms()?;
        one.handle(clock.now(), Input::PeerUp(second))?;
        two.handle(clock.now(), Input::PeerUp(first))?;
        let mut bytes = 0;
        loop {
            clock.passes(1);
            let mut moved = false;
            for is_first in [true, false] {
                let (from, to) = if is_first { (&mut one, &mut two) } else { (&mut two, &mut one) };
                let device = from.device();
                for (_, frame) in sent(from)? {
                    (moved, bytes) = (true, bytes + frame.len() as u64);
                    to.handle(clock.now(), Input::Frame(device, frame))?;
                }
                to.settle(clock.now())?;
            }
            if !moved {
                break;
            }
        }
        let ms = cpu_ms()? - begun;
        if !is_done(&one, second)? || !is_done(&two, first)? {
            anyhow::bail!("the two do not agree");
        }
        Ok(Step::new("summary", "exchange", 1, ms).with_bytes(bytes))
    }
}

fn entries(engine: &Engine) -> anyhow::Result<u64> {
    let scopes = engine.read()?.scopes_in(engine.area())?;
    Ok(scopes.iter().map(|(_, row)| row.entries).sum())
}

/// Rebuilding the headers of all runs of a store, and checking chains and signatures.
fn verify(engine: &Engine) -> anyhow::Result<Step> {
    let snapshot = engine.read()?;
    let view = View::new(&snapshot, engine.authority(), engine.grant_id());
    let (mut count, mut ms, mut bytes) = (0, 0.0, 0);
    for chain in snapshot.logs_in(engine.area())? {
        let mut runs = Vec::new();
        let mut after = None;
        while let Some(run) = view.run_after(&chain, after)? {
            after = Some(run.last_seq());
            bytes += run.body_bytes() as u64;
            runs.push(run);
        }
        let begun = cpu_ms()?;
        let mut head = None;
        for run in runs {
            let verified = run.verify(head.as_ref())?;
            count += verified.entries().len() as u64;
            head = Some(*verified.head());
        }
        ms += cpu_ms()? - begun;
    }
    Ok(Step::new("verify", "entry", count, ms).with_bytes(bytes))
}

/// Reading changes: as Automerge does, and as this project does before it believes one.
fn changes(engine: &Engine) -> anyhow::Result<Vec<Step>> {
    let mut bodies = Vec::new();
    for_each_change(engine, |_, _, body| bodies.push(body))?;
    let (count, bytes) = (bodies.len() as u64, bodies.iter().map(|body| body.len() as u64).sum());
    let begun = cpu_ms()?;
    for body in &bodies {
        ParsedChange::parse(body)?;
    }
    let parsed = cpu_ms()?;
    for body in bodies {
        automerge::Change::from_bytes(body)?;
    }
    let read = cpu_ms()?;
    Ok(vec![
        Step::new("parse", "change", count, parsed - begun).with_bytes(bytes),
        Step::new("read", "change", count, read - parsed).with_bytes(bytes),
    ])
}

/// What `status` compares: digests over everything, from nothing.
fn digests(engine: &Engine) -> anyhow::Result<Step> {
    let snapshot = engine.read()?;
    let scopes = snapshot.scopes_in(engine.area())?;
    let begun = cpu_ms()?;
    for (scope, _) in &scopes {
        digest::of_scope(&snapshot, *scope)?;
    }
    Ok(Step::new("digest", "scope", scopes.len() as u64, cpu_ms()? - begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_all_rounds_counts() {
        let round = |us: f64| vec![Step::new("x", "entry", 1_000, us)];
        let steps = medians([5.0, 1.0, 3.0].into_iter().map(round).collect());
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].us, 3.0);
    }
}
