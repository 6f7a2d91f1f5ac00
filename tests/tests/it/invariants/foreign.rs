//! Every page and every call, asked from another workspace with the ids of the first one: there is nothing, and nothing changes.

use std::collections::BTreeMap;

use hearback_core::id::WorkspaceId;
use hearback_engine::{
    Actor, access,
    role::{Role, Scope},
};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::{Answer, Client},
};
use hearback_web::route::{self, Access, Route};

use super::looking::{data, dump};

/// What a call takes that would be refused for its body alone, before anybody looks for the id.
const BODIES: &[(&str, &str)] = &[
    ("/api/v1/responses/{id}", r#"{"score":4}"#),
    ("/api/v1/tasks/{id}", r#"{"status":"done"}"#),
    ("/api/v1/cases/{id}/contacts", r#"{"channel":"phone","outcome":"reached"}"#),
    ("/api/v1/cases/{id}/replies", r#"{"text":"hello"}"#),
    ("/api/v1/cases/{id}/assign", r#"{"owner":"team:support"}"#),
    ("/api/v1/referrals/{code}/conversions", r#"{"external_id":"order-1"}"#),
    ("/api/v1/people/{id}/merge", r#"{"into":"00000000-0000-7000-8000-000000000000"}"#),
];

/// All customers of the first workspace have an address there; nobody of the second one has.
const CUSTOMERS: &str = "example.com";

/// The route with the first workspace's id in it: that of the longest path known which the route begins with.
fn place(route: &Route, places: &[(&'static str, String)]) -> String {
    let longest = |path: &str| places.iter().filter(|(known, _)| path.starts_with(known)).max_by_key(|(known, _)| known.len());
    let call = format!("/api/v1{}", route.path);
    let path = match (longest(&route.path), longest(&call)) {
        (Some((known, path)), _) => format!("{path}{}", &route.path[known.len()..]),
        // A page that only takes a form: the id is that of the call.
        (None, Some((known, path))) => format!("{}{}", path.trim_start_matches("/api/v1"), &call[known.len()..]),
        (None, None) => route.path.clone(),
    };
    assert!(!path.contains('{'), "say in `looking::data` what {} should be asked with", route.path);
    path
}

async fn ask(client: &Client, route: &Route, path: &str, csrf: &str) -> Answer {
    match (route.method.as_str(), route.access) {
        ("GET", _) => client.get(path).await,
        ("POST", Access::User(_)) => {
            client.form(path, &format!("csrf={csrf}&channel=phone&outcome=reached&owner=team%3Asupport&note=x")).await
        }
        (method, _) => {
            let body = BODIES.iter().find(|(known, _)| *known == route.path).map_or("{}", |(_, body)| body);
            client.send(method, path, &[("content-type", "application/json")], body).await
        }
    }
}

fn is_json(answer: &Answer) -> bool {
    answer.header("content-type").starts_with("application/json")
}

/// A browser of an admin of that workspace, and the token of its forms.
async fn browser(app: &TestApp, ws: WorkspaceId) -> (Client, String) {
    let password = "correct-horse-battery-staple";
    access::add_user(&app.cx, ws, &Actor::Operator, "boss@other.example", "Boss", Role::Admin, Some(password)).await.unwrap();
    let browser = Client::stranger(app.address());
    let inside = browser.form("/login", &format!("email=boss%40other.example&password={password}")).await;
    assert_eq!(inside.status, 303, "{}", inside.text());
    let page = browser.get("/").await.text();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    (browser, csrf)
}

/// The rows of one workspace.
async fn rows_of(app: &TestApp) -> BTreeMap<&'static str, Vec<String>> {
    let ws = app.ws.to_string();
    let mut tables = dump(app).await;
    for rows in tables.values_mut() {
        rows.retain(|row| row.contains(&ws));
    }
    tables
}

#[tokio::test]
async fn nothing_of_one_workspace_is_seen_or_touched_from_another() {
    on_every_database(async |app| {
        let places = data(app).await;
        let other = app.second_workspace().await;
        let key = app.key(other, Scope::Admin).await;
        let (browser, csrf) = browser(app, other).await;
        let before = rows_of(app).await;
        assert!(before["cases"].len() > 2, "the rows of a workspace are found by its id");
        let mut asked = 0;
        for route in
            route::all().iter().filter(|route| !matches!(route.access, Access::Anyone | Access::Form(_)) && route.path != "/logout")
        {
            let client = if matches!(route.access, Access::Key(_)) { &key } else { &browser };
            let path = place(route, &places);
            let answer = ask(client, route, &path, &csrf).await;
            let text = answer.text();
            assert!(!text.contains(CUSTOMERS), "{route:?} shows a customer of the first workspace: {text}");
            assert!(answer.status < 500, "{route:?}: {text}");
            // Where an id says which page of one's own to go back to, nothing is looked up.
            let back = ["/account/{step}", "/cases/{id}/{step}", "/rules/{key}/{step}", "/surveys/{key}/{step}", "/waves/{id}/{step}"];
            let leads_back = route.method == "GET" && back.contains(&route.path.as_str());
            // A key of one's own choosing names something of one's own, made when it is not there.
            let by_key = route.path.contains("{key}") && route.method != "GET";
            if route.path.contains('{') && !leads_back && !by_key {
                // A page of a key that both have shows one's own.
                let empty = route.path.contains("{key}")
                    && answer.status == 200
                    && (!is_json(&answer) || answer.json()["items"] == serde_json::json!([]));
                assert!(answer.status == 404 || empty, "{route:?} {path}: {} {text}", answer.status);
                asked += 1;
            } else if route.method == "GET"
                && matches!(route.access, Access::Key(_))
                && is_json(&answer)
                && answer.json().get("items").is_some()
                && !OWN.contains(&route.path.as_str())
            {
                assert_eq!(answer.json()["items"], serde_json::json!([]), "{route:?}");
            }
        }
        assert!(asked > 15, "only {asked} routes were asked for an id");
        let after = rows_of(app).await;
        for (table, rows) in before {
            assert_eq!(after[table], rows, "{table} changed");
        }
    })
    .await;
}

/// Lists in which a fresh workspace has rows of its own.
const OWN: &[&str] = &[
    "/api/v1/surveys",
    "/api/v1/rules",
    "/api/v1/apikeys",
    "/api/v1/audit",
    "/api/v1/teams",
    "/api/v1/users",
    "/api/v1/calendars",
    "/api/v1/policies",
];
