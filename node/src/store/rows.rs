//! What stands in the rows of the store, beside entries.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::{CareGroup, ElderId, Sex};
use shouwang_crdt_schema::rules::care_group::{CareFacts, care_group};

use crate::identity::DeviceId;
use crate::identity::grant::GrantId;
use crate::log::{Incarnation, LogKey};

/// The name of a chain within this store: what rows of entries begin with instead of 53 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogNumber(pub u32);

/// A chain of a log that is here: see [`super::chains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// Its name here.
    pub number: LogNumber,
    /// Its key.
    pub key: LogKey,
    /// The grant it is written under.
    pub grant: GrantId,
    /// Where it branches off another chain of the same log; None for the chain that came first.
    pub branch: Option<Fork>,
}

/// Where a chain begins to differ from the one that it branches off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The chain that holds the entries before.
    pub parent: LogNumber,
    /// The number of the chain's first own entry.
    pub first_seq: u64,
}

/// A document of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentKey {
    /// The scope.
    pub scope: DivisionCode,
    /// The document.
    pub id: DocumentId,
}

/// A stored document: only what counts is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Its heads, sorted.
    pub heads: Vec<[u8; 32]>,
    /// Automerge's saved form.
    pub saved: Vec<u8>,
}

/// Where an entry is, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsettledRow {
    /// The log.
    pub log: LogNumber,
    /// The number in the log.
    pub seq: u64,
    /// The change's hash, if its bytes read as a change.
    pub change: Option<[u8; 32]>,
    /// Why it does not count.
    pub standing: Unsettled,
}

/// Why an entry is kept and does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "why", content = "code", rename_all = "snake_case")]
pub enum Unsettled {
    /// Ancestors have not arrived.
    Pending,
    /// The change is ill-formed; the code names the rule.
    IllFormed(String),
    /// The author's grant does not allow it; the code says what.
    NotAllowed(String),
    /// An ancestor is ill-formed or not allowed.
    Blocked,
    /// Another change with the same actor and number counts instead.
    Displaced,
    /// Written beyond what a revocation lets count. An adoption makes it count.
    Quarantined,
    /// Written beyond what a revocation lets count, and counting all the same, because an honest
    /// change was built on it: to be looked at.
    Vouched,
    /// The elder's file is erased, and nobody who erased it had seen this entry.
    Late,
    /// A kind of entry that this version does not act on.
    UnknownKind,
}

impl Unsettled {
    /// The name in counts and messages.
    pub fn code(&self) -> String {
        match self {
            Self::Pending => "pending".into(),
            Self::IllFormed(rule) => format!("ill_formed:{rule}"),
            Self::NotAllowed(what) => format!("not_allowed:{what}"),
            Self::Blocked => "blocked".into(),
            Self::Displaced => "displaced".into(),
            Self::Quarantined => "quarantined".into(),
            Self::Vouched => "vouched".into(),
            Self::Late => "late".into(),
            Self::UnknownKind => "unknown_kind".into(),
        }
    }

    /// Whether its sender should know: it does not count, and not only for want of something that
    /// may still come.
    pub fn is_unwanted(&self) -> bool {
        !matches!(self, Self::Pending | Self::Vouched)
    }
}

/// One elder in the index. Rebuilt from documents; never travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElderRow {
    /// 姓名
    pub name: Option<String>,
    /// 出生日期
    pub birth_date: Option<NaiveDate>,
    /// 性别
    pub sex: Sex,
    /// The last four of the resident ID.
    pub id_tail: Option<String>,
    /// What decides the care group.
    pub care: CareRow,
    /// Part → fields in which concurrent values stand.
    pub conflicts: BTreeMap<String, u64>,
    /// Fields of which the parts say different things.
    #[serde(default)]
    pub differs: u64,
    /// The files that this one's card says it was merged into.
    #[serde(default)]
    pub merged_into: BTreeSet<ElderId>,
    /// The files that this one's card says were merged into it.
    #[serde(default)]
    pub merged_from: BTreeSet<ElderId>,
    /// Parts that say something: none are left where a file was opened and that was taken back.
    #[serde(default)]
    pub parts: BTreeSet<String>,
    /// Journal year → the last completed visit.
    pub last_visits: BTreeMap<u16, NaiveDate>,
    /// The secondary keys that point here.
    pub keys: Vec<ElderKey>,
    /// 家庭住址, 屋场: where the house is, as people say it.
    pub house: Option<String>,
}

/// [`CareFacts`] as they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareRow {
    pub(super) ability_level: Option<shouwang_crdt_schema::record::AbilityLevel>,
    pub(super) observed_function: Option<shouwang_crdt_schema::record::ObservedFunction>,
    pub(super) dementia: Option<shouwang_crdt_schema::record::YesNo>,
    pub(super) disability_grade: Option<shouwang_crdt_schema::record::DisabilityGrade>,
}

/// A keyed hash of a value that elders are found by. The key is this store's own secret, so the
/// index holds no resident IDs and no two stores agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ElderKey(#[serde(with = "hex")] pub [u8; 16]);

impl From<CareFacts> for CareRow {
    fn from(facts: CareFacts) -> Self {
        Self {
            ability_level: facts.ability_level,
            observed_function: facts.observed_function,
            dementia: facts.dementia,
            disability_grade: facts.disability_grade,
        }
    }
}

impl ElderRow {
    /// An elder of whom nothing is known yet.
    pub fn empty() -> Self {
        Self {
            name: None,
            birth_date: None,
            sex: Sex::Unknown,
            id_tail: None,
            care: CareRow::default(),
            conflicts: BTreeMap::new(),
            differs: 0,
            merged_into: BTreeSet::new(),
            merged_from: BTreeSet::new(),
            parts: BTreeSet::new(),
            last_visits: BTreeMap::new(),
            keys: Vec::new(),
            house: None,
        }
    }

    /// The care group on a day.
    pub fn care_group(&self, as_of: NaiveDate) -> CareGroup {
        let facts = CareFacts {
            birth_date: self.birth_date,
            ability_level: self.care.ability_level,
            observed_function: self.care.observed_function,
            dementia: self.care.dementia,
            disability_grade: self.care.disability_grade,
        };
        care_group(&facts, as_of)
    }

    /// Whether anything is said in any part. A file is not shown from which its last word was taken
    /// back.
    pub fn says_anything(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Whether its card names other files of the same person.
    pub fn is_merged(&self) -> bool {
        !self.merged_into.is_empty() || !self.merged_from.is_empty()
    }

    /// Fields in which concurrent values stand, in all parts.
    pub fn conflict_count(&self) -> u64 {
        self.conflicts.values().sum()
    }
}

/// Counts of a scope, kept so that `status` need not read every row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRow {
    /// Entries in all lanes.
    pub entries: u64,
    /// Elders in the index.
    pub elders: u64,
    /// Fields in which concurrent values stand.
    pub conflicts: u64,
    /// Fields of which parts say different things.
    #[serde(default)]
    pub differs: u64,
    /// Elders in the index whose cards name other files of the same person.
    #[serde(default)]
    pub merged: u64,
    /// Entries that do not count.
    pub unsettled: u64,
    /// When records that a device of this very place had written last came to be here (this node's clock, ms
    /// since 1970). No rebuilding brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms: Option<i64>,
}

/// What a device has put into the mesh in one incarnation, as far as it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRow {
    /// The device.
    pub device: DeviceId,
    /// The incarnation.
    pub incarnation: Incarnation,
    /// Body bytes.
    pub bytes: u64,
    /// Logs.
    pub logs: u32,
}

/// What is remembered of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// The grant it last proved, encoded.
    #[serde(with = "hex")]
    pub grant: Vec<u8>,
    /// When it was last heard of, ms since 1970.
    pub last_seen_ms: Option<i64>,
    /// When an exchange was last complete, ms since 1970.
    pub last_done_ms: Option<i64>,
    /// What ended the last failed session, until a later one is complete.
    pub last_error: Option<PeerFailure>,
    /// What it sent that was refused or set aside, by name.
    pub refused: BTreeMap<String, u64>,
    /// What we sent that the peer says it has set aside, by name.
    #[serde(default)]
    pub set_aside_there: BTreeMap<String, u64>,
    /// Sessions begun.
    pub sessions: u64,
    /// Frame bytes sent.
    pub bytes_sent: u64,
    /// Frame bytes received.
    pub bytes_received: u64,
    /// Entries sent.
    pub entries_sent: u64,
    /// Entries received and stored.
    pub entries_received: u64,
    /// The two clocks when it was last met.
    #[serde(default)]
    pub clock: Option<ClockReading>,
    /// When a bundle of its was last imported here, ms since 1970.
    #[serde(default)]
    pub last_bundle_ms: Option<i64>,
}

/// Two clocks at one moment: a peer's, when it said `Hello`, and this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The peer's, ms since 1970.
    pub peer_ms: i64,
    /// This machine's, ms since 1970.
    pub local_ms: i64,
    /// What the newest entry that this device had written by then says, ms since 1970.
    pub written_ms: Option<i64>,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFailure {
    /// The name of the error.
    pub code: String,
    /// Whether trying again may help without anybody doing anything.
    pub retry: bool,
    /// Whether the peer said it, rather than we.
    pub said_by_peer: bool,
    /// When (this node's clock, ms since 1970).
    pub at_ms: i64,
}

/// Something refused, kept to be shown. Bounded in number and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// Who sent it.
    pub peer: Option<DeviceId>,
    /// What was wrong with it.
    pub code: String,
    /// In words.
    pub detail: String,
    /// When (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// The first bytes of it, where there are any.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

impl DocumentKey {
    /// Scope and [`DocumentId::key`]: all documents of an elder stand together.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.scope.number().to_be_bytes()[..], &self.id.key()].concat()
    }

    /// Reads [`DocumentKey::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (scope, id) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            scope: DivisionCode::from_number(u64::from_be_bytes(*scope)).ok()?,
            id: DocumentId::from_key(id).ok()?,
        })
    }

    /// The elder's place in the index, if the document is an elder's.
    pub fn elder(&self) -> Option<(DivisionCode, ElderId)> {
        self.id.elder_id().map(|elder| (self.scope, elder))
    }
}

/// The key of an elder's row.
pub fn elder_bytes(scope: DivisionCode, elder: ElderId) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&scope.number().to_be_bytes());
    bytes[8..].copy_from_slice(&elder.0);
    bytes
}

/// Reads [`elder_bytes`].
pub fn elder_from_bytes(bytes: &[u8]) -> Option<(DivisionCode, ElderId)> {
    let (scope, elder) = bytes.split_first_chunk::<8>()?;
    let scope = DivisionCode::from_number(u64::from_be_bytes(*scope)).ok()?;
    Some((scope, ElderId(elder.try_into().ok()?)))
}
