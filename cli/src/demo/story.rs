//! What happens in the demonstration, step by step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluent_bundle::FluentValue;
use indicatif::{ProgressBar, ProgressStyle};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{Finding, HealthItem, ServiceNeed, VisitMode, VisitOutcome};
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::command::area::{AreaImport, AreaList, Place};
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::elder::{ElderList, ElderSet, ElderShow, ElderSummary, VisitAdd};
use shouwang_node::command::import::Import;
use shouwang_node::command::status::Status;
use shouwang_node::home::{Home, InitOptions, Node};
use shouwang_node::identity::grant::Role;

use super::agreement::{Answer, ScopeAgreement};
use super::interrupt::Interrupt;
use super::member::{Member, members};
use super::process::Process;
use super::report::{DemoReport, KeptConflict};
use crate::commands::sample::failure;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::import_report::ImportReport;
use crate::ledger::{self, Places};
use crate::output::Mark;
use crate::sample;
use crate::secret::{Prompts, Secrets};

/// Time to converge, from the last thing that was written. Loopback needs a few seconds; the first
/// redial after an outage may wait for one.
const CONVERGE_TIMEOUT: Duration = Duration::from_secs(90);
/// How often the nodes are asked.
const POLL: Duration = Duration::from_millis(250);
/// Visits that each village records while it is off line, at most.
const VISITS_OFF_LINE: usize = 12;
/// The villages that go off line: the first of each township.
const OFF_LINE: [usize; 2] = [3, 6];
/// The township above the first of them.
const TOWNSHIP: usize = 1;

/// What the demonstration is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What people and places are made from.
    pub(crate) seed: u64,
    /// Elders in all ledgers together.
    pub(crate) elders: usize,
    /// Where the homes stay.
    pub(crate) keep: Option<PathBuf>,
}

/// Runs the demonstration. Exit 0 only if all nodes agree.
pub(crate) fn run(options: &Options, context: &Context) -> anyhow::Result<Exit> {
    let base = Base::new(options.keep.as_deref())?;
    let mut story = Story {
        members: members(options.seed),
        running: BTreeMap::new(),
        bytes_before: 0,
        base,
        interrupt: Interrupt::listen(),
        began: Instant::now(),
        step: Instant::now(),
        context,
    };
    story.tell(options)
}

/// The directory of all homes.
enum Base {
    /// Stays.
    Kept(PathBuf),
    /// Goes when the story ends.
    Temporary(tempfile::TempDir),
}

impl Base {
    fn new(keep: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = keep else {
            let made = tempfile::Builder::new().prefix("shouwang-demo-").tempdir();
            return made
                .map(Self::Temporary)
                .map_err(|error| Failure::unwritable(&std::env::temp_dir(), &error));
        };
        std::fs::create_dir_all(path).map_err(|error| Failure::unwritable(path, &error))?;
        let mut inside =
            std::fs::read_dir(path).map_err(|error| Failure::unreadable(path, &error))?;
        match inside.next() {
            None => Ok(Self::Kept(path.to_owned())),
            Some(_) => Err(Failure::usage("directory_not_empty").with("path", path.display())),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// The story as it stands.
struct Story<'a> {
    members: Vec<Member>,
    /// The processes, by index of their member. Before `base`, so that they end before it goes.
    running: BTreeMap<usize, Process>,
    /// Bytes that processes which have ended put on the wire.
    bytes_before: u64,
    base: Base,
    interrupt: Interrupt,
    began: Instant,
    step: Instant,
    context: &'a Context,
}

impl Story<'_> {
    fn tell(&mut self, options: &Options) -> anyhow::Result<Exit> {
        self.make_mesh()?;
        let everyone: Vec<usize> = (0..self.members.len()).collect();
        for index in &everyone {
            self.start(*index)?;
        }
        self.done("demo-started", [("nodes", FluentValue::from(self.members.len()))]);
        self.name_places()?;
        self.import_ledgers(options)?;
        if self.converge("demo-first-sync")? {
            let phone_of = self.go_off_line()?;
            self.work_apart(phone_of)?;
            for index in OFF_LINE {
                self.start(index)?;
            }
            self.done("demo-back", []);
            self.converge("demo-converged")?;
        }
        self.finish()
    }

    /// Every home, and the grants that tie them together: as a person would, but in one process.
    fn make_mesh(&mut self) -> anyhow::Result<()> {
        for index in 0..self.members.len() {
            self.interrupt.check()?;
            let Some(member) = self.members.get(index).cloned() else { continue };
            let home = self.home(index);
            let Some(parent) = member.parent else {
                let options = InitOptions { area: member.area, name: member.name.clone() };
                // The root key of a county that does not exist is nobody's loss.
                home.init(&options)?;
                continue;
            };
            let requested = home.request()?;
            let granted = self.home(parent).node()?.call(GrantDevice {
                request: requested.request,
                name: member.name.clone(),
                area: member.area,
                role: match member.area.level() {
                    Level::Village => Role::Clerk,
                    _ => Role::Manager,
                },
                addresses: Vec::new(),
                replace: false,
                root: None,
                quota_bytes: None,
            })?;
            home.join(&granted.invite)?;
        }
        self.done("demo-mesh", [("nodes", FluentValue::from(self.members.len()))]);
        Ok(())
    }

    /// Starts a node's process; it dials the node above it.
    fn start(&mut self, index: usize) -> anyhow::Result<()> {
        let parent = self.members.get(index).and_then(|member| member.parent);
        let above = parent.and_then(|parent| self.running.get(&parent));
        let address = above.and_then(|process| process.listening.first()).cloned();
        let home = self.home(index);
        let log = home.path().with_extension("log");
        let process = Process::start(
            home.path(),
            &self.key_file(),
            address.as_deref(),
            &log,
            &self.interrupt,
        )?;
        if self.context.verbose {
            let name = self.name(index);
            let id = process.id();
            self.context.output.note(&self.context.messages.say(
                "demo-process",
                [
                    ("name", FluentValue::from(name)),
                    ("process", id.to_string().into()),
                    ("home", home.path().display().to_string().into()),
                ],
            ));
        }
        self.running.insert(index, process);
        Ok(())
    }

    /// The county names its places; each township needs the names before it can read a ledger.
    fn name_places(&mut self) -> anyhow::Result<()> {
        let places = self
            .members
            .iter()
            .map(|member| Place { code: member.area, name: member.name.clone() });
        let request = AreaImport { places: places.collect(), dry_run: false };
        let count = request.places.len();
        self.node(0)?.call(request)?;
        let until = Instant::now() + CONVERGE_TIMEOUT;
        for township in self.townships() {
            let Some(area) = self.members.get(township).map(|member| member.area) else { continue };
            let wanted: Vec<DivisionCode> = self
                .members
                .iter()
                .map(|member| member.area)
                .filter(|code| area.contains(*code))
                .collect();
            loop {
                self.interrupt.check()?;
                let known = self.node(township)?.call(AreaList { within: None })?.places;
                if wanted.iter().all(|code| known.iter().any(|place| place.code == *code)) {
                    break;
                }
                if Instant::now() > until {
                    let name = self.name(township);
                    return Err(Failure::failed("demo_places").with("node", name).into());
                }
                std::thread::sleep(POLL);
            }
        }
        self.done("demo-places", [("places", FluentValue::from(count))]);
        Ok(())
    }

    /// Each township makes a ledger of its villages and imports it through its running node.
    fn import_ledgers(&mut self, options: &Options) -> anyhow::Result<()> {
        let villages = self.villages().len().max(1);
        for township in self.townships() {
            self.interrupt.check()?;
            let Some(member) = self.members.get(township).cloned() else { continue };
            let inside: Vec<(DivisionCode, String)> = self
                .villages()
                .into_iter()
                .filter_map(|village| self.members.get(village))
                .filter(|village| member.area.contains(village.area))
                .map(|village| (village.area, village.name.clone()))
                .collect();
            let elders = options.elders * inside.len() / villages;
            let place = (member.area, member.name.as_str());
            let bytes = sample::ledger(options.seed, place, &inside, elders, true)
                .map_err(|error| failure(&error))?;
            let file = format!("{}.xlsx", member.directory);
            let path = self.base.path().join(&file);
            std::fs::write(&path, &bytes).map_err(|error| Failure::unwritable(&path, &error))?;
            let mut node = self.node(township)?;
            let known = node.call(AreaList { within: None })?;
            let places =
                Places::new(known.places.into_iter().map(|place| (place.code, place.name)));
            let reading = ledger::read(&file, &bytes, &places, Area(known.area))?;
            let report = ImportReport::import(&reading, false, |rows| {
                self.interrupt.check()?;
                Ok(node.call(Import { rows, dry_run: false })?)
            })?;
            self.done(
                "demo-imported",
                [
                    ("name", FluentValue::from(member.name)),
                    ("rows", report.rows.into()),
                    ("new", report.new.into()),
                    ("skipped", report.skipped.len().into()),
                    ("rejected", report.rejected.len().into()),
                    ("gaps", report.gaps.len().into()),
                ],
            );
        }
        Ok(())
    }

    /// Stops two villages. Answers with the elder whose phone both sides will write.
    fn go_off_line(&mut self) -> anyhow::Result<Option<ElderSummary>> {
        for index in OFF_LINE {
            self.interrupt.check()?;
            let name = self.name(index);
            // A node counts its bytes from its start.
            self.bytes_before += self.node(index)?.call(Status {})?.wire_bytes_sent;
            if let Some(process) = self.running.remove(&index)
                && !process.stop()
            {
                return Err(Failure::failed("node_not_stopped").with("node", name).into());
            }
        }
        let names: Vec<String> = OFF_LINE.iter().map(|index| self.name(*index)).collect();
        let names = names.join(&self.context.messages.text("list-separator"));
        self.done("demo-off-line", [("names", FluentValue::from(names))]);
        Ok(self.elders(&mut self.node(OFF_LINE[0])?)?.into_iter().next())
    }

    /// Both sides of the gap go on working: visits in the villages, a phone number on both sides.
    fn work_apart(&mut self, phone_of: Option<ElderSummary>) -> anyhow::Result<()> {
        let mut visits = 0;
        for index in OFF_LINE {
            self.interrupt.check()?;
            let mut node = self.node(index)?;
            let elders = self.elders(&mut node)?;
            for (turn, elder) in elders.iter().take(VISITS_OFF_LINE).enumerate() {
                let visit = visit(turn, self.context.as_of);
                node.call(VisitAdd { elder: elder.elder_id.to_string(), visit })?;
                visits += 1;
            }
        }
        self.done("demo-visits", [("visits", FluentValue::from(visits))]);
        let Some(elder) = phone_of else { return Ok(()) };
        for (index, phone) in [(OFF_LINE[0], "13800990001"), (TOWNSHIP, "13800990002")] {
            self.node(index)?.call(ElderSet {
                elder: elder.elder_id.to_string(),
                fields: BTreeMap::from([(Field::Phone, phone.to_owned())]),
                certified: false,
            })?;
        }
        self.done(
            "demo-both-edit",
            [
                ("village", FluentValue::from(self.name(OFF_LINE[0]))),
                ("township", self.name(TOWNSHIP).into()),
            ],
        );
        Ok(())
    }

    /// Waits until all nodes agree on every scope that they share. Whether they did.
    fn converge(&mut self, key: &str) -> anyhow::Result<bool> {
        let until = Instant::now() + CONVERGE_TIMEOUT;
        let bar = self.bar();
        let mut shown = 0;
        loop {
            self.interrupt.check()?;
            let scopes = ScopeAgreement::compare(&self.answers());
            let agreeing = scopes.iter().filter(|scope| scope.agreed().is_some()).count();
            if let Some(bar) = &bar {
                bar.set_length(scopes.len() as u64);
                bar.set_position(agreeing as u64);
            } else if agreeing != shown {
                shown = agreeing;
                let agreed = self.context.messages.text("demo-agreeing");
                self.context.output.note(&format!("  {agreeing}/{} {agreed}", scopes.len()));
            }
            let agreed = agreeing == scopes.len() && !scopes.is_empty();
            if agreed || Instant::now() > until {
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
                if agreed {
                    self.done(key, [("scopes", FluentValue::from(scopes.len()))]);
                }
                return Ok(agreed);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks everyone one last time, shows what they say, and ends the processes.
    fn finish(&mut self) -> anyhow::Result<Exit> {
        let answers = self.answers();
        let report = DemoReport::new(&answers, self.bytes_before, self.began.elapsed());
        let output = self.context.output;
        if output.is_json() {
            output.json(&report)?;
        } else {
            output.note("");
            let conflicts = self.conflicts()?;
            report.show(&answers, &conflicts, self.context)?;
        }
        for process in self.running.values_mut() {
            process.ask_to_stop();
        }
        for (_, process) in std::mem::take(&mut self.running) {
            process.stop();
        }
        if let Base::Kept(path) = &self.base {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let text = self
                .context
                .messages
                .say("demo-kept", [("path", FluentValue::from(path.display().to_string()))]);
            output.note(&text);
        }
        match report.converged {
            true => Ok(Exit::Done),
            false if output.is_json() => Ok(Exit::Failed),
            false => Err(Failure::failed("demo_not_converged")
                .with("scopes", report.differences())
                .into()),
        }
    }

    /// Conflicts as the county keeps them. The people do not exist, so names may be shown.
    fn conflicts(&self) -> anyhow::Result<Vec<KeptConflict>> {
        let messages = &self.context.messages;
        let mut node = self.node(0)?;
        let mut kept = Vec::new();
        for elder in self.elders(&mut node)?.iter().filter(|elder| elder.conflicts > 0) {
            let file = node.call(ElderShow {
                elder: elder.elder_id.to_string(),
                as_of: self.context.as_of,
                show_resident_id: false,
            })?;
            for field in file.fields.iter().filter(|field| !field.conflict.is_empty()) {
                let value = |stored: &str| crate::words::field_value(messages, field.field, stored);
                kept.push(KeptConflict {
                    elder: elder.name.clone().unwrap_or_default(),
                    field: messages.word("field", field.field.spec().key),
                    effective: value(&field.value),
                    others: field.conflict.iter().map(|other| value(other)).collect(),
                });
            }
        }
        Ok(kept)
    }

    fn elders(&self, node: &mut Node) -> anyhow::Result<Vec<ElderSummary>> {
        let request = ElderList { scope: None, matching: None, as_of: self.context.as_of };
        Ok(node.call(request)?.elders)
    }

    /// What every node says now. One that does not answer is no failure here: it does not agree.
    fn answers(&self) -> Vec<Answer> {
        let ask = |index| self.node(index)?.call(Status {});
        self.members
            .iter()
            .enumerate()
            .map(|(index, member)| Answer {
                node: member.name.clone(),
                area: member.area,
                status: ask(index).ok(),
            })
            .collect()
    }

    fn home(&self, index: usize) -> Home {
        let directory = self.members.get(index).map_or("", |member| member.directory);
        let home = self.base.path().join(directory);
        let secrets = Secrets {
            home: home.clone(),
            passphrase_file: None,
            key_file: Some(self.key_file()),
            prompts: Prompts::new(&self.context.messages),
        };
        Home::at(home).with_secrets(Arc::new(secrets))
    }

    /// One key for all homes: nobody should have to type eight passphrases.
    fn key_file(&self) -> PathBuf {
        self.base.path().join("demo.key")
    }

    fn node(&self, index: usize) -> Result<Node, shouwang_node::home::HomeError> {
        self.home(index).node()
    }

    fn name(&self, index: usize) -> String {
        self.members.get(index).map(|member| member.name.clone()).unwrap_or_default()
    }

    fn townships(&self) -> Vec<usize> {
        self.at(Level::Township)
    }

    fn villages(&self) -> Vec<usize> {
        self.at(Level::Village)
    }

    fn at(&self, level: Level) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| member.area.level() == level).map(|(at, _)| at).collect()
    }

    /// Ticks a step off, with the time that it took.
    fn done<const N: usize>(&mut self, key: &str, values: [(&str, FluentValue<'_>); N]) {
        let text = self.context.messages.say(key, values);
        let took = self.step.elapsed().as_secs_f64();
        self.context.output.marked_note(Mark::Good, &format!("{took:5.1} s  {text}"));
        self.step = Instant::now();
    }

    fn bar(&self) -> Option<ProgressBar> {
        if !self.context.output.shows_progress() {
            return None;
        }
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template("  {elapsed}  ▕{bar:24}▏ {pos}/{len} {msg}")
        {
            bar.set_style(style.progress_chars("█·"));
        }
        bar.set_message(self.context.messages.text("demo-agreeing"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Some(bar)
    }
}

/// Visits as villages make them: most go well, some find something, some find nobody.
fn visit(turn: usize, as_of: chrono::NaiveDate) -> Visit {
    let date = as_of - chrono::Days::new(turn as u64 % 7);
    let plain = Visit { visitor: Some("周主任".into()), ..Visit::on(date) };
    match turn % 4 {
        0 => Visit {
            health: Some(AreaReport {
                finding: Finding::Concern,
                items: [HealthItem::Mobility].into(),
            }),
            needs: [ServiceNeed::Meals].into(),
            ..plain
        },
        1 => Visit { mode: VisitMode::Phone, ..plain },
        2 => Visit { outcome: VisitOutcome::NoAnswer, ..plain },
        _ => Visit {
            health: Some(AreaReport { finding: Finding::Fine, items: Default::default() }),
            safety: Some(AreaReport { finding: Finding::Fine, items: Default::default() }),
            ..plain
        },
    }
}
