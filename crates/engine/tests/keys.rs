//! Keys of the API.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use chrono::Duration;
use common::World;
use hearback_engine::{
    Actor, EngineError,
    access::{authenticate, create_api_key, create_api_key_until},
    role::Scope,
};

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
async fn a_key_that_expires_opens_nothing_from_that_moment_on() {
    let world = World::new().await;
    let (cx, ws, until) = (&world.cx, world.ws, world.cx.now() + Duration::seconds(20));
    let make = async |until| create_api_key_until(cx, ws, &Actor::Operator, "shop", Scope::Write, Some(until)).await;
    let key = make(until).await.unwrap();
    assert!(authenticate(cx, &key).await.unwrap().is_some());
    world.clock.advance(Duration::seconds(19));
    assert!(authenticate(cx, &key).await.unwrap().is_some());
    world.clock.advance(Duration::seconds(1));
    assert!(authenticate(cx, &key).await.unwrap().is_none(), "although it was believed a moment ago");
    assert!(matches!(make(cx.now()).await, Err(EngineError::Invalid(_))));
}
