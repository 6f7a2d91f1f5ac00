//! Campaigns: written down, changed, fired once whatever the clocks and the number of nodes, caught up after a silence.

use chrono::{DateTime, Duration, Utc};
use hearback_engine::{Actor, campaigns::fire, role::Scope};
use hearback_store::{alerts, campaigns, waves};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::json;

use super::{
    all, texts,
    waves::{campaign, person, until},
};

async fn next_fire(app: &TestApp) -> Option<DateTime<Utc>> {
    let row = all::<campaigns::Entity>(app).await.pop().unwrap();
    row.next_fire_at.map(hearback_store::time::from_millis)
}

/// Status and moment of each wave, by moment.
async fn fired(app: &TestApp) -> Vec<(String, String)> {
    let mut rows = all::<waves::Entity>(app).await;
    rows.sort_by_key(|row| row.fire_at);
    rows.into_iter()
        .map(|row| (row.status.to_string(), hearback_store::time::from_millis(row.fire_at).format("%m-%d %H:%M").to_string()))
        .collect()
}

#[tokio::test]
async fn a_campaign_says_when_it_asks_and_what_is_wrong_with_it() {
    on_every_database(async |app| {
        let made = campaign(app, json!({ "name": "Relations" })).await;
        assert_eq!((&made["key"], &made["status"], &made["name"]), (&json!("relations"), &json!("active"), &json!("Relations")));
        assert_eq!(made["next"][0], json!({ "utc": "2026-03-17T10:00:00Z", "local": "2026-03-17T12:00:00+02:00" }));
        assert_eq!(made["next"][1]["utc"], "2026-06-17T09:00:00Z");
        let wrong = json!({
            "survey": "none", "audience": { "segment": "detractor" }, "schedule": { "cron": "0 9 30 2 *", "timezone": "Europe/Vilnius" },
            "window": { "from": "17:00", "to": "09:00", "holidays": ["9999-12-31"] }, "sample": 2
        });
        assert_eq!(app.put("/campaigns/x", wrong).await.refused(), ["audience", "schedule.cron", "sample", "window.to", "window.holidays"]);
        assert_eq!(app.put("/campaigns/x", json!({ "survey": "none" })).await.refused(), ["survey"]);
        assert_eq!(app.put("/campaigns/No%20Key", json!({ "survey": "nps" })).await.refused(), ["key"]);
        let late = json!({ "survey": "nps", "schedule": { "cron": "0 0 9 1 1 * 2099" } });
        assert_eq!(app.put("/campaigns/x", late).await.refused(), ["schedule.cron"]);
        assert_eq!(app.get("/campaigns/relations/plan?at=9999-12-31").await.refused(), ["at"]);
        app.post("/campaigns", json!({ "key": "y", "survey": "nps" })).await.expect(201);
        app.post("/campaigns", json!({ "key": "y", "survey": "csat" })).await.expect(200);
        assert_eq!(texts(&app.get("/campaigns").await.expect(200)["items"], "/key"), ["relations", "y"]);
        app.post("/waves", json!({ "campaign": "none" })).await.expect(404);
        assert_eq!(app.post("/waves", json!({ "campaign": "y" })).await.expect(201)["status"], "planning");
        app.post("/campaigns/y/end", json!({})).await.expect(200);
        app.post("/campaigns/y/waves", json!({})).await.expect(409);
        app.run_until_idle().await;
        let named = texts(&app.get("/audit?limit=50").await.expect(200)["items"], "/action");
        assert!(named.contains(&"campaign.created".to_owned()) && named.contains(&"wave.begun".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_change_never_makes_it_fire_and_loses_no_fire() {
    on_every_database(async |app| {
        campaign(app, json!({})).await;
        app.clock.set("2026-03-17T10:00:00Z".parse().unwrap());
        campaign(app, json!({ "sample": 0.5 })).await;
        assert_eq!(next_fire(app).await.unwrap().to_rfc3339(), "2026-03-17T10:00:00+00:00", "the fire of this very second stays");
        app.run_until_idle().await;
        assert_eq!(fired(app).await.len(), 1);
        let earlier = json!({ "schedule": { "cron": "0 11 17 MAR,JUN,SEP,DEC *", "timezone": "Europe/Vilnius" } });
        campaign(app, earlier).await;
        assert_eq!(next_fire(app).await.unwrap().to_rfc3339(), "2026-06-17T08:00:00+00:00", "not the one that has passed");
        app.run_until_idle().await;
        assert_eq!(fired(app).await.len(), 1);
        app.post("/campaigns/relations/pause", json!({})).await.expect(200);
        assert_eq!(next_fire(app).await, None);
        campaign(app, json!({})).await;
        assert_eq!(next_fire(app).await, None, "a change wakes nothing that is paused");
        until(app, "2026-06-20T08:00:00Z").await;
        app.post("/campaigns/relations/resume", json!({})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(fired(app).await.len(), 1, "what was passed over is not made up for");
        assert_eq!(next_fire(app).await.unwrap().to_rfc3339(), "2026-09-17T09:00:00+00:00");
    })
    .await;
}

#[tokio::test]
async fn a_silence_is_caught_up_with_one_wave_or_told_as_missed() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        campaign(app, json!({ "schedule": { "cron": "0 9 * * *", "timezone": "Europe/Vilnius" } })).await;
        app.clock.set("2026-03-20T10:00:00Z".parse().unwrap());
        app.run_until_idle().await;
        let one = |status: &str, at: &str| (status.to_owned(), at.to_owned());
        assert_eq!(
            fired(app).await,
            [one("missed", "03-17 07:00"), one("missed", "03-18 07:00"), one("missed", "03-19 07:00"), one("running", "03-20 07:00")]
        );
        assert_eq!(app.mails().len(), 1, "one, not four");
        let raised = all::<alerts::Entity>(app).await;
        assert_eq!((raised.len(), raised[0].kind.as_str(), raised[0].subject.as_str()), (1, "wave_missed", "relations"));
        campaign(app, json!({ "schedule": { "cron": "0 9 1 * *", "timezone": "Europe/Vilnius" } })).await;
        app.clock.set("2026-05-10T10:00:00Z".parse().unwrap());
        app.run_until_idle().await;
        assert_eq!(fired(app).await[4..], [one("missed", "04-01 06:00"), one("missed", "05-01 06:00")], "forty days down");
        assert_eq!(app.mails().len(), 1);
        assert_eq!(next_fire(app).await.unwrap().to_rfc3339(), "2026-06-01T06:00:00+00:00");
    })
    .await;
}

#[tokio::test]
async fn two_nodes_whose_clocks_differ_fire_once() {
    Box::pin(on_every_database(async |app| {
        let early = app.second_node().await;
        for number in 0..5 {
            person(app, &format!("{number}@example.com"), json!({})).await;
        }
        campaign(app, json!({ "schedule": { "cron": "0 * * * *", "timezone": "UTC" }, "recontact_days": 0, "window": { "from": "00:00", "to": "00:00" } })).await;
        for hour in 10..14 {
            let exact: DateTime<Utc> = format!("2026-03-16T{hour}:00:00Z").parse().unwrap();
            for seconds in [-120, -60, 0, 60, 120] {
                // The clock is shared: each node looks in turn with its own time on it.
                app.clock.set(exact + Duration::seconds(seconds + 60));
                fire::fire_due(&early.cx).await.unwrap();
                app.clock.set(exact + Duration::seconds(seconds - 60));
                fire::fire_due(&app.cx).await.unwrap();
                let (one, other) = tokio::join!(fire::fire_due(&early.cx), fire::fire_due(&app.cx));
                assert!(one.is_ok() && other.is_ok());
            }
        }
        let fires: Vec<_> = fired(app).await.into_iter().map(|(_, at)| at).collect();
        assert_eq!(fires, ["03-16 10:00", "03-16 11:00", "03-16 12:00", "03-16 13:00"]);
        app.clock.set("2026-03-16T13:30:00Z".parse().unwrap());
        app.run_until_idle().await;
        early.end().await;
    }))
    .await;
}

#[tokio::test]
async fn a_clock_that_goes_back_fires_nothing_again() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        campaign(app, json!({})).await;
        until(app, "2026-03-17T10:00:00Z").await;
        assert_eq!((fired(app).await.len(), app.mails().len()), (1, 1));
        app.clock.advance(-Duration::hours(2));
        app.run_until_idle().await;
        campaign(app, json!({ "sample": 0.9 })).await;
        until(app, "2026-03-17T12:00:00Z").await;
        assert_eq!((fired(app).await.len(), app.mails().len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_campaign_belongs_to_its_workspace() {
    on_every_database(async |app| {
        person(app, "anna@example.com", json!({})).await;
        let other = app.second_workspace().await;
        let theirs = app.key(other, Scope::Admin).await;
        campaign(app, json!({})).await;
        theirs.put("/api/v1/campaigns/relations", &json!({ "survey": "csat" })).await.expect(201);
        assert_eq!(theirs.post("/api/v1/campaigns/relations/waves", &json!({})).await.expect(201)["people"], 0);
        app.run_until_idle().await;
        assert_eq!(app.mails().len(), 0, "their wave has none of our people");
        assert_eq!(app.get("/waves").await.expect(200)["items"], json!([]));
        let wave = fire::run_now(&app.cx, app.ws, &Actor::Operator, "relations").await.unwrap();
        theirs.get(&format!("/api/v1/waves/{}", wave.id)).await.expect(404);
        theirs.post(&format!("/api/v1/waves/{}/pause", wave.id), &json!({})).await.expect(404);
        app.run_until_idle().await;
        assert_eq!(app.mails().len(), 1);
    })
    .await;
}
