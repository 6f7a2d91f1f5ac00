//! What holds for any rule, any facts and any text.

use hearback_core::{LoopStatus, Metric, Segment, Span, Word as _};
use proptest::{collection::vec, prelude::*};

use super::{answer, noon, version};
use crate::{
    Action, Compare, Condition, Facts, MAX_EFFECTS, OwnerRef, Owners, Property, Recipient, Rule, Step, StepVerdict, Trigger, due_step,
    outline, parse_json, parse_yaml, plan,
};

fn keys() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,9}|true|null|on|7|1e3"
}

fn lines() -> impl Strategy<Value = String> {
    "[ -~äöüčšžėł😀]{1,20}".prop_map(|text| text.trim().to_owned()).prop_filter("empty", |text| !text.is_empty())
}

fn properties() -> impl Strategy<Value = Property> {
    prop_oneof![
        any::<bool>().prop_map(Property::Flag),
        (-1e9..1e9_f64).prop_map(Property::Number),
        (-50_i32..50).prop_map(|number| Property::Number(f64::from(number))),
        lines().prop_map(Property::Text),
        keys().prop_map(Property::Text),
    ]
}

fn scores() -> impl Strategy<Value = Compare> {
    let edge = (0_u8..=10).prop_map(f64::from);
    let value = (0_u8..=10).prop_map(|score| Property::Number(f64::from(score)));
    prop_oneof![
        value.clone().prop_map(Compare::Equals),
        vec(value, 1..4).prop_map(Compare::In),
        edge.clone().prop_map(Compare::Lt),
        edge.clone().prop_map(Compare::Lte),
        edge.clone().prop_map(Compare::Gt),
        edge.prop_map(Compare::Gte),
    ]
}

fn compares() -> impl Strategy<Value = Compare> {
    prop_oneof![
        properties().prop_map(Compare::Equals),
        vec(properties(), 1..4).prop_map(Compare::In),
        (-1e6..1e6_f64).prop_map(Compare::Gte),
        (-1e6..1e6_f64).prop_map(Compare::Lt),
        any::<bool>().prop_map(Compare::Exists),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let phrase = lines().prop_filter("no word", |text| text.contains(char::is_alphanumeric));
    let leaf = prop_oneof![
        vec(prop::sample::select(&Segment::ALL), 1..3).prop_map(Condition::Segment),
        scores().prop_map(Condition::Score),
        vec(keys(), 1..3).prop_map(Condition::Survey),
        vec(prop::sample::select(&[Metric::Nps, Metric::Csat, Metric::Ces]), 1..3).prop_map(Condition::Metric),
        vec(keys(), 1..3).prop_map(Condition::Channel),
        vec(prop::sample::select(&["en", "lt", "en-gb"]).prop_map(str::to_owned), 1..3).prop_map(Condition::Locale),
        (lines(), compares()).prop_map(|(name, compare)| Condition::Person(name, compare)),
        (keys(), compares()).prop_map(|(name, compare)| Condition::Account(name, compare)),
        any::<bool>().prop_map(Condition::HasComment),
        vec(phrase, 1..3).prop_map(Condition::CommentContains),
        vec(keys(), 1..3).prop_map(Condition::Tag),
        vec(prop::sample::select(LoopStatus::ALL), 1..3).prop_map(Condition::LoopStatus),
        any::<bool>().prop_map(Condition::HasEmail),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..3).prop_map(Condition::All),
            vec(inner.clone(), 1..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn owners() -> impl Strategy<Value = Owners> {
    let texts = [
        "case",
        "person",
        "account",
        "manager",
        "team:support",
        "anna@example.com",
        "property:account manager",
        "round_robin:support",
        "least_loaded:vip",
    ];
    vec(prop::sample::select(texts.to_vec()).prop_map(|text| OwnerRef::parse(text).unwrap()), 1..4).prop_map(Owners)
}

fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        (1..=Span::MAX_MINUTES).prop_map(Span::Minutes),
        (1..=365_u32).prop_map(Span::BusinessDays),
        (1..=1_000_u32).prop_map(Span::BusinessHours),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    let recipient =
        prop::sample::select(&["customer", "owner", "team:support", "anna@example.com"]).prop_map(|text| Recipient::parse(text).unwrap());
    prop_oneof![
        (keys(), recipient).prop_map(|(template, to)| Action::SendMail { template, to }),
        (lines(), owners(), spans()).prop_map(|(title, owner, due)| Action::OpenTask { title, owner, due }),
        owners().prop_map(|owner| Action::Assign { owner }),
        vec(keys(), 1..3).prop_map(|tags| Action::Tag { tags }),
        (owners(), lines()).prop_map(|(to, reason)| Action::Escalate { to, reason }),
        keys().prop_map(|pool| Action::GiveIncentive { pool }),
        Just(Action::CreateReferral),
        Just(Action::AskTestimonial),
        proptest::option::of(keys()).prop_map(|survey| Action::Resurvey { survey }),
        keys().prop_map(|webhook| Action::CallWebhook { webhook }),
        keys().prop_map(|webhook| Action::NotifyChat { webhook }),
        lines().prop_map(|reason| Action::MarkNotNeeded { reason }),
        Just(Action::Close),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let condition = prop_oneof![Just(Condition::default()), conditions()];
    (actions(), prop_oneof![Just(Span::ZERO), spans()], condition).prop_map(|(action, after, condition)| Step { action, after, condition })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let on = prop::sample::subsequence(Trigger::ALL.to_vec(), 1..=Trigger::ALL.len());
    let when = prop_oneof![Just(Condition::default()), conditions()];
    (keys(), lines(), on, when, vec(steps(), 1..6)).prop_map(|(key, name, on, when, then)| Rule { key, name, on, when, then })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let named = proptest::collection::btree_map(keys(), properties(), 0..4);
    (0_u8..=10, prop::sample::select(Trigger::ALL), proptest::option::of(lines()), named).prop_map(
        |(score, trigger, comment, properties)| {
            let mut facts = answer(score);
            facts.trigger = trigger;
            facts.chain = properties.keys().cloned().collect();
            facts.response.comment = comment;
            facts.person.properties = properties;
            facts
        },
    )
}

proptest! {
    #[test]
    fn a_plan_is_total_deterministic_bounded_and_explained(rules in vec(any_rule(), 0..8), facts in any_facts()) {
        let rules: Vec<_> = rules.into_iter().map(version).collect();
        let first = plan(&rules, &facts, noon());
        prop_assert_eq!(&first, &plan(&rules, &facts, noon()));
        prop_assert_eq!(&first.effects, &outline(&rules, &facts, noon()).effects);
        prop_assert!(first.effects.len() <= MAX_EFFECTS);
        prop_assert_eq!(first.trace.len(), rules.iter().filter(|version| version.rule.on.contains(&facts.trigger)).count());
        let done = first.trace.iter().flat_map(|entry| &entry.steps).filter(|verdict| !matches!(verdict, StepVerdict::Skipped(_))).count();
        prop_assert_eq!(done, first.effects.len());
        for entry in &first.trace {
            prop_assert_ne!(entry.failed.is_some(), !entry.steps.is_empty());
        }
        for planned in &first.effects {
            let rule = rules.iter().find(|version| version.id == planned.step.rule).unwrap();
            if planned.due == noon() && rules.iter().filter(|version| version.id == rule.id).count() == 1 {
                prop_assert_eq!(due_step(rule, planned.step.index, &facts).unwrap(), planned.effect.clone());
            }
        }
    }

    #[test]
    fn facts_survive_storage(facts in any_facts()) {
        let stored: Facts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        let same = serde_json::to_string(&stored).unwrap() == serde_json::to_string(&facts).unwrap();
        prop_assert!(same);
    }

    #[test]
    fn explain_and_holds_agree(condition in conditions(), facts in any_facts()) {
        prop_assert_eq!(condition.holds(&facts), condition.explain(&facts).is_ok());
        prop_assert_eq!(Condition::Not(Box::new(condition.clone())).holds(&facts), !condition.holds(&facts));
    }

    #[test]
    fn a_rule_written_out_reads_back_the_same(rule in any_rule()) {
        let text = rule.to_yaml();
        let read = parse_yaml("f", &text);
        prop_assert_eq!(read, Ok(vec![rule]), "{}", text);
    }

    #[test]
    fn owners_are_stored_as_they_are_written(owners in owners()) {
        prop_assert_eq!(serde_json::from_str::<Owners>(&serde_json::to_string(&owners).unwrap()).unwrap(), owners);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), yaml in "[-a-z:\\[\\]{}\"' \n\t&*!|>#?,0-9%@`\\\\~]{0,200}") {
        for text in [text, yaml] {
            match parse_yaml("f", &text) {
                Ok(rules) => prop_assert!(rules.iter().all(|rule| !rule.then.is_empty() && !rule.on.is_empty())),
                Err(errors) => prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.line > 0 && error.column > 0)),
            }
            let _ = parse_json("f", &text);
        }
    }

    #[test]
    fn a_damaged_rule_file_is_read_or_refused(rule in any_rule(), at in any::<prop::sample::Index>(), noise in "[-:\\[\\]{}\"' \n\t&*a-z]{0,3}", cut in 0_usize..4) {
        let mut text: Vec<char> = rule.to_yaml().chars().collect();
        let at = at.index(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, noise.chars());
        if let Err(errors) = parse_yaml("f", &text.into_iter().collect::<String>()) {
            prop_assert!(!errors.is_empty());
        }
    }
}
