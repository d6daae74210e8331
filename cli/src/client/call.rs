//! One HTTP call of the contract, before it is sent.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

/// What may be done when the answer to a call was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Sending it again changes nothing more: reads, and writes with an `Idempotency-Key`.
    Always,
    /// Only if it certainly never arrived.
    IfNeverSent,
}

/// A call: method, path, body and how it may be repeated. Without `Debug`: the body holds commands.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    pub(super) if_match: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) again: Again,
    pub(super) timeout: Duration,
}

/// How long the service may take over an ordinary call. It lets nobody wait for longer than 25 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

impl Call {
    fn new(method: Method, path: &[&str], again: Again) -> Self {
        Self {
            method,
            path: std::iter::once("v1").chain(path.iter().copied()).map(str::to_owned).collect(),
            query: Vec::new(),
            body: None,
            if_match: None,
            idempotency_key: None,
            again,
            timeout: ANSWER_WITHIN,
        }
    }

    /// Reads below `/v1`; the path comes in segments, which are percent-encoded one by one.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, Again::Always)
    }

    /// `GET /healthz`, the one call that is not below `/v1`.
    pub(crate) fn health() -> Self {
        let mut call = Self::get(&[]);
        call.path = vec!["healthz".to_owned()];
        call
    }

    /// A POST that creates something. It carries a random `Idempotency-Key`, the same on every
    /// repetition, so that nothing is made twice.
    pub(crate) fn create(path: &[&str], body: Value) -> Self {
        let mut call = Self::new(Method::POST, path, Again::Always);
        call.idempotency_key = Some(format!("{:032x}", random()));
        call.body = Some(body);
        call
    }

    /// A POST that acts on something which exists.
    pub(crate) fn act(path: &[&str], body: Option<Value>, again: Again) -> Self {
        let mut call = Self::new(Method::POST, path, again);
        call.body = body;
        call
    }

    /// A PUT; `etag` is what the change is based on, none creates.
    pub(crate) fn put(path: &[&str], body: Value, etag: Option<String>) -> Self {
        let mut call = Self::new(Method::PUT, path, Again::IfNeverSent);
        call.body = Some(body);
        call.if_match = etag;
        call
    }

    /// A DELETE; `etag` as for [`Call::put`].
    pub(crate) fn delete(path: &[&str], etag: Option<String>) -> Self {
        let mut call = Self::new(Method::DELETE, path, Again::IfNeverSent);
        call.if_match = etag;
        call
    }

    /// Adds a query parameter.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a query parameter if there is a value for it.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// 128 random bits from the operating system.
pub(crate) fn random() -> u128 {
    let mut bytes = [0_u8; 16];
    // Without entropy the process id and the time still keep two runs apart, and the key is no
    // secret: it needs to be new, not unguessable.
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_nanos());
        return nanos ^ (u128::from(std::process::id()) << 96);
    }
    u128::from_be_bytes(bytes)
}
