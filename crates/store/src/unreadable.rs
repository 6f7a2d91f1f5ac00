//! Rows that this version can't read: a newer one wrote them, or somebody changed them by hand. They are left alone and told, and
//! whatever does not need them goes on.

use thiserror::Error;

/// A row that can't be read as what it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
#[error("{} can't be read by this version: {why}. A newer version wrote it, or it was changed by hand", self.what())]
pub struct Unreadable {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub id: String,
    /// What our people call the row; its id where it has no other name.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl Unreadable {
    /// A row without a name of its own.
    #[expect(clippy::needless_pass_by_value, reason = "callers pass ids, keys and errors alike")]
    pub fn new(table: &'static str, id: impl ToString, why: impl ToString) -> Self {
        let id = id.to_string();
        Self { table, key: id.clone(), id, why: why.to_string() }
    }

    /// With what our people call it.
    #[must_use]
    pub fn called(self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// What it is, for people: `rule promoter-referral`.
    pub fn what(&self) -> String {
        let word = match self.table {
            "rule_versions" => "rule",
            "surveys" => "survey",
            "policies" => "policy",
            "calendars" => "calendar",
            "campaigns" => "campaign",
            "waves" => "wave",
            "outbox" => "job",
            other => other,
        };
        format!("{word} {}", self.key)
    }
}

/// Rows as values, and apart from them those that can't be read.
pub fn read_all<R, V, E>(rows: impl IntoIterator<Item = R>, read: impl Fn(R) -> Result<V, E>) -> (Vec<V>, Vec<E>) {
    let (mut values, mut unreadable) = (Vec::new(), Vec::new());
    for row in rows {
        match read(row) {
            Ok(value) => values.push(value),
            Err(error) => unreadable.push(error),
        }
    }
    (values, unreadable)
}
