//! Lists that somebody works through: what is due, late or missing, elder by elder.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::Pairing;
use shouwang_crdt_schema::record::{CareGroup, ElderId};
use shouwang_crdt_schema::report::due::{DueItem, DueList, due_items};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::ruleset::Ruleset;

use super::coverage::within;
use super::ruleset::ruleset;
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::index::facts::{self, Person};
use crate::sync::Now;

/// Asks what is to be done for the elders of some scopes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Due {
    /// The scopes whose files are looked at: these and not what lies inside them.
    pub scopes: Vec<DivisionCode>,
    /// The lists; all are counted, and those named here are written out.
    pub lists: Vec<DueList>,
    /// The day.
    pub as_of: NaiveDate,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How many elders stand on each list, asked for or not.
    pub counts: BTreeMap<DueList, u64>,
    /// Elders for whom visits are owed: on the roster, or not decided.
    pub roster: u64,
    /// Elders on the lists asked for, in the order of places.
    pub elders: Vec<DueElder>,
}

/// An elder on a list. Never an ID number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueElder {
    /// The file.
    pub elder_id: ElderId,
    /// The scope of the file.
    pub scope: DivisionCode,
    /// 姓名
    pub name: Option<String>,
    /// 三类人群
    pub care_group: CareGroup,
    /// Declines care: owed all the same.
    pub declined: bool,
    /// The last visit that counts.
    pub last_visit: Option<NaiveDate>,
    /// 结对帮扶: who is paired with the elder.
    pub helper: Option<String>,
    /// What is to be done, the most urgent first.
    pub items: Vec<DueItem>,
}

impl Request for Due {
    const NAME: &'static str = "due";
    type Reply = DueReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<DueReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let ruleset = ruleset(engine, &snapshot)?;
        for scope in &self.scopes {
            within(engine, Some(*scope))?;
        }
        let note = |report: &mut DueReport, person| {
            report.note(person, &self.lists, &ruleset, self.as_of);
        };
        let parts = facts::each_person_of(&snapshot, &self.scopes, DueReport::empty, note)?;
        let mut report = DueReport::empty();
        parts.into_iter().for_each(|part| report.add(part));
        Ok(report)
    }
}

impl DueReport {
    /// Nobody, and every list at zero.
    pub fn empty() -> Self {
        Self {
            schema_version: JSON_SCHEMA_VERSION,
            counts: DueList::ALL.iter().map(|list| (*list, 0)).collect(),
            roster: 0,
            elders: Vec::new(),
        }
    }

    /// Counts an elder, and writes down what is asked for.
    fn note(&mut self, person: Person, lists: &[DueList], ruleset: &Ruleset, as_of: NaiveDate) {
        let Person { scope, elder, name, facts, details, pairings } = person;
        let facts = facts.in_scope(scope);
        self.roster += u64::from(facts.standing(as_of).is_owed_visits());
        let mut items = due_items(&details, &facts, scope, ruleset, as_of);
        items.sort_by_key(|item| item.list);
        let mut found: Vec<DueList> = items.iter().map(|item| item.list).collect();
        found.dedup();
        for list in found {
            *self.counts.entry(list).or_default() += 1;
        }
        items.retain(|item| lists.contains(&item.list));
        if items.is_empty() {
            return;
        }
        self.elders.push(DueElder {
            elder_id: elder,
            scope,
            name,
            care_group: facts.care_group(as_of),
            declined: facts.visits.declined(),
            last_visit: last_visit(&facts, as_of),
            helper: helper(pairings, as_of),
            items,
        });
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        for (list, count) in other.counts {
            *self.counts.entry(list).or_default() += count;
        }
        self.roster += other.roster;
        self.elders.extend(other.elders);
    }
}

fn last_visit(facts: &ElderFacts, as_of: NaiveDate) -> Option<NaiveDate> {
    let visits = facts.visits.visits.iter().filter(|visit| visit.counts() && visit.date <= as_of);
    visits.map(|visit| visit.date).max()
}

/// The helper whose pairing holds on the day.
fn helper(pairings: Vec<Pairing>, as_of: NaiveDate) -> Option<String> {
    let holds = |pairing: &Pairing| {
        pairing.from.is_none_or(|from| from <= as_of)
            && pairing.until.is_none_or(|until| until >= as_of)
    };
    pairings.into_iter().filter(holds).map(|pairing| pairing.helper).next()
}
