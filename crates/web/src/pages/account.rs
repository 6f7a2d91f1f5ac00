//! One's own account: the password, the second factor, and where one is logged in. Whatever changes here takes the password.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hearback_engine::access::{self, OwnSession, RecoveryCodes, SHORTEST_PASSWORD, SecondFactor, Which};
use qrcode::{QrCode, render::svg};
use serde::Serialize;

use super::{
    Frame,
    session::{self, Form, Visitor, see_other},
    words::{When, plural},
};
use crate::route::{Access::User, Route, get, post};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/account", User(Viewer), "Your own log-in: password, second factor, sessions", show),
        get("/account/{step}", User(Viewer), "Leads back to your account", back),
        post("/account/{step}", User(Viewer), "Change your password or second factor, end sessions", act),
    ]
}

/// Least width of the picture for apps.
const WIDTH: u32 = 240;

/// What was done, as the address says it, and the sentence for it.
const DONE: [(&str, &str); 5] = [
    ("needed", "Set up a second factor first: with your role, nothing else opens here without one."),
    ("password", "Your password is changed, and you are logged out everywhere else."),
    ("sessions", "Those sessions have ended."),
    ("off", "The second factor is off, and you are logged out everywhere else."),
    ("begun", "Add the account to your app, then enter a code to finish."),
];

#[derive(Serialize)]
struct View {
    email: String,
    role: &'static str,
    shortest: usize,
    factor: Factor,
    /// Told once, right after they were made.
    codes: Option<Vec<String>>,
    sessions: Vec<Row>,
    others: bool,
}

/// The second factor: exactly one of the three.
#[derive(Default, Serialize)]
struct Factor {
    off: bool,
    begun: Option<Begun>,
    on: Option<On>,
}

#[derive(Serialize)]
struct Begun {
    /// In groups of four letters.
    secret: String,
    address: String,
    /// The address as a picture, as a data URI.
    picture: String,
}

#[derive(Serialize)]
struct On {
    since: When,
    left: String,
    few: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    begun: When,
    seen: When,
    from: String,
    browser: String,
    current: bool,
}

impl Row {
    fn of(session: OwnSession, now: i64) -> Self {
        let OwnSession { id, created_at, seen_at, address, agent, this } = session;
        let browser = if agent.is_empty() { "unknown".to_owned() } else { agent };
        Self {
            id: id.to_string(),
            begun: When::past(created_at, now),
            seen: When::past(seen_at, now),
            from: address,
            browser,
            current: this,
        }
    }
}

impl Factor {
    fn of(factor: SecondFactor, now: i64) -> Result<Self, Problem> {
        Ok(match factor {
            SecondFactor::Off => Self { off: true, ..Self::default() },
            SecondFactor::Begun { secret, address } => {
                let letters: Vec<char> = secret.chars().collect();
                let secret = letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
                Self { begun: Some(Begun { picture: picture(&address)?, secret, address }), ..Self::default() }
            }
            SecondFactor::On { since, codes } => {
                let left = plural(i64::try_from(codes).unwrap_or(0), "recovery code");
                Self { on: Some(On { since: When::past(since, now), left, few: codes < 3 }), ..Self::default() }
            }
        })
    }
}

fn picture(address: &str) -> Result<String, Problem> {
    let code = QrCode::new(address).map_err(|error| {
        tracing::error!(%error, "the address for apps does not fit into a QR code");
        Problem::internal()
    })?;
    let svg = code.render::<svg::Color<'_>>().min_dimensions(WIDTH, WIDTH).build();
    Ok(format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)))
}

/// `GET /account`
pub(crate) async fn show(State(app): State<App>, visitor: Visitor, uri: Uri) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["done", "limit"])?;
    let notice = params.text("done").and_then(|done| DONE.iter().find(|(word, _)| *word == done)).map(|(_, sentence)| *sentence);
    page(&app, &visitor, notice, None, None).await
}

/// `GET /account/{step}`: a step is a form; who asks for it is led back to the page that has it.
pub(crate) async fn back() -> Response {
    see_other("/account")
}

/// `POST /account/{step}`
pub(crate) async fn act(State(app): State<App>, Path(step): Path<String>, form: Form) -> Result<Response, Problem> {
    match step_of(&app, &step, &form).await {
        Ok(response) => Ok(response),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Err(problem),
        Err(problem) => page(&app, &form.visitor, None, Some(&problem), None).await,
    }
}

async fn step_of(app: &App, step: &str, form: &Form) -> Result<Response, Problem> {
    let (visitor, visit, input) = (&form.visitor, &form.visit, &form.input);
    let (cx, user, token) = (&app.cx, &visitor.user, visitor.token());
    let present = || input.required("present_password");
    match step {
        "password" => {
            let token = access::change_own_password(cx, user, visit, &present(), &input.required("password")).await?;
            let mut response = see_other("/account?done=password");
            session::remember(&mut response, app, &token);
            Ok(response)
        }
        "sessions" => {
            let which = match input.text("which").as_deref() {
                Some("these") => Which::These(input.all("session").into_iter().filter_map(|id| id.parse().ok()).collect()),
                _ => Which::Others,
            };
            access::end_own(cx, user, token, visit, &present(), &which).await?;
            Ok(see_other("/account?done=sessions"))
        }
        "begin" => {
            access::begin_second(cx, user, visit, &present()).await?;
            Ok(see_other("/account?done=begun"))
        }
        "confirm" => {
            let codes = access::confirm_second(cx, user, token, &input.required("code")).await?;
            page(app, visitor, Some("The second factor is on, and you are logged out everywhere else."), None, Some(codes)).await
        }
        "codes" => {
            let codes = access::new_recovery_codes(cx, user, token, visit, &present()).await?;
            page(app, visitor, Some("The recovery codes of before open nothing any more."), None, Some(codes)).await
        }
        "off" => {
            access::remove_second(cx, user, token, visit, &present()).await?;
            Ok(see_other("/account?done=off"))
        }
        other => Err(Problem::not_found("step", other)),
    }
}

async fn page(
    app: &App,
    visitor: &Visitor,
    notice: Option<&'static str>,
    problem: Option<&Problem>,
    codes: Option<RecoveryCodes>,
) -> Result<Response, Problem> {
    let now = app.cx.now().timestamp_millis();
    let sessions = access::own_sessions(&app.cx, visitor.ws, visitor.id(), Some(visitor.token())).await?;
    let view = View {
        email: visitor.user.email.clone(),
        role: visitor.role.as_str(),
        shortest: SHORTEST_PASSWORD,
        factor: Factor::of(access::second_factor(&app.cx, &visitor.user).await?, now)?,
        codes: codes.map(|codes| codes.0),
        others: sessions.len() > 1,
        sessions: sessions.into_iter().map(|session| Row::of(session, now)).collect(),
    };
    let frame = Frame {
        title: "Your account",
        here: "account",
        visitor: Some(visitor),
        notice,
        problem,
        mail: app.captures_mail(),
        ..Frame::default()
    };
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let mut response = app.pages.page(status, "account", &frame, &view);
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}
