//! Campaigns in a file: what is wrong is told by the name of its field, and nothing half is stored.

use hearback_tests::app::on_every_database;
use serde_json::{Value, json};

use super::{done, file, operator, refused};

#[tokio::test]
async fn a_file_with_an_unknown_zone_is_refused_by_the_name_of_the_field() {
    on_every_database(async |app| {
        let (program, plans) = (operator(app), file(app, "campaigns.json"));
        let plan = |zone: &str| json!([{ "key": "weekly", "survey": "nps", "schedule": { "cron": "0 9 * * MON", "timezone": zone } }]);
        let apply = ["campaigns", "apply", plans.to_str().unwrap()];
        std::fs::write(&plans, plan("Europe/Wilno").to_string()).unwrap();
        let (status, why) = refused(&program, &apply).await;
        assert_eq!(status.code(), Some(2), "wrong use");
        assert!(why.contains("schedule.timezone") && why.contains("Europe/Wilno") && why.contains("such as Europe/Vilnius"), "{why}");
        std::fs::write(&plans, plan("Europe/Riga").to_string()).unwrap();
        assert!(done(&program, &apply).await.contains("weekly made; it asks next at"));
        let sql = "UPDATE campaigns SET body = replace(body, 'Europe/Riga', 'Mars/Olympus')";
        hearback_store::ConnectionTrait::execute_unprepared(app.cx.db.read(), sql).await.unwrap();
        let listed: Value = serde_json::from_str(&done(&program, &["campaigns", "list", "--json"]).await).unwrap();
        assert!(listed[0]["trouble"].as_str().unwrap().contains("Mars/Olympus"), "{listed}");
        assert!(done(&program, &["campaigns", "list"]).await.contains("Mars/Olympus"));
        let (status, found) = program.run(&["fsck"]).await;
        assert_eq!(status.code(), Some(1));
        assert!(found.contains("campaign weekly can't be read by this version"), "{found}");
        let sql = "UPDATE campaigns SET body = replace(body, 'Mars/Olympus', 'Europe/Riga')";
        hearback_store::ConnectionTrait::execute_unprepared(app.cx.db.read(), sql).await.unwrap();
    })
    .await;
}
