//! Who a visitor is: what a site says about its own visitor counts only with the site's signature.

use hearback_core::{Email, id::PersonId, token::is_signed};
use hearback_store::{lists, persons, preferences, suppressions, time::millis, widgets as store};

use super::Widget;
use crate::{Ctx, EngineError, customers::people::NewPerson, workspace::Workspace};

/// What a page says about its visitor. The signature is HMAC-SHA-256 in hexadecimal under the widget's secret, of
/// `email:ADDRESS` or `id:EXTERNAL_ID`: saying which keeps an id that looks like an address from being taken for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// Mail address.
    pub email: Option<String>,
    /// The site's own id, where there is no address.
    pub id: Option<String>,
    /// Proves it.
    pub signature: String,
}

impl Claim {
    /// What is proven of it; whoever proves nothing is nobody in particular.
    pub(super) fn proven(&self, cx: &Ctx, widget: &Widget) -> Result<Option<NewPerson>, EngineError> {
        if self.email.is_none() && self.id.is_none() {
            return Ok(None);
        }
        Ok(self.signed_with(&widget.secret(cx)?))
    }

    fn signed_with(&self, secret: &str) -> Option<NewPerson> {
        let is_signed = |text: &str| is_signed(secret, text, &self.signature);
        match (&self.email, &self.id) {
            (Some(email), _) if is_signed(&format!("email:{email}")) => {
                Some(NewPerson { email: Some(Email::parse(email).ok()?.to_string()), ..NewPerson::default() })
            }
            (None, Some(id)) if is_signed(&format!("id:{id}")) => Some(NewPerson { external_id: Some(id.clone()), ..NewPerson::default() }),
            _ => None,
        }
    }
}

/// Who is stored under what was proven.
pub(super) async fn stored(cx: &Ctx, widget: &Widget, proven: &NewPerson) -> Result<Option<persons::Model>, EngineError> {
    let email = proven.email.as_deref().and_then(|text| Email::parse(text).ok());
    Ok(lists::person_named(cx.db.read(), widget.ws(), email.as_ref(), proven.external_id.as_deref()).await?)
}

/// Whether this person is left alone: they want nothing, or were asked or answered not long ago.
pub(super) async fn is_left_alone(cx: &Ctx, workspace: &Workspace, widget: &Widget, person: &persons::Model) -> Result<bool, EngineError> {
    let (db, ws, id) = (cx.db.read(), workspace.id, PersonId::from_uuid(person.id));
    if person.email.as_ref().is_some_and(|address| workspace.was_erased(address)) || suppressions::of_person(db, person).await?.is_some() {
        return Ok(true);
    }
    if preferences::of_person(db, ws, id).await?.iter().any(|row| row.survey_key == widget.row.survey) {
        return Ok(true);
    }
    let since = cx.now() - chrono::Duration::days(widget.recontact_days.into());
    Ok(store::was_reached(db, ws, id, millis(since)).await?)
}
