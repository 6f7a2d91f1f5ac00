//! Who of us does what: whose turn it is, who is away, who stands in.

pub mod owners;
pub mod roster;
pub mod staffing;
