//! The demo asks: a quarterly campaign whose last wave is always a few days old, and customers who answer from their mail, on the
//! real page.

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, Duration, Utc};
use hearback_core::{
    Clock as _, ManualClock,
    campaign::{Plan, Reminder, Times},
    id::{CaseId, InvitationId, PersonId, WorkspaceId},
    state::InvitationState,
    token::Purpose,
};
use hearback_engine::{
    Actor, Engine,
    campaigns::{ad_hoc, campaign},
    responses::submit::NewResponse,
    surveys::page::{self, Form, Page, Wish},
};
use hearback_store::{
    cursor::Page as ListPage,
    invitations::{self, InvitationFilter},
    persons, snapshot,
};

/// Key of the campaign.
pub const CAMPAIGN: &str = "quarterly";
/// How long somebody reads before they press the button.
const READING: Duration = Duration::seconds(7);

/// How many days ago the last wave began, at least: its links work, and those who answer at once have done so.
pub const WAVE_AGE: i64 = 6;

/// Once a quarter everybody is asked, and reminded once.
pub async fn campaign(cx: &Engine, ws: WorkspaceId, now: DateTime<Utc>) -> anyhow::Result<()> {
    let plan = Plan {
        name: Some("How are we doing, each quarter".to_owned()),
        schedule: Some(quarterly(now)),
        reminders: vec![Reminder { after_days: 7 }],
        ..Plan::of("nps")
    };
    campaign::put(cx, ws, &Actor::Operator, CAMPAIGN, plan).await.context("the demo's campaign does not fit this version")?;
    Ok(())
}

/// Each quarter, with a wave that began [`WAVE_AGE`] days before `now`, or up to three days earlier: not every month has a 29th.
fn quarterly(now: DateTime<Utc>) -> Times {
    let began = now - Duration::days(WAVE_AGE);
    let months: Vec<_> = (0..4).map(|quarter| ((began.month0() + 3 * quarter) % 12 + 1).to_string()).collect();
    Times { cron: format!("0 9 {} {} *", began.day().min(28), months.join(",")), timezone: "Europe/Vilnius".to_owned() }
}

/// Gives an answer from the mail that asked for it; `None` when no such mail waits for this customer.
pub async fn answer_by_mail(
    cx: &Engine,
    ws: WorkspaceId,
    clock: &ManualClock,
    answer: &NewResponse,
) -> anyhow::Result<Option<InvitationId>> {
    let Some(email) = &answer.person.email else { return Ok(None) };
    let Some(person) = persons::by_key(cx.db.read(), ws, &format!("email:{email}")).await? else { return Ok(None) };
    let waiting = InvitationFilter { person: Some(person.id), states: vec![InvitationState::Sent], ..InvitationFilter::default() };
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

/// A customer who was asked, has not answered and still can.
pub struct Waiting {
    /// Where they have mail.
    pub email: String,
    /// Where they answer.
    pub link: String,
}

/// An English-speaking one. None when all have answered or their time has passed: a demo can be old.
pub async fn who_has_not_answered(cx: &Engine, ws: WorkspaceId) -> anyhow::Result<Option<Waiting>> {
    let asked = InvitationFilter { states: vec![InvitationState::Sent], ..InvitationFilter::default() };
    let mut page = ListPage::first(100);
    loop {
        let found = invitations::list(cx.db.read(), ws, &asked, page).await?;
        for invitation in found.items {
            let person = persons::by_id(cx.db.read(), ws, PersonId::from_uuid(invitation.person_id)).await?;
            let Some(email) = person.filter(|person| person.locale.as_deref() == Some("en")).and_then(|person| person.email) else {
                continue;
            };
            let token = cx.settings.secret_key.sign(Purpose::Survey, ws.uuid(), invitation.id);
            if matches!(page::look(cx, &token, &Wish::default()).await?, Page::Shown(_)) {
                return Ok(Some(Waiting { email, link: ad_hoc::url(cx, &invitation) }));
            }
        }
        let Some(next) = found.next else { return Ok(None) };
        page = ListPage { after: Some(next), ..page };
    }
}

/// The case of the answer to an invitation.
pub async fn case_of(cx: &Engine, ws: WorkspaceId, invitation: InvitationId) -> anyhow::Result<Option<CaseId>> {
    let row = invitations::by_id(cx.db.read(), ws, invitation).await?;
    let Some(response) = row.and_then(|row| row.response_id) else { return Ok(None) };
    let case = snapshot::case_of_response(cx.db.read(), ws.uuid(), response).await?;
    Ok(case.map(|case| CaseId::from_uuid(case.id)))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn on_each_day_of_four_years_the_last_wave_is_a_few_days_old_and_the_one_before_is_no_part_of_the_replay() {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let days = first.iter_days().take(4 * 366).flat_map(|day| [(0, 30), (12, 0), (23, 30)].map(|at| (day, at)));
        for now in days.map(|(day, (hour, minute))| day.and_hms_opt(hour, minute, 0).unwrap().and_utc()) {
            let times = quarterly(now).read(now).unwrap();
            let waves: Vec<_> = times.after(now - super::super::seed::REPLAYED).take_while(|fire| *fire <= now).collect();
            let age = (now - *waves.first().unwrap()).num_hours();
            assert!(waves.len() == 1 && ((WAVE_AGE - 1) * 24..(WAVE_AGE + 4) * 24).contains(&age), "{now}: {waves:?}");
        }
    }
}
