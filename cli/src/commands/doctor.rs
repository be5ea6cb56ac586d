//! `doctor`: everything that can be looked at, and what mends what is wrong. Changes nothing.

use std::path::PathBuf;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::JSON_SCHEMA_VERSION;
use shouwang_node::command::health::{Finding, Group, HealthReport, Severity};

use crate::commands::status;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::finding;
use crate::output::{Cell, Table};
use crate::screen::Screen;

pub(crate) mod bundle;

/// `doctor`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, short = 'x')]
    unhealthy: bool,
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

#[derive(Serialize)]
struct DoctorObject<'a> {
    schema_version: u32,
    severity: Severity,
    findings: Vec<WordedFinding<'a>>,
}

/// A finding with its words.
#[derive(Serialize)]
struct WordedFinding<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    message: String,
    fix: Option<String>,
}

/// Looks at everything. Exit 3 if something needs a person, 4 if records may be lost.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let output = context.output;
    let (report, _) = status::health(context)?;
    if let Some(path) = &args.bundle {
        bundle::write(&report, path).map_err(|error| Failure::unwritable(path, &error))?;
        let path = FluentValue::from(path.display().to_string());
        output.note(&context.messages.say("doctor-bundled", [("path", path)]));
    }
    let exit = finding::exit(report.severity());
    let shown = report.findings.iter();
    let shown: Vec<&Finding> =
        shown.filter(|found| !args.unhealthy || found.severity > Severity::Note).collect();
    if output.is_json() {
        output.json(&object(&report, &shown, context))?;
    } else if output.is_table() {
        screen(&report, &shown, context).show(output)?;
    } else {
        output.table(&table(&shown, context))?;
    }
    Ok(exit)
}

/// What `--json` prints.
pub(crate) fn object<'a>(
    report: &HealthReport,
    shown: &[&'a Finding],
    context: &Context,
) -> impl Serialize + use<'a> {
    let worded = |found: &&'a Finding| WordedFinding {
        finding: found,
        message: finding::text(found, context),
        fix: finding::fix(found, context),
    };
    DoctorObject {
        schema_version: JSON_SCHEMA_VERSION,
        severity: report.severity(),
        findings: shown.iter().map(worded).collect(),
    }
}

/// Group by group, each finding with what mends it.
pub(crate) fn screen(report: &HealthReport, shown: &[&Finding], context: &Context) -> Screen {
    let messages = &context.messages;
    let mut screen = Screen::default();
    screen.line(status::area_and_device(&report.status, context));
    let mut group: Option<Group> = None;
    for found in shown {
        if group != Some(found.group) {
            group = Some(found.group);
            screen.gap();
            screen.line(messages.word("finding-group", finding::group_key(found.group)));
        }
        screen.marked(finding::mark(found.severity), finding::text(found, context));
        if let Some(fix) = finding::fix(found, context) {
            screen.hint(fix);
        }
    }
    screen.gap();
    let count = |severities: &[Severity]| {
        let found = report.findings.iter();
        found.filter(|found| severities.contains(&found.severity)).count() as u64
    };
    let errors = count(&[Severity::Bad, Severity::Risk]);
    let warnings = count(&[Severity::Attention]);
    screen.marked(
        finding::mark(report.severity()),
        match errors + warnings {
            0 => messages.text("doctor-all-well"),
            _ => messages.say(
                "doctor-count",
                [("errors", FluentValue::from(errors)), ("warnings", warnings.into())],
            ),
        },
    );
    screen
}

fn table(shown: &[&Finding], context: &Context) -> Table {
    let messages = &context.messages;
    let mut table = Table::new(messages, ["group", "code", "severity", "finding", "fix"]);
    for found in shown {
        let severity = serde_json::to_value(found.severity).unwrap_or_default();
        table.row([
            Cell::text(finding::group_key(found.group)),
            Cell::text(&found.code),
            Cell::text(severity.as_str().unwrap_or_default()),
            Cell::text(finding::text(found, context)),
            Cell::optional(finding::fix(found, context)),
        ]);
    }
    table
}
