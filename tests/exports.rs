//! What goes out comes in again; what comes in from elsewhere is shown before it is written.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use support::{COUNTY, Office, QINGHE, SHANGHE, SONGWU, data, digests};

const ID: &str = "990121194203150047";

/// Lines of a CSV file, each a row of cells.
fn cells(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.trim_start_matches('\u{feff}');
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn write_cells(path: &Path, rows: &[Vec<String>]) {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_path(path).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.flush().unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything that `elder show` says of every elder but for ids, visits and what is computed from
/// them: records that can be compared between counties.
fn records(office: &Office) -> Vec<String> {
    let mut records: Vec<String> = office
        .elders()
        .iter()
        .map(|elder| {
            let id = elder["elder_id"].as_str().unwrap();
            let shown = office.done(&["elder", "show", id, "--show-resident-id"]);
            let fields: BTreeMap<&str, &Value> = shown["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| (field["field"].as_str().unwrap(), &field["value"]))
                .collect();
            // Of the roster a ledger says nothing.
            let mut lists = shown["lists"].as_object().unwrap().clone();
            lists.remove("roster_events");
            json!({ "scope": elder["scope"], "fields": fields, "lists": lists }).to_string()
        })
        .collect();
    records.sort();
    records
}

fn counts(report: &Value) -> [u64; 3] {
    ["new", "changed", "unchanged"].map(|key| report[key].as_u64().unwrap())
}

/// A file opened early enough for the visits of these tests.
fn adds(office: &Office, village: &str, name: &str) -> String {
    let name = format!("name={name}");
    let saved = office.done(&["elder", "add", "--village", village, "--date", "2026-01-05", &name]);
    saved["elder_id"].as_str().unwrap().to_owned()
}

/// One file with the texts that spreadsheets spoil.
fn spoils(office: &Office) -> String {
    let elder = adds(office, SHANGHE, "卫德福");
    office.done(&[
        "elder",
        "set",
        &elder,
        &format!("resident_id={ID}"),
        "phone=0831-123 4567",
        "address==HYPERLINK(\"http://127.0.0.1\",\"x\")",
        "hamlet=+3组",
        "remarks=-1\n@second line; 、，",
        "family_doctor=何医生",
        "family_doctor_until=2027-01-31",
        "ability_level=Moderate",
        "ability_score=50",
        "hukou_code=530721000000",
    ]);
    elder
}

#[test]
fn a_ledger_comes_back_without_a_change() {
    let county = Office::begin(COUNTY);
    let imported = county.run(&["import", &data("清荷乡留守老年人台账.xlsx")]).json();
    assert!(counts(&imported)[0] > 100);
    spoils(&county);
    let before = digests(&county.status());
    let all = county.elders().len() as u64;
    for (name, flag) in [
        ("whole.xlsx", Some("--with-id")),
        ("whole.csv", Some("--with-id")),
        ("masked.xlsx", None),
        ("masked.csv", None),
    ] {
        let path = county.path(name);
        let export = [&["export", "ledger", "-o", text(&path)][..], flag.as_slice()].concat();
        assert_eq!(county.done(&export)["elders"], all);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
        let again = county.done(&["import", text(&path)]);
        assert_eq!(counts(&again), [0, 0, all], "{name}: {}", again["differences"]);
        assert_eq!(again["skipped"], json!([]), "{name}");
        assert_eq!(digests(&county.status()), before, "{name}");
        // What is there stays, unless it is meant.
        assert_eq!(county.run(&export).error(), "file_exists");
        county.done(&[&export[..], &["--force"]].concat());
    }
    let masked = std::fs::read_to_string(county.path("masked.csv")).unwrap();
    assert!(masked.contains("**************0047") && !masked.contains(ID));
    let whole = std::fs::read_to_string(county.path("whole.csv")).unwrap();
    assert!(whole.contains(ID));
    for row in cells(&county.path("whole.csv")) {
        let evaluated = row.iter().find(|cell| cell.starts_with(['=', '+', '-', '@', '\t']));
        assert_eq!(evaluated, None);
    }
    // An empty county has the same records from it, with ids of its own.
    for name in ["whole.xlsx", "whole.csv"] {
        let other = Office::begin(COUNTY);
        let report = other.done(&["import", text(&county.path(name))]);
        assert_eq!(counts(&report), [all, 0, 0], "{name}");
        if name.ends_with(".csv") {
            continue;
        }
        let (ours, theirs) = (records(&county), records(&other));
        for (one, two) in ours.iter().zip(&theirs) {
            assert_eq!(one, two, "{name}");
        }
        assert_eq!(ours.len(), theirs.len());
    }
    let audit = county.done(&["log", "--audit"]);
    let noted = audit["audit"].as_array().unwrap();
    assert_eq!(noted.iter().filter(|row| row["what"] == "export").count(), 8);
    county.verify();
}

#[test]
fn an_import_that_changes_files_shows_each_field_before_it_writes() {
    let town = Office::begin(SONGWU);
    let elder = spoils(&town);
    let (path, diff) = (town.path("台账.csv"), town.path("对比.csv"));
    town.done(&["export", "ledger", "-o", text(&path)]);
    let mut rows = cells(&path);
    let at = |rows: &[Vec<String>], heading: &str| {
        rows[3].iter().position(|cell| cell == heading).unwrap()
    };
    let (risk, score, children) =
        (at(&rows, "风险等级"), at(&rows, "能力评估得分"), at(&rows, "子女姓名"));
    rows[4][risk] = "高".into();
    rows[4][score] = "48".into();
    rows[4][children] = "吴建国".into();
    write_cells(&path, &rows);
    let before = digests(&town.status());
    // Nobody can be asked here, so nothing is written.
    let refused = town.run(&["import", text(&path), "--diff", text(&diff)]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(2), "needs_yes"));
    assert_eq!(digests(&town.status()), before);
    let told = cells(&diff);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[1..].iter().all(|line| line[2] == elder), "{told:?}");
    let dry = town.done(&["import", text(&path), "--dry-run"]);
    let differences: BTreeMap<&str, (&Value, &Value)> = dry["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["field"].as_str().unwrap(), (&one["old"], &one["new"])))
        .collect();
    assert_eq!(
        differences,
        BTreeMap::from([
            ("ability_score", (&json!({"value": "50"}), &json!({"value": "48"}))),
            ("risk_level", (&json!({}), &json!({"value": "High"}))),
            ("supporters", (&json!({}), &json!({"name": "吴建国"}))),
        ])
    );
    assert_eq!(digests(&town.status()), before);
    let report = town.done(&["import", text(&path), "--yes"]);
    assert_eq!(counts(&report), [0, 1, 0]);
    assert_eq!(report["differences"], dry["differences"]);
    assert_eq!(counts(&town.done(&["import", text(&path)])), [0, 0, 1]);
    // A new file and a known one need nobody's leave.
    let list = town.path("新.csv");
    std::fs::write(&list, "姓名,性别,所在村\n钱菊香,女,上禾村\n").unwrap();
    assert_eq!(counts(&town.done(&["import", text(&list)])), [1, 0, 0]);
    town.verify();
}

#[test]
fn cells_that_a_device_may_not_write_are_gaps_and_the_rest_comes_in() {
    let county = Office::begin(COUNTY);
    let clerk = county.admits(SHANGHE, None);
    let path = clerk.path("村.csv");
    let table = "姓名,所在村,性别,能力等级,高龄,待遇,精神状态,家庭成员,家庭成员关系,扶养人,紧急联系人,\
        紧急联系人电话,经济来源,疾病,安全隐患,智能设备,是否空巢,帮扶人姓名,帮扶人类别\n\
        周国强,,男,中度失能,x,高龄补贴、医疗救助（已申请）,低落,吴芳、吴小宝,女儿、孙子,李桂英,吴芳,\
        13800000001,养老金、务农,高血压、感冒,用电,一键通,是,老赵,党员\n";
    std::fs::write(&path, table).unwrap();
    let report = clerk.done(&["import", text(&path)]);
    assert_eq!(counts(&report), [1, 0, 0]);
    let gaps: Vec<(&str, &str)> = report["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gap| (gap["field"].as_str().unwrap(), gap["reason"].as_str().unwrap()))
        .filter(|(_, reason)| *reason != "id_missing")
        .collect();
    assert_eq!(
        gaps,
        [
            ("conditions", "unknown_value"),
            ("ability_level", "no_right"),
            ("entitlements", "no_right")
        ]
    );
    assert_eq!(report["unknown_columns"][0]["heading"], "高龄");
    let elder = clerk.elders()[0]["elder_id"].as_str().unwrap().to_owned();
    let shown = clerk.done(&["elder", "show", &elder]);
    let lists = &shown["lists"];
    assert_eq!(
        lists["members"],
        json!([{"name": "吴芳", "relation": "女儿"}, {"name": "吴小宝", "relation": "孙子"}])
    );
    assert_eq!(lists["maintainers"], json!([{"name": "李桂英"}]));
    assert_eq!(lists["emergency_contacts"], json!([{"name": "吴芳", "phone": "13800000001"}]));
    assert_eq!(lists["income_sources"], json!([{"value": "Pension"}, {"value": "Labour"}]));
    assert_eq!(lists["conditions"], json!([{"value": "Hypertension"}]));
    assert_eq!(lists["hazards"], json!([{"value": "Power"}]));
    assert_eq!(lists["devices"], json!([{"kind": "OneTouchCall"}]));
    assert_eq!(lists["special_categories"], json!([{"value": "EmptyNest"}]));
    assert_eq!(lists["pairings"], json!([{"helper": "老赵", "kind": "PartyMember"}]));
    assert_eq!(lists["entitlements"], json!([{"kind": "MedicalAid", "state": "Applied"}]));
    assert_eq!(counts(&clerk.done(&["import", text(&path)])), [0, 0, 1]);
    assert_eq!(shown["unsettled"], json!({}));
    clerk.verify();
}

#[test]
fn visits_come_in_once_and_impossible_ones_not_at_all() {
    let town = Office::begin(SONGWU);
    let elder = spoils(&town);
    adds(&town, SHANGHE, "钱菊香");
    adds(&town, SHANGHE, "同名");
    adds(&town, SHANGHE, "同名");
    let path = town.path("九月探访.csv");
    let table = format!(
        "松雾镇探访记录,,,,,,,,\n姓名,所在村,身份证号码,档案编号,探访日期,探访方式,探访结果,探访人,健康,备注\n\
        卫德福,,{ID},,2026年8月3日,上门,完成,王会计,需关注：行动,=血压\n\
        ,,,{elder},2026-08-20,电话,无人应答,王会计,,\n\
        钱菊香,上禾村,,,2026.8.5,入户,,,正常,\n\
        钱菊香,上禾村,,,2026.8.5,入户,,,正常,\n\
        钱菊香,上禾村,,,2026-09-02,入户,,,,\n\
        卫德福,,{ID},,1930-01-01,入户,,,,\n\
        卫德福,,{ID},,2026-02-30,入户,,,,\n\
        同名,上禾村,,,2026-08-05,入户,,,,\n\
        无此人,上禾村,,,2026-08-05,入户,,,,\n\
        卫德福,,{ID},,2026-08-06,飞鸽,,,,\n"
    );
    std::fs::write(&path, table).unwrap();
    // The headings say that it is no ledger.
    let dry = town.json(&["import", text(&path), "--dry-run"], 3);
    let rejected = town.path("退回.csv");
    let report = town.json(&["import", "visits", text(&path), "--rejected", text(&rejected)], 3);
    assert_eq!(counts(&dry), counts(&report));
    assert_eq!(counts(&report), [3, 0, 1]);
    let why: Vec<(u64, &str, &str)> = report["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let of = |key: &str| row[key].as_str().unwrap();
            (row["row"].as_u64().unwrap(), of("field"), of("reason"))
        })
        .collect();
    assert_eq!(
        why,
        [
            (7, "visit_date", "visit_after_today"),
            (8, "visit_date", "visit_before_registration"),
            (9, "visit_date", "unreadable_date"),
            (10, "name", "ambiguous_person"),
            (11, "name", "unknown_person"),
            (12, "visit_mode", "unknown_value"),
        ]
    );
    assert_eq!(cells(&rejected).len(), 2 + 6);
    let visits = town.done(&["visit", "list", &elder]);
    let visits = visits["visits"].as_array().unwrap();
    assert_eq!(visits.len(), 2);
    assert_eq!(visits[1]["visit"]["note"], "=血压");
    assert_eq!(visits[1]["visit"]["health"], json!({"finding": "Concern", "items": ["Mobility"]}));
    let again = town.json(&["import", text(&path)], 3);
    assert_eq!(counts(&again), [0, 0, 4]);
    town.verify();
}

#[test]
fn what_departments_certify_prevails_and_is_matched_by_number_alone() {
    let county = Office::begin(COUNTY);
    let elder = spoils(&county);
    county.done(&["elder", "set", &elder, "disability_grade=G3", "hardship=No"]);
    let path = county.path("残联.csv");
    let table = format!(
        "姓名,身份证号码,残疾证号,残疾等级,经济困难,疾病,住房状况,家庭医生,能力等级,评估日期,评估机构,评估得分,\
        待遇,计划生育特殊家庭,体检年度,体检机构\n\
        卫德福,,{ID}41,,是,糖尿病,危房,刘医生,重度,2026-05-06,县医院,40,低保、高龄补贴（已停发 2026-01-01）,\
        是,2025,乡卫生院\n\
        卫德福,,,二级,,,,,,,,,,,,\n\
        卫德福,99012119420315008X,,一级,,,,,,,,,,,,\n"
    );
    std::fs::write(&path, table).unwrap();
    let dry = county.json(&["import", "certificates", text(&path), "--dry-run"], 3);
    let reasons: Vec<&Value> =
        dry["rejected"].as_array().unwrap().iter().map(|row| &row["reason"]).collect();
    assert_eq!(reasons, ["id_missing", "unknown_person"]);
    let differences = dry["differences"].as_array().unwrap();
    assert!(differences.iter().all(|one| one["part"] == "Registry"), "{differences:?}");
    let grade = differences.iter().find(|one| one["field"] == "disability_grade").unwrap();
    assert_eq!((&grade["old"]["value"], &grade["new"]["value"]), (&json!("G3"), &json!("G1")));
    assert_eq!(county.run(&["import", "certificates", text(&path)]).error(), "needs_yes");
    let report = county.json(&["import", "certificates", text(&path), "--yes"], 3);
    assert_eq!(counts(&report), [0, 1, 0], "{report}");
    let shown = county.done(&["elder", "show", &elder]);
    let field = |key: &str| {
        let fields = shown["fields"].as_array().unwrap();
        let field = fields.iter().find(|field| field["field"] == key).unwrap();
        (field["value"].as_str().unwrap().to_owned(), field["part"].as_str().unwrap().to_owned())
    };
    for (key, value) in [
        ("disability_grade", "G1"),
        ("hardship", "Yes"),
        ("housing", "Dangerous"),
        ("family_doctor", "刘医生"),
        ("ability_level", "Severe"),
        ("ability_score", "40"),
        ("ability_assessor", "县医院"),
    ] {
        assert_eq!(field(key), (value.to_owned(), "Registry".to_owned()), "{key}");
    }
    let lists = &shown["lists"];
    assert_eq!(lists["special_categories"], json!([{"value": "FamilyPlanningSpecial"}]));
    assert_eq!(lists["health_checks"][0]["clinic"], "乡卫生院");
    assert_eq!(lists["entitlements"].as_array().unwrap().len(), 1, "{lists}");
    let again = county.json(&["import", "certificates", text(&path)], 3);
    assert_eq!(counts(&again), [0, 0, 1], "{again}");
    // A clerk certifies nothing.
    let clerk = county.admits(SHANGHE, None);
    let report = clerk.json(&["import", "certificates", text(&path)], 3);
    assert_eq!(report["rejected"][0]["reason"], "no_right");
    county.verify();
}

#[test]
fn the_platform_gets_what_the_mapping_says_and_faults_are_named_by_line() {
    let county = Office::begin(COUNTY);
    let elder = spoils(&county);
    county.done(&["elder", "set", &elder, "sex=Female", "risk_level=High"]);
    county.adds_elder(QINGHE.replace("200000", "200201").as_str(), "钱菊香");
    let (mapping, out) = (county.path("对照.csv"), county.path("平台.csv"));
    county.done(&["export", "platform", "--write-mapping", text(&mapping)]);
    let export = ["export", "platform", "--mapping", text(&mapping), "-o", text(&out)];
    let report = county.done(&export);
    assert_eq!((&report["elders"], &report["unmapped"]), (&json!(2), &json!([])));
    let table = cells(&out);
    let of = |heading: &str| {
        let at = table[0].iter().position(|cell| cell == heading).unwrap();
        let row = table.iter().find(|row| row[0] == "卫德福").unwrap();
        row[at].clone()
    };
    for (heading, value) in [
        ("性别", "2"),
        ("身份证号码", "**************0047"),
        ("所在村（社区）", "上禾村"),
        ("行政区划代码", "'990121101203"),
        ("详细住址", "'=HYPERLINK(\"http://127.0.0.1\",\"x\")"),
        ("能力等级", "2"),
        ("风险等级", "1"),
        ("家庭医生", "何医生"),
        ("是否低保", "0"),
    ] {
        assert_eq!(of(heading), value, "{heading}");
    }
    // An office edits it.
    let edited = "平台字段名,本系统字段,取值对照\nxm,姓名,\nxb,sex,男=1\nsf,固定:云南,\n";
    std::fs::write(&mapping, edited).unwrap();
    let report = county.json(&[&export[..], &["--force", "--with-id"]].concat(), 3);
    let unmapped = json!([{"field": "xb", "value": "女", "elders": 1}]);
    assert_eq!(report["unmapped"], unmapped);
    assert_eq!(cells(&out)[0], ["xm", "xb", "sf"]);
    let faulty = "平台字段名,本系统字段,取值对照\nxm,姓名,\ndh,电话号,\nxb,sex,男\n";
    std::fs::write(&mapping, faulty).unwrap();
    let refused = county.run(&[&export[..], &["--force"]].concat());
    assert_eq!(refused.error(), "mapping_faults");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("line 3") && message.contains("电话号"), "{message}");
    assert!(message.contains("line 4"), "{message}");
}

#[test]
fn the_card_has_a_page_an_elder_and_no_number() {
    let county = Office::begin(COUNTY);
    let elder = spoils(&county);
    county.done(&["elder", "set", &elder, "dementia=Yes"]);
    county.adds_elder(SHANGHE, "<b>钱</b>");
    let (one, all) = (county.path("一.html"), county.path("全.html"));
    county.done(&["card", &elder, "-o", text(&one)]);
    let report = county.done(&["card", "--all", "--scope", SHANGHE, "-o", text(&all)]);
    assert_eq!(report["elders"], 2);
    let (one, all) = [one, all].map(|path| std::fs::read_to_string(path).unwrap()).into();
    assert_eq!((one.matches("<section>").count(), all.matches("<section>").count()), (1, 2));
    for text in ["卫德福", "上禾村", "何医生", "Key"] {
        assert!(one.contains(text), "{text}: {one}");
    }
    assert!(!all.contains("0047") && !all.contains(ID) && !all.contains("<b>"), "{all}");
    let audit = county.done(&["log", "--audit"]);
    let printed = |row: &&Value| row["what"] == "print";
    assert_eq!(audit["audit"].as_array().unwrap().iter().filter(printed).count(), 2);
}
