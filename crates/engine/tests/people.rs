//! Storing and forgetting customers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use common::{World, answer};
use hearback_core::id::PersonId;
use hearback_engine::{
    Actor, EngineError,
    cases::work::{CaseChange, NewContact, add_note, log_contact, resolve},
    customers::people::{NewPerson, erase_person, upsert_person},
    fsck,
    metrics::{MetricsQuery, metrics},
    responses::submit::{FollowUp, submit_responses},
};
use hearback_rules::Property;
use hearback_store::{persons, snapshot};

fn person(email: Option<&str>, external_id: Option<&str>) -> NewPerson {
    NewPerson { email: email.map(str::to_owned), external_id: external_id.map(str::to_owned), ..NewPerson::default() }
}

#[tokio::test]
async fn a_person_is_found_by_address_or_by_id_and_stays_one() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let first = upsert_person(cx, ws, person(None, Some("7"))).await.unwrap();
    let second = upsert_person(cx, ws, person(Some("Anna@Example.com"), Some("7"))).await.unwrap();
    let third = upsert_person(cx, ws, person(Some("anna@example.com"), None)).await.unwrap();
    assert_eq!((first.id, second.id), (second.id, third.id));
    assert_eq!((third.key.as_str(), third.external_id.as_deref()), ("email:anna@example.com", Some("7")));
    let other = upsert_person(cx, ws, person(Some("bea@example.com"), None)).await.unwrap();
    assert_ne!(other.id, third.id);
    assert!(matches!(upsert_person(cx, ws, person(Some("bea@example.com"), Some("7"))).await, Err(EngineError::Conflict { .. })));
    let Err(EngineError::Invalid(fields)) = upsert_person(cx, ws, person(None, None)).await else { panic!("stored nobody") };
    assert_eq!(fields[0].field, "email");
}

#[tokio::test]
async fn sixteen_writers_of_one_person_make_one_person() {
    let world = World::new().await;
    let other = world.other_node().await;
    let writes = (0..16).map(|number| {
        let cx = if number % 2 == 0 { &world.cx } else { &other };
        upsert_person(cx, world.ws, person(Some("anna@example.com"), None))
    });
    let ids: Vec<_> = futures::future::join_all(writes).await.into_iter().map(|row| row.unwrap().id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test]
async fn an_erased_person_leaves_counts_and_a_fingerprint_and_nothing_else() {
    let world = World::new().await;
    let (cx, ws, actor) = (&world.cx, world.ws, Actor::User("agent@example.com".to_owned()));
    let mut sent = answer("nps", 3, "canary@example.com");
    sent.comment = Some("canary comment".to_owned());
    sent.external_id = Some("order-1".to_owned());
    sent.person.external_id = Some("canary-7".to_owned());
    sent.person.name = Some("Canary Name".to_owned());
    sent.person.properties.insert("plan".to_owned(), Property::Text("canary gold".to_owned()));
    let receipt = world.answer(sent.clone()).await;
    let (_, untouched) = world.score(2, "other@example.com").await;
    let case = receipt.case.id;
    let contact = NewContact { channel: "phone".into(), outcome: "reached".into(), note: Some("canary on the phone".into()) };
    log_contact(cx, ws, case, &actor, contact).await.unwrap();
    add_note(cx, ws, case, &actor, "canary note").await.unwrap();
    let change = CaseChange { root_cause: Some("canary cause".into()), resolution: Some("canary got money".into()), note: None };
    resolve(cx, ws, case, &actor, change).await.unwrap();
    let before = metrics(cx, ws, MetricsQuery::default()).await.unwrap();

    let person = snapshot::case(cx.db.read(), ws.uuid(), case.uuid()).await.unwrap().unwrap().person;
    erase_person(cx, ws, &hearback_engine::Actor::Operator, PersonId::from_uuid(person.id)).await.unwrap();

    let blank = persons::by_id(cx.db.read(), ws, PersonId::from_uuid(person.id)).await.unwrap().unwrap();
    assert_eq!((blank.email, blank.name, blank.external_id, blank.properties.as_str()), (None, None, None, "{}"));
    let rows = snapshot::case(cx.db.read(), ws.uuid(), case.uuid()).await.unwrap().unwrap();
    assert_eq!((rows.case.loop_status.as_str(), rows.case.open_tasks, rows.response.comment), ("lapsed", 0, None));
    let (_, deliveries) = snapshot::work_of_case(cx.db.read(), ws.uuid(), case.uuid()).await.unwrap();
    assert!(deliveries.iter().all(|mail| mail.to_address == "erased" && mail.status.as_str() == "cancelled"), "{deliveries:?}");

    let bytes = world.bytes();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let left: Vec<&str> = text.match_indices("canary").map(|(at, _)| text.get(at..at + 18).unwrap_or_default()).collect();
    assert!(left.is_empty(), "not even the list of those that must not be mailed holds the address: {left:?}");

    let after = metrics(cx, ws, MetricsQuery::default()).await.unwrap();
    assert_eq!(
        (after.total.n, after.total.nps, after.total.with_comment),
        (before.total.n, before.total.nps, before.total.with_comment - 1)
    );
    assert_eq!(fsck::check(&cx.db, cx.now()).await.unwrap(), []);
    let other = snapshot::case(cx.db.read(), ws.uuid(), untouched.uuid()).await.unwrap().unwrap();
    assert!(other.response.comment.is_some() && other.case.loop_status.as_str() == "open");
    let again = submit_responses(cx, ws, vec![sent], FollowUp::On).await.remove(0).unwrap();
    assert_eq!((again.id, again.created), (receipt.id, false), "the same answer again brings nothing back");
}
