//! `budget …`: what may be exchanged in a day where bytes are paid for.

use clap::Subcommand;
use fluent_bundle::FluentValue;
use shouwang_node::command::budget::{BudgetReport, BudgetSet, BudgetShow, BudgetStatus};

use crate::context::{Context, civil_time};
use crate::error::Exit;
use crate::moment;
use crate::output::Mark;
use crate::parse;

/// `budget …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(ShowArgs),
    Set(SetArgs),
    Off(OffArgs),
}

/// `budget show`
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {}

/// `budget set`
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    size: String,
}

/// `budget off`
#[derive(Debug, clap::Args)]
pub(crate) struct OffArgs {}

/// Shows or sets it, in the running node where one runs.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let report = match command {
        Command::Show(_) => context.node()?.call(BudgetShow {})?,
        Command::Set(args) => {
            let daily_bytes = Some(parse::size(&args.size)?);
            context.node()?.call(BudgetSet { daily_bytes })?
        }
        Command::Off(_) => context.node()?.call(BudgetSet { daily_bytes: None })?,
    };
    if output.is_json() {
        output.json(&report)?;
        return Ok(Exit::Done);
    }
    let BudgetReport { budget, .. } = &report;
    let text = match line(budget, context) {
        Some(line) => line,
        None => context.messages.text("budget-none"),
    };
    let mark = if budget.holding_back { Mark::Attention } else { Mark::Good };
    output.line(&output.marked_text(mark, &text))?;
    Ok(Exit::Done)
}

/// How it stands with the day's bytes, where there is a budget.
pub(crate) fn line(budget: &BudgetStatus, context: &Context) -> Option<String> {
    let messages = &context.messages;
    let daily = FluentValue::from(moment::size(budget.daily_bytes?));
    let spent = FluentValue::from(moment::size(budget.spent_bytes));
    Some(match budget.resumes_at_ms.and_then(civil_time) {
        None => messages.say("budget-left", [("daily", daily), ("spent", spent)]),
        Some(at) => {
            let at = at.format("%Y-%m-%d %H:%M").to_string().into();
            messages.say("budget-spent", [("daily", daily), ("spent", spent), ("at", at)])
        }
    })
}
