//! The catalogues of databases: read with the secret for estimates or for reading, kept beside the connection.

use countersign_app::catalogue::{self, CatalogueReport};
use countersign_app::claim::ReadCatalogue;
use countersign_app::guard;
use countersign_catalogue::Catalogue;
use countersign_rules::ConnectionName;
use countersign_storage::catalogues::StoredCatalogue;
use countersign_storage::{Connection, Key};
use futures::future::BoxFuture;

use crate::{Execute, ExecuteError, spec_of};

impl Execute {
    /// Reads the catalogue of a connection again.
    pub(crate) async fn refresh(&self, name: &ConnectionName) -> Result<CatalogueReport, ExecuteError> {
        let found = self.app.store.read("refresh", &[Key::Connection(name.clone())]).await?;
        let Some(connection) = found.connection(name)? else {
            return Ok(CatalogueReport::failed("the connection was deleted just now"));
        };
        Ok(match self.read_catalogue(&connection).await {
            Ok(stored) => {
                tracing::info!(connection = %name, tables = stored.catalogue.tables.len(), "catalogue read");
                CatalogueReport::of(&stored)
            }
            Err(error) => CatalogueReport::failed(error),
        })
    }

    /// The catalogue of a connection: the stored one if it is fresh enough and lists what is asked for, else it is read
    /// again. The error is for people, and holds nothing of a secret.
    pub(crate) async fn fresh_catalogue(
        &self,
        connection: &Connection,
        lists_all: impl Fn(&Catalogue) -> bool,
    ) -> Result<StoredCatalogue, String> {
        if catalogue::source(connection).is_none() {
            return Err("it has no secret for estimates or for reading".to_owned());
        }
        let stored = self.app.store.catalogue(&connection.name).await.map_err(|error| error.to_string())?;
        let stored = catalogue::current(connection, stored);
        match stored {
            Some(stored) if !catalogue::is_stale(&stored, self.app.now()) && lists_all(&stored.catalogue) => {
                Ok(stored)
            }
            // An old one is better than none.
            Some(stored) => Ok(self.read_catalogue(connection).await.unwrap_or(stored)),
            None => self.read_catalogue(connection).await,
        }
    }

    /// Reads the catalogue from the database and stores it.
    async fn read_catalogue(&self, connection: &Connection) -> Result<StoredCatalogue, String> {
        let source = catalogue::source(connection).ok_or_else(|| {
            format!(
                "a catalogue is read with the connection's `estimate_secret` or `read_secret`, and `{}` has neither (or its kind has no catalogue)",
                connection.name
            )
        })?;
        let spec = spec_of(connection)?;
        let secret = match &source.secret {
            Some(reference) => Some(self.resolve(reference).await?),
            None => None,
        };
        let read = countersign_targets::catalogue(&spec, secret.as_ref(), &self.environment).await;
        let catalogue = read.map_err(|error| error.to_string())?;
        let stored = StoredCatalogue { catalogue, read_at: self.app.now(), source: source.id };
        if let Err(error) = self.app.store.put_catalogue(&connection.name, &stored).await {
            // It is as good unstored; the next one who needs it reads it again.
            tracing::warn!(%error, connection = %connection.name, "a catalogue cannot be stored");
        }
        Ok(stored)
    }
}

impl ReadCatalogue for Execute {
    fn catalogue<'a>(
        &'a self,
        connection: &'a Connection,
        command: &'a str,
    ) -> BoxFuture<'a, Option<Catalogue>> {
        Box::pin(async move {
            if guard::is_read_by_itself(connection, command) {
                // The stored one still says which views do more than read.
                return self.app.catalogue_of(connection).await;
            }
            match self.read_catalogue(connection).await {
                Ok(stored) => Some(stored.catalogue),
                Err(error) => {
                    tracing::warn!(%error, connection = %connection.name, "no catalogue at the claim");
                    None
                }
            }
        })
    }
}
