//! Writing rows as offices keep them: title, unit and date, a header of two rows, then the elders.
//!
//! Read again, each row is the row that was written: the file's id in the last column says that the
//! texts are the record's own (`docs/ledgers.md`, "Export").

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::element::Entitlement;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, EntitlementKind, EntitlementState, SupportCapacity};

use super::cell::{Cell, guarded, kept};
use super::column::{Column, ColumnKey};
use super::identity::{self, IdReading};
use super::items::joined;
use super::places::{Places, Townships};
use super::{LedgerError, limits};

/// What stands above the rows.
pub(crate) struct Heading {
    /// The first row.
    pub(crate) title: String,
    /// The second row: who filled the ledger in, and when.
    pub(crate) unit: String,
    /// The day, as it stands there.
    pub(crate) date: String,
}

/// The columns in groups, in the order in which a ledger has them, and whether the column stands
/// there even if nothing does in it.
const LAYOUT: &[(&str, &[(Column, bool)])] = &[
    (
        "基本信息",
        &[
            (Column::Serial, true),
            (Column::Name, true),
            (Column::Sex, true),
            (Column::ResidentId, true),
            (Column::ResidentIdAsWritten, false),
            (Column::BirthDate, true),
            (Column::Township, true),
            (Column::Village, true),
            (Column::ResidencePlace, false),
            (Column::Hamlet, true),
            (Column::Address, true),
            (Column::Hukou, true),
            (Column::Phone, true),
        ],
    ),
    (
        "家庭情况",
        &[
            (Column::LivingArrangement, true),
            (Column::Members, true),
            (Column::MemberRelation, false),
            (Column::SupporterName, true),
            (Column::SupporterRelation, true),
            (Column::SupporterWhereabouts, true),
            (Column::AbsenceDestination, false),
            (Column::AbsenceLeft, true),
            (Column::AbsenceReturned, false),
            (Column::AbsenceReason, false),
            (Column::SupporterPhone, true),
            (Column::SupporterCapacity, true),
            (Column::Maintainers, true),
            (Column::MaintainerRelation, false),
            (Column::GuardianName, true),
            (Column::GuardianPhone, true),
            (Column::GuardianRank, false),
            (Column::EmergencyContacts, true),
            (Column::EmergencyPhone, true),
            (Column::EmergencyRank, false),
        ],
    ),
    (
        "健康与能力",
        &[
            (Column::AbilityLevel, true),
            (Column::AbilityAssessedOn, false),
            (Column::AbilityAssessor, false),
            (Column::AbilityScore, false),
            (Column::DisabilityGrade, true),
            (Column::ObservedFunction, true),
            (Column::Dementia, true),
            (Column::MentalState, true),
            (Column::Conditions, true),
            (Column::FamilyDoctor, true),
            (Column::FamilyDoctorClinic, false),
            (Column::FamilyDoctorFrom, false),
            (Column::FamilyDoctorUntil, false),
        ],
    ),
    (
        "经济与居住",
        &[
            (Column::IncomeSources, true),
            (Column::Hardship, true),
            (Column::Allowance, true),
            (Column::Entitlements, true),
            (Column::Hygiene, true),
            (Column::Housing, true),
            (Column::Hazards, true),
            (Column::Devices, true),
            (Column::DeviceSerial, false),
        ],
    ),
    (
        "关爱服务",
        &[
            (Column::SpecialCategories, true),
            (Column::RiskLevel, true),
            (Column::CareConsent, true),
            (Column::ServiceNeeds, true),
            (Column::CarePlan, true),
            (Column::Pairing, true),
            (Column::PairingKind, true),
            (Column::PairingFrom, false),
            (Column::PairingUntil, false),
            (Column::Agreement, true),
            (Column::AgreementEvent, false),
            (Column::AgreementDate, false),
            (Column::AgreementSupporter, false),
            (Column::AgreementCaretaker, false),
            (Column::AgreementConsent, false),
            (Column::AgreementNote, false),
        ],
    ),
    ("其他", &[(Column::Remarks, true), (Column::File, true)]),
];

impl Heading {
    /// Of the ledger of a place, on a day.
    pub(crate) fn of_ledger(place: &str, day: NaiveDate) -> Self {
        Self {
            title: format!("{place}农村留守老年人管理台账"),
            unit: place.to_owned(),
            date: format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        }
    }
}

/// A table ready to be written.
pub(crate) struct Written {
    groups: Vec<(&'static str, usize)>,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Written {
    /// Lays rows out. Villages are named where the name will be understood again.
    pub(crate) fn new(rows: &[LedgerRow], places: &Places, area: Area) -> Self {
        let all: Vec<(&str, Column, bool)> = LAYOUT
            .iter()
            .flat_map(|(group, columns)| {
                columns.iter().map(move |(column, always)| (*group, *column, *always))
            })
            .collect();
        let rows: Vec<Vec<String>> = (1..)
            .zip(rows)
            .map(|(number, row)| {
                let names = Names::of(row, places, area);
                all.iter()
                    .map(|(_, column, _)| cell(*column, number, row, &names, places))
                    .collect()
            })
            .collect();
        let used: Vec<usize> = (0..all.len())
            .filter(|at| {
                let always = all.get(*at).is_some_and(|(_, _, always)| *always);
                always || rows.iter().any(|row| row.get(*at).is_some_and(|text| !text.is_empty()))
            })
            .collect();
        let mut groups: Vec<(&'static str, usize)> = Vec::new();
        for (group, ..) in used.iter().filter_map(|at| all.get(*at)) {
            match groups.last_mut().filter(|(last, _)| last == group) {
                Some((_, width)) => *width += 1,
                None => groups.push((group, 1)),
            }
        }
        let pick = |row: &Vec<String>| used.iter().filter_map(|at| row.get(*at).cloned()).collect();
        Self {
            groups,
            columns: used.iter().filter_map(|at| all.get(*at)).map(|(_, c, _)| *c).collect(),
            rows: rows.iter().map(pick).collect(),
        }
    }

    /// A workbook of one sheet. Every cell is text, so that nothing is evaluated or rounded; the
    /// last column, the file's id, is hidden.
    pub(crate) fn workbook(&self, heading: &Heading) -> Result<Vec<u8>, LedgerError> {
        let border = Format::new().set_border(FormatBorder::Thin).set_text_wrap();
        let head = border.clone().set_bold().set_align(FormatAlign::Center);
        let title = Format::new().set_bold().set_font_size(16).set_align(FormatAlign::Center);
        let plain = Format::new();
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet.set_name("留守老年人台账")?;
        let last = u16::try_from(self.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        // The last column is hidden: what is merged over it would be cut.
        sheet.merge_range(0, 0, 0, last.saturating_sub(1), &kept(&heading.title), &title)?;
        sheet.merge_range(1, 0, 1, last.saturating_sub(1), &kept(&heading.line()), &plain)?;
        let mut from = 0u16;
        for (group, width) in &self.groups {
            let to = from + u16::try_from(*width).unwrap_or(u16::MAX).saturating_sub(1);
            match from == to {
                true => drop(sheet.write_string_with_format(2, from, *group, &head)?),
                false => drop(sheet.merge_range(2, from, 2, to, group, &head)?),
            }
            from = to + 1;
        }
        for (at, column) in (0u16..).zip(&self.columns) {
            sheet.write_string_with_format(3, at, heading_of(*column), &head)?;
            sheet.set_column_width(at, width(*column))?;
        }
        for (row, cells) in (4u32..).zip(&self.rows) {
            for (at, text) in (0u16..).zip(cells) {
                match text.is_empty() {
                    true => sheet.write_blank(row, at, &border)?,
                    false => sheet.write_string_with_format(row, at, kept(text), &border)?,
                };
            }
        }
        sheet.set_freeze_panes(4, 2)?;
        sheet.set_column_hidden(last)?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0);
        Ok(workbook.save_to_buffer()?)
    }

    /// A text file for one sheet, marked as UTF-8, every field in quotation marks.
    pub(crate) fn text(&self, heading: &Heading) -> Result<Vec<u8>, LedgerError> {
        let headings: Vec<&str> = self.columns.iter().map(|column| heading_of(*column)).collect();
        let mut groups: Vec<&str> = Vec::new();
        for (group, width) in &self.groups {
            groups.push(group);
            groups.extend(std::iter::repeat_n("", width.saturating_sub(1)));
        }
        let mut table = vec![vec![heading.title.as_str()]];
        let line = heading.line();
        table.push(vec![line.as_str()]);
        table.push(groups);
        table.push(headings);
        table.extend(self.rows.iter().map(|row| row.iter().map(String::as_str).collect()));
        csv_bytes(&table)
    }
}

impl Heading {
    fn line(&self) -> String {
        format!("填报单位：{}　　　　填报日期：{}", self.unit, self.date)
    }
}

/// A CSV file that a spreadsheet opens without evaluating, rounding or misreading it.
pub(crate) fn csv_bytes(table: &[Vec<&str>]) -> Result<Vec<u8>, LedgerError> {
    // Excel reads a CSV file as UTF-8 only with the mark.
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    for row in table {
        writer.write_record(row.iter().map(|text| guarded(text)))?;
    }
    writer.into_inner().map_err(|_| LedgerError::Unwritable)
}

fn heading_of(column: Column) -> &'static str {
    column.headings().first().copied().unwrap_or_default()
}

fn width(column: Column) -> f64 {
    match column {
        Column::Serial | Column::Sex => 5.0,
        Column::ResidentId => 20.0,
        Column::Address | Column::Remarks | Column::CarePlan => 28.0,
        _ => 12.0,
    }
}

/// The words for where a row's file is.
struct Names {
    township: String,
    village: String,
}

impl Names {
    fn of(row: &LedgerRow, places: &Places, area: Area) -> Self {
        let township = row.scope.parent().filter(|place| place.level() == Level::Township);
        let township = township.and_then(|place| places.name(place)).unwrap_or_default().to_owned();
        let mut hint = places.townships_in(&township, area);
        hint.extend(places.place(&township));
        let understood = |name: &&str| {
            places.village(name, [&hint, &Townships::new()], area) == Ok(row.scope)
                && name.parse::<DivisionCode>().is_err()
        };
        let village = places.name(row.scope).filter(understood).map(str::to_owned);
        Self { township, village: village.unwrap_or_else(|| row.scope.to_string()) }
    }
}

/// What stands in a cell.
fn cell(column: Column, number: usize, row: &LedgerRow, names: &Names, places: &Places) -> String {
    use Column as C;
    match column {
        C::Serial => number.to_string(),
        C::Township => names.township.clone(),
        C::Village => names.village.clone(),
        C::File => row.file.map(|file| file.to_string()).unwrap_or_default(),
        C::ResidentId => match row.field(Field::ResidentId) {
            Some(id) => id.to_owned(),
            None if reads_as_valid(row) => String::new(),
            None => field(row, Field::ResidentIdAsWritten),
        },
        C::ResidentIdAsWritten
            if row.field(Field::ResidentId).is_none() && !reads_as_valid(row) =>
        {
            String::new()
        }
        C::ResidencePlace => match row.field(Field::ResidenceCode) {
            Some(code) if code == row.scope.to_string() => String::new(),
            Some(code) => code.to_owned(),
            None => "无".to_owned(),
        },
        C::Hukou => place_name(row.field(Field::HukouCode), places),
        C::Allowance => row.subsistence_allowance.map(answer).unwrap_or_default(),
        C::Agreement => row.agreement.map(answer).unwrap_or_default(),
        C::Entitlements => entitlements(row),
        C::EmptyNest => String::new(),
        C::IncomeSources => words(&row.income_sources),
        C::Conditions => words(&row.conditions),
        C::Hazards => words(&row.hazards),
        C::ServiceNeeds => words(&row.service_needs),
        C::SpecialCategories => words(&row.special_categories),
        _ => people(column, row).unwrap_or_else(|| {
            Field::from_key(column.key()).map(|of| field(row, of)).unwrap_or_default()
        }),
    }
}

/// Whether a number that is kept as it was written would be read as a valid one.
fn reads_as_valid(row: &LedgerRow) -> bool {
    row.field(Field::ResidentIdAsWritten).is_some_and(|written| {
        let cell = Cell::Text(written.to_owned());
        matches!(identity::resident_id(&cell), IdReading::Valid(_))
    })
}

/// A cell about people, devices or the agreement.
fn people(column: Column, row: &LedgerRow) -> Option<String> {
    use Column as C;
    let absence = |name: &str| row.absences.iter().find(|absence| absence.supporter == name);
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut of_absence = |text: fn(&shouwang_crdt_schema::element::Absence) -> String| {
        let texts = row.supporters.iter().map(|supporter| {
            let first = seen.insert(supporter.name.as_str());
            absence(&supporter.name).filter(|_| first).map(text).unwrap_or_default()
        });
        join(texts)
    };
    let event = row.agreement_event.as_ref();
    let whole = |text: Option<&String>| join(text.cloned());
    Some(match column {
        C::Members => join(row.members.iter().map(|member| member.name.clone())),
        C::MemberRelation => join(row.members.iter().map(|member| said(&member.relation))),
        C::Maintainers => join(row.maintainers.iter().map(|person| person.name.clone())),
        C::MaintainerRelation => join(row.maintainers.iter().map(|person| said(&person.relation))),
        C::SupporterName => join(row.supporters.iter().map(|person| person.name.clone())),
        C::SupporterRelation => join(row.supporters.iter().map(|person| said(&person.relation))),
        C::SupporterWhereabouts => {
            join(row.supporters.iter().map(|person| said(&person.whereabouts)))
        }
        C::SupporterPhone => join(row.supporters.iter().map(|person| said(&person.phone))),
        C::SupporterCapacity => join(
            row.supporters.iter().map(|person| known(person.capacity, SupportCapacity::Unknown)),
        ),
        C::AbsenceDestination => of_absence(|absence| shown(absence.destination)),
        C::AbsenceLeft => of_absence(|absence| shown(absence.left)),
        C::AbsenceReturned => of_absence(|absence| shown(absence.returned)),
        // The word for "unknown" says that somebody is away of whom nothing else is known.
        C::AbsenceReason => of_absence(|absence| absence.reason.chinese().to_owned()),
        C::GuardianName => join(row.guardian_contacts.iter().map(|person| person.name.clone())),
        C::GuardianPhone => join(row.guardian_contacts.iter().map(|person| said(&person.phone))),
        C::GuardianRank => join(row.guardian_contacts.iter().map(|person| shown(person.rank))),
        C::EmergencyContacts => {
            join(row.emergency_contacts.iter().map(|person| person.name.clone()))
        }
        C::EmergencyPhone => join(row.emergency_contacts.iter().map(|person| said(&person.phone))),
        C::EmergencyRank => join(row.emergency_contacts.iter().map(|person| shown(person.rank))),
        C::Devices => join(row.devices.iter().map(|device| device.kind.chinese().to_owned())),
        C::DeviceSerial => join(row.devices.iter().map(|device| said(&device.serial))),
        C::Pairing => join(row.pairings.iter().map(|pairing| pairing.helper.clone())),
        C::PairingKind => join(row.pairings.iter().map(|pairing| {
            known(pairing.kind, shouwang_crdt_schema::record::PairingKind::Unknown)
        })),
        C::PairingFrom => join(row.pairings.iter().map(|pairing| shown(pairing.from))),
        C::PairingUntil => join(row.pairings.iter().map(|pairing| shown(pairing.until))),
        C::AgreementEvent => {
            event.map(|event| event.event.chinese().to_owned()).unwrap_or_default()
        }
        C::AgreementDate => event.map(|event| shown(event.date)).unwrap_or_default(),
        C::AgreementSupporter => whole(event.and_then(|event| event.supporter.as_ref())),
        C::AgreementCaretaker => whole(event.and_then(|event| event.caretaker.as_ref())),
        C::AgreementConsent => {
            let unknown = shouwang_crdt_schema::record::YesNo::Unknown;
            event.map(|event| known(event.elder_consent, unknown)).unwrap_or_default()
        }
        C::AgreementNote => whole(event.and_then(|event| event.note.as_ref())),
        _ => return None,
    })
}

fn join(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    joined(items.iter().map(String::as_str))
}

fn said(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn known<C: Choice>(value: C, unknown: C) -> String {
    if value == unknown { String::new() } else { value.chinese().to_owned() }
}

fn answer(yes: bool) -> String {
    if yes { "是".to_owned() } else { "否".to_owned() }
}

fn words<C: Choice>(words: &BTreeSet<C>) -> String {
    join(words.iter().map(|word| word.chinese().to_owned()))
}

/// A field's value in the words of the offices.
fn field(row: &LedgerRow, field: Field) -> String {
    let text = row.field(field).unwrap_or_default();
    match field.spec().kind {
        Kind::Choice(words) => {
            let word = words.iter().find(|(stored, _)| *stored == text);
            word.map_or(text, |(_, chinese)| chinese).to_owned()
        }
        _ => text.to_owned(),
    }
}

/// A place by its name, if that will be understood again, else by its code.
fn place_name(code: Option<&str>, places: &Places) -> String {
    let Some(code) = code else { return String::new() };
    let place: Option<DivisionCode> = code.parse().ok();
    let name = place.and_then(|place| places.name(place));
    let understood = |name: &&str| {
        places.place(&super::vocabulary::plain(name)) == place && !name.starts_with('本')
    };
    name.filter(understood).unwrap_or(code).to_owned()
}

/// Each entitlement with how far it has come; an allowance that is simply received or ended has a
/// column of its own.
fn entitlements(row: &LedgerRow) -> String {
    let plain = |step: &&Entitlement| {
        step.kind == EntitlementKind::SubsistenceAllowance
            && step.date.is_none()
            && matches!(step.state, EntitlementState::Receiving | EntitlementState::Ended)
    };
    let steps = row.entitlements.iter().filter(|step| !plain(step));
    let texts: Vec<String> = steps
        .map(|step| match step.date {
            Some(date) => format!("{}（{} {date}）", step.kind.chinese(), step.state.chinese()),
            None => format!("{}（{}）", step.kind.chinese(), step.state.chinese()),
        })
        .collect();
    // No word of the vocabularies holds what parts items.
    texts.join("、")
}

const _: () = assert!(limits::COLUMNS_MAX >= 128);
