//! A file is erased: the county hides it, the root removes it, the village hears of both.

mod support;

use support::{COUNTY, Office, SHANGHE, SONGWU};

const NAME: &str = "周国强";
const PHONE: &str = "13812345678";

fn signs(county: &Office, elder: &str, more: &[&str], exit: i32) -> serde_json::Value {
    let sign = ["elder", "erase", elder, "--reason", "right-to-erasure"];
    county.json(&[&sign[..], more].concat(), exit)
}

#[test]
fn a_file_is_hidden_by_one_signature_and_removed_by_the_root_s() {
    let county = Office::new(COUNTY);
    let key = county.path("root.txt");
    let key = key.to_str().unwrap();
    county.done(&["init", "--area", COUNTY, "--name", COUNTY, "--root-key", key]);
    let town = county.admits(SONGWU, None);
    let add = ["elder", "add", "--village", SHANGHE];
    let fields = [format!("name={NAME}"), format!("phone={PHONE}")];
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let saved = town.done(&[&add[..], &fields].concat());
    let elder = saved["elder_id"].as_str().unwrap().to_owned();
    town.adds_elder(SHANGHE, "许桂英");
    let meet = || {
        let node = county.up(&[]);
        assert_eq!(town.syncs(&node.address(), &county.device())["done"], true);
        node.stop();
    };
    meet();
    assert_eq!(county.elders().len(), 2);

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
    meet();
    for office in [&county, &town] {
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
