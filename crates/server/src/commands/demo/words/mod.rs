//! What the demo's customers say, in four languages. All of it is invented.

mod en;
mod fi;
mod lt;
mod lv;

/// What went wrong for an unhappy customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The parcel.
    Late,
    /// Broken on arrival.
    Damaged,
    /// Nobody answers.
    Support,
    /// Too dear, or not what was said.
    Price,
    /// Breaks, squeaks, runs down.
    Quality,
    /// Invoices.
    Billing,
}

/// What one language has to say.
pub struct Words {
    /// 9-10.
    pub promoters: &'static [&'static str],
    /// 7-8.
    pub passives: &'static [&'static str],
    /// 0-6, and what was behind it.
    pub detractors: &'static [(&'static str, Cause)],
    /// First and last names of women, then of men.
    pub names: [(&'static [&'static str], &'static [&'static str]); 2],
}

/// The languages of the demo's customers.
pub const LANGUAGES: [(&str, &Words); 4] = [("en", &en::WORDS), ("lt", &lt::WORDS), ("lv", &lv::WORDS), ("fi", &fi::WORDS)];

impl Cause {
    /// What an agent enters as the root cause.
    pub const fn root_cause(self) -> &'static str {
        match self {
            Self::Late => "late delivery",
            Self::Damaged => "damaged on arrival",
            Self::Support => "slow support",
            Self::Price => "price and expectations",
            Self::Quality => "product quality",
            Self::Billing => "billing error",
        }
    }

    /// What was done about it.
    pub const fn resolution(self) -> &'static str {
        match self {
            Self::Late => "Found the bike at the carrier, delivered it by our own van and refunded the delivery fee.",
            Self::Damaged => "Sent a replacement part the same day and booked the mobile mechanic to fit it.",
            Self::Support => "Called back, solved the question on the phone and gave a direct number for the next time.",
            Self::Price => "Explained what the plan covers, moved the customer to the smaller one and credited the difference.",
            Self::Quality => "Booked a free check, replaced the worn part under warranty and told the workshop.",
            Self::Billing => "Corrected the invoice, returned the double charge and apologised in writing.",
        }
    }

    /// What the agent noted after the call.
    pub const fn note(self) -> &'static str {
        match self {
            Self::Late => "Was not told about the delay. Wants a date that holds; promised one by tomorrow noon.",
            Self::Damaged => "Sent photos of the bent rack. Otherwise happy with the bike.",
            Self::Support => "Had written three times without an answer. Calmed down once we talked.",
            Self::Price => "Expected the service plan to include tyres. Our page does not say it clearly.",
            Self::Quality => "Brakes squeal since the first week; rides every day, so it matters.",
            Self::Billing => "Was charged twice in one month. Needs a correct invoice for the accountant.",
        }
    }
}
