//! A device that was let in speaks to a running node over a real connection and breaks every rule:
//! each fault is named in `peers --json`, the process goes on, and honest peers notice nothing.

#[path = "../crdt-schema/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the writer of hostile changes, shared with the schema's own tests")]
mod draft;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use draft::{DELETE, Draft, MAKE_MAP, Op};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, noise, tcp, yamux};
use shouwang_crdt_schema::document::{
    GENESIS_ACTOR, GenesisObject, genesis, genesis_counter, genesis_objects,
};
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{GrantId, SignedGrant};
use shouwang_node::identity::token::{Invite, Request};
use shouwang_node::limits::FRAME_BYTES_MAX;
use shouwang_node::log::run::{RunEntry, cut};
use shouwang_node::log::{Head, Incarnation, Kind, Lane, LogKey, UnverifiedRun, VerifiedRun};
use shouwang_node::sync::summary::{Salt, Summary};
use shouwang_node::sync::wire::{Frame, Hello, PROTOCOL_VERSION};
use support::{COUNTY, Office, SHANGHE, SONGWU, XIAHE, converge, eventually, refused};

/// A device with real keys and a real grant.
/// What a rogue says in short is salted so.
const SALT: Salt = Salt([1; 8]);

struct Rogue {
    keys: DeviceKeys,
    chain: Vec<SignedGrant>,
    heads: BTreeMap<LogKey, Head>,
}

impl Rogue {
    fn granted(by: &Office, nth: u8) -> Self {
        let keys = DeviceKeys::from_secret(&[nth; 64]);
        let request = Request { device: keys.device(), sealing_key: keys.sealing_key() }.to_text();
        let granted = by.done(&["grant", &request, "--area", SHANGHE, "--name", "rogue"]);
        let chain = Invite::from_text(granted["invite"].as_str().unwrap()).unwrap().chain;
        Self { keys, chain, heads: BTreeMap::new() }
    }

    fn device(&self) -> String {
        self.keys.device().to_string()
    }

    fn hello(&self) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            mesh: self.chain[0].id(),
            grant: self.chain.last().unwrap().id(),
            salt: SALT,
            clock_ms: 0,
            stream_version: 0,
        }
    }

    fn log(&self, scope: &str, lane: Lane) -> LogKey {
        LogKey {
            scope: scope.parse().unwrap(),
            lane,
            device: self.keys.device(),
            incarnation: Incarnation { number: 0, nonce: [1; 8] },
        }
    }

    fn writes(&mut self, log: LogKey, fresh: Vec<RunEntry>) -> UnverifiedRun {
        let before = self.heads.get(&log).copied();
        let grant = self.chain.last().unwrap().id();
        let run = VerifiedRun::write(log, grant, before.as_ref(), fresh, &self.keys).unwrap();
        self.heads.insert(log, *run.head());
        cut(run.entries(), before.as_ref()).unwrap()
    }

    /// Connects, says all this, and listens until it has heard enough or the other side hangs up.
    fn says(&self, address: &str, bytes: Vec<u8>, enough: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let spoken = runtime.block_on(async {
            let talk = self.talk(address, bytes, enough);
            tokio::time::timeout(support::PATIENCE, talk).await
        });
        spoken.unwrap_or_else(|_| panic!("no answer within {:?}", support::PATIENCE))
    }

    /// Connects, says all this, is hung up on, and goes on sending: how much of that is still taken,
    /// at most `limit` bytes.
    fn goes_on(&self, address: &str, bytes: Vec<u8>, limit: usize) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sent = runtime.block_on(async {
            let talk = async {
                let (driver, mut reader, mut writer) = self.opens(address).await;
                writer.write_all(&bytes).await.unwrap();
                writer.flush().await.unwrap();
                while read(&mut reader).await.is_some() {}
                let (mut sent, more) = (0, wire(&vec![vec![0xaa; 1_000]; 64]));
                while sent < limit
                    && writer.write_all(&more).await.is_ok()
                    && writer.flush().await.is_ok()
                {
                    sent += more.len();
                }
                driver.abort();
                sent
            };
            tokio::time::timeout(support::PATIENCE, talk).await
        });
        sent.unwrap_or_else(|_| panic!("not over within {:?}", support::PATIENCE))
    }

    async fn talk(
        &self,
        address: &str,
        bytes: Vec<u8>,
        enough: impl Fn(&Frame) -> bool,
    ) -> Vec<Frame> {
        let (driver, mut reader, mut writer) = self.opens(address).await;
        // It may hang up in the middle.
        let _ = writer.write_all(&bytes).await;
        let _ = writer.flush().await;
        let mut heard = Vec::new();
        while let Some(frame) = read(&mut reader).await {
            let last = enough(&frame);
            heard.push(frame);
            if last {
                break;
            }
        }
        driver.abort();
        heard
    }

    async fn opens(
        &self,
        address: &str,
    ) -> (
        tokio::task::JoinHandle<()>,
        impl futures::AsyncRead + Unpin + use<>,
        impl futures::AsyncWrite + Unpin + use<>,
    ) {
        let mut seed = [0; 32];
        seed.copy_from_slice(&self.keys.secret()[..32]);
        let identity = libp2p::identity::Keypair::ed25519_from_bytes(seed).unwrap();
        let mut swarm = SwarmBuilder::with_existing_identity(identity)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| libp2p_stream::Behaviour::new())
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(60))
            })
            .build();
        let address: Multiaddr = address.parse().unwrap();
        let peer: PeerId = address.to_string().rsplit('/').next().unwrap().parse().unwrap();
        swarm.dial(address).unwrap();
        while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
        let mut control = swarm.behaviour().new_control();
        let driver = tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        });
        let protocol = StreamProtocol::new("/shouwang/sync/1");
        let (reader, writer) = control.open_stream(peer, protocol).await.unwrap().split();
        (driver, reader, writer)
    }
}

async fn read(reader: &mut (impl futures::AsyncRead + Unpin)) -> Option<Frame> {
    let mut length = 0usize;
    for shift in (0..).step_by(7) {
        let mut byte = [0];
        reader.read_exact(&mut byte).await.ok()?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut frame = vec![0; length];
    reader.read_exact(&mut frame).await.ok()?;
    Some(Frame::decode(&frame).unwrap())
}

/// Frames behind their lengths.
fn wire(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        draft::unsigned(&mut bytes, frame.len() as u64);
        bytes.extend(frame);
    }
    bytes
}

fn filler() -> RunEntry {
    RunEntry::new(Kind::from_number(99), None, b"later".to_vec(), 0)
}

#[test]
fn each_broken_frame_is_named_and_ends_nothing_but_its_session() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    town.adds_elder(SHANGHE, "周国强");
    let mut top = county.up(&[]);
    let below = town.up(&[&top.address()]);
    converge(&[(&county, 1), (&town, 1)]);
    let mut rogue = Rogue::granted(&county, 41);
    let hello = || Frame::Hello(rogue.hello()).encode();
    let summary = Frame::Summary(Summary::of_heads(0, SALT, &[], true)).encode();
    let log = rogue.log(SHANGHE, Lane::Routine);
    let elsewhere = Rogue { heads: BTreeMap::new(), chain: rogue.chain.clone(), ..copy(&rogue) }
        .writes(rogue.log(XIAHE, Lane::Routine), vec![filler()]);
    let good = copy(&rogue).writes(log, vec![filler(), filler()]);
    let mut signature = good.signature;
    signature.0[3] ^= 1;
    let unsigned = UnverifiedRun { signature, ..good.clone() };
    let gap = UnverifiedRun { first_seq: 7, ..good.clone() };
    // Well signed, by a device that nobody granted.
    let unproven = {
        let keys = DeviceKeys::from_secret(&[77; 64]);
        let log = LogKey { device: keys.device(), ..log };
        let run = VerifiedRun::write(log, GrantId([9; 32]), None, vec![filler()], &keys).unwrap();
        cut(run.entries(), None).unwrap()
    };
    let run = |run: &UnverifiedRun| Frame::Run(run.clone()).encode();
    let long = {
        let mut bytes = wire(&[hello()]);
        draft::unsigned(&mut bytes, FRAME_BYTES_MAX as u64 + 1);
        bytes
    };
    let endless = [wire(&[hello()]), vec![0xff; 40]].concat();
    let version = Frame::Hello(Hello { version: 9, ..rogue.hello() }).encode();
    let mesh = Frame::Hello(Hello { mesh: GrantId([1; 32]), ..rogue.hello() }).encode();
    let chain = Frame::Chain(rogue.chain.clone()).encode();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (code, bytes) in [
        ("unknown_frame", wire(&[vec![0xaa; 3_000]])),
        ("malformed_frame", wire(&[vec![]])),
        ("malformed_frame", wire(&[vec![1, 0, 1, 5, 5]])),
        ("malformed_frame", wire(&[hello(), vec![5; 2_000]])),
        ("oversized_frame", long),
        ("oversized_frame", endless),
        ("wrong_version", wire(&[version])),
        ("other_mesh", wire(&[mesh])),
        ("out_of_turn", wire(std::slice::from_ref(&summary))),
        ("out_of_turn", wire(&[hello(), hello()])),
        ("out_of_turn", wire(&[hello(), chain])),
        ("outside_area", wire(&[hello(), summary.clone(), run(&elsewhere)])),
        ("broken_signature", wire(&[hello(), summary.clone(), run(&unsigned)])),
        ("gap", wire(&[hello(), summary.clone(), run(&gap)])),
        ("unproven_log", wire(&[hello(), summary.clone(), run(&unproven)])),
    ] {
        let heard = rogue.says(&top.address(), bytes, |_| false);
        assert_eq!(heard.last(), Some(&Frame::Close(code.into())), "{code}");
        *expected.entry(code.into()).or_default() += 1;
        let peer = eventually(code, || {
            let peer = county.peer(&rogue.device()).ok_or("not known")?;
            let found = peer["refused"][code].as_u64();
            if found == expected.get(code).copied() { Ok(peer) } else { Err(peer.to_string()) }
        });
        assert_eq!(peer["refused"], serde_json::json!(expected));
        assert_eq!(peer["last_error"]["code"], code);
        assert!(top.is_alive());
    }
    // It could have behaved: the same log is taken when nothing is wrong with it.
    let last = rogue.writes(log, vec![filler()]);
    let heard =
        rogue.says(&top.address(), wire(&[hello_of(&rogue), summary, run(&last)]), |frame| {
            matches!(frame, Frame::Have(_))
        });
    assert!(matches!(heard.last(), Some(Frame::Have(heads)) if heads[0].log == log));

    town.adds_elder(SHANGHE, "后来人");
    converge(&[(&county, 2), (&town, 2)]);
    assert_eq!(county.peer(&town.device()).unwrap()["refused"], serde_json::json!({}));
    county.verify();
    below.stop();
    top.stop();
}

/// To be hung up on means not to be listened to any more.
#[test]
fn who_was_hung_up_on_cannot_go_on_sending() {
    let county = Office::begin(COUNTY);
    let top = county.up(&[]);
    let rogue = Rogue::granted(&county, 43);
    let limit = 32 << 20;
    let sent = rogue.goes_on(&top.address(), wire(&[hello_of(&rogue), vec![0xaa; 9]]), limit);
    refused(&county, &rogue.device(), "unknown_frame");
    println!("{sent} bytes were still taken");
    assert!(sent < limit, "{sent} bytes were taken from a peer that was hung up on");
    top.stop();
}

fn hello_of(rogue: &Rogue) -> Vec<u8> {
    Frame::Hello(rogue.hello()).encode()
}

fn copy(rogue: &Rogue) -> Rogue {
    Rogue {
        keys: DeviceKeys::from_secret(&rogue.keys.secret()),
        chain: rogue.chain.clone(),
        heads: rogue.heads.clone(),
    }
}

#[test]
fn ill_formed_and_forbidden_changes_are_kept_passed_on_and_named() {
    let county = Office::begin(COUNTY);
    let town = county.admits(SONGWU, None);
    town.adds_elder(SHANGHE, "周国强");
    let top = county.up(&[]);
    let below = town.up(&[&top.address()]);
    converge(&[(&county, 1), (&town, 1)]);
    let mut rogue = Rogue::granted(&county, 42);
    let elder = ElderId([9; 16]);
    let card = DocumentId::elder(elder, Part::Card);
    let registry = DocumentId::elder(elder, Part::Registry);
    let log = rogue.log(SHANGHE, Lane::Routine);
    let mut nth = 0;
    let mut draft = |id: &DocumentId, ops: &dyn Fn(&[u8; 16], u64) -> Vec<Op>| {
        nth += 1u64;
        let mut actor = [0; 16];
        actor[..8].copy_from_slice(&log.actor_prefix());
        actor[8..].copy_from_slice(&nth.to_be_bytes());
        let deps = genesis(SHANGHE.parse().unwrap(), id).get_heads();
        let next = genesis_objects(id).len() as u64 + 2;
        Draft::new(&deps, &actor, 1, next, &ops(&actor, next))
    };
    let object = |object| (genesis_counter(&card, object).unwrap(), GENESIS_ACTOR.to_vec());
    let (fields, absences) =
        (object(GenesisObject::Fields), object(GenesisObject::List(List::Absences)));
    let name = |_: &[u8; 16], _: u64| vec![Op::put(&fields, "name", "冒名", &[])];
    let root = |_: &[u8; 16], _: u64| vec![Op { object: None, ..Op::put(&fields, "x", "y", &[]) }];
    let ghost = |actor: &[u8; 16], _: u64| vec![Op::put(&(900, actor.to_vec()), "x", "y", &[])];
    let taken_back = |actor: &[u8; 16], next: u64| {
        let made = (next, actor.to_vec());
        let put = Op::insert(&absences, None, MAKE_MAP);
        vec![put, Op::on_element(&absences, &made, DELETE, &[&made])]
    };
    let honest = draft(&card, &name);
    let cases = [
        ("ill_formed:magic", card, b"no change".to_vec()),
        ("ill_formed:chunk_type", card, draft::seal(2, &draft(&card, &name).data())),
        ("ill_formed:no_dependencies", card, Draft { deps: vec![], ..draft(&card, &name) }.bytes()),
        ("ill_formed:sequence_gap", card, Draft { seq: 4, ..draft(&card, &name) }.bytes()),
        ("ill_formed:start_op", card, Draft { start_op: 99, ..draft(&card, &name) }.bytes()),
        (
            "ill_formed:operation_counter",
            card,
            Draft { start_op: u64::from(u32::MAX) - 1, ..draft(&card, &name) }.bytes(),
        ),
        (
            "ill_formed:message",
            card,
            Draft { message: b"hi".into(), ..draft(&card, &name) }.bytes(),
        ),
        ("ill_formed:author", card, Draft { extra: vec![1, 1, 7], ..draft(&card, &name) }.bytes()),
        ("ill_formed:extra_bytes", card, Draft { extra: vec![9], ..draft(&card, &name) }.bytes()),
        ("ill_formed:root", card, draft(&card, &root).bytes()),
        ("ill_formed:unknown_object", card, draft(&card, &ghost).bytes()),
        ("ill_formed:append_only", card, draft(&card, &taken_back).bytes()),
        ("not_allowed:right", registry, draft(&registry, &name).bytes()),
        (
            "not_allowed:foreign_actor",
            card,
            Draft { actor: vec![7; 16], ..draft(&card, &name) }.bytes(),
        ),
    ];
    let mut entries: Vec<RunEntry> = cases
        .iter()
        .map(|(_, id, body)| RunEntry::new(Kind::Change, Some(*id), body.clone(), 0))
        .collect();
    entries.push(filler());
    let run = rogue.writes(log, entries);
    let summary = Frame::Summary(Summary::of_heads(0, SALT, &[], true)).encode();
    let frames = [hello_of(&rogue), summary.clone(), Frame::Run(run).encode()];
    let heard = rogue.says(&top.address(), wire(&frames), |f| matches!(f, Frame::Have(_)));
    assert!(matches!(heard.last(), Some(Frame::Have(_))), "{heard:?}");
    let mut expected: BTreeMap<&str, u64> = cases.iter().map(|(code, ..)| (*code, 1)).collect();
    expected.insert("unknown_kind", 1);
    let peer = refused(&county, &rogue.device(), "unknown_kind");
    assert_eq!(peer["refused"], serde_json::json!(expected));
    // They went on to the township, which keeps and shows them too; nobody has a new elder.
    eventually("they are passed on", || {
        let status = town.status();
        match status["unsettled"] == serde_json::json!(expected) {
            true => Ok(()),
            false => Err(status["unsettled"].to_string()),
        }
    });
    converge(&[(&county, 1), (&town, 1)]);
    // What is right in the same log counts.
    let right = rogue.writes(log, vec![RunEntry::new(Kind::Change, Some(card), honest.bytes(), 0)]);
    let frames = [hello_of(&rogue), summary, Frame::Run(right).encode()];
    rogue.says(&top.address(), wire(&frames), |frame| matches!(frame, Frame::Have(_)));
    converge(&[(&county, 2), (&town, 2)]);
    for office in [&county, &town] {
        assert!(office.elders().iter().any(|elder| elder["name"] == "冒名"));
        office.verify();
    }
    below.stop();
    top.stop();
}
