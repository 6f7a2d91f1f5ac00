//! Rows in bulk: what is written is what is read, whatever the text.

use std::collections::BTreeMap;

use futures::future::join_all;
use hearback_core::{Counts, Scale, Score};
use hearback_engine::customers::people::{self, NewPerson};
use hearback_store::{StoreError, Tx, bulk, ingest, persons, referrals, rollups, script::Script, teams};
use hearback_tests::app::{TestApp, on_every_store};

use super::{all, person, survey};

/// Texts that have broken somebody's database.
fn odd_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "'",
        "''; DROP TABLE persons; --",
        "\"",
        "\\",
        "\\\\n \\u0041 \\x41",
        "$1 ?1 :a @b %s {0}",
        "null",
        "true",
        "12",
        "{\"c0\": [1]}",
        "[",
        "line\nline\r\nline\ttab",
        "\u{1}\u{7f}\u{2028}\u{202e}\u{feff}",
        "Žąsinas Šķēle Ääliö 客户 العميل",
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} \u{1F600}",
        "e\u{301} \u{10FFFF}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("long \u{1F600} ' \" \\ ".repeat(10_000));
    texts
}

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    on_every_store(async |app| {
        let texts = odd_texts();
        let mut written: Vec<persons::Model> = (0_i64..)
            .zip(&texts)
            .map(|(n, text)| persons::Model {
                key: format!("{n} {text}"),
                name: Some(text.clone()),
                external_id: (n % 2 == 0).then(|| format!("{n}{text}")),
                properties: text.clone(),
                merged_into: None,
                created_at: [0, -1, i64::MIN, i64::MAX, 9_007_199_254_740_993][usize::try_from(n).unwrap() % 5],
                ..person(app, "x@example.com")
            })
            .collect();
        let tx = app.cx.db.write().await.unwrap();
        // The long key would not fit into an index of PostgreSQL; a long name does.
        for row in &mut written {
            row.key = row.key.chars().take(200).collect();
            row.external_id = row.external_id.take().map(|id| id.chars().take(200).collect());
        }
        bulk::insert::<persons::Entity>(&tx, &written).await.unwrap();
        tx.commit().await.unwrap();
        let mut read = all::<persons::Entity>(app).await;
        written.sort_by_key(|row| row.id);
        read.sort_by_key(|row| row.id);
        assert_eq!(read, written);
    })
    .await;
}

#[tokio::test]
async fn keys_are_found_by_their_exact_text() {
    on_every_store(async |app| {
        let tx = app.cx.db.write().await.unwrap();
        let rows = ["a'b", "a\"b", "a\\b", "A'B", "\u{1F600}"].map(|key| persons::Model { key: key.to_owned(), ..person(app, key) });
        bulk::insert::<persons::Entity>(&tx, &rows).await.unwrap();
        let found = ingest::look(&tx, app.ws.uuid(), &["a'b", "\u{1F600}", "a\\b", "none"], &["none"]).await.unwrap();
        assert!(found.revision > 0);
        let mut keys: Vec<&str> = found.persons.iter().map(|row| row.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["a'b", "a\\b", "\u{1F600}"]);
        let nobody = ingest::look(&tx, app.ws.uuid(), &["none"], &[]).await.unwrap();
        assert_eq!((nobody.revision, nobody.persons.len()), (found.revision, 0), "the set-up is known all the same");
        let elsewhere = ingest::look(&tx, uuid::Uuid::nil(), &["a'b"], &[]).await.unwrap();
        assert_eq!((elsewhere.revision, elsewhere.persons.len()), (0, 0), "of another workspace");
    })
    .await;
}

#[tokio::test]
async fn a_taken_key_fails_the_statement_or_is_passed_over() {
    on_every_store(async |app| {
        let team = |key: &str| teams::Model {
            workspace_id: app.ws.uuid(),
            key: key.to_owned(),
            name: key.to_owned(),
            email: None,
            calendar: None,
            manager: None,
            turn: 0,
        };
        let tx = app.cx.db.write().await.unwrap();
        assert_eq!(bulk::insert_missing::<teams::Entity>(&tx, &[team("a"), team("b")]).await.unwrap(), 2);
        assert_eq!(bulk::insert_missing::<teams::Entity>(&tx, &[team("b"), team("c")]).await.unwrap(), 1);
        assert_eq!(bulk::insert_missing::<teams::Entity>(&tx, &[]).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let tx = app.cx.db.write().await.unwrap();
        let taken = bulk::insert::<teams::Entity>(&tx, &[team("d"), team("a")]).await.unwrap_err();
        assert!(matches!(taken, StoreError::Taken(_)), "{taken:?}");
        drop(tx);
        let mut keys: Vec<String> = all::<teams::Entity>(app).await.into_iter().map(|row| row.key).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["a", "b", "c", "support"]);
    })
    .await;
}

async fn put(tx: &Tx, rows: &[persons::Model]) {
    let mut script = Script::new(tx);
    persons::put(&mut script, rows.to_vec());
    script.run(tx).await.unwrap();
}

/// One script fills tables that refer to each other; the one that comes last sees to it that all have come.
#[tokio::test]
async fn a_script_writes_all_its_tables_or_none() {
    on_every_store(async |app| {
        let (anna, team) = (person(app, "anna@example.com"), teams::Model { key: "a".to_owned(), ..support(app) });
        let write = async |people: &[persons::Model], groups: &[teams::Model]| {
            let tx = app.cx.db.write().await.unwrap();
            let mut script = Script::new(&tx);
            script.insert::<persons::Entity>(people);
            script.insert_missing::<referrals::Entity>(&[]);
            script.insert::<teams::Entity>(groups);
            let written = script.run(&tx).await;
            if written.is_ok() {
                tx.commit().await.unwrap();
            }
            written
        };
        write(&[], &[]).await.unwrap();
        write(std::slice::from_ref(&anna), &[]).await.unwrap();
        write(&[], std::slice::from_ref(&team)).await.unwrap();
        let taken = write(&[person(app, "jonas@example.com")], std::slice::from_ref(&team)).await.unwrap_err();
        assert!(matches!(taken, StoreError::Taken(_)), "{taken:?}");
        assert_eq!((all::<persons::Entity>(app).await, all::<teams::Entity>(app).await.len()), (vec![anna], 2));
    })
    .await;
}

fn support(app: &TestApp) -> teams::Model {
    let (workspace_id, key, name) = (app.ws.uuid(), "support".to_owned(), "Support".to_owned());
    teams::Model { workspace_id, key, name, email: None, calendar: None, manager: None, turn: 0 }
}

#[tokio::test]
async fn people_are_laid_over_those_who_are_stored() {
    on_every_store(async |app| {
        let first = person(app, "anna@example.com");
        let tx = app.cx.db.write().await.unwrap();
        put(&tx, std::slice::from_ref(&first)).await;
        let changed = persons::Model { name: Some("Anna".to_owned()), created_at: 1, ..first.clone() };
        let fresh = person(app, "jonas@example.com");
        put(&tx, &[changed.clone(), fresh.clone()]).await;
        tx.commit().await.unwrap();
        let mut read = all::<persons::Entity>(app).await;
        read.sort_by(|a, b| a.key.cmp(&b.key));
        let written = [persons::Model { created_at: first.created_at, ..changed }, fresh];
        assert_eq!(read, written.map(|row| persons::Model { search: row.search_text(), ..row }));
    })
    .await;
}

/// One customer described by many at once, on two nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_descriptions_make_one_person() {
    on_every_store(async |app| {
        let descriptions = (0..20).map(|n| {
            let (cx, ws) = (app.cx.clone(), app.ws);
            tokio::spawn(async move {
                let properties = [(format!("p{n}"), hearback_rules::Property::Number(f64::from(n)))].into();
                let person = NewPerson { email: Some("Anna@Example.com".to_owned()), properties, ..NewPerson::default() };
                people::upsert_person(&cx, ws, person).await.unwrap().id
            })
        });
        let ids: Vec<uuid::Uuid> = join_all(descriptions).await.into_iter().map(Result::unwrap).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
        let stored = all::<persons::Entity>(app).await;
        assert_eq!(stored.len(), 1);
        let properties: BTreeMap<String, f64> = serde_json::from_str(&stored[0].properties).unwrap();
        assert_eq!(properties.len(), 20, "nobody's description was lost");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roll_ups_add_and_take_away() {
    on_every_store(async |app| {
        let survey = survey(app).await;
        let of = |score: i64, comment: bool| Counts::of(Score::new(Scale::NPS, score).ok(), comment);
        let batches = (0..20).map(|_| {
            let (db, ws) = (app.cx.db.clone(), app.ws.uuid());
            tokio::spawn(async move {
                let counts = BTreeMap::from([((survey, 1), of(0, true) + of(10, false)), ((survey, 2), of(7, false))]);
                let tx = db.write().await.unwrap();
                ingest::add_rollups(&tx, ws, &counts).await.unwrap();
                tx.commit().await.unwrap();
            })
        });
        for batch in join_all(batches).await {
            batch.unwrap();
        }
        let tx = app.cx.db.write().await.unwrap();
        let moved = BTreeMap::from([((survey, 1), of(3, true) - of(10, false))]);
        ingest::add_rollups(&tx, app.ws.uuid(), &moved).await.unwrap();
        tx.commit().await.unwrap();
        let mut rows = all::<rollups::Entity>(app).await;
        rows.sort_by_key(|row| row.hour);
        let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((first.c0, first.c3, first.c10, first.with_comment, first.no_score), (20, 1, 19, 21, 0));
        assert_eq!((second.c7, second.with_comment), (20, 0));
    })
    .await;
}

/// The roll-up of an answer before 1970 is the hour that it is in, not the one after.
#[test]
fn hours_go_on_before_1970() {
    assert_eq!((ingest::hour(0), ingest::hour(3_599_999), ingest::hour(-1), ingest::hour(-3_600_001)), (0, 0, -1, -2));
}

/// Two answers that describe one new customer at the same time, on two nodes: one row, both answers kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_meet_a_new_customer_make_one_person() {
    on_every_store(async |app| {
        let other = TestApp::second_node(app).await;
        for round in 0..10 {
            let email = format!("new-{round}@example.com");
            let (one, two) = tokio::join!(app.answer(&email, 3), other.answer(&email, 9));
            assert_ne!(one["id"], two["id"]);
        }
        let mut keys: Vec<String> = all::<persons::Entity>(app).await.into_iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), 10);
        keys.dedup();
        assert_eq!(keys.len(), 10);
    })
    .await;
}
