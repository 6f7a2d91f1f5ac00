//! What people do in a case: each form is one step; done, the browser is led back to the case.

use axum::{
    extract::{Path, State},
    response::Response,
};
use hearback_core::{
    Word as _,
    id::{CaseId, TaskId},
    state::TaskStatus,
};
use hearback_engine::{
    EngineError,
    cases::work::{self, CaseChange, NewContact, NewReply, TaskChange},
};
use hearback_store::tasks;

use super::{
    case::{self, Typed},
    session::{Form, Input, Visitor, see_other},
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, api::path_id, error::Problem};
use hearback_engine::role::Role::{Agent, Viewer};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/cases/{id}/{step}", User(Viewer), "Leads back to the case", back),
        post("/cases/{id}/{step}", User(Agent), "Contact, reply, note, resolve, close, reopen, wait, resume, lapse or assign", act),
        post("/tasks/{id}", User(Agent), "Finish, drop or hand over a task", task),
    ]
}

/// `POST /cases/{id}/{step}`
pub(crate) async fn act(State(app): State<App>, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Problem> {
    let id: CaseId = path_id("case", &id)?;
    let Some(done) = take(&app, id, &step, &form).await else { return Err(Problem::not_found("step", step)) };
    match done {
        Ok(()) => Ok(see_other(&format!("/cases/{id}?done={step}"))),
        Err(error @ EngineError::NotFound { .. }) => Err(error.into()),
        Err(error) => case::page(&app, &form.visitor, id, None, Some(&error.into()), Typed::of(&step, &form.input)).await,
    }
}

/// `GET /cases/{id}/{step}`: somebody loads the page of a refused form again.
pub(crate) async fn back(_: Visitor, Path((id, _)): Path<(String, String)>) -> Result<Response, Problem> {
    let id: CaseId = path_id("case", &id)?;
    Ok(see_other(&format!("/cases/{id}")))
}

/// Takes the step; `None` when there is no such step.
async fn take(app: &App, id: CaseId, step: &str, form: &Form) -> Option<Result<(), EngineError>> {
    let (cx, ws, actor, input) = (&app.cx, form.visitor.ws, form.visitor.actor(), &form.input);
    Some(match step {
        "contact" => {
            let contact = NewContact { channel: input.required("channel"), outcome: input.required("outcome"), note: input.text("note") };
            work::log_contact(cx, ws, id, &actor, contact).await
        }
        "resolve" => work::resolve(cx, ws, id, &actor, change(input)).await,
        "close" => work::close(cx, ws, id, &actor, change(input)).await,
        "reopen" => work::reopen(cx, ws, id, &actor, input.text("note")).await,
        "wait" => work::wait(cx, ws, id, &actor, input.text("note")).await,
        "resume" => work::resume(cx, ws, id, &actor, input.text("note")).await,
        "lapse" => work::lapse(cx, ws, id, &actor, input.text("note")).await,
        "assign" => work::assign(cx, ws, id, &actor, &input.required("owner")).await,
        "reply" => {
            work::reply(cx, ws, id, &actor, NewReply { subject: input.text("subject"), text: input.required("text") }).await.map(|_| ())
        }
        "note" => work::add_note(cx, ws, id, &actor, &input.required("note")).await,
        _ => return None,
    })
}

fn change(input: &Input) -> CaseChange {
    CaseChange { root_cause: input.text("root_cause"), resolution: input.text("resolution"), note: None }
}

/// `POST /tasks/{id}`: the task is done.
pub(crate) async fn task(State(app): State<App>, Path(id): Path<String>, form: Form) -> Result<Response, Problem> {
    let id: TaskId = path_id("task", &id)?;
    let ws = form.visitor.ws;
    let task = tasks::by_id(app.cx.db.read(), ws, id).await?.ok_or_else(|| Problem::not_found("task", id))?;
    let change = TaskChange { status: Some(TaskStatus::Done.as_str().to_owned()), outcome: form.input.text("outcome"), assignee: None };
    work::update_task(&app.cx, ws, id, &form.visitor.actor(), change).await?;
    Ok(see_other(&format!("/cases/{}?done=task", task.case_id)))
}
