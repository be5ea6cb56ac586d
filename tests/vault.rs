//! What lies on the disk: nothing that can be read without the secret, nothing that was deleted
//! after a rewrite, one process at a time, and a way back from a backup.

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use shouwang_node::engine::Engine;
use shouwang_node::progress::Progress;
use shouwang_node::store::{RESTORED, REWRITE_DUE, StoreError, StoreRead};
use shouwang_node::vault::backup::restore;
use shouwang_node::vault::{Lock, Secret, Vault, VaultError};
use support::image::{holds, image, key};
use support::{COUNTY, Office, SHANGHE, SONGWU, eventually};

/// Bytes that are encrypted together.
const SECTOR: usize = 4096;

/// What must not be found: a name, a telephone number, the name of a table, and words of a note.
const NAME: &str = "欧阳问雁";
const PHONE: &str = "13800997731";
const NOTE: &str = "屋顶的瓦被风掀了两处";

fn open(office: &Office) -> Result<(Vault, shouwang_node::store::Store), VaultError> {
    Vault::open(&office.home(), |lock| {
        assert_eq!(lock, Lock::KeyFile);
        Ok(key(office))
    })
}

/// Every file under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn no_file_of_a_home_can_be_read_and_the_opened_store_can() {
    let town = Office::begin(SONGWU);
    let (ledger, areas) = (town.path("ledger.xlsx"), town.path("areas.csv"));
    let (ledger, areas) = (ledger.to_str().unwrap(), areas.to_str().unwrap());
    town.done(&["sample", "--seed", "9", "--elders", "60", "--out", ledger, "--areas", areas]);
    town.done(&["area", "import", areas]);
    town.done(&["import", ledger]);
    let node = town.up(&[]);
    let elder = town.adds_elder(SHANGHE, NAME);
    town.done(&["elder", "set", &elder, &format!("phone={PHONE}")]);
    town.done(&["visit", "add", &elder, "--note", NOTE]);
    node.kill();
    let imported = town.elders().into_iter().find(|found| found["elder_id"] != elder).unwrap();
    let imported = imported["name"].as_str().unwrap().to_owned();
    town.verify();

    let raw_id = hex::decode(&elder).unwrap();
    let wanted: Vec<&[u8]> = vec![
        NAME.as_bytes(),
        PHONE.as_bytes(),
        NOTE.as_bytes(),
        imported.as_bytes(),
        elder.as_bytes(),
        &raw_id,
        b"elders-2",
        b"redb\x1A\x0A\xA9\x0D\x0A",
    ];
    let lying = files(&town.home());
    assert!(lying.iter().any(|path| path.ends_with("store.redb")), "{lying:?}");
    for path in &lying {
        let bytes = std::fs::read(path).unwrap();
        for text in &wanted {
            assert!(!holds(&bytes, text), "{} in {path:?}", String::from_utf8_lossy(text));
        }
    }
    // The control: the search finds what is there. Documents are compressed; the index is not.
    let bytes = image(&town.home().join("store.redb"), &town);
    for text in [NAME.as_bytes(), imported.as_bytes(), &raw_id, b"elders-2", b"redb"] {
        assert!(holds(&bytes, text), "{} is not in the image", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_second_process_is_told_and_needs_no_secret_to_be_told() {
    let town = Office::begin(SONGWU);
    let held = open(&town).unwrap();
    assert!(matches!(open(&town), Err(VaultError::Store(StoreError::InUse))));
    let refused = town.run(&["status"]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(1), "in_use"));
    drop(held);
    town.status();
}

#[test]
fn without_the_secret_nothing_opens_and_each_reason_has_its_name() {
    let town = Office::begin(SONGWU);
    let run = |arguments: &[&str], key: Option<&Path>, passphrase: Option<&str>| {
        let mut command = town.command(arguments);
        command.env_remove("SHOUWANG_KEY_FILE").stdout(Stdio::piped()).stderr(Stdio::null());
        key.map(|key| command.env("SHOUWANG_KEY_FILE", key));
        passphrase.map(|passphrase| command.env("SHOUWANG_PASSPHRASE", passphrase));
        let output = command.output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = value["error"]["code"].as_str().unwrap_or("done").to_owned();
        (output.status.code().unwrap(), code, value["error"]["hint"].to_string())
    };
    let (right, other) = (town.path("key"), town.path("other"));
    Secret::make_key_file(&other, &town.home(), [9; 32]).unwrap();
    assert_eq!(run(&["status"], Some(&right), None).1, "done");
    let (exit, code, hint) = run(&["status"], Some(&other), None);
    assert_eq!((exit, code.as_str()), (2, "wrong_key_file"));
    assert!(hint.contains("request"), "{hint}");
    let (exit, code, _) = run(&["status"], None, Some("some words in a row"));
    assert_eq!((exit, code.as_str()), (2, "key_file_needed"));
    // A home whose making was broken off is none.
    let broken = Office::new("broken");
    std::fs::create_dir(broken.home()).unwrap();
    std::fs::write(broken.home().join("store.redb"), b"").unwrap();
    for arguments in [&["status"][..], &["device", "passphrase"]] {
        assert_eq!(broken.json(arguments, 2)["error"]["code"], "no_node", "{arguments:?}");
    }
    let missing = town.path("missing");
    assert_eq!(run(&["status"], Some(&missing), None).1, "key_file_not_found");
    assert!(!missing.exists(), "a key file is made for a new home only");

    // From a key file to a passphrase while the node runs; the store is not touched.
    let node = town.up(&[]);
    let store = town.home().join("store.redb");
    let before = std::fs::read(&store).unwrap();
    let words = town.path("words");
    std::fs::write(&words, "some words in a row\n").unwrap();
    let words = words.to_str().unwrap();
    let change = ["device", "passphrase", "--new-passphrase-file", words];
    assert_eq!(run(&change, Some(&other), None).1, "wrong_key_file");
    assert_eq!(run(&["device", "passphrase"], Some(&right), None).1, "new_secret_needed");
    assert_eq!(run(&change, Some(&right), None).1, "done");
    assert_eq!(std::fs::read(&store).unwrap(), before, "the store was written");
    town.status();
    node.stop();

    let (exit, code, hint) = run(&["status"], None, None);
    assert_eq!((exit, code.as_str()), (2, "secret_needed"));
    for way in ["--passphrase-file", "SHOUWANG_PASSPHRASE", "--key-file"] {
        assert!(hint.contains(way), "{hint}");
    }
    let (exit, code, hint) = run(&["status"], None, Some("some words in a raw"));
    assert_eq!((exit, code.as_str()), (2, "wrong_passphrase"));
    assert!(hint.contains("request") && hint.contains("peers"), "{hint}");
    assert_eq!(run(&["status"], None, Some("some words in a row")).1, "done");
    assert_eq!(run(&["status", "--passphrase-file", words], None, None).1, "done");
    let key = right.to_str().unwrap();
    assert_eq!(run(&["status", "--key-file", key], None, None).1, "passphrase_needed");
}

#[test]
fn an_envelope_that_is_missing_torn_or_of_another_home_is_named() {
    let (town, other) = (Office::begin(SONGWU), Office::begin(SONGWU));
    let envelope = town.home().join("store.key");
    let whole = std::fs::read(&envelope).unwrap();
    let refused = |expected: &str| {
        let ended = town.run(&["status"]);
        assert_eq!((ended.exit, ended.error().as_str()), (Some(4), expected));
        let hint = ended.json()["error"]["hint"].to_string();
        assert!(hint.contains("restore") && hint.contains("request"), "{hint}");
    };
    std::fs::remove_file(&envelope).unwrap();
    refused("store_key_missing");
    for spoilt in [&whole[..whole.len() / 2], &[], &[whole.clone(), whole.clone()].concat()] {
        std::fs::write(&envelope, spoilt).unwrap();
        refused("store_key_damaged");
    }
    // The same key file locks both: what is inside is of another store.
    std::fs::copy(town.path("key"), other.path("key2")).unwrap();
    other.done(&["device", "passphrase", "--new-key-file", other.path("key2").to_str().unwrap()]);
    std::fs::copy(other.home().join("store.key"), &envelope).unwrap();
    refused("store_key_foreign");
    std::fs::write(&envelope, &whole).unwrap();
    town.verify();
    // What a change that was cut off has left is no matter.
    std::fs::write(town.home().join("store.key.new"), &whole[..9]).unwrap();
    std::fs::write(town.home().join("store.new"), b"half").unwrap();
    town.verify();
    assert!(!town.home().join("store.key.new").exists());
    assert!(!town.home().join("store.new").exists());
}

#[test]
fn a_store_that_is_not_encrypted_is_refused_by_name() {
    let town = Office::begin(SONGWU);
    let place = town.home().join("store.redb");
    std::fs::remove_file(&place).unwrap();
    drop(shouwang_node::store::Store::open(&place).unwrap());
    let refused = town.run(&["status"]);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(1), "store_not_encrypted"));
}

#[test]
fn a_home_can_be_made_anew_where_its_making_was_cut_off() {
    let town = Office::new(SONGWU);
    std::fs::create_dir_all(town.home()).unwrap();
    // The lock was had, the envelope of a key that nobody has was written, the store was not.
    std::fs::write(town.home().join("store.redb"), b"").unwrap();
    std::fs::write(town.home().join("store.key"), b"of another attempt").unwrap();
    let refused = town.run(&["status"]);
    assert_eq!(refused.error(), "no_node");
    town.done(&["init", "--area", SONGWU]);
    town.verify();
}

#[test]
fn the_envelope_of_a_store_that_was_moved_away_is_kept() {
    let town = Office::begin(SONGWU);
    let kept = town.path("kept.backup");
    town.done(&["backup", kept.to_str().unwrap()]);
    let (store, envelope) = (town.home().join("store.redb"), town.home().join("store.key"));
    let before = std::fs::read(&envelope).unwrap();
    let moved = town.path("old.redb");
    std::fs::rename(&store, &moved).unwrap();
    town.done(&["request"]);
    assert_ne!(std::fs::read(&envelope).unwrap(), before);
    let aside = town.home().join("store.key.1");
    assert_eq!(std::fs::read(&aside).unwrap(), before);
    std::fs::rename(&moved, &store).unwrap();
    std::fs::rename(&aside, &envelope).unwrap();
    town.verify();

    // A restore that fails leaves the envelope that was there, one that does not sets it aside.
    std::fs::rename(&store, &moved).unwrap();
    for left in files(&town.home()).iter().filter(|path| **path != envelope) {
        std::fs::remove_file(left).unwrap();
    }
    let other = Office::begin(SONGWU);
    std::fs::copy(town.path("key"), other.path("same")).unwrap();
    let same = other.path("same");
    other.done(&["device", "passphrase", "--new-key-file", same.to_str().unwrap()]);
    let foreign = town.path("foreign.backup");
    let mut command = other.command(&["backup", foreign.to_str().unwrap()]);
    assert!(command.env("SHOUWANG_KEY_FILE", &same).output().unwrap().status.success());
    let whole = std::fs::read(&foreign).unwrap();
    std::fs::write(&foreign, &whole[..whole.len() - 4096]).unwrap();
    let restore = ["restore", foreign.to_str().unwrap()];
    assert_eq!(town.run(&restore).error(), "backup_damaged");
    assert_eq!(std::fs::read(&envelope).unwrap(), before);
    std::fs::write(&foreign, &whole).unwrap();
    town.done(&restore);
    assert_eq!(std::fs::read(&aside).unwrap(), before);
    town.verify();
}

#[test]
fn a_rewrite_leaves_nothing_that_was_deleted() {
    const SECRET: &[u8] = b"a value that nobody shall find again";
    let town = Office::begin(SONGWU);
    // Many pages of it: what else is written reuses some of those that it leaves, and not all. Some
    // that are kept lie behind it, so that the file is not just cut off.
    let many = SECRET.repeat(8_000);
    let keep = || {
        let (_, store) = open(&town).unwrap();
        let kept = vec![1; 2 * many.len()];
        store.write::<_, StoreError>(|tables| tables.set_meta("y", &kept)).unwrap();
    };
    for nth in 0..20 {
        town.adds_elder(SHANGHE, &format!("周长{nth}"));
    }
    let path = town.home().join("store.redb");
    let status = |office: &Office| {
        let mut status = office.status();
        status["peers"].take();
        // The length of the file, and the room beside it, are not the store's.
        status["findings"].take();
        status["villages"].take();
        status
    };
    let before = status(&town);
    let set = |value: &[u8], due: bool| {
        let (_, store) = open(&town).unwrap();
        store
            .write::<_, StoreError>(|tables| {
                tables.set_meta("x", value)?;
                if due { tables.set_meta(REWRITE_DUE, &[1]) } else { Ok(()) }
            })
            .unwrap();
        (store.rewrite_is_due(), store.read().unwrap().meta_number("commit_number").unwrap())
    };
    // Asked for by a person, by a process that opens the home, and by a running node.
    for way in ["compact", "open", "running"] {
        set(&many, false);
        keep();
        assert!(holds(&image(&path, &town), SECRET), "the control: it is there");
        let (due, commits) = set(b"gone", way == "open");
        assert_eq!(due, way == "open");
        assert!(holds(&image(&path, &town), SECRET), "the control: deleted, and still there");
        match way {
            "compact" => drop(town.done(&["compact"])),
            "open" => drop(town.status()),
            _ => {
                let node = town.up(&[]);
                town.done(&["compact"]);
                // The new store is written to, and it is what the process has locked.
                town.adds_elder(SHANGHE, "周长庚");
                assert!(matches!(open(&town), Err(VaultError::Store(StoreError::InUse))));
                node.kill();
                assert_eq!(town.elders().len(), 21);
            }
        }
        assert!(!holds(&image(&path, &town), SECRET), "{way}: it is still in the file");
        let (_, store) = open(&town).unwrap();
        assert!(!store.rewrite_is_due(), "{way}");
        let snapshot = store.read().unwrap();
        assert_eq!(snapshot.meta("x").unwrap().unwrap(), b"gone");
        assert!(snapshot.meta_number("commit_number").unwrap() >= commits, "{way}: went back");
        drop((snapshot, store));
        town.verify();
        if way != "running" {
            assert_eq!(status(&town), before, "{way}");
        }
    }
}

#[test]
fn a_backup_is_made_while_people_write_and_comes_back_whole() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    let (ledger, areas) = (town.path("ledger.xlsx"), town.path("areas.csv"));
    let (ledger, areas) = (ledger.to_str().unwrap(), areas.to_str().unwrap());
    town.done(&["sample", "--seed", "4", "--elders", "200", "--out", ledger, "--areas", areas]);
    town.done(&["area", "import", areas]);
    town.done(&["import", ledger]);
    let node = town.up(&[]);
    let first = town.adds_elder(SHANGHE, NAME);
    let (kept, before) = (town.path("b.backup"), town.elders().len());
    let over = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let typist = scope.spawn(|| {
            let mut written = 0;
            while !over.load(Ordering::SeqCst) {
                // Not through `run`, which keeps what is printed in one place.
                let name = format!("name=老人{written}");
                let add = ["elder", "add", "--village", SHANGHE, &name];
                let added = town.command(&add).output().unwrap();
                assert!(added.status.success(), "{added:?}");
                written += 1;
            }
            written
        });
        eventually("somebody is typing", || match town.elders().len() > before {
            true => Ok(()),
            false => Err("nobody".into()),
        });
        let done = town.done(&["backup", kept.to_str().unwrap()]);
        assert_eq!(done["bytes"], std::fs::metadata(&kept).unwrap().len());
        over.store(true, Ordering::SeqCst);
        typist.join().unwrap()
    });
    let again = town.run(&["backup", kept.to_str().unwrap()]);
    assert_eq!((again.exit, again.error().as_str()), (Some(2), "file_exists"));
    assert_eq!(town.elders().len(), before + written);
    node.stop();
    let bytes = std::fs::read(&kept).unwrap();
    assert!(!holds(&bytes, NAME.as_bytes()) && !holds(&bytes, b"elders-2"));

    let restored = Office::new("restored");
    let restore = ["restore", kept.to_str().unwrap()];
    Secret::make_key_file(&restored.path("key"), &restored.home(), [1; 32]).unwrap();
    assert_eq!(restored.run(&restore).error(), "wrong_key_file");
    std::fs::copy(town.path("key"), restored.path("key")).unwrap();
    restored.done(&restore);
    let (_, store) = open(&restored).unwrap();
    assert_eq!(store.read().unwrap().meta_number(RESTORED).unwrap(), 1);
    drop(store);
    restored.verify();
    let there = restored.elders();
    assert!((before..=before + written).contains(&there.len()), "{} of {before}", there.len());
    assert!(there.iter().any(|elder| elder["elder_id"] == *first));
    assert_eq!(restored.run(&restore).error(), "home_not_empty");

    // Cut short, changed in the middle, or no backup at all: refused, and nothing is left.
    let spoilt = town.path("spoilt.backup");
    let mut changed = bytes.clone();
    // Every page behind the header: some of them are in use.
    changed[3 * 4096..].iter_mut().step_by(64).for_each(|byte| *byte ^= 1);
    for (bytes, code) in [
        (&bytes[..bytes.len() - 4096], "backup_damaged"),
        (&changed, "backup_damaged"),
        (&bytes[..100], "not_a_backup"),
        (&bytes[4096..], "not_a_backup"),
    ] {
        std::fs::write(&spoilt, bytes).unwrap();
        let office = Office::new("spoilt");
        std::fs::copy(town.path("key"), office.path("key")).unwrap();
        let ended = office.run(&["restore", spoilt.to_str().unwrap()]);
        assert_eq!((ended.exit.is_some_and(|exit| exit > 0), ended.error().as_str()), (true, code));
        assert_eq!(office.run(&["status"]).error(), "no_node");
    }
}

/// Whoever waits sees how far it is, and at the end that all of it is done.
#[test]
fn every_step_of_a_copy_is_counted() {
    let town = Office::begin(SONGWU);
    town.adds_elder(SHANGHE, NAME);
    let (vault, store) = open(&town).unwrap();
    let (mut store, progress) = (store, Progress::default());
    vault.rewrite(&mut store, &progress).unwrap();
    let (done, rows) = progress.get();
    assert!(done == rows && rows > 10, "{done} of {rows}");
    let mut engine = Engine::open(store, [7; 32]).unwrap();
    engine.keep_in(vault);
    engine.rewrite().unwrap();
    assert_eq!(engine.rewrite_progress().get(), (0, 0), "it has ended");
    let backup = engine.backup().unwrap();
    let progress = backup.progress();
    assert_eq!(progress.get(), (0, 0));
    let path = town.path("one.backup");
    let bytes = backup.write(&path).unwrap();
    assert_eq!(progress.get(), (rows, rows), "the same rows as in the rewrite");

    let progress = Progress::default();
    let directory = town.path("restored");
    restore::<VaultError>(&path, &directory, &progress, |_| Ok(key(&town))).unwrap();
    let image = bytes - 4096;
    assert_eq!(progress.get(), (image, image), "all but the head");
}

/// A sector of the file is not what it was: whoever comes to it is told so, and nothing is made in place of what it
/// held. Where nobody comes to it, it is a free page.
#[test]
fn a_damaged_file_is_named_whatever_is_asked_of_it() {
    let town = Office::begin(SONGWU);
    for nth in 0..4 {
        town.adds_elder(SHANGHE, &format!("{NAME}{nth}"));
    }
    town.done(&["compact"]);
    let path = town.home().join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    let device = town.device();
    let request = town.done(&["request"])["request"].clone();
    let file = town.path("one.backup");
    let ways: [&[&str]; 9] = [
        &["backup", file.to_str().unwrap()],
        &["compact"],
        &["request"],
        &["init", "--area", COUNTY],
        &["verify"],
        &["status"],
        &["doctor"],
        &["elder", "add", "--village", SHANGHE, "name=许桂英"],
        &["sync", "--timeout", "1s", "--peer", "/ip4/127.0.0.1/tcp/9"],
    ];
    let mut told = 0;
    // Where a page says what it is and how long, and where its rows are.
    let places = [0..16, 64..576];
    let sectors = (0..whole.len() / SECTOR).flat_map(|sector| {
        places.clone().map(|place| sector * SECTOR + place.start..sector * SECTOR + place.end)
    });
    for (sector, way) in sectors.flat_map(|sector| ways.map(|way| (sector.clone(), way))) {
        let mut spoilt = whole.clone();
        spoilt[sector.clone()].fill(0xff);
        std::fs::write(&path, &spoilt).unwrap();
        let _ = std::fs::remove_file(&file);
        let ended = town.run(way);
        let at = || format!("{way:?} {sector:?}: {ended:?}");
        assert_ne!(ended.exit, Some(101), "{}", at());
        match (way[0], ended.exit) {
            ("request", Some(0)) => assert_eq!(ended.json()["request"], request, "{}", at()),
            ("init", Some(0)) => panic!("{}", at()),
            ("verify", Some(4)) => told += 1,
            (_, Some(0)) | ("status" | "doctor", Some(3)) | ("sync", Some(5)) => {}
            _ if ended.error() == "already_joined" => {}
            _ => {
                let codes = ["store_corrupt", "store_failed", "store_key_foreign"];
                assert!(codes.contains(&ended.error().as_str()), "{}", at());
                assert!(!file.exists(), "{}", at());
                told += 1;
            }
        }
    }
    assert!(told > 10, "{told}");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(town.device(), device);
    town.verify();
}

#[test]
fn a_rewrite_waits_for_a_backup_that_is_being_written() {
    let town = Office::begin(SONGWU);
    town.adds_elder(SHANGHE, NAME);
    let (vault, store) = open(&town).unwrap();
    let mut engine = Engine::open(store, [7; 32]).unwrap();
    engine.keep_in(vault);
    engine.set_meta("x", b"before").unwrap();
    let backup = engine.backup().unwrap();
    engine.set_meta("x", b"after").unwrap();
    engine.set_meta(REWRITE_DUE, &[1]).unwrap();
    assert!(matches!(engine.rewrite(), Err(VaultError::BackupRunning)));
    engine.rewrite_if_due().unwrap();
    let due = |engine: &mut Engine| engine.store_mut().rewrite_is_due();
    assert!(due(&mut engine), "it stays due");
    let path = town.path("one.backup");
    backup.write(&path).unwrap();
    engine.rewrite_if_due().unwrap();
    assert!(!due(&mut engine));
    assert_eq!(engine.read().unwrap().meta("x").unwrap().unwrap(), b"after");
    drop(engine);

    let restored = Office::new("restored");
    std::fs::copy(town.path("key"), restored.path("key")).unwrap();
    restored.done(&["restore", path.to_str().unwrap()]);
    let (_, store) = open(&restored).unwrap();
    assert_eq!(store.read().unwrap().meta("x").unwrap().unwrap(), b"before");
}
