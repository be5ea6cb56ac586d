//! Bundles. Whoever asks reads and writes the files; what is in them is made, opened and believed here.
//! Each request is a piece, so that a running node does other things in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::bundle::{BundleId, Cursor, Fault, PartHead, Receiver};
use crate::engine::{Engine, Place};
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, Role};
use crate::limits::{BUNDLE_PART_BYTES_MIN, BUNDLE_RECEIVERS_MAX};
use crate::sync::Now;

/// Asks what a bundle for these would be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleBegin {
    /// Places, whose devices it is for, or devices by the first digits of their keys or by name.
    pub to: Vec<String>,
    /// Whether also what they are known to hold goes in.
    pub full: bool,
}

/// One whom a bundle is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleReceiver {
    /// The device.
    pub device: DeviceId,
    /// Its name in its grant.
    pub name: String,
    /// Its area.
    pub area: DivisionCode,
    /// Its role.
    pub role: Role,
}

/// What a bundle will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleBegun {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Its name.
    pub bundle: BundleId,
    /// The mesh.
    pub mesh: GrantId,
    /// Who writes it.
    pub sender: DeviceId,
    /// Whom it is for.
    pub receivers: Vec<BundleReceiver>,
    /// Logs of which something goes in.
    pub logs: u64,
    /// Entries that go in.
    pub entries: u64,
    /// Elders with a file in the scopes that the receivers may be sent records of.
    pub elders: u64,
    /// The least that a part may be split to, bytes.
    pub part_bytes_min: u64,
}

/// Asks for the next segments of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundlePiece {
    /// The bundle.
    pub bundle: BundleId,
    /// Whom it is for, in the order of [`BundleBegun::receivers`].
    pub to: Vec<DeviceId>,
    /// As in [`BundleBegin`].
    pub full: bool,
    /// The part, from 1.
    pub part: u32,
    /// The number of the next segment in the part; with 0 comes what every part begins with, and
    /// nothing else.
    pub number: u32,
    /// Where the last piece of entries ended; None before the first.
    pub cursor: Option<String>,
    /// Bytes that there is room for.
    pub room: u64,
}

/// Some segments of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleSegments {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// They themselves, one after another.
    #[serde(with = "hex")]
    pub segments: Vec<u8>,
    /// How many they are.
    pub count: u32,
    /// Runs in them.
    pub runs: u64,
    /// Entries in them.
    pub entries: u64,
    /// Where the next piece begins.
    pub cursor: Option<String>,
    /// Whether this was the last piece.
    pub done: bool,
    /// Whether there was no room for the next segment: it goes into the next part.
    pub full: bool,
}

/// Hands in segments of a part that somebody has brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleTake {
    /// The head of the part, as it stands in the file.
    #[serde(with = "hex")]
    pub head: Vec<u8>,
    /// The number of the first segment.
    pub first: u32,
    /// Segments, one after another, as they stand in the file.
    #[serde(with = "hex")]
    pub segments: Vec<u8>,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleTaken {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Segments that were taken in, or are for other receivers.
    pub segments: u32,
    /// Those of them that are for other receivers.
    pub for_others: u32,
    /// Entries in those that are for this device.
    pub entries: u64,
    /// Entries that were new here.
    pub new: u64,
    /// Runs that wait for what comes before them.
    pub waiting: u64,
    /// Runs that were refused, by name.
    pub refused: BTreeMap<String, u64>,
    /// Why the segment after those was not taken.
    pub fault: Option<Fault>,
}

/// A part is through: receipts that it calls for are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleEnd {
    /// The head of the part, as it stands in the file.
    #[serde(with = "hex")]
    pub head: Vec<u8>,
}

/// Who brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleEnded {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The sender's name in its grant, if that is known here.
    pub sender_name: Option<String>,
    /// The sender's area.
    pub sender_area: Option<DivisionCode>,
}

/// Asks what is in segments of a part. Nothing is stored, and no record is opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleLook {
    /// The head of the part, as it stands in the file.
    #[serde(with = "hex")]
    pub head: Vec<u8>,
    /// The number of the first segment.
    pub first: u32,
    /// Segments, one after another, as they stand in the file.
    #[serde(with = "hex")]
    pub segments: Vec<u8>,
}

/// What is in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleContents {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether the part is for this device, of its mesh.
    pub ours: bool,
    /// Segments that are whole.
    pub segments: u32,
    /// Those of them that are for other receivers.
    pub for_others: u32,
    /// The sender's name in its grant, if a segment opened.
    pub sender_name: Option<String>,
    /// When the sender wrote it, by its clock, ms since 1970.
    pub written_at_ms: Option<i64>,
    /// What is inside of each scope.
    pub scopes: Vec<BundleScope>,
    /// Logs of which the sender says how far it holds them.
    pub vector_logs: u64,
    /// Why the segment after those was not read.
    pub fault: Option<Fault>,
}

/// What is inside of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleScope {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where a directory here names it.
    pub name: Option<String>,
    /// Entries.
    pub entries: u64,
    /// Bytes of what they say.
    pub bytes: u64,
}

impl Request for BundleBegin {
    const NAME: &'static str = "bundle_begin";
    type Reply = BundleBegun;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BundleBegun, CommandError> {
        engine.settle(now)?;
        let authority = engine.authority();
        let retired = authority.is_retired(&engine.grant_id());
        if engine.is_revoked() && !retired {
            let message = "this device's grant is revoked";
            return Err(CommandError::new(ErrorKind::Refused, "device_revoked", message));
        }
        let mut receivers: Vec<Receiver> = Vec::new();
        for text in &self.to {
            for found in named(engine, text)? {
                if !receivers.iter().any(|known| known.device == found.device) {
                    receivers.push(found);
                }
            }
        }
        receivers.sort_unstable_by_key(|receiver| (receiver.grant.area.0, receiver.device));
        if receivers.is_empty() || receivers.len() > BUNDLE_RECEIVERS_MAX {
            let message = "no receivers, or too many";
            return Err(CommandError::new(ErrorKind::Usage, "bundle_receivers", message)
                .with("count", receivers.len())
                .with("limit", BUNDLE_RECEIVERS_MAX));
        }
        let bundle = engine.new_bundle_id();
        let extent = engine.bundle_extent(&receivers, self.full)?;
        let place = Place { bundle, part: 1, number: 0 };
        let beginning = engine.bundle_beginning(now, place, &receivers)?;
        let snapshot = engine.read()?;
        let mut elders = 0;
        for (scope, row) in crate::store::StoreRead::scopes_in(&snapshot, engine.area())? {
            if receivers.iter().any(|receiver| receiver.grant.area.contains(scope)) {
                elders += row.elders;
            }
        }
        let describe = |receiver: &Receiver| BundleReceiver {
            device: receiver.device,
            name: receiver.grant.name.clone(),
            area: receiver.grant.area.0,
            role: receiver.grant.role,
        };
        Ok(BundleBegun {
            schema_version: JSON_SCHEMA_VERSION,
            bundle,
            mesh: engine.authority().mesh(),
            sender: engine.device(),
            receivers: receivers.iter().map(describe).collect(),
            logs: extent.logs,
            entries: extent.entries,
            elders,
            part_bytes_min: BUNDLE_PART_BYTES_MIN + beginning.bytes.len() as u64,
        })
    }
}

impl Request for BundlePiece {
    const NAME: &'static str = "bundle_piece";
    type Reply = BundleSegments;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BundleSegments, CommandError> {
        let mut receivers = Vec::new();
        for device in &self.to {
            receivers.push(receiver(engine, *device).ok_or_else(|| {
                let message = "a receiver has lost its grant";
                CommandError::new(ErrorKind::Refused, "bundle_receiver_gone", message)
                    .with("device", device.short())
            })?);
        }
        let place = Place { bundle: self.bundle, part: self.part, number: self.number };
        let cursor = self.cursor.as_deref().map(read_cursor).transpose()?;
        let piece = match self.number {
            0 => engine.bundle_beginning(now, place, &receivers)?,
            _ => engine.bundle_piece(now, place, &receivers, self.full, cursor, self.room)?,
        };
        let next = if self.number == 0 { cursor } else { piece.cursor };
        Ok(BundleSegments {
            schema_version: JSON_SCHEMA_VERSION,
            segments: piece.bytes,
            count: piece.segments,
            runs: piece.runs,
            entries: piece.entries,
            cursor: next.map(|cursor| hex::encode(cursor.encode())),
            done: self.number > 0 && !piece.full && piece.cursor.is_none(),
            full: piece.full,
        })
    }
}

impl Request for BundleTake {
    const NAME: &'static str = "bundle_take";
    type Reply = BundleTaken;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BundleTaken, CommandError> {
        let taken = match PartHead::decode(&self.head) {
            Ok((head, _)) => engine.take_bundle(now, &head, self.first, &self.segments)?,
            Err(fault) => crate::engine::Taken { fault: Some(fault), ..Default::default() },
        };
        Ok(BundleTaken {
            schema_version: JSON_SCHEMA_VERSION,
            segments: taken.segments,
            for_others: taken.for_others,
            entries: taken.entries,
            new: taken.new,
            waiting: taken.waiting,
            refused: taken.refused,
            fault: taken.fault,
        })
    }
}

impl Request for BundleEnd {
    const NAME: &'static str = "bundle_end";
    type Reply = BundleEnded;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<BundleEnded, CommandError> {
        let mut ended = BundleEnded {
            schema_version: JSON_SCHEMA_VERSION,
            sender_name: None,
            sender_area: None,
        };
        if let Ok((head, _)) = PartHead::decode(&self.head) {
            engine.end_bundle(now, &head)?;
            let grants = engine.authority().grants_of(head.sender);
            if let Some((_, grant)) = grants.max_by_key(|(_, grant)| grant.serial) {
                ended.sender_name = Some(grant.name.clone());
                ended.sender_area = Some(grant.area.0);
            }
        }
        Ok(ended)
    }
}

impl Request for BundleLook {
    const NAME: &'static str = "bundle_look";
    type Reply = BundleContents;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<BundleContents, CommandError> {
        let mut contents = BundleContents {
            schema_version: JSON_SCHEMA_VERSION,
            ours: false,
            segments: 0,
            for_others: 0,
            sender_name: None,
            written_at_ms: None,
            scopes: Vec::new(),
            vector_logs: 0,
            fault: None,
        };
        let head = match PartHead::decode(&self.head) {
            Ok((head, _)) => head,
            Err(fault) => return Ok(BundleContents { fault: Some(fault), ..contents }),
        };
        contents.ours = engine.check_bundle(&head).is_ok();
        let found = engine.look_into_bundle(&head, self.first, &self.segments)?;
        let names = places::names(&engine.read()?, engine.area())?;
        contents.segments = found.segments;
        contents.for_others = found.for_others;
        contents.sender_name = found.sender.map(|grant| grant.name);
        contents.written_at_ms = found.written_at_ms;
        contents.vector_logs = found.vector_logs;
        contents.fault = found.fault;
        let scope = |(code, inside): (DivisionCode, crate::engine::Inside)| BundleScope {
            code,
            name: names.get(&code).cloned(),
            entries: inside.entries,
            bytes: inside.bytes,
        };
        contents.scopes = found.scopes.into_iter().map(scope).collect();
        Ok(contents)
    }
}

/// Whom a text names: all devices of a place, or one device.
fn named(engine: &Engine, text: &str) -> Result<Vec<Receiver>, CommandError> {
    let (text, own) = (text.trim(), engine.device());
    let devices: std::collections::BTreeSet<DeviceId> =
        engine.authority().grants().map(|(_, grant)| grant.subject).collect();
    let others = devices.into_iter().filter(|device| *device != own);
    let others: Vec<Receiver> = others.filter_map(|device| receiver(engine, device)).collect();
    let found: Vec<Receiver> = match text.parse::<DivisionCode>() {
        Ok(area) => others.into_iter().filter(|found| found.grant.area.0 == area).collect(),
        Err(_) => {
            let digits = text.to_ascii_lowercase();
            let is_key = digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_named = |found: &Receiver| {
                found.grant.name == text
                    || (is_key && found.device.to_string().starts_with(&digits))
            };
            others.into_iter().filter(is_named).collect()
        }
    };
    let is_area = text.parse::<DivisionCode>().is_ok();
    match found.len() {
        0 => {
            let message = "nobody of that name has a grant that stands";
            Err(CommandError::new(ErrorKind::NotFound, "bundle_nobody", message)
                .with("value", text))
        }
        count if count > 1 && !is_area => {
            let message = "several devices are named so";
            Err(CommandError::new(ErrorKind::Usage, "bundle_several", message)
                .with("value", text)
                .with("count", count))
        }
        _ => Ok(found),
    }
}

/// A device with the grant that it has. The root is on no disk.
fn receiver(engine: &Engine, device: DeviceId) -> Option<Receiver> {
    let standing = engine.authority().standing_grants_of(device);
    let standing = standing.filter(|(_, grant)| grant.depth > 0);
    let grant = standing.max_by_key(|(_, grant)| grant.serial).map(|(_, grant)| grant.clone())?;
    Some(Receiver { device, grant })
}

fn read_cursor(text: &str) -> Result<Cursor, CommandError> {
    let bad = || CommandError::new(ErrorKind::Usage, "bad_request", "a cursor that does not read");
    let bytes = hex::decode(text).map_err(|_| bad())?;
    Cursor::decode(&bytes).map_err(|_| bad())
}
