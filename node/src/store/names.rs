//! The index of names: what a search reads instead of whole rows.

use redb::ReadableTable;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::encoding::{decode_checked, encode_checked};
use super::rows::{ElderRow, elder_bytes, elder_from_bytes};
use super::tables::TableAccess;
use super::{StoreError, Transaction, corrupt};
use crate::codec::{CodecError, Reader, Writer};

const TABLE: &str = "names-1";

/// Bytes of one text, at most.
const TEXT_BYTES_MAX: usize = 1 << 16;

/// What an elder is found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRow {
    /// Whether anything is said in any part.
    pub says_anything: bool,
    /// Whether the card names other files of the same person: then this row alone says too little.
    pub is_merged: bool,
    /// The last four of the resident ID.
    pub id_tail: Option<String>,
    /// 姓名
    pub name: Option<String>,
    /// 家庭住址, 屋场
    pub house: Option<String>,
}

impl NameRow {
    /// The row of an elder's.
    pub fn of(row: &ElderRow) -> Self {
        Self {
            says_anything: row.says_anything(),
            is_merged: row.is_merged(),
            id_tail: row.id_tail.clone(),
            name: row.name.clone(),
            house: row.house.clone(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let flags = [
            self.says_anything,
            self.is_merged,
            self.id_tail.is_some(),
            self.name.is_some(),
            self.house.is_some(),
        ];
        let flags = flags.iter().rev().fold(0, |flags, flag| flags << 1 | u8::from(*flag));
        let mut writer = Writer::new();
        writer.u8(flags);
        for text in self.id_tail.iter().chain(&self.name).chain(&self.house) {
            writer.piece(text.as_bytes());
        }
        writer.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        let mut text = |flag: u8| match flags & flag {
            0 => Ok(None),
            _ => reader.text(TEXT_BYTES_MAX).map(|text| Some(text.to_owned())),
        };
        let (id_tail, name, house) = (text(4)?, text(8)?, text(16)?);
        reader.finish()?;
        Ok(Self { says_anything: flags & 1 != 0, is_merged: flags & 2 != 0, id_tail, name, house })
    }
}

/// Everything that reads the index of names.
pub trait NamesRead: TableAccess {
    /// What one elder is found by.
    fn name_of(&self, scope: DivisionCode, elder: ElderId) -> Result<Option<NameRow>, StoreError> {
        let row = self.names().get(elder_bytes(scope, elder).as_slice())?;
        row.map(|row| decode(row.value())).transpose()
    }

    /// Visits the rows of the scopes from one to another, both included, in the order of scope and id,
    /// one after another.
    fn each_name<E: From<StoreError>>(
        &self,
        (low, high): (DivisionCode, DivisionCode),
        mut visit: impl FnMut(DivisionCode, ElderId, NameRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (low, high) = (low.number().to_be_bytes(), (high.number() + 1).to_be_bytes());
        let rows = self.names().range(low.as_slice()..high.as_slice()).map_err(StoreError::from)?;
        for row in rows {
            let (key, value) = row.map_err(StoreError::from)?;
            let (scope, elder) = elder_from_bytes(key.value())
                .ok_or_else(|| corrupt(TABLE)(CodecError::Truncated))?;
            visit(scope, elder, decode(value.value())?)?;
        }
        Ok(())
    }
}

impl<T: TableAccess> NamesRead for T {}

fn decode(row: &[u8]) -> Result<NameRow, StoreError> {
    let bytes = decode_checked(row).ok_or_else(|| corrupt(TABLE)(CodecError::Tag))?;
    NameRow::decode(bytes).map_err(corrupt(TABLE))
}

impl Transaction<'_> {
    /// Stores what an elder is found by, or takes it away.
    pub(super) fn put_name(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        row: Option<&ElderRow>,
    ) -> Result<(), StoreError> {
        let place = elder_bytes(scope, elder);
        match row {
            None => drop(self.names.remove(place.as_slice())?),
            Some(row) => {
                let row = encode_checked(&NameRow::of(row).encode());
                self.names.insert(place.as_slice(), row.as_slice())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        for bits in 0..32_u8 {
            let is = |bit: u8| bits & (1 << bit) != 0;
            let text = |bit: u8, text: &str| is(bit).then(|| text.to_owned());
            let row = NameRow {
                says_anything: is(0),
                is_merged: is(1),
                id_tail: text(2, "008X"),
                name: text(3, "和秀英"),
                house: text(4, "6组57号"),
            };
            assert_eq!(NameRow::decode(&row.encode()), Ok(row));
        }
    }
}
