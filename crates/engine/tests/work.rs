//! The work on a case, step by step.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use common::World;
use hearback_core::id::{CaseId, TaskId};
use hearback_engine::{
    Actor, EngineError,
    access::add_user,
    cases::work::{CaseChange, NewContact, TaskChange, add_note, assign, close, log_contact, reopen, resolve, update_task},
    fsck,
    role::Role,
};
use hearback_store::{cases, snapshot};

fn contact(outcome: &str) -> NewContact {
    NewContact { channel: "phone".to_owned(), outcome: outcome.to_owned(), note: Some("we spoke".to_owned()) }
}

fn cause() -> CaseChange {
    CaseChange { root_cause: Some("delivery".to_owned()), resolution: Some("sent again".to_owned()), note: None }
}

async fn case(world: &World, id: CaseId) -> cases::Model {
    snapshot::case(world.cx.db.read(), world.ws.uuid(), id.uuid()).await.unwrap().unwrap().case
}

async fn finish_tasks(world: &World, actor: &Actor, id: CaseId) {
    let (tasks, _) = snapshot::work_of_case(world.cx.db.read(), world.ws.uuid(), id.uuid()).await.unwrap();
    for task in tasks {
        let done = TaskChange { status: Some("done".to_owned()), outcome: Some("called".to_owned()), assignee: None };
        update_task(&world.cx, world.ws, TaskId::from_uuid(task.id), actor, done).await.unwrap();
    }
}

#[tokio::test]
async fn a_detractors_loop_closes_once_everything_is_there() {
    let world = World::new().await;
    let (cx, ws, actor) = (&world.cx, world.ws, Actor::User("agent@example.com".to_owned()));
    let (_, id) = world.score(3, "c@example.com").await;
    assert!(case(&world, id).await.open_tasks > 0, "the shipped rule opens a task");

    let Err(EngineError::Conflict { lacks, .. }) = close(cx, ws, id, &actor, cause()).await else { panic!("closed too early") };
    assert_eq!(lacks.len(), 2, "a contact and the task: {lacks:?}");
    assert_eq!(case(&world, id).await.root_cause, None, "a refused step leaves nothing behind");

    log_contact(cx, ws, id, &actor, contact("no_answer")).await.unwrap();
    log_contact(cx, ws, id, &actor, contact("reached")).await.unwrap();
    resolve(cx, ws, id, &actor, cause()).await.unwrap();
    finish_tasks(&world, &actor, id).await;
    close(cx, ws, id, &actor, CaseChange::default()).await.unwrap();
    let closed = case(&world, id).await;
    assert_eq!((closed.loop_status.as_str(), closed.contacts, closed.attempts, closed.open_tasks), ("closed", 2, 1, 0));
    assert!(matches!(log_contact(cx, ws, id, &actor, contact("reached")).await, Err(EngineError::Conflict { .. })));

    reopen(cx, ws, id, &actor, Some("called again".to_owned())).await.unwrap();
    assert_eq!(case(&world, id).await.loop_status.as_str(), "open");
    assert_eq!(fsck::check(&cx.db, cx.now()).await.unwrap(), []);
}

#[tokio::test]
async fn only_somebody_who_exists_can_own_a_case() {
    let world = World::new().await;
    let (cx, ws, actor) = (&world.cx, world.ws, Actor::System);
    let (_, id) = world.score(3, "c@example.com").await;
    for wrong in ["nobody@example.com", "team:nobody", "nonsense", ""] {
        assert!(matches!(assign(cx, ws, id, &actor, wrong).await, Err(EngineError::Invalid(_))), "{wrong}");
    }
    add_user(cx, ws, &Actor::Operator, "agent@example.com", "Agent", Role::Agent, None).await.unwrap();
    assign(cx, ws, id, &actor, "agent@example.com").await.unwrap();
    assert_eq!(case(&world, id).await.owner.as_deref(), Some("agent@example.com"));
    let missing = CaseId::new(cx.now());
    assert!(matches!(add_note(cx, ws, missing, &actor, "x").await, Err(EngineError::NotFound { .. })));
    assert!(matches!(add_note(cx, ws, id, &actor, " ").await, Err(EngineError::Invalid(_))));
    let bad = NewContact { channel: "by Phone".to_owned(), outcome: "maybe".to_owned(), note: None };
    let Err(EngineError::Invalid(fields)) = log_contact(cx, ws, id, &actor, bad).await else { panic!("accepted") };
    assert_eq!(fields.len(), 2);
}

#[tokio::test]
async fn a_task_counts_once_however_often_it_is_moved() {
    let world = World::new().await;
    let (cx, ws, actor) = (&world.cx, world.ws, Actor::System);
    let (_, id) = world.score(2, "c@example.com").await;
    let before = case(&world, id).await.open_tasks;
    let (tasks, _) = snapshot::work_of_case(cx.db.read(), ws.uuid(), id.uuid()).await.unwrap();
    let task = TaskId::from_uuid(tasks[0].id);
    for (status, left) in [("done", 1), ("cancelled", 1), ("done", 1), ("open", 0), ("open", 0), ("cancelled", 1)] {
        update_task(cx, ws, task, &actor, TaskChange { status: Some(status.to_owned()), ..TaskChange::default() }).await.unwrap();
        assert_eq!(case(&world, id).await.open_tasks, before - left, "{status}");
    }
    let handed = TaskChange { assignee: Some("team:support".to_owned()), ..TaskChange::default() };
    update_task(cx, ws, task, &actor, handed).await.unwrap();
    assert_eq!(fsck::check(&cx.db, cx.now()).await.unwrap(), []);
}
