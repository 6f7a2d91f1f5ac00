//! Who may do what: every page and every call, with the least role or scope that it takes.
//!
//! Owns the decision. `guard` stands before every route and lets through what the table allows; a route that is not in the
//! table is not served, and handlers check nothing themselves. Refuses to know: what a page or a call does.
//!
//! People come in by a session and see pages; programs come in by a key and make calls. Neither opens the other's doors.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hearback_engine::access::{Role, Scope};

use crate::{App, Peer, auth, error::Problem, pages};
use Counted::{Both, Caller, Link};
use Need::{Anyone, Form, Key, User};
use Role::{Admin as AdminUser, Agent, Manager, Viewer};
use Scope::{Admin as AdminKey, Read, Write};

/// What it takes to be let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: for strangers, and for links that carry their own permission.
    Anyone,
    /// Nothing, but forms are counted. (Survey pages, widgets and log-ins count for themselves: they know more of who comes.)
    Form(Counted),
    /// A key of at least this scope.
    Key(Scope),
    /// A user of at least this role, logged in.
    User(Role),
}

/// By what forms of customers are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// By the address that they come from: many people have the link.
    Caller,
    /// By the link: the servers of a mail provider press the button for many people.
    Link,
    /// By each.
    Both,
}

/// One line of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` stands for `HEAD` too.
    pub method: &'static str,
    /// As the router writes it, `/cases/{id}`.
    pub path: &'static str,
    /// See [`Need`].
    pub need: Need,
}

/// Viewers look; agents work on cases and tasks; managers set up; admins have users, keys, erasing and workspaces besides.
/// Keys: `read` looks; `write` brings answers and people and works on cases; `admin` sets up and erases.
const MATRIX: &[(&str, &str, Need)] = &[
    // Pages.
    ("GET", "/", User(Viewer)),
    ("GET", "/cases", User(Viewer)),
    ("GET", "/cases/{id}", User(Viewer)),
    ("GET", "/cases/{id}/{step}", User(Viewer)),
    ("POST", "/cases/{id}/{step}", User(Agent)),
    ("POST", "/tasks/{id}", User(Agent)),
    ("GET", "/teams", User(Viewer)),
    ("GET", "/alerts", User(Viewer)),
    ("POST", "/alerts/{id}/done", User(Agent)),
    ("GET", "/surveys", User(Viewer)),
    ("POST", "/surveys", User(Manager)),
    ("GET", "/surveys/{key}", User(Viewer)),
    ("GET", "/surveys/{key}/{step}", User(Viewer)),
    ("POST", "/surveys/{key}/{step}", User(Manager)),
    ("GET", "/messages", User(Viewer)),
    ("GET", "/messages/{id}", User(Viewer)),
    ("GET", "/campaigns", User(Viewer)),
    ("GET", "/campaigns/new", User(Manager)),
    ("POST", "/campaigns/new", User(Manager)),
    ("GET", "/campaigns/{key}", User(Viewer)),
    ("GET", "/campaigns/{key}/{step}", User(Viewer)),
    ("POST", "/campaigns/{key}/{step}", User(Manager)),
    ("GET", "/waves/{id}", User(Viewer)),
    ("GET", "/waves/{id}/{step}", User(Viewer)),
    ("POST", "/waves/{id}/{step}", User(Manager)),
    ("GET", "/rules", User(Viewer)),
    ("GET", "/rules/{key}", User(Viewer)),
    ("GET", "/rules/{key}/{step}", User(Viewer)),
    ("POST", "/rules/{key}/{step}", User(Manager)),
    ("GET", "/mail", User(Viewer)),
    ("GET", "/mail/{name}", User(Viewer)),
    ("GET", "/mail/{name}/html", User(Viewer)),
    ("GET", "/audit", User(AdminUser)),
    ("GET", "/account", User(Viewer)),
    ("GET", "/account/{step}", User(Viewer)),
    ("POST", "/account/{step}", User(Viewer)),
    ("POST", "/logout", User(Viewer)),
    ("GET", "/login", Anyone),
    ("POST", "/login", Anyone),
    ("GET", "/login/code", Anyone),
    ("POST", "/login/code", Anyone),
    ("GET", "/setup", Anyone),
    ("POST", "/setup", Anyone),
    // Links of customers.
    ("GET", "/u/{token}", Anyone),
    ("POST", "/u/{token}", Form(Link)),
    ("GET", "/me/{token}", Anyone),
    ("POST", "/me/{token}", Form(Both)),
    ("GET", "/t/{token}", Anyone),
    ("POST", "/t/{token}", Form(Both)),
    // The script on other sites, and what it says and asks; for the origins of the widget alone.
    ("GET", "/widget.js", Anyone),
    ("GET", "/w/{key}", Anyone),
    ("POST", "/w/{key}", Anyone),
    ("OPTIONS", "/w/{key}", Anyone),
    ("GET", "/r/{code}", Anyone),
    ("POST", "/r/{code}", Form(Caller)),
    ("GET", "/s/{token}", Anyone),
    ("POST", "/s/{token}", Anyone),
    ("GET", "/p/{survey}", Anyone),
    ("POST", "/p/{survey}", Anyone),
    ("GET", "/s-style/{file}", Anyone),
    // Answers and what is done about them.
    ("GET", "/api/v1/responses", Key(Read)),
    ("POST", "/api/v1/responses", Key(Write)),
    ("POST", "/api/v1/responses/batch", Key(Write)),
    ("GET", "/api/v1/responses/{id}", Key(Read)),
    ("PATCH", "/api/v1/responses/{id}", Key(Write)),
    ("GET", "/api/v1/cases", Key(Read)),
    ("GET", "/api/v1/cases/{id}", Key(Read)),
    ("POST", "/api/v1/cases/{id}/contacts", Key(Write)),
    ("POST", "/api/v1/cases/{id}/replies", Key(Write)),
    ("POST", "/api/v1/cases/{id}/resolve", Key(Write)),
    ("POST", "/api/v1/cases/{id}/close", Key(Write)),
    ("POST", "/api/v1/cases/{id}/reopen", Key(Write)),
    ("POST", "/api/v1/cases/{id}/wait", Key(Write)),
    ("POST", "/api/v1/cases/{id}/resume", Key(Write)),
    ("POST", "/api/v1/cases/{id}/lapse", Key(Write)),
    ("POST", "/api/v1/cases/close", Key(Write)),
    ("POST", "/api/v1/cases/{id}/assign", Key(Write)),
    ("GET", "/api/v1/tasks", Key(Read)),
    ("GET", "/api/v1/tasks/{id}", Key(Read)),
    ("PATCH", "/api/v1/tasks/{id}", Key(Write)),
    ("GET", "/api/v1/deliveries", Key(Read)),
    ("GET", "/api/v1/deliveries/{id}", Key(Read)),
    ("POST", "/api/v1/inbound", Key(Write)),
    ("GET", "/api/v1/messages", Key(Read)),
    ("GET", "/api/v1/messages/{id}", Key(Read)),
    ("GET", "/api/v1/metrics", Key(Read)),
    ("GET", "/api/v1/alerts", Key(Read)),
    ("POST", "/api/v1/alerts/{id}/done", Key(Write)),
    // Customers.
    ("GET", "/api/v1/people", Key(Read)),
    ("PUT", "/api/v1/people", Key(Write)),
    ("GET", "/api/v1/people/{id}", Key(Read)),
    ("DELETE", "/api/v1/people/{id}", Key(AdminKey)),
    // Codes are worth money to whoever reads them.
    ("GET", "/api/v1/pools", Key(Read)),
    ("GET", "/api/v1/pools/{key}", Key(Read)),
    ("PUT", "/api/v1/pools/{key}", Key(AdminKey)),
    ("GET", "/api/v1/pools/{key}/codes", Key(AdminKey)),
    ("POST", "/api/v1/pools/{key}/codes", Key(AdminKey)),
    ("POST", "/api/v1/pools/{key}/codes/revoke", Key(AdminKey)),
    ("POST", "/api/v1/people/{id}/merge", Key(AdminKey)),
    ("GET", "/api/v1/accounts", Key(Read)),
    ("PUT", "/api/v1/accounts", Key(Write)),
    ("GET", "/api/v1/accounts/{key}", Key(Read)),
    ("GET", "/api/v1/events", Key(Read)),
    ("GET", "/api/v1/testimonials", Key(Read)),
    ("POST", "/api/v1/testimonials/{id}/approve", Key(Write)),
    ("POST", "/api/v1/testimonials/{id}/withdraw", Key(Write)),
    ("GET", "/api/v1/referrals", Key(Read)),
    ("POST", "/api/v1/referrals/{code}/conversions", Key(Write)),
    ("GET", "/api/v1/suppressions", Key(Read)),
    ("POST", "/api/v1/suppressions", Key(Write)),
    ("GET", "/api/v1/suppressions/export", Key(AdminKey)),
    ("POST", "/api/v1/suppressions/import", Key(AdminKey)),
    ("DELETE", "/api/v1/suppressions/{address}", Key(AdminKey)),
    // The set-up.
    ("GET", "/api/v1/surveys", Key(Read)),
    ("POST", "/api/v1/surveys", Key(AdminKey)),
    ("GET", "/api/v1/surveys/{key}", Key(Read)),
    ("PUT", "/api/v1/surveys/{key}/draft", Key(AdminKey)),
    ("POST", "/api/v1/surveys/{key}/publish", Key(AdminKey)),
    ("POST", "/api/v1/surveys/{key}/close", Key(AdminKey)),
    ("GET", "/api/v1/campaigns", Key(Read)),
    ("POST", "/api/v1/campaigns", Key(AdminKey)),
    ("GET", "/api/v1/campaigns/{key}", Key(Read)),
    ("PUT", "/api/v1/campaigns/{key}", Key(AdminKey)),
    ("GET", "/api/v1/campaigns/{key}/plan", Key(Read)),
    ("POST", "/api/v1/campaigns/{key}/pause", Key(AdminKey)),
    ("POST", "/api/v1/campaigns/{key}/resume", Key(AdminKey)),
    ("POST", "/api/v1/campaigns/{key}/end", Key(AdminKey)),
    ("POST", "/api/v1/campaigns/{key}/waves", Key(AdminKey)),
    ("GET", "/api/v1/waves", Key(Read)),
    ("POST", "/api/v1/waves", Key(AdminKey)),
    ("GET", "/api/v1/waves/{id}", Key(Read)),
    ("POST", "/api/v1/waves/{id}/pause", Key(AdminKey)),
    ("POST", "/api/v1/waves/{id}/resume", Key(AdminKey)),
    ("POST", "/api/v1/waves/{id}/cancel", Key(AdminKey)),
    ("GET", "/api/v1/invitations", Key(Read)),
    ("POST", "/api/v1/invitations", Key(Write)),
    ("GET", "/api/v1/invitations/{id}", Key(Read)),
    ("POST", "/api/v1/interactions", Key(Write)),
    ("GET", "/api/v1/rules", Key(Read)),
    ("GET", "/api/v1/calendars", Key(Read)),
    ("PUT", "/api/v1/calendars/{key}", Key(AdminKey)),
    ("GET", "/api/v1/policies", Key(Read)),
    ("PUT", "/api/v1/policies", Key(AdminKey)),
    ("GET", "/api/v1/teams", Key(Read)),
    ("PUT", "/api/v1/teams/{key}", Key(AdminKey)),
    ("GET", "/api/v1/users", Key(AdminKey)),
    ("POST", "/api/v1/users", Key(AdminKey)),
    ("GET", "/api/v1/users/{id}", Key(AdminKey)),
    ("PATCH", "/api/v1/users/{id}", Key(AdminKey)),
    ("GET", "/api/v1/users/{id}/sessions", Key(AdminKey)),
    ("DELETE", "/api/v1/users/{id}/sessions", Key(AdminKey)),
    ("DELETE", "/api/v1/users/{id}/totp", Key(AdminKey)),
    ("PUT", "/api/v1/users/{id}/absence", Key(AdminKey)),
    ("PUT", "/api/v1/users/{id}/cap", Key(AdminKey)),
    ("POST", "/api/v1/users/{id}/hand_over", Key(AdminKey)),
    ("POST", "/api/v1/rules", Key(AdminKey)),
    ("POST", "/api/v1/rules/backtest", Key(Write)),
    ("GET", "/api/v1/rules/{key}", Key(Read)),
    ("POST", "/api/v1/rules/{key}/enable", Key(AdminKey)),
    ("POST", "/api/v1/rules/{key}/disable", Key(AdminKey)),
    ("POST", "/api/v1/rules/{key}/resume", Key(AdminKey)),
    ("POST", "/api/v1/rules/{key}/rollback", Key(AdminKey)),
    ("GET", "/api/v1/rules/{key}/runs", Key(Read)),
    ("GET", "/api/v1/webhooks", Key(AdminKey)),
    ("POST", "/api/v1/webhooks", Key(AdminKey)),
    ("DELETE", "/api/v1/webhooks/{key}", Key(AdminKey)),
    ("POST", "/api/v1/webhooks/{key}/enable", Key(AdminKey)),
    ("GET", "/api/v1/widgets", Key(AdminKey)),
    ("POST", "/api/v1/widgets", Key(AdminKey)),
    ("DELETE", "/api/v1/widgets/{id}", Key(AdminKey)),
    ("GET", "/api/v1/workspace", Key(Read)),
    ("PATCH", "/api/v1/workspace", Key(AdminKey)),
    ("GET", "/api/v1/apikeys", Key(AdminKey)),
    ("POST", "/api/v1/apikeys", Key(AdminKey)),
    ("DELETE", "/api/v1/apikeys/{id}", Key(AdminKey)),
    ("GET", "/api/v1/audit", Key(AdminKey)),
    ("GET", "/api/v1/jobs", Key(AdminKey)),
    ("POST", "/api/v1/jobs/{id}/retry", Key(AdminKey)),
    ("POST", "/api/v1/jobs/{id}/discard", Key(AdminKey)),
    // For whoever asks.
    ("GET", "/api/v1/openapi.json", Anyone),
    ("GET", "/healthz", Anyone),
    ("GET", "/readyz", Anyone),
    ("GET", "/static/{file}", Anyone),
];

/// All of it.
pub fn routes() -> impl Iterator<Item = Route> {
    MATRIX.iter().map(|&(method, path, need)| Route { method, path, need })
}

/// What a request to this route takes; `None` when the matrix does not know it.
pub(crate) fn need(method: &str, path: &str) -> Option<Need> {
    let method = if method == "HEAD" { "GET" } else { method };
    routes().find(|route| route.path == path && route.method == method).map(|route| route.need)
}

/// Lets through who may; whoever it is, the handler finds them in the request ([`auth::Caller`], [`pages::Visitor`]).
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    if app.is_customers_host(request.headers()) && !is_for_customers(&path) {
        return Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address").into_response();
    }
    let let_in = match need(request.method().as_str(), &path) {
        Some(Anyone) => Ok(()),
        Some(Form(by)) => count(&app, &request, by).map_err(Problem::into_response),
        Some(Key(scope)) => auth::let_in(&app, &mut request, scope).await.map_err(Problem::into_response),
        Some(User(role)) => pages::let_in(&app, &mut request, role).await,
        None => Err(unknown(request.method(), &path)),
    };
    match let_in {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

/// Whether a route is served under the host that is for customers alone: what strangers may open, but for the doors of our people.
fn is_for_customers(path: &str) -> bool {
    let doors = ["/login", "/login/code", "/setup", "/api/v1/openapi.json"];
    !doors.contains(&path) && routes().any(|route| route.path == path && matches!(route.need, Anyone | Form(_)))
}

fn count(app: &App, request: &Request, by: Counted) -> Result<(), Problem> {
    if matches!(by, Caller | Both)
        && let Some(Peer(address)) = request.extensions().get::<Peer>()
    {
        app.buckets.form(app.config.rates, *address)?;
    }
    if matches!(by, Link | Both) {
        app.buckets.form_link(app.config.rates, request.uri().path())?;
    }
    Ok(())
}

/// The router has the path: either it does not take the method, or somebody forgot a line of the matrix.
fn unknown(method: &Method, path: &str) -> Response {
    let mut methods: Vec<&str> = routes().filter(|route| route.path == path).map(|route| route.method).collect();
    if methods.is_empty() {
        tracing::error!(%method, path, "a route is not in the matrix of who may do what: nobody may");
        return Problem::internal().into_response();
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let detail = "this address does not take this method; the Allow header says which it takes";
    let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
    if let Ok(allow) = HeaderValue::from_str(&methods.join(",")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The routes of a router as they stand in its source: `("GET", "/cases")`.
    fn written(source: &str, prefix: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let code: String = source.split("#[cfg(test)]").next().unwrap().split_whitespace().collect();
        for route in code.split(".route(\"").skip(1) {
            let (path, handlers) = route.split_once("\",").unwrap();
            let (nested, handlers) =
                (path.starts_with("/healthz") || path.starts_with("/readyz"), handlers.split(".nest(").next().unwrap());
            let prefix = if nested { "" } else { prefix };
            for method in ["get", "post", "put", "patch", "delete", "options"] {
                let call = format!("{method}(");
                let starts = |at: usize| at == 0 || handlers.as_bytes()[at - 1] == b'.';
                if handlers.match_indices(&call).any(|(at, _)| starts(at)) {
                    found.push((method.to_uppercase(), format!("{prefix}{path}")));
                }
            }
        }
        found
    }

    #[test]
    fn every_route_of_the_router_stands_here_once_and_nothing_else_does() {
        let mut written: Vec<(String, String)> = written(include_str!("api/mod.rs"), "/api/v1");
        written.extend(self::written(include_str!("pages/mod.rs"), ""));
        let mut known: Vec<(String, String)> = routes().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        written.sort();
        known.sort();
        let missing: Vec<_> = written.iter().filter(|route| !known.contains(route)).collect();
        let stale: Vec<_> = known.iter().filter(|route| !written.contains(route)).collect();
        assert!(missing.is_empty() && stale.is_empty(), "not in the matrix: {missing:?}; in the matrix, but no route: {stale:?}");
        assert!(known.windows(2).all(|pair| pair[0] != pair[1]), "a route stands twice");
    }

    #[test]
    fn customers_have_their_pages_and_no_others() {
        for route in routes().filter(|route| is_for_customers(route.path)) {
            let known = ["/u/", "/me/", "/t/", "/r/", "/s/", "/p/", "/w/", "/widget.js", "/s-style/", "/static/", "/healthz", "/readyz"];
            assert!(known.iter().any(|start| route.path.starts_with(start)), "{route:?}: is it for customers? Then name it here");
        }
    }

    #[test]
    fn pages_are_for_users_and_calls_are_for_keys() {
        for route in routes() {
            let call = route.path.starts_with("/api/");
            match route.need {
                Key(scope) => assert!(call && (route.method == "GET" || scope > Read), "{route:?}"),
                User(_) => assert!(!call, "{route:?}"),
                Anyone | Form(_) => {}
            }
        }
    }
}
