//! How access is given and taken away, over the API and on one's own page; how log-ins are guarded.

use chrono::Duration;
use hearback_core::Proxies;
use hearback_engine::{Actor, access, role::Role, settings::LogInRules};
use hearback_store::{audit, sessions};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::{Answer, Client},
};
use serde_json::json;

use super::all;

const PASSWORD: &str = "correct-horse-battery-staple";

fn form_token(page: &Answer) -> String {
    page.text().split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

async fn user_id(app: &TestApp, email: &str) -> String {
    let users = app.get("/users").await.expect(200);
    let user = users["items"].as_array().unwrap().iter().find(|user| user["email"] == email).unwrap();
    user["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_colleague_who_left_is_out_at_once() {
    on_every_database(async |app| {
        app.log_in("boss@shop.example", Role::Admin).await;
        let leaver = app.log_in("leaver@shop.example", Role::Admin).await;
        let path = format!("/api/v1/users/{}", user_id(app, "leaver@shop.example").await);
        assert_eq!(leaver.get("/audit").await.status, 200);
        let listed = app.api.get(&format!("{path}/sessions")).await.expect(200);
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["from"]), (1, &json!("127.0.0.1")));

        let demoted = app.api.patch(&path, &json!({ "role": "agent" })).await.expect(200);
        assert_eq!(demoted["role"], "agent");
        assert_eq!(leaver.get("/audit").await.status, 303, "the old session has ended");
        let inside = leaver.form("/login", &format!("email=leaver%40shop.example&password={PASSWORD}")).await;
        assert_eq!(inside.status, 303);
        assert_eq!(leaver.get("/audit").await.status, 403, "and the new one has the new role");

        let disabled = app.api.patch(&path, &json!({ "disabled": true })).await.expect(200);
        assert!(disabled["disabled_at"].is_string());
        assert_eq!(leaver.get("/cases").await.status, 303);
        let refused = leaver.form("/login", &format!("email=leaver%40shop.example&password={PASSWORD}")).await;
        assert_eq!(refused.status, 422);
        let receipt = app.answer("anna@example.com", 1).await;
        let case = receipt["case"]["id"].as_str().unwrap();
        let assigned = app.post(&format!("/cases/{case}/assign"), json!({ "owner": "leaver@shop.example" })).await;
        assert_eq!(assigned.refused(), ["owner"]);
        let teams = app.get("/teams").await.expect(200);
        let members = teams["items"][0]["members"].as_array().unwrap();
        let present = |email: &str| members.iter().find(|member| member["email"] == email).unwrap()["present"].clone();
        assert_eq!((present("leaver@shop.example"), present("boss@shop.example")), (json!(false), json!(true)));

        let boss = format!("/api/v1/users/{}", user_id(app, "boss@shop.example").await);
        for change in [json!({ "disabled": true }), json!({ "role": "manager" })] {
            assert_eq!(app.api.patch(&boss, &change).await.status, 409, "the last admin stays one: {change}");
        }
        assert_eq!(app.api.patch(&boss, &json!({ "password": "password12345" })).await.refused(), ["password"]);
        app.api.delete(&format!("{boss}/sessions")).await.expect(204);
        assert!(all::<sessions::Entity>(app).await.is_empty());
        app.api.delete(&format!("{boss}/totp")).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn users_are_added_and_keys_expire_over_the_api() {
    on_every_database(async |app| {
        let added = app.post("/users", json!({ "email": "New@Shop.example", "role": "viewer" })).await.expect(201);
        let password = added["password"].as_str().unwrap();
        let inside = Client::stranger(app.address()).form("/login", &format!("email=new%40shop.example&password={password}")).await;
        assert_eq!(inside.status, 303);
        assert_eq!(app.post("/users", json!({ "email": "new@shop.example", "role": "viewer" })).await.refused(), ["email"]);
        assert_eq!(app.post("/users", json!({ "email": "x", "role": "viewer", "password": "short" })).await.refused(), ["email"]);
        let one = app.get(&format!("/users/{}", added["user"]["id"].as_str().unwrap())).await.expect(200);
        assert_eq!((&one["email"], &one["second_factor"]), (&json!("new@shop.example"), &json!(false)));

        let until = app.now() + Duration::hours(1);
        let made = app.post("/apikeys", json!({ "name": "for an hour", "scope": "read", "expires_at": until })).await.expect(201);
        let key = Client::with_key(app.address(), made["key"].as_str().unwrap());
        key.get("/api/v1/cases").await.expect(200);
        let keys = app.get("/apikeys").await.expect(200);
        let listed = keys["items"].as_array().unwrap().iter().find(|key| key["name"] == "for an hour").unwrap();
        assert!(listed["expires_at"].is_string() && listed["used_at"].is_string(), "{listed}");
        app.clock.advance(Duration::hours(1));
        key.get("/api/v1/cases").await.expect(401);
        assert_eq!(app.post("/apikeys", json!({ "name": "x", "scope": "read", "expires_at": app.now() })).await.refused(), ["expires_at"]);
    })
    .await;
}

#[tokio::test]
async fn one_ends_ones_other_sessions_and_changes_the_password_without_a_script() {
    on_every_database(async |app| {
        let here = app.log_in("ieva@shop.example", Role::Agent).await;
        let there = Client::stranger(app.address());
        let log_in = async |password: &str| there.form("/login", &format!("email=ieva%40shop.example&password={password}")).await.status;
        assert_eq!(log_in(PASSWORD).await, 303);
        let page = here.get("/account").await;
        let csrf = form_token(&page);
        assert_eq!(page.text().matches("name=\"session\"").count(), 1, "the other one can be ticked");
        let wrong = here.form("/account/sessions", &format!("csrf={csrf}&which=others&present_password=nonsense")).await;
        assert!(wrong.status == 422 && wrong.text().contains("is not your password"), "{}", wrong.text());
        assert_eq!(there.get("/cases").await.status, 200);
        let ended = here.form("/account/sessions", &format!("csrf={csrf}&which=others&present_password={PASSWORD}")).await;
        assert_eq!((ended.status, ended.header("location")), (303, "/account?done=sessions"));
        assert_eq!((here.get("/account?done=sessions").await.status, there.get("/cases").await.status), (200, 303));

        assert_eq!(log_in(PASSWORD).await, 303);
        let new = "three+blue+lamps+whistle";
        let weak = here.form("/account/password", &format!("csrf={csrf}&present_password={PASSWORD}&password=passwordpassword")).await;
        assert!(weak.status == 422 && weak.text().contains("three or four words"), "{}", weak.text());
        let changed = here.form("/account/password", &format!("csrf={csrf}&present_password={PASSWORD}&password={new}")).await;
        assert_eq!(changed.status, 303, "{}", changed.text());
        assert_eq!((here.get("/account").await.status, there.get("/cases").await.status), (200, 303), "in here, out everywhere else");
        assert_eq!((log_in(PASSWORD).await, log_in(new).await), (422, 303));
        assert_eq!(here.form("/account/nonsense", &format!("csrf={}", form_token(&here.get("/account").await))).await.status, 404);
        assert_eq!(here.get("/account/password").await.header("location"), "/account");
    })
    .await;
}

/// What an authenticator app shows now.
fn app_code(secret: &str, app: &TestApp) -> String {
    hearback_core::totp::code(secret, app.now()).unwrap()
}

/// Sets up a second factor in this browser; its secret and the recovery codes.
async fn set_up(app: &TestApp, browser: &Client, password: &str) -> (String, Vec<String>) {
    let csrf = form_token(&browser.get("/account").await);
    let begun = browser.form("/account/begin", &format!("csrf={csrf}&present_password={password}")).await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let page = browser.get("/account").await.text();
    assert!(page.contains("src=\"data:image/svg+xml;base64,"), "the picture is there");
    let secret: String = page.split("secret&#x3D;").nth(1).or_else(|| page.split("secret=").nth(1)).unwrap().chars().take(32).collect();
    let wrong = browser.form("/account/confirm", &format!("csrf={csrf}&code=nonsense")).await;
    assert_eq!(wrong.status, 422);
    let set = browser.form("/account/confirm", &format!("csrf={csrf}&code={}", app_code(&secret, app))).await.text();
    let codes: Vec<String> = set.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10, "{set}");
    assert!(!browser.get("/account").await.text().contains(&codes[0]), "they are shown once");
    (secret, codes)
}

#[tokio::test]
async fn a_second_factor_is_set_up_asked_for_and_switched_off_without_a_script() {
    on_every_database(async |app| {
        let here = app.log_in("ieva@shop.example", Role::Agent).await;
        let (secret, codes) = set_up(app, &here, PASSWORD).await;
        let csrf = form_token(&here.get("/account").await);

        let there = Client::stranger(app.address());
        let log_in = async || there.form("/login", &format!("email=ieva%40shop.example&password={PASSWORD}&next=%2Fcases")).await;
        let asked = log_in().await;
        assert_eq!((asked.status, there.get("/cases").await.status), (200, 303), "the password alone opens nothing");
        let token = asked.text().split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let give = async |code: &str| there.form("/login/code", &format!("token={token}&next=%2Fcases&code={code}")).await;
        assert_eq!(give("000").await.status, 422);
        app.clock.advance(Duration::seconds(31));
        let inside = give(&app_code(&secret, app)).await;
        assert_eq!((inside.status, inside.header("location")), (303, "/cases"), "{}", inside.text());
        assert_eq!(there.get("/cases").await.status, 200);
        assert_eq!(Client::stranger(app.address()).form("/login/code", &format!("token={token}&code={}", codes[0])).await.status, 303);
        assert_eq!(Client::stranger(app.address()).form("/login/code", &format!("token={token}&code={}", codes[0])).await.status, 422);

        let off = here.form("/account/off", &format!("csrf={csrf}&present_password={PASSWORD}")).await;
        assert_eq!(off.status, 303, "{}", off.text());
        assert_eq!(there.get("/cases").await.status, 303, "every change ends the other sessions");
        assert_eq!(log_in().await.status, 303);
    })
    .await;
}

#[tokio::test]
async fn guesses_are_counted_by_network_and_their_owner_comes_in() {
    let options = Options { proxies: Proxies::parse("127.0.0.1").unwrap(), ..Options::default() };
    on_every_database_with(&options, async |app| {
        app.add_user("owner@shop.example", "Owner", Role::Agent, Some(PASSWORD)).await;
        let tried = async |place: &str, password: &str| {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let headers = [form, ("sec-fetch-site", "same-origin"), ("x-forwarded-for", place)];
            let body = format!("email=owner%40shop.example&password={password}");
            Client::stranger(app.address()).send("POST", "/login", &headers, body).await
        };
        let places: Vec<String> = (1..=20).map(|n| format!("2001:db8:1:2::{n:x}")).collect();
        let guesses = futures::future::join_all(places.iter().map(|place| tried(place, "wrong"))).await;
        let checked = guesses.iter().filter(|answer| answer.status == 422).count();
        let told = guesses.iter().filter(|answer| answer.status == 429 && !answer.header("retry-after").is_empty()).count();
        let full = guesses.iter().filter(|answer| answer.status == 503).count();
        assert!(checked <= 5 && checked + told + full == 20, "{checked} checked, {told} told to wait, {full} too many at once");
        assert_eq!(tried("198.51.100.2", PASSWORD).await.status, 303, "the owner is somewhere else");
    })
    .await;
}

#[tokio::test]
async fn two_nodes_write_one_chain() {
    on_every_database(async |app| {
        let other = app.second_node().await;
        let nodes = [&app.cx, &other.cx];
        let added = (0..12).map(|n| {
            let (cx, email) = (nodes[n % 2], format!("user{n}@shop.example"));
            async move { access::add_user(cx, app.ws, &Actor::Operator, &email, "", Role::Agent, None).await.unwrap() }
        });
        futures::future::join_all(added).await;
        let mut numbers: Vec<i64> = all::<audit::Entity>(app).await.into_iter().map(|row| row.number).collect();
        numbers.sort_unstable();
        assert!(numbers.len() >= 12 && numbers.iter().copied().eq(1..=i64::try_from(numbers.len()).unwrap()), "{numbers:?}");
        app.assert_sound().await;
        other.end().await;
    })
    .await;
}

#[tokio::test]
async fn where_a_second_factor_is_asked_for_nothing_else_opens_before() {
    let log_ins = LogInRules { second_factor: Some(Role::Manager), ..LogInRules::default() };
    on_every_database_with(&Options { log_ins: Some(log_ins), ..Options::default() }, async |app| {
        let (agent, boss) = (app.log_in("ieva@shop.example", Role::Agent).await, app.log_in("boss@shop.example", Role::Manager).await);
        assert_eq!(agent.get("/cases").await.status, 200);
        for path in ["/", "/cases", "/rules", "/nothing-here"] {
            let led = boss.get(path).await;
            assert!(led.status == 404 || led.header("location") == "/account?done=needed", "{path}: {} {}", led.status, led.text());
        }
        let page = boss.get("/account?done=needed").await;
        assert!(page.status == 200 && page.text().contains("Set up a second factor first"));
        set_up(app, &boss, PASSWORD).await;
        assert_eq!(boss.get("/cases").await.status, 200);
    })
    .await;
}
