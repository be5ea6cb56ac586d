//! Who may write a field: the offices of `docs/records.md`, and the allow-list of a field.
//!
//! The right to a part is given by a grant. Within a part a field names the offices whose values
//! take effect in it; what another writes is kept and shown, and never takes effect.

/// An office, as an allow-list names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// 村: clerks and paired helpers.
    Village,
    /// 乡镇
    Township,
    /// 县
    County,
    /// 数据共享部门
    Department,
    /// 运营方
    Provider,
    /// No office: whoever holds the right to acknowledge incidents, which grants give apart.
    Acknowledger,
}

/// A set of offices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writers(u8);

impl Writer {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The offices whose fields this one may write: an office enters what those whose records it
    /// keeps tell it, by telephone or in a ledger, so a township writes for its villages and a
    /// county for its townships and for departments, which certify through it.
    pub const fn acts_for(self) -> Writers {
        use Writer::{Acknowledger, County, Department, Provider, Township, Village};
        match self {
            Acknowledger => Writers::of(&[Acknowledger]),
            Village => Writers::of(&[Village]),
            Township => Writers::of(&[Village, Township]),
            County => Writers::of(&[Village, Township, County, Department]),
            Department => Writers::of(&[Department]),
            Provider => Writers::of(&[Provider]),
        }
    }
}

impl Writers {
    /// No office.
    pub const NONE: Self = Self(0);

    /// Every office, also for what a later version writes and this one does not know.
    pub const ALL: Self = Self(u8::MAX);

    /// These offices.
    pub const fn of(writers: &[Writer]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < writers.len() {
            bits |= writers[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// These and the others.
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These without one of them.
    pub const fn without(self, writer: Writer) -> Self {
        Self(self.0 & !writer.bit())
    }

    /// Whether one of these is among the others.
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offices_act_for_those_whose_records_they_keep() {
        use Writer::{County, Department, Provider, Township, Village};
        let all = [Village, Township, County, Department, Provider];
        let acts = |writer: Writer| {
            all.into_iter()
                .filter(|other| writer.acts_for().meets(Writers::of(&[*other])))
                .collect()
        };
        let table: [(Writer, Vec<Writer>); 5] = [
            (Village, vec![Village]),
            (Township, vec![Village, Township]),
            (County, vec![Village, Township, County, Department]),
            (Department, vec![Department]),
            (Provider, vec![Provider]),
        ];
        for (writer, expected) in table {
            let found: Vec<Writer> = acts(writer);
            assert_eq!(found, expected);
        }
    }
}
