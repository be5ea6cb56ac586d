//! What people were told is saved.

use std::collections::BTreeSet;

use shouwang_crdt_schema::automerge::Automerge;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::{self, PartView};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::index;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::rows::DocumentKey;
use shouwang_node::store::{Snapshot, StoreError, StoreRead};

use super::standing;
use crate::workload::LATER_KEY;

/// Something that a person was told is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// An elder has a file.
    Elder(DivisionCode, ElderId),
    /// A visit was recorded; the note tells it from every other.
    Visit(DivisionCode, ElderId, String),
    /// An event of another list was recorded; the note tells it from every other.
    Event(DivisionCode, ElderId, String),
    /// A visit was recorded by a later version of the program, and says more than this one knows: the note
    /// once more.
    Later(DivisionCode, ElderId, String),
    /// A value was written into a field of the card.
    Value(Written),
    /// A file was signed to be erased. Whatever else is known of it need not be there any more.
    Erased(DivisionCode, ElderId),
    /// A place is named in a directory.
    Place {
        /// Whose directory.
        directory: DivisionCode,
        /// The place.
        code: DivisionCode,
        /// Its name.
        name: String,
    },
}

/// A value that was written into a field of a card. No two writes of a simulation write the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The scope.
    pub scope: DivisionCode,
    /// Whose card.
    pub elder: ElderId,
    /// The field.
    pub field: Field,
    /// The value.
    pub value: String,
    /// The values that stood there where it was written, and that it replaces.
    pub seen: BTreeSet<String>,
}

impl Fact {
    /// Whom it is about.
    pub fn elder(&self) -> Option<ElderId> {
        match self {
            Self::Elder(_, elder)
            | Self::Visit(_, elder, _)
            | Self::Event(_, elder, _)
            | Self::Later(_, elder, _)
            | Self::Erased(_, elder) => Some(*elder),
            Self::Value(written) => Some(written.elder),
            Self::Place { .. } => None,
        }
    }

    /// The scope of the logs that it stands in.
    pub fn scope(&self) -> DivisionCode {
        match self {
            Self::Elder(scope, _)
            | Self::Visit(scope, _, _)
            | Self::Event(scope, _, _)
            | Self::Later(scope, _, _)
            | Self::Erased(scope, _) => *scope,
            Self::Value(written) => written.scope,
            Self::Place { directory, .. } => *directory,
        }
    }
}

/// Whether a fact is in a store.
pub(super) fn is_there(snapshot: &Snapshot, fact: &Fact) -> Result<bool, StoreError> {
    Ok(match fact {
        Fact::Elder(scope, elder) => snapshot.elder(*scope, *elder)?.is_some(),
        Fact::Erased(scope, elder) => !snapshot.erasures_of(*scope, *elder)?.is_empty(),
        Fact::Visit(scope, elder, note) => index::view(snapshot, *scope, *elder)?
            .elements::<Visit>()
            .iter()
            .any(|(_, listed)| listed.element.note.as_ref() == Some(note)),
        Fact::Event(scope, elder, note) => index::view(snapshot, *scope, *elder)?
            .parts()
            .flat_map(PartView::stored)
            .any(|(_, listed)| listed.element.text("note") == Some(note)),
        Fact::Later(scope, elder, note) => index::view(snapshot, *scope, *elder)?
            .parts()
            .flat_map(PartView::stored)
            .any(|(_, listed)| listed.element.text(LATER_KEY) == Some(note)),
        Fact::Value(written) => {
            let view = index::view(snapshot, written.scope, written.elder)?;
            standing(&view, written.field).contains(&written.value)
        }
        Fact::Place { directory, code, name } => {
            directory_of(snapshot, *directory)?.is_some_and(|document| {
                view::places(&document, *directory).contains(&(*code, name.clone()))
            })
        }
    })
}

fn directory_of(snapshot: &Snapshot, scope: DivisionCode) -> Result<Option<Automerge>, StoreError> {
    let key = DocumentKey { scope, id: DocumentId::Directory };
    snapshot.document(&key)?.map(|row| index::load(&key, &row.saved)).transpose()
}
