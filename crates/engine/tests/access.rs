//! Users and log-ins.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use chrono::Duration;
use common::World;
use hearback_core::id::UserId;
use hearback_engine::{
    Actor, Engine, EngineError,
    access::{
        self, LogIn, RecoveryCodes, SecondFactor, UserChange, Visit, Which, add_user, change_user, create_api_key, end_own, has_users,
        log_out, own_sessions, session,
    },
    fsck,
    role::{Role, Scope},
    setup,
};
use hearback_store::{audit, cursor::Page, users};

const PASSWORD: &str = "seven green lanterns hum";

/// Somebody at this address.
fn from(address: &str) -> Visit {
    Visit { address: address.parse().unwrap(), agent: "Browser 1".to_owned() }
}

async fn log_in(cx: &Engine, workspace: Option<&str>, email: &str, password: &str) -> Result<LogIn, EngineError> {
    access::log_in(cx, &from("203.0.113.1"), workspace, email, password).await
}

async fn user(world: &World, email: &str, role: Role) -> users::Model {
    add_user(&world.cx, world.ws, &Actor::Operator, email, "", role, Some(PASSWORD)).await.unwrap().0
}

fn id(user: &users::Model) -> UserId {
    UserId::from_uuid(user.id)
}

/// Actions of the audit log with their data, the oldest first; failures are written a moment after they are told.
async fn log_of(world: &World, least: usize) -> Vec<(String, String, serde_json::Value)> {
    for _ in 0..200 {
        let mut rows = audit::list(world.cx.db.read(), world.ws, None, Page::first(500)).await.unwrap().items;
        if rows.len() >= least {
            rows.sort_by_key(|row| row.number);
            return rows.into_iter().map(|row| (row.action, row.subject, serde_json::from_str(&row.data).unwrap())).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("there are fewer than {least} entries")
}

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
    let rules = hearback_engine::automation::publish::list(&world.cx, world.ws).await.unwrap();
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
async fn wrong_guesses_make_the_guesser_wait_and_not_the_owner() {
    let world = World::new().await;
    let (cx, owner) = (&world.cx, "anna@example.com");
    user(&world, owner, Role::Agent).await;
    let guess = async |place: &str, password: &str| access::log_in(cx, &from(place), None, owner, password).await;
    for _ in 0..5 {
        assert_eq!(guess("203.0.113.66", "wrong password").await.unwrap(), LogIn::Wrong);
    }
    assert!(matches!(guess("203.0.113.66", PASSWORD).await, Err(EngineError::Wait { seconds: 60, .. })), "even with the right one");
    inside(guess("198.51.100.2", PASSWORD).await.unwrap());
    world.clock.advance(Duration::minutes(1));
    inside(guess("203.0.113.66", PASSWORD).await.unwrap());
    for _ in 0..5 {
        let stranger = access::log_in(cx, &from("203.0.113.66"), None, "nobody@example.com", "wrong password").await;
        assert_eq!(stranger.unwrap(), LogIn::Wrong);
    }
    let stranger = access::log_in(cx, &from("203.0.113.66"), None, "nobody@example.com", "wrong password").await;
    assert!(matches!(stranger, Err(EngineError::Wait { .. })), "who does not exist is treated alike");
}

#[tokio::test]
async fn guesses_at_once_are_no_more_than_guesses_in_a_row() {
    let world = World::new().await;
    user(&world, "anna@example.com", Role::Agent).await;
    let guesses: Vec<_> = (0..30)
        .map(|_| {
            let cx = world.cx.clone();
            tokio::spawn(async move { log_in(&cx, None, "anna@example.com", "wrong password").await })
        })
        .collect();
    let (mut checked, mut waiting) = (0, 0);
    for guess in guesses {
        match guess.await.unwrap() {
            Ok(LogIn::Wrong) => checked += 1,
            Err(EngineError::Wait { .. } | EngineError::Busy) => waiting += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(checked <= 5 && checked + waiting == 30, "{checked} were checked");
}

#[tokio::test]
async fn whoever_is_disabled_gets_another_role_or_password_is_out_at_once() {
    let world = World::new().await;
    let (cx, ws, boss) = (&world.cx, world.ws, Actor::User("boss@example.com".to_owned()));
    user(&world, "boss@example.com", Role::Admin).await;
    let anna = user(&world, "anna@example.com", Role::Agent).await;
    let change = async |change: UserChange| change_user(cx, ws, &boss, id(&anna), change).await.unwrap();
    let begin = async |password: &str| inside(log_in(cx, None, "anna@example.com", password).await.unwrap());
    let lives = async |token: &str| session(cx, token).await.unwrap().is_some();

    let (one, two) = (begin(PASSWORD).await, begin(PASSWORD).await);
    change(UserChange { name: Some("Anna A.".to_owned()), ..UserChange::default() }).await;
    assert!(lives(&one).await && lives(&two).await, "a name changes nothing");
    change(UserChange { role: Some(Role::Manager), ..UserChange::default() }).await;
    assert!(!lives(&one).await && !lives(&two).await);

    let three = begin(PASSWORD).await;
    let new = "another seven green lanterns";
    change(UserChange { password: Some(new.to_owned()), ..UserChange::default() }).await;
    assert!(!lives(&three).await);
    assert_eq!(log_in(cx, None, "anna@example.com", PASSWORD).await.unwrap(), LogIn::Wrong);

    let four = begin(new).await;
    let before = change(UserChange { disabled: Some(true), ..UserChange::default() }).await;
    assert!(!lives(&four).await && before.disabled_at.is_some());
    assert_eq!(log_in(cx, None, "anna@example.com", new).await.unwrap(), LogIn::Wrong, "as if the password were wrong");
    let again = change(UserChange { disabled: Some(true), ..UserChange::default() }).await;
    assert_eq!(again.disabled_at, before.disabled_at);
    change(UserChange { disabled: Some(false), ..UserChange::default() }).await;
    assert!(!lives(&four).await, "what has ended does not begin again");
    begin(new).await;

    let log: Vec<_> = log_of(&world, 14).await.into_iter().filter(|(_, subject, _)| subject == "anna@example.com").collect();
    let told: Vec<(&str, i64)> = log
        .iter()
        .filter(|(action, ..)| !action.contains("log"))
        .map(|(action, _, data)| (action.as_str(), data["sessions_ended"].as_i64().unwrap_or(-1)))
        .collect();
    let wanted = [
        ("user.added", -1),
        ("user.renamed", -1),
        ("user.role_changed", 2),
        ("user.password_changed", 1),
        ("user.disabled", 1),
        ("user.enabled", -1),
    ];
    assert_eq!(told, wanted);
    assert!(fsck::check(&cx.db, cx.now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn somebody_who_may_do_everything_can_always_come_in() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let boss = user(&world, "boss@example.com", Role::Admin).await;
    let other = user(&world, "other@example.com", Role::Admin).await;
    let change = async |user: &users::Model, change: UserChange| change_user(cx, ws, &Actor::Operator, id(user), change).await;
    let disable = UserChange { disabled: Some(true), ..UserChange::default() };
    let demote = UserChange { role: Some(Role::Agent), ..UserChange::default() };
    change(&other, disable.clone()).await.unwrap();
    for last in [disable.clone(), demote.clone()] {
        let refused = change(&boss, last).await;
        assert!(matches!(&refused, Err(EngineError::Conflict { message, .. }) if message.contains("last admin")), "{refused:?}");
    }
    change(&other, demote.clone()).await.unwrap();
    change(&other, UserChange { role: Some(Role::Admin), disabled: Some(false), ..UserChange::default() }).await.unwrap();
    change(&boss, demote).await.unwrap();
    assert!(matches!(change(&other, disable).await, Err(EngineError::Conflict { .. })));
    let elsewhere = setup::create_workspace(cx, &Actor::Operator, "other", "Other", None).await.unwrap();
    let foreign = change_user(cx, elsewhere, &Actor::Operator, id(&boss), UserChange::default()).await;
    assert!(matches!(foreign, Err(EngineError::NotFound { .. })));
}

#[tokio::test]
async fn an_admin_who_does_nothing_is_out_sooner_and_the_oldest_of_too_many_sessions_ends() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let (boss, agent) = (user(&world, "boss@example.com", Role::Admin).await, user(&world, "agent@example.com", Role::Agent).await);
    let begin = async |user: &users::Model| inside(log_in(cx, None, &user.email, PASSWORD).await.unwrap());
    let (his, hers) = (begin(&boss).await, begin(&agent).await);
    world.clock.advance(Duration::minutes(29));
    assert!(session(cx, &his).await.unwrap().is_some());
    world.clock.advance(Duration::minutes(30));
    assert!(session(cx, &his).await.unwrap().is_none() && session(cx, &hers).await.unwrap().is_some());

    let mut tokens = vec![hers];
    for _ in 0..20 {
        world.clock.advance(Duration::seconds(1));
        tokens.push(begin(&agent).await);
    }
    assert!(session(cx, &tokens[0]).await.unwrap().is_none(), "the twenty-first ends the oldest");
    let listed = own_sessions(cx, ws, id(&agent), Some(&tokens[20])).await.unwrap();
    assert_eq!((listed.len(), listed[0].this, listed[1].this), (20, true, false));
    assert_eq!((listed[0].address.as_str(), listed[0].agent.as_str()), ("203.0.113.1", "Browser 1"));

    let visit = from("203.0.113.1");
    let end = async |password: &str, which: Which| end_own(cx, &agent, &tokens[20], &visit, password, &which).await;
    assert!(end("not the password", Which::Others).await.is_err());
    assert_eq!(own_sessions(cx, ws, id(&agent), None).await.unwrap().len(), 20);
    assert_eq!(end(PASSWORD, Which::These(vec![listed[3].id, listed[0].id])).await.unwrap(), 1, "never the present one");
    assert_eq!(end(PASSWORD, Which::Others).await.unwrap(), 18);
    assert!(session(cx, &tokens[20]).await.unwrap().is_some());
}

#[tokio::test]
async fn one_changes_ones_own_password_by_saying_the_present_one() {
    let world = World::new().await;
    let cx = &world.cx;
    let anna = user(&world, "anna@example.com", Role::Agent).await;
    let old = inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    let visit = from("203.0.113.1");
    let change = async |present: &str, new: &str| access::change_own_password(cx, &anna, &visit, present, new).await;
    assert!(matches!(change("not the password", "three blue lamps whistle").await, Err(EngineError::Invalid(_))));
    assert!(matches!(change(PASSWORD, "passwordpassword").await, Err(EngineError::Invalid(_))));
    assert!(session(cx, &old).await.unwrap().is_some());
    let token = change(PASSWORD, "three blue lamps whistle").await.unwrap();
    assert!(session(cx, &old).await.unwrap().is_none() && session(cx, &token).await.unwrap().is_some());
}

/// The code of an app at this moment.
fn code_of(secret: &str, cx: &Engine) -> String {
    hearback_core::totp::code(secret, cx.now()).unwrap()
}

/// Sets up a second factor; its secret and the recovery codes.
async fn second(cx: &Engine, user: &users::Model, token: &str) -> (String, RecoveryCodes) {
    access::begin_second(cx, user, &from("203.0.113.1"), PASSWORD).await.unwrap();
    let SecondFactor::Begun { secret, address } = access::second_factor(cx, user).await.unwrap() else { panic!("not begun") };
    assert!(address.starts_with("otpauth://totp/Hearback%20") && address.contains(&secret), "{address}");
    let codes = access::confirm_second(cx, user, token, &code_of(&secret, cx)).await.unwrap();
    (secret, codes)
}

async fn asked(cx: &Engine, email: &str) -> String {
    match log_in(cx, None, email, PASSWORD).await.unwrap() {
        LogIn::Code(token) => token,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_opens_once() {
    let world = World::new().await;
    let cx = &world.cx;
    let anna = user(&world, "anna@example.com", Role::Agent).await;
    let (own, other) =
        (inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap()), inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap()));
    assert!(access::begin_second(cx, &anna, &from("203.0.113.1"), "not the password").await.is_err());
    assert!(access::confirm_second(cx, &anna, &own, "000000").await.is_err(), "nothing was begun");
    access::begin_second(cx, &anna, &from("203.0.113.1"), PASSWORD).await.unwrap();
    assert!(access::confirm_second(cx, &anna, &own, "no code").await.is_err());
    inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    let (secret, RecoveryCodes(codes)) = second(cx, &anna, &own).await;
    assert!(session(cx, &own).await.unwrap().is_some() && session(cx, &other).await.unwrap().is_none(), "the others have ended");
    assert_eq!((codes.len(), codes[0].len()), (10, 27));
    let bytes = world.bytes();
    let stored = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!stored(&secret) && !stored(&codes[0]) && !stored(&codes[0].replace('-', "")), "sealed and hashed");
    assert!(access::begin_second(cx, &anna, &from("203.0.113.1"), PASSWORD).await.is_err(), "one at a time");

    let give = async |token: &str, code: &str| access::give_code(cx, &from("203.0.113.1"), token, code).await;
    let token = asked(cx, &anna.email).await;
    assert!(session(cx, &token).await.unwrap().is_none(), "the password alone opens nothing");
    assert_eq!(give(&token, &code_of(&secret, cx)).await.unwrap(), LogIn::Wrong, "that one confirmed the set-up");
    world.clock.advance(Duration::seconds(30));
    let code = code_of(&secret, cx);
    inside(give(&token, &code).await.unwrap());
    assert_eq!(give(&asked(cx, &anna.email).await, &code).await.unwrap(), LogIn::Wrong, "each opens once");
    inside(give(&asked(cx, &anna.email).await, &codes[3].to_uppercase()).await.unwrap());
    assert_eq!(give(&asked(cx, &anna.email).await, &codes[3]).await.unwrap(), LogIn::Wrong);
    assert!(matches!(access::second_factor(cx, &anna).await.unwrap(), SecondFactor::On { codes: 9, .. }));

    let late = asked(cx, &anna.email).await;
    world.clock.advance(Duration::minutes(5));
    assert!(matches!(give(&late, &code_of(&secret, cx)).await, Err(EngineError::Conflict { .. })), "five minutes are over");
    assert!(matches!(give("nonsense", "000000").await, Err(EngineError::Conflict { .. })));
    let disabled = asked(cx, &anna.email).await;
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    change_user(cx, world.ws, &Actor::Operator, id(&anna), change).await.unwrap();
    assert!(matches!(give(&disabled, &code_of(&secret, cx)).await, Err(EngineError::Conflict { .. })));
    assert!(fsck::check(&cx.db, cx.now()).await.unwrap().is_empty());
}

#[tokio::test]
async fn codes_are_guessed_a_few_times_only_from_wherever() {
    let world = World::new().await;
    let cx = &world.cx;
    let anna = user(&world, "anna@example.com", Role::Agent).await;
    let own = inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    let (secret, _) = second(cx, &anna, &own).await;
    world.clock.advance(Duration::minutes(2));
    let token = asked(cx, &anna.email).await;
    for guess in 0..5 {
        let place = from(&format!("203.0.113.{guess}"));
        assert_eq!(access::give_code(cx, &place, &token, "no code").await.unwrap(), LogIn::Wrong);
    }
    let place = from("203.0.113.99");
    assert!(matches!(access::give_code(cx, &place, &token, &code_of(&secret, cx)).await, Err(EngineError::Wait { .. })));
    world.clock.advance(Duration::minutes(1));
    inside(access::give_code(cx, &place, &token, &code_of(&secret, cx)).await.unwrap());
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away_by_whoever_runs_the_server_or_by_its_owner() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let anna = user(&world, "anna@example.com", Role::Agent).await;
    let own = inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    second(cx, &anna, &own).await;
    assert!(access::reset_second(cx, ws, &Actor::Operator, id(&anna)).await.unwrap());
    assert!(!access::reset_second(cx, ws, &Actor::Operator, id(&anna)).await.unwrap());
    assert!(session(cx, &own).await.unwrap().is_none());
    let own = inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    let visit = from("203.0.113.1");
    let (_, old) = second(cx, &anna, &own).await;
    let new = access::new_recovery_codes(cx, &anna, &own, &visit, PASSWORD).await.unwrap();
    assert_eq!(access::give_code(cx, &visit, &asked(cx, &anna.email).await, &old.0[0]).await.unwrap(), LogIn::Wrong);
    inside(access::give_code(cx, &visit, &asked(cx, &anna.email).await, &new.0[0]).await.unwrap());
    assert!(access::remove_second(cx, &anna, &own, &visit, "not the password").await.is_err());
    access::remove_second(cx, &anna, &own, &visit, PASSWORD).await.unwrap();
    inside(log_in(cx, None, &anna.email, PASSWORD).await.unwrap());
    let log: Vec<String> = log_of(&world, 10).await.into_iter().map(|(action, ..)| action).collect();
    for action in [
        "user.second_factor_set",
        "user.second_factor_reset",
        "user.recovery_codes_made",
        "user.recovery_code_used",
        "user.second_factor_removed",
    ] {
        assert!(log.iter().any(|done| done == action), "{action} is not in {log:?}");
    }
}

#[tokio::test]
async fn coming_in_failing_and_going_stand_in_the_audit_log() {
    let world = World::new().await;
    let cx = &world.cx;
    user(&world, "anna@example.com", Role::Agent).await;
    let before = log_of(&world, 1).await.len();
    assert_eq!(log_in(cx, None, "nobody@example.com", "wrong password").await.unwrap(), LogIn::Wrong);
    assert_eq!(access::log_in(cx, &from("2001:db8:1:2::"), None, "anna@example.com", "wrong password").await.unwrap(), LogIn::Wrong);
    log_of(&world, before + 1).await;
    let token = inside(log_in(cx, None, "anna@example.com", PASSWORD).await.unwrap());
    log_out(cx, &token).await.unwrap();
    log_out(cx, &token).await.unwrap();
    let log: Vec<(String, String)> = log_of(&world, before + 3)
        .await
        .into_iter()
        .skip(before)
        .map(|(action, _, data)| (action, data["from"].as_str().unwrap_or_default().to_owned()))
        .collect();
    let entry = |action: &str, from: &str| (action.to_owned(), from.to_owned());
    assert_eq!(
        log,
        [entry("user.log_in_failed", "2001:db8:1:2::/64"), entry("user.logged_in", "203.0.113.1"), entry("user.logged_out", "")]
    );
}

#[tokio::test]
async fn a_changed_removed_or_added_entry_of_the_audit_log_is_found() {
    let world = World::new().await;
    let cx = &world.cx;
    for n in 0..4 {
        user(&world, &format!("user{n}@example.com"), Role::Agent).await;
    }
    let other = world.other_node().await;
    create_api_key(&other, world.ws, &Actor::Operator, "from another node", Scope::Read).await.unwrap();
    let found = async || {
        let all = fsck::check(&cx.db, cx.now()).await.unwrap();
        all.into_iter().filter(|violation| violation.check == "audit").map(|violation| violation.what).collect::<Vec<_>>()
    };
    assert_eq!(found().await, Vec::<String>::new());
    let last = log_of(&world, 1).await.len();
    for (harm, wanted, repair) in [
        (
            "UPDATE audit SET actor = 'user:somebody@example.com' WHERE number = 2",
            "entry 2 ",
            "UPDATE audit SET actor = 'operator' WHERE number = 2",
        ),
        ("UPDATE audit SET data = '{}' WHERE number = 2", "entry 2 ", "UPDATE audit SET data = '{\"role\":\"agent\"}' WHERE number = 2"),
        ("UPDATE audit SET at = at + 1 WHERE number = 3", "entry 3 ", "UPDATE audit SET at = at - 1 WHERE number = 3"),
        ("UPDATE audit SET number = 99 WHERE number = 3", "entry 4 ", "UPDATE audit SET number = 3 WHERE number = 99"),
    ] {
        world.sql(harm).await;
        let told = found().await;
        assert!(told.first().is_some_and(|first| first.starts_with(wanted)), "{harm}: {told:?}");
        world.sql(repair).await;
        assert_eq!(found().await, Vec::<String>::new(), "{repair}");
    }
    world.sql(&format!("DELETE FROM audit WHERE number = {last}")).await;
    let told = found().await;
    assert!(told.len() == 1 && told[0].contains("it should be"), "cut off at the end: {told:?}");
}

#[tokio::test]
async fn an_address_in_two_workspaces_logs_in_to_the_one_of_its_password_or_is_asked() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let other = setup::create_workspace(cx, &Actor::Operator, "other", "The Other", Some("lt")).await.unwrap();
    assert!(setup::create_workspace(cx, &Actor::Operator, "other", "Again", None).await.is_err());
    assert!(setup::create_workspace(cx, &Actor::Operator, "No Key", "", Some("!")).await.is_err());
    add_user(cx, ws, &Actor::Operator, "anna@example.com", "Anna", Role::Admin, Some("seven green lanterns hum")).await.unwrap();
    add_user(cx, other, &Actor::Operator, "anna@example.com", "Anna", Role::Viewer, Some("three blue lamps whistle")).await.unwrap();
    add_user(cx, ws, &Actor::Operator, "ben@example.com", "Ben", Role::Admin, Some("nine grey kettles sing")).await.unwrap();
    add_user(cx, other, &Actor::Operator, "ben@example.com", "Ben", Role::Admin, Some("nine grey kettles sing")).await.unwrap();
    for (password, wanted) in [("seven green lanterns hum", ws), ("three blue lamps whistle", other)] {
        let token = inside(log_in(cx, None, "anna@example.com", password).await.unwrap());
        assert_eq!(session(cx, &token).await.unwrap().unwrap().0, wanted);
    }
    assert_eq!(log_in(cx, Some("other"), "anna@example.com", "seven green lanterns hum").await.unwrap(), LogIn::Wrong);
    let LogIn::Several(several) = log_in(cx, None, "ben@example.com", "nine grey kettles sing").await.unwrap() else {
        panic!("one of two was taken")
    };
    assert_eq!(several.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["default", "other"]);
    let token = inside(log_in(cx, Some("other"), "ben@example.com", "nine grey kettles sing").await.unwrap());
    assert_eq!(session(cx, &token).await.unwrap().unwrap().0, other);
    let hashes = users::by_address(cx.db.read(), "anna@example.com").await.unwrap().into_iter().map(|user| user.password_hash);
    let salts: std::collections::BTreeSet<String> = hashes.map(|hash| hash.rsplit_once('$').unwrap().0.to_owned()).collect();
    assert_eq!(salts.len(), 1, "one computation serves all workspaces of an address");
}
