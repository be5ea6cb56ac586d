//! The facts of a file, as the rules want them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::division::{DivisionCode, Level};
use crate::element::{
    Absence, Agreement, IncidentEvent, Maintainer, Member, Review, RosterEvent, Supporter,
};
use crate::field::Field;
use crate::parts::Part;
use crate::record::{
    CareGroup, Choice, Condition, IncidentId, IncidentKind, LivingArrangement, MentalState,
    SpecialCategory, SupportCapacity,
};
use crate::rules::absence::AbsenceFact;
use crate::rules::agreement::{AgreementStanding, agreement};
use crate::rules::alert::{Alert, AlertFacts, alerts};
use crate::rules::care_group::care_group;
use crate::rules::eligibility::{Eligibility, EligibilityFacts, SupporterFacts, eligibility};
use crate::rules::escalation::{IncidentStanding, IncidentState, incident_standing};
use crate::rules::relation::{Kinship, is_spouse};
use crate::rules::review::{ReviewDuty, review_duty};
use crate::rules::roster::{Roster, RosterFact, RosterStanding};
use crate::rules::ruleset::Ruleset;
use crate::rules::special_category::{CategoryFacts, special_categories};
use crate::rules::visits::{VisitDuty, VisitFact, VisitFacts, visit_duty};
use crate::view::{ElderView, PartView};
use crate::visit::Visit;

/// Everything that the rules look at in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElderFacts {
    /// R1.
    pub eligibility: EligibilityFacts,
    /// R2, R3, R4, R9.
    pub visits: VisitFacts,
    /// R5: the events in list order.
    pub agreements: Vec<Agreement>,
    /// R6: the days of the reviews.
    pub reviews: Vec<NaiveDate>,
    /// R7, but for open incidents of illness.
    pub alert: AlertFacts,
    /// 特殊困难
    pub categories: CategoryFacts,
    /// R8: the events of each incident in list order.
    pub incidents: BTreeMap<IncidentId, Vec<IncidentEvent>>,
}

impl ElderFacts {
    /// Takes the facts out of a view. Only what takes effect is a fact: no value that its writer
    /// had no right to, and no event that was taken back.
    pub fn of(view: &ElderView) -> Self {
        let care = view.care_facts();
        let living_arrangement = view.choice(Field::LivingArrangement);
        let conditions: BTreeSet<Condition> = elements(view).collect();
        let seriously_ill = conditions.contains(&Condition::SevereMentalDisorder)
            || conditions.contains(&Condition::Tuberculosis)
            || view.choice(Field::MentalState) == Some(MentalState::Severe);
        let residence = view.text(Field::ResidenceCode).and_then(|code| code.parse().ok());
        Self {
            eligibility: EligibilityFacts {
                birth_date: care.birth_date,
                hukou: view.text(Field::HukouCode).and_then(|code| code.parse().ok()),
                residence,
                supporters: supporters(view, living_arrangement),
            },
            visits: VisitFacts {
                care,
                consent: view.choice(Field::CareConsent),
                residence,
                visits: elements(view).map(|visit: Visit| VisitFact::from(&visit)).collect(),
                roster: Roster::new(&roster_events(view)),
            },
            agreements: elements(view).collect(),
            reviews: elements(view).map(|review: Review| review.date).collect(),
            alert: AlertFacts {
                living_arrangement,
                ability_level: care.ability_level,
                observed_function: care.observed_function,
                seriously_ill,
            },
            categories: CategoryFacts {
                living_arrangement,
                ability_level: care.ability_level,
                disability_grade: care.disability_grade,
                written: elements(view).collect::<BTreeSet<SpecialCategory>>(),
            },
            incidents: incidents(view),
        }
    }

    /// The same, where the file does not say where the elder lives: in the scope that keeps it.
    #[must_use]
    pub fn in_scope(mut self, scope: DivisionCode) -> Self {
        self.eligibility.residence.get_or_insert(scope);
        self.visits.residence.get_or_insert(scope);
        self
    }

    /// R1 on a day.
    pub fn eligibility(&self, ruleset: &Ruleset, as_of: NaiveDate) -> Eligibility {
        eligibility(&self.eligibility, ruleset, as_of)
    }

    /// R2 on a day.
    pub fn care_group(&self, as_of: NaiveDate) -> CareGroup {
        care_group(&self.visits.care, as_of)
    }

    /// R3 on a day; None for somebody who is not on the roster.
    pub fn visit_duty(&self, ruleset: &Ruleset, as_of: NaiveDate) -> Option<VisitDuty> {
        visit_duty(&self.visits, ruleset, as_of)
    }

    /// R5 on a day.
    pub fn agreement(&self, as_of: NaiveDate) -> AgreementStanding {
        agreement(&self.agreements, as_of)
    }

    /// R6 on a day; None for somebody who is not on the roster.
    pub fn review_duty(&self, ruleset: &Ruleset, as_of: NaiveDate) -> Option<ReviewDuty> {
        review_duty(&self.reviews, self.roster(), ruleset, as_of)
    }

    /// R7 on a day.
    pub fn alerts(&self, ruleset: &Ruleset, as_of: NaiveDate) -> Vec<Alert> {
        // The level of the place decides who owes an answer, not whether an incident is open.
        let ill = self.incidents(Level::Village, ruleset, end_of(as_of)).any(|(_, incident)| {
            let illness = [IncidentKind::CriticalIllness, IncidentKind::SevereMentalIllness];
            incident.state != IncidentState::Closed
                && incident.kind.is_some_and(|kind| illness.contains(&kind))
        });
        alerts(&AlertFacts { seriously_ill: self.alert.seriously_ill || ill, ..self.alert })
    }

    /// R8 at a moment, UTC+8: the incidents of the file, which lies in a place of this level.
    pub fn incidents<'a>(
        &'a self,
        level: Level,
        ruleset: &'a Ruleset,
        as_of: NaiveDateTime,
    ) -> impl Iterator<Item = (IncidentId, IncidentStanding)> + 'a {
        self.incidents.iter().filter_map(move |(id, events)| {
            Some((*id, incident_standing(events, level, ruleset, as_of)?))
        })
    }

    /// R9.
    pub fn roster(&self) -> &Roster {
        &self.visits.roster
    }

    /// R9 on a day.
    pub fn standing(&self, as_of: NaiveDate) -> RosterStanding {
        self.roster().on(as_of)
    }

    /// 特殊困难 on a day.
    pub fn special_categories(
        &self,
        ruleset: &Ruleset,
        as_of: NaiveDate,
    ) -> BTreeSet<SpecialCategory> {
        special_categories(&self.categories, &self.eligibility(ruleset, as_of))
    }
}

/// The events of the roster in all parts: what [`Roster::new`] takes.
pub fn roster_events(view: &ElderView) -> Vec<RosterFact> {
    let mut facts = Vec::new();
    for part in view.parts() {
        let listed = part.elements::<RosterEvent>();
        let first = facts.len();
        facts.extend(listed.iter().map(|event| {
            let seen = part.roster_events_seen_by(&event.id);
            let indices = listed.iter().enumerate().filter(|(_, other)| seen.contains(&other.id));
            RosterFact {
                step: event.element.step,
                entry_reason: event.element.entry_reason,
                exit_reason: event.element.exit_reason,
                date: Some(event.element.date),
                part: part.part(),
                seen: indices.map(|(at, _)| first + at).collect(),
            }
        }));
    }
    facts
}

/// The last minute of a day, for rules that ask for a moment where only a day is known.
pub fn end_of(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN))
}

fn elements<E: crate::element::Element>(view: &ElderView) -> impl Iterator<Item = E> {
    view.elements::<E>().into_iter().map(|(_, listed)| listed.element)
}

/// The supporters, each once, with the events of their absence; None where nobody has asked.
///
/// An empty list says that there is none only if the file says anything else of the household:
/// otherwise nobody has looked yet (project decision).
fn supporters(
    view: &ElderView,
    living_arrangement: Option<LivingArrangement>,
) -> Option<Vec<SupporterFacts>> {
    let mut found: Vec<SupporterFacts> = Vec::new();
    let mut spouses: BTreeSet<String> = elements(view)
        .map(|maintainer: Maintainer| maintainer.name)
        .chain(
            elements(view)
                .filter(|member: &Member| member.relation.as_deref().is_some_and(is_spouse))
                .map(|member| member.name),
        )
        .collect();
    for supporter in elements::<Supporter>(view) {
        let Some(kinship) = Kinship::of_supporter(supporter.relation.as_deref()) else {
            spouses.insert(supporter.name);
            continue;
        };
        match found.iter_mut().find(|known| known.name == supporter.name) {
            // The same child entered by two people who had not seen each other.
            Some(known) => {
                known.kinship = known.kinship.min(kinship);
                known.capacity = known.capacity.min(supporter.capacity);
            }
            None => found.push(SupporterFacts {
                name: supporter.name,
                kinship,
                capacity: supporter.capacity,
                absences: Vec::new(),
            }),
        }
    }
    for absence in elements::<Absence>(view) {
        let fact = AbsenceFact {
            left: absence.left,
            returned: absence.returned,
            destination: absence.destination,
            reason: absence.reason,
        };
        match found.iter_mut().find(|known| known.name == absence.supporter) {
            Some(known) => known.absences.push(fact),
            None if spouses.contains(&absence.supporter) => {}
            None => found.push(SupporterFacts {
                name: absence.supporter,
                kinship: Kinship::Unknown,
                capacity: SupportCapacity::Unknown,
                absences: vec![fact],
            }),
        }
    }
    let asked = !found.is_empty()
        || !spouses.is_empty()
        || elements::<Member>(view).next().is_some()
        || living_arrangement.is_some_and(|known| Some(known) != LivingArrangement::unknown());
    asked.then_some(found)
}

fn incidents(view: &ElderView) -> BTreeMap<IncidentId, Vec<IncidentEvent>> {
    let events = |part: &PartView| {
        let Part::Incident(id) = part.part() else { return None };
        let listed = part.elements::<IncidentEvent>();
        Some((id, listed.into_iter().map(|listed| listed.element).collect()))
    };
    view.parts().filter_map(events).collect()
}
