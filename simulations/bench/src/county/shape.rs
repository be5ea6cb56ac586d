//! The places of a county, and how many elders live in each village.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use shouwang_crdt_schema::division::{DivisionCode, Level};

/// Townships of a county that is made up: as many as the median county has, and a few more.
const TOWNSHIPS: u64 = 16;

/// Elders of a village that is made up.
const ELDERS_PER_VILLAGE: u64 = 100;

/// Villages and their elders, by township.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The county.
    pub(super) county: DivisionCode,
    /// Township → village → elders.
    pub(super) townships: BTreeMap<DivisionCode, BTreeMap<DivisionCode, u64>>,
}

impl Shape {
    /// So many elders over the places of a file, or over made-up ones.
    pub(super) fn of(elders: u64, areas: Option<&Path>) -> anyhow::Result<Self> {
        match areas {
            None => Self::made_up(elders),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                Self::read(elders, &text).with_context(|| path.display().to_string())
            }
        }
    }

    fn made_up(elders: u64) -> anyhow::Result<Self> {
        let county: DivisionCode = "990121000000".parse()?;
        let villages = elders.div_ceil(ELDERS_PER_VILLAGE).max(1);
        let mut townships: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for number in 0..villages {
            let place =
                |parent: DivisionCode, local| parent.child(local).context("too many places");
            let township = place(county, 101 + number % TOWNSHIPS.min(villages))?;
            let village = place(township, 201 + number / TOWNSHIPS)?;
            townships.entry(township).or_default().insert(village, 0);
        }
        Ok(Self { county, townships }.shared_out(elders))
    }

    fn read(elders: u64, text: &str) -> anyhow::Result<Self> {
        let codes: Vec<DivisionCode> = text
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
            .map(|line| Ok(line.split(',').next().unwrap_or_default().trim().parse()?))
            .collect::<anyhow::Result<_>>()?;
        let Some(county) = codes.iter().copied().find(|code| code.level() == Level::County) else {
            bail!("no county in it");
        };
        let mut townships: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for village in codes.iter().copied().filter(|code| code.level() == Level::Village) {
            let township = village.parent().context("a village in no township")?;
            if !county.contains(village) {
                bail!("{village} lies outside {county}");
            }
            townships.entry(township).or_default().insert(village, 0);
        }
        if townships.is_empty() {
            bail!("no village in it");
        }
        Ok(Self { county, townships }.shared_out(elders))
    }

    /// The elders as evenly as it goes; whoever is over lives in the first villages.
    fn shared_out(mut self, elders: u64) -> Self {
        let villages = self.townships.values().map(|villages| villages.len() as u64).sum::<u64>();
        let (each, over) = (elders / villages.max(1), elders % villages.max(1));
        let places = self.townships.values_mut().flat_map(BTreeMap::values_mut);
        for (number, place) in (0..).zip(places) {
            *place = each + u64::from(number < over);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elders(shape: &Shape) -> u64 {
        shape.townships.values().flat_map(BTreeMap::values).sum()
    }

    #[test]
    fn everybody_lives_somewhere() {
        for count in [1, 99, 101, 1_000, 4_321] {
            let shape = Shape::of(count, None).unwrap();
            assert_eq!(elders(&shape), count);
            let most = shape.townships.values().flat_map(BTreeMap::values).max().unwrap();
            assert!(*most <= ELDERS_PER_VILLAGE, "{count}");
        }
    }

    #[test]
    fn a_real_county_keeps_its_places() {
        let shape = Shape::read(1_000, include_str!("../../data/yulong-530721.csv")).unwrap();
        assert_eq!(shape.county.to_string(), "530721000000");
        assert_eq!(shape.townships.values().map(BTreeMap::len).sum::<usize>(), 104);
        assert_eq!(elders(&shape), 1_000);
        assert!(Shape::read(1, "code,name\n530721000000,x\n530722101201,y\n").is_err());
        assert!(Shape::read(1, "code,name\n").is_err());
    }
}
