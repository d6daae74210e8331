//! A change becomes a request that other admins see.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_masking::MaskingPolicy;
use countersign_rules::request::{CONFIGURATION_KIND, RunMode};
use countersign_rules::risk::Verdict;
use countersign_rules::submit::Submission;
use countersign_rules::{ConnectionName, GroupName, RequestId, Timestamp, submit};
use countersign_storage::items::Channel;
use countersign_storage::requests::Submitted;
use countersign_storage::{Connection, StorageError};
use futures::future::BoxFuture;
use serde_json::json;

use super::Proposal;
use crate::submit::{MASKING_VERSION, check_command, created_of};
use crate::view::RequestView;
use crate::{App, Caller, app, errors};

/// How long a second admin has, in seconds: a day, because they may be on the other side of the world.
const TIMEOUT_SECONDS: u32 = 24 * 3600;

impl App {
    /// Proposes a change, as whoever calls. It is carried out by itself once another admin approves it.
    ///
    /// # Errors
    /// The contract's problems; nothing is proposed then.
    pub fn propose<'a>(
        &'a self,
        caller: &'a Caller,
        proposal: &'a Proposal,
    ) -> BoxFuture<'a, Result<RequestView, Problem>> {
        Box::pin(async move {
            let command = proposal.command().map_err(|error| {
                tracing::error!(%error, "a proposal cannot be written");
                Problem::internal()
            })?;
            check_command(&command)?;
            let connection = self.configuration().await?;
            // The id's time is the creation's, or lists, which go by both, would pass over some.
            let now = self.now();
            let random = app::random().map_err(|_| errors::no_randomness())?;
            let submission = Submission {
                id: RequestId::from_parts(now, random),
                requester: caller.person(),
                via: caller.via,
                target: connection.canonical_target().map_err(|error| errors::storage(&error))?,
                secret: connection.secret_for(false).unwrap_or_default().to_owned(),
                policy: connection.policy(),
                timeout_seconds: connection.timeout_seconds.unwrap_or(self.config.review_timeout_sec),
                connection: connection.name,
                kind: connection.kind,
                command,
                reason: None,
                run: RunMode::OnApproval,
                run_mode: countersign_rules::StatementMode::Transaction,
                wanted_timeout_seconds: None,
                masking_version: MASKING_VERSION,
                epoch: self.config.epoch,
                verdict: Verdict { risk: Some(proposal.risk()), ..Verdict::default() },
            };
            let (request, events) =
                submit(&submission, now).map_err(|error| errors::unsubmittable(&error))?;
            let stored = self.store.create(&request, &events, None);
            let (known, stored) = tokio::join!(self.known_for_display(), stored);
            match stored.map_err(|error| errors::storage(&error))? {
                Submitted::New => {}
                Submitted::Before(_) | Submitted::KeyReused => return Err(Problem::internal()),
            }
            let created = created_of(&events).ok_or_else(Problem::internal)?;
            let view = RequestView::new(&request, created, None, caller, self.now(), &self.config.public_url);
            Ok(view.with_people(&request, known.as_deref()))
        })
    }

    /// The connection on which changes are proposed; made when it is first needed.
    async fn configuration(&self) -> Result<Connection, Problem> {
        let name = ConnectionName::configuration();
        for _ in 0..2 {
            let found = self.store.connection(&name).await.map_err(|error| errors::storage(&error))?;
            match found {
                Some(connection) if connection.is_configuration() => return Ok(connection),
                Some(_) => {
                    let detail = format!(
                        "`{name}` is the name of an ordinary connection from before it was reserved: delete that \
                         one, so that changes can be proposed"
                    );
                    return Err(Problem::conflict("name-taken", detail));
                }
                None => {}
            }
            match self.store.put_connection(None, &built_in(name.clone(), self.now())).await {
                // Somebody else was first.
                Ok(()) | Err(StorageError::Conflict) => {}
                Err(error) => return Err(errors::storage(&error)),
            }
        }
        Err(errors::storage(&StorageError::Contended))
    }
}

/// Its policy: one admin who is not the requester, and only while the requester is an admin.
fn built_in(name: ConnectionName, now: Timestamp) -> Connection {
    let admins = GroupName::admins();
    Connection {
        name,
        kind: CONFIGURATION_KIND.to_owned(),
        target: json!({}),
        secret: None,
        read_secret: None,
        estimate_secret: None,
        guardrails: Vec::new(),
        auto_approve: None,
        reviewers: vec![admins.clone()],
        approvals_per_group: 1,
        distinct_reviewers: true,
        exempt_groups: BTreeSet::new(),
        allowed_groups: BTreeSet::from([admins]),
        approvals: true,
        admin_auto_approve: false,
        timeout_seconds: Some(TIMEOUT_SECONDS),
        run_within_seconds: 3600,
        max_rows: None,
        require_reason: false,
        masking: MaskingPolicy::default(),
        masking_key: None,
        // Those channels are for all who are in them, and a proposal names targets and secrets.
        notify: BTreeSet::from([Channel::Slack, Channel::Webhooks]),
        slack_channels: Vec::new(),
        created_at: now,
        version: 1,
    }
}
