//! Offices that meet only by stick, as processes of their own.

mod support;

use std::path::Path;

use serde_json::Value;
use support::capability::Capability;
use support::{COUNTY, Office, SHANGHE, SONGWU, XIAHE, digests};

/// One office writes a stick, another reads it. Returns what the reader printed.
fn carries(from: &Office, to: &Office, place: &str, stick: &Path) -> Value {
    for old in std::fs::read_dir(stick).unwrap() {
        std::fs::remove_file(old.unwrap().path()).unwrap();
    }
    let path = stick.to_str().unwrap();
    from.done(&["bundle", "export", "--to", place, "--out", path]);
    to.done(&["bundle", "import", path])
}

fn not_held(office: &Office) -> Value {
    office.status()["not_held_elsewhere"]["entries"].clone()
}

#[test]
fn a_village_that_only_ever_uses_sticks_is_held_and_says_so() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    let stick = tempfile::tempdir().unwrap();
    let elder = village.adds_elder(SHANGHE, "周国强");
    village.done(&["visit", "add", &elder]);
    assert_eq!(not_held(&village), 2);

    let read = carries(&village, &town, SONGWU, stick.path());
    assert!(read["new"].as_u64().unwrap() >= 2, "{read}");
    assert_eq!(town.names(), ["周国强"]);
    // The stick comes home with the receipt.
    carries(&town, &village, SHANGHE, stick.path());
    assert_eq!(not_held(&village), 0);
    let safe = village.done(&["device", "retire", "--check"]);
    assert_eq!(safe["safe"], true);

    town.done(&["elder", "set", &elder, "phone=13900000001"]);
    assert_eq!(not_held(&town), 1);
    for _ in 0..2 {
        carries(&town, &county, COUNTY, stick.path());
        carries(&county, &town, SONGWU, stick.path());
        carries(&town, &village, SHANGHE, stick.path());
        carries(&village, &town, SONGWU, stick.path());
    }
    assert_eq!((not_held(&town), not_held(&village)), (0.into(), 0.into()));
    let of = |office: &Office| digests(&office.status())[SHANGHE].0.clone();
    assert_eq!(of(&village), of(&town));
    assert_eq!(of(&town), of(&county));
    let peer = town.peer(&village.device()).unwrap();
    assert!(peer["last_bundle_ms"].is_i64() && peer["sessions"] == 0, "{peer}");
    for office in [&county, &town, &village] {
        office.verify();
    }
    let audit = village.done(&["log", "--audit"])["audit"].clone();
    assert!(audit.as_array().unwrap().iter().any(|row| row["what"] == "bundle"), "{audit}");
}

#[test]
fn a_running_node_reads_and_writes_sticks_too() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let village = town.admits(SHANGHE, None);
    village.adds_elder(SHANGHE, "周国强");
    let stick = tempfile::tempdir().unwrap();
    let (here, there) = (village.up(&[]), town.up(&[]));
    carries(&village, &town, SONGWU, stick.path());
    carries(&town, &village, SHANGHE, stick.path());
    assert_eq!(not_held(&village), 0);
    assert_eq!(town.names(), ["周国强"]);
    here.stop();
    there.stop();
}

#[test]
fn refused_files_are_named() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (village, other) = (town.admits(SHANGHE, None), town.admits(XIAHE, None));
    let stick = tempfile::tempdir().unwrap();
    let at = |name: &str| stick.path().join(name).to_str().unwrap().to_owned();
    village.adds_elder(SHANGHE, "周国强");
    village.done(&["bundle", "export", "--to", SONGWU, "--out", &at("a.bundle")]);
    // What is there is not written over, and nothing is left beside it.
    let again = village.json(&["bundle", "export", "--to", SONGWU, "--out", &at("a.bundle")], 2);
    assert_eq!(again["error"]["code"], "file_exists");
    assert_eq!(std::fs::read_dir(stick.path()).unwrap().count(), 1);

    let inspected = other.done(&["bundle", "inspect", &at("a.bundle")]);
    let file = &inspected["files"][0];
    assert_eq!((&file["ours"], &file["fault"]), (&false.into(), &Value::Null));
    assert_eq!(file["sender"], village.device().as_str());
    assert_eq!(file["receivers"], serde_json::json!([town.device()]));
    assert!(!inspected.to_string().contains(SHANGHE), "{inspected}");
    let inspected = town.done(&["bundle", "inspect", &at("a.bundle")]);
    assert_eq!(inspected["files"][0]["scopes"][0]["code"], SHANGHE);
    assert!(town.names().is_empty());

    let fault = |office: &Office, name: &str, exit| {
        office.json(&["bundle", "import", &at(name)], exit)["files"][0]["fault"].clone()
    };
    assert_eq!(fault(&other, "a.bundle", 1), "not_for_us");
    let bytes = std::fs::read(at("a.bundle")).unwrap();
    std::fs::write(at("torn.bundle"), &bytes[..bytes.len() - 10]).unwrap();
    assert_eq!(fault(&town, "torn.bundle", 3), "torn");
    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(at("altered.bundle"), altered).unwrap();
    assert_eq!(fault(&town, "altered.bundle", 3), "altered");
    std::fs::write(at("photo.jpg"), [7; 100]).unwrap();
    assert_eq!(fault(&town, "photo.jpg", 1), "not_a_bundle");
    let stranger = Office::begin(SONGWU);
    assert_eq!(fault(&stranger, "a.bundle", 1), "other_mesh");
    for language in ["zh", "en"] {
        for command in ["import", "inspect"] {
            let said = std::process::Command::new(env!("CARGO_BIN_EXE_shouwang"))
                .args(["--lang", language, "--home"])
                .arg(town.home())
                .args(["bundle", command, &at("torn.bundle")])
                .env("SHOUWANG_KEY_FILE", town.path("key"))
                .output()
                .unwrap();
            let text = String::from_utf8(said.stdout).unwrap();
            println!("{text}{}", String::from_utf8(said.stderr).unwrap());
            assert_eq!(said.status.code(), Some(3), "{text}");
            let word = if language == "zh" { "文件不完整" } else { "it ends too early" };
            assert!(text.contains(word) && !text.contains("[bundle"), "{text}");
        }
    }
    // A photograph that lies beside them is nobody's business where the directory is named.
    std::fs::remove_file(at("torn.bundle")).unwrap();
    std::fs::remove_file(at("altered.bundle")).unwrap();
    town.done(&["bundle", "import", stick.path().to_str().unwrap()]);
    assert_eq!(town.names(), ["周国强"]);

    let nobody = village.json(&["bundle", "export", "--to", "990121300000", "--out", &at("b")], 1);
    assert_eq!(nobody["error"]["code"], "bundle_nobody");
    let small = ["bundle", "export", "--to", SONGWU, "--size", "1k", "--out", &at("b")];
    assert_eq!(village.json(&small, 2)["error"]["code"], "bundle_size_small");
}

#[test]
fn a_split_bundle_comes_in_any_order_and_says_what_is_missing() {
    let town = Office::begin(SONGWU);
    let second = town.admits(SONGWU, Some("manager"));
    let (ledger, areas) = (town.path("ledger.xlsx"), town.path("areas.csv"));
    let (ledger, areas) = (ledger.to_str().unwrap(), areas.to_str().unwrap());
    town.done(&["sample", "--elders", "800", "--out", ledger, "--areas", areas]);
    town.json(&["area", "import", areas], 0);
    town.run(&["import", ledger, "--yes"]);
    let stick = tempfile::tempdir().unwrap();
    let path = stick.path().to_str().unwrap();
    let device = second.device();
    let export = ["bundle", "export", "--to", &device, "--size", "135k", "--out", path];
    let written = town.done(&export);
    let parts = written["parts"].as_array().unwrap();
    let file = |part: usize| parts[part]["file"].as_str().unwrap();
    assert!(parts.len() >= 2, "{written}");
    assert!(parts.iter().all(|part| part["bytes"].as_u64().unwrap() <= 135_000), "{written}");

    let last = parts.len() - 1;
    let alone = second.json(&["bundle", "import", file(last)], 3);
    assert!(alone["files"][0]["waiting"].as_u64().unwrap() > 0, "{alone}");
    let bundle = written["bundle"].as_str().unwrap();
    let before: Vec<usize> = (1..=last).collect();
    assert_eq!(alone["missing_parts"][bundle], serde_json::json!(before));
    let mut import = vec!["bundle", "import"];
    import.extend((0..=last).rev().map(file));
    second.done(&import);
    assert_eq!(second.elders().len(), town.elders().len());
    // The second has written receipts meanwhile: records are alike.
    let records = |office: &Office| -> Vec<(String, String)> {
        digests(&office.status()).into_iter().map(|(code, (records, _))| (code, records)).collect()
    };
    assert_eq!(records(&second), records(&town));
    let again = second.done(&["bundle", "import", path]);
    assert_eq!(again["new"], 0);
}

/// A file system of so many bytes, until it is dropped.
struct SmallStick(tempfile::TempDir);

impl SmallStick {
    fn mount(bytes: usize) -> Result<Self, String> {
        let stick = Self(tempfile::tempdir().unwrap());
        stick.says(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "none"])?;
        Ok(stick)
    }

    fn says(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = std::process::Command::new("mount");
        let done = command.args(arguments).arg(self.0.path()).output();
        let done = done.map_err(|error| format!("mount: {error}"))?;
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
        }
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.0.path()).unwrap().count()
    }
}

impl Drop for SmallStick {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_stick_says_so_and_has_nothing_on_it() {
    let stick = match SmallStick::mount(16 * 1024) {
        Ok(stick) => stick,
        Err(why) => {
            let test = "a_full_stick_says_so_and_has_nothing_on_it";
            return Capability::Mount.skips(test, &why);
        }
    };
    let town = Office::begin(SONGWU);
    let village = town.admits(SHANGHE, None);
    // What says little in many bytes does not compress.
    let mut digits = 7_u64;
    let mut noise = || {
        let next = |_| {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + (digits >> 57) as u8 % 90)
        };
        (0..480).map(next).collect::<String>()
    };
    let elder = village.adds_elder(SHANGHE, "周国强");
    for _ in 0..40 {
        village.done(&["visit", "add", &elder, "--note", &format!("记{}", noise())]);
    }
    let path = stick.0.path().to_str().unwrap().to_owned();
    let export = ["bundle", "export", "--to", SONGWU, "--out", &path];
    let failed = village.json(&export, 1);
    assert_eq!(failed["error"]["code"], "bundle_stick_full", "{failed}");
    assert!(failed["error"]["hint"].as_str().unwrap().contains("--size"), "{failed}");
    assert_eq!(stick.files(), 0);
    // With room the same command does it.
    stick.says(&["-o", "remount,size=1m"]).unwrap();
    village.done(&export);
    town.done(&["bundle", "import", &path]);
    assert_eq!(town.names(), ["周国强"]);
    // A stick that is write-protected is no stick to write on.
    stick.says(&["-o", "remount,ro"]).unwrap();
    assert_eq!(village.json(&export, 1)["error"]["code"], "bundle_stick_gone");
    assert_eq!(stick.files(), 1);
}
