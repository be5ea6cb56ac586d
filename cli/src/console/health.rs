//! How this node is, and what is nowhere else yet.

use fluent_bundle::FluentValue;
use shouwang_node::command::custody::RetireCheck;
use shouwang_node::command::health::Health;

use super::asked::{Answer, Asked};
use super::page::{Block, Cell, Grid};
use crate::commands::peers;
use crate::finding;
use crate::moment;
use crate::output::Mark;

/// What `doctor` finds, and the other devices.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let machine = asked.context.home.machine(&mut asked.node)?;
    let report = asked.node.call(Health {
        as_of: crate::commands::incident::moment(&asked.context),
        machine: Some(machine),
    })?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "health")).same_as("shouwang doctor").live();
    let verdict = finding::verdict(&report, &asked.context);
    page.note(finding::mark(report.severity()), verdict);
    let mut group = None;
    for one in &report.findings {
        if group != Some(one.group) {
            page.heading(messages.word("finding-group", finding::group_key(one.group)));
            group = Some(one.group);
        }
        page.add(Block::Note {
            mark: finding::mark(one.severity),
            text: finding::text(one, &asked.context),
            fix: finding::fix(one, &asked.context),
        });
    }
    page.heading(messages.word("console-word", "peers"));
    let peers = peers::sorted(&report.status.peers);
    let table = peers::table(&peers, &asked.context);
    let (caption, none) =
        (messages.word("console-word", "peers"), messages.text("console-no-peers"));
    page.add(Block::Grid(Grid::of(&table, caption, none, |_| None)));
    Ok(page.into())
}

/// What this device has written and nobody else has confirmed.
pub(super) fn held(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = asked.node.call(RetireCheck {})?;
    let messages = asked.context.messages.clone();
    let mut page = asked
        .page(messages.word("console-word", "held"))
        .same_as("shouwang device retire --check")
        .live();
    let entries = report.not_held_elsewhere.entries;
    match entries {
        0 => page.note(Mark::Good, messages.text("console-all-held")),
        count => {
            let count = FluentValue::from(count);
            page.note(Mark::Attention, messages.say("console-not-held", [("count", count)]))
        }
    };
    if entries > 0 {
        let (text, fix) = (messages.text("console-held-why"), messages.text("console-held-fix"));
        page.add(Block::Note { mark: Mark::Note, text, fix: Some(fix) });
    }
    let names = crate::commands::elder::place_names(&mut asked.node)?;
    let head = |member: &str| (messages.word("console-word", member), false);
    let rows = report.scopes.iter().map(|scope| {
        let oldest = scope.oldest_written_at_ms;
        let oldest = oldest.map(|at| moment::ago(&messages, at, asked.context.now_ms, false));
        vec![
            Cell::text(names.get(&scope.code).cloned().unwrap_or_else(|| scope.code.to_string())),
            Cell::text(scope.entries),
            Cell::text(oldest.unwrap_or_default()),
        ]
    });
    page.add(Block::Grid(Grid {
        caption: messages.word("console-word", "held"),
        columns: vec![head("place"), head("entries"), head("oldest")],
        rows: rows.collect(),
        empty: messages.text("console-all-held"),
    }));
    Ok(page.into())
}
