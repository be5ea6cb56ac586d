//! Homes that this version of the store and earlier ones have written, kept as they were: whoever changes
//! the store or the schema finds out here, and an upgrade is tested with them.
//!
//! Each is a county's with two villages and three files of fictional people, of which two are one
//! person's: `tests/data/home-N`, where N is the store's format. The last of them is written with
//! `cargo test -p shouwang --test stored_version -- --ignored` when there is a new format; afterwards never.

mod support;

use serde_json::Value;
use support::{COUNTY, Office, SHANGHE, XIAHE, data};

/// The earlier formats that are still opened, and this version's.
const HOMES: [&str; 3] = ["home-3", "home-4", "home-5"];
/// What this version writes.
const HOME: &str = "home-5";

#[test]
fn kept_homes_open_and_say_what_they_said() {
    HOMES.into_iter().for_each(opens_and_says_what_it_said);
}

fn opens_and_says_what_it_said(home: &str) {
    let office = Office::new(home);
    std::fs::create_dir(office.home()).unwrap();
    for (from, to) in [
        ("key", office.path("key")),
        ("store.key", office.home().join("store.key")),
        ("store.redb", office.home().join("store.redb")),
    ] {
        std::fs::copy(data(&format!("{home}/{from}")), to).unwrap();
    }
    let kept = |name: &str| -> Value {
        let text = std::fs::read_to_string(data(&format!("{home}/{name}"))).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    office.verify();
    // What is committed to by digests, and what a person sees of it.
    let scopes = kept("scopes.json");
    let said = office.status()["scopes"].as_array().unwrap().clone();
    assert_eq!(said.len(), scopes.as_array().unwrap().len());
    for (said, kept) in said.iter().zip(scopes.as_array().unwrap()) {
        for key in ["code", "digest", "authority_digest", "elders", "entries", "conflicts"] {
            assert_eq!(said[key], kept[key], "{}: {key}", kept["code"]);
        }
    }
    let elder = kept("elder.json");
    let id = elder["summary"]["elder_id"].as_str().unwrap();
    let shown = office.done(&["elder", "show", id]);
    for key in ["summary", "fields", "conflicts", "lists", "visits"] {
        assert_eq!(shown[key], elder[key], "{key}");
    }
    // By where the house is, which earlier versions did not note.
    if shown["fields"].as_array().unwrap().iter().any(|field| field["field"] == "address") {
        let found = office.done(&["elder", "find", "12号"]);
        assert_eq!(found["elders"].as_array().unwrap().len(), 1, "{found}");
    }
    // And it goes on.
    office.done(&["visit", "add", id, "--date", "2026-08-30"]);
    office.verify();
}

#[test]
fn a_backup_of_an_earlier_version_is_restored() {
    let office = Office::new("home-3");
    std::fs::copy(data("home-3/key"), office.path("key")).unwrap();
    office.done(&["restore", &data("home-3/office.backup")]);
    office.verify();
    assert_eq!(office.elders().len(), 2);
}

#[test]
#[ignore = "writes tests/data/home-5 anew"]
fn write_the_home_anew() {
    let office = Office::begin(COUNTY);
    let one = office.adds_elder(SHANGHE, "周国强");
    let same = office.adds_elder(SHANGHE, "周国强");
    let other = office.adds_elder(XIAHE, "许桂英");
    let done = |arguments: &[&str]| drop(office.done(arguments));
    let one = one.as_str();
    done(&[
        "elder",
        "set",
        one,
        "resident_id=990121194203150047",
        "birth_date=1942-03-15",
        "sex=Male",
        "phone=13812345678",
        "residence_code=990121101203",
        "address=上禾村3组12号",
        "living_arrangement=Alone",
        "hygiene=Fair",
        "care_consent=Consented",
    ]);
    done(&["elder", "set", one, "--certified", "ability_level=Moderate"]);
    done(&["elder", "set", &other, "phone=13900000001"]);
    done(&["visit", "add", one, "--date", "2026-08-20"]);
    done(&["visit", "add", &same, "--date", "2026-07-01", "--outcome", "no-answer"]);
    done(&["review", one, "--no-change", "--date", "2026-08-01"]);
    let raise = ["incident", "raise", one, "--kind", "critical-illness", "--date", "2026-08-21"];
    done(&[&raise[..], &["--note", "摔倒"]].concat());
    done(&["elder", "merge", one, &same, "--yes"]);
    done(&["transfer", "offer", one, "--to", XIAHE]);
    // Enough visits to close a block.
    for day in 1..=31 {
        done(&["visit", "add", &other, "--date", &format!("2026-07-{day:02}")]);
    }
    office.verify();
    std::fs::create_dir_all(data(HOME)).unwrap();
    let keep = |name: &str, value: &Value| {
        std::fs::write(data(&format!("{HOME}/{name}")), value.to_string())
    };
    keep("scopes.json", &office.status()["scopes"]).unwrap();
    keep("elder.json", &office.done(&["elder", "show", one])).unwrap();
    office.done(&["compact"]);
    for (from, to) in [
        (office.path("key"), "key"),
        (office.home().join("store.key"), "store.key"),
        (office.home().join("store.redb"), "store.redb"),
    ] {
        std::fs::copy(from, data(&format!("{HOME}/{to}"))).unwrap();
    }
}
