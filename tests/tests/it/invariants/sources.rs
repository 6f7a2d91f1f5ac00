//! What stands in the files, and what must not.

use std::collections::BTreeSet;

use super::{Source, sources};

/// Where these words stand in code that runs, outside of these places.
fn found(words: &[&str], places: &[&str]) -> Vec<String> {
    let elsewhere = |source: &Source| !places.iter().any(|place| source.path.starts_with(place));
    let mut found = Vec::new();
    for source in sources().into_iter().filter(elsewhere) {
        for (number, line) in (1..).zip(source.code.lines()) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}, code line {number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

#[test]
fn the_pure_crates_are_not_async_and_touch_nothing() {
    let pure: Vec<Source> = sources()
        .into_iter()
        .filter(|source| ["crates/core/src", "crates/rules/src"].iter().any(|pure| source.path.starts_with(pure)))
        .collect();
    assert!(pure.len() > 20);
    for source in pure {
        for word in ["async fn", "async move", ".await", "std::fs", "std::net", "std::process", "std::thread"] {
            assert!(!source.code.contains(word), "{} has `{word}`", source.path);
        }
    }
}

#[test]
fn only_the_clock_reads_the_clock() {
    assert_eq!(found(&["Utc::now(", "Local::now(", "SystemTime::now("], &["crates/core/src/clock.rs"]), Vec::<String>::new());
}

#[test]
fn only_the_server_reads_the_environment() {
    assert_eq!(found(&["env::var", "env::args", "env::temp_dir", "env::home_dir"], &["crates/server/"]), Vec::<String>::new());
}

#[test]
fn transactions_begin_in_one_place() {
    let begun = found(
        &[".begin()", "begin_with_config(", "begin_with_options(", "TransactionTrait", ".transaction::<"],
        &["crates/store/src/db.rs"],
    );
    assert_eq!(begun, Vec::<String>::new());
    assert_eq!(found(&["execute_unprepared(\"BEGIN", "\"BEGIN", "\"COMMIT"], &["crates/store/src/db.rs"]), Vec::<String>::new());
}

/// A file that writes holds a transaction for some of its lines: it must not be able to reach the network at all.
#[test]
fn who_holds_a_transaction_can_not_call_the_network() {
    let network = ["hearback_mailer", "smtp_pool", "TcpStream", "reqwest", "hyper::client", "UdpSocket", "lookup_host"];
    let mut writers = 0;
    for source in
        sources().into_iter().filter(|source| source.path.starts_with("crates/engine/") || source.path.starts_with("crates/store/"))
    {
        if source.code.contains(".write().await") {
            writers += 1;
            // Reading a mail is a pure function of its bytes.
            let code = source.code.replace("hearback_mailer::inbound", "");
            for word in network {
                assert!(!code.contains(word), "{} writes to the database and has `{word}`: move one of the two", source.path);
            }
        }
    }
    assert!(writers >= 10, "found only {writers} files that write");
}

/// Functions of a file that write to the database and call the network, themselves or by another function of the file.
fn writes_and_calls(code: &str) -> Vec<String> {
    let functions = super::functions(code);
    let mut calling: BTreeSet<&str> = BTreeSet::new();
    loop {
        let calls = |body: &str| body.contains("http::post(") || calling.iter().any(|name| body.contains(&format!(" {name}(")));
        let more: Vec<&str> =
            functions.iter().filter(|(name, body)| !calling.contains(name) && calls(body)).map(|(name, _)| *name).collect();
        if more.is_empty() {
            break;
        }
        calling.extend(more);
    }
    let both = functions.iter().filter(|(name, body)| calling.contains(name) && body.contains(".write().await"));
    both.map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn no_function_that_writes_calls_a_webhook() {
    let mut calls = 0;
    for source in sources().into_iter().filter(|source| source.path.starts_with("crates/engine/")) {
        calls += source.code.matches("http::post(").count();
        assert_eq!(writes_and_calls(&source.code), [""; 0], "{}: move one of the two", source.path);
    }
    assert!(calls > 0, "the check looks for a call that is there");
}

#[test]
fn a_function_that_writes_and_calls_is_noticed() {
    let code = "async fn post() {\n    http::post(x).await\n}\nasync fn send() {\n    let a = post().await;\n    let tx = cx.db.write().await?;\n}";
    assert_eq!(writes_and_calls(code), ["send"]);
}

#[test]
fn every_file_says_what_it_owns() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.path.contains("/src/") && !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn no_file_is_too_long_to_be_read() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it", source.path);
    }
}

/// What CONTRIBUTING.md and ARCHITECTURE.md name by its path is there: a list of files to touch that leads nowhere is worse than none.
#[test]
fn files_that_are_named_are_there() {
    for document in ["CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(super::root().join(document)).unwrap();
        let is_path = |name: &&str| {
            ["crates/", "templates/", "migrations/", "tests/", "docs/", "config/", "examples/"]
                .iter()
                .any(|folder| name.starts_with(folder))
                && !name.contains(['<', '*', ' ', '{'])
                && !["NAME", "RESOURCE", "CODE"].iter().any(|variable| name.contains(variable))
        };
        let missing: Vec<&str> = text.split('`').filter(is_path).filter(|name| !super::root().join(name).exists()).collect();
        assert_eq!(missing, [""; 0], "{document}");
    }
}

/// Whether a path such as `engine::mail::sending` leads somewhere: as far as its names are modules, and the next one is an item there.
/// Rooms of the engine and tables of the store are named without their crate as well.
fn leads_somewhere(path: &str) -> bool {
    let leads_from = |crate_name: &str, names: &str| {
        let mut folder = super::root().join("crates").join(crate_name).join("src");
        let mut text = std::fs::read_to_string(folder.join("lib.rs")).unwrap_or_default();
        for name in names.split("::") {
            let files = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
            let Some(module) = files.iter().find_map(|file| std::fs::read_to_string(file).ok()) else {
                return super::code(&text).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
            };
            (folder, text) = (folder.join(name), module);
        }
        true
    };
    let of_crate = path.split_once("::").is_some_and(|(first, names)| leads_from(first, names));
    of_crate || leads_from("engine", path) || leads_from("store", path)
}

/// The same for what they name by its module.
#[test]
fn modules_that_are_named_are_there() {
    let is_path = |name: &&str| name.contains("::") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    // Names of tests, of other crates and of items that are known by their type.
    let is_elsewhere = |name: &&str| {
        let first = name.split("::").next().unwrap_or_default();
        name.contains("tests") || ["invariants", "hearback_web"].contains(&first) || first.starts_with(char::is_uppercase)
    };
    for document in ["CONTRIBUTING.md", "ARCHITECTURE.md", "docs/reliability.md"] {
        let text = std::fs::read_to_string(super::root().join(document)).unwrap();
        let named: Vec<&str> = text.split('`').filter(is_path).filter(|name| !is_elsewhere(name)).collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !leads_somewhere(name)).collect();
        assert!(missing.is_empty(), "{document}: {missing:?}");
        assert!(!named.is_empty(), "{document} names no module: the check sees nothing");
    }
    assert!(!leads_somewhere("engine::work::desk") && !leads_somewhere("chain::job"), "the check notices what it is for");
}
