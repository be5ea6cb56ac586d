//! A home that was put back to an earlier day: nothing that was typed on either branch is missing, and
//! nobody believes what the disk has forgotten.

mod support;

use std::path::Path;

use support::{COUNTY, Office, SHANGHE, SONGWU, agree, eventually};

fn copies(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

fn notices(office: &Office) -> Vec<String> {
    let status = office.status();
    let notices = status["notices"].as_array().unwrap();
    notices.iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_home_of_monday_that_is_written_on_on_friday_loses_neither_branch() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    // Monday: the whole directory is copied.
    let monday = village.path("monday");
    copies(&village.home(), &monday);
    // Wednesday: work, and a sync.
    village.adds_elder(SHANGHE, "许桂英");
    village.done(&["visit", "add", &elder, "--date", "2026-08-05"]);
    let above = town.up(&[]);
    village.syncs(&above.address(), &town.device());
    assert_eq!(village.done(&["device", "retire", "--check"])["safe"], true);
    // Friday: Monday's copy is put back, and written on off line.
    std::fs::remove_dir_all(village.home()).unwrap();
    copies(&monday, &village.home());
    village.adds_elder(SHANGHE, "林秀英");
    village.done(&["visit", "add", &elder, "--date", "2026-08-07"]);
    let unsafe_yet = village.json(&["device", "retire", "--check"], 4);
    assert_eq!(unsafe_yet["safe"], false);

    village.syncs(&above.address(), &town.device());
    let all = ["周国强", "林秀英", "许桂英"];
    for office in [&town, &village] {
        assert_eq!(office.names(), all, "{}", office.name);
        let shown = office.done(&["elder", "show", &elder]);
        assert_eq!(shown["visits"].as_array().unwrap().len(), 2, "{}", office.name);
        assert!(notices(office).contains(&"forked_log".to_owned()), "{}", office.name);
        assert_eq!(office.status()["unsettled"], serde_json::json!({}), "{}", office.name);
    }
    assert!(notices(&village).contains(&"rolled_back".to_owned()));
    // Nothing is stuck, and what is written from now on forks nothing.
    village.adds_elder(SHANGHE, "何秀珍");
    village.syncs(&above.address(), &town.device());
    assert_eq!(town.names().len(), 4);
    assert_eq!(village.done(&["device", "retire", "--check"])["safe"], true);
    let forks = notices(&town).iter().filter(|code| *code == "forked_log").count();
    eventually("both agree", || agree(&[&village, &town]));
    above.stop();
    county.verify();
    town.verify();
    village.verify();
    let after = notices(&town).iter().filter(|code| *code == "forked_log").count();
    assert_eq!(forks, after);
}

#[test]
fn what_a_township_confirmed_before_its_disk_was_put_back_is_not_believed() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    village.adds_elder(SHANGHE, "周国强");
    let above = town.up(&[]);
    village.syncs(&above.address(), &town.device());
    above.stop();
    // A backup as the command makes it, while the county's copy does not exist yet.
    let backup = town.path("monday.backup");
    let backup = backup.to_str().unwrap();
    town.done(&["backup", backup]);
    village.adds_elder(SHANGHE, "许桂英");
    let above = town.up(&[]);
    village.syncs(&above.address(), &town.device());
    above.stop();
    assert_eq!(village.done(&["device", "retire", "--check"])["safe"], true);
    // The township's laptop dies; its successor has the backup of Monday.
    std::fs::remove_dir_all(town.home()).unwrap();
    town.done(&["restore", backup]);
    assert_eq!(town.names(), ["周国强"]);
    let above = town.up(&[]);
    village.syncs(&above.address(), &town.device());
    above.stop();
    // What it holds now it has confirmed anew, and nothing else of it is believed.
    assert_eq!(town.names(), ["周国强", "许桂英"]);
    assert!(notices(&town).contains(&"rolled_back".to_owned()), "{:?}", notices(&town));
    assert_eq!(village.done(&["device", "retire", "--check"])["safe"], true);
    village.verify();
    town.verify();
}
