//! Lambda's Invoke API.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Aws;
use crate::call::{Attempts, Call, CallError, Style, endpoint};

/// A path segment, as the SDK writes one.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The Invoke API of a region.
#[derive(Debug, Clone)]
pub struct Lambda {
    aws: Aws,
    url: String,
}

/// The answer of a function that was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What the function returned, or its error as JSON.
    pub payload: Bytes,
    /// `Handled` or `Unhandled` if the function failed.
    pub function_error: Option<String>,
}

impl Aws {
    /// Lambda.
    #[must_use]
    pub fn lambda(&self) -> Lambda {
        let url = self.settings.lambda_url.clone();
        let url = url.unwrap_or_else(|| endpoint("lambda", &self.settings.region));
        Lambda { aws: self.clone(), url: url.trim_end_matches('/').to_owned() }
    }
}

impl Lambda {
    /// Queues an asynchronous invocation of a function, given by name or ARN. Lambda may lose it or run it twice.
    ///
    /// # Errors
    /// [`CallError`] if Lambda did not accept it.
    pub fn invoke_event<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move {
            let timeout = self.aws.settings.attempt_timeout;
            self.invoke(function, "Event", payload, Attempts::Standard, timeout).await?;
            Ok(())
        })
    }

    /// Invokes a function once and waits for its answer, at most `wait`.
    ///
    /// # Errors
    /// [`CallError`] if there is no answer. A function that failed is an answer.
    pub fn invoke_and_wait<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Invocation, CallError>> {
        Box::pin(async move {
            let answer = self.invoke(function, "RequestResponse", payload, Attempts::One, wait).await?;
            let error = answer.headers().get("x-amz-function-error");
            let function_error = error.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            Ok(Invocation { payload: answer.into_body(), function_error })
        })
    }

    async fn invoke(
        &self,
        function: &str,
        kind: &str,
        payload: Vec<u8>,
        attempts: Attempts,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, CallError> {
        let function = utf8_percent_encode(function, SEGMENT);
        let mut call = Call {
            service: "lambda",
            style: Style::Standard,
            method: Method::POST,
            url: format!("{}/2015-03-31/functions/{function}/invocations", self.url),
            headers: HeaderMap::new(),
            body: payload.into(),
            attempts,
            timeout,
        };
        call.header("content-type", "application/octet-stream")?;
        call.header("x-amz-invocation-type", kind)?;
        self.aws.send(call).await
    }
}
