//! The send ledger: what may be sent is asked at the last moment, and what was sent stays sent.

use hearback_core::{
    Word as _,
    id::{DeliveryId, JobId},
    state::DeliveryStatus,
};
use hearback_store::{
    bulk, deliveries,
    ledger::{self, DeliveryOutcome, Mark, Writes},
    outbox::{self, Job, Lease},
    suppressions,
    time::millis,
};
use hearback_tests::app::{LEASE, TestApp, on_every_store};
use uuid::Uuid;

use super::all;

/// One mail to one address, claimed to be sent.
async fn claimed(app: &TestApp, address: &str) -> (Uuid, Lease) {
    let id = DeliveryId::new(app.now());
    let row = deliveries::Model::queued(app.ws, id, "task_assigned", address, "shop.example", app.now());
    let job = outbox::row(app.ws, &Job::Mail { delivery: id }, &id.to_string(), app.now(), app.now(), None);
    let tx = app.cx.db.write().await.unwrap();
    bulk::insert::<deliveries::Entity>(&tx, &[row]).await.unwrap();
    outbox::enqueue(&tx, &[job]).await.unwrap();
    tx.commit().await.unwrap();
    let leases = outbox::claim(&app.cx.db, app.now(), LEASE, 10).await.unwrap();
    (id.uuid(), leases.into_iter().find(|lease| lease.id == JobId::beside(&id.to_string())).unwrap())
}

async fn mark(app: &TestApp, delivery: Uuid, lease: &Lease) -> bool {
    let mark = Mark { workspace: app.ws.uuid(), delivery, job: lease.id.uuid(), fence: lease.fence };
    let tx = app.cx.db.write().await.unwrap();
    let marked = ledger::write(&tx, &Writes { marks: vec![mark], ..Writes::default() }, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    marked.contains(&delivery)
}

async fn record(app: &TestApp, delivery: Uuid, status: DeliveryStatus) -> bool {
    let fate = DeliveryOutcome {
        workspace: app.ws.uuid(),
        delivery,
        status,
        subject: Some(format!("{} 'it'", status.as_str())),
        reply: None,
        sent_at: (status == DeliveryStatus::Sent).then(|| millis(app.now())),
        attempts: 0,
        moved: None,
    };
    let tx = app.cx.db.write().await.unwrap();
    let open = ledger::lock_reported(&tx, &[(app.ws.uuid(), delivery, None)]).await.unwrap();
    ledger::write(&tx, &Writes { delivery_outcomes: vec![&fate], ..Writes::default() }, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    open.iter().any(|reported| reported.delivery == delivery)
}

async fn row(app: &TestApp, delivery: Uuid) -> deliveries::Model {
    all::<deliveries::Entity>(app).await.into_iter().find(|row| row.id == delivery).unwrap()
}

#[tokio::test]
async fn what_was_sent_never_changes() {
    on_every_store(async |app| {
        let (id, lease) = claimed(app, "anna@example.com").await;
        assert!(mark(app, id, &lease).await);
        let sending = row(app, id).await;
        assert_eq!((sending.status.as_str(), sending.attempts, sending.duplicates), ("sending", 1, 0));
        assert!(!mark(app, id, &lease).await, "it is on its way already");
        assert!(record(app, id, DeliveryStatus::Sent).await);
        let sent = row(app, id).await;
        assert_eq!((sent.status.as_str(), sent.sent_at, sent.subject.as_deref()), ("sent", Some(millis(app.now())), Some("sent 'it'")));
        for status in [DeliveryStatus::Deferred, DeliveryStatus::Bounced, DeliveryStatus::Unknown, DeliveryStatus::Sent] {
            assert!(!record(app, id, status).await);
        }
        let tx = app.cx.db.write().await.unwrap();
        assert!(ledger::cancel(&tx, app.ws.uuid(), &[id], 0).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        assert_eq!(row(app, id).await, sent);
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_end_is_unknown_is_counted_when_it_is_sent_again() {
    on_every_store(async |app| {
        let (id, lease) = claimed(app, "anna@example.com").await;
        assert!(mark(app, id, &lease).await && record(app, id, DeliveryStatus::Unknown).await && mark(app, id, &lease).await);
        let again = row(app, id).await;
        assert_eq!((again.status.as_str(), again.attempts, again.duplicates), ("sending", 2, 1));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_without_a_claim_after_a_cancel_or_to_somebody_who_opted_out() {
    on_every_store(async |app| {
        let (lost, old) = claimed(app, "lost@example.com").await;
        app.clock.advance(chrono::Duration::seconds(61));
        outbox::rescue(&app.cx.db, app.now()).await.unwrap();
        let (_, _) = claimed(app, "bystander@example.com").await;
        assert!(!mark(app, lost, &old).await, "somebody else has it now");

        let (cancelled, lease) = claimed(app, "cancelled@example.com").await;
        let tx = app.cx.db.write().await.unwrap();
        assert_eq!(ledger::cancel(&tx, app.ws.uuid(), &[cancelled], millis(app.now())).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        assert!(!mark(app, cancelled, &lease).await);

        let (unwanted, lease) = claimed(app, "stop@example.com").await;
        let opted_out = suppressions::Model {
            workspace_id: app.ws.uuid(),
            address: "stop@example.com".to_owned(),
            reason: "unsubscribed".to_owned(),
            created_at: 0,
            note: None,
        };
        let tx = app.cx.db.write().await.unwrap();
        bulk::insert::<suppressions::Entity>(&tx, &[opted_out]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!mark(app, unwanted, &lease).await);
        assert_eq!(row(app, unwanted).await.status.as_str(), "queued", "what becomes of it is for the next look to say");
    })
    .await;
}
