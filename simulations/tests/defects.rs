//! Defects that sweeps have to find, as patches: each still fits the tree, and `docs/simulation.md` says what finds it.
//! `simulations/defects/sweep` applies each to a copy and sweeps.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What each piece of a patch takes away or leaves as it is, with its file.
fn pieces(patch: &str) -> Vec<(String, String)> {
    let (mut file, mut found) = (String::new(), Vec::<(String, String)>::new());
    for line in patch.lines().skip_while(|line| !line.starts_with("diff --git")) {
        if let Some(name) = line.strip_prefix("--- a/") {
            name.clone_into(&mut file);
        } else if line.starts_with("@@") {
            found.push((file.clone(), String::new()));
        } else if let (Some((_, text)), Some(' ' | '-')) = (found.last_mut(), line.chars().next())
            && !line.starts_with("---")
        {
            text.push_str(&line[1..]);
            text.push('\n');
        }
    }
    found
}

#[test]
fn every_defect_fits_the_tree_and_is_told_of() {
    let doc = std::fs::read_to_string(root().join("docs/simulation.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("simulations/defects")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let patch = std::fs::read_to_string(&path).unwrap();
        let pieces = pieces(&patch);
        assert!(!pieces.is_empty(), "{name} changes nothing");
        for (file, text) in pieces {
            let source = std::fs::read_to_string(root().join(&file)).unwrap();
            assert!(source.contains(&text), "{name} does not fit {file} any more:\n{text}");
        }
        assert!(doc.contains(&format!("| `{name}` |")), "docs/simulation.md does not list {name}");
        count += 1;
    }
    assert!(count >= 10, "{count} defects");
}
