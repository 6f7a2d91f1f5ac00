//! What the store promises, held to on every database.

mod codes;
mod feed;
mod ledger;
mod lists;
mod outbox;
mod recorded;
mod rows;
mod schema;

use hearback_core::id::{CaseId, PersonId, ResponseId};
use hearback_store::{EntityTrait, Tx, bulk, cases, persons, responses, surveys, time::millis};
use hearback_tests::app::TestApp;
use uuid::Uuid;

/// A customer with this address.
fn person(app: &TestApp, email: &str) -> persons::Model {
    let row = persons::Model::new(app.ws, PersonId::new(app.now()), format!("email:{email}"), app.now());
    persons::Model { email: Some(email.to_owned()), ..row }
}

/// Stores `count` customers with an answer and a case each; the cases.
async fn cases(app: &TestApp, tx: &Tx, count: usize) -> Vec<cases::Model> {
    let survey = survey(app).await;
    let people: Vec<persons::Model> = (0..count).map(|n| person(app, &format!("case-{n}@example.com"))).collect();
    let answers: Vec<responses::Model> = people.iter().map(|person| answer(app, survey, person.id)).collect();
    let cases: Vec<cases::Model> = answers.iter().map(|answer| case(app, answer)).collect();
    bulk::insert::<persons::Entity>(tx, &people).await.unwrap();
    bulk::insert::<responses::Entity>(tx, &answers).await.unwrap();
    bulk::insert::<cases::Entity>(tx, &cases).await.unwrap();
    cases
}

/// The NPS survey of a fresh database.
async fn survey(app: &TestApp) -> Uuid {
    surveys::published(app.cx.db.read(), app.ws, "nps").await.unwrap().unwrap().id
}

fn answer(app: &TestApp, survey_id: Uuid, person_id: Uuid) -> responses::Model {
    let id = ResponseId::new(app.now());
    responses::Model {
        workspace_id: app.ws.uuid(),
        id: id.uuid(),
        survey_id,
        person_id,
        idem_key: format!("#{id}"),
        body_hash: String::new(),
        external_id: None,
        first_score: 3,
        score: 3,
        segment: "detractor".to_owned(),
        comment: None,
        channel: "api".to_owned(),
        locale: None,
        properties: "{}".to_owned(),
        revision: 1,
        answered_at: millis(app.now()),
        created_at: millis(app.now()),
        updated_at: millis(app.now()),
        answers: None,
        invitation_id: None,
        may_contact: None,
        settled_at: Some(millis(app.now())),
    }
}

fn case(app: &TestApp, answer: &responses::Model) -> cases::Model {
    cases::Model::opened_by(answer, CaseId::new(app.now()), app.now())
}

/// All rows of a table.
async fn all<E: EntityTrait>(app: &TestApp) -> Vec<E::Model> {
    E::find().all(app.cx.db.read()).await.unwrap()
}
