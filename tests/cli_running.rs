//! A node that runs: commands reach it, a second one is told so, and it ends when asked to.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn shouwang(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shouwang"));
    command.args(["--lang", "en", "--json", "--home"]).arg(home);
    command.env("SHOUWANG_KEY_FILE", home.with_file_name("demo.key"));
    command
}

fn json(command: &mut Command, exit: i32) -> Value {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{command:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A node in a process of its own; killed if the test fails before it ends.
struct Running(Child);

impl Running {
    fn start(home: &Path) -> (Self, Value) {
        let mut child = shouwang(home)
            .args(["up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--stop-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), serde_json::from_str(&line).unwrap())
    }

    fn ends_within(&mut self, limit: Duration) -> Option<i32> {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the node did not end within {limit:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn commands_go_to_the_running_node_and_a_second_one_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let home = &directory.path().join("home");
    json(shouwang(home).args(["init", "--area", "990121101000"]), 0);
    let (mut node, ready) = Running::start(home);
    assert_eq!(ready["event"], "ready");
    assert!(ready["listening"][0].as_str().unwrap().contains("/p2p/"), "{ready}");

    let add = ["elder", "add", "--village", "990121101203", "name=卫德福"];
    let saved = json(shouwang(home).args(add), 0);
    let listed = json(shouwang(home).args(["elder", "list"]), 0);
    assert_eq!(listed["elders"][0]["elder_id"], saved["elder_id"]);
    let refused = json(shouwang(home).args(["up", "--listen", "/ip4/127.0.0.1/tcp/0"]), 1);
    assert_eq!(refused["error"]["code"], "already_running");
    json(shouwang(home).args(["sync", "--timeout", "1s"]), 5);

    drop(node.0.stdin.take());
    assert_eq!(node.ends_within(Duration::from_secs(20)), Some(0));
    let after = json(shouwang(home).args(["elder", "list"]), 0);
    assert_eq!(after, listed, "what was saved is there when the node has ended");
}

#[cfg(unix)]
#[test]
fn a_request_to_terminate_ends_the_node_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let home = &directory.path().join("home");
    json(shouwang(home).args(["init", "--area", "990121101000"]), 0);
    for signal in ["-TERM", "-INT"] {
        let (mut node, _) = Running::start(home);
        let id = node.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(node.ends_within(Duration::from_secs(20)), Some(0), "{signal}");
        json(shouwang(home).args(["verify"]), 0);
    }
}

#[test]
fn the_demonstration_converges_and_says_so_in_the_documented_keys() {
    let directory = tempfile::tempdir().unwrap();
    let keep = directory.path().join("county");
    let mut demo = shouwang(directory.path());
    demo.args(["demo", "--elders", "40", "--seed", "3", "--keep"]).arg(&keep);
    let report = json(&mut demo, 0);
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let documented = [
        "bytes_on_wire",
        "conflicts",
        "converged",
        "elders",
        "entries",
        "nodes",
        "schema_version",
        "scopes",
        "seconds",
    ];
    assert_eq!(keys, documented);
    assert_eq!((&report["converged"], &report["nodes"]), (&true.into(), &8.into()));
    assert_eq!(report["conflicts"], 1, "both sides wrote one phone");
    assert!(report["bytes_on_wire"].as_u64().unwrap() > 0);
    // The homes say the same when they are opened one by one.
    let status = |name: &str| {
        // Of the machine that this runs on there may be something to say, and of the county not.
        let output = shouwang(&keep.join(name)).arg("status").output().unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        for finding in status["findings"].as_array().unwrap() {
            let good = finding["severity"] == "good" || finding["severity"] == "note";
            assert!(good || finding["group"] == "storage", "{name}: {finding}");
        }
        assert!(matches!(output.status.code(), Some(0 | 3)), "{name}: {output:?}");
        status
    };
    let county = status("county");
    for village in ["shanghe", "xiahe", "qingshi", "hetang", "liuwan"] {
        let own = &status(village)["scopes"][0];
        let scopes = county["scopes"].as_array().unwrap();
        let at_county = scopes.iter().find(|scope| scope["code"] == own["code"]).unwrap();
        for key in ["digest", "authority_digest", "elders", "entries", "conflicts"] {
            assert_eq!(own[key], at_county[key], "{village} {key}");
        }
        let said = report["scopes"].as_array().unwrap();
        let said = said.iter().find(|scope| scope["code"] == own["code"]).unwrap();
        assert_eq!(said["digest"], own["digest"]);
        assert_eq!(said["nodes"].as_array().unwrap().len(), 3);
    }
}
