//! Version 1 of the schema does not change: replicas make each genesis for themselves, and a key
//! that is renamed is a field that is lost. A failure here is repaired by undoing the change, never
//! by new figures: what is new comes with a second fixed change (`docs/records.md`, versions).

use std::fmt::Write;

use shouwang_crdt_schema::document::{SCHEMA_VERSION, genesis, genesis_counter, genesis_objects};
use shouwang_crdt_schema::element::List;
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::parts::{DocumentId, Part, PartKind};
use shouwang_crdt_schema::record::{ElderId, IncidentId, TransferId};

#[path = "frozen/elements.rs"]
mod elements;

/// Everything of the schema that stands in stored bytes.
fn written() -> String {
    let mut text = format!("schema {SCHEMA_VERSION}\n");
    let scope = "990121101203".parse().unwrap();
    let elder = ElderId(std::array::from_fn(|at| at as u8));
    let parts = [
        Part::Card,
        Part::Ledger,
        Part::Registry,
        Part::Journal(2026),
        Part::Incident(IncidentId([0xa1; 16])),
        Part::Transfer(TransferId([0xb2; 16])),
    ];
    let elders = parts.map(|part| DocumentId::elder(elder, part));
    for id in elders.into_iter().chain([DocumentId::Directory, DocumentId::Ruleset]) {
        let heads = genesis(scope, &id).get_heads();
        let bytes: String = id.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "genesis {id} {bytes} {}", heads[0]).unwrap();
        for object in genesis_objects(&id) {
            writeln!(text, "  {} {object:?}", genesis_counter(&id, object).unwrap()).unwrap();
        }
    }
    for field in Field::ALL {
        let spec = field.spec();
        let kind = match spec.kind {
            Kind::Choice(words) => {
                format!("Choice {:?}", words.iter().map(|word| word.0).collect::<Vec<_>>())
            }
            kind => format!("{kind:?}"),
        };
        let line = (spec.key, spec.policy, spec.parts, spec.writers);
        writeln!(text, "field {line:?} {kind}").unwrap();
    }
    elements::write(&mut text);
    for list in List::ALL {
        let parts: Vec<PartKind> =
            PartKind::ALL.into_iter().filter(|kind| List::of(*kind).contains(list)).collect();
        let line = (list.key(), list.growth(), parts, list.writers());
        writeln!(text, "list {line:?}").unwrap();
    }
    text
}

#[test]
fn version_1_is_as_it_was_frozen() {
    let found = written();
    let frozen = include_str!("frozen/version-1.txt");
    for (found, frozen) in found.lines().zip(frozen.lines()) {
        assert_eq!(found, frozen);
    }
    assert_eq!(found.lines().count(), frozen.lines().count(), "all of it:\n{found}");
}
