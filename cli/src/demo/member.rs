//! The eight nodes of the demonstration.

use shouwang_crdt_schema::division::{DivisionCode, Level};

use crate::sample;

/// One node: where it stands in the county.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The directory of its home.
    pub(crate) directory: &'static str,
    /// Its place.
    pub(crate) area: DivisionCode,
    /// The place's name.
    pub(crate) name: String,
    /// The node above it, an index into the list of members.
    pub(crate) parent: Option<usize>,
}

/// Villages of the two townships.
const VILLAGES: [usize; 2] = [3, 2];

/// Directories in the order of the members: a county, its townships, their villages.
const DIRECTORIES: [&str; 8] =
    ["county", "songwu", "qinghe", "shanghe", "xiahe", "qingshi", "hetang", "liuwan"];

/// The county's place, then its townships, then their villages.
pub(crate) fn members(seed: u64) -> Vec<Member> {
    let most = VILLAGES.into_iter().max().unwrap_or_default();
    let places = sample::county(seed, VILLAGES.len(), most);
    let at = |level| places.iter().filter(move |(code, _)| code.level() == level);
    let mut found: Vec<(DivisionCode, String, Option<usize>)> = Vec::new();
    found.extend(at(Level::County).map(|(code, name)| (*code, name.clone(), None)));
    found.extend(at(Level::Township).map(|(code, name)| (*code, name.clone(), Some(0))));
    for (index, count) in VILLAGES.into_iter().enumerate() {
        let township = 1 + index;
        let Some(area) = found.get(township).map(|(code, ..)| *code) else { continue };
        let inside = at(Level::Village).filter(|(code, _)| area.contains(*code)).take(count);
        found.extend(inside.map(|(code, name)| (*code, name.clone(), Some(township))));
    }
    DIRECTORIES
        .into_iter()
        .zip(found)
        .map(|(directory, (area, name, parent))| Member { directory, area, name, parent })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_lies_inside_the_one_above() {
        for seed in [1, 2, 99] {
            let members = members(seed);
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            assert_eq!(
                names,
                ["霁川县", "松雾镇", "清荷乡", "上禾村", "下禾村", "青石村", "荷塘村", "柳湾村"]
            );
            for member in &members[1..] {
                let parent = &members[member.parent.unwrap()];
                assert_eq!(member.area.parent(), Some(parent.area), "{}", member.name);
            }
        }
    }
}
