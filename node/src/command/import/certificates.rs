//! What departments certify 数据共享 (MCA 2022 guidance 2(1)): written into the registry, where it
//! prevails over what village and township observed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::element::{Entitlement, HealthCheck};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{Condition, EntitlementState, SpecialCategory};
use shouwang_crdt_schema::view::ElderView;

use super::files::{Files, Match};
use super::plan::{May, Plan, elements};
use super::{Imported, few, rejected, would, write};
use crate::command::{CommandError, Request};
use crate::engine::Engine;
use crate::sync::Now;

/// Imports certificates, at most [`crate::limits::IMPORT_ROWS_MAX`] at a time, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportCertificates {
    /// The rows.
    pub rows: Vec<CertificateRow>,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// What a department certifies of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    /// The person: certificates are matched by a valid resident ID and by nothing else.
    pub resident_id: String,
    /// Single-valued fields that may stand in the registry.
    pub fields: BTreeMap<Field, String>,
    /// 疾病
    pub conditions: BTreeSet<Condition>,
    /// 待遇
    pub entitlements: Vec<Entitlement>,
    /// 年度健康管理
    pub health_checks: Vec<HealthCheck>,
    /// 计划生育特殊家庭
    pub special_categories: BTreeSet<SpecialCategory>,
}

const REGISTRY: &[Part] = &[Part::Registry];

impl Request for ImportCertificates {
    const NAME: &'static str = "import_certificates";
    type Reply = Imported;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Imported, CommandError> {
        few(self.rows.len())?;
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let files = Files::new(&snapshot, engine);
        let may = May::of(engine);
        let mut matched = BTreeSet::new();
        let mut plans = Vec::new();
        for row in &self.rows {
            plans.push(match files.resident(&row.resident_id)? {
                _ if !may.write(PartKind::Registry) => Err(rejected(None, "no_right", None)),
                Match::Rejected(outcome) => Err(outcome),
                Match::None => Err(rejected(Some("resident_id"), "unknown_person", None)),
                Match::File(_, view) if !matched.insert(view.elder()) => {
                    Err(rejected(Some("resident_id"), "repeated_row", None))
                }
                Match::File(scope, view) => {
                    let mut plan = Plan::new(scope, Some(&view), may);
                    certify(&mut plan, row, &view);
                    Ok(plan)
                }
            });
        }
        match self.dry_run {
            true => Ok(would(plans)),
            false => write(engine, now, plans),
        }
    }
}

/// What is certified stands in the registry even where another part says the same: the
/// department's word is what counts when the village writes something else later.
fn certify(plan: &mut Plan, row: &CertificateRow, view: &ElderView) {
    plan.fields(&row.fields, Some(view), Some(Part::Registry));
    let registry = view.part(Part::Registry);
    for condition in &row.conditions {
        let certified = registry.map(|part| part.elements::<Condition>()).unwrap_or_default();
        if !certified.iter().any(|listed| listed.element == *condition) {
            plan.insert(REGISTRY, condition);
        }
    }
    let steps = registry.map(|part| part.elements::<Entitlement>()).unwrap_or_default();
    for step in &row.entitlements {
        let last = steps.iter().rfind(|listed| listed.element.kind == step.kind);
        let same = last.is_some_and(|listed| {
            listed.element.state == step.state
                && (step.date.is_none() || listed.element.date == step.date)
        });
        // That somebody does not receive what nobody has heard of is no event.
        let never = step.state == EntitlementState::Ended
            && !elements::<Entitlement>(Some(view))
                .iter()
                .any(|(_, l)| l.element.kind == step.kind);
        if !same && !never {
            plan.insert(REGISTRY, step);
        }
    }
    let checks = elements::<HealthCheck>(Some(view));
    for check in &row.health_checks {
        if !checks.iter().any(|(_, listed)| listed.element == *check) {
            plan.insert(REGISTRY, check);
        }
    }
    plan.words(&row.special_categories, Some(view), REGISTRY);
}
