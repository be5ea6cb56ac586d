//! A carried adoption: original entries of one document, with all that proves them.
//!
//! Another scope does not hold the originals, so the adoption brings them: the grants from below the
//! root down to the author's, the headers from the first wanted entry to a signed one, that one
//! signature, and the bodies of the wanted entries. It names no scope but the original one's, so it
//! can be carried on by copying it. Everything is judged from the originals themselves
//! (`docs/protocol.md`, "Adopt").

use super::entry::{DocumentField, Entry, Kind};
use super::run::UnverifiedRun;
use super::{LogKey, SIGNED_PIECE_GRANTS_MAX};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::{Grant, GrantId, SignedGrant};
use crate::limits::CARRIED_GRANT_BYTES_MAX;

/// What the first byte of the body says; [`super::Adoption`] begins with another.
pub const VERSION: u8 = 2;

/// The body of an `Adopt` entry that carries its originals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The grants that prove the original log, without the root's own, which everyone has pinned.
    pub chain: Vec<SignedGrant>,
    /// Consecutive entries of the original log; those that are carried have their bodies.
    pub run: UnverifiedRun,
}

/// Original entries that have been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originals {
    /// The grant that their log is written under.
    pub grant: Grant,
    /// The carried ones, in their order.
    pub entries: Vec<Entry>,
}

impl Carried {
    /// The bytes of the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).count(self.chain.len());
        for grant in &self.chain {
            writer.piece(&grant.encode());
        }
        self.run.write(&mut writer).finish()
    }

    /// Reads [`Carried::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let count = reader.count(SIGNED_PIECE_GRANTS_MAX)?;
        let mut chain = Vec::with_capacity(count);
        for _ in 0..count {
            let grant = SignedGrant::from_bytes(reader.piece(CARRIED_GRANT_BYTES_MAX)?);
            chain.push(grant.map_err(|_| CodecError::Tag)?);
        }
        let run = UnverifiedRun::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { chain, run })
    }

    /// Whose log the originals are of.
    pub fn log(&self) -> LogKey {
        self.run.log
    }

    /// Proves the originals: who signed them, by which grant, and that all are changes of this
    /// document. The error names the rule that is broken. Rights and form of each are judged as those
    /// of any other entry.
    ///
    /// `author` is what the chain comes to: the last grant and its id, if all of it holds.
    pub fn prove(
        self,
        author: Option<(GrantId, Grant)>,
        document: &DocumentField,
    ) -> Result<Originals, &'static str> {
        let (id, grant) = author.ok_or("adoption_grant")?;
        let log = self.run.log;
        if grant.subject != log.device || !grant.area.contains(log.scope) {
            return Err("adoption_log");
        }
        if self.run.first_seq == 0 && self.run.previous.0 != id.0 {
            return Err("adoption_log");
        }
        let entries = self.run.prove().map_err(|_| "adoption_signature")?;
        let carried: Vec<Entry> =
            entries.into_iter().filter(|entry| entry.body.is_some()).collect();
        let is_wanted =
            |entry: &Entry| entry.header.kind == Kind::Change && entry.header.document == *document;
        match carried.is_empty() || !carried.iter().all(is_wanted) {
            true => Err("adoption_document"),
            false => Ok(Originals { grant, entries: carried }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Authority;
    use crate::identity::DeviceKeys;
    use crate::identity::grant::{Quota, Role};
    use crate::limits::{
        BODY_BYTES_MAX, CARRIED_PROOF_BYTES_MAX, CHAIN_GRANTS_MAX, CHECKPOINT_ENTRIES,
        NAME_BYTES_MAX, SEQ_MAX,
    };
    use crate::log::run::{Body, RunEntry};
    use crate::log::{EntryHash, Incarnation, Lane, VerifiedRun};
    use proptest::prelude::*;
    use shouwang_crdt_schema::change::CHANGE_BYTES_MAX;
    use shouwang_crdt_schema::division::Area;
    use shouwang_crdt_schema::parts::{DocumentId, Part};
    use shouwang_crdt_schema::record::ElderId;

    fn keys(n: u8) -> DeviceKeys {
        DeviceKeys::from_secret(&[n; 64])
    }

    fn grant(subject: u8, area: &str, issuer: Option<&SignedGrant>) -> SignedGrant {
        let role = if issuer.is_none() { Role::Root } else { Role::Manager };
        let grant = Grant {
            subject: keys(subject).device(),
            sealing_key: keys(subject).sealing_key(),
            name: "x".repeat(NAME_BYTES_MAX),
            area: Area(area.parse().unwrap()),
            role,
            rights: role.rights(),
            quota: Quota { bytes: u64::MAX, logs: u32::MAX, incarnations: u32::MAX },
            depth: issuer.map_or(0, |issuer| issuer.grant.depth + 1),
            issuer: issuer.map(SignedGrant::id),
            serial: 0,
            written_at_ms: 0,
        };
        let signer = issuer.map_or(subject, |_| subject - 1);
        grant.sign(&keys(signer))
    }

    /// The root and, below it, as long a chain as there may be.
    fn mesh() -> (Authority, Vec<SignedGrant>) {
        let root = grant(1, "990121000000", None);
        let mut chain = vec![root.clone()];
        for depth in 1..CHAIN_GRANTS_MAX {
            let last = chain.last().unwrap();
            chain.push(grant(depth as u8 + 1, "990121000000", Some(last)));
        }
        (Authority::pin(root).unwrap(), chain.split_off(1))
    }

    fn document(n: u8) -> DocumentId {
        DocumentId::elder(ElderId([n; 16]), Part::Card)
    }

    fn change(document: DocumentId, length: usize) -> RunEntry {
        RunEntry::new(Kind::Change, Some(document), vec![7; length], i64::MIN)
    }

    fn written(chain: &[SignedGrant], fresh: Vec<RunEntry>) -> Vec<Entry> {
        let last = chain.last().unwrap();
        let log = LogKey {
            scope: "990121101203".parse().unwrap(),
            lane: Lane::Routine,
            device: last.grant.subject,
            incarnation: Incarnation { number: 0, nonce: [3; 8] },
        };
        let keys = keys(chain.len() as u8 + 1);
        let run = VerifiedRun::write(log, last.id(), None, fresh, &keys).unwrap();
        // A relay has the signatures of the ends of runs alone.
        let mut entries = run.entries().to_vec();
        let count = entries.len();
        entries.iter_mut().take(count - 1).for_each(|entry| entry.signature = None);
        entries
    }

    fn carrying(chain: &[SignedGrant], entries: &[Entry]) -> Carried {
        let wanted = |entry: &Entry| entry.header.document.id() == Some(document(1));
        let run = UnverifiedRun::excerpt(entries, wanted).unwrap();
        Carried { chain: chain.to_vec(), run }
    }

    fn sample() -> (Authority, Vec<Entry>, Carried) {
        let (authority, chain) = mesh();
        let fresh = vec![
            change(document(1), 40),
            change(document(2), 30),
            change(document(1), 20),
            change(document(2), 10),
        ];
        let entries = written(&chain, fresh);
        let carried = carrying(&chain, &entries);
        (authority, entries, carried)
    }

    #[test]
    fn what_is_carried_reads_back_is_proved_and_every_cut_is_refused() {
        let (authority, entries, carried) = sample();
        let bytes = carried.encode();
        assert_eq!(Carried::from_bytes(&bytes), Ok(carried.clone()));
        for length in 0..bytes.len() {
            assert!(Carried::from_bytes(&bytes[..length]).is_err());
        }
        assert!(Carried::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        let originals = carried
            .clone()
            .prove(authority.author_by(&carried.chain), &Some(document(1)).into())
            .unwrap();
        let hashes = |entries: &[Entry]| -> Vec<EntryHash> {
            entries.iter().map(|entry| entry.header.hash()).collect()
        };
        assert_eq!(hashes(&originals.entries), hashes(&[entries[0].clone(), entries[2].clone()]));
        assert!(originals.entries.iter().all(|entry| entry.body.is_some()));
    }

    /// What limits say of the longest proof is so.
    #[test]
    fn the_longest_change_fits_an_entry_with_the_longest_proof() {
        let (_, chain) = mesh();
        let longest = || RunEntry {
            tail: vec![9; crate::limits::TAIL_BYTES_MAX],
            body: Body::Present(vec![7; CHANGE_BYTES_MAX]),
            ..change(document(1), 0)
        };
        let absent =
            || RunEntry { body: Body::Absent { length: u32::MAX, hash: [9; 32] }, ..longest() };
        let run = UnverifiedRun {
            log: written(&chain, vec![change(document(1), 1)])[0].header.log,
            first_seq: SEQ_MAX,
            previous: EntryHash([1; 32]),
            entries: std::iter::once(longest())
                .chain((1..CHECKPOINT_ENTRIES).map(|_| absent()))
                .collect(),
            signature: crate::identity::Signature([1; 64]),
        };
        for signed in &chain {
            assert!(signed.encode().len() <= CARRIED_GRANT_BYTES_MAX);
        }
        let length = Carried { chain, run }.encode().len();
        assert!(length <= CHANGE_BYTES_MAX + CARRIED_PROOF_BYTES_MAX, "{length}");
        assert!(length <= BODY_BYTES_MAX);
    }

    #[test]
    fn each_rule_of_a_proof_has_its_name() {
        let (authority, entries, carried) = sample();
        let prove = |carried: &Carried, of: u8| {
            let author = authority.author_by(&carried.chain);
            carried.clone().prove(author, &Some(document(of)).into()).map(drop)
        };
        assert_eq!(prove(&carried, 1), Ok(()));
        assert_eq!(prove(&carried, 2), Err("adoption_document"));
        let change = |change: &dyn Fn(&mut Carried)| {
            let mut other = carried.clone();
            change(&mut other);
            prove(&other, 1)
        };
        assert_eq!(change(&|c| c.chain.truncate(3)), Err("adoption_log"));
        assert_eq!(change(&|c| c.chain.clear()), Err("adoption_log"));
        assert_eq!(change(&|c| drop(c.chain.remove(2))), Err("adoption_grant"));
        assert_eq!(
            change(&|c| c.chain.last_mut().unwrap().grant.serial += 1),
            Err("adoption_grant")
        );
        assert_eq!(change(&|c| c.run.signature.0[5] ^= 1), Err("adoption_signature"));
        assert_eq!(change(&|c| c.run.first_seq += 1), Err("adoption_signature"));
        assert_eq!(change(&|c| c.run.previous.0[0] ^= 1), Err("adoption_log"));
        assert_eq!(change(&|c| c.run.entries[1].written_at_ms += 1), Err("adoption_signature"));
        let outside = "990122101203".parse().unwrap();
        assert_eq!(change(&|c| c.run.log.scope = outside), Err("adoption_log"));
        let beside = "990121101204".parse().unwrap();
        assert_eq!(change(&|c| c.run.log.scope = beside), Err("adoption_signature"));
        assert_eq!(
            change(&|c| c.run.entries.iter_mut().for_each(|e| {
                let (length, hash) = (e.body.length(), e.body.hash());
                e.body = Body::Absent { length, hash };
            })),
            Err("adoption_document")
        );
        assert_eq!(change(&|c| c.run.entries.clear()), Err("adoption_signature"));
        // A mesh with another root believes none of it.
        let other = Authority::pin(grant(9, "990121000000", None)).unwrap();
        let document = Some(document(1)).into();
        assert_eq!(
            carried.clone().prove(other.author_by(&carried.chain), &document),
            Err("adoption_grant")
        );
        drop(entries);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever is altered, nothing comes out that the author did not sign.
        #[test]
        fn altered_bytes_prove_nothing_else(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let (authority, entries, carried) = sample();
            let mut bytes = carried.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = Carried::from_bytes(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
                if let Ok(originals) = read.clone().prove(authority.author_by(&read.chain), &Some(document(1)).into()) {
                    for entry in originals.entries {
                        let hash = entry.header.hash();
                        let signed = entries.iter().find(|known| known.header.hash() == hash);
                        prop_assert_eq!(entry.body, signed.unwrap().body.clone());
                    }
                }
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..600)) {
            let bytes = [&[VERSION][..], &rest].concat();
            if let Ok(read) = Carried::from_bytes(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }
}
