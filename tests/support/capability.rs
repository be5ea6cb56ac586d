//! What some tests need of a machine beyond Rust. Where it is missing a test says that it was skipped, and
//! why; where `SHOUWANG_REQUIRE` names it (`node,netns`), as `.ci/run` does for all that the machine has,
//! that is a failure. There is no other way to skip a test.

use std::fs::File;
use std::io::Write;
use std::process::Command;

/// What a machine may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// node and npm, and npm's registry.
    Node,
    /// Network namespaces with tun devices in them: root, `ip`, `/dev/net/tun`.
    Netns,
    /// Mounting a file system: root.
    Mount,
    /// Chromium and its driver.
    Browser,
}

impl Capability {
    /// As it stands in `SHOUWANG_REQUIRE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Netns => "netns",
            Self::Mount => "mount",
            Self::Browser => "browser",
        }
    }

    /// Whether a test that needs it must not be skipped here.
    pub fn is_required(self) -> bool {
        let required = std::env::var("SHOUWANG_REQUIRE").unwrap_or_default();
        required.split(',').any(|name| name.trim() == self.name())
    }

    /// Which of its programs cannot be run here, and why.
    pub fn missing(self) -> Option<String> {
        let programs: &[&str] = match self {
            Self::Node => &["node", "npm"],
            Self::Browser => &["chromium", "chromedriver"],
            Self::Netns | Self::Mount => &[],
        };
        programs.iter().find_map(|program| match Command::new(program).arg("--version").output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!("{program} --version ended with {}", output.status)),
            Err(error) => Some(format!("{program}: {error}")),
        })
    }

    /// Whether what a test needs is here; else it is said that the test is skipped.
    ///
    /// # Panics
    /// If the machine should have it.
    pub fn allows(self, test: &str) -> bool {
        let missing = self.missing();
        missing.iter().for_each(|why| self.skips(test, why));
        missing.is_none()
    }

    /// A test cannot be run, because this is missing: it returns after it has said so here.
    ///
    /// # Panics
    /// If the machine has it.
    pub fn skips(self, test: &str, why: &str) {
        let name = self.name();
        assert!(!self.is_required(), "SHOUWANG_REQUIRE names {name}, and {test} is skipped: {why}");
        let line = format!("SKIPPED {test}: needs {name}: {why}");
        // What a test prints by the macros is not shown when it passes; this is. The file is for the gate.
        let _ = writeln!(std::io::stderr(), "{line}");
        if let Some(path) = std::env::var_os("SHOUWANG_SKIPPED") {
            let mut file = File::options().create(true).append(true).open(path).unwrap();
            writeln!(file, "{}", line.replace('\n', " ")).unwrap();
        }
    }
}
