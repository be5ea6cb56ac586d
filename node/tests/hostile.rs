//! What a township's node does with whatever comes in: bytes that are no frames, frames that have
//! no place, runs that cannot be believed, and well-signed entries that break the rules.
//!
//! After each of them it goes on with honest peers, says by name what it refused, counts nothing
//! that the rules do not let count, and everything that it holds reads back.

mod branches;
mod county;
#[path = "../../crdt-schema/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the writer of hostile changes, shared with the schema's own tests")]
mod draft;
mod frames;
mod impostor;
mod noise;
mod records;

use county::County;
use impostor::Impostor;
use shouwang_node::sync::wire::Frame;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const QINGHE: &str = "990121200000";

/// A county, a township and one of its villages that has a file, all of one mind; and a second
/// village and township that have not been met.
struct Scene {
    county: County,
    elder: String,
}

impl Scene {
    fn new() -> Self {
        let mut county = County::begin(COUNTY);
        county.grant(COUNTY, SONGWU);
        county.grant(SONGWU, SHANGHE);
        county.connect(SONGWU, COUNTY);
        county.connect(SHANGHE, SONGWU);
        let elder = county.adds_elder(SHANGHE, "周国强");
        county.records_visit(SHANGHE, &elder, "2026-09-01");
        county.settle();
        Self { county, elder }
    }

    /// The honest go on as if nothing had happened: no session of theirs has ended, a new record
    /// goes all the way, the old one is as it was, and everything reads back.
    fn assert_goes_on(&mut self, refusals: &[&str]) {
        let hangups: Vec<_> =
            refusals.iter().map(|code| (SONGWU.to_owned(), (*code).to_owned())).collect();
        assert_eq!(self.county.hangups(), hangups);
        self.assert_honest_go_on();
    }

    fn assert_honest_go_on(&mut self) {
        let later = self.county.adds_elder(SHANGHE, "后来人");
        self.county.records_visit(SONGWU, &self.elder.clone(), "2026-09-02");
        self.county.settle();
        for place in [SHANGHE, SONGWU, COUNTY] {
            let names = self.county.elders(place);
            assert_eq!(names.iter().filter(|name| *name == "周国强").count(), 1, "{place}");
            assert_eq!(self.county.shows(place, &later).summary.name.as_deref(), Some("后来人"));
            let visits = self.county.shows(place, &self.elder.clone()).visits.len();
            assert_eq!(visits, 2, "{place}");
        }
        self.county.assert_done(SHANGHE, SONGWU);
        self.county.assert_converged();
        self.county.verify_all();
    }

    /// The township has hung up on the impostor, told it why, counted it by name, and goes on.
    fn assert_refused(mut self, impostor: &Impostor, code: &str) {
        let told: Vec<_> = impostor
            .hears(&mut self.county)
            .into_iter()
            .filter(|frame| matches!(frame, Frame::Close(_)))
            .collect();
        assert_eq!(told, [Frame::Close(code.into())]);
        assert!(!impostor.is_heard(&mut self.county, SONGWU));
        let refused = self.county.refused(SONGWU, impostor.keys.device());
        assert_eq!(refused, [(code.to_owned(), 1)].into());
        assert_eq!(self.county.status(SONGWU).evidence, 1);
        self.assert_goes_on(&[code]);
    }
}
