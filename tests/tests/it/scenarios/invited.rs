//! The mail of an invitation: what it says, and what keeps it here at the last moment.

use chrono::Duration;
use hearback_core::{
    state::{InvitationState, WaveStatus},
    token::Purpose,
};
use hearback_engine::settings::Limits;
use hearback_store::{bulk, campaigns, preferences, waves};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    asked::{Asked, campaign},
    smtp_server::{At, Fault, Script},
};
use uuid::Uuid;

use super::{all, suppress};

/// A running wave.
pub(super) async fn wave(app: &TestApp) -> Uuid {
    let workspace = app.cx.workspaces.get(app.cx.db.read(), app.ws).await.unwrap();
    let row = waves::Model {
        workspace_id: app.ws.uuid(),
        id: hearback_core::id::WaveId::new(app.now()).uuid(),
        campaign: "quarterly".to_owned(),
        name: "2026-Q1".to_owned(),
        status: WaveStatus::Running.into(),
        survey_id: workspace.surveys["nps"].id.uuid(),
        fire_at: 0,
        body: r#"{"survey":"nps"}"#.to_owned(),
        created_at: 0,
        planned_at: Some(0),
        paused_at: None,
        finished_at: None,
        reason: None,
    };
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert_missing::<campaigns::Entity>(&tx, &[campaign(app.ws, &row.campaign)]).await.unwrap();
    tx.commit().await.unwrap();
    set(app, row.clone()).await;
    row.id
}

async fn set(app: &TestApp, row: waves::Model) {
    const OVER: &str = " ON CONFLICT (workspace_id, id) DO UPDATE SET status = excluded.status";
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert_with::<waves::Entity>(&tx, &[row], OVER).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn set_wave(app: &TestApp, id: Uuid, status: WaveStatus) {
    let row = all::<waves::Entity>(app).await.into_iter().find(|row| row.id == id).unwrap();
    set(app, waves::Model { status: status.into(), ..row }).await;
}

/// Status and words of the newest mail.
async fn last(app: &TestApp, asked: &Asked) -> (String, String) {
    let mail = asked.mails(app).await.into_iter().max_by_key(|mail| mail.created_at).unwrap();
    (mail.status.to_string(), mail.reply.unwrap_or_default())
}

#[tokio::test]
async fn the_question_comes_in_the_readers_language_with_a_link_for_each_score() {
    on_every_database(async |app| {
        let asked = Asked::new(app, "jonas@example.com", "lt").await;
        app.run_until_idle().await;
        let [mail] = app.mails_to("jonas@example.com").try_into().unwrap();
        assert_eq!(mail.subject, "Vienas trumpas klausimas");
        assert!(mail.text.contains("Kiek tikėtina, kad rekomenduotumėte"), "{}", mail.text);
        let page = format!("{}/s/", app.cx.settings.public_url);
        for score in 0..=10 {
            let line = mail.text.lines().find(|line| line.starts_with(&format!("{score}: "))).unwrap();
            let link = line.split_once(": ").unwrap().1;
            let token = link.strip_prefix(&page).unwrap().strip_suffix(&format!("?score={score}")).unwrap();
            let found = app.cx.settings.secret_key.verify(Purpose::Survey, token);
            assert_eq!(found, Some((app.ws.uuid(), asked.invitation.id)));
            assert!(mail.html.contains(&format!("href=\"{link}\"")));
        }
        assert_eq!(mail.header("Precedence"), "bulk");
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let row = asked.now(app).await;
        assert_eq!((row.state.as_str(), row.sent_at), ("sent", asked.mails(app).await[0].sent_at));
        app.advance(Duration::days(3)).await;
        asked.remind(app).await;
        app.run_until_idle().await;
        let [_, reminder] = app.mails_to("jonas@example.com").try_into().unwrap();
        assert!(reminder.subject.starts_with("Primename") && reminder.text.contains("/s/"));
        assert_eq!(asked.now(app).await.sent_at, row.sent_at, "it was asked when it was asked");
    })
    .await;
}

#[tokio::test]
async fn what_happens_before_the_mail_leaves_keeps_it_here() {
    on_every_database(async |app| {
        let ask = async |name: &str| Asked::new(app, &format!("{name}@example.com"), "en").await;
        let [stopped, unwilling, answered, expired] =
            [ask("stopped").await, ask("unwilling").await, ask("answered").await, ask("expired").await];
        suppress(app, "stopped@example.com", "unsubscribed").await;
        let row = preferences::Model {
            workspace_id: app.ws.uuid(),
            person_id: unwilling.invitation.person_id,
            survey_key: "nps".to_owned(),
            stopped_at: 0,
        };
        let tx = app.cx.db.write().await.unwrap();
        bulk::insert::<preferences::Entity>(&tx, &[row]).await.unwrap();
        tx.commit().await.unwrap();
        answered.change(app, |row| row.state = InvitationState::Answered.into()).await;
        expired.change(app, |row| row.expires_at = Some(0)).await;
        app.run_until_idle().await;
        assert!(app.mails().is_empty());
        for (asked, status, state, reason) in [
            (&stopped, "suppressed", "not_asked", Some("unsubscribed")),
            (&unwilling, "suppressed", "not_asked", Some("survey_stopped")),
            (&answered, "cancelled", "answered", None),
            (&expired, "cancelled", "expired", Some("expired")),
        ] {
            let now = asked.now(app).await;
            assert_eq!(
                (last(app, asked).await.0.as_str(), now.state.as_str(), now.reason.as_deref()),
                (status, state, reason),
                "{}",
                asked.address
            );
        }
    })
    .await;
}

#[tokio::test]
async fn the_mails_of_a_paused_wave_wait_and_those_of_a_cancelled_one_never_leave() {
    on_every_database(async |app| {
        let wave = wave(app).await;
        let [one, two] =
            Asked::many(app, &["1@example.com".to_owned(), "2@example.com".to_owned()], "en", Some(wave)).await.try_into().unwrap();
        set_wave(app, wave, WaveStatus::Paused).await;
        app.run_until_idle().await;
        app.advance(Duration::minutes(5)).await;
        assert!(app.mails().is_empty());
        assert_eq!((last(app, &one).await.0, one.mails(app).await[0].attempts), ("queued".to_owned(), 0));
        set_wave(app, wave, WaveStatus::Running).await;
        app.advance(Duration::minutes(2)).await;
        assert_eq!(app.mails().len(), 2);
        assert_eq!(two.now(app).await.state.as_str(), "sent");
        let late = Asked::in_wave(app, "3@example.com", "en", Some(wave)).await;
        set_wave(app, wave, WaveStatus::Cancelled).await;
        app.run_until_idle().await;
        assert_eq!((last(app, &late).await.0.as_str(), late.now(app).await.state.as_str()), ("cancelled", "cancelled"));
        assert_eq!(app.mails().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn one_mail_too_many_for_a_day_waits_for_another_day() {
    let options = Options { limits: Some(Limits { mails_per_person_day: 1, mails_per_rule_hour: 1_000 }), ..Options::default() };
    on_every_database_with(&options, async |app| {
        let asked = Asked::new(app, "anna@example.com", "en").await;
        app.run_until_idle().await;
        app.advance(Duration::hours(5)).await;
        asked.remind(app).await;
        app.run_until_idle().await;
        assert_eq!((app.mails().len(), last(app, &asked).await.0.as_str()), (1, "queued"));
        app.advance(Duration::hours(24) + Duration::minutes(1)).await;
        assert_eq!((app.mails().len(), last(app, &asked).await.0.as_str()), (2, "sent"));
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_comes_back_ends_the_invitation_and_only_a_missing_mailbox_is_blamed_on_the_customer() {
    let script = Script::default().once(At::Rcpt, 1, Fault::reply("550 5.1.1 unknown")).once(
        At::Rcpt,
        2,
        Fault::reply("550 5.7.1 we don't like you"),
    );
    on_every_database_with(&Options { smtp: script, ..Options::default() }, async |app| {
        let gone = Asked::new(app, "gone@example.com", "en").await;
        app.run_until_idle().await;
        let refused = Asked::new(app, "refused@example.com", "en").await;
        app.run_until_idle().await;
        for asked in [&gone, &refused] {
            let row = asked.now(app).await;
            assert_eq!((row.state.as_str(), row.reason.as_deref()), ("bounced", Some("not_delivered")));
        }
        let list = app.get("/suppressions").await.expect(200);
        assert_eq!(super::texts(&list["items"], "/address"), ["gone@example.com"]);
    })
    .await;
}
