//! The edits that make a file say what a row of a ledger says. A row never erases.

use shouwang_crdt_schema::element::{
    Absence, Agreement, Device, EmergencyContact, Entitlement, GuardianContact, Maintainer, Member,
    Pairing, Supporter,
};
use shouwang_crdt_schema::ledger_row::{LedgerRow, stands};
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{
    AgreementEvent, EntitlementKind, EntitlementState, SpecialCategory, YesNo,
};
use shouwang_crdt_schema::view::ElderView;

use super::plan::{May, Plan, elements};
use super::{RowOutcome, rejected};

const CARD: &[Part] = &[Part::Card];

/// The plan for one row.
pub(super) fn plan(
    row: &LedgerRow,
    view: Option<&ElderView>,
    may: May,
) -> Result<Plan, RowOutcome> {
    if !may.write(PartKind::Card) {
        return Err(rejected(None, "no_right", None));
    }
    let mut plan = Plan::new(row.scope, view, may);
    plan.fields(&row.fields, view, None);
    people(&mut plan, row, view);
    plan.words(&row.income_sources, view, CARD);
    plan.words(&row.conditions, view, CARD);
    plan.words(&row.hazards, view, CARD);
    plan.words(&row.service_needs, view, CARD);
    devices(&mut plan, row, view);
    // The other categories follow from the file: nobody writes them.
    let written = [SpecialCategory::EmptyNest, SpecialCategory::FamilyPlanningSpecial];
    let mut categories = row.special_categories.clone();
    categories.retain(|category| written.contains(category));
    plan.words(&categories, view, &[Part::Card, Part::Registry]);
    absences(&mut plan, row, view);
    agreement(&mut plan, row, view);
    entitlements(&mut plan, row, view);
    Ok(plan)
}

fn people(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    let any = |_: &str, _: Option<&str>| true;
    plan.named::<Member>(&row.members, view, |member| &member.name, any);
    plan.named::<Supporter>(&row.supporters, view, |supporter| &supporter.name, any);
    plan.named::<Maintainer>(&row.maintainers, view, |maintainer| &maintainer.name, any);
    plan.named::<GuardianContact>(&row.guardian_contacts, view, |contact| &contact.name, any);
    plan.named::<EmergencyContact>(&row.emergency_contacts, view, |contact| &contact.name, any);
    match row.pairing_kinds_stated {
        true => plan.named::<Pairing>(&row.pairings, view, |pairing| &pairing.helper, any),
        // A guess from a title never overrules what somebody wrote.
        false => plan.named::<Pairing>(
            &row.pairings,
            view,
            |pairing| &pairing.helper,
            |key, stands| key != "kind" || stands.is_none(),
        ),
    }
}

fn devices(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    let standing = elements::<Device>(view);
    for device in &row.devices {
        let known = standing.iter().any(|(_, listed)| {
            listed.element.kind == device.kind
                && (device.serial.is_none() || listed.element.serial == device.serial)
        });
        if !known {
            plan.insert(CARD, device);
        }
    }
}

fn absences(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    let standing = elements::<Absence>(view);
    for absence in &row.absences {
        let known = standing.iter().any(|(_, listed)| {
            let event = &listed.element;
            event.supporter == absence.supporter
                && (absence.left.is_none() || event.left == absence.left)
                && (absence.returned.is_none() || event.returned == absence.returned)
        });
        if !known {
            plan.insert(CARD, absence);
        }
    }
}

fn agreement(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    let standing = elements::<Agreement>(view);
    if let Some(event) = &row.agreement_event {
        if !standing.iter().any(|(_, listed)| listed.element == *event) {
            plan.insert(CARD, event);
        }
        return;
    }
    let agreed = standing.last().is_some_and(|(_, listed)| stands(listed.element.event));
    let Some(stated) = row.agreement.filter(|stated| *stated != agreed) else { return };
    let agreement = Agreement {
        event: if stated { AgreementEvent::Signed } else { AgreementEvent::Ended },
        date: None,
        supporter: row.supporters.first().map(|supporter| supporter.name.clone()),
        caretaker: None,
        elder_consent: YesNo::Unknown,
        note: None,
    };
    plan.insert(CARD, &agreement);
}

fn entitlements(plan: &mut Plan, row: &LedgerRow, view: Option<&ElderView>) {
    const ALL: &[Part] = &[Part::Card, Part::Ledger, Part::Registry];
    let standing = elements::<Entitlement>(view);
    let last = |kind: EntitlementKind| {
        standing.iter().rfind(|(_, listed)| listed.element.kind == kind).map(|(_, l)| &l.element)
    };
    for step in &row.entitlements {
        let same = |now: &Entitlement| {
            now.state == step.state && (step.date.is_none() || now.date == step.date)
        };
        if !last(step.kind).is_some_and(same) {
            plan.insert(ALL, step);
        }
    }
    let kind = EntitlementKind::SubsistenceAllowance;
    if row.entitlements.iter().any(|step| step.kind == kind) {
        return;
    }
    let receives = last(kind).is_some_and(|now| now.state == EntitlementState::Receiving);
    if let Some(stated) = row.subsistence_allowance.filter(|stated| *stated != receives) {
        let state = if stated { EntitlementState::Receiving } else { EntitlementState::Ended };
        plan.insert(ALL, &Entitlement { kind, state, date: None });
    }
}
