//! What a person may type: dates, texts, codes. One place, so that every command refuses the same
//! things in the same words, names the field, and has written nothing.
//!
//! A refusal names its field as `field`, or as `list/key` for a key of an element.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::element::{ElementError, List, RosterEvent, Stored, Supporter};
use shouwang_crdt_schema::field::{Field, Value};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, RosterStep};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::rules::age::completed_years;
use shouwang_crdt_schema::view::PartView;

use super::clock::{self, CheckedToday};
use super::{CommandError, ErrorKind, places};
use crate::engine::Engine;
use crate::index;
use crate::limits::{AGE_MAX_YEARS, AGE_MIN_YEARS, DATE_YEARS};
use crate::store::rows::DocumentKey;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// What is doubtful in something that was saved all the same.
pub const FLAGS: [&str; 8] = [
    "before_birth",
    "before_roster",
    "birth_differs_from_id",
    "date_unchecked",
    "future_date",
    "older_than_120",
    "phone_without_digits",
    "younger_than_60",
];

/// Checks what one command brings, and gathers what is doubtful.
#[derive(Debug)]
pub(crate) struct Checks {
    today: CheckedToday,
    flags: BTreeSet<&'static str>,
}

/// The days before which nothing can have been done for an elder.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Begins {
    pub(crate) born: Option<NaiveDate>,
    pub(crate) entered: Option<NaiveDate>,
}

impl Begins {
    /// Of a file: the date of birth, and the first entry on the roster, where there is one.
    pub(crate) fn of(card: Option<&PartView>) -> Self {
        let Some(card) = card else { return Self::default() };
        let born = card.field(Field::BirthDate).map(|standing| standing.effective.as_str());
        let events = card.elements::<RosterEvent>();
        let entries = events.iter().filter(|listed| listed.element.step == RosterStep::Entered);
        Self {
            born: born.and_then(|text| text.parse().ok()),
            entered: entries.map(|listed| listed.element.date).min(),
        }
    }
}

/// A card, if it is here.
pub(crate) fn card(
    snapshot: &Snapshot,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Option<PartView>, StoreError> {
    let key = DocumentKey { scope, id: DocumentId::elder(elder, Part::Card) };
    let Some(row) = snapshot.document(&key)? else { return Ok(None) };
    Ok(PartView::read(&index::load(&key, &row.saved)?, &key.id))
}

impl Checks {
    /// Checks against the day by this node's clock.
    pub(crate) fn begin(engine: &Engine, now: Now) -> Result<Self, CommandError> {
        let today = clock::report(engine, now)?.today;
        Ok(Self { today, flags: BTreeSet::new() })
    }

    /// What is doubtful in what was checked.
    pub(crate) fn into_flags(self) -> Vec<String> {
        self.flags.into_iter().map(str::to_owned).collect()
    }

    /// A day that there can be.
    pub(crate) fn possible(&self, field: &str, date: NaiveDate) -> Result<(), CommandError> {
        match DATE_YEARS.contains(&date.year()) {
            true => Ok(()),
            false => Err(refused("date_range", "an impossible year", field)
                .with("first", DATE_YEARS.start)
                .with("last", DATE_YEARS.end - 1)),
        }
    }

    /// A day that has come.
    pub(crate) fn past(&mut self, field: &str, date: NaiveDate) -> Result<(), CommandError> {
        self.possible(field, date)?;
        match self.today {
            CheckedToday::Plausible { date: today } if date > today => {
                Err(refused("date_future", "the day has not come", field)
                    .with("date", date)
                    .with("today", today))
            }
            CheckedToday::Plausible { .. } => Ok(()),
            CheckedToday::Implausible { peers: Some(today), .. } if date > today => {
                self.flags.insert("future_date");
                Ok(())
            }
            CheckedToday::Implausible { peers: Some(_), .. } => Ok(()),
            CheckedToday::Implausible { peers: None, .. } => {
                self.flags.insert("date_unchecked");
                Ok(())
            }
        }
    }

    /// A day on which something was done for an elder: it has come, and the elder was born and on
    /// the roster.
    pub(crate) fn done_on(
        &mut self,
        field: &str,
        date: NaiveDate,
        begins: Begins,
    ) -> Result<(), CommandError> {
        self.past(field, date)?;
        if let Some(born) = begins.born.filter(|born| date < *born) {
            let error = refused("date_before_birth", "before the elder was born", field)
                .with("date", date)
                .with("first", born);
            self.doubt("before_birth", error)?;
        }
        if let Some(entered) = begins.entered.filter(|entered| date < *entered) {
            let error = refused("date_before_roster", "before the elder was on the roster", field)
                .with("date", date)
                .with("first", entered);
            self.doubt("before_roster", error)?;
        }
        Ok(())
    }

    /// Refused where the clock can be trusted; where it cannot, the dates that it gave others may
    /// be what is wrong.
    fn doubt(&mut self, flag: &'static str, error: CommandError) -> Result<(), CommandError> {
        match self.today {
            CheckedToday::Plausible { .. } => Err(error),
            CheckedToday::Implausible { .. } => {
                self.flags.insert(flag);
                Ok(())
            }
        }
    }

    /// A telephone number has digits in it.
    pub(crate) fn phone(&mut self, text: &str) {
        if !text.chars().any(char::is_numeric) {
            self.flags.insert("phone_without_digits");
        }
    }

    /// The texts of an element of a list.
    pub(crate) fn element(
        &mut self,
        list: List,
        stored: &Stored,
        begins: Begins,
    ) -> Result<(), CommandError> {
        stored.check().map_err(|error| in_element(list, &error))?;
        for (key, text) in stored.texts() {
            let field = format!("{}/{key}", list.key());
            if text.trim().is_empty() {
                return Err(refused("text_empty", "nothing is written there", &field));
            }
            if key == "phone" {
                self.phone(text);
            }
            let date = text.parse::<NaiveDate>().ok();
            match (list, key, date) {
                // A birthday of a supporter or an old marriage: nothing here begins before 1900.
                (_, "until", Some(date)) => self.possible(&field, date)?,
                (_, "left" | "returned" | "from", Some(date)) => self.past(&field, date)?,
                (_, "date", Some(date)) => self.done_on(&field, date, begins)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The fields of a file that is opened or changed.
    pub(crate) fn fields<'a>(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        fields: impl IntoIterator<Item = (Field, &'a Value)> + Clone,
    ) -> Result<(), CommandError> {
        let text = |wanted: Field| {
            let found = fields.clone().into_iter().find(|(field, _)| *field == wanted);
            found.map(|(_, value)| value.as_str())
        };
        for (field, value) in fields.clone() {
            let (key, text) = (field.spec().key, value.as_str());
            let date = text.parse::<NaiveDate>().ok();
            match (field, date) {
                (Field::BirthDate, Some(born)) => self.birth(key, born)?,
                (Field::AbilityAssessedOn | Field::FamilyDoctorFrom, Some(date)) => {
                    self.past(key, date)?;
                }
                (Field::FamilyDoctorUntil, Some(date)) => self.possible(key, date)?,
                (Field::Phone, _) => self.phone(text),
                (Field::ResidenceCode, _) => {
                    let code = text.parse::<DivisionCode>();
                    code.map_or(Ok(()), |code| self.residence(engine, snapshot, key, code))?;
                }
                _ => {}
            }
        }
        let born = text(Field::BirthDate).and_then(|text| text.parse().ok());
        let id = text(Field::ResidentId).and_then(|text| ResidentId::parse(text).ok());
        if let (Some(born), Some(id)) = (born, id)
            && id.birth_date() != born
        {
            self.flags.insert("birth_differs_from_id");
        }
        Ok(())
    }

    fn birth(&mut self, field: &str, born: NaiveDate) -> Result<(), CommandError> {
        self.past(field, born)?;
        let today = match self.today {
            CheckedToday::Plausible { date } => Some(date),
            CheckedToday::Implausible { peers, .. } => peers,
        };
        match today.and_then(|today| completed_years(born, today)) {
            Some(age) if age > AGE_MAX_YEARS => {
                let error = refused("too_old", "nobody is that old", field).with("age", age);
                self.doubt("older_than_120", error)
            }
            Some(age) if age < AGE_MIN_YEARS => {
                self.flags.insert("younger_than_60");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where an elder lives: in this device's area, and a place that the directory names if the
    /// directory is here.
    pub(crate) fn residence(
        &mut self,
        engine: &Engine,
        snapshot: &Snapshot,
        field: &str,
        code: DivisionCode,
    ) -> Result<(), CommandError> {
        let area = engine.area();
        if !area.contains(code) || code.level() < Level::Township {
            return Err(CommandError::new(
                ErrorKind::Refused,
                "residence_elsewhere",
                "the place is not in this device's area",
            )
            .with("field", field)
            .with("scope", code));
        }
        let names = places::names(snapshot, area)?;
        // Whoever has let this device in has said that its own place exists.
        let is_known = code == area.0 || names.contains_key(&code);
        let beside = |known: &DivisionCode| known.parent() == code.parent();
        match !is_known && names.keys().any(beside) {
            true => Err(refused("place_unknown", "no such place", field).with("scope", code)),
            false => Ok(()),
        }
    }

    /// A supporter whom the file names.
    pub(crate) fn supporter(
        &self,
        field: &str,
        name: &str,
        card: Option<&PartView>,
    ) -> Result<(), CommandError> {
        let supporters = card.map(PartView::elements::<Supporter>).unwrap_or_default();
        match supporters.iter().any(|listed| listed.element.name == name) {
            true => Ok(()),
            false => Err(refused("supporter_unknown", "the file names no such supporter", field)),
        }
    }
}

/// What is wrong with a text of an element.
pub(crate) fn in_element(list: List, error: &ElementError) -> CommandError {
    let field = |key: &str| format!("{}/{key}", list.key());
    match error {
        ElementError::TooLong { key, length, limit } => too_long(&field(key), *length, *limit),
        ElementError::Control { key } => {
            refused("text_control", "the text holds control characters", &field(key))
        }
    }
}

/// A text is at most so long.
pub(crate) fn text(field: &str, text: &str, limit: usize) -> Result<(), CommandError> {
    match text.chars().count() {
        length if length > limit => Err(too_long(field, length, limit)),
        _ => Ok(()),
    }
}

fn too_long(field: &str, length: usize, limit: usize) -> CommandError {
    refused("text_too_long", "the text is too long", field)
        .with("length", length)
        .with("limit", limit)
}

/// What cannot be meant, and where.
pub(crate) fn refused(code: &'static str, message: &str, field: &str) -> CommandError {
    // Codes that are only named here have their words all the same.
    CommandError::new(ErrorKind::Usage, code, message).with("field", field)
}
