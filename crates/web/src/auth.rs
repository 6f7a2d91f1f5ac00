//! Who calls the API: a bearer key. What its scope opens is declared with each [`crate::route`].

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header},
};
use hearback_engine::{
    access::{self, ApiKey},
    role::Scope,
};

use crate::{App, error::Problem};

/// The key of a request that was let in.
#[derive(Debug, Clone)]
pub struct Caller(pub ApiKey);

/// Lets in a key of this scope or a larger one; handlers find it in their [`Call`](crate::call::Call).
pub async fn let_in(app: &App, request: &mut Request, needs: Scope) -> Result<(), Problem> {
    let key = key_of(app, request.uri(), request.headers()).await?;
    if key.scope < needs {
        let (has, needs) = (key.scope.as_str(), needs.as_str());
        return Err(Problem::forbidden(format!("this key has the scope `{has}`; this call needs `{needs}`")));
    }
    app.buckets.call(app.config.rates, &key)?;
    request.extensions_mut().insert(Caller(key));
    Ok(())
}

async fn key_of(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<ApiKey, Problem> {
    if uri.query().is_some_and(|query| query.contains("hb_live_")) {
        tracing::warn!("an API key stood in an address, where proxies and browsers keep it; revoke that key");
        return Err(unauthorized(
            "an API key must not stand in the address, where logs keep it: revoke this key and send the new one as `Authorization: Bearer KEY`",
        ));
    }
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized("send a key as `Authorization: Bearer KEY`; `hearback apikey create` makes one"));
    };
    let bearer = value.to_str().ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let key = match bearer {
        Some((_, key)) => access::authenticate(&app.cx, key.trim()).await?,
        None => None,
    };
    key.ok_or_else(|| unauthorized("this key is wrong or was revoked"))
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}
