//! The protocols in which clients ask: one file each.

pub mod docker;
