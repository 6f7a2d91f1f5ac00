//! What a template may say: a small, safe part of handlebars, checked in one pass before anything is compiled.
//!
//! The engine itself has no limits: a partial that includes itself or some thousand nested brackets end the
//! process. So what is allowed is spelled out here: `{{variable}}`, `{{t "key"}}`, `{{#if variable}}`,
//! `{{#unless variable}}`, `{{else}}`, `{{else if variable}}`, comments, and `{{#each scores}}` around the variables
//! of one number. There are no sub-expressions, partials, decorators, paths, raw output, and no placeholder in a place
//! of HTML where escaping doesn't hold.

use super::html::{Place, Scanner};
use crate::context::{IN_LIST, LIST};

/// Largest template, in bytes.
const MAX_SIZE: usize = 64 * 1024;
/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 8;
/// Attributes in which a value is only ever text.
const TEXT_ATTRIBUTES: [&str; 4] = ["alt", "aria-label", "lang", "title"];

/// What a template's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Html,
}

/// What a checked template uses.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Keys of strings.
    pub(super) keys: Vec<Key>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Why a template is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// From 1.
    pub(super) line: usize,
    pub(super) text: String,
}

/// Checks a template in one pass.
pub(super) fn lint(template: &str, kind: Kind, variables: &[&str]) -> Result<Found, Problem> {
    let mut check = Lint { line: 1, blocks: Vec::new(), html: (kind == Kind::Html).then(Scanner::new), variables, found: Found::default() };
    if template.len() > MAX_SIZE {
        return check.refuse(format!("has {} bytes; at most {MAX_SIZE} are allowed", template.len()));
    }
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        check.text(before)?;
        rest = check.tag(after)?;
    }
    check.text(rest)?;
    match check.blocks.pop() {
        Some((open, line)) => Err(Problem { line, text: format!("`{{{{#{open}}}}}` is never closed") }),
        None => Ok(check.found),
    }
}

struct Lint<'t> {
    line: usize,
    /// The open blocks: helper and line.
    blocks: Vec<(&'static str, usize)>,
    html: Option<Scanner>,
    variables: &'t [&'t str],
    found: Found,
}

impl<'t> Lint<'t> {
    fn refuse<T>(&self, text: impl Into<String>) -> Result<T, Problem> {
        Err(Problem { line: self.line, text: text.into() })
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        if text.ends_with('\\') {
            return self.refuse("`\\{{` is not allowed");
        }
        if let Some(html) = &mut self.html {
            html.markup(text).map_err(|text| Problem { line: self.line, text })?;
        }
        self.line += text.matches('\n').count();
        Ok(())
    }

    /// Reads one tag; `rest` starts behind its `{{`. Returns what is behind the tag.
    fn tag(&mut self, rest: &'t str) -> Result<&'t str, Problem> {
        if let Some(comment) = rest.strip_prefix("!--") {
            return match comment.split_once("--}}") {
                Some((text, behind)) => Ok(self.comment(text, behind)),
                None => self.refuse("a comment is never closed"),
            };
        }
        let Some((tag, behind)) = rest.split_once("}}") else { return self.refuse("`{{` without `}}`") };
        if let Some(text) = tag.strip_prefix('!') {
            return Ok(self.comment(text, behind));
        }
        if tag.starts_with(['{', '&']) {
            return self.refuse("values are always escaped: write `{{variable}}`, not `{{{variable}}}` or `{{&variable}}`");
        }
        let inside = tag.strip_prefix('~').unwrap_or(tag);
        let inside = inside.strip_suffix('~').unwrap_or(inside);
        self.expression(inside)?;
        self.line += tag.matches('\n').count();
        Ok(behind)
    }

    fn comment(&mut self, text: &str, behind: &'t str) -> &'t str {
        self.line += text.matches('\n').count();
        behind
    }

    fn expression(&mut self, inside: &'t str) -> Result<(), Problem> {
        let words: Vec<&'t str> = inside.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["t", key] => self.key(key),
            ["else"] => self.otherwise(),
            ["else", "if" | "unless", variable] => {
                self.otherwise()?;
                self.known(variable)
            }
            ["#if", variable] => {
                self.open("if")?;
                self.known(variable)
            }
            ["#unless", variable] => {
                self.open("unless")?;
                self.known(variable)
            }
            ["#each", list] if *list == LIST => self.each(),
            ["/each"] => self.close("each"),
            ["/if"] => self.close("if"),
            ["/unless"] => self.close("unless"),
            [variable] if is_name(variable) && *variable != LIST => {
                self.known(variable)?;
                self.placed(Some(variable))
            }
            _ => {
                let shown: String = inside.trim().chars().take(60).collect();
                self.refuse(format!(
                    "`{{{{{shown}}}}}` is not allowed; allowed are {{{{variable}}}}, {{{{t \"key\"}}}}, {{{{#if variable}}}}, {{{{#unless variable}}}}, {{{{else}}}}, {{{{else if variable}}}}, {{{{#each {LIST}}}}} and comments"
                ))
            }
        }
    }

    fn key(&mut self, quoted: &str) -> Result<(), Problem> {
        let key = quoted.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        match key.filter(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')) {
            Some(key) => {
                self.found.keys.push(Key { text: key.to_owned(), line: self.line });
                self.placed(None)
            }
            None => self.refuse("`t` takes the key of a string in double quotes, such as {{t \"mail.greeting\"}}"),
        }
    }

    fn known(&self, variable: &str) -> Result<(), Problem> {
        let in_list = self.blocks.iter().any(|(block, _)| *block == "each");
        let variables = if in_list { IN_LIST.as_slice() } else { self.variables };
        let is_list = variable == LIST && !in_list;
        if variables.contains(&variable) || is_list {
            return Ok(());
        }
        self.refuse(format!("unknown variable `{variable}`; there are {}", variables.join(", ")))
    }

    /// The list is gone through once: a list in a list would make a mail grow without end.
    fn each(&mut self) -> Result<(), Problem> {
        if self.blocks.iter().any(|(block, _)| *block == "each") {
            return self.refuse(format!("`{{{{#each {LIST}}}}}` inside another"));
        }
        self.open("each")
    }

    fn open(&mut self, block: &'static str) -> Result<(), Problem> {
        self.between_tags()?;
        self.blocks.push((block, self.line));
        if self.blocks.len() > MAX_DEPTH { self.refuse(format!("blocks are nested deeper than {MAX_DEPTH}")) } else { Ok(()) }
    }

    fn otherwise(&self) -> Result<(), Problem> {
        self.between_tags()?;
        if self.blocks.is_empty() { self.refuse("`{{else}}` outside a block") } else { Ok(()) }
    }

    fn close(&mut self, block: &str) -> Result<(), Problem> {
        self.between_tags()?;
        match self.blocks.pop() {
            Some((open, _)) if open == block => Ok(()),
            Some((open, line)) => self.refuse(format!("`{{{{/{block}}}}}` closes `{{{{#{open}}}}}` of line {line}")),
            None => self.refuse(format!("`{{{{/{block}}}}}` closes nothing")),
        }
    }

    /// Blocks begin and end between HTML tags, so that a place is the same whichever way a condition goes.
    fn between_tags(&self) -> Result<(), Problem> {
        match self.html.as_ref().map(Scanner::place) {
            None | Some(Place::Text) => Ok(()),
            Some(_) => self.refuse("a block must begin and end between HTML tags"),
        }
    }

    /// A value is printed here; `None` for a string of a language.
    fn placed(&mut self, variable: Option<&str>) -> Result<(), Problem> {
        let Some(html) = &mut self.html else { return Ok(()) };
        let problem = match html.place() {
            Place::Text => None,
            Place::Comment => Some("a value must not stand in an HTML comment".to_owned()),
            Place::Tag => Some("a value inside a tag must stand in a quoted attribute".to_owned()),
            Place::Value { attribute, .. } if TEXT_ATTRIBUTES.contains(&attribute.as_str()) => None,
            // A colour is always `#` and six digits.
            Place::Value { attribute, .. }
                if matches!(attribute.as_str(), "bgcolor" | "style") && variable.is_some_and(|name| name.ends_with("_color")) =>
            {
                None
            }
            Place::Value { attribute, at_start, .. } if attribute == "href" => {
                let whole_link = *at_start && variable.is_some_and(|name| name.ends_with("_url"));
                (!whole_link).then(|| "href takes one variable whose name ends in `_url`, and nothing before it".to_owned())
            }
            Place::Value { attribute, .. } => Some(format!("a value must not stand in the attribute `{attribute}`")),
        };
        html.value();
        match problem {
            None => Ok(()),
            Some(problem) => self.refuse(problem),
        }
    }
}

fn is_name(word: &str) -> bool {
    word != "else" && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, kind: Kind) -> Result<(), String> {
        lint(template, kind, &["name", "page_url"]).map(|_| ()).map_err(|problem| format!("{}: {}", problem.line, problem.text))
    }

    #[test]
    fn what_is_allowed_passes() {
        for good in [
            "",
            "plain {text} }}",
            "{{name}} {{ name }} {{~name~}}",
            "{{! note }}{{!-- {{anything}} --}}{{t \"a.b\"}}",
            "{{#if name}}a{{else if page_url}}b{{else}}c{{/if}}",
            "{{#unless name}}{{#if name}}x{{/if}}{{/unless}}",
            "{{#if scores}}{{#each scores}}{{number}} {{number_url}} {{t \"a\"}}{{/each}}{{name}}{{/if}}",
        ] {
            assert_eq!(check(good, Kind::Text), Ok(()), "{good}");
            assert_eq!(check(good, Kind::Html), Ok(()), "{good}");
        }
        let html = r#"<!doctype html><!-- it's --><p title='{{name}}' style="a:b">{{name}}<a href = "{{page_url}}?x">{{t "k"}}</a>"#;
        assert_eq!(check(html, Kind::Html), Ok(()));
        let button = r#"{{#each scores}}<td bgcolor="{{accent_color}}"><a href="{{number_url}}" style="color:{{ink_color}};x:y">{{number}}</a></td>{{/each}}"#;
        assert_eq!(check(button, Kind::Html), Ok(()));
    }

    #[test]
    fn what_could_hurt_is_refused_with_its_line() {
        let deep = "\n{{#if name}}".repeat(9);
        let long = "x".repeat(MAX_SIZE + 1);
        for (bad, part) in [
            ("\n{{nome}}", "2: unknown variable `nome`; there are name, page_url"),
            ("{{#if nome}}{{/if}}", "unknown variable `nome`"),
            ("{{{name}}}", "always escaped"),
            ("{{&name}}", "always escaped"),
            ("{{{{raw}}}}", "always escaped"),
            ("{{~{name}~}}", "not allowed"),
            ("{{> other}}", "not allowed"),
            ("{{#> other}}", "not allowed"),
            ("{{#*inline \"a\"}}{{/inline}}", "not allowed"),
            ("{{* decorator}}", "not allowed"),
            ("{{^name}}{{/name}}", "not allowed"),
            ("{{#each name}}{{/each}}", "not allowed"),
            ("{{scores}}", "not allowed"),
            ("{{number}}", "unknown variable `number`"),
            ("{{#each scores}}{{name}}{{/each}}", "unknown variable `name`; there are accent_color, "),
            ("{{#each scores}}{{#each scores}}{{/each}}{{/each}}", "inside another"),
            ("{{#each scores}}{{#if scores}}{{/if}}{{/each}}", "unknown variable"),
            ("{{#each scores}}", "never closed"),
            ("{{lookup this \"x\"}}", "not allowed"),
            ("{{t (t \"a\")}}", "not allowed"),
            ("{{#if (name)}}{{/if}}", "unknown variable"),
            ("{{this}}", "unknown variable"),
            ("{{../name}}", "not allowed"),
            ("{{@root.name}}", "not allowed"),
            ("{{name.length}}", "not allowed"),
            ("{{t name}}", "`t` takes"),
            ("{{t \"a\" \"b\"}}", "not allowed"),
            ("\\{{name}}", "not allowed"),
            ("{{name", "without"),
            ("{{!-- x }}", "never closed"),
            ("{{else}}", "outside a block"),
            ("{{/if}}", "closes nothing"),
            ("{{#if name}}\n{{/unless}}", "2: `{{/unless}}` closes `{{#if}}` of line 1"),
            ("\n{{#if name}}\n", "2: `{{#if}}` is never closed"),
            (&deep, "10: blocks are nested deeper than 8"),
            (&long, "1: has 65537 bytes"),
        ] {
            let error = check(bad, Kind::Text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_value_stands_only_where_escaping_holds() {
        for (bad, part) in [
            ("<p {{name}}>", "quoted attribute"),
            ("<p title={{name}}>", "quoted attribute"),
            ("<{{name}}>", "quoted attribute"),
            ("<p onclick=\"{{name}}\">", "attribute `onclick`"),
            ("<p style='{{name}}'>", "attribute `style`"),
            ("<img src=\"{{page_url}}\">", "attribute `src`"),
            ("<a href=\"{{name}}\">", "href takes"),
            ("<a href=\"javascript:{{page_url}}\">", "href takes"),
            ("<a href=\"{{t \"a\"}}\">", "href takes"),
            ("<a href=\"{{page_url}}{{page_url}}\">", "href takes"),
            ("<!-- {{name}} -->", "comment"),
            ("<p{{#if name}} class=a{{/if}}>", "between HTML tags"),
            ("<p title=\"{{#if name}}\">{{/if}}", "between HTML tags"),
            ("<SCRIPT>{{name}}", "does not belong"),
            ("<p \"{{name}}\">", "must follow"),
        ] {
            let error = check(bad, Kind::Html).unwrap_err();
            assert!(error.contains(part), "{bad}: {error}");
        }
    }
}
