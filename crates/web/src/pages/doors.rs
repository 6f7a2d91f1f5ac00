//! Log-in, log-out, and the first user of a fresh server.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hearback_engine::{
    Actor,
    access::{self, LogIn, SHORTEST_PASSWORD, Visit},
    role::Role,
};
use serde::Serialize;
use subtle::ConstantTimeEq as _;

use super::{
    Frame,
    session::{self, Form, Input, own_path, see_other},
};
use crate::route::{
    Access::{Anyone, User},
    Route, get, post,
};
use crate::{App, error::Problem, query::Params};
use hearback_engine::role::Role::Viewer;

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/logout", User(Viewer), "Log out", log_out),
        get("/login", Anyone, "The form to log in", login_page),
        post("/login", Anyone, "Log in", log_in),
        get("/login/code", Anyone, "Leads back to the log-in", code_page),
        post("/login/code", Anyone, "Give the code of the second factor", give_code),
        get("/setup", Anyone, "The form that makes the first user", setup_page),
        post("/setup", Anyone, "Make the first user", set_up),
    ]
}

#[derive(Debug, Default, Serialize)]
struct LoginView {
    email: String,
    next: String,
    /// Nobody can log in yet, and the first-run page is closed.
    nobody: bool,
    /// Address and password fit users of each of these: one has to be chosen.
    workspaces: Vec<WorkspaceChoice>,
}

/// A workspace to log in to.
#[derive(Debug, Serialize)]
struct WorkspaceChoice {
    key: String,
    name: String,
}

/// `GET /login`
pub(crate) async fn login_page(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let next = own_path(Params::read(&uri, &["next"])?.text("next").map(str::to_owned));
    if session::visitor(&app, &headers).await?.is_some() {
        return Ok(see_other(&next));
    }
    let nobody = !access::has_users(&app.cx).await?;
    if nobody && app.config.setup_token.is_some() {
        return Ok(see_other("/setup"));
    }
    Ok(login(&app, None, &LoginView { next, nobody, ..LoginView::default() }))
}

/// `POST /login`
pub(crate) async fn log_in(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    session::own_origin(request.headers(), &app)?;
    let visit = session::visit(request.headers(), request.extensions());
    app.buckets.log_in(app.config.rates, visit.address)?;
    let input = session::input(request).await?;
    let next = own_path(input.text("next"));
    let (email, password) = (input.required("email"), input.required("password"));
    let view = LoginView { email, next, ..LoginView::default() };
    let refused = |detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let (problem, workspaces) = match access::log_in(&app.cx, &visit, input.text("workspace").as_deref(), &view.email, &password).await {
        Ok(LogIn::In(_, token)) => {
            let mut response = see_other(&view.next);
            session::remember(&mut response, &app, &token);
            return Ok(response);
        }
        Ok(LogIn::Code(token)) => return Ok(code(&app, None, &CodeView { token, next: view.next })),
        Ok(LogIn::Wrong) => (refused("address or password is wrong"), Vec::new()),
        Ok(LogIn::Several(several)) => (refused("you work in several workspaces: choose one, and enter the password once more"), several),
        Err(error) => (error.into(), Vec::new()),
    };
    let retry_after = problem.retry_after;
    let workspaces = workspaces.into_iter().map(|(key, name)| WorkspaceChoice { key, name }).collect();
    Ok(later(login(&app, Some(&problem), &LoginView { workspaces, ..view }), retry_after))
}

/// A page that says when to try again says it to programs too.
fn later(mut response: Response, seconds: Option<u64>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[derive(Debug, Serialize)]
struct CodeView {
    /// Says whose password was right, for some minutes.
    token: String,
    next: String,
}

/// `GET /login/code`: the form is shown after the password only.
pub(crate) async fn code_page() -> Response {
    see_other("/login")
}

/// `POST /login/code`
pub(crate) async fn give_code(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    session::own_origin(request.headers(), &app)?;
    let visit = session::visit(request.headers(), request.extensions());
    app.buckets.log_in(app.config.rates, visit.address)?;
    let input = session::input(request).await?;
    let view = CodeView { token: input.required("token"), next: own_path(input.text("next")) };
    let problem = match access::give_code(&app.cx, &visit, &view.token, &input.required("code")).await {
        Ok(LogIn::In(_, token)) => {
            let mut response = see_other(&view.next);
            session::remember(&mut response, &app, &token);
            return Ok(response);
        }
        Ok(_) => Problem::field("code", "does not fit or was used already; enter the one that the app shows now"),
        Err(error) => error.into(),
    };
    if problem.status == StatusCode::CONFLICT {
        return Ok(login(&app, Some(&problem), &LoginView { next: view.next, ..LoginView::default() }));
    }
    let retry_after = problem.retry_after;
    Ok(later(code(&app, Some(&problem), &view), retry_after))
}

fn code(app: &App, problem: Option<&Problem>, view: &CodeView) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    app.pages.page(status, "login_code", &Frame { title: "Your code", problem, ..Frame::default() }, view)
}

fn login(app: &App, problem: Option<&Problem>, view: &LoginView) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    app.pages.page(status, "login", &Frame { title: "Log in", problem, ..Frame::default() }, view)
}

/// `POST /logout`
pub(crate) async fn log_out(State(app): State<App>, form: Form) -> Result<Response, Problem> {
    access::log_out(&app.cx, form.visitor.token()).await?;
    let mut response = see_other("/login");
    session::forget(&mut response, &app);
    Ok(response)
}

#[derive(Debug, Default, Serialize)]
struct SetupView {
    token: String,
    email: String,
    name: String,
    shortest: usize,
}

/// `GET /setup`: while nobody can log in.
pub(crate) async fn setup_page(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    needs_nobody(&app).await?;
    let token = Params::read(&uri, &["token"])?.text("token").unwrap_or_default().to_owned();
    Ok(setup(&app, None, SetupView { token, ..SetupView::default() }))
}

/// `POST /setup`: makes the first user, who may do everything, and logs them in.
pub(crate) async fn set_up(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    session::own_origin(request.headers(), &app)?;
    let visit = session::visit(request.headers(), request.extensions());
    let token = needs_nobody(&app).await?;
    let input = session::input(request).await?;
    match first_user(&app, token, &visit, &input).await {
        Ok(response) => Ok(response),
        Err(problem) => {
            let view =
                SetupView { token: input.required("token"), email: input.required("email"), name: input.required("name"), shortest: 0 };
            Ok(setup(&app, Some(&problem), view))
        }
    }
}

async fn first_user(app: &App, token: &str, visit: &Visit, input: &Input) -> Result<Response, Problem> {
    if !bool::from(input.required("token").trim().as_bytes().ct_eq(token.as_bytes())) {
        return Err(Problem::field("token", "is not the one that the server printed when it started"));
    }
    let (email, name, password) = (input.required("email"), input.required("name"), input.required("password"));
    let ws = app.config.workspace;
    access::add_user(&app.cx, ws, &Actor::User(email.clone()), &email, &name, Role::Admin, Some(&password)).await?;
    let LogIn::In(_, session) = access::log_in(&app.cx, visit, None, &email, &password).await? else { return Ok(see_other("/login")) };
    let mut response = see_other("/");
    session::remember(&mut response, app, &session);
    Ok(response)
}

/// The token that the server printed; the page is not there without one, nor once there is a user.
async fn needs_nobody(app: &App) -> Result<&str, Problem> {
    let token = app.config.setup_token.as_deref();
    match token {
        Some(token) if !access::has_users(&app.cx).await? => Ok(token),
        _ => Err(Problem::new(StatusCode::NOT_FOUND, "this server is set up already; log in instead")),
    }
}

fn setup(app: &App, problem: Option<&Problem>, view: SetupView) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let view = SetupView { shortest: SHORTEST_PASSWORD, ..view };
    app.pages.page(status, "setup", &Frame { title: "Welcome", problem, ..Frame::default() }, &view).into_response()
}
