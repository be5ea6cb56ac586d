//! Values in few bytes: for rows that are read by the hundred thousand.

use chrono::{Datelike, NaiveDate};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{
    AbilityLevel, AbsenceReason, AgreementEvent, CareConsent, Choice, DisabilityGrade, EntryReason,
    ExitReason, LivingArrangement, ObservedFunction, PairingKind, RosterStep, SpecialCategory,
    SupportCapacity, VisitMode, VisitOccasion, VisitOutcome, YesNo,
};

use crate::codec::{CodecError, Reader, Writer};

/// Elements of one list, and bytes of one text, at most: more does not fit a document.
pub(super) const COUNT_MAX: usize = 1 << 24;

/// A value in a row.
pub(super) trait Packed: Sized {
    fn put(&self, to: &mut Writer);

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError>;
}

/// Writes how many there are, and each.
pub(super) fn put_list<'a, T: Packed + 'a>(to: &mut Writer, list: impl IntoIterator<Item = &'a T>) {
    let list: Vec<&T> = list.into_iter().collect();
    to.count(list.len());
    list.into_iter().for_each(|value| value.put(to));
}

/// Reads what [`put_list`] has written.
pub(super) fn get_list<T: Packed, C: FromIterator<T>>(
    from: &mut Reader<'_>,
) -> Result<C, CodecError> {
    let count = from.count(COUNT_MAX)?;
    (0..count).map(|_| T::get(from)).collect()
}

macro_rules! vocabularies {
    ($($name:ident),+ $(,)?) => {$(
        /// Its place in the vocabulary.
        impl Packed for $name {
            fn put(&self, to: &mut Writer) {
                let place = Self::ALL.iter().position(|known| known == self);
                to.u8(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
            }

            fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
                Self::ALL.get(usize::from(from.u8()?)).copied().ok_or(CodecError::Tag)
            }
        }
    )+};
}
vocabularies!(
    AbilityLevel,
    AbsenceReason,
    AgreementEvent,
    CareConsent,
    DisabilityGrade,
    EntryReason,
    ExitReason,
    LivingArrangement,
    ObservedFunction,
    PairingKind,
    RosterStep,
    SpecialCategory,
    SupportCapacity,
    VisitMode,
    VisitOccasion,
    VisitOutcome,
    YesNo,
);

impl Packed for NaiveDate {
    fn put(&self, to: &mut Writer) {
        to.bytes(&self.num_days_from_ce().to_be_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::from_num_days_from_ce_opt(i32::from_be_bytes(from.array()?)).ok_or(CodecError::Number)
    }
}

impl Packed for DivisionCode {
    fn put(&self, to: &mut Writer) {
        to.leb(self.number());
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::from_number(from.leb()?).map_err(|_| CodecError::Number)
    }
}

impl Packed for u16 {
    fn put(&self, to: &mut Writer) {
        to.u16(*self);
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.u16()
    }
}

impl Packed for String {
    fn put(&self, to: &mut Writer) {
        to.piece(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        from.text(COUNT_MAX).map(str::to_owned)
    }
}

impl<T: Packed> Packed for Option<T> {
    fn put(&self, to: &mut Writer) {
        to.u8(u8::from(self.is_some()));
        self.iter().for_each(|value| value.put(to));
    }

    fn get(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        match from.u8()? {
            0 => Ok(None),
            1 => T::get(from).map(Some),
            _ => Err(CodecError::Tag),
        }
    }
}
