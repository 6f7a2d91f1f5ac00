//! A row of the ledger becomes the bytes that are sent.
//!
//! The same row gives the same bytes at every attempt. Owns: what a mail is filled with and its headers. Refuses to know:
//! whether it may be sent, and how.

use chrono::{DateTime, Utc};
use hearback_core::{Email, Locale, Owner, seal::Unreadable, token::Purpose};
use hearback_mailer::{Choice, Mail, MailContext, Message, Origin, Outgoing, Party};
use hearback_store::{ledger::Sendable, time::from_millis};

use crate::{
    Ctx, Settings,
    customers::own_data,
    incentives::pools,
    mail::{dispatch, invited::is_to_customer},
    reading::Survey,
    rows::read_owner,
    surveys::wording::Speaker,
    workspace::Workspace,
};

/// A mail ready to be sent, and its subject.
pub(crate) type Composed = (Message, String);

/// The mail of this row, signed where mails are. The error says why it can't be put into words.
pub(crate) async fn compose(cx: &Ctx, workspace: &Workspace, mail: &Sendable) -> Result<Composed, String> {
    let (message, subject) = build(cx, workspace, mail)?;
    let signed = match cx.settings.dispatch.signer.clone() {
        None => Ok(message),
        // Some keys take a thousandth of a second for each mail, which the connections must not wait for.
        Some(signer) if signer.is_slow() => {
            tokio::task::spawn_blocking(move || signer.sign(message)).await.map_err(|error| error.to_string())?
        }
        Some(signer) => signer.sign(message),
    };
    Ok((signed.map_err(|error| error.to_string())?, subject))
}

/// The gift code of the case that the mail is about, opened.
pub(crate) fn gift_code(cx: &Ctx, workspace: &Workspace, mail: &Sendable) -> Result<Option<String>, Unreadable> {
    let Some((id, sealed)) = mail.code_id.zip(mail.sealed_code.as_deref()) else { return Ok(None) };
    pools::open(&cx.settings.secret_key, workspace.id.uuid(), id, sealed).map(Some)
}

fn build(cx: &Ctx, workspace: &Workspace, mail: &Sendable) -> Result<Composed, String> {
    let incentive_code = gift_code(cx, workspace, mail).map_err(|why| format!("its gift code {why}"))?;
    let context = own_data::mail(cx, workspace, mail)?.unwrap_or_else(|| MailContext { incentive_code, ..context(cx, workspace, mail) });
    let content = cx.templates.render(&mail.kind, &context).map_err(|error| error.to_string())?;
    let subject = content.subject.clone();
    let to = Email::parse(&mail.to_address).map_err(|error| error.to_string())?;
    let to_customer = is_to_customer(mail);
    let ws = workspace.id.uuid();
    let replies = Some(()).filter(|()| to_customer).and_then(|()| dispatch::reply_to(cx, ws, mail.id));
    let outgoing = Outgoing {
        message_id: mail.message_id.clone(),
        date: from_millis(mail.created_at),
        from: Party { email: cx.settings.mail_from.clone(), name: Some(cx.settings.mail_from_name.clone()) },
        return_path: dispatch::return_path(cx, ws, mail.id),
        to: Party { email: to, name: mail.to_name.clone() },
        reply_to: replies.clone().map(Party::from).or_else(|| owner_of(workspace, mail).filter(|_| to_customer)),
        content,
        unsubscribe_mail: replies.filter(|_| context.unsubscribe_url.is_some()),
        unsubscribe_url: context.unsubscribe_url,
        origin: Mail::of_template(&mail.kind).map_or(Origin::Automatic, Mail::origin),
        in_reply_to: mail.in_reply_to.clone(),
    };
    Ok((outgoing.build().map_err(|error| error.to_string())?, subject))
}

/// A customer's reply goes to whoever owns the case, where replies don't come back to us.
fn owner_of(workspace: &Workspace, mail: &Sendable) -> Option<Party> {
    let owner = read_owner(mail.case_owner.as_deref())?;
    let member = workspace.addresses(&owner).into_iter().next()?;
    Some(Party { email: Email::parse(&member.email).ok()?, name: Some(member.name).filter(|name| !name.is_empty()) })
}

fn context(cx: &Ctx, workspace: &Workspace, mail: &Sendable) -> MailContext {
    let to_customer = is_to_customer(mail);
    let locale = mail.person_locale.as_deref().filter(|_| to_customer).unwrap_or(&workspace.locale);
    let Settings { public_url, survey_url, .. } = &cx.settings;
    let link = |page: &str, purpose: Purpose, subject: uuid::Uuid| {
        format!("{survey_url}/{page}/{}", cx.settings.secret_key.sign(purpose, workspace.id.uuid(), subject))
    };
    let general = MailContext {
        company: workspace.name.clone(),
        locale: Locale::parse(locale).unwrap_or_default(),
        accent: workspace.accent.clone(),
        unsubscribe_url: mail.person_id.filter(|_| to_customer).map(|person| link("u", Purpose::Unsubscribe, person)),
        ..MailContext::default()
    };
    let survey = mail.survey_id.filter(|_| mail.invitation_id.is_some()).and_then(|id| workspace.survey(id));
    match (survey, mail.invitation_id) {
        (Some(survey), Some(invitation)) => asking(cx, workspace, survey, mail, link("s", Purpose::Survey, invitation), general),
        _ => answering(workspace, mail, public_url, survey_url, link, general),
    }
}

/// A mail that asks.
fn asking(cx: &Ctx, workspace: &Workspace, survey: &Survey, mail: &Sendable, page: String, general: MailContext) -> MailContext {
    let [question, low, high] = Speaker::new(cx, workspace, survey, mail.person_locale.as_deref()).asked();
    let scale = survey.scale;
    MailContext {
        question: Some(question),
        scale_low: Some(low),
        scale_high: Some(high),
        scores: (scale.min()..=scale.max).map(|number| Choice { number, url: format!("{page}?score={number}") }).collect(),
        answer_url: Some(page),
        ..general
    }
}

/// A mail about an answer, or about a case.
fn answering(
    workspace: &Workspace,
    mail: &Sendable,
    public_url: &str,
    survey_url: &str,
    link: impl Fn(&str, Purpose, uuid::Uuid) -> String,
    general: MailContext,
) -> MailContext {
    let owner = read_owner(mail.case_owner.as_deref()).unwrap_or_else(|| workspace.default_owner.clone());
    let due: Option<DateTime<Utc>> = mail.task_due_at.or(mail.first_contact_due_at).map(from_millis);
    let agent = match &owner {
        Owner::User(_) => workspace.addresses(&owner).into_iter().next().map(|member| member.name).filter(|name| !name.is_empty()),
        Owner::Team(_) => None,
    };
    let to_customer = is_to_customer(mail);
    MailContext {
        person_name: mail.person_name.clone(),
        score: mail.score.and_then(|score| u8::try_from(score).ok()),
        comment: mail.comment.clone(),
        agent,
        due_date: due.map(|due| due.with_timezone(&workspace.staff.hours_of(Some(&owner)).zone()).date_naive()),
        case_url: mail.case_id.filter(|_| !to_customer).map(|case| format!("{public_url}/cases/{case}")),
        referral_url: mail.referral_code.as_ref().map(|code| format!("{survey_url}/r/{code}")),
        review_url: mail.link.clone(),
        testimonial_url: mail.case_id.filter(|_| to_customer).map(|case| link("t", Purpose::Testimonial, case)),
        task_title: mail.task_title.clone(),
        words: mail.words.clone(),
        subject: mail.subject.clone().filter(|_| mail.words.is_some()),
        ..general
    }
}
