//! An elder goes to another county: a sealed file that only the receiver opens, and the roster that
//! changes when the receiver has acknowledged it.

mod support;

use std::io::Read;

use age::x25519;
use serde_json::Value;
use support::{COUNTY, Office, SHANGHE};

const NAME: &str = "周国强";
/// A resident's number with its check digit, made up.
const RESIDENT_ID: &str = "990121194509090016";
/// A county outside the mesh.
const ELSEWHERE: &str = "990122000000";

/// What stands in a sealed file, by name.
fn opened(path: &std::path::Path, identity: &x25519::Identity) -> Vec<(String, Vec<u8>)> {
    let sealed = std::fs::read(path).unwrap();
    let decryptor = age::Decryptor::new(sealed.as_slice()).unwrap();
    let plain = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).unwrap();
    let mut archive = tar::Archive::new(plain);
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.push((entry.path().unwrap().display().to_string(), content));
    }
    found
}

fn on_roster(office: &Office) -> u64 {
    office.done(&["roster", "list"])["rostered"].as_u64().unwrap()
}

fn stage(office: &Office, id: &str) -> (Value, Value) {
    let listed = office.done(&["transfer", "list", "--all"]);
    let mut found = listed["transfers"].as_array().unwrap().iter();
    let one = found.find(|one| one["transfer_id"] == id).unwrap_or_else(|| panic!("{listed}"));
    (one["stage"].clone(), one["waits_for"].clone())
}

#[test]
fn a_file_goes_sealed_to_another_county_and_the_elder_leaves_when_it_is_acknowledged() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    let (name, number) = (format!("name={NAME}"), format!("resident_id={RESIDENT_ID}"));
    let saved = village.done(&["elder", "add", "--date", "2026-05-01", &name, &number]);
    let elder = saved["elder_id"].as_str().unwrap();
    village.done(&["visit", "add", elder, "--date", "2026-07-03", "--note", "告别"]);

    let receiver = x25519::Identity::generate();
    let key = receiver.to_public().to_string();
    let path = village.path("out.tar.age");
    let file = path.to_str().unwrap();
    let out = |to: &str, key: &str, file: &str| {
        village.run(&["transfer", "out", elder, "--to", to, "--recipient", key, "-o", file])
    };
    // What is wrong is said before anything is written, here or in the record.
    assert_eq!(out(ELSEWHERE, "age1nonsense", file).error(), "bad_recipient");
    assert_eq!(out("990121101204", &key, file).error(), "transfer_inside");
    let unwritable = village.path("nowhere").join("out.tar.age");
    assert_eq!(out(ELSEWHERE, &key, unwritable.to_str().unwrap()).error(), "file_unwritable");
    assert!(!path.exists());
    let listed = village.done(&["transfer", "list"]);
    assert_eq!(listed["transfers"].as_array().unwrap().len(), 0, "{listed}");
    // Where the disk failed the offer was withdrawn again, which is on record.
    let listed = village.done(&["transfer", "list", "--all"]);
    assert_eq!(listed["transfers"][0]["stage"], "cancelled", "{listed}");

    let ended = out(ELSEWHERE, &key, file);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    let sent = ended.json();
    let id = sent["transfer"]["transfer_id"].as_str().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(!support::image::holds(&bytes, RESIDENT_ID.as_bytes()));
    let files = opened(&path, &receiver);
    let manifest: Value = serde_json::from_slice(&files[0].1).unwrap();
    assert_eq!((files[0].0.as_str(), &manifest["to"]), ("manifest.json", &ELSEWHERE.into()));
    assert_eq!(manifest["record"]["summary"]["name"], NAME);
    assert_eq!(manifest["record"]["visits"][0]["visit"]["note"], "告别");
    let documents = manifest["documents"].as_array().unwrap();
    assert_eq!(documents.len(), files.len() - 1);
    for (document, (name, saved)) in documents.iter().zip(&files[1..]) {
        assert_eq!(
            (&document["file"], &document["bytes"]),
            (&name.as_str().into(), &saved.len().into())
        );
        let loaded = automerge::Automerge::load(saved).unwrap();
        let heads: Vec<String> = loaded.get_heads().iter().map(ToString::to_string).collect();
        assert_eq!(document["heads"], serde_json::json!(heads));
    }
    assert!(manifest.to_string().contains(RESIDENT_ID), "the receiver is given the number whole");
    let audit = village.done(&["log", "--audit"]);
    assert_eq!(audit["audit"][0]["what"], "export", "{audit}");
    assert_eq!(out(ELSEWHERE, &key, file).error(), "file_exists");
    let again = village.path("again.tar.age");
    assert_eq!(out(ELSEWHERE, &key, again.to_str().unwrap()).error(), "transfer_open");

    // The duty stays until the other county has said so; no node of the mesh carries anything out.
    assert_eq!(stage(&village, id), ("offered".into(), "acknowledgement".into()));
    assert_eq!(on_roster(&village), 1);
    let (above, device) = (county.up(&[]), county.device());
    assert_eq!(village.syncs(&above.address(), &device)["done"], true);
    assert_eq!(stage(&county, id), ("offered".into(), "acknowledgement".into()));
    assert_eq!(county.status()["transfers_to_answer"], 0);
    assert_eq!(county.run(&["transfer", "accept", id]).error(), "transfer_unknown");

    let short = ["transfer", "acknowledged", &id[..8], "--note", "外县民政局第17号回执"];
    let noted = village.done(&[&short[..], &["--date", "2026-08-01"]].concat());
    assert_eq!(noted["transfer"]["stage"], "left");
    assert_eq!(noted["transfer"]["answered"]["note"], "外县民政局第17号回执");
    assert_eq!(village.run(&short).error(), "transfer_accepted");
    assert_eq!(village.syncs(&above.address(), &device)["done"], true);
    for office in [&village, &county] {
        assert_eq!(stage(office, id), ("left".into(), Value::Null));
        assert_eq!(on_roster(office), 0);
        assert_eq!(office.elders().len(), 1, "the file stays");
        let history = office.done(&["roster", "history", elder]);
        let last = history["events"].as_array().unwrap().last().unwrap()["event"].clone();
        assert_eq!(
            (&last["exit_reason"], &last["date"]),
            (&"MovedOut".into(), &"2026-08-01".into())
        );
    }
    support::agree(&[&village, &county]).unwrap();
    // Who comes back can be sent again.
    village.done(&["roster", "enter", elder, "--reason", "re-entry", "--date", "2026-08-20"]);
    assert_eq!(out(ELSEWHERE, &key, again.to_str().unwrap()).exit, Some(0));
    above.stop();
    county.verify();
    village.verify();
}
