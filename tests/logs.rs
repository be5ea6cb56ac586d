//! What is said about a node to those who look after it: logs, metrics, the stream of what happens, status, the report
//! for whoever helps. It says how the node is, and nothing about an elder or whoever is near them.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use prometheus_parse::{Scrape, Value as Metric};
use support::{COUNTY, Node, Office, PATIENCE, SHANGHE, SONGWU, TODAY, converge, eventually};

/// Everything about people that the story writes.
const PERSONAL: [&str; 9] = [
    "周国强",
    "许桂英",
    "周小明",
    "13812345678",
    "13900000001",
    "990121194203150047",
    "摔倒在院子里",
    "村头老槐树下",
    "李支书",
];

fn get(address: &str, path: &str, token: Option<&str>) -> (u16, String) {
    let auth = token.map(|token| format!("Authorization: Bearer {token}"));
    ask(address, &format!("GET {path}"), &auth.unwrap_or("Accept: */*".into()), "")
}

fn admin_token(office: &Office) -> String {
    let door = std::fs::read_to_string(office.home().join("admin.json")).unwrap();
    let door: serde_json::Value = serde_json::from_str(&door).unwrap();
    door["token"].as_str().unwrap().to_owned()
}

fn ask(address: &str, what: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = match head.contains("Host: ") {
        true => String::new(),
        false => format!("Host: {address}\r\n"),
    };
    let request = format!("{what} HTTP/1.1\r\n{host}Connection: close\r\n{head}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if head.contains("200") && what.contains("/metrics") {
        assert!(head.contains("application/openmetrics-text"), "{head}");
    }
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Series and labels → value, as somebody else's program reads them.
fn series(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut series = BTreeMap::new();
    for sample in scrape.samples {
        let mut labels: Vec<String> =
            sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        labels.sort();
        let value = match sample.value {
            Metric::Counter(value) | Metric::Gauge(value) | Metric::Untyped(value) => value,
            other => panic!("{}: {other:?}", sample.metric),
        };
        let before = series.insert(format!("{}{{{}}}", sample.metric, labels.join(",")), value);
        assert_eq!(before, None, "{} twice", sample.metric);
    }
    series
}

/// All files below, as text.
fn files(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

fn says_nothing_personal(place: &str, text: &str) {
    for word in PERSONAL {
        if let Some(at) = text.find(word) {
            let before = text[..at].char_indices().rev().nth(120).map_or(0, |(index, _)| index);
            panic!("{place} says {word}: …{}", &text[before..at + word.len()]);
        }
    }
}

#[test]
fn nothing_that_operators_read_says_anything_about_a_person() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let token = town.path("metrics.token");
    std::fs::write(&token, "0123456789abcdef0123456789abcdef\n").unwrap();
    // A log at its loudest: with everything that libraries say, too.
    let top = county.up_with(&["--listen", "/ip4/127.0.0.1/tcp/0"], "trace");
    let up = ["--listen", "/ip4/127.0.0.1/tcp/0", "--peer", &top.address()];
    let below = town
        .up_with(&[&up[..], &["--metrics-token-file", token.to_str().unwrap()]].concat(), "trace");
    let mut watching = town.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let stream: Arc<Mutex<String>> = Arc::default();
    let read_so_far = stream.clone();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            read_so_far.lock().unwrap().push_str(&line);
        }
    });

    // A story with everything that is written about people, on both sides, with a conflict.
    let one = town.adds_elder(SHANGHE, "周国强");
    town.adds_elder(SHANGHE, "许桂英");
    town.done(&["elder", "set", &one, "resident_id=990121194203150047", "phone=13812345678"]);
    town.done(&[
        "visit",
        "add",
        &one,
        "--date",
        "2026-08-20",
        "--visitor",
        "李支书",
        "--note",
        "村头老槐树下",
    ]);
    converge(&[(&county, 2), (&town, 2)]);
    let incident = ["incident", "raise", &one, "--kind", "critical-illness", "--date", TODAY];
    let incident =
        town.done(&[&incident[..], &["--note", "摔倒在院子里", "--by", "李支书"]].concat());
    let incident = incident["incident_id"].as_str().unwrap().to_owned();
    eventually("the county hears of it", || {
        let list = county.run(&["incident", "list"]).json();
        match list["incidents"].as_array().is_some_and(|list| list.len() == 1) {
            true => Ok(()),
            false => Err(list.to_string()),
        }
    });
    eventually("whoever watches hears of it", || {
        let seen = stream.lock().unwrap();
        match seen.contains("\"wrote\"") && seen.contains("\"incidents\"") {
            true => Ok(()),
            false => Err(seen.clone()),
        }
    });
    county.done(&["incident", "ack", &incident, "--by", "李支书"]);
    below.stop();
    county.done(&["elder", "set", &one, "phone=13900000001"]);
    town.done(&["elder", "set", &one, "phone=13812345678", "name=周小明"]);
    let below = town.up_with(
        &["--listen", "/ip4/127.0.0.1/tcp/0", "--metrics-token-file", token.to_str().unwrap()],
        "trace",
    );
    county.done(&["elder", "find", "周国强"]);
    town.run(&["elder", "set", &one, "phone=不是号码13812345678"]);
    county.run(&["elder", "show", "990121194203150047"]);

    // What operators read of it.
    let mut read = vec![];
    for office in [&county, &town] {
        for command in ["status", "peers", "lag", "doctor", "metrics", "verify"] {
            for format in [&["--lang", "zh"][..], &["--format", "tsv"], &["--verbose"]] {
                let mut command_line = office.command(&[&[command], format].concat());
                // As text: the object has the same behind `--json`, which is there too.
                let arguments: Vec<_> = command_line.get_args().map(|a| a.to_owned()).collect();
                let plain = arguments.iter().filter(|argument| *argument != "--json");
                let output = std::process::Command::new(command_line.get_program())
                    .args(plain)
                    .env("SHOUWANG_KEY_FILE", office.path("key"))
                    .env("SHOUWANG_LOG", "trace")
                    .output()
                    .unwrap();
                command_line.stdin(Stdio::null());
                let text = [output.stdout, output.stderr].concat();
                read.push((command.to_owned(), String::from_utf8_lossy(&text).into_owned()));
            }
            let ended = office.run(&[command]);
            read.push((format!("{command} --json"), format!("{ended:?}")));
        }
        let bundle = office.path("report.json");
        office.run(&["doctor", "--bundle", bundle.to_str().unwrap()]);
        read.push(("doctor --bundle".into(), std::fs::read_to_string(bundle).unwrap()));
        read.push(("stderr".into(), std::fs::read_to_string(office.path("log")).unwrap()));
        let logs = files(&office.home().join("logs"));
        assert!(logs.iter().any(|(_, text)| text.contains("received")), "there is a log");
        read.extend(logs);
    }
    let (address, token) = (below.admin(), "0123456789abcdef0123456789abcdef");
    let (status, metrics) = get(&address, "/metrics", Some(token));
    assert_eq!(status, 200, "{metrics}");
    read.push(("/metrics".into(), metrics));
    below.stop();
    let _ = watching.kill();
    let _ = watching.wait();
    reader.join().unwrap();
    let stream = stream.lock().unwrap().clone();
    read.push(("watch".into(), stream));
    for (place, text) in &read {
        assert!(text.len() > 10, "{place} was not read: {text:?}");
        says_nothing_personal(place, text);
    }
    // The words are those that were written.
    let shown = town.run(&["elder", "show", &one]);
    assert!(format!("{shown:?}").contains("周小明"));
    drop(top);
}

#[test]
fn a_monitoring_system_is_given_metrics_and_nothing_else() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let file = county.path("metrics.token");
    std::fs::write(&file, "short\n").unwrap();
    let arguments = ["up", "--metrics-token-file", file.to_str().unwrap()];
    assert_eq!(county.run(&arguments).error(), "bad_metrics_token");
    let token = "a-token-of-thirty-two-characters";
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let top: Node<'_> = county.up_with(
        &["--listen", "/ip4/127.0.0.1/tcp/0", "--metrics-token-file", file.to_str().unwrap()],
        "info",
    );
    let address = top.admin();
    for wrong in [None, Some(""), Some("a-token-of-thirty-two-characterz")] {
        assert_eq!(get(&address, "/metrics", wrong).0, 401, "{wrong:?}");
    }
    // It opens nothing else.
    for (given, expected) in [(token, 401), (&*admin_token(&county), 200)] {
        let body = r#"{"scope":null,"matching":null,"as_of":"2026-09-01"}"#;
        let head = format!("Authorization: Bearer {given}\r\nContent-Length: {}", body.len());
        assert_eq!(ask(&address, "POST /v1/elder_list", &head, body).0, expected);
    }
    // No page of a browser on this machine is given them, whatever it shows.
    let auth = format!("Authorization: Bearer {token}");
    for foreign in ["Origin: http://example.org", "Host: example.org"] {
        let head = format!("{auth}\r\n{foreign}");
        assert_eq!(ask(&address, "GET /metrics", &head, "").0, 403, "{foreign}");
    }
    let port = address.rsplit(':').next().unwrap();
    let free = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let second = town.run(&[&["up", "--admin-port", port], &free[..]].concat());
    assert_eq!(second.error(), "admin_port_in_use");

    let below = town.up(&[&top.address()]);
    town.adds_elder(SHANGHE, "周国强");
    converge(&[(&county, 1), (&town, 1)]);
    let text = get(&address, "/metrics", Some(token)).1;
    let found = series(&text);
    let peer: String = town.device().chars().take(16).collect();
    for (name, expected) in [
        ("shouwang_elders{}", 1.0),
        ("shouwang_not_held_elsewhere_entries{}", 0.0),
        ("shouwang_conflicts{}", 0.0),
        (&*format!("shouwang_peer_online{{peer={peer}}}"), 1.0),
        (&*format!("shouwang_village_elders{{village={SHANGHE}}}"), 1.0),
    ] {
        assert_eq!(found.get(name), Some(&expected), "{name} in {text}");
    }
    assert!(found["shouwang_happenings_total{code=received}"] > 0.0, "{text}");
    assert!(found["shouwang_store_bytes{}"] > 0.0 && found["shouwang_free_bytes{}"] > 0.0);
    assert!(found["shouwang_wire_bytes_total{direction=received}"] > 0.0);
    // Whoever writes an alarm finds every series in the guide.
    let guide = include_str!("../docs/operating.md");
    for name in found.keys().filter_map(|key| key.split('{').next()) {
        let name = name.trim_end_matches("_total");
        assert!(guide.contains(&format!("`{name}")), "{name} is not in docs/operating.md");
    }
    // Status and the monitor are of one opinion.
    let severity = county.run(&["status"]).json()["severity"].as_str().unwrap().to_owned();
    let order = ["good", "note", "attention", "bad", "risk"];
    let number = order.iter().position(|word| *word == severity).unwrap() as f64;
    let found = series(&get(&address, "/metrics", Some(token)).1);
    assert_eq!(found["shouwang_severity{}"], number, "{severity}");
    below.stop();
    top.stop();
    // And without a node that runs, for whoever collects files.
    let ended = county.run(&["metrics"]);
    assert_eq!(ended.exit, Some(0));
    let text = ended.json()["text"].as_str().unwrap().to_owned();
    assert_eq!(series(&text)["shouwang_elders{}"], 1.0);
}
