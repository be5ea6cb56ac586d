//! Invented people of a village and what is written about them in a year, from lists of words and a seed.

#![allow(missing_docs, unreachable_pub, reason = "shared by programs that are crates of their own")]

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, NaiveTime};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{Absence, Element, Supporter};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    AbsenceReason, Choice, Condition, DisabilityGrade, ElderId, Finding, Housing, Hygiene,
    IncomeSource, LivingArrangement, MentalState, ObservedFunction, SafetyItem, ServiceNeed, Sex,
    SupportCapacity, VisitMode, VisitOutcome,
};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::visit::{AreaReport, Visit};
use shouwang_node::engine::{DocumentEdit, Engine};
use shouwang_node::entropy::Entropy;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::Now;

/// The words that people and places are called by, and what visitors write.
pub struct Words {
    pub surnames: &'static [&'static str],
    pub given: &'static [&'static str],
    pub hamlets: &'static [&'static str],
    pub cities: &'static [&'static str],
    pub relations: &'static [&'static str],
    pub visitors: &'static [&'static str],
    pub notes: &'static [&'static str],
    /// The first three digits of telephones.
    pub phones: &'static [&'static str],
}

/// Whoever writes about a village's people.
pub struct Clerk {
    words: &'static Words,
    random: Entropy,
    village: DivisionCode,
}

const YEAR: i32 = 2026;
const VISITS: u32 = 12;

impl Clerk {
    /// From words, a seed and a village.
    pub fn new(words: &'static Words, seed: u8, village: &str) -> Self {
        let village = village.parse().expect("a division code");
        Self { words, random: Entropy::new([seed; 32]), village }
    }

    /// Opens so many files in a new county's store, visits each twelve times, a round a month, and now
    /// and then corrects something.
    pub fn fills(&mut self, store: Store, elders: usize) -> Engine {
        let county = "990121000000".parse().expect("a division code");
        setup::init(&store, &mut self.random, county, "霁川县", 0).expect("a new store");
        let seed = self.random.bytes();
        let mut engine = Engine::open(store, seed).expect("a joined store");
        let ids: Vec<ElderId> = (0..elders).map(|_| ElderId(self.random.bytes())).collect();
        for (nth, elders) in ids.chunks(20).enumerate() {
            let edits: Vec<_> = elders.iter().map(|elder| self.registers(*elder)).collect();
            write(&mut engine, 1, nth, &edits);
        }
        for month in 1..=VISITS {
            for (nth, elders) in ids.chunks(20).enumerate() {
                let edits: Vec<_> = elders.iter().map(|elder| self.visits(*elder, month)).collect();
                write(&mut engine, month, nth, &edits);
            }
            for (nth, elders) in ids.chunks(20).enumerate() {
                let corrected = elders.iter().take(usize::from(self.upto(2)));
                let edits: Vec<_> = corrected.map(|elder| self.corrects(*elder)).collect();
                write(&mut engine, month, 500 + nth, &edits);
            }
        }
        engine
    }

    fn upto(&mut self, count: usize) -> u8 {
        let [byte] = self.random.bytes();
        byte % u8::try_from(count).expect("a few")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let [high, low] = self.random.bytes();
        of[usize::from(u16::from_be_bytes([high, low])) % of.len()]
    }

    fn number(&mut self, digits: u32) -> u64 {
        u64::from_be_bytes(self.random.bytes()) % 10u64.pow(digits)
    }

    fn name(&mut self) -> String {
        format!("{}{}", self.one(self.words.surnames), self.one(self.words.given))
    }

    fn phone(&mut self) -> String {
        format!("{}{:08}", self.one(self.words.phones), self.number(8))
    }

    fn day(&mut self, year: i32) -> NaiveDate {
        let (month, day) = (u32::from(self.upto(12)) + 1, u32::from(self.upto(28)) + 1);
        NaiveDate::from_ymd_opt(year, month, day).expect("a day")
    }

    fn registers(&mut self, elder: ElderId) -> DocumentEdit {
        let year = 1935 + i32::from(self.upto(30));
        let born = self.day(year);
        let digits = format!("990121{}{:03}", born.format("%Y%m%d"), self.number(3));
        let id = ResidentId::with_check(&digits).expect("an id");
        let hamlet = self.one(self.words.hamlets);
        let mut actions = Vec::new();
        let address = format!("{hamlet}{}组{}号", self.number(1) + 1, self.number(2) + 1);
        let fields = [
            (Field::Name, self.name()),
            (Field::Sex, self.one(Sex::ALL).as_str().to_owned()),
            (Field::ResidentId, id.as_str().to_owned()),
            (Field::Phone, self.phone()),
            (Field::Address, address),
            (Field::Hamlet, hamlet.to_owned()),
            (Field::ResidenceCode, self.village.to_string()),
            (Field::LivingArrangement, self.one(LivingArrangement::ALL).as_str().to_owned()),
            (Field::ObservedFunction, self.one(ObservedFunction::ALL).as_str().to_owned()),
            (Field::MentalState, self.one(MentalState::ALL).as_str().to_owned()),
            (Field::DisabilityGrade, self.one(DisabilityGrade::ALL).as_str().to_owned()),
            (Field::Housing, self.one(Housing::ALL).as_str().to_owned()),
            (Field::Hygiene, self.one(Hygiene::ALL).as_str().to_owned()),
        ];
        for (field, text) in fields {
            let value = field.value(&text).expect("a value");
            if self.upto(8) > 0 || field == Field::Name {
                actions.push(Action::Set { field, value });
            }
        }
        for _ in 0..self.upto(4) {
            let supporter = Supporter {
                name: self.name(),
                relation: Some(self.one(self.words.relations).to_owned()),
                whereabouts: Some(self.one(self.words.cities).to_owned()),
                phone: Some(self.phone()),
                capacity: self.one(SupportCapacity::ALL),
            };
            let away = Absence {
                supporter: supporter.name.clone(),
                left: Some(self.day(YEAR - 2)),
                returned: None,
                destination: None,
                reason: self.one(AbsenceReason::ALL),
            };
            actions.push(insert(&supporter));
            if self.upto(2) == 0 {
                actions.push(insert(&away));
            }
        }
        actions.push(insert(&self.one(Condition::ALL)));
        actions.push(insert(&self.one(IncomeSource::ALL)));
        if self.upto(3) == 0 {
            actions.push(insert(&self.one(SafetyItem::ALL)));
        }
        self.edit(elder, Part::Card, actions)
    }

    fn visits(&mut self, elder: ElderId, month: u32) -> DocumentEdit {
        let day = u32::from(self.upto(28)) + 1;
        let date = NaiveDate::from_ymd_opt(YEAR, month, day).expect("a day");
        let (hour, minute) = (8 + u32::from(self.upto(10)), u32::from(self.upto(60)));
        let noted = self.upto(10) < 3;
        let visit = Visit {
            time: NaiveTime::from_hms_opt(hour, minute, 0),
            visitor: Some(self.one(self.words.visitors).to_owned()),
            mode: self.one(VisitMode::ALL),
            outcome: if self.upto(12) == 0 {
                self.one(VisitOutcome::ALL)
            } else {
                VisitOutcome::Completed
            },
            health: self.finds(),
            economic: self.finds(),
            family: self.finds(),
            safety: self.finds(),
            needs: match self.upto(4) {
                0 => BTreeSet::from([self.one(ServiceNeed::ALL)]),
                _ => BTreeSet::new(),
            },
            note: noted.then(|| self.one(self.words.notes).to_owned()),
            ..Visit::on(date)
        };
        let year = u16::try_from(date.year()).expect("a year");
        self.edit(elder, Part::Journal(year), vec![insert(&visit)])
    }

    fn finds<I: Choice + Ord>(&mut self) -> Option<AreaReport<I>> {
        let finding = self.one(Finding::ALL);
        let items = match finding {
            Finding::Fine => BTreeSet::new(),
            _ => BTreeSet::from([self.one(I::ALL)]),
        };
        (self.upto(8) > 0).then_some(AreaReport { finding, items })
    }

    fn corrects(&mut self, elder: ElderId) -> DocumentEdit {
        let (field, text) = match self.upto(3) {
            0 => (Field::Phone, self.phone()),
            1 => (Field::Hygiene, self.one(Hygiene::ALL).as_str().to_owned()),
            _ => (Field::Remarks, self.one(self.words.notes).to_owned()),
        };
        let value = field.value(&text).expect("a value");
        self.edit(elder, Part::Card, vec![Action::Set { field, value }])
    }

    fn edit(&self, elder: ElderId, part: Part, actions: Vec<Action>) -> DocumentEdit {
        DocumentEdit { scope: self.village, document: DocumentId::elder(elder, part), actions }
    }
}

fn insert<E: Element>(element: &E) -> Action {
    Action::Insert { list: E::LIST, element: element.store() }
}

/// Twenty files at a time, some minutes after the twenty before.
fn write(engine: &mut Engine, month: u32, nth: usize, edits: &[DocumentEdit]) {
    let at_ms = 1_767_196_800_000 + u64::from(month) * 2_592_000_000 + nth as u64 * 911_317;
    let now = Now { monotonic_ms: at_ms, wall_ms: at_ms.cast_signed() };
    engine.capture(now, edits).expect("what a clerk may write");
}
