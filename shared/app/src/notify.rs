//! Who is told of what happens to a request, and the asynchronous invocations that tell them.

use std::collections::BTreeMap;

use countersign_aws::Aws;
use countersign_aws::lambda::Lambda;
use countersign_notify::{EndpointId, Integrations};
use countersign_rules::{ConnectionName, DeliveryId, Person, Phase, Request, RequestId, Status, WebhookId};
use countersign_storage::items::{Channel, User};
use countersign_storage::slack::Subscription;
use countersign_storage::webhooks::{Endpoints, StoredWebhook};
use countersign_storage::{Connection, StorageError, Store};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::app::{InvokeError, MAKES_DELIVERIES, queue};
use crate::{Config, config::ConfigError};

/// What `deliver` is invoked with. Any of them may be lost or doubled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeliverEvent {
    /// Tell an endpoint of a commit.
    Commit {
        /// Which endpoint.
        endpoint: EndpointId,
        /// Of which request.
        request_id: RequestId,
        /// The request's version right after the commit.
        version: u64,
    },
    /// Work off what is due at an endpoint.
    Due {
        /// Which endpoint.
        endpoint: EndpointId,
    },
    /// Attempt one delivery that an admin asked for: a test, or once more.
    Delivery {
        /// To which endpoint.
        endpoint: EndpointId,
        /// Which.
        id: DeliveryId,
    },
}

/// Has deliveries made, asynchronously.
#[derive(Debug, Clone)]
pub struct Notifier {
    lambda: Lambda,
    function: String,
}

impl Notifier {
    /// For the function that the configuration names.
    ///
    /// # Errors
    /// If it names none.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ConfigError> {
        let function = config.deliver_function.clone();
        let function = function.ok_or(ConfigError::Missing("COUNTERSIGN_DELIVER_FUNCTION"))?;
        Ok(Self { lambda: aws.lambda(), function })
    }

    /// Queues an invocation of `deliver`.
    ///
    /// # Errors
    /// If Lambda did not accept it; the sweep finds what waits.
    pub fn deliver<'a>(&'a self, event: &'a DeliverEvent) -> BoxFuture<'a, Result<(), InvokeError>> {
        Box::pin(queue(&self.lambda, &self.function, MAKES_DELIVERIES, event))
    }
}

/// Everybody who may be told of something, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// The custom webhooks, and how every endpoint is doing.
    pub endpoints: Endpoints,
    /// Slack and Teams.
    pub integrations: Integrations,
    /// What each connection says of whom to tell.
    pub connections: BTreeMap<ConnectionName, Connection>,
    /// Whoever has a Slack user, where Slack is used.
    pub people: Vec<Reachable>,
}

/// Somebody who can be told in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachable {
    /// The person, as they are now.
    pub person: Person,
    /// Their Slack user.
    pub slack_user: String,
    /// What they want to hear of as a reviewer, if anything.
    pub subscription: Option<Subscription>,
}

impl Audience {
    /// Reads it, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn read<'a>(store: &'a Store) -> BoxFuture<'a, Result<Self, StorageError>> {
        Box::pin(async move {
            let (endpoints, integrations, connections) = tokio::try_join!(
                store.endpoints(),
                store.integrations(),
                store.connections(None, usize::MAX)
            )?;
            let connections = connections.into_iter().map(|one| (one.name.clone(), one)).collect();
            let people = match &integrations.slack {
                Some((slack, _)) if slack.enabled => people(store).await?,
                _ => Vec::new(),
            };
            Ok(Self { endpoints, integrations, connections, people })
        })
    }

    /// Whether nobody at all is ever told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.endpoints.webhooks.is_empty() && self.integrations == Integrations::default()
    }

    /// The endpoints that are told of a request as it stands: those of its connection, whoever subscribed
    /// to what waits for them, and its requester once there is something to say.
    #[must_use]
    pub fn of_request(&self, request: &Request) -> Vec<EndpointId> {
        let mut told = self.of(&request.connection);
        let connection = self.connections.get(&request.connection);
        if connection.is_none_or(|connection| connection.notify.contains(&Channel::Slack)) {
            let people = self.people.iter().filter(|somebody| somebody.hears_of(request));
            told.extend(people.map(|somebody| EndpointId::Slack(somebody.slack_user.clone())));
        }
        told.retain(|endpoint| !self.is_disabled(endpoint));
        told.sort();
        told.dedup();
        told
    }

    /// The endpoints that are told of requests on a connection. One that was deleted meanwhile does
    /// not silence the webhooks.
    #[must_use]
    pub fn of(&self, name: &ConnectionName) -> Vec<EndpointId> {
        let connection = self.connections.get(name);
        // It may be younger than what is known of the connections.
        let ours = *name == ConnectionName::configuration();
        if connection.map_or(ours, Connection::is_configuration) {
            return self.of_configuration(name);
        }
        let tells = |channel| connection.is_none_or(|connection| connection.notify.contains(&channel));
        let mut told = Vec::new();
        if tells(Channel::Webhooks) {
            let enabled = self.endpoints.webhooks.iter().filter(|stored| stored.is_enabled());
            let wanting = enabled.filter(|stored| stored.webhook.wants_connection(name));
            told.extend(wanting.map(|stored| EndpointId::Webhook(stored.webhook.id)));
        }
        if tells(Channel::Slack) {
            told.extend(self.slack_channels(connection));
        }
        if tells(Channel::Teams) && self.integrations.teams.as_ref().is_some_and(|(teams, _)| teams.enabled) {
            told.push(EndpointId::Teams);
        }
        told.retain(|endpoint| {
            matches!(endpoint, EndpointId::Webhook(_)) || self.endpoints.health(endpoint).disabled.is_none()
        });
        told
    }

    /// Of changes of the configuration only those webhooks are told that name it: the command says where
    /// targets are and how their secrets are called, which is for admins and auditors. (Admins hear in
    /// direct messages.)
    fn of_configuration(&self, name: &ConnectionName) -> Vec<EndpointId> {
        let enabled = self.endpoints.webhooks.iter().filter(|stored| stored.is_enabled());
        let naming = enabled.filter(|stored| stored.webhook.connections.contains(name));
        naming.map(|stored| EndpointId::Webhook(stored.webhook.id)).collect()
    }

    /// The connection's channels, else the default ones.
    fn slack_channels(&self, connection: Option<&Connection>) -> Vec<EndpointId> {
        let Some((slack, _)) = self.integrations.slack.as_ref().filter(|(slack, _)| slack.enabled) else {
            return Vec::new();
        };
        let own = connection.map(|connection| &connection.slack_channels).filter(|own| !own.is_empty());
        let channels = own.unwrap_or(&slack.default_channels);
        channels.iter().map(|channel| EndpointId::Slack(channel.clone())).collect()
    }

    /// A custom webhook.
    #[must_use]
    pub fn webhook(&self, id: WebhookId) -> Option<&StoredWebhook> {
        self.endpoints.webhooks.iter().find(|stored| stored.webhook.id == id)
    }

    /// Whether an endpoint is told of nothing now.
    #[must_use]
    pub fn is_disabled(&self, endpoint: &EndpointId) -> bool {
        match endpoint {
            EndpointId::Webhook(id) => self.webhook(*id).is_none_or(|stored| !stored.is_enabled()),
            EndpointId::Slack(_) | EndpointId::Teams => self.endpoints.health(endpoint).disabled.is_some(),
        }
    }

    /// Every endpoint that may have something to do, enabled or not.
    #[must_use]
    pub fn all(&self) -> Vec<EndpointId> {
        let webhooks = self.endpoints.webhooks.iter().map(|stored| EndpointId::Webhook(stored.webhook.id));
        let mut all: Vec<EndpointId> = webhooks.collect();
        all.extend(self.connections.keys().flat_map(|name| self.of(name)));
        all.extend(self.people.iter().map(|somebody| EndpointId::Slack(somebody.slack_user.clone())));
        all.extend(self.endpoints.others.keys().cloned());
        all.sort();
        all.dedup();
        all
    }
}

impl Reachable {
    /// Whether they are told of a request as it stands.
    fn hears_of(&self, request: &Request) -> bool {
        if self.person.disabled {
            return false;
        }
        if self.person.human == request.requester.human {
            return request.status() != Status::Pending;
        }
        let reviews = request.policy.groups.iter().any(|group| self.person.groups.contains(group));
        // What needed nobody is no news for reviewers.
        let asked = request.auto_approval.is_none() && !matches!(request.phase, Phase::Blocked { .. });
        let wants = |subscription: &Subscription| {
            subscription.connections.is_empty() || subscription.connections.contains(&request.connection)
        };
        reviews && asked && self.subscription.as_ref().is_some_and(wants)
    }
}

async fn people(store: &Store) -> Result<Vec<Reachable>, StorageError> {
    let (users, subscriptions) = tokio::try_join!(store.all_users(), store.subscriptions())?;
    let reachable = |user: User| {
        let slack_user = user.slack_user_id.clone()?;
        let subscription = subscriptions.iter().find(|subscription| subscription.user == user.id).cloned();
        Some(Reachable { person: user.person(), slack_user, subscription })
    };
    Ok(users.into_iter().filter_map(reachable).collect())
}
