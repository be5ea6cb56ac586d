//! A place's home, what people do there, and its node as a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::Supporter;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, ElderId, IncidentKind, SupportCapacity};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::CommandError;
use shouwang_node::command::area::{AreaImport, Place as Named};
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::elder::VisitAdd;
use shouwang_node::command::import::{Import, RowOutcome};
use shouwang_node::command::incident::{IncidentRaise, IncidentReport};
use shouwang_node::home::{Home, InitOptions, Node, SecretSource};
use shouwang_node::identity::grant::Role;
use shouwang_node::vault::{Lock, Secret};

/// Rows in one import: as the program does it.
const ROWS_PER_IMPORT: usize = 100;

/// A home.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// Begins a mesh over this area, in which one village has a name.
    pub fn begin(folder: &Path, area: DivisionCode, village: DivisionCode) -> anyhow::Result<Self> {
        let place = Self::at(folder)?;
        place.home().init(&InitOptions { area, name: area.to_string() })?;
        let places = [(area, "松雾镇"), (village, "上禾村")];
        let places = places.map(|(code, name)| Named { code, name: name.into() }).into();
        place.node()?.call(AreaImport { places, dry_run: false })?;
        Ok(place)
    }

    /// A device of a village, let in by this one.
    pub fn admits(&self, folder: &Path, area: DivisionCode) -> anyhow::Result<Self> {
        let place = Self::at(folder)?;
        let request = place.home().request()?.request;
        let granted = self.node()?.call(GrantDevice {
            request,
            name: area.to_string(),
            area,
            role: Role::Clerk,
            addresses: Vec::new(),
            replace: false,
            root: None,
            quota_bytes: None,
        })?;
        place.home().join(&granted.invite)?;
        Ok(place)
    }

    fn at(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        // Nobody's secret: these homes are made to be measured.
        fs::write(folder.join("key"), "5a".repeat(32))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The same home elsewhere, as it is now.
    pub fn copy(&self, folder: &Path) -> anyhow::Result<Self> {
        copy(&self.folder, folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn home(&self) -> Home {
        Home::at(self.folder.join("home")).with_secrets(Arc::new(Key(self.folder.join("key"))))
    }

    /// What its node can be asked through, whether it runs or not.
    pub fn node(&self) -> anyhow::Result<Node> {
        Ok(self.home().node()?)
    }

    /// A ledger of so many elders comes in.
    pub fn imports(&self, village: DivisionCode, elders: usize) -> anyhow::Result<Vec<ElderId>> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let rows: anyhow::Result<Vec<LedgerRow>> =
            (0..elders).map(|_| row(village, &mut random)).collect();
        let rows = rows?;
        let mut node = self.node()?;
        let mut found = Vec::new();
        for rows in rows.chunks(ROWS_PER_IMPORT) {
            let report = node.call(Import { rows: rows.to_vec(), dry_run: false })?;
            for outcome in report.outcomes {
                match outcome {
                    RowOutcome::New { elder_id: Some(elder), .. } => found.push(elder),
                    other => bail!("a row was not taken as new: {other:?}"),
                }
            }
        }
        Ok(found)
    }

    /// So many visits, one after another.
    pub fn visits(&self, elders: &[ElderId], count: usize) -> anyhow::Result<()> {
        let mut node = self.node()?;
        for (number, elder) in elders.iter().cycle().take(count).enumerate() {
            let note = format!("血压{}/{}", 118 + number * 7 % 60, 70 + number * 5 % 35);
            let visit = Visit {
                visitor: Some("王会计".into()),
                note: Some(note),
                ..Visit::on(day(1 + number as u32 % 28))
            };
            node.call(VisitAdd { elder: elder.to_string(), visit })?;
        }
        Ok(())
    }

    /// Somebody is taken ill.
    pub fn raises(&self, elder: ElderId) -> anyhow::Result<()> {
        let note = Some("胸痛，已送医".into());
        let report = IncidentReport { date: day(1), time: None, place: None, by: None, note };
        let kind = IncidentKind::ALL[0];
        self.node()?.call(IncidentRaise { elder: elder.to_string(), kind, report })?;
        Ok(())
    }

    /// Runs its node.
    pub fn up(&self, program: &Path, peer: Option<&str>) -> anyhow::Result<Up> {
        self.up_at(program, "127.0.0.1", peer)
    }

    /// Runs its node at this address.
    pub fn up_at(&self, program: &Path, address: &str, peer: Option<&str>) -> anyhow::Result<Up> {
        let listen = format!("/ip4/{address}/tcp/0");
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new(program);
        command
            .args(["--json", "--lang", "en", "--home"])
            .arg(self.folder.join("home"))
            .args(["up", "--no-mdns", "--listen", &listen, "--stop-with-stdin"])
            .args(peer.iter().flat_map(|peer| ["--peer", *peer]))
            .env("SHOUWANG_KEY_FILE", self.folder.join("key"))
            .env_remove("SHOUWANG_PASSPHRASE")
            .env("SHOUWANG_LOG", "info")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let child = command.spawn().with_context(|| program.display().to_string())?;
        let mut up = Up { child, listening: String::new() };
        let output = up.child.stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line)
            .with_context(|| format!("it does not come up; see {}", self.folder.display()))?;
        up.listening = ready["listening"][0].as_str().unwrap_or_default().to_owned();
        Ok(up)
    }

    /// What its node has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }
}

/// A node that runs.
pub struct Up {
    child: Child,
    listening: String,
}

impl Up {
    /// Its socket.
    pub fn socket(&self) -> anyhow::Result<SocketAddr> {
        let port = self.listening.split('/').nth(4).context("no port")?.parse()?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Its address where it is reached through another socket.
    pub fn address_through(&self, socket: SocketAddr) -> anyhow::Result<String> {
        let peer = self.listening.split('/').nth(6).context("no peer")?;
        Ok(format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", socket.port()))
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.listening
    }

    /// Stops it.
    pub fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        match self.child.wait()?.success() {
            true => Ok(()),
            false => bail!("a node failed"),
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key in a file.
#[derive(Debug)]
struct Key(PathBuf);

impl SecretSource for Key {
    fn to_open(&self, _lock: Lock) -> Result<Secret, CommandError> {
        self.to_create()
    }

    fn to_create(&self) -> Result<Secret, CommandError> {
        Ok(Secret::read_key_file(&self.0)?)
    }
}

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, day).unwrap_or_default()
}

/// A row of a ledger, of nobody.
fn row(village: DivisionCode, random: &mut ChaCha8Rng) -> anyhow::Result<LedgerRow> {
    let mut one = |of: &[&str]| of[random.random_range(0..of.len())].to_owned();
    let surnames = ["周", "许", "褚", "卫", "冯", "蒋", "沈", "韩", "杨", "朱", "何", "吕"];
    let given = ["国强", "桂英", "顺昌", "德福", "翠莲", "长庚", "秀兰", "玉珍", "建国", "福生"];
    let (name, child) = (one(&surnames) + &one(&given), one(&surnames) + &one(&given));
    let relation = one(&["儿子", "女儿", "孙子"]);
    let mut number = |below: u32| random.random_range(0..below);
    let born = format!("{}{:02}{:02}", 1930 + number(32), 1 + number(12), 1 + number(28));
    let id = ResidentId::with_check(&format!("990121{born}{:03}", number(1_000)))?;
    let mut row = LedgerRow::new(village);
    row.fields.extend([
        (Field::Name, name),
        (Field::ResidentId, id.as_str().to_owned()),
        (Field::Phone, format!("139{:08}", number(100_000_000))),
        (Field::Address, format!("{}组{}号", 1 + number(20), 1 + number(200))),
        (Field::LivingArrangement, "Alone".into()),
    ]);
    row.supporters.push(Supporter {
        name: child,
        relation: Some(relation),
        whereabouts: None,
        phone: Some(format!("138{:08}", number(100_000_000))),
        capacity: SupportCapacity::Unknown,
    });
    Ok(row)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => fs::copy(entry.path(), target).map(drop)?,
        }
    }
    Ok(())
}
