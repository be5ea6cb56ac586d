//! Bytes of the protocol, one by one: frames, headers, runs, bodies of entries, tokens.

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, IncidentId, TransferId};
use shouwang_node::authority::{Cut, Revocation, RevocationReason};
use shouwang_node::bundle::Cursor;
use shouwang_node::codec::{Reader, Writer};
use shouwang_node::custody::Receipt;
use shouwang_node::erasure::{Covered, Erasure, ErasureReason};
use shouwang_node::handover::{Handover, Purge, Seen, StepId};
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::{Grant, GrantId, Quota, Role, SignedGrant};
use shouwang_node::identity::token::{Invite, Request, root_from_text, root_to_text};
use shouwang_node::limits::{
    CHECKPOINT_ENTRIES, FRAME_BYTES_MAX, RUN_BYTES_MAX, SUMMARY_CHILDREN_MAX,
    SUMMARY_HEADS_PER_FRAME, SUMMARY_STATEMENTS_PER_FRAME,
};
use shouwang_node::log::run::{RunEntry, cut};
use shouwang_node::log::{
    Adoption, Body, Carried, EntryHash, EntryPlace, Header, Incarnation, Kind, Lane, LogKey,
    UnverifiedRun, VerifiedRun,
};
use shouwang_node::store::digests::{Digest, Family};
use shouwang_node::sync::summary::{
    Fingerprint, HashMark, Place, Salt, StatedHead, Statement, Summary, Word,
};
use shouwang_node::sync::wire::{
    Aside, Frame, Hello, HoldWord, LogPosition, PROTOCOL_VERSION, Probe, ProbeWord,
};

use super::change::scope;
use crate::qr;
use crate::tape::Tape;
use crate::target::{Verdict, accepted};

/// A frame as it stands behind its length. It has one form, but for codes that nobody may print.
pub(super) fn frame(bytes: &[u8]) -> Verdict {
    let read = match Frame::decode(bytes) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.code().is_empty(), "every refusal has its name");
            return Verdict::Refused;
        }
    };
    assert!(bytes.len() <= FRAME_BYTES_MAX, "longer than a frame may be");
    let normal = match &read {
        Frame::Close(code) => code == "unreadable",
        Frame::Aside(asides) => asides.iter().any(|aside| aside.code == "unreadable"),
        _ => false,
    };
    let encoded = read.encode();
    if !normal {
        assert_eq!(encoded, bytes, "one form of every frame");
    }
    assert_eq!(Frame::decode(&encoded).as_ref(), Ok(&read));
    match read {
        Frame::Run(run) => check_run(run),
        Frame::Summary(summary) => check_summary(&summary),
        _ => {}
    }
    Verdict::Accepted
}

fn check_summary(summary: &Summary) {
    assert!(summary.statements.len() <= SUMMARY_STATEMENTS_PER_FRAME);
    for statement in &summary.statements {
        assert!(statement.heads() <= 2 * SUMMARY_HEADS_PER_FRAME);
        assert!(statement.places() <= SUMMARY_CHILDREN_MAX + 1);
        statement.place.code().inspect(|code| assert!(statement.place.covers(*code)));
    }
}

/// Whatever a run says, it is verified or refused; once its last entry is signed by its device it is
/// verified, and cut again as it came.
fn check_run(run: UnverifiedRun) {
    assert!(run.entries.len() as u64 <= CHECKPOINT_ENTRIES);
    assert!(run.body_bytes() <= RUN_BYTES_MAX);
    assert!(run.last_seq() >= run.first_seq);
    assert!(run.clone().verify(None).is_err() || run.log.device == keys(1).device());
    let log = LogKey { device: keys(1).device(), ..run.log };
    let ours = crate::impostor::sealed(&keys(1), log, 0, run.previous, run.entries.clone());
    if let Ok(verified) = ours.clone().verify(None) {
        assert_eq!(
            cut(verified.entries(), None),
            Some(ours),
            "what is verified is sent on as it came"
        );
        for entry in verified.entries() {
            let header = entry.header.encode();
            let mut reader = Reader::new(&header);
            assert_eq!(Header::decode(&mut reader), Ok(entry.header.clone()));
        }
    }
}

/// The header of an entry, the key of a log, the name of a document: each has one form.
pub(super) fn header(bytes: &[u8]) -> Verdict {
    let mut reader = Reader::new(bytes);
    let header = Header::decode(&mut reader).ok();
    if let Some(header) = &header {
        let read = bytes.len() - reader.rest().len();
        assert_eq!(header.encode(), &bytes[..read]);
        header.document.id().inspect(|id| assert_eq!(id.to_bytes(), header.document.as_bytes()));
    }
    let log = LogKey::from_bytes(bytes).ok();
    log.inspect(|log| assert_eq!(&log.to_bytes()[..], bytes));
    let document = DocumentId::from_bytes(bytes).ok();
    document.inspect(|id| assert_eq!(id.to_bytes(), bytes));
    accepted(header.map(drop).or(log.map(drop)).or(document.map(drop)))
}

/// A byte that says what it is the body of, and the body. Each has one form.
pub(super) fn body(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let kind = tape.below(11);
    let body = tape.rest();
    let again = match kind {
        0 => Adoption::from_bytes(body).ok().map(|read| read.encode()),
        1 => Carried::from_bytes(body).ok().map(|read| {
            check_run(read.run.clone());
            read.encode()
        }),
        2 => Revocation::from_bytes(body).ok().map(|read| read.encode()),
        3 => Receipt::decode(scope(), body).ok().map(|read| {
            assert!(read.positions.iter().all(|place| place.log.scope == scope()));
            assert!(read.positions.iter().all(|place| place.log.lane.carries_records()));
            read.encode()
        }),
        4 => Erasure::from_bytes(body).ok().map(|read| read.encode()),
        5 => Handover::from_bytes(body).ok().map(|read| {
            assert_ne!(read.from, read.to);
            assert_eq!(read.way().last(), Some(&read.step()));
            read.encode()
        }),
        6 => Purge::from_bytes(body).ok().map(|read| read.encode()),
        7 => Grant::from_bytes(body).ok().map(|read| read.encode()),
        8 => SignedGrant::from_bytes(body).ok().map(|read| {
            let _ = read.check(&read.grant);
            read.encode()
        }),
        9 => Cursor::decode(body).ok().map(|read| read.encode()),
        _ => {
            let mut reader = Reader::new(body);
            let run = UnverifiedRun::read(&mut reader).ok().filter(|_| reader.is_empty());
            run.map(|run| {
                check_run(run.clone());
                run.write(&mut Writer::new()).finish()
            })
        }
    };
    if let Some(again) = &again {
        assert_eq!(again, body, "one form of every body");
    }
    accepted(again)
}

/// A token as a person types it, reads it aloud, or as a camera sees it. But for spaces, hyphens and
/// capitals there is one text for each.
pub(super) fn token(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let text = match tape.byte() {
        b'!' => match sealed(tape.rest()) {
            Some(text) => text,
            None => return Verdict::Refused,
        },
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return Verdict::Refused,
        },
    };
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let plain = plain.to_lowercase();
    let read = [
        Request::from_text(&text).ok().map(|read| read.to_text()),
        Invite::from_text(&text).ok().map(|read| read.to_text()),
        root_from_text(&text).ok().map(|read| root_to_text(&read)),
    ];
    assert!(read.iter().flatten().count() <= 1, "a token is of one kind");
    let Some(again) = read.into_iter().flatten().next() else { return Verdict::Refused };
    assert_eq!(again, plain, "one text of every token");
    if let Some(code) = qr::Code::of(&again) {
        code.draw(qr::Ink::Blocks);
    }
    Verdict::Accepted
}

/// A byte that says which token, and its bytes: the text that has them, its checksum right.
fn sealed(bytes: &[u8]) -> Option<String> {
    use bech32::{Bech32m, Hrp};
    let (kind, bytes) = bytes.split_first()?;
    let prefix = ["swreq", "swinv", "swroot"][usize::from(kind % 3)];
    // Beyond the length for which it promises something the checksum is the same.
    let hrp = Hrp::parse(prefix).ok()?;
    bech32::encode::<Bech32m>(hrp, bytes).ok()
}

pub(super) fn keys(nth: u8) -> DeviceKeys {
    DeviceKeys::from_secret(&[nth; 64])
}

fn log(lane: Lane) -> LogKey {
    let incarnation = Incarnation { number: 2, nonce: [3; 8] };
    LogKey { scope: scope(), lane, device: keys(1).device(), incarnation }
}

fn place(lane: Lane) -> EntryPlace {
    EntryPlace { log: log(lane), seq: 300, hash: EntryHash([4; 32]) }
}

fn chain() -> Vec<SignedGrant> {
    let grant = |subject: u8, role: Role, issuer: Option<&SignedGrant>| Grant {
        subject: keys(subject).device(),
        sealing_key: keys(subject).sealing_key(),
        name: "上禾村 守望".into(),
        area: Area(scope()),
        role,
        rights: role.rights(),
        quota: Quota::DEFAULT,
        depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
        issuer: issuer.map(SignedGrant::id),
        serial: 7,
        written_at_ms: 1_795_000_000_000,
    };
    let root = grant(9, Role::Root, None).sign(&keys(9));
    let next = grant(1, Role::Clerk, Some(&root)).sign(&keys(9));
    vec![root, next]
}

fn run() -> UnverifiedRun {
    let card = DocumentId::elder(ElderId([7; 16]), Part::Card);
    let entries = vec![
        RunEntry::new(Kind::Change, Some(card), vec![7; 40], 1_795_000_000_000),
        RunEntry { tail: vec![1, 2], ..RunEntry::new(Kind::Other(99), None, vec![], -1) },
        RunEntry {
            body: Body::Absent { length: 77, hash: [5; 32] },
            ..RunEntry::new(Kind::Change, Some(card), vec![], 0)
        },
    ];
    let written = VerifiedRun::write(log(Lane::Routine), GrantId([8; 32]), None, entries, &keys(1));
    written.ok().and_then(|run| cut(run.entries(), None)).expect("three entries are a run")
}

fn frames() -> Vec<Frame> {
    let (log, hash) = (log(Lane::Routine), EntryHash([4; 32]));
    let position = LogPosition { log, seq: 300, hash };
    let short = Fingerprint([6; 5]);
    let heads = vec![
        StatedHead::Short(short, Some((300, HashMark([8; 5])))),
        StatedHead::Short(short, None),
        StatedHead::Full(log, None),
        StatedHead::Full(log, Some((0, HashMark([9; 5])))),
    ];
    let (digest, inside) = (Digest([7; 16]), Place::Inside(scope()));
    let statements = [
        (Family::Records, Place::All, Word::Digest(digest)),
        (Family::Authority, Place::All, Word::Children(vec![(inside, digest)])),
        (Family::Authority, Place::Own(scope()), Word::Heads(heads.clone(), false)),
        (Family::Records, inside, Word::Rest(heads, true)),
    ]
    .map(|(family, place, what)| Statement { family, place, what });
    let hello = Hello {
        version: PROTOCOL_VERSION,
        mesh: GrantId([1; 32]),
        grant: GrantId([2; 32]),
        salt: Salt([1; 8]),
        clock_ms: i64::MIN,
        stream_version: 2,
    };
    let probe = Probe { word: ProbeWord::Found, log, positions: vec![(300, hash)] };
    vec![
        Frame::Hello(hello),
        Frame::AskChain,
        Frame::Chain(chain()),
        Frame::Prove(chain()),
        Frame::Summary(Summary { round: 1, statements: statements.into() }),
        Frame::Run(run()),
        Frame::Have(vec![position]),
        Frame::Probe(probe),
        Frame::AskBodies(vec![position]),
        Frame::Body { place: position, body: Some(vec![1, 2, 3]) },
        Frame::Body { place: position, body: None },
        Frame::Alive,
        Frame::Hold(HoldWord::Comes),
        Frame::Close("broken_chain".into()),
        Frame::Aside(vec![Aside { position, code: "ill_formed:start_op".into() }]),
    ]
}

pub(super) fn frame_seeds() -> Vec<Vec<u8>> {
    frames().iter().map(Frame::encode).collect()
}

pub(super) fn header_seeds() -> Vec<Vec<u8>> {
    let verified = run().verify(None).expect("an honest run");
    let headers = verified.entries().iter().map(|entry| entry.header.encode());
    let incident = DocumentId::elder(ElderId([7; 16]), Part::Incident(IncidentId([3; 16])));
    headers.chain([log(Lane::Urgent).to_bytes().to_vec(), incident.to_bytes()]).collect()
}

pub(super) fn body_seeds() -> Vec<Vec<u8>> {
    let covered = Covered::upto(&log(Lane::Routine), 300, EntryHash([4; 32]));
    let other: DivisionCode = scope().parent().and_then(|town| town.child(204)).unwrap_or(scope());
    let cut = Cut {
        lane: Lane::Urgent,
        incarnation: log(Lane::Urgent).incarnation,
        seq: 300,
        hash: EntryHash([4; 32]),
    };
    let seen = Seen::of([[1; 32]]);
    let bodies = [
        Adoption { originals: vec![place(Lane::Routine)] }.encode(),
        Carried { chain: chain().split_off(1), run: run() }.encode(),
        Revocation {
            grant: GrantId([3; 32]),
            reason: RevocationReason::Lost,
            cuts: vec![cut],
            apart: vec![scope()],
        }
        .encode(),
        Receipt { positions: vec![place(Lane::Urgent), place(Lane::Routine)] }.encode(),
        Erasure {
            elder: ElderId([7; 16]),
            reason: ErasureReason::Retention,
            confirms: None,
            coverage: vec![covered],
        }
        .encode(),
        Handover {
            elder: ElderId([7; 16]),
            from: scope(),
            to: other,
            transfer: TransferId([2; 16]),
            path: vec![StepId([3; 32])],
            documents: [(Part::Card, seen), (Part::Journal(2026), seen)].into(),
        }
        .encode(),
        Purge { elder: ElderId([7; 16]), step: StepId([3; 32]), coverage: vec![covered] }.encode(),
        chain()[1].grant.encode(),
        chain()[1].encode(),
        [&[3, 1][..], &log(Lane::Routine).to_bytes(), &[0, 0, 0, 4, 9]].concat(),
        run().write(&mut Writer::new()).finish(),
    ];
    (0..).zip(bodies).map(|(kind, body): (u8, Vec<u8>)| [vec![kind], body].concat()).collect()
}

pub(super) fn token_seeds() -> Vec<Vec<u8>> {
    let keys = keys(1);
    let request = Request { device: keys.device(), sealing_key: keys.sealing_key() };
    let invite = Invite {
        chain: chain(),
        addresses: vec!["/ip4/10.0.0.1/tcp/4420".into()],
        fallback: vec!["/ip4/10.0.0.2/tcp/4420".into()],
    };
    let spoken = request.to_text().to_uppercase();
    let raw = [&b"!\x00\x01"[..], &keys.device().0, &keys.sealing_key().0].concat();
    [
        request.to_text(),
        invite.to_text(),
        root_to_text(&keys),
        format!("{} {}", &spoken[..9], &spoken[9..]),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([raw])
    .collect()
}
