//! What is still open from before the deployment was restored from a backup (DESIGN P4, ADR 0007).

use countersign_rules::{Request, RequestId};
use countersign_storage::codec::Item;
use countersign_storage::{Key, StorageError, keys};
use futures::future::BoxFuture;

use crate::App;

/// How many open requests are read at once.
const PAGE: usize = 100;

/// An open request of an older epoch, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// Its id.
    pub id: RequestId,
    /// Its state; none if it cannot be read: whoever looks at it alone is told why.
    pub request: Option<Request>,
}

/// A way through everything that is open.
#[derive(Debug, Default)]
pub struct Walk {
    shard: u32,
    start: Option<Item>,
}

impl App {
    /// The next open requests of an older epoch than this deployment's, due or not; `None` at the end. A
    /// page may be empty and not the last.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`; the walk may then go on at the same place.
    pub fn next_of_older_epochs<'a>(
        &'a self,
        walk: &'a mut Walk,
    ) -> BoxFuture<'a, Result<Option<Vec<Older>>, StorageError>> {
        Box::pin(async move {
            if walk.shard >= keys::OPEN_SHARDS {
                return Ok(None);
            }
            let open = self.store.waiting_for_time(walk.shard, walk.start.clone(), PAGE).await?;
            let states: Vec<Key> = open.ids.iter().copied().map(Key::State).collect();
            let found = match states.is_empty() {
                true => None,
                // What cannot be read is looked at one by one: each then says so, and holds up no other.
                false => self.store.read("older epochs", &states).await.ok(),
            };
            let older = open.ids.into_iter().filter_map(|id| {
                let request = found.as_ref().map(|found| found.request(id));
                match request {
                    Some(Ok(Some(request))) if request.epoch < self.config.epoch => {
                        Some(Older { id, request: Some(request) })
                    }
                    Some(Ok(_)) => None,
                    Some(Err(_)) | None => Some(Older { id, request: None }),
                }
            });
            let older = older.collect();
            walk.start = open.next;
            if walk.start.is_none() {
                walk.shard += 1;
            }
            Ok(Some(older))
        })
    }
}
