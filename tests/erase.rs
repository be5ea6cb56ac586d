//! A file is erased: the county hides it, the root removes it, the village hears of both.

mod support;

use support::image::{holds, image};
use support::{COUNTY, Office, SHANGHE, SONGWU, eventually};

const NAME: &str = "周国强";
const PHONE: &str = "13812345678";
const KEPT: &str = "许桂英";
/// A resident's number with its check digit, made up.
const RESIDENT_ID: &str = "990121194509090016";

fn signs(county: &Office, elder: &str, more: &[&str], exit: i32) -> serde_json::Value {
    let sign = ["elder", "erase", elder, "--reason", "right-to-erasure"];
    county.json(&[&sign[..], more].concat(), exit)
}

/// What of the person stands in a home's file, decrypted.
fn found(office: &Office) -> Vec<&'static str> {
    let bytes = image(&office.home().join("store.redb"), office);
    assert!(holds(&bytes, KEPT.as_bytes()), "{}: the control: another file is there", office.name);
    let wanted = [NAME, PHONE, RESIDENT_ID];
    wanted.into_iter().filter(|text| holds(&bytes, text.as_bytes())).collect()
}

fn adds_both(town: &Office) -> String {
    let fields =
        [format!("name={NAME}"), format!("phone={PHONE}"), format!("resident_id={RESIDENT_ID}")];
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let saved = town.done(&[&["elder", "add", "--village", SHANGHE], &fields[..]].concat());
    town.adds_elder(SHANGHE, KEPT);
    saved["elder_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_is_hidden_by_one_signature_and_removed_by_the_root_s() {
    let county = Office::new(COUNTY);
    let key = county.path("root.txt");
    let key = key.to_str().unwrap();
    county.done(&["init", "--area", COUNTY, "--name", COUNTY, "--root-key", key]);
    let town = county.admits(SONGWU, None);
    let elder = adds_both(&town);
    let meet = || {
        let node = county.up(&[]);
        assert_eq!(town.syncs(&node.address(), &county.device())["done"], true);
        node.stop();
    };
    meet();
    assert_eq!(county.elders().len(), 2);
    for office in [&county, &town] {
        assert_eq!(found(office), [NAME, PHONE, RESIDENT_ID], "{}", office.name);
    }

    // The township has no right to, and nothing happens without --yes.
    let refused = signs(&town, &elder, &["--yes"], 6);
    assert_eq!(refused["error"]["code"], "erase_right");
    let said = signs(&county, &elder, &[], 3);
    assert_eq!((&said["dry_run"], &said["signatures"]), (&true.into(), &1.into()));
    assert_eq!(county.elders().len(), 2);
    let text = county.run(&["elder", "erase", &elder, "--reason", "mistake"]);
    assert_eq!(text.exit, Some(3));

    let first = signs(&county, &elder[..8], &["--yes"], 0);
    assert_eq!((&first["signatures"], &first["removed"]), (&1.into(), &0.into()));
    assert_eq!(county.status()["erasures_waiting"], 1);
    assert_eq!(signs(&county, &elder, &["--yes"], 6)["error"]["code"], "erase_again");
    meet();
    assert_eq!((county.elders().len(), town.elders().len()), (1, 1));
    let listed = town.json(&["elder", "erase", "--list"], 3);
    assert_eq!(listed["erasures"][0]["signatures"], 1);
    assert_eq!(listed["erasures"][0]["signed"][0]["reason"], "right_to_erasure");

    let wrong = town.path("wrong.txt");
    std::fs::write(&wrong, "swroot1qqqq").unwrap();
    let wrong = signs(&county, &elder, &["--root-key", wrong.to_str().unwrap(), "--yes"], 2);
    assert_eq!(wrong["error"]["code"], "bad_root_key");
    let second = signs(&county, &elder, &["--root-key", key, "--yes"], 0);
    assert_eq!(second["signatures"], 2);
    assert_eq!(second["removed"], second["entries_covered"]);
    assert_eq!(found(&county), [""; 0], "the process that signed has written the file anew");
    assert_eq!(found(&town), [NAME, PHONE, RESIDENT_ID], "the town has not heard of it");
    meet();
    for office in [&county, &town] {
        assert_eq!(found(office), [""; 0], "{}", office.name);
        assert_eq!(office.elders().len(), 1, "{}", office.name);
        let status = office.status();
        assert_eq!(
            (&status["erasures_waiting"], &status["missing_bodies"]),
            (&0.into(), &0.into())
        );
        let listed = office.json(&["elder", "erase", "--list"], 0);
        assert_eq!(listed["erasures"][0]["signatures"], 2);
        assert_eq!(listed["erasures"][0]["signed"].as_array().unwrap().len(), 2);
        office.verify();
    }
    assert_eq!(signs(&county, &elder, &["--yes"], 6)["error"]["code"], "erase_done");
}

#[test]
fn what_two_have_erased_leaves_the_files_of_nodes_that_run() {
    let county = Office::new(COUNTY);
    let key = county.path("root.txt");
    let key = key.to_str().unwrap();
    county.done(&["init", "--area", COUNTY, "--name", COUNTY, "--root-key", key]);
    let town = county.admits(SONGWU, None);
    let above = county.up(&[]);
    let below = town.up(&[&above.address()]);
    let elder = adds_both(&town);
    let elders = |office: &Office, count: usize| {
        eventually("the county hears of the elders", || match office.elders().len() {
            found if found == count => Ok(()),
            found => Err(found.to_string()),
        });
    };
    elders(&county, 2);
    signs(&county, &elder, &["--yes"], 0);
    elders(&town, 1);
    // Killed, so that nothing is tidied up at the end; what one signature hides is still there.
    above.kill();
    below.kill();
    for office in [&county, &town] {
        assert_eq!(found(office), [NAME, PHONE, RESIDENT_ID], "{}", office.name);
    }
    let above = county.up(&[]);
    let below = town.up(&[&above.address()]);
    signs(&county, &elder, &["--root-key", key, "--yes"], 0);
    eventually("the town removes it too", || {
        let listed = town.run(&["elder", "erase", "--list"]).json();
        match &listed["erasures"][0]["signatures"] {
            signatures if *signatures == 2 => Ok(()),
            _ => Err(listed.to_string()),
        }
    });
    above.kill();
    below.kill();
    for office in [&county, &town] {
        assert_eq!(found(office), [""; 0], "{}", office.name);
        office.verify();
    }
}
