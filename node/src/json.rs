//! The JSON that this program prints.

/// The version of every JSON object (`docs/json.md`). It rises when a key changes its meaning or
/// goes; new keys do not raise it.
pub const JSON_SCHEMA_VERSION: u32 = 1;
