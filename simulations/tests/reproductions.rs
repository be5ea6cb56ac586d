//! One story for each fault that simulations found in the node, as small as it can be told.

mod desk;

use desk::Desk;
use shouwang_simulations::check;

const COUNTY: &str = "990121000000";
const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

/// A county, a township and a village that all talk to each other.
fn triangle() -> Desk {
    let mut desk = Desk::begin(COUNTY);
    desk.grant(COUNTY, TOWN, TOWN);
    desk.grant(TOWN, VILLAGE, VILLAGE);
    for (one, two) in [(TOWN, COUNTY), (VILLAGE, TOWN), (VILLAGE, COUNTY)] {
        desk.meet(one, two);
        desk.flow(one, two);
    }
    desk.flow(TOWN, COUNTY);
    desk
}

/// The county commits at once: an old entry from the township, and a newer one of the same log
/// from the village itself. The township does not have the newer one yet.
fn one_commit_of_two_peers() -> Desk {
    let mut desk = triangle();
    let elder = desk.opens_a_file(VILLAGE, "周国强");
    desk.hand_over(VILLAGE, TOWN);
    desk.settle(TOWN);
    // From here on the village's line to the township is too slow to matter.
    desk.visits(VILLAGE, &elder);
    desk.hand_over(VILLAGE, COUNTY);
    desk.hand_over(TOWN, COUNTY);
    desk.settle(COUNTY);
    desk.flow(TOWN, COUNTY);
    desk
}

#[test]
fn what_came_from_one_peer_is_not_taken_for_what_another_has() {
    let desk = one_commit_of_two_peers();
    check::done_is_true((0, desk.peek(COUNTY)), (1, desk.peek(TOWN))).unwrap();
}

#[test]
fn nobody_is_accused_for_what_a_third_party_said() {
    let mut desk = one_commit_of_two_peers();
    desk.opens_a_file(VILLAGE, "林秀英");
    desk.hand_over(VILLAGE, COUNTY);
    desk.settle(COUNTY);
    desk.flow(TOWN, COUNTY);
    assert!(desk.hangups().is_empty(), "{:?}", desk.hangups());
}

#[test]
fn done_is_not_said_while_a_log_is_held_back_for_want_of_proof() {
    // Two devices of a village meet each other, and one of them the county, before any of them or
    // the county has heard from the township that granted them.
    let mut desk = Desk::begin(COUNTY);
    desk.grant(COUNTY, TOWN, TOWN);
    desk.grant(TOWN, VILLAGE, VILLAGE);
    desk.grant(TOWN, VILLAGE, "second");
    desk.opens_a_file("second", "周国强");
    desk.meet("second", VILLAGE);
    desk.flow("second", VILLAGE);
    desk.meet(VILLAGE, COUNTY);
    desk.flow(VILLAGE, COUNTY);
    assert!(desk.hangups().is_empty(), "{:?}", desk.hangups());
    check::done_is_true((0, desk.peek(COUNTY)), (1, desk.peek(VILLAGE))).unwrap();
}
