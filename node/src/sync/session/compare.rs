//! What two summaries come to: what is to be sent, and where two branches of a log part.

use std::collections::BTreeMap;

use super::super::logs::{PeerLog, landmarks};
use super::super::stop::Stop;
use super::super::wire::{Frame, LogPosition, Probe, ProbeWord};
use super::super::{Event, Now, Output, PeerError, Replica};
use super::{Outputs, Session, priority};
use crate::ingest::Refusal;
use crate::limits::QUESTIONS_MAX;
use crate::log::{EntryHash, Head, LogKey};
use crate::store::rows::{LogNumber, LogRow};

impl Session {
    /// Finds the chains in which we are ahead, once both grants are proved and its summary is whole.
    pub(super) fn compare(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let Some(peer) = self.grant.clone() else { return Ok(()) };
        let own = replica.authority().grant(&replica.own_grant()).map(|grant| grant.subject);
        let own_logs = self.logs.iter().filter(|(log, _)| Some(log.device) == own);
        let own_heads = own_logs
            .flat_map(|(log, theirs)| theirs.wanted.iter().map(|place| (*log, *place)))
            .map(|(log, (seq, hash))| LogPosition { log, seq, hash })
            .collect();
        out.push_back(Output::Event(Event::OwnLogs(self.peer, own_heads)));
        let mut logs: BTreeMap<LogKey, Vec<(LogRow, Head)>> =
            self.wanting.iter().map(|log| (*log, Vec::new())).collect();
        for (chain, head) in replica.heads(peer.area)? {
            logs.entry(chain.key).or_default().push((chain, head));
        }
        for (log, heads) in logs {
            self.reconsider(now, log, &heads, replica, out)?;
        }
        self.note_missing(replica)
    }

    /// Decides what of a log is to be sent, given all its chains here.
    pub(super) fn reconsider(
        &mut self,
        now: Now,
        log: LogKey,
        heads: &[(LogRow, Head)],
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let to_be_sent = self.to_be_sent(replica, &log);
        if !to_be_sent && !self.logs.contains_key(&log) {
            return Ok(());
        }
        let theirs = self.logs.entry(log).or_default();
        theirs.follow(heads);
        for (seq, hash) in std::mem::take(&mut theirs.wanted) {
            let head = heads.iter().find(|(_, head)| (head.seq, head.hash) == (seq, hash));
            let found = match head {
                Some((chain, _)) => Some(*chain),
                None => replica.find(&log, seq, &hash)?,
            };
            match found {
                Some(chain) => theirs.holds(replica, heads, &chain, seq)?,
                None => theirs.wanted.push((seq, hash)),
            }
        }
        if theirs.wanted.is_empty() {
            self.wanting.remove(&log);
        }
        if !self.summary_whole || !to_be_sent {
            return Ok(());
        }
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
        let mut unheard = PeerLog::default();
        let theirs = self.logs.get_mut(&log).unwrap_or(&mut unheard);
        theirs.follow(&heads);
        // Of each chain the last entry that both hold.
        let mut found: BTreeMap<LogNumber, (u64, EntryHash)> = BTreeMap::new();
        for (seq, hash) in &probe.positions {
            match replica.find(&log, *seq, hash)? {
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
            ProbeWord::Full if theirs.is_stuck() => drop(self.stuck.insert(log)),
            ProbeWord::Full => {}
        }
        self.forget_in_flight();
        match self.logs.contains_key(&log) {
            true => self.reconsider(now, log, &heads, replica, out),
            false => Ok(()),
        }
    }
}
