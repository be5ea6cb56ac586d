//! Lists that somebody works through, and the list for the telephone: what each village still owes.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::report::due::DueList;

use super::asked::{Answer, Asked};
use super::page::{Block, Cell, Grid, Link, Pager};
use super::today;
use crate::commands::elder::place_names;
use crate::commands::report::coverage_line;
use crate::output::Mark;
use crate::parse;

/// Lines on a page.
pub(super) const PAGE_LINES: usize = 100;

/// A list of what is due.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let wanted = asked.query.text("list").unwrap_or("all").to_owned();
    let named = DueList::ALL.iter().copied().find(|list| list.as_str() == wanted);
    let lists = match named {
        Some(list) => vec![list],
        None => vec![DueList::Overdue, DueList::Due, DueList::Occasions],
    };
    let scope = asked.query.text("scope").map(str::to_owned);
    let within = scope.as_deref().map(|scope| parse::place(&mut asked.node, "scope", scope));
    let within = within.transpose()?;
    let (report, coverage) = today::due(asked, within, &lists)?;
    let list_name = |list: DueList| asked.context.messages.word("due-list", list.as_str());
    let names: Vec<String> = lists.iter().map(|list| list_name(*list)).collect();
    let title = names.join(&asked.context.messages.text("list-separator"));
    let command = match named {
        Some(DueList::Due) | None => "shouwang due".to_owned(),
        Some(list) => format!("shouwang due --{}", list.as_str()),
    };
    let links: Vec<Link> = DueList::ALL
        .iter()
        .map(|list| Link {
            href: asked
                .query
                .address("/due", &[("list", Some(list.as_str().to_owned())), ("page", None)]),
            text: format!(
                "{} {}",
                list_name(*list),
                report.counts.get(list).copied().unwrap_or_default()
            ),
            current: named == Some(*list),
        })
        .collect();
    let mut page = asked.page(title).same_as(command).live();
    page.add(Block::Links(links));
    page.note(Mark::Note, coverage_line(&coverage, &asked.context));
    let (pager, shown) = paged(asked, "/due", report.elders.len());
    let grid = today::grid(asked, report.elders.get(shown).unwrap_or_default())?;
    page.add(Block::Grid(grid));
    page.add(pager);
    asked.note("due", &wanted, Some(coverage.area), report.elders.len())?;
    Ok(page.into())
}

/// Which lines a page shows, and the way to those before and after.
pub(super) fn paged(asked: &Asked, path: &str, lines: usize) -> (Block, std::ops::Range<usize>) {
    let pages = lines.div_ceil(PAGE_LINES).max(1);
    let typed = asked.query.text("page").and_then(|page| page.parse::<usize>().ok());
    let page = typed.unwrap_or(1).clamp(1, pages);
    let first = (page - 1) * PAGE_LINES;
    let shown = first..lines.min(first + PAGE_LINES);
    let to = |page: usize| asked.query.address(path, &[("page", Some(page.to_string()))]);
    let values = [
        ("from", fluent_bundle::FluentValue::from(shown.start + 1)),
        ("to", shown.end.into()),
        ("all", lines.into()),
    ];
    let pager = Pager {
        earlier: (page > 1).then(|| to(page - 1)),
        later: (page < pages).then(|| to(page + 1)),
        // Where there is nothing, that is said by what would be listed.
        text: match lines {
            0 => String::new(),
            _ => asked.context.messages.say("console-lines", values),
        },
    };
    (Block::Pager(pager), shown)
}

/// What each village owes: for whoever calls them.
pub(super) fn chasing(asked: &mut Asked) -> anyhow::Result<Answer> {
    let (report, coverage) = today::due(asked, None, &DueList::ALL)?;
    let names = place_names(&mut asked.node)?;
    let mut by_village: BTreeMap<DivisionCode, BTreeMap<DueList, u64>> = BTreeMap::new();
    for elder in &report.elders {
        let counts = by_village.entry(elder.scope).or_default();
        let mut lists: Vec<DueList> = elder.items.iter().map(|item| item.list).collect();
        lists.dedup();
        for list in lists {
            *counts.entry(list).or_default() += 1;
        }
    }
    let messages = asked.context.messages.clone();
    let mut columns = vec![(messages.word("console-word", "village"), false)];
    columns
        .extend(DueList::ALL.iter().map(|list| (messages.word("due-list", list.as_str()), true)));
    columns.push((messages.word("console-word", "data"), false));
    let mut rows = Vec::new();
    for village in &coverage.by_village {
        let counts = by_village.get(&village.code);
        let name = names.get(&village.code).cloned().or_else(|| village.name.clone());
        let code = village.code;
        let mut row = vec![
            Cell::text(name.unwrap_or_else(|| code.to_string()))
                .to(format!("/due?list=all&scope={code}")),
        ];
        for list in DueList::ALL {
            let count = counts.and_then(|counts| counts.get(&list)).copied().unwrap_or_default();
            row.push(match count {
                0 => Cell::text("0"),
                count if list == DueList::Overdue || list == DueList::Alerts => {
                    Cell::state(Mark::Bad, count)
                }
                count => Cell::text(count),
            });
        }
        row.push(super::mesh::freshness(village, &asked.context));
        rows.push((
            counts.and_then(|c| c.get(&DueList::Overdue)).copied().unwrap_or_default(),
            row,
        ));
    }
    // Whoever owes most is called first.
    rows.sort_by_key(|(overdue, _)| std::cmp::Reverse(*overdue));
    let mut page =
        asked.page(messages.word("console-place", "chasing")).same_as("shouwang due --all").live();
    page.note(Mark::Note, coverage_line(&coverage, &asked.context));
    page.add(Block::Grid(Grid {
        caption: messages.word("console-place", "chasing"),
        columns,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        empty: messages.text("console-no-villages"),
    }));
    asked.note("due", "chasing", Some(coverage.area), report.elders.len())?;
    Ok(page.into())
}
