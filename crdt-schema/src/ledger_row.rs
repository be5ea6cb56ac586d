//! One row of an office's ledger 台账, read and normalised: what a spreadsheet says of one elder.
//!
//! A row *states* things; it never erases. A blank cell says nothing, and an element that a ledger
//! does not name (a second child, another need) stays in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::division::DivisionCode;
use crate::element::{Absence, GuardianContact, Pairing, Supporter};
use crate::field::Field;
use crate::record::ServiceNeed;

/// What a ledger says of one elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The village that the row is for: the scope of the elder's file.
    pub scope: DivisionCode,
    /// Single-valued fields; each text is one that [`Field::value`] accepts.
    pub fields: BTreeMap<Field, String>,
    /// 子女
    pub supporters: Vec<Supporter>,
    /// 外出
    pub absences: Vec<Absence>,
    /// 监护人
    pub guardian_contacts: Vec<GuardianContact>,
    /// 结对帮扶人
    pub pairings: Vec<Pairing>,
    /// 服务需求
    pub service_needs: BTreeSet<ServiceNeed>,
    /// 低保: whether the allowance is received, where the ledger says so.
    pub subsistence_allowance: Option<bool>,
    /// 委托照顾协议: whether one is signed, where the ledger says so.
    pub agreement: Option<bool>,
}

impl LedgerRow {
    /// A row that says nothing yet.
    pub fn new(scope: DivisionCode) -> Self {
        Self {
            scope,
            fields: BTreeMap::new(),
            supporters: Vec::new(),
            absences: Vec::new(),
            guardian_contacts: Vec::new(),
            pairings: Vec::new(),
            service_needs: BTreeSet::new(),
            subsistence_allowance: None,
            agreement: None,
        }
    }

    /// What the row says in this field.
    pub fn field(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).map(String::as_str)
    }
}
