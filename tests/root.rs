//! The root key on paper is the way back when everything else of a county is lost.

mod support;

use std::path::Path;

use support::{COUNTY, Office, QINGHE, SHANGHE, SONGWU, converge, data, eventually};

/// Begins a mesh whose root key is in a file beside the home.
fn begin(name: &str) -> (Office, String) {
    let office = Office::new(name);
    let root = office.path("root.txt").to_str().unwrap().to_owned();
    let made = office.done(&["init", "--area", COUNTY, "--name", name, "--root-out", &root]);
    assert_eq!((&made["root_key"], &made["root_key_file"]), (&().into(), &root.as_str().into()));
    office.done(&["area", "import", &data("areas.csv")]);
    (office, std::fs::read_to_string(root).unwrap())
}

fn file(office: &Office, name: &str, text: &str) -> String {
    let path = office.path(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_county_that_has_lost_its_only_device_comes_back_by_the_root_key() {
    let (county, paper) = begin("the bureau");
    let (songwu, qinghe) = (county.admits(SONGWU, None), county.admits(QINGHE, None));
    let village = songwu.admits(SHANGHE, None);
    let elder = village.adds_elder(SHANGHE, "周国强");
    qinghe.adds_elder("990121200201", "许桂英");
    let top = county.up(&[]);
    let middle = [songwu.up(&[&top.address()]), qinghe.up(&[&top.address()])];
    let below = village.up(&[&middle[0].address()]);
    converge(&[(&county, 2), (&songwu, 1), (&qinghe, 1), (&village, 1)]);
    let lost = county.device();
    top.kill();
    drop(county);

    // A fresh machine asks; a township answers with the root key from the safe.
    let bureau = Office::new("the new bureau");
    let request = bureau.path("request.txt").to_str().unwrap().to_owned();
    bureau.done(&["request", "--out", &request]);
    let invite = bureau.path("invite.txt").to_str().unwrap().to_owned();
    let root = file(&songwu, "paper.txt", &paper);
    let words = ["grant", &request, "--area", COUNTY, "--name", "县民政局", "--out", &invite];
    let alone = songwu.run(&words);
    assert_eq!((alone.exit, alone.error().as_str()), (Some(6), "grant_invalid"));
    songwu.done(&[&words[..], &["--root-key", &root]].concat());
    let joined = bureau.done(&["join", &invite]);
    assert_eq!((&joined["role"], &joined["area"]), (&"registrar".into(), &COUNTY.into()));
    assert_eq!(joined["addresses"][0], middle[0].address().as_str(), "the township's own");

    // It gets everything back, also from the township that has never heard of it.
    let top = bureau.up(&[&middle[1].address()]);
    converge(&[(&bureau, 2), (&songwu, 1), (&qinghe, 1), (&village, 1)]);
    assert_eq!(bureau.done(&["elder", "show", &elder])["summary"]["name"], "周国强");

    // The lost device is revoked where all that it granted is known: a township would undo the
    // grants of the others, and a registrar is no nearer to the root than another.
    let revoke = ["device", "revoke", &lost, "--reason", "lost", "--yes"];
    let with_root = |root: &str| [&revoke[..], &["--root-key", root]].concat().join("\n");
    let run = |office: &Office, root: &str| {
        let words = with_root(root);
        office.run(&words.split('\n').collect::<Vec<_>>())
    };
    assert_eq!(run(&songwu, &root).error(), "revoke_blind");
    assert_eq!(bureau.run(&revoke).error(), "revoke_depth");
    let done = run(&bureau, &root);
    assert_eq!(done.exit, Some(0), "{done:?}");
    for office in [&bureau, &songwu, &qinghe, &village] {
        eventually("everybody knows", || {
            let listed = office.done(&["device", "list", "--all"])["devices"].clone();
            let listed = listed.as_array().unwrap().iter().find(|one| one["device"] == *lost);
            match listed.is_some_and(|one| one["state"] == "revoked") {
                true => Ok(()),
                false => Err(format!("{}: {listed:?}", office.name)),
            }
        });
    }
    // What the lost device granted stands, and the mesh goes on.
    village.adds_elder(SHANGHE, "褚顺昌");
    converge(&[(&bureau, 3), (&songwu, 2), (&qinghe, 1), (&village, 2)]);
    let another = bureau.admits(QINGHE, None);
    let node = another.up(&[&top.address()]);
    converge(&[(&bureau, 3), (&another, 1)]);
    // A laptop that is let in only now knows of the lost device by its chain, too.
    let second = songwu.admits(SHANGHE, None);
    let beside = second.up(&[&middle[0].address()]);
    converge(&[(&second, 2), (&village, 2), (&bureau, 3)]);
    for office in [&bureau, &songwu, &qinghe, &village, &another, &second] {
        assert_eq!(office.status()["unsettled"], serde_json::json!({}), "{}", office.name);
        office.verify();
    }
    drop((beside, node, top, below, middle));
}

#[test]
fn a_root_key_is_of_one_mesh_and_is_kept_outside_the_home() {
    let (county, _) = begin("one");
    let (_, other) = begin("other");
    let request = Office::new("newcomer").done(&["request"])["request"].clone();
    let grant = |root: &str| {
        let request = request.as_str().unwrap();
        county.run(&["grant", request, "--area", COUNTY, "--name", "x", "--root-key", root])
    };
    let wrong = grant(&file(&county, "other.txt", &other));
    assert_eq!((wrong.exit, wrong.error().as_str()), (Some(6), "other_root"));
    let damaged = grant(&file(&county, "damaged.txt", "swroot1qqqq"));
    assert_eq!((damaged.exit, damaged.error().as_str()), (Some(2), "bad_root_key"));
    assert_eq!(grant("/nowhere/root.txt").error(), "file_not_found");

    let fresh = Office::new("fresh");
    let inside = fresh.home().join("root.txt");
    let init = ["init", "--area", COUNTY, "--root-out", inside.to_str().unwrap()];
    let refused = fresh.run(&init);
    assert_eq!((refused.exit, refused.error().as_str()), (Some(2), "root_inside_home"));
    assert!(!Path::new(&inside).exists());
    assert_eq!(fresh.run(&["status"]).error(), "no_node", "nothing was made");
}
