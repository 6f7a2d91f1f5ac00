//! Every query on a workspace's table asks for the workspace.

use super::{functions, sources};

/// Queries over all workspaces: file (or folder), function (or all of them), and why they are.
const OVER_ALL: &[(&str, &str, &str)] = &[
    ("audience.rs", "one_at_a_time", "reads no row: the workspace names the lock"),
    ("api_keys.rs", "by_public_part", "the key says which workspace it opens"),
    ("feed.rs", "oldest_transaction", "what is under way on the server; reads no table of ours"),
    ("operations.rs", "jobs", "figures of the whole installation"),
    ("operations.rs", "oldest_transaction", "what is open on the server; reads no table of ours"),
    ("audit_heads.rs", "all", "fsck looks at every chain"),
    ("widgets.rs", "by_public_key", "the key says which workspace it belongs to"),
    ("mailboxes.rs", "", "of the installation, not of a workspace"),
    ("users.rs", "any", "whether anybody can log in at all"),
    ("users.rs", "by_address", "who logs in says by which address; the workspace follows"),
    ("sessions.rs", "by_hash", "the token says which workspace it is for"),
    ("sessions.rs", "delete", "by the hash of a token, which is unique over all workspaces"),
    ("lists.rs", "referral", "a link's code says which workspace it belongs to"),
    ("workspaces.rs", "", "the table of the workspaces themselves"),
    ("db.rs", "migrate", "the schema"),
    ("db.rs", "clock", "the database's clock"),
    ("db/options.rs", "check_pragmas", "the connection's settings"),
    ("db/gaps.rs", "", "the pages of the file, whosever rows are in them"),
    ("outbox.rs", "is_any_due", "the worker serves all workspaces"),
    ("outbox.rs", "release", "by the fence of a claim"),
    ("outbox.rs", "rescue", "claims of a dead worker, whosever jobs they are"),
    ("outbox.rs", "next_due", "when the worker has to look again"),
    ("outbox.rs", "running", "how many claims there are"),
    ("outbox.rs", "prune", "old jobs of all workspaces"),
    ("snapshot.rs", "newly_overdue_tasks", "a reconciler serves all workspaces; each row says whose it is"),
    ("bulk.rs", "insert_of", "the text of a statement; each row brings its workspace"),
    ("script.rs", "with", "puts statements together; each one names it"),
    ("ingest.rs", "look", "by the id of the workspace itself, and by the text of `by_texts`, which names it"),
    ("campaigns.rs", "due", "a schedule fires for all workspaces; each row says whose it is"),
    ("pools.rs", "every", "a reconciler serves all workspaces; each row says whose it is"),
    ("incentive_waits.rs", "pools", "a reconciler serves all workspaces; each row says whose it is"),
    ("incentive_waits.rs", "unsettled", "a reconciler serves all workspaces; each row says whose it is"),
    ("bulk.rs", "select", "the text of a statement; reads the parameter, no table"),
    ("bulk.rs", "uuids", "the text of a statement; reads the parameter, no table"),
    ("bulk.rs", "texts", "the text of a statement; reads the parameter, no table"),
    ("delivery_counts.rs", "asked_since", "a sender's good name is that of the installation"),
    ("alerts.rs", "finish", "the mail server is that of the installation"),
    ("alerts.rs", "open", "the mail server is that of the installation"),
    ("alerts.rs", "open_of", "whoever looks after the installation looks at all workspaces; each row says whose it is"),
    ("backup.rs", "", "a backup holds the whole database"),
    ("integrity.rs", "", "checks the whole database"),
    ("integrity/", "", "checks the whole database"),
];

/// Whether a function asks the database for rows.
fn asks(body: &str) -> bool {
    let sql = ["SELECT ", "UPDATE ", "DELETE FROM ", "INSERT INTO "];
    ["Entity::find()", "Entity::find_by_id(", "update_many()", "delete_many()"].iter().any(|call| body.contains(call))
        || sql.iter().any(|word| body.contains(word))
}

/// Whether it names the workspace, itself or by what does so for a span of answers and for the holder of a claim.
fn names_the_workspace(body: &str) -> bool {
    ["workspace_id", "WorkspaceId.eq", "find_by_id((", "IS_HELD", "condition_from(", ".condition(ws)", " condition("]
        .iter()
        .any(|name| body.contains(name))
}

fn unscoped() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for source in sources() {
        let Some(file) = source.path.strip_prefix("crates/store/src/") else { continue };
        for (name, body) in functions(&source.code) {
            if asks(&body) && !names_the_workspace(&body) {
                found.push((file.to_owned(), name.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_query_asks_for_its_workspace() {
    let excused = |file: &str, function: &str| {
        OVER_ALL.iter().any(|(place, name, _)| file.starts_with(place) && (name.is_empty() || *name == function))
    };
    let found: Vec<(String, String)> = unscoped().into_iter().filter(|(file, function)| !excused(file, function)).collect();
    assert!(found.is_empty(), "these queries see all workspaces; filter on workspace_id, or say here why they must: {found:?}");
}

#[test]
fn every_excuse_is_needed() {
    let found = unscoped();
    let is_needed =
        |place: &str, function: &str| found.iter().any(|(file, name)| file.starts_with(place) && (function.is_empty() || name == function));
    let idle: Vec<_> = OVER_ALL.iter().filter(|(place, function, _)| !is_needed(place, function)).collect();
    assert!(idle.is_empty(), "these are fine without an excuse: {idle:?}");
}

/// The check itself notices what it is for.
#[test]
fn a_query_without_a_workspace_is_noticed() {
    assert!(asks("Entity::find().filter(Column::Id.eq(id))") && asks("let sql = \"SELECT * FROM cases WHERE id = $1\""));
    assert!(!names_the_workspace("Entity::find().filter(Column::Id.eq(id))"));
    assert!(names_the_workspace("SELECT 1 FROM cases WHERE workspace_id = $1"));
}

#[test]
fn only_the_store_writes_sql() {
    let mut found = Vec::new();
    let places = ["crates/store/", "migrations/"];
    for source in sources().into_iter().filter(|source| !places.iter().any(|place| source.path.starts_with(place))) {
        for word in ["SELECT ", "DELETE FROM ", "INSERT INTO ", "UPDATE outbox", "sea_orm", "sqlx::"] {
            if source.code.contains(word) {
                found.push(format!("{} has `{word}`", source.path));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
