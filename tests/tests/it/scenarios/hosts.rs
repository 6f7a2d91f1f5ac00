//! Under which host what is served, and how a request says which it means.

use hearback_engine::role::Role;
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::Client,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{AGENT, agent};

const CUSTOMERS: &str = "http://ask.shop.example";

/// The status of this request, and the whole answer.
async fn raw(app: &TestApp, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default(), answer)
}

/// The status of a page under this host.
async fn under(app: &TestApp, host: &str, path: &str) -> u16 {
    raw(app, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await.0
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    on_every_database(async |app| {
        for (head, status) in [
            ("GET /healthz HTTP/1.1\r\nHost: x", 200),
            ("GET /healthz HTTP/1.0", 200),
            ("GET /healthz HTTP/1.1", 400),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x", 400),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\nhost: y", 400),
            ("GET /healthz HTTP/1.0\r\nHost: x\r\nHost: y", 400),
            ("GET http://x/login HTTP/1.1\r\nHost: x\r\nHost: y", 400),
        ] {
            let (got, answer) = raw(app, &format!("{head}\r\nConnection: close\r\n\r\n")).await;
            assert_eq!(got, status, "{head}: {answer}");
            assert!(status == 200 || answer.contains("exactly one Host header") && answer.contains("content-security-policy"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_for_search_engines_and_no_script_makes_html_of_text() {
    on_every_database(async |app| {
        let body = json!({ "survey": "nps", "channel": "link", "person": { "email": "anna@example.com" } });
        let link = app.post("/invitations", body).await.expect(201)["url"].as_str().unwrap().to_owned();
        app.answer("jonas@example.com", 9).await;
        app.run_until_idle().await;
        let mail = app.mails_to("jonas@example.com")[0].text.clone();
        let mut links: Vec<String> = mail.split_whitespace().filter(|word| word.starts_with("http")).map(str::to_owned).collect();
        assert!(links.iter().any(|link| link.contains("/u/")), "{mail}");
        links.push(link);
        let boss = app.log_in("boss@example.com", Role::Admin).await;
        for path in links.iter().filter_map(|link| link.strip_prefix(&app.cx.settings.public_url)).chain(["/", "/cases", "/login", "/none"])
        {
            let page = boss.get(path).await;
            assert!(page.header("x-robots-tag").contains("noindex"), "{path}");
            assert!(page.header("content-security-policy").contains("require-trusted-types-for 'script'"), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn customers_can_have_a_host_of_their_own_with_nothing_else_under_it() {
    let options = Options { survey_url: Some(CUSTOMERS.to_owned()), ..Options::default() };
    on_every_database_with(&options, async |app| {
        let ours = app.cx.settings.public_url.clone();
        let body = json!({ "survey": "nps", "channel": "link", "person": { "email": "anna@example.com" } });
        let link = app.post("/invitations", body).await.expect(201)["url"].as_str().unwrap().to_owned();
        let survey = link.strip_prefix(CUSTOMERS).expect("under the host of the customers").to_owned();
        agent(app).await;
        app.answer("jonas@example.com", 3).await;
        app.run_until_idle().await;
        let mail = app.mails_to("jonas@example.com")[0].text.clone();
        assert!(mail.contains(&format!("{CUSTOMERS}/u/")) && !mail.contains(&ours), "{mail}");
        let to_us = app.mails_to(AGENT);
        assert!(!to_us.is_empty() && to_us.iter().all(|mail| mail.text.contains(&format!("{ours}/cases/"))), "{to_us:?}");

        let api = "/api/v1/cases";
        for host in ["ask.shop.example", "ASK.shop.example", "ask.shop.example:80"] {
            assert_eq!(under(app, host, &survey).await, 200, "{host}");
            assert_eq!(under(app, host, "/readyz").await, 200);
            for path in ["/", "/login", "/login/code", "/setup", "/cases", "/static/none", api, "/api/v1/openapi.json"] {
                assert_eq!(under(app, host, path).await, 404, "{host}{path}");
            }
        }
        let host = ours.strip_prefix("http://").unwrap();
        assert_eq!(under(app, host, &survey).await, 200, "links of before go on working");
        assert_eq!((under(app, host, "/login").await, under(app, host, api).await), (200, 401));
    })
    .await;
}

/// A stranger's form under the host of the customers is as good as under ours: the link is the permission.
#[tokio::test]
async fn what_customers_send_under_their_host_is_taken() {
    let options = Options { survey_url: Some(CUSTOMERS.to_owned()), ..Options::default() };
    on_every_database_with(&options, async |app| {
        app.answer("jonas@example.com", 9).await;
        app.run_until_idle().await;
        let mail = app.mails_to("jonas@example.com")[0].text.clone();
        let link = mail.split_whitespace().find(|word| word.starts_with(&format!("{CUSTOMERS}/u/"))).unwrap().to_owned();
        let path = link.strip_prefix(CUSTOMERS).unwrap();
        let stranger = Client::stranger(app.address());
        assert_eq!(stranger.form(path, "List-Unsubscribe=One-Click").await.status, 200);
        assert_eq!(app.get("/suppressions").await.expect(200)["items"].as_array().unwrap().len(), 1);
    })
    .await;
}
