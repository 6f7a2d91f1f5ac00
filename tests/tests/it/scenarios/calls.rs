//! Who calls too often is told so; who watches the process asks at a door of its own.

use hearback_engine::access::Scope;
use hearback_tests::{
    app::{Options, on_every_database_with},
    client::Client,
};
use hearback_web::{Limits, Rates};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_key_and_an_address_that_call_too_often_are_told_when_to_come_back() {
    let rates = Rates { read_key: 2, write_key: 2, log_in: 2, ..Rates::default() };
    on_every_database_with(&Options { rates: Some(rates), ..Options::default() }, async |app| {
        let reader = app.key(app.ws, Scope::Read).await;
        let writer = app.key(app.ws, Scope::Write).await;
        let answer = json!({ "survey": "nps", "score": 9 });
        for _ in 0..2 {
            reader.get("/api/v1/cases").await.expect(200);
            writer.post("/api/v1/responses", &answer).await.expect(201);
        }
        let refused = [reader.get("/api/v1/cases").await, writer.post("/api/v1/responses", &answer).await];
        for refused in refused {
            assert_eq!((refused.status, refused.header("content-type")), (429, "application/problem+json"));
            assert!((1..=30).contains(&refused.header("retry-after").parse::<i64>().unwrap()));
        }
        app.key(app.ws, Scope::Read).await.get("/api/v1/cases").await.expect(200);
        let browser = Client::stranger(app.address());
        let form = "email=nobody%40shop.example&password=wrong";
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(browser.form("/login", form).await.status);
        }
        assert_eq!(statuses, [422, 422, 429]);
    })
    .await;
}

#[tokio::test]
async fn figures_for_a_monitoring_system_are_behind_a_door_of_their_own() {
    on_every_database_with(&Options::default(), async |app| {
        app.answer("anna@example.com", 2).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = Client::stranger(listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let router = hearback_web::operations_router(app.cx.clone());
        let served = tokio::spawn(hearback_web::serve(listener, router, Limits::default(), stop.clone()));
        let figures = inside.get("/metrics").await;
        assert_eq!((figures.status, figures.header("content-type")), (200, "text/plain; version=0.0.4"));
        let text = figures.text();
        assert!(text.contains("\nhearback_up 1\n") && text.contains("hearback_jobs{state=\"queued\"}"), "{text}");
        assert!(!text.contains("anna"), "figures, no customers");
        for path in ["/", "/healthz", "/cases", "/login"] {
            assert_eq!(inside.get(path).await.status, 404, "{path}: nothing else is there");
        }
        assert_eq!(Client::stranger(app.address()).get("/metrics").await.status, 404, "customers reach another listener");
        stop.cancel();
        served.await.unwrap();
    })
    .await;
}
