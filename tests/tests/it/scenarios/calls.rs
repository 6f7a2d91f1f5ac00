//! Who calls too often is told so; who watches the process asks at a door of its own.

use hearback_core::{Proxies, id::RecordId, token::Purpose};
use hearback_engine::role::Scope;
use hearback_tests::{
    app::{Options, TestApp, on_every_database_with},
    client::Client,
    survey::invite_address,
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

/// The status of a log-in that is tried with these headers.
async fn tried(app: &TestApp, headers: &[(&str, &str)]) -> u16 {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let headers = [&[form, ("sec-fetch-site", "same-origin")], headers].concat();
    let body = "email=nobody%40shop.example&password=wrong";
    Client::stranger(app.address()).send("POST", "/login", &headers, body).await.status
}

/// The product with these proxies; one log-in a minute may be tried from one address.
async fn behind(proxies: &str, scenario: impl AsyncFn(&TestApp)) {
    let rates = Some(Rates { log_in: 1, survey: 1, ..Rates::default() });
    let options = Options { rates, proxies: Proxies::parse(proxies).unwrap(), ..Options::default() };
    on_every_database_with(&options, scenario).await;
}

#[tokio::test]
async fn what_a_stranger_says_about_who_it_is_changes_nothing() {
    behind("10.0.0.0/8, ::1", async |app| {
        assert_eq!(tried(app, &[]).await, 422);
        for header in ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"] {
            for said in ["198.51.100.1", "198.51.100.2, 10.0.0.1", "for=198.51.100.3"] {
                assert_eq!(tried(app, &[(header, said)]).await, 429, "{header}: {said}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn customers_behind_a_proxy_that_is_believed_have_a_limit_each() {
    behind("127.0.0.1, 10.0.0.0/8", async |app| {
        let tried = async |said: &str| tried(app, &[("x-forwarded-for", said)]).await;
        assert_eq!(tried("198.51.100.1").await, 422);
        assert_eq!(tried("198.51.100.1").await, 429);
        assert_eq!(tried("198.51.100.2").await, 422, "another customer has an allowance of its own");
        assert_eq!(tried("198.51.100.77, 198.51.100.2, 10.0.0.9").await, 429, "what a customer writes before is not believed");
        let (_, page) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let form = ("content-type", "application/x-www-form-urlencoded");
        let sent = async |said: &str| {
            let headers = [form, ("sec-fetch-site", "same-origin"), ("x-forwarded-for", said)];
            Client::stranger(app.address()).send("POST", &page, &headers, "").await.status
        };
        assert_ne!(sent("198.51.100.1").await, 429);
        assert_eq!(sent("198.51.100.1").await, 429);
        assert_ne!(sent("198.51.100.2").await, 429, "forms of the survey page are counted alike");
    })
    .await;
}

/// Forms of the other pages for customers have limits of their own: by who sends them, by the link, or by both.
#[tokio::test]
async fn forms_of_customers_are_limited_and_stopping_mail_by_the_link_alone() {
    let rates = Some(Rates { form: 2, form_link: 3, ..Rates::default() });
    on_every_database_with(&Options { rates, ..Options::default() }, async |app| {
        let key = &app.cx.settings.secret_key;
        let link = |purpose| key.sign(purpose, app.ws.uuid(), RecordId::new(app.now()).uuid());
        let stranger = Client::stranger(app.address());
        let sent = async |path: &str, times: usize| {
            let mut refused = 0;
            for _ in 0..times {
                let answer = stranger.form(path, "action=language&language=lt").await;
                refused += usize::from(answer.status == 429);
                assert!(answer.status != 429 || answer.header("retry-after").parse::<u64>().is_ok(), "{path}: {}", answer.text());
            }
            refused
        };
        assert_eq!(sent("/r/nothing", 5).await, 3, "by who sends them");
        let stop = format!("/u/{}", link(Purpose::Unsubscribe));
        assert_eq!(sent(&stop, 5).await, 2, "by the link");
        for _ in 0..5 {
            assert_eq!(sent(&format!("/u/{}", link(Purpose::Unsubscribe)), 1).await, 0, "a mail provider stops mail for many people");
        }
        assert_eq!(sent(&format!("/t/{}", link(Purpose::Testimonial)), 1).await, 1, "by who sends them, whatever the page");
        assert_eq!(sent(&format!("/me/{}", link(Purpose::OwnData)), 1).await, 1);
        assert_ne!(stranger.get("/r/nothing").await.status, 429, "looking is not limited");
    })
    .await;
}

#[tokio::test]
async fn no_header_changes_where_a_link_leads() {
    behind("127.0.0.1", async |app| {
        let evil = [
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "host=evil.example"),
            ("x-forwarded-for", "198.51.100.1"),
        ];
        let key = format!("Bearer {}", app.key_text());
        let headers = [&evil[..], &[("authorization", &key), ("content-type", "application/json")]].concat();
        let asked = json!({ "survey": "nps", "channel": "link", "person": { "email": "anna@example.com" } }).to_string();
        let asked = Client::stranger(app.address()).send("POST", "/api/v1/invitations", &headers, asked).await.expect(201);
        let link = asked["url"].as_str().unwrap();
        let path = link.strip_prefix(&app.cx.settings.public_url).expect("a link of our own").to_owned();
        for path in [path.as_str(), "/login", "/"] {
            let page = Client::stranger(app.address()).send("GET", path, &evil, "").await;
            let all = format!("{:?} {}", page.headers, page.text());
            assert!(!all.contains("evil.example"), "{path}: {all}");
        }
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
        assert!(text.contains("hearback_jobs{state=\"dead\"} 0\n") && text.contains("hearback_alerts{kind=\"unreadable\"} 0\n"), "{text}");
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
