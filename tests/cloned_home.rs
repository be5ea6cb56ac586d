//! One home on two machines at once: both get turns with their township, nothing of either is lost,
//! and both are told.

mod support;

use support::{Office, SHANGHE, SONGWU, eventually};

fn holds(office: &Office, expected: &[&str]) {
    eventually(&format!("{} holds {expected:?}", office.name), || {
        let names = office.names();
        match expected.iter().all(|name| names.contains(&(*name).to_owned())) {
            true => Ok(()),
            false => Err(format!("{names:?}")),
        }
    });
}

#[test]
fn two_machines_with_one_home_take_turns() {
    let town = Office::begin(SONGWU);
    let first = town.admits(SHANGHE, None);
    let add = |office: &Office, name: &str| office.adds_elder(SHANGHE, name);
    add(&first, "周国强");
    // The home is copied, and both go on by themselves.
    let second = Office::new("second");
    std::fs::create_dir(second.home()).unwrap();
    for file in std::fs::read_dir(first.home()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), second.home().join(file.file_name())).unwrap();
    }
    std::fs::copy(first.path("key"), second.path("key")).unwrap();
    add(&first, "许桂英");
    add(&second, "林秀英");
    let top = town.up(&[]);
    let one = first.up(&[&top.address()]);
    holds(&town, &["周国强", "许桂英"]);
    let two = second.up(&[&top.address()]);
    holds(&town, &["周国强", "许桂英", "林秀英"]);
    // The first was turned out, and was told by whom: nobody is accused.
    let device = town.device();
    eventually("the first is told", || {
        let peer = first.peer(&device).ok_or("no peer")?;
        match peer["last_error"]["code"] == "replaced" && peer["last_error"]["retry"] == true {
            true => Ok(()),
            false => Err(peer.to_string()),
        }
    });
    // Whoever asks for a turn gets it, again and again, and takes what the other has written.
    for turn in 0..3 {
        for (office, other) in [(&first, &second), (&second, &first)] {
            let name = format!("{} {turn}", office.name);
            add(office, &name);
            office.run(&["sync", "--timeout", "20s"]);
            holds(&town, &[&name]);
            other.run(&["sync", "--timeout", "20s"]);
            holds(other, &[&name]);
        }
    }
    let notices = |office: &Office| -> Vec<String> {
        let status = office.status();
        let notices = status["notices"].as_array().unwrap().clone();
        notices.iter().map(|notice| notice["code"].as_str().unwrap().to_owned()).collect()
    };
    assert!(notices(&town).contains(&"forked_log".to_owned()));
    let found = [notices(&first), notices(&second)].concat();
    assert!(found.contains(&"rolled_back".to_owned()), "{found:?}");
    assert!(found.contains(&"cloned_home".to_owned()), "{found:?}");
    let peer = town.peer(&first.device()).unwrap();
    assert_eq!(peer["refused"], serde_json::json!({}), "{peer}");
    for node in [one, two, top] {
        node.stop();
    }
    for office in [&town, &first, &second] {
        office.verify();
    }
}
