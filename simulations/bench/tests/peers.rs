//! The comparison runs, and its report has the shape that it is read in. Nothing here is about time.

use std::process::Command;

use serde_json::Value;

fn peers(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_shouwang-bench"))
        .args(["peers", "--elders", "20", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    // A phase after which the two sides differ fails the program.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_phase_of_every_system_is_measured() {
    let report = peers(&["--systems", "ours,automerge"]);
    assert_eq!(report["elders"], 20);
    assert_eq!(report["changes"], 20 * 13);
    assert!(report["raw_bytes"].as_u64().unwrap() > 20 * 13 * 100);
    let names: Vec<&str> = report["systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|system| system["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["shouwang", "automerge"]);
    for system in report["systems"].as_array().unwrap() {
        assert_eq!(system["changes"], 20 * 13);
        for phase in ["first", "live", "reconnect", "idle", "strangers"] {
            let figures = &system[phase];
            for key in ["bytes", "messages", "flights"] {
                assert!(figures[key].as_u64().unwrap() > 0, "{phase} {key}: {figures}");
            }
            for key in ["cpu_ms", "peak_rss_mib", "receiver_cpu_ms"] {
                assert!(figures[key].as_f64().unwrap() >= 0.0, "{phase} {key}: {figures}");
            }
            let ours = system["name"] == "shouwang" && phase != "live";
            let tcp = figures["tcp_bytes"].as_u64();
            assert_eq!(tcp.is_some(), ours, "{phase}: {figures}");
            assert!(tcp.is_none_or(|tcp| tcp > figures["bytes"].as_u64().unwrap()));
        }
        let bytes = |phase: &str| system[phase]["bytes"].as_u64().unwrap();
        assert!(bytes("first") > bytes("reconnect") && bytes("reconnect") > bytes("idle"));
    }
    assert_eq!(report["limit"]["changes"], 20 * 13);
}

#[test]
fn lock_step_counts_the_same_in_every_run() {
    let arguments = ["--systems", "automerge", "--phases", "first,reconnect"];
    let (one, other) = (peers(&arguments), peers(&arguments));
    for phase in ["first", "reconnect"] {
        for key in ["bytes", "messages", "flights"] {
            assert_eq!(one["systems"][0][phase][key], other["systems"][0][phase][key]);
        }
    }
}
