//! Nodes in processes of their own come to the same records, however long they were apart.

mod support;

use support::{COUNTY, Office, QINGHE, SHANGHE, SONGWU, XIAHE, agree, converge, data, eventually};

#[test]
fn two_nodes_converge_and_stay_so() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    town.adds_elder(SHANGHE, "周国强");
    let top = county.up(&[]);
    let below = town.up(&[&top.address()]);
    converge(&[(&county, 1), (&town, 1)]);
    // Live, both ways.
    let elder = county.adds_elder(XIAHE, "许桂英");
    converge(&[(&county, 2), (&town, 2)]);
    town.done(&["visit", "add", &elder, "--note", "一切都好"]);
    county.done(&["elder", "set", &elder, "phone=13900000001"]);
    eventually("the visit comes up and the phone down", || {
        let visits = county.visits().len();
        let phone = town.done(&["elder", "show", &elder])["fields"].to_string();
        match visits == 1 && phone.contains("13900000001") {
            true => Ok(()),
            false => Err(format!("{visits} visits, {phone}")),
        }
    });
    converge(&[(&county, 2), (&town, 2)]);
    for (office, other) in [(&county, &town), (&town, &county)] {
        let peer = office.peer(&other.device()).unwrap();
        assert_eq!((&peer["state"], &peer["done"]), (&"online".into(), &true.into()), "{peer}");
        assert_eq!(peer["refused"], serde_json::json!({}));
        office.verify();
    }
    // Both say the same when nobody runs, and again when only one of them is reached by `sync`.
    below.stop();
    top.stop();
    assert_eq!(agree(&[&county, &town]), Ok(()));
    town.done(&["visit", "add", &elder, "--date", "2026-08-30"]);
    assert!(agree(&[&county, &town]).is_err());
    let top = county.up(&[]);
    let address = top.address();
    let device = county.device();
    let before = town.peer(&device).unwrap()["last_done_ms"].as_i64().unwrap();
    let peer = town.syncs(&address, &device);
    assert!(peer["last_done_ms"].as_i64().unwrap() > before, "{peer}");
    assert_eq!(peer["last_error"], serde_json::Value::Null);
    assert_eq!(agree(&[&county, &town]), Ok(()), "`sync` said that it was done");
    assert_eq!(county.visits().len(), 2);
    top.stop();
    let gone = town.syncs(&address, &device);
    assert_eq!(gone["last_done_ms"], peer["last_done_ms"], "nobody was there: {gone}");
}

/// A village works alone for a month while its township goes on with the same files; when it comes
/// back nothing of either is lost, and what both changed is shown as a conflict on both.
#[test]
fn a_village_comes_back_after_a_month() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let top = county.up(&[]);
    let middle = town.up(&[&top.address()]);
    let below = village.up(&[&middle.address()]);
    let elders: Vec<String> =
        ["周国强", "许桂英", "褚顺昌"].map(|name| village.adds_elder(SHANGHE, name)).into();
    converge(&[(&county, 3), (&town, 3), (&village, 3)]);
    below.stop();

    // September in the village, without a link and without a running node.
    for (week, day) in ["2026-09-04", "2026-09-11", "2026-09-18", "2026-09-25"].iter().enumerate() {
        for elder in &elders {
            let note = format!("第{}周", week + 1);
            let visit = ["visit", "add", elder, "--note", &note, "--as-of", day];
            assert_eq!(village.done(&visit)["entries"], 1);
        }
    }
    village.done(&["elder", "set", &elders[0], "phone=13900000001", "--as-of", "2026-09-12"]);
    village.done(&["elder", "set", &elders[1], "remarks=腿脚不便", "--as-of", "2026-09-20"]);
    let newcomer = village.adds_elder(SHANGHE, "冯翠莲");
    // And in the township.
    town.done(&["elder", "set", &elders[0], "phone=13900000002", "--as-of", "2026-09-14"]);
    town.done(&["elder", "set", &elders[1], "risk_level=High", "--as-of", "2026-09-21"]);
    town.done(&["visit", "add", &elders[2], "--mode", "phone", "--as-of", "2026-09-30"]);
    assert_eq!(town.visits().len(), 1);
    assert_eq!(village.visits().len(), 12);

    let below = village.up(&[&middle.address()]);
    converge(&[(&county, 4), (&town, 4), (&village, 4)]);
    let visits = village.visits();
    assert_eq!(visits.len(), 13);
    for office in [&county, &town] {
        support::same("visit", &office.visits(), &visits);
        support::same("elder", &office.elders(), &village.elders());
    }
    let days: Vec<_> =
        visits.iter().map(|visit| visit["visit"]["date"].as_str().unwrap()).collect();
    assert_eq!((days[0], days[12]), ("2026-09-30", "2026-09-04"));
    let shown = |office: &Office, elder: &str, field: &str| {
        let report = office.done(&["elder", "show", elder]);
        let fields = report["fields"].as_array().unwrap().clone();
        fields.into_iter().find(|found| found["field"] == field).unwrap()
    };
    for office in [&county, &town, &village] {
        let phone = shown(office, &elders[0], "phone");
        let mut both = vec![phone["value"].clone(), phone["conflict"][0].clone()];
        both.sort_by_key(ToString::to_string);
        assert_eq!(both, ["13900000001", "13900000002"], "{}: {phone}", office.name);
        assert_eq!(shown(office, &elders[1], "remarks")["value"], "腿脚不便");
        assert_eq!(shown(office, &elders[1], "risk_level")["value"], "High");
        let newcomer = office.done(&["elder", "show", &newcomer]);
        assert_eq!(newcomer["summary"]["name"], "冯翠莲");
        office.verify();
    }
    for node in [below, middle, top] {
        node.stop();
    }
    assert_eq!(agree(&[&county, &town, &village]), Ok(()));
}

/// Two townships bring their ledgers to the county, three villages take what is theirs.
#[test]
fn a_county_of_six_nodes_converges_on_its_ledgers() {
    let county = Office::begin(COUNTY);
    let (songwu, qinghe) = (county.admits(SONGWU, None), county.admits(QINGHE, None));
    let shanghe = songwu.admits(SHANGHE, None);
    let top = county.up(&[]);
    let nodes = [songwu.up(&[&top.address()]), qinghe.up(&[&top.address()])];
    let below = shanghe.up(&[&nodes[0].address()]);
    // The places come down before the ledgers are read.
    for office in [&songwu, &qinghe] {
        eventually("places come down", || {
            let places = office.done(&["area", "list"])["places"].as_array().unwrap().len();
            if places > 2 { Ok(()) } else { Err(format!("{places} places")) }
        });
    }
    let imported = |office: &Office, file: &str| {
        let report = office.run(&["import", &data(file)]);
        assert!(matches!(report.exit, Some(0 | 3)), "{report:?}");
        report.json()["new"].as_u64().unwrap() as usize
    };
    let first = imported(&songwu, "松雾镇留守老年人台账.xlsx");
    let second = imported(&qinghe, "清荷乡留守老年人台账.xlsx");
    let of_village = |office: &Office, code: &str| {
        office.elders().iter().filter(|elder| elder["scope"] == code).count()
    };
    let here = of_village(&songwu, SHANGHE);
    assert!(here > 0 && here < first);
    converge(&[(&county, first + second), (&songwu, first), (&qinghe, second), (&shanghe, here)]);
    // Nobody lists a scope outside its area.
    for (office, area) in [(&songwu, "990121101"), (&qinghe, "990121200"), (&shanghe, SHANGHE)] {
        for scope in office.status()["scopes"].as_array().unwrap() {
            assert!(scope["code"].as_str().unwrap().starts_with(area), "{}: {scope}", office.name);
        }
        office.verify();
    }
    county.verify();
    drop((below, nodes, top));
}

/// An invite has one address of the township, and somebody types another: that is one peer.
#[test]
fn two_addresses_of_one_peer_are_one_exchange() {
    let town = Office::begin(SONGWU);
    let node = town.up(&[]);
    let one = node.address();
    let two = one.replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    for number in 0..3 {
        let village = town.admits(SHANGHE, None);
        village.adds_elder(SHANGHE, &format!("老人{number}"));
        let ended = village.run(&["sync", "--peer", &one, "--peer", &two, "--timeout", "30s"]);
        assert_eq!(ended.exit, Some(0), "{ended:?}");
        let running = village.up(&[&one, &two]);
        village.adds_elder(SHANGHE, &format!("再{number}"));
        let expected = 2 * (number + 1);
        eventually("it arrives", || match town.elders().len() {
            found if found == expected => Ok(()),
            found => Err(format!("{found} of {expected}")),
        });
        let peer = town.peer(&village.device()).unwrap();
        assert_eq!(peer["refused"], serde_json::json!({}), "{peer}");
        running.stop();
    }
    node.stop();
}
