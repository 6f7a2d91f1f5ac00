//! What a page template may do to the process, checked in one pass before anything is compiled.
//!
//! The engine has no limits of its own: a partial that includes itself, or some thousand nested brackets, end the process at the
//! first visit. So partials are named, known and never lead in a circle, there are few of them in one page, nesting ends somewhere,
//! and every value is escaped. What a page shows is its own matter. Pure.

use std::collections::BTreeMap;

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 12;
/// Deepest nesting of brackets in one tag.
const MAX_BRACKETS: usize = 4;
/// Partials in one page, those of partials counted as often as they are included.
const MAX_PARTIALS: usize = 200;
/// The frame around pages; it alone holds what is put into it.
const FRAME: &str = "layout";
const CONTENT: &str = "@partial-block";

/// The partials that a template includes, one by one; else what is wrong with it and in which line.
pub(super) fn check(name: &str, template: &str) -> Result<Vec<String>, String> {
    let (mut partials, mut open, mut line) = (Vec::new(), 0_usize, 1);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        line += before.matches('\n').count();
        let refuse = |what: &str| Err(format!("line {line}: {what}"));
        if before.ends_with('\\') {
            return refuse("`\\{{` is not allowed");
        }
        if after.starts_with(['{', '&']) {
            return refuse("values are always escaped: write `{{value}}`, not `{{{value}}}` or `{{&value}}`");
        }
        let comment = after.starts_with("!--") || after.starts_with("~!--");
        let end = if comment { "--}}" } else { "}}" };
        let Some((tag, behind)) = after.split_once(end) else { return refuse("a tag is never closed") };
        let inside = tag.trim_matches('~').trim();
        if !inside.starts_with('!') {
            match part(inside) {
                Err(why) => return refuse(&why),
                Ok(Part::Value) => {}
                Ok(Part::Open) => open += 1,
                Ok(Part::Close) => open = open.saturating_sub(1),
                Ok(Part::Include(partial, is_block)) => {
                    let is_fine = match (partial, is_block) {
                        (CONTENT, _) => name == FRAME && !is_block,
                        (FRAME, true) => name != FRAME,
                        (_, is_block) => !is_block,
                    };
                    if !is_fine {
                        return refuse("only `{{#> layout}}` is put around a page, and only the layout holds `{{> @partial-block}}`");
                    }
                    open += usize::from(is_block);
                    partials.extend(Some(partial.to_owned()).filter(|partial| partial != CONTENT));
                }
            }
            if open > MAX_DEPTH {
                return refuse(&format!("blocks are nested deeper than {MAX_DEPTH}"));
            }
        }
        line += tag.matches('\n').count();
        rest = behind;
    }
    Ok(partials)
}

/// What a tag is.
#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Value,
    Open,
    Close,
    /// A partial, and whether something is put into it.
    Include(&'t str, bool),
}

fn part(inside: &str) -> Result<Part<'_>, String> {
    let quotes = |quote: char| inside.matches(quote).count() % 2 == 1;
    if quotes('"') || quotes('\'') || inside.contains(['{', '}']) {
        return Err("a text in a tag must not hold a brace, nor a lonely quote".to_owned());
    }
    let mut deep = 0_usize;
    for letter in inside.chars() {
        deep = match letter {
            '(' => deep + 1,
            ')' => deep.saturating_sub(1),
            _ => deep,
        };
        if deep > MAX_BRACKETS {
            return Err(format!("brackets are nested deeper than {MAX_BRACKETS}"));
        }
    }
    for (mark, is_block) in [(">", false), ("#>", true)] {
        if let Some(rest) = inside.strip_prefix(mark).map(str::trim_start) {
            let partial = rest.split_whitespace().next().unwrap_or_default();
            let is_plain = !partial.is_empty() && partial.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            return if is_plain || partial == CONTENT {
                Ok(Part::Include(partial, is_block))
            } else {
                Err(format!("a partial is named by the file that it is in, not `{partial}`"))
            };
        }
    }
    match inside.as_bytes() {
        [b'#', b'*', ..] | [b'*', ..] => Err("partials of one's own (`{{#*inline}}`) and decorators are not allowed".to_owned()),
        [b'#' | b'^', _, ..] => Ok(Part::Open),
        [b'/', ..] => Ok(Part::Close),
        _ => Ok(Part::Value),
    }
}

/// Whether each template's partials are there, lead in no circle, and are few; else the template and what is wrong with it.
pub(super) fn check_all(includes: &BTreeMap<String, Vec<String>>) -> Result<(), (String, String)> {
    let mut known = BTreeMap::new();
    for name in includes.keys() {
        size(name, includes, &mut known, &mut Vec::new())?;
    }
    Ok(())
}

/// How many partials come with a template, itself included.
fn size<'t>(
    name: &'t str,
    includes: &'t BTreeMap<String, Vec<String>>,
    known: &mut BTreeMap<&'t str, usize>,
    way: &mut Vec<&'t str>,
) -> Result<usize, (String, String)> {
    if let Some(size) = known.get(name) {
        return Ok(*size);
    }
    let refuse = |what: String| Err((name.to_owned(), what));
    if way.contains(&name) {
        return refuse(format!("includes itself: {} > {name}", way.join(" > ")));
    }
    way.push(name);
    let mut total = 1_usize;
    for partial in includes.get(name).into_iter().flatten() {
        let Some((partial, _)) = includes.get_key_value(partial) else { return refuse(format!("there is no partial `{partial}`")) };
        total = total.saturating_add(size(partial, includes, known, way)?);
    }
    way.pop();
    if total > MAX_PARTIALS {
        return refuse(format!("comes with {total} partials; at most {MAX_PARTIALS} are allowed"));
    }
    known.insert(name, total);
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_the_process_is_refused() {
        for (template, why) in [
            (r#"{{#*inline "a"}}{{> a}}{{/inline}}{{> a}}"#, "inline"),
            (r"{{* decorator}}", "decorators"),
            (r#"{{~#*inline "a"}}x{{/inline}}"#, "inline"),
            ("{{{value}}}", "escaped"),
            ("{{&value}}", "escaped"),
            ("{{{{raw}}}}x{{{{/raw}}}}", "escaped"),
            (r"\{{value}}", "not allowed"),
            ("{{> (lookup a b)}}", "named by the file"),
            (r#"{{> "cases"}}"#, "named by the file"),
            ("{{> ../cases}}", "named by the file"),
            ("{{> @partial-block}}", "only the layout"),
            ("{{#> layout}}{{> @partial-block}}{{/layout}}", "only the layout"),
            ("{{#> cases}}x{{/cases}}", "put around"),
            ("{{value", "never closed"),
            ("{{!-- {{> cases}} }}", "never closed"),
            (r#"{{t "}}{{> cases}}"}}"#, "lonely quote"),
        ] {
            let refused = check("page", template).unwrap_err();
            assert!(refused.contains(why), "{template}: {refused}");
        }
        let deep = format!("\n{}{}", "{{#if a}}".repeat(20_000), "{{/if}}".repeat(20_000));
        assert_eq!(check("page", &deep).unwrap_err(), "line 2: blocks are nested deeper than 12");
        let brackets = format!("{{{{#if {}a{}}}}}x{{{{/if}}}}", "(not ".repeat(5_000), ")".repeat(5_000));
        assert!(check("page", &brackets).unwrap_err().contains("brackets"));
        assert!(check(FRAME, "{{#> layout}}x{{/layout}}").is_err());
    }

    #[test]
    fn what_pages_need_is_allowed() {
        let page = r#"{{!-- {{> none}} --}}{{! a }}{{#> layout}}{{~#if (eq (lookup a "b") 'c')~}}{{> case_rows rows=view.rows}}{{else}}{{a.b}}{{/if}}{{/layout}}"#;
        assert_eq!(check("page", page).unwrap(), ["layout", "case_rows"]);
        assert_eq!(check(FRAME, "<main>{{> @partial-block}}</main>").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn partials_lead_in_no_circle_and_are_few() {
        let all = |includes: &[(&str, &[&str])]| {
            let owned = includes.iter().map(|(name, of)| ((*name).to_owned(), of.iter().map(|of| (*of).to_owned()).collect())).collect();
            check_all(&owned).map_err(|(name, why)| format!("{name} {why}"))
        };
        assert_eq!(all(&[("a", &["b", "b"]), ("b", &[])]), Ok(()));
        assert_eq!(all(&[("a", &["a"])]).unwrap_err(), "a includes itself: a > a");
        assert_eq!(all(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]).unwrap_err(), "b includes itself: a > b > c > b");
        assert_eq!(all(&[("a", &["x"])]).unwrap_err(), "a there is no partial `x`");
        let twice: Vec<(String, [String; 2])> =
            (0..40).map(|n| (format!("p{n}"), [format!("p{}", n + 1), format!("p{}", n + 1)])).collect();
        let twice: Vec<(&str, Vec<&str>)> =
            twice.iter().map(|(name, of)| (name.as_str(), of.iter().map(String::as_str).collect())).collect();
        let mut bomb: Vec<(&str, &[&str])> = twice.iter().map(|(name, of)| (*name, of.as_slice())).collect();
        bomb.push(("p40", &[]));
        assert!(all(&bomb).unwrap_err().contains("at most 200"));
    }
}
