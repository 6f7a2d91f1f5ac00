//! The rule files of `examples/` are read without a mistake and decide what their comments say.

use hearback_core::Word as _;
use std::fs;

use super::{answer, noon, told, version};
use crate::{KnownNames, RuleVersion, Trigger, parse_yaml, parse_yaml_with, plan};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
/// The mails that ship and a rule can send.
const TEMPLATES: &[&str] =
    &["detractor_outreach", "due_soon", "escalation", "passive_thanks", "promoter_thanks", "referral_invitation", "task_assigned"];

/// File; which actions follow from a score of 3, 7 and 10.
const EXAMPLES: [(&str, [&str; 3]); 5] = [
    ("b2b-account-managers.yaml", ["assign open_task send_mail:task_assigned", "assign open_task", "assign send_mail:promoter_thanks"]),
    ("escalation-within-hours.yaml", ["assign open_task send_mail:task_assigned escalate send_mail:escalation", "", ""]),
    ("no-mails.yaml", ["tag assign open_task", "tag mark_not_needed", "tag mark_not_needed"]),
    ("only-referrals.yaml", ["mark_not_needed", "mark_not_needed", "create_referral send_mail:referral_invitation"]),
    (
        "retail-gift-codes.yaml",
        ["send_mail:detractor_outreach", "give_incentive:thank-you send_mail:passive_thanks", "send_mail:promoter_thanks"],
    ),
];

fn read(file: &str) -> Vec<RuleVersion> {
    let text = fs::read_to_string(format!("{FOLDER}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
    let known = KnownNames { webhooks: Some(&[]), templates: Some(TEMPLATES), surveys: Some(&[]), teams: Some(&["support"]) };
    let rules = parse_yaml_with(file, &text, &known).unwrap_or_else(|errors| panic!("{}", told(&errors)));
    rules.into_iter().map(version).collect()
}

#[test]
fn each_example_decides_what_it_says() {
    for (file, expected) in EXAMPLES {
        let rules = read(file);
        let found = [3, 7, 10].map(|score| {
            let effects = plan(&rules, &answer(score), noon()).effects;
            let words = effects.iter().map(|planned| {
                let value = serde_json::to_value(&planned.effect).unwrap();
                let which = ["template", "pool"].iter().find_map(|key| value[*key].as_str());
                which.map_or(planned.effect.as_str().to_owned(), |which| format!("{}:{which}", planned.effect.as_str()))
            });
            words.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn no_example_mails_where_it_says_so() {
    let rules = read("no-mails.yaml");
    for &trigger in Trigger::ALL {
        for score in 0..=10 {
            let facts = crate::Facts { trigger, ..answer(score) };
            let effects = plan(&rules, &facts, noon()).effects;
            assert!(effects.iter().all(|planned| planned.effect.as_str() != "send_mail"), "{trigger:?} {score}");
        }
    }
}

/// The words of a list that a message names.
fn words_of(text: &str, before: &str) -> Vec<String> {
    let message = told(&parse_yaml("rules.yaml", text).unwrap_err());
    let list = message.split(before).nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_else(|| panic!("{message}"));
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_word_stands_in_the_documentation() {
    let docs = fs::read_to_string(format!("{FOLDER}/../docs/rules.md")).unwrap();
    let triggers = words_of("- { key: a, on: nothing, then: [{ close: true }] }", "a trigger (");
    let actions = words_of("- { key: a, on: case_closed, then: [{ after: 1h }] }", "one action (");
    assert_eq!(triggers, Trigger::words());
    assert!(actions.len() >= 14, "{actions:?}");
    for word in triggers.iter().chain(&actions) {
        assert!(docs.contains(&format!("`{word}")), "docs/rules.md has no `{word}`");
    }
}

#[test]
fn every_example_is_here_and_in_the_documentation() {
    let docs = fs::read_to_string(format!("{FOLDER}/../docs/rules.md")).unwrap();
    let mut files: Vec<String> = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, EXAMPLES.map(|(file, _)| file));
    for file in files {
        assert!(docs.contains(&format!("(../examples/{file})")), "docs/rules.md does not name {file}");
    }
}
