//! The words, one file per language: `templates/lang/<code>.json`, overridable and extendable by a folder.
//!
//! ```json
//! {"name": "Suomi", "date": "%-d. %B %Y", "months": ["tammikuuta", ...],
//!  "strings": {"mail.greeting": "Hei,"},
//!  "plural": {"one": "i = 1 and v = 0"},
//!  "plurals": {"count.days": {"one": "{n} päivä", "other": "{n} päivää"}}}
//! ```
//! A `{name}` in a string is a placeholder; `%B` in a date is one of `months`; `plural` says which form goes with a number, as CLDR
//! writes it. What a language lacks is taken from English when the files are read, with a warning, so that nothing has to be looked
//! for when a mail goes out. No line of Rust knows a language. Pages use the same files. Refuses to know what the words are used for.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    iter,
    path::Path,
};

use chrono::{
    Datelike as _, NaiveDate,
    format::{Fixed, Item, StrftimeItems},
};
use hearback_core::{
    Locale,
    locale::{Number, PluralRules},
};
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::{TemplateError, source};

#[derive(RustEmbed)]
#[folder = "../../templates/lang"]
struct Shipped;

/// The language that all others fall back to.
const FALLBACK: &str = "en";

/// A string with its placeholders found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(String),
}

impl Phrase {
    /// Reads `Hello {name}`. A brace that is not part of a placeholder of `a-z 0-9 _` is an error.
    fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or("a `{` has no `}`")?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                return Err(format!("`{{{name}}}` is not a placeholder; write a name of a-z, 0-9 and _"));
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The string with its placeholders filled; the name of the first one that has no value as the error.
    /// Nothing is escaped: that is for whoever knows where the text will stand.
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
        let mut filled = String::with_capacity(128);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Placeholder(name) => filled.push_str(value(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(filled)
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Placeholder(name) => Some(name.as_str()),
        })
    }
}

/// One language.
#[derive(Debug, Clone)]
pub struct Language {
    code: String,
    name: String,
    date: Vec<Item<'static>>,
    months: Option<[String; 12]>,
    strings: HashMap<String, Phrase>,
    plural: Option<PluralRules>,
    plurals: HashMap<String, BTreeMap<String, Phrase>>,
}

impl Language {
    /// The language code, such as `lt`: right for the `lang` attribute of a page.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The language's own name, such as `Lietuvių`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A day as it is written in mails and pages of this language.
    pub fn date(&self, day: NaiveDate) -> String {
        let mut text = String::new();
        for item in &self.date {
            let month = matches!(item, Item::Fixed(Fixed::LongMonthName)).then(|| self.months.iter().flatten().nth(day.month0() as usize));
            match month.flatten() {
                Some(month) => text.push_str(month),
                // Writing into a string fails only on a format that was refused when the file was read.
                None => drop(write!(text, "{}", day.format_with_items(iter::once(item)))),
            }
        }
        text
    }

    /// The string of this key.
    pub fn phrase(&self, key: &str) -> Option<&Phrase> {
        self.strings.get(key)
    }

    /// The form of a counted string that goes with a number.
    pub fn plural(&self, key: &str, number: impl Into<Number>) -> Option<&Phrase> {
        let forms = self.plurals.get(key)?;
        self.plural.as_ref().and_then(|rules| forms.get(rules.form(number.into()))).or_else(|| forms.get("other"))
    }

    /// All strings by key, without order.
    pub fn phrases(&self) -> impl Iterator<Item = (&str, &Phrase)> {
        self.strings.iter().map(|(key, phrase)| (key.as_str(), phrase))
    }
}

/// All languages there are.
#[derive(Debug, Clone)]
pub struct Languages {
    fallback: Language,
    others: HashMap<String, Language>,
    warnings: Vec<String>,
}

impl Languages {
    /// Reads the shipped files, then those in `<folder>/lang`: a string there replaces ours, a new file is a
    /// new language.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let mut files: BTreeMap<String, LanguageFile> = BTreeMap::new();
        for (name, text) in source::embedded::<Shipped>()? {
            let code = name.trim_end_matches(".json").to_owned();
            files.insert(code, LanguageFile::parse(&format!("lang/{name}"), &text)?);
        }
        for (path, name, text) in source::folder(folder.map(|folder| folder.join("lang")).as_deref(), "json")? {
            let code = name.trim_end_matches(".json").to_owned();
            let file = LanguageFile::parse(&path, &text)?;
            files.entry(code).or_default().absorb(file);
        }
        let mut languages = files
            .into_iter()
            .map(|(code, file)| Ok((code.clone(), file.build(code)?)))
            .collect::<Result<HashMap<_, _>, TemplateError>>()?;
        let fallback = languages.remove(FALLBACK).ok_or_else(|| TemplateError::new("lang/en.json", None, "the file is missing"))?;
        let warnings = languages.values_mut().flat_map(|language| complete(language, &fallback)).collect();
        Ok(Self { fallback, others: languages, warnings })
    }

    /// The language for a reader: that of the whole tag (`pt-br`), else of its language (`pt`), else English.
    pub fn get(&self, locale: &Locale) -> &Language {
        self.others.get(locale.as_str()).or_else(|| self.others.get(locale.language())).unwrap_or(&self.fallback)
    }

    pub(crate) fn by_code(&self, code: &str) -> &Language {
        self.others.get(code).unwrap_or(&self.fallback)
    }

    /// All languages, English first, then by code.
    pub fn all(&self) -> impl Iterator<Item = &Language> {
        let mut others: Vec<_> = self.others.values().collect();
        others.sort_by(|a, b| a.code.cmp(&b.code));
        std::iter::once(&self.fallback).chain(others)
    }

    /// What had to be taken from English; one line per string, for `doctor` and the log at start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Fills what `language` lacks from `fallback`; one warning per string.
fn complete(language: &mut Language, fallback: &Language) -> Vec<String> {
    let mut missing: Vec<&str> = Vec::new();
    for (key, phrase) in &fallback.strings {
        if !language.strings.contains_key(key) {
            language.strings.insert(key.clone(), phrase.clone());
            missing.push(key);
        }
    }
    for (key, forms) in &fallback.plurals {
        if !language.plurals.contains_key(key) {
            language.plurals.insert(key.clone(), forms.clone());
            missing.push(key);
        }
    }
    if language.months.is_none() {
        language.months.clone_from(&fallback.months);
        missing.push("months");
    }
    if language.plural.is_none() {
        language.plural.clone_from(&fallback.plural);
        missing.push("plural");
    }
    missing.sort_unstable();
    missing.into_iter().map(|key| format!("lang/{}.json has no `{key}`; English is used", language.code)).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    months: Option<[String; 12]>,
    #[serde(default)]
    strings: BTreeMap<String, String>,
    #[serde(default)]
    plural: Option<BTreeMap<String, String>>,
    #[serde(default)]
    plurals: BTreeMap<String, BTreeMap<String, String>>,
}

impl LanguageFile {
    fn parse(path: &str, text: &str) -> Result<Self, TemplateError> {
        serde_json::from_str(text).map_err(|error| TemplateError::new(path, Some(error.line()), &error.to_string()))
    }

    fn absorb(&mut self, over: Self) {
        self.name = over.name.or_else(|| self.name.take());
        self.date = over.date.or_else(|| self.date.take());
        self.months = over.months.or_else(|| self.months.take());
        self.plural = over.plural.or_else(|| self.plural.take());
        self.strings.extend(over.strings);
        self.plurals.extend(over.plurals);
    }

    fn build(self, code: String) -> Result<Language, TemplateError> {
        let file = format!("lang/{code}.json");
        let wrong = |key: &str, problem: &str| TemplateError::new(&file, None, &format!("`{key}`: {problem}"));
        Locale::parse(&code).map_err(|_| TemplateError::new(&file, None, "the file's name must be a language tag such as lt.json"))?;
        let date = StrftimeItems::new(self.date.as_deref().unwrap_or("%Y-%m-%d"))
            .parse_to_owned()
            .map_err(|_| wrong("date", "is not a date format; write for example %d.%m.%Y"))?;
        if write!(String::new(), "{}", NaiveDate::MIN.format_with_items(date.iter())).is_err() {
            return Err(wrong("date", "asks for a time of day; a day has none"));
        }
        let is_name =
            |item: &Item<'_>| matches!(item, Item::Fixed(Fixed::ShortMonthName | Fixed::ShortWeekdayName | Fixed::LongWeekdayName));
        if date.iter().any(is_name) {
            return Err(wrong("date", "asks for a name that the file does not have; %B is one of its `months`"));
        }
        let plural = self.plural.as_ref().map(PluralRules::parse).transpose().map_err(|problem| wrong("plural", &problem))?;
        let phrase = |key: &str, text: &str| Phrase::parse(text).map_err(|problem| wrong(key, &problem));
        let strings = self.strings.iter().map(|(key, text)| Ok((key.clone(), phrase(key, text)?))).collect::<Result<_, TemplateError>>()?;
        let mut plurals = HashMap::new();
        for (key, forms) in &self.plurals {
            if !forms.contains_key("other") {
                return Err(wrong(key, "lacks the form `other`"));
            }
            if let Some(rules) = &plural
                && let Some(idle) = forms.keys().find(|form| rules.forms().all(|known| known != form.as_str()))
            {
                return Err(wrong(key, &format!("has the form `{idle}`, for which `plural` has no rule")));
            }
            let forms = forms.iter().map(|(category, text)| Ok((category.clone(), phrase(key, text)?)));
            plurals.insert(key.clone(), forms.collect::<Result<_, TemplateError>>()?);
        }
        Ok(Language { name: self.name.unwrap_or_else(|| code.clone()), code, date, months: self.months, strings, plural, plurals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_languages_have_every_string_with_the_same_placeholders() {
        let languages = Languages::load(None).unwrap();
        assert_eq!(languages.warnings(), [""; 0]);
        let english = languages.get(&Locale::default());
        assert_eq!(languages.all().map(Language::code).collect::<Vec<_>>(), ["en", "fi", "lt", "lv"]);
        for language in languages.all() {
            for (key, phrase) in language.phrases() {
                let sorted = |phrase: &Phrase| {
                    let mut names: Vec<_> = phrase.placeholders().map(str::to_owned).collect();
                    names.sort_unstable();
                    names
                };
                let ours = english.phrase(key).unwrap_or_else(|| panic!("{} has the unknown key {key}", language.code()));
                assert_eq!(sorted(phrase), sorted(ours), "{} {key}", language.code());
            }
        }
    }

    #[test]
    fn a_reader_gets_the_nearest_language_and_dates_in_its_form() {
        let languages = Languages::load(None).unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 3, 9).unwrap();
        for (tag, code, date) in
            [("lt-LT", "lt", "2026-03-09"), ("LV", "lv", "09.03.2026"), ("fi", "fi", "9.3.2026"), ("pt-br", "en", "9 March 2026")]
        {
            let language = languages.get(&Locale::parse(tag).unwrap());
            assert_eq!((language.code(), language.date(day).as_str()), (code, date));
        }
    }

    #[test]
    fn a_folder_replaces_strings_and_adds_languages() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lang")).unwrap();
        std::fs::write(folder.path().join("lang/en.json"), r#"{"strings": {"mail.greeting": "Good day,"}}"#).unwrap();
        std::fs::write(folder.path().join("lang/sv.json"), r#"{"name": "Svenska", "strings": {"mail.greeting": "Hej!"}}"#).unwrap();
        let languages = Languages::load(Some(folder.path())).unwrap();
        let greeting = |tag: &str| languages.get(&Locale::parse(tag).unwrap()).phrase("mail.greeting").unwrap().fill(|_| None).unwrap();
        assert_eq!((greeting("en").as_str(), greeting("sv").as_str(), greeting("fi").as_str()), ("Good day,", "Hej!", "Hei,"));
        for lacks in ["mail.quote", "months", "plural"] {
            assert!(languages.warnings().contains(&format!("lang/sv.json has no `{lacks}`; English is used")));
        }
        let answers = |number: u64| languages.get(&Locale::parse("sv").unwrap()).plural("count.answers", number).unwrap().clone();
        assert_eq!([1, 2].map(|number| answers(number).fill(|_| Some("n")).unwrap()), ["n answer", "n answers"]);
    }

    /// Every form of every language in the words of its file.
    #[test]
    fn counted_words_go_with_their_numbers() {
        let languages = Languages::load(None).unwrap();
        let numbers: [u64; 5] = [0, 1, 2, 11, 21];
        for (tag, answers) in [
            ("en", ["answers", "answer", "answers", "answers", "answers"]),
            ("fi", ["vastausta", "vastaus", "vastausta", "vastausta", "vastausta"]),
            ("lt", ["atsakymų", "atsakymas", "atsakymai", "atsakymų", "atsakymas"]),
            ("lv", ["atbilžu", "atbilde", "atbildes", "atbilžu", "atbilde"]),
        ] {
            let language = languages.get(&Locale::parse(tag).unwrap());
            let word = |number| language.plural("count.answers", number).unwrap().fill(|_| Some("")).unwrap().trim().to_owned();
            assert_eq!(numbers.map(word), answers, "{tag}");
            for (key, forms) in &language.plurals {
                let mut wanted: Vec<&str> = language.plural.as_ref().unwrap().forms().collect();
                wanted.sort_unstable();
                assert_eq!(forms.keys().map(String::as_str).collect::<Vec<_>>(), wanted, "{tag} {key}");
            }
        }
    }

    #[test]
    fn a_month_is_named_as_its_file_names_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lang")).unwrap();
        std::fs::write(folder.path().join("lang/lt.json"), r#"{"date": "%Y m. %B %-d d."}"#).unwrap();
        std::fs::write(folder.path().join("lang/lv.json"), r#"{"date": "%Y. gada %-d. %B"}"#).unwrap();
        std::fs::write(folder.path().join("lang/fi.json"), r#"{"date": "%-d. %B %Y"}"#).unwrap();
        let languages = Languages::load(Some(folder.path())).unwrap();
        let day = NaiveDate::from_ymd_opt(2026, 3, 9).unwrap();
        for (tag, date) in
            [("en", "9 March 2026"), ("lt", "2026 m. kovo 9 d."), ("lv", "2026. gada 9. marts"), ("fi", "9. maaliskuuta 2026")]
        {
            assert_eq!(languages.get(&Locale::parse(tag).unwrap()).date(day), date);
        }
    }

    #[test]
    fn broken_files_are_refused_with_their_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("lang")).unwrap();
        let path = folder.path().join("lang/en.json");
        for (text, part) in [
            ("{\n\"strings\": 1}", "en.json:2: "),
            (r#"{"strings": {"a": "{Name}"}}"#, "`a`: `{Name}` is not a placeholder"),
            (r#"{"strings": {"a": "{n"}}"#, "has no `}`"),
            (r#"{"date": "%Q"}"#, "is not a date format"),
            (r#"{"date": "%H"}"#, "a day has none"),
            (r#"{"date": "%a %-d"}"#, "%B is one of its `months`"),
            (r#"{"months": ["January"]}"#, "en.json:1: "),
            (r#"{"plural": {"one": "n"}}"#, "`plural`: `one`: `n` is not a rule"),
            (r#"{"plurals": {"a": {"few": "x", "other": "x"}}}"#, "has the form `few`"),
            (r#"{"plurals": {"a": {"one": "x"}}}"#, "lacks the form `other`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Languages::load(Some(folder.path())).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_missing_value_is_named() {
        let phrase = Phrase::parse("a {x} {y_1}.").unwrap();
        assert_eq!(phrase.fill(|name| (name == "x").then_some("1")), Err("y_1".to_owned()));
        assert_eq!(phrase.fill(|_| Some("{x}")).unwrap(), "a {x} {x}.");
    }
}
