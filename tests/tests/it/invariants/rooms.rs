//! Which room of the engine may use which: each only those below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// The top-level modules of the engine, from bottom to top.
const ROOMS: [&str; 41] = [
    // Words and values.
    "error",
    "faults",
    "disk",
    "change",
    "readers",
    "role",
    "actor",
    "settings",
    "audit",
    "rows",
    "reading",
    "workspace",
    "ctx",
    // What everybody tells and asks.
    "alerts",
    "clock_guard",
    "sending_pause",
    "trigger_events",
    "invitations",
    "stuck",
    // The work.
    "access",
    "metrics",
    "team",
    "incentives",
    "customers",
    "automation",
    "cases",
    "responses",
    "surveys",
    "campaigns",
    "mail",
    "webhooks",
    "inbound",
    // What looks at all of it, and sets it going.
    "health",
    "jobs",
    "ticks",
    "seals",
    "setup",
    "backup",
    "fsck",
    "widgets",
    "engine",
];

const FOLDER: &str = "crates/engine/src/";

/// The room of a file, and how deep in it the file lies: 1 for `mail.rs`, 2 for `mail/sending.rs`.
fn place(path: &str) -> Option<(&str, usize)> {
    let inside = path.strip_prefix(FOLDER)?.strip_suffix(".rs")?;
    Some((inside.split('/').next()?, inside.split('/').count()))
}

/// The first names behind each `crate::`, those in braces included.
fn heads(code: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut found = Vec::new();
    for (at, root) in code.match_indices("crate::") {
        let is_own = code.get(..at).is_none_or(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        let Some(rest) = code.get(at + root.len()..).filter(|_| is_own) else { continue };
        let Some(tree) = rest.strip_prefix('{') else {
            found.push(&rest[..word(rest)]);
            continue;
        };
        let (mut depth, mut is_head) = (0, true);
        for (i, c) in tree.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_head = true,
                c if depth == 0 && is_head && !c.is_whitespace() => {
                    found.push(&tree[i..i + word(&tree[i..])]);
                    is_head = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// What the root of the engine names flatly, such as `Ctx`, with its room.
fn flat(root: &str) -> BTreeMap<&str, &str> {
    let uses = root.lines().filter_map(|line| line.strip_prefix("pub use ")?.trim_end_matches(';').split_once("::"));
    uses.flat_map(|(room, names)| names.trim_matches(['{', '}']).split(", ").map(move |name| (name, room))).collect()
}

/// The modules that the root declares; the fixtures of unit tests are none.
fn declared(root: &str) -> BTreeSet<&str> {
    let lines: Vec<&str> = root.lines().collect();
    let is_of_tests = |i: usize| i > 0 && lines[i - 1] == "#[cfg(test)]";
    let modules = lines.iter().enumerate().filter(|(i, _)| !is_of_tests(*i));
    modules.filter_map(|(_, line)| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')).collect()
}

/// The rooms above its own that a file uses.
fn upward(path: &str, code: &str, known: &BTreeMap<&str, &str>, order: &[&str]) -> Vec<String> {
    let Some((room, depth)) = place(path) else { return Vec::new() };
    let rank = |room: &str| order.iter().position(|other| *other == room);
    let Some(own) = rank(room) else { return Vec::new() };
    // As many steps up as the file lies deep lead to the root as well.
    let code = code.replace(&"super::".repeat(depth), "crate::");
    let rooms = heads(&code).into_iter().map(|head| known.get(head).copied().unwrap_or(head));
    rooms.filter(|head| rank(head).is_some_and(|rank| rank > own)).map(|head| format!("{path} uses {head}")).collect()
}

fn engine() -> (Vec<Source>, String) {
    let (root, rooms): (Vec<Source>, Vec<Source>) =
        sources().into_iter().filter(|source| source.path.starts_with(FOLDER)).partition(|source| source.path.ends_with("src/lib.rs"));
    (rooms, root.into_iter().next().unwrap().code)
}

#[test]
fn every_room_uses_only_those_below() {
    let (files, root) = engine();
    let known = flat(&root);
    assert!(known.contains_key("Ctx") && known.contains_key("EngineError"), "{known:?}");
    let found: Vec<String> = files.iter().flat_map(|source| upward(&source.path, &source.code, &known, &ROOMS)).collect();
    assert!(found.is_empty(), "what must go up goes as a row in the outbox or as a plain argument:\n{}", found.join("\n"));
}

#[test]
fn every_room_has_its_place() {
    let (_, root) = engine();
    assert_eq!(declared(&root), ROOMS.into_iter().collect());
}

#[test]
fn a_use_that_points_upward_is_noticed() {
    let known = BTreeMap::from([("Ctx", "ctx")]);
    let seen = |path: &str, code: &str| upward(&format!("{FOLDER}{path}"), code, &known, &ROOMS).len();
    assert_eq!(seen("mail/sending.rs", "use crate::{Ctx, cases::{work, clocks}, rows};"), 0);
    assert_eq!(seen("cases/work.rs", "use crate::{Ctx, mail::{sending, jobs}, rows};"), 1);
    assert_eq!(seen("rows.rs", "use crate::Ctx;"), 1);
    assert_eq!(seen("cases.rs", "fn a() { crate::jobs::run() }"), 1);
    assert_eq!(seen("cases/work.rs", "use super::super::jobs;"), 1);
    assert_eq!(seen("cases/work.rs", "use super::jobs;"), 0);
}
