//! How an answer comes in, is stored with all that follows from it, and is corrected.

pub mod correct;
pub mod intake;
pub mod rehearse;
pub mod submit;
