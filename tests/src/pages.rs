//! Which pages there are to look at, as the routes say.

#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a page that nobody looks at must fail loudly")]

use hearback_web::route::{self, Access};
use serde_json::{Value, json};

use crate::app::TestApp;

/// A path for each page of our people; those about one thing show one that is there, the case that of a detractor.
pub async fn of_our_people(app: &TestApp) -> Vec<String> {
    let first = |list: &Value, field: &str| {
        let found = list.pointer(&format!("/items/0/{field}")).and_then(Value::as_str);
        found.expect("something to show").to_owned()
    };
    let case = first(&app.get("/cases?segment=detractor").await.expect(200), "id");
    let rule = first(&app.get("/rules").await.expect(200), "key");
    app.put("/campaigns/quarterly", json!({ "survey": "nps" })).await.expect(201);
    app.post("/campaigns/quarterly/waves", json!({})).await.expect(201);
    let wave = first(&app.get("/waves").await.expect(200), "id");
    let letter = "From: stranger@example.com\nSubject: hello\n\nIs anybody there?\n";
    app.api.send("POST", "/api/v1/inbound", &[("content-type", "message/rfc822")], letter).await.expect(201);
    let message = first(&app.get("/messages").await.expect(200), "id");
    let places = [
        ("/cases/{id}", format!("/cases/{case}")),
        ("/rules/{key}", format!("/rules/{rule}")),
        ("/surveys/{key}", "/surveys/nps".to_owned()),
        ("/campaigns/{key}", "/campaigns/quarterly".to_owned()),
        ("/campaigns/{key}/{step}", "/campaigns/quarterly/plan".to_owned()),
        ("/waves/{id}", format!("/waves/{wave}")),
        ("/messages/{id}", format!("/messages/{message}")),
    ];
    let pages = route::all().iter().filter(|route| route.method == "GET" && matches!(route.access, Access::User(_)));
    let place = |path: &str| match places.iter().find(|(known, _)| *known == path) {
        Some((_, place)) => Some(place.clone()),
        // A step leads back to the page that has its form; captured mail is shown only where none is sent.
        None if path.ends_with("{step}") || path.starts_with("/mail/") => None,
        None if path.contains('{') => panic!("say which {path} to look at"),
        None => Some(path.to_owned()),
    };
    pages.filter_map(|route| place(&route.path)).collect()
}
