//! What the demonstration found, as JSON and as tables.

use std::collections::BTreeMap;
use std::time::Duration;

use fluent_bundle::FluentValue;
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::command::JSON_SCHEMA_VERSION;

use super::agreement::{Answer, ScopeAgreement};
use crate::context::Context;
use crate::moment;
use crate::output::{Cell, Mark, Table};

/// The one object that `demo --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct DemoReport {
    schema_version: u32,
    /// How many nodes ran.
    nodes: usize,
    /// Whether every pair of nodes that shares a scope agrees on both of its digests.
    pub(crate) converged: bool,
    /// Elders with a file, as the node with the largest area counts them.
    elders: u64,
    /// Entries, as the node with the largest area counts them.
    entries: u64,
    /// Fields in which concurrent values stand, counted likewise.
    conflicts: u64,
    /// Bytes that the nodes sent over their connections, encryption included.
    bytes_on_wire: u64,
    seconds: f64,
    scopes: Vec<DemoScope>,
}

/// A scope and who holds it.
#[derive(Debug, Serialize)]
struct DemoScope {
    code: DivisionCode,
    name: Option<String>,
    /// The digest on which its holders agree; null where they do not.
    digest: Option<String>,
    nodes: Vec<String>,
    /// What each holder says, where they do not agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    copies: Option<BTreeMap<String, Option<String>>>,
}

/// A conflict as it is kept.
#[derive(Debug)]
pub(crate) struct KeptConflict {
    /// Whose file, by name: the people of a sample do not exist.
    pub(crate) elder: String,
    /// The field's name on screens.
    pub(crate) field: String,
    /// What takes effect.
    pub(crate) effective: String,
    /// What is kept beside it.
    pub(crate) others: Vec<String>,
}

impl DemoReport {
    /// Puts the answers together; `bytes_before` were sent by processes that have ended.
    pub(crate) fn new(answers: &[Answer], bytes_before: u64, took: Duration) -> Self {
        let scopes = ScopeAgreement::compare(answers);
        let answered = answers.iter().all(|answer| answer.status.is_some());
        let all_agree = scopes.iter().all(|scope| scope.agreed().is_some());
        // The county is asked for totals; it holds every scope.
        let largest = answers.iter().min_by_key(|answer| answer.area.level());
        let largest = largest.and_then(|answer| answer.status.as_ref());
        let total = |count: fn(&shouwang_node::command::status::ScopeStatus) -> u64| {
            largest.map_or(0, |status| status.scopes.iter().map(count).sum())
        };
        Self {
            schema_version: JSON_SCHEMA_VERSION,
            nodes: answers.len(),
            converged: answered && all_agree && !scopes.is_empty(),
            elders: total(|scope| scope.elders),
            entries: total(|scope| scope.entries),
            conflicts: total(|scope| scope.conflicts),
            bytes_on_wire: bytes_before
                + answers
                    .iter()
                    .filter_map(|answer| answer.status.as_ref())
                    .map(|status| status.wire_bytes_sent)
                    .sum::<u64>(),
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
            scopes: scopes.iter().map(DemoScope::new).collect(),
        }
    }

    /// The scopes on which nodes differ, each with its nodes, for the message.
    pub(crate) fn differences(&self) -> String {
        let differing = self.scopes.iter().filter(|scope| scope.digest.is_none());
        let texts: Vec<String> = differing
            .map(|scope| {
                let name = scope.name.clone().unwrap_or_else(|| scope.code.to_string());
                format!("{name} ({})", scope.nodes.join(", "))
            })
            .collect();
        texts.join("; ")
    }

    /// Shows the scopes, the conflicts as they are kept, and the totals.
    pub(crate) fn show(
        &self,
        answers: &[Answer],
        conflicts: &[KeptConflict],
        context: &Context,
    ) -> anyhow::Result<()> {
        let (messages, output) = (&context.messages, context.output);
        let columns = ["scope", "code", "elders", "entries", "held_by", "digest", "agreement"];
        let mut table = Table::new(messages, columns);
        for scope in ScopeAgreement::compare(answers) {
            let most = |count: fn(&super::agreement::ScopeCopy) -> u64| {
                Cell::number(scope.copies.iter().map(count).max().unwrap_or_default())
            };
            let nodes: Vec<&str> = scope.copies.iter().map(|copy| copy.node.as_str()).collect();
            let (digest, state) = match scope.agreed() {
                Some(digest) => (
                    crate::commands::elder::short(digest, context.verbose),
                    Cell::state(Mark::Good, messages.text("demo-same")),
                ),
                None => {
                    let digests: Vec<String> = scope
                        .copies
                        .iter()
                        .map(|copy| match &copy.digests {
                            Some((digest, _)) => crate::commands::elder::short(digest, false),
                            None => "?".to_owned(),
                        })
                        .collect();
                    let word = messages.text("demo-different");
                    (digests.join(" "), Cell::state(Mark::Bad, word))
                }
            };
            table.row([
                Cell::text(scope.name.as_deref().unwrap_or_default()),
                Cell::text(scope.code),
                most(|copy| copy.elders),
                most(|copy| copy.entries),
                Cell::text(nodes.join(&messages.text("list-separator"))),
                Cell::text(digest),
                state,
            ]);
        }
        output.table(&table)?;
        if !output.is_table() {
            return Ok(());
        }
        output.line("")?;
        for conflict in conflicts {
            let text = messages.say(
                "demo-conflict",
                [
                    ("elder", FluentValue::from(conflict.elder.as_str())),
                    ("field", conflict.field.as_str().into()),
                    ("effective", conflict.effective.as_str().into()),
                    ("others", conflict.others.join(&messages.text("list-separator")).into()),
                ],
            );
            output.line(&output.marked_text(Mark::Attention, &text))?;
        }
        output.line(&messages.say(
            "demo-totals",
            [
                ("nodes", FluentValue::from(self.nodes)),
                ("elders", self.elders.into()),
                ("entries", self.entries.into()),
                ("conflicts", self.conflicts.into()),
                ("bytes", moment::bytes(self.bytes_on_wire).into()),
                ("seconds", format!("{:.1}", self.seconds).into()),
            ],
        ))
    }
}

impl DemoScope {
    fn new(scope: &ScopeAgreement) -> Self {
        let agreed = scope.agreed().map(str::to_owned);
        let copies = scope.copies.iter().map(|copy| {
            let digests = copy.digests.as_ref();
            // Where the records agree it is authority that does not: show both.
            (
                copy.node.clone(),
                digests.map(|(records, authority)| format!("{records}/{authority}")),
            )
        });
        Self {
            code: scope.code,
            name: scope.name.clone(),
            nodes: scope.copies.iter().map(|copy| copy.node.clone()).collect(),
            copies: agreed.is_none().then(|| copies.collect()),
            digest: agreed,
        }
    }
}
