//! Automerge changes from peers: one by one, taken apart, and as whole histories.

use chrono::NaiveDate;
use shouwang_crdt_schema::automerge::{Automerge, Change, ExpandedChange, ReadDoc};
use shouwang_crdt_schema::change::{Ancestry, Judgement, Own, ParsedChange, Template};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{genesis, genesis_hash};
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::element::{Absence, Element, List, Supporter};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::narration::Narration;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{AbsenceReason, ElderId, IncidentId, SupportCapacity};
use shouwang_crdt_schema::visit::Visit;
use shouwang_crdt_schema::writer::Writers;
use shouwang_node::codec::{Reader, Writer};

use super::view;
use crate::tape::{Tape, piece};
use crate::target::{Verdict, accepted};

/// The village whose documents all changes here are for.
pub(super) fn scope() -> DivisionCode {
    // A place in the fictional county that all samples are of.
    DivisionCode::from_number(990_121_101_203).expect("twelve digits")
}

/// The documents that the first byte chooses from.
pub(super) fn documents() -> [DocumentId; 7] {
    let elder = |part| DocumentId::elder(ElderId([7; 16]), part);
    [
        elder(Part::Card),
        elder(Part::Journal(2026)),
        elder(Part::Ledger),
        elder(Part::Registry),
        elder(Part::Incident(IncidentId([3; 16]))),
        DocumentId::Directory,
        DocumentId::Ruleset,
    ]
}

/// A change as it stands in an entry, with the checksum that its bytes should have: nothing behind it
/// could be reached by chance.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(hash) = ParsedChange::claimed_hash(&bytes)
        && let (Some(place), Some(sum)) = (bytes.get_mut(4..8), hash.0.get(..4))
    {
        place.copy_from_slice(sum);
    }
    bytes
}

/// One byte of a document, one that says whether the checksum is put right, and the change.
///
/// What parses is as Automerge writes it, keeps its counts, and comes back to the byte from its
/// template; what is judged well-formed applies, and the document saves and loads with the same heads.
pub(super) fn change(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let documents = documents();
    let id = documents[tape.below(documents.len())];
    let as_it_is = tape.byte() & 1 == 1;
    let body = tape.rest();
    let body = if as_it_is { body.to_vec() } else { sealed(body) };
    judge(&id, &body)
}

/// What has to hold of the body of an entry that names a document.
fn judge(id: &DocumentId, body: &[u8]) -> Verdict {
    if let Some((template, own)) = Template::of(body) {
        assert_eq!(template.rebuild(&own).as_deref(), Some(body), "a template gives it back");
        let again = Template::from_bytes(template.as_bytes());
        assert_eq!(again.as_ref(), Some(&template), "a template has one form");
    }
    let Ok(parsed) = ParsedChange::parse(body) else { return Verdict::Refused };
    let spelt = Change::from(ExpandedChange::from(parsed.change()));
    assert_eq!(spelt.raw_bytes(), body, "one spelling of every change: others do not load");
    assert_eq!(Some(parsed.hash()), ParsedChange::claimed_hash(body));
    assert!(!parsed.operations().is_empty() && parsed.max_op() >= parsed.start_op());
    assert!(parsed.deps().windows(2).all(|pair| pair[0] < pair[1]), "dependencies ascend");
    let mut ancestry = Ancestry::new(scope(), id);
    let judged = ancestry.judge(&parsed, Writers::ALL);
    assert_eq!(ancestry.admit(&parsed, Writers::ALL), judged, "to judge is to admit");
    let mut told = Narration::new(id);
    told.hear(&parsed);
    told.tell(&parsed);
    if judged == Judgement::WellFormed {
        let mut document = genesis(scope(), id);
        applies(&mut document, parsed.into_change());
        view::look_at(&document, id, NaiveDate::default());
    }
    Verdict::Accepted
}

/// A byte of a document, one of how many changes it builds on beside the genesis, and what a chunk holds,
/// each piece behind its length: actor, number, first operation, other actors, and the bytes of each
/// column. The chunk round them is in order, so that what columns say is reached.
pub(super) fn columns(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let documents = documents();
    let id = documents[tape.below(documents.len())];
    let mut deps = vec![genesis_hash(scope(), &id)];
    deps.extend((0..tape.below(3)).map(|_| [tape.byte(); 32]));
    deps.sort_unstable();
    let mut content = Writer::new();
    content.count(deps.len());
    for dep in &deps {
        content.bytes(dep);
    }
    content
        .piece(tape.piece())
        .leb(u64::from(tape.byte()))
        .leb(u64::from(tape.short()))
        .u8(0)
        .u8(0);
    let others: Vec<&[u8]> = (0..tape.below(4)).map(|_| tape.piece()).collect();
    content.count(others.len());
    for other in others {
        content.piece(other);
    }
    let columns: Vec<(u64, &[u8])> = COLUMNS.iter().map(|column| (*column, tape.piece())).collect();
    let columns: Vec<(u64, &[u8])> =
        columns.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    content.count(columns.len());
    for (column, bytes) in &columns {
        content.leb(*column).count(bytes.len());
    }
    for (_, bytes) in &columns {
        content.bytes(bytes);
    }
    let chunk = Writer::new().bytes(&MAGIC).bytes(&[0; 4]).u8(1).piece(&content.finish()).finish();
    judge(&id, &sealed(&chunk))
}

/// What a chunk begins with, and the columns of a change as Automerge numbers them
/// (automerge.org/automerge-binary-format-spec).
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const COLUMNS: [u64; 12] = [0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73];

/// The input of [`columns`] that gives an honest change.
fn taken_apart(at: u8, change: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(change);
    reader.bytes(9).ok()?;
    reader.leb().ok()?;
    for _ in 0..reader.leb().ok()? {
        reader.array::<32>().ok()?;
    }
    let mut input = vec![at, 0];
    input.extend(piece(reader.piece(64).ok()?));
    input.push(u8::try_from(reader.leb().ok()?).ok()?);
    input.extend(u16::try_from(reader.leb().ok()?).ok()?.to_be_bytes());
    reader.bytes(2).ok()?;
    let others = reader.leb().ok()?;
    input.push(u8::try_from(others).ok()?);
    for _ in 0..others {
        input.extend(piece(reader.piece(64).ok()?));
    }
    let present: Vec<(u64, u64)> = (0..reader.leb().ok()?)
        .map(|_| Some((reader.leb().ok()?, reader.leb().ok()?)))
        .collect::<Option<_>>()?;
    for column in COLUMNS {
        let length =
            present.iter().find(|(known, _)| *known == column).map_or(0, |(_, length)| *length);
        input.extend(piece(reader.bytes(usize::try_from(length).ok()?).ok()?));
    }
    Some(input)
}

pub(super) fn column_seeds() -> Vec<Vec<u8>> {
    let of = |(at, id): (u8, &DocumentId)| {
        let changes = written(id).into_iter();
        changes.filter_map(move |change| taken_apart(at, &change)).collect::<Vec<_>>()
    };
    (0..).zip(&documents()).flat_map(of).collect()
}

/// What was judged well-formed applies, and what is saved loads.
fn applies(document: &mut Automerge, change: Change) {
    let hash = change.hash();
    document.apply_changes([change]).expect("what is well-formed applies");
    assert!(document.get_change_by_hash(&hash).is_some(), "what was applied is there");
    let loaded = Automerge::load(&document.save()).expect("what was saved loads");
    assert_eq!(loaded.get_heads(), document.get_heads());
}

/// One byte of a document, then pieces: each a change with its checksum put right. All are judged in
/// the order given, those that are well-formed applied; then again from the document.
pub(super) fn history(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let documents = documents();
    let id = documents[tape.below(documents.len())];
    let (mut ancestry, mut document) = (Ancestry::new(scope(), &id), genesis(scope(), &id));
    let mut told = Narration::new(&id);
    let (mut parsed, mut applied) = (Vec::new(), 0);
    // What others build on is named by its hash: `0` and a number stands for that of an earlier one.
    while !tape.is_over() && parsed.len() < 24 {
        let patches = tape.below(4);
        let mut body = tape.piece().to_vec();
        for _ in 0..patches {
            let (at, of) = (usize::from(tape.short()), tape.below(parsed.len().max(1)));
            let hash = parsed.get(of).map(ParsedChange::hash);
            if let (Some(place), Some(hash)) = (body.get_mut(at..at + 32), hash) {
                place.copy_from_slice(&hash.0);
            }
        }
        if let Ok(change) = ParsedChange::parse(&sealed(&body)) {
            parsed.push(change);
        }
    }
    for change in &parsed {
        told.hear(change);
        if ancestry.admit(change, Writers::ALL) == Judgement::WellFormed
            && document.get_change_by_hash(&change.hash()).is_none()
        {
            // Two of one actor and number cannot stand in one document: who counts is decided elsewhere.
            let actor = (change.actor(), change.seq());
            let held = document.get_changes(&[]);
            if held.iter().any(|held| (held.actor_id(), held.seq()) == actor)
                || !change.deps().iter().all(|dep| document.get_change_by_hash(dep).is_some())
            {
                continue;
            }
            applies(&mut document, change.change().clone());
            applied += 1;
        }
    }
    for change in &parsed {
        told.tell(change);
    }
    Ancestry::from_document(scope(), &id, &document).expect("what stands there was admitted");
    view::look_at(&document, &id, NaiveDate::default());
    accepted((applied > 0).then_some(()))
}

/// Two pieces: a template and values of its own, counted out of the rest.
///
/// A template that reads is the one form of itself, and what it makes of any values is a change that it
/// gives back, or none.
pub(super) fn template(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let Some(template) = Template::from_bytes(tape.piece()) else { return Verdict::Refused };
    let again = Template::from_bytes(template.as_bytes()).expect("it has just been read");
    assert_eq!(again, template);
    let array = |tape: &mut Tape<'_>| {
        let mut array = [0; 16];
        let bytes = tape.take(16);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    };
    let own = Own {
        deps: (0..tape.below(4)).map(|_| [tape.byte(); 32]).collect(),
        actor: array(&mut tape),
        seq: u64::from(tape.byte()),
        start_op: tape.long() >> tape.below(64),
        others: (0..tape.below(3)).map(|_| array(&mut tape)).collect(),
        distances: (0..template.distances()).map(|_| u64::from(tape.short())).collect(),
        values: template.keys().iter().map(|_| tape.piece().to_vec()).collect(),
    };
    if let Some(rebuilt) = template.rebuild(&own) {
        let _ = ParsedChange::parse(&rebuilt);
        if let Some((template, own)) = Template::of(&rebuilt) {
            assert_eq!(template.rebuild(&own), Some(rebuilt));
        }
    }
    Verdict::Accepted
}

const ACTORS: [[u8; 16]; 2] = [[0xa1; 16], [0xb0; 16]];

/// What two people write in each of the documents, one after another and at once.
fn written(id: &DocumentId) -> Vec<Vec<u8>> {
    let day = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap_or_default();
    let set =
        |field: Field, text: &str| field.value(text).ok().map(|value| Action::Set { field, value });
    let insert = |list, element| Some(Action::Insert { list, element });
    let visit = Visit { note: Some("血压偏高".into()), ..Visit::on(day) };
    let supporter = Supporter {
        name: "李明".into(),
        relation: Some("女儿".into()),
        whereabouts: None,
        phone: None,
        capacity: SupportCapacity::Unknown,
    };
    let absence = Absence {
        supporter: "李明".into(),
        left: Some(day),
        returned: None,
        destination: None,
        reason: AbsenceReason::Work,
    };
    let deeds: Vec<Vec<Action>> = vec![
        [set(Field::Name, "周国强"), set(Field::BirthDate, "1942-03-15")]
            .into_iter()
            .flatten()
            .collect(),
        set(Field::Phone, "13900000001").into_iter().collect(),
        insert(List::Supporters, supporter.store()).into_iter().collect(),
        insert(List::Absences, absence.store()).into_iter().collect(),
        insert(Visit::LIST, visit.store()).into_iter().collect(),
        vec![Action::NamePlace { code: scope(), name: "上禾村".into() }],
        vec![Action::SetRule { key: "sync_interval_days".into(), text: "5".into() }],
        set(Field::Phone, "13900000002").into_iter().collect(),
    ];
    let mut both = [genesis(scope(), id), genesis(scope(), id)];
    let mut changes: Vec<Vec<u8>> = Vec::new();
    for (nth, deed) in deeds.iter().enumerate() {
        let who = nth % 2;
        let bytes = write_change(&both[who], scope(), id, ACTORS[who], deed).ok().flatten();
        let Some(bytes) = bytes else { continue };
        if let Ok(change) = Change::from_bytes(bytes.clone()) {
            both[who].apply_changes([change]).expect("one's own change applies");
        }
        if nth % 3 == 2 {
            let mut other = both[1 - who].clone();
            both[who].merge(&mut other).expect("documents of one genesis merge");
        }
        changes.push(bytes);
    }
    changes
}

pub(super) fn change_seeds() -> Vec<Vec<u8>> {
    let of = |(at, id): (u8, &DocumentId)| {
        written(id)
            .into_iter()
            .map(move |change| [&[at, 1][..], &change].concat())
            .collect::<Vec<_>>()
    };
    (0..).zip(&documents()).flat_map(of).collect()
}

pub(super) fn history_seeds() -> Vec<Vec<u8>> {
    let of = |(at, id): (u8, &DocumentId)| {
        let changes = written(id);
        let told = changes.iter().flat_map(|change| [vec![0], piece(change)].concat());
        (!changes.is_empty()).then(|| std::iter::once(at).chain(told).collect())
    };
    (0..).zip(&documents()).filter_map(of).collect()
}

pub(super) fn template_seeds() -> Vec<Vec<u8>> {
    let changes = documents().map(|id| written(&id)).concat();
    let of = |change: Vec<u8>| {
        let (template, own) = Template::of(&change)?;
        let values = own.values.iter().flat_map(|value| piece(value));
        let rest = [&[0][..], &own.actor, &[1], &own.start_op.to_be_bytes(), &[0, 0]].concat();
        let distances = own.distances.iter().flat_map(|far| (*far as u16).to_be_bytes());
        Some(
            piece(template.as_bytes())
                .into_iter()
                .chain(rest)
                .chain(distances)
                .chain(values)
                .collect(),
        )
    };
    changes.into_iter().filter_map(of).collect()
}
