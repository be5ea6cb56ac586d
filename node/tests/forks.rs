//! A log whose author wrote several branches of it is the same tree at every node, whatever came
//! first and whoever carried it.

mod county;

use std::collections::{BTreeMap, BTreeSet};

use automerge::Change;
use county::County;
use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::authority::Authority;
use shouwang_node::digest;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Role, SignedGrant};
use shouwang_node::index::IndexSecret;
use shouwang_node::ingest::{Ingest, Outcome, Refusal};
use shouwang_node::limits::BRANCHES_MAX;
use shouwang_node::log::run::{RunEntry, cut};
use shouwang_node::log::{
    Entry, EntryHash, Head, Incarnation, Kind, Lane, LogKey, UnverifiedRun, VerifiedRun,
};
use shouwang_node::store::{ChainRead, Store, StoreError, StoreRead};
use shouwang_node::verify;

const SECRET: IndexSecret = IndexSecret([5; 32]);
const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

fn scope() -> DivisionCode {
    SHANGHE.parse().unwrap()
}

fn keys(n: u8) -> DeviceKeys {
    DeviceKeys::from_secret(&[n; 64])
}

/// A root, and a clerk with two grants.
fn village() -> (Authority, [GrantId; 2]) {
    let grant = |subject: u8, role: Role, issuer: Option<&SignedGrant>, serial: u32| Grant {
        subject: keys(subject).device(),
        sealing_key: keys(subject).sealing_key(),
        name: "laptop".into(),
        area: Area(scope()),
        role,
        rights: role.rights(),
        quota: Quota::DEFAULT,
        depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
        issuer: issuer.map(SignedGrant::id),
        serial,
        written_at_ms: 0,
    };
    let root = grant(1, Role::Root, None, 0).sign(&keys(1));
    let mut authority = Authority::pin(root.clone()).unwrap();
    let grants = [0, 1].map(|serial| {
        let clerk = grant(2, Role::Clerk, Some(&root), serial).sign(&keys(1));
        authority.learn(clerk).unwrap()
    });
    (authority, grants)
}

fn log() -> LogKey {
    let incarnation = Incarnation { number: 0, nonce: [3; 8] };
    LogKey { scope: scope(), lane: Lane::Routine, device: keys(2).device(), incarnation }
}

/// Which branch a branch leaves and where, how long it is, and how long its notes are.
type Branch = (usize, usize, usize, usize);

fn branches() -> impl Strategy<Value = Vec<Branch>> {
    prop::collection::vec((0..9usize, 0..99usize, 1..40usize, 1..1_200usize), 1..=BRANCHES_MAX)
}

/// Writes a tree: each path from the first entry to a leaf.
fn tree(grants: &[GrantId], branches: &[Branch]) -> Vec<Vec<Entry>> {
    let card = DocumentId::elder(ElderId([7; 16]), Part::Card);
    let mut paths: Vec<Vec<Entry>> = Vec::new();
    for (process, (of, at, length, words)) in branches.iter().enumerate() {
        let stem: Vec<Entry> = match paths.is_empty() {
            true => Vec::new(),
            false => {
                let parent = &paths[of % paths.len()];
                parent[..at % parent.len()].to_vec()
            }
        };
        // A process that has read the disk as it was then, under an actor of its own.
        let mut document = genesis(scope(), &card);
        for entry in &stem {
            let change = Change::from_bytes(entry.body.clone().unwrap()).unwrap();
            document.apply_changes([change]).unwrap();
        }
        let mut actor = [process as u8; 16];
        actor[..8].copy_from_slice(&log().actor_prefix());
        let fresh = (0..*length).map(|nth| {
            let text = format!("{process}/{nth} {}", "长".repeat(words / 3));
            let value = Field::Remarks.value(&text).unwrap();
            let set = Action::Set { field: Field::Remarks, value };
            let body = write_change(&document, scope(), &card, actor, &[set]).unwrap().unwrap();
            document.apply_changes([Change::from_bytes(body.clone()).unwrap()]).unwrap();
            RunEntry::new(Kind::Change, Some(card), body, nth as i64)
        });
        let fresh = fresh.collect();
        // A branch that begins with the first entry may stand under another grant.
        let grant = grants[process % grants.len()];
        let head = head_after(&stem);
        let run = VerifiedRun::write(log(), grant, head.as_ref(), fresh, &keys(2)).unwrap();
        paths.push([&stem[..], run.entries()].concat());
    }
    paths
}

fn head_after(entries: &[Entry]) -> Option<Head> {
    entries
        .iter()
        .fold(None, |head, entry| Some(Head::after(head.as_ref(), entry, entry.header.hash())))
}

/// The run of a path from one entry on: to the next checkpoint, or shorter.
fn run_of(path: &[Entry], from: usize, length: usize) -> UnverifiedRun {
    let end = (from + length.max(1)).min(path.len());
    cut(&path[from..end], head_after(&path[..from]).as_ref()).unwrap()
}

struct Node {
    store: Store,
    authority: Authority,
}

impl Node {
    fn new(authority: &Authority) -> Self {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        Self { store, authority: authority.clone() }
    }

    fn receives(&mut self, run: UnverifiedRun) -> Result<Outcome, Refusal> {
        let authority = &mut self.authority;
        self.store
            .write::<_, StoreError>(|tables| {
                let mut ingest = Ingest::begin(tables, authority, Area(scope()), SECRET);
                let outcome = ingest.receive(run)?;
                ingest.finish()?;
                Ok(outcome)
            })
            .unwrap()
    }

    /// How many entries of a path are here.
    fn holds(&self, path: &[Entry]) -> usize {
        let snapshot = self.store.read().unwrap();
        let held = |entry: &&Entry| {
            let header = &entry.header;
            snapshot.find_chain(&log(), header.seq, &header.hash()).unwrap().is_some()
        };
        path.iter().take_while(held).count()
    }

    fn receives_rest(&mut self, path: &[Entry]) {
        loop {
            let from = self.holds(path);
            if from == path.len() {
                return;
            }
            let outcome = self.receives(run_of(path, from, usize::MAX / 2)).unwrap();
            assert!(outcome.new > 0);
        }
    }

    /// Everything that may not depend on what came first.
    fn state(&self) -> (BTreeSet<(u64, EntryHash)>, Vec<u8>, String) {
        let snapshot = self.store.read().unwrap();
        let heads = snapshot.chain_heads(&log()).unwrap();
        let heads = heads.into_iter().map(|(_, head)| (head.seq, head.hash)).collect();
        let digests = digest::of_scope(&snapshot, scope()).unwrap();
        let rows = snapshot.elders_in(Area(scope())).unwrap();
        let counts = snapshot.scope(scope()).unwrap();
        (heads, [digests.records, digests.authority].concat(), format!("{rows:?} {counts:?}"))
    }
}

type Step = (prop::sample::Index, prop::sample::Index, usize, usize);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    prop::collection::vec((index(), index(), 0..40usize, 1..40usize), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_forked_log_in_any_order_is_the_same_tree(
        branches in branches(), steps in steps(), other_grant in any::<bool>(),
    ) {
        let (authority, grants) = village();
        let paths = tree(if other_grant { &grants } else { &grants[..1] }, &branches);
        let mut nodes = [0; 3].map(|_| Node::new(&authority));
        for (node, path, back, length) in &steps {
            let (at, path) = (node.index(nodes.len()), path.get(&paths));
            // Runs overlap with what is here, and end anywhere.
            let from = nodes[at].holds(path).min(path.len() - 1).saturating_sub(*back);
            let outcome = nodes[at].receives(run_of(path, from, *length)).unwrap();
            prop_assert!(outcome.new <= *length as u64);
        }
        for (at, node) in nodes.iter_mut().enumerate() {
            for nth in 0..paths.len() {
                node.receives_rest(&paths[(at + nth) % paths.len()]);
            }
        }
        let first = nodes[0].state();
        let mut tree = BTreeMap::new();
        for entry in paths.iter().flatten() {
            tree.insert(entry.header.hash(), entry.clone());
        }
        for node in &nodes {
            let state = node.state();
            prop_assert_eq!(&state, &first);
            let snapshot = node.store.read().unwrap();
            // Every entry is stored once, and everything comes to the same when read again.
            prop_assert_eq!(snapshot.scope(scope()).unwrap().entries, tree.len() as u64);
            let report = verify::run(&snapshot, &node.authority, &SECRET);
            prop_assert!(report.ok, "{:?}", report.faults);
            prop_assert_eq!(report.entries, tree.len() as u64);
            // Each fork is kept as evidence once.
            let forks = snapshot.chains(&log()).unwrap().len() - 1;
            let evidence = snapshot.evidence_all().unwrap();
            prop_assert_eq!(evidence.len(), 0, "ingest leaves dating it to others");
            prop_assert!(forks < BRANCHES_MAX);
            // Who is whose ancestor.
            for path in &paths {
                let end = path.last().unwrap().header.hash();
                let end = (path.len() as u64 - 1, &end);
                for (chain, head) in snapshot.chain_heads(&log()).unwrap() {
                    for seq in [0, head.seq / 2, head.seq] {
                        let hash = snapshot.hash_at(&chain, seq).unwrap().unwrap();
                        let ancestor =
                            path.get(seq as usize).is_some_and(|e| e.header.hash() == hash);
                        prop_assert_eq!(snapshot.reaches(&chain, seq, end).unwrap(), Some(ancestor));
                    }
                    let nowhere = EntryHash([9; 32]);
                    prop_assert_eq!(snapshot.reaches(&chain, 0, (3, &nowhere)).unwrap(), None);
                }
            }
        }
    }
}

#[test]
fn a_fifth_branch_is_refused_and_the_four_go_on() {
    let (authority, grants) = village();
    let base = tree(&grants[..1], &[(0, 0, 10, 30)]).remove(0);
    let stem = &base[..5];
    let mut node = Node::new(&authority);
    node.receives_rest(&base);
    let written = |nth: u8, before: &[Entry], length: usize| {
        let fresh = (0..length).map(|_| RunEntry::new(Kind::Other(99), None, vec![nth; 9], 0));
        let (head, fresh) = (head_after(before), fresh.collect());
        let run = VerifiedRun::write(log(), grants[0], head.as_ref(), fresh, &keys(2)).unwrap();
        [before, run.entries()].concat()
    };
    let paths: Vec<Vec<Entry>> = (1..=4).map(|nth| written(nth, stem, 3)).collect();
    for path in &paths[..3] {
        node.receives_rest(path);
    }
    let before = node.state();
    let fifth = run_of(&paths[3], 5, 3);
    let end = paths[3].last().unwrap().header.hash();
    assert_eq!(node.receives(fifth), Err(Refusal::Forked { end }));
    assert_eq!(node.state(), before);
    // What is known of it is known; what goes on elsewhere goes on.
    assert_eq!(node.receives(run_of(&paths[3], 0, 5)).unwrap().new, 0);
    node.receives_rest(&written(7, &paths[1], 4));
    node.receives_rest(&written(8, &base, 40));
    // A run of the fifth branch alone has no place at all.
    let longer = written(9, &paths[3], 2);
    let refused = node.receives(run_of(&longer, 8, 2)).unwrap_err();
    assert_eq!(refused.code(), "broken_chain");
}

/// A village's disk is put back twice, and each time it meets another peer: the township and the
/// county hold different branches when they meet.
#[test]
fn two_that_hold_different_branches_give_each_other_what_is_missing_and_little_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.grant_in(SONGWU, SHANGHE, SHANGHE, None, Store::open(&path("store")).unwrap());
    let elder = county.adds_elder(SHANGHE, "周国强");
    let visits = |county: &mut County, count: u64| {
        for nth in 0..count {
            county.records_visit(SHANGHE, &elder, &format!("2026-{:02}-01", nth % 9 + 1));
        }
    };
    visits(&mut county, 100);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.disconnect(SONGWU, COUNTY);
    for image in ["first", "second"] {
        std::fs::copy(path("store"), path(image)).unwrap();
    }
    // Three branches: one that nobody sees, one for the township, one for the county.
    visits(&mut county, 3);
    county.goes_on_with(SHANGHE, || Store::open(&path("first")).unwrap());
    visits(&mut county, 10);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.goes_on_with(SHANGHE, || Store::open(&path("second")).unwrap());
    visits(&mut county, 40);
    county.connect(SHANGHE, COUNTY);
    county.settle();
    county.assert_done(SHANGHE, COUNTY);
    county.disconnect(SHANGHE, COUNTY);

    let (lower, upper) = (county.engine(SONGWU).device(), county.engine(COUNTY).device());
    let sent_by = |county: &mut County| {
        [(SONGWU, upper), (COUNTY, lower)].map(|(place, peer)| {
            let rows = county.engine(place).peers().rows();
            let row = rows.into_iter().find(|(device, _)| *device == peer);
            row.map_or(0, |(_, row)| row.entries_sent)
        })
    };
    let before = sent_by(&mut county);
    county.connect(SONGWU, COUNTY);
    county.settle();
    county.assert_done(SONGWU, COUNTY);
    assert_eq!(county.hangups(), []);
    for place in [SONGWU, COUNTY] {
        assert_eq!(county.shows(place, &elder).visits.len(), 150, "{place}");
    }
    // Of 100 common entries few travel again: less than twice the branch that was asked about.
    let after = sent_by(&mut county);
    let sent = [after[0] - before[0], after[1] - before[1]];
    assert!(sent[0] >= 10 && sent[0] < 30 && sent[1] >= 40 && sent[1] < 60, "{sent:?}");
    // The village gets back what it had forgotten of the township's branch, and goes on under a new
    // name only.
    county.connect(SHANGHE, SONGWU);
    county.settle();
    visits(&mut county, 1);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    county.assert_converged();
    assert_eq!(county.shows(COUNTY, &elder).visits.len(), 151);
    county.verify_all();
    let snapshot = county.engine(COUNTY).read().unwrap();
    let forked = snapshot.logs_all().unwrap().iter().filter(|log| log.branch.is_some()).count();
    assert_eq!(forked, 1);
}
