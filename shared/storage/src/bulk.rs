//! Requests as they stand in the table, for loading many at once into the embedded database: the
//! benchmarks seed a million of them so. Writes nothing itself.

use countersign_rules::{Event, Request, effects};

use crate::StorageError;
use crate::codec::Item;
use crate::requests::{Aside, events_item, inbox_item, state_item};

/// A commit of a request: the state after it, its events, and what stands beside them.
pub type Commit = (Request, Vec<Event>, Aside);

/// The items of a request after all of its commits, which come in their order.
///
/// # Errors
/// [`StorageError::Corrupt`] if something cannot be written as JSON.
pub fn items_of(commits: &[Commit]) -> Result<Vec<Item>, StorageError> {
    let mut items = Vec::with_capacity(commits.len() + 1);
    for (request, events, aside) in commits {
        items.push(events_item(request, events, aside)?);
    }
    if let Some((request, _, aside)) = commits.last() {
        items.push(state_item(request, effects::sweep_at(request), aside.error.as_deref())?);
        items.extend(request.groups_waiting().iter().map(|group| inbox_item(group, request.id)));
    }
    Ok(items)
}
