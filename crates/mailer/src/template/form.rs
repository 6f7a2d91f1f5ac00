//! Mails that say the same to everybody but for their links: put into words once, the links set in for each reader.
//!
//! What makes this right: a template can only print a link and ask whether there is one, so a mail with other links differs in nothing
//! else. Owns: forms and where their gaps are. Refuses to know: how words are found.

use std::sync::{Arc, PoisonError, RwLock};

use super::{MAX_OUTPUT, Rendered, html};
use crate::{MailContext, context::is_link, message::Quoted};

/// Most forms that are kept: surveys asked at the same time, in their languages. The oldest makes room.
const MOST: usize = 64;

/// The forms that were used lately.
#[derive(Debug, Default)]
pub(super) struct Forms(RwLock<Vec<Arc<Form>>>);

/// One mail to many.
#[derive(Debug)]
struct Form {
    template: String,
    /// The mail with marks in place of its links.
    blank: MailContext,
    /// `None` when the marks did not come out as they went in; such mails are put into words one by one.
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Parts {
    subject: String,
    text: Vec<Piece>,
    html: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    /// As they are read, and as they are sent.
    Words(String, Quoted),
    /// The number of a link.
    Gap(usize),
}

impl Forms {
    /// The mail in words, if it is one of those; `render` puts one into words that is not known yet.
    pub(super) fn fill<E>(
        &self,
        template: &str,
        context: &MailContext,
        render: impl Fn(&MailContext) -> Result<Rendered, E>,
    ) -> Result<Option<Rendered>, E> {
        let Some(links) = context.only_links().filter(|links| links.iter().all(|link| is_link(link))) else { return Ok(None) };
        if let Some(form) = self.find(template, context) {
            return Ok(form.parts.as_ref().and_then(|parts| parts.fill(&links)));
        }
        let (blank, direct) = (context.with_links(mark), render(context)?);
        // Also this first mail comes from the form: at every attempt a mail has the same bytes.
        let filled = Parts::of(&render(&blank)?).and_then(|parts| Some((parts.fill(&links)?, parts)));
        let (filled, parts) = filled.filter(|(filled, _)| says_the_same(filled, &direct)).unzip();
        self.keep(Form { template: template.to_owned(), blank, parts });
        Ok(filled)
    }

    fn find(&self, template: &str, context: &MailContext) -> Option<Arc<Form>> {
        let forms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        forms.iter().find(|form| form.is_of(template, context)).cloned()
    }

    fn keep(&self, form: Form) {
        let mut forms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if forms.iter().any(|known| known.is_of(&form.template, &form.blank)) {
            // Two mails of it came at the same time.
            return;
        }
        if forms.len() >= MOST {
            forms.remove(0);
        }
        forms.push(Arc::new(form));
    }
}

impl Form {
    fn is_of(&self, template: &str, context: &MailContext) -> bool {
        self.template == template && self.blank.differs_in_links_only(context)
    }
}

/// What stands for a link: a link itself, so that it goes wherever one goes.
const MARK: (&str, &str) = ("https://", ".form.hearback.invalid/");

fn mark(number: usize) -> String {
    format!("{}{number}{}", MARK.0, MARK.1)
}

fn says_the_same(one: &Rendered, other: &Rendered) -> bool {
    (&one.subject, &one.text, &one.html) == (&other.subject, &other.text, &other.html)
}

impl Parts {
    fn of(rendered: &Rendered) -> Option<Self> {
        let Rendered { subject, text, html, .. } = rendered;
        if subject.contains(MARK.1) || [text, html].into_iter().any(|part| Quoted::of(part).is_long_for(part)) {
            return None;
        }
        Some(Self { subject: subject.clone(), text: pieces(text)?, html: pieces(html)? })
    }

    /// `None` when that is larger than a mail may be.
    fn fill(&self, links: &[&str]) -> Option<Rendered> {
        let escaped: Vec<String> = links.iter().map(|link| html::escape(link)).collect();
        let escaped: Vec<&str> = escaped.iter().map(String::as_str).collect();
        let (text, quoted_text) = joined(&self.text, links)?;
        let (html, quoted_html) = joined(&self.html, &escaped)?;
        Some(Rendered { subject: self.subject.clone(), text, html, quoted: Some([quoted_text, quoted_html]) })
    }
}

/// `None` when something looks like a mark that is none.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let words = |words: &str| Piece::Words(words.to_owned(), Quoted::of(words));
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK.1) {
        let (said, number) = before.rsplit_once(MARK.0)?;
        pieces.extend([words(said), Piece::Gap(number.parse().ok()?)]);
        rest = after;
    }
    pieces.push(words(rest));
    Some(pieces)
}

fn joined(pieces: &[Piece], links: &[&str]) -> Option<(String, Quoted)> {
    let quoted: Vec<Quoted> = links.iter().map(|link| Quoted::of(link)).collect();
    let words = || {
        pieces.iter().map(|piece| match piece {
            Piece::Words(words, _) => words.as_str(),
            Piece::Gap(number) => links.get(*number).copied().unwrap_or_default(),
        })
    };
    let length = words().map(str::len).sum();
    let mut text = String::with_capacity(length);
    words().for_each(|piece| text.push_str(piece));
    let sent = pieces.iter().filter_map(|piece| match piece {
        Piece::Words(_, quoted) => Some(quoted),
        Piece::Gap(number) => quoted.get(*number),
    });
    (length <= MAX_OUTPUT).then(|| (text, Quoted::join(sent)))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hearback_core::Locale;

    use super::*;
    use crate::{Mail, Templates};

    fn asked(token: &str) -> MailContext {
        let sample = Mail::SurveyInvitation.sample(Locale::parse("lt").unwrap());
        sample.with_links(|number| format!("https://hearback.example/s/{token}?score={number}&it='s"))
    }

    #[test]
    fn a_filled_form_is_what_the_engine_says() {
        let templates = Templates::load(None).unwrap();
        let (forms, rendered) = (Forms::default(), Cell::new(0));
        let render = |context: &MailContext| {
            rendered.set(rendered.get() + 1);
            templates.in_words("survey_invitation", context)
        };
        for token in ["first", "a-much-longer-second", "3"] {
            let (direct, filled) =
                (templates.in_words("survey_invitation", &asked(token)), forms.fill("survey_invitation", &asked(token), render));
            assert!(says_the_same(&direct.unwrap(), &filled.unwrap().unwrap()));
        }
        // The first mail and its form; the others are filled in.
        assert_eq!(rendered.get(), 2);
        let other = MailContext { question: Some("Why?".to_owned()), ..asked("4") };
        assert!(forms.fill("survey_invitation", &other, render).unwrap().unwrap().html.contains("Why?"));
        let stopped = MailContext { unsubscribe_url: None, ..asked("5") };
        assert!(!forms.fill("survey_invitation", &stopped, render).unwrap().unwrap().html.contains("/5?score=1&"));
        assert_eq!(rendered.get(), 6);
    }

    #[test]
    fn what_says_more_about_its_reader_is_no_form() {
        let forms = Forms::default();
        let never = |_: &MailContext| -> Result<Rendered, ()> { unreachable!() };
        let named = MailContext { person_name: Some("Ona".to_owned()), ..asked("1") };
        assert_eq!(forms.fill("survey_invitation", &named, never), Ok(None));
        let bad = MailContext { answer_url: Some("javascript:x".to_owned()), ..asked("1") };
        assert_eq!(forms.fill("survey_invitation", &bad, never), Ok(None));
    }

    #[test]
    fn what_swallows_a_mark_is_put_into_words_each_time() {
        let forms = Forms::default();
        let odd = |context: &MailContext| -> Result<Rendered, ()> {
            let text = context.answer_url.as_deref().unwrap_or_default().to_uppercase();
            Ok(Rendered { subject: "x".to_owned(), text, html: String::new(), quoted: None })
        };
        for token in ["1", "2"] {
            assert_eq!(forms.fill("odd", &asked(token), odd), Ok(None));
        }
        let templates = Templates::load(None).unwrap();
        let like_a_mark = MailContext { question: Some(format!("Is it {}?", MARK.1)), ..asked("3") };
        assert!(templates.render("survey_invitation", &like_a_mark).unwrap().text.contains(MARK.1));
    }

    #[test]
    fn the_oldest_form_makes_room() {
        let forms = Forms::default();
        let render = |_: &MailContext| -> Result<Rendered, ()> {
            Ok(Rendered { subject: String::new(), text: String::new(), html: String::new(), quoted: None })
        };
        for number in 0..=MOST {
            forms.fill(&number.to_string(), &asked("1"), render).unwrap();
        }
        assert!(forms.find("0", &asked("1")).is_none() && forms.find("1", &asked("1")).is_some());
    }
}
