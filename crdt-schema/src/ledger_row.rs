//! One row of an office's ledger 台账, read and normalised: what a spreadsheet says of one elder.
//!
//! A row *states* things; it never erases. A blank cell says nothing, and an element that a ledger
//! does not name (a second child, another need) stays in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::division::DivisionCode;
use crate::element::{
    Absence, Agreement, Device, Element, EmergencyContact, Entitlement, GuardianContact,
    Maintainer, Member, Pairing, Supporter,
};
use crate::field::Field;
use crate::record::{
    AgreementEvent, Condition, ElderId, EntitlementKind, EntitlementState, IncomeSource,
    SafetyItem, ServiceNeed, SpecialCategory,
};
use crate::view::ElderView;

/// What a ledger says of one elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The file, where the ledger names it: one that was exported does.
    pub file: Option<ElderId>,
    /// The village that the row is for: the scope of the elder's file.
    pub scope: DivisionCode,
    /// Single-valued fields; each text is one that [`Field::value`] accepts.
    pub fields: BTreeMap<Field, String>,
    /// 家庭结构
    pub members: Vec<Member>,
    /// 子女
    pub supporters: Vec<Supporter>,
    /// 外出
    pub absences: Vec<Absence>,
    /// 扶养人
    pub maintainers: Vec<Maintainer>,
    /// 监护人
    pub guardian_contacts: Vec<GuardianContact>,
    /// 紧急联系人
    pub emergency_contacts: Vec<EmergencyContact>,
    /// 经济来源
    pub income_sources: BTreeSet<IncomeSource>,
    /// 疾病
    pub conditions: BTreeSet<Condition>,
    /// 安全隐患
    pub hazards: BTreeSet<SafetyItem>,
    /// 一键通, 智能设备
    pub devices: Vec<Device>,
    /// 结对帮扶人
    pub pairings: Vec<Pairing>,
    /// Whether the kinds of `pairings` are stated, rather than guessed from titles in the names.
    pub pairing_kinds_stated: bool,
    /// 服务需求
    pub service_needs: BTreeSet<ServiceNeed>,
    /// 特殊困难: those that are written and do not follow from the file.
    pub special_categories: BTreeSet<SpecialCategory>,
    /// 待遇: how far each has come, at most one for each kind.
    pub entitlements: Vec<Entitlement>,
    /// 低保: whether the allowance is received, where the ledger says so.
    pub subsistence_allowance: Option<bool>,
    /// 委托照顾协议: whether one is signed, where the ledger says so.
    pub agreement: Option<bool>,
    /// The last event of an agreement, where the ledger has its particulars.
    pub agreement_event: Option<Agreement>,
}

impl LedgerRow {
    /// A row that says nothing yet.
    pub fn new(scope: DivisionCode) -> Self {
        Self {
            file: None,
            scope,
            fields: BTreeMap::new(),
            members: Vec::new(),
            supporters: Vec::new(),
            absences: Vec::new(),
            maintainers: Vec::new(),
            guardian_contacts: Vec::new(),
            emergency_contacts: Vec::new(),
            income_sources: BTreeSet::new(),
            conditions: BTreeSet::new(),
            hazards: BTreeSet::new(),
            devices: Vec::new(),
            pairings: Vec::new(),
            pairing_kinds_stated: false,
            service_needs: BTreeSet::new(),
            special_categories: BTreeSet::new(),
            entitlements: Vec::new(),
            subsistence_allowance: None,
            agreement: None,
            agreement_event: None,
        }
    }

    /// What a ledger has to say of a file: effective values, the elements that take effect, and of
    /// logs the last event only. What a ledger has no column for (visits, incidents, earlier
    /// events) is left out, and so is what says that nothing is known.
    pub fn of_file(scope: DivisionCode, view: &ElderView) -> Self {
        let known = |field: &Field| {
            let value = view.field(*field)?.value;
            (!field.is_unknown(value)).then(|| (*field, value.as_str().to_owned()))
        };
        let supporters = elements::<Supporter>(view);
        let mut absences: Vec<Absence> = Vec::new();
        for event in elements::<Absence>(view).into_iter().rev() {
            let named = supporters.iter().any(|supporter| supporter.name == event.supporter);
            if named && absences.iter().all(|later| later.supporter != event.supporter) {
                absences.push(event);
            }
        }
        let position = |absence: &Absence| {
            supporters.iter().position(|supporter| supporter.name == absence.supporter)
        };
        absences.sort_by_key(position);
        let mut entitlements: Vec<Entitlement> = Vec::new();
        for step in elements::<Entitlement>(view).into_iter().rev() {
            if entitlements.iter().all(|later| later.kind != step.kind) {
                entitlements.push(step);
            }
        }
        entitlements.sort();
        let allowance = entitlements
            .iter()
            .find(|step| step.kind == EntitlementKind::SubsistenceAllowance)
            .and_then(|step| match step.state {
                EntitlementState::Receiving => Some(true),
                EntitlementState::Ended => Some(false),
                _ => None,
            });
        let agreement_event = elements::<Agreement>(view).pop();
        Self {
            file: Some(view.elder()),
            scope,
            fields: Field::ALL.iter().filter_map(known).collect(),
            members: elements(view),
            absences,
            maintainers: elements(view),
            guardian_contacts: elements(view),
            emergency_contacts: elements(view),
            income_sources: elements(view).into_iter().collect(),
            conditions: elements(view).into_iter().collect(),
            hazards: elements(view).into_iter().collect(),
            devices: elements(view),
            pairings: elements(view),
            pairing_kinds_stated: true,
            service_needs: elements(view).into_iter().collect(),
            special_categories: elements(view).into_iter().collect(),
            subsistence_allowance: allowance,
            agreement: agreement_event.as_ref().map(|event| stands(event.event)),
            agreement_event,
            entitlements,
            supporters,
        }
    }

    /// What the row says in this field.
    pub fn field(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).map(String::as_str)
    }
}

/// Whether an agreement stands after this event.
pub fn stands(event: AgreementEvent) -> bool {
    matches!(event, AgreementEvent::Signed | AgreementEvent::Filed)
}

/// The elements of a list that take effect, each once.
fn elements<E: Element + PartialEq>(view: &ElderView) -> Vec<E> {
    let mut found: Vec<E> = Vec::new();
    for (_, listed) in view.elements::<E>() {
        if !found.contains(&listed.element) {
            found.push(listed.element);
        }
    }
    found
}
