//! Files for others: what stands in them. The commands are in `commands/export.rs`.

pub(crate) mod mapping;
pub(crate) mod source;
