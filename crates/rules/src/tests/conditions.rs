//! What holds, and what is said when it does not.

use hearback_core::{LoopStatus, Owner};

use super::{answer, rules};
use crate::{AccountFacts, Condition, Facts, Property};

fn condition(text: &str) -> Condition {
    rules(&format!("{{ key: a, on: response_settled, when: {text}, then: [{{ close: true }}] }}")).remove(0).when
}

/// A detractor of a gold account who wrote a comment.
fn facts() -> Facts {
    let mut facts = answer(3);
    facts.response.comment = Some("Delivery was LATE, never\nagain".to_owned());
    facts.person.locale = Some("en-gb".to_owned());
    facts.person.properties.insert("plan".to_owned(), Property::Text("Gold".to_owned()));
    facts.person.properties.insert("age".to_owned(), Property::Text("42".to_owned()));
    facts.person.properties.insert("beta".to_owned(), Property::Flag(true));
    facts.account = Some(AccountFacts {
        key: "acme".to_owned(),
        owner: Owner::parse("team:sales").ok(),
        properties: [("value".to_owned(), Property::Number(12_000.0))].into(),
    });
    facts.case.tags.insert("vip".to_owned());
    facts
}

#[test]
fn what_holds() {
    for text in [
        "{ segment: [passive, detractor], metric: nps, survey: nps, channel: email }",
        "{ score: 3 }",
        "{ score: [1, 2, 3] }",
        "{ score: { gte: 3, lt: 4 } }",
        "{ locale: en }",
        "{ locale: EN_GB }",
        "{ person: { plan: gold, age: { gte: 42 }, beta: true, gone: { exists: false } } }",
        "{ person: { age: 42, plan: { in: [silver, gold] }, beta: 'TRUE' } }",
        "{ account: { value: { gt: 11999.5 } } }",
        "{ comment: present, comment_contains: [x, never again], email: present }",
        "{ tag: vip, loop_status: open }",
        "{ any: [{ score: 9 }, { not: { tag: gone } }] }",
    ] {
        assert_eq!(condition(text).explain(&facts()), Ok(()), "{text}");
    }
}

#[test]
fn what_does_not_hold_says_what_was_found_and_wanted() {
    for (text, said) in [
        ("{ segment: [passive, promoter] }", "segment is detractor, wanted passive or promoter"),
        ("{ segment: detractor, score: { lt: 3 }, tag: gone }", "score is 3, wanted less than 3"),
        ("{ survey: [csat, ces] }", "survey is nps, wanted csat or ces"),
        ("{ metric: ces }", "metric is nps, wanted ces"),
        ("{ channel: api }", "channel is email, wanted api"),
        ("{ locale: [lt, lv, e] }", "language is en-gb, wanted lt, lv or e"),
        ("{ person: { plan: silver } }", "person's plan is Gold, wanted silver"),
        ("{ person: { gone: { gte: 1 } } }", "person's gone is absent, wanted at least 1"),
        ("{ person: { plan: { exists: false } } }", "person's plan is Gold, wanted absent"),
        ("{ account: { value: { lte: 10000 } } }", "account's value is 12000, wanted at most 10000"),
        ("{ comment: absent }", "there is a comment, wanted none"),
        ("{ comment_contains: [lately, damaged] }", "the comment contains none of lately, damaged"),
        ("{ tag: [a, b] }", "the case has no tag a or b"),
        ("{ loop_status: [closed, lapsed] }", "loop status is open, wanted closed or lapsed"),
        ("{ email: absent }", "the person has a mail address, wanted none"),
        ("{ not: { tag: vip } }", "case has tag vip, which is excluded"),
        ("{ any: [{ score: 9 }, { tag: gone }] }", "score is 3, wanted 9; and the case has no tag gone"),
        (
            "{ not: { any: [{ score: 3 }, { all: [{ tag: vip }, { comment: present }] }] } }",
            "(score is 3 or (case has tag vip and there is a comment)), which is excluded",
        ),
    ] {
        let text = text.replace("[lt, lv, e]", "[lt, lv, fi]");
        let said = said.replace("lt, lv or e", "lt, lv or fi");
        assert_eq!(condition(&text).explain(&facts()), Err(said), "{text}");
    }
}

#[test]
fn what_is_missing_is_never_true_and_never_an_error() {
    let mut bare = answer(3);
    bare.person.email = None;
    bare.case.loop_status = LoopStatus::Closed;
    for (text, said) in [
        ("{ locale: en }", "language is not known, wanted en"),
        ("{ account: { value: 1 } }", "the person has no account, wanted account's value is 1"),
        ("{ comment: present }", "there is no comment, wanted one"),
        ("{ comment_contains: late }", "there is no comment, wanted comment contains late"),
        ("{ email: present }", "the person has no mail address, wanted one"),
    ] {
        assert_eq!(condition(text).explain(&bare), Err(said.to_owned()), "{text}");
    }
    assert_eq!(condition("{ account: { value: { exists: false } } }").explain(&bare), Ok(()));
}

#[test]
fn a_trace_never_quotes_a_comment_and_cuts_long_properties() {
    let mut facts = facts();
    facts.person.properties.insert("note".to_owned(), Property::Text("x".repeat(500)));
    let said = condition("{ person: { note: y } }").explain(&facts).unwrap_err();
    assert_eq!(said, format!("person's note is {}…, wanted y", "x".repeat(40)));
    for text in ["{ comment: absent }", "{ comment_contains: other }", "{ not: { comment: present } }"] {
        assert!(!condition(text).explain(&facts).unwrap_err().to_lowercase().contains("delivery"), "{text}");
    }
}
