//! Each thing that is measured, in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use shouwang_crdt_schema::report::due::DueList;
use shouwang_node::command::coverage::CoverageAsked;
use shouwang_node::command::due::Due;
use shouwang_node::command::elder::ElderList;
use shouwang_node::command::health::Health;
use shouwang_node::command::lag::Lag;
use shouwang_node::command::roster::RosterList;
use shouwang_node::command::storage::Compact;
use shouwang_node::home::Node;

use super::figures::Measured;
use super::homes::Homes;
use super::people::as_of;
use super::sync;
use super::usage::{peak_bytes, process_cpu};

/// A thing that is measured, or a helper of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Opening the county's home.
    Open,
    /// `due`: every village's list.
    Due,
    /// `elder find` by name.
    Find,
    /// `roster list`.
    Roster,
    /// `status`, and `doctor`.
    Status,
    /// `lag`.
    Lag,
    /// One village connects, nothing is new.
    VillageIdle,
    /// One village connects with one new visit.
    VillageVisit,
    /// All townships connect at once, nothing is new.
    TownshipsIdle,
    /// A new device of the county meets all townships.
    TownshipsFirst,
    /// The file, before and after `compact`.
    Disk,
    /// Helper: the village's node.
    #[value(hide = true)]
    ServeVillage,
    /// Helper: the village's node, with a new visit.
    #[value(hide = true)]
    ServeVillageVisit,
    /// Helper: the townships' nodes.
    #[value(hide = true)]
    ServeTownships,
}

impl Part {
    /// Whether a figure comes of it.
    pub(super) fn is_measured(&self) -> bool {
        !matches!(self, Self::ServeVillage | Self::ServeVillageVisit | Self::ServeTownships)
    }

    /// Whether it takes so long that once has to do.
    pub(super) fn is_once(self) -> bool {
        matches!(self, Self::TownshipsFirst | Self::Disk)
    }

    /// Its name on the command line and in JSON.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Measures it in a child process.
    pub(super) fn measure(self, homes: &Homes) -> anyhow::Result<Measured> {
        let server = match self {
            Self::VillageIdle => Some(Self::ServeVillage),
            Self::VillageVisit => Some(Self::ServeVillageVisit),
            Self::TownshipsIdle | Self::TownshipsFirst => Some(Self::ServeTownships),
            _ => None,
        };
        let sockets = tempfile::tempdir()?;
        let socket = sockets.path().join("peers");
        let mut serving = match server {
            None => None,
            Some(server) => {
                let mut child = server.command(homes, Some(&socket))?.spawn()?;
                let mut line = String::new();
                let said = child.stdout.as_mut().context("no output")?;
                BufReader::new(said).read_line(&mut line)?;
                ensure!(line.trim() == sync::READY, "{} did not begin", server.name());
                Some(child)
            }
        };
        let scratch = homes.scratch("scratch");
        if matches!(self, Self::TownshipsFirst | Self::Disk) {
            let _ = std::fs::remove_dir_all(&scratch);
            let from = if self == Self::Disk { homes.county() } else { homes.newcomer() };
            copy_home(&from, &scratch)?;
        }
        let mut child = self.command(homes, serving.is_some().then_some(&socket))?.spawn()?;
        let mut text = String::new();
        child.stdout.take().context("no output")?.read_to_string(&mut text)?;
        ensure!(child.wait()?.success(), "{} failed", self.name());
        if let Some(serving) = &mut serving {
            ensure!(serving.wait()?.success(), "the peers of {} failed", self.name());
        }
        let _ = std::fs::remove_dir_all(&scratch);
        Ok(serde_json::from_str(&text)?)
    }

    fn command(
        self,
        homes: &Homes,
        socket: Option<&std::path::PathBuf>,
    ) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["county", "--part", &self.name(), "--home"]).arg(homes.scratch(""));
        if let Some(socket) = socket {
            command.arg("--socket").arg(socket);
        }
        command.stdout(Stdio::piped());
        Ok(command)
    }

    /// Does it in this process, and says what it came to.
    pub(super) fn run_here(self, homes: &Homes, socket: Option<&Path>) -> anyhow::Result<()> {
        let socket = || socket.context("no socket");
        let measured = match self {
            Self::ServeVillage => {
                return sync::serve(homes, &[homes.village()], false, socket()?);
            }
            Self::ServeVillageVisit => {
                return sync::serve(homes, &[homes.village()], true, socket()?);
            }
            Self::ServeTownships => {
                let townships = homes.built()?.townships;
                let places: Vec<_> = townships.iter().map(|code| homes.township(*code)).collect();
                return sync::serve(homes, &places, false, socket()?);
            }
            Self::VillageIdle | Self::VillageVisit | Self::TownshipsIdle => {
                sync::meet(homes, &homes.county(), true, socket()?)?
            }
            Self::TownshipsFirst => sync::meet(homes, &homes.scratch("scratch"), false, socket()?)?,
            Self::Disk => disk(homes)?,
            Self::Open | Self::Due | Self::Find | Self::Roster | Self::Status | Self::Lag => {
                self.ask(homes)?
            }
        };
        println!("{}", serde_json::to_string(&measured)?);
        Ok(())
    }

    fn ask(self, homes: &Homes) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        let home = homes.home(&homes.county())?;
        let (begun, cpu) = (Instant::now(), process_cpu());
        let mut node = home.node()?;
        if self == Self::Open {
            note_time(&mut measured, begun, cpu);
        } else {
            let (begun, cpu) = (Instant::now(), process_cpu());
            let found = self.answers(&mut node)?;
            note_time(&mut measured, begun, cpu);
            measured.note("found", found as f64);
        }
        measured.note("peak_bytes", peak_bytes() as f64);
        Ok(measured)
    }

    /// Asks as the command line does; how much came back.
    fn answers(self, node: &mut Node) -> anyhow::Result<usize> {
        let as_of = as_of()?;
        Ok(match self {
            Self::Due => {
                let coverage = node.call(CoverageAsked { within: None, as_of })?;
                let mut found = 0;
                for (scopes, _) in coverage.portions() {
                    let lists = vec![DueList::Overdue, DueList::Due, DueList::Occasions];
                    let due = Due { scopes, lists, as_of };
                    found += node.call(due)?.elders.len();
                }
                found
            }
            Self::Find => {
                let matching = Some("王秀英".to_owned());
                node.call(ElderList { scope: None, matching, as_of })?.elders.len()
            }
            Self::Roster => {
                let list = RosterList { scope: None, on: as_of, all: false };
                node.call(list)?.elders.len()
            }
            Self::Status => node.call(Health { as_of: None, machine: None })?.status.scopes.len(),
            Self::Lag => node.call(Lag { within: None, as_of_ms: None })?.villages.len(),
            _ => 0,
        })
    }
}

fn note_time(measured: &mut Measured, begun: Instant, cpu: std::time::Duration) {
    measured.note("ms", begun.elapsed().as_secs_f64() * 1_000.0);
    measured.note("cpu_ms", (process_cpu() - cpu).as_secs_f64() * 1_000.0);
}

fn disk(homes: &Homes) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let raw = homes.built()?.change_bytes as f64;
    let begun = Instant::now();
    let compacted = homes.home(&homes.scratch("scratch"))?.node()?.call(Compact {})?;
    measured.note("ms", begun.elapsed().as_secs_f64() * 1_000.0);
    measured.note("change_bytes", raw);
    measured.note("before_bytes", compacted.bytes_before as f64);
    measured.note("after_bytes", compacted.bytes_after as f64);
    measured.note("before_ratio", compacted.bytes_before as f64 / raw);
    measured.note("after_ratio", compacted.bytes_after as f64 / raw);
    measured.note("peak_bytes", peak_bytes() as f64);
    Ok(measured)
}

fn copy_home(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in ["store.redb", "store.key"] {
        std::fs::copy(from.join(file), to.join(file))?;
    }
    Ok(())
}
