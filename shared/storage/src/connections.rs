//! Connections.

use countersign_rules::ConnectionName;

use crate::codec::{self, number, text};
use crate::items::Connection;
use crate::people::{Access, fresh_token, to_json};
use crate::requests::DOC;
use crate::store::{Condition, VERSION};
use crate::{Key, StorageError, StorageFuture, Store, keys};

impl Store {
    /// Stores a connection; `before` is the version that the change was decided by, none to create.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it exists already or was changed. Else any other.
    pub fn put_connection<'a>(
        &'a self,
        before: Option<u64>,
        connection: &'a Connection,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(keys::CONNECTIONS, connection.name.as_str());
            item.insert(VERSION.to_owned(), number(connection.version));
            item.insert(DOC.to_owned(), text(to_json("a connection", connection)?));
            let condition = before.map_or(Condition::Absent, Condition::Version);
            // Read for the difference alone: what is written holds only if this is what stands there.
            let was = if before.is_some() { self.connection(&connection.name).await? } else { None };
            let mut actions = vec![self.put(item, Some(condition))?];
            actions.extend(self.connection_change(was.as_ref(), Some(connection))?);
            actions.extend(self.access_change(Access::Changed)?);
            match self.transact("put connection", &fresh_token()?, actions).await {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => {
                    let now = self.connection(&connection.name).await?;
                    if now.as_ref() == Some(connection) { Ok(()) } else { Err(rejected.into_error()) }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Deletes a connection of that version. What is pending on it cannot run any more.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it was changed. Else any other.
    pub fn delete_connection<'a>(&'a self, name: &'a ConnectionName, version: u64) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            match self.connection(name).await? {
                Some(connection) if connection.version == version => {
                    self.remove_connection(&connection).await
                }
                _ => Err(StorageError::Conflict),
            }
        })
    }

    /// The same for whoever has just looked at it.
    ///
    /// # Errors
    /// As [`Store::delete_connection`].
    pub fn remove_connection<'a>(&'a self, connection: &'a Connection) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let name = &connection.name;
            let key = codec::key(keys::CONNECTIONS, name.as_str());
            let mut actions = vec![self.delete_if(key, Condition::Version(connection.version))?];
            actions.push(self.delete(codec::key(keys::CATALOGUES, name.as_str()))?);
            actions.extend(self.connection_change(Some(connection), None)?);
            actions.extend(self.access_change(Access::Changed)?);
            match self.transact("delete connection", &fresh_token()?, actions).await {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => {
                    if self.connection(name).await?.is_none() {
                        Ok(())
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// A connection, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn connection<'a>(&'a self, name: &'a ConnectionName) -> StorageFuture<'a, Option<Connection>> {
        Box::pin(
            async move { self.read("connection", &[Key::Connection(name.clone())]).await?.connection(name) },
        )
    }

    /// A page of connections in the order of their names.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn connections<'a>(
        &'a self,
        after: Option<&'a ConnectionName>,
        limit: usize,
    ) -> StorageFuture<'a, Vec<Connection>> {
        Box::pin(async move {
            let start = after.map(|name| codec::key(keys::CONNECTIONS, name.as_str()));
            let items = self.collection(keys::CONNECTIONS, start, limit).await?;
            items.iter().map(|item| crate::read::document("a connection", item)).collect()
        })
    }
}
