//! `agreement …`: entrusted-care agreements 委托照顾协议.

use chrono::NaiveDate;
use clap::Subcommand;
use shouwang_crdt_schema::element::Agreement;
use shouwang_crdt_schema::record::{AgreementEvent, YesNo};
use shouwang_node::command::record::FileEvent;

use crate::commands::review::record;
use crate::context::Context;
use crate::error::Exit;
use crate::{day, parse};

/// `agreement …`
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
    File(FileArgs),
    Refuse(RefuseArgs),
    End(EndArgs),
}

/// `agreement add`
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    elder: String,
    #[arg(long, value_name = "NAME")]
    supporter: String,
    #[arg(long, value_name = "NAME")]
    caretaker: String,
    #[arg(long, value_name = "DATE")]
    signed: Option<String>,
    #[arg(long, value_name = "DATE")]
    filed: Option<String>,
    #[arg(long, value_name = "YES|NO")]
    consent: String,
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `agreement file`
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    elder: String,
    #[arg(long, value_name = "NAME")]
    supporter: Option<String>,
    #[arg(long, value_name = "NAME", requires = "supporter")]
    caretaker: Option<String>,
    #[arg(long)]
    date: Option<String>,
}

/// `agreement refuse`
#[derive(Debug, clap::Args)]
pub(crate) struct RefuseArgs {
    elder: String,
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[arg(long)]
    no_caretaker: bool,
    #[arg(long)]
    date: Option<String>,
}

/// `agreement end`
#[derive(Debug, clap::Args)]
pub(crate) struct EndArgs {
    elder: String,
    #[arg(long, value_name = "NAME")]
    supporter: Option<String>,
    #[arg(long, value_name = "NAME", requires = "supporter")]
    caretaker: Option<String>,
    #[arg(long)]
    date: Option<String>,
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Records what happened to an agreement.
pub(crate) fn run(command: &Command, context: &Context) -> anyhow::Result<Exit> {
    let mut node = context.node()?;
    let mut day = |argument: &str, text: &Option<String>| {
        day::of(&mut node, context, argument, text.as_deref())
    };
    let (elder, events) = match command {
        Command::Add(args) => {
            let signed = Agreement {
                supporter: trimmed(Some(&args.supporter)),
                caretaker: trimmed(Some(&args.caretaker)),
                elder_consent: parse::choice("--consent", &args.consent)?,
                note: args.note.clone(),
                ..plain(AgreementEvent::Signed, day("--signed", &args.signed)?)
            };
            let filed = args.filed.as_deref().map(|text| parse::date("--filed", text));
            let filed = filed.transpose()?.map(|date| Agreement {
                event: AgreementEvent::Filed,
                date: Some(date),
                note: None,
                ..signed.clone()
            });
            (&args.elder, [Some(signed), filed].into_iter().flatten().collect())
        }
        Command::File(args) => {
            let filed = Agreement {
                supporter: trimmed(args.supporter.as_ref()),
                caretaker: trimmed(args.caretaker.as_ref()),
                ..plain(AgreementEvent::Filed, day("--date", &args.date)?)
            };
            (&args.elder, vec![filed])
        }
        Command::Refuse(args) => {
            let event = match args.no_caretaker {
                true => AgreementEvent::NoCaretaker,
                false => AgreementEvent::Refused,
            };
            let note = Some(args.reason.clone());
            (&args.elder, vec![Agreement { note, ..plain(event, day("--date", &args.date)?) }])
        }
        Command::End(args) => {
            let ended = Agreement {
                supporter: trimmed(args.supporter.as_ref()),
                caretaker: trimmed(args.caretaker.as_ref()),
                note: args.reason.clone(),
                ..plain(AgreementEvent::Ended, day("--date", &args.date)?)
            };
            (&args.elder, vec![ended])
        }
    };
    let events = events.into_iter().map(FileEvent::Agreement).collect();
    record(&mut node, context, elder, events)
}

fn plain(event: AgreementEvent, date: NaiveDate) -> Agreement {
    Agreement {
        event,
        date: Some(date),
        supporter: None,
        caretaker: None,
        elder_consent: YesNo::Unknown,
        note: None,
    }
}

fn trimmed(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
}
