//! `transfer …`: elders who move from one place to another.

mod out;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::transfer::{
    ListedStub, ListedTransfer, TransferAccept, TransferAcceptAll, TransferBulkReport,
    TransferCancel, TransferDecline, TransferList, TransferListReport, TransferOffer,
    TransferOfferAll, TransferPreview, TransferPreviewReport, TransferReport, TransferStage,
    TransferWait,
};
use shouwang_node::home::Node;

use crate::commands::elder::{place_names, short};
use crate::confirm::confirm;
use crate::context::{Context, now_ms};
use crate::error::{Exit, Failure};
use crate::output::{Cell, Mark, Table};
use crate::{audit, day, moment, parse};

/// So many commands to answer offers are written out: the others are like them.
const NEXT_COMMANDS_MAX: usize = 3;

/// `transfer …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Offer(OfferArgs),
    Accept(AcceptArgs),
    Decline(AnswerArgs),
    Cancel(AnswerArgs),
    List(ListArgs),
    Out(out::OutArgs),
    Acknowledged(out::AcknowledgedArgs),
}

/// `transfer offer`
#[derive(Debug, clap::Args)]
pub(crate) struct OfferArgs {
    #[arg(required_unless_present = "all")]
    elder: Option<String>,
    #[arg(long, value_name = "CODE")]
    to: String,
    #[arg(long, requires = "from", conflicts_with = "elder")]
    all: bool,
    #[arg(long, value_name = "CODE", requires = "all")]
    from: Option<String>,
    #[command(flatten)]
    step: StepArgs,
    #[command(flatten)]
    bulk: BulkArgs,
}

/// `transfer accept`
#[derive(Debug, clap::Args)]
pub(crate) struct AcceptArgs {
    #[arg(required_unless_present = "all")]
    transfer: Option<String>,
    #[arg(long, requires = "from", conflicts_with = "transfer")]
    all: bool,
    #[arg(long, value_name = "CODE", requires = "all")]
    from: Option<String>,
    #[command(flatten)]
    step: StepArgs,
    #[command(flatten)]
    bulk: BulkArgs,
}

/// `transfer decline`, `transfer cancel`
#[derive(Debug, clap::Args)]
pub(crate) struct AnswerArgs {
    transfer: String,
    #[command(flatten)]
    step: StepArgs,
}

/// `transfer list`
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[arg(long, value_name = "CODE")]
    scope: Option<String>,
    #[arg(long)]
    all: bool,
}

/// What a person adds to a step.
#[derive(Debug, clap::Args)]
pub(crate) struct StepArgs {
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// What is asked about many.
#[derive(Debug, clap::Args)]
struct BulkArgs {
    #[arg(long, requires = "all")]
    dry_run: bool,
    #[arg(long, requires = "all")]
    yes: bool,
}

/// What was done with many.
#[derive(Clone, Copy, Debug)]
enum Bulk {
    Offered,
    Accepted,
}

impl StepArgs {
    /// The longest note, characters: as of a visit.
    const NOTE_CHARACTERS_MAX: usize = 500;

    /// The note, if it is one.
    fn note(&self) -> Result<Option<String>, Failure> {
        let note = self.note.as_ref().filter(|note| !note.trim().is_empty());
        note.map(|note| Self::checked_note(note)).transpose()
    }

    /// A note that is not too long.
    fn checked_note(note: &str) -> Result<String, Failure> {
        let note = note.trim();
        let length = note.chars().count();
        match length > Self::NOTE_CHARACTERS_MAX {
            true => Err(Failure::usage("value_too_long")
                .with("field", "--note")
                .with("length", length)
                .with("limit", Self::NOTE_CHARACTERS_MAX)),
            false => Ok(note.to_owned()),
        }
    }

    /// The day and the note of a step.
    fn read(
        &self,
        node: &mut Node,
        context: &Context,
    ) -> anyhow::Result<(Option<NaiveDate>, Option<String>)> {
        let note = self.note()?;
        Ok((Some(day::of(node, context, "--date", self.date.as_deref())?), note))
    }
}

/// Runs a command about moves.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Offer(args) => offer(args, context),
        Command::Accept(args) => accept(args, context),
        Command::Decline(args) => {
            let mut node = context.node()?;
            let (date, note) = args.step.read(&mut node, context)?;
            let transfer = args.transfer.trim().to_owned();
            let report = node.call(TransferDecline { transfer, date, note })?;
            say(&report, context.messages.text("transfer-declined-next"), context)
        }
        Command::Cancel(args) => {
            let mut node = context.node()?;
            let (date, note) = args.step.read(&mut node, context)?;
            let transfer = args.transfer.trim().to_owned();
            let report = node.call(TransferCancel { transfer, date, note })?;
            say(&report, context.messages.text("transfer-cancelled-next"), context)
        }
        Command::List(args) => list(args, context),
        Command::Out(args) => out::out(args, context),
        Command::Acknowledged(args) => out::acknowledged(args, context),
    }
}

fn offer(args: &OfferArgs, context: &Context) -> anyhow::Result<Exit> {
    let messages = &context.messages;
    let mut node = context.node()?;
    let (date, note) = args.step.read(&mut node, context)?;
    let to = parse::place(&mut node, "--to", &args.to)?;
    let (Some(from), true) = (&args.from, args.all) else {
        let elder = args.elder.as_deref().unwrap_or_default().trim().to_owned();
        let report = node.call(TransferOffer { elder, to, date, note })?;
        return say(&report, messages.text("transfer-offered-next"), context);
    };
    let from = parse::place(&mut node, "--from", from)?;
    let preview = node.call(TransferPreview { from, to })?;
    if args.bulk.dry_run && context.output.is_json() {
        context.output.json(&preview)?;
        return Ok(Exit::Done);
    }
    if !context.output.is_json() {
        say_preview(&preview, &place_names(&mut node)?, context)?;
    }
    if args.bulk.dry_run {
        context.output.note(&messages.text("dry-run"));
        return Ok(Exit::Done);
    }
    let count = FluentValue::from(preview.elders.saturating_sub(preview.offered_already));
    let question = messages.say("transfer-offer-question", [("count", count)]);
    confirm(context, args.bulk.yes, &question)?;
    let report = node.call(TransferOfferAll { from, to, date, note })?;
    say_bulk(&report, Bulk::Offered, context)
}

fn accept(args: &AcceptArgs, context: &Context) -> anyhow::Result<Exit> {
    let messages = &context.messages;
    let mut node = context.node()?;
    let (date, note) = args.step.read(&mut node, context)?;
    let (Some(from), true) = (&args.from, args.all) else {
        let transfer = args.transfer.as_deref().unwrap_or_default().trim().to_owned();
        let report = node.call(TransferAccept { transfer, date, note })?;
        return say(&report, messages.text("transfer-accepted-next"), context);
    };
    let from = parse::place(&mut node, "--from", from)?;
    let mut report = node.call(TransferList { scope: Some(from) })?;
    report.transfers.retain(|one| one.from == from && one.stage == TransferStage::Offered);
    report.stubs.clear();
    if args.bulk.dry_run && context.output.is_json() {
        context.output.json(&report)?;
        return Ok(Exit::Done);
    }
    if !context.output.is_json() {
        audit::note(&mut node, "list", Some(from), report.transfers.len(), context)?;
        context.output.table(&offers(&report.transfers, context))?;
    }
    if args.bulk.dry_run {
        context.output.note(&messages.text("dry-run"));
        return Ok(Exit::Done);
    }
    let count = FluentValue::from(report.transfers.len());
    let question = messages.say("transfer-accept-question", [("count", count)]);
    confirm(context, args.bulk.yes, &question)?;
    let report = node.call(TransferAcceptAll { from, date, note })?;
    say_bulk(&report, Bulk::Accepted, context)
}

/// What a move of a whole place comes to.
fn say_preview(
    preview: &TransferPreviewReport,
    names: &BTreeMap<DivisionCode, String>,
    context: &Context,
) -> anyhow::Result<()> {
    let (messages, output) = (&context.messages, context.output);
    let place = |code: &DivisionCode| place(*code, names.get(code).map(String::as_str));
    output.line(&messages.say(
        "transfer-preview",
        [
            ("from", FluentValue::from(place(&preview.from))),
            ("to", place(&preview.to).into()),
            ("elders", preview.elders.into()),
            ("entries", preview.entries.into()),
            ("bytes", moment::bytes(preview.body_bytes).into()),
        ],
    ))?;
    if preview.offered_already > 0 {
        let count = FluentValue::from(preview.offered_already);
        let text = messages.say("transfer-preview-offered", [("count", count)]);
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    for device in &preview.devices {
        let text = messages.say(
            "transfer-preview-device",
            [
                ("name", FluentValue::from(device.name.as_str())),
                ("device", device.device.short().into()),
                ("to", preview.to.to_string().into()),
            ],
        );
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    Ok(())
}

fn say_bulk(report: &TransferBulkReport, what: Bulk, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        output.json(report)?;
        return Ok(Exit::Done);
    }
    let (written, skipped) = (FluentValue::from(report.written), FluentValue::from(report.skipped));
    let (text, next) = match what {
        Bulk::Offered => (
            messages.say("transfer-offered-all", [("count", written)]),
            messages.text("transfer-offered-next"),
        ),
        Bulk::Accepted => (
            messages.say("transfer-accepted-all", [("count", written)]),
            messages.text("transfer-accepted-next"),
        ),
    };
    output.line(&output.marked_text(Mark::Good, &text))?;
    if report.skipped > 0 {
        let text = messages.say("transfer-skipped", [("count", skipped)]);
        output.line(&output.marked_text(Mark::Attention, &text))?;
    }
    output.note(&next);
    Ok(Exit::Done)
}

/// How an offer stands after a step, and what happens next.
fn say(report: &TransferReport, next: String, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        output.json(report)?;
        return Ok(Exit::Done);
    }
    let one = &report.transfer;
    let text = messages.say(
        "transfer-step",
        [
            ("id", FluentValue::from(short(&one.transfer_id.to_string(), context.verbose))),
            ("elder", short(&one.elder_id.to_string(), context.verbose).into()),
            ("from", place(one.from, one.from_name.as_deref()).into()),
            ("to", place(one.to, one.to_name.as_deref()).into()),
            ("stage", messages.word("transfer-stage", stage_code(one.stage)).into()),
        ],
    );
    output.line(&output.marked_text(Mark::Good, &text))?;
    output.note(&next);
    Ok(Exit::Done)
}

fn list(args: &ListArgs, context: &Context) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    let mut node = context.node()?;
    let scope = args.scope.as_ref();
    let scope = scope.map(|text| parse::place(&mut node, "--scope", text)).transpose()?;
    let mut report: TransferListReport = node.call(TransferList { scope })?;
    if !args.all {
        report.transfers.retain(|one| one.waits_for.is_some());
        report.stubs.retain(|stub| stub.holds_file);
    }
    let exit = match report.transfers.iter().any(|one| one.yours) {
        true => Exit::Attention,
        false => Exit::Done,
    };
    let named = report.transfers.iter().filter(|one| one.name.is_some()).count();
    audit::note(&mut node, "list", scope, named, context)?;
    if output.is_json() {
        output.json(&report)?;
        return Ok(exit);
    }
    if report.transfers.is_empty() && report.stubs.is_empty() && output.is_table() {
        output.note(&match args.all {
            true => messages.text("transfer-none"),
            false => messages.text("transfer-none-open"),
        });
        return Ok(exit);
    }
    output.table(&offers(&report.transfers, context))?;
    if output.is_table() && !report.stubs.is_empty() {
        output.line("")?;
        output.table(&stubs(&report.stubs, &place_names(&mut node)?, context))?;
    }
    if output.is_table() {
        for next in next_commands(&report.transfers, context) {
            output.line(&format!("  → {next}"))?;
        }
    }
    Ok(exit)
}

/// What to do next, as commands.
fn next_commands(transfers: &[ListedTransfer], context: &Context) -> Vec<String> {
    let messages = &context.messages;
    let answer = |one: &ListedTransfer| {
        let id = short(&one.transfer_id.to_string(), context.verbose);
        messages.say("transfer-next-answer", [("id", FluentValue::from(id))])
    };
    let mut next: Vec<String> =
        transfers.iter().filter(|one| one.yours).take(NEXT_COMMANDS_MAX).map(answer).collect();
    let out = |one: &&ListedTransfer| one.waits_for == Some(TransferWait::Acknowledgement);
    if let Some(one) = transfers.iter().find(out) {
        let id = short(&one.transfer_id.to_string(), context.verbose);
        next.push(messages.say("transfer-next-acknowledged", [("id", FluentValue::from(id))]));
    }
    if transfers.iter().any(|one| one.waits_for.is_some() && !one.yours && !out(&one)) {
        next.push(messages.text("transfer-next-sync"));
    }
    next
}

/// Offers, one a line.
pub(crate) fn offers(transfers: &[ListedTransfer], context: &Context) -> Table {
    let messages = &context.messages;
    let whole = context.verbose || !context.output.is_table();
    let mut table = Table::new(
        messages,
        ["transfer", "elder", "elder_name", "from", "to", "state", "waits_for"],
    );
    for one in transfers {
        let mark = match (one.stage, one.yours) {
            (_, true) => Mark::Attention,
            (TransferStage::Declined | TransferStage::Superseded, _) => Mark::Bad,
            _ => Mark::Good,
        };
        let waits = one.waits_for.map(|wait| {
            let to = place(one.to, one.to_name.as_deref());
            match wait {
                TransferWait::Acceptance if one.yours => messages.text("transfer-waits-you"),
                TransferWait::Acceptance => {
                    messages.say("transfer-waits-acceptance", [("to", FluentValue::from(to))])
                }
                TransferWait::Executor => messages.text("transfer-waits-executor"),
                TransferWait::Receipts => messages.text("transfer-waits-receipts"),
                TransferWait::Acknowledgement => {
                    let to = FluentValue::from(to);
                    messages.say("transfer-waits-acknowledgement", [("to", to)])
                }
            }
        });
        table.row([
            Cell::text(short(&one.transfer_id.to_string(), whole)),
            Cell::text(short(&one.elder_id.to_string(), whole)),
            Cell::optional(one.name.as_ref()),
            Cell::text(place(one.from, one.from_name.as_deref())),
            Cell::text(place(one.to, one.to_name.as_deref())),
            Cell::state(mark, messages.word("transfer-stage", stage_code(one.stage))),
            Cell::optional(waits),
        ]);
    }
    table
}

/// What is left of files that have moved away.
fn stubs(stubs: &[ListedStub], names: &BTreeMap<DivisionCode, String>, context: &Context) -> Table {
    let messages = &context.messages;
    let named = |code: DivisionCode| place(code, names.get(&code).map(String::as_str));
    let mut table = Table::new(messages, ["elder", "from", "to", "at", "remark"]);
    for stub in stubs {
        let at = stub.moved_at_ms;
        table.row([
            Cell::text(short(&stub.elder_id.to_string(), context.verbose)),
            Cell::text(named(stub.scope)),
            Cell::text(named(stub.to)),
            Cell::optional(at.map(|at| moment::ago(messages, at, now_ms(), context.verbose))),
            match stub.holds_file {
                true => Cell::text(messages.text("transfer-stub-holds")),
                false => Cell::text(messages.text("transfer-stub-gone")),
            },
        ]);
    }
    table
}

/// A place by name and code.
pub(crate) fn place(code: DivisionCode, name: Option<&str>) -> String {
    name.map_or_else(|| code.to_string(), |name| format!("{name} {code}"))
}

/// A stage's member of the family `transfer-stage`.
fn stage_code(stage: TransferStage) -> &'static str {
    match stage {
        TransferStage::Offered => "offered",
        TransferStage::Accepted => "accepted",
        TransferStage::Moved => "moved",
        TransferStage::Done => "done",
        TransferStage::Declined => "declined",
        TransferStage::Cancelled => "cancelled",
        TransferStage::Superseded => "superseded",
        TransferStage::Left => "left",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Language, Messages};

    #[test]
    fn every_stage_has_words() {
        for stage in [
            TransferStage::Offered,
            TransferStage::Accepted,
            TransferStage::Moved,
            TransferStage::Done,
            TransferStage::Declined,
            TransferStage::Cancelled,
            TransferStage::Superseded,
            TransferStage::Left,
        ] {
            let spelt = serde_json::to_value(stage).unwrap();
            assert_eq!(spelt, stage_code(stage));
            for language in Language::ALL {
                let word = Messages::new(language).known_word("transfer-stage", stage_code(stage));
                assert!(word.is_some(), "{stage:?}");
            }
        }
    }
}
