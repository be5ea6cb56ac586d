//! Ours over the real transport: two processes as `shouwang up` runs them, and what they count
//! themselves.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use shouwang_node::command::CommandError;
use shouwang_node::command::status::{Peers, Status, StatusReport};
use shouwang_node::home::{Home, Inside, Node, SecretSource};
use shouwang_node::process::{self, Pages};
use shouwang_node::runtime::UpOptions;
use shouwang_node::vault::{Lock, Secret};

use super::disk::key_file;
use super::mesh::Clock;
use super::part::{PartOptions, command};
use super::prepare::{self, ENDS_MS};
use super::shouwang::{entropy, hear_clerks, prepare_home};
use super::{Bench, Phase, Role};

/// How often the two are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

/// How long nothing may move before it counts as over.
const QUIET: Duration = Duration::from_millis(1_500);

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Runs a phase. Returns the payload of TCP both ways, bytes, as the receiver's transport has counted
/// it; None for what cannot be staged without a third process in the count.
pub(crate) fn phase(bench: &Bench<'_>, phase: Phase) -> anyhow::Result<Option<u64>> {
    if phase == Phase::Live {
        return Ok(None);
    }
    let sender = Running::start(bench, phase, Role::Sender, None)?;
    let receiver = Running::start(bench, phase, Role::Receiver, Some(&sender.address))?;
    let (mut from, mut to) = (sender.node()?, receiver.node()?);
    let begun = Instant::now();
    // Bytes, and since when there have been no more.
    let mut rest: Option<(u64, Instant)> = None;
    while begun.elapsed() < PATIENCE {
        std::thread::sleep(LOOKED_AT_EVERY);
        if !is_done(&mut from)? || !is_done(&mut to)? {
            rest = None;
            continue;
        }
        let report = to.call(Status {})?;
        let bytes = report.wire_bytes_sent + report.wire_bytes_received;
        match rest {
            Some((before, since)) if before == bytes => {
                if since.elapsed() < QUIET {
                    continue;
                }
                if digests(&report) != digests(&from.call(Status {})?) {
                    bail!("after {phase} over TCP the two nodes do not agree");
                }
                return Ok(Some(bytes));
            }
            _ => rest = Some((bytes, Instant::now())),
        }
    }
    bail!("{phase} over TCP is not done")
}

/// Runs one node until its input is closed.
pub(crate) fn side(
    options: &PartOptions,
    phase: Phase,
    role: Role,
    peer: Option<&str>,
) -> anyhow::Result<()> {
    let folder = options.folder.as_path();
    let own = prepare_home(options, "tcp", phase, role)?;
    if (phase, role) == (Phase::Reconnect, Role::Sender) {
        let mut entropy = entropy(phase, role);
        let mut engine = prepare::open(folder, &own, &mut entropy)?;
        hear_clerks(&mut engine, &mut Clock::at(ENDS_MS), folder, &mut entropy)?;
    }
    let home = Home::at(&own).with_secrets(Arc::new(KeyFile(key_file(folder))));
    let up = UpOptions {
        admin_port: None,
        metrics_token: None,
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        peers: peer.map(str::to_owned).into_iter().collect(),
        mdns: false,
        relay: false,
    };
    let ready = |ready: process::Ready| {
        let address = ready.listening.first().map_or("", String::as_str);
        println!("{address}");
        let _ = stdout().flush();
    };
    let ended = async {
        // Whoever measures closes the input, or is gone.
        let closed = tokio::task::spawn_blocking(|| stdin().lines().for_each(drop));
        let _ = closed.await;
    };
    let no_pages = None::<fn(Inside) -> Pages>;
    Ok(tokio::runtime::Runtime::new()?.block_on(process::up(&home, up, no_pages, ready, ended))?)
}

/// Whether every peer's exchange is complete, and there is one.
fn is_done(node: &mut Node) -> anyhow::Result<bool> {
    let report = node.call(Peers {})?;
    let mut sessions = report.peers.iter().filter(|peer| peer.in_session).peekable();
    Ok(sessions.peek().is_some() && sessions.all(|peer| peer.done && peer.settled))
}

fn digests(report: &StatusReport) -> Vec<(String, &str, &str)> {
    let scopes = report.scopes.iter();
    scopes.map(|scope| (scope.code.to_string(), &*scope.digest, &*scope.authority_digest)).collect()
}

/// A node in a process of its own.
struct Running {
    process: Child,
    /// Closed when it shall stop.
    input: Option<ChildStdin>,
    address: String,
    home: PathBuf,
}

impl Running {
    fn start(
        bench: &Bench<'_>,
        phase: Phase,
        role: Role,
        peer: Option<&str>,
    ) -> anyhow::Result<Self> {
        let (phase_name, role_name) = (phase.to_string(), role.to_string());
        let mut arguments = vec!["tcp", &phase_name, &role_name];
        arguments.extend(peer);
        let mut command = command(bench, &arguments)?;
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("the node has no output")?;
        let home = bench.folder.join(format!("tcp-{phase}-{role}"));
        let mut running = Self { process, input, address: String::new(), home };
        BufReader::new(output).read_line(&mut running.address)?;
        running.address.truncate(running.address.trim_end().len());
        if running.address.is_empty() {
            bail!("the node does not start");
        }
        Ok(running)
    }

    fn node(&self) -> anyhow::Result<Node> {
        let node = Home::at(&self.home).node()?;
        if !node.is_running() {
            bail!("the node does not answer");
        }
        Ok(node)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// The key file of the homes.
#[derive(Debug)]
struct KeyFile(PathBuf);

impl KeyFile {
    fn read(path: &Path) -> Result<Secret, CommandError> {
        Ok(Secret::read_key_file(path)?)
    }
}

impl SecretSource for KeyFile {
    fn to_open(&self, _lock: Lock) -> Result<Secret, CommandError> {
        Self::read(&self.0)
    }

    fn to_create(&self) -> Result<Secret, CommandError> {
        Self::read(&self.0)
    }
}
