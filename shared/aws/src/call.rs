//! One signed call: signature (Signature Version 4), attempts, and what became of it.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::Aws;
use crate::clients::MAX_ATTEMPTS;
use crate::connector::SendError;

/// Longest pause before another attempt.
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// A call that was not carried out, or whose answer was lost. Holds AWS's error code, never its message and never the
/// request: neither may reach a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{status} {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's error code, such as `AccessDeniedException`; empty if it gave none.
        code: String,
    },
    /// No attempt was answered in time.
    #[error("no answer in time")]
    TimedOut,
    /// No connection, or one that broke.
    #[error("no connection")]
    Unreachable,
    /// The request cannot be written or signed, or the answer cannot be read.
    #[error("{0}")]
    Unusable(String),
}

impl CallError {
    /// The service's error code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } if !code.is_empty() => Some(code),
            Self::Refused { .. } | Self::TimedOut | Self::Unreachable | Self::Unusable(_) => None,
        }
    }

    /// Whether another attempt may succeed: the conditions of the SDK's standard retry mode.
    fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable => true,
            Self::Unusable(_) => false,
            Self::Refused { status, code } => {
                matches!(status, 500 | 502 | 503 | 504) || THROTTLED.contains(&code.as_str())
            }
        }
    }
}

/// Error codes that mean "later".
const THROTTLED: [&str; 8] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
];

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Http(error) if error.is_timeout() => Self::TimedOut,
            SendError::Http(error) if error.is_builder() => Self::Unusable(error.to_string()),
            SendError::Http(_) => Self::Unreachable,
            SendError::Unusable(why) => Self::Unusable(why.to_string()),
        }
    }
}

/// How often a call is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// Once.
    One,
    /// Up to three times, with exponential back-off and jitter, as the SDK's standard retry mode.
    Standard,
}

/// How the path and body are signed: S3 differs from all other services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Standard,
    S3,
}

/// A call before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The service's name in the signature.
    pub(crate) service: &'static str,
    pub(crate) style: Style,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) attempts: Attempts,
    /// Upper bound for one attempt.
    pub(crate) timeout: Duration,
}

impl Call {
    pub(crate) fn header(&mut self, name: &'static str, value: &str) -> Result<(), CallError> {
        let value = HeaderValue::from_str(value).map_err(|error| CallError::Unusable(error.to_string()))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(())
    }
}

impl Aws {
    /// Carries a call out. Boxed, so that callers do not compile it again.
    pub(crate) fn send(&self, call: Call) -> BoxFuture<'_, Result<http::Response<Bytes>, CallError>> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                match self.attempt(&call).await {
                    Err(error)
                        if call.attempts == Attempts::Standard
                            && attempt < MAX_ATTEMPTS
                            && error.is_transient() =>
                    {
                        tokio::time::sleep(pause(attempt)).await;
                        attempt += 1;
                    }
                    ended => return ended,
                }
            }
        })
    }

    async fn attempt(&self, call: &Call) -> Result<http::Response<Bytes>, CallError> {
        let request = self.signed(call, SystemTime::now())?;
        let answer = tokio::time::timeout(call.timeout, self.pool.send(request));
        let answer = answer.await.map_err(|_| CallError::TimedOut)??;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(CallError::Refused { status: answer.status().as_u16(), code: error_code(&answer) })
    }

    /// The request with its signature. Each attempt is signed anew, because a signature carries its time.
    fn signed(&self, call: &Call, now: SystemTime) -> Result<http::Request<Bytes>, CallError> {
        let unusable = |error: &dyn std::fmt::Display| CallError::Unusable(error.to_string());
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.url.parse().map_err(|error| unusable(&error))?;
        *request.headers_mut() = call.headers.clone();
        let identity = self.settings.credentials.clone().into();
        let mut settings = SigningSettings::default();
        if call.style == Style::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.settings.region)
            .name(call.service)
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| unusable(&error))?
            .into();
        let headers: Result<Vec<_>, _> =
            call.headers.iter().map(|(name, value)| Ok((name.as_str(), value.to_str()?))).collect();
        let headers = headers.map_err(|error: http::header::ToStrError| unusable(&error))?;
        let signable = SignableRequest::new(
            call.method.as_str(),
            &call.url,
            headers.into_iter(),
            SignableBody::Bytes(&call.body),
        )
        .map_err(|error| unusable(&error))?;
        let signed = sign(signable, &params).map_err(|error| unusable(&error))?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Full jitter over 1 s, 2 s, …; without randomness, the whole pause.
fn pause(attempt: u32) -> Duration {
    let longest = Duration::from_secs(1 << (attempt - 1).min(8)).min(MAX_PAUSE);
    let mut byte = [u8::MAX];
    let _ = getrandom::fill(&mut byte);
    longest * u32::from(byte.first().copied().unwrap_or(u8::MAX)) / u32::from(u8::MAX)
}

/// The error code of an answer: the header `x-amzn-errortype`, or the members `__type` or `code` of a JSON body
/// (AWS JSON 1.1 and restJson1: without the namespace before `#` and the URI after `:`), or S3's `<Code>`.
fn error_code(answer: &http::Response<Bytes>) -> String {
    let header = answer.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let member = || {
        let body: Value = serde_json::from_slice(answer.body()).ok()?;
        let code = ["__type", "code", "Code"].iter().find_map(|name| body.get(name)?.as_str())?;
        Some(code.to_owned())
    };
    let element = || {
        let text = String::from_utf8_lossy(answer.body());
        Some(text.split_once("<Code>")?.1.split_once("</Code>")?.0.to_owned())
    };
    let code = header.map(str::to_owned).or_else(member).or_else(element).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    // A code is a name. Anything else is not repeated.
    if code.len() <= 100 && code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        code.to_owned()
    } else {
        String::new()
    }
}

/// The host name of a service's regional endpoint, in the region's partition.
pub(crate) fn endpoint(service: &str, region: &str) -> String {
    let suffix = match region {
        region if region.starts_with("cn-") => "amazonaws.com.cn",
        region if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        region if region.starts_with("us-iso-") => "c2s.ic.gov",
        region if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("https://{service}.{region}.{suffix}")
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
