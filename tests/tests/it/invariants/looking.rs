//! Looking never changes anything: every GET of the router, with data to look at, as one who may do everything.

use std::collections::BTreeMap;

use chrono::Duration;
use hearback_core::{state::JobState, token::Purpose};
use hearback_engine::{
    alerts::{Alert, AlertKind, raise},
    role::Role,
};
use hearback_store::outbox::Job;
use hearback_store::{
    EntityTrait, accounts, alerts, api_keys, audit, audit_heads, calendars, campaigns, cases, contact_attempts, conversions, deliveries,
    events, former_addresses, incentive_codes, incentive_waits, interactions, invitations, known_addresses, loop_counts, mailboxes,
    messages, outbox, persons, policies, pools, preferences, recovery_codes, referrals, responses, rollups, rule_hours, rule_sets,
    rule_versions, runs, second_factors, sessions, suppressions, surveys, tasks, team_members, teams, testimonials, unconfirmed, users,
    waves, webhooks, widgets, workspaces,
};
use hearback_tests::app::{Options, TestApp, on_every_database};
use serde_json::json;

/// A row of each table as text, but for when a key and a session were last used.
pub(crate) async fn dump(app: &TestApp) -> BTreeMap<&'static str, Vec<String>> {
    let mut tables = BTreeMap::new();
    rows::<accounts::Entity>(app, "accounts", &mut tables).await;
    rows::<alerts::Entity>(app, "alerts", &mut tables).await;
    rows::<audit::Entity>(app, "audit", &mut tables).await;
    rows::<audit_heads::Entity>(app, "audit_heads", &mut tables).await;
    rows::<known_addresses::Entity>(app, "known_addresses", &mut tables).await;
    rows::<recovery_codes::Entity>(app, "recovery_codes", &mut tables).await;
    rows::<second_factors::Entity>(app, "second_factors", &mut tables).await;
    rows::<calendars::Entity>(app, "calendars", &mut tables).await;
    rows::<cases::Entity>(app, "cases", &mut tables).await;
    rows::<contact_attempts::Entity>(app, "contact_attempts", &mut tables).await;
    rows::<conversions::Entity>(app, "conversions", &mut tables).await;
    rows::<deliveries::Entity>(app, "deliveries", &mut tables).await;
    rows::<events::Entity>(app, "events", &mut tables).await;
    rows::<former_addresses::Entity>(app, "former_addresses", &mut tables).await;
    rows::<incentive_codes::Entity>(app, "incentive_codes", &mut tables).await;
    rows::<incentive_waits::Entity>(app, "incentive_waits", &mut tables).await;
    rows::<outbox::Entity>(app, "outbox", &mut tables).await;
    rows::<persons::Entity>(app, "persons", &mut tables).await;
    rows::<pools::Entity>(app, "pools", &mut tables).await;
    rows::<preferences::Entity>(app, "preferences", &mut tables).await;
    rows::<referrals::Entity>(app, "referrals", &mut tables).await;
    rows::<policies::Entity>(app, "policies", &mut tables).await;
    rows::<responses::Entity>(app, "responses", &mut tables).await;
    rows::<rollups::Entity>(app, "rollups", &mut tables).await;
    rows::<loop_counts::Entity>(app, "loop_counts", &mut tables).await;
    rows::<loop_counts::taken::Entity>(app, "loop_durations", &mut tables).await;
    rows::<rule_sets::Entity>(app, "rule_sets", &mut tables).await;
    rows::<rule_hours::Entity>(app, "rule_hours", &mut tables).await;
    rows::<rule_versions::Entity>(app, "rule_versions", &mut tables).await;
    rows::<runs::Entity>(app, "runs", &mut tables).await;
    rows::<suppressions::Entity>(app, "suppressions", &mut tables).await;
    rows::<surveys::Entity>(app, "surveys", &mut tables).await;
    rows::<tasks::Entity>(app, "tasks", &mut tables).await;
    rows::<team_members::Entity>(app, "team_members", &mut tables).await;
    rows::<teams::Entity>(app, "teams", &mut tables).await;
    rows::<testimonials::Entity>(app, "testimonials", &mut tables).await;
    rows::<users::Entity>(app, "users", &mut tables).await;
    rows::<webhooks::Entity>(app, "webhooks", &mut tables).await;
    rows::<workspaces::Entity>(app, "workspaces", &mut tables).await;
    rows::<campaigns::Entity>(app, "campaigns", &mut tables).await;
    rows::<interactions::Entity>(app, "interactions", &mut tables).await;
    rows::<invitations::Entity>(app, "invitations", &mut tables).await;
    rows::<mailboxes::Entity>(app, "mailboxes", &mut tables).await;
    rows::<messages::Entity>(app, "messages", &mut tables).await;
    rows::<unconfirmed::Entity>(app, "unconfirmed", &mut tables).await;
    rows::<waves::Entity>(app, "waves", &mut tables).await;
    rows::<widgets::Entity>(app, "widgets", &mut tables).await;
    let keys = api_keys::Entity::find().all(app.cx.db.read()).await.unwrap();
    tables.insert("api_keys", keys.into_iter().map(|row| format!("{:?}", api_keys::Model { used_at: None, ..row })).collect());
    let seen = sessions::Entity::find().all(app.cx.db.read()).await.unwrap();
    tables.insert("sessions", seen.into_iter().map(|row| format!("{:?}", sessions::Model { seen_at: 0, ..row })).collect());
    for rows in tables.values_mut() {
        rows.sort();
    }
    tables
}

async fn rows<E: EntityTrait>(app: &TestApp, table: &'static str, tables: &mut BTreeMap<&'static str, Vec<String>>) {
    let rows = E::find().all(app.cx.db.read()).await.unwrap();
    tables.insert(table, rows.iter().map(|row| format!("{row:?}")).collect());
}

/// The paths that answer to GET.
fn get_routes() -> Vec<&'static str> {
    hearback_web::route::all().iter().filter(|route| route.method == "GET").map(|route| route.path.as_str()).collect()
}

/// An answer of each kind with all that follows; for each route with a place in it, a path that shows something.
pub(super) async fn data(app: &TestApp) -> Vec<(&'static str, String)> {
    let low = json!({ "survey": "nps", "score": 1, "comment": "late", "person": { "email": "anna@example.com", "properties": { "plan": "gold" } } });
    let low = app.post("/responses", low).await.expect(201);
    app.stock("thank-you", &["A", "B"]).await;
    app.answer("mia@example.com", 10).await;
    app.answer("jonas@example.com", 7).await;
    // Not idle on purpose: due work waits while somebody looks.
    app.run_until_idle().await;
    app.clock.advance(Duration::hours(2));
    app.run_until_idle().await;
    app.clock.advance(Duration::days(3));
    app.answer("late@example.com", 2).await;
    app.api.put("/api/v1/accounts", &json!({ "key": "acme", "name": "Acme at example.com" })).await.expect(200);
    let keys = app.get("/apikeys").await.expect(200);
    let tx = app.cx.db.write().await.unwrap();
    raise(&tx, app.ws, &[Alert::new(AlertKind::ALL[0], "anything", "look at this")], app.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.add_user("staff@shop.example", "Staff", Role::Agent, None).await;
    let given_up = given_up(app).await;
    let staff = app.get("/teams").await.expect(200);
    let alerts = app.get("/alerts").await.expect(200);
    // A rule that no other workspace has.
    let rule = "{ key: only-here, on: case_closed, when: { tag: [x] }, then: [{ tag: [y] }] }";
    app.api.send("POST", "/api/v1/rules", &[("content-type", "application/yaml")], rule).await.expect(200);
    let case = app.case_of(&low).await;
    let id = |pointer: &str| case.pointer(pointer).and_then(serde_json::Value::as_str).unwrap().to_owned();
    let person = id("/person/id");
    let token = app.cx.settings.secret_key.sign(Purpose::Unsubscribe, app.ws.uuid(), person.parse().unwrap());
    let until = app.now() + Duration::days(365);
    let own = app.cx.settings.secret_key.sign_at(Purpose::OwnData, app.ws.uuid(), person.parse().unwrap(), until);
    let [link] = referrals::Entity::find().all(app.cx.db.read()).await.unwrap().try_into().unwrap();
    app.post("/surveys", json!({ "key": "asked-here", "name": "Asked here", "metric": "ces" })).await.expect(201);
    let (_, asked) = hearback_tests::survey::invite_address(&app.cx, app.ws, "asked@example.com").await;
    let words = format!("/t/{}", app.cx.settings.secret_key.sign(Purpose::Testimonial, app.ws.uuid(), id("/id").parse().unwrap()));
    app.api.form(&words, "text=So+kind&permission=public").await;
    let testimonial = hearback_core::id::RecordId::derived(&format!("testimonial/{}", id("/id")));
    let widget = json!({ "name": "Shop", "survey": "nps", "origins": ["https://shop.example"] });
    let widget = app.post("/widgets", widget).await.expect(201);
    let letter = "From: stranger@example.com\nSubject: hello\n\nIs anybody there?\n";
    let message = app.api.send("POST", "/api/v1/inbound", &[("content-type", "message/rfc822")], letter).await.expect(201);
    let message = message["id"].as_str().unwrap();

    let plan = json!({ "survey": "nps", "audience": { "person": { "plan": "gold" } } });
    app.put("/campaigns/only-here", plan).await.expect(201);
    let wave = app.post("/campaigns/only-here/waves", json!({})).await.expect(201);
    let invitation = app.post("/invitations", json!({ "survey": "nps", "person": { "email": "anna@example.com" } })).await.expect(201);
    vec![
        ("/campaigns/{key}", "/campaigns/only-here".to_owned()),
        ("/campaigns/{key}/{step}", "/campaigns/only-here/edit".to_owned()),
        ("/waves/{id}", format!("/waves/{}", wave["id"].as_str().unwrap())),
        ("/waves/{id}/{step}", format!("/waves/{}/pause", wave["id"].as_str().unwrap())),
        ("/api/v1/campaigns/{key}/plan", "/api/v1/campaigns/only-here/plan".to_owned()),
        ("/api/v1/campaigns/{key}", "/api/v1/campaigns/only-here".to_owned()),
        ("/api/v1/waves/{id}", format!("/api/v1/waves/{}", wave["id"].as_str().unwrap())),
        ("/api/v1/invitations/{id}", format!("/api/v1/invitations/{}", invitation["id"].as_str().unwrap())),
        ("/w/{key}", format!("/w/{}", widget["public_key"].as_str().unwrap())),
        ("/api/v1/widgets/{id}", format!("/api/v1/widgets/{}", widget["id"].as_str().unwrap())),
        ("/api/v1/responses/{id}", format!("/api/v1/responses/{}", low["id"].as_str().unwrap())),
        ("/api/v1/cases/{id}", format!("/api/v1/cases/{}", id("/id"))),
        ("/api/v1/tasks/{id}", format!("/api/v1/tasks/{}", id("/tasks/0/id"))),
        ("/api/v1/deliveries/{id}", format!("/api/v1/deliveries/{}", id("/deliveries/0/id"))),
        ("/api/v1/pools/{key}", "/api/v1/pools/thank-you".to_owned()),
        ("/api/v1/pools/{key}/codes", "/api/v1/pools/thank-you/codes".to_owned()),
        ("/api/v1/calendars/{key}", "/api/v1/calendars/none".to_owned()),
        ("/api/v1/teams/{key}", "/api/v1/teams/none".to_owned()),
        ("/api/v1/webhooks/{key}", "/api/v1/webhooks/crm".to_owned()),
        ("/api/v1/rules/{key}", "/api/v1/rules/only-here".to_owned()),
        ("/api/v1/rules/{key}/runs", "/api/v1/rules/only-here/runs".to_owned()),
        ("/api/v1/people/{id}", format!("/api/v1/people/{person}")),
        ("/api/v1/accounts/{key}", "/api/v1/accounts/acme".to_owned()),
        ("/api/v1/apikeys/{id}", format!("/api/v1/apikeys/{}", keys["items"][0]["id"].as_str().unwrap())),
        ("/api/v1/users/{id}", format!("/api/v1/users/{}", staff["items"][0]["members"][0]["id"].as_str().unwrap())),
        ("/api/v1/users/{id}/sessions", format!("/api/v1/users/{}/sessions", staff["items"][0]["members"][0]["id"].as_str().unwrap())),
        ("/api/v1/jobs/{id}", format!("/api/v1/jobs/{given_up}")),
        ("/api/v1/alerts/{id}", format!("/api/v1/alerts/{}", alerts["items"][0]["id"].as_str().unwrap())),
        ("/rules/{key}", "/rules/only-here".to_owned()),
        ("/rules/{key}/{step}", "/rules/only-here/enable".to_owned()),
        ("/cases/{id}", format!("/cases/{}", id("/id"))),
        ("/account/{step}", "/account/nothing".to_owned()),
        ("/cases/{id}/{step}", format!("/cases/{}/close", id("/id"))),
        ("/mail/{name}", "/mail/none.eml".to_owned()),
        ("/mail/{name}/html", "/mail/none.eml/html".to_owned()),
        ("/api/v1/messages/{id}", format!("/api/v1/messages/{message}")),
        ("/messages/{id}", format!("/messages/{message}")),
        ("/me/{token}", format!("/me/{own}")),
        ("/u/{token}", format!("/u/{token}")),
        ("/t/{token}", words),
        ("/api/v1/testimonials/{id}", format!("/api/v1/testimonials/{testimonial}")),
        ("/api/v1/referrals/{code}", format!("/api/v1/referrals/{}", link.code)),
        ("/api/v1/suppressions/{address}", "/api/v1/suppressions/nobody@elsewhere.lt?note=x".to_owned()),
        ("/r/{code}", format!("/r/{}", link.code)),
        ("/s/{token}", format!("{asked}?score=3")),
        ("/surveys/{key}", "/surveys/asked-here".to_owned()),
        ("/surveys/{key}/{step}", "/surveys/asked-here/publish".to_owned()),
        ("/api/v1/surveys/{key}", "/api/v1/surveys/asked-here".to_owned()),
        ("/p/{survey}", "/p/nps".to_owned()),
        ("/s-style/{file}", "/s-style/0f766e.css".to_owned()),
        ("/static/{file}", "/static/survey.css".to_owned()),
    ]
}

/// The id of a job that was given up.
async fn given_up(app: &TestApp) -> String {
    let job = outbox::row(app.ws, &Job::Noop, "given up", app.now(), app.now(), None);
    let job = outbox::Model { state: JobState::Dead.into(), ..job };
    let tx = app.cx.db.write().await.unwrap();
    outbox::enqueue(&tx, std::slice::from_ref(&job)).await.unwrap();
    tx.commit().await.unwrap();
    job.id.to_string()
}

#[tokio::test]
async fn a_get_changes_nothing() {
    on_every_database(async |app| {
        let places = data(app).await;
        let boss = app.log_in("boss@shop.example", Role::Admin).await.and_key(app.key_text());
        let before = dump(app).await;
        let mut shown = 0;
        for route in get_routes() {
            let path = places.iter().find(|(known, _)| *known == route).map_or(route, |(_, path)| path.as_str());
            assert!(!path.contains('{'), "say in `data` what {route} should be asked with");
            for (method, query) in [("GET", ""), ("GET", "?limit=1"), ("HEAD", ""), ("OPTIONS", "")] {
                let answer = boss.send(method, &format!("{path}{query}"), &[], "").await;
                assert!(answer.status < 500, "{method} {path}: {}", answer.text());
                shown += usize::from(method == "GET" && answer.status == 200);
                app.clock.advance(Duration::minutes(2));
            }
        }
        assert!(shown > 20, "only {shown} routes showed anything");
        let after = dump(app).await;
        for (table, rows) in before {
            assert_eq!(after[table], rows, "{table} changed");
        }
    })
    .await;
}

/// Whoever adds a table adds it to `dump`.
#[tokio::test]
async fn the_check_looks_at_every_table() {
    let app = TestApp::on(hearback_tests::database::Kind::Sqlite, &Options::default()).await;
    let looked_at: Vec<String> = dump(&app).await.into_keys().map(str::to_owned).collect();
    let mut tables: Vec<String> = super::sources()
        .iter()
        .filter(|source| source.path.starts_with("crates/store/src/"))
        .flat_map(|source| {
            source.code.split("table_name = \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    tables.sort();
    assert_eq!(looked_at, tables);
}

/// The negative control: a POST is noticed.
#[tokio::test]
async fn a_change_is_noticed() {
    on_every_database(async |app| {
        let before = dump(app).await;
        app.answer("anna@example.com", 5).await;
        let after = dump(app).await;
        let changed: Vec<&str> = before.keys().filter(|table| before[**table] != after[**table]).copied().collect();
        assert!(changed.contains(&"responses") && changed.contains(&"rollups"), "{changed:?}");
    })
    .await;
}
