//! Keys: Ed25519, by the one cryptographic library that is in every function already.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::Hash;

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No private key. Says nothing of what came.
    #[error("expected a signing key: 64 hexadecimal digits, the 32 bytes of an Ed25519 seed")]
    Private,
    /// No public key in the form of certificates.
    #[error(
        "expected a public key of Ed25519 as RFC 8410 writes it in DER, 44 bytes, got {0} bytes that are none"
    )]
    Der(usize),
    /// No public key.
    #[error("expected a public key: 32 bytes of Ed25519 in base64, got `{0}`")]
    Public(String),
}

/// A private key. It has no `Debug` that shows it and no `Serialize`.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

impl SigningKey {
    /// Reads 64 hexadecimal digits, of either case.
    ///
    /// # Errors
    /// [`InvalidKey::Private`].
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let seed = Hash::parse(&text.trim().to_ascii_lowercase()).ok_or(InvalidKey::Private)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes()).map_err(|_| InvalidKey::Private)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| InvalidKey::Private)?;
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The signature of these bytes, in base64.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.pair.sign(bytes).as_ref())
    }
}

/// A public key; as JSON its 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// What stands before the 32 bytes of an Ed25519 key in a DER `SubjectPublicKeyInfo` (RFC 8410): two
/// sequences, the algorithm 1.3.101.112, and a bit string.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`InvalidKey::Der`] for what is not exactly one of Ed25519.
    pub fn from_spki(der: &[u8]) -> Result<Self, InvalidKey> {
        let bytes = der.strip_prefix(&SPKI_PREFIX).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidKey::Der(der.len()))
    }

    /// Writes one.
    #[must_use]
    pub fn to_spki(self) -> Vec<u8> {
        [&SPKI_PREFIX[..], &self.0].concat()
    }

    /// Its short name: the first 16 digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        Hash::of(&[&self.0]).to_string().chars().take(16).collect()
    }

    /// Whether that signature, in base64, is this key's over these bytes.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &str) -> bool {
        STANDARD
            .decode(signature)
            .is_ok_and(|signature| UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| InvalidKey::Public(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl utoipa::ToSchema for PublicKey {}

impl utoipa::PartialSchema for PublicKey {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9+/]{43}=$"));
        text.description(Some("An Ed25519 public key: its 32 bytes in base64.")).into()
    }
}
