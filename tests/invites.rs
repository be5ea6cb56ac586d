//! Requests and invites by every way that people hand them over: text, file, stdin, QR code.

mod support;

use std::io::Write;
use std::process::Stdio;

use support::{COUNTY, Office, SHANGHE, SONGWU};

/// Runs a command that reads this on stdin.
fn fed(office: &Office, arguments: &[&str], text: &str) -> serde_json::Value {
    let mut child = office
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[test]
fn files_and_stdin_do_as_well_as_text() {
    let county = Office::begin(COUNTY);
    let town = Office::new("town");
    let path = |name: &str| town.path(name).to_str().unwrap().to_owned();
    let (request, invite) = (path("request.txt"), path("invite.txt"));
    let asked = town.done(&["request", "--out", &request]);
    let words = ["grant", &request, "--area", SONGWU, "--name", "镇", "--out", &invite];
    let granted = county.done(&words);
    assert_eq!(granted["fingerprint"], asked["fingerprint"], "what both compare aloud");
    // Nothing is overwritten, and nothing is granted for nothing.
    let before = county.done(&["device", "list"])["devices"].as_array().unwrap().len();
    let again = county.run(&[&words[..], &["--replace"]].concat());
    assert_eq!((again.exit, again.error().as_str()), (Some(2), "file_exists"));
    assert_eq!(town.run(&["request", "--out", &request]).error(), "file_exists");
    assert_eq!(county.done(&["device", "list"])["devices"].as_array().unwrap().len(), before);
    assert_eq!(town.done(&["join", &invite])["role"], "manager");
    assert_eq!(town.device(), granted["device"]);

    let village = Office::new("village");
    let request = village.done(&["request"])["request"].as_str().unwrap().to_owned();
    let words = ["grant", "-", "--area", SHANGHE, "--name", "村"];
    // As it comes out of a message or a scanner: broken into lines, in capitals.
    let broken = format!("{}\n{}\n", &request[..40], &request[40..]).to_uppercase();
    let granted = fed(&town, &words, &broken);
    let joined = fed(&village, &["join", "-"], granted["invite"].as_str().unwrap());
    assert_eq!(joined["role"], "clerk");
    assert_eq!(village.run(&["join", "gone.txt"]).error(), "file_not_found");
}

/// A code is drawn where no terminal says how wide it is; it is square, and has a border.
#[test]
fn a_request_is_drawn_as_a_code() {
    let office = Office::new("laptop");
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_shouwang"))
        .args(["--lang", "en", "--color", "never", "--home"])
        .arg(office.home())
        .args(["request", "--qr"])
        .env("LC_ALL", "C.UTF-8")
        .env("SHOUWANG_KEY_FILE", office.path("key"))
        .env_remove("TERM")
        .output()
        .unwrap();
    let drawn = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<&str> = drawn.lines().collect();
    let side = lines[0].chars().count();
    assert_eq!(lines.len(), side.div_ceil(2), "{drawn}");
    assert!(lines.iter().all(|line| line.chars().count() == side), "{drawn}");
    assert!(lines[0].chars().all(|c| c == '█') && drawn.contains('▄'), "{drawn}");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("Compare aloud"), "{said}");
}
