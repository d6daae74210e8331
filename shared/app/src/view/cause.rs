//! Why a request ended without having run, or without a known outcome.

use countersign_rules::event::{CancelCause, ExpiryCause, UnknownCause};
use countersign_rules::request::Phase;
use countersign_rules::{Request, Timestamp};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, Ref, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Why a request ended without having run, or without a known outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cause {
    /// It expired.
    Expired(ExpiryCause),
    /// It was cancelled.
    Cancelled(CancelCause),
    /// Nobody knows how it ended.
    Unknown(UnknownCause),
}

impl ToSchema for Cause {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ExpiryCause::name().into(), ExpiryCause::schema()));
        schemas.push((CancelCause::name().into(), CancelCause::schema()));
        schemas.push((UnknownCause::name().into(), UnknownCause::schema()));
    }
}

impl PartialSchema for Cause {
    /// Derived it would say `oneOf`, but `restored` is a cause of two kinds.
    fn schema() -> RefOr<Schema> {
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(ExpiryCause::name()))
            .item(Ref::from_schema_name(CancelCause::name()))
            .item(Ref::from_schema_name(UnknownCause::name()))
            .description(Some("Why a request ended without having run, or without a known outcome."))
            .into()
    }
}

pub(super) fn cause(request: &Request, now: Timestamp) -> Option<Cause> {
    match &request.phase {
        Phase::Expired { cause, .. } => Some(Cause::Expired(*cause)),
        Phase::Cancelled { cause, .. } => Some(Cause::Cancelled(*cause)),
        Phase::Unknown { cause, .. } => Some(Cause::Unknown(*cause)),
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. } => request.expired_by(now).map(Cause::Expired),
    }
}
