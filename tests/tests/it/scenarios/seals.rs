//! Secrets in the database are sealed: whoever has the database or a backup of it, and not the secret key, has none of them; and
//! the key can be changed.

use hearback_core::{id::UserId, seal::Sealed, token::SecretKey};
use hearback_engine::{
    Actor,
    access::{self, Visit},
    backup,
    role::Role,
    seals,
};
use hearback_store::second_factors;
use hearback_tests::{
    app::{Options, TestApp, on_every_database_with, secret_key},
    listener::Listener,
};
use serde_json::{Value, json};

use super::{
    rules::{publish, without_shipped},
    stock,
};

const CALLS: &str = "{ key: calls, on: response_settled, then: [{ call_webhook: crm }] }";
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn on_this_machine() -> Options {
    Options { private_webhooks: true, ..Options::default() }
}

fn new_key() -> SecretKey {
    SecretKey::new(&[9; 40]).unwrap()
}

/// Begins a second factor of somebody new.
async fn second_factor(app: &TestApp) -> UserId {
    const PASSWORD: &str = "correct-horse-battery-staple";
    let (user, _) =
        access::add_user(&app.cx, app.ws, &Actor::Operator, "eva@shop.example", "Eva", Role::Agent, Some(PASSWORD)).await.unwrap();
    let visit = Visit { address: [127, 0, 0, 1].into(), agent: String::new() };
    access::begin_second(&app.cx, &user, &visit, PASSWORD).await.unwrap();
    UserId::from_uuid(user.id)
}

/// What one-time passwords of this user are made of, for whoever has this key.
async fn one_time_password(app: &TestApp, key: &SecretKey, user: UserId) -> Option<String> {
    let row = second_factors::of_user(app.cx.db.read(), app.ws, user).await.unwrap().unwrap();
    key.open(Sealed::OneTimePassword, row.workspace_id, row.user_id.as_bytes(), &row.secret).ok()
}

/// All rows of all tables, as text.
async fn everything(app: &TestApp) -> String {
    let mut rows = Vec::new();
    backup::write(&app.cx.db, app.now(), None, &mut rows, || ()).await.unwrap();
    String::from_utf8(rows).unwrap()
}

async fn webhook(app: &TestApp, url: &str) {
    app.post("/webhooks", json!({ "key": "crm", "url": url, "secret": SECRET })).await.expect(201);
}

async fn codes(app: &TestApp) -> Vec<Value> {
    app.get("/pools/thank-you/codes").await.expect(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn nothing_that_is_secret_can_be_read_in_the_database() {
    on_every_database_with(&on_this_machine(), async |app| {
        webhook(app, "https://hooks.example/services/T0KEN").await;
        app.post("/webhooks", json!({ "key": "room", "kind": "chat", "url": "https://chat.example/R00M" })).await.expect(201);
        stock(app, &["GIFT-4711"]).await;
        let body = json!({ "name": "Shop", "survey": "nps", "origins": ["https://shop.example"] });
        let widget = app.post("/widgets", body).await.expect(201);
        app.answer("jonas@example.com", 8).await;
        app.run_until_idle().await;
        assert!(app.mails_to("jonas@example.com")[0].text.contains("GIFT-4711"), "the code was used, and still lies sealed");
        let all = everything(app).await;
        for secret in ["T0KEN", "hooks.example", "R00M", &SECRET[6..], "GIFT-4711", widget["secret"].as_str().unwrap()] {
            assert!(!all.contains(secret), "{secret}");
        }
        assert!(all.contains("jonas@example.com"), "the check would see it");
        assert_eq!(codes(app).await[0]["code"], json!("GIFT-4711"), "who may see it, does");
        assert_eq!(app.get("/webhooks").await.expect(200)["items"][0]["url"], json!("https://hooks.example/services/T0KEN"));
    })
    .await;
}

#[tokio::test]
async fn without_its_key_a_secret_is_out_of_reach_and_the_key_is_named() {
    on_every_database_with(&on_this_machine(), async |app| {
        let crm = Listener::start(&[200]).await;
        webhook(app, &crm.url("/")).await;
        stock(app, &["GIFT-1"]).await;
        let stranger = app.node_with(new_key()).await;
        let missing = seals::keys(&stranger.cx.db, Some(&stranger.cx.settings.secret_key)).await.unwrap().missing;
        assert_eq!(missing.into_iter().collect::<Vec<_>>(), [secret_key().id()]);
        assert_eq!(codes(&stranger).await[0]["code"], json!(""));
        let listed = stranger.get("/webhooks").await.expect(200)["items"][0].clone();
        assert!(listed["reason"].as_str().unwrap().contains(&secret_key().id()), "{listed}");
        stranger.answer("jonas@example.com", 8).await;
        stranger.run_until_idle().await;
        assert!(app.mails_to("jonas@example.com").is_empty(), "no mail without the code that it promises");
        without_shipped(app).await;
        publish(app, CALLS).await;
        stranger.answer("anna@example.com", 2).await;
        stranger.run_until_idle().await;
        assert!(crm.taken().is_empty());
        // The key comes back, and everything that waited is done.
        app.advance(chrono::Duration::minutes(10)).await;
        assert!(app.mails_to("jonas@example.com")[0].text.contains("GIFT-1"));
        assert_eq!(crm.taken().len(), 1);
        stranger.end().await;
    })
    .await;
}

#[tokio::test]
async fn the_secret_key_can_be_changed() {
    on_every_database_with(&on_this_machine(), async |app| {
        let crm = Listener::start(&[200]).await;
        webhook(app, &crm.url("/")).await;
        stock(app, &["GIFT-1", "GIFT-2"]).await;
        let body = json!({ "name": "Shop", "survey": "nps", "origins": ["https://shop.example"] });
        app.post("/widgets", body).await.expect(201);
        let user = second_factor(app).await;
        let made_of = one_time_password(app, &secret_key(), user).await;
        assert!(made_of.is_some());

        let both = app.node_with(new_key().with_older(secret_key())).await;
        let again = both.post("/pools/thank-you/codes", json!({ "codes": ["GIFT-2", "GIFT-3"] })).await.expect(200);
        assert_eq!((&again["added"], &again["duplicates"]), (&json!(1), &json!(1)), "a code is one code under either key");
        let gone = both.post("/pools/thank-you/codes/revoke", json!({ "codes": ["GIFT-2"] })).await.expect(200);
        assert_eq!(gone["revoked"], json!(1));
        let keys = seals::keys(&both.cx.db, Some(&both.cx.settings.secret_key)).await.unwrap();
        assert_eq!((keys.older.len(), keys.missing.len()), (1, 0));

        let done = seals::reseal(&both.cx).await.unwrap();
        assert_eq!(done, seals::Resealed { sealed: 6, unreadable: 0 }, "the webhook's two, the widget's, the user's, and two codes");
        assert_eq!(seals::reseal(&both.cx).await.unwrap(), seals::Resealed::default(), "once is enough");
        assert_eq!(one_time_password(app, &new_key(), user).await, made_of);
        both.end().await;

        let after = app.node_with(new_key()).await;
        assert_eq!(seals::keys(&after.cx.db, Some(&after.cx.settings.secret_key)).await.unwrap(), seals::Keys::default());
        let again = after.post("/pools/thank-you/codes", json!({ "codes": ["GIFT-1"] })).await.expect(200);
        assert_eq!(again["duplicates"], json!(1), "what it is found by was made anew as well");
        after.answer("jonas@example.com", 8).await;
        after.run_until_idle().await;
        assert!(after.mails_to("jonas@example.com")[0].text.contains("GIFT-"));
        without_shipped(&after).await;
        publish(&after, CALLS).await;
        after.answer("anna@example.com", 2).await;
        after.run_until_idle().await;
        assert_eq!(crm.taken().len(), 1);
        let left = seals::keys(&app.cx.db, Some(&secret_key())).await.unwrap().missing;
        assert_eq!(left.into_iter().collect::<Vec<_>>(), [new_key().id()], "the old key alone opens nothing any more");
        after.end().await;
    })
    .await;
}
