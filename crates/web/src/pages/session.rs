//! Who looks at a page: the session cookie, and forms that only our own pages can send.
//!
//! A form is taken when the browser says that it comes from our origin and when it carries a token that is bound to the
//! session. Neither needs a script.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use hearback_core::{
    id::{UserId, WorkspaceId},
    token::fingerprint,
};
use hearback_engine::{
    Actor,
    access::{self, Visit},
    role::Role,
};
use hearback_store::users;
use subtle::ConstantTimeEq as _;

use crate::{App, Peer, body, error::Problem};

/// Largest form, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// A user who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) ws: WorkspaceId,
    /// What the workspace is called.
    pub(crate) workspace: String,
    pub(crate) user: users::Model,
    pub(crate) role: Role,
    /// Why nothing is sent, if so.
    pub(crate) held: Option<String>,
    token: String,
}

impl Visitor {
    /// What their forms carry. Says nothing about the session token it is made of.
    pub(crate) fn form_token(&self) -> String {
        fingerprint(&format!("form/{}", self.token))
    }

    /// As the timeline names them.
    pub(crate) fn actor(&self) -> Actor {
        Actor::User(self.user.email.clone())
    }

    /// Their id.
    pub(crate) const fn id(&self) -> UserId {
        UserId::from_uuid(self.user.id)
    }

    /// The session's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

/// Who the cookie belongs to, if to anybody.
pub(crate) async fn visitor(app: &App, headers: &HeaderMap) -> Result<Option<Visitor>, Problem> {
    let Some(token) = cookie(headers, cookie_name(app)) else { return Ok(None) };
    let Some((ws, user)) = access::session(&app.cx, token).await? else { return Ok(None) };
    let known = app.cx.workspaces.get(app.cx.db.read(), ws).await?;
    let (workspace, held) = (known.name.clone(), known.held.as_ref().map(|hold| hold.why.clone()));
    // A role that this version does not know may only look.
    let role = Role::parse(&user.role).unwrap_or(Role::Viewer);
    Ok(Some(Visitor { ws, workspace, user, role, held, token: token.to_owned() }))
}

/// Lets in a user of this role or a larger one; handlers find them as [`Visitor`]. Without a session the browser is led to
/// the log-in and from there back.
pub(crate) async fn let_in(app: &App, request: &mut Request, needs: Role) -> Result<(), Response> {
    let Some(visitor) = visitor(app, request.headers()).await.map_err(IntoResponse::into_response)? else {
        // A form can't be sent again from there: lead to the page that it stood on.
        let wanted = request.uri().path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        let wanted = if request.method().is_safe() { wanted } else { "/" };
        let next: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        return Err(see_other(&if wanted == "/" { "/login".to_owned() } else { format!("/login?next={next}") }));
    };
    // Nothing else opens before a second factor is there, where one is asked for.
    let path = request.uri().path();
    let allowed = path == "/logout" || path == "/account" || path.starts_with("/account/");
    if !allowed && access::lacks_second(&app.cx, &visitor.user).await.map_err(|error| Problem::from(error).into_response())? {
        return Err(see_other("/account?done=needed"));
    }
    if visitor.role < needs {
        let (has, needs) = (visitor.role.as_str(), needs.as_str());
        let detail = format!("this takes the role `{needs}`, and yours is `{has}`; ask an admin of this workspace if you need it");
        return Err(Problem::forbidden(detail).into_response());
    }
    request.extensions_mut().insert(visitor);
    Ok(())
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        // Missing only on a route that is open to everyone.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal().into_response())
    }
}

/// The fields of a form.
#[derive(Debug, Default)]
pub(crate) struct Input(Vec<(String, String)>);

impl Input {
    /// What was entered; `None` when nothing was.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, value)| key == name && !value.trim().is_empty()).map(|(_, value)| value.clone())
    }

    /// Everything that was chosen under this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The same where something has to be entered: empty otherwise.
    pub(crate) fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }
}

/// A form of one of our pages, sent by a user who may do what it is for.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) visitor: Visitor,
    pub(crate) visit: Visit,
    pub(crate) input: Input,
}

impl FromRequest<App> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        own_origin(&parts.headers, app).map_err(IntoResponse::into_response)?;
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let visit = visit(&parts.headers, &parts.extensions);
        let input = input(Request::from_parts(parts, body)).await.map_err(IntoResponse::into_response)?;
        let sent = input.text("csrf").unwrap_or_default();
        if !bool::from(sent.as_bytes().ct_eq(visitor.form_token().as_bytes())) {
            let detail = "this form is from an older log-in; open the page again and send it once more";
            return Err(Problem::forbidden(detail).into_response());
        }
        Ok(Self { visitor, visit, input })
    }
}

/// Where a request comes from.
pub(crate) fn visit(headers: &HeaderMap, extensions: &Extensions) -> Visit {
    // There is a peer on every connection.
    let address = extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Visit { address, agent: agent.to_owned() }
}

/// Reads a form whatever its sender; the caller has checked where it comes from.
pub(crate) async fn input(request: Request) -> Result<Input, Problem> {
    match body::content_type(request.headers()).as_deref() {
        Some("application/x-www-form-urlencoded") => {}
        other => return Err(body::unsupported(other.unwrap_or("nothing"), "a form (application/x-www-form-urlencoded)")),
    }
    let bytes = body::read(request.into_body(), MAX_FORM).await?;
    Ok(Input(form_urlencoded::parse(&bytes).into_owned().collect()))
}

/// Refuses what another site made the browser send.
pub(crate) fn own_origin(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(header::ORIGIN).is_some_and(|origin| {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin == app.config.public_url || (host.is_some() && host == text(header::HOST))
        }),
    };
    if own {
        Ok(())
    } else {
        Err(Problem::forbidden("this form was not sent by a page of this server; open the page here and send it again"))
    }
}

/// Leads the browser to another page of ours.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// A path of ours to go on to; anything that could lead elsewhere becomes the first page.
pub(crate) fn own_path(path: Option<String>) -> String {
    let safe = |path: &String| {
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    path.filter(safe).unwrap_or_else(|| "/".to_owned())
}

/// Sets the session cookie.
pub(crate) fn remember(response: &mut Response, app: &App, token: &str) {
    set_cookie(response, app, token, app.cx.settings.log_ins.length.num_seconds());
}

/// Takes the session cookie away.
pub(crate) fn forget(response: &mut Response, app: &App) {
    set_cookie(response, app, "", 0);
}

fn set_cookie(response: &mut Response, app: &App, token: &str, age: i64) {
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie = format!("{}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}", cookie_name(app));
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The `__Host-` prefix makes browsers refuse a cookie that anybody but this host set; they allow it over TLS only.
fn cookie_name(app: &App) -> &'static str {
    if app.is_https() { "__Host-sid" } else { "sid" }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_followed() {
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:alert(1)", "/a\r\nSet-Cookie: x"] {
            assert_eq!(own_path(Some(bad.to_owned())), "/", "{bad}");
        }
        assert_eq!(own_path(Some("/cases?owner=mine".to_owned())), "/cases?owner=mine");
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; sid=secret; b=2"));
        assert_eq!(cookie(&headers, "sid"), Some("secret"));
        assert_eq!(cookie(&headers, "id"), None);
    }
}
