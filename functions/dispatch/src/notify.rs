//! Who is told of a commit: one asynchronous invocation of `deliver` for each endpoint.
//!
//! The audience is kept from batch to batch for as long as the access version stands: whatever changes
//! it (connections, webhooks, the settings of Slack and Teams) moves that version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use countersign_app::notify::{Audience, DeliverEvent};
use countersign_rules::{Request, RequestId};
use countersign_storage::{Key, StorageError};
use futures::StreamExt as _;

use crate::{Dispatch, RecordError};

/// How many invocations are asked for at once.
const AT_ONCE: usize = 16;

/// The audience with the access version that it was read at.
pub(crate) type Known = Option<(u64, Arc<Audience>)>;
/// What became of the commits of a batch.
pub(crate) type Told = BTreeMap<(RequestId, u64), Result<(), RecordError>>;

impl Dispatch {
    /// Asks for the deliveries of each commit. A commit that is in the batch twice is asked for once.
    pub(crate) async fn tell(&self, states: impl Iterator<Item = &Request>) -> Told {
        let Some(notifier) = &self.app.notifier else { return Told::new() };
        let commits: BTreeMap<(RequestId, u64), &Request> =
            states.map(|state| ((state.id, state.version), state)).collect();
        if commits.is_empty() {
            return Told::new();
        }
        let audience = match self.audience().await {
            Ok(audience) => audience,
            Err(error) => {
                tracing::error!(%error, "the audience");
                return commits.into_keys().map(|commit| (commit, Err(RecordError::Audience))).collect();
            }
        };
        let mut wanted = Vec::new();
        let mut shown = BTreeSet::new();
        // The newest first: whoever shows states needs no older one of the same batch.
        for ((request_id, version), state) in commits.into_iter().rev() {
            for endpoint in audience.of_request(state) {
                if !endpoint.shows_states() || shown.insert((endpoint.clone(), request_id)) {
                    wanted.push(DeliverEvent::Commit { endpoint, request_id, version });
                }
            }
        }
        let asked = wanted.into_iter().map(|event| async move { (notifier.deliver(&event).await, event) });
        let asked: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        let mut told = Told::new();
        for (result, event) in asked {
            if let (Err(error), DeliverEvent::Commit { request_id, version, .. }) = (result, event) {
                told.insert((request_id, version), Err(error.into()));
            }
        }
        told
    }

    async fn audience(&self) -> Result<Arc<Audience>, StorageError> {
        let store = &self.app.store;
        let version = store.read("audience", &[Key::Access]).await?.access_version()?;
        let known = || self.audience.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, audience)) = known().as_ref().filter(|(known, _)| *known == version) {
            return Ok(Arc::clone(audience));
        }
        let audience = Arc::new(Audience::read(store).await?);
        *known() = Some((version, Arc::clone(&audience)));
        Ok(audience)
    }
}
