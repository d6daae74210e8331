//! Numbers of periods that are over, as they were read at most a minute ago.
//!
//! A period that is over is counted anew only where an event came late or everything is rebuilt, so the
//! analytics of a year cost a warm function what those of a day cost. What is not over is read each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_rules::Timestamp;
use countersign_statistics::Rollup;

const FRESH_MILLIS: i64 = 60_000;
/// Spans that are kept: each may hold a thousand people.
const MOST: usize = 8;

/// When it was read, and what it was.
type Read = (Timestamp, Arc<Rollup>);

/// A cache of the numbers of spans. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled {
    spans: Arc<Mutex<BTreeMap<String, Read>>>,
}

impl Settled {
    /// What is kept of a span.
    pub(crate) fn get(&self, span: &str, now: Timestamp) -> Option<Arc<Rollup>> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, numbers) = spans.get(span)?;
        (now.millis_since(*read_at) < FRESH_MILLIS).then(|| Arc::clone(numbers))
    }

    /// Keeps what was read of a span just now.
    pub(crate) fn keep(&self, span: String, now: Timestamp, numbers: Arc<Rollup>) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.retain(|_, (read_at, _)| now.millis_since(*read_at) < FRESH_MILLIS);
        while spans.len() >= MOST {
            let oldest = spans.iter().min_by_key(|(_, (read_at, _))| *read_at).map(|(span, _)| span.clone());
            let Some(oldest) = oldest else { break };
            spans.remove(&oldest);
        }
        spans.insert(span, (now, numbers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_kept_for_a_minute_and_the_oldest_makes_room() {
        let settled = Settled::default();
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        for number in 0..9 {
            settled.keep(format!("span {number}"), at(number), Arc::default());
        }
        assert!(settled.get("span 0", at(9)).is_none(), "eight are kept");
        assert!(settled.get("span 1", at(9)).is_some());
        assert!(settled.get("span 1", at(60)).is_some());
        assert!(settled.get("span 1", at(61)).is_none(), "a minute later it is read again");
    }
}
