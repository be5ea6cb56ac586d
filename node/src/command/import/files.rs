//! Which file a row speaks of.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::element::Supporter;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::ElderView;

use super::plan::elements;
use super::{RowOutcome, rejected};
use crate::command::CommandError;
use crate::engine::Engine;
use crate::index::{self, IndexSecret, merged};
use crate::store::rows::ElderKey;
use crate::store::{Snapshot, StoreRead};

/// The files that are here, to be matched with rows.
pub(super) struct Files<'a> {
    snapshot: &'a Snapshot,
    area: Area,
    secret: IndexSecret,
    /// Where each file is, once a row has named one by its id.
    places: Option<BTreeMap<ElderId, DivisionCode>>,
}

/// Whom a row of a list that is no ledger names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// The file.
    pub file: Option<ElderId>,
    /// A valid resident ID.
    pub resident_id: Option<String>,
    /// 姓名
    pub name: Option<String>,
    /// The village.
    pub scope: Option<DivisionCode>,
}

/// What a row is about.
pub(super) enum Match {
    /// Somebody who has no file here.
    None,
    /// Somebody who has.
    File(DivisionCode, Box<ElderView>),
    /// Nobody who could be told.
    Rejected(RowOutcome),
}

impl<'a> Files<'a> {
    /// The files of the node's area.
    pub(super) fn new(snapshot: &'a Snapshot, engine: &Engine) -> Self {
        let (area, secret) = (engine.area(), *engine.index_secret());
        Self { snapshot, area, secret, places: None }
    }

    /// The file that the row speaks of: by the file's own id where the row has it and it is here;
    /// by resident ID where the row has a valid one; otherwise by name and village, if nothing
    /// contradicts and something else agrees.
    pub(super) fn find(&mut self, row: &LedgerRow) -> Result<Match, CommandError> {
        if !self.area.contains(row.scope) || row.scope.level() < Level::Township {
            return Ok(Match::Rejected(rejected(
                Some("residence_code"),
                "village_outside_area",
                Some(row.scope.to_string()),
            )));
        }
        let elsewhere = |scope: DivisionCode| {
            let scope = Some(scope.to_string());
            Match::Rejected(rejected(Some("residence_code"), "filed_in_another_village", scope))
        };
        if let Some(elder) = row.file
            && let Some(scope) = self.place(elder)?
        {
            return match scope == row.scope {
                true => self.file(scope, elder),
                false => Ok(elsewhere(scope)),
            };
        }
        let Some(name) = row.field(Field::Name) else {
            return Ok(Match::Rejected(rejected(Some("name"), "missing_name", None)));
        };
        if let Some(id) = row.field(Field::ResidentId) {
            let mut filed = self.filed(self.secret.resident_id(id))?;
            filed.sort_by_key(|(scope, _)| *scope != row.scope);
            match filed.first() {
                Some((scope, elder)) if *scope == row.scope => return self.file(*scope, *elder),
                Some((scope, _)) => return Ok(elsewhere(*scope)),
                None => {}
            }
        }
        let mut best: Vec<(u32, Box<ElderView>)> = Vec::new();
        let born: Option<NaiveDate> =
            row.field(Field::BirthDate).and_then(|date| date.parse().ok());
        for (scope, elder) in self.snapshot.elders_by_key(self.secret.name(row.scope, name))? {
            // Most namesakes differ in age, which the index knows without opening a file.
            let known = self.snapshot.elder(scope, elder)?.and_then(|known| known.birth_date);
            let is_absorbed = merged::absorbed_by(self.snapshot, scope, elder)?.is_some();
            if is_absorbed || born.zip(known).is_some_and(|(stated, stands)| stated != stands) {
                continue;
            }
            let view = index::view(self.snapshot, scope, elder)?;
            if let Some(score) = agreement(row, &view) {
                best.push((score, Box::new(view)));
            }
        }
        best.sort_by_key(|(score, view)| (std::cmp::Reverse(*score), view.elder()));
        match best.as_slice() {
            [(one, _), (two, _), ..] if one == two => {
                Ok(Match::Rejected(rejected(Some("name"), "ambiguous_person", None)))
            }
            _ => Ok(best
                .into_iter()
                .next()
                .map_or(Match::None, |(_, view)| Match::File(row.scope, view))),
        }
    }

    /// The file of a person whom a list names: by the file's id, by resident ID, or by name and
    /// village where only one file has both.
    pub(super) fn person(&mut self, person: &Person) -> Result<Match, CommandError> {
        if let Some(elder) = person.file {
            return match self.place(elder)? {
                Some(scope) => self.file(scope, elder),
                None => Ok(Match::None),
            };
        }
        if let Some(id) = &person.resident_id {
            return self.resident(id);
        }
        let (Some(name), Some(scope)) = (&person.name, person.scope) else {
            return Ok(Match::Rejected(rejected(Some("resident_id"), "person_unnamed", None)));
        };
        let named = self.filed(self.secret.name(scope, name))?;
        match named.as_slice() {
            [] => Ok(Match::None),
            [(scope, elder)] => self.file(*scope, *elder),
            _ => Ok(Match::Rejected(rejected(Some("name"), "ambiguous_person", None))),
        }
    }

    /// The file with this resident ID, and no other way to find one.
    pub(super) fn resident(&self, id: &str) -> Result<Match, CommandError> {
        let mut filed = self.filed(self.secret.resident_id(id))?;
        filed.retain(|(scope, _)| self.area.contains(*scope));
        match filed.as_slice() {
            [] => Ok(Match::None),
            [(scope, elder)] => self.file(*scope, *elder),
            _ => Ok(Match::Rejected(rejected(Some("resident_id"), "ambiguous_person", None))),
        }
    }

    /// The files with this key: of those of one person that were merged the one that goes on.
    fn filed(&self, key: ElderKey) -> Result<Vec<(DivisionCode, ElderId)>, CommandError> {
        let mut filed = self.snapshot.elders_by_key(key)?;
        for (scope, elder) in &mut filed {
            *elder = merged::absorbed_by(self.snapshot, *scope, *elder)?.unwrap_or(*elder);
        }
        filed.sort();
        filed.dedup();
        Ok(filed)
    }

    fn place(&mut self, elder: ElderId) -> Result<Option<DivisionCode>, CommandError> {
        if self.places.is_none() {
            let places = self.snapshot.elder_places(self.area)?;
            self.places = Some(places.into_iter().map(|(scope, elder)| (elder, scope)).collect());
        }
        Ok(self.places.as_ref().and_then(|places| places.get(&elder)).copied())
    }

    fn file(&self, scope: DivisionCode, elder: ElderId) -> Result<Match, CommandError> {
        Ok(Match::File(scope, Box::new(index::view(self.snapshot, scope, elder)?)))
    }
}

/// How many facts of a row agree with a file of the same name in the same village. None if some
/// fact contradicts, or if there is nothing to tell two namesakes apart by and one of them is
/// known by number.
fn agreement(row: &LedgerRow, view: &ElderView) -> Option<u32> {
    let both = |field: Field| row.field(field).zip(view.text(field));
    let mut score = 0;
    for field in [Field::ResidentId, Field::BirthDate, Field::Sex] {
        match both(field) {
            Some((stated, stands)) if stated != stands => return None,
            Some(_) if field != Field::Sex => score += 2,
            _ => {}
        }
    }
    for field in [Field::ResidentIdAsWritten, Field::Phone, Field::Address, Field::Hamlet] {
        score += u32::from(both(field).is_some_and(|(stated, stands)| stated == stands));
    }
    // A slip in the number, and the number put right since, whichever came first.
    let slips = [
        row.field(Field::ResidentId).zip(view.text(Field::ResidentIdAsWritten)),
        row.field(Field::ResidentIdAsWritten).zip(view.text(Field::ResidentId)),
    ];
    score +=
        2 * u32::from(slips.into_iter().flatten().any(|(one, two)| differ_by_a_slip(one, two)));
    let names = elements::<Supporter>(Some(view));
    let shared = row
        .supporters
        .iter()
        .any(|stated| names.iter().any(|(_, listed)| listed.element.name == stated.name));
    score += u32::from(shared);
    let told_apart =
        row.field(Field::ResidentId).is_some() || view.text(Field::ResidentId).is_some();
    (score > 0 || !told_apart).then_some(score)
}

/// Whether two numbers differ by at most two characters put in, left out or mistaken: a person's
/// slip, and far less than two people's numbers of the same county differ by, whose birth dates
/// and sequences are not the same.
fn differ_by_a_slip(one: &str, two: &str) -> bool {
    const SLIPS_MAX: usize = 2;
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    if one.len().abs_diff(two.len()) > SLIPS_MAX || one.len().max(two.len()) > 60 {
        return false;
    }
    let mut distances: Vec<usize> = (0..=two.len()).collect();
    for (at, left) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut distances[0], at + 1);
        for (place, right) in two.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = distances[place + 1];
            distances[place + 1] = replaced.min(diagonal + 1).min(distances[place] + 1);
        }
    }
    distances[two.len()] <= SLIPS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_few() {
        let number = "990121195801054295";
        for (other, slip) in [
            ("990121195801054295", true),
            ("99012119580105429", true),
            ("9901211958010542955", true),
            ("990121195801054259", true),
            ("990121195801054291", true),
            ("990121195810164295", false),
            ("990121196501200830", false),
            ("", false),
            ("不详", false),
        ] {
            assert_eq!(differ_by_a_slip(number, other), slip, "{other}");
        }
    }
}
