//! What counts does not depend on the order of arrival, whatever a granted device writes.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change};
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
use shouwang_node::ingest::Ingest;
use shouwang_node::log::run::{RunEntry, cut};
use shouwang_node::log::{Incarnation, Kind, Lane, LogKey, UnverifiedRun, VerifiedRun};
use shouwang_node::store::{Store, StoreError, StoreRead};
use shouwang_node::verify;

const SECRET: IndexSecret = IndexSecret([5; 32]);

fn scope() -> DivisionCode {
    "990121101203".parse().unwrap()
}

fn keys(n: u8) -> DeviceKeys {
    DeviceKeys::from_secret(&[n; 64])
}

/// A root and two village clerks.
struct Village {
    authority: Authority,
    grants: Vec<(u8, GrantId)>,
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
        serial: 0,
        written_at_ms: 0,
    };
    let root = grant(1, Role::Root, None).sign(&keys(1));
    let mut authority = Authority::pin(root.clone()).unwrap();
    let grants = [2, 3].map(|subject| {
        let clerk = grant(subject, Role::Clerk, Some(&root)).sign(&keys(1));
        (subject, authority.learn(clerk).unwrap())
    });
    Village { authority, grants: grants.to_vec() }
}

fn log(device: u8, nonce: u8) -> LogKey {
    let incarnation = Incarnation { number: 0, nonce: [nonce; 8] };
    LogKey { scope: scope(), lane: Lane::Routine, device: keys(device).device(), incarnation }
}

fn actor(log: &LogKey, process: u8) -> [u8; 16] {
    let mut actor = [process; 16];
    actor[..8].copy_from_slice(&log.actor_prefix());
    actor
}

/// What one device does next, honestly or not.
#[derive(Clone, Debug)]
enum Deed {
    /// Writes a field on top of all that it has seen.
    Writes(Field, u8),
    /// Takes in what the other device has.
    Meets,
    /// Writes two different changes as one: the same actor and number.
    Equivocates(u8),
    /// Writes a change with a time of its own, and goes on from it.
    StampsTime(u8),
    /// Writes bytes that are no change.
    Scribbles,
    /// Writes where it may not.
    Certifies(u8),
}

fn deeds() -> impl Strategy<Value = Vec<(bool, Deed)>> {
    let deed = prop_oneof![
        6 => (prop::sample::select(vec![Field::Phone, Field::Address, Field::Dementia]), any::<u8>())
            .prop_map(|(field, n)| Deed::Writes(field, n)),
        3 => Just(Deed::Meets),
        1 => any::<u8>().prop_map(Deed::Equivocates),
        1 => any::<u8>().prop_map(Deed::StampsTime),
        1 => Just(Deed::Scribbles),
        1 => any::<u8>().prop_map(Deed::Certifies),
    ];
    prop::collection::vec((any::<bool>(), deed), 1..24)
}

fn action(field: Field, n: u8) -> Action {
    let text = match field {
        Field::Dementia => ["Yes", "No", "Unknown"][usize::from(n) % 3].to_owned(),
        _ => format!("{n}"),
    };
    Action::Set { field, value: field.value(&text).unwrap() }
}

/// Plays the deeds and returns each device's log.
fn logs(village: &Village, deeds: &[(bool, Deed)]) -> Vec<VerifiedRun> {
    let card = DocumentId::elder(ElderId([7; 16]), Part::Card);
    let registry = DocumentId::elder(ElderId([7; 16]), Part::Registry);
    let mut seen: Vec<Automerge> = vec![genesis(scope(), &card); 2];
    let mut certified = genesis(scope(), &registry);
    let mut written: Vec<Vec<RunEntry>> = vec![Vec::new(); 2];
    for (second, deed) in deeds {
        let me = usize::from(*second);
        let log = log(village.grants[me].0, 9);
        let process = actor(&log, 4);
        let mut write = |document: DocumentId, body: Vec<u8>| {
            written[me].push(RunEntry::new(Kind::Change, Some(document), body, 0));
        };
        match deed {
            Deed::Writes(field, n) => {
                let change =
                    write_change(&seen[me], scope(), &card, process, &[action(*field, *n)]);
                if let Some(body) = change.unwrap() {
                    let change = Change::from_bytes(body.clone()).unwrap();
                    seen[me].apply_changes([change]).unwrap();
                    write(card, body);
                }
            }
            Deed::Meets => {
                let mut other = seen[1 - me].clone();
                // After an equivocation Automerge itself refuses to hold both: then they differ.
                let _ = seen[me].merge(&mut other);
            }
            Deed::Equivocates(n) => {
                for text in [format!("a{n}"), format!("b{n}")] {
                    let value = Field::Hamlet.value(&text).unwrap();
                    let set = Action::Set { field: Field::Hamlet, value };
                    let change = write_change(&seen[me], scope(), &card, process, &[set]);
                    write(card, change.unwrap().unwrap());
                }
            }
            Deed::StampsTime(n) => {
                let mut draft = seen[me].clone();
                draft.set_actor(ActorId::from(actor(&log, *n).as_slice()));
                let options = CommitOptions::default().with_time(1 + i64::from(*n));
                let fields = automerge::ReadDoc::get(&draft, automerge::ROOT, "fields");
                let (_, fields) = fields.unwrap().unwrap();
                let mut transaction = draft.transaction();
                transaction.put(&fields, "remarks", format!("{n}")).unwrap();
                transaction.commit_with(options);
                write(card, draft.get_last_local_change().unwrap().raw_bytes().to_vec());
                // An honest-looking change on top of it is blocked.
                let on_top =
                    write_change(&draft, scope(), &card, process, &[action(Field::Phone, *n)]);
                write(card, on_top.unwrap().unwrap_or_default());
            }
            Deed::Scribbles => write(card, vec![0x85, 0x6f, 0x4a, 0x83, 1, 2, 3]),
            Deed::Certifies(n) => {
                let change = write_change(
                    &certified,
                    scope(),
                    &registry,
                    process,
                    &[action(Field::Dementia, *n)],
                );
                if let Some(body) = change.unwrap() {
                    certified.apply_changes([Change::from_bytes(body.clone()).unwrap()]).unwrap();
                    write(registry, body);
                }
            }
        }
    }
    let mut runs = Vec::new();
    for (me, entries) in written.into_iter().enumerate() {
        let (device, grant) = village.grants[me];
        if !entries.is_empty() {
            let run = VerifiedRun::write(log(device, 9), grant, None, entries, &keys(device));
            runs.push(run.unwrap());
        }
    }
    runs
}

/// Stores the logs entry by entry in an order: `order` says whose next entry comes, `batch` how many
/// share a transaction.
fn stored(village: &Village, logs: &[VerifiedRun], order: &[bool], batch: usize) -> Store {
    let store = Store::with_backend(InMemoryBackend::new()).unwrap();
    let mut authority = village.authority.clone();
    let mut sent = vec![0; logs.len()];
    let mut turns = order.iter().cycle();
    let mut next = || -> Option<UnverifiedRun> {
        let first = usize::from(*turns.next()?) % logs.len();
        let at = [first, (first + 1) % logs.len()]
            .into_iter()
            .find(|&at| sent[at] < logs[at].entries().len())?;
        let entries = &logs[at].entries()[sent[at]..];
        let run = cut(&entries[..1], None)?;
        sent[at] += 1;
        Some(run)
    };
    let mut run = next();
    while run.is_some() {
        store
            .write::<_, StoreError>(|tables| {
                let mut ingest = Ingest::begin(tables, &mut authority, Area(scope()), SECRET);
                for _ in 0..batch {
                    let Some(received) = run.take() else { break };
                    assert_eq!(ingest.receive(received)?.map(|outcome| outcome.new), Ok(1));
                    run = next();
                }
                ingest.finish()?;
                Ok(())
            })
            .unwrap();
    }
    store
}

fn state(store: &Store) -> (Vec<u8>, Vec<(String, u64)>, String) {
    let snapshot = store.read().unwrap();
    let digests = digest::of_scope(&snapshot, scope()).unwrap();
    let mut unsettled: Vec<(String, u64)> = snapshot
        .unsettled_all()
        .unwrap()
        .into_iter()
        .map(|row| (row.standing.code(), row.seq))
        .collect();
    unsettled.sort();
    let rows = snapshot.elders_in(Area(scope())).unwrap();
    ([digests.records, digests.authority].concat(), unsettled, format!("{rows:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_never_matters(
        deeds in deeds(),
        one in prop::collection::vec(any::<bool>(), 1..40),
        two in prop::collection::vec(any::<bool>(), 1..40),
        batch in 1usize..20,
    ) {
        let village = village();
        let logs = logs(&village, &deeds);
        prop_assume!(!logs.is_empty());
        let first = stored(&village, &logs, &one, 1);
        let second = stored(&village, &logs, &two, batch);
        prop_assert_eq!(state(&first), state(&second));
        // Step by step or all at once: `verify` decides every document from all of its entries.
        for store in [&first, &second] {
            let report = verify::run(&store.read().unwrap(), &village.authority, &SECRET);
            prop_assert!(report.ok, "{:?}", report.faults);
        }
    }
}

#[test]
fn each_reason_not_to_count_is_given() {
    let village = village();
    let deeds = [
        (false, Deed::Writes(Field::Phone, 1)),
        (false, Deed::Equivocates(1)),
        (false, Deed::StampsTime(2)),
        (false, Deed::Scribbles),
        (false, Deed::Certifies(3)),
    ];
    let logs = logs(&village, &deeds);
    let store = stored(&village, &logs, &[false], 3);
    let (_, unsettled, _) = state(&store);
    let reasons: Vec<&str> = unsettled.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        reasons,
        ["blocked", "displaced", "ill_formed:time", "ill_formed:truncated", "not_allowed:right"]
    );
}
