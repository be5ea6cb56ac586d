//! `lag`: which village is silent, and how much of each is missing here.

use fluent_bundle::FluentValue;
use shouwang_node::command::coverage::VillageState;
use shouwang_node::command::lag::{Lag, LagReport, VillageLag};

use crate::commands::{incident, peers};
use crate::context::{Context, civil_time};
use crate::error::Exit;
use crate::message::Messages;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::parse;
use crate::screen::Screen;
use crate::words::village_state;

/// `lag`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_name = "PLACE")]
    within: Option<String>,
    #[arg(long, short = 'x')]
    unhealthy: bool,
}

/// Shows the villages. Exit 3 if one of them is silent, or its last session failed and does not mend by itself.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let within = args.within.as_ref();
    let within = within.map(|text| parse::place(&mut node, "PLACE", text)).transpose()?;
    let mut report = node.call(Lag { within, as_of_ms: as_of_ms(context) })?;
    let exit = if report.villages.iter().all(is_well) { Exit::Done } else { Exit::Attention };
    if args.unhealthy {
        report.villages.retain(|village| !is_well(village));
    }
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if !output.is_table() {
        output.table(&table(&report, context))?;
        return Ok(exit);
    }
    if report.totals.villages == 0 {
        output.note(&messages.text("lag-no-villages"));
        return Ok(exit);
    }
    screen(&report, context).show(output)?;
    Ok(exit)
}

/// What a person sees.
pub(crate) fn screen(report: &LagReport, context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    screen.line(head(report, messages));
    screen.line(ages(report, messages));
    screen.table(table(report, context));
    screen.gap();
    for (mark, line) in findings(report, context) {
        screen.marked(mark, line);
    }
    hints(report, messages).into_iter().for_each(|hint| screen.hint(hint));
    screen
}

/// The end of the day that a person typed.
fn as_of_ms(context: &Context) -> Option<i64> {
    let china = chrono::FixedOffset::east_opt(8 * 3600)?;
    let moment = incident::moment(context)?.and_local_timezone(china).single()?;
    Some(moment.timestamp_millis())
}

/// Whether nobody has to look after a village.
pub(crate) fn is_well(village: &VillageLag) -> bool {
    village.state != VillageState::Stale
        && !village.is_mute()
        && village.failure.as_ref().is_none_or(|failure| failure.retry)
}

fn head(report: &LagReport, messages: &Messages) -> String {
    let area = match &report.area_name {
        Some(name) => format!("{name} {}", report.area),
        None => report.area.to_string(),
    };
    let moment = civil_time(report.as_of_ms).map(|at| at.format("%Y-%m-%d %H:%M").to_string());
    messages.say(
        "lag-head",
        [("area", FluentValue::from(area)), ("moment", moment.unwrap_or_default().into())],
    )
}

/// Of how many villages there is data, and how old it is.
pub(crate) fn ages(report: &LagReport, messages: &Messages) -> String {
    let totals = &report.totals;
    let coverage = messages.say(
        "lag-coverage",
        [
            ("with", FluentValue::from(totals.with_data)),
            ("villages", FluentValue::from(totals.villages)),
        ],
    );
    let of = |age: Option<u64>| age.map(|age| FluentValue::from(moment::age(messages, age)));
    match (of(totals.age_p50_ms), of(totals.age_p95_ms), of(totals.age_worst_ms)) {
        (Some(half), Some(most), Some(worst)) => messages.say(
            "lag-ages",
            [("coverage", coverage.into()), ("half", half), ("most", most), ("worst", worst)],
        ),
        _ => coverage,
    }
}

fn table(report: &LagReport, context: &Context) -> Table {
    let (messages, output, now) = (&context.messages, context.output, report.as_of_ms);
    let columns = ["unit", "code", "trails_by", "data_as_of", "expected", "last_done", "state"];
    let mut table = Table::new(messages, columns);
    table.may_lose(["code", "last_done"]);
    let verbose = context.verbose || !output.is_table();
    let ago = |at: Option<i64>| match at {
        Some(at) => moment::ago(messages, at, now, verbose),
        None => messages.text("never"),
    };
    for village in &report.villages {
        let days = [("count", FluentValue::from(village.expected_days))];
        table.row([
            Cell::text(name(village)),
            Cell::text(village.code),
            match village.trails_by {
                Some(0) => Cell::number(0),
                Some(entries) => Cell::state(Mark::Attention, entries).right(),
                None => Cell::text(messages.text("unknown")).right(),
            },
            Cell::text(ago(village.data_as_of_ms)),
            match output.is_table() {
                true => Cell::text(messages.say("days", days)),
                false => Cell::number(village.expected_days.into()),
            },
            Cell::text(ago(village.last_exchange_ms)),
            state(village, messages),
        ]);
    }
    table
}

fn state(village: &VillageLag, messages: &Messages) -> Cell {
    let word = village_state(messages, village.state);
    let failed = village.failure.as_ref().is_some_and(|failure| !failure.retry);
    match village.state {
        VillageState::Current if failed => Cell::state(Mark::Attention, word),
        VillageState::Current => Cell::state(Mark::Good, word),
        VillageState::FromAbove | VillageState::Missing if village.is_new => {
            Cell::state(Mark::Note, messages.text("lag-new"))
        }
        _ if village.is_unserved() => Cell::state(Mark::Note, messages.text("lag-no-device")),
        VillageState::FromAbove => Cell::state(Mark::Attention, word),
        VillageState::Stale | VillageState::Missing => Cell::state(Mark::Bad, word),
    }
}

/// The township and the village, or the code.
fn name(village: &VillageLag) -> String {
    match (&village.township_name, &village.name) {
        (Some(township), Some(name)) => format!("{township}/{name}"),
        (None, Some(name)) => name.clone(),
        (_, None) => village.code.to_string(),
    }
}

/// What a person should look at.
pub(crate) fn findings(report: &LagReport, context: &Context) -> Vec<(Mark, String)> {
    let messages = &context.messages;
    let count = |count: u64| [("count", FluentValue::from(count))];
    let mut lines = Vec::new();
    let totals = &report.totals;
    if totals.stale > 0 {
        lines.push((Mark::Bad, messages.say("lag-silent", count(totals.stale))));
    }
    if totals.never > 0 {
        lines.push((Mark::Bad, messages.say("lag-never", count(totals.never))));
    }
    if totals.without_device > 0 {
        lines.push((Mark::Note, messages.say("lag-unserved", count(totals.without_device))));
    }
    for village in &report.villages {
        let Some(failure) = village.failure.as_ref().filter(|failure| !failure.retry) else {
            continue;
        };
        let reason = peers::coded(context, "peer-fault", &failure.code);
        let values = [("village", FluentValue::from(name(village))), ("reason", reason.into())];
        lines.push((Mark::Bad, messages.say("lag-failure", values)));
    }
    if lines.iter().all(|(mark, _)| *mark == Mark::Note) {
        lines.push((Mark::Good, messages.text("lag-all-current")));
    }
    lines
}

/// What to tell the village to do.
fn hints(report: &LagReport, messages: &Messages) -> Vec<String> {
    let silent = |village: &&VillageLag| village.state == VillageState::Stale || village.is_mute();
    let Some(first) = report.villages.iter().find(silent) else { return Vec::new() };
    let place = FluentValue::from(first.code.to_string());
    vec![messages.text("lag-call"), messages.say("lag-stick", [("place", place)])]
}
