//! A key that never leaves AWS KMS: `kms:KEY`, by ARN, id or alias.
//!
//! KMS signs what it is sent (`ED25519_SHA_512`, `RAW`), so what it signs is what any other Ed25519 key would:
//! checkpoints look the same wherever their key is. Each signature is checked before it counts.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::aws::CallError;
use countersign_app::aws::json::JsonService;
use countersign_audit::PublicKey;
use countersign_audit::key::InvalidKey;
use serde::Deserialize;
use serde_json::json;

/// Why KMS has signed nothing. Says nothing of what was to be signed.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// KMS said no, or nothing.
    #[error("KMS {call} for `{key}`: {why}")]
    Refused {
        /// What was asked.
        call: &'static str,
        /// Of which key.
        key: String,
        /// Its code and what that means.
        why: String,
    },
    /// The key cannot make these signatures.
    #[error(
        "the KMS key `{key}` is {got}; checkpoints need one of `ECC_NIST_EDWARDS25519` for `SIGN_VERIFY` (key specs cannot be changed: make another key)"
    )]
    OtherKind {
        /// Which key.
        key: String,
        /// What it is.
        got: String,
    },
    /// Its public half cannot be read.
    #[error("the public key that KMS gave for `{key}`: {why}")]
    PublicKey {
        /// Which key.
        key: String,
        /// Why.
        why: InvalidKey,
    },
    /// A signature that the public half does not verify.
    #[error("what KMS gave as a signature by `{key}` is none: its public key does not verify it")]
    NoSignature {
        /// Which key.
        key: String,
    },
}

/// A key in KMS.
pub struct KmsKey {
    kms: JsonService,
    /// As it is configured.
    name: String,
    /// What the name leads to, as long as that works.
    found: Mutex<Option<Found>>,
}

#[derive(Debug, Clone)]
struct Found {
    /// An alias may lead to another key tomorrow.
    arn: String,
    public: PublicKey,
}

/// KMS's answer to `Sign`, as far as it is used.
#[derive(Debug, Deserialize)]
struct Signed {
    /// Base64.
    #[serde(rename = "Signature")]
    signature: String,
}

/// KMS's answer to `GetPublicKey`, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicHalf {
    key_id: Option<String>,
    key_spec: Option<String>,
    key_usage: Option<String>,
    /// A DER `SubjectPublicKeyInfo` in base64.
    public_key: Option<String>,
}

impl std::fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KmsKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KmsKey {
    /// The key of that ARN, id or alias.
    #[must_use]
    pub fn new(kms: JsonService, name: impl Into<String>) -> Self {
        Self { kms, name: name.into(), found: Mutex::default() }
    }

    /// Its public half: asked for once, and again after a signature failed.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn public(&self) -> Result<PublicKey, KmsError> {
        Ok(self.find().await?.public)
    }

    /// The signature of these bytes by the key whose public half is `public`, in base64.
    ///
    /// # Errors
    /// [`KmsError`]; then the next look at the key asks KMS.
    pub async fn sign(&self, bytes: &[u8], public: &PublicKey) -> Result<String, KmsError> {
        let signed = self.try_sign(bytes, public).await;
        if signed.is_err() {
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        signed
    }

    async fn try_sign(&self, bytes: &[u8], public: &PublicKey) -> Result<String, KmsError> {
        let found = self.find().await?;
        let sign = json!({
            "KeyId": found.arn,
            "Message": STANDARD.encode(bytes),
            "MessageType": "RAW",
            "SigningAlgorithm": "ED25519_SHA_512",
        });
        let answer: Result<Signed, _> = self.kms.call("Sign", &sign).await;
        let signature = answer.map_err(|error| self.refused("Sign", &error))?.signature;
        if public.verifies(bytes, &signature) {
            Ok(signature)
        } else {
            Err(KmsError::NoSignature { key: self.name.clone() })
        }
    }

    async fn find(&self) -> Result<Found, KmsError> {
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(found);
        }
        let answer: Result<PublicHalf, _> = self.kms.call("GetPublicKey", &json!({"KeyId": self.name})).await;
        let found = self.read(answer.map_err(|error| self.refused("GetPublicKey", &error))?)?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    fn read(&self, answer: PublicHalf) -> Result<Found, KmsError> {
        let key = self.name.clone();
        let fits = answer.key_spec.as_deref() == Some("ECC_NIST_EDWARDS25519")
            && answer.key_usage.as_deref() == Some("SIGN_VERIFY");
        if !fits {
            let spec = answer.key_spec.map_or_else(|| "of no spec".to_owned(), |spec| format!("`{spec}`"));
            let usage = answer.key_usage.map_or_else(|| "nothing".to_owned(), |usage| format!("`{usage}`"));
            return Err(KmsError::OtherKind { key, got: format!("{spec} for {usage}") });
        }
        let der = STANDARD.decode(answer.public_key.unwrap_or_default()).unwrap_or_default();
        let public =
            PublicKey::from_spki(&der).map_err(|why| KmsError::PublicKey { key: key.clone(), why })?;
        Ok(Found { arn: answer.key_id.unwrap_or(key), public })
    }

    /// AWS's own code, and never its message: that is not ours to vouch for.
    fn refused(&self, call: &'static str, error: &CallError) -> KmsError {
        let why = match error {
            CallError::Refused { .. } => match error.code() {
                Some("NotFoundException") => "there is no such key in this region".to_owned(),
                Some("AccessDeniedException") => format!(
                    "AccessDeniedException: the role of `seal` and the key's policy must allow `kms:{call}`"
                ),
                Some("DisabledException") => "DisabledException: enable the key".to_owned(),
                Some("KMSInvalidStateException") => {
                    "KMSInvalidStateException: the key is about to be deleted, or has no material".to_owned()
                }
                Some(code) => code.to_owned(),
                None => "an error without a name".to_owned(),
            },
            CallError::TimedOut => "no answer in time".to_owned(),
            CallError::Unreachable => "KMS could not be reached".to_owned(),
            CallError::Unusable(_) => "no answer that can be used".to_owned(),
        };
        KmsError::Refused { call, key: self.name.clone(), why }
    }
}
