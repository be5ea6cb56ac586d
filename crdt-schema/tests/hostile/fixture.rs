//! A village card that Alice has begun, and the names of what stands in it.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use shouwang_crdt_schema::change::{Ancestry, IllFormed, Judgement, ParsedChange};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{GENESIS_ACTOR, GenesisObject, genesis, genesis_counter};
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::writer::Writers;

use super::{Draft, Id, Op};

pub const ALICE: [u8; 16] = [0xa1; 16];
pub const BOB: [u8; 16] = [0xb0; 16];
pub const CAROL: [u8; 16] = [0xc4; 16];

pub fn scope() -> DivisionCode {
    "990121101203".parse().unwrap()
}

pub fn card() -> DocumentId {
    DocumentId::elder(ElderId([7; 16]), Part::Card)
}

pub fn object(object: GenesisObject) -> Id {
    (genesis_counter(&card(), object).unwrap(), GENESIS_ACTOR.to_vec())
}

pub fn fields() -> Id {
    object(GenesisObject::Fields)
}

pub fn list(list: List) -> Id {
    object(GenesisObject::List(list))
}

/// A replica of the card with nothing but its genesis.
pub fn replica(actor: &[u8]) -> Automerge {
    let mut document = genesis(scope(), &card());
    document.set_actor(ActorId::from(actor));
    document
}

/// Writes as the real code does, and returns the change.
pub fn write<F>(document: &mut Automerge, edit: F) -> Vec<u8>
where
    F: FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
{
    let before = document.get_heads();
    document.transact_with(|_| CommitOptions::default().with_time(0), edit).unwrap();
    let changes = document.get_changes(&before);
    assert_eq!(changes.len(), 1);
    changes[0].raw_bytes().to_vec()
}

pub fn at(document: &impl ReadDoc, key: &str) -> ObjId {
    document.get(ROOT, key).unwrap().unwrap().1
}

/// Alice's document after one change, and what its operations are called.
pub struct Story {
    pub document: Automerge,
    pub ancestry: Ancestry,
    pub bytes: Vec<u8>,
    pub head: ChangeHash,
    /// The name in `fields`.
    pub name: Id,
    /// A text in the set `service_needs`.
    pub need: Id,
    /// A map in the set `supporters`, and its name.
    pub supporter: Id,
    pub supporter_name: Id,
    /// A map in the log `absences`, and its supporter.
    pub absence: Id,
    pub absence_supporter: Id,
    /// The counter that the next change begins with.
    pub next: u64,
}

impl Story {
    pub fn new() -> Self {
        let mut document = replica(&ALICE);
        let bytes = write(&mut document, |transaction| {
            let (fields, needs) = (at(transaction, "fields"), at(transaction, "service_needs"));
            transaction.put(&fields, "name", "张秀兰")?;
            transaction.insert(&needs, 0, "Meals")?;
            for (list, key) in [("supporters", "name"), ("absences", "supporter")] {
                let list = at(transaction, list);
                let element = transaction.insert_object(&list, 0, ObjType::Map)?;
                transaction.put(&element, key, "李明")?;
            }
            Ok(())
        });
        let change = ParsedChange::parse(&bytes).unwrap();
        let mut ancestry = Ancestry::new(scope(), &card());
        assert_eq!(ancestry.admit(&change, Writers::ALL), Judgement::WellFormed);
        let id = |nth: u64| (change.start_op() + nth, ALICE.to_vec());
        Self {
            ancestry,
            bytes,
            head: change.hash(),
            name: id(0),
            need: id(1),
            supporter: id(2),
            supporter_name: id(3),
            absence: id(4),
            absence_supporter: id(5),
            next: change.max_op() + 1,
            document,
        }
    }

    /// What Bob, who has seen Alice's change, would write for these operations.
    pub fn draft(&self, ops: &[Op]) -> Draft {
        Draft::new(&[self.head], &BOB, 1, self.next, ops)
    }

    /// The name of the nth operation of such a draft.
    pub fn own(&self, nth: u64) -> Id {
        (self.next + nth, BOB.to_vec())
    }

    pub fn judge(&self, draft: &Draft) -> Judgement {
        match ParsedChange::parse(&draft.bytes()) {
            Ok(change) => self.ancestry.judge(&change, Writers::ALL),
            Err(rule) => Judgement::IllFormed(rule),
        }
    }

    /// The rule that these operations break.
    pub fn rule(&self, ops: &[Op]) -> Option<IllFormed> {
        let judgement = self.judge(&self.draft(ops));
        match judgement {
            Judgement::WellFormed => {
                assert_applies(&self.document, &self.draft(ops).bytes());
                None
            }
            Judgement::IllFormed(rule) => Some(rule),
            Judgement::MissingDependencies(_) | Judgement::NoRight => panic!("{judgement:?}"),
        }
    }
}

/// What well-formedness promises: the change applies, what comes of it is saved and loads, and
/// the next honest edit finds room.
pub fn assert_applies(document: &Automerge, bytes: &[u8]) {
    let change = ParsedChange::parse(bytes).unwrap();
    let hash = change.hash();
    let mut document = document.clone();
    document.apply_changes([change.into_change()]).unwrap();
    assert!(document.get_change_by_hash(&hash).is_some());
    let mut loaded = Automerge::load(&document.save()).unwrap();
    assert_eq!(loaded.get_heads(), document.get_heads());
    assert_eq!(loaded.get_change_by_hash(&hash).unwrap().raw_bytes(), bytes);

    let mut ancestry = Ancestry::from_document(scope(), &card(), &loaded).unwrap();
    loaded.set_actor(ActorId::from([0xee; 16]));
    let next = write(&mut loaded, |transaction| {
        let fields = at(transaction, "fields");
        transaction.put(&fields, "remarks", "later")
    });
    assert_eq!(
        ancestry.admit(&ParsedChange::parse(&next).unwrap(), Writers::ALL),
        Judgement::WellFormed
    );
    Automerge::load(&loaded.save()).unwrap();
}
