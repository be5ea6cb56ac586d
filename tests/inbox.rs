//! Two offices that write off line, one that decides, and one that takes it back.

use serde_json::Value;

mod support;

use support::{Office, SHANGHE, SONGWU};

/// The two exchange everything.
fn meet(town: &Office, village: &Office) {
    let device = town.device();
    let node = town.up(&[]);
    village.syncs(&node.address(), &device);
    node.stop();
}

fn conflicts(office: &Office) -> Vec<Value> {
    let ended = office.run(&["conflicts", "list"]);
    let conflicts = ended.json()["conflicts"].as_array().unwrap().clone();
    let expected = if conflicts.is_empty() { 0 } else { 3 };
    assert_eq!(ended.exit, Some(expected), "{ended:?}");
    conflicts
}

fn field(office: &Office, elder: &str, field: &str) -> Value {
    let report = office.done(&["elder", "show", elder]);
    let fields = report["fields"].as_array().unwrap().clone();
    let found = fields.into_iter().find(|found| found["field"] == field);
    found.map(|found| found["value"].clone()).unwrap_or_default()
}

#[test]
fn two_offices_write_off_line_one_decides_and_takes_it_back() {
    let town = Office::begin(SONGWU);
    let village = town.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    meet(&town, &village);
    village.done(&["elder", "set", &elder, "phone=13900000001", "observed_function=NoLimitation"]);
    town.done(&["elder", "set", &elder, "phone=13900000002", "observed_function=Bedridden"]);
    assert_eq!(conflicts(&village), Vec::<Value>::new());
    meet(&town, &village);
    let listed = conflicts(&village);
    assert_eq!(listed, conflicts(&town));
    assert_eq!(listed.len(), 2);
    let of = |listed: &[Value], field: &str| {
        listed.iter().find(|conflict| conflict["field"] == field).unwrap().clone()
    };
    let function = of(&listed, "observed_function");
    assert_eq!(function["values"][0]["value"], "Bedridden");
    assert_eq!(function["values"][0]["written"][0]["device"], town.device());
    assert_eq!(field(&village, &elder, "observed_function"), "Bedridden");
    // Nothing falls unseen.
    let set = ["elder", "set", &elder, "observed_function=NoLimitation"];
    let refused = village.run(&set);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(6), "in_conflict"));

    let id = function["id"].as_str().unwrap();
    let resolved = village.done(&["conflicts", "resolve", id, "--keep", "2"]);
    assert_eq!(resolved["safer_than"], "Bedridden");
    assert_eq!(
        village.run(&["conflicts", "resolve", id, "--keep", "2"]).error(),
        "conflict_unknown"
    );
    let phone = of(&conflicts(&village), "phone");
    let id = phone["id"].as_str().unwrap();
    town.done(&["conflicts", "resolve", id, "--value", "13900000003"]);
    meet(&town, &village);
    for office in [&town, &village] {
        assert_eq!(conflicts(office), Vec::<Value>::new());
        assert_eq!(field(office, &elder, "phone"), "13900000003");
        assert_eq!(field(office, &elder, "observed_function"), "NoLimitation");
    }

    // The village thinks again.
    assert_eq!(village.run(&["undo"]).error(), "needs_yes");
    let undone = village.done(&["undo", "--yes"]);
    assert_eq!(undone["steps"][0]["to"], "Bedridden");
    assert_eq!(undone["steps"][0]["also_stood"][0], "NoLimitation");
    meet(&town, &village);
    assert_eq!(field(&town, &elder, "observed_function"), "Bedridden");
    let history = town.done(&["elder", "history", &elder]);
    let changes = history["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 6);
    assert!(changes.iter().all(|change| change["counts"] == true));
    for office in [&town, &village] {
        office.verify();
    }
}

#[test]
fn two_files_of_one_person_are_found_joined_and_parted() {
    let office = Office::begin(SONGWU);
    let adds = |name: &str, field: &str| {
        let name = format!("name={name}");
        let saved = office.done(&[
            "elder",
            "add",
            "--village",
            SHANGHE,
            "--date",
            "2026-01-01",
            &name,
            field,
        ]);
        saved["elder_id"].as_str().unwrap().to_owned()
    };
    let number = "990121194203150047";
    let keep = adds("周国强", &format!("resident_id={number}"));
    let other = adds("周国強", "resident_id_as_written=990121 19420315 0047");
    office.done(&["visit", "add", &other, "--date", "2026-08-20"]);
    let found = office.json(&["elder", "duplicates"], 3);
    assert_eq!(found["groups"][0]["likeness"], "same_id");
    assert!(!found.to_string().contains(number));
    assert_eq!(office.status()["duplicates"], 1);
    let merged = office.done(&["elder", "merge", &keep, &other, "--yes"]);
    assert_eq!(merged["differs"][0]["field"], "name");
    office.done(&["elder", "duplicates"]);
    assert_eq!(office.elders().len(), 1);
    let shown = office.done(&["elder", "show", &keep]);
    assert_eq!(shown["visits"].as_array().unwrap().len(), 1);
    assert_eq!(office.done(&["elder", "show", &other])["merged_into"], keep.as_str());
    let refused = office.run(&["elder", "set", &other, "phone=1"]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(6), "merged_elsewhere"));
    office.done(&["undo", "--yes"]);
    assert_eq!(office.elders().len(), 2);
    office.verify();
}
