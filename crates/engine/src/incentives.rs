//! What customers get from us and give us besides answers: codes, referral links, their own words.

pub mod pools;
pub mod referrals;
pub mod testimonials;
