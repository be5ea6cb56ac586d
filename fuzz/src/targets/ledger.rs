//! Files of offices: ledgers, visits and certificates as workbooks or text, lists of places, mappings.

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;

use super::change::scope;
use crate::area_file;
use crate::export::mapping::Mapping;
use crate::ledger::{self, ColumnKey, Heading, LedgerError, Places, Reading, Written};
use crate::tape::Tape;
use crate::target::{Verdict, accepted, any};

fn places() -> Places {
    let names = [
        ("990121000000", "霁川县"),
        ("990121101000", "松雾镇"),
        ("990121101203", "上禾村"),
        ("990121101204", "下禾村委会"),
        ("990121200000", "清荷乡"),
    ];
    let read =
        |(code, name): (&str, &str)| Some((code.parse::<DivisionCode>().ok()?, name.to_owned()));
    Places::new(names.into_iter().filter_map(read))
}

/// The areas in which a ledger may be read: a village, its township, its county.
fn area(choice: u8) -> Area {
    let county = scope().parent().and_then(DivisionCode::parent);
    Area(match choice % 3 {
        0 => scope(),
        1 => scope().parent().unwrap_or(scope()),
        _ => county.unwrap_or(scope()),
    })
}

/// Every row is accounted for, and every refusal says where and why.
fn check<R, C: ColumnKey>(reading: &Reading<R, C>) {
    let told = reading.accepted.len() + reading.skipped.len() + reading.rejected.len();
    assert_eq!(reading.rows, told, "every row is accepted, skipped or rejected");
    let names: Vec<&str> = reading.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    for (sheet, row) in reading
        .rejected
        .iter()
        .map(|rejected| (&rejected.sheet, rejected.row))
        .chain(reading.skipped.iter().map(|skipped| (&skipped.sheet, skipped.row)))
        .chain(reading.gaps.iter().map(|gap| (&gap.sheet, gap.row)))
    {
        assert!(names.contains(&sheet.as_str()) && row > 0, "a row that is nowhere");
    }
}

/// What a ledger's row says may be stored: every field has its one spelling, and every place lies inside.
fn check_row(row: &LedgerRow, area: Area) {
    assert!(area.contains(row.scope), "a row outside the area");
    for (field, text) in &row.fields {
        assert!(field.value(text).is_ok(), "{field} of a row cannot be stored");
    }
    let id = row.field(Field::ResidentId);
    assert!(
        id.is_none_or(|id| Field::ResidentId.value(id).is_ok_and(|value| value.as_str() == id))
    );
}

fn read_all(name: &str, bytes: &[u8], area: Area) -> Verdict {
    let places = places();
    let read = ledger::read(name, bytes, &places, area);
    if let Ok(reading) = &read {
        check(reading);
        reading.accepted.iter().for_each(|row| check_row(&row.ledger_row, area));
        rejected(reading);
        round_trip(reading, &places, area);
    }
    let visits = ledger::read_visits(name, bytes, &places, area);
    if let Ok(visits) = &visits {
        check(visits);
        rejected(visits);
    }
    let certificates = ledger::read_certificates(name, bytes);
    if let Ok(certificates) = &certificates {
        check(certificates);
        rejected(certificates);
    }
    ledger::looks_like_visits(name, bytes);
    for error in [read.as_ref().err(), visits.as_ref().err(), certificates.as_ref().err()] {
        assert!(error.is_none_or(|error| !error.to_string().is_empty()));
    }
    let read = [read.is_ok(), visits.is_ok(), certificates.is_ok()];
    accepted(read.contains(&true).then_some(()))
}

/// What was rejected can be written down to be put right, and is read again as rejected or better.
fn rejected<R, C: ColumnKey>(reading: &Reading<R, C>) {
    for name in ["back.csv", "back.xlsx"] {
        match ledger::write_rejected(reading, &[], name) {
            Ok(_) | Err(LedgerError::SeveralSheets | LedgerError::Write(_)) => {}
            Err(error) => panic!("rejected rows cannot be written: {error}"),
        }
    }
}

/// What was read and is written comes back as it was.
fn round_trip(reading: &Reading, places: &Places, area: Area) {
    let rows: Vec<LedgerRow> =
        reading.accepted.iter().take(20).map(|row| row.ledger_row.clone()).collect();
    if rows.is_empty() {
        return;
    }
    let heading =
        Heading { title: "台账".into(), unit: "松雾镇".into(), date: "2026-09-01".into() };
    let written = Written::new(&rows, places, area).text(&heading).expect("a table can be written");
    let again = ledger::read("again.csv", &written, places, area).expect("what was written reads");
    assert_eq!(again.rows, rows.len(), "a row is one line");
    for (row, again) in rows.iter().zip(&again.accepted) {
        assert_eq!(
            again.ledger_row.fields.get(&Field::ResidentId),
            row.fields.get(&Field::ResidentId)
        );
        assert_eq!(again.ledger_row.scope, row.scope);
    }
}

/// A byte for the area, and a ledger as text in any encoding.
pub(super) fn text_ledger(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let area = area(tape.byte());
    // Archives have a target of their own.
    let rest = tape.rest();
    if rest.starts_with(b"PK") { Verdict::Refused } else { read_all("上禾村.csv", rest, area) }
}

/// A byte for the area, and whatever calls itself a workbook.
pub(super) fn archive(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let area = area(tape.byte());
    read_all("台账.xlsx", tape.rest(), area)
}

/// A byte for the area, then pieces: the XML of the one sheet, of the shared strings and of the styles, in
/// an archive that is in order, so that the readers behind it are reached.
pub(super) fn workbook(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let area = area(tape.byte());
    let (sheet, strings, styles) = (tape.piece(), tape.piece(), tape.rest());
    read_all("台账.xlsx", &archived(sheet, strings, styles), area)
}

const CONTENT_TYPES: &[u8] = br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>"#;
const RELATIONS: &[u8] = br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const WORKBOOK: &[u8] = br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
const WORKBOOK_RELATIONS: &[u8] = br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

/// An archive of stored entries (APPNOTE 4.3): local headers, directory, end.
fn archived(sheet: &[u8], strings: &[u8], styles: &[u8]) -> Vec<u8> {
    let entries: [(&str, &[u8]); 7] = [
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", RELATIONS),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", WORKBOOK_RELATIONS),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", strings),
        ("xl/styles.xml", styles),
    ];
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let length = (data.len() as u32).to_le_bytes();
        let fixed = [
            &[0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc32(data).to_le_bytes(),
            &length,
            &length,
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        let offset = (archive.len() as u32).to_le_bytes();
        archive.extend([&b"PK\x03\x04\x14\x00"[..], &fixed, name.as_bytes(), data].concat());
        let rest = [&[0; 10][..], &offset, name.as_bytes()].concat();
        directory.extend([&b"PK\x01\x02\x14\x00\x14\x00"[..], &fixed, &rest].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (length, offset) =
        ((directory.len() as u32).to_le_bytes(), (archive.len() as u32).to_le_bytes());
    archive.extend(directory);
    archive
        .extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &offset, &[0, 0]].concat());
    archive
}

/// CRC-32 as ZIP has it (ISO 3309, reflected, polynomial 0xEDB88320).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
        sum
    })
}

/// A list of places, and a mapping of fields for another platform.
pub(super) fn tables(bytes: &[u8]) -> Verdict {
    let list = area_file::read(bytes);
    if let Ok(file) = &list {
        let mut codes: Vec<_> = file.places.iter().map(|(code, _)| *code).collect();
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "each place once");
        assert!(file.places.iter().all(|(_, name)| !name.trim().is_empty()));
        assert!(file.faults.iter().all(|fault| fault.line > 0), "a fault has its line");
        Places::new(file.places.iter().cloned());
    }
    let mapping = Mapping::read(bytes);
    let messages = super::texts::messages();
    match &mapping {
        Ok(mapping) => drop(mapping.table(&[], &places())),
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| !fault.line(messages).is_empty()));
        }
    }
    let some = |found: bool| if found { Verdict::Accepted } else { Verdict::Refused };
    any([some(list.is_ok_and(|file| !file.places.is_empty())), some(mapping.is_ok())])
}

/// What an honest office writes, in the words of the ledgers in `tests/data`; the people are fictional.
const ROWS: [[&str; 10]; 5] = [
    [
        "序号",
        "姓名",
        "身份证号码",
        "性别",
        "出生日期",
        "所在村",
        "联系电话",
        "居住状况",
        "赡养人情况",
        "备注",
    ],
    [
        "1",
        "周国强",
        "110101194203150018",
        "男",
        "1942.3.15",
        "上禾村",
        "13900000001",
        "独居",
        "女儿 李明 13900000002 务工",
        "",
    ],
    [
        "2",
        "许桂英",
        "",
        "女",
        "1940年5月",
        "上禾村委会",
        "1390000 0003",
        "与配偶",
        "无",
        "2023年起由女儿照顾",
    ],
    ["3", "褚顺昌", "1.10101E+17", "男", "15050", "山外村", "", "", "", "=1+1"],
    ["合计", "", "", "", "", "", "", "", "", ""],
];

const VISITS: &str = "姓名,所在村,探访日期,探访时间,探访方式,探访结果,探访人,备注\n周国强,上禾村,2026-09-01,9:30,上门,完成,王会计,血压偏高\n许桂英,上禾村,2026年9月,,电话,未遇,,\n";
const CERTIFICATES: &str =
    "姓名,身份证号码,残疾证号,能力等级,低保\n周国强,110101194203150018,,重度失能,是\n";

pub(super) fn text_seeds() -> Vec<Vec<u8>> {
    let rows: Vec<String> = ROWS.iter().map(|row| row.join(",")).collect();
    let ledger = format!("松雾镇留守老年人台账\n{}\n", rows.join("\n"));
    let (gb18030, _, _) = encoding_rs::GB18030.encode(&ledger);
    let utf_16: Vec<u8> = ledger.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with = |area: u8, bytes: &[u8]| [&[area][..], bytes].concat();
    vec![
        with(1, ledger.as_bytes()),
        with(0, &[&[0xef, 0xbb, 0xbf][..], ledger.replace(',', "\t").as_bytes()].concat()),
        with(2, &gb18030),
        with(1, &[&[0xff, 0xfe][..], &utf_16].concat()),
        with(1, VISITS.as_bytes()),
        with(1, CERTIFICATES.as_bytes()),
    ]
}

/// The XML of a sheet with these cells, as text in the cells.
fn sheet_xml(rows: &[[&str; 10]]) -> String {
    let cell = |row: usize, at: usize, text: &str| {
        let name = char::from(b'A' + at as u8);
        match text {
            "" => String::new(),
            "15050" => format!("<c r=\"{name}{row}\" s=\"1\"><v>15050</v></c>"),
            "1.10101E+17" => format!("<c r=\"{name}{row}\"><v>1.10101E+17</v></c>"),
            "=1+1" => format!("<c r=\"{name}{row}\"><f>1+1</f><v>2</v></c>"),
            "男" => format!("<c r=\"{name}{row}\" t=\"s\"><v>0</v></c>"),
            text => format!("<c r=\"{name}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"),
        }
    };
    let row = |(at, row): (usize, &[&str; 10])| {
        let cells: String =
            (0..).zip(row).map(|(column, text)| cell(at + 1, column, text)).collect();
        format!("<row r=\"{}\">{cells}</row>", at + 1)
    };
    let rows: String = rows.iter().enumerate().map(row).collect();
    format!("<worksheet><dimension ref=\"A1:J5\"/><sheetData>{rows}</sheetData></worksheet>")
}

const STRINGS: &str = "<sst uniqueCount=\"2\"><si><t>男</t></si><si><r><t>女</t></r></si></sst>";
const STYLES: &str = "<styleSheet><numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy/m/d\"/></numFmts><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>";

pub(super) fn workbook_seeds() -> Vec<Vec<u8>> {
    let sheet = crate::tape::piece(sheet_xml(&ROWS).as_bytes());
    let strings = crate::tape::piece(STRINGS.as_bytes());
    vec![[&[1][..], &sheet, &strings, STYLES.as_bytes()].concat()]
}

pub(super) fn archive_seeds() -> Vec<Vec<u8>> {
    let stored = archived(sheet_xml(&ROWS).as_bytes(), STRINGS.as_bytes(), STYLES.as_bytes());
    let mut packed = rust_xlsxwriter::Workbook::new();
    let sheet = packed.add_worksheet();
    for (row, cells) in (0u32..).zip(&ROWS) {
        for (column, text) in (0u16..).zip(cells) {
            let _ = sheet.write_string(row, column, *text);
        }
    }
    let packed = packed.save_to_buffer().unwrap_or_default();
    [stored, packed].map(|bytes| [vec![1], bytes].concat()).into()
}

pub(super) fn table_seeds() -> Vec<Vec<u8>> {
    let places = "代码,名称\n990121000000,霁川县\n990121101000,松雾镇\n'990121101203,上禾村\n";
    let mapping = "平台字段名,本系统字段,取值对照,说明\n姓名,name,,\n性别,sex,男=1；女=2；*=9,\n证件,固定:身份证,,\n赡养人,supporters.name[1],,\n低保,待遇.低保,是=1,\n";
    vec![places.as_bytes().to_vec(), mapping.as_bytes().to_vec()]
}
