//! Lists and reports of the sample county, counted a second time from the ledgers themselves.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use calamine::{Data, Reader};
use serde_json::{Value, json};
use support::{COUNTY, Office, QINGHE, SHANGHE, SONGWU, data};

const LEDGERS: [&str; 2] = ["松雾镇留守老年人台账.xlsx", "清荷乡留守老年人台账.xlsx"];
const VILLAGES: [(&str, &str); 5] = [
    ("上禾村", "990121101203"),
    ("下禾村", "990121101204"),
    ("青石村", "990121101205"),
    ("荷塘村", "990121200201"),
    ("柳湾村", "990121200202"),
];
/// After the month that is reported, so that it is reported whole.
const LATER: [&str; 2] = ["--as-of", "2026-10-05"];

/// A row of a ledger, as somebody reads it who has never heard of this program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    village: &'static str,
    name: String,
    /// Digits and X; not necessarily valid.
    id: String,
    ability: String,
    disability: String,
    function: String,
    dementia: String,
}

/// Everybody in the ledgers who can be placed, once.
fn ledger_rows() -> Vec<Row> {
    let mut found = BTreeSet::new();
    for ledger in LEDGERS {
        let mut book = calamine::open_workbook_auto(data(ledger)).unwrap();
        let sheet = book.sheet_names()[0].clone();
        let range = book.worksheet_range(&sheet).unwrap();
        let mut columns: BTreeMap<String, usize> = BTreeMap::new();
        for row in range.rows() {
            let cells: Vec<String> = row.iter().map(plain).collect();
            if cells[0] == "序号" {
                columns = cells.into_iter().enumerate().map(|(at, text)| (text, at)).collect();
                continue;
            }
            let Some(name) = columns.get("姓名").map(|at| cells[*at].clone()) else { continue };
            let of = |heading: &str| cells[columns[heading]].clone();
            let place = of("所在村");
            let village =
                VILLAGES.iter().find(|(name, code)| place.contains(name) || place == *code);
            let Some((_, village)) = village else { continue };
            if name.is_empty() || !cells[0].bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            found.insert(Row {
                village,
                name,
                id: of("身份证号码").trim_start_matches('\'').to_uppercase(),
                ability: of("能力等级"),
                disability: of("残疾等级"),
                function: of("身体状况"),
                dementia: of("失智"),
            });
        }
    }
    // Somebody who stands in a ledger twice is one person.
    let mut seen = BTreeSet::new();
    found.into_iter().filter(|row| seen.insert((row.id.clone(), row.name.clone()))).collect()
}

/// A cell without white space, full-width characters as plain ones.
fn plain(cell: &Data) -> String {
    let text = cell.to_string();
    let narrow = text.chars().map(|c| match c {
        '０'..='９' | 'Ａ'..='Ｚ' => char::from_u32(c as u32 - 0xfee0).unwrap(),
        c => c,
    });
    narrow.filter(|c| !c.is_whitespace()).collect()
}

/// Year, month and day of birth by a number whose check character holds (GB 11643).
fn born(id: &str) -> Option<(u32, u32, u32)> {
    let digits: Vec<u32> =
        id.chars().map(|c| if c == 'X' { 10 } else { c.to_digit(10).unwrap_or(99) }).collect();
    if digits.len() != 18 || digits.contains(&99) {
        return None;
    }
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = weights.iter().zip(&digits).map(|(weight, digit)| weight * digit).sum();
    let check = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2][(sum % 11) as usize];
    let number = |from: usize, to: usize| id[from..to].parse().unwrap();
    (check == digits[17]).then(|| (number(6, 10), number(10, 12), number(12, 14)))
}

/// Completed years on 30 September 2026.
fn age(id: &str) -> Option<u32> {
    let (year, month, _) = born(id)?;
    Some(2026 - year - u32::from(month > 9))
}

/// Lijiang 2024 item 4, read once more by whoever wrote this test.
fn group(row: &Row) -> &'static str {
    let severe = ["一", "1", "二", "2"].iter().any(|grade| row.disability.contains(grade));
    let unassessed = matches!(row.ability.as_str(), "" | "未评估");
    let under_80 = if severe
        || matches!(row.ability.as_str(), "重度失能" | "完全失能")
        || row.dementia == "是"
        || (unassessed && row.function == "长期卧床")
    {
        "Key"
    } else if row.ability == "中度失能" || (unassessed && row.function == "行动不便") {
        "Secondary"
    } else if !unassessed || row.function == "健康" {
        "General"
    } else {
        "Unclassified"
    };
    match age(&row.id) {
        Some(80..) => "Key",
        Some(_) => under_80,
        None if under_80 == "Key" => "Key",
        None => "Unclassified",
    }
}

struct Visit {
    village: String,
    name: String,
    date: String,
    mode: String,
    outcome: String,
}

fn visits() -> Vec<Visit> {
    let mut reader = csv::Reader::from_path(data("visits.csv")).unwrap();
    let visit = |record: csv::StringRecord| {
        let [village, name, date, mode, outcome] = std::array::from_fn(|at| record[at].to_owned());
        Visit { village, name, date, mode, outcome }
    };
    reader.records().map(|record| visit(record.unwrap())).collect()
}

/// The sample county with its visits.
fn county() -> Office {
    let county = Office::begin(COUNTY);
    let ended = county.run(&["import", &data(LEDGERS[0]), &data(LEDGERS[1])]);
    assert_eq!(ended.exit, Some(3), "{ended:?}");
    let elders = county.elders();
    for visit in visits() {
        let elder = elders
            .iter()
            .find(|elder| elder["name"] == *visit.name && elder["scope"] == *visit.village)
            .unwrap_or_else(|| panic!("{} is nobody", visit.name));
        let elder = elder["elder_id"].as_str().unwrap();
        let Visit { date, mode, outcome, .. } = &visit;
        // On the last day that stands in the file of visits.
        let on = ["--date", date, "--mode", mode, "--outcome", outcome, "--as-of", "2026-10-01"];
        county.done(&[&["visit", "add", elder], &on[..]].concat());
    }
    county
}

fn report(office: &Office, arguments: &[&str]) -> Value {
    office.done(&[&["report"], arguments, &LATER].concat())
}

/// What does not depend on when and where it was run.
fn stable(mut report: Value) -> Value {
    let coverage = report["coverage"].as_object_mut().unwrap();
    coverage.remove("oldest_days");
    for village in coverage["by_village"].as_array_mut().unwrap() {
        let village = village.as_object_mut().unwrap();
        let moments = ["own_written_ms", "written_ms", "heard_ms", "data_as_of_ms", "age_days"];
        for moment in moments.into_iter().chain(["last_exchange_ms"]) {
            assert!(village.remove(moment).is_some());
        }
    }
    report
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_county_report_is_a_snapshot_and_is_counted_a_second_way() {
    let county = county();
    let found = report(&county, &["month", "2026-09"]);

    // Counted from the ledgers and the file of visits.
    let rows = ledger_rows();
    let made = visits();
    // Completed in the month, by a person.
    let visited = |row: &Row| {
        made.iter().any(|visit| {
            visit.name == row.name
                && visit.village == row.village
                && visit.date.starts_with("2026-09-")
                && visit.outcome == "Completed"
                && visit.mode != "RemoteMonitoring"
        })
    };
    let tables = &found["tables"];
    let check = |line: &Value, here: &dyn Fn(&Row) -> bool| {
        let count = |holds: &dyn Fn(&Row) -> bool| {
            rows.iter().filter(|row| here(row) && holds(row)).count() as u64
        };
        assert_eq!(number(&line["all"]["roster"]), count(&|_| true), "{line}");
        assert_eq!(number(&line["all"]["visited"]), count(&visited), "{line}");
        for of in ["Key", "Secondary", "General", "Unclassified"] {
            let figures = &line["groups"][of];
            assert_eq!(number(&figures["roster"]), count(&|row| group(row) == of), "{of} {line}");
            let seen = count(&|row| group(row) == of && visited(row));
            assert_eq!(number(&figures["visited"]), seen, "{of} {line}");
        }
    };
    assert!(rows.len() > 280, "{}", rows.len());
    assert!(rows.iter().filter(|row| visited(row)).count() > 20);
    check(&tables["total"], &|_| true);
    let places = tables["places"].as_array().unwrap();
    assert_eq!(places.len(), 2);
    for place in places {
        let code = place["code"].as_str().unwrap();
        check(place, &|row| row.village[..9] == code[..9]);
    }
    // The same of a township, by village.
    let town = report(&county, &["month", "2026-09", "--scope", SONGWU]);
    let villages = town["tables"]["places"].as_array().unwrap();
    assert_eq!(villages.len(), 3);
    for place in villages {
        let code = place["code"].as_str().unwrap();
        check(place, &|row| row.village == code);
    }
    // And the ages, as the prefecture gets them.
    let totals = report(&county, &["prefecture", "2026-09"]);
    for (band, from, to) in
        [("60-69", 60, 70), ("70-79", 70, 80), ("80-89", 80, 90), ("90+", 90, 200)]
    {
        let here =
            rows.iter().filter(|row| age(&row.id).is_some_and(|age| (from..to).contains(&age)));
        match &totals["tables"]["ages_total"][band] {
            Value::Number(shown) => assert_eq!(shown.as_u64(), Some(here.count() as u64), "{band}"),
            gap => assert_eq!(gap, "withheld", "{band}"),
        }
    }
    assert_eq!(number(&totals["tables"]["roster"]), rows.len() as u64);
    no_small_count(&totals["tables"]);

    // As it was when somebody looked at every figure of it.
    let snapshot = data("report-month-2026-09.json");
    let shown = serde_json::to_string_pretty(&stable(found)).unwrap() + "\n";
    if std::env::var_os("SHOUWANG_BLESS").is_some() {
        std::fs::write(&snapshot, &shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(&snapshot).unwrap(), "SHOUWANG_BLESS=1 rewrites it");
    workbooks(&county, &rows);
    lists(&county, &rows);
}

/// No published count is of one to four people.
fn no_small_count(value: &Value) {
    match value {
        Value::Number(number) => assert!(!matches!(number.as_u64(), Some(1..5)), "{number}"),
        Value::Array(values) => values.iter().for_each(no_small_count),
        Value::Object(values) => values.values().for_each(no_small_count),
        _ => {}
    }
}

/// Files as offices expect them, without a name in them, and never over one that is there.
fn workbooks(county: &Office, rows: &[Row]) {
    let path = county.path("month.xlsx");
    let file = path.to_str().unwrap();
    let write = ["report", "month", "2026-09", "-o", file];
    county.done(&[&write[..], &LATER].concat());
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
    let sheets = book.sheet_names();
    assert_eq!(sheets.len(), 5, "{sheets:?}");
    let range = book.worksheet_range(&sheets[0]).unwrap();
    let title = range.get_value((0, 0)).unwrap().to_string();
    assert!(title.contains("霁川县") && title.contains("2026"), "{title}");
    let merged = book.merge_cells_by_sheet_id(0).unwrap();
    let last = range.width() as u32 - 1;
    let is_merged = |from: (u32, u32), to: (u32, u32)| {
        merged.iter().any(|region| region.start == from && region.end == to)
    };
    assert!(is_merged((0, 0), (0, last)), "the title spans the table: {merged:?}");
    assert!(is_merged((2, 0), (3, 0)), "a heading of its own takes both rows");
    assert!(is_merged((2, 5), (2, 9)), "a shared heading spans its columns");
    // Two townships, then the totals.
    let count = |row: u32, column: u32| match range.get_value((row, column)) {
        Some(Data::Float(number)) => *number as usize,
        other => panic!("{other:?} is no number"),
    };
    assert_eq!(count(6, 5), rows.len());
    assert_eq!(count(4, 5) + count(5, 5), rows.len());
    // No name and no number of anybody.
    let people: BTreeSet<&str> =
        rows.iter().flat_map(|row| [row.name.as_str(), row.id.as_str()]).collect();
    for sheet in &sheets {
        for cell in book.worksheet_range(sheet).unwrap().used_cells() {
            assert!(!people.contains(cell.2.to_string().as_str()), "{sheet}: {}", cell.2);
        }
    }
    // Never over a file that is there, unless told.
    assert_eq!(county.run(&[&write[..], &LATER].concat()).error(), "file_exists");
    county.done(&[&write[..], &["--force"], &LATER].concat());
    assert_eq!(
        county.run(&["report", "month", "2026-09", "-o", "x.pdf"]).error(),
        "report_extension"
    );
    assert_eq!(county.run(&["report", "month", "2026-13"]).error(), "month");
    assert_eq!(county.run(&["report", "month", "2027-01"]).error(), "month_to_come");
}

/// Lists have names, and never a number.
fn lists(county: &Office, rows: &[Row]) {
    let due = county.done(&["due", "--all", "--as-of", "2026-10-05"]);
    assert_eq!(number(&due["roster"]), rows.len() as u64);
    let text = due.to_string();
    assert!(text.contains(&rows[0].name));
    for row in rows.iter().filter(|row| row.id.len() >= 15) {
        assert!(!text.contains(&row.id), "{}", row.name);
    }
    // Nobody has an agreement that says that the elder agreed, and no file has been reviewed.
    for list in ["agreements", "refresh"] {
        assert_eq!(number(&due["counts"][list]), rows.len() as u64, "{list}");
    }
    // Who was visited on the last day of the month or the first of the next is not overdue.
    let late: BTreeSet<&str> = due["elders"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|elder| {
            elder["items"].as_array().unwrap().iter().any(|item| item["list"] == "overdue")
        })
        .map(|elder| elder["name"].as_str().unwrap())
        .collect();
    for visit in visits().iter().filter(|visit| visit.date == "2026-10-01") {
        assert!(!late.contains(visit.name.as_str()), "{}", visit.name);
    }
    // Only unclassified elders are in the gap list for their group.
    let unclassified = rows.iter().filter(|row| group(row) == "Unclassified").count();
    let gap = json!({"why": "gap", "what": "CareGroup"});
    let gaps = due["elders"].as_array().unwrap().iter().filter(|elder| {
        let mut items = elder["items"].as_array().unwrap().iter();
        items.any(|item| item["why"].as_array().unwrap().contains(&gap))
    });
    let grouped = rows.iter().filter(|row| group(row) == "Unclassified" || age(&row.id).is_none());
    let found = gaps.count();
    assert!((unclassified..=grouped.count()).contains(&found), "{found}");
    // Who looked at names is noted.
    let path = county.path("due.csv");
    county.done(&["due", "--overdue", "-o", path.to_str().unwrap(), "--as-of", "2026-10-05"]);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with('\u{feff}'));
    let log = county.done(&["log", "--audit"]).to_string();
    assert!(log.contains("\"due\"") && log.contains("\"due_file\""), "{log}");
}

/// A report says of which villages it knows nothing.
#[test]
fn a_report_names_the_villages_without_data() {
    let county = Office::begin(COUNTY);
    let village = county.admits(SHANGHE, Some("clerk"));
    let states = |report: &Value| -> BTreeMap<String, String> {
        let villages = report["coverage"]["by_village"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        villages.map(|v| (text(&v["code"]), text(&v["state"]))).collect()
    };
    let counts = |report: &Value| {
        ["villages", "villages_with_data"].map(|key| number(&report["coverage"][key]))
    };
    let empty = report(&county, &["month", "2026-09"]);
    assert_eq!(counts(&empty), [5, 0]);
    assert_eq!(empty["coverage"]["oldest_days"], Value::Null);
    // The township's office writes in one village, the village itself in another.
    county.adds_elder("990121200201", "代录");
    village.adds_elder(SHANGHE, "自录");
    let node = county.up(&[]);
    village.syncs(&node.address(), &county.device());
    let heard = report(&county, &["month", "2026-09"]);
    assert_eq!(counts(&heard), [5, 2], "{heard}");
    let found = states(&heard);
    assert_eq!(found[SHANGHE], "current");
    assert_eq!(found["990121200201"], "from_above");
    assert_eq!(found["990121101204"], "missing");
    // Much later the same data is old.
    let later = county.done(&["report", "month", "2026-09", "--as-of", "2030-01-01"]);
    assert_eq!(states(&later)[SHANGHE], "stale");
    assert!(number(&later["coverage"]["oldest_days"]) > 365);
    let of_town = report(&county, &["month", "2026-09", "--scope", QINGHE]);
    assert_eq!(counts(&of_town), [2, 1]);
    node.stop();
}
