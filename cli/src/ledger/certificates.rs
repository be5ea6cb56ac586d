//! Lists of what departments certify 数据共享, one row a person.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shouwang_crdt_schema::element::{Entitlement, HealthCheck};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{Choice, SpecialCategory, YesNo};
use shouwang_node::command::import::CertificateRow;

use super::cell::Cell;
use super::column::columns;
use super::date::{self, DateReading};
use super::identity::{self, IdReading};
use super::reason::Reason;
use super::table::{self, Fault, Header, Row};
use super::{LedgerError, Reading, household, vocabulary};

columns! {
    /// What a column of a list of certificates is about.
    CertificateColumn
    /// 序号
    Serial "serial" ["序号" "编号"],
    /// 姓名: for the reader of the list; nobody is found by it.
    Name "name" ["姓名" "老人姓名" "老年人姓名" "对象姓名" "持证人姓名"],
    /// 性别
    Sex "sex" ["性别"],
    /// 身份证号码
    ResidentId "resident_id" ["身份证号码" "身份证号" "身份证" "公民身份号码" "公民身份证号码"
        "居民身份证号码" "证件号码"],
    /// 残疾证号: the resident ID, and two digits of which the last is the grade.
    DisabilityCertificate "disability_certificate" ["残疾证号" "残疾证号码" "残疾人证号"
        "残疾人证号码"],
    /// 残疾等级
    DisabilityGrade "disability_grade" ["残疾等级" "残疾级别"],
    /// 失智
    Dementia "dementia" ["失智" "是否失智" "认知障碍"],
    /// 经济困难
    Hardship "hardship" ["经济困难" "是否经济困难" "认定困难"],
    /// 疾病
    Conditions "conditions" ["疾病" "病种" "慢性病" "患病情况" "慢病病种"],
    /// 居住环境
    Housing "housing" ["居住环境" "住房状况" "住房安全" "危房等级" "房屋鉴定等级"],
    /// 家庭医生
    FamilyDoctor "family_doctor" ["家庭医生" "家庭医生姓名" "签约医生"],
    /// 家庭医生所在机构
    FamilyDoctorClinic "family_doctor_clinic" ["家庭医生所在机构" "签约机构" "签约医疗机构"],
    /// 家庭医生签约日期
    FamilyDoctorFrom "family_doctor_from" ["家庭医生签约日期" "签约日期" "签约时间"],
    /// 家庭医生签约到期
    FamilyDoctorUntil "family_doctor_until" ["家庭医生签约到期" "签约到期" "签约到期日期"],
    /// 能力等级
    AbilityLevel "ability_level" ["能力等级" "能力评估等级" "老年人能力等级" "评估等级"],
    /// 能力评估日期
    AbilityAssessedOn "ability_assessed_on" ["能力评估日期" "评估日期" "评估时间"],
    /// 能力评估机构
    AbilityAssessor "ability_assessor" ["能力评估机构" "评估机构" "评估人"],
    /// 能力评估得分
    AbilityScore "ability_score" ["能力评估得分" "评估得分" "评估分数"],
    /// 待遇
    Entitlements "entitlements" ["待遇" "享受待遇" "待遇情况" "享受待遇情况" "其他待遇"],
    /// 低保
    Allowance "subsistence_allowance" ["低保" "是否低保" "低保对象"],
    /// 计划生育特殊家庭
    FamilyPlanning "family_planning_special" ["计划生育特殊家庭" "是否计划生育特殊家庭" "计生特殊家庭"],
    /// 体检年度
    CheckYear "check_year" ["体检年度" "健康管理年度" "年度"],
    /// 体检日期
    CheckDate "check_date" ["体检日期" "健康检查日期" "健康管理日期"],
    /// 体检项目
    CheckItems "check_items" ["体检项目" "健康管理项目" "健康管理内容"],
    /// 体检机构
    CheckClinic "check_clinic" ["体检机构" "健康管理机构"],
    /// 退回原因
    ReturnReason "return_reason" ["退回原因"],
}

/// Fields, the words of their cells, and how those are read.
type Choose = fn(&str) -> Option<&'static str>;

const CHOICES: [(CertificateColumn, Field, Choose); 5] = [
    (CertificateColumn::DisabilityGrade, Field::DisabilityGrade, |word| {
        vocabulary::disability_grade(word).map(Choice::as_str)
    }),
    (CertificateColumn::Dementia, Field::Dementia, |word| {
        vocabulary::yes_no(word).map(Choice::as_str)
    }),
    (CertificateColumn::Hardship, Field::Hardship, |word| {
        vocabulary::yes_no(word).map(Choice::as_str)
    }),
    (CertificateColumn::Housing, Field::Housing, |word| {
        vocabulary::housing(word).map(Choice::as_str)
    }),
    (CertificateColumn::AbilityLevel, Field::AbilityLevel, |word| {
        vocabulary::ability_level(word).map(Choice::as_str)
    }),
];

const TEXTS: [(CertificateColumn, Field); 3] = [
    (CertificateColumn::FamilyDoctor, Field::FamilyDoctor),
    (CertificateColumn::FamilyDoctorClinic, Field::FamilyDoctorClinic),
    (CertificateColumn::AbilityAssessor, Field::AbilityAssessor),
];

const DAYS: [(CertificateColumn, Field); 3] = [
    (CertificateColumn::FamilyDoctorFrom, Field::FamilyDoctorFrom),
    (CertificateColumn::FamilyDoctorUntil, Field::FamilyDoctorUntil),
    (CertificateColumn::AbilityAssessedOn, Field::AbilityAssessedOn),
];

/// Reads a list of certificates.
pub(crate) fn read(
    file_name: &str,
    bytes: &[u8],
) -> Result<Reading<CertificateRow, CertificateColumn>, LedgerError> {
    table::read(file_name, bytes, CertificateColumn::ALL, is_header, |row, _| certificate(row))
}

fn is_header(header: &Header<CertificateColumn>) -> bool {
    use CertificateColumn as C;
    let about = [C::Serial, C::Name, C::Sex, C::ResidentId, C::ReturnReason];
    let certifies = header.0.iter().flatten().any(|column| !about.contains(column));
    let person = header.has(C::ResidentId) || header.has(C::DisabilityCertificate);
    person && certifies && header.known() >= 2
}

type Line<'a> = Row<'a, CertificateColumn>;

fn certificate(row: &mut Line<'_>) -> Result<CertificateRow, Fault<CertificateColumn>> {
    use CertificateColumn as C;
    let (resident_id, grade) = person(row)?;
    let mut fields: BTreeMap<Field, String> = BTreeMap::new();
    fields.extend(grade.map(|grade| (Field::DisabilityGrade, grade.to_owned())));
    for (column, field, read) in CHOICES {
        let Some(word) = row.word(column) else { continue };
        match read(&word) {
            Some(value) => {
                fields.insert(field, value.to_owned());
            }
            None => row.gap(column, Reason::UnknownValue, &word),
        }
    }
    for (column, field) in TEXTS {
        let text = row.cell(column).map(|cell| identity::free_text(&cell.text()));
        if let Some(text) = text.filter(|text| !text.is_empty() && !identity::is_nothing(text)) {
            match field.value(&text) {
                Ok(_) => drop(fields.insert(field, text)),
                Err(_) => row.gap(column, Reason::ValueTooLong, &text),
            }
        }
    }
    for (column, field) in DAYS {
        if let Some(day) = day(row, column) {
            fields.insert(field, day.to_string());
        }
    }
    if let Some(word) = row.word(C::AbilityScore) {
        let number = word.strip_suffix('分').unwrap_or(&word);
        match Field::AbilityScore.value(number) {
            Ok(_) => drop(fields.insert(Field::AbilityScore, number.to_owned())),
            Err(_) => row.gap(C::AbilityScore, Reason::UnknownValue, &word),
        }
    }
    Ok(CertificateRow {
        resident_id,
        fields,
        conditions: row.words(C::Conditions, vocabulary::condition),
        entitlements: entitlements(row),
        health_checks: health_check(row).into_iter().collect(),
        special_categories: special_categories(row),
    })
}

/// The person, and the grade that the number of a disability certificate ends in.
fn person(row: &mut Line<'_>) -> Result<(String, Option<&'static str>), Fault<CertificateColumn>> {
    use CertificateColumn as C;
    let number = row.cell(C::DisabilityCertificate).map(|cell| vocabulary::plain(&cell.text()));
    let (inside, grade) = match number.as_deref().and_then(|number| number.split_at_checked(18)) {
        Some((id, rest)) => {
            let last = rest.get(1..2).filter(|_| rest.is_ascii() && rest.len() >= 2);
            let grade = last.and_then(vocabulary::disability_grade).map(Choice::as_str);
            (Some(id.to_owned()), grade)
        }
        None => (None, None),
    };
    let stated = row.cell(C::ResidentId).cloned().or(inside.map(Cell::Text));
    let Some(cell) = stated else { return Err((C::ResidentId, Reason::IdMissing, None)) };
    match identity::resident_id(&cell) {
        IdReading::Valid(id) => Ok((id.as_str().to_owned(), grade)),
        IdReading::AsWritten(_, reason) | IdReading::Nothing(reason) => {
            Err((C::ResidentId, reason, None))
        }
    }
}

fn day(row: &mut Line<'_>, column: CertificateColumn) -> Option<chrono::NaiveDate> {
    let cell = row.cell(column)?.clone();
    let text = cell.text();
    let reason = match date::read(&cell) {
        DateReading::Day(day) => return Some(day),
        DateReading::Partial(..) => Reason::PartialDate,
        DateReading::Unreadable => Reason::UnreadableDate,
    };
    if !identity::is_nothing(&vocabulary::plain(&text)) {
        row.gap(column, reason, &text);
    }
    None
}

fn entitlements(row: &mut Line<'_>) -> Vec<Entitlement> {
    use CertificateColumn as C;
    let mut found: Vec<Entitlement> = Vec::new();
    let parts = row.cell(C::Entitlements).map(super::items::parts).unwrap_or_default();
    for part in parts {
        let word = vocabulary::plain(&part);
        match household::entitlement(&word) {
            Some(step) if found.iter().all(|other| other.kind != step.kind) => found.push(step),
            None if word.is_empty() || identity::is_nothing(&word) => {}
            _ => row.gap(C::Entitlements, Reason::UnknownValue, &part),
        }
    }
    use shouwang_crdt_schema::record::{EntitlementKind, EntitlementState};
    let kind = EntitlementKind::SubsistenceAllowance;
    if let Some(word) = row.word(C::Allowance) {
        let state = match vocabulary::yes_no(&word) {
            Some(YesNo::Yes) => Some(EntitlementState::Receiving),
            Some(YesNo::No) => Some(EntitlementState::Ended),
            _ => None,
        };
        match state {
            Some(state) if found.iter().all(|other| other.kind != kind) => {
                found.push(Entitlement { kind, state, date: None });
            }
            _ => row.gap(C::Allowance, Reason::UnknownValue, &word),
        }
    }
    found
}

fn special_categories(row: &mut Line<'_>) -> BTreeSet<SpecialCategory> {
    use CertificateColumn as C;
    let Some(word) = row.word(C::FamilyPlanning) else { return BTreeSet::new() };
    match vocabulary::yes_no(&word) {
        Some(YesNo::Yes) => [SpecialCategory::FamilyPlanningSpecial].into(),
        Some(_) => BTreeSet::new(),
        None => {
            row.gap(C::FamilyPlanning, Reason::UnknownValue, &word);
            BTreeSet::new()
        }
    }
}

/// The check of one year; without a list of what was done, all four parts of it were.
fn health_check(row: &mut Line<'_>) -> Option<HealthCheck> {
    use CertificateColumn as C;
    let date = day(row, C::CheckDate);
    let stated = row.word(C::CheckYear);
    let digits = stated.as_ref().map(|word| word.trim_end_matches(['年', '度']));
    let year = match digits {
        Some(digits) => {
            let year = digits.parse().ok().filter(|year| (1990..2200).contains(year));
            if year.is_none() {
                row.gap(C::CheckYear, Reason::UnknownValue, digits);
            }
            year?
        }
        None => u16::try_from(chrono::Datelike::year(&date?)).ok()?,
    };
    let clinic = row.cell(C::CheckClinic).map(|cell| identity::free_text(&cell.text()));
    let text = row.cell(C::CheckItems).map(Cell::text);
    let mut check = HealthCheck {
        year,
        date,
        lifestyle_assessment: text.is_none(),
        physical: text.is_none(),
        auxiliary_tests: text.is_none(),
        guidance: text.is_none(),
        clinic: clinic.filter(|clinic| !clinic.is_empty() && !identity::is_nothing(clinic)),
    };
    for part in text.map(|text| super::items::parts(&Cell::Text(text))).unwrap_or_default() {
        match vocabulary::plain(&part).as_str() {
            "生活方式和健康状况评估" | "生活方式评估" | "健康状况评估" => {
                check.lifestyle_assessment = true;
            }
            "体格检查" => check.physical = true,
            "辅助检查" => check.auxiliary_tests = true,
            "健康指导" => check.guidance = true,
            "" => {}
            _ => row.gap(C::CheckItems, Reason::UnknownValue, &part),
        }
    }
    Some(check)
}
