//! A log of made-up requests, sealed and exported as the service does it.

use countersign_audit::record::{self, audit_hash, event_hash, leaf_hash};
use countersign_audit::tree::Frontier;
use countersign_audit::{Checkpoint, Hash, SigningKey};
use serde_json::{Value, json};

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::parse(&format!("{number:02x}").repeat(32)).unwrap()
}

/// An event: of a request, or any other change.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Request(String, Value),
    Other(Value),
}

impl Entry {
    fn hash(&self) -> Hash {
        let (Self::Request(_, event) | Self::Other(event)) = self;
        Hash::parse(event["hash"].as_str().unwrap()).unwrap()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub events: Vec<Entry>,
    pub checkpoints: Vec<Checkpoint>,
    key: u8,
}

/// A checkpoint covers that many events.
const EACH: usize = 17;

impl Log {
    pub(crate) fn of(events: usize) -> Self {
        Self::with(events, &key(1), "alice@example.com")
    }

    /// Requests of five events each; every 23rd event is another change.
    pub(crate) fn with(count: usize, key: &SigningKey, email: &str) -> Self {
        let mut events = Vec::with_capacity(count);
        let (mut request, mut seq, mut previous) = (0, 0, Hash::ZERO);
        while events.len() < count {
            if events.len() % 23 == 22 {
                let mut event = json!({
                    "id": format!("aud_{request}"), "type": "connection.changed", "subject": "prod-db",
                    "data": { "before": { "reviewers": ["a"] }, "after": { "reviewers": [] } },
                });
                event["hash"] = json!(audit_hash(&event));
                events.push(Entry::Other(event));
                continue;
            }
            seq += 1;
            let id = format!("req_{request:026}");
            let mut event = json!({
                "seq": seq, "type": if seq == 1 { "request.created" } else { "request.vote" },
                "at": "2026-11-23T04:00:00.000Z", "via": "api", "actor": { "id": "usr_1", "email": email },
                "data": { "command": format!("DELETE FROM sessions WHERE name = 'Zoë {request}' -- \u{1f512}"), "rows": 12 },
                "prev_hash": previous,
            });
            previous = event_hash(&id, &event);
            event["hash"] = json!(previous);
            events.push(Entry::Request(id, event));
            if seq == 5 {
                (request, seq, previous) = (request + 1, 0, Hash::ZERO);
            }
        }
        let number = if key.public() == self::key(1).public() { 1 } else { 2 };
        Self { events, checkpoints: Vec::new(), key: number }.sealed_again()
    }

    pub(crate) fn sealed_again(mut self) -> Self {
        let key = key(self.key);
        self.checkpoints.clear();
        let mut frontier = Frontier::default();
        let mut previous = Hash::ZERO;
        for (number, chunk) in (1..).zip(self.events.chunks(EACH)) {
            chunk.iter().for_each(|entry| frontier.push(leaf_hash(&entry.hash())));
            let checkpoint = Checkpoint {
                origin: "countersign".to_owned(),
                number,
                at: format!("2026-11-23T04:{:02}:00.000Z", number % 60),
                tree_size: frontier.size(),
                root: frontier.root(),
                previous,
                key: String::new(),
                signature: String::new(),
            };
            let checkpoint = checkpoint.signed(&key);
            previous = checkpoint.hash();
            self.checkpoints.push(checkpoint);
        }
        self
    }

    /// As if it had ended with that many checkpoints.
    pub(crate) fn cut_to(mut self, checkpoints: usize) -> Self {
        self.checkpoints.truncate(checkpoints);
        self.events.truncate(checkpoints * EACH);
        self
    }

    pub(crate) fn export(&self) -> String {
        let keys = if self.checkpoints.is_empty() { Vec::new() } else { vec![key(self.key).public()] };
        let mut text = record::first_line("countersign", &keys);
        let mut checkpoints = self.checkpoints.iter().peekable();
        for (leaf, entry) in (0..).zip(&self.events) {
            text += &match entry {
                Entry::Request(id, event) => record::event_line(leaf, id, event),
                Entry::Other(event) => record::audit_line(leaf, event),
            };
            if let Some(checkpoint) = checkpoints.next_if(|checkpoint| checkpoint.tree_size == leaf + 1) {
                text += &record::checkpoint_line(checkpoint);
            }
        }
        let latest = self.checkpoints.last().map_or(Hash::ZERO, Checkpoint::hash);
        let (events, checkpoints) = (self.events.len(), self.checkpoints.len());
        text + &record::last_line(events.try_into().unwrap(), checkpoints.try_into().unwrap(), &latest)
    }
}
