//! Lower layers never know upper ones, and nothing goes round (`docs/architecture.md`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Modules from the lowest to the highest. A module may name those on lines before its own.
const LAYERS: &[&[&str]] = &[
    &["limits", "codec", "dictionary", "entropy", "json", "path", "progress"],
    &["identity"],
    &["log"],
    &["authority", "erasure"],
    &["handover"],
    &["store"],
    &["vault"],
    &["counting", "custody", "index", "digest", "replication"],
    &["gathered", "statement"],
    &["moves"],
    &["ingest"],
    &["sync", "verify", "setup"],
    &["replica", "peers", "lineage", "budget", "journal"],
    &["bundle"],
    &["engine"],
    &["command"],
    &["machine", "transport"],
    &["runtime"],
    &["admin"],
    &["home"],
    &["process"],
];

/// What builds without the runtime.
const CORE_UP_TO: &str = "command";

fn rank(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("{module} has no place in LAYERS"))
}

/// Module → modules that its files name, with the file.
fn uses() -> BTreeMap<(String, String), PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.clone()];
    let mut uses = BTreeMap::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if path.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        if module == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let shipped = text.split("#[cfg(test)]").next().unwrap();
        for line in shipped.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let name: String =
                    used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !name.is_empty() && name != module {
                    uses.insert((module.clone(), name), path.clone());
                }
            }
        }
    }
    uses
}

#[test]
fn no_module_names_one_above_it() {
    let uses = uses();
    assert!(uses.len() > 50, "the sources were not read");
    for ((module, used), path) in uses {
        assert!(rank(&used) < rank(&module), "{module} names {used}: {}", path.display());
    }
}

#[test]
fn the_core_knows_no_sockets_threads_or_clocks() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let outside = ["tokio", "libp2p", "axum", "ureq", "getrandom", "SystemTime", "Instant"];
    let mut files = vec![source.clone()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if path.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if module == "lib" || rank(module) > rank(CORE_UP_TO) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in outside {
                assert!(!line.contains(&format!("{name}::")), "{}: {line}", path.display());
            }
        }
    }
}
