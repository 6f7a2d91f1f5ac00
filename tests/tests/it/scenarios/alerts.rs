//! What somebody has to look at: counted while it is open, shown to everybody, put away by those who may work.

use chrono::Duration;
use hearback_engine::{
    alerts::{Alert, AlertKind, raise},
    role::Role,
};
use hearback_tests::app::{TestApp, on_every_database};
use serde_json::json;

async fn notice(app: &TestApp, raised: &[Alert]) {
    let tx = app.cx.db.write().await.unwrap();
    raise(&tx, app.ws, raised, app.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_alert_counts_while_it_is_open_and_starts_anew_after_it_was_looked_after() {
    on_every_database(async |app| {
        let low = |left: u8| Alert::new(AlertKind::PoolLow, "thank-you", format!("{left} codes are left: import more"));
        let other = Alert::new(AlertKind::PoolLow, "sorry", "2 codes are left: import more");
        notice(app, &[low(9), other, low(8)]).await;
        app.clock.advance(Duration::minutes(5));
        notice(app, &[low(7)]).await;
        let open = app.get("/alerts").await.expect(200);
        let [first, second] = open["items"].as_array().unwrap().as_slice() else { panic!("{open}") };
        assert_eq!(
            (&first["subject"], &first["count"], &first["message"]),
            (&json!("thank-you"), &json!(3), &json!("7 codes are left: import more"))
        );
        assert_eq!((&second["subject"], &second["count"]), (&json!("sorry"), &json!(1)));
        let id = first["id"].as_str().unwrap();
        let done = app.post(&format!("/alerts/{id}/done"), json!({})).await.expect(200);
        assert_eq!(done["done_at"], json!("2026-03-16T09:05:00Z"));
        notice(app, &[low(3)]).await;
        let again = app.get("/alerts").await.expect(200);
        assert_eq!((&again["items"][0]["count"], &again["items"][0]["first_at"]), (&json!(1), &json!("2026-03-16T09:05:00Z")));
        assert_eq!(app.get("/alerts?done=true").await.expect(200)["items"][0]["id"], json!(id));
        app.post("/alerts/00000000-0000-7000-8000-000000000000/done", json!({})).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn alerts_are_on_the_first_page_and_put_away_by_those_who_may_work() {
    on_every_database(async |app| {
        notice(app, &[Alert::new(AlertKind::PoolEmpty, "thank-you", "No code is left <b>here</b>")]).await;
        let viewer = app.log_in("viewer@shop.example", Role::Viewer).await;
        assert!(viewer.get("/").await.text().contains("No codes left: thank-you"));
        let page = viewer.get("/alerts").await.text();
        assert!(page.contains("No code is left &lt;b&gt;") && !page.contains("/done\""), "{page}");
        let agent = app.log_in("agent@shop.example", Role::Agent).await;
        let page = agent.get("/alerts").await.text();
        let action = page.split("action=\"").find(|part| part.starts_with("/alerts/")).unwrap().split('"').next().unwrap().to_owned();
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(viewer.form(&action, &format!("csrf={token}")).await.status, 403);
        assert_eq!(agent.form(&action, &format!("csrf={token}")).await.status, 303);
        let page = agent.get("/alerts").await.text();
        assert!(page.contains("Nothing to look at") && page.contains("Looked after"), "{page}");
    })
    .await;
}
