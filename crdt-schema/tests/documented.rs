//! `docs/records.md` is whole: every field and list has its row, every rule and mechanism is there,
//! and each row names a test that is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::Field;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rows of the tables whose last column is headed "Shown by": the first cell and the last.
fn rows() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("docs/records.md")).unwrap();
    let mut rows = Vec::new();
    let mut headed = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            headed = false;
        } else if line.trim_end_matches([' ', '|']).ends_with("Shown by") {
            headed = true;
        } else if headed && !line.starts_with("| ---") {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let first = cells.next().unwrap().to_owned();
            rows.push((first, cells.next_back().unwrap().to_owned()));
        }
    }
    rows
}

#[test]
fn every_row_names_tests_that_are_there() {
    let mut named = 0;
    for (row, shown_by) in rows() {
        for test in shown_by.split("; ") {
            let (file, function) = test
                .trim_matches('`')
                .split_once(": ")
                .unwrap_or_else(|| panic!("{row}: no test is named in {test}"));
            let source = std::fs::read_to_string(root().join(file))
                .unwrap_or_else(|error| panic!("{row}: {file}: {error}"));
            let declared = format!("fn {function}(");
            let at = source.find(&declared).unwrap_or_else(|| panic!("{file} has no {function}"));
            let before: Vec<&str> = source[..at].lines().rev().take(12).collect();
            let is_test = before.iter().any(|line| line.trim() == "#[test]");
            assert!(is_test, "{file}: {function} is no test");
            named += 1;
        }
    }
    assert!(named >= 70, "only {named} tests are named");
}

#[test]
fn nothing_of_the_record_is_missing() {
    let named: BTreeSet<String> = rows()
        .into_iter()
        .flat_map(|(first, _)| {
            first.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>()
        })
        .collect();
    for key in
        Field::ALL.iter().map(|field| field.spec().key).chain(List::ALL.iter().map(|l| l.key()))
    {
        assert!(named.contains(key), "{key} has no row");
    }
    for rule in 1..=11 {
        assert!(named.contains(&format!("R{rule}")), "R{rule} has no row");
    }
    // The core mechanisms of the policies, by the names that the policies give them.
    for mechanism in [
        "信息库",
        "管理台账",
        "一档一卡",
        "一人一档",
        "信息管理平台",
        "动态更新",
        "有进有出",
        "分类",
        "月探访",
        "定期巡访",
        "风险评估",
        "快速反应和应急处置机制",
        "应急预案",
        "委托照顾协议",
        "黑榜",
        "结对帮扶",
        "数据共享",
        "家庭医生签约",
        "健康管理",
        "信息报送",
    ] {
        assert!(named.contains(mechanism), "{mechanism} has no row");
    }
}
