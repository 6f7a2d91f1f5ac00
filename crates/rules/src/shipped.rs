//! The rules that come with the program: what a fresh database starts with.

/// File name and text of each shipped rule file, as in `config/rules`. Each parses without a mistake.
pub const SHIPPED: &[(&str, &str)] = &[
    ("detractor-outreach.yaml", include_str!("../../../config/rules/detractor-outreach.yaml")),
    ("passive-barrier.yaml", include_str!("../../../config/rules/passive-barrier.yaml")),
    ("promoter-referral.yaml", include_str!("../../../config/rules/promoter-referral.yaml")),
];
