//! DynamoDB's API (awsJson1_0) in front of the embedded database.
//!
//! dynoxide has a server of its own. This one differs in three things: it listens on no port, its
//! idempotency tokens stay cheap (see [`super::tokens`]), and it says when something was written,
//! so that the stream is read at once. What dynoxide's server checks about requests that no SDK
//! sends, it does not.

use super::tokens::{Known, Tokens, fingerprint};
use crate::http_server;
use crate::text;
use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// DynamoDB's limit for a request.
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
const MEDIA_TYPE: &str = "application/x-amz-json-1.0";
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// Answers requests to the database.
pub(super) struct Server {
    database: Database,
    tokens: Mutex<Tokens>,
    written: Arc<Notify>,
}

impl Server {
    pub(super) fn new(database: Database, written: Arc<Notify>) -> Self {
        Self { database, tokens: Mutex::default(), written }
    }

    /// Blocks.
    pub(super) fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if request.method() != Method::POST {
            return refusal(StatusCode::NOT_FOUND, "UnknownOperationException");
        }
        let target = request.headers().get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok()).unwrap_or("");
        let operation = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix));
        let Some(operation) = operation else {
            return refusal(StatusCode::BAD_REQUEST, "UnknownOperationException");
        };
        if request.body().len() > BODY_LIMIT_BYTES {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException");
        }
        match self.run(operation, request.body()) {
            Ok(answer) => respond(StatusCode::OK, answer),
            Err(error) => {
                let status = error.status_code();
                if status >= 500 {
                    tracing::error!(operation, %error, "the embedded database failed");
                }
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                respond(status, error.to_json())
            }
        }
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let db = &self.database;
        match operation {
            "GetItem" => call(body, |r| db.get_item(r)),
            "BatchGetItem" => call(body, |r| db.batch_get_item(r)),
            "TransactGetItems" => call(body, |r| db.transact_get_items(r)),
            "Query" => call(body, |r| db.query(r)),
            "Scan" => call(body, |r| db.scan(r)),
            "TransactWriteItems" => self.written(self.transact_write(body)),
            "PutItem" => self.written(call(body, |r| db.put_item(r))),
            "UpdateItem" => self.written(call(body, |r| db.update_item(r))),
            "DeleteItem" => self.written(call(body, |r| db.delete_item(r))),
            "BatchWriteItem" => self.written(call(body, |r| db.batch_write_item(r))),
            "ExecuteStatement" => self.written(call(body, |r| db.execute_statement(r))),
            "ExecuteTransaction" => self.written(call(body, |r| db.execute_transaction(r))),
            "BatchExecuteStatement" => self.written(call(body, |r| db.batch_execute_statement(r))),
            "CreateTable" => call(body, |r| db.create_table(r)),
            "DeleteTable" => call(body, |r| db.delete_table(r)),
            "DescribeTable" => call(body, |r| db.describe_table(r)),
            "ListTables" => call(body, |r| db.list_tables(r)),
            "UpdateTable" => call(body, |r| db.update_table(r)),
            "UpdateTimeToLive" => call(body, |r| db.update_time_to_live(r)),
            "DescribeTimeToLive" => call(body, |r| db.describe_time_to_live(r)),
            "TagResource" => call(body, |r| db.tag_resource(r)),
            "UntagResource" => call(body, |r| db.untag_resource(r)),
            "ListTagsOfResource" => call(body, |r| db.list_tags_of_resource(r)),
            "ListStreams" => call(body, |r| db.list_streams(r)),
            "DescribeStream" => call(body, |r| db.describe_stream(r)),
            "GetShardIterator" => call(body, |r| db.get_shard_iterator(r)),
            "GetRecords" => call(body, |r| db.get_records(r)),
            other => Err(DynoxideError::ValidationException(format!(
                "the local platform does not know the operation `{other}`"
            ))),
        }
    }

    /// Tells the stream's reader after a write.
    fn written(&self, result: Result<String, DynoxideError>) -> Result<String, DynoxideError> {
        if result.is_ok() {
            self.written.notify_one();
        }
        result
    }

    /// TransactWriteItems, once per token.
    fn transact_write(&self, body: &[u8]) -> Result<String, DynoxideError> {
        let request: Value = read(body)?;
        let token = request.get("ClientRequestToken").and_then(Value::as_str);
        // A token that the database would refuse, it shall refuse.
        let Some(token) = token.filter(|token| (1..=36).contains(&token.len())) else {
            return call(body, |r| self.database.transact_write_items(r));
        };
        let fingerprint = request.get("TransactItems").map_or(0, fingerprint);
        // Held while the transaction runs, so that of two with one token the second waits;
        // the database does one thing at a time anyway.
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.known(token, fingerprint, Instant::now()) {
            Known::Answer(answer) => return Ok(answer),
            Known::OtherRequest => {
                return Err(DynoxideError::IdempotentParameterMismatchException(
                    "the client request token was used for another transaction".to_owned(),
                ));
            }
            Known::New => {}
        }
        let answer =
            call(body, |mut request: dynoxide::actions::transact_write_items::TransactWriteItemsRequest| {
                request.client_request_token = None;
                self.database.transact_write_items(request)
            })?;
        tokens.remember(token, fingerprint, &answer, Instant::now());
        Ok(answer)
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let answer = run(read(body)?)?;
    serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Reads a request. dynoxide's types mark, at the beginning of an error's text, what kind of
/// error DynamoDB makes of it.
fn read<Q: DeserializeOwned>(body: &[u8]) -> Result<Q, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        match text.split_once(':') {
            Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", rest)) => {
                DynoxideError::ValidationException(rest.to_owned())
            }
            Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", rest)) => {
                DynoxideError::SerializationException(rest.to_owned())
            }
            _ if text.contains("missing field") || text.contains("AttributeValue") => {
                DynoxideError::ValidationException(text)
            }
            _ => DynoxideError::SerializationException(text),
        }
    })
}

fn refusal(status: StatusCode, kind: &str) -> Response<Bytes> {
    let body = serde_json::json!({"__type": format!("com.amazon.coral.service#{kind}")});
    respond(status, body.to_string())
}

fn respond(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = http_server::answer(status, MEDIA_TYPE, body);
    if let Ok(id) = HeaderValue::from_str(&text::request_id()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
