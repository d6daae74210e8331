//! Custom webhooks, and how every endpoint is doing.
//!
//! Configuration and health stand in one item: an admin's change replaces the item under its version,
//! while health is kept in attributes of its own that attempts update beside it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use countersign_notify::endpoint::Disabled;
use countersign_notify::{EndpointId, Health, Webhook};
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Timestamp, WebhookId};
use serde_json::{Value, json};

use crate::codec::{self, Item, get_number, get_text, number, text};
use crate::people::{Access, Remember, Saved, fresh_token, to_json};
use crate::requests::{DOC, Remembered};
use crate::store::{Condition, Rejected, VERSION};
use crate::{StorageError, StorageFuture, Store, keys, schema};

const FAILING_SINCE: &str = "fs";
const FAILURES: &str = "fl";
const PROBE_AT: &str = "pr";
const RECOVERED_AT: &str = "ok";
const DISABLED_AT: &str = "dis";
const DISABLED_WHY: &str = "why";

/// A webhook and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWebhook {
    /// What an admin configured.
    pub webhook: Webhook,
    /// How it is doing.
    pub health: Health,
}

impl StoredWebhook {
    /// Whether it is told of anything.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.webhook.enabled && self.health.disabled.is_none()
    }
}

/// Every endpoint that something is known of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The custom webhooks, in the order of their ids.
    pub webhooks: Vec<StoredWebhook>,
    /// How those of Slack and Teams are doing that were not always well.
    pub others: BTreeMap<EndpointId, Health>,
}

impl Endpoints {
    /// How an endpoint is doing.
    #[must_use]
    pub fn health(&self, endpoint: &EndpointId) -> Health {
        let webhook = |id| self.webhooks.iter().find(|stored| stored.webhook.id == id);
        match endpoint {
            EndpointId::Webhook(id) => webhook(*id).map(|stored| stored.health.clone()),
            EndpointId::Slack(_) | EndpointId::Teams => self.others.get(endpoint).cloned(),
        }
        .unwrap_or_default()
    }
}

impl Store {
    /// Every endpoint, strongly consistent, in one query.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn endpoints<'a>(&'a self) -> StorageFuture<'a, Endpoints> {
        Box::pin(async move {
            let mut all = Endpoints::default();
            for item in self.collection(keys::ENDPOINTS, None, usize::MAX).await? {
                if item.contains_key(DOC) {
                    all.webhooks.push(stored(&item)?);
                } else if let Ok(endpoint) = get_text(&item, schema::SK)?.parse() {
                    all.others.insert(endpoint, health_of(&item)?);
                }
            }
            Ok(all)
        })
    }

    /// A custom webhook, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn webhook<'a>(&'a self, id: WebhookId) -> StorageFuture<'a, Option<StoredWebhook>> {
        Box::pin(async move {
            let items = self.batch_get("webhook", vec![codec::key(keys::ENDPOINTS, &id.to_string())]).await?;
            items.first().filter(|item| item.contains_key(DOC)).map(stored).transpose()
        })
    }

    /// How an endpoint is doing, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn health<'a>(&'a self, endpoint: &'a EndpointId) -> StorageFuture<'a, Health> {
        Box::pin(async move {
            let items =
                self.batch_get("health", vec![codec::key(keys::ENDPOINTS, &endpoint.to_string())]).await?;
            items.first().map_or(Ok(Health::default()), health_of)
        })
    }

    /// Stores a webhook; `before` is the version that the change was decided by, none to create.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it was changed. Else any other.
    pub fn put_webhook<'a>(
        &'a self,
        before: Option<u64>,
        stored: &'a StoredWebhook,
        remember: Option<Remember<'a>>,
    ) -> StorageFuture<'a, Saved> {
        Box::pin(async move {
            let webhook = &stored.webhook;
            let mut item = codec::item(keys::ENDPOINTS, &webhook.id.to_string());
            item.insert(VERSION.to_owned(), number(webhook.version));
            item.insert(DOC.to_owned(), text(to_json("a webhook", webhook)?));
            insert_health(&mut item, &stored.health);
            let condition = before.map_or(Condition::Absent, Condition::Version);
            let mut actions = vec![self.put(item, Some(condition))?];
            let kind = if before.is_some() { "webhook.changed" } else { "webhook.created" };
            actions.push(self.recorded(kind, webhook.id.to_string(), shown(webhook))?);
            // Whoever keeps the audience in memory looks at it again.
            actions.extend(self.access_change(Access::Changed)?);
            if let Some(remember) = remember {
                actions.push(self.remember(remember.key, remember.made, remember.now)?);
            }
            match self.transact("put webhook", &fresh_token()?, actions).await {
                Ok(()) => Ok(Saved::Yes),
                Err(rejected) if rejected.perhaps_committed() => {
                    let now = self.webhook(webhook.id).await?;
                    if now.is_some_and(|now| now.webhook == *webhook) {
                        Ok(Saved::Yes)
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(Rejected::Conditions { .. }) if remember.is_some() => {
                    let Some(remember) = remember else { return Err(StorageError::Conflict) };
                    match self.remembered(remember.key).await? {
                        Remembered::Nothing => Err(StorageError::Conflict),
                        Remembered::OtherBody => Ok(Saved::KeyReused),
                        Remembered::Made(made) => Ok(Saved::Before(made)),
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Deletes a webhook of that version. What waits for it waits in vain.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it was changed. Else any other.
    pub fn delete_webhook<'a>(&'a self, id: WebhookId, version: u64) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let key = codec::key(keys::ENDPOINTS, &id.to_string());
            let mut actions = vec![self.delete_if(key, Condition::Version(version))?];
            actions.push(self.recorded("webhook.deleted", id.to_string(), json!({ "version": version }))?);
            actions.extend(self.access_change(Access::Changed)?);
            match self.transact("delete webhook", &fresh_token()?, actions).await {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => match self.webhook(id).await? {
                    None => Ok(()),
                    Some(_) => Err(rejected.into_error()),
                },
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Says that an attempt failed at `now`; nobody probes before `probe_at`. False if the endpoint has
    /// recovered since the attempt `began`, which then says nothing about it.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn endpoint_failed<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        began: Timestamp,
        now: Timestamp,
        probe_at: Timestamp,
    ) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let set = "SET #fs = if_not_exists(#fs, :now), #pr = :probe, #v = :v ADD #fl :one";
            let values = [
                (":began", text(began.rfc3339())),
                (":now", text(now.rfc3339())),
                (":probe", text(probe_at.rfc3339())),
                (":one", number(1)),
                (":v", number(codec::SCHEMA_VERSION)),
            ];
            let names = [
                ("#fs", FAILING_SINCE),
                ("#pr", PROBE_AT),
                ("#fl", FAILURES),
                ("#ok", RECOVERED_AT),
                ("#v", "v"),
            ];
            let condition = "attribute_not_exists(#ok) OR #ok <= :began";
            self.update_health(endpoint, set, Some(condition), &names, values).await
        })
    }

    /// Says that an attempt succeeded at `now` after some that failed.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn endpoint_recovered<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        now: Timestamp,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let names = [
                ("#fs", FAILING_SINCE),
                ("#pr", PROBE_AT),
                ("#fl", FAILURES),
                ("#ok", RECOVERED_AT),
                ("#v", "v"),
            ];
            let values = [(":now", text(now.rfc3339())), (":v", number(codec::SCHEMA_VERSION))];
            let set = "SET #ok = :now, #v = :v REMOVE #fs, #pr, #fl";
            self.update_health(endpoint, set, None, &names, values).await.map(|_| ())
        })
    }

    /// Wins the right to probe an endpoint that keeps failing, or does not: somebody else has.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn claim_probe<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        now: Timestamp,
        next: Timestamp,
    ) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let names = [("#pr", PROBE_AT), ("#v", "v")];
            let values = [
                (":now", text(now.rfc3339())),
                (":next", text(next.rfc3339())),
                (":v", number(codec::SCHEMA_VERSION)),
            ];
            let condition = "attribute_not_exists(#pr) OR #pr <= :now";
            self.update_health(endpoint, "SET #pr = :next, #v = :v", Some(condition), &names, values).await
        })
    }

    /// Gives an endpoint up until an admin enables it again. False if somebody has already.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn disable_endpoint<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        disabled: &'a Disabled,
    ) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let names = [("#dis", DISABLED_AT), ("#why", DISABLED_WHY), ("#v", "v")];
            let values = [
                (":at", text(disabled.at.rfc3339())),
                (":why", text(&disabled.why)),
                (":v", number(codec::SCHEMA_VERSION)),
            ];
            let set = "SET #dis = :at, #why = :why, #v = :v";
            self.update_health(endpoint, set, Some("attribute_not_exists(#dis)"), &names, values).await
        })
    }

    /// Forgets that an endpoint of Slack or Teams failed: an admin has saved its settings.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn forget_health<'a>(&'a self, endpoint: &'a EndpointId) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let names = [
                ("#fs", FAILING_SINCE),
                ("#pr", PROBE_AT),
                ("#fl", FAILURES),
                ("#dis", DISABLED_AT),
                ("#why", DISABLED_WHY),
                ("#v", "v"),
            ];
            let set = "SET #v = :v REMOVE #fs, #pr, #fl, #dis, #why";
            let values = [(":v", number(codec::SCHEMA_VERSION))];
            self.update_health(endpoint, set, None, &names, values).await.map(|_| ())
        })
    }

    async fn update_health<const N: usize>(
        &self,
        endpoint: &EndpointId,
        update: &str,
        condition: Option<&str>,
        names: &[(&str, &str)],
        values: [(&str, AttributeValue); N],
    ) -> Result<bool, StorageError> {
        let mut all: HashMap<String, String> =
            names.iter().map(|(short, name)| ((*short).to_owned(), (*name).to_owned())).collect();
        // A webhook that was deleted meanwhile does not come back as its health.
        let condition = match endpoint {
            EndpointId::Webhook(_) => {
                all.insert("#doc".to_owned(), DOC.to_owned());
                let exists = "attribute_exists(#doc)";
                Some(condition.map_or(exists.to_owned(), |condition| format!("{exists} AND ({condition})")))
            }
            EndpointId::Slack(_) | EndpointId::Teams => condition.map(str::to_owned),
        };
        let update = self
            .client
            .update_item()
            .set_key(Some(codec::key(keys::ENDPOINTS, &endpoint.to_string())))
            .update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(all))
            .set_expression_attribute_values(Some(
                values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ));
        self.update_item("health", update).await
    }
}

fn stored(item: &Item) -> Result<StoredWebhook, StorageError> {
    codec::check_schema(item)?;
    Ok(StoredWebhook { webhook: crate::read::document("a webhook", item)?, health: health_of(item)? })
}

fn health_of(item: &Item) -> Result<Health, StorageError> {
    let instant = |name: &str| {
        let text = item.get(name).and_then(|value| value.as_s().ok());
        let parse = |text: &String| {
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| StorageError::Corrupt(format!("attribute `{name}` is no instant")))
        };
        text.map(parse).transpose()
    };
    let failures = if item.contains_key(FAILURES) { get_number(item, FAILURES)? } else { 0 };
    let disabled = match instant(DISABLED_AT)? {
        None => None,
        Some(at) => Some(Disabled { at, why: get_text(item, DISABLED_WHY)?.to_owned() }),
    };
    Ok(Health {
        failing_since: instant(FAILING_SINCE)?,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        probe_at: instant(PROBE_AT)?,
        disabled,
    })
}

/// What the audit trail tells of a webhook: neither its secrets nor the values of its headers, which may be
/// some.
fn shown(webhook: &Webhook) -> Value {
    json!({ "after": {
        "name": webhook.name, "url": webhook.url, "events": webhook.events,
        "connections": webhook.connections, "headers": webhook.headers.keys().collect::<Vec<_>>(),
        "enabled": webhook.enabled, "version": webhook.version,
        "secret_sha256": sha256_hex(webhook.secret.reveal().as_bytes()),
    } })
}

fn insert_health(item: &mut Item, health: &Health) {
    if let Some(since) = health.failing_since {
        item.insert(FAILING_SINCE.to_owned(), text(since.rfc3339()));
        item.insert(FAILURES.to_owned(), number(health.failures));
    }
    if let Some(at) = health.probe_at {
        item.insert(PROBE_AT.to_owned(), text(at.rfc3339()));
    }
    if let Some(disabled) = &health.disabled {
        item.insert(DISABLED_AT.to_owned(), text(disabled.at.rfc3339()));
        item.insert(DISABLED_WHY.to_owned(), text(&disabled.why));
    }
}
