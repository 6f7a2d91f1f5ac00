//! What a user is told about a rule file that can't be used: golden, word for word.

use super::told;
use crate::{KnownNames, parse_json, parse_yaml, parse_yaml_with};

/// What is told about a text, without the file's name.
fn mistakes(text: &str) -> Vec<String> {
    let errors = parse_yaml("f.yaml", text).expect_err("the text has mistakes");
    errors.iter().map(|error| error.to_string().replacen("f.yaml:", "", 1)).collect()
}

/// A rule whose `then` is a close step, with this text as its condition from line 3, column 7.
fn when(condition: &str) -> String {
    format!("key: a\non: response_settled\nwhen: {condition}\nthen: [{{ close: true }}]\n")
}

/// A rule with this text as its only step, from line 4, column 5.
fn step(step: &str) -> String {
    format!("key: a\non: response_settled\nthen:\n  - {step}\n")
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_was_expected() {
    let text = "\
rules:
  - key: Outreach
    nmae: Reach out
    on: [response_setled, no_first_contact]
    when:
      segmnet: detractor
      score: { lte: 11 }
    then:
      - open_task: Call
        owner: persn
        due: 48
      - send_mial: detractor_outreach
";
    assert_eq!(
        mistakes(text),
        [
            "2:10: expected the rule's key, got `Outreach`: it must be a key of 1 to 64 lower-case letters, digits, `-` or `_`",
            "3:5: unknown key `nmae`; did you mean `name`? (a rule has: key, name, on, when, then)",
            "4:10: expected a trigger (response_settled, response_corrected, task_overdue, no_first_contact, due_soon, not_closed_in_time, case_resolved, case_closed, mail_bounced, invitation_unanswered, referral_converted), got `response_setled`; did you mean `response_settled`?",
            "6:7: unknown key `segmnet`; did you mean `segment`? (a condition has: all, any, not, segment, score, survey, metric, channel, locale, person, account, comment, comment_contains, tag, loop_status, email)",
            "7:21: expected a score (a whole number from 0 to 10), got `11`",
            "10:16: expected an owner (case, person, account, manager, property:NAME, round_robin:TEAM, least_loaded:TEAM, team:KEY or a user's address), got `persn`: it is not a mail address: it has no @; did you mean `person`?",
            "11:14: expected a time such as 15m, 48h, 3d, 2w, 16bh or 2bd, at most 365d, got `48`",
            "12:9: unknown key `send_mial`; did you mean `send_mail`? (a step has: send_mail, open_task, assign, tag, escalate, give_incentive, create_referral, call_webhook, notify_chat, invite_review, ask_testimonial, resurvey, mark_not_needed, close, to, owner, due, after, if)",
        ]
    );
}

#[test]
fn conditions_of_the_wrong_kind() {
    for (condition, told) in [
        ("{ segment: detracter }", "3:18: expected a segment (detractor, passive, promoter), got `detracter`; did you mean `detractor`?"),
        ("{ segment: [detractor, 5] }", "3:30: expected a segment (detractor, passive, promoter), got `5`"),
        ("{ segment: [] }", "3:18: the list is empty; expected at least one value"),
        ("{ score: low }", "3:16: expected a score (a whole number from 0 to 10), got `low`"),
        ("{ score: { lt: 3.5 } }", "3:22: expected a score (a whole number from 0 to 10), got `3.5`"),
        ("{ score: { below: 3 } }", "3:18: unknown key `below` (a comparison has: equals, in, lt, lte, gt, gte, exists)"),
        ("{ person: gold }", "3:17: expected properties to compare, such as `{ plan: gold }`, got `gold`"),
        ("{ account: { value: { gte: \"10\" } } }", "3:34: expected a number without quotes, got `10`"),
        ("{ account: { value: { exists: yes } } }", "3:37: expected true or false, got `yes`"),
        ("{ comment: maybe }", "3:18: expected one of two words (present, absent), got `maybe`"),
        ("{ comment_contains: '?!' }", "3:27: expected a word or phrase with at least one letter or digit, got `?!`"),
        ("[{ tag: vip }]", "3:7: expected a mapping such as `segment: detractor` (put a list under `all:` or `any:`), got a list"),
        ("{ any: { tag: vip } }", "3:14: expected a list of at least one condition (each starts with `- `), got a mapping"),
        ("{}", "3:7: nothing is asked here; leave the key out if it shall always hold"),
        ("{ locale: Latvian language }", "3:17: expected a language tag such as lt or en-gb, got `Latvian language`"),
        (
            "detractor",
            "3:7: expected a condition: a mapping with all, any, not, segment, score, survey, metric, channel, locale, person, account, comment, comment_contains, tag, loop_status, email, got `detractor`",
        ),
    ] {
        assert_eq!(mistakes(&when(condition)), [told], "{condition}");
    }
}

#[test]
fn steps_of_the_wrong_kind() {
    for (text, told) in [
        (
            "{ close: true, after: 2 days }",
            "4:27: expected a delay such as 15m, 48h, 3d, 2w, 16bh or 2bd (0 is at once), at most 365d, got `2 days`",
        ),
        (
            "{ close: true, after: 366d }",
            "4:27: expected a delay such as 15m, 48h, 3d, 2w, 16bh or 2bd (0 is at once), at most 365d, got `366d`",
        ),
        ("{ close: false }", "4:14: expected true (leave the step out if it shall not happen), got `false`"),
        ("{ tag: [At Risk] }", "4:13: expected a tag, got `At Risk`: it must be a key of 1 to 64 lower-case letters, digits, `-` or `_`"),
        ("{ tag: vip, close: true }", "4:17: a step has one action, got `tag` and `close`; make it two steps"),
        (
            "{ after: 3d }",
            "4:5: a step needs one action (send_mail, open_task, assign, tag, escalate, give_incentive, create_referral, call_webhook, notify_chat, invite_review, ask_testimonial, resurvey, mark_not_needed, close)",
        ),
        ("{ send_mail: thanks }", "4:5: a step needs `to:` with customer, owner, team:KEY or an address"),
        ("{ tag: vip, due: 3d }", "4:17: `due` does not belong to `tag`, which takes after, if"),
        ("{ open_task: Call, owner: case, due: 0 }", "4:42: expected a time such as 15m, 48h, 3d, 2w, 16bh or 2bd, at most 365d, got `0`"),
        (
            "{ send_mail: thanks, to: custmer }",
            "4:30: expected a recipient (customer, owner, team:KEY or an address), got `custmer`: it is not a mail address: it has no @; did you mean `customer`?",
        ),
        (
            "{ invite_review: 'https://reviews.example@evil.example/' }",
            "4:22: expected an address such as https://reviews.example/write, got `https://reviews.example@evil.example/`",
        ),
        ("{ invite_review: 'https://...' }", "4:22: expected an address such as https://reviews.example/write, got `https://...`"),
        ("{ mark_not_needed: '' }", "4:24: expected the reason, got ``: it must not be empty"),
        (
            "close",
            "4:5: expected a step: a mapping with send_mail, open_task, assign, tag, escalate, give_incentive, create_referral, call_webhook, notify_chat, invite_review, ask_testimonial, resurvey, mark_not_needed, close, to, owner, due, after, if, got `close`",
        ),
    ] {
        assert_eq!(mistakes(&step(text)), [told], "{text}");
    }
    assert_eq!(mistakes("key: a\non: task_overdue\nthen: []\n"), ["3:7: expected a list of at least one step, got a list"]);
    let many = format!("key: a\non: task_overdue\nthen:\n{}", "  - close: true\n".repeat(51));
    assert_eq!(mistakes(&many), ["4:3: a rule has at most 50 steps, got 51; split it into several rules"]);
}

#[test]
fn files_of_the_wrong_shape() {
    for (text, told) in [
        ("", "1:1: the file is empty; expected a rule, a list of rules, or `rules:` with a list"),
        ("# nothing\n---\n", "3:1: expected a rule, a list of rules, or `rules:` with a list, got nothing"),
        ("hello", "1:1: expected a rule, a list of rules, or `rules:` with a list, got `hello`"),
        ("rulez:\n  - key: a\n", "1:1: unknown key `rulez`; did you mean `rules`? (a file with several rules has: rules)"),
        ("rules: a", "1:8: expected a list of rules (each starts with `- key: ...`), got `a`"),
        (
            "a: b: c",
            "1:5: this is not valid YAML: mapping values are not allowed in this context; put text that contains `: ` in quotes, and check the indentation of this line",
        ),
        ("a:\n\t- b", "2:2: this is not valid YAML: tabs disallowed within this context (block indentation); indent with spaces"),
        ("a: 1\n---\nb: 2\n", "2:1: a file is one document; put several rules in a list under `rules:`"),
        ("a: *b", "1:4: anchors and aliases (`&name`, `*name`) are not supported; write the value out, or in quotes if it is text"),
    ] {
        assert_eq!(mistakes(text), [told], "{text:?}");
    }
    let big = format!("# {}", "x".repeat(256 * 1024));
    assert_eq!(mistakes(&big), ["1:1: the file has 262146 bytes, at most 262144 are read; split it into several files"]);
    let deep = when(&format!("{}{{ tag: vip }}{}", "{ not: ".repeat(20), " }".repeat(20)));
    assert_eq!(mistakes(&deep), ["3:112: nested more than 16 deep; make the condition simpler or write two rules"]);
    assert!(told(&parse_yaml("f", &"[".repeat(9_000)).unwrap_err()).contains("nested more than 16 deep"));
}

#[test]
fn anchors_tags_and_doubles_are_told_and_the_rest_is_read_on() {
    let text = "key: &k a\non: !x response_settled\non: task_overdue\nwhen: { tag: *k }\nthen: { close: true }\n";
    assert_eq!(
        mistakes(text),
        [
            "1:6: anchors and aliases (`&name`, `*name`) are not supported; write the value out, or in quotes if it is text",
            "2:5: tags (`!name`) are not supported; leave it out, or put the text in quotes",
            "3:1: the key `on` stands on line 2 already; keep one of them",
            "4:14: anchors and aliases (`&name`, `*name`) are not supported; write the value out, or in quotes if it is text",
            "5:7: expected a list of steps (each starts with `- `), got a mapping",
        ]
    );
    let twice = "- { key: a, on: task_overdue, then: [{ close: true }] }\n- { key: a, on: task_overdue, then: [{ close: true }] }\n";
    assert_eq!(mistakes(twice), ["2:10: the rule key `a` is used on line 1 already; give each rule its own"]);
}

#[test]
fn names_that_do_not_exist_are_told_when_the_caller_knows_them() {
    let known = KnownNames { webhooks: None, templates: Some(&["passive_thanks"]), surveys: Some(&["nps", "csat"]), teams: Some(&[]) };
    let text = "\
key: a
on: response_settled
when: { survey: [nps, cast] }
then:
  - send_mail: pasive_thanks
    to: team:support
";
    let errors = parse_yaml_with("f", text, &known).unwrap_err();
    assert_eq!(
        told(&errors),
        "f:3:23: there is no survey `cast`; did you mean `csat`? (there is: nps, csat)\n\
         f:5:16: there is no mail template `pasive_thanks`; did you mean `passive_thanks`? (there is: passive_thanks)\n\
         f:6:9: there is no team `support` (there is: none)"
    );
    assert!(parse_yaml("f", text).is_ok());
}

#[test]
fn json_is_read_by_the_same_rules_and_places() {
    let text = "{\n\t\"key\": \"a\",\n\t\"on\":[\"response_settled\"],\n\t\"when\": {\"segment\":\"detracter\"},\n\t\"then\": [{\"close\": true}]\n}\n";
    let errors = parse_json("f.json", text).unwrap_err();
    assert_eq!(told(&errors), "f.json:4:21: expected a segment (detractor, passive, promoter), got `detracter`; did you mean `detractor`?");
    assert_eq!(parse_json("f.json", &text.replace("detracter", "detractor")).unwrap().len(), 1);
}

#[test]
fn a_flood_of_mistakes_is_cut_and_counted() {
    let lines: Vec<String> = (0..300).map(|index| format!("k{index}: 1")).collect();
    let told = mistakes(&lines.join("\n"));
    assert_eq!(told.len(), 101);
    assert!(told.last().unwrap().ends_with("and 203 more mistakes; correct these first"), "{:?}", told.last());
}
