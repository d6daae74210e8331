//! What leaves are made of, and the lines of an export.
//!
//! An export is JSON lines, each the RFC 8785 form of one object: first `export`, then every leaf in
//! order as `event` or `audit`, each checkpoint behind the leaves that it covers, at last `end`.

use serde_json::{Value, json};

use crate::checkpoint::canonical;
use crate::{Checkpoint, Hash, PublicKey, tree};

/// The format of an export, in its first line.
pub const FORMAT: &str = "countersign-audit-1";

/// The hash of a request's event: SHA-256 over the RFC 8785 JSON of `{"event": EVENT, "request_id": ID}`,
/// EVENT being the event without its `hash`.
#[must_use]
pub fn event_hash(request: &str, event: &Value) -> Hash {
    Hash::of(&[&canonical(&json!({ "event": without_hash(event), "request_id": request }))])
}

/// The hash of any other change: SHA-256 over the RFC 8785 JSON of `{"audit": EVENT}`, EVENT being the
/// event without its `hash`.
#[must_use]
pub fn audit_hash(event: &Value) -> Hash {
    Hash::of(&[&canonical(&json!({ "audit": without_hash(event) }))])
}

/// The hash of the leaf of an event, whatever it is of: the leaf's data are the 32 bytes of the event's hash.
#[must_use]
pub fn leaf_hash(event: &Hash) -> Hash {
    tree::leaf(event.bytes())
}

fn without_hash(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.remove("hash");
    }
    event
}

fn line(value: &Value) -> String {
    String::from_utf8(canonical(value)).unwrap_or_default() + "\n"
}

/// The first line: which log, and the keys that signed its checkpoints.
#[must_use]
pub fn first_line(origin: &str, keys: &[PublicKey]) -> String {
    line(&json!({ "export": { "format": FORMAT, "keys": keys, "origin": origin } }))
}

/// The line of a request's event.
#[must_use]
pub fn event_line(leaf: u64, request: &str, event: &Value) -> String {
    line(&json!({ "event": event, "leaf": leaf, "request_id": request }))
}

/// The line of any other change.
#[must_use]
pub fn audit_line(leaf: u64, event: &Value) -> String {
    line(&json!({ "audit": event, "leaf": leaf }))
}

/// The line of a checkpoint.
#[must_use]
pub fn checkpoint_line(checkpoint: &Checkpoint) -> String {
    line(&json!({ "checkpoint": checkpoint }))
}

/// The last line: how much there is, and the hash of the last checkpoint.
#[must_use]
pub fn last_line(leaves: u64, checkpoints: u64, latest: &Hash) -> String {
    line(&json!({ "end": { "checkpoints": checkpoints, "latest": latest, "leaves": leaves } }))
}
