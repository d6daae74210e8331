//! How many rows a command would touch, by the target's own guess, for those who decide.
//!
//! The target plans the command with a secret of its own for that and never runs it. Only numbers of
//! rows and names of tables are kept; what the target says otherwise, its errors included, is kept
//! nowhere, because it may quote the command.

use countersign_app::change::ChangeError;
use countersign_rules::risk::{Estimate, TableRows};
use countersign_rules::{Command, RequestId, Status};
use countersign_storage::Key;
use serde_json::{Value, json};

use crate::{Execute, ExecuteError, spec_of};

/// More tables than that are no help to anybody, and would make the state large.
const MOST_TABLES: usize = 5;
/// The longest name of a table that is kept.
const MOST_CHARACTERS: usize = 130;

impl Execute {
    /// Asks the target and writes down what it says, if somebody may still be helped by it.
    pub(crate) async fn estimate(&self, id: RequestId) -> Result<Value, ExecuteError> {
        let made = match self.ask_target(id).await? {
            None => false,
            Some(tables) => {
                let command = |_: &_, _: &_, _| Ok(Command::Estimate { tables: tables.clone() }.into());
                match self.app.change(id, None, &[], command).await {
                    Ok(_) => true,
                    // It was decided meanwhile.
                    Err(ChangeError::Refused(_)) => false,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(json!({ "estimated": made }))
    }

    async fn ask_target(&self, id: RequestId) -> Result<Option<Vec<TableRows>>, ExecuteError> {
        let found = self.app.store.read("estimate", &[Key::State(id), Key::Created(id)]).await?;
        let (Some(request), Some(created)) = (found.request(id)?, found.created(id)?) else {
            return Ok(None);
        };
        let pending = request.status_at(self.app.now()) == Status::Pending;
        if !pending || request.estimate != Some(Estimate::Wanted) {
            return Ok(None);
        }
        let found = self.app.store.read("estimate", &[Key::Connection(request.connection.clone())]).await?;
        let connection = found.connection(&request.connection)?.filter(|now| now.kind == request.kind);
        let Some(connection) = connection else { return Ok(None) };
        let Some(reference) = &connection.estimate_secret else { return Ok(None) };
        let Ok(spec) = spec_of(&connection) else { return Ok(None) };
        let secret = match self.resolve(reference).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::warn!(%error, request_id = %id, "no estimate: its secret cannot be resolved");
                return Ok(None);
            }
        };
        let Ok(tables) = countersign_targets::estimate(&spec, Some(&secret), &created.command).await else {
            // What it says may quote the command.
            tracing::warn!(request_id = %id, connection = %connection.name, "no estimate: the target gave none");
            return Ok(None);
        };
        let tables = tables.into_iter().take(MOST_TABLES).map(|found| TableRows {
            table: found.table.chars().take(MOST_CHARACTERS).collect(),
            rows: found.rows,
        });
        Ok(Some(tables.collect()))
    }
}
