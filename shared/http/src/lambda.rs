//! The seam between a router and Lambda: API Gateway's HTTP API v2 JSON in, its v2 JSON out.
//!
//! `lambda_http::Adapter` and its request and response types are hidden from documentation, so
//! their exact version is pinned and nothing else of ours names them.

use std::sync::Arc;

use axum::Router;
use futures::future::{BoxFuture, LocalBoxFuture};
use lambda_http::Adapter;
use lambda_http::request::LambdaRequest;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::Value;
use tower::Service as _;

/// Why an event was not answered.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    /// It is no event of an HTTP API.
    #[error("the payload is no HTTP API event: {0}")]
    Event(serde_json::Error),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Answer(serde_json::Error),
}

/// Answers one HTTP API event through `router`.
///
/// # Errors
/// If the payload is no such event. Whatever the router says is an answer, not an error.
pub fn invoke(router: &Router, payload: Value) -> BoxFuture<'_, Result<Value, LambdaError>> {
    Box::pin(async move {
        // LambdaRequest borrows while it is read, so it is read from text.
        let text = payload.to_string();
        let event: LambdaRequest = serde_json::from_str(&text).map_err(LambdaError::Event)?;
        let event = LambdaEvent::new(event, Context::default());
        // A router is always ready. The adapter must be gone before the await: it is not `Send`.
        let answering = Adapter::from(router.clone()).call(event);
        match answering.await {
            Ok(answer) => serde_json::to_value(answer).map_err(LambdaError::Answer),
            Err(never) => match never {},
        }
    })
}

/// Serves `router` in Lambda until the sandbox goes away. Boxed, as [`run`] is: the runtime is compiled here and not
/// once more in each function.
///
/// # Errors
/// Errors of the runtime API.
#[must_use]
pub fn serve(router: Router) -> LocalBoxFuture<'static, Result<(), lambda_runtime::Error>> {
    Box::pin(lambda_runtime::run(Adapter::from(router)))
}

/// Passes events of Lambda to `handle` until the sandbox ends. Boxed, so that the runtime is compiled here and not in
/// each function again.
///
/// # Errors
/// Errors of the runtime API.
#[must_use]
pub fn run<H, E>(
    handler: H,
    handle: for<'a> fn(&'a H, Value) -> BoxFuture<'a, Result<Value, E>>,
) -> LocalBoxFuture<'static, Result<(), lambda_runtime::Error>>
where
    H: Send + Sync + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let handler = Arc::new(handler);
    run_boxed(Box::new(move |payload| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { Ok(handle(&handler, payload).await?) })
    }))
}

type Handle = dyn Fn(Value) -> BoxFuture<'static, Result<Value, lambda_runtime::Error>> + Send + Sync;

fn run_boxed(handle: Box<Handle>) -> LocalBoxFuture<'static, Result<(), lambda_runtime::Error>> {
    Box::pin(lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| handle(event.payload))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use serde_json::json;

    fn event(method: &str, path: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "a=1&a=2",
            "cookies": ["one=1", "two=2"],
            "headers": {"host": "countersign.test", "x-many": "a,b"},
            "queryStringParameters": {"a": "1,2"},
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "countersign.test", "domainPrefix": "x",
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
                "requestId": "r", "routeKey": "$default", "stage": "$default",
                "time": "23/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_392_000_000_u64
            },
            "isBase64Encoded": false
        })
    }

    #[tokio::test]
    async fn an_event_becomes_a_request_and_the_answer_an_event() {
        let router = Router::new().route(
            "/there",
            get(|request: axum::extract::Request| async move {
                let cookies =
                    request.headers().get("cookie").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
                let query = request.uri().query().unwrap_or("").to_owned();
                ([("set-cookie", "three=3")], format!("{cookies} {query}"))
            }),
        );
        let answer = invoke(&router, event("GET", "/there")).await.unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["body"], "one=1; two=2 a=1&a=2");
        assert_eq!(answer["cookies"][0], "three=3");
        assert_eq!(invoke(&router, event("GET", "/nowhere")).await.unwrap()["statusCode"], 404);
        let refused = invoke(&router, event("POST", "/there")).await.unwrap();
        assert_eq!(refused["statusCode"], 405);
        assert!(invoke(&router, json!({"no": "event"})).await.is_err());
    }
}
