//! A device's grant is taken back, or replaced: who still talks to it, what of it counts, and how
//! what was cut off comes back.

mod support;

use serde_json::Value;
use support::{COUNTY, Node, Office, SHANGHE, SONGWU, agree, converge, eventually};

/// County, township, and two laptops of one village, all with one elder's file.
struct Offices {
    county: Office,
    town: Office,
    laptop: Office,
    second: Office,
    elder: String,
}

fn offices() -> Offices {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (laptop, second) = (town.admits(SHANGHE, None), town.admits(SHANGHE, None));
    let elder = laptop.adds_elder(SHANGHE, "周国强");
    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let below = [laptop.up(&[&middle.address()]), second.up(&[&middle.address()])];
    converge(&[(&county, 1), (&town, 1), (&laptop, 1), (&second, 1)]);
    stop(below);
    stop([middle, top]);
    Offices { county, town, laptop, second, elder }
}

fn stop<const N: usize>(nodes: [Node<'_>; N]) {
    nodes.into_iter().for_each(Node::stop);
}

/// The code of what ended the last session with a peer.
fn last_error(office: &Office, device: &str) -> Value {
    office.peer(device).map(|peer| peer["last_error"]["code"].clone()).unwrap_or_default()
}

fn field(office: &Office, elder: &str, field: &str) -> Value {
    let shown = office.done(&["elder", "show", elder]);
    let fields = shown["fields"].as_array().unwrap().clone();
    let found = fields.into_iter().find(|found| found["field"] == field);
    found.map(|found| found["value"].clone()).unwrap_or_default()
}

fn quarantine(office: &Office) -> Vec<Value> {
    office.done(&["quarantine", "list"])["entries"].as_array().unwrap().clone()
}

#[test]
fn a_lost_laptop_is_turned_away_by_everybody_in_the_middle_of_a_session_too() {
    let Offices { county, town, laptop, second, .. } = offices();
    let device = laptop.device();
    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let beside = second.up(&[&middle.address()]);
    let lost = laptop.up(&[&top.address(), &middle.address(), &beside.address()]);
    for office in [&county, &town, &second] {
        eventually("they talk", || match office.peer(&device) {
            Some(peer) if peer["done"] == true && peer["in_session"] == true => Ok(()),
            peer => Err(format!("{}: {peer:?}", office.name)),
        });
    }

    // Nobody can be asked: it says what it needs. A dry run writes nothing.
    let revoke = ["device", "revoke", &device[..12], "--reason", "lost"];
    let asked = county.run(&revoke);
    assert_eq!((asked.exit, asked.error().as_str()), (Some(2), "needs_yes"));
    let before = county.status()["scopes"].clone();
    let plan = county.done(&[&revoke[..], &["--dry-run"]].concat());
    assert_eq!((&plan["dry_run"], &plan["entries"]), (&true.into(), &0.into()));
    assert_eq!(county.status()["scopes"], before);
    assert_eq!(plan["exposure"]["scopes"][0]["elders"], 1);
    assert_eq!(plan["exposure"]["elders"], serde_json::json!([]), "names are not for everybody");
    let named = county.done(&[&revoke[..], &["--dry-run", "--show-personal"]].concat());
    assert_eq!(named["exposure"]["elders"][0]["name"], "周国强");

    let done = county.done(&[&revoke[..], &["--yes"]].concat());
    assert_eq!(done["device"], device.as_str());
    for office in [&county, &town, &second] {
        eventually("the session ends", || match office.peer(&device) {
            Some(peer) if peer["state"] == "revoked" && peer["in_session"] == false => Ok(()),
            peer => Err(format!("{}: {peer:?}", office.name)),
        });
        let listed = office.done(&["device", "list", "--all"])["devices"].clone();
        let listed = listed.as_array().unwrap().iter().find(|one| one["device"] == *device);
        let listed = listed.unwrap();
        assert_eq!(
            (&listed["state"], &listed["revoked_because"]),
            (&"revoked".into(), &"lost".into())
        );
        let standing = office.done(&["device", "list"])["devices"].to_string();
        assert!(!standing.contains(&device), "{}", office.name);
    }
    eventually("it is told", || match last_error(&laptop, &county.device()) == "revoked" {
        true => Ok(()),
        false => Err(format!("{:?}", laptop.peers())),
    });
    assert_eq!(laptop.run(&["status"]).exit, Some(3), "a person should look");

    // It goes on writing, and tries each of them again.
    lost.stop();
    laptop.adds_elder(SHANGHE, "许桂英");
    for (office, node) in [(&county, &top), (&town, &middle), (&second, &beside)] {
        let ended = laptop.run(&["sync", "--peer", &node.address(), "--timeout", "20s"]);
        assert_eq!(ended.exit, Some(6), "{}: {ended:?}", office.name);
        assert_eq!(last_error(&laptop, &office.device()), "revoked", "{}", office.name);
    }
    // The others go on, and hold nothing of it.
    town.adds_elder(SHANGHE, "褚顺昌");
    converge(&[(&county, 2), (&town, 2), (&second, 2)]);
    for office in [&county, &town, &second] {
        assert_eq!(quarantine(office), Vec::<Value>::new());
        office.verify();
    }
    let again = county.run(&[&revoke[..], &["--yes"]].concat());
    assert_eq!((again.exit, again.error().as_str()), (Some(6), "revoke_again"));
    drop((beside, middle, top));
}

/// The second laptop has not heard: it takes in what the lost one wrote since, builds on some of it
/// and carries it on.
#[test]
fn late_entries_are_kept_apart_everywhere_but_for_what_an_honest_edit_was_built_on() {
    let Offices { county, town, laptop, second, elder } = offices();
    let device = laptop.device();
    county.done(&["device", "revoke", &device, "--reason", "lost", "--yes"]);
    laptop.done(&["elder", "set", &elder, "phone=13900000001"]);
    laptop.done(&["visit", "add", &elder, "--note", "late"]);
    let beside = second.up(&[]);
    let peer = laptop.syncs(&beside.address(), &second.device());
    assert_eq!(peer["done"], true, "the second laptop has not heard: {peer}");
    assert_eq!(second.visits().len(), 1);
    second.done(&["elder", "set", &elder, "address=村东头"]);
    beside.stop();

    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let beside = second.up(&[&middle.address()]);
    let everybody = [&county, &town, &second];
    eventually("all count the same", || {
        agree(&everybody)?;
        for office in everybody {
            let held = quarantine(office);
            let of = |vouched: bool| held.iter().filter(|e| e["vouched"] == vouched).count();
            if (of(true), of(false)) != (1, 1) {
                return Err(format!("{}: {held:?}", office.name));
            }
        }
        Ok(())
    });
    for office in everybody {
        assert_eq!(field(office, &elder, "address"), "村东头", "{}", office.name);
        assert_eq!(field(office, &elder, "phone"), "13900000001", "it was built on");
        assert_eq!(office.visits(), Vec::<Value>::new(), "{}", office.name);
        assert_eq!(office.run(&["status"]).exit, Some(3));
        office.verify();
    }

    // The township looks at the visit, and takes it in.
    let late = quarantine(&town).into_iter().find(|entry| entry["vouched"] == false).unwrap();
    assert_eq!((&late["device"], &late["part"]), (&device.into(), &"Journal/2026".into()));
    let entry = &late["entry"].as_str().unwrap()[..10];
    let asked = town.run(&["quarantine", "adopt", entry]);
    assert_eq!((asked.exit, asked.error().as_str()), (Some(2), "needs_yes"));
    let plan = town.done(&["quarantine", "adopt", entry, "--dry-run"]);
    assert_eq!((plan["adopted"].as_array().unwrap().len(), &plan["entries"]), (1, &0.into()));
    assert_eq!(town.done(&["quarantine", "adopt", entry, "--yes"])["entries"], 1);
    eventually("the visit is back everywhere", || {
        agree(&everybody)?;
        match everybody.iter().all(|office| office.visits().len() == 1) {
            true => Ok(()),
            false => Err("not everywhere".to_owned()),
        }
    });
    for office in everybody {
        assert_eq!(quarantine(office).len(), 1, "what is vouched for stays listed");
        office.verify();
    }
    for (arguments, code) in [
        (&["quarantine", "adopt", "ffffffffff", "--yes"][..], "quarantine_unknown"),
        (&["quarantine", "adopt", "--yes"], "quarantine_which"),
    ] {
        assert_eq!(town.run(arguments).error(), code);
    }
    stop([beside, middle, top]);
}

/// What a new role allows of what was written under the old one, unsynced, comes in by itself.
#[test]
fn a_device_takes_up_its_new_role_by_itself() {
    let Offices { county, town, laptop, elder, .. } = offices();
    let request = laptop.done(&["request"])["request"].as_str().unwrap().to_owned();
    let grant = |role: &'static str| {
        ["grant", &request, "--area", SHANGHE, "--name", "周", "--role", role].map(str::to_owned)
    };
    let ask = |role: &'static str, extra: &[&str]| {
        let words = grant(role);
        let words: Vec<&str> =
            words.iter().map(String::as_str).chain(extra.iter().copied()).collect();
        town.run(&words)
    };
    let twice = ask("helper", &[]);
    assert_eq!((twice.exit, twice.error().as_str()), (Some(6), "device_granted"));
    assert_eq!(ask("helper", &["--replace"]).exit, Some(0));

    // It has not heard. A helper writes visits, and no cards.
    laptop.done(&["visit", "add", &elder, "--note", "as a clerk still"]);
    laptop.done(&["elder", "set", &elder, "phone=13900000001"]);
    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let below = laptop.up(&[&middle.address()]);
    let everybody = [&county, &town, &laptop];
    let becomes = |role: &str, visits: usize| {
        eventually(&format!("it becomes {role}"), || {
            let status = laptop.status();
            if status["device"]["role"] != role || status["device"]["revoked"] != false {
                return Err(status["device"].to_string());
            }
            agree(&everybody)?;
            for office in everybody {
                let found = office.visits().len();
                if found != visits {
                    return Err(format!("{} has {found} visits", office.name));
                }
            }
            Ok(())
        });
    };
    becomes("helper", 1);
    for office in everybody {
        assert_eq!(field(office, &elder, "phone"), Value::Null, "{}", office.name);
        let held = quarantine(office);
        assert_eq!((held.len(), &held[0]["part"]), (1, &"Card".into()), "{}", office.name);
        office.verify();
    }
    let refused = laptop.run(&["elder", "set", &elder, "phone=13900000002"]);
    assert_eq!(refused.exit, Some(6), "{refused:?}");
    laptop.done(&["visit", "add", &elder, "--note", "as a helper"]);
    becomes("helper", 2);

    // And in the middle of a session: as a clerk again it gives its card back itself.
    assert_eq!(ask("clerk", &["--replace"]).exit, Some(0));
    becomes("clerk", 2);
    laptop.done(&["elder", "set", &elder, "address=村东头"]);
    eventually("its edits count everywhere", || {
        agree(&everybody)?;
        match everybody.iter().all(|office| field(office, &elder, "address") == "村东头") {
            true => Ok(()),
            false => Err("not yet".to_owned()),
        }
    });
    for office in everybody {
        assert_eq!(field(office, &elder, "phone"), "13900000001", "{}", office.name);
        assert_eq!(quarantine(office), Vec::<Value>::new(), "{}", office.name);
        office.verify();
    }
    stop([below, middle, top]);
}

#[test]
fn a_retired_device_writes_no_more_and_what_it_wrote_stays() {
    let Offices { county, town, laptop, elder, .. } = offices();
    laptop.done(&["visit", "add", &elder, "--note", "the last one"]);
    assert_eq!(laptop.run(&["device", "retire"]).error(), "needs_yes");
    laptop.done(&["device", "retire", "--dry-run"]);
    assert_eq!(laptop.done(&["device", "retire", "--yes"])["dry_run"], false);
    let refused = laptop.run(&["visit", "add", &elder]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(6), "device_revoked"));
    let status = laptop.run(&["status"]);
    assert_eq!((status.exit, &status.json()["device"]["revoked"]), (Some(3), &true.into()));
    let own = laptop.device();
    let revoke = ["device", "revoke", &own, "--reason", "lost", "--yes"];
    assert_eq!(laptop.run(&revoke).error(), "revoke_self");
    // Its last words still reach the township.
    let middle = town.up(&[]);
    laptop.syncs(&middle.address(), &town.device());
    eventually("the visit comes up", || match town.visits().len() {
        1 => Ok(()),
        visits => Err(format!("{visits} visits")),
    });
    let listed = town.done(&["device", "list", "--all"])["devices"].clone();
    let listed = listed.as_array().unwrap().iter().find(|one| one["device"] == *own).unwrap();
    assert_eq!(listed["revoked_because"], "retired");
    assert_eq!(quarantine(&town), Vec::<Value>::new());
    town.verify();
    drop((middle, county));
}
