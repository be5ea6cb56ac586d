//! Elders and visits.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{Element, List, RETRACTS, RosterEvent, Stored};
use shouwang_crdt_schema::field::{Field, Value};
use shouwang_crdt_schema::parts::{DocumentId, Part, PartKind};
use shouwang_crdt_schema::record::{CareGroup, ElderId, EntryReason, RosterStep, Sex};
use shouwang_crdt_schema::rules::age::completed_years;
use shouwang_crdt_schema::view::{ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;

use super::check::{self, Begins, Checks};
use super::clock::checked_civil_time;
use super::conflicts::refuse_in_conflict;
use super::history::{OfNoEffect, of_no_effect};
use super::merge::not_taken_over;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::engine::{DocumentEdit, Engine};
use crate::identity::DeviceId;
use crate::identity::grant::Rights;
use crate::index::{IndexSecret, merged};
use crate::limits::VISITOR_CHARACTERS_MAX;
use crate::store::moves::{Custody, MovesRead};
use crate::store::names::NamesRead;
use crate::store::rows::ElderRow;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for all elders of the node's area, or of one scope in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderList {
    /// Only this place and what lies inside it.
    pub scope: Option<DivisionCode>,
    /// Only files whose name holds this text, or whose resident ID ends in these four characters,
    /// or whose id begins so.
    pub matching: Option<String>,
    /// The day for the care group.
    pub as_of: NaiveDate,
}

/// Elders in the order of scope and id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The elders.
    pub elders: Vec<ElderSummary>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderSummary {
    /// The file.
    pub elder_id: ElderId,
    /// 姓名; None while no card has arrived.
    pub name: Option<String>,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// 性别
    pub sex: Sex,
    /// On the day asked for.
    pub care_group: CareGroup,
    /// Fields in which concurrent values stand.
    pub conflicts: u64,
    /// The day of the last completed visit.
    pub last_visit: Option<NaiveDate>,
}

/// Asks for one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderShow {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The day for what is computed.
    pub as_of: NaiveDate,
    /// Show the resident ID whole instead of its last four.
    pub show_resident_id: bool,
}

/// One file as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The summary.
    pub summary: ElderSummary,
    /// Completed years on the day asked for.
    pub age: Option<u32>,
    /// Single-valued fields that have a value, in the order in which a file shows them.
    pub fields: Vec<FieldReport>,
    /// Every field of every part, and every key of an element, in which concurrent values stand.
    pub conflicts: Vec<ConflictReport>,
    /// List → elements as stored, each a map of key to text (a plain text stands under `value`).
    pub lists: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// Visits, the newest first, those too that were recorded in files merged into this one.
    pub visits: Vec<VisitReport>,
    /// What is kept and takes no effect: without the right, taken back, or not for the part to say.
    #[serde(default)]
    pub of_no_effect: Vec<OfNoEffect>,
    /// The file in which the person's goes on, if this one was merged into another.
    #[serde(default)]
    pub merged_into: Option<ElderId>,
    /// The files that were merged into this one.
    #[serde(default)]
    pub merged_from: Vec<ElderId>,
    /// List → elements of files merged into this one that it does not have: written since, or by
    /// somebody who had not heard of the merge.
    #[serde(default)]
    pub not_taken_over: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    /// Entries for this file that are kept and do not count, by reason.
    pub unsettled: BTreeMap<String, u64>,
}

/// A field of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldReport {
    /// Which.
    pub field: Field,
    /// The effective value as stored.
    pub value: String,
    /// The part it stands in.
    pub part: String,
    /// Values written concurrently that do not take effect.
    pub conflict: Vec<String>,
    /// Parts that say something else, and what.
    pub differs: BTreeMap<String, String>,
    /// Files of the same person that say something else, and what.
    #[serde(default)]
    pub elsewhere: BTreeMap<ElderId, String>,
    /// The file that it stands in, where that is one merged into this.
    #[serde(default)]
    pub file: Option<ElderId>,
}

/// Concurrent values in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictReport {
    /// The part.
    pub part: String,
    /// The field's key, or `list/key` for a key of an element.
    pub field: String,
    /// The value that takes effect in that part.
    pub effective: String,
    /// The values that do not.
    pub others: Vec<String>,
}

/// A visit and who recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitReport {
    /// The operation that recorded it.
    pub id: String,
    /// The file it was recorded in.
    pub elder_id: ElderId,
    /// The device that signed it, where its log is here.
    pub recorded_by: Option<DeviceId>,
    /// What was recorded.
    pub visit: Visit,
}

/// Opens a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderAdd {
    /// The village; may be left out where the area is one village.
    pub scope: Option<DivisionCode>,
    /// Fields and texts; `name` must be there.
    pub fields: BTreeMap<Field, String>,
    /// How the elder comes onto the roster with it; None for a file alone.
    #[serde(default)]
    pub entry: Option<RosterEntry>,
}

/// How an elder comes onto the roster 名册.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Why.
    pub reason: EntryReason,
    /// From which day.
    pub date: NaiveDate,
    /// Free text.
    pub note: Option<String>,
}

/// Writes fields of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderSet {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// Fields and texts.
    pub fields: BTreeMap<Field, String>,
    /// Write into the highest part that the field and this device's rights allow, rather than the
    /// lowest: a county certifies, a township sets.
    pub certified: bool,
}

/// What was saved. It is on the disk when this is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// Entries written; 0 if nothing was different.
    pub entries: u64,
    /// What is doubtful in it and was saved all the same: [`super::check::FLAGS`].
    #[serde(default)]
    pub flags: Vec<String>,
}

/// Records a visit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VisitAdd {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The visit.
    pub visit: Visit,
}

/// Asks for visits, of one elder or of the whole area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VisitList {
    /// The id, or the first characters of it that are enough.
    pub elder: Option<String>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// Visits, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The visits.
    pub visits: Vec<VisitReport>,
}

impl Request for ElderList {
    const NAME: &'static str = "elder_list";
    type Reply = ElderListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ElderListReport, CommandError> {
        engine.settle(now)?;
        let within = within(engine, self.scope)?;
        let (snapshot, secret) = (engine.read()?, engine.index_secret());
        let elders = match &self.matching {
            None => merged::people(&snapshot, secret, within)?,
            Some(text) => matching(&snapshot, secret, within, text)?,
        };
        let summary =
            |(scope, elder, row): (_, _, ElderRow)| summary(scope, elder, &row, self.as_of);
        let elders = elders.into_iter().map(summary).collect();
        Ok(ElderListReport { schema_version: JSON_SCHEMA_VERSION, elders })
    }
}

impl Request for ElderShow {
    const NAME: &'static str = "elder_show";
    type Reply = ElderReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ElderReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let own = snapshot.elder(scope, elder)?.unwrap_or_else(ElderRow::empty);
        let merged_into = merged::absorbed_by(&snapshot, scope, elder)?;
        let row = match own.is_merged() && merged_into.is_none() {
            true => merged::person(&snapshot, engine.index_secret(), scope, elder)?.unwrap_or(own),
            false => own,
        };
        let view = merged::joined(&snapshot, scope, elder)?;
        let mut unsettled: BTreeMap<String, u64> = BTreeMap::new();
        for row in snapshot.unsettled_of_elder(scope, elder)? {
            *unsettled.entry(row.standing.code()).or_default() += 1;
        }
        let fields = Field::ALL
            .iter()
            .filter_map(|field| {
                let resolved = view.field(*field)?;
                let shown = |value: &Value| show(*field, value, self.show_resident_id);
                let part = |part: Part| part.to_string();
                Some(FieldReport {
                    field: *field,
                    value: shown(resolved.value),
                    part: part(resolved.part),
                    conflict: resolved.conflict.iter().map(shown).collect(),
                    differs: resolved
                        .differs
                        .iter()
                        .map(|(other, value)| (part(*other), shown(value)))
                        .collect(),
                    elsewhere: resolved
                        .elsewhere
                        .iter()
                        .map(|(file, value)| (*file, shown(value)))
                        .collect(),
                    file: Some(resolved.file).filter(|file| *file != elder),
                })
            })
            .collect();
        Ok(ElderReport {
            schema_version: JSON_SCHEMA_VERSION,
            summary: summary(scope, elder, &row, self.as_of),
            age: row.birth_date.and_then(|born| completed_years(born, self.as_of)),
            fields,
            conflicts: conflicts(&view, self.show_resident_id),
            lists: lists(&view),
            visits: visits(&Authors::of(&snapshot, scope)?, &view),
            of_no_effect: of_no_effect(&snapshot, engine, &view, scope)?,
            merged_into,
            merged_from: view.joined().iter().map(ElderView::elder).collect(),
            not_taken_over: not_taken_over(&view),
            unsettled,
        })
    }
}

impl Request for ElderAdd {
    const NAME: &'static str = "elder_add";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        let area = engine.area();
        let scope = match self.scope {
            Some(scope) if area.contains(scope) => scope,
            Some(scope) => return Err(outside_area(scope)),
            None if area.0.level() == Level::Village => area.0,
            None => {
                return Err(CommandError::new(
                    ErrorKind::Usage,
                    "village_needed",
                    "say which village the elder lives in",
                ));
            }
        };
        if scope.level() < Level::Township {
            return Err(outside_area(scope));
        }
        if !self.fields.contains_key(&Field::Name) {
            return Err(CommandError::new(ErrorKind::Usage, "name_needed", "a file needs a name"));
        }
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let mut checks = Checks::begin(engine, now)?;
        checks.residence(engine, &snapshot, Field::ResidenceCode.spec().key, scope)?;
        let mut fields = self.fields;
        fields.entry(Field::ResidenceCode).or_insert_with(|| scope.to_string());
        let values = values(&fields)?;
        checks.fields(engine, &snapshot, values.iter().map(|(field, value)| (*field, value)))?;
        let mut edits = field_edits(engine, values, false)?;
        if let Some(entry) = self.entry {
            let born = fields.get(&Field::BirthDate).and_then(|text| text.parse().ok());
            let event = RosterEvent {
                step: RosterStep::Entered,
                date: entry.date,
                entry_reason: Some(entry.reason),
                exit_reason: None,
                note: entry.note,
            };
            let stored = event.store();
            checks.element(List::RosterEvents, &stored, Begins { born, entered: None })?;
            edits.push(Edit::insert(Part::Card, &event));
        }
        let elder = engine.new_elder_id();
        save(engine, now, scope, elder, edits, checks)
    }
}

impl Request for ElderSet {
    const NAME: &'static str = "elder_set";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let mut checks = Checks::begin(engine, now)?;
        let values = values(&self.fields)?;
        checks.fields(engine, &snapshot, values.iter().map(|(field, value)| (*field, value)))?;
        let rights = engine.grant().rights;
        for field in self.fields.keys() {
            let Some(part) = part_for(*field, rights, self.certified) else { continue };
            let key = field.spec().key;
            refuse_in_conflict(&snapshot, scope, elder, (part, key, None))?;
        }
        let edits = field_edits(engine, values, self.certified)?;
        save(engine, now, scope, elder, edits, checks)
    }
}

impl Request for VisitAdd {
    const NAME: &'static str = "visit_add";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let visitor = self.visit.visitor.as_deref().unwrap_or_default();
        check::text("visits/visitor", visitor, VISITOR_CHARACTERS_MAX)?;
        let mut checks = Checks::begin(engine, now)?;
        let card = check::card(&snapshot, scope, elder)?;
        checks.element(List::Visits, &self.visit.store(), Begins::of(card.as_ref()))?;
        let edit = Edit::insert(journal(self.visit.date), &self.visit);
        save(engine, now, scope, elder, vec![edit], checks)
    }
}

impl Request for VisitList {
    const NAME: &'static str = "visit_list";
    type Reply = VisitListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<VisitListReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let files = match &self.elder {
            Some(elder) => vec![find(&snapshot, engine.area(), elder)?],
            None => merged::people(&snapshot, engine.index_secret(), engine.area())?
                .into_iter()
                .map(|(scope, elder, _)| (scope, elder))
                .collect(),
        };
        let mut found = Vec::new();
        let mut authors: BTreeMap<DivisionCode, Authors> = BTreeMap::new();
        for (scope, elder) in files {
            if let Entry::Vacant(place) = authors.entry(scope) {
                place.insert(Authors::of(&snapshot, scope)?);
            }
            let view = merged::joined(&snapshot, scope, elder)?;
            found.extend(authors.get(&scope).map(|of| visits(of, &view)).unwrap_or_default());
        }
        found.retain(|report| {
            self.from.is_none_or(|from| report.visit.date >= from)
                && self.to.is_none_or(|to| report.visit.date <= to)
        });
        found.sort_by(newest_first);
        Ok(VisitListReport { schema_version: JSON_SCHEMA_VERSION, visits: found })
    }
}

/// What a request is about: the place that it names, which must be in the node's area, or all of it.
pub(super) fn within(engine: &Engine, scope: Option<DivisionCode>) -> Result<Area, CommandError> {
    let area = engine.area();
    match scope {
        Some(scope) if area.contains(scope) => Ok(Area(scope)),
        Some(scope) => Err(outside_area(scope)),
        None => Ok(area),
    }
}

/// The people of an area whose name holds a text, or whose resident ID ends in it, or whose id begins
/// so. Rows are read of these alone, and of people whose files were merged.
fn matching(
    snapshot: &Snapshot,
    secret: &IndexSecret,
    within: Area,
    text: &str,
) -> Result<Vec<(DivisionCode, ElderId, ElderRow)>, StoreError> {
    let text = text.trim();
    let id = text.to_ascii_lowercase();
    let may_be_id = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let may_be_initials = id.len() >= 2 && id.bytes().all(|byte| byte.is_ascii_lowercase());
    let may_be_house = text.chars().any(|c| c.is_ascii_digit());
    let fits =
        |elder: &ElderId, name: Option<&String>, tail: Option<&String>, house: Option<&String>| {
            name.is_some_and(|name| name.contains(text))
                || tail.is_some_and(|tail| tail.eq_ignore_ascii_case(text))
                || (may_be_id && elder.to_string().starts_with(&id))
                || (may_be_initials && name.is_some_and(|name| has_initials(name, &id)))
                || (may_be_house && house.is_some_and(|house| is_at(house, text)))
        };
    let mut found = Vec::new();
    snapshot.each_name(within.0.range(), |scope, elder, row| {
        if !row.says_anything {
            return Ok(());
        }
        let row = match row.is_merged {
            true => merged::person(snapshot, secret, scope, elder)?.filter(|row| {
                fits(&elder, row.name.as_ref(), row.id_tail.as_ref(), row.house.as_ref())
            }),
            false if fits(&elder, row.name.as_ref(), row.id_tail.as_ref(), row.house.as_ref()) => {
                snapshot.elder(scope, elder)?
            }
            false => None,
        };
        found.extend(row.map(|row| (scope, elder, row)));
        Ok::<_, StoreError>(())
    })?;
    Ok(found)
}

/// Whether the pinyin of a name begins with these letters, one a character. Characters that are read in several ways
/// count in each.
fn has_initials(name: &str, letters: &str) -> bool {
    use pinyin::ToPinyinMulti;
    let characters: Vec<char> = name.chars().filter(|c| !c.is_whitespace()).collect();
    letters.len() <= characters.len()
        && letters.chars().zip(characters).all(|(letter, character)| {
            let readings = character.to_pinyin_multi();
            let read = readings.is_some_and(|readings| {
                readings.into_iter().any(|reading| reading.plain().starts_with(letter))
            });
            read || character.eq_ignore_ascii_case(&letter)
        })
}

/// Whether a house is where somebody says: a number alone is a whole number in it, anything else a part of it.
fn is_at(house: &str, text: &str) -> bool {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => house.split(|c: char| !c.is_ascii_digit()).any(|number| number == text),
        false => house.contains(text),
    }
}

/// The one file whose id begins like this.
pub(super) fn find(
    snapshot: &Snapshot,
    area: Area,
    prefix: &str,
) -> Result<(DivisionCode, ElderId), CommandError> {
    let prefix = prefix.trim().to_ascii_lowercase();
    // Whoever has the whole id is spared a look at everybody's.
    if let Ok(elder) = prefix.parse::<ElderId>() {
        for (scope, _) in snapshot.scopes_in(area)? {
            if snapshot.elder(scope, elder)?.is_some() {
                return Ok((scope, elder));
            }
        }
    }
    let mut found: Vec<(DivisionCode, ElderId)> = snapshot
        .elder_places(area)?
        .into_iter()
        .filter(|(_, elder)| !prefix.is_empty() && elder.to_string().starts_with(&prefix))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(place), true) => Ok(place),
        (Some(_), false) => Err(CommandError::new(
            ErrorKind::Usage,
            "elder_ambiguous",
            "several files begin like this",
        )
        .with("elder", prefix)),
        (None, _) => {
            for (_, elder, row) in snapshot.elsewhere_in(area)? {
                if let Custody::MovedTo(to) = row.custody
                    && !prefix.is_empty()
                    && elder.to_string().starts_with(&prefix)
                {
                    let place = places::names(snapshot, area)?.remove(&to);
                    let to = place.map_or_else(|| to.to_string(), |name| format!("{name} {to}"));
                    return Err(CommandError::new(
                        ErrorKind::Refused,
                        "moved_away",
                        "the file has been handed over",
                    )
                    .with("elder", prefix)
                    .with("to", to)
                    .with("date", row.written_at_ms.map(civil_day).unwrap_or_else(|| "?".into())));
                }
            }
            Err(CommandError::new(ErrorKind::NotFound, "elder_unknown", "no file begins like this")
                .with("elder", prefix))
        }
    }
}

/// The journal of a day that was checked.
pub(super) fn journal(date: NaiveDate) -> Part {
    Part::Journal(u16::try_from(date.year()).unwrap_or_default())
}

/// The day of a moment in China's civil time, UTC+8.
fn civil_day(at_ms: i64) -> String {
    checked_civil_time(at_ms).map_or_else(|| "?".into(), |at| at.date().to_string())
}

/// Writes edits of one file: one change for each part.
pub(super) fn save(
    engine: &mut Engine,
    now: Now,
    scope: DivisionCode,
    elder: ElderId,
    edits: Vec<Edit>,
    checks: Checks,
) -> Result<Saved, CommandError> {
    if let Some(other) = merged::absorbed_by(&engine.read()?, scope, elder)? {
        let error = "the file was merged into another";
        return Err(CommandError::new(ErrorKind::Refused, "merged_elsewhere", error)
            .with("elder", elder)
            .with("other", other));
    }
    let entries = engine.capture(now, &by_document(scope, elder, edits))?;
    let flags = checks.into_flags();
    Ok(Saved { schema_version: JSON_SCHEMA_VERSION, elder_id: elder, entries, flags })
}

/// Edits of a file gathered by document.
pub(super) fn by_document(
    scope: DivisionCode,
    elder: ElderId,
    edits: Vec<Edit>,
) -> Vec<DocumentEdit> {
    let mut parts: BTreeMap<Part, Vec<Action>> = BTreeMap::new();
    for edit in edits {
        parts.entry(edit.part).or_default().push(edit.action);
    }
    let edit =
        |(part, actions)| DocumentEdit { scope, document: DocumentId::elder(elder, part), actions };
    parts.into_iter().map(edit).collect()
}

/// Texts as what may stand in their fields.
fn values(fields: &BTreeMap<Field, String>) -> Result<Vec<(Field, Value)>, CommandError> {
    let value = |(field, text): (&Field, &String)| match field.value(text) {
        Ok(value) => Ok((*field, value)),
        Err(error) => Err(CommandError::from(&error)),
    };
    fields.iter().map(value).collect()
}

fn field_edits(
    engine: &Engine,
    values: Vec<(Field, Value)>,
    certified: bool,
) -> Result<Vec<Edit>, CommandError> {
    let edit = |(field, value): (Field, Value)| {
        let grant = engine.grant();
        let part = part_for(field, grant.rights, certified)
            .filter(|_| field.spec().writers.meets(grant.writers()))
            .ok_or_else(|| {
                CommandError::new(
                    ErrorKind::Refused,
                    "no_right_for_field",
                    "no right to this field",
                )
                .with("field", field)
            })?;
        Ok(Edit::set(part, field, value))
    };
    values.into_iter().map(edit).collect()
}

/// The part that a field is written into: the lowest that the rights allow, or the highest where
/// the writer certifies.
pub(super) fn part_for(field: Field, rights: Rights, certified: bool) -> Option<Part> {
    let mut allowed =
        field.spec().parts.iter().filter(|kind| rights.contains(Rights::write(**kind))).filter_map(
            |kind| match kind {
                PartKind::Card => Some(Part::Card),
                PartKind::Ledger => Some(Part::Ledger),
                PartKind::Registry => Some(Part::Registry),
                PartKind::Journal | PartKind::Incident | PartKind::Transfer => None,
            },
        );
    if certified { allowed.next() } else { allowed.next_back() }
}

fn summary(scope: DivisionCode, elder: ElderId, row: &ElderRow, as_of: NaiveDate) -> ElderSummary {
    ElderSummary {
        elder_id: elder,
        name: row.name.clone(),
        scope,
        birth_date: row.birth_date,
        sex: row.sex,
        care_group: row.care_group(as_of),
        conflicts: row.conflict_count(),
        last_visit: row.last_visits.values().max().copied(),
    }
}

/// A value as it may be shown: resident IDs with their last four, unless they are asked for whole.
pub(super) fn show(field: Field, value: &Value, whole: bool) -> String {
    match field {
        Field::ResidentId | Field::ResidentIdAsWritten if !whole => mask(value.as_str()),
        _ => value.as_str().to_owned(),
    }
}

/// A number with its last four.
pub(super) fn mask(text: &str) -> String {
    let length = text.chars().count();
    let tail = text.chars().skip(length.saturating_sub(4));
    std::iter::repeat_n('*', length.saturating_sub(4)).chain(tail).collect()
}

fn conflicts(view: &ElderView, whole: bool) -> Vec<ConflictReport> {
    let masked = |field: &str, text: String| match Field::from_key(field) {
        Some(field) => field.value(&text).map_or(text, |value| show(field, &value, whole)),
        None => text,
    };
    view.conflicts()
        .into_iter()
        .map(|conflict| ConflictReport {
            part: conflict.part.to_string(),
            effective: masked(&conflict.field, conflict.effective),
            others: conflict.others.into_iter().map(|o| masked(&conflict.field, o)).collect(),
            field: conflict.field,
        })
        .collect()
}

fn lists(view: &ElderView) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut lists: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for (list, stored) in
        view.parts().flat_map(PartView::stored).filter(|(l, _)| *l != List::Visits)
    {
        let mut element = match &stored.element {
            Stored::Text(text) => BTreeMap::from([("value".to_owned(), text.clone())]),
            // What it takes back is marked.
            Stored::Map(entries) if entries.contains_key(RETRACTS) => continue,
            Stored::Map(entries) => entries.clone(),
        };
        if stored.retracted_by.is_some() {
            element.insert("retracted".to_owned(), "true".to_owned());
        }
        lists.entry(list.key().to_owned()).or_default().push(element);
    }
    lists
}

/// The devices whose logs stand in a scope, or were carried into it, by the actors that write in them.
pub(super) struct Authors(BTreeMap<[u8; 8], DeviceId>);

impl Authors {
    pub(super) fn of(snapshot: &Snapshot, scope: DivisionCode) -> Result<Self, StoreError> {
        let native = snapshot.logs_of(scope)?.into_iter();
        let native = native.map(|log| (log.key.actor_prefix(), log.key.device));
        let carried = snapshot.authors_of(scope)?.into_iter();
        let carried = carried.map(|(prefix, log)| (prefix, log.device));
        Ok(Self(carried.chain(native).collect()))
    }

    pub(super) fn device(&self, element: &OperationName) -> Option<DeviceId> {
        self.0.get(&element.actor_prefix()?).copied()
    }
}

fn visits(authors: &Authors, view: &ElderView) -> Vec<VisitReport> {
    let report = |file: ElderId, listed: Listed<Visit>| VisitReport {
        recorded_by: authors.device(&listed.id),
        id: listed.id.as_str().to_owned(),
        elder_id: file,
        visit: listed.element,
    };
    let mut found: Vec<VisitReport> = view
        .files()
        .flat_map(|file| {
            let visits = file.own_elements::<Visit>().into_iter();
            visits.map(|(_, listed)| report(file.elder(), listed))
        })
        .collect();
    found.sort_by(newest_first);
    found
}

fn newest_first(one: &VisitReport, two: &VisitReport) -> std::cmp::Ordering {
    (two.visit.date, two.visit.time, &two.id).cmp(&(one.visit.date, one.visit.time, &one.id))
}

pub(super) fn outside_area(scope: DivisionCode) -> CommandError {
    CommandError::new(ErrorKind::Refused, "outside_area", "the place is not in this device's area")
        .with("scope", scope)
}
