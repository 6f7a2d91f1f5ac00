//! The guard against review gating: public reviews are asked for from everybody or from nobody, never from those alone who
//! are happy. Sites forbid it, and in many countries the law does.

use super::{
    Reader,
    tree::{Entry, Node, Value},
    value::Fields,
};

/// Questions that tell a happy customer from an unhappy one.
const TELLING: &[&str] = &["segment", "score", "comment", "comment_contains"];

impl Reader<'_> {
    /// Refuses a rule whose `invite_review` depends on the answer.
    pub fn check_gating(&mut self, rule: &Fields<'_>) {
        let Some(Value::List(steps)) = rule.get("then").map(|node| &node.value) else { return };
        let invites = |step: &&Node| field(step, "invite_review").is_some();
        let inviting: Vec<&Node> = steps.iter().filter(invites).collect();
        if inviting.is_empty() {
            return;
        }
        let conditions = rule.get("when").into_iter().chain(inviting.into_iter().filter_map(|step| field(step, "if")));
        for entry in conditions.filter_map(telling) {
            let why = "`invite_review` must not depend on the answer: asking only happy customers for public reviews is review gating, \
                       which review sites and consumer law forbid. Take this condition out, or use `create_referral`, which may depend on it";
            self.problems.add(entry.at, format!("`{}`: {why}", entry.key));
        }
    }
}

fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
        _ => None,
    }
}

/// The first question of a condition that tells happy from unhappy, however deep it stands.
fn telling(condition: &Node) -> Option<&Entry> {
    match &condition.value {
        Value::Map(entries) => entries.iter().find_map(|entry| match entry.key.as_str() {
            key if TELLING.contains(&key) => Some(entry),
            "all" | "any" | "not" => telling(&entry.value),
            // What stands below a person or an account are names of properties.
            _ => None,
        }),
        Value::List(list) => list.iter().find_map(telling),
        _ => None,
    }
}
