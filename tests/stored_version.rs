//! A home that this version of the store and the schema has written, kept as it was: whoever changes
//! either finds out here, and has what an upgrade is to be tested with.
//!
//! The home is a county's with two villages and three files of fictional people, of which two are one
//! person's: `tests/data/home-1`.

mod support;

use serde_json::Value;
use support::{Office, data};

#[test]
fn a_home_of_version_1_opens_and_says_what_it_said() {
    let office = Office::new("home-1");
    std::fs::create_dir(office.home()).unwrap();
    for (from, to) in [
        ("key", office.path("key")),
        ("store.key", office.home().join("store.key")),
        ("store.redb", office.home().join("store.redb")),
    ] {
        std::fs::copy(data(&format!("home-1/{from}")), to).unwrap();
    }
    let kept = |name: &str| -> Value {
        let text = std::fs::read_to_string(data(&format!("home-1/{name}"))).unwrap();
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
