//! Turns effects into rows: the only place where a decision becomes a task, a mail or a waiting step.
//!
//! [`apply`] is pure: it adds rows to [`Changes`] and changes the case row it is given. [`Changes::write`] stores
//! them inside the transaction that stored what caused them. Ids are derived from the step that caused a row, so a
//! step that is applied twice gives the same rows, not more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::{
    CaseEvent, Owner, Word as _, case,
    id::{CaseId, DeliveryId, PersonId, RecordId, TaskId, WorkspaceId},
    state::{Medium, TaskStatus},
    timeline::Step,
};
use hearback_rules::{Action, Facts, Planned, Recipient, StepRef};
use hearback_store::{
    StoreError, Tx, cases, deliveries, events, invitations, outbox, persons, referrals, script::Script, tasks, time::millis,
};
use serde_json::json;

use crate::{
    Settings,
    alerts::{self, Alert},
    automation::{guard, resurvey},
    incentives::pools,
    rows::{clocks, core_case, read_owner, write_case},
    team::{
        owners::{self, Chosen, OwnerContext},
        roster::Roster,
    },
    trigger_events,
    workspace::{Member, Workspace},
};

/// What surrounds a case when effects are applied to it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Settings of the engine.
    pub settings: &'a Settings,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Who answered.
    pub person: &'a persons::Model,
    /// Who looks after their account.
    pub account_owner: Option<&'a Owner>,
    /// The present moment.
    pub now: DateTime<Utc>,
}

impl<'a> Scene<'a> {
    /// The people around the case.
    pub(crate) const fn around(&self) -> OwnerContext<'a> {
        OwnerContext { workspace: self.workspace, person: self.person, account_owner: self.account_owner, now: self.now }
    }
}

/// Rows to be written, of one case or of many.
#[derive(Debug, Default)]
pub struct Changes {
    /// Tasks to open.
    pub tasks: Vec<tasks::Model>,
    /// Mails to send.
    pub deliveries: Vec<deliveries::Model>,
    /// Deferred actions.
    pub jobs: Vec<outbox::Model>,
    /// Timeline entries.
    pub events: Vec<events::Model>,
    /// Questions to ask again.
    pub invitations: Vec<invitations::Model>,
    /// Referral links to make.
    pub referrals: Vec<referrals::Model>,
    /// Codes to give, by pool.
    pub incentives: BTreeMap<String, Vec<CaseId>>,
    /// What somebody has to look at.
    pub alerts: Vec<Alert>,
    /// Mails of one rule within a clock hour at most; absent: any number.
    pub most_an_hour: Option<u32>,
    /// Whose turn it is, in the teams that rules pick from.
    pub roster: Roster,
}

/// Applies `effects` to `case`: those due now become rows, later ones wait in the outbox.
/// Returns what was done, for one timeline entry.
pub fn apply(scene: &Scene, case: &mut cases::Model, effects: &[Planned], changes: &mut Changes) -> Vec<Step> {
    effects.iter().map(|planned| one(scene, case, planned, changes)).collect()
}

fn one(scene: &Scene, case: &mut cases::Model, planned: &Planned, changes: &mut Changes) -> Step {
    let before = case.loop_status;
    let done = if planned.due > scene.now {
        wait(scene, case, planned, changes)
    } else {
        match &planned.effect {
            Action::SendMail { template, to } => send_mail(scene, case, planned, template, to, changes),
            Action::OpenTask { title, owner, due } => {
                let owner = owners::choose(&scene.around(), case, owner, planned.step.revision, &mut changes.roster);
                let due_at = due.after(scene.workspace.staff.hours_of(Some(&owner.owner)), scene.now);
                open_task(scene, case, planned.step, title, owner, due_at, changes)
            }
            Action::Assign { owner } => {
                let owner = owners::choose(&scene.around(), case, owner, planned.step.revision, &mut changes.roster);
                assign(case, owner, &mut changes.roster)
            }
            Action::Tag { tags } => tag(case, tags),
            Action::Escalate { to, reason } => {
                let to = owners::choose(&scene.around(), case, to, planned.step.revision, &mut changes.roster);
                escalate(scene, case, &to, reason, &mut changes.roster)
            }
            Action::GiveIncentive { pool } => {
                changes.incentives.entry(pool.clone()).or_default().push(CaseId::from_uuid(case.id));
                Step { pool: Some(pool.clone()), ..Step::default() }
            }
            Action::CallWebhook { webhook } => post(scene, case, planned, Medium::Webhook, webhook, changes),
            Action::NotifyChat { webhook } => post(scene, case, planned, Medium::Chat, webhook, changes),
            Action::InviteReview { url } => {
                let before = changes.deliveries.len();
                let done = send_mail(scene, case, planned, REVIEW_MAIL, &Recipient::Customer, changes);
                changes.deliveries.iter_mut().skip(before).for_each(|mail| mail.link = Some(url.clone()));
                done
            }
            Action::AskTestimonial => send_mail(scene, case, planned, TESTIMONIAL_MAIL, &Recipient::Customer, changes),
            Action::Resurvey { survey } => resurvey::ask(scene, case, planned, survey.as_deref(), changes),
            Action::CreateReferral => refer(scene, case, changes),
            Action::MarkNotNeeded { reason } => Step { reason: Some(reason.clone()), ..change(scene, case, &CaseEvent::NotNeeded) },
            Action::Close => change(scene, case, &CaseEvent::Close),
        }
    };
    changes.jobs.extend(trigger_events::moved(scene.workspace, *before, case, || planned.led_by(), scene.now));
    Step { action: planned.effect.as_str().to_owned(), rule: Some(planned.rule_key.clone()), ..done }
}

/// A row that an effect leaves at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftRow {
    /// A task.
    Task(TaskId),
    /// A mail to a customer or to an address.
    Delivery(DeliveryId),
}

/// The row that an effect must have left whose id follows from its cause. Mail to an owner or a team is left out: who that was then is
/// not stored.
pub(crate) fn left_at_once(planned: &Planned, facts: &Facts) -> Option<LeftRow> {
    let mail = |address: &str| LeftRow::Delivery(mail_id(planned.step, address));
    match &planned.effect {
        Action::OpenTask { .. } => Some(LeftRow::Task(task_id(planned.step))),
        Action::SendMail { to: Recipient::Customer, .. } | Action::InviteReview { .. } | Action::AskTestimonial => {
            facts.person.email.as_ref().map(|email| mail(email.as_str()))
        }
        Action::SendMail { to: Recipient::Address(email), .. } => Some(mail(email.as_str())),
        Action::SendMail { to: Recipient::Owner | Recipient::Team(_), .. }
        | Action::Assign { .. }
        | Action::Tag { .. }
        | Action::Escalate { .. }
        | Action::GiveIncentive { .. }
        | Action::CreateReferral
        | Action::Resurvey { .. }
        | Action::CallWebhook { .. }
        | Action::NotifyChat { .. }
        | Action::MarkNotNeeded { .. }
        | Action::Close => None,
    }
}

fn mail_id(step: StepRef, address: &str) -> DeliveryId {
    DeliveryId::beside(&format!("mail/{}/{address}", step.key()))
}

fn task_id(step: StepRef) -> TaskId {
    TaskId::beside(&format!("task/{}", step.key()))
}

/// The mail that asks for a public review.
const REVIEW_MAIL: &str = "review_invitation";
/// The mail that asks for a testimonial.
const TESTIMONIAL_MAIL: &str = "testimonial_request";

fn wait(scene: &Scene, case: &cases::Model, planned: &Planned, changes: &mut Changes) -> Step {
    let id = CaseId::from_uuid(case.id);
    let closed = matches!(planned.effect, Action::Resurvey { .. }).then_some(case.closed_at).flatten();
    let job = outbox::Job::Step { case: id, step: planned.step, chain: planned.chain.clone(), closed };
    let about = Some((id, planned.step.revision));
    changes.jobs.push(outbox::row(scene.workspace.id, &job, &waiting_cause(planned), planned.due, scene.now, about));
    Step { due: Some(planned.due), ..Step::default() }
}

/// What makes the job of a delayed step, once. Whoever is asked again after a case was closed may be asked again after it was
/// closed a second time: when it is due tells the two apart.
pub(crate) fn waiting_cause(planned: &Planned) -> String {
    match planned.effect {
        Action::Resurvey { .. } => format!("step/{}/{}", planned.step.key(), millis(planned.due)),
        _ => format!("step/{}", planned.step.key()),
    }
}

fn send_mail(scene: &Scene, case: &cases::Model, planned: &Planned, template: &str, to: &Recipient, changes: &mut Changes) -> Step {
    let (recipients, to_customer) = match to {
        Recipient::Customer => {
            let name = scene.person.name.clone().unwrap_or_default();
            (scene.person.email.iter().map(|email| Member { email: email.clone(), name: name.clone() }).collect(), true)
        }
        Recipient::Owner => (scene.workspace.addresses(&owners::of_case(&scene.around(), case)), false),
        Recipient::Team(key) => (scene.workspace.addresses(&Owner::Team(key.clone())), false),
        Recipient::Address(email) => (vec![Member { email: email.to_string(), name: String::new() }], false),
    };
    if recipients.is_empty() {
        let why = if to_customer { "the customer has no address" } else { "nobody is in the team: add a user to it" };
        return Step { template: Some(template.to_owned()), ..skipped(why) };
    }
    let task = changes.tasks.iter().rev().find(|task| task.case_id == case.id).map(|task| task.id);
    changes.most_an_hour = Some(scene.settings.limits.mails_per_rule_hour);
    for recipient in &recipients {
        let row = delivery(scene, case, planned, template, recipient, to_customer, task);
        let job = outbox::Job::Mail { delivery: DeliveryId::from_uuid(row.id) };
        let about = Some((CaseId::from_uuid(case.id), planned.step.revision));
        changes.jobs.push(outbox::row(scene.workspace.id, &job, &format!("mail/{}", row.id), scene.now, scene.now, about));
        changes.deliveries.push(row);
    }
    let to = if to_customer { "customer" } else { "team" };
    Step { template: Some(template.to_owned()), to: Some(to.to_owned()), count: Some(recipients.len()), ..Step::default() }
}

/// A message to a webhook. What it says is made when it is sent.
fn post(scene: &Scene, case: &cases::Model, planned: &Planned, medium: Medium, webhook: &str, changes: &mut Changes) -> Step {
    let to = Member { email: format!("{}:{webhook}", medium.as_str()), name: String::new() };
    let row = delivery(scene, case, planned, "rule.matched", &to, false, None);
    let row = deliveries::Model { medium: medium.into(), ..row };
    let job = outbox::Job::Post { delivery: DeliveryId::from_uuid(row.id) };
    let about = Some((CaseId::from_uuid(case.id), planned.step.revision));
    changes.jobs.push(outbox::row(scene.workspace.id, &job, &format!("post/{}", row.id), scene.now, scene.now, about));
    changes.deliveries.push(row);
    Step { webhook: Some(webhook.to_owned()), ..Step::default() }
}

fn delivery(
    scene: &Scene,
    case: &cases::Model,
    planned: &Planned,
    template: &str,
    to: &Member,
    to_customer: bool,
    task: Option<uuid::Uuid>,
) -> deliveries::Model {
    let step = planned.step;
    let id = mail_id(step, &to.email);
    let domain = scene.settings.mail_from.domain();
    deliveries::Model {
        case_id: Some(case.id),
        person_id: to_customer.then_some(scene.person.id),
        task_id: task,
        to_name: Some(to.name.clone()).filter(|name| !name.is_empty()),
        acknowledges: to_customer,
        rule_version_id: Some(step.rule.uuid()),
        step_index: Some(i64::from(step.index)),
        revision: Some(i64::from(step.revision)),
        chain: (!planned.chain.is_empty()).then(|| json!(planned.chain).to_string()),
        ..deliveries::Model::queued(scene.workspace.id, id, template, &to.email, domain, scene.now)
    }
}

fn open_task(
    scene: &Scene,
    case: &mut cases::Model,
    step: StepRef,
    title: &str,
    owner: Chosen,
    due: DateTime<Utc>,
    changes: &mut Changes,
) -> Step {
    changes.tasks.push(tasks::Model {
        workspace_id: scene.workspace.id.uuid(),
        id: task_id(step).uuid(),
        case_id: case.id,
        title: title.to_owned(),
        owner: owner.owner.to_string(),
        status: TaskStatus::Open.into(),
        outcome: None,
        due_at: millis(due),
        created_at: millis(scene.now),
        finished_at: None,
        overdue_at: None,
        rule_version_id: Some(step.rule.uuid()),
        step_index: Some(i64::from(step.index)),
        revision: Some(i64::from(step.revision)),
    });
    case.open_tasks += 1;
    Step { title: Some(title.to_owned()), due: Some(due), ..chosen(owner) }
}

fn assign(case: &mut cases::Model, owner: Chosen, roster: &mut Roster) -> Step {
    let before = case.owner.replace(owner.owner.to_string());
    roster.hand_over(before.as_deref(), &owner.owner);
    chosen(owner)
}

fn tag(case: &mut cases::Model, tags: &[String]) -> Step {
    let mut all: std::collections::BTreeSet<String> = serde_json::from_str(&case.tags).unwrap_or_default();
    all.extend(tags.iter().cloned());
    case.tags = serde_json::to_string(&all).unwrap_or_else(|_| "[]".to_owned());
    Step { tags: tags.to_vec(), ..Step::default() }
}

/// A case is raised to the same owner once.
fn escalate(scene: &Scene, case: &mut cases::Model, to: &Chosen, reason: &str, roster: &mut Roster) -> Step {
    let raised = |skipped: Step| Step { to: Some(to.owner.to_string()), reason: Some(reason.to_owned()), ..skipped };
    if case.escalated_at.is_some() && read_owner(case.owner.as_deref()).as_ref() == Some(&to.owner) {
        return raised(skipped("the case is with them already"));
    }
    case.escalated_at = Some(millis(scene.now));
    let from = case.owner.replace(to.owner.to_string());
    roster.hand_over(from.as_deref(), &to.owner);
    raised(Step { from, why: to.why.clone(), ..Step::default() })
}

fn refer(scene: &Scene, case: &cases::Model, changes: &mut Changes) -> Step {
    let person = PersonId::from_uuid(scene.person.id);
    // One link a promoter, whatever the number of answers. Random bits of the case id make it hard to guess, and it
    // gives away nothing: the page behind it shows no personal data.
    let id = RecordId::derived(&format!("referral/{}/{person}", scene.workspace.id));
    changes.referrals.push(referrals::Model {
        workspace_id: scene.workspace.id.uuid(),
        id: id.uuid(),
        case_id: case.id,
        person_id: person.uuid(),
        code: referral_code(scene, person),
        visits: 0,
        visited_at: None,
        created_at: millis(scene.now),
    });
    Step::default()
}

/// Twelve letters and digits that only the holder of the secret key can derive.
fn referral_code(scene: &Scene, person: PersonId) -> String {
    let token = scene.settings.secret_key.sign(hearback_core::token::Purpose::Referral, scene.workspace.id.uuid(), person.uuid());
    hearback_core::token::fingerprint(&token).chars().take(12).collect()
}

fn change(scene: &Scene, case: &mut cases::Model, event: &CaseEvent) -> Step {
    match case::step(&core_case(case), event, scene.workspace.terms(case), scene.now) {
        Ok(next) => {
            write_case(next, case);
            Step::default()
        }
        Err(error) => skipped(error.to_string()),
    }
}

/// Nothing was done.
pub(crate) fn skipped(why: impl Into<String>) -> Step {
    Step { skipped: Some(why.into()), ..Step::default() }
}

fn chosen(owner: Chosen) -> Step {
    Step { owner: Some(owner.owner), why: owner.why, ..Step::default() }
}

impl Changes {
    /// Stores a case that was decided on, its next deadline set, with everything that follows; whether something was queued.
    pub async fn save(self, tx: &Tx, workspace: &Workspace, mut case: cases::Model, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let terms = workspace.terms(&case);
        clocks::wind(&mut case, terms);
        case.updated_at = millis(now);
        cases::save(tx, case).await?;
        let queued = !self.jobs.is_empty();
        self.write(tx, workspace.id.uuid(), now).await?;
        Ok(queued)
    }

    /// Stores everything; the case rows themselves are the caller's.
    pub async fn write(mut self, tx: &Tx, workspace: uuid::Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.give_incentives(tx, workspace, now).await?;
        let mut script = Script::new(tx);
        self.add_to(&mut script);
        script.run(tx).await?;
        self.write_rest(tx, workspace, now).await
    }

    /// Writes what is rare: whose turn it is, alerts.
    pub async fn write_rest(&self, tx: &Tx, workspace: uuid::Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.roster.write(tx, workspace).await?;
        let ws = WorkspaceId::from_uuid(workspace);
        let mut alerts = self.alerts.clone();
        if let Some(most) = self.most_an_hour {
            alerts.extend(guard::count(tx, ws, &self.deliveries, most, now).await?);
        }
        alerts::raise(tx, ws, &alerts, now).await
    }

    /// Adds all rows to a script.
    pub fn add_to(&self, script: &mut Script) {
        script.insert_missing::<tasks::Entity>(&self.tasks);
        script.insert_missing::<deliveries::Entity>(&self.deliveries);
        script.insert_missing::<invitations::Entity>(&self.invitations);
        script.insert_missing::<outbox::Entity>(&self.jobs);
        script.insert_missing::<referrals::Entity>(&self.referrals);
        script.insert::<events::Entity>(&self.events);
    }

    /// Gives the codes that were asked for; the timeline says which cases got one and which did not. Whoever gives from a pool
    /// keeps others from it until the end of the transaction.
    pub async fn give_incentives(&mut self, tx: &Tx, workspace: uuid::Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        for (pool, wanted) in std::mem::take(&mut self.incentives) {
            self.events.extend(Box::pin(pools::give(tx, workspace, &pool, &wanted, now)).await?);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
