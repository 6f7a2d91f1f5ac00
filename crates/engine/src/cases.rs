//! The work on a case, its two clocks, and what closing it takes.

pub mod alarm;
pub mod clocks;
pub mod policies;
pub mod work;
