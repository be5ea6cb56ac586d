//! The several-valued fields of a record: which lists there are, where they stand, how they grow and
//! who may write them.

use serde::{Deserialize, Serialize};

use crate::parts::PartKind;
use crate::writer::{Writer, Writers};

/// A list of a part, named by its Automerge key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// 家庭结构
    Members,
    /// 赡养人
    Supporters,
    /// 外出
    Absences,
    /// 扶养人
    Maintainers,
    /// 赡养履行
    SupportDuty,
    /// 黑榜. Concerns the supporter.
    Blacklist,
    /// 监护人联系方式
    GuardianContacts,
    /// 紧急联系人
    EmergencyContacts,
    /// 经济来源
    IncomeSources,
    /// 待遇
    Entitlements,
    /// 疾病
    Conditions,
    /// 年度健康管理
    HealthChecks,
    /// 安全隐患
    Hazards,
    /// 一键通, 智能设备
    Devices,
    /// 服务需求
    ServiceNeeds,
    /// 特殊困难
    SpecialCategories,
    /// 委托照顾协议
    Agreements,
    /// 结对帮扶
    Pairings,
    /// 进出
    RosterEvents,
    /// 合并
    Merges,
    /// 探访
    Visits,
    /// 季度更新
    Reviews,
    /// 服务记录
    Services,
    /// What a provider observed: hazards, needs, devices.
    Observations,
    /// 特殊情况
    IncidentEvents,
    /// 移交
    TransferEvents,
}

/// Whether elements of a list may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// SET: observed-remove union.
    Set,
    /// LOG: append-only signed events.
    Log,
}

impl List {
    /// Every list, in the order in which a file shows them.
    pub const ALL: &'static [Self] = &[
        Self::Members,
        Self::Supporters,
        Self::Absences,
        Self::Maintainers,
        Self::SupportDuty,
        Self::Blacklist,
        Self::GuardianContacts,
        Self::EmergencyContacts,
        Self::IncomeSources,
        Self::Entitlements,
        Self::Conditions,
        Self::HealthChecks,
        Self::Hazards,
        Self::Devices,
        Self::ServiceNeeds,
        Self::SpecialCategories,
        Self::Agreements,
        Self::Pairings,
        Self::RosterEvents,
        Self::Merges,
        Self::Visits,
        Self::Reviews,
        Self::Services,
        Self::Observations,
        Self::IncidentEvents,
        Self::TransferEvents,
    ];

    /// The Automerge key and JSON name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Supporters => "supporters",
            Self::Absences => "absences",
            Self::Maintainers => "maintainers",
            Self::SupportDuty => "support_duty",
            Self::Blacklist => "blacklist",
            Self::GuardianContacts => "guardian_contacts",
            Self::EmergencyContacts => "emergency_contacts",
            Self::IncomeSources => "income_sources",
            Self::Entitlements => "entitlements",
            Self::Conditions => "conditions",
            Self::HealthChecks => "health_checks",
            Self::Hazards => "hazards",
            Self::Devices => "devices",
            Self::ServiceNeeds => "service_needs",
            Self::SpecialCategories => "special_categories",
            Self::Agreements => "agreements",
            Self::Pairings => "pairings",
            Self::RosterEvents => "roster_events",
            Self::Merges => "merges",
            Self::Visits => "visits",
            Self::Reviews => "reviews",
            Self::Services => "services",
            Self::Observations => "observations",
            Self::IncidentEvents => "incident_events",
            Self::TransferEvents => "transfer_events",
        }
    }

    /// The list with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|list| list.key() == key)
    }

    /// Whether elements may go again.
    pub fn growth(self) -> Growth {
        match self {
            Self::Members
            | Self::Supporters
            | Self::Maintainers
            | Self::GuardianContacts
            | Self::EmergencyContacts
            | Self::IncomeSources
            | Self::Conditions
            | Self::Hazards
            | Self::Devices
            | Self::ServiceNeeds
            | Self::SpecialCategories
            | Self::Pairings => Growth::Set,
            Self::Absences
            | Self::SupportDuty
            | Self::Blacklist
            | Self::Entitlements
            | Self::HealthChecks
            | Self::Agreements
            | Self::RosterEvents
            | Self::Merges
            | Self::Visits
            | Self::Reviews
            | Self::Services
            | Self::Observations
            | Self::IncidentEvents
            | Self::TransferEvents => Growth::Log,
        }
    }

    /// The offices whose elements take effect (`docs/records.md`).
    pub fn writers(self) -> Writers {
        use Writer::{Department, Provider, Township, Village};
        match self {
            Self::Members | Self::Maintainers | Self::IncomeSources | Self::Agreements => {
                Writers::of(&[Village])
            }
            Self::Supporters
            | Self::Absences
            | Self::SupportDuty
            | Self::Blacklist
            | Self::GuardianContacts
            | Self::EmergencyContacts
            | Self::Pairings
            | Self::RosterEvents
            | Self::Merges
            | Self::Reviews
            | Self::TransferEvents => Writers::of(&[Village, Township]),
            Self::Conditions | Self::SpecialCategories => Writers::of(&[Village, Department]),
            Self::HealthChecks => Writers::of(&[Department]),
            Self::Hazards | Self::ServiceNeeds | Self::Services => {
                Writers::of(&[Village, Provider])
            }
            Self::Devices | Self::Visits | Self::Observations => {
                Writers::of(&[Village, Township, Provider])
            }
            Self::Entitlements | Self::IncidentEvents => Writers::ALL,
        }
    }

    /// The lists of a kind of part, in the order in which its genesis makes them.
    pub fn of(kind: PartKind) -> &'static [Self] {
        match kind {
            PartKind::Card => &[
                Self::Members,
                Self::Supporters,
                Self::Absences,
                Self::Maintainers,
                Self::Blacklist,
                Self::GuardianContacts,
                Self::EmergencyContacts,
                Self::IncomeSources,
                Self::Entitlements,
                Self::Conditions,
                Self::Hazards,
                Self::Devices,
                Self::ServiceNeeds,
                Self::SpecialCategories,
                Self::Agreements,
                Self::Pairings,
                Self::RosterEvents,
                Self::Merges,
            ],
            PartKind::Ledger => {
                &[Self::Blacklist, Self::Entitlements, Self::Pairings, Self::RosterEvents]
            }
            PartKind::Registry => {
                &[Self::Entitlements, Self::Conditions, Self::HealthChecks, Self::SpecialCategories]
            }
            PartKind::Journal => &[
                Self::Visits,
                Self::Reviews,
                Self::Services,
                Self::SupportDuty,
                Self::Observations,
            ],
            PartKind::Incident => &[Self::IncidentEvents],
            PartKind::Transfer => &[Self::TransferEvents],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_stands_in_some_part_and_reads_back() {
        for list in List::ALL {
            assert_eq!(List::from_key(list.key()), Some(*list));
            assert!(PartKind::ALL.iter().any(|kind| List::of(*kind).contains(list)));
        }
    }
}
