//! One logical workload: a township of elders, each registered once and visited monthly for a year.
//!
//! What an elder's file says is decided by the seed and the elder's number alone, so that every
//! process makes the same people for itself. [`ours`] writes them as parts of a record, [`theirs`]
//! as one Automerge document each; both write the same texts.

use anyhow::Context;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeDelta};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{Absence, Supporter};
use shouwang_crdt_schema::record::{
    AbsenceReason, Condition, DisabilityGrade, ElderId, Finding, Housing, Hygiene, IncomeSource,
    MentalState, ObservedFunction, SafetyItem, ServiceNeed, Sex, SupportCapacity, VisitMode,
};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::visit::{AreaReport, Visit};

mod names;
pub(crate) mod ours;
pub(crate) mod theirs;

pub(crate) use names::Names;

/// 松雾镇, where all of it happens.
const TOWNSHIP: u64 = 990_121_101_000;

/// Villages of the township.
pub(crate) const VILLAGES: usize = 10;

/// Clerks' laptops: two in each village.
pub(crate) const DEVICES: usize = 2 * VILLAGES;

/// Visits to each elder in the year.
pub(crate) const VISITS: usize = 12;

/// Elders who are visited once more at the end of the year.
pub(crate) const VISITED_AGAIN: usize = 100;

/// The year of it all. Registrations come in its first days.
const YEAR: i32 = 2026;

/// Offset of Chinese time from UTC, s.
const OFFSET_S: i32 = 8 * 3_600;

/// A township's people, from a seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Decides everything but the lists of names.
    pub(crate) seed: u64,
    /// How many elders.
    pub(crate) elders: usize,
    /// The words that people and places are called by.
    pub(crate) names: &'static Names,
}

/// All that is written about one elder.
#[derive(Clone, Debug)]
pub(crate) struct Elder {
    /// The name of the file.
    pub(crate) id: ElderId,
    /// Which laptop writes it, from 0.
    pub(crate) device: usize,
    /// The registration.
    pub(crate) registration: Registration,
    /// The monthly visits, in order of time.
    pub(crate) visits: Vec<Visited>,
}

/// What a clerk writes down first.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// When it was written, ms since 1970.
    pub(crate) at_ms: i64,
    /// 姓名
    pub(crate) name: String,
    /// 性别
    pub(crate) sex: Sex,
    /// 公民身份号码
    pub(crate) resident_id: ResidentId,
    /// 居住地
    pub(crate) village: DivisionCode,
    /// 家庭住址
    pub(crate) address: String,
    /// 联系电话
    pub(crate) phone: String,
    /// 身体状况
    pub(crate) function: ObservedFunction,
    /// 精神状态
    pub(crate) mental: MentalState,
    /// 疾病
    pub(crate) condition: Option<Condition>,
    /// 残疾等级
    pub(crate) disability: DisabilityGrade,
    /// 赡养人 and 外出
    pub(crate) supporters: Vec<(Supporter, Absence)>,
    /// 经济来源
    pub(crate) income: Vec<IncomeSource>,
    /// 居住环境
    pub(crate) housing: Housing,
    /// 安全隐患
    pub(crate) hazard: Option<SafetyItem>,
    /// 卫生状况
    pub(crate) hygiene: Hygiene,
}

/// A visit, and when it was written.
#[derive(Clone, Debug)]
pub(crate) struct Visited {
    /// When it was written, ms since 1970.
    pub(crate) at_ms: i64,
    /// What was written.
    pub(crate) visit: Visit,
}

impl Workload {
    /// A township with the names that are measured with.
    pub(crate) fn new(seed: u64, elders: usize) -> Self {
        Self { seed, elders, names: &Names::BENCH }
    }

    /// The elder with this number, from 0.
    pub(crate) fn elder(&self, number: usize) -> anyhow::Result<Elder> {
        let mut people = People { names: self.names, rng: self.stream(number, 0) };
        let at = number % VILLAGES;
        let device = 2 * at + number / VILLAGES % 2;
        let id = ElderId(people.rng.random());
        let registration = people.registration(number, at)?;
        let visits = (1..=VISITS as u32).map(|month| people.visit(month, at)).collect();
        Ok(Elder { id, device, registration, visits })
    }

    /// All elders.
    pub(crate) fn all(&self) -> impl Iterator<Item = anyhow::Result<Elder>> {
        (0..self.elders).map(|number| self.elder(number))
    }

    /// The numbers of the elders who are visited once more, spread over villages and laptops.
    pub(crate) fn visited_again(&self) -> Vec<usize> {
        let count = VISITED_AGAIN.min(self.elders);
        // Whole rounds of all laptops, at even distances.
        let rounds = (self.elders / DEVICES).max(1);
        let wanted = count.div_ceil(DEVICES).max(1);
        let step = (rounds / wanted).max(1);
        (0..count).map(|at| (at / DEVICES * step * DEVICES + at % DEVICES) % self.elders).collect()
    }

    /// The visit at the end of the year to the elder with this number.
    pub(crate) fn again(&self, number: usize) -> Visited {
        let mut people = People { names: self.names, rng: self.stream(number, 1) };
        people.visit_on(12, 29, number % VILLAGES)
    }

    fn stream(&self, number: usize, kind: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(2 * number as u64 + kind);
        rng
    }
}

/// The code of a village by number, from 0.
pub(crate) fn village(number: usize) -> anyhow::Result<DivisionCode> {
    township()?.child(200 + number as u64).context("a village has three digits")
}

/// The code of the township.
pub(crate) fn township() -> anyhow::Result<DivisionCode> {
    Ok(DivisionCode::from_number(TOWNSHIP)?)
}

/// Draws people and what befalls them.
struct People {
    names: &'static Names,
    rng: ChaCha8Rng,
}

impl People {
    fn one<T: Copy>(&mut self, of: &[T], otherwise: T) -> T {
        of.choose(&mut self.rng).copied().unwrap_or(otherwise)
    }

    fn text(&mut self, of: &[&'static str]) -> &'static str {
        self.one(of, "")
    }

    fn full_name(&mut self) -> String {
        let (surnames, given) = (self.names.surnames, self.names.given);
        format!("{}{}", self.text(surnames), self.text(given))
    }

    fn phone(&mut self, prefix: &str) -> String {
        format!("{prefix}{:08}", self.rng.random_range(0..100_000_000_u32))
    }

    fn date(&mut self, years: std::ops::Range<i32>) -> NaiveDate {
        let year = self.rng.random_range(years);
        let (month, day) = (self.rng.random_range(1..=12), self.rng.random_range(1..=28));
        NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
    }

    /// A moment of a working day in the year, ms since 1970.
    fn moment(&mut self, month: u32, day: u32) -> (NaiveDate, i64) {
        let date = NaiveDate::from_ymd_opt(YEAR, month, day).unwrap_or_default();
        let of_day = TimeDelta::milliseconds(self.rng.random_range(0..10 * 3_600_000));
        let at = date.and_time(NaiveTime::MIN) + TimeDelta::hours(8) + of_day;
        let zone = FixedOffset::east_opt(OFFSET_S);
        let zoned = zone.and_then(|zone| at.and_local_timezone(zone).single());
        (date, zoned.map_or(0, |at: DateTime<FixedOffset>| at.timestamp_millis()))
    }

    fn registration(&mut self, number: usize, at: usize) -> anyhow::Result<Registration> {
        let day = self.rng.random_range(2..=9);
        let (_, at_ms) = self.moment(1, day);
        let sex = self.one(&[Sex::Female, Sex::Male], Sex::Female);
        let birth = self.date(1930..1966).format("%Y%m%d");
        // Three digits in order of birth, of which the last says the sex.
        let serial = 2 * (number / 2 % 500) + usize::from(sex == Sex::Male);
        let resident_id = ResidentId::with_check(&format!("990121{birth}{serial:03}"))?;
        let name = self.full_name();
        let (group, house) = (self.rng.random_range(1..20), self.rng.random_range(1..200));
        let address = format!("{}{group}组{house}号", self.names.villages[at % VILLAGES]);
        let phone = self.phone(self.names.phones[0]);
        use {Condition as C, DisabilityGrade as D, ObservedFunction as O};
        let function =
            self.one(&[O::NoLimitation, O::MobilityLimited, O::Bedridden], O::NoLimitation);
        let moods = [MentalState::Stable, MentalState::Concern, MentalState::Severe];
        let mental = self.one(&moods, MentalState::Stable);
        let illnesses =
            [None, Some(C::Hypertension), Some(C::Diabetes), Some(C::Tuberculosis), Some(C::Other)];
        let condition = self.one(&illnesses, None);
        let disability = self.one(&[D::None, D::G4, D::G3, D::G2, D::G1], D::None);
        let count = self.rng.random_range(1..=3);
        let supporters = (0..count).map(|nth| self.supporter(nth)).collect();
        use IncomeSource::{Benefit, Family, Labour, Pension};
        let income = [Pension, Family, Labour, Benefit];
        let income = income.into_iter().filter(|_| self.rng.random_bool(0.5)).collect();
        let states = [Housing::Sound, Housing::NeedsAdaptation, Housing::Dangerous];
        let housing = self.one(&states, Housing::Sound);
        let hazards = [None, Some(SafetyItem::Power), Some(SafetyItem::House)];
        let hazard = self.one(&hazards, None);
        let hygiene = self.one(&[Hygiene::Good, Hygiene::Fair, Hygiene::Poor], Hygiene::Good);
        Ok(Registration {
            at_ms,
            name,
            sex,
            resident_id,
            village: village(at)?,
            address,
            phone,
            function,
            mental,
            condition,
            disability,
            supporters,
            income,
            housing,
            hazard,
            hygiene,
        })
    }

    fn supporter(&mut self, nth: usize) -> (Supporter, Absence) {
        let name = self.full_name();
        let relation = self.names.relations[nth % self.names.relations.len()];
        let supporter = Supporter {
            name: name.clone(),
            relation: Some(relation.to_owned()),
            whereabouts: Some(self.text(self.names.cities).to_owned()),
            phone: Some(self.phone(self.names.phones[1])),
            capacity: SupportCapacity::Unknown,
        };
        let absence = Absence {
            supporter: name,
            left: Some(self.date(2020..2026)),
            returned: None,
            destination: None,
            reason: AbsenceReason::Unknown,
        };
        (supporter, absence)
    }

    fn visit(&mut self, month: u32, at: usize) -> Visited {
        // Registrations of January come first.
        let day = self.rng.random_range(if month == 1 { 10..=28 } else { 1..=28 });
        self.visit_on(month, day, at)
    }

    fn visit_on(&mut self, month: u32, day: u32, at: usize) -> Visited {
        let (date, at_ms) = self.moment(month, day);
        // Three people of each village take turns.
        let visitor = 3 * at + self.rng.random_range(0..3);
        let (surnames, given) = (self.names.surnames, self.names.given);
        let visitor =
            format!("{}{}", surnames[visitor % surnames.len()], given[visitor * 7 % given.len()]);
        let mode =
            self.one(&[VisitMode::Home, VisitMode::Phone, VisitMode::Video], VisitMode::Home);
        use ServiceNeed::{Cleaning, Meals, Medical};
        let need = self.one(&[None, Some(Meals), Some(Medical), Some(Cleaning)], None);
        let note = self.rng.random_bool(0.3).then(|| self.text(self.names.notes).to_owned());
        let visit = Visit {
            visitor: Some(visitor),
            mode,
            health: self.report(),
            economic: self.report(),
            family: self.report(),
            safety: self.report(),
            needs: need.into_iter().collect(),
            note,
            ..Visit::on(date)
        };
        Visited { at_ms, visit }
    }

    /// One area of the form: nothing filled in, or one of three findings.
    fn report<I: Ord>(&mut self) -> Option<AreaReport<I>> {
        let findings = [None, Some(Finding::Fine), Some(Finding::Concern), Some(Finding::Problem)];
        let finding = self.one(&findings, None);
        finding.map(|finding| AreaReport { finding, items: Default::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_and_a_number_decide_an_elder() {
        let (one, other) = (Workload::new(1, 40), Workload::new(2, 40));
        for number in [0, 17, 39] {
            let text = |workload: &Workload| format!("{:?}", workload.elder(number).unwrap());
            assert_eq!(text(&one), text(&Workload::new(1, 4_000)));
            assert_ne!(text(&one), text(&other));
        }
    }

    #[test]
    fn the_second_visits_go_to_different_elders_of_all_laptops() {
        for elders in [20, 100, 150, 4_000] {
            let workload = Workload::new(1, elders);
            let numbers: BTreeSet<usize> = workload.visited_again().into_iter().collect();
            assert_eq!(numbers.len(), VISITED_AGAIN.min(elders));
            let device = |number: &usize| workload.elder(*number).unwrap().device;
            assert_eq!(numbers.iter().map(device).collect::<BTreeSet<_>>().len(), DEVICES);
        }
    }

    #[test]
    fn what_is_trained_on_is_not_what_is_measured() {
        let (bench, training) = (&Names::BENCH, &Names::TRAINING);
        let lists = |names: &Names| {
            [names.surnames, names.given, names.villages, names.cities, names.notes]
        };
        for (one, other) in lists(bench).into_iter().zip(lists(training)) {
            assert!(one.iter().all(|word| !other.contains(word)));
        }
        assert_eq!(bench.villages.len(), VILLAGES);
        assert_eq!(training.villages.len(), VILLAGES);
    }
}
