//! How peers find and reach each other: several ways to one, the county where the township is down, and
//! a relay between two that cannot reach each other.

mod support;

use std::net::{SocketAddr, TcpListener};

use proxy::{Proxy, Shape, Trouble};
use serde_json::Value;
use support::{COUNTY, Node, Office, SHANGHE, SONGWU, converge, eventually};

#[allow(dead_code, unreachable_pub, reason = "its figures are for other tests")]
#[path = "support/links/proxy.rs"]
mod proxy;

/// So slow that something can happen while records are on the way.
const SLOW: Shape = Shape { bits_per_s: 100_000, delay_ms: 50, jitter_ms: 0 };

/// A link to a node.
fn link(node: &Node<'_>, shape: Shape) -> Proxy {
    Proxy::open(node.socket().parse().unwrap(), shape, Trouble::None, 1).unwrap()
}

/// The node's address by another socket.
fn through(node: &Node<'_>, socket: SocketAddr) -> String {
    let parts: Vec<String> = node.address().split('/').map(str::to_owned).collect();
    format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", socket.port(), parts[6])
}

/// Connections that a node has accepted and that stand: rows of the kernel's table with its port on
/// this side, and state 1.
#[cfg(target_os = "linux")]
fn connections(node: &Node<'_>) -> usize {
    let port = node.socket().parse::<SocketAddr>().unwrap().port();
    let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", node.pid())).unwrap();
    let fits = |row: &&str| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        columns[1].ends_with(&format!(":{port:04X}")) && columns[3] == "01"
    };
    table.lines().skip(1).filter(fits).count()
}

/// A port on which nobody listens now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn number(peer: &Value, key: &str) -> u64 {
    peer[key].as_u64().unwrap_or_else(|| panic!("{key}: {peer}"))
}

/// What one says of another that it must know.
fn known(office: &Office, device: &str) -> Value {
    office.peer(device).unwrap_or_else(|| panic!("{} does not know {device}", office.name))
}

/// How often entries went from one to another beyond the once that is needed.
fn sent_twice(from: (&Office, &str), to: (&Office, &str)) -> u64 {
    let sent = number(&known(from.0, to.1), "entries_sent");
    sent - number(&known(to.0, from.1), "entries_received")
}

/// Waits until one holds so many visits.
fn has_visits(office: &Office, count: usize) {
    eventually(&format!("{} has {count} visits", office.name), || {
        let found = office.visits().len();
        if found == count { Ok(()) } else { Err(format!("{found} visits")) }
    });
}

fn visits(office: &Office, elder: &str) {
    office.done(&["visit", "add", elder, "--date", "2026-08-30"]);
}

/// Rows of a village that hardly compress.
fn ledger(office: &Office, rows: usize) {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut text = String::from("姓名,联系电话,所在村,家庭住址,备注\n");
    for row in 0..rows {
        let remarks: String = (0..400)
            .map(|_| char::from_u32(random.random_range(0x4e00..0x9f00)).unwrap())
            .collect();
        text += &format!("周福{row},1390000{row:04},上禾村,{row}号,{remarks}\n");
    }
    let path = office.path("ledger.csv");
    std::fs::write(&path, text).unwrap();
    let imported = office.run(&["import", path.to_str().unwrap(), "--yes"]);
    assert_eq!((imported.exit, office.elders().len()), (Some(0), rows));
}

#[test]
fn two_ways_to_one_peer_carry_everything_once_and_each_takes_over_from_the_other() {
    let town = Office::begin(SONGWU);
    let village = town.admits(SHANGHE, None);
    let (of_town, of_village) = (town.device(), village.device());
    ledger(&town, 60);
    let at_town = town.up(&[]);
    let slow = link(&at_town, SLOW);
    // The slow way is known with the peer's name and without: it is one way.
    let nameless = format!("/ip4/127.0.0.1/tcp/{}", slow.address().port());
    let at_village = village.up(&[&through(&at_town, slow.address()), &nameless]);
    eventually("records are on the way", || {
        let peer = village.peer(&of_town).ok_or("not met")?;
        let (came, owed) = (number(&peer, "entries_received"), peer["we_lack"].as_u64());
        if came > 0 && owed > Some(20) { Ok(()) } else { Err(peer.to_string()) }
    });
    // Another way is found meanwhile, and again without a name.
    let direct = at_town.address();
    let short = direct.rsplit_once("/p2p/").unwrap().0.to_owned();
    for address in [direct.as_str(), short.as_str()] {
        village.run(&["sync", "--peer", address, "--timeout", "1s"]);
    }
    converge(&[(&town, 60), (&village, 60)]);
    #[cfg(target_os = "linux")]
    eventually("one connection is left", || match connections(&at_town) {
        1 => Ok(()),
        other => Err(format!("{other} connections")),
    });
    let peer = known(&village, &of_town);
    assert_eq!((number(&peer, "sessions"), &peer["via"]), (1, &"lan".into()), "{peer}");
    assert_eq!(number(&known(&town, &of_village), "sessions"), 1);
    assert_eq!(sent_twice((&village, &of_village), (&town, &of_town)), 0);
    assert_eq!(sent_twice((&town, &of_town), (&village, &of_village)), 0);

    // The way in use dies.
    drop(slow);
    village.adds_elder(SHANGHE, "许顺昌");
    converge(&[(&town, 61), (&village, 61)]);
    assert_eq!(number(&known(&village, &of_town), "sessions"), 2);
    assert_eq!(sent_twice((&village, &of_village), (&town, &of_town)), 0);
    at_village.stop();
    at_town.stop();
}

#[test]
fn a_peer_that_comes_back_at_another_address_is_found_at_it() {
    let town = Office::begin(SONGWU);
    let village = town.admits(SHANGHE, None);
    let at_town = town.up(&[]);
    let port = free_port();
    let later = through(&at_town, SocketAddr::from(([127, 0, 0, 1], port)));
    let at_village = village.up(&[&at_town.address(), &later]);
    village.adds_elder(SHANGHE, "许顺昌");
    converge(&[(&town, 1), (&village, 1)]);
    at_town.kill();
    village.adds_elder(SHANGHE, "周桂英");
    let at_town = town.up_at(&[&format!("/ip4/127.0.0.1/tcp/{port}")], &[]);
    converge(&[(&town, 2), (&village, 2)]);
    // Once more, at an address that somebody tells it.
    at_town.kill();
    let at_town = town.up(&[]);
    village.adds_elder(SHANGHE, "何德福");
    village.run(&["sync", "--peer", &at_town.address(), "--timeout", "30s"]);
    converge(&[(&town, 3), (&village, 3)]);
    at_village.stop();
}

#[test]
fn the_county_is_reached_directly_while_the_township_is_down() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let at_county = county.up(&[]);
    let port = free_port();
    let at = format!("/ip4/127.0.0.1/tcp/{port}");
    let at_town = town.up_at(&[&at], &[&at_county.address()]);
    let (of_county, of_town) = (county.device(), town.device());
    eventually("the township has reached the county", || {
        let peer = town.peer(&of_county).ok_or("not met")?;
        if peer["done"] == true { Ok(()) } else { Err(peer.to_string()) }
    });
    // Its invite says where both are; the village is told nothing else.
    let village = town.admits(SHANGHE, None);
    let of_village = village.device();
    let at_village = village.up(&[]);
    let elder = village.adds_elder(SHANGHE, "许顺昌");
    converge(&[(&county, 1), (&town, 1), (&village, 1)]);
    // Two uplinks are not paid for where one does.
    assert!(village.peer(&of_county).is_none(), "it has gone to the county");
    assert!(county.peer(&of_village).is_none(), "it has gone to the county");

    at_town.kill();
    visits(&village, &elder);
    has_visits(&county, 1);
    // What the county has signed for is held elsewhere.
    let confirmed = eventually("the county's receipt", || {
        let outlook = village.status()["not_held_elsewhere"].clone();
        if outlook["entries"] == 0 { Ok(outlook) } else { Err(outlook.to_string()) }
    });
    assert_eq!(confirmed["entries"], 0);
    assert_eq!(known(&village, &of_county)["state"], "online");

    // The township is back: it gets what it missed, and the way round it is left.
    let at_town = town.up_at(&[&at], &[]);
    has_visits(&town, 1);
    eventually("the village has left the county", || {
        let (above, beyond) = (known(&village, &of_town), known(&village, &of_county));
        let is_so = above["done"] == true && beyond["in_session"] == false;
        if is_so { Ok(()) } else { Err(format!("{above} {beyond}")) }
    });
    assert_eq!(known(&village, &of_county)["last_error"], Value::Null, "nobody is to blame");
    visits(&village, &elder);
    has_visits(&county, 2);
    assert_eq!(known(&village, &of_county)["in_session"], false);
    assert_eq!(number(&known(&village, &of_county), "sessions"), 1);
    // Nothing twice on one way but what came by the other meanwhile; and on two ways at most what the township missed, when village and
    // county told it at once: the visit, a receipt, and the grant and notices around them.
    let twice = sent_twice((&village, &of_village), (&county, &of_county));
    assert!(
        twice <= 2,
        "{twice} entries went to the county twice: what the township told it meanwhile"
    );
    let twice = sent_twice((&village, &of_village), (&town, &of_town))
        + sent_twice((&county, &of_county), (&town, &of_town));
    assert!(twice <= 4, "{twice} entries went to the township twice");
    for node in [at_village, at_town, at_county] {
        node.stop();
    }
}

#[test]
fn two_that_know_only_a_relay_sync_through_it_and_do_so_again_when_it_is_back() {
    let county = Office::begin(COUNTY);
    let relay = county.admits(COUNTY, Some("relay"));
    let village = county.admits(SHANGHE, None);
    let (of_county, of_village) = (county.device(), village.device());
    ledger(&county, 200);
    let at = format!("/ip4/127.0.0.1/tcp/{}", free_port());
    let at_relay = relay.up_at(&[&at], &[]);
    let circuit = format!("{}/p2p-circuit", at_relay.address());
    let at_county = county.up_at(&[&circuit], &[]);
    // What others are told to dial.
    let address = at_county.address();
    assert!(address.starts_with(&circuit) && address.len() > circuit.len() + 10, "{address}");
    let at_village = village.up_at(&[], &[&address]);
    converge(&[(&county, 200), (&village, 200)]);
    for (one, other) in [(&village, &of_county), (&county, &of_village)] {
        let peer = known(one, other);
        assert_eq!((&peer["via"], number(&peer, "sessions")), (&"relayed".into(), 1), "{peer}");
    }
    let bytes = number(&known(&village, &of_county), "bytes_received");
    assert!(bytes > 128 * 1024, "it did not take what cuts an ordinary circuit: {bytes} B");
    // The relay has carried more than that, and holds nothing of it.
    let scopes = relay.status()["scopes"].as_array().unwrap().clone();
    assert!(scopes.iter().all(|scope| number(scope, "elders") == 0), "{scopes:?}");

    at_relay.kill();
    village.adds_elder(SHANGHE, "许顺昌");
    let at_relay = relay.up_at(&[&at], &[]);
    converge(&[(&county, 201), (&village, 201)]);
    assert_eq!(known(&village, &of_county)["via"], "relayed");
    for node in [at_village, at_county, at_relay] {
        node.stop();
    }
}

#[test]
fn two_laptops_of_a_village_and_one_that_does_not_know_the_township_all_agree() {
    let town = Office::begin(SONGWU);
    let (one, other) = (town.admits(SHANGHE, None), town.admits(SHANGHE, None));
    let third = town.admits(SHANGHE, None);
    let elder = one.adds_elder(SHANGHE, "许顺昌");
    let at_town = town.up(&[]);
    let at_one = one.up(&[&at_town.address()]);
    let at_other = other.up(&[&at_town.address(), &at_one.address()]);
    converge(&[(&town, 1), (&one, 1), (&other, 1)]);
    let devices = [&town, &one, &other].map(|office| (office, office.device()));
    let twice = || -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for (from, own) in &devices {
            for (to, theirs) in devices.iter().filter(|(_, device)| device != own) {
                let count = sent_twice((from, own), (to, theirs));
                found.push((format!("{} to {}", from.name, to.name), count));
            }
        }
        found
    };
    let before = twice();
    for count in 1..=10 {
        visits(&one, &elder);
        for office in [&town, &one, &other] {
            has_visits(office, count);
        }
    }
    let found = twice();
    let more: u64 = found.iter().zip(&before).map(|((_, now), (_, then))| now - then).sum();
    // From the township to the other laptop, and from that to the township: `docs/links.md`, "Paths".
    assert!(more <= 20, "{more} entries went twice: {before:?} {found:?}");
    // What the author cannot bring itself, another laptop brings.
    let at_third = third.up(&[&at_other.address()]);
    eventually("the third has the file", || match third.elders().len() {
        1 => Ok(()),
        other => Err(format!("{other} files")),
    });
    visits(&third, &elder);
    has_visits(&town, 11);
    assert!(third.peer(&devices[0].1).is_none(), "it does not know the township");
    at_third.stop();
    for node in [at_one, at_other, at_town] {
        node.stop();
    }
}
