//! Finding rows that name an elder again.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::ElderId;

/// The elders of a file so far, by what tells them apart. Each is the position of a row in
/// [`super::Reading::accepted`].
#[derive(Debug, Default)]
pub(crate) struct Elders {
    by_file: BTreeMap<ElderId, usize>,
    by_id: BTreeMap<String, usize>,
    by_fact: BTreeMap<(String, DivisionCode, Field, String), usize>,
    by_everything: BTreeMap<String, usize>,
}

/// What together with name and village stands for a person who has no valid ID.
const FACTS: [Field; 2] = [Field::BirthDate, Field::ResidentIdAsWritten];

impl Elders {
    /// The position of the earlier row that names the same elder: by the file's id, where the row
    /// has it, and by nothing else; by the valid ID; without one, by
    /// name, village and either birth date or the number as written. Namesakes of whom neither is
    /// known are the same only if the rows are equal in everything.
    pub(crate) fn earlier(&self, row: &LedgerRow) -> Option<usize> {
        if let Some(file) = row.file {
            return self.by_file.get(&file).copied();
        }
        if let Some(id) = row.field(Field::ResidentId) {
            return self.by_id.get(id).copied();
        }
        let mut facts = facts(row).peekable();
        match facts.peek() {
            Some(_) => facts.find_map(|fact| self.by_fact.get(&fact).copied()),
            None => self.by_everything.get(&everything(row)?).copied(),
        }
    }

    /// Remembers the row that will stand at this position.
    pub(crate) fn add(&mut self, row: &LedgerRow, position: usize) {
        if let Some(file) = row.file {
            self.by_file.insert(file, position);
        }
        if let Some(id) = row.field(Field::ResidentId) {
            self.by_id.insert(id.to_owned(), position);
        } else if facts(row).next().is_none()
            && let Some(everything) = everything(row)
        {
            self.by_everything.insert(everything, position);
        }
        for fact in facts(row) {
            self.by_fact.entry(fact).or_insert(position);
        }
    }
}

fn facts(row: &LedgerRow) -> impl Iterator<Item = (String, DivisionCode, Field, String)> {
    let name = row.field(Field::Name).unwrap_or_default();
    FACTS.into_iter().filter_map(move |field| {
        Some((name.to_owned(), row.scope, field, row.field(field)?.to_owned()))
    })
}

fn everything(row: &LedgerRow) -> Option<String> {
    serde_json::to_string(row).ok()
}

/// The keys of everything that a repeated row says otherwise than the first one did. Nothing that
/// it leaves out counts.
pub(crate) fn differences(first: &LedgerRow, again: &LedgerRow) -> Vec<&'static str> {
    let fields = again
        .fields
        .iter()
        .filter(|(field, text)| first.field(**field) != Some(text.as_str()))
        .map(|(field, _)| field.spec().key);
    let lists = [
        ("supporters", all_in(&again.supporters, &first.supporters)),
        ("absences", all_in(&again.absences, &first.absences)),
        ("guardian_contacts", all_in(&again.guardian_contacts, &first.guardian_contacts)),
        ("pairings", all_in(&again.pairings, &first.pairings)),
        ("members", all_in(&again.members, &first.members)),
        ("maintainers", all_in(&again.maintainers, &first.maintainers)),
        ("emergency_contacts", all_in(&again.emergency_contacts, &first.emergency_contacts)),
        ("income_sources", again.income_sources.is_subset(&first.income_sources)),
        ("conditions", again.conditions.is_subset(&first.conditions)),
        ("hazards", again.hazards.is_subset(&first.hazards)),
        ("devices", all_in(&again.devices, &first.devices)),
        ("special_categories", again.special_categories.is_subset(&first.special_categories)),
        ("entitlements", all_in(&again.entitlements, &first.entitlements)),
        ("service_needs", again.service_needs.is_subset(&first.service_needs)),
        (
            "subsistence_allowance",
            again.subsistence_allowance.is_none()
                || again.subsistence_allowance == first.subsistence_allowance,
        ),
        (
            "agreement",
            (again.agreement.is_none() || again.agreement == first.agreement)
                && (again.agreement_event.is_none()
                    || again.agreement_event == first.agreement_event),
        ),
    ];
    fields.chain(lists.into_iter().filter(|(_, same)| !same).map(|(key, _)| key)).collect()
}

fn all_in<T: PartialEq>(again: &[T], first: &[T]) -> bool {
    again.iter().all(|element| first.contains(element))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(facts: &[(Field, &str)]) -> LedgerRow {
        let mut row = LedgerRow::new("990121101203".parse().unwrap());
        row.fields = facts.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        row
    }

    #[test]
    fn who_is_the_same() {
        use Field::{BirthDate, Name, Phone, ResidentId, ResidentIdAsWritten};
        let name = (Name, "周国强");
        let valid = (ResidentId, "990121194203150047");
        let born = (BirthDate, "1942-03-15");
        let written = (ResidentIdAsWritten, "99012119420315");
        for (first, again, same) in [
            (vec![name, valid, born], vec![(Name, "周国强强"), valid], true),
            (vec![name, valid, born], vec![name, born], true),
            (vec![name, born], vec![name, valid, born], false),
            (vec![name, born], vec![name, born, (Phone, "1")], true),
            (vec![name, born], vec![name, (BirthDate, "1943-03-15")], false),
            (vec![name, written], vec![name, written, born], true),
            (vec![name], vec![name, (Phone, "1")], false),
            (vec![name, (Phone, "1")], vec![name, (Phone, "1")], true),
            (vec![name, born], vec![(Name, "周国"), born], false),
        ] {
            let mut elders = Elders::default();
            elders.add(&row(&first), 4);
            assert_eq!(elders.earlier(&row(&again)), same.then_some(4), "{first:?} {again:?}");
        }
    }

    #[test]
    fn what_a_second_row_adds() {
        let first = row(&[(Field::Name, "周国强"), (Field::Phone, "1")]);
        let mut again = row(&[(Field::Name, "周国强"), (Field::Phone, "2")]);
        again.agreement = Some(true);
        assert_eq!(differences(&first, &again), ["phone", "agreement"]);
        assert!(differences(&first, &row(&[(Field::Name, "周国强")])).is_empty());
    }
}
