//! What people have begun to type and not saved: still there, or gone with the file.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::record::ElderId;
use shouwang_node::engine::Engine;
use shouwang_node::store::drafts::DraftRead;
use shouwang_node::store::{Snapshot, StoreError, StoreRead};

use super::{Guarantee, Violation};

/// The one field of the forms that are typed into here.
pub const NOTE: &str = "note";

/// What stands, as far as people were told, in the forms of each machine.
#[derive(Clone, Debug, Default)]
pub struct Drafts {
    of: BTreeMap<usize, BTreeMap<String, BTreeSet<Option<String>>>>,
    /// Machines on which anything may stand in a form of which nothing is said above; on all others nothing does.
    forgotten: BTreeSet<usize>,
}

impl Drafts {
    /// Somebody was told that this stands in a form now; None that nothing does.
    pub fn kept(&mut self, machine: usize, form: &str, note: Option<String>) {
        let forms = self.of.entry(machine).or_default();
        forms.insert(form.to_owned(), BTreeSet::from([note]));
    }

    /// The disk failed while this was being kept: it, or what stood there before.
    pub fn unsure(&mut self, machine: usize, form: &str, note: Option<String>) {
        let is_forgotten = self.forgotten.contains(&machine);
        let forms = self.of.entry(machine).or_default();
        match forms.get_mut(form) {
            Some(notes) => drop(notes.insert(note)),
            // What stood there before is anything.
            None if is_forgotten => {}
            None => drop(forms.insert(form.to_owned(), BTreeSet::from([None, note]))),
        }
    }

    /// A machine's disk is another now, or may have changed: nothing was promised of it.
    pub fn forgotten(&mut self, machine: usize) {
        self.of.remove(&machine);
        self.forgotten.insert(machine);
    }

    /// A second machine has a copy of this one's disk.
    pub fn copied(&mut self, machine: usize, second: usize) {
        let forms = self.of.get(&machine).cloned().unwrap_or_default();
        self.of.insert(second, forms);
        if self.forgotten.contains(&machine) {
            self.forgotten.insert(second);
        }
    }

    /// What was typed stands there, and nothing that was typed about a file of which nothing is left.
    pub fn stand(&mut self, machine: usize, engine: &Engine) -> Result<(), Violation> {
        let snapshot = engine.read()?;
        let shown = |elder: ElderId| -> Result<bool, StoreError> {
            for (scope, _) in snapshot.scopes_in(engine.area())? {
                if snapshot.elder(scope, elder)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let forms = self.of.entry(machine).or_default();
        for (form, notes) in forms.iter_mut() {
            let row = snapshot.draft(form)?;
            let note =
                row.and_then(|row| row.fields.get(NOTE).and_then(|texts| texts.first()).cloned());
            if notes.contains(&note) {
                *notes = BTreeSet::from([note]);
                continue;
            }
            let elder: Option<ElderId> = form.split(':').nth(1).and_then(|id| id.parse().ok());
            // The file was gone from here, though somebody may have moved back since.
            let was_gone = |elder: ElderId| -> Result<bool, StoreError> {
                Ok(!shown(elder)? || bodies(&snapshot, elder)?.absent > 0)
            };
            if note.is_none() && elder.map_or(Ok(false), was_gone)? {
                *notes = BTreeSet::from([None]);
                continue;
            }
            let detail =
                format!("machine {machine}: {notes:?} was typed into {form}, which has {note:?}");
            return Err(Violation::new(Guarantee::SavedSurvives, detail));
        }
        for (form, row) in snapshot.drafts_all()? {
            let Some(elder) = row.elder else { continue };
            if !shown(elder)? && bodies(&snapshot, elder)?.there == 0 {
                let detail = format!("machine {machine} has {form}, and nothing else of {elder}");
                return Err(Violation::new(Guarantee::ErasedIsGone, detail));
            }
        }
        Ok(())
    }
}

/// Bodies of entries of an elder's file.
#[derive(Default)]
struct Bodies {
    there: u64,
    absent: u64,
}

fn bodies(snapshot: &Snapshot, elder: ElderId) -> Result<Bodies, StoreError> {
    let mut bodies = Bodies::default();
    for log in snapshot.logs_all()? {
        snapshot.for_each_entry(log.number, |_, entry| {
            let entry = entry?;
            if entry.header.document.id().and_then(|id| id.elder_id()) == Some(elder) {
                match entry.body {
                    Some(_) => bodies.there += 1,
                    None => bodies.absent += 1,
                }
            }
            Ok(())
        })?;
    }
    Ok(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: usize = 4;
    const FORM: &str = "visit:62c1bd2f7c9238981306b8219203feec";

    #[test]
    fn nothing_is_promised_of_a_form_whose_disk_was_put_back_and_then_failed() {
        let mut drafts = Drafts::default();
        drafts.kept(MACHINE, FORM, Some("begun".to_owned()));
        drafts.unsure(MACHINE, FORM, None);
        let begun = Some("begun".to_owned());
        let either = BTreeSet::from([None, begun.clone()]);
        assert_eq!(drafts.of[&MACHINE][FORM], either);
        drafts.copied(MACHINE, MACHINE + 1);
        drafts.forgotten(MACHINE);
        drafts.unsure(MACHINE, FORM, None);
        assert!(!drafts.of[&MACHINE].contains_key(FORM));
        drafts.kept(MACHINE, FORM, begun);
        drafts.unsure(MACHINE, FORM, None);
        assert_eq!(drafts.of[&MACHINE][FORM], either, "what was kept since is known");
        assert_eq!(drafts.of[&(MACHINE + 1)][FORM], either, "as on the disk that was copied");
    }

    #[test]
    fn in_a_form_that_nobody_has_typed_into_stands_nothing_or_what_failed() {
        let mut drafts = Drafts::default();
        drafts.unsure(MACHINE, FORM, Some("begun".to_owned()));
        assert_eq!(drafts.of[&MACHINE][FORM], BTreeSet::from([None, Some("begun".to_owned())]));
    }
}
