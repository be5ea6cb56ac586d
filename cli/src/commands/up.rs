//! `up`: runs the node until it is told to stop.

use std::cell::OnceCell;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_node::command::{CommandError, JSON_SCHEMA_VERSION};
use shouwang_node::home::HomeError;
use shouwang_node::process::{self, Ready};
use shouwang_node::runtime::UpOptions;

use crate::commands::open;
use crate::console;
use crate::context::Context;
use crate::error::{Described, Exit, Failure};
use crate::log_output;
use crate::output::Mark;
use crate::parse;

/// Where a node listens unless told otherwise: one port for firewalls to know.
const DEFAULT_LISTEN: &str = "/ip4/0.0.0.0/tcp/4420";

/// The shortest token, characters: as many as 24 random bytes in base64, less the padding.
const METRICS_TOKEN_LENGTH_MIN: usize = 32;

/// `up`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_name = "MULTIADDR", default_value = DEFAULT_LISTEN)]
    listen: Vec<String>,
    #[arg(long, value_name = "MULTIADDR")]
    peer: Vec<String>,
    #[arg(long)]
    no_mdns: bool,
    #[arg(long)]
    no_relay: bool,
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,
    #[arg(long, value_name = "FILE")]
    metrics_token_file: Option<PathBuf>,
    #[arg(long, value_name = "FILE", conflicts_with = "no_log_file")]
    log_file: Option<PathBuf>,
    #[arg(long)]
    no_log_file: bool,
    /// Ends when stdin does, so that a node never outlives the program that started it.
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
}

impl Args {
    /// Where it logs, beside stderr. A home where nothing is gets no directory by mistake.
    pub(crate) fn log_file(&self, home: &Path) -> Option<PathBuf> {
        match &self.log_file {
            Some(path) => Some(path.clone()),
            None if self.no_log_file || !home.join("store.redb").exists() => None,
            None => Some(log_output::default_file(home)),
        }
    }
}

/// One line of the stream that `up --json` prints.
#[derive(Serialize)]
struct ReadyEvent<'a> {
    schema_version: u32,
    event: &'static str,
    listening: &'a [String],
    admin: &'a str,
}

/// Runs the node.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    run_then(args, context, |_| {})
}

/// Runs the node, and shows its pages in a browser as soon as it runs.
pub(crate) fn run_and_open(args: &open::Args, context: &Context) -> anyhow::Result<Exit> {
    run_then(&args.up, context, |link| {
        let shown = link().map_err(anyhow::Error::from);
        let shown = shown.and_then(|url| open::show(&url, args.no_browser, context));
        // The node runs all the same, and says where.
        if let Err(error) = shown {
            let described = Described::new(&error, &context.messages);
            context.output.marked_note(Mark::Attention, &described.message);
        }
    })
}

/// Makes a link that opens the pages once.
type Link<'a> = &'a dyn Fn() -> Result<String, CommandError>;

fn run_then(args: &Args, context: &Context, then: impl FnOnce(Link<'_>)) -> anyhow::Result<Exit> {
    let (messages, output) = (&context.messages, context.output);
    parse::addresses(&args.listen)?;
    parse::addresses(&args.peer)?;
    let options = UpOptions {
        listen: args.listen.clone(),
        peers: args.peer.clone(),
        mdns: !args.no_mdns,
        relay: !args.no_relay,
        admin_port: args.admin_port,
        metrics_token: args.metrics_token_file.as_deref().map(metrics_token).transpose()?,
    };
    let made = OnceCell::new();
    let pages = |inside| {
        let pages = console::pages(context, inside);
        // Set once: pages are made once.
        let _ = made.set(pages.link.clone());
        pages
    };
    let ready = |ready: Ready| {
        say_ready(&ready, context);
        if let Some(link) = made.get() {
            then(&|| Ok(format!("http://{}{}", ready.admin, link()?)));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let up = async {
        let shutdown = shutdown(args.stop_with_stdin)?;
        let up = process::up(&context.home, options, Some(pages), ready, shutdown).await;
        up.map_err(|error| already_running(error, context))
    };
    runtime.block_on(up)?;
    // A blocked read of stdin must not keep the process.
    runtime.shutdown_background();
    if !output.is_json() {
        output.note(&messages.text("up-stopped"));
    }
    Ok(Exit::Done)
}

fn say_ready(ready: &Ready, context: &Context) {
    let (messages, output) = (&context.messages, context.output);
    if output.is_json() {
        // Where nobody reads stdout any more the node goes on; it was asked to run.
        let _ = output.json(&ReadyEvent {
            schema_version: JSON_SCHEMA_VERSION,
            event: "ready",
            listening: &ready.listening,
            admin: &ready.admin,
        });
        return;
    }
    output.marked_note(Mark::Good, &messages.text("up-ready"));
    for address in &ready.listening {
        let by_relay = address.contains("/p2p-circuit");
        let values = [("address", FluentValue::from(address.as_str()))];
        output.note(&match by_relay {
            true => messages.say("up-asks-relay", values),
            false => messages.say("up-listening", values),
        });
    }
    let admin = FluentValue::from(ready.admin.as_str());
    output.note(&messages.say("up-admin", [("address", admin)]));
    output.note(&messages.text("up-stop"));
}

/// The first line of a file, as people keep such things.
fn metrics_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let token = text.lines().next().unwrap_or_default().trim();
    // What anybody can guess would be as good as none.
    match token.len() >= METRICS_TOKEN_LENGTH_MIN && token.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(Failure::usage("bad_metrics_token")
            .with("path", path.display())
            .with("length", METRICS_TOKEN_LENGTH_MIN)
            .into()),
    }
}

/// A store in use by a node that answers is no riddle: it runs already.
fn already_running(error: HomeError, context: &Context) -> anyhow::Error {
    let answers = || context.node().is_ok_and(|node| node.is_running());
    match error {
        HomeError::InUse(path) if answers() => {
            Failure::failed("already_running").with("home", path.display()).into()
        }
        error => error.into(),
    }
}

/// Resolves on ctrl-c, on a request to terminate, and, if asked, when stdin ends.
fn shutdown(with_stdin: bool) -> std::io::Result<impl Future<Output = ()>> {
    let interrupted = interrupted()?;
    let (sender, ended) = tokio::sync::oneshot::channel::<()>();
    // Without `with_stdin` the sender is kept, so that `ended` never resolves.
    let kept = if with_stdin {
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while matches!(std::io::stdin().read(&mut buffer), Ok(count) if count > 0) {}
            let _ = sender.send(());
        });
        None
    } else {
        Some(sender)
    };
    Ok(async move {
        let _kept = kept;
        tokio::select! {
            () = interrupted => {}
            _ = ended => {}
        }
    })
}

/// Listens for ctrl-c, a request to terminate and a closed terminal from now on, so that none is missed between
/// here and the first wait; resolves when one comes. Must be called inside a tokio runtime.
#[cfg(unix)]
pub(crate) fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal is closed, or the line to it is cut.
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Listens for ctrl-c from now on; resolves when it comes. Must be called inside a tokio runtime.
#[cfg(windows)]
pub(crate) fn interrupted() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
