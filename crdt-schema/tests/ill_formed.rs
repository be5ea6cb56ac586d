//! Every way in which a change from a peer can be wrong has a name, and none of them panics.
//!
//! Hostile chunks are written by `hostile`, sealed with a right checksum. Automerge 0.12 panics
//! upon, or never loads again after, many of those refused here (`docs/well-formed.md`).

mod hostile;

use automerge::transaction::Transactable;
use automerge::{Automerge, Change, ChangeHash};
use shouwang_crdt_schema::change::{
    Ancestry, CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX, IllFormed, Judgement, KEY_BYTES_MAX,
    OPERATION_COUNTER_MAX, ParsedChange,
};
use shouwang_crdt_schema::document::{GENESIS_ACTOR, genesis};
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::element::{Element, GuardianContact, List};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, ServiceNeed};
use shouwang_crdt_schema::visit::Visit;
use shouwang_crdt_schema::writer::Writers;

use hostile::fixture::{
    ALICE, BOB, CAROL, Story, assert_applies, at, card, fields, list, replica, scope, write,
};
use hostile::{
    ACTION, At, DELETE, Draft, INSERT, Id, KEY_ACTOR, KEY_COUNTER, KEY_TEXT, MAKE_LIST, MAKE_MAP,
    OBJECT_ACTOR, OBJECT_COUNTER, Op, PREDECESSOR_ACTOR, PREDECESSOR_COUNT, PREDECESSOR_COUNTER,
    PUT, VALUE, VALUE_META, content, run, seal, signed, unsigned,
};

fn refusal(bytes: &[u8]) -> Option<IllFormed> {
    ParsedChange::parse(bytes).err()
}

fn a_put() -> Op {
    Op::put(&fields(), "phone", "13900000001", &[])
}

#[test]
fn the_writer_writes_what_automerge_writes() {
    let story = Story::new();
    let change = ParsedChange::parse(&story.bytes).unwrap();
    let genesis = genesis(scope(), &card()).get_heads();
    let id = |nth: u64| (change.start_op() + nth, ALICE.to_vec());
    let after = |list: List, action| Op::insert(&hostile::fixture::list(list), None, action);
    let ops = [
        Op::put(&fields(), "name", "张秀兰", &[]),
        after(List::ServiceNeeds, PUT),
        after(List::Supporters, MAKE_MAP),
        Op::put(&id(2), "name", "李明", &[]),
        after(List::Absences, MAKE_MAP),
        Op::put(&id(4), "supporter", "李明", &[]),
    ];
    let draft = Draft::new(&genesis, &ALICE, 1, change.start_op(), &ops);
    assert_eq!(draft.bytes(), story.bytes);
    assert_eq!(change.operations().len(), ops.len());
    assert_eq!(change.max_op(), change.start_op() + 5);
    assert_eq!(change.deps(), genesis);
    assert_eq!(change.actors()[1].to_bytes(), GENESIS_ACTOR);
}

#[test]
fn what_edits_write_is_well_formed() {
    let set = |text| Action::Set { field: Field::Phone, value: Field::Phone.value(text).unwrap() };
    let contact = GuardianContact { name: "李明".into(), phone: None, rank: None };
    let insert = |list, element| Action::Insert { list, element };
    let name = |name: &str| Action::NamePlace { code: scope(), name: name.into() };
    let visit = Visit::on(chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap());
    let journal = DocumentId::elder(ElderId([7; 16]), Part::Journal(2026));
    let registration = vec![
        set("13900000001"),
        insert(List::GuardianContacts, contact.store()),
        insert(List::ServiceNeeds, ServiceNeed::Meals.store()),
    ];
    for (id, edits) in [
        (card(), vec![registration, vec![set("13900000002"), set("13900000003")]]),
        (journal, vec![vec![insert(List::Visits, visit.store())]; 3]),
        (DocumentId::Directory, vec![vec![name("东村")], vec![name("西村")]]),
    ] {
        let mut document = genesis(scope(), &id);
        let mut ancestry = Ancestry::new(scope(), &id);
        for (actions, actor) in edits.iter().zip([ALICE, BOB, ALICE]) {
            let bytes = write_change(&document, scope(), &id, actor, actions).unwrap().unwrap();
            let change = ParsedChange::parse(&bytes).unwrap();
            assert_eq!(ancestry.admit(&change, Writers::ALL), Judgement::WellFormed);
            document.apply_changes([change.into_change()]).unwrap();
        }
    }
}

#[test]
fn the_container_is_an_uncompressed_change_and_nothing_else() {
    let story = Story::new();
    let honest = &story.bytes;
    let with = |at: usize, byte: u8| {
        let mut bytes = honest.clone();
        bytes[at] = byte;
        refusal(&bytes)
    };
    assert_eq!(with(0, 0), Some(IllFormed::Magic));
    assert_eq!(with(4, !honest[4]), Some(IllFormed::Checksum));
    assert_eq!(refusal(b"not a change at all"), Some(IllFormed::Magic));
    assert_eq!(refusal(&[]), Some(IllFormed::Truncated));
    assert_eq!(
        refusal(&[0x85; CHANGE_BYTES_MAX + 1]),
        Some(IllFormed::TooLong(CHANGE_BYTES_MAX + 1))
    );
    assert_eq!(refusal(&story.document.save()), Some(IllFormed::ChunkType(0)));
    for chunk_type in [0, 2, 3, 4, 255] {
        let bytes = seal(chunk_type, content(honest));
        assert_eq!(refusal(&bytes), Some(IllFormed::ChunkType(chunk_type)));
    }
    assert_eq!(refusal(&[&honest[..], &[0]].concat()), Some(IllFormed::ChunkLength));
    assert_eq!(refusal(&[&honest[..], honest].concat()), Some(IllFormed::ChunkLength));
    for length in 0..honest.len() {
        assert!(refusal(&honest[..length]).is_some(), "{length}");
    }
}

#[test]
fn a_compressed_change_is_refused_before_it_inflates() {
    let mut document = replica(&ALICE);
    write(&mut document, |transaction| {
        let fields = at(transaction, "fields");
        transaction.put(&fields, "remarks", "长".repeat(1_000))
    });
    let mut change = document.get_last_local_change().unwrap();
    let compressed = change.bytes().into_owned();
    assert!(compressed.len() < change.raw_bytes().len());
    assert_eq!(refusal(&compressed), Some(IllFormed::ChunkType(2)));
    assert_eq!(refusal(change.raw_bytes()), None);
}

#[test]
fn a_cut_off_content_is_refused_at_every_length() {
    let honest = Story::new().bytes;
    let content = content(&honest);
    for length in 0..content.len() {
        assert!(refusal(&seal(1, &content[..length])).is_some(), "{length}");
    }
}

#[test]
fn the_head_says_only_what_it_must() {
    let story = Story::new();
    let draft = || story.draft(&[a_put()]);
    assert_eq!(story.judge(&draft()), Judgement::WellFormed);
    let other = ChangeHash([0; 32]);
    for (draft, rule) in [
        (Draft { deps: vec![], ..draft() }, IllFormed::NoDependencies),
        (Draft { deps: vec![story.head; 2], ..draft() }, IllFormed::DependencyOrder),
        (Draft { deps: vec![story.head, other], ..draft() }, IllFormed::DependencyOrder),
        (Draft { actor: vec![1; 15], ..draft() }, IllFormed::Actor),
        (Draft { actor: GENESIS_ACTOR.to_vec(), ..draft() }, IllFormed::Actor),
        (Draft { actor: vec![], ..draft() }, IllFormed::Actor),
        (Draft { actor: vec![1; 200], ..draft() }, IllFormed::Actor),
        (Draft { seq: 0, ..draft() }, IllFormed::Sequence),
        (Draft { start_op: 0, ..draft() }, IllFormed::OperationCounter),
        (Draft { start_op: u64::MAX, ..draft() }, IllFormed::OperationCounter),
        (Draft { start_op: u64::from(u32::MAX), ..draft() }, IllFormed::OperationCounter),
        (Draft { start_op: OPERATION_COUNTER_MAX + 1, ..draft() }, IllFormed::OperationCounter),
        (Draft { time: 1, ..draft() }, IllFormed::Time),
        (Draft { time: -1, ..draft() }, IllFormed::Time),
        (Draft { message: b"hello".to_vec(), ..draft() }, IllFormed::Message),
        (Draft { extra: vec![1, 1, b'a'], ..draft() }, IllFormed::Author),
        (Draft { extra: vec![9], ..draft() }, IllFormed::ExtraBytes),
        (Draft { others: vec![vec![1; 15]], ..draft() }, IllFormed::OtherActors),
        (Draft { others: vec![BOB.to_vec()], ..draft() }, IllFormed::OtherActors),
        (Draft { others: vec![vec![1; 16]; 2], ..draft() }, IllFormed::OtherActors),
        // Listed and never used: Automerge would leave it out when it loads the document.
        (
            Draft { others: vec![GENESIS_ACTOR.to_vec(), CAROL.to_vec()], ..draft() },
            IllFormed::NotCanonical,
        ),
    ] {
        assert_eq!(refusal(&draft.bytes()), Some(rule), "{draft:?}");
    }
    // A count that the bytes do not account for.
    for at in [0, 33 + 17 + 4] {
        let mut data = draft().data();
        data.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert!(refusal(&seal(1, &data)).is_some());
    }
    // Half of the counters are out of reach, the last operation included.
    let last = Draft { start_op: OPERATION_COUNTER_MAX, ..story.draft(&[a_put(), a_put()]) };
    assert_eq!(refusal(&last.bytes()), Some(IllFormed::OperationCounter));
}

#[test]
fn a_few_bytes_do_not_become_millions_of_operations() {
    let story = Story::new();
    let millions = 2_000_000;
    let every_column = |draft: Draft, count: i64| {
        let mut flags = Vec::new();
        unsigned(&mut flags, count as u64);
        draft
            .column(OBJECT_ACTOR, run(count, &[1]))
            .column(OBJECT_COUNTER, run(count, &[2]))
            .column(KEY_TEXT, run(count, &[1, b'k']))
            .column(INSERT, flags)
            .column(ACTION, run(count, &[1]))
            .column(VALUE_META, run(count, &[0]))
            .column(VALUE, vec![])
            .column(PREDECESSOR_COUNT, run(count, &[0]))
    };
    let bomb = every_column(story.draft(&[a_put()]), millions).bytes();
    assert!(bomb.len() < 150);
    assert_eq!(refusal(&bomb), Some(IllFormed::TooManyOperations));
    // Automerge's own parser unpacks all of them.
    assert_eq!(Change::from_bytes(bomb).unwrap().len(), millions as usize);

    // The smallest: nothing named, 68 bytes.
    let mut small = story.draft(&[a_put()]);
    (small.deps, small.actor, small.others) = (vec![], vec![1], vec![]);
    small.columns.clear();
    let small = every_column(small, millions).column(OBJECT_ACTOR, vec![]);
    let small = small.column(OBJECT_COUNTER, vec![]).bytes();
    assert!(small.len() <= 68);
    assert_eq!(refusal(&small), Some(IllFormed::NoDependencies));

    let most = CHANGE_OPERATIONS_MAX as i64;
    let full = every_column(story.draft(&[a_put()]), most);
    assert_eq!(story.judge(&full), Judgement::WellFormed);
    let over = every_column(story.draft(&[a_put()]), most + 1);
    assert_eq!(refusal(&over.bytes()), Some(IllFormed::TooManyOperations));
    for count in [i64::MAX, i64::MIN, i64::MIN + 1, -3_000] {
        let over = story.draft(&[a_put()]).column(ACTION, run(count, &[1]));
        assert_eq!(refusal(&over.bytes()), Some(IllFormed::TooManyOperations));
    }
    let mut nulls = run(0, &[]);
    unsigned(&mut nulls, u64::MAX);
    let over = story.draft(&[a_put()]).column(ACTION, nulls);
    assert_eq!(refusal(&over.bytes()), Some(IllFormed::TooManyOperations));
    let over = story
        .draft(&[a_put()])
        .column(PREDECESSOR_COUNT, run(-1, &[0xff, 0xff, 0x7f]))
        .column(PREDECESSOR_ACTOR, run(millions, &[0]))
        .column(PREDECESSOR_COUNTER, run(millions, &[1]));
    assert_eq!(refusal(&over.bytes()), Some(IllFormed::TooManyPredecessors));
}

#[test]
fn columns_are_known_whole_and_in_automerges_own_form() {
    let story = Story::new();
    let replace = Op::put(&fields(), "name", "张桂兰", &[&story.name]);
    let honest = || story.draft(std::slice::from_ref(&replace));
    assert_eq!(story.judge(&honest()), Judgement::WellFormed);
    let one = |row: &[u8]| run(-1, row);
    let long_key = [vec![KEY_BYTES_MAX as u8 + 1], vec![b'k'; KEY_BYTES_MAX + 1]].concat();
    let wide = [0xff, 0xff, 0xff, 0xff, 0x10];
    for (number, bytes, rule) in [
        (0x08 | OBJECT_ACTOR, one(&[1]), IllFormed::CompressedColumn(0x09)),
        (0x94, vec![1], IllFormed::Column(0x94)),
        (0xa5, one(&[1, b'm']), IllFormed::Column(0xa5)),
        (0x25, one(&[1, b'm']), IllFormed::Column(0x25)),
        // Actions that schema 1 does not use, and one that nobody knows.
        (ACTION, one(&[4]), IllFormed::Action(4)),
        (ACTION, one(&[5]), IllFormed::Action(5)),
        (ACTION, one(&[6]), IllFormed::Action(6)),
        (ACTION, one(&[7]), IllFormed::Action(7)),
        (ACTION, one(&[99]), IllFormed::Action(99)),
        (ACTION, vec![], IllFormed::NoOperations),
        (ACTION, [vec![0, 1], one(&[1])].concat(), IllFormed::ColumnRows(ACTION)),
        (ACTION, vec![0, 1], IllFormed::NotCanonical),
        (ACTION, vec![0x80, 0], IllFormed::Number),
        (ACTION, one(&[]), IllFormed::Truncated),
        // Rows that are missing or too many.
        (INSERT, vec![2], IllFormed::ColumnRows(INSERT)),
        (INSERT, vec![], IllFormed::ColumnRows(INSERT)),
        (INSERT, vec![0, 0, 1], IllFormed::NotCanonical),
        (OBJECT_ACTOR, run(2, &[1]), IllFormed::ColumnRows(OBJECT_ACTOR)),
        (KEY_TEXT, run(2, &[1, b'k']), IllFormed::ColumnRows(KEY_TEXT)),
        (VALUE_META, vec![], IllFormed::ColumnRows(VALUE_META)),
        (PREDECESSOR_COUNT, vec![], IllFormed::ColumnRows(PREDECESSOR_COUNT)),
        (PREDECESSOR_COUNT, one(&[2]), IllFormed::ColumnRows(PREDECESSOR_ACTOR)),
        (PREDECESSOR_COUNT, one(&[0]), IllFormed::ColumnRows(PREDECESSOR_ACTOR)),
        (PREDECESSOR_ACTOR, vec![], IllFormed::ColumnRows(PREDECESSOR_COUNTER)),
        // The right rows, spelt in another way: it would apply and the document never load.
        (ACTION, run(1, &[1]), IllFormed::NotCanonical),
        (OBJECT_COUNTER, run(1, &[2]), IllFormed::NotCanonical),
        // References that Automerge unwraps.
        (OBJECT_ACTOR, one(&[9]), IllFormed::Reference),
        (OBJECT_ACTOR, vec![], IllFormed::Reference),
        (OBJECT_COUNTER, vec![], IllFormed::Reference),
        (OBJECT_COUNTER, one(&[0]), IllFormed::Reference),
        (OBJECT_COUNTER, one(&wide), IllFormed::Reference),
        (PREDECESSOR_ACTOR, one(&[9]), IllFormed::Reference),
        (PREDECESSOR_COUNTER, one(&[0]), IllFormed::Reference),
        (PREDECESSOR_COUNTER, one(&[0x7f]), IllFormed::Reference),
        (PREDECESSOR_COUNTER, one(&wide), IllFormed::Reference),
        // Keys.
        (KEY_TEXT, vec![], IllFormed::Key),
        (KEY_TEXT, one(&[0]), IllFormed::KeyText),
        (KEY_TEXT, one(&[1, 0xff]), IllFormed::KeyText),
        (KEY_TEXT, one(&long_key), IllFormed::KeyText),
        (KEY_TEXT, one(&[0xff, 0xff, 0xff, 0xff, 0x3]), IllFormed::KeyText),
        (KEY_COUNTER, one(&[0]), IllFormed::Key),
        (KEY_ACTOR, one(&[0]), IllFormed::Key),
        // Values: a counter, an unknown type, a length beyond the column, text that is none.
        (VALUE_META, one(&[0x98, 1]), IllFormed::Value),
        (VALUE_META, one(&[0x9a, 1]), IllFormed::Value),
        (VALUE_META, one(&[0xf6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), IllFormed::Value),
        (VALUE, vec![b'x'; 3], IllFormed::Value),
        (VALUE, vec![0xff; 9], IllFormed::Refused),
    ] {
        let draft = honest().column(number, bytes.clone());
        assert_eq!(refusal(&draft.bytes()), Some(rule), "{number:#x} {bytes:x?}");
    }
    let mut twice = honest();
    twice.columns.insert(0, twice.columns[0].clone());
    assert_eq!(refusal(&twice.bytes()), Some(IllFormed::Column(OBJECT_ACTOR)));
    let mut empty = honest();
    empty.columns.insert(2, (KEY_ACTOR, vec![]));
    assert_eq!(refusal(&empty.bytes()), Some(IllFormed::Column(KEY_ACTOR)));
}

#[test]
fn differences_that_run_out_of_range_are_refused() {
    let story = Story::new();
    let op = Op::insert(&list(List::ServiceNeeds), Some(&story.need), PUT);
    let ops = [op.clone(), op.clone(), op];
    for first in [i64::MAX, i64::MIN, i64::from(u32::MAX) - 1] {
        let mut bytes = Vec::new();
        for number in [-3, first, i64::MAX - 1, 1] {
            signed(&mut bytes, number);
        }
        let draft = story.draft(&ops).column(KEY_COUNTER, bytes);
        assert_eq!(refusal(&draft.bytes()), Some(IllFormed::Reference));
    }
}

#[test]
fn sequence_numbers_follow_one_another_among_the_ancestors() {
    let story = Story::new();
    let judge = |actor: [u8; 16], seq| {
        story.judge(&Draft { seq, actor: actor.to_vec(), ..story.draft(&[a_put()]) })
    };
    let gap = |expected, found| Judgement::IllFormed(IllFormed::SequenceGap { expected, found });
    assert_eq!(judge(BOB, 2), gap(1, 2));
    assert_eq!(judge(BOB, u64::MAX), gap(1, u64::MAX));
    assert_eq!(judge(ALICE, 2), Judgement::WellFormed);
    assert_eq!(judge(ALICE, 1), gap(2, 1));
    assert_eq!(judge(ALICE, 3), gap(2, 3));
}

#[test]
fn counters_begin_one_above_the_ancestors() {
    let story = Story::new();
    for found in [1, 2, story.next - 1, story.next + 1, OPERATION_COUNTER_MAX - 1] {
        let draft = Draft { start_op: found, ..story.draft(&[a_put()]) };
        let rule = IllFormed::StartOp { expected: story.next, found };
        assert_eq!(story.judge(&draft), Judgement::IllFormed(rule));
    }
}

#[test]
fn what_is_not_known_is_missing_and_not_ill_formed() {
    let story = Story::new();
    let elsewhere = DocumentId::elder(ElderId([8; 16]), Part::Card);
    let elsewhere = genesis(scope(), &elsewhere).get_heads();
    // A change for another elder's card never finds its genesis here.
    let foreign = Draft::new(&elsewhere, &BOB, 1, 11, &[a_put()]);
    assert_eq!(story.judge(&foreign), Judgement::MissingDependencies(elsewhere.clone()));
    let both = [story.head, elsewhere[0]];
    let foreign = Draft::new(&both, &BOB, 1, story.next, &[a_put()]);
    assert_eq!(story.judge(&foreign), Judgement::MissingDependencies(elsewhere));

    let fresh = Ancestry::new(scope(), &card());
    let change = ParsedChange::parse(&story.draft(&[a_put()]).bytes()).unwrap();
    assert_eq!(
        fresh.judge(&change, Writers::ALL),
        Judgement::MissingDependencies(vec![story.head])
    );
    let other = Ancestry::from_document(
        scope(),
        &DocumentId::elder(ElderId([8; 16]), Part::Card),
        &story.document,
    );
    assert_eq!(other.err(), Some(IllFormed::Genesis));
    let empty = Ancestry::from_document(scope(), &card(), &Automerge::new());
    assert_eq!(empty.err(), Some(IllFormed::Genesis));
}

#[test]
fn operations_stay_where_schema_1_has_them() {
    let s = Story::new();
    let (fields, needs) = (fields(), list(List::ServiceNeeds));
    let (supporters, absences) = (list(List::Supporters), list(List::Absences));
    let ghost = (5_000, ALICE.to_vec());
    let stranger = (12, CAROL.to_vec());
    let put = |object, predecessors: &[&_]| Op::put(object, "name", "李明", predecessors);
    let element = |list, of, action, replaced: Id| Op::on_element(list, of, action, &[&replaced]);
    let on_root = Op { object: None, ..a_put() };
    let in_map = |op: Op| Op { object: Some(fields.clone()), ..op };
    let delete =
        |predecessors: &[_]| Op { action: DELETE, value: None, ..put(&fields, predecessors) };
    let make = |object, action| Op { action, value: None, ..put(object, &[]) };
    let twice = [&s.name, &s.name];
    let reversed = [&s.need, &s.name];

    use IllFormed as Rule;
    for (ops, rule) in [
        // What honest edits do.
        (vec![put(&fields, &[&s.name])], None),
        (vec![delete(&[&s.name])], None),
        (vec![put(&s.supporter, &[&s.supporter_name])], None),
        (
            vec![Op::insert(&needs, Some(&s.need), PUT), Op::insert(&needs, Some(&s.own(0)), PUT)],
            None,
        ),
        (vec![element(&needs, &s.need, DELETE, s.need.clone())], None),
        (vec![element(&needs, &s.need, PUT, s.need.clone())], None),
        (vec![element(&supporters, &s.supporter, DELETE, s.supporter.clone())], None),
        (vec![Op::insert(&supporters, None, MAKE_MAP), put(&s.own(0), &[])], None),
        (vec![Op::insert(&absences, Some(&s.absence), MAKE_MAP), put(&s.own(0), &[])], None),
        // The root, and objects where none may be.
        (vec![on_root], Some(Rule::Root)),
        (vec![put(&ghost, &[])], Some(Rule::UnknownObject)),
        (vec![put(&stranger, &[])], Some(Rule::UnknownObject)),
        (vec![put(&s.own(0), &[])], Some(Rule::UnknownObject)),
        (
            vec![put(&s.own(1), &[]), Op::insert(&supporters, None, MAKE_MAP)],
            Some(Rule::UnknownObject),
        ),
        (vec![put(&s.name, &[])], Some(Rule::UnknownObject)),
        (vec![put(&(1, GENESIS_ACTOR.to_vec()), &[])], Some(Rule::UnknownObject)),
        (vec![put(&needs, &[])], Some(Rule::ObjectKind)),
        (vec![in_map(Op::insert(&needs, None, PUT))], Some(Rule::ObjectKind)),
        (vec![in_map(element(&needs, &s.need, PUT, s.need.clone()))], Some(Rule::ObjectKind)),
        (vec![make(&fields, MAKE_MAP)], Some(Rule::Object)),
        (vec![make(&fields, MAKE_LIST)], Some(Rule::Object)),
        (vec![make(&s.supporter, MAKE_MAP)], Some(Rule::Object)),
        (vec![Op::insert(&supporters, None, MAKE_LIST)], Some(Rule::Object)),
        // Elements.
        (vec![Op::insert(&needs, Some(&s.supporter), PUT)], Some(Rule::UnknownElement)),
        (vec![Op::insert(&needs, Some(&ghost), PUT)], Some(Rule::UnknownElement)),
        (vec![Op::insert(&needs, Some(&stranger), PUT)], Some(Rule::UnknownElement)),
        (vec![Op::insert(&needs, Some(&s.own(0)), PUT)], Some(Rule::UnknownElement)),
        (vec![element(&needs, &ghost, PUT, s.need.clone())], Some(Rule::UnknownElement)),
        (
            vec![Op { at: At::Head, ..element(&needs, &s.need, PUT, s.need.clone()) }],
            Some(Rule::UnknownElement),
        ),
        (
            vec![Op { insert: true, ..element(&needs, &s.need, PUT, s.need.clone()) }],
            Some(Rule::Insertion),
        ),
        (
            vec![Op { insert: true, ..Op::on_element(&needs, &s.need, DELETE, &[]) }],
            Some(Rule::Insertion),
        ),
        (vec![Op { insert: true, ..put(&fields, &[]) }], Some(Rule::Insertion)),
        // Predecessors.
        (vec![put(&fields, &[&ghost])], Some(Rule::UnknownPredecessor)),
        (vec![put(&fields, &[&stranger])], Some(Rule::UnknownPredecessor)),
        (vec![put(&fields, &[&s.own(0)])], Some(Rule::UnknownPredecessor)),
        (vec![put(&fields, &[&s.need])], Some(Rule::PredecessorElsewhere)),
        (vec![put(&fields, &[&s.supporter_name])], Some(Rule::PredecessorElsewhere)),
        (vec![Op::put(&fields, "phone", "1", &[&s.name])], Some(Rule::PredecessorElsewhere)),
        (vec![delete(&[&s.name]), put(&fields, &[&s.own(0)])], Some(Rule::PredecessorElsewhere)),
        (vec![put(&fields, &[&(1, GENESIS_ACTOR.to_vec())])], Some(Rule::PredecessorElsewhere)),
        (vec![put(&fields, &twice)], Some(Rule::PredecessorOrder)),
        (vec![put(&fields, &reversed)], Some(Rule::PredecessorOrder)),
        (vec![delete(&[])], Some(Rule::NothingReplaced)),
        (vec![Op::on_element(&needs, &s.need, DELETE, &[])], Some(Rule::NothingReplaced)),
        (vec![Op::on_element(&needs, &s.need, PUT, &[])], Some(Rule::NothingReplaced)),
        // Append-only lists.
        (vec![element(&absences, &s.absence, DELETE, s.absence.clone())], Some(Rule::AppendOnly)),
        (vec![element(&absences, &s.absence, PUT, s.absence.clone())], Some(Rule::AppendOnly)),
        (vec![element(&absences, &s.absence, MAKE_MAP, s.absence.clone())], Some(Rule::AppendOnly)),
        (vec![put(&s.absence, &[])], Some(Rule::AppendOnly)),
        (
            vec![Op::put(&s.absence, "supporter", "王", &[&s.absence_supporter])],
            Some(Rule::AppendOnly),
        ),
        (
            vec![
                Op::insert(&absences, None, MAKE_MAP),
                put(&s.own(0), &[]),
                put(&s.own(0), &[&s.own(1)]),
            ],
            Some(Rule::AppendOnly),
        ),
        (
            vec![
                Op::insert(&absences, None, MAKE_MAP),
                element(&absences, &s.own(0), DELETE, s.own(0)),
            ],
            Some(Rule::AppendOnly),
        ),
    ] {
        assert_eq!(s.rule(&ops), rule, "{ops:?}");
    }
}

#[test]
fn two_branches_of_one_actor_may_stand_side_by_side_but_not_meet() {
    let mut story = Story::new();
    let branch = |phone: &str, deps: &[ChangeHash], actor: [u8; 16], seq, start_op| {
        let op = Op::put(&fields(), "phone", phone, &[]);
        ParsedChange::parse(&Draft::new(deps, &actor, seq, start_op, &[op]).bytes()).unwrap()
    };
    let one = branch("1", &[story.head], BOB, 1, story.next);
    let two = branch("2", &[story.head], BOB, 1, story.next);
    assert_eq!(story.ancestry.admit(&one, Writers::ALL), Judgement::WellFormed);
    assert_eq!(story.ancestry.admit(&two, Writers::ALL), Judgement::WellFormed);
    let upon_one = branch("3", &[one.hash()], BOB, 2, story.next + 1);
    let upon_two = branch("3", &[two.hash()], CAROL, 1, story.next + 1);
    assert_eq!(story.ancestry.admit(&upon_one, Writers::ALL), Judgement::WellFormed);
    assert_eq!(story.ancestry.admit(&upon_two, Writers::ALL), Judgement::WellFormed);
    for deps in [[one.hash(), two.hash()], [upon_one.hash(), upon_two.hash()]] {
        let meeting = branch("4", &deps, CAROL, 2, story.next + 2);
        let rule = Judgement::IllFormed(IllFormed::ForkedAncestors);
        assert_eq!(story.ancestry.judge(&meeting, Writers::ALL), rule);
    }
    // An operation is looked for on the branch that the change descends from.
    let op = Op::put(&fields(), "phone", "5", &[&(story.next + 1, BOB.to_vec())]);
    let draft = Draft::new(&[upon_two.hash()], &CAROL, 2, story.next + 2, &[op]);
    let rule = Judgement::IllFormed(IllFormed::UnknownPredecessor);
    assert_eq!(story.judge(&draft), rule);
}

#[test]
fn no_flipped_bit_panics_and_what_is_well_formed_applies() {
    let story = Story::new();
    let ops = [
        Op::put(&fields(), "name", "张桂兰", &[&story.name]),
        Op::on_element(&list(List::ServiceNeeds), &story.need, DELETE, &[&story.need]),
        Op::insert(&list(List::Supporters), Some(&story.supporter), MAKE_MAP),
        Op::put(&story.own(2), "name", "李强", &[]),
        Op::insert(&list(List::Absences), Some(&story.absence), MAKE_MAP),
        Op::put(&story.own(4), "supporter", "李强", &[]),
        Op::put(&story.supporter, "phone", "13900000002", &[]),
    ];
    let honest = story.draft(&ops).bytes();
    assert_applies(&story.document, &honest);
    let mut well_formed = 0;
    for bit in 0..content(&honest).len() * 8 {
        let mut data = content(&honest).to_vec();
        data[bit / 8] ^= 1 << (bit % 8);
        let bytes = seal(1, &data);
        let Ok(change) = ParsedChange::parse(&bytes) else { continue };
        if story.ancestry.judge(&change, Writers::ALL) == Judgement::WellFormed {
            assert_applies(&story.document, &bytes);
            well_formed += 1;
        }
    }
    // Other letters in a value, another actor: those are as good as before.
    assert!(well_formed > 0);
    for bit in 0..honest.len() * 8 {
        let mut bytes = honest.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(refusal(&bytes).is_some(), "bit {bit}");
    }
}

#[test]
fn a_rule_has_a_name_for_machines_and_a_sentence_for_people() {
    for rule in [IllFormed::Root, IllFormed::AppendOnly, IllFormed::Action(4), IllFormed::Time] {
        assert!(rule.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
    assert_eq!(IllFormed::StartOp { expected: 2, found: 1 }.code(), "start_op");
    assert_eq!(IllFormed::Action(4).to_string(), "action 4 (text) is not used");
}

#[test]
fn the_claimed_hash_is_the_one_that_automerge_gives() {
    let card = DocumentId::elder(ElderId([1; 16]), Part::Card);
    let fixture = genesis("990121101203".parse().unwrap(), &card);
    let change = fixture.get_changes(&[]).remove(0);
    assert_eq!(ParsedChange::claimed_hash(change.raw_bytes()), Some(change.hash()));
    assert_eq!(ParsedChange::claimed_hash(&[0; 7]), None);
}
