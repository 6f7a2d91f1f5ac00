//! Who calls the API: a bearer key, and what its scope allows.

use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, header, request::Parts},
};
use hearback_engine::{
    Actor,
    access::{self, ApiKey, Scope},
};

use crate::{App, error::Problem};

/// The key of a request that may do what it asks for: GET with `read`, POST, PUT and PATCH with `write`, DELETE with `admin`.
#[derive(Debug)]
pub struct Caller(pub ApiKey);

impl Caller {
    /// As the timeline names it.
    pub fn actor(&self) -> Actor {
        Actor::ApiKey(self.0.name.clone())
    }

    /// Refuses a key of a smaller scope.
    pub fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.0.scope >= scope {
            return Ok(());
        }
        let (has, needs) = (self.0.scope.as_str(), scope.as_str());
        Err(Problem::forbidden(format!("this key has the scope `{has}`; this call needs `{needs}`")))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("hb_live_")) {
            tracing::warn!("an API key stood in an address, where proxies and browsers keep it; revoke that key");
            return Err(unauthorized(
                "an API key must not stand in the address, where logs keep it: revoke this key and send the new one as `Authorization: Bearer KEY`",
            ));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Err(unauthorized("send a key as `Authorization: Bearer KEY`; `hearback apikey create` makes one"));
        };
        let bearer =
            value.to_str().ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let key = match bearer {
            Some((_, key)) => access::authenticate(&app.cx, key.trim()).await?,
            None => None,
        };
        let caller = Self(key.ok_or_else(|| unauthorized("this key is wrong or was revoked"))?);
        caller.needs(needed(&parts.method))?;
        Ok(caller)
    }
}

fn needed(method: &Method) -> Scope {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Scope::Read,
        Method::DELETE => Scope::Admin,
        _ => Scope::Write,
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}
