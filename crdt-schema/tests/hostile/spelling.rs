//! The same rows can be spelled in many ways, of which Automerge writes one. Only that one is let
//! through: of random changes in random spellings exactly those are that Automerge, asked to write the
//! change anew, writes the same.

use automerge::{Change, ExpandedChange};
use proptest::prelude::*;
use shouwang_crdt_schema::change::{IllFormed, ParsedChange};

use super::fixture::{Story, fields, list};
use super::{
    ACTION, Draft, INSERT, KEY_ACTOR, KEY_COUNTER, KEY_TEXT, MAKE_MAP, OBJECT_ACTOR,
    OBJECT_COUNTER, Op, PREDECESSOR_ACTOR, PREDECESSOR_COUNT, PREDECESSOR_COUNTER, PUT, VALUE,
    VALUE_META, signed, unsigned,
};
use shouwang_crdt_schema::element::List;

/// Columns of runs. That of flags has a form of its own, and that of values none.
const RUNS: [u32; 10] = [
    OBJECT_ACTOR,
    OBJECT_COUNTER,
    KEY_ACTOR,
    KEY_COUNTER,
    KEY_TEXT,
    ACTION,
    VALUE_META,
    PREDECESSOR_COUNT,
    PREDECESSOR_ACTOR,
    PREDECESSOR_COUNTER,
];

/// A row as it stands in its column; None is null.
type Row = Option<Vec<u8>>;

fn number(bytes: &[u8]) -> (i64, usize) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (mut value, mut shift) = (0_i64, 0);
    for byte in &bytes[..length] {
        value |= i64::from(byte & 0x7f) << shift;
        shift += 7;
    }
    if bytes[length - 1] & 0x40 != 0 && shift < 64 {
        value |= -1 << shift;
    }
    (value, length)
}

fn rows(column: u32, mut bytes: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    let take = |bytes: &mut &[u8]| {
        let mut length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        if column == KEY_TEXT {
            length += usize::from(bytes[0]);
        }
        let (row, rest) = bytes.split_at(length);
        *bytes = rest;
        row.to_vec()
    };
    while !bytes.is_empty() {
        let (count, length) = number(bytes);
        bytes = &bytes[length..];
        match count {
            0 => {
                let nulls = usize::from(bytes[0]);
                bytes = &bytes[1..];
                rows.resize(rows.len() + nulls, None);
            }
            1.. => {
                let row = take(&mut bytes);
                rows.resize(rows.len() + usize::try_from(count).unwrap(), Some(row));
            }
            _ => (0..-count).for_each(|_| rows.push(Some(take(&mut bytes)))),
        }
    }
    rows
}

/// Spells rows with the runs cut where `cuts` says, each of one value as a repetition or not.
fn spell(rows: &[Row], cuts: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut cuts = cuts.iter().cycle();
    while at < rows.len() {
        let same = rows[at..].iter().take_while(|row| **row == rows[at]).count();
        let values = rows[at..].iter().take_while(|row| row.is_some()).count();
        let cut = usize::from(*cuts.next().unwrap());
        let most = |length: usize| if cut % 4 == 0 { 1 + cut / 4 % length } else { length };
        if rows[at].is_none() {
            let length = most(same);
            signed(&mut out, 0);
            unsigned(&mut out, length as u64);
            at += length;
        } else if cut % 3 == 0 || (same > 1 && cut % 16 > 0) {
            let length = most(same);
            signed(&mut out, i64::try_from(length).unwrap());
            out.extend(rows[at].as_ref().unwrap());
            at += length;
        } else {
            let length = most(values);
            signed(&mut out, -i64::try_from(length).unwrap());
            rows[at..at + length].iter().flatten().for_each(|row| out.extend(row));
            at += length;
        }
    }
    out
}

/// What Automerge writes for the change, if it can read it.
fn rewritten(bytes: &[u8]) -> Option<Vec<u8>> {
    let change = Change::from_bytes(bytes.to_vec()).ok()?;
    Some(Change::from(ExpandedChange::from(&change)).raw_bytes().to_vec())
}

fn operations(story: &Story, kinds: &[u8]) -> Vec<Op> {
    let needs = list(List::ServiceNeeds);
    let operation = |kind: &u8| match kind % 6 {
        0 => Op::put(&fields(), "phone", "1", &[]),
        1 => Op::put(&fields(), "name", "周", &[&story.name]),
        2 => Op::insert(&needs, Some(&story.need), PUT),
        3 => Op::insert(&needs, None, PUT),
        4 => Op::put(&fields(), "phone", "1", &[&story.name]),
        _ => Op::insert(&list(List::Supporters), None, MAKE_MAP),
    };
    kinds.iter().map(operation).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_all_spellings_of_a_column_one_is_let_through(
        kinds in prop::collection::vec(any::<u8>(), 1..12),
        column in 0..RUNS.len(),
        cuts in prop::collection::vec(any::<u8>(), 1..12),
    ) {
        let story = Story::new();
        let honest = story.draft(&operations(&story, &kinds));
        prop_assert!(ParsedChange::parse(&honest.bytes()).is_ok());
        prop_assert_eq!(rewritten(&honest.bytes()), Some(honest.bytes()));
        let number = RUNS[column];
        let written = honest.columns.iter().find(|(candidate, _)| *candidate == number);
        let Some((_, written)) = written else { return Ok(()) };
        let spelled = spell(&rows(number, written), &cuts);
        let draft = honest.clone().column(number, spelled.clone());
        let parsed = ParsedChange::parse(&draft.bytes()).map(|_| ());
        let same = if spelled == *written { Ok(()) } else { Err(IllFormed::NotCanonical) };
        prop_assert_eq!(parsed, same, "{:#x} {:x?} {:x?}", number, written, spelled);
    }

    #[test]
    fn of_all_values_those_are_let_through_that_are_written_so(
        types in prop::collection::vec((0_u64..10, prop::collection::vec(any::<u8>(), 0..10)), 1..4),
    ) {
        let story = Story::new();
        let honest = story.draft(&operations(&story, &vec![0; types.len()]));
        let (mut metas, mut values) = (Vec::new(), Vec::new());
        signed(&mut metas, -i64::try_from(types.len()).unwrap());
        for (kind, bytes) in &types {
            unsigned(&mut metas, (bytes.len() as u64) << 4 | kind);
            values.extend(bytes);
        }
        let draft = honest.column(VALUE_META, metas).column(VALUE, values);
        let parsed = ParsedChange::parse(&draft.bytes());
        if parsed.is_ok() {
            prop_assert_eq!(rewritten(&draft.bytes()), Some(draft.bytes()));
        }
    }

    #[test]
    fn of_all_spellings_of_flags_one_is_let_through(
        kinds in prop::collection::vec(any::<u8>(), 1..8),
        counts in prop::collection::vec(0_u8..4, 1..8),
    ) {
        let story = Story::new();
        let draft: Draft = story.draft(&operations(&story, &kinds)).column(INSERT, counts);
        if ParsedChange::parse(&draft.bytes()).is_ok() {
            prop_assert_eq!(rewritten(&draft.bytes()), Some(draft.bytes()));
        }
    }
}

#[test]
fn numbers_among_values_have_one_form() {
    let story = Story::new();
    for (kind, bytes, is_fine) in [
        (0, &[][..], true),
        (0, &[0], false),
        (2, &[1], false),
        (3, &[0x80, 1], true),
        (3, &[0x81, 0], false),
        (3, &[1, 1], false),
        (4, &[0x7f], true),
        (4, &[0xff, 0x7f], false),
        (5, &[0; 8], true),
        (5, &[0; 7], false),
        (7, &[0, 0xff], true),
        (9, &[0x80, 0], false),
        (9, &[0xc0, 0], true),
    ] {
        let mut meta = vec![0x7f];
        unsigned(&mut meta, (bytes.len() as u64) << 4 | kind);
        let draft = story.draft(&operations(&story, &[0]));
        let draft = draft.column(VALUE_META, meta).column(VALUE, bytes.to_vec());
        let parsed = ParsedChange::parse(&draft.bytes());
        assert_eq!(parsed.is_ok(), is_fine, "{kind} {bytes:x?} {parsed:?}");
    }
}
