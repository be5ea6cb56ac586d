//! The local door: who may come in, and how two processes share one home.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shouwang_node::vault::{Secret, Vault, VaultError};
use support::{Node, Office, PATIENCE, SHANGHE, SONGWU};

/// Address and token of a running node.
fn door(office: &Office) -> (String, String) {
    let text = std::fs::read(office.home().join("admin.json")).unwrap();
    let door: Value = serde_json::from_slice(&text).unwrap();
    let text = |key: &str| door[key].as_str().unwrap().to_owned();
    (text("address"), text("token"))
}

/// Sends bytes as they are and reads what comes until the end: the status, and all of it.
fn ask(address: &str, request: &[u8]) -> (Option<u16>, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status, answer)
}

fn request(method: &str, name: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} /v1/{name} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text +=
        &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

fn town() -> Office {
    let town = Office::begin(SONGWU);
    town.adds_elder(SHANGHE, "周国强");
    town
}

fn goes_on(town: &Office, node: &mut Node<'_>) {
    assert!(node.is_alive());
    assert_eq!(town.elders().len(), 1);
}

#[test]
fn only_the_token_opens_the_door_and_only_from_here() {
    let town = town();
    let mut node = town.up(&[]);
    let (address, token) = door(&town);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let port = address.rsplit(':').next().unwrap();
    let bearer = format!("Bearer {token}");
    let local = format!("http://127.0.0.1:{port}");
    let list = json!({"scope": null, "matching": null, "as_of": "2026-09-01"}).to_string();
    let (host, auth) = (("Host", address.as_str()), ("Authorization", bearer.as_str()));
    let right = request("POST", "elder_list", &[host, auth], &list);
    let (status, answer) = ask(&address, &right);
    assert_eq!(status, Some(200), "{answer}");
    assert!(answer.contains("周国强"));
    let own = request("POST", "elder_list", &[host, auth, ("Origin", &local)], &list);
    assert_eq!(ask(&address, &own).0, Some(200));

    let last = if token.ends_with('0') { "1" } else { "0" };
    let wrong_token = format!("Bearer {}{last}", &token[..token.len() - 1]);
    let elsewhere = format!("example.org:{port}");
    let other_port = "127.0.0.1:1".to_owned();
    let foreign = format!("http://example.org:{port}");
    let https = format!("https://127.0.0.1:{port}");
    for (headers, expected) in [
        (vec![host], 401),
        (vec![host, ("Authorization", "")], 401),
        (vec![host, ("Authorization", "Bearer ")], 401),
        (vec![host, ("Authorization", &token)], 401),
        (vec![host, ("Authorization", &wrong_token)], 401),
        (vec![host, ("Authorization", "Basic dXNlcjpwYXNz")], 401),
        // A page elsewhere whose name was turned to point here.
        (vec![("Host", elsewhere.as_str()), auth], 403),
        (vec![("Host", other_port.as_str()), auth], 403),
        (vec![("Host", "127.0.0.1"), auth], 403),
        (vec![("Host", ""), auth], 403),
        // A page in a browser on this machine.
        (vec![host, auth, ("Origin", "http://example.org")], 403),
        (vec![host, auth, ("Origin", &foreign)], 403),
        (vec![host, auth, ("Origin", &https)], 403),
        (vec![host, auth, ("Origin", "null")], 403),
        (vec![host, auth, ("Origin", "file://")], 403),
    ] {
        let (status, answer) = ask(&address, &request("POST", "elder_list", &headers, &list));
        assert_eq!(status, Some(expected), "{headers:?}: {answer}");
        assert!(!answer.contains("周国强"), "{headers:?}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
        goes_on(&town, &mut node);
    }
    // What a browser asks before it asks, and other verbs.
    for method in ["OPTIONS", "GET", "PUT", "DELETE"] {
        let (status, answer) = ask(&address, &request(method, "elder_list", &[host, auth], ""));
        assert!(matches!(status, Some(400..=499)), "{method}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
    }
    node.stop();
    assert!(!town.home().join("admin.json").exists(), "the door is gone with the node");
}

#[test]
fn whatever_comes_to_the_door_the_node_goes_on() {
    let town = town();
    let mut node = town.up(&[]);
    let (address, token) = door(&town);
    let bearer = format!("Bearer {token}");
    let headers = [("Host", address.as_str()), ("Authorization", bearer.as_str())];
    let long = "x".repeat(5 * 1024 * 1024);
    for (name, body, expected) in [
        ("no_such_request", "{}", 422),
        ("elder_list", "", 422),
        ("elder_list", "{", 422),
        ("elder_list", "[]", 422),
        ("elder_list", "{\"as_of\":\"yesterday\"}", 422),
        ("dial_now", "[1]", 422),
        ("elder_list", &long, 413),
        ("../../etc/passwd", "{}", 404),
    ] {
        let (status, answer) = ask(&address, &request("POST", name, &headers, body));
        // A body that is too long may find the door closed before it is all sent.
        let told = status == Some(expected) || (expected == 413 && status.is_none());
        assert!(told, "{name} {expected}: {answer:.300}");
        goes_on(&town, &mut node);
    }
    for bytes in [&b"\0\0\0\0"[..], b"POST", b"\x16\x03\x01\x02\x00\x01\x00", &[0xff; 9_000]] {
        let mut stream = TcpStream::connect(&address).unwrap();
        let _ = stream.write_all(bytes);
        drop(stream);
        goes_on(&town, &mut node);
    }
    node.stop();
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let town = town();
    let node = town.up(&[]);
    let mode = |name: &str| {
        let path = town.home().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("store.redb"), mode("admin.json")), (0o700, 0o600, 0o600));
    assert_eq!(mode("logs/shouwang.log"), 0o600);
    node.kill();
    // What a killed node left is not a way in for whoever made it readable.
    std::fs::set_permissions(town.home().join("admin.json"), PermissionsExt::from_mode(0o644))
        .unwrap();
    let node = town.up(&[]);
    assert_eq!(mode("admin.json"), 0o600);
    node.stop();
}

/// Two processes and one home: commands go to the node that runs, and a store that somebody holds
/// without answering is said to be in use.
#[test]
fn a_second_opener() {
    let town = town();
    let node = town.up(&[]);
    let pid = node.pid();
    // Commands see what the node has just written, and write through it.
    let elder = town.adds_elder(SHANGHE, "许桂英");
    town.done(&["visit", "add", &elder]);
    assert_eq!((town.elders().len(), town.visits().len()), (2, 1));
    let second = town.run(&["up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]);
    assert_eq!((second.exit, second.error().as_str()), (Some(1), "already_running"));
    assert_eq!(node.pid(), pid);
    node.stop();

    let key = Secret::read_key_file(&town.path("key")).unwrap();
    let held = Vault::open::<VaultError>(&town.home(), |_| Ok(key.clone())).unwrap();
    for arguments in [
        &["elder", "list"][..],
        &["status"],
        &["visit", "add", &elder],
        &["verify"],
        &["up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"],
    ] {
        let ended = town.run(arguments);
        assert_eq!((ended.exit, ended.error().as_str()), (Some(1), "in_use"), "{arguments:?}");
        assert!(ended.json()["error"]["hint"].is_string(), "{ended:?}");
    }
    drop(held);
    assert_eq!(town.visits().len(), 1);
}

/// What a killed node has left behind leads nobody astray: neither a door that is gone, nor one at
/// which somebody else lives now.
#[test]
fn a_door_that_is_no_longer_ours() {
    let (town, other) = (town(), Office::begin(SONGWU));
    town.up(&[]).kill();
    assert!(town.home().join("admin.json").exists());
    assert_eq!(town.elders().len(), 1);
    let stranger = other.up(&[]);
    let (elsewhere, _) = door(&other);
    let stale = |address: &str| {
        let door = json!({"address": address, "token": "00".repeat(32), "pid": 1});
        std::fs::write(town.home().join("admin.json"), door.to_string()).unwrap();
    };
    stale(&elsewhere);
    assert_eq!(town.elders().len(), 1, "another node answered");
    // One that takes every call and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    stale(&silent.local_addr().unwrap().to_string());
    assert_eq!(town.elders().len(), 1, "nobody answered");
    for rubbish in ["", "{}", "not json", "{\"address\":\"nowhere\",\"token\":\"\",\"pid\":0}"] {
        std::fs::write(town.home().join("admin.json"), rubbish).unwrap();
        assert_eq!(town.elders().len(), 1, "{rubbish:?}");
    }
    stranger.stop();
}

/// A node that is there and does not move: a command says so while somebody still waits for it.
#[cfg(unix)]
#[test]
fn a_node_that_is_frozen() {
    let town = town();
    let node = town.up(&[]);
    let signal = |name: &str| {
        let done = Command::new("kill").args([name, &node.pid().to_string()]).status().unwrap();
        assert!(done.success());
    };
    signal("-STOP");
    let begun = Instant::now();
    let ended = town.run(&["elder", "list"]);
    signal("-CONT");
    assert_eq!(ended.exit, Some(1), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(town.elders().len(), 1);
    node.stop();
}
