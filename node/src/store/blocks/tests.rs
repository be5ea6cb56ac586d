//! Any history written and read back through blocks is what plain rows would give.

use proptest::collection::vec;
use proptest::prelude::*;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;

use super::*;
use crate::identity::grant::GrantId;
use crate::identity::{DeviceId, Signature};
use crate::limits::CHECKPOINT_ENTRIES;
use crate::log::{EntryHash, Header, Incarnation, Kind, Lane, LogKey};
use crate::store::rows::Fork;
use crate::store::{ChainRead, Store};

/// What an entry is made of.
#[derive(Clone, Debug)]
struct Draft {
    kind: u8,
    document: Option<u8>,
    tail: Vec<u8>,
    body: Vec<u8>,
    absent: bool,
    signed: bool,
    written_at_ms: i64,
}

fn drafts(most: usize) -> impl Strategy<Value = Vec<Draft>> {
    let small = || vec(any::<u8>(), 0..60);
    let body = prop_oneof![
        6 => small(),
        6 => (0..3usize, small()).prop_map(|(count, rest)| change(count, &rest)),
        1 => small().prop_map(|rest| [&[0x85, 0x6f, 0x4a, 0x83, 1, 2, 3, 4, 1][..], &rest].concat()),
        1 => (14_000..16_384usize).prop_map(|length| vec![7; length]),
    ];
    let draft = (
        any::<u8>(),
        proptest::option::of(0..6u8),
        prop_oneof![8 => Just(Vec::new()), 1 => vec(any::<u8>(), 0..64)],
        body,
        prop::bool::weighted(0.1),
        any::<bool>(),
        prop_oneof![6 => 1_788_192_000_000..1_788_199_000_000i64, 1 => any::<i64>()],
    );
    let draft = draft.prop_map(|(kind, document, tail, body, absent, signed, written_at_ms)| {
        Draft { kind, document, tail, body, absent, signed, written_at_ms }
    });
    vec(draft, 1..most)
}

/// What a change looks like from outside.
fn change(dependencies: usize, rest: &[u8]) -> Vec<u8> {
    let mut content = vec![u8::try_from(dependencies).unwrap()];
    content.extend(vec![9; 32 * dependencies]);
    content.extend_from_slice(rest);
    let mut writer = crate::codec::Writer::new();
    writer.bytes(&[0x85, 0x6f, 0x4a, 0x83, 1, 2, 3, 4, 1]).piece(&content).finish()
}

fn key() -> LogKey {
    LogKey {
        scope: "990121101203".parse().unwrap(),
        lane: Lane::Routine,
        device: DeviceId([3; 32]),
        incarnation: Incarnation { number: 1, nonce: [4; 8] },
    }
}

const GRANT: GrantId = GrantId([5; 32]);

/// A chain as plain rows would have it: entries with the heads that they make.
#[derive(Clone, Debug, Default)]
struct Plain {
    rows: Vec<(Entry, Head)>,
}

impl Plain {
    fn grow(&mut self, drafts: &[Draft]) {
        for draft in drafts {
            let before = self.rows.last().map(|(_, head)| *head);
            let document = draft.document.map(|nth| match nth {
                0 => DocumentId::Directory,
                nth => DocumentId::elder(ElderId([nth; 16]), Part::Journal(2026)),
            });
            let header = Header {
                log: key(),
                seq: self.rows.len() as u64,
                previous: before.map_or(EntryHash::of_grant(GRANT), |head| head.hash),
                written_at_ms: draft.written_at_ms,
                kind: Kind::from_number(draft.kind),
                document: document.into(),
                body_length: u32::try_from(draft.body.len()).unwrap(),
                body_hash: *blake3::hash(&draft.body).as_bytes(),
                tail: draft.tail.clone(),
            };
            let signature = draft.signed.then_some(Signature([draft.kind; 64]));
            let body = (!draft.absent).then(|| draft.body.clone());
            let mut entry = Entry { header, body, signature };
            let head = Head::after(before.as_ref(), &entry, entry.header.hash());
            // Where a run ends, there is a signature.
            if head.since_checkpoint_bytes == 0 || head.seq % CHECKPOINT_ENTRIES == 31 {
                entry.signature = Some(Signature([1; 64]));
            }
            self.rows.push((entry, head));
        }
        // What comes in at once ends with a signature too.
        if let Some((last, _)) = self.rows.last_mut() {
            last.signature = Some(Signature([2; 64]));
        }
    }

    fn entries(&self) -> Vec<Entry> {
        self.rows.iter().map(|(entry, _)| entry.clone()).collect()
    }
}

/// Appends rows from one of them on.
fn append(tables: &mut Transaction<'_>, log: &LogRow, rows: &[(Entry, Head)], from: usize) {
    let after = from.checked_sub(1).map(|before| rows[before].1);
    let fresh = rows[from..].iter().map(|(entry, head)| (head.hash, entry));
    tables.append(log, after, fresh).unwrap();
}

/// Headers and bodies are the same to the byte, and each signature is there or a later one before
/// the next checkpoint covers it.
fn assert_same(read: &[Entry], plain: &[Entry]) {
    assert_eq!(read.len(), plain.len());
    for (nth, (read_one, one)) in read.iter().zip(plain).enumerate() {
        assert_eq!(read_one.header, one.header);
        assert_eq!(read_one.header.hash(), one.header.hash());
        assert_eq!(read_one.body, one.body);
        if read_one.signature != one.signature {
            let rest = &read[nth..];
            let covers =
                rest.iter().take(CHECKPOINT_ENTRIES as usize).any(|e| e.signature.is_some());
            assert!(read_one.signature.is_none() && covers, "entry {nth} is not covered any more");
        }
    }
}

/// Every way to read a chain of which `first` is the first own entry.
fn assert_reads(tables: &impl StoreRead, log: LogNumber, first: u64, plain: &[Entry]) {
    let mut all = Vec::new();
    tables
        .for_each_entry(log, |seq, entry| {
            let entry = entry?;
            assert_eq!(seq, entry.header.seq);
            all.push(entry);
            Ok(())
        })
        .unwrap();
    assert_same(&all, plain);
    let end = first + plain.len() as u64;
    assert_eq!(tables.entries_from(log, 0, usize::MAX).unwrap(), all);
    assert_eq!(tables.entry(log, end).unwrap(), None);
    assert_eq!(tables.entries_from(log, end, 9).unwrap(), []);
    for (nth, entry) in all.iter().enumerate().step_by(7) {
        let seq = first + nth as u64;
        assert_eq!(tables.entry(log, seq).unwrap().as_ref(), Some(entry));
        let some = tables.entries_from(log, seq, 40).unwrap();
        assert_eq!(some, all[nth..(nth + 40).min(all.len())]);
        assert_eq!(tables.entries_from(log, seq, 0).unwrap(), []);
    }
    if first > 0 {
        assert_eq!(tables.entry(log, first - 1).unwrap(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read(
        drafts in drafts(130),
        cuts in vec(1..50usize, 0..9),
        gone in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        let mut plain = Plain::default();
        plain.grow(&drafts);
        let mut from = 0usize;
        for count in cuts.into_iter().chain([usize::MAX]) {
            let to = from.saturating_add(count).min(plain.rows.len());
            store.write::<_, StoreError>(|tables| {
                let log = tables.log_for(&key(), GRANT)?;
                append(tables, &log, &plain.rows[..to], from);
                assert_reads(tables, log.number, 0, &plain.entries()[..to]);
                Ok(())
            }).unwrap();
            let snapshot = store.read().unwrap();
            let log = snapshot.log(&key()).unwrap().unwrap();
            assert_reads(&snapshot, log.number, 0, &plain.entries()[..to]);
            prop_assert_eq!(snapshot.head_of(log.number).unwrap(), plain.rows[..to].last().map(|r| r.1));
            from = to;
        }
        // Bodies that are taken away, in the same transaction as entries that come.
        let mut more = plain.clone();
        more.grow(&drafts[..drafts.len().min(20)]);
        store.write::<_, StoreError>(|tables| {
            let log = tables.log_for(&key(), GRANT)?;
            append(tables, &log, &more.rows, plain.rows.len());
            for at in gone {
                let at = at.index(more.rows.len());
                more.rows[at].0.body = None;
                let entry = tables.entry(log.number, at as u64)?.unwrap();
                tables.put_entry(log.number, &Entry { body: None, ..entry })?;
                assert_reads(tables, log.number, 0, &more.entries());
            }
            Ok(())
        }).unwrap();
        let snapshot = store.read().unwrap();
        let log = snapshot.log(&key()).unwrap().unwrap();
        assert_reads(&snapshot, log.number, 0, &more.entries());
    }

    /// A branch has blocks of its own from wherever it parts.
    #[test]
    fn a_branch_begins_anywhere(trunk in drafts(80), branch in drafts(60), at in any::<prop::sample::Index>()) {
        let store = Store::with_backend(InMemoryBackend::new()).unwrap();
        let mut plain = Plain::default();
        plain.grow(&trunk);
        let first = at.index(trunk.len());
        let mut other = Plain { rows: plain.rows[..first].to_vec() };
        other.grow(&branch);
        store.write::<_, StoreError>(|tables| {
            let log = tables.log_for(&key(), GRANT)?;
            append(tables, &log, &plain.rows, 0);
            let fork = Fork { parent: log.number, first_seq: first as u64 };
            let beside = tables.branch(&key(), GRANT, fork)?;
            append(tables, &beside, &other.rows, first);
            Ok(())
        }).unwrap();
        let snapshot = store.read().unwrap();
        let chains = snapshot.chains(&key()).unwrap();
        assert_reads(&snapshot, chains[0].number, 0, &plain.entries());
        assert_reads(&snapshot, chains[1].number, first as u64, &other.entries()[first..]);
        assert_same(&snapshot.path_from(&chains[1], 0, usize::MAX).unwrap(), &other.entries());
        for (entry, head) in other.rows.iter().step_by(5) {
            let seq = entry.header.seq;
            prop_assert_eq!(snapshot.head_at(&chains[1], seq).unwrap(), Some(*head));
            prop_assert_eq!(snapshot.hash_at(&chains[1], seq).unwrap(), Some(head.hash));
        }
    }

    /// Behind a checksum that fits, altered content comes out as other headers, or not at all: what
    /// is signed tells.
    #[test]
    fn altered_content_never_keeps_the_hash_of_its_end(
        drafts in drafts(20),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let mut plain = Plain::default();
        plain.grow(&drafts);
        let entries = plain.entries();
        let entries = &entries[..entries.len().min(32)];
        let row = block::encode(entries);
        prop_assert_eq!(&block::decode(&key(), 0, &row).unwrap()[..], entries);
        let mut inner = row[8..].to_vec();
        let at = at.index(inner.len());
        inner[at] ^= 1 << bit;
        let altered = super::super::encoding::encode_checked(&inner);
        if let Ok(read) = block::decode(&key(), 0, &altered) {
            let same = |one: &Entry, two: &Entry| one.header.hash() == two.header.hash() && one.body == two.body;
            let last = (read.last().unwrap(), entries.last().unwrap());
            // The same end and number means the same headers and bodies all the way; signatures are
            // checked by whoever uses them.
            if read.len() == entries.len() && last.0.header.hash() == last.1.header.hash() {
                prop_assert!(read.iter().zip(entries).all(|(one, two)| same(one, two)));
            }
        }
    }
}

#[test]
fn a_block_that_does_not_read_is_named_and_the_others_are_read() {
    let store = Store::with_backend(InMemoryBackend::new()).unwrap();
    let mut plain = Plain::default();
    let draft = Draft {
        kind: 1,
        document: Some(2),
        tail: vec![],
        body: change(1, b"visit"),
        absent: false,
        signed: false,
        written_at_ms: 1_788_192_000_000,
    };
    plain.grow(&vec![draft; 80]);
    store
        .write::<_, StoreError>(|tables| {
            let log = tables.log_for(&key(), GRANT)?;
            append(tables, &log, &plain.rows, 0);
            Ok(())
        })
        .unwrap();
    store
        .write::<_, StoreError>(|tables| {
            let mut row = tables.entries.get((0, 32))?.unwrap().value().to_vec();
            *row.last_mut().unwrap() ^= 1;
            tables.entries.insert((0, 32), row.as_slice())?;
            Ok(())
        })
        .unwrap();
    let snapshot = store.read().unwrap();
    let (mut read, mut named) = (Vec::new(), Vec::new());
    snapshot
        .for_each_entry(LogNumber(0), |seq, entry| {
            match entry {
                Ok(_) => read.push(seq),
                Err(StoreError::Corrupt { table, .. }) => named.push((table, seq)),
                Err(other) => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(named, [(TABLE, 32)]);
    assert_eq!(read, (0..32).chain(64..80).collect::<Vec<_>>());
    assert!(snapshot.entry(LogNumber(0), 40).is_err());
    assert!(snapshot.entry(LogNumber(0), 70).unwrap().is_some());
}

/// Going along a log unpacks each block once.
#[test]
fn closed_blocks_are_never_written_again_by_appending() {
    let store = Store::with_backend(InMemoryBackend::new()).unwrap();
    let mut plain = Plain::default();
    let draft = Draft {
        kind: 1,
        document: Some(2),
        tail: vec![],
        body: b"x".to_vec(),
        absent: false,
        signed: true,
        written_at_ms: 0,
    };
    plain.grow(&vec![draft; 70]);
    let mut closed: Vec<Vec<u8>> = Vec::new();
    for nth in 0..plain.rows.len() {
        store
            .write::<_, StoreError>(|tables| {
                let log = tables.log_for(&key(), GRANT)?;
                append(tables, &log, &plain.rows[..=nth], nth);
                Ok(())
            })
            .unwrap();
        let snapshot = store.read().unwrap();
        let rows: Vec<Vec<u8>> = super::super::tables::TableAccess::entries(&snapshot)
            .iter()
            .unwrap()
            .map(|row| row.unwrap().1.value().to_vec())
            .collect();
        assert!(rows.starts_with(&closed));
        if nth % 32 == 31 {
            closed = rows;
        }
    }
    assert_eq!(closed.len(), 2);
}
