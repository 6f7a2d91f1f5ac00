//! The demo asks: a quarterly campaign, and customers who answer from their mail, on the real page.

use anyhow::Context as _;
use chrono::Duration;
use hearback_core::{
    Clock as _, ManualClock,
    campaign::{Plan, Reminder, Times},
    id::{CaseId, InvitationId, PersonId, WorkspaceId},
    token::Purpose,
};
use hearback_engine::{
    Actor, Ctx,
    asking::campaigns,
    page::{self, Form, Page, Wish},
    submit::NewResponse,
};
use hearback_store::{
    cursor::Page as ListPage,
    invitations::{self, InvitationFilter},
    persons, snapshot,
};

/// Key of the campaign.
const CAMPAIGN: &str = "quarterly";
/// How long somebody reads before they press the button.
const READING: Duration = Duration::seconds(7);

/// Once a quarter everybody is asked, and reminded once.
pub async fn campaign(cx: &Ctx, ws: WorkspaceId) -> anyhow::Result<()> {
    let plan = Plan {
        name: Some("How are we doing, each quarter".to_owned()),
        schedule: Some(Times { cron: "0 9 1 JAN,APR,JUL,OCT *".to_owned(), timezone: "Europe/Vilnius".to_owned() }),
        reminders: vec![Reminder { after_days: 7 }],
        ..Plan::of("nps")
    };
    campaigns::put(cx, ws, &Actor::Operator, CAMPAIGN, plan).await.context("the demo's campaign does not fit this version")?;
    Ok(())
}

/// Gives an answer from the mail that asked for it; `None` when no such mail waits for this customer.
pub async fn answer_by_mail(cx: &Ctx, ws: WorkspaceId, clock: &ManualClock, answer: &NewResponse) -> anyhow::Result<Option<InvitationId>> {
    let Some(email) = &answer.person.email else { return Ok(None) };
    let Some(person) = persons::by_key(cx.db.read(), ws, &format!("email:{email}")).await? else { return Ok(None) };
    let waiting = InvitationFilter { person: Some(person.id), states: vec!["sent".to_owned()], ..InvitationFilter::default() };
    let Some(invitation) = invitations::list(cx.db.read(), ws, &waiting, ListPage::first(1)).await?.items.pop() else { return Ok(None) };
    let token = cx.settings.secret_key.sign(Purpose::Survey, ws.uuid(), invitation.id);
    let wish = Wish { score: Some(answer.score), ..Wish::default() };
    let Page::Shown(shown) = page::look(cx, &token, &wish).await? else { return Ok(None) };
    clock.set(clock.now() + READING);
    let mut fields = vec![
        ("proof".to_owned(), shown.page.chars().rev().collect()),
        ("page".to_owned(), shown.page),
        ("part".to_owned(), shown.part),
        ("score".to_owned(), answer.score.to_string()),
        ("comment".to_owned(), answer.comment.clone().unwrap_or_default()),
    ];
    if answer.score < 7 {
        fields.push(("contact".to_owned(), "yes".to_owned()));
    }
    page::post(cx, &token, &wish, &Form::read(fields)).await?;
    Ok(Some(InvitationId::from_uuid(invitation.id)))
}

/// The address of an English-speaking customer who was asked and has not answered.
pub async fn who_has_not_answered(cx: &Ctx, ws: WorkspaceId) -> anyhow::Result<Option<String>> {
    let asked = InvitationFilter { states: vec!["sent".to_owned()], ..InvitationFilter::default() };
    for invitation in invitations::list(cx.db.read(), ws, &asked, ListPage::first(100)).await?.items {
        let person = persons::by_id(cx.db.read(), ws, PersonId::from_uuid(invitation.person_id)).await?;
        if let Some(person) = person.filter(|person| person.locale.as_deref() == Some("en")) {
            return Ok(person.email);
        }
    }
    Ok(None)
}

/// The case of the answer to an invitation.
pub async fn case_of(cx: &Ctx, ws: WorkspaceId, invitation: InvitationId) -> anyhow::Result<Option<CaseId>> {
    let row = invitations::by_id(cx.db.read(), ws, invitation).await?;
    let Some(response) = row.and_then(|row| row.response_id) else { return Ok(None) };
    let case = snapshot::case_of_response(cx.db.read(), ws.uuid(), response).await?;
    Ok(case.map(|case| CaseId::from_uuid(case.id)))
}
