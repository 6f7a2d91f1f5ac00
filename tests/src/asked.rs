//! People who are asked: invitations as rows, without a campaign.

#![expect(clippy::expect_used, reason = "rows that can't be written must fail their test loudly")]

use hearback_core::id::{DeliveryId, PersonId};
use hearback_engine::mails::{AskMail, mail_row};
use hearback_store::{EntityTrait, bulk, deliveries, invitations, outbox, persons, time::millis};
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
        let now = app.now();
        let workspace = app.cx.workspaces.get(app.cx.db.read(), app.ws).await.expect("the workspace");
        let survey = workspace.surveys.get("nps").expect("the shipped survey").id.uuid();
        let (mut people, mut asked) = (Vec::new(), Vec::new());
        for address in addresses {
            let person = person(app, address, locale);
            let invitation = invitations::Model {
                workspace_id: app.ws.uuid(),
                id: DeliveryId::new(now).uuid(),
                person_id: person.id,
                survey_id: survey,
                wave_id: wave,
                campaign: None,
                account_key: None,
                channel: "email".to_owned(),
                state: "queued".to_owned(),
                reason: None,
                due_at: millis(now),
                ignores_limits: false,
                reminders: 0,
                remind_at: None,
                sent_at: None,
                answered_at: None,
                response_id: None,
                expires_at: Some(millis(now + chrono::Duration::days(60))),
                created_at: millis(now),
                updated_at: millis(now),
            };
            people.push(person);
            asked.push(Self { invitation, address: address.clone() });
        }
        let rows: Vec<_> = asked.iter().map(|asked| asked.invitation.clone()).collect();
        let tx = app.cx.db.write().await.expect("a transaction");
        bulk::insert::<persons::Entity>(&tx, &people).await.expect("people");
        bulk::insert::<invitations::Entity>(&tx, &rows).await.expect("invitations");
        tx.commit().await.expect("a commit");
        send(app, &asked, AskMail::Invitation).await;
        asked
    }

    /// Queues a reminder.
    pub async fn remind(&self, app: &TestApp) {
        send(app, std::slice::from_ref(self), AskMail::Reminder(1)).await;
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

async fn send(app: &TestApp, asked: &[Asked], mail: AskMail) {
    let rows = asked.iter().map(|asked| mail_row(&app.cx.settings, &asked.invitation, mail, (&asked.address, None), app.now()));
    let (mails, jobs): (Vec<deliveries::Model>, Vec<outbox::Model>) = rows.unzip();
    let tx = app.cx.db.write().await.expect("a transaction");
    bulk::insert::<deliveries::Entity>(&tx, &mails).await.expect("mails");
    outbox::enqueue(&tx, &jobs).await.expect("jobs");
    tx.commit().await.expect("a commit");
}

fn person(app: &TestApp, address: &str, locale: &str) -> persons::Model {
    persons::Model {
        workspace_id: app.ws.uuid(),
        id: PersonId::new(app.now()).uuid(),
        key: format!("email:{address}"),
        external_id: None,
        email: Some(address.to_owned()),
        name: None,
        locale: Some(locale.to_owned()),
        timezone: None,
        owner: None,
        account_key: None,
        properties: "{}".to_owned(),
        merged_into: None,
        created_at: millis(app.now()),
        updated_at: millis(app.now()),
    }
}

/// Queues what one of us wrote to a customer who was asked before, as an answer to this mail.
pub async fn reply(app: &TestApp, asked: &Asked, words: &str, in_reply_to: &str) {
    let (mut mail, _) = mail_row(&app.cx.settings, &asked.invitation, AskMail::Invitation, (&asked.address, None), app.now());
    let id = DeliveryId::new(app.now());
    mail.id = id.uuid();
    mail.message_id = format!("{id}@{}", app.cx.settings.mail_from.domain());
    mail.kind = "agent_reply".to_owned();
    mail.invitation_id = None;
    mail.words = Some(words.to_owned());
    mail.in_reply_to = Some(in_reply_to.to_owned());
    let job = outbox::row(app.ws, &outbox::Job::Mail { delivery: id }, &format!("mail/{id}"), app.now(), app.now(), None);
    let tx = app.cx.db.write().await.expect("a transaction");
    bulk::insert::<deliveries::Entity>(&tx, &[mail]).await.expect("a mail");
    outbox::enqueue(&tx, &[job]).await.expect("a job");
    tx.commit().await.expect("a commit");
}
