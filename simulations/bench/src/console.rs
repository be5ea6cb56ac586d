//! What the pages of the console weigh, and how soon something is to be seen on them. See `docs/performance.md`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use self::browser::Browser;

#[path = "../../../tests/support/browser/mod.rs"]
mod browser;

/// The most that a page and all that it loads may weigh.
const PAGE_BYTES_MAX: u64 = 200_000;
const COUNTY: &str = "990121000000";
const TOWNSHIP: &str = "990121101000";
/// The day for what is computed.
const TODAY: &str = "2026-09-01";

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Elders of the township.
    #[arg(long, default_value_t = 8_000)]
    elders: usize,
    /// Its villages.
    #[arg(long, default_value_t = 16)]
    villages: usize,
    /// How often each page is loaded.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How many times slower than this machine the browser's is.
    #[arg(long, default_value_t = 6)]
    slower: u32,
    /// The program; by default the one beside this.
    #[arg(long)]
    program: Option<PathBuf>,
}

/// One page. Times are medians, from when it is asked for, in the browser.
#[derive(Debug, Serialize)]
struct Figures {
    page: String,
    elders: usize,
    /// With all that it loads.
    bytes: u64,
    /// Until the last byte of the page is there: what the node takes.
    answered_ms: f64,
    /// Until something is to be seen.
    first_paint_ms: f64,
    /// The same on the slower machine.
    first_paint_slower_ms: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    slower: u32,
    pages: Vec<Figures>,
}

/// Measures, and fails where a page is too large.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("shouwang"),
    };
    let folder = tempfile::tempdir()?;
    let at = |name: &str| Office { program: program.clone(), folder: folder.path().join(name) };
    let (county, town, village) = (at("county"), at("town"), at("village"));
    for office in [&county, &town, &village] {
        std::fs::create_dir_all(&office.folder)?;
    }
    let (areas, ledger) = (folder.path().join("areas.csv"), folder.path().join("ledger.xlsx"));
    let (areas, ledger) = (text(&areas)?, text(&ledger)?);
    let (elders, villages) = (args.elders.to_string(), args.villages.to_string());
    let sizes = ["--elders", &elders, "--villages", &villages, "--seed", "7"];
    county.run(&[&["sample"], &sizes[..], &["--areas", areas, "--out", ledger]].concat())?;
    county.run(&["init", "--area", COUNTY, "--name", "county"])?;
    county.run(&["area", "import", areas])?;
    county.admits(&town, TOWNSHIP)?;
    meet(&county, &town)?;
    town.run(&["import", ledger])?;
    let largest = town.largest_village()?;
    town.admits(&village, &largest)?;
    meet(&town, &village)?;

    let runtime = tokio::runtime::Runtime::new()?;
    let mut pages = Vec::new();
    for (office, paths) in [
        (&village, vec!["/", "/due", "/elders"]),
        (&town, vec!["/", "/ledger", "/ledger?page=40", "/chasing", "/reports"]),
    ] {
        let elders = office.elders()?;
        let node = office.up()?;
        let link = office.run(&["open", "--no-browser"])?;
        let link = link["url"].as_str().context("no link")?;
        let measured = runtime.block_on(async {
            let browser = Browser::start("zh-CN").await;
            browser.goto(&node.url("/")).await;
            let who = if paths.len() == 3 { "village" } else { "township" };
            // What stands on every page and nothing else: the least that there is.
            let mut measured = vec![measure(&browser, "/", args).await];
            browser.goto(link).await;
            for path in paths {
                measured.push(measure(&browser, path, args).await);
            }
            browser.close().await;
            for (number, figures) in measured.iter_mut().enumerate() {
                let path = if number == 0 { "(locked)" } else { &figures.page };
                (figures.page, figures.elders) = (format!("{who} {path}"), elders);
            }
            measured
        });
        pages.extend(measured);
        node.stop()?;
    }
    let report = Report { schema_version: 1, slower: args.slower, pages };
    match args.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print(&report),
    }
    if report.pages.iter().any(|page| page.bytes >= PAGE_BYTES_MAX) {
        bail!("a page weighs {PAGE_BYTES_MAX} bytes or more");
    }
    Ok(())
}

async fn measure(browser: &Browser, path: &str, args: &Args) -> Figures {
    let (mut answered, mut painted, mut slower) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..args.rounds.max(1) {
        for (rate, into) in [(1, &mut painted), (args.slower.max(1), &mut slower)] {
            browser.slow_down(rate).await;
            browser.visit(path).await;
            into.push(browser.first_paint_ms().await);
            if rate == 1 {
                let script = "return performance.getEntriesByType('navigation')[0].responseEnd";
                answered.push(browser.script(script).await.as_f64().unwrap_or_default());
                bytes = bytes.max(browser.bytes().await);
            }
        }
    }
    browser.slow_down(1).await;
    Figures {
        page: path.to_owned(),
        elders: 0,
        bytes,
        answered_ms: median(answered),
        first_paint_ms: median(painted),
        first_paint_slower_ms: median(slower),
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn print(report: &Report) {
    println!(
        "{:<26} {:>7} {:>8} {:>12} {:>14} {:>16}",
        "page",
        "elders",
        "bytes",
        "answered, ms",
        "first paint, ms",
        format!("{} times slower", report.slower)
    );
    for page in &report.pages {
        println!(
            "{:<26} {:>7} {:>8} {:>12.0} {:>14.0} {:>16.0}",
            page.page,
            page.elders,
            page.bytes,
            page.answered_ms,
            page.first_paint_ms,
            page.first_paint_slower_ms
        );
    }
}

/// A device's home directory and its key, and the program on them.
struct Office {
    program: PathBuf,
    folder: PathBuf,
}

impl Office {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--json", "--lang", "zh", "--as-of", TODAY, "--home"])
            .arg(self.folder.join("home"))
            .args(arguments)
            .env("SHOUWANG_KEY_FILE", self.folder.join("key"))
            .env_remove("SHOUWANG_PASSPHRASE")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.command(arguments).output()?;
        // Rows that need a person, and places that have no name, are no reason to stop.
        let ended = matches!(output.status.code(), Some(0 | 3));
        ensure!(ended, "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn admits(&self, other: &Self, area: &str) -> anyhow::Result<()> {
        let request = other.run(&["request"])?;
        let request = request["request"].as_str().context("no request")?;
        let granted = self.run(&["grant", request, "--area", area, "--name", area])?;
        other.run(&["join", granted["invite"].as_str().context("no invite")?])?;
        Ok(())
    }

    fn scopes(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.run(&["elder", "list"])?;
        let elders = listed["elders"].as_array().context("no elders")?;
        Ok(elders.iter().filter_map(|one| one["scope"].as_str()).map(str::to_owned).collect())
    }

    fn elders(&self) -> anyhow::Result<usize> {
        Ok(self.scopes()?.len())
    }

    fn largest_village(&self) -> anyhow::Result<String> {
        let mut scopes = self.scopes()?;
        scopes.sort();
        let largest = scopes.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len());
        Ok(largest.and_then(|chunk| chunk.first()).context("no elders")?.clone())
    }

    fn up(&self) -> anyhow::Result<Node> {
        let mut process = self
            .command(&["up", "--listen", "/ip4/127.0.0.1/tcp/0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = process.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let running: Value = serde_json::from_str(&line)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no address");
        let address = text(&running["listening"][0])?;
        Ok(Node { process, address, admin: text(&running["admin"])? })
    }
}

/// A node that runs.
struct Node {
    process: Child,
    address: String,
    admin: String,
}

impl Node {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }

    fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

fn meet(with: &Office, other: &Office) -> anyhow::Result<()> {
    let node = with.up()?;
    other.run(&["sync", "--peer", &node.address, "--timeout", "120s"])?;
    node.stop()
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is no text")
}
