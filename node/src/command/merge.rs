//! Joining two files of one person (`docs/conflicts.md`, merging).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::Listed;
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{Growth, List, Merge, RosterEvent, Stored};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{ElderId, ExitReason, MergeStep, RosterStep};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::view::{ElderView, PartView};

use super::conflicts::{masked, texts};
use super::elder::{by_document, find};
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::grant::{Grant, Rights};
use crate::index::{self, merged};
use crate::store::Snapshot;
use crate::sync::Now;

/// Joins two files of one village: the first goes on, the other is shown with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderMerge {
    /// The file that goes on: the id, or the first characters of it that are enough.
    pub keep: String,
    /// The other.
    pub other: String,
    /// The day.
    pub date: NaiveDate,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// What joining two files comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file that goes on.
    pub keep: ElderId,
    /// The other.
    pub other: ElderId,
    /// Their village.
    pub scope: DivisionCode,
    /// 姓名 in the one and in the other.
    pub names: [Option<String>; 2],
    /// Whether they were merged before, so that only what the other has since is copied.
    pub again: bool,
    /// What the file that goes on gets from the other.
    pub copied: Vec<MergeItem>,
    /// What the two say differently: the file that goes on keeps its own, and shows the other's
    /// beside it.
    pub differs: Vec<MergeDifference>,
    /// What this device may not copy: it is shown with the file all the same.
    pub not_copied: Vec<MergeItem>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Entries written.
    pub entries: u64,
}

/// Whether two files may be one person's: what tells people apart does not contradict itself twice,
/// and the roster says the same of both, so that no death or other exit goes out of sight.
fn check_one_person(
    kept: &ElderView,
    joined: &ElderView,
    date: NaiveDate,
) -> Result<(), CommandError> {
    const TELLING: [Field; 4] = [Field::Name, Field::Sex, Field::BirthDate, Field::ResidentId];
    let differ = |field: &Field| {
        let known = |view: &ElderView| {
            view.text(*field).filter(|text| *text != "Unknown").map(str::to_owned)
        };
        known(kept).zip(known(joined)).is_some_and(|(one, two)| one != two)
    };
    if TELLING.iter().filter(|field| differ(field)).count() >= 2 {
        let error = "the files contradict one another in what tells people apart";
        return Err(CommandError::new(ErrorKind::Refused, "merge_contradicts", error));
    }
    let is_owed = |view: &ElderView| ElderFacts::of(view).roster().on(date).is_owed_visits();
    if is_owed(kept) != is_owed(joined) {
        let error = "one of the files has left the roster and the other has not";
        return Err(CommandError::new(ErrorKind::Refused, "merge_roster", error));
    }
    Ok(())
}

/// A value or an element of the other file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeItem {
    /// The part.
    pub part: String,
    /// The field's key, the list's key, or `list/key`.
    pub field: String,
    /// What it says; a single value stands under `value`. Resident IDs show their last four.
    pub says: BTreeMap<String, String>,
}

/// What two files say differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeDifference {
    /// The part.
    pub part: String,
    /// The field's key, or `list/key`.
    pub field: String,
    /// What the file that goes on says.
    pub keep: String,
    /// What the other says.
    pub other: String,
}

impl Request for ElderMerge {
    const NAME: &'static str = "elder_merge";
    type Reply = MergeReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<MergeReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, keep) = find(&snapshot, engine.area(), &self.keep)?;
        let (elsewhere, other) = find(&snapshot, engine.area(), &self.other)?;
        if keep == other {
            let error = "a file cannot be merged with itself";
            return Err(CommandError::new(ErrorKind::Usage, "merge_same", error));
        }
        if scope != elsewhere {
            let error = "the files lie in different villages";
            return Err(CommandError::new(ErrorKind::Refused, "merge_across_villages", error)
                .with("elder", other)
                .with("scope", scope));
        }
        let again = is_merged(&snapshot, scope, keep, other)?;
        let views = [index::view(&snapshot, scope, keep)?, index::view(&snapshot, scope, other)?];
        let [kept, joined] = &views;
        if !again {
            check_one_person(kept, joined, self.date)?;
        }
        let mut plan = Plan::new(engine.grant());
        for part in joined.parts() {
            plan.take_over(kept, part);
        }
        let Plan { edits, copied, differs, not_copied, .. } = plan;
        let mut documents = by_document(scope, keep, edits);
        if !again {
            documents.extend(by_document(
                scope,
                keep,
                vec![self.merges(MergeStep::Absorbed, other)],
            ));
            let exit = RosterEvent {
                step: RosterStep::Left,
                date: self.date,
                entry_reason: None,
                exit_reason: Some(ExitReason::EnteredInError),
                note: None,
            };
            let leaves =
                vec![self.merges(MergeStep::AbsorbedBy, keep), Edit::insert(Part::Card, &exit)];
            documents.extend(by_document(scope, other, leaves));
        }
        let entries = match self.dry_run {
            true => 0,
            false => engine.capture(now, &documents)?,
        };
        Ok(MergeReport {
            schema_version: JSON_SCHEMA_VERSION,
            keep,
            other,
            scope,
            names: [kept, joined].map(|view| view.text(Field::Name).map(str::to_owned)),
            again,
            copied,
            differs,
            not_copied,
            dry_run: self.dry_run,
            entries,
        })
    }
}

impl ElderMerge {
    fn merges(&self, step: MergeStep, other: ElderId) -> Edit {
        let merge = Merge { step, other, date: Some(self.date), note: None };
        Edit::insert(Part::Card, &merge)
    }
}

/// Whether the two are merged already, the first being the one that goes on. Neither may have been
/// merged into a third.
fn is_merged(
    snapshot: &Snapshot,
    scope: DivisionCode,
    keep: ElderId,
    other: ElderId,
) -> Result<bool, CommandError> {
    let gone = |elder: ElderId, into: ElderId| {
        let error = "the file was merged into another";
        CommandError::new(ErrorKind::Refused, "merged_elsewhere", error)
            .with("elder", elder)
            .with("other", into)
    };
    if let Some(into) = merged::absorbed_by(snapshot, scope, keep)? {
        return Err(gone(keep, into));
    }
    match merged::absorbed_by(snapshot, scope, other)? {
        Some(into) if into != keep => Err(gone(other, into)),
        into => Ok(into.is_some()),
    }
}

/// What goes from one file into the other.
struct Plan<'a> {
    grant: &'a Grant,
    edits: Vec<Edit>,
    copied: Vec<MergeItem>,
    differs: Vec<MergeDifference>,
    not_copied: Vec<MergeItem>,
}

impl<'a> Plan<'a> {
    fn new(grant: &'a Grant) -> Self {
        let (copied, differs, not_copied) = (Vec::new(), Vec::new(), Vec::new());
        Self { grant, edits: Vec::new(), copied, differs, not_copied }
    }

    /// Takes over what a part of the other file says and the same part of this one does not. Events
    /// are not copied: they are shown and counted where they stand.
    fn take_over(&mut self, keep: &ElderView, other: &PartView) {
        let part = other.part();
        if !matches!(part.kind(), PartKind::Card | PartKind::Ledger | PartKind::Registry) {
            return;
        }
        let own = keep.part(part);
        for field in Field::ALL {
            let Some(stated) = other.field(*field) else { continue };
            let value = &stated.effective;
            let stands = own.and_then(|own| own.field(*field)).map(|own| &own.effective);
            let key = field.spec().key;
            // A number that was put right since is no news.
            let known =
                *field == Field::ResidentIdAsWritten && keep.own_field(Field::ResidentId).is_some();
            match stands {
                _ if field.is_unknown(value) || known || stands == Some(value) => {}
                Some(own) if !field.is_unknown(own) => self.differs.push(MergeDifference {
                    part: part.to_string(),
                    field: key.to_owned(),
                    keep: masked(key, own.as_str()),
                    other: masked(key, value.as_str()),
                }),
                _ => {
                    let says = [("value".to_owned(), masked(key, value.as_str()))].into();
                    let action = Action::Set { field: *field, value: value.clone() };
                    self.copy(part, key, says, action);
                }
            }
        }
        for (list, listed) in other.stored().filter(|(list, _)| list.growth() == Growth::Set) {
            let stands = own.into_iter().flat_map(PartView::stored).filter(|(of, _)| *of == list);
            let same = stands.map(|(_, own)| own).find(|own| is_same(list, own, &listed.element));
            match same {
                Some(own) => self.fill_in(part, list, own, &listed.element),
                None => {
                    let says = texts(&listed.element);
                    let element = listed.element.clone();
                    self.copy(part, list.key(), says, Action::Insert { list, element });
                }
            }
        }
    }

    /// Gives an element what the same one of the other file says and it does not.
    fn fill_in(&mut self, part: Part, list: List, own: &Listed<Stored>, other: &Stored) {
        for (key, text) in other.texts() {
            let field = format!("{}/{key}", list.key());
            match own.element.texts().into_iter().find(|(of, _)| *of == key) {
                Some((_, stands)) if stands == text => {}
                Some((_, stands)) => self.differs.push(MergeDifference {
                    part: part.to_string(),
                    field,
                    keep: stands.to_owned(),
                    other: text.to_owned(),
                }),
                None => {
                    let mut says = texts(&own.element);
                    says.insert(key.to_owned(), text.to_owned());
                    let (element, key) = (own.id.clone(), key.to_owned());
                    let text = Some(text.to_owned());
                    self.copy(part, &field, says, Action::Amend { list, element, key, text });
                }
            }
        }
    }

    fn copy(&mut self, part: Part, field: &str, says: BTreeMap<String, String>, action: Action) {
        let item = MergeItem { part: part.to_string(), field: field.to_owned(), says };
        let allowed = self.grant.rights.contains(Rights::write(part.kind()))
            && action.writers().meets(self.grant.role.writers());
        match allowed {
            true => {
                self.edits.push(Edit { part, action });
                self.copied.push(item);
            }
            false => self.not_copied.push(item),
        }
    }
}

/// Whether two elements of a set are about the same person or thing.
fn is_same(list: List, own: &Listed<Stored>, other: &Stored) -> bool {
    let key = match list {
        List::Members
        | List::Supporters
        | List::Maintainers
        | List::GuardianContacts
        | List::EmergencyContacts => "name",
        List::Pairings => "helper",
        _ => return own.element == *other,
    };
    own.element.text(key).is_some() && own.element.text(key) == other.text(key)
}

/// What of the sets of merged files is not in this one.
pub(super) fn not_taken_over(view: &ElderView) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let own: Vec<(List, &Stored)> = view
        .parts()
        .flat_map(PartView::stored)
        .map(|(list, listed)| (list, &listed.element))
        .collect();
    let mut left: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for (list, listed) in view.joined().iter().flat_map(ElderView::parts).flat_map(PartView::stored)
    {
        if list.growth() == Growth::Set && !own.contains(&(list, &listed.element)) {
            left.entry(list.key().to_owned()).or_default().push(texts(&listed.element));
        }
    }
    left
}
