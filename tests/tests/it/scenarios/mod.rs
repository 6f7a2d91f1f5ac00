//! What customers and our people live through, over HTTP, with a clock that the test moves.

mod access;
mod addresses;
mod again;
mod alerts;
mod backtest;
mod bodies;
mod calls;

mod campaigns;
mod chains;
mod clocks;
mod closing;
mod corrections;
mod customers;
mod detractor;
mod further_answers;
mod guards;
mod happy;
mod health;
mod hosts;
mod inbound;
mod inbound_replies;

mod invitations;
mod invited;
mod isolation;
mod kept;
mod loop_clocks;
mod loop_pages;
mod newer;
mod optout;
mod own_data;
mod owners;
mod paced;
mod pages;
mod pools;
mod referrals;
mod repeats;
mod rules;
mod seals;
mod sending;
mod survey_page;
mod surveys;
mod testimonials;
mod versions;
pub(crate) mod waves;
mod webhooks;
mod widgets;
mod zones;

use hearback_engine::role::Role;
use hearback_store::{EntityTrait, bulk, suppressions};
use hearback_tests::app::TestApp;
use serde_json::Value;

/// The one who owns the customers here.
const AGENT: &str = "ieva@shop.example";

/// Adds the agent, a member of the team `support`.
async fn agent(app: &TestApp) {
    app.add_user(AGENT, "Ieva Petraitė", Role::Agent, None).await;
}

/// Texts at a path of each item of a JSON list, in order.
fn texts(list: &Value, path: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()).collect()
}

/// Kinds of the entries in the timeline of a case, oldest first.
fn timeline(case: &Value) -> Vec<String> {
    texts(&case["timeline"], "/kind")
}

/// How often something stands in a list.
fn count(list: &[String], wanted: &str) -> usize {
    list.iter().filter(|item| *item == wanted).count()
}

/// All rows of a table.
pub(crate) async fn all<E: EntityTrait>(app: &TestApp) -> Vec<E::Model> {
    E::find().all(app.cx.db.read()).await.unwrap()
}

/// Puts codes into the pool that the shipped rule gives from.
async fn stock(app: &TestApp, codes: &[&str]) {
    app.stock("thank-you", codes).await;
}

/// An address that must not be mailed.
async fn suppress(app: &TestApp, address: &str, reason: &str) {
    let row = suppressions::Model {
        workspace_id: app.ws.uuid(),
        address: address.to_owned(),
        reason: reason.to_owned(),
        created_at: 0,
        note: None,
    };
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert::<suppressions::Entity>(&tx, &[row]).await.unwrap();
    tx.commit().await.unwrap();
}
