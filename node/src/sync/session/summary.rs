//! Finding out what the other holds, at the cost of what differs.
//!
//! ```text
//!   Digest(All)   ◄──► Digest(All)       alike: nothing more is said
//!   Children(All) ◄──► Children(All)     of each child the digests are known now, and so on down
//!   Heads(child)  ◄──► Heads(child)      few logs at both: each knows all of the other
//!   Heads(child)  ───► Children(child)   few at one: who has many answers
//!                 ◄──  Rest(child)       with what differs
//! ```
//!
//! A place is *open* until both know what the other holds there; the summary is whole when none is.
//! What either has said stays true of the moment when it was said: what is committed here meanwhile is
//! noted in `since` with the heads as they were before, so that it is sent once the place is closed.
//! Of a log that is nowhere in the session's memory, and in no open place, the peer holds exactly what
//! is here.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::super::logs::Chains;
use super::super::stop::Stop;
use super::super::summary::{
    Fingerprint, NamedHead, Place, Salt, SaltedHash, StatedHead, Statement, Summary, Word, frames,
};
use super::super::{Event, Now, Output, PeerError, Replica};
use super::{Changed, Outputs, Session};
use crate::identity::DeviceId;
use crate::identity::grant::Rights;
use crate::ingest::Refusal;
use crate::limits::{
    BRANCHES_MAX, STRANGER_HEADS_MAX, STRANGER_PLACES_MAX, SUMMARY_FEW_CHAINS, SUMMARY_HEADS_MAX,
    SUMMARY_HEADS_PER_FRAME, SUMMARY_PLACES_MAX, SUMMARY_ROUNDS_MAX,
};
use crate::log::{Head, Incarnation, Lane, LogKey};
use crate::store::digests::{Digest, Family, Sum};
use crate::store::rows::LogRow;

/// What has been said so far in this round.
#[derive(Debug, Default)]
pub(super) struct Talk {
    round: u8,
    /// What everything consists of, by family, as it was when we began.
    parts: BTreeMap<Family, Vec<Place>>,
    /// Whether the records were told by heads from the first.
    by_heads: bool,
    /// The places of which one of us does not know yet what the other holds.
    open: BTreeMap<(Family, Place), Open>,
    /// What the peer said before its grant was proved.
    waiting: Vec<Statement>,
    /// How many heads, and places, the peer has spoken of.
    heads: usize,
    places: usize,
    /// Logs of open places that have changed here since we last spoke of them: their heads as we did.
    since: BTreeMap<LogKey, Chains>,
    /// Our own logs as the peer has named them, and whether it has shown them to be as they are here.
    own_heads: Vec<NamedHead>,
    own_agreed: bool,
    /// What we are about to say.
    say: Vec<Statement>,
}

/// A place that is not settled between the two.
#[derive(Debug)]
struct Open {
    mine: Mine,
    /// The heads that have come so far.
    theirs: Gathered,
}

/// What we have said of a place last.
#[derive(Debug)]
enum Mine {
    Digest(Digest),
    Children(Vec<(Place, Digest)>),
    Heads,
}

/// What a peer has said of a place, by heads.
#[derive(Debug, Default)]
struct Gathered {
    /// Whether they are what differs from our heads, rather than all.
    rest: Option<bool>,
    heads: Vec<StatedHead>,
}

/// Their heads, by log: none of a log of which they have nothing.
type Theirs = BTreeMap<LogKey, Vec<(u64, SaltedHash)>>;

/// Heads of logs of one place that are not here, by fingerprint.
type Unnamed = BTreeMap<Fingerprint, Vec<(u64, SaltedHash)>>;

/// Heads of logs that are not here: by fingerprint, and of which family and place they were told.
pub(super) type Unknown = BTreeMap<(Fingerprint, Family, Place), Vec<(u64, SaltedHash)>>;

impl Session {
    /// Says what we hold, for the first time or anew.
    pub(super) fn begin(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if self.summary_sent {
            self.begin_round(self.talk.round.saturating_add(1))?;
        }
        self.state_all(replica)?;
        for statement in std::mem::take(&mut self.talk.waiting) {
            self.hear(statement, replica)?;
        }
        self.go_on(now, replica, out)
    }

    pub(super) fn summary(
        &mut self,
        now: Now,
        summary: Summary,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let is_known = self.grant.is_some() && !self.chain_asked;
        let newer = summary.round > self.talk.round;
        if newer {
            self.begin_round(summary.round)?;
        }
        self.talk.heads += summary.statements.iter().map(Statement::heads).sum::<usize>();
        self.talk.places += summary.statements.iter().map(Statement::places).sum::<usize>();
        let limit = if self.grant.is_some() { SUMMARY_HEADS_MAX } else { STRANGER_HEADS_MAX };
        if self.talk.heads > limit {
            return Err(PeerError::TooMany("heads").into());
        }
        let places = if self.grant.is_some() { SUMMARY_PLACES_MAX } else { STRANGER_PLACES_MAX };
        if self.talk.places > places {
            return Err(PeerError::TooMany("places").into());
        }
        if summary.round < self.talk.round {
            // It was said before the peer had heard that we begin anew.
            return Ok(());
        }
        if !is_known {
            // Whoever is not known here has heard nothing yet that it could answer.
            let first = |statement: &Statement| statement.place == Place::All;
            if self.grant.is_none() && !summary.statements.iter().all(first) {
                return Err(PeerError::OutOfTurn("an answer to what was not said").into());
            }
            self.talk.waiting.extend(summary.statements);
            return Ok(());
        }
        if newer {
            self.state_all(replica)?;
        }
        for statement in summary.statements {
            self.hear(statement, replica)?;
        }
        self.go_on(now, replica, out)
    }

    fn begin_round(&mut self, round: u8) -> Result<(), PeerError> {
        if round > SUMMARY_ROUNDS_MAX {
            return Err(PeerError::TooMany("summaries"));
        }
        self.talk = Talk { round, ..Talk::default() };
        (self.summary_sent, self.summary_whole) = (false, false);
        self.logs.values_mut().for_each(|log| log.wanted.clear());
        self.wanting.clear();
        self.unknown.clear();
        Ok(())
    }

    /// What is said before anything is known: a digest, or the heads themselves where the two do not
    /// hold the same by their rights.
    fn state_all(&mut self, replica: &impl Replica) -> Result<(), Stop> {
        let own = replica.authority().grant(&replica.own_grant());
        let (Some(own), Some(peer)) = (own, &self.grant) else { return Ok(()) };
        self.talk.parts =
            Family::ALL.map(|family| (family, parts(family, own.area, peer.area))).into();
        // One of the two is sent less of the records than the other may speak of.
        self.talk.by_heads =
            ![own, peer].into_iter().all(|grant| grant.rights.contains(Rights::REPLICATE));
        for family in Family::ALL {
            if family == Family::Records && self.talk.by_heads {
                self.state_heads(family, Place::All, replica)?;
                continue;
            }
            let digest = self.sum(family, Place::All, replica)?.digest;
            self.state(family, Place::All, Word::Digest(digest), Mine::Digest(digest));
        }
        self.summary_sent = true;
        Ok(())
    }

    /// Says what there is to say, and compares once all is known.
    fn go_on(&mut self, now: Now, replica: &impl Replica, out: &mut Outputs) -> Result<(), Stop> {
        for frame in frames(self.talk.round, std::mem::take(&mut self.talk.say)) {
            self.send(now, &frame, out);
        }
        if self.summary_sent && self.talk.open.is_empty() && !self.summary_whole {
            self.summary_whole = true;
            let heads = std::mem::take(&mut self.talk.own_heads);
            let own = Event::OwnLogs(self.peer, heads, self.talk.own_agreed);
            out.push_back(Output::Event(own));
            self.compare(now, replica, out)?;
        }
        Ok(())
    }

    /// Takes in one statement.
    fn hear(&mut self, statement: Statement, replica: &impl Replica) -> Result<(), Stop> {
        let Statement { family, place, what } = statement;
        let key = (family, place);
        let Some(open) = self.talk.open.get_mut(&key) else {
            return Err(
                PeerError::OutOfTurn("a place that is settled, or was not spoken of").into()
            );
        };
        match (what, &mut open.mine) {
            (Word::Digest(theirs), Mine::Digest(mine)) if place == Place::All => {
                let mine = *mine;
                self.meet(family, place, mine, theirs, replica)
            }
            (Word::Digest(theirs), Mine::Heads) if place == Place::All => {
                match theirs.is_empty() {
                    true => self.close(family, place, Gathered::default(), replica),
                    // It answers our heads.
                    false => Ok(()),
                }
            }
            (Word::Children(theirs), Mine::Children(mine)) => {
                let mine = std::mem::take(mine);
                Self::check_children(place, &theirs)?;
                self.talk.open.remove(&key);
                self.meet_all(family, mine, theirs, replica)
            }
            // It has crossed our heads, and answers them.
            (Word::Children(theirs), Mine::Heads) => Ok(Self::check_children(place, &theirs)?),
            (Word::Heads(heads, last), _) => {
                open.theirs.take(heads, false)?;
                if last { self.heard_all(family, place, replica) } else { Ok(()) }
            }
            (Word::Rest(heads, last), Mine::Heads) => {
                open.theirs.take(heads, true)?;
                if last { self.heard_all(family, place, replica) } else { Ok(()) }
            }
            (Word::Digest(_) | Word::Children(_) | Word::Rest(..), _) => {
                Err(PeerError::OutOfTurn("an answer to what was not said").into())
            }
        }
    }

    /// Both have said the digest of a place.
    fn meet(
        &mut self,
        family: Family,
        place: Place,
        mine: Digest,
        theirs: Digest,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        if mine == theirs {
            self.talk.open.remove(&(family, place));
            return self.agree(family, place, replica);
        }
        if theirs.is_empty() {
            self.state_heads(family, place, replica)?;
            return self.close(family, place, Gathered::default(), replica);
        }
        if mine.is_empty() {
            // That was all there is to say; now it is the peer's turn.
            let open = Open { mine: Mine::Digest(mine), theirs: Gathered::default() };
            self.talk.open.insert((family, place), open);
            return Ok(());
        }
        let few = self.sum(family, place, replica)?.chains <= SUMMARY_FEW_CHAINS;
        if few || matches!(place, Place::Own(_)) {
            return self.state_heads(family, place, replica);
        }
        let children: Vec<(Place, Digest)> = self
            .children(family, place, replica)?
            .into_iter()
            .map(|(place, sum)| (place, sum.digest))
            .filter(|(_, digest)| !digest.is_empty())
            .collect();
        let said = Word::Children(children.clone());
        self.state(family, place, said, Mine::Children(children));
        Ok(())
    }

    /// Both have said what a place consists of.
    fn meet_all(
        &mut self,
        family: Family,
        mine: Vec<(Place, Digest)>,
        theirs: Vec<(Place, Digest)>,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let mut both: BTreeMap<Place, (Digest, Digest)> = BTreeMap::new();
        for (place, digest) in mine {
            both.entry(place).or_default().0 = digest;
        }
        for (place, digest) in theirs {
            both.entry(place).or_default().1 = digest;
        }
        for (place, (mine, theirs)) in both {
            self.meet(family, place, mine, theirs, replica)?;
        }
        Ok(())
    }

    /// Places that a place cannot consist of are nobody's. What everything consists of is not judged: a
    /// peer whose grant has been replaced without its knowledge has another idea of it, and is to be
    /// heard all the same.
    fn check_children(place: Place, children: &[(Place, Digest)]) -> Result<(), PeerError> {
        let fits = |child: &Place| match (place, *child) {
            (_, Place::All) | (Place::Own(_), _) => false,
            (Place::All, _) => true,
            (Place::Inside(code), Place::Own(child)) => code == child,
            (Place::Inside(code), Place::Inside(child)) => child.parent() == Some(code),
        };
        let in_order = children.is_sorted_by(|(one, _), (two, _)| one < two);
        match in_order && children.iter().all(|(child, digest)| fits(child) && !digest.is_empty()) {
            true => Ok(()),
            false => Err(PeerError::OutOfTurn("a place that lies elsewhere")),
        }
    }

    /// The peer has named all its heads of a place, or all that differ from ours.
    fn heard_all(
        &mut self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let Some(open) = self.talk.open.remove(&(family, place)) else { return Ok(()) };
        let answers = match &open.mine {
            Mine::Digest(mine) => !mine.is_empty(),
            Mine::Children(_) => true,
            Mine::Heads => false,
        };
        if answers {
            self.state_rest(family, place, &open.theirs, replica)?;
        }
        self.close(family, place, open.theirs, replica)
    }

    /// Says all our heads of a place; the peer may still have to say its.
    fn state_heads(
        &mut self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let heads = self.heads(family, place, replica)?;
        let stated = self.stated(&heads);
        self.say_heads(family, place, stated, Word::Heads);
        self.spoke_of(family, place);
        let open = Open { mine: Mine::Heads, theirs: Gathered::default() };
        self.talk.open.insert((family, place), open);
        Ok(())
    }

    /// Answers the peer's heads with ours, as far as they differ.
    fn state_rest(
        &mut self,
        family: Family,
        place: Place,
        theirs: &Gathered,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let heads = self.heads(family, place, replica)?;
        let (known, unknown) = self.resolve(theirs, &heads, family, place, replica)?;
        let differing: BTreeMap<LogKey, Chains> = heads
            .iter()
            .filter(|(log, chains)| known.get(*log).is_none_or(|theirs| !are_alike(theirs, chains)))
            .map(|(log, chains)| (*log, chains.clone()))
            .collect();
        let mut stated = self.stated(&differing);
        // Names that nothing here stands for are said back as they came.
        stated.extend(unknown.keys().map(|log| StatedHead::Short(*log, None)));
        let absent = known.keys().filter(|log| !heads.contains_key(log));
        stated.extend(absent.map(|log| StatedHead::Full(*log, None)));
        self.say_heads(family, place, stated, Word::Rest);
        self.spoke_of(family, place);
        Ok(())
    }

    fn say_heads(
        &mut self,
        family: Family,
        place: Place,
        heads: Vec<StatedHead>,
        word: fn(Vec<StatedHead>, bool) -> Word,
    ) {
        let mut chunks = heads.chunks(SUMMARY_HEADS_PER_FRAME).peekable();
        if chunks.peek().is_none() {
            self.talk.say.push(Statement { family, place, what: word(Vec::new(), true) });
        }
        while let Some(chunk) = chunks.next() {
            let what = word(chunk.to_vec(), chunks.peek().is_none());
            self.talk.say.push(Statement { family, place, what });
        }
    }

    fn state(&mut self, family: Family, place: Place, what: Word, mine: Mine) {
        self.talk.say.push(Statement { family, place, what });
        self.spoke_of(family, place);
        self.talk.open.insert((family, place), Open { mine, theirs: Gathered::default() });
    }

    /// What was noted of the logs of a place is in what we have just said.
    fn spoke_of(&mut self, family: Family, place: Place) {
        for log in under(&self.talk.since, family, place) {
            self.talk.since.remove(&log);
        }
    }

    /// Heads as they are said: spelled out where the log is the peer's own, or where its fingerprint
    /// says too little.
    fn stated(&self, heads: &BTreeMap<LogKey, Chains>) -> Vec<StatedHead> {
        let mut names: BTreeMap<Fingerprint, usize> = BTreeMap::new();
        for log in heads.keys() {
            *names.entry(self.salt.fingerprint(log)).or_default() += 1;
        }
        let mut stated = Vec::new();
        for (log, chains) in heads {
            let name = self.salt.fingerprint(log);
            let spelled = log.device == self.peer || names.get(&name).is_some_and(|n| *n > 1);
            stated.extend(chains.iter().map(|(_, head)| {
                let at = Some((head.seq, self.salt.mark(&head.hash)));
                if spelled { StatedHead::Full(*log, at) } else { StatedHead::Short(name, at) }
            }));
        }
        stated
    }

    /// What the peer mixes into what it says in short; nothing is heard of it before its `Hello`.
    fn salt_of_peer(&self) -> Salt {
        self.hello.as_ref().map_or(Salt([0; 8]), |hello| hello.salt)
    }

    /// Which logs of ours the peer's heads are of, and the fingerprints that stand for none.
    fn resolve(
        &self,
        theirs: &Gathered,
        heads: &BTreeMap<LogKey, Chains>,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<(Theirs, Unnamed), Stop> {
        let salt = self.salt_of_peer();
        let (names, own) = (names(heads, salt), names(heads, self.salt));
        let (mut known, mut unknown) = (Theirs::new(), BTreeMap::new());
        for head in &theirs.heads {
            let (stated, at) = match head {
                StatedHead::Full(log, at) => {
                    let spoken_of = place.covers(log.scope)
                        && Family::of(log.lane) == family
                        && self.negotiated(replica, log.scope, log.lane);
                    if !spoken_of {
                        return Err(PeerError::Run(Refusal::OutsideArea).into());
                    }
                    (known.entry(*log).or_default(), *at)
                }
                StatedHead::Short(name, at) => {
                    let heard = at.map(|(seq, mark)| (seq, SaltedHash::said(salt, mark)));
                    // What is not held there is named back as we have named it.
                    let names = if at.is_some() { &names } else { &own };
                    let log = match names.get(name).map(Vec::as_slice) {
                        Some([log]) => Some(*log),
                        // Two logs of one name here: the peer has but one of them.
                        Some(logs) => self.holder(logs, heard, replica)?,
                        None => None,
                    };
                    match log {
                        Some(log) => (known.entry(log).or_default(), *at),
                        None => (unknown.entry(*name).or_default(), *at),
                    }
                }
            };
            stated.extend(at.map(|(seq, mark)| (seq, SaltedHash::said(salt, mark))));
            if stated.len() > BRANCHES_MAX {
                return Err(PeerError::TooMany("branches of a log").into());
            }
        }
        Ok((known, unknown))
    }

    fn holder(
        &self,
        logs: &[LogKey],
        at: Option<(u64, SaltedHash)>,
        replica: &impl Replica,
    ) -> Result<Option<LogKey>, Stop> {
        let Some((seq, hash)) = at else { return Ok(None) };
        for log in logs {
            if replica.find(log, seq, |found| hash.is_of(found))?.is_some() {
                return Ok(Some(*log));
            }
        }
        Ok(None)
    }

    /// The digests of a place were alike when both said them: of what has changed here since, the peer
    /// has what was here before.
    fn agree(&mut self, family: Family, place: Place, replica: &impl Replica) -> Result<(), Stop> {
        self.confirm(family, place, replica)?;
        self.keep_since(family, place, &BTreeSet::new(), replica)
    }

    /// The logs of a place but these are with the peer as we last said.
    fn keep_since(
        &mut self,
        family: Family,
        place: Place,
        but: &BTreeSet<LogKey>,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let mut logs: BTreeSet<LogKey> =
            under(&self.talk.since, family, place).into_iter().collect();
        logs.extend(under(&self.logs, family, place));
        for log in logs {
            let before = self.talk.since.remove(&log);
            if !but.contains(&log) {
                let heads = replica.chains(&log)?;
                let before = before.unwrap_or_else(|| heads.clone());
                self.track(log, &before, &heads, replica)?;
            }
        }
        Ok(())
    }

    /// What the peer holds of a place is known.
    fn close(
        &mut self,
        family: Family,
        place: Place,
        theirs: Gathered,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        self.talk.open.remove(&(family, place));
        let mut heads = self.all_heads(family, place, replica)?;
        let (known, unknown) = self.resolve(&theirs, &heads, family, place, replica)?;
        let own = replica.authority().grant(&replica.own_grant()).map(|grant| grant.subject);
        let salt = self.salt_of_peer();
        let positions = theirs.heads.iter().filter_map(|head| head.named(salt));
        self.talk.own_heads.extend(positions.filter(|head| Some(head.log.device) == own));
        let unknown = unknown.into_iter().filter(|(_, heads)| !heads.is_empty());
        self.unknown.extend(unknown.map(|(name, heads)| ((name, family, place), heads)));
        if theirs.rest == Some(true) {
            let said: BTreeSet<LogKey> = known.keys().copied().collect();
            if heads.keys().any(|log| Some(log.device) == own && !said.contains(log)) {
                self.talk.own_agreed = true;
            }
            self.keep_since(family, place, &said, replica)?;
            heads.retain(|log, _| said.contains(log));
        } else {
            self.spoke_of(family, place);
        }
        for log in known.keys() {
            heads.entry(*log).or_default();
        }
        for (log, chains) in heads {
            let theirs = known.get(&log).map(Vec::as_slice).unwrap_or_default();
            self.place(log, &chains, theirs, replica)?;
        }
        Ok(())
    }

    /// The peer's heads of a log are these.
    fn place(
        &mut self,
        log: LogKey,
        chains: &Chains,
        theirs: &[(u64, SaltedHash)],
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        if are_alike(theirs, chains) {
            return match self.logs.contains_key(&log) {
                true => self.track(log, chains, chains, replica),
                false => Ok(()),
            };
        }
        // What it lacks and is not sent is nobody's business.
        if theirs.is_empty() && !self.to_be_sent(replica, &log) {
            return Ok(());
        }
        self.logs.entry(log).or_default().wanted = theirs.to_vec();
        if !theirs.is_empty() {
            self.wanting.insert(log);
        }
        self.find_wanted(log, chains, replica)
    }

    /// Whether the peer has shown, by holding the same as we do, that our own logs are here whole. Few
    /// logs are looked at, or those of our own scope: where more stand under one digest, the end of the
    /// exchange says the same.
    fn confirm(
        &mut self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let Some(own) = replica.authority().grant(&replica.own_grant()) else { return Ok(()) };
        let (device, scope) = (own.subject, own.area.0);
        if self.talk.own_agreed {
            return Ok(());
        }
        let heads = match self.sum(family, place, replica)?.chains <= SUMMARY_FEW_CHAINS {
            true => self.all_heads(family, place, replica)?,
            false if self.holds(family, place, scope, replica) => {
                self.all_heads(family, Place::Own(scope), replica)?
            }
            false => BTreeMap::new(),
        };
        self.talk.own_agreed = heads.keys().any(|log| log.device == device);
        Ok(())
    }

    fn holds(
        &self,
        family: Family,
        place: Place,
        scope: DivisionCode,
        replica: &impl Replica,
    ) -> bool {
        let lane = match family {
            Family::Authority => Lane::Authority,
            Family::Records => Lane::Routine,
        };
        place.covers(scope) && self.negotiated(replica, scope, lane)
    }

    /// Whether the peer durably has an entry of a chain, as far as is known.
    pub(super) fn has(&self, chain: &LogRow, seq: u64, replica: &impl Replica) -> bool {
        match self.logs.get(&chain.key) {
            Some(theirs) => theirs.has(chain.number, seq),
            None => self.summary_whole && self.to_be_sent(replica, &chain.key),
        }
    }

    /// Whether the peer holds exactly what is here of a log that is not remembered.
    pub(super) fn has_settled(&self, log: &LogKey) -> bool {
        self.summary_sent && !self.is_open(log)
    }

    /// Whether what the peer holds of a log is still being found out.
    fn is_open(&self, log: &LogKey) -> bool {
        let family = Family::of(log.lane);
        let above = std::iter::successors(Some(log.scope), |code| code.parent());
        !self.talk.open.is_empty()
            && [Place::All, Place::Own(log.scope)]
                .into_iter()
                .chain(above.map(Place::Inside))
                .any(|place| self.talk.open.contains_key(&(family, place)))
    }

    /// These logs have changed here. What the peer has of them is what was here before, before anything
    /// more is said to it.
    pub(in crate::sync) fn note_changes(
        &mut self,
        changed: &BTreeMap<LogKey, Changed>,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        for (log, Changed { before, heads }) in changed {
            self.note_change(*log, before, heads, replica)?;
        }
        Ok(())
    }

    fn note_change(
        &mut self,
        log: LogKey,
        before: &Chains,
        heads: &Chains,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        self.recognise(&log, replica)?;
        if !self.summary_sent || !self.negotiated(replica, log.scope, log.lane) {
            return Ok(());
        }
        if !self.has_settled(&log) {
            self.talk.since.entry(log).or_insert_with(|| before.clone());
        } else if !self.logs.contains_key(&log) && self.to_be_sent(replica, &log) {
            self.track(log, before, heads, replica)?;
        }
        Ok(())
    }

    /// A log has come of which the peer has named the fingerprint alone.
    pub(super) fn recognise(&mut self, log: &LogKey, replica: &impl Replica) -> Result<(), Stop> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        let (name, family) = (self.salt_of_peer().fingerprint(log), Family::of(log.lane));
        let told = self.unknown.range((name, Family::Authority, Place::All)..);
        let mut told = told.map(|(told, _)| *told).take_while(|(of, ..)| *of == name);
        let told = told.find(|(_, of, place)| *of == family && place.covers(log.scope));
        let Some(wanted) = told.and_then(|told| self.unknown.remove(&told)) else {
            return Ok(());
        };
        self.logs.entry(*log).or_default().wanted.extend(wanted);
        self.wanting.insert(*log);
        self.find_wanted(*log, &replica.chains(log)?, replica)
    }

    /// The sum of a place as both may hold it.
    fn sum(&self, family: Family, place: Place, replica: &impl Replica) -> Result<Sum, Stop> {
        if place != Place::All {
            return Ok(replica.sum(family, place)?);
        }
        let mut sums = Vec::new();
        for place in self.talk.parts.get(&family).into_iter().flatten().copied() {
            sums.push((place.name(), replica.sum(family, place)?));
        }
        let chains = sums.iter().fold(0u32, |all, (_, sum)| all.saturating_add(sum.chains));
        let digest = Digest::over(sums.into_iter().map(|(name, sum)| (name, sum.digest)));
        Ok(Sum { digest, chains })
    }

    /// What a place consists of. Everything is at once spoken of as the places one level further in,
    /// beside the own logs of those above.
    fn children(
        &self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<Vec<(Place, Sum)>, Stop> {
        let parts = self.talk.parts_of(family, place);
        let mut children = Vec::new();
        for part in parts {
            match part {
                Place::Inside(code) => children.extend(replica.inside(family, code)?),
                part => children.push((part, replica.sum(family, part)?)),
            }
        }
        children.sort_unstable_by_key(|(place, _)| *place);
        Ok(children)
    }

    /// Our heads in a place, by log, as the peer is to be told of them.
    fn heads(
        &self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<BTreeMap<LogKey, Chains>, Stop> {
        let mut heads = self.all_heads(family, place, replica)?;
        if family == Family::Records && self.talk.by_heads {
            heads.retain(|log, _| self.to_be_sent(replica, log));
        }
        Ok(heads)
    }

    /// Our heads in a place, by log.
    fn all_heads(
        &self,
        family: Family,
        place: Place,
        replica: &impl Replica,
    ) -> Result<BTreeMap<LogKey, Chains>, Stop> {
        let parts = self.talk.parts_of(family, place);
        let mut heads: BTreeMap<LogKey, Chains> = BTreeMap::new();
        for part in parts {
            for (chain, head) in replica.heads(family, part)? {
                heads.entry(chain.key).or_default().push((chain, head));
            }
        }
        Ok(heads)
    }
}

impl Talk {
    fn parts_of(&self, family: Family, place: Place) -> Vec<Place> {
        match place {
            Place::All => self.parts.get(&family).cloned().unwrap_or_default(),
            place => vec![place],
        }
    }
}

impl Gathered {
    /// More heads have come. All and the rest do not go together.
    fn take(&mut self, heads: Vec<StatedHead>, rest: bool) -> Result<(), PeerError> {
        if *self.rest.get_or_insert(rest) != rest {
            return Err(PeerError::OutOfTurn("heads of two kinds"));
        }
        self.heads.extend(heads);
        Ok(())
    }
}

/// Logs by fingerprint.
fn names(heads: &BTreeMap<LogKey, Chains>, salt: Salt) -> BTreeMap<Fingerprint, Vec<LogKey>> {
    let mut names: BTreeMap<Fingerprint, Vec<LogKey>> = BTreeMap::new();
    for log in heads.keys() {
        names.entry(salt.fingerprint(log)).or_default().push(*log);
    }
    names
}

/// The places that make up everything that both may hold: all inside the smaller area; of authority also
/// the own logs of the places above both.
fn parts(family: Family, own: Area, peer: Area) -> Vec<Place> {
    let smaller = match (own.contains_area(peer), peer.contains_area(own)) {
        (true, _) => Some(peer),
        (_, true) => Some(own),
        _ => None,
    };
    let above = std::iter::successors(smaller.unwrap_or(own).0.parent(), |code| code.parent())
        .filter(|code| family == Family::Authority && Area(*code).touches(peer.0));
    let smaller = smaller.map(|area| Place::Inside(area.0));
    smaller.into_iter().chain(above.map(Place::Own)).collect()
}

/// Whether heads of a log are those that are here, neither more nor less.
fn are_alike(theirs: &[(u64, SaltedHash)], chains: &Chains) -> bool {
    let is_meant =
        |(seq, hash): &(u64, SaltedHash), head: &Head| *seq == head.seq && hash.is_of(&head.hash);
    theirs.iter().all(|at| chains.iter().any(|(_, head)| is_meant(at, head)))
        && chains.iter().all(|(_, head)| theirs.iter().any(|at| is_meant(at, head)))
}

/// The logs of a place that stand in a map.
fn under<T>(map: &BTreeMap<LogKey, T>, family: Family, place: Place) -> Vec<LogKey> {
    let first = |scope| LogKey {
        scope,
        lane: Lane::Authority,
        device: DeviceId([0; 32]),
        incarnation: Incarnation { number: 0, nonce: [0; 8] },
    };
    let of_family = |log: &&LogKey| Family::of(log.lane) == family;
    match place.code() {
        None => map.keys().filter(of_family).copied().collect(),
        Some(code) => map
            .range(first(code)..)
            .map(|(log, _)| log)
            .take_while(|log| place.covers(log.scope))
            .filter(of_family)
            .copied()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::replicates;

    #[test]
    fn everything_is_what_both_hold_and_both_know_what_it_consists_of() {
        let code = |text: &str| text.parse::<DivisionCode>().unwrap();
        let codes = [
            "990000000000",
            "990100000000",
            "990121000000",
            "990121101000",
            "990121101203",
            "990121101204",
            "990121200000",
            "990121200201",
            "990122000000",
            "990122100201",
            "980000000000",
            "990100003000",
            "990100003201",
        ]
        .map(code);
        let both = codes.into_iter().flat_map(|one| codes.map(|two| (Area(one), Area(two))));
        for (one, two) in both {
            for family in Family::ALL {
                let of_both = [parts(family, one, two), parts(family, two, one)];
                let [mut mine, mut theirs] = of_both;
                mine.sort_unstable();
                theirs.sort_unstable();
                assert_eq!(mine, theirs, "{family:?} of {one} and {two}");
                for lane in Lane::ALL.into_iter().filter(|lane| Family::of(*lane) == family) {
                    for scope in codes {
                        let hold = |area| replicates(area, scope, lane);
                        let covered = mine.iter().filter(|place| place.covers(scope)).count();
                        let expected = usize::from(hold(one) && hold(two));
                        assert_eq!(covered, expected, "{lane:?} of {scope} for {one} and {two}");
                    }
                }
            }
        }
    }
}
