//! What was measured, as a person and as a script read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::homes::{Built, Homes};
use super::parts::Part;

/// What one run of one part came to: names that `docs/performance.md` explains.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured(pub(super) BTreeMap<String, f64>);

/// Everything measured: medians.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    built: Built,
    parts: BTreeMap<String, Measured>,
    #[serde(skip)]
    last: String,
}

impl Figures {
    /// Nothing yet.
    pub(super) fn begin(homes: &Homes) -> anyhow::Result<Self> {
        Ok(Self { built: homes.built()?, parts: BTreeMap::new(), last: String::new() })
    }

    /// Adds the runs of a part, each figure as its median.
    pub(super) fn add(&mut self, part: Part, runs: &[Measured]) {
        let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in runs.iter().flat_map(|run| &run.0) {
            figures.entry(name.clone()).or_default().push(*value);
        }
        let medians = figures.into_iter().map(|(name, mut values)| (name, median(&mut values)));
        self.last = part.name();
        self.parts.insert(self.last.clone(), Measured(medians.collect()));
    }

    /// One line for the part that was added last.
    pub(super) fn print_last(&self) {
        let Some(measured) = self.parts.get(&self.last) else { return };
        let figures = measured.0.iter().map(|(name, value)| match name.ends_with("_bytes") {
            true if *value >= 1_048_576.0 => format!("{name} {:.1} MiB", value / 1_048_576.0),
            _ if value.fract() == 0.0 => format!("{name} {value}"),
            _ => format!("{name} {value:.2}"),
        });
        println!("{:<16} {}", self.last, figures.collect::<Vec<_>>().join(", "));
    }
}

impl Measured {
    /// Notes a figure.
    pub(super) fn note(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [5.0]), 5.0);
        assert_eq!(median(&mut []), 0.0);
    }
}
