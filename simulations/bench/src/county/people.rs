//! Registrations and visits, as village clerks write them. Nobody in them lives.

use anyhow::Context;
use chrono::{Days, NaiveDate, NaiveTime};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{RosterEvent, Supporter};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    ElderId, EntryReason, Finding, HealthItem, RosterStep, ServiceNeed, SupportCapacity,
    VisitAction, VisitMode, VisitOutcome,
};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::engine::DocumentEdit;

/// Visits of one elder.
pub(super) const VISITS: u64 = 12;

/// The day on which the county is asked: after the last visits of the year.
pub(super) fn as_of() -> anyhow::Result<NaiveDate> {
    NaiveDate::from_ymd_opt(2025, 12, 20).context("no such day")
}

const FAMILY_NAMES: [&str; 10] = ["王", "李", "和", "木", "杨", "赵", "周", "段", "何", "罗"];
const GIVEN: [&str; 12] = ["国", "秀", "英", "桂", "玉", "兰", "德", "福", "贵", "树", "文", "顺"];

/// A name that a few of a county bear.
fn name(random: &mut ChaCha8Rng) -> String {
    let mut pick = |from: &[&'static str]| from[random.random_range(0..from.len())];
    [pick(&FAMILY_NAMES), pick(&GIVEN), pick(&GIVEN)].concat()
}

/// One elder's registration: one change of the card.
pub(super) fn registration(
    scope: DivisionCode,
    elder: ElderId,
    serial: u64,
    random: &mut ChaCha8Rng,
) -> anyhow::Result<DocumentEdit> {
    let born = NaiveDate::from_ymd_opt(
        random.random_range(1936..1966),
        random.random_range(1..=12),
        random.random_range(1..=28),
    )
    .context("no such day")?;
    let county = scope.number() / 1_000_000;
    let id = format!("{county:06}{}{:03}", born.format("%Y%m%d"), serial % 1_000);
    let mut texts = vec![
        (Field::Name, name(random)),
        (Field::BirthDate, born.to_string()),
        (Field::Sex, if serial.is_multiple_of(2) { "Female" } else { "Male" }.to_owned()),
        (Field::Phone, format!("139{serial:08}")),
        (Field::Address, format!("{}组{}号", serial % 12 + 1, serial % 97 + 1)),
        (Field::HukouCode, scope.to_string()),
        (Field::ResidenceCode, scope.to_string()),
        (
            Field::LivingArrangement,
            if serial.is_multiple_of(3) { "Alone" } else { "SpouseOnly" }.to_owned(),
        ),
    ];
    if let Ok(id) = ResidentId::with_check(&id) {
        texts.push((Field::ResidentId, id.as_str().to_owned()));
    }
    let mut edits = Vec::new();
    for (field, text) in texts {
        edits.push(Edit::set(Part::Card, field, field.value(&text)?));
    }
    let supporter = Supporter {
        name: name(random),
        relation: Some("儿子".to_owned()),
        whereabouts: Some("外出务工".to_owned()),
        phone: Some(format!("138{serial:08}")),
        capacity: SupportCapacity::Capable,
    };
    edits.push(Edit::insert(Part::Card, &supporter));
    let entered = RosterEvent {
        step: RosterStep::Entered,
        date: NaiveDate::from_ymd_opt(2025, 1, 5).context("no such day")?,
        entry_reason: Some(EntryReason::FirstSurvey),
        exit_reason: None,
        note: None,
    };
    edits.push(Edit::insert(Part::Card, &entered));
    Ok(of_part(scope, elder, Part::Card, edits))
}

/// The visit of a month, 0 to 11: one change of the year's journal. Now and then nobody was in.
pub(super) fn visit(
    scope: DivisionCode,
    elder: ElderId,
    month: u64,
    random: &mut ChaCha8Rng,
) -> anyhow::Result<DocumentEdit> {
    let first = NaiveDate::from_ymd_opt(2025, u32::try_from(month + 1)?, 1).context("no month")?;
    let date = first + Days::new(random.random_range(0..19));
    let mut visit = Visit::on(date);
    visit.time = NaiveTime::from_hms_opt(random.random_range(8..18), random.random_range(0..60), 0);
    visit.visitor = Some("张建华".to_owned());
    if random.random_bool(0.25) {
        visit.mode = VisitMode::Phone;
    }
    if random.random_bool(0.1) {
        visit.outcome = VisitOutcome::NoAnswer;
    } else {
        let items = match random.random_bool(0.2) {
            true => [HealthItem::Illness].into(),
            false => Default::default(),
        };
        visit.health = Some(AreaReport { finding: Finding::Fine, items });
        visit.safety = Some(AreaReport { finding: Finding::Fine, items: Default::default() });
        visit.actions = [VisitAction::Informed].into();
    }
    if random.random_bool(0.2) {
        visit.needs = [ServiceNeed::Meals].into();
        visit.note = Some("腿脚不便，托邻居带了药。".to_owned());
    }
    let journal = Part::Journal(2025);
    Ok(of_part(scope, elder, journal, vec![Edit::insert(journal, &visit)]))
}

fn of_part(scope: DivisionCode, elder: ElderId, part: Part, edits: Vec<Edit>) -> DocumentEdit {
    let actions: Vec<Action> = edits.into_iter().map(|edit| edit.action).collect();
    DocumentEdit { scope, document: DocumentId::elder(elder, part), actions }
}
