//! Files that may be one person's: found by the secondary keys, which never leave the store.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;

use super::{KeyKind, merged};
use crate::store::rows::{ElderKey, ElderRow};
use crate::store::{StoreError, StoreRead};

/// Why files may be one person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// One resident ID, as it is or once spaces and wide digits are put right.
    SameId,
    /// One name and one birth date in one village, and no two different resident IDs.
    SameNameAndBirthDate,
}

/// Files that may be one person's, in the order of scope and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// Why.
    pub likeness: Likeness,
    /// The files.
    pub files: Vec<(DivisionCode, ElderId, ElderRow)>,
}

type File = (DivisionCode, ElderId, ElderRow);

/// The files of an area that may be one person's and have not been merged.
pub fn find(tables: &impl StoreRead, area: Area) -> Result<Vec<Alike>, StoreError> {
    let mut found = Vec::new();
    let mut known: BTreeSet<Vec<(DivisionCode, ElderId)>> = BTreeSet::new();
    for kind in [KeyKind::ResidentId, KeyKind::Name] {
        for places in tables.places_of_shared_keys(kind as u8)? {
            let files = shown(tables, area, places)?;
            let groups = match kind {
                KeyKind::ResidentId | KeyKind::AsWritten => vec![(Likeness::SameId, files)],
                KeyKind::Name => by_birth_date(files),
            };
            for (likeness, files) in groups {
                let places = files.iter().map(|(scope, elder, _)| (*scope, *elder)).collect();
                if files.len() > 1 && known.insert(places) {
                    found.push(Alike { likeness, files });
                }
            }
        }
    }
    found.sort_by_key(|alike| {
        (alike.likeness, alike.files.first().map(|(scope, elder, _)| (*scope, *elder)))
    });
    Ok(found)
}

/// Those of some files that stand for a person.
fn shown(
    tables: &impl StoreRead,
    area: Area,
    places: Vec<(DivisionCode, ElderId)>,
) -> Result<Vec<File>, StoreError> {
    let mut found = BTreeMap::new();
    for (scope, elder) in places.into_iter().filter(|(scope, _)| area.contains(*scope)) {
        // The number of a file that was merged into another is the other's too.
        let elder = merged::absorbed_by(tables, scope, elder)?.unwrap_or(elder);
        if let Some(row) = tables.elder(scope, elder)?.filter(ElderRow::says_anything) {
            found.insert((scope, elder), row);
        }
    }
    Ok(found.into_iter().map(|((scope, elder), row)| (scope, elder, row)).collect())
}

/// Namesakes of one birth date that no number tells apart.
fn by_birth_date(files: Vec<File>) -> Vec<(Likeness, Vec<File>)> {
    let mut groups: BTreeMap<_, Vec<File>> = BTreeMap::new();
    for file in files {
        if let Some(born) = file.2.birth_date {
            groups.entry(born).or_default().push(file);
        }
    }
    let alike = |one: &File, other: &File| {
        let (one, other) = (numbers(&one.2), numbers(&other.2));
        one.is_empty() || other.is_empty() || one.intersection(&other).next().is_some()
    };
    groups
        .into_values()
        .map(|group| {
            let has_partner =
                |file: &&File| group.iter().any(|other| other.1 != file.1 && alike(file, other));
            let files = group.iter().filter(has_partner).cloned().collect();
            (Likeness::SameNameAndBirthDate, files)
        })
        .collect()
}

fn numbers(row: &ElderRow) -> BTreeSet<ElderKey> {
    row.keys.iter().filter(|key| key.0[0] == KeyKind::ResidentId as u8).copied().collect()
}
