//! Why a file is or is not here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::engine::Engine;
use crate::gathered::Erased;
use crate::index::merged;
use crate::limits::EXPLAINED_FILES_MAX;
use crate::store::erasures::ErasureRead;
use crate::store::moves::{Custody, MovesRead};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks why files are or are not here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explain {
    /// The first characters of their ids, in hexadecimal; at least four.
    pub elder: String,
}

/// Why files are or are not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Every trace here of files whose ids begin so, at most [`EXPLAINED_FILES_MAX`].
    pub files: Vec<FileTrace>,
    /// Whether there are more.
    pub more: bool,
    /// This device's area: of what lies outside it nothing is ever here.
    pub area: DivisionCode,
}

/// What is here of a file in one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileTrace {
    /// Whose.
    pub elder_id: ElderId,
    /// The scope.
    pub scope: DivisionCode,
    /// Its name, where a directory names it.
    pub scope_name: Option<String>,
    /// How it stands.
    pub state: FileState,
    /// Where it went, or in which file it goes on.
    pub to: Option<String>,
    /// Entries of it that are kept and do not count.
    pub unsettled: u64,
}

/// How it stands with a file in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It is here, and shown.
    Here,
    /// It was merged into another file.
    Merged,
    /// It was handed over to another place.
    MovedAway,
    /// It was carried ahead of a handover that is not here yet.
    Arriving,
    /// One device has signed to erase it: it is hidden until a second one signs.
    Hidden,
    /// It was erased.
    Erased,
    /// Entries of it are kept, and none of them counts: it is not shown.
    SetAside,
}

impl Request for Explain {
    const NAME: &'static str = "explain";
    type Reply = ExplainReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ExplainReport, CommandError> {
        engine.settle(now)?;
        let prefix = self.elder.trim().to_ascii_lowercase();
        let is_id = prefix.len() >= 4 && prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            let error = "no beginning of an id";
            return Err(
                CommandError::new(ErrorKind::Usage, "explain_what", error).with("what", self.elder)
            );
        }
        let mut files = traces(engine, &engine.read()?, &prefix)?;
        let more = files.len() > EXPLAINED_FILES_MAX;
        files.truncate(EXPLAINED_FILES_MAX);
        let area = engine.area().0;
        Ok(ExplainReport { schema_version: JSON_SCHEMA_VERSION, files, more, area })
    }
}

fn traces(
    engine: &Engine,
    snapshot: &Snapshot,
    prefix: &str,
) -> Result<Vec<FileTrace>, StoreError> {
    let area: Area = engine.area();
    let names = places::names(snapshot, area)?;
    let means = |elder: &ElderId| elder.to_string().starts_with(prefix);
    let mut found = Vec::new();
    for (scope, elder) in snapshot.elder_places(area)? {
        if means(&elder) {
            let merged = merged::absorbed_by(snapshot, scope, elder)?;
            let state = if merged.is_some() { FileState::Merged } else { FileState::Here };
            found.push((scope, elder, state, merged.map(|other| other.to_string())));
        }
    }
    for (scope, elder, row) in snapshot.elsewhere_in(area)? {
        if means(&elder) {
            let (state, to) = match row.custody {
                Custody::MovedTo(to) => (FileState::MovedAway, Some(to.to_string())),
                Custody::Here | Custody::Arriving => (FileState::Arriving, None),
            };
            found.push((scope, elder, state, to));
        }
    }
    let mut erasures = snapshot.erasures_all()?;
    erasures.dedup_by_key(|(scope, elder, ..)| (*scope, *elder));
    for (scope, elder, ..) in erasures {
        if means(&elder) && area.contains(scope) {
            let erased = Erased::of(snapshot, engine.authority(), scope, elder)?;
            // A signature that does not count hides nothing.
            if !erased.counts() {
                continue;
            }
            let state = match erased.firsts().any(|first| !first.confirmed_by.is_empty()) {
                true => FileState::Erased,
                false => FileState::Hidden,
            };
            found.retain(|(at, of, ..)| (*at, *of) != (scope, elder));
            found.push((scope, elder, state, None));
        }
    }
    let known: BTreeSet<_> = found.iter().map(|(scope, elder, ..)| (*scope, *elder)).collect();
    let mut aside = BTreeSet::new();
    snapshot.for_each_unsettled(|document, _, _| {
        let here = |(scope, elder): &(DivisionCode, ElderId)| area.contains(*scope) && means(elder);
        aside.extend(document.elder().filter(here));
        Ok(())
    })?;
    for (scope, elder) in aside.difference(&known) {
        found.push((*scope, *elder, FileState::SetAside, None));
    }
    let mut traces = Vec::new();
    for (scope, elder_id, state, to) in found {
        traces.push(FileTrace {
            elder_id,
            scope,
            scope_name: names.get(&scope).cloned(),
            state,
            to,
            unsettled: snapshot.unsettled_of_elder(scope, elder_id)?.len() as u64,
        });
    }
    traces.sort();
    Ok(traces)
}
