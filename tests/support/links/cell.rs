//! One exchange over one link: two processes, a proxy between them, and what was counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::command::incident::{IncidentList, Which};
use shouwang_node::command::status::{PeerStatus, Peers, Status, StatusReport};
use shouwang_node::home::Node;

use super::place::{Place, Up};
use super::proxy::{Proxy, Shape, THERE, Trouble};

/// How often the two are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

/// How long no byte may pass before it counts as over, beside four times the way.
const QUIET: Duration = Duration::from_secs(3);

/// Into a running bulk exchange, an incident comes when so many bytes have gone.
const OVERTAKES_AFTER_BYTES: u64 = 8_000;

/// Visits to each elder before the two first meet.
const VISITS_BEFORE: usize = 3;

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// The township has nothing of the village yet.
    First,
    /// Both held everything; a hundred visits came.
    Visits,
    /// Both held everything; an incident was raised.
    Incident,
}

impl Load {
    pub const ALL: [Self; 3] = [Self::First, Self::Visits, Self::Incident];

    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Visits => "visits",
            Self::Incident => "incident",
        }
    }
}

/// What carries bytes between two places, and counts them.
pub trait Carrier {
    /// Bytes that it took, there and back.
    fn bytes(&self) -> [u64; 2];
    /// Of these, bytes that never arrived.
    fn lost(&self) -> u64;
    /// Connections that were opened over it.
    fn connections(&self) -> u64;
    /// Whether what is wrong with it has happened.
    fn struck(&self) -> bool;
    /// The share of the rate that was used while the middle of the bytes went there, per cent.
    fn used(&self) -> Option<u64>;
    /// The thread goes to where the node of one place can be asked, the township's or the village's.
    fn enters(&self, _place: usize) -> anyhow::Result<()> {
        Ok(())
    }
}

impl Carrier for Proxy {
    fn bytes(&self) -> [u64; 2] {
        self.bytes()
    }

    fn lost(&self) -> u64 {
        self.lost()
    }

    fn connections(&self) -> u64 {
        self.connections()
    }

    fn struck(&self) -> bool {
        self.struck()
    }

    fn used(&self) -> Option<u64> {
        self.used(THERE)
    }
}

/// What joins two places: the carrier, and the nodes at its ends, township and village.
pub struct Joined {
    pub carrier: Box<dyn Carrier>,
    pub processes: [Up; 2],
}

/// What was counted.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub link: String,
    pub load: Load,
    /// From the moment both run until both say that all is exchanged, s.
    pub seconds: f64,
    pub connections: u64,
    /// Whether what is wrong with the link has happened.
    pub struck: bool,
    /// Payload of TCP that the link took, both ways, with what was lost, B.
    pub bytes: u64,
    /// Of these, bytes that never arrived, B.
    pub lost: u64,
    /// Of `bytes`, Noise, Yamux and the handshakes: all that is not frames, as both ends count them, B.
    pub transport_bytes: u64,
    /// Entries that left the village, those sent again too.
    pub entries_sent: u64,
    /// Entries that the township got and had not.
    pub entries_new: u64,
    /// The rate that was used while the middle of the bytes went up, per cent.
    pub used: Option<u64>,
}

impl Figures {
    /// Entries that were sent and not needed.
    pub fn twice(&self) -> u64 {
        self.entries_sent.saturating_sub(self.entries_new)
    }
}

/// Homes as they are before anything is exchanged, to be copied for each cell.
pub struct World {
    folder: PathBuf,
    program: PathBuf,
    elders: Vec<ElderId>,
    strangers: [Place; 2],
    met: [Place; 2],
}

impl World {
    /// Makes a township and a village of so many elders, once before and once after they have met.
    pub fn make(program: &Path, folder: &Path, elders: usize) -> anyhow::Result<Self> {
        let (area, village) = (
            DivisionCode::from_number(990_121_101_000)?,
            DivisionCode::from_number(990_121_101_203)?,
        );
        let town = Place::begin(&folder.join("town"), area, village)?;
        let below = town.admits(&folder.join("village"), village)?;
        let elders = below.imports(village, elders)?;
        below.visits(&elders, elders.len() * VISITS_BEFORE)?;
        let strangers = [town, below];
        let met = [
            strangers[0].copy(&folder.join("town-met"))?,
            strangers[1].copy(&folder.join("village-met"))?,
        ];
        let top = met[0].up(program, None)?;
        let bottom = met[1].up(program, Some(top.address()))?;
        let (mut one, mut two) = (met[0].node()?, met[1].node()?);
        let begun = Instant::now();
        while !(agree(&mut one, &mut two)? && done(&mut one)?.is_some()) {
            if begun.elapsed() > Duration::from_secs(120) {
                bail!("the two homes do not meet\n{}\n{}", met[0].log(), met[1].log());
            }
            std::thread::sleep(LOOKED_AT_EVERY);
        }
        drop((one, two));
        std::thread::sleep(QUIET);
        bottom.stop()?;
        top.stop()?;
        let (folder, program) = (folder.to_owned(), program.to_owned());
        Ok(Self { folder, program, elders, strangers, met })
    }

    /// Exchanges over the link, and waits until it is over.
    pub fn run(
        &self,
        link: &str,
        shape: Shape,
        trouble: Trouble,
        load: Load,
        patience: Duration,
    ) -> anyhow::Result<Figures> {
        let pair = self.pair(&format!("{link}-{}", load.name()), load, shape, trouble)?;
        let quiet = QUIET + Duration::from_millis(4 * (shape.delay_ms + shape.jitter_ms));
        pair.exchanges(link, load, quiet, patience)
    }

    /// As [`World::run`], over anything that joins two places. `way` is the longest that anything takes
    /// one way.
    pub fn run_over(
        &self,
        link: &str,
        load: Load,
        way: Duration,
        patience: Duration,
        join: impl FnOnce(&Path, &[Place; 2]) -> anyhow::Result<Joined>,
    ) -> anyhow::Result<Figures> {
        let pair = self.joined(&format!("{link}-{}", load.name()), load, join)?;
        pair.exchanges(link, load, QUIET + 4 * way, patience)
    }

    /// An incident is raised while the village is sent up: how long until the township shows it, and
    /// how many bytes the link had then still to carry.
    pub fn overtakes(&self, shape: Shape, patience: Duration) -> anyhow::Result<(Duration, u64)> {
        let mut pair = self.pair("overtakes", Load::First, shape, Trouble::None)?;
        let begun = Instant::now();
        let wait = || match begun.elapsed() > patience {
            true => bail!("not within {patience:?}"),
            false => {
                std::thread::sleep(Duration::from_millis(20));
                Ok(())
            }
        };
        while pair.carrier.bytes()[THERE] < OVERTAKES_AFTER_BYTES {
            wait()?;
        }
        let elder = *self.elders.last().context("nobody")?;
        pair.places[1].raises(elder)?;
        let raised = Instant::now();
        let open = IncidentList { which: Which::All, elder: None, as_of: None };
        while pair.nodes[0].call(open.clone())?.incidents.is_empty() {
            wait()?;
        }
        let (took, at) = (raised.elapsed(), pair.carrier.bytes()[THERE]);
        while !(done(&mut pair.nodes[0])?.is_some() && pair.agree()?) {
            wait()?;
        }
        Ok((took, pair.carrier.bytes()[THERE] - at))
    }

    fn pair(&self, name: &str, load: Load, shape: Shape, trouble: Trouble) -> anyhow::Result<Pair> {
        let seed = name.bytes().fold(7, |seed, byte| seed * 31 % 1_000_003 + u64::from(byte));
        self.joined(name, load, |program, places| {
            let town = places[0].up(program, None)?;
            let proxy = Proxy::open(town.socket()?, shape, trouble, seed)?;
            let there = town.address_through(proxy.address())?;
            let village = places[1].up(program, Some(&there))?;
            Ok(Joined { carrier: Box::new(proxy), processes: [town, village] })
        })
    }

    fn joined(
        &self,
        name: &str,
        load: Load,
        join: impl FnOnce(&Path, &[Place; 2]) -> anyhow::Result<Joined>,
    ) -> anyhow::Result<Pair> {
        let homes = if load == Load::First { &self.strangers } else { &self.met };
        let folder = self.folder.join("cells").join(name);
        let places =
            [homes[0].copy(&folder.join("town"))?, homes[1].copy(&folder.join("village"))?];
        match load {
            Load::First => {}
            Load::Visits => places[1].visits(&self.elders, 100)?,
            Load::Incident => places[1].raises(*self.elders.first().context("nobody")?)?,
        }
        let before = Before::of(&places)?;
        let Joined { carrier, processes } = join(&self.program, &places)?;
        let asked = |place: usize| {
            carrier.enters(place)?;
            places[place].node()
        };
        let nodes = [asked(0)?, asked(1)?];
        Ok(Pair { nodes, before, _processes: processes, carrier, places })
    }
}

/// Two places at the ends of a link.
struct Pair {
    nodes: [Node; 2],
    before: Before,
    // The nodes go before what joins them.
    _processes: [Up; 2],
    carrier: Box<dyn Carrier>,
    places: [Place; 2],
}

impl Pair {
    /// Waits until all is exchanged and nothing has passed for so long, and counts.
    fn exchanges(
        mut self,
        link: &str,
        load: Load,
        quiet: Duration,
        patience: Duration,
    ) -> anyhow::Result<Figures> {
        let begun = Instant::now();
        // Bytes, and since when there have been no more.
        let mut rest: Option<(u64, Instant)> = None;
        let mut settled = None;
        let over = loop {
            std::thread::sleep(LOOKED_AT_EVERY);
            if begun.elapsed() > patience {
                let logs = self.places.each_ref().map(Place::log).join("\n");
                let states = [self.at(0)?.call(Peers {})?, self.at(1)?.call(Peers {})?];
                bail!("{link}, {}: not within {patience:?}: {states:?}\n{logs}", load.name());
            }
            let states = [done(self.at(0)?)?, done(self.at(1)?)?];
            let [Some(at_town), Some(at_village)] = states else {
                (rest, settled) = (None, None);
                continue;
            };
            let seconds = *settled.get_or_insert(begun.elapsed());
            let bytes = self.carrier.bytes().iter().sum();
            match rest {
                Some((before, since)) if before == bytes => {
                    if since.elapsed() >= quiet {
                        break (seconds, bytes, at_town, at_village);
                    }
                }
                _ => rest = Some((bytes, Instant::now())),
            }
        };
        let (seconds, bytes, at_town, at_village) = over;
        if !self.agree()? {
            bail!("{link}, {}: both say that all is exchanged, and they do not agree", load.name());
        }
        let frames = at_town.bytes_sent + at_village.bytes_sent - self.before.frame_bytes;
        Ok(Figures {
            link: link.to_owned(),
            load,
            seconds: seconds.as_secs_f64(),
            connections: self.carrier.connections(),
            struck: self.carrier.struck(),
            bytes,
            lost: self.carrier.lost(),
            transport_bytes: bytes.saturating_sub(frames),
            entries_sent: at_village.entries_sent - self.before.sent,
            entries_new: at_town.entries_received - self.before.received,
            used: self.carrier.used(),
        })
    }

    fn agree(&mut self) -> anyhow::Result<bool> {
        let one = digests(&self.at(0)?.call(Status {})?);
        let two = digests(&self.at(1)?.call(Status {})?);
        Ok(same(&one, &two))
    }

    /// A node, where it can be asked.
    fn at(&mut self, place: usize) -> anyhow::Result<&mut Node> {
        self.carrier.enters(place)?;
        Ok(&mut self.nodes[place])
    }
}

/// What the two had counted of each other before.
struct Before {
    frame_bytes: u64,
    sent: u64,
    received: u64,
}

impl Before {
    fn of(places: &[Place; 2]) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for place in places {
            found.push(place.node()?.call(Peers {})?.peers.into_iter().next());
        }
        let count = |nth: usize, what: fn(&PeerStatus) -> u64| {
            found.get(nth).and_then(Option::as_ref).map_or(0, what)
        };
        Ok(Self {
            frame_bytes: count(0, |peer| peer.bytes_sent) + count(1, |peer| peer.bytes_sent),
            sent: count(1, |peer| peer.entries_sent),
            received: count(0, |peer| peer.entries_received),
        })
    }
}

/// What a node says of its peer, once all is exchanged.
fn done(node: &mut Node) -> anyhow::Result<Option<PeerStatus>> {
    let peer = node.call(Peers {})?.peers.into_iter().next();
    Ok(peer.filter(|peer| peer.in_session && peer.done && peer.settled))
}

fn agree(one: &mut Node, two: &mut Node) -> anyhow::Result<bool> {
    Ok(same(&digests(&one.call(Status {})?), &digests(&two.call(Status {})?)))
}

type Digests = BTreeMap<String, (String, String)>;

fn same(one: &Digests, two: &Digests) -> bool {
    let both: Vec<&String> = one.keys().filter(|code| two.contains_key(*code)).collect();
    let records = both.iter().any(|code| code.ends_with("203"));
    records && both.iter().all(|code| one[*code] == two[*code])
}

/// Scope → both digests.
fn digests(report: &StatusReport) -> Digests {
    let scopes = report.scopes.iter();
    scopes
        .map(|at| (at.code.to_string(), (at.digest.clone(), at.authority_digest.clone())))
        .collect()
}
