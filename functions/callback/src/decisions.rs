//! Votes, cancellation and settlement.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::caller::Caller;
use countersign_app::change::{Asked, ChangeError};
use countersign_app::submit::{check_text, visible_request};
use countersign_app::view::RequestView;
use countersign_app::{App, Scope, errors};
use countersign_http::openapi::{
    DigestMismatch, Invalid, MayNotDecide, NotFound, PreconditionRequired, Signed, WithBody, WrongStatus,
};
use countersign_http::{Problem, json};
use countersign_rules::command::{Ballot, Settlement};
use countersign_rules::event::Created;
use countersign_rules::{Bounds, Command, Digest, Refusal, Request, RequestId};
use countersign_storage::{Found, Key, StorageError};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{Callback, refused};

/// An approval of what you looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// The `digest` of the request that you looked at. What is missing is told apart from what is
    /// wrong: 428 without it.
    #[serde(default)]
    #[schema(value_type = Digest, required = true)]
    pub(crate) digest: Option<String>,
    /// What you want to say with it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(crate) comment: Option<String>,
    /// What your approval is limited to.
    #[serde(default)]
    pub(crate) bounds: Option<Bounds>,
}

/// A rejection of what you looked at.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rejection {
    /// The `digest` of the request that you looked at: 428 without it.
    #[serde(default)]
    #[schema(value_type = Digest, required = true)]
    pub(crate) digest: Option<String>,
    /// Why, so that the requester knows what to change: 422 without it.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2000)]
    pub(crate) reason: Option<String>,
}

/// What may be said when a request is called off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancellation {
    /// Why, so that its requester knows; it stands in the audit trail.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(crate) reason: Option<String>,
}

/// How a request ended of which the service does not know.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Settlement)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettlementBody {
    /// How it ended.
    pub(crate) outcome: SettlementWord,
    /// How you know.
    #[schema(min_length = 1, max_length = 2000)]
    pub(crate) note: String,
}

/// How it ended.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = SettledOutcome)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SettlementWord {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
}

/// What a decision begins with: caller and request, in one round trip.
pub(crate) struct Start {
    pub(crate) id: RequestId,
    pub(crate) caller: Caller,
    pub(crate) request: Request,
    pub(crate) created: Created,
    pub(crate) found: Found,
}

impl Start {
    pub(crate) async fn read(
        app: &App,
        needs: Scope,
        headers: &HeaderMap,
        id: &str,
    ) -> Result<Self, Problem> {
        // A caller who is nobody must not learn which ids are well-formed.
        app.subject(headers)?;
        let Ok(id) = id.parse::<RequestId>() else {
            app.identify("decide", needs, headers, &[]).await?;
            return Err(Problem::not_found("request"));
        };
        let (caller, found) =
            app.identify("decide", needs, headers, &[Key::State(id), Key::Created(id)]).await?;
        let request = visible_request(&found, id, &caller)?;
        let created = found.created(id).map_err(|error| errors::storage(&error))?;
        let created = created.ok_or_else(|| Problem::not_found("request"))?;
        Ok(Self { id, caller, request, created, found })
    }

    /// Decides and writes; the caller is read anew in each round after the first.
    async fn change(
        self,
        callback: &Callback,
        ask: impl Fn(&Caller) -> Command + Sync,
    ) -> Result<Response, Problem> {
        let Self { id, caller, created, found, .. } = self;
        let app = &callback.app;
        let user = caller.user.id;
        let asked = |found: &Found, _: &Request, _| -> Result<Asked, StorageError> {
            let mut fresh = caller.clone();
            match found.user(user)? {
                Some(user) => fresh.user = user,
                None => fresh.user.disabled = true,
            }
            Ok(ask(&fresh).into())
        };
        let changed = app.change(id, Some(found), &[Key::User(user)], asked).await;
        if let Err(ChangeError::Refused(refusal)) = &changed {
            refused::note(app, &caller, id, refusal).await;
        }
        let request = changed.map_err(|error| errors::change(&error, id))?;
        let view = RequestView::new(&request, &created, None, &caller, app.now(), &app.config.public_url);
        Ok(json::answer(StatusCode::OK, &view))
    }
}

/// What somebody says that they looked at. A text that is no digest at all is another one than the request's.
fn digest(id: RequestId, text: Option<&str>) -> Result<Digest, Problem> {
    let text = text.ok_or_else(|| {
        Problem::precondition_required("send the `digest` of the request that you looked at")
            .at("/digest", "required")
    })?;
    text.parse().map_err(|_| errors::refusal(&Refusal::DigestMismatch, id).at("/digest", "another digest"))
}

/// Whether the rows that a command changes can be counted and taken back, as it was found when it was
/// submitted and when its catalogue was read: this function holds no parser.
fn may_bound_rows(created: &Created, request: &Request) -> Result<(), String> {
    match &created.risk {
        Some(risk) => {
            risk.no_row_bound.as_ref().or(request.no_row_bound.as_ref()).cloned().map_or(Ok(()), Err)
        }
        None => Err("it is not known what the command does".to_owned()),
    }
}

/// Approves a request, exactly as you looked at it.
///
/// The identical vote again is answered with 200 in any state.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/approve",
    operation_id = "approve_request",
    tag = "decisions",
    params(("id" = RequestId, Path)),
    request_body = Approval,
    responses(
        (status = 200, body = RequestView, description = "The request, with your vote."),
        Signed, MayNotDecide, NotFound, WrongStatus, DigestMismatch, Invalid, PreconditionRequired, WithBody
    )
)]
pub(crate) async fn approve(
    State(callback): State<Callback>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let start = Start::read(&callback.app, Scope::Decide, &headers, &id).await?;
    let body: Approval = json::optional_body(&headers, &bytes)?;
    start.approve(&callback, body).await
}

impl Start {
    /// Casts an approval.
    pub(crate) async fn approve(self, callback: &Callback, body: Approval) -> Result<Response, Problem> {
        let digest = digest(self.id, body.digest.as_deref())?;
        let comment = body.comment.filter(|comment| !comment.trim().is_empty());
        if let Some(comment) = &comment {
            check_text("/comment", comment)?;
        }
        let bounds = body.bounds.unwrap_or_default();
        if bounds.max_rows.is_some() {
            may_bound_rows(&self.created, &self.request).map_err(|why| {
                Problem::invalid(format!("`max_rows` cannot be enforced here: {why}"))
                    .at("/bounds/max_rows", why)
            })?;
        }
        self.change(callback, |caller| Command::Vote {
            voter: caller.person(),
            ballot: Ballot::Approve { comment: comment.clone(), bounds },
            digest,
            via: caller.via,
        })
        .await
    }

    /// Casts a rejection.
    pub(crate) async fn reject(self, callback: &Callback, body: Rejection) -> Result<Response, Problem> {
        let digest = digest(self.id, body.digest.as_deref())?;
        let reason = body.reason.filter(|reason| !reason.trim().is_empty());
        let reason = reason.ok_or_else(|| {
            Problem::invalid("say why, so that the requester knows what to change").at("/reason", "required")
        })?;
        check_text("/reason", &reason)?;
        self.change(callback, |caller| Command::Vote {
            voter: caller.person(),
            ballot: Ballot::Reject { reason: reason.clone() },
            digest,
            via: caller.via,
        })
        .await
    }

    /// Says how it ended.
    pub(crate) async fn settle(self, callback: &Callback, body: SettlementBody) -> Result<Response, Problem> {
        if body.note.trim().is_empty() {
            return Err(Problem::invalid("say how you know").at("/note", "required"));
        }
        check_text("/note", &body.note)?;
        let settlement = match body.outcome {
            SettlementWord::Succeeded => Settlement::Succeeded,
            SettlementWord::Failed => Settlement::Failed,
        };
        self.change(callback, |caller| Command::Settle {
            by: caller.person(),
            settlement,
            note: body.note.clone(),
            via: caller.via,
        })
        .await
    }

    /// Calls it off.
    pub(crate) async fn cancel(self, callback: &Callback, body: Cancellation) -> Result<Response, Problem> {
        let reason = body.reason.filter(|reason| !reason.trim().is_empty());
        if let Some(reason) = &reason {
            check_text("/reason", reason)?;
        }
        self.change(callback, |caller| Command::Cancel {
            by: caller.person(),
            reason: reason.clone(),
            via: caller.via,
        })
        .await
    }
}

/// Rejects a request, which ends it.
///
/// Any current member of any of its groups may, while it is PENDING.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/reject",
    operation_id = "reject_request",
    tag = "decisions",
    params(("id" = RequestId, Path)),
    request_body = Rejection,
    responses(
        (status = 200, body = RequestView, description = "The request, rejected."),
        Signed, MayNotDecide, NotFound, WrongStatus, DigestMismatch, Invalid, PreconditionRequired, WithBody
    )
)]
pub(crate) async fn reject(
    State(callback): State<Callback>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let start = Start::read(&callback.app, Scope::Decide, &headers, &id).await?;
    let body: Rejection = json::optional_body(&headers, &bytes)?;
    start.reject(&callback, body).await
}

/// Calls a request off, while it is PENDING or APPROVED: its requester, or an admin.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/cancel",
    operation_id = "cancel_request",
    tag = "decisions",
    params(("id" = RequestId, Path)),
    request_body = Cancellation,
    responses(
        (status = 200, body = RequestView, description = "The request, cancelled."),
        NotFound, WrongStatus, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn cancel(
    State(callback): State<Callback>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let start = Start::read(&callback.app, Scope::Submit, &headers, &id).await?;
    let body: Cancellation = json::optional_body(&headers, &bytes)?;
    start.cancel(&callback, body).await
}

/// Says how an UNKNOWN request ended: an admin who is not its requester.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/settle",
    operation_id = "settle_request",
    tag = "decisions",
    params(("id" = RequestId, Path)),
    request_body = SettlementBody,
    responses(
        (status = 200, body = RequestView, description = "The request, settled."),
        NotFound, WrongStatus, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn settle(
    State(callback): State<Callback>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let start = Start::read(&callback.app, Scope::Manage, &headers, &id).await?;
    let body: SettlementBody = json::body(&headers, &bytes)?;
    start.settle(&callback, body).await
}
