//! Who our customers are: people, their accounts, two who are one, and what they want from us.

pub mod accounts;
pub mod erased;
pub mod merge;
pub mod own_data;
pub mod people;
pub mod preferences;
pub mod suppressions;
pub mod unsubscribe;
