//! Ledgers as offices keep them give the people who are in them, at a county and at a township.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use support::{COUNTY, Office, QINGHE, SONGWU, data};

const OF_SONGWU: &str = "松雾镇留守老年人台账.xlsx";
const OF_QINGHE: &str = "清荷乡留守老年人台账.xlsx";

/// Somebody who was written into a ledger.
struct Person {
    town: String,
    village: String,
    name: String,
    resident_id: String,
    sex: String,
    born: String,
    fault: String,
}

fn truth() -> Vec<Person> {
    let text = std::fs::read_to_string(data("truth.csv")).unwrap();
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = ["town", "village_code", "name", "resident_id", "sex", "born", "planted_fault"];
    assert_eq!(reader.headers().unwrap(), columns.as_slice());
    let people = reader.records().map(|record| {
        let record = record.unwrap();
        let [town, village, name, resident_id, sex, born, fault] =
            std::array::from_fn(|nth| record[nth].trim().to_owned());
        Person { town, village, name, resident_id, sex, born, fault }
    });
    people.collect()
}

/// Those who can be placed.
fn expected(town: Option<&str>) -> Vec<Person> {
    let of_town = |person: &Person| town.is_none_or(|town| person.town == town);
    truth().into_iter().filter(|p| p.fault != "unknown village" && of_town(p)).collect()
}

fn sex(chinese: &str) -> &str {
    match chinese {
        "男" => "Male",
        "女" => "Female",
        _ => "Unknown",
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("null").to_owned()
}

/// How often each description stands in a list.
fn tally(all: impl Iterator<Item = String>) -> BTreeMap<String, u32> {
    let mut tally = BTreeMap::new();
    all.for_each(|one| *tally.entry(one).or_default() += 1);
    tally
}

/// The files of an office are those people and nobody else.
fn assert_people(office: &Office, people: &[Person]) {
    let elders = office.elders();
    let sound = |person: &&Person| person.fault.is_empty();
    // Of an ID that is not valid nothing follows; name and village are those of the row.
    let whole = people.iter().filter(sound).map(|person| {
        format!("{} {} {} {}", person.village, person.name, person.born, sex(&person.sex))
    });
    let shown = elders.iter().map(|elder| {
        let of = |key: &str| text(&elder[key]);
        format!("{} {} {} {}", of("scope"), of("name"), of("birth_date"), of("sex"))
    });
    let (whole, shown) = (tally(whole), tally(shown));
    let mut missing = whole.clone();
    for (person, count) in &shown {
        if let Some(left) = missing.get_mut(person) {
            *left = left.saturating_sub(*count);
        }
    }
    missing.retain(|_, left| *left > 0);
    assert!(missing.is_empty(), "{}: missing or different: {missing:?}", office.name);
    let places = tally(people.iter().map(|person| format!("{} {}", person.village, person.name)));
    let found = tally(
        elders.iter().map(|elder| format!("{} {}", text(&elder["scope"]), text(&elder["name"]))),
    );
    assert_eq!(found, places, "{}", office.name);
}

fn imports(office: &Office, files: &[&str]) -> (i32, Value) {
    let ended = office.run(&[&["import"], files].concat());
    let report = ended.json();
    let count = |key: &str| match &report[key] {
        Value::Array(rows) => rows.len() as u64,
        number => number.as_u64().unwrap(),
    };
    let became = ["new", "changed", "unchanged", "skipped", "rejected"].map(count);
    assert_eq!(count("rows"), became.iter().sum::<u64>(), "{report}");
    (ended.exit.unwrap(), report)
}

/// New, changed and unchanged.
fn counts(report: &Value) -> [u64; 3] {
    ["new", "changed", "unchanged"].map(|key| report[key].as_u64().unwrap())
}

#[test]
fn a_county_has_everybody_who_can_be_placed() {
    let county = Office::begin(COUNTY);
    let (songwu, qinghe) = (data(OF_SONGWU), data(OF_QINGHE));
    let dry = imports(&county, &[&songwu, &qinghe, "--dry-run"]);
    assert!(county.elders().is_empty());
    let (exit, report) = imports(&county, &[&songwu, &qinghe]);
    assert_eq!((dry.0, counts(&dry.1)), (3, counts(&report)), "a dry run says the same");
    let people = expected(None);
    assert_eq!((exit, counts(&report)), (3, [people.len() as u64, 0, 0]), "{report}");
    let unknown: Vec<_> = truth().into_iter().filter(|p| p.fault == "unknown village").collect();
    let rejected = report["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), unknown.len());
    assert!(rejected.iter().all(|row| row["reason"] == "unknown_village"), "{rejected:?}");
    assert_people(&county, &people);

    // Every planted fault is named, at the field that it is about.
    let gaps = report["gaps"].as_array().unwrap();
    let planted = |fault: &str| people.iter().filter(|person| person.fault == fault).count();
    let reported = |reason: &str| {
        gaps.iter().filter(|gap| gap["reason"] == reason && gap["field"] == "resident_id").count()
    };
    for (fault, reason) in [("checksum", "id_checksum"), ("length", "id_length")] {
        assert!(planted(fault) > 0);
        assert_eq!(reported(reason), planted(fault), "{fault}: {gaps:?}");
    }
    let skipped: BTreeSet<_> =
        report["skipped"].as_array().unwrap().iter().map(|row| text(&row["reason"])).collect();
    let every = ["blank_row", "repeated_row", "total_row"].map(str::to_owned);
    assert!(every.iter().all(|reason| skipped.contains(reason)), "{skipped:?}");

    // Once more, in the other order: nothing moves, and nothing is written.
    let before = county.status();
    let (_, again) = imports(&county, &[&qinghe, &songwu]);
    assert_eq!(counts(&again), [0, 0, people.len() as u64], "{again}");
    assert_eq!(support::digests(&county.status()), support::digests(&before));
    county.verify();
}

#[test]
fn a_township_has_its_own_people_and_the_same_people_change_nothing_from_another_file() {
    let town = Office::begin(SONGWU);
    let (exit, report) = imports(&town, &[&data(OF_SONGWU)]);
    let people = expected(Some("松雾镇"));
    assert_eq!((exit, counts(&report)), (0, [people.len() as u64, 0, 0]), "{report}");
    assert_people(&town, &people);
    // The other township's ledger is none of its business.
    let (exit, foreign) = imports(&town, &[&data(OF_QINGHE)]);
    assert_eq!((exit, counts(&foreign)), (3, [0, 0, 0]), "{foreign}");
    assert_people(&town, &people);

    // The same sheet as text, in both encodings; and another office's short list, other columns in
    // another order, of those whose number is known.
    let sheet = as_csv(&data(OF_SONGWU));
    let mut list = String::from("序号,性别,姓名,村,公民身份号码\r\n");
    let sound = people.iter().filter(|person| person.fault.is_empty());
    for (nth, person) in sound.enumerate().collect::<Vec<_>>().into_iter().rev() {
        let Person { sex, name, village, resident_id, .. } = person;
        list += &format!("{nth},{sex},{name},{village},{resident_id}\r\n");
    }
    let before = town.status();
    let path = town.path("people.csv");
    for text in [&sheet, &list] {
        for bytes in [text.as_bytes(), &encoding_rs::GB18030.encode(text).0] {
            std::fs::write(&path, bytes).unwrap();
            let (_, again) = imports(&town, &[path.to_str().unwrap()]);
            assert_eq!(counts(&again)[..2], [0, 0], "{again}");
            assert_eq!(support::digests(&town.status()), support::digests(&before));
        }
    }
    // A number that was wrong is put right: the same person, and a better file.
    let wrong = people.iter().find(|person| person.fault == "checksum").unwrap();
    let line = sheet.lines().find(|line| line.contains(&wrong.name)).unwrap();
    let number = line.split(',').find(|cell| cell.starts_with("990121")).unwrap();
    std::fs::write(&path, sheet.replace(number, &wrong.resident_id)).unwrap();
    // It changes a file that was there, and nobody can be asked here.
    let refused = town.run(&["import", path.to_str().unwrap()]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(2), "needs_yes"));
    let (_, corrected) = imports(&town, &[path.to_str().unwrap(), "--yes"]);
    assert_eq!(counts(&corrected)[..2], [0, 1], "{corrected}");
    assert_eq!(town.elders().len(), people.len());
    town.verify();
}

/// A workbook's first sheet as a spreadsheet program saves it as text.
fn as_csv(path: &str) -> String {
    use calamine::{Data, Reader};
    let mut workbook = calamine::open_workbook_auto(path).unwrap();
    let sheet = workbook.sheet_names()[0].clone();
    let range = workbook.worksheet_range(&sheet).unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in range.rows() {
        let cells = row.iter().map(|cell| match cell {
            Data::DateTime(date) => date.as_datetime().unwrap().date().to_string(),
            cell => cell.to_string(),
        });
        writer.write_record(cells).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

#[test]
fn rejected_rows_come_in_when_they_are_corrected() {
    let town = Office::begin(QINGHE);
    let rejected = town.path("rejected.csv");
    let (exit, report) =
        imports(&town, &[&data(OF_QINGHE), "--rejected", rejected.to_str().unwrap()]);
    assert_eq!(exit, 3);
    let people = expected(Some("清荷乡"));
    assert_eq!(counts(&report), [people.len() as u64, 0, 0]);
    let all = truth();
    let lost: Vec<&Person> =
        all.iter().filter(|p| p.town == "清荷乡" && p.fault == "unknown village").collect();
    assert!(!lost.is_empty());
    let text = std::fs::read_to_string(&rejected).unwrap();
    for person in &lost {
        assert!(text.contains(&person.name), "{text}");
    }
    // As it is, it is rejected again; with the village put right it comes in.
    let (exit, again) = imports(&town, &[rejected.to_str().unwrap()]);
    assert_eq!((exit, counts(&again)), (3, [0, 0, 0]), "{again}");
    let text = text.trim_start_matches('\u{feff}');
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut village = None;
    for record in reader.records() {
        let record = record.unwrap();
        let mut cells: Vec<&str> = record.iter().collect();
        match village {
            Some(village) => cells[village] = people[0].village.as_str(),
            None => village = cells.iter().position(|heading| heading.contains("所在村")),
        }
        writer.write_record(cells).unwrap();
    }
    std::fs::write(&rejected, writer.into_inner().unwrap()).unwrap();
    let (exit, corrected) = imports(&town, &[rejected.to_str().unwrap()]);
    assert_eq!((exit, counts(&corrected)), (0, [lost.len() as u64, 0, 0]), "{corrected}");
    assert_eq!(town.elders().len(), people.len() + lost.len());
    town.verify();
}
