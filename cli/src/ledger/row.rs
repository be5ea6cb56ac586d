//! One row of a sheet: what kind of row it is, and the elder it speaks of.

use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::{Field, Kind, ValueError};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, Sex, YesNo};
use shouwang_crdt_schema::resident_id::ResidentId;

use super::cell::{Cell, is_blank};
use super::column::{Column, Header};
use super::date::{self, DateReading};
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
    Accepted(LedgerRow, Vec<CellGap>),
}

/// A row on its way to the record.
pub(crate) struct Draft<'a> {
    /// What it says so far.
    pub(crate) row: LedgerRow,
    /// What could not be taken over so far.
    pub(crate) gaps: Vec<CellGap>,
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
        if let Some(reason) = self.no_elder(cells) {
            return RowReading::Skipped(reason);
        }
        let (name, village) = match (self.name(cells), self.village(cells)) {
            (Ok(name), Ok(village)) => (name, village),
            (Err(gap), _) | (_, Err(gap)) => return RowReading::Rejected(gap),
        };
        let mut row = LedgerRow::new(village);
        row.fields.insert(Field::Name, name);
        row.fields.insert(Field::ResidenceCode, village.to_string());
        let mut draft = Draft { row, gaps: Vec::new(), reader: self, cells };
        draft.read_identity();
        draft.read_places();
        draft.read_condition();
        people::read(&mut draft);
        draft.read_remarks();
        RowReading::Accepted(draft.row, draft.gaps)
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

    fn name(&self, cells: &[Cell]) -> Result<String, CellGap> {
        let cell = self.cell(cells, Column::Name);
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
            Ok(value) => Ok(value.as_str().to_owned()),
            Err(error) => Err(fail(reason_of(&error))),
        }
    }

    fn village(&self, cells: &[Cell]) -> Result<DivisionCode, CellGap> {
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
        if cell.formula().is_some() {
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

    fn set(&mut self, column: Column, field: Field, text: &str) {
        match field.value(text) {
            Ok(value) => {
                self.row.fields.insert(field, value.as_str().to_owned());
            }
            Err(error) => self.gap(column, reason_of(&error), text),
        }
    }

    fn read_identity(&mut self) {
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
        self.free(Column::Hamlet, Field::Hamlet);
        self.free(Column::Address, Field::Address);
    }

    fn free(&mut self, column: Column, field: Field) {
        if let Some(cell) = self.cell(column) {
            self.set_free(column, field, &cell.text());
        }
    }

    fn set_free(&mut self, column: Column, field: Field, text: &str) {
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
        self.row.subsistence_allowance = self.answer(C::Allowance);
        self.row.agreement = self.answer(C::Agreement);
    }

    fn answer(&mut self, column: Column) -> Option<bool> {
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
            Some("=") => self.gap(Column::Remarks, Reason::FormulaCell, "="),
            Some(formula) => self.set_free(Column::Remarks, Field::Remarks, formula),
            None => self.free(Column::Remarks, Field::Remarks),
        }
    }
}

fn reason_of(error: &ValueError) -> Reason {
    match error {
        ValueError::TooLong { .. } => Reason::ValueTooLong,
        ValueError::Date(_) => Reason::UnreadableDate,
        ValueError::Division(_) => Reason::UnknownPlace,
        _ => Reason::UnknownValue,
    }
}
