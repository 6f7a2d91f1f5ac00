//! Every check finds what it is there to find: a sound database first, then one wrong row after the other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use chrono::Duration;
use common::World;
use hearback_engine::{Actor, cases::work::add_note, fsck};

async fn checks(world: &World) -> Vec<&'static str> {
    let found = fsck::check(&world.cx.db, world.cx.now()).await.unwrap();
    let mut checks: Vec<&str> = found.iter().map(|violation| violation.check).collect();
    checks.dedup();
    checks
}

/// A database with a detractor, a passive and a promoter, found sound.
async fn sound() -> World {
    let world = World::new().await;
    for (score, email) in [(2, "d@example.com"), (8, "n@example.com"), (10, "p@example.com")] {
        let (_, case) = world.score(score, email).await;
        add_note(&world.cx, world.ws, case, &Actor::System, "seen").await.unwrap();
    }
    assert_eq!(fsck::check(&world.cx.db, world.cx.now()).await.unwrap(), []);
    world
}

#[tokio::test]
async fn each_wrong_row_is_found_by_its_check() {
    for (sql, check) in [
        ("DELETE FROM contact_attempts; DELETE FROM events; UPDATE cases SET contacts = 1 WHERE score = 2", "counters"),
        ("UPDATE cases SET score = 3 WHERE score = 2", "cases"),
        ("UPDATE responses SET segment = 'passive' WHERE score = 10; UPDATE cases SET segment = 'passive' WHERE score = 10", "scores"),
        ("UPDATE responses SET score = 11 WHERE score = 10; UPDATE cases SET score = 11 WHERE score = 10", "scores"),
        ("UPDATE rollups SET c2 = c2 + 1", "roll-ups"),
        ("UPDATE rollups SET with_comment = with_comment - 1", "roll-ups"),
        ("DELETE FROM rollups", "roll-ups"),
        ("DELETE FROM loop_counts", "loop counts"),
        ("UPDATE loop_counts SET with_due = with_due + 1", "loop counts"),
        ("UPDATE cases SET first_contact_at = answered_at + 60000 WHERE score = 2", "loop counts"),
        ("UPDATE cases SET open_tasks = open_tasks + 1 WHERE score = 2", "counters"),
        ("UPDATE cases SET closed_at = 1 WHERE score = 2", "counters"),
        ("UPDATE cases SET late_at = NULL WHERE score = 2", "counters"),
        ("DELETE FROM runs WHERE response_id IN (SELECT id FROM responses WHERE score = 2)", "runs"),
        ("UPDATE runs SET facts = replace(facts, '\"score\":2', '\"score\":9')", "decisions"),
        ("UPDATE runs SET facts = replace(facts, 'detractor', 'promoter') WHERE facts LIKE '%detractor%'", "decisions"),
        ("UPDATE runs SET done = '[]'", "decisions"),
        ("UPDATE runs SET done = replace(done, 'open_task', 'tag')", "decisions"),
        ("DELETE FROM rule_sets", "decisions"),
        ("UPDATE runs SET revision = 2", "decisions"),
        ("UPDATE runs SET facts = 'nonsense'", "decisions"),
        ("DELETE FROM tasks; UPDATE cases SET open_tasks = 0; UPDATE deliveries SET task_id = NULL", "effects"),
        ("UPDATE outbox SET state = 'running', leased_until = 1, lease_id = id", "claims"),
        ("UPDATE outbox SET state = 'done' WHERE kind = 'mail'", "mail"),
        ("DELETE FROM outbox WHERE kind = 'mail'", "mail"),
    ] {
        let world = sound().await;
        world.sql(sql).await;
        let found = checks(&world).await;
        assert!(found.contains(&check), "{sql}: wanted {check}, found {found:?}");
    }
}

#[tokio::test]
async fn rows_without_their_parent_are_found() {
    for (sql, parent) in [
        ("UPDATE incentive_codes SET case_id = zeroblob(16)", "cases"),
        ("UPDATE outbox SET case_id = zeroblob(16) WHERE kind = 'mail'", "cases"),
        ("UPDATE tasks SET rule_version_id = zeroblob(16)", "rule_versions"),
        ("UPDATE deliveries SET task_id = zeroblob(16)", "tasks"),
    ] {
        let world = sound().await;
        world.sql("INSERT INTO pools (workspace_id, key, name, low_stock, created_at) SELECT id, 'p', 'p', 0, 1 FROM workspaces").await;
        world
            .sql(
                "INSERT INTO incentive_codes (workspace_id, id, pool, sealed, lookup, state, expires_at, created_at) \
                 SELECT id, id, 'p', 'c', 'c', 'free', 9, 1 FROM workspaces",
            )
            .await;
        world.sql(sql).await;
        let found = fsck::check(&world.cx.db, world.cx.now()).await.unwrap();
        assert!(found.iter().any(|one| one.check == "parents" && one.what.ends_with(parent)), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn a_live_claim_is_fine_and_so_is_one_that_just_ended() {
    let world = sound().await;
    let now = world.cx.now().timestamp_millis();
    world.sql(&format!("UPDATE outbox SET state = 'running', lease_id = id, leased_until = {now}")).await;
    assert_eq!(checks(&world).await, Vec::<&str>::new());
    world.clock.advance(Duration::minutes(6));
    assert_eq!(checks(&world).await, ["claims"]);
}
