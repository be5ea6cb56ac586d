//! Whoever may not take part is told so and named, whatever comes over the wire; the node goes on.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use support::{COUNTY, Office, QINGHE, SHANGHE, SONGWU, XIAHE, converge, eventually, refused};

/// A county and a township that exchange all the time, and go on doing so.
fn goes_on(county: &Office, town: &Office) {
    let before = county.elders().len();
    town.adds_elder(SHANGHE, "后来人");
    converge(&[(county, before + 1), (town, before + 1)]);
    county.verify();
}

#[test]
fn a_node_of_another_mesh_is_turned_away_on_both_sides() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    town.adds_elder(SHANGHE, "周国强");
    let top = county.up(&[]);
    let below = town.up(&[&top.address()]);
    converge(&[(&county, 1), (&town, 1)]);

    // The same codes, another root: somebody began a mesh of their own.
    let stranger = Office::begin(COUNTY);
    stranger.adds_elder(XIAHE, "陌生人");
    let (own, other) = (county.device(), stranger.device());
    let ended = stranger.run(&["sync", "--peer", &top.address(), "--timeout", "20s"]);
    assert_eq!(ended.exit, Some(6), "{ended:?}");
    for (office, device) in [(&stranger, &own), (&county, &other)] {
        let peer = refused(office, device, "other_mesh");
        assert_eq!((&peer["state"], &peer["name"]), (&"refused".into(), &Value::Null));
        assert_eq!(peer["last_error"]["retry"], false, "{peer}");
        let status = office.run(&["status"]);
        assert_eq!(status.exit, Some(3), "a person should look: {status:?}");
        assert!(status.json()["evidence"].as_u64() > Some(0));
    }
    let nodes = stranger.up(&[&top.address()]);
    refused(&stranger, &own, "other_mesh");
    nodes.stop();
    assert_eq!(stranger.elders().len(), 1);
    goes_on(&county, &town);
    assert!(county.elders().iter().all(|elder| elder["name"] != "陌生人"));
    drop((top, below));
}

/// Two villages have each other's address: they talk, and no record goes from one to the other.
#[test]
fn a_grant_for_another_place_gives_no_records() {
    let county = Office::begin(COUNTY);
    let (songwu, qinghe) = (county.admits(SONGWU, None), county.admits(QINGHE, None));
    let (shanghe, xiahe) = (songwu.admits(SHANGHE, None), songwu.admits(XIAHE, None));
    shanghe.adds_elder(SHANGHE, "周国强");
    xiahe.adds_elder(XIAHE, "许桂英");
    let node = shanghe.up(&[]);
    let others = [xiahe.up(&[&node.address()]), qinghe.up(&[&node.address()])];
    let device = shanghe.device();
    for office in [&xiahe, &qinghe] {
        let peer = eventually("they talk", || {
            let peer = office.peer(&device).ok_or("not met")?;
            if peer["done"] == true { Ok(peer) } else { Err(peer.to_string()) }
        });
        assert_eq!(peer["refused"], serde_json::json!({}));
    }
    for (office, area, names) in [
        (&shanghe, SHANGHE, vec!["周国强"]),
        (&xiahe, XIAHE, vec!["许桂英"]),
        (&qinghe, QINGHE, vec![]),
    ] {
        let scopes = office.status()["scopes"].as_array().unwrap().clone();
        let codes: Vec<&str> = scopes.iter().map(|scope| scope["code"].as_str().unwrap()).collect();
        assert_eq!(codes, [area]);
        let elders = office.elders();
        let found: Vec<&str> = elders.iter().map(|elder| elder["name"].as_str().unwrap()).collect();
        assert_eq!(found, names);
        office.verify();
    }
    // Their township still gets both.
    let middle = songwu.up(&[&node.address(), &others[0].address()]);
    converge(&[(&songwu, 2)]);
    drop((middle, others, node));
}

#[test]
fn what_a_device_may_not_write_is_refused_and_nothing_of_it_is_written() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (village, helper) = (town.admits(SHANGHE, None), town.admits(SHANGHE, Some("helper")));
    let elder = village.adds_elder(SHANGHE, "周国强");
    let refused = |office: &Office, arguments: &[&str]| {
        let before = office.status()["scopes"].clone();
        let ended = office.run(arguments);
        assert_eq!(ended.exit, Some(6), "{arguments:?}: {ended:?}");
        let json = ended.json();
        assert!(json["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        assert_eq!(office.status()["scopes"], before);
        ended.error()
    };
    // What only a township or a county may say.
    for field in ["ability_level=Severe", "ability_level=Intact"] {
        for certified in [&[][..], &["--certified"]] {
            let code = refused(&village, &[&["elder", "set", &elder, field], certified].concat());
            assert_eq!(code, "no_right_for_field");
        }
    }
    assert_eq!(refused(&helper, &["elder", "add", "name=某人"]), "no_right_for_field");
    assert_eq!(
        refused(&village, &["elder", "add", "--village", XIAHE, "name=某人"]),
        "outside_area"
    );
    let request = Office::new("newcomer").done(&["request"])["request"].clone();
    let request = request.as_str().unwrap();
    let grant = |area| ["grant", request, "--area", area, "--name", "x"];
    assert_eq!(refused(&village, &grant(SHANGHE)), "grant_invalid");
    assert_eq!(refused(&town, &grant(QINGHE)), "grant_invalid");
    assert_eq!(
        refused(&town, &[&grant(SHANGHE)[..], &["--role", "registrar"]].concat()),
        "grant_invalid"
    );
}

#[test]
fn an_invite_is_for_one_device_and_shows_every_slip() {
    let county = Office::begin(COUNTY);
    let (one, two) = (Office::new("one"), Office::new("two"));
    let request = one.done(&["request"])["request"].as_str().unwrap().to_owned();
    two.done(&["request"]);
    let granted = county.done(&["grant", &request, "--area", SONGWU, "--name", "松雾镇"]);
    let invite = granted["invite"].as_str().unwrap();
    let foreign = two.run(&["join", invite]);
    assert_eq!((foreign.exit, foreign.error().as_str()), (Some(6), "invite_for_another_device"));
    let at = invite.len() / 2;
    let slip = if &invite[at..=at] == "q" { "p" } else { "q" };
    let slipped = format!("{}{slip}{}", &invite[..at], &invite[at + 1..]);
    for damaged in [slipped.as_str(), &invite[..at], "swinv1qqqq", &request] {
        let ended = one.run(&["join", damaged]);
        assert_eq!((ended.exit, ended.error().as_str()), (Some(2), "bad_invite"), "{damaged}");
    }
    one.done(&["join", invite]);
    let again = one.run(&["join", invite]);
    assert_eq!((again.exit, again.error().as_str()), (Some(2), "already_joined"));
}

/// Whatever comes to the port for peers: it costs a connection and nothing else.
#[test]
fn noise_on_the_port_for_peers() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    town.adds_elder(SHANGHE, "周国强");
    let mut top = county.up(&[]);
    let socket = top.socket();
    let multistream = b"\x13/multistream/1.0.0\n";
    let noise = b"\x07/noise\n";
    let garbage: Vec<u8> =
        (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let scripts: [Vec<u8>; 8] = [
        vec![],
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".to_vec(),
        vec![0; 4_096],
        vec![0xff; 4_096],
        garbage.clone(),
        multistream.to_vec(),
        [&multistream[..], noise].concat(),
        [&multistream[..], noise, &garbage].concat(),
    ];
    // Some stay and say nothing more, as long as the test lasts.
    let mut silent = Vec::new();
    for script in &scripts {
        for stays in [false, true, false] {
            let mut stream = TcpStream::connect(&socket).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            // It may hang up in the middle.
            let _ = stream.write_all(script);
            let _ = stream.read(&mut [0; 1_024]);
            if stays {
                silent.push(stream);
            }
        }
        assert!(top.is_alive(), "after {} bytes", script.len());
    }
    for _ in 0..100 {
        silent.push(TcpStream::connect(&socket).unwrap());
    }
    let below = town.up(&[&top.address()]);
    converge(&[(&county, 1), (&town, 1)]);
    goes_on(&county, &town);
    assert!(top.is_alive());
    drop(silent);
    below.stop();
    top.stop();
}

/// The address of a peer is taken over by another device of the mesh: it is not talked to in the
/// other's name.
#[test]
fn another_device_at_a_known_address() {
    let county = Office::begin(COUNTY);
    let (songwu, qinghe) = (county.admits(SONGWU, None), county.admits(QINGHE, None));
    let node = qinghe.up(&[]);
    let peer_id = |address: &str| address.rsplit('/').next().unwrap().to_owned();
    let expected = county.up(&[]);
    let wrong = node.address().replace(&peer_id(&node.address()), &peer_id(&expected.address()));
    expected.stop();
    let below = songwu.up(&[&wrong]);
    // It keeps trying; whoever answers there is not taken for the county.
    let ended = songwu.run(&["sync", "--timeout", "3s"]);
    assert_ne!(ended.exit, Some(0), "{ended:?}");
    assert_eq!(songwu.peer(&county.device()).map(|peer| peer["sessions"].clone()), None);
    below.stop();
    node.stop();
}

/// Whoever has no node running asks `doctor` after a `sync` in vain, and is told why it was in vain.
#[test]
fn where_nobody_answers_is_known_after_the_process_has_ended() {
    let county = Office::begin(COUNTY);
    let songwu = county.admits(SONGWU, None);
    let top = county.up(&[]);
    let address = top.address();
    let place = address.split("/p2p/").next().unwrap().to_owned();
    songwu.syncs(&address, &county.device());
    let told = || {
        let findings = songwu.run(&["doctor"]).json()["findings"].clone();
        let unanswered: Vec<Value> = findings
            .as_array()
            .unwrap()
            .iter()
            .filter(|found| found["code"] == "unanswered")
            .map(|found| json!([found["arguments"]["address"], found["severity"]]))
            .collect();
        json!(unanswered)
    };
    assert_eq!(told(), json!([]));
    top.stop();
    let ended = songwu.run(&["sync", "--timeout", "20s"]);
    assert_eq!((ended.exit, &ended.json()["unanswered"]), (Some(5), &json!([place])));
    assert_eq!(told(), json!([[place, "note"]]));
}
