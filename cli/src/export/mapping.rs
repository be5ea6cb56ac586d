//! The mapping of our fields to those of the platform 养老服务管理平台: a CSV file that an office
//! can edit (`docs/ledgers.md`, "Platform").

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shouwang_node::command::export::ExportedElder;

use crate::export::source::Source;
use crate::ledger::{LedgerError, Places, csv_bytes, csv_rows, decode};
use crate::message::{Language, Messages};

/// A mapping.
pub(crate) struct Mapping(Vec<Target>);

/// One field of the platform.
struct Target {
    name: String,
    source: Source,
    /// What stands for each value, by its stored or Chinese word; `*` for any other.
    values: BTreeMap<String, String>,
}

/// A line of a mapping that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    line: usize,
    code: &'static str,
    text: String,
}

/// A value that the mapping has no word for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unmapped {
    /// The platform's field.
    pub(crate) field: String,
    /// The value in the words of the offices.
    pub(crate) value: String,
    /// How many elders have it.
    pub(crate) elders: u64,
}

/// The headings of a mapping.
const HEADINGS: [&str; 4] = ["平台字段名", "本系统字段", "取值对照", "说明"];

/// The mapping that an office begins with. The platform's names are ours: they are to be checked
/// against its own import template.
const DEFAULT: &[[&str; 4]] = &[
    ["姓名", "name", "", ""],
    ["身份证件类型", "固定:居民身份证", "", "固定内容写作“固定:”加内容"],
    ["身份证号码", "resident_id", "", "导出时加 --with-id 才写完整号码"],
    ["性别", "sex", "男=1；女=2；未知=9", "取值对照：本系统的词=平台的代码，用分号隔开；*=其余"],
    ["出生日期", "birth_date", "", ""],
    ["年龄", "age", "", "按导出当日计算"],
    ["联系电话", "phone", "", ""],
    ["户籍地", "hukou_code", "", ""],
    ["所在县（市、区）", "county", "", ""],
    ["所在乡镇（街道）", "township", "", ""],
    ["所在村（社区）", "village", "", ""],
    ["行政区划代码", "village_code", "", ""],
    ["详细住址", "address", "", ""],
    ["居住状况", "living_arrangement", "独居=1；仅与配偶=2；与他人居住=3；未知=9", ""],
    ["分类等级", "care_group", "重点=1；次重点=2；一般=3；未分类=9", ""],
    [
        "能力等级",
        "ability_level",
        "能力完好=0；轻度失能=1；中度失能=2；重度失能=3；完全失能=4；未评估=9",
        "",
    ],
    ["能力评估日期", "ability_assessed_on", "", ""],
    ["残疾等级", "disability_grade", "一级=1；二级=2；三级=3；四级=4；无=0；未知=9", ""],
    ["是否失智", "dementia", "是=1；否=0；未知=9", ""],
    ["身体状况", "observed_function", "", ""],
    ["患病情况", "conditions", "", "有多项时用顿号隔开"],
    ["是否经济困难", "hardship", "是=1；否=0；未知=9", ""],
    ["是否低保", "待遇.低保", "是=1；否=0", ""],
    ["是否特困", "待遇.特困供养", "是=1；否=0", ""],
    ["住房状况", "housing", "", ""],
    ["安全隐患", "hazards", "", ""],
    ["特殊困难类别", "special_categories", "", ""],
    ["赡养人姓名", "supporters.name[1]", "", "方括号中的数字：第几位"],
    ["赡养人关系", "supporters.relation[1]", "", ""],
    ["赡养人电话", "supporters.phone[1]", "", ""],
    ["赡养人去向", "supporters.whereabouts[1]", "", ""],
    ["监护人姓名", "guardian_contacts.name[1]", "", ""],
    ["监护人电话", "guardian_contacts.phone[1]", "", ""],
    ["紧急联系人", "emergency_contacts.name[1]", "", ""],
    ["紧急联系电话", "emergency_contacts.phone[1]", "", ""],
    ["结对帮扶人", "pairings.helper[1]", "", ""],
    ["帮扶人类别", "pairings.kind[1]", "", ""],
    ["是否签订委托照顾协议", "agreement", "是=1；否=0", ""],
    ["服务需求", "service_needs", "", ""],
    ["风险等级", "risk_level", "高=1；中=2；低=3；未知=9", ""],
    ["家庭医生", "family_doctor", "", ""],
    ["最近探访日期", "last_visit", "", ""],
    ["备注", "remarks", "", ""],
];

/// The mapping that an office begins with, as a file.
pub(crate) fn template() -> Result<Vec<u8>, LedgerError> {
    let mut table = vec![HEADINGS.to_vec()];
    table.extend(DEFAULT.iter().map(|line| line.to_vec()));
    csv_bytes(&table)
}

impl Mapping {
    /// Reads a mapping; if a line says nothing, every such line.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let fault = |line: usize, code, text: &str| Fault { line, code, text: text.to_owned() };
        let Some(text) = decode(bytes) else { return Err(vec![fault(0, "encoding", "")]) };
        let (mut targets, mut faults) = (Vec::<Target>::new(), Vec::new());
        let mut names: BTreeSet<String> = BTreeSet::new();
        for row in csv_rows(&text) {
            let Ok((at, record)) = row else {
                faults.push(fault(0, "csv", ""));
                break;
            };
            let line = at + 1;
            let cell = |nth: usize| {
                let text = record.get(nth).unwrap_or_default().trim();
                text.strip_prefix('\'').unwrap_or(text)
            };
            let (name, from, values) = (cell(0), cell(1), cell(2));
            if (name.is_empty() && from.is_empty()) || name == HEADINGS[0] || name.starts_with('#')
            {
                continue;
            }
            if name.is_empty() {
                faults.push(fault(line, "name", from));
                continue;
            }
            if names.contains(name) {
                faults.push(fault(line, "twice", name));
                continue;
            }
            let Some(source) = Source::read(from) else {
                faults.push(fault(line, "source", from));
                continue;
            };
            match read_values(values) {
                Ok(values) => {
                    names.insert(name.to_owned());
                    targets.push(Target { name: name.to_owned(), source, values });
                }
                Err(piece) => faults.push(fault(line, "values", &piece)),
            }
        }
        if targets.is_empty() && faults.is_empty() {
            faults.push(fault(0, "empty", ""));
        }
        if faults.is_empty() { Ok(Self(targets)) } else { Err(faults) }
    }

    /// The headings and one row for each elder, and the values that have no word.
    pub(crate) fn table(
        &self,
        elders: &[ExportedElder],
        places: &Places,
    ) -> (Vec<Vec<String>>, Vec<Unmapped>) {
        // The platform is a Chinese one, whatever the reader's language.
        let chinese = Messages::new(Language::Zh);
        let mut unmapped: BTreeMap<(usize, String), u64> = BTreeMap::new();
        let mut table: Vec<Vec<String>> =
            vec![self.0.iter().map(|target| target.name.clone()).collect()];
        for elder in elders {
            let row = self.0.iter().enumerate().map(|(at, target)| {
                let texts = target.source.values(elder, places, &chinese).into_iter().map(|said| {
                    let any = || target.values.get("*");
                    let word = target.values.get(&said.chinese);
                    let word = word.or_else(|| target.values.get(&said.stored)).or_else(any);
                    if word.is_none() && !target.values.is_empty() {
                        *unmapped.entry((at, said.chinese.clone())).or_default() += 1;
                    }
                    word.cloned().unwrap_or(said.chinese)
                });
                texts.collect::<Vec<_>>().join("、")
            });
            table.push(row.collect());
        }
        let name = |at: usize| self.0.get(at).map(|target| target.name.clone()).unwrap_or_default();
        let unmapped = unmapped.into_iter();
        let unmapped =
            unmapped.map(|((at, value), elders)| Unmapped { field: name(at), value, elders });
        (table, unmapped.collect())
    }
}

impl Fault {
    /// The fault in words, with its line.
    pub(crate) fn line(&self, messages: &Messages) -> String {
        let fault = messages.word("mapping-fault", self.code);
        match self.line {
            0 => fault,
            line => messages.say(
                "mapping-fault-line",
                [
                    ("line", fluent_bundle::FluentValue::from(line)),
                    ("fault", fault.into()),
                    ("text", self.text.as_str().into()),
                ],
            ),
        }
    }
}

/// Reads `男=1；女=2；*=9`; the piece that is none of it is the error.
fn read_values(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pieces = text.split(['；', ';', '\n']).map(str::trim).filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let (from, to) = piece.split_once(['=', '＝']).ok_or(piece)?;
            let from = from.trim();
            if from.is_empty() { Err(piece) } else { Ok((from.to_owned(), to.trim().to_owned())) }
        })
        .collect::<Result<_, &str>>()
        .map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_mapping() {
        let mapping = Mapping::read(&template().unwrap()).unwrap_or_else(|f| panic!("{f:?}"));
        assert_eq!(mapping.0.len(), DEFAULT.len());
        for (target, line) in mapping.0.iter().zip(DEFAULT) {
            assert_eq!(target.name, line[0]);
            assert_eq!(target.values.is_empty(), line[2].is_empty());
        }
    }

    #[test]
    fn every_line_that_says_nothing_is_named() {
        let text = "平台字段名,本系统字段,取值对照\n姓名,name,\n\n电话,telefon,\n性别,sex,男;女=2\n\
            ,phone,\n姓名,phone,\n国籍,固定:中国,\n";
        let faults = Mapping::read(text.as_bytes()).map(|_| ()).unwrap_err();
        let found: Vec<_> =
            faults.iter().map(|fault| (fault.line, fault.code, fault.text.as_str())).collect();
        let expected = [
            (4, "source", "telefon"),
            (5, "values", "男"),
            (6, "name", "phone"),
            (7, "twice", "姓名"),
        ];
        assert_eq!(found, expected);
        assert_eq!(Mapping::read(b"").map(|_| ()).unwrap_err()[0].code, "empty");
    }
}
