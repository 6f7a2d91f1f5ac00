//! Time zones that this version does not know: refused by name when they are written, and told where another version wrote them.

use hearback_store::{ConnectionTrait as _, alerts, campaigns, invitations, waves};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{
    all, texts,
    waves::{person, until},
};

async fn put(app: &TestApp, key: &str, more: Value) {
    let mut body = json!({ "survey": "nps", "schedule": { "cron": "0 12 17 MAR,JUN,SEP,DEC *", "timezone": "Europe/Vilnius" } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.put(&format!("/campaigns/{key}"), body).await.expect(201);
}

/// As if another version had written it.
async fn rewrite(app: &TestApp, sql: &str) {
    app.cx.db.read().execute_unprepared(sql).await.unwrap();
}

async fn row(app: &TestApp, key: &str) -> campaigns::Model {
    all::<campaigns::Entity>(app).await.into_iter().find(|row| row.key == key).unwrap()
}

async fn waves_of(app: &TestApp, key: &str) -> Vec<waves::Model> {
    all::<waves::Entity>(app).await.into_iter().filter(|row| row.campaign == key).collect()
}

async fn raised(app: &TestApp, kind: &str) -> Vec<(String, i64, String)> {
    let rows = all::<alerts::Entity>(app).await.into_iter().filter(|row| row.kind == kind);
    rows.map(|row| (row.subject, row.count, row.message)).collect()
}

#[tokio::test]
async fn a_campaign_with_an_unknown_zone_is_refused_by_the_name_of_the_field() {
    on_every_database(async |app| {
        let wrong = json!({ "survey": "nps", "schedule": { "cron": "0 9 * * MON", "timezone": "Europe/Wilno" } });
        let refused = app.put("/campaigns/x", wrong.clone()).await;
        assert_eq!(refused.refused(), ["schedule.timezone"]);
        assert!(
            refused.text().contains("Europe/Wilno") && refused.text().contains("IANA name such as Europe/Vilnius"),
            "{}",
            refused.text()
        );
        let mut named = wrong;
        named["key"] = json!("x");
        assert_eq!(app.post("/campaigns", named).await.refused(), ["schedule.timezone"]);
        assert_eq!(app.put("/people", json!({ "email": "anna@example.com", "timezone": "Mars/Olympus" })).await.refused(), ["timezone"]);
        assert_eq!(app.get("/campaigns").await.expect(200)["items"], json!([]), "nothing was stored");
    })
    .await;
}

#[tokio::test]
async fn a_stored_campaign_whose_zone_is_not_known_says_so_and_stops_no_other() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        for key in ["lost", "relations"] {
            put(app, key, json!({})).await;
        }
        put(app, "newer", json!({ "schedule": null })).await;
        put(app, "after", json!({ "schedule": null, "trigger": { "event": "ticket_closed" } })).await;
        rewrite(app, "UPDATE campaigns SET body = replace(body, 'Europe/Vilnius', 'Mars/Olympus') WHERE key = 'lost'").await;
        rewrite(app, "UPDATE campaigns SET body = '{\"survey\":\"nps\",\"mode\":\"trickle\"}' WHERE key = 'newer'").await;

        let list = app.get("/campaigns").await.expect(200);
        assert_eq!(texts(&list["items"], "/key"), ["after", "lost", "newer", "relations"]);
        let trouble = texts(&list["items"], "/trouble");
        assert!(trouble[0].is_empty() && trouble[3].is_empty());
        assert!(
            trouble[1].contains("schedule.timezone") && trouble[1].contains("Mars/Olympus") && trouble[1].contains("IANA"),
            "{trouble:?}"
        );
        assert!(trouble[2].contains("trickle"), "{trouble:?}");
        let browser = app.log_in("boss@example.com", hearback_engine::role::Role::Admin).await;
        assert!(browser.get("/campaigns").await.text().contains("It can’t ask"));
        assert!(browser.get("/campaigns/lost").await.text().contains("Mars/Olympus"));
        assert!(browser.get("/campaigns/lost/edit").await.text().contains("value=\"Mars/Olympus\""), "not replaced behind one's back");
        for key in ["lost", "newer"] {
            app.get(&format!("/campaigns/{key}/plan")).await.expect(409);
            app.post(&format!("/campaigns/{key}/waves"), json!({})).await.expect(409);
        }
        let event = json!({ "event": "ticket_closed", "external_id": "t-1", "person": { "email": "bob@example.com" } });
        app.post("/interactions", event).await.expect(201);
        app.run_until_idle().await;
        assert_eq!(app.mails_to("bob@example.com").len(), 1, "who listens is asked all the same");

        until(app, "2026-03-17T10:00:05Z").await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1, "the other campaign goes on");
        assert!(
            waves_of(app, "lost").await.is_empty() && row(app, "lost").await.next_fire_at.is_some(),
            "a node that can read it may begin it"
        );
        until(app, "2026-03-18T10:00:05Z").await;
        let [missed] = waves_of(app, "lost").await.try_into().unwrap();
        assert_eq!(missed.status.as_str(), "missed");
        assert!(missed.reason.unwrap().contains("Mars/Olympus"));
        app.run_until_idle().await;
        let [(subject, count, message)] = raised(app, "wave_missed").await.try_into().unwrap();
        assert_eq!((subject.as_str(), count), ("lost", 1), "told once");
        assert!(message.contains("schedule.timezone") && message.contains("hearback waves run lost"), "{message}");
        assert_eq!(row(app, "lost").await.next_fire_at, None);

        // This version learns the zone, or somebody names another: only what is to come is computed.
        rewrite(app, "UPDATE campaigns SET body = replace(body, 'Mars/Olympus', 'Europe/Riga') WHERE key = 'lost'").await;
        app.run_until_idle().await;
        let next = hearback_store::time::from_millis(row(app, "lost").await.next_fire_at.unwrap());
        assert_eq!(next.to_rfc3339(), "2026-06-17T09:00:00+00:00");
        assert_eq!(waves_of(app, "lost").await[0].fire_at, missed.fire_at);
        // `fsck` tells what can't be read as long as it is there.
        rewrite(app, "DELETE FROM campaigns WHERE key = 'newer'").await;
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_campaign_that_can_be_read_within_a_day_asks_once_all_the_same() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        put(app, "lost", json!({})).await;
        rewrite(app, "UPDATE campaigns SET body = replace(body, 'Europe/Vilnius', 'Mars/Olympus')").await;
        until(app, "2026-03-17T14:00:05Z").await;
        assert!(app.mails().is_empty() && waves_of(app, "lost").await.is_empty());
        rewrite(app, "UPDATE campaigns SET body = replace(body, 'Mars/Olympus', 'Europe/Vilnius')").await;
        app.run_until_idle().await;
        until(app, "2026-03-18T14:00:05Z").await;
        let [wave] = waves_of(app, "lost").await.try_into().unwrap();
        assert_eq!(hearback_store::time::from_millis(wave.fire_at).to_rfc3339(), "2026-03-17T10:00:00+00:00", "for its own moment");
        assert_ne!(wave.status.as_str(), "missed");
        assert_eq!(app.mails_to("anna@example.com").len(), 1);
        assert!(raised(app, "wave_missed").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_wave_whose_zone_is_not_known_any_more_stands_still_with_a_reason() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        person(app, "bob@example.com", json!({ "timezone": "America/New_York" })).await;
        put(app, "lost", json!({ "recontact_days": 0 })).await;
        until(app, "2026-03-17T10:00:05Z").await;
        let places = async || {
            let rows = all::<invitations::Entity>(app).await;
            rows.into_iter().map(|row| (row.id, row.due_at, row.state)).collect::<std::collections::BTreeSet<_>>()
        };
        let before = places().await;
        rewrite(app, "UPDATE waves SET body = replace(body, 'Europe/Vilnius', 'Mars/Olympus')").await;
        until(app, "2026-03-17T15:00:00Z").await;
        let [wave] = waves_of(app, "lost").await.try_into().unwrap();
        assert_eq!(wave.status.as_str(), "paused");
        assert!(wave.reason.as_deref().unwrap().contains("Mars/Olympus"));
        assert_eq!((app.mails_to("anna@example.com").len(), app.mails_to("bob@example.com").len()), (1, 0));
        assert_eq!(places().await, before, "nobody's place moved");
        let [(_, count, message)] = raised(app, "wave_paused").await.try_into().unwrap();
        assert!(count == 1 && message.contains("schedule.timezone"), "{message}");
        let shown = app.get(&format!("/waves/{}", wave.id)).await.expect(200);
        assert_eq!(shown["plan"]["schedule"]["timezone"], "Mars/Olympus");

        rewrite(app, "UPDATE waves SET body = replace(body, 'Mars/Olympus', 'Europe/Vilnius')").await;
        app.post(&format!("/waves/{}/resume", wave.id), json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!((app.mails_to("anna@example.com").len(), app.mails_to("bob@example.com").len()), (1, 1));
        assert_eq!(waves_of(app, "lost").await[0].fire_at, wave.fire_at);
    })
    .await;
}

#[tokio::test]
async fn new_rules_of_a_zone_move_only_what_is_to_come() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        put(app, "relations", json!({})).await;
        until(app, "2026-03-17T10:00:05Z").await;
        let fired = waves_of(app, "relations").await;
        let right = row(app, "relations").await.next_fire_at.unwrap();
        // As the version before computed it, by which that summer was an hour off, and the wave as well.
        rewrite(app, "UPDATE campaigns SET next_fire_at = next_fire_at + 3600000").await;
        rewrite(app, "UPDATE waves SET fire_at = fire_at - 3600000").await;
        app.run_until_idle().await;
        assert_eq!(row(app, "relations").await.next_fire_at, Some(right));
        assert_eq!(waves_of(app, "relations").await[0].fire_at, fired[0].fire_at - 3_600_000, "what was is as it was");
        // A clock behind the latest wave brings its moment no second time.
        rewrite(app, "UPDATE waves SET fire_at = fire_at + 3600000").await;
        app.clock.advance(-chrono::Duration::hours(3));
        app.run_until_idle().await;
        assert_eq!(row(app, "relations").await.next_fire_at, Some(right));
        app.post("/campaigns/relations/pause", json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(row(app, "relations").await.next_fire_at, None, "who is paused stays so");
    })
    .await;
}
