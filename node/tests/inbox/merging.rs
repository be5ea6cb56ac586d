//! Files of one person.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shouwang_crdt_schema::element::{GuardianContact, RosterEvent};
use shouwang_crdt_schema::record::{ExitReason, RosterStep, ServiceNeed};
use shouwang_node::command::ErrorKind;
use shouwang_node::command::duplicates::{DuplicatesReport, ElderDuplicates, Likeness};
use shouwang_node::command::elder::{ElderAdd, ElderSet, VisitList};
use shouwang_node::command::merge::{ElderMerge, MergeReport};
use shouwang_node::index::merged;

use super::*;

const XIAHE: &str = "990121101204";
const NUMBER: &str = "990121194203150047";

fn adds(county: &mut County, place: &str, scope: &str, fields: &[(Field, &str)]) -> String {
    let now = county.now();
    let fields = fields.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
    let add = ElderAdd { scope: Some(code(scope)), fields, entry: None };
    add.execute(county.engine(place), now).unwrap().elder_id.to_string()
}

fn merges(
    county: &mut County,
    place: &str,
    keep: &str,
    other: &str,
) -> Result<MergeReport, CommandError> {
    let now = county.now();
    let (keep, other) = (keep.to_owned(), other.to_owned());
    let merge = ElderMerge { keep, other, date: county::today(), dry_run: false };
    merge.execute(county.engine(place), now)
}

/// Files that contradict one another twice are two people's, and no exit goes out of sight.
#[test]
fn two_people_and_an_exit_in_one_file_alone_are_not_joined() {
    let mut county = offices();
    let (name, sex) = ((Field::Name, "周国强"), (Field::Sex, "Male"));
    let keep = adds(&mut county, SHANGHE, SHANGHE, &[name, sex]);
    let stranger = [(Field::Name, "蒋兆兰"), (Field::Sex, "Female")];
    let stranger = adds(&mut county, SHANGHE, SHANGHE, &stranger);
    let refused = merges(&mut county, SHANGHE, &keep, &stranger).unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (ErrorKind::Refused, "merge_contradicts"));
    // One slip is none: a file may have the wrong sex.
    let slip = adds(&mut county, SHANGHE, SHANGHE, &[name, (Field::Sex, "Female")]);
    merges(&mut county, SHANGHE, &keep, &slip).unwrap();

    let dead = adds(&mut county, SHANGHE, SHANGHE, &[name, sex]);
    let death = RosterEvent {
        step: RosterStep::Left,
        date: county::today(),
        entry_reason: None,
        exit_reason: Some(ExitReason::Deceased),
        note: None,
    };
    does(&mut county, SHANGHE, &dead, vec![insert(&death)]).unwrap();
    let refused = merges(&mut county, SHANGHE, &keep, &dead).unwrap_err();
    assert_eq!((refused.kind, &*refused.code), (ErrorKind::Refused, "merge_roster"));
    does(&mut county, SHANGHE, &keep, vec![insert(&death)]).unwrap();
    merges(&mut county, SHANGHE, &keep, &dead).unwrap();
}

fn duplicates(county: &mut County, place: &str) -> DuplicatesReport {
    let now = county.now();
    ElderDuplicates {}.execute(county.engine(place), now).unwrap()
}

fn visits(county: &mut County, place: &str, elder: Option<&str>) -> Vec<String> {
    let now = county.now();
    let list = VisitList { elder: elder.map(str::to_owned), from: None, to: None };
    let report = list.execute(county.engine(place), now).unwrap();
    report.visits.iter().map(|report| report.visit.date.to_string()).collect()
}

/// One number in two villages is found where both are held, one number twice in a village in it too;
/// it says no more than the last four, and no store's keys are another's.
#[test]
fn one_number_twice_is_found_in_the_village_and_across_villages_above() {
    let mut county = offices();
    county.grant(SONGWU, XIAHE);
    county.connect(SONGWU, XIAHE);
    let born = (Field::BirthDate, "1942-03-15");
    let name = (Field::Name, "周国强");
    let first = adds(&mut county, SHANGHE, SHANGHE, &[name, born, (Field::ResidentId, NUMBER)]);
    let wide = (Field::ResidentIdAsWritten, "990121 19420315 0047");
    let second = adds(&mut county, SHANGHE, SHANGHE, &[(Field::Name, "周国強"), wide]);
    let third = adds(&mut county, XIAHE, XIAHE, &[name, (Field::ResidentId, NUMBER)]);
    // A namesake of the same day without a number, and one whom a number tells apart.
    let fourth = adds(&mut county, SHANGHE, SHANGHE, &[name, born]);
    let apart = (Field::ResidentId, "99012119420315008X");
    adds(&mut county, XIAHE, XIAHE, &[name, born, apart]);
    // "Not known" is nobody's number.
    for _ in 0..2 {
        let text = (Field::ResidentIdAsWritten, "不详");
        adds(&mut county, SHANGHE, SHANGHE, &[(Field::Name, "佚名"), text]);
    }
    county.settle();
    county.settle();
    let files = |report: &DuplicatesReport| -> Vec<(Likeness, bool, BTreeSet<String>)> {
        let files = |group: &shouwang_node::command::duplicates::DuplicateGroup| {
            group.files.iter().map(|file| file.elder_id.to_string()).collect()
        };
        let groups = report.groups.iter();
        groups.map(|group| (group.likeness, group.across_villages, files(group))).collect()
    };
    let in_village = duplicates(&mut county, SHANGHE);
    assert_eq!(
        files(&in_village),
        [
            (Likeness::SameId, false, [first.clone(), second.clone()].into()),
            (Likeness::SameNameAndBirthDate, false, [first.clone(), fourth].into()),
        ]
    );
    for place in [COUNTY, SONGWU] {
        let above = duplicates(&mut county, place);
        assert_eq!(
            files(&above)[0],
            (Likeness::SameId, true, [first.clone(), second.clone(), third.clone()].into())
        );
        assert_eq!(county.status(place).duplicates, 2);
        assert!(!serde_json::to_string(&above).unwrap().contains(NUMBER));
    }
    assert_eq!(files(&duplicates(&mut county, XIAHE)), []);
    let error = merges(&mut county, SONGWU, &first, &third).unwrap_err();
    assert_eq!(error.code, "merge_across_villages");
    merges(&mut county, SONGWU, &first, &second).unwrap();
    county.settle();
    assert_eq!(files(&duplicates(&mut county, SHANGHE)).len(), 1);
}

/// What the file that goes on lacks it gets, what they say differently it shows beside its own; both
/// histories and all visits stay; undo brings two files back.
#[test]
fn a_merge_joins_two_files_and_undo_parts_them() {
    let mut county = offices();
    let keep = county.adds_elder(SHANGHE, "周国强");
    let other = county.adds_elder(SHANGHE, "周国强");
    let contact = |phone: Option<&str>| GuardianContact {
        name: "卫德福".into(),
        phone: phone.map(Into::into),
        rank: None,
    };
    let card = Part::Card;
    does(
        &mut county,
        SHANGHE,
        &keep,
        vec![
            set(card, Field::Phone, "1"),
            insert(&contact(None)),
            set(card, Field::CareConsent, "NotAsked"),
        ],
    )
    .unwrap();
    does(
        &mut county,
        SHANGHE,
        &other,
        vec![
            set(card, Field::Phone, "2"),
            set(card, Field::Address, "村东"),
            set(card, Field::CareConsent, "Consented"),
            insert(&contact(Some("139"))),
            insert(&ServiceNeed::Meals),
        ],
    )
    .unwrap();
    county.settle();
    // The township set the ability level in the other file: a village cannot copy that.
    does(&mut county, SONGWU, &other, vec![set(Part::Ledger, Field::AbilityLevel, "Severe")])
        .unwrap();
    county.records_visit(SHANGHE, &keep, "2026-08-01");
    county.records_visit(SHANGHE, &other, "2026-08-20");
    county.settle();
    let files = [keep.clone(), other.clone()];
    let before = files.clone().map(|file| says(&view(&mut county, SHANGHE, &file)));

    let report = merges(&mut county, SHANGHE, &keep, &other).unwrap();
    let copied: BTreeSet<&str> = report.copied.iter().map(|item| item.field.as_str()).collect();
    let expected = ["address", "care_consent", "guardian_contacts/phone", "service_needs"];
    assert_eq!(copied, expected.into());
    let differs: Vec<_> = report.differs.iter().map(|one| (&*one.field, &*one.other)).collect();
    assert_eq!(differs, [("phone", "2")]);
    assert_eq!(report.not_copied[0].field, "ability_level");
    county.settle();
    for place in ALL {
        assert_eq!(county.elders(place), ["周国强"], "{place}");
        assert_eq!(county.status(place).scopes.iter().map(|s| s.elders).sum::<u64>(), 1);
        let shown = county.shows(place, &keep);
        assert_eq!(county::field(&shown, Field::Phone).value, "1");
        let elsewhere = county::field(&shown, Field::Phone).elsewhere;
        assert_eq!(elsewhere.into_values().collect::<Vec<_>>(), ["2"]);
        let ability = county::field(&shown, Field::AbilityLevel);
        assert_eq!((ability.value.as_str(), ability.part.as_str()), ("Severe", "Ledger"));
        assert_eq!(ability.file.unwrap().to_string(), other);
        assert_eq!(shown.visits.len(), 2);
        assert_eq!(shown.summary.last_visit.unwrap().to_string(), "2026-08-20");
        assert_eq!(shown.merged_from.len(), 1);
        let gone = county.shows(place, &other);
        assert_eq!(gone.merged_into.unwrap().to_string(), keep);
        assert_eq!(visits(&mut county, place, Some(&keep)), ["2026-08-20", "2026-08-01"]);
        assert_eq!(visits(&mut county, place, None), ["2026-08-20", "2026-08-01"]);
    }
    let now = county.now();
    let fields = BTreeMap::from([(Field::Remarks, "迟来".to_owned())]);
    let set = ElderSet { elder: other.clone(), fields, certified: false };
    let error = set.execute(county.engine(SHANGHE), now).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.arguments["other"].as_str()),
        ("merged_elsewhere", &*keep)
    );
    county.verify_all();
    let exits = view(&mut county, SHANGHE, &other).elements::<RosterEvent>();
    assert_eq!(exits[0].1.element.exit_reason, Some(ExitReason::EnteredInError));

    undo(&mut county, SHANGHE).unwrap();
    county.settle();
    assert_eq!(files.map(|file| says(&view(&mut county, SHANGHE, &file))), before);
    for place in ALL {
        assert_eq!(county.elders(place).len(), 2, "{place}");
        assert_eq!(county.shows(place, &other).merged_into, None);
    }
    county.assert_converged();
    county.verify_all();
}

/// Two offices merge the same two files, off line, in opposite ways: the smaller goes on everywhere and
/// is on the roster.
#[test]
fn opposite_merges_come_to_one_file() {
    let mut county = offices();
    let one = county.adds_elder(SHANGHE, "周国强");
    let two = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    part(&mut county);
    merges(&mut county, SHANGHE, &one, &two).unwrap();
    merges(&mut county, SONGWU, &two, &one).unwrap();
    meet(&mut county);
    county.assert_converged();
    let (smaller, larger) = if one < two { (&one, &two) } else { (&two, &one) };
    for place in ALL {
        assert_eq!(county.elders(place).len(), 1, "{place}");
        assert_eq!(county.shows(place, larger).merged_into.unwrap().to_string(), *smaller);
        assert_eq!(county.shows(place, smaller).merged_into, None);
        let snapshot = county.engine(place).read().unwrap();
        let person = merged::joined(&snapshot, code(SHANGHE), smaller.parse().unwrap()).unwrap();
        assert_eq!(person.elements::<RosterEvent>(), [], "{place}");
    }
    county.verify_all();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is merged into whatever, by whom, having heard of what: every node shows the same
    /// people, one for each group of files that were merged, and undo of all brings all files back.
    #[test]
    fn every_node_shows_the_same_people(
        steps in prop::collection::vec((0..3_usize, 0..5_usize, 0..5_usize, any::<bool>()), 1..9)
    ) {
        let mut county = offices();
        let files: Vec<String> =
            (0..5).map(|n| county.adds_elder(SHANGHE, &format!("老人{n}"))).collect();
        county.settle();
        part(&mut county);
        let mut groups: Vec<BTreeSet<usize>> = (0..5).map(|n| [n].into()).collect();
        for (who, keep, other, meets) in steps {
            let place = [SONGWU, SHANGHE, "tablet"][who];
            if merges(&mut county, place, &files[keep], &files[other]).is_ok() {
                let joined: BTreeSet<usize> = groups
                    .iter()
                    .filter(|group| group.contains(&keep) || group.contains(&other))
                    .flatten()
                    .copied()
                    .collect();
                groups.retain(|group| group.is_disjoint(&joined));
                groups.push(joined);
            }
            if meets {
                meet(&mut county);
                part(&mut county);
            }
        }
        meet(&mut county);
        county.assert_converged();
        let mut shown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for place in ALL {
            shown.insert(place, county.elders(place));
            let counted: u64 = county.status(place).scopes.iter().map(|scope| scope.elders).sum();
            prop_assert_eq!(counted, groups.len() as u64, "{}", place);
        }
        for (place, people) in &shown {
            prop_assert_eq!(people.len(), groups.len(), "{}: {:?}", place, people);
            prop_assert_eq!(people, &shown[COUNTY], "{}", place);
        }
        county.verify_all();
    }
}
