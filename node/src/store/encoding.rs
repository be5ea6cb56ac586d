//! How rows stand in the store: JSON, entries that do not count, checksums.

use serde::de::DeserializeOwned;

use super::StoreError;
use super::rows::{LogNumber, Unsettled, UnsettledRow, UsageRow};
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::log::Incarnation;

pub(super) fn json<T: DeserializeOwned>(
    table: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    let damaged = |detail: String| StoreError::Corrupt { table, detail };
    let json = decode_checked(bytes).ok_or_else(|| damaged("a row is damaged".to_owned()))?;
    serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))
}

/// A value behind its checksum, where nothing else says what it should be.
pub(super) fn encode_checked(value: &[u8]) -> Vec<u8> {
    [&checksum(value)[..], value].concat()
}

pub(super) fn decode_checked(row: &[u8]) -> Option<&[u8]> {
    let (sum, value) = row.split_first_chunk::<8>()?;
    (*sum == checksum(value)).then_some(value)
}

pub(super) fn damaged_meta(name: &str) -> StoreError {
    StoreError::Corrupt { table: "meta-1", detail: format!("{name} is damaged") }
}

/// redb checks its own pages; this one also finds what a bug of ours or a repaired page would hide.
pub(super) fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    sum
}

pub(super) fn encode_unsettled(row: &UnsettledRow) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u32(row.log.0).leb(row.seq);
    match &row.change {
        None => writer.u8(0),
        Some(hash) => writer.u8(1).bytes(hash),
    };
    let (tag, text) = match &row.standing {
        Unsettled::Pending => (0, ""),
        Unsettled::IllFormed(rule) => (1, rule.as_str()),
        Unsettled::NotAllowed(what) => (2, what.as_str()),
        Unsettled::Blocked => (3, ""),
        Unsettled::Displaced => (4, ""),
        Unsettled::UnknownKind => (5, ""),
        Unsettled::Quarantined => (6, ""),
        Unsettled::Vouched => (7, ""),
        Unsettled::Late => (8, ""),
    };
    writer.u8(tag).piece(text.as_bytes()).finish()
}

pub(super) fn decode_unsettled(bytes: &[u8]) -> Result<UnsettledRow, CodecError> {
    let mut reader = Reader::new(bytes);
    let (log, seq) = (LogNumber(reader.u32()?), reader.leb()?);
    let change = match reader.u8()? {
        0 => None,
        1 => Some(reader.array()?),
        _ => return Err(CodecError::Tag),
    };
    let (tag, text) = (reader.u8()?, reader.text(64)?.to_owned());
    let standing = match tag {
        0 => Unsettled::Pending,
        1 => Unsettled::IllFormed(text),
        2 => Unsettled::NotAllowed(text),
        3 => Unsettled::Blocked,
        4 => Unsettled::Displaced,
        5 => Unsettled::UnknownKind,
        6 => Unsettled::Quarantined,
        7 => Unsettled::Vouched,
        8 => Unsettled::Late,
        _ => return Err(CodecError::Tag),
    };
    reader.finish()?;
    Ok(UnsettledRow { log, seq, change, standing })
}

/// Key and value of a row of `usage-1`.
pub(super) fn encode_usage(row: &UsageRow) -> (Vec<u8>, Vec<u8>) {
    let key = usage_key(row.device, row.incarnation);
    (key, encode_checked(&Writer::new().u64(row.bytes).u32(row.logs).finish()))
}

pub(super) fn usage_key(device: DeviceId, incarnation: Incarnation) -> Vec<u8> {
    Writer::new().bytes(&device.0).u32(incarnation.number).bytes(&incarnation.nonce).finish()
}

pub(super) fn decode_usage(key: &[u8], value: &[u8]) -> Result<UsageRow, CodecError> {
    let (mut key, value) = (Reader::new(key), decode_checked(value).ok_or(CodecError::Tag)?);
    let mut value = Reader::new(value);
    let row = UsageRow {
        device: DeviceId(key.array()?),
        incarnation: Incarnation { number: key.u32()?, nonce: key.array()? },
        bytes: value.u64()?,
        logs: value.u32()?,
    };
    key.finish()?;
    value.finish()?;
    Ok(row)
}
