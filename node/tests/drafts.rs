//! What somebody has begun to type is kept, is nobody's record, and goes when the person's file goes.

mod county;

use std::collections::BTreeMap;

use county::County;
use shouwang_node::command::drafts::{DraftDrop, DraftKeep, DraftList, DraftShow};
use shouwang_node::command::erase::ElderErase;
use shouwang_node::command::{ErrorKind, Request};
use shouwang_node::erasure::ErasureReason;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{DRAFT_BYTES_MAX, DRAFTS_MAX};
use shouwang_node::store::{Snapshot, Store, StoreRead};

const COUNTY: &str = "990121000000";
const SECOND: &str = "the county's second device";
const SHANGHE: &str = "990121101203";

fn typed(note: &str) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([
        ("note".to_owned(), vec![note.to_owned()]),
        ("needs".to_owned(), vec!["Meals".to_owned(), "Medical".to_owned()]),
    ])
}

fn keep(form: &str, elder: Option<&str>, note: &str) -> DraftKeep {
    DraftKeep { form: form.to_owned(), elder: elder.map(str::to_owned), fields: typed(note) }
}

/// Where each log ends.
fn entries(snapshot: &Snapshot) -> Vec<Option<u64>> {
    let logs = snapshot.logs_all().unwrap();
    logs.iter().map(|log| snapshot.head_of(log.number).unwrap().map(|head| head.seq)).collect()
}

#[test]
fn a_draft_survives_the_process_and_is_given_back_as_it_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("village.redb");
    let mut county = County::begin(COUNTY);
    county.grant_in(COUNTY, SHANGHE, SHANGHE, None, Store::open(&file).unwrap());
    let elder = county.adds_elder(SHANGHE, "周国强");
    let now = county.now();
    let before = entries(&county.engine(SHANGHE).read().unwrap());
    let form = format!("visit:{elder}");
    keep(&form, Some(&elder), "第一").execute(county.engine(SHANGHE), now).unwrap();
    keep(&form, Some(&elder), " 血压\n偏高 <b>").execute(county.engine(SHANGHE), now).unwrap();
    county.stops(SHANGHE);
    county.opens(SHANGHE, Store::open(&file).unwrap());
    let engine = county.engine(SHANGHE);
    let kept = DraftShow { form: form.clone() }.execute(engine, now).unwrap().drafts;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].fields, typed(" 血压\n偏高 <b>"));
    assert_eq!(kept[0].elder_id.map(|elder| elder.to_string()), Some(elder));
    // It is no record: nothing was written to any log.
    assert_eq!(before, entries(&engine.read().unwrap()));
    DraftDrop { form: form.clone() }.execute(engine, now).unwrap();
    assert!(DraftList {}.execute(engine, now).unwrap().drafts.is_empty());
    DraftDrop { form }.execute(engine, now).unwrap();
}

#[test]
fn what_is_too_much_is_refused_by_name_and_nothing_that_was_kept_goes_for_it() {
    let mut county = County::begin(COUNTY);
    let (now, engine) = (county.now(), county.engine(COUNTY));
    for number in 0..DRAFTS_MAX {
        keep(&format!("new:{number}"), None, "x").execute(engine, now).unwrap();
    }
    let refused = keep("one-more", None, "x").execute(engine, now).unwrap_err();
    assert_eq!(refused.code, "too_many_drafts");
    keep("new:0", None, "changed").execute(engine, now).unwrap();
    let long = "长".repeat(DRAFT_BYTES_MAX / 3 + 1);
    assert_eq!(keep("new:0", None, &long).execute(engine, now).unwrap_err().code, "draft_too_long");
    let kept = DraftList {}.execute(engine, now).unwrap().drafts;
    assert_eq!(kept.len() as u64, DRAFTS_MAX);
    let first = kept.iter().find(|draft| draft.form == "new:0").unwrap();
    assert_eq!(first.fields, typed("changed"));
    for form in ["", "a b", "名", &"f".repeat(161)] {
        assert_eq!(keep(form, None, "x").execute(engine, now).unwrap_err().code, "bad_request");
    }
    let nobody = keep("new:0", Some(&"0".repeat(32)), "x").execute(engine, now).unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::NotFound, "{nobody:?}");
}

/// Two signatures take a file away, and what somebody had begun to write of the person with it.
#[test]
fn what_was_begun_about_an_erased_person_goes_with_the_file() {
    let mut county = County::begin(COUNTY);
    county.grant_as(COUNTY, COUNTY, SECOND, Some(Role::Registrar));
    county.grant(COUNTY, SHANGHE);
    county.connect(SECOND, COUNTY);
    county.connect(SHANGHE, COUNTY);
    let (gone, stays) =
        (county.adds_elder(SHANGHE, "周国强"), county.adds_elder(SHANGHE, "许桂英"));
    county.settle();
    let now = county.now();
    for elder in [&gone, &stays] {
        let draft = keep(&format!("visit:{elder}"), Some(elder), "便条");
        draft.execute(county.engine(SHANGHE), now).unwrap();
    }
    for place in [SECOND, COUNTY] {
        let (elder, now) = (gone.clone(), county.now());
        let erase =
            ElderErase { elder, reason: ErasureReason::RightToErasure, root: None, dry_run: false };
        erase.execute(county.engine(place), now).unwrap();
        county.settle();
    }
    let now = county.now();
    let engine = county.engine(SHANGHE);
    let kept = DraftList {}.execute(engine, now).unwrap().drafts;
    let forms: Vec<&str> = kept.iter().map(|draft| draft.form.as_str()).collect();
    assert_eq!(forms, [format!("visit:{stays}")]);
    let again = keep(&format!("visit:{gone}"), Some(&gone), "便条").execute(engine, now);
    assert!(again.is_err(), "there is nobody whom it could be about");
}
