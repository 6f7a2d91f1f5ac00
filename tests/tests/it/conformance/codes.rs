//! Codes of a pool: each is given once.

use std::collections::{HashMap, HashSet};

use futures::future::join_all;
use hearback_core::id::CaseId;
use hearback_store::{incentive_codes, pools};
use hearback_tests::app::{TestApp, on_every_store};

use super::all;

async fn stock(app: &TestApp, pool: &str, count: usize) {
    let codes: Vec<String> = (0..count).map(|n| format!("{pool}-{n}")).collect();
    app.stock(pool, &codes.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

async fn some_cases(app: &TestApp, count: usize) -> Vec<CaseId> {
    let tx = app.cx.db.write().await.unwrap();
    let cases = super::cases(app, &tx, count).await;
    tx.commit().await.unwrap();
    cases.iter().map(|case| CaseId::from_uuid(case.id)).collect()
}

async fn give(app: &TestApp, pool: &str, wanted: &[CaseId]) -> HashSet<CaseId> {
    let tx = app.cx.db.write().await.unwrap();
    pools::lock(&tx, app.ws.uuid(), pool).await.unwrap();
    let given = incentive_codes::give(&tx, app.ws.uuid(), pool, wanted, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    given
}

#[tokio::test]
async fn a_case_keeps_its_code_and_an_empty_pool_gives_none() {
    on_every_store(async |app| {
        stock(app, "gift", 2).await;
        stock(app, "other", 5).await;
        let cases = some_cases(app, 3).await;
        assert_eq!(give(app, "gift", &cases[..1]).await, HashSet::from([cases[0]]));
        let first = all::<incentive_codes::Entity>(app).await;
        assert_eq!(give(app, "gift", &cases[..1]).await, HashSet::from([cases[0]]), "asked again");
        assert_eq!(all::<incentive_codes::Entity>(app).await, first, "and given nothing more");
        let last = give(app, "gift", &cases).await;
        assert_eq!(last.len(), 2, "the pool had one left");
        assert!(give(app, "gift", &cases[2..]).await.is_empty() || last.contains(&cases[2]));
        assert!(give(app, "nowhere", &cases).await.is_empty());
        let untouched = all::<incentive_codes::Entity>(app).await.into_iter().filter(|code| code.pool == "other");
        assert!(untouched.into_iter().all(|code| code.case_id.is_none()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_takers_never_share_a_code() {
    on_every_store(async |app| {
        stock(app, "gift", 150).await;
        let cases = some_cases(app, 200).await;
        let takers = cases.chunks(5).map(|wanted| {
            let (db, ws, now, wanted) = (app.cx.db.clone(), app.ws.uuid(), app.now(), wanted.to_vec());
            tokio::spawn(async move {
                let tx = db.write().await.unwrap();
                pools::lock(&tx, ws, "gift").await.unwrap();
                let given = incentive_codes::give(&tx, ws, "gift", &wanted, now).await.unwrap();
                tx.commit().await.unwrap();
                given
            })
        });
        let told: HashSet<CaseId> = join_all(takers).await.into_iter().flat_map(Result::unwrap).collect();
        let mut codes_of: HashMap<CaseId, usize> = HashMap::new();
        for case in all::<incentive_codes::Entity>(app).await.into_iter().filter_map(|code| code.case_id) {
            *codes_of.entry(CaseId::from_uuid(case)).or_default() += 1;
        }
        assert!(codes_of.values().all(|codes| *codes == 1), "one code a case");
        assert_eq!(told, codes_of.into_keys().collect(), "what callers were told is what is stored");
        assert_eq!(told.len(), 150, "every code was given");
    })
    .await;
}
