//! Everything that was ever done to a file, by whom, and whether it counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::automerge::ChangeHash;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::element::{List, RETRACTS, Stored, takes_effect};
use shouwang_crdt_schema::narration::{Deed, Narration};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::{ElderView, PartView};

use super::conflicts::{masked, texts};
use super::elder::find;
use super::told::{Author, Entries, Told};
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::index::merged;
use crate::log::{EntryHash, EntryPlace, Kind};
use crate::store::rows::Unsettled;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for [`ElderHistoryReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderHistory {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
}

/// What was done to a file, in causal order: whatever builds on something comes after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderHistoryReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// The file in which the person's goes on, if this one was merged into another.
    pub merged_into: Option<ElderId>,
    /// Every change of the file and of those merged into it.
    pub changes: Vec<HistoryChange>,
}

/// One change of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryChange {
    /// The entry.
    pub entry: EntryHash,
    /// The file: this one, or one that was merged into it.
    pub elder_id: ElderId,
    /// The part.
    pub part: String,
    /// Who wrote it, and when by that device's clock.
    pub author: Author,
    /// Whether it counts.
    pub counts: bool,
    /// Why it does not count, or why it is to be looked at.
    pub standing: Option<String>,
    /// Who vouched for it after a revocation had cut it off, or carried it here from another village.
    pub carried_by: Vec<Author>,
    /// What it did, in order. Empty where its body is erased, missing, or of a later version.
    pub effects: Vec<Effect>,
}

/// One thing that a change did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What was done.
    pub what: What,
    /// The field's key, the list's key, or `list/key`.
    pub field: String,
    /// The element, where it is about one.
    pub element: Option<OperationName>,
    /// What stood there before: several values where a conflict was decided. Resident IDs show their
    /// last four.
    pub old: Vec<String>,
    /// What stands there then.
    pub new: Option<String>,
    /// What the element says that was put in, taken out or taken back.
    pub says: BTreeMap<String, String>,
}

/// What a change did to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Wrote a field.
    Set,
    /// Took a field's values away.
    Cleared,
    /// Put an element or an event into a list.
    Added,
    /// Wrote a key of an element, or took it away.
    Amended,
    /// Took an element out of a set.
    Removed,
    /// Took an event back.
    Retracted,
    /// Put an event back that had been taken back.
    Restored,
}

impl What {
    /// The name in JSON and in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Cleared => "cleared",
            Self::Added => "added",
            Self::Amended => "amended",
            Self::Removed => "removed",
            Self::Retracted => "retracted",
            Self::Restored => "restored",
        }
    }
}

impl Request for ElderHistory {
    const NAME: &'static str = "elder_history";
    type Reply = ElderHistoryReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ElderHistoryReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let merged_into = merged::absorbed_by(&snapshot, scope, elder)?;
        let files = match merged_into {
            Some(_) => BTreeSet::from([elder]),
            None => merged::group(&snapshot, scope, elder)?.files,
        };
        let changes = changes(&snapshot, engine, scope, &files)?;
        Ok(ElderHistoryReport {
            schema_version: JSON_SCHEMA_VERSION,
            elder_id: elder,
            scope,
            merged_into,
            changes,
        })
    }
}

/// The changes of some files of a scope, in causal order.
pub(super) fn changes(
    snapshot: &Snapshot,
    engine: &Engine,
    scope: DivisionCode,
    files: &BTreeSet<ElderId>,
) -> Result<Vec<HistoryChange>, StoreError> {
    let of_files =
        |document: &DocumentId| document.elder_id().is_some_and(|elder| files.contains(&elder));
    let entries = Entries::read(snapshot, engine.authority(), scope, of_files)?;
    let mut narrations: BTreeMap<DocumentId, Narration> = BTreeMap::new();
    let mut carried: BTreeMap<EntryPlace, Vec<Author>> = BTreeMap::new();
    for told in &entries.0 {
        let narration =
            narrations.entry(told.document).or_insert_with(|| Narration::new(&told.document));
        told.change.as_ref().inspect(|change| narration.hear(change));
        if told.standing.is_none() {
            for original in &told.adopts {
                carried.entry(*original).or_default().push(told.author.clone());
            }
        }
    }
    let change = |told: &Told| {
        let DocumentId::Elder { elder, part } = told.document else { return None };
        let narration = narrations.get(&told.document)?;
        Some(HistoryChange {
            entry: told.place.hash,
            elder_id: elder,
            part: part.to_string(),
            author: told.author.clone(),
            counts: told.counts(),
            standing: told.standing.as_ref().map(|why| why.code()),
            carried_by: carried
                .get(&told.place)
                .into_iter()
                .flatten()
                .chain(told.carrier.as_ref().map(|(_, by)| by))
                .cloned()
                .collect(),
            effects: told.change.as_ref().map_or_else(Vec::new, |change| {
                narration.tell(change).iter().map(|deed| effect(narration, deed)).collect()
            }),
        })
    };
    let told = entries.0.iter().filter(|told| told.kind == Kind::Change).collect();
    Ok(in_causal_order(told).into_iter().filter_map(change).collect())
}

/// Whatever builds on something, and whatever follows in a log, comes after it; what is left open is
/// ordered by the time written, and then by the entry.
fn in_causal_order(told: Vec<&Told>) -> Vec<&Told> {
    let mut by_change: BTreeMap<(DocumentId, ChangeHash), usize> = BTreeMap::new();
    for (at, told) in told.iter().enumerate() {
        if let Some(change) = &told.change {
            by_change.entry((told.document, change.hash())).or_insert(at);
        }
    }
    let mut logs: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, told) in told.iter().enumerate() {
        logs.entry(told.place.log).or_default().push(at);
    }
    let mut after: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); told.len()];
    for (at, one) in told.iter().enumerate() {
        let deps = one.change.iter().flat_map(|change| change.deps());
        let before = deps.filter_map(|dep| by_change.get(&(one.document, *dep)));
        before.filter(|before| **before != at).for_each(|before| {
            after.get_mut(*before).map(|after| after.insert(at));
        });
    }
    for log in logs.values_mut() {
        log.sort_by_key(|at| told.get(*at).map(|told| told.place.seq));
        for pair in log.windows(2) {
            // Branches of one log have entries of the same number.
            let seq = |at: &usize| told.get(*at).map(|told| told.place.seq);
            if let [one, next] = pair
                && seq(one) < seq(next)
            {
                after.get_mut(*one).map(|after| after.insert(*next));
            }
        }
    }
    let mut awaited = vec![0_usize; told.len()];
    for next in after.iter().flatten() {
        if let Some(count) = awaited.get_mut(*next) {
            *count += 1;
        }
    }
    let key = |at: usize| told.get(at).map(|told| (told.author.written_at_ms, told.place, at));
    let ready = awaited.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut ready: BTreeSet<_> = ready.filter_map(|(at, _)| key(at)).collect();
    let mut ordered = Vec::with_capacity(told.len());
    while let Some((_, _, at)) = ready.pop_first() {
        ordered.extend(told.get(at).copied());
        for next in after.get(at).into_iter().flatten() {
            let Some(count) = awaited.get_mut(*next) else { continue };
            *count -= 1;
            ready.extend((*count == 0).then(|| key(*next)).flatten());
        }
    }
    ordered
}

impl Told {
    /// Whether it counts: what is only to be looked at does.
    pub(super) fn counts(&self) -> bool {
        matches!(self.standing, None | Some(Unsettled::Vouched))
    }
}

fn effect(narration: &Narration, deed: &Deed) -> Effect {
    let told = |what, field: String, element: Option<&OperationName>| Effect {
        what,
        field,
        element: element.cloned(),
        old: Vec::new(),
        new: None,
        says: BTreeMap::new(),
    };
    let old = |field: &str, over: &[OperationName]| {
        let mut old: Vec<String> = narration
            .written(over)
            .into_iter()
            .map(|written| masked(field, &written.value))
            .collect();
        old.sort();
        old.dedup();
        old
    };
    let says = |element: &OperationName| {
        narration.element(element).map(|(_, stored)| texts(stored)).unwrap_or_default()
    };
    match deed {
        Deed::Set { field, value, over, .. } => Effect {
            old: old(field, over),
            new: Some(masked(field, value)),
            ..told(What::Set, field.clone(), None)
        },
        Deed::Cleared { field, over } => {
            Effect { old: old(field, over), ..told(What::Cleared, field.clone(), None) }
        }
        Deed::Inserted { list, element, stored } => Effect {
            says: texts(stored),
            ..told(What::Added, list.key().to_owned(), Some(element))
        },
        Deed::Retracted { list, event, .. } => {
            let taken_back = narration
                .element(event)
                .and_then(|(_, stored)| stored.text(RETRACTS).map(str::to_owned));
            match taken_back.map(OperationName::from) {
                Some(again) => Effect {
                    says: says(&again),
                    ..told(What::Restored, list.key().to_owned(), Some(&again))
                },
                None => Effect {
                    says: says(event),
                    ..told(What::Retracted, list.key().to_owned(), Some(event))
                },
            }
        }
        Deed::Amended { list, element, key, value, over } => Effect {
            old: match old("", over) {
                before if before.is_empty() => says(element).remove(key).into_iter().collect(),
                before => before,
            },
            new: value.as_ref().map(|written| written.value.clone()),
            says: says(element),
            ..told(What::Amended, format!("{}/{key}", list.key()), Some(element))
        },
        Deed::Removed { list, element } => Effect {
            says: says(element),
            ..told(What::Removed, list.key().to_owned(), Some(element))
        },
    }
}

/// Something that is kept, shown, and takes no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfNoEffect {
    /// The part.
    pub part: String,
    /// The field's key, the list's key, or `list/key`.
    pub field: String,
    /// What it says; a single value stands under `value`. Resident IDs show their last four.
    pub says: BTreeMap<String, String>,
    /// Why: `retracted`, `takes_no_effect` (the part may not say so), or a code of an entry that does
    /// not count, such as `not_allowed:field`.
    pub why: String,
    /// Who wrote it, where that entry is here.
    pub author: Option<Author>,
    /// Who took it back.
    pub retracted_by: Option<Author>,
}

/// Whatever of a file is kept and takes no effect: values without the right, events that the part
/// may not say, events that were taken back.
pub(super) fn of_no_effect(
    snapshot: &Snapshot,
    engine: &Engine,
    view: &ElderView,
    scope: DivisionCode,
) -> Result<Vec<OfNoEffect>, StoreError> {
    let elder = view.elder();
    let silent = view.parts().flat_map(|part| silent_elements(part).map(move |one| (part, one)));
    let silent: Vec<_> = silent.collect();
    let aside = snapshot.unsettled_of_elder(scope, elder)?;
    if silent.is_empty() && aside.is_empty() {
        return Ok(Vec::new());
    }
    let of_file = |document: &DocumentId| document.elder_id() == Some(elder);
    let entries = Entries::read(snapshot, engine.authority(), scope, of_file)?;
    let mut found = Vec::new();
    for (part, (list, listed, why)) in silent {
        let document = DocumentId::elder(elder, part.part());
        found.push(OfNoEffect {
            part: part.part().to_string(),
            field: list.key().to_owned(),
            says: texts(&listed.element),
            why: why.to_owned(),
            author: entries.author(&document, &listed.id).cloned(),
            retracted_by: listed
                .retracted_by
                .as_ref()
                .and_then(|by| entries.author(&document, by).cloned()),
        });
    }
    for change in changes(snapshot, engine, scope, &BTreeSet::from([elder]))? {
        let no_right = |why: &String| why.starts_with("not_allowed:");
        let Some(why) = change.standing.filter(no_right) else { continue };
        for effect in change.effects {
            let mut says = effect.says;
            says.extend(effect.new.map(|new| ("value".to_owned(), new)));
            found.push(OfNoEffect {
                part: change.part.clone(),
                field: effect.field,
                says,
                why: why.clone(),
                author: Some(change.author.clone()),
                retracted_by: None,
            });
        }
    }
    Ok(found)
}

type Silent<'a> = (List, &'a Listed<Stored>, &'static str);

/// The elements of a part that take no effect, and why.
fn silent_elements(part: &PartView) -> impl Iterator<Item = Silent<'_>> {
    let kind = part.part().kind();
    part.stored().filter_map(move |(list, listed)| {
        if listed.element.text(RETRACTS).is_some() {
            return None;
        }
        match (&listed.retracted_by, takes_effect(list, &listed.element, kind)) {
            (Some(_), _) => Some((list, listed, "retracted")),
            (None, false) => Some((list, listed, "takes_no_effect")),
            (None, true) => None,
        }
    })
}
