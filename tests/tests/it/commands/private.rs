//! What the program leaves on the disk and on the screen is for its owner alone.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use hearback_tests::{
    client::Client,
    database::{Fresh, Kind},
    process::{Setup, until},
};
use serde_json::{Value, json};

use super::done;

/// Files and folders under a folder that somebody else may read, write or enter.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.metadata().unwrap().permissions().mode() & 0o077 != 0 {
            found.push(entry.path());
        }
        if entry.path().is_dir() {
            found.extend(open_to_others(&entry.path()));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_for_their_owner_alone_whatever_the_umask() {
    let fresh = Fresh::make(Kind::Sqlite).await;
    let data = fresh.folder.path().join("data");
    let (mail, database) = (data.join("mail"), data.join("hearback.db"));
    let setup = Setup::new(&format!("sqlite://{}", database.display()), &data, &format!("file://{}", mail.display())).after("umask 000");
    let path = |name: &str| data.join(name).display().to_string();
    let key = setup.api_key().await;
    let csv = fresh.folder.path().join("people.csv");
    std::fs::write(&csv, "mail\nanna@example.com\nnobody\n").unwrap();
    setup.run(&["import", "people", &csv.display().to_string(), "--map", "email=mail", "--rejects", &path("rejects.csv")]).await;
    let server = setup.start().await;
    server.ready().await;
    let client = Client::with_key(server.address, &key);
    let body = json!({ "survey": "nps", "score": 2, "person": { "email": "anna@example.com" } });
    client.post("/api/v1/responses", &body).await.expect(201);
    until(Duration::from_mins(1), "a mail is captured", async || std::fs::read_dir(&mail).is_ok_and(|mut files| files.next().is_some()))
        .await;
    assert!(data.join("hearback.db-wal").exists() && data.join("hearback.db-shm").exists());
    done(&setup, &["backup", &path("backup")]).await;
    done(&setup, &["erase", "anna@example.com"]).await;
    // The test itself made the log of the server.
    let open: Vec<PathBuf> = open_to_others(&data).into_iter().filter(|path| path.extension().is_none_or(|kind| kind != "log")).collect();
    assert_eq!(open, Vec::<PathBuf>::new());
    for made in ["rejects.csv", "backup", "erasures.jsonl", "hearback.db"] {
        assert!(data.join(made).is_file(), "{made} is not there, so nothing was tried");
    }
    server.terminate().await;

    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(setup.fsck().await, "");
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600, "also one that others could read before");
}

#[tokio::test]
async fn check_config_prints_no_secret() {
    let fresh = Fresh::make(Kind::Sqlite).await;
    let canary = "c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry";
    let setup =
        Setup::new(&format!("postgres://user:{canary}@h.example/x"), fresh.folder.path(), &format!("smtps://user:{canary}@h.example"))
            .with("HEARBACK_INBOUND__URL", &format!("imaps://user:{canary}@h.example/INBOX"))
            .with("HEARBACK_SECRET_KEY", canary)
            .with("HEARBACK_SECRET_KEY_OLD", canary);
    for arguments in [["check-config", "--json"].as_slice(), &["check-config"]] {
        let text = done(&setup, arguments).await;
        assert!(!text.contains(canary), "{text}");
        assert!(text.contains("imaps://user:***@h.example/INBOX"), "{text}");
    }
}

/// Another key than that of the backup is told, by its id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_says_when_the_secret_key_is_another() {
    let (one, other, same) = (Fresh::make(Kind::Sqlite).await, Fresh::make(Kind::Sqlite).await, Fresh::make(Kind::Sqlite).await);
    let of = |fresh: &Fresh| Setup::new(&fresh.url, fresh.folder.path(), &format!("file://{}", fresh.folder.path().join("mail").display()));
    let codes = one.folder.path().join("codes.txt");
    std::fs::write(&codes, "GIFT-1\n").unwrap();
    done(&of(&one), &["codes", "add", &codes.display().to_string()]).await;
    let backup = one.folder.path().join("backup").display().to_string();
    done(&of(&one), &["backup", &backup]).await;

    let with_other = of(&other).with("HEARBACK_SECRET_KEY", "another key, which is as long as it must be");
    let told: Value = serde_json::from_str(&done(&with_other, &["restore", &backup, "--json"]).await).unwrap();
    let id = told["missing_secret_key"].as_str().unwrap_or_default().to_owned();
    assert_eq!(id.len(), 8, "{told}");
    let (status, text) = with_other.run(&["doctor"]).await;
    assert!(!status.success() && text.contains("sealed secrets") && text.contains(&id), "{text}");
    assert!(!done(&of(&same), &["restore", &backup]).await.contains("NOT"));
    let (_, text) = of(&same).run(&["doctor"]).await;
    assert!(text.contains("all can be opened"), "{text}");
}
