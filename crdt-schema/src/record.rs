//! The words of a record: identifiers and the fixed vocabularies of its fields.
//!
//! Each vocabulary lists its values from the one that asks for most care to the one that asks for
//! least, `Unknown` last: that order *is* the most-protective-wins order of
//! [`crate::merge::Policy::MostProtectiveWins`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The random name of an elder's file: 128 bit, the same in every replica for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ElderId(pub [u8; 16]);

/// The random name of an incident.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IncidentId(pub [u8; 16]);

/// The random name of a move between villages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransferId(pub [u8; 16]);

/// A text that is not one of these ids.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an id has 32 hexadecimal digits, not {0:?}")]
pub struct IdError(String);

macro_rules! hex_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError(text.chars().take(40).collect());
                // `from_str_radix` would take a sign for a digit: one id, one text.
                if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(wrong());
                }
                let mut bytes = [0; 16];
                for (at, byte) in bytes.iter_mut().enumerate() {
                    let pair = text.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
                }
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}
hex_id!(ElderId);
hex_id!(IncidentId);
hex_id!(TransferId);

/// A fixed vocabulary.
pub trait Choice: Copy + Eq + Sized + 'static {
    /// All values, the most protective first.
    const ALL: &'static [Self];

    /// The value as it is stored and as JSON spells it.
    fn as_str(self) -> &'static str;

    /// The value as the offices write it.
    fn chinese(self) -> &'static str;

    /// Reads the stored spelling.
    fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == text)
    }

    /// The value that says that nothing is known, if the vocabulary has one: in an element it is
    /// not written, because an absent key says the same in no bytes.
    fn unknown() -> Option<Self> {
        Self::from_stored("Unknown")
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($value:ident $chinese:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = $chinese] $value),+
        }

        impl $name {
            /// Stored spelling and Chinese of every value, in order.
            pub const WORDS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($value), $chinese)),+];
        }

        impl Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => stringify!($value)),+ }
            }

            fn chinese(self) -> &'static str {
                match self { $(Self::$value => $chinese),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

choices! {
    /// 性别. The order has no protective meaning.
    Sex { Female "女", Male "男", Unknown "未知" }
    /// 居住状况 (Lijiang 2024 item 4).
    LivingArrangement { Alone "独居", SpouseOnly "仅与配偶", WithOthers "与他人居住", Unknown "未知" }
    /// A plain question of fact.
    YesNo { Yes "是", No "否", Unknown "未知" }
    /// 能力等级 (GB/T 42195-2022, five levels).
    AbilityLevel {
        Total "完全失能", Severe "重度失能", Moderate "中度失能", Mild "轻度失能",
        Intact "能力完好", Unassessed "未评估",
    }
    /// 身体状况 as seen on a visit (Lijiang 2024 item 4).
    ObservedFunction {
        Bedridden "长期卧床", MobilityLimited "行动不便", NoLimitation "健康", Unknown "未知",
    }
    /// 残疾等级: grade 1 is the worst.
    DisabilityGrade {
        G1 "一级", G2 "二级", G3 "三级", G4 "四级", None "无", Unknown "未知",
    }
    /// 风险等级 (Lijiang 2024 item 12).
    RiskLevel { High "高", Medium "中", Low "低", Unknown "未知" }
    /// 精神状态 as seen on a visit (Lijiang 2024 item 2).
    MentalState { Severe "严重", Concern "需关注", Stable "稳定", Unknown "未知" }
    /// 卫生状况 (Lijiang 2024 item 2).
    Hygiene { Poor "差", Fair "一般", Good "好", Unknown "未知" }
    /// 居住环境 (Lijiang 2024 items 2, 17).
    Housing { Dangerous "危房", NeedsAdaptation "需改造", Sound "安全", Unknown "未知" }
    /// 意愿: whether the elder wants to be cared for. Of concurrent answers a refusal prevails
    /// (Lijiang 2024 item 4).
    CareConsent { Declined "不愿意", Consented "愿意", NotAsked "未询问" }
    /// 经济来源 (Ziyang 2018 (1)).
    IncomeSource { Pension "养老金", Family "子女供养", Labour "劳动", Benefit "补助" }
    /// 疾病 (Lijiang 2024 item 17).
    Condition {
        SevereMentalDisorder "严重精神障碍", Tuberculosis "肺结核", Diabetes "糖尿病",
        Hypertension "高血压", Other "其他",
    }
    /// 特殊困难 (MCA 2022 guidance preamble, 2(1)). Only EmptyNest and FamilyPlanningSpecial are
    /// written; the others follow from the file.
    SpecialCategory {
        LivingAlone "独居", EmptyNest "空巢", LeftBehind "留守", Impaired "失能",
        SevereDisability "重残", FamilyPlanningSpecial "计划生育特殊家庭",
    }
    /// What was installed for the elder (XX district plan item 13).
    DeviceKind { OneTouchCall "一键通", Monitor "智能监测", SmokeSensor "烟感", Other "其他" }
    /// How far a supporter meets one duty (Lijiang 2024 item 5).
    DutyLevel { Failed "未履行", Partial "部分履行", Met "已履行", Unknown "未知" }
    /// A step on the register of defaulting supporters 黑榜 (Lijiang 2024 item 6).
    BlacklistStep { Listed "列入", Confirmed "确认", Delisted "移出" }
    /// A step of 有进有出 (Lijiang 2024 item 3).
    RosterStep { Entered "进", Left "出", Confirmed "确认" }
    /// Why an elder comes onto the roster (project decision; Lijiang 2024 item 3 names none).
    EntryReason {
        FirstSurvey "首次摸排", Reached60 "年满60周岁", SupporterLeft "赡养人外出",
        SupporterIncapable "赡养人失去能力", MovedIn "迁入", ReEntry "重新纳入", Omission "漏登补录",
    }
    /// Why an elder leaves the roster (project decision; Lijiang 2024 item 3 names none).
    ExitReason {
        Deceased "死亡", SupporterReturned "赡养人返乡", CapacityRestored "赡养人恢复能力",
        MovedOut "迁出", EnteredInstitution "入住机构", EnteredInError "误登",
    }
    /// 特殊情况, the most urgent first (Ziyang 2018 (2), (4); Lijiang 2024 items 6, 19; MCA 2022
    /// guidance 2(5)).
    IncidentKind {
        Emergency "突发紧急情况", UnlawfulHarm "遭受非法侵害", CriticalIllness "危重病情",
        RightsViolation "合法权益受侵害", Wandering "流浪乞讨", SevereMentalIllness "严重精神疾病",
        MajorHardship "重大困境", SupportDutyFailed "赡养义务未履行", SafetyRisk "安全隐患",
        LivingDifficulty "生活困难",
    }
    /// A step of an incident.
    IncidentStep { Raised "上报", Acknowledged "接报", Noted "处置", Closed "办结" }
    /// Which of two files that are one person's goes on.
    MergeStep { Absorbed "并入本档", AbsorbedBy "并入他档" }
    /// A step of a move between villages (`docs/architecture.md`, moves).
    TransferStep { Offered "移交", Accepted "接收", Declined "退回", Cancelled "撤回" }
    /// What a quarterly review 一季度一更新 came to (Lijiang 2024 item 3).
    ReviewOutcome { NoChange "无变化", Changed "有变化" }
    /// Which document decides who is a left-behind elder.
    EligibilityRule { Lijiang2024 "丽江2024", Ziyang2018 "资阳2018" }
    /// Whether a supporter could care for the elder (Lijiang 2024 1(4)).
    SupportCapacity { Incapable "无能力", Capable "有能力", Unknown "未知" }
    /// Why a supporter is away (Lijiang 2024 1(4)).
    AbsenceReason {
        Work "务工", Business "经商", OtherProduction "其他生产经营", Unknown "未知",
    }
    /// 服务需求 (MCA 2022 guidance 2(2)).
    ServiceNeed {
        DailyCare "生活照料", Rehabilitation "康复护理", Emotional "精神慰藉",
        EmergencyRescue "紧急救援", HomeAdaptation "适老化改造", Meals "助餐", Cleaning "助洁",
        Medical "助医", Mobility "助行", Errands "代买代缴", AssistiveDevice "辅具",
        LegalAid "法律援助",
    }
    /// Who is paired with an elder 结对帮扶 (Lijiang 2024 item 2).
    PairingKind {
        Cadre "干部", PartyMember "党员", Volunteer "志愿者", SocialWorker "社工",
        Neighbour "邻里", YoungOld "低龄老人", Unknown "未知",
    }
    /// 待遇 (Lijiang 2024 items 16–17).
    EntitlementKind {
        SubsistenceAllowance "低保", DestituteSupport "特困供养", TemporaryAid "临时救助",
        MedicalAid "医疗救助", OldAgeAllowance "高龄补贴", DisabilitySubsidy "残疾人补贴",
        BasicPension "基本养老金", MedicalInsurance "基本医保", HousingRenovation "危房改造",
        HomeAdaptation "适老化改造", CentralisedCare "集中照护",
    }
    /// How far an entitlement has come.
    EntitlementState {
        Possible "可能符合", Informed "已告知", Applied "已申请", Receiving "享受中",
        Ended "已停发",
    }
    /// What happened to an entrusted-care agreement 委托照顾协议 (Lijiang 2024 item 7).
    AgreementEvent {
        Signed "已签订", Filed "已报备", Ended "已终止", Refused "拒绝签订", NoCaretaker "无受托人",
    }
    /// How a visit was made (Lijiang 2024 items 7, 12; MCA 2022 guidance 1(2)).
    VisitMode {
        Home "上门", Phone "电话", Video "视频", Gathering "集中", RemoteMonitoring "远程监测",
    }
    /// Why a visit was made (MCA 2022 guidance 2(4), 2(5)).
    VisitOccasion {
        Routine "日常", Festival "节日", ExtremeWeather "极端天气", SealedOff "封控",
        FollowUp "回访",
    }
    /// What came of a visit. Only a completed one counts towards the monthly rate.
    VisitOutcome { Completed "完成", NoAnswer "无人应答", Refused "拒绝", Away "外出" }
    /// What a visitor found in one area of the form.
    Finding { Problem "有问题", Concern "需关注", Fine "正常" }
    /// Health items of the visit form (MCA 2022 guidance 2(2)).
    HealthItem {
        Expression "表达", Mobility "行动", Reaction "反应", Illness "疾病",
        MentalState "精神状态",
    }
    /// Economic items of the visit form (MCA 2022 guidance 2(2)).
    EconomicItem {
        Clothing "穿衣", Food "吃饭", Housing "住房", Transport "出行", MedicalCare "就医",
        BenefitsReceived "已享待遇",
    }
    /// Family-support items of the visit form (MCA 2022 guidance 2(2)).
    FamilyItem { DutiesUnmet "未履行赡养义务", NoGreetings "少有探望问候" }
    /// Safety items of the visit form (MCA 2022 guidance 2(2)); Fire by project decision.
    SafetyItem { House "房屋", Water "水", Power "电", Gas "气", Heating "暖", Fire "消防" }
    /// What the visitor did (MCA 2022 guidance 2(2)).
    VisitAction { Informed "告知", Reminded "提醒", Referred "转介", Emergency "紧急处置" }
    /// 三类人群 (Lijiang 2024 item 4). `Unclassified` goes on the data-gap list.
    CareGroup {
        Key "重点", Secondary "次重点", General "一般", Unclassified "未分类",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let id = ElderId([0xab; 16]);
        assert_eq!(id.to_string().parse::<ElderId>(), Ok(id));
        for text in ["", "ab", "zz000000000000000000000000000000", "é".repeat(16).as_str()] {
            assert!(text.parse::<ElderId>().is_err());
        }
        // One id, one text.
        assert!("+a".repeat(16).parse::<ElderId>().is_err());
    }

    #[test]
    fn stored_spellings_read_back() {
        for level in AbilityLevel::ALL {
            assert_eq!(AbilityLevel::from_stored(level.as_str()), Some(*level));
        }
        assert_eq!(AbilityLevel::from_stored("Unknown"), None);
    }
}
