//! People who are asked: invitations with their first mails in the queue, without a campaign.

use anyhow::Context as _;
use hearback_core::{
    id::{InvitationId, PersonId, SurveyId, WorkspaceId},
    state::InvitationState,
};
use hearback_engine::{
    Engine,
    invitations::{AskMail, mail_row},
};
use hearback_store::{bulk, deliveries, invitations, outbox, persons};

/// People of one transaction.
const CHUNK: usize = 1_000;

/// Queues the question for this many new people.
pub async fn queue(cx: &Engine, ws: WorkspaceId, people: usize) -> anyhow::Result<()> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let survey = workspace.surveys.get("nps").context("the shipped survey is gone")?.id;
    let mut left = people;
    while left > 0 {
        let chunk: Vec<persons::Model> = (0..left.min(CHUNK)).map(|_| person(cx, ws)).collect();
        left -= chunk.len();
        let asked: Vec<invitations::Model> = chunk.iter().map(|person| invitation(cx, person, survey)).collect();
        let rows = asked.iter().zip(&chunk).map(|(invitation, person)| {
            let address = person.email.as_deref().unwrap_or_default();
            mail_row(&cx.settings, invitation, AskMail::Invitation, (address, person.name.as_deref()), cx.now())
        });
        let (mails, jobs): (Vec<deliveries::Model>, Vec<outbox::Model>) = rows.unzip();
        let tx = cx.db.write().await?;
        bulk::insert::<persons::Entity>(&tx, &chunk).await?;
        bulk::insert::<invitations::Entity>(&tx, &asked).await?;
        bulk::insert::<deliveries::Entity>(&tx, &mails).await?;
        outbox::enqueue(&tx, &jobs).await?;
        tx.commit().await?;
        cx.db.grew(4 * chunk.len());
    }
    Ok(())
}

fn person(cx: &Engine, ws: WorkspaceId) -> persons::Model {
    let id = PersonId::new(cx.now());
    let email = format!("{}@bench.example", id.uuid().simple());
    persons::Model {
        name: Some("Anna Petraitė".to_owned()),
        locale: Some("lt".to_owned()),
        email: Some(email.clone()),
        ..persons::Model::new(ws, id, format!("email:{email}"), cx.now())
    }
}

fn invitation(cx: &Engine, person: &persons::Model, survey: SurveyId) -> invitations::Model {
    let ws = WorkspaceId::from_uuid(person.workspace_id);
    let now = cx.now();
    let row = invitations::Model::planned(ws, InvitationId::new(now), person.id, survey, now);
    invitations::Model { state: InvitationState::Queued.into(), ..row }
}
