//! A county on paper: devices with grants, what they write, honestly or not, and the logs that come
//! of it. Nothing is stored here; the logs are what a test delivers.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change};
use proptest::prelude::*;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::authority::{Cut, Revocation, RevocationReason};
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Role, SignedGrant};
use shouwang_node::limits::BRANCHES_MAX;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{
    Adoption, Entry, EntryHash, EntryPlace, Head, Incarnation, Kind, Lane, LogKey, VerifiedRun,
};

pub const COUNTY: &str = "990121000000";
pub const TOWN: &str = "990121101000";
pub const VILLAGE: &str = "990121101203";

/// Mandates that every world begins with.
pub const ROOT: usize = 0;
pub const REGISTRAR: usize = 1;
pub const SECOND_REGISTRAR: usize = 2;
pub const MANAGER: usize = 3;
pub const SECOND_MANAGER: usize = 4;
pub const CLERK: usize = 5;
pub const SECOND_CLERK: usize = 6;

pub fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

pub fn village() -> DivisionCode {
    code(VILLAGE)
}

pub fn keys(n: u8) -> DeviceKeys {
    DeviceKeys::from_secret(&[n; 64])
}

pub fn card(elder: u8) -> DocumentId {
    DocumentId::elder(ElderId([elder; 16]), Part::Card)
}

/// A device under one of its grants.
#[derive(Clone, Debug)]
pub struct Mandate {
    pub key: u8,
    pub signed: SignedGrant,
    pub incarnation: Incarnation,
}

impl Mandate {
    pub fn grant(&self) -> &Grant {
        &self.signed.grant
    }

    pub fn log(&self, scope: DivisionCode, lane: Lane) -> LogKey {
        LogKey { scope, lane, device: self.grant().subject, incarnation: self.incarnation }
    }
}

/// A log with all its entries.
#[derive(Clone, Debug)]
pub struct Log {
    pub key: LogKey,
    pub grant: GrantId,
    pub entries: Vec<Entry>,
    /// `heads[n]` is the head after `n + 1` entries.
    pub heads: Vec<Head>,
}

/// How much of what is there a revocation lets count.
#[derive(Clone, Copy, Debug)]
pub enum Cutting {
    /// All of it.
    Everything,
    /// All but so many of the last entries of each log; nothing of a log that has no more.
    AllBut(u8),
    /// Further than anything that is there, to an entry that nobody has.
    Beyond(u8),
    /// Up to a number, by a hash that nobody has.
    Unknown(u8),
    /// Nothing.
    Nothing,
}

/// What somebody does next. Numbers name mandates, elders and entries, modulo how many there are.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Writes a field on top of all that the device has seen.
    Writes { who: u8, elder: u8, field: Field, n: u8 },
    /// Writes it and never sends it: what builds on it waits for ever.
    Hides { who: u8, elder: u8, n: u8 },
    /// Takes in what another device has.
    Meets { who: u8, other: u8 },
    /// Writes two different changes as one: the same actor and number.
    Equivocates { who: u8, n: u8 },
    /// Writes a change with a time of its own, and goes on from it.
    Stamps { who: u8, n: u8 },
    /// Writes bytes that are no change.
    Scribbles { who: u8 },
    /// Writes into the county's part.
    Certifies { who: u8, n: u8 },
    /// Revokes in every scope in which the other has logs, or in one place only.
    Revokes { by: u8, whom: u8, cutting: Cutting, place: Option<u8> },
    /// Retires.
    Retires { who: u8, cutting: Cutting },
    /// Two of one depth revoke each other.
    Quarrel { first: bool },
    /// Lets in a device of the village.
    Grants { by: u8 },
    /// Gives a device another role: a new grant, a revocation, a new incarnation.
    Replaces { by: u8, whom: u8, cutting: Cutting },
    /// Vouches for entries.
    Adopts { who: u8, elder: u8, pick: u64 },
    /// Vouches for what is elsewhere, or with bytes that do not read.
    AdoptsWrongly { who: u8, elder: u8, garbage: bool },
    /// Goes back to an earlier entry of a log, as a disk that was put back does, and writes on there.
    Forks { who: u8, authority: bool, keep: u8 },
}

/// Everybody, and everything that was written.
pub struct World {
    pub mandates: Vec<Mandate>,
    pub logs: Vec<Log>,
    at: BTreeMap<LogKey, usize>,
    seen: BTreeMap<(u8, DocumentId), Automerge>,
    /// Automerge actors end in it: each hidden or rival change gets one of its own.
    processes: u8,
}

/// Some deeds, most of them honest.
pub fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let fields = || prop::sample::select(vec![Field::Phone, Field::Address, Field::Dementia]);
    let cutting = || {
        prop_oneof![
            3 => Just(Cutting::Everything),
            4 => (1u8..4).prop_map(Cutting::AllBut),
            1 => (0u8..4).prop_map(Cutting::Beyond),
            1 => (0u8..4).prop_map(Cutting::Unknown),
            1 => Just(Cutting::Nothing),
        ]
    };
    let any = any::<u8>;
    let deed = prop_oneof![
        16 => (any(), any(), fields(), any())
            .prop_map(|(who, elder, field, n)| Deed::Writes { who, elder, field, n }),
        8 => (any(), any()).prop_map(|(who, other)| Deed::Meets { who, other }),
        1 => (any(), any(), any()).prop_map(|(who, elder, n)| Deed::Hides { who, elder, n }),
        1 => (any(), any()).prop_map(|(who, n)| Deed::Equivocates { who, n }),
        1 => (any(), any()).prop_map(|(who, n)| Deed::Stamps { who, n }),
        1 => any().prop_map(|who| Deed::Scribbles { who }),
        1 => (any(), any()).prop_map(|(who, n)| Deed::Certifies { who, n }),
        8 => (any(), any(), cutting(), prop::option::weighted(0.3, any())).prop_map(
            |(by, whom, cutting, place)| Deed::Revokes { by, whom, cutting, place }
        ),
        1 => (any(), cutting()).prop_map(|(who, cutting)| Deed::Retires { who, cutting }),
        1 => prop::bool::ANY.prop_map(|first| Deed::Quarrel { first }),
        3 => any().prop_map(|by| Deed::Grants { by }),
        2 => (any(), any(), cutting())
            .prop_map(|(by, whom, cutting)| Deed::Replaces { by, whom, cutting }),
        4 => (any(), any(), prop::num::u64::ANY)
            .prop_map(|(who, elder, pick)| Deed::Adopts { who, elder, pick }),
        1 => (any(), any(), prop::bool::ANY).prop_map(
            |(who, elder, garbage)| Deed::AdoptsWrongly { who, elder, garbage }
        ),
        4 => (any(), prop::bool::weighted(0.3), any())
            .prop_map(|(who, authority, keep)| Deed::Forks { who, authority, keep }),
    ];
    prop::collection::vec(deed, 4..56)
}

impl World {
    /// A root, two registrars, a manager of each, a clerk of each manager; nothing written but grants.
    pub fn new() -> Self {
        let mut world = Self {
            mandates: Vec::new(),
            logs: Vec::new(),
            at: BTreeMap::new(),
            seen: BTreeMap::new(),
            processes: 0,
        };
        let root = world.draft(1, COUNTY, Role::Root, None).sign(&keys(1));
        let incarnation = Incarnation { number: 0, nonce: [1; 8] };
        world.mandates.push(Mandate { key: 1, signed: root, incarnation });
        world.issues(ROOT, 2, COUNTY, Role::Registrar);
        world.issues(ROOT, 3, COUNTY, Role::Registrar);
        world.issues(REGISTRAR, 4, TOWN, Role::Manager);
        world.issues(SECOND_REGISTRAR, 5, TOWN, Role::Manager);
        world.issues(MANAGER, 6, VILLAGE, Role::Clerk);
        world.issues(SECOND_MANAGER, 7, VILLAGE, Role::Clerk);
        world
    }

    pub fn play(deeds: &[Deed]) -> Self {
        let mut world = Self::new();
        deeds.iter().for_each(|deed| world.does(deed));
        world
    }

    fn draft(&self, key: u8, area: &str, role: Role, issuer: Option<usize>) -> Grant {
        let issuer = issuer.map(|issuer| &self.mandates[issuer].signed);
        Grant {
            subject: keys(key).device(),
            sealing_key: keys(key).sealing_key(),
            name: format!("device {key}"),
            area: Area(code(area)),
            role,
            rights: role.rights(),
            quota: Quota::DEFAULT,
            depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
            issuer: issuer.map(SignedGrant::id),
            serial: self.mandates.len() as u32,
            written_at_ms: 0,
        }
    }

    /// Issues a grant, if it holds: an entry of the issuer's log. Returns the new mandate.
    pub fn issues(&mut self, by: usize, key: u8, area: &str, role: Role) -> Option<usize> {
        let issuer = self.mandates[by].clone();
        let grant = self.draft(key, area, role, Some(by));
        grant.check_within(issuer.grant()).ok()?;
        let signed = grant.sign(&keys(issuer.key));
        self.writes(by, code(area), Lane::Authority, Kind::Grant, None, signed.encode());
        let number = self.mandates.len();
        let incarnation = Incarnation { number: number as u32, nonce: [number as u8; 8] };
        self.mandates.push(Mandate { key, signed, incarnation });
        Some(number)
    }

    /// Appends an entry to a log of a mandate.
    pub fn writes(
        &mut self,
        by: usize,
        scope: DivisionCode,
        lane: Lane,
        kind: Kind,
        document: Option<DocumentId>,
        body: Vec<u8>,
    ) -> EntryPlace {
        let mandate = &self.mandates[by];
        let (key, grant) = (mandate.log(scope, lane), mandate.signed.id());
        let at = *self.at.entry(key).or_insert_with(|| {
            self.logs.push(Log { key, grant, entries: Vec::new(), heads: Vec::new() });
            self.logs.len() - 1
        });
        let log = &mut self.logs[at];
        let entry = RunEntry::new(kind, document, body, 0);
        let run = VerifiedRun::write(key, grant, log.heads.last(), vec![entry], &keys(mandate.key));
        let run = run.unwrap();
        log.entries.extend(run.entries().iter().cloned());
        log.heads.push(*run.head());
        EntryPlace { log: key, seq: run.head().seq, hash: run.head().hash }
    }

    /// A change of a file in the village.
    pub fn changes(&mut self, by: usize, document: DocumentId, body: Vec<u8>) -> EntryPlace {
        self.writes(by, village(), Lane::Routine, Kind::Change, Some(document), body)
    }

    fn actor(&self, by: usize, process: u8) -> [u8; 16] {
        let mut actor = [process; 16];
        let log = self.mandates[by].log(village(), Lane::Routine);
        actor[..8].copy_from_slice(&log.actor_prefix());
        actor
    }

    /// What a device has of a document.
    pub fn seen(&mut self, by: usize, document: DocumentId) -> &mut Automerge {
        let key = self.mandates[by].key;
        self.seen.entry((key, document)).or_insert_with(|| genesis(village(), &document))
    }

    /// Writes a field honestly, and goes on from it. None if that changes nothing.
    pub fn sets(&mut self, by: usize, document: DocumentId, action: Action) -> Option<EntryPlace> {
        let body = self.edit(by, document, action, 0)?;
        Some(self.changes(by, document, body))
    }

    fn edit(&mut self, by: usize, id: DocumentId, action: Action, process: u8) -> Option<Vec<u8>> {
        let actor = self.actor(by, process);
        let document = self.seen(by, id);
        let body = write_change(document, village(), &id, actor, &[action]).ok()??;
        document.apply_changes([Change::from_bytes(body.clone()).unwrap()]).unwrap();
        Some(body)
    }

    /// A device takes in what another has.
    pub fn meets(&mut self, who: usize, other: usize) {
        let theirs = self.mandates[other].key;
        let documents: Vec<(DocumentId, Automerge)> = self
            .seen
            .iter()
            .filter(|((key, _), _)| *key == theirs)
            .map(|((_, id), document)| (*id, document.clone()))
            .collect();
        for (id, mut document) in documents {
            let mut mine = self.seen(who, id).clone();
            // After an equivocation Automerge itself refuses to hold both: then they differ.
            if mine.merge(&mut document).is_ok() {
                *self.seen(who, id) = mine;
            }
        }
    }

    /// Revokes in one place.
    pub fn revokes_in(&mut self, by: usize, whom: usize, place: DivisionCode, cutting: Cutting) {
        self.revokes_apart(by, whom, place, cutting, Vec::new());
    }

    /// Revokes in one place, but for what lies in some places inside it.
    pub fn revokes_apart(
        &mut self,
        by: usize,
        whom: usize,
        place: DivisionCode,
        cutting: Cutting,
        apart: Vec<DivisionCode>,
    ) {
        let grant = self.mandates[whom].signed.id();
        let mut cuts = Vec::new();
        for log in self.logs.iter().filter(|log| log.grant == grant && log.key.scope == place) {
            let cut = |seq: u64, hash: EntryHash| Cut {
                lane: log.key.lane,
                incarnation: log.key.incarnation,
                seq,
                hash,
            };
            let held = log.heads.len();
            match cutting {
                Cutting::Everything => {
                    cuts.extend(log.heads.last().map(|head| cut(head.seq, head.hash)));
                }
                Cutting::AllBut(n) => {
                    let last = held.checked_sub(usize::from(n) + 1);
                    cuts.extend(last.map(|at| cut(log.heads[at].seq, log.heads[at].hash)));
                }
                Cutting::Beyond(n) => cuts.push(cut((held + usize::from(n)) as u64, nobodys(n))),
                Cutting::Unknown(n) => cuts.push(cut(u64::from(n), nobodys(n))),
                Cutting::Nothing => {}
            }
        }
        let reason = RevocationReason::Lost;
        let body = Revocation { grant, reason, cuts, apart }.encode();
        // A device that writes where its own grant does not reach is refused at the door.
        if self.mandates[by].grant().area.contains(place) {
            self.writes(by, place, Lane::Authority, Kind::Revoke, None, body);
        }
    }

    /// Revokes in every scope in which the grant has logs.
    pub fn revokes(&mut self, by: usize, whom: usize, cutting: Cutting) {
        let mandate = self.mandates[whom].signed.clone();
        let mut places = vec![mandate.grant.area.0];
        let logs = self.logs.iter().filter(|log| log.grant == mandate.id());
        places.extend(logs.map(|log| log.key.scope));
        places.sort_unstable();
        places.dedup();
        for place in places.clone() {
            let inside = |other: &&DivisionCode| Area(place).contains(**other) && **other != place;
            let apart = places.iter().filter(inside).copied().collect();
            self.revokes_apart(by, whom, place, cutting, apart);
        }
    }

    /// All changes of a document.
    pub fn changes_of(&self, document: DocumentId) -> Vec<EntryPlace> {
        let entries = self.logs.iter().flat_map(|log| &log.entries).filter(|entry| {
            entry.header.kind == Kind::Change && entry.header.document.id() == Some(document)
        });
        let place = |entry: &Entry| EntryPlace {
            log: entry.header.log,
            seq: entry.header.seq,
            hash: entry.header.hash(),
        };
        entries.map(place).collect()
    }

    pub fn adopts(&mut self, by: usize, document: DocumentId, originals: Vec<EntryPlace>) {
        let body = Adoption { originals }.encode();
        self.writes(by, village(), Lane::Routine, Kind::Adopt, Some(document), body);
    }

    /// The chain that proves a grant.
    pub fn chain(&self, grant: &GrantId) -> Vec<SignedGrant> {
        let find = |id: &GrantId| self.mandates.iter().find(|m| m.signed.id() == *id);
        let mut chain: Vec<SignedGrant> = Vec::new();
        let mut next = find(grant);
        while let Some(mandate) = next {
            chain.push(mandate.signed.clone());
            next = mandate.grant().issuer.as_ref().and_then(find);
        }
        chain.reverse();
        chain
    }

    /// Somebody but the root, whose key lies on paper.
    fn somebody(&self, n: u8) -> usize {
        1 + usize::from(n) % (self.mandates.len() - 1)
    }

    fn does(&mut self, deed: &Deed) {
        let document = |elder: u8| card(7 + elder % 2);
        match *deed {
            Deed::Writes { who, elder, field, n } => {
                self.sets(self.somebody(who), document(elder), action(field, n));
            }
            Deed::Hides { who, elder, n } => {
                self.processes = self.processes.wrapping_add(1).max(1);
                let (who, process) = (self.somebody(who), self.processes);
                self.edit(who, document(elder), action(Field::Phone, n), process);
            }
            Deed::Meets { who, other } => self.meets(self.somebody(who), self.somebody(other)),
            Deed::Equivocates { who, n } => {
                let (who, id) = (self.somebody(who), card(7));
                let actor = self.actor(who, 0);
                for text in [format!("a{n}"), format!("b{n}")] {
                    let value = Field::Hamlet.value(&text).unwrap();
                    let set = Action::Set { field: Field::Hamlet, value };
                    let change = write_change(self.seen(who, id), village(), &id, actor, &[set]);
                    if let Ok(Some(body)) = change {
                        self.changes(who, id, body);
                    }
                }
            }
            Deed::Stamps { who, n } => self.stamps(self.somebody(who), n),
            Deed::Scribbles { who } => {
                self.changes(self.somebody(who), card(7), vec![0x85, 0x6f, 0x4a, 0x83, 1, 2, 3]);
            }
            Deed::Certifies { who, n } => {
                let registry = DocumentId::elder(ElderId([7; 16]), Part::Registry);
                self.sets(self.somebody(who), registry, action(Field::Dementia, n));
            }
            Deed::Revokes { by, whom, cutting, place } => {
                // The root takes a hand in it, too.
                let by = usize::from(by) % self.mandates.len();
                let whom = self.somebody(whom);
                match place {
                    None => self.revokes(by, whom, cutting),
                    Some(n) => {
                        let places = [COUNTY, TOWN, VILLAGE].map(code);
                        let apart = places.into_iter().filter(|_| n >= 192).collect();
                        self.revokes_apart(by, whom, places[usize::from(n) % 3], cutting, apart);
                    }
                }
            }
            Deed::Retires { who, cutting } => {
                let who = self.somebody(who);
                self.revokes(who, who, cutting);
            }
            Deed::Quarrel { first } => {
                let (one, two) = match first {
                    true => (MANAGER, SECOND_MANAGER),
                    false => (REGISTRAR, SECOND_REGISTRAR),
                };
                self.revokes(one, two, Cutting::Nothing);
                self.revokes(two, one, Cutting::Nothing);
            }
            Deed::Grants { by } => {
                let key = 8 + self.mandates.len() as u8;
                self.issues(usize::from(by) % self.mandates.len(), key, VILLAGE, Role::Clerk);
            }
            Deed::Replaces { by, whom, cutting } => {
                let by = usize::from(by) % self.mandates.len();
                let (whom, old) = (self.somebody(whom), self.somebody(whom));
                let key = self.mandates[whom].key;
                if let Some(new) = self.issues(by, key, VILLAGE, Role::Clerk) {
                    self.revokes(by, old, cutting);
                    let own = self.mandates[old].signed.id();
                    for document in [card(7), card(8)] {
                        let mut originals = self.changes_of(document);
                        originals.retain(|place| self.grant_of(&place.log) == own);
                        if !originals.is_empty() {
                            self.adopts(new, document, originals);
                        }
                    }
                }
            }
            Deed::Adopts { who, elder, pick } => {
                let id = document(elder);
                let mut originals = self.changes_of(id);
                let mut bits = pick;
                originals.retain(|_| {
                    bits = bits.rotate_right(1);
                    bits & 1 == 1
                });
                self.adopts(self.somebody(who), id, originals);
            }
            Deed::AdoptsWrongly { who, elder, garbage } => {
                let (who, id) = (self.somebody(who), document(elder));
                if garbage {
                    let lane = Lane::Routine;
                    self.writes(who, village(), lane, Kind::Adopt, Some(id), vec![1, 9]);
                    return;
                }
                let elsewhere = |place: EntryPlace| EntryPlace {
                    log: LogKey { scope: code(TOWN), ..place.log },
                    ..place
                };
                let originals = self.changes_of(id).into_iter().take(9).map(elsewhere).collect();
                self.adopts(who, id, originals);
            }
            Deed::Forks { who, authority, keep } => {
                let mandate = &self.mandates[self.somebody(who)];
                let log = match authority {
                    true => {
                        let mut own = self.logs.iter().map(|log| log.key);
                        let device = mandate.grant().subject;
                        own.find(|log| log.lane == Lane::Authority && log.device == device)
                    }
                    false => Some(mandate.log(village(), Lane::Routine)),
                };
                if let Some(log) = log {
                    self.forks(&log, usize::from(keep));
                }
            }
        }
    }

    /// A log goes on from an earlier entry: both branches are delivered, each as a log.
    pub fn forks(&mut self, log: &LogKey, keep: usize) {
        let branches = self.logs.iter().filter(|other| other.key == *log).count();
        let Some(at) = self.at.get(log).copied().filter(|_| branches < BRANCHES_MAX) else {
            return;
        };
        let mut branch = self.logs[at].clone();
        if branch.entries.is_empty() {
            return;
        }
        let keep = keep % branch.entries.len();
        branch.entries.truncate(keep);
        branch.heads.truncate(keep);
        self.at.insert(*log, self.logs.len());
        self.logs.push(branch);
    }

    pub fn grant_of(&self, log: &LogKey) -> GrantId {
        self.logs[self.at[log]].grant
    }

    fn stamps(&mut self, who: usize, n: u8) {
        self.processes = self.processes.wrapping_add(1).max(1);
        let (id, actor) = (card(7), self.actor(who, self.processes));
        let mut draft = self.seen(who, id).clone();
        draft.set_actor(ActorId::from(actor.as_slice()));
        let options = CommitOptions::default().with_time(1 + i64::from(n));
        let fields = automerge::ReadDoc::get(&draft, automerge::ROOT, "fields");
        let (_, fields) = fields.unwrap().unwrap();
        let mut transaction = draft.transaction();
        transaction.put(&fields, "remarks", format!("{n}")).unwrap();
        transaction.commit_with(options);
        let stamped = draft.get_last_local_change().unwrap().raw_bytes().to_vec();
        self.changes(who, id, stamped);
        // An honest-looking change on top of it is blocked.
        let phone = action(Field::Phone, n);
        if let Ok(Some(body)) = write_change(&draft, village(), &id, actor, &[phone]) {
            self.changes(who, id, body);
        }
    }
}

pub fn action(field: Field, n: u8) -> Action {
    let text = match field {
        Field::Dementia => ["Yes", "No", "Unknown"][usize::from(n) % 3].to_owned(),
        _ => format!("{n}"),
    };
    Action::Set { field, value: field.value(&text).unwrap() }
}

fn nobodys(n: u8) -> EntryHash {
    EntryHash([0xe0 ^ n; 32])
}
