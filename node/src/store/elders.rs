//! How elders stand in the index: see [`encode_elder`] for the order of the fields.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use shouwang_crdt_schema::record::{Choice, ElderId};

use super::encoding::{decode_checked, encode_checked};
use super::rows::{CareRow, ElderKey, ElderRow};
use super::{StoreError, corrupt};
use crate::codec::{CodecError, Reader, Writer};

const TABLE: &str = "elders-2";

/// Longest text in a row, bytes: names and the like have far less.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Most of anything in a row.
const COUNT_MAX: usize = 1 << 20;

/// Behind a checksum, one field after the other: texts with their length, what may be missing behind 0
/// or 1, choices as they are spelt, dates as days since the year 1.
pub(super) fn encode_elder(row: &ElderRow) -> Vec<u8> {
    let mut writer = Writer::new();
    optional(&mut writer, row.name.as_deref(), text);
    optional(&mut writer, row.birth_date, date);
    text(&mut writer, row.sex.as_str());
    optional(&mut writer, row.id_tail.as_deref(), text);
    optional(&mut writer, row.care.ability_level.map(Choice::as_str), text);
    optional(&mut writer, row.care.observed_function.map(Choice::as_str), text);
    optional(&mut writer, row.care.dementia.map(Choice::as_str), text);
    optional(&mut writer, row.care.disability_grade.map(Choice::as_str), text);
    writer.count(row.conflicts.len());
    for (part, fields) in &row.conflicts {
        text(&mut writer, part);
        writer.leb(*fields);
    }
    writer.leb(row.differs);
    for files in [&row.merged_into, &row.merged_from] {
        writer.count(files.len());
        for file in files {
            writer.bytes(&file.0);
        }
    }
    writer.count(row.parts.len());
    for part in &row.parts {
        text(&mut writer, part);
    }
    writer.count(row.last_visits.len());
    for (year, day) in &row.last_visits {
        writer.u16(*year);
        date(&mut writer, *day);
    }
    writer.count(row.keys.len());
    for key in &row.keys {
        writer.bytes(&key.0);
    }
    optional(&mut writer, row.house.as_deref(), text);
    encode_checked(&writer.finish())
}

pub(super) fn decode_elder(row: &[u8]) -> Result<ElderRow, StoreError> {
    read(row).map_err(corrupt(TABLE))
}

fn read(row: &[u8]) -> Result<ElderRow, CodecError> {
    let reader = &mut Reader::new(decode_checked(row).ok_or(CodecError::Checksum)?);
    let found = ElderRow {
        name: read_optional(reader, read_text)?,
        birth_date: read_optional(reader, read_date)?,
        sex: read_choice(reader)?,
        id_tail: read_optional(reader, read_text)?,
        care: CareRow {
            ability_level: read_optional(reader, read_choice)?,
            observed_function: read_optional(reader, read_choice)?,
            dementia: read_optional(reader, read_choice)?,
            disability_grade: read_optional(reader, read_choice)?,
        },
        conflicts: read_all(reader, |reader| Ok((read_text(reader)?, reader.leb()?)))?,
        differs: reader.leb()?,
        merged_into: read_files(reader)?,
        merged_from: read_files(reader)?,
        parts: read_all(reader, read_text)?,
        last_visits: read_all(reader, |reader| Ok((reader.u16()?, read_date(reader)?)))?,
        keys: read_all(reader, |reader| reader.array().map(ElderKey))?,
        // Rows of the fourth format end here: the engine writes them anew.
        house: match reader.clone().finish() {
            Ok(()) => None,
            Err(_) => read_optional(reader, read_text)?,
        },
    };
    reader.clone().finish()?;
    Ok(found)
}

fn text(writer: &mut Writer, text: &str) {
    writer.piece(text.as_bytes());
}

fn date(writer: &mut Writer, date: NaiveDate) {
    writer.leb(u64::from(date.num_days_from_ce().cast_unsigned()));
}

fn optional<T>(writer: &mut Writer, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
    match value {
        None => {
            writer.u8(0);
        }
        Some(value) => write(writer.u8(1), value),
    }
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, CodecError> {
    reader.text(TEXT_BYTES_MAX).map(str::to_owned)
}

fn read_date(reader: &mut Reader<'_>) -> Result<NaiveDate, CodecError> {
    let days = u32::try_from(reader.leb()?).map_err(|_| CodecError::Number)?;
    NaiveDate::from_num_days_from_ce_opt(days.cast_signed()).ok_or(CodecError::Number)
}

fn read_choice<C: Choice>(reader: &mut Reader<'_>) -> Result<C, CodecError> {
    C::from_stored(reader.text(TEXT_BYTES_MAX)?).ok_or(CodecError::Tag)
}

fn read_optional<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<Option<T>, CodecError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => read(reader).map(Some),
        _ => Err(CodecError::Tag),
    }
}

fn read_all<T, C: FromIterator<T>>(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<C, CodecError> {
    let count = reader.count(COUNT_MAX)?;
    (0..count).map(|_| read(reader)).collect()
}

fn read_files(reader: &mut Reader<'_>) -> Result<BTreeSet<ElderId>, CodecError> {
    read_all(reader, |reader| reader.array().map(ElderId))
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;
    use shouwang_crdt_schema::record::{
        AbilityLevel, DisabilityGrade, ObservedFunction, Sex, YesNo,
    };

    use super::*;

    fn dates() -> impl Strategy<Value = NaiveDate> {
        (1..1_000_000i32).prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days).unwrap())
    }

    fn care() -> impl Strategy<Value = CareRow> {
        (
            option::of(select(AbilityLevel::ALL)),
            option::of(select(ObservedFunction::ALL)),
            option::of(select(YesNo::ALL)),
            option::of(select(DisabilityGrade::ALL)),
        )
            .prop_map(|(ability_level, observed_function, dementia, disability_grade)| {
                CareRow { ability_level, observed_function, dementia, disability_grade }
            })
    }

    fn rows() -> impl Strategy<Value = ElderRow> {
        let files = || btree_set(any::<[u8; 16]>().prop_map(ElderId), 0..3);
        let person =
            (option::of(".{0,9}"), option::of(dates()), select(Sex::ALL), option::of(".{4}"));
        let house = option::of(".{0,20}");
        let counted = (btree_map(".{1,9}", any::<u64>(), 0..3), any::<u64>(), files(), files());
        let listed = (
            btree_set(".{1,12}", 0..4),
            btree_map(any::<u16>(), dates(), 0..4),
            vec(any::<[u8; 16]>().prop_map(ElderKey), 0..4),
        );
        (person, care(), counted, listed, house).prop_map(
            |(person, care, counted, listed, house)| ElderRow {
                name: person.0,
                birth_date: person.1,
                sex: person.2,
                id_tail: person.3,
                care,
                conflicts: counted.0,
                differs: counted.1,
                merged_into: counted.2,
                merged_from: counted.3,
                parts: listed.0,
                last_visits: listed.1,
                keys: listed.2,
                house,
            },
        )
    }

    proptest! {
        #[test]
        fn rows_read_back(row in rows()) {
            prop_assert_eq!(decode_elder(&encode_elder(&row)).unwrap(), row);
        }

        #[test]
        fn any_altered_byte_is_found(row in rows(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = encode_elder(&row);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(decode_elder(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            drop(decode_elder(&encode_checked(&bytes)));
        }
    }
}
