//! What can go wrong with the table, by what the caller should do about it.

/// A failure of the storage.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Somebody else wrote first: load again and decide again.
    #[error("the item was changed by somebody else")]
    Conflict,
    /// The table is too busy; jittered retries with the same token did not help.
    #[error("the table is busy, try again")]
    Contended,
    /// The table did not answer, or refused for a reason of its own. What was asked may have
    /// happened, and the retries could not find out.
    #[error("the table is not available: {0}")]
    Unavailable(String),
    /// What stands in the table cannot be understood. Fails closed: nothing is guessed.
    #[error("an item in the table cannot be read: {0}")]
    Corrupt(String),
    /// An item would be larger than the table takes.
    #[error("the item is too large: {0}")]
    TooLarge(String),
}

impl StorageError {
    pub(crate) fn corrupt(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Corrupt(format!("{what}: {error}"))
    }
}

/// The answer of a storage call, boxed so that callers do not compile the call again (ADR 0018).
pub type StorageFuture<'a, T> = futures::future::BoxFuture<'a, Result<T, StorageError>>;
