//! Every example of every `--help`, run as it stands there, by a shell, on a terminal: what a person copies works.
//!
//! Examples name things that are nobody's: `3fa9` is an elder, `/media/stick` a stick. Here they are what a small mesh
//! really has. Each example runs on a copy of the home of the office whose business it is.

#![cfg(unix)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use support::{
    COUNTY, Office, PATIENCE, SHANGHE, SONGWU, TODAY, XIAHE, converge, data, eventually,
};

/// A command's help: what is beneath it, and its examples.
struct Help {
    commands: Vec<String>,
    examples: Vec<String>,
}

/// One example, and whose help has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Example {
    command: String,
    line: String,
}

fn help(language: &str, path: &[&str]) -> Help {
    let program = env!("CARGO_BIN_EXE_shouwang");
    let output = Command::new(program)
        .args(["--lang", language])
        .args(path)
        .arg("--help")
        .env("COLUMNS", "400")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let section = |names: [&str; 2]| -> Vec<String> {
        let lines = text.lines().skip_while(|line| !names.contains(line));
        let lines = lines.skip(1).take_while(|line| line.starts_with("  "));
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    let commands = section(["Commands:", "命令:"]);
    // What is further in goes on with the line above.
    let commands = commands.iter().filter(|line| !line.starts_with("   "));
    let commands = commands.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    let mut examples: Vec<String> = Vec::new();
    for line in section(["Examples:", "示例:"]) {
        let line = line.trim();
        match examples.last_mut() {
            Some(last) if !line.starts_with("shouwang ") && !line.starts_with("source ") => {
                last.push(' ');
                last.push_str(line);
            }
            _ => examples.push(line.to_owned()),
        }
    }
    Help { commands: commands.collect(), examples }
}

fn all_examples(language: &str) -> Vec<Example> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = help(language, &words);
        assert!(!help.examples.is_empty(), "{path:?} has no example");
        let command = path.join(" ");
        found.extend(
            help.examples.into_iter().map(|line| Example { command: command.clone(), line }),
        );
        waiting.extend(help.commands.into_iter().map(|name| [&path[..], &[name]].concat()));
    }
    // A group's help has examples of its commands too.
    let mut lines = BTreeSet::new();
    found.into_iter().filter(|example| lines.insert(example.line.clone())).collect()
}

/// A village's list of visits.
const VISITS: &str = "姓名,所在村,身份证号码,探访日期,探访方式,探访结果\n\
    卫德福,上禾村,990121194203150047,2026-09-01,上门,完成\n";

/// What a department certifies.
const CERTIFICATES: &str = "姓名,身份证号码,残疾证号,残疾等级\n\
    卫德福,990121194203150047,99012119420315004741,二级\n";

/// The same as a workbook.
fn workbook(table: &str) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in table.lines().enumerate() {
        for (column, cell) in line.split(',').enumerate() {
            sheet.write_string(row as u32, column as u16, cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// Offices that have met, and what there is to name.
struct World {
    offices: BTreeMap<&'static str, Office>,
    /// What stands in an example → what it is here.
    names: Vec<(&'static str, String)>,
    /// Files of examples → their content.
    files: Vec<(&'static str, Vec<u8>)>,
    /// As [`World::names`], for some commands alone.
    others: Vec<(&'static str, &'static str, String)>,
}

fn text(value: &serde_json::Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

impl World {
    fn new() -> Self {
        let county = Office::new("county");
        let begun = county.done(&["init", "--area", COUNTY, "--name", "Bureau"]);
        county.done(&["area", "import", &data("areas.csv")]);
        let town = county.admits(SONGWU, None);
        let (shanghe, xiahe) = (town.admits(SHANGHE, None), town.admits(XIAHE, None));
        let helper = town.admits(SHANGHE, Some("helper"));

        let one = shanghe.done(&[
            "elder",
            "add",
            "--village",
            SHANGHE,
            "--date",
            "2026-01-05",
            "name=卫德福",
            "sex=male",
            "birth_date=1942-03-15",
            "resident_id=990121194203150047",
        ]);
        let one = text(&one, "elder_id");
        let two = ["elder", "add", "--village", SHANGHE, "name=卫德福", "sex=male"];
        let two = text(&shanghe.done(&[&two[..], &["birth_date=1942-03-15"]].concat()), "elder_id");
        let three = shanghe.adds_elder(SHANGHE, "许桂英");
        let four = shanghe.adds_elder(SHANGHE, "周国强");
        let five = shanghe.adds_elder(SHANGHE, "钱菊香");
        let done = |line: &[&str]| shanghe.done(line);
        done(&["elder", "item", "add", &one, "supporters", "name=Li Ming", "relation=son"]);
        done(&["elder", "item", "add", &one, "hazards", "gas"]);
        done(&["roster", "exit", &five, "--reason", "supporter-returned"]);
        done(&["elder", "item", "add", &two, "supporters", "name=Li Ming", "relation=son"]);
        done(&["absence", "left", &one, "Li Ming", "--for", "work", "--date", "2026-03-01"]);
        done(&["visit", "add", &one, "--date", "2026-07-20"]);
        done(&["visit", "add", &one, "--date", "2026-08-20"]);
        let agreement = ["agreement", "add", &one, "--supporter", "Li Ming", "--consent", "yes"];
        done(&[&agreement[..], &["--caretaker", "Wang Fang", "--signed", "2026-08-01"]].concat());
        done(&["blacklist", "add", &two, "Li Ming", "--basis", "no support for a year"]);
        let known = done(&["incident", "raise", &two, "--kind", "wandering"]);
        let raised = done(&["incident", "raise", &one, "--kind", "critical-illness"]);
        let offered = done(&["transfer", "offer", &three, "--to", XIAHE]);

        let top = county.up(&[]);
        let middle = town.up(&[&top.address()]);
        let below = shanghe.up(&[&middle.address()]);
        let beside = xiahe.up(&[&middle.address()]);
        converge(&[(&county, 5), (&town, 5), (&shanghe, 5)]);
        let (incident, known) = (text(&raised, "incident_id"), text(&known, "incident_id"));
        eventually("the incident is at the county", || {
            let list = county.run(&["incident", "list"]).stdout;
            if list.contains(&incident) { Ok(()) } else { Err(list) }
        });
        county.done(&["incident", "ack", &known]);
        eventually("the village hears that somebody comes", || {
            let shown = shanghe.run(&["incident", "show", &known]).stdout;
            if shown.contains("Acknowledged") { Ok(()) } else { Err(shown) }
        });
        let offer = text(&offered["transfer"], "transfer_id");
        eventually("the offer is at the other village", || {
            let list = xiahe.run(&["transfer", "list"]).stdout;
            if list.contains(&offer) { Ok(()) } else { Err(list) }
        });
        // The helper's laptop is lost, and what it wrote afterwards comes all the same.
        let lost = helper.device();
        helper.syncs(&middle.address(), &town.device());
        let spare = town.admits(SHANGHE, Some("helper"));
        spare.syncs(&middle.address(), &town.device());
        below.stop();
        drop((top, middle, beside));
        town.done(&["device", "revoke", &lost, "--reason", "lost", "--yes"]);
        helper.done(&["visit", "add", &one, "--date", "2026-08-25"]);
        // By way of a village that has not heard of it.
        let unaware = shanghe.up(&[]);
        helper.syncs(&unaware.address(), &shanghe.device());
        unaware.stop();
        // Two offices write one field without knowing of one another.
        town.done(&["elder", "set", &two, "phone=13900000001"]);
        shanghe.done(&["elder", "set", &two, "phone=13900000002"]);
        let recipient = age::x25519::Identity::generate().to_public().to_string();
        let out = ["transfer", "out", &four, "--to", "510822000000", "--recipient", &recipient];
        let output = shanghe.path("sent.tar.age");
        let sent = shanghe.done(&[&out[..], &["--output", output.to_str().unwrap()]].concat());
        let middle = town.up(&[]);
        shanghe.syncs(&middle.address(), &town.device());
        middle.stop();
        // What can be taken back.
        shanghe.done(&["elder", "set", &one, "hygiene=Fair"]);
        let visits = shanghe.done(&["elder", "item", "list", &one, "visits"]);
        let visit = text(&visits["items"][0], "item");
        let conflicts = town.run(&["conflicts", "list"]).json();
        let conflict = text(&conflicts["conflicts"][0], "id");
        let quarantined = town.run(&["quarantine", "list"]).json();
        let entry = text(&quarantined["entries"][0], "entry");

        let newcomer = Office::new("newcomer");
        let request = text(&newcomer.done(&["request"]), "request");
        let grant = ["grant", &request, "--area", XIAHE, "--name", "new"];
        let invite = text(&town.done(&grant), "invite");
        let county_peer = county.up(&[]).address();
        let county_peer = county_peer.rsplit('/').next().unwrap().to_owned();
        let stranger = Office::new("stranger");
        let other = text(&stranger.done(&["request"]), "request");
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        let made = |office: &Office, name: &str, line: &[&str]| {
            let path = office.path(name);
            office.run(&[line, &[path.to_str().unwrap()]].concat());
            read(path)
        };
        let files = vec![
            ("request.txt", other.clone().into_bytes()),
            ("invite.txt", invite.clone().into_bytes()),
            ("root.txt", text(&begun, "root_key").into_bytes()),
            ("areas.csv", read(data("areas.csv").into())),
            ("ledger.xlsx", read(data("松雾镇留守老年人台账.xlsx").into())),
            ("songwu.xlsx", read(data("松雾镇留守老年人台账.xlsx").into())),
            ("qinghe.csv", made(&county, "qinghe.csv", &["export", "ledger", "-o"])),
            ("september.csv", VISITS.as_bytes().to_vec()),
            ("september.xlsx", workbook(VISITS)),
            ("federation.xlsx", workbook(CERTIFICATES)),
            (
                "mapping.csv",
                made(&county, "mapping.csv", &["export", "platform", "--write-mapping"]),
            ),
            ("office.backup", made(&county, "office.backup", &["backup"])),
            (
                "one-1.bundle",
                made(&county, "a.bundle", &["bundle", "export", "--to", SONGWU, "--out"]),
            ),
            (
                "one-2.bundle",
                made(&county, "b.bundle", &["bundle", "export", "--to", SONGWU, "--out"]),
            ),
            ("office.key", read(county.path("key"))),
        ];
        let names = vec![
            // The longest first: one may be inside another.
            ("3f9a12c4-7b21ee", conflict),
            ("swreq1qq…", other),
            ("swinv1qq…", invite),
            ("12D3KooW…", county_peer),
            ("age1…", recipient),
            ("3fa9", short(&one)),
            ("51aa", short(&two)),
            ("7b21", short(&incident)),
            ("5c1d", short(&offer)),
            ("c91e", short(&entry)),
            ("7f3a", short(&spare.device())),
        ];
        let offices = BTreeMap::from([
            ("county", county),
            ("town", town),
            ("shanghe", shanghe),
            ("xiahe", xiahe),
            ("newcomer", newcomer),
            ("nobody", Office::new("nobody")),
        ]);
        let sent_out = short(&text(&sent["transfer"], "transfer_id"));
        // Where the business is another's than most examples'.
        let others = vec![
            ("transfer acknowledged", "5c1d", sent_out),
            ("incident close", "7b21", short(&known)),
            ("blacklist confirm", "3fa9", short(&two)),
            ("roster enter", "3fa9", short(&five)),
            ("blacklist delist", "3fa9", short(&two)),
            ("quarantine", "7f3a", short(&lost)),
            ("item retract", "visits 2", format!("visits {visit}")),
        ];
        Self { offices, names, files, others }
    }

    /// Whose business it is.
    fn office(&self, example: &Example) -> &Office {
        let is = |names: &[&str]| names.iter().any(|name| example.line.contains(name));
        let name = match () {
            () if is(&["shouwang init", "shouwang request", " restore ", "shouwang demo"]) => {
                "nobody"
            }
            () if is(&["shouwang join"]) => "newcomer",
            () if is(&["transfer accept", "transfer decline"]) => "xiahe",
            () if is(&["roster confirm", "blacklist confirm", "blacklist delist"]) => "town",
            () if is(&["quarantine", "device revoke", "conflicts", "certified"]) => "town",
            () if is(&["bundle export --to 990121000000", "bundle import"]) => "town",
            () if is(&["transfer", "roster", "absence", "agreement", "blacklist"]) => "shanghe",
            () if is(&["visit add", "elder set", "elder item", "elder add", "review"]) => "shanghe",
            () if is(&["support", "entitlement", "service", "incident raise", "undo"]) => "shanghe",
            () if is(&["device retire", "device wipe"]) => "shanghe",
            () => "county",
        };
        &self.offices[name]
    }

    /// Runs it in a directory of its own; how it ended, and what was seen.
    fn run(&self, example: &Example) -> (u32, String) {
        let office = self.office(example);
        let directory = tempfile::tempdir().unwrap();
        let inside = |name: &str| directory.path().join(name);
        copy(&office.home(), &inside("home"));
        if office.path("key").exists() {
            std::fs::copy(office.path("key"), inside("key")).unwrap();
        }
        for place in ["stick", "keys", "monitor", "bin", ".local/share/man/man1"] {
            std::fs::create_dir_all(inside(place)).unwrap();
        }
        for (name, content) in &self.files {
            std::fs::write(inside(name), content).unwrap();
        }
        std::fs::write(inside("stick/office.backup"), self.file("office.backup")).unwrap();
        std::fs::write(inside("stick/from.bundle"), self.file("one-1.bundle")).unwrap();
        // What an example writes is not there yet; what unlocks a backup is.
        let words: Vec<&str> = example.line.split(' ').collect();
        for pair in words.windows(2) {
            if matches!(
                pair[0],
                "-o" | "--out" | "--output" | "--root-out" | "--write-mapping" | "--areas"
            ) {
                let _ = std::fs::remove_file(inside(pair[1]));
            }
        }
        if example.line.contains(" backup ") {
            std::fs::remove_file(inside("stick/office.backup")).unwrap();
        }
        if example.line.contains(" restore ") {
            std::fs::write(inside("key"), self.file("office.key")).unwrap();
        }
        // The day is fixed where the example says none.
        let program = env!("CARGO_BIN_EXE_shouwang");
        let day = if example.line.contains("--as-of") { "" } else { TODAY };
        let day = if day.is_empty() { String::new() } else { format!("--as-of {day}") };
        let wrapper = format!("#!/bin/sh\nexec {program} --lang en {day} \"$@\"\n");
        std::fs::write(inside("bin/shouwang"), wrapper).unwrap();
        // Whoever runs the tests wants no window of theirs opened.
        std::fs::write(inside("bin/xdg-open"), "#!/bin/sh\n").unwrap();
        for program in ["bin/shouwang", "bin/xdg-open"] {
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(inside(program), executable).unwrap();
        }

        let mut line = example.line.clone();
        for (_, from, to) in
            self.others.iter().filter(|(command, ..)| example.line.contains(command))
        {
            line = line.replace(from, to);
        }
        for (from, to) in &self.names {
            line = line.replace(from, to);
        }
        for (from, to) in [
            ("/media/stick", "stick"),
            ("/media/key", "keys"),
            ("/var/lib/node_exporter", "monitor"),
            ("/tcp/4430", "/tcp/0"),
        ] {
            line = line.replace(from, to);
        }
        let mut command = CommandBuilder::new("bash");
        command.args(["-c", &line]);
        command.cwd(directory.path());
        let path = format!("{}:{}", inside("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        command.env("HOME", directory.path());
        command.env("SHOUWANG_HOME", inside("home"));
        command.env("SHOUWANG_KEY_FILE", inside("key"));
        command.env("TERM", "xterm-256color");
        command.env("PAGER", "cat");
        on_terminal(command, &line)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        self.files.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Whether it runs a node for as long as nobody ends it.
fn runs_a_node(line: &str) -> bool {
    line.starts_with("shouwang up") || line.starts_with("shouwang open")
}

/// What an example ends with that does not end.
const NEVER: u32 = 999;

/// Answers what is asked with yes, and ends what does not end by itself once it runs.
fn on_terminal(command: CommandBuilder, line: &str) -> (u32, String) {
    let size = PtySize { rows: 50, cols: 200, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keys = pair.master.take_writer().unwrap();
    let seen = std::sync::Arc::new(Mutex::new(String::new()));
    let shown = seen.clone();
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    });
    let runs_on = runs_a_node(line) || line.starts_with("shouwang watch");
    let until = Instant::now() + PATIENCE;
    let mut answered = 0;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.exit_code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            break NEVER;
        }
        let text = seen.lock().unwrap().clone();
        let secrets = text.matches("passphrase: ").count() + text.matches("Once more: ").count();
        let asked = text.matches("[y/N]").count() + secrets;
        if asked > answered {
            answered += 1;
            let answer: &[u8] = if secrets > 0 { b"a long new passphrase\n" } else { b"y\n" };
            keys.write_all(answer).unwrap();
        }
        let runs = ["ctrl-c", "q quit", "\"running\""].iter().any(|word| text.contains(word));
        if runs_on && runs {
            keys.write_all(b"\x03").unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(keys);
    drop(pair.master);
    let _ = reading.join();
    let text = seen.lock().unwrap().clone();
    (code, text)
}

/// Where there is nothing wrong with it that an example ends otherwise than with 0.
fn may_end_with(line: &str) -> &'static [u32] {
    let words: Vec<&str> = line.split(' ').collect();
    let is = |command: &str| words.get(1) == Some(&command);
    match () {
        // 10.1.2.3 is nobody's, and no peer is in the room.
        () if line.starts_with("shouwang sync") => &[5],
        // What it finds is what this mesh is like: things wait for a person.
        () if is("status") || is("doctor") => &[3, 4],
        () if is("peers") || is("lag") || is("explain") => &[3],
        () if line.contains("retire") || line == "shouwang device wipe" => &[3, 4],
        () if is("import") || line.contains("area import") || line.contains("bundle import") => {
            &[3]
        }
        () if ["conflicts list", "duplicates", "erase"].iter().any(|one| line.contains(one)) => {
            &[3]
        }
        () => &[],
    }
}

#[test]
fn every_example_of_every_help_runs() {
    let world = World::new();
    let examples = all_examples("en");
    assert!(examples.len() > 120, "{}", examples.len());
    let waiting = Mutex::new(examples.clone());
    let failures = Mutex::new(Vec::new());
    // Several name the port that nodes have unless told otherwise.
    let port = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(example) = waiting.lock().unwrap().pop() else { return };
                    let alone = runs_a_node(&example.line).then(|| port.lock().unwrap());
                    let (code, seen) = world.run(&example);
                    drop(alone);
                    let ends_well = code == 0 || may_end_with(&example.line).contains(&code);
                    if !ends_well || seen.contains("panicked") || seen.contains("[error-") {
                        failures.lock().unwrap().push(format!("{} → {code}\n{seen}", example.line));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        examples.len(),
        failures.join("\n")
    );
}

#[test]
fn both_languages_have_the_same_commands_in_their_examples() {
    let commands = |language: &str| -> BTreeSet<String> {
        all_examples(language).into_iter().map(|example| example.command).collect()
    };
    assert_eq!(commands("en"), commands("zh"));
}
