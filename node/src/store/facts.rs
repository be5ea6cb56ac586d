//! The index of facts: what rules, lists and reports look at, elder by elder, so that they open no
//! documents. Rebuilt from documents; never travels.
//!
//! A row is binary, because a county's lists read a hundred thousand of them: choices are their places
//! in their vocabularies, days are numbers. Incidents have a table of their own
//! ([`super::incidents`]).

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{Agreement, Pairing};
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::{CareConsent, ElderId, LivingArrangement, SpecialCategory};
use shouwang_crdt_schema::report::due::DueDetails;
use shouwang_crdt_schema::rules::absence::AbsenceFact;
use shouwang_crdt_schema::rules::alert::AlertFacts;
use shouwang_crdt_schema::rules::care_group::CareFacts;
use shouwang_crdt_schema::rules::eligibility::{EligibilityFacts, SupporterFacts};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::relation::Kinship;
use shouwang_crdt_schema::rules::roster::{Roster, RosterFact};
use shouwang_crdt_schema::rules::special_category::CategoryFacts;
use shouwang_crdt_schema::rules::visits::{VisitFact, VisitFacts};

use super::encoding::{decode_checked, encode_checked};
use super::rows::{elder_bytes, elder_from_bytes};
use super::tables::TableAccess;
use super::{StoreError, Transaction, corrupt};
use crate::codec::{CodecError, Reader, Writer};

mod packed;

use packed::{Packed, get_list, put_list};

const TABLE: &str = "facts-1";

/// What is known of one elder for rules and lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsRow {
    /// Whether anything is said in any part.
    pub says_anything: bool,
    /// Whether the card names other files of the same person: then this row alone says too little.
    pub is_merged: bool,
    /// 姓名
    pub name: Option<String>,
    /// R1.
    pub eligibility: EligibilityFacts,
    /// What decides the care group, but for the birth date.
    pub care: CareFacts,
    /// 意愿
    pub consent: Option<CareConsent>,
    /// R9: the events.
    pub roster: Vec<RosterFact>,
    /// R5.
    pub agreements: Vec<Agreement>,
    /// 居住状况
    pub living_arrangement: Option<LivingArrangement>,
    /// R7: an illness is noted, incidents aside.
    pub seriously_ill: bool,
    /// 空巢, 计划生育特殊家庭
    pub categories: BTreeSet<SpecialCategory>,
    /// What lists look at beside the facts.
    pub details: DueDetails,
    /// 结对帮扶, in list order.
    pub pairings: Vec<Pairing>,
    /// Journal year → what it says.
    pub journals: BTreeMap<u16, JournalFacts>,
}

/// What one year's journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalFacts {
    /// R3, R4: the visits in list order.
    pub visits: Vec<VisitFact>,
    /// R6: the days of the reviews in list order.
    pub reviews: Vec<chrono::NaiveDate>,
}

impl FactsRow {
    /// The facts as the rules want them, incidents aside. What is no fact is left.
    pub fn take_facts(&mut self) -> ElderFacts {
        let journals = std::mem::take(&mut self.journals);
        let (mut visits, mut reviews) = (Vec::new(), Vec::new());
        for journal in journals.into_values() {
            visits.extend(journal.visits);
            reviews.extend(journal.reviews);
        }
        let residence = self.eligibility.residence;
        ElderFacts {
            visits: VisitFacts {
                care: self.care,
                consent: self.consent,
                residence,
                visits,
                roster: Roster::new(&self.roster),
            },
            agreements: std::mem::take(&mut self.agreements),
            reviews,
            alert: AlertFacts {
                living_arrangement: self.living_arrangement,
                ability_level: self.care.ability_level,
                observed_function: self.care.observed_function,
                seriously_ill: self.seriously_ill,
            },
            categories: CategoryFacts {
                living_arrangement: self.living_arrangement,
                ability_level: self.care.ability_level,
                disability_grade: self.care.disability_grade,
                written: std::mem::take(&mut self.categories),
            },
            incidents: BTreeMap::new(),
            eligibility: std::mem::take(&mut self.eligibility),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        let to = &mut writer;
        to.u8(u8::from(self.says_anything) | u8::from(self.is_merged) << 1);
        self.name.put(to);
        self.eligibility.birth_date.put(to);
        self.eligibility.hukou.put(to);
        self.eligibility.residence.put(to);
        to.u8(u8::from(self.eligibility.supporters.is_some()));
        put_list(to, self.eligibility.supporters.as_deref().unwrap_or_default());
        self.care.ability_level.put(to);
        self.care.observed_function.put(to);
        self.care.dementia.put(to);
        self.care.disability_grade.put(to);
        self.consent.put(to);
        put_list(to, &self.roster);
        put_list(to, &self.agreements);
        self.living_arrangement.put(to);
        to.u8(u8::from(self.seriously_ill)
            | u8::from(self.details.has_resident_id) << 1
            | u8::from(self.details.reachable) << 2);
        put_list(to, &self.categories);
        put_list(to, &self.details.checked_years);
        put_list(to, &self.pairings);
        to.count(self.journals.len());
        for (year, journal) in &self.journals {
            year.put(to);
            put_list(to, &journal.visits);
            put_list(to, &journal.reviews);
        }
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let from = &mut reader;
        let flags = from.u8()?;
        let name = Packed::get(from)?;
        let birth_date = Packed::get(from)?;
        let (hukou, residence) = (Packed::get(from)?, Packed::get(from)?);
        let asked = from.u8()? == 1;
        let supporters: Vec<SupporterFacts> = get_list(from)?;
        let eligibility = EligibilityFacts {
            birth_date,
            hukou,
            residence,
            supporters: asked.then_some(supporters),
        };
        let care = CareFacts {
            birth_date,
            ability_level: Packed::get(from)?,
            observed_function: Packed::get(from)?,
            dementia: Packed::get(from)?,
            disability_grade: Packed::get(from)?,
        };
        let consent = Packed::get(from)?;
        let (roster, agreements) = (get_list(from)?, get_list(from)?);
        let living_arrangement = Packed::get(from)?;
        let more = from.u8()?;
        let categories = get_list(from)?;
        let details = DueDetails {
            has_resident_id: more & 2 != 0,
            reachable: more & 4 != 0,
            checked_years: get_list(from)?,
        };
        let pairings = get_list(from)?;
        let mut journals = BTreeMap::new();
        for _ in 0..from.count(bytes.len())? {
            let year = Packed::get(from)?;
            journals
                .insert(year, JournalFacts { visits: get_list(from)?, reviews: get_list(from)? });
        }
        reader.finish()?;
        Ok(Self {
            says_anything: flags & 1 != 0,
            is_merged: flags & 2 != 0,
            name,
            eligibility,
            care,
            consent,
            roster,
            agreements,
            living_arrangement,
            seriously_ill: more & 1 != 0,
            categories,
            details,
            pairings,
            journals,
        })
    }
}

impl Packed for SupporterFacts {
    fn put(&self, to: &mut Writer) {
        self.name.put(to);
        to.u8(self.kinship as u8);
        self.capacity.put(to);
        put_list(to, &self.absences);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            name: Packed::get(from)?,
            kinship: match from.u8()? {
                0 => Kinship::Child,
                1 => Kinship::Other,
                2 => Kinship::Unknown,
                _ => return Err(CodecError::Tag),
            },
            capacity: Packed::get(from)?,
            absences: get_list(from)?,
        })
    }
}

impl Packed for AbsenceFact {
    fn put(&self, to: &mut Writer) {
        self.left.put(to);
        self.returned.put(to);
        self.destination.put(to);
        self.reason.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            left: Packed::get(from)?,
            returned: Packed::get(from)?,
            destination: Packed::get(from)?,
            reason: Packed::get(from)?,
        })
    }
}

impl Packed for VisitFact {
    fn put(&self, to: &mut Writer) {
        self.date.put(to);
        self.mode.put(to);
        self.occasion.put(to);
        self.outcome.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            date: Packed::get(from)?,
            mode: Packed::get(from)?,
            occasion: Packed::get(from)?,
            outcome: Packed::get(from)?,
        })
    }
}

impl Packed for RosterFact {
    fn put(&self, to: &mut Writer) {
        self.step.put(to);
        self.entry_reason.put(to);
        self.exit_reason.put(to);
        self.date.put(to);
        // The facts of a row come from these three parts alone.
        to.u8(match self.part {
            Part::Ledger => 1,
            Part::Registry => 2,
            _ => 0,
        });
        to.count(self.seen.len());
        for seen in &self.seen {
            to.count(*seen);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (step, entry_reason) = (Packed::get(from)?, Packed::get(from)?);
        let (exit_reason, date) = (Packed::get(from)?, Packed::get(from)?);
        let part = match from.u8()? {
            0 => Part::Card,
            1 => Part::Ledger,
            2 => Part::Registry,
            _ => return Err(CodecError::Tag),
        };
        let count = from.count(packed::COUNT_MAX)?;
        let seen = (0..count).map(|_| from.count(packed::COUNT_MAX)).collect::<Result<_, _>>()?;
        Ok(Self { step, entry_reason, exit_reason, date, part, seen })
    }
}

impl Packed for Agreement {
    fn put(&self, to: &mut Writer) {
        self.event.put(to);
        self.date.put(to);
        self.supporter.put(to);
        self.caretaker.put(to);
        self.elder_consent.put(to);
        self.note.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            event: Packed::get(from)?,
            date: Packed::get(from)?,
            supporter: Packed::get(from)?,
            caretaker: Packed::get(from)?,
            elder_consent: Packed::get(from)?,
            note: Packed::get(from)?,
        })
    }
}

impl Packed for Pairing {
    fn put(&self, to: &mut Writer) {
        self.helper.put(to);
        self.kind.put(to);
        self.from.put(to);
        self.until.put(to);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            helper: Packed::get(from)?,
            kind: Packed::get(from)?,
            from: Packed::get(from)?,
            until: Packed::get(from)?,
        })
    }
}

/// Everything that reads the index of facts.
pub trait FactsRead: TableAccess {
    /// What is known of one elder.
    fn facts_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Option<FactsRow>, StoreError> {
        let row = self.facts().get(elder_bytes(scope, elder).as_slice())?;
        row.map(|row| decode(row.value())).transpose()
    }

    /// Visits the rows of the scopes from one to another, both included, in the order of scope and id,
    /// one after another.
    fn each_facts<E: From<StoreError>>(
        &self,
        (low, high): (DivisionCode, DivisionCode),
        mut visit: impl FnMut(DivisionCode, ElderId, FactsRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (low, high) = (low.number().to_be_bytes(), (high.number() + 1).to_be_bytes());
        let rows = self.facts().range(low.as_slice()..high.as_slice()).map_err(StoreError::from)?;
        for row in rows {
            let (key, value) = row.map_err(StoreError::from)?;
            let (scope, elder) = elder_from_bytes(key.value())
                .ok_or_else(|| corrupt(TABLE)(CodecError::Truncated))?;
            visit(scope, elder, decode(value.value())?)?;
        }
        Ok(())
    }
}

impl<T: TableAccess> FactsRead for T {}

fn decode(row: &[u8]) -> Result<FactsRow, StoreError> {
    let bytes = decode_checked(row).ok_or_else(|| corrupt(TABLE)(CodecError::Tag))?;
    FactsRow::decode(bytes).map_err(corrupt(TABLE))
}

impl Transaction<'_> {
    /// Stores what is known of an elder, or takes it away.
    pub fn put_facts(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        row: Option<&FactsRow>,
    ) -> Result<(), StoreError> {
        let place = elder_bytes(scope, elder);
        match row {
            None => drop(self.facts.remove(place.as_slice())?),
            Some(row) => {
                self.facts.insert(place.as_slice(), encode_checked(&row.encode()).as_slice())?;
            }
        }
        Ok(())
    }
}
