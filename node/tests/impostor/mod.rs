//! A device that speaks frames by hand: whatever it is told, with real keys.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Role, SignedGrant};
use shouwang_node::identity::token::{Invite, Request};
use shouwang_node::log::run::{RunEntry, cut};
use shouwang_node::log::{
    EntryHash, Head, Header, Incarnation, Kind, Lane, LogKey, UnverifiedRun, VerifiedRun,
};
use shouwang_node::sync::Input;
use shouwang_node::sync::summary::{Salt, Summary};
use shouwang_node::sync::wire::{Frame, Hello, PROTOCOL_VERSION};

use crate::county::{County, code};

/// What an impostor says in short is salted so.
pub const SALT: Salt = Salt([1; 8]);

pub struct Impostor {
    pub keys: DeviceKeys,
    /// What it was granted; empty for a stranger.
    pub chain: Vec<SignedGrant>,
    pub mesh: GrantId,
    incarnation: Incarnation,
    heads: BTreeMap<LogKey, Head>,
}

impl Impostor {
    /// Keys and nothing else, in a county whose mesh it has heard of.
    pub fn stranger(county: &mut County, mesh_of: &str) -> Self {
        let keys = DeviceKeys::from_secret(&county.random());
        let mesh = county.engine(mesh_of).authority().mesh();
        let incarnation = Incarnation { number: 0, nonce: county.random() };
        Self { keys, chain: Vec::new(), mesh, incarnation, heads: BTreeMap::new() }
    }

    /// A device that a place's people took for an honest one.
    pub fn granted(county: &mut County, by: &str, area: &str, role: Role) -> Self {
        let mut impostor = Self::stranger(county, by);
        let (device, sealing_key) = (impostor.keys.device(), impostor.keys.sealing_key());
        let request = Request { device, sealing_key }.to_text();
        let invite = county.invites(by, request, area, "impostor", role).unwrap();
        impostor.chain = Invite::from_text(&invite).unwrap().chain;
        impostor
    }

    pub fn grant_id(&self) -> GrantId {
        self.chain.last().map_or(GrantId([9; 32]), SignedGrant::id)
    }

    pub fn hello(&self) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            mesh: self.mesh,
            grant: self.grant_id(),
            salt: SALT,
            clock_ms: 0,
            stream_version: 0,
        }
    }

    /// Opens a substream and says nothing.
    pub fn dials(&self, county: &mut County, place: &str) {
        let (now, device) = (county.now(), self.keys.device());
        county.engine(place).handle(now, Input::PeerUp(device)).unwrap();
        county.settle();
    }

    /// Opens a substream and proves its grant.
    pub fn enters(&self, county: &mut County, place: &str) {
        self.dials(county, place);
        self.says(county, place, &Frame::Hello(self.hello()));
        let heard = self.hears(county);
        if heard.contains(&Frame::AskChain) {
            self.says(county, place, &Frame::Chain(self.chain.clone()));
        }
        self.says(county, place, &Frame::Summary(Summary::of_heads(0, SALT, &[], true)));
        assert!(self.is_heard(county, place), "{place} does not talk to the impostor");
    }

    /// Whether the place still has a session with it.
    pub fn is_heard(&self, county: &mut County, place: &str) -> bool {
        county.engine(place).sessions().contains(&self.keys.device())
    }

    pub fn says(&self, county: &mut County, place: &str, frame: &Frame) {
        self.sends(county, place, frame.encode());
    }

    pub fn sends(&self, county: &mut County, place: &str, bytes: Vec<u8>) {
        let (now, device) = (county.now(), self.keys.device());
        county.engine(place).handle(now, Input::Frame(device, bytes)).unwrap();
        county.settle();
    }

    /// What came from any place since it last listened.
    pub fn hears(&self, county: &mut County) -> Vec<Frame> {
        let mail = county.mail(self.keys.device());
        mail.iter().map(|bytes| Frame::decode(bytes).unwrap()).collect()
    }

    /// The log of its own for a scope and a lane.
    pub fn log(&self, scope: &str, lane: Lane) -> LogKey {
        let incarnation = self.incarnation;
        LogKey { scope: code(scope), lane, device: self.keys.device(), incarnation }
    }

    /// An actor of its own in a log.
    pub fn actor(log: &LogKey, nth: u64) -> [u8; 16] {
        let mut actor = [0; 16];
        actor[..8].copy_from_slice(&log.actor_prefix());
        actor[8..].copy_from_slice(&nth.to_be_bytes());
        actor
    }

    /// Appends to one of its logs, under its own grant, as an honest device would.
    pub fn writes(&mut self, log: LogKey, fresh: Vec<RunEntry>) -> UnverifiedRun {
        self.writes_under(self.grant_id(), log, fresh)
    }

    /// Appends to a log under any grant.
    pub fn writes_under(
        &mut self,
        grant: GrantId,
        log: LogKey,
        fresh: Vec<RunEntry>,
    ) -> UnverifiedRun {
        let before = self.heads.get(&log).copied();
        let run = signed(&self.keys, grant, log, before.as_ref(), fresh);
        let head = *run.clone().verify(before.as_ref()).unwrap().head();
        self.heads.insert(log, head);
        run
    }

    /// The head of one of its logs.
    pub fn head(&self, log: &LogKey) -> Option<&Head> {
        self.heads.get(log)
    }
}

/// A grant as its issuer would write it; without an issuer, a root's own.
pub fn grant(subject: &DeviceKeys, area: &str, role: Role, issuer: Option<&SignedGrant>) -> Grant {
    Grant {
        subject: subject.device(),
        sealing_key: subject.sealing_key(),
        name: "accomplice".into(),
        area: Area(code(area)),
        role,
        rights: role.rights(),
        quota: Quota::DEFAULT,
        depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
        issuer: issuer.map(SignedGrant::id),
        serial: 1,
        written_at_ms: 0,
    }
}

/// A run that continues `before`, every entry signed.
pub fn signed(
    keys: &DeviceKeys,
    grant: GrantId,
    log: LogKey,
    before: Option<&Head>,
    fresh: Vec<RunEntry>,
) -> UnverifiedRun {
    let count = fresh.len();
    let run = VerifiedRun::write(log, grant, before, fresh, keys).unwrap();
    let run = cut(run.entries(), before).unwrap();
    assert_eq!(run.entries.len(), count, "one run has no room for this");
    run
}

/// A run whatever the rules say: the last header is signed, and that is all that is right.
pub fn sealed(
    keys: &DeviceKeys,
    log: LogKey,
    first_seq: u64,
    previous: EntryHash,
    entries: Vec<RunEntry>,
) -> UnverifiedRun {
    let mut last = previous;
    for (nth, entry) in entries.iter().enumerate() {
        let header = Header {
            log,
            seq: first_seq + nth as u64,
            previous: last,
            written_at_ms: entry.written_at_ms,
            kind: entry.kind,
            document: entry.document.clone(),
            body_length: entry.body.length(),
            body_hash: entry.body.hash(),
            tail: entry.tail.clone(),
        };
        last = header.hash();
    }
    UnverifiedRun { log, first_seq, previous, entries, signature: keys.sign(&last.0) }
}

/// An entry that carries a change.
pub fn change(document: DocumentId, body: Vec<u8>) -> RunEntry {
    RunEntry::new(Kind::Change, Some(document), body, 0)
}
