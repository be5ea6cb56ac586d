//! The commands, one module each: `Args` and `run`.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::context::Context;
use crate::error::Exit;

pub(crate) mod absence;
pub(crate) mod agreement;
pub(crate) mod area;
pub(crate) mod backup;
pub(crate) mod blacklist;
pub(crate) mod budget;
pub(crate) mod bundle;
pub(crate) mod card;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod conflicts;
mod custody;
pub(crate) mod demo;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod due;
pub(crate) mod duplicates;
pub(crate) mod elder;
pub(crate) mod entitlement;
pub(crate) mod erase;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod grant;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod incident;
pub(crate) mod init;
pub(crate) mod item;
pub(crate) mod join;
pub(crate) mod lag;
pub(crate) mod log;
pub(crate) mod manual;
pub(crate) mod merge;
pub(crate) mod metrics;
pub(crate) mod open;
pub(crate) mod peers;
pub(crate) mod quarantine;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod restore;
pub(crate) mod review;
pub(crate) mod roster;
pub(crate) mod ruleset;
pub(crate) mod sample;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod support;
pub(crate) mod sync;
pub(crate) mod transfer;
pub(crate) mod undo;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod visit;
pub(crate) mod watch;

/// What a person may ask for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Request(request::Args),
    Grant(grant::Args),
    Join(join::Args),
    #[command(subcommand)]
    Device(device::Command),
    #[command(subcommand)]
    Area(area::Command),
    #[command(subcommand)]
    Ruleset(ruleset::Command),
    Up(up::Args),
    Open(open::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Compact(compact::Args),
    Import(import::Args),
    #[command(subcommand)]
    Export(export::Command),
    Card(card::Args),
    #[command(subcommand)]
    Elder(elder::Command),
    #[command(subcommand)]
    Visit(visit::Command),
    Due(due::Args),
    #[command(subcommand)]
    Report(report::Command),
    #[command(subcommand)]
    Conflicts(conflicts::Command),
    Undo(undo::Args),
    #[command(subcommand)]
    Roster(roster::Command),
    #[command(subcommand)]
    Incident(incident::Command),
    #[command(subcommand)]
    Agreement(agreement::Command),
    Review(review::Args),
    #[command(subcommand)]
    Absence(absence::Command),
    Support(support::Args),
    #[command(subcommand)]
    Blacklist(blacklist::Command),
    #[command(subcommand)]
    Service(service::Command),
    Entitlement(entitlement::Args),
    #[command(subcommand)]
    Transfer(transfer::Command),
    Status(status::Args),
    Peers(peers::Args),
    Lag(lag::Args),
    Doctor(doctor::Args),
    Watch(watch::Args),
    Metrics(metrics::Args),
    Explain(explain::Args),
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    Sync(sync::Args),
    #[command(subcommand)]
    Budget(budget::Command),
    #[command(subcommand)]
    Bundle(bundle::Command),
    Log(log::Args),
    Verify(verify::Args),
    Demo(demo::Args),
    Sample(sample::Args),
    Completions(completions::Args),
    Manual(manual::Args),
}

impl Command {
    /// Where it logs, beside stderr.
    pub(crate) fn log_file(&self, home: &Path) -> Option<PathBuf> {
        match self {
            Self::Up(args) => args.log_file(home),
            Self::Open(args) => args.up.log_file(home),
            _ => None,
        }
    }

    /// Does it.
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Init(args) => init::run(args, context),
            Self::Request(args) => request::run(args, context),
            Self::Grant(args) => grant::run(args, context),
            Self::Join(args) => join::run(args, context),
            Self::Device(command) => device::run(command, context),
            Self::Area(command) => area::run(command, context),
            Self::Ruleset(command) => ruleset::run(command, context),
            Self::Up(args) => up::run(args, context),
            Self::Open(args) => open::run(args, context),
            Self::Backup(args) => backup::run(args, context),
            Self::Restore(args) => restore::run(args, context),
            Self::Compact(args) => compact::run(args, context),
            Self::Import(args) => import::run(args, context),
            Self::Export(command) => export::run(command, context),
            Self::Card(args) => card::run(args, context),
            Self::Elder(command) => elder::run(command, context),
            Self::Visit(command) => visit::run(command, context),
            Self::Due(args) => due::run(args, context),
            Self::Report(command) => report::run(command, context),
            Self::Conflicts(command) => conflicts::run(command, context),
            Self::Undo(args) => undo::run(args, context),
            Self::Roster(command) => roster::run(command, context),
            Self::Incident(command) => incident::run(command, context),
            Self::Agreement(command) => agreement::run(command, context),
            Self::Review(args) => review::run(args, context),
            Self::Absence(command) => absence::run(command, context),
            Self::Support(args) => support::run(args, context),
            Self::Blacklist(command) => blacklist::run(command, context),
            Self::Service(command) => service::run(command, context),
            Self::Entitlement(args) => entitlement::run(args, context),
            Self::Transfer(command) => transfer::run(command, context),
            Self::Status(args) => status::run(args, context),
            Self::Peers(args) => peers::run(args, context),
            Self::Lag(args) => lag::run(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::Metrics(args) => metrics::run(args, context),
            Self::Watch(args) => watch::run(args, context),
            Self::Explain(args) => explain::run(args, context),
            Self::Quarantine(command) => quarantine::run(command, context),
            Self::Sync(args) => sync::run(args, context),
            Self::Budget(command) => budget::run(command, context),
            Self::Bundle(command) => bundle::run(command, context),
            Self::Log(args) => log::run(args, context),
            Self::Verify(args) => verify::run(args, context),
            Self::Demo(args) => demo::run(args, context),
            Self::Sample(args) => sample::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Manual(args) => manual::run(args, context),
        }
    }
}
