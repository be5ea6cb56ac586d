//! Well-signed entries of a granted device that break the rules: stored, passed on, never counted,
//! named.

use std::collections::BTreeMap;

use automerge::{Automerge, ChangeHash, ObjId, ROOT, ReadDoc, ScalarValue};
use shouwang_crdt_schema::change::{CHANGE_OPERATIONS_MAX, IllFormed, OPERATION_COUNTER_MAX};
use shouwang_crdt_schema::document::{GENESIS_ACTOR, GenesisObject, genesis_counter};
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{Absence, Element, List, Supporter};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{AbsenceReason, ElderId, ServiceNeed, SupportCapacity};
use shouwang_node::command::elder::ElderReport;
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, Rights, Role, SignedGrant};
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Kind, Lane, LogKey};
use shouwang_node::store::StoreRead;
use shouwang_node::sync::wire::Frame;

use super::{COUNTY, QINGHE, SHANGHE, SONGWU, Scene, XIAHE};
use crate::county::{County, code, field};
use crate::draft::{
    ACTION, DELETE, Draft, INSERT, Id, KEY_TEXT, MAKE_LIST, MAKE_MAP, OBJECT_ACTOR, OBJECT_COUNTER,
    Op, PREDECESSOR_COUNT, PUT, VALUE, VALUE_META, content, run, seal, unsigned,
};
use crate::impostor::{Impostor, change, grant};

/// A card with a name, a need, a supporter and an absence in it, as the village's clerk wrote it,
/// and what its operations are called.
struct Card {
    id: DocumentId,
    heads: Vec<ChangeHash>,
    /// The first counter that the next change may use.
    next: u64,
    fields: Id,
    name: Id,
    needs: Id,
    need: Id,
    supporters: Id,
    supporter: Id,
    absences: Id,
    absence: Id,
    absence_supporter: Id,
}

impl Card {
    fn written(scene: &mut Scene) -> Self {
        let id = DocumentId::elder(elder(&scene.elder), Part::Card);
        let supporter = Supporter {
            name: "李明".into(),
            relation: Some("长子".into()),
            whereabouts: None,
            phone: None,
            capacity: SupportCapacity::Unknown,
        };
        let absence = Absence {
            supporter: "李明".into(),
            left: None,
            returned: None,
            destination: None,
            reason: AbsenceReason::Unknown,
        };
        let insert = |list, element| Action::Insert { list, element };
        let actions = vec![
            insert(List::Supporters, supporter.store()),
            insert(List::Absences, absence.store()),
            insert(List::ServiceNeeds, ServiceNeed::Meals.store()),
        ];
        let edit = DocumentEdit { scope: code(SHANGHE), document: id, actions };
        let now = scene.county.now();
        scene.county.engine(SHANGHE).capture(now, &[edit]).unwrap();
        scene.county.settle();
        Self::read(&mut scene.county, SONGWU, id)
    }

    fn read(county: &mut County, place: &str, id: DocumentId) -> Self {
        let snapshot = county.engine(place).read().unwrap();
        let key = shouwang_node::store::rows::DocumentKey { scope: code(SHANGHE), id };
        let row = snapshot.document(&key).unwrap().unwrap();
        let document = Automerge::load(&row.saved).unwrap();
        let object = |object| (genesis_counter(&id, object).unwrap(), GENESIS_ACTOR.to_vec());
        let list = |list: List| {
            let made = document.get(ROOT, list.key()).unwrap().unwrap().1;
            let element = document.get(&made, 0).unwrap().unwrap().1;
            (object(GenesisObject::List(list)), element)
        };
        let fields = document.get(ROOT, "fields").unwrap().unwrap().1;
        let of = |object: &ObjId, key: &str| name(&document.get(object, key).unwrap().unwrap().1);
        let changes = document.get_changes(&[]);
        let last = changes.iter().map(|c| c.start_op().get() + c.len() as u64 - 1).max().unwrap();
        let (supporters, supporter) = list(List::Supporters);
        let (absences, absence) = list(List::Absences);
        let (needs, need) = list(List::ServiceNeeds);
        Self {
            id,
            heads: document.get_heads(),
            next: last + 1,
            fields: object(GenesisObject::Fields),
            name: of(&fields, "name"),
            needs,
            need: name(&need),
            supporters,
            supporter: name(&supporter),
            absences,
            absence_supporter: of(&absence, "supporter"),
            absence: name(&absence),
        }
    }

    /// What an honest device that has seen the card would write for these operations.
    fn draft(&self, actor: [u8; 16], ops: &[Op]) -> Draft {
        Draft::new(&self.heads, &actor, 1, self.next, ops)
    }

    fn phone(&self) -> Op {
        Op::put(&self.fields, "phone", "13900000001", &[])
    }
}

fn elder(id: &str) -> ElderId {
    id.parse().unwrap()
}

/// The operation that an Automerge object is named by.
fn name(object: &ObjId) -> Id {
    let text = object.to_string();
    let (counter, actor) = text.split_once('@').unwrap();
    (counter.parse().unwrap(), hex::decode(actor).unwrap())
}

/// A file without what is said of entries that do not count.
fn counting(report: ElderReport) -> ElderReport {
    ElderReport { unsettled: BTreeMap::new(), of_no_effect: Vec::new(), ..report }
}

fn status_of(county: &mut County, place: &str) -> BTreeMap<String, u64> {
    county.status(place).unsettled
}

/// Sends one entry and returns what was newly counted as refused.
fn sends_entry(
    scene: &mut Scene,
    impostor: &mut Impostor,
    log: LogKey,
    entry: RunEntry,
) -> BTreeMap<String, u64> {
    let device = impostor.keys.device();
    let before = scene.county.refused(SONGWU, device);
    let run = impostor.writes(log, vec![entry]);
    impostor.says(&mut scene.county, SONGWU, &Frame::Run(run));
    assert!(impostor.is_heard(&mut scene.county, SONGWU), "a stored entry ended the session");
    let mut after = scene.county.refused(SONGWU, device);
    for (code, count) in before {
        *after.entry(code).or_default() -= count;
    }
    after.retain(|_, count| *count > 0);
    after
}

/// Every node of the scope has the whole log, whatever counts of it.
fn assert_passed_on(scene: &mut Scene, impostor: &Impostor, log: &LogKey) {
    let head = *impostor.head(log).unwrap();
    for place in [SONGWU, SHANGHE, COUNTY] {
        let snapshot = scene.county.engine(place).read().unwrap();
        assert_eq!(snapshot.head(log).unwrap(), Some(head), "{place}");
    }
}

type Spoil = fn(&Card, [u8; 16], Draft) -> Vec<u8>;

/// One ill-formed change for each rule of `docs/well-formed.md` that a peer can break by itself:
/// all rules of the container and the head, columns, operations, ancestors.
const ILL_FORMED: &[(&str, Spoil)] = &[
    // The container.
    ("truncated", |_, _, _| vec![]),
    ("magic", |_, _, _| b"not a change at all".to_vec()),
    ("checksum", |_, _, draft| {
        let mut bytes = draft.bytes();
        bytes[4] ^= 1;
        bytes
    }),
    ("chunk_type", |_, _, draft| seal(0, &draft.data())),
    ("chunk_type", |_, _, draft| {
        // What Automerge itself writes for a long text, deflated.
        let mut document = Automerge::new();
        document
            .transact::<_, _, automerge::AutomergeError>(|transaction| {
                use automerge::transaction::Transactable;
                transaction.put(ROOT, "remarks", ScalarValue::from("长".repeat(1_000).as_str()))
            })
            .unwrap();
        let _ = draft;
        document.get_last_local_change().unwrap().bytes().into_owned()
    }),
    ("chunk_length", |_, _, draft| [draft.bytes(), vec![0]].concat()),
    // The head.
    ("no_dependencies", |_, _, draft| Draft { deps: vec![], ..draft }.bytes()),
    ("dependency_order", |card, _, draft| Draft { deps: vec![card.heads[0]; 2], ..draft }.bytes()),
    ("actor", |_, actor, draft| Draft { actor: actor[..15].to_vec(), ..draft }.bytes()),
    ("other_actors", |_, _, draft| Draft { others: vec![vec![1; 15]], ..draft }.bytes()),
    ("sequence", |_, _, draft| Draft { seq: 0, ..draft }.bytes()),
    ("operation_counter", |_, _, draft| Draft { start_op: 0, ..draft }.bytes()),
    ("operation_counter", |_, _, draft| Draft { start_op: u64::from(u32::MAX), ..draft }.bytes()),
    ("operation_counter", |_, _, draft| {
        Draft { start_op: OPERATION_COUNTER_MAX + 1, ..draft }.bytes()
    }),
    ("time", |_, _, draft| Draft { time: 1, ..draft }.bytes()),
    ("message", |_, _, draft| Draft { message: b"hello".to_vec(), ..draft }.bytes()),
    ("author", |_, _, draft| Draft { extra: vec![1, 1, b'a'], ..draft }.bytes()),
    ("extra_bytes", |_, _, draft| Draft { extra: vec![9], ..draft }.bytes()),
    // The columns.
    ("too_many_operations", |_, _, draft| {
        // A few bytes that unpack into two million operations.
        let count = 2_000_000;
        let mut flags = Vec::new();
        unsigned(&mut flags, count as u64);
        let bomb = draft
            .column(OBJECT_ACTOR, run(count, &[1]))
            .column(OBJECT_COUNTER, run(count, &[2]))
            .column(KEY_TEXT, run(count, &[1, b'k']))
            .column(INSERT, flags)
            .column(ACTION, run(count, &[1]))
            .column(VALUE_META, run(count, &[0]))
            .column(VALUE, vec![])
            .column(PREDECESSOR_COUNT, run(count, &[0]))
            .bytes();
        assert!(bomb.len() < 200);
        bomb
    }),
    ("compressed_column", |_, _, draft| draft.column(0x08 | OBJECT_ACTOR, run(-1, &[1])).bytes()),
    ("column", |_, _, draft| draft.column(0x94, vec![1]).bytes()),
    ("column_rows", |_, _, draft| draft.column(INSERT, vec![]).bytes()),
    ("no_operations", |_, _, draft| draft.column(ACTION, vec![]).bytes()),
    ("action", |_, _, draft| draft.column(ACTION, run(-1, &[5])).bytes()),
    ("key_text", |_, _, draft| draft.column(KEY_TEXT, run(-1, &[0])).bytes()),
    ("key", |_, _, draft| draft.column(KEY_TEXT, vec![]).bytes()),
    ("reference", |_, _, draft| draft.column(OBJECT_ACTOR, run(-1, &[9])).bytes()),
    ("value", |_, _, draft| draft.column(VALUE, vec![b'x'; 3]).bytes()),
    ("refused", |_, _, draft| draft.column(VALUE, vec![0xff; 11]).bytes()),
    ("not_canonical", |_, _, draft| draft.column(ACTION, run(1, &[1])).bytes()),
    ("number", |_, _, draft| {
        let bytes = draft.bytes();
        let mut data = content(&bytes).to_vec();
        data.splice(0..1, [0x81, 0]);
        seal(1, &data)
    }),
    // The ancestors.
    ("sequence_gap", |_, _, draft| Draft { seq: 2, ..draft }.bytes()),
    ("sequence_gap", |_, _, draft| Draft { seq: u64::MAX, ..draft }.bytes()),
    ("start_op", |card, _, draft| Draft { start_op: card.next - 1, ..draft }.bytes()),
    ("start_op", |card, _, draft| Draft { start_op: card.next + 1_000, ..draft }.bytes()),
    // The operations.
    ("root", |card, actor, _| card.draft(actor, &[Op { object: None, ..card.phone() }]).bytes()),
    ("root", |card, actor, _| {
        // Over a key of the genesis.
        let skeleton = (2, GENESIS_ACTOR.to_vec());
        let op = Op { object: None, ..Op::put(&card.fields, "fields", "x", &[&skeleton]) };
        card.draft(actor, &[op]).bytes()
    }),
    ("unknown_object", |card, actor, _| {
        card.draft(actor, &[Op::put(&(5_000, actor.to_vec()), "name", "x", &[])]).bytes()
    }),
    ("object_kind", |card, actor, _| {
        card.draft(actor, &[Op::put(&card.needs, "name", "x", &[])]).bytes()
    }),
    ("object", |card, actor, _| {
        let op = Op { action: MAKE_MAP, value: None, ..Op::put(&card.fields, "phone", "", &[]) };
        card.draft(actor, &[op]).bytes()
    }),
    ("object", |card, actor, _| {
        card.draft(actor, &[Op::insert(&card.supporters, None, MAKE_LIST)]).bytes()
    }),
    ("unknown_element", |card, actor, _| {
        card.draft(actor, &[Op::insert(&card.needs, Some(&card.supporter), PUT)]).bytes()
    }),
    ("unknown_predecessor", |card, actor, _| {
        let ghost = (5_000, actor.to_vec());
        card.draft(actor, &[Op::put(&card.fields, "name", "x", &[&ghost])]).bytes()
    }),
    ("predecessor_elsewhere", |card, actor, _| {
        card.draft(actor, &[Op::put(&card.fields, "phone", "1", &[&card.name])]).bytes()
    }),
    ("predecessor_order", |card, actor, _| {
        card.draft(actor, &[Op::put(&card.fields, "name", "x", &[&card.name, &card.name])]).bytes()
    }),
    ("nothing_replaced", |card, actor, _| {
        card.draft(actor, &[Op::on_element(&card.needs, &card.need, DELETE, &[])]).bytes()
    }),
    ("insertion", |card, actor, _| {
        card.draft(actor, &[Op { insert: true, ..card.phone() }]).bytes()
    }),
    // Append-only lists.
    ("append_only", |card, actor, _| {
        let op = Op::on_element(&card.absences, &card.absence, DELETE, &[&card.absence]);
        card.draft(actor, &[op]).bytes()
    }),
    ("append_only", |card, actor, _| {
        let before = [&card.absence_supporter];
        card.draft(actor, &[Op::put(&card.absence, "supporter", "王", &before)]).bytes()
    }),
    ("append_only", |card, actor, _| {
        card.draft(actor, &[Op::put(&card.absence, "left", "2026-01-01", &[])]).bytes()
    }),
];

#[test]
fn each_kind_of_ill_formed_change_is_kept_set_aside_and_named() {
    let mut scene = Scene::new();
    let card = Card::written(&mut scene);
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let before = scene.county.shows(SONGWU, &scene.elder.clone());
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (nth, (rule, spoil)) in ILL_FORMED.iter().enumerate() {
        println!("{nth}: {rule}");
        let actor = Impostor::actor(&log, nth as u64 + 1);
        let body = spoil(&card, actor, card.draft(actor, &[card.phone()]));
        let counted = sends_entry(&mut scene, &mut impostor, log, change(card.id, body));
        let name = format!("ill_formed:{rule}");
        assert_eq!(counted, [(name.clone(), 1)].into(), "case {nth}");
        *expected.entry(name).or_default() += 1;
    }
    // An honest edit behind all of them in the same log counts.
    let replaced = Op::put(&card.fields, "name", "周国强", &[&card.name]);
    let honest = card.draft(Impostor::actor(&log, 0), &[card.phone(), replaced]).bytes();
    let counted = sends_entry(&mut scene, &mut impostor, log, change(card.id, honest));
    assert!(counted.is_empty(), "{counted:?}");

    assert_passed_on(&mut scene, &impostor, &log);
    for place in [SONGWU, SHANGHE, COUNTY] {
        assert_eq!(status_of(&mut scene.county, place), expected, "{place}");
        let after = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(after.unsettled, expected, "{place}");
        assert_eq!(field(&after, Field::Phone).value, "13900000001", "{place}");
        let mut after = counting(after);
        after.fields.retain(|field| field.field != Field::Phone);
        assert_eq!(after, before, "{place}");
    }
    scene.assert_goes_on(&[]);
}

/// Every code that the rules have is either sent above or cannot come about here.
#[test]
fn no_rule_of_well_formedness_is_left_out() {
    let told: std::collections::BTreeSet<&str> = ILL_FORMED.iter().map(|(rule, _)| *rule).collect();
    let text = include_str!("../../../crdt-schema/src/change/ill_formed.rs");
    let all = text.split(" => \"").skip(1).filter_map(|rest| rest.split('"').next());
    let all: std::collections::BTreeSet<&str> = all
        .filter(|code| !["text", "increment", "table", "mark", "unknown"].contains(code))
        .collect();
    assert!(all.contains(IllFormed::AppendOnly.code()));
    let left_out: Vec<_> = all.difference(&told).copied().collect();
    assert_eq!(
        left_out,
        [
            // Of our own store, not of a change.
            "forked_ancestors",
            "genesis",
            "incomplete",
            // An entry of so many bytes is no entry; the limits on counts alone are the schema's
            // own tests.
            "too_long",
            "too_many_dependencies",
            "too_many_predecessors",
        ]
    );
}

#[test]
fn what_descends_from_an_ill_formed_change_is_blocked_and_what_lacks_ancestors_waits() {
    let mut scene = Scene::new();
    let card = Card::written(&mut scene);
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let bad =
        Draft { start_op: card.next + 1, ..card.draft(Impostor::actor(&log, 1), &[card.phone()]) };
    let hash = shouwang_crdt_schema::change::ParsedChange::parse(&bad.bytes()).unwrap().hash();
    let after = Draft::new(&[hash], &Impostor::actor(&log, 2), 1, card.next + 2, &[card.phone()]);
    let orphan = Draft::new(
        &[ChangeHash([3; 32])],
        &Impostor::actor(&log, 3),
        1,
        card.next + 9,
        &[card.phone()],
    );
    // The descendant first: it waits, and is told apart when its ancestor comes.
    let counted = sends_entry(&mut scene, &mut impostor, log, change(card.id, after.bytes()));
    assert!(counted.is_empty(), "{counted:?}");
    let counted = sends_entry(&mut scene, &mut impostor, log, change(card.id, orphan.bytes()));
    assert!(counted.is_empty(), "{counted:?}");
    assert_eq!(status_of(&mut scene.county, COUNTY), [("pending".to_owned(), 2)].into());
    sends_entry(&mut scene, &mut impostor, log, change(card.id, bad.bytes()));
    let expected: BTreeMap<String, u64> = [
        ("blocked".to_owned(), 1),
        ("ill_formed:start_op".to_owned(), 1),
        ("pending".to_owned(), 1),
    ]
    .into();
    for place in [SONGWU, SHANGHE, COUNTY] {
        assert_eq!(status_of(&mut scene.county, place), expected, "{place}");
    }
    scene.assert_goes_on(&[]);
}

/// Two changes under one name: the same one counts everywhere, whatever came first, and nobody is
/// kept from writing on.
#[test]
fn one_place_claimed_twice() {
    let mut scene = Scene::new();
    let card = Card::written(&mut scene);
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    let log = impostor.log(SHANGHE, Lane::Routine);
    let actor = Impostor::actor(&log, 1);
    let rivals: Vec<Vec<u8>> = ["13900000001", "13900000002", "13900000003"]
        .map(|phone| card.draft(actor, &[Op::put(&card.fields, "phone", phone, &[])]).bytes())
        .into();
    for rival in &rivals {
        sends_entry(&mut scene, &mut impostor, log, change(card.id, rival.clone()));
    }
    // Nobody has built on any: the first in its log.
    let winner = "13900000001";
    for place in [SONGWU, SHANGHE, COUNTY] {
        assert_eq!(status_of(&mut scene.county, place), [("displaced".to_owned(), 2)].into());
        let shown = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(field(&shown, Field::Phone).value, winner, "{place}");
    }

    // What would not count is still not reported as saved.
    let texts = (0..CHANGE_OPERATIONS_MAX + 1)
        .map(|_| Action::Insert { list: List::ServiceNeeds, element: ServiceNeed::Meals.store() });
    let edit = DocumentEdit { scope: code(SHANGHE), document: card.id, actions: texts.collect() };
    let now = scene.county.now();
    let before = status_of(&mut scene.county, SONGWU);
    let captured = scene.county.engine(SONGWU).capture(now, &[edit]);
    assert!(captured.is_err(), "an edit that does not count was reported as saved: {captured:?}");
    assert_eq!(status_of(&mut scene.county, SONGWU), before);

    let named: BTreeMap<String, u64> = [("displaced".to_owned(), 2)].into();
    assert_eq!(scene.county.refused(SONGWU, impostor.keys.device()), named);
    scene.assert_goes_on(&[]);
}

#[test]
fn changes_that_the_grant_does_not_allow() {
    let mut scene = Scene::new();
    let card = Card::written(&mut scene);
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    let (routine, urgent, notice) = (
        impostor.log(SHANGHE, Lane::Routine),
        impostor.log(SHANGHE, Lane::Urgent),
        impostor.log(SHANGHE, Lane::Notice),
    );
    let honest_log = {
        let snapshot = scene.county.engine(SONGWU).read().unwrap();
        let device = scene.county.engine(SHANGHE).device();
        let logs = snapshot.logs_of(code(SHANGHE)).unwrap();
        logs.into_iter().find(|log| log.key.device == device).unwrap().key
    };
    let registry = DocumentId::elder(elder(&scene.elder), Part::Registry);
    let ledger = DocumentId::elder(elder(&scene.elder), Part::Ledger);
    let genesis =
        |id: &DocumentId| shouwang_crdt_schema::document::genesis(code(SHANGHE), id).get_heads();
    // The first change of a part, as an office with the right would write it.
    let first = |log: &LogKey, id: &DocumentId, key: &str, value: &str| {
        let object = match id {
            DocumentId::Directory => GenesisObject::Places,
            DocumentId::Ruleset => GenesisObject::Rules,
            DocumentId::Elder { .. } => GenesisObject::Fields,
        };
        let fields = (genesis_counter(id, object).unwrap(), GENESIS_ACTOR.to_vec());
        let made = shouwang_crdt_schema::document::genesis_objects(id).len() as u64 + 2;
        let actor = Impostor::actor(log, 1);
        Draft::new(&genesis(id), &actor, 1, made, &[Op::put(&fields, key, value, &[])]).bytes()
    };
    let mine = |log: &LogKey| card.draft(Impostor::actor(log, 1), &[card.phone()]).bytes();
    let before = scene.county.shows(SONGWU, &scene.elder.clone());
    let before_all = scene.county.elders(COUNTY);
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (log, document, body, reason) in [
        (routine, Some(registry), first(&routine, &registry, "hardship", "Yes"), "right"),
        (routine, Some(ledger), first(&routine, &ledger, "hardship", "Yes"), "right"),
        (
            notice,
            Some(DocumentId::Directory),
            first(&notice, &DocumentId::Directory, "self", "别名"),
            "right",
        ),
        (urgent, Some(card.id), mine(&urgent), "lane"),
        (notice, Some(card.id), mine(&notice), "lane"),
        (routine, Some(DocumentId::Directory), vec![1], "lane"),
        (routine, None, mine(&routine), "no_document"),
        // Somebody else's name under one's own signature.
        (routine, Some(card.id), mine(&honest_log), "foreign_actor"),
    ] {
        println!("{reason}: {document:?} in {log:?}");
        let entry = RunEntry::new(Kind::Change, document, body, 0);
        let ill = reason == "lane" && document == Some(DocumentId::Directory);
        let name = match ill {
            // It is no change either, and that is said first.
            true => "ill_formed:truncated".to_owned(),
            false => format!("not_allowed:{reason}"),
        };
        let counted = sends_entry(&mut scene, &mut impostor, log, entry);
        *expected.entry(name.clone()).or_default() += 1;
        assert_eq!(counted, [(name, 1)].into());
    }
    for log in [routine, urgent, notice] {
        assert_passed_on(&mut scene, &impostor, &log);
    }
    for place in [SONGWU, SHANGHE, COUNTY] {
        assert_eq!(status_of(&mut scene.county, place), expected, "{place}");
        let after = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(counting(after), before, "{place}");
    }
    assert_eq!(scene.county.elders(COUNTY), before_all);
    scene.assert_goes_on(&[]);
}

/// A change that has no right here does not count even where another log carries the same bytes
/// with the right to: and there it does.
#[test]
fn the_same_change_in_a_log_with_the_right() {
    let mut scene = Scene::new();
    let card = Card::written(&mut scene);
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    let mut twin = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    twin.enters(&mut scene.county, SONGWU);
    let (mine, theirs) = (impostor.log(SHANGHE, Lane::Routine), twin.log(SHANGHE, Lane::Routine));
    let body = card.draft(Impostor::actor(&theirs, 1), &[card.phone()]).bytes();
    let counted = sends_entry(&mut scene, &mut impostor, mine, change(card.id, body.clone()));
    assert_eq!(counted, [("not_allowed:foreign_actor".to_owned(), 1)].into());
    assert!(
        scene
            .county
            .shows(SONGWU, &scene.elder.clone())
            .fields
            .iter()
            .all(|f| f.field != Field::Phone)
    );
    let counted = sends_entry(&mut scene, &mut twin, theirs, change(card.id, body));
    assert!(counted.is_empty(), "{counted:?}");
    for place in [SONGWU, SHANGHE, COUNTY] {
        let shown = scene.county.shows(place, &scene.elder.clone());
        assert_eq!(field(&shown, Field::Phone).value, "13900000001", "{place}");
        let kept = [("not_allowed:foreign_actor".to_owned(), 1)].into();
        assert_eq!(status_of(&mut scene.county, place), kept, "{place}");
    }
    scene.assert_goes_on(&[]);
}

#[test]
fn kinds_that_this_version_does_not_know() {
    let mut scene = Scene::new();
    let mut impostor = Impostor::granted(&mut scene.county, SONGWU, SHANGHE, Role::Clerk);
    impostor.enters(&mut scene.county, SONGWU);
    let unknown = |kind: u8| RunEntry::new(Kind::from_number(kind), None, b"later".to_vec(), 0);
    for (nth, lane) in [Lane::Routine, Lane::Urgent, Lane::Notice].into_iter().enumerate() {
        let log = impostor.log(SHANGHE, lane);
        let counted = sends_entry(&mut scene, &mut impostor, log, unknown(99));
        assert_eq!(counted, [("unknown_kind".to_owned(), 1)].into(), "{lane:?}");
        assert_passed_on(&mut scene, &impostor, &log);
        for place in [SONGWU, SHANGHE, COUNTY] {
            let status = scene.county.status(place);
            let kept = [("unknown_kind".to_owned(), nth as u64 + 1)].into();
            assert_eq!(status.unsettled, kept, "{place}");
            assert!(!status.update_needed, "{place}");
        }
    }
    // In the lane of authority it says nothing where its author may not delegate.
    let log = impostor.log(SHANGHE, Lane::Authority);
    sends_entry(&mut scene, &mut impostor, log, unknown(200));
    assert_passed_on(&mut scene, &impostor, &log);
    for place in [SONGWU, SHANGHE, COUNTY] {
        assert!(!scene.county.status(place).update_needed, "{place}");
    }
    scene.assert_goes_on(&[]);
    // Where its author may, it may be what takes a right away: no node can say that it knows, and
    // none says that an exchange is done.
    let mut manager = Impostor::granted(&mut scene.county, COUNTY, SONGWU, Role::Manager);
    manager.enters(&mut scene.county, SONGWU);
    let log = manager.log(SONGWU, Lane::Authority);
    sends_entry(&mut scene, &mut manager, log, unknown(200));
    for place in [SONGWU, SHANGHE, COUNTY] {
        let status = scene.county.status(place);
        assert!(status.update_needed, "{place}");
        assert!(status.peers.iter().all(|peer| !peer.done), "{place}");
    }
}

/// Grants that somebody signed and nobody could give.
#[test]
fn grants_that_do_not_hold() {
    let accomplice = DeviceKeys::from_secret(&[4; 64]);
    let bytes = |grant: Grant, issuer: &DeviceKeys| grant.sign(issuer).encode();
    let all = |grant: Grant| Grant { rights: Rights::ALL, ..grant };
    type Made<'a> = &'a dyn Fn(&Impostor, &SignedGrant) -> Vec<u8>;
    let cases: [(&str, Role, &str, Lane, Made<'_>); 9] = [
        ("grant_invalid", Role::Clerk, SHANGHE, Lane::Authority, &|thief, own| {
            // A clerk may not delegate.
            bytes(grant(&accomplice, SHANGHE, Role::Helper, Some(own)), &thief.keys)
        }),
        ("grant_invalid", Role::Manager, SHANGHE, Lane::Authority, &|thief, own| {
            bytes(all(grant(&accomplice, SHANGHE, Role::Clerk, Some(own))), &thief.keys)
        }),
        ("grant_invalid", Role::Manager, SHANGHE, Lane::Authority, &|thief, own| {
            let grant = grant(&accomplice, SHANGHE, Role::Clerk, Some(own));
            bytes(Grant { depth: own.grant.depth, ..grant }, &thief.keys)
        }),
        ("grant_invalid", Role::Manager, SHANGHE, Lane::Authority, &|_, own| {
            bytes(grant(&accomplice, SHANGHE, Role::Clerk, Some(own)), &accomplice)
        }),
        ("grant_scope", Role::Manager, SHANGHE, Lane::Authority, &|thief, own| {
            // For the neighbours, slipped into a log that is for here.
            bytes(grant(&accomplice, QINGHE, Role::Manager, Some(own)), &thief.keys)
        }),
        ("grant_scope", Role::Manager, SHANGHE, Lane::Authority, &|thief, own| {
            bytes(grant(&accomplice, XIAHE, Role::Clerk, Some(own)), &thief.keys)
        }),
        ("grant_issuer", Role::Manager, SHANGHE, Lane::Authority, &|thief, _| {
            // In the name of the county's own grant.
            let above = &thief.chain[1];
            bytes(grant(&accomplice, SHANGHE, Role::Clerk, Some(above)), &thief.keys)
        }),
        ("grant_form", Role::Manager, SHANGHE, Lane::Authority, &|_, _| b"no grant".to_vec()),
        ("grant_lane", Role::Manager, SHANGHE, Lane::Notice, &|thief, own| {
            bytes(grant(&accomplice, SHANGHE, Role::Clerk, Some(own)), &thief.keys)
        }),
    ];
    for (nth, (reason, role, scope, lane, made)) in cases.into_iter().enumerate() {
        println!("{nth}: {reason}");
        let mut scene = Scene::new();
        let (by, area) = match role {
            Role::Clerk => (SONGWU, SHANGHE),
            _ => (COUNTY, SONGWU),
        };
        let mut thief = Impostor::granted(&mut scene.county, by, area, role);
        scene.county.settle();
        thief.enters(&mut scene.county, SONGWU);
        let log = thief.log(scope, lane);
        let own = thief.chain.last().unwrap().clone();
        let entry = RunEntry::new(Kind::Grant, None, made(&thief, &own), 0);
        let name = format!("not_allowed:{reason}");
        let counted = sends_entry(&mut scene, &mut thief, log, entry);
        assert_passed_on(&mut scene, &thief, &log);
        for place in [SONGWU, SHANGHE, COUNTY] {
            assert_eq!(status_of(&mut scene.county, place), [(name.clone(), 1)].into(), "{place}");
            let known = scene.county.engine(place).authority();
            assert_eq!(known.grants_of(accomplice.device()).count(), 0, "{place}");
        }
        // Who counts on such a grant gets nowhere.
        let stored = entry_body(&mut scene, &log);
        if let Ok(forged) = SignedGrant::from_bytes(&stored) {
            let mut chain = thief.chain.clone();
            chain.push(forged);
            let mut friend = Impostor::stranger(&mut scene.county, SONGWU);
            (friend.keys, friend.chain) = (DeviceKeys::from_secret(&[4; 64]), chain);
            if reason != "grant_lane" && reason != "grant_scope" {
                friend.dials(&mut scene.county, SONGWU);
                friend.says(&mut scene.county, SONGWU, &Frame::Hello(friend.hello()));
                friend.says(&mut scene.county, SONGWU, &Frame::Chain(friend.chain.clone()));
                let refused = scene.county.refused(SONGWU, friend.keys.device());
                assert_eq!(refused, [("no_grant".to_owned(), 1)].into());
                assert!(!friend.is_heard(&mut scene.county, SONGWU));
                assert_eq!(counted, [(name, 1)].into(), "in `peers`");
                scene.assert_goes_on(&["no_grant"]);
                continue;
            }
        }
        assert_eq!(counted, [(name, 1)].into(), "in `peers`");
        scene.assert_goes_on(&[]);
    }
}

fn entry_body(scene: &mut Scene, log: &LogKey) -> Vec<u8> {
    let snapshot = scene.county.engine(SONGWU).read().unwrap();
    let row = snapshot.log(log).unwrap().unwrap();
    snapshot.entry(row.number, 0).unwrap().unwrap().body.unwrap()
}
