//! Links that promoters share: who looks counts nothing, who goes on counts, what comes of it counts once and is rewarded once.

use chrono::Duration;
use hearback_core::id::WorkspaceId;
use hearback_engine::{Actor, automation::publish, role::Scope, setup};
use hearback_rules::parse_yaml;
use hearback_store::{EntityTrait as _, incentive_codes, referrals};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
};
use serde_json::{Value, json};

use super::{all, count, timeline};

const REWARD: &str = "
key: referral-reward
on: referral_converted
when: { email: present }
then:
  - give_incentive: friends
  - send_mail: passive_thanks
    to: customer
";

/// A promoter's link, made an hour after the answer, and the receipt.
async fn shared(app: &TestApp) -> (Value, String) {
    let receipt = app.answer("mia@example.com", 10).await;
    app.run_until_idle().await;
    app.advance(Duration::hours(1)).await;
    let [link] = referrals::Entity::find().all(app.cx.db.read()).await.unwrap().try_into().unwrap();
    assert!(app.mails_to("mia@example.com")[1].text.contains(&format!("/r/{}", link.code)));
    (receipt, link.code)
}

async fn listed(app: &TestApp) -> Value {
    app.get("/referrals").await.expect(200)["items"][0].clone()
}

#[tokio::test]
async fn who_looks_counts_nothing_and_who_goes_on_is_led_on() {
    on_every_database(async |app| {
        let (_, code) = shared(app).await;
        let path = format!("/r/{code}");
        let scanner = Client::stranger(app.address());
        for method in ["GET", "HEAD", "OPTIONS", "GET"] {
            scanner.send(method, &path, &[], "").await;
        }
        assert_eq!(listed(app).await["visits"], 0);
        let page = scanner.send("GET", &path, &[("accept-language", "de-DE, lt;q=0.8, en;q=0.5")], "").await;
        assert!(page.text().contains("Jus pakvietė") && !page.text().contains("mia@"), "{}", page.text());
        let nowhere = scanner.form(&path, "").await;
        assert!(nowhere.status == 200 && nowhere.text().contains(&code), "without a place to go it says what to mention");
        let change = setup::WorkspaceChange { referral_url: Some("https://shop.example/?ref={code}".to_owned()), ..Default::default() };
        setup::change_workspace(&app.cx, app.ws, &Actor::Operator, change).await.unwrap();
        let page = scanner.get(&path).await;
        assert!(page.header("content-security-policy").contains("form-action 'self' https://shop.example;"));
        let on = scanner.form(&path, "").await;
        assert_eq!((on.status, on.header("location")), (303, format!("https://shop.example/?ref={code}").as_str()));
        assert_eq!(listed(app).await["visits"], 2);
        assert_eq!(scanner.form("/r/none", "").await.status, 404);
        let bad = setup::WorkspaceChange { referral_url: Some("javascript:alert(1)".to_owned()), ..Default::default() };
        assert!(setup::change_workspace(&app.cx, app.ws, &Actor::Operator, bad).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_conversion_counts_once_and_is_rewarded_once() {
    on_every_database(async |app| {
        publish::publish(&app.cx, app.ws, &Actor::Operator, parse_yaml("reward.yaml", REWARD).unwrap()).await.unwrap();
        app.stock("friends", &["F-1", "F-2"]).await;
        let (receipt, code) = shared(app).await;
        let path = format!("/referrals/{code}/conversions");
        let order = json!({ "external_id": "order-7", "value": 12_900 });
        app.post(&path, order.clone()).await.expect(201);
        app.post(&path, order.clone()).await.expect(200);
        app.post(&path, json!({ "external_id": "order-7", "value": 1 })).await.expect(409);
        app.run_until_idle().await;
        app.post(&path, order).await.expect(200);
        app.run_until_idle().await;
        let link = listed(app).await;
        assert_eq!((&link["conversions"], &link["value"], &link["email"]), (&json!(1), &json!(12_900), &json!("mia@example.com")));
        let given = all::<incentive_codes::Entity>(app).await.into_iter().filter(|row| row.case_id.is_some()).count();
        assert_eq!(given, 1);
        let reward = app.mails_to("mia@example.com").pop().unwrap();
        assert!(reward.text.contains("F-1") || reward.text.contains("F-2"));
        assert_eq!(count(&timeline(&app.case_of(&receipt).await), "converted"), 1);
        app.post(&path, json!({ "external_id": "order-8" })).await.expect(201);
        app.run_until_idle().await;
        assert_eq!(listed(app).await["conversions"], 2);

        let other: WorkspaceId = setup::create_workspace(&app.cx, &Actor::Operator, "other", "Other", None).await.unwrap();
        let stranger = app.key(other, Scope::Admin).await;
        stranger.post(&format!("/api/v1{path}"), &json!({ "external_id": "theirs" })).await.expect(404);
        assert_eq!(stranger.get("/api/v1/referrals").await.expect(200)["items"], json!([]));
        assert_eq!(app.post(&path, json!({ "external_id": "", "value": -1 })).await.refused(), ["external_id", "value"]);
    })
    .await;
}
