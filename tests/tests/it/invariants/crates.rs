//! Which crate may use which: the arrows all point one way.

use std::{collections::BTreeSet, fs};

use super::root;

/// Folder, crates of ours that it may use.
const ARROWS: [(&str, &[&str]); 11] = [
    ("crates/core", &[]),
    ("crates/rules", &["core"]),
    ("crates/tables", &[]),
    ("migrations", &[]),
    ("crates/store", &["core", "rules", "migrations"]),
    ("crates/mailer", &["core"]),
    ("crates/engine", &["core", "rules", "tables", "store", "mailer"]),
    ("crates/scheduler", &["core", "store"]),
    ("crates/web", &["core", "rules", "store", "engine"]),
    ("crates/server", &["core", "rules", "tables", "store", "mailer", "engine", "scheduler", "web"]),
    // Nobody uses what measures.
    ("bench", &["core", "store", "mailer", "engine", "scheduler"]),
];

/// Folder, what it must never see.
const NEVER: [(&str, &[&str]); 9] = [
    ("crates/core", &["tokio", "futures", "sea-orm", "sqlx", "axum", "hyper", "lettre", "handlebars", "reqwest"]),
    ("crates/rules", &["tokio", "futures", "async-trait", "sea-orm", "sqlx", "axum", "hyper", "lettre", "handlebars", "reqwest"]),
    ("crates/tables", &["tokio", "futures", "sea-orm", "sqlx", "axum", "hyper", "lettre", "handlebars", "reqwest"]),
    ("crates/store", &["lettre", "axum", "hyper", "handlebars", "reqwest"]),
    ("crates/mailer", &["sea-orm", "sqlx", "axum", "hyper"]),
    // It calls webhooks; it serves nothing.
    ("crates/engine", &["axum", "tower", "sea-orm", "sqlx", "lettre", "handlebars", "figment", "clap"]),
    ("crates/scheduler", &["sea-orm", "sqlx", "axum", "hyper", "lettre", "handlebars"]),
    ("crates/web", &["sea-orm", "sqlx", "lettre", "figment", "clap"]),
    ("crates/server", &["sea-orm", "sqlx", "lettre", "axum"]),
];

/// The names under `[dependencies]` and the like; tests of a crate may use more.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let mut names = BTreeSet::new();
    let mut counts = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            counts = section.ends_with("dependencies") && !section.contains("dev-dependencies");
            if let Some(name) = section.strip_prefix("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if counts && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty() && !name.starts_with('#')) {
            names.insert(name.to_owned());
        }
    }
    assert!(!names.is_empty(), "{folder} has no dependencies at all?");
    names
}

#[test]
fn arrows_point_one_way() {
    for (folder, allowed) in ARROWS {
        let ours: BTreeSet<String> =
            dependencies(folder).into_iter().filter_map(|name| name.strip_prefix("hearback-").map(str::to_owned)).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert!(ours.is_subset(&allowed), "{folder} uses {:?}", ours.difference(&allowed).collect::<Vec<_>>());
    }
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = format!("crates/{}", entry.unwrap().file_name().to_string_lossy());
        assert!(ARROWS.iter().any(|(known, _)| *known == folder), "{folder} is not in the table of crates");
    }
}

#[test]
fn no_crate_sees_what_it_must_not() {
    for (folder, never) in NEVER {
        let seen: Vec<String> = dependencies(folder)
            .into_iter()
            .filter(|name| never.iter().any(|never| name == never || name.starts_with(&format!("{never}-"))))
            .collect();
        assert!(seen.is_empty(), "{folder} uses {seen:?}");
    }
}

#[test]
fn only_store_and_migrations_know_the_database_library() {
    // What measures puts the bare database beside the product.
    let folders = ARROWS.iter().map(|(folder, _)| *folder).filter(|folder| *folder != "bench").chain(["tests"]);
    let knowing: Vec<&str> =
        folders.filter(|folder| dependencies(folder).iter().any(|name| name.starts_with("sea-orm") || name.starts_with("sqlx"))).collect();
    assert_eq!(knowing, ["migrations", "crates/store"]);
}
