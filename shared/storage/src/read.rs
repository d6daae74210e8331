//! Several items in one strongly consistent call.

use std::collections::HashMap;

use countersign_notify::SlackSettings;
use countersign_rules::event::Created;
use countersign_rules::{ConnectionName, Event, Fact, Request, RequestId, UserId};

use crate::catalogues::StoredCatalogue;
use crate::codec::{self, Item, get_binary, get_number, get_text};
use crate::items::{Connection, User};
use crate::requests::ExactRows;
use crate::sign_in::{StoredSession, stored_session};
use crate::slack::SlackLink;
use crate::store::VERSION;
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// Something that can be read by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The state of a request.
    State(RequestId),
    /// The first commit of a request, which holds the command.
    Created(RequestId),
    /// A user with their tokens.
    User(UserId),
    /// A connection.
    Connection(ConnectionName),
    /// The catalogue of a connection's database.
    Catalogue(ConnectionName),
    /// The exact number of rows that a request changes.
    ExactRows(RequestId),
    /// The version of everything that a claim checks.
    Access,
    /// The settings of Slack.
    SlackSettings,
    /// The account of a Slack user.
    SlackLink(String),
    /// A session of a person, by the hash that names it.
    Session(UserId, String),
}

impl Key {
    fn parts(&self) -> (String, String) {
        match self {
            Self::State(id) => (keys::request(*id), keys::STATE.to_owned()),
            Self::Created(id) => (keys::request(*id), keys::FIRST_EVENTS.to_owned()),
            Self::User(id) => (keys::USERS.to_owned(), id.to_string()),
            Self::Connection(name) => (keys::CONNECTIONS.to_owned(), name.to_string()),
            Self::Catalogue(name) => (keys::CATALOGUES.to_owned(), name.to_string()),
            Self::ExactRows(id) => (keys::request(*id), keys::EXACT_ROWS.to_owned()),
            Self::Access => (keys::ACCESS.to_owned(), keys::ACCESS.to_owned()),
            Self::SlackSettings => (keys::SETTINGS.to_owned(), keys::SLACK_SETTINGS.to_owned()),
            Self::SlackLink(user) => (keys::slack_link(user), keys::SLACK_LINK.to_owned()),
            Self::Session(user, id) => (keys::sessions(*user), id.clone()),
        }
    }
}

/// What a [`Store::read`] found.
#[derive(Debug, Default)]
pub struct Found {
    items: HashMap<(String, String), Item>,
}

impl Found {
    fn item(&self, key: &Key) -> Option<&Item> {
        self.items.get(&key.parts())
    }

    /// Both together; what `later` found counts where both found something.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.items.extend(later.items);
        self
    }

    /// The state of a request.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn request(&self, id: RequestId) -> Result<Option<Request>, StorageError> {
        self.item(&Key::State(id)).map(request_of).transpose()
    }

    /// The error text of a request's execution, if it failed.
    #[must_use]
    pub fn error_text(&self, id: RequestId) -> Option<String> {
        let item = self.item(&Key::State(id))?;
        get_text(item, crate::requests::ERROR).ok().map(str::to_owned)
    }

    /// What was submitted, with its command.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn created(&self, id: RequestId) -> Result<Option<Created>, StorageError> {
        let Some(item) = self.item(&Key::Created(id)) else {
            return Ok(None);
        };
        match events_of(item)?.into_iter().next().map(|event| event.fact) {
            Some(Fact::Created(created)) => Ok(Some(*created)),
            _ => Err(StorageError::Corrupt("the first event of a request is not its creation".to_owned())),
        }
    }

    /// A user.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn user(&self, id: UserId) -> Result<Option<User>, StorageError> {
        self.item(&Key::User(id)).map(|item| document("a user", item)).transpose()
    }

    /// A connection.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn connection(&self, name: &ConnectionName) -> Result<Option<Connection>, StorageError> {
        self.item(&Key::Connection(name.clone())).map(|item| document("a connection", item)).transpose()
    }

    /// The catalogue of a connection's database, if there is one that this version can read.
    #[must_use]
    pub fn catalogue(&self, name: &ConnectionName) -> Option<StoredCatalogue> {
        let stored = crate::catalogues::stored(self.item(&Key::Catalogue(name.clone()))?);
        // It can be read from the database again, so that nothing depends on it.
        stored
            .inspect_err(|error| tracing::warn!(%error, connection = %name, "a catalogue cannot be read"))
            .ok()
    }

    /// The exact number of rows that a request changes.
    #[must_use]
    pub fn exact_rows(&self, id: RequestId) -> Option<ExactRows> {
        self.item(&Key::ExactRows(id)).and_then(|item| document("an exact number of rows", item).ok())
    }

    /// The settings of Slack.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn slack_settings(&self) -> Result<Option<SlackSettings>, StorageError> {
        self.item(&Key::SlackSettings).map(|item| document("the settings of Slack", item)).transpose()
    }

    /// The account of a Slack user.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn slack_link(&self, slack_user: &str) -> Result<Option<SlackLink>, StorageError> {
        self.item(&Key::SlackLink(slack_user.to_owned())).map(|item| document("a link", item)).transpose()
    }

    /// A session of a person.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn session(&self, user: UserId, id: &str) -> Result<Option<StoredSession>, StorageError> {
        self.item(&Key::Session(user, id.to_owned())).map(stored_session).transpose()
    }

    /// The version of everything that a claim checks; 0 before the first change.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub fn access_version(&self) -> Result<u64, StorageError> {
        self.item(&Key::Access).map_or(Ok(0), |item| get_number(item, VERSION))
    }
}

impl Store {
    /// Reads several items, strongly consistent, in one round trip for up to 100 of them.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn read<'a>(&'a self, operation: &'static str, wanted: &'a [Key]) -> StorageFuture<'a, Found> {
        Box::pin(async move { self.read_by(operation, wanted, true).await })
    }

    /// What was submitted, with the command: it never changes, so it is read for half the price first, and
    /// strongly consistent only if that finds nothing yet.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn read_created<'a>(&'a self, id: RequestId) -> StorageFuture<'a, Found> {
        Box::pin(async move {
            let wanted = [Key::Created(id)];
            let found = self.read_by("created", &wanted, false).await?;
            if found.item(&Key::Created(id)).is_some() {
                return Ok(found);
            }
            self.read_by("created", &wanted, true).await
        })
    }

    async fn read_by(
        &self,
        operation: &'static str,
        wanted: &[Key],
        consistent: bool,
    ) -> Result<Found, StorageError> {
        let mut parts: Vec<_> = wanted.iter().map(Key::parts).collect();
        parts.sort();
        parts.dedup();
        let keys = parts.iter().map(|(pk, sk)| codec::key(pk, sk)).collect();
        let items = self.batch_get_by(operation, keys, consistent).await?;
        let mut found = Found::default();
        for item in items {
            let key = (get_text(&item, schema::PK)?.to_owned(), get_text(&item, schema::SK)?.to_owned());
            codec::check_schema(&item)?;
            found.items.insert(key, item);
        }
        Ok(found)
    }
}

pub(crate) fn request_of(item: &Item) -> Result<Request, StorageError> {
    codec::decode_request(get_binary(item, crate::requests::DOC)?)
}

pub(crate) fn events_of(item: &Item) -> Result<Vec<Event>, StorageError> {
    codec::decode_events(get_binary(item, crate::requests::DOC)?)
}

pub(crate) fn document<T: serde::de::DeserializeOwned>(what: &str, item: &Item) -> Result<T, StorageError> {
    serde_json::from_str(get_text(item, crate::requests::DOC)?)
        .map_err(|error| StorageError::corrupt(what, error))
}
