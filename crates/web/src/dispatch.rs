//! From the declared routes to a router: who is let through, and who answers.
//!
//! Owns the guard. It stands before every route and lets through what its [`Access`] allows; handlers check nothing themselves.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::any,
};

use crate::{
    App, Peer, auth,
    error::Problem,
    pages,
    route::{Access, Counted, Route},
};

/// All routes of one path.
#[derive(Debug)]
struct Place {
    routes: Vec<Route>,
    is_for_customers: bool,
}

impl Place {
    fn of(path: &str, routes: Vec<Route>) -> Self {
        let is_open = routes.iter().any(|route| matches!(route.access, Access::Anyone | Access::Form(_)));
        Self { routes, is_for_customers: is_open && !OURS.contains(&path) }
    }

    fn route(&self, method: &Method) -> Option<&Route> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.iter().find(|route| route.method == *method)
    }
}

/// What strangers may open, but not under the host that is for customers alone: the doors of our people.
const OURS: [&str; 4] = ["/login", "/login/code", "/setup", "/api/v1/openapi.json"];

/// All routes, each behind the guard.
pub(crate) fn router(app: &App, routes: &[Route]) -> Router {
    places(routes).into_iter().fold(Router::new(), |router, (path, routes)| {
        let (app, place) = (app.clone(), Arc::new(Place::of(path, routes)));
        router.route(path, any(move |request| serve(app.clone(), Arc::clone(&place), request)))
    })
}

fn places(routes: &[Route]) -> BTreeMap<&str, Vec<Route>> {
    let mut places: BTreeMap<&str, Vec<Route>> = BTreeMap::new();
    for route in routes {
        places.entry(&route.path).or_default().push(route.clone());
    }
    places
}

async fn serve(app: App, place: Arc<Place>, mut request: Request) -> Response {
    if app.is_customers_host(request.headers()) && !place.is_for_customers {
        return Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address").into_response();
    }
    let Some(route) = place.route(request.method()) else { return not_taken(&place.routes) };
    if let Err(refusal) = let_in(&app, route.access, &mut request).await {
        return refusal;
    }
    if !route.reads_much {
        return (route.serve)(app, request).await;
    }
    match app.cx.readers.place().await {
        // Held until the answer is ready, not until it is sent.
        Ok(_held) => (route.serve)(app, request).await,
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Lets through who may; whoever it is, the handler finds them in the request ([`auth::Caller`], [`pages::Visitor`]).
async fn let_in(app: &App, access: Access, request: &mut Request) -> Result<(), Response> {
    match access {
        Access::Anyone => Ok(()),
        Access::Form(by) => count(app, request, by).map_err(Problem::into_response),
        Access::Key(scope) => auth::let_in(app, request, scope).await.map_err(Problem::into_response),
        Access::User(role) => pages::let_in(app, request, role).await,
    }
}

fn count(app: &App, request: &Request, by: Counted) -> Result<(), Problem> {
    if matches!(by, Counted::Caller | Counted::Both)
        && let Some(Peer(address)) = request.extensions().get::<Peer>()
    {
        app.buckets.form(app.config.rates, *address)?;
    }
    if matches!(by, Counted::Link | Counted::Both) {
        app.buckets.form_link(app.config.rates, request.uri().path())?;
    }
    Ok(())
}

/// The path is there, but not with this method.
fn not_taken(routes: &[Route]) -> Response {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
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

    #[test]
    fn customers_have_their_pages_and_no_others() {
        for (path, routes) in places(crate::route::all()) {
            let known = ["/u/", "/me/", "/t/", "/r/", "/s/", "/p/", "/w/", "/widget.js", "/s-style/", "/static/", "/healthz", "/readyz"];
            let is_known = known.iter().any(|start| path.starts_with(start));
            assert!(is_known || !Place::of(path, routes).is_for_customers, "{path}: is it for customers? Then name it here");
        }
    }
}
