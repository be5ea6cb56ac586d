//! The single-valued fields of a record: key, kind of value, parts, merge policy.
//!
//! One table, [`Field::spec`], is all there is to say about a field; edits, views, imports, the
//! conflict list and the command line read it. A new field is a new row. Several-valued fields
//! are the lists of [`crate::element`].

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::division::DivisionCode;
use crate::merge::Policy;
use crate::parts::PartKind;
use crate::record::{
    AbilityLevel, CareConsent, DisabilityGrade, Housing, Hygiene, LivingArrangement, MentalState,
    ObservedFunction, RiskLevel, Sex, YesNo,
};
use crate::resident_id::ResidentId;
use crate::writer::{Writer, Writers};

/// A single-valued field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// 姓名
    Name,
    /// 公民身份号码, valid by [`ResidentId`].
    ResidentId,
    /// The number as a ledger had it, where it is not valid: evidence for whoever corrects it.
    ResidentIdAsWritten,
    /// 出生日期
    BirthDate,
    /// 性别
    Sex,
    /// 联系电话
    Phone,
    /// 家庭住址
    Address,
    /// 户籍地
    HukouCode,
    /// 居住地
    ResidenceCode,
    /// 屋场, 组别
    Hamlet,
    /// 备注
    Remarks,
    /// 居住状况
    LivingArrangement,
    /// 经济困难
    Hardship,
    /// 能力等级
    AbilityLevel,
    /// 能力评估日期
    AbilityAssessedOn,
    /// 能力评估机构
    AbilityAssessor,
    /// 能力评估得分 (GB/T 42195-2022)
    AbilityScore,
    /// 身体状况
    ObservedFunction,
    /// 失智
    Dementia,
    /// 残疾等级
    DisabilityGrade,
    /// 精神状态
    MentalState,
    /// 家庭医生
    FamilyDoctor,
    /// 家庭医生所在机构
    FamilyDoctorClinic,
    /// 家庭医生签约日期
    FamilyDoctorFrom,
    /// 家庭医生签约到期
    FamilyDoctorUntil,
    /// 卫生状况
    Hygiene,
    /// 居住环境
    Housing,
    /// 意愿
    CareConsent,
    /// 帮扶措施
    CarePlan,
    /// 风险等级
    RiskLevel,
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free text of at most so many characters.
    Text(usize),
    /// A civil date.
    Date,
    /// A division code.
    Division,
    /// A valid resident ID.
    ResidentId,
    /// A whole number from 0 to this one.
    Number(u32),
    /// One of a vocabulary: stored spelling and Chinese, the most protective first.
    Choice(&'static [(&'static str, &'static str)]),
}

/// One row of the field table.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The Automerge key, the JSON name and the name on the command line.
    pub key: &'static str,
    /// What the offices call it.
    pub chinese: &'static str,
    /// What may stand in it.
    pub kind: Kind,
    /// How concurrent values are reconciled within a part.
    pub policy: Policy,
    /// The parts it may stand in, the one that prevails across parts first.
    pub parts: &'static [PartKind],
    /// The offices whose values take effect.
    pub writers: Writers,
}

/// A text that has been checked against its field and brought into the field's one spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Value(String);

/// Why a text cannot stand in a field. The text itself is not repeated: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Nothing but white space.
    #[error("{0} cannot be empty")]
    Empty(Field),
    /// Longer than the field allows.
    #[error("{field} has {length} characters, at most {limit} fit")]
    TooLong {
        /// The field.
        field: Field,
        /// The length found.
        length: usize,
        /// The most that fits.
        limit: usize,
    },
    /// Control characters.
    #[error("{0} holds control characters")]
    Control(Field),
    /// Not a date as YYYY-MM-DD between 1800 and 2200.
    #[error("{0} is a date, written 2026-11-21")]
    Date(Field),
    /// Not a division code.
    #[error("{0} is a division code of 12 digits")]
    Division(Field),
    /// Not a valid resident ID.
    #[error("{0} is no valid resident ID: {1}")]
    ResidentId(Field, #[source] crate::resident_id::ResidentIdError),
    /// Not a whole number within bounds.
    #[error("{field} is a whole number from 0 to {limit}")]
    Number {
        /// The field.
        field: Field,
        /// The largest.
        limit: u32,
    },
    /// Not in the vocabulary.
    #[error("{field} is one of {allowed}")]
    Choice {
        /// The field.
        field: Field,
        /// The spellings that are known.
        allowed: String,
    },
}

const CARD: &[PartKind] = &[PartKind::Card];
const REGISTRY_CARD: &[PartKind] = &[PartKind::Registry, PartKind::Card];
const REGISTRY_LEDGER: &[PartKind] = &[PartKind::Registry, PartKind::Ledger];
const LEDGER_CARD: &[PartKind] = &[PartKind::Ledger, PartKind::Card];

const V: Writers = Writers::of(&[Writer::Village]);
const VT: Writers = Writers::of(&[Writer::Village, Writer::Township]);
const VTC: Writers = Writers::of(&[Writer::Village, Writer::Township, Writer::County]);
const VTD: Writers = Writers::of(&[Writer::Village, Writer::Township, Writer::Department]);
const VD: Writers = Writers::of(&[Writer::Village, Writer::Department]);
const TCD: Writers = Writers::of(&[Writer::Township, Writer::County, Writer::Department]);

impl Field {
    /// Every field, in the order in which a file shows them.
    pub const ALL: &'static [Self] = &[
        Self::Name,
        Self::ResidentId,
        Self::ResidentIdAsWritten,
        Self::BirthDate,
        Self::Sex,
        Self::Phone,
        Self::Address,
        Self::HukouCode,
        Self::ResidenceCode,
        Self::Hamlet,
        Self::Remarks,
        Self::LivingArrangement,
        Self::Hardship,
        Self::AbilityLevel,
        Self::AbilityAssessedOn,
        Self::AbilityAssessor,
        Self::AbilityScore,
        Self::ObservedFunction,
        Self::Dementia,
        Self::DisabilityGrade,
        Self::MentalState,
        Self::FamilyDoctor,
        Self::FamilyDoctorClinic,
        Self::FamilyDoctorFrom,
        Self::FamilyDoctorUntil,
        Self::Hygiene,
        Self::Housing,
        Self::CareConsent,
        Self::CarePlan,
        Self::RiskLevel,
    ];

    /// The field's row (values, writers and merge policies: `docs/records.md`).
    #[rustfmt::skip]
    pub fn spec(self) -> FieldSpec {
        use Kind::{Choice, Date, Division, Number, Text};
        use Policy::{LastWriterWins as LWW, MostProtectiveWins as MPW, WriteOnce as FIX};
        let spec = |key, chinese, kind, policy, parts, writers| FieldSpec {
            key, chinese, kind, policy, parts, writers,
        };
        match self {
            Self::Name => spec("name", "姓名", Text(40), LWW, CARD, VT),
            Self::ResidentId =>
                spec("resident_id", "公民身份号码", Kind::ResidentId, FIX, REGISTRY_CARD, VTC),
            Self::ResidentIdAsWritten =>
                spec("resident_id_as_written", "身份证号码原文", Text(60), LWW, CARD, VT),
            Self::BirthDate => spec("birth_date", "出生日期", Date, LWW, CARD, VT),
            Self::Sex => spec("sex", "性别", Choice(Sex::WORDS), LWW, CARD, VT),
            Self::Phone => spec("phone", "联系电话", Text(40), LWW, CARD, VT),
            Self::Address => spec("address", "家庭住址", Text(120), LWW, CARD, VT),
            Self::HukouCode => spec("hukou_code", "户籍地", Division, LWW, CARD, VT),
            Self::ResidenceCode => spec("residence_code", "居住地", Division, LWW, CARD, VT),
            Self::Hamlet => spec("hamlet", "屋场", Text(40), LWW, CARD, VT),
            Self::Remarks => spec("remarks", "备注", Text(500), LWW, CARD, VT),
            Self::LivingArrangement => spec(
                "living_arrangement", "居住状况", Choice(LivingArrangement::WORDS), MPW, CARD, V,
            ),
            Self::Hardship =>
                spec("hardship", "经济困难", Choice(YesNo::WORDS), MPW, REGISTRY_CARD, VTD),
            Self::AbilityLevel => spec(
                "ability_level", "能力等级", Choice(AbilityLevel::WORDS), MPW, REGISTRY_LEDGER, TCD,
            ),
            Self::AbilityAssessedOn =>
                spec("ability_assessed_on", "能力评估日期", Date, LWW, REGISTRY_LEDGER, TCD),
            Self::AbilityAssessor =>
                spec("ability_assessor", "能力评估机构", Text(80), LWW, REGISTRY_LEDGER, TCD),
            Self::AbilityScore =>
                spec("ability_score", "能力评估得分", Number(90), LWW, REGISTRY_LEDGER, TCD),
            Self::ObservedFunction => spec(
                "observed_function", "身体状况", Choice(ObservedFunction::WORDS), MPW, CARD, V,
            ),
            Self::Dementia =>
                spec("dementia", "失智", Choice(YesNo::WORDS), MPW, REGISTRY_CARD, VTD),
            Self::DisabilityGrade => spec(
                "disability_grade", "残疾等级", Choice(DisabilityGrade::WORDS), MPW, REGISTRY_CARD,
                VTD,
            ),
            Self::MentalState =>
                spec("mental_state", "精神状态", Choice(MentalState::WORDS), MPW, CARD, V),
            Self::FamilyDoctor =>
                spec("family_doctor", "家庭医生", Text(40), LWW, REGISTRY_CARD, VD),
            Self::FamilyDoctorClinic =>
                spec("family_doctor_clinic", "家庭医生所在机构", Text(80), LWW, REGISTRY_CARD, VD),
            Self::FamilyDoctorFrom =>
                spec("family_doctor_from", "家庭医生签约日期", Date, LWW, REGISTRY_CARD, VD),
            Self::FamilyDoctorUntil =>
                spec("family_doctor_until", "家庭医生签约到期", Date, LWW, REGISTRY_CARD, VD),
            Self::Hygiene => spec("hygiene", "卫生状况", Choice(Hygiene::WORDS), MPW, CARD, V),
            Self::Housing =>
                spec("housing", "居住环境", Choice(Housing::WORDS), MPW, REGISTRY_CARD, VD),
            Self::CareConsent =>
                spec("care_consent", "意愿", Choice(CareConsent::WORDS), MPW, CARD, V),
            Self::CarePlan => spec("care_plan", "帮扶措施", Text(500), LWW, CARD, VT),
            Self::RiskLevel =>
                spec("risk_level", "风险等级", Choice(RiskLevel::WORDS), MPW, LEDGER_CARD, VT),
        }
    }

    /// The field that decides from which part this one is read: the details of an assessment or of
    /// a doctor's contract belong to the level or the doctor beside them.
    pub fn goes_with(self) -> Self {
        match self {
            Self::AbilityAssessedOn | Self::AbilityAssessor | Self::AbilityScore => {
                Self::AbilityLevel
            }
            Self::FamilyDoctorClinic | Self::FamilyDoctorFrom | Self::FamilyDoctorUntil => {
                Self::FamilyDoctor
            }
            field => field,
        }
    }

    /// The field with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.spec().key == key)
    }

    /// Checks a text and brings it into the field's one spelling. Choices may also be given in
    /// Chinese.
    pub fn value(self, text: &str) -> Result<Value, ValueError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ValueError::Empty(self));
        }
        match self.spec().kind {
            Kind::Text(limit) => {
                let length = text.chars().count();
                if length > limit {
                    return Err(ValueError::TooLong { field: self, length, limit });
                }
                if text.chars().any(|c| c.is_control() && c != '\n') {
                    return Err(ValueError::Control(self));
                }
                Ok(Value(text.to_owned()))
            }
            Kind::Date => {
                stored_date(text).map(|date| Value(date.to_string())).ok_or(ValueError::Date(self))
            }
            Kind::Division => match text.parse::<DivisionCode>() {
                Ok(code) => Ok(Value(code.to_string())),
                Err(_) => Err(ValueError::Division(self)),
            },
            Kind::ResidentId => ResidentId::parse(text)
                .map(|id| Value(id.as_str().to_owned()))
                .map_err(|error| ValueError::ResidentId(self, error)),
            Kind::Number(limit) => text
                .parse::<u32>()
                .ok()
                .filter(|number| *number <= limit)
                .map(|number| Value(number.to_string()))
                .ok_or(ValueError::Number { field: self, limit }),
            Kind::Choice(words) => words
                .iter()
                .find(|(stored, chinese)| *stored == text || *chinese == text)
                .map(|(stored, _)| Value((*stored).to_owned()))
                .ok_or_else(|| ValueError::Choice {
                    field: self,
                    allowed: words.iter().map(|word| word.0).collect::<Vec<_>>().join(", "),
                }),
        }
    }

    /// The place of a value in the most-protective order: smaller asks for more care.
    pub fn protective_rank(self, value: &Value) -> usize {
        match self.spec().kind {
            Kind::Choice(words) => {
                words.iter().position(|word| word.0 == value.0).unwrap_or(words.len())
            }
            _ => 0,
        }
    }

    /// Whether the value says that nothing is known, so that another part's value prevails.
    pub fn is_unknown(self, value: &Value) -> bool {
        matches!(value.0.as_str(), "Unknown" | "Unassessed" | "NotAsked")
            && matches!(self.spec().kind, Kind::Choice(_))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().key)
    }
}

impl Value {
    /// The stored spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    /// Never shows the value: values are people's facts and `Debug` ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

/// Reads a date as it is stored. Years outside 1800..2200 are slips of the pen.
pub(crate) fn stored_date(text: &str) -> Option<NaiveDate> {
    use chrono::Datelike;
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (1800..2200).contains(&date.year()).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_read_back() {
        for field in Field::ALL {
            assert_eq!(Field::from_key(field.spec().key), Some(*field));
            assert!(!field.spec().parts.is_empty());
        }
    }

    #[test]
    fn values_take_their_one_spelling() {
        assert_eq!(Field::Sex.value("女").unwrap().as_str(), "Female");
        assert_eq!(Field::BirthDate.value("1942-3-15").unwrap().as_str(), "1942-03-15");
        assert_eq!(Field::Name.value(" 周国强 ").unwrap().as_str(), "周国强");
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        assert_eq!(Field::Name.value("  "), Err(ValueError::Empty(Field::Name)));
        assert_eq!(Field::Phone.value("1\u{7}"), Err(ValueError::Control(Field::Phone)));
        assert_eq!(Field::BirthDate.value("1942-13-15"), Err(ValueError::Date(Field::BirthDate)));
        assert!(matches!(
            Field::Remarks.value(&"长".repeat(501)),
            Err(ValueError::TooLong { length: 501, limit: 500, .. })
        ));
        assert!(matches!(Field::Sex.value("x"), Err(ValueError::Choice { .. })));
    }
}
