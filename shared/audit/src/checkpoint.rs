//! How the log stood at one moment, signed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Hash, PublicKey, SigningKey};

/// What stands before the JSON in what is signed, so that the key signs nothing else by accident.
const DOMAIN: &[u8] = b"countersign-checkpoint-v1\n";

/// A signed statement about the whole log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Which log: the table in which it began.
    pub origin: String,
    /// 1 for the first, then one more each.
    pub number: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub at: String,
    /// How many events the log has.
    pub tree_size: u64,
    /// The root of the Merkle tree over them (RFC 6962).
    pub root: Hash,
    /// The SHA-256 of the checkpoint before, 64 zeros for the first.
    pub previous: Hash,
    /// The id of the key that signed it: the first 16 digits of the SHA-256 of the public key.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub key: String,
    /// Ed25519 over `countersign-checkpoint-v1`, a line end, and the RFC 8785 JSON of this object without
    /// `signature`; in base64.
    pub signature: String,
}

impl Checkpoint {
    /// Signs it.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> Self {
        self.key = key.public().id();
        self.signature = key.sign(&self.signed_bytes());
        self
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut json = serde_json::to_value(self).unwrap_or_default();
        if let Some(members) = json.as_object_mut() {
            members.remove("signature");
        }
        [DOMAIN, &canonical(&json)].concat()
    }

    /// Whether that key signed exactly this.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.key == key.id() && key.verifies(&self.signed_bytes(), &self.signature)
    }

    /// What the next checkpoint names as `previous`: the SHA-256 of its RFC 8785 JSON, signature included.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&[&canonical(&serde_json::to_value(self).unwrap_or_default())])
    }
}

/// RFC 8785 JSON; of what cannot be written so, which nothing of ours is, nothing.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}
