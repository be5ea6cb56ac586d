//! Files that were found to be one person's: which of them goes on, and what they say together.
//!
//! Each card says by itself what it was merged into and what was merged into it (`Merge` events).
//! Which file goes on follows from all cards of the scope together, so it does not matter in which
//! order the events came, nor who decided what at the same time as somebody else.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::ElderView;

use super::{IndexSecret, view};
use crate::limits::MERGED_FILES_MAX;
use crate::store::names::NamesRead;
use crate::store::rows::ElderRow;
use crate::store::{StoreError, StoreRead};

/// The files of one person in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The file that goes on.
    pub survivor: ElderId,
    /// All of them, the survivor too.
    pub files: BTreeSet<ElderId>,
}

/// The files that are one person's with this one, by what their cards say here.
pub fn group(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Group, StoreError> {
    let mut rows: BTreeMap<ElderId, ElderRow> = BTreeMap::new();
    let mut waiting = BTreeSet::from([elder]);
    while let Some(next) = waiting.pop_first() {
        // A file that is not here, or says nothing any more, hides no other.
        let Some(row) = tables.elder(scope, next)?.filter(ElderRow::says_anything) else {
            continue;
        };
        let named = row.merged_into.iter().chain(&row.merged_from).copied();
        waiting.extend(named.filter(|other| !rows.contains_key(other)));
        rows.insert(next, row);
        if rows.len() > MERGED_FILES_MAX {
            return Ok(Group { survivor: elder, files: [elder].into() });
        }
    }
    let mut merges: BTreeMap<ElderId, BTreeSet<ElderId>> = BTreeMap::new();
    for (elder, row) in &rows {
        merges.entry(*elder).or_default().extend(&row.merged_into);
        for other in &row.merged_from {
            merges.entry(*other).or_default().insert(*elder);
        }
    }
    merges.retain(|from, _| rows.contains_key(from));
    merges.values_mut().for_each(|into| into.retain(|other| rows.contains_key(other)));
    let survivor = survivor(&merges).unwrap_or(elder);
    Ok(Group { survivor, files: rows.into_keys().chain([elder]).collect() })
}

/// The file that goes on, of files each with those that it was merged into: one from which merges
/// lead nowhere but back, and of several the smallest. So a chain ends at its end, and of two files
/// merged into one another at the same time the smaller goes on.
pub fn survivor(merges: &BTreeMap<ElderId, BTreeSet<ElderId>>) -> Option<ElderId> {
    let reached: BTreeMap<ElderId, BTreeSet<ElderId>> =
        merges.keys().map(|from| (*from, reachable(merges, *from))).collect();
    let is_end = |from: &ElderId, to: &BTreeSet<ElderId>| {
        to.iter().all(|other| reached.get(other).is_some_and(|back| back.contains(from)))
    };
    reached.iter().find(|(from, to)| is_end(from, to)).map(|(from, _)| *from)
}

fn reachable(merges: &BTreeMap<ElderId, BTreeSet<ElderId>>, from: ElderId) -> BTreeSet<ElderId> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(next) = waiting.pop() {
        for other in merges.get(&next).into_iter().flatten() {
            if *other != from && found.insert(*other) {
                waiting.push(*other);
            }
        }
    }
    found
}

/// The file in which a person's goes on, if this one was merged into another.
pub fn absorbed_by(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Option<ElderId>, StoreError> {
    match tables.elder(scope, elder)? {
        Some(row) if row.is_merged() => {
            Ok(Some(group(tables, scope, elder)?.survivor).filter(|survivor| *survivor != elder))
        }
        _ => Ok(None),
    }
}

/// What is known of a person: the file, joined by those that were merged into it. A file that was
/// itself merged into another is shown alone.
///
/// Whatever shows or counts reads this; whatever edits reads [`view`], because names of elements mean
/// something in their own documents only.
pub fn joined(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<ElderView, StoreError> {
    let own = view(tables, scope, elder)?;
    if !tables.elder(scope, elder)?.is_some_and(|row| row.is_merged()) {
        return Ok(own);
    }
    let group = group(tables, scope, elder)?;
    if group.survivor != elder {
        return Ok(own);
    }
    let others = group.files.into_iter().filter(|other| *other != elder);
    let others = others.map(|other| view(tables, scope, other)).collect::<Result<_, _>>()?;
    Ok(own.join(others))
}

/// The elders of an area, one row for each person: files that were merged into others, and those from
/// which the last word was taken back, are left out. In the order of scope and id.
pub fn people(
    tables: &impl StoreRead,
    secret: &IndexSecret,
    area: Area,
) -> Result<Vec<(DivisionCode, ElderId, ElderRow)>, StoreError> {
    let mut found = Vec::new();
    for (scope, elder, row) in tables.elders_in(area)? {
        if !row.says_anything() {
            continue;
        }
        match row.is_merged() {
            false => found.push((scope, elder, row)),
            true => {
                found.extend(person(tables, secret, scope, elder)?.map(|row| (scope, elder, row)))
            }
        }
    }
    Ok(found)
}

/// Where the elders of an area stand, one place for each person, as in [`people`].
pub fn places(
    tables: &impl StoreRead,
    area: Area,
) -> Result<Vec<(DivisionCode, ElderId)>, StoreError> {
    let mut found = Vec::new();
    tables.each_name(area.0.range(), |scope, elder, row| {
        let stays = !row.is_merged || group(tables, scope, elder)?.survivor == elder;
        found.extend((row.says_anything && stays).then_some((scope, elder)));
        Ok::<_, StoreError>(())
    })?;
    Ok(found)
}

/// The row of a person whose files were merged, if it goes on in this one.
pub fn person(
    tables: &impl StoreRead,
    secret: &IndexSecret,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Option<ElderRow>, StoreError> {
    let group = group(tables, scope, elder)?;
    if group.survivor != elder {
        return Ok(None);
    }
    let mut row = super::row(secret, scope, &joined(tables, scope, elder)?);
    for other in group.files.iter().filter(|other| **other != elder) {
        let Some(other) = tables.elder(scope, *other)? else { continue };
        for (year, date) in other.last_visits {
            let last = row.last_visits.entry(year).or_insert(date);
            *last = date.max(*last);
        }
        for (part, count) in other.conflicts {
            *row.conflicts.entry(part).or_default() += count;
        }
    }
    Ok(Some(row))
}

/// How many people have a file in a scope.
pub fn people_in(tables: &impl StoreRead, scope: DivisionCode) -> Result<u64, StoreError> {
    let counts = tables.scope(scope)?;
    if counts.merged == 0 {
        return Ok(counts.elders);
    }
    let mut absorbed = 0;
    tables.each_name((scope, scope), |_, elder, row| {
        if row.says_anything && row.is_merged {
            absorbed += u64::from(group(tables, scope, elder)?.survivor != elder);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(counts.elders.saturating_sub(absorbed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merges(pairs: &[(u8, u8)]) -> BTreeMap<ElderId, BTreeSet<ElderId>> {
        let mut merges: BTreeMap<ElderId, BTreeSet<ElderId>> = BTreeMap::new();
        for (from, into) in pairs {
            merges.entry(ElderId([*into; 16])).or_default();
            merges.entry(ElderId([*from; 16])).or_default().insert(ElderId([*into; 16]));
        }
        merges
    }

    #[test]
    fn one_file_goes_on_whatever_was_merged_into_what() {
        for (pairs, expected) in [
            (&[(1, 2)][..], 2),
            (&[(2, 1)], 1),
            // Two people decided at once, and not in the same way.
            (&[(1, 2), (2, 1)], 1),
            // Chains end at their ends.
            (&[(1, 2), (2, 3)], 3),
            (&[(3, 2), (2, 1)], 1),
            // One file into two others: they are one person's too.
            (&[(1, 3), (1, 2)], 2),
            // A chain into a circle: what was only ever absorbed does not go on.
            (&[(1, 2), (2, 3), (3, 2)], 2),
            (&[(1, 2), (2, 3), (3, 1)], 1),
        ] {
            assert_eq!(survivor(&merges(pairs)), Some(ElderId([expected; 16])), "{pairs:?}");
        }
        assert_eq!(survivor(&BTreeMap::new()), None);
    }

    #[test]
    fn numbers_are_found_behind_spaces_and_wide_digits() {
        let id = "99012119420315008X";
        for text in [
            id,
            "990121 19420315 008x",
            "９９０１２１１９４２０３１５００８Ｘ",
            "990121-19420315-008X",
        ] {
            assert_eq!(super::super::resident_id_in(text).unwrap().as_str(), id, "{text}");
        }
        assert!(super::super::resident_id_in("不详").is_none());
        assert!(super::super::resident_id_in("990121194203150089").is_none());
    }
}
