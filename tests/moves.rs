//! Elders move from one village to another, over processes and sockets: with edits on every side, with
//! villages off line, with nodes that are killed, and with two executors that do not know of each other.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use support::image::{holds, image};
use support::{COUNTY, Node, Office, QINGHE, SHANGHE, SONGWU, XIAHE, agree, eventually};

const NAME: &str = "周国强";
const PHONE: &str = "13812345678";
const OTHER_PHONE: &str = "13998765432";
const SEEN: &str = "屋后排水沟已疏通";
/// A resident's number with its check digit, made up.
const RESIDENT_ID: &str = "990121194509090016";
const KEPT: &str = "许桂英";
/// Who moves at once.
const ELDERS: usize = 9;
/// A village of the other town.
const QIAOTOU: &str = "990121200201";

/// What a file says, whoever has it: where the elder lives, and the offers themselves, are left out.
fn record(office: &Office, elder: &str) -> Value {
    let mut shown = office.done(&["elder", "show", elder]);
    assert_eq!(shown["unsettled"], serde_json::json!({}), "{}: {shown}", office.name);
    shown["summary"].as_object_mut().unwrap().remove("scope");
    shown["lists"].as_object_mut().unwrap().remove("transfer_events");
    let moved = |one: &Value| one["field"] != "residence_code";
    for list in ["fields", "conflicts", "visits"] {
        let found = shown[list].as_array_mut().unwrap();
        found.retain(moved);
        found.sort_by_key(Value::to_string);
    }
    for found in shown["lists"].as_object_mut().unwrap().values_mut() {
        found.as_array_mut().unwrap().sort_by_key(Value::to_string);
    }
    shown
}

/// Elders, visits, incidents.
fn counts(office: &Office) -> (usize, usize, usize) {
    let incidents = office.run(&["incident", "list", "--all"]).json();
    let incidents = incidents["incidents"].as_array().unwrap().len();
    (office.elders().len(), office.visits().len(), incidents)
}

/// Where an office shows an elder.
fn place(office: &Office, elder: &str) -> Option<String> {
    let elders = office.elders();
    let mut here = elders.iter().filter(|one| one["elder_id"] == elder);
    let place = here.next().map(|one| one["scope"].as_str().unwrap().to_owned());
    assert_eq!(here.count(), 0, "{}: an elder is shown twice", office.name);
    place
}

/// Waits until an office shows elders there; whoever has to exchange something for it does.
fn arrive(office: &Office, elders: &[String], to: &str, mut exchange: impl FnMut()) {
    eventually(&format!("{} shows them in {to}", office.name), || {
        exchange();
        let places: Vec<_> = elders.iter().map(|elder| place(office, elder)).collect();
        match places.iter().all(|place| place.as_deref() == Some(to)) {
            true => Ok(()),
            false => Err(format!("{places:?}")),
        }
    });
}

fn transfers(office: &Office) -> Vec<Value> {
    let ended = office.run(&["transfer", "list", "--all"]);
    assert!(matches!(ended.exit, Some(0 | 3)), "{}: {ended:?}", office.name);
    ended.json()["transfers"].as_array().unwrap().clone()
}

/// Waits until all moves that an office knows of are at this stage.
fn staged(office: &Office, stage: &str, mut exchange: impl FnMut()) {
    eventually(&format!("{}: {stage}", office.name), || {
        exchange();
        let found = transfers(office);
        match !found.is_empty() && found.iter().all(|one| one["stage"] == stage) {
            true => Ok(()),
            false => Err(serde_json::to_string(&found).unwrap()),
        }
    });
}

/// What stands in an office's file of a person who has moved, the control apart.
fn found(office: &Office) -> Vec<&'static str> {
    let bytes = image(&office.home().join("store.redb"), office);
    assert!(holds(&bytes, KEPT.as_bytes()), "{}: the control: another file is there", office.name);
    let wanted = [PHONE, OTHER_PHONE, RESIDENT_ID, SEEN];
    wanted.into_iter().filter(|text| holds(&bytes, text.as_bytes())).collect()
}

fn visited(office: &Office, elder: &str, date: &str, note: &str) {
    let visit = ["visit", "add", elder, "--mode", "home", "--occasion", "routine"];
    let rest = ["--outcome", "completed", "--date", date, "--note", note];
    office.done(&[&visit[..], &rest].concat());
}

/// Opens the file of somebody who came onto the roster in spring.
fn enters(village: &Office, place: &str, fields: &[&str]) -> String {
    let add = ["elder", "add", "--village", place, "--date", "2026-05-01"];
    let saved = village.done(&[&add[..], fields].concat());
    saved["elder_id"].as_str().unwrap().to_owned()
}

/// A file with numbers, visits and an incident that is open.
fn opens_file(village: &Office, place: &str) -> String {
    let (phone, number) = (format!("phone={PHONE}"), format!("resident_id={RESIDENT_ID}"));
    let elder = enters(village, place, &[&format!("name={NAME}"), &phone, &number]);
    visited(village, &elder, "2026-06-03", SEEN);
    visited(village, &elder, "2026-06-28", "一切正常");
    let raise = ["incident", "raise", &elder, "--kind", "生活困难", "--date", "2026-06-28"];
    village.done(&[&raise[..], &["--note", "粮食不足"]].concat());
    elder
}

/// Exchanges until both hold all that the other does: what a node writes of itself in the middle of an
/// exchange makes the next one necessary.
fn meets(office: &Office, node: &Node<'_>, device: &str) {
    eventually(&format!("{} is done", office.name), || {
        let peer = office.syncs(&node.address(), device);
        if peer["done"] == true { Ok(()) } else { Err(peer.to_string()) }
    });
}

#[test]
fn within_a_township_with_edits_on_both_sides_and_back_again() {
    let county = Office::begin(COUNTY);
    let songwu = county.admits(SONGWU, None);
    let (shanghe, xiahe) = (songwu.admits(SHANGHE, None), songwu.admits(XIAHE, None));
    let elder = opens_file(&shanghe, SHANGHE);
    let elders = [elder.clone()];
    shanghe.adds_elder(SHANGHE, KEPT);
    xiahe.adds_elder(XIAHE, KEPT);
    let (town, device) = (songwu.up(&[]), songwu.device());
    meets(&shanghe, &town, &device);
    meets(&xiahe, &town, &device);
    // Both write a number without knowing of one another.
    shanghe.done(&["elder", "set", &elder, &format!("phone={OTHER_PHONE}")]);
    songwu.done(&["elder", "set", &elder, "phone=13700000001"]);
    meets(&shanghe, &town, &device);
    let before = record(&songwu, &elder);
    assert_eq!(before["conflicts"].as_array().unwrap().len(), 1, "{before}");
    assert_eq!(counts(&songwu), (3, 2, 1));

    let offered =
        shanghe.done(&["transfer", "offer", &elder[..8], "--to", XIAHE, "--note", "投亲"]);
    assert_eq!(offered["transfer"]["waits_for"], "acceptance");
    assert_eq!(shanghe.status()["transfers_to_answer"], 0);
    meets(&shanghe, &town, &device);
    eventually("the offer comes to the new village", || {
        meets(&xiahe, &town, &device);
        match xiahe.status()["transfers_to_answer"] == 1 {
            true => Ok(()),
            false => Err(format!("{:?}", transfers(&xiahe))),
        }
    });
    assert_eq!(xiahe.run(&["status"]).exit, Some(3));
    assert_eq!(songwu.status()["transfers_to_answer"], 0, "the village answers for itself");
    let asked = xiahe.json(&["transfer", "list"], 3);
    assert_eq!(
        (&asked["transfers"][0]["yours"], &asked["transfers"][0]["name"]),
        (&true.into(), &NAME.into())
    );
    assert_eq!(place(&xiahe, &elder), None, "nothing shows before it is handed over");

    // The old village is off line from here on, and goes on working.
    visited(&shanghe, &elder, "2026-07-05", "断网时探访");
    shanghe.done(&["elder", "set", &elder, "remarks=喜食软饭"]);
    visited(&songwu, &elder, "2026-07-06", "乡镇抽查");
    xiahe.done(&["transfer", "accept", &elder[..8]]);
    assert_eq!(xiahe.status()["transfers_to_answer"], 0);
    meets(&xiahe, &town, &device);
    arrive(&songwu, &elders, XIAHE, || ());
    arrive(&xiahe, &elders, XIAHE, || meets(&xiahe, &town, &device));
    assert_eq!(counts(&xiahe), (2, 3, 1));
    assert_eq!(place(&shanghe, &elder).as_deref(), Some(SHANGHE), "the old village does not know");
    visited(&xiahe, &elder, "2026-07-20", "迁入后首访");
    visited(&shanghe, &elder, "2026-07-30", "月末探访");

    // A month later it comes back: what it wrote goes after the elder, and it learns where that is.
    meets(&shanghe, &town, &device);
    eventually("late edits arrive in the new village", || {
        meets(&xiahe, &town, &device);
        match counts(&xiahe) {
            (2, 6, 1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    eventually("the old village learns of it", || {
        meets(&shanghe, &town, &device);
        place(&shanghe, &elder).map_or(Ok(()), Err)
    });
    let gone = shanghe.json(&["elder", "show", &elder], 6);
    assert_eq!(gone["error"]["code"], "moved_away");
    let said = gone["error"]["message"].as_str().unwrap();
    assert!(said.contains(&format!("to {XIAHE} on 2")), "{said}");
    let refused = shanghe.run(&["elder", "set", &elder, "remarks=x"]);
    assert_eq!((refused.exit, &*refused.error()), (Some(6), "moved_away"));
    eventually("both show the same", || {
        meets(&xiahe, &town, &device);
        match record(&xiahe, &elder) == record(&songwu, &elder) {
            true => Ok(()),
            false => Err("not yet".to_owned()),
        }
    });
    let after = record(&xiahe, &elder);
    assert_eq!(after["conflicts"], before["conflicts"]);
    for visit in before["visits"].as_array().unwrap() {
        assert!(after["visits"].as_array().unwrap().contains(visit), "{visit}");
    }
    assert_eq!(after["lists"]["incident_events"], before["lists"]["incident_events"]);
    assert_eq!(counts(&songwu), (3, 6, 1));
    assert_eq!(counts(&shanghe), (1, 0, 0));

    // Nobody has confirmed the copies: the old village still has its own.
    assert_eq!(found(&shanghe), [PHONE, OTHER_PHONE, RESIDENT_ID, SEEN]);
    let stubs = shanghe.done(&["transfer", "list"])["stubs"].clone();
    assert_eq!((&stubs[0]["to"], &stubs[0]["holds_file"]), (&XIAHE.into(), &true.into()));
    town.stop();
    let above = county.up(&[]);
    let town = songwu.up(&[&above.address()]);
    staged(&songwu, "done", || ());
    staged(&shanghe, "done", || meets(&shanghe, &town, &device));
    assert_eq!(found(&shanghe), [""; 0], "the county has confirmed the copies");
    assert!(found(&xiahe).contains(&RESIDENT_ID));
    assert_eq!(shanghe.done(&["transfer", "list", "--all"])["stubs"][0]["holds_file"], false);
    assert_eq!(record(&xiahe, &elder), record(&songwu, &elder));

    // And back again.
    meets(&xiahe, &town, &device);
    xiahe.done(&["transfer", "offer", &elder, "--to", SHANGHE]);
    meets(&xiahe, &town, &device);
    eventually("the offer comes back", || {
        meets(&shanghe, &town, &device);
        match shanghe.status()["transfers_to_answer"] == 1 {
            true => Ok(()),
            false => Err(format!("{:?}", transfers(&shanghe))),
        }
    });
    shanghe.done(&["transfer", "accept", &elder]);
    meets(&shanghe, &town, &device);
    arrive(&shanghe, &elders, SHANGHE, || meets(&shanghe, &town, &device));
    visited(&shanghe, &elder, "2026-08-08", "迁回后首访");
    let offices = [&county, &songwu, &shanghe, &xiahe];
    eventually("all agree", || {
        meets(&shanghe, &town, &device);
        meets(&xiahe, &town, &device);
        agree(&offices)?;
        match (counts(&county), counts(&songwu), counts(&shanghe), counts(&xiahe)) {
            ((3, 7, 1), (3, 7, 1), (2, 7, 1), (1, 0, 0)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    for office in [&county, &songwu] {
        assert_eq!(record(office, &elder), record(&shanghe, &elder), "{}", office.name);
    }
    // A session of its own brings the county's receipt at once.
    town.stop();
    let town = songwu.up(&[&above.address()]);
    staged(&songwu, "done", || ());
    staged(&xiahe, "done", || meets(&xiahe, &town, &device));
    assert_eq!(found(&xiahe), [""; 0]);
    meets(&shanghe, &town, &device);
    town.stop();
    above.stop();
    offices.iter().for_each(|office| office.verify());
}

#[test]
fn across_townships_while_nodes_are_killed() {
    let seed: u64 = std::env::var("MOVES_SEED").map_or(7, |seed| seed.parse().unwrap());
    println!("MOVES_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let county = Office::begin(COUNTY);
    let (songwu, qinghe) = (county.admits(SONGWU, None), county.admits(QINGHE, None));
    let (shanghe, qiaotou) = (songwu.admits(SHANGHE, None), qinghe.admits(QIAOTOU, None));
    let mut elders = vec![opens_file(&shanghe, SHANGHE)];
    for nth in 1..ELDERS {
        elders.push(enters(&shanghe, SHANGHE, &[&format!("name={KEPT}{nth}")]));
        visited(&shanghe, &elders[nth], "2026-06-20", SEEN);
    }
    let (old_town, old) = (songwu.up(&[]), songwu.device());
    let (new_town, new) = (qinghe.up(&[]), qinghe.device());
    meets(&shanghe, &old_town, &old);
    let before: BTreeMap<&String, Value> =
        elders.iter().map(|elder| (elder, record(&songwu, elder))).collect();

    let all = ["transfer", "offer", "--all", "--from", SHANGHE, "--to", QIAOTOU];
    let preview = shanghe.done(&[&all[..], &["--dry-run"]].concat());
    assert_eq!((&preview["elders"], &preview["offered_already"]), (&ELDERS.into(), &0.into()));
    assert_eq!(preview["devices"].as_array().unwrap().len(), 1);
    assert!(preview["entries"].as_u64() > Some(10) && preview["body_bytes"].as_u64() > Some(1_000));
    assert_eq!(shanghe.run(&all).error(), "needs_yes");
    assert_eq!(shanghe.done(&[&all[..], &["--yes"]].concat())["written"], ELDERS);
    meets(&shanghe, &old_town, &old);
    let above = county.up(&[&old_town.address(), &new_town.address()]);
    eventually("the offers come to the new village", || {
        meets(&qiaotou, &new_town, &new);
        match qiaotou.status()["transfers_to_answer"].as_u64() {
            Some(offers) if offers == ELDERS as u64 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    above.stop();

    // The town has the acceptance, and is killed before anybody above has heard of it.
    let accept = ["transfer", "accept", "--all", "--from", SHANGHE];
    assert_eq!(
        qiaotou.json(&[&accept[..], &["--dry-run"]].concat(), 0)["transfers"]
            .as_array()
            .unwrap()
            .len(),
        ELDERS
    );
    assert_eq!(qiaotou.done(&[&accept[..], &["--yes"]].concat())["written"], ELDERS);
    meets(&qiaotou, &new_town, &new);
    new_town.kill();
    let new_town = qinghe.up(&[]);

    // The county carries it out, and is killed again and again; both villages go on working.
    let (mut late, mut there) = (0, 0);
    for round in 0..8 {
        let above = county.up(&[&old_town.address(), &new_town.address()]);
        let moment = Duration::from_millis(random.random_range(20..220));
        std::thread::sleep(moment);
        above.kill();
        let shown = elders.iter().filter(|elder| place(&county, elder).as_deref() == Some(QIAOTOU));
        println!("round {round}: killed after {moment:?}, {} handed over", shown.count());
        let elder = &elders[round % elders.len()];
        let date = format!("2026-07-{:02}", round + 1);
        for (village, written) in [(&shanghe, &mut late), (&qiaotou, &mut there)] {
            let ended = village.run(&["visit", "add", elder, "--date", &date]);
            *written += usize::from(ended.exit == Some(0));
        }
        meets(&shanghe, &old_town, &old);
        meets(&qiaotou, &new_town, &new);
    }
    assert!(late > 0, "the old village wrote nothing meanwhile");
    let expected = ELDERS + 1 + late + there;
    let above = county.up(&[&old_town.address(), &new_town.address()]);
    arrive(&county, &elders, QIAOTOU, || ());
    arrive(&qiaotou, &elders, QIAOTOU, || meets(&qiaotou, &new_town, &new));
    let offices = [&county, &songwu, &qinghe, &shanghe, &qiaotou];
    eventually("nothing is lost", || {
        meets(&shanghe, &old_town, &old);
        meets(&qiaotou, &new_town, &new);
        agree(&offices)?;
        match (counts(&county), counts(&qinghe), counts(&qiaotou), counts(&songwu)) {
            (county, qinghe, qiaotou, (0, 0, 0))
                if [county, qinghe, qiaotou] == [(ELDERS, expected, 1); 3] =>
            {
                Ok(())
            }
            other => Err(format!("{expected}: {other:?}")),
        }
    });
    for elder in &elders {
        let now = record(&qiaotou, elder);
        assert_eq!(now, record(&county, elder));
        assert_eq!(
            (&now["fields"], &now["lists"]),
            (&before[elder]["fields"], &before[elder]["lists"])
        );
        for visit in before[elder]["visits"].as_array().unwrap() {
            assert!(now["visits"].as_array().unwrap().contains(visit), "{visit}");
        }
    }
    // The new town confirms what it got in a session of its own.
    above.stop();
    let above = county.up(&[&old_town.address(), &new_town.address()]);
    staged(&county, "done", || ());
    staged(&shanghe, "done", || meets(&shanghe, &old_town, &old));
    eventually("all agree at the end", || {
        meets(&qiaotou, &new_town, &new);
        meets(&shanghe, &old_town, &old);
        agree(&offices)
    });
    above.stop();
    old_town.stop();
    new_town.stop();
    let bytes = image(&shanghe.home().join("store.redb"), &shanghe);
    for text in [PHONE, RESIDENT_ID, SEEN] {
        assert!(!holds(&bytes, text.as_bytes()), "the old village still has {text}");
    }
    offices.iter().for_each(|office| office.verify());
}

#[test]
fn two_executors_that_do_not_know_of_each_other() {
    let county = Office::begin(COUNTY);
    let villages = |place| [county.admits(place, None), county.admits(place, None)];
    let ([old, old_two], [new, new_two]) = (villages(SHANGHE), villages(XIAHE));
    // Of two devices of a township the one with the smaller key goes first, if each knows of the other.
    // The one with the larger key does not hear of the other here, so both carry the move out.
    let mut towns = [county.admits(SONGWU, None), county.admits(SONGWU, None)];
    towns.sort_by_key(|town| std::cmp::Reverse(town.device()));
    let [first, second] = towns;
    let elder = opens_file(&old, SHANGHE);
    let elders = [elder.clone()];
    old.adds_elder(SHANGHE, KEPT);
    old.done(&["transfer", "offer", &elder, "--to", XIAHE]);
    let before = record(&old, &elder);
    let copies = |from: &Office, to: &Office| {
        let node = from.up(&[]);
        meets(to, &node, &from.device());
        node.stop();
    };
    copies(&old, &old_two);
    {
        let (town, device) = (first.up(&[]), first.device());
        meets(&old, &town, &device);
        eventually("the first town carries the offer", || {
            meets(&new, &town, &device);
            match new.status()["transfers_to_answer"] == 1 {
                true => Ok(()),
                false => Err(format!("{:?}", transfers(&new))),
            }
        });
        town.stop();
    }
    new.done(&["transfer", "accept", &elder]);
    copies(&new, &new_two);
    // Both sides go on: what the second device of the old village writes only the second town hears.
    visited(&old_two, &elder, "2026-07-04", "第二台设备");
    visited(&old, &elder, "2026-07-05", "第一台设备");
    let one = first.up(&[]);
    let two = second.up(&[]);
    meets(&new, &one, &first.device());
    meets(&old_two, &two, &second.device());
    meets(&new_two, &two, &second.device());
    arrive(&first, &elders, XIAHE, || ());
    arrive(&second, &elders, XIAHE, || ());
    arrive(&new, &elders, XIAHE, || meets(&new, &one, &first.device()));
    arrive(&new_two, &elders, XIAHE, || meets(&new_two, &two, &second.device()));
    visited(&new, &elder, "2026-07-10", "迁入后，第一台");
    visited(&new_two, &elder, "2026-07-11", "迁入后，第二台");
    meets(&second, &one, &first.device());
    let above = county.up(&[&one.address(), &two.address()]);
    let offices = [&county, &first, &second, &old, &old_two, &new, &new_two];
    eventually("all agree on one custody and on every visit", || {
        for office in [&old, &old_two, &new, &new_two] {
            meets(office, &one, &first.device());
        }
        agree(&offices)?;
        let all: Vec<_> = [&county, &first, &second, &new, &new_two].map(counts).to_vec();
        let town = (2, 6, 1);
        match all[..] == [town, town, town, (1, 6, 1), (1, 6, 1)] {
            true => Ok(()),
            false => Err(format!("{all:?}")),
        }
    });
    let after = record(&county, &elder);
    for office in [&first, &second, &new, &new_two] {
        assert_eq!(record(office, &elder), after, "{}", office.name);
    }
    assert_eq!((&after["fields"], &after["lists"]), (&before["fields"], &before["lists"]));
    for office in [&old, &old_two] {
        assert_eq!(place(office, &elder), None);
    }
    above.stop();
    one.stop();
    two.stop();
    offices.iter().for_each(|office| office.verify());
}
