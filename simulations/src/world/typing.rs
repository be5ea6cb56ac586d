//! Forms that somebody has begun to fill in.

use std::collections::BTreeMap;

use rand::RngExt;
use shouwang_node::command::drafts::{DraftDrop, DraftKeep};
use shouwang_node::command::{ErrorKind, Request};

use super::{Node, Trouble, World};
use crate::check::Violation;
use crate::check::drafts::NOTE;
use crate::workload::elders;

/// How often somebody who is about to do something leaves a form half filled in.
const BEGUN: f64 = 0.1;
/// How often such a form is saved or thrown away at once.
const DONE_WITH: f64 = 0.3;

impl World {
    /// Somebody begins to type of a visit, and is called away; or is done with what was begun.
    pub(super) fn types(&mut self, node: Node) -> Result<(), Violation> {
        let (now, machine) = (self.now(node), self.nodes[node].machine);
        let random = &mut self.streams.typing;
        // What is typed over a disk that may have changed is no promise.
        let is_well = self.nodes[node].rot.is_none();
        let Some(engine) = self.nodes[node].engine.as_mut().filter(|_| is_well) else {
            return Ok(());
        };
        if !random.random_bool(BEGUN) {
            return Ok(());
        }
        let known = elders(engine, engine.area());
        if known.is_empty() {
            return Ok(());
        }
        let (_, elder) = known[random.random_range(0..known.len())];
        let form = format!("visit:{elder}");
        let (note, result) = match random.random_bool(DONE_WITH) {
            true => (None, DraftDrop { form: form.clone() }.execute(engine, now)),
            false => {
                let note = format!("写到一半{}", random.random_range(0..u32::MAX));
                let fields = BTreeMap::from([(NOTE.to_owned(), vec![note.clone()])]);
                let elder = Some(elder.to_string());
                let keep = DraftKeep { form: form.clone(), elder, fields };
                (Some(note), keep.execute(engine, now))
            }
        };
        match result {
            Ok(_) => {
                self.counts.drafts += 1;
                self.checker.drafts.kept(machine, &form, note);
                Ok(())
            }
            Err(error) if error.kind == ErrorKind::Failed => {
                self.checker.drafts.unsure(machine, &form, note);
                self.stumbled(node, Trouble::Command(error))
            }
            Err(error) => {
                *self.counts.refused.entry(error.code).or_default() += 1;
                Ok(())
            }
        }
    }
}
