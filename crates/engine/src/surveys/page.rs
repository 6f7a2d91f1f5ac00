//! The page on which a survey is answered: by the link of an invitation, by a public link, or as a preview.
//!
//! Owns: which screen comes next, and that only what somebody does by hand is kept as an answer. Looking changes nothing; a form
//! that a program may have sent leaves at most an unconfirmed score. Refuses to know: HTTP and HTML.

mod door;
mod form;
mod keep;
mod screen;
mod ticket;

use hearback_core::{
    Score,
    survey::{Next, Stage},
};

pub use form::Form;
pub use screen::{ScoreChoice, View};

use crate::{
    Ctx, EngineError,
    responses::{
        Responses,
        submit::{Correction, Settles},
    },
};
use door::{Asked, Found};
use form::Part;
use keep::Stored;
use screen::Screen;
use ticket::Ticket;

/// What a link shows.
#[derive(Debug)]
pub enum Page {
    /// A screen of the survey.
    Shown(Box<View>),
    /// The survey takes no answers from here any more.
    Gone(Box<View>),
    /// The link is not one of ours.
    Unknown,
}

/// How a page is asked for, beside its link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Languages that the visitor reads, the best first.
    pub languages: Vec<String>,
    /// The language that the link asks for.
    pub lang: Option<String>,
    /// The score to choose beforehand.
    pub score: Option<i64>,
    /// On a device that many people use: the address at which the next one starts.
    pub kiosk: Option<String>,
    /// Where a public link was found, for the sender of the survey.
    pub reference: Option<String>,
}

/// `/s/{token}`: the first screen behind the link of an invitation or of a preview. Changes nothing.
pub async fn look(cx: &Ctx, token: &str, wish: &Wish) -> Result<Page, EngineError> {
    Ok(shown(cx, door::by_token(cx, token, wish).await?, wish))
}

/// `/p/{survey}`: the first screen behind a public link. Changes nothing.
pub async fn look_public(cx: &Ctx, name: &str, wish: &Wish) -> Result<Page, EngineError> {
    Ok(shown(cx, door::by_name(cx, name, wish).await?, wish))
}

/// A form of `/s/{token}` came back.
pub async fn post(cx: &Responses, token: &str, wish: &Wish, form: &Form) -> Result<Page, EngineError> {
    match door::by_token(cx, token, wish).await? {
        Found::Open(asked) => answered(cx, &asked, form).await,
        closed => Ok(shown(cx, closed, wish)),
    }
}

/// A form of `/p/{survey}` came back.
pub async fn post_public(cx: &Responses, name: &str, wish: &Wish, form: &Form) -> Result<Page, EngineError> {
    match door::by_name(cx, name, wish).await? {
        Found::Open(asked) => answered(cx, &asked, form).await,
        closed => Ok(shown(cx, closed, wish)),
    }
}

fn shown(cx: &Ctx, found: Found, wish: &Wish) -> Page {
    match found {
        Found::Unknown => Page::Unknown,
        Found::Closed(asked) => Page::Gone(Box::new(screen::closed(cx, &asked))),
        Found::Open(asked) => {
            let ticket = Ticket::opened(cx, &asked);
            let before = asked.stored().map(Stored::of).unwrap_or_default();
            let score = wish.score.and_then(|score| Score::new(asked.survey.scale, score).ok());
            let chosen = score.or_else(|| before.score(&asked.survey));
            let is_open_already = score.is_some() || asked.stored().is_some();
            let screen = Screen::Score { chosen, with_why: is_open_already, problem: false };
            Page::Shown(Box::new(screen::show(cx, &asked, &before, &ticket, &screen)))
        }
    }
}

/// Keeps what was said, and shows what comes next.
async fn answered(cx: &Responses, asked: &Asked, form: &Form) -> Result<Page, EngineError> {
    let seen = Ticket::read(cx, asked, &form.page);
    let ticket = seen.as_ref().map_or_else(|| Ticket::opened(cx, asked), |seen| seen.ticket);
    let before = keep::find(cx, asked, &ticket).await?;
    let said = before.with(form);
    let score = said.score(&asked.survey);
    let page = |screen: &Screen, ticket: &Ticket| Ok(Page::Shown(Box::new(screen::show(cx, asked, &said, ticket, screen))));
    let Some(score) = score.filter(|_| !form.goes_back) else {
        let screen = Screen::Score { chosen: score, with_why: form.says_why(), problem: !form.goes_back };
        return page(&screen, &ticket.at(Stage::Opened));
    };
    let by_hand = seen.as_ref().is_some_and(|seen| ticket.stage.is_by_hand(cx.now() - seen.shown_at, form.is_touched));
    if !by_hand && !asked.is_preview() {
        keep::unconfirmed(cx, asked, score, form).await?;
        return page(&Screen::Confirm { score, form }, &ticket.at(Stage::Asked));
    }
    let next = asked.survey.body.next(score.segment(), form.part.answering(form.says_why()));
    let settles = if next == Next::Thanks { Settles::AtOnce } else { Settles::Later };
    keep::keep(cx, asked, &ticket, score, &change(asked, score, form), settles).await?;
    let screen = match next {
        Next::Why => Screen::Why { score },
        Next::Question(question) => Screen::Question { score, question },
        Next::Thanks => Screen::Thanks { score },
    };
    page(&screen, &ticket.at(Stage::Confirmed))
}

/// What a form says. A tick that was not offered says nothing.
fn change(asked: &Asked, score: Score, form: &Form) -> Correction {
    let offered = form.says_why() && asked.offers_contact();
    Correction {
        score: matches!(form.part, Part::Score).then(|| i64::from(score.value())),
        comment: form.comment.clone(),
        answers: form.part.answers(&asked.survey.body, score.segment(), &form.given),
        may_contact: offered.then_some(form.may_contact),
    }
}
