//! Users, log-ins and keys.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use chrono::Duration;
use common::World;
use hearback_engine::{
    Actor, EngineError,
    access::{LogIn, Role, Scope, add_user, authenticate, create_api_key, has_users, log_in, log_out, session},
    setup,
};

/// The token of a log-in that succeeded.
fn inside(log_in: LogIn) -> String {
    match log_in {
        LogIn::In(_, token) => token,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_fresh_database_is_set_up_once_whoever_comes_first() {
    let world = World::new().await;
    let other = world.other_node().await;
    assert_eq!(setup::ensure_workspace(&other).await.unwrap(), world.ws);
    let rules = hearback_engine::publish::list(&world.cx, world.ws).await.unwrap();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.version == 1 && rule.disabled_at.is_none()));
    assert!(!has_users(&world.cx).await.unwrap());
}

#[tokio::test]
async fn two_nodes_set_up_the_same_database_at_once() {
    let world = World::new().await;
    world.sql("DELETE FROM rule_versions; DELETE FROM surveys; DELETE FROM calendars; DELETE FROM teams; DELETE FROM workspaces").await;
    let other = world.other_node().await;
    let (one, two) = tokio::join!(setup::ensure_workspace(&world.cx), setup::ensure_workspace(&other));
    assert_eq!(one.unwrap(), two.unwrap());
}

#[tokio::test]
async fn a_password_opens_a_session_that_ends() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let (user, generated) = add_user(cx, ws, &Actor::Operator, "Anna@Example.com", "Anna", Role::Agent, None).await.unwrap();
    let password = generated.unwrap();
    assert_eq!((user.email.as_str(), user.role.as_str()), ("anna@example.com", "agent"));
    assert!(has_users(cx).await.unwrap());
    assert!(matches!(add_user(cx, ws, &Actor::Operator, "anna@example.com", "", Role::Agent, None).await, Err(EngineError::Invalid(_))));
    assert!(matches!(
        add_user(cx, ws, &Actor::Operator, "b@example.com", "B", Role::Admin, Some("short")).await,
        Err(EngineError::Invalid(_))
    ));

    assert_eq!(log_in(cx, None, "anna@example.com", "wrong password").await.unwrap(), LogIn::Wrong);
    assert_eq!(log_in(cx, None, "nobody@example.com", &password).await.unwrap(), LogIn::Wrong);
    assert_eq!(log_in(cx, Some("elsewhere"), "anna@example.com", &password).await.unwrap(), LogIn::Wrong);
    let token = inside(log_in(cx, None, "ANNA@example.com", &password).await.unwrap());
    assert_eq!(session(cx, &token).await.unwrap().unwrap(), (ws, user));
    assert!(session(cx, "another token").await.unwrap().is_none());

    world.clock.advance(Duration::hours(7));
    assert!(session(cx, &token).await.unwrap().is_some(), "in use");
    world.clock.advance(Duration::hours(6));
    assert!(session(cx, &token).await.unwrap().is_none(), "twelve hours are over, although it was used");
    let idle = inside(log_in(cx, None, "anna@example.com", &password).await.unwrap());
    world.clock.advance(Duration::hours(8));
    assert!(session(cx, &idle).await.unwrap().is_none(), "not used for eight hours");
    let last = inside(log_in(cx, None, "anna@example.com", &password).await.unwrap());
    log_out(cx, &last).await.unwrap();
    assert!(session(cx, &last).await.unwrap().is_none());
}

#[tokio::test]
async fn five_wrong_passwords_make_even_the_right_one_wait() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    add_user(cx, ws, &Actor::Operator, "anna@example.com", "Anna", Role::Agent, Some("a long password")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(log_in(cx, None, "anna@example.com", "wrong password").await.unwrap(), LogIn::Wrong);
    }
    assert!(matches!(log_in(cx, None, "anna@example.com", "a long password").await, Err(EngineError::Conflict { .. })));
    world.clock.advance(Duration::minutes(1));
    inside(log_in(cx, None, "anna@example.com", "a long password").await.unwrap());
}

#[tokio::test]
async fn a_key_opens_its_workspace_until_it_is_revoked() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let key = create_api_key(cx, ws, &Actor::Operator, "shop", Scope::Write).await.unwrap();
    assert_eq!(key.len(), "hb_live_".len() + 8 + 1 + 43);
    let caller = authenticate(cx, &key).await.unwrap().unwrap();
    assert_eq!((caller.ws, caller.name.as_str(), caller.scope), (ws, "shop", Scope::Write));
    let mut forged = key.clone();
    forged.replace_range(key.len() - 1.., if key.ends_with('A') { "B" } else { "A" });
    for wrong in [
        forged.as_str(),
        "",
        "hb_live_",
        "hb_live_12345678",
        &key[..key.len() - 1],
        "hb_live_12345678_x",
        "hb_live_\u{e4}\u{e4}\u{e4}\u{e4}_",
    ] {
        assert!(authenticate(cx, wrong).await.unwrap().is_none(), "{wrong}");
    }
    world.sql("UPDATE api_keys SET revoked_at = 1").await;
    world.clock.advance(Duration::seconds(31));
    assert!(authenticate(cx, &key).await.unwrap().is_none());
}

#[tokio::test]
async fn an_address_in_two_workspaces_logs_in_to_the_one_of_its_password_or_is_asked() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let other = setup::create_workspace(cx, &Actor::Operator, "other", "The Other", Some("lt")).await.unwrap();
    assert!(setup::create_workspace(cx, &Actor::Operator, "other", "Again", None).await.is_err());
    assert!(setup::create_workspace(cx, &Actor::Operator, "No Key", "", Some("!")).await.is_err());
    add_user(cx, ws, &Actor::Operator, "anna@example.com", "Anna", Role::Admin, Some("the first password")).await.unwrap();
    add_user(cx, other, &Actor::Operator, "anna@example.com", "Anna", Role::Viewer, Some("the second password")).await.unwrap();
    add_user(cx, ws, &Actor::Operator, "ben@example.com", "Ben", Role::Admin, Some("one password")).await.unwrap();
    add_user(cx, other, &Actor::Operator, "ben@example.com", "Ben", Role::Admin, Some("one password")).await.unwrap();
    for (password, wanted) in [("the first password", ws), ("the second password", other)] {
        let token = inside(log_in(cx, None, "anna@example.com", password).await.unwrap());
        assert_eq!(session(cx, &token).await.unwrap().unwrap().0, wanted);
    }
    assert_eq!(log_in(cx, Some("other"), "anna@example.com", "the first password").await.unwrap(), LogIn::Wrong);
    let LogIn::Several(several) = log_in(cx, None, "ben@example.com", "one password").await.unwrap() else {
        panic!("one of two was taken")
    };
    assert_eq!(several.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["default", "other"]);
    let token = inside(log_in(cx, Some("other"), "ben@example.com", "one password").await.unwrap());
    assert_eq!(session(cx, &token).await.unwrap().unwrap().0, other);
}
