//! `due`: what is to be done, elder by elder.

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::report::due::DueList;
use shouwang_node::command::coverage::Coverage;
use shouwang_node::command::due::{Due, DueElder, DueReport};

use crate::audit;
use crate::commands::report::{Target, coverage, coverage_line, each_portion};
use crate::context::Context;
use crate::error::Exit;
use crate::report_sheets;

/// `due`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    overdue: bool,
    #[arg(long)]
    occasions: bool,
    #[arg(long)]
    alerts: bool,
    #[arg(long)]
    agreements: bool,
    #[arg(long)]
    refresh: bool,
    #[arg(long)]
    gaps: bool,
    #[arg(long)]
    checks: bool,
    #[arg(long, conflicts_with_all = [
        "overdue", "occasions", "alerts", "agreements", "refresh", "gaps", "checks",
    ])]
    all: bool,
    #[command(flatten)]
    target: Target,
}

/// What `--json` prints: the lists and what they rest on.
#[derive(Serialize)]
struct Object<'a> {
    #[serde(flatten)]
    report: &'a DueReport,
    lists: &'a [DueList],
    as_of: chrono::NaiveDate,
    coverage: &'a Coverage,
}

/// Lists.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    args.target.check()?;
    let lists = args.lists();
    let mut node = context.node()?;
    let coverage = coverage(&args.target, &mut node, context)?;
    let mut report = DueReport::empty();
    each_portion(&coverage, context, |scopes| {
        let due = Due { scopes, lists: lists.clone(), as_of: context.as_of };
        report.add(node.call(due)?);
        Ok(())
    })?;
    report.elders.sort_by_key(urgency);
    // Before anything is shown, and before a file has it.
    let what = if args.target.out.is_some() { "due_file" } else { "due" };
    audit::note(&mut node, what, Some(coverage.area), report.elders.len(), context)?;
    let names = crate::commands::elder::place_names(&mut node)?;
    let sheets = report_sheets::due(&report, &lists, &coverage, &names, context);
    let roster = FluentValue::from(report.roster);
    let basis = [
        context.messages.say("due-roster", [("count", roster)]),
        coverage_line(&coverage, context),
    ];
    let object =
        Object { report: &report, lists: &lists, as_of: context.as_of, coverage: &coverage };
    args.target.put_out(&object, &sheets, &basis, &coverage, context)
}

/// By place; there, the longest overdue first.
fn urgency(elder: &DueElder) -> (shouwang_crdt_schema::division::DivisionCode, DueList, i64) {
    let first = elder.items.first();
    let late = first.and_then(|item| item.days_late).map_or(0, i64::from);
    let list = first.map_or(DueList::Checks, |item| item.list);
    (elder.scope, list, -late)
}

impl Args {
    /// The lists asked for; visits that are due and overdue unless others are named.
    fn lists(&self) -> Vec<DueList> {
        if self.all {
            return DueList::ALL.to_vec();
        }
        let named: Vec<DueList> = [
            (self.overdue, DueList::Overdue),
            (self.occasions, DueList::Occasions),
            (self.alerts, DueList::Alerts),
            (self.agreements, DueList::Agreements),
            (self.refresh, DueList::Refresh),
            (self.gaps, DueList::Gaps),
            (self.checks, DueList::Checks),
        ]
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, list)| list)
        .collect();
        match named.is_empty() {
            true => vec![DueList::Overdue, DueList::Due, DueList::Occasions],
            false => named,
        }
    }
}
