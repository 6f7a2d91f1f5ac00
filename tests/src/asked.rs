//! People who are asked: invitations as rows, without a campaign.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "rows that can't be written must fail their test loudly")]

use hearback_core::{
    id::{DeliveryId, InvitationId, PersonId, SurveyId, WorkspaceId},
    state::{CampaignStatus, InvitationState, WaveStatus},
};
use hearback_engine::{
    Engine,
    invitations::{AskMail, mail_row},
};
use hearback_store::{EntityTrait, bulk, campaigns, deliveries, invitations, outbox, persons, time::millis, waves};
use uuid::Uuid;

use crate::app::TestApp;

/// Somebody who is asked, with the first mail on its way.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The invitation as it was written.
    pub invitation: invitations::Model,
    /// Where its mails go.
    pub address: String,
}

impl Asked {
    /// Asks a new customer the shipped survey, by mail, now.
    pub async fn new(app: &TestApp, address: &str, locale: &str) -> Self {
        Self::in_wave(app, address, locale, None).await
    }

    /// The same as a part of a wave.
    pub async fn in_wave(app: &TestApp, address: &str, locale: &str, wave: Option<Uuid>) -> Self {
        let [asked] = Self::many(app, &[address.to_owned()], locale, wave).await.try_into().expect("one");
        asked
    }

    /// The same for many at once.
    pub async fn many(app: &TestApp, addresses: &[String], locale: &str, wave: Option<Uuid>) -> Vec<Self> {
        ask(&app.cx, app.ws, addresses, locale, wave).await
    }

    /// A wave that goes out to all of them.
    pub async fn wave(cx: &Engine, ws: WorkspaceId, wave: Uuid, addresses: &[String]) {
        let now = millis(cx.now());
        let row = waves::Model {
            workspace_id: ws.uuid(),
            id: wave,
            campaign: "quarterly".to_owned(),
            name: "2026-Q1".to_owned(),
            status: WaveStatus::Running.into(),
            survey_id: survey(cx, ws).await.uuid(),
            fire_at: now,
            body: r#"{"survey":"nps"}"#.to_owned(),
            created_at: now,
            planned_at: Some(now),
            paused_at: None,
            finished_at: None,
            reason: None,
        };
        let tx = cx.db.write().await.expect("a transaction");
        bulk::insert_missing::<campaigns::Entity>(&tx, &[campaign(ws, &row.campaign)]).await.expect("a campaign");
        bulk::insert::<waves::Entity>(&tx, &[row]).await.expect("a wave");
        tx.commit().await.expect("a commit");
        for addresses in addresses.chunks(1_000) {
            ask(cx, ws, addresses, "en", Some(wave)).await;
            cx.db.grew(4 * addresses.len());
        }
    }

    /// Queues a reminder.
    pub async fn remind(&self, app: &TestApp) {
        send(&app.cx, std::slice::from_ref(self), AskMail::Reminder(1)).await;
    }

    /// The invitation as it is now.
    pub async fn now(&self, app: &TestApp) -> invitations::Model {
        let key = (self.invitation.workspace_id, self.invitation.id);
        invitations::Entity::find_by_id(key).one(app.cx.db.read()).await.expect("a read").expect("an invitation")
    }

    /// Writes the invitation anew.
    pub async fn change(&self, app: &TestApp, changed: impl FnOnce(&mut invitations::Model)) {
        const OVER: &str = " ON CONFLICT (workspace_id, id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at";
        let mut row = self.now(app).await;
        changed(&mut row);
        let tx = app.cx.db.write().await.expect("a transaction");
        bulk::insert_with::<invitations::Entity>(&tx, &[row], OVER).await.expect("an invitation");
        tx.commit().await.expect("a commit");
    }

    /// Its mails in the ledger.
    pub async fn mails(&self, app: &TestApp) -> Vec<deliveries::Model> {
        let all = deliveries::Entity::find().all(app.cx.db.read()).await.expect("a read");
        all.into_iter().filter(|mail| mail.invitation_id == Some(self.invitation.id)).collect()
    }
}

async fn survey(cx: &Engine, ws: WorkspaceId) -> SurveyId {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await.expect("the workspace");
    workspace.surveys.get("nps").expect("the shipped survey").id
}

async fn ask(cx: &Engine, ws: WorkspaceId, addresses: &[String], locale: &str, wave: Option<Uuid>) -> Vec<Asked> {
    let now = cx.now();
    let survey = survey(cx, ws).await;
    let (mut people, mut asked) = (Vec::new(), Vec::new());
    for address in addresses {
        let person = person(cx, ws, address, locale);
        let invitation = invitations::Model {
            wave_id: wave,
            state: InvitationState::Queued.into(),
            expires_at: Some(millis(now + chrono::Duration::days(60))),
            ..invitations::Model::planned(ws, InvitationId::new(now), person.id, survey, now)
        };
        people.push(person);
        asked.push(Asked { invitation, address: address.clone() });
    }
    let rows: Vec<_> = asked.iter().map(|asked| asked.invitation.clone()).collect();
    let tx = cx.db.write().await.expect("a transaction");
    persons::insert(&tx, people).await.expect("people");
    bulk::insert::<invitations::Entity>(&tx, &rows).await.expect("invitations");
    tx.commit().await.expect("a commit");
    send(cx, &asked, AskMail::Invitation).await;
    asked
}

async fn send(cx: &Engine, asked: &[Asked], mail: AskMail) {
    let rows = asked.iter().map(|asked| mail_row(&cx.settings, &asked.invitation, mail, (&asked.address, None), cx.now()));
    let (mails, jobs): (Vec<deliveries::Model>, Vec<outbox::Model>) = rows.unzip();
    let tx = cx.db.write().await.expect("a transaction");
    bulk::insert::<deliveries::Entity>(&tx, &mails).await.expect("mails");
    outbox::enqueue(&tx, &jobs).await.expect("jobs");
    tx.commit().await.expect("a commit");
}

fn person(cx: &Engine, ws: WorkspaceId, address: &str, locale: &str) -> persons::Model {
    persons::Model {
        email: Some(address.to_owned()),
        locale: Some(locale.to_owned()),
        ..persons::Model::new(ws, PersonId::new(cx.now()), format!("email:{address}"), cx.now())
    }
}

/// Queues what one of us wrote to a customer who was asked before, as an answer to this mail.
pub async fn reply(app: &TestApp, asked: &Asked, words: &str, in_reply_to: &str) {
    let (mut mail, _) = mail_row(&app.cx.settings, &asked.invitation, AskMail::Invitation, (&asked.address, None), app.now());
    let id = DeliveryId::new(app.now());
    mail.id = id.uuid();
    mail.message_id = format!("{id}@{}", app.cx.settings.mail_from.domain());
    "agent_reply".clone_into(&mut mail.kind);
    mail.invitation_id = None;
    mail.words = Some(words.to_owned());
    mail.in_reply_to = Some(in_reply_to.to_owned());
    let job = outbox::row(app.ws, &outbox::Job::Mail { delivery: id }, &format!("mail/{id}"), app.now(), app.now(), None);
    let tx = app.cx.db.write().await.expect("a transaction");
    bulk::insert::<deliveries::Entity>(&tx, &[mail]).await.expect("a mail");
    outbox::enqueue(&tx, &[job]).await.expect("a job");
    tx.commit().await.expect("a commit");
}

/// A campaign that begins no waves by itself.
pub fn campaign(ws: WorkspaceId, key: &str) -> campaigns::Model {
    campaigns::Model {
        workspace_id: ws.uuid(),
        key: key.to_owned(),
        name: key.to_owned(),
        survey: "nps".to_owned(),
        status: CampaignStatus::Active.into(),
        body: r#"{"survey":"nps"}"#.to_owned(),
        next_fire_at: None,
        created_at: 0,
        updated_at: 0,
    }
}
