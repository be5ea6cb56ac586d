//! What people do: ledgers imported at the township, visits in the villages, and edits of one
//! file at several places at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{Agreement, Review, Stored, Supporter};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::parts::{DocumentId, Part, PartKind};
use shouwang_crdt_schema::record::{
    AgreementEvent, Choice, ElderId, EntryReason, ExitReason, IncidentKind, ReviewOutcome,
    ServiceNeed, SupportCapacity, YesNo,
};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::roster::RosterStanding;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::area::{AreaImport, Place};
use shouwang_node::command::conflicts::ConflictResolve;
use shouwang_node::command::elder::{ElderAdd, ElderSet, VisitAdd};
use shouwang_node::command::import::{Import, RowOutcome};
use shouwang_node::command::incident::{IncidentRaise, IncidentReport};
use shouwang_node::command::record::{FileEvent, Record};
use shouwang_node::command::roster::{RosterChange, RosterWrite};
use shouwang_node::command::undo::Undo;
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::{DocumentEdit, Engine};
use shouwang_node::erasure::ErasureReason;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Rights, Role};
use shouwang_node::index;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::Now;

use crate::areas::Areas;
use crate::check::{Fact, Written, standing};

mod rounds;

use rounds::Round;

/// Fields that people correct on both sides. Their texts are free, so every value written can be
/// told from every other.
const CORRECTED: [Field; 4] = [Field::Phone, Field::Address, Field::Hamlet, Field::Remarks];

/// What a later version writes into a visit.
pub const LATER_KEY: &str = "later";

/// Rows that a clerk imports at once.
const ROWS_PER_IMPORT: usize = 50;

/// People at work. All they do comes from the random numbers they are given.
#[derive(Debug, Default)]
pub struct People {
    /// Tells every visit and every value from every other.
    serial: u64,
    /// Ledgers that are still to be imported, by the place that does it.
    ledgers: BTreeMap<DivisionCode, Vec<LedgerRow>>,
    /// Rows that were imported, with their files.
    imported: BTreeMap<DivisionCode, Vec<(ElderId, LedgerRow)>>,
    /// The root keys of the meshes, each locked away at its county.
    roots: BTreeMap<DivisionCode, DeviceKeys>,
    /// Whom each village has still to visit, and to survey, before it begins anew.
    rounds: BTreeMap<(DivisionCode, Round), Vec<(DivisionCode, ElderId)>>,
}

/// What came of something that somebody did.
#[derive(Debug)]
pub struct Done {
    /// What was reported as saved; or, with an error, what was being saved.
    pub facts: Vec<Fact>,
    /// Why it was not saved.
    pub error: Option<CommandError>,
}

impl Done {
    /// Nothing was done, or nothing that anybody was told is saved.
    pub fn nothing() -> Self {
        Self { facts: Vec::new(), error: None }
    }
}

impl People {
    /// Ledgers of each village's elders lie ready at its township.
    pub fn write_ledgers(
        &mut self,
        areas: &Areas,
        elders: &BTreeMap<DivisionCode, u32>,
        random: &mut ChaCha8Rng,
    ) {
        for (township, villages) in &areas.townships {
            for village in villages {
                for _ in 0..elders.get(village).copied().unwrap_or_default() {
                    let row = self.row(*village, random);
                    self.ledgers.entry(*township).or_default().push(row);
                }
            }
        }
    }

    /// A county locks its root key away.
    pub fn keep_root(&mut self, county: DivisionCode, root: DeviceKeys) {
        self.roots.insert(county, root);
    }

    /// Whether a ledger of this place has still to be imported.
    pub fn has_ledger(&self, place: DivisionCode) -> bool {
        self.ledgers.get(&place).is_some_and(|rows| !rows.is_empty())
    }

    /// Whether some ledger has still to be imported.
    pub fn has_ledgers(&self) -> bool {
        self.ledgers.values().any(|rows| !rows.is_empty())
    }

    fn row(&mut self, village: DivisionCode, random: &mut ChaCha8Rng) -> LedgerRow {
        self.serial += 1;
        let serial = self.serial;
        let mut row = LedgerRow::new(village);
        let born = NaiveDate::from_ymd_opt(
            random.random_range(1930..1962),
            random.random_range(1..=12),
            random.random_range(1..=28),
        )
        .unwrap_or_default();
        let text = |row: &mut LedgerRow, field, text: String| row.fields.insert(field, text);
        text(&mut row, Field::Name, format!("周国强{serial}"));
        text(&mut row, Field::BirthDate, born.to_string());
        text(&mut row, Field::Phone, format!("139{serial:08}"));
        text(&mut row, Field::Address, format!("第{serial}号"));
        text(&mut row, Field::LivingArrangement, "Alone".into());
        if random.random_bool(0.7) {
            let digits = format!("990121{}{:03}", born.format("%Y%m%d"), serial % 1_000);
            if let Ok(id) = ResidentId::with_check(&digits) {
                text(&mut row, Field::ResidentId, id.as_str().to_owned());
            }
        }
        if random.random_bool(0.5) {
            let name = format!("周明{serial}");
            row.supporters.push(Supporter {
                name,
                relation: Some("儿子".into()),
                whereabouts: None,
                phone: None,
                capacity: SupportCapacity::Unknown,
            });
            row.service_needs.insert(ServiceNeed::Meals);
        }
        row
    }

    /// Somebody at this node does something.
    pub fn work(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        // What has come in is committed first, so that what is seen now is what an edit sees.
        if let Err(error) = engine.settle(now) {
            return Done { facts: Vec::new(), error: Some(error.into()) };
        }
        let top = engine.area().0;
        let dice = random.random_range(0..100);
        match (engine.grant().role, top.level()) {
            _ if self.has_ledger(top) => self.imports(engine, now),
            (Role::Helper, _) => self.visits(engine, now, random),
            (Role::Provider, _) => self.serves(engine, now, random),
            (_, Level::Village) => match dice {
                0..6 => self.takes_back(engine, now, random),
                6..45 => self.visits(engine, now, random),
                45..60 => self.reports(engine, now, random),
                60..90 => self.corrects(engine, now, random),
                _ => self.opens_a_file(engine, now),
            },
            (_, Level::Township) => match dice {
                0..55 => self.corrects(engine, now, random),
                55..85 => self.imports_again(engine, now, random),
                85..97 => self.visits(engine, now, random),
                // Of somebody who lives in an institution: such records no village has.
                _ => self.opens_a_file(engine, now),
            },
            _ => match dice {
                0..44 => self.corrects(engine, now, random),
                44..50 => self.erases(engine, now, random),
                50..75 => self.certifies(engine, now, random),
                _ => self.names_a_place(engine, now, random),
            },
        }
    }

    /// The next part of a ledger goes in.
    pub fn imports(&mut self, engine: &mut Engine, now: Now) -> Done {
        let township = engine.area().0;
        let Some(waiting) = self.ledgers.get_mut(&township) else { return Done::nothing() };
        let rows: Vec<LedgerRow> = waiting.drain(..waiting.len().min(ROWS_PER_IMPORT)).collect();
        let import = Import { rows: rows.clone(), dry_run: false };
        let report = match import.execute(engine, now) {
            Ok(report) => report,
            // Rows of an interrupted import may be there, as files that nobody was told of.
            Err(error) => return Done { facts: Vec::new(), error: Some(error) },
        };
        let mut facts = Vec::new();
        for (row, outcome) in rows.into_iter().zip(report.outcomes) {
            if let RowOutcome::New { elder_id: Some(elder), .. } = outcome {
                facts.push(Fact::Elder(row.scope, elder));
                for field in [Field::Name, Field::Phone, Field::Address] {
                    facts.extend(
                        row.field(field)
                            .map(|value| written(row.scope, elder, field, value, BTreeSet::new())),
                    );
                }
                self.imported.entry(township).or_default().push((elder, row));
            }
        }
        Done { facts, error: None }
    }

    /// The ledger goes in once more, some of its telephone numbers corrected.
    fn imports_again(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some(known) = self.imported.get(&engine.area().0).filter(|known| !known.is_empty())
        else {
            return Done::nothing();
        };
        let first = random.random_range(0..known.len());
        let chosen: Vec<LedgerRow> =
            known.iter().skip(first).take(5).map(|(_, row)| row.clone()).collect();
        let mut rows = Vec::new();
        for row in chosen {
            // Only a row that names its person beyond doubt finds a file again for certain.
            if row.field(Field::ResidentId).is_none() {
                continue;
            }
            let mut said = LedgerRow::new(row.scope);
            for field in [Field::Name, Field::ResidentId] {
                said.fields.extend(row.field(field).map(|text| (field, text.to_owned())));
            }
            if random.random_bool(0.5) {
                said.fields.insert(Field::Phone, self.value(Field::Phone));
            }
            rows.push(said);
        }
        let facts = match corrections(engine, now, &rows) {
            Ok(facts) => facts,
            Err(error) => return Done { facts: Vec::new(), error: Some(error) },
        };
        let result = Import { rows, dry_run: false }.execute(engine, now);
        Done { facts, error: result.err() }
    }

    /// A visit to somebody.
    pub fn visits(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        self.visits_saying(engine, now, random, "走访")
    }

    /// A visit to somebody, and what was said.
    pub fn visits_saying(
        &mut self,
        engine: &mut Engine,
        now: Now,
        random: &mut ChaCha8Rng,
        words: &str,
    ) -> Done {
        let Some((scope, elder)) = somebody(engine, random) else { return Done::nothing() };
        self.serial += 1;
        let note = format!("{words}{}", self.serial);
        let visit = Visit {
            visitor: Some("王会计".into()),
            note: Some(note.clone()),
            ..Visit::on(today(now))
        };
        let result = VisitAdd { elder: elder.to_string(), visit }.execute(engine, now);
        Done { facts: vec![Fact::Visit(scope, elder, note)], error: result.err() }
    }

    /// A visit as a later version of the program writes it, with something of which this one knows nothing.
    pub fn visits_later(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((scope, elder)) = somebody(engine, random) else { return Done::nothing() };
        self.serial += 1;
        let note = format!("走访{}", self.serial);
        let visit = Visit { note: Some(note.clone()), ..Visit::on(today(now)) };
        let year = u16::try_from(today(now).year()).unwrap_or(2026);
        let Edit { part, mut action } = Edit::insert(Part::Journal(year), &visit);
        if let Action::Insert { element: Stored::Map(element), .. } = &mut action {
            element.insert(LATER_KEY.into(), note.clone());
        }
        let document = DocumentId::elder(elder, part);
        let result =
            engine.capture(now, &[DocumentEdit { scope, document, actions: vec![action] }]);
        let error = result.err().map(CommandError::from);
        Done { facts: vec![Fact::Later(scope, elder, note)], error }
    }

    /// Something happens to somebody: an incident, a review, an agreement that is refused, an exit
    /// from the roster.
    fn reports(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((scope, elder)) = somebody(engine, random) else { return Done::nothing() };
        self.serial += 1;
        let (words, date) = (format!("情况{}", self.serial), today(now));
        let note = Some(words.clone());
        let events = match random.random_range(0..4) {
            0 => {
                let kinds = IncidentKind::ALL;
                let kind = kinds[random.random_range(0..kinds.len())];
                let report = IncidentReport { date, time: None, place: None, by: None, note };
                let raise = IncidentRaise { elder: elder.to_string(), kind, report };
                let error = raise.execute(engine, now).err();
                return Done { facts: vec![Fact::Event(scope, elder, words)], error };
            }
            1 => vec![FileEvent::Review(Review {
                date,
                outcome: ReviewOutcome::NoChange,
                reviewer: None,
                note,
            })],
            2 => vec![FileEvent::Agreement(Agreement {
                event: AgreementEvent::Refused,
                date: Some(date),
                supporter: None,
                caretaker: None,
                elder_consent: YesNo::Unknown,
                note,
            })],
            _ => return self.rosters(engine, now, (scope, elder), words),
        };
        let error = Record { elder: elder.to_string(), events }.execute(engine, now).err();
        Done { facts: vec![Fact::Event(scope, elder, words)], error }
    }

    /// Somebody goes off the roster, or comes onto it again.
    fn rosters(
        &mut self,
        engine: &mut Engine,
        now: Now,
        (scope, elder): (DivisionCode, ElderId),
        words: String,
    ) -> Done {
        let date = today(now);
        let standing = engine
            .read()
            .and_then(|snapshot| index::view(&snapshot, scope, elder))
            .map(|view| ElderFacts::of(&view).standing(date));
        let step = match standing {
            Ok(RosterStanding::Off { .. }) => RosterChange::Entered(EntryReason::ReEntry),
            Ok(_) => RosterChange::Left(ExitReason::SupporterReturned),
            Err(error) => return Done { facts: Vec::new(), error: Some(error.into()) },
        };
        let elder_text = elder.to_string();
        let note = Some(words.clone());
        let write = RosterWrite { elder: elder_text, step, date, note };
        let error = write.execute(engine, now).err();
        Done { facts: vec![Fact::Event(scope, elder, words)], error }
    }

    /// A service firm visits somebody. It holds no files: the office gave it the number.
    fn serves(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some(known) = self.imported.get(&engine.area().0).filter(|known| !known.is_empty())
        else {
            return Done::nothing();
        };
        let (elder, row) = &known[random.random_range(0..known.len())];
        let (elder, scope) = (*elder, row.scope);
        self.serial += 1;
        let note = format!("上门服务{}", self.serial);
        let visit = Visit { note: Some(note.clone()), ..Visit::on(today(now)) };
        let year = u16::try_from(visit.date.year()).unwrap_or_default();
        let Edit { part, action } = Edit::insert(Part::Journal(year), &visit);
        let document = DocumentId::elder(elder, part);
        let edit = DocumentEdit { scope, document, actions: vec![action] };
        let result = engine.capture(now, &[edit]);
        let error = result.err().map(CommandError::from);
        Done { facts: vec![Fact::Visit(scope, elder, note)], error }
    }

    /// Somebody's particulars are corrected.
    pub fn corrects(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        if !engine.grant().rights.contains(Rights::write(PartKind::Card)) {
            return Done::nothing();
        }
        let Some((scope, elder)) = somebody(engine, random) else { return Done::nothing() };
        let field = CORRECTED[random.random_range(0..CORRECTED.len())];
        self.sets(engine, now, scope, elder, field)
    }

    /// This field of this file is set.
    pub fn sets(
        &mut self,
        engine: &mut Engine,
        now: Now,
        scope: DivisionCode,
        elder: ElderId,
        field: Field,
    ) -> Done {
        let value = self.value(field);
        let seen = match seen(engine, scope, elder, field) {
            Ok(seen) => seen,
            Err(error) => return Done { facts: Vec::new(), error: Some(error) },
        };
        let fields = BTreeMap::from([(field, value.clone())]);
        let set = ElderSet { elder: elder.to_string(), fields, certified: false };
        let error = match set.execute(engine, now) {
            // Several values stand there: this one is written by a decision between them.
            Err(error) if error.code == "in_conflict" => {
                let id = error.arguments.get("id").cloned().unwrap_or_default();
                let resolve = ConflictResolve { id, keep: None, value: Some(value.clone()) };
                resolve.execute(engine, now).err()
            }
            result => result.err(),
        };
        Done { facts: vec![written(scope, elder, field, &value, seen)], error }
    }

    /// A visit that was recorded by mistake, and is taken back at once.
    pub fn takes_back(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let mistaken = self.visits_saying(engine, now, random, "误记");
        if mistaken.error.is_some() || mistaken.facts.is_empty() {
            return Done { facts: Vec::new(), error: mistaken.error };
        }
        let result = Undo { dry_run: false, edit: None }.execute(engine, now);
        Done { facts: Vec::new(), error: result.err() }
    }

    /// The county signs to erase a file; or the root key is fetched for the second signature of one
    /// that waits for it.
    pub fn erases(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let waiting = match engine.erasures() {
            Ok(files) => files.into_iter().find(|file| file.report.signatures == 1),
            Err(error) => return Done { facts: Vec::new(), error: Some(error.into()) },
        };
        let (place, root) = match (waiting, self.roots.get(&engine.area().0)) {
            (Some(file), Some(root)) => (Some((file.scope, file.elder)), Some(root.clone())),
            _ => (somebody(engine, random), None),
        };
        let Some((scope, elder)) = place else { return Done::nothing() };
        let reason = ErasureReason::RightToErasure;
        let result = engine.erase(now, scope, elder, reason, root.as_ref());
        let error = result.err().map(CommandError::from);
        Done { facts: vec![Fact::Erased(scope, elder)], error }
    }

    /// The county certifies something: a value that several may write alike.
    fn certifies(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let Some((_, elder)) = somebody(engine, random) else { return Done::nothing() };
        let word = ["Yes", "No", "Unknown"][random.random_range(0..3)];
        let fields = BTreeMap::from([(Field::Hardship, word.to_owned())]);
        let set = ElderSet { elder: elder.to_string(), fields, certified: true };
        Done { facts: Vec::new(), error: set.execute(engine, now).err() }
    }

    /// A file is opened for somebody new.
    pub fn opens_a_file(&mut self, engine: &mut Engine, now: Now) -> Done {
        self.serial += 1;
        let (scope, name) = (engine.area().0, format!("林秀英{}", self.serial));
        let fields = BTreeMap::from([(Field::Name, name.clone())]);
        match (ElderAdd { scope: Some(scope), fields, entry: None }).execute(engine, now) {
            Ok(saved) => {
                let elder = saved.elder_id;
                let named = written(scope, elder, Field::Name, &name, BTreeSet::new());
                Done { facts: vec![Fact::Elder(scope, elder), named], error: None }
            }
            Err(error) => Done { facts: Vec::new(), error: Some(error) },
        }
    }

    /// A place below the county gets a name; the last name given stands, so only the county does it.
    fn names_a_place(&mut self, engine: &mut Engine, now: Now, random: &mut ChaCha8Rng) -> Done {
        let county = engine.area().0;
        let Some(code) = county.child(random.random_range(300..900)) else {
            return Done::nothing();
        };
        self.serial += 1;
        let name = format!("第{}镇", self.serial);
        // A name that is given twice is renamed; each place is named once to keep the fact plain.
        let known = shouwang_node::command::area::AreaList { within: Some(code) };
        match known.execute(engine, now) {
            Ok(list) if list.places.is_empty() => {}
            Ok(_) => return Done::nothing(),
            Err(error) => return Done { facts: Vec::new(), error: Some(error) },
        }
        let places = vec![Place { code, name: name.clone() }];
        let result = AreaImport { places, dry_run: false }.execute(engine, now);
        let fact = Fact::Place { directory: county, code, name };
        Done { facts: vec![fact], error: result.err() }
    }

    fn value(&mut self, field: Field) -> String {
        self.serial += 1;
        match field {
            Field::Phone => format!("139{:08}", self.serial),
            field => format!("{}{}", field.spec().chinese, self.serial),
        }
    }
}

/// What an import of these rows will have written: a file may have been erased since the last, or somebody have
/// two, so only a trial says which one a row finds.
fn corrections(
    engine: &mut Engine,
    now: Now,
    rows: &[LedgerRow],
) -> Result<Vec<Fact>, CommandError> {
    let trial = Import { rows: rows.to_vec(), dry_run: true }.execute(engine, now)?;
    let mut facts = Vec::new();
    for (row, outcome) in rows.iter().zip(trial.outcomes) {
        let RowOutcome::Changed { elder_id: elder, changed, .. } = outcome else { continue };
        let value = row.field(Field::Phone);
        if let Some(value) =
            value.filter(|_| changed.iter().any(|key| key == Field::Phone.spec().key))
        {
            let seen = seen(engine, row.scope, elder, Field::Phone)?;
            facts.push(written(row.scope, elder, Field::Phone, value, seen));
        }
    }
    Ok(facts)
}

/// The day by this node's clock.
fn today(now: Now) -> NaiveDate {
    DateTime::from_timestamp_millis(now.wall_ms).map(|time| time.date_naive()).unwrap_or_default()
}

/// Some elder of the node's area.
fn somebody(engine: &Engine, random: &mut ChaCha8Rng) -> Option<(DivisionCode, ElderId)> {
    let places = engine.read().and_then(|snapshot| snapshot.elder_places(engine.area())).ok()?;
    // Most work is about a few: so that the same file is edited at several places.
    let few = random.random_bool(0.5);
    let among = if few { places.len().min(3) } else { places.len() };
    (among > 0).then(|| places[random.random_range(0..among)])
}

/// Elders of an area whose files are at this node.
pub fn elders(engine: &Engine, area: Area) -> Vec<(DivisionCode, ElderId)> {
    engine.read().and_then(|snapshot| snapshot.elder_places(area)).unwrap_or_default()
}

fn seen(
    engine: &Engine,
    scope: DivisionCode,
    elder: ElderId,
    field: Field,
) -> Result<BTreeSet<String>, CommandError> {
    Ok(standing(&index::view(&engine.read()?, scope, elder)?, field))
}

fn written(
    scope: DivisionCode,
    elder: ElderId,
    field: Field,
    value: &str,
    seen: BTreeSet<String>,
) -> Fact {
    Fact::Value(Written { scope, elder, field, value: value.to_owned(), seen })
}
