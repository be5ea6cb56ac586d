//! Care: who helps, what was agreed, what is received, what was installed and done.

use chrono::NaiveDate;

use super::{elements, words_of_lists};
use crate::parts::PartKind;
use crate::record::{
    AgreementEvent, Condition, DeviceKind, EntitlementKind, EntitlementState, IncomeSource,
    PairingKind, SafetyItem, ServiceNeed, SpecialCategory, YesNo,
};

elements! {
    /// 结对帮扶: a named helper (Lijiang 2024 item 2).
    Pairing in Pairings => {
        /// The helper as written.
        helper: String,
        /// What kind of helper.
        kind: PairingKind,
        /// From when.
        from: Option<NaiveDate>,
        /// Until when.
        until: Option<NaiveDate>,
    }

    /// 委托照顾协议: one event in the life of an agreement (Lijiang 2024 item 7).
    Agreement in Agreements => {
        /// What happened.
        event: AgreementEvent,
        /// When, where known: a ledger says only that there is one.
        date: Option<NaiveDate>,
        /// Which supporter delegates.
        supporter: Option<String>,
        /// To whom.
        caretaker: Option<String>,
        /// Whether the elder agreed.
        elder_consent: YesNo,
        /// Why there is none, or why it ended.
        note: Option<String>,
    }

    /// 待遇: one step of one entitlement (Lijiang 2024 items 16–17). A village takes it as far as
    /// the application; what is granted or ended is said by the offices above.
    Entitlement in Entitlements, effective in |entitlement, part| {
        use EntitlementState::{Applied, Informed, Possible};
        part != PartKind::Card || matches!(entitlement.state, Possible | Informed | Applied)
    } => {
        /// Which.
        kind: EntitlementKind,
        /// How far it has come.
        state: EntitlementState,
        /// Since when.
        date: Option<NaiveDate>,
    }

    /// 一键通, 智能设备: something installed for the elder (XX district plan item 13).
    Device in Devices => {
        /// What.
        kind: DeviceKind,
        /// Its number.
        serial: Option<String>,
    }

    /// 服务记录: a service rendered (Lijiang 2024 item 11).
    Service in Services => {
        /// The day; it decides the journal's year.
        date: NaiveDate,
        /// Which need it met.
        need: ServiceNeed,
        /// Who rendered it.
        provider: Option<String>,
        /// How long, for the exchange of hours.
        minutes: Option<u32>,
        /// Free text.
        note: Option<String>,
    }

    /// What a provider saw at the elder's home. It joins what the village knows.
    Observation in Observations => {
        /// The day; it decides the journal's year.
        date: NaiveDate,
        /// A hazard.
        hazard: Option<SafetyItem>,
        /// A need.
        need: Option<ServiceNeed>,
        /// A device.
        device: Option<DeviceKind>,
        /// The device's number.
        serial: Option<String>,
        /// Who saw it.
        provider: Option<String>,
        /// Free text.
        note: Option<String>,
    }
}

/// What an observation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// 安全隐患
    Hazard(SafetyItem),
    /// 服务需求
    Need(ServiceNeed),
    /// 智能设备
    Device(DeviceKind),
}

impl Observation {
    /// Everything that the observation names.
    pub fn observed(&self) -> impl Iterator<Item = Observed> {
        let hazard = self.hazard.map(Observed::Hazard);
        let need = self.need.map(Observed::Need);
        let device = self.device.map(Observed::Device);
        hazard.into_iter().chain(need).chain(device)
    }
}

words_of_lists! {
    IncomeSource => IncomeSources;
    Condition => Conditions;
    SafetyItem => Hazards;
    ServiceNeed => ServiceNeeds;
    SpecialCategory => SpecialCategories, effective in |category, part| match category {
        SpecialCategory::EmptyNest => part == PartKind::Card,
        SpecialCategory::FamilyPlanningSpecial => part == PartKind::Registry,
        // These follow from the file.
        SpecialCategory::LivingAlone
        | SpecialCategory::LeftBehind
        | SpecialCategory::Impaired
        | SpecialCategory::SevereDisability => false,
    };
}
