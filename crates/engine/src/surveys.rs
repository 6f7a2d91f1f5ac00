//! Surveys: their versions, what they say in each language, and the page on which they are answered.

pub mod page;
mod versions;
pub mod wording;

pub use versions::{DraftChange, NewSurvey, body, change_draft, close, create, preview_path, public_url, publish, versions};
