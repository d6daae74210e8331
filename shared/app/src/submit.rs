//! The first way that something is written about a request: its submission.

use countersign_catalogue::Catalogue;
use countersign_guardrails::Dialect;
use countersign_http::Problem;
use countersign_rules::event::Created;
use countersign_rules::policy::check_timeout;
use countersign_rules::request::RunMode;
use countersign_rules::risk::Verdict;
use countersign_rules::submit::{Submission, Unsubmittable};
use countersign_rules::{
    ConnectionName, Event, Fact, Phase, Request, RequestId, StatementMode, Timestamp, evolve, submit,
};
use countersign_storage::requests::{Idempotency, Submitted};
use countersign_storage::{Connection, Found, Key, Scope};
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::view::RequestView;
use crate::{App, Caller, app, errors, guard};

/// The most bytes of a command: 100 KiB.
pub const MAX_COMMAND_BYTES: usize = 100 * 1024;
/// The most characters of a reason, a comment or a note.
pub const MAX_TEXT_CHARACTERS: usize = 2000;
/// The version of the masking rules that digests cover.
pub const MASKING_VERSION: u32 = countersign_masking::VERSION;

/// The body of a submission.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// The connection's name.
    #[schema(value_type = ConnectionName)]
    pub connection: String,
    /// The command, at most 100 KiB of UTF-8 without U+0000.
    #[schema(min_length = 1, max_length = 102_400)]
    pub command: String,
    /// Why. The connection may demand it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub reason: Option<String>,
    /// Who starts it; `manual` by default.
    #[serde(default)]
    pub run: Option<RunMode>,
    /// How several statements take effect; `transaction` by default. With `statement_by_statement` each statement
    /// commits on its own, the run stops at the first failure, and approvals cannot be limited to a number of rows.
    #[serde(default)]
    pub run_mode: Option<StatementMode>,
    /// A shorter time for votes than the connection gives, in seconds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub timeout_seconds: Option<u32>,
}

/// Somebody who submits.
#[derive(Debug)]
pub struct Submitter {
    /// Who.
    pub caller: Caller,
    /// How many requests of theirs are open, as far as that matters.
    open: u32,
}

/// A submission's answer.
#[derive(Debug)]
pub struct Answer {
    /// The request as it was when it was submitted.
    pub request: RequestView,
    /// Whether this was a repeated call.
    pub replayed: bool,
}

impl App {
    /// Finds out who submits, and reads `also` and how many requests of theirs are open in the same round
    /// trip.
    ///
    /// # Errors
    /// As [`App::identify`].
    pub fn identify_submitter<'a>(
        &'a self,
        headers: &'a HeaderMap,
        also: &'a [Key],
    ) -> BoxFuture<'a, Result<(Submitter, Found), Problem>> {
        Box::pin(async move {
            let (subject, most) = (self.subject(headers)?, self.config.open_requests_per_person);
            let identified = self.identify("intake", Scope::Submit, headers, also);
            let (identified, open) = tokio::join!(identified, self.store.count_open(subject, most));
            let (caller, found) = identified?;
            Ok((Submitter { caller, open: open.map_err(|error| errors::storage(&error))? }, found))
        })
    }

    /// Submits a request.
    ///
    /// # Errors
    /// The contract's problems.
    pub fn submit<'a>(
        &'a self,
        submitter: &'a Submitter,
        connection: Option<Connection>,
        body: NewRequest,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let Submitter { caller, open } = submitter;
            let catalogue = match &connection {
                Some(connection) => self.catalogue_to_judge(connection).await,
                None => None,
            };
            let (request, events) = match self.prepared(caller, connection, body, catalogue.as_ref()) {
                Ok(prepared) => prepared,
                // What a repeated call made, it made under the rules of then.
                Err(problem) => {
                    let before = self.before(caller, idempotency.as_ref()).await?;
                    return before.ok_or(problem);
                }
            };
            if *open >= self.config.open_requests_per_person && takes_a_place(&request) {
                return self.without_a_place(caller, &request, idempotency.as_ref()).await;
            }
            // The people are looked at while the store writes: a warning must not cost a round trip.
            let stored = self.store.create(&request, &events, idempotency.as_ref());
            let (known, stored) = tokio::join!(self.known_for_display(), stored);
            match stored.map_err(|error| errors::storage(&error))? {
                Submitted::New => {
                    if let Some(problem) = blocked(&request) {
                        return Err(problem);
                    }
                    let created = created_of(&events).ok_or_else(Problem::internal)?;
                    let view = RequestView::new(
                        &request,
                        created,
                        None,
                        caller,
                        self.now(),
                        &self.config.public_url,
                    );
                    Ok(Answer { request: view.with_people(&request, known.as_deref()), replayed: false })
                }
                Submitted::Before(id) => self.first_answer(caller, id).await,
                Submitted::KeyReused => Err(errors::key_reused()),
            }
        })
    }

    /// A submission as the rules of now make it; nothing is written.
    fn prepared(
        &self,
        caller: &Caller,
        connection: Option<Connection>,
        body: NewRequest,
        catalogue: Option<&Catalogue>,
    ) -> Result<(Request, Vec<Event>), Problem> {
        let connection = usable(connection)?;
        // The id's time is the creation's, or lists, which go by both, would pass over some.
        let now = self.now();
        check(&connection, &body)?;
        let verdict = guard::verdict(&connection, &caller.person(), &body.command, catalogue)?;
        let submission = self.submission(caller, &connection, body, verdict, now)?;
        submit(&submission, now).map_err(|error| errors::unsubmittable(&error))
    }

    /// The answer of an earlier call under the same key, if there was one.
    async fn before(
        &self,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Answer>, Problem> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let before = self.store.submitted_under(idempotency).await;
        match before.map_err(|error| errors::storage(&error))? {
            Some(Submitted::Before(id)) => self.first_answer(caller, id).await.map(Some),
            Some(Submitted::KeyReused) => Err(errors::key_reused()),
            Some(Submitted::New) | None => Ok(None),
        }
    }

    /// The answer to somebody who has as many open requests as anybody may have: a call that is only
    /// repeated is answered as it was.
    async fn without_a_place(
        &self,
        caller: &Caller,
        request: &Request,
        idempotency: Option<&Idempotency>,
    ) -> Result<Answer, Problem> {
        if let Some(before) = self.before(caller, idempotency).await? {
            return Ok(before);
        }
        let most = self.config.open_requests_per_person;
        let data = json!({ "refusal": "too-many-open-requests", "open": most });
        self.note_refusal(caller, "request.refused", request.connection.to_string(), data).await;
        Err(Problem::conflict(
            "too-many-open-requests",
            format!(
                "{most} of your requests are PENDING, APPROVED or RUNNING, the most that one account may have; cancel some, or wait until some have ended"
            ),
        ))
    }

    /// The answer that was given when the key was first used, if the caller may still see it.
    async fn first_answer(&self, caller: &Caller, id: RequestId) -> Result<Answer, Problem> {
        let found =
            self.store.read("replay", &[Key::State(id)]).await.map_err(|error| errors::storage(&error))?;
        let now = found.request(id).map_err(|error| errors::storage(&error))?;
        let visible = now.is_some_and(|request| crate::view::may_see(&request, caller));
        let commits = self.store.commits(id).await.map_err(|error| errors::storage(&error))?;
        let first = commits.get(..1).unwrap_or_default();
        let (Some(request), true) = (evolve::replay(id, first), visible) else {
            return Err(Problem::not_found("request"));
        };
        if let Some(problem) = blocked(&request) {
            return Err(problem);
        }
        let created = first.first().and_then(|events| created_of(events)).ok_or_else(Problem::internal)?;
        let known = self.known_for_display().await;
        let view = RequestView::as_written(&request, created, caller, &self.config.public_url);
        Ok(Answer { request: view.with_people(&request, known.as_deref()), replayed: true })
    }

    /// Refuses what could not be submitted, whatever the guardrails say of the command.
    ///
    /// # Errors
    /// 413 and 422.
    pub fn check_submission(&self, connection: &Connection, body: &NewRequest) -> Result<(), Problem> {
        check(connection, body)?;
        let Some(got) = body.timeout_seconds else { return Ok(()) };
        let max = connection.timeout_seconds.unwrap_or(self.config.review_timeout_sec);
        let checked = match got > max {
            true => Err(Unsubmittable::TimeoutTooLong { max, got }),
            false => check_timeout("timeout_seconds", got).map_err(Unsubmittable::Policy),
        };
        checked.map_err(|error| errors::unsubmittable(&error))
    }

    fn submission(
        &self,
        caller: &Caller,
        connection: &Connection,
        body: NewRequest,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Submission, Problem> {
        let reason = body.reason.filter(|reason| !reason.trim().is_empty());
        let run_mode = body.run_mode.unwrap_or_default();
        let read_only = verdict.ease.is_some() && run_mode.is_transaction();
        let random = app::random().map_err(|_| errors::no_randomness())?;
        Ok(Submission {
            id: RequestId::from_parts(now, random),
            requester: caller.person(),
            via: caller.via,
            connection: connection.name.clone(),
            kind: connection.kind.clone(),
            target: connection.canonical_target().map_err(|error| errors::storage(&error))?,
            secret: connection.secret_for(read_only).unwrap_or_default().to_owned(),
            command: body.command,
            reason,
            run: body.run.unwrap_or(RunMode::Manual),
            run_mode,
            policy: connection.policy(),
            timeout_seconds: connection.timeout_seconds.unwrap_or(self.config.review_timeout_sec),
            wanted_timeout_seconds: body.timeout_seconds,
            masking_version: MASKING_VERSION,
            epoch: self.config.epoch,
            verdict,
        })
    }
}

/// The connection, if commands can be submitted on it: what is proposed on the one of the configuration comes
/// from where it is changed.
pub(crate) fn usable(connection: Option<Connection>) -> Result<Connection, Problem> {
    let ordinary = connection.filter(|connection| !connection.is_configuration());
    ordinary.ok_or_else(|| Problem::not_found("connection"))
}

/// Whether it stays open: what a guardrail blocks does not.
fn takes_a_place(request: &Request) -> bool {
    !request.status().is_terminal()
}

/// Refuses what cannot be, before anybody reads the command.
fn check(connection: &Connection, body: &NewRequest) -> Result<(), Problem> {
    check_command(&body.command)?;
    check_mode(connection, body.run_mode.unwrap_or_default())?;
    match body.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => check_text("/reason", reason),
        None if connection.require_reason => {
            Err(Problem::invalid("this connection wants a reason").at("/reason", "a reason is required"))
        }
        None => Ok(()),
    }
}

/// Statements can only commit one by one where there are statements.
pub(crate) fn check_mode(connection: &Connection, mode: StatementMode) -> Result<(), Problem> {
    match (mode, guard::dialect(&connection.kind)) {
        (StatementMode::Transaction, _)
        | (StatementMode::StatementByStatement, Dialect::Postgres | Dialect::Mysql | Dialect::Sqlite) => {
            Ok(())
        }
        (StatementMode::StatementByStatement, Dialect::Shell | Dialect::Http) => {
            let detail = format!(
                "`run_mode` must be `transaction` on connections of kind {} (got `statement_by_statement`)",
                connection.kind
            );
            Err(Problem::invalid(detail.clone()).at("/run_mode", detail))
        }
    }
}

/// What a requester is told whose command a guardrail blocked. The attempt is in the audit trail.
fn blocked(request: &Request) -> Option<Problem> {
    let Phase::Blocked { block, .. } = &request.phase else { return None };
    let title = "A guardrail blocks this command";
    let problem = Problem::new(StatusCode::FORBIDDEN, "guardrail-blocked", title, block.message.clone());
    Some(problem.with("request_id", request.id.to_string()).with("rule", block.rule.clone()))
}

/// The name of a connection in a body; one that is no name names no connection.
///
/// # Errors
/// 404.
pub fn connection_name(text: &str) -> Result<ConnectionName, Problem> {
    text.parse().map_err(|_| Problem::not_found("connection"))
}

pub(crate) fn check_command(command: &str) -> Result<(), Problem> {
    if command.len() > MAX_COMMAND_BYTES {
        let detail = format!("the command has {} bytes, the most is {MAX_COMMAND_BYTES}", command.len());
        return Err(Problem::too_large(detail).at("/command", "too long"));
    }
    if command.trim().is_empty() {
        return Err(Problem::invalid("the command is empty").at("/command", "there is nothing to run"));
    }
    if command.contains('\0') {
        return Err(
            Problem::invalid("the command contains U+0000, which no target takes").at("/command", "U+0000")
        );
    }
    Ok(())
}

/// Checks free text of a person.
///
/// # Errors
/// 422.
pub fn check_text(pointer: &str, text: &str) -> Result<(), Problem> {
    let characters = text.chars().count();
    if characters > MAX_TEXT_CHARACTERS {
        let detail = format!("{characters} characters are too many, the most is {MAX_TEXT_CHARACTERS}");
        return Err(Problem::invalid(detail.clone()).at(pointer, detail));
    }
    Ok(())
}

pub(crate) fn created_of(events: &[countersign_rules::Event]) -> Option<&Created> {
    match &events.first()?.fact {
        Fact::Created(created) => Some(created),
        _ => None,
    }
}

/// What a request, its creation and its error text are read by.
#[must_use]
pub fn keys_of(id: RequestId) -> [Key; 2] {
    [Key::State(id), Key::Created(id)]
}

/// The request of that id in what was found, if the caller may see it.
///
/// # Errors
/// 404 if not.
pub fn visible_request(
    found: &countersign_storage::Found,
    id: RequestId,
    caller: &Caller,
) -> Result<Request, Problem> {
    let request = found.request(id).map_err(|error| errors::storage(&error))?;
    request
        .filter(|request| crate::view::may_see(request, caller))
        .ok_or_else(|| Problem::not_found("request"))
}
