//! A call of the API: who calls, what was sent, what comes back; and what the types of both say in the description.
//!
//! A handler is `async fn(Call) -> Result<O, Problem>` or `async fn(Call, I) -> Result<O, Problem>`. Its [`Input`] reads the request and
//! describes what it takes, its [`Output`] describes what it gives: neither is said a second time.

use std::{future::Future, sync::Arc};

use axum::{
    extract::{FromRequestParts as _, RawPathParams, Request},
    http::{Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hearback_core::{Id, id::WorkspaceId};
use hearback_engine::{Actor, Engine, access::ApiKey, role::Scope};
use hearback_store::DatabaseConnection;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    App,
    api::openapi::{Operation, Schemas},
    auth::Caller,
    body,
    error::Problem,
    parameters,
    route::{Access, Route, Serve},
};

/// Who calls, and what about.
pub(crate) struct Call {
    pub(crate) app: App,
    key: ApiKey,
    variable: String,
}

impl Call {
    /// Of a request that the guard let through.
    async fn of(app: App, request: Request) -> Result<(Self, Request), Problem> {
        let (mut parts, body) = request.into_parts();
        let Caller(key) = parts.extensions.get().cloned().ok_or_else(Problem::internal)?;
        let variables = RawPathParams::from_request_parts(&mut parts, &()).await;
        let variables = variables.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        let variable = variables.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
        Ok((Self { app, key, variable }, Request::from_parts(parts, body)))
    }

    pub(crate) fn cx(&self) -> &Engine {
        &self.app.cx
    }

    /// For reading.
    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.app.cx.db.read()
    }

    pub(crate) fn ws(&self) -> WorkspaceId {
        self.key.ws
    }

    /// As the timeline names who calls.
    pub(crate) fn actor(&self) -> Actor {
        Actor::ApiKey(self.key.name.clone())
    }

    /// The variable of the path; empty in one that has none.
    pub(crate) fn key(&self) -> &str {
        &self.variable
    }

    /// The same where it is an id; anything that is none names nothing.
    pub(crate) fn id<K>(&self, what: &'static str) -> Result<Id<K>, Problem> {
        crate::api::path_id(what, &self.variable)
    }
}

/// What a call takes besides the variable of its path.
pub(crate) trait Input: Sized + Send + 'static {
    /// Says so in the description.
    fn describe(schemas: &mut Schemas, operation: &mut Operation);
    /// Reads it.
    fn read(request: Request) -> impl Future<Output = Result<Self, Problem>> + Send;
}

/// What a call gives.
pub(crate) trait Output: 'static {
    /// Says so in the description.
    fn describe(schemas: &mut Schemas, operation: &mut Operation);
    /// The answer.
    fn answer(self) -> Response;
}

/// A handler; `T` tells those with an input from those without.
pub(crate) trait Handler<T>: Clone + Send + Sync + 'static {
    fn describe(schemas: &mut Schemas, operation: &mut Operation);
    fn call(self, call: Call, request: Request) -> impl Future<Output = Result<Response, Problem>> + Send;
}

impl<F, R, O> Handler<()> for F
where
    F: Fn(Call) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<O, Problem>> + Send,
    O: Output,
{
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        O::describe(schemas, operation);
    }

    async fn call(self, call: Call, request: Request) -> Result<Response, Problem> {
        // Who asks for something else than there is should know; where something is done, parameters never counted.
        if request.method().is_safe() {
            parameters::read::<parameters::Nothing>(request.uri())?;
        }
        Ok(self(call).await?.answer())
    }
}

impl<F, R, I, O> Handler<(I,)> for F
where
    F: Fn(Call, I) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<O, Problem>> + Send,
    I: Input,
    O: Output,
{
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        I::describe(schemas, operation);
        O::describe(schemas, operation);
    }

    async fn call(self, call: Call, request: Request) -> Result<Response, Problem> {
        let input = I::read(request).await?;
        Ok(self(call, input).await?.answer())
    }
}

fn route<T, H: Handler<T>>(method: Method, path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    let serve: Serve = Arc::new(move |app, request| {
        let handler = handler.clone();
        Box::pin(async move {
            match Call::of(app, request).await {
                Ok((call, request)) => handler.call(call, request).await.unwrap_or_else(Problem::into_response),
                Err(problem) => problem.into_response(),
            }
        })
    });
    Route { describe: Some(H::describe), ..Route::new(method, path, Access::Key(scope), summary, serve) }
}

/// A call that looks.
pub(crate) fn get<T, H: Handler<T>>(path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    route(Method::GET, path, scope, summary, handler)
}

/// A call that makes or does something.
pub(crate) fn post<T, H: Handler<T>>(path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    route(Method::POST, path, scope, summary, handler)
}

/// A call that stores what is sent.
pub(crate) fn put<T, H: Handler<T>>(path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    route(Method::PUT, path, scope, summary, handler)
}

/// A call that changes something.
pub(crate) fn patch<T, H: Handler<T>>(path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    route(Method::PATCH, path, scope, summary, handler)
}

/// A call that takes something away.
pub(crate) fn delete<T, H: Handler<T>>(path: &str, scope: Scope, summary: &'static str, handler: H) -> Route {
    route(Method::DELETE, path, scope, summary, handler)
}

/// JSON, there or back.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Json<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.takes("application/json", &schemas.taken::<T>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        body::parse(&body::json(request).await?).map(Self)
    }
}

impl<T: Serialize + JsonSchema + 'static> Output for Json<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.gives(StatusCode::OK, "application/json", &schemas.given::<T>());
    }

    fn answer(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

/// A JSON body that may be left out: `{}` then.
#[derive(Debug)]
pub(crate) struct MaybeJson<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Default + Send + 'static> Input for MaybeJson<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.may_take("application/json", &schemas.taken::<T>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        let bytes = body::maybe_json(request).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { body::parse(&bytes).map(Self) }
    }
}

/// The parameters of the address: the fields of a struct.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Query<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.asks(schemas.parameters::<T>());
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        parameters::read(request.uri()).map(Self)
    }
}

/// Parameters, and a body.
impl<P: DeserializeOwned + JsonSchema + Send + 'static, B: Input> Input for (Query<P>, B) {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        Query::<P>::describe(schemas, operation);
        B::describe(schemas, operation);
    }

    async fn read(request: Request) -> Result<Self, Problem> {
        let parameters = parameters::read(request.uri()).map(Query)?;
        Ok((parameters, B::read(request).await?))
    }
}

/// Something that was made: 201.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + 'static> Output for Created<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        operation.gives(StatusCode::CREATED, "application/json", &schemas.given::<T>());
    }

    fn answer(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

/// Something that is stored now: 201 when it is new, 200 when it was there before.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    pub(crate) is_new: bool,
    pub(crate) shown: T,
}

impl<T: Serialize + JsonSchema + 'static> Output for Stored<T> {
    fn describe(schemas: &mut Schemas, operation: &mut Operation) {
        Json::<T>::describe(schemas, operation);
        Created::<T>::describe(schemas, operation);
    }

    fn answer(self) -> Response {
        json(if self.is_new { StatusCode::CREATED } else { StatusCode::OK }, &self.shown)
    }
}

/// Done, with nothing to say: 204.
impl Output for () {
    fn describe(_: &mut Schemas, operation: &mut Operation) {
        operation.gives_nothing();
    }

    fn answer(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer can't be written as JSON");
            Problem::internal().into_response()
        }
    }
}
