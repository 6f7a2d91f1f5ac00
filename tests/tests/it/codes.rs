//! Ten thousand customers ask at once for one of eight thousand codes, while the server is killed: each code is given once, who
//! got none is told, and nobody twice.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use hearback_core::{Clock as _, SystemClock, state::CodeState};
use hearback_engine::{Actor, incentives::pools, role::Role};
use hearback_mailer::Limits;
use hearback_store::{EntityTrait as _, alerts, cases, deliveries, events, incentive_codes, incentive_waits, responses, tasks};
use hearback_tests::{
    connection::Connection,
    database::{EVERY, Fresh, Kind},
    engine::Engine,
    load::Numbers,
    process::{Setup, until},
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet, time::sleep};

const ASKING: u32 = 10_000;
const CODES: usize = 8_000;
/// Answers sent together, or one after the other.
const PART: u32 = 10;
/// Requests under way at any time.
const AT_ONCE: u32 = 48;
const KILLS: u32 = 2;
const PATIENCE: Duration = Duration::from_mins(2);
const OWNER: &str = "ieva@shop.example";
/// A code, and no mail: this is about the pool.
const RULE: &str = "key: passive-barrier\non: response_settled\nwhen: { segment: passive }\nthen:\n  - give_incentive: thank-you\n";

type Address = Option<std::net::SocketAddr>;

fn answer(n: u32) -> String {
    let person = json!({ "email": format!("person-{n}@customer.example") });
    json!({ "survey": "nps", "score": 7 + n % 2, "external_id": format!("answer-{n}"), "person": person }).to_string()
}

/// Sends answers until there are none left, each as often as it takes to be confirmed: most in small batches, some alone.
async fn ask(key: String, next: Arc<AtomicU32>, confirmed: Arc<AtomicU32>, mut server: watch::Receiver<Address>) {
    let mut connection: Option<(Address, Connection)> = None;
    loop {
        let first = next.fetch_add(PART, Ordering::Relaxed);
        if first >= ASKING {
            return;
        }
        let part: Vec<String> = (first..first + PART).map(answer).collect();
        let requests = if (first / PART).is_multiple_of(5) { part } else { vec![part.join("\n")] };
        let path = if requests.len() == 1 { "/api/v1/responses/batch" } else { "/api/v1/responses" };
        for request in requests {
            loop {
                let Ok(address) = server.wait_for(Option::is_some).await.map(|address| *address) else { return };
                if connection.as_ref().is_none_or(|(to, _)| *to != address) {
                    connection = address.map(|to| (address, Connection::to(to)));
                }
                let Some((_, open)) = &mut connection else { continue };
                match open.post(path, &key, request.clone()).await {
                    Ok(answer) if matches!(answer.status, 200 | 201) => break,
                    Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
                    Err(_) => sleep(Duration::from_millis(25)).await,
                }
            }
        }
        confirmed.fetch_add(PART, Ordering::Relaxed);
    }
}

async fn prepare(setup: &Setup, folder: &std::path::Path) -> String {
    let key = setup.api_key().await;
    let file = folder.join("rule.yaml");
    std::fs::write(&file, RULE).unwrap();
    let (status, text) = setup.run(&["rules", "apply", file.to_str().unwrap()]).await;
    assert!(status.success(), "{text}");
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now()).await;
    hearback_engine::access::add_user(&engine.cx, engine.ws, &Actor::Operator, OWNER, "Ieva", Role::Agent, None).await.unwrap();
    let codes = (0..CODES).map(|n| pools::NewCode { code: format!("GIFT-{n}"), expires_at: None }).collect();
    pools::import(&engine.cx, engine.ws, &Actor::Operator, "thank-you", codes).await.unwrap();
    engine.close().await;
    key
}

async fn eight_thousand_for_ten_thousand(kind: Kind) {
    let database = Fresh::make(kind).await;
    let mail = format!("file://{}", database.folder.path().join("mail").display());
    let setup = Setup::new(&database.url, database.folder.path(), &mail);
    let key = prepare(&setup, database.folder.path()).await;
    let (next, confirmed) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (at, address) = watch::channel(None);
    let start = std::time::Instant::now();
    let mut customers = JoinSet::new();
    for _ in 0..AT_ONCE {
        customers.spawn(ask(key.clone(), Arc::clone(&next), Arc::clone(&confirmed), address.clone()));
    }
    let mut numbers = Numbers::new(u64::from(std::process::id()));
    for kill in 1..=KILLS {
        let server = setup.start().await;
        at.send_replace(Some(server.address));
        // The last one while the pool runs dry.
        let moment = u32::try_from(numbers.below(1_000)).unwrap() + kill * 7_500 / KILLS;
        until(PATIENCE, "answers are confirmed", async || confirmed.load(Ordering::Relaxed) >= moment).await;
        at.send_replace(None);
        server.kill().await;
    }
    let server = setup.start().await;
    at.send_replace(Some(server.address));
    while let Some(end) = customers.join_next().await {
        end.unwrap();
    }
    eprintln!("{kind:?}: {ASKING} answers in {:.1} s, {KILLS} kills", start.elapsed().as_secs_f32());
    assert!(server.terminate().await.success());
    let engine = Engine::open(setup.database(), setup.mail(), Limits::default(), SystemClock.now() + chrono::Duration::seconds(61)).await;
    for _ in 0..5 {
        engine.work().await;
    }
    who_has_what(&engine).await;
    engine.close().await;
    assert_eq!(setup.fsck().await, "", "{kind:?}");
    database.remove().await;
}

async fn who_has_what(engine: &Engine) {
    let db = engine.cx.db.read();
    assert_eq!(responses::Entity::find().all(db).await.unwrap().len(), ASKING as usize);
    let codes = incentive_codes::Entity::find().all(db).await.unwrap();
    assert_eq!(codes.len(), CODES);
    let given: HashSet<uuid::Uuid> = codes.iter().filter_map(|code| code.case_id).collect();
    assert_eq!(given.len(), CODES, "every code is given, each to another customer");
    assert!(codes.iter().all(|code| code.state == CodeState::Given));

    let empty_handed: HashSet<uuid::Uuid> =
        cases::Entity::find().all(db).await.unwrap().into_iter().map(|case| case.id).filter(|case| !given.contains(case)).collect();
    assert_eq!(empty_handed.len(), ASKING as usize - CODES);
    let waits = incentive_waits::Entity::find().all(db).await.unwrap();
    assert_eq!(waits.iter().map(|wait| wait.case_id).collect::<HashSet<_>>(), empty_handed);
    assert_eq!(waits.len(), empty_handed.len());

    let mut told: HashMap<(String, uuid::Uuid), usize> = HashMap::new();
    for event in events::Entity::find().all(db).await.unwrap() {
        *told.entry((event.kind, event.case_id)).or_default() += 1;
    }
    let times = |kind: &str, case: &uuid::Uuid| told.get(&(kind.to_owned(), *case)).copied().unwrap_or_default();
    assert!(given.iter().all(|case| times("incentive_given", case) == 1 && times("incentive_missing", case) == 0));
    assert!(empty_handed.iter().all(|case| times("incentive_given", case) == 0 && times("incentive_missing", case) == 1));
    let tasks = tasks::Entity::find().all(db).await.unwrap();
    assert_eq!(tasks.iter().map(|task| task.case_id).collect::<HashSet<_>>(), empty_handed, "the owner has a task for each of them");
    assert_eq!(tasks.len(), empty_handed.len());
    let mails = deliveries::Entity::find().all(db).await.unwrap();
    assert_eq!(mails.iter().map(|mail| (mail.to_address.as_str(), mail.status.as_str())).collect::<Vec<_>>(), [(OWNER, "sent")]);
    let empty: Vec<_> = alerts::Entity::find().all(db).await.unwrap().into_iter().filter(|alert| alert.kind == "pool_empty").collect();
    assert_eq!((empty.len(), empty[0].count), (1, 1), "one alert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_code_is_given_once_through_kills_and_who_gets_none_is_told() {
    join_all(EVERY.iter().map(|kind| eight_thousand_for_ten_thousand(*kind))).await;
}
