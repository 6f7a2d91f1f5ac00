//! Just enough HTML to know where a placeholder stands, and to escape what stands there.
//!
//! A value is safe in the text between tags and in a quoted attribute that means nothing to the browser;
//! everywhere else it can become code. Refuses to know handlebars.

/// Where the reader of an HTML document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Between tags.
    Text,
    /// Inside `<!-- -->`.
    Comment,
    /// Inside `<...>` but not in a quoted value.
    Tag,
    /// In a quoted value; `at_start` until its first character.
    Value {
        /// Lower-case name of the attribute.
        attribute: String,
        quote: char,
        at_start: bool,
    },
}

/// Follows a document piece by piece.
#[derive(Debug)]
pub(super) struct Scanner {
    place: Place,
    /// What of the current tag stands outside quotes, to know the name of an attribute.
    tag: String,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { place: Place::Text, tag: String::new() }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// A placeholder was printed here.
    pub(super) fn value(&mut self) {
        if let Place::Value { at_start, .. } = &mut self.place {
            *at_start = false;
        }
    }

    /// Reads markup; the error says what is refused.
    pub(super) fn markup(&mut self, markup: &str) -> Result<(), String> {
        let mut rest = markup;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match &mut self.place {
                Place::Text if rest.starts_with("<!--") => self.place = Place::Comment,
                Place::Text if c == '<' => {
                    self.tag.clear();
                    self.place = Place::Tag;
                }
                Place::Comment if rest.starts_with("-->") => self.place = Place::Text,
                Place::Text | Place::Comment => {}
                Place::Tag => self.in_tag(c)?,
                Place::Value { quote, .. } if c == *quote => {
                    self.tag.push(' ');
                    self.place = Place::Tag;
                }
                Place::Value { at_start, .. } => *at_start = false,
            }
            rest = after;
        }
        Ok(())
    }

    fn in_tag(&mut self, c: char) -> Result<(), String> {
        match c {
            '>' => self.place = Place::Text,
            '"' | '\'' => {
                let attribute = attribute_name(&self.tag).ok_or_else(|| "a quote inside a tag must follow `name=`".to_owned())?;
                self.place = Place::Value { attribute, quote: c, at_start: true };
            }
            _ => {
                self.tag.push(c.to_ascii_lowercase());
                if let Some(tag) = ["script", "iframe", "object", "embed", "base", "form"].into_iter().find(|tag| self.tag == **tag) {
                    return Err(format!("<{tag}> does not belong in a mail"));
                }
            }
        }
        Ok(())
    }
}

/// The name before a final `=`.
fn attribute_name(tag: &str) -> Option<String> {
    let before = tag.trim_end().strip_suffix('=')?.trim_end();
    let name = before.rsplit(char::is_whitespace).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Escapes a value for text and for quoted attributes.
pub(super) fn escape(value: &str) -> String {
    if !value.contains(['&', '<', '>', '"', '\'']) {
        return value.to_owned();
    }
    let mut escaped = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
