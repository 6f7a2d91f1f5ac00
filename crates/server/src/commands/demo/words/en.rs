//! English.

use super::{
    Cause::{Billing, Damaged, Late, Price, Quality, Support},
    Words,
};

pub const WORDS: Words = Words {
    promoters: &[
        "Best bike I have ever owned. The kids fight over who gets to ride in the box.",
        "Ordered on Monday, rode it to work on Thursday. Everything was adjusted properly.",
        "The mechanic came to my office, fixed the gears in ten minutes and explained what he did.",
        "Sold the second car last week. Need I say more?",
        "Friendly people who clearly ride bikes themselves.",
        "The test ride weekend convinced my whole family.",
        "Two winters of salt and slush and it still shifts like new.",
        "Quick answer on a Sunday evening, I did not expect that!",
        "I have already talked three colleagues into buying one.",
        "The service plan pays for itself. Drop it off, pick it up, done.",
        "Beautiful, quiet, and strangers keep asking me about it.",
        "Delivery slot was kept to the minute.",
        "You replaced a worn chain without even charging me for it. Thank you.",
        "Bought the city bike for my mother, she is seventy and rides every day now.",
        "Clear invoice, clear warranty, no small print surprises.",
        "The reminder before the yearly check is a nice touch.",
    ],
    passives: &[
        "Good bike, but the app could tell me when the battery needs care.",
        "All fine so far. Waiting to see how it holds up in winter.",
        "Nice, although the saddle is not for everybody.",
        "Service was good, booking it online was a bit fiddly.",
        "Works as promised. A rain cover should be part of the set.",
        "Would be a nine if the lights were brighter.",
        "Good value, delivery took a week longer than I hoped.",
        "The workshop is great but closes too early for people with jobs.",
        "Happy with the bike, the manual is hard to follow.",
        "Solid. Nothing to complain about, nothing that blew me away.",
    ],
    detractors: &[
        ("Three weeks late and nobody told me why. I had to call every time.", Late),
        ("Promised for my daughter's birthday, arrived eleven days after it.", Late),
        ("The tracking page said delivered. It was not.", Late),
        ("The rear rack came bent and a screw was missing.", Damaged),
        ("Deep scratch on the frame, straight out of the box.", Damaged),
        ("I wrote three mails and got one automatic reply.", Support),
        ("Forty minutes on hold, then the line went dead.", Support),
        ("Was sent from one person to the next and told my story four times.", Support),
        ("The service plan does not cover what the shop told me it would.", Price),
        ("Far too expensive for what is basically a yearly oil change.", Price),
        ("Brakes squeal since day one and the second visit did not help.", Quality),
        ("The battery lasts half of what you advertise.", Quality),
        ("Charged twice in March and still waiting for the money.", Billing),
        ("The invoice has the wrong company on it for the third time.", Billing),
    ],
    names: [
        (
            &["Emma", "Grace", "Olivia", "Hannah", "Ruby", "Alice", "Martha", "Freya"],
            &["Ashworth", "Brennan", "Carver", "Dalton", "Ellery", "Fairley", "Garside", "Holt"],
        ),
        (
            &["Oliver", "Jack", "Thomas", "Samuel", "Leo", "Henry", "Arthur", "Callum"],
            &["Ibbotson", "Jarvis", "Kemp", "Langley", "Merton", "Norris", "Oakes", "Pryor"],
        ),
    ],
};
