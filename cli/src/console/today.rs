//! What there is to do today.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::report::due::{DueItem, DueList};
use shouwang_node::command::clock::{CheckedToday, Today};
use shouwang_node::command::conflicts::ConflictList;
use shouwang_node::command::coverage::{Coverage, CoverageAsked};
use shouwang_node::command::drafts::DraftList;
use shouwang_node::command::due::{Due, DueElder, DueReport};
use shouwang_node::command::incident::{IncidentList, Which};

use super::asked::{Answer, Asked};
use super::incidents;
use super::page::{Block, Cell, Grid, Link, Page, Tile};
use crate::commands::elder::place_names;
use crate::commands::incident::moment;
use crate::commands::report::{coverage_line, each_portion};
use crate::output::Mark;
use crate::report_sheets::due_why;
use crate::words;

/// Names that a page of what is due shows at most; the rest stands on the page of the list.
const SHOWN_MAX: usize = 30;

/// The page that opens first.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let status = asked.status()?;
    let title = asked.context.messages.say(
        "console-today",
        [("day", fluent_bundle::FluentValue::from(asked.context.as_of.to_string()))],
    );
    let mut page = asked.page(title).same_as("shouwang due").live();
    if !asked.context.as_of_typed
        && let CheckedToday::Implausible { .. } = asked.node.call(Today {})?.today
    {
        page.note(Mark::Bad, asked.context.messages.text("console-clock"));
    }
    let (report, coverage) =
        due(asked, None, &[DueList::Overdue, DueList::Due, DueList::Occasions])?;
    let which = IncidentList { which: Which::Open, elder: None, as_of: moment(&asked.context) };
    let incidents = asked.node.call(which)?;
    let conflicts =
        asked.node.call(ConflictList { scope: None, elder: None })?.conflicts.len() as u64;
    let count = |list: DueList| report.counts.get(&list).copied().unwrap_or_default();
    let held = status.not_held_elsewhere.entries;
    let tile = |member: &str, number: u64, bad: Mark, href: &str, command: &str| Tile {
        number: number.to_string(),
        label: asked.context.messages.word("console-tile", member),
        mark: if number == 0 { Mark::Good } else { bad },
        href: href.to_owned(),
        command: command.to_owned(),
    };
    let overdue = count(DueList::Overdue);
    let unacknowledged = incidents.counts.unacknowledged;
    let tiles = vec![
        tile("overdue", overdue, Mark::Bad, "/due?list=overdue", "shouwang due --overdue"),
        tile("due", count(DueList::Due), Mark::Attention, "/due?list=due", "shouwang due"),
        tile(
            "incidents",
            incidents.counts.open,
            if unacknowledged > 0 { Mark::Bad } else { Mark::Attention },
            "/incidents",
            "shouwang incident list",
        ),
        tile("conflicts", conflicts, Mark::Attention, "/conflicts", "shouwang conflicts list"),
        tile(
            "transfers",
            status.transfers_to_answer,
            Mark::Attention,
            "/transfers",
            "shouwang transfer list",
        ),
        tile("held", held, Mark::Attention, "/held", "shouwang status"),
    ];
    page.add(Block::Tiles(tiles));
    let begun = drafts(asked, &mut page)?;
    if !incidents.incidents.is_empty() {
        page.heading(asked.context.messages.word("console-place", "incidents"));
        let shown = incidents.incidents.len().min(SHOWN_MAX);
        let grid = incidents::grid(asked, incidents.incidents.get(..shown).unwrap_or_default())?;
        page.add(Block::Grid(grid));
    }
    page.heading(asked.word("to_visit"));
    if coverage.villages_with_data < coverage.villages {
        page.note(Mark::Attention, coverage_line(&coverage, &asked.context));
    }
    let more = report.elders.len() > SHOWN_MAX;
    let grid = grid(asked, report.elders.get(..SHOWN_MAX).unwrap_or(&report.elders))?;
    page.add(Block::Grid(grid));
    if more {
        let text = asked.word("all_of_them");
        page.add(Block::Links(vec![Link {
            href: "/due?list=all".to_owned(),
            text,
            current: false,
        }]));
    }
    let shown = report.elders.len() + incidents.incidents.len() + begun;
    asked.note("due", "", Some(coverage.area), shown)?;
    Ok(page.into())
}

/// Forms in which something stands that is not saved; how many.
fn drafts(asked: &mut Asked, page: &mut Page) -> anyhow::Result<usize> {
    let drafts = asked.node.call(DraftList {})?.drafts;
    let links: Vec<Link> = drafts
        .into_iter()
        .filter_map(|draft| {
            let (kind, of) = draft.form.split_once(':').unwrap_or((&draft.form, ""));
            let what = asked.context.messages.known_word("console-draft", kind)?;
            let href = match (kind, draft.elder_id) {
                ("new", _) => "/new".to_owned(),
                ("grant", _) => "/devices".to_owned(),
                ("rule", _) => "/ruleset".to_owned(),
                ("answer", _) => "/transfers".to_owned(),
                ("step", _) => format!("/incident/{of}"),
                ("value", Some(elder)) => format!("/conflicts?elder={elder}"),
                (kind, Some(elder)) => format!("/elder/{elder}/{kind}"),
                _ => return None,
            };
            let at = crate::moment::ago(
                &asked.context.messages,
                draft.at_ms,
                asked.context.now_ms,
                false,
            );
            let about = draft.fields.get("about").and_then(|about| about.first()).cloned();
            let about = about.map(|about| format!(" · {about}")).unwrap_or_default();
            Some(Link { href, text: format!("{what}{about} · {at}"), current: false })
        })
        .collect();
    if !links.is_empty() {
        page.note(Mark::Attention, asked.context.messages.text("console-drafts"));
        let count = links.len();
        page.add(Block::Links(links));
        return Ok(count);
    }
    Ok(0)
}

/// Lists of a place, or of the whole area, and what they rest on.
pub(super) fn due(
    asked: &mut Asked,
    within: Option<DivisionCode>,
    lists: &[DueList],
) -> anyhow::Result<(DueReport, Coverage)> {
    let as_of = asked.context.as_of;
    let coverage = asked.node.call(CoverageAsked { within, as_of })?;
    let mut report = DueReport::empty();
    let node = &mut asked.node;
    each_portion(&coverage, &asked.context, |scopes| {
        report.add(node.call(Due { scopes, lists: lists.to_vec(), as_of })?);
        Ok(())
    })?;
    // The longest overdue first, wherever they live.
    report.elders.sort_by_key(|elder| {
        let first = elder.items.first();
        let late = first.and_then(|item| item.days_late).map_or(0, i64::from);
        (first.map(|item| item.list), -late, first.and_then(|item| item.by), elder.scope)
    });
    Ok((report, coverage))
}

/// Those on a list, each with the way to a visit.
pub(super) fn grid(asked: &mut Asked, elders: &[DueElder]) -> anyhow::Result<Grid> {
    let names: BTreeMap<DivisionCode, String> = place_names(&mut asked.node)?;
    let in_village = asked.level()? >= Level::Village;
    let messages = asked.context.messages.clone();
    let word = |member: &str| messages.word("console-word", member);
    let mut columns = vec![(word("name"), false)];
    if !in_village {
        columns.push((word("village"), false));
    }
    let rest = ["care_group", "why", "by", "last_visit", "helper", "record"];
    columns.extend(rest.map(|member| (word(member), false)));
    let row = |elder: &DueElder| {
        let id = elder.elder_id.to_string();
        let name = elder.name.clone().unwrap_or_else(|| messages.text("card-not-here"));
        let mut row = vec![Cell::text(name).to(format!("/elder/{id}"))];
        if !in_village {
            let place = names.get(&elder.scope).cloned();
            row.push(Cell::text(place.unwrap_or_else(|| elder.scope.to_string())));
        }
        let why: Vec<String> = elder.items.iter().map(|item| said(item, &messages)).collect();
        let late = elder.items.iter().any(|item| item.days_late.is_some());
        let why = why.join(&messages.text("list-separator"));
        let by = elder.items.iter().filter_map(|item| item.by).min();
        row.push(Cell::text(words::label(&messages, elder.care_group)));
        row.push(match late {
            true => Cell::state(Mark::Bad, why),
            false => Cell::text(why),
        });
        row.push(Cell::text(by.map(|by| by.to_string()).unwrap_or_default()));
        let never = || messages.text("console-never");
        row.push(Cell::text(elder.last_visit.map_or_else(never, |day| day.to_string())));
        row.push(Cell::text(elder.helper.clone().unwrap_or_default()));
        row.push(Cell::text(word("record_visit")).to(format!("/elder/{id}/visit")));
        row
    };
    Ok(Grid {
        caption: word("to_visit"),
        columns,
        rows: elders.iter().map(row).collect(),
        empty: messages.text("console-nothing-due"),
    })
}

/// What is to be done, and why.
fn said(item: &DueItem, messages: &crate::message::Messages) -> String {
    let list = messages.word("due-list", item.list.as_str());
    let late = item.days_late.map(|days| {
        messages.say("console-days-late", [("days", fluent_bundle::FluentValue::from(days))])
    });
    let why = due_why(messages, item);
    let parts = [Some(list), late, Some(why).filter(|why| !why.is_empty())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
