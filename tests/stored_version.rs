//! A home that this version of the store and the schema has written, kept as it was: whoever changes
//! either finds out here, and has what an upgrade is to be tested with.
//!
//! The home is a county's with two villages and three files of fictional people, of which two are one
//! person's: `tests/data/home-3`. Until a version is released it is written anew with
//! `cargo test -p shouwang --test stored_version -- --ignored`; afterwards never.

mod support;

use serde_json::Value;
use support::{COUNTY, Office, SHANGHE, XIAHE, data};

const HOME: &str = "home-3";

#[test]
fn a_kept_home_opens_and_says_what_it_said() {
    let office = Office::new(HOME);
    std::fs::create_dir(office.home()).unwrap();
    for (from, to) in [
        ("key", office.path("key")),
        ("store.key", office.home().join("store.key")),
        ("store.redb", office.home().join("store.redb")),
    ] {
        std::fs::copy(data(&format!("{HOME}/{from}")), to).unwrap();
    }
    let kept = |name: &str| -> Value {
        let text = std::fs::read_to_string(data(&format!("{HOME}/{name}"))).unwrap();
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
    // And it goes on.
    office.done(&["visit", "add", id, "--date", "2026-08-30"]);
    office.verify();
}

#[test]
#[ignore = "writes tests/data/home-3 anew"]
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
