//! The rules that a county sets for all its places: they stand in one document of the county, which
//! flows down to every node below it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::VisitOccasion;
use shouwang_crdt_schema::rules::eligibility::county_of;
use shouwang_crdt_schema::rules::ruleset::{
    OCCASION_PREFIX, Ruleset, RulesetReading, SYNC_INTERVAL_PREFIX, Setting, SettingError,
};
use shouwang_crdt_schema::view::{self, Rules};

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::{DocumentEdit, Engine};
use crate::identity::grant::Rights;
use crate::index;
use crate::store::rows::DocumentKey;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for the rules that hold here.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RulesetShow {}

/// Sets one rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RulesetSet {
    /// The setting's name.
    pub key: String,
    /// Its text; an empty one puts back the default.
    pub value: String,
}

/// The rules that hold here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesetReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The place that sets them.
    pub scope: DivisionCode,
    /// Whether this device may.
    pub may_set: bool,
    /// Every setting.
    pub settings: Vec<SettingReport>,
    /// Festivals, extreme weather, sealed-off times.
    pub occasions: Vec<OccasionReport>,
    /// Places that are expected to bring new data more or less often than others.
    #[serde(default)]
    pub intervals: Vec<IntervalReport>,
    /// What stands in the document and has no effect here.
    pub ineffective: Vec<IneffectiveRule>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingReport {
    /// Its name.
    pub key: String,
    /// What holds.
    pub value: String,
    /// What would hold if nobody had set it.
    pub default: String,
    /// Texts that others wrote at the same time, and that do not hold.
    pub conflict: Vec<String>,
}

/// One occasion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccasionReport {
    /// The name of its setting.
    pub key: String,
    /// Its own name.
    pub name: String,
    /// What it is.
    pub kind: VisitOccasion,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Where it holds, if not everywhere.
    pub area: Option<DivisionCode>,
    /// Visits on top of the monthly ones.
    pub visits: u32,
    /// Texts that others wrote at the same time, and that do not hold.
    pub conflict: Vec<String>,
}

/// A place with a sync interval of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalReport {
    /// The name of its setting.
    pub key: String,
    /// The place; what lies inside it is meant too.
    pub place: DivisionCode,
    /// After how many days without new data it is silent.
    pub days: u32,
    /// Texts that others wrote at the same time, and that do not hold.
    pub conflict: Vec<String>,
}

/// A rule without effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IneffectiveRule {
    /// Its name.
    pub key: String,
    /// Its text.
    pub value: String,
    /// `unknown`: this version does not know the name. `unfit`: the text does not fit it.
    pub reason: IneffectiveReason,
}

/// Why a rule has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IneffectiveReason {
    /// A setting of a later version.
    Unknown,
    /// The default holds instead.
    Unfit,
}

/// What was set. It is on the disk when this is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesetChanged {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The setting's name.
    pub key: String,
    /// What holds now, in the spelling in which it is stored; null for an occasion, or a place's interval, taken
    /// out.
    pub value: Option<String>,
    /// Entries written; 0 if nothing was different.
    pub entries: u64,
}

impl Request for RulesetShow {
    const NAME: &'static str = "ruleset_show";
    type Reply = RulesetReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RulesetReport, CommandError> {
        engine.settle(now)?;
        let rules = standing(engine, &engine.read()?)?;
        let RulesetReading { ruleset, faults, unknown_keys } = reading(&rules);
        let conflict = |key: &str| rules.get(key).map(|of| of.others.clone()).unwrap_or_default();
        let default = Ruleset::default();
        let settings = Setting::all()
            .map(|setting| SettingReport {
                conflict: conflict(&setting.key()),
                key: setting.key(),
                value: setting.text(&ruleset),
                default: setting.text(&default),
            })
            .collect();
        let occasions = ruleset
            .occasions
            .iter()
            .map(|(name, occasion)| {
                let key = format!("{OCCASION_PREFIX}{name}");
                OccasionReport {
                    conflict: conflict(&key),
                    key,
                    name: name.to_string(),
                    kind: occasion.kind,
                    from: occasion.period.from,
                    to: occasion.period.to,
                    area: occasion.area.map(|area| area.0),
                    visits: occasion.visits,
                }
            })
            .collect();
        let intervals = ruleset
            .sync_intervals
            .iter()
            .map(|(place, days)| {
                let key = format!("{SYNC_INTERVAL_PREFIX}{place}");
                IntervalReport { conflict: conflict(&key), key, place: *place, days: *days }
            })
            .collect();
        let text = |key: &str| rules.get(key).map(|of| of.text.clone()).unwrap_or_default();
        let unknown = unknown_keys.into_iter().map(|key| IneffectiveRule {
            value: text(&key),
            key,
            reason: IneffectiveReason::Unknown,
        });
        let unfit = faults.into_iter().map(|fault| IneffectiveRule {
            key: fault.key,
            value: fault.text,
            reason: IneffectiveReason::Unfit,
        });
        Ok(RulesetReport {
            schema_version: JSON_SCHEMA_VERSION,
            scope: scope(engine),
            may_set: may_set(engine),
            settings,
            occasions,
            intervals,
            ineffective: unfit.chain(unknown).collect(),
        })
    }
}

impl Request for RulesetSet {
    const NAME: &'static str = "ruleset_set";
    type Reply = RulesetChanged;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RulesetChanged, CommandError> {
        engine.settle(now)?;
        let key = self.key.trim();
        let mut ruleset = ruleset(engine, &engine.read()?)?;
        ruleset.set(key, &self.value).map_err(|error| unfit(key, &error))?;
        if !may_set(engine) {
            let refused =
                CommandError::new(ErrorKind::Refused, "ruleset_right", "the county sets the rules");
            return Err(refused.with("scope", scope(engine)));
        }
        let value = value(&ruleset, key);
        // An empty text stands for the default, also where a later version has another one.
        let text = match self.value.trim().is_empty() {
            true => String::new(),
            false => value.clone().unwrap_or_default(),
        };
        let entries = engine.capture(
            now,
            &[DocumentEdit {
                scope: scope(engine),
                document: DocumentId::Ruleset,
                actions: vec![Action::SetRule { key: key.to_owned(), text }],
            }],
        )?;
        Ok(RulesetChanged {
            schema_version: JSON_SCHEMA_VERSION,
            key: key.to_owned(),
            value,
            entries,
        })
    }
}

/// The rules that hold in this node's area.
pub(crate) fn ruleset(engine: &Engine, snapshot: &Snapshot) -> Result<Ruleset, StoreError> {
    Ok(reading(&standing(engine, snapshot)?).ruleset)
}

/// The place that sets the rules for this node's area: its county, or the top of a mesh that does
/// not reach so far up.
fn scope(engine: &Engine) -> DivisionCode {
    let county = county_of(engine.area().0);
    let mesh = engine.authority().mesh();
    match engine.authority().grant(&mesh) {
        Some(root) if !root.area.contains(county) => root.area.0,
        _ => county,
    }
}

fn may_set(engine: &Engine) -> bool {
    engine.area().contains(scope(engine)) && engine.grant().rights.contains(Rights::DELEGATE)
}

fn standing(engine: &Engine, snapshot: &Snapshot) -> Result<Rules, StoreError> {
    let key = DocumentKey { scope: scope(engine), id: DocumentId::Ruleset };
    Ok(match snapshot.document(&key)? {
        Some(row) => view::rules(&index::load(&key, &row.saved)?),
        None => Rules::new(),
    })
}

fn reading(rules: &Rules) -> RulesetReading {
    Ruleset::read(rules.iter().map(|(key, rule)| (key.as_str(), rule.text.as_str())))
}

/// What a ruleset says under a key, in the spelling in which it is stored.
fn value(ruleset: &Ruleset, key: &str) -> Option<String> {
    match Setting::from_key(key) {
        Some(setting) => Some(setting.text(ruleset)),
        None => ruleset.texts().remove(key),
    }
}

fn unfit(key: &str, error: &SettingError) -> CommandError {
    match error {
        SettingError::UnknownKey => CommandError::new(ErrorKind::Usage, "setting_unknown", error),
        SettingError::Number { least, most } => {
            CommandError::new(ErrorKind::Usage, "setting_number", error)
                .with("least", least)
                .with("most", most)
        }
        SettingError::Word(words) => {
            CommandError::new(ErrorKind::Usage, "setting_word", error).with("words", words)
        }
        SettingError::MonthDays => CommandError::new(ErrorKind::Usage, "setting_month_days", error),
        SettingError::OccasionName => CommandError::new(ErrorKind::Usage, "occasion_name", error),
        SettingError::Occasion => CommandError::new(ErrorKind::Usage, "occasion_value", error),
        SettingError::TooManyOccasions => {
            CommandError::new(ErrorKind::Usage, "too_many_occasions", error)
        }
        SettingError::Place => CommandError::new(ErrorKind::Usage, "setting_place", error),
        SettingError::TooManyPlaces => {
            CommandError::new(ErrorKind::Usage, "too_many_setting_places", error)
        }
    }
    .with("key", key)
}
