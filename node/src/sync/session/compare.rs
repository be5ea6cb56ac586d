//! What two summaries come to: what is to be sent, and where two branches of a log part.

use std::collections::BTreeMap;

use super::super::logs::{Chains, PeerLog, landmarks};
use super::super::stop::Stop;
use super::super::wire::{Frame, Probe, ProbeWord};
use super::super::{Now, PeerError, Replica};
use super::{Outputs, Session, priority};
use crate::ingest::Refusal;
use crate::limits::QUESTIONS_MAX;
use crate::log::{EntryHash, LogKey};
use crate::store::rows::LogNumber;

impl Session {
    /// Finds the chains in which we are ahead, once it is known where the two of us differ.
    pub(super) fn compare(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let logs: Vec<LogKey> = self.logs.keys().copied().collect();
        for log in logs {
            let heads = replica.chains(&log)?;
            self.reconsider(now, log, &heads, replica, out)?;
        }
        self.note_missing(replica)
    }

    /// Takes a log into memory of which the peer is known to have these heads: all that were here when
    /// both held the same.
    pub(super) fn track(
        &mut self,
        log: LogKey,
        before: &Chains,
        heads: &Chains,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let theirs = self.logs.entry(log).or_default();
        theirs.follow(heads);
        for (chain, head) in before {
            theirs.holds(replica, heads, chain, head.seq)?;
        }
        Ok(())
    }

    /// Which of the peer's heads of a log are here: it has all that came before them.
    pub(super) fn find_wanted(
        &mut self,
        log: LogKey,
        heads: &Chains,
        replica: &impl Replica,
    ) -> Result<(), Stop> {
        let theirs = self.logs.entry(log).or_default();
        theirs.follow(heads);
        for (seq, hash) in std::mem::take(&mut theirs.wanted) {
            let head = heads.iter().find(|(_, head)| head.seq == seq && hash.is_of(&head.hash));
            let found = match head {
                Some((chain, _)) => Some(*chain),
                None => replica.find(&log, seq, |found| hash.is_of(found))?,
            };
            match found {
                Some(chain) => theirs.holds(replica, heads, &chain, seq)?,
                None => theirs.wanted.push((seq, hash)),
            }
        }
        if theirs.wanted.is_empty() {
            self.wanting.remove(&log);
        }
        Ok(())
    }

    /// Forgets a log of which both hold the same: that is what is taken for granted of every log that
    /// is not remembered.
    pub(super) fn forget_if_alike(&mut self, log: &LogKey, heads: &Chains) {
        let alike = self.logs.get(log).is_some_and(|theirs| theirs.is_alike(heads));
        if alike && self.summary_whole && !self.stuck.contains(log) {
            self.logs.remove(log);
        }
    }

    /// Decides what of a log is to be sent that is remembered, given all its chains here.
    pub(super) fn reconsider(
        &mut self,
        now: Now,
        log: LogKey,
        heads: &Chains,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if !self.logs.contains_key(&log) {
            return Ok(());
        }
        let to_be_sent = self.to_be_sent(replica, &log);
        self.find_wanted(log, heads, replica)?;
        if !self.summary_whole {
            return Ok(());
        }
        if !to_be_sent {
            self.forget_if_alike(&log, heads);
            return Ok(());
        }
        let Some(theirs) = self.logs.get_mut(&log) else { return Ok(()) };
        let mut sending = false;
        for (chain, head) in heads {
            let place = priority(replica, chain);
            // If the peer is ahead of us it has all that we have; if it turns out to hold another
            // branch instead, it will ask.
            if theirs.is_behind(chain.number, head) && !theirs.may_be_ahead(head) {
                self.behind.insert(place);
                sending = true;
            } else {
                self.behind.remove(&place);
            }
        }
        let furthest = theirs.wanted.iter().map(|(seq, _)| *seq).max();
        if let Some(furthest) = furthest.filter(|_| sending && !theirs.differs && !theirs.asked) {
            theirs.asked = true;
            let positions = landmarks(replica, heads, furthest)?;
            let probe = Probe { word: ProbeWord::Ask, log, positions };
            self.send(now, &Frame::Probe(probe), out);
        }
        self.forget_if_alike(&log, heads);
        Ok(())
    }

    /// The peer says something of a log of which the two of us hold different branches.
    pub(super) fn probe(
        &mut self,
        now: Now,
        probe: &Probe,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let log = probe.log;
        if self.grant.is_none() {
            return Err(PeerError::OutOfTurn("a probe before the grant is proved").into());
        }
        if !self.negotiated(replica, log.scope, log.lane) {
            return Err(PeerError::Run(Refusal::OutsideArea).into());
        }
        if probe.word == ProbeWord::Ask {
            self.questions += 1;
            if self.questions > QUESTIONS_MAX {
                return Err(PeerError::TooMany("questions").into());
            }
            // The answer would be the same.
            if !self.answered.insert(log) {
                return Ok(());
            }
        }
        let heads = replica.chains(&log)?;
        // Of a log that is not remembered the peer holds all that is here, as far as we know.
        let mut unheard = PeerLog::default();
        let theirs = self.logs.get_mut(&log).unwrap_or(&mut unheard);
        theirs.follow(&heads);
        // Of each chain the last entry that both hold.
        let mut found: BTreeMap<LogNumber, (u64, EntryHash)> = BTreeMap::new();
        for (seq, hash) in &probe.positions {
            match replica.find(&log, *seq, |found| found == hash)? {
                Some(chain) if probe.word == ProbeWord::Full => {
                    theirs.refuses(replica, &heads, &chain, *seq)?;
                }
                Some(chain) => {
                    theirs.holds(replica, &heads, &chain, *seq)?;
                    let last = found.entry(chain.number).or_insert((*seq, *hash));
                    *last = (*last).max((*seq, *hash));
                }
                None => theirs.differs |= heads.iter().any(|(_, head)| head.seq >= *seq),
            }
        }
        match probe.word {
            ProbeWord::Ask => {
                let positions = found.into_values().collect();
                let answer = Probe { word: ProbeWord::Found, log, positions };
                self.send(now, &Frame::Probe(answer), out);
            }
            ProbeWord::Found => theirs.differs |= std::mem::take(&mut theirs.asked),
            ProbeWord::Full if theirs.is_stuck() || self.full.contains(&log) => {
                self.stuck.insert(log);
            }
            ProbeWord::Full => {}
        }
        self.forget_in_flight(now);
        match self.logs.contains_key(&log) {
            true => self.reconsider(now, log, &heads, replica, out),
            false => Ok(()),
        }
    }
}
