//! What an engine is told by one peer, one stick or one person: it refuses or takes in, and everything
//! that it holds reads back.

use shouwang_node::bundle::part::{PartReader, PartWriter};
use shouwang_node::bundle::{BundleId, Item, PartHead, Segment};
use shouwang_node::codec::Writer;
use shouwang_node::command::status::Status;
use shouwang_node::command::verify::Verify;
use shouwang_node::command::{CommandError, Request, dispatch};
use shouwang_node::dictionary;
use shouwang_node::engine::Engine;
use shouwang_node::identity::DeviceId;
use shouwang_node::limits::{FRAME_BYTES_MAX, STREAM_VERSION, STREAM_WINDOW_LOG};
use shouwang_node::sync::summary::Summary;
use shouwang_node::sync::wire::{Frame, Hello};
use shouwang_node::sync::{Input, Now};
use zstd::stream::raw::{CParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use crate::impostor::SALT;
use crate::scene::{at, drained, opened, scene};
use crate::tape::{Tape, piece};
use crate::target::{Verdict, accepted};

/// Everything that the engine holds reads back, and people can look at it.
pub(super) fn assert_sound(engine: &mut Engine, now: Now) {
    engine.settle(now).expect("what came in is committed or refused");
    let report = Verify {}.execute(engine, now).expect("a store that is whole can be read");
    assert!(report.ok, "{:?}", report.faults);
    Status {}.execute(engine, now).expect("status answers");
}

/// Bytes that are taken out of a stream at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The compressor of packets, as an honest peer has it.
struct Packer(Option<Encoder<'static>>);

impl Packer {
    fn pack(&mut self, plain: &[u8]) -> Vec<u8> {
        let begins = self.0.is_none();
        let encoder = self.0.get_or_insert_with(|| {
            let dictionary = dictionary::stream(STREAM_VERSION);
            let mut encoder =
                Encoder::with_dictionary(3, dictionary).expect("the dictionary reads");
            for parameter in [
                CParameter::WindowLog(STREAM_WINDOW_LOG),
                CParameter::ContentSizeFlag(false),
                CParameter::ChecksumFlag(false),
                CParameter::DictIdFlag(false),
            ] {
                encoder.set_parameter(parameter).expect("a parameter that packets have");
            }
            encoder
        });
        let mut packet = vec![if begins { 15 } else { 14 }];
        let mut room = vec![0; PIECE_BYTES];
        let mut input = InBuffer::around(plain);
        while input.pos < plain.len() {
            let mut output = OutBuffer::around(&mut room);
            encoder.run(&mut input, &mut output).expect("bytes can be packed");
            packet.extend_from_slice(output.as_slice());
        }
        loop {
            let mut output = OutBuffer::around(&mut room);
            let left = encoder.flush(&mut output).expect("bytes can be packed");
            packet.extend_from_slice(output.as_slice());
            if left == 0 {
                return packet;
            }
        }
    }
}

/// Unpacks packets, for seeds.
struct Unpacker(Option<Decoder<'static>>);

impl Unpacker {
    fn unpack(&mut self, packet: &[u8]) -> Vec<u8> {
        if packet[0] == 15 {
            let dictionary = dictionary::stream(STREAM_VERSION);
            self.0 = Some(Decoder::with_dictionary(dictionary).expect("the dictionary reads"));
        }
        let decoder = self.0.as_mut().expect("a stream begins with its beginning");
        let (mut plain, mut room) = (Vec::new(), vec![0; PIECE_BYTES]);
        let mut input = InBuffer::around(&packet[1..]);
        loop {
            let mut output = OutBuffer::around(&mut room);
            decoder.run(&mut input, &mut output).expect("an honest packet unpacks");
            let got = output.pos();
            plain.extend_from_slice(output.as_slice());
            if input.pos + 1 == packet.len() && got < PIECE_BYTES {
                return plain;
            }
        }
    }
}

/// How a piece of [`packets`] is said.
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
const RAW: u8 = 2;
const SETTLE: u8 = 3;

/// Two bytes of who speaks and what it says first, then pieces, each behind a byte that says how it
/// travels: plain, packed as one stream, as bytes of a packet, or that all of it is committed first.
///
/// The township has a session with the village's device, or with a clerk that it has granted. Whatever
/// is said, it ends that session at most, and everything that it holds reads back.
pub(super) fn packets(bytes: &[u8]) -> Verdict {
    let scene = scene();
    let mut tape = Tape::new(bytes);
    let peer = match tape.byte() & 1 {
        0 => scene.village_device,
        _ => scene.impostor.keys.device(),
    };
    let mut town = opened(&scene.town, 3);
    let mut time = 0;
    let mut now = || {
        time += 1;
        at(time)
    };
    town.handle(now(), Input::PeerUp(peer)).expect("a disk in memory");
    if tape.byte() & 1 == 1 {
        let hello = Hello { stream_version: STREAM_VERSION, ..scene.impostor.hello() };
        let hello = Frame::Hello(hello).encode();
        town.handle(now(), Input::Frame(peer, hello)).expect("a disk in memory");
    }
    let (mut packer, mut said, mut owed) = (Packer(None), 0usize, 0usize);
    for _ in 0..200 {
        if tape.is_over() || !town.sessions().contains(&peer) {
            break;
        }
        let how = tape.byte() % 4;
        let frame = match how {
            PLAIN => tape.piece().to_vec(),
            PACKED => packer.pack(tape.piece()),
            RAW => [&[15 - (tape.byte() & 1)][..], tape.piece()].concat(),
            _ => {
                town.settle(now()).expect("what came in is committed or refused");
                Vec::new()
            }
        };
        if how != SETTLE && frame.len() <= FRAME_BYTES_MAX {
            said += frame.len();
            town.handle(now(), Input::Frame(peer, frame)).expect("a disk in memory");
        }
        let (frames, hangups) = drained(&mut town);
        owed += frames.iter().map(|(_, frame)| frame.len()).sum::<usize>();
        assert!(hangups.iter().all(|(whom, code)| *whom == peer && !code.is_empty()));
        // A session may say all that it holds, and one answer to each thing that is said.
        assert!(owed <= (256 << 10) + 64 * said, "{said} bytes said, {owed} bytes owed");
    }
    let talks = town.sessions().contains(&peer);
    assert_sound(&mut town, now());
    accepted(talks.then_some(()))
}

/// What each of the two says in an honest exchange, frame by frame, from the first on.
fn exchange() -> Vec<(DeviceId, Vec<u8>)> {
    let scene = scene();
    let (mut town, mut village) = (opened(&scene.town, 3), opened(&scene.village, 4));
    let (town_device, village_device) = (scene.town_device, scene.village_device);
    let mut said = Vec::new();
    town.handle(at(1), Input::PeerUp(village_device)).expect("a disk in memory");
    village.handle(at(1), Input::PeerUp(town_device)).expect("a disk in memory");
    let mut turn = |round, from, one: &mut Engine, other: &mut Engine| {
        one.settle(at(round)).expect("a disk in memory");
        for (_, frame) in drained(one).0 {
            said.push((from, frame.clone()));
            other.handle(at(round), Input::Frame(from, frame)).expect("a disk in memory");
        }
    };
    for round in 2..40 {
        turn(round, town_device, &mut town, &mut village);
        turn(round, village_device, &mut village, &mut town);
    }
    said
}

pub(super) fn packet_seeds() -> Vec<Vec<u8>> {
    let said = exchange();
    let village = scene().village_device;
    let mut unpacker = Unpacker(None);
    let mut whole = vec![0, 0];
    for (_, frame) in said.iter().filter(|(from, _)| *from == village) {
        match frame.first() {
            Some(14 | 15) => whole.extend([vec![PACKED], piece(&unpacker.unpack(frame))].concat()),
            _ => whole.extend([vec![PLAIN], piece(frame)].concat()),
        }
        whole.push(SETTLE);
    }
    let speech =
        [Frame::AskChain, Frame::Summary(Summary::of_heads(0, SALT, &[], true)), Frame::Alive];
    let spoken: Vec<u8> =
        speech.iter().flat_map(|frame| [vec![PLAIN], piece(&frame.encode())].concat()).collect();
    vec![whole, [vec![1, 1], spoken].concat()]
}

/// A byte of how, and what is in a segment of a bundle: items as they stand there. Sealed to the township,
/// signed by the village, it is taken in as far as it is in order.
pub(super) fn bundle(bytes: &[u8]) -> Verdict {
    let scene = scene();
    let mut tape = Tape::new(bytes);
    let by_village = tape.byte() & 1 == 0;
    let items = tape.rest();
    let read = Item::read_all(items);
    if let Ok(read) = &read {
        let mut writer = Writer::new();
        read.iter().cloned().for_each(|item| item.write(&mut writer));
        let asides = read.iter().any(|item| matches!(item, Item::Asides(_)));
        // Codes that nobody may print are said otherwise.
        assert!(asides || writer.finish() == items, "one form of every item");
    }
    let mut town = opened(&scene.town, 3);
    let village = opened(&scene.village, 4);
    let (keys, grant) = match by_village {
        true => (village.keys(), village.grant_id()),
        false => (&scene.impostor.keys, scene.impostor.grant_id()),
    };
    let segment = Segment {
        bundle: BundleId([7; 16]),
        part: 1,
        number: 0,
        mesh: town.authority().mesh(),
        sender: keys.device(),
        grant,
        written_at_ms: 5,
    };
    let head = PartHead {
        bundle: segment.bundle,
        part: 1,
        parts: 1,
        mesh: segment.mesh,
        sender: segment.sender,
        receivers: vec![town.device()],
        segments: 1,
        bytes: 0,
    };
    let to = [(0, town.keys().sealing_key())];
    let sealed = segment.seal(items, &to, keys).expect("items can be sealed");
    let looked = town.look_into_bundle(&head, 0, &sealed).expect("a disk in memory");
    let taken = town.take_bundle(at(1), &head, 0, &sealed).expect("a disk in memory");
    assert_eq!(read.is_err(), looked.fault.is_some(), "to look is to read");
    town.end_bundle(at(2), &head).expect("a disk in memory");
    assert_sound(&mut town, at(3));
    accepted((taken.fault.is_none() && read.is_ok()).then_some(()))
}

/// A byte that says whether the head's checksum is put right, and a part as a file. It is cut into its
/// segments as far as it is in order; a township reads it, and says what is wrong.
pub(super) fn part(bytes: &[u8]) -> Verdict {
    let scene = scene();
    let mut tape = Tape::new(bytes);
    let summed = tape.byte() & 1 == 0;
    let mut bytes = tape.rest().to_vec();
    if summed {
        put_checksum(&mut bytes);
    }
    let Ok(mut reader) = PartReader::open(&bytes[..]) else { return Verdict::Refused };
    let head = reader.head().clone();
    let encoded = head.encode();
    assert_eq!(bytes.get(..encoded.len()), Some(&encoded[..]), "one form of every head");
    let mut town = opened(&scene.town, 3);
    let _ = town.check_bundle(&head);
    let mut number = 0;
    while let Ok(Some(segment)) = reader.segment() {
        let looked = town.look_into_bundle(&head, number, &segment).expect("a disk in memory");
        let taken = town.take_bundle(at(1), &head, number, &segment).expect("a disk in memory");
        assert!(looked.fault.is_none() || taken.fault.is_some(), "what cannot be read is taken");
        number += 1;
    }
    assert!(reader.read_bytes() <= bytes.len() as u64);
    assert_sound(&mut town, at(3));
    Verdict::Accepted
}

/// What stands before the body of a head, and its checksum, are in order from now on.
fn put_checksum(bytes: &mut [u8]) {
    let Some(length) = bytes.get(9..13).and_then(|length| <[u8; 4]>::try_from(length).ok()) else {
        return;
    };
    let end = 13usize.saturating_add(u32::from_be_bytes(length) as usize);
    let Some(sum) = bytes
        .get(13..end)
        .map(|body| blake3::derive_key("shouwang 2026 bundle head checksum 1", body))
    else {
        return;
    };
    if let Some(place) = bytes.get_mut(end..end.saturating_add(8)) {
        place.copy_from_slice(&sum[..8]);
    }
}

/// What the village would put on a stick for the township: the items of every segment.
fn outgoing() -> Vec<Vec<u8>> {
    let said = exchange();
    let village = scene().village_device;
    let mut unpacker = Unpacker(None);
    let mut items = Writer::new();
    // Of what it says over a wire what may also be in a bundle.
    let mut town = opened(&scene().town, 3);
    let chain = opened(&scene().village, 4);
    Item::Chain(chain.authority().chain(&chain.grant_id())).write(&mut items);
    for (_, frame) in said.iter().filter(|(from, _)| *from == village) {
        if !matches!(frame.first(), Some(14 | 15)) {
            if let Ok(Frame::Run(run)) = Frame::decode(frame) {
                Item::Run(run).write(&mut items);
            }
            continue;
        }
        unpacker.unpack(frame);
    }
    assert_sound(&mut town, at(1));
    vec![items.finish()]
}

/// Runs of all that the village has, as they would stand in a bundle.
fn runs() -> Vec<u8> {
    use shouwang_node::log::run::cut;
    use shouwang_node::store::StoreRead;
    let village = opened(&scene().village, 4);
    let snapshot = village.read().expect("a disk in memory");
    let mut items = Writer::new();
    Item::Chain(village.authority().chain(&village.grant_id())).write(&mut items);
    for log in snapshot.logs_all().expect("a disk in memory") {
        let mut head = None;
        let head_of = snapshot.head_of(log.number).expect("a disk in memory");
        let Some(last) = head_of.filter(|_| log.key.device == village.device()) else { continue };
        let mut entries = Vec::new();
        for seq in 0..=last.seq {
            entries.extend(snapshot.entry(log.number, seq).expect("a disk in memory"));
        }
        let mut rest = &entries[..];
        while let Some(run) = cut(rest, head.as_ref()) {
            let count = run.entries.len();
            let verified = run.clone().verify(head.as_ref()).expect("an honest run");
            head = Some(*verified.head());
            rest = &rest[count..];
            Item::Run(run).write(&mut items);
        }
    }
    items.finish()
}

pub(super) fn bundle_seeds() -> Vec<Vec<u8>> {
    [outgoing(), vec![runs()]].concat().into_iter().map(|items| [vec![0], items].concat()).collect()
}

pub(super) fn part_seeds() -> Vec<Vec<u8>> {
    let (town, village) = (opened(&scene().town, 3), opened(&scene().village, 4));
    let segment = Segment {
        bundle: BundleId([7; 16]),
        part: 1,
        number: 0,
        mesh: town.authority().mesh(),
        sender: village.device(),
        grant: village.grant_id(),
        written_at_ms: 5,
    };
    let head = PartHead {
        bundle: segment.bundle,
        part: 1,
        parts: 1,
        mesh: segment.mesh,
        sender: segment.sender,
        receivers: vec![town.device()],
        segments: 1,
        bytes: 0,
    };
    let to = [(0, town.keys().sealing_key())];
    let sealed = segment.seal(&runs(), &to, village.keys()).expect("items can be sealed");
    let mut part = PartWriter::begin(std::io::Cursor::new(Vec::new()), head).expect("memory");
    part.append(&sealed, 1).expect("memory");
    let (part, _) = part.finish(1).expect("memory");
    vec![[vec![1], part.into_inner()].concat()]
}

/// Requests as the admin API takes them, one after another: the name, a line end, JSON, and a zero byte.
/// Whatever is asked, it is carried out or refused by name, and everything that the engine holds reads
/// back.
pub(super) fn requests(bytes: &[u8]) -> Verdict {
    let mut town = opened(&scene().town, 3);
    let mut read = false;
    for (nth, request) in bytes.split(|byte| *byte == 0).take(12).enumerate() {
        let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
        let (name, json) = request.split_at(end);
        let name = String::from_utf8_lossy(name);
        let answer = dispatch(&mut town, at(nth as u64 + 1), name.trim(), json);
        match answer {
            Ok(answer) => {
                serde_json::from_slice::<serde_json::Value>(&answer).expect("an answer is JSON");
                read = true;
            }
            Err(CommandError { code, message, .. }) => {
                assert!(!code.is_empty() && !message.is_empty(), "a refusal without a name");
                // None of these may come of what somebody asks.
                let ours = ["reply", "store_failed", "store_corrupt", "own_entries_refused"];
                let in_memory = name == "compact" && message.contains("no file");
                assert!(in_memory || !ours.contains(&code.as_str()), "{code}: {message}");
                read |= !["bad_request", "unknown_request"].contains(&code.as_str());
            }
        }
        drained(&mut town);
    }
    assert_sound(&mut town, at(100));
    accepted(read.then_some(()))
}

/// Requests as JSON, after their names. What is between `<` and `>` is filled in.
const ASKED: &str = r#"
status {}
peers {}
elder_list {"scope":null,"matching":"周","as_of":"2026-09-10"}
elder_show {"elder":"<one>","as_of":"2026-09-10","show_resident_id":false}
elder_add {"scope":"990121101203","fields":{"name":"后来人","birth_date":"1950-01-02"},"entry":null}
elder_set {"elder":"<one>","fields":{"phone":"13900000009"},"certified":false}
visit_add {"elder":"<two>","visit":{"date":"2026-09-10","time":"09:30:00","visitor":"王会计","mode":"Home","occasion":"Routine","outcome":"Completed","health":{"finding":"Concern","items":["Mobility"]},"economic":null,"family":null,"safety":null,"needs":["Meals"],"actions":[],"note":"血压偏高"}}
visit_list {"elder":null,"from":"2026-09-01","to":null}
elder_erase {"elder":"<two>","reason":"mistake","root":null,"dry_run":true}
erasure_list {}
export_elders {"scope":null,"elder":null,"after":null,"as_of":"2026-09-10","whole_ids":true}
export_documents {"elder":"<one>"}
area_import {"places":[{"code":"990121101204","name":"下禾村"}],"dry_run":false}
area_list {"within":"990121101000"}
address_add {"address":"/ip4/10.0.0.1/tcp/4420"}
device_list {"all":true}
device_revoke {"device":"990121101203","reason":"lost","root":null,"personal":false,"dry_run":true}
device_retire {"dry_run":true}
quarantine_list {"scope":null}
quarantine_adopt {"entries":["ab"],"device":null,"dry_run":true}
compact {}
verify {}
retire_check {}
receipt_awaited {}
audit {"what":"export","area":null,"elders":3,"personal":true,"who":"王"}
audit_list {}
refused {"all":true}
today {}
record {"elder":"<one>","events":[]}
roster_write {"elder":"<one>","step":{"step":"Entered","reason":"MovedIn"},"date":"2026-09-10","note":null}
roster_list {"scope":null,"on":"2026-09-10","all":true}
roster_history {"elder":"<one>"}
incident_raise {"elder":"<one>","kind":"CriticalIllness","report":{"date":"2026-09-10","time":"09:30:00","place":null,"by":null,"note":"住院"}}
incident_act {"incident":"ab","step":"Acknowledged","kind":null,"report":{"date":"2026-09-10","time":null,"place":null,"by":null,"note":null}}
incident_list {"which":"open","elder":null,"as_of":"2026-09-11T00:00:00"}
incident_show {"incident":"ab","as_of":null}
item_add {"elder":"<one>","list":"supporters","texts":{"name":"李明","relation":"女儿"},"certified":false}
item_change {"elder":"<one>","list":"supporters","item":"李明","how":"remove"}
item_list {"elder":"<one>","list":null}
ruleset_show {}
ruleset_set {"key":"sync_interval_days","value":"5"}
transfer_offer {"elder":"<two>","to":"990121101204","date":"2026-09-10","note":null}
transfer_accept {"transfer":"ab","date":null,"note":null}
transfer_decline {"transfer":"ab","date":null,"note":"x"}
transfer_cancel {"transfer":"ab","date":null,"note":null}
transfer_list {"scope":null}
transfer_preview {"from":"990121101203","to":"990121101204"}
transfer_offer_all {"from":"990121101203","to":"990121101204","date":null,"note":null}
transfer_accept_all {"from":"990121101203","date":null,"note":null}
transfer_out {"elder":"<two>","to":"110101000000","date":null,"note":null}
transfer_acknowledged {"transfer":"ab","date":"2026-09-10","note":"x"}
conflict_list {"scope":null,"elder":null}
conflict_resolve {"id":"ab","keep":1,"value":null}
elder_history {"elder":"<one>"}
undo {"dry_run":false,"edit":null}
import_begin {}
import {"rows":[],"dry_run":false}
import_visits {"rows":[],"today":"2026-09-10","dry_run":false}
import_certificates {"rows":[],"dry_run":false}
elder_duplicates {}
elder_merge {"keep":"<one>","other":"<two>","date":"2026-09-10","dry_run":true}
coverage {"within":null,"as_of":"2026-09-10"}
due {"scopes":[],"lists":["overdue"],"as_of":"2026-09-10"}
report_tally {"scopes":[],"months":["2026-09"],"as_of":"2026-09-30"}
half_year {"half_year":"2026-2"}
budget_set {"daily_bytes":2000000}
budget {}
bundle_begin {"to":["990121101203"],"full":true}
bundle_end {"head":"5357"}
bundle_take {"head":"53","first":0,"segments":"01"}
bundle_look {"head":"53","first":0,"segments":"01"}
grant {"request":"swreq1","name":"x","area":"990121101204","role":"clerk","addresses":[],"replace":false,"root":null,"quota_bytes":null}
"#;

pub(super) fn request_seeds() -> Vec<Vec<u8>> {
    let elders = &scene().elders;
    let filled = ASKED.replace("<one>", &elders[0]).replace("<two>", &elders[1]);
    let asked = filled.lines().filter_map(|line| line.split_once(' '));
    asked.map(|(name, json)| format!("{name}\n{json}").into_bytes()).collect()
}
