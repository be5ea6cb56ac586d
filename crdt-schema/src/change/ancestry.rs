use std::collections::BTreeMap;

use automerge::{ActorId, Automerge, ChangeHash};

use super::site::{Before, Fact, OperationId};
use super::{IllFormed, ParsedChange, Reference};
use crate::division::DivisionCode;
use crate::document::{self, GENESIS_ACTOR};
use crate::parts::DocumentId;
use crate::writer::Writers;

/// The well-formed changes of one document, as far as they are known: what the next change is
/// judged against.
///
/// A judgement depends on the change and its ancestors and on nothing else, so every replica comes
/// to the same one, in whatever order changes arrive. For that, every well-formed change is to be
/// admitted, whether it counts or not: being in good form is no reward.
///
/// Two known changes may bear the same actor and sequence number on concurrent branches. Each is
/// well-formed; only a change that descends from both is not, because Automerge holds only one.
#[derive(Clone, Debug)]
pub struct Ancestry {
    /// In order of arrival, the genesis first. Positions never show outside.
    nodes: Vec<Node>,
    positions: BTreeMap<ChangeHash, usize>,
    actors: BTreeMap<ActorId, usize>,
}

/// What follows from a change and its ancestors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may be applied once everything before it has been.
    WellFormed,
    /// Not to be judged yet: these are not known, or not well-formed themselves.
    MissingDependencies(Vec<ChangeHash>),
    /// It is never to be applied.
    IllFormed(IllFormed),
    /// It is well-formed, and writes a field or list that its author's office may not.
    NoRight,
}

#[derive(Clone, Debug)]
struct Node {
    dependencies: Vec<usize>,
    actor: usize,
    seq: u64,
    start_op: u64,
    /// What each operation has done.
    facts: Vec<Fact>,
    /// The change of the same actor before this one. It is an ancestor.
    previous: Option<usize>,
    /// An earlier change of the same actor, chosen so that any of them is reached in a number of
    /// steps logarithmic in their number (Myers' skew-binary jump pointers). The first one's is
    /// itself.
    jump: usize,
}

/// The ancestors of a change, by actor.
struct Ancestors {
    /// Of each actor the last change, whose `previous` lead to all its others.
    tips: Vec<Option<usize>>,
}

/// What the operations of a change can see: its ancestors and their own forerunners.
struct Visible<'a> {
    ancestry: &'a Ancestry,
    ancestors: &'a Ancestors,
    /// The numbers of the actors that the change lists; None for one that is not known here.
    actors: Vec<Option<usize>>,
    actor: usize,
    start_op: u64,
    facts: Vec<Fact>,
}

impl Ancestry {
    /// Knows the genesis of a document and nothing else.
    pub fn new(scope: DivisionCode, id: &DocumentId) -> Self {
        let hash = ChangeHash(document::genesis_hash(scope, id));
        let objects = document::genesis_objects(id).into_iter().map(Fact::genesis_object);
        let genesis = Node {
            dependencies: Vec::new(),
            actor: 0,
            seq: 1,
            start_op: 1,
            facts: std::iter::once(Fact::genesis_name()).chain(objects).collect(),
            previous: None,
            jump: 0,
        };
        Self {
            nodes: vec![genesis],
            positions: BTreeMap::from([(hash, 0)]),
            actors: BTreeMap::from([(ActorId::from(GENESIS_ACTOR.as_slice()), 0)]),
        }
    }

    /// Knows the changes that a document holds. They have all been admitted before, so an error
    /// means that it is another document, or that the store has been tampered with.
    pub fn from_document(
        scope: DivisionCode,
        id: &DocumentId,
        document: &Automerge,
    ) -> Result<Self, IllFormed> {
        let mut ancestry = Self::new(scope, id);
        let changes = document.get_changes(&[]);
        match changes.first() {
            Some(genesis) if ancestry.contains(&genesis.hash()) => {}
            _ => return Err(IllFormed::Genesis),
        }
        for change in changes.into_iter().skip(1) {
            // Whoever wrote it, it counted.
            match ancestry.admit(&ParsedChange::written(change)?, Writers::ALL) {
                Judgement::WellFormed | Judgement::NoRight => {}
                Judgement::MissingDependencies(_) => return Err(IllFormed::Incomplete),
                Judgement::IllFormed(rule) => return Err(rule),
            }
        }
        Ok(ancestry)
    }

    /// Whether the change is known, and so well-formed.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.positions.contains_key(hash)
    }

    /// The greatest number of an actor's changes; None if it has none.
    pub fn last_seq(&self, actor: &ActorId) -> Option<u64> {
        let actor = self.actors.get(actor)?;
        self.nodes.iter().filter(|node| node.actor == *actor).map(|node| node.seq).max()
    }

    /// Judges a change of an author that may write for these offices.
    pub fn judge(&self, change: &ParsedChange, author: Writers) -> Judgement {
        match self.examine(change, author) {
            Ok(_) => Judgement::WellFormed,
            Err(judgement) => judgement,
        }
    }

    /// Judges a change of an author that may write for these offices and, if it is well-formed and
    /// the author has the right to all that it writes, knows it from now on.
    pub fn admit(&mut self, change: &ParsedChange, author: Writers) -> Judgement {
        if self.contains(&change.hash()) {
            return Judgement::WellFormed;
        }
        match self.examine(change, author) {
            Ok(node) => {
                // `examine` gave an unknown actor the number that comes next.
                self.actors.entry(change.actor().clone()).or_insert(node.actor);
                self.positions.insert(change.hash(), self.nodes.len());
                self.nodes.push(node);
                Judgement::WellFormed
            }
            Err(judgement) => judgement,
        }
    }

    fn examine(&self, change: &ParsedChange, author: Writers) -> Result<Node, Judgement> {
        let position = |hash| self.positions.get(hash).copied().ok_or(hash);
        let missing: Vec<ChangeHash> =
            change.deps().iter().filter_map(|hash| position(hash).err().copied()).collect();
        if !missing.is_empty() {
            return Err(Judgement::MissingDependencies(missing));
        }
        let dependencies = change.deps().iter().filter_map(|hash| position(hash).ok()).collect();
        let node = self.fit(change, dependencies).map_err(Judgement::IllFormed)?;
        match node.facts.iter().all(|fact| fact.writers().meets(author)) {
            true => Ok(node),
            false => Err(Judgement::NoRight),
        }
    }

    /// Judges a change whose dependencies are known.
    fn fit(&self, change: &ParsedChange, dependencies: Vec<usize>) -> Result<Node, IllFormed> {
        let ancestors = self.ancestors(&dependencies)?;
        let actor = self.actors.get(change.actor()).copied().unwrap_or(self.actors.len());
        let previous = ancestors.tips.get(actor).copied().flatten();

        let expected = previous.map_or(1, |previous| self.nodes[previous].seq + 1);
        if change.seq() != expected {
            return Err(IllFormed::SequenceGap { expected, found: change.seq() });
        }
        // The dependencies suffice: each begins above the last operation of all its ancestors,
        // and none is without operations.
        let highest = dependencies.iter().map(|position| self.nodes[*position].last_op()).max();
        let expected = highest.unwrap_or(0) + 1;
        let start_op = change.start_op();
        if start_op != expected {
            return Err(IllFormed::StartOp { expected, found: start_op });
        }

        let mut visible = Visible {
            ancestry: self,
            ancestors: &ancestors,
            actors: change
                .actors()
                .iter()
                .enumerate()
                .map(
                    |(at, other)| {
                        if at == 0 { Some(actor) } else { self.actors.get(other).copied() }
                    },
                )
                .collect(),
            actor,
            start_op,
            facts: Vec::with_capacity(change.operations().len()),
        };
        for (counter, operation) in (start_op..).zip(change.operations()) {
            // Parsing has kept counters far below 32 bits.
            let counter = u32::try_from(counter).map_err(|_| IllFormed::OperationCounter)?;
            let fact = Fact::of(operation, OperationId { actor, counter }, &visible)?;
            visible.facts.push(fact);
        }
        let facts = visible.facts;
        let jump = previous.map_or(self.nodes.len(), |previous| self.jump_over(previous));
        Ok(Node { dependencies, actor, seq: change.seq(), start_op, facts, previous, jump })
    }

    /// Walks from the dependencies to the genesis.
    ///
    /// Every ancestor is visited, and none is left out for being covered by a cached clock: a
    /// clock for each change costs memory that grows with the square of their number, and a peer
    /// chooses how many actors there are. A visit costs nanoseconds.
    fn ancestors(&self, dependencies: &[usize]) -> Result<Ancestors, IllFormed> {
        let mut visited = vec![false; self.nodes.len()];
        let mut tips: Vec<Option<usize>> = vec![None; self.actors.len()];
        let mut counts = vec![0_u64; self.actors.len()];
        let mut pending = dependencies.to_vec();
        while let Some(position) = pending.pop() {
            if std::mem::replace(&mut visited[position], true) {
                continue;
            }
            let node = &self.nodes[position];
            counts[node.actor] += 1;
            let tip = &mut tips[node.actor];
            if tip.is_none_or(|tip| self.nodes[tip].seq < node.seq) {
                *tip = Some(position);
            }
            pending.extend(node.dependencies.iter().filter(|dependency| !visited[**dependency]));
        }
        // From the tip back there is one change of each number. More than that are a fork.
        let forked = tips
            .iter()
            .zip(counts)
            .any(|(tip, count)| tip.is_some_and(|tip| self.nodes[tip].seq != count));
        if forked { Err(IllFormed::ForkedAncestors) } else { Ok(Ancestors { tips }) }
    }

    /// Where a change that follows this one of the same actor jumps to.
    fn jump_over(&self, previous: usize) -> usize {
        let node = &self.nodes[previous];
        let jump = &self.nodes[node.jump];
        let beyond = &self.nodes[jump.jump];
        if node.seq - jump.seq == jump.seq - beyond.seq { jump.jump } else { previous }
    }

    /// The last change, from this one back along its actor's, that begins no later than an
    /// operation counter.
    fn at_or_before(&self, tip: usize, counter: u64) -> Option<&Node> {
        let mut node = &self.nodes[tip];
        while node.start_op > counter {
            let jump = &self.nodes[node.jump];
            node = if jump.start_op > counter && jump.seq < node.seq {
                jump
            } else {
                &self.nodes[node.previous?]
            };
        }
        Some(node)
    }
}

impl Node {
    fn last_op(&self) -> u64 {
        self.start_op + self.facts.len() as u64 - 1
    }
}

impl Before for Visible<'_> {
    fn name(&self, reference: Reference) -> Option<OperationId> {
        let actor = self.actors.get(reference.actor).copied().flatten()?;
        Some(OperationId { actor, counter: reference.counter })
    }

    fn fact(&self, id: OperationId) -> Option<&Fact> {
        let counter = u64::from(id.counter);
        let (start_op, facts) = if self.is_own(id) {
            (self.start_op, &self.facts)
        } else {
            let tip = self.ancestors.tips.get(id.actor).copied().flatten()?;
            let node = self.ancestry.at_or_before(tip, counter)?;
            (node.start_op, &node.facts)
        };
        facts.get(usize::try_from(counter.checked_sub(start_op)?).ok()?)
    }

    fn is_own(&self, id: OperationId) -> bool {
        id.actor == self.actor && u64::from(id.counter) >= self.start_op
    }
}
