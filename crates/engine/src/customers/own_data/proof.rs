//! The mail that proves an address: what it says, and how long its link works.

use hearback_core::{Locale, token::Purpose};
use hearback_mailer::{Mail, MailContext};
use hearback_store::{ledger::Sendable, time::from_millis};

use super::{WORKS_FOR, Wish};
use crate::{Ctx, workspace::Workspace};

/// The mail that answers a wish.
pub(super) const fn template(wish: Wish) -> &'static str {
    match wish {
        Wish::Export => Mail::OwnDataExport.template(),
        Wish::Erase => Mail::OwnDataErase.template(),
    }
}

/// Whether somebody asked for this mail: no limit of what we send by ourselves holds for it.
pub(crate) fn is_wish(mail: &Sendable) -> bool {
    matches!(Mail::of_template(&mail.kind), Some(Mail::OwnDataExport | Mail::OwnDataErase))
}

/// What such a mail says; `None` for every other mail, and an error for one whose link would not work any more. The link follows
/// from when the mail was made: sent twice, it is the same.
pub(crate) fn mail(cx: &Ctx, workspace: &Workspace, mail: &Sendable) -> Result<Option<MailContext>, String> {
    let Some(person) = mail.person_id.filter(|_| is_wish(mail)) else { return Ok(None) };
    let until = from_millis(mail.created_at) + WORKS_FOR;
    if until < cx.now() {
        return Err("its link would not work any more; the customer can ask for a new one".to_owned());
    }
    let token = cx.settings.secret_key.sign_at(Purpose::OwnData, workspace.id.uuid(), person, until);
    let locale = mail.person_locale.as_deref().unwrap_or(&workspace.locale);
    Ok(Some(MailContext {
        company: workspace.name.clone(),
        locale: Locale::parse(locale).unwrap_or_default(),
        own_data_url: Some(format!("{}/me/{token}", cx.settings.survey_url)),
        ..MailContext::default()
    }))
}
