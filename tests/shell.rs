//! What a shell is told: completions with what there is in the home, by a real bash; pages for `man`.

#![cfg(unix)]

mod support;

use std::path::Path;
use std::process::Command;

use support::{COUNTY, Office, SHANGHE, eventually};

/// What bash offers for a line that ends where the cursor is.
fn offered(office: &Office, line: &[&str]) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_shouwang"));
    let script = r#"
        source <(shouwang completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; COMPREPLY=()
        _clap_complete_shouwang shouwang "${COMP_WORDS[COMP_CWORD]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(line)
        .env("PATH", path)
        .env("SHOUWANG_HOME", office.home())
        .env("LANG", "C.UTF-8")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_shell_completes_commands_options_and_what_there_is() {
    let county = Office::begin(COUNTY);
    std::fs::write(county.path("areas.csv"), format!("code,name\n{SHANGHE},上禾村\n")).unwrap();
    county.done(&["area", "import", county.path("areas.csv").to_str().unwrap()]);
    let elder = county.adds_elder(SHANGHE, "周国强");
    let raise = ["incident", "raise", &elder, "--kind", "critical-illness"];
    let incident = county.done(&raise)["incident_id"].as_str().unwrap().to_owned();
    let begins =
        |values: &[String], id: &str| values.iter().any(|value| id.starts_with(value.as_str()));

    assert!(offered(&county, &["shouwang", "inc"]).contains(&"incident".to_owned()));
    assert!(offered(&county, &["shouwang", "lag", "--un"]).contains(&"--unhealthy".to_owned()));
    // Nothing of what is in the home, before a node runs that may be asked.
    let silent = offered(&county, &["shouwang", "incident", "ack", ""]);
    assert!(!begins(&silent, &incident), "{silent:?}");

    let node = county.up(&[]);
    // A prompt waits for a busy node no longer than a person does.
    let incidents = eventually("the incident is offered", || {
        let incidents = offered(&county, &["shouwang", "incident", "ack", ""]);
        if begins(&incidents, &incident) { Ok(incidents) } else { Err(format!("{incidents:?}")) }
    });
    let list = ["shouwang", "elder", "list", "--scope", "99"];
    let places = eventually("places are offered", || {
        let places = offered(&county, &list);
        match places.iter().any(|place| place.starts_with(SHANGHE)) {
            true => Ok(places),
            false => Err(format!("{places:?}")),
        }
    });
    let device = county.device();
    let mut all = [incidents, places].concat();
    for (line, id) in [
        (["shouwang", "device", "revoke", ""], &device),
        (["shouwang", "elder", "show", &elder[..4]], &elder),
    ] {
        all.extend(eventually("it is offered", || {
            let values = offered(&county, &line);
            if begins(&values, id) { Ok(values) } else { Err(format!("{line:?}: {values:?}")) }
        }));
    }
    assert!(!begins(&offered(&county, &["shouwang", "elder", "show", "zzzz"]), &elder));
    let codes = offered(&county, &["shouwang", "explain", "forked"]);
    assert_eq!(codes, ["forked_log"]);
    // Whom it is about is not for a shell's screen.
    let all = all.join(" ");
    assert!(!all.contains("周国强"), "{all}");
    node.stop();
}

#[test]
fn every_command_has_a_page() {
    let office = Office::new("somebody");
    let pages = office.path("man1");
    let ended = office.run(&["manual", "--out", pages.to_str().unwrap()]);
    assert_eq!(ended.exit, Some(0), "{ended:?}");
    for name in ["shouwang.1", "shouwang-doctor.1", "shouwang-transfer-offer.1"] {
        let page = std::fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(".SH") && page.contains("shouwang"), "{name}: {page}");
    }
    let page = std::fs::read_to_string(pages.join("shouwang-doctor.1")).unwrap();
    assert!(page.contains("report.json"), "its example: {page}");
}
