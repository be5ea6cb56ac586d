//! `docs/operating.md`: its commands are run as they stand there, and what they print is what it says.
//!
//! `…` stands for what differs from run to run: within a line, or for lines, up to the next that is written. `[exit 3]`
//! after a command says how it ends; none says 0. The ports of the text stand for free ones.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TEXT: &str = include_str!("../docs/operating.md");

/// How long what another process does may take to be seen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command of the text, and what it is said to print.
#[derive(Debug)]
struct Step {
    command: String,
    expected: Vec<String>,
    exit: i32,
}

/// The fenced blocks whose first line begins so: what stands behind that, and their lines.
fn blocks(kind: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut open = false;
    for line in TEXT.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(first), false) => {
                open = true;
                found.push((first.to_owned(), Vec::new()));
            }
            (Some(_), true) => open = false,
            (None, true) => found.last_mut().unwrap().1.push(line.to_owned()),
            (None, false) => {}
        }
    }
    found.retain(|(first, _)| first.split(' ').next() == Some(kind));
    found.iter_mut().for_each(|(first, _)| *first = first[kind.len()..].trim().to_owned());
    found
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks("console").into_iter().flat_map(|(_, lines)| lines) {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), expected: Vec::new(), exit: 0 });
        } else if let Some(exit) = line.strip_prefix("[exit ") {
            steps.last_mut().unwrap().exit = exit.trim_end_matches(']').parse().unwrap();
        } else {
            steps.last_mut().unwrap().expected.push(line);
        }
    }
    steps
}

/// Whether a line is as the text has it.
fn is_like(line: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        rest = match (rest.find(part), parts.peek()) {
            (Some(_), None) if rest.ends_with(part) => return true,
            (Some(at), Some(_)) => &rest[at + part.len()..],
            _ => return false,
        };
    }
    true
}

/// Whether lines are as the text has them.
fn are_like(lines: &[&str], expected: &[String]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "…" => {
            (0..=lines.len()).any(|gone| are_like(&lines[gone..], rest))
        }
        (Some((first, rest)), Some((line, lines))) => is_like(line, first) && are_like(lines, rest),
        _ => false,
    }
}

/// The machine on which the text is tried.
struct Machine {
    directory: tempfile::TempDir,
    ports: BTreeMap<String, u16>,
    running: Vec<Option<Child>>,
}

impl Machine {
    fn new() -> Self {
        // Held together, so that no two are the same.
        let held: Vec<TcpListener> =
            (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let names = ["4420", "4421", "4422"].map(str::to_owned);
        let ports = held.iter().map(|listener| listener.local_addr().unwrap().port());
        let ports = names.into_iter().zip(ports).collect();
        Self { directory: tempfile::tempdir().unwrap(), ports, running: Vec::new() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The text with this machine's ports.
    fn here(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (name, port)| {
            text.replace(&format!("tcp/{name}"), &format!("tcp/{port}"))
        })
    }

    fn shouwang(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shouwang"));
        command
            .args(words.split_whitespace())
            .current_dir(self.path())
            .env("SHOUWANG_KEY_FILE", "trial.key")
            .env_remove("SHOUWANG_HOME")
            .env("LC_ALL", "en_US.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Does what the text says; the lines that were printed, and the exit code.
    fn does(&mut self, command: &str) -> (String, i32) {
        let command = self.here(command);
        if let Some(number) = command.strip_prefix("kill %") {
            let child = self.running[number.parse::<usize>().unwrap() - 1].take();
            self.ends(child.unwrap());
            return (String::new(), 0);
        }
        let words = command.strip_prefix("shouwang ").unwrap_or_else(|| panic!("{command}"));
        let Some(words) = words.strip_suffix(" &") else {
            let output = self.shouwang(words).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            return (String::from_utf8(text).unwrap(), output.status.code().unwrap());
        };
        let mut child = self.shouwang(words).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut text = String::new();
        while !text.contains("ctrl-c") {
            text += &format!("{}\n", lines.next().expect("the node ended").unwrap());
        }
        // Whoever runs it goes on reading.
        std::thread::spawn(move || lines.for_each(drop));
        self.running.push(Some(child));
        (text, 0)
    }

    /// As the shell's `kill` does it: asks it to end.
    fn ends(&self, mut child: Child) {
        let asked = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(asked.success());
        assert!(child.wait().unwrap().success(), "it did not end by itself");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for mut child in self.running.drain(..).flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_guide_for_operators_is_true() {
    let mut machine = Machine::new();
    for (name, lines) in blocks("csv") {
        std::fs::write(machine.path().join(name), lines.join("\n") + "\n").unwrap();
    }
    let steps = steps();
    assert!(steps.len() > 20, "the text has lost its commands");
    for step in steps.iter().filter(|step| !step.command.starts_with("export ")) {
        let expected: Vec<String> = step.expected.iter().map(|line| machine.here(line)).collect();
        let began = Instant::now();
        loop {
            let (printed, exit) = machine.does(&step.command);
            let lines: Vec<&str> = printed.lines().collect();
            if exit == step.exit && are_like(&lines, &expected) {
                break;
            }
            // What only looks may look again: another process may not have come so far.
            let looks = ["doctor", "lag", "status"].iter().any(|word| step.command.contains(word));
            assert!(
                looks && began.elapsed() < PATIENCE,
                "{}\nexit {exit}, and {} is said:\n{printed}\nThe text says:\n{}",
                step.command,
                step.exit,
                expected.join("\n")
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

#[test]
fn lines_are_compared_as_the_text_says() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (printed, expected, alike) in [
        ("a\nb", "a\nb", true),
        ("a\nb", "a", false),
        ("a\nb\nc", "a\n…\nc", true),
        ("a\nc", "a\n…\nc", true),
        ("a\nb", "…", true),
        ("File 51aa is saved", "File … is saved", true),
        ("File 51aa is lost", "File … is saved", false),
        ("exit", "exit…x", false),
        ("", "x", false),
    ] {
        let seen: Vec<&str> = printed.lines().collect();
        assert_eq!(are_like(&seen, &lines(expected)), alike, "{printed:?} {expected:?}");
    }
}
