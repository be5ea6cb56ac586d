//! Whom people find by what they know: a name, its first letters, a house, the end of a number.

mod county;

use std::collections::BTreeMap;

use county::{County, today};
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::Request;
use shouwang_node::command::elder::{ElderAdd, ElderList, ElderSet};

const VILLAGE: &str = "990121101203";

fn found(county: &mut County, text: &str) -> Vec<String> {
    let (now, matching) = (county.now(), Some(text.to_owned()));
    let list = ElderList { scope: None, matching, as_of: today() };
    let elders = list.execute(county.engine(VILLAGE), now).unwrap().elders;
    let mut names: Vec<String> = elders.into_iter().filter_map(|elder| elder.name).collect();
    names.sort();
    names
}

fn county() -> (County, String) {
    let mut county = County::begin("990121000000");
    county.grant("990121000000", VILLAGE);
    let mut first = None;
    for (name, address, hamlet, id) in [
        ("周国强", "上禾村6组57号", "3组", "990121194203150047"),
        ("单桂英", "上禾村6组157号", "塘边", ""),
        ("欧阳长根", "上禾村11组5号", "", ""),
        ("曾Anna", "", "57组", ""),
    ] {
        let mut fields = BTreeMap::from([(Field::Name, name.to_owned())]);
        for (field, text) in
            [(Field::Address, address), (Field::Hamlet, hamlet), (Field::ResidentId, id)]
        {
            if !text.is_empty() {
                fields.insert(field, text.to_owned());
            }
        }
        let now = county.now();
        let add = ElderAdd { scope: None, fields, entry: None };
        let saved = add.execute(county.engine(VILLAGE), now).unwrap();
        first.get_or_insert(saved.elder_id.to_string());
    }
    (county, first.unwrap())
}

#[test]
fn people_are_found_by_what_others_know_of_them() {
    let (mut county, _) = county();
    for (text, names) in [
        ("国强", &["周国强"][..]),
        ("zgq", &["周国强"]),
        ("ZG", &["周国强"]),
        // 单 is read in three ways, and as a family name mostly not in the first.
        ("sgy", &["单桂英"]),
        ("dgy", &["单桂英"]),
        ("oycg", &["欧阳长根"]),
        ("oyzg", &["欧阳长根"]),
        ("ca", &["曾Anna"]),
        ("zgqx", &[]),
        ("57", &["周国强", "曾Anna"]),
        ("157号", &["单桂英"]),
        ("6组", &["单桂英", "周国强"]),
        ("0047", &["周国强"]),
        (" 国强 ", &["周国强"]),
        ("塘边", &[]),
    ] {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        assert_eq!(found(&mut county, text), names, "{text}");
    }
}

#[test]
fn a_house_that_is_corrected_is_found_where_it_is() {
    let (mut county, elder) = county();
    let fields = BTreeMap::from([(Field::Address, "下禾村1组9号".to_owned())]);
    let now = county.now();
    let set = ElderSet { elder, fields, certified: false };
    set.execute(county.engine(VILLAGE), now).unwrap();
    assert_eq!(found(&mut county, "57"), ["曾Anna"]);
    assert_eq!(found(&mut county, "9号"), ["周国强"]);
}
