//! A writer of Automerge change chunks that writes whatever it is told.
//!
//! `Draft::new` gives the chunk that Automerge itself would write for the same operations; a test
//! then spoils one thing and seals the rest correctly.

#![allow(unreachable_pub, reason = "a module of one test")]

pub mod fixture;
mod histories;
mod sha256;
mod spelling;

use automerge::ChangeHash;

pub const OBJECT_ACTOR: u32 = 0x01;
pub const OBJECT_COUNTER: u32 = 0x02;
pub const KEY_ACTOR: u32 = 0x11;
pub const KEY_COUNTER: u32 = 0x13;
pub const KEY_TEXT: u32 = 0x15;
pub const INSERT: u32 = 0x34;
pub const ACTION: u32 = 0x42;
pub const VALUE_META: u32 = 0x56;
pub const VALUE: u32 = 0x57;
pub const PREDECESSOR_COUNT: u32 = 0x70;
pub const PREDECESSOR_ACTOR: u32 = 0x71;
pub const PREDECESSOR_COUNTER: u32 = 0x73;

pub const MAKE_MAP: u64 = 0;
pub const PUT: u64 = 1;
pub const MAKE_LIST: u64 = 2;
pub const DELETE: u64 = 3;

/// An operation: counter and actor.
pub type Id = (u64, Vec<u8>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    Name(String),
    Head,
    Element(Id),
}

#[derive(Clone, Debug)]
pub struct Op {
    pub object: Option<Id>,
    pub at: At,
    pub insert: bool,
    pub action: u64,
    /// The text of a put; other actions carry null.
    pub value: Option<String>,
    pub predecessors: Vec<Id>,
}

impl Op {
    pub fn put(object: &Id, name: &str, value: &str, predecessors: &[&Id]) -> Self {
        Self {
            object: Some(object.clone()),
            at: At::Name(name.into()),
            insert: false,
            action: PUT,
            value: Some(value.into()),
            predecessors: predecessors.iter().map(|id| (*id).clone()).collect(),
        }
    }

    pub fn insert(list: &Id, after: Option<&Id>, action: u64) -> Self {
        Self {
            object: Some(list.clone()),
            at: after.map_or(At::Head, |id| At::Element(id.clone())),
            insert: true,
            action,
            value: (action == PUT).then(|| "Meals".into()),
            predecessors: Vec::new(),
        }
    }

    pub fn on_element(list: &Id, element: &Id, action: u64, predecessors: &[&Id]) -> Self {
        Self {
            object: Some(list.clone()),
            at: At::Element(element.clone()),
            insert: false,
            action,
            value: (action == PUT).then(|| "Bathing".into()),
            predecessors: predecessors.iter().map(|id| (*id).clone()).collect(),
        }
    }

    fn ids(&self) -> impl Iterator<Item = &Id> {
        let element = match &self.at {
            At::Element(id) => Some(id),
            _ => None,
        };
        self.object.iter().chain(element).chain(&self.predecessors)
    }
}

#[derive(Clone, Debug)]
pub struct Draft {
    pub chunk_type: u8,
    pub deps: Vec<ChangeHash>,
    pub actor: Vec<u8>,
    pub seq: u64,
    pub start_op: u64,
    pub time: i64,
    pub message: Vec<u8>,
    pub others: Vec<Vec<u8>>,
    pub columns: Vec<(u32, Vec<u8>)>,
    pub extra: Vec<u8>,
}

impl Draft {
    pub fn new(deps: &[ChangeHash], actor: &[u8], seq: u64, start_op: u64, ops: &[Op]) -> Self {
        let mut deps = deps.to_vec();
        deps.sort_unstable();
        let mut others: Vec<Vec<u8>> =
            ops.iter().flat_map(Op::ids).map(|(_, actor)| actor.clone()).collect();
        others.sort();
        others.dedup();
        others.retain(|other| other != actor);
        let mut draft = Self {
            chunk_type: 1,
            deps,
            actor: actor.to_vec(),
            seq,
            start_op,
            time: 0,
            message: Vec::new(),
            others,
            columns: Vec::new(),
            extra: Vec::new(),
        };
        draft.columns = draft.write(ops);
        draft
    }

    /// Replaces a column, adds it, or (empty) takes it out.
    pub fn column(mut self, number: u32, bytes: Vec<u8>) -> Self {
        self.columns.retain(|(candidate, _)| *candidate != number);
        if !bytes.is_empty() {
            self.columns.push((number, bytes));
            self.columns.sort();
        }
        self
    }

    pub fn data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        unsigned(&mut data, self.deps.len() as u64);
        self.deps.iter().for_each(|hash| data.extend(hash.0));
        prefixed(&mut data, &self.actor);
        unsigned(&mut data, self.seq);
        unsigned(&mut data, self.start_op);
        signed(&mut data, self.time);
        prefixed(&mut data, &self.message);
        unsigned(&mut data, self.others.len() as u64);
        self.others.iter().for_each(|other| prefixed(&mut data, other));
        unsigned(&mut data, self.columns.len() as u64);
        for (number, bytes) in &self.columns {
            unsigned(&mut data, u64::from(*number));
            unsigned(&mut data, bytes.len() as u64);
        }
        self.columns.iter().for_each(|(_, bytes)| data.extend(bytes));
        data.extend(&self.extra);
        data
    }

    pub fn bytes(&self) -> Vec<u8> {
        seal(self.chunk_type, &self.data())
    }

    fn write(&self, ops: &[Op]) -> Vec<(u32, Vec<u8>)> {
        let actor = |(_, actor): &Id| match self.others.iter().position(|other| other == actor) {
            Some(at) => at as u64 + 1,
            None => 0,
        };
        let counter = |(counter, _): &Id| *counter;
        let object = |op: &Op| op.object.clone();
        let element = |op: &Op| match &op.at {
            At::Element(id) => Some(id.clone()),
            _ => None,
        };
        let key_counter = |op: &Op| match &op.at {
            At::Name(_) => None,
            At::Head => Some(0),
            At::Element((counter, _)) => Some(*counter),
        };
        let name = |op: &Op| match &op.at {
            At::Name(name) => Some(name.clone()),
            _ => None,
        };
        let predecessors: Vec<&Id> = ops.iter().flat_map(|op| &op.predecessors).collect();
        let meta = |op: &Op| op.value.as_ref().map_or(0, |text| ((text.len() as u64) << 4) | 6);
        let columns = [
            (OBJECT_ACTOR, numbers(ops.iter().map(|op| object(op).as_ref().map(actor)))),
            (OBJECT_COUNTER, numbers(ops.iter().map(|op| object(op).as_ref().map(counter)))),
            (KEY_ACTOR, numbers(ops.iter().map(|op| element(op).as_ref().map(actor)))),
            (KEY_COUNTER, differences(ops.iter().map(key_counter))),
            (KEY_TEXT, texts(ops.iter().map(name))),
            (INSERT, flags(ops.iter().map(|op| op.insert))),
            (ACTION, numbers(ops.iter().map(|op| Some(op.action)))),
            (VALUE_META, numbers(ops.iter().map(|op| Some(meta(op))))),
            (VALUE, ops.iter().filter_map(|op| op.value.clone()).collect::<String>().into_bytes()),
            (PREDECESSOR_COUNT, numbers(ops.iter().map(|op| Some(op.predecessors.len() as u64)))),
            (PREDECESSOR_ACTOR, numbers(predecessors.iter().map(|id| Some(actor(id))))),
            (PREDECESSOR_COUNTER, differences(predecessors.iter().map(|id| Some(counter(id))))),
        ];
        columns.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect()
    }
}

/// A chunk with the right magic, length and checksum round any content.
pub fn seal(chunk_type: u8, data: &[u8]) -> Vec<u8> {
    let mut tail = vec![chunk_type];
    unsigned(&mut tail, data.len() as u64);
    tail.extend(data);
    let checksum = &sha256::sha256(&tail)[..4];
    [&[0x85, 0x6f, 0x4a, 0x83], checksum, &tail].concat()
}

/// The content of a chunk whose length takes two bytes or one.
pub fn content(chunk: &[u8]) -> &[u8] {
    let header = chunk[9..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 10;
    &chunk[header..]
}

pub fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = number as u8 & 0x7f;
        number >>= 7;
        if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// One run: a count and the row that it repeats.
pub fn run(count: i64, row: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    signed(&mut out, count);
    out.extend(row);
    out
}

fn prefixed(out: &mut Vec<u8>, bytes: &[u8]) {
    unsigned(out, bytes.len() as u64);
    out.extend(bytes);
}

fn numbers(rows: impl Iterator<Item = Option<u64>>) -> Vec<u8> {
    runs(rows, |out, number| unsigned(out, *number))
}

fn differences(rows: impl Iterator<Item = Option<u64>>) -> Vec<u8> {
    let mut last = 0;
    let rows = rows.map(|row| {
        row.map(|number| {
            let difference = number as i64 - last;
            last = number as i64;
            difference
        })
    });
    runs(rows, |out, difference| signed(out, *difference))
}

fn texts(rows: impl Iterator<Item = Option<String>>) -> Vec<u8> {
    runs(rows, |out, text| prefixed(out, text.as_bytes()))
}

fn flags(rows: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut last, mut count) = (false, 0);
    for row in rows {
        if row != last {
            unsigned(&mut out, count);
            (last, count) = (row, 0);
        }
        count += 1;
    }
    unsigned(&mut out, count);
    out
}

/// Run lengths as Automerge writes them: equal neighbours are one run, different ones stand in a
/// literal, and a column of nulls alone is empty.
fn runs<T: PartialEq>(
    rows: impl Iterator<Item = Option<T>>,
    write: impl Fn(&mut Vec<u8>, &T),
) -> Vec<u8> {
    let mut groups: Vec<(Option<T>, i64)> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some((last, count)) if *last == row => *count += 1,
            _ => groups.push((row, 1)),
        }
    }
    if groups.iter().all(|(row, _)| row.is_none()) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut at = 0;
    while at < groups.len() {
        match &groups[at] {
            (None, count) => {
                signed(&mut out, 0);
                unsigned(&mut out, *count as u64);
                at += 1;
            }
            (Some(row), count) if *count > 1 => {
                signed(&mut out, *count);
                write(&mut out, row);
                at += 1;
            }
            _ => {
                let literal: Vec<&T> = groups[at..]
                    .iter()
                    .take_while(|(row, count)| row.is_some() && *count == 1)
                    .filter_map(|(row, _)| row.as_ref())
                    .collect();
                signed(&mut out, -(literal.len() as i64));
                literal.iter().for_each(|row| write(&mut out, row));
                at += literal.len();
            }
        }
    }
    out
}
