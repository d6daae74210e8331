//! Everything about one request in one JSON that proves itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::path::verify_inclusion;
use crate::record::{event_hash, leaf_hash};
use crate::{Checkpoint, Hash, PublicKey};

/// The version of this layout.
pub const VERSION: u32 = 1;

/// A receipt. `digest`, `policy`, `votes` and `outcome` repeat what `events` say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The version of this layout: 1.
    #[schema(minimum = 1, maximum = 1)]
    pub receipt: u32,
    /// The request.
    pub request_id: String,
    /// What the approvals cover.
    pub digest: Value,
    /// The policy that held.
    pub policy: Value,
    /// Every vote that was accepted: `user`, `email`, `decision`, `groups`, `at`.
    pub votes: Vec<Value>,
    /// The last thing that happened: `type`, `at`.
    pub outcome: Value,
    /// All events, each with the hash of the one before.
    pub events: Vec<Value>,
    /// The place of the last event in the log.
    pub leaf: u64,
    /// The siblings on the way from that leaf to the root (RFC 6962).
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Checkpoint,
    /// The key that signed it. Compare it with one that you have from elsewhere.
    pub public_key: PublicKey,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Another layout.
    #[error("the receipt has layout {0}; this program knows {VERSION}")]
    Layout(u32),
    /// An event is not the next one, or not what was hashed.
    #[error("event {0} is not what was recorded: its number, its link or its hash does not fit")]
    Event(u64),
    /// There are none.
    #[error("the receipt has no events")]
    NoEvents,
    /// A summary says something else than the events.
    #[error("`{0}` is not what the events say")]
    Summary(&'static str),
    /// The last event is not in the log at that checkpoint.
    #[error("the inclusion proof does not lead from the last event to the checkpoint's root")]
    Inclusion,
    /// The checkpoint is not signed by the key.
    #[error("the checkpoint is not signed by the key `{0}`")]
    Signature(String),
    /// The key is not the one that is trusted.
    #[error("the receipt is signed by the key `{got}`, not by `{expected}`")]
    Key {
        /// The id of the trusted one.
        expected: String,
        /// The id of the receipt's.
        got: String,
    },
}

impl Receipt {
    /// Of all the events of a request, proven by the last one's place in the log.
    #[must_use]
    pub fn new(
        request_id: String,
        events: Vec<Value>,
        (leaf, proof): (u64, Vec<Hash>),
        checkpoint: Checkpoint,
        public_key: PublicKey,
    ) -> Self {
        let first = events.first().unwrap_or(&Value::Null);
        Self {
            receipt: VERSION,
            request_id,
            digest: member(first, "/data/digest"),
            policy: member(first, "/data/policy"),
            votes: votes(&events),
            outcome: outcome(&events),
            events,
            leaf,
            proof,
            checkpoint,
            public_key,
        }
    }

    /// Checks all of it; with `trusted`, that it is that key's.
    ///
    /// # Errors
    /// The first thing that is not proven.
    pub fn verify(&self, trusted: Option<&PublicKey>) -> Result<(), Unproven> {
        if self.receipt != VERSION {
            return Err(Unproven::Layout(self.receipt));
        }
        let mut previous = Hash::ZERO;
        for (expected, event) in (1_u64..).zip(&self.events) {
            let stated = hash_member(event, "hash");
            let whole = event.get("seq").and_then(Value::as_u64) == Some(expected)
                && hash_member(event, "prev_hash") == Some(previous)
                && stated == Some(event_hash(&self.request_id, event));
            previous = stated.filter(|_| whole).ok_or(Unproven::Event(expected))?;
        }
        let first = self.events.first().ok_or(Unproven::NoEvents)?;
        for (name, said, found) in [
            ("digest", &self.digest, member(first, "/data/digest")),
            ("policy", &self.policy, member(first, "/data/policy")),
            ("votes", &Value::Array(self.votes.clone()), Value::Array(votes(&self.events))),
            ("outcome", &self.outcome, outcome(&self.events)),
        ] {
            if *said != found {
                return Err(Unproven::Summary(name));
            }
        }
        let Checkpoint { tree_size, root, .. } = &self.checkpoint;
        if !verify_inclusion(leaf_hash(&previous), self.leaf, *tree_size, &self.proof, root) {
            return Err(Unproven::Inclusion);
        }
        if !self.checkpoint.is_signed_by(&self.public_key) {
            return Err(Unproven::Signature(self.public_key.id()));
        }
        match trusted {
            Some(key) if *key != self.public_key => {
                Err(Unproven::Key { expected: key.id(), got: self.public_key.id() })
            }
            _ => Ok(()),
        }
    }
}

fn hash_member(event: &Value, name: &str) -> Option<Hash> {
    event.get(name).and_then(Value::as_str).and_then(Hash::parse)
}

fn member(event: &Value, pointer: &str) -> Value {
    event.pointer(pointer).cloned().unwrap_or_default()
}

fn votes(events: &[Value]) -> Vec<Value> {
    let votes = events.iter().filter(|event| member(event, "/type") == "request.vote");
    let vote = |event| {
        json!({
            "user": member(event, "/data/user"), "email": member(event, "/data/email"),
            "decision": member(event, "/data/decision"), "groups": member(event, "/data/groups"),
            "at": member(event, "/at"),
        })
    };
    votes.map(vote).collect()
}

fn outcome(events: &[Value]) -> Value {
    let last = events.last().unwrap_or(&Value::Null);
    json!({ "type": member(last, "/type"), "at": member(last, "/at") })
}
