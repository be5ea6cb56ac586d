//! Whole histories: honest ones are well-formed in every order, and hostile ones are judged alike
//! in every order and never break a document.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjType, ReadDoc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use shouwang_crdt_schema::change::{
    Action as OperationAction, Ancestry, Judgement, Key, ParsedChange, Reference,
};
use shouwang_crdt_schema::document::GENESIS_ACTOR;
use shouwang_crdt_schema::writer::Writers;

use super::fixture::{ALICE, BOB, CAROL, assert_applies, at, card, replica, scope, write};
use super::{At, DELETE, Draft, Id, MAKE_LIST, MAKE_MAP, Op, PUT};

const PEOPLE: [[u8; 16]; 3] = [ALICE, BOB, CAROL];

/// What a person does with the card.
#[derive(Clone, Debug)]
enum Step {
    /// One change of several actions.
    Edit(usize, Vec<Action>),
    /// Receives everything that another has.
    Merge(usize, usize),
    /// Starts the program again: a new actor.
    Restart(usize),
}

#[derive(Clone, Debug)]
enum Action {
    Set(usize, u16),
    AddNeed,
    AddSupporter,
    Append(usize),
    Amend(usize),
    Remove(usize, bool),
    Clear(usize),
}

const FIELDS: [&str; 3] = ["name", "phone", "remarks"];
const LOGS: [&str; 3] = ["absences", "agreements", "roster_events"];

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        (0..3_usize, any::<u16>()).prop_map(|(field, value)| Action::Set(field, value)),
        Just(Action::AddNeed),
        Just(Action::AddSupporter),
        (0..3_usize).prop_map(Action::Append),
        (0..9_usize).prop_map(Action::Amend),
        (0..9_usize, any::<bool>()).prop_map(|(nth, needs)| Action::Remove(nth, needs)),
        (0..3_usize).prop_map(Action::Clear),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, vec(action(), 1..6)).prop_map(|(who, actions)| Step::Edit(who, actions)),
        3 => (0..3_usize, 0..3_usize).prop_map(|(to, from)| Step::Merge(to, from)),
        1 => (0..3_usize).prop_map(Step::Restart),
    ]
}

fn act(transaction: &mut Transaction<'_>, action: &Action) -> Result<(), AutomergeError> {
    let fields = at(transaction, "fields");
    let (needs, supporters) = (at(transaction, "service_needs"), at(transaction, "supporters"));
    match action {
        Action::Set(field, value) => transaction.put(&fields, FIELDS[*field], value.to_string())?,
        Action::AddNeed => {
            let end = transaction.length(&needs);
            transaction.insert(&needs, end, "Meals")?;
        }
        Action::AddSupporter => {
            let end = transaction.length(&supporters);
            let made = transaction.insert_object(&supporters, end, ObjType::Map)?;
            transaction.put(&made, "name", "李明")?;
            transaction.put(&made, "relation", "女儿")?;
        }
        Action::Append(log) => {
            let log = at(transaction, LOGS[*log]);
            let end = transaction.length(&log);
            let made = transaction.insert_object(&log, end, ObjType::Map)?;
            transaction.put(&made, "event", "Signed")?;
            transaction.put(&made, "date", "2026-09-01")?;
        }
        Action::Amend(nth) => {
            let length = transaction.length(&supporters);
            if length > 0 {
                let (_, made) = transaction.get(&supporters, nth % length)?.unwrap();
                transaction.put(&made, "phone", format!("1390000000{nth}"))?;
            }
        }
        Action::Remove(nth, from_needs) => {
            let list = if *from_needs { needs } else { supporters };
            let length = transaction.length(&list);
            if length > 0 {
                transaction.delete(&list, nth % length)?;
            }
        }
        Action::Clear(field) => {
            if transaction.get(&fields, FIELDS[*field])?.is_some() {
                transaction.delete(&fields, FIELDS[*field])?;
            }
        }
    }
    Ok(())
}

/// Lets three people work, and returns all changes in the order of their making.
fn live(steps: &[Step]) -> Vec<ParsedChange> {
    let mut documents = PEOPLE.map(|actor| replica(&actor));
    let mut changes = Vec::new();
    for (nth, step) in steps.iter().enumerate() {
        match step {
            Step::Edit(who, actions) => {
                let touch = Action::Set(0, nth as u16);
                let bytes = write(&mut documents[*who], |transaction| {
                    actions.iter().chain([&touch]).try_for_each(|action| act(transaction, action))
                });
                changes.push(ParsedChange::parse(&bytes).unwrap());
            }
            Step::Merge(to, from) => {
                let mut from = documents[*from].clone();
                documents[*to].merge(&mut from).unwrap();
            }
            Step::Restart(who) => {
                let mut actor = PEOPLE[*who];
                actor[8..].copy_from_slice(&(nth as u64 + 1).to_be_bytes());
                documents[*who].set_actor(ActorId::from(actor));
            }
        }
    }
    changes
}

/// Offers every change in turn, again and again, until nothing new is learnt. What remains has a
/// missing dependency.
fn deliver(changes: &[&ParsedChange]) -> (Ancestry, BTreeMap<ChangeHash, Judgement>) {
    let mut ancestry = Ancestry::new(scope(), &card());
    let mut judgements = BTreeMap::new();
    loop {
        let before = judgements.clone();
        for change in changes {
            let judgement = ancestry.judge(change, Writers::ALL);
            assert_eq!(ancestry.admit(change, Writers::ALL), judgement);
            judgements.insert(change.hash(), judgement);
        }
        if judgements == before {
            return (ancestry, judgements);
        }
    }
}

fn shuffled<'a>(changes: &'a [ParsedChange], keys: &[u32]) -> Vec<&'a ParsedChange> {
    let mut order: Vec<_> = changes.iter().enumerate().collect();
    order.sort_by_key(|(nth, _)| keys.get(nth % keys.len().max(1)).copied().unwrap_or(0));
    order.into_iter().map(|(_, change)| change).collect()
}

/// A tape of numbers that a hostile history is made from.
struct Tape<'a>(std::slice::Iter<'a, u32>);

impl Tape<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |number| *number as usize % limit)
    }

    fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.below(from.len())]
    }
}

/// A change that may be anything: mostly with the right numbers and with operations that make
/// sense by themselves, one in a while with none.
fn mischief(tape: &mut Tape<'_>, known: &[ParsedChange], genesis: ChangeHash) -> ParsedChange {
    let by_hash: BTreeMap<_, _> = known.iter().map(|change| (change.hash(), change)).collect();
    let mut deps: BTreeSet<ChangeHash> = BTreeSet::new();
    for _ in 0..=tape.below(3) {
        deps.insert(match known.len() {
            0 => genesis,
            length if tape.below(8) > 0 => known[length - 1 - tape.below(length.min(4))].hash(),
            _ => *tape.pick(&[genesis, ChangeHash([0; 32])]),
        });
    }
    let mut ancestors: BTreeSet<ChangeHash> = BTreeSet::new();
    let mut pending: Vec<_> = deps.iter().copied().collect();
    while let Some(hash) = pending.pop() {
        if let Some(change) = by_hash.get(&hash).filter(|_| ancestors.insert(hash)) {
            pending.extend(change.deps());
        }
    }
    let actor = tape.pick(&PEOPLE).to_vec();
    let seen = || ancestors.iter().map(|hash| by_hash[hash]);
    let own = seen().filter(|change| change.actor().to_bytes() == actor).map(ParsedChange::seq);
    let seq = own.max().unwrap_or(0) + 1 + u64::from(tape.below(40) == 1);
    let highest = seen().map(ParsedChange::max_op).max().unwrap_or(10);
    let start_op = highest + 1 + u64::from(tape.below(40) == 1);

    let mut scene = Scene::new();
    for change in known.iter() {
        // Sometimes it names what it cannot have seen.
        if ancestors.contains(&change.hash()) || tape.below(40) == 1 {
            scene.play(change);
        }
    }
    let mut ops = Vec::new();
    for nth in 0..1 + tape.below(6) as u64 {
        let op = scene.next(tape);
        scene.add((start_op + nth, actor.clone()), &op);
        ops.push(op);
    }
    let deps: Vec<_> = deps.into_iter().collect();
    let bytes = Draft::new(&deps, &actor, seq, start_op, &ops).bytes();
    // The writer is canonical and every rule of form is kept: what may be wrong is only the rest.
    ParsedChange::parse(&bytes).unwrap()
}

/// What can be named: the objects, and what stands where in them.
struct Scene {
    maps: Vec<Id>,
    lists: Vec<Id>,
    /// List and element.
    elements: Vec<(Id, Id)>,
    /// Object, place and operation.
    values: Vec<(Id, At, Id)>,
}

impl Scene {
    fn new() -> Self {
        let genesis = |counter: u64| (counter, GENESIS_ACTOR.to_vec());
        Self {
            maps: vec![genesis(2)],
            // Supporters, absences, contacts.
            lists: vec![genesis(3), genesis(4), genesis(5)],
            elements: Vec::new(),
            values: Vec::new(),
        }
    }

    fn play(&mut self, change: &ParsedChange) {
        let id = |reference: Reference| {
            let actor = change.actors()[reference.actor].to_bytes().to_vec();
            (u64::from(reference.counter), actor)
        };
        for (counter, operation) in (change.start_op()..).zip(change.operations()) {
            let op = Op {
                object: operation.object.map(id),
                at: match &operation.key {
                    Key::Name(name) => At::Name(name.clone()),
                    Key::Head => At::Head,
                    Key::Element(element) => At::Element(id(*element)),
                },
                insert: operation.insert,
                action: if operation.action == OperationAction::MakeMap { MAKE_MAP } else { PUT },
                value: None,
                predecessors: Vec::new(),
            };
            self.add((counter, change.actor().to_bytes().to_vec()), &op);
        }
    }

    fn add(&mut self, own: Id, op: &Op) {
        let object = op.object.clone().unwrap();
        if op.action == MAKE_MAP {
            self.maps.push(own.clone());
        }
        if op.insert {
            self.elements.push((object.clone(), own.clone()));
        }
        let at = if op.insert { At::Element(own.clone()) } else { op.at.clone() };
        self.values.push((object, at, own));
    }

    /// An operation that mostly makes sense, or one that mostly does not.
    fn next(&self, tape: &mut Tape<'_>) -> Op {
        let (object, at) = match (tape.below(4), self.elements.is_empty()) {
            (0, false) => {
                let (list, element) = tape.pick(&self.elements);
                (list.clone(), At::Element(element.clone()))
            }
            (1, _) => (tape.pick(&self.lists).clone(), At::Head),
            _ => {
                let name = At::Name((*tape.pick(&FIELDS)).to_owned());
                (tape.pick(&self.maps).clone(), name)
            }
        };
        let lost = tape.below(30) == 1;
        let object = if lost { tape.pick(&self.lists).clone() } else { object };
        let insert = match at {
            At::Name(_) => false,
            At::Head => tape.below(30) != 1,
            At::Element(_) => tape.below(2) == 1,
        };
        let action = match (insert, &at) {
            (true, _) => *tape.pick(&[PUT, MAKE_MAP, MAKE_MAP]),
            (false, At::Name(_)) => *tape.pick(&[PUT, PUT, PUT, DELETE]),
            (false, _) => *tape.pick(&[DELETE, PUT, MAKE_MAP]),
        };
        let action = if tape.below(30) == 1 { MAKE_LIST } else { action };
        let mut predecessors = BTreeSet::new();
        for (other, place, id) in self.values.iter().filter(|_| !insert) {
            let same = *other == object && *place == at;
            if same && tape.below(3) != 1 || !same && tape.below(100) == 1 {
                predecessors.insert(id.clone());
            }
        }
        let predecessors = predecessors.into_iter().collect();
        let value = (action == PUT).then(|| tape.below(9).to_string());
        Op { object: Some(object), at, insert, action, value, predecessors }
    }
}

/// A document that holds exactly the ancestors of a change.
fn before(change: &ParsedChange, known: &[ParsedChange]) -> Automerge {
    let by_hash: BTreeMap<_, _> = known.iter().map(|change| (change.hash(), change)).collect();
    let mut wanted: BTreeSet<ChangeHash> = BTreeSet::new();
    let mut pending = change.deps().to_vec();
    while let Some(hash) = pending.pop() {
        if let Some(change) = by_hash.get(&hash).filter(|_| wanted.insert(hash)) {
            pending.extend(change.deps());
        }
    }
    let mut document = replica(&[0xdd; 16]);
    let ancestors = known.iter().filter(|change| wanted.contains(&change.hash()));
    for ancestor in ancestors {
        document.apply_changes([ancestor.change().clone()]).unwrap();
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))), ..ProptestConfig::default() })]

    #[test]
    fn honest_histories_are_well_formed_in_every_order(
        steps in vec(step(), 1..40),
        keys in vec(any::<u32>(), 1..40),
    ) {
        let changes = live(&steps);
        let (_, in_order) = deliver(&changes.iter().collect::<Vec<_>>());
        let order = shuffled(&changes, &keys);
        let (ancestry, in_disorder) = deliver(&order);
        prop_assert!(in_order.values().all(|judgement| *judgement == Judgement::WellFormed));
        prop_assert_eq!(&in_order, &in_disorder);

        let mut document = replica(&[0xdd; 16]);
        for change in order {
            document.apply_changes([change.change().clone()]).unwrap();
        }
        let loaded = Automerge::load(&document.save()).unwrap();
        prop_assert_eq!(loaded.get_heads(), document.get_heads());
        let known = Ancestry::from_document(scope(), &card(), &loaded).unwrap();
        for change in &changes {
            prop_assert!(known.contains(&change.hash()) && ancestry.contains(&change.hash()));
        }
    }

    #[test]
    fn hostile_histories_are_judged_alike_in_every_order_and_break_nothing(
        numbers in vec(any::<u32>(), 0..700),
        keys in vec(any::<u32>(), 1..40),
    ) {
        let mut tape = Tape(numbers.iter());
        let genesis = replica(&[0xdd; 16]).get_heads()[0];
        let mut well_formed: Vec<ParsedChange> = Vec::new();
        let mut all: Vec<ParsedChange> = Vec::new();
        let mut ancestry = Ancestry::new(scope(), &card());
        while tape.0.len() > 0 {
            let change = mischief(&mut tape, &well_formed, genesis);
            if ancestry.admit(&change, Writers::ALL) == Judgement::WellFormed {
                assert_applies(&before(&change, &well_formed), change.change().raw_bytes());
                well_formed.push(change.clone());
            }
            all.push(change);
        }
        let (_, in_order) = deliver(&all.iter().collect::<Vec<_>>());
        let (_, in_disorder) = deliver(&shuffled(&all, &keys));
        prop_assert_eq!(in_order, in_disorder);

        // All together, one branch of each fork: one by one, and in one batch the other way round.
        let mut document = replica(&[0xdd; 16]);
        let mut counting = Vec::new();
        for change in &well_formed {
            let ready = change.deps().iter().all(|dep| document.get_change_by_hash(dep).is_some());
            if ready && document.apply_changes([change.change().clone()]).is_ok() {
                counting.push(change.change().clone());
            }
        }
        let mut batched = replica(&[0xdd; 16]);
        batched.apply_changes(counting.into_iter().rev()).unwrap();
        for document in [&document, &batched] {
            let loaded = Automerge::load(&document.save()).unwrap();
            prop_assert_eq!(loaded.get_heads(), batched.get_heads());
            Ancestry::from_document(scope(), &card(), &loaded).unwrap();
        }
    }
}
