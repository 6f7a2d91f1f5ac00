//! Invitations to answer, and the page behind them as a browser without scripts or a program sees it.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a page that is not there must fail its test loudly")]

use hearback_core::{
    id::{InvitationId, WorkspaceId},
    state::InvitationState,
    token::Purpose,
};
use hearback_engine::{
    Engine,
    customers::people::{NewPerson, upsert_person},
};
use hearback_store::{bulk, invitations, time::millis};

use crate::client::{Answer, Client};

/// Invites this customer to the survey with this key, as if the mail had gone out just now; the invitation and its link.
pub async fn invite(cx: &Engine, ws: WorkspaceId, survey: &str, person: NewPerson) -> (InvitationId, String) {
    let person = upsert_person(cx, ws, person).await.expect("a person");
    let workspace = cx.workspaces.get(cx.db.read(), ws).await.expect("a workspace");
    let survey = workspace.surveys.get(survey).expect("a published survey");
    let now = cx.now();
    let id = InvitationId::new(now);
    let row = invitations::Model {
        state: InvitationState::Sent.into(),
        remind_at: Some(millis(now + chrono::Duration::days(3))),
        sent_at: Some(millis(now)),
        ..invitations::Model::planned(ws, id, person.id, survey.id, now)
    };
    let tx = cx.db.write().await.expect("a transaction");
    bulk::insert::<invitations::Entity>(&tx, &[row]).await.expect("an invitation");
    tx.commit().await.expect("a commit");
    (id, format!("/s/{}", cx.settings.secret_key.sign(Purpose::Survey, ws.uuid(), id.uuid())))
}

/// [`invite`] for somebody with an address.
pub async fn invite_address(cx: &Engine, ws: WorkspaceId, email: &str) -> (InvitationId, String) {
    invite(cx, ws, "nps", NewPerson { email: Some(email.to_owned()), ..NewPerson::default() }).await
}

/// A screen as it came.
#[derive(Debug)]
pub struct Screen {
    /// Its HTML.
    pub html: String,
    /// Where it came from.
    pub path: String,
}

impl Screen {
    /// Looks at a page that must be there.
    pub async fn get(client: &Client, path: &str) -> Self {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { html: answer.text(), path: path.to_owned() }
    }

    /// What a hidden field, or any other with a value, says.
    pub fn field(&self, name: &str) -> String {
        let rest = self.html.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// The heading.
    pub fn heading(&self) -> &str {
        let rest = self.html.split("<h1").nth(1).and_then(|rest| rest.split_once('>')).map_or("", |(_, rest)| rest);
        rest.split("</h1>").next().unwrap_or_default()
    }

    /// The score that is chosen.
    pub fn chosen(&self) -> Option<u8> {
        let before = self.html.split(" checked").next().filter(|before| before.len() < self.html.len())?;
        before.rsplit_once("name=\"score\" value=\"")?.1.split('"').next()?.parse().ok()
    }

    /// Sends its form with these fields as a program would: without a touch.
    pub async fn post(&self, client: &Client, fields: &str) -> Answer {
        let fixed = format!("page={}&part={}", self.field("page"), self.field("part"));
        client.form(&self.path, &format!("{fixed}&{fields}")).await
    }

    /// Sends its form as a browser with scripts does after a touch.
    pub async fn touch(&self, client: &Client, fields: &str) -> Self {
        let proof: String = self.field("page").chars().rev().collect();
        let answer = self.post(client, &format!("{fields}&proof={proof}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { html: answer.text(), path: self.path.clone() }
    }

    /// Sends its form without a touch, and shows what came.
    pub async fn send(&self, client: &Client, fields: &str) -> Self {
        let answer = self.post(client, fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { html: answer.text(), path: self.path.clone() }
    }
}
