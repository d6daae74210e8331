//! Changes of everything but requests, as events: written in the transaction of the change itself, and
//! never changed.
//!
//! They are leaves of the log as requests' events are. Between them there is no chain: what orders the
//! changes of one thing is its version, which stands in each.

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Actor, Timestamp, Via};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::codec::{self, Item, text};
use crate::items::{Connection, User};
use crate::people::to_json;
use crate::requests::DOC;
use crate::store::now;
use crate::{StorageError, Store, keys, schema};

/// Who changes something, through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// Through what.
    pub via: Via,
    /// Who agreed to it, where more than one had to: the member `proposal` of its events.
    pub proposal: Option<Value>,
}

impl Default for By {
    fn default() -> Self {
        Self { actor: Actor::system("service"), via: Via::System, proposal: None }
    }
}

/// A change of something that is no request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its id, `aud_…`.
    pub id: String,
    /// What happened, such as `connection.changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Through what.
    pub via: Via,
    /// What was changed: the name of a connection, the id of a user.
    pub subject: String,
    /// `before` and `after` of what differs, never a secret.
    pub data: Value,
    /// SHA-256 over the RFC 8785 JSON of `{"audit": EVENT}`, EVENT being this event without its `hash`.
    pub hash: String,
}

/// What such an event can tell: every kind, with what it means. `docs/audit.md` lists them.
pub const KINDS: [(&str, &str); 18] = [
    ("connection.created", "made the connection"),
    ("connection.changed", "changed the connection"),
    ("connection.deleted", "deleted the connection"),
    ("user.created", "made the account"),
    ("user.changed", "changed the account"),
    ("token.created", "made a token of"),
    ("token.revoked", "revoked a token of"),
    ("session.began", "signed in as"),
    ("session.ended", "signed out"),
    ("webhook.created", "made the webhook"),
    ("webhook.changed", "changed the webhook"),
    ("webhook.deleted", "deleted the webhook"),
    ("slack.settings_changed", "changed the settings of"),
    ("teams.settings_changed", "changed the settings of"),
    ("decision.refused", "was refused a decision on"),
    ("request.refused", "was refused a request on"),
    ("access.refused", "was refused a call as"),
    ("sign_in.refused", "was refused a sign-in as"),
];

/// The prefix of their ids.
pub const PREFIX: &str = "aud_";

impl AuditEvent {
    /// That happened now, of one of the [`KINDS`].
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new(kind: &str, by: &By, subject: impl Into<String>, data: Value) -> Result<Self, StorageError> {
        debug_assert!(
            KINDS.iter().any(|(known, _)| *known == kind),
            "`{kind}` is not among the kinds of events"
        );
        let at = now();
        let random =
            getrandom::u64().map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
        let ulid = countersign_rules::RequestId::from_parts(at, u128::from(random)).ulid();
        let mut event = Self {
            id: format!("{PREFIX}{ulid}"),
            kind: kind.to_owned(),
            at,
            actor: by.actor.clone(),
            via: by.via,
            subject: subject.into(),
            data: with_proposal(data, by.proposal.as_ref()),
            hash: String::new(),
        };
        event.hash = event.computed_hash()?;
        Ok(event)
    }

    /// What its hash must be.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which none of ours cannot.
    pub fn computed_hash(&self) -> Result<String, StorageError> {
        let wrong = |error| StorageError::corrupt("an audit event", error);
        let mut body = serde_json::to_value(self).map_err(wrong)?;
        if let Some(members) = body.as_object_mut() {
            members.remove("hash");
        }
        Ok(sha256_hex(&serde_json_canonicalizer::to_vec(&json!({ "audit": body })).map_err(wrong)?))
    }

    fn item(&self) -> Result<Item, StorageError> {
        let ulid = self.id.trim_start_matches(PREFIX);
        let mut item = codec::item(&keys::change(ulid), keys::CHANGE);
        item.insert(DOC.to_owned(), text(to_json("an audit event", self)?));
        let (pk, sk) = keys::feed_of_change(ulid, self.at);
        item.insert(schema::FEED.partition_key.to_owned(), text(pk));
        item.insert(schema::FEED.sort_key.to_owned(), text(sk));
        Ok(item)
    }
}

impl Store {
    /// The same table, written by somebody: their name stands in the events of what they change.
    #[must_use]
    pub fn acting(&self, actor: Actor, via: Via) -> Self {
        Self { by: By { actor, via, proposal: None }.into(), ..self.clone() }
    }

    /// The same table, written for somebody whose proposal others have approved.
    #[must_use]
    pub fn carrying_out(&self, by: By) -> Self {
        Self { by: by.into(), ..self.clone() }
    }

    /// The action that records an event, for the transaction of what it tells.
    ///
    /// # Errors
    /// If the event cannot be made.
    pub fn recorded(
        &self,
        kind: &str,
        subject: impl Into<String>,
        data: Value,
    ) -> Result<TransactWriteItem, StorageError> {
        let event = AuditEvent::new(kind, &self.by, subject, data)?;
        self.put(event.item()?, Some(crate::store::Condition::Absent))
    }

    /// Records an event that goes with no change: a refusal, a sign-in.
    ///
    /// # Errors
    /// Any [`StorageError`].
    pub async fn record(
        &self,
        kind: &str,
        subject: impl Into<String>,
        data: Value,
    ) -> Result<(), StorageError> {
        let action = self.recorded(kind, subject, data)?;
        let written = self.transact("record", &crate::people::fresh_token()?, vec![action]).await;
        written.map_err(crate::store::Rejected::into_error)
    }

    pub(crate) fn connection_change(
        &self,
        before: Option<&Connection>,
        after: Option<&Connection>,
    ) -> Result<Option<TransactWriteItem>, StorageError> {
        let Some(connection) = after.or(before) else { return Ok(None) };
        let kind = match (before, after) {
            (None, _) => "connection.created",
            (Some(_), Some(_)) => "connection.changed",
            (Some(_), None) => "connection.deleted",
        };
        let shown = |connection: Option<&Connection>| members("a connection", connection);
        let data = difference(shown(before)?, shown(after)?);
        self.recorded(kind, connection.name.as_str(), data).map(Some)
    }

    pub(crate) fn user_change(
        &self,
        before: Option<&User>,
        after: &User,
    ) -> Result<TransactWriteItem, StorageError> {
        let mut was = members("a user", before)?;
        let mut is = members("a user", Some(after))?;
        let tokens_before = tokens_of(&mut was);
        let tokens_after = tokens_of(&mut is);
        let only = |one: &[Value], other: &[Value]| -> Vec<Value> {
            one.iter().filter(|token| !other.contains(token)).cloned().collect()
        };
        let made = only(&tokens_after, &tokens_before);
        let gone = only(&tokens_before, &tokens_after);
        let same = was == is;
        let kind = match (before, same, made.is_empty()) {
            (None, _, _) => "user.created",
            (Some(_), false, _) => "user.changed",
            (Some(_), true, false) => "token.created",
            (Some(_), true, true) => "token.revoked",
        };
        let mut data = difference(was, is);
        if let Some(data) = data.as_object_mut() {
            for (name, tokens) in [("tokens_made", made), ("tokens_gone", gone)] {
                if !tokens.is_empty() {
                    data.insert(name.to_owned(), Value::Array(tokens));
                }
            }
        }
        self.recorded(kind, after.id.to_string(), data)
    }
}

fn with_proposal(mut data: Value, proposal: Option<&Value>) -> Value {
    if let (Some(members), Some(proposal)) = (data.as_object_mut(), proposal) {
        members.insert("proposal".to_owned(), proposal.clone());
    }
    data
}

fn members<T: Serialize>(what: &str, thing: Option<&T>) -> Result<Map<String, Value>, StorageError> {
    let Some(thing) = thing else { return Ok(Map::new()) };
    match serde_json::to_value(thing).map_err(|error| StorageError::corrupt(what, error))? {
        Value::Object(members) => Ok(members),
        _ => Err(StorageError::Corrupt(format!("{what} is no object"))),
    }
}

/// A user's tokens without what could be used against them.
fn tokens_of(user: &mut Map<String, Value>) -> Vec<Value> {
    let Some(Value::Array(mut tokens)) = user.remove("tokens") else { return Vec::new() };
    for token in tokens.iter_mut().filter_map(Value::as_object_mut) {
        token.remove("secret_sha256");
    }
    tokens
}

/// What differs, as it was and as it is; the version always.
fn difference(before: Map<String, Value>, after: Map<String, Value>) -> Value {
    let differs = |name: &str| name == "version" || before.get(name) != after.get(name);
    let part = |members: &Map<String, Value>| -> Map<String, Value> {
        let differing = members.iter().filter(|(name, _)| differs(name));
        differing.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (was, is) = (part(&before), part(&after));
    json!({ "before": was, "after": is })
}

pub(crate) fn audit_event_of(item: &Item) -> Result<AuditEvent, StorageError> {
    codec::check_schema(item)?;
    crate::read::document("an audit event", item)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documentation_lists_every_kind_of_event_and_no_other() {
        let text = include_str!("../../../docs/audit.md");
        let (_, section) = text.split_once("## Changes of anything else than requests").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let listed: BTreeSet<&str> = rows
            .filter_map(|row| row.split(" | ").next())
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
            .collect();
        let known: BTreeSet<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(listed, known);
    }
}
