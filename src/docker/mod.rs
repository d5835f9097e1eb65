//! The protocols in which clients ask: one file each, and the parts they are made of.

pub(crate) mod other_helper;
pub(crate) mod protocol;
mod question;
