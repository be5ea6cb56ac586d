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
}

impl Drafts {
    /// Somebody was told that this stands in a form now; None that nothing does.
    pub fn kept(&mut self, machine: usize, form: &str, note: Option<String>) {
        let forms = self.of.entry(machine).or_default();
        forms.insert(form.to_owned(), BTreeSet::from([note]));
    }

    /// The disk failed while this was being kept: it, or what stood there before. Of a form of which
    /// nothing is known that is anything, as on a disk that was put back.
    pub fn unsure(&mut self, machine: usize, form: &str, note: Option<String>) {
        if let Some(notes) = self.of.entry(machine).or_default().get_mut(form) {
            notes.insert(note);
        }
    }

    /// A machine's disk is another now, or may have changed: nothing was promised of it.
    pub fn forgotten(&mut self, machine: usize) {
        self.of.remove(&machine);
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
        let mut gone = Vec::new();
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
                gone.push(form.clone());
                continue;
            }
            let detail =
                format!("machine {machine}: {notes:?} was typed into {form}, which has {note:?}");
            return Err(Violation::new(Guarantee::SavedSurvives, detail));
        }
        for form in gone {
            forms.remove(&form);
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
        let either = BTreeSet::from([None, Some("begun".to_owned())]);
        assert_eq!(drafts.of[&MACHINE][FORM], either);
        drafts.forgotten(MACHINE);
        drafts.unsure(MACHINE, FORM, None);
        assert!(!drafts.of[&MACHINE].contains_key(FORM));
    }
}
