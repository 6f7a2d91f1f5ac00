//! A whole rule as written.

use hearback_core::{Word as _, text::MAX_LINE};

use super::{Reader, tree::Node};
use crate::{Condition, Rule, Trigger};

const FIELDS: &[&str] = &["key", "name", "on", "when", "then"];

impl Reader<'_> {
    pub fn rule(&mut self, node: &Node) -> Option<Rule> {
        let fields = self.fields(node, "a rule", FIELDS)?;
        let key = self.required(&fields, "key", "a short name that never changes").and_then(|node| self.rule_key(node));
        // A rule without a name is called by its key.
        let name = fields.get("name").map_or_else(|| key.clone(), |node| self.line(node, "a name", MAX_LINE));
        let on = self.required(&fields, "on", "what makes the rule look").and_then(|node| self.triggers(node));
        let when = fields.get("when").map_or(Some(Condition::default()), |node| self.condition(node));
        let then = self.required(&fields, "then", "a list of steps").and_then(|node| self.steps(node));
        self.check_gating(&fields);
        Some(Rule { key: key?, name: name?, on: on?, when: when?, then: then? })
    }

    fn rule_key(&mut self, node: &Node) -> Option<String> {
        let key = self.key(node, "the rule's key")?;
        if let Some(first) = self.rules.get(&key) {
            let message = format!("the rule key `{key}` is used on line {} already; give each rule its own", first.line);
            self.problems.add(node.at, message);
            return None;
        }
        self.rules.insert(key.clone(), node.at);
        Some(key)
    }

    fn triggers(&mut self, node: &Node) -> Option<Vec<Trigger>> {
        let words = Trigger::words();
        let mut triggers = self.one_or_more(node, |reader, node| reader.choice(node, "a trigger", &words, Trigger::parse))?;
        triggers.sort_unstable();
        triggers.dedup();
        Some(triggers)
    }
}
