//! HTML as text: for replies that come without a plain part.

use mail_parser::decoders::html::add_html_token;

use super::{floor, quote};

/// Largest HTML that is read, in bytes.
const MAX_HTML: usize = 1024 * 1024;
/// Longest name of an entity, in bytes.
const MAX_ENTITY: usize = 32;
/// How much of the text before a block is looked at for a line that introduces a quote, in bytes.
const MAX_ABOVE: usize = 2_000;
/// How often, in one mail.
const MAX_LOOKS: usize = 500;
/// Tags whose content nobody sees.
const UNSEEN: [&str; 4] = ["style", "script", "title", "template"];
/// Tags that begin a line.
const BLOCKS: [&str; 23] = [
    "p",
    "div",
    "br",
    "tr",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "pre",
    "blockquote",
    "section",
    "article",
    "center",
];

/// The words, line by line; what stands in a quotation begins with `>`.
pub(super) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = html.get(..floor(html, MAX_HTML)).unwrap_or_default();
    while let Some((words, tail)) = rest.split_once('<') {
        page.words(words);
        if let Some(comment) = tail.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if tail.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            let (tag, after) = page.split_tag(tail);
            page.tag(tag);
            rest = after;
        } else {
            // A sign of less, and no tag.
            page.words("&lt;");
            rest = tail;
        }
    }
    page.words(rest);
    page.done()
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    line: String,
    /// The blocks that are open, and which of them are quotations.
    blocks: Vec<bool>,
    /// How many of them are quotations.
    quoted: usize,
    /// How often it was looked whether the text above introduces a quote.
    looks: usize,
    preformatted: usize,
    /// The tag whose content is not seen.
    unseen: Option<&'static str>,
    /// Whether a value of a tag was not closed: from then on every `>` ends one.
    unclosed: bool,
}

impl Page {
    /// A tag and what follows it; a `>` in a value of it does not end it.
    fn split_tag<'a>(&mut self, tail: &'a str) -> (&'a str, &'a str) {
        let mut quote = None;
        for (at, byte) in tail.bytes().enumerate().filter(|_| !self.unclosed) {
            match (quote, byte) {
                (None, b'>') => return (tail.get(..at).unwrap_or_default(), tail.get(at + 1..).unwrap_or_default()),
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), byte) if open == byte => quote = None,
                _ => {}
            }
        }
        self.unclosed = true;
        tail.split_once('>').unwrap_or((tail, ""))
    }

    fn tag(&mut self, tag: &str) {
        let (closes, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
        if let Some(unseen) = UNSEEN.into_iter().find(|unseen| *unseen == name) {
            let opens = !closes && !tag.ends_with('/');
            match self.unseen {
                None if opens => self.unseen = Some(unseen),
                Some(open) if closes && open == unseen => self.unseen = None,
                _ => {}
            }
            return;
        }
        // Nobody leaves such a tag open to the end.
        if name == "body" {
            self.unseen = None;
        }
        let is_empty = self.line.trim().is_empty();
        if BLOCKS.contains(&name.as_str()) {
            self.end_line();
        }
        match (name.as_str(), closes) {
            ("td" | "th", true) if !self.line.is_empty() => self.line.push(' '),
            ("pre", true) => self.preformatted = self.preformatted.saturating_sub(1),
            ("pre", false) => self.preformatted += 1,
            ("br", _) if is_empty => self.gap(),
            ("blockquote", true) if self.blocks.pop() == Some(true) => {
                self.quoted -= 1;
                self.gap();
            }
            ("blockquote", false) => self.open_block(tag),
            ("p", _) => self.gap(),
            _ => {}
        }
    }

    /// A block quotes when its tag says so or what stands above introduces a quote. Without both it is an indent.
    fn open_block(&mut self, tag: &str) {
        let mut is_quoted = is_quotation(tag);
        if !is_quoted && self.quoted == 0 && self.looks < MAX_LOOKS {
            self.looks += 1;
            let near = self.text.len() - MAX_ABOVE.min(self.text.len());
            is_quoted = quote::introduces(self.text.get(floor(&self.text, near)..).unwrap_or_default());
        }
        self.blocks.push(is_quoted);
        self.quoted += usize::from(is_quoted);
    }

    fn words(&mut self, words: &str) {
        if self.unseen.is_some() {
            return;
        }
        for word in words.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            entities(bare, &mut self.line);
            if self.preformatted > 0 && word.ends_with('\n') {
                self.end_line();
            } else if bare.len() < word.len() && !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim();
        if !line.is_empty() {
            self.text.push_str(if self.quoted > 0 { "> " } else { "" });
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// One empty line.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn done(mut self) -> String {
        self.end_line();
        self.text.trim().to_owned()
    }
}

/// Whether the tag of a block says that it quotes.
fn is_quotation(tag: &str) -> bool {
    let attributes = tag.get("blockquote".len()..).unwrap_or_default().to_ascii_lowercase();
    let border = attributes.split_once("border-left").map(|(_, value)| value.split([';', '"']).next().unwrap_or_default());
    let has_border = border.is_some_and(|value| value.contains("solid") || value.contains("px") && !value.contains(":0px"));
    has_border || attributes.contains("cite") || attributes.contains("quote")
}

/// Words with what their entities stand for; an unknown one stands for itself.
fn entities(word: &str, text: &mut String) {
    let mut rest = word;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let end = after.bytes().take(MAX_ENTITY).position(|byte| byte == b';').map_or(1, |end| end + 1);
        let (entity, tail) = after.split_at_checked(end).unwrap_or((after, ""));
        add_html_token(text, entity.as_bytes(), false);
        rest = tail;
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_markup_goes() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body><p>Gr&uuml;&szlig;e &amp; &#353;ilta<br>two</p>\
            <!-- <b>no</b> --><blockquote type=cite>old<div>more</div></blockquote>end</body></html>";
        assert_eq!(to_text(html), "Grüße & šilta\ntwo\n\n> old\n> more\n\nend");
        assert_eq!(to_text("a &unknown; b & c &lt;b&gt;"), "a &unknown; b & c <b>");
        assert_eq!(to_text("<p unclosed"), "");
        assert_eq!(to_text("<style>never closed <p>x"), "");
        assert_eq!(to_text("<head><meta charset=utf-8><div>no end of the head</div>"), "no end of the head");
        assert_eq!(to_text("&agrave; &euro;5 &laquo;x&raquo; &scaron; &#x2713; &nbsp;y &; &a"), "à €5 «x» š ✓ \u{a0}y &; &a");
        assert_eq!(to_text("1 < 2, 3<4 <b>and</b> <a title=\"5 > 4\">more</a>"), "1 < 2, 3<4 and more");
        assert_eq!(to_text("<a title=\"never closed>one</a> two"), "one two");
        assert_eq!(to_text("<div>a</div><div>b<br></div><div><br></div><div>c</div><p>d</p>e"), "a\nb\n\nc\n\nd\n\ne");
        assert_eq!(to_text("<table><tr><td>a</td><td>b</td></tr></table><pre>c\n  d</pre>"), "a b\nc\nd");
    }

    #[test]
    fn a_block_quotes_when_something_says_so() {
        let indent = "<div>My points:</div><blockquote style=\"margin:0 0 0 40px;border:none;padding:0px\"><div>One.</div></blockquote>";
        assert_eq!(to_text(indent), "My points:\nOne.");
        let introduced = "<p>No.</p><div>On 3 Nov 2026 at 10:00, Rida &lt;care@rida.example&gt; wrote:</div><blockquote>Old</blockquote>";
        assert_eq!(to_text(introduced), "No.\n\nOn 3 Nov 2026 at 10:00, Rida <care@rida.example> wrote:\n> Old");
        for tag in ["type=\"cite\"", "class=\"gmail_quote\"", "class=protonmail_quote", "style=\"border-left:1px solid #ccc\""] {
            assert_eq!(to_text(&format!("<p>No.</p><blockquote {tag}>Old</blockquote>")), "No.\n\n> Old", "{tag}");
        }
    }
}
