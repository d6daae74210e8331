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
    pub fn signed(self, key: &SigningKey) -> Self {
        let mut named = self.to_be_signed_by(&key.public());
        named.signature = key.sign(&named.signed_bytes());
        named
    }

    /// The same naming the key that will sign it.
    #[must_use]
    pub fn to_be_signed_by(self, key: &PublicKey) -> Self {
        Self { key: key.id(), ..self }
    }

    /// What is signed: less than the 4,096 bytes that a key in AWS KMS signs at once.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_of_the_longest_checkpoint_there_can_be_is_short() {
        // A table's name has at most 255 characters.
        let checkpoint = Checkpoint {
            origin: "t".repeat(255),
            number: u64::MAX,
            at: "2026-11-23T04:00:00.000Z".to_owned(),
            tree_size: u64::MAX,
            root: Hash::of(&[b"root"]),
            previous: Hash::of(&[b"previous"]),
            key: "0".repeat(16),
            signature: "not signed".to_owned(),
        };
        let bytes = checkpoint.signed_bytes();
        assert!((500..1024).contains(&bytes.len()), "{}", bytes.len());
    }
}
