//! Whom to dial, and when again: stories without sockets.

use super::*;

#[test]
fn whoever_another_machine_has_replaced_gives_it_a_turn_each_time() {
    let address: Multiaddr = "/ip4/127.0.0.1/tcp/4001".parse().unwrap();
    let (mut dials, _) = Dials::new([address.clone()], []);
    let peer = DeviceId([7; 32]);
    dials.reached(&address, peer);
    for _ in 0..5 {
        // A turn that lasted does not make the next wait a short one.
        dials.online(peer);
        dials.stable(peer);
        let now = Instant::now();
        dials.replaced(peer);
        let wait = dials.next_due() - now;
        let turn = Duration::from_millis(TURN_MS);
        assert!(wait > turn / 2 && wait < turn * 3 / 2, "{wait:?}");
    }
    // Any other end is retried soon.
    dials.online(peer);
    dials.stable(peer);
    let now = Instant::now();
    dials.failed(peer, LINK_LOST);
    assert!(dials.next_due() - now < Duration::from_secs(3));
}

/// Two addresses, of which nobody could be reached for long.
fn cut_off() -> (Dials, DeviceId, DeviceId) {
    let addresses: [Multiaddr; 2] =
        ["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002"].map(|text| text.parse().unwrap());
    let (mut dials, _) = Dials::new(addresses.clone(), []);
    let peers = [DeviceId([7; 32]), DeviceId([8; 32])];
    for (address, peer) in addresses.iter().zip(peers) {
        dials.reached(address, peer);
        for _ in 0..9 {
            dials.failed(peer, LINK_LOST);
        }
    }
    assert!(dials.next_due() - Instant::now() > Duration::from_secs(60));
    (dials, peers[0], peers[1])
}

#[test]
fn a_link_that_comes_back_is_used_at_once() {
    let (mut dials, ..) = cut_off();
    dials.link_is_back();
    assert_eq!(dials.due().len(), 2);
    // Where one is reached the other can be too; but nobody is dialled because of a second one.
    let (mut dials, one, other) = cut_off();
    dials.online(one);
    assert_eq!(dials.due().len(), 1);
    dials.failed(other, LINK_LOST);
    dials.failed(other, LINK_LOST);
    dials.online(one);
    assert_eq!(dials.due().len(), 0);
}

#[test]
fn whoever_refused_is_not_asked_again_because_of_a_network() {
    let (mut dials, one, other) = cut_off();
    dials.refused(one, "revoked");
    dials.replaced(other);
    dials.link_is_back();
    assert_eq!(dials.due().len(), 0);
}

fn address(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

fn unreachable(dials: &mut Dials, address: &Multiaddr) {
    dials.failed_address(address, UNREACHABLE);
}

#[test]
fn when_the_way_in_use_dies_another_is_tried_as_soon() {
    let (mut dials, _) = Dials::new([address(1), address(2)], []);
    let peer = DeviceId([7; 32]);
    dials.reached(&address(1), peer);
    dials.reached(&address(2), peer);
    for _ in 0..9 {
        unreachable(&mut dials, &address(2));
    }
    dials.online(peer);
    assert_eq!(dials.due(), []);
    let now = Instant::now();
    dials.failed(peer, LINK_LOST);
    let latest = dials.addresses.values().filter_map(|dial| dial.due).max().unwrap();
    assert!(latest - now < Duration::from_millis(2 * REDIAL_MIN_MS), "{:?}", latest - now);
}

/// A township at one address, and the county to fall back on.
fn village() -> (Dials, [DeviceId; 2], [Multiaddr; 2]) {
    let (mut dials, _) = Dials::new([address(1)], [address(2)]);
    let (town, county) = (DeviceId([7; 32]), DeviceId([8; 32]));
    assert_eq!(dials.due(), [address(1)], "the township alone");
    dials.reached(&address(1), town);
    (dials, [town, county], [address(1), address(2)])
}

#[test]
fn the_county_is_fallen_back_on_after_dials_in_vain_or_a_long_time_and_left_again() {
    let (mut dials, [town, county], [one, two]) = village();
    for _ in 1..FALLBACK_AFTER_DIALS {
        unreachable(&mut dials, &one);
        assert!(dials.is_standby(&two));
    }
    unreachable(&mut dials, &one);
    assert_eq!(dials.due(), [two.clone()]);
    dials.reached(&two, county);
    dials.online(county);
    dials.proved(county, true);
    // The township is back; whatever the county holds meanwhile, only the township's word ends it.
    dials.online(town);
    dials.proved(town, true);
    assert_eq!(dials.unneeded(county), []);
    assert_eq!(dials.unneeded(town), [county]);
    dials.parted(county);
    dials.left(county);
    assert!(dials.is_standby(&two));
    // The township breaks: it is tried first, and long enough.
    dials.parted(town);
    dials.failed(town, LINK_LOST);
    assert!(dials.is_standby(&two));
    // Its dial is under way and says nothing.
    let patience = Duration::from_millis(FALLBACK_AFTER_MS);
    dials.addresses.get_mut(&one).unwrap().due = None;
    assert!(dials.next_due() <= Instant::now() + patience);
    dials.alone_since = dials.alone_since.and_then(|since| since.checked_sub(patience));
    assert_eq!(dials.due(), [two]);
}

#[test]
fn a_neighbour_is_nobody_above_and_one_who_has_not_proved_it_may_be() {
    let (mut dials, [neighbour, _], [_, two]) = village();
    dials.online(neighbour);
    assert!(dials.is_standby(&two));
    dials.proved(neighbour, false);
    assert!(!dials.is_standby(&two), "nobody else is left to try");
}

#[test]
fn a_person_who_waits_is_served_after_one_dial_in_vain() {
    let (mut dials, _, [one, two]) = village();
    dials.all_now();
    assert!(dials.is_standby(&two));
    unreachable(&mut dials, &one);
    assert!(!dials.is_standby(&two));
    // Whoever names an address wants it dialled at once.
    let (mut dials, _, [_, two]) = village();
    dials.add(two.clone());
    assert_eq!(dials.due(), [two]);
}

#[test]
fn a_circuit_waits_until_its_peer_was_not_reached_directly() {
    let name = |seed| {
        let keys = crate::identity::DeviceKeys::from_secret(&[seed; 64]);
        super::super::address::peer_id_of(keys.device()).unwrap()
    };
    let direct: Multiaddr = format!("/ip4/10.0.0.1/tcp/1/p2p/{}", name(1)).parse().unwrap();
    let relay: Multiaddr = format!("/ip4/10.0.0.2/tcp/1/p2p/{}", name(2)).parse().unwrap();
    let circuit: Multiaddr = format!("{relay}/p2p-circuit/p2p/{}", name(1)).parse().unwrap();
    let (mut dials, shown) = Dials::new([direct.clone(), circuit.clone()], []);
    assert_eq!(dials.due(), [direct.clone()]);
    assert!(shown.lock().unwrap()[&circuit.to_string()].standby);
    unreachable(&mut dials, &direct);
    assert_eq!(dials.due(), [circuit.clone()]);
    // It worked once: the next time it is tried first again.
    let peer = peer_in(&direct).unwrap();
    dials.online(peer);
    dials.failed(peer, LINK_LOST);
    assert!(dials.is_standby(&circuit));
    // Alone it waits for nobody.
    let (mut dials, _) = Dials::new([circuit.clone()], []);
    assert_eq!(dials.due(), [circuit]);
}
