//! Exported documents open in Automerge's JavaScript implementation with the same values.
//!
//! Needs node and npm (`tests/support/capability.rs`).

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use support::capability::Capability;
use support::{COUNTY, Office, SHANGHE, data, npm};

fn skip(why: &str) {
    Capability::Node.skips("documents in Automerge's JavaScript", why);
}

/// What `check.mjs` reads in a directory of documents; None where its package cannot be had.
fn read_in_javascript(documents: &Path, workplace: &Path) -> Option<Value> {
    if let Err(why) = npm::install("automerge_js", workplace) {
        skip(&why);
        return None;
    }
    let read = Command::new("node")
        .arg("check.mjs")
        .arg(documents)
        .current_dir(workplace)
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    Some(serde_json::from_slice(&read.stdout).unwrap())
}

/// The elements of a list as `elder show` has them: a plain text stands under `value`.
fn shown(element: &Value) -> Value {
    match element {
        Value::String(text) => json!({ "value": text }),
        other => other.clone(),
    }
}

#[test]
fn javascript_reads_the_same_values() {
    if let Some(why) = Capability::Node.missing() {
        return skip(&why);
    }
    let county = Office::begin(COUNTY);
    county.run(&["import", &data("松雾镇留守老年人台账.xlsx")]);
    let elders = county.elders();
    let of_village = elders.iter().filter(|elder| elder["scope"] == SHANGHE);
    let elder = of_village.min_by_key(|elder| elder["name"].as_str()).unwrap();
    let elder = elder["elder_id"].as_str().unwrap().to_owned();
    county.done(&["elder", "set", &elder, "remarks==1+1 👵 e\u{301}", "phone=0831-1234567"]);
    county.done(&["elder", "set", &elder, "--certified", "disability_grade=G1"]);
    for date in ["2025-12-30", "2026-08-03", "2026-08-20"] {
        let visit = ["visit", "add", &elder, "--date", date, "--health", "concern:mobility"];
        county.done(&[&visit[..], &["--note", "血压偏高，已提醒"]].concat());
    }

    let directory = county.path("documents");
    let path = directory.to_str().unwrap();
    let manifest = county.done(&["export", "automerge", &elder, "-o", path]);
    let documents = manifest["documents"].as_array().unwrap();
    let parts: Vec<&str> = documents.iter().map(|d| d["part"].as_str().unwrap()).collect();
    assert_eq!(parts, ["Card", "Ledger", "Registry", "Journal/2025", "Journal/2026"]);
    assert_eq!(
        serde_json::from_slice::<Value>(&std::fs::read(directory.join("manifest.json")).unwrap())
            .unwrap(),
        manifest
    );

    let workplace = tempfile::tempdir().unwrap();
    let Some(read) = read_in_javascript(&directory, workplace.path()) else { return };
    assert_eq!(read.as_object().unwrap().len(), documents.len());
    let show = county.done(&["elder", "show", &elder, "--show-resident-id"]);
    let (mut fields, mut lists, mut visits) = (Vec::new(), Map::new(), 0);
    for document in documents {
        let (part, file) = (&document["part"], document["file"].as_str().unwrap());
        let theirs = &read[file];
        let ours = automerge::Automerge::load(&std::fs::read(directory.join(file)).unwrap());
        let ours = ours.unwrap();
        // Every value of every document, heads and length of history.
        let values = serde_json::to_value(automerge::AutoSerde::from(&ours)).unwrap();
        assert_eq!(theirs["values"], values, "{part}");
        let mut heads: Vec<Value> = theirs["heads"].as_array().unwrap().clone();
        heads.sort_by_key(Value::to_string);
        let mut listed = document["heads"].as_array().unwrap().clone();
        listed.sort_by_key(Value::to_string);
        assert_eq!(heads, listed, "{part}");
        assert_eq!(theirs["changes"], ours.get_changes(&[]).len(), "{part}");
        // And what `elder show` says of the part.
        for (list, elements) in values.as_object().unwrap() {
            let Some(elements) = elements.as_array() else { continue };
            match list.as_str() {
                "visits" => visits += elements.len(),
                _ if elements.is_empty() => {}
                list => {
                    let all = lists.entry(list).or_insert_with(|| json!([]));
                    all.as_array_mut().unwrap().extend(elements.iter().map(shown));
                }
            }
        }
        for (key, value) in values["fields"].as_object().unwrap() {
            fields.push((part.clone(), key.clone(), value.clone()));
        }
    }
    let effective = show["fields"].as_array().unwrap();
    assert!(effective.len() > 10);
    for field in effective {
        let stands = (field["part"].clone(), field["field"].as_str().unwrap().to_owned());
        let stands = (stands.0, stands.1, field["value"].clone());
        assert!(fields.contains(&stands), "{field} is in no document");
    }
    assert_eq!(Value::Object(lists), show["lists"]);
    assert_eq!((visits, show["visits"].as_array().unwrap().len()), (3, 3));
}
