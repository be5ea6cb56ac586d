//! Household and family: who lives there, who is bound to support, who is called.

use chrono::NaiveDate;

use super::elements;
use crate::division::DivisionCode;
use crate::parts::PartKind;
use crate::record::{AbsenceReason, BlacklistStep, DutyLevel, SupportCapacity};

elements! {
    /// 家庭结构: one person of the household (Ziyang 2018 (1)).
    Member in Members => {
        /// 姓名
        name: String,
        /// 与老人关系, as written.
        relation: Option<String>,
    }

    /// 赡养人: a child, or another person legally bound to support the elder.
    Supporter in Supporters => {
        /// 姓名
        name: String,
        /// 与老人关系, as written (女儿, 长子…).
        relation: Option<String>,
        /// 去向, as written.
        whereabouts: Option<String>,
        /// 电话
        phone: Option<String>,
        /// Whether the supporter could care for the elder.
        capacity: SupportCapacity,
    }

    /// 外出: a supporter left or came back (Lijiang 2024 1(4)).
    Absence in Absences => {
        /// The supporter's name as in [`Supporter::name`].
        supporter: String,
        /// The day the supporter left.
        left: Option<NaiveDate>,
        /// The day the supporter came back, in an event that says so.
        returned: Option<NaiveDate>,
        /// Where to, as a code where it is known.
        destination: Option<DivisionCode>,
        /// What for.
        reason: AbsenceReason,
    }

    /// 扶养人: a spouse or other mutual-duty relative; never counted as a supporter.
    Maintainer in Maintainers => {
        /// 姓名
        name: String,
        /// 与老人关系, as written.
        relation: Option<String>,
    }

    /// 赡养履行: how the duties were met when somebody looked (Lijiang 2024 item 5).
    SupportDuty in SupportDuty => {
        /// The day of the finding; it decides the journal's year.
        date: NaiveDate,
        /// Which supporter, where one is meant.
        supporter: Option<String>,
        /// 经济供养
        economic: DutyLevel,
        /// 生活照料
        daily_care: DutyLevel,
        /// 精神慰藉
        emotional: DutyLevel,
        /// What was said or done, such as an admonition 批评教育.
        note: Option<String>,
    }

    /// 黑榜: one step concerning a defaulting supporter (Lijiang 2024 item 6). A village lists, a
    /// township confirms.
    BlacklistEntry in Blacklist, effective in |entry, part| match entry.step {
        BlacklistStep::Confirmed => part == PartKind::Ledger,
        BlacklistStep::Listed | BlacklistStep::Delisted => true,
    } => {
        /// What happened.
        step: BlacklistStep,
        /// The supporter's name as in [`Supporter::name`].
        supporter: String,
        /// When.
        date: Option<NaiveDate>,
        /// On what grounds.
        basis: Option<String>,
    }

    /// 监护人联系方式: a family contact.
    GuardianContact in GuardianContacts => {
        /// 姓名
        name: String,
        /// 电话
        phone: Option<String>,
        /// Who is called first: 1.
        rank: Option<u16>,
    }

    /// 紧急联系人 (MCA 2022 guidance 2(4)).
    EmergencyContact in EmergencyContacts => {
        /// 姓名
        name: String,
        /// 电话
        phone: Option<String>,
        /// Who is called first: 1.
        rank: Option<u16>,
    }
}
