//! What has happened since the process started, most recent last: for whoever watches, and for the log. Nothing is
//! decided by it, and nothing of it is kept.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use crate::identity::DeviceId;
use crate::limits::HAPPENINGS_KEPT;

/// The happenings that are remembered.
#[derive(Debug, Default)]
pub struct Journal {
    /// How many there have been.
    count: u64,
    /// How many of each code.
    counts: BTreeMap<&'static str, u64>,
    kept: VecDeque<Happening>,
}

/// Something that happened. Places are codes, people and devices are keys: it names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Counted from 1 when the process started.
    pub number: u64,
    /// When (this node's clock, ms since 1970).
    pub at_ms: i64,
    /// With whom, or by whom.
    pub peer: Option<DeviceId>,
    /// In which place.
    pub scope: Option<DivisionCode>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum What {
    /// A session has begun.
    Began,
    /// The peer has proved its grant.
    Proved,
    /// Both hold everything that both spoke of.
    Done,
    /// What was sent is not acknowledged: the link may be dead.
    Silent,
    /// The link went down.
    Parted,
    /// The session ended by a failure: one of the codes of `docs/protocol.md`, "Errors between peers".
    Failed {
        /// The code.
        reason: String,
        /// Whether trying again may help.
        retry: bool,
    },
    /// Entries of the peer's are stored.
    Received {
        /// How many.
        count: u64,
    },
    /// A run of the peer's was refused at the door.
    Refused {
        /// Why.
        reason: String,
    },
    /// Entries of the peer's are kept and do not count.
    SetAside {
        /// Why the first of them does not.
        reason: String,
        /// How many.
        count: u64,
    },
    /// The peer keeps entries of this device and does not count them.
    SetAsideThere {
        /// Why the first of them does not.
        reason: String,
        /// How many.
        count: u64,
    },
    /// Entries were written here.
    Wrote {
        /// How many.
        count: u64,
    },
    /// There are more incidents than before.
    Incidents {
        /// How many are new.
        count: u64,
    },
    /// Concurrent values stand in more fields than before.
    Conflicts {
        /// In how many more.
        count: u64,
    },
    /// Who may do what has changed.
    Authority,
    /// A device has written two branches of one log.
    Forked,
}

impl Journal {
    /// Remembers it, and says it to the log.
    pub fn note(
        &mut self,
        at_ms: i64,
        peer: Option<DeviceId>,
        scope: Option<DivisionCode>,
        what: What,
    ) {
        self.count += 1;
        self.count(&what);
        what.log(peer, scope);
        if self.kept.len() == HAPPENINGS_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Happening { number: self.count, at_ms, peer, scope, what });
    }

    /// Counts it, and neither remembers it nor says it.
    pub fn count(&mut self, what: &What) {
        *self.counts.entry(what.code()).or_default() += 1;
    }

    /// Those after this number that are still remembered.
    pub fn after(&self, number: u64) -> impl Iterator<Item = &Happening> {
        self.kept.iter().filter(move |happening| happening.number > number)
    }

    /// How many there have been of each code.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(code, count)| (*code, *count))
    }

    /// The number of the last.
    pub fn last(&self) -> u64 {
        self.count
    }
}

impl What {
    /// Its name in JSON and in the catalogue.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Proved => "proved",
            Self::Done => "done",
            Self::Silent => "silent",
            Self::Parted => "parted",
            Self::Failed { .. } => "failed",
            Self::Received { .. } => "received",
            Self::Refused { .. } => "refused",
            Self::SetAside { .. } => "set_aside",
            Self::SetAsideThere { .. } => "set_aside_there",
            Self::Wrote { .. } => "wrote",
            Self::Incidents { .. } => "incidents",
            Self::Conflicts { .. } => "conflicts",
            Self::Authority => "authority",
            Self::Forked => "forked",
        }
    }

    /// How many, where it is something that is counted.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Received { count }
            | Self::SetAside { count, .. }
            | Self::SetAsideThere { count, .. }
            | Self::Wrote { count }
            | Self::Incidents { count }
            | Self::Conflicts { count } => Some(*count),
            _ => None,
        }
    }

    /// Why, as a code.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason, .. }
            | Self::Refused { reason }
            | Self::SetAside { reason, .. }
            | Self::SetAsideThere { reason, .. } => Some(reason),
            _ => None,
        }
    }

    fn log(&self, peer: Option<DeviceId>, scope: Option<DivisionCode>) {
        let peer = peer.map(|peer| peer.short());
        let peer = peer.as_deref();
        let scope = scope.map(tracing::field::display);
        let (count, reason, code) = (self.count(), self.reason(), self.code());
        match self {
            Self::Failed { retry: false, .. }
            | Self::Refused { .. }
            | Self::SetAside { .. }
            | Self::SetAsideThere { .. }
            | Self::Forked => tracing::warn!(peer, scope, count, reason, "{code}"),
            _ => tracing::info!(peer, scope, count, "{code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_rarely_sees_how_much_was_missed() {
        let mut journal = Journal::default();
        let all = HAPPENINGS_KEPT as u64 + 10;
        for at in 0..all {
            journal.note(at as i64, None, None, What::Wrote { count: 1 });
        }
        let kept: Vec<u64> = journal.after(0).map(|happening| happening.number).collect();
        assert_eq!(kept, (11..=all).collect::<Vec<_>>());
        assert_eq!(journal.after(all - 1).count(), 1);
        assert_eq!((journal.last(), journal.after(all).count()), (all, 0));
    }

    #[test]
    fn its_name_is_that_of_its_json() {
        let failed = What::Failed { reason: "silence".into(), retry: true };
        for what in [What::Began, What::Authority, What::Wrote { count: 1 }, failed] {
            assert_eq!(serde_json::to_value(&what).unwrap()["code"], what.code());
        }
    }
}
