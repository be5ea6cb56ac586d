//! The ledger of a township: a long table with filters and columns of one's choice, and as a file.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{CareGroup, Choice as _, ElderId};
use shouwang_node::command::area::AreaList;
use shouwang_node::command::elder::{ElderList, ElderSummary};
use shouwang_node::command::export::{ExportElders, ExportedElder};

use super::asked::{Answer, Asked};
use super::due::paged;
use super::form::{Choice, Control, FormField, choices};
use super::page::{Block, Cell, Grid, Link};
use crate::commands::export;
use crate::ledger::{Heading, Places, Written};
use crate::parse;
use crate::words;

/// Columns that may be chosen; those before are always there.
const COLUMNS: [Field; 10] = [
    Field::Phone,
    Field::Address,
    Field::Hamlet,
    Field::LivingArrangement,
    Field::ObservedFunction,
    Field::AbilityLevel,
    Field::DisabilityGrade,
    Field::CareConsent,
    Field::RiskLevel,
    Field::Remarks,
];

/// What is chosen where nothing was.
const COLUMNS_FIRST: [Field; 3] = [Field::Phone, Field::Address, Field::LivingArrangement];

/// Who is wanted.
struct Filter {
    scope: Option<DivisionCode>,
    matching: Option<String>,
    group: Option<CareGroup>,
    /// Only those whom nobody has visited this month.
    unvisited: bool,
}

impl Filter {
    fn asked(asked: &mut Asked) -> anyhow::Result<Self> {
        let query = asked.query.clone();
        let scope = query.text("scope").map(|text| parse::place(&mut asked.node, "scope", text));
        Ok(Self {
            scope: scope.transpose()?,
            matching: query.text("q").map(str::to_owned),
            group: query.text("group").and_then(CareGroup::from_stored),
            unvisited: query.text("unvisited").is_some(),
        })
    }

    fn is_all_of_a_place(&self) -> bool {
        self.matching.is_none() && self.group.is_none() && !self.unvisited
    }

    fn matching(&self, asked: &mut Asked) -> anyhow::Result<Vec<ElderSummary>> {
        let as_of = asked.context.as_of;
        let request = ElderList { scope: self.scope, matching: self.matching.clone(), as_of };
        let mut elders = asked.node.call(request)?.elders;
        let is_of_the_month =
            |day: NaiveDate| (day.year(), day.month()) == (as_of.year(), as_of.month());
        elders.retain(|elder| {
            self.group.is_none_or(|group| elder.care_group == group)
                && !(self.unvisited && elder.last_visit.is_some_and(is_of_the_month))
        });
        Ok(elders)
    }
}

/// A page of it.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let query = asked.query.clone();
    let filter = Filter::asked(asked)?;
    let elders = filter.matching(asked)?;
    let Filter { scope, group, unvisited, .. } = filter;
    let messages = asked.context.messages.clone();
    let mut page = asked
        .page(messages.word("console-place", "ledger"))
        .same_as("shouwang elder list --format csv");
    let columns: Vec<Field> = match query.has("column") {
        true => query.all("column").iter().filter_map(|key| Field::from_key(key)).collect(),
        false => COLUMNS_FIRST.to_vec(),
    };
    let fields = filters(asked, scope, group, unvisited, &columns)?;
    let mut form = asked.form(messages.word("console-word", "show"), fields)?;
    form.looks = true;
    page.add(Block::Form(Box::new(form)));
    let link = |member: &str, kind: &str| Link {
        href: asked
            .query
            .address("/ledger/file", &[("kind", Some(kind.to_owned())), ("page", None)]),
        text: messages.word("console-word", member),
        current: false,
    };
    page.add(Block::Links(vec![link("as_workbook", "xlsx"), link("as_csv", "csv")]));
    let (pager, shown) = paged(asked, "/ledger", elders.len());
    let shown = elders.get(shown).unwrap_or_default();
    let grid = grid(asked, shown, &columns)?;
    asked.note("list", "ledger", scope, elders.len())?;
    page.add(Block::Grid(grid)).add(pager);
    Ok(page.into())
}

fn filters(
    asked: &mut Asked,
    scope: Option<DivisionCode>,
    group: Option<CareGroup>,
    unvisited: bool,
    columns: &[Field],
) -> anyhow::Result<Vec<FormField>> {
    let messages = asked.context.messages.clone();
    let word = |member: &str| messages.word("console-word", member);
    let choice = |value: String, text: String, chosen: bool| Choice { value, text, chosen };
    let directory = asked.node.call(AreaList { within: None })?;
    let ours = Area(directory.area);
    let mut places = vec![choice(String::new(), word("all_places"), scope.is_none())];
    places.extend(
        directory
            .places
            .into_iter()
            .filter(|place| ours.contains(place.code) && place.code.level() >= Level::Township)
            .map(|place| choice(place.code.to_string(), place.name, scope == Some(place.code))),
    );
    let mut groups = vec![choice(String::new(), word("all_groups"), group.is_none())];
    let chosen = group.map(|group| group.as_str()).unwrap_or_default();
    groups.extend(choices::<CareGroup>(&[chosen], &messages));
    let column = |field: &Field| {
        let key = field.spec().key;
        choice(key.to_owned(), messages.word("field", key), columns.contains(field))
    };
    Ok(vec![
        FormField::line("q", word("find_what"), asked.query.text("q")),
        FormField::select("scope", word("place"), places),
        FormField::select("group", word("care_group"), groups),
        FormField::of(
            "unvisited",
            word("visits"),
            Control::Checks(vec![choice("1".to_owned(), word("not_this_month"), unvisited)]),
        ),
        FormField::of(
            "",
            word("columns"),
            Control::Group(
                vec![FormField::of(
                    "column",
                    word("columns"),
                    Control::Checks(COLUMNS.iter().map(column).collect()),
                )],
                false,
            ),
        ),
    ])
}

fn grid(asked: &mut Asked, elders: &[ElderSummary], columns: &[Field]) -> anyhow::Result<Grid> {
    let mut grid = super::elders::grid(asked, elders)?;
    grid.columns.pop();
    grid.rows.iter_mut().for_each(|row| drop(row.pop()));
    let messages = asked.context.messages.clone();
    let as_of = asked.context.as_of;
    for field in columns {
        grid.columns.push((messages.word("field", field.spec().key), false));
    }
    if columns.is_empty() {
        return Ok(grid);
    }
    for (row, elder) in grid.rows.iter_mut().zip(elders) {
        let file: Option<ExportedElder> = asked
            .node
            .call(ExportElders {
                scope: Some(elder.scope),
                elder: Some(elder.elder_id.to_string()),
                after: None,
                as_of,
                whole_ids: false,
            })?
            .elders
            .into_iter()
            .next();
        for field in columns {
            let stored = file.as_ref().and_then(|file| file.row.field(*field));
            let text = stored.map(|text| words::field_value(&messages, *field, text));
            row.push(Cell::text(text.unwrap_or_default()));
        }
    }
    Ok(grid)
}

/// Those who are wanted as a workbook or as text, as `export ledger` writes a place.
pub(super) fn file(asked: &mut Asked) -> anyhow::Result<Answer> {
    let query = asked.query.clone();
    let filter = Filter::asked(asked)?;
    let scope = filter.scope;
    let directory = asked.node.call(AreaList { within: None })?;
    let area = Area(directory.area);
    let places = Places::new(directory.places.into_iter().map(|place| (place.code, place.name)));
    let mut elders = export::elders(&mut asked.node, scope, None, false, &asked.context)?;
    if !filter.is_all_of_a_place() {
        let wanted: BTreeSet<ElderId> =
            filter.matching(asked)?.into_iter().map(|elder| elder.elder_id).collect();
        elders.retain(|elder| wanted.contains(&elder.elder_id));
    }
    let place = scope.unwrap_or(area.0);
    let name = places.name(place).map_or_else(|| place.to_string(), str::to_owned);
    let heading = Heading::of_ledger(&name, asked.context.as_of);
    let count = elders.len();
    let rows: Vec<_> = elders.into_iter().map(|elder| elder.row).collect();
    let written = Written::new(&rows, &places, area);
    asked.note("export", "ledger", Some(place), count)?;
    let is_text = query.text("kind") == Some("csv");
    let bytes = match is_text {
        true => written.text(&heading),
        false => written.workbook(&heading),
    };
    let bytes = bytes
        .map_err(|error| crate::commands::import::unusable(std::path::Path::new(&name), &error))?;
    let (ending, kind) = match is_text {
        true => ("csv", "text/csv; charset=utf-8"),
        false => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    };
    let name = format!("{name}-{}.{ending}", asked.context.as_of);
    Ok(Answer::File { name, kind, bytes })
}
