//! The mesh as a tree: each village by the age of its data against what is expected of it.

use std::collections::BTreeMap;

use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::coverage::{VillageCoverage, VillageState};
use shouwang_node::command::lag::{Lag, VillageLag};

use super::asked::{Answer, Asked};
use super::page::{Block, Cell, Grid, Tile};
use crate::commands::lag;
use crate::context::Context;
use crate::moment;
use crate::output::Mark;
use crate::words;

const DAY_MS: u64 = 86_400_000;

/// The tree.
pub(super) fn show(asked: &mut Asked) -> anyhow::Result<Answer> {
    let report = asked.node.call(Lag { within: None, as_of_ms: None })?;
    let messages = asked.context.messages.clone();
    let mut page =
        asked.page(messages.word("console-place", "mesh")).same_as("shouwang lag").live();
    for (mark, text) in lag::findings(&report, &asked.context) {
        page.note(mark, text);
    }
    let totals = &report.totals;
    let tile = |member: &str, number: u64, mark: Mark| Tile {
        number: number.to_string(),
        label: messages.word("console-tile", member),
        mark: if number == 0 { Mark::Good } else { mark },
        href: "/mesh#main".to_owned(),
        command: "shouwang lag".to_owned(),
    };
    page.add(Block::Tiles(vec![
        tile("villages", totals.villages, Mark::Note),
        tile("current", totals.current, Mark::Good),
        tile("stale", totals.stale, Mark::Bad),
        tile("never", totals.never, Mark::Bad),
        tile("without_device", totals.without_device, Mark::Attention),
    ]));
    page.note(Mark::Note, lag::ages(&report, &messages));
    page.note(Mark::Note, messages.text("console-mesh-bars"));
    let mut townships: BTreeMap<Option<DivisionCode>, Vec<&VillageLag>> = BTreeMap::new();
    for village in &report.villages {
        let township = village.code.parent().filter(|parent| *parent != report.area);
        townships.entry(township).or_default().push(village);
    }
    let head = |member: &str, right: bool| (messages.word("console-word", member), right);
    let mut rows = Vec::new();
    for (township, mut villages) in townships {
        villages.sort_by_key(|village| village.code);
        if township.is_some() {
            let name = villages.first().and_then(|village| village.township_name.clone());
            let current = |village: &&&VillageLag| village.state == VillageState::Current;
            let well = villages.iter().filter(current).count();
            let count = messages.say(
                "console-township-well",
                [("well", FluentValue::from(well)), ("all", villages.len().into())],
            );
            let marks = villages.iter().map(|village| mark(village));
            let mark = marks.max_by_key(|mark| gravity(*mark)).unwrap_or(Mark::Note);
            let percent = (well * 100 / villages.len().max(1)) as u64;
            let elders: u64 = villages.iter().map(|village| village.elders).sum();
            rows.push(vec![
                Cell::text(
                    name.unwrap_or_else(|| {
                        township.map(|code| code.to_string()).unwrap_or_default()
                    }),
                ),
                Cell::state(mark, count).with_bar(percent),
                Cell::default(),
                Cell::default(),
                Cell::text(elders),
            ]);
        }
        let depth = usize::from(township.is_some());
        rows.extend(villages.iter().map(|village| line(village, depth, &asked.context)));
    }
    page.add(Block::Grid(Grid {
        caption: messages.word("console-place", "mesh"),
        columns: vec![
            head("place", false),
            head("data", false),
            head("expected", false),
            head("last_met", false),
            head("elders", true),
        ],
        rows,
        empty: messages.text("console-no-villages"),
    }));
    Ok(page.into())
}

/// Which of two states a summary shows.
fn gravity(mark: Mark) -> u8 {
    match mark {
        Mark::Good => 0,
        Mark::Note => 1,
        Mark::Attention => 2,
        Mark::Bad => 3,
    }
}

fn mark(village: &VillageLag) -> Mark {
    match village.state {
        VillageState::Current => Mark::Good,
        VillageState::FromAbove | VillageState::Missing if village.is_new => Mark::Note,
        VillageState::Stale => Mark::Bad,
        VillageState::FromAbove | VillageState::Missing => Mark::Attention,
    }
}

fn line(village: &VillageLag, depth: usize, context: &Context) -> Vec<Cell> {
    let messages = &context.messages;
    let name = village.name.clone().unwrap_or_else(|| village.code.to_string());
    let state = words::village_state(messages, village.state);
    let text = match village.age_ms {
        Some(age_ms) => format!("{state} · {}", moment::age(messages, age_ms)),
        None => state,
    };
    let expected_ms = u64::from(village.expected_days).max(1) * DAY_MS;
    let data = match village.age_ms {
        // Full when it has just come, empty when twice what is expected has gone by.
        Some(age_ms) => {
            let left = (2 * expected_ms).saturating_sub(age_ms);
            Cell::state(mark(village), text).with_bar(left * 100 / (2 * expected_ms))
        }
        None => Cell::state(mark(village), text),
    };
    let met = village.last_exchange_ms;
    let met = met.map(|at_ms| moment::ago(messages, at_ms, context.now_ms, false));
    let days = FluentValue::from(village.expected_days);
    let mut place = Cell::text(name).to(format!("/due?list=all&scope={}", village.code));
    place.depth = depth;
    vec![
        place,
        data,
        Cell::text(messages.say("days", [("count", days)])),
        Cell::text(met.unwrap_or_else(|| messages.text("console-never"))),
        Cell::text(village.elders),
    ]
}

/// How fresh a village's data is, for a list.
pub(super) fn freshness(village: &VillageCoverage, context: &Context) -> Cell {
    let messages = &context.messages;
    let state = words::village_state(messages, village.state);
    let text = match village.age_days {
        Some(days) => {
            format!("{state} · {}", messages.say("days", [("count", FluentValue::from(days))]))
        }
        None => state,
    };
    match village.state {
        VillageState::Current => Cell::state(Mark::Good, text),
        VillageState::Stale => Cell::state(Mark::Bad, text),
        VillageState::FromAbove | VillageState::Missing => Cell::state(Mark::Attention, text),
    }
}
