//! Rows of a store that are not what was written: bits that have turned, and whatever a bug of ours may
//! have put there, behind a checksum that is right.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use shouwang_node::command::Request;
use shouwang_node::command::elder::{ElderList, VisitList};
use shouwang_node::command::status::Status;
use shouwang_node::command::verify::Verify;
use shouwang_node::engine::Engine;
use shouwang_node::store::Store;

use crate::image::Image;
use crate::scene::{at, scene};
use crate::tape::Tape;
use crate::target::Verdict;

/// How the keys of a table are told apart.
#[derive(Clone, Copy)]
enum Keys {
    Text,
    Bytes,
    Number,
    Small,
    Pair,
}

/// The tables that have rows in the scene (`node/src/store/tables.rs`).
const TABLES: [(&str, Keys); 18] = [
    ("meta-1", Keys::Text),
    ("logs-1", Keys::Small),
    ("heads-2", Keys::Small),
    ("entries-2", Keys::Pair),
    ("documents-2", Keys::Bytes),
    ("unsettled-1", Keys::Bytes),
    ("elders-2", Keys::Bytes),
    ("scopes-1", Keys::Number),
    ("grants-1", Keys::Bytes),
    ("usage-1", Keys::Bytes),
    ("peers-1", Keys::Bytes),
    ("places-1", Keys::Bytes),
    ("evidence-1", Keys::Number),
    ("custody-1", Keys::Bytes),
    ("incidents-1", Keys::Bytes),
    ("facts-1", Keys::Bytes),
    ("names-1", Keys::Bytes),
    ("digests-1", Keys::Number),
];

/// A byte of a table, two of a row, one of how, and what becomes of it: a database whose pages are in
/// order, and whose content is not what was written.
///
/// The store does not open, or `verify` names what is wrong, or people see what they saw before. What it
/// names, or asks of others, is never a crash; and the node goes on.
pub(super) fn rows(bytes: &[u8]) -> Verdict {
    let mut tape = Tape::new(bytes);
    let image = Image::of(&scene().town);
    let (name, keys) = TABLES[tape.below(TABLES.len())];
    let spoilt = {
        let database =
            Database::builder().create_with_backend(image.clone()).expect("a copy opens");
        match keys {
            Keys::Text => spoil::<&str>(&database, name, &mut tape),
            Keys::Bytes => spoil::<&[u8]>(&database, name, &mut tape),
            Keys::Number => spoil::<u64>(&database, name, &mut tape),
            Keys::Small => spoil::<u32>(&database, name, &mut tape),
            Keys::Pair => spoil::<(u32, u64)>(&database, name, &mut tape),
        }
    };
    if spoilt.is_none() {
        return Verdict::Refused;
    }
    let Ok(store) = Store::with_backend(image) else { return Verdict::Accepted };
    let Ok(mut engine) = Engine::open(store, [9; 32]) else { return Verdict::Accepted };
    let Ok(report) = (Verify {}).execute(&mut engine, at(1)) else { return Verdict::Accepted };
    for fault in &report.faults {
        assert!(!fault.place.is_empty() && !fault.code.is_empty(), "a fault without a place");
    }
    // Whatever is wrong, screens say so or say what they can.
    let _ = (Status {}).execute(&mut engine, at(2));
    let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 10).unwrap_or_default();
    let _ = ElderList { scope: None, matching: None, as_of: day }.execute(&mut engine, at(3));
    let _ = VisitList { elder: None, from: None, to: None }.execute(&mut engine, at(4));
    Verdict::Accepted
}

/// Changes a row as the tape says; None if the table has none, or nothing changes.
fn spoil<K: redb::Key + 'static>(
    database: &Database,
    name: &'static str,
    tape: &mut Tape<'_>,
) -> Option<()> {
    let definition: TableDefinition<'_, K, &[u8]> = TableDefinition::new(name);
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = {
        let reading = database.begin_read().ok()?;
        let table = reading.open_table(definition).ok()?;
        let rows = table.iter().ok()?.filter_map(Result::ok);
        rows.map(|(key, value)| {
            (K::as_bytes(&key.value()).as_ref().to_vec(), value.value().to_vec())
        })
        .collect()
    };
    let at = usize::from(tape.short()) % rows.len().max(1);
    let (key, before) = (rows.len() > at).then(|| rows.swap_remove(at))?;
    let how = tape.byte();
    let mut value = match how % 4 {
        // Turned bits.
        0 => {
            let mut value = before.clone();
            while !tape.is_over() {
                let (at, with) = (usize::from(tape.short()) % value.len().max(1), tape.byte());
                *value.get_mut(at)? ^= with;
            }
            value
        }
        // Cut off, or longer.
        1 => {
            let kept = usize::from(tape.short()) % (before.len() + 1);
            [&before[..kept], tape.rest()].concat()
        }
        // A piece of it is another.
        2 => {
            let mut value = before.clone();
            let from = usize::from(tape.short()) % (value.len() + 1);
            for (place, byte) in value.iter_mut().skip(from).zip(tape.rest()) {
                *place = *byte;
            }
            value
        }
        _ => tape.rest().to_vec(),
    };
    // Behind a checksum that is right, for the tables that have one.
    if how & 4 == 4 && value.len() > 8 {
        let sum = blake3::hash(&value[8..]);
        value[..8].copy_from_slice(&sum.as_bytes()[..8]);
    }
    if value == before {
        return None;
    }
    let writing = database.begin_write().ok()?;
    {
        let mut table = writing.open_table(definition).ok()?;
        table.insert(K::from_bytes(&key), value.as_slice()).ok()?;
    }
    writing.commit().ok()
}

pub(super) fn row_seeds() -> Vec<Vec<u8>> {
    let of = |table: u8| {
        [
            [table, 0, 0, 0, 0, 9, 1].to_vec(),
            [table, 0, 0, 4, 0, 12, 3].to_vec(),
            vec![table, 0, 1, 1, 0, 20],
        ]
    };
    (0..TABLES.len() as u8).flat_map(of).filter(|seed| rows(seed) == Verdict::Accepted).collect()
}
