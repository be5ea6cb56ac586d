use thiserror::Error;

/// The rule that a change breaks. An honest change breaks none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum IllFormed {
    // The container.
    /// More bytes than an entry may carry.
    #[error("the change has {0} bytes, more than an entry may carry")]
    TooLong(usize),
    /// The bytes end in the middle.
    #[error("the change ends in the middle")]
    Truncated,
    /// It does not begin as an Automerge chunk does.
    #[error("the bytes are no Automerge chunk")]
    Magic,
    /// A compressed change, a document, a bundle, or something unknown.
    #[error("chunk type {0} is not that of an uncompressed change")]
    ChunkType(u8),
    /// The chunk does not end where the body ends.
    #[error("the length of the chunk is not that of the body")]
    ChunkLength,
    /// The checksum is not that of the content.
    #[error("the checksum is wrong")]
    Checksum,
    /// A number in more bytes than it needs, or too large for its place.
    #[error("a number is not in its shortest form or out of range")]
    Number,

    // The head.
    /// Nothing before it: only a genesis may stand alone, and replicas make that themselves.
    #[error("the change has no dependencies")]
    NoDependencies,
    /// More dependencies than fit.
    #[error("the change has too many dependencies")]
    TooManyDependencies,
    /// Dependencies out of order, or one twice.
    #[error("the dependencies are not ascending")]
    DependencyOrder,
    /// The author's actor does not have sixteen bytes.
    #[error("the actor does not have sixteen bytes")]
    Actor,
    /// The other actors are too many, out of order, or of a length that no actor has.
    #[error("the list of other actors is not in order")]
    OtherActors,
    /// Sequence number 0.
    #[error("the sequence number is zero")]
    Sequence,
    /// Operation counters begin at zero or end beyond what every later edit could still count.
    #[error("the operation counters are out of range")]
    OperationCounter,
    /// A time: the header of the entry has it.
    #[error("the change carries a time")]
    Time,
    /// A message.
    #[error("the change carries a message")]
    Message,
    /// An author footer: the signature of the entry says who it was.
    #[error("the change carries an author")]
    Author,
    /// Bytes after the last column.
    #[error("the change carries extra bytes")]
    ExtraBytes,

    // The columns.
    /// A column that a change of schema 1 does not have, one out of order, or one without bytes.
    #[error("column {0:#x} is unknown, out of order or empty")]
    Column(u32),
    /// A compressed column.
    #[error("column {0:#x} is compressed")]
    CompressedColumn(u32),
    /// A column whose runs cannot be read, or that has another number of rows than the others.
    #[error("column {0:#x} does not have a row for each operation")]
    ColumnRows(u32),
    /// No operations.
    #[error("the change does nothing")]
    NoOperations,
    /// The run lengths add up to more operations than allowed.
    #[error("the change has too many operations")]
    TooManyOperations,
    /// The operations have more predecessors than allowed.
    #[error("the operations have too many predecessors")]
    TooManyPredecessors,
    /// Text, counters, tables and marks are not used by schema 1, and anything else is unknown.
    #[error("action {0} ({name}) is not used", name = action_name(*.0))]
    Action(u64),
    /// A key of a map without bytes, with too many, or that is not text.
    #[error("a key is empty, too long or no text")]
    KeyText,
    /// A key that is at once a name and an element, or neither.
    #[error("a key is neither a name nor an element")]
    Key,
    /// An operation named by half, by an actor that is not listed, or by an impossible counter.
    #[error("an operation is not named as it should be")]
    Reference,
    /// A counter, a value of unknown type, or values that do not fill their column.
    #[error("a value is of a type that is not used, or of the wrong length")]
    Value,
    /// An insertion that deletes, replaces, or stands in a map.
    #[error("an insertion deletes, replaces or stands in a map")]
    Insertion,
    /// Predecessors out of order, or one twice.
    #[error("the predecessors are not ascending")]
    PredecessorOrder,
    /// Automerge does not read it.
    #[error("Automerge refuses the change")]
    Refused,
    /// Not the one form that Automerge gives this content.
    #[error("the change is not in Automerge's own form")]
    NotCanonical,

    // The ancestors.
    /// A document that does not begin with the genesis of its name.
    #[error("the document does not begin with its genesis")]
    Genesis,
    /// A document that holds a change before one of its dependencies.
    #[error("the document lacks a dependency of one of its changes")]
    Incomplete,
    /// Two of the ancestors have the same actor and sequence number: Automerge holds only one.
    #[error("two ancestors have the same actor and sequence number")]
    ForkedAncestors,
    /// The author's change before this one is not an ancestor, or this number is taken.
    #[error("sequence number {found} where {expected} is due")]
    SequenceGap {
        /// One more than the author has among the ancestors.
        expected: u64,
        /// What the change says.
        found: u64,
    },
    /// Operation counters do not begin one above the highest of the ancestors.
    #[error("the first operation is {found} where {expected} is due")]
    StartOp {
        /// One more than the highest among the ancestors.
        expected: u64,
        /// What the change says.
        found: u64,
    },

    // The operations among the ancestors.
    /// An operation on the root: what stands there is the genesis's alone.
    #[error("an operation on the root")]
    Root,
    /// An object that neither an ancestor nor an earlier operation made.
    #[error("an operation on an object that is not there")]
    UnknownObject,
    /// A name in a list, or an element in a map.
    #[error("a name in a list or an element in a map")]
    ObjectKind,
    /// An object made where only texts and other single values stand, or a list made at all.
    #[error("an object is made where none may stand")]
    Object,
    /// An element that neither an ancestor nor an earlier operation inserted into this list.
    #[error("an element that is not in the list")]
    UnknownElement,
    /// A predecessor that is neither among the ancestors nor an earlier operation.
    #[error("a predecessor that is not there")]
    UnknownPredecessor,
    /// A predecessor in another object or under another key, or one that only deletes.
    #[error("a predecessor that does not stand under this key")]
    PredecessorElsewhere,
    /// A deletion, or a new value for an element, that replaces nothing.
    #[error("an operation that replaces nothing")]
    NothingReplaced,
    /// Something overwritten, deleted or added to an element in an append-only list.
    #[error("an element of an append-only list is changed")]
    AppendOnly,
}

impl IllFormed {
    /// The name of the rule in JSON and in the evidence.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::Truncated => "truncated",
            Self::Magic => "magic",
            Self::ChunkType(_) => "chunk_type",
            Self::ChunkLength => "chunk_length",
            Self::Checksum => "checksum",
            Self::Number => "number",
            Self::NoDependencies => "no_dependencies",
            Self::TooManyDependencies => "too_many_dependencies",
            Self::DependencyOrder => "dependency_order",
            Self::Actor => "actor",
            Self::OtherActors => "other_actors",
            Self::Sequence => "sequence",
            Self::OperationCounter => "operation_counter",
            Self::Time => "time",
            Self::Message => "message",
            Self::Author => "author",
            Self::ExtraBytes => "extra_bytes",
            Self::Column(_) => "column",
            Self::CompressedColumn(_) => "compressed_column",
            Self::ColumnRows(_) => "column_rows",
            Self::NoOperations => "no_operations",
            Self::TooManyOperations => "too_many_operations",
            Self::TooManyPredecessors => "too_many_predecessors",
            Self::Action(_) => "action",
            Self::KeyText => "key_text",
            Self::Key => "key",
            Self::Reference => "reference",
            Self::Value => "value",
            Self::Insertion => "insertion",
            Self::PredecessorOrder => "predecessor_order",
            Self::Refused => "refused",
            Self::NotCanonical => "not_canonical",
            Self::Genesis => "genesis",
            Self::Incomplete => "incomplete",
            Self::ForkedAncestors => "forked_ancestors",
            Self::SequenceGap { .. } => "sequence_gap",
            Self::StartOp { .. } => "start_op",
            Self::Root => "root",
            Self::UnknownObject => "unknown_object",
            Self::ObjectKind => "object_kind",
            Self::Object => "object",
            Self::UnknownElement => "unknown_element",
            Self::UnknownPredecessor => "unknown_predecessor",
            Self::PredecessorElsewhere => "predecessor_elsewhere",
            Self::NothingReplaced => "nothing_replaced",
            Self::AppendOnly => "append_only",
        }
    }
}

fn action_name(action: u64) -> &'static str {
    match action {
        4 => "text",
        5 => "increment",
        6 => "table",
        7 => "mark",
        _ => "unknown",
    }
}
