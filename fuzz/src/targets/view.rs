//! Views, narration and rules over any Automerge document: whatever a peer's changes have made of it.

use chrono::NaiveDate;
use shouwang_crdt_schema::automerge::transaction::Transactable;
use shouwang_crdt_schema::automerge::{ActorId, Automerge, ObjId, ObjType, ReadDoc, ScalarValue};
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::document::{GenesisObject, genesis, genesis_objects};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::report::due::{DueDetails, due_items};
use shouwang_crdt_schema::rules::calendar::next_reports;
use shouwang_crdt_schema::rules::facts::{ElderFacts, end_of};
use shouwang_crdt_schema::rules::ruleset::Ruleset;
use shouwang_crdt_schema::view::{self, ElderView, PartView};

use super::change::{documents, scope};
use crate::tape::Tape;
use crate::target::Verdict;

/// Reads everything there is to read of a document, and applies every rule on a day.
pub(super) fn look_at(document: &Automerge, id: &DocumentId, as_of: NaiveDate) {
    let places = view::places(document, scope());
    assert!(places.windows(2).all(|pair| pair[0].0 != pair[1].0), "a place has one name");
    let rules = view::rules(document);
    let texts = rules.iter().map(|(key, rule)| (key.as_str(), rule.text.as_str()));
    let reading = Ruleset::read(texts);
    let again: Vec<_> = reading.ruleset.texts().into_iter().collect();
    let again = Ruleset::read(again.iter().map(|(key, text)| (key.as_str(), text.as_str())));
    assert_eq!(again.ruleset, reading.ruleset, "rules read back");
    let part = PartView::read(document, id);
    assert_eq!(part.is_some(), id.elder_id().is_some());
    let Some((part, elder)) = part.zip(id.elder_id()) else { return };
    let view = ElderView::new(elder, [part.clone()]);
    for field in Field::ALL {
        if let Some(resolved) = view.field(*field) {
            let again = field.value(resolved.value.as_str());
            assert_eq!(
                again.as_ref(),
                Ok(resolved.value),
                "what takes effect is in its one spelling"
            );
        }
    }
    for conflict in view.conflicts() {
        assert!(!conflict.others.is_empty(), "a conflict has two sides: {}", conflict.field);
    }
    // A file of the same person that says the same has no conflict of its own.
    let joined = view.clone().join(vec![ElderView::new(elder, [part])]);
    joined.conflicts();
    apply_rules(&view, &reading.ruleset, as_of);
    apply_rules(&joined, &Ruleset::default(), as_of);
    let row = LedgerRow::of_file(scope(), &view);
    for field in Field::ALL {
        row.field(*field);
    }
}

fn apply_rules(view: &ElderView, ruleset: &Ruleset, as_of: NaiveDate) {
    let facts = ElderFacts::of(view).in_scope(scope());
    facts.eligibility(ruleset, as_of);
    facts.care_group(as_of);
    facts.visit_duty(ruleset, as_of);
    facts.agreement(as_of);
    facts.review_duty(ruleset, as_of);
    facts.alerts(ruleset, as_of);
    facts.standing(as_of);
    facts.special_categories(ruleset, as_of);
    for level in [Level::Village, Level::Township, Level::County] {
        facts.incidents(level, ruleset, end_of(as_of)).for_each(drop);
    }
    due_items(&DueDetails::of(view), &facts, scope(), ruleset, as_of);
    next_reports(ruleset, as_of);
}

/// Words that the record knows, beside whatever the tape has.
const WORDS: [&str; 24] = [
    "2026-09-01",
    "1942-03-15",
    "2199-12-31",
    "1800-01-01",
    "0000-00-00",
    "+2026-1-1",
    "true",
    "false",
    "Completed",
    "InPerson",
    "Entered",
    "Exited",
    "Signed",
    "Ended",
    "Raised",
    "Closed",
    "Unknown",
    "Alone",
    "Severe",
    "4294967295",
    "990121101203",
    "",
    "07070707070707070707070707070707",
    "24:00",
];

const KEYS: [&str; 20] = [
    "name",
    "phone",
    "date",
    "mode",
    "outcome",
    "event",
    "reason",
    "supporter",
    "retracts",
    "from",
    "until",
    "kind",
    "by",
    "at",
    "note",
    "day",
    "birth_date",
    "living_arrangement",
    "care_group",
    "year",
];

/// One byte of a document, two of a day, and then what two writers put where, and when they hear of one
/// another.
pub(super) fn document(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let documents = documents();
    let id = documents[tape.below(documents.len())];
    let as_of = match tape.short() {
        0 => NaiveDate::MAX,
        1 => NaiveDate::MIN,
        days => NaiveDate::from_num_days_from_ce_opt(692_000 + i32::from(days)).unwrap_or_default(),
    };
    let mut both = [genesis(scope(), &id), genesis(scope(), &id)];
    let objects = genesis_objects(&id);
    for (at, document) in both.iter_mut().enumerate() {
        document.set_actor(ActorId::from([at as u8 + 1; 16]));
    }
    for _ in 0..64 {
        if tape.is_over() {
            break;
        }
        let who = tape.below(2);
        if tape.below(8) == 7 {
            let mut other = both[1 - who].clone();
            both[who].merge(&mut other).expect("documents of one genesis merge");
        }
        write(&mut both[who], &objects, &mut tape);
    }
    let [mut one, mut two] = both;
    one.merge(&mut two).expect("documents of one genesis merge");
    look_at(&one, &id, as_of);
    two.merge(&mut one).expect("documents of one genesis merge");
    assert_eq!(PartView::read(&one, &id), PartView::read(&two, &id), "all see the same");
    Verdict::Accepted
}

fn write(document: &mut Automerge, objects: &[GenesisObject], tape: &mut Tape<'_>) {
    let Some(object) = tape.pick(objects).copied() else { return };
    let (key, kind) = match object {
        GenesisObject::Fields => ("fields", ObjType::Map),
        GenesisObject::Places => ("places", ObjType::Map),
        GenesisObject::Rules => ("rules", ObjType::Map),
        GenesisObject::List(list) => (list.key(), ObjType::List),
    };
    let found = document.get(shouwang_crdt_schema::automerge::ROOT, key).ok().flatten();
    let Some((_, at)) = found else { return };
    let mut transaction = document.transaction();
    if kind == ObjType::Map {
        let fields: Vec<&str> = Field::ALL.iter().map(|field| field.spec().key).collect();
        let key = match tape.below(3) {
            0 => tape.pick(&KEYS).copied().unwrap_or_default().to_owned(),
            1 => tape.pick(&fields).copied().unwrap_or_default().to_owned(),
            _ => text(tape),
        };
        let _ = transaction.put(&at, key, scalar(tape));
    } else {
        let length = transaction.length(&at);
        match tape.below(4) {
            0 => drop(transaction.insert(&at, length, scalar(tape))),
            1 if length > 0 => drop(transaction.delete(&at, tape.below(length))),
            2 if length > 0 => {
                let element = transaction.get(&at, tape.below(length)).ok().flatten();
                if let Some((_, element)) = element {
                    fill(&mut transaction, &element, tape);
                }
            }
            _ => {
                if let Ok(element) = transaction.insert_object(&at, length, ObjType::Map) {
                    fill(&mut transaction, &element, tape);
                }
            }
        }
    }
    transaction.commit();
}

fn fill(transaction: &mut impl Transactable, element: &ObjId, tape: &mut Tape<'_>) {
    for _ in 0..tape.below(6) {
        let key = match tape.below(4) {
            3 => text(tape),
            _ => tape.pick(&KEYS).copied().unwrap_or_default().to_owned(),
        };
        let _ = transaction.put(element, key, scalar(tape));
    }
}

fn text(tape: &mut Tape<'_>) -> String {
    let length = tape.below(40);
    String::from_utf8_lossy(tape.take(length)).into_owned()
}

fn scalar(tape: &mut Tape<'_>) -> ScalarValue {
    match tape.below(12) {
        0 => ScalarValue::Null,
        1 => ScalarValue::Int(tape.long() as i64),
        2 => ScalarValue::Uint(tape.long()),
        3 => ScalarValue::F64(f64::from_bits(tape.long())),
        4 => ScalarValue::Boolean(tape.byte() & 1 == 1),
        5 => ScalarValue::Bytes(tape.take(8).to_vec()),
        6 => ScalarValue::counter(tape.long() as i64),
        7 => ScalarValue::Timestamp(tape.long() as i64),
        8 => ScalarValue::Str(text(tape).into()),
        _ => ScalarValue::Str(tape.pick(&WORDS).copied().unwrap_or_default().into()),
    }
}

pub(super) fn document_seeds() -> Vec<Vec<u8>> {
    let of = |document: u8| {
        // Enough choices to write in every object of it.
        let choices = (0..600u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
        [vec![document, 0x90, 0x40], choices.collect()].concat()
    };
    (0..7).map(of).collect()
}
