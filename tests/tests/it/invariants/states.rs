//! States are words of `core`: drawn as they are, and named nowhere else.

use std::collections::BTreeSet;

use hearback_core::{
    State,
    state::{CampaignStatus, CodeState, DeliveryStatus, InvitationState, JobState, SurveyStatus, TaskStatus, TestimonialState, WaveStatus},
};

use super::{root, sources};

/// The arrows below a heading of `docs/states.md`, but for those from and to nothing.
fn drawn(document: &str, heading: &str) -> BTreeSet<(String, String)> {
    let part = document.split("\n## ").find(|part| part.lines().next() == Some(heading)).unwrap_or_else(|| panic!("no part `{heading}`"));
    let arrows = part.lines().filter_map(|line| line.trim().split_once(" --> "));
    arrows.filter(|(from, to)| *from != "[*]" && *to != "[*]").map(|(from, to)| (from.to_owned(), to.to_owned())).collect()
}

fn allowed<S: State>() -> BTreeSet<(String, String)> {
    let next = |from: &S| from.next().iter().map(|to| (from.as_str().to_owned(), to.as_str().to_owned())).collect::<Vec<_>>();
    S::VARIANTS.iter().flat_map(next).collect()
}

#[test]
fn the_drawings_are_the_code() {
    let document = std::fs::read_to_string(root().join("docs/states.md")).unwrap();
    for (heading, allowed) in [
        ("Delivery", allowed::<DeliveryStatus>()),
        ("Job", allowed::<JobState>()),
        ("Invitation", allowed::<InvitationState>()),
        ("Wave", allowed::<WaveStatus>()),
        ("Campaign", allowed::<CampaignStatus>()),
        ("Survey version", allowed::<SurveyStatus>()),
        ("Task", allowed::<TaskStatus>()),
        ("Code", allowed::<CodeState>()),
        ("Testimonial", allowed::<TestimonialState>()),
    ] {
        assert_eq!(drawn(&document, heading), allowed, "{heading}");
        assert!(!allowed.is_empty());
    }
}

/// Fields and columns whose values are states, as code names them before it compares or sets one.
const OF_STATES: [&str; 7] =
    [".status == \"", ".status != \"", ".state == \"", ".state != \"", "Status.eq(\"", "State.eq(\"", "status: \""];

/// The same in the text of a statement.
const IN_SQL: [&str; 8] =
    ["status = '", "status <> '", "status IN ('", "status NOT IN ('", "state = '", "state <> '", "state IN ('", "state NOT IN ('"];

/// Lines of code that name a state by a bare word.
fn bare(code: &str) -> Vec<&str> {
    code.lines().filter(|line| OF_STATES.iter().chain(&IN_SQL).any(|before| line.contains(before))).collect()
}

#[test]
fn no_state_is_named_by_a_bare_word() {
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.starts_with("crates/") && !source.path.starts_with("crates/core/")) {
        found.extend(bare(&source.code).into_iter().map(|line| format!("{}: {}", source.path, line.trim())));
    }
    found.retain(|line| !line.contains("loop_status"));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_bare_word_is_noticed() {
    for line in ["if row.status == \"sent\" {", "let sql = \"SELECT 1 FROM waves WHERE status IN ('running')\";"] {
        assert_eq!(bare(line), [line]);
    }
}
