//! What erasures come to does not depend on the order in which anything arrives: entries, bodies,
//! signatures, and revocations of those who signed.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, Change};
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::authority::{Authority, Cut, Revocation, RevocationReason};
use shouwang_node::digest;
use shouwang_node::entropy::Entropy;
use shouwang_node::erasure::{Covered, Erasure, ErasureReason};
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Role, SignedGrant};
use shouwang_node::index::IndexSecret;
use shouwang_node::ingest::Ingest;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{
    Body, Entry, EntryHash, EntryPlace, Head, Incarnation, Kind, Lane, LogKey, UnverifiedRun,
    VerifiedRun,
};
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::{Store, StoreError, StoreRead};
use shouwang_node::verify;

const SECRET: IndexSecret = IndexSecret([5; 32]);
const GONE: ElderId = ElderId([7; 16]);
const KEPT: ElderId = ElderId([8; 16]);

/// Devices: the root, two registrars, a village clerk; and the clerk's disk as it once was, put into
/// another machine.
const ROOT: u8 = 1;
const FIRST: u8 = 2;
const SECOND: u8 = 3;
const CLERK: u8 = 4;
const TWIN: u8 = 5;

fn scope() -> DivisionCode {
    "990121101203".parse().unwrap()
}

fn keys(n: u8) -> DeviceKeys {
    DeviceKeys::from_secret(&[if n == TWIN { CLERK } else { n }; 64])
}

fn log(device: u8, lane: Lane) -> LogKey {
    let incarnation = Incarnation { number: 0, nonce: [9; 8] };
    LogKey { scope: scope(), lane, device: keys(device).device(), incarnation }
}

struct Village {
    authority: Authority,
    grants: BTreeMap<u8, GrantId>,
}

fn village() -> Village {
    let grant = |subject: u8, role: Role, issuer: Option<&SignedGrant>| Grant {
        subject: keys(subject).device(),
        sealing_key: keys(subject).sealing_key(),
        name: "laptop".into(),
        area: Area(scope()),
        role,
        rights: role.rights(),
        quota: Quota::DEFAULT,
        depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
        issuer: issuer.map(SignedGrant::id),
        serial: u32::from(subject),
        written_at_ms: 0,
    };
    let root = grant(ROOT, Role::Root, None).sign(&keys(ROOT));
    let mut authority = Authority::pin(root.clone()).unwrap();
    let mut grants = BTreeMap::from([(ROOT, root.id())]);
    for (subject, role) in
        [(FIRST, Role::Registrar), (SECOND, Role::Registrar), (CLERK, Role::Clerk)]
    {
        let signed = grant(subject, role, Some(&root)).sign(&keys(ROOT));
        grants.insert(subject, authority.learn(signed).unwrap());
    }
    grants.insert(TWIN, grants[&CLERK]);
    Village { authority, grants }
}

/// Numbers from a seed.
struct Dice(Entropy);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        u64::from_be_bytes(self.0.bytes()) as usize % end
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Everything that was ever written, by log.
#[derive(Default)]
struct History {
    entries: BTreeMap<(u8, Lane), Vec<Entry>>,
    documents: BTreeMap<DocumentId, Automerge>,
    serial: u64,
}

impl History {
    fn writes(&mut self, village: &Village, device: u8, lane: Lane, fresh: RunEntry) -> EntryHash {
        let entries = self.entries.entry((device, lane)).or_default();
        let mut head = None;
        for entry in entries.iter() {
            head = Some(Head::after(head.as_ref(), entry, entry.header.hash()));
        }
        let (key, grant) = (log(device, lane), village.grants[&device]);
        let run = VerifiedRun::write(key, grant, head.as_ref(), vec![fresh], &keys(device));
        let run = run.unwrap();
        entries.extend_from_slice(run.entries());
        run.head().hash
    }

    fn edits(&mut self, village: &Village, device: u8, elder: ElderId) {
        self.serial += 1;
        let document = DocumentId::elder(elder, Part::Card);
        let seen = self.documents.entry(document).or_insert_with(|| genesis(scope(), &document));
        let mut actor = [4; 16];
        actor[..8].copy_from_slice(&log(device, Lane::Routine).actor_prefix());
        let text = format!("13800{:06}", self.serial);
        let set = Action::Set { field: Field::Phone, value: Field::Phone.value(&text).unwrap() };
        let body = write_change(seen, scope(), &document, actor, &[set]).unwrap().unwrap();
        seen.apply_changes([Change::from_bytes(body.clone()).unwrap()]).unwrap();
        let entry = RunEntry::new(Kind::Change, Some(document), body, 0);
        self.writes(village, device, Lane::Routine, entry);
    }

    /// The clerk's log parts in two, a few entries before its end.
    fn forks(&mut self, unseen: usize) {
        let entries = self.entries.get(&(CLERK, Lane::Routine)).cloned().unwrap_or_default();
        let common = entries.len().saturating_sub(unseen);
        self.entries.insert((TWIN, Lane::Routine), entries[..common].to_vec());
    }

    /// Everything that was written, each once.
    fn count(&self) -> usize {
        let hashes = self.entries.values().flatten().map(|entry| entry.header.hash());
        hashes.collect::<BTreeSet<_>>().len()
    }

    /// The last entry of each log for the elder that is to go, as somebody has seen it who lacks
    /// the newest few.
    fn coverage(&self, unseen: usize) -> Vec<Covered> {
        let mut coverage = Vec::new();
        for ((device, lane), entries) in &self.entries {
            let seen = entries.len().saturating_sub(unseen);
            let of_elder = |entry: &&Entry| {
                entry.header.document.id().and_then(|id| id.elder_id()) == Some(GONE)
            };
            let last = entries[..seen].iter().rev().find(of_elder);
            coverage.extend(last.map(|entry| {
                Covered::upto(&log(*device, *lane), entry.header.seq, entry.header.hash())
            }));
        }
        coverage
    }

    fn erases(
        &mut self,
        village: &Village,
        device: u8,
        confirms: Option<EntryHash>,
        unseen: usize,
    ) -> EntryHash {
        let coverage = if confirms.is_some() { Vec::new() } else { self.coverage(unseen) };
        let reason = ErasureReason::Retention;
        let body = Erasure { elder: GONE, reason, confirms, coverage }.encode();
        self.writes(village, device, Lane::Routine, RunEntry::new(Kind::Erase, None, body, 0))
    }

    /// The root revokes a device, or the device itself does: what it has written up to now, or before
    /// its last few entries, counts. What the root says decides.
    fn revokes(&mut self, village: &Village, by: u8, device: u8, unseen: usize) {
        let empty = Vec::new();
        let entries = self.entries.get(&(device, Lane::Routine)).unwrap_or(&empty);
        let seen = entries.len().saturating_sub(unseen);
        let cuts = entries[..seen].last().map(|entry| Cut {
            lane: Lane::Routine,
            incarnation: log(device, Lane::Routine).incarnation,
            seq: entry.header.seq,
            hash: entry.header.hash(),
        });
        let (grant, reason) = (village.grants[&device], RevocationReason::Lost);
        let cuts = cuts.into_iter().collect();
        let body = Revocation { grant, reason, cuts, apart: Vec::new() }.encode();
        self.writes(village, by, Lane::Authority, RunEntry::new(Kind::Revoke, None, body, 0));
    }
}

fn history(village: &Village, dice: &mut Dice) -> History {
    let mut history = History::default();
    for _ in 0..2 + dice.below(4) {
        let device = if dice.once_in(4) { FIRST } else { CLERK };
        history.edits(village, device, GONE);
        if dice.once_in(2) {
            history.edits(village, CLERK, KEPT);
        }
    }
    let forked = dice.once_in(2);
    if forked {
        history.forks(dice.below(3));
        history.edits(village, TWIN, GONE);
    }
    let mut firsts = Vec::new();
    for _ in 0..3 + dice.below(5) {
        let device = [FIRST, SECOND][dice.below(2)];
        match dice.below(9) {
            0 | 1 => firsts.push(history.erases(village, device, None, 0)),
            2 => firsts.push(history.erases(village, device, None, dice.below(3))),
            3 | 4 if !firsts.is_empty() => {
                let first = firsts[dice.below(firsts.len())];
                history.erases(village, device, Some(first), 0);
            }
            5 if forked && dice.once_in(2) => history.edits(village, TWIN, GONE),
            5 => history.edits(village, CLERK, GONE),
            6 => history.edits(village, CLERK, KEPT),
            7 | 8 => {
                let by = [ROOT, device][dice.below(2)];
                history.revokes(village, by, device, dice.below(4));
            }
            _ => {}
        }
    }
    if dice.once_in(5) {
        // A clerk has no right to.
        history.erases(village, CLERK, None, 0);
    }
    history
}

/// How bodies travel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bodies {
    /// With their entries.
    Along,
    /// Some come later, alone.
    Later,
    /// Those of the elder that is to go never come.
    Never,
}

/// Stores the whole history in some order.
fn stored(
    village: &Village,
    history: &History,
    dice: &mut Dice,
    bodies: Bodies,
) -> (Store, Authority) {
    let store = Store::with_backend(InMemoryBackend::new()).unwrap();
    let mut authority = village.authority.clone();
    let mut sent: BTreeMap<(u8, Lane), usize> = BTreeMap::new();
    let mut owed: Vec<(EntryPlace, Vec<u8>)> = Vec::new();
    loop {
        let batch = 1 + dice.below(6);
        let left: Vec<_> = history
            .entries
            .iter()
            .filter(|(log, entries)| sent.get(log).copied().unwrap_or(0) < entries.len())
            .map(|(log, _)| *log)
            .collect();
        let missing = store.read().unwrap().missing_count().unwrap();
        if left.is_empty() && (owed.is_empty() || missing == 0) {
            return (store, authority);
        }
        let work = store.write::<_, StoreError>(|tables| {
            let mut ingest = Ingest::begin(tables, &mut authority, Area(scope()), SECRET);
            for _ in 0..batch {
                let open: Vec<_> = left
                    .iter()
                    .filter(|log| sent.get(log).copied().unwrap_or(0) < history.entries[log].len())
                    .collect();
                if open.is_empty() || (!owed.is_empty() && dice.once_in(4)) {
                    if owed.is_empty() {
                        break;
                    }
                    let (place, body) = owed[dice.below(owed.len())].clone();
                    ingest.fill(&place, body)?.unwrap();
                    continue;
                }
                let at = *open[dice.below(open.len())];
                let nth = sent.entry(at).or_default();
                let entry = &history.entries[&at][*nth];
                *nth += 1;
                let body = entry.body.clone().unwrap();
                let elder = entry.header.document.id().and_then(|id| id.elder_id());
                let strip = match bodies {
                    Bodies::Along => false,
                    Bodies::Later => elder.is_some() && dice.once_in(2),
                    Bodies::Never => elder == Some(GONE),
                };
                let place = EntryPlace {
                    log: entry.header.log,
                    seq: entry.header.seq,
                    hash: entry.header.hash(),
                };
                if elder.is_some() && bodies != Bodies::Never {
                    owed.push((place, body.clone()));
                }
                let body = match strip {
                    true => Body::Absent {
                        length: entry.header.body_length,
                        hash: entry.header.body_hash,
                    },
                    false => Body::Present(body),
                };
                let run = UnverifiedRun {
                    log: entry.header.log,
                    first_seq: entry.header.seq,
                    previous: entry.header.previous,
                    entries: vec![RunEntry {
                        written_at_ms: entry.header.written_at_ms,
                        kind: entry.header.kind,
                        document: entry.header.document.clone(),
                        tail: entry.header.tail.clone(),
                        body,
                    }],
                    signature: entry.signature.unwrap(),
                };
                ingest.receive(run)?.unwrap();
            }
            ingest.finish()?;
            Ok(())
        });
        work.unwrap();
    }
}

#[derive(Debug, PartialEq)]
struct State {
    records: [u8; 32],
    authority: [u8; 32],
    missing: BTreeSet<EntryHash>,
    bodies: usize,
    unsettled: Vec<(String, EntryHash)>,
    elders: String,
}

fn state(store: &Store) -> State {
    let snapshot = store.read().unwrap();
    let digests = digest::of_scope(&snapshot, scope()).unwrap();
    let (mut missing, mut bodies, mut unsettled) = (BTreeSet::new(), 0, Vec::new());
    for log in snapshot.logs_of(scope()).unwrap() {
        for seq in snapshot.missing_of(log.number).unwrap() {
            let entry = snapshot.entry(log.number, seq).unwrap().unwrap();
            missing.insert(entry.header.hash());
        }
        let entries = snapshot.entries_from(log.number, 0, 1_000).unwrap();
        bodies += entries.iter().filter(|entry| entry.body.is_some()).count();
    }
    snapshot
        .for_each_unsettled(|_, hash, row| {
            unsettled.push((row?.standing.code(), hash));
            Ok(())
        })
        .unwrap();
    State {
        records: digests.records,
        authority: digests.authority,
        missing,
        bodies,
        unsettled,
        elders: format!("{:?}", snapshot.elders_in(Area(scope())).unwrap()),
    }
}

#[test]
fn the_order_of_arrival_never_matters() {
    let village = village();
    let mut reached: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..80u8 {
        let mut dice = Dice(Entropy::new([seed; 32]));
        let history = history(&village, &mut dice);
        for bodies in [Bodies::Along, Bodies::Later, Bodies::Never] {
            let (first, authority) = stored(&village, &history, &mut dice, bodies);
            let first_state = state(&first);
            for again in 0..2 {
                let (other, _) = stored(&village, &history, &mut dice, bodies);
                assert_eq!(state(&other), first_state, "seed {seed}, {bodies:?}, order {again}");
                let report = verify::run(&other.read().unwrap(), &authority, &SECRET);
                assert!(report.ok, "seed {seed}, {bodies:?}: {:?}", report.faults);
            }
            let code = |code: &str| first_state.unsettled.iter().any(|(why, _)| why == code);
            let all = history.count();
            let forked = history.entries.contains_key(&(TWIN, Lane::Routine));
            let revoked = history.entries.contains_key(&(ROOT, Lane::Authority));
            let itself = [FIRST, SECOND]
                .into_iter()
                .any(|device| history.entries.contains_key(&(device, Lane::Authority)));
            let removed = first_state.bodies < all && first_state.missing.is_empty();
            let shown =
                shouwang_node::store::StoreRead::elder(&first.read().unwrap(), scope(), GONE);
            let shown = shown.unwrap().is_some();
            for (case, is_reached) in [
                ("hidden by one", !shown && !removed && bodies == Bodies::Along),
                ("removed by two", removed),
                ("late edits", code("late")),
                ("a log in two branches, removed", forked && removed),
                ("a branch seen, the other late", forked && removed && code("late")),
                ("a second that waits", code("pending")),
                ("a device that confirms itself", code("not_allowed:erase_same_device")),
                ("nobody's right", code("not_allowed:erase_right")),
                ("cut off", code("quarantined")),
                ("cut off and shown again", revoked && shown && code("quarantined")),
                ("cut off by two, and erased", revoked && itself && !shown),
                ("missing for ever", bodies == Bodies::Never && !first_state.missing.is_empty()),
                ("missing and come", bodies == Bodies::Later && shown),
                ("erased in part", bodies == Bodies::Never && code("late") && !removed),
            ] {
                *reached.entry(case).or_default() += u32::from(is_reached);
            }
        }
    }
    println!("{reached:?}");
    for (case, count) in reached {
        assert!(count > 0, "never reached: {case}");
    }
}
