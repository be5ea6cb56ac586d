//! One row of a sheet: what kind of row it is, and the elder it speaks of.

use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::{Field, Kind, ValueError};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, ElderId, Sex, YesNo};
use shouwang_crdt_schema::resident_id::ResidentId;

use super::cell::{Cell, is_blank};
use super::column::{Column, Header};
use super::date::{self, DateReading};
use super::household;
use super::identity::{self, IdReading};
use super::people;
use super::places::{Places, Townships};
use super::reason::{self, Reason};
use super::vocabulary;

/// What the rows of a sheet have in common.
pub(crate) struct RowReader<'a> {
    /// The directory.
    pub(crate) places: &'a Places,
    /// Where the elders must live.
    pub(crate) area: Area,
    /// The meaning of the columns.
    pub(crate) header: &'a Header,
    /// The townships that the titles name.
    pub(crate) titles: Townships,
    /// The village of rows that name none, if the whole sheet is about one.
    pub(crate) only_village: Option<DivisionCode>,
}

/// Something that a cell says and the record does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CellGap {
    /// The column of the cell.
    pub(crate) column: Column,
    /// What is wrong.
    pub(crate) reason: Reason,
    /// The cell's text, except of a resident ID.
    pub(crate) detail: Option<String>,
}

/// What came of a row.
pub(crate) enum RowReading {
    /// No row about an elder.
    Skipped(Reason),
    /// An elder that cannot be named or placed.
    Rejected(CellGap),
    /// An elder, and what is missing or unreadable.
    Accepted(Box<LedgerRow>, Vec<CellGap>),
}

/// A row on its way to the record.
pub(crate) struct Draft<'a> {
    /// What it says so far.
    pub(crate) row: LedgerRow,
    /// What could not be taken over so far.
    pub(crate) gaps: Vec<CellGap>,
    /// Whether this program wrote the row: its texts are the record's own, and stand as they are.
    pub(crate) exact: bool,
    reader: &'a RowReader<'a>,
    cells: &'a [Cell],
}

const TOTALS: [&str; 8] =
    ["合计", "总计", "小计", "共计", "累计", "本页合计", "本页小计", "总合计"];

const NOTES: [&str; 10] =
    ["填报", "填表", "制表", "审核", "审批", "负责人", "单位负责人", "注:", "备注:", "说明:"];

impl RowReader<'_> {
    /// Reads a row.
    pub(crate) fn read(&self, cells: &[Cell]) -> RowReading {
        let file = self.file(cells);
        let exact = file.is_some();
        if let (Some(reason), false) = (self.no_elder(cells), exact) {
            return RowReading::Skipped(reason);
        }
        let (name, village) = match (self.name(cells, exact), self.village(cells, exact)) {
            (Ok(name), Ok(village)) => (name, village),
            (Err(gap), _) | (_, Err(gap)) => return RowReading::Rejected(gap),
        };
        let mut row = LedgerRow::new(village);
        row.file = file;
        row.fields.extend(name.map(|name| (Field::Name, name)));
        row.fields.insert(Field::ResidenceCode, village.to_string());
        let mut draft = Draft { row, gaps: Vec::new(), exact, reader: self, cells };
        draft.read_file();
        draft.read_identity();
        draft.read_places();
        draft.read_condition();
        people::read(&mut draft);
        household::read(&mut draft);
        draft.read_remarks();
        RowReading::Accepted(Box::new(draft.row), draft.gaps)
    }

    /// Why the row is not about an elder at all.
    fn no_elder(&self, cells: &[Cell]) -> Option<Reason> {
        let first = cells.iter().find(|cell| !cell.is_blank());
        let first = vocabulary::plain(&first.map(Cell::text).unwrap_or_default());
        let name = vocabulary::plain(&self.cell(cells, Column::Name).text());
        let total = |text: &str| {
            let word = text.trim_end_matches(|c: char| {
                c.is_ascii_digit() || matches!(c, ':' | '人' | '名' | '户' | '(' | ')' | '-' | '—')
            });
            TOTALS.contains(&word)
        };
        if total(&first) || total(&name) {
            return Some(Reason::TotalRow);
        }
        let says_something = |(position, cell): (usize, &Cell)| {
            let column = self.header.columns.get(position).copied().flatten();
            !cell.is_blank() && column.is_none_or(Column::is_about_the_elder)
        };
        if !cells.iter().enumerate().any(says_something) {
            let note = first.contains(':') && NOTES.iter().any(|note| first.starts_with(note));
            return Some(if note { Reason::NoteRow } else { Reason::BlankRow });
        }
        if Column::from_heading(&name) == Some(Column::Name) {
            return Some(Reason::HeaderRow);
        }
        let note = first.contains(':') && NOTES.iter().any(|note| first.starts_with(note));
        (note && (name.is_empty() || name == first)).then_some(Reason::NoteRow)
    }

    /// The file's id, in a row that this program wrote.
    fn file(&self, cells: &[Cell]) -> Option<ElderId> {
        self.cell(cells, Column::File).text().trim().parse().ok()
    }

    fn name(&self, cells: &[Cell], exact: bool) -> Result<Option<String>, CellGap> {
        let cell = self.cell(cells, Column::Name);
        if let (Cell::Text(_) | Cell::Empty, true) = (cell, exact) {
            return Ok(Field::Name.value(&cell.text()).ok().map(|name| name.as_str().to_owned()));
        }
        let fail =
            |reason| CellGap { column: Column::Name, reason, detail: reason::detail(&cell.text()) };
        if cell.formula().is_some() {
            return Err(fail(Reason::FormulaCell));
        }
        if matches!(cell, Cell::Error(_)) {
            return Err(fail(Reason::ErrorCell));
        }
        let name = identity::name(&cell.text()).ok_or_else(|| fail(Reason::MissingName))?;
        match Field::Name.value(&name) {
            Ok(value) => Ok(Some(value.as_str().to_owned())),
            Err(error) => Err(fail(reason_of(&error))),
        }
    }

    fn village(&self, cells: &[Cell], exact: bool) -> Result<DivisionCode, CellGap> {
        let cell = self.cell(cells, Column::Village);
        let fail = |reason| CellGap {
            column: Column::Village,
            reason,
            detail: reason::detail(&cell.text()),
        };
        if let (true, Some(village)) = (cell.is_blank(), self.only_village) {
            return Ok(village);
        }
        if cell.formula().is_some() {
            return Err(fail(Reason::FormulaCell));
        }
        // A file may be a township's own: only its code says so.
        if let (Ok(code), true) = (cell.text().trim().parse::<DivisionCode>(), exact)
            && self.area.contains(code)
        {
            return Ok(code);
        }
        let township = self.township(cells);
        self.places.village(&cell.text(), [&township, &self.titles], self.area).map_err(fail)
    }

    fn township(&self, cells: &[Cell]) -> Townships {
        let text = self.cell(cells, Column::Township).text();
        let mut found = self.places.townships_in(&text, self.area);
        found.extend(self.places.place(&text).filter(|place| place.level() == Level::Township));
        found
    }

    fn cell<'c>(&self, cells: &'c [Cell], column: Column) -> &'c Cell {
        let position = self.header.columns.iter().position(|known| *known == Some(column));
        position.and_then(|position| cells.get(position)).unwrap_or(&Cell::Empty)
    }
}

impl<'a> Draft<'a> {
    /// The directory.
    pub(crate) fn places(&self) -> &'a Places {
        self.reader.places
    }

    /// The county of the village, or what stands in a county's place.
    pub(crate) fn county(&self) -> DivisionCode {
        let mut place = self.row.scope;
        while let Some(parent) = place.parent().filter(|_| place.level() > Level::County) {
            place = parent;
        }
        place
    }

    /// The cell of a column, if it holds a value: a formula or an error becomes a gap.
    pub(crate) fn cell(&mut self, column: Column) -> Option<&'a Cell> {
        let cell = self.reader.cell(self.cells, column);
        let formula = match cell {
            Cell::Text(_) if self.exact => None,
            cell => cell.formula(),
        };
        if formula.is_some() {
            self.gap(column, Reason::FormulaCell, &cell.text());
            return None;
        }
        if let Cell::Error(text) = cell {
            self.gap(column, Reason::ErrorCell, text);
            return None;
        }
        (!cell.is_blank()).then_some(cell)
    }

    /// Notes that a cell says something that the record does not.
    pub(crate) fn gap(&mut self, column: Column, reason: Reason, text: &str) {
        let detail = if column.is_secret() { None } else { reason::detail(text) };
        self.gaps.push(CellGap { column, reason, detail });
    }

    /// The text of a cell for comparing with a vocabulary.
    pub(crate) fn word(&mut self, column: Column) -> Option<String> {
        let word = vocabulary::plain(&self.cell(column)?.text());
        (!word.is_empty() && !vocabulary::is_left_blank(&word)).then_some(word)
    }

    /// The first so many characters; the rest becomes a gap.
    pub(crate) fn cut(&mut self, column: Column, text: String, limit: usize) -> String {
        match text.char_indices().nth(limit) {
            None => text,
            Some((end, _)) => {
                self.gap(column, Reason::ValueTooLong, &text);
                text.get(..end).unwrap_or_default().to_owned()
            }
        }
    }

    /// Whether the sheet has such a column.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.reader.header.has(column)
    }

    /// What an office calls a file is no file's id.
    fn read_file(&mut self) {
        if let Some(text) = self.cell(Column::File).map(Cell::text)
            && !self.exact
        {
            self.gap(Column::File, Reason::UnknownValue, &text);
        }
    }

    fn set(&mut self, column: Column, field: Field, text: &str) {
        match field.value(text) {
            Ok(value) => {
                self.row.fields.insert(field, value.as_str().to_owned());
            }
            Err(error) => self.gap(column, reason_of(&error), text),
        }
    }

    fn read_identity(&mut self) {
        if self.exact {
            return self.read_exact_identity();
        }
        let cell = self.reader.cell(self.cells, Column::ResidentId);
        let valid = match identity::resident_id(cell) {
            IdReading::Valid(id) => Some(id),
            IdReading::AsWritten(text, reason) => {
                self.gap(Column::ResidentId, reason, "");
                self.set(Column::ResidentId, Field::ResidentIdAsWritten, &text);
                None
            }
            IdReading::Nothing(reason) => {
                self.gap(Column::ResidentId, reason, "");
                None
            }
        };
        self.read_sex(valid.as_ref());
        self.read_birth_date(valid.as_ref());
        if let Some(id) = valid {
            self.set(Column::ResidentId, Field::ResidentId, id.as_str());
        }
        if let Some(phone) = self.cell(Column::Phone).map(Cell::text) {
            match identity::phone(&phone) {
                Some(number) if identity::is_scientific(&number) => {
                    self.gap(Column::Phone, Reason::UnknownValue, &number);
                }
                Some(number) => self.set(Column::Phone, Field::Phone, &number),
                None => {}
            }
        }
    }

    /// What this program wrote is not put right by the number: the record knew it too.
    fn read_exact_identity(&mut self) {
        let number = self.cell(Column::ResidentId).map(Cell::text).unwrap_or_default();
        match Field::ResidentId.value(&number) {
            _ if number.is_empty() => self.gap(Column::ResidentId, Reason::IdMissing, ""),
            // Masked: the file's id says who it is.
            _ if is_masked(&number) => {}
            Ok(id) => self.set(Column::ResidentId, Field::ResidentId, id.as_str()),
            Err(_) => match identity::resident_id(&Cell::Text(number.clone())) {
                IdReading::Valid(id) => {
                    self.set(Column::ResidentId, Field::ResidentId, id.as_str());
                }
                IdReading::AsWritten(_, reason) | IdReading::Nothing(reason) => {
                    self.gap(Column::ResidentId, reason, "");
                    self.set(Column::ResidentId, Field::ResidentIdAsWritten, &number);
                }
            },
        }
        let written = self.cell(Column::ResidentIdAsWritten).map(Cell::text);
        if let Some(written) = written.filter(|written| !is_masked(written)) {
            self.set(Column::ResidentIdAsWritten, Field::ResidentIdAsWritten, &written);
        }
        self.choose(Column::Sex, Field::Sex, vocabulary::sex);
        self.read_day(Column::BirthDate, Field::BirthDate);
        self.free(Column::Phone, Field::Phone);
    }

    fn read_sex(&mut self, id: Option<&ResidentId>) {
        let word = self.word(Column::Sex);
        let stated = word.as_deref().and_then(vocabulary::sex);
        if let (Some(word), None) = (&word, stated) {
            self.gap(Column::Sex, Reason::UnknownValue, word);
        }
        let known = stated.filter(|sex| *sex != Sex::Unknown);
        if let (Some(word), Some(id), Some(sex)) = (&word, id, known)
            && id.sex() != sex
        {
            self.gap(Column::Sex, Reason::IdConflictsWithSex, word);
        }
        if let Some(sex) = id.map(ResidentId::sex).or(stated) {
            self.set(Column::Sex, Field::Sex, sex.as_str());
        }
    }

    fn read_birth_date(&mut self, id: Option<&ResidentId>) {
        let inside = id.map(ResidentId::birth_date);
        let mut birth_date = inside;
        if let Some(cell) = self.cell(Column::BirthDate)
            && !identity::is_nothing(&vocabulary::plain(&cell.text()))
        {
            let stated = date::read(cell);
            let gap = match (stated, inside) {
                (DateReading::Unreadable, _) => Some(Reason::UnreadableDate),
                (_, Some(date)) => {
                    (!stated.agrees_with(date)).then_some(Reason::IdConflictsWithBirthDate)
                }
                (DateReading::Partial(..), None) => Some(Reason::PartialDate),
                (DateReading::Day(day), None) => {
                    birth_date = Some(day);
                    None
                }
            };
            if let Some(reason) = gap {
                self.gap(Column::BirthDate, reason, &cell.text());
            }
        }
        if let Some(date) = birth_date {
            self.set(Column::BirthDate, Field::BirthDate, &date.to_string());
        }
    }

    /// A field that is a day.
    fn read_day(&mut self, column: Column, field: Field) {
        if let Some(cell) = self.cell(column).cloned()
            && let Some(day) = people::day(self, column, &cell)
        {
            self.set(column, field, &day.to_string());
        }
    }

    /// The number as written, in a ledger that has a column of its own for it.
    fn read_written_id(&mut self) {
        if let Some(text) = self.cell(Column::ResidentIdAsWritten).map(Cell::text)
            && !self.exact
        {
            let text = identity::free_text(&text);
            match Field::ResidentIdAsWritten.value(&text) {
                Ok(_) => self.set(Column::ResidentIdAsWritten, Field::ResidentIdAsWritten, &text),
                Err(_) => self.gap(Column::ResidentIdAsWritten, Reason::UnknownValue, ""),
            }
        }
    }

    fn read_score(&mut self) {
        let Some(cell) = self.cell(Column::AbilityScore) else { return };
        let word = vocabulary::plain(&cell.text());
        let number = word.strip_suffix('分').unwrap_or(&word);
        if !identity::is_nothing(number) && !vocabulary::is_left_blank(number) {
            self.set(Column::AbilityScore, Field::AbilityScore, number);
        }
    }

    /// A doctor is somebody with a name: whether there is one is no answer.
    fn read_doctor(&mut self) {
        use Column as C;
        let word = self.word(C::FamilyDoctor);
        let answer = word.as_deref().filter(|_| !self.exact).and_then(vocabulary::yes_no);
        match (answer, word) {
            (Some(_), Some(word)) if !identity::is_nothing(&word) => {
                self.gap(C::FamilyDoctor, Reason::UnknownValue, &word);
            }
            (Some(_), _) => {}
            (None, _) => self.free(C::FamilyDoctor, Field::FamilyDoctor),
        }
        self.free(C::FamilyDoctorClinic, Field::FamilyDoctorClinic);
        self.read_day(C::FamilyDoctorFrom, Field::FamilyDoctorFrom);
        self.read_day(C::FamilyDoctorUntil, Field::FamilyDoctorUntil);
    }

    fn read_places(&mut self) {
        if let Some(text) = self.cell(Column::Township).map(Cell::text) {
            let named = self.reader.township(self.cells);
            if named.is_empty() {
                self.gap(Column::Township, Reason::UnknownPlace, &text);
            } else if !named.iter().any(|place| place.contains(self.row.scope)) {
                self.gap(Column::Township, Reason::TownshipDisagrees, &text);
            }
        }
        if let Some(text) = self.word(Column::Hukou) {
            let place = match text.as_str() {
                "本村" | "本组" => Some(self.row.scope),
                "本乡" | "本镇" | "本乡镇" => self.row.scope.parent(),
                "本县" | "县内" | "本地" | "本县农村" => Some(self.county()),
                _ => self.places().place(&text),
            };
            match place {
                Some(place) => self.set(Column::Hukou, Field::HukouCode, &place.to_string()),
                None => self.gap(Column::Hukou, Reason::UnknownPlace, &text),
            }
        }
        if let Some(text) = self.word(Column::ResidencePlace) {
            match self.places().place(&text) {
                Some(place) => {
                    self.set(Column::ResidencePlace, Field::ResidenceCode, &place.to_string());
                }
                None if self.exact && identity::is_nothing(&text) => {
                    self.row.fields.remove(&Field::ResidenceCode);
                }
                None => self.gap(Column::ResidencePlace, Reason::UnknownPlace, &text),
            }
        }
        self.free(Column::Hamlet, Field::Hamlet);
        self.free(Column::Address, Field::Address);
    }

    fn free(&mut self, column: Column, field: Field) {
        if let Some(cell) = self.cell(column) {
            self.set_free(column, field, &cell.text());
        }
    }

    fn set_free(&mut self, column: Column, field: Field, text: &str) {
        if self.exact {
            return self.set(column, field, text);
        }
        let mut text = identity::free_text(text);
        if let Kind::Text(limit) = field.spec().kind {
            text = self.cut(column, text, limit);
        }
        if !text.chars().all(is_blank) {
            self.set(column, field, &text);
        }
    }

    fn choose<C: Choice>(&mut self, column: Column, field: Field, read: fn(&str) -> Option<C>) {
        if let Some(word) = self.word(column) {
            match read(&word) {
                Some(value) => self.set(column, field, value.as_str()),
                None => self.gap(column, Reason::UnknownValue, &word),
            }
        }
    }

    fn read_condition(&mut self) {
        use Column as C;
        self.choose(C::LivingArrangement, Field::LivingArrangement, vocabulary::living_arrangement);
        self.choose(C::AbilityLevel, Field::AbilityLevel, vocabulary::ability_level);
        self.choose(C::DisabilityGrade, Field::DisabilityGrade, vocabulary::disability_grade);
        self.choose(C::ObservedFunction, Field::ObservedFunction, vocabulary::observed_function);
        self.choose(C::Dementia, Field::Dementia, vocabulary::yes_no);
        self.choose(C::Hardship, Field::Hardship, vocabulary::yes_no);
        self.choose(C::RiskLevel, Field::RiskLevel, vocabulary::risk_level);
        self.choose(C::MentalState, Field::MentalState, vocabulary::mental_state);
        self.choose(C::Hygiene, Field::Hygiene, vocabulary::hygiene);
        self.choose(C::Housing, Field::Housing, vocabulary::housing);
        self.choose(C::CareConsent, Field::CareConsent, vocabulary::care_consent);
        self.read_day(C::AbilityAssessedOn, Field::AbilityAssessedOn);
        self.free(C::AbilityAssessor, Field::AbilityAssessor);
        self.read_score();
        self.read_doctor();
        self.free(C::CarePlan, Field::CarePlan);
        self.read_written_id();
        self.row.subsistence_allowance = self.answer(C::Allowance);
    }

    /// A plain question of fact.
    pub(crate) fn answer(&mut self, column: Column) -> Option<bool> {
        let word = self.word(column)?;
        match vocabulary::yes_no(&word) {
            Some(YesNo::Yes) => Some(true),
            Some(YesNo::No) => Some(false),
            _ => {
                self.gap(column, Reason::UnknownValue, &word);
                None
            }
        }
    }

    /// Remarks are the one place where a formula is text like any other.
    fn read_remarks(&mut self) {
        let cell = self.reader.cell(self.cells, Column::Remarks);
        match cell.formula() {
            _ if self.exact => self.free(Column::Remarks, Field::Remarks),
            Some("=") => self.gap(Column::Remarks, Reason::FormulaCell, "="),
            Some(formula) => self.set_free(Column::Remarks, Field::Remarks, formula),
            None => self.free(Column::Remarks, Field::Remarks),
        }
    }
}

/// Whether only the last four of a number are left: as exports write it, and as some offices do,
/// which cannot be told apart.
pub(crate) fn is_masked(number: &str) -> bool {
    let length = number.chars().count();
    length > 4 && number.chars().take(length - 4).all(|c| c == '*')
}

fn reason_of(error: &ValueError) -> Reason {
    match error {
        ValueError::TooLong { .. } => Reason::ValueTooLong,
        ValueError::Date(_) => Reason::UnreadableDate,
        ValueError::Division(_) => Reason::UnknownPlace,
        _ => Reason::UnknownValue,
    }
}
