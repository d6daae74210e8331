//! How many deliveries to one endpoint are on their way in this process.
//!
//! In Lambda that is never more than one. On one machine all invocations share a process: an endpoint
//! that takes its time must not take everybody's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_notify::EndpointId;

/// At most that many to one endpoint; the platform on one machine runs four times as many invocations.
const AT_MOST: usize = 64;

type Counts = Arc<Mutex<BTreeMap<EndpointId, usize>>>;

/// Counts by endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crowd(Counts);

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    counts: Counts,
    endpoint: EndpointId,
}

impl Crowd {
    /// A place at an endpoint, if there is one.
    pub(crate) fn enter(&self, endpoint: &EndpointId) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(endpoint.clone()).or_default();
        if *count >= AT_MOST {
            return None;
        }
        *count += 1;
        Some(Place { counts: Arc::clone(&self.0), endpoint: endpoint.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.endpoint) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.endpoint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_endpoint_leaves_room_at_all_others() {
        let crowd = Crowd::default();
        let (teams, slack) = (EndpointId::Teams, EndpointId::Slack("C1".to_owned()));
        let mut places: Vec<Place> = (0..AT_MOST).map(|_| crowd.enter(&teams).unwrap()).collect();
        assert!(crowd.enter(&teams).is_none());
        assert!(crowd.enter(&slack).is_some());
        places.pop();
        assert!(crowd.enter(&teams).is_some());
        drop(places);
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}
