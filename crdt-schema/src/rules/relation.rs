//! What a supporter is to the elder, read from the relation as the offices write it.
//!
//! A supporter 赡养人 is a child or another person legally bound; a spouse owes mutual support as
//! a maintainer 扶养人 and is never counted as a supporter, also where a ledger lists one as such.

/// What a supporter is to the elder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// Son or daughter, by birth, adoption or marriage of the parents.
    Child,
    /// A supporter who is no child: a grandchild, a son-in-law.
    Other,
    /// Not noted, or in words that are not known here.
    Unknown,
}

const SPOUSE: [&str; 12] = [
    "配偶", "老伴", "妻子", "妻", "丈夫", "夫", "夫妻", "爱人", "spouse", "wife", "husband",
    "partner",
];

/// Words in which 子 or 女 is not the elder's child.
const NOT_A_CHILD: [&str; 11] =
    ["孙", "媳", "婿", "侄", "甥", "妻", "in-law", "grand", "nephew", "niece", "表"];

const CHILD: [&str; 10] = ["儿", "子", "女", "闺", "崽", "囡", "son", "daughter", "child", "娃"];

impl Kinship {
    /// Reads a relation; None of a spouse, who is no supporter.
    pub fn of_supporter(relation: Option<&str>) -> Option<Self> {
        let Some(relation) = relation.map(|text| text.trim().to_lowercase()) else {
            return Some(Self::Unknown);
        };
        if is_spouse(&relation) {
            return None;
        }
        let has = |words: &[&str]| words.iter().any(|word| relation.contains(word));
        Some(match (has(&NOT_A_CHILD), has(&CHILD)) {
            (true, _) => Self::Other,
            (false, true) => Self::Child,
            (false, false) => Self::Unknown,
        })
    }
}

/// Whether the relation is that of husband and wife.
pub fn is_spouse(relation: &str) -> bool {
    SPOUSE.contains(&relation.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_as_the_offices_write_them() {
        for (relation, kinship) in [
            ("儿子", Some(Kinship::Child)),
            ("长子", Some(Kinship::Child)),
            ("二女儿", Some(Kinship::Child)),
            ("养女", Some(Kinship::Child)),
            ("子女", Some(Kinship::Child)),
            ("Daughter", Some(Kinship::Child)),
            ("孙子", Some(Kinship::Other)),
            ("外孙女", Some(Kinship::Other)),
            ("儿媳", Some(Kinship::Other)),
            ("女婿", Some(Kinship::Other)),
            ("侄女", Some(Kinship::Other)),
            ("son-in-law", Some(Kinship::Other)),
            ("弟弟", Some(Kinship::Unknown)),
            ("亲属", Some(Kinship::Unknown)),
            ("", Some(Kinship::Unknown)),
            ("妻子", None),
            (" 配偶 ", None),
            ("老伴", None),
        ] {
            assert_eq!(Kinship::of_supporter(Some(relation)), kinship, "{relation}");
        }
        assert_eq!(Kinship::of_supporter(None), Some(Kinship::Unknown));
    }
}
