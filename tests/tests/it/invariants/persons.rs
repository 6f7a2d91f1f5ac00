//! Whoever adds a table with rows of a customer also says what becomes of them when two customers are one, when somebody wants
//! to see what is kept about them, and when they are erased.

use std::collections::BTreeSet;

use hearback_store::merge::MOVED;

use super::sources;

/// Names of the tables whose definition has a column `person_id`.
fn tables() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources().iter().filter(|source| source.path.starts_with("migrations/src/m")) {
        for definition in source.text.split("Table::in_workspace(\"").skip(1).filter(|definition| definition.contains("\"person_id\"")) {
            found.extend(definition.split('"').next().map(str::to_owned));
        }
    }
    assert!(found.len() >= 9 && found.contains("invitations"), "the definitions are read: {found:?}");
    found
}

fn code(file: &str) -> String {
    sources().into_iter().find(|source| source.path == format!("crates/store/src/{file}")).unwrap().code
}

#[test]
fn rows_of_a_person_are_moved_told_and_erased() {
    let (merge, told, erased) = (code("merge.rs"), code("own_data.rs"), code("erasure.rs"));
    let moves = |table: &str| MOVED.contains(&table) || merge.contains(&format!("UPDATE {table} SET person_id"));
    for table in tables() {
        assert!(moves(&table), "`{table}` stays with a person who was merged into another: see store::merge");
        assert!(told.contains(&format!("Vec<{table}::Model>")), "`{table}` is not told to whom it is about: see store::own_data");
        // A link says nothing about whoever it was made for.
        assert!(table == "referrals" || erased.contains(&format!("{table}::")), "`{table}` is not erased: see store::erasure");
    }
}

/// What a customer writes and we keep is in the columns of a message; what is none of their words is named here.
#[test]
fn every_word_of_a_message_is_told_and_erased() {
    const OURS: [&str; 4] = ["kind", "state", "hash", "reason"];
    let schema = sources().into_iter().find(|source| source.path == "migrations/src/m0002_asking.rs").unwrap().text;
    let definition = schema.split("Table::in_workspace(\"messages\"").nth(1).unwrap().split("Table::").next().unwrap();
    let texts = definition.lines().filter(|line| line.contains("(Text, &[")).flat_map(|line| line.split('"').skip(1).step_by(2));
    let columns: Vec<_> = texts.filter(|column| !OURS.contains(column)).collect();
    assert!(columns.contains(&"whole_text") && columns.contains(&"attachments"), "the definition is read: {columns:?}");
    let erased = code("erasure.rs");
    for column in columns {
        let variant: String = column.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert!(erased.contains(&format!(".col_expr(messages::Column::{variant},")), "`{column}` is not erased: see store::erasure");
    }
}
