//! What a chat room is told: a line, a customer's words, a link. Pure.
//!
//! What must stay true: a customer's words are words in whatever room they come to. They call nobody (`@here`, `<!channel>`), lead
//! nowhere (`<https://..|Click>`, `[Click](..)`, bare addresses) and never look like our own part of the message.

use serde_json::Value;

/// Characters of a comment that a chat room gets to see.
const EXCERPT: usize = 300;
/// Nothing to see, and no room reads over it.
const JOINER: char = '\u{2060}';

/// How a room writes what is special in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As Slack does, and with it most others (Mattermost, Rocket.Chat, Teams, Discord under `/slack`): `&`, `<` and `>` are written
    /// as `&amp;`, `&lt;` and `&gt;`.
    Entities,
    /// Google Chat: `<` is special and can't be written in another way.
    Brackets,
}

impl Room {
    /// The room at this host.
    pub fn at(host: &str) -> Self {
        if host.eq_ignore_ascii_case("chat.googleapis.com") { Self::Brackets } else { Self::Entities }
    }

    /// A customer's words, so that the room shows them as they are and does nothing else.
    fn words(self, text: &str) -> String {
        let mut plain = String::with_capacity(text.len() + 16);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, self) {
                ('&', Self::Entities) => plain.push_str("&amp;"),
                ('<', Self::Entities) => plain.push_str("&lt;"),
                ('>', Self::Entities) => plain.push_str("&gt;"),
                ('<', Self::Brackets) => plain.push('‹'),
                ('>', Self::Brackets) => plain.push('›'),
                // A block of code would swallow what comes after it.
                ('`', _) => plain.push('\''),
                // A mention; a scheme; the two parts of a link in Markdown; a name that rooms make a link of by themselves.
                ('@' | ':' | ']', _) => plain.extend([letter, JOINER]),
                ('.', _) if letters.peek().is_some_and(|next| next.is_alphanumeric()) => plain.extend([letter, JOINER]),
                _ => plain.push(letter),
            }
        }
        plain
    }
}

/// The event for a chat room: who answered what is behind the link, for those who may see it.
pub fn line(event: &Value, room: Room) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let score = event.pointer("/data/response/score").and_then(Value::as_i64).unwrap_or_default();
    let comment: String = text("/data/response/comment").chars().take(EXCERPT).collect();
    // Every kind of new line starts a quoted one.
    let lines = comment.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).map(|line| room.words(line));
    let quoted: String = if comment.is_empty() { String::new() } else { lines.map(|line| "\n> ".to_owned() + &line).collect() };
    let rule = text("/data/rule").split('@').next().unwrap_or_default();
    format!(
        "{rule}: score {score} ({}, {}){quoted}\n{}",
        text("/data/response/segment"),
        text("/data/response/survey"),
        text("/data/case/url")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As a room shows it to its readers.
    fn read(text: &str) -> String {
        text.replace(JOINER, "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    #[test]
    fn words_stay_words_in_a_room_like_slack() {
        for (words, written) in [
            ("late & <b>cold</b>", "late &amp; &lt;b&gt;cold&lt;/b&gt;"),
            ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
            ("<!channel> <@U012> <#C1>", "&lt;!channel&gt; &lt;@\u{2060}U012&gt; &lt;#C1&gt;"),
            ("@here @everyone @all", "@\u{2060}here @\u{2060}everyone @\u{2060}all"),
            ("<https://evil.example|Click>", "&lt;https:\u{2060}//evil.\u{2060}example|Click&gt;"),
            ("[Click](https://evil.example)", "[Click]\u{2060}(https:\u{2060}//evil.\u{2060}example)"),
            ("see www.evil.example.", "see www.\u{2060}evil.\u{2060}example."),
            ("mailto:a@b.example", "mailto:\u{2060}a@\u{2060}b.\u{2060}example"),
            ("ąžuolas 5 > 4", "ąžuolas 5 &gt; 4"),
        ] {
            assert_eq!(Room::Entities.words(words), written);
            assert_eq!(read(written), words, "readers see what was written");
        }
        assert_eq!(Room::Entities.words("```code"), "'''code");
    }

    #[test]
    fn google_chat_has_no_entities() {
        assert_eq!(Room::at("chat.googleapis.com"), Room::Brackets);
        assert_eq!(Room::at("hooks.slack.com"), Room::Entities);
        assert_eq!(Room::Brackets.words("<users/all> A & B"), "‹users/all› A & B");
    }

    #[test]
    fn no_line_of_a_customer_looks_like_one_of_ours() {
        let event = json!({ "data": {
            "rule": "calls@1", "response": { "score": 2, "segment": "detractor", "survey": "nps", "comment": "a\r\nb\u{2028}c\nhttps://x" },
            "case": { "url": "https://us.example/cases/1" },
        } });
        let line = line(&event, Room::Entities);
        let ours: Vec<&str> = line.split(['\n', '\r', '\u{2028}']).filter(|line| !line.starts_with("> ")).collect();
        assert_eq!(ours, ["calls: score 2 (detractor, nps)", "https://us.example/cases/1"]);
    }
}
