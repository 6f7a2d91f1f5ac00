//! Versions of rules over the API: published, rolled back, switched off and on; their history; what is refused.

use hearback_tests::app::{TestApp, on_every_database};
use serde_json::{Value, json};

use super::{rules::without_shipped, texts};

async fn yaml(app: &TestApp, text: &str) -> hearback_tests::client::Answer {
    app.api.send("POST", "/api/v1/rules", &[("content-type", "application/yaml")], text.to_owned()).await
}

async fn tags(app: &TestApp, email: &str) -> Value {
    let receipt = app.answer(email, 9).await;
    app.case_of(&receipt).await["tags"].clone()
}

#[tokio::test]
async fn a_rule_is_published_rolled_back_switched_off_and_on_again() {
    on_every_database(async |app| {
        without_shipped(app).await;
        let rule = |tag: &str| format!("key: tags\nname: Tags\non: [response_settled]\nwhen: {{ score: {{ gte: 9 }} }}\nthen:\n  - tag: [{tag}]\n");
        let first = yaml(app, &rule("old")).await.expect(200);
        assert_eq!(first["items"], json!([{ "key": "tags", "version": 1, "changed": true }]));
        let same = json!({ "key": "tags", "name": "Tags", "on": ["response_settled"], "when": { "score": { "gte": 9 } }, "then": [{ "tag": ["new"] }] });
        assert_eq!(app.post("/rules", same).await.expect(200)["items"][0]["version"], 2, "the same shape as JSON");
        assert_eq!(tags(app, "a@example.com").await, json!(["new"]));
        app.post("/rules/tags/rollback", json!({ "version": 1 })).await.expect(200);
        assert_eq!(tags(app, "b@example.com").await, json!(["old"]));
        let versions = app.get("/rules/tags").await.expect(200);
        let state = |item: &Value| (item["version"].as_i64().unwrap(), item["enabled"].as_bool().unwrap());
        assert_eq!(versions["items"].as_array().unwrap().iter().map(state).collect::<Vec<_>>(), [(2, false), (1, true)]);
        assert_eq!(versions["items"][1]["yaml"], json!("key: tags\nname: Tags\non: [response_settled]\nwhen:\n  score: { gte: 9 }\nthen:\n  - tag: [old]\n"));
        app.post("/rules/tags/disable", json!({})).await.expect(200);
        app.post("/rules/tags/disable", json!({})).await.expect(404);
        assert_eq!(tags(app, "c@example.com").await, json!([]));
        assert_eq!(app.post("/rules/tags/enable", json!({})).await.expect(200)["version"], 2, "the newest");
        assert_eq!(tags(app, "d@example.com").await, json!(["new"]));
        app.post("/rules/tags/rollback", json!({ "version": 7 })).await.expect(404);
        app.post("/rules/other/enable", json!({})).await.expect(404);

        let matched = app.get("/rules/tags/runs").await.expect(200);
        assert_eq!(texts(&matched["items"], "/rule"), ["tags@2", "tags@1", "tags@2"], "the newest first");
        app.answer("low@example.com", 1).await;
        let first = app.get("/rules/tags/runs?all=true&limit=1").await.expect(200);
        assert!(first["items"][0]["failed"].as_str().unwrap().contains("score is 1"), "{first}");
        let rest = app.get(&format!("/rules/tags/runs?all=true&cursor={}", first["next"].as_str().unwrap())).await.expect(200);
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (3, &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_can_not_work_is_refused_with_line_and_column() {
    on_every_database(async |app| {
        let wrong = "key: x\non: response_settled\nthen:\n  - send_mail: no_such_mail\n    to: team:nobody\n  - call_webhook: crm\n";
        let refused = yaml(app, wrong).await;
        assert_eq!(refused.refused(), ["line 4, column 16", "line 5, column 9", "line 6, column 19"]);
        assert!(refused.text().contains("there is no webhook `crm`"), "{}", refused.text());
        assert_eq!(yaml(app, "{").await.status, 422);
        assert!(app.get("/rules/x").await.status == 404, "nothing was published");
    })
    .await;
}

/// Public reviews are asked for from everybody or from nobody.
#[tokio::test]
async fn review_gating_is_refused_with_a_reason() {
    on_every_database(async |app| {
        without_shipped(app).await;
        let rule = |when: &str, condition: &str| {
            format!("key: review\non: case_closed\n{when}then:\n  - tag: [asked]\n    if: {{ score: 9 }}\n  - invite_review: https://reviews.example/write\n{condition}")
        };
        for (when, condition, place, word) in [
            ("when: { segment: promoter }\n", "", "line 3, column 9", "segment"),
            ("when: { any: [{ survey: nps }, { not: { score: { lt: 9 } } }] }\n", "", "line 3, column 41", "score"),
            ("", "    if: { comment: present }\n", "line 7, column 11", "comment"),
            ("", "    if: { all: [{ comment_contains: great }] }\n", "line 7, column 19", "comment_contains"),
        ] {
            let refused = yaml(app, &rule(when, condition)).await;
            assert_eq!(refused.refused(), [place]);
            assert!(refused.text().contains(&format!("`{word}`: `invite_review` must not depend on the answer")), "{}", refused.text());
        }
        let fair = rule("when: { person: { score: 9 }, survey: nps }\n", "    if: { email: present }\n");
        yaml(app, &fair.replace("person: { score: 9 }, ", "")).await.expect(200);
        let receipt = app.answer("anna@example.com", 2).await;
        let case = receipt["case"]["id"].as_str().unwrap();
        app.post(&format!("/cases/{case}/contacts"), json!({ "channel": "phone", "outcome": "reached" })).await.expect(200);
        app.post(&format!("/cases/{case}/close"), json!({ "root_cause": "late", "resolution": "sent again" })).await.expect(200);
        app.run_until_idle().await;
        let [mail] = app.mails_to("anna@example.com").try_into().unwrap();
        assert!(mail.text.contains("https://reviews.example/write"), "the unhappy are asked as well: {}", mail.text);
        yaml(app, &fair).await.expect(200);
    })
    .await;
}
