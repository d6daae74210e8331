//! The scheduler's HTTP API, as `aws-sdk-scheduler` speaks it (restJson1).

use super::schedule::{self, NewSchedule};
use super::table::{Created, ScheduleTable};
use crate::endpoints::Api;
use crate::error::LocalError;
use crate::http_server;
use crate::text;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

/// An input of 256 KB may be escaped to several times its size; what is beyond is no schedule.
const BODY_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// The service's errors.
enum ApiError {
    Validation(String),
    Conflict(String),
    NotFound(String),
    Internal(LocalError),
}

pub(super) struct SchedulerApi {
    table: Arc<ScheduleTable>,
    changed: Arc<Notify>,
}

#[async_trait]
impl Api for SchedulerApi {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.handle(&request) {
            Ok(answer) => respond(StatusCode::OK, &answer),
            Err(error) => error.into_response(),
        }
    }
}

impl SchedulerApi {
    pub(super) fn new(table: Arc<ScheduleTable>, changed: Arc<Notify>) -> Self {
        Self { table, changed }
    }

    fn handle(&self, request: &Request<Bytes>) -> Result<Value, ApiError> {
        let path = request.uri().path();
        let name = path
            .strip_prefix("/schedules/")
            .and_then(text::percent_decode)
            .ok_or_else(|| ApiError::NotFound(format!("nothing is at `{path}`")))?;
        let group = group_of(request.uri().query().unwrap_or(""));
        match *request.method() {
            Method::POST => self.create(&name, request.body()),
            Method::GET => self.get(&group, &name),
            Method::DELETE => self.delete(&group, &name),
            _ => Err(ApiError::Validation(format!(
                "`{}` is not supported here: schedules are created, read and deleted",
                request.method()
            ))),
        }
    }

    fn create(&self, name: &str, body: &[u8]) -> Result<Value, ApiError> {
        if body.len() > BODY_LIMIT_BYTES {
            return Err(ApiError::Validation("the input is too long".to_owned()));
        }
        let new = NewSchedule::parse(name, body).map_err(ApiError::Validation)?;
        match self.table.create(&new)? {
            Created::Stored => {
                self.changed.notify_one();
                Ok(json!({"ScheduleArn": schedule::arn(&new.group, &new.name)}))
            }
            Created::Conflict => Err(ApiError::Conflict(format!("Schedule {} already exists.", new.name))),
        }
    }

    fn get(&self, group: &str, name: &str) -> Result<Value, ApiError> {
        check_names(group, name)?;
        self.table.get(group, name)?.ok_or_else(|| not_found(name))
    }

    fn delete(&self, group: &str, name: &str) -> Result<Value, ApiError> {
        check_names(group, name)?;
        match self.table.delete(group, name)? {
            true => Ok(json!({})),
            false => Err(not_found(name)),
        }
    }
}

fn check_names(group: &str, name: &str) -> Result<(), ApiError> {
    schedule::check_name("name", name)
        .and_then(|()| schedule::check_name("group name", group))
        .map_err(ApiError::Validation)
}

fn not_found(name: &str) -> ApiError {
    ApiError::NotFound(format!("Schedule {name} does not exist."))
}

/// The group in a query, as GET and DELETE carry it.
fn group_of(query: &str) -> String {
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "groupName")
        .map_or_else(schedule::default_group, |(_, value)| value.into_owned())
}

impl From<LocalError> for ApiError {
    fn from(error: LocalError) -> Self {
        Self::Internal(error)
    }
}

impl ApiError {
    fn into_response(self) -> Response<Bytes> {
        let (status, kind, message) = match self {
            Self::Validation(message) => (StatusCode::BAD_REQUEST, "ValidationException", message),
            Self::Conflict(message) => (StatusCode::CONFLICT, "ConflictException", message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "ResourceNotFoundException", message),
            Self::Internal(error) => {
                tracing::error!(%error, "a schedule cannot be stored or read");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalServerException",
                    "the schedules cannot be stored or read now".to_owned(),
                )
            }
        };
        let mut response = respond(status, &json!({"Message": message}));
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind));
        response
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = http_server::answer(status, "application/json", body.to_string());
    if let Ok(id) = HeaderValue::from_str(&text::request_id()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
