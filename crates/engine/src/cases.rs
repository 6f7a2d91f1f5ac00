//! The work on a case, its two clocks, and what closing it takes.

pub mod alarm;
pub mod clocks;
pub mod past_cases;
pub mod policies;
pub mod work;
