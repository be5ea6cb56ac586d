//! A run as it travels in a stream: column by column, without what the receiver can derive.
//!
//! The receiver rebuilds the very bytes of every body; hashes and the run's signature then say whether
//! they are the author's. What a reference names must have been said in the stream before, or be
//! durably at the receiver. `docs/protocol.md` draws the columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use shouwang_crdt_schema::change::{
    CHANGE_BYTES_MAX, Own, ParsedChange, TEMPLATE_BYTES_MAX, Template,
};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{genesis_hash, genesis_operations};

use super::context::{Context, Last, Logs, Pace};
use super::{Known, Lookup, MARK_BYTES, Mark, PackError};
use crate::codec::{CodecError, Reader, Writer};
use crate::custody::Receipt;
use crate::identity::Signature;
use crate::limits::{
    BODY_BYTES_MAX, CHECKPOINT_ENTRIES, DOCUMENT_BYTES_MAX, RECEIPT_POSITIONS_MAX, RUN_BYTES_MAX,
    TAIL_BYTES_MAX, TEMPLATE_EXCESS_BYTES_MAX,
};
use crate::log::entry::DocumentField;
use crate::log::run::{RunEntry, read_seq};
use crate::log::{Body, EntryHash, EntryPlace, Header, Kind, LogKey, UnverifiedRun};
use crate::store::StoreError;
use crate::sync::summary::Fingerprint;

/// How a run's beginning is said.
const CONTINUES: u8 = 1;
/// All entries are changes without tails.
const ALL_CHANGES: u8 = 2;
/// The hash of the entry before is said whole: the receiver may have it on the way only.
const WHOLE_PREVIOUS: u8 = 4;

/// How a log is said: in full, by place and fingerprint, or by number.
const NAMED: u64 = 0;
const FINGERPRINTED: u64 = 1;
const NUMBERED: u64 = 2;

/// How a document is said.
const SPELLED: u64 = 0;
const NEW_ELDER: u64 = 1;
const BY_CHANGE: u64 = 2;
const KNOWN_ELDERS: u64 = 3;

/// How a body is said.
const WHOLE: u64 = 0;
const ABSENT: u64 = 1;
const NEW_TEMPLATE: u64 = 2;
const RECEIPT: u64 = 3;
const KNOWN_TEMPLATES: u64 = 4;

/// How an entry that a receipt names is said, below its number: the last of its log in this stream,
/// without a number; one that the receiver has; by its hash.
const LAST_SENT: u64 = 0;
const HELD: u64 = 1;
const SPELLED_ENTRY: u64 = 2;
const ENTRY_WAYS: u64 = 3;

/// How a dependency is said.
const LAST: u8 = 0;
const GENESIS: u8 = 1;
const PLACE: u8 = 2;
const HASH: u8 = 3;
/// More than one dependency: so many, above this.
const SEVERAL: u64 = 2;

/// A document, told apart into elder and part where it has so many bytes.
#[derive(Clone, Debug)]
struct Named {
    field: DocumentField,
    elder: Option<([u8; 16], Vec<u8>)>,
}

impl Named {
    fn of(field: &DocumentField) -> Self {
        let elder = field.as_bytes().split_first().and_then(|(tag, rest)| {
            let (elder, tail) = rest.split_first_chunk::<16>()?;
            Some((*elder, [&[*tag][..], tail].concat()))
        });
        Self { field: field.clone(), elder }
    }

    fn from_elder(elder: [u8; 16], part: Vec<u8>) -> Result<Self, CodecError> {
        let (tag, tail) = part.split_first().ok_or(CodecError::Truncated)?;
        let field = DocumentField::from_bytes([&[*tag][..], &elder, tail].concat())?;
        Ok(Self { field, elder: Some((elder, part)) })
    }

    fn last(&self, context: &Context, scope: DivisionCode) -> Option<Last> {
        let (elder, part) = self.elder.as_ref()?;
        context.elders.last(scope, elder, part)
    }

    fn note(&self, context: &mut Context, scope: DivisionCode, last: Option<Last>) {
        if let Some((elder, part)) = &self.elder {
            context.elders.note(scope, *elder, part, last);
        }
    }

    fn genesis(&self, scope: DivisionCode) -> Option<([u8; 32], u64)> {
        let id = self.field.id()?;
        Some((genesis_hash(scope, &id), genesis_operations(&id)))
    }
}

/// What is predicted of a change from what it builds on.
#[derive(Clone, Copy, Debug, Default)]
struct Prediction {
    seq: u64,
    start_op: u64,
}

impl Prediction {
    fn see(&mut self, known: &Last, actor: &[u8; 16]) {
        self.start_op = self.start_op.max(known.max_op);
        if known.actor == *actor {
            self.seq = self.seq.max(known.seq);
        }
    }
}

/// Writes a run. `theirs` are the logs that the other direction has named.
pub(super) fn write(
    run: &UnverifiedRun,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<Vec<u8>, StoreError> {
    let scope = run.log.scope;
    let mut out = Writer::new();
    let pace = context.paces.get(&run.log).copied();
    let continues =
        pace.is_some_and(|pace| (pace.next_seq, pace.hash) == (run.first_seq, run.previous));
    let all_changes =
        run.entries.iter().all(|entry| entry.kind == Kind::Change && entry.tail.is_empty());
    // A branch follows on what has just been sent of another, and is not on the disk there yet.
    let whole = match run.first_seq.checked_sub(1) {
        Some(before) if !continues => !lookup.holds(&run.log, before, &run.previous)?,
        _ => false,
    };
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    let begins = flag(continues, CONTINUES) | flag(whole, WHOLE_PREVIOUS);
    out.u8(begins | flag(all_changes, ALL_CHANGES));
    write_known_log(&run.log, context, theirs, lookup, &mut out)?;
    if !continues {
        out.leb(run.first_seq);
        match run.first_seq {
            0 => write_name(&run.previous.0, &mut context.grants, &mut out),
            _ if whole => {
                out.bytes(&run.previous.0);
            }
            _ => {
                out.bytes(&context.salt.mix::<MARK_BYTES>(&run.previous.0));
            }
        }
    }
    out.count(run.entries.len());
    if !all_changes {
        for entry in &run.entries {
            out.u8(entry.kind.number()).piece(&entry.tail);
        }
    }
    let mut time = context.written_at_ms;
    for entry in &run.entries {
        out.leb(zigzag(entry.written_at_ms.wrapping_sub(time)));
        time = entry.written_at_ms;
    }

    // A change by another actor than this log's is nobody's honest work: it goes whole.
    let prefix = run.log.actor_prefix();
    let apart = |entry: &RunEntry| {
        let body = entry.body.bytes()?;
        let longest = body.len() + TEMPLATE_EXCESS_BYTES_MAX;
        let fits = |(template, own): &(Template, Own)| {
            own.actor.starts_with(&prefix) && template.as_bytes().len() <= longest
        };
        Template::of(body).filter(fits)
    };
    let apart: Vec<Option<(Template, Own)>> = run.entries.iter().map(apart).collect();
    let mut parts = Writer::new();
    let mut documents = Vec::with_capacity(run.entries.len());
    for (entry, apart) in run.entries.iter().zip(&apart) {
        let named = Named::of(&entry.document);
        write_document(
            &named,
            scope,
            apart.as_ref(),
            context,
            theirs,
            lookup,
            (&mut out, &mut parts),
        )?;
        documents.push(named);
    }
    out.bytes(&parts.finish());

    let shared = |apart: Option<(Template, Own)>| apart.map(|(of, own)| (Arc::new(of), own));
    let apart: Vec<Option<(Arc<Template>, Own)>> = apart.into_iter().map(shared).collect();
    for (entry, apart) in run.entries.iter().zip(&apart) {
        write_form(entry, scope, apart, context, theirs, lookup, &mut out)?;
    }
    write_changes(run, &documents, &apart, context, theirs, lookup, &mut out)?;
    out.bytes(&run.signature.0);
    note_pace(run, context);
    Ok(out.finish())
}

fn write_document(
    named: &Named,
    scope: DivisionCode,
    apart: Option<&(Template, Own)>,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
    (out, parts): (&mut Writer, &mut Writer),
) -> Result<(), StoreError> {
    let Some((elder, part)) = &named.elder else {
        out.leb(SPELLED).piece(named.field.as_bytes());
        return Ok(());
    };
    if let Some(number) = context.elders.number(elder) {
        let step = number as i64 - context.elders.at as i64;
        out.leb(KNOWN_ELDERS + zigzag(step));
        context.elders.at = number;
        write_name(part, &mut context.parts, parts);
        return Ok(());
    }
    // An elder that the stream does not know, of whom the receiver has the change before.
    if let Some((_, own)) = apart {
        for dep in &own.deps {
            if let Some((log, seq, known)) = lookup.place(scope, &named.field, dep)? {
                out.leb(BY_CHANGE);
                write_known_log(&log, context, theirs, lookup, out)?;
                out.leb(seq).bytes(&context.salt.mix::<MARK_BYTES>(&known.last.hash));
                context.elders.at = context.elders.push(*elder);
                named.note(context, scope, Some(known.last));
                return Ok(());
            }
        }
    }
    out.leb(NEW_ELDER).bytes(elder);
    context.elders.at = context.elders.push(*elder);
    write_name(part, &mut context.parts, parts);
    Ok(())
}

fn write_form(
    entry: &RunEntry,
    scope: DivisionCode,
    apart: &Option<(Arc<Template>, Own)>,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
    out: &mut Writer,
) -> Result<(), StoreError> {
    match (&entry.body, apart) {
        (Body::Absent { length, hash }, _) => {
            out.leb(ABSENT).u32(*length).bytes(hash);
        }
        (Body::Present(bytes), None) => {
            let receipt = Receipt::decode(scope, bytes).ok();
            let receipt = receipt.filter(|it| entry.kind == Kind::Receipt && it.encode() == *bytes);
            match receipt {
                Some(receipt) => {
                    out.leb(RECEIPT);
                    write_receipt(&receipt, context, theirs, lookup, out)?;
                }
                None => {
                    out.leb(WHOLE).piece(bytes);
                }
            }
        }
        (Body::Present(_), Some((template, _))) => match context.templates.number(template) {
            Some(number) => {
                out.leb(KNOWN_TEMPLATES + number as u64);
            }
            None => {
                out.leb(NEW_TEMPLATE).piece(template.as_bytes());
                context.templates.push(template.clone());
            }
        },
    }
    Ok(())
}

/// Writes what a receipt names: mostly entries that have just been sent, or that both have.
fn write_receipt(
    receipt: &Receipt,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
    out: &mut Writer,
) -> Result<(), StoreError> {
    out.count(receipt.positions.len());
    for place in &receipt.positions {
        write_known_log(&place.log, context, theirs, lookup, out)?;
        if context.last_of(&place.log) == Some((place.seq, place.hash)) {
            out.leb(LAST_SENT);
        } else if lookup.holds(&place.log, place.seq, &place.hash)? {
            out.leb(place.seq * ENTRY_WAYS + HELD)
                .bytes(&context.salt.mix::<MARK_BYTES>(&place.hash.0));
        } else {
            out.leb(place.seq * ENTRY_WAYS + SPELLED_ENTRY).bytes(&place.hash.0);
        }
    }
    Ok(())
}

fn read_receipt(
    reader: &mut Reader<'_>,
    scope: DivisionCode,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<Receipt, PackError> {
    let count = reader.count(RECEIPT_POSITIONS_MAX)?;
    let mut positions = Vec::with_capacity(count);
    for _ in 0..count {
        let log = read_known_log(reader, context, theirs, lookup)?;
        if log.scope != scope {
            return Err(CodecError::Tag.into());
        }
        let said = reader.leb()?;
        let seq = said / ENTRY_WAYS;
        let (seq, hash) = match said % ENTRY_WAYS {
            LAST_SENT if seq == 0 => context.last_of(&log).ok_or(PackError::Reference)?,
            HELD => {
                let hash = lookup.entry_hash(&log, seq, Mark::read(reader, context.salt)?)?;
                (seq, hash.ok_or(PackError::Reference)?)
            }
            SPELLED_ENTRY => (seq, EntryHash(reader.array()?)),
            _ => return Err(CodecError::Tag.into()),
        };
        positions.push(EntryPlace { log, seq, hash });
    }
    Ok(Receipt { positions })
}

fn write_changes(
    run: &UnverifiedRun,
    documents: &[Named],
    apart: &[Option<(Arc<Template>, Own)>],
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
    out: &mut Writer,
) -> Result<(), StoreError> {
    let scope = run.log.scope;
    let (mut numbers, mut places) = (Writer::new(), Writer::new());
    for ((entry, named), apart) in run.entries.iter().zip(documents).zip(apart) {
        let Some((template, own)) = apart else {
            if entry.kind == Kind::Change {
                named.note(context, scope, None);
            }
            continue;
        };
        let last = named.last(context, scope);
        let genesis = named.genesis(scope);
        let mut prediction = Prediction::default();
        match own.deps.as_slice() {
            [_] => {}
            deps => {
                out.leb(u64::from(HASH) + SEVERAL + deps.len() as u64);
            }
        }
        for dep in &own.deps {
            match (last, genesis) {
                (Some(last), _) if last.hash == *dep => {
                    out.u8(LAST);
                    prediction.see(&last, &own.actor);
                    continue;
                }
                (_, Some((genesis, operations))) if genesis == *dep => {
                    out.u8(GENESIS);
                    prediction.start_op = prediction.start_op.max(operations);
                    continue;
                }
                _ => {}
            }
            match lookup.place(scope, &named.field, dep)? {
                Some((log, seq, known)) => {
                    out.u8(PLACE);
                    write_known_log(&log, context, theirs, lookup, &mut places)?;
                    places.leb(seq).bytes(&context.salt.mix::<MARK_BYTES>(dep));
                    prediction.see(&known.last, &own.actor);
                }
                None => {
                    out.u8(HASH);
                    places.bytes(dep);
                }
            }
        }
        numbers.leb(zigzag(difference(own.seq, prediction.seq)));
        numbers.leb(zigzag(difference(own.start_op, prediction.start_op)));
        if let (Body::Present(bytes), Kind::Change) = (&entry.body, entry.kind) {
            named.note(context, scope, last_of(bytes, own, template));
        }
    }
    out.bytes(&places.finish()).bytes(&numbers.finish());
    let changes = || apart.iter().flatten();
    for (_, own) in changes() {
        write_name(&own.actor, &mut context.actors, out);
    }
    for (_, own) in changes() {
        out.count(own.others.len());
        own.others.iter().for_each(|other| write_name(other, &mut context.actors, out));
    }
    for (_, own) in changes() {
        for distance in &own.distances {
            out.leb(*distance);
        }
    }
    for (template, group) in groups(apart) {
        for (at, key) in template.keys().iter().enumerate() {
            for entry in &group {
                let own = apart.get(*entry).and_then(Option::as_ref).map(|(_, own)| own);
                if let Some(value) = own.and_then(|own| own.values.get(at)) {
                    context.recent.write(key, value, out);
                }
            }
        }
    }
    Ok(())
}

/// Reads what [`write`] has written.
pub(super) fn read(
    reader: &mut Reader<'_>,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<UnverifiedRun, PackError> {
    let flags = reader.u8()?;
    let whole = flags & WHOLE_PREVIOUS != 0;
    if flags & !(CONTINUES | ALL_CHANGES | WHOLE_PREVIOUS) != 0 || whole && flags & CONTINUES != 0 {
        return Err(CodecError::Tag.into());
    }
    let log = read_known_log(reader, context, theirs, lookup)?;
    let (scope, pace) = (log.scope, context.paces.get(&log).copied());
    let (first_seq, previous) = if flags & CONTINUES != 0 {
        let pace = pace.ok_or(PackError::Reference)?;
        (pace.next_seq, pace.hash)
    } else {
        let first_seq = read_seq(reader)?;
        match first_seq.checked_sub(1) {
            None if whole => return Err(CodecError::Tag.into()),
            None => {
                (0, EntryHash(read_name(reader, &mut context.grants, |reader| reader.array())?))
            }
            Some(_) if whole => (first_seq, EntryHash(reader.array()?)),
            Some(before) => {
                let mark = Mark::read(reader, context.salt)?;
                let hash = lookup.entry_hash(&log, before, mark)?;
                (first_seq, hash.ok_or(PackError::Reference)?)
            }
        }
    };
    let count = reader.count(CHECKPOINT_ENTRIES as usize)?;
    let mut kinds = vec![(Kind::Change, Vec::new()); count];
    if flags & ALL_CHANGES == 0 {
        for (kind, tail) in &mut kinds {
            *kind = Kind::from_number(reader.u8()?);
            *tail = reader.piece(TAIL_BYTES_MAX)?.to_vec();
        }
    }
    let mut time = context.written_at_ms;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        time = time.wrapping_add(unzigzag(reader.leb()?));
        times.push(time);
    }
    let documents = read_documents(reader, count, scope, context, theirs, lookup)?;
    let mut forms = Vec::with_capacity(count);
    let mut room = RUN_BYTES_MAX;
    for (kind, _) in &kinds {
        let form = read_form(reader, *kind, scope, context, theirs, lookup)?;
        if let Form::Body(body) = &form {
            room = room.checked_sub(body.length() as usize).ok_or(CodecError::TooLong)?;
        }
        forms.push(form);
    }
    let bodies =
        read_changes(reader, scope, &kinds, &documents, forms, &log, context, theirs, lookup)?;
    let bytes: usize = bodies.iter().map(|body| body.length() as usize).sum();
    if bytes > RUN_BYTES_MAX {
        return Err(CodecError::TooLong.into());
    }
    let entries = kinds.into_iter().zip(times).zip(documents).zip(bodies);
    let entries = entries.map(|((((kind, tail), written_at_ms), named), body)| RunEntry {
        written_at_ms,
        kind,
        document: named.field,
        tail,
        body,
    });
    let entries = entries.collect();
    let signature = Signature(reader.array()?);
    let run = UnverifiedRun { log, first_seq, previous, entries, signature };
    note_pace(&run, context);
    Ok(run)
}

fn read_documents(
    reader: &mut Reader<'_>,
    count: usize,
    scope: DivisionCode,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<Vec<Named>, PackError> {
    enum Half {
        Whole(Named),
        Elder([u8; 16]),
    }
    let mut halves = Vec::with_capacity(count);
    for _ in 0..count {
        halves.push(match reader.leb()? {
            SPELLED => {
                let field = DocumentField::from_bytes(reader.piece(DOCUMENT_BYTES_MAX)?.to_vec())?;
                let named = Named::of(&field);
                // One that has an elder is said as such.
                if named.elder.is_some() {
                    return Err(CodecError::Tag.into());
                }
                Half::Whole(named)
            }
            NEW_ELDER => {
                let elder = reader.array()?;
                context.elders.at = context.elders.push(elder);
                Half::Elder(elder)
            }
            BY_CHANGE => {
                let log = read_known_log(reader, context, theirs, lookup)?;
                let (seq, mark) = (read_seq(reader)?, Mark::read(reader, context.salt)?);
                let known = lookup.change(&log, seq, mark)?.ok_or(PackError::Reference)?;
                let named = Named::of(&known.document);
                let (elder, _) = named.elder.as_ref().ok_or(PackError::Reference)?;
                context.elders.at = context.elders.push(*elder);
                named.note(context, scope, Some(known.last));
                Half::Whole(named)
            }
            number => {
                let step = unzigzag(number - KNOWN_ELDERS);
                let at = (context.elders.at as i64).checked_add(step);
                let at = at.and_then(|at| usize::try_from(at).ok()).ok_or(PackError::Reference)?;
                context.elders.at = at;
                Half::Elder(context.elders.get(at).ok_or(PackError::Reference)?)
            }
        });
    }
    halves
        .into_iter()
        .map(|half| match half {
            Half::Whole(named) => Ok(named),
            Half::Elder(elder) => {
                let part = read_name(reader, &mut context.parts, |reader| {
                    Ok(reader.piece(DOCUMENT_BYTES_MAX)?.to_vec())
                })?;
                Ok(Named::from_elder(elder, part)?)
            }
        })
        .collect()
}

/// A body as far as it is read before its values.
enum Form {
    Body(Body),
    Template(Arc<Template>),
}

fn read_form(
    reader: &mut Reader<'_>,
    kind: Kind,
    scope: DivisionCode,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<Form, PackError> {
    Ok(match reader.leb()? {
        WHOLE => Form::Body(Body::Present(reader.piece(BODY_BYTES_MAX)?.to_vec())),
        ABSENT => {
            let (length, hash) = (reader.u32()?, reader.array()?);
            if length as usize > BODY_BYTES_MAX {
                return Err(CodecError::TooLong.into());
            }
            Form::Body(Body::Absent { length, hash })
        }
        NEW_TEMPLATE => {
            let template = Template::from_bytes(reader.piece(TEMPLATE_BYTES_MAX)?);
            let template = Arc::new(template.ok_or(CodecError::Tag)?);
            context.templates.push(template.clone());
            Form::Template(template)
        }
        RECEIPT if kind == Kind::Receipt => {
            let receipt = read_receipt(reader, scope, context, theirs, lookup)?;
            Form::Body(Body::Present(receipt.encode()))
        }
        RECEIPT => return Err(CodecError::Tag.into()),
        number => {
            let number =
                usize::try_from(number - KNOWN_TEMPLATES).map_err(|_| PackError::Reference)?;
            Form::Template(context.templates.get(number).ok_or(PackError::Reference)?)
        }
    })
}

/// A dependency before what it refers to is known.
enum Dependency {
    Last,
    Genesis,
    Known(Box<Known>),
    Hash([u8; 32]),
}

#[expect(clippy::too_many_arguments, reason = "the columns of one run, read one after another")]
fn read_changes(
    reader: &mut Reader<'_>,
    scope: DivisionCode,
    kinds: &[(Kind, Vec<u8>)],
    documents: &[Named],
    forms: Vec<Form>,
    log: &LogKey,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<Vec<Body>, PackError> {
    let changes = forms.iter().filter(|form| matches!(form, Form::Template(_))).count();
    let mut tags: Vec<Vec<u8>> = Vec::with_capacity(changes);
    for _ in 0..changes {
        let first = reader.leb()?;
        tags.push(match u8::try_from(first) {
            Ok(tag) if tag <= HASH => vec![tag],
            _ => {
                let count = first.checked_sub(u64::from(HASH) + SEVERAL).ok_or(CodecError::Tag)?;
                let limit = CHANGE_BYTES_MAX as u64 / 32;
                if count > limit || count == 1 {
                    return Err(CodecError::TooLong.into());
                }
                (0..count).map(|_| reader.u8()).collect::<Result<_, _>>()?
            }
        });
    }
    let mut dependencies = Vec::with_capacity(changes);
    for tags in tags {
        let mut found = Vec::with_capacity(tags.len());
        for tag in tags {
            found.push(match tag {
                LAST => Dependency::Last,
                GENESIS => Dependency::Genesis,
                PLACE => {
                    let log = read_known_log(reader, context, theirs, lookup)?;
                    let (seq, mark) = (read_seq(reader)?, Mark::read(reader, context.salt)?);
                    let known = lookup.change(&log, seq, mark)?.ok_or(PackError::Reference)?;
                    Dependency::Known(Box::new(known))
                }
                HASH => Dependency::Hash(reader.array()?),
                _ => return Err(CodecError::Tag.into()),
            });
        }
        dependencies.push(found);
    }
    let mut owns: Vec<Own> = Vec::with_capacity(changes);
    let mut steps = Vec::with_capacity(changes);
    for _ in 0..changes {
        steps.push((unzigzag(reader.leb()?), unzigzag(reader.leb()?)));
    }
    let prefix = log.actor_prefix();
    for _ in 0..changes {
        let actor = read_name(reader, &mut context.actors, |reader| reader.array())?;
        if !actor.starts_with(&prefix) {
            return Err(CodecError::Tag.into());
        }
        owns.push(Own { actor, ..Own::default() });
    }
    for own in &mut owns {
        let count = reader.count(CHANGE_BYTES_MAX / 16)?;
        for _ in 0..count {
            own.others.push(read_name(reader, &mut context.actors, |reader| reader.array())?);
        }
    }
    let mut at = owns.iter_mut();
    let mut apart: Vec<Option<(Arc<Template>, &mut Own)>> = forms
        .iter()
        .map(|form| match form {
            Form::Body(_) => None,
            Form::Template(template) => at.next().map(|own| (template.clone(), own)),
        })
        .collect();
    for (template, own) in apart.iter_mut().flatten() {
        for _ in 0..template.distances() {
            own.distances.push(reader.leb()?);
        }
    }
    for (template, group) in groups(&apart) {
        for key in template.keys() {
            for entry in &group {
                if let Some(Some((_, own))) = apart.get_mut(*entry) {
                    own.values.push(context.recent.read(key, CHANGE_BYTES_MAX, reader)?);
                }
            }
        }
    }
    drop(apart);
    let mut changes = owns.into_iter().zip(dependencies).zip(steps);
    let mut bodies = Vec::with_capacity(forms.len());
    for ((form, named), (kind, _)) in forms.into_iter().zip(documents).zip(kinds) {
        bodies.push(match form {
            Form::Body(body) => {
                if *kind == Kind::Change {
                    named.note(context, scope, None);
                }
                body
            }
            Form::Template(template) => {
                let ((own, deps), steps) = changes.next().ok_or(CodecError::Truncated)?;
                let own = complete(own, &deps, steps, named, scope, context)?;
                let bytes = template.rebuild(&own).ok_or(CodecError::TooLong)?;
                if *kind == Kind::Change {
                    named.note(context, scope, last_of(&bytes, &own, &template));
                }
                Body::Present(bytes)
            }
        });
    }
    Ok(bodies)
}

/// Fills in what follows from the changes that one builds on.
fn complete(
    mut own: Own,
    deps: &[Dependency],
    (seq, start_op): (i64, i64),
    named: &Named,
    scope: DivisionCode,
    context: &Context,
) -> Result<Own, PackError> {
    let mut prediction = Prediction::default();
    for dep in deps {
        own.deps.push(match dep {
            Dependency::Last => {
                let last = named.last(context, scope).ok_or(PackError::Reference)?;
                prediction.see(&last, &own.actor);
                last.hash
            }
            Dependency::Genesis => {
                let (hash, operations) = named.genesis(scope).ok_or(PackError::Reference)?;
                prediction.start_op = prediction.start_op.max(operations);
                hash
            }
            Dependency::Known(known) => {
                prediction.see(&known.last, &own.actor);
                known.last.hash
            }
            Dependency::Hash(hash) => *hash,
        });
    }
    // Numbers are what they are: an ill-formed change is carried like any other.
    let number = |predicted: u64, step: i64| predicted.wrapping_add(1).wrapping_add_signed(step);
    own.seq = number(prediction.seq, seq);
    own.start_op = number(prediction.start_op, start_op);
    Ok(own)
}

/// A change as later ones refer to it.
pub(super) fn last_of(bytes: &[u8], own: &Own, template: &Template) -> Option<Last> {
    let hash = ParsedChange::claimed_hash(bytes)?.0;
    // Numbers beyond all that Automerge takes predict nothing.
    let max_op = own.start_op.saturating_add(template.operations()).saturating_sub(1);
    let fits = own.seq < 1 << 40 && max_op < 1 << 40;
    fits.then_some(Last { hash, actor: own.actor, seq: own.seq, max_op })
}

/// The entries of each template, in the order in which templates appear.
fn groups<T>(apart: &[Option<(Arc<Template>, T)>]) -> Vec<(Arc<Template>, Vec<usize>)> {
    let mut order: Vec<(Arc<Template>, Vec<usize>)> = Vec::new();
    let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (at, template) in
        apart.iter().enumerate().filter_map(|(at, apart)| Some((at, &apart.as_ref()?.0)))
    {
        let place = *places.entry(template.as_bytes()).or_insert(order.len());
        match order.get_mut(place) {
            Some((_, group)) => group.push(at),
            None => order.push((template.clone(), vec![at])),
        }
    }
    order
}

fn note_pace(run: &UnverifiedRun, context: &mut Context) {
    let mut previous = run.previous;
    for (seq, entry) in (run.first_seq..).zip(&run.entries) {
        previous = Header {
            log: run.log,
            seq,
            previous,
            written_at_ms: entry.written_at_ms,
            kind: entry.kind,
            document: entry.document.clone(),
            body_length: entry.body.length(),
            body_hash: entry.body.hash(),
            tail: entry.tail.clone(),
        }
        .hash();
    }
    if let Some(last) = run.entries.last() {
        context.written_at_ms = last.written_at_ms;
        context.set_pace(run.log, Pace { next_seq: run.last_seq() + 1, hash: previous });
    }
}

/// Names a log: in full, or by its number here or in the other direction.
pub(super) fn write_log(log: &LogKey, context: &mut Context, theirs: &Logs, out: &mut Writer) {
    match (context.logs.number(log), theirs.number(log)) {
        (Some(number), _) => {
            out.leb(NUMBERED + 2 * number as u64);
        }
        (None, Some(number)) => {
            out.leb(NUMBERED + 1 + 2 * number as u64);
        }
        (None, None) => {
            log.write(out.leb(NAMED));
            context.logs.name(*log);
        }
    }
}

/// As [`write_log`], but one that the receiver holds some of is named by its place and fingerprint.
fn write_known_log(
    log: &LogKey,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
    out: &mut Writer,
) -> Result<(), StoreError> {
    let new = context.logs.number(log).is_none() && theirs.number(log).is_none();
    if new && lookup.knows(log)? {
        let fingerprint = context.salt.fingerprint(log);
        out.leb(FINGERPRINTED).u64(log.scope.number()).bytes(&fingerprint.0);
        context.logs.name(*log);
    } else {
        write_log(log, context, theirs, out);
    }
    Ok(())
}

/// Reads what [`write_log`] has written.
pub(super) fn read_log(
    reader: &mut Reader<'_>,
    context: &mut Context,
    theirs: &Logs,
) -> Result<LogKey, PackError> {
    match reader.leb()? {
        NAMED => {
            let log = LogKey::read(reader)?;
            context.logs.name(log);
            Ok(log)
        }
        number => {
            let at = number.checked_sub(NUMBERED).ok_or(CodecError::Tag)?;
            let logs = if at.is_multiple_of(2) { &context.logs } else { theirs };
            let at = usize::try_from(at / 2).map_err(|_| PackError::Reference)?;
            logs.get(at).ok_or(PackError::Reference)
        }
    }
}

/// Reads what [`write_known_log`] has written.
fn read_known_log(
    reader: &mut Reader<'_>,
    context: &mut Context,
    theirs: &Logs,
    lookup: &impl Lookup,
) -> Result<LogKey, PackError> {
    if reader.peek() != Some(FINGERPRINTED as u8) {
        return read_log(reader, context, theirs);
    }
    reader.u8()?;
    let scope = DivisionCode::from_number(reader.u64()?).map_err(|_| CodecError::Number)?;
    let fingerprint = Fingerprint(reader.array()?);
    let log = lookup.log_with(scope, context.salt, fingerprint)?.ok_or(PackError::Reference)?;
    context.logs.name(log);
    Ok(log)
}

/// Names something that recurs: in full after a 0, or by its number.
fn write_name<T: Ord + Clone + Piece>(
    value: &T,
    ring: &mut super::ring::Ring<T>,
    out: &mut Writer,
) {
    match ring.number(value) {
        Some(number) => {
            out.leb(1 + number as u64);
        }
        None => {
            value.write(out.leb(0));
            ring.push(value.clone());
        }
    }
}

fn read_name<T: Ord + Clone>(
    reader: &mut Reader<'_>,
    ring: &mut super::ring::Ring<T>,
    spelled: impl FnOnce(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<T, PackError> {
    match reader.leb()?.checked_sub(1) {
        None => {
            let value = spelled(reader)?;
            ring.push(value.clone());
            Ok(value)
        }
        Some(number) => {
            let number = usize::try_from(number).ok();
            number.and_then(|number| ring.get(number)).cloned().ok_or(PackError::Reference)
        }
    }
}

/// How a name that recurs is spelled: with its length where it has no fixed one.
trait Piece {
    fn write(&self, out: &mut Writer);
}

impl<const N: usize> Piece for [u8; N] {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
}

impl Piece for Vec<u8> {
    fn write(&self, out: &mut Writer) {
        out.piece(self);
    }
}

/// How far a number is from the one after that predicted.
fn difference(number: u64, predicted: u64) -> i64 {
    (number as i64).wrapping_sub(predicted as i64).wrapping_sub(1)
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
