//! Merge laws over every field and list: several devices edit a file at once, learn of one another
//! in any order and portions, and in the end all see the same; and whatever was written without
//! being seen by a later writer still stands.
//!
//! What must stand is worked out a second way, without Automerge: a write overwrites what its
//! device could see, and stands until a write overwrites it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shouwang_crdt_schema::automerge::{Automerge, Change};
use shouwang_crdt_schema::change::Template;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{OperationName, genesis};
use shouwang_crdt_schema::edit::{Action, EditError, write_change};
use shouwang_crdt_schema::element::{Growth, List, RETRACTS, Stored};
use shouwang_crdt_schema::field::{Field, Kind, Value};
use shouwang_crdt_schema::merge::Policy;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, IncidentId, TransferId};
use shouwang_crdt_schema::view::{ElderView, PartView};

const DEVICES: usize = 3;

fn scope() -> DivisionCode {
    "990121101203".parse().unwrap()
}

fn elder() -> ElderId {
    ElderId([7; 16])
}

fn parts() -> [Part; 6] {
    [
        Part::Card,
        Part::Ledger,
        Part::Registry,
        Part::Journal(2026),
        Part::Incident(IncidentId([1; 16])),
        Part::Transfer(TransferId([2; 16])),
    ]
}

/// What a device does next. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Deed {
    /// Writes a field.
    Write { device: usize, place: usize, value: usize },
    /// Adds to a list.
    Insert { device: usize, place: usize },
    /// Takes an element out, or an event back.
    TakeBack { device: usize, place: usize, element: usize },
    /// Writes a supporter's capacity.
    Amend { device: usize, element: usize, value: usize },
    /// Takes in some of what another device has.
    Learn { device: usize, from: usize, portion: usize },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let device = 0..DEVICES;
    let deed = prop_oneof![
        4 => (device.clone(), any::<usize>(), any::<usize>())
            .prop_map(|(device, place, value)| Deed::Write { device, place, value }),
        3 => (device.clone(), any::<usize>())
            .prop_map(|(device, place)| Deed::Insert { device, place }),
        2 => (device.clone(), any::<usize>(), any::<usize>())
            .prop_map(|(device, place, element)| Deed::TakeBack { device, place, element }),
        2 => (device.clone(), any::<usize>(), any::<usize>())
            .prop_map(|(device, element, value)| Deed::Amend { device, element, value }),
        2 => (device.clone(), device, 1..6_usize)
            .prop_map(|(device, from, portion)| Deed::Learn { device, from, portion }),
    ];
    // Few places, so that devices meet in them: each case takes some fields and lists of all.
    proptest::collection::vec(deed, 20..60)
}

/// Every field in every part that it may stand in.
fn fields() -> Vec<(Part, Field)> {
    let of = |part: Part| {
        Field::ALL
            .iter()
            .filter(move |field| field.spec().parts.contains(&part.kind()))
            .map(move |field| (part, *field))
    };
    parts().into_iter().flat_map(of).collect()
}

/// Every list in every part that has it.
fn lists() -> Vec<(Part, List)> {
    let of = |part: Part| List::of(part.kind()).iter().map(move |list| (part, *list));
    parts().into_iter().flat_map(of).collect()
}

fn value(field: Field, number: usize) -> Value {
    let text = match field.spec().kind {
        Kind::Text(_) => format!("文{}", number % 5),
        Kind::Date => format!("2026-09-{:02}", 1 + number % 28),
        Kind::Division => ["990121101203", "990121101204", "990121102201"][number % 3].to_owned(),
        Kind::ResidentId => ["990121194203150047", "99012119420315008X"][number % 2].to_owned(),
        Kind::Number(limit) => (number as u32 % (limit + 1)).to_string(),
        Kind::Choice(words) => words[number % words.len()].0.to_owned(),
    };
    field.value(&text).unwrap()
}

/// A write as the second way sees it: what it says and which writes its device could see there.
#[derive(Clone, Debug)]
struct Wrote {
    place: Place,
    text: Option<String>,
    over: BTreeSet<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Field(Part, Field),
    /// Whether an element of a list stands, by the operation that inserted it.
    Element(Part, List, OperationName),
    Capacity(OperationName),
}

#[derive(Clone)]
struct Device {
    actor: [u8; 16],
    documents: BTreeMap<Part, Automerge>,
    /// The writes that it has seen, its own among them.
    seen: BTreeSet<usize>,
    /// Every change that it has, in the order of learning, and the writes in it.
    learnt: Vec<(Part, Change, BTreeSet<usize>)>,
}

struct Story {
    devices: Vec<Device>,
    wrote: Vec<Wrote>,
    fields: Vec<(Part, Field)>,
    lists: Vec<(Part, List)>,
    conflicts: usize,
}

impl Story {
    fn new(pick: usize) -> Self {
        let device = |number: usize| Device {
            actor: [number as u8 + 1; 16],
            documents: parts()
                .map(|part| (part, genesis(scope(), &DocumentId::elder(elder(), part))))
                .into(),
            seen: BTreeSet::new(),
            learnt: Vec::new(),
        };
        let (all_fields, all_lists) = (fields(), lists());
        let some = |count: usize, of: usize, step: usize| {
            (0..count).map(move |at| (pick.wrapping_mul(step) + at) % of).collect::<BTreeSet<_>>()
        };
        Self {
            devices: (0..DEVICES).map(device).collect(),
            wrote: Vec::new(),
            fields: some(4, all_fields.len(), 4).into_iter().map(|at| all_fields[at]).collect(),
            lists: some(3, all_lists.len(), 3)
                .into_iter()
                .map(|at| all_lists[at])
                .chain([(Part::Card, List::Supporters)])
                .collect(),
            conflicts: 0,
        }
    }

    /// The writes that a device can see standing in a place.
    fn standing(&self, seen: &BTreeSet<usize>, place: &Place) -> BTreeSet<usize> {
        let here: BTreeSet<usize> =
            seen.iter().copied().filter(|at| self.wrote[*at].place == *place).collect();
        let gone: BTreeSet<usize> =
            here.iter().flat_map(|at| self.wrote[*at].over.clone()).collect();
        &here - &gone
    }

    /// Writes one action of a device. The writes in it are noted once it is known to be one.
    fn act(
        &mut self,
        device: usize,
        part: Part,
        action: &Action,
    ) -> Option<(Change, Vec<OperationName>)> {
        let id = DocumentId::elder(elder(), part);
        let Device { actor, documents, .. } = &mut self.devices[device];
        let document = documents.get_mut(&part).unwrap();
        let actions = std::slice::from_ref(action);
        let bytes = match write_change(document, scope(), &id, *actor, actions) {
            Ok(bytes) => bytes?,
            // Write-once is the one rule that an honest edit may run into here.
            Err(EditError::WriteOnce(_)) => return None,
            Err(error) => panic!("{error}: {action:?}"),
        };
        // Whatever people write comes apart into its template and what is its own, and back.
        let apart = Template::of(&bytes);
        let (template, own) = apart.unwrap_or_else(|| panic!("{action:?} does not come apart"));
        let template = Template::from_bytes(template.as_bytes()).expect("a template reads back");
        assert_eq!(template.rebuild(&own).as_ref(), Some(&bytes));
        let before = ids(document, &id);
        let change = Change::from_bytes(bytes).unwrap();
        document.apply_changes([change.clone()]).unwrap();
        let fresh = &ids(document, &id) - &before;
        Some((change, fresh.into_iter().collect()))
    }

    fn note(
        &mut self,
        device: usize,
        part: Part,
        change: Change,
        places: Vec<(Place, Option<String>)>,
    ) {
        let mut writes = BTreeSet::new();
        for (place, text) in places {
            let over = self.standing(&self.devices[device].seen, &place);
            writes.insert(self.wrote.len());
            self.wrote.push(Wrote { place, text, over });
        }
        let device = &mut self.devices[device];
        device.seen.extend(&writes);
        device.learnt.push((part, change, writes));
    }

    fn does(&mut self, deed: &Deed) {
        match *deed {
            Deed::Write { device, place, value: number } => {
                let (part, field) = self.fields[place % self.fields.len()];
                let value = value(field, number);
                let text = Some(value.as_str().to_owned());
                if let Some((change, _)) = self.act(device, part, &Action::Set { field, value }) {
                    self.note(device, part, change, vec![(Place::Field(part, field), text)]);
                }
            }
            Deed::Insert { device, place } => {
                let (part, list) = self.lists[place % self.lists.len()];
                let element = Stored::map([("name", Some(format!("{}", self.wrote.len())))]);
                let action = Action::Insert { list, element };
                if let Some((change, fresh)) = self.act(device, part, &action) {
                    let stands = |id| (Place::Element(part, list, id), Some("stands".to_owned()));
                    let places = fresh.into_iter().map(stands).collect();
                    self.note(device, part, change, places);
                }
            }
            Deed::TakeBack { device, place, element } => {
                let (part, list) = self.lists[place % self.lists.len()];
                let Some(element) = self.listed(device, part, list, element) else { return };
                let target = Place::Element(part, list, element.clone());
                match list.growth() {
                    Growth::Set => {
                        let action = Action::Remove { list, element };
                        if let Some((change, _)) = self.act(device, part, &action) {
                            self.note(device, part, change, vec![(target, None)]);
                        }
                    }
                    Growth::Log => {
                        let action = Action::Retract { list, element };
                        if let Some((change, _)) = self.act(device, part, &action) {
                            self.note(device, part, change, vec![(target, None)]);
                        }
                    }
                }
            }
            Deed::Amend { device, element, value } => {
                let (part, list) = (Part::Card, List::Supporters);
                let Some(element) = self.listed(device, part, list, element) else { return };
                let text = ["Incapable", "Capable", "Unknown"][value % 3].to_owned();
                let (key, amended) = ("capacity".to_owned(), Some(text.clone()));
                let action = Action::Amend { list, element: element.clone(), key, text: amended };
                if let Some((change, _)) = self.act(device, part, &action) {
                    self.note(device, part, change, vec![(Place::Capacity(element), Some(text))]);
                }
            }
            Deed::Learn { device, from, portion } => self.learn(device, from, portion),
        }
    }

    /// Takes in the first few of another's changes that are not here; those before them are.
    fn learn(&mut self, device: usize, from: usize, portion: usize) {
        let known: BTreeSet<_> =
            self.devices[device].learnt.iter().map(|(_, change, _)| change.hash()).collect();
        let fresh: Vec<_> = self.devices[from]
            .learnt
            .iter()
            .filter(|(_, change, _)| !known.contains(&change.hash()))
            .take(portion)
            .cloned()
            .collect();
        let learner = &mut self.devices[device];
        for (part, change, writes) in fresh {
            learner.documents.get_mut(&part).unwrap().apply_changes([change.clone()]).unwrap();
            learner.seen.extend(&writes);
            learner.learnt.push((part, change, writes));
        }
    }

    /// Some element that the device sees in a list and that is no retraction.
    fn listed(
        &self,
        device: usize,
        part: Part,
        list: List,
        number: usize,
    ) -> Option<OperationName> {
        let id = DocumentId::elder(elder(), part);
        let view = PartView::read(&self.devices[device].documents[&part], &id).unwrap();
        let standing: Vec<OperationName> = view
            .stored()
            .filter(|(other, listed)| {
                *other == list
                    && listed.retracted_by.is_none()
                    && listed.element.text(RETRACTS).is_none()
            })
            .map(|(_, listed)| listed.id.clone())
            .collect();
        (!standing.is_empty()).then(|| standing[number % standing.len()].clone())
    }

    fn view(&self, device: usize) -> ElderView {
        let read = |(part, document): (&Part, &Automerge)| {
            PartView::read(document, &DocumentId::elder(elder(), *part))
        };
        ElderView::new(elder(), self.devices[device].documents.iter().filter_map(read))
    }

    /// What must stand in a place once everything is known.
    fn expected(&self, place: &Place) -> Vec<Option<String>> {
        let all = (0..self.wrote.len()).collect();
        let mut texts: Vec<Option<String>> =
            self.standing(&all, place).iter().map(|at| self.wrote[*at].text.clone()).collect();
        texts.sort();
        texts
    }

    fn check(&mut self) {
        let view = self.view(0);
        for device in 1..DEVICES {
            assert_eq!(self.view(device), view, "devices see different files");
        }
        let places: BTreeSet<Place> = self.wrote.iter().map(|wrote| wrote.place.clone()).collect();
        for place in &places {
            let expected = self.expected(place);
            match place {
                Place::Field(part, field) => self.check_field(&view, *part, *field, &expected),
                Place::Element(part, list, element) => {
                    let listed = view
                        .part(*part)
                        .unwrap()
                        .stored()
                        .find(|(other, listed)| other == list && listed.id == *element);
                    let stands = listed.is_some_and(|(_, listed)| listed.retracted_by.is_none());
                    // A set keeps what was added while another took it out without having seen it;
                    // an event stands until somebody who has seen it takes it back.
                    assert_eq!(stands, expected.iter().all(Option::is_some), "{place:?}");
                }
                Place::Capacity(element) => self.check_capacity(&view, element, &expected),
            }
        }
    }

    fn check_field(
        &mut self,
        view: &ElderView,
        part: Part,
        field: Field,
        expected: &[Option<String>],
    ) {
        let concurrent = view.part(part).unwrap().field(field).unwrap();
        let mut found: Vec<Option<String>> = concurrent
            .standing
            .iter()
            .map(|written| Some(written.value.as_str().to_owned()))
            .collect();
        found.sort();
        let place = Place::Field(part, field);
        let wrote: Vec<_> =
            self.wrote.iter().enumerate().filter(|(_, w)| w.place == place).collect();
        assert_eq!(
            found, expected,
            "{field}: a concurrent value is lost, or one too many stands: {wrote:?}"
        );
        let distinct: BTreeSet<&Option<String>> = expected.iter().collect();
        let conflict = view
            .conflicts()
            .into_iter()
            .find(|conflict| conflict.part == part && conflict.field == field.spec().key);
        assert_eq!(conflict.is_some(), distinct.len() > 1, "{field}: the inbox");
        if let Some(conflict) = conflict {
            self.conflicts += 1;
            let shown: BTreeSet<Option<String>> =
                conflict.others.into_iter().chain([conflict.effective]).map(Some).collect();
            assert_eq!(shown.iter().collect::<BTreeSet<_>>(), distinct, "{field}: the inbox");
        }
        if let (Policy::MostProtectiveWins, Kind::Choice(words)) =
            (field.spec().policy, field.spec().kind)
        {
            let rank = |text: &str| words.iter().position(|word| word.0 == text).unwrap();
            let most = expected.iter().flatten().map(|text| rank(text)).min().unwrap();
            assert_eq!(rank(concurrent.effective.as_str()), most, "{field}");
        }
    }

    fn check_capacity(
        &self,
        view: &ElderView,
        element: &OperationName,
        expected: &[Option<String>],
    ) {
        let card = view.part(Part::Card).unwrap();
        let Some((_, listed)) = card.stored().find(|(_, listed)| listed.id == *element) else {
            return;
        };
        let words = ["Incapable", "Capable", "Unknown"];
        let rank = |text: &str| words.iter().position(|word| *word == text).unwrap();
        let effective = listed.element.text("capacity").unwrap();
        let most = expected.iter().flatten().map(|text| rank(text)).min().unwrap();
        assert_eq!(rank(effective), most);
        let distinct: BTreeSet<&Option<String>> = expected.iter().collect();
        assert_eq!(listed.conflicts.contains_key("capacity"), distinct.len() > 1);
    }
}

fn ids(document: &Automerge, id: &DocumentId) -> BTreeSet<OperationName> {
    let view = PartView::read(document, id).unwrap();
    view.stored()
        .filter(|(_, listed)| listed.element.text(RETRACTS).is_none())
        .map(|(_, listed)| listed.id.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_replica_sees_the_same_and_nothing_concurrent_is_lost(
        pick in 0..64_usize,
        deeds in deeds(),
        orders in proptest::collection::vec((0..DEVICES, 0..DEVICES, 1..4_usize), 12),
    ) {
        let mut story = Story::new(pick);
        for deed in &deeds {
            story.does(deed);
        }
        // Whatever is left travels in any order and portions, and then the rest.
        for (device, from, portion) in orders {
            story.learn(device, from, portion);
        }
        for _ in 0..2 {
            for device in 0..DEVICES {
                for from in 0..DEVICES {
                    story.learn(device, from, usize::MAX);
                }
            }
        }
        story.check();
    }
}

/// The picks of the property take every field and list of the record, and devices do meet in them.
#[test]
fn every_field_and_list_has_its_turn() {
    let stories: Vec<Story> = (0..64).map(Story::new).collect();
    let taken: BTreeSet<_> = stories.iter().flat_map(|story| story.fields.clone()).collect();
    assert_eq!(taken, fields().into_iter().collect());
    let taken: BTreeSet<_> = stories.iter().flat_map(|story| story.lists.clone()).collect();
    assert_eq!(taken, lists().into_iter().collect());

    let mut conflicts = 0;
    for (part, field) in fields() {
        let mut story = Story::new(0);
        story.fields = vec![(part, field)];
        story.does(&Deed::Write { device: 0, place: 0, value: 0 });
        story.does(&Deed::Write { device: 1, place: 0, value: 1 });
        story.learn(0, 1, usize::MAX);
        story.learn(2, 0, usize::MAX);
        story.learn(1, 0, usize::MAX);
        story.check();
        conflicts += story.conflicts;
    }
    assert_eq!(conflicts, fields().len(), "two values at once are one conflict in every field");
}
