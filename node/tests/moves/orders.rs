//! What moves come to does not depend on the order in which anything arrives.

use std::collections::BTreeMap;

use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::authority::Authority;
use shouwang_node::digest;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::SignedGrant;
use shouwang_node::index::IndexSecret;
use shouwang_node::ingest::Ingest;
use shouwang_node::limits::{MOVE_DEFER_MS, RECEIPT_INTERVAL_MS};
use shouwang_node::log::run::cut;
use shouwang_node::log::{Entry, EntryHash, Head, LogKey, UnverifiedRun};
use shouwang_node::store::moves::{MovedRow, MovesRead, TransferKey, TransferRow};
use shouwang_node::store::{Snapshot, Store, StoreError, StoreRead};
use shouwang_node::verify;

use crate::county::code;
use crate::trust::revokes;
use crate::{COUNTY, SHANGHE, SONGWU, Scene, XIAHE, YUNGANG};

const SECRET: IndexSecret = IndexSecret([5; 32]);

/// All that a county's node has in the end, and bodies that it once had.
struct History {
    grants: Vec<SignedGrant>,
    root: SignedGrant,
    logs: BTreeMap<LogKey, Vec<Entry>>,
    bodies: BTreeMap<EntryHash, Vec<u8>>,
}

/// What is compared of two nodes.
#[derive(Debug, PartialEq)]
struct Outcome {
    digests: Vec<(DivisionCode, [u8; 32], [u8; 32])>,
    shown: Vec<(DivisionCode, ElderId)>,
    moved: Vec<(ElderId, MovedRow)>,
    offers: Vec<(TransferKey, TransferRow)>,
    missing: u64,
}

impl History {
    fn of(scene: &mut Scene, bodies: BTreeMap<EntryHash, Vec<u8>>) -> Self {
        let engine = scene.county.engine(COUNTY);
        let snapshot = engine.read().unwrap();
        let mesh = engine.authority().mesh();
        let mut grants: Vec<SignedGrant> =
            snapshot.grants_all().unwrap().into_iter().map(|(grant, _)| grant).collect();
        grants.sort_by_key(|grant| grant.grant.depth);
        let root = engine.authority().chain(&mesh).remove(0);
        grants.retain(|grant| grant.id() != mesh);
        Self { grants, root, logs: logs(&snapshot), bodies }
    }

    fn arrives(&self, seed: u8) -> Outcome {
        let mut entropy = Entropy::new([seed; 32]);
        let mut below = |end: usize| u64::from_be_bytes(entropy.bytes()) as usize % end;
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        let mut authority = Authority::pin(self.root.clone()).unwrap();
        for grant in &self.grants {
            authority.learn(grant.clone()).unwrap();
        }
        store
            .write(|tables| {
                tables.put_grant(&self.root, false)?;
                self.grants.iter().try_for_each(|grant| tables.put_grant(grant, false))
            })
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        let mut waiting: Vec<Vec<UnverifiedRun>> = self
            .logs
            .values()
            .map(|entries| {
                let mut entries = entries.clone();
                for entry in entries.iter_mut().filter(|entry| entry.body.is_none()) {
                    // What has gone elsewhere since may still come with its body.
                    if below(2) == 0 {
                        entry.body = self.bodies.get(&entry.header.hash()).cloned();
                    }
                }
                let mut runs = runs(&entries);
                runs.reverse();
                runs
            })
            .collect();
        while !waiting.is_empty() {
            let batch = 1 + below(12);
            store
                .write(|tables| {
                    let area = Area(code(COUNTY));
                    let mut ingest = Ingest::begin(tables, &mut authority, area, SECRET);
                    for _ in 0..batch {
                        if waiting.is_empty() {
                            break;
                        }
                        let log = below(waiting.len());
                        if let Some(run) = waiting[log].pop() {
                            ingest.receive(run)?.unwrap();
                        }
                        waiting.retain(|runs| !runs.is_empty());
                    }
                    ingest.finish().map(drop)
                })
                .unwrap_or_else(|error: StoreError| panic!("{error}"));
        }
        let snapshot = store.read().unwrap();
        let report = verify::run(&snapshot, &authority, &SECRET);
        assert!(report.ok, "seed {seed}: {:?}", report.faults);
        outcome(&snapshot)
    }
}

fn logs(snapshot: &Snapshot) -> BTreeMap<LogKey, Vec<Entry>> {
    let mut found: BTreeMap<LogKey, Vec<Entry>> = BTreeMap::new();
    for log in snapshot.logs_all().unwrap() {
        assert!(log.branch.is_none());
        let entries = snapshot.entries_from(log.number, 0, usize::MAX).unwrap();
        found.insert(log.key, entries);
    }
    found
}

fn bodies(scene: &mut Scene) -> BTreeMap<EntryHash, Vec<u8>> {
    let snapshot = scene.county.engine(COUNTY).read().unwrap();
    let entries = logs(&snapshot).into_values().flatten();
    entries.filter_map(|entry| Some((entry.header.hash(), entry.body?))).collect()
}

fn runs(entries: &[Entry]) -> Vec<UnverifiedRun> {
    let (mut found, mut head, mut sent): (Vec<_>, Option<Head>, usize) = (Vec::new(), None, 0);
    while let Some(run) = cut(&entries[sent..], head.as_ref()) {
        for entry in entries.iter().skip(sent).take(run.entries.len()) {
            head = Some(Head::after(head.as_ref(), entry, entry.header.hash()));
        }
        sent += run.entries.len();
        found.push(run);
    }
    assert_eq!(sent, entries.len());
    found
}

fn outcome(snapshot: &Snapshot) -> Outcome {
    use shouwang_node::store::erasures::ErasureRead;
    let area = Area(code(COUNTY));
    let scopes = [COUNTY, SONGWU, SHANGHE, XIAHE, YUNGANG].map(code);
    let digests = scopes.map(|scope| {
        let digests = digest::of_scope(snapshot, scope).unwrap();
        (scope, digests.records, digests.authority)
    });
    // Which copy of a manifest came with which clock is for display.
    let moved = snapshot.moved_all().unwrap().into_iter();
    Outcome {
        digests: digests.to_vec(),
        shown: snapshot.elder_places(area).unwrap(),
        moved: moved.collect(),
        offers: snapshot.transfers_all().unwrap(),
        missing: snapshot.missing_count().unwrap(),
    }
}

fn assert_same_in_every_order(scene: &mut Scene, history: &History) {
    let expected = {
        let snapshot = scene.county.engine(COUNTY).read().unwrap();
        outcome(&snapshot)
    };
    assert_eq!(expected.shown.len(), 1);
    for seed in 0..12 {
        assert_eq!(history.arrives(seed), expected, "seed {seed}");
    }
}

#[test]
fn two_moves_at_once_a_purge_and_late_edits_in_every_order() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SONGWU, COUNTY);
    scene.county.disconnect(XIAHE, SONGWU);
    scene.county.connect(XIAHE, COUNTY);
    scene.cancels(SHANGHE).unwrap();
    scene.offers(SHANGHE, YUNGANG).unwrap();
    scene.county.settle();
    scene.accepts(XIAHE).unwrap();
    scene.accepts(YUNGANG).unwrap();
    scene.county.settle();
    scene.county.passes(2 * MOVE_DEFER_MS);
    scene.county.records_visit(XIAHE, &scene.elder.clone(), "2026-09-21");
    scene.county.records_visit(YUNGANG, &scene.elder.clone(), "2026-09-22");
    scene.county.connect(SONGWU, COUNTY);
    scene.county.settle();
    let bodies = bodies(&mut scene);
    scene.county.connect(XIAHE, SONGWU);
    scene.county.settle();
    scene.county.passes(6 * RECEIPT_INTERVAL_MS);
    let history = History::of(&mut scene, bodies);
    let gone = history.logs.values().flatten().filter(|entry| entry.body.is_none()).count();
    assert!(gone > 3, "something was purged");
    assert_same_in_every_order(&mut scene, &history);
}

#[test]
fn an_executor_that_is_cut_off_in_every_order() {
    let mut scene = Scene::new();
    scene.offers(SHANGHE, XIAHE).unwrap();
    scene.county.settle();
    scene.county.disconnect(SONGWU, COUNTY);
    scene.accepts(XIAHE).unwrap();
    scene.county.settle();
    let town = scene.county.engine(SONGWU).device().to_string();
    revokes(&mut scene, COUNTY, town);
    for village in [SHANGHE, XIAHE, YUNGANG] {
        scene.county.disconnect(village, SONGWU);
        scene.county.connect(village, COUNTY);
    }
    scene.county.settle();
    scene.county.stops(SONGWU);
    scene.county.passes(2 * MOVE_DEFER_MS);
    let bodies = bodies(&mut scene);
    let history = History::of(&mut scene, bodies);
    assert_same_in_every_order(&mut scene, &history);
}
