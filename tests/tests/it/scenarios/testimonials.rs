//! Words of customers that we may show: asked for by a rule, given, released and taken back.

use hearback_engine::{Actor, automation::publish};
use hearback_rules::parse_yaml;
use hearback_tests::{app::on_every_database, client::Client};
use serde_json::json;

use super::{count, texts, timeline};

const ASK: &str = "
key: promoter-referral
on: response_settled
when: { segment: promoter }
then:
  - ask_testimonial: true
";

#[tokio::test]
async fn words_are_asked_for_given_released_and_taken_back() {
    on_every_database(async |app| {
        publish::publish(&app.cx, app.ws, &Actor::Operator, parse_yaml("ask.yaml", ASK).unwrap()).await.unwrap();
        let person = json!({ "email": "mia@example.com", "name": "Mia", "locale": "fi" });
        let receipt = app.post("/responses", json!({ "survey": "nps", "score": 10, "person": person })).await.expect(201);
        app.run_until_idle().await;
        let [mail] = app.mails_to("mia@example.com").try_into().unwrap();
        assert_eq!(mail.subject, "Saammeko lainata sanojasi?");
        let path = mail.text.split_whitespace().find_map(|word| word.find("/t/").map(|at| word[at..].to_owned())).unwrap();
        let browser = Client::stranger(app.address());
        assert!(browser.get(&path).await.text().contains("value=\"Mia\""));
        assert_eq!(app.get("/testimonials").await.expect(200)["items"], json!([]), "looking gives nothing");
        assert!(browser.form(&path, "text=&permission=public").await.text().contains("Kirjoita muutama sana"));
        browser.form(&path, "text=So+kind&name=Mia+M.&permission=none").await;
        let list = async |query: &str| app.get(&format!("/testimonials{query}")).await.expect(200)["items"].clone();
        let id = list("?permission=none").await[0]["id"].as_str().unwrap().to_owned();
        app.post(&format!("/testimonials/{id}/approve"), json!({})).await.expect(409);
        browser.form(&path, "text=So+kind+%3Cb%3E&name=Mia+M.&permission=public").await;
        assert_eq!(
            (texts(&list("?permission=public").await, "/name"), list("?permission=none").await),
            (vec!["Mia M.".to_owned()], json!([]))
        );
        app.post(&format!("/testimonials/{id}/approve"), json!({})).await.expect(200);
        let page = browser.form(&path, "text=Changed&permission=public").await.text();
        assert!(page.contains("So kind &lt;b&gt;") && !page.contains("<textarea"), "released words stay as they are");
        assert_eq!(texts(&list("?state=approved").await, "/text"), ["So kind <b>"]);
        app.post(&format!("/testimonials/{id}/withdraw"), json!({})).await.expect(200);
        browser.form(&path, "text=Kinder&permission=anonymous").await;
        let again = list("").await;
        assert_eq!((&again[0]["text"], &again[0]["name"], &again[0]["state"]), (&json!("Kinder"), &json!(null), &json!("given")));
        browser.form(&path, "action=withdraw").await;
        assert_eq!(list("").await, json!([]));
        let told = timeline(&app.case_of(&receipt).await);
        assert_eq!((count(&told, "testimonial_given"), count(&told, "testimonial_withdrawn")), (1, 1));

        browser.form(&path, "text=CANARY&permission=public").await;
        let person = app.case_of(&receipt).await["person"]["id"].as_str().unwrap().to_owned();
        app.api.delete(&format!("/api/v1/people/{person}")).await.expect(204);
        assert_eq!(list("").await, json!([]), "erased with the person");
        assert_eq!(browser.get(&path).await.status, 404);
        assert_eq!(browser.form(&path, "text=again&permission=public").await.status, 404);
    })
    .await;
}
