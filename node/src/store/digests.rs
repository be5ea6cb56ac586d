//! What two nodes compare to know that they agree, kept up to date in the transaction that changes it.
//!
//! | Table | Key | Value |
//! | --- | --- | --- |
//! | `digests-1` | division code | `Division::encode` |
//! | `document_digests-1` | scope, 0 records or 1 authority | [`SetDigest`] of the documents |
//!
//! The division tree has a row for every place that anything is stored under. Both tables follow from
//! the logs and the documents: `verify` rebuilds them. What a damaged row costs is bytes: two nodes
//! whose digests differ name their heads to one another, and those are true.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, ReadableTableMetadata};
use shouwang_crdt_schema::division::DivisionCode;

use super::erasures::ErasureRead;
use super::rows::{DocumentKey, LogNumber};
use super::tables::StoreRead;
use super::{StoreError, Transaction, corrupt};
use crate::codec::{CodecError, Reader, Writer};
use crate::log::{EntryHash, Lane, LogKey};

/// Which lanes a digest is over: those that flow down are held by other nodes than those that flow up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `Authority` and `Notice`.
    Authority,
    /// `Urgent` and `Routine`.
    Records,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Authority, Self::Records];

    /// The family of a lane.
    pub fn of(lane: Lane) -> Self {
        if lane.carries_records() { Self::Records } else { Self::Authority }
    }

    /// As it stands in keys and in frames: 0 records, 1 authority.
    pub fn number(self) -> u8 {
        match self {
            Self::Records => 0,
            Self::Authority => 1,
        }
    }

    fn key(self, scope: DivisionCode) -> Vec<u8> {
        [&scope.number().to_be_bytes()[..], &[self.number()]].concat()
    }
}

/// 16 bytes of BLAKE3: two nodes that have the same digest hold the same. Whoever would make two that
/// are alike on purpose needs 2^64 tries, and fools only those who fetch what he wrote from himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Of nothing at all.
    pub const EMPTY: Self = Self([0; 16]);

    /// Whether it is of nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Of parts that each have a name and a digest, without those that are of nothing. The order is
    /// part of it.
    pub fn over(parts: impl IntoIterator<Item = (u64, Self)>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("shouwang 2026 division digest 1");
        let mut any = false;
        for (name, digest) in parts.into_iter().filter(|(_, digest)| !digest.is_empty()) {
            hasher.update(&name.to_be_bytes()).update(&digest.0);
            any = true;
        }
        if any { Self::cut(&hasher) } else { Self::EMPTY }
    }

    fn cut(hasher: &blake3::Hasher) -> Self {
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        Self(digest)
    }
}

/// A digest, and over how many chains of logs it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The digest.
    pub digest: Digest,
    /// Chains, number.
    pub chains: u32,
}

/// One family of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of the place's own logs: heads of all chains, and entries whose bodies are missing.
    pub own: Sum,
    /// Of everything inside the place, itself included.
    pub subtree: Sum,
}

/// The row of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Division {
    records: Sums,
    authority: Sums,
}

impl Division {
    /// The sums of one family.
    pub fn of(&self, family: Family) -> &Sums {
        match family {
            Family::Records => &self.records,
            Family::Authority => &self.authority,
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut Sums {
        match family {
            Family::Records => &mut self.records,
            Family::Authority => &mut self.authority,
        }
    }

    /// Twice own digest 16, chains 4, digest of the subtree 16, chains 4: records, then authority.
    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for sums in [&self.records, &self.authority] {
            for sum in [&sums.own, &sums.subtree] {
                writer.bytes(&sum.digest.0).u32(sum.chains);
            }
        }
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let mut sum = || Ok(Sum { digest: Digest(reader.array()?), chains: reader.u32()? });
        let mut sums = || Ok::<_, CodecError>(Sums { own: sum()?, subtree: sum()? });
        let division = Self { records: sums()?, authority: sums()? };
        reader.finish()?;
        Ok(division)
    }

    /// The place's own part from its logs, and the rest from the rows of the places directly inside.
    fn rebuilt(own: [Sum; 2], children: &[(DivisionCode, Self)], code: DivisionCode) -> Self {
        let mut division = Self::default();
        for (family, own) in Family::ALL.into_iter().zip(own) {
            let inside = |(code, child): &(DivisionCode, Self)| (*code, child.of(family).subtree);
            let parts = std::iter::once((code, own)).chain(children.iter().map(inside));
            let chains = parts.clone().fold(0u32, |sum, (_, part)| sum.saturating_add(part.chains));
            let digest = Digest::over(parts.map(|(code, part)| (code.number(), part.digest)));
            *division.of_mut(family) = Sums { own, subtree: Sum { digest, chains } };
        }
        division
    }
}

/// A digest of a set that does not depend on the order in which its members came, and from which one
/// can be taken away: each member is spread over 1,024 numbers of 16 bits, and they are added up
/// (LtHash16, Lewi et al. 2019; a sum of two sets that are alike is as hard to find as a short vector
/// in a lattice, where a mere XOR of hashes would be linear algebra).
#[derive(Clone, PartialEq, Eq)]
pub struct SetDigest([u16; Self::LANES]);

impl SetDigest {
    const LANES: usize = 1_024;

    /// Of no members.
    pub fn empty() -> Self {
        Self([0; Self::LANES])
    }

    /// Adds a document with its heads.
    pub fn add(&mut self, key: &DocumentKey, heads: &[[u8; 32]]) {
        for (lane, part) in self.0.iter_mut().zip(spread(key, heads)) {
            *lane = lane.wrapping_add(part);
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, key: &DocumentKey, heads: &[[u8; 32]]) {
        for (lane, part) in self.0.iter_mut().zip(spread(key, heads)) {
            *lane = lane.wrapping_sub(part);
        }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_be_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut lanes = [0; Self::LANES];
        let (pairs, rest) = bytes.as_chunks::<2>();
        if pairs.len() != lanes.len() || !rest.is_empty() {
            return None;
        }
        for (lane, pair) in lanes.iter_mut().zip(pairs) {
            *lane = u16::from_be_bytes(*pair);
        }
        Some(Self(lanes))
    }
}

impl std::fmt::Debug for SetDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetDigest({})", blake3::hash(&self.to_bytes()).to_hex())
    }
}

fn spread(key: &DocumentKey, heads: &[[u8; 32]]) -> impl Iterator<Item = u16> {
    let id = key.id.to_bytes();
    let mut hasher = blake3::Hasher::new_derive_key("shouwang 2026 document digest 1");
    hasher.update(&[u8::try_from(id.len()).unwrap_or(u8::MAX)]).update(&id);
    for head in heads {
        hasher.update(head);
    }
    let mut bytes = [0; 2 * SetDigest::LANES];
    hasher.finalize_xof().fill(&mut bytes);
    (0..SetDigest::LANES).map(move |lane| {
        let pair = bytes.as_chunks::<2>().0.get(lane).copied().unwrap_or_default();
        u16::from_be_bytes(pair)
    })
}

/// The family that a document belongs to: elders' are records, a directory is not.
fn family_of(key: &DocumentKey) -> Family {
    if key.id.elder_id().is_some() { Family::Records } else { Family::Authority }
}

/// Everything that reads digests.
pub trait DigestRead: StoreRead + Sized {
    /// The sums of a place; of nothing if nothing is stored under it.
    fn division(&self, code: DivisionCode) -> Result<Division, StoreError> {
        let Some(row) = self.digests().get(code.number())? else { return Ok(Division::default()) };
        Division::decode(row.value()).map_err(corrupt("digests-1"))
    }

    /// The places directly inside a place that anything is stored under, in order.
    fn divisions_inside(
        &self,
        code: DivisionCode,
    ) -> Result<Vec<(DivisionCode, Division)>, StoreError> {
        let (mut low, high) = (code.number() + 1, code.range().1.number());
        let mut found = Vec::new();
        while low <= high {
            let Some(row) = self.digests().range(low..=high)?.next() else { break };
            let (key, value) = row?;
            let wrong = |_| corrupt("digests-1")(CodecError::Number);
            let child = DivisionCode::from_number(key.value()).map_err(wrong)?;
            found.push((child, Division::decode(value.value()).map_err(corrupt("digests-1"))?));
            // Every place above one that has a row has one: what follows next is a sibling.
            low = child.range().1.number() + 1;
        }
        Ok(found)
    }

    /// The stored digest of a scope's documents in one family.
    fn documents_digest(
        &self,
        scope: DivisionCode,
        family: Family,
    ) -> Result<SetDigest, StoreError> {
        match self.document_digests().get(family.key(scope).as_slice())? {
            None => Ok(SetDigest::empty()),
            Some(row) => SetDigest::from_bytes(row.value())
                .ok_or_else(|| corrupt("document_digests-1")(CodecError::Truncated)),
        }
    }

    /// What a scope's own logs come to, by [`Family::ALL`], from the logs themselves.
    fn own_sums(&self, scope: DivisionCode) -> Result<[Sum; 2], StoreError> {
        let mut own = [Places::default(), Places::default()];
        let [authority, records] = &mut own;
        for log in self.logs_of(scope)? {
            let places = match Family::of(log.key.lane) {
                Family::Authority => &mut *authority,
                Family::Records => &mut *records,
            };
            let head = self.head_of(log.number)?;
            places.heads.extend(head.map(|head| (log.key, head.seq, head.hash)));
            for seq in self.missing_of(log.number)? {
                let entry = self.entry(log.number, seq)?;
                places.missing.extend(entry.map(|entry| (log.key, seq, entry.header.hash())));
            }
        }
        Ok(own.map(Places::sum))
    }

    /// All rows of the division tree as they follow from the logs.
    fn divisions_rebuilt(&self) -> Result<BTreeMap<DivisionCode, Division>, StoreError> {
        let scopes: BTreeSet<DivisionCode> =
            self.logs_all()?.into_iter().map(|log| log.key.scope).collect();
        let mut rebuilt: BTreeMap<DivisionCode, Division> = BTreeMap::new();
        for code in upwards(scopes) {
            let (low, high) = code.range();
            let children: Vec<(DivisionCode, Division)> = rebuilt
                .range(low..=high)
                .filter(|(child, _)| child.parent() == Some(code))
                .map(|(child, division)| (*child, *division))
                .collect();
            rebuilt.insert(code, Division::rebuilt(self.own_sums(code)?, &children, code));
        }
        Ok(rebuilt)
    }

    /// All rows of the division tree as they are stored.
    fn divisions_all(&self) -> Result<BTreeMap<DivisionCode, Division>, StoreError> {
        let mut found = BTreeMap::new();
        for row in self.digests().iter()? {
            let (key, value) = row?;
            let wrong = |_| corrupt("digests-1")(CodecError::Number);
            let code = DivisionCode::from_number(key.value()).map_err(wrong)?;
            found.insert(code, Division::decode(value.value()).map_err(corrupt("digests-1"))?);
        }
        Ok(found)
    }

    /// The digests of a scope's documents from the documents themselves, by [`Family::ALL`].
    fn documents_digests_rebuilt(&self, scope: DivisionCode) -> Result<[SetDigest; 2], StoreError> {
        let (mut authority, mut records) = (SetDigest::empty(), SetDigest::empty());
        self.for_each_heads(scope, |key, heads| {
            match family_of(&key) {
                Family::Authority => authority.add(&key, &heads?),
                Family::Records => records.add(&key, &heads?),
            }
            Ok(())
        })?;
        Ok([authority, records])
    }

    /// Scopes and families of which documents have a stored digest.
    fn documents_digests_count(&self) -> Result<u64, StoreError> {
        Ok(self.document_digests().len()?)
    }
}

impl<T: StoreRead> DigestRead for T {}

/// What stands in the own logs of a place.
#[derive(Debug, Default)]
struct Places {
    heads: Vec<(LogKey, u64, EntryHash)>,
    missing: Vec<(LogKey, u64, EntryHash)>,
}

impl Places {
    fn sum(mut self) -> Sum {
        if self.heads.is_empty() {
            return Sum::default();
        }
        // Which branch of a log came first is nobody else's business.
        self.heads.sort_unstable();
        self.missing.sort_unstable();
        let mut hasher = blake3::Hasher::new_derive_key("shouwang 2026 own logs digest 1");
        hasher.update(&(self.missing.len() as u64).to_be_bytes());
        for (log, seq, hash) in self.missing.iter().chain(&self.heads) {
            hasher.update(&log.to_bytes()).update(&seq.to_be_bytes()).update(&hash.0);
        }
        let chains = u32::try_from(self.heads.len()).unwrap_or(u32::MAX);
        Sum { digest: Digest::cut(&hasher), chains }
    }
}

/// These places and all above them, each after all that lie inside it.
fn upwards(scopes: impl IntoIterator<Item = DivisionCode>) -> Vec<DivisionCode> {
    let above = |scope| std::iter::successors(Some(scope), |code: &DivisionCode| code.parent());
    let all: BTreeSet<DivisionCode> = scopes.into_iter().flat_map(above).collect();
    // A place's code is smaller than those inside it.
    all.into_iter().rev().collect()
}

/// What a transaction has changed and not summed up yet.
#[derive(Debug, Default)]
pub(super) struct Unsummed {
    scopes: BTreeSet<DivisionCode>,
    documents: BTreeMap<(DivisionCode, Family), SetDigest>,
    /// Scopes of which a document did not read.
    damaged: BTreeSet<DivisionCode>,
}

impl Transaction<'_> {
    /// The logs of a scope have changed, or what is missing of them.
    pub(super) fn logs_changed(&mut self, scope: DivisionCode) {
        self.unsummed.scopes.insert(scope);
    }

    /// What is missing of a log has changed.
    pub(super) fn missing_changed(&mut self, log: LogNumber) -> Result<(), StoreError> {
        if let Some(log) = self.log_by_number(log)? {
            self.logs_changed(log.key.scope);
        }
        Ok(())
    }

    /// A document is about to be put, or taken away: `heads` are those that it will have.
    pub(super) fn document_changes(
        &mut self,
        key: &DocumentKey,
        heads: Option<&[[u8; 32]]>,
    ) -> Result<(), StoreError> {
        let place = (key.scope, family_of(key));
        let before = match self.document_heads(key) {
            Ok(before) => before,
            // What a row was that does not read is not known: all are summed anew.
            Err(StoreError::Corrupt { .. }) => {
                self.unsummed.damaged.insert(key.scope);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if before.as_deref() == heads {
            return Ok(());
        }
        let mut digest = match self.unsummed.documents.remove(&place) {
            Some(digest) => digest,
            None => self.documents_digest(place.0, place.1)?,
        };
        if let Some(before) = before {
            digest.remove(key, &before);
        }
        if let Some(heads) = heads {
            digest.add(key, heads);
        }
        self.unsummed.documents.insert(place, digest);
        Ok(())
    }

    /// Sums up what this transaction has changed: the places, all above them, and nothing else.
    pub(super) fn sum_up(&mut self) -> Result<(), StoreError> {
        let Unsummed { scopes, mut documents, damaged } = std::mem::take(&mut self.unsummed);
        for scope in damaged {
            let rebuilt = self.documents_digests_rebuilt(scope)?;
            documents.extend(Family::ALL.map(|family| (scope, family)).into_iter().zip(rebuilt));
        }
        for ((scope, family), digest) in documents {
            let bytes = digest.to_bytes();
            self.document_digests.insert(family.key(scope).as_slice(), bytes.as_slice())?;
        }
        for code in upwards(scopes.iter().copied()) {
            let own = match scopes.contains(&code) {
                true => self.own_sums(code)?,
                false => {
                    let known = self.division(code)?;
                    Family::ALL.map(|family| known.of(family).own)
                }
            };
            let division = Division::rebuilt(own, &self.divisions_inside(code)?, code);
            self.digests.insert(code.number(), division.encode().as_slice())?;
        }
        Ok(())
    }
}
