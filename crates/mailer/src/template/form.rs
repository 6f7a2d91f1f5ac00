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
        let filled = Parts::of(&render(&blank)?, links.len()).and_then(|parts| Some((parts.fill(&links)?, parts)));
        let (filled, parts) = filled.filter(|(filled, _)| says_the_same(filled, &direct)).unzip();
        self.keep(Form { template: template.to_owned(), blank, parts });
        Ok(filled)
    }

    fn find(&self, template: &str, context: &MailContext) -> Option<Arc<Form>> {
        let forms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        forms.iter().find(|form| form.template == template && form.blank.differs_in_links_only(context)).cloned()
    }

    fn keep(&self, form: Form) {
        let mut forms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if forms.len() >= MOST {
            forms.remove(0);
        }
        forms.push(Arc::new(form));
    }
}

/// What stands for a link: a link itself, so that it goes wherever one goes.
fn mark(number: usize) -> String {
    format!("https://{number:05}.form.hearback.invalid/")
}

fn says_the_same(one: &Rendered, other: &Rendered) -> bool {
    (&one.subject, &one.text, &one.html) == (&other.subject, &other.text, &other.html)
}

impl Parts {
    fn of(rendered: &Rendered, links: usize) -> Option<Self> {
        let marks: Vec<String> = (0..links).map(mark).collect();
        let has_mark = marks.iter().any(|mark| rendered.subject.contains(mark));
        let is_long = |text: &String| Quoted::of(text).is_long_for(text);
        (!has_mark && ![&rendered.text, &rendered.html].into_iter().any(is_long)).then(|| Self {
            subject: rendered.subject.clone(),
            text: pieces(&rendered.text, &marks),
            html: pieces(&rendered.html, &marks),
        })
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

fn pieces(text: &str, marks: &[String]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((at, number, mark)) =
        marks.iter().enumerate().filter_map(|(number, mark)| Some((rest.find(mark)?, number, mark))).min_by_key(|(at, ..)| *at)
    {
        let (words, after) = rest.split_at(at);
        pieces.push(Piece::Words(words.to_owned(), Quoted::of(words)));
        pieces.push(Piece::Gap(number));
        rest = after.strip_prefix(mark.as_str()).unwrap_or_default();
    }
    pieces.push(Piece::Words(rest.to_owned(), Quoted::of(rest)));
    pieces
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
