//! A route: the one place that says its method, its path, what it takes to be let through, what it is for, and who answers.
//!
//! Each file of a resource or page declares its own (`crate::api`, `crate::pages`). The router and its guard
//! (`crate::dispatch`), the description of the API and the list that `hearback routes` prints follow from it.
//!
//! People come in by a session and see pages; programs come in by a key and make calls. Neither opens the other's doors.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::Request,
    handler::Handler,
    http::{Method, StatusCode},
    response::Response,
};
use futures::future::BoxFuture;
use hearback_engine::role::{Role, Scope};

use crate::{
    App,
    api::{
        self,
        openapi::{Operation, Schemas},
    },
    pages,
};

/// What it takes to be let through.
///
/// Viewers look; agents work on cases and tasks; managers set up; admins have users, keys, erasing and workspaces besides.
/// Keys: `read` looks; `write` brings answers and people and works on cases; `admin` sets up and erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
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

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Form(Counted::Caller) => f.write_str("anyone, counted by address"),
            Self::Form(Counted::Link) => f.write_str("anyone, counted by link"),
            Self::Form(Counted::Both) => f.write_str("anyone, counted by both"),
            Self::Key(scope) => write!(f, "key: {}", scope.as_str()),
            Self::User(role) => write!(f, "user: {}", role.as_str()),
        }
    }
}

/// Answers a request that was let through.
pub(crate) type Serve = Arc<dyn Fn(App, Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// A method of a path, and all that is known about it.
#[derive(Clone)]
pub struct Route {
    /// `GET` stands for `HEAD` too.
    pub method: Method,
    /// With variables in braces, `/cases/{id}`.
    pub path: String,
    /// What it takes.
    pub access: Access,
    /// What it is for, in a few words.
    pub summary: &'static str,
    pub(crate) serve: Serve,
    /// Adds what a call takes and gives to its description; pages have none.
    pub(crate) describe: Option<fn(&mut Schemas, &mut Operation)>,
    /// What else than the errors of all calls of its kind it can end in.
    pub(crate) errors: Vec<StatusCode>,
    /// Whether it may read much, and waits for its turn: whatever our people and programs look at. What they bring, and what customers do,
    /// waits for no list.
    pub(crate) reads_much: bool,
}

impl Route {
    pub(crate) fn new(method: Method, path: &str, access: Access, summary: &'static str, serve: Serve) -> Self {
        let reads_much = method == Method::GET && matches!(access, Access::Key(_) | Access::User(_));
        Self { method, path: path.to_owned(), access, summary, serve, describe: None, errors: Vec::new(), reads_much }
    }

    /// The state of what it is about can refuse it, with 409.
    pub(crate) fn may_conflict(self) -> Self {
        self.may_end_in(StatusCode::CONFLICT)
    }

    /// It can end in this error, which not all calls of its kind can.
    pub(crate) fn may_end_in(mut self, error: StatusCode) -> Self {
        self.errors.push(error);
        self
    }

    /// The same under a path that it stands in.
    pub(crate) fn under(self, prefix: &str) -> Self {
        Self { path: format!("{prefix}{}", self.path), ..self }
    }

    /// It reads as much as a list, although it is none.
    pub(crate) fn like_a_list(self) -> Self {
        Self { reads_much: true, ..self }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.access)
    }
}

fn route<T: 'static>(method: Method, path: &str, access: Access, summary: &'static str, handler: impl Handler<T, App>) -> Route {
    let serve: Serve = Arc::new(move |app, request| Box::pin(handler.clone().call(request, app)));
    Route::new(method, path, access, summary, serve)
}

/// A page, or what one loads.
pub(crate) fn get<T: 'static>(path: &str, access: Access, summary: &'static str, handler: impl Handler<T, App>) -> Route {
    route(Method::GET, path, access, summary, handler)
}

/// What a form of a page does.
pub(crate) fn post<T: 'static>(path: &str, access: Access, summary: &'static str, handler: impl Handler<T, App>) -> Route {
    route(Method::POST, path, access, summary, handler)
}

/// What a browser asks before it lets another site make a call.
pub(crate) fn options<T: 'static>(path: &str, access: Access, summary: &'static str, handler: impl Handler<T, App>) -> Route {
    route(Method::OPTIONS, path, access, summary, handler)
}

/// Everything that is served, pages first.
pub fn all() -> &'static [Route] {
    static ALL: LazyLock<Vec<Route>> = LazyLock::new(|| pages::routes().into_iter().chain(api::routes()).collect());
    &ALL
}

/// The routes as a table of text: method, path, access, summary.
pub fn table() -> String {
    let wide = all().iter().map(|route| route.path.len()).max().unwrap_or_default();
    let line =
        |route: &Route| format!("{:7} {:wide$}  {:26}  {}\n", route.method.as_str(), route.path, route.access.to_string(), route.summary);
    all().iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `INSTA_UPDATE=always cargo test -p hearback-web` writes the file anew, for the review to see what changed.
    #[test]
    fn the_table_is_the_one_that_was_reviewed() {
        const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routes.txt");
        if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
            std::fs::write(FILE, table()).unwrap();
        }
        let reviewed = std::fs::read_to_string(FILE).unwrap();
        assert!(table() == reviewed, "routes differ from docs/routes.txt; INSTA_UPDATE=always writes it anew:\n{}", table());
    }

    #[test]
    fn no_route_is_declared_twice() {
        let mut declared: Vec<_> = all().iter().map(|route| (route.path.as_str(), route.method.as_str())).collect();
        declared.sort_unstable();
        assert!(declared.windows(2).all(|pair| pair[0] != pair[1]), "a route stands twice");
    }

    #[test]
    fn pages_are_for_users_and_calls_are_for_keys() {
        for route in all() {
            let call = route.path.starts_with("/api/");
            match route.access {
                Access::Key(scope) => assert!(call && (route.method == Method::GET || scope > Scope::Read), "{route:?}"),
                Access::User(_) => assert!(!call, "{route:?}"),
                Access::Anyone | Access::Form(_) => {}
            }
        }
    }
}
