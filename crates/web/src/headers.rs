//! What every answer carries, errors included: headers that keep browsers from doing harm with it.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{App, error::Problem};

/// Nothing but our own style sheet, pictures and forms; no script at all, but for the page on which customers answer. Where there
/// is a script, it makes no HTML of text.
const CONTENT_SECURITY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; \
                                base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A page on which customers answer has a script of ours besides, and no frames.
pub const SURVEY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
                          base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A page of ours that keeps itself up to date by a script, which reads this page, and nothing else, as HTML.
pub const LIVE: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; \
                        base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types own-page";

/// As `SURVEY`, for a preview, which our own pages frame.
pub const SURVEY_PREVIEW: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
                                  base-uri 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/// As on all other pages, where a form may be led on to `origin`.
pub fn content_security_with_forms_to(origin: &str) -> String {
    CONTENT_SECURITY.replace("form-action 'self'", &format!("form-action 'self' {origin}"))
}

const FIXED: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "geolocation=(), camera=(), microphone=()"),
    (header::CACHE_CONTROL, "no-store"),
    // Links of customers are theirs, and pages of ours are nobody else's: nothing here is to be found by a search.
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Adds the headers; what a handler set itself stays. An error without words of ours gets them.
pub async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let page = !(path.starts_with("/api/") || path.starts_with("/w/") || path == "/healthz" || path == "/readyz");
    let mut response = if has_one_host(&request) {
        next.run(request).await
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "a request must have exactly one Host header").into_response()
    };
    let status = response.status();
    let wordless = response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if (status.is_client_error() || status.is_server_error()) && wordless {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = Problem::new(status, reason(status)).into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if page && let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let shown = app.pages.error(&problem);
        let headers = std::mem::take(response.headers_mut());
        response = shown;
        for (name, value) in headers.iter().filter(|(name, _)| *name == header::RETRY_AFTER || *name == header::ALLOW) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        default(headers, name, value);
    }
    // Browsers hide even our own origin from us under `no-referrer`. Over TLS they tell by `Sec-Fetch-Site` where a form
    // comes from; without it the origin is all we have.
    default(headers, header::REFERRER_POLICY, if app.is_https() { "no-referrer" } else { "same-origin" });
    if app.is_https() {
        default(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    response
}

/// Whoever stands between us and a browser, and we ourselves, must not take a request for two different hosts (RFC 9112, 3.2).
fn has_one_host(request: &Request) -> bool {
    match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        hosts => hosts == 1,
    }
}

/// What the router has no words for.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this address",
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method; the Allow header says which it takes",
        other => other.canonical_reason().unwrap_or("this can't be done"),
    }
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
