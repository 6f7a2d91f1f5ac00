//! HTML as text: for replies that come without a plain part.

/// Largest HTML that is read, in bytes.
const MAX_HTML: usize = 1024 * 1024;
/// Longest entity, in bytes.
const MAX_ENTITY: usize = 10;
/// Tags whose content nobody sees.
const UNSEEN: [&str; 5] = ["style", "script", "head", "title", "template"];
/// Tags that begin a line.
const BLOCKS: [&str; 15] = ["p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "hr", "pre", "blockquote"];

/// The words, line by line; what stands in a quotation begins with `>`.
pub(super) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let end = (0..=MAX_HTML.min(html.len())).rev().find(|end| html.is_char_boundary(*end)).unwrap_or(0);
    let mut rest = html.get(..end).unwrap_or_default();
    while let Some((words, tail)) = rest.split_once('<') {
        page.words(words);
        if let Some(comment) = tail.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = tail.split_once('>').unwrap_or((tail, ""));
        page.tag(tag);
        rest = after;
    }
    page.words(rest);
    page.done()
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    line: String,
    quoted: usize,
    /// The tag whose content is not seen.
    unseen: Option<&'static str>,
}

impl Page {
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
        // Nobody leaves the head open to the end.
        if name == "body" {
            self.unseen = None;
        }
        if BLOCKS.contains(&name.as_str()) {
            self.end_line();
        }
        if name == "blockquote" {
            self.quoted = if closes { self.quoted.saturating_sub(1) } else { self.quoted + 1 };
        }
        if name == "p" && closes && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn words(&mut self, words: &str) {
        if self.unseen.is_some() {
            return;
        }
        for word in words.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            self.line.push_str(&entities(bare));
            if bare.len() < word.len() && !self.line.is_empty() && !self.line.ends_with(' ') {
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
        } else if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn done(mut self) -> String {
        self.end_line();
        self.text.trim().to_owned()
    }
}

/// The few entities that mail programs write, and those by number.
fn entities(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let end = after.bytes().take(MAX_ENTITY).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((named(after.get(..end)?)?, after.get(end + 1..)?)));
        let (letter, tail) = known.unwrap_or(('&', after));
        text.push(letter);
        rest = tail;
    }
    text.push_str(rest);
    text
}

fn named(entity: &str) -> Option<char> {
    Some(match entity {
        "nbsp" => ' ',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "aring" => 'å',
        "eacute" => 'é',
        "ndash" => '–',
        "mdash" => '—',
        "rsquo" => '’',
        "hellip" => '…',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_markup_goes() {
        let html = "<html><head><title>x</title><style>p{color:red}</style></head><body><p>Gr&uuml;&szlig;e &amp; &#353;ilta<br>two</p>\
            <!-- <b>no</b> --><blockquote>old<div>more</div></blockquote>end</body></html>";
        assert_eq!(to_text(html), "Grüße & šilta\ntwo\n\n> old\n> more\n\nend");
        assert_eq!(to_text("a &unknown; b & c &lt;b&gt;"), "a &unknown; b & c <b>");
        assert_eq!(to_text("<p unclosed"), "");
        assert_eq!(to_text("<style>never closed <p>x"), "");
    }
}
