//! Offices whose nodes are processes of their own, on sockets of 127.0.0.1.
//!
//! Nothing here waits for a length of time: it waits for something to be so, and says what was not
//! so when the time is over, with what the processes have logged.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::fmt::Debug;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod capability;
pub mod image;
pub mod npm;

/// The longest that anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The day for what is computed.
pub const TODAY: &str = "2026-09-01";

pub const COUNTY: &str = "990121000000";
pub const SONGWU: &str = "990121101000";
pub const QINGHE: &str = "990121200000";
pub const SHANGHE: &str = "990121101203";
pub const XIAHE: &str = "990121101204";

/// A file of `tests/data`.
pub fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name);
    path.to_str().unwrap().to_owned()
}

/// Waits until something is there.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if Instant::now() >= until => {
                panic!("{what}: not within {PATIENCE:?}: {why}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// A device's home directory, and what is done there.
pub struct Office {
    pub name: String,
    directory: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub exit: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The one object that it printed.
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the error that it printed.
    pub fn error(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

impl Office {
    /// A machine on which nothing has been done yet.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), directory: tempfile::tempdir().unwrap() }
    }

    /// Begins a mesh over this area.
    pub fn begin(area: &str) -> Self {
        let office = Self::new(area);
        office.done(&["init", "--area", area, "--name", area]);
        office.done(&["area", "import", &data("areas.csv")]);
        office
    }

    /// A new device, let in by this one.
    pub fn admits(&self, area: &str, role: Option<&str>) -> Self {
        self.admits_named(area, area, role)
    }

    /// A new device of this name.
    pub fn admits_named(&self, name: &str, area: &str, role: Option<&str>) -> Self {
        let office = Self::new(&format!("{area} {}", role.unwrap_or_default()));
        let request = office.done(&["request"]);
        let request = request["request"].as_str().unwrap();
        let mut grant = vec!["grant", request, "--area", area, "--name", name];
        grant.extend(role.iter().flat_map(|role| ["--role", role]));
        let granted = self.done(&grant);
        office.done(&["join", granted["invite"].as_str().unwrap()]);
        office
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// A file beside the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, on this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shouwang"));
        command
            .args(["--json", "--lang", "en", "--home"])
            .arg(self.home())
            .args(arguments)
            .env("SHOUWANG_KEY_FILE", self.path("key"))
            .env_remove("SHOUWANG_PASSPHRASE")
            .stdin(Stdio::null());
        if !arguments.contains(&"--as-of") {
            command.args(["--as-of", TODAY]);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_within(PATIENCE, arguments)
    }

    /// Runs a command that has much to do to its end.
    pub fn run_within(&self, patience: Duration, arguments: &[&str]) -> Ended {
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let mut child = self
            .command(arguments)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let status = ended(&mut child, patience);
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let (stdout, stderr) = (read(&out), read(&err));
        let Some(status) = status else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{}: {arguments:?} has not ended: {stdout}{stderr}", self.name);
        };
        Ended { exit: status.code(), stdout, stderr }
    }

    /// Runs a command that must end with this code, and reads its one object.
    pub fn json(&self, arguments: &[&str], exit: i32) -> Value {
        let ended = self.run(arguments);
        assert_eq!(ended.exit, Some(exit), "{}: {arguments:?}: {ended:?}", self.name);
        let value = ended.json();
        assert_eq!(value["schema_version"], 1, "{value}");
        value
    }

    /// Runs a command that must succeed.
    pub fn done(&self, arguments: &[&str]) -> Value {
        self.json(arguments, 0)
    }

    /// `status`, whatever it finds that a person should look at.
    pub fn status(&self) -> Value {
        let ended = self.run(&["status"]);
        assert!(matches!(ended.exit, Some(0 | 3)), "{}: {ended:?}", self.name);
        ended.json()
    }

    /// `peers`, as [`Office::status`].
    pub fn peers(&self) -> Vec<Value> {
        let ended = self.run(&["peers"]);
        assert!(matches!(ended.exit, Some(0 | 3)), "{}: {ended:?}", self.name);
        ended.json()["peers"].as_array().unwrap().clone()
    }

    /// A one-time link to the pages of this node, which runs.
    pub fn console_link(&self, language: &str) -> String {
        let opened = self.done(&["open", "--no-browser"]);
        let url = opened["url"].as_str().unwrap();
        url.replace("&lang=en", &format!("&lang={language}"))
    }

    /// This device's id.
    pub fn device(&self) -> String {
        self.status()["device"]["id"].as_str().unwrap().to_owned()
    }

    /// What it says of one peer.
    pub fn peer(&self, device: &str) -> Option<Value> {
        self.peers().into_iter().find(|peer| peer["device"] == device)
    }

    /// Exchanges with whoever listens at the address, by a process of its own, and returns what is
    /// said of that peer. Others may be found in the local network too; they are no matter here.
    pub fn syncs(&self, address: &str, device: &str) -> Value {
        let ended = self.run(&["sync", "--peer", address, "--timeout", "30s"]);
        let peers = ended.json()["peers"].as_array().cloned().unwrap_or_default();
        let peer = peers.into_iter().find(|peer| peer["device"] == device);
        peer.unwrap_or_else(|| panic!("{}: {ended:?}", self.name))
    }

    pub fn adds_elder(&self, village: &str, name: &str) -> String {
        // On the roster since long before whatever a story records.
        let name = format!("name={name}");
        let add = ["elder", "add", "--village", village, "--date", "2026-01-01", &name];
        let saved = self.done(&add);
        saved["elder_id"].as_str().unwrap().to_owned()
    }

    pub fn elders(&self) -> Vec<Value> {
        self.done(&["elder", "list"])["elders"].as_array().unwrap().clone()
    }

    /// The names of all elders, sorted.
    pub fn names(&self) -> Vec<String> {
        let elders = self.elders();
        let name = |elder: &Value| elder["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = elders.iter().map(name).collect();
        names.sort();
        names
    }

    pub fn visits(&self) -> Vec<Value> {
        self.done(&["visit", "list"])["visits"].as_array().unwrap().clone()
    }

    /// Everything reads back.
    pub fn verify(&self) {
        let report = self.done(&["verify"]);
        assert_eq!((&report["ok"], &report["faults"]), (&true.into(), &Value::Array(vec![])));
    }

    /// Runs the node until it is killed, stopped or dropped.
    pub fn up(&self, peers: &[&str]) -> Node<'_> {
        self.up_at(&["/ip4/127.0.0.1/tcp/0"], peers)
    }

    /// As [`Office::up`], listening here.
    pub fn up_at(&self, listen: &[&str], peers: &[&str]) -> Node<'_> {
        let mut arguments: Vec<&str> = Vec::new();
        arguments.extend(listen.iter().flat_map(|listen| ["--listen", *listen]));
        arguments.extend(peers.iter().flat_map(|peer| ["--peer", *peer]));
        self.up_with(&arguments, "info")
    }

    /// As [`Office::up`], with arguments of one's own, logging so much.
    pub fn up_with(&self, arguments: &[&str], log_filter: &str) -> Node<'_> {
        let log = self.path("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = self
            .command(&[&["up", "--no-mdns", "--stop-with-stdin"], arguments].concat())
            .env("SHOUWANG_LOG", log_filter)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line);
        let mut node = Node { office: self, child, ready: Value::Null };
        assert!(matches!(read, Ok(1..)), "{} does not come up: {read:?}", self.name);
        node.ready = serde_json::from_str(&line).unwrap();
        assert_eq!(node.ready["event"], "ready");
        node
    }
}

/// A node that runs.
pub struct Node<'a> {
    office: &'a Office,
    child: Child,
    ready: Value,
}

impl Node<'_> {
    /// Where the admin API answers.
    pub fn admin(&self) -> String {
        self.ready["admin"].as_str().unwrap().to_owned()
    }

    /// Where it can be dialled.
    pub fn address(&self) -> String {
        self.ready["listening"][0].as_str().unwrap().to_owned()
    }

    /// `127.0.0.1:port` of its libp2p socket.
    pub fn socket(&self) -> String {
        let address = self.address();
        let port = address.split('/').nth(4).unwrap();
        format!("127.0.0.1:{port}")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Pulls the plug.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and it does.
    pub fn stop(mut self) {
        drop(self.child.stdin.take());
        let status = ended(&mut self.child, PATIENCE);
        assert!(status.is_some_and(|status| status.success()), "{}: {status:?}", self.office.name);
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read(self.office.path("log")).unwrap_or_default();
            eprintln!("--- {} ---\n{}", self.office.name, String::from_utf8_lossy(&log));
        }
    }
}

/// Waits for a process to end.
pub fn ended(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if Instant::now() >= until => return None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Scope → both digests.
pub fn digests(status: &Value) -> std::collections::BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let scopes = status["scopes"].as_array().unwrap().iter();
    scopes.map(|s| (text(&s["code"]), (text(&s["digest"]), text(&s["authority_digest"])))).collect()
}

/// Whether offices agree on every scope that two of them hold.
pub fn agree(offices: &[&Office]) -> Result<(), String> {
    let held: Vec<_> = offices.iter().map(|office| digests(&office.status())).collect();
    for (one, first) in held.iter().enumerate() {
        for (two, second) in held.iter().enumerate().skip(one + 1) {
            for (scope, digest) in first {
                let other = second.get(scope);
                // The top of a smaller area is listed even where nothing of it is there yet.
                if other.is_some_and(|other| other != digest) {
                    let names = (&offices[one].name, &offices[two].name);
                    return Err(format!("{names:?} differ on {scope}"));
                }
            }
        }
    }
    Ok(())
}

/// Waits until the offices agree, and each holds so many elders.
pub fn converge(offices: &[(&Office, usize)]) {
    let all: Vec<&Office> = offices.iter().map(|(office, _)| *office).collect();
    eventually("convergence", || {
        for (office, expected) in offices {
            let found = office.elders().len();
            if found != *expected {
                return Err(format!("{} has {found} elders of {expected}", office.name));
            }
        }
        agree(&all)
    });
}

/// Waits until a peer has counted this as refused.
pub fn refused(office: &Office, device: &str, code: &str) -> Value {
    eventually(&format!("{} names {code}", office.name), || {
        let peer = office.peer(device).ok_or("the peer is not known")?;
        match peer["refused"][code].as_u64() {
            Some(1..) => Ok(peer),
            _ => Err(peer.to_string()),
        }
    })
}

/// Two things that must be the same, told apart field by field when they are not.
pub fn same<T: PartialEq + Debug>(what: &str, one: &[T], two: &[T]) {
    for (nth, (one, two)) in one.iter().zip(two).enumerate() {
        assert_eq!(one, two, "{what} {nth}");
    }
    assert_eq!(one.len(), two.len(), "{what}");
}
