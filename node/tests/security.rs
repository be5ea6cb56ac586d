//! Every line of `docs/security.md` names a test that is there.

use std::path::Path;

#[test]
fn every_line_names_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut named = 0;
    let mut headed = false;
    for row in rows {
        if row.contains("| Shown by |") {
            headed = true;
            continue;
        }
        if row.starts_with("| Who |") {
            headed = false;
        }
        if !headed {
            continue;
        }
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        let (file, function) = last
            .trim_matches('`')
            .split_once(": ")
            .unwrap_or_else(|| panic!("no test is named in {row}"));
        let source = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let declared = format!("fn {function}(");
        let at = source.find(&declared).unwrap_or_else(|| panic!("{file} has no {function}"));
        let before = &source[at.saturating_sub(120)..at];
        let is_test = ["#[test]", "#[tokio::test"].iter().any(|mark| before.contains(mark));
        assert!(is_test, "{file}: {function} is no test");
        named += 1;
    }
    assert!(named >= 25, "only {named} lines name a test");
}
