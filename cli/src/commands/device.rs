//! `device …`: who takes part, and taking a device's rights away.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_node::command::revoke::RevocationReport;

use crate::context::{Context, now_ms};
use crate::error::Exit;
use crate::moment;
use crate::output::{Cell, Mark, Table};
use crate::screen::Screen;

mod check;
pub(crate) mod list;
mod passphrase;
mod retire;
mod revoke;
mod wipe;

/// `device …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Revoke(revoke::Args),
    Retire(retire::Args),
    Passphrase(passphrase::Args),
    Wipe(wipe::Args),
}

/// Runs a command about devices.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list::run(args, context),
        Command::Revoke(args) => revoke::run(args, context),
        Command::Retire(args) => retire::run(args, context),
        Command::Passphrase(args) => passphrase::run(args, context),
        Command::Wipe(args) => wipe::run(args, context),
    }
}

/// What a revocation can do and what it cannot, and what the device has seen.
fn explain(report: &RevocationReport, context: &Context) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    let head = messages.say(
        "revocation-head",
        [
            ("name", FluentValue::from(report.name.as_str())),
            ("device", report.device.short().into()),
            ("role", messages.word("role", report.role.as_str()).into()),
            ("area", report.area.to_string().into()),
        ],
    );
    output.line(&head)?;
    output.line(&messages.say("revocation-keeps", [("logs", FluentValue::from(report.logs))]))?;
    output.line(&messages.text("revocation-cuts"))?;
    output.line(&messages.text("revocation-grants"))?;
    output.line(&messages.text("revocation-unheard"))?;
    output.line(&messages.text("revocation-seen"))?;
    output.line("")?;
    exposure(report, context).show(output)
}

/// What the device has seen.
pub(crate) fn exposure(report: &RevocationReport, context: &Context) -> Screen {
    let (messages, now) = (&context.messages, now_ms());
    let (mut screen, exposure) = (Screen::default(), &report.exposure);
    let moment = |at: Option<i64>| {
        let at = at.map(|at| moment::ago(messages, at, now, context.verbose));
        FluentValue::from(at.unwrap_or_else(|| messages.text("never")))
    };
    screen.line(messages.say(
        "exposure-contact",
        [
            ("seen", moment(exposure.last_seen_ms)),
            ("done", moment(exposure.last_done_ms)),
            ("written", moment(exposure.last_written_ms)),
        ],
    ));
    if exposure.encrypted_at_rest {
        screen.line(messages.text("exposure-encrypted"));
    }
    if !exposure.holds_records {
        screen.line(messages.text("exposure-own-only"));
        return screen;
    }
    let elders: u64 = exposure.scopes.iter().map(|scope| scope.elders).sum();
    if elders == 0 {
        screen.line(messages.text("exposure-none"));
        return screen;
    }
    let attention = messages.say("exposure-files", [("elders", FluentValue::from(elders))]);
    screen.marked(Mark::Attention, attention);
    let mut table = Table::new(messages, ["code", "place", "elders"]);
    for scope in &exposure.scopes {
        table.row([
            Cell::text(scope.code),
            Cell::optional(scope.name.as_ref()),
            Cell::number(scope.elders),
        ]);
    }
    screen.table(table);
    if !exposure.elders.is_empty() {
        let mut table = Table::new(messages, ["scope", "elder", "elder_name"]);
        for elder in &exposure.elders {
            table.row([
                Cell::text(elder.scope),
                Cell::text(super::elder::short(&elder.elder_id.to_string(), context.verbose)),
                Cell::optional(elder.name.as_ref()),
            ]);
        }
        screen.table(table);
    }
    screen
}

/// What was done, or that nothing was.
fn conclude(report: &RevocationReport, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        output.json(report)?;
    } else if report.dry_run {
        output.note(&messages.text("dry-run"));
    } else {
        let name = FluentValue::from(report.name.as_str());
        let done = messages.say("revocation-done", [("name", name)]);
        output.line(&output.marked_text(Mark::Good, &done))?;
        output.note(&messages.text("revocation-next"));
    }
    Ok(Exit::Done)
}
