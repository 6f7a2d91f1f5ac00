//! The survey page: what is kept when, what a program that sends forms leaves, and when a link is over.

use std::collections::BTreeSet;

use chrono::Duration;
use hearback_core::{
    id::WaveId,
    state::{CampaignStatus, WaveStatus},
};
use hearback_engine::{
    Actor,
    customers::people::{NewPerson, erase_person},
    role::Role,
    setup::{WorkspaceChange, change_workspace},
};
use hearback_store::{ConnectionTrait as _, EntityTrait, invitations, responses, unconfirmed};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::Client,
    survey::{Screen, invite, invite_address},
};
use serde_json::json;

use super::{all, further_answers::ask_more, texts};

async fn answers(app: &TestApp) -> Vec<responses::Model> {
    all::<responses::Entity>(app).await
}

async fn pause(app: &TestApp) {
    app.advance(Duration::seconds(2)).await;
}

async fn sql(app: &TestApp, sql: &str) {
    let tx = app.cx.db.write().await.unwrap();
    tx.execute_unprepared(sql).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_click_in_a_mail_a_comment_and_send_are_one_form() {
    on_every_database(async |app| {
        let (id, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let anna = Client::stranger(app.address());
        let screen = Screen::get(&anna, &format!("{link}?score=3&utm_source=mail")).await;
        assert_eq!((screen.chosen(), screen.html.contains("name=\"comment\"")), (Some(3), true));
        assert!(answers(app).await.is_empty(), "looking keeps nothing");
        pause(app).await;
        let thanks = screen.touch(&anna, "score=3&comment=Too+late&contact=1").await;
        assert!(thanks.heading().starts_with("Thank you for being honest."), "{}", thanks.html);
        app.run_until_idle().await;
        let [row] = answers(app).await.try_into().unwrap();
        assert_eq!((row.score, row.comment.as_deref(), row.may_contact), (3, Some("Too late"), Some(true)));
        assert_eq!((row.channel.as_str(), row.invitation_id, row.revision), ("email", Some(id.uuid()), 1));
        assert!(row.settled_at.is_some(), "who is done is not waited for");
        let [invitation] = all::<invitations::Entity>(app).await.try_into().unwrap();
        assert_eq!((invitation.state.as_str(), invitation.response_id, invitation.remind_at), ("answered", Some(row.id), None));
        let cases = app.get("/cases?segment=detractor").await.expect(200);
        let case = app.get(&format!("/cases/{}", cases["items"][0]["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(texts(&case["tasks"], "/status"), ["open"]);

        let again = Screen::get(&anna, &link).await;
        assert_eq!(again.chosen(), Some(3));
        assert!(again.html.contains("You have already answered.") && again.html.contains("Too late"));
        pause(app).await;
        again.touch(&anna, "score=4&comment=Too+late").await;
        app.run_until_idle().await;
        let [row] = answers(app).await.try_into().unwrap();
        assert_eq!((row.score, row.revision, row.may_contact), (4, 2, Some(false)), "the same answer, said anew");
    })
    .await;
}

#[tokio::test]
async fn without_scripts_a_second_step_asks_whether_it_is_meant() {
    on_every_database(async |app| {
        let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let anna = Client::stranger(app.address());
        let screen = Screen::get(&anna, &format!("{link}?score=3")).await;
        pause(app).await;
        let sure = screen.send(&anna, "score=3&comment=Too+late").await;
        assert_eq!(sure.heading(), "You chose 3. Is that right?");
        assert!(answers(app).await.is_empty());
        let [kept] = all::<unconfirmed::Entity>(app).await.try_into().unwrap();
        assert_eq!((kept.score, kept.comment.as_deref(), kept.tries), (3, Some("Too late"), 1));
        let quick = sure.send(&anna, "score=3&comment=Too+late").await;
        assert_eq!(quick.heading(), "You chose 3. Is that right?", "nobody reads that fast");
        pause(app).await;
        let back = quick.send(&anna, "score=3&comment=Too+late&change=1").await;
        assert_eq!((back.chosen(), back.field("part").as_str()), (Some(3), "score"));
        pause(app).await;
        let thanks = quick.send(&anna, "score=3&comment=Too+late").await;
        assert!(thanks.heading().starts_with("Thank you for being honest."), "{}", thanks.html);
        let [row] = answers(app).await.try_into().unwrap();
        assert_eq!((row.score, row.comment.as_deref()), (3, Some("Too late")));
        assert!(all::<unconfirmed::Entity>(app).await.is_empty(), "confirmed is confirmed");
        app.run_until_idle().await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_opens_links_and_sends_forms_answers_nothing() {
    on_every_database(async |app| {
        let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let scanner = Client::stranger(app.address());
        let before = crate::invariants::looking::dump(app).await;
        for score in 0..=10 {
            for method in ["GET", "HEAD", "OPTIONS"] {
                scanner.send(method, &format!("{link}?score={score}"), &[], "").await;
            }
        }
        assert_eq!(crate::invariants::looking::dump(app).await, before);
        let screen = Screen::get(&scanner, &format!("{link}?score=7")).await;
        pause(app).await;
        for _ in 0..3 {
            screen.send(&scanner, "score=7&comment=").await;
        }
        scanner.form(&link, "score=2").await;
        scanner.form(&link, "score=99").await;
        scanner.form(&link, &format!("score=1&page={}&proof=x&part=q-none", "0".repeat(32))).await;
        app.run_until_idle().await;
        assert!(answers(app).await.is_empty());
        let [kept] = all::<unconfirmed::Entity>(app).await.try_into().unwrap();
        assert_eq!((kept.score, kept.tries), (1, 5));

        let mut metrics = app.get("/metrics?survey=nps").await.expect(200);
        assert_eq!((&metrics["unconfirmed"], &metrics["n"]), (&json!({ "n": 1 }), &json!(0)));
        metrics = app.get("/metrics?survey=nps&unconfirmed=include").await.expect(200);
        assert_eq!((&metrics["unconfirmed"]["n"], &metrics["n"]), (&json!(1), &json!(1)));
        let person = hearback_core::id::PersonId::from_uuid(kept.person_id);
        erase_person(&app.cx, app.ws, &Actor::Operator, person).await.unwrap();
        assert!(all::<unconfirmed::Entity>(app).await.is_empty(), "nothing stays of what counts nowhere");
    })
    .await;
}

#[tokio::test]
async fn each_screen_is_kept_and_the_last_one_settles() {
    on_every_database(async |app| {
        ask_more(app).await;
        let person = NewPerson { email: Some("jonas@example.com".to_owned()), locale: Some("lt".to_owned()), ..NewPerson::default() };
        let (_, link) = invite(&app.cx, app.ws, "nps", person).await;
        let jonas = Client::stranger(app.address());
        let screen = Screen::get(&jonas, &link).await;
        assert!(screen.html.contains("<html lang=\"lt\">") && screen.heading().starts_with("Kiek tikėtina"), "{}", screen.html);
        assert_eq!(screen.chosen(), None);
        let none = screen.touch(&jonas, "").await;
        assert!(none.html.contains("Pirmiausia pasirinkite"), "{}", none.html);
        pause(app).await;
        let why = screen.touch(&jonas, "score=8").await;
        assert_eq!(why.heading(), "Ką vieną galėtume daryti geriau?");
        let unsettled = answers(app).await;
        assert_eq!((unsettled[0].score, unsettled[0].settled_at), (8, None));
        let which = why.send(&jonas, "score=8&comment=Kaina").await;
        assert_eq!(which.heading(), "Kuri dalis?");
        app.run_until_idle().await;
        assert_eq!(answers(app).await[0].settled_at, None, "more may come");
        let words = which.send(&jonas, "score=8&given=price").await;
        assert_eq!(words.heading(), "Anything else?");
        let thanks = words.send(&jonas, "score=8&given=&skip=1").await;
        assert!(thanks.heading().starts_with("Ačiū"), "{}", thanks.html);
        app.run_until_idle().await;
        let [row] = answers(app).await.try_into().unwrap();
        assert_eq!((row.comment.as_deref(), row.answers.as_deref()), (Some("Kaina"), Some(r#"{"which":"price"}"#)));
        assert!(row.settled_at.is_some());
        let boss = app.log_in("boss@shop.example", Role::Viewer).await;
        let case = app.get("/cases").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
        let page = boss.get(&format!("/cases/{case}")).await.text();
        assert!(page.contains("<dt>Which part?</dt><dd>The price</dd>"), "{page}");

        // Somebody who leaves in the middle is heard all the same, a while later.
        let (_, link) = invite_address(&app.cx, app.ws, "left@example.com").await;
        let screen = Screen::get(&jonas, &link).await;
        pause(app).await;
        screen.touch(&jonas, "score=2").await;
        app.advance(Duration::minutes(16)).await;
        let left = answers(app).await.into_iter().find(|row| row.score == 2).unwrap();
        assert!(left.settled_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn two_forms_at_the_same_moment_are_one_answer() {
    on_every_database(async |app| {
        let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let anna = Client::stranger(app.address());
        let screen = Screen::get(&anna, &format!("{link}?score=9")).await;
        pause(app).await;
        let other = anna.copy();
        let (one, two, three) = tokio::join!(
            screen.touch(&anna, "score=9&comment=Nice"),
            screen.touch(&other, "score=9&comment=Nice"),
            screen.touch(&other, "score=8&comment=Nice"),
        );
        assert!([one, two, three].iter().all(|screen| screen.heading().starts_with("Thank you")));
        app.run_until_idle().await;
        let [row] = answers(app).await.try_into().unwrap();
        assert!(row.revision <= 3);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_over_says_so_and_keeps_nothing() {
    on_every_database(async |app| {
        let stranger = Client::stranger(app.address());
        let mut links = Vec::new();
        for name in ["cancelled", "expired", "wave", "closed"] {
            let person = NewPerson { email: Some(format!("{name}@example.com")), locale: Some("fi".to_owned()), ..NewPerson::default() };
            links.push(invite(&app.cx, app.ws, if name == "closed" { "csat" } else { "nps" }, person).await);
        }
        let erased = invite_address(&app.cx, app.ws, "erased@example.com").await;
        let screens = futures::future::join_all(links.iter().map(|(_, link)| Screen::get(&stranger, link))).await;
        let of_erased = Screen::get(&stranger, &erased.1).await;
        let row = invitations::Entity::find_by_id((app.ws.uuid(), erased.0.uuid())).one(app.cx.db.read()).await.unwrap().unwrap();
        let person = hearback_core::id::PersonId::from_uuid(row.person_id);
        erase_person(&app.cx, app.ws, &Actor::Operator, person).await.unwrap();
        let hex = |id: hearback_core::id::InvitationId| match app.database.kind {
            hearback_tests::database::Kind::Sqlite => format!("x'{}'", id.uuid().simple()),
            hearback_tests::database::Kind::Postgres => format!("'{id}'"),
        };
        sql(app, &format!("UPDATE invitations SET state = 'cancelled' WHERE id = {}", hex(links[0].0))).await;
        sql(app, &format!("UPDATE invitations SET expires_at = 1 WHERE id = {}", hex(links[1].0))).await;
        let wave = hearback_store::waves::Model {
            workspace_id: app.ws.uuid(),
            id: WaveId::new(app.now()).uuid(),
            campaign: "quarter".to_owned(),
            name: "2026-Q1".to_owned(),
            status: WaveStatus::Cancelled.into(),
            survey_id: row.survey_id,
            fire_at: 0,
            body: r#"{"survey":"nps"}"#.to_owned(),
            created_at: 0,
            planned_at: None,
            paused_at: None,
            finished_at: None,
            reason: None,
        };
        let campaign = hearback_store::campaigns::Model {
            workspace_id: app.ws.uuid(),
            key: "quarter".to_owned(),
            name: "Each quarter".to_owned(),
            survey: "nps".to_owned(),
            status: CampaignStatus::Ended.into(),
            body: r#"{"survey":"nps"}"#.to_owned(),
            next_fire_at: None,
            created_at: 0,
            updated_at: 0,
        };
        let tx = app.cx.db.write().await.unwrap();
        hearback_store::bulk::insert::<hearback_store::campaigns::Entity>(&tx, &[campaign]).await.unwrap();
        hearback_store::bulk::insert::<hearback_store::waves::Entity>(&tx, &[wave]).await.unwrap();
        tx.commit().await.unwrap();
        sql(app, &format!("UPDATE invitations SET wave_id = (SELECT id FROM waves) WHERE id = {}", hex(links[2].0))).await;
        sql(app, "UPDATE surveys SET status = 'closed' WHERE key = 'csat'").await;
        sql(app, "UPDATE workspaces SET config_revision = config_revision + 1").await;
        pause(app).await;
        for screen in screens.iter().chain([&of_erased]) {
            let looked = stranger.get(&screen.path).await;
            let sent = screen.post(&stranger, "score=3&comment=x&proof=x").await;
            assert_eq!((looked.status, sent.status), (410, 410), "{}", screen.html);
            let fits = if screen.path == of_erased.path { "This survey has closed" } else { "Tämä kysely on päättynyt." };
            assert!(sent.text().contains(fits), "{}", sent.text());
        }
        assert!(answers(app).await.is_empty() && all::<unconfirmed::Entity>(app).await.is_empty());
        assert_eq!(stranger.get("/s/v1.AAAA").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn passers_by_answer_without_a_name() {
    on_every_database(async |app| {
        let stranger = Client::stranger(app.address());
        let finnish = stranger.send("GET", "/p/nps", &[("accept-language", "sv, fi;q=0.9, en;q=0.8")], "").await;
        assert!(finnish.text().contains("<html lang=\"fi\">"));
        assert_eq!(stranger.get("/p/nothing").await.status, 404);
        let kiosk = "/p/nps?kiosk=1&lang=lv&ref=Hall+2";
        let screen = Screen::get(&stranger, kiosk).await;
        let other = Screen::get(&stranger, kiosk).await;
        assert!(!screen.html.contains("http-equiv=\"refresh\""), "the start stays");
        pause(app).await;
        let sure = screen.send(&stranger, "score=10").await;
        assert_eq!(sure.heading(), "Jūs izvēlējāties 10. Vai pareizi?");
        assert!(answers(app).await.is_empty() && all::<unconfirmed::Entity>(app).await.is_empty());
        pause(app).await;
        let why = sure.send(&stranger, "score=10").await;
        sure.send(&stranger, "score=10").await;
        assert!(!why.html.contains("name=\"contact\""), "nobody can write to somebody without a name");
        let thanks = why.send(&stranger, "score=10&comment=Labi").await;
        let refresh = "http-equiv=\"refresh\" content=\"6;url=/p/nps?kiosk=1&amp;lang=lv&amp;ref=Hall+2\"";
        assert!(thanks.html.replace("&#x3D;", "=").contains(refresh), "{}", thanks.html);
        assert_eq!(answers(app).await.len(), 1, "one walk is one answer");
        other.touch(&stranger, "score=2").await;
        let rows = answers(app).await;
        assert_eq!(rows.len(), 2, "the next one is another answer");
        let kept: BTreeSet<_> =
            rows.iter().map(|row| (row.score, row.channel.as_str(), row.properties.as_str(), row.locale.as_deref())).collect();
        let hall = r#"{"ref":"Hall 2"}"#;
        assert_eq!(kept, [(10, "kiosk", hall, Some("lv")), (2, "kiosk", hall, Some("lv"))].into());
        app.run_until_idle().await;
    })
    .await;
}

#[tokio::test]
async fn the_page_is_small_private_and_in_the_colours_of_its_workspace() {
    on_every_database(async |app| {
        let logo = format!("data:image/png;base64,{}", "iVBORw0KGgo".to_owned() + &"A".repeat(9_997));
        let change = WorkspaceChange { accent: Some("#FFDD00".to_owned()), logo: Some(logo.clone()), ..WorkspaceChange::default() };
        change_workspace(&app.cx, app.ws, &Actor::Operator, change).await.unwrap();
        let bad = json!({ "accent": "red", "logo": "data:image/svg+xml;base64,AAAA" });
        assert_eq!(app.api.patch("/api/v1/workspace", &bad).await.refused(), ["accent", "logo"]);
        let (_, link) = invite_address(&app.cx, app.ws, "anna@example.com").await;
        let anna = Client::stranger(app.address());
        let page = anna.get(&format!("{link}?score=3")).await;
        let html = page.text();
        assert!(html.contains("<meta name=\"robots\" content=\"noindex, nofollow\">") && html.contains("/s-style/ffdd00.css"));
        assert_eq!((page.header("cache-control"), page.header("x-robots-tag")), ("no-store", "noindex, nofollow"));
        assert!(
            page.header("content-security-policy").contains("script-src 'self'") && !html.contains("style=") && !html.contains("<style")
        );
        let style = anna.get("/s-style/ffdd00.css").await;
        assert_eq!(style.text(), ":root{--accent:#ffdd00;--on-accent:#000000}\n");
        assert_eq!(anna.get("/s-style/ffdd00}.css").await.status, 404);
        let mut bytes = html.len() + style.text().len();
        for file in html.split('"').filter(|part| part.starts_with("/static/")) {
            bytes += anna.get(file).await.text().len();
        }
        assert!(bytes < 30_000, "{bytes} bytes with a large picture");
        let statuses = futures::future::join_all((0..25).map(|_| anna.form(&link, "score=99"))).await;
        let refused = statuses.iter().find(|answer| answer.status == 429).expect("a program that goes on is held up");
        assert!(!refused.header("retry-after").is_empty());
    })
    .await;
}
