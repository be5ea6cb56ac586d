//! A node.
pub mod codec;
pub mod identity;
pub mod limits;
pub mod log;
