//! How concurrent values of one field are reconciled.
//!
//! A conflict is a value, never an error: the winner is what takes effect until somebody who has
//! seen all values writes another, and the others are kept.

use crate::document::Written;
use crate::field::{Field, Value};

/// The merge policy of a field within one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// LWW: the last writer by causality; of concurrent values Automerge's deterministic winner.
    LastWriterWins,
    /// MPW: of concurrent values the one that asks for most care, `Unknown` last.
    MostProtectiveWins,
    /// FIX: written once; concurrent values open a review, Automerge's winner stands meanwhile.
    WriteOnce,
}

/// The values that stand in one field of one part: one, or several written concurrently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrent {
    /// The effective value.
    pub effective: Value,
    /// The other values, each once, in stored order.
    pub others: Vec<Value>,
    /// Every standing value with the operation that wrote it, Automerge's winner last. The same
    /// value may stand twice.
    pub standing: Vec<Written<Value>>,
}

impl Concurrent {
    /// Reconciles the standing values of a field; `standing` has Automerge's winner last, as
    /// `get_all` gives them. None if there are none.
    pub fn reconcile(field: Field, standing: Vec<Written<Value>>) -> Option<Self> {
        let values: Vec<&Value> = standing.iter().map(|written| &written.value).collect();
        let winner = *values.last()?;
        let effective: &Value = match field.spec().policy {
            Policy::LastWriterWins | Policy::WriteOnce => winner,
            Policy::MostProtectiveWins => values
                .iter()
                .min_by_key(|value| field.protective_rank(value))
                .map_or(winner, |value| *value),
        };
        let mut others: Vec<Value> = values
            .iter()
            .filter(|value| **value != effective)
            .map(|value| (*value).clone())
            .collect();
        others.sort();
        others.dedup();
        Some(Self { effective: effective.clone(), others, standing })
    }

    /// Whether more than one distinct value stands.
    pub fn is_conflict(&self) -> bool {
        !self.others.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value) -> Written<Value> {
        Written { value, by: String::new().into() }
    }

    fn reconcile(field: Field, texts: &[&str]) -> (String, Vec<String>) {
        let values = texts.iter().map(|text| written(field.value(text).unwrap())).collect();
        let standing = Concurrent::reconcile(field, values).unwrap();
        let text = |value: &Value| value.as_str().to_owned();
        (text(&standing.effective), standing.others.iter().map(text).collect())
    }

    #[test]
    fn the_most_protective_value_wins_whatever_the_order() {
        for texts in [["Mild", "Severe", "Unassessed"], ["Unassessed", "Severe", "Mild"]] {
            let (effective, others) = reconcile(Field::AbilityLevel, &texts);
            assert_eq!(effective, "Severe");
            assert_eq!(others, ["Mild", "Unassessed"]);
        }
    }

    #[test]
    fn the_last_writer_wins_and_the_other_is_kept() {
        let (effective, others) = reconcile(Field::Phone, &["13900000001", "13900000002"]);
        assert_eq!(effective, "13900000002");
        assert_eq!(others, ["13900000001"]);
    }

    #[test]
    fn the_same_value_written_twice_is_no_conflict() {
        let value = Field::Phone.value("13900000001").unwrap();
        let standing =
            Concurrent::reconcile(Field::Phone, [value.clone(), value].map(written).to_vec())
                .unwrap();
        assert!(!standing.is_conflict());
        assert_eq!(Concurrent::reconcile(Field::Phone, Vec::new()), None);
    }
}
