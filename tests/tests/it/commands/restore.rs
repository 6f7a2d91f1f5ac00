//! Who was erased stays erased, also when a backup comes back in which they are not.

use std::path::PathBuf;

use hearback_core::id::PersonId;
use hearback_engine::{Actor, customers::merge};
use hearback_store::{Db, EntityTrait as _, persons, suppressions};
use hearback_tests::{
    app::{TestApp, on_every_database},
    database::Fresh,
    process::Setup,
};
use serde_json::{Value, json};

use super::{done, file, operator, refused};

/// A new database, the program on it, and the list in its data folder.
async fn elsewhere(app: &TestApp) -> (Fresh, Setup, PathBuf) {
    let fresh = Fresh::make(app.database.kind).await;
    let data = fresh.folder.path().join("data");
    let program = Setup::new(&fresh.url, &data, &format!("file://{}", data.join("mail").display()));
    (fresh, program, data.join("erasures.jsonl"))
}

/// Addresses of everybody who is stored, and what is left of those who were erased.
async fn stored(fresh: &Fresh) -> (Vec<String>, Vec<String>) {
    let db = Db::connect(&fresh.url, 2).await.unwrap();
    let people = persons::Entity::find().all(db.read()).await.unwrap();
    let stopped = suppressions::Entity::find().all(db.read()).await.unwrap();
    db.close().await.unwrap();
    let mut people: Vec<String> = people.into_iter().filter_map(|row| row.email).collect();
    people.sort();
    (people, stopped.into_iter().map(|row| row.address).collect())
}

async fn person(app: &TestApp, body: Value) -> PersonId {
    app.put("/people", body).await.expect(200)["id"].as_str().unwrap().parse().unwrap()
}

/// Answers of customers, one who is known by an id alone and one whose address has changed, and a backup of them; then some are erased, two
/// of them as one, one by the former address, and somebody who came after the backup as well. Where the backup is, and the list.
async fn erased_since(app: &TestApp) -> (String, String) {
    for name in ["anna", "bert", "carl"] {
        app.answer(&format!("{name}@example.com"), 3).await;
    }
    let known = person(app, json!({ "external_id": "crm-7" })).await;
    for name in ["eve.old", "eve.new"] {
        person(app, json!({ "external_id": "crm-9", "email": format!("{name}@example.com") })).await;
    }
    done(&operator(app), &["erase", "carl@example.com"]).await;
    let backup = file(app, "backup").display().to_string();
    done(&operator(app), &["backup", &backup]).await;
    let into = person(app, json!({ "email": "anna@example.com", "name": "Anna" })).await;
    merge::merge_people(&app.cx, app.ws, &Actor::Operator, known, into).await.unwrap();
    app.answer("dora@example.com", 3).await;
    for name in ["anna", "dora", "eve.old"] {
        done(&operator(app), &["erase", &format!("{name}@example.com")]).await;
    }
    (backup, file(app, "erasures.jsonl").display().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_erases_again_who_was_erased_since_the_backup() {
    on_every_database(async |app| {
        let (backup, list) = erased_since(app).await;
        let text = std::fs::read_to_string(&list).unwrap();
        assert!(!text.contains('@') && !text.contains("anna"), "nobody's name stands in it: {text}");

        let (without, program, _) = elsewhere(app).await;
        let told = done(&program, &["restore", &backup]).await;
        assert!(told.contains("erased again 0 "), "{told}");
        assert_eq!(
            stored(&without).await.0,
            ["anna@example.com", "bert@example.com", "eve.new@example.com"],
            "the test notices what it is for"
        );

        let (fresh, program, own) = elsewhere(app).await;
        let (_, why) = refused(&program, &["restore", &backup, "--erasures", "/nowhere"]).await;
        assert!(why.contains("nothing was restored"), "{why}");
        let told: Value = serde_json::from_str(&done(&program, &["restore", &backup, "--erasures", &list, "--json"]).await).unwrap();
        assert_eq!(told["erased_again"], 3, "{told}");
        let (people, stopped) = stored(&fresh).await;
        assert_eq!(people, ["bert@example.com"]);
        for name in ["anna", "carl", "dora", "eve.old", "eve.new"] {
            let left = suppressions::erased(app.ws, &format!("{name}@example.com"));
            assert!(stopped.contains(&left), "{name} is not mailed, whoever brings them back");
        }
        assert_eq!(program.fsck().await, "");
        let told = done(&program, &["erase", "--again", &list]).await;
        assert!(told.contains("erased again 0 "), "once: {told}");
        let own = std::fs::read_to_string(own).unwrap();
        assert!(text.lines().all(|line| own.contains(line)), "the next restore knows them all");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_erases_again_who_is_on_its_list_before_it_serves_anybody() {
    on_every_database(async |app| {
        let (backup, list) = erased_since(app).await;
        let (fresh, program, own) = elsewhere(app).await;
        done(&program, &["restore", &backup]).await;
        // Came after the erasure, and is somebody new to us.
        let answers = fresh.folder.path().join("people.csv");
        std::fs::write(&answers, "email\ndora@example.com\n").unwrap();
        done(&program, &["import", "people", &answers.display().to_string(), "--map", "email=email"]).await;
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::copy(&list, &own).unwrap();
        let server = program.start().await;
        server.ready().await;
        assert_eq!(stored(&fresh).await.0, ["bert@example.com", "dora@example.com"]);
        assert!(server.terminate().await.success());
        assert_eq!(program.fsck().await, "");
    })
    .await;
}
