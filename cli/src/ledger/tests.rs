//! The sample ledgers, the same people in other formats, single rows, and files that are none.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::element::Absence;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{AbsenceReason, PairingKind, ServiceNeed, SupportCapacity};

use super::*;

const SONGWU: &str = "松雾镇留守老年人台账.xlsx";
const QINGHE: &str = "清荷乡留守老年人台账.xlsx";
const SONGWU_BYTES: &[u8] = include_bytes!("../../../tests/data/松雾镇留守老年人台账.xlsx");
const QINGHE_BYTES: &[u8] = include_bytes!("../../../tests/data/清荷乡留守老年人台账.xlsx");
const AREAS: &[u8] = include_bytes!("../../../tests/data/areas.csv");
const TRUTH: &[u8] = include_bytes!("../../../tests/data/truth.csv");

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

fn county() -> Area {
    Area(code("990121000000"))
}

fn places() -> Places {
    Places::new(crate::area_file::read(AREAS).unwrap().places)
}

fn read_sample(name: &str, bytes: &[u8]) -> Reading {
    let reading = read(name, bytes, &places(), county()).unwrap();
    assert_eq!(
        reading.rows,
        reading.accepted.len() + reading.skipped.len() + reading.rejected.len()
    );
    reading
}

/// Reads one row under these headings, in the village 上禾村 unless a column says otherwise.
fn one(columns: &[(&str, &str)]) -> Reading {
    let mut columns = columns.to_vec();
    for (heading, text) in [("姓名", "周国强"), ("所在村", "上禾村"), ("身份证号码", "")]
    {
        if !columns.iter().any(|(given, _)| *given == heading) {
            columns.push((heading, text));
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| column.0)).unwrap();
    writer.write_record(columns.iter().map(|column| column.1)).unwrap();
    read_sample("一.csv", &writer.into_inner().unwrap())
}

fn row_of(reading: &Reading) -> &LedgerRow {
    let [row] = reading.accepted.as_slice() else { panic!("not one row: {reading:?}") };
    &row.ledger_row
}

fn gaps_of(reading: &Reading) -> Vec<(Column, Reason)> {
    let others = reading.gaps.iter().filter(|gap| gap.reason != Reason::IdMissing);
    others.map(|gap| (gap.field, gap.reason)).collect()
}

#[test]
fn the_samples_give_exactly_the_elders_of_the_truth() {
    let mut read_elders = Vec::new();
    for (name, bytes) in [(SONGWU, SONGWU_BYTES), (QINGHE, QINGHE_BYTES)] {
        read_elders.extend(read_sample(name, bytes).accepted);
    }
    let mut truth = csv::Reader::from_reader(TRUTH);
    let expected: Vec<BTreeMap<String, String>> = truth.deserialize().map(Result::unwrap).collect();
    let expected: Vec<_> =
        expected.iter().filter(|elder| elder["planted_fault"] != "unknown village").collect();
    assert_eq!(read_elders.len(), expected.len());

    let mut by_id: BTreeMap<&str, &LedgerRow> = BTreeMap::new();
    let mut without_id: BTreeMap<(&str, String), &LedgerRow> = BTreeMap::new();
    for elder in &read_elders {
        let row = &elder.ledger_row;
        match row.field(Field::ResidentId) {
            Some(id) => by_id.insert(id, row),
            None => {
                without_id.insert((row.field(Field::Name).unwrap(), row.scope.to_string()), row)
            }
        };
    }
    for elder in expected {
        let key = (elder["name"].as_str(), elder["village_code"].clone());
        let valid = elder["planted_fault"].is_empty();
        let row = match valid {
            true => by_id.remove(elder["resident_id"].as_str()),
            false => without_id.remove(&key),
        };
        let row = row.unwrap_or_else(|| panic!("{elder:?} is missing"));
        assert_eq!(row.scope.to_string(), elder["village_code"]);
        assert_eq!(row.field(Field::Name), Some(elder["name"].as_str()));
        assert_eq!(row.field(Field::ResidenceCode), Some(elder["village_code"].as_str()));
        if valid {
            assert_eq!(row.field(Field::BirthDate), Some(elder["born"].as_str()));
            let sex = Field::Sex.value(&elder["sex"]).unwrap();
            assert_eq!(row.field(Field::Sex), Some(sex.as_str()));
        } else {
            assert!(row.field(Field::ResidentIdAsWritten).is_some());
            assert_eq!(row.field(Field::BirthDate), None);
        }
    }
    assert!(by_id.is_empty() && without_id.is_empty());
}

#[test]
fn each_sample_row_is_accounted_for() {
    for (name, bytes, rows, accepted, repeated, rejected) in
        [(SONGWU, SONGWU_BYTES, 185, 180, 3, 0), (QINGHE, QINGHE_BYTES, 119, 113, 3, 1)]
    {
        let reading = read_sample(name, bytes);
        let skipped = |reason| reading.skipped.iter().filter(|row| row.reason == reason).count();
        assert_eq!(reading.rows, rows);
        assert_eq!(reading.accepted.len(), accepted);
        assert_eq!(skipped(Reason::RepeatedRow), repeated);
        assert_eq!(skipped(Reason::BlankRow), 1);
        assert_eq!(skipped(Reason::TotalRow), 1);
        assert_eq!(reading.rejected.len(), rejected);
        assert!(reading.unknown_columns.is_empty() && reading.skipped_sheets.is_empty());
    }
}

#[test]
fn the_first_sample_row_says_all_it_says() {
    let reading = read_sample(SONGWU, SONGWU_BYTES);
    let first = &reading.accepted[0];
    assert_eq!((first.sheet.as_str(), first.row), ("留守老年人台账", 4));
    let row = &first.ledger_row;
    for (field, text) in [
        (Field::Name, "周国强"),
        (Field::ResidentId, "990121194802119834"),
        (Field::BirthDate, "1948-02-11"),
        (Field::Sex, "Male"),
        (Field::Phone, "13377009236"),
        (Field::Address, "上禾村7组56号"),
        (Field::Hamlet, "6组"),
        (Field::LivingArrangement, "Alone"),
        (Field::AbilityLevel, "Intact"),
        (Field::DisabilityGrade, "G2"),
        (Field::ObservedFunction, "NoLimitation"),
        (Field::Remarks, "高血压"),
    ] {
        assert_eq!(row.field(field), Some(text));
    }
    assert_eq!(row.field(Field::Dementia), None);
    assert_eq!(row.subsistence_allowance, Some(false));
    assert_eq!(row.agreement, Some(false));
    assert_eq!(row.supporters[0].whereabouts.as_deref(), Some("江苏省昆山市"));
    assert_eq!(
        row.absences,
        [Absence {
            supporter: "吴建国".into(),
            left: chrono::NaiveDate::from_ymd_opt(2020, 3, 12),
            returned: None,
            destination: None,
            reason: AbsenceReason::Unknown,
        }]
    );
    assert_eq!(row.guardian_contacts[0].phone.as_deref(), Some("15282342149"));
    assert_eq!(row.pairings[0].kind, PairingKind::Volunteer);
    let needs = [ServiceNeed::Meals, ServiceNeed::Cleaning, ServiceNeed::Mobility];
    assert_eq!(row.service_needs, needs.into());
}

#[test]
fn formulas_in_remarks_are_text() {
    for (name, bytes, formula) in [
        (SONGWU, SONGWU_BYTES, "=1+1"),
        (QINGHE, QINGHE_BYTES, "=HYPERLINK(\"http://127.0.0.1/x\",\"点\")"),
    ] {
        let reading = read_sample(name, bytes);
        let remarks = |row: &&AcceptedRow| row.ledger_row.field(Field::Remarks) == Some(formula);
        assert_eq!(reading.accepted.iter().filter(remarks).count(), 2);
    }
}

/// The sample's sheet as a CSV file, cell by cell.
fn as_csv(bytes: &[u8]) -> String {
    let sheets = workbook::read(bytes).unwrap();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in &sheets[0].rows {
        let mut cells: Vec<String> = row.iter().map(Cell::text).collect();
        cells.resize(26, String::new());
        writer.write_record(cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn the_same_people_in_every_encoding() {
    for (name, bytes) in [(SONGWU, SONGWU_BYTES), (QINGHE, QINGHE_BYTES)] {
        let workbook = read_sample(name, bytes);
        let text = as_csv(bytes);
        let (gb18030, _, errors) = encoding_rs::GB18030.encode(&text);
        assert!(!errors);
        for bytes in
            [text.clone().into_bytes(), format!("\u{feff}{text}").into_bytes(), gb18030.into()]
        {
            let reading = read_sample("台账.csv", &bytes);
            let rows = |reading: &Reading| -> Vec<(u32, LedgerRow)> {
                reading.accepted.iter().map(|row| (row.row, row.ledger_row.clone())).collect()
            };
            assert_eq!(rows(&reading), rows(&workbook));
            assert_eq!(reading.skipped.len(), workbook.skipped.len());
            assert_eq!(reading.rejected.len(), workbook.rejected.len());
        }
    }
}

#[test]
fn no_report_repeats_a_resident_id() {
    for (name, bytes) in [(SONGWU, SONGWU_BYTES), (QINGHE, QINGHE_BYTES)] {
        let reading = read_sample(name, bytes);
        let json = serde_json::to_string(&(&reading.gaps, &reading.skipped, &reading.rejected));
        assert!(!json.unwrap().contains("990121194"));
    }
    let reading =
        one(&[("备注", "x"), ("性别", "990121194203150047"), ("身份证号码", "990121194203150048")]);
    assert_eq!(
        gaps_of(&reading),
        [(Column::ResidentId, Reason::IdChecksum), (Column::Sex, Reason::UnknownValue),]
    );
    assert_eq!(reading.gaps[0].detail, None);
    assert_eq!(reading.gaps[1].detail.as_deref(), Some("***"));
}

#[test]
fn rejected_rows_come_in_once_they_are_corrected() {
    let ledger = "霁川县清荷乡台账,,\n姓名,性别,身份证号码,所在村,联系电话,备注\n\
        周国强,男,990121194203150047,荷塘村,138,\n杨文华,男,99012119420315008X,不详,08311234567,=1+1\n\
        ,女,,荷塘村,,\n";
    let first = read_sample("台账.csv", ledger.as_bytes());
    assert_eq!((first.accepted.len(), first.rejected.len()), (1, 2));
    for name in ["退回.xlsx", "退回.csv"] {
        let bytes = write_rejected(&first, &[], name).unwrap();
        let again = read_sample(name, &bytes);
        assert_eq!((again.accepted.len(), again.rejected.len()), (0, 2), "{name}");
        assert!(again.unknown_columns.is_empty());
        assert_eq!(again.rejected[0].reason, Reason::UnknownVillage);
        // Returned a second time: still one column of reasons.
        let bytes = write_rejected(&again, &[], "退回.csv").unwrap();
        let text = decode(&bytes).unwrap();
        assert_eq!(text.matches("退回原因").count(), 1);
        assert!(text.contains("无法识别的村：不详"), "{text}");
        let corrected = text.replacen("不详", "荷塘村委会", 1).replace("\n,女", "\n钱菊香,女");
        let corrected = read_sample("退回.csv", corrected.as_bytes());
        assert_eq!((corrected.accepted.len(), corrected.rejected.len()), (2, 0), "{text}");
        let row = &corrected.accepted[0].ledger_row;
        assert_eq!(row.field(Field::ResidentId), Some("99012119420315008X"));
        assert_eq!(row.field(Field::Remarks), Some("=1+1"));
        assert_eq!(row.field(Field::Phone), Some("08311234567"));
    }
    assert!(matches!(write_rejected(&first, &[], "退回.pdf"), Err(LedgerError::Extension)));
}

#[test]
fn rejected_rows_of_several_sheets_keep_their_sheets() {
    let reading = read_sample(QINGHE, QINGHE_BYTES);
    let bytes = write_rejected(&reading, &[], "退回.xlsx").unwrap();
    let again = read_sample("退回.xlsx", &bytes);
    assert_eq!(again.rejected.len(), 1);
    assert_eq!(again.rejected[0].field, Column::Village);
    assert_eq!(again.rejected[0].detail.as_deref(), Some("不详"));
}

#[test]
fn rows_that_are_no_elders() {
    let text = "姓名,序号,性别,所在村,其他栏\n周国强,1,男,上禾村,\n,2,,,\n小计：1人,,,,\n姓名,序号,性别,所在村,其他栏\n\
        填表人：张三,,,,\n,合计,,,\n";
    let reading = read_sample("一.csv", text.as_bytes());
    let reasons: Vec<_> = reading.skipped.iter().map(|row| (row.row, row.reason)).collect();
    assert_eq!(
        reasons,
        [
            (3, Reason::BlankRow),
            (4, Reason::TotalRow),
            (5, Reason::HeaderRow),
            (6, Reason::NoteRow),
            (7, Reason::TotalRow),
        ]
    );
    assert_eq!(reading.unknown_columns[0].heading, "其他栏");
    assert_eq!(reading.unknown_columns[0].column, 5);
}

#[test]
fn rows_that_cannot_be_placed_or_named() {
    for (column, text, field, reason) in [
        ("姓名", "", Column::Name, Reason::MissingName),
        ("姓名", "无", Column::Name, Reason::MissingName),
        ("姓名", "=A1", Column::Name, Reason::FormulaCell),
        ("姓名", &"长".repeat(41), Column::Name, Reason::ValueTooLong),
        ("所在村", "", Column::Village, Reason::UnknownVillage),
        ("所在村", "不详", Column::Village, Reason::UnknownVillage),
        ("所在村", "=B1", Column::Village, Reason::FormulaCell),
        ("所在村", "880121101203", Column::Village, Reason::VillageOutsideArea),
    ] {
        let reading = one(&[(column, text), ("备注", "有")]);
        let rejected = &reading.rejected[0];
        assert_eq!((rejected.field, rejected.reason), (field, reason), "{column} {text}");
    }
}

#[test]
fn the_valid_id_prevails_over_what_is_stated() {
    let id = ("身份证号码", "990121194203150047");
    let reading = one(&[id, ("性别", "男"), ("出生日期", "1942年3月16日")]);
    assert_eq!(row_of(&reading).field(Field::Sex), Some("Female"));
    assert_eq!(row_of(&reading).field(Field::BirthDate), Some("1942-03-15"));
    assert_eq!(
        gaps_of(&reading),
        [
            (Column::Sex, Reason::IdConflictsWithSex),
            (Column::BirthDate, Reason::IdConflictsWithBirthDate),
        ]
    );
    let reading = one(&[id, ("性别", "女"), ("出生年月", "1942年3月")]);
    assert_eq!(gaps_of(&reading), []);
    let reading =
        one(&[("身份证号码", "990121194203150048"), ("性别", "男"), ("出生日期", "19420316")]);
    assert_eq!(row_of(&reading).field(Field::Sex), Some("Male"));
    assert_eq!(row_of(&reading).field(Field::BirthDate), Some("1942-03-16"));
    assert_eq!(row_of(&reading).field(Field::ResidentId), None);
    assert_eq!(row_of(&reading).field(Field::ResidentIdAsWritten), Some("990121194203150048"));
    let reading = one(&[("出生年月", "1942年3月")]);
    assert_eq!(row_of(&reading).field(Field::BirthDate), None);
    assert_eq!(gaps_of(&reading), [(Column::BirthDate, Reason::PartialDate)]);
    let reading = one(&[]);
    assert_eq!(reading.gaps[0].reason, Reason::IdMissing);
}

#[test]
fn nothing_unreadable_is_lost() {
    let long = "长".repeat(600);
    for (column, text, gap) in [
        ("能力等级", "失能", (Column::AbilityLevel, Reason::UnknownValue)),
        ("居住状况", "=A1", (Column::LivingArrangement, Reason::FormulaCell)),
        ("服务需求", "助餐、唱歌", (Column::ServiceNeeds, Reason::UnknownValue)),
        ("委托照顾协议", "不详", (Column::Agreement, Reason::UnknownValue)),
        ("子女电话", "13812345678", (Column::SupporterPhone, Reason::PersonWithoutName)),
        ("监护人电话", "13812345678", (Column::GuardianPhone, Reason::PersonWithoutName)),
        ("户籍地", "某地", (Column::Hukou, Reason::UnknownPlace)),
        ("乡镇", "清荷乡", (Column::Township, Reason::TownshipDisagrees)),
        ("联系电话", "1.39E+10", (Column::Phone, Reason::UnknownValue)),
        ("出生日期", "属猪", (Column::BirthDate, Reason::UnreadableDate)),
        ("备注", &long, (Column::Remarks, Reason::ValueTooLong)),
    ] {
        let reading = one(&[(column, text)]);
        assert_eq!(gaps_of(&reading), [gap], "{column}");
        let gap = reading.gaps.iter().find(|gap| gap.reason != Reason::IdMissing).unwrap();
        assert!(gap.detail.is_some(), "{column}");
    }
    let reading = one(&[("备注", &long)]);
    assert_eq!(row_of(&reading).field(Field::Remarks).unwrap().chars().count(), 500);
    let needs = row_of(&one(&[("服务需求", "助餐、唱歌")])).service_needs.clone();
    assert_eq!(needs, [ServiceNeed::Meals].into());
}

#[test]
fn marks_for_nothing_are_no_gaps() {
    let columns =
        ["联系电话", "居住状况", "子女姓名", "子女电话", "外出时间", "结对帮扶人", "服务需求"];
    for mark in ["-", "/", "——", " "] {
        let reading = one(&columns.map(|column| (column, mark)));
        assert_eq!(gaps_of(&reading), [], "{mark}");
        let mut expected = LedgerRow::new(code("990121101203"));
        expected.fields.insert(Field::Name, "周国强".into());
        expected.fields.insert(Field::ResidenceCode, "990121101203".into());
        assert_eq!(*row_of(&reading), expected);
    }
}

#[test]
fn several_children_share_one_row() {
    let reading = one(&[
        ("子女姓名", "吴建国、吴 芳"),
        ("与老人关系", "长子、次女"),
        ("子女外出地", "广东务工；本县县城"),
        ("外出时间", "2020年3月12日"),
        ("子女电话", "13812345678"),
        ("赡养能力", "有；无"),
    ]);
    let row = row_of(&reading);
    let names: Vec<_> = row.supporters.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["吴建国", "吴芳"]);
    assert_eq!(row.supporters[1].relation.as_deref(), Some("次女"));
    assert_eq!(row.supporters[1].capacity, SupportCapacity::Incapable);
    assert_eq!(row.supporters[0].phone, None);
    assert_eq!(gaps_of(&reading), [(Column::SupporterPhone, Reason::ListLengthDiffers)]);
    assert_eq!(row.absences[0].reason, AbsenceReason::Work);
    assert_eq!(row.absences[0].destination, None);
    assert_eq!(row.absences[1].destination, Some(code("990121000000")));
    assert!(row.absences.iter().all(|absence| absence.left.is_some()));
}

#[test]
fn who_lives_nearby_is_not_away() {
    for (place, left, absences) in [
        ("本村", "", 0),
        ("霁川县城", "", 0),
        ("本县县城", "2020-01-01", 1),
        ("广东", "", 1),
        ("", "", 0),
    ] {
        let reading = one(&[("子女姓名", "吴芳"), ("子女外出地", place), ("外出时间", left)]);
        assert_eq!(row_of(&reading).absences.len(), absences, "{place}");
        assert_eq!(row_of(&reading).supporters.len(), 1);
    }
}

#[test]
fn a_village_of_its_own_needs_no_column() {
    let text = "姓名,性别,联系电话\n周国强,男,1\n";
    let village = Area(code("990121101203"));
    let reading = read("一.csv", text.as_bytes(), &places(), village).unwrap();
    assert_eq!(row_of(&reading).scope, village.0);
    let reading = read("一.csv", text.as_bytes(), &places(), county()).unwrap();
    assert_eq!(reading.rejected[0].reason, Reason::UnknownVillage);
    let reading = read("下禾村.csv", text.as_bytes(), &places(), county()).unwrap();
    assert_eq!(row_of(&reading).scope, code("990121101204"));
}

#[test]
fn a_title_decides_between_namesakes() {
    let directory = [
        ("990121000000", "霁川县"),
        ("990121101000", "松雾镇"),
        ("990121101203", "新村"),
        ("990121200000", "清荷乡"),
        ("990121200201", "新村"),
    ];
    let places = Places::new(directory.map(|(number, name)| (code(number), name.to_owned())));
    let table = "姓名,性别,所在村\n周国强,男,新村\n";
    let scope = |name: &str, text: &str| {
        let reading = read(name, text.as_bytes(), &places, county()).unwrap();
        reading.accepted.first().map(|row| row.ledger_row.scope.to_string())
    };
    assert_eq!(scope("一.csv", table), None);
    assert_eq!(scope("清荷乡.csv", table).as_deref(), Some("990121200201"));
    let titled = format!("霁川县松雾镇台账\n{table}");
    assert_eq!(scope("一.csv", &titled).as_deref(), Some("990121101203"));
}

#[test]
fn workbooks_with_numbers_formulas_and_several_sheets() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("上禾村").unwrap().set_hidden(true);
    for (column, heading) in
        (0u16..).zip(["姓名", "身份证号码", "联系电话", "所在村", "出生日期", "性别"])
    {
        sheet.write_string(1, column, heading).unwrap();
    }
    sheet.write_string(2, 0, "周国强").unwrap();
    sheet.write_number(2, 1, 990_121_194_802_119_834.0).unwrap();
    sheet.write_number(2, 2, 13_652_832_945.0).unwrap();
    sheet.write_number(2, 3, 990_121_101_203.0).unwrap();
    sheet.write_number(2, 4, 15_415.0).unwrap();
    sheet.write_formula(2, 5, "IF(1,\"男\",\"女\")").unwrap();
    book.add_worksheet().set_name("说明").unwrap().write_string(0, 0, "填表说明").unwrap();
    let reading = read_sample("一.xlsx", &book.save_to_buffer().unwrap());
    assert_eq!(reading.skipped_sheets, ["说明"]);
    let row = row_of(&reading);
    assert_eq!(reading.accepted[0].row, 3);
    assert_eq!(row.field(Field::ResidentIdAsWritten), Some("990121194802119808"));
    assert_eq!(row.field(Field::Phone), Some("13652832945"));
    assert_eq!(row.field(Field::BirthDate), Some("1942-03-15"));
    assert_eq!(row.field(Field::Sex), None);
    assert_eq!(
        gaps_of(&reading),
        [(Column::ResidentId, Reason::IdAsNumber), (Column::Sex, Reason::FormulaCell),]
    );
}

#[test]
fn files_that_are_no_ledgers() {
    let refuse = |name, bytes: &[u8]| read(name, bytes, &places(), county()).unwrap_err();
    assert!(matches!(refuse("一.csv", b""), LedgerError::NoHeader));
    assert!(matches!(refuse("一.csv", "姓名,性别\n".as_bytes()), LedgerError::NoHeader));
    assert!(matches!(refuse("一.csv", &[0xff, 0xff, 0x80]), LedgerError::Encoding));
    assert!(matches!(refuse("一.xls", COMPOUND_MAGIC), LedgerError::OldWorkbook));
    assert!(matches!(refuse("一.xlsx", ARCHIVE_MAGIC), LedgerError::Workbook(_)));
    let large = vec![b','; FILE_BYTES_MAX + 1];
    assert!(matches!(refuse("一.csv", &large), LedgerError::FileTooLarge(_)));
    let rows = "\n".repeat(limits::ROWS_MAX) + "一,二,三\n";
    assert!(matches!(refuse("一.csv", rows.as_bytes()), LedgerError::TooManyRows));
}

#[test]
fn a_dimension_turned_around_is_an_error_of_the_file() {
    let bytes = include_bytes!("../../../tests/data/dimension-turned-around.xlsx");
    let refused = read("一.xlsx", bytes, &places(), county());
    // With overflow checks calamine panics on it; without, the empty sheet is read.
    assert!(matches!(refused, Err(LedgerError::BrokenWorkbook | LedgerError::NoHeader)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in "[姓名性别村身份证号码,，=\\-'\"0-9X年月日./、 \n]{0,200}") {
        let table = format!("姓名,性别,所在村,身份证号码,出生日期,子女姓名,外出时间,服务需求\n{text}");
        let _ = read("一.csv", table.as_bytes(), &places(), county());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in any::<bool>()) {
        let bytes = if magic { [ARCHIVE_MAGIC, &bytes].concat() } else { bytes };
        let _ = read("一.xlsx", &bytes, &places(), county());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_damaged_workbook_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = QINGHE_BYTES.to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(length.index(bytes.len()));
        }
        if let Ok(reading) = read(QINGHE, &bytes, &places(), county()) {
            let _ = write_rejected(&reading, &[], "退回.xlsx");
        }
    }
}
