//! Whether the nodes agree: what each says of each scope, side by side.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::status::StatusReport;

/// What one node says; None while it does not answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The node's name on screens.
    pub(crate) node: String,
    /// Its area: it holds every scope inside.
    pub(crate) area: DivisionCode,
    /// Its status.
    pub(crate) status: Option<StatusReport>,
}

/// One scope as its holders see it.
#[derive(Clone, Debug)]
pub(crate) struct ScopeAgreement {
    /// The place.
    pub(crate) code: DivisionCode,
    /// Its name, where somebody knows it.
    pub(crate) name: Option<String>,
    /// What each node whose area contains the scope says of it.
    pub(crate) copies: Vec<ScopeCopy>,
}

/// A node's copy of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeCopy {
    /// The node.
    pub(crate) node: String,
    /// Its two digests, of records and of authority; None if it has nothing or does not answer.
    pub(crate) digests: Option<(String, String)>,
    /// Elders with a file.
    pub(crate) elders: u64,
    /// Entries.
    pub(crate) entries: u64,
}

impl ScopeAgreement {
    /// Compares the answers, scope by scope. A node that should hold a scope and does not list it
    /// differs from one that does.
    pub(crate) fn compare(answers: &[Answer]) -> Vec<Self> {
        let statuses = || answers.iter().filter_map(|answer| answer.status.as_ref());
        let scopes: BTreeSet<DivisionCode> =
            statuses().flat_map(|status| status.scopes.iter().map(|scope| scope.code)).collect();
        let names: BTreeMap<DivisionCode, String> = statuses()
            .flat_map(|status| &status.scopes)
            .filter_map(|scope| Some((scope.code, scope.name.clone()?)))
            .collect();
        scopes
            .into_iter()
            .map(|code| Self {
                code,
                name: names.get(&code).cloned(),
                copies: answers
                    .iter()
                    .filter(|answer| answer.area.contains(code))
                    .map(|answer| ScopeCopy::of(answer, code))
                    .collect(),
            })
            .collect()
    }

    /// The digest of records on which all holders agree, authority included.
    pub(crate) fn agreed(&self) -> Option<&str> {
        let (first, rest) = self.copies.split_first()?;
        let digests = first.digests.as_ref()?;
        rest.iter().all(|copy| copy.digests.as_ref() == Some(digests)).then_some(digests.0.as_str())
    }
}

impl ScopeCopy {
    fn of(answer: &Answer, code: DivisionCode) -> Self {
        let scope = answer.status.as_ref();
        let scope = scope.and_then(|status| status.scopes.iter().find(|scope| scope.code == code));
        Self {
            node: answer.node.clone(),
            digests: scope.map(|scope| (scope.digest.clone(), scope.authority_digest.clone())),
            elders: scope.map_or(0, |scope| scope.elders),
            entries: scope.map_or(0, |scope| scope.entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwang_node::command::status::{OwnDevice, ScopeStatus};
    use shouwang_node::identity::DeviceId;
    use shouwang_node::identity::grant::{GrantId, Role};

    const TOWNSHIP: &str = "990121101000";
    const VILLAGE: &str = "990121101203";

    fn answer(node: &str, area: &str, scopes: &[(&str, &str, &str)]) -> Answer {
        let scope = |(code, digest, authority): &(&str, &str, &str)| ScopeStatus {
            code: code.parse().unwrap(),
            name: None,
            digest: (*digest).into(),
            authority_digest: (*authority).into(),
            elders: 1,
            entries: 2,
            conflicts: 0,
            unsettled: 0,
            held: Vec::new(),
        };
        let area = area.parse().unwrap();
        let status = StatusReport {
            schema_version: 1,
            device: OwnDevice {
                id: DeviceId([1; 32]),
                fingerprint: String::new(),
                name: node.into(),
                role: Role::Clerk,
                mesh: GrantId([2; 32]),
                granted_at_ms: 0,
                revoked: false,
            },
            area,
            area_name: None,
            scopes: scopes.iter().map(scope).collect(),
            peers: Vec::new(),
            unsettled: BTreeMap::new(),
            evidence: 0,
            not_held_elsewhere: Default::default(),
            duplicates: 0,
            transfers_to_answer: 0,
            erasures_waiting: 0,
            late_edits: 0,
            missing_bodies: 0,
            wire_bytes_sent: 0,
            wire_bytes_received: 0,
            notices: Vec::new(),
            budget: Default::default(),
            sync_interval_days: 7,
            update_needed: false,
        };
        Answer { node: node.into(), area, status: Some(status) }
    }

    fn agreed(answers: &[Answer]) -> Vec<bool> {
        ScopeAgreement::compare(answers).iter().map(|scope| scope.agreed().is_some()).collect()
    }

    #[test]
    fn both_digests_must_agree_and_nobody_may_be_missing() {
        let town = |scopes: &[_]| answer("town", TOWNSHIP, scopes);
        let village = |scopes: &[_]| answer("village", VILLAGE, scopes);
        let both = [(TOWNSHIP, "t", "t"), (VILLAGE, "a", "b")];
        assert_eq!(agreed(&[town(&both), village(&both[1..])]), [true, true]);
        assert_eq!(agreed(&[town(&both), village(&[(VILLAGE, "x", "b")])]), [true, false]);
        assert_eq!(agreed(&[town(&both), village(&[(VILLAGE, "a", "x")])]), [true, false]);
        assert_eq!(agreed(&[town(&both), village(&[])]), [true, false]);
        assert_eq!(agreed(&[town(&both[..1]), village(&both[1..])]), [true, false]);
        let silent = Answer { status: None, ..village(&[]) };
        assert_eq!(agreed(&[town(&both), silent]), [true, false]);
        assert_eq!(agreed(&[]), Vec::<bool>::new());
    }
}
