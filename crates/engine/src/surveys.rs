//! Surveys: what they say in each language, and the page on which they are answered.

pub mod page;
pub mod wording;
