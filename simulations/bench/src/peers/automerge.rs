//! A side that speaks Automerge's own sync protocol, for each document by itself.
//!
//! To its favour: the other side is taken to know which documents there are, and the name of the
//! document that a message is about is not counted.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use anyhow::Context;
use automerge::Automerge;
use automerge::sync::{Message, State, SyncDoc};

use super::part::{PartOptions, Side};
use super::pipe::Answer;
use super::prepare::Prepared;
use super::{Phase, Role};
use crate::workload::{Elder, Workload, theirs};

/// The number of a document before each message, bytes.
pub(crate) const NAME_BYTES: usize = 4;

/// All documents of the township, and what is known of the other side's.
pub(crate) struct Replica {
    workload: Workload,
    documents: Vec<Document>,
    /// Where the states go that later phases begin with.
    states: Option<PathBuf>,
    connected: bool,
    /// Documents that may have something to say.
    stirred: VecDeque<usize>,
}

struct Document {
    automerge: Automerge,
    state: State,
}

/// Writes the township's documents into a file.
pub(crate) fn prepare(options: &PartOptions) -> anyhow::Result<Prepared> {
    let mut prepared = Prepared { changes: 0, raw_bytes: 0 };
    let mut pieces = Vec::with_capacity(options.workload().elders);
    for elder in options.workload().all() {
        let document = theirs::file(&elder?)?;
        // The first is the skeleton.
        for change in document.get_changes(&[]).iter().skip(1) {
            prepared.changes += 1;
            prepared.raw_bytes += change.raw_bytes().len() as u64;
        }
        pieces.push(document.save());
    }
    std::fs::write(documents_file(&options.folder), join(&pieces))?;
    Ok(prepared)
}

/// The township's documents, each by the elder's number.
pub(crate) fn load_documents(folder: &Path) -> anyhow::Result<Vec<Automerge>> {
    let bytes = std::fs::read(documents_file(folder))?;
    split(&bytes)?.into_iter().map(|piece| Ok(Automerge::load(piece)?)).collect()
}

/// Writes the visit at the end of the year into its elder's document. Not the receiver's doing.
pub(crate) fn visit_again(
    workload: &Workload,
    number: usize,
    document: &mut Automerge,
) -> anyhow::Result<()> {
    let elder: Elder = workload.elder(number)?;
    document.set_actor(theirs::actor(elder.device));
    Ok(theirs::visit(document, elder.id, &workload.again(number))?)
}

impl Replica {
    /// The documents that the phase begins with, and the states that the first left.
    pub(crate) fn open(options: &PartOptions, phase: Phase, role: Role) -> anyhow::Result<Self> {
        let (workload, folder) = (options.workload(), options.folder.as_path());
        let states = folder.join(format!("states-{role}"));
        let documents = match (phase, role) {
            (Phase::First, Role::Receiver) => {
                let empty = || Automerge::new().with_actor(theirs::receiver());
                std::iter::repeat_with(empty).take(workload.elders).collect()
            }
            _ => load_documents(folder)?,
        };
        let known = match phase {
            Phase::First | Phase::Strangers => documents.iter().map(|_| State::new()).collect(),
            Phase::Live | Phase::Reconnect | Phase::Idle => {
                let bytes = std::fs::read(&states).context("the first exchange left no states")?;
                let pieces = split(&bytes)?.into_iter();
                pieces.map(|piece| Ok(State::decode(piece)?)).collect::<anyhow::Result<Vec<_>>>()?
            }
        };
        let documents = documents.into_iter().zip(known);
        Ok(Self {
            workload,
            documents: documents.map(|(automerge, state)| Document { automerge, state }).collect(),
            states: (phase == Phase::First).then_some(states),
            connected: false,
            stirred: VecDeque::new(),
        })
    }
}

impl Side for Replica {
    fn connect(&mut self) -> anyhow::Result<()> {
        self.connected = true;
        self.stirred = (0..self.documents.len()).collect();
        Ok(())
    }

    fn deliver(&mut self, frames: Vec<Vec<u8>>) -> anyhow::Result<()> {
        for frame in frames {
            let (number, bytes) =
                frame.split_first_chunk::<NAME_BYTES>().context("a message is short")?;
            let number = u32::from_be_bytes(*number) as usize;
            let document = self.documents.get_mut(number).context("no such document")?;
            let message = Message::decode(bytes)?;
            document.automerge.receive_sync_message(&mut document.state, message)?;
            self.stirred.push_back(number);
        }
        Ok(())
    }

    fn visit(&mut self) -> anyhow::Result<()> {
        for number in self.workload.visited_again() {
            let document = self.documents.get_mut(number).context("no such document")?;
            visit_again(&self.workload, number, &mut document.automerge)?;
            if self.connected {
                self.stirred.push_back(number);
            }
        }
        Ok(())
    }

    fn wake(&mut self, _ms: u64) -> anyhow::Result<()> {
        Ok(())
    }

    fn answer(&mut self) -> anyhow::Result<Answer> {
        let mut frames = Vec::new();
        while let Some(number) = self.stirred.pop_front() {
            let document = self.documents.get_mut(number).context("no such document")?;
            if let Some(message) = document.automerge.generate_sync_message(&mut document.state) {
                let mut frame = (number as u32).to_be_bytes().to_vec();
                frame.extend(message.encode());
                frames.push(frame);
            }
        }
        Ok(Answer { is_done: self.connected && frames.is_empty(), frames })
    }

    fn agreement(&mut self) -> anyhow::Result<String> {
        let mut hasher = blake3::Hasher::new();
        for document in &self.documents {
            for head in document.automerge.get_heads() {
                hasher.update(&head.0);
            }
            hasher.update(b"/");
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn keep(self: Box<Self>) -> anyhow::Result<()> {
        if let Some(path) = &self.states {
            let pieces: Vec<Vec<u8>> =
                self.documents.iter().map(|document| document.state.encode()).collect();
            std::fs::write(path, join(&pieces))?;
        }
        Ok(())
    }
}

fn documents_file(folder: &Path) -> PathBuf {
    folder.join("documents")
}

/// Pieces with their lengths before them.
fn join(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend((piece.len() as u32).to_be_bytes());
        bytes.extend(piece);
    }
    bytes
}

fn split(mut bytes: &[u8]) -> anyhow::Result<Vec<&[u8]>> {
    let mut pieces = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let (piece, rest) = rest.split_at_checked(length).context("a file is short")?;
        pieces.push(piece);
        bytes = rest;
    }
    Ok(pieces)
}
