//! What a person reads of custody, of refused things and of the audit, from nodes in processes of
//! their own.

mod support;

use support::{COUNTY, Office, SHANGHE, SONGWU};

#[test]
fn a_village_knows_when_its_laptop_is_safe_to_wipe() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    village.done(&["visit", "add", &elder]);
    let outlook = village.status()["not_held_elsewhere"].clone();
    assert_eq!((&outlook["entries"], &outlook["nobody_confirms"]), (&2.into(), &false.into()));
    let unsafe_yet = village.json(&["device", "retire", "--check"], 4);
    assert_eq!(
        (&unsafe_yet["safe"], &unsafe_yet["scopes"][0]["entries"]),
        (&false.into(), &2.into())
    );

    let above = town.up(&[]);
    village.syncs(&above.address(), &town.device());
    above.stop();
    let outlook = village.status()["not_held_elsewhere"].clone();
    assert_eq!(outlook["entries"], 0, "`sync` ended before the township had confirmed: {outlook}");
    assert_eq!(outlook["by_level"], serde_json::json!({"County": 2, "Township": 0}));
    let safe = village.done(&["device", "retire", "--check"]);
    assert_eq!((&safe["safe"], &safe["scopes"]), (&true.into(), &serde_json::json!([])));
    let alone = county.status()["not_held_elsewhere"].clone();
    assert_eq!((&alone["entries"], &alone["nobody_confirms"]), (&0.into(), &true.into()));
    village.verify();
    town.verify();
}

#[test]
fn a_laptop_is_wiped_once_nothing_is_lost_by_it_and_never_before() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, None);
    village.adds_elder(SHANGHE, "周国强");
    let files = || std::fs::read_dir(village.home()).unwrap().count();
    let before = files();
    let refused = village.json(&["device", "wipe", "--yes"], 4);
    assert_eq!(refused["safe"], false, "{refused}");
    assert_eq!(files(), before, "nothing is touched");
    assert_eq!(village.elders().len(), 1);

    let above = county.up(&[]);
    let node = village.up(&[&above.address()]);
    support::converge(&[(&county, 1), (&village, 1)]);
    support::eventually("the county has confirmed", || {
        let outlook = village.status()["not_held_elsewhere"].clone();
        if outlook["entries"] == 0 { Ok(()) } else { Err(outlook.to_string()) }
    });
    assert_eq!(village.run(&["device", "wipe", "--yes"]).error(), "wipe_running");
    node.stop();
    assert_eq!(village.run(&["device", "wipe"]).error(), "needs_yes");
    let (store, envelope) = (village.home().join("store.redb"), village.home().join("store.key"));
    let copied = std::fs::read(&store).unwrap();
    std::fs::write(village.home().join("remarks.txt"), "somebody's").unwrap();
    let wiped = village.json(&["device", "wipe", "--yes"], 0);
    let left = wiped["left"].as_array().unwrap();
    assert!(left.len() == 1 && left[0].as_str().unwrap().ends_with("remarks.txt"), "{wiped}");
    assert!(!store.exists() && !envelope.exists() && !village.home().join("logs").exists());
    assert_eq!(village.run(&["status"]).error(), "no_node");
    // A block of the disk that nobody overwrote is noise.
    std::fs::write(&store, copied).unwrap();
    assert_eq!(village.run(&["status"]).error(), "store_key_missing");
    std::fs::remove_file(&store).unwrap();
    std::fs::remove_file(village.home().join("remarks.txt")).unwrap();
    // The machine may come back as a new device.
    let request = village.done(&["request"])["request"].as_str().unwrap().to_owned();
    let invite = county.done(&["grant", &request, "--area", SHANGHE, "--name", "again"]);
    village.done(&["join", invite["invite"].as_str().unwrap()]);
    village.syncs(&above.address(), &county.device());
    assert_eq!(village.elders().len(), 1);
    above.stop();
}

#[test]
fn who_looked_at_elders_is_listed_and_nothing_else_is() {
    let town = Office::begin(SONGWU);
    let elder = town.adds_elder(SHANGHE, "周国强");
    assert_eq!(town.done(&["log", "--audit"])["audit"], serde_json::json!([]));
    town.done(&["elder", "find", "nobody"]);
    town.done(&["elder", "list", "--scope", SHANGHE]);
    town.done(&["elder", "show", &elder, "--show-resident-id"]);
    town.done(&["visit", "list"]);
    town.status();
    let audit = town.done(&["log", "--audit"]);
    let rows = audit["audit"].as_array().unwrap();
    let of = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("what"), ["show_resident_id", "list"]);
    assert_eq!(of("area"), [SHANGHE, SHANGHE]);
    assert_eq!((&rows[0]["elders"], &rows[0]["personal"]), (&1.into(), &true.into()));
    assert!(!audit.to_string().contains("周国强") && !audit.to_string().contains(&elder));
    assert_eq!(town.done(&["log", "--refused", "--all"])["refused"], serde_json::json!([]));
    assert_eq!(town.run(&["log"]).exit, Some(2));
    assert_eq!(town.run(&["log", "--audit", "--refused"]).exit, Some(2));
}
