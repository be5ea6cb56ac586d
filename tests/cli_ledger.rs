//! A township's first morning, by its commands: a mesh of one, places, a ledger, corrections.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A home, and the program run on it.
struct Office {
    directory: tempfile::TempDir,
}

impl Office {
    fn of(area: &str) -> Self {
        let office = Self { directory: tempfile::tempdir().unwrap() };
        office.done(&["init", "--area", area]);
        office.done(&["area", "import", data("areas.csv").to_str().unwrap()]);
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_shouwang"))
            .args(["--lang", "en", "--as-of", "2026-11-21", "--home"])
            .arg(self.path("home"))
            .args(arguments)
            .env("SHOUWANG_KEY_FILE", self.path("key"))
            .output()
            .unwrap()
    }

    /// Runs a command that must end with this code, and reads its one object.
    fn json(&self, arguments: &[&str], exit: i32) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema_version"], 1, "{text}");
        value
    }

    fn done(&self, arguments: &[&str]) -> Value {
        self.json(arguments, 0)
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(name)
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_array().unwrap().len() as u64)
}

/// Rows, then what became of them, adding up.
fn counts(report: &Value) -> [u64; 6] {
    let counts = ["rows", "new", "changed", "unchanged", "skipped", "rejected"]
        .map(|key| count(&report[key]));
    assert_eq!(counts[0], counts[1..].iter().sum::<u64>(), "{report}");
    counts
}

#[test]
fn a_ledger_comes_in_once_and_rejected_rows_come_in_corrected() {
    let office = Office::of("990121200000");
    let ledger = data("清荷乡留守老年人台账.xlsx");
    let ledger = ledger.to_str().unwrap();

    let dry = office.json(&["import", ledger, "--dry-run"], 3);
    assert_eq!(count(&office.done(&["elder", "list"])["elders"]), 0);
    let rejected = office.path("rejected.csv");
    let rejected = rejected.to_str().unwrap();
    let report = office.json(&["import", ledger, "--rejected", rejected], 3);
    assert_eq!(counts(&dry), counts(&report));
    let [_, new, changed, unchanged, ..] = counts(&report);
    assert!(new > 0 && changed == 0 && unchanged == 0, "{report}");
    assert_eq!(count(&office.done(&["elder", "list"])["elders"]), new);
    for remark in report["rejected"].as_array().unwrap() {
        assert!(remark["sheet"].is_string() && remark["row"].is_u64(), "{remark}");
        assert_eq!(remark["reason"], "unknown_village");
    }

    let again = office.json(&["import", ledger], 3);
    assert_eq!(counts(&again)[1..4], [0, 0, new], "the same file changes nothing");

    let text = std::fs::read_to_string(rejected).unwrap();
    assert!(text.contains("不详"), "{text}");
    std::fs::write(rejected, text.replacen("不详", "荷塘村", 1)).unwrap();
    let corrected = office.done(&["import", rejected]);
    assert_eq!(counts(&corrected)[1], count(&report["rejected"]));
}

#[test]
fn a_file_is_opened_edited_visited_and_shown_without_its_number() {
    let office = Office::of("990121101000");
    let saved = office.done(&[
        "elder",
        "add",
        "--village",
        "上禾村",
        "姓名=卫德福",
        "resident_id=990121194203150047",
        "sex=female",
    ]);
    let id = saved["elder_id"].as_str().unwrap();
    office.done(&["elder", "set", &id[..8], "电话=13800990001"]);
    assert_eq!(office.done(&["elder", "set", id, "phone=13800990001"])["entries"], 0);
    office.done(&["visit", "add", id, "--mode", "电话", "--health", "concern:mobility"]);
    let visits = office.done(&["visit", "list", id]);
    assert_eq!(visits["visits"][0]["visit"]["mode"], "Phone");
    assert_eq!(visits["visits"][0]["visit"]["date"], "2026-11-21");
    for text in ["卫", "0047", &id[..6]] {
        assert_eq!(count(&office.done(&["elder", "find", text])["elders"]), 1, "{text}");
    }
    let shown = office.run(&["elder", "show", id]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("**************0047"), "{shown}");
    assert!(!shown.contains("19420315"), "{shown}");
    let whole = office.run(&["elder", "show", id, "--show-resident-id"]);
    assert!(String::from_utf8(whole.stdout).unwrap().contains("990121194203150047"));
    for operator in [&["status"][..], &["peers"], &["verify"]] {
        let output = office.run(&[operator, &["--verbose"]].concat());
        // Nobody holds what was written here.
        let exit = if operator == ["status"] { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(exit));
        let text = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8(text).unwrap().contains("卫德福"), "{operator:?}");
    }
}

#[test]
fn mistakes_end_with_their_code_and_the_next_command() {
    let office = Office::of("990121101000");
    for (arguments, exit, code) in [
        (&["import", "nowhere.xlsx"][..], 2, "file_not_found"),
        (&["import", data("areas.csv").to_str().unwrap()], 1, "file_without_header"),
        (&["init", "--area", "990121000000"], 2, "already_joined"),
        (&["elder", "show", "zz"], 1, "elder_unknown"),
        (&["elder", "add", "--village", "上禾村", "sex=male"], 2, "elder_without_name"),
        (&["elder", "add", "--village", "荷塘村", "name=某"], 2, "unknown_place"),
        (&["elder", "add", "--village", "990121200201", "name=某"], 6, "outside_area"),
        (&["visit", "add", "zz", "--mode", "walk"], 2, "choice"),
        (&["sync", "--timeout", "soon"], 2, "duration"),
        (&["elder"], 2, "missing_command"),
        (&["join", "swinv1nonsense"], 2, "bad_invite"),
    ] {
        let error = &office.json(arguments, exit)["error"];
        assert_eq!(error["code"], code, "{arguments:?}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}
