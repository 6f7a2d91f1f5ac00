use serde_json::json;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-03-16T09:00:00Z".parse().unwrap()
}

fn refused(plan: Value) -> Vec<String> {
    let plan: Plan = serde_json::from_value(plan).unwrap();
    plan.checked(now()).unwrap_err().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn the_plan_of_the_documentation_is_read_and_written_back() {
    let written = json!({
        "survey": "nps", "audience": { "person": { "plan": "gold" } },
        "schedule": { "cron": "0 9 1 JAN,APR,JUL,OCT *", "timezone": "Europe/Vilnius" },
        "mode": "calendar", "channel": "email", "recontact_days": 30, "account_cap": null, "daily_cap": null, "sample": 1.0,
        "window": { "from": "09:00", "to": "17:00", "days": ["MON", "TUE", "WED", "THU", "FRI"], "holidays": ["2026-12-24"] },
        "late": "move", "late_hours": 24, "reminders": [{ "after_days": 3 }]
    });
    let plan: Plan = serde_json::from_value(written.clone()).unwrap();
    let plan = plan.checked(now()).unwrap();
    assert_eq!(serde_json::to_value(&plan).unwrap(), written);
    assert_eq!(plan.times().unwrap().unwrap().after(now()).next().unwrap().to_rfc3339(), "2026-04-01T06:00:00+00:00");
    let least: Plan = serde_json::from_value(json!({ "survey": "nps" })).unwrap();
    assert_eq!(least, Plan::of("nps"));
}

#[test]
fn every_wrong_field_is_named() {
    let bad = json!({
        "survey": "No Such", "schedule": { "cron": "0 9 30 2 *", "timezone": "Europe/Vilnius" }, "recontact_days": 1000,
        "account_cap": 0, "daily_cap": 0, "sample": 0.0, "late_hours": 0, "answer_days": 0,
        "window": { "from": "17:00", "to": "09:00", "days": ["MON"], "holidays": ["9999-12-31"] },
        "reminders": [{ "after_days": 3 }, { "after_days": 3 }, { "after_days": 7 }, { "after_days": 9 }]
    });
    let fields = refused(bad);
    for field in [
        "survey",
        "schedule.cron",
        "recontact_days",
        "account_cap",
        "daily_cap",
        "sample",
        "late_hours",
        "answer_days",
        "window.to",
        "window.holidays",
        "reminders",
        "reminders[1].after_days",
    ] {
        assert!(fields.contains(&field.to_owned()), "{field} in {fields:?}");
    }
    assert_eq!(refused(json!({ "survey": "nps", "schedule": { "cron": "0 9 * * *", "timezone": "Mars/Olympus" } })), ["schedule.timezone"]);
    assert_eq!(refused(json!({ "survey": "nps", "schedule": { "cron": "0 9 1 1 * 2038" } })), ["schedule.cron"]);
    assert_eq!(refused(json!({ "survey": "nps", "mode": "spread" })), ["mode"]);
    assert_eq!(refused(json!({ "survey": "nps", "schedule": { "cron": "0 9 * * *" }, "trigger": { "event": "x" } })), ["trigger"]);
    assert_eq!(refused(json!({ "survey": "nps", "window": { "days": [] } })), ["window.days"]);
    assert!(serde_json::from_value::<Plan>(json!({ "survey": "nps", "recontct_days": 3 })).is_err());
}

#[test]
fn every_reason_has_a_word_and_a_sentence() {
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        assert!(reason.sentence().ends_with('.'), "{reason:?}");
    }
    assert_eq!(Reason::of_suppression("manual"), Reason::BlockedByUs);
}

#[test]
fn reminders_are_counted_from_the_invitation() {
    let plan = Plan { reminders: vec![Reminder { after_days: 3 }, Reminder { after_days: 7 }], ..Plan::of("nps") };
    assert_eq!(plan.reminder_due(now(), 1), Some(now() + chrono::TimeDelta::days(7)));
    assert_eq!(plan.reminder_due(now(), 2), None);
}

#[test]
fn what_was_missed_becomes_one_wave_if_it_is_not_too_late() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let fires = || vec![at("2026-03-14T07:00:00Z"), at("2026-03-15T07:00:00Z"), at("2026-03-16T07:00:00Z")];
    assert_eq!(catch_up(fires(), at("2026-03-16T07:00:04Z")), (Some(at("2026-03-16T07:00:00Z")), fires()[..2].to_vec()));
    assert_eq!(catch_up(fires(), at("2026-03-17T07:00:00Z")).0, Some(at("2026-03-16T07:00:00Z")));
    assert_eq!(catch_up(fires(), at("2026-03-17T07:00:01Z")), (None, fires()));
}

#[test]
fn waves_are_called_by_what_tells_them_apart() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let name = |from, until| wave_name(at(from), until, Tz::Europe__Vilnius);
    assert_eq!(name("2026-10-01T06:00:00Z", Some(at("2027-01-01T07:00:00Z"))), "2026-Q4");
    assert_eq!(name("2026-02-01T07:00:00Z", Some(at("2026-03-01T07:00:00Z"))), "2026-02");
    assert_eq!(name("2026-03-28T07:00:00Z", Some(at("2026-03-29T06:00:00Z"))), "2026-03-28");
    assert_eq!(name("2026-03-16T09:00:00Z", None), "2026-03-16 11:00");
}
