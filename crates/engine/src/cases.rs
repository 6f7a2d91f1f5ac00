//! The work on a case, its two clocks, and what closing it takes.

pub(crate) mod awaited_codes;
pub mod next_deadline;
pub mod past_cases;
pub mod policies;
pub mod work;
