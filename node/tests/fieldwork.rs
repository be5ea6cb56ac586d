//! What is recorded in the field: bad input is refused by name and leaves nothing behind, a clock
//! that cannot be right makes dates typed and flagged, incidents wait for those who owe them.

mod county;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use county::{County, code};
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{
    Absence, Agreement, BlacklistEntry, Element, Entitlement, IncidentEvent, List, Review, Service,
    SupportDuty,
};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    AbsenceReason, AgreementEvent, BlacklistStep, DutyLevel, EntitlementKind, EntitlementState,
    EntryReason, ExitReason, IncidentKind, IncidentStep, ReviewOutcome, ServiceNeed, YesNo,
};
use shouwang_crdt_schema::rules::escalation::IncidentState;
use shouwang_crdt_schema::rules::facts::end_of;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::clock::{CheckedToday, ClockFault, Today};
use shouwang_node::command::elder::{ElderAdd, ElderSet, RosterEntry, Saved, VisitAdd};
use shouwang_node::command::incident::{
    IncidentAct, IncidentList, IncidentRaise, IncidentReport, IncidentSaved, IncidentShow, Which,
};
use shouwang_node::command::items::{ItemAdd, ItemChange, ItemList, ItemStep};
use shouwang_node::command::record::{FileEvent, Record};
use shouwang_node::command::roster::{RosterChange, RosterHistory, RosterList, RosterWrite};
use shouwang_node::command::{CommandError, ErrorKind};
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::grant::Role;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

/// 2026-11-21 12:00 in UTC+8.
const NOON: i64 = 1_795_233_600_000;
const YEAR: i64 = 365 * 86_400_000;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A village with an elder born in 1942 and rostered since 1 September 2026, whose son is Li Ming.
struct Scene {
    county: County,
    elder: String,
}

impl Scene {
    fn new() -> Self {
        let mut county = County::begin(COUNTY);
        county.sets_clocks(NOON);
        county.grant(COUNTY, SONGWU);
        county.grant(SONGWU, SHANGHE);
        county.grant_as(SONGWU, SHANGHE, "helper", Some(Role::Helper));
        county.connect(COUNTY, SONGWU);
        county.connect(SONGWU, SHANGHE);
        county.connect(SONGWU, "helper");
        county.settle();
        let fields = [(Field::Name, "周国强"), (Field::BirthDate, "1942-03-15")];
        let entry =
            RosterEntry { reason: EntryReason::FirstSurvey, date: day("2026-09-01"), note: None };
        let add = ElderAdd {
            scope: None,
            fields: fields.map(|(field, text)| (field, text.to_owned())).into(),
            entry: Some(entry),
        };
        let elder = county.asks(SHANGHE, add).unwrap().elder_id.to_string();
        let mut scene = Self { county, elder };
        scene.adds(List::Supporters, &[("name", "李明"), ("relation", "长子")]).unwrap();
        scene.county.settle();
        scene
    }

    fn adds(&mut self, list: List, texts: &[(&str, &str)]) -> Result<Saved, CommandError> {
        let texts = texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        let texts = texts.collect();
        let add = ItemAdd { elder: self.elder.clone(), list, texts, certified: false };
        self.county.asks(SHANGHE, add)
    }

    fn visits(&mut self, date: &str) -> Result<Saved, CommandError> {
        let visit = Visit::on(day(date));
        self.county.asks(SHANGHE, VisitAdd { elder: self.elder.clone(), visit })
    }

    fn records(&mut self, event: FileEvent) -> Result<Saved, CommandError> {
        self.county.asks(SHANGHE, Record { elder: self.elder.clone(), events: vec![event] })
    }

    fn sets(&mut self, field: Field, text: &str) -> Result<Saved, CommandError> {
        let fields = BTreeMap::from([(field, text.to_owned())]);
        let set = ElderSet { elder: self.elder.clone(), fields, certified: false };
        self.county.asks(SHANGHE, set)
    }

    fn raises(&mut self, kind: IncidentKind, date: &str) -> Result<IncidentSaved, CommandError> {
        let raise = IncidentRaise { elder: self.elder.clone(), kind, report: on(date) };
        self.county.asks(SHANGHE, raise)
    }

    fn acts(
        &mut self,
        place: &str,
        incident: &str,
        step: IncidentStep,
        date: &str,
    ) -> Result<IncidentSaved, CommandError> {
        let act = IncidentAct { incident: incident.into(), step, kind: None, report: on(date) };
        self.county.asks(place, act)
    }

    fn rosters(&mut self, step: RosterChange, date: &str) -> Result<Saved, CommandError> {
        let write = RosterWrite { elder: self.elder.clone(), step, date: day(date), note: None };
        self.county.asks(SHANGHE, write)
    }

    /// How many entries there are at the village.
    fn entries(&mut self) -> u64 {
        self.county.status(SHANGHE).scopes.iter().map(|scope| scope.entries).sum()
    }
}

fn on(date: &str) -> IncidentReport {
    IncidentReport { date: day(date), time: None, place: None, by: None, note: None }
}

fn review(date: &str) -> FileEvent {
    let date = day(date);
    FileEvent::Review(Review { date, outcome: ReviewOutcome::NoChange, reviewer: None, note: None })
}

fn absence(supporter: &str, left: Option<&str>, returned: Option<&str>) -> FileEvent {
    FileEvent::Absence(Absence {
        supporter: supporter.into(),
        left: left.map(day),
        returned: returned.map(day),
        destination: None,
        reason: AbsenceReason::Work,
    })
}

fn agreement(event: AgreementEvent, date: &str) -> FileEvent {
    FileEvent::Agreement(Agreement {
        event,
        date: Some(day(date)),
        supporter: Some("李明".into()),
        caretaker: Some("王芳".into()),
        elder_consent: YesNo::Yes,
        note: None,
    })
}

fn blacklist(step: BlacklistStep, supporter: &str) -> FileEvent {
    let (date, basis) = (Some(day("2026-10-01")), None);
    FileEvent::Blacklist(BlacklistEntry { step, supporter: supporter.into(), date, basis })
}

fn service(date: &str, minutes: u32) -> FileEvent {
    FileEvent::Service(Service {
        date: day(date),
        need: ServiceNeed::Meals,
        provider: None,
        minutes: Some(minutes),
        note: None,
    })
}

fn duty(date: &str, supporter: &str) -> FileEvent {
    FileEvent::SupportDuty(SupportDuty {
        date: day(date),
        supporter: Some(supporter.into()),
        economic: DutyLevel::Partial,
        daily_care: DutyLevel::Unknown,
        emotional: DutyLevel::Failed,
        note: None,
    })
}

type Try = fn(&mut Scene) -> Option<CommandError>;

#[test]
fn bad_input_is_refused_by_code_and_field_and_leaves_nothing_behind() {
    let table: &[(&str, &str, &str, Try)] = &[
        ("a visit to come", "date_future", "visits/date", |s| s.visits("2026-11-22").err()),
        ("in another age", "date_range", "visits/date", |s| s.visits("1899-12-31").err()),
        ("before the roster", "date_before_roster", "visits/date", |s| {
            s.visits("2026-08-31").err()
        }),
        ("before birth", "date_before_birth", "visits/date", |s| s.visits("1942-03-14").err()),
        ("a long note", "text_too_long", "visits/note", |s| {
            let note = Some("长".repeat(501));
            let visit = Visit { note, ..Visit::on(day("2026-10-01")) };
            let elder = s.elder.clone();
            s.county.asks(SHANGHE, VisitAdd { elder, visit }).err()
        }),
        ("a long name of a visitor", "text_too_long", "visits/visitor", |s| {
            let visitor = Some("长".repeat(41));
            let visit = Visit { visitor, ..Visit::on(day("2026-10-01")) };
            let elder = s.elder.clone();
            s.county.asks(SHANGHE, VisitAdd { elder, visit }).err()
        }),
        ("control characters", "text_control", "visits/note", |s| {
            let note = Some("\u{7}".into());
            let visit = Visit { note, ..Visit::on(day("2026-10-01")) };
            let elder = s.elder.clone();
            s.county.asks(SHANGHE, VisitAdd { elder, visit }).err()
        }),
        ("nobody's file", "elder_unknown", "", |s| {
            let visit = Visit::on(day("2026-10-01"));
            s.county.asks(SHANGHE, VisitAdd { elder: "ffffffff".into(), visit }).err()
        }),
        ("a birth to come", "date_future", "birth_date", |s| {
            s.sets(Field::BirthDate, "2027-01-01").err()
        }),
        ("too old", "too_old", "birth_date", |s| s.sets(Field::BirthDate, "1905-01-01").err()),
        ("no date", "value_date", "birth_date", |s| s.sets(Field::BirthDate, "2026-02-30").err()),
        ("no code", "value_division", "hukou_code", |s| s.sets(Field::HukouCode, "12").err()),
        ("elsewhere", "residence_elsewhere", "residence_code", |s| {
            s.sets(Field::ResidenceCode, "990121102203").err()
        }),
        ("not this office's", "no_right_for_field", "ability_level", |s| {
            s.sets(Field::AbilityLevel, "Severe").err()
        }),
        ("a review to come", "date_future", "reviews/date", |s| {
            s.records(review("2026-12-01")).err()
        }),
        ("a review before the roster", "date_before_roster", "reviews/date", |s| {
            s.records(review("2026-08-01")).err()
        }),
        ("an unknown supporter", "supporter_unknown", "absences/supporter", |s| {
            s.records(absence("李亮", Some("2026-10-01"), None)).err()
        }),
        ("leaves tomorrow", "date_future", "absences/left", |s| {
            s.records(absence("李明", Some("2026-11-22"), None)).err()
        }),
        ("back before leaving", "returned_before_left", "absences/returned", |s| {
            s.records(absence("李明", Some("2026-10-02"), Some("2026-10-01"))).err()
        }),
        ("nothing to end", "no_agreement", "agreements", |s| {
            s.records(agreement(AgreementEvent::Ended, "2026-10-01")).err()
        }),
        ("filed before signed", "filed_before_signed", "agreements/date", |s| {
            let events = vec![
                agreement(AgreementEvent::Signed, "2026-10-02"),
                agreement(AgreementEvent::Filed, "2026-10-01"),
            ];
            s.county.asks(SHANGHE, Record { elder: s.elder.clone(), events }).err()
        }),
        ("delisted and never listed", "not_listed", "blacklist/supporter", |s| {
            s.records(blacklist(BlacklistStep::Delisted, "李明")).err()
        }),
        ("listed, whoever that is", "supporter_unknown", "blacklist/supporter", |s| {
            s.records(blacklist(BlacklistStep::Listed, "李亮")).err()
        }),
        ("two days of service", "number_range", "services/minutes", |s| {
            s.records(service("2026-10-01", 1_441)).err()
        }),
        ("a finding about nobody", "supporter_unknown", "support_duty/supporter", |s| {
            s.records(duty("2026-10-01", "李亮")).err()
        }),
        ("granted by a village", "no_right_for_list", "entitlements", |s| {
            let (kind, state) = (EntitlementKind::OldAgeAllowance, EntitlementState::Receiving);
            let date = Some(day("2026-10-01"));
            s.records(FileEvent::Entitlement(Entitlement { kind, state, date })).err()
        }),
        ("an incident to come", "date_future", "incident_events/date", |s| {
            s.raises(IncidentKind::SafetyRisk, "2026-11-22").err()
        }),
        ("no such incident", "incident_unknown", "", |s| {
            s.acts(SONGWU, "ffff", IncidentStep::Acknowledged, "2026-10-01").err()
        }),
        ("on the roster twice", "roster_on_already", "roster_events", |s| {
            s.rosters(RosterChange::Entered(EntryReason::ReEntry), "2026-10-01").err()
        }),
        ("gone before coming", "roster_off_already", "roster_events", |s| {
            s.rosters(RosterChange::Left(ExitReason::MovedOut), "2026-08-01").err()
        }),
        ("gone tomorrow", "date_future", "roster_events/date", |s| {
            s.rosters(RosterChange::Left(ExitReason::MovedOut), "2026-11-22").err()
        }),
        ("confirmed by a village", "no_right_for_list", "roster_events", |s| {
            s.rosters(RosterChange::Confirmed, "2026-10-01").err()
        }),
        ("no key", "item_key", "members/age", |s| {
            s.adds(List::Members, &[("name", "周红"), ("age", "40")]).err()
        }),
        ("no name", "item_incomplete", "members/name", |s| {
            s.adds(List::Members, &[("relation", "孙女")]).err()
        }),
        ("no word", "item_value", "hazards/value", |s| {
            s.adds(List::Hazards, &[("value", "Dragons")]).err()
        }),
        ("no word in a key", "item_value", "devices/kind", |s| {
            s.adds(List::Devices, &[("kind", "Robot")]).err()
        }),
        ("an empty name", "text_empty", "members/name", |s| {
            s.adds(List::Members, &[("name", " ")]).err()
        }),
        ("too long a relation", "text_too_long", "members/relation", |s| {
            s.adds(List::Members, &[("name", "周红"), ("relation", &"长".repeat(501))]).err()
        }),
        ("paired from tomorrow", "date_future", "pairings/from", |s| {
            s.adds(List::Pairings, &[("helper", "陈静"), ("from", "2026-11-22")]).err()
        }),
        ("a list with commands", "list_has_commands", "visits", |s| {
            s.adds(List::Visits, &[("date", "2026-10-01")]).err()
        }),
        ("what only grows", "list_of_events", "roster_events", |s| {
            let item = first_item(s, List::RosterEvents);
            changes(s, List::RosterEvents, &item, ItemStep::Remove).err()
        }),
        ("what is no event", "list_of_things", "supporters", |s| {
            changes(s, List::Supporters, "李明", ItemStep::Retract).err()
        }),
        ("nobody of that name", "item_unknown", "supporters", |s| {
            changes(s, List::Supporters, "李亮", ItemStep::Remove).err()
        }),
        ("another village's", "outside_area", "", |s| {
            let fields = BTreeMap::from([(Field::Name, "林秀英".to_owned())]);
            let scope = Some(code("990121101204"));
            s.county.asks(SHANGHE, ElderAdd { scope, fields, entry: None }).err()
        }),
    ];
    let mut scene = Scene::new();
    let before = scene.entries();
    for (story, expected, field, attempt) in table {
        let error = attempt(&mut scene).unwrap_or_else(|| panic!("{story}: it was saved"));
        assert_eq!(error.code, *expected, "{story}: {error:?}");
        let found = error.arguments.get("field").map(String::as_str).unwrap_or_default();
        assert_eq!(found, *field, "{story}: {error:?}");
        assert_eq!(scene.entries(), before, "{story} left something behind");
    }
    scene.county.verify_all();
}

fn changes(
    scene: &mut Scene,
    list: List,
    item: &str,
    how: ItemStep,
) -> Result<Saved, CommandError> {
    let change = ItemChange { elder: scene.elder.clone(), list, item: item.into(), how };
    scene.county.asks(SHANGHE, change)
}

fn first_item(scene: &mut Scene, list: List) -> String {
    let wanted = ItemList { elder: scene.elder.clone(), list: Some(list) };
    scene.county.asks(SHANGHE, wanted).unwrap().items.first().unwrap().item.clone()
}

#[test]
fn what_is_doubtful_and_not_impossible_is_saved_and_flagged() {
    let mut scene = Scene::new();
    assert_eq!(scene.sets(Field::Phone, "没有电话").unwrap().flags, ["phone_without_digits"]);
    assert_eq!(scene.sets(Field::BirthDate, "1980-01-01").unwrap().flags, ["younger_than_60"]);
    assert!(scene.visits("2026-11-21").unwrap().flags.is_empty());
}

#[test]
fn a_clock_that_cannot_be_right_makes_dates_flagged() {
    let mut scene = Scene::new();
    let today = |scene: &mut Scene| scene.county.asks(SHANGHE, Today {}).unwrap().today;
    assert_eq!(today(&mut scene), CheckedToday::Plausible { date: day("2026-11-21") });
    // The battery is dead: the peers that were met say what day it is at least.
    scene.county.sets_clocks(0);
    let CheckedToday::Implausible { why, peers, .. } = today(&mut scene) else {
        panic!("1970 is plausible")
    };
    assert_eq!((why, peers), (ClockFault::BeforeRelease, Some(day("2026-11-21"))));
    assert!(scene.visits("2026-11-21").unwrap().flags.is_empty());
    assert_eq!(scene.visits("2031-01-01").unwrap().flags, ["future_date"]);
    assert_eq!(scene.visits("2026-08-01").unwrap().flags, ["before_roster"]);
    assert_eq!(scene.visits("1899-01-01").unwrap_err().code, "date_range");
    // A year behind what the peers have shown is no better.
    scene.county.sets_clocks(NOON - YEAR / 2);
    let CheckedToday::Implausible { why, .. } = today(&mut scene) else {
        panic!("half a year behind is plausible")
    };
    assert_eq!(why, ClockFault::BehindPeers);
    scene.county.sets_clocks(NOON + 86_400_000);
    assert_eq!(today(&mut scene), CheckedToday::Plausible { date: day("2026-11-22") });
    assert_eq!(scene.visits("2031-01-01").unwrap_err().code, "date_future");
}

#[test]
fn an_incident_waits_for_the_township_and_is_closed_when_it_was_acknowledged() {
    let mut scene = Scene::new();
    let saved = scene.raises(IncidentKind::CriticalIllness, "2026-11-20").unwrap();
    let id = saved.incident_id.to_string();
    scene.county.settle();
    let list = |scene: &mut Scene, place: &str, which, date: &str| {
        let as_of = Some(end_of(day(date)));
        scene.county.asks(place, IncidentList { which, elder: None, as_of }).unwrap()
    };
    // Critical illness is due in two hours, so it is overdue on the same evening: at the township,
    // which owes it, and at the county, which commands emergencies, but not at the village.
    for (place, here) in [(SHANGHE, 0), (SONGWU, 1), (COUNTY, 1)] {
        let report = list(&mut scene, place, Which::Overdue, "2026-11-20");
        assert_eq!(report.incidents.len(), 1, "{place}");
        assert_eq!((report.counts.overdue, report.counts.overdue_here), (1, here), "{place}");
    }
    let earlier = list(&mut scene, SONGWU, Which::All, "2026-11-19");
    assert!(earlier.incidents.is_empty());

    let early = scene.acts(SONGWU, &id, IncidentStep::Closed, "2026-11-20").unwrap_err();
    assert_eq!(early.code, "incident_not_acknowledged");
    let before = scene.acts(SONGWU, &id, IncidentStep::Acknowledged, "2026-11-19").unwrap_err();
    assert_eq!(before.code, "date_before_raised");
    let helper = scene.acts("helper", &id, IncidentStep::Acknowledged, "2026-11-20").unwrap_err();
    assert_eq!((helper.kind, &*helper.code), (ErrorKind::Refused, "no_right_to_acknowledge"));

    scene.acts(SONGWU, &id[..8], IncidentStep::Acknowledged, "2026-11-21").unwrap();
    let again = scene.acts(COUNTY, &id, IncidentStep::Acknowledged, "2026-11-21");
    assert!(again.is_ok(), "the county has not heard of it yet: {again:?}");
    scene.county.settle();
    let twice = scene.acts(SONGWU, &id, IncidentStep::Acknowledged, "2026-11-21").unwrap_err();
    assert_eq!(twice.code, "incident_acknowledged");
    let closed = scene.acts(SHANGHE, &id, IncidentStep::Closed, "2026-11-20").unwrap_err();
    assert_eq!(closed.code, "date_before_acknowledged");
    scene.acts(SHANGHE, &id, IncidentStep::Noted, "2026-11-21").unwrap();
    scene.acts(SHANGHE, &id, IncidentStep::Closed, "2026-11-21").unwrap();
    scene.county.settle();
    for place in [SHANGHE, SONGWU, COUNTY] {
        assert!(list(&mut scene, place, Which::Open, "2026-11-21").incidents.is_empty(), "{place}");
        let as_of = Some(end_of(day("2026-11-21")));
        let show = IncidentShow { incident: id.clone(), as_of };
        let shown = scene.county.asks(place, show).unwrap();
        assert_eq!(shown.summary.standing.state, IncidentState::Closed, "{place}");
        assert_eq!(shown.steps.len(), 5, "{place}");
        assert!(shown.steps.iter().all(|step| step.recorded_by.is_some()), "{place}");
    }
    scene.county.assert_converged();
    scene.county.verify_all();
}

#[test]
fn an_acknowledgement_counts_only_from_whoever_may_acknowledge() {
    let mut scene = Scene::new();
    let saved = scene.raises(IncidentKind::Wandering, "2026-11-20").unwrap();
    scene.county.settle();
    // A helper's program that does not ask: the entry itself would not count, so it is not written.
    let event = |step| IncidentEvent {
        step,
        kind: None,
        date: day("2026-11-20"),
        time: None,
        place: None,
        by: None,
        note: None,
    };
    let document = DocumentId::elder(saved.elder_id, Part::Incident(saved.incident_id));
    let writes = |scene: &mut Scene, step| {
        let action = Action::Insert { list: List::IncidentEvents, element: event(step).store() };
        let edit = DocumentEdit { scope: code(SHANGHE), document, actions: vec![action] };
        let now = scene.county.now();
        scene.county.engine("helper").capture(now, &[edit])
    };
    let refused = writes(&mut scene, IncidentStep::Acknowledged).unwrap_err();
    let refused = CommandError::from(refused);
    assert!(matches!(&*refused.code, "would_not_count" | "no_right_for_field"), "{refused:?}");
    // What a helper may say is saved all the same.
    assert_eq!(writes(&mut scene, IncidentStep::Noted).unwrap(), 1);
}

#[test]
fn the_roster_goes_in_and_out_and_an_event_can_be_taken_back() {
    let mut scene = Scene::new();
    let rostered = |scene: &mut Scene, on: &str| {
        let list = RosterList { scope: None, on: day(on), all: false };
        scene.county.asks(SHANGHE, list).unwrap().rostered
    };
    assert_eq!(rostered(&mut scene, "2026-08-31"), 0);
    assert_eq!(rostered(&mut scene, "2026-09-01"), 1);
    scene.rosters(RosterChange::Left(ExitReason::Deceased), "2026-10-01").unwrap();
    assert_eq!(rostered(&mut scene, "2026-10-01"), 0);
    let dead = scene.rosters(RosterChange::Entered(EntryReason::ReEntry), "2026-10-02");
    assert_eq!(dead.unwrap_err().code, "roster_deceased");
    let history = RosterHistory { elder: scene.elder.clone() };
    let events = scene.county.asks(SHANGHE, history.clone()).unwrap().events;
    assert_eq!(events.len(), 2);
    let mistake = events.last().unwrap().id.clone();
    changes(&mut scene, List::RosterEvents, &mistake, ItemStep::Retract).unwrap();
    assert_eq!(rostered(&mut scene, "2026-10-01"), 1);
    let again = changes(&mut scene, List::RosterEvents, &mistake, ItemStep::Retract);
    assert_eq!(again.unwrap_err().code, "already_retracted");
    assert!(scene.county.asks(SHANGHE, history).unwrap().events[1].retracted);
    // The township confirms, in its own part.
    scene.county.settle();
    let (elder, date) = (scene.elder.clone(), day("2026-10-01"));
    let confirm = RosterWrite { elder, step: RosterChange::Confirmed, date, note: None };
    scene.county.asks(SONGWU, confirm).unwrap();
    scene.county.settle();
    scene.county.assert_converged();
    scene.county.verify_all();
}

#[test]
fn a_file_without_events_counts_as_rostered() {
    let mut scene = Scene::new();
    scene.county.adds_elder(SHANGHE, "林秀英");
    let list = RosterList { scope: None, on: day("2026-08-31"), all: false };
    assert_eq!(scene.county.asks(SHANGHE, list).unwrap().rostered, 1);
}

#[test]
fn things_are_added_amended_and_removed() {
    let mut scene = Scene::new();
    scene.adds(List::Hazards, &[("value", "Gas")]).unwrap();
    assert_eq!(scene.adds(List::Hazards, &[("value", "Gas")]).unwrap().entries, 0, "twice");
    let amend = ItemStep::Amend([("phone".to_owned(), Some("13900000001".to_owned()))].into());
    changes(&mut scene, List::Supporters, "李明", amend).unwrap();
    changes(&mut scene, List::Hazards, "Gas", ItemStep::Remove).unwrap();
    let list = ItemList { elder: scene.elder.clone(), list: None };
    let items = scene.county.asks(SHANGHE, list).unwrap().items;
    let supporter = items.iter().find(|item| item.list == "supporters").unwrap();
    assert_eq!(supporter.texts["phone"], "13900000001");
    assert!(!items.iter().any(|item| item.list == "hazards"));
}

#[test]
fn an_agreement_is_signed_filed_and_ended_and_a_defaulter_listed() {
    let mut scene = Scene::new();
    for event in [
        agreement(AgreementEvent::Signed, "2026-10-01"),
        agreement(AgreementEvent::Filed, "2026-10-02"),
        agreement(AgreementEvent::Ended, "2026-11-01"),
        absence("李明", Some("2026-03-01"), None),
        absence("李明", None, Some("2026-11-01")),
        blacklist(BlacklistStep::Listed, "李明"),
        service("2026-10-01", 60),
        duty("2026-10-01", "李明"),
        review("2026-10-10"),
    ] {
        assert_eq!(scene.records(event.clone()).unwrap().entries, 1, "{event:?}");
    }
    let again = scene.records(agreement(AgreementEvent::Ended, "2026-11-02")).unwrap_err();
    assert_eq!(again.code, "no_agreement");
    let twice = scene.records(blacklist(BlacklistStep::Listed, "李明")).unwrap_err();
    assert_eq!(twice.code, "already_listed");
    scene.county.settle();
    let events = vec![blacklist(BlacklistStep::Confirmed, "李明")];
    scene.county.asks(SONGWU, Record { elder: scene.elder.clone(), events }).unwrap();
    scene.county.verify_all();
}
