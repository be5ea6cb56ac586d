//! A node as an operating-system process that never outlives us.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::interrupt::Interrupt;
use crate::error::Failure;

/// Time for a process to say that it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for a process to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How often we look.
const STEP: Duration = Duration::from_millis(20);

/// A running node. It ends when its stdin does, so even our sudden death ends it; dropping kills
/// it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Where it listens, with its peer id.
    pub(crate) listening: Vec<String>,
}

/// The line that `up --json` prints.
#[derive(Deserialize)]
struct Ready {
    listening: Vec<String>,
}

impl Process {
    /// Starts `up` on a home and waits until it is ready. What it logs goes to `log`.
    pub(crate) fn start(
        home: &Path,
        key_file: &Path,
        peer: Option<&str>,
        log: &Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let log_file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|error| Failure::unwritable(log, &error))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--home").arg(home).arg("--key-file").arg(key_file);
        command.args(["--json", "up", "--no-mdns", "--stop-with-stdin"]);
        command.args(["--listen", "/ip4/127.0.0.1/tcp/0"]);
        if let Some(peer) = peer {
            command.args(["--peer", peer]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file);
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut process = Self { child, stdin, listening: Vec::new() };
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, or the process would block on a full pipe.
            for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
                let Ok(line) = line else { break };
                let _ = sender.send(line);
            }
        });
        let until = Instant::now() + READY_TIMEOUT;
        let failed = || {
            Failure::failed("node_not_ready")
                .with("home", home.display())
                .with("log", log.display())
        };
        loop {
            interrupt.check()?;
            match lines.recv_timeout(STEP) {
                Ok(line) => {
                    let ready: Ready = serde_json::from_str(&line).map_err(|_| failed())?;
                    process.listening = ready.listening;
                    return Ok(process);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(_) => return Err(failed().into()),
            }
        }
    }

    /// Asks the process to end.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Asks the process to end and waits for it; past the time it is killed. Whether it ended by
    /// itself.
    pub(crate) fn stop(mut self) -> bool {
        self.ask_to_stop();
        let until = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(STEP),
                Err(_) => break,
            }
        }
        false
    }

    /// The operating system's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
