//! Packages from npm's registry, at the versions of a lock file in the tree.

use std::path::Path;
use std::process::Command;

/// Puts the files of `tests/PACKAGE` into a directory, and installs there what the package names. Fails where that
/// cannot be had, in npm's words.
pub fn install(package: &str, workplace: &Path) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(package);
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, workplace.join(path.file_name().unwrap())).unwrap();
        }
    }
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(workplace)
        .output()
        .unwrap();
    match installed.status.success() {
        true => Ok(()),
        false => Err(format!("npm ci: {}", String::from_utf8_lossy(&installed.stderr))),
    }
}
