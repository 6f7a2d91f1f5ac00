//! Programs that were written for an earlier version go on: requests that were recorded with their answers are sent again. An answer may say
//! more than it did then, nothing that it said may be missing or different.
//!
//! In `recorded.jsonl` each line is a request and its answer. `{id:1}` stands for an id that an answer names, the same wherever it stands;
//! `{time}` for a time, `{any}` for whatever follows. A line with `changed` has today's answer, and says why it is another one.

use std::collections::HashMap;

use hearback_tests::app::{TestApp, on_every_database};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    method: String,
    path: String,
    /// A JSON body.
    body: Option<Value>,
    /// Any other body, and its type.
    raw: Option<String>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    /// Whether it is sent without a key.
    #[serde(default)]
    stranger: bool,
    status: u16,
    answer: Value,
    #[expect(dead_code, reason = "for whoever reads the recording")]
    changed: Option<String>,
}

/// Which ids stand for those of the recording.
#[derive(Default)]
struct Ids(HashMap<String, String>);

impl Ids {
    /// A text of the recording with the ids of today.
    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    /// What of the recorded answer is missing or different, in words.
    fn compare(&mut self, place: &str, then: &Value, now: &Value) -> Result<(), String> {
        match (then, now) {
            (Value::Object(then), Value::Object(now)) => then.iter().try_for_each(|(name, then)| {
                let now = now.get(name).ok_or_else(|| format!("{place}/{name} is missing"))?;
                self.compare(&format!("{place}/{name}"), then, now)
            }),
            (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
                (0..).zip(then.iter().zip(now)).try_for_each(|(index, (then, now))| self.compare(&format!("{place}/{index}"), then, now))
            }
            (Value::String(then), Value::String(now)) if self.is_same(then, now) => Ok(()),
            (then, now) if then == now => Ok(()),
            (then, now) => Err(format!("{place} is {now}, was {then}")),
        }
    }

    /// Whether a text is that of the recording; notes the ids in it.
    fn is_same(&mut self, then: &str, mut now: &str) -> bool {
        let mut parts = then.split_inclusive(['{', '}']).peekable();
        while let Some(part) = parts.next() {
            let literal = part.strip_suffix('{').unwrap_or(part);
            let Some(rest) = now.strip_prefix(literal) else { return false };
            now = rest;
            if !part.ends_with('{') {
                continue;
            }
            let name = parts.next().unwrap_or_default();
            let length = match name {
                "time}" => now.find('Z').map_or(0, |end| end + 1),
                "any}" => now.len(),
                _ => 36,
            };
            let Some((value, rest)) = now.split_at_checked(length) else { return false };
            now = rest;
            if name.starts_with("id:") && self.0.entry(format!("{{{name}")).or_insert_with(|| value.to_owned()) != value {
                return false;
            }
        }
        now.is_empty()
    }
}

async fn send(app: &TestApp, recorded: &Recorded, ids: &Ids) -> hearback_tests::client::Answer {
    let path = format!("/api/v1{}", ids.fill(&recorded.path));
    let (content_type, body) = match (&recorded.raw, &recorded.body) {
        (Some(raw), _) => (recorded.content_type.as_deref(), ids.fill(raw)),
        (None, Some(body)) => (Some("application/json"), ids.fill(&body.to_string())),
        (None, None) => (None, String::new()),
    };
    let headers: Vec<(&str, &str)> = content_type.map(|content_type| ("content-type", content_type)).into_iter().collect();
    let client = if recorded.stranger { hearback_tests::client::Client::stranger(app.api.address()) } else { app.api.clone() };
    client.send(&recorded.method, &path, &headers, body).await
}

/// A body; lines of JSON are a list.
fn json(body: &str) -> Value {
    match body {
        "" => Value::Null,
        body => {
            serde_json::from_str(body).unwrap_or_else(|_| body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect())
        }
    }
}

#[tokio::test]
async fn what_programs_sent_to_an_earlier_version_is_answered_as_it_was() {
    on_every_database(async |app| {
        let (mut ids, mut different) = (Ids::default(), Vec::new());
        for line in include_str!("recorded.jsonl").lines() {
            let recorded: Recorded = serde_json::from_str(line).unwrap();
            let answer = send(app, &recorded, &ids).await;
            let now = json(std::str::from_utf8(&answer.body).unwrap());
            let what = format!("{} {}", recorded.method, recorded.path);
            if answer.status != recorded.status {
                different.push(format!("{what}: {}, was {}: {now}", answer.status, recorded.status));
            } else if let Err(why) = ids.compare("", &recorded.answer, &now) {
                different.push(format!("{what}: {why}"));
            }
        }
        assert!(different.is_empty(), "{}", different.join("\n"));
    })
    .await;
}
